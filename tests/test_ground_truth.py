"""Every figure that the four documents print: listed, reproduced or explained, and no digit can change unseen."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from analysis.measures.published import Printed, Resolver, UnknownFigure, judge, read_printed
from analysis.measures.result import MissingData
from analysis.measures.schablon import days_in_year
from analysis.present.numbers import number
from analysis.sources import default_data_directory, list_municipalities, load_municipality
from analysis.sources.municipality import Municipality
from analysis.sources.schema import MUNICIPAL_TABLES, NATIONAL_TABLES

DATA = default_data_directory()
DOCUMENTS = ("malmo", "huddinge", "bjuv", "ange")
MUNICIPALITIES = {slug: load_municipality(slug) for slug in DOCUMENTS}
ROWS = [
    pytest.param(slug, row, id="-".join((slug, row["plats"][:40], row["rad"][:60], row["kolumn"])))
    for slug, municipality in MUNICIPALITIES.items()
    if "publicerat" in municipality.tables
    for _, row in municipality.tables["publicerat"].iterrows()
]
RESOLVERS = {slug: Resolver(municipality) for slug, municipality in MUNICIPALITIES.items()}


def _figure(text: str) -> tuple[float, int]:
    printed = read_printed(text)
    return printed.value, printed.decimals


def _tokens(slug: str) -> Counter:
    with (Path(__file__).parent / "published_tokens" / f"{slug}.csv").open(encoding="utf-8", newline="") as file:
        return Counter(_figure(row["token"]) for row in csv.DictReader(file, delimiter=";") if row["slag"] == "siffra")


TOKENS = {slug: _tokens(slug) for slug in DOCUMENTS}
LISTED = {
    slug: Counter(map(_figure, municipality.tables["publicerat"]["tryckt"]))
    for slug, municipality in MUNICIPALITIES.items()
    if "publicerat" in municipality.tables
}


def test_every_document_in_the_data_is_tested():
    with_document = [slug for slug in list_municipalities(DATA) if load_municipality(slug).document]
    assert sorted(with_document) == sorted(DOCUMENTS)


@pytest.mark.parametrize("slug", DOCUMENTS)
def test_every_printed_figure_has_its_row_and_every_row_its_figure(slug):
    assert slug in LISTED, f"data/kommuner/{slug}/publicerat.csv saknas"
    assert {"utan rad": TOKENS[slug] - LISTED[slug], "utan siffra": LISTED[slug] - TOKENS[slug]} == {
        "utan rad": Counter(),
        "utan siffra": Counter(),
    }


@pytest.mark.parametrize(("slug", "row"), ROWS)
def test_a_printed_figure_is_reproduced_or_explained(slug, row):
    outcome, computed, _ = judge(RESOLVERS[slug], row)
    expected = "stammer" if not row["orsak"] else "avviker" if row["matt"] else "utan_underlag"
    assert outcome == expected, f"tryckt {row['tryckt']}, i boken {computed}"
    assert (row["slag"] == "utan_underlag") == (not row["matt"])


@pytest.mark.parametrize(("slug", "row"), ROWS)
def test_a_printed_figure_altered_by_one_in_its_last_digit_is_caught(slug, row):
    printed = read_printed(row["tryckt"])
    for step in (-1, 1):
        altered = _stepped(printed, step)
        changed = LISTED[slug] - Counter([_figure(row["tryckt"])]) + Counter([(altered.value, altered.decimals)])
        assert changed != TOKENS[slug]
        if row["matt"] and not row["orsak"]:
            assert not altered.agrees(judge(RESOLVERS[slug], row)[1])


def _stepped(printed: Printed, step: int) -> Printed:
    value = Decimal(repr(printed.value)) + step * Decimal(1).scaleb(-printed.decimals)
    return dataclasses.replace(printed, value=float(value))


# --- A digit altered in the data --------------------------------------------------------------------------------

# Tables that hold no printed figure of their own: what they say is tested further down, or is text.
TABLES_WITHOUT_FIGURES = {"publicerat", "motsagelser"}
COLUMNS_WITHOUT_FIGURES = {
    ("driftformer", "forekomster"): "how often a list names a municipality: counted in the list, not printed",
}
# Cells by table, the first column of their row, and their own column.
CELLS_WITHOUT_FIGURES = {
    ("bjuv", "scenario", "ar", "varde"): "a year",
    ("ange", "scenario", "ar", "varde"): "a year",
    ("huddinge", "scenario", "ar", "varde"): "a year",
    ("bjuv", "fakta", "bolaget_utfor_sedan", "varde"): "a year",
    (
        "ange",
        "scenario",
        "leverantorer_antal",
        "varde",
    ): "follows from the wording: one contractor, printed as no number",
    ("huddinge", "driftformer", "Nynäshamn", "upphandlingar_antal"): "printed as an ordinal: the second time",
}
# A printed figure that stands in two tables is tied to one of them by `publicerat`. These cells hold it
# once more: `rad` and `kolumn` of the printed figure, and how many of the cell's units one of its own is.
SECOND_PLACES = {
    ("bjuv", "scenario", "brukare_antal", "varde"): ("Beslut som kommunens bolag verkställer", "november 2023", 1),
    ("bjuv", "scenario", "brukare_andra_antal", "varde"): (
        "Brukare som har valt en annan utförare",
        "november 2023",
        1,
    ),
    ("bjuv", "scenario", "ersattning_kr_per_timme", "varde"): ("Schablonbelopp", "2023", 1),
    ("bjuv", "scenario", "egna_forsta_timmar_tkr", "varde"): (
        "De första timmarna hos kommunens bolag, kostnad",
        "",
        1000,
    ),
    ("ange", "scenario", "timmar_per_vecka", "varde"): ("Timmar i veckan, samma brukare", "oktober 2023", 1),
    ("ange", "scenario", "brukare_antal", "varde"): ("Brukare hos kommunen", "oktober 2023", 1),
    ("ange", "scenario", "ersattning_kr_per_timme", "varde"): (
        "Statens ersättning för en timme, den lägre gränsen",
        "2023",
        1,
    ),
    ("ange", "scenario", "ersattning_hojd_kr_per_timme", "varde"): (
        "Statens ersättning för en timme, den övre gränsen",
        "2023",
        1,
    ),
    ("huddinge", "scenario", "brukare_sfb_antal", "varde"): ("Brukare med beslut enligt SFB", "december 2023", 1),
    ("huddinge", "scenario", "leverantorer_antal", "varde"): (
        "Leverantörer som Nynäshamn och Tyresö har upphandlat, i var och en",
        "",
        1,
    ),
}
# A cell of this status was worked out from others, and is printed nowhere unless `publicerat` points at it.
DERIVED_STATUS = "harledd"


@dataclass(frozen=True)
class Cell:
    """A cell with a number that the document prints, and the size of one unit in its last printed digit."""

    slug: str
    national: bool
    table: str
    index: int
    column: str
    unit: Decimal

    def __str__(self) -> str:
        return f"{self.slug}/{self.table}, rad {self.index + 2}, {self.column}"


def _cells(slug: str, pointed_at: Collection) -> Iterator[Cell]:
    municipality = MUNICIPALITIES[slug]
    folders = (
        (False, DATA / "kommuner" / slug, MUNICIPAL_TABLES, municipality.tables),
        (True, DATA / "nationellt", NATIONAL_TABLES, municipality.national),
    )
    for national, folder, specs, tables in folders:
        for name, frame in tables.items():
            if name in TABLES_WITHOUT_FIGURES:
                continue
            written = pd.read_csv(folder / f"{name}.csv", sep=";", dtype=str, keep_default_na=False)
            for column in specs[name].columns:
                exempt = column.name == "ordning" or (name, column.name) in COLUMNS_WITHOUT_FIGURES
                if column.kind not in ("integer", "number") or exempt:
                    continue
                for index, row in frame.iterrows():
                    printed = row["status"] != DERIVED_STATUS or (national, name, index, column.name) in pointed_at
                    own = row["kalla"] == municipality.document and printed
                    named = (slug, name, row.iloc[0], column.name)
                    if own and pd.notna(row[column.name]) and named not in {**CELLS_WITHOUT_FIGURES, **SECOND_PLACES}:
                        decimals = len(written.loc[index, column.name].replace(".", ",").partition(",")[2])
                        yield Cell(slug, national, name, index, column.name, Decimal(1).scaleb(-decimals))


def _printed_units(slug: str) -> dict[tuple[bool, str, int, str], Decimal]:
    """Return the last printed digit's unit, in the cell's own unit, of cells that a row of `publicerat` points at.

    A document may print 10 million where the table holds 10 000 tkr.
    """
    municipality, found = MUNICIPALITIES[slug], {}
    for _, row in municipality.tables["publicerat"].iterrows():
        kind, _, name = row["matt"].partition(":")
        if kind not in ("tabell", "nationellt") or row["nyckel"].startswith(("antal(", "summa(", "medel(")):
            continue
        frame = (municipality.tables if kind == "tabell" else municipality.national)[name]
        for column, value in re.findall(r"(\w+)=([^,)]+)", row["nyckel"]):
            frame = frame[frame[column].astype(str) == value]
        printed = read_printed(row["tryckt"])
        for index, cell in frame[row["varde"]].items():
            looked_up = abs(RESOLVERS[slug].value(*row[["matt", "urval", "nyckel", "varde", "enhet"]]))
            factor = float(looked_up / abs(cell)) if cell else 1.0
            unit = Decimal(1).scaleb(-printed.decimals) / Decimal(repr(round(factor, 9)))
            found[kind == "nationellt", name, index, row["varde"]] = unit
    return found


class _Recording(dict):
    """Tables that note which of them are asked for."""

    def __init__(self, tables, asked: set, national: bool):
        super().__init__(tables)
        self.note = lambda name: asked.add((national, name))

    def __getitem__(self, name):
        self.note(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        self.note(name)
        return super().get(name, default)


def _rows_by_table(slug: str) -> dict[tuple[bool, str], list[pd.Series]]:
    """Return the agreeing rows of `publicerat` that rest on each table."""
    municipality, asked = MUNICIPALITIES[slug], set()
    recorded = dataclasses.replace(
        municipality,
        tables=_Recording(municipality.tables, asked, False),
        national=_Recording(municipality.national, asked, True),
    )
    found, needs = {}, {}
    for _, row in municipality.tables["publicerat"].iterrows():
        if not row["matt"] or row["orsak"]:
            continue
        source = row["matt"], row["urval"]
        if source not in needs:
            asked.clear()
            judge(Resolver(recorded), row)
            needs[source] = set(asked)
        for table in needs[source]:
            found.setdefault(table, []).append(row)
    return found


def _altered(municipality: Municipality, cell: Cell, change: Decimal) -> Municipality:
    field = "national" if cell.national else "tables"
    tables = getattr(municipality, field)
    frame = tables[cell.table].copy()
    kind = frame[cell.column].dtype.kind
    value = Decimal(repr(frame.loc[cell.index, cell.column].item())) + change
    frame.loc[cell.index, cell.column] = float(value) if kind == "f" else int(value)
    return dataclasses.replace(municipality, **{field: {**tables, cell.table: frame}})


def _is_caught(municipality: Municipality, rows: list[pd.Series]) -> bool:
    resolver = Resolver(municipality)
    for row in rows:
        try:
            if judge(resolver, row)[0] != "stammer":
                return True
        except (UnknownFigure, MissingData):
            return True
    return False


@pytest.mark.parametrize("slug", DOCUMENTS)
def test_a_cell_altered_by_one_in_its_last_printed_digit_is_caught(slug):
    assert slug in LISTED, f"data/kommuner/{slug}/publicerat.csv saknas"
    municipality, units, resting = MUNICIPALITIES[slug], _printed_units(slug), _rows_by_table(slug)
    unseen = []
    for cell in _cells(slug, units):
        unit = units.get((cell.national, cell.table, cell.index, cell.column), cell.unit)
        rows = resting.get((cell.national, cell.table), [])
        unseen += [
            f"{cell}: {change:+f}"
            for change in (-unit, unit)
            if not _is_caught(_altered(municipality, cell, change), rows)
        ]
    assert unseen == []


@pytest.mark.parametrize("place", SECOND_PLACES)
def test_a_figure_that_stands_in_two_tables_is_as_printed_in_the_second_too(place):
    line, when, units = SECOND_PLACES[place]
    listed = MUNICIPALITIES[place[0]].tables["publicerat"]
    (printed,) = {_figure(text) for text in listed[(listed["rad"] == line) & (listed["kolumn"] == when)]["tryckt"]}
    (cell,) = _named(*place)
    assert cell == pytest.approx(printed[0] * units, abs=1e-9)


@pytest.mark.parametrize("place", CELLS_WITHOUT_FIGURES)
def test_no_exempt_cell_outlives_itself(place):
    assert len(_named(*place)) == 1


def _named(slug: str, table: str, name: str, column: str) -> pd.Series:
    municipality = MUNICIPALITIES[slug]
    frame = {**municipality.national, **municipality.tables}[table]
    return frame[(frame.iloc[:, 0] == name) & (frame["kalla"] == municipality.document)][column]


@pytest.mark.parametrize(("table", "column"), COLUMNS_WITHOUT_FIGURES)
def test_no_exempt_column_outlives_itself(table, column):
    specs = {**MUNICIPAL_TABLES, **NATIONAL_TABLES}
    assert column in {spec.name for spec in specs[table].columns}


# --- Malmö's tables ---------------------------------------------------------------------------------------------

MALMO = MUNICIPALITIES["malmo"]
TABLE_ROWS = [
    parameter
    for parameter in ROWS
    if parameter.values[0] == "malmo" and re.search(", tabell |, diagram$", parameter.values[1]["plats"])
]


def test_the_tables_of_malmo_are_covered():
    # Counted by hand in the document: twelve tables and the chart's two series.
    assert len({parameter.values[1]["plats"] for parameter in TABLE_ROWS}) == 13
    assert len(TABLE_ROWS) == 291


@pytest.mark.parametrize("year", range(2020, 2026))
def test_parts_sum_to_the_printed_whole(year):
    economy = MALMO.tables["ekonomi"]
    printed = {
        row["varde"]: read_printed(row["tryckt"]).value
        for _, row in (parameter.values for parameter in TABLE_ROWS)
        if row["matt"] == "budget_outcome" and row["urval"] == "totalt" and row["kolumn"] == str(year)
    }
    parts = economy[economy["ar"] == year]
    assert parts["budget_tkr"].sum() == printed["budget_tkr"]
    assert -parts["nettokostnad_tkr"].sum() == printed["nettokostnad_tkr"]


def _cells_by_table() -> dict[str, set[str]]:
    """The cells of every table with a download in the committed chapters, by the result's id."""
    found = {}
    for path in (DATA.parent / "chapters").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                page = "".join(output.get("data", {}).get("text/html", ""))
                for id_, body in re.findall(r'id="tabell-([^"]+)".*?<tbody>(.*?)</tbody>', page, flags=re.S):
                    found[id_] = set(re.findall(r"<td[^>]*>(.*?)</td>", body))
    return found


