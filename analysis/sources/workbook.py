"""Read a workbook that an analyst has filled in: what is guessed is noted, what cannot be read is a fault."""

from __future__ import annotations

import datetime
import difflib
import io
import math
import re
import warnings
import zipfile
import zlib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import openpyxl
from openpyxl.cell import Cell
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, to_excel
from openpyxl.worksheet.worksheet import Worksheet

from analysis.sources.cells import CellError, clean, number_text, parse_number
from analysis.sources.faults import DataError, Fault, file_fault
from analysis.sources.reader import KRONOR
from analysis.sources.schema import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    MUNICIPAL_TABLES,
    PROVENANCE,
    SOURCE_TABLE,
    ColumnSpec,
    TableSpec,
    fold,
    in_words,
)
from analysis.sources.template import (
    CODE,
    EXAMPLE,
    FIRST_YEAR,
    LAST_YEAR,
    LIST_SHEET,
    NAME,
    SLUG,
    SOURCE_COLUMNS,
    START_SHEET,
    grid_columns,
    plain_text,
)

TABLES = {SOURCE_TABLE.name: SOURCE_TABLE, **MUNICIPAL_TABLES}
ESTIMATED = "uppskattad"
_XLSX = "en arbetsbok från Excel (.xlsx)"
_SAVE_AS = "öppna filen i Excel och välj Spara som, Excel-arbetsbok (.xlsx)"
_MISSING = re.compile(r"[-–—−.…?]+|x|saknas|uppgift(en)? saknas|n/?a|ej tillgänglig|okänt värde", re.IGNORECASE)
_ABOUT = re.compile(r"(ca|cirka|c:a|circa|omkring|ungefär|uppskattningsvis|drygt|knappt|runt|~|≈)[ .:]*", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"((?:19|20)[0-9]{2})-[0-9]{2}-[0-9]{2}( [0-9:.]+)?")
_PIECES = re.compile(r" *(st\.?|stycken|personer|brukare)$", re.IGNORECASE)
_EXAMPLE_LEFT, _OWN_VALUE = "exemplet står kvar", "skriv ert eget värde i stället för exemplet"
# How a formula's empty text is marked: as it stands in the file, or as the library calls a text.
_NO_TEXT = ("str", "s")
# What Excel in Swedish shows for the errors that a file holds.
_ERRORS = {
    "#DIV/0!": "#DIVISION/0!",
    "#N/A": "#SAKNAS!",
    "#NAME?": "#NAMN?",
    "#NULL!": "#SKÄRNING!",
    "#NUM!": "#OGILTIGT!",
    "#REF!": "#REFERENS!",
    "#VALUE!": "#VÄRDEFEL!",
}
_SUM = re.compile(r"(summa|delsumma|s:a|totalt?|totalsumma)\b.*", re.IGNORECASE | re.DOTALL)
_HEADING_ROWS = 40
# More than any workbook of tables takes unpacked, even one whose formats reach the last row of a sheet.
_LARGEST = 2**30
# Parts of a sheet as Excel writes them: cells and rows without content, which only carry a format.
_PLACED = re.compile(rb'<(?:c|row)\b(?![^<>]*\sr=")')
_EMPTY_CELL = re.compile(rb"<c\b[^<>]*/>|<c\b[^<>]*[^/<>]></c>")
_EMPTY_ROW = re.compile(rb"<row\b[^<>]*/>|<row\b[^<>]*[^/<>]>\s*</row>")
_CELL_AT = re.compile(rb'<c\b[^<>]*\sr="([A-Z]+)([0-9]+)"')
_MERGED = re.compile(rb'<mergeCell\b[^<>]*\sref="([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)"[^<>]*/>')
# A character that XML cannot hold as it is, or a text that looks like one, is written by its number. The library takes
# away what tells the second from the first, so until the text is read something else stands there: what is no
# character of any writing.
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_UNDERSCORE, _ITS_NUMBER = "\ufdd0", "\ufdd1"
_KEPT = ((b"_x005F_", _UNDERSCORE.encode()), (b"x005F_", _ITS_NUMBER.encode()))
# A part of a cell's text with a format of its own, and what it shows.
_RUN = re.compile(rb"<((?:\w+:)?)r>(?:(?!</\1r>).)*</\1r>", re.DOTALL)
_RUN_TEXT = re.compile(rb"<(?:\w+:)?t\b[^<>]*>[^<>]*<")
_RAISED = {ord(digit): raised for digit, raised in zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True)}
# What a number's format only shows: quoted and escaped characters, blanks and fillings, colours and conditions.
_SCALED = re.compile("[0#?.],+(?![0#?,])")  # a comma after the last digit hides three figures
_SHOWN_ONLY = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^]]*\]')
# The words among them: quoted, escaped, the sign of a currency, or one that is neither.
_FORMAT_WORDS = re.compile(r'"([^"]*)"|\\(.)|\[\$([^]-]*)[^]]*\]|(‰)|_.|\*.|\[[^]]*\]|.')
_UNITS = re.compile(
    rf"[%‰]|(?<!\w)({'|'.join(sorted(map(re.escape, KRONOR), key=len, reverse=True))})(?!\w)", re.IGNORECASE
)
# A sheet that has lost its name is known by its headings; notes that happen to have a column År are not a table.
_NAMED_ENOUGH, _LIKE_ENOUGH = 0.5, 0.75


