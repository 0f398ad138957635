"""What several test modules share."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from browsers import ARGUMENTS, NoBrowser, find_browser
from filelock import FileLock
from hypothesis import settings
from playwright.sync_api import sync_playwright

from analysis.publish import library
from analysis.publish.inputs import Inputs
from analysis.publish.library import prepare_shared
from analysis.publish.places import shared_by_books
from analysis.publish.run import Order, Outcome, build_books, prepare
from analysis.publish.running.drawer import drawers
from analysis.publish.theme import CONTENT_SECURITY_POLICY

# How long an example takes is a matter for benchmarks; a slow machine is not a fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

DATA = Path(__file__).resolve().parents[1] / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files that need the whole site go first, those that scan every page foremost: they take the longest."""
    items.sort(key=lambda item: (not item.path.name.startswith("test_site"), item.path.name == "test_site.py"))


@pytest.fixture
def data_copy(tmp_path: Path) -> Path:
    """A copy of data/ that a test may change."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one occurrence of a text in a file; a test whose text has gone fails here."""
    text = path.read_bytes().decode("utf-8")
    assert text.count(old) == 1, f"{path.name}: {old!r} står {text.count(old)} gånger"
    path.write_bytes(text.replace(old, new).encode("utf-8"))


def built(*arguments: str) -> None:
    """Run `build` to its end as an analyst does: in a process of its own, since it forks.

    This one may have started libraries with threads, for a PDF or a drawing, and those do not survive a fork.
    """
    done = subprocess.run([sys.executable, "-m", "analysis", "build", *arguments], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(DATA.parent)}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def build_one(root: Path, slug: str, work: Path, data: Path = DATA) -> Outcome:
    """Build a municipality's book of a project, without documents, and return what came of it."""
    inputs = Inputs(data, root)
    orders = [Order(slug, inputs, work, inputs.book_key(slug, documents=False), b"", False)]
    with drawers(2) as addresses:
        prepare_shared(shared_by_books(work))
        prepare(orders)
        [outcome] = build_books(orders, 2, addresses)
    return outcome


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A file server that prints nothing and may send headers of its own."""

    def __init__(self, *arguments, headers: Mapping[str, str], **options):
        self.more_headers = headers
        super().__init__(*arguments, **options)

    def end_headers(self):
        """Send the extra headers last."""
        for name, value in self.more_headers.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *arguments):
        """Say nothing."""


@contextmanager
def served(folder: Path, headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give the address of a plain file server of a folder."""
    handler = functools.partial(QuietHandler, directory=str(folder), headers=headers or {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """A folder that all the processes of a run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@pytest.fixture(scope="session", autouse=True)
def library_made_once(shared_folder):
    """The chart library takes a second and a half to make, and each build into an empty folder would make it anew."""
    make = library.chart_library

    def made_once() -> str:
        path = shared_folder / f"bibliotek-{hashlib.sha256(library._recipe().encode()).hexdigest()[:16]}.js"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                path.write_text(make(), encoding="utf-8")
            return path.read_text(encoding="utf-8")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "chart_library", made_once)
        yield


@pytest.fixture(scope="session")
def built_site(shared_folder):
    """The site with every municipality's real book, built once a run, whichever process comes first."""
    out = shared_folder / "sajt" / "html"
    with FileLock(shared_folder / "sajt.lock"):
        if not out.exists():
            built("--out", str(out))
    return out


@pytest.fixture(scope="session")
def pages(built_site):
    """Every page's path in the site."""
    return sorted(path.relative_to(built_site).as_posix() for path in built_site.rglob("*.html"))


@pytest.fixture(scope="session")
def origin(built_site):
    """The address of a file server of the site that sends the policy of the guide, and nothing else of its own."""
    with served(built_site, {"Content-Security-Policy": CONTENT_SECURITY_POLICY}) as address:
        yield address


@pytest.fixture(scope="session")
def browser(shared_folder):
    """A real Chromium, see browsers.py."""
    with FileLock(shared_folder / "browser.lock"):
        try:
            path, _ = find_browser()
        except NoBrowser as error:
            pytest.fail(str(error), pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()
