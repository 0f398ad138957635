"""Swedish numbers: one formatter for prose and tables. Rounds once, half away from zero."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal

from analysis.measures.result import Quantity

NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"
NO_VALUE = "–"
WITHHELD = ".."  # as Swedish statistics write what is not shown
# What lies this many places beyond the last one shown is noise of the arithmetic.
NOISE_PLACES = 6
# From how Python writes a number: thousands, the decimal point and minus.
_SWEDISH = str.maketrans({",": NO_BREAK_SPACE, ".": ",", "-": MINUS})
# Room for the digits of any number that a float can be.
_ROOMY = Context(prec=400)

UNIT_WORDS = {
    "tkr": "tkr",
    "mnkr": "mnkr",
    "kr": "kr",
    "kr_per_timme": "kr per timme",
    "kr_per_inv": "kr per invånare",
    "antal": "antal",
    "timmar": "timmar",
    "timmar_per_manad": "timmar per månad",
    "timmar_per_vecka": "timmar per vecka",
    "per_10000_inv": f"per 10{NO_BREAK_SPACE}000 invånare",
    "procent": "procent",
    "procentenheter": "procentenheter",
    "andel": "andel",
    "minuter": "minuter",
    "index": "index",
    "ar": "",
    "text": "",
    "tal": "",
}


def rounded(value: float, decimals: int = 0) -> Decimal:
    """Return the value rounded half away from zero, as the documents round; never minus zero.

    A half that binary arithmetic has left a hair short, as 8,55499999999995, is the half that it stands for.
    """
    exact = Decimal(repr(float(value)))
    for places in (decimals + NOISE_PLACES, decimals):
        exact = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=_ROOMY)
    result = exact
    return abs(result) if result == 0 else result


def number(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Return a number as 1 234,5 with no-break spaces and a true minus; an en dash where it is missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NO_VALUE
    exact = rounded(value, decimals)
    text = f"{exact:,.{decimals}f}".translate(_SWEDISH)
    return ("+" if signed and exact > 0 else "") + text


def number_pattern(decimals: int) -> str:
    """Return the pattern, as CLDR and Excel write it, of a number with thousands apart and so many decimals."""
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def percent(value: float, decimals: int = 0) -> str:
    """Return a percentage as 28 %."""
    return f"{number(value, decimals)}{NO_BREAK_SPACE}%"


def mnkr(value_tkr: float, decimals: int = 1) -> str:
    """Return an amount in tkr as 79,1 mnkr."""
    return f"{number(value_tkr / 1000, decimals)}{NO_BREAK_SPACE}mnkr"


def tkr(value_tkr: float) -> str:
    """Return an amount as 79 111 tkr."""
    return f"{number(value_tkr)}{NO_BREAK_SPACE}tkr"


def kronor(value: float, decimals: int = 0) -> str:
    """Return an amount as 332,60 kr."""
    return f"{number(value, decimals)}{NO_BREAK_SPACE}kr"


def cell(value: object, quantity: Quantity) -> str:
    """Return a value as a table shows it."""
    if quantity.unit == "text":
        return str(value) if isinstance(value, str) else NO_VALUE
    if quantity.unit == "ar":
        return str(int(value)) if value == value else NO_VALUE
    text = number(value, decimals_of(value, quantity))
    return text + f"{NO_BREAK_SPACE}%" if quantity.unit == "procent" and text != NO_VALUE else text


def decimals_of(value: float, quantity: Quantity) -> int:
    """Return how many decimals a value is shown with.

    A mean of persons may be whole in one municipality and not in another: a decimal only where it says something.
    """
    if quantity.unit == "antal" and not quantity.decimals and value == value and float(value) != int(value):
        return 1
    return quantity.decimals
