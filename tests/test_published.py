"""How printed figures are read, when they agree with a computed value, and how the value is looked up."""

import dataclasses
import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analysis.measures.economy import budget_outcome
from analysis.measures.published import (
    Printed,
    Resolver,
    UnknownFigure,
    contradictions,
    judge,
    read_printed,
    reconciliation,
    reconciliation_counts,
)
from analysis.measures.result import MissingData
from analysis.present.numbers import number
from analysis.sources import load_municipality

MALMO = load_municipality("malmo")
RESOLVER = Resolver(MALMO)

decimals = st.integers(min_value=0, max_value=4)
# No more than twelve digits, as in any document, and as many as are compared.
exact_values = st.integers(min_value=1 - 10**12, max_value=10**12 - 1).map(lambda whole: Decimal(whole).scaleb(-6))


def _text(value: Decimal) -> str:
    return f"{value:f}".replace(".", ",")


@pytest.mark.parametrize(
    ("text", "value", "digits", "claim"),
    [
        ("drygt 79 miljoner kronor", 79, 0, "drygt"),
        ("knappt 1,5 timmar", 1.5, 1, "knappt"),
        ("-282 967", -282967, 0, ""),
        ("−4,6", -4.6, 1, ""),
        ("13\u00a0293", 13293, 0, ""),
        ("5274", 5274, 0, ""),
        ("31%", 31, 0, ""),
        ("324,50 kr", 324.5, 2, ""),
        ("332.60 kr", 332.6, 2, ""),
        ("-0", 0, 0, ""),
        ("cirka 10 miljoner kronor 2024", 10, 0, ""),
        ("ca: 364 timmar per vecka", 364, 0, ""),
        ("Två nya behov", 2, 0, ""),
        ("minst fyra medarbetare", 4, 0, ""),
        ("en månads uppsägning", 1, 0, ""),
        ("ett år", 1, 0, ""),
        ("en fjärde del", 0.25, 2, ""),
        ("halveringen", 0.5, 1, ""),
        ("en halvdag", 0.5, 1, ""),
        ("drygt hälften", 0.5, 1, "drygt"),
    ],
)
def test_a_printed_figure_is_read(text, value, digits, claim):
    assert read_printed(text) == Printed(value, digits, claim)


@pytest.mark.parametrize("text", ["", "ingen", "flera leverantörer", "tvåan"])
def test_a_text_without_a_number_is_refused(text):
    with pytest.raises(UnknownFigure, match="inget tal"):
        read_printed(text)


@given(exact_values, decimals)
def test_what_is_printed_is_read_back(value, digits):
    rounded = value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    for text in (_text(rounded), number(float(rounded), digits)):
        printed = read_printed(text)
        assert (Decimal(repr(printed.value)), printed.decimals) == (rounded, digits)


@given(exact_values, decimals, st.sampled_from([-1, 1]))
def test_a_rounded_value_agrees_and_one_unit_beside_it_does_not(value, digits, step):
    unit = Decimal(1).scaleb(-digits)
    rounded = value.quantize(unit, rounding=ROUND_HALF_UP)
    assert read_printed(_text(rounded)).agrees(float(value))
    assert not read_printed(_text(rounded + step * unit)).agrees(float(value))


@given(exact_values.filter(lambda value: value >= 0), decimals, st.sampled_from([-1, 1]))
def test_drygt_is_the_unit_above_the_printed_value(value, digits, step):
    unit = Decimal(1).scaleb(-digits)
    floor = value.quantize(unit, rounding=ROUND_FLOOR)
    assert read_printed(f"drygt {_text(floor)}").agrees(float(value))
    assume(floor + step * unit >= 0)
    assert not read_printed(f"drygt {_text(floor + step * unit)}").agrees(float(value))


@given(exact_values.filter(lambda value: value > 0), decimals, st.sampled_from([-1, 1]))
def test_knappt_is_the_unit_below_the_printed_value(value, digits, step):
    unit = Decimal(1).scaleb(-digits)
    above = value.quantize(unit, rounding=ROUND_CEILING)
    above += unit * (above == value)
    assert read_printed(f"knappt {_text(above)}").agrees(float(value))
    assume(above + step * unit >= 0)
    assert not read_printed(f"knappt {_text(above + step * unit)}").agrees(float(value))


