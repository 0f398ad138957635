"""Any municipality whose tables are valid gets a sound book, and any damaged cell is refused by its place."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
import yaml
from conftest import DATA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_prose import every_view

from analysis.present.book import open_book
from analysis.publish.workbook import SHEET, make_workbook
from analysis.sources import DataError, load_municipality
from analysis.sources.schema import MUNICIPAL_TABLES, ColumnSpec, Item, TableSpec

SLUG = "prov"
MANIFEST = {"name": "=Prov", "built_at": "2026-01-02T03:04:05+00:00"}
NAMES = ("Åmål", "Dals-Ed", "L'Île", "<script>alert(1)</script>", "=1+1", "A & B", "*Stjärn_vik*", "Sjö|å", "$x$")
TEXTS = (*NAMES, "-5", "+46 40", "@SUM(A1)", "'citat'", '"citat"; och', "[länk](javascript:alert(1))", "två\nrader")
TEXTS += (
    "</script><b>",
    "{{ 1 }}",
    "`kod`",
    "# Rubrik",
    "2021-11",
    "x" * 300,
    "{glue:text}`a`",
    "\\",
    "&lt;",
    "å" * 40,
)
SOURCES = {"egen": {"titel": "<script>alert(1)</script>", "utgivare": "=1+1", "datum": "2025"}}
# The book of old years needs one for which there is an amount per hour; that of years to come takes the last known.
PERIODS = ((2019, 2025), (2009, 2014), (2017, 2017), (2024, 2031))
# What is read as a pointer is not for anyone to fill with anything.
TABLES = sorted(set(MUNICIPAL_TABLES) - {"publicerat"})
# The facts that some page looks up by name.
FACTS = ("enheter", "enhetschefer", "anstallda", "personliga_assistenter", "jour_dubbelbemanning")


def numbers(bounds: ColumnSpec | Item, *, whole: bool) -> st.SearchStrategy[str]:
    """Numbers as people have them: none at all, tiny, huge, with decimals."""
    low, high = (
        edge if given is None else given for edge, given in ((-(10**9), bounds.minimum), (10**9, bounds.maximum))
    )
    some = [0, 1, 4, 5, 17, 2014, 2023, 123456, 10**9, -1, -12345, low, high]
    if not whole:
        some += [0.001, 0.5, 99.95, 1234567.891, -0.5]
    some = sorted({value for value in some if low <= value <= high})
    return st.sampled_from(some).map(lambda value: f"{value:.10g}".replace(".", ",") if value < 10**9 else str(value))


def cells(column: ColumnSpec, years: list[int]) -> st.SearchStrategy[str]:
    """What a column may hold, as tidy CSV holds it."""
    if column.allowed:
        return st.sampled_from(column.allowed)
    if column.name in ("kalla", "kalla_2"):
        return st.just("egen")
    if column.kind == "year":
        some = st.sampled_from(years).map(str)
    elif column.kind == "date":
        some = st.sampled_from(years).flatmap(lambda year: st.sampled_from([f"{year}", f"{year}-11", f"{year}-11-30"]))
    elif column.kind == "text":
        some = st.sampled_from((*TEXTS, *FACTS) if column.name == "uppgift" else TEXTS)
    else:
        some = numbers(column, whole=column.kind == "integer")
    return st.just("") | some if column.optional else some


def with_value(spec: TableSpec, row: list[str]) -> st.SearchStrategy[list[str]]:
    """A row with a value that what it is about can have."""
    place = [column.name for column in spec.columns].index("varde")
    item = spec.items[row[0]]
    if item.unit == "år":
        item = dataclasses.replace(item, minimum=2014)  # the first year that has an amount per hour
    return numbers(item, whole=item.whole).map(lambda value: [*row[:place], value, *row[place + 1 :]])


@st.composite
def rows(draw: st.DrawFn, spec: TableSpec, years: list[int]) -> list[list[str]]:
    """A table's rows, with no key twice; a table of single values often has them all, as its sheet suggests them."""
    names = [column.name for column in spec.all_columns]
    row = st.tuples(*(cells(column, years) for column in spec.all_columns)).map(list)
    if spec.items:
        row = row.flatmap(lambda one: with_value(spec, one))
    key = [names.index(name) for name in spec.key]
    found = {tuple(one[place] for place in key): one for one in draw(st.lists(row, min_size=1, max_size=14))}
    for suggested in spec.item_rows if spec.items and draw(st.booleans()) else ():
        one = [suggested.get(name, "egen" if name == "kalla" else "s. 1" if name == "plats" else "") for name in names]
        found.setdefault(tuple(one[place] for place in key), draw(with_value(spec, one)))
    return list(found.values())


