"""The procurement scenario: what Bjuv and Ånge print, by hand, and how the model must behave."""

import dataclasses
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.measures import scenario
from analysis.measures.result import MissingData
from analysis.measures.scenario import FILLED, OWN, PRINTED, PROCURED
from analysis.present import interactive
from analysis.sources import load_municipality

BJUV, ANGE, HUDDINGE, MALMO = (load_municipality(slug) for slug in ("bjuv", "ange", "huddinge", "malmo"))
CASES = [BJUV, ANGE, HUDDINGE]
FORMULAS = {one["name"]: one["expr"] for one in interactive.saving_chart(ANGE)["params"] if "expr" in one}
RATIO = interactive.raise_ratio(ANGE)
few = settings(max_examples=15, deadline=None)

hours = st.floats(1, 1e6)
per_hour = st.floats(0, 2000)
shares = st.floats(0, 1)
amounts = st.floats(0, 1e5)
steps = st.floats(0.01, 500)


def with_inputs(municipality, *dropped, **changed):
    """Return a municipality with rows of its scenario dropped, or their values changed, whatever the form."""
    table = municipality.tables["scenario"].copy()
    table = table[~table["indata"].isin(dropped)]
    for name, value in changed.items():
        if not (table["indata"] == name).any():
            row = table.iloc[[0]].assign(indata=name, driftform="alla")
            table = pd.concat([table, row], ignore_index=True)
        table.loc[table["indata"] == name, "varde"] = float(value)
    return dataclasses.replace(municipality, tables={**municipality.tables, "scenario": table})


def result(municipality, reading=PRINTED):
    return scenario.scenario_result(municipality, reading).frame


def test_bjuv_as_printed():
    frame = result(BJUV)
    own, lov = frame.loc["egen_regi"], frame.loc["lov"]
    assert list(frame.index) == ["egen_regi", "lov"]
    # "Kostnad 23 mnkr, schablonersättning 18 mnkr", "en merkostnad om 5 mkr", "cirka 5 mnkr/år", "2,6 mkr"
    assert round(own["utforande_tkr"] / 1000) == 23
    assert round(own["statens_ersattning_tkr"] / 1000) == 18
    assert round(own["merkostnad_tkr"] / 1000) == 5
    assert round(lov["besparing_tkr"] / 1000) == 5
    assert own["egna_forsta_timmar_tkr"] == lov["egna_forsta_timmar_tkr"] == 2600
    # 54 118 · (425 − 332,60) = 5 000,5 tkr, and with the first hours 7 600,5
    assert lov["besparing_tkr"] == pytest.approx(23_000_000 / 425 * 92.4 / 1000)
    assert own["netto_tkr"] == pytest.approx(23_000_000 / 425 * 92.4 / 1000 + 2600)
    assert lov["besparing_kr_per_timme"] == pytest.approx(92.4)
    assert own["netto_tkr_per_brukare"] == pytest.approx((23_000_000 / 425 * 92.4 / 1000 + 2600) / 8)


def test_bjuvs_hours_follow_from_either_pair():
    given_hours = result(BJUV).loc[OWN, "utforande_tkr"] * 1000 / 425
    assert given_hours == pytest.approx(23e6 / 425, abs=1) == pytest.approx(18e6 / 332.60, abs=2)


def test_bjuv_with_the_right_years_amount():
    frame = scenario.what_if(BJUV).frame
    assert list(frame.index) == ["utredningen", "schablonbelopp_2022", "schablonbelopp_2023"]
    # 54 118 · (425 − 319,70) and · (425 − 324,50)
    assert frame.loc["schablonbelopp_2022", "besparing_tkr"] == pytest.approx(23_000_000 / 425 * 105.3 / 1000)
    assert frame.loc["schablonbelopp_2023", "besparing_tkr"] == pytest.approx(23_000_000 / 425 * 100.5 / 1000)
    assert frame["merkostnad_tkr"].tolist() == pytest.approx(frame["besparing_tkr"].tolist())


def test_bjuvs_first_hours():
    frame = scenario.first_hours(BJUV).frame
    # 8 · 20 · 365 / 7 · 319,70 = 2 667 tkr and · 324,50 = 2 707 tkr; the document prints 2,6 mkr
    assert frame["egna_tkr"].tolist() == pytest.approx([2667.21, 2707.26], abs=0.01)
    assert frame["andras_tkr"].tolist() == pytest.approx([value * 19 / 8 for value in frame["egna_tkr"]])
    assert (frame["egna_angivet_tkr"] == 2600).all() and "andras_angivet_tkr" not in frame


