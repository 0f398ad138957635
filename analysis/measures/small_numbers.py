"""Counts of persons too small to be shown: which they are, and which other figures would give them away."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.measures.scenario import FIRST_HOURS
from analysis.measures.schablon import days_in_year
from analysis.sources.municipality import Municipality
from analysis.sources.schema import LAWS, MUNICIPAL_TABLES, NATIONAL_TABLES, TableSpec

# They repeat what a document prints, small counts among them, in words that cannot be searched with certainty.
REPEATING_TABLES = ("publicerat", "motsagelser")
# Tables of figures of many kinds: the column that names each, how the name of a count of users begins, and its units.
_MIXED = {"scenario": "indata", "fakta": "uppgift"}
_USERS, _PERSON_UNITS = "brukare", ("personer", "brukare", "barn")


@dataclass(frozen=True)
class Cell:
    """A cell of a table: the table, the row's label in its frame and the column."""

    table: str
    row: object
    column: str


@dataclass(frozen=True)
class _Sum:
    """Cells that add up to others. `rest` is a count that stands nowhere, but follows from all the others."""

    parts: tuple[Cell, ...]
    totals: tuple[Cell, ...]
    rest: float = 0.0

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.parts + self.totals


def protect(municipality: Municipality) -> Municipality:
    """Return the municipality without the figures that would show a count of persons under its threshold.

    A figure that a table can do without is made missing, of one that it cannot the whole row is taken out, so that
    what is left is a municipality like any other and nothing that is computed from it can rest on what was taken.
    `unprotected` of what is returned is the municipality as it came; measures look there only for where a figure was
    withheld. Where nothing is withheld, or the municipality shows small counts, it is returned as it is.
    """
    if not municipality.small_numbers.threshold:
        return municipality
    hidden = withheld_cells(municipality)
    repeating = [name for name in REPEATING_TABLES if name in municipality.tables]
    if not hidden and not repeating:
        return municipality
    tables = {name: frame for name, frame in municipality.tables.items() if name not in repeating}
    if any(cell.table == "ekonomi" for cell in hidden):
        tables["ekonomi"] = _with_whole(tables["ekonomi"])
    return dataclasses.replace(
        municipality,
        tables=_without(tables, MUNICIPAL_TABLES, hidden),
        national=_without(municipality.national, NATIONAL_TABLES, hidden),
        unprotected=municipality,
    )


def withheld_cells(municipality: Municipality) -> set[Cell]:
    """Return the cells that are not shown: small counts, what they follow from, and what they follow with.

    A count is small from 1 up to, not including, the threshold; 0 says of nobody that they have assistance. A small
    count that stands nowhere but is the rest of a sum of shown counts is protected by taking out a part of that sum.
    Where what is left of a sum would still give a small count, its smallest part goes too, until nothing does.
    """
    threshold = municipality.small_numbers.threshold
    counts = _counts(municipality)
    small = {cell for cell, value in counts.items() if 0 < value < threshold}
    hidden = small | _means_of_few(municipality, small)
    sums = list(_sums(municipality, counts))
    changed = True
    while changed:
        changed = False
        for one in sums:
            if _gives_away(one, counts, hidden, small, threshold):
                shown = [cell for cell in one.cells if cell not in hidden]
                # A zero protects nothing, since no count that is shown as withheld is zero.
                hidden.add(min(shown, key=lambda cell: (counts[cell] == 0, cell in one.totals, counts[cell])))
                changed = True
    return hidden | _rest_of_the_scenario(municipality, hidden) | _money_that_counts(municipality, hidden)


def _counts(municipality: Municipality) -> dict[Cell, float]:
    """Return every count of persons in the municipality's own tables and the national ones."""
    found = {}
    for specs, tables in ((MUNICIPAL_TABLES, municipality.tables), (NATIONAL_TABLES, municipality.national)):
        for name, frame in tables.items():
            for column in specs[name].columns:
                if not (column.persons or (name in _MIXED and column.name == "varde")):
                    continue
                chosen = frame[column.name].dropna()
                if name in _MIXED:
                    chosen = chosen[_counts_users(frame, _MIXED[name]).loc[chosen.index]]
                found.update({Cell(name, row, column.name): float(value) for row, value in chosen.items()})
    return found


