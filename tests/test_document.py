"""The book as one document: what is taken from the pages, and that both files hold it."""

from __future__ import annotations

import html
import json
import re
import shutil
import zipfile
from pathlib import Path

import docx
import pytest
from documents import document_faults, replaced_in_word
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from analysis.publish.document import pdf
from analysis.publish.document.colours import COLOURS
from analysis.publish.document.make import make_documents
from analysis.publish.document.tree import (
    Cell,
    Chart,
    DocumentFault,
    Heading,
    Listing,
    Paragraph,
    Row,
    Run,
    Table,
    Terms,
    plain,
    read_document,
)
from analysis.publish.document.widths import LYING, UPRIGHT, break_up, lay_out
from analysis.publish.document.word import make_word
from analysis.publish.manifest import document_names

SVG = ('<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Kostnaden. Den ökade." width="200" height="80" '
       'viewBox="0 0 200 80"><rect width="50" height="40" fill="#0b4f8a"/><text x="5" y="60">2025</text></svg>')
SOURCE = ('<figcaption><p class="ab-kalla">Källa: Malmö stad. Status: härledd. Ladda ner tabellen som '
          '<a href="tabeller/kostnad.xlsx" download>Excel</a> eller <a href="tabeller/kostnad.csv" download>CSV</a></p>'
          '<details class="ab-raknat"><summary>Så räknades det</summary><p>Formel: summan</p></details></figcaption>')


def table(rows: list[list[str]], caption: str = "Kostnaden") -> str:
    """A table as pages have it: the first row its head, and the first cell of each its row's head."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in rows[0])
    body = "".join(f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
                   for row in rows[1:])
    return (f'<div class="ab-rullning"><table class="ab-data"><caption>{caption}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")


def table_figure(rows: list[list[str]], caption: str = "Kostnaden") -> str:
    """A table with its source, as pages have it."""
    return f'<figure class="ab-tabell" id="tabell-kostnad">{table(rows, caption)}{SOURCE}</figure>'


def chart_figure(inside: str = "") -> str:
    """A chart with its finding, controls, folded figures and source."""
    return ('<figure class="ab-diagram" id="diagram-kostnad"><p class="ab-rubrik">Kostnaden per år</p>'
            '<p class="ab-fynd">Den ökade.</p><fieldset class="ab-serier" hidden><legend>Visa</legend>'
            f'<svg aria-hidden="true" width="3"><line x1="0"></line></svg></fieldset>{SVG}'
            '<script type="application/json">{"mark": "bar"}</script>'
            f'<details class="ab-siffror"><summary>Visa siffrorna</summary>{inside}</details>{SOURCE}</figure>')


ROWS = [["Mått", "2024", "2025"], ["Budget (tkr)", "1 200", "1 300"], ["Netto (tkr)", "1 250", "−1 305,5"]]
CONTENT = ("<h1>Kostnaden i korthet<a class='headerlink' href='#x'>#</a></h1><p>Vad det <strong>kostade</strong>, se "
           "<a href='metod.html#formler'>Metod</a> och <a href='https://www.riksdagen.se/'>lagen</a>.</p>"
           "<section id='tabeller'><h2>Tabeller</h2><ul><li><p>Ett</p></li><li><p>Två</p></li></ul>")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The folder of a small finished book."""
    return small_book(tmp_path / "malmo")


