"""The built site in a real browser: what a page must be."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import threading
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, sync_playwright

from analysis import cli

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A file server that prints nothing."""

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="session")
def built_site(tmp_path_factory):
    """The site with Malmö's real book."""
    out = tmp_path_factory.mktemp("sajt") / "html"
    assert cli.main(["build", "malmo", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def pages(built_site):
    """Every page's path in the site."""
    found = sorted(path.relative_to(built_site).as_posix() for path in built_site.rglob("*.html")
                   if "_static" not in path.parts)
    assert len(found) > 10
    return found


@pytest.fixture(scope="session")
def origin(built_site):
    """The address of a plain file server of the site."""
    handler = functools.partial(QuietHandler, directory=str(built_site))
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


def test_pages_in_a_narrow_browser(browser, origin, pages):
    faults = []
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.on("request", lambda request: request.url.startswith((origin, "data:"))
            or faults.append(f"{page.url}: request to {request.url}"))
    page.on("console", lambda message: message.type == "error" and faults.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    for name in pages:
        page.goto(f"{origin}/{name}", wait_until="load")
        if page.evaluate("document.documentElement.lang") != "sv":
            faults.append(f"{name}: lang is not sv")
        bare = page.evaluate("[...document.querySelectorAll('figure.ab-diagram')].filter(f => !f.querySelector('svg'))"
                             ".map(f => f.id)")
        faults += [f"{name}: chart {id_} has no svg" for id_ in bare]
        width = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
        if width > 375:
            faults.append(f"{name}: scrolls sideways ({width} px)")
        text = page.evaluate("document.querySelector('main').textContent")
        faults += [f"{name}: says {word}" for word in re.findall(r"\b(?:None|nan|NaN|undefined)\b", text)]
    page.close()
    assert not faults, "\n".join(faults)


def test_charts_are_there_without_javascript(browser, origin, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    charts = 0
    for name in pages:
        page.goto(f"{origin}/{name}")
        figures = page.locator("figure.ab-diagram")
        charts += figures.count()
        assert figures.count() == page.locator("figure.ab-diagram > svg[role=img][aria-label]").count(), name
    context.close()
    assert charts > 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_wcag_22_aa(browser, origin, pages, scheme):
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    # Without motion: a colour caught halfway from light to dark is nobody's contrast.
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    faults = []
    for name in pages:
        page.goto(f"{origin}/{name}", wait_until="load")
        if name != "index.html":
            page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
        for fault in Axe().run(page, options=rules).response["violations"]:
            faults += [f"{name}: {fault['id']}: {node['html'][:160]}" for node in fault["nodes"]]
    page.close()
    assert not faults, "\n".join(faults)


class Links(HTMLParser):
    """Collects what a page points at, and its ids."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note a tag's target and id."""
        attributes = dict(attrs)
        self.ids.add(attributes.get("id"))
        target = attributes.get("src" if tag in ("script", "img", "iframe") else "href")
        if target and tag in ("a", "link", "script", "img", "iframe"):
            self.targets.append((tag, target))


def test_every_internal_link_resolves(built_site, pages):
    parsed = {name: Links((built_site / name).read_text(encoding="utf-8")) for name in pages}
    faults = []
    for name, links in parsed.items():
        for tag, target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if tag != "a" and parts.scheme != "data":
                    faults.append(f"{name}: {tag} loads {target}")
                continue
            path = (built_site / name).parent / unquote(parts.path) if parts.path else built_site / name
            path = path.resolve()
            if not path.is_file():
                faults.append(f"{name}: {target} does not exist")
            elif parts.fragment and path.suffix == ".html":
                other = parsed.get(path.relative_to(built_site.resolve()).as_posix())
                if other and unquote(parts.fragment) not in other.ids:
                    faults.append(f"{name}: {target} has no such place")
    assert not faults, "\n".join(faults)


def test_no_page_tells_of_the_machine_it_was_built_on(built_site):
    for path in built_site.rglob("*"):
        if path.suffix in (".html", ".json", ".js", ".csv"):
            text = path.read_text(encoding="utf-8")
            assert str(built_site.parent) not in text and str(cli.PROJECT_ROOT) not in text, path.name
