"""Whether the list of a document's printed figures can be reconciled: what each row points at is there."""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd

from analysis.measures.published import Resolver, UnknownFigure, judge, read_printed
from analysis.measures.result import MEASURES, MissingData
from analysis.sources.faults import Fault, shown_path
from analysis.sources.municipality import Municipality
from analysis.sources.reader import line_numbers


def figure_faults(municipality: Municipality, data: Path) -> list[Fault]:
    """Return the rows of `publicerat` that point at nothing, or lack what the reconciliation shows."""
    listed = municipality.tables.get("publicerat")
    if listed is None:
        return []
    path = data / "kommuner" / municipality.slug / "publicerat.csv"
    resolver = Resolver(municipality)
    faults = []
    for line, (_, row) in zip(line_numbers(path), listed.iterrows(), strict=True):
        wrong = _wrong_figure(resolver, row)
        if wrong:
            column, problem, expected, advice = wrong
            what = ", ".join(filter(None, (row["rad"], row["kolumn"])))
            faults.append(Fault(shown_path(path, data), f"{what} ({row['plats']}): {problem}", expected, advice, line,
                                column, row[column]))
    return faults


def _wrong_figure(resolver: Resolver, row: pd.Series) -> tuple[str, str, str, str] | None:
    """Return the column that is wrong in a row of `publicerat`, the problem, what was expected and what to do."""
    if bool(row["matt"]) == (row["slag"] == "utan_underlag"):
        return ("slag", "slag och matt säger emot varandra", "tomt matt för slaget utan_underlag, annars ett ifyllt",
                "fyll i matt, eller skriv slaget utan_underlag och skälet i orsak")
    if row["slag"] == "utan_underlag" and not row["orsak"]:
        return "orsak", "skälet saknas", "varför siffran inte kan räknas fram", "skriv skälet i orsak"
    try:
        read_printed(row["tryckt"])
    except UnknownFigure as error:
        return "tryckt", str(error), "en siffra som den är tryckt, med siffror eller räkneord", "rätta tryckt"
    try:
        judge(resolver, row)
    # A measure is given the row's own words as arguments, and may stumble on them in any of these ways.
    except (LookupError, TypeError, ValueError) as error:
        known = str(error) if isinstance(error, (UnknownFigure, MissingData)) else "raden går inte att slå upp"
        near = [] if row["matt"] in MEASURES else difflib.get_close_matches(row["matt"], MEASURES, n=1)
        pointer = ", ".join(f"{name} ”{row[name]}”" for name in ("urval", "nyckel", "varde") if row[name])
        return ("matt", known + (f"; raden anger {pointer}" if pointer else ""),
                "ett mått, en tabell eller en parameter som finns, med en rad och en kolumn som finns i det",
                f"skriv ”{near[0]}”" if near else "rätta matt, urval, nyckel eller varde")
    return None
