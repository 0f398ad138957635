"""A document as a Word file: real styles, tables, captions, links and alternative texts, and nothing from outside."""

from __future__ import annotations

import copy
import io
import itertools
import zipfile
from collections.abc import Sequence
from datetime import UTC
from xml.sax.saxutils import escape, quoteattr

import docx
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from analysis.present.svg import to_png
from analysis.publish.document.colours import COLOURS
from analysis.publish.document.pdf import KEPT_TOGETHER, continues, pages_of, width_of, word_columns
from analysis.publish.document.tree import (
    Block,
    Cell,
    Chapter,
    Chart,
    Document,
    Heading,
    Listing,
    Paragraph,
    Row,
    Run,
    Runs,
    Table,
    Terms,
    plain,
    told,
)
from analysis.publish.document.widths import Layout, lay_out

# Every system has it or a font of the same widths.
FONT = "Arial"
LANGUAGE = "sv-SE"
INK, MUTED, ACCENT, RULE, GROUND = (
    COLOURS[name].removeprefix("#").upper() for name in ("ink", "muted", "accent", "rule", "ground"))
TWENTIETHS = 20
PAGE_WIDTH, PAGE_HEIGHT, SIDE, TOP, BOTTOM = Mm(210), Mm(297), Mm(22.7), Mm(26), Mm(24)
# Pixels of a chart's picture for each of its own, so that it is sharp on paper.
SHARPNESS = 2
SOURCE, CELL, PART, CONTENTS = "Not", "Tabelltext", "Del", "TOC Heading"
# The chapters and their sections, as links.
CONTENTS_FIELD = r'TOC \o "1-2" \h \z \u'
# Name, what it is based on, points, bold, colour, points before, points after.
STYLES = (
    ("Normal", None, 10, False, INK, 0, 6),
    ("Title", "Normal", 30, True, ACCENT, 0, 12),
    ("Subtitle", "Normal", 18, False, INK, 0, 0),
    ("Heading 1", "Normal", 20, True, ACCENT, 0, 12),
    ("Heading 2", "Normal", 13.5, True, ACCENT, 18, 6),
    ("Heading 3", "Normal", 10.5, True, ACCENT, 12, 4),
    ("Heading 4", "Normal", 10, True, INK, 10, 3),
    ("Caption", "Normal", 9.5, True, INK, 10, 4),
    ("toc 1", "Normal", 10, False, INK, 5, 2),
    ("toc 2", "Normal", 9, False, INK, 0, 1),
    ("Header", "Normal", 8, False, MUTED, 0, 0),
    ("Footer", "Normal", 8.5, False, MUTED, 0, 0),
    (SOURCE, "Normal", 8.5, False, MUTED, 3, 3),
    (CELL, "Normal", 9, False, INK, 0, 0),
    (PART, "Normal", 11, True, MUTED, 14, 4),
    (CONTENTS, "Normal", 20, True, ACCENT, 0, 12),
)
KEPT_WITH_NEXT = {"Heading 1", "Heading 2", "Heading 3", "Heading 4", "Caption", PART, CONTENTS}


def make_word(document: Document) -> bytes:
    """Return the document as a Word file; the same document gives the same bytes."""
    return _same_bytes(_Writer(document).write(), document)


