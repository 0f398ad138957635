"""How numbers are written: rounded once, half away from zero, and as Swedish writes them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from analysis.measures.result import Quantity
from analysis.present.numbers import MINUS, number, number_pattern, rounded
from analysis.present.views import with_unit


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (1234567.5, 0, "1\u00a0234\u00a0568"),
        (-0.4, 0, "0"),
        (-1234.25, 1, "−1\u00a0234,3"),
        # 351,155 − 342,6 in binary arithmetic.
        (351.155 - 342.6, 2, "8,56"),
        (0.1 + 0.2, 1, "0,3"),
        (float("nan"), 2, "–"),
        (1e300, 0, "1" + "\u00a0000" * 100),
    ],
)
def test_numbers_are_written_as_swedish_writes_them(value, decimals, shown):
    assert number(value, decimals) == shown


@given(st.decimals(-(10**12), 10**12, places=4), st.integers(0, 4))
def test_numbers_are_written_as_the_unicode_consortium_writes_them(value, decimals):
    known = format_decimal(rounded(value, decimals), format=number_pattern(decimals), locale="sv_SE")
    assert number(float(value), decimals) == known.replace("-", MINUS)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.integers(0, 3), st.integers(0, 3))
def test_a_difference_is_rounded_as_by_hand(one, other, places, decimals):
    exact = (Decimal(one) - Decimal(other)).scaleb(-places)
    by_hand = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    assert rounded(one / 10**places - other / 10**places, decimals) == by_hand


@pytest.mark.parametrize(("label", "unit", "heading"), [
    ("Nettokostnad", "tkr", "Nettokostnad (tkr)"),
    ("Utförda timmar", "timmar", "Utförda timmar"),
    ("Rest i procent av modellen", "procent", "Rest i procent av modellen"),
    ("Timmar per brukare", "timmar_per_manad", "Timmar per brukare (timmar per månad)"),
    ("Procentsats", "procent", "Procentsats (procent)"),
    ("Status", "text", "Status"),
])
def test_a_heading_says_its_unit_once(label, unit, heading):
    assert with_unit(Quantity("", label, unit)) == heading
