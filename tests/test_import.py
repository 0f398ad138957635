"""The road from a filled-in workbook to tidy tables, and back: nothing lost, nothing guessed in silence."""

from __future__ import annotations

import csv
import datetime
import errno
import io
import math
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
import yaml
from conftest import DATA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet

from analysis import cli
from analysis.sources import DataError, load_municipality
from analysis.sources.cells import number_text, parse_number
from analysis.sources.intake import export_workbook, import_workbook
from analysis.sources.reader import _DITTO, _NO_TEXT
from analysis.sources.registers import read_sources
from analysis.sources.schema import MUNICIPAL_TABLES, ColumnSpec, TableSpec
from analysis.sources.template import plain_text

FILLED = ("malmo", "huddinge", "bjuv", "ange")
SOURCE = "bokslut_2024"
# In Eslöv's workbook for 2020–2022: the first row of SFB, and the columns of Ekonomi.
SFB_ROW = 9
PLACE = "Tabell 1"


# --- Tools ------------------------------------------------------------------------------------------


def bare_data(root: Path, slugs: tuple[str, ...] = ()) -> Path:
    """A data folder with the nation's tables, and the cards of some municipalities without their tables."""
    data = root / "data"
    shutil.copytree(DATA / "nationellt", data / "nationellt")
    shutil.copy(DATA / "kallor.yml", data)
    for slug in slugs:
        (data / "kommuner" / slug).mkdir(parents=True)
        shutil.copy(DATA / "kommuner" / slug / "kommun.yml", data / "kommuner" / slug)
    return data


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and every folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }


def tables_of(data: Path, slug: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (data / "kommuner" / slug).glob("*.csv")}


def faults_of(slug: str, data: Path) -> list:
    """The check of the tables alone."""
    try:
        load_municipality(slug, data)
    except DataError as error:
        return error.faults
    return []


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> tuple[Path, Path]:
    """A data folder with Eslöv's new folder, and Eslöv's empty workbook for 2020 to 2022."""
    root = tmp_path_factory.mktemp("mall")
    data, path = bare_data(root), root / "eslov.xlsx"
    years = ["--fran", "2020", "--till", "2022"]
    assert cli.main(["new", "--namn", "Eslöv", *years, "--data", str(data), "--fil", str(path)]) == 0
    return data, path


@pytest.fixture
def data(template, tmp_path) -> Path:
    """A copy of Eslöv's data folder."""
    return Path(shutil.copytree(template[0], tmp_path / "data"))


def put(sheet: Worksheet, row: int, *values: object) -> None:
    """Write cells from column A on; None leaves a cell as it is."""
    for position, value in enumerate(values, start=1):
        if value is not None:
            sheet.cell(row, position).value = value


@pytest.fixture
def book(template) -> openpyxl.Workbook:
    """Eslöv's workbook with a source, and SFB's three years in Ekonomi."""
    workbook = openpyxl.load_workbook(template[1])
    put(workbook["Källor"], 6, SOURCE, "Bokslut 2024", "Eslövs kommun", "2025")
    for number, (budget, cost) in enumerate([(100, 110.5), (120, 118), (130, 140)]):
        put(workbook["Ekonomi"], SFB_ROW + number, None, None, budget, cost, SOURCE, PLACE)
    return workbook


def save(workbook: openpyxl.Workbook, data: Path, name: str = "eslov.xlsx") -> Path:
    path = data.parent / name
    workbook.save(path)
    return path


def run(path: Path, data: Path, *more: str) -> int:
    return cli.main(["import", str(path), "--data", str(data), *more])


def read(data: Path, table: str = "ekonomi", slug: str = "eslov") -> list[list[str]]:
    """A table's rows as the file holds them, without the heading."""
    text = (data / "kommuner" / slug / f"{table}.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert rows[0] == [column.name for column in MUNICIPAL_TABLES[table].all_columns]
    return rows[1:]


ECONOMY = [
    ["2020", "sfb", "100", "110,5", SOURCE, PLACE, ""],
    ["2021", "sfb", "120", "118", SOURCE, PLACE, ""],
    ["2022", "sfb", "130", "140", SOURCE, PLACE, ""],
]


# --- There and back ---------------------------------------------------------------------------------


def test_the_workbook_becomes_tidy_tables(book, data, capsys):
    assert run(save(book, data), data) == 0
    assert read(data) == ECONOMY
    assert tables_of(data, "eslov").keys() == {"ekonomi.csv"}
    out = capsys.readouterr()
    assert "ekonomi.csv: 3 rader" in out.out and "python -m analysis build eslov" in out.out and not out.err
    known, faults = read_sources(data / "kallor.yml", "kallor.yml")
    assert not faults and known[SOURCE].publisher == "Eslövs kommun"
    # What stood there before stands there still, comments and all.
    assert (data / "kallor.yml").read_bytes().startswith((DATA / "kallor.yml").read_bytes())
    assert cli.main(["check", "eslov", "--data", str(data)]) == 0
    assert not [path for path in data.iterdir() if path.name.startswith(".")]


def test_a_new_municipality_may_come_from_its_workbook_alone(book, data):
    before = (data / "kommuner/eslov/kommun.yml").read_bytes()
    shutil.rmtree(data / "kommuner")
    assert run(save(book, data), data) == 0
    assert (data / "kommuner/eslov/kommun.yml").read_bytes() == before
    assert read(data) == ECONOMY


@pytest.mark.parametrize("slug", FILLED)
def test_the_real_municipalities_go_there_and_back(tmp_path, slug):
    exported = tmp_path / "första.xlsx"
    assert cli.main(["export", slug, "--fil", str(exported)]) == 0
    own = {
        row["kalla"]
        for path in (DATA / "kommuner" / slug).glob("*.csv")
        for row in csv.DictReader(path.open(encoding="utf-8"), delimiter=";")
        if row.get("kalla")
    }
    data = bare_data(tmp_path, tuple(path.name for path in (DATA / "kommuner").iterdir()))
    everything = yaml.safe_load((DATA / "kallor.yml").read_text(encoding="utf-8"))
    national = {
        value
        for path in (DATA / "nationellt").iterdir()
        for value in re.findall(r"[\w-]+", path.read_text(encoding="utf-8"))
    }
    card = (DATA / "kommuner" / slug / "kommun.yml").read_text(encoding="utf-8")
    kept = {id_: entry for id_, entry in everything.items() if id_ in national or (id_ in card and id_ not in own)}
    (data / "kallor.yml").write_text(yaml.safe_dump(kept, allow_unicode=True), encoding="utf-8")
    for other in (data / "kommuner").iterdir():
        if other.name != slug:
            (other / "kommun.yml").unlink()
    assert run(exported, data) == 0
    found, expected = load_municipality(slug, data), load_municipality(slug)
    assert found.tables.keys() == expected.tables.keys()
    for name, frame in expected.tables.items():
        assert found.tables[name].equals(frame), name
    for id_ in own:
        assert found.sources[id_] == expected.sources[id_]
    # And once more: what an import writes, an export gives back to the byte.
    again = tmp_path / "andra.xlsx"
    first = tables_of(data, slug)
    assert cli.main(["export", slug, "--data", str(data), "--fil", str(again)]) == 0
    for name in first:
        (data / "kommuner" / slug / name).unlink()
    assert run(again, data) == 0
    assert tables_of(data, slug) == first


def test_figures_of_malmo_under_another_name(data, tmp_path):
    path = tmp_path / "malmo.xlsx"
    assert cli.main(["export", "malmo", "--fil", str(path)]) == 0
    workbook = openpyxl.load_workbook(path)
    for row in range(1, 10):
        cell = workbook["Börja här"].cell(row, 2)
        cell.value = {"Malmö": "Eslöv", "1280": "1285", "malmo": "eslov"}.get(cell.value, cell.value)
    for name in set(workbook.sheetnames) - {"Börja här", "Källor", "Listor", "Ekonomi", "Brukare", "Timmar"}:
        del workbook[name]
    assert run(save(workbook, data), data) == 0
    found, expected = load_municipality("eslov", data), load_municipality("malmo")
    assert set(found.tables) == {"ekonomi", "brukare", "timmar"}
    for name, frame in found.tables.items():
        assert frame.equals(expected.tables[name])


def _texts(required: bool = True) -> st.SearchStrategy[str]:
    """Texts as they may stand in a table, among them those that a program could take for something else.

    A cell that must be filled in cannot hold a sign for what is missing, or for what stands in the row above.
    """
    awkward = [
        "=1+1",
        "'quoted",
        "'=1+1",
        "<script>alert(1)</script>",
        "+46",
        "@a",
        "-",
        "–",
        "..",
        "x",
        "saknas",
        "2021-11",
        "007",
        "1 000",
        "ca 23 000",
        "1.234",
        "12,50",
        "Åsa's bok; del 1",
        '"citat"',
        "#REF!",
        "rad ett\nrad två",
        "C:\\temp\\1",
        "å-ä-ö",
        "1e5",
        "SANT",
        "{=1}",
        "http://a.se/x?y=1&z=2",
        "\u202e",
        "_x0041_",
        "_x005F_x000D_",
        "_x005F_",
        "#N/A",
        "TRUE",
        "2024-01-01",
        "0.0%",
        "😀",
        "mjukt\u00adbindestreck",
    ]
    letters = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co")), min_size=1, max_size=20)
    return (
        (st.sampled_from(awkward) | letters)
        .map(plain_text)
        .filter(lambda text: text and not text.startswith("Exempel:"))
        .filter(lambda text: not (required and (_NO_TEXT.fullmatch(text) or _DITTO.fullmatch(text))))
    )


def _values(column: ColumnSpec, sources: list[str]) -> st.SearchStrategy[str]:
    """What a column may hold, written as tidy CSV holds it."""
    if column.allowed:
        return st.sampled_from(column.allowed)
    if column.name in ("kalla", "kalla_2"):
        return st.sampled_from(sources)
    if column.kind == "year":
        some = st.integers(1990, 2100).map(str)
    elif column.kind == "date":
        some = st.one_of(
            st.integers(1900, 2099).map(str),
            st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)).flatmap(
                lambda day: st.sampled_from([day.isoformat(), day.isoformat()[:7]])
            ),
        )
    elif column.kind in ("integer", "number"):
        low = -1e15 if column.minimum is None else column.minimum
        high = 1e15 if column.maximum is None else column.maximum
        whole = st.integers(int(low), int(high))
        number = (
            whole
            if column.kind == "integer"
            else st.one_of(
                whole, st.floats(low, high), st.sampled_from([0.0, 5e-324, 0.1, 1 / 3, 0.30000000000000004, high])
            )
        )
        some = number.map(lambda value: number_text(float(value)))
    else:
        some = _texts(required=not column.optional and not column.name.endswith("tryckt"))
    return st.just("") | some if column.optional else some


def _within_its_bounds(spec: TableSpec, row: dict[str, str]) -> list[str]:
    """The row with a value that what it is about can have."""
    item = spec.items[row[spec.key[0]]]
    low = 2014 if item.unit == "år" else item.minimum  # the first year that has an amount per hour
    value = min(max(parse_number(row["varde"]), low), item.maximum or math.inf)
    return list((row | {"varde": number_text(float(math.ceil(value) if item.whole else value))}).values())


@st.composite
def _table(draw: st.DrawFn, spec: TableSpec, sources: list[str]) -> list[list[str]]:
    names = [column.name for column in spec.all_columns]
    row = st.tuples(*(_values(column, sources) for column in spec.all_columns)).map(list)
    if spec.items:
        row = row.map(lambda one: _within_its_bounds(spec, dict(zip(names, one, strict=True))))
    return draw(
        st.lists(row, min_size=1, max_size=4, unique_by=lambda one: tuple(one[names.index(name)] for name in spec.key))
    )


