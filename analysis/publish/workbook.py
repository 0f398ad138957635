"""A table as an Excel workbook, made from its CSV so that the two never differ."""

from __future__ import annotations

import csv
import datetime
import io
import re

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from analysis.measures.result import Quantity
from analysis.present.numbers import decimals_of, number_pattern
from analysis.present.views import FORMULA_STARTS

SHEET, ABOUT_SHEET = "Tabell", "Om tabellen"
NARROWEST, WIDEST = 12, 60
_NUMBER = re.compile(r"-?\d+(,\d+)?(e[+-]\d+)?")


def make_workbook(text: str, described: dict, manifest: dict) -> bytes:
    """Return a workbook of a table's CSV, its columns and facts as its view describes them, and the book's manifest.

    The same arguments give the same bytes.
    """
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as workbook:
        # The day alone, so that what several books have just the same can be one file.
        day = datetime.date.fromisoformat(manifest["built_at"][:10])
        facts = [*described["facts"], ["Boken byggdes", day.isoformat()]]
        created = datetime.datetime.combine(day, datetime.time())
        workbook.set_properties({"title": described["facts"][0][1], "created": created})
        _write_table(workbook, list(csv.reader(io.StringIO(text, newline=""), delimiter=";")), described["columns"])
        _write_facts(workbook, facts)
    return content.getvalue()


def _write_table(workbook: Workbook, lines: list[list[str]], columns: list[dict]) -> None:
    sheet = workbook.add_worksheet(SHEET)
    quantities = [Quantity("", "", column["unit"], column["decimals"]) for column in columns]
    heading = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    words = workbook.add_format({"text_wrap": True, "valign": "top"})
    formats: dict[str, Format] = {}
    for position, head in enumerate(lines[0]):
        _write_text(sheet, 0, position, head, heading)
    for row, line in enumerate(lines[1:], start=1):
        for position, (written, quantity) in enumerate(zip(line, quantities, strict=True)):
            if quantity.unit == "text" or not _NUMBER.fullmatch(written):
                _write_text(sheet, row, position, written, words)
                continue
            value = float(written.replace(",", "."))
            pattern = _pattern(value, quantity)
            if pattern not in formats:
                formats[pattern] = workbook.add_format({"num_format": pattern, "valign": "top"})
            sheet.write_number(row, position, value, formats[pattern])
    for position, quantity in enumerate(quantities):
        # The heading of numbers wraps; words, and the first column, get the room that they need.
        roomy = position == 0 or quantity.unit == "text"
        longest = max(len(line[position]) for line in (lines if roomy else lines[1:] or lines))
        sheet.set_column(position, position, min(max(longest + 2, NARROWEST), WIDEST))
    sheet.freeze_panes(1, 0)


def _write_facts(workbook: Workbook, facts: list[list[str]]) -> None:
    sheet = workbook.add_worksheet(ABOUT_SHEET)
    term = workbook.add_format({"bold": True, "valign": "top"})
    words = workbook.add_format({"text_wrap": True, "valign": "top"})
    for row, (name, text) in enumerate(facts):
        _write_text(sheet, row, 0, name, term)
        _write_text(sheet, row, 1, text, words)
    sheet.set_column(0, 0, max(len(name) for name, _ in facts) + 2)
    sheet.set_column(1, 1, 2 * WIDEST)


def _write_text(sheet: Worksheet, row: int, column: int, text: str, style: Format) -> None:
    """Write text as text: a workbook knows it from a formula, so the apostrophe that CSV needs goes."""
    if text[:1] == "'" and text[1:2] and text[1] in FORMULA_STARTS:
        text = text[1:]
    if text:
        sheet.write_string(row, column, text, style)


def _pattern(value: float, quantity: Quantity) -> str:
    """Return how a value is shown: as on the page, but years and values of mixed units as they are."""
    mixed = quantity.unit == "tal" and quantity.decimals
    return "General" if quantity.unit == "ar" or mixed else number_pattern(decimals_of(value, quantity))