@dataclass(frozen=True)
class SheetTable:
    """A table as a sheet holds it: the cells' texts by the sheet's own row numbers, as CSV would hold them.

    `letters` tells the column of the sheet where each of the table's columns stands; an optional one may be missing.
    """

    spec: TableSpec
    sheet: str
    heading_row: int
    letters: dict[str, str]
    rows: dict[int, dict[str, str]]


@dataclass
class WorkbookContent:
    """What a workbook holds: its facts by label, its tables by name, what was guessed, and what is at fault."""

    shown: str
    facts: dict[str, str] = field(default_factory=dict)
    tables: dict[str, SheetTable] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class _Unreadable(ValueError):
    """A cell that cannot be read: its problem, what to do, and the value as it is shown."""

    def __init__(self, problem: str, advice: str, value: object):
        super().__init__(problem)
        self.problem, self.advice, self.value = problem, advice, str(value)


def read_workbook(path: Path) -> WorkbookContent:
    """Return what a workbook holds; raises DataError where the file as a whole cannot be read."""
    formulas, cached = _open(path)
    content = WorkbookContent(path.name)
    _read_sheets(content, formulas, cached)
    return content


def _open(path: Path) -> tuple[openpyxl.Workbook, openpyxl.Workbook]:
    """Return the workbook twice: with its formulas, and with the values that Excel last computed."""
    shown = path.name or str(path)
    for lock in (path.parent / f"~${path.name}", path.parent / f".~lock.{path.name}#"):
        if lock.exists():
            raise DataError(
                [
                    Fault(
                        shown,
                        "filen är öppen i Excel, så det som inte är sparat skulle inte komma med",
                        "en sparad och stängd fil",
                        f"spara och stäng filen. Är den redan stängd, ta bort {lock.name}",
                    )
                ]
            )
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError([_missing_file(path, shown)]) from error
    except OSError as error:
        raise DataError([file_fault(error, shown, _XLSX)]) from error
    fault = _format_fault(content, shown)
    if fault:
        raise DataError([fault])
    try:
        with warnings.catch_warnings():
            # It warns of what it does not keep, such as pictures; nothing is written back.
            warnings.simplefilter("ignore")
            content = _without_formats(content)
            return tuple(openpyxl.load_workbook(io.BytesIO(content), data_only=values) for values in (False, True))
    # A damaged file makes the library stumble in ways that it does not list.
    except Exception as error:
        raise DataError(
            [
                Fault(
                    shown,
                    "filen är skadad och går inte att läsa",
                    _XLSX,
                    "öppna den i Excel, låt Excel reparera den och spara den på nytt",
                )
            ]
        ) from error


def _without_formats(content: bytes) -> bytes:
    """Return a workbook without the cells that only have a format, of which a sheet may have millions.

    The mark of a footnote, which only its format tells from the number before it, becomes a character of its own.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        for part in old.infolist():
            inner = old.read(part)
            if re.fullmatch(r"/?xl/worksheets/[^/]*\.xml", part.filename, re.IGNORECASE):
                inner = _cells_with_content(inner)
            if part.filename.lower().endswith(".xml"):
                for written, kept in _KEPT:
                    inner = inner.replace(written, kept)
            if b'"superscript"' in inner:
                inner = _RUN.sub(_raised, inner)
            new.writestr(part.filename, inner)
    return packed.getvalue()


def _raised(run: re.Match) -> bytes:
    """Return a part of a text with its figures as raised ones, where its format raises them."""
    if b'"superscript"' not in run[0]:
        return run[0]
    return _RUN_TEXT.sub(lambda text: text[0].decode().translate(_RAISED).encode(), run[0])


def _cells_with_content(sheet: bytes) -> bytes:
    """Return a sheet's XML without what holds nothing, and with merged areas that end beside its last cell."""
    if _PLACED.search(sheet):
        return sheet  # a cell that does not tell its place has it from those before it
    sheet = _EMPTY_ROW.sub(b"", _EMPTY_CELL.sub(b"", sheet))
    places = {(letters, int(row)) for letters, row in _CELL_AT.findall(sheet)}
    last_row = max((row for _, row in places), default=0) + 1
    last_column = max((column_index_from_string(one.decode()) for one in {one for one, _ in places}), default=0) + 1

    def bounded(area: re.Match) -> bytes:
        left, right = (column_index_from_string(area[number].decode()) for number in (1, 3))
        top, bottom = int(area[2]), int(area[4])
        if top > last_row or left > last_column:
            return b""
        end = f"{get_column_letter(min(right, last_column))}{min(bottom, last_row)}"
        start = f"{get_column_letter(left)}{top}"
        return f'<mergeCell ref="{start}:{end}"/>'.encode() if start != end else b""

    return _MERGED.sub(bounded, sheet)


