"""Opens every page of the site at one width, in light and dark, and tells what is wrong with it."""

from __future__ import annotations

import re
from itertools import pairwise

from axe_playwright_python.base import AXE_SCRIPT

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
HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(heading => Number(heading.tagName[1]))"
# A table with no caption or with a heading cell that does not say what it heads; and one laid out with.
TABLE_FAULTS = """[...document.querySelectorAll('table')].filter(table => !table.caption?.textContent.trim()
    || table.getAttribute('role')
    || [...table.querySelectorAll('th')].some(cell => !cell.scope || !cell.textContent.trim()))
  .map(table => table.outerHTML.slice(0, 120))"""
# What scrolls sideways in a box of its own must be reached by keyboard and have a name.
UNREACHABLE_BOXES = """[...document.querySelectorAll('body *')].filter(box => box.scrollWidth > box.clientWidth + 1
    && ['auto', 'scroll'].includes(getComputedStyle(box).overflowX) && box.checkVisibility()
    && !(box.tabIndex >= 0 && (box.ariaLabel || box.getAttribute('aria-labelledby'))))
  .map(box => box.outerHTML.slice(0, 120))"""
AXE_OPTIONS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
               "resultTypes": ["violations"]}
# Less what is inside a chart: axe looks at the colour of text, never at an SVG's fill, and only says it cannot tell.
# What the colours of charts must be is held by test_charts.py. Contrast takes most of the time, and depends on how
# a text looks and on what lies behind it; of the texts that are alike in that, three are looked at.
AXE = """async options => {
  const outside = {exclude: [["figure.ab-diagram svg > *"]]};
  const told = results => results.violations.flatMap(fault => fault.nodes.map(node =>
    `${fault.id}: ${node.html.slice(0, 160)}`));
  const grounds = new Map();
  const ground = element => {
    if (!element) return "";
    if (!grounds.has(element)) {
      const style = getComputedStyle(element);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode,
                   style.position === "static" ? "" : style.position + style.zIndex].join();
      grounds.set(element, (own === "rgba(0, 0, 0, 0),none,1,none,normal," ? "" : own + ";")
                           + ground(element.parentElement));
    }
    return grounds.get(element);
  };
  const grounded = [...document.querySelectorAll("body *:not(svg *)")].filter(element => {
    const style = getComputedStyle(element);
    return (style.backgroundColor !== "rgba(0, 0, 0, 0)" || style.backgroundImage !== "none")
      && element.checkVisibility({visibilityProperty: true, opacityProperty: true});
  }).map(element => [element, element.getBoundingClientRect()]);
  // Grounds that lie where the text is, though it is in none of them.
  const strange = element => {
    const place = element.getBoundingClientRect();
    return grounded.filter(([other, box]) => box.left < place.right - 1 && box.right > place.left + 1
      && box.top < place.bottom - 1 && box.bottom > place.top + 1
      && !other.contains(element) && !element.contains(other)).map(([other]) => ground(other)).join();
  };
  const alike = new Map();
  for (const element of document.querySelectorAll("body, body *:not(figure.ab-diagram svg *, script, style)")) {
    const says = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
      || ["INPUT", "SELECT", "TEXTAREA", "BUTTON"].includes(element.tagName);
    if (!says || !element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const style = getComputedStyle(element);
    const look = [element.tagName === "INPUT", style.color, style.fontSize, style.fontWeight, style.textShadow,
                  ground(element), strange(element)].join();
    alike.set(look, [...(alike.get(look) ?? []), element]);
  }
  const chosen = [...alike.values()].flatMap(texts =>
    [...new Set([texts[0], texts[texts.length >> 1], texts[texts.length - 1]])]);
  return [...told(await axe.run({include: [["html"]], ...outside},
                                {...options, rules: {"color-contrast": {enabled: false}}})),
          ...told(await axe.run({include: chosen, ...outside},
                                {...options, runOnly: {type: "rule", values: ["color-contrast"]}}))];
}"""
LIVE_SECONDS = 60
NO_VALUES = re.compile(r"\b(?:None|nan|NaN|undefined)\b")


