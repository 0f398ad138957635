"""What a book's PDF and Word file must hold, read back from the files and compared with the book's pages."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import docx
import page
import pikepdf
from bs4 import BeautifulSoup, Tag
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn

from analysis.publish.manifest import document_names, read_manifest

HEADINGS = ["h1", "h2", "h3", "h4"]
FOLDED = "Siffrorna i diagrammet: "
TABLE = pikepdf.Name.Table
# A chart's figures of more rows than this stand on the page only, and the document says so.
MOST_ROWS = 40
LONG = "Siffrorna i diagrammet är {rows} rader. De står i tabellen vid diagrammet på webbsidan."
UNSEEN = re.compile(r"[\s\u00ad\u200b\u2060]")


def squeezed(text: str) -> str:
    """A text without white space and places to break, which paper and page set differently."""
    return UNSEEN.sub("", text)


@dataclass
class Grid:
    """A table: its caption and its rows, as squeezed texts."""

    caption: str
    rows: list[list[str]]


@dataclass
class Content:
    """What is compared: tables, charts (title and text alternative), and every text in reading order."""

    tables: list[Grid] = field(default_factory=list)
    charts: list[tuple[str, str]] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    # The tables of charts, each with whether it may be left out: where another table of its chapter gives the same.
    folded: list[tuple[Grid, bool]] = field(default_factory=list)


def document_faults(book: Path) -> list[str]:
    """Everything wrong with the two documents in a finished book's folder."""
    manifest = read_manifest(book)
    expected = pages_content(book, manifest)
    pdf, word = (book / name for name in document_names(manifest["municipality"]))
    found = [f"{pdf.name}: {fault}" for fault in [*pdf_faults(pdf, expected, manifest)]]
    return found + [f"{word.name}: {fault}" for fault in [*word_faults(word, expected, manifest)]]


# The pages.


def pages_content(book: Path, manifest: dict) -> Content:
    """What the book's pages show a reader, less what only a page can do."""
    content = Content()
    for chapter in manifest["chapters"]:
        soup = BeautifulSoup((book / f"{chapter['name']}.html").read_text(encoding="utf-8"), "html.parser")
        article = soup.find("article")
        for element in article.select("script, [hidden], [popover], nav, fieldset, .headerlink, .ab-dold, .ab-raknat, "
                                      ".ab-reglage, .toctree-wrapper"):
            element.decompose()
        own = []
        for table in article.find_all("table"):
            grid = Grid(squeezed(table.caption.text), [[squeezed(cell.text) for cell in row.find_all(["th", "td"])]
                                                       for row in table.find_all("tr")])
            own.append((table.find_parent("figure", class_="ab-diagram"), grid))
        content.tables += [grid for chart, grid in own if chart is None]
        others = [grid for chart, grid in own if chart is None]
        content.folded += [(grid, any(same_figures(grid, other) for other in others))
                           for chart, grid in own if chart is not None]
        for figure in article.select("figure.ab-diagram"):
            title = squeezed(figure.select_one(".ab-rubrik").text)
            content.charts.append((title, squeezed(figure.find("svg")["aria-label"])))
        content.headings += [(int(heading.name[1]), squeezed(heading.text)) for heading in article(HEADINGS)]
        content.texts += [text for text in map(_seen, article([*HEADINGS, "p", "li", "dt", "dd"])) if text]
    return content


def same_figures(one: Grid, other: Grid) -> bool:
    """Whether every row of a table is in the other, or every row is a column of the other."""
    cells = {cell for row in other.rows for cell in row}
    return {cell for row in one.rows[1:] for cell in row} | set(one.rows[0][1:]) <= cells


def _seen(element: Tag) -> str:
    """An element's text less the invitation to download; nothing for what holds other texts, and inside tables."""
    if element.find(["p", "ul", "ol", "dl"]) or element.find_parent("table"):
        return ""
    text = element.text
    return squeezed(text.partition("Ladda ner")[0] if element.find("a", attrs={"download": True}) else text)


