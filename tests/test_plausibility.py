"""Figures that cannot both be right: each rule where it warns and where it does not, and what an analyst may say."""

from __future__ import annotations

import csv
import dataclasses
import io
import shutil
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import openpyxl
import pytest
import yaml
from conftest import DATA, edit
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import cli
from analysis.measures.dates import time_words
from analysis.measures.evidence import times_text
from analysis.measures.plausibility import RULES, review
from analysis.measures.schablon import days_in_year
from analysis.sources import DataError, load_municipality
from analysis.sources.cells import number_text
from analysis.sources.doubts import GUIDE, Cell, Doubt, Figure, said, summary
from analysis.sources.municipality import SmallNumbers
from analysis.sources.reader import read_table
from analysis.sources.registers import BOUNDS
from analysis.sources.schema import MUNICIPAL_TABLES, NATIONAL_TABLES

SOURCE = "malmo_2025"
AREA = "Provköping"
# Malmö shows its small counts; a new municipality does not.
BASE = dataclasses.replace(load_municipality("malmo"), small_numbers=SmallNumbers())
RATE = BASE.parameters["schablonbelopp"]
Tables = dict[str, list[dict]]


# --- A municipality made up for the tests ---------------------------------------------------------------


def first_hours_cost(year: int, users: float) -> int:
    """The cost in tkr of the hours that the municipality pays for users with SFB."""
    return round(users * 20 * days_in_year(year) / 7 * RATE.in_year(year).value / 1000)


def hours_cost(year: int, hours: float, price: float = 1.0) -> int:
    """The cost in tkr of hours at a price in relation to the schablonbelopp."""
    return round(hours * RATE.in_year(year).value * price / 1000)


def sound() -> Tables:
    """Every table that a rule reads, with figures that agree; 2021 to 2023."""
    tables: Tables = {name: [] for name in ("ekonomi", "brukare", "timmar", "egen_regi", "konton")}
    users = {2021: 80, 2022: 82, 2023: 85}
    hours = {2021: 100100, 2022: 102300, 2023: 104500}
    own = {2021: (30011, 8007, 15, 5), 2022: (30511, 8107, 16, 5), 2023: (31013, 8209, 16, 6)}
    accounts = {2021: (2000, 9001, 12502), 2022: (2100, 9201, 12908), 2023: (2099, 9401, 13203)}
    for year in users:
        sales, grant, staff = accounts[year]
        parts = {
            "sfb": (first_hours_cost(year, users[year] - 1), first_hours_cost(year, users[year])),
            "lss": (hours_cost(year, hours[year] - 600), hours_cost(year, hours[year], 1.02)),
            "utforare": (1000 + year, staff - sales - grant),
        }
        parts["totalt"] = tuple(map(sum, zip(*parts.values(), strict=True)))
        tables["ekonomi"] += [
            {"ar": year, "verksamhet": part, "budget_tkr": budget, "nettokostnad_tkr": cost}
            for part, (budget, cost) in parts.items()
        ]
        sfb_hours, lss_hours, sfb_users, lss_users = own[year]
        for part, budget, count in (("sfb", users[year] - 1, users[year]), ("lss", 40, 42), ("utforare", None, 20)):
            tables["brukare"].append({"ar": year, "verksamhet": part, "budget_antal": budget, "utfall_antal": count})
        for part, budget, time in (
            ("sfb", None, users[year] * 1871),
            ("lss", hours[year] - 600, hours[year]),
            ("utforare", None, sfb_hours + lss_hours),
        ):
            tables["timmar"].append({"ar": year, "verksamhet": part, "budget_timmar": budget, "utfall_timmar": time})
        for law, time, count in (("sfb", sfb_hours, sfb_users), ("lss", lss_hours, lss_users)):
            tables["egen_regi"].append(
                {
                    "ar": year,
                    "lag": law,
                    "utforda_timmar": time,
                    "brukare_antal": count,
                    "brukare_tidpunkt": f"{year}-12",
                }
            )
        for account, name, kind, amount in (
            ("11", "Försäljning", "intakt", sales),
            ("12", "Bidrag", "intakt", grant),
            ("20", "Personal", "kostnad", staff),
        ):
            tables["konton"].append(
                {"ar": year, "konto": account, "benamning": name, "slag": kind, "belopp_tkr": amount}
            )
    last = {row["verksamhet"]: row for row in tables["ekonomi"] if row["ar"] == 2023}["totalt"]
    tables |= {
        "floden": [
            {"ar": 2022, "grupp": "alla", "fran_lss_antal": 3, "nya_antal": 10, "avslutade_antal": 7},
            {"ar": 2023, "grupp": "alla", "fran_lss_antal": 2, "nya_antal": 9, "avslutade_antal": 6},
            {"ar": 2022, "grupp": "barn", "fran_lss_antal": 1, "nya_antal": 4, "avslutade_antal": 2},
        ],
        "bidrag": [{"ar": 2021, "verksamhet": "sfb", "belopp_tkr": 500, "beskrivning": "Bidrag"}],
        "engangsposter": [{"ar": 2022, "verksamhet": "sfb", "belopp_tkr": 300, "hor_till_ar": None,
                           "beskrivning": "Debitering"}],
        "tillskott": [{"ar": 2022, "beskrivning": "Anslag", "belopp_tkr": 400}],
        "prognoser": [
            {"avser_ar": 2023, "ordning": 1, "tillfalle": "Delårsrapport 2023", "budgetavvikelse_mnkr": -0.5},
            {"avser_ar": 2023, "ordning": 2, "tillfalle": "Bokslut 2023",
             "budgetavvikelse_mnkr": (last["budget_tkr"] - last["nettokostnad_tkr"]) / 1000},
        ],
        "val_av_utforare": [
            {"tidpunkt": "2023-12", "lag": law, "totalt_antal": count, "kommunen_antal": own_users,
             "egen_arbetsgivare_antal": 2}
            for law, count, own_users in (("sfb", 85, 16), ("lss", 42, 6))
        ] + [{"tidpunkt": "2023-12", "lag": "alla", "totalt_antal": 127, "kommunen_antal": 22,
              "egen_arbetsgivare_antal": 4}],
        "scenario": [
            {"indata": name, "driftform": form, "varde": value, "enhet": unit, "beskrivning": name.replace("_", " ")}
            for name, form, value, unit in (
                ("ar", "alla", 2023, "år"),
                ("timmar", "alla", 39222, "timmar"),
                ("timmar_per_manad", "alla", 3268.5, "timmar"),
                ("timmar_per_vecka", "alla", 752.2, "timmar"),
                ("brukare_antal", "alla", 22, "antal"),
                ("brukare_sfb_antal", "alla", 16, "antal"),
                ("kostnad_kr_per_timme", "egen_regi", 336.62, "kr per timme"),
                ("ersattning_kr_per_timme", "alla", 324.5, "kr per timme"),
                ("ersattning_hojd_kr_per_timme", "alla", 363.44, "kr per timme"),
                ("hojd_andel", "alla", 0.1, "andel"),
                ("egna_forsta_timmar_tkr", "alla", 5000, "tkr"),
            )
        ],
        "fakta": [
            {"uppgift": "jour", "tidpunkt": "2023", "varde": 1.2, "enhet": "mnkr", "beskrivning": "Jour"},
            {"uppgift": "minskning", "tidpunkt": "", "varde": 0.5, "enhet": "andel", "beskrivning": "Minskning"},
        ],
        "loner": [{"fran_ar": 2021, "till_ar": 2023, "grupp": "Assistenter", "okning_procent": 5.5}],
        "publicerat": [
            {"plats": "Tabell 1", "rad": "Budget", "kolumn": "2023", "tryckt": str(last["budget_tkr"]), "enhet": "tkr",
             "slag": "beraknad", "matt": "budget_outcome", "urval": "totalt", "nyckel": "2023", "varde": "budget_tkr"}
        ],
        "befolkning": [{"ar": 2021, "omrade": AREA, "invanare_antal": 60000}],
        "kostnad_per_invanare": [{"ar": 2021, "omrade": AREA, "kostnad_kr_per_inv": 1001}],
        "brukare_1_oktober": [{"ar": 2021, "verksamhet": "sfb", "omrade": AREA, "antal": 81}],
        "brukare_december": [{"ar": 2021, "omrade": AREA, "antal": 79}],
        "val_av_utforare_riket": [
            {"beslut_av": "kommun", "kommunen_procent": 40, "foretag_procent": 50, "kooperativ_procent": 6,
             "egen_arbetsgivare_procent": 4, "antal": 4811}
        ],
    }  # fmt: skip
    return tables