def _counts_users(frame: pd.DataFrame, named: str) -> pd.Series:
    users = frame[named].str.startswith(_USERS) & (frame["enhet"] == "antal")
    return users | frame["enhet"].isin(_PERSON_UNITS)


def _means_of_few(municipality: Municipality, small: set[Cell]) -> set[Cell]:
    """Return the means in the national tables that are of so few persons that they say something of each."""
    hours, people = (municipality.national.get(name) for name in ("timmar_per_vecka", "brukare_december"))
    if hours is None or people is None:
        return set()
    keys = {(people.at[cell.row, "ar"], people.at[cell.row, "omrade"]) for cell in small
            if cell.table == "brukare_december"}
    return {Cell("timmar_per_vecka", row.Index, "timmar_per_vecka") for row in hours.itertuples()
            if (row.ar, row.omrade) in keys}


def _sums(municipality: Municipality, counts: dict[Cell, float]) -> Iterator[_Sum]:
    """Yield every sum in which a count can be found from the others."""
    yield from _sums_of_flows(municipality, counts)
    yield from _sums_of_choices(municipality, counts)
    yield from _sums_of_the_scenario(municipality, counts)
    yield from _same_counts(municipality, counts)


def _sum(counts: dict[Cell, float], parts: Sequence[Cell], totals: Sequence[Cell], *, exact: bool = False
         ) -> Iterator[_Sum]:
    """Yield the sum where all its cells are known; `exact` where it is one only if the figures happen to agree.

    Otherwise what is left of the totals, the rest, is a count of its own.
    """
    if not all(cell in counts for cell in (*parts, *totals)):
        return
    rest = sum(counts[cell] for cell in totals) - sum(counts[cell] for cell in parts)
    if not rest or (not exact and rest > 0):
        yield _Sum(tuple(parts), tuple(totals), rest)


def _sums_of_flows(municipality, counts):
    flows = municipality.tables.get("floden")
    if flows is None:
        return
    for row in flows.index:
        yield from _sum(counts, [Cell("floden", row, "fran_lss_antal")], [Cell("floden", row, "nya_antal")])
    for _, year in flows.groupby("ar"):
        everyone, children = (year.index[year["grupp"] == group] for group in ("alla", "barn"))
        for pair in itertools.product(everyone, children):
            for column in ("fran_lss_antal", "nya_antal", "avslutade_antal"):
                yield from _sum(counts, [Cell("floden", pair[1], column)], [Cell("floden", pair[0], column)])


def _sums_of_choices(municipality, counts):
    table = municipality.tables.get("val_av_utforare")
    if table is None:
        return
    for row in table.index:
        total, own, employer = (Cell("val_av_utforare", row, f"{name}_antal")
                                for name in ("totalt", "kommunen", "egen_arbetsgivare"))
        yield from _sum(counts, [own], [total])
        yield from _sum(counts, [own, employer], [total])
    for _, day in table.groupby("tidpunkt"):
        rows = {law: day.index[day["lag"] == law] for law in ("alla", *LAWS)}
        if all(len(found) for found in rows.values()):
            for column in ("totalt_antal", "kommunen_antal", "egen_arbetsgivare_antal"):
                parts = [Cell("val_av_utforare", rows[law][0], column) for law in LAWS]
                yield from _sum(counts, parts, [Cell("val_av_utforare", rows["alla"][0], column)])


def _sums_of_the_scenario(municipality, counts):
    own, own_sfb, others, others_sfb = (
        _rows_where(municipality, "scenario", "varde", indata=name)
        for name in ("brukare_antal", "brukare_sfb_antal", "brukare_andra_antal", "brukare_andra_sfb_antal")
    )
    for parts, totals in ((own_sfb, own), (others_sfb, others)):
        for part, total in itertools.product(parts, totals):
            yield from _sum(counts, [part], [total])
    everyone = _rows_where(municipality, "val_av_utforare", "totalt_antal")
    for parts in (*itertools.product(own, others), *itertools.product(own_sfb, others_sfb)):
        for total in everyone:
            yield from _sum(counts, parts, [total], exact=True)