def scan(browser, origin: str, pages: list[str], width: int) -> list[str]:
    """Return the faults of every page at a width."""
    faults: list[str] = []
    # Without motion: a colour caught halfway from light to dark is nobody's contrast.
    page = browser.new_page(viewport={"width": width, "height": 800}, reduced_motion="reduce")
    page.on("request", lambda request: request.url.startswith(f"{origin}/")
            or faults.append(f"{page.url}: asks for {request.url}"))
    page.on("response", lambda response: response.status < 400
            or faults.append(f"{page.url}: {response.status} {response.url}"))
    page.on("console", lambda message: message.type in ("error", "warning")
            and faults.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    charts = 0
    for name in pages:
        page.emulate_media(color_scheme="light")
        page.goto(f"{origin}/{name}", wait_until="load")
        if name != "index.html" and not page.evaluate(BACK_IS_IN_SIGHT):
            faults.append(f"{name}: the way back to the start page is not in sight")
        charts += _start_charts(page, name, faults)
        # What is folded away is part of the page too.
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        faults += [f"{name}: {fault}" for fault in _faults(page, width)]
        page.evaluate(AXE_SCRIPT + "; null")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            faults += [f"{name}, {scheme}: {fault}" for fault in page.evaluate(AXE, AXE_OPTIONS)]
            if name.endswith("/index.html"):
                faults += [f"{name}, {scheme}, {fault}" for fault in _popover_faults(page, width)]
    page.close()
    if not charts:
        faults.append("no page has a chart")
    return faults


def _start_charts(page, name: str, faults: list[str]) -> int:
    """Scroll to each chart of the page, wait until it is interactive, and return how many there are."""
    figures = page.locator("figure.ab-diagram")
    count = figures.count()
    for position in range(count):
        figure = figures.nth(position)
        figure.scroll_into_view_if_needed()
        try:
            page.wait_for_function("figure => figure.classList.contains('ab-startad')", arg=figure.element_handle(),
                                   timeout=LIVE_SECONDS * 1000)
        except Exception:
            faults.append(f"{name}: the chart {figure.get_attribute('id')} does not become interactive")
    return count


def _popover_faults(page, width: int) -> list[str]:
    """Return what is wrong with the menus of the page and its first explanation of a term, while they are open."""
    faults = []
    for selector in ("nav.ab-kapitel", "nav.ab-pa-sidan", ".ab-ordruta"):
        box = page.locator(selector).first
        if not box.count():
            continue
        box.evaluate("box => box.showPopover()")
        faults += [f"{selector}: {fault}" for fault in page.evaluate(AXE, AXE_OPTIONS)]
        place = box.bounding_box()
        if place["x"] < 0 or place["x"] + place["width"] > width:
            faults.append(f"{selector}: lies outside the window")
        box.evaluate("box => box.hidePopover()")
    return faults


def _faults(page, width: int) -> list[str]:
    """Return what is wrong with the page that is open."""
    faults = []
    if page.evaluate("document.documentElement.lang") != "sv":
        faults.append("lang is not sv")
    wide = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
    if wide > width:
        faults.append(f"scrolls sideways ({wide} px)")
    levels = page.evaluate(HEADINGS)
    if levels.count(1) != 1 or levels[0] != 1:
        faults.append(f"does not have one first heading: {levels}")
    if any(below - above > 1 for above, below in pairwise(levels)):
        faults.append(f"skips a level of heading: {levels}")
    faults += [f"nothing under #{id_}" for id_ in page.evaluate(EMPTY_SECTIONS)]
    faults += [f"table without caption or scope: {html}" for html in page.evaluate(TABLE_FAULTS)]
    faults += [f"a box that scrolls cannot be reached: {html}" for html in page.evaluate(UNREACHABLE_BOXES)]
    text = page.evaluate("document.querySelector('main').textContent")
    faults += [f"says {word}" for word in NO_VALUES.findall(text)]
    return faults