class _Writer:
    """Writes a document as WordprocessingML, in a file that python-docx makes."""

    def __init__(self, document: Document):
        self._document = document
        self._file = docx.Document()
        self._body = self._file.element.body
        self._last = self._body.sectPr
        self._numbers = itertools.count(1)
        anchored = (block for block in document.blocks() if block.anchors)
        self._bookmarks = {anchor: f"plats_{position}" for position, block in enumerate(anchored)
                           for anchor in block.anchors}

    def write(self) -> bytes:
        """Return the file."""
        self._set_properties()
        self._set_styles()
        self._set_page(self._last, lying=False)
        self._set_header_and_footer()
        self._cover()
        self._contents()
        before = None
        for chapter in self._document.chapters:
            with told(f"sidan {chapter.name}.html kan inte skrivas i Word-filen"):
                self._chapter(chapter, continues(before, chapter))
            before = chapter
        if self._last.getprevious().tag != qn("w:p"):
            self._add(self._paragraph("", SOURCE))
        content = io.BytesIO()
        self._file.save(content)
        return content.getvalue()

    # What holds for the whole file.

    def _set_properties(self) -> None:
        document, properties = self._document, self._file.core_properties
        built_at = document.built_at.astimezone(UTC).replace(tzinfo=None)
        properties.title, properties.author = document.full_title, document.place
        properties.last_modified_by, properties.language = document.place, LANGUAGE
        properties.subject, properties.comments, properties.keywords = document.period, "", ""
        properties.created = properties.modified = built_at
        relations = self._file.part.package.rels
        for key in [key for key, relation in relations.items() if relation.reltype.endswith("/thumbnail")]:
            del relations[key]
        settings = self._file.settings.element
        settings.find(qn("w:zoom")).set(qn("w:percent"), "100")
        for setting in settings.iter(qn("w:compatSetting")):
            if setting.get(qn("w:name")) == "compatibilityMode":
                # In the mode of an older version Word lays out differently, and says so.
                setting.set(qn("w:val"), "15")

    def _set_styles(self) -> None:
        styles = self._file.styles
        defaults = styles.element.find(f".//{qn('w:rPrDefault')}/{qn('w:rPr')}")
        language = defaults.find(qn("w:lang"))
        language.set(qn("w:val"), LANGUAGE)
        for name, base, size, bold, colour, before, after in STYLES:
            style = styles[name] if name in styles else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            if base:
                style.base_style = styles[base]
            properties = style.element.get_or_add_rPr()
            for old in ("w:rFonts", "w:spacing", "w:kern", "w:i", "w:iCs", "w:caps"):
                for element in properties.findall(qn(old)):
                    properties.remove(element)
            fonts = properties.get_or_add_rFonts()
            for script in ("ascii", "hAnsi", "cs", "eastAsia"):
                fonts.set(qn(f"w:{script}"), FONT)
            style.font.size, style.font.bold, style.font.color.rgb = Pt(size), bold, RGBColor.from_string(colour)
            spacing = style.paragraph_format
            spacing.space_before, spacing.space_after = Pt(before), Pt(after)
            spacing.keep_with_next = name in KEPT_WITH_NEXT
            borders = style.element.pPr.find(qn("w:pBdr"))
            if borders is not None:
                style.element.pPr.remove(borders)
        styles["Normal"].paragraph_format.line_spacing = 1.15
        styles[CELL].paragraph_format.line_spacing = 1.0
        styles["toc 2"].paragraph_format.left_indent = Pt(12)
        link = styles.add_style("Hyperlink", WD_STYLE_TYPE.CHARACTER)
        link.font.color.rgb, link.font.underline = RGBColor.from_string(ACCENT), True

    @staticmethod
    def _set_page(section, *, lying: bool) -> None:
        size, margins = section.get_or_add_pgSz(), section.get_or_add_pgMar()
        size.w, size.h = (PAGE_HEIGHT, PAGE_WIDTH) if lying else (PAGE_WIDTH, PAGE_HEIGHT)
        size.orient = WD_ORIENT.LANDSCAPE if lying else WD_ORIENT.PORTRAIT
        margins.left = margins.right = SIDE
        margins.top, margins.bottom = TOP, BOTTOM

    def _set_header_and_footer(self) -> None:
        section = self._file.sections[0]
        section.header_distance = section.footer_distance = Mm(12)
        section.header.paragraphs[0].text = self._document.full_title
        footer = section.footer.paragraphs[0]
        footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
        number = _field("PAGE", "2") + _text(" (") + _field("NUMPAGES", "2") + _text(")")
        footer._p.extend(list(parse_xml(f"<w:p {nsdecls('w')}>{number}</w:p>")))

    # The parts of the document.

    def _cover(self) -> None:
        document = self._document
        self._add(self._paragraph(_text(document.title), "Title", '<w:spacing w:before="2800"/>'))
        self._add(self._paragraph(_text(f"{document.place} {document.period}"), "Subtitle",
                                  '<w:spacing w:after="6000"/>'))
        if document.basis:
            self._add(self._paragraph(_text(f"Bygger på: {document.basis}"), SOURCE))
        self._add(self._paragraph(_text(f"Framtagen den {document.built_on}"), SOURCE))
        self._add(self._paragraph(self._runs(document.about), SOURCE, '<w:spacing w:before="320"/>'))

    def _contents(self) -> None:
        """Write the table of contents as a field that is filled in; its page numbers come when it is updated."""
        self._add(self._paragraph(_text("Innehåll"), CONTENTS, "<w:pageBreakBefore/>"))
        opening = _opened(CONTENTS_FIELD)
        entries = []
        part = ""
        for chapter in self._document.chapters:
            if chapter.part != part:
                part = chapter.part
                entries.append((_text(part), PART))
            for block in chapter.blocks:
                if isinstance(block, Heading) and block.level <= 2 and block.anchors:
                    link = self._run(Run(plain(block.runs), target=block.anchors[0]), link_style=False)
                    entries.append((link, f"toc {block.level}"))
        for position, (content, style) in enumerate(entries):
            first, last = position == 0, position == len(entries) - 1
            self._add(self._paragraph((opening if first else "") + content + (_mark("end") if last else ""), style))
        # A section must not end within the field: LibreOffice then loses the page numbers.
        self._add(self._paragraph("", SOURCE))

    def _chapter(self, chapter: Chapter, on_same_page: bool) -> None:
        first, *others = chapter.blocks
        if on_same_page:
            self._heading(first, '<w:spacing w:before="680"/>')
        elif chapter is self._document.chapters[0]:
            self._end_section(lying=False, cover=True)
            self._heading(first)
        else:
            self._heading(first, "<w:pageBreakBefore/>")
        for lying, blocks in pages_of(others):
            if lying:
                self._end_section(lying=False)
            for block in blocks:
                self._block(block)
            if lying:
                self._end_section(lying=True)

    def _end_section(self, *, lying: bool, cover: bool = False) -> None:
        """End a stretch of pages that lie or stand in its last paragraph."""
        paragraph = self._last.getprevious()
        if paragraph.tag != qn("w:p") or paragraph.find(f"{qn('w:pPr')}/{qn('w:sectPr')}") is not None:
            self._add(self._paragraph("", SOURCE))
            paragraph = self._last.getprevious()
        section = copy.deepcopy(self._last)
        if not cover:
            for reference in section.findall(qn("w:headerReference")) + section.findall(qn("w:footerReference")):
                section.remove(reference)
        self._set_page(section, lying=lying)
        if cover:
            section.titlePg_val = True
        paragraph.get_or_add_pPr().append(section)

    def _block(self, block: Block, level: int = 0) -> None:
        match block:
            case Heading():
                self._heading(block)
            case Paragraph():
                properties = f'<w:ind w:left="{level * 360}"/>' if level else ""
                style = SOURCE if block.note else "Normal"
                self._add(self._paragraph(self._marked(block, self._runs(block.runs)), style, properties))
            case Listing():
                self._listing(block, level)
            case Terms():
                self._terms(block)
            case Table():
                self._table(block)
            case Chart():
                self._chart(block)

    def _heading(self, heading: Heading, properties: str = "") -> None:
        level = min(heading.level, 4)
        self._add(self._paragraph(self._marked(heading, self._runs(heading.runs)), f"Heading {level}", properties))

    def _listing(self, listing: Listing, level: int) -> None:
        kind = "List Number" if listing.ordered else "List Bullet"
        style = f"{kind} {level + 1}" if 0 < level < 3 else kind
        restart = self._new_numbering(style) if listing.ordered else ""
        if listing.anchors:
            # Between paragraphs, since an item may begin with something else than text.
            for mark in self._bookmark(listing):
                self._add(mark)
        for item in listing.items:
            first, *others = item
            if isinstance(first, Paragraph):
                self._add(self._paragraph(self._marked(first, self._runs(first.runs)), style, restart))
            else:
                others = item
            for block in others:
                self._block(block, level + 1)

    def _new_numbering(self, style: str) -> str:
        """Return what lets a numbered list begin at one."""
        numbering = self._file.part.numbering_part.element
        kind = numbering.num_having_numId(self._file.styles[style].element.pPr.numPr.numId.val).abstractNumId.val
        number = numbering.add_num(kind)
        number.add_lvlOverride(ilvl=0).add_startOverride(1)
        return f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number.numId}"/></w:numPr>'

    def _terms(self, terms: Terms) -> None:
        for position, (term, texts) in enumerate(terms.entries):
            name = _text(plain(term), bold=True)
            self._add(self._paragraph(self._marked(terms, name) if position == 0 else name, "Normal",
                                 '<w:keepNext/><w:spacing w:after="20"/>'))
            for text in texts:
                self._add(self._paragraph(self._runs(text), "Normal", '<w:ind w:left="240"/>'))

    def _table(self, table: Table) -> None:
        layout = lay_out(table)
        self._add(self._paragraph(self._caption(table, "Tabell"), "Caption"))
        grid = "".join(f'<w:gridCol w:w="{round(width * TWENTIETHS)}"/>' for width in layout.widths)
        keep = layout.height < KEPT_TOGETHER
        head = "".join(self._row(row, layout, "<w:cantSplit/><w:tblHeader/>", table, keep=True) for row in table.head)
        short = "<w:cantSplit/>" if layout.tallest < KEPT_TOGETHER else ""
        body = "".join(self._row(row, layout, short, None, keep or row.group) for row in table.rows)
        lines = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="{RULE}"/>'
                        for side in ("bottom", "insideH"))
        self._add(f'<w:tbl {nsdecls("w", "r")}><w:tblPr><w:tblW w:w="{round(layout.width * TWENTIETHS)}" w:type="dxa"/>'
                  f'<w:tblBorders>{lines}</w:tblBorders><w:tblLayout w:type="fixed"/>'
                  '<w:tblCellMar><w:top w:w="50" w:type="dxa"/><w:left w:w="90" w:type="dxa"/>'
                  '<w:bottom w:w="50" w:type="dxa"/><w:right w:w="90" w:type="dxa"/></w:tblCellMar>'
                  '<w:tblLook w:val="00A0" w:firstRow="1" w:lastRow="0" w:firstColumn="1" w:lastColumn="0" '
                  'w:noHBand="0" w:noVBand="0"/>'
                  f"<w:tblCaption w:val={quoteattr(table.title)}/></w:tblPr>"
                  f"<w:tblGrid>{grid}</w:tblGrid>{head}{body}</w:tbl>")
        self._under(table.notes)

    def _row(self, row: Row, layout: Layout, properties: str, head_of: Table | None, keep: bool) -> str:
        words = word_columns(head_of) if head_of else []
        cells, position = [], 0
        for cell in row.cells:
            width = sum(layout.widths[position:position + cell.span])
            is_words = words[position] if head_of and position < len(words) else cell.words
            cells.append(self._cell(cell, row, round(width * TWENTIETHS), layout.size, is_words, bool(head_of), keep))
            position += cell.span
        return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"

    def _cell(self, cell: Cell, row: Row, width: int, size: float, words: bool, is_head: bool, keep: bool) -> str:
        shaded = f'<w:shd w:val="clear" w:color="auto" w:fill="{GROUND}"/>' if is_head or row.group or row.own else ""
        span = f'<w:gridSpan w:val="{cell.span}"/>' if cell.span > 1 else ""
        bottom = '<w:vAlign w:val="bottom"/>' if is_head else ""
        looks = {"bold": is_head or row.group or row.own, "colour": MUTED if row.under else "", "size": size}
        aligned = ("<w:keepNext/>" if keep else "") + ("" if words else '<w:jc w:val="right"/>')
        return (f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{span}{shaded}{bottom}</w:tcPr>'
                f"{self._paragraph(self._runs(cell.runs, **looks), CELL, aligned, declared=False)}</w:tc>")

    def _chart(self, chart: Chart) -> None:
        self._add(self._paragraph(self._caption(chart, "Diagram"), "Caption"))
        if chart.finding:
            self._add(self._paragraph(self._runs(chart.finding), "Normal", "<w:keepNext/>"))
        picture = io.BytesIO(to_png(_on_white(chart.svg), SHARPNESS))
        inline = self._file.part.new_pic_inline(picture, Pt(width_of(chart)), None)
        inline.docPr.set("descr", chart.alternative)
        inline.docPr.set("name", f"Diagram {chart.number}")
        paragraph = parse_xml(self._paragraph("<w:r/>", "Normal", "<w:keepNext/>" if chart.notes else ""))
        drawing = OxmlElement("w:drawing")
        drawing.append(inline)
        paragraph.find(qn("w:r")).append(drawing)
        self._last.addprevious(paragraph)
        self._under(chart.notes)

    def _caption(self, block: Table | Chart, kind: str) -> str:
        number = _text(f"{kind} ") + _field(rf"SEQ {kind} \* ARABIC", str(block.number)) + _text(". ")
        return self._marked(block, number + self._runs(block.caption))

    def _under(self, notes: Sequence[Runs]) -> None:
        for note in notes:
            self._add(self._paragraph(self._runs(note), SOURCE))

    # The smallest parts.

    def _add(self, element: str) -> None:
        self._last.addprevious(parse_xml(element))

    def _marked(self, block: Block, content: str) -> str:
        """Return content with the bookmark that links lead to."""
        if not block.anchors:
            return content
        start, end = self._bookmark(block)
        return f"{start}{content}{end}"

    def _bookmark(self, block: Block) -> tuple[str, str]:
        number, namespace = next(self._numbers), nsdecls("w")
        name = self._bookmarks[block.anchors[0]]
        return (f'<w:bookmarkStart {namespace} w:id="{number}" w:name="{name}"/>',
                f'<w:bookmarkEnd {namespace} w:id="{number}"/>')

    def _runs(self, runs: Runs, **looks) -> str:
        return "".join(self._run(run, **looks) for run in runs)

    def _run(self, run: Run, *, link_style: bool = True, bold: bool = False, **looks) -> str:
        content = _text(run.text, link=bool(run.target) and link_style, bold=bold or run.bold, italic=run.italic,
                        code=run.code, **looks)
        if run.target.startswith("#"):
            return f'<w:hyperlink w:anchor="{self._bookmarks[run.target]}" w:history="1">{content}</w:hyperlink>'
        if run.target:
            relation = self._file.part.relate_to(run.target, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
            return f'<w:hyperlink r:id="{relation}" w:history="1">{content}</w:hyperlink>'
        return content

    def _paragraph(self, content: str, style: str, properties: str = "", declared: bool = True) -> str:
        declarations = f" {nsdecls('w', 'r')}" if declared else ""
        return (f'<w:p{declarations}><w:pPr><w:pStyle w:val="{self._file.styles[style].style_id}"/>{properties}'
                f"</w:pPr>{content}</w:p>")


def _text(text: str, *, link: bool = False, code: bool = False, bold: bool = False, italic: bool = False,
          colour: str = "", size: float = 0.0) -> str:
    """Return a run of text with its looks, in the order that the format demands."""
    looks = ('<w:rStyle w:val="Hyperlink"/>' if link else "") \
        + ('<w:rFonts w:ascii="Courier New" w:hAnsi="Courier New" w:cs="Courier New"/>' if code else "") \
        + ("<w:b/>" if bold else "") + ("<w:i/>" if italic else "") \
        + (f'<w:color w:val="{colour}"/>' if colour else "") + (f'<w:sz w:val="{round(size * 2)}"/>' if size else "")
    lines = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in text.split("\v"))
    return f"<w:r><w:rPr>{looks}</w:rPr>{lines}</w:r>"


def _on_white(svg: str) -> str:
    """Return a chart on a ground of its own, since a reader's program may show the paper dark."""
    end = svg.index(">") + 1
    return f'{svg[:end]}<rect width="100%" height="100%" fill="#ffffff"/>{svg[end:]}'


def _mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def _opened(code: str) -> str:
    return f'{_mark("begin")}<w:r><w:instrText xml:space="preserve"> {code} </w:instrText></w:r>{_mark("separate")}'


def _field(code: str, shown: str) -> str:
    """Return a field with what it shows until the reader's program counts anew."""
    return f"{_opened(code)}{_text(shown)}{_mark('end')}"


def _same_bytes(content: bytes, document: Document) -> bytes:
    """Return the file packed anew, with the book's time instead of the clock's."""
    moment = document.built_at.timetuple()[:6]
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            new.writestr(entry, old.read(name))
    return packed.getvalue()