COMMITTED_CELLS = _cells_by_table()


@pytest.mark.parametrize(("slug", "row"), TABLE_ROWS)
def test_a_figure_in_a_table_stands_in_the_book(slug, row):
    selection = row["urval"].split("/")[0]
    table = COMMITTED_CELLS[f"{row['matt']}-{selection}" if selection else row["matt"]]
    value = read_printed(row["tryckt"]).value
    if row["varde"] == "nettokostnad_tkr":
        value = abs(value) if "procent" not in row["kolumn"] else value
    assert number(value) + ("\u00a0%" if row["enhet"] == "procent" else "") in table


# --- What does not go together ----------------------------------------------------------------------------------

SLUG_OF_SOURCE = {municipality.document: slug for slug, municipality in MUNICIPALITIES.items()}
CONTRADICTIONS = [
    pytest.param(slug, row, id=f"{slug}-{row['ordning']}")
    for slug, table in [
        *((slug, municipality.tables.get("motsagelser")) for slug, municipality in MUNICIPALITIES.items()),
        ("nationellt", MALMO.national["motsagelser"]),
    ]
    if table is not None
    for _, row in table.iterrows()
]


def _malmo(source: str, argument: str, key: str, column: str) -> float:
    return RESOLVERS["malmo"].value(source, argument, key, column, "")


