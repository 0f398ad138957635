"""The road from files to a Municipality: what is accepted, and how the rest is refused."""

from __future__ import annotations

import csv
import datetime
import io
import re
import shutil
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import pytest
from conftest import DATA, edit
from hypothesis import given
from hypothesis import strategies as st

from analysis.sources import DataError, Fault, list_municipalities, load_municipality
from analysis.sources.cells import CellError, parse_date, parse_integer, parse_number

CARD = "kommuner/malmo/kommun.yml"
ECONOMY = "kommuner/malmo/ekonomi.csv"
TERMS = "kommuner/malmo/villkor.csv"
FLOWS = "kommuner/malmo/floden.csv"
USERS = "kommuner/malmo/brukare.csv"
SOURCES = "kallor.yml"
PARAMETERS = "nationellt/parametrar.yml"
ASSUMPTIONS = "nationellt/antaganden.yml"
ECONOMY_HEADER = "ar;verksamhet;budget_tkr;nettokostnad_tkr;kalla;plats;status"


def faults_of(data: Path, slug: str = "malmo") -> list[Fault]:
    """Load and return the faults; a test that expects faults fails here where the data are accepted."""
    with pytest.raises(DataError) as caught:
        load_municipality(slug, data)
    return caught.value.faults


def only_fault(data: Path, slug: str = "malmo") -> Fault:
    """Load and return the one fault."""
    faults = faults_of(data, slug)
    assert len(faults) == 1, "\n".join(map(str, faults))
    return faults[0]


# --- One fault in a table -----------------------------------------------------------------------

# file, what stands there, what is written instead, row, column, value shown, part of problem, part of expected
CELLS = [
    (ECONOMY, "2021;sfb;127573", "2021;sfb;okänt", 3, "budget_tkr", "okänt", "inget tal", "ett tal i tkr, noll eller"),
    (ECONOMY, "2021;sfb;127573", "2021;sfb;-127573", 3, "budget_tkr", "-127573", "negativt tal", "noll eller mer"),
    (ECONOMY, "2021;sfb;127573", "2021;sfb;31 %", 3, "budget_tkr", "31 %", "procenttecken", "utan procenttecken"),
    (ECONOMY, "2021;sfb;127573", "2021;sfb;127.573", 3, "budget_tkr", "127.573", "tusental", "ett tal i tkr"),
    (ECONOMY, "2021;sfb;127573", "2021;sfb;" + "9" * 400, 3, "budget_tkr", "9" * 400, "stort tal", "ett tal i tkr"),
    (ECONOMY, "2021;sfb;127573;131171", "2021;sfb;127573;", 3, "nettokostnad_tkr", "", "tom", "ett tal i tkr"),
    (ECONOMY, "2021;sfb;", "2020;sfb;", 3, "ar", "2020", "står redan på rad 2", "en rad för varje kombination"),
    (ECONOMY, "2021;sfb;", "1821;sfb;", 3, "ar", "1821", "för litet", "ett årtal mellan 1990 och 2100"),
    (ECONOMY, "2021;sfb;", "20211;sfb;", 3, "ar", "20211", "orimligt", "ett årtal mellan 1990 och 2100"),
    (ECONOMY, "2021;sfb;", "2021;lsss;", 3, "verksamhet", "lsss", "otillåtet", "totalt, sfb, lss, utforare"),
    (USERS, "2021;sfb;391;406;malmo_2025", "2021;sfb;391;406;malmo_2026", 3, "kalla", "malmo_2026", "kallor.yml",
     "ett namn ur kallor.yml"),
    (USERS, "2021;sfb;391;406;", "2021;sfb;391;-406;", 3, "utfall_antal", "-406", "negativt tal", "noll eller mer"),
    (FLOWS, "2022;alla;12;22;17", "2022;alla;12;22,5;17", 2, "nya_antal", "22,5", "inget heltal", "ett heltal"),
    (FLOWS, "2022;alla;12;22;17", f"2022;alla;12;{10**22};17", 2, "nya_antal", f"{10**22}", "stort", "ett heltal"),
    ("kommuner/malmo/prognoser.csv", "-18;malmo_2025;Avsnitt 2;avrundad", "-18;malmo_2025;Avsnitt 2;ungefär", 2,
     "status", "ungefär", "otillåtet värde", "avrundad"),
    ("nationellt/handelser.csv", "2018-04-01;lag", "2018-04-31;lag", 4, "datum", "2018-04-31", "kalendern",
     "2024-01-31"),
    ("nationellt/handelser.csv", "2018-04-01;lag", "1/4 2018;lag", 4, "datum", "1/4 2018", "inget datum", "2024-01-31"),
    (TERMS, "heltidsmatt_1;37;", "heltidsmat_1;37;", 2, "villkor", "heltidsmat_1", "otillåtet värde", "heltidsmatt_1"),
    (TERMS, "heltidsmatt_1;37;", "heltidsmatt_1;0;", 2, "varde", "0", "för litet tal",
     "ett tal mellan 1 och 168 (timmar per vecka)"),
    (TERMS, "heltidsmatt_1;37;", "heltidsmatt_1;-37;", 2, "varde", "-37", "negativt tal", "noll eller mer"),
    (TERMS, "jour_grans;50;", "jour_grans;5000;", 10, "varde", "5000", "orimligt tal", "mellan 1 och 744"),
    (TERMS, "jour_minsta_bemanning;4;", "jour_minsta_bemanning;4,5;", 12, "varde", "4,5", "inget heltal",
     "ett heltal mellan 1 och 100 (medarbetare)"),
]