def doubts(folder: Path, tables: Mapping[str, list[dict]], last: int = 2023) -> list[Doubt]:
    """Write the tables, read them back, and return the doubts about them."""
    found: dict[str, dict] = {"tables": {}, "national": {}}
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    for name, rows in tables.items():
        kind, home, specs = (
            ("tables", data / "kommuner/prov", MUNICIPAL_TABLES)
            if name in MUNICIPAL_TABLES
            else ("national", data / "nationellt", NATIONAL_TABLES)
        )
        home.mkdir(parents=True, exist_ok=True)
        out = io.StringIO(newline="")
        names = [column.name for column in specs[name].all_columns]
        writer = csv.DictWriter(out, names, delimiter=";")
        writer.writeheader()
        for row in rows:
            row = ({"kalla": SOURCE, "plats": "Tabell 1"} if "kalla" in names else {}) | row
            writer.writerow(
                {key: number_text(value) if isinstance(value, (int, float)) else value for key, value in row.items()}
            )
        path = home / f"{name}.csv"
        path.write_text(out.getvalue(), encoding="utf-8", newline="")
        found[kind][name], faults = read_table(path, specs[name], BASE.sources, name)
        assert not faults, faults
        found[kind][name].attrs["table"] = specs[name].title
    municipality = dataclasses.replace(
        BASE, slug="prov", area=AREA, first_year=2021, last_year=last, acknowledged=(), document=SOURCE, **found
    )
    return list(review(municipality, data).doubts)


def changed(tables: Tables, edits: Mapping[tuple, object]) -> list[tuple[str, int, str]]:
    """Change cells, each named by its table, what its row holds, and its column; return where they stand."""
    places = []
    for (name, selection, column), value in edits.items():
        [index] = [
            number for number, row in enumerate(tables[name]) if all(row[key] == wanted for key, wanted in selection)
        ]
        tables[name][index][column] = value
        places.append((name, index + 2, column))
    return places


def at(table: str, column: str, **selection: object) -> tuple:
    """Name a cell."""
    return table, tuple(selection.items()), column


def test_figures_that_agree_give_no_warning(tmp_path):
    assert [str(doubt) for doubt in doubts(tmp_path, sound())] == []


