"""A document as a tagged PDF, set by Typst, which refuses what PDF/UA-1 forbids."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path

import pikepdf

from analysis.present.svg import FONT_STACK
from analysis.publish.document.colours import COLOURS
from analysis.publish.document.setting import ASSETS, FONT, NotSet, compiled
from analysis.publish.document.tree import (
    Block,
    Cell,
    Chapter,
    Chart,
    Document,
    DocumentFault,
    Heading,
    Listing,
    Paragraph,
    Row,
    Run,
    Runs,
    Table,
    Terms,
    told,
)
from analysis.publish.document.widths import UPRIGHT, break_up, lay_out

TEMPLATE = ASSETS / "document.typ"
# In points: a table, or a row of one, that is no higher stands on one page.
KEPT_TOGETHER = 300
# In blocks: so short chapters share a page.
SHORT = 8
# Then the words in a chart are as large as those in the text.
POINTS_PER_PIXEL = 0.66
TABLE, ROW = pikepdf.Name.Table, pikepdf.Name.TR


def make_pdf(document: Document) -> bytes:
    """Return the document as PDF/UA-1; the same document gives the same bytes.

    Raises DocumentFault where Typst cannot set it.
    """
    setter = _Setter(document)
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        root = Path(folder)
        (root / "document.typ").write_bytes(TEMPLATE.read_bytes())
        colours = "".join(f'#let {name} = rgb("{value}")\n' for name, value in COLOURS.items())
        (root / "colours.typ").write_text(colours, encoding="utf-8")
        for chart in document.charts():
            (root / f"{chart.number}.svg").write_text(chart.svg.replace(FONT_STACK, FONT), encoding="utf-8")
        (root / "main.typ").write_text(setter.source(), encoding="utf-8")
        try:
            content = compiled(root / "main.typ", root=root, timestamp=int(document.built_at.timestamp()))
        except NotSet as error:
            raise DocumentFault(f"dokumentet kunde inte sättas som PDF: {error}") from error
    return _with_row_headers(content, document)


class _Setter:
    """Writes a document as Typst."""

    def __init__(self, document: Document):
        self._document = document
        self._labels: dict[str, str] = {}
        for position, block in enumerate(document.blocks()):
            self._labels.update(dict.fromkeys(block.anchors, f"m{position}"))

    def source(self) -> str:
        """Return the whole document."""
        document = self._document
        parts = [next(chapters) for _, chapters in groupby(document.chapters, lambda chapter: chapter.part)]
        starts = [self._label(chapter.blocks[0]).strip() for chapter in parts]
        contents = [f"({_string(chapter.part)}, {start}, {end})"
                    for chapter, start, end in zip(parts, starts, [*starts[1:], "none"], strict=True)]
        lines = [
            '#import "document.typ": *',
            f"#show: book.with(title: {_string(document.title)}, place: {_string(document.place)}, "
            f"period: {_string(document.period)}, basis: {_string(document.basis)}, "
            f"built: {_string(document.built_on)}, full: {_string(document.full_title)}, "
            f"about: [{self._runs(document.about)}], "
            f"contents: ({', '.join(contents)},))",
        ]
        before = None
        for chapter in document.chapters:
            with told(f"sidan {chapter.name}.html kan inte skrivas i PDF:en"):
                lines += self._chapter(chapter, continues(before, chapter))
            before = chapter
        return "\n".join(lines) + "\n"

    def _chapter(self, chapter: Chapter, on_same_page: bool) -> Iterator[str]:
        yield f"#{'continued' if on_same_page else 'chapter'}[{self._block(chapter.blocks[0])}]"
        for lying, blocks in pages_of(chapter.blocks[1:]):
            content = self._blocks(blocks)
            yield f"#lying[\n{content}\n]" if lying else f"\n{content}\n"

    def _label(self, block: Block) -> str:
        return f" <{self._labels[block.anchors[0]]}>" if block.anchors else ""

    def _blocks(self, blocks: Sequence[Block]) -> str:
        return "\n\n".join(map(self._block, blocks))

    def _texts(self, texts: Sequence[Runs]) -> str:
        return "\n\n".join(map(self._runs, texts))

    def _block(self, block: Block) -> str:
        match block:
            case Heading():
                return f"#heading(level: {block.level})[{self._runs(block.runs)}]{self._label(block)}"
            case Paragraph():
                text = self._here(block) + self._runs(block.runs)
                return f"#small[{text}]" if block.note else text
            case Listing():
                items = ", ".join(f"[{self._blocks(item)}]" for item in block.items)
                return f"{self._here(block)}#{'enum' if block.ordered else 'list'}({items})"
            case Terms():
                entries = ", ".join(f"terms.item([{self._runs(term)}], [{self._texts(texts)}])"
                                    for term, texts in block.entries)
                return f"{self._here(block)}#terms({entries})"
            case Table():
                return self._table(block)
            case Chart():
                return self._chart(block)
        raise TypeError(block)

    def _here(self, block: Block) -> str:
        return f"#metadata(none){self._label(block)}" if block.anchors else ""

    def _runs(self, runs: Runs) -> str:
        return "".join(map(self._run, runs))

    def _run(self, run: Run) -> str:
        pieces = []
        for line in run.text.split("\v"):
            words = " ".join(map(break_up, line.split(" ")))
            text = f"#raw({_string(words)})" if run.code else f"#{_string(words)}"
            text = f"#emph[{text}]" if run.italic else text
            text = f"#strong[{text}]" if run.bold else text
            pieces.append(text if line else "")
        text = "#linebreak()".join(pieces)
        if run.target.startswith("#"):
            return f"#link(<{self._labels[run.target]}>)[{text}]"
        return f"#link({_string(run.target)})[{text}]" if run.target else text

    def _shared(self, block: Table | Chart, kind: str) -> str:
        """Return what a table and a chart have in common: number and caption, label, and what stands under."""
        mark = self._label(block).strip() or "none"
        notes = "".join(f"[{self._runs(note)}]," for note in block.notes)
        caption = _string(f"{kind} {block.number}. ")
        return f"caption:[#{caption}{self._runs(block.caption)}],mark:{mark},notes:({notes})"

    def _table(self, table: Table) -> str:
        layout = lay_out(table)
        columns = "".join(f"{width}pt," for width in layout.widths)
        options = (f"columns:({columns}),size:{layout.size}pt,hyphenate:{_yes(layout.hyphenated)},"
                   f"keep:{_yes(layout.height < KEPT_TOGETHER)},breakable:{_yes(layout.tallest > KEPT_TOGETHER)}")
        head = ",".join(self._cell(cell, row, words) for row in table.head
                        for cell, words in zip(row.cells, word_columns(table), strict=False))
        return (f"#sheet({self._shared(table, 'Tabell')},{options},"
                f"table.header(repeat:true,{head}),{','.join(self._rows(table.rows))})")

    def _rows(self, rows: Sequence[Row]) -> Iterator[str]:
        for row in rows:
            cells = ", ".join(self._cell(cell, row) for cell in row.cells)
            yield f"table.header(level: 2, repeat: true, {cells})" if row.group else cells

    def _cell(self, cell: Cell, row: Row, words: bool | None = None) -> str:
        options = [f"colspan: {cell.span}"] if cell.span > 1 else []
        if not (cell.words if words is None else words):
            options.append("align: right + bottom" if words is not None else "align: right")
        elif words:
            options.append("align: left + bottom")
        if row.group or row.own or words is not None:
            options.append("fill: ground")
        text = self._runs(cell.runs)
        if row.under:
            text = f"#text(fill: muted)[{text}]"
        elif row.group or row.own or words is not None:
            text = f"#strong[{text}]"
        return f"table.cell({', '.join(options)})[{text}]" if options else f"[{text}]"

    def _chart(self, chart: Chart) -> str:
        return (f"#chart({self._shared(chart, 'Diagram')},finding:[{self._runs(chart.finding)}],"
                f"alternative:{_string(chart.alternative)},width:{width_of(chart)}pt,\"{chart.number}.svg\")")


def continues(before: Chapter | None, chapter: Chapter) -> bool:
    """Tell whether a chapter follows on the page of the one before: where both are short, with words alone."""
    return before is not None and before.part == chapter.part and all(
        len(item.blocks) < SHORT and not any(isinstance(block, Table | Chart) for block in item.blocks)
        for item in (before, chapter))


def pages_of(blocks: Sequence[Block]) -> list[tuple[bool, list[Block]]]:
    """Return a chapter's blocks in stretches of upright and lying paper.

    Short text between two wide tables lies with them, and so does the heading right before one.
    """
    wide = [isinstance(block, Table) and lay_out(block).lying for block in blocks]
    lying = list(wide)
    places = [place for place, is_wide in enumerate(wide) if is_wide]
    for one, other in pairwise(places):
        between = blocks[one + 1:other]
        if len(between) <= 3 and all(isinstance(block, Heading | Paragraph) for block in between):
            lying[one + 1:other] = [True] * len(between)
    for place in reversed(range(len(blocks) - 1)):
        if lying[place + 1] and isinstance(blocks[place], Heading):
            lying[place] = True
    return [(is_lying, [block for _, block in pairs])
            for is_lying, pairs in groupby(zip(lying, blocks, strict=True), lambda pair: pair[0])]


def width_of(chart: Chart) -> float:
    """Return how wide a chart stands on paper, in points."""
    size = re.search(r'\swidth="([\d.]+)"', chart.svg)
    return min(float(size[1]) * POINTS_PER_PIXEL, UPRIGHT) if size else UPRIGHT


def word_columns(table: Table) -> list[bool]:
    """Tell of each column whether it holds words, and is set from the left."""
    row = next((row for row in table.rows if len(row.cells) == table.columns), table.rows[0])
    return [position == 0 or cell.words for position, cell in enumerate(row.cells)]


def _yes(true: bool) -> str:
    return "true" if true else "false"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def _with_row_headers(content: bytes, document: Document) -> bytes:
    """Return the PDF with the first cell of each row marked as the row's header, for which Typst has no way yet."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        root = pdf.Root.StructTreeRoot
        tables = list(document.tables())
        elements = [element for element in _elements(root) if element.S == TABLE]
        if len(tables) != len(elements):
            raise DocumentFault(f"PDF:en har {len(elements)} tabeller i stället för {len(tables)}")
        names = pikepdf.NameTree.new(pdf) if "/IDTree" not in root else pikepdf.NameTree(root.IDTree)
        for table, element in zip(tables, elements, strict=True):
            lines = [line for line in _elements(element) if line.S == ROW][len(table.head):]
            for position, (row, line) in enumerate(zip(table.rows, lines, strict=True)):
                if row.group or not row.cells[0].heading:
                    continue
                head, *cells = line.K
                name = f"T{table.number}R{position}"
                head.S = pikepdf.Name.TH
                head.ID = pikepdf.String(name)
                _table_attributes(head).Scope = pikepdf.Name.Row
                names[name] = head
                for cell in cells:
                    attributes = _table_attributes(cell)
                    attributes.Headers = pikepdf.Array([*attributes.get("/Headers", []), pikepdf.String(name)])
        if "/IDTree" not in root:
            root.IDTree = names.obj
        saved = io.BytesIO()
        pdf.save(saved, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return saved.getvalue()


def _elements(parent: pikepdf.Object) -> Iterator[pikepdf.Dictionary]:
    """Give every element below one in the tree of tags, in order."""
    children = parent.get("/K", [])
    for child in children if isinstance(children, pikepdf.Array) else [children]:
        if isinstance(child, pikepdf.Dictionary) and "/S" in child:
            yield child
            yield from _elements(child)


def _table_attributes(cell: pikepdf.Dictionary) -> pikepdf.Dictionary:
    """Return a cell's attributes as a table's, made where it has none."""
    held = cell.get("/A", pikepdf.Array())
    attributes = list(held) if isinstance(held, pikepdf.Array) else [held]
    for found in attributes:
        if found.O == TABLE:
            return found
    made = pikepdf.Dictionary(O=TABLE)
    cell.A = pikepdf.Array([*attributes, made])
    return next(item for item in cell.A if item.O == TABLE)