def test_bjuv_leaves_out():
    assert list(scenario.left_out(BJUV).frame.index) == [
        "hojd_andel", "sjuklon_tkr", "tillfalliga_utokningar_tkr", "uppfoljning_tkr", "sol_hsl_tkr",
        "andras_forsta_timmar_tkr",
    ]


def test_ange_as_printed():
    frame = result(ANGE)
    own, lou = frame.loc["egen_regi"], frame.loc["lou"]
    assert list(frame.index) == ["egen_regi", "lou"]
    # "en nettokostnad på ca 3,2 mkr", "besparingen bli ca 1,7 mkr"
    assert round(own["netto_tkr"] / 1000, 1) == 3.2
    assert round(lou["besparing_tkr"] / 1000, 1) == 1.7
    # 324,50 + 0,6667 · 38,94 = 350,461; 23 000 · (489 − 350,461) = 3 186,4 tkr
    assert own["netto_tkr"] == pytest.approx(23000 * (489 - 324.5 - 0.6667 * 38.94) / 1000)
    assert lou["besparing_tkr"] == pytest.approx(own["netto_tkr"] - 1500)
    assert lou["kvar_tkr"] == 1500


def test_neither_end_of_anges_payment_gives_its_net_cost():
    frame = scenario.what_if(ANGE).frame
    assert frame.loc["hojd_ingen", "merkostnad_tkr"] == pytest.approx(3783.5)
    assert frame.loc["hojd_alla", "merkostnad_tkr"] == pytest.approx(2887.88)
    assert {round(value / 1000, 1) for value in frame.loc[["hojd_ingen", "hojd_alla"], "merkostnad_tkr"]}.isdisjoint(
        {3.2}
    )


def test_anges_other_hours():
    frame = scenario.what_if(ANGE).frame
    assert frame.loc["timmar_per_manad", "varde"] == 2189 * 12 == 26268
    assert frame.loc["timmar_per_vecka", "varde"] == pytest.approx(364 * 365 / 7)
    own = 489 - 324.5 - 0.6667 * 38.94
    assert frame.loc["timmar_per_manad", "besparing_tkr"] == pytest.approx(26268 * own / 1000 - 1500)


def test_ange_leaves_out():
    assert list(scenario.left_out(ANGE).frame.index) == [
        "sjuklon_tkr", "tillfalliga_utokningar_tkr", "egna_forsta_timmar_tkr", "andras_forsta_timmar_tkr",
    ]


def test_the_filled_reading_by_hand():
    frame = result(ANGE, FILLED)
    payment = 324.5 + 0.6667 * 38.94
    # One supplier: 1 500 + 23 000 · 4,35 / 1 000 + 1 % of the payment. Five: four more followed up at 50. Six: with
    # standby, 3 % of the payment.
    kept = 1500 + 23 * 4.35 + 0.01 * 23 * payment
    assert frame["kvar_tkr"].tolist() == pytest.approx([0, kept + 200, kept, kept + 250])
    assert frame.loc["lov_lou", "beredskap_tkr"] == pytest.approx(0.03 * 23 * payment)
    # 3 and 10 persons · 20 · 365 / 7 · 324,50
    assert frame["egna_forsta_timmar_tkr"].unique().tolist() == pytest.approx([3 * 20 * 365 / 7 * 0.3245])
    assert frame["andras_forsta_timmar_tkr"].unique().tolist() == pytest.approx([10 * 20 * 365 / 7 * 0.3245])
    others = frame["andras_forsta_timmar_tkr"]
    assert (frame["netto_kr_per_timme"] * 23).tolist() == pytest.approx((frame["netto_tkr"] - others).tolist())


def test_huddinge_has_its_accounts_deficit():
    frame = result(HUDDINGE)
    # 56 485 − 51 825; the two amounts per hour are rounded to öre, and half an öre a hour is 0,6 tkr
    assert frame.loc[OWN, "merkostnad_tkr"] == pytest.approx(56485 - 51825, abs=1.2)
    assert frame.loc["lou", "besparing_tkr"] == pytest.approx(56485 - 51825, abs=1.2)
    # The income per hour is above the most that the state pays, so that there is nothing to raise.
    assert "hojd_andel" not in scenario.left_out(HUDDINGE).frame.index
    assert "hojd_andel" not in scenario.tornado(HUDDINGE).frame.index


