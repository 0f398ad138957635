"""A finished book read from its pages: chapters of headings, paragraphs, lists, tables and charts, ready to be set."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, NavigableString, PageElement, Tag

from analysis.measures.dates import dated

# What only a page has use for: links to headings and files, controls, what is hidden, and how each table was computed,
# which the chapter on method tells once.
WEB_ONLY = (
    "script", "noscript", "style", "template", "nav", "form", "fieldset", "input", "select", "output", "textarea",
    "button:not(.ab-term)", "[popover]", "[hidden]", "a[download]", "a.headerlink", ".ab-dold", ".ab-bara-webb",
    ".ab-reglage", ".ab-raknat", ".toctree-wrapper", "figure>details>summary",
)
CONTAINERS = {"article", "section", "div", "main", "header", "footer", "aside", "details", "blockquote", "figure",
              "figcaption", "address", "hgroup", "center"}
INLINE = {"a", "abbr", "b", "bdi", "button", "cite", "code", "data", "dfn", "em", "i", "kbd", "label", "mark", "q", "s",
          "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var"}
BOLD, ITALIC, CODE = {"b", "strong"}, {"em", "i", "cite", "dfn", "var"}, {"code", "kbd", "samp"}
INVITATION = re.compile(r"\s*\bLadda ner\b.*", re.DOTALL)
# More rows of a chart's figures than this fill pages that nobody reads; they stand on the web page.
MOST_ROWS = 40
LONG = "Siffrorna i diagrammet är {rows} rader. De står i tabellen vid diagrammet på webbsidan."
ABOUT = (
    "Dokumentet har samma text, tabeller, diagram och siffror som boken på webben. Det som bara går på en webbsida "
    "finns bara där: att ladda ner tabeller, att pröva egna värden och att se uträkningen under varje tabell. "
    f"Siffrorna i ett diagram står med här om de får plats på högst {MOST_ROWS} rader."
)
ABOUT_METHOD = " Formlerna står här i kapitlet "
METHOD = "metod"
_SVG = re.compile(r"<svg\b([^>]*)>.*?</svg>", re.DOTALL)
_WORDS = re.compile(r"[^\W\d][^\d]*")
_SPACE = re.compile(r"[ \t\r\n\f]+")


class DocumentFault(Exception):
    """Why a book cannot become a document; the text is Swedish and tells the page."""


@contextmanager
def told(where: str) -> Iterator[None]:
    """Let an unexpected error end this book only: as a DocumentFault that tells where, with the error as its cause."""
    try:
        yield
    except DocumentFault:
        raise
    except Exception as error:
        raise DocumentFault(f"{where} ({type(error).__name__}: {error})") from error


@dataclass(frozen=True)
class Run:
    """Text of one kind; `target` is an address or, within the document, `#page` or `#page:anchor`."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    target: str = ""


Runs = tuple[Run, ...]


@dataclass
class Block:
    """What a chapter consists of; `anchors` are what links to it say."""

    anchors: list[str] = field(default_factory=list, kw_only=True)


@dataclass
class Heading(Block):
    """A heading; the chapter's own has level 1."""

    level: int
    runs: Runs


@dataclass
class Paragraph(Block):
    """A paragraph; `note` for small print under a table or chart."""

    runs: Runs
    note: bool = False


@dataclass
class Listing(Block):
    """A list, each of whose items is blocks."""

    items: list[list[Block]]
    ordered: bool = False


@dataclass
class Terms(Block):
    """Terms, each with what is said of it."""

    entries: list[tuple[Runs, list[Runs]]]


@dataclass
class Cell:
    """A cell; `words` where it is set as text and not as a number."""

    runs: Runs
    span: int = 1
    heading: bool = False
    words: bool = False

    @property
    def text(self) -> str:
        """The words of the cell."""
        return plain(self.runs)


@dataclass
class Row:
    """A row of a table; `group` where it is the heading of those below, `under` where it is a note to the one above."""

    cells: list[Cell]
    group: bool = False
    under: bool = False
    own: bool = False


