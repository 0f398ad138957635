"""Charts in a real browser, under the strict policy: whole without a script, and with it alive, one library for all."""

import json
import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from conftest import served
from every_chart import SLUGS, charts_of, unpacked

from analysis.present.palette import DARK, INK
from analysis.publish.library import chart_library
from analysis.publish.theme import ASSETS, CONTENT_SECURITY_POLICY, stylesheet

AXE = """axe.run(document, {runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}})
  .then(found => found.violations.flatMap(fault => fault.nodes.map(node => `${fault.id}: ${node.html}`)))"""
LINES, PANELS, PAIRS = "budget_outcome-totalt", "deviation_by_part", "national_choice-diagram"
ALIVE = "figure.ab-startad .ab-levande svg"
# Words that leave the drawing, and words that lie on other words; what is drawn twice for a halo is one.
CROWDED = """scope => [...document.querySelectorAll(scope)].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  const words = [...svg.querySelectorAll("text")]
    .filter(text => text.textContent && text.getAttribute("opacity") !== "0")
    .map(text => ({say: text.textContent, box: text.getBoundingClientRect()})).filter(word => word.box.width);
  const name = svg.closest("figure").id;
  const cut = words.filter(({box}) => box.left < frame.left - 1 || box.right > frame.right + 1
    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(word => `${name}: ${word.say} is cut`);
  const crossed = words.flatMap((one, at) => words.slice(at + 1).filter(other =>
    Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left) > 0.5
    && Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top) > 3.5
    && !(one.say === other.say && Math.abs(one.box.left - other.box.left) < 3))
    .map(other => `${name}: ${one.say} lies on ${other.say}`));
  return [...cut, ...crossed];
})"""