def _amount(year: str) -> float:
    return _malmo("parameter:schablonbelopp", "", year, "varde")


def _input(slug: str, name: str) -> float:
    return RESOLVERS[slug].value("tabell:scenario", "", f"indata={name}", "varde", "")


def _choices(column: str) -> float:
    return RESOLVERS["bjuv"].value("nationellt:val_av_utforare_riket", "", "beslut_av=forsakringskassan", column, "")


def _procured(key: str, column: str = "") -> float:
    return RESOLVERS["bjuv"].value("nationellt:driftformer", "", key, column, "antal")


def _year_of_hours(slug: str, year: int) -> float:
    """The first hours of a municipality's own users during a year."""
    first = RESOLVERS[slug].value("parameter:forsta_timmar", "", str(year), "varde", "")
    return _input(slug, "brukare_antal") * first * days_in_year(year) / 7


def _without_income(rate: str) -> float:
    return _input("ange", "timmar") * (_input("ange", "kostnad_kr_per_timme") - _input("ange", rate)) / 1e6


# Numbers that no document prints: they follow from those that it does.
DERIVED: dict[tuple[str, int, str], Callable[[], float]] = {
    ("malmo", 1, "andra_tal"): lambda: _malmo("hours", "lss", "2021", "budget_timmar") * _amount("2021") / 1000,
    ("malmo", 2, "andra_tal"): lambda: _malmo("hours", "lss", "2021", "avvikelse_timmar") * _amount("2021") / 1000,
    ("malmo", 3, "forsta_tal"): lambda: _malmo("users_1_october", "lss", "2023–2024", "Malmö"),
    ("malmo", 3, "andra_tal"): lambda: _malmo("users_1_october", "lss", "2022–2023", "Malmö"),
    ("malmo", 4, "forsta_tal"): lambda: _malmo("hours_per_user", "lss", "2022–2025", "timmar_per_brukare_manad"),
    ("malmo", 4, "andra_tal"): lambda: _malmo("hours_per_user", "lss", "2020–2022", "timmar_per_brukare_manad"),
    ("malmo", 6, "forsta_tal"): lambda: _malmo("users", "sfb", "2023–2024", "utfall_antal"),
    ("malmo", 6, "andra_tal"): lambda: _malmo("users_1_october", "sfb", "2023–2024", "Malmö"),
    ("malmo", 7, "forsta_tal"): lambda: _malmo("budget_outcome", "totalt", "2022–2023 %", "nettokostnad_tkr"),
    ("malmo", 7, "andra_tal"): lambda: _malmo("cost_per_inhabitant", "", "2022–2023 %", "Malmö"),
    ("huddinge", 1, "andra_tal"): lambda: (
        RESOLVERS["huddinge"].value("tabell:egen_regi", "", "ar=2023, lag=sfb", "utforda_timmar", "timmar")
        * RESOLVERS["huddinge"].value("highest_payment", "", "2023", "hogsta_kr_per_timme", "")
        / 1000
    ),
    ("bjuv", 4, "forsta_tal"): lambda: sum(
        _choices(f"{choice}_procent") for choice in ("kommunen", "foretag", "kooperativ", "egen_arbetsgivare")
    ),
    ("bjuv", 4, "andra_tal"): lambda: 100.0,
    ("bjuv", 5, "forsta_tal"): lambda: _procured("summa(driftform=lou, kalla=bjuv_2023)", "forekomster"),
    ("bjuv", 5, "andra_tal"): lambda: _procured("antal(driftform=lou, kalla=bjuv_2023)"),
    ("bjuv", 7, "andra_tal"): lambda: _input("bjuv", "timmar") * _amount("2022") / 1e6,
    ("bjuv", 8, "andra_tal"): lambda: _year_of_hours("bjuv", 2023) * _input("bjuv", "ersattning_kr_per_timme") / 1e6,
    ("ange", 1, "forsta_tal"): lambda: _input("ange", "timmar_per_manad") * 12 / days_in_year(2023) * 7,
    ("ange", 2, "forsta_tal"): lambda: _input("ange", "timmar_per_manad") * 12,
    ("ange", 2, "andra_tal"): lambda: _input("ange", "timmar"),
    ("ange", 3, "forsta_tal"): lambda: _input("ange", "timmar_per_vecka") * days_in_year(2023) / 7,
    ("ange", 3, "andra_tal"): lambda: _input("ange", "timmar"),
    ("ange", 4, "andra_tal"): lambda: _without_income("ersattning_kr_per_timme"),
    ("ange", 5, "andra_tal"): lambda: _without_income("ersattning_hojd_kr_per_timme"),
}