@pytest.mark.parametrize(("file", "old", "new", "row", "column", "value", "problem", "expected"), CELLS)
def test_a_bad_cell_gives_one_fault(data_copy, file, old, new, row, column, value, problem, expected):
    edit(data_copy / file, old, new)
    fault = only_fault(data_copy)
    assert (fault.file, fault.row, fault.column, fault.value) == (f"data/{file}", row, column, value)
    assert problem in fault.problem
    assert expected in fault.expected


def test_a_fault_reads_as_one_line(data_copy):
    edit(data_copy / ECONOMY, "2021;sfb;127573", "2021;sfb;okänt")
    assert str(only_fault(data_copy)) == (
        "data/kommuner/malmo/ekonomi.csv, rad 3, kolumn budget_tkr: inget tal. Står nu: ”okänt”. Väntat: ett tal i "
        "tkr, noll eller mer, utan procenttecken och enhet (eller tom cell). Gör så här: lämna cellen tom om "
        "uppgiften saknas, annars skriv bara siffror."
    )


def test_a_misspelt_source_is_told_the_nearest(data_copy):
    edit(data_copy / USERS, "2021;sfb;391;406;malmo_2025", "2021;sfb;391;406;malmo_2052")
    assert "malmo_2025" in only_fault(data_copy).advice


def test_a_missing_column(data_copy):
    edit(data_copy / ECONOMY, ECONOMY_HEADER, ECONOMY_HEADER.replace(";nettokostnad_tkr", ""))
    fault = only_fault(data_copy)
    assert (fault.row, fault.column) == (1, "nettokostnad_tkr")
    assert "saknas" in fault.problem and "nettokostnad_tkr" in fault.expected


def test_a_misspelt_column_is_one_fault_that_tells_the_likely_meaning(data_copy):
    edit(data_copy / ECONOMY, ECONOMY_HEADER, ECONOMY_HEADER.replace("nettokostnad_tkr", "netokostnad_tkr"))
    fault = only_fault(data_copy)
    assert (fault.row, fault.column) == (1, "nettokostnad_tkr")
    assert fault.advice == "byt rubriken ”netokostnad_tkr” till ”nettokostnad_tkr”"


def test_an_unknown_column(data_copy):
    edit(data_copy / ECONOMY, ECONOMY_HEADER, ECONOMY_HEADER + ";kommentar")
    fault = only_fault(data_copy)
    assert (fault.row, fault.column, fault.value, fault.problem) == (1, "kommentar", "kommentar", "okänd kolumn")
    assert "nettokostnad_tkr" in fault.expected


