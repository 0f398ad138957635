"""The Excel workbook that an analyst fills in: everything in it follows from the tables' specifications."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil

import pandas as pd
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from analysis.sources.cells import clean, number_text
from analysis.sources.registers import Source
from analysis.sources.schema import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    MUNICIPAL_TABLES,
    SOURCE_TABLE,
    ColumnSpec,
    TableSpec,
    in_words,
)

START_SHEET, LIST_SHEET = "Börja här", "Listor"
# What the import knows the example row by, and the facts on the first sheet that say whose workbook it is.
EXAMPLE = "Exempel: "
NAME, CODE, SLUG, FIRST_YEAR, LAST_YEAR = "Kommun", "Kommunkod", "Mappnamn", "Första år", "Sista år"
SOURCE_COLUMNS = ("kalla", "kalla_2")

TITLE_ROW, ABOUT_ROW, EXPLANATION_ROW, HEADING_ROW, EXAMPLE_ROW, FIRST_ROW = range(6)
LAST_ROW = 2000
WIDTHS = {"year": 11, "integer": 15, "number": 17, "date": 15, "text": 28}
START_WIDTHS, LINE_HEIGHT = (36, 44, 44, 44, 60), 15
LONGEST_TEXT = 32767
# Characters that XML, and so a workbook, cannot hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")


@dataclass(frozen=True)
class Card:
    """Whose workbook it is, and the years that it covers."""

    slug: str
    name: str
    code: str
    first_year: int
    last_year: int


@dataclass(frozen=True)
class ChapterNeeds:
    """What a chapter of the book needs: in words, the tables that it cannot do without, and those that add to it."""

    title: str
    needs: str
    tables: frozenset[str]
    more: frozenset[str]


def plain_text(text: str) -> str:
    """Return a text as both CSV and a workbook can hold it: one kind of line break, no control characters."""
    return clean(_UNWRITABLE.sub("", re.sub("\r\n?", "\n", text)))


def grid_columns(spec: TableSpec) -> tuple[ColumnSpec, ...]:
    """Return the columns that the workbook fills in: year, and part or law; none where they do not give the rows."""
    by_name = {column.name: column for column in spec.columns}
    key = [by_name[name] for name in spec.key]
    given = key[0].kind == "year" and all(column.kind == "year" or column.allowed for column in key)
    return tuple(key) if given else ()


def make_template(
    card: Card,
    chapters: Sequence[ChapterNeeds],
    examples: Mapping[str, Sequence[object]],
    tables: Mapping[str, pd.DataFrame] | None = None,
    sources: Iterable[Source] = (),
) -> bytes:
    """Return the workbook: empty with years filled in, or, where `tables` is given, with what a municipality has.

    `tables` and `examples` are by the table's name; an example is one row in the order of the columns. The same
    arguments give the same bytes. Raises ValueError, in Swedish, for a text that is too long for a cell.
    """
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as workbook:
        workbook.set_properties(
            {"title": f"Underlag för {card.name}", "created": datetime.datetime(card.last_year, 12, 31)}
        )
        styles = _Styles(workbook)
        start = workbook.add_worksheet(START_SHEET)
        listed = _Lists()
        for spec in (SOURCE_TABLE, *MUNICIPAL_TABLES.values()):
            sheet = workbook.add_worksheet(spec.sheet)
            if spec is SOURCE_TABLE:
                rows = [
                    [source.id, source.title, source.publisher, source.date, source.document, source.link, source.note]
                    for source in sources
                ]
            elif tables is None:
                rows = _grid(spec, card)
            else:
                rows = tables[spec.name].values.tolist() if spec.name in tables else []
            _write_table(sheet, spec, card, rows, examples.get(spec.name, ()), styles, listed)
        _write_start(start, card, chapters, styles)
        for sheet in workbook.worksheets():
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
        _write_lists(workbook.add_worksheet(LIST_SHEET), listed)
    return content.getvalue()


class _Styles:
    """The formats of a workbook, each made once."""

    def __init__(self, workbook: Workbook):
        def style(**properties: object) -> Format:
            return workbook.add_format({"valign": "top", **properties})

        self.title = style(bold=True, font_size=14)
        self.about = style(italic=True)
        self.words = style(text_wrap=True)
        self.link = style(font_color="#0B4FA3", underline=1)
        self.explanation = style(text_wrap=True, italic=True, font_color="#444444", font_size=9)
        self.heading = style(text_wrap=True, bold=True, bottom=1, bg_color="#DDE6F0")
        self.example = style(italic=True, font_color="#666666", bg_color="#F2F2F2", num_format="@")
        # As text, so that Excel makes no date of 2021-11 and keeps the zeros of 007.
        self.kinds = {
            "text": style(num_format="@", text_wrap=True),
            "date": style(num_format="@"),
            "year": style(num_format="0", align="left"),
            "integer": style(),
            "number": style(),
        }


class _Lists:
    """The drop-down lists, which stand in columns of a hidden sheet of their own."""

    def __init__(self) -> None:
        self.columns: dict[tuple[str, ...], int] = {}

    def reference(self, allowed: tuple[str, ...]) -> str:
        """Return where a list stands, as a formula."""
        values = tuple(in_words(value) for value in allowed if value)
        letter = _letter(self.columns.setdefault(values, len(self.columns)))
        return f"='{LIST_SHEET}'!${letter}$1:${letter}${len(values)}"


def _letter(position: int) -> str:
    return chr(ord("A") + position)


def _grid(spec: TableSpec, card: Card) -> list[list[object]]:
    if spec.items:
        return [[row.get(column.name, "") for column in spec.all_columns] for row in spec.item_rows]
    columns = grid_columns(spec)
    if not columns:
        return []
    # The years stand together for each part, as in a table that is read downwards.
    choices = [
        range(card.first_year, card.last_year + 1)
        if column.kind == "year"
        else [in_words(value) for value in column.allowed]
        for column in columns
    ]
    rows = product(*reversed(choices))
    return [list(reversed(row)) + [""] * (len(spec.all_columns) - len(columns)) for row in rows]


def _write_table(
    sheet: Worksheet,
    spec: TableSpec,
    card: Card,
    rows: Sequence[Sequence[object]],
    example: Sequence[object],
    styles: _Styles,
    lists: _Lists,
) -> None:
    sheet.write_string(TITLE_ROW, 0, spec.title, styles.title)
    about = f"Ger i boken: {spec.gives}. Skriv era uppgifter under rubrikerna på rad {HEADING_ROW + 1}. "
    if example:
        about += f"Rad {EXAMPLE_ROW + 1} är ett exempel ur en annan kommuns rapport och läses inte in. "
    sheet.write_string(ABOUT_ROW, 0, about + "En rad utan värden läses inte in heller.", styles.about)
    for position, column in enumerate(spec.all_columns):
        sheet.set_column(position, position, WIDTHS[column.kind], styles.kinds[column.kind])
        text = explanation(column)
        if spec is SOURCE_TABLE and column.name in spec.key:
            # Every municipality's sources stand in one register, so a name that another may take is no good one.
            name = f"{card.slug.replace('-', '_')}_bokslut_{card.last_year}"
            text = text.replace(". ", f", till exempel {name}. ", 1)
        sheet.write_string(EXPLANATION_ROW, position, text, styles.explanation)
        sheet.write_string(HEADING_ROW, position, column.label, styles.heading)
        shown = _shown(example[position], column) if example else ""
        if shown != "":
            sheet.write_string(
                EXAMPLE_ROW,
                position,
                EXAMPLE + (shown if isinstance(shown, str) else number_text(shown)),
                styles.example,
            )
        rule = _validation(column, lists)
        if rule:
            sheet.data_validation(FIRST_ROW, position, max(LAST_ROW, FIRST_ROW + len(rows)), position, rule)
    sheet.set_row(EXPLANATION_ROW, 110)
    for number, row in enumerate(rows, start=FIRST_ROW):
        if spec.items:
            longest = max(len(value) for value in row if isinstance(value, str))
            sheet.set_row(number, LINE_HEIGHT * ceil(longest / WIDTHS["text"]))
        for position, (value, column) in enumerate(zip(row, spec.all_columns, strict=True)):
            _write_value(sheet, number, position, _shown(value, column), styles.kinds[column.kind])
    sheet.freeze_panes(FIRST_ROW - 1, 0)


def _shown(value: object, column: ColumnSpec) -> str | float:
    """Return a value as the sheet shows it: a number, or text with Swedish letters in the values of a list."""
    if not isinstance(value, str):
        return "" if pd.isna(value) else value
    return in_words(value) if column.allowed else plain_text(value)


def _write_value(sheet: Worksheet, row: int, position: int, value: str | float, style: Format) -> None:
    if value == "":
        return
    if not isinstance(value, str):
        # XlsxWriter keeps sixteen digits; the few numbers that have more are kept as text, which the import reads.
        if float(f"{value:.16G}") == value:
            sheet.write_number(row, position, value, style)
            return
        value = number_text(value)
    if len(value) > LONGEST_TEXT:
        raise ValueError(f"texten ”{value[:40]}…” har {len(value)} tecken, och en cell i Excel rymmer {LONGEST_TEXT}")
    # As a string, so that text that begins with = is never a formula.
    sheet.write_string(row, position, value, style)


def explanation(column: ColumnSpec) -> str:
    """Return what a column means, what to write there and whether it may be left empty."""
    if column.name in SOURCE_COLUMNS and column not in SOURCE_TABLE.columns:
        meaning = "Var uppgiften kommer ifrån" if column.name == SOURCE_COLUMNS[0] else column.description
        form = f"Välj källans korta namn från bladet {SOURCE_TABLE.sheet}"
    else:
        meaning = column.description
        form = (
            "Välj i listan"
            if column.allowed
            else "Text"
            if column.kind == "text"
            else column.expected.removesuffix(" (eller tom cell)")
        )
    return f"{meaning}. {form[0].upper()}{form[1:]}. {'Får vara tom' if column.optional else 'Måste fyllas i'}."


def _validation(column: ColumnSpec, lists: _Lists) -> dict:
    """Return Excel's own check of a column, if any: it stops a word that is not in the list, and warns for the rest."""
    rule: dict = {}
    if column.allowed:
        rule = {"validate": "list", "source": lists.reference(column.allowed), "error_type": "stop"}
    elif column.name in SOURCE_COLUMNS and column not in SOURCE_TABLE.columns:
        rule = {
            "validate": "list",
            "source": f"='{SOURCE_TABLE.sheet}'!$A${FIRST_ROW + 1}:$A${LAST_ROW}",
            "error_type": "warning",
        }
    elif column.kind == "year":
        rule = {
            "validate": "integer",
            "criteria": "between",
            "minimum": EARLIEST_YEAR,
            "maximum": LATEST_YEAR,
            "error_type": "warning",
        }
    elif column.kind in ("integer", "number"):
        rule = {
            "validate": "integer" if column.kind == "integer" else "decimal",
            "error_type": "warning",
            "criteria": "between",
            "minimum": -1e15 if column.minimum is None else column.minimum,
            "maximum": 1e15 if column.maximum is None else column.maximum,
        }
    if rule:
        rule |= {"error_title": "Kontrollera värdet", "error_message": explanation(column)[:255], "ignore_blank": True}
    return rule


