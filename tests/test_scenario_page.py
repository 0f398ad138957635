"""The chapter on procurement: true sentences whatever the data say, and a chart that the reader can change."""

import dataclasses
import json
import re
import shutil

import pandas as pd
import pytest
import yaml
from axe_playwright_python.base import AXE_SCRIPT
from conftest import DATA, build_one, served
from every_chart import unpacked

from analysis.measures.scenario import PROCURED
from analysis.present import interactive
from analysis.present.book import Book
from analysis.present.numbers import NO_BREAK_SPACE, number
from analysis.present.pages import scenario
from analysis.publish.plan import PROJECT_ROOT
from analysis.publish.theme import CONTENT_SECURITY_POLICY
from analysis.sources import load_municipality

CHAPTER = PROJECT_ROOT / "chapters" / "upphandling.ipynb"
SLUGS = ("bjuv", "ange", "huddinge")
FIGURE = "figure.ab-interaktiv"
RESULT = f"{FIGURE} [data-ab-resultat]"
STARTED = f"{FIGURE}.ab-startad"
AXE_RUN = """axe.run(document, {runOnly: {type: 'tag', values: TAGS}}).then(found =>
  found.violations.flatMap(fault => fault.nodes.map(node => `${fault.id}: ${node.html.slice(0, 160)}`)))""".replace(
    "TAGS", "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']")


def book_of(slug, *dropped, **changed):
    """Return a book whose scenario lacks some inputs or has other values, for every form alike."""
    municipality = load_municipality(slug)
    table = municipality.tables["scenario"]
    first = table.iloc[[0]]
    table = table[~table["indata"].isin([*dropped, *changed])]
    rows = [first.assign(indata=name, driftform="alla", varde=float(value)) for name, value in changed.items()]
    tables = {**municipality.tables, "scenario": pd.concat([table, *rows], ignore_index=True)}
    return Book(dataclasses.replace(municipality, tables=tables), DATA)


def words(view):
    bundle = view._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    return bundle["text/plain"].replace("\u00a0", " ")


def every_cell(book):
    """Run every cell of the chapter and return what a reader sees of it, without the chart's own data."""
    for cell in json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or not source.startswith("scenario."):
            continue
        bundle = eval(source, {"scenario": scenario, "book": book})._repr_mimebundle_()
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        html = bundle.get("text/html") or bundle["text/markdown"]
        yield re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<script.*?</script>", "", html, flags=re.S)))


@pytest.mark.parametrize(
    ("slug", "dropped", "changed"),
    [
        *((slug, (), {}) for slug in SLUGS),
        ("ange", ("brukare_antal", "brukare_andra_antal"), {}),
        ("ange", ("timmar_per_manad", "timmar_per_vecka"), {"timmar": 0}),
        ("huddinge", (), {"timmar": 0, "kostnad_kr_per_timme": 0}),
        ("bjuv", (), {"kostnad_kr_per_timme": 100}),
        ("ange", (), {"brukare_antal": 0, "hojd_andel": 1}),
        ("bjuv", ("ersattning_kr_per_timme", "pris_kr_per_timme", "ar"), {}),
        ("huddinge", (), {"pris_kr_per_timme": 1000}),
    ],
)
def test_the_chapter_is_sound(slug, dropped, changed):
    book = book_of(slug, *dropped, **changed)
    for text in every_cell(book):
        assert not re.search(r"\b(nan|NaN|None|inf|Infinity|NaT)\b", text), text[:300]
        assert " ," not in text and ".." not in text, text[:300]


def test_sentences_follow_the_data():
    assert "332,60 kr per timme, är det som gäller 2024" in words(scenario.inputs_text(book_of("bjuv")))
    assert "är det som gäller" not in words(scenario.inputs_text(book_of("ange")))
    assert "mer än de utförda timmarna" in words(scenario.result_text(book_of("huddinge")))
    assert "Med LOV blir nettokostnaden 2,6 mnkr, mot 7,6 mnkr i egen regi" in words(
        scenario.result_text(book_of("bjuv"))
    )
    cheap = book_of("bjuv", kostnad_kr_per_timme=300)
    assert "ett överskott på 1,8 mnkr" in words(scenario.result_text(cheap))
    assert "Merkostnaden, 1,8 mnkr per år" in words(scenario.result_text(cheap))
    assert "billigare per timme än brytpunkten" in words(scenario.break_even_text(cheap))
    assert "en merkostnad på 2,9 mnkr per år, i stället för en merkostnad på 1,8 mnkr" in words(
        scenario.change_text(cheap)
    )
    even = book_of("bjuv", kostnad_kr_per_timme=332.6)
    assert "De täcker varandra" in words(scenario.result_text(even))
    assert "lika mycket som i egen regi" in words(scenario.result_text(even))
    assert "319,70 kr per timme, blir besparingen 5,7 mnkr i stället för 5,0 mnkr" in words(
        scenario.what_if_text(book_of("bjuv"))
    )
    assert "26 268 timmar på ett år, mot 23 000" in words(scenario.what_if_text(book_of("ange")))
    assert "inget annat värde att räkna med" in words(scenario.what_if_text(book_of("huddinge")))
    assert "Inget av dem avrundas" in words(scenario.first_hours_text(book_of("bjuv")))
    everything = {name: 1 for name in ("hojd_andel", "sjuklon_tkr", "tillfalliga_utokningar_tkr", "uppfoljning_tkr",
                                       "sol_hsl_tkr", "andras_forsta_timmar_tkr")}
    assert "utelämnar ingen" in words(scenario.left_out_text(book_of("bjuv", **everything)))


