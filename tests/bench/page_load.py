"""Measures how soon each page of a built site can be read on a slow connection: `python tests/bench/page_load.py`.

The figures in docs/performance.md come from here. Nothing is asserted: how fast a machine is, is not a fault.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import statistics
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from browsers import ARGUMENTS, find_browser  # noqa: E402

# What browsers' tools call fast 3G or slow 4G, and a phone of the middle kind.
DOWN_BYTES_PER_SECOND = 1_600_000 / 8
UP_BYTES_PER_SECOND = 750_000 / 8
LATENCY_MS = 150
CPU_SLOWDOWN = 4
PACKED = (".html", ".css", ".js", ".svg", ".json")


class PackingHandler(http.server.SimpleHTTPRequestHandler):
    """A file server that packs text as a web server does."""

    def do_GET(self):
        """Send a file, packed if it is text."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if path.suffix in PACKED:
            content = gzip.compress(content)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Say nothing."""


def measure(browser, address: str) -> dict[str, float]:
    """Return when a page in a new browser profile was first painted and ready, in ms, and its bytes by then."""
    context = browser.new_context(viewport={"width": 375, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": LATENCY_MS, "downloadThroughput": DOWN_BYTES_PER_SECOND,
        "uploadThroughput": UP_BYTES_PER_SECOND})
    session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    page.goto(address, wait_until="load")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    found = page.evaluate("""() => {
      const ready = performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd;
      const files = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
      const early = files.filter(file => !file.name.endsWith('/vega.js'));
      return {painted: performance.getEntriesByName('first-contentful-paint')[0].startTime, ready,
              bytes: early.reduce((sum, file) => sum + file.encodedBodySize, 0)};
    }""")
    context.close()
    return found


def main() -> None:
    """Print a line a page, and the median and the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "_build" / "html")
    site = parser.parse_args().site
    path, name = find_browser()
    print(f"{name}; {DOWN_BYTES_PER_SECOND * 8 / 1e6} Mbit/s, {LATENCY_MS} ms, processor slowed {CPU_SLOWDOWN} times")
    handler = functools.partial(PackingHandler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for page in sorted(site.rglob("*.html")):
            place = page.relative_to(site).as_posix()
            found[place] = measure(browser, f"http://127.0.0.1:{server.server_port}/{place}")
            print(f"{place}: painted {found[place]['painted']:.0f} ms, ready {found[place]['ready']:.0f} ms, "
                  f"{found[place]['bytes'] / 1000:.0f} kB")
        browser.close()
    server.shutdown()
    for what in ("painted", "ready", "bytes"):
        values = {place: one[what] for place, one in found.items()}
        worst = max(values, key=values.get)
        print(f"{what}: median {statistics.median(values.values()):.0f}, worst {values[worst]:.0f} ({worst})")


if __name__ == "__main__":
    main()