# The rule, the cells that are changed, and what the message must say besides the new values and their rows.
SFB22, LSS22, ALL21 = (
    {"ar": 2022, "verksamhet": "sfb"},
    {"ar": 2022, "verksamhet": "lss"},
    {"ar": 2021, "verksamhet": "totalt"},
)
CASES = [
    ("helhet_och_delar", {at("ekonomi", "budget_tkr", **ALL21): 99000}, ["SFB 25 952 tkr", "LSS 31 342 tkr"]),
    ("helhet_och_delar", {at("ekonomi", "nettokostnad_tkr", **ALL21): 26280}, ["lika stor som SFB ensam"]),
    ("del_av_helheten", {at("brukare", "utfall_antal", ar=2021, verksamhet="utforare"): 180}, ["SFB 80", "LSS 42"]),
    ("del_av_helheten", {at("egen_regi", "utforda_timmar", ar=2021, lag="lss"): 100700}, ["100 100"]),
    ("del_av_helheten", {at("floden", "nya_antal", ar=2022, grupp="barn"): 11}, ["alla nya 10"]),
    ("del_av_helheten", {at("floden", "fran_lss_antal", ar=2023, grupp="alla"): 10}, ["nya totalt 9"]),
    ("storre_an_kostnaden", {at("bidrag", "belopp_tkr", ar=2021): 500000}, ["26 280 tkr"]),
    ("storre_an_kostnaden", {at("engangsposter", "belopp_tkr", ar=2022): -300000}, ["27 339 tkr"]),
    ("storre_an_kostnaden", {at("tillskott", "belopp_tkr", ar=2022): 400000}, ["12 908 tkr"]),
    ("kostnad_per_timme", {at("timmar", "utfall_timmar", **LSS22): 10230}, ["33 359 tkr", "10,2 gånger"]),
    ("kostnad_per_timme", {at("ekonomi", "nettokostnad_tkr", **LSS22): 43360}, ["102 300 timmar", "1,33 gånger"]),
    ("kostnad_per_timme", {at("konton", "belopp_tkr", ar=2021, konto="20"): 125020}, ["38 018 timmar", "10,44 gånger"]),
    ("kostnad_per_timme", {at("timmar", "utfall_timmar", ar=2021, verksamhet="sfb"): 1497}, ["26 280 tkr"]),
    ("kostnad_per_brukare", {at("ekonomi", "nettokostnad_tkr", **SFB22): 72340}, ["82 personer", "2,65 gånger"]),
    ("budget_i_kronor_och_volym", {at("ekonomi", "budget_tkr", **LSS22): 36513}, ["101 700 timmar", "112,3 procent"]),
    ("budget_i_kronor_och_volym", {at("brukare", "budget_antal", **SFB22): 91}, ["27 006 tkr", "30 340 tkr"]),
    ("avvikelse_i_kronor_och_timmar",
     {at("ekonomi", "budget_tkr", **LSS22): 34000, at("timmar", "budget_timmar", **LSS22): 90000}, ["−12 300 timmar"]),
    ("bidrag_och_timmar", {at("konton", "belopp_tkr", ar=2021, konto="12"): 11001}, ["30 011 timmar", "10 588 tkr"]),
    ("kostnad_per_invanare", {at("kostnad_per_invanare", "kostnad_kr_per_inv", ar=2021): 100}, ["60 000 personer"]),
    ("konton_och_ekonomi", {at("konton", "belopp_tkr", ar=2022, konto="11"): 1200}, ["1 607 tkr", "2 507 tkr"]),
    ("hopp", {at("ekonomi", "budget_tkr", ar=2022, verksamhet="utforare"): 3022000}, ["3 021 tkr", "3 023 tkr"]),
    ("hopp", {at("egen_regi", "utforda_timmar", ar=2023, lag="lss"): 0}, ["8 107 timmar", "2023 är det noll"]),
    ("hopp", {at("konton", "belopp_tkr", ar=2023, konto="11"): 20}, ["2 100 tkr", "105 gånger mindre"]),
    ("budget_och_utfall", {at("brukare", "budget_antal", ar=2021, verksamhet="lss"): 140}, ["42 personer"]),
    ("samma_belopp", {at("timmar", "utfall_timmar", ar=2021, verksamhet="lss"): 100110,
                      at("timmar", "utfall_timmar", **LSS22): 100110}, ["LSS 2021 100 110 timmar"]),
    ("budget_och_utfall", {at("ekonomi", "nettokostnad_tkr", **LSS22): 33}, ["gånger utfallet; väntat är att"]),
    ("kostnad_per_timme", {at("ekonomi", "nettokostnad_tkr", **LSS22): 33359000}, ["326 090 kr per timme, 1 "]),
    ("budget_i_kronor_och_volym", {at("ekonomi", "budget_tkr", **LSS22): 36513000}, ["omkring 1 100 gånger så stor."]),
    ("negativ_kostnad", {at("ekonomi", "nettokostnad_tkr", **SFB22): -27340}, ["med minus"]),
    ("negativ_kostnad", {at("konton", "belopp_tkr", ar=2022, konto="20"): -12908}, ["med minus"]),
    ("utanfor_perioden", {at("bidrag", "ar", ar=2021): 2019}, ["2021–2023"]),
    ("utanfor_perioden", {at("egen_regi", "brukare_tidpunkt", ar=2021, lag="sfb"): "2022-12"},
     ["ett annat år, i december 2022: 2021, brukare i december 2022, 15"]),
    ("brukare_och_timmar", {at("timmar", "utfall_timmar", ar=2022, verksamhet="utforare"): 0}, ["20 personer"]),
    ("brukare_och_timmar", {at("brukare", "utfall_antal", ar=2022, verksamhet="utforare"): 0}, ["38 618 timmar"]),
    ("brukare_och_timmar", {at("egen_regi", "utforda_timmar", ar=2021, lag="sfb"): 300110}, ["15 personer", "54,81"]),
    ("timmar_pa_tre_satt", {at("scenario", "varde", indata="timmar_per_vecka"): 552.2}, ["39 222", "3 268,5"]),
    ("nettoinflode", {at("floden", "nya_antal", ar=2023, grupp="alla"): 90}, ["82 personer", "85 personer"]),
    ("nettoinflode", {at("floden", "avslutade_antal", ar=2022, grupp="alla"): 97}, ["nya 10", "ändrades med 2"]),
    ("brukare_vid_tidpunkt", {at("brukare_1_oktober", "antal", ar=2021): 108},
     ["Antalet brukare med SFB den 1 oktober 2021 ligger långt från årets snitt", "snitt 80", "35 procent"]),
    ("brukare_vid_tidpunkt", {at("brukare_december", "antal", ar=2021): 18},
     ["Antalet brukare med SFB i december 2021 ligger", "snitt 80"]),
    ("brukare_vid_tidpunkt", {at("val_av_utforare", "totalt_antal", lag="sfb"): 185},
     ["Antalet brukare med SFB i december 2023 ligger långt från årets snitt: i december 2023 185 personer"]),
    ("val_av_utforare", {at("val_av_utforare", "kommunen_antal", lag="lss"): 43},
     ["Fler har valt utförare i december 2023 än som har assistans (LSS)", "alla (LSS) 42"]),
    ("val_av_utforare", {at("val_av_utforare", "totalt_antal", lag="alla"): 128},
     ["Valet av utförare i december 2023: alla är inte", "(SFB) 85", "(LSS) 42"]),
    ("samma_uppgift", {at("egen_regi", "brukare_antal", ar=2023, lag="sfb"): 17},
     ["Kommunens brukare i december 2023 (SFB)", "val av utförare 16"]),
    ("samma_uppgift", {at("timmar", "utfall_timmar", ar=2022, verksamhet="utforare"): 36618},
     ["SFB 30 511 timmar", "LSS 8 107 timmar", "tillsammans 38 618 timmar"]),
    ("brukare_vid_tidpunkt", {at("brukare", "utfall_antal", ar=2022, verksamhet="utforare"): 12},
     ["Antalet brukare i egen regi 2022 ligger långt", "SFB 16 personer", "LSS 5 personer",
      "De skiljer 9 personer, 75 procent"]),
    ("samma_uppgift", {at("scenario", "varde", indata="timmar"): 41222}, ["31 013", "8 209", "39 222"]),
    ("samma_uppgift", {at("scenario", "varde", indata="brukare_sfb_antal"): 15}, ["SFB 16"]),
    ("samma_uppgift", {at("scenario", "varde", indata="kostnad_kr_per_timme"): 366.62}, ["13 203 tkr", "336,62 kr"]),
    ("angiven_avvikelse", {at("prognoser", "budgetavvikelse_mnkr", ordning=2): 1.8}, ["är 0,109 mnkr"]),
    ("tryckt_siffra", {at("publicerat", "tryckt", plats="Tabell 1"): "70 000"}, ["Tabellerna ger"]),
    ("fel_enhet", {at("prognoser", "budgetavvikelse_mnkr", ordning=1): -500}, ["mnkr. Se efter om beloppet är i tkr"]),
    ("fel_enhet", {at("scenario", "enhet", indata="egna_forsta_timmar_tkr"): "mnkr"}, ["5 000 mnkr", "inte tkr"]),
    ("fel_enhet", {at("scenario", "varde", indata="egna_forsta_timmar_tkr"): 5000000}, ["39 222", "336,62"]),
    ("fel_enhet", {at("fakta", "varde", uppgift="jour"): 1200}, ["gånger kostnaden"]),
    ("andel", {at("fakta", "varde", uppgift="minskning"): 50}, ["större än 2"]),
    ("andel", {at("scenario", "varde", indata="hojd_andel"): 10}, ["större än 1"]),
    ("belopp_per_timme", {at("scenario", "varde", indata="ersattning_kr_per_timme"): 332.6}, ["2024", "324,5 kr"]),
    ("belopp_per_timme", {at("scenario", "varde", indata="ersattning_hojd_kr_per_timme"): 372.51}, ["2024", "363,44"]),
    ("belopp_per_timme", {at("scenario", "varde", indata="ersattning_kr_per_timme"): 400}, ["363,44 kr"]),
    ("belopp_per_timme", {at("scenario", "varde", indata="kostnad_kr_per_timme"): 3366.2}, ["324,5 kr", "10,37 gång"]),
    ("loneokning", {at("loner", "okning_procent", fran_ar=2021): 0.055}, ["0,028 procent per år"]),
    ("loneokning", {at("loner", "till_ar", fran_ar=2021): 2021}, ["5,5 procent"]),
    ("andelar_i_riket", {at("val_av_utforare_riket", "foretag_procent", beslut_av="kommun"): 48},
     ["kommunen 40 procent", "kooperativ 6 procent", "De blir 98 procent"]),
    ("sma_antal_i_text", {at("tillskott", "beskrivning", ar=2022): "Anslag för 3 brukare"}, ["”3 brukare”"]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "limits", "text"), [
    ("2.0001", ("0.5", "2"), "2,0001"), ("0.69996", ("0.7", "1.4"), "0,69996"), ("1.00003", ("1",), "1,00003"),
    ("10.4", ("10",), "10,4"), ("100.4", ("100",), "100,4"), ("10.0003", ("10",), "10,0003"), ("2", ("2",), "2"),
])
def test_a_quotient_beyond_its_limit_is_not_told_as_the_limit(value, limits, text):
    assert times_text(Decimal(value), *map(Decimal, limits)) == text