def _missing_file(path: Path, shown: str) -> Fault:
    """Return the fault of a workbook that is not there: where it was looked for, and which it may be."""
    folder = path.absolute().parent
    there = sorted(one.name for one in folder.glob("*.xlsx")) if folder.is_dir() else []
    near = difflib.get_close_matches(f"{path.name.removesuffix('.xlsx')}.xlsx", there, n=1)
    advice = "skriv hela sökvägen, eller kör kommandot i mappen där filen ligger"
    if not folder.is_dir():
        return Fault(shown, f"mappen {folder} finns inte", _XLSX, "kontrollera sökvägen")
    return Fault(
        shown, f"filen finns inte i mappen {folder}", _XLSX, f"menar du {near[0]}? Annars: {advice}" if near else advice
    )


def _format_fault(content: bytes, shown: str) -> Fault | None:
    """Return what a file is where it is no workbook that can be read."""
    problem, advice = "", _SAVE_AS
    if not content:
        problem, advice = "filen är tom", "hämta den senast sparade versionen av filen"
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        problem = "filen är sparad i det gamla formatet (.xls)"
        if "EncryptedPackage".encode("utf-16-le") in content:
            problem = "filen är skyddad med lösenord"
            advice = "ta bort lösenordet i Excel (Arkiv, Information, Skydda arbetsbok) och spara"
    elif content.startswith(b"%PDF"):
        problem, advice = "filen är en PDF som har fått fel namn", "öppna arbetsboken själv i Excel, och spara den"
    elif re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|table)\b", content, re.IGNORECASE):
        problem = "filen är en webbsida, kanske en inloggning som sparades i stället för arbetsboken"
        advice = f"hämta filen på nytt; är det rätt innehåll, {_SAVE_AS}"
    elif not content.startswith(b"PK"):
        problem = "filen är ingen arbetsbok, kanske en textfil (CSV) som har fått fel namn"
    else:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = archive.namelist()
                if sum(part.file_size for part in archive.infolist()) > _LARGEST:
                    return Fault(
                        shown,
                        "filen är orimligt stor när den packas upp",
                        _XLSX,
                        "kopiera de ifyllda raderna till en ny arbetsbok från kommandot new eller export",
                    )
                if archive.testzip() is not None:
                    raise zipfile.BadZipFile
                strict = "xl/workbook.xml" in names and b"purl.oclc.org/ooxml" in archive.read("xl/workbook.xml")
        # A flaw in a packed part shows as any of these.
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            EOFError,
            OSError,
            ValueError,
            RuntimeError,
            NotImplementedError,
            zlib.error,
        ):
            return Fault(
                shown,
                "filen är skadad, kanske bara delvis hämtad eller sparad",
                _XLSX,
                "öppna den i Excel, låt Excel reparera den och spara den på nytt",
            )
        if "content.xml" in names:
            problem = "filen är ett kalkylark av ett annat slag (.ods)"
        elif "xl/workbook.xml" not in names:
            problem = "filen är ingen arbetsbok från Excel"
            packed = next((name for name in names if name.casefold().endswith(".xlsx")), None)
            if packed and "[Content_Types].xml" not in names:
                problem, advice = "filen är en ZIP-fil med en arbetsbok i", f"packa upp den, och läs in {packed}"
        elif strict:
            problem = "filen är sparad som Excel-arbetsbok av den strikta sorten"
    return Fault(shown, problem, _XLSX, advice) if problem else None


def _read_sheets(content: WorkbookContent, formulas: openpyxl.Workbook, cached: openpyxl.Workbook) -> None:
    found: dict[str, list[tuple[Worksheet, _Heading]]] = {}
    for sheet in formulas.worksheets:
        values = cached[sheet.title]
        name = fold(sheet.title)
        if name == fold(LIST_SHEET):
            continue
        heading = _find_heading(values, name)
        if heading is None and name in TABLES:
            content.faults.append(
                Fault(
                    content.shown,
                    "rubrikerna hittas inte",
                    "en rad med rubrikerna " + ", ".join(column.label for column in TABLES[name].all_columns),
                    "skriv tillbaka rubrikerna, eller ta bort bladet om det inte ska läsas in",
                    sheet=sheet.title,
                )
            )
        elif heading is None:
            facts = _facts(values)
            content.facts = facts | content.facts
            if not facts and name != fold(START_SHEET) and _Cells(values).held:
                content.notes.append(f"Bladet ”{sheet.title}” är ingen av bokens tabeller och lästes inte.")
        elif name in TABLES and heading.spec is not TABLES[name]:
            content.faults.append(
                Fault(
                    content.shown,
                    f"bladet heter {TABLES[name].sheet} men har rubrikerna för {heading.spec.sheet}",
                    "rubrikerna " + ", ".join(column.label for column in TABLES[name].all_columns),
                    f"rätta rubrikerna, eller byt namn på bladet till {heading.spec.sheet} om det är den tabellen",
                    heading.row,
                    sheet=sheet.title,
                )
            )
        else:
            found.setdefault(heading.spec.name, []).append((sheet, heading))
    for name, candidates in found.items():
        tables: list[SheetTable] = []
        read = [_read_sheet(content.shown, sheet, cached[sheet.title], heading) for sheet, heading in candidates]
        namesake = next((one for one in read if fold(one[0].sheet) == name), None)
        for table, faults, notes in read:
            # A sheet that only looks like the table, and is empty, is nobody's loss.
            if len(candidates) > 1 and not (table.rows or faults):
                continue
            # One's own calculation may have the table's headings. A copy of its sheet, which has its name, is no such.
            own = namesake is not None and f"_{name}_" not in f"_{fold(table.sheet)}_"
            if own and (namesake[0].rows or namesake[1] or not table.rows):
                content.notes.append(
                    f"Bladet ”{table.sheet}” har samma rubriker som {table.spec.sheet} och lästes inte."
                )
                continue
            tables.append(table)
            content.faults += faults
            content.notes += notes
            if fold(table.sheet) != name:
                content.notes.append(f"Bladet ”{table.sheet}” lästes som {table.spec.sheet} efter rubrikerna.")
        if len(tables) > 1:
            titles = " och ".join(f"”{table.sheet}”" for table in tables)
            content.faults.append(
                Fault(
                    content.shown,
                    f"bladen {titles} innehåller samma tabell",
                    f"ett blad för {tables[0].spec.sheet}",
                    "flytta ihop raderna på ett blad och ta bort det andra",
                    sheet=tables[1].sheet,
                )
            )
        if tables:
            content.tables[name] = tables[0]