def _compare(expected: Content, found: Content) -> Iterator[str]:
    """What differs between the pages and a document."""
    folded = [grid for grid in found.tables if grid.caption.startswith(squeezed(FOLDED))]
    own = [grid for grid in found.tables if grid not in folded]
    if len(own) != len(expected.tables):
        yield f"{len(own)} tables instead of {len(expected.tables)}"
    pairs = list(zip(expected.tables, own, strict=False))
    for grid, may_be_left_out in expected.folded:
        named = Grid(squeezed(FOLDED) + grid.caption, grid.rows)
        if len(grid.rows) - 1 > MOST_ROWS and folded and folded[0].caption == named.caption:
            yield f"the long table {grid.caption} is printed"
        if folded and folded[0].caption == named.caption:
            pairs.append((named, folded.pop(0)))
        elif len(grid.rows) - 1 > MOST_ROWS and not may_be_left_out:
            note = squeezed(LONG.format(rows=len(grid.rows) - 1))
            if not any(note in text for text in found.texts):
                yield f"nothing tells where the figures of the long table {grid.caption} are"
        elif not may_be_left_out:
            yield f"the figures of the chart {grid.caption} are missing"
    yield from (f"a table too many: {grid.caption}" for grid in folded)
    for one, other in pairs:
        if other.caption != one.caption:
            yield f"a table is called {other.caption} instead of {one.caption}"
        for row, printed in zip(one.rows, other.rows, strict=False):
            if row != printed:
                yield f"table {one.caption}: a row is {printed} instead of {row}"
        if len(one.rows) != len(other.rows):
            yield f"table {one.caption}: {len(other.rows)} rows instead of {len(one.rows)}"
    if found.charts != expected.charts:
        yield f"charts {found.charts} instead of {expected.charts}"
    if found.headings != expected.headings:
        yield f"headings {found.headings} instead of {expected.headings}"
    whole, position = "".join(found.texts), 0
    for text in expected.texts:
        place = whole.find(text, position)
        if place < 0:
            yield f"the text is missing or out of order: {text[:80]}"
        else:
            position = place + len(text)


def _numbered(caption: str, kind: str, number: int) -> tuple[str, str]:
    """A caption without its number, and what is wrong with the number."""
    start = f"{kind}{number}."
    return caption.removeprefix(start), "" if caption.startswith(start) else f"{caption[:40]} is not {start}"


# The Word file.


def word_faults(path: Path, expected: Content, manifest: dict) -> Iterator[str]:
    """What is wrong with a Word file."""
    with zipfile.ZipFile(path) as packed:
        names = packed.namelist()
        text = "".join(packed.read(name).decode() for name in names if name.endswith(".xml"))
        moments = {entry.date_time for entry in packed.infolist()}
    if [name for name in names if "vba" in name.lower() or "embeddings" in name]:
        yield "holds a macro or something embedded"
    if re.search(r"updateFields|w:dirty|attachedTemplate|subDoc", text):
        yield "asks the reader something, or for a file, when it is opened"
    if len(moments) != 1:
        yield "its parts have times of their own"
    file = docx.Document(path)
    for part in file.part.package.iter_parts():
        for relation in part.rels.values():
            if relation.is_external and relation.reltype != RELATIONSHIP_TYPE.HYPERLINK:
                yield f"asks for {relation.target_ref}"
    properties = file.core_properties
    title = f"{manifest['chapters'][0]['title']} – {manifest['name']}"
    if (properties.title, properties.author, properties.language) != (title, manifest["name"], "sv-SE"):
        yield f"its properties are {properties.title}, {properties.author}, {properties.language}"
    if properties.created.isoformat() != manifest["built_at"]:
        yield f"was made {properties.created}"
    languages = {element.get(qn("w:val")) for element in file.styles.element.iter(qn("w:lang"))}
    if languages != {"sv-SE"}:
        yield f"languages: {languages}"
    footers = {code.text.strip() for section in file.sections
               for code in section.footer._element.iter(qn("w:instrText"))}
    if footers != {"PAGE", "NUMPAGES"}:
        yield f"its footers have {footers}"
    body = file.element.body
    for section in body.iter(qn("w:sectPr")):
        paragraph = section.getparent().getparent()
        if paragraph.tag == qn("w:p") and next(paragraph.iter(qn("w:fldChar")), None) is not None:
            yield "a section ends within a field"
    targets = {link.get(qn("w:anchor")) for link in body.iter(qn("w:hyperlink"))} - {None}
    bookmarks = [mark.get(qn("w:name")) for mark in body.iter(qn("w:bookmarkStart"))]
    if len(bookmarks) != len(set(bookmarks)) or not targets <= set(bookmarks):
        yield f"links lead nowhere: {targets - set(bookmarks)}"
    found, faults = _word_content(file)
    yield from faults
    yield from _compare(expected, found)