def page_of(figures, gap=0):
    """Return a page of figures, each so far below the one before."""
    apart = "<br>" * gap
    return (
        '<!doctype html><html lang="sv"><head><meta charset="utf-8"><title>Prov</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="_static/ikon.svg"><link rel="stylesheet" href="_static/bok.css">'
        '<script src="_static/charts.js" defer></script></head>'
        f'<body><main class="ab-artikel"><h1>Prov</h1>{"".join(apart + one for one in figures)}</main></body></html>'
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small site: every chart of each book on a page, and three charts far below the top of one."""
    made = tmp_path_factory.mktemp("diagram")
    static = made / "_static"
    static.mkdir()
    (static / "bok.css").write_text(stylesheet(), encoding="utf-8")
    (static / "vega.js").write_text(chart_library(), encoding="utf-8")
    for name in ("charts.js", "ikon.svg"):
        (static / name).write_bytes((ASSETS / name).read_bytes())
    (made / "diagram").mkdir()
    for slug in SLUGS:
        (made / f"{slug}.html").write_text(page_of([shown.html for shown in charts_of(slug)]), encoding="utf-8")
    (made / "nere.html").write_text(page_of([figure(name) for name in (LINES, PANELS, PAIRS)], 90), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def site(folder):
    """Where the pages are served, with the policy that the guide tells a server to send."""
    with served(folder, {"Content-Security-Policy": CONTENT_SECURITY_POLICY}) as origin:
        yield origin


def figure(name):
    return next(shown.html for shown in charts_of("malmo") if shown.told["chart_id"] == name)


class Reader:
    """A page with what it asked for and what it complained of."""

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = self.context.new_page()
        self.asked, self.told = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.told.append(message.text))
        self.page.on("pageerror", lambda error: self.told.append(str(error)))
        self.address = address

    def __enter__(self):
        self.page.goto(self.address, wait_until="load")
        return self

    def __exit__(self, *raised):
        self.context.close()

    def bring(self, name):
        """Scroll to a chart and wait until it is alive."""
        place = self.page.locator(f"#diagram-{name}")
        place.scroll_into_view_if_needed()
        self.page.wait_for_selector(f"#diagram-{name}.ab-startad .ab-levande svg")
        return place

    def bring_all(self):
        """Scroll through the page until every chart is alive."""
        for place in self.page.locator("figure.ab-diagram").all():
            place.scroll_into_view_if_needed()
            self.page.wait_for_function("f => f.classList.contains('ab-startad')", arg=place.element_handle())


def test_the_library_is_fetched_once_and_only_when_a_chart_is_near(browser, site):
    with Reader(browser, f"{site}/nere.html") as reader:
        assert not [url for url in reader.asked if "vega" in url]
        assert reader.page.locator("figure.ab-diagram > svg[role=img]").count() == 3
        reader.bring(LINES)
        assert not reader.page.locator(f"#diagram-{PAIRS}.ab-startad").count()
        reader.bring(PAIRS)
        assert len([url for url in reader.asked if url.endswith("/vega.js")]) == 1
        assert all(url.startswith(site) for url in reader.asked) and not reader.told


def test_a_chart_that_gets_focus_is_alive(browser, site):
    with Reader(browser, f"{site}/nere.html") as reader:
        reader.page.locator(f"#diagram-{PANELS} summary").first.evaluate("one => one.focus({preventScroll: true})")
        reader.page.wait_for_selector(f"#diagram-{PANELS}.ab-startad .ab-levande svg")


@pytest.mark.parametrize("slug", SLUGS)
def test_every_chart_comes_alive_under_the_policy(browser, site, slug):
    with Reader(browser, f"{site}/{slug}.html") as reader:
        reader.bring_all()
        count = reader.page.locator("figure.ab-diagram").count()
        assert reader.page.locator(ALIVE).count() == count == len(charts_of(slug))
        assert not reader.told and all(url.startswith(site) for url in reader.asked)
        # One image with the drawing's name and, for those who have no pointer, where its values stand.
        names = reader.page.eval_on_selector_all(
            "figure.ab-startad",
            "all => all.map(f => [f.querySelector('.ab-levande').getAttribute('aria-label'),"
            "f.querySelector(':scope > svg').getAttribute('aria-label')])",
        )
        for shown, (live, drawn) in zip(charts_of(slug), names, strict=True):
            if "ab-interaktiv" in shown.html:
                assert live == drawn
            else:
                place = "under" if 'class="ab-siffror"' in shown.html else "efter"
                assert drawn and live == f"{drawn} Värdena står i tabellen {place} diagrammet."


# How high each figure is, and how high the page.
HEIGHTS = """() => [...document.querySelectorAll("figure.ab-diagram, html")].map(one =>
  [one.id || "sidan", one.getBoundingClientRect().height])"""


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("slug", SLUGS)
def test_nothing_moves_when_charts_come_alive(browser, site, slug, width):
    """The library is held back until the page has been measured."""
    with Reader(browser, "about:blank", viewport={"width": width, "height": 900}) as reader:
        held = []
        reader.page.route("**/vega.js", lambda route: held.append(route))
        reader.page.goto(f"{site}/{slug}.html", wait_until="domcontentloaded")
        before = dict(reader.page.evaluate(HEIGHTS))
        reader.page.locator("figure.ab-diagram").first.scroll_into_view_if_needed()
        while not held:
            reader.page.wait_for_timeout(20)
        held[0].continue_()
        reader.bring_all()
        after = dict(reader.page.evaluate(HEIGHTS))
        assert before.keys() == after.keys() and len(before) == len(charts_of(slug)) + 1
        assert not {name: (before[name], after[name]) for name in before if abs(after[name] - before[name]) > 4}


def test_the_room_of_a_chart_that_cannot_come_alive_is_given_back(browser, site):
    with Reader(browser, "about:blank", viewport={"width": 375, "height": 900}) as reader:
        reader.page.route("**/vega.js", lambda route: route.abort())
        reader.page.goto(f"{site}/nere.html")
        place = reader.page.locator(f"#diagram-{LINES}")
        place.scroll_into_view_if_needed()
        reader.page.wait_for_selector(f"#diagram-{LINES}.ab-fel")
        assert place.locator(".ab-serier").evaluate("one => one.getBoundingClientRect().height") == 0
        box, drawn = place.locator("> svg").bounding_box(), place.locator("> svg")
        width, height = (float(drawn.get_attribute(name)) for name in ("width", "height"))
        assert box["height"] / box["width"] == pytest.approx(height / width, rel=0.01)


def test_the_name_of_a_chart_says_what_it_shows(browser, site):
    with Reader(browser, f"{site}/nere.html") as reader:
        place = reader.bring(PAIRS)
        live, boxes = place.locator(".ab-levande"), place.get_by_role("checkbox")
        every = live.get_attribute("aria-label")
        assert "Visas:" not in every
        names = [box.evaluate("box => box.closest('label').textContent.trim()") for box in boxes.all()]
        boxes.first.uncheck()
        shown = f"{', '.join(names[1:-1])} och {names[-1]}"
        assert every.replace(" Värdena", f" Visas: {shown}. Värdena") == live.get_attribute("aria-label")
        for box in boxes.all()[1:-1]:
            box.uncheck()
        assert f" Visas: {names[-1]}. " in live.get_attribute("aria-label")
        for box in boxes.all()[:-1]:
            box.check()
        assert live.get_attribute("aria-label") == every


@pytest.mark.parametrize("slug", SLUGS)
def test_no_words_are_cut_or_lie_on_others(browser, site, slug):
    """As drawn while building, and as drawn for a telephone and for a wide window."""
    with Reader(browser, f"{site}/{slug}.html", java_script_enabled=False) as reader:
        assert reader.page.evaluate(CROWDED, "figure.ab-diagram > svg") == []
    for width in (1280, 375):
        with Reader(browser, f"{site}/{slug}.html", viewport={"width": width, "height": 900}) as reader:
            reader.bring_all()
            assert reader.page.evaluate(CROWDED, ALIVE) == [], width
            assert reader.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_chart_is_drawn_anew_for_another_width(browser, site):
    with Reader(browser, f"{site}/nere.html") as reader:
        drawing = reader.bring(LINES).locator(".ab-levande svg")
        wide = drawing.bounding_box()["width"]
        reader.page.set_viewport_size({"width": 375, "height": 800})
        reader.page.wait_for_function(
            "([what, wide]) => document.querySelector(what).getAttribute('width') < wide",
            arg=[f"#diagram-{LINES} .ab-levande svg", wide],
        )
        # Drawn for the window, not shrunk to it: the picture's own width is the width that it has.
        assert drawing.bounding_box()["width"] == pytest.approx(float(drawing.get_attribute("width")), abs=1)


def point_at(reader, name, words):
    """Move the pointer over the mark whose tooltip starts with the words; return the tooltip."""
    return hit(reader, name, words, reader.page.mouse.move)


def hit(reader, name, words, act):
    place = reader.bring(name)
    # Vega keeps what it knows of a mark with its element.
    mark = reader.page.evaluate_handle(
        "([at, words]) => [...document.querySelectorAll(at)].find(mark => mark.__data__?.tooltip?.startsWith(words))",
        [f"#diagram-{name} .ab-levande path", words],
    )
    box = mark.as_element().bounding_box()
    act(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = place.locator(".ab-tips")
    tip.wait_for(state="visible")
    return tip


def cell_of(name, row, column):
    """Return what the chart's own table says."""
    table = re.search(r"<table.*?</table>", figure(name), re.DOTALL)[0]
    heads = re.findall(r'<th scope="col">(.*?)</th>', table)
    line = re.search(rf'<th scope="row">{row}</th>(.*?)</tr>', table)[1]
    return re.findall(r"<td>(.*?)</td>", line)[heads.index(column) - 1]


def test_a_tooltip_says_what_the_table_says(browser, site):
    with Reader(browser, f"{site}/nere.html") as reader:
        tip = point_at(reader, LINES, "Nettokostnad\n2024")
        assert tip.inner_text() == f"Nettokostnad\n2024: {cell_of(LINES, '2024', 'Nettokostnad')}\u00a0tkr"
        tip = point_at(reader, PANELS, "Summa\n2024")
        assert tip.inner_text() == f"Summa\n2024: {cell_of(PANELS, '2024', 'Summa')}\u00a0tkr"
        assert "−" in tip.inner_text()
        tip = point_at(reader, PAIRS, "Kooperativ")
        assert tip.inner_text().endswith("6\u00a0%")


def test_a_tooltip_stays_under_the_pointer_and_closes_with_escape(browser, site):
    with Reader(browser, f"{site}/nere.html") as reader:
        tip = point_at(reader, LINES, "Budget\n2022")
        box = tip.bounding_box()
        reader.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        reader.page.wait_for_timeout(600)
        assert tip.is_visible()
        reader.page.keyboard.press("Escape")
        assert not tip.is_visible()
        # A pointer that leaves the mark for anything else lets the tooltip go.
        point_at(reader, LINES, "Budget\n2022")
        reader.page.mouse.move(2, 2)
        tip.wait_for(state="hidden")
        point_at(reader, LINES, "Budget\n2022")
        edges = reader.page.evaluate(
            "f => { const a = f.getBoundingClientRect(); return [a.left, a.right] }",
            reader.page.locator(f"#diagram-{LINES}").element_handle(),
        )
        assert edges[0] - 1 <= tip.bounding_box()["x"]
        assert tip.bounding_box()["x"] + tip.bounding_box()["width"] <= edges[1] + 1


def test_a_tap_shows_a_tooltip(browser, site):
    options = {"has_touch": True, "is_mobile": True, "viewport": {"width": 375, "height": 800}}
    with Reader(browser, f"{site}/nere.html", **options) as reader:
        tip = hit(reader, PAIRS, "Assistansföretag", reader.page.touchscreen.tap)
        reader.page.wait_for_timeout(600)
        assert tip.is_visible()
        reader.page.locator("h1").tap()
        tip.wait_for(state="hidden")


def test_series_are_turned_off_and_on_with_the_keyboard(browser, site):
    with Reader(browser, f"{site}/nere.html") as reader:
        page, place = reader.page, reader.bring(LINES)
        drawing = place.locator(".ab-levande")
        group = place.get_by_role("group", name="Visa i diagrammet")
        net, budget = (group.get_by_role("checkbox", name=name) for name in ("Nettokostnad", "Budget"))
        for box in (net, budget):
            assert min(box.bounding_box()["width"], box.bounding_box()["height"]) >= 24
        shown = f"#diagram-{LINES} .ab-levande .mark-line path"
        lines, gone = drawing.locator(".mark-line path"), drawing.get_by_text("Nettokostnad")
        assert lines.count() == 2 and gone.count() == 1
        net.focus()
        page.keyboard.press("Space")
        page.wait_for_function("at => document.querySelectorAll(at).length === 1", arg=shown)
        assert gone.count() == 0 and drawing.get_by_text("Budget").count() == 1
        assert net.evaluate("box => box === document.activeElement")
        # The last one cannot be turned off.
        assert budget.is_disabled() and budget.is_checked() and net.is_enabled()
        page.keyboard.press("Space")
        page.wait_for_function("at => document.querySelectorAll(at).length === 2", arg=shown)
        assert budget.is_enabled() and not reader.told


@pytest.mark.parametrize("name", [PANELS, PAIRS])
def test_panels_and_bars_are_turned_off(browser, site, name):
    with Reader(browser, f"{site}/nere.html") as reader:
        place = reader.bring(name)
        drawing = place.locator(".ab-levande svg")
        marks, high = drawing.locator(".mark-rect path").count(), drawing.bounding_box()["height"]
        label = place.locator(".ab-serier label").first
        words = label.inner_text()
        assert drawing.get_by_text(words, exact=True).count()
        label.click()
        reader.page.wait_for_function(
            "([at, marks]) => document.querySelectorAll(at).length < marks",
            arg=[f"#diagram-{name} .ab-levande .mark-rect path", marks],
        )
        assert not drawing.get_by_text(words, exact=True).count()
        assert drawing.bounding_box()["height"] < high


def test_without_a_script_there_is_the_drawing_and_no_dead_control(browser, site):
    with Reader(browser, f"{site}/malmo.html", java_script_enabled=False) as reader:
        figures = reader.page.locator("figure.ab-diagram")
        assert all(one.locator("> svg[role=img]").is_visible() for one in figures.all())
        assert not any(control.is_visible() for control in reader.page.locator("input, select, button").all())
        assert not [url for url in reader.asked if url.endswith(".js")]


def test_where_the_library_is_missing_the_drawing_stands(browser, site):
    with Reader(browser, "about:blank") as reader:
        reader.page.route("**/vega.js", lambda route: route.fulfill(status=404, body=""))
        with reader.page.expect_console_message(lambda message: "kunde inte hämtas" in message.text):
            reader.page.goto(f"{site}/nere.html")
            reader.page.locator(f"#diagram-{LINES}").scroll_into_view_if_needed()
        assert reader.page.locator(f"#diagram-{LINES} > svg[role=img]").is_visible()
        assert not reader.page.locator(".ab-startad, .ab-levande svg").count()
        assert not reader.page.locator(f"#diagram-{LINES} .ab-serier").is_visible()


def colours(reader, scope):
    return set(reader.page.eval_on_selector_all(f"{scope} text", "all => all.map(text => getComputedStyle(text).fill)"))


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_charts_follow_the_scheme_and_pass_axe(browser, site, scheme, width):
    with Reader(
        browser,
        f"{site}/nere.html",
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    ) as reader:
        ink = rgb(DARK[INK]) if scheme == "dark" else rgb(INK)
        other = rgb(INK) if scheme == "dark" else rgb(DARK[INK])
        drawn = colours(reader, "figure.ab-diagram > svg")
        reader.bring_all()
        for found in (drawn, colours(reader, ".ab-levande")):
            assert ink in found and other not in found
        reader.page.evaluate(AXE_SCRIPT + "; null")
        assert reader.page.evaluate(AXE) == []
        reader.page.emulate_media(media="print")
        # The window of paper is another: the charts are laid out anew.
        reader.page.wait_for_function(
            "ink => [...document.querySelectorAll('.ab-levande text')].some(one => getComputedStyle(one).fill === ink)",
            arg=rgb(INK),
        )


def test_the_words_of_the_library_are_swedish(browser, site):
    with Reader(browser, f"{site}/nere.html") as reader:
        reader.bring(LINES)
        locale = reader.page.evaluate("window.abDiagram.formatLocale")
        assert (locale["decimal"], locale["thousands"], locale["minus"]) == (",", "\u00a0", "−")
        # What is common to all charts is told once, by the library.
        for shown in charts_of("malmo"):
            assert not {"config", "$schema", "format"} & set(unpacked(shown.packed))


@pytest.mark.parametrize("slug", SLUGS)
def test_the_script_reads_what_was_packed(browser, slug):
    script = (ASSETS / "charts.js").read_text(encoding="utf-8")
    start = script.index("  function unpacked(")
    function = script[start : script.index("\n  }\n", start)] + "}"
    page, read_in = browser.new_page(), f"text => {{ {function} return JSON.stringify(unpacked(JSON.parse(text))); }}"
    for shown in charts_of(slug):
        read = page.evaluate(read_in, shown.packed)
        assert json.loads(read) == unpacked(shown.packed)
    page.close()