def test_the_interactive_chart_is_complete_without_a_script():
    bundle = scenario.interactive_chart(book_of("ange"))._repr_mimebundle_()
    assert bundle == scenario.interactive_chart(book_of("ange"))._repr_mimebundle_()
    html = bundle[0]["text/html"]
    assert re.search(r'<svg role="img" aria-label="[^"]+1,7\u00a0mnkr', html)
    assert re.search(r'<div class="ab-reglage"[^>]* hidden>', html)
    specification = re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1]
    ange = book_of("ange").municipality
    told = interactive.specification(ange, interactive.saving_chart(ange))
    assert unpacked(specification) == json.loads(json.dumps(told))
    labels = re.findall(r'<label for="([^"]+)"', html)
    assert len(labels) == len(set(labels)) == len(interactive.sliders(book_of("ange").municipality)) + 1
    assert all(f'id="{label}"' in html for label in labels)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_slider_holds_every_start(slug):
    municipality = load_municipality(slug)
    for slider in interactive.sliders(municipality):
        for start in interactive.starts(municipality):
            assert slider.low <= start.values[slider.name] / slider.factor <= slider.high, (slider.name, start.label)


@pytest.fixture(scope="module")
def book_folder(tmp_path_factory):
    """Ånge's book with this one chapter."""
    work = tmp_path_factory.mktemp("upphandling")
    root = work / "projekt"
    (root / "chapters").mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "_config.yml", root)
    shutil.copy(CHAPTER, root / "chapters")
    (root / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "chapters/upphandling"}))
    outcome = build_one(root, "ange", work / "bygge")
    assert not outcome.faults, outcome.faults
    return outcome.book


@pytest.fixture(scope="module")
def address(book_folder):
    """Where the book is served, under a strict policy."""
    with served(book_folder, {"Content-Security-Policy": CONTENT_SECURITY_POLICY}) as origin:
        yield origin


def expected(**values):
    """Return the sentence of the Python model for the first start with other values."""
    municipality = load_municipality("ange")
    start = dict(interactive.starts(municipality)[0].values) | values
    return interactive.sentence(interactive.outcome(start, interactive.raise_ratio(municipality)))


def marks(**values):
    """Return what the marks of the chart say by the Python model: the break-even, and the cost with its saving."""
    municipality = load_municipality("ange")
    start = dict(interactive.starts(municipality)[0].values) | values
    found = interactive.outcome(start, interactive.raise_ratio(municipality))
    space = NO_BREAK_SPACE
    return [
        f"Brytpunkt\n{number(found.break_even, 2)}{space}kr per timme",
        f"Kostnad: {number(start['kostnad'], 2)}{space}kr per timme\nBesparing: {number(found.saved)}{space}tkr per år",
    ]


def said_by_marks(page):
    """Return what the tooltips of the drawn marks say; Vega keeps what it knows of a mark with its element."""
    return page.eval_on_selector_all(
        f"{FIGURE} .ab-levande .mark-symbol path", "all => all.map(mark => mark.__data__.tooltip)")


def shows(page, text):
    """Wait until the result is the text; a timeout tells what it was instead."""
    try:
        page.wait_for_function("([place, text]) => document.querySelector(place).textContent === text",
                               arg=[RESULT, text], timeout=15000)
    except Exception:
        assert page.text_content(RESULT) == text
        raise


def slider(page, name):
    return page.locator(f'{FIGURE} input[data-ab-reglage="{name}"]')