@st.composite
def _municipality(draw: st.DrawFn) -> tuple[dict, dict[str, list[list[str]]]]:
    ids = draw(st.lists(_texts(), min_size=1, max_size=2, unique=True))
    sources = {id_: {"titel": draw(_texts()), "utgivare": draw(_texts()), "datum": draw(_texts())} for id_ in ids}
    chosen = draw(st.lists(st.sampled_from(sorted(MUNICIPAL_TABLES)), min_size=1, max_size=5, unique=True))
    return sources, {name: draw(_table(MUNICIPAL_TABLES[name], ids)) for name in sorted(chosen)}


@given(_municipality())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_export_and_import_are_each_others_inverse(tmp_path_factory, given_municipality):
    sources, tables = given_municipality
    root = tmp_path_factory.mktemp("fram-och-ater")
    data = bare_data(root, ("malmo",))
    folder = data / "kommuner/malmo"
    card = {"namn": "Malmö", "kod": "1280", "period": {"fran": 2020, "till": 2021}}
    (folder / "kommun.yml").write_text(yaml.safe_dump(card), encoding="utf-8")
    register = (data / "kallor.yml").read_text(encoding="utf-8")
    more = {id_: entry for id_, entry in sources.items() if id_ not in yaml.safe_load(register)}
    (data / "kallor.yml").write_text(register + yaml.safe_dump(more, allow_unicode=True), encoding="utf-8")
    for name, rows in tables.items():
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerows([[column.name for column in MUNICIPAL_TABLES[name].all_columns], *rows])
        (folder / f"{name}.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
    before, municipality = tree(data), load_municipality("malmo", data)
    path = root / "malmo.xlsx"
    export_workbook(municipality, data, path, [])
    for name in tables:
        (folder / f"{name}.csv").unlink()
    (data / "kallor.yml").write_text(register, encoding="utf-8")
    used = {
        row[position]
        for name, rows in tables.items()
        for position, column in enumerate(MUNICIPAL_TABLES[name].all_columns)
        if column.name.startswith("kalla")
        for row in rows
    }
    found = import_workbook(path, data, faults_of)
    assert not found.notes
    after = tree(data)
    assert {name: content for name, content in after.items() if name != "kallor.yml"} == {
        name: content for name, content in before.items() if name != "kallor.yml"
    }
    assert load_municipality("malmo", data).sources.items() >= {id_: municipality.sources[id_] for id_ in used}.items()
    shutil.rmtree(root)


@given(st.floats(-1e15, 1e15))
def test_a_number_as_text_is_that_number(number):
    assert parse_number(number_text(number)) == number


# --- What people do, and what is made of it ---------------------------------------------------------


def _economy(budget: str | None = None, cost: str | None = None, status: str = "", year: str = "2020") -> list:
    first = [year, "sfb", "100" if budget is None else budget, "110,5" if cost is None else cost, SOURCE, PLACE, status]
    return [first, *ECONOMY[1:]]


# What stands in a cell of Ekonomi's first row, the column, what becomes of the row, and what is told (None: nothing).
CELLS = [
    ("number as text", "D", "110,5", _economy(), None),
    ("decimal point", "D", "110.5", _economy(), None),
    ("thousands, space", "D", "23 000,5", _economy(cost="23000,5"), None),
    ("thousands, no-break", "D", "23\u00a0000,5", _economy(cost="23000,5"), None),
    ("thousands, narrow", "D", "23\u202f000,5", _economy(cost="23000,5"), None),
    ("minus sign", "D", "−12", _economy(cost="-12"), None),
    ("blanks around", "D", "  110,5 \u00a0", _economy(), None),
    ("blanks around a word", "B", " SFB  ", _economy(), None),
    ("another spelling of a value", "G", "Preliminär", _economy(status="preliminar"), None),
    ("a source with a blank", "E", SOURCE + " ", _economy(), None),
    ("ca", "D", "ca 23 000", _economy(cost="23000", status="uppskattad"), "”ca 23 000” lästes som 23000 och märktes"),
    ("cirka", "D", "Cirka 23000", _economy(cost="23000", status="uppskattad"), "märktes som uppskattat"),
    ("c:a", "D", "c:a 2,5", _economy(cost="2,5", status="uppskattad"), "lästes som 2,5"),
    ("~", "D", "~5", _economy(cost="5", status="uppskattad"), "lästes som 5"),
    ("unit", "D", "23 000 tkr", _economy(cost="23000"), "”23 000 tkr” lästes som 23000"),
    *(
        (f"missing {mark}", "C", mark, _economy(budget=""), f"”{mark}” lästes som att uppgiften saknas")
        for mark in ("-", "–", "—", "..", "…", "x", "X", "saknas", "Uppgift saknas", "N/A")
    ),
    ("missing status", "G", "-", _economy(), "lästes som att uppgiften saknas"),
    ("year as text", "A", "2020", _economy(), None),
    ("year as date", "A", datetime.date(2020, 12, 31), _economy(), "datumet 2020-12-31 lästes som året 2020"),
    ("year as date in text", "A", "2020-12-31", _economy(), "datumet 2020-12-31 lästes som året 2020"),
    ("year in a cell for dates", "A", datetime.datetime(1905, 7, 12), _economy(), "lästes som året 2020"),
    ("full precision", "D", 110.123456789012, _economy(cost="110,123456789012"), None),
    ("tiny", "D", 1e-7, _economy(cost="0,0000001"), None),
    ("number in text", "F", 12.5, [[*ECONOMY[0][:5], "12,5", ""], *ECONOMY[1:]], None),
    ("text like a formula", "F", "'=1+1", [[*ECONOMY[0][:5], "'=1+1", ""], *ECONOMY[1:]], None),
    ("a character by its number", "F", "_x0041__x005F_x0041_", [[*ECONOMY[0][:5], "A_x0041_", ""], *ECONOMY[1:]], None),
    ("half a character", "F", "a_xD83D_", [[*ECONOMY[0][:5], "a\ufffd", ""], *ECONOMY[1:]], None),
    ("two halves", "F", "a_xD83D__xDE00_", [[*ECONOMY[0][:5], "a\U0001f600", ""], *ECONOMY[1:]], None),
    ("line break of Windows", "F", "ett_x000D_\ntvå", [[*ECONOMY[0][:5], "ett\ntvå", ""], *ECONOMY[1:]], None),
    (
        "date in text",
        "F",
        datetime.date(2024, 1, 31),
        [[*ECONOMY[0][:5], "2024-01-31", ""], *ECONOMY[1:]],
        "datumet lästes som 2024-01-31",
    ),
]


@pytest.mark.parametrize(
    ("column", "value", "expected", "told"), [case[1:] for case in CELLS], ids=[case[0] for case in CELLS]
)
def test_what_people_write_in_a_cell(book, data, capsys, column, value, expected, told):
    cell = book["Ekonomi"][f"{column}{SFB_ROW}"]
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
    assert run(save(book, data), data) == 0, capsys.readouterr().err
    assert read(data) == expected
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Blad ")]
    assert bool(notes) == bool(told)
    if told:
        assert len(notes) == 1 and notes[0].startswith(f"Blad Ekonomi, cell {column}{SFB_ROW}: ") and told in notes[0]


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (datetime.date(2021, 11, 1), "mmm\\-yy", "2021-11"),
        (datetime.date(2021, 11, 1), "yyyy\\-mm", "2021-11"),
        (datetime.date(2021, 11, 30), "yyyy\\-mm\\-dd", "2021-11-30"),
        (datetime.date(2021, 11, 30), "yyyy", "2021"),
        (datetime.date(2021, 11, 30), '"den" yyyy\\d', "2021"),
        ("2021-11", "@", "2021-11"),
        (2021, "General", "2021"),
    ],
)
def test_dates_are_as_precise_as_they_are_shown(book, data, value, number_format, expected):
    put(book["Val av utförare"], 6, value, "LSS", "20", "..", None, SOURCE, PLACE)
    book["Val av utförare"]["A6"].number_format = number_format
    assert run(save(book, data), data) == 0
    assert read(data, "val_av_utforare") == [[expected, "lss", "20", "", "", SOURCE, PLACE, ""]]


def test_percent_cells_are_read_where_the_column_is_in_percent(book, data, capsys):
    put(book["Löner"], 6, 2020, 2024, "Assistenter", 0.195, SOURCE, PLACE)
    book["Löner"]["D6"].number_format = "0.0%"
    put(book["Löner"], 7, 2020, 2023, "Assistenter", "14,2 %", SOURCE, PLACE)
    assert run(save(book, data), data) == 0
    assert [row[3] for row in read(data, "loner")] == ["19,5", "14,2"]
    out = capsys.readouterr().out
    assert "cell D6: procenttalet 19,5 % lästes som 19,5" in out and "cell D7: ”14,2 %” lästes som 14,2" in out


def test_a_percent_sign_that_is_only_shown_is_no_percentage(book, data, capsys):
    put(book["Löner"], 6, 2020, 2024, "Assistenter", 19.5, SOURCE, PLACE)
    book["Löner"]["D6"].number_format = "0.0\\%"
    assert run(save(book, data), data) == 0
    assert read(data, "loner")[0][3] == "19,5" and "procenttalet" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "number_format", "expected", "told"),
    [(0.125, "0.0%", "12,5 %", "”12,5 %”"), (7, "000", "007", "som det visas, 007"), (7, "0", "7", None)],
)
def test_a_number_in_a_column_of_text_is_what_the_cell_shows(book, data, capsys, value, number_format, expected, told):
    cell = book["Ekonomi"][f"F{SFB_ROW}"]
    cell.value, cell.number_format = value, number_format
    assert run(save(book, data), data) == 0
    assert read(data)[0][5] == expected
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Blad ")]
    assert (told in notes[0]) if told else not notes


@pytest.mark.parametrize("number_format", ["#,##0,", "0.0,,", '# ##0, "tkr"', "#,##0,;-#,##0,", "0,.0"])
def test_a_number_that_is_shown_in_thousands_is_refused(book, data, capsys, number_format):
    cell = book["Ekonomi"][f"D{SFB_ROW}"]
    cell.value, cell.number_format = 110500, number_format
    assert run(save(book, data), data) == 1
    error = capsys.readouterr().err
    assert f"cell D{SFB_ROW} (Nettokostnad (tkr)): cellen visas i tusental" in error and "”110500”" in error


@pytest.mark.parametrize("number_format", ["#,##0", "#,##0.00", '# ##0" tkr, netto"', "#,##0_,", "0.00\\,"])
def test_a_number_with_its_thousands_apart_is_that_number(book, data, number_format):
    book["Ekonomi"][f"D{SFB_ROW}"].number_format = number_format
    assert run(save(book, data), data) == 0
    assert read(data) == ECONOMY


@pytest.mark.parametrize(
    ("sheet", "cell", "number_format", "shown"),
    [
        ("Ekonomi", "D9", '0.0 "mnkr"', "mnkr"),
        ("Ekonomi", "D9", '#,##0 "kr"', "kr"),
        ("Ekonomi", "D9", '_-* #,##0.00\\ "kr"_-;\\-* #,##0.00\\ "kr"_-', "kr"),
        ("Ekonomi", "D9", "#,##0\\ [$kr-41D]", "kr"),
        ("Ekonomi", "D9", "0.0\\ \\m\\k\\r", "mkr"),
        ("Ekonomi", "D9", '0" %"', "%"),
        ("Ekonomi", "D9", "0‰", "‰"),
        ("Brukare", "D9", '0 "tkr"', "tkr"),
        ("Prognoser", "D9", '0 "tkr"', "tkr"),
    ],
)
def test_a_number_that_is_shown_in_another_unit_is_refused(book, data, capsys, sheet, cell, number_format, shown):
    rows = {"Brukare": (2020, "SFB", 6, 12.5), "Prognoser": (2024, 1, "Delår", 12.5)}
    if sheet in rows:
        put(book[sheet], SFB_ROW, *rows[sheet], SOURCE, PLACE)
    book[sheet][cell].value, book[sheet][cell].number_format = 12.5, number_format
    assert run(save(book, data), data) == 1
    *faults, _ = capsys.readouterr().err.splitlines()
    assert len(faults) == 1 and f"blad {sheet}, cell {cell} (" in faults[0]
    assert f"cellen visas i en annan enhet än kolumnens. Står nu: ”12,5 {shown}”" in faults[0]


