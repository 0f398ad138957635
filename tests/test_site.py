"""The built site in a real browser: what a page must be."""

from __future__ import annotations

import csv
import gzip
import io
import re
from decimal import Decimal
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

import openpyxl
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from bs4 import BeautifulSoup
from documents import document_faults
from site_scan import AXE, AXE_OPTIONS, BACK

from analysis import cli
from analysis.present.numbers import MINUS, NO_BREAK_SPACE, rounded
from analysis.publish.manifest import read_manifest
from analysis.sources import default_data_directory, list_municipalities

MUNICIPALITIES = list_municipalities(default_data_directory())
FIRST_VIEW_BYTES = 350_000
PNG_START = b"\x89PNG\r\n\x1a\n"
NUMBER = re.compile(rf"{MINUS}?\d+(?:{NO_BREAK_SPACE}\d{{3}})*(?:,\d+)?")


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
    chapter = f".chapters a[href='{slug}/underlag.html']"
    tab_to(chapter)
    assert page.locator(chapter).is_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/{slug}/underlag.html")
    tab_to("a.ab-start")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/index.html")
    context.close()


@pytest.mark.parametrize("javascript", [True, False])
def test_the_menus_of_a_narrow_page_work_by_keyboard(browser, origin, javascript):
    context = browser.new_context(viewport={"width": 320, "height": 700}, java_script_enabled=javascript)
    page = context.new_page()
    page.goto(f"{origin}/malmo/kostnader.html")
    menus = ("Kapitel", "#kapitel", "lss.html"), ("På den här sidan", "#pa-sidan", "#budget-mot-utfall")
    for name, menu, choice in menus:
        button = page.get_by_role("button", name=name, exact=True)
        assert not page.locator(menu).is_visible()
        button.focus()
        page.keyboard.press("Enter")
        assert page.locator(menu).is_visible()
        page.keyboard.press("Escape")
        assert not page.locator(menu).is_visible()
        page.keyboard.press("Enter")
        page.locator(f"{menu} a[href='{choice}']").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{choice}")
        if javascript:
            assert not page.locator(menu).is_visible()
        page.goto(f"{origin}/malmo/kostnader.html")
    context.close()


class Links(HTMLParser):
    """Collects what a page points at, and its ids."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.loaded, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note a tag's target and id."""
        attributes = dict(attrs)
        self.ids.add(attributes.get("id"))
        target = attributes.get("src" if tag in ("script", "img", "iframe") else "href")
        if target and tag in ("a", "link", "script", "img", "iframe"):
            self.targets.append((tag, target))
            if tag in ("script", "img") or attributes.get("rel") in ("stylesheet", "icon"):
                self.loaded.append((tag, target))


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


@pytest.mark.parametrize(("spoil", "fault"), [
    # One cell of hundreds, a ground behind a row, one link, a heading of a group, and what is no matter of colours.
    ("cells[cells.length >> 1].style.color = '#aaa'", "color-contrast: <td"),
    ("cells[9].parentElement.style.background = '#777'", "color-contrast: <t"),
    ("document.querySelector('.ab-kalla a').style.color = '#999'", "color-contrast: <a"),
    ("document.querySelector('article').style.opacity = 0.5", "color-contrast: "),
    # A ground that is no ancestor of the text before it.
    ("""const box = cells[cells.length >> 1].getBoundingClientRect(), ground = document.createElement('div');
        document.querySelectorAll('.ab-tabell, .ab-tabell *').forEach(one => { one.style.background = 'none'; });
        document.body.append(ground);
        ground.style = `position: absolute; z-index: -1; background: #555; top: ${box.top + scrollY}px;
                        left: ${box.left}px; width: ${box.width}px; height: ${box.height}px`""", "color-contrast: <td"),
    ("document.querySelector('label').remove(); document.querySelector('input').placeholder = ''", "label: <input"),
])
def test_the_scan_finds_what_cannot_be_read(browser, origin, spoil, fault):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"{origin}/malmo/kostnader.html")
    page.evaluate(f"{AXE_SCRIPT}; document.querySelectorAll('details').forEach(one => {{ one.open = true; }})")
    before = page.evaluate(AXE, AXE_OPTIONS)
    page.evaluate(f"const cells = [...document.querySelectorAll('.ab-tabell td')]; {spoil}; null")
    found = page.evaluate(AXE, AXE_OPTIONS)
    page.close()
    assert before == [] and any(one.startswith(fault) for one in found), found