@dataclass
class Table(Block):
    """A table with its heads, its rows, and what stands under it; numbered through the book."""

    caption: Runs
    head: list[Row]
    rows: list[Row]
    notes: list[Runs] = field(default_factory=list)
    number: int = 0

    @property
    def columns(self) -> int:
        """How many columns the table has."""
        return max(sum(cell.span for cell in row.cells) for row in [*self.head, *self.rows])

    @property
    def title(self) -> str:
        """The caption with its number."""
        return f"Tabell {self.number}. {plain(self.caption)}"


@dataclass
class Chart(Block):
    """A chart with its title, finding, picture and text alternative, and what stands under it; numbered."""

    caption: Runs
    finding: Runs
    svg: str
    alternative: str
    notes: list[Runs] = field(default_factory=list)
    number: int = 0

    @property
    def title(self) -> str:
        """The caption with its number."""
        return f"Diagram {self.number}. {plain(self.caption)}"


@dataclass
class Chapter:
    """A page of the book; `part` is what the table of contents groups it under."""

    name: str
    part: str
    blocks: list[Block]

    @property
    def title(self) -> str:
        """The chapter's heading."""
        return next(plain(block.runs) for block in self.blocks if isinstance(block, Heading))


@dataclass
class Document:
    """A whole book: what its cover and properties say, and its chapters."""

    title: str
    place: str
    period: str
    basis: str
    built_at: datetime.datetime
    chapters: list[Chapter]

    @property
    def full_title(self) -> str:
        """The title with the place, as the document's properties say it."""
        return f"{self.title} – {self.place}"

    @property
    def about(self) -> Runs:
        """What sets the document apart from the pages, with the way to the formulas where it has them."""
        method = next((chapter for chapter in self.chapters if chapter.name == METHOD), None)
        if method is None:
            return (Run(ABOUT),)
        return Run(ABOUT + ABOUT_METHOD), Run(method.title, target=f"#{METHOD}"), Run(".")

    @property
    def built_on(self) -> str:
        """The day of building, in words."""
        return dated(self.built_at.date().isoformat())

    def blocks(self) -> Iterator[Block]:
        """Give every block in order, those within lists too."""
        yield from (block for chapter in self.chapters for block in all_blocks(chapter.blocks))

    def tables(self) -> Iterator[Table]:
        """Give every table in order."""
        yield from (block for block in self.blocks() if isinstance(block, Table))

    def charts(self) -> Iterator[Chart]:
        """Give every chart in order."""
        yield from (block for block in self.blocks() if isinstance(block, Chart))


def plain(runs: Runs) -> str:
    """Return the words of a text."""
    return "".join(run.text for run in runs)


def read_document(book: Path, manifest: dict) -> Document:
    """Return a finished book as a document.

    Raises DocumentFault where a page is missing or holds what a document cannot show.
    """
    chapters = []
    for entry in manifest["chapters"]:
        page = book / f"{entry['name']}.html"
        if not page.is_file():
            raise DocumentFault(f"sidan {page.name} saknas i boken")
        with told(f"sidan {page.name} kan inte läsas till ett dokument"):
            blocks = _Page(entry["name"], page.read_text(encoding="utf-8")).blocks
        chapters.append(Chapter(entry["name"], entry["part"], blocks))
    first, last = manifest["period"]
    described = manifest["document"]
    document = Document(
        title=chapters[0].title,
        place=manifest["name"],
        period=str(first) if first == last else f"{first}–{last}",
        basis=f"{described['publisher']}, {described['title']}" if described else "",
        built_at=datetime.datetime.fromisoformat(manifest["built_at"]),
        chapters=chapters,
    )
    for kind in (document.tables(), document.charts()):
        for position, block in enumerate(kind, start=1):
            block.number = position
    _settle_links(document)
    return document