@pytest.mark.parametrize("number_format", ['#,##0.0 "tkr"', '0.0\\ "Tkr"', '0.0" netto"', "0.0[$-41D]", '0.0"krona"'])
def test_a_number_that_is_shown_in_its_own_unit_is_that_number(book, data, number_format):
    book["Ekonomi"][f"D{SFB_ROW}"].number_format = number_format
    assert run(save(book, data), data) == 0
    assert read(data) == ECONOMY


def test_the_mark_of_a_footnote_is_no_digit_of_the_number(book, data, capsys):
    note = InlineFont(vertAlign="superscript")
    sheet = book["Ekonomi"]
    sheet[f"D{SFB_ROW}"].value = CellRichText("12600", TextBlock(note, "1"))
    sheet[f"F{SFB_ROW}"].value = CellRichText(
        "Tabell 3", TextBlock(note, "2)"), TextBlock(InlineFont(b=True), " och 4")
    )
    assert run(save(book, data), data) == 1
    *faults, _ = capsys.readouterr().err.splitlines()
    assert len(faults) == 1 and f"cell D{SFB_ROW} (Nettokostnad (tkr)): inget tal. Står nu: ”12600¹”" in faults[0]
    sheet[f"D{SFB_ROW}"].value = 110.5
    assert run(save(book, data), data) == 0
    assert read(data)[0][5] == "Tabell 3²) och 4"


def test_so_it_is_where_excel_keeps_the_texts_of_all_cells_together(data, capsys):
    path = data.parent / "eslov.xlsx"
    _with_formulas(path, ("=1", 1), ("12600", "1"))
    assert run(path, data) == 1
    *faults, _ = capsys.readouterr().err.splitlines()
    assert len(faults) == 1 and "cell C2 (Budget (tkr)): inget tal. Står nu: ”12600¹”" in faults[0]
    # Some programs write the names of the parts with a letter before them.
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    texts = re.sub(rb"(</?)(?=[a-zA-Z])", rb"\1x:", parts["xl/sharedStrings.xml"]).replace(b" xmlns=", b" xmlns:x=")
    parts["xl/sharedStrings.xml"] = texts
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    assert run(path, data) == 1
    assert "”12600¹”" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "status", "told"),
    [
        ("avrundad", "avrundad", "”ca 5” lästes som 5; raden har redan statusen avrundad."),
        ("Preliminär", "preliminar", "”ca 5” lästes som 5; raden har redan statusen preliminär."),
        ("uppskattad", "uppskattad", "”ca 5” lästes som 5 och märktes som uppskattat."),
        (None, "uppskattad", "”ca 5” lästes som 5 och märktes som uppskattat."),
    ],
)
def test_a_status_that_is_given_stands(book, data, capsys, value, status, told):
    put(book["Ekonomi"], SFB_ROW, None, None, None, "ca 5", None, None, value)
    assert run(save(book, data), data) == 0
    assert read(data)[0][3:] == ["5", SOURCE, PLACE, status]
    assert f"Blad Ekonomi, cell D{SFB_ROW}: {told}" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("sheet", "column", "value", "advice"),
    [
        ("Ekonomi", "D", "8 900 kr", "enheten är tkr: 8 900 kr skrivs 8,9."),
        ("Ekonomi", "C", "9,2 mnkr", "enheten är tkr: 9,2 mnkr skrivs 9 200."),
        ("Ekonomi", "D", "-1,5 Miljoner kronor", "enheten är tkr: -1,5 Miljoner kronor skrivs −1 500."),
        ("Prognoser", "D", "−800 tkr", "enheten är mnkr: −800 tkr skrivs −0,8."),
        ("Ekonomi", "D", "1.234 mnkr", "skriv bara siffror i cellen; en förklaring kan stå på ett eget blad i"),
        ("Ekonomi", "D", "12 äpplen", "skriv bara siffror i cellen"),
        ("Ekonomi", "C", "okänt", "lämna cellen tom om uppgiften saknas"),
        ("Ekonomi", "D", "okänt", "ta bort raden om uppgiften saknas"),
        ("Ekonomi", "D", "<500", "skriv det verkliga talet; vet du det inte, ta bort raden."),
        *(
            ("Brukare", column, value, f"skriv det verkliga antalet, för boken visar inte små antal; {end}")
            for column, end in (("C", "vet du det inte, lämna cellen tom."), ("D", "vet du det inte, ta bort raden."))
            for value in ("<5", "‹5", "< 5", "färre än fem", "under 5 personer")
        ),
    ],
)
def test_what_is_no_number_is_told_what_to_write(book, data, capsys, sheet, column, value, advice):
    rows = {"Ekonomi": (), "Brukare": (2020, "SFB", 6, 6), "Prognoser": (2024, 1, "Delår", 1)}
    if rows[sheet]:
        put(book[sheet], SFB_ROW, *rows[sheet], SOURCE, PLACE)
    book[sheet][f"{column}{SFB_ROW}"].value = value
    assert run(save(book, data), data) == 1
    faults = [line for line in capsys.readouterr().err.splitlines() if line.startswith("eslov.xlsx")]
    assert len(faults) == 1 and f"cell {column}{SFB_ROW} " in faults[0] and f"Gör så här: {advice}" in faults[0]


@pytest.mark.parametrize("value", ["6 st", "6 personer", "6 brukare", "6st."])
def test_a_count_may_have_its_word(book, data, capsys, value):
    put(book["Brukare"], SFB_ROW, 2020, "SFB", 6, value, SOURCE, PLACE)
    assert run(save(book, data), data) == 0
    assert read(data, "brukare")[0][3] == "6" and f"”{value}” lästes som 6" in capsys.readouterr().out


def _hide_column(book):
    book["Ekonomi"].column_dimensions["C"].hidden = True


def _hide_row(book):
    book["Ekonomi"].row_dimensions[SFB_ROW].hidden = True


def _hide_sheet(book):
    book["Ekonomi"].sheet_state = "hidden"


def _rename(book):
    book["Ekonomi"].title = "Bokslut och budget"


def _spell_headings(book):
    for cell in book["Ekonomi"][4]:
        cell.value = f"  {cell.value.upper()} "


def _names_for_headings(book):
    put(book["Ekonomi"], 4, "ar", "verksamhet", "budget_tkr", "nettokostnad_tkr", "kalla", "plats", "status")


def _reorder(book):
    sheet = book["Ekonomi"]
    for row in range(3, sheet.max_row + 1):
        values = [sheet.cell(row, column).value for column in range(1, 8)]
        put(sheet, row, *(value if value is not None else "" for value in reversed(values)))


def _blank_rows(book):
    book["Ekonomi"].insert_rows(SFB_ROW + 1, 3)
    book["Ekonomi"].insert_rows(1, 2)


def _blank_column(book):
    book["Ekonomi"].insert_cols(1)


def _delete_prefilled(book):
    book["Ekonomi"].delete_rows(5, 4)


def _own_notes(book):
    sheet = book.create_sheet("Att göra", 0)
    put(sheet, 1, "Ring ekonomen", "om 2021")
    put(sheet, 2, "År", "Beskrivning")


def _own_column(book):
    put(book["Ekonomi"], 4, *[None] * 7, "Min kommentar")
    put(book["Ekonomi"], SFB_ROW, *[None] * 7, "hej")


def _nameless_column(book):
    put(book["Ekonomi"], SFB_ROW, *[None] * 8, "hej")


def _without_status(book):
    book["Ekonomi"].delete_cols(7)


def _merged_heading_down(book):
    sheet = book["Ekonomi"]
    sheet.insert_rows(5)
    for letter in "ABCDEFG":
        sheet.merge_cells(f"{letter}4:{letter}5")


def _merged_heading_across(book):
    sheet = book["Ekonomi"]
    sheet.insert_rows(4)
    put(sheet, 4, "År", "Verksamhet", "tkr", None, "Källa", "Plats", "Status")
    for letter in "ABEFG":
        sheet[f"{letter}5"].value = None
        sheet.merge_cells(f"{letter}4:{letter}5")
    sheet.merge_cells("C4:D4")


def _merged_years(book):
    sheet = book["Ekonomi"]
    for row in range(SFB_ROW + 1, SFB_ROW + 3):
        sheet[f"B{row}"].value = sheet[f"F{row}"].value = None
    sheet.merge_cells(f"B{SFB_ROW}:B{SFB_ROW + 2}")
    sheet.merge_cells(f"F{SFB_ROW}:F{SFB_ROW + 2}")


def _protect(book):
    book["Ekonomi"].protection.sheet = True
    book["Ekonomi"].protection.password = "hemligt"


def _comment(book):
    book["Ekonomi"][f"D{SFB_ROW}"].comment = Comment("Stämt av mot bokslutet", "A")


def _repeat_headings(book):
    sheet = book["Ekonomi"]
    sheet.insert_rows(SFB_ROW + 1)
    put(sheet, SFB_ROW + 1, *(cell.value for cell in sheet[4]))


def _overwrite_example(book):
    sheet = book["Ekonomi"]
    put(sheet, 5, *(sheet.cell(SFB_ROW, column).value or "" for column in range(1, 8)))
    put(sheet, SFB_ROW, *[""] * 7)


def _other_name_with_its_own_in_it(book):
    book["Ekonomi"].title = "Ekonomi (2)"


def _format_a_million_rows(book):
    sheet = book["Ekonomi"]
    sheet["A1048576"].number_format = sheet["XFD1"].number_format = "0.00"


def _own_calculation(book):
    sheet = book.create_sheet("Beräkning", 0)
    put(sheet, 1, "År", "Verksamhet", "Budget (tkr)", "Nettokostnad (tkr)")
    put(sheet, 2, 2020, "SFB", "=1+1", "okänt")


def _own_calculation_beside_an_empty_sheet(book):
    _own_calculation(book)
    sheet = book["Beräkning"]
    sheet.title = "Timberäkning"
    put(sheet, 1, None, None, "Budget (timmar)", "Utfall (timmar)")


def _drag_sources(book):
    for row in (6, 7, *range(SFB_ROW, 20)):
        put(book["Ekonomi"], row, *[None] * 4, SOURCE, PLACE)
    put(book["Ekonomi"], 24, *[None] * 6, "kontrollerad")


def _drag_one_source(book):
    for row in range(6, 10):
        put(book["Scenario"], row, *[None] * 5, SOURCE)
    put(book["Ekonomi"], 30, *[None] * 5, "Kolla med Lisa")


def _copy_unfilled(book):
    copy = book.copy_worksheet(book["Ekonomi"])
    copy.title = "Ekonomi (tom)"
    copy.delete_rows(5, 100)