def test_no_page_tells_of_the_machine_it_was_built_on(built_site):
    for path in built_site.rglob("*"):
        if path.suffix in (".html", ".json", ".js", ".csv"):
            text = path.read_text(encoding="utf-8")
            assert str(built_site.parent) not in text and str(cli.PROJECT_ROOT) not in text, path.name


def test_the_first_view_of_a_page_is_light(built_site, pages):
    weights = {}
    for name in pages:
        loaded = {name} | {target for tag, target in Links((built_site / name).read_text(encoding="utf-8")).loaded}
        paths = {(built_site / name).parent / urlsplit(target).path if target != name else built_site / name
                 for target in loaded}
        assert not any(path.name == "vega.js" for path in paths)
        weights[name] = sum(len(gzip.compress(path.read_bytes())) for path in paths)
    heaviest = max(weights, key=weights.get)
    assert weights[heaviest] < FIRST_VIEW_BYTES, f"{heaviest}: {weights[heaviest]} bytes"


# The reconciliation groups its lines by place, and shows a value with the sign and in the unit that the document has.
ARRANGED_ANEW = {"tabell-reconciliation"}


def test_every_table_can_be_taken_along_and_holds_the_numbers_of_the_page(built_site, pages):
    faults, cells, tables = [], 0, 0
    for name in pages:
        soup = BeautifulSoup((built_site / name).read_text(encoding="utf-8"), "html.parser")
        for figure in soup.select("figure.ab-tabell"):
            files = {link["href"].rpartition(".")[2]: (built_site / name / ".." / link["href"]).resolve()
                     for link in figure.select("a[download]")}
            if set(files) != {"csv", "xlsx"}:
                faults.append(f"{name}: {figure.get('id')} has downloads {sorted(files)}")
                continue
            lines = list(csv.reader(io.StringIO(files["csv"].read_text(encoding="utf-8-sig"), newline=""),
                                    delimiter=";"))
            held = [[cell.value for cell in row] for row in openpyxl.load_workbook(files["xlsx"]).worksheets[0]]
            if [[_as_text(value) for value in row] for row in held] != [list(map(_plain, line)) for line in lines]:
                faults.append(f"{name}: the workbook of {figure.get('id')} is not its CSV")
            tables += 1
            compare = _every_number_held if figure["id"] in ARRANGED_ANEW else _same_cells
            compared, wrong = compare(figure, held)
            cells += compared
            faults += [f"{name}: {figure['id']}: {fault}" for fault in wrong]
    assert tables > 100 and cells > 3000
    assert not faults, "\n".join(faults)


def test_a_damaged_download_is_noticed(built_site):
    """The comparison itself: a sign, a digit, two columns or two lines changed about in a workbook."""
    soup = BeautifulSoup((built_site / "malmo" / "kostnader.html").read_text(encoding="utf-8"), "html.parser")
    for id_ in ("tabell-budget_outcome", "tabell-cost_per_inhabitant"):
        figure = next(figure for figure in soup.select("figure.ab-tabell") if figure["id"].startswith(id_))
        path = built_site / "malmo" / figure.select_one("a[href$=xlsx]")["href"]
        held = [[cell.value for cell in row] for row in openpyxl.load_workbook(path).worksheets[0]]
        assert _same_cells(figure, held)[1] == []
        for damage in (
            lambda rows: [rows[0], *([row[0], *(-value for value in row[1:])] for row in rows[1:])],
            lambda rows: [rows[0], *([row[0], *(value + 1 for value in row[1:])] for row in rows[1:])],
            lambda rows: [rows[0], *([row[0], *reversed(row[1:])] for row in rows[1:])],
            lambda rows: [rows[0], *([row[0], *other[1:]] for row, other in zip(rows[1:], rows[:0:-1], strict=True))],
            lambda rows: rows[:-1],
        ):
            assert _same_cells(figure, damage(held))[1], id_