def _write_start(sheet: Worksheet, card: Card, chapters: Sequence[ChapterNeeds], styles: _Styles) -> None:
    sheet.write_string(0, 0, f"Underlag för {card.name}", styles.title)
    row = 2
    for label, value in (
        (NAME, card.name),
        (CODE, card.code),
        (SLUG, card.slug),
        (FIRST_YEAR, card.first_year),
        (LAST_YEAR, card.last_year),
    ):
        sheet.write_string(row, 0, label, styles.heading)
        _write_value(sheet, row, 1, value, styles.kinds["year" if isinstance(value, int) else "text"])
        row += 1
    row += 1
    for line in _INSTRUCTIONS:
        sheet.write_string(row, 0, line)
        row += 1
    row += 1
    heads = ("Blad", "Innehåll", "Ger i boken", "Kapitel som bygger på bladet", "Kapitel som får veta mer av bladet")
    for position, head in enumerate(heads):
        sheet.write_string(row, position, head, styles.heading)
    for spec in MUNICIPAL_TABLES.values():
        row += 1
        needed = [chapter.title for chapter in chapters if spec.name in chapter.tables]
        richer = [chapter.title for chapter in chapters if spec.name in chapter.more - chapter.tables]
        sheet.write_url(row, 0, f"internal:'{spec.sheet}'!A1", styles.link, spec.sheet)
        _write_words(sheet, row, ("", spec.title, spec.gives, ", ".join(needed), ", ".join(richer)), styles)
    row += 2
    sheet.write_string(row, 0, "Kapitel", styles.heading)
    sheet.write_string(row, 1, "Behöver", styles.heading)
    for chapter in chapters:
        row += 1
        _write_words(sheet, row, (chapter.title, chapter.needs or "Kommer alltid med"), styles)
    for position, width in enumerate(START_WIDTHS):
        sheet.set_column(position, position, width)