def _word_content(file) -> tuple[Content, list[str]]:
    found, faults = Content(), []
    caption, contents = "", []
    styles = {style.style_id: style.name for style in file.styles}
    for element in file.element.body.iterchildren(qn("w:p"), qn("w:tbl")):
        text = squeezed("".join(piece.text or "" for piece in element.iter(qn("w:t"))))
        if element.tag == qn("w:tbl"):
            caption, fault = _numbered(caption, "Tabell", len(found.tables) + 1)
            rows = [[squeezed("".join(piece.text or "" for piece in cell.iter(qn("w:t"))))
                     for cell in row.iterchildren(qn("w:tc"))] for row in element.iterchildren(qn("w:tr"))]
            found.tables.append(Grid(caption, rows))
            heads = [row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None for row in element.tr_lst]
            if not heads[0] or heads != sorted(heads, reverse=True) or all(heads):
                faults.append(f"table {caption} does not repeat its head")
            faults += [fault] if fault else []
        style = styles.get(element.style) if element.tag == qn("w:p") else None
        level = re.fullmatch(r"Heading (\d)", style or "")
        if level:
            found.headings.append((int(level[1]), text))
        elif style and style.startswith("toc "):
            contents.append(text)
        elif style == "Caption":
            caption = text
        for picture in element.iter(qn("wp:docPr")):
            title, fault = _numbered(caption, "Diagram", len(found.charts) + 1)
            found.charts.append((title, squeezed(picture.get("descr") or "")))
            faults += [fault] if fault else []
        found.texts.append(text)
    if contents != [text for level, text in found.headings if level < 3]:
        faults.append(f"the table of contents is {contents}")
    return found, faults


# The PDF.


@dataclass
class Element:
    """An element of the tree of tags."""

    tag: str
    alternative: str
    text: str
    pages: list[int]
    children: list[Element]
    source: pikepdf.Dictionary

    def every(self, *tags: str) -> list[Element]:
        """All elements below it with some tag, in order."""
        return [found for child in self.children
                for found in ([child] if child.tag in tags else []) + child.every(*tags)]


def pdf_faults(path: Path, expected: Content, manifest: dict) -> Iterator[str]:
    """What is wrong with a PDF."""
    report = page.validate_pdf(str(path), profile="ua1")
    yield from (f"breaks PDF/UA-1: {failure.rule_id} {failure.message}" for failure in report.failures)
    if not report.is_compliant or report.rules.total < 100:
        yield f"is not PDF/UA-1 by {report.rules.total} rules"
    with pikepdf.open(path) as pdf:
        yield from _property_faults(pdf, manifest)
        yield from _page_faults(pdf)
        root = tagged(pdf)
        yield from _outline_faults(pdf, root, manifest)
        yield from _table_faults(pdf, root)
        found, faults = _pdf_content(root)
    yield from faults
    yield from _compare(expected, found)


def _property_faults(pdf: pikepdf.Pdf, manifest: dict) -> Iterator[str]:
    title = f"{manifest['chapters'][0]['title']} – {manifest['name']}"
    with pdf.open_metadata() as metadata:
        told = {name: metadata.get(name) for name in ("dc:title", "pdfuaid:part", "xmp:CreateDate")}
        authors = list(metadata.get("dc:creator", []))
    if told != {"dc:title": title, "pdfuaid:part": "1", "xmp:CreateDate": manifest["built_at"]}:
        yield f"its metadata are {told}"
    if authors != [manifest["name"]]:
        yield f"its authors are {authors}"
    root = pdf.Root
    if str(root.get("/Lang")) != "sv-SE" or not root.MarkInfo.Marked or not root.ViewerPreferences.DisplayDocTitle:
        yield "lacks language, tags or title in the window"