def test_a_column_twice(data_copy):
    edit(data_copy / ECONOMY, ECONOMY_HEADER, ECONOMY_HEADER.replace("budget_tkr", "nettokostnad_tkr"))
    assert "kolumnen nettokostnad_tkr står 2 gånger" in [fault.problem for fault in faults_of(data_copy)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "filen är tom"),
        (b"\xef\xbb\xbf\r\n  \r\n", "filen är tom"),
        (b"\n;;;;\n;;;;\n", "filen är tom"),
        (ECONOMY_HEADER.encode() + b"\n", "inga rader"),
        (ECONOMY_HEADER.encode() + b"\n;;;;;;\n\n", "inga rader"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "ingen textfil"),
        (b"PK\x03\x04\x14\x00\x06\x00", "ingen textfil"),
        (ECONOMY_HEADER.encode() + b"\n2020;sfb;1\x00;2;malmo_2025;x;\n", "ingen textfil"),
        (ECONOMY_HEADER.encode("utf-16"), "ingen textfil"),
        (ECONOMY_HEADER.encode() + b"\n2020;sfb;1;2;malmo_2025;\x81;\n", "ingen textfil"),
        (ECONOMY_HEADER.encode() + b'\n2020;sfb;1;2;"malmo_2025;x;\n' + b"2021;sfb;1;2;malmo_2025;x;\n" * 9000,
         "citattecken"),
        (ECONOMY_HEADER.encode() + b"\n2020;sfb;1;2;malmo_2025;x;;mer\n", "fält"),
        (ECONOMY_HEADER.encode() + b";\n2020;sfb;1;2;malmo_2025;x;;mer\n", "fält"),
    ],
)
def test_a_file_that_is_no_table_gives_one_fault(data_copy, content, problem):
    (data_copy / ECONOMY).write_bytes(content)
    fault = only_fault(data_copy)
    assert fault.file == f"data/{ECONOMY}"
    assert problem in fault.problem


@pytest.mark.parametrize("name", ["ekonmi.csv", "Ekonomi.CSV", "ekonomi.xlsx"])
def test_an_unknown_table_file(data_copy, name):
    (data_copy / ECONOMY).rename(data_copy / "kommuner/malmo" / name)
    fault = only_fault(data_copy)
    assert fault.file == f"data/kommuner/malmo/{name}"
    assert fault.problem == "okänd tabell" and "ekonomi.csv" in fault.advice


def test_excels_lock_file_is_let_be(data_copy):
    (data_copy / "kommuner/malmo/~$ekonomi.xlsx").write_bytes(b"\x00")
    load_municipality("malmo", data_copy)


def test_every_fault_of_every_file_at_once(data_copy):
    edit(data_copy / ECONOMY, "2021;sfb;127573;131171;malmo_2025", "2021;sfb;okänt;31 %;malmo_2052")
    edit(data_copy / USERS, "2021;sfb;391;406;", "2021;sfb;-391;;")
    edit(data_copy / CARD, 'kod: "1280"', "kod: 1280")
    edit(data_copy / "nationellt/hemtjanst.csv", ";420;", ";fyrahundra;")
    places = [(fault.file.removeprefix("data/"), fault.row, fault.column) for fault in faults_of(data_copy)]
    assert places == [
        (USERS, 3, "budget_antal"),
        (USERS, 3, "utfall_antal"),
        (ECONOMY, 3, "budget_tkr"),
        (ECONOMY, 3, "kalla"),
        (ECONOMY, 3, "nettokostnad_tkr"),
        (CARD, None, "kod"),
        ("nationellt/hemtjanst.csv", 2, "ersattning_kr_per_timme"),
    ]


# --- The YAML registers -------------------------------------------------------------------------