def test_what_is_just_beyond_a_limit_is_told_as_beyond_it(tmp_path):
    tables = sound()
    changed(tables, {at("ekonomi", "nettokostnad_tkr", **LSS22): 65412,
                     at("prognoser", "budgetavvikelse_mnkr", ordning=1): -32.587})
    told = {doubt.id[: doubt.id.rindex("-")]: str(doubt) for doubt in doubts(tmp_path, tables)}
    assert "2,0000" in told["kostnad_per_timme-lss-2022"] and " 2 gånger schablon" not in told[
        "kostnad_per_timme-lss-2022"]
    assert "Den är 50,01 procent av budgeten; väntat är högst 50." in told["fel_enhet-prognoser-2023-1"]


def test_one_person_and_one_hour_are_one():
    assert [Figure("", (), Decimal(number), Decimal(0), unit).amount
            for number in (1, 2, 0) for unit in ("personer", "timmar", "tkr")] == [
        "1 person", "1 timme", "1 tkr", "2 personer", "2 timmar", "2 tkr", "0 personer", "0 timmar", "0 tkr"]


def test_one_person_too_many_is_one(tmp_path):
    tables = sound()
    changed(tables, {at("floden", "nya_antal", ar=2022, grupp="barn"): 11})
    [told] = [str(doubt) for doubt in doubts(tmp_path, tables)]
    assert "Delen är 1 person större än helheten." in told


@pytest.mark.parametrize("occasion", ["Bokslut 2023", "Årsbokslut", "Utfall 2023", "Årsredovisning 2023",
                                      "Enligt årsredovisningen", "Utfall helår 2023", "Utfall december 2023"])
def test_a_deviation_of_the_whole_year_is_the_budget_less_the_cost(tmp_path, occasion):
    tables = sound()
    changed(tables, {at("prognoser", "tillfalle", ordning=2): occasion,
                     at("prognoser", "budgetavvikelse_mnkr", ordning=2): 1.8})
    assert [doubt.rule for doubt in doubts(tmp_path, tables)] == ["angiven_avvikelse"]


@pytest.mark.parametrize("occasion", ["Delårsbokslut 2023", "Utfall augusti", "Utfall per sista aug 2023", "Tertial 2",
                                      "Utfall tertial 2", "Preliminärt bokslut", "Prognos inför bokslut", "Utfall T2",
                                      "Helårsprognos", "Delårsrapport 2023"])
