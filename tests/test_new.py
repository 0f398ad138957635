"""A new municipality: its name and code, its folder, and the workbook to fill in."""

from __future__ import annotations

import datetime
import errno
import io
import json
import os
import shutil
from pathlib import Path

import openpyxl
import pytest
from conftest import DATA

from analysis import cli
from analysis.publish.plan import needs_of, read_chapters
from analysis.sources import DataError, intake, load_municipality
from analysis.sources.local_words import drafts
from analysis.sources.municipal_codes import find_municipality, make_slug, read_codes
from analysis.sources.schema import MUNICIPAL_TABLES, SOURCE_TABLE, fold, in_words
from analysis.sources.template import (
    EXAMPLE,
    EXAMPLE_ROW,
    FIRST_ROW,
    HEADING_ROW,
    LIST_SHEET,
    START_SHEET,
    Card,
    grid_columns,
    make_template,
)

CODES = read_codes(DATA)
# The counties' codes in the order that SCB gives them; 02, 11, 15 and 16 are no longer in use.
COUNTIES = [
    "01",
    "03",
    "04",
    "05",
    "06",
    "07",
    "08",
    "09",
    "10",
    "12",
    "13",
    "14",
    "17",
    "18",
    "19",
    "20",
    "21",
    "22",
    "23",
    "24",
    "25",
]
SPECS = (SOURCE_TABLE, *MUNICIPAL_TABLES.values())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with the nation's tables and Malmö."""
    shutil.copytree(DATA / "nationellt", tmp_path / "data" / "nationellt")
    shutil.copytree(DATA / "kommuner" / "malmo", tmp_path / "data" / "kommuner" / "malmo")
    shutil.copy(DATA / "kallor.yml", tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    """An empty folder that the command is run in."""
    folder = tmp_path / "här"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and every folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }


def new(data: Path, *arguments: str) -> int:
    return cli.main(["new", *arguments, "--data", str(data)])


# --- Names and codes ----------------------------------------------------------------------------


def test_sweden_has_290_municipalities_in_21_counties():
    assert len(CODES) == 290
    for field in ("code", "name", "slug"):
        assert len({getattr(one, field) for one in CODES}) == 290
    assert [one.code for one in CODES] == sorted(one.code for one in CODES)
    assert sorted({one.code[:2] for one in CODES}) == COUNTIES
    # One county a prefix, and one prefix a county.
    pairs = {(one.code[:2], one.county) for one in CODES}
    assert len(pairs) == len({county for _, county in pairs}) == 21


def test_the_codes_agree_with_those_of_the_municipalities_that_have_data():
    by_code = {one.code: one for one in CODES}
    for path in sorted((DATA / "kommuner").iterdir()):
        municipality = load_municipality(path.name)
        entry = by_code[municipality.code]
        assert (entry.name, entry.county, entry.slug) == (municipality.name, municipality.county, municipality.slug)


def test_two_municipalities_that_would_share_a_folder_do_not():
    slugs = {one.name: one.slug for one in CODES}
    assert (slugs["Habo"], slugs["Håbo"]) == ("habo", "habo-uppsala")
    assert [one.name for one in CODES if one.slug != make_slug(one.name)] == ["Håbo"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Upplands Väsby", "upplands-vasby"),
        ("Malå", "mala"),
        ("Dals-Ed", "dals-ed"),
        ("Åre", "are"),
        ("  L'Île  d’Or ", "lile-dor"),
        ("<script>", "script"),
        ("=Lund", "lund"),
    ],
)
def test_a_slug_is_letters_figures_and_hyphens(name, slug):
    assert make_slug(name) == slug


@pytest.mark.parametrize(
    ("name", "code", "slug", "found"),
    [
        ("Lund", "1281", None, "Lund"),
        ("lunds kommun", None, None, "Lund"),
        ("Malmö stad", None, None, "Malmö"),
        ("Malmo", None, None, "Malmö"),
        ("Borås Stad", None, None, "Borås"),
        ("Håbo", None, None, "Håbo"),
        ("Habo", None, None, "Habo"),
        ("Habo", "0643", None, "Habo"),
        (None, "0305", None, "Håbo"),
        (None, None, "upplands-vasby", "Upplands Väsby"),
    ],
)
def test_a_municipality_is_found(name, code, slug, found):
    assert find_municipality(CODES, name, code, slug).name == found