def test_huddinges_amounts_per_hour_are_those_of_its_accounts():
    accounts, volumes = HUDDINGE.tables["konton"], HUDDINGE.tables["egen_regi"]
    year = accounts[accounts["ar"] == 2023].groupby("slag")["belopp_tkr"].sum()
    performed = volumes.loc[volumes["ar"] == 2023, "utforda_timmar"].sum()
    inputs = scenario.form_inputs(HUDDINGE, PRINTED, OWN)
    assert inputs.hours == performed
    assert inputs.cost == pytest.approx(year["kostnad"] * 1000 / performed)
    assert inputs.amount == pytest.approx(year["intakt"] * 1000 / performed)
    users = volumes.loc[volumes["ar"] == 2023].set_index("lag")["brukare_antal"]
    assert inputs.users == users.sum()


@pytest.mark.parametrize("municipality", CASES, ids=lambda one: one.slug)
@pytest.mark.parametrize("reading", [PRINTED, FILLED])
def test_the_parts_sum_to_the_whole(municipality, reading):
    frame = result(municipality, reading)
    parts = ["utforande_tkr", "beredskap_tkr", *scenario.KEPT, *scenario.FIRST_HOURS]
    assert frame[parts].sum(axis=1).tolist() == pytest.approx(frame["brutto_tkr"].tolist())
    net = frame["brutto_tkr"] - frame["statens_ersattning_tkr"]
    assert net.tolist() == pytest.approx(frame["netto_tkr"].tolist())
    saved = frame.loc[OWN, "netto_tkr"] - frame["netto_tkr"]
    assert saved.tolist() == pytest.approx(frame["besparing_tkr"].tolist(), abs=1e-6)


@pytest.mark.parametrize("municipality", CASES, ids=lambda one: one.slug)
@pytest.mark.parametrize("reading", [PRINTED, FILLED])
def test_at_break_even_procurement_saves_nothing(municipality, reading):
    frame = scenario.break_even(municipality, reading).frame
    for form, row in frame.iterrows():
        there = {"kostnad_kr_per_timme": row["brytpunkt_kr_per_timme"]}
        own, procured = (scenario.form_inputs(municipality, reading, one, **there) for one in (OWN, form))
        assert scenario.saving_of(own, procured) == pytest.approx(0, abs=1e-6)


@given(hours, per_hour, per_hour, st.floats(-100, 100), shares, amounts, steps)
def test_net_cost_and_saving_rise_with_the_cost_per_hour(hours, cost, payment, premium, standby, kept, step):
    assert scenario.own_net_cost(hours, cost + step, payment, kept) > scenario.own_net_cost(hours, cost, payment, kept)
    dear, cheap = (scenario.saving(hours, c, payment, premium, standby, kept) for c in (cost + step, cost))
    assert dear > cheap
    # Nothing else changes with it: the saving rises by exactly what the hours cost more.
    assert dear - cheap == pytest.approx(hours * step / 1000, rel=1e-6, abs=1e-4)


@given(hours, per_hour, st.floats(-100, 100), shares, amounts)
def test_the_saving_is_nothing_at_break_even(hours, payment, premium, standby, kept):
    cost = scenario.break_even_cost(hours, payment, premium, standby, kept)
    scale = max(1.0, hours * (payment + abs(premium)) * (1 + standby) / 1000, kept)
    assert scenario.saving(hours, cost, payment, premium, standby, kept) == pytest.approx(0, abs=scale * 1e-9)


@given(st.lists(st.tuples(hours, amounts), min_size=2, max_size=5), per_hour, per_hour, st.floats(-100, 100), shares)
def test_groups_of_users_add_up(groups, cost, payment, premium, standby):
    together = [sum(column) for column in zip(*groups, strict=True)]
    scale = together[0] * (cost + payment + 100) * 2 / 1000 + together[1] + 1
    own = sum(scenario.own_net_cost(h, cost, payment, kept) for h, kept in groups)
    assert own == pytest.approx(scenario.own_net_cost(together[0], cost, payment, together[1]), abs=scale * 1e-9)
    procured = sum(scenario.procured_net_cost(h, payment, premium, standby, kept) for h, kept in groups)
    assert procured == pytest.approx(
        scenario.procured_net_cost(together[0], payment, premium, standby, together[1]), abs=scale * 1e-9
    )
    saved = sum(scenario.saving(h, cost, payment, premium, standby, kept) for h, kept in groups)
    assert saved == pytest.approx(
        scenario.saving(together[0], cost, payment, premium, standby, together[1]), abs=scale * 1e-9
    )