def test_a_deviation_of_a_part_of_the_year_or_a_guess_may_be_any(tmp_path, occasion):
    tables = sound()
    changed(tables, {at("prognoser", "tillfalle", ordning=2): occasion,
                     at("prognoser", "budgetavvikelse_mnkr", ordning=2): 1.8})
    assert doubts(tmp_path, tables) == []


def test_amounts_in_whole_mnkr_jump_only_if_their_rounding_cannot_explain_it(tmp_path):
    tables = sound()
    for row in tables["konton"]:
        row["belopp_tkr"] = 1000 * round(row["belopp_tkr"] / 1000)
    amount = at("konton", "belopp_tkr", ar=2023, konto="11")
    told = {}
    for value in (0, 1000, 19000, 30000):
        changed(tables, {amount: value})
        told[value] = [doubt.id for doubt in doubts(tmp_path, tables) if doubt.rule == "hopp"]
    # 2 000 may be 1 500, and 0 may be 499: that is no tenth.
    assert told[0] == told[1000] == told[19000] == [] and len(told[30000]) == 1


def test_a_providers_small_deficit_may_come_and_go(tmp_path):
    tables = sound()
    for row in tables["konton"]:
        row["belopp_tkr"] = {"11": 2000, "12": 9000}.get(row["konto"], row["belopp_tkr"])
    for year, net in ((2021, 150), (2022, -8), (2023, 1407)):
        changed(tables, {at("ekonomi", "nettokostnad_tkr", ar=year, verksamhet="utforare"): net,
                         at("konton", "belopp_tkr", ar=year, konto="20"): 11000 + net})
        parts = {row["verksamhet"]: row for row in tables["ekonomi"] if row["ar"] == year}
        parts["totalt"]["nettokostnad_tkr"] = sum(parts[part]["nettokostnad_tkr"] for part in ("sfb", "lss")) + net
    changed(tables, {at("prognoser", "budgetavvikelse_mnkr", ordning=2): (
        parts["totalt"]["budget_tkr"] - parts["totalt"]["nettokostnad_tkr"]) / 1000})
    changed(tables, {at("scenario", "varde", indata="kostnad_kr_per_timme"): 316.3})
    assert [str(doubt) for doubt in doubts(tmp_path, tables)] == []
    changed(tables, {at("ekonomi", "nettokostnad_tkr", ar=2023, verksamhet="utforare"): 14070})
    assert "hopp-ekonomi-nettokostnad_tkr-utforare-2023" in {
        doubt.id.rpartition("-")[0] for doubt in doubts(tmp_path, tables)}


def test_small_amounts_may_be_the_same_by_chance(tmp_path):
    tables = sound()
    least = BASE.bounds["samma_belopp"].minimum
    for amount, warns in ((least - 2, False), (least + 2, True)):
        for year in (2022, 2023):
            changed(tables, {at("egen_regi", "utforda_timmar", ar=year, lag="lss"): int(amount) + 1})
        found = [doubt for doubt in doubts(tmp_path, tables) if doubt.rule == "samma_belopp"]
        assert bool(found) is warns


def test_those_who_were_counted_once_and_have_gone_since_the_year_before_had_hours(tmp_path):
    tables = sound()
    edits = {at("egen_regi", "brukare_antal", ar=2022, lag="lss"): 0,
             at("egen_regi", "utforda_timmar", ar=2022, lag="lss"): 3107,
             at("timmar", "utfall_timmar", ar=2022, verksamhet="utforare"): 33618}
    changed(tables, edits)
    assert [doubt for doubt in doubts(tmp_path, tables) if doubt.rule == "brukare_och_timmar"] == []
    # Of two one may have gone in December: two had the hours.
    changed(tables, {at("egen_regi", "brukare_antal", ar=2021, lag="lss"): 2,
                     at("egen_regi", "brukare_antal", ar=2022, lag="lss"): 1,
                     at("egen_regi", "utforda_timmar", ar=2022, lag="lss"): 11107})
    assert [doubt for doubt in doubts(tmp_path, tables) if doubt.rule == "brukare_och_timmar"] == []
    # All have gone, and so have the hours.
    changed(tables, {at("egen_regi", "brukare_antal", ar=2022, lag="lss"): 0,
                     at("egen_regi", "utforda_timmar", ar=2022, lag="lss"): 0})
    assert [doubt for doubt in doubts(tmp_path, tables) if doubt.rule == "brukare_och_timmar"] == []
    changed(tables, {at("egen_regi", "utforda_timmar", ar=2022, lag="lss"): 31107})
    [told] = [str(doubt) for doubt in doubts(tmp_path, tables) if doubt.rule == "brukare_och_timmar"]
    assert "brukare 0 personer (" in told and "året före 2 personer (" in told and "42,61 per dygn" in told
    # Nobody there in December of either year: nobody was there.
    changed(tables, {at("egen_regi", "brukare_antal", ar=2021, lag="lss"): 0,
                     at("egen_regi", "brukare_antal", ar=2022, lag="lss"): 0})
    told = [doubt.id.rpartition("-")[0] for doubt in doubts(tmp_path, tables) if doubt.rule == "brukare_och_timmar"]
    assert "brukare_och_timmar-egen_regi-lss-2022" in told


def test_a_name_stands_when_the_rows_change_places(tmp_path):
    tables = sound()
    changed(tables, {at("konton", "belopp_tkr", ar=2022, konto="11"): 1200,
                     at("timmar", "utfall_timmar", ar=2021, verksamhet="lss"): 100110,
                     at("timmar", "utfall_timmar", **LSS22): 100110,
                     at("egen_regi", "brukare_antal", ar=2023, lag="sfb"): 17})
    tables["konton"] += [{"ar": 2021, "konto": "13", "benamning": "Andra bidrag", "slag": "intakt",
                          "belopp_tkr": 9000}]
    names = [doubt.id for doubt in doubts(tmp_path, tables)]
    rules = {"konton_och_ekonomi", "samma_belopp", "samma_uppgift", "bidrag_och_timmar"}
    assert rules <= {name.split("-")[0] for name in names}
    for name in ("konton", "timmar", "egen_regi", "ekonomi"):
        tables[name].reverse()
    assert sorted(doubt.id for doubt in doubts(tmp_path, tables)) == sorted(names)