def _plain(text: str) -> str:
    """Return a field of a CSV as its workbook has it: without the apostrophe that keeps text from being a formula."""
    return re.sub(r"^'(?=[=+\-@\t\r])", "", text)


def _as_text(value: object) -> str:
    """Return a value of a workbook as the CSV writes it."""
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else f"{value:.10g}".replace(".", ",")
    return "" if value is None else str(value)


def _same_cells(figure, held: list[list]) -> tuple[int, list[str]]:
    """Return how many cells of a table were compared with its workbook, and those that differ.

    The page has the workbook's lines as its own, or, as with years, as its columns; it may leave out lines that hold
    nothing, and add the change over the years.
    """
    heads = [" ".join(head.get_text().split()) for head in figure.select("thead th")]
    shown = [[" ".join(cell.get_text().split(" ")) for cell in line.find_all(["th", "td"])]
             for line in figure.select("tbody tr")]
    across = [head for head in heads[1:] if not head.startswith("Förändring")]
    keys = [str(row[0]) for row in held[1:]]
    faults = []
    if across == keys:
        columns = {str(head): [row[position] for row in held[1:]] for position, head in enumerate(held[0])}
        # The page writes the unit only where the lines have several.
        unitless = {_name(head): values for head, values in columns.items()}
        pairs = [(label, columns.get(label, unitless.get(_name(label))), values[:len(across)])
                 for label, *values in shown]
    else:
        if len(shown) != len(keys):
            return 0, [f"{len(shown)} lines on the page, {len(keys)} in the workbook"]
        # A column may give the unit of its neighbour, which the page writes beside the value.
        wanted = [position for position, head in enumerate(held[0]) if _name(head) in set(map(_name, heads[1:]))]
        if len(wanted) != len(heads) - 1:
            return 0, [f"columns {heads[1:]} on the page, {held[0][1:]} in the workbook"]
        pairs = [(values[0], [row[position] for position in wanted], values[1:])
                 for values, row in zip(shown, held[1:], strict=True)]
    compared = 0
    for label, values, texts in pairs:
        if values is None:
            faults.append(f"{label} is not in the workbook")
            continue
        for value, text in zip(values, texts, strict=True):
            compared += 1
            if not _is_shown_as(value, text):
                faults.append(f"{label} shows {text!r}, the workbook has {value!r}")
    return compared, faults


def _name(head: object) -> str:
    """Return a heading without its unit."""
    return re.sub(r" \((?:[^()]*)\)$", "", str(head)).strip()


def _is_shown_as(value: object, text: str) -> bool:
    if value is None:
        return text in ("–", "")
    if isinstance(value, str):
        return " ".join(value.split()) == " ".join(text.split())
    found = NUMBER.search(text)
    if not found:
        return False
    exact, decimals = _number(found[0])
    # A share is held as a share and shown in percent.
    return any(exact == rounded(scale * value, decimals) for scale in ((1, 100) if "%" in text else (1,)))


def _number(shown: str) -> tuple[Decimal, int]:
    plain = shown.replace(NO_BREAK_SPACE, "").replace(MINUS, "-").replace(",", ".")
    return Decimal(plain), len(plain.partition(".")[2])


def _every_number_held(figure, held: list[list]) -> tuple[int, list[str]]:
    """Return how many numbers a table shows, and those that are nowhere in its workbook in any sign."""
    numbers = [value for row in held for value in row if isinstance(value, (int, float))]
    words = " ".join(str(value) for row in held for value in row if isinstance(value, str))
    shown = [NUMBER.search(cell.get_text()) for cell in figure.select("tbody td:not(.ab-text)")]
    shown = [found[0] for found in shown if found]
    lacking = [text for text in shown if text not in words and not any(
        _number(text)[0] in (rounded(sign * value, _number(text)[1]) for sign in (1, -1, 100)) for value in numbers)]
    return len(shown), [f"shows {text}, which the workbook lacks" for text in lacking]