DEEDS: list[tuple[Callable, str | None]] = [
    (_hide_column, "Blad Ekonomi, kolumn C (Budget (tkr)) är dold men lästes."),
    (_hide_row, f"Blad Ekonomi, rad {SFB_ROW} är dold men lästes."),
    (_hide_sheet, "Bladet ”Ekonomi” är dolt men lästes."),
    (_rename, "Bladet ”Bokslut och budget” lästes som Ekonomi efter rubrikerna."),
    (_spell_headings, None),
    (_names_for_headings, None),
    (_reorder, None),
    (_blank_rows, None),
    (_blank_column, None),
    (_delete_prefilled, None),
    (_own_notes, "Bladet ”Att göra” är ingen av bokens tabeller och lästes inte."),
    (_own_column, "Blad Ekonomi, kolumn H (”Min kommentar”) hör inte till tabellen och lästes inte."),
    (_nameless_column, "Blad Ekonomi, kolumn I har ingen rubrik och lästes inte."),
    (_without_status, None),
    (_merged_heading_down, None),
    (_merged_heading_across, None),
    (_merged_years, f"Blad Ekonomi, cell B{SFB_ROW + 1}: sammanslagen med cellen ovanför, lästes som ”sfb”."),
    (_protect, None),
    (_comment, None),
    (_repeat_headings, f"Blad Ekonomi, rad {SFB_ROW + 1}: rubrikerna står en gång till och hoppades över."),
    (_overwrite_example, None),
    (_other_name_with_its_own_in_it, "Bladet ”Ekonomi (2)” lästes som Ekonomi efter rubrikerna."),
    (_copy_unfilled, None),
    (_own_calculation, "Bladet ”Beräkning” har samma rubriker som Ekonomi och lästes inte."),
    (
        _own_calculation_beside_an_empty_sheet,
        "Bladet ”Timberäkning” har samma rubriker som Timmar och lästes inte.",
    ),
    (
        _drag_sources,
        "Blad Ekonomi: 11 rader har källa, plats eller status men inget värde och lästes inte (rad 6–7, 12–19 och 24).",
    ),
    (
        _drag_one_source,
        "Blad Scenario: 4 rader har källa, plats eller status men inget värde och lästes inte (rad 6–9).",
    ),
    (
        _drag_one_source,
        "Blad Ekonomi: 1 rad har källa, plats eller status men inget värde och lästes inte (rad 30).",
    ),
    (_format_a_million_rows, None),
]


@pytest.mark.parametrize(("deed", "told"), DEEDS, ids=[deed.__name__.strip("_") for deed, _ in DEEDS])
def test_what_people_do_to_a_sheet(book, data, capsys, deed, told):
    deed(book)
    assert run(save(book, data), data) == 0, capsys.readouterr().err
    assert read(data) == ECONOMY
    lines = capsys.readouterr().out.splitlines()
    if told:
        assert told in lines
    else:
        assert not [line for line in lines if line.startswith("Blad")]


def _with_formulas(path: Path, cost: tuple[str, object], optional: tuple[str, object] | None = None) -> None:
    """A workbook as Excel saves it, with formulas and the values that they last had, or a number with a raised mark."""
    with xlsxwriter.Workbook(path) as workbook:
        facts = workbook.add_worksheet("Börja här")
        for row, fact in enumerate(
            [("Kommun", "Eslöv"), ("Kommunkod", "1285"), ("Mappnamn", "eslov"), ("Första år", 2020), ("Sista år", 2022)]
        ):
            facts.write_row(row, 0, fact)
        workbook.add_worksheet("Källor").write_row(0, 0, ["Källa", "Titel", "Utgivare", "Datum"])
        workbook.get_worksheet_by_name("Källor").write_row(1, 0, [SOURCE, "Bokslut", "Eslöv", "2025"])
        sheet = workbook.add_worksheet("Ekonomi")
        sheet.write_row(0, 0, ["År", "Verksamhet", "Budget (tkr)", "Nettokostnad (tkr)", "Källa", "Plats", "Status"])
        sheet.write_row(1, 0, [2020, "sfb", 100, 0, SOURCE, PLACE])
        sheet.write_formula(1, 3, cost[0], None, cost[1])
        if optional and optional[0].startswith("="):
            sheet.write_formula(1, 2, optional[0], None, optional[1])
        elif optional:
            sheet.write_rich_string(1, 2, optional[0], workbook.add_format({"font_script": 1}), optional[1])


def test_a_formula_is_read_with_the_value_it_last_had(data, capsys):
    path = data.parent / "eslov.xlsx"
    _with_formulas(path, ("=C2*1.105", 110.5))
    assert run(path, data) == 0
    assert read(data) == ECONOMY[:1]
    assert "Blad Ekonomi, cell D2: formeln =C2*1.105 lästes som ”110,5”." in capsys.readouterr().out


def test_a_formula_that_gives_an_empty_text_is_an_empty_cell(data, capsys):
    """As Excel marks it; so where a formula is copied far down, its empty rows are empty."""
    path = data.parent / "eslov.xlsx"
    _with_formulas(path, ("=C2*1.105", 110.5), ('=IF(A2>2025,1,"")', "tom"))
    empty = "".join(
        f'<row r="{row}"><c r="A{row}"><f>A{row - 1}+1</f><v>{2018 + row}</v></c><c r="B{row}" t="s"><v>{{sfb}}</v></c>'
        f'<c r="D{row}" t="str"><f>IF(C{row}="","",C{row})</f><v></v></c></row>'
        for row in (3, 4)
    )

    def change(sheet: str) -> str:
        sfb = re.search('r="B2" t="s"><v>([0-9]+)', sheet)[1]
        return sheet.replace("<v>tom</v>", "<v></v>").replace("</sheetData>", empty.format(sfb=sfb) + "</sheetData>")

    _change_sheet(path, "sheet3.xml", change)
    assert run(path, data) == 0, capsys.readouterr().err
    assert read(data) == [["2020", "sfb", "", "110,5", SOURCE, PLACE, ""]]


def _change_sheet(path: Path, name: str, change: Callable[[str], str]) -> None:
    """Change the XML of one of a workbook's sheets."""
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    part = f"xl/worksheets/{name}"
    changed = change(parts[part].decode())
    assert changed.encode() != parts[part]
    parts[part] = changed.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


def _small_workbook(path: Path) -> Path:
    _with_formulas(path, ("=C2*1.105", 110.5))
    return path


def test_formats_and_merged_areas_to_the_last_row_cost_nothing(data, monkeypatch):
    """Not the cells that only have a format, and not all those that a merged column would have, are kept in memory."""
    path, kept, load = _small_workbook(data.parent / "eslov.xlsx"), [], openpyxl.load_workbook
    rows = "".join(f'<row r="{row}"><c r="A{row}" s="0"/><c r="B{row}" s="0"></c></row>' for row in range(9, 5000))
    merged = '<mergeCells count="2"><mergeCell ref="J1:J60000"/><mergeCell ref="A1:C1"/></mergeCells>'
    _change_sheet(path, "sheet3.xml", lambda sheet: sheet.replace("</sheetData>", f"{rows}</sheetData>{merged}"))

    def counted(*arguments: object, **options: object) -> openpyxl.Workbook:
        workbook = load(*arguments, **options)
        kept.append(sum(len(sheet._cells) for sheet in workbook))
        return workbook

    monkeypatch.setattr(openpyxl, "load_workbook", counted)
    assert run(path, data) == 1  # the heading of the first column is merged with two others
    assert max(kept) < 100
    monkeypatch.undo()
    _change_sheet(path, "sheet3.xml", lambda sheet: sheet.replace('<mergeCell ref="A1:C1"/>', ""))
    assert run(path, data) == 0
    assert read(data) == ECONOMY[:1]


def test_cells_that_do_not_tell_their_place_keep_it(data):
    path = _small_workbook(data.parent / "eslov.xlsx")
    _change_sheet(
        path,
        "sheet3.xml",
        lambda sheet: (
            re.sub(r'(<c) r="[A-Z]+2"', r"\1", sheet)
            .replace('t="s"><v>', 't="s" ><v>')
            .replace("</row></sheetData>", "<c/></row></sheetData>")
        ),
    )
    _change_sheet(path, "sheet3.xml", lambda sheet: re.sub(r"<c><v>100</v></c>", "<c/>", sheet))
    assert run(path, data) == 0
    assert read(data) == [["2020", "sfb", "", "110,5", SOURCE, PLACE, ""]]


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(book, data, capsys, monkeypatch):
    path = save(book, data)
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    monkeypatch.setattr("analysis.sources.workbook._LARGEST", size - 1)
    assert run(path, data) == 1
    assert "eslov.xlsx: filen är orimligt stor när den packas upp" in capsys.readouterr().err


def test_a_number_beyond_all_numbers_is_refused_in_its_cell(data, capsys):
    path = _small_workbook(data.parent / "eslov.xlsx")
    _change_sheet(path, "sheet3.xml", lambda sheet: sheet.replace("<v>100</v>", "<v>1E+999</v>"))
    assert run(path, data) == 1
    assert "cell C2 (Budget (tkr)): talet är för stort" in capsys.readouterr().err
    _change_sheet(path, "sheet1.xml", lambda sheet: sheet.replace("<v>2020</v>", "<v>1E+999</v>"))
    assert run(path, data) == 1
    assert "Första år är inget årtal" in capsys.readouterr().err


def test_a_formula_that_gives_an_error_is_refused(data, capsys):
    path = data.parent / "eslov.xlsx"
    _with_formulas(path, ("=1/0", "#DIV/0!"))
    assert run(path, data) == 1
    error = capsys.readouterr().err
    assert "cell D2 (Nettokostnad (tkr)): formeln ger ett fel. Står nu: ”#DIVISION/0!”" in error


# --- What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [100, "..", "?", "=B9"])
def test_a_row_with_something_for_a_value_is_not_left_out(book, data, capsys, value):
    put(book["Ekonomi"], 12, None, None, value, None, SOURCE, PLACE)
    assert run(save(book, data), data) == 1
    assert "cell D12 (Nettokostnad (tkr)): cellen är tom" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sheet", "row", "cells", "told"),
    [
        # What is left of an example, or copied from it.
        (
            "Ekonomi",
            SFB_ROW,
            {"E": "Exempel: malmo_2025"},
            "E{row} (Källa): exemplet står kvar. Står nu: ”Exempel: malmo_2025”. "
            "Väntat: ett namn från bladet Källor. Gör så här: välj en källa från bladet Källor.",
        ),
        (
            "Ekonomi",
            SFB_ROW,
            {"F": "Exempel: sidan 3"},
            "F{row} (Plats): exemplet står kvar. Står nu: ”Exempel: sidan 3”. "
            "Väntat: text. Gör så här: skriv ert eget värde",
        ),
        ("Källor", 6, {"D": "Exempel: 2023"}, "D{row} (Datum): exemplet står kvar. Står nu: ”Exempel: 2023”."),
        ("Källor", 6, {"E": "Exempel: x.pdf"}, "E{row} (Dokument): exemplet står kvar."),
        # Signs for a text that is not there.
        *(
            (
                "Ekonomi",
                SFB_ROW,
                {"F": sign},
                f"F{{row}} (Plats): uppgiften saknas, men kolumnen måste fyllas i. Står nu: ”{sign}”",
            )
            for sign in ("..", "-", "–", "…")
        ),
        ("Källor", 6, {"B": ".."}, "B{row} (Titel): uppgiften saknas, men kolumnen måste fyllas i. Står nu: ”..”"),
        *(
            (
                "Ekonomi",
                SFB_ROW,
                {"F": sign},
                "F{row} (Plats): tecknet betyder samma som ovanför. Står nu: ”"
                + sign
                + "”. Väntat: texten utskriven i varje cell. Gör så här: kopiera texten från cellen ovanför.",
            )
            for sign in ('"', '-"-', "”", "d:o", "''")
        ),
        ("Ekonomi", SFB_ROW, {"E": '"'}, "E{row} (Källa): tecknet betyder samma som ovanför."),
        # What was expected, in the words that the sheet has.
        ("Ekonomi", SFB_ROW, {"E": None}, "E{row} (Källa): cellen är tom. Väntat: ett namn från bladet Källor."),
        (
            "Ekonomi",
            SFB_ROW,
            {"B": ".."},
            "B{row} (Verksamhet): uppgiften saknas, men kolumnen måste fyllas i. Står nu: ”..”. "
            "Väntat: något av totalt, SFB, LSS, utförare.",
        ),
        # Times and days.
        (
            "Ekonomi",
            SFB_ROW,
            {"F": datetime.time(12, 30)},
            "F{row} (Plats): cellen innehåller ett klockslag eller en tid. Står nu: ”12:30:00”. "
            "Väntat: text. Gör så här: ändra cellens format till Text och skriv texten på nytt.",
        ),
        (
            "Ekonomi",
            SFB_ROW,
            {"D": datetime.timedelta(days=1375, minutes=5)},
            "D{row} (Nettokostnad (tkr)): cellen innehåller ett klockslag eller en tid. Står nu: ”33000:05:00”.",
        ),
        # Sums.
        (
            "Ekonomi",
            26,
            {"A": "Summa", "C": 350, "D": 368.5},
            "A{row} (År): raden ser ut att vara en summa. Står nu: ”Summa”. "
            "Väntat: bara rader med egna uppgifter. Gör så här: ta bort raden;",
        ),
        ("Ekonomi", 26, {"A": "S:a 2020–2022", "D": 368.5}, "A{row} (År): raden ser ut att vara en summa."),
        (
            "Ekonomi",
            26,
            {"B": "Summa", "D": 368.5, "E": SOURCE},
            "B{row} (Verksamhet): raden ser ut att vara en summa.",
        ),
        (
            "Källor",
            7,
            {"A": SOURCE, "B": "En till", "C": "Eslöv", "D": "2025"},
            "A{row} (Källa): Källa bokslut_2024 står redan på rad 6. Står nu: ”bokslut_2024”. "
            "Väntat: en rad för varje Källa.",
        ),
        (
            "Ekonomi",
            26,
            {"A": 2020, "B": "SFB", "D": 1, "E": SOURCE, "F": PLACE},
            f"A{{row}} (År): År 2020, Verksamhet SFB står redan på rad {SFB_ROW}.",
        ),
    ],
)
def test_one_fault_is_one_message_in_the_words_of_the_sheet(book, data, capsys, sheet, row, cells, told):
    for letter, value in cells.items():
        book[sheet][f"{letter}{row}"].value = value
    assert run(save(book, data), data) == 1
    *faults, _ = capsys.readouterr().err.splitlines()
    assert len(faults) == 1
    assert faults[0].startswith(f"eslov.xlsx, blad {sheet}, cell {told.format(row=row)}"), faults[0]