@st.composite
def municipalities(draw: st.DrawFn) -> tuple[str, tuple[int, int], dict[str, list[list[str]]]]:
    """A name, a period and tables: any of them, of any years of the period or of one alone."""
    period = draw(st.sampled_from(PERIODS))
    years = sorted(draw(st.sets(st.integers(*period), min_size=1, max_size=7)))
    chosen = draw(st.lists(st.sampled_from(TABLES), min_size=1, max_size=9, unique=True))
    return (
        draw(st.sampled_from(NAMES)),
        period,
        {name: draw(rows(MUNICIPAL_TABLES[name], years)) for name in sorted(chosen)},
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A data folder with the nation's tables and one source more."""
    data = tmp_path_factory.mktemp("valfri") / "data"
    shutil.copytree(DATA / "nationellt", data / "nationellt")
    register = (DATA / "kallor.yml").read_text(encoding="utf-8")
    (data / "kallor.yml").parent.mkdir(exist_ok=True)
    (data / "kallor.yml").write_text(register + yaml.safe_dump(SOURCES, allow_unicode=True), encoding="utf-8")
    return data


def write(data: Path, name: str, period: tuple[int, int], tables: dict[str, list[list[str]]]) -> None:
    """Write a municipality's folder anew."""
    folder = data / "kommuner" / SLUG
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    card = {
        "namn": name,
        "kod": "0000",
        "period": dict(zip(("fran", "till"), period, strict=True)),
        "jamfor_med": ["Riket"],
    }
    (folder / "kommun.yml").write_text(yaml.safe_dump(card, allow_unicode=True), encoding="utf-8")
    for table, content in tables.items():
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerows([[column.name for column in MUNICIPAL_TABLES[table].all_columns], *content])
        (folder / f"{table}.csv").write_text(out.getvalue(), encoding="utf-8", newline="")


def faults_of_book(data: Path) -> Iterator[str]:
    """Everything that is not as it should be in what the chapters' cells show."""
    for chapter, bundle, metadata in every_view(open_book(SLUG, str(data))):
        shown = bundle.get("text/html") or bundle["text/markdown"]
        plain = re.sub(r"<script.*?</script>|<[^>]+>", " ", shown, flags=re.DOTALL)
        for wrong in re.finditer(r"\b(?:nan|NaN|None|inf|NaT|undefined)\b|<NA>", plain):
            yield f"{chapter}: {plain[max(0, wrong.start() - 80) : wrong.end() + 20]}"
        if re.search(r"<script>|</script><b>", shown):
            yield f"{chapter}: what stood in the data became part of the page: {shown[:300]}"
        if "text/csv" in bundle:
            lines = list(csv.reader(io.StringIO(bundle["text/csv"], newline=""), delimiter=";", strict=True))
            if len({len(line) for line in lines}) != 1:
                yield f"{chapter}: lines of different length: {lines[:3]}"
            live = [cell for line in lines for cell in line if re.match(r"[=+@\t\r]|-(?![\d])", cell)]
            yield from (f"{chapter}: a formula in a CSV: {cell}" for cell in live)
            held = openpyxl.load_workbook(io.BytesIO(make_workbook(bundle["text/csv"], metadata, MANIFEST)))
            yield from (
                f"{chapter}: a formula in a workbook: {cell.value}"
                for sheet in held
                for row in sheet
                for cell in row
                if cell.data_type == "f"
            )
            if held[SHEET].max_row != len(lines):
                yield f"{chapter}: {len(lines)} lines became {held[SHEET].max_row}"


@given(municipalities())
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_valid_municipality_gets_a_sound_book(data, municipality):
    write(data, *municipality)
    assert not list(faults_of_book(data))


# --- Damaged ------------------------------------------------------------------------------------------

DAMAGE = {
    "year": ("okänt", "20x4", "1821", "2024,5", "#REF!", ""),
    "integer": ("okänt", "1,5", "12 %", "#DIV/0!"),
    "number": ("okänt", "1.234", "12 %", "#DIV/0!", "1,2,3"),
    "date": ("hösten 2021", "2021-13", "2023-02-30", "31/12 2021"),
    "listed": ("okänt",),
    "source": ("okänt", ""),
    "text": ("a\x02b",),
}


@given(municipalities(), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_damaged_cell_is_refused_by_its_place(data, municipality, draw):
    name, period, tables = municipality
    table = draw.draw(st.sampled_from(sorted(tables)))
    columns = MUNICIPAL_TABLES[table].all_columns
    at = draw.draw(st.integers(0, len(columns) - 1))
    line = draw.draw(st.integers(0, len(tables[table]) - 1))
    column = columns[at]
    source = column.name in ("kalla", "kalla_2")
    kind = "source" if source else "listed" if column.allowed else column.kind
    value = draw.draw(st.sampled_from([one for one in DAMAGE[kind] if one or not column.optional]))
    tables[table][line][at] = value
    write(data, name, period, tables)
    with pytest.raises(DataError) as caught:
        load_municipality(SLUG, data)
    (fault,) = caught.value.faults
    assert fault.file == f"data/kommuner/{SLUG}/{table}.csv" and fault.column == column.name
    assert fault.row == line + 2  # the heading stands in row 1
    assert "Gör så här: " in str(fault)