def _read_sheet(
    shown: str, sheet: Worksheet, values: Worksheet, heading: _Heading
) -> tuple[SheetTable, list[Fault], list[str]]:
    """Return a sheet's table, its faults, and what has to be told of it."""
    faults: list[Fault] = []
    notes: list[str] = []
    return _Reader(shown, sheet, values, heading, faults, notes).read(), faults, notes


def _facts(sheet: Worksheet) -> dict[str, str]:
    """Return what the first sheet says about whose workbook it is."""
    labels = {fold(label): label for label in (NAME, CODE, SLUG, FIRST_YEAR, LAST_YEAR)}
    facts = {}
    for label, value in sheet.iter_rows(max_row=_HEADING_ROWS, max_col=2, values_only=True):
        if isinstance(label, str) and fold(label) in labels and value not in (None, ""):
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            facts[labels[fold(label)]] = number_text(value) if number else plain_text(_shown(value))
    return facts if SLUG in facts else {}


@dataclass(frozen=True)
class _Heading:
    """Where a sheet's headings stand: the row, and each heading by its column."""

    spec: TableSpec
    row: int
    texts: dict[int, str]


def _find_heading(sheet: Worksheet, name: str) -> _Heading | None:
    """Return the row whose headings are a table's own; where they fit two, that which the sheet's name tells of."""
    cells, named = _Cells(sheet), TABLES.get(name)
    best: dict[str, tuple[float, _Heading]] = {}
    for row in range(1, _HEADING_ROWS + 1):
        texts = {}
        for position in cells.columns:
            value = cells.held.get(cells.merged.get((row, position), (row, position)))
            if isinstance(value, str) and clean(value):
                texts[position] = plain_text(value)
        folded = {fold(text) for text in texts.values()}
        for spec in TABLES.values():
            own = {column.name for column in spec.columns}
            extra = folded - {column.name for column in spec.all_columns}
            alike = len(own & folded) / len(own | extra)
            enough = _NAMED_ENOUGH if spec is named else _LIKE_ENOUGH
            if spec is named:
                alike = len(own & folded) / len(own)
            before = best[spec.name][0] if spec.name in best else 0
            # Headings that are merged over two rows stand in both; what counts is the lower.
            last = alike == before and bool(texts) and (row, min(texts)) in cells.merged
            if alike >= enough and (alike > before or last):
                best[spec.name] = alike, _Heading(spec, row, texts)
    if not best:
        return None
    likest = max(best.values(), key=lambda one: one[0])[1]
    # One table may be another less a column that may be missing.
    told = max((one for one in best if f"_{one}_" in f"_{name}_"), key=len, default=likest.spec.name)
    heading = best[told][1]
    folded = {fold(text) for text in heading.texts.values()}
    needed = {column.name for column in heading.spec.all_columns if not column.optional}
    others = {column.name for column in likest.spec.all_columns} - {column.name for column in heading.spec.all_columns}
    return heading if needed <= folded and not others & folded else likest


class _Cells:
    """The cells of a sheet that hold something, by row and column, and which are merged into which."""

    def __init__(self, sheet: Worksheet):
        # Only the cells that there are: by its formats alone, a sheet may reach its millionth row.
        self.held = {at: cell.value for at, cell in sheet._cells.items() if cell.value not in (None, "")}
        self.rows = sorted({row for row, _ in self.held})
        last_row, last_column = max(self.rows, default=0), max((column for _, column in self.held), default=0)
        self.areas = {(area.min_row, area.min_col): area for area in sheet.merged_cells.ranges}
        self.merged = {
            (row, column): at
            for at, area in self.areas.items()
            for row in range(area.min_row, min(area.max_row, last_row) + 1)
            for column in range(area.min_col, min(area.max_col, last_column) + 1)
            if (row, column) != at
        }
        self.columns = sorted({column for _, column in (*self.held, *self.merged)})