# file, what stands there, what is written instead, field, value shown, part of the problem
FIELDS = [
    (CARD, 'kod: "1280"', "kod: 1280", "kod", "1280", "fel slags värde"),
    (CARD, 'kod: "1280"', 'kod: "128"', "kod", "128", "ingen kommunkod"),
    (CARD, 'kod: "1280"', 'kod: "128²"', "kod", "128²", "ingen kommunkod"),
    (CARD, 'kod: "1280"\n', "", "kod", None, "saknas"),
    (CARD, "namn: Malmö", "namn:", "namn", None, "fältet är tomt"),
    (CARD, "namn: Malmö", 'namn: " "', "namn", None, "fältet är tomt"),
    (CARD, "lan: Skåne län", "lna: Skåne län", "lna", "lna", "okänt fält"),
    (CARD, "namnd: funktionsstödsnämnden", "namnd: [en, två]", "namnd", "[en, två]", "fel slags värde"),
    (CARD, "omrade: Malmö", "omrade: 17", "omrade", "17", "fel slags värde"),
    (CARD, "\n  fran: 2020\n  till: 2025", "", "period", None, "fältet är tomt"),
    (CARD, "\n  fran: 2020\n  till: 2025", " [2020, 2025]", "period", "[2020, 2025]", "fel slags värde"),
    (CARD, "fran: 2020", "fran: tjugo", "period.fran", "tjugo", "fel slags värde"),
    (CARD, "fran: 2020", "fran: 0", "period.fran", "0", "orimligt årtal"),
    (CARD, "fran: 2020", "fran: 2026", "period", "2026–2025", "slutar innan den börjar"),
    (CARD, "[Riket, Skåne, Göteborg, Lund]", "Riket", "jamfor_med", "Riket", "fel slags värde"),
    (CARD, "[Riket, Skåne, Göteborg, Lund]", "[Riket, Skane]", "jamfor_med", "Skane", "finns inte"),
    (CARD, "[Riket, Skåne, Göteborg, Lund]", "[Riket, [Lund]]", "jamfor_med", "[Lund]", "finns inte"),
    (CARD, "uppdrag_kalla: malmo_2025", "uppdrag_kalla: malmo_2052", "uppdrag_kalla", "malmo_2052", "kallor.yml"),
    (CARD, "fran: 2020\n  till: 2025", "fran: 2010\n  till: 2013", "period.till", "2013", "perioden slutar för tidigt"),
    (CARD, "befriad_mnkr: 16", "befriad_mnkr: sexton", "befriad_mnkr", "sexton", "fel slags värde"),
    (CARD, "antaganden: {}", "antaganden: {timpris: 1}", "antaganden.timpris", "timpris", "okänt antagande"),
    (CARD, "antaganden: {}", "antaganden: {timlon: 5000}", "antaganden.timlon", "5000", "orimligt värde"),
    (CARD, "antaganden: {}", "antaganden: {timlon: .nan}", "antaganden.timlon", ".nan", "orimligt värde"),
    (CARD, "antaganden: {}", "antaganden: [timlon]", "antaganden", "[timlon]", "fel slags värde"),
    (ASSUMPTIONS, "  varde: 180\n", "  varde: hundra\n", "timlon.varde", "hundra", "fel slags värde"),
    (ASSUMPTIONS, "  varde: 180\n", "  varde: 1800\n", "timlon.varde", "1800", "utanför sina gränser"),
    (SOURCES, "  utgivare: Malmö stad, funktionsstödsnämnden\n", "", "malmo_2025.utgivare", None, "saknas"),
    (PARAMETERS, "2026-01-01: {varde: 347.70, uppraknad_procent: 1.5, kalla: sfs_1993_1091,",
     "2026-01-01: {varde: 347.70, uppraknad_procent: 1.5, kalla: sfs_1993,", "schablonbelopp.varden.2026-01-01.kalla",
     "sfs_1993", "kallor.yml"),
    (PARAMETERS, "2026-01-01: {varde: 347.70,", "nyår: {varde: 347.70,", "schablonbelopp.varden.nyår", "nyår",
     "inget datum"),
    (PARAMETERS, "2026-01-01: {varde: 347.70,", "2026-01-01 10:00:00: {varde: 347.70,",
     "schablonbelopp.varden.2026-01-01 10:00:00", "2026-01-01 10:00:00", "inget datum"),
    (PARAMETERS, "{varde: 347.70, uppraknad_procent: 1.5,", "{varde: .nan, uppraknad_procent: 1.5,",
     "schablonbelopp.varden.2026-01-01.varde", ".nan", "fel slags värde"),
    (PARAMETERS, "{varde: 347.70, uppraknad_procent: 1.5,", "{varde: 347.70, uppraknad_procent: lite,",
     "schablonbelopp.varden.2026-01-01.uppraknad_procent", "lite", "fel slags värde"),
    (PARAMETERS, "  avrundning: 0.10 ", "  avrundning: öre ", "schablonbelopp.avrundning", "öre", "fel slags värde"),
]


