"""What several test modules share."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Error, sync_playwright

# How long an example takes is a matter for benchmarks; a slow machine is not a fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DATA = Path(__file__).resolve().parents[1] / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the file that builds the whole site go first, since it takes the longest."""
    items.sort(key=lambda item: item.path.name != "test_site.py")


@pytest.fixture
def data_copy(tmp_path: Path) -> Path:
    """A copy of data/ that a test may change."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one occurrence of a text in a file; a test whose text has gone fails here."""
    text = path.read_bytes().decode("utf-8")
    assert text.count(old) == 1, f"{path.name}: {old!r} står {text.count(old)} gånger"
    path.write_bytes(text.replace(old, new).encode("utf-8"))


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
def browser():
    """A real Chromium; that there is none is a failure, since nothing else sees what a reader sees."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        except Error as error:
            reason = error.message.splitlines()[0]
            pytest.fail("No Chromium to test with: install one, set CHROMIUM to its path, or run "
                        f"`playwright install chromium` ({reason})", pytrace=False)
        yield chromium
        chromium.close()