class _Reader:
    """Reads one sheet's table, noting what was guessed and what is at fault."""

    def __init__(
        self, shown: str, sheet: Worksheet, values: Worksheet, heading: _Heading, faults: list[Fault], notes: list[str]
    ):
        self.shown, self.sheet, self.values, self.heading = shown, sheet, values, heading
        self.spec, self.faults, self.notes = heading.spec, faults, notes
        self.columns: dict[str, int] = {}
        self.cells = _Cells(sheet)
        self.valueless: list[int] = []

    def read(self) -> SheetTable:
        """Return the table."""
        self._place_columns()
        letters = {name: get_column_letter(position) for name, position in self.columns.items()}
        rows: dict[int, dict[str, str]] = {}
        if not self.faults:
            self._note_hidden()
            self._refuse_above()
            for number in self.cells.rows:
                row = self._row(number) if number > self.heading.row else None
                if row:
                    rows[number] = row
            self._refuse_merged_keys(rows)
            self._note_valueless()
        return SheetTable(self.spec, self.sheet.title, self.heading.row, letters, rows)

    def _fault(
        self,
        problem: str,
        expected: str,
        advice: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        cell = f"{get_column_letter(self.columns[column])}{row}" if column in self.columns else None
        label = next((f" ({one.label})" for one in self.spec.all_columns if one.name == column), "")
        self.faults.append(
            Fault(self.shown, problem, expected, advice, row, column, value, self.sheet.title, cell and cell + label)
        )

    def _note(self, row: int, position: int, text: str) -> None:
        self.notes.append(f"Blad {self.sheet.title}, cell {get_column_letter(position)}{row}: {text}.")

    def _place_columns(self) -> None:
        unknown: dict[int, str] = {}
        names = {column.name: column for column in self.spec.all_columns}
        for position, text in self.heading.texts.items():
            name = fold(text)
            if name not in names:
                unknown[position] = text
            elif name in self.columns:
                self._fault(
                    f"rubriken {names[name].label} står två gånger",
                    "varje rubrik en gång",
                    "ta bort eller byt namn på den ena kolumnen",
                    row=self.heading.row,
                )
            else:
                self.columns[name] = position
        nameless = [
            position for position in self.cells.columns if position not in self.heading.texts and self._below(position)
        ]
        for column in (column for column in self.spec.all_columns if column.name not in self.columns):
            near = difflib.get_close_matches(column.name, [fold(text) for text in unknown.values()], n=1, cutoff=0.7)
            if near:
                position = next(position for position, text in unknown.items() if fold(text) == near[0])
                text = unknown.pop(position)
                self._fault(
                    f"rubriken i kolumn {get_column_letter(position)} känns inte igen",
                    column.label,
                    f"byt rubriken till {column.label}",
                    row=self.heading.row,
                    value=text,
                )
            elif not column.optional:
                self._fault(
                    f"kolumnen {column.label} saknas",
                    "rubrikerna " + ", ".join(one.label for one in self.spec.all_columns),
                    f"lägg till en kolumn med rubriken {column.label}",
                    row=self.heading.row,
                )
            elif nameless:
                self._fault(
                    f"kolumn {get_column_letter(nameless[0])} har värden men ingen rubrik",
                    column.label,
                    f"skriv rubriken {column.label} om det är den, töm annars kolumnen",
                    row=self.heading.row,
                )
        for position, text in unknown.items():
            if self._below(position):
                self.notes.append(
                    f"Blad {self.sheet.title}, kolumn {get_column_letter(position)} (”{text}”) hör inte "
                    "till tabellen och lästes inte."
                )
        if not self.faults:
            for position in nameless:
                self.notes.append(
                    f"Blad {self.sheet.title}, kolumn {get_column_letter(position)} har ingen rubrik och lästes inte."
                )

    def _below(self, position: int) -> bool:
        return any(column == position and row > self.heading.row for row, column in self.cells.held)

    def _note_hidden(self) -> None:
        if self.sheet.sheet_state != "visible":
            self.notes.append(f"Bladet ”{self.sheet.title}” är dolt men lästes.")
        hidden = {
            position
            for one in self.sheet.column_dimensions.values()
            if one.hidden
            for position in range(one.min or 0, (one.max or 0) + 1)
        }
        for name, position in self.columns.items():
            if position in hidden:
                label = next(column.label for column in self.spec.all_columns if column.name == name)
                self.notes.append(
                    f"Blad {self.sheet.title}, kolumn {get_column_letter(position)} ({label}) är dold men lästes."
                )
        self.hidden_rows = {row for row, one in self.sheet.row_dimensions.items() if one.hidden}

    def _refuse_above(self) -> None:
        """Refuse what is a row of the table above its headings, as where they have been sorted with the rest."""
        figures = [column for column in self.spec.all_columns if column.kind in ("year", "integer", "number")]
        chosen = [column for column in self.spec.all_columns if column.allowed]
        needed = {column.name for column in self.spec.all_columns if not column.optional}
        for number in self.cells.rows:
            if number >= self.heading.row:
                break
            written = {name: self._written(number, position) for name, position in self.columns.items()}
            filled = {name: text for name, text in written.items() if text}
            if (
                (figures or chosen)
                and needed <= filled.keys()
                and (
                    any(_is_number(filled.get(column.name, "")) for column in figures)
                    or any(fold(filled.get(column.name, "")) in filter(None, column.allowed) for column in chosen)
                )
            ):
                self._fault(
                    "raden står ovanför rubrikerna",
                    "alla rader under rubrikerna",
                    f"flytta raden till under rad {self.heading.row}, kanske har rubrikerna sorterats med",
                    row=number,
                )

    def _refuse_merged_keys(self, rows: dict[int, dict[str, str]]) -> None:
        """Refuse merged cells that give several rows the same key, and leave those rows but the first out."""
        found: set[tuple[str, ...]] = set()
        told: set[tuple[int, int]] = set()
        for number, row in list(rows.items()):
            key = tuple(row[name] for name in self.spec.key)
            merged = [
                (name, self.cells.merged[number, self.columns[name]])
                for name in self.spec.key
                if name in self.columns and (number, self.columns[name]) in self.cells.merged
            ]
            if key in found and merged:
                del rows[number]
                name, at = merged[0]
                if at not in told:
                    self._fault(
                        f"cellerna {self.cells.areas[at].coord} är sammanslagna, så flera rader gäller samma sak",
                        "ett eget värde på varje rad",
                        "dela upp de sammanslagna cellerna och skriv ett värde i varje",
                        row=at[0],
                        column=name,
                        value=row[name],
                    )
                told.add(at)
            found.add(key)

    def _note_valueless(self) -> None:
        count = len(self.valueless)
        if count:
            rows = "1 rad har" if count == 1 else f"{count} rader har"
            self.notes.append(
                f"Blad {self.sheet.title}: {rows} källa, plats eller status men inget värde och lästes inte "
                f"(rad {_spans(self.valueless)})."
            )

    def _has_value(self, filled: dict[str, str]) -> bool:
        """Tell whether a row has more than what the workbook filled in: what it is about, but not its value."""
        grid = {column.name: column for column in grid_columns(self.spec)}
        if set(filled) <= set(grid) and all(_as_given(text, grid[name]) for name, text in filled.items()):
            return False
        folded = {name: fold(text) for name, text in filled.items()}
        return not any(
            folded.items() <= {name: fold(text) for name, text in row.items()}.items() for row in self.spec.item_rows
        )

    def _row(self, number: int) -> dict[str, str] | None:
        """Return a row's cells as text; None for a row that is empty, an example, or has only what was filled in."""
        written = {name: self._written(number, position) for name, position in self.columns.items()}
        filled = {name: text for name, text in written.items() if text}
        if not filled or all(text.startswith(EXAMPLE.strip()) for text in filled.values()):
            return None
        told = {column.name for column in PROVENANCE} if self.spec.provenance else set()
        if not self._has_value({name: text for name, text in filled.items() if name not in told}):
            if told & filled.keys():
                self.valueless.append(number)
            return None
        if len(filled) > 1 and all(fold(text) == name for name, text in filled.items()):
            self.notes.append(f"Blad {self.sheet.title}, rad {number}: rubrikerna står en gång till och hoppades över.")
            return None
        first = min(filled, key=lambda name: self.columns[name])
        by_name = {column.name: column for column in self.spec.all_columns}
        free = by_name[first].kind == "text" and not by_name[first].allowed
        if not free and _SUM.fullmatch(filled[first]) and fold(filled[first]) not in by_name[first].allowed:
            self._fault(
                "raden ser ut att vara en summa",
                "bara rader med egna uppgifter",
                "ta bort raden; boken räknar summorna själv",
                row=number,
                column=first,
                value=filled[first],
            )
            return None
        kinds = {column.name: column.kind for column in self.spec.all_columns}
        if len(filled) == 1 and sum(not column.optional for column in self.spec.all_columns) > 2:
            name, text = next(iter(filled.items()))
            if kinds[name] != "text" or name == self.spec.all_columns[0].name:
                self._fault(
                    "raden har bara en ifylld cell",
                    "en rad med alla uppgifter, eller en tom rad",
                    "fyll i resten av raden; är det en anteckning, flytta den till ett eget blad",
                    row=number,
                    column=name,
                    value=text,
                )
                return None
        row: dict[str, str] = {}
        guesses: list[tuple[int, str, bool]] = []
        for column in self.spec.all_columns:
            row[column.name] = ""
            if column.name in self.columns:
                position = self.columns[column.name]
                try:
                    row[column.name], guess, about = self._cell(number, position, column)
                    guesses.append((position, guess, about))
                except _Unreadable as error:
                    self._fault(
                        error.problem,
                        expected_in_sheet(column, self.spec),
                        error.advice,
                        row=number,
                        column=column.name,
                        value=error.value,
                    )
        if any(about for *_, about in guesses) and row.get("status") == "":
            row["status"] = ESTIMATED
        for position, guess, about in guesses:
            if about and row.get("status") == ESTIMATED:
                guess += " och märktes som uppskattat"
            elif about and "status" in row:
                guess += f"; raden har redan statusen {in_words(row['status'])}"
            if guess:
                self._note(number, position, guess)
        if number in self.hidden_rows:
            self.notes.append(f"Blad {self.sheet.title}, rad {number} är dold men lästes.")
        return row

    def _written(self, row: int, position: int) -> str:
        """Return what a cell shows, only to tell whether and how its row is to be read."""
        at = self.cells.merged.get((row, position), (row, position))
        if at != (row, position) and self.cells.areas[at].min_col != self.cells.areas[at].max_col:
            return ""
        value = self.cells.held.get(at)
        if value is not None and self.sheet.cell(*at).data_type == "f":
            cached = self.values.cell(*at)
            # What a formula gave, which may be nothing; without that, the formula itself.
            value = cached.value if cached.value is not None or cached.data_type in _NO_TEXT else value
        return "" if value is None else plain_text(str(value))

    def _cell(self, row: int, position: int, column: ColumnSpec) -> tuple[str, str, bool]:
        """Return a cell's text as CSV would hold it, what was guessed, and whether it stood there as approximate."""
        at = self.cells.merged.get((row, position), (row, position))
        area = self.cells.areas.get(at)
        if area is not None:
            own = {
                self.columns[name]
                for name in (*self.spec.key, *SOURCE_COLUMNS, "plats", "status")
                if name in self.columns
            }
            if area.min_col != area.max_col or position not in own:
                if at != (row, position):
                    return "", "", False
                raise _Unreadable(
                    "cellen är sammanslagen med andra",
                    "dela upp de sammanslagna cellerna och skriv ett värde i varje",
                    self.sheet.cell(*at).value,
                )
        cell, value = self.sheet.cell(*at), self.values.cell(*at)
        text, guess, about = _text_of(cell, value, column)
        # Where only some of the example has been written over, or copied, the rest is not the municipality's.
        if text.startswith(EXAMPLE.strip()):
            raise _Unreadable(
                _EXAMPLE_LEFT,
                f"välj en källa från bladet {SOURCE_TABLE.sheet}" if names_source(column, self.spec) else _OWN_VALUE,
                text,
            )
        if at != (row, position) and text:
            guess = f"sammanslagen med cellen ovanför, lästes som ”{text}”"
        return text, guess, about


def names_source(column: ColumnSpec, spec: TableSpec) -> bool:
    """Tell whether a column holds the short name of a source, which stands on the sheet of sources."""
    return column.name in SOURCE_COLUMNS and spec is not SOURCE_TABLE


def expected_in_sheet(column: ColumnSpec, spec: TableSpec) -> str:
    """Return what a cell of a sheet must hold, in the words that the sheet has."""
    if names_source(column, spec):
        return f"ett namn från bladet {SOURCE_TABLE.sheet}"
    if column.allowed:
        return "något av " + ", ".join(in_words(value) or "(tomt)" for value in column.allowed)
    return column.expected


def _spans(numbers: list[int]) -> str:
    """Return rising numbers in words, those that follow on each other as a span."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    texts = ["–".join(map(str, span)) for span in spans]
    return " och ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


def _as_given(text: str, column: ColumnSpec) -> bool:
    """Tell whether a cell may be one that the workbook filled in, and not a note."""
    return text.isdigit() if column.kind == "year" else fold(text) in column.allowed


def _text_of(cell: Cell, cached: Cell, column: ColumnSpec) -> tuple[str, str, bool]:
    """Return a cell's text as CSV would hold it, what was guessed, and whether it stood there as approximate.

    What is left for the table's own check, such as a word where a number is expected, is returned as it stands.
    Raises _Unreadable for what no text can stand for.
    """
    value, guess = cached.value, ""
    if cell.data_type == "f":
        formula = cell.value if isinstance(cell.value, str) else getattr(cell.value, "text", "=")
        if cached.data_type == "e":
            # The formula itself stands in the file with its names in English.
            raise _Unreadable(
                "formeln ger ett fel",
                "rätta formeln eller skriv värdet i stället för den",
                _ERRORS.get(str(value), value),
            )
        if value is None and cached.data_type not in _NO_TEXT:
            raise _Unreadable(
                "formeln har inget uträknat värde",
                "öppna filen i Excel och spara den på nytt, eller skriv värdet i stället för formeln",
                formula,
            )
        guess = f"formeln {formula} lästes som "
    elif cell.data_type == "e":
        raise _Unreadable(
            "cellen innehåller ett fel", "skriv rätt värde eller töm cellen", _ERRORS.get(str(value), value)
        )
    if value is None:
        return "", "", False
    text, more, about = _plain(value, cached.number_format, column)
    if guess:
        guess += f"”{text}”" + (f" ({more})" if more else "")
    return text, guess or more, about


def _plain(value: object, number_format: str, column: ColumnSpec) -> tuple[str, str, bool]:
    """Return a value, not a formula's and not a fault, as `_text_of` does."""
    if isinstance(value, bool):
        raise _Unreadable(
            "cellen innehåller SANT eller FALSKT", "skriv värdet med siffror eller ord", "SANT" if value else "FALSKT"
        )
    if isinstance(value, (datetime.time, datetime.timedelta)):
        raise _Unreadable(
            "cellen innehåller ett klockslag eller en tid",
            "ändra cellens format till Text och skriv texten på nytt"
            if column.kind in ("text", "date")
            else "skriv ett tal med decimaler, och ändra cellens format till Allmänt",
            _shown(value),
        )
    if isinstance(value, datetime.date):
        return _dated(value, number_format, column)
    if isinstance(value, (int, float)):
        return _numeric(value, number_format, column)
    text = plain_text(_unescaped(str(value)))
    if column.kind == "text" and not column.allowed:
        return text, "", False
    if text.startswith(EXAMPLE.strip()):
        raise _Unreadable(_EXAMPLE_LEFT, _OWN_VALUE, text)
    if _MISSING.fullmatch(text):
        if column.optional:
            return "", f"”{text}” lästes som att uppgiften saknas", False
        raise _Unreadable("uppgiften saknas, men kolumnen måste fyllas i", "fyll i cellen, eller töm hela raden", text)
    if column.allowed:
        return next((one for one in column.allowed if one and fold(one) == fold(text)), text), "", False
    if column.kind == "date":
        return text, "", False
    if column.kind == "year" and _YEAR_FIRST.fullmatch(text):
        return text[:4], f"datumet {text} lästes som året {text[:4]}", False
    return _number_in(text, column)


def _shown(value: object) -> str:
    """Return a value as a cell shows it: a day without its midnight, and hours beyond a day as hours."""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "minutes")
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value)