@pytest.mark.parametrize(
    ("text", "computed"),
    [
        ("3", 2.5),  # half away from zero, as the documents round, not to even
        ("-3", -2.5),
        ("0,5 miljoner", 0.45),
        ("1,01", 1.005),  # a binary fraction just below the half
        ("drygt 0,3", 0.1 + 0.2),
    ],
)
def test_a_half_is_rounded_away_from_zero(text, computed):
    assert read_printed(text).agrees(computed)


@pytest.mark.parametrize("computed", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("claim", ["", "drygt ", "knappt "])
def test_no_figure_agrees_with_a_missing_value(claim, computed):
    assert not read_printed(f"{claim}5").agrees(computed)


@pytest.mark.parametrize(
    ("source", "argument", "key", "column", "unit", "value"),
    [
        ("budget_outcome", "totalt", "2025", "budgetavvikelse_tkr", "tkr", -7279),
        ("budget_outcome", "totalt", "2025", "budgetavvikelse_tkr", "mnkr", -7.279),
        ("budget_outcome", "totalt", "2020–2025", "budget_tkr", "mnkr", 84.939),
        ("users_1_october", "sfb", "2020–2024 %", "Malmö", "procent", (440 - 407) / 407 * 100),
        ("full_time_norm", "", "antal()", "", "antal", 3),
        ("flows", "alla", "summa()", "nya_antal", "antal", 22 + 26 + 52 + 48),
        ("flows", "alla", "medel()", "avslutade_antal", "antal", (17 + 29 + 25 + 21) / 4),
        ("budget_outcome", "lss", "min()", "budgetavvikelse_tkr", "mnkr", -12.79),
        ("tabell:ekonomi", "", "max(verksamhet=lss)", "budget_tkr", "tkr", 193650),
        ("tabell:ekonomi", "", "antal(verksamhet=lss)", "", "antal", 6),
        ("tabell:ekonomi", "", "antal(verksamhet=finns inte)", "", "antal", 0),
        ("tabell:bidrag", "", "lika(verksamhet=sfb)", "belopp_tkr", "mnkr", 1),
        ("tabell:ekonomi", "", "ar=2021, verksamhet=lss", "budget_tkr", "kr", 158813000),
        ("tabell:villkor", "", "villkor=kort_insats_hogst", "varde", "timmar", 1.5),
        ("tabell:villkor", "", "villkor=jour_over_grans_andel", "varde", "procent", 110),
        ("nationellt:hemtjanst", "", "ar=2022", "ersattning_kr_per_timme", "kr per timme", 420),
        ("parameter:schablonbelopp", "", "2022", "varde", "kr per timme", 319.7),
        ("parameter:schablonbelopp", "", "2026", "uppraknad_procent", "procent", 1.5),
        ("parameter:vantetid_andel", "", "2025", "varde", "andel", 0.25),
        ("kommun:befriad_mnkr", "", "", "", "mnkr", 16),
    ],
)
def test_a_figure_is_looked_up_in_the_printed_unit(source, argument, key, column, unit, value):
    assert RESOLVER.value(source, argument, key, column, unit) == pytest.approx(value)


def test_rows_that_differ_share_no_value():
    assert math.isnan(RESOLVER.value("tabell:ekonomi", "", "lika(verksamhet=lss)", "budget_tkr", "tkr"))


@pytest.mark.parametrize(
    ("source", "argument", "key", "column", "message"),
    [
        ("finns_inte", "", "2020", "x", "måttet finns_inte"),
        ("tabell:finns_inte", "", "", "x", "tabellen finns_inte"),
        ("nationellt:finns_inte", "", "", "x", "tabellen finns_inte"),
        ("parameter:finns_inte", "", "2020", "varde", "parametern finns_inte"),
        ("budget_outcome", "totalt", "1999", "budget_tkr", "raden ”1999” finns inte"),
        ("budget_outcome", "totalt", "2020", "finns_inte", "kolumnen ”finns_inte”"),
        ("tabell:ekonomi", "", "ar=2020", "budget_tkr", "träffar 3 rader"),
        ("tabell:ekonomi", "", "ar=1999, verksamhet=sfb", "budget_tkr", "träffar 0 rader"),
        ("tabell:ekonomi", "", "summa(ar=1999)", "budget_tkr", "träffar ingen rad"),
        ("tabell:ekonomi", "", "ar=2020, verksamhet=sfb", "kalla", "inget tal"),
        ("users", "sfb", "2020–1999", "utfall_antal", "raden ”1999” finns inte"),
    ],
)
def test_a_figure_that_points_at_nothing_is_told(source, argument, key, column, message):
    with pytest.raises(UnknownFigure, match=message):
        RESOLVER.value(source, argument, key, column, "tkr")


def test_a_missing_value_meets_no_condition():
    table = pd.DataFrame({"antal": pd.array([5, None], dtype="Int64"), "varde": [1.5, 2.5]})
    resolver = Resolver(dataclasses.replace(MALMO, tables={"floden": table}))
    assert resolver.value("tabell:floden", "", "antal=5", "varde", "") == table["varde"].iloc[0]
    with pytest.raises(UnknownFigure, match="träffar 0 rader"):
        resolver.value("tabell:floden", "", "antal=nan", "varde", "")


def test_a_municipality_that_is_relieved_of_nothing():
    without = Resolver(dataclasses.replace(MALMO, assignment=None))
    with pytest.raises(UnknownFigure, match="befriad_mnkr"):
        without.value("kommun:befriad_mnkr", "", "", "", "mnkr")


def test_each_measure_is_computed_once(monkeypatch):
    asked = []

    def count(*arguments):
        asked.append(arguments)
        return budget_outcome

    monkeypatch.setattr("analysis.measures.published._measure", count)
    resolver = Resolver(MALMO)
    for year in ("2020", "2021", "2022"):
        resolver.value("budget_outcome", "sfb", year, "budget_tkr", "tkr")
    resolver.value("budget_outcome", "lss", "2020", "budget_tkr", "tkr")
    assert len(asked) == 2


def _row(**changes) -> pd.Series:
    row = {
        "plats": "Avsnitt 2", "rad": "Underskott", "kolumn": "2025", "tryckt": "7,3 miljoner kronor", "enhet": "mnkr",
        "slag": "beraknad", "matt": "budget_outcome", "urval": "totalt", "nyckel": "2025",
        "varde": "budgetavvikelse_tkr", "tecken": "belopp", "orsak": "",
    }  # fmt: skip
    return pd.Series({**row, **changes})


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "stammer"),
        ({"tecken": "omvant"}, "stammer"),
        ({"tecken": ""}, "oforklarad"),
        ({"tryckt": "7,2 miljoner kronor"}, "oforklarad"),
        ({"tryckt": "7,2 miljoner kronor", "orsak": "Tryckfel"}, "avviker"),
        ({"orsak": "En orsak som inte behövs"}, "stammer"),
        ({"matt": "", "slag": "utan_underlag", "orsak": "Okänt"}, "utan_underlag"),
    ],
)
def test_a_row_is_judged(changes, outcome):
    state, computed, difference = judge(RESOLVER, _row(**changes))
    assert state == outcome
    assert math.isnan(difference) == math.isnan(computed) == (outcome == "utan_underlag")


