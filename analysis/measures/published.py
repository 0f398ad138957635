"""Recompute a figure that a document prints, from the measure that it names."""

from __future__ import annotations

import pandas as pd

from analysis.measures.comparison import cost_per_inhabitant, users_1_october
from analysis.measures.economy import budget_outcome, change_between, yearly_change
from analysis.measures.result import Draft, Quantity, measure, rows
from analysis.measures.schablon import home_care_gap, wage_gap
from analysis.measures.volumes import flows, hours, hours_per_user, users
from analysis.sources.cells import parse_number
from analysis.sources.municipality import Municipality

# The documents print costs as negative numbers; the book keeps them positive.
_PRINTED_NEGATIVE = ("nettokostnad_tkr",)


def printed_value(text: str) -> float:
    """Return the number that a printed figure stands for; a percent sign is dropped."""
    return parse_number(text.replace("%", ""))


def recompute(municipality: Municipality, row: pd.Series) -> float:
    """Return the figure of one row of `publicerat`, in the document's sign and unit, unrounded.

    `matt` names the measure, `urval` the part, group, law or area, `varde` the column of its result, and `kolumn`
    a year, `forandring` or `forandring_procent`.
    Raises KeyError where the row names a measure, a column or a year that does not exist.
    """
    series = _series(municipality, row["matt"], row["urval"], row["varde"])
    column = row["kolumn"]
    if row["matt"] == "hours_yearly_change":
        return float(series.loc[int(column)])
    sign = -1.0 if row["varde"] in _PRINTED_NEGATIVE else 1.0
    if column in ("forandring", "forandring_procent"):
        change, share = change_between(series)
        # A cost that grew is printed as a negative change in kronor but as a positive percentage.
        return share if column == "forandring_procent" else change * sign
    return float(series.loc[int(column)]) * sign


def lookup(municipality: Municipality, name: str, selection: str, column: str) -> float:
    """Return one cell of a result whose rows are not only years: `selection` is the row's key as text.

    Raises KeyError where the measure, the row or the column does not exist.
    """
    frame = {"wage_gap": wage_gap, "home_care_gap": home_care_gap}[name](municipality).frame
    keys = {str(key): key for key in frame.index}
    return float(frame.loc[keys[selection], column])


@measure("Siffror i utredningen som inte går att räkna fram")
def known_faults(municipality: Municipality) -> Draft:
    """Return the printed figures known not to follow from their sources, beside the computed ones.

    Units: as the row says. Index: uppgift (text), in the table's order.
    Formula: skillnad = tryckt siffra − uträknad siffra
    Method (sv): Den uträknade siffran är den som boken använder. Orsaken är vår bedömning.
    Raises: MissingData where the municipality has no such table; KeyError where a row names what does not exist.
    Source: the municipality's table `kanda_fel`.
    """
    used = rows(municipality, "kanda_fel").sort_values("ordning")
    computed = [lookup(municipality, row.matt, row.urval, row.varde) for row in used.itertuples()]
    frame = used.set_index("uppgift")[["enhet", "skal"]].assign(
        tryckt=[f"{row.tryckt:.{row.decimaler}f}".replace(".", ",") for row in used.itertuples()], utraknad=computed
    )
    return Draft(
        frame,
        (
            Quantity("tryckt", "Tryckt", "text"),
            Quantity("utraknad", "Uträknad", "tal", 1),
            Quantity("enhet", "Enhet", "text"),
            Quantity("skal", "Trolig orsak", "text"),
        ),
        (used,),
    )


def _series(municipality: Municipality, name: str, selection: str, column: str) -> pd.Series:
    if name == "budget_outcome":
        return budget_outcome(municipality, selection).frame[column]
    if name == "cost_per_inhabitant":
        return cost_per_inhabitant(municipality).frame[selection]
    if name == "users":
        return users(municipality, selection).frame[column]
    if name == "hours":
        return hours(municipality, selection).frame[column]
    if name == "hours_yearly_change":
        return yearly_change(hours(municipality, selection).frame["utfall_timmar"])[column]
    if name == "hours_per_user":
        return hours_per_user(municipality, selection).frame[column]
    if name == "flows":
        return flows(municipality, selection).frame[column]
    if name == "users_1_october":
        law, _, area = selection.partition("/")
        return users_1_october(municipality, law).frame[area]
    raise KeyError(name)