def _unescaped(text: str) -> str:
    """Return a text with the characters that are written by their number, half ones of a pair put together."""
    if not (_UNDERSCORE in text or _ITS_NUMBER in text or _ESCAPED.search(text)):
        return text
    whole = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    whole = whole.replace(_UNDERSCORE, "_").replace(_ITS_NUMBER, "x005F_")
    return whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except CellError:
        return False
    return True


def _number_in(text: str, column: ColumnSpec) -> tuple[str, str, bool]:
    """Read a number that stands as text; what is none is left as it stands."""
    bare = _ABOUT.sub("", text, count=1) if _ABOUT.match(text) else text
    about = bare != text
    if column.unit and bare.casefold().endswith(column.unit):
        bare = bare[: -len(column.unit)]
    if column.unit == "antal":
        bare = _PIECES.sub("", bare)
    if column.unit == "procent":
        bare = bare.rstrip().removesuffix("%")
    try:
        number = number_text(parse_number(bare))
    except CellError:
        return text, "", False
    if clean(bare) == text:
        return number, "", False
    return number, f"”{text}” lästes som {number}", about


def _numeric(value: float, number_format: str, column: ColumnSpec) -> tuple[str, str, bool]:
    if not math.isfinite(value):
        raise _Unreadable("talet är för stort", "rätta talet", value)
    text = number_text(value)
    shows = _SHOWN_ONLY.sub("", number_format).partition(";")[0]
    as_it_is = "ändra cellens format till Allmänt och skriv värdet i den enhet som rubriken anger"
    if value and _SCALED.search(shows):
        raise _Unreadable("cellen visas i tusental eller miljoner, men talet i den är ett annat", as_it_is, text)
    other = _other_unit(number_format, column)
    if value and other and column.kind in ("integer", "number"):
        raise _Unreadable("cellen visas i en annan enhet än kolumnens", as_it_is, f"{text} {other}")
    if "%" in shows:
        shown = number_text(float(Decimal(repr(value)) * 100))
        if column.kind == "text":
            return f"{shown} %", f"procenttalet lästes som ”{shown} %”", False
        if column.kind in ("integer", "number"):
            if column.unit != "procent":
                raise _Unreadable("cellen visas som procent", as_it_is, f"{shown} %")
            return shown, f"procenttalet {shown} % lästes som {shown}", False
    if column.kind == "text" and re.fullmatch("00+", shows) and text.isdigit() and len(text) < len(shows):
        return text.zfill(len(shows)), f"talet {text} lästes som det visas, {text.zfill(len(shows))}", False
    return text, "", False


