"""Shows the site while one works on it: serves it on this computer only, and builds it anew after every save."""

from __future__ import annotations

import hashlib
import html
import mimetypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import translate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

import analysis
from analysis.publish.plan import PROJECT_ROOT
from analysis.publish.theme import ASSETS, CONTENT_SECURITY_POLICY

LOOPBACK = "127.0.0.1"
# No municipality's folder begins with an underscore, so these hide no page.
SCRIPT_ADDRESS = "/_serve/ladda-om.js"
CHANGES_ADDRESS = "/_serve/changes"
POLL_SECONDS = 0.3
SWAP_SECONDS = 2.0
HEARTBEAT_SECONDS = 15.0
# What programs leave beside a file that is open or being saved, and what Python and Jupyter make by themselves.
PASSING_NAMES = (".*", "~*", "*~", "#*#", "*.tmp", "*.crdownload", "__pycache__", "_build")
# The version of a page that is not there.
ABSENT = "-"
NAMES_SHOWN = 3
_PASSING = re.compile("|".join(map(translate, PASSING_NAMES)))
# What a page fetches as it opens; links to other pages are none of that.
_FETCHED = re.compile(rb'<(?:link|script|img)\b[^>]*?\s(?:href|src)="([^"]+)"')
# Python's own list. The computer's may call a script something else, and the browser would then refuse it.
_TYPES = mimetypes.MimeTypes()
_MESSAGE = """<!DOCTYPE html>
<html lang="sv"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title></head><body><main><h1>{title}</h1><p>{text}</p><p><a href="/">Till startsidan</a></p></main>
</body></html>
"""


class ServeFault(Exception):
    """The site cannot be served; the message is for the analyst."""


def watched_paths(data: Path, root: Path = PROJECT_ROOT) -> list[Path]:
    """Return the files and folders that a site is made from."""
    return [data, root / "chapters", Path(analysis.__file__).parent, root / "_toc.yml", root / "_config.yml"]


def serve(
    pages: Pages,
    watched: Sequence[Path],
    rebuild: Callable[[], bool],
    *,
    first_page: str = "",
    open_browser: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Build, serve, and build anew after every change of what is watched, until Ctrl-C.

    `rebuild` tells on the terminal how it goes and returns whether it went well. What is saved while it runs leads to
    one more build. `first_page` is the address within the site that is shown, and opened where `open_browser`.
    """
    with pages.serving():
        try:
            # Taken before the build, so that what is saved while it runs is seen after it.
            seen = snapshot(watched)
            _build(pages, rebuild, say)
            address = f"{pages.address}{first_page}"
            say(f"Webbplatsen visas på {address}")
            say("När du sparar en ändring byggs den om, och sidan laddas om. Avsluta med Ctrl+C.")
            if open_browser:
                webbrowser.open(address)
            while True:
                before, seen = seen, _next_snapshot(watched, seen)
                say(f"\nÄndrat: {_names(before, seen)}. Bygger om.")
                _build(pages, rebuild, say)
        except KeyboardInterrupt:
            say(f"Avslutat. Webbplatsen ligger kvar i {pages.site}.")


def _build(pages: Pages, rebuild: Callable[[], bool], say: Callable[[str], None]) -> None:
    if rebuild():
        pages.built()
    else:
        say("Rätta och spara, så byggs webbplatsen om.")


def build_apart(arguments: Sequence[str]) -> bool:
    """Run `python -m analysis` in a process of its own, so that changed code counts; tell whether it went well."""
    # Until the command has a handler of its own, a Ctrl-C would show a traceback.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen([sys.executable, "-m", "analysis", *arguments])
    finally:
        signal.signal(signal.SIGINT, handler)
    try:
        return process.wait() == 0
    except KeyboardInterrupt:
        # The terminal has told the process too, unless that was before it listened; once told, it heeds no more.
        while process.poll() is None:
            if os.name != "nt":
                process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
        raise


# --- What has changed ---------------------------------------------------------------------------------


def snapshot(paths: Iterable[Path]) -> dict[str, tuple[int, int]]:
    """Return the time and size of each file at these paths and below, but for those that come and go by themselves.

    Asked for over and over, since that is the same on every system and every kind of disk. Events are not: on Windows
    a file that was read may be reported as changed, which would build for ever, and network disks may report nothing.
    """
    found = {}
    folders = []
    for path in paths:
        with suppress(OSError):
            if path.is_dir():
                folders.append(str(path))
            else:
                status = path.stat()
                found[str(path)] = (status.st_mtime_ns, status.st_size)
    while folders:
        # A file may go while one looks, and what cannot be read is told by the build.
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if _PASSING.match(entry.name):
                    continue
                with suppress(OSError):
                    if entry.is_dir():
                        folders.append(entry.path)
                    else:
                        status = entry.stat()
                        found[entry.path] = (status.st_mtime_ns, status.st_size)
    return found


def _next_snapshot(watched: Sequence[Path], seen: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Wait until something has changed and nothing more does: a save may take several writes, an import many files."""
    before = seen
    while True:
        time.sleep(POLL_SECONDS)
        now = snapshot(watched)
        if now == before and now != seen:
            return now
        before = now


def _names(before: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]]) -> str:
    """Return the names of the files that have come, gone or changed, in words."""
    names = sorted({os.path.basename(path) for path, _ in before.items() ^ now.items()})
    shown = ", ".join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} och {more} till" if more > 0 else shown