def _page_faults(pdf: pikepdf.Pdf) -> Iterator[str]:
    for number, one in enumerate(pdf.pages, start=1):
        if one.get("/Tabs") != pikepdf.Name.S or "/StructParents" not in one:
            yield f"page {number} does not follow the tags"
        for font in _fonts(one.get("/Resources")):
            for described in font.get("/DescendantFonts", [font]):
                if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(described.get("/FontDescriptor", {}).keys()):
                    yield f"page {number}: the font {described.get('/BaseFont')} is not in the file"


def _fonts(resources: pikepdf.Dictionary | None) -> Iterator[pikepdf.Dictionary]:
    if resources is None:
        return
    yield from dict(resources.get("/Font", {})).values()
    for drawn in dict(resources.get("/XObject", {})).values():
        yield from _fonts(drawn.get("/Resources"))


def _outline_faults(pdf: pikepdf.Pdf, root: Element, manifest: dict) -> Iterator[str]:
    with pdf.open_outline() as outline:
        chapters = [str(item.title) for item in outline.root]
    if chapters != [chapter["title"] for chapter in manifest["chapters"]]:
        yield f"its bookmarks are {chapters}"
    headings = [heading for heading in root.every("H1", "H2") if heading.text != "Innehåll"]
    places = [f"{heading.text}{heading.pages[0] + 1}" for heading in headings]
    contents = [re.sub(r"[.\s]{3,}", "", entry.text) for entry in root.every("TOCI")]
    if list(map(squeezed, contents)) != list(map(squeezed, places)):
        yield f"its table of contents is {contents} instead of {places}"
    leaves = [leaf for leaf in root.every(*map(str.upper, HEADINGS), "P", "Table", "L", "Figure", "TOC") if leaf.pages]
    for leaf, after in pairwise(leaves):
        if leaf.tag.startswith("H") and leaf.pages[-1] != after.pages[0]:
            yield f"the heading {leaf.text} stands last on page {leaf.pages[-1] + 1}"
    with_text = {number for leaf in leaves for number in leaf.pages}
    empty = set(range(len(pdf.pages))) - with_text
    if empty:
        yield f"empty pages: {sorted(number + 1 for number in empty)}"


def _table_faults(pdf: pikepdf.Pdf, root: Element) -> Iterator[str]:
    known = set(pikepdf.NameTree(pdf.Root.StructTreeRoot.IDTree).keys())
    for table in root.every("Table"):
        first, *others = table.every("TR")
        if {cell.tag for cell in first.children} != {"TH"}:
            yield f"a table's head has {[cell.tag for cell in first.children]}"
        for row in others:
            # A note under a row spans the table and has no head of its own.
            if row.children[0].tag != "TH" and len(row.children) > 1:
                yield f"the row {row.children[0].text} has no head"
        for cell in table.every("TH", "TD"):
            attributes = cell.source.get("/A", [])
            told = [item for item in (attributes if isinstance(attributes, pikepdf.Array) else [attributes])
                    if item.O == TABLE]
            if cell.tag == "TH" and not any("/Scope" in item for item in told):
                yield f"the head {cell.text} does not say what it is the head of"
            if {str(name) for item in told for name in item.get("/Headers", [])} - known:
                yield f"the cell {cell.text} has heads that are not there"


def _pdf_content(root: Element) -> tuple[Content, list[str]]:
    found, faults = Content(), []
    for heading in root.every(*map(str.upper, HEADINGS)):
        if heading.text != "Innehåll":
            found.headings.append((int(heading.tag[1]), squeezed(heading.text)))
    for table in root.every("Table"):
        caption = next((squeezed(one.text) for one in table.every("Caption")), "")
        caption, fault = _numbered(caption, "Tabell", len(found.tables) + 1)
        rows = [[squeezed(cell.text) for cell in row.children] for row in table.every("TR")]
        found.tables.append(Grid(caption, rows))
        faults += [fault] if fault else []
    # A finding stands in the caption, as a paragraph of its own.
    titles = [squeezed((one.children or [one])[0].text) for one in root.every("Caption")
              if one.text.startswith("Diagram")]
    for title, figure in zip(titles, root.every("Figure"), strict=True):
        title, fault = _numbered(title, "Diagram", len(found.charts) + 1)
        found.charts.append((title, squeezed(figure.alternative)))
        faults += [fault] if fault else []
    found.texts = [squeezed(root.text)]
    return found, faults