@pytest.mark.parametrize(
    ("name", "code", "slug", "parts"),
    [
        ("Lund", "1280", None, ["1280 är koden för Malmö, medan Lund har 1281"]),
        ("Lnud", None, None, ["ingen kommun heter så", "”Lund”"]),
        ("Lund", "128", None, ["ingen kommunkod", "skriv 1281"]),
        (None, "126", None, ["ingen kommunkod", "skriv 0126"]),
        (None, "9999", None, ["koden finns inte", "slå upp"]),
        (None, "²²²²", None, ["ingen kommunkod"]),
        (None, None, "uplands-vasby", ["menar du upplands-vasby"]),
        (None, None, "Eslöv", ["skriv new --namn Eslöv."]),
        (None, None, "Upplands Väsby", ['skriv new --namn "Upplands Väsby".']),
        ("Upplands", None, "Väsby", ['menar du Upplands Väsby? Sätt citattecken om namnet: --namn "Upplands Väsby".']),
        (None, None, None, ["vilken kommun", "--namn Lund"]),
        ("Skåne", None, None, ["det är ett län och ingen kommun", "Väntat: en av Sveriges kommuner", "kommunerna där"]),
        ("västra götaland", None, None, ["det är ett län och ingen kommun"]),
        ("Örebro län", None, None, ["det är ett län och ingen kommun"]),
        ("Region Skåne", None, None, ["det är ett län och ingen kommun"]),
        ("Riket", None, None, ["det är hela riket och ingen kommun"]),
        ("<script>", "=1281", None, ["ingen kommun heter så", "ingen kommunkod"]),
    ],
)
def test_a_municipality_that_is_not_found_is_told_why(name, code, slug, parts):
    with pytest.raises(DataError) as caught:
        find_municipality(CODES, name, code, slug)
    for part in parts:
        assert part in str(caught.value)


# --- The folder -----------------------------------------------------------------------------------


def test_new_makes_a_folder_that_is_in_order_and_a_workbook(data, here, capsys):
    assert new(data, "--namn", "Upplands Väsby", "--fran", "2021", "--till", "2023") == 0
    out = capsys.readouterr().out
    assert "data/kommuner/upplands-vasby" in out and "python -m analysis import upplands-vasby.xlsx" in out
    municipality = load_municipality("upplands-vasby", data)
    assert (municipality.name, municipality.code, municipality.county) == ("Upplands Väsby", "0114", "Stockholms län")
    assert (municipality.first_year, municipality.last_year) == (2021, 2023)
    assert [path.name for path in here.iterdir()] == ["upplands-vasby.xlsx"]
    assert not [path for path in data.iterdir() if path.name.startswith(".")]
    assert cli.main(["check", "upplands-vasby", "--data", str(data)]) == 0


def test_the_command_for_a_workbook_with_blanks_can_be_copied(data, here, capsys):
    assert new(data, "--namn", "Lund", "--fil", "min bok.xlsx") == 0
    assert '  python -m analysis import "min bok.xlsx"\n' in capsys.readouterr().out


def test_new_takes_a_folder_name_and_a_file_of_ones_own(data, here):
    assert new(data, "lund-2", "--kod", "1281", "--fil", "underlag.xlsx") == 0
    assert load_municipality("lund-2", data).name == "Lund"
    assert [path.name for path in here.iterdir()] == ["underlag.xlsx"]
    assert load_municipality("lund-2", data).last_year == datetime.date.today().year - 1


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["malmo", "--kod", "1280"], ["data/kommuner/malmo", "finns redan och skrivs inte över"]),
        (["--namn", "Lund", "--fil", "upptagen.xlsx"], ["upptagen.xlsx", "finns redan"]),
        (["--namn", "Lund", "--fil", "saknas/lund.xlsx"], ["finns inte", "kontrollera sökvägen"]),
        (["Lünd!", "--namn", "Lund"], ["går inte att använda som mapp", "skriv lund"]),
        (["../lund", "--namn", "Lund"], ["går inte att använda som mapp"]),
        (["con", "--namn", "Lund"], ["ingen mapp kan heta så i Windows", "”con”"]),
        (["lpt1", "--namn", "Lund"], ["ingen mapp kan heta så i Windows"]),
        (["--namn", "Lund", "--fran", "2025", "--till", "2020"], ["2025–2020", "det första först"]),
        (["--namn", "Lund", "--till", "1900"], ["1895–1900"]),
    ],
)
def test_what_new_refuses_it_explains_and_leaves_no_trace(data, here, capsys, arguments, parts):
    (here / "upptagen.xlsx").write_bytes(b"mitt")
    before = tree(data.parent)
    assert new(data, *arguments) == 1
    error = capsys.readouterr().err
    for part in [*parts, "Ingenting skapades."]:
        assert part in error
    assert tree(data.parent) == before