@pytest.mark.parametrize(("file", "old", "new", "field", "value", "problem"), FIELDS)
def test_a_bad_field_gives_one_fault(data_copy, file, old, new, field, value, problem):
    edit(data_copy / file, old, new)
    fault = only_fault(data_copy)
    assert (fault.file, fault.column, fault.value) == (f"data/{file}", field, value)
    assert problem in fault.problem
    assert fault.expected and fault.advice


def test_a_scenario_of_a_year_without_an_amount_per_hour_is_told(data_copy):
    path = data_copy / "kommuner" / "bjuv" / "scenario.csv"
    edit(path, "ar;alla;2022;", "ar;alla;2012;")
    with pytest.raises(DataError) as caught:
        load_municipality("bjuv", data_copy)
    (fault,) = caught.value.faults
    assert (fault.file, fault.row, fault.column, fault.value) == (
        "data/kommuner/bjuv/scenario.csv", 2, "varde", "2012")
    assert "från 2014" in fault.expected


@pytest.mark.parametrize(
    ("content", "problem", "row"),
    [
        (b"namn: [Malm", "raden går inte att läsa", 1),
        (b"namn: a\n\tkod: b\n", "raden går inte att läsa", 2),
        (b"namn: \x00\n", "styrtecken", 1),
        (b"? [a, b]\n: c\n", "raden går inte att läsa", 1),
        (b"datum: 2026-02-30\n", "datumet finns inte i kalendern", 1),
        ("datum: !!timestamp igår\n".encode(), "datumet finns inte i kalendern", 1),
        (b"visas: !!bool 5\n", "filen går inte att läsa", None),
        (b"namn: a\nkod: b\nnamn: c\n", "namn står två gånger", 3),
        (b"- a\n- b\n", "ingen lista med namn", None),
        (b"", "filen är tom", None),
        (b"bara text", "ingen lista med namn", None),
        (bytes(range(256)), "UTF-8", None),
        ("namn: Malmö".encode("cp1252"), "UTF-8", None),
    ],
)
@pytest.mark.parametrize("file", [CARD, SOURCES, PARAMETERS, ASSUMPTIONS])
def test_bad_yaml_gives_one_fault(data_copy, file, content, problem, row):
    (data_copy / file).write_bytes(content)
    fault = only_fault(data_copy)
    assert (fault.file, fault.row) == (f"data/{file}", row)
    assert problem in fault.problem


def test_a_name_that_stands_twice_is_not_blamed_on_its_signs(data_copy):
    (data_copy / CARD).write_bytes(b"namn: a\nkod: b\nnamn: c\n")
    fault = only_fault(data_copy)
    assert fault.advice.startswith("ta bort den ena") and fault.expected == "varje namn en gång"


@pytest.mark.parametrize("character", ["\x02", "\x0c", "\x1f", "\x7f", "\x9f", "\uffff"])
def test_a_control_character_in_a_cell_is_told_with_its_place_and_shown(data_copy, character):
    edit(data_copy / ECONOMY, "2021;sfb;127573", f"2021;sfb;{character}127573")
    fault = only_fault(data_copy)
    shown = f"[U+{ord(character):04X}]127573"
    assert (fault.file, fault.row, fault.column, fault.value) == (f"data/{ECONOMY}", 3, "budget_tkr", shown)
    assert "styrtecken" in fault.problem and "för hand" in fault.advice and character not in str(fault)