def test_words_that_are_acknowledged_hide_no_other_words(tmp_path):
    tables, seen = sound(), []
    for words in ("Anslag för 3 brukare", "Anslag för 3 barn"):
        changed(tables, {at("tillskott", "beskrivning", ar=2022): words,
                         at("bidrag", "beskrivning", ar=2021): words})
        seen += [doubt.id for doubt in doubts(tmp_path, tables) if doubt.rule == "sma_antal_i_text"]
    # In the same row and column of two tables, and in one cell before and after it was changed.
    assert len(set(seen)) == len(seen) == 4


def test_round_amounts_may_be_the_same(tmp_path):
    tables = sound()
    changed(tables, {at("timmar", "utfall_timmar", ar=2021, verksamhet="lss"): 100100,
                     at("timmar", "utfall_timmar", **LSS22): 100100})
    assert not [doubt for doubt in doubts(tmp_path, tables) if doubt.rule == "samma_belopp"]


def test_one_warning_is_one():
    assert summary(1).startswith("1 varning. Den stoppar") and summary(2).startswith("2 varningar. De stoppar")


@pytest.mark.parametrize(("value", "text"), [("0.00104", "0,001"), ("-0.0456", "−0,046"), ("0.12", "0,12"), ("0", "0"),
                                             ("951.6", "952"), ("9.516", "9,52")])
def test_a_quotient_is_never_rounded_away(value, text):
    assert times_text(Decimal(value)) == text


@pytest.mark.parametrize(
    ("rule", "edits", "told"), CASES, ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)]
)
def test_a_rule_names_the_figures_and_their_rows(tmp_path, rule, edits, told):
    tables = sound()
    places = changed(tables, edits)
    found = [doubt for doubt in doubts(tmp_path, tables) if doubt.rule == rule]
    assert found, f"{rule} tiger"
    named = [doubt for doubt in found if all(text in str(doubt) for text in told)]
    assert len(named) == 1, "\n".join(map(str, found))
    [doubt] = named
    cells = {(Path(cell.file).stem, cell.row, cell.column) for figure in doubt.figures for cell in figure.cells}
    for (name, row, column), value in zip(places, edits.values(), strict=True):
        if column not in ("enhet", "brukare_tidpunkt", "till_ar"):
            assert (name, row, column) in cells
        assert any(cell[:2] == (name, row) for cell in cells)
        assert f"{name}.csv, " in str(doubt) and str(row) in str(doubt)
        # Of a sum the places of all its cells are told, but only its own value.
        alone = {
            (Path(figure.cells[0].file).stem, figure.cells[0].row, figure.cells[0].column)
            for figure in doubt.figures
            if len(figure.cells) == 1
        }
        if isinstance(value, (int, float)) and (name, row, column) in alone and column != "ar":
            assert said(Decimal(repr(value))) in str(doubt)
    assert doubt.implication.endswith(".") and doubt.advice.endswith(".") and not doubt.problem.endswith(".")
    assert "nan" not in str(doubt).lower().split() and "None" not in str(doubt)


@pytest.mark.parametrize(("time", "words"), [
    ("2023", "2023"), ("2023-10", "i oktober 2023"), ("2023-10-01", "den 1 oktober 2023"), ("", "")])
def test_a_time_is_told_in_words(time, words):
    assert time_words(time) == words


def test_every_rule_has_a_case_and_is_explained():
    guide = (DATA.parent / GUIDE).read_text(encoding="utf-8")
    assert {case[0] for case in CASES} == set(RULES)
    assert [name for name in RULES if f"`{name}`" not in guide] == []


def test_every_bound_is_used_and_has_its_reason():
    code = "".join(path.read_text(encoding="utf-8") for path in (DATA.parent / "analysis/measures").glob("plausible*"))
    assert [name for name in BOUNDS if f'bound("{name}")' not in code] == []
    assert all(bound.reason and bound.name for bound in BASE.bounds.values())


# --- What no rule may say, and what one always must ---------------------------------------------------------