# --- Serving ------------------------------------------------------------------------------------------


class Pages(ThreadingHTTPServer):
    """A web server of a site that only this computer reaches; each open page hears when it has changed.

    Pages are sent with the policy of the guide and with a script that listens; the files on disk are left as they are.
    """

    # Elsewhere it lets a port be used again at once; on Windows it would let two programs have the same.
    allow_reuse_address = os.name != "nt"

    def __init__(self, site: Path, port: int = 0) -> None:
        """Take a port, or a free one for 0; raises ServeFault where it cannot be had."""
        self.site = site
        self._change = threading.Condition()
        self._builds = 0
        self._open = True
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise ServeFault(
                f"Port {port} går inte att använda: ett annat program har den, eller så är den spärrad. "
                "Välj en annan med --port, eller utelämna --port, så väljs en som är ledig."
            ) from error

    @property
    def address(self) -> str:
        """The address of the site, with a slash last."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer until the block ends."""
        thread = threading.Thread(target=self.serve_forever, args=[POLL_SECONDS / 10], daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._change:
                self._open = False
                self._change.notify_all()
            self.shutdown()
            thread.join()
            self.server_close()

    def built(self) -> None:
        """Let every open page see whether it has changed."""
        with self._change:
            self._builds += 1
            self._change.notify_all()

    def builds(self) -> Iterator[None]:
        """Give a turn at once, one after every build, and one now and then between, until the server closes."""
        while self._open:
            with self._change:
                known = self._builds
            yield
            with self._change:
                self._change.wait_for(lambda known=known: self._builds != known or not self._open, HEARTBEAT_SECONDS)

    def path_of(self, address: str) -> Path | None:
        """Return the file or folder of the site at an address, whether it is there or not; None where it is outside."""
        parts = [part for part in unquote(urlsplit(address).path).split("/") if part]
        if any(part in (".", "..") or re.search(r"[\\:\0]", part) for part in parts):
            return None
        return self.site.joinpath(*parts)

    def read(self, address: str) -> bytes | None:
        """Return the file at an address, a folder's being its index.html; None where there is none.

        While a new site takes the old one's place neither is there for a moment, and it is waited for.
        """
        path = self.path_of(address)
        if path is None:
            return None
        path = path / "index.html" if urlsplit(address).path.endswith("/") else path
        end = time.monotonic() + SWAP_SECONDS
        while True:
            before = self._site_there()
            try:
                return path.read_bytes()
            except OSError:
                if time.monotonic() > end or (before is not None and before == self._site_there()):
                    return None
            time.sleep(POLL_SECONDS / 10)

    def version(self, address: str, content: bytes | None) -> str:
        """Return what is the same as long as a page looks the same: a hash of its file and of those that it fetches."""
        if content is None:
            return ABSENT
        digest = hashlib.sha256(content)
        for found in dict.fromkeys(_FETCHED.findall(content)):
            target = urlsplit(urljoin(address, html.unescape(found.decode("utf-8"))))
            if not target.scheme and not target.netloc and not target.path.endswith(".html"):
                digest.update(self.read(target.path) or b"")
        return digest.hexdigest()

    def is_own_name(self, host: str) -> bool:
        """Tell whether a request asks for this server; another site could else have its own name lead here and read."""
        own = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}
        return host.lower() in own or (self.server_port == 80 and host.lower() in (LOOPBACK, "localhost"))

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that has gone in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def _site_there(self) -> tuple[int, int] | None:
        """Return which folder the site is now, or None where there is none."""
        try:
            status = self.site.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