def test_moving_a_slider_gives_what_the_model_gives(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked, told = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: message.type in ("error", "warning") and told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.add_init_script("window.refused = [];"
                         "addEventListener('securitypolicyviolation', event => refused.push(event.sourceFile))")
    page.goto(f"{address}/upphandling.html", wait_until="load")
    assert not any("vega.js" in url for url in asked), "the library is fetched before it is needed"
    page.locator(FIGURE).scroll_into_view_if_needed()
    page.wait_for_selector(STARTED)
    shows(page, expected())
    drawn = page.inner_html(f"{FIGURE} .ab-levande")

    # By keyboard: the first step from 489 on a slider of whole kronor.
    slider(page, "kostnad").press("ArrowRight")
    shows(page, expected(kostnad=490))
    assert slider(page, "kostnad").get_attribute("aria-valuetext") == "490,00\u00a0kr"
    assert page.inner_html(f"{FIGURE} .ab-levande") != drawn
    slider(page, "timmar").fill("30000")
    shows(page, expected(kostnad=490, timmar=30000))
    assert said_by_marks(page) == marks(kostnad=490, timmar=30000)
    slider(page, "ersattning").fill("360")
    slider(page, "hojd_andel").fill("100")
    slider(page, "palagg").fill("-20")
    slider(page, "kvar").fill("4000")
    values = {"kostnad": 490, "timmar": 30000, "ersattning": 360, "hojd_andel": 1, "palagg": -20, "kvar": 4000}
    shows(page, expected(**values))
    assert "kostar" in page.text_content(RESULT)
    name = page.get_attribute(f"{FIGURE} .ab-levande", "aria-label")
    assert page.text_content(RESULT) in name

    page.locator(FIGURE).get_by_role("button", name="Återställ").click()
    shows(page, expected())
    assert page.text_content(f'{FIGURE} output[for$="timmar"]') == "23\u00a0000\u00a0timmar"
    municipality = load_municipality("ange")
    for position, start in enumerate(interactive.starts(municipality)):
        page.locator(FIGURE).get_by_label("Utgå från").select_option(str(position))
        shows(page, expected(**start.values))
    assert position == len(PROCURED)
    refused = page.evaluate("refused")
    page.close()
    assert not refused and not told
    assert all(url.startswith(address) for url in asked), asked
    assert sum("vega.js" in url for url in asked) == 1


SPOKEN = f"{FIGURE} [role=status]"


def test_the_result_is_read_aloud_once_the_slider_rests(browser, address):
    """The clock stands still while keys are pressed, so the rest is as long as the test says."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.clock.install()
    page.goto(f"{address}/upphandling.html", wait_until="load")
    page.locator(FIGURE).scroll_into_view_if_needed()
    page.wait_for_selector(STARTED)
    assert page.locator(RESULT).get_attribute("role") is None and page.locator(RESULT).is_visible()
    assert page.locator(SPOKEN).count() == 1 and page.locator(f"{FIGURE} [aria-live]").count() == 0
    page.evaluate("""place => {
      window.heard = [];
      const status = document.querySelector(place);
      new MutationObserver(() => heard.push(status.textContent))
        .observe(status, {childList: true, characterData: true, subtree: true});
    }""", SPOKEN)
    page.clock.pause_at(page.evaluate("Date.now() + 5000"))
    assert page.evaluate("heard") == [], "what stands in the page already is not read aloud"
    for step in range(1, 31):
        slider(page, "kostnad").press("ArrowRight")
        shows(page, expected(kostnad=489 + step))
        page.clock.run_for(100)
    assert page.evaluate("heard") == []
    page.clock.run_for(1000)
    assert page.evaluate("heard") == [expected(kostnad=489 + step)]
    # Back where the reader was when it was last read.
    slider(page, "kostnad").press("ArrowRight")
    slider(page, "kostnad").press("ArrowLeft")
    shows(page, expected(kostnad=489 + step))
    page.clock.run_for(1000)
    assert len(page.evaluate("heard")) == 1
    page.close()


def test_the_page_works_from_a_folder_without_a_server(browser, book_folder):
    page = browser.new_page()
    page.goto((book_folder / "upphandling.html").as_uri(), wait_until="load")
    page.locator(FIGURE).scroll_into_view_if_needed()
    page.wait_for_selector(STARTED)
    slider(page, "timmar").fill("30000")
    shows(page, expected(timmar=30000))
    page.close()


def test_without_javascript_there_is_the_chart_and_no_dead_control(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/upphandling.html")
    assert page.locator(f"{FIGURE} > svg[role=img]").is_visible()
    assert page.text_content(RESULT) == expected()
    assert not page.locator(f"{FIGURE} :is(input, select, button)").first.is_visible()
    context.close()


def test_where_the_library_cannot_be_had_the_drawn_chart_stands(browser, address):
    page = browser.new_page()
    page.route("**/vega.js", lambda route: route.abort())
    page.goto(f"{address}/upphandling.html", wait_until="load")
    page.locator(FIGURE).scroll_into_view_if_needed()
    page.wait_for_selector(f"{FIGURE} .ab-reglage", state="hidden")
    assert page.locator(f"{FIGURE} > svg[role=img]").is_visible()
    assert page.text_content(RESULT) == expected()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chart_fits_a_narrow_window_in_light_and_dark(browser, address, scheme):
    page = browser.new_page(viewport={"width": 375, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{address}/upphandling.html", wait_until="load")
    page.locator(FIGURE).scroll_into_view_if_needed()
    page.wait_for_selector(STARTED)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    chart = page.locator(f"{FIGURE} .ab-levande svg")
    box = chart.bounding_box()
    # Drawn for the window, not shrunk to it: the picture's own width is the width that it has.
    assert box["width"] == pytest.approx(float(chart.get_attribute("width")), abs=1) and box["width"] <= 375
    ends = page.evaluate(f"[...document.querySelectorAll('{FIGURE} input')].map(e => e.getBoundingClientRect().right)")
    assert max(ends) <= 375
    page.evaluate(AXE_SCRIPT + "; null")
    assert page.evaluate(AXE_RUN) == []
    page.close()