def test_a_part_that_is_the_whole_is_no_sum(book, data):
    put(book["Ekonomi"], 6, 2020, "totalt", 1, 2, SOURCE, PLACE)
    put(book["Fakta"], 6, "totalt_antal", "2021", 2, "antal", "Summa", SOURCE, PLACE)
    assert run(save(book, data), data) == 0
    assert read(data)[0][1] == "totalt" and read(data, "fakta")[0][0] == "totalt_antal"


def test_merged_years_are_one_fault_that_says_so(book, data, capsys):
    book["Ekonomi"].merge_cells(f"A{SFB_ROW}:A{SFB_ROW + 2}")
    assert run(save(book, data), data) == 1
    *faults, _ = capsys.readouterr().err.splitlines()
    assert len(faults) == 1, faults
    assert f"cell A{SFB_ROW} (År): cellerna A{SFB_ROW}:A{SFB_ROW + 2} är sammanslagna" in faults[0]
    assert "dela upp de sammanslagna cellerna" in faults[0]


def test_the_faults_of_a_sheet_come_in_the_order_of_its_rows_and_columns(book, data, capsys):
    put(book["Ekonomi"], SFB_ROW + 1, "året", "?x", "okänt", "okänt", "okänd", "..")
    put(book["Ekonomi"], SFB_ROW, None, None, None, "okänt")
    assert run(save(book, data), data) == 1
    cells = re.findall(r"cell (\w+) ", capsys.readouterr().err)
    assert cells == [f"D{SFB_ROW}", *(f"{letter}{SFB_ROW + 1}" for letter in "ABCDEF")]


@pytest.mark.parametrize("value", [datetime.datetime(1905, 7, 15), datetime.datetime(1909, 7, 16)])
def test_a_bare_year_in_a_cell_for_dates_is_that_year(book, data, value):
    """What Excel keeps of 2023 in a cell for dates, and what an Excel that counts from 1904 does."""
    put(book["Val av utförare"], 6, value, "LSS", 20, None, None, SOURCE, PLACE)
    book["Val av utförare"]["A6"].number_format = "yyyy-mm-dd"
    put(book["Källor"], 6, None, None, None, value)
    put(book["Ekonomi"], SFB_ROW, value)
    put(book["Ekonomi"], SFB_ROW + 1, None, "LSS")
    put(book["Ekonomi"], SFB_ROW + 2, None, "LSS")
    assert run(save(book, data), data) == 0
    assert read(data, "val_av_utforare")[0][0] == "2023" and read(data)[0][0] == "2023"
    assert read_sources(data / "kallor.yml", "")[0][SOURCE].date == "2023"


def test_errors_of_formulas_are_told_as_excel_shows_them(data, capsys):
    path = data.parent / "eslov.xlsx"
    for stored, shown in [
        ("#N/A", "#SAKNAS!"),
        ("#NAME?", "#NAMN?"),
        ("#DIV/0!", "#DIVISION/0!"),
        ("#VALUE!", "#VÄRDEFEL!"),
        ("#REF!", "#REFERENS!"),
        ("#NUM!", "#OGILTIGT!"),
        ("#NULL!", "#SKÄRNING!"),
    ]:
        _with_formulas(path, ("=VLOOKUP(1,A1:B2,2)", stored))
        assert run(path, data) == 1
        error = capsys.readouterr().err
        assert f"cell D2 (Nettokostnad (tkr)): formeln ger ett fel. Står nu: ”{shown}”" in error


def test_a_check_of_printed_figures_is_told_with_the_headings_of_the_sheet(book, data, capsys):
    row = ["Avsnitt 3, matt", "urval", None, "5", "antal", "indata", "tabell:finnsej", None, "nyckel", "varde"]
    put(book["Publicerat"], 6, *row)
    put(book["Publicerat"], 7, "Avsnitt 4", "Rad", None, "5", "antal", "utan underlag", "tabell:ekonomi")
    assert run(save(book, data), data) == 1
    first, second, _ = capsys.readouterr().err.splitlines()
    assert "cell G6 (Mått): urval (Avsnitt 3, matt): " in first
    assert "raden anger Nyckel ”nyckel”, Värde ”varde”" in first and "rätta Mått, Urval, Nyckel eller Värde" in first
    assert "cell F7 (Slag): Rad (Avsnitt 4): Slag och Mått säger emot varandra." in second
    assert "tomt Mått för slaget utan underlag" in second and "fyll i Mått" in second


def _fill(sheet: Worksheet, row: int, *values: object) -> None:
    put(sheet, row, *values, *([SOURCE, PLACE] if values else []))


def test_twenty_human_faults_give_twenty_messages(book, data, capsys):
    """One fault of each kind, all told at once, each with its sheet, its cell and what to do."""
    money, before = book["Ekonomi"], tree(data)
    for row in range(6, 18):  # four parts of three years, each with all its figures
        put(money, row, None, None, 100, 100, SOURCE, PLACE)
    put(money, 6, None, None, None, "okänt")
    put(money, 7, None, None, -5)
    put(money, 8, 1821)
    put(money, 9, None, "hemtjänst")
    put(money, 10, None, None, "127.573")
    money["D11"].value, money["D11"].data_type = "#DIV/0!", "e"
    put(money, 12, None, None, "=D12*2")
    money["D13"].value, money["D13"].number_format = 0.5, "0%"
    put(money, 14, None, None, None, datetime.date(2022, 1, 1))
    put(money, 15, None, None, None, None, "bokslut_2042")
    put(money, 16, None, None, None, True)
    put(money, 17, 2021, None, None, "..")  # also stands on row 16, but what is faulted once is told once
    put(money, 18, 2021, "totalt", 1, 1, SOURCE, PLACE)
    put(money, 20, "* siffrorna är preliminära")
    book["Brukare"]["D4"].value = "Utfal (antal)"
    _fill(book["Brukare"], 6, 2020, "sfb", 1, 2)
    book["Timmar"].delete_cols(4)
    _fill(book["Flöden"], 6, 2020, "alla", None, 22.5, 17)
    _fill(book["Bidrag"], 6, 2020, "SFB", 5, "Statsbidrag")
    _fill(book["Bidrag"], 7, 2021, "SFB", None, "Statsbidrag")
    book["Bidrag"].merge_cells("C6:C7")
    _fill(book["Prognoser"], 6, 2024, 1, "Delår", datetime.time(12, 30))
    _fill(book["Löner"], 6, 2020, 2024, "Assistenter", "mellan 3 och 4")
    _fill(book["Val av utförare"], 6, "hösten 2021", "LSS", 20, None, None)
    _fill(book["Iakttagelser"], 6, 1, "Kostnad", "Något")
    _fill(book["Konton"], 6, 2020, "11", "Exempel: Bidrag", "Intäkt", "Exempel: 5")
    put(book["Fakta"], 6, "enheter", "2021", 2, "antal", None, SOURCE, PLACE)
    put(book["Källor"], 7, SOURCE, "Bokslut igen", "Eslöv", "2025")
    _fill(book["Tillskott"], 6, 2020, "Anslag", 5)
    book.copy_worksheet(book["Tillskott"]).title = "Tillskott (2)"
    expected = {
        "Ekonomi, cell D6 ": "inget tal. Står nu: ”okänt”",
        "Ekonomi, cell C7 ": "negativt tal. Står nu: ”-5”",
        "Ekonomi, cell A8 ": "för litet tal. Står nu: ”1821”",
        "Ekonomi, cell B9 ": "otillåtet värde. Står nu: ”hemtjänst”",
        "Ekonomi, cell C10 ": "punkten kan stå för tusental. Står nu: ”127.573”",
        "Ekonomi, cell D11 ": "cellen innehåller ett fel. Står nu: ”#DIVISION/0!”",
        "Ekonomi, cell C12 ": "formeln har inget uträknat värde. Står nu: ”=D12*2”",
        "Ekonomi, cell D13 ": "cellen visas som procent. Står nu: ”50 %”",
        "Ekonomi, cell D14 ": "cellen innehåller ett datum. Står nu: ”2022-01-01”",
        "Ekonomi, cell E15 ": "källan finns inte på bladet Källor. Står nu: ”bokslut_2042”",
        "Ekonomi, cell D16 ": "cellen innehåller SANT eller FALSKT. Står nu: ”SANT”",
        "Ekonomi, cell D17 ": "uppgiften saknas, men kolumnen måste fyllas i. Står nu: ”..”",
        "Ekonomi, cell A17 ": "År 2021, Verksamhet utförare står redan på rad 16",
        "Ekonomi, cell A18 ": "År 2021, Verksamhet totalt står redan på rad 7",
        "Ekonomi, cell A20 ": "raden har bara en ifylld cell. Står nu: ”* siffrorna är preliminära”",
        "Brukare, rad 4": "rubriken i kolumn D känns inte igen. Står nu: ”Utfal (antal)”. Väntat: Utfall (antal)",
        "Timmar, rad 4": "kolumnen Utfall (timmar) saknas",
        "Flöden, cell D6 ": "inget heltal. Står nu: ”22,5”",
        "Bidrag, cell C6 ": "cellen är sammanslagen med andra. Står nu: ”5”",
        "Prognoser, cell D6 ": "cellen innehåller ett klockslag eller en tid. Står nu: ”12:30:00”",
        "Löner, cell D6 ": "inget tal. Står nu: ”mellan 3 och 4”",
        "Val av utförare, cell A6 ": "inget datum. Står nu: ”hösten 2021”",
        "Iakttagelser, cell B6 ": "otillåtet värde. Står nu: ”Kostnad”",
        "Konton, cell C6 ": "exemplet står kvar. Står nu: ”Exempel: Bidrag”",
        "Konton, cell E6 ": "exemplet står kvar. Står nu: ”Exempel: 5”",
        "Fakta, cell E6 ": "cellen är tom",
        "Källor, cell A7 ": "Källa bokslut_2024 står redan på rad 6",
        "Tillskott (2)": "bladen ”Tillskott” och ”Tillskott (2)” innehåller samma tabell",
    }
    assert run(save(book, data), data) == 1
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("eslov.xlsx")]
    for place, problem in expected.items():
        found = [line for line in lines if line.startswith(f"eslov.xlsx, blad {place}")]
        assert any(problem in line for line in found), (place, problem, found)
    # The cell below that of the merged pair is empty, and so is told too.
    extra = [
        line
        for line in lines
        if not any(
            line.startswith(f"eslov.xlsx, blad {place}") and problem in line for place, problem in expected.items()
        )
    ]
    assert [line.split(":")[0] for line in extra] == ["eslov.xlsx, blad Bidrag, cell C7 (Belopp (tkr))"]
    assert len(expected) > 20
    for line in lines:
        assert "Väntat: " in line and "Gör så här: " in line
        assert not re.search(r"Traceback|Error|None|\bnan\b|<NA>|\.csv|float|int64|kallor\.yml", line), line
    assert error.rstrip().endswith("Underlaget är oförändrat.")
    assert tree(data) == before