class _Handler(BaseHTTPRequestHandler):
    server: Pages
    server_version, sys_version = "Assistansboken", ""

    def do_GET(self) -> None:
        address = urlsplit(self.path).path
        if not self.server.is_own_name(self.headers.get("host", "")):
            self._tell(403, "Adressen gäller inte", "Använd den adress som står i kommandofönstret.")
        elif address == SCRIPT_ADDRESS:
            self._answer(200, "text/javascript; charset=utf-8", (ASSETS / Path(address).name).read_bytes())
        elif address.startswith(f"{CHANGES_ADDRESS}/") and self.command == "GET":
            self._tell_of_changes(address.removeprefix(CHANGES_ADDRESS))
        else:
            self._send_file(address)

    do_HEAD = do_GET

    def log_message(self, *arguments: object) -> None:
        """Say nothing: the terminal is for what the builds tell."""

    def _send_file(self, address: str) -> None:
        path = self.server.path_of(address)
        if path is not None and path.is_dir() and not address.endswith("/"):
            folder = quote(path.relative_to(self.server.site).as_posix())
            self._answer(302, "text/plain", b"", {"Location": f"/{folder}/"})
            return
        content = self.server.read(address)
        if content is not None:
            kind = _TYPES.guess_type("index.html" if address.endswith("/") else address)[0]
            if kind == "text/html":
                content = self._listening(content, self.server.version(address, content))
            charset = "; charset=utf-8" if kind and kind.startswith("text/") else ""
            self._answer(200, f"{kind or 'application/octet-stream'}{charset}", content)
        elif self.server.site.is_dir():
            self._tell(404, "Sidan finns inte", "Den kan ha utelämnats ur boken, eller heta något annat nu.")
        else:
            self._tell(503, "Webbplatsen är inte byggd än", "Hur det går står i kommandofönstret.")

    def _tell(self, status: int, title: str, text: str) -> None:
        page = _MESSAGE.format(title=title, text=text).encode("utf-8")
        self._answer(status, "text/html; charset=utf-8", page if status == 403 else self._listening(page, ABSENT))

    def _listening(self, page: bytes, version: str) -> bytes:
        """Return a page with the script that loads it anew when it is no longer of this version."""
        script = f'<script src="{SCRIPT_ADDRESS}" data-version="{version}" defer></script>\n'
        return page.replace(b"</head>", script.encode() + b"</head>", 1)

    def _answer(self, status: int, kind: str, content: bytes, headers: dict[str, str] | None = None) -> None:
        self._begin(status, kind, {"Content-Length": str(len(content)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _begin(self, status: int, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()

    def _tell_of_changes(self, address: str) -> None:
        """Send a page's version now and whenever it has changed, as server-sent events, while the browser listens."""
        self._begin(200, "text/event-stream; charset=utf-8")
        told = None
        for _ in self.server.builds():
            version = self.server.version(address, self.server.read(address))
            # An empty comment finds out whether anyone still listens.
            self.wfile.write(b":\n\n" if version == told else f"data: {version}\n\n".encode())
            told = version