@pytest.mark.parametrize(("option", "value"), [("--fran", "tjugo"), ("--till", "20244")])
def test_a_year_that_is_none_is_refused_by_the_command_line(data, here, capsys, option, value):
    assert new(data, "--namn", "Lund", option, value) == 2
    assert "är inget årtal" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["nationellt/kommuner.csv", "kallor.yml"])
def test_without_the_list_of_municipalities_nothing_is_made(data, here, capsys, lost):
    (data / lost).unlink()
    assert new(data, "--namn", "Lund") == 1
    assert f"data/{lost}: filen saknas" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disken är full"),
        (PermissionError(errno.EACCES, "Permission denied"), "öppen i ett annat program"),
        (OSError(errno.EROFS, "Read-only file system"), "mappen går bara att läsa"),
        (OSError(errno.EIO, "Input/output error"), "datorn svarade"),
        (KeyboardInterrupt(), "Avbrutet"),
    ],
)
@pytest.mark.parametrize(("place", "name"), [(Path, "write_bytes"), (Path, "rename"), (Path, "replace")])
@pytest.mark.parametrize("turn", [1, 2])
def test_a_write_that_fails_leaves_neither_folder_nor_workbook(
    data, here, capsys, monkeypatch, error, words, place, name, turn
):
    before, real, calls = tree(data.parent), getattr(place, name), []

    def failing(path, *arguments, **options):
        calls.append(path)
        if len(calls) == turn:
            raise error
        return real(path, *arguments, **options)

    monkeypatch.setattr(place, name, failing)
    status = new(data, "--namn", "Lund")
    monkeypatch.undo()
    os.chdir(here)
    if len(calls) < turn:
        assert status == 0
        return
    assert status == (130 if isinstance(error, KeyboardInterrupt) else 1)
    told = capsys.readouterr().err
    assert words in told and "Ingenting skapades." in told and "Traceback" not in told
    assert tree(data.parent) == before