def _same_counts(municipality, counts):
    """Yield the counts of the same persons in different tables, where they agree, and those of all users."""
    chosen = municipality.tables.get("val_av_utforare")
    dates = {} if chosen is None else chosen["tidpunkt"].str.split("-").str[0].astype(int).to_dict()
    years = sorted({*dates.values(), *(year for name in ("brukare", "egen_regi") if name in municipality.tables
                                       for year in municipality.tables[name]["ar"])})
    area = municipality.area
    for year in years:
        of_year = {law: [Cell("val_av_utforare", row, "") for row, when in dates.items()
                         if when == year and chosen.at[row, "lag"] == law] for law in ("alla", *LAWS)}
        means = {part: _rows_where(municipality, "brukare", "utfall_antal", ar=year, verksamhet=part)
                 for part in (*LAWS, "utforare")}
        for own, *laws in itertools.product(means["utforare"], *(means[law] for law in LAWS)):
            yield from _sum(counts, [own], laws)
        for law in LAWS:
            same = [*means[law], *_in_column(of_year[law], "totalt_antal"),
                    *_rows_where(municipality, "brukare_1_oktober", "antal", ar=year, verksamhet=law, omrade=area)]
            if law == "sfb":
                same += _rows_where(municipality, "brukare_december", "antal", ar=year, omrade=area)
            yield from _equals(counts, same)
        own = {law: _rows_where(municipality, "egen_regi", "brukare_antal", ar=year, lag=law) for law in LAWS}
        whole = [*means["utforare"], *_rows_where(municipality, "scenario", "varde", indata="brukare_antal"),
                 *_in_column(of_year["alla"], "kommunen_antal")]
        yield from _equals(counts, whole)
        for total in whole:
            for parts in itertools.product(*own.values()):
                yield from _sum(counts, parts, [total], exact=True)
        entitled = [*own["sfb"], *_rows_where(municipality, "scenario", "varde", indata="brukare_sfb_antal")]
        yield from _equals(counts, entitled)
        for law in LAWS:
            yield from _equals(counts, [*own[law], *_in_column(of_year[law], "kommunen_antal")])


def _equals(counts: dict[Cell, float], cells: Iterable[Cell]) -> Iterator[_Sum]:
    for one, other in itertools.combinations(cells, 2):
        yield from _sum(counts, [one], [other], exact=True)


def _in_column(cells: Iterable[Cell], column: str) -> list[Cell]:
    return [dataclasses.replace(cell, column=column) for cell in cells]


def _rows_where(municipality: Municipality, table: str, column: str, **chosen) -> list[Cell]:
    frame = municipality.tables.get(table, municipality.national.get(table))
    if frame is None:
        return []
    for name, value in chosen.items():
        frame = frame[frame[name] == value]
    return [Cell(table, row, column) for row in frame.index]


def _gives_away(one: _Sum, counts: dict[Cell, float], hidden: set[Cell], small: set[Cell], threshold: int) -> bool:
    """Tell whether a sum gives a withheld count, or a small rest, to whoever knows the threshold and the method."""
    rest_is_small = 0 < one.rest < threshold
    if one.rest and not rest_is_small:
        return False  # the rest may be anything, so that nothing follows from the sum
    unknown = [cell for cell in one.cells if cell in hidden]
    if len(unknown) + rest_is_small < 2:
        return bool(unknown) or rest_is_small
    if len(unknown) == len(one.cells) or len(range(1, threshold)) == 1:
        return False  # nothing is known; or every small count is a one, so that to be small is to be known
    if any(value != int(value) for value in (*(counts[cell] for cell in one.cells), one.rest)):
        return False  # means of months, which many values may make up
    signs = {cell: 1 if cell in one.parts else -1 for cell in unknown}
    few = [signs[cell] for cell in unknown if cell in small] + [1] * rest_is_small
    more = {signs[cell] for cell in unknown if cell not in small}
    known = (sum(counts[cell] for cell in one.totals if cell not in hidden)
             - sum(counts[cell] for cell in one.parts if cell not in hidden))
    least = sum(signs[cell] * threshold for cell in unknown if cell not in small)
    # What the small ones may be: each from 1 up to the threshold, the others at least that.
    possible = [values for values in itertools.product(range(1, threshold), repeat=len(few))
                if _fits(known - sum(sign * value for sign, value in zip(few, values, strict=True)), least, more)]
    return any(len({values[place] for values in possible}) == 1 for place in range(len(few)))