def _other_unit(number_format: str, column: ColumnSpec) -> str:
    """Return the unit that a number's format shows beside it, where it is another than the column's; else ""."""
    if not column.unit:
        return ""
    words = "".join("".join(found) or " " for found in _FORMAT_WORDS.findall(number_format))
    own = KRONOR.get(column.unit)
    for unit in (found[0] for found in _UNITS.finditer(words)):
        if unit == "%" and column.unit == "procent":
            continue
        if own is None or KRONOR.get(unit.casefold()) != own:
            return unit
    return ""


def _dated(value: datetime.date, number_format: str, column: ColumnSpec) -> tuple[str, str, bool]:
    """Read a cell that Excel keeps as a date."""
    day = value.date() if isinstance(value, datetime.datetime) else value
    # A year that is written in a cell with a date's format is a day in 1905 to Excel, and in 1909 to older ones on Mac.
    serials = [int(to_excel(value, epoch)) for epoch in (WINDOWS_EPOCH, MAC_EPOCH)]
    meant = next((serial for serial in serials if EARLIEST_YEAR <= serial <= LATEST_YEAR), None)
    if column.kind == "year" or (meant and column.kind in ("date", "text")):
        year = meant or day.year
        return str(year), f"datumet {day} lästes som året {year}", False
    if column.kind in ("integer", "number"):
        raise _Unreadable(
            "cellen innehåller ett datum", "skriv talet på nytt, och ändra cellens format till Allmänt", day
        )
    # A format without a day, such as nov-21, tells that only the month was meant; one without either, the year.
    shows = _SHOWN_ONLY.sub("", number_format.lower())
    text = day.isoformat()
    if "y" in shows and "d" not in shows:
        text = text[:7] if "m" in shows else text[:4]
    return text, f"datumet lästes som {text}", False