def test_a_folder_that_cannot_be_made_is_called_what_the_analyst_calls_it(data, here, capsys, monkeypatch):
    real = Path.mkdir

    def failing(path, *arguments, **options):
        if path.name.startswith(".lund-"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", failing)
    assert new(data, "--namn", "Lund") == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{data / 'kommuner' / 'lund'}: filen är öppen") and ".lund-" not in told


def test_a_folder_that_cannot_be_moved_aside_is_called_what_the_analyst_calls_it():
    folder = Path("data/kommuner/lund")
    with pytest.raises(DataError) as caught, intake._told(folder):
        raise PermissionError(errno.EACCES, "Permission denied", str(folder), None, "data/.lund-gammal")
    assert str(caught.value).startswith(f"{folder}: filen är öppen")


# --- The workbook -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workbook(tmp_path_factory) -> openpyxl.Workbook:
    """Lund's new workbook for 2020 to 2025."""
    root = tmp_path_factory.mktemp("ny")
    data = Path(shutil.copytree(DATA, root / "data"))
    path = root / "lund.xlsx"
    assert new(data, "lund-ny", "--kod", "1281", "--fran", "2020", "--till", "2025", "--fil", str(path)) == 0
    return openpyxl.load_workbook(path)


def test_the_same_arguments_give_the_same_bytes():
    card = Card("lund", "Lund", "1281", 2020, 2025)
    assert make_template(card, [], {}) == make_template(card, [], {})


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_headings_and_values_in_swedish_fold_back_to_the_names(spec):
    assert fold(spec.sheet) == spec.name and len(spec.sheet) <= 31
    for column in spec.all_columns:
        assert fold(column.label) == column.name
        for value in column.allowed:
            assert fold(in_words(value)) == value


def test_there_is_a_sheet_a_table_and_one_of_sources(workbook):
    expected = [START_SHEET, *(spec.sheet for spec in SPECS), LIST_SHEET]
    assert workbook.sheetnames == expected
    assert workbook[LIST_SHEET].sheet_state == "hidden"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_sheet_explains_its_columns_and_shows_an_example(workbook, spec):
    sheet = workbook[spec.sheet]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(max_row=FIRST_ROW)]
    columns = spec.all_columns
    assert rows[0][0] == spec.title and spec.gives in rows[1][0]
    assert rows[HEADING_ROW][: len(columns)] == [column.label for column in columns]
    for column, text, example in zip(columns, rows[HEADING_ROW - 1], rows[EXAMPLE_ROW], strict=False):
        assert text.endswith("Får vara tom." if column.optional else "Måste fyllas i.")
        assert example is None or example.startswith(EXAMPLE)
        assert example is not None or column.optional
        if column.unit not in ("", "antal"):
            assert f"i {column.unit}" in text


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_column_is_checked_by_excel_as_its_specification_says(workbook, spec):
    sheet, lists = workbook[spec.sheet], workbook[LIST_SHEET]
    rules = {area.min_col: (rule, area) for rule in sheet.data_validations.dataValidation for area in rule.sqref.ranges}
    for position, column in enumerate(spec.all_columns, start=1):
        rule, area = rules.get(position, (None, None))
        if column.allowed:
            letter = rule.formula1.split("$")[1]
            listed = [cell.value for cell in lists[letter] if cell.value is not None]
            assert listed == [in_words(value) for value in column.allowed if value]
            assert rule.errorStyle in (None, "stop")
        elif column.kind in ("year", "integer", "number"):
            assert rule.type == ("decimal" if column.kind == "number" else "whole") and rule.errorStyle == "warning"
            assert column.kind == "year" or column.minimum is None or float(rule.formula1) == column.minimum
        elif column.name in ("kalla", "kalla_2") and spec is not SOURCE_TABLE:
            assert rule.formula1.startswith(f"{SOURCE_TABLE.sheet}!") or SOURCE_TABLE.sheet in rule.formula1
        else:
            assert rule is None
        assert rule is None or (area.min_row == FIRST_ROW + 1 and area.max_row > FIRST_ROW + 1000)
        # Excel would make a date of 2021-11, and a number of 007.
        shown = next(one for one in sheet.column_dimensions.values() if one.min <= position <= one.max)
        assert (shown.number_format == "@") == (column.kind in ("text", "date"))


def test_years_and_parts_are_filled_in_where_they_give_the_rows(workbook):
    filled = {name for name, spec in MUNICIPAL_TABLES.items() if grid_columns(spec)}
    assert filled == {"ekonomi", "brukare", "timmar", "floden", "egen_regi"}
    for name, spec in MUNICIPAL_TABLES.items():
        if spec.items:
            continue
        rows = [row for row in workbook[spec.sheet].iter_rows(min_row=FIRST_ROW + 1, values_only=True) if any(row)]
        other = next((column for column in spec.columns if column.name in spec.key and column.allowed), None)
        expected = (
            [(year, in_words(value)) for value in other.allowed for year in range(2020, 2026)]
            if (name in filled)
            else []
        )
        assert [row[:2] for row in rows] == expected
        assert not any(any(row[2:]) for row in rows)