def _write_words(sheet: Worksheet, row: int, texts: Sequence[str], styles: _Styles) -> None:
    """Write a row of texts, and give it the height that they need, which not every program works out by itself."""
    lines = max(ceil(len(text) / width) for text, width in zip(texts, START_WIDTHS, strict=False))
    sheet.set_row(row, LINE_HEIGHT * lines)
    for position, text in enumerate(texts):
        if text:
            sheet.write_string(row, position, text, styles.words)


_INSTRUCTIONS = (
    "Fyll bara i det som ni har. Kapitel utan underlag utelämnas; längst ned står vad varje kapitel behöver.",
    f"Börja med bladet {SOURCE_TABLE.sheet}: varje rad på de andra bladen anger vilken källa uppgiften kommer ifrån.",
    "Saknas en enstaka uppgift lämnar ni cellen tom, eller skriver .. där. Skriv ca framför ett uppskattat tal.",
    "Skriv tal med decimalkomma och utan enhet. Vilken enhet som gäller står i rubriken.",
    "Egna anteckningar kan stå på egna blad; de läses inte in. Ändra inte rubrikerna.",
    "När ni är klara: spara, stäng Excel och kör python -m analysis import följt av filens namn.",
)


def _write_lists(sheet: Worksheet, lists: _Lists) -> None:
    for values, position in lists.columns.items():
        for row, value in enumerate(values):
            sheet.write_string(row, position, value)
    sheet.hide()