class _Page:
    """Reads one page; `blocks` is what it holds."""

    def __init__(self, name: str, html: str):
        self.name = name
        self.blocks: list[Block] = []
        self._anchors: list[str] = [f"#{name}"]
        # The charts are set aside as they are: the reader of HTML would alter the names of an SVG's attributes.
        self._charts: list[str] = []
        article = BeautifulSoup(_SVG.sub(self._set_aside, html), "html.parser").find("article")
        if article is None:
            raise self._fault("har inget innehåll")
        for paragraph in article.select("p:has(a[download])"):
            self._drop_invitation(paragraph)
        for element in article.select(",".join(WEB_ONLY)):
            element.decompose()
        self._read(article, self.blocks)
        headings = [block.level for block in self.blocks if isinstance(block, Heading)]
        self._close_gaps()
        if headings[:1] != [1] or headings.count(1) != 1:
            raise self._fault("ska ha en huvudrubrik, och den ska stå först")

    def _fault(self, cause: str) -> DocumentFault:
        return DocumentFault(f"sidan {self.name}.html {cause}")

    def _set_aside(self, found: re.Match[str]) -> str:
        self._charts.append(found[0])
        return f'<svg data-position="{len(self._charts) - 1}"{found[1]}></svg>'

    def _close_gaps(self) -> None:
        """Let no heading stand more than one level below the one before it, which a tagged PDF forbids."""
        above = 0
        for heading in (block for block in self.blocks if isinstance(block, Heading)):
            heading.level = above = min(heading.level, above + 1)

    def _drop_invitation(self, paragraph: Tag) -> None:
        """Cut off the sentence that invites to download a file, which ends its paragraph."""
        start = next((text for text in paragraph.find_all(string=INVITATION)), None)
        if start is None:
            raise self._fault("har en länk till en fil i en mening som inte börjar med ”Ladda ner”")
        for later in list(start.next_siblings):
            later.extract()
        start.replace_with(NavigableString(INVITATION.sub("", start)))

    def _add(self, blocks: list[Block], block: Block) -> None:
        block.anchors, self._anchors = self._anchors, []
        blocks.append(block)

    def _read(self, parent: Tag, blocks: list[Block]) -> None:
        """Read what an element holds; text that lies bare in it becomes a paragraph."""
        bare: list[PageElement] = []
        for child in [*parent.children, None]:
            if isinstance(child, NavigableString) or (isinstance(child, Tag) and self._is_inline(child)):
                bare.append(child)
                continue
            runs = self._runs(bare)
            bare = []
            if runs:
                self._add(blocks, Paragraph(runs))
            if isinstance(child, Tag):
                self._read_block(child, blocks)

    @staticmethod
    def _is_inline(element: Tag) -> bool:
        return element.name in {"br", "wbr"} or (
            element.name in INLINE and not element.find(["p", "ul", "ol", "dl", "table", "figure", "div", "h2", "h3"]))

    def _read_block(self, element: Tag, blocks: list[Block]) -> None:
        if element.get("id"):
            self._anchors.append(f"#{self.name}:{element['id']}")
        classes = element.get("class", [])
        if re.fullmatch("h[1-6]", element.name):
            self._add(blocks, Heading(int(element.name[1]), self._runs(element)))
        elif element.name in {"p", "pre"}:
            runs = self._runs(element)
            if runs:
                self._add(blocks, Paragraph(runs, note=bool({"ab-not", "ab-kalla"} & set(classes))))
        elif element.name == "summary":
            self._add(blocks, Paragraph(tuple(replace(run, bold=True) for run in self._runs(element))))
        elif "ab-nyckeltal" in classes:
            self._add(blocks, self._key_figures(element))
        elif element.name in {"ul", "ol"}:
            self._read_list(element, blocks)
        elif element.name == "dl":
            self._add(blocks, self._terms(element))
        elif element.name == "table":
            self._add(blocks, self._table(element))
        elif element.name == "figure" and "ab-tabell" in classes:
            self._read_table(element, blocks)
        elif element.name == "figure" and "ab-diagram" in classes:
            self._read_chart(element, blocks)
        elif element.name in CONTAINERS or element.name in INLINE:
            self._read(element, blocks)
        elif element.name != "hr":
            raise self._fault(f"innehåller <{element.name}>, som inte kan visas i ett dokument")

    def _read_list(self, element: Tag, blocks: list[Block]) -> None:
        anchors, self._anchors = self._anchors, []
        items: list[list[Block]] = []
        for item in element.find_all("li", recursive=False):
            items.append([])
            if item.get("id"):
                self._anchors.append(f"#{self.name}:{item['id']}")
            self._read(item, items[-1])
        items = [item for item in items if item]
        if items:
            blocks.append(Listing(items, element.name == "ol", anchors=anchors))
        else:
            self._anchors = anchors + self._anchors

    def _read_table(self, figure: Tag, blocks: list[Block]) -> None:
        element = figure.find("table")
        if element is None:
            raise self._fault("har en tabellram utan tabell")
        table = self._table(element)
        table.notes = self._notes(figure)
        self._add(blocks, table)

    def _read_chart(self, figure: Tag, blocks: list[Block]) -> None:
        svg, title = figure.find("svg"), figure.find("p", class_="ab-rubrik")
        if svg is None or title is None or not svg.get("aria-label"):
            raise self._fault("har ett diagram utan bild, rubrik eller beskrivning")
        finding = figure.find("p", class_="ab-fynd")
        chart = Chart(self._runs(title), self._runs(finding) if finding else (),
                      self._charts[int(svg["data-position"])], svg["aria-label"], self._notes(figure))
        self._add(blocks, chart)
        element = figure.find("table")
        if element is not None:
            table = self._table(element)
            table.caption = (Run("Siffrorna i diagrammet: "), *table.caption)
            if any(_holds(other, table) for other in self._tables_of_page(figure, element)):
                return
            if len(table.rows) > MOST_ROWS:
                chart.notes.append((Run(LONG.format(rows=len(table.rows))),))
            else:
                self._add(blocks, table)

    def _tables_of_page(self, figure: Tag, element: Tag) -> Iterator[Table]:
        page = figure.find_parent("article")
        for other in page.find_all("table"):
            if other is not element and other.find_parent("figure", class_="ab-diagram") is None:
                yield self._table(other)

    def _notes(self, figure: Tag) -> list[Runs]:
        notes = [self._runs(note) for note in figure.select("p.ab-not, p.ab-kalla")]
        return [note for note in notes if note]

    def _table(self, element: Tag) -> Table:
        caption = element.find("caption")
        if caption is None or element.find(["td", "th"], attrs={"rowspan": True}):
            raise self._fault("har en tabell utan rubrik, eller med celler över flera rader")
        head = [self._row(row) for row in element.select("thead > tr")]
        rows = [self._row(row) for row in element.select("tbody > tr, tfoot > tr")]
        if not head or not rows:
            raise self._fault(f"har en tabell utan kolumnrubriker eller rader: ”{plain(self._runs(caption))}”")
        return Table(self._runs(caption), head, rows)

    def _row(self, element: Tag) -> Row:
        cells = [self._cell(cell) for cell in element.find_all(["td", "th"], recursive=False)]
        classes = element.get("class", [])
        group = element.find("th", attrs={"scope": "rowgroup"}) is not None
        return Row(cells, group, "ab-under" in classes, "ab-egen" in classes)

    def _key_figures(self, element: Tag) -> Terms:
        """Return the first page's cards: what each number is, and under it the number and what it means."""
        cards = [[self._runs(line) for line in card.find_all("p")] for card in element.find_all("li")]
        return Terms([(first, others) for first, *others in cards])

    def _cell(self, element: Tag) -> Cell:
        runs = self._runs(element)
        words = element.name == "th" or "ab-text" in element.get("class", []) or _WORDS.fullmatch(plain(runs))
        return Cell(runs, int(element.get("colspan", 1)), element.name == "th", bool(words))

    def _terms(self, element: Tag) -> Terms:
        entries: list[tuple[Runs, list[Runs]]] = []
        for item in element.find_all(["dt", "dd"]):
            if item.name == "dt":
                entries.append((self._runs(item), []))
            elif entries:
                entries[-1][1].append(self._runs(item))
        return Terms(entries)

    def _runs(self, parts: Tag | list[PageElement]) -> Runs:
        """Return text as runs: white space as a browser shows it, runs of one kind joined."""
        joined: list[Run] = []
        for run in self._raw_runs(parts, Run("")):
            if joined and replace(joined[-1], text="") == replace(run, text=""):
                joined[-1] = replace(run, text=joined[-1].text + run.text)
            else:
                joined.append(run)
        tidy: list[Run] = []
        for run in joined:
            text = _SPACE.sub(" ", run.text)
            if text.startswith(" ") and (not tidy or tidy[-1].text.endswith((" ", "\v"))):
                text = text[1:]
            if text:
                tidy.append(replace(run, text=text.replace(" \v ", "\v").replace("\v ", "\v").replace(" \v", "\v")))
        while tidy and not tidy[-1].text.rstrip(" \v"):
            tidy.pop()
        if tidy:
            tidy[-1] = replace(tidy[-1], text=tidy[-1].text.rstrip(" \v"))
        return tuple(tidy)

    def _raw_runs(self, parts: Tag | list[PageElement], kind: Run) -> Iterator[Run]:
        for part in parts.children if isinstance(parts, Tag) else parts:
            if isinstance(part, Tag):
                if part.name == "br":
                    yield replace(kind, text="\v")
                    continue
                if part.name == "wbr":
                    continue
                if part.name not in INLINE | {"div", "p"}:
                    raise self._fault(f"innehåller <{part.name}> i en text, vilket inte kan visas i ett dokument")
                inner = replace(kind, bold=kind.bold or part.name in BOLD, italic=kind.italic or part.name in ITALIC,
                                code=kind.code or part.name in CODE,
                                target=self._target(part.get("href", "")) if part.name == "a" else kind.target)
                yield from self._raw_runs(part, inner)
            elif type(part) is NavigableString:
                yield replace(kind, text=str(part))

    def _target(self, address: str) -> str:
        """Return where a link leads: an address, a place in the document, or nowhere, for what is not in it."""
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            return address if parts.scheme in {"http", "https", "mailto"} else ""
        name = unquote(parts.path).removeprefix("./")
        page = self.name if not name else name.removesuffix(".html") if name.endswith(".html") else ""
        anchor = unquote(parts.fragment)
        return f"#{page}:{anchor}" if page and anchor else f"#{page}" if page else ""