def _with(table: str, frame: pd.DataFrame):
    return dataclasses.replace(MALMO, tables={**MALMO.tables, table: frame})


def test_reconciliation_names_the_row_that_points_at_nothing():
    wrong = _with("publicerat", pd.DataFrame([_row(nyckel="1999")]))
    with pytest.raises(UnknownFigure, match="Avsnitt 2, Underskott, 2025"):
        reconciliation(wrong)
    absent = dataclasses.replace(MALMO, tables={"publicerat": pd.DataFrame([_row()])})
    with pytest.raises(UnknownFigure, match="Avsnitt 2, Underskott"):
        reconciliation(absent)


def test_reconciliation_counts_every_figure():
    frame = reconciliation_counts(MALMO).frame
    assert frame.loc["Summa", "alla"] == len(MALMO.tables["publicerat"])
    assert frame.drop(index="Summa").sum().to_list() == frame.loc["Summa"].to_list()
    assert frame.drop(columns="alla").sum(axis=1).to_list() == frame["alla"].to_list()


def test_without_a_list_there_is_nothing_to_reconcile():
    without = dataclasses.replace(MALMO, tables={})
    for measure in (reconciliation, reconciliation_counts):
        with pytest.raises(MissingData):
            measure(without)


def test_contradictions_are_the_documents_own_and_those_with_others():
    frame = contradictions(MALMO).frame
    own = MALMO.tables["motsagelser"]
    assert frame.index[: len(own)].to_list() == own["uppgift"].to_list()
    others = frame.iloc[len(own) :]
    assert len(others) and ((others["kalla"] == MALMO.document) ^ (others["kalla_2"] == MALMO.document)).all()
    unrelated = dataclasses.replace(MALMO, tables={}, document="")
    with pytest.raises(MissingData):
        contradictions(unrelated)