@pytest.mark.parametrize(("slug", "row"), CONTRADICTIONS)
def test_a_contradiction_is_between_the_documents_that_its_table_says(slug, row):
    if slug == "nationellt":
        assert row["kalla"] != row["kalla_2"]
        assert row["kalla"] in SLUG_OF_SOURCE
    else:
        assert row["kalla"] == row["kalla_2"] == MUNICIPALITIES[slug].document


@pytest.mark.parametrize(("slug", "row"), CONTRADICTIONS)
def test_a_contradiction_follows_from_the_data_and_still_differs(slug, row):
    assert pd.isna(row["forsta_tal"]) == pd.isna(row["andra_tal"])
    if pd.isna(row["forsta_tal"]):
        return
    assert row["forsta_tal"] != row["andra_tal"]
    for column, source, text in (
        ("forsta_tal", row["kalla"], row["forsta_tryckt"]),
        ("andra_tal", row["kalla_2"], row["andra_tryckt"]),
    ):
        if (slug, row["ordning"], column) in DERIVED:
            decimals = len(f"{row[column]:g}".partition(".")[2])
            assert Printed(row[column], decimals).agrees(DERIVED[slug, row["ordning"], column]())
        else:
            # Printed by the document itself, and quoted as it is printed.
            assert read_printed(text).value == row[column]
            assert row[column] in {value for value, _ in LISTED[SLUG_OF_SOURCE[source]]}