def small_book(folder: Path) -> Path:
    """Make a small finished book in a folder."""
    folder.mkdir()
    manifest = {"municipality": "malmo", "name": "Malmö", "period": [2024, 2025], "document": None,
                "built_at": "2026-11-22T10:20:28+00:00",
                "chapters": [{"name": "index", "title": "Kostnaden i korthet", "part": ""},
                             {"name": "metod", "title": "Metod", "part": "Om underlaget"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    write(folder, "index", CONTENT + table_figure(ROWS) + chart_figure() + "</section>")
    write(folder, "metod", "<h1>Metod</h1><p>Så räknas det.</p><section id='formler'><h2>Formler</h2>"
                           "<dl><dt>Netto</dt><dd>kostnad − intäkt</dd></dl></section>")
    return folder


def write(folder: Path, name: str, content: str) -> None:
    """Write a page with some content."""
    (folder / f"{name}.html").write_text(f"<html><body><nav>Kapitel</nav><article>{content}</article></body></html>",
                                         encoding="utf-8")


def manifest_of(book: Path) -> dict:
    return json.loads((book / "manifest.json").read_text(encoding="utf-8"))


def first_chapter(book: Path) -> list:
    return read_document(book, manifest_of(book)).chapters[0].blocks


def word_path(book: Path) -> Path:
    return book / document_names("malmo")[1]


def test_both_documents_hold_what_the_pages_show(book):
    make_documents(book, manifest_of(book))
    assert [(book / name).stat().st_size > 1000 for name in document_names("malmo")] == [True, True]
    assert not document_faults(book)


def test_the_same_book_gives_the_same_bytes(book, tmp_path):
    make_documents(book, manifest_of(book))
    again = Path(shutil.copytree(book, tmp_path / "igen", ignore=shutil.ignore_patterns("assistansboken-*")))
    make_documents(again, manifest_of(again))
    assert all((book / name).read_bytes() == (again / name).read_bytes() for name in document_names("malmo"))


@pytest.mark.parametrize("old, new", [
    ("1 300", "1 301"), ("−1 305,5", "1 305,5"), ("Netto (tkr)", "Brutto (tkr)"), ("Malmö stad", "Lunds stad"),
    ("Kostnaden per år", "Kostnaden per dag"), ("Vad det", "Hur det"), ("Den ökade.", "Den minskade."),
    ("Formler", "Formel"), ("kostnad − intäkt", "intäkt − kostnad"),
])
def test_a_document_that_says_something_else_than_the_pages_is_found_out(book, old, new):
    make_documents(book, manifest_of(book))
    changed = 0
    for page in book.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(old, new), encoding="utf-8")
        changed += old in text
    assert changed
    faults = document_faults(book)
    assert [fault for fault in faults if ".pdf: " in fault] and [fault for fault in faults if ".docx: " in fault]


def test_an_added_or_left_out_row_is_found_out(book):
    make_documents(book, manifest_of(book))
    write(book, "index", CONTENT + table_figure(ROWS[:2]) + chart_figure() + "</section>")
    assert len([fault for fault in document_faults(book) if "rows instead of 2" in fault]) == 2


@pytest.mark.parametrize("old, new, fault", [
    (">1 300<", ">1 301<", "a row is"), ("<w:tblHeader/>", "", "repeat its head"), ("Tabell ", "Tablå ", "Tabell1."),
    ('descr="Kostnaden. Den ökade."', 'descr=""', "charts"), ('w:anchor="', 'w:anchor="x', "nowhere"),
    ('<w:pStyle w:val="Heading2"/>', "", "headings"), ("<w:fldChar ", '<w:fldChar w:dirty="true" ', "asks the reader"),
])
def test_a_damaged_word_file_is_found_out(book, old, new, fault):
    make_documents(book, manifest_of(book))
    replaced_in_word(word_path(book), old, new)
    assert [found for found in document_faults(book) if fault in found]


def test_what_only_a_page_can_do_is_left_out(book):
    write(book, "index", CONTENT + table_figure(ROWS) + chart_figure()
          + '<p>Ladda ner boken som <a href="b.pdf" download>PDF</a>.</p><p class="ab-bara-webb">Prova själv.</p>'
          + '<p>En <button class="ab-term" popovertarget="t">brukare</button><span id="t" popover>Den som har stöd.'
          + '</span> bestämmer.</p></section>')
    blocks = first_chapter(book)
    texts = [plain(block.runs) for block in blocks if isinstance(block, Heading | Paragraph)]
    assert texts == ["Kostnaden i korthet", "Vad det kostade, se Metod och lagen.", "Tabeller", "En brukare bestämmer."]
    assert [plain(note) for block in blocks if isinstance(block, Table | Chart) for note in block.notes] \
        == ["Källa: Malmö stad. Status: härledd."] * 2


def test_links_lead_to_places_in_the_document_or_to_addresses(book):
    links = first_chapter(book)[1].runs
    assert [run.target for run in links if run.target] == ["#metod:formler", "https://www.riksdagen.se/"]


@pytest.mark.parametrize("address, target", [
    ("metod.html", "#metod"), ("metod.html#saknas", "#metod"), ("#tabell-kostnad", "#index:tabell-kostnad"),
    ("../index.html", ""), ("saknas.html", ""), ("javascript:alert(1)", ""), ("tabeller/kostnad.csv", ""),
])
def test_a_link_to_what_is_not_in_the_document_leads_to_its_chapter_or_nowhere(book, address, target):
    write(book, "index", f"{CONTENT}{table_figure(ROWS)}<p>Se <a href='{address}'>här</a></p></section>")
    assert first_chapter(book)[-1].runs[-1].target == target


@pytest.mark.parametrize("folded, stays", [
    ([["År", "Budget (tkr)"], ["2024", "1 200"], ["2025", "1 300"]], False),
    ([["Mått", "2025"], ["Netto (tkr)", "−1 305,5"]], False),
    ([["År", "Budget (tkr)"], ["2024", "1 200"], ["2025", "1 301"]], True),
    ([["År", "Budget"], ["2024", "1 200"], ["2025", "1 300"]], True),
])
def test_a_charts_figures_stand_in_the_document_where_no_table_of_the_chapter_gives_them(book, folded, stays):
    write(book, "index", CONTENT + table_figure(ROWS) + chart_figure(table(folded, "Kostnaden per år")) + "</section>")
    captions = [plain(block.caption) for block in first_chapter(book) if isinstance(block, Table)]
    assert captions == ["Kostnaden", *(["Siffrorna i diagrammet: Kostnaden per år"] if stays else [])]
    make_documents(book, manifest_of(book))
    assert not document_faults(book)


@pytest.mark.parametrize("rows, printed", [(40, True), (41, False)])
def test_a_charts_figures_of_many_rows_stand_on_the_page_only_and_the_document_says_so(book, rows, printed):
    folded = [["Timmar", "Kostnad"], *([f"{number} timmar", f"{number * 7} tkr"] for number in range(rows))]
    write(book, "index", CONTENT + table_figure(ROWS) + chart_figure(table(folded, "Kurvan")) + "</section>")
    blocks = first_chapter(book)
    chart = next(block for block in blocks if isinstance(block, Chart))
    assert [plain(block.caption) for block in blocks if isinstance(block, Table)][1:] \
        == (["Siffrorna i diagrammet: Kurvan"] if printed else [])
    assert ("på webbsidan" in plain(chart.notes[-1])) != printed
    make_documents(book, manifest_of(book))
    assert not document_faults(book)
    content = CONTENT + table_figure(ROWS) + chart_figure(table(folded[:41] if not printed else [*folded, ["x", "y"]],
                                                                "Kurvan")) + "</section>"
    write(book, "index", content)
    assert [fault for fault in document_faults(book) if "Kurvan" in fault]


@pytest.mark.parametrize("listed", [
    '<ul><li><p id="x">A</p></li></ul>', '<ul><li id="x">A</li></ul>', '<ul id="x"><li>A</li></ul>',
    '<ol id="x"><li id="y"><ul><li>A</li></ul></li></ol>', '<ul id="x"><li></li></ul><p>A</p>',
    '<ul id="x"><li><ul id="y"><li><p id="z">A</p></li></ul></li></ul>',
])
def test_links_to_a_list_and_what_is_in_it_lead_there_in_both_documents(book, listed):
    links = "".join(f'<p>Se <a href="#{name}">här</a></p>' for name in "xyz" if f'id="{name}"' in listed)
    write(book, "index", f"{CONTENT}{listed}{links}</section>")
    targets = [run.target for block in first_chapter(book) if isinstance(block, Paragraph) for run in block.runs]
    assert len([target for target in targets if target.startswith("#index:")]) == listed.count("id=")
    make_documents(book, manifest_of(book))
    assert not document_faults(book)


@pytest.mark.parametrize("address", ["https://www.riksdagen.se/?a=1&amp;b=2", "mailto:a@b.se", "metod.html"])
def test_links_in_a_table_lead_there_in_the_word_file(book, address):
    linked = table_figure(ROWS).replace("1 200", f'<a href="{address}">1 200</a>')
    assert address in linked
    write(book, "index", f"{CONTENT}{linked}</section>")
    make_documents(book, manifest_of(book))
    assert not document_faults(book)
    (table,) = docx.Document(word_path(book)).tables
    (link,) = table._tbl.xpath(".//w:hyperlink")
    place = link.get(qn("r:id"))
    assert (table.part.rels[place].target_ref == html.unescape(address)) if place else link.get(qn("w:anchor"))


def test_every_anchor_has_its_bookmark_in_the_word_file(book):
    write(book, "index", f'{CONTENT}<ol id="x"><li><p id="y">A</p></li></ol></section>')
    make_documents(book, manifest_of(book))
    with zipfile.ZipFile(word_path(book)) as packed:
        text = packed.read("word/document.xml").decode()
    anchored = [block for block in read_document(book, manifest_of(book)).blocks() if block.anchors]
    names = re.findall(r'<w:bookmarkStart [^>]*w:name="(plats_\d+)"', text)
    assert len(names) == len(set(names)) == len(anchored) == text.count("<w:bookmarkEnd ")


def test_an_error_of_a_page_is_told_with_the_page_and_its_cause(book):
    # Typst refuses such a text by itself; what writes Word only raises.
    write(book, "metod", "<h1>Metod</h1><p>a\x02b</p>")
    with pytest.raises(DocumentFault, match=r"sidan metod\.html kan inte skrivas i Word-filen") as fault:
        make_word(read_document(book, manifest_of(book)))
    assert isinstance(fault.value.__cause__, etree.XMLSyntaxError)


@pytest.mark.parametrize("step, told", [
    ("analysis.publish.document.make.make_word", "assistansboken-malmo.docx kan inte göras"),
    ("analysis.publish.document.make.make_pdf", "assistansboken-malmo.pdf kan inte göras"),
    ("analysis.publish.document.tree._Page._table", "sidan index.html kan inte läsas"),
])
def test_an_unforeseen_error_becomes_a_fault_that_tells_where(book, monkeypatch, step, told):
    def fail(*arguments):
        raise ZeroDivisionError("noll")

    monkeypatch.setattr(step, fail)
    with pytest.raises(DocumentFault, match=told) as fault:
        make_documents(book, manifest_of(book))
    assert "ZeroDivisionError: noll" in str(fault.value) and isinstance(fault.value.__cause__, ZeroDivisionError)


def test_both_documents_have_the_same_colours(book):
    make_documents(book, manifest_of(book))
    with zipfile.ZipFile(word_path(book)) as packed:
        styles = packed.read("word/styles.xml").decode()
    assert f'w:val="{COLOURS["accent"].removeprefix("#").upper()}"' in styles
    assert not re.search(r"#[0-9a-f]{6}\b", (pdf.TEMPLATE).read_text(encoding="utf-8"))


def test_grouped_tables_lists_terms_and_key_figures_are_read(book):
    grouped = ('<table><caption>Alla</caption><thead><tr><th scope="col">Vad</th><th scope="col">Tal</th></tr></thead>'
               '<tbody><tr><th scope="rowgroup" colspan="2"><div>Grupp</div></th></tr><tr><th scope="row">Ett</th>'
               '<td class="ab-text">ord</td></tr><tr class="ab-under"><td colspan="2"><div>Not</div></td></tr></tbody>'
               '</table>')
    cards = ('<ul class="ab-nyckeltal"><li><p>Kostnad</p><p><strong>5</strong> kr</p><p><a href="metod.html">Metod</a>'
             '</p></li></ul>')
    ordered = "<ol><li><p>Ett</p><ul><li>Under</li></ul></li><li><p>Två</p></li></ol>"
    write(book, "index", f"<h1>Kostnaden i korthet</h1>{cards}{grouped}{ordered}")
    _, figures, read, listing = first_chapter(book)
    assert isinstance(figures, Terms) and [plain(text) for text in figures.entries[0][1]] == ["5 kr", "Metod"]
    assert figures.entries[0][1][1][0].target == "#metod"
    assert [(row.group, row.under, [cell.span for cell in row.cells]) for row in read.rows] \
        == [(True, False, [2]), (False, False, [1, 1]), (False, True, [2])]
    assert isinstance(listing, Listing) and listing.ordered and isinstance(listing.items[0][1], Listing)
    make_documents(book, manifest_of(book))
    assert not document_faults(book)


@pytest.mark.parametrize("content, told", [
    ("<h1>Rubrik</h1><video></video>", "<video>"),
    ("<h1>Rubrik</h1><p>Se <img src='x.png'></p>", "<img>"),
    ("<p>Text</p>", "huvudrubrik"),
    ("<h1>Rubrik</h1><h1>En till</h1>", "huvudrubrik"),
    ("<h1>Rubrik</h1><table><tbody><tr><td>1</td></tr></tbody></table>", "tabell utan rubrik"),
    ("<h1>Rubrik</h1><figure class='ab-diagram'><p class='ab-rubrik'>Titel</p></figure>", "diagram utan bild"),
    ("<h1>Rubrik</h1><p>Hämta <a href='x.csv' download>filen</a></p>", "Ladda ner"),
])
def test_what_a_document_cannot_show_is_told_and_nothing_is_written(book, content, told):
    write(book, "index", content)
    with pytest.raises(DocumentFault, match=r"index\.html") as fault:
        make_documents(book, manifest_of(book))
    assert told in str(fault.value)
    assert not list(book.glob("assistansboken*"))


def test_a_missing_page_is_told(book):
    (book / "metod.html").unlink()
    with pytest.raises(DocumentFault, match=r"metod\.html saknas"):
        make_documents(book, manifest_of(book))


def test_a_book_that_cannot_be_set_keeps_its_old_documents(book):
    make_documents(book, manifest_of(book))
    before = {name: (book / name).read_bytes() for name in document_names("malmo")}
    # A letter that no font of the book has.
    write(book, "index", f"{CONTENT}<p>漢</p></section>")
    with pytest.raises(DocumentFault, match="PDF"):
        make_documents(book, manifest_of(book))
    assert before == {path.name: path.read_bytes() for path in book.glob("assistansboken*")}


def test_the_word_file_numbers_its_captions_by_fields_and_needs_no_other_file(book):
    make_documents(book, manifest_of(book))
    with zipfile.ZipFile(word_path(book)) as packed:
        text = packed.read("word/document.xml").decode()
        assert not packed.testzip() and "docProps/thumbnail.jpeg" not in packed.namelist()
    assert len(re.findall(r"SEQ Tabell", text)) == len(re.findall(r"SEQ Diagram", text)) == 1
    assert docx.Document(word_path(book)).sections[0].page_width.mm == pytest.approx(210, abs=0.1)


WORDS = st.text(st.sampled_from("abcåäö ABC09#*_$[](){}<>&\"'\\/@~`=+-−–,.:;%\u00a0"), min_size=1, max_size=40) \
    .filter(lambda text: text.strip())


@settings(max_examples=12)
@given(cells=st.lists(WORDS, min_size=3, max_size=3))
def test_signs_that_mean_something_to_the_tools_are_only_text(tmp_path_factory, cells):
    folder = small_book(tmp_path_factory.mktemp("tecken") / "malmo")
    safe = [cell.replace("&", "&amp;").replace("<", "&lt;") for cell in cells]
    write(folder, "index", CONTENT + table_figure([["Mått", "2024", "2025"], safe]) + f"<p>{safe[0]}</p></section>")
    make_documents(folder, manifest_of(folder))
    assert not document_faults(folder)


@given(rows=st.lists(st.lists(st.text(st.characters(codec="latin-1", categories=["L", "N", "Zs"]), max_size=60),
                              min_size=4, max_size=4), min_size=1, max_size=6))
def test_columns_never_need_more_room_than_the_paper_has(rows):
    lines = [Row([Cell((Run(text),)) for text in row]) for row in rows]
    layout = lay_out(Table((), lines, lines))
    assert 0 < layout.width <= (LYING if layout.lying else UPRIGHT) + 0.5
    assert min(layout.widths) > 0 and layout.height > 0


def test_a_table_lies_only_where_it_must():
    def laid(columns: int) -> tuple[bool, float]:
        layout = lay_out(Table((), [Row([Cell((Run("Budgetavvikelse"),), heading=True)] * columns)],
                               [Row([Cell((Run("1 234,5"),))] * columns)]))
        return layout.lying, layout.size

    assert [laid(columns) for columns in (2, 4, 6, 8, 14)] \
        == [(False, 9.0), (False, 9.0), (False, 8.0), (True, 9.0), (True, 8.0)]


@given(st.text(max_size=120).filter(lambda text: "\u200b" not in text))
def test_places_to_break_add_nothing_that_is_seen(word):
    assert break_up(word).replace("\u200b", "") == word


def test_a_checksum_can_be_broken_but_a_long_word_only_where_the_language_does():
    assert "\u200b" in break_up("0123456789abcdef" * 4)
    assert break_up("personlighetsstörningsbehandling") == "personlighetsstörningsbehandling"