@pytest.mark.parametrize("table", ["villkor", "scenario"])
def test_a_sheet_of_single_values_tells_what_each_is_and_in_which_unit(workbook, table):
    spec = MUNICIPAL_TABLES[table]
    heads = {cell.value: cell.column for cell in workbook[spec.sheet][HEADING_ROW + 1] if cell.value}
    labels = {column.name: column.label for column in spec.all_columns}
    shown = [
        {name: row[heads[label] - 1] for name, label in labels.items() if row[heads[label] - 1]}
        for row in workbook[spec.sheet].iter_rows(min_row=FIRST_ROW + 1, values_only=True)
        if any(row)
    ]
    assert [fold(row[spec.key[0]]) for row in shown] == list(spec.items)
    for row, item in zip(shown, spec.items.values(), strict=True):
        assert (row["enhet"], row["beskrivning"]) == (item.unit, item.description)
        assert not row.keys() & {"varde", "kalla", "plats", "status"}
    if table == "scenario":
        forms = {fold(row["indata"]): fold(row["driftform"]) for row in shown}
        assert forms.pop("kostnad_kr_per_timme") == "egen_regi" and set(forms.values()) == {"alla"}


def test_the_first_sheet_tells_which_tables_give_which_chapters(workbook):
    rows = list(workbook[START_SHEET].iter_rows(values_only=True))
    start = next(number for number, row in enumerate(rows) if row[0] == "Blad") + 1
    by_sheet = {row[0]: row for row in rows[start : start + len(MUNICIPAL_TABLES)]}
    assert list(by_sheet) == [spec.sheet for spec in MUNICIPAL_TABLES.values()]
    chapters = read_chapters()
    for spec in MUNICIPAL_TABLES.values():
        # Straight from the notebooks' metadata.
        needed, richer = [], []
        for chapter in chapters:
            names = {one.partition(":")[0] for need in chapter.needs for one in need.split("|")}
            cells = json.loads(chapter.path.read_text(encoding="utf-8"))["cells"]
            more = {
                one.partition(":")[0]
                for cell in cells
                for need in needs_of(cell["metadata"])
                for one in need.split("|")
            }
            needed += [chapter.title] * (spec.name in names)
            richer += [chapter.title] * (spec.name in more - names)
        assert by_sheet[spec.sheet][1:3] == (spec.title, spec.gives)
        assert [text or "" for text in by_sheet[spec.sheet][3:5]] == [", ".join(needed), ", ".join(richer)]
    told = {row[0]: row[1] for row in rows}
    for chapter in chapters:
        assert (told[chapter.title] == "Kommer alltid med") == (not chapter.needs)
    assert any("bladet Ekonomi" in (row[1] or "") for row in rows if isinstance(row[1], str))


def test_no_text_is_ever_a_formula():
    entry = CODES[0]
    evil = {"fakta": ["=cmd|' /C calc'!A0", "2021", 1.0, "+1", "@SUM(A1)", "-2", "=1+1", ""]}
    content = make_template(Card("prov", "=HYPERLINK(1)", entry.code, 2020, 2021), [], evil)
    for sheet in openpyxl.load_workbook(io.BytesIO(content)):
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_the_files_of_a_new_municipality_are_one_list():
    files = intake._new_files(Card("lund", "No", "1281", 2020, 2021), "Skåne län")
    assert list(files) == ["kommun.yml", *drafts()] and b"namn: 'No'" in files["kommun.yml"]


def test_the_workbook_explains_each_of_two_sources_and_names_a_sheet_once(data, here):
    assert new(data, "--namn", "Lund") == 0
    book = openpyxl.load_workbook(here / "lund.xlsx")
    sheet = book["Motsägelser"]
    explained = [cell.value for cell in sheet[3] if "Välj källans korta namn" in str(cell.value)]
    assert len(explained) == len(set(explained)) == 2
    needs = [row[1].value for row in book["Börja här"].iter_rows() if isinstance(row[1].value, str)]
    assert any("bladet Fakta; samma blad med rader för" in text for text in needs)
    assert all(text.count("bladet Fakta") <= 1 for text in needs)
    assert not any("_0f669c7f" in str(cell.value) for row in book["Källor"].iter_rows() for cell in row)


def test_a_source_is_suggested_a_name_that_no_other_municipality_takes(data, here):
    assert new(data, "--namn", "Upplands-Bro", "--fran", "2021", "--till", "2025") == 0
    text = openpyxl.load_workbook(here / "upplands-bro.xlsx")["Källor"]["A3"].value
    assert text == (
        "Källans korta namn, som ni själva väljer, med kommunens namn först, till exempel upplands_bro_bokslut_2025. "
        "Text. Måste fyllas i."
    )
