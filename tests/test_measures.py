"""The measures' laws: identities, sums and edges."""

import dataclasses
import importlib
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.measures import result as result_module
from analysis.measures.decomposition import decompose, lss_cost_decomposition, sfb_cost_decomposition
from analysis.measures.economy import budget_outcome, change_between, deviation_by_part, yearly_change
from analysis.measures.result import MissingData, every_measure
from analysis.measures.schablon import booked_and_underlying, home_care_gap, lss_model, sfb_model, wage_gap
from analysis.measures.small_numbers import protect
from analysis.sources import load_municipality
from analysis.sources.municipality import SmallNumbers

MALMO = load_municipality("malmo")
amounts = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False).map(lambda value: round(value, 3))


@given(
    st.lists(amounts, min_size=3, max_size=3),
    st.lists(amounts, min_size=3, max_size=3),
)
def test_effects_sum_to_the_change_of_the_product(before, after):
    names = ["pris", "brukare", "timmar"]
    effects = decompose(dict(zip(names, before, strict=True)), dict(zip(names, after, strict=True)))
    change = math.prod(after) - math.prod(before)
    scale = max(abs(value) for value in [math.prod(after), math.prod(before), *effects.values(), 1.0])
    assert sum(effects.values()) == pytest.approx(change, abs=scale * 1e-9)


@given(st.lists(amounts.filter(bool), min_size=3, max_size=3), amounts)
def test_a_factor_that_alone_changes_has_the_whole_effect(before, new):
    names = ["pris", "brukare", "timmar"]
    start = dict(zip(names, before, strict=True))
    effects = decompose(start, {**start, "pris": new})
    assert effects["brukare"] == effects["timmar"] == 0
    assert effects["samverkan"] == pytest.approx(0, abs=abs(effects["pris"]) * 1e-6 + 1e-3)


@pytest.mark.parametrize("decomposition", [lss_cost_decomposition, sfb_cost_decomposition])
def test_effects_of_a_year_sum_to_the_booked_change(decomposition):
    part = "lss" if decomposition is lss_cost_decomposition else "sfb"
    frame = decomposition(MALMO).frame
    booked = budget_outcome(MALMO, part).frame["nettokostnad_tkr"].diff()
    for year, row in frame.iterrows():
        assert row.drop(["fran_ar", "forandring_tkr"]).sum() == pytest.approx(booked[year])
        assert row["forandring_tkr"] == pytest.approx(booked[year])


def test_parts_deviations_sum_to_the_whole():
    frame = deviation_by_part(MALMO).frame
    assert frame.drop(columns="totalt").sum(axis=1).to_list() == frame["totalt"].to_list()


def test_models_by_hand():
    # 2025: 565 386 h × 342,60 kr = 193 701 tkr; 455 users × 20 h × 365/7 × 342,60 kr − 1 000 tkr = 161 564 tkr.
    assert lss_model(MALMO).frame.loc[2025, "modell_tkr"] == pytest.approx(565386 * 342.60 / 1000)
    assert sfb_model(MALMO).frame.loc[2025, "modell_tkr"] == pytest.approx(455 * 20 * 365 / 7 * 342.60 / 1000 - 1000)
    # 2024 is a leap year.
    assert sfb_model(MALMO).frame.loc[2024, "timmar"] == pytest.approx(435 * 20 * 366 / 7)


def test_one_off_items_are_taken_out_and_moved():
    frame = booked_and_underlying(MALMO, "sfb").frame
    assert frame.loc[2024, "utan_engangsposter_tkr"] == 158513 - 10000
    assert frame.loc[2025, "utan_engangsposter_tkr"] == 154970 + 4600
    assert frame.loc[2023, "ratt_ar_tkr"] == 133924 + 10000
    assert frame.loc[2020, "ratt_ar_tkr"] == 121600


def test_wage_gap_and_home_care_by_hand():
    row = wage_gap(MALMO).frame.iloc[-1]
    assert row["schablon_okning_kr_per_timme"] == pytest.approx(332.60 - 304.30)
    assert row["gap_kr_per_timme"] == pytest.approx(304.30 * 0.195 - 28.30)
    assert home_care_gap(MALMO).frame.loc[2022, "skillnad_procent"] == pytest.approx((420 / 319.7 - 1) * 100)


def test_change_from_zero_has_no_percentage():
    change, share = change_between(pd.Series({2020: 0.0, 2021: 5.0}))
    assert change == 5
    assert math.isnan(share)


def test_change_of_a_negative_start_keeps_its_sign():
    assert change_between(pd.Series({2020: -100.0, 2021: -150.0})) == (-50, -50)


def test_yearly_change_names_the_year_before_a_gap():
    frame = yearly_change(pd.Series({2020: 1.0, 2022: 3.0}))
    assert frame.loc[2022, "fran_ar"] == 2020


def test_missing_rows_are_said():
    with pytest.raises(MissingData, match="malmo: ekonomi"):
        budget_outcome(MALMO, "okand")


def _every_result(municipality):
    """Return what each measure gives, alone and for each law, by its name and argument."""
    found = {}
    for name, card in every_measure().items():
        compute = getattr(importlib.import_module(card.module), name)
        for arguments in ((), ("sfb",), ("lss",)):
            try:
                found[name, *arguments] = compute(municipality, *arguments)
            except (LookupError, TypeError, AttributeError, ValueError):  # lacks data, or takes other arguments
                continue
    return found


@pytest.mark.parametrize("slug", ["malmo", "huddinge"])
@pytest.mark.parametrize("threshold", [3, 20, 100])
def test_what_is_withheld_is_the_same_where_only_what_it_can_touch_is_computed_anew(slug, threshold, monkeypatch):
    whole = dataclasses.replace(load_municipality(slug), small_numbers=SmallNumbers(threshold))
    anew = []
    touched = result_module._touched

    def counted(item, read):
        anew.append(touched(item, read))
        return anew[-1]

    monkeypatch.setattr(result_module, "_touched", counted)
    quick = _every_result(protect(whole))
    assert {True, False} == set(anew)
    monkeypatch.setattr(result_module, "_touched", lambda item, read: True)
    slow = _every_result(protect(whole))
    assert quick.keys() == slow.keys()
    if threshold > 20:
        assert any(result.withheld is not None for result in quick.values())
    for key, result in quick.items():
        other = slow[key]
        pd.testing.assert_frame_equal(result.frame, other.frame)
        assert (result.withheld is None) == (other.withheld is None), key
        if result.withheld is not None:
            pd.testing.assert_frame_equal(result.withheld, other.withheld)
        bare = [dataclasses.replace(one, frame=None, withheld=None) for one in (result, other)]
        assert bare[0] == bare[1]
