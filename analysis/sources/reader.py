"""Read one CSV table into a validated frame, or say everything that is wrong with it."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Collection
from decimal import Decimal
from functools import cache
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from analysis.sources.cells import (
    CellError,
    clean,
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
}
_FEWER = re.compile(r"([<‹≤＜]|färre än|mindre än|under|högst|max)\s*=?\s*\w+( st| personer)?", re.IGNORECASE)
_UNKNOWN = re.compile(r"okän[dt]\w*|vet (ej|inte)|\?+|framgår (ej|inte)|ej (känt|redovisat)", re.IGNORECASE)
_AMOUNT = re.compile(r"([-−0-9][0-9 ,.]*?)\s*([a-zåäö][a-zåäö ]*)\.?", re.IGNORECASE)
# What people write for the three units of money, and how many kronor each is.
_KRONOR = {
    **dict.fromkeys(("kr", "kronor", "sek"), ("kr", 1)),
    **dict.fromkeys(("tkr", "ksek", "tusen kronor", "tusen kr", "tusen"), ("tkr", 1000)),
    **dict.fromkeys(("mnkr", "mkr", "msek", "milj", "milj kr", "miljoner", "miljoner kronor", "miljoner kr"),
                    ("mnkr", 1_000_000)),
}


def decode(content: bytes) -> str:
    """Return the text of a file that Excel may have saved: UTF-8 with or without BOM, else Windows-1252.

    Raises ValueError where it is neither, such as a workbook or a picture renamed to .csv.
    """
    if b"\0" in content:
        raise ValueError("no text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def read_table(path: Path, spec: TableSpec, sources: Collection[str], shown: str) -> tuple[pd.DataFrame, list[Fault]]:
    """Return the table and its faults; the frame is only to be used where there are none.

    The frame has the columns of `spec`, in that order, and a plain index; numbers are float64,
    whole numbers int64 (Int64 where optional), empty text is "". `shown` is how messages name the file.
    """
    try:
        text = decode(path.read_bytes())
    except ValueError:
        return pd.DataFrame(), [
            Fault(shown, "filen är ingen textfil", "en CSV-fil i UTF-8 eller Windows-1252",
                  "öppna filen i Excel och spara den som CSV UTF-8 (kommaavgränsad)")
        ]
    rows, faults = _split(text, shown)
    if faults:
        return pd.DataFrame(), faults
    if not rows:
        return pd.DataFrame(), [
            Fault(shown, "filen är tom", "en rubrikrad och minst en rad med uppgifter",
                  "fyll i tabellen, eller ta bort filen om kommunen saknar uppgifterna")
        ]
    header = [visible(clean(name).lower()) for name in rows[0][1]]
    while not header[-1]:
        header.pop()
    faults = _header_faults(header, spec, shown, rows[0][0])
    if faults:
        return pd.DataFrame(), faults
    body = [(line, cells) for line, cells in rows[1:] if any(clean(cell) for cell in cells)]
    if not body:
        return pd.DataFrame(), [
            Fault(shown, "tabellen har rubriker men inga rader", "minst en rad med uppgifter",
                  "fyll i tabellen, eller ta bort filen om kommunen saknar uppgifterna")
        ]
    parsed: dict[str, list] = {column.name: [] for column in spec.all_columns}
    lines: list[int] = []
    for line, cells in body:
        if any(clean(cell) for cell in cells[len(header):]):
            faults.append(
                Fault(shown, f"raden har {len(cells)} fält men rubriken {len(header)}", f"{len(header)} fält",
                      "använd semikolon mellan fälten, eller sätt citattecken om tal med decimalkomma", row=line)
            )
            continue
        cells = cells + [""] * (len(header) - len(cells))
        lines.append(line)
        for column in spec.all_columns:
            value, fault = _parse_cell(cells[header.index(column.name)], column, shown, line)
            parsed[column.name].append(value)
            if fault:
                faults.append(fault)
    raw = {line: cells for line, cells in body}
    frame = _frame(parsed, lines, spec)
    faulty = {(fault.row, fault.column) for fault in faults}
    for fault in _validate(frame, spec, sources, shown, raw, header):
        if (fault.row, fault.column) not in faulty:
            faults.append(fault)
    return frame.reset_index(drop=True), faults


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
    written, own = (_KRONOR.get(unit.casefold()) for unit in (found[2], column.unit)) if found else (None, None)
    if not (written and own):
        return "", ""
    try:
        amount = Decimal(number_text(parse_number(found[1])).replace(",", "."))
    except CellError:
        return "", ""
    meant = said(amount * written[1] / own[1])
    return "enheten hör inte hemma i cellen", f"enheten är {own[0]}: {value} skrivs {meant}"


def _frame(parsed: dict[str, list], lines: list[int], spec: TableSpec) -> pd.DataFrame:
    columns = {}
    for column in spec.all_columns:
        values = parsed[column.name]
        if column.kind in ("year", "integer"):
            columns[column.name] = pd.array(values, dtype="Int64")
        elif column.kind == "number":
            columns[column.name] = pd.array(values, dtype="float64")
        else:
            columns[column.name] = pd.array([None if value is None else str(value) for value in values], dtype="str")
    frame = pd.DataFrame(columns, index=pd.Index(lines))
    for column in spec.all_columns:
        if column.kind in ("year", "integer") and not frame[column.name].isna().any():
            frame[column.name] = frame[column.name].astype("int64")
    return frame


@cache
def _checks(spec: TableSpec) -> pa.DataFrameSchema:
    columns = {}
    for column in spec.all_columns:
        checks = []
        minimum = EARLIEST_YEAR if column.kind == "year" else column.minimum
        maximum = LATEST_YEAR if column.kind == "year" else column.maximum
        if minimum is not None:
            checks.append(pa.Check.ge(minimum))
        if maximum is not None:
            checks.append(pa.Check.le(maximum))
        if column.allowed:
            checks.append(pa.Check.isin(column.allowed))
        columns[column.name] = pa.Column(checks=checks, nullable=True)
    return pa.DataFrameSchema(columns, strict=True)


def _validate(frame, spec, sources, shown, raw, header) -> list[Fault]:
    faults = []
    by_name = {column.name: column for column in spec.all_columns}

    def written(line: int, name: str) -> str:
        cells = raw[line]
        position = header.index(name)
        return clean(cells[position]) if position < len(cells) else ""

    try:
        _checks(spec).validate(frame, lazy=True)
    except SchemaErrors as error:
        for case in error.failure_cases.itertuples():
            column = by_name[case.column]
            line = int(case.index)
            below = column.minimum is not None and not column.allowed and float(case.failure_case) < column.minimum
            problem = "otillåtet värde" if column.allowed else "för litet tal" if below else "orimligt tal"
            if below and column.minimum == 0:
                problem = "negativt tal"
            faults.append(Fault(shown, problem, column.expected, _ADVICE[problem], line, case.column,
                                written(line, case.column)))
    key = list(spec.key)
    complete = frame.dropna(subset=key)
    for _, group in complete[complete.duplicated(key, keep=False)].groupby(key, sort=False):
        for line in group.index[1:]:
            where = ", ".join(f"{name} {written(line, name)}" for name in key)
            faults.append(Fault(shown, f"{where} står redan på rad {group.index[0]}", "en rad för varje kombination av "
                                + ", ".join(key), "ta bort eller rätta den ena raden", line, key[0],
                                written(line, key[0])))
    if spec.provenance:
        # A contradiction stands between two sources.
        for name in [column for column in ("kalla", "kalla_2", "ursprung") if column in frame]:
            for line, source in frame[name].items():
                if isinstance(source, str) and source not in sources and (source or name != "ursprung"):
                    near = difflib.get_close_matches(source, sources, n=1)
                    advice = f"skriv ”{near[0]}”" if near else "rätta namnet eller lägg till källan i kallor.yml"
                    faults.append(Fault(shown, "källan finns inte i kallor.yml", "ett namn ur kallor.yml",
                                        advice, line, name, source))
    return faults