def tagged(pdf: pikepdf.Pdf) -> Element:
    """The tree of tags, each element with its text as a screen reader gets it."""
    pieces, fonts = {}, {}
    for number, one in enumerate(pdf.pages):
        for mark, text in _marked_text(one, fonts):
            pieces[number, mark] = pieces.get((number, mark), "") + text
    numbers = {one.obj.objgen: number for number, one in enumerate(pdf.pages)}

    def read(source: pikepdf.Dictionary, on: pikepdf.Object | None) -> Element:
        on = source.get("/Pg", on)
        element = Element(str(source.get("/S", "/"))[1:], str(source.get("/Alt", "")), "", [], [], source)
        kids = source.get("/K", [])
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
                child = read(kid, on)
                element.children.append(child)
                element.text += child.text
                element.pages += child.pages
            elif not isinstance(kid, pikepdf.Dictionary) or "/MCID" in kid:
                held, mark = (kid.get("/Pg", on), kid.MCID) if isinstance(kid, pikepdf.Dictionary) else (on, kid)
                number = numbers[held.objgen]
                element.text += pieces.get((number, int(mark)), "")
                element.pages.append(number)
        return element

    return read(pdf.Root.StructTreeRoot, None)


def _marked_text(one: pikepdf.Page, fonts: dict) -> Iterator[tuple[int, str]]:
    """Each piece of a page's text with the number of the tag that it belongs to."""
    held = one.get("/Resources", {})
    letters: dict[bytes, str] = {}
    marks: list[tuple[int | None, str | None]] = []
    for operands, operator in pikepdf.parse_content_stream(one):
        name = str(operator)
        if name in {"BDC", "BMC"}:
            told = operands[1] if len(operands) > 1 else {}
            if isinstance(told, pikepdf.Name):
                told = held.Properties[told]
            mark = told.get("/MCID")
            instead = told.get("/ActualText")
            above = marks[-1] if marks else (None, None)
            marks.append((int(mark) if mark is not None else above[0],
                          "" if instead is not None or above[1] is not None else None))
            if instead is not None and marks[-1][0] is not None:
                yield marks[-1][0], str(instead)
        elif name == "EMC":
            marks.pop()
        elif name == "Tf":
            font = held.Font[operands[0]]
            if font.objgen not in fonts:
                fonts[font.objgen] = _letters(font)
            letters = fonts[font.objgen]
        elif name in {"Tj", "TJ"} and marks and marks[-1][0] is not None and marks[-1][1] is None:
            parts = operands[0] if name == "TJ" else [operands[0]]
            codes = b"".join(bytes(part) for part in parts if isinstance(part, pikepdf.String))
            yield marks[-1][0], "".join(letters[codes[at:at + 2]] for at in range(0, len(codes), 2))


def _letters(font: pikepdf.Dictionary) -> dict[bytes, str]:
    """What each code of a font means."""
    table = font.ToUnicode.read_bytes().decode("latin-1")
    found = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, text in re.findall(r"<(\w+)>\s*<(\w+)>", block):
            found[bytes.fromhex(code)] = bytes.fromhex(text).decode("utf-16-be")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, text in re.findall(r"<(\w+)>\s*<(\w+)>\s*<(\w+)>", block):
            start = bytes.fromhex(text).decode("utf-16-be")
            for step in range(int(last, 16) - int(first, 16) + 1):
                code = (int(first, 16) + step).to_bytes(2, "big")
                found[code] = start[:-1] + chr(ord(start[-1]) + step)
    return found


def replaced_in_word(path: Path, old: str, new: str) -> None:
    """Alter a text once in a Word file."""
    with zipfile.ZipFile(path) as packed:
        parts = {entry: packed.read(entry) for entry in packed.infolist()}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        for entry, content in parts.items():
            if entry.filename == "word/document.xml":
                assert content.count(old.encode()) >= 1, old
                content = content.replace(old.encode(), new.encode(), 1)
            packed.writestr(entry, content)
    path.write_bytes(written.getvalue())