def test_twenty_faults_give_twenty_messages(book, data, capsys):
    """As many messages as faults, none an echo of another; each with what a controller needs to mend it."""
    money, before = book["Ekonomi"], tree(data)
    for row in range(6, 18):
        put(money, row, None, None, 100, 100, SOURCE, PLACE)
    put(money, 6, None, None, None, "okänt")
    put(money, 7, None, None, -5)
    put(money, 8, 1821)
    put(money, 9, None, "hemtjänst")
    put(money, 10, None, None, "127.573")
    money["D11"].value, money["D11"].data_type = "#DIV/0!", "e"
    put(money, 12, None, None, "=D12*2")
    money["D13"].value, money["D13"].number_format = 0.5, "0%"
    put(money, 14, None, None, None, datetime.date(2022, 1, 1))
    put(money, 15, None, None, None, None, "bokslut_2042")
    put(money, 16, None, None, None, True)
    put(money, 18, 2021, "totalt", 1, 1, SOURCE, PLACE)
    put(money, 20, "* siffrorna är preliminära")
    book["Brukare"]["D4"].value = "Utfal (antal)"
    _fill(book["Brukare"], 6, 2020, "sfb", 1, 2)
    _fill(book["Flöden"], 6, 2020, "alla", None, 22.5, 17)
    _fill(book["Prognoser"], 6, 2024, 1, "Delår", datetime.time(12, 30))
    _fill(book["Löner"], 6, 2020, 2024, "Assistenter", "mellan 3 och 4")
    _fill(book["Val av utförare"], 6, "hösten 2021", "LSS", 20, None, None)
    _fill(book["Konton"], 6, 2020, "11", "Bidrag", "Intäkt", "Exempel: 5")
    put(book["Fakta"], 6, "enheter", "2021", 2, "antal", None, SOURCE, PLACE)
    places = ["D6", "C7", "A8", "B9", "C10", "D11", "C12", "D13", "D14", "E15", "D16", "A18", "A20"]
    expected = [f"Ekonomi, cell {place} (" for place in places]
    expected += ["Brukare, rad 4", "Flöden, cell D6 (", "Prognoser, cell D6 (", "Löner, cell D6 ("]
    expected += ["Val av utförare, cell A6 (", "Konton, cell E6 (", "Fakta, cell E6 ("]
    assert len(expected) == 20
    assert run(save(book, data), data) == 1
    *lines, last = capsys.readouterr().err.splitlines()
    assert last == "Underlaget är oförändrat."
    assert len(lines) == 20
    for place in expected:
        (line,) = [line for line in lines if line.startswith(f"eslov.xlsx, blad {place}")]
        parts = r".*: [^.]+\.( Står nu: ”.*”\.)? Väntat: .+\. Gör så här: .+\."
        assert re.fullmatch(parts, line), line
    assert not re.search(r"Traceback|Error|None|\bnan\b|<NA>|\.csv|float|int64|kallor\.yml", "".join(lines))
    assert tree(data) == before


JUNK = ["okänt!", True, datetime.time(1, 2), "=NOW()", "#REF!", None]


@pytest.fixture(scope="module")
def bjuv(tmp_path_factory) -> tuple[Path, bytes]:
    """A data folder and Bjuv's workbook."""
    root = tmp_path_factory.mktemp("bjuv")
    assert cli.main(["export", "bjuv", "--fil", str(root / "bjuv.xlsx")]) == 0
    return Path(shutil.copytree(DATA, root / "data")), (root / "bjuv.xlsx").read_bytes()


@given(st.data())
@settings(max_examples=30)
def test_a_cell_that_is_spoilt_is_named(bjuv, draw):
    data, content = bjuv
    workbook = openpyxl.load_workbook(io.BytesIO(content))
    table = draw.draw(st.sampled_from(["iakttagelser", "val_av_utforare", "fakta", "scenario", "motsagelser"]))
    spec = MUNICIPAL_TABLES[table]
    sheet, junk = workbook[spec.sheet], draw.draw(st.sampled_from(JUNK))
    column = draw.draw(st.sampled_from([one for one in spec.all_columns if one.kind != "text" or one.allowed]))
    row = draw.draw(st.integers(6, sheet.max_row))
    cell = sheet.cell(row, [one.name for one in spec.all_columns].index(column.name) + 1)
    cell.value = junk
    if junk == "#REF!":
        cell.data_type = "e"
    path = data.parent / "spoilt.xlsx"
    workbook.save(path)
    if junk is None and column.optional:
        import_workbook(path, data, faults_of, dry_run=True)
        return
    with pytest.raises(DataError) as caught:
        import_workbook(path, data, faults_of, dry_run=True)
    (fault,) = caught.value.faults
    assert str(fault).startswith(f"spoilt.xlsx, blad {spec.sheet}, cell {cell.coordinate} ({column.label}): ")


FILES: list[tuple[str, bytes, str]] = [
    ("tom.xlsx", b"", "filen är tom"),
    ("gammal.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "det gamla formatet (.xls)"),
    ("hemlig.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "lösenord"),
    ("tabell.csv", b"ar;verksamhet\n2020;sfb\n", "kanske en textfil (CSV)"),
    ("bild.xlsx", b"\x89PNG\r\n\x1a\n", "ingen arbetsbok"),
    ("utskrift.xlsx", b"%PDF-1.7\n", "filen är en PDF som har fått fel namn"),
    ("sida.xlsx", b"\r\n<!DOCTYPE html><html><body>Logga in</body></html>", "filen är en webbsida"),
    ("tabell.xlsx", b"<html><table><tr><td>1</td></tr></table></html>", "hämta filen på nytt"),
    ("avhuggen.xlsx", b"PK\x03\x04" + b"\0" * 50, "filen är skadad"),
]


@pytest.mark.parametrize(("name", "content", "problem"), FILES, ids=[name for name, _, _ in FILES])
def test_a_file_that_is_no_workbook(data, capsys, name, content, problem):
    path = data.parent / name
    path.write_bytes(content)
    before = tree(data)
    assert run(path, data) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"{name}: ") and problem in error and "Gör så här: " in error
    assert tree(data) == before


def _zip(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (_zip(content_xml=b"<a/>", mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "(.ods)"),
        (_zip(word__document_xml=b"<a/>"), "ingen arbetsbok från Excel"),
        (_zip(**{"[Content_Types]_xml": b"", "word/embeddings/a.xlsx": b""}), "ingen arbetsbok från Excel"),
        (
            _zip(**{"Underlag/eslov.xlsx": b""}),
            "en ZIP-fil med en arbetsbok i. Väntat: en arbetsbok från Excel (.xlsx). "
            "Gör så här: packa upp den, och läs in Underlag/eslov.xlsx.",
        ),
        (_zip(xl__workbook_xml=b"<workbook"), "filen är skadad"),
        (
            _zip(xl__workbook_xml=b'<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"/>'),
            "av den strikta sorten",
        ),
    ],
)
def test_a_packed_file_that_is_no_workbook(data, capsys, content, problem):
    path = data.parent / "annan.xlsx"
    path.write_bytes(content)
    assert run(path, data) == 1
    assert problem in capsys.readouterr().err


def test_a_workbook_with_any_byte_changed_is_read_or_refused_but_never_a_traceback(book, data, capsys):
    path = save(book, data)
    content, before = path.read_bytes(), tree(data)
    for at in range(10, len(content), len(content) // 25):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        assert run(path, data, "--torrkorning") in (0, 1)
        path.write_bytes(content[:at])
        assert run(path, data, "--torrkorning") == 1
    assert "Traceback" not in capsys.readouterr().err
    assert tree(data) == before


@pytest.mark.parametrize("lock", ["~$eslov.xlsx", ".~lock.eslov.xlsx#"])
def test_a_file_that_is_open_in_excel(book, data, capsys, lock):
    path = save(book, data)
    (path.parent / lock).write_bytes(b"x")
    assert run(path, data) == 1
    error = capsys.readouterr().err
    assert "öppen i Excel" in error and "spara och stäng filen" in error and lock in error


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "öppen i ett annat program"),
        (OSError(errno.EIO, "Input/output error"), "datorn svarade"),
    ],
)
def test_a_file_that_cannot_be_read(book, data, capsys, monkeypatch, error, problem):
    path = save(book, data)
    real = Path.read_bytes

    def failing(one):
        if one == path:
            raise error
        return real(one)

    monkeypatch.setattr(Path, "read_bytes", failing)
    assert run(path, data) == 1
    assert problem in capsys.readouterr().err


def test_a_missing_file_and_a_folder(data, capsys):
    assert run(data.parent / "finns-inte.xlsx", data) == 1
    assert f"finns-inte.xlsx: filen finns inte i mappen {data.parent}. " in capsys.readouterr().err
    assert run(data, data) == 1
    assert "det är en mapp och inte en fil" in capsys.readouterr().err


def _no_facts(book):
    del book["Börja här"]


def _other_code(book):
    book["Börja här"]["B4"].value = "1281"


def _bad_year(book):
    book["Börja här"]["B6"].value = "tjugo"


def _bad_slug(book):
    book["Börja här"]["B5"].value = "../eslöv"


def _broken_headings(book):
    put(book["Ekonomi"], 4, "a", "b", "c", "d", "e", "f", "g")


def _headless_budget(book):
    book["Ekonomi"]["C4"].value = None


def _twice(book):
    book["Ekonomi"]["C4"].value = "Nettokostnad (tkr)"


def _another_tables_headings(book):
    put(book["Bidrag"], 6, 2020, "SFB", 100, "Sjuklön", SOURCE, PLACE)
    book["Bidrag"].delete_cols(2)


def _sorted_headings(book):
    sheet = book["Ekonomi"]
    sheet.move_range("A4:G5", rows=20)


def _half_an_example(book):
    put(book["Ekonomi"], 5, 2019, "SFB", 90, 100, SOURCE)


def _empty(book):
    book["Ekonomi"].delete_rows(6, 100)


@pytest.mark.parametrize("title", ["Engångsposter", "Engångsposter 2024"])
def test_a_table_less_a_column_is_not_taken_for_another(book, data, title):
    """One-off costs without the column that may be missing have the headings of grants, which are income."""
    sheet = book["Engångsposter"]
    put(sheet, 6, 2020, "SFB", 100, None, "Retroaktivt", SOURCE, PLACE)
    sheet.delete_cols(4)
    sheet.title = title
    assert run(save(book, data), data) == 0
    assert read(data, "engangsposter") == [["2020", "sfb", "100", "", "Retroaktivt", SOURCE, PLACE, ""]]
    assert not (data / "kommuner/eslov/bidrag.csv").exists()