@given(hours, hours, per_hour, per_hour, per_hour)
def test_groups_with_different_costs_add_up_at_their_mean_cost(first, second, cost, other_cost, payment):
    mean = (first * cost + second * other_cost) / (first + second)
    apart = scenario.own_net_cost(first, cost, payment, 0) + scenario.own_net_cost(second, other_cost, payment, 0)
    scale = (first + second) * (cost + other_cost + payment) / 1000 + 1
    assert apart == pytest.approx(scenario.own_net_cost(first + second, mean, payment, 0), abs=scale * 1e-9)


@few
@given(st.integers(1, 40), st.integers(1, 40), st.floats(1000, 1e5), st.floats(1000, 1e5), st.sampled_from(PROCURED))
def test_the_model_of_all_users_is_the_sum_of_its_groups(users, more, time, longer, form):
    # Follow-up is a fixed amount for a contract, and so summed once.
    fixed = {"uppfoljning_sol_hsl_tkr": 0.0, "uppfoljning_tkr": 0.0, "leverantorer_antal": 1}
    groups = [
        with_inputs(
            ANGE, "timmar_per_manad", "timmar_per_vecka", "leverantorer_antal", timmar=h, brukare_antal=n, **fixed
        )
        for n, h in ((users, time), (more, longer), (users + more, time + longer))
    ]
    nets = [result(group, FILLED).loc[form] for group in groups]
    for column in ("utforande_tkr", "kvar_tkr", "egna_forsta_timmar_tkr", "statens_ersattning_tkr", "besparing_tkr"):
        assert nets[0][column] + nets[1][column] == pytest.approx(nets[2][column], abs=1e-3)


@few
@given(st.floats(0, 2000), st.floats(0, 2000))
def test_the_measure_is_monotone_in_cost_per_hour(one, other):
    low, high = sorted((one, other))
    cheap, dear = (result(with_inputs(BJUV, kostnad_kr_per_timme=cost), FILLED) for cost in (low, high))
    assert cheap.loc[OWN, "netto_tkr"] <= dear.loc[OWN, "netto_tkr"]
    assert (cheap["besparing_tkr"] <= dear["besparing_tkr"] + 1e-9).all()
    assert cheap.loc["lov", "netto_tkr"] == pytest.approx(dear.loc["lov", "netto_tkr"])


@given(
    st.fixed_dictionaries(
        {"kostnad": per_hour, "ersattning": per_hour, "hojd_andel": shares, "timmar": hours, "kvar": amounts,
         "palagg": st.floats(-100, 100), "beredskap": shares}
    )
)
def test_the_charts_formulas_are_the_models(values):
    # What Vega evaluates holds only names, numbers, + - * / and brackets, which Python reads in the same way.
    expected = interactive.outcome(values, RATIO)
    pairs = {"besparing": expected.saved, "netto_egen": expected.own, "netto_leverantor": expected.procured,
             "brytpunkt": expected.break_even}
    assert set(pairs) == set(FORMULAS)
    for name, value in pairs.items():
        assert eval(FORMULAS[name], {"__builtins__": {}}, dict(values)) == value


@pytest.mark.parametrize("municipality", CASES, ids=lambda one: one.slug)
def test_the_chart_starts_from_the_measures(municipality):
    ratio = interactive.raise_ratio(municipality)
    forms = [scenario.counted_forms(municipality)[0], *PROCURED]
    readings = [PRINTED, FILLED, FILLED, FILLED]
    for start, form, reading in zip(interactive.starts(municipality), forms, readings, strict=True):
        outcome = interactive.outcome(start.values, ratio)
        assert outcome.saved == pytest.approx(result(municipality, reading).loc[form, "besparing_tkr"])
        point = scenario.break_even(municipality, reading).frame.loc[form, "brytpunkt_kr_per_timme"]
        assert outcome.break_even == pytest.approx(point)


@pytest.mark.parametrize("municipality", CASES, ids=lambda one: one.slug)
def test_the_tornado_is_ordered_and_holds_the_answer(municipality):
    frame = scenario.tornado(municipality).frame
    form = scenario.counted_forms(municipality)[0]
    base = result(municipality, FILLED).loc[form, "besparing_tkr"]
    assert frame["utslag_tkr"].is_monotonic_decreasing and (frame["utslag_tkr"] > 0).all()
    ends = frame[["besparing_lagt_tkr", "besparing_hogt_tkr"]]
    assert (ends.min(axis=1) <= base + 1e-6).all() and (ends.max(axis=1) >= base - 1e-6).all()
    assert not set(frame.index) & {*scenario.FIRST_HOURS, "brukare_antal"}