@st.composite
def volumes(draw: st.DrawFn) -> Tables:
    """A municipality whose figures follow from one another, of any size and for one to six years."""
    years = range(2021, 2021 + draw(st.integers(1, 6)))
    users, hours = draw(st.integers(20, 900)), draw(st.integers(40, 900)) * 1009
    price, people = draw(st.floats(0.8, 1.4)), hours // 2400 + 1
    tables: Tables = {"ekonomi": [], "brukare": [], "timmar": [], "floden": []}
    for year in years:
        if year != 2021:
            new, ended = draw(st.integers(0, users // 12)), draw(st.integers(0, users // 12))
            tables["floden"].append({"ar": year, "grupp": "alla", "nya_antal": new, "avslutade_antal": ended})
            users += new - ended
            hours = round(hours * draw(st.floats(0.93, 1.08)))
        planned = max(users + draw(st.integers(-users // 10, users // 10)), 1)
        planned_hours = round(hours * draw(st.floats(0.97, 1.03)))
        parts = {
            "sfb": (first_hours_cost(year, planned), first_hours_cost(year, users)),
            "lss": (hours_cost(year, planned_hours, price), hours_cost(year, hours, price)),
            "utforare": (draw(st.integers(400, 900)), draw(st.integers(-900, 2000))),
        }
        parts["totalt"] = tuple(map(sum, zip(*parts.values(), strict=True)))
        tables["ekonomi"] += [
            {"ar": year, "verksamhet": part, "budget_tkr": budget, "nettokostnad_tkr": cost}
            for part, (budget, cost) in parts.items()
        ]
        tables["brukare"] += [
            {"ar": year, "verksamhet": "sfb", "budget_antal": planned, "utfall_antal": users},
            {"ar": year, "verksamhet": "lss", "utfall_antal": people},
        ]
        tables["timmar"].append(
            {"ar": year, "verksamhet": "lss", "budget_timmar": planned_hours, "utfall_timmar": hours}
        )
    return {name: rows for name, rows in tables.items() if rows}


def claimed(found: list[Doubt]) -> list[str]:
    """The doubts but those that chance may give: amounts alike, a year when nobody came or went."""
    chance = ("samma_belopp-", "hopp-floden-")
    return [str(doubt) for doubt in found if not doubt.id.startswith(chance)]


@given(volumes())
@settings(max_examples=15)
def test_figures_that_follow_from_one_another_never_warn(tmp_path_factory, tables):
    assert claimed(doubts(tmp_path_factory.getbasetemp() / "foljer", tables, 2026)) == []


@given(volumes())
@settings(max_examples=15)
def test_rounding_to_whole_mnkr_never_warns_of_the_parts(tmp_path_factory, tables):
    for row in tables["ekonomi"]:
        for column in ("budget_tkr", "nettokostnad_tkr"):
            whole = (Decimal(row[column]) / 1000).quantize(Decimal(1), rounding=ROUND_HALF_UP)
            row[column] = int(whole) * 1000
    found = doubts(tmp_path_factory.getbasetemp() / "mnkr", tables, 2026)
    assert [str(doubt) for doubt in found if doubt.rule == "helhet_och_delar"] == []


THOUSANDFOLD = [
    ("ekonomi", "nettokostnad_tkr", "sfb"),
    ("ekonomi", "nettokostnad_tkr", "lss"),
    ("ekonomi", "nettokostnad_tkr", "totalt"),
    ("ekonomi", "budget_tkr", "sfb"),
    ("ekonomi", "budget_tkr", "lss"),
    ("ekonomi", "budget_tkr", "utforare"),
    ("timmar", "utfall_timmar", "lss"),
    ("timmar", "budget_timmar", "lss"),
    ("brukare", "utfall_antal", "sfb"),
    ("brukare", "budget_antal", "sfb"),
]


@given(tables=volumes(), case=st.sampled_from(THOUSANDFOLD), data=st.data())
@settings(max_examples=15)
def test_a_cell_a_thousand_times_too_large_is_always_told(tmp_path_factory, tables, case, data):
    table, column, part = case
    rows = [number for number, row in enumerate(tables[table]) if row["verksamhet"] == part]
    index = data.draw(st.sampled_from(rows))
    tables[table][index][column] *= 1000
    found = doubts(tmp_path_factory.getbasetemp() / "tusen", tables, 2026)
    assert (table, index + 2, column) in {
        (Path(cell.file).stem, cell.row, cell.column)
        for doubt in found
        for figure in doubt.figures
        for cell in figure.cells
    }


@given(tables=volumes(), column=st.sampled_from(["budget_tkr", "nettokostnad_tkr"]), data=st.data())
@settings(max_examples=15)
def test_the_whole_and_a_part_that_have_changed_places_are_always_told(tmp_path_factory, tables, column, data):
    year = data.draw(st.sampled_from(sorted({row["ar"] for row in tables["ekonomi"]})))
    by_part = {row["verksamhet"]: row for row in tables["ekonomi"] if row["ar"] == year}
    whole, part = by_part["totalt"], by_part[data.draw(st.sampled_from(["sfb", "lss", "utforare"]))]
    whole[column], part[column] = part[column], whole[column]
    found = doubts(tmp_path_factory.getbasetemp() / "byte", tables, 2026)
    assert "helhet_och_delar" in {doubt.rule for doubt in found}


@given(tables=volumes(), data=st.data())
@settings(max_examples=15)
def test_two_parts_that_have_changed_places_are_always_told_where_they_are_unlike(tmp_path_factory, tables, data):
    year = data.draw(st.sampled_from(sorted({row["ar"] for row in tables["ekonomi"]})))
    by_part = {row["verksamhet"]: row for row in tables["ekonomi"] if row["ar"] == year}
    sfb, lss = by_part["sfb"], by_part["lss"]
    sfb["nettokostnad_tkr"], lss["nettokostnad_tkr"] = lss["nettokostnad_tkr"], sfb["nettokostnad_tkr"]
    found = {doubt.rule for doubt in doubts(tmp_path_factory.getbasetemp() / "delar", tables, 2026)}
    unlike = not 0.69 < sfb["nettokostnad_tkr"] / max(lss["nettokostnad_tkr"], 1) < 1.41
    assert not unlike or found & {"kostnad_per_brukare", "kostnad_per_timme"}


# --- The municipalities that there are ----------------------------------------------------------------------

EXPECTED = {
    "malmo": [
        "budget_i_kronor_och_volym-lss-2021-7533",
        "avvikelse_i_kronor_och_timmar-2021-ff16",
        "hopp-ekonomi-budget_tkr-utforare-2023-d045",
    ],
    "huddinge": ["bidrag_och_timmar-2023-2c6e", "belopp_per_timme-ersattning-alla-53fc"],
    "bjuv": [
        "andelar_i_riket-forsakringskassan-9e17",
        "belopp_per_timme-ersattning-alla-9874",
        "belopp_per_timme-pris-lov-9874",
    ],
    "ange": ["timmar_pa_tre_satt-2023-e3cb"],
    "goteborg": [],
    "lund": [],
}


@pytest.mark.parametrize("slug", EXPECTED)
def test_the_warnings_of_a_published_municipality_are_these_and_all_looked_into(slug):
    found = review(load_municipality(slug), DATA)
    assert not found.doubts and not found.unmatched
    assert sorted(doubt.id for doubt, _ in found.acknowledged) == sorted(EXPECTED[slug])


def test_check_tells_an_acknowledgement_in_one_line_and_stays_well(capsys):
    assert cli.main(["check", "ange"]) == 0
    told = capsys.readouterr()
    [line] = told.err.splitlines()
    assert line.startswith("Kontrollerat i data/kommuner/ange/kommun.yml: Timmarna i underlaget")
    assert line.endswith("de tre första av motsägelserna)")
    assert "i ordning" in told.out


def test_what_one_municipality_has_looked_into_is_another_ones_warning(data_copy, capsys):
    def entries(slug: str) -> tuple[Path, dict]:
        card = data_copy / "kommuner" / slug / "kommun.yml"
        return card, yaml.safe_load(card.read_text(encoding="utf-8"))

    (_, ange), (card, huddinge) = entries("ange"), entries("huddinge")
    huddinge["kontrollerat"] = ange["kontrollerat"]
    card.write_text(yaml.safe_dump(huddinge, allow_unicode=True), encoding="utf-8")
    assert cli.main(["check", "ange", "huddinge", "--data", str(data_copy)]) == 0
    *lines, last = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith("Varning: data/kommuner/huddinge/kommun.yml")]) == 1
    assert len([line for line in lines if line.startswith("Kontrollerat i data/kommuner/ange/kommun.yml: ")]) == 1
    assert last.startswith("3 varningar.") and len(lines) == 4


def test_one_table_is_one(data_copy, capsys):
    table = data_copy / "kommuner" / "lund" / "ekonomi.csv"
    rows = (data_copy / "kommuner" / "malmo" / "ekonomi.csv").read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(rows[:2]) + "\n", encoding="utf-8")
    assert cli.main(["check", "lund", "--data", str(data_copy)]) == 0
    assert "i ordning (1 tabell)." in capsys.readouterr().out


# --- What an analyst may say --------------------------------------------------------------------------------


def _card(data: Path, slug: str) -> Path:
    return data / "kommuner" / slug / "kommun.yml"


def test_check_warns_with_an_exit_code_of_zero(data_copy, capsys):
    edit(data_copy / "kommuner/malmo/timmar.csv", "2024;lss;537200;577209", "2024;lss;537200;57720")
    assert cli.main(["check", "malmo", "--data", str(data_copy)]) == 0
    lines = capsys.readouterr().err.splitlines()
    warnings = [line for line in lines if line.startswith("Varning: ")]
    assert any(
        "57 720 timmar (data/kommuner/malmo/timmar.csv, rad 6, kolumn utfall_timmar)" in line
        and "191 840 tkr (data/kommuner/malmo/ekonomi.csv, rad 12, kolumn nettokostnad_tkr)" in line
        for line in warnings
    )
    assert lines[-1].startswith(f"{len(warnings)} varningar. De stoppar ingenting.") and GUIDE in lines[-1]


def test_an_acknowledgement_does_not_hide_another_figure_in_the_same_cell(data_copy):
    edit(data_copy / "kommuner/malmo/ekonomi.csv", "2021;lss;158813", "2021;lss;258813")
    found = review(load_municipality("malmo", data_copy), data_copy)
    assert "budget_i_kronor_och_volym-lss-2021-7533" in found.unmatched
    new = [doubt.id for doubt in found.doubts if doubt.rule == "budget_i_kronor_och_volym"]
    assert len(new) == 1 and new[0].startswith("budget_i_kronor_och_volym-lss-2021-")
    assert any(
        "kommun.yml, kontrollerat: ingen varning heter längre ”budget_i_kronor" in line for line in found.lines()
    )


def test_a_new_warning_can_be_acknowledged_by_the_name_that_it_shows(data_copy):
    edit(data_copy / "kommuner/malmo/floden.csv", "2024;alla;12;52;25", "2024;alla;12;152;25")
    doubt = review(load_municipality("malmo", data_copy), data_copy).doubts[0]
    assert str(doubt).endswith(f"[{doubt.id}]")
    card = _card(data_copy, "malmo")
    content = yaml.safe_load(card.read_text(encoding="utf-8"))
    content["kontrollerat"].append({"varning": doubt.id, "skal": "Räknat en gång till"})
    card.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    found = review(load_municipality("malmo", data_copy), data_copy)
    assert doubt.id not in {one.id for one in found.doubts}
    assert f"Kontrollerat i {found.card}: {doubt.problem} (Räknat en gång till)" in found.lines()


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ("ja", "fel slags värde"),
        ([1], "fel slags värde"),
        ([{"varning": "a"}], "fältet saknas"),
        ([{"varning": "a", "skal": "b", "vem": "c"}], "okänt fält"),
        ([{"varning": "a", "skal": "b"}, {"varning": "a", "skal": "c"}], "varningen står två gånger"),
    ],
)
def test_an_acknowledgement_that_cannot_be_read_is_a_fault(data_copy, entries, problem):
    card = _card(data_copy, "ange")
    content = yaml.safe_load(card.read_text(encoding="utf-8")) | {"kontrollerat": entries}
    card.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_municipality("ange", data_copy)
    assert problem in {fault.problem for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("\nhopp:", "\nhop:", "okänd gräns"),
        ("  hogst: 10\n", "", "fältet saknas"),
        ("  hogst: 10\n", "  hogst: tio\n", "fel slags värde"),
        ("  minst: 0.7\n  hogst: 1.4", "  minst: 1.7\n  hogst: 1.4", "den lägsta gränsen är högre än den högsta"),
    ],
)
def test_a_bound_that_cannot_be_used_is_a_fault(data_copy, old, new, problem):
    edit(data_copy / "nationellt/rimlighet.yml", old, new)
    with pytest.raises(DataError) as caught:
        load_municipality("ange", data_copy)
    assert problem in {fault.problem for fault in caught.value.faults}