def test_a_control_character_in_text_and_in_a_heading_is_told(data_copy):
    edit(data_copy / USERS, "2021;sfb;391;406;malmo_2025;", "2021;sfb;391;406;malmo_2025;a\x02")
    assert (only_fault(data_copy).row, only_fault(data_copy).column) == (3, "plats")
    shutil.copy(DATA / USERS, data_copy / USERS)
    edit(data_copy / ECONOMY, "nettokostnad_tkr;", "netto\x02kostnad_tkr;")
    fault = only_fault(data_copy)
    assert (fault.row, fault.column) == (1, "nettokostnad_tkr") and "netto[U+0002]kostnad_tkr" in fault.advice


def test_line_breaks_and_tabs_in_text_are_read(data_copy):
    line = next(line for line in (data_copy / USERS).read_text(encoding="utf-8").splitlines() if "2021;sfb" in line)
    edit(data_copy / USERS, line, '2021;sfb;391;406;malmo_2025;"a\n\tb";')
    place = load_municipality("malmo", data_copy).tables["brukare"]["plats"]
    assert [text for text in place if "\n\tb" in text]


@pytest.mark.parametrize(("written", "shown"), [
    ("utgivare: Malmö\x02 stad", "utgivare: Malmö[U+0002] stad"),
    ('utgivare: "Malmö\\x02 stad"', "Malmö[U+0002] stad"),
    ('utgivare: "Malmö\\ud800 stad"', "Malmö[U+D800] stad"),
])
def test_a_control_character_in_yaml_is_told_with_its_place_and_shown(data_copy, written, shown):
    (data_copy / SOURCES).write_text(f"malmo_2025:\n  titel: Utredning\n  {written}\n", encoding="utf-8")
    fault = only_fault(data_copy)
    assert (fault.file, fault.row, fault.column, fault.value) == (f"data/{SOURCES}", 3, "utgivare", shown)
    assert "styrtecken" in fault.problem and "för hand" in fault.advice


def test_line_breaks_and_tabs_in_yaml_are_read(data_copy):
    edit(data_copy / CARD, "namn: Malmö", 'namn: "Mal\\tmö\\n"')
    assert load_municipality("malmo", data_copy).name == "Mal\tmö\n"


@pytest.mark.parametrize("entry", [b"[1, 2]", b"text", b"3", b""])
@pytest.mark.parametrize("file", [PARAMETERS, ASSUMPTIONS])
def test_an_entry_that_is_no_mapping_gives_one_fault(data_copy, file, entry):
    (data_copy / file).write_bytes(b"post: " + entry + b"\n")
    fault = only_fault(data_copy)
    assert (fault.file, fault.column, fault.problem) == (f"data/{file}", "post", "fel slags värde")


def test_a_name_that_is_a_number_is_a_name(data_copy):
    edit(data_copy / ASSUMPTIONS, "\ntimlon:\n", "\n2024:\n")
    edit(data_copy / CARD, "antaganden: {}", "antaganden: {timpris: 1}")
    assert only_fault(data_copy).value == "timpris"


def test_a_list_as_a_source_faults_only_itself(data_copy):
    with (data_copy / SOURCES).open("a", encoding="utf-8") as file:
        file.write("ny_kalla: [titel, utgivare]\n")
    assert only_fault(data_copy).column == "ny_kalla"


@pytest.mark.parametrize("file", [CARD, SOURCES, PARAMETERS, ASSUMPTIONS, ECONOMY])
def test_a_file_that_cannot_be_opened(data_copy, file):
    (data_copy / file).unlink()
    (data_copy / file).mkdir()
    fault = only_fault(data_copy)
    assert fault.file == f"data/{file}" and fault.problem == "det är en mapp och inte en fil"


@pytest.mark.parametrize("file", [CARD, SOURCES, PARAMETERS, ASSUMPTIONS, "nationellt/hemtjanst.csv"])
def test_a_missing_file(data_copy, file):
    (data_copy / file).unlink()
    fault = only_fault(data_copy)
    assert (fault.file, fault.problem) == (f"data/{file}", "filen saknas")