def test_the_tornado_uses_documented_spans():
    bjuv, ange = scenario.tornado(BJUV).frame, scenario.tornado(ANGE).frame
    assert bjuv.loc["ersattning_kr_per_timme", ["lagt", "hogt"]].tolist() == [319.7, 332.6]
    assert ange.loc["timmar", ["lagt", "hogt"]].tolist() == pytest.approx([364 * 365 / 7, 26268])
    assert ange.loc["hojd_andel", ["lagt", "hogt"]].tolist() == [0, 1]
    # 489 ± 10 %
    assert ange.loc["kostnad_kr_per_timme", ["lagt", "hogt"]].tolist() == pytest.approx([440.1, 537.9])


@pytest.mark.parametrize("municipality", CASES, ids=lambda one: one.slug)
@pytest.mark.parametrize("change", [{"timmar": 0}, {"brukare_antal": 0}, {"kostnad_kr_per_timme": 0}])
def test_zeros_divide_nothing(municipality, change):
    changed = with_inputs(municipality, "timmar_per_manad", "timmar_per_vecka", **change)
    for reading in (PRINTED, FILLED):
        for frame in (result(changed, reading), scenario.break_even(changed, reading).frame):
            assert not frame.select_dtypes("number").map(math.isinf).any(axis=None)
        sums = result(changed, reading)[["brutto_tkr", "statens_ersattning_tkr", "netto_tkr", "besparing_tkr"]]
        assert sums.notna().all(axis=None)
    if change == {"timmar": 0}:
        assert result(changed)["netto_kr_per_timme"].isna().all()
        assert scenario.break_even(changed).frame["brytpunkt_kr_per_timme"].isna().all()
    if change == {"brukare_antal": 0}:
        assert result(changed)["besparing_tkr_per_brukare"].isna().all()


def test_hours_may_be_given_by_the_month_or_week():
    monthly = with_inputs(ANGE, "timmar", "timmar_per_vecka")
    assert scenario.form_inputs(monthly, PRINTED, OWN).hours == 26268
    weekly = with_inputs(ANGE, "timmar", "timmar_per_manad")
    assert scenario.form_inputs(weekly, PRINTED, OWN).hours == pytest.approx(364 * 365 / 7)


def test_a_price_is_kept_at_its_distance_to_the_states_payment():
    dearer = with_inputs(BJUV, pris_kr_per_timme=340)
    saved = scenario.what_if(dearer).frame["besparing_tkr"]
    # 7,40 kr above the amount, whatever the amount: 54 118 · (425 − 319,70 − 7,40)
    assert saved["schablonbelopp_2022"] == pytest.approx(23_000_000 / 425 * 97.9 / 1000)


def test_a_price_below_the_raised_payment_is_what_is_paid():
    raised = with_inputs(BJUV, hojd_andel=1)
    frame = result(raised)
    # The state pays 332,60 · 1,12 for every hour, and the supplier is paid 332,60.
    assert frame.loc["lov", "utforande_tkr"] == pytest.approx(23_000_000 / 425 * 332.6 / 1000)
    assert frame.loc["lov", "statens_ersattning_tkr"] == pytest.approx(23_000_000 / 425 * 332.6 * 1.12 / 1000)


def test_the_usual_form_is_counted_where_none_is_named():
    table = BJUV.tables["scenario"]
    unnamed = dataclasses.replace(
        BJUV, tables={**BJUV.tables, "scenario": table[~table["driftform"].isin(PROCURED)]}
    )
    assert scenario.counted_forms(unnamed) == ("lou",)


def test_what_is_missing_is_said():
    for dropped in ("timmar", "kostnad_kr_per_timme"):
        with pytest.raises(MissingData, match=dropped):
            scenario.scenario_result(with_inputs(BJUV, dropped))
    with pytest.raises(MissingData):
        scenario.scenario_result(MALMO)
    with pytest.raises(ValueError):
        scenario.scenario_result(BJUV, "gissning")
    # Without a state amount the year's schablonbelopp holds.
    assert scenario.form_inputs(with_inputs(BJUV, "ersattning_kr_per_timme"), PRINTED, OWN).amount == 319.7