# --- After an import ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--torrkorning"]])
def test_an_import_tells_sheet_and_cell(data_copy, tmp_path, monkeypatch, capsys, more):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", "malmo", "--data", str(data_copy)]) == 0
    book = openpyxl.load_workbook("malmo.xlsx")
    sheet = book["Timmar"]
    [cell] = [cell for row in sheet.iter_rows() for cell in row if cell.value == 577209]
    cell.value = 57720
    book.save("malmo.xlsx")
    capsys.readouterr()
    assert cli.main(["import", "malmo.xlsx", "--data", str(data_copy), *more]) == 0
    told = capsys.readouterr()
    [line] = [line for line in told.err.splitlines() if line.startswith("Varning: Nettokostnaden per timme")]
    assert f"timmarna 57 720 timmar (blad Timmar, cell {cell.coordinate} (Utfall (timmar)))" in line
    assert "(blad Ekonomi, cell D" in line and ".csv" not in line
    assert "De stoppar ingenting." in told.err.splitlines()[-1]


def test_a_place_names_each_file_row_and_column_once():
    cells = tuple(Cell("a.csv", row, column, Decimal(1)) for row, column in ((2, "x"), (3, "x"), (2, "y"), (3, "y")))
    figure = Figure("summan", cells, Decimal(4), Decimal(0), "tkr")
    assert str(figure) == "summan 4 tkr (a.csv, rad 2 och 3, kolumn x och y)"
    text = Figure("det står", (Cell("forord.md", 5, "", Decimal(3)),), Decimal(3), Decimal(0), "", "”tre brukare”")
    assert str(text) == "det står ”tre brukare” (forord.md, rad 5)"