@pytest.mark.parametrize(
    ("deed", "parts"),
    [
        (_no_facts, ["vems arbetsboken är", "Kommunkod", "new eller export"]),
        (_other_code, ["arbetsboken är för kommunkod 1281, men mappen eslov är för 1285"]),
        (_bad_year, ["Första år är inget årtal", "tjugo"]),
        (_bad_slug, ["går inte att använda som mapp", "../eslöv"]),
        (_broken_headings, ["blad Ekonomi: rubrikerna hittas inte", "År, Verksamhet"]),
        (
            _headless_budget,
            ["blad Ekonomi, rad 4: kolumn C har värden men ingen rubrik", "skriv rubriken Budget (tkr)"],
        ),
        (_twice, ["rubriken Nettokostnad (tkr) står två gånger"]),
        (
            _another_tables_headings,
            [
                "blad Bidrag, rad 4: bladet heter Bidrag men har rubrikerna för Tillskott",
                "År, Verksamhet, Belopp (tkr)",
            ],
        ),
        (
            _sorted_headings,
            [f"blad Ekonomi, rad {row}: raden står ovanför rubrikerna" for row in range(SFB_ROW, SFB_ROW + 3)],
        ),
        (_half_an_example, ["cell F5 (Plats): exemplet står kvar. Står nu: ”Exempel: "]),
        (_empty, ["inga ifyllda tabeller", "rader med Exempel läses inte"]),
    ],
)
def test_a_workbook_that_cannot_be_used_as_it_is(book, data, capsys, deed, parts):
    deed(book)
    before = tree(data)
    assert run(save(book, data), data) == 1
    error = capsys.readouterr().err
    for part in parts:
        assert part in error
    assert tree(data) == before


def test_name_and_code_of_a_municipality_without_a_folder_are_checked(book, data, capsys):
    shutil.rmtree(data / "kommuner")
    book["Börja här"]["B3"].value = "Lund"
    assert run(save(book, data), data) == 1
    assert "1285 är koden för Eslöv, medan Lund har 1281" in capsys.readouterr().err
    assert not (data / "kommuner").exists()


@pytest.mark.parametrize(
    ("name", "code", "slug", "told"),
    [
        (None, None, "hallefors", "Eslöv har redan mappen eslov. Står nu: ”hallefors”. Väntat: Mappnamn eslov."),
        ("Lund", None, None, "1285 är koden för Eslöv, medan Lund har 1281"),
        ("Lundd", None, None, "ingen kommun heter så. Står nu: ”Lundd”"),
        ("Lund", "1281", None, "arbetsboken är för kommunkod 1281, men mappen eslov är för 1285"),
        ("Lund", "1281", "hallefors", "så heter mappen för Hällefors. Står nu: ”hallefors”"),
        ("Lund", "1281", "malmo", "så heter mappen för Malmö. Står nu: ”malmo”"),
    ],
)
def test_name_code_and_folder_are_of_one_municipality(book, data, capsys, name, code, slug, told):
    facts, before = book["Börja här"], tree(data)
    for place, value in (("B3", name), ("B4", code), ("B5", slug)):
        facts[place].value = value or facts[place].value
    assert run(save(book, data), data) == 1
    *faults, _ = capsys.readouterr().err.splitlines()
    assert len(faults) == 1 and faults[0].startswith("eslov.xlsx, blad Börja här: ") and told in faults[0]
    assert tree(data) == before


def test_a_new_folder_is_told_and_a_made_up_name_stands(book, data, capsys):
    path = save(book, data)
    card = data / "kommuner/eslov/kommun.yml"
    text = card.read_text(encoding="utf-8")
    card.unlink()
    (data / "kommuner/eslov").rename(data / "bort")
    assert run(path, data) == 0
    assert "Eslöv hade ingen mapp med det namnet: data/kommuner/eslov görs ny." in capsys.readouterr().out
    card.write_text(text.replace("namn: Eslöv", "namn: Testköping"), encoding="utf-8")
    book["Börja här"]["B3"].value = "Testköping"
    assert run(save(book, data), data) == 0
    assert "görs ny" not in capsys.readouterr().out


def test_a_day_for_a_year_is_shown_as_a_day(book, data, capsys):
    book["Börja här"]["B6"].value = datetime.datetime(2020, 1, 1)
    assert run(save(book, data), data) == 1
    assert "Första år är inget årtal. Står nu: ”2020-01-01”" in capsys.readouterr().err


def test_a_code_that_lost_its_zero_is_that_code(book, data):
    shutil.rmtree(data / "kommuner")
    facts = book["Börja här"]
    facts["B3"].value, facts["B4"].value, facts["B5"].value = "Huddinge", 126, "huddinge"
    assert run(save(book, data), data) == 0
    assert load_municipality("huddinge", data).code == "0126"


# --- Whole or not at all ----------------------------------------------------------------------------


def test_a_dry_run_changes_nothing(book, data, capsys):
    before = tree(data)
    assert run(save(book, data), data, "--torrkorning") == 0
    assert "Ingenting är ändrat" in capsys.readouterr().out
    assert tree(data) == before


def test_an_empty_sheet_leaves_the_file_that_there_is(book, data, capsys):
    assert run(save(book, data), data) == 0
    own = data / "kommuner/eslov/texter"
    (own / "kostnader.md").write_text("Vår kommentar", encoding="utf-8")
    book["Ekonomi"].delete_rows(6, 100)
    _fill(book["Tillskott"], 6, 2020, "Anslag", 5)
    assert run(save(book, data), data) == 0
    assert "Bladet Ekonomi har inga uppgifter, så ekonomi.csv som redan finns står kvar" in capsys.readouterr().out
    assert read(data) == ECONOMY and read(data, "tillskott") == [["2020", "Anslag", "5", SOURCE, PLACE, ""]]
    assert (own / "kostnader.md").read_text(encoding="utf-8") == "Vår kommentar"


def test_importing_twice_is_importing_once(book, data):
    path = save(book, data)
    assert run(path, data) == 0
    once = tree(data)
    assert run(path, data) == 0
    assert tree(data) == once


def test_what_is_new_changed_and_gone_is_told(book, data, capsys):
    path = save(book, data)
    assert run(path, data) == 0 and run(path, data) == 0
    assert "ekonomi.csv: 3 rader (oförändrade)" in capsys.readouterr().out.splitlines()
    sheet = book["Ekonomi"]
    put(sheet, SFB_ROW, 2019, None, None, None)
    put(sheet, SFB_ROW + 1, None, None, None, "118,0", None, "Tabell 2")
    put(sheet, SFB_ROW + 3, 2020, "LSS", 1, 2, SOURCE, PLACE)
    path = save(book, data)
    for more in (["--torrkorning"], []):
        assert run(path, data, *more) == 0
        assert "ekonomi.csv: 4 rader (2 nya, 1 ändrad, 1 borta)" in capsys.readouterr().out.splitlines()
    (data / "kommuner/eslov/ekonomi.csv").write_text("skräp", encoding="utf-8")
    assert run(path, data) == 0
    assert "ekonomi.csv: 4 rader" in capsys.readouterr().out.splitlines()


def test_a_column_taken_away_tells_what_goes_with_it(book, data, capsys):
    assert run(save(book, data), data) == 0
    book["Ekonomi"].delete_cols(7)
    book["Ekonomi"].delete_cols(3)
    capsys.readouterr()
    assert run(save(book, data), data) == 0
    out = capsys.readouterr().out
    assert "Kolumnen Budget (tkr) saknas på bladet Ekonomi; 3 uppgifter som finns i dag tas bort." in out
    assert "Status" not in out and "ekonomi.csv: 3 rader (0 nya, 3 ändrade, 0 borta)" in out
    assert run(save(book, data), data) == 0
    assert "tas bort" not in capsys.readouterr().out


def test_a_source_in_other_letters_is_that_source(book, data, capsys):
    for row, name in ((SFB_ROW, SOURCE.upper()), (SFB_ROW + 1, SOURCE.title()), (SFB_ROW + 2, SOURCE.upper())):
        put(book["Ekonomi"], row, None, None, None, None, name)
    assert run(save(book, data), data) == 0
    assert read(data) == ECONOMY
    out = capsys.readouterr().out
    assert f"Blad Ekonomi: källan ”{SOURCE.upper()}” lästes som {SOURCE} (2 celler)." in out
    assert f"Blad Ekonomi: källan ”{SOURCE.title()}” lästes som {SOURCE} (1 cell)." in out


def test_between_two_sources_that_letters_tell_apart_nothing_is_guessed(book, data, capsys):
    put(book["Källor"], 7, SOURCE.upper(), "En till", "Eslöv", "2025")
    put(book["Ekonomi"], SFB_ROW, None, None, None, None, SOURCE.title())
    assert run(save(book, data), data) == 1
    assert "källan finns inte på bladet Källor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (lambda book: book.remove(book["Källor"]), "eslov.xlsx: bladet Källor saknas."),
        (lambda book: book["Källor"].delete_rows(6, 9), "eslov.xlsx: bladet Källor är tomt."),
        (lambda book: put(book["Källor"], 4, "a", "b", "c", "d"), "eslov.xlsx, blad Källor: rubrikerna hittas inte."),
        (lambda book: put(book["Källor"], 4, None, "Titlar"), "eslov.xlsx, blad Källor, rad 4: rubriken i kolumn B"),
    ],
)
def test_a_lost_sheet_of_sources_is_one_fault(book, data, capsys, deed, told):
    deed(book)
    assert run(save(book, data), data) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and lines[0].startswith(told), lines
    if "rad" not in told and "rubrik" not in told:
        assert SOURCE in lines[0]


def test_other_years_than_those_of_the_card_are_told(book, data, capsys):
    book["Börja här"]["B7"].value = 2023
    assert run(save(book, data), data) == 0
    out = capsys.readouterr().out
    assert "Sista år är 2023 på bladet Börja här men 2022 i kommun.yml, och det är kommun.yml som gäller." in out
    assert "Första år är" not in out


def test_a_source_that_is_changed_is_changed_where_it_stands(book, data, capsys):
    assert run(save(book, data), data) == 0
    put(book["Källor"], 6, SOURCE, "Bokslut för 2024: \\1 'slutligt'", "Eslöv", "2025", None, "https://a.se/x")
    put(book["Källor"], 7, "ny", "Ny källa", "Eslöv", 2026)
    assert run(save(book, data), data) == 0
    assert f"Källan {SOURCE} finns redan i kallor.yml och får de uppgifter" in capsys.readouterr().out
    known, faults = read_sources(data / "kallor.yml", "kallor.yml")
    assert not faults
    assert (known[SOURCE].title, known[SOURCE].link) == ("Bokslut för 2024: \\1 'slutligt'", "https://a.se/x")
    assert (known["ny"].date, known["ny"].title) == ("2026", "Ny källa")
    assert (data / "kallor.yml").read_bytes().startswith((DATA / "kallor.yml").read_bytes())


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("egen", "egen:\n  titel: En\n# om utgivaren\n  utgivare: A\n  datum: '2025'\n\n", "# slut\n"),
        ("egen", "egen: {titel: En,\n  utgivare: A,\n  datum: '2025'} # kort\n", "\n# slut\n"),
        ("egen", "\"egen\"  :\n    titel: >\n      En\n    utgivare: A\n    datum: '2025'\n    anmarkning: gammal", ""),
        ("'=1+1", "'''=1+1':\n  titel: En\n  utgivare: A\n  datum: '2025'\n", ""),
        (
            "a: b\nc",
            "\"a: b\\nc\":\n  titel: En\n  utgivare: A\n  datum: '2025'\n",
            "annan: {titel: a, utgivare: b, datum: c}\n",
        ),
        ("lång" * 40, f"? {'lång' * 40}\n: titel: En\n  utgivare: A\n  datum: '2025'\n", ""),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_source_is_found_however_it_is_written(book, data, capsys, name, before, after, ending):
    register = data / "kallor.yml"
    first = (DATA / "kallor.yml").read_text(encoding="utf-8")
    register.write_text(f"{first}{before}{after}", encoding="utf-8", newline=ending)
    put(book["Källor"], 7, name, "Två", "A", "2025")
    assert run(save(book, data), data) == 0, capsys.readouterr().err
    known, faults = read_sources(register, "kallor.yml")
    assert not faults and (known[name].title, known[name].note) == ("Två", "")
    kept = register.read_bytes().decode()
    assert kept.startswith(first.replace("\n", ending)) and after.replace("\n", ending) in kept
    assert run(save(book, data), data) == 0
    assert "är ändrad" not in capsys.readouterr().out.partition("Inläst")[2]
    assert register.read_bytes().decode() == kept