@pytest.mark.parametrize(("slug", "order", "column"), DERIVED)
def test_no_derivation_outlives_its_contradiction(slug, order, column):
    assert any(
        parameter.values[0] == slug
        and parameter.values[1]["ordning"] == order
        and pd.notna(parameter.values[1][column])
        for parameter in CONTRADICTIONS
    )


def test_the_lss_budget_in_hours_and_in_kronor_differ_in_2021_only():
    hours, budget = (
        {year: _malmo(name, "lss", str(year), column) for year in range(2020, 2026)}
        for name, column in (("hours", "budget_timmar"), ("budget_outcome", "budget_tkr"))
    )
    share = {year: abs(hours[year] * _amount(str(year)) / 1000 / budget[year] - 1) for year in hours}
    assert {year for year in share if share[year] > 0.005} == {2021}


def test_fewer_left_the_lss_count_in_2024_than_in_2023_in_malmo_and_skane_only():
    change = {
        (area, year): _malmo("users_1_october", "lss", f"{year - 1}–{year}", area)
        for area in ("Riket", "Skåne", "Göteborg", "Malmö")
        for year in (2023, 2024)
    }
    larger = {area for area, _ in change if change[area, 2024] < change[area, 2023]}
    assert larger == {"Riket", "Göteborg"}
