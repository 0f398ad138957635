"""The built site in a real browser: what a page must be."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from conftest import served

from analysis import cli
from analysis.publish.manifest import read_manifest
from analysis.sources import default_data_directory, list_municipalities

MUNICIPALITIES = list_municipalities(default_data_directory())
BACK = '<a class="ab-start" href="../index.html">Alla kommuner</a>'
# Sections, less those where something stands under the heading.
EMPTY_SECTIONS = """[...document.querySelectorAll('article section')].filter(section =>
  [...section.children].every(child => /^(H\\d|SPAN)$/.test(child.tagName)
    || !(child.textContent.trim() || child.querySelector('svg, img')))).map(section => section.id)"""
BACK_IS_IN_SIGHT = """(() => { const link = document.querySelector('a.ab-start');
  if (!link || !link.checkVisibility({visibilityProperty: true, opacityProperty: true})) return false;
  const box = link.getBoundingClientRect();
  return link.tabIndex >= 0 && box.width > 0 && box.left >= 0 && box.right <= innerWidth
    && box.top >= 0 && box.bottom <= innerHeight
    && link.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)); })()"""
AXE_OPTIONS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
               "resultTypes": ["violations"]}
# Less what is inside a chart: axe looks at the colour of text, never at an SVG's fill, and only says it cannot tell.
AXE_START = """options => { window.axeFaults = new Promise(start => setTimeout(start)).then(() =>
  axe.run({include: [["html"]], exclude: [["figure.ab-diagram > svg > *"]]}, options)).then(results =>
  results.violations.flatMap(fault => fault.nodes.map(node => `${fault.id}: ${node.html.slice(0, 160)}`))); }"""


@pytest.fixture(scope="session")
def built_site(tmp_path_factory):
    """The site with every municipality's real book."""
    out = tmp_path_factory.mktemp("sajt") / "html"
    assert cli.main(["build", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def pages(built_site):
    """Every page's path in the site."""
    found = sorted(path.relative_to(built_site).as_posix() for path in built_site.rglob("*.html")
                   if "_static" not in path.parts)
    assert len(found) > 10 * len(MUNICIPALITIES)
    return found


@pytest.fixture(scope="session")
def origin(built_site):
    """The address of a plain file server of the site."""
    with served(built_site) as address:
        yield address


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
        faults += [f"{name}: nothing under #{id_}" for id_ in page.evaluate(EMPTY_SECTIONS)]
        if name != "index.html" and not page.evaluate(BACK_IS_IN_SIGHT):
            faults.append(f"{name}: the way back to the start page is not in sight")
        text = page.evaluate("document.querySelector('main').textContent")
        faults += [f"{name}: says {word}" for word in re.findall(r"\b(?:None|nan|NaN|undefined)\b", text)]
    page.close()
    assert not faults, "\n".join(faults)


def test_charts_are_there_without_javascript(browser, origin, built_site, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    charts = 0
    for name in pages:
        if "ab-diagram" not in (built_site / name).read_text(encoding="utf-8"):
            continue
        page.goto(f"{origin}/{name}")
        figures = page.locator("figure.ab-diagram")
        charts += figures.count()
        assert figures.count() == page.locator("figure.ab-diagram > svg[role=img][aria-label]").count(), name
    context.close()
    assert charts > 5


def test_no_page_breaks_wcag_22_aa_in_light_or_dark(browser, origin, pages):
    # Two pages at a time, each in a process of its own, and one load for both schemes: axe takes its time.
    # Without motion: a colour caught halfway from light to dark is nobody's contrast.
    tabs = [browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") for _ in range(2)]
    faults = []
    for start in range(0, len(pages), len(tabs)):
        opened = list(zip(tabs, pages[start:start + len(tabs)], strict=False))
        for page, name in opened:
            page.emulate_media(color_scheme="light")
            page.goto(f"{origin}/{name}", wait_until="load")
            page.evaluate(AXE_SCRIPT + "; null")
            if name != "index.html" and not page.evaluate(BACK_IS_IN_SIGHT):
                faults.append(f"{name}: the way back to the start page is not in sight")
        for scheme in ("light", "dark"):
            for page, name in opened:
                page.emulate_media(color_scheme=scheme)
                if name != "index.html":
                    page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
                page.evaluate(AXE_START, AXE_OPTIONS)
            for page, name in opened:
                faults += [f"{name}, {scheme}: {fault}" for fault in page.evaluate("window.axeFaults")]
    for page in tabs:
        page.close()
    assert not faults, "\n".join(faults)


def test_start_page_leads_to_every_chapter_and_every_page_back(built_site, pages):
    targets = {target for tag, target in Links((built_site / "index.html").read_text(encoding="utf-8")).targets
               if tag == "a"}
    for slug in MUNICIPALITIES:
        chapters = {f"{slug}/{chapter['name']}.html" for chapter in read_manifest(built_site / slug)["chapters"]}
        assert chapters and chapters <= targets
        assert all((built_site / chapter).is_file() for chapter in chapters)
    assert not [name for name in pages
                if name != "index.html" and BACK not in (built_site / name).read_text(encoding="utf-8")]


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("width", [1280, 320])
def test_a_reader_with_only_a_keyboard_gets_to_a_chapter_and_back(browser, origin, width, javascript):
    context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=javascript)
    page = context.new_page()
    page.goto(f"{origin}/index.html")
    assert page.locator("main a[href$='/index.html']").count() >= len(MUNICIPALITIES)
    if javascript:
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.locator(f"{selector}:focus").count():
                return
        pytest.fail(f"{selector} cannot be reached with Tab")

    slug = MUNICIPALITIES[-1]
    tab_to(f".books > li:has(a[href='{slug}/index.html']) summary")
    page.keyboard.press("Enter")
    chapter = f"a[href='{slug}/underlag.html']"
    tab_to(chapter)
    assert page.locator(chapter).is_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/{slug}/underlag.html")
    tab_to("a.ab-start")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/index.html")
    context.close()


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
