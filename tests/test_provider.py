"""The cost of a provider's hour: worked by hand for Malmö, and how it must move with its inputs."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.measures import provider
from analysis.measures.result import MEASURES, MissingData
from analysis.sources.municipality import load_municipality
from analysis.sources.schema import EXAMPLE_TERMS

MALMO = load_municipality("malmo")
MEASURED = [provider.full_time_norm, provider.on_call_hour, provider.on_call_curve, provider.on_call_hours_curve,
            provider.rota_size, provider.short_visits, provider.surplus_staff, provider.notice_month]
wages = st.floats(1, 1000)
shares = st.floats(0, 1)
few = settings(max_examples=15, deadline=None)


def with_term(name, value):
    """Return Malmö with one term of employment changed, or removed where the value is None."""
    table = MALMO.tables["villkor"].copy()
    if value is None:
        table = table[table["villkor"] != name]
    else:
        table.loc[table["villkor"] == name, "varde"] = value
    return dataclasses.replace(MALMO, tables={**MALMO.tables, "villkor": table})


def weighted(column="cost_kr_per_hour", **inputs):
    return provider.on_call_hour(MALMO, **inputs).frame.loc["vagt", column]


def test_full_time_norm_in_malmo():
    frame = provider.full_time_norm(MALMO).frame
    assert list(frame.index) == [37, 36.33, 34.33]
    # 40 / 37 − 1 = 0.081081; 40 / 34.33 − 1 = 0.165162
    assert frame["share_percent"].tolist() == pytest.approx([8.1081, 10.1019, 16.5162], abs=1e-4)
    # 180 · 1.4718 = 264.924; · 3 / 37 = 21.4803
    assert frame.loc[37, "extra_cost_kr_per_hour"] == pytest.approx(264.924 * 3 / 37)


def test_on_call_hour_in_malmo():
    frame = provider.on_call_hour(MALMO).frame
    # vardag: 0.5 · 180 + 0.5 · 55 + 0.3 · 180 = 90 + 27.5 + 54 = 171.5; · 1.4718 = 252.4137
    # helg: 0.5 · 180 + 0.5 · 110 + 0.59 · 180 = 90 + 55 + 106.2 = 251.2; · 1.4718 = 369.71616
    # vägt: 252.4137 + 0.2857 · (369.71616 − 252.4137) = 285.92701
    assert frame["cost_kr_per_hour"].tolist() == pytest.approx([252.4137, 369.71616, 285.92701], abs=1e-4)
    assert frame["cost_alternative_kr_per_hour"].tolist() == pytest.approx(frame["cost_kr_per_hour"].tolist())
    # 0.25 · 342.60 = 85.65; 285.92701 − 85.65 = 200.27701; 85.65 / 285.92701 = 29.955 %
    assert frame["payment_kr_per_hour"].tolist() == pytest.approx([85.65] * 3)
    assert frame.loc["vagt", "gap_kr_per_hour"] == pytest.approx(200.27701, abs=1e-4)
    assert frame.loc["vagt", "coverage_percent"] == pytest.approx(29.955, abs=1e-3)


def test_on_call_hour_above_the_limit():
    # 100 hours, 50 of them above: 0.5 · 1.10 = 0.55 of the wage, 0.55 · 180 = 99; (171.5 + 99) · 1.4718 = 398.1219
    # or 0.55 of the on-call pay so far: 171.5 · 1.55 · 1.4718 = 391.241235
    row = provider.on_call_hour(MALMO, hours_per_month=100).frame.loc["vardag"]
    assert row["cost_kr_per_hour"] == pytest.approx(398.1219)
    assert row["cost_alternative_kr_per_hour"] == pytest.approx(391.241235)


def test_on_call_hour_of_another_year():
    # 0.25 · 347.70 = 86.925
    assert weighted("payment_kr_per_hour", year=2026) == pytest.approx(86.925)
    with pytest.raises(MissingData, match="2019"):
        provider.on_call_hour(MALMO, year=2019)


def test_curves_meet_the_single_hour():
    curve = provider.on_call_curve(MALMO).frame
    assert (curve.index[0], curve.index[-1]) == (90, 360)
    assert curve.loc[180, "cost_kr_per_hour"] == pytest.approx(weighted())
    assert provider.on_call_curve(MALMO, [200]).frame.iloc[0, 0] == pytest.approx(weighted(hourly_wage=200))
    hours = provider.on_call_hours_curve(MALMO).frame
    assert (hours.index[0], hours.index[-1]) == (1, 100)
    assert (hours.loc[:50, "cost_kr_per_hour"] == hours.loc[50, "cost_kr_per_hour"]).all()
    assert hours.loc[50, "cost_kr_per_hour"] == pytest.approx(weighted())
    assert hours.loc[50:, "cost_kr_per_hour"].is_monotonic_increasing
    assert hours.loc[50:, "cost_alternative_kr_per_hour"].is_unique
    for hour in (20, 75, 100):
        assert hours.loc[hour, "cost_kr_per_hour"] == pytest.approx(weighted(hours_per_month=hour))


def test_rota_size_in_malmo():
    frame = provider.rota_size(MALMO).frame
    assert list(frame.index) == list(range(1, 9))
    # 6 · 365 / 12 = 182.5 a month; over four 45.625, over two 91.25, which is 41.25 above 50
    assert frame.loc[4, ["hours_per_employee_month", "over_limit_hours"]].tolist() == pytest.approx([45.625, 0])
    assert frame.loc[2, ["hours_per_employee_month", "over_limit_hours"]].tolist() == pytest.approx([91.25, 41.25])
    # 182.5 / 50 = 3.65, so four; two share at most 2 · 50 · 12 / 365 = 3.2877 hours a night
    assert set(frame["needed_employees"]) == {4}
    assert frame.loc[2, "longest_night_hours"] == pytest.approx(3.2877, abs=1e-4)


def test_short_visits_in_malmo():
    frame = provider.short_visits(MALMO).frame
    assert list(frame.index) == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    # 10 minutes: 60 · 25 / 10 = 150 minutes; 264.924 · 2.5 + 20 · 6 = 782.31; − 342.60 = 439.71
    assert frame.loc[10].tolist() == pytest.approx([150, 782.31, 342.60, 439.71])
    # 90 minutes: 60 · 105 / 90 = 70 minutes; 264.924 · 7 / 6 + 20 · 2 / 3 = 309.078 + 13.333
    assert frame.loc[90, ["paid_minutes_per_hour", "cost_kr_per_hour"]].tolist() == pytest.approx([70, 322.411333])


def test_surplus_staff_in_malmo():
    frame = provider.surplus_staff(MALMO).frame
    assert frame.index.tolist() == pytest.approx([0, 1.5, 3, 6])
    # 264.924 · 0.03 / 0.97 = 8.19353; 264.924 · 0.06 / 0.94 = 16.91004
    assert frame["cost_kr_per_performed_hour"].iloc[[0, 2, 3]].tolist() == pytest.approx([0, 8.19353, 16.91004], 1e-5)


def test_notice_month_in_malmo():
    # 1 · 4 · 30 · 365 / 7 / 12 = 521.42857 hours; · 264.924 = 138 138.94 kr
    assert provider.notice_month(MALMO).frame.loc[4].tolist() == pytest.approx([521.42857, 138138.94], abs=1e-2)


@pytest.mark.parametrize("function", MEASURED, ids=lambda function: function.__name__)
def test_every_measure_is_described_and_sourced(function):
    result = function(MALMO)
    assert MEASURES[result.id].formula and MEASURES[result.id].method
    assert result.references and result.assumptions
    assert result.frame.notna().all(axis=None)
    assert not any(character.isdigit() for caveat in result.caveats for character in caveat)


def test_overrides_are_what_is_shown_as_assumed():
    shown = {item.id: item.value for item in provider.surplus_staff(MALMO, share=0.5, hourly_wage=200).assumptions}
    assert shown == {"overtalig_andel": 0.5, "timlon": 200}


@pytest.mark.parametrize("function, name", [
    (provider.full_time_norm, "heltidsmatt_privat"), (provider.on_call_hour, "jour_tillagg_helg_andel"),
    (provider.on_call_curve, "jour_ob_andel"), (provider.on_call_hours_curve, "jour_grans"),
    (provider.rota_size, "jour_minsta_bemanning"), (provider.short_visits, "kort_insats_hogst"),
    (provider.notice_month, "uppsagningstid_pan"),
])
def test_a_missing_term_is_missing_data(function, name):
    with pytest.raises(MissingData, match=name):
        function(with_term(name, None))


@pytest.mark.parametrize("example", EXAMPLE_TERMS)
def test_an_example_needs_every_term_that_it_takes(example):
    assert MALMO.has("villkor", f"villkor:{example}")
    for term in EXAMPLE_TERMS[example]:
        assert not with_term(term, None).has(f"villkor:{example}")
    terms = MALMO.tables["villkor"]
    alone = dataclasses.replace(MALMO, tables={"villkor": terms[terms["villkor"].isin(EXAMPLE_TERMS[example])]})
    assert alone.has("villkor", f"villkor:{example}")
    early = dataclasses.replace(alone, last_year=2019)  # the year before the first known charges on wages
    assert not early.has("villkor") and not early.has(f"villkor:{example}")
    other = dataclasses.replace(MALMO, tables={"villkor": terms[terms["villkor"] == "fa_timmar_grans"]})
    assert not other.has("villkor")


def test_the_shortest_and_the_longest_visit_may_change_places():
    swapped = dataclasses.replace(MALMO, tables={"villkor": MALMO.tables["villkor"].replace(
        {"villkor": {"kort_insats_minst": "kort_insats_hogst", "kort_insats_hogst": "kort_insats_minst"}})})
    assert provider.short_visits(swapped).frame.equals(provider.short_visits(MALMO).frame)


def test_missing_norms_and_zero_divisors():
    terms = MALMO.tables["villkor"]
    only = terms[terms["villkor"] == "heltidsmatt_privat"]
    with pytest.raises(MissingData, match="heltidsmått"):
        provider.full_time_norm(dataclasses.replace(MALMO, tables={"villkor": only}))
    with pytest.raises(MissingData, match="större än noll"):
        provider.rota_size(with_term("jour_grans", 0))
    with pytest.raises(MissingData, match="timlon"):
        provider.surplus_staff(dataclasses.replace(MALMO, assumptions={
            "overtalig_andel": MALMO.assumptions["overtalig_andel"]}))


@few
@given(wages)
def test_full_time_norm_is_free_when_it_equals_the_private(wage):
    frame = provider.full_time_norm(with_term("heltidsmatt_1", 40), hourly_wage=wage).frame
    assert frame.loc[40].tolist() == [0, 0]


@few
@given(wages, st.floats(0.1, 500))
def test_cost_rises_with_the_wage(one, more):
    for function in (provider.full_time_norm, provider.on_call_hour, provider.short_visits, provider.notice_month):
        columns = [name for name in function(MALMO).frame.columns if "cost" in name]
        low, high = (function(MALMO, hourly_wage=wage).frame[columns] for wage in (one, one + more))
        assert (low < high).all(axis=None)


@few
@given(wages, shares, st.floats(0, 500), st.floats(0, 500), st.floats(0, 300))
def test_on_call_cost_is_linear_in_the_weekend_share(wage, share, ob_weekday, ob_weekend, hours):
    inputs = {"hourly_wage": wage, "ob_weekday": ob_weekday, "ob_weekend": ob_weekend, "hours_per_month": hours}
    frame = provider.on_call_hour(MALMO, weekend_share=share, **inputs).frame
    for column in ("cost_kr_per_hour", "cost_alternative_kr_per_hour"):
        weekday, weekend = weighted(column, weekend_share=0, **inputs), weighted(column, weekend_share=1, **inputs)
        assert (weekday, weekend) == pytest.approx((frame.loc["vardag", column], frame.loc["helg", column]))
        assert frame.loc["vagt", column] == pytest.approx(weekday + share * (weekend - weekday))


@few
@given(st.floats(0, 50), st.floats(50.1, 400), st.floats(0.1, 100))
def test_extra_on_call_pay_begins_above_the_limit(below, above, more):
    for column in ("cost_kr_per_hour", "cost_alternative_kr_per_hour"):
        assert weighted(column, hours_per_month=below) == weighted(column)
        assert weighted(column) < weighted(column, hours_per_month=above)
        assert weighted(column, hours_per_month=above) < weighted(column, hours_per_month=above + more)


@given(st.floats(0.01, 10_000), st.floats(0.01, 1000))
def test_needed_employees_is_the_least_number(hours, limit):
    count = provider.needed_employees(hours, limit)
    assert count >= 1 and hours / count <= limit
    assert count == 1 or hours / (count - 1) > limit


@given(st.integers(1, 500), st.floats(0.1, 200))
def test_a_whole_number_of_shares_needs_no_one_more(count, limit):
    needed = provider.needed_employees(count * limit, limit)
    # count · limit is rounded, and may then be a hair too much for count employees.
    assert needed == count if count * limit / count <= limit else needed == count + 1
    night = provider.longest_night_hours(count, limit)
    assert math.isclose(night * 365 / 12 / count, limit)


def test_needed_employees_at_the_edges():
    assert [provider.needed_employees(hours, 50) for hours in (0, 1, 50, 50.01, 200)] == [0, 1, 1, 2, 4]
    with pytest.raises(ValueError, match="gränsen"):
        provider.needed_employees(10, 0)


@few
@given(wages, st.floats(0.1, 240), st.floats(0, 1000))
def test_short_visits_cost_less_the_longer_they_are(wage, travel, fare):
    frame = provider.short_visits(MALMO, hourly_wage=wage, travel_minutes=travel, travel_cost=fare).frame
    assert (frame["cost_kr_per_hour"].diff().dropna() < 0).all()


@few
@given(wages)
def test_short_visits_without_travel_cost_the_wage(wage):
    frame = provider.short_visits(MALMO, hourly_wage=wage, travel_minutes=0, travel_cost=0).frame
    assert frame["cost_kr_per_hour"].tolist() == pytest.approx([wage * 1.4718] * len(frame))
    assert (frame["paid_minutes_per_hour"] == 60).all()


@few
@given(st.floats(0.001, 0.9), wages)
def test_surplus_costs_nothing_at_zero_and_rises_with_the_share(share, wage):
    cost = provider.surplus_staff(MALMO, share=share, hourly_wage=wage).frame["cost_kr_per_performed_hour"]
    assert cost.iloc[0] == 0 and (cost.diff().dropna() > 0).all()
    assert cost.index.max() < 100


def test_surplus_share_must_leave_hours_to_perform():
    assert provider.surplus_staff(MALMO, share=0).frame["cost_kr_per_performed_hour"].tolist() == [0]
    with pytest.raises(ValueError, match="mindre än 1"):
        provider.surplus_staff(MALMO, share=1)