def test_every_chart_can_be_taken_along(built_site, pages):
    charts = 0
    for name in pages:
        soup = BeautifulSoup((built_site / name).read_text(encoding="utf-8"), "html.parser")
        for figure in soup.select("figure.ab-diagram"):
            files = {link["href"].rpartition(".")[2]: (built_site / name / ".." / link["href"]).resolve()
                     for link in figure.select("a[download]")}
            assert set(files) == {"png", "svg"}, f"{name}: {figure.get('id')}"
            charts += 1
            assert files["png"].read_bytes().startswith(PNG_START)
            picture = ElementTree.parse(files["svg"]).getroot()
            words = " ".join("".join(picture.itertext()).split())
            drawn = [text.get_text() for text in figure.find("svg").find_all("text")]
            assert all(" ".join(text.split()) in words for text in drawn), f"{name}: {figure.get('id')}"
            assert "Källa" in words
    assert charts > 50


@pytest.mark.parametrize("slug", MUNICIPALITIES)
def test_search_finds_a_word_by_another_form_of_it(browser, origin, built_site, slug):
    asked, held = "kostnaden", "kostnader"
    texts = {path.stem: _running_text(path) for path in sorted((built_site / slug).glob("*.html"))}
    only = {name for name, text in texts.items()
            if re.search(rf"\b{held}\b", text) and not re.search(rf"\b{asked}\b", text)}
    assert only, "every page has both forms: choose another word"
    page = browser.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{origin}/{slug}/search.html?q={quote(asked)}")
    page.locator("#sok-svar", has_text="Antal träffar").wait_for(state="attached")
    page.locator("ul.search .context").nth(len(only)).wait_for()
    targets = page.eval_on_selector_all("ul.search a", "links => links.map(link => link.getAttribute('href'))")
    snippets = page.locator("ul.search .context").all_text_contents()
    page.close()
    assert only <= {target.partition(".html")[0] for target in targets}
    assert not said
    # Explanations of terms and what is folded away are no running text.
    assert any("kostnad" in snippet.lower() for snippet in snippets)
    assert not any("i ordlistan" in snippet or "Formel" in snippet for snippet in snippets)


@pytest.mark.parametrize(("asked", "answer"), [
    ("xyzzy", "Inget kapitel innehåller"), ("2024", "inte tal och inte småord"), ("och", "inte tal och inte småord")])
def test_a_search_without_hits_says_why(browser, origin, asked, answer):
    page = browser.new_page()
    page.goto(f"{origin}/malmo/search.html?q={asked}")
    page.locator("#sok-svar", has_text=answer).wait_for(state="attached")
    page.close()


def test_what_is_folded_away_is_there_on_paper(browser, origin):
    page = browser.new_page(viewport={"width": 718, "height": 1000})
    page.emulate_media(media="print")
    page.goto(f"{origin}/malmo/kostnader.html")
    folded = page.locator("details.ab-raknat > :not(summary)").first
    assert not page.locator("details[open]").count()
    assert folded.bounding_box()["height"] > 20
    # A page that is wider than the paper would be printed smaller.
    for name in ("kostnader", "val", "tillkomst"):
        page.goto(f"{origin}/malmo/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= 718, name
    page.close()


def _running_text(page) -> str:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article").get_text(" ").lower()


@pytest.mark.parametrize("slug", MUNICIPALITIES)
def test_the_whole_book_as_a_document_says_what_its_pages_say(built_site, slug):
    assert not document_faults(built_site / slug)


def test_the_first_page_links_to_the_documents(built_site):
    for slug in MUNICIPALITIES:
        links = BeautifulSoup((built_site / slug / "index.html").read_text(encoding="utf-8"), "html.parser").select(
            "main > p a[download]")
        assert [link["href"] for link in links] == [f"assistansboken-{slug}.pdf", f"assistansboken-{slug}.docx"]
        assert all((built_site / slug / link["href"]).is_file() for link in links)