def test_a_missing_municipal_table_is_no_fault(data_copy):
    (data_copy / FLOWS).unlink()
    municipality = load_municipality("malmo", data_copy)
    assert municipality.has("ekonomi", "ekonomi:sfb", "nationellt:brukare_1_oktober")
    assert municipality.has("nationellt:brukare_1_oktober:sfb")
    assert not municipality.has("nationellt:brukare_1_oktober:utforare")
    assert not municipality.has("nationellt:befolkning") and not municipality.has("nationellt:timmar_per_vecka")
    assert not municipality.has("floden") and not municipality.has("ekonomi:hemtjanst")


@pytest.mark.parametrize(("slug", "advice"), [("malmö", "skriv ”malmo”"), ("..", "stavningen"), ("", "stavningen")])
def test_an_unknown_municipality(slug, advice):
    fault = only_fault(DATA, slug)
    assert f"”{slug}”" in fault.problem and "malmo" in fault.expected and advice in fault.advice


def test_no_data_at_all(tmp_path):
    assert "finns inte" in only_fault(tmp_path / "data").problem


# --- What Excel writes --------------------------------------------------------------------------


def _rewritten(path: Path, delimiter: str, change) -> str:
    """A table with another delimiter and its number cells changed."""
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8")), delimiter=";"))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    for row in rows:
        writer.writerow([change(cell) if re.fullmatch(r"-?\d+(,\d+)?", cell) else cell for cell in row])
    return out.getvalue()


def _thousands(space: str):
    def change(cell: str) -> str:
        whole, comma, decimals = cell.partition(",")
        if len(whole.lstrip("-")) <= 4:  # years stay as they are
            return cell
        return f"{int(whole):,}".replace(",", space) + comma + decimals

    return change


WAYS = {
    "semicolon": lambda path: _rewritten(path, ";", str).encode(),
    "comma": lambda path: _rewritten(path, ",", str).encode(),
    "tab": lambda path: _rewritten(path, "\t", str).encode(),
    "space": lambda path: _rewritten(path, ";", _thousands(" ")).encode(),
    "no-break space": lambda path: _rewritten(path, ";", _thousands("\u00a0")).encode(),
    "narrow no-break space": lambda path: _rewritten(path, ";", _thousands("\u202f")).encode(),
    "decimals": lambda path: _rewritten(path, ";", lambda c: c if "," in c or len(c) == 4 else c + ",0").encode(),
    "Unicode minus": lambda path: _rewritten(path, ";", lambda c: c.replace("-", "\u2212")).encode(),
    "UTF-8 with BOM": lambda path: b"\xef\xbb\xbf" + path.read_bytes(),
    "Windows-1252": lambda path: path.read_text(encoding="utf-8").encode("cp1252"),
    "CRLF": lambda path: path.read_text(encoding="utf-8").replace("\n", "\r\n").encode(),
    "trailing blank lines": lambda path: path.read_bytes() + b"\r\n;;;;;;\r\n\r\n  \n",
    "leading blank line": lambda path: b"\n;;;\n" + path.read_bytes(),
    "blank columns": lambda path: path.read_bytes().replace(b"\n", b";;\n"),
    "headings in capitals": lambda path: _capital_heading(path.read_bytes()),
}


def _capital_heading(content: bytes) -> bytes:
    heading, rest = content.split(b"\n", 1)
    return heading.upper() + b"\n" + rest


@pytest.mark.parametrize("way", WAYS)
def test_what_excel_writes_reads_the_same(data_copy, way):
    expected = load_municipality("malmo", DATA)
    tables = sorted((data_copy / "kommuner/malmo").glob("*.csv"))
    assert tables
    for path in tables:
        path.write_bytes(WAYS[way](path))
    found = load_municipality("malmo", data_copy)
    for name, frame in expected.tables.items():
        given_frame = found.tables[name]
        if name == "publicerat":  # its `tryckt` is text, and so keeps the spelling of the number
            given_frame, frame = given_frame.drop(columns="tryckt"), frame.drop(columns="tryckt")
        pd.testing.assert_frame_equal(given_frame, frame)


