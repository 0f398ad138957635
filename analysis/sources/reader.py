"""Read one CSV table into a validated frame, or say everything that is wrong with it."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import pandas as pd

from analysis.sources.cells import (
    CellError,
    clean,
    decode,
    has_control_character,
    number_text,
    parse_date,
    parse_integer,
    parse_number,
    visible,
)
from analysis.sources.doubts import said
from analysis.sources.faults import Fault
from analysis.sources.schema import EARLIEST_YEAR, LATEST_YEAR, ColumnSpec, TableSpec

REPEATED = "andrahand"
_PARSERS = {"year": parse_integer, "integer": parse_integer, "number": parse_number, "date": parse_date, "text": clean}
_ADVICE = {
    "inget tal": "skriv bara siffror i cellen; en förklaring kan stå på ett eget blad i arbetsboken",
    "inget heltal": "skriv talet utan decimaler",
    "procenttecken i cellen": "ta bort procenttecknet; enheten står i kolumnens namn",
    "punkten kan stå för tusental": "skriv decimaler med komma och tusental med mellanslag eller utan skiljetecken",
    "orimligt stort tal": "rätta talet; kanske har två celler klistrats ihop",
    "otillåtet värde": "skriv ett av de ord som är tillåtna",
    "negativt tal": "ta bort minustecknet om talet i övrigt är rätt",
    "för litet tal": "skriv ett tal inom gränserna",
    "orimligt tal": "skriv ett tal inom gränserna",
    "inget datum": "skriv år, månad och dag med bindestreck",
    "datumet finns inte i kalendern": "se efter i källan vilken dag det är",
}
_FEWER = re.compile(r"([<‹≤＜]|färre än|mindre än|under|högst|max)\s*=?\s*\w+( st| personer)?", re.IGNORECASE)
# Signs for a text that is missing, or that is as in the row above.
_NO_TEXT = re.compile(r"[-–—−.…]+")
_DITTO = re.compile(r"[-–—−\s]*([\"”“„″]{1,2}|''|,,|´´)[-–—−\s]*|d:o|dito", re.IGNORECASE)
_UNKNOWN = re.compile(r"okän[dt]\w*|vet (ej|inte)|\?+|framgår (ej|inte)|ej (känt|redovisat)", re.IGNORECASE)
_AMOUNT = re.compile(r"([-−0-9][0-9 ,.]*?)\s*([a-zåäö][a-zåäö ]*)\.?", re.IGNORECASE)
# What people write for the three units of money, and how many kronor each is.
KRONOR = {
    **dict.fromkeys(("kr", "kronor", "sek"), ("kr", 1)),
    **dict.fromkeys(("tkr", "ksek", "tusen kronor", "tusen kr", "tusen"), ("tkr", 1000)),
    **dict.fromkeys(("mnkr", "mkr", "msek", "milj", "milj kr", "miljoner", "miljoner kronor", "miljoner kr"),
                    ("mnkr", 1_000_000)),
}


@dataclass(frozen=True)
class TableFile:
    """A file with a table as it is read: all that the table and its faults follow from.

    `sources` are the names in the register, `shown` is how messages name the file.
    """

    content: bytes
    spec: TableSpec
    sources: tuple[str, ...]
    shown: str


def open_table(path: Path, spec: TableSpec, sources: Collection[str], shown: str) -> TableFile:
    """Return the file with a table, to be read or merged; raises OSError where it cannot be opened."""
    return TableFile(path.read_bytes(), spec, tuple(sources) if spec.provenance else (), shown)


def read_table(path: Path, spec: TableSpec, sources: Collection[str], shown: str) -> tuple[pd.DataFrame, list[Fault]]:
    """Return the table of a file and its faults, see `read`."""
    return read(open_table(path, spec, sources, shown))


def read(file: TableFile) -> tuple[pd.DataFrame, list[Fault]]:
    """Return the table and its faults; the frame is only to be used where there are none.

    The frame has the columns of the specification, in that order, and a plain index; numbers are float64,
    whole numbers int64 (Int64 where optional), empty text is "". Its attribute `table` is the table's title, and
    follows the rows, so that a result can tell what it used.
    It is the caller's own: what is done to it alters nothing for whoever reads the table again.
    """
    frame, faults = _read(file)
    return frame.copy(), list(faults)


def merged(given: TableFile | None, fetched: TableFile, document: str) -> pd.DataFrame:
    """Return a table's own rows and the fetched ones, one for each key, as `read` gives a table.

    A row given at first hand stays. One that a document repeats stays in the book that is held against that document;
    in the others what was fetched takes its place, so that a series comes from one source.
    """
    # Most documents repeat nothing, and for all of those the table is the same.
    return _merged(given, fetched, document if given and document in _repeating(given) else "").copy()


# The national tables are the same for every municipality, and some municipalities stand in many comparisons, so what
# was read is kept, under all that it depends on.
@lru_cache(maxsize=256)
def _read(file: TableFile) -> tuple[pd.DataFrame, tuple[Fault, ...]]:
    frame, faults = _parse(file.content, file.spec, file.sources, file.shown)
    frame.attrs["table"] = file.spec.title
    return frame, tuple(faults)


@lru_cache(maxsize=32)
def _repeating(given: TableFile) -> frozenset[str]:
    """Return the sources that only repeat what others have published, in some row of a table."""
    table = _read(given)[0]
    return frozenset(table.loc[table["status"] == REPEATED, "kalla"])


@lru_cache(maxsize=32)
def _merged(given: TableFile | None, fetched: TableFile, document: str) -> pd.DataFrame:
    new = _read(fetched)[0]
    if given is None:
        return new
    old, spec = _read(given)[0], fetched.spec
    if old.empty or new.empty:
        return new if old.empty else old
    keys, new_keys = (pd.MultiIndex.from_frame(frame[list(spec.key)]) for frame in (old, new))
    repeated = (old["status"] == REPEATED) & (old["kalla"] != document)
    kept = old[~(repeated & keys.isin(new_keys))]
    new = new[~new_keys.isin(pd.MultiIndex.from_frame(kept[list(spec.key)]))]
    table = pd.concat([frame for frame in (kept, new) if len(frame)], ignore_index=True)
    table.attrs["table"] = spec.title
    return table


def _parse(
    content: bytes, spec: TableSpec, sources: tuple[str, ...], shown: str
) -> tuple[pd.DataFrame, Sequence[Fault]]:
    try:
        text = decode(content)
    except ValueError:
        return pd.DataFrame(), (
            Fault(shown, "filen är ingen textfil", "en CSV-fil i UTF-8 eller Windows-1252",
                  "öppna filen i Excel och spara den som CSV UTF-8 (kommaavgränsad)"),
        )
    rows, faults = _split(text, shown)
    if faults:
        return pd.DataFrame(), faults
    if not rows:
        return pd.DataFrame(), (
            Fault(shown, "filen är tom", "en rubrikrad och minst en rad med uppgifter",
                  "fyll i tabellen, eller ta bort filen om kommunen saknar uppgifterna"),
        )
    header = [visible(clean(name).lower()) for name in rows[0][1]]
    while not header[-1]:
        header.pop()
    faults = _header_faults(header, spec, shown, rows[0][0])
    if faults:
        return pd.DataFrame(), faults
    body = [(line, cells) for line, cells in rows[1:] if any(clean(cell) for cell in cells)]
    if not body:
        return pd.DataFrame(), (
            Fault(shown, "tabellen har rubriker men inga rader", "minst en rad med uppgifter",
                  "fyll i tabellen, eller ta bort filen om kommunen saknar uppgifterna"),
        )
    parsed: dict[str, list] = {column.name: [] for column in spec.all_columns}
    # With what each cell without a fault was read as: years, areas and sources stand in many rows.
    places = [(column, header.index(column.name), parsed[column.name], {}) for column in spec.all_columns]
    lines: list[int] = []
    beyond: list[Fault] = []
    for line, cells in body:
        if any(clean(cell) for cell in cells[len(header):]):
            faults.append(
                Fault(shown, f"raden har {len(cells)} fält men rubriken {len(header)}", f"{len(header)} fält",
                      "använd semikolon mellan fälten, eller sätt citattecken om tal med decimalkomma", row=line)
            )
            continue
        cells = cells + [""] * (len(header) - len(cells))
        lines.append(line)
        for column, place, values, known in places:
            text = cells[place]
            if text in known:
                values.append(known[text])
                continue
            value, fault = _parse_cell(text, column, shown, line)
            values.append(value)
            if fault:
                faults.append(fault)
            elif fault := _bounds_fault(value, text, column, shown, line):
                beyond.append(fault)
            else:
                known[text] = value
    raw = dict(body)

    def written(line: int, name: str) -> str:
        place = header.index(name)
        return clean(raw[line][place]) if place < len(raw[line]) else ""

    unreadable = {(fault.row, fault.column) for fault in (*faults, *beyond)}
    faults += beyond
    faults += [
        fault
        for fault in (
            *_repeated(parsed, lines, spec, written, shown),
            *_item_faults(parsed, lines, spec, written, shown),
            *(_unknown_sources(parsed, lines, sources, shown) if spec.provenance else ()),
        )
        if (fault.row, fault.column) not in unreadable
    ]
    return _frame(parsed, spec), faults


def line_numbers(path: Path) -> list[int]:
    """Return the row that Excel shows for each row of a table that `read_table` found no fault in."""
    rows, _ = _split(decode(path.read_bytes()), "")
    return [line for line, cells in rows[1:] if any(clean(cell) for cell in cells)]


def _split(text: str, shown: str) -> tuple[list[tuple[int, list[str]]], list[Fault]]:
    """Return the rows from the header on, each with the row number that Excel shows, and any fault."""
    first = next((line for line in text.splitlines() if line.strip(" ;,\t\u00a0")), "")
    delimiter = max(";\t,", key=first.count)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            rows.append((row, cells))
    except csv.Error:
        return [], [Fault(shown, "citattecken som inte hör ihop", "citattecken före och efter fältet, eller inga alls",
                          "ta bort eller komplettera citattecknet", row=len(rows) + 1)]
    while rows and not any(clean(cell) for cell in rows[0][1]):
        rows.pop(0)
    return rows, []


def _header_faults(header: list[str], spec: TableSpec, shown: str, row: int) -> list[Fault]:
    names = [column.name for column in spec.all_columns]
    faults = []
    unknown = [name for name in header if name and name not in names]
    for name in names:
        if name not in header:
            near = difflib.get_close_matches(name, unknown, n=1)
            advice = f"byt rubriken ”{near[0]}” till ”{name}”" if near else f"lägg till en kolumn med rubriken ”{name}”"
            if near:
                unknown.remove(near[0])  # one misspelt heading is one fault
            faults.append(Fault(shown, f"kolumnen {name} saknas", "kolumnerna " + ", ".join(names), advice, row, name))
        elif header.count(name) > 1:
            faults.append(Fault(shown, f"kolumnen {name} står {header.count(name)} gånger", "en gång",
                                "ta bort den som är för mycket", row, name))
    for name in unknown:
        faults.append(Fault(shown, "okänd kolumn", "kolumnerna " + ", ".join(names),
                            "rätta rubriken eller ta bort kolumnen", row, name, name))
    return faults


def _parse_cell(text: str, column: ColumnSpec, shown: str, line: int) -> tuple[object, Fault | None]:
    if has_control_character(text):
        advice = "skriv om cellen för hand i stället för att klistra in den"
        return None, Fault(shown, "osynligt styrtecken i cellen", column.expected, advice, line, column.name,
                           visible(text))
    value = clean(text)
    if not value:
        if column.optional:
            return ("" if column.kind in ("text", "date") else None), None
        return None, Fault(shown, "cellen är tom", column.expected,
                           "fyll i cellen, eller ta bort raden om uppgiften saknas", line, column.name, "")
    # What a document prints stands as it is printed.
    if column.kind == "text" and not column.optional and not column.allowed and not column.name.endswith("tryckt"):
        if _NO_TEXT.fullmatch(value):
            return None, Fault(shown, "uppgiften saknas, men kolumnen måste fyllas i", column.expected,
                               "fyll i cellen, eller ta bort raden om uppgiften saknas", line, column.name, value)
        if _DITTO.fullmatch(value):
            return None, Fault(shown, "tecknet betyder samma som ovanför", "texten utskriven i varje cell",
                               "kopiera texten från cellen ovanför", line, column.name, value)
    try:
        return _PARSERS[column.kind](value), None
    except CellError as error:
        problem, advice = _no_number(value, column) if error.problem == "inget tal" else ("", "")
        return None, Fault(shown, problem or error.problem, column.expected, advice or _ADVICE[error.problem], line,
                           column.name, value)


def _no_number(value: str, column: ColumnSpec) -> tuple[str, str]:
    """Return the problem and what to do where a cell holds no number but tells what was meant; both may be empty."""
    leave = "lämna cellen tom" if column.optional else "ta bort raden"
    if _FEWER.fullmatch(value):
        if column.persons:
            return "", f"skriv det verkliga antalet, för boken visar inte små antal; vet du det inte, {leave}"
        return "", f"skriv det verkliga talet; vet du det inte, {leave}"
    if _UNKNOWN.fullmatch(value):
        return "", f"{leave} om uppgiften saknas, annars skriv bara siffror"
    found = _AMOUNT.fullmatch(value)
    written, own = (KRONOR.get(unit.casefold()) for unit in (found[2], column.unit)) if found else (None, None)
    if not (written and own):
        return "", ""
    try:
        amount = Decimal(number_text(parse_number(found[1])).replace(",", "."))
    except CellError:
        return "", ""
    meant = said(amount * written[1] / own[1])
    return "enheten hör inte hemma i cellen", f"enheten är {own[0]}: {value} skrivs {meant}"


def _frame(parsed: Mapping[str, list], spec: TableSpec) -> pd.DataFrame:
    columns = {}
    for column in spec.all_columns:
        values = parsed[column.name]
        if column.kind in ("year", "integer"):
            columns[column.name] = pd.array(values, dtype="Int64" if None in values else "int64")
        elif column.kind == "number":
            columns[column.name] = pd.array(values, dtype="float64")
        else:
            columns[column.name] = pd.array(values, dtype="str")
    return pd.DataFrame(columns)


def _bounds_fault(value: object, text: str, column: ColumnSpec, shown: str, line: int) -> Fault | None:
    """Return the fault of a value that no cell of the column may hold."""
    if value is None:
        return None
    minimum, maximum = (EARLIEST_YEAR, LATEST_YEAR) if column.kind == "year" else (column.minimum, column.maximum)
    if not (
        (minimum is not None and value < minimum)
        or (maximum is not None and value > maximum)
        or (column.allowed and value not in column.allowed)
    ):
        return None
    if column.allowed:
        problem = "otillåtet värde"
    elif column.minimum is not None and value < column.minimum:
        problem = "negativt tal" if column.minimum == 0 else "för litet tal"
    else:
        problem = "orimligt tal"
    return Fault(shown, problem, column.expected, _ADVICE[problem], line, column.name, clean(text))


def _repeated(parsed: Mapping[str, list], lines: list[int], spec: TableSpec, written: Callable[[int, str], str],
              shown: str) -> list[Fault]:
    """Return a fault for each row whose key another row above it has."""
    found: dict[tuple, list[int]] = {}
    for line, *values in zip(lines, *(parsed[name] for name in spec.key), strict=True):
        if None not in values:
            found.setdefault(tuple(values), []).append(line)
    faults = []
    for first, *others in found.values():
        for line in others:
            where = ", ".join(f"{name} {written(line, name)}" for name in spec.key)
            faults.append(Fault(shown, f"{where} står redan på rad {first}", one_row_for(spec.key),
                                "ta bort eller rätta den ena raden", line, spec.key[0], written(line, spec.key[0])))
    return faults


def one_row_for(names: Sequence[str]) -> str:
    """Return what is expected of the rows of a table, whose key has these names."""
    return f"en rad för varje {'kombination av ' if len(names) > 1 else ''}{', '.join(names)}"


def _item_faults(parsed: Mapping[str, list], lines: list[int], spec: TableSpec, written: Callable[[int, str], str],
                 shown: str) -> list[Fault]:
    """Return a fault for each value that what its row is about cannot have."""
    faults = []
    for line, name, value in zip(lines, parsed[spec.key[0]], parsed["varde"], strict=True) if spec.items else ():
        item = spec.items.get(name)
        if item is None or value is None:
            continue
        if item.whole and value != int(value):
            problem = "inget heltal"
        elif value < item.minimum:
            problem = "för litet tal"
        elif item.maximum is not None and value > item.maximum:
            problem = "orimligt tal"
        else:
            continue
        faults.append(Fault(shown, problem, item.expected, _ADVICE[problem], line, "varde", written(line, "varde")))
    return faults


def _unknown_sources(parsed: Mapping[str, list], lines: list[int], sources: tuple[str, ...], shown: str) -> list[Fault]:
    """Return a fault for each source that is not in the register."""
    faults, known = [], frozenset(sources)
    # A contradiction stands between two sources.
    for name in (column for column in ("kalla", "kalla_2", "ursprung") if column in parsed):
        for line, source in zip(lines, parsed[name], strict=True):
            if source is not None and source not in known and (source or name != "ursprung"):
                near = difflib.get_close_matches(source, sources, n=1)
                advice = f"skriv ”{near[0]}”" if near else "rätta namnet eller lägg till källan i kallor.yml"
                faults.append(Fault(shown, "källan finns inte i kallor.yml", "ett namn ur kallor.yml",
                                    advice, line, name, source))
    return faults