def _fits(left: float, least: float, signs: set[int]) -> bool:
    """Tell whether what is left of a sum can be made up of counts that are not small, of these signs."""
    if not signs:
        return left == 0
    if len(signs) == 2:
        return True
    return left >= least if signs == {1} else left <= least


def _rest_of_the_scenario(municipality: Municipality, hidden: set[Cell]) -> set[Cell]:
    """Return all counts of users in the scenario, and the costs that follow from them, where one is withheld.

    The scenario takes one count in place of another that is missing, which would here give a wrong cost.
    """
    if not any(cell.table == "scenario" for cell in hidden):
        return set()
    table = municipality.tables["scenario"]
    chosen = table["indata"].str.startswith(_USERS) | table["indata"].isin(FIRST_HOURS)
    return {Cell("scenario", row, "varde") for row in table.index[chosen]}


def _money_that_counts(municipality: Municipality, hidden: set[Cell]) -> set[Cell]:
    """Return the cost and the budget of SFB in the years when they give the number of users.

    The municipality pays a known number of hours a week at a known price for each, so that the cost is a count of
    users in another unit. Another part goes with them, since the whole is shown.
    """
    economy = municipality.tables.get("ekonomi")
    if economy is None:
        return set()
    users = municipality.tables.get("brukare")
    few = set() if users is None else {
        (users.at[cell.row, "ar"], cell.column) for cell in hidden
        if cell.table == "brukare" and users.at[cell.row, "verksamhet"] == "sfb"
    }
    found: set[Cell] = set()
    for column, counted in (("nettokostnad_tkr", "utfall_antal"), ("budget_tkr", "budget_antal")):
        for year, rows in economy.groupby("ar"):
            entitled = rows[rows["verksamhet"] == "sfb"]
            if entitled.empty or not ((year, counted) in few or _pays_for_few(municipality, year, entitled[column])):
                continue
            found.add(Cell("ekonomi", entitled.index[0], column))
            others = rows[rows["verksamhet"].isin(["lss", "utforare"]) & (rows[column].fillna(0) != 0)]
            if not others.empty:
                found.add(Cell("ekonomi", others[column].abs().idxmin(), column))
    return found


def _pays_for_few(municipality: Municipality, year: int, amounts: pd.Series) -> bool:
    price, hours = (municipality.parameters[name] for name in ("schablonbelopp", "forsta_timmar"))
    if amounts.isna().all() or not (price.covers(year) and hours.covers(year)):
        return False
    yearly_tkr = price.in_year(year).value * hours.in_year(year).value * days_in_year(year) / 7 / 1000
    # Rounded, as whoever divided would round it.
    return 0 < round(float(amounts.iloc[0]) / yearly_tkr) < municipality.small_numbers.threshold


def _with_whole(economy: pd.DataFrame) -> pd.DataFrame:
    """Return the economy with a row for the whole of each year that has all parts, unless it has such rows.

    Else a part that is taken out would be missing from a sum that says that it is the whole.
    """
    if (economy["verksamhet"] == "totalt").any():
        return economy
    years = economy.groupby("ar")
    complete = years["verksamhet"].nunique() == economy["verksamhet"].nunique()
    whole = years[["budget_tkr", "nettokostnad_tkr"]].agg(lambda amounts: amounts.sum(skipna=False))
    first = years[["kalla", "plats"]].first()
    added = pd.concat([whole, first], axis=1)[complete].reset_index().assign(verksamhet="totalt", status="harledd")
    together = pd.concat([economy, added[economy.columns]], ignore_index=True)
    together.attrs = economy.attrs
    return together


def _without(tables, specs: dict[str, TableSpec], hidden: set[Cell]) -> dict[str, pd.DataFrame]:
    """Return the tables without the cells; a table of which no row is left goes altogether."""
    left = {}
    for name, frame in tables.items():
        gone = [cell for cell in hidden if cell.table == name]
        for column in specs[name].columns if gone else ():
            rows = [cell.row for cell in gone if cell.column == column.name]
            if not rows:
                continue
            if column.optional:
                kept = frame[column.name].astype("Int64" if column.kind == "integer" else "float64")
                frame = frame.assign(**{column.name: kept.mask(frame.index.isin(rows))})
            else:
                frame = frame.drop(index=[row for row in rows if row in frame.index])
        if len(frame):
            left[name] = frame.reset_index(drop=True) if gone else frame
    return left