def test_rows_are_numbered_as_excel_does_where_a_cell_holds_a_line_break(data_copy):
    edit(data_copy / ECONOMY, "2020;sfb;131873;121600;malmo_2025;", '2020;sfb;1;2;malmo_2025;"Avsnitt\n8.1";x')
    edit(data_copy / ECONOMY, "2021;sfb;127573", "2021;sfb;okänt")
    assert {fault.row for fault in faults_of(data_copy) if fault.column == "budget_tkr"} == {3}


# --- One cell -----------------------------------------------------------------------------------


@given(
    number=st.decimals(min_value=-(10**11), max_value=10**11, places=2),
    space=st.sampled_from(["", " ", "\u00a0", "\u202f", "\u2009"]),
    minus=st.sampled_from(["-", "\u2212"]),
    places=st.integers(min_value=0, max_value=2),
)
def test_a_number_written_in_swedish_reads_back(number, space, minus, places):
    number = number.quantize(Decimal(1).scaleb(-places))
    written = f"{number:,f}".replace(",", space).replace(".", ",").replace("-", minus)
    assert parse_number(f" {written}\u00a0") == float(number)


@given(st.text(max_size=12))
def test_any_text_is_a_finite_number_or_refused(text):
    try:
        number = parse_number(text)
    except CellError as error:
        assert error.problem
    else:
        assert abs(number) <= 1e15


@pytest.mark.parametrize("text", ["", "-", "1,2,3", "1 23", "1.234", "1.234,5", "12 345 6", "1e3", "inf", "²", "٣",
                                  "--1", "5%", "1 kr", "(5)", "#REF!"])
def test_what_is_no_number(text):
    with pytest.raises(CellError):
        parse_number(text)


def test_points_that_can_only_be_decimal_are_read():
    assert parse_number("0.125") == 0.125
    assert parse_number("332.60") == 332.6
    assert parse_number("1234.567") == 1234.567


def test_whole_numbers_and_dates():
    assert parse_integer("1\u00a0234,0") == 1234
    assert [parse_date(text) for text in ("2021", " 2021-11", "2021-11-30")] == ["2021", "2021-11", "2021-11-30"]
    for text in ("2021-13", "2021-1-1", "21-01-01", "2021-01-32", "2023-02-30", "2023-02-29", "hösten 2021"):
        with pytest.raises(CellError):
            parse_date(text)


# --- The data themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("slug", list_municipalities(DATA))
def test_the_data_load_and_every_row_has_its_source(slug):
    municipality = load_municipality(slug)
    frames = {**municipality.tables, **{f"nationellt {name}": frame for name, frame in municipality.national.items()}}
    for name, frame in frames.items():
        if "kalla" in frame:
            assert set(frame["kalla"]) <= set(municipality.sources), name
            assert (frame["plats"].str.len() > 0).all(), name


def test_the_increases_reproduce_every_schablonbelopp():
    """Each year's amount is last year's, raised by the stated percentage and rounded half up to the nearest 0.10."""
    parameter = load_municipality("malmo").parameters["schablonbelopp"]
    step = Decimal(str(parameter.rounding))
    steps = [(before, after) for before, after in zip(parameter.values, parameter.values[1:], strict=False)
             if after.start >= datetime.date(2017, 1, 1)]
    assert [after.start.year for _, after in steps] == list(range(2017, 2027))
    for before, after in steps:
        raised = Decimal(str(before.value)) * (1 + Decimal(str(after.increase_percent)) / 100)
        rounded = (raised / step).quantize(Decimal(1), ROUND_HALF_UP) * step
        assert rounded == Decimal(str(after.value)), after.start


def test_a_parameter_holds_from_its_first_day():
    parameter = load_municipality("malmo").parameters["schablonbelopp"]
    with pytest.raises(LookupError):
        parameter.at(datetime.date(1994, 1, 1))
    assert parameter.in_year(2024).value == 332.6