def _holds(table: Table, other: Table) -> bool:
    """Tell whether a table gives all that another does, with the same names, be its rows the other's columns."""
    given, asked = _named_values(table), _named_values(other)
    return asked <= given or {(column, row, value) for row, column, value in asked} <= given


def _named_values(table: Table) -> set[tuple[str, str, str]]:
    heads = [cell.text for cell in table.head[-1].cells]
    return {(row.cells[0].text, head, cell.text) for row in table.rows if len(row.cells) == len(heads)
            for head, cell in zip(heads[1:], row.cells[1:], strict=True)}


def _settle_links(document: Document) -> None:
    """Let each link within the document lead to what is there: a place, else its chapter, else nowhere."""
    known = {anchor for block in document.blocks() for anchor in block.anchors}

    def settle(runs: Runs) -> Runs:
        return tuple(replace(run, target=find(run.target)) if run.target.startswith("#") else run for run in runs)

    def find(target: str) -> str:
        return next((place for place in (target, target.partition(":")[0]) if place in known), "")

    for block in document.blocks():
        if isinstance(block, Heading | Paragraph):
            block.runs = settle(block.runs)
        elif isinstance(block, Terms):
            block.entries = [(settle(term), [settle(text) for text in texts]) for term, texts in block.entries]
        elif isinstance(block, Table | Chart):
            block.caption, block.notes = settle(block.caption), [settle(note) for note in block.notes]
            if isinstance(block, Chart):
                block.finding = settle(block.finding)
                continue
            for cell in (cell for row in [*block.head, *block.rows] for cell in row.cells):
                cell.runs = settle(cell.runs)


def all_blocks(blocks: list[Block]) -> Iterator[Block]:
    """Give every block of a chapter, those within lists too."""
    for block in blocks:
        yield block
        if isinstance(block, Listing):
            for item in block.items:
                yield from all_blocks(item)