def _another_municipality(data: Path, table: str) -> None:
    """Upplands-Bro, with a table."""
    folder = data / "kommuner/upplands-bro"
    folder.mkdir()
    (folder / "kommun.yml").write_text("namn: Upplands-Bro\nkod: '0139'\n", encoding="utf-8")
    (folder / "ekonomi.csv").write_text(table, encoding="utf-8")


@pytest.mark.parametrize(
    ("table", "card"),
    [
        (f"ar;verksamhet;nettokostnad_tkr;kalla;plats\n2020;sfb;1;{SOURCE};s\n", ""),
        (f"\ufeffAR;Kalla_2 \n2020; {SOURCE}\n", ""),
        ("ar;kalla\n2020;x\n", f"uppdrag_kalla: {SOURCE}\n"),
        ("ar;kalla\n2020;x\n", f"dokument: {SOURCE}\n"),
    ],
)
def test_a_source_of_another_municipality_is_not_written_over(book, data, capsys, table, card):
    _another_municipality(data, table)
    if card:
        path = data / "kommuner/upplands-bro/kommun.yml"
        path.write_text(path.read_text(encoding="utf-8") + card, encoding="utf-8")
    with (data / "kallor.yml").open("a", encoding="utf-8") as register:
        register.write(f"{SOURCE}:\n  titel: Bokslut 2024\n  utgivare: Upplands-Bro kommun\n  datum: '2025'\n")
    before = tree(data)
    assert run(save(book, data), data) == 1
    *faults, _ = capsys.readouterr().err.splitlines()
    assert len(faults) == 1 and faults[0].startswith(
        "eslov.xlsx, blad Källor, cell A6 (Källa): en annan källa med det "
    )
    for part in (
        "används av data/kommuner/upplands-bro;",
        "skiljer är Utgivare. Står nu: ”bokslut_2024”",
        "eslov_bokslut_2024",
    ):
        assert part in faults[0]
    assert tree(data) == before
    # One that says the same is the same, and one that nobody else uses may be changed.
    put(book["Källor"], 6, None, None, "Upplands-Bro kommun")
    assert run(save(book, data), data) == 0
    shutil.rmtree(data / "kommuner/upplands-bro")
    put(book["Källor"], 6, None, None, "Eslövs kommun")
    assert run(save(book, data), data) == 0
    assert f"Källan {SOURCE} finns redan i kallor.yml och får de uppgifter" in capsys.readouterr().out


def test_a_source_of_the_nation_is_not_written_over(book, data, capsys):
    parameters = yaml.safe_load((data / "nationellt/parametrar.yml").read_text(encoding="utf-8"))
    used = [next(iter(parameters["schablonbelopp"]["varden"].values()))["kalla"]]
    with (data / "nationellt/kommuner.csv").open(encoding="utf-8") as codes:
        used.append(next(csv.DictReader(codes, delimiter=";"))["kalla"])
    for row, source in enumerate(used, start=6):
        put(book["Källor"], row, source, "Bokslut 2024", "Eslövs kommun", "2025")
    for row in range(SFB_ROW, SFB_ROW + 3):
        put(book["Ekonomi"], row, *[None] * 4, used[0])
    assert run(save(book, data), data) == 1
    first, second, _ = capsys.readouterr().err.splitlines()
    assert "cell A6 (Källa): " in first and "data/nationellt/parametrar.yml" in first
    assert "cell A7 (Källa): " in second and "data/nationellt/kommuner.csv" in second
    put(book["Källor"], 7, "huddinge_2024")
    assert run(save(book, data), data) == 1
    assert re.search(r"av data/nationellt/\S+, data/nationellt/\S+ och \d+ filer? till; ", capsys.readouterr().err)


def test_a_damaged_table_of_another_municipality_stops_nothing(book, data):
    _another_municipality(data, "x")
    (data / "kommuner/upplands-bro/ekonomi.csv").write_bytes(b"\x00\xff")
    assert run(save(book, data), data) == 0
    put(book["Källor"], 6, None, "Ny titel")
    assert run(save(book, data), data) == 0


def test_what_lies_in_a_linked_folder_stays(book, data):
    folder = data / "kommuner" / "eslov" / "texter"
    elsewhere = folder.rename(data.parent / "gemensamma texter")
    folder.symlink_to(elsewhere, target_is_directory=True)
    before = tree(elsewhere)
    assert run(save(book, data), data) == 0
    assert tree(folder) == tree(elsewhere) == before and before


def test_a_source_that_cannot_be_found_is_told(book, data, capsys):
    """YAML takes yes for true, and the book for True; where that stands nobody can say."""
    register = data / "kallor.yml"
    register.write_text(register.read_text(encoding="utf-8") + "yes: {titel: En, utgivare: A, datum: 2025}\n", "utf-8")
    before = tree(data)
    put(book["Källor"], 7, "True", "Två", "A", "2025")
    assert run(save(book, data), data) == 1
    assert "kallor.yml: källan är ändrad i arbetsboken, men går inte att hitta" in capsys.readouterr().err
    assert tree(data) == before


def test_blanks_that_a_sheet_does_not_keep_change_no_source(book, data, capsys):
    register = data / "kallor.yml"
    text = (
        register.read_text(encoding="utf-8") + "egen:\n  titel: |\n    Tabell\u00a01\n  utgivare: A\n  datum: '2025'\n"
    )
    register.write_text(text, encoding="utf-8")
    put(book["Källor"], 6, "egen", "Tabell 1", "A", "2025")
    for row in range(SFB_ROW, SFB_ROW + 3):
        book["Ekonomi"][f"E{row}"].value = "egen"
    assert run(save(book, data), data) == 0
    assert "är ändrad" not in capsys.readouterr().out
    assert register.read_text(encoding="utf-8") == text


def test_what_the_workbook_has_no_column_for_stays_in_the_register(book, data, capsys):
    register = data / "kallor.yml"
    text = register.read_text(encoding="utf-8") + "egen:\n  titel: En\n  utgivare: Kolada\n  datum: '2025'\n"
    register.write_text(text + "  oforandrad_som: Kolada\n", encoding="utf-8")
    put(book["Källor"], 7, "egen", "En annan titel", "Kolada", "2025")
    assert run(save(book, data), data) == 0
    source = read_sources(register, "kallor.yml")[0]["egen"]
    assert (source.title, source.unaltered_as) == ("En annan titel", "Kolada")


@pytest.mark.parametrize("turn", range(1, 8))
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disken är full"),
        (PermissionError(errno.EACCES, "Permission denied"), "öppen i ett annat program"),
        (KeyboardInterrupt(), "Avbrutet"),
    ],
)
@pytest.mark.parametrize("existing", [True, False])
def test_a_write_that_fails_leaves_the_old_data_whole(book, data, capsys, monkeypatch, error, words, turn, existing):
    if existing:
        assert run(save(book, data), data) == 0
    else:
        shutil.rmtree(data / "kommuner")
        (data / "kommuner").mkdir()
    put(book["Källor"], 6, SOURCE, "Ny titel")
    put(book["Ekonomi"], SFB_ROW, None, None, 999)
    path = save(book, data)
    before, calls = tree(data), []
    capsys.readouterr()

    def failing(real):
        def call(first, *arguments, **options):
            # Only what touches the data folder itself; the copy that is checked lies elsewhere.
            if data in Path(first).parents or any(
                data in Path(one).parents for one in arguments if isinstance(one, (str, Path))
            ):
                calls.append(first)
                if len(calls) == turn:
                    raise error
            return real(first, *arguments, **options)

        return call

    for name in ("write_bytes", "rename", "replace"):
        monkeypatch.setattr(Path, name, failing(getattr(Path, name)))
    monkeypatch.setattr("os.replace", failing(__import__("os").replace))
    status = run(path, data)
    monkeypatch.undo()
    if len(calls) < turn:
        assert status == 0 and read(data)[0][2] == "999"
        return
    assert status == (130 if isinstance(error, KeyboardInterrupt) else 1)
    told = capsys.readouterr().err
    assert words in told and "Underlaget är oförändrat." in told and "Traceback" not in told
    assert tree(data) == before


def test_what_a_cut_off_run_left_aside_is_put_back(book, data):
    path = save(book, data)
    assert run(path, data) == 0
    own = data / "kommuner/eslov/egen.txt"
    own.write_text("min", encoding="utf-8")
    (data / "kommuner/eslov").rename(data / ".eslov-gammal")
    assert run(path, data) == 0
    assert own.read_text(encoding="utf-8") == "min" and not (data / ".eslov-gammal").exists()


# --- Export -----------------------------------------------------------------------------------------


def test_export_gives_the_same_bytes_and_overwrites_nothing(tmp_path, capsys):
    for name in ("a.xlsx", "b.xlsx"):
        assert cli.main(["export", "ange", "--fil", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    assert cli.main(["export", "ange", "--fil", str(tmp_path / "a.xlsx")]) == 1
    assert "a.xlsx: finns redan och skrivs inte över" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "angee"], "kommunen ”angee” finns inte"),
        (["export", "ange", "--fil", "finns-inte/ange.xlsx"], "filen eller mappen finns inte"),
    ],
)
def test_export_explains_what_it_refuses(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert words in error and "Ingen fil skapades." in error
    assert not list(tmp_path.iterdir())


def test_a_text_that_no_cell_can_hold_is_told(tmp_path, data_copy, capsys):
    path = data_copy / "kommuner/ange/fakta.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(";Personal;", f";{'x' * 40000};"), encoding="utf-8")
    assert cli.main(["export", "ange", "--data", str(data_copy), "--fil", str(tmp_path / "a.xlsx")]) == 1
    assert "40000 tecken, och en cell i Excel rymmer 32767" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["_x005F_", "x005F_", "ax005F_x005F_", "_x0041_ _x005F_", "_x005f_"])
def test_a_text_that_looks_like_the_mark_of_a_number_stands(tmp_path, data_copy, text):
    path, table = tmp_path / "ange.xlsx", data_copy / "kommuner/ange/fakta.csv"
    before = table.read_text(encoding="utf-8").replace(";Personal;", f";{text};")
    assert text in before
    table.write_text(before, encoding="utf-8", newline="")
    assert cli.main(["export", "ange", "--data", str(data_copy), "--fil", str(path)]) == 0
    assert run(path, data_copy) == 0
    assert text in [cell for row in read(data_copy, "fakta", "ange") for cell in row]


def test_the_texts_that_are_tried_are_as_csv_holds_them():
    assert plain_text(" a\r\nb\rc\x00\u00a0d ") == "a\nb\nc d"
    assert unicodedata.category("\u202e") == "Cf"
