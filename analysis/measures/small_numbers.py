"""Counts of persons too small to be shown: which they are, and which other figures would give them away."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import namedtuple
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pandas as pd

from analysis.measures.result import plain_rows
from analysis.measures.scenario import FIRST_HOURS
from analysis.measures.schablon import days_in_year
from analysis.sources.municipality import DEFAULT_THRESHOLD, Municipality
from analysis.sources.schema import LAWS, MUNICIPAL_TABLES, NATIONAL_TABLES, TableSpec

# They repeat what a document prints, small counts among them, in words that cannot be searched with certainty.
REPEATING_TABLES = ("publicerat", "motsagelser")
# How many hours those with SFB have in the mean.
MEANS_OF_USERS = "timmar_per_vecka"
EVERYONE, OWN, OTHERS, EMPLOYERS = "alla", "kommunen", "andra", "egen_arbetsgivare"
BOTH = "alla"  # both laws together
OUTCOME, BUDGET = "utfall", "budget"
# In `fakta` a row says itself what it counts: users, by whatever name, but not those who work for them.
_USERS = re.compile(r"brukar|person(er)?\b|barn|vuxn|ungdom|ärende|arende|assistansberättigad", re.IGNORECASE)
_STAFF = re.compile(r"personlig|assistent|anställd|anstalld|chef|medarbetar|personal", re.IGNORECASE)
_COUNTING_UNITS = re.compile(r"antal|st\b|stycken|person|brukar|barn|ärende", re.IGNORECASE)
# Counts of a scenario: whose users they are, and under which law.
_SCENARIO = {
    "brukare_antal": (OWN, BOTH),
    "brukare_sfb_antal": (OWN, "sfb"),
    "brukare_andra_antal": (OTHERS, BOTH),
    "brukare_andra_sfb_antal": (OTHERS, "sfb"),
}
# Those of firms, and all but them and all but employers: counted in no table, but what others leave or make up.
FIRMS, NOT_FIRMS, NOT_EMPLOYERS = "foretag", "andra_an_foretag", "andra_an_egna_arbetsgivare"
_ALL_KINDS = (EVERYONE, OWN, OTHERS, EMPLOYERS, FIRMS, NOT_FIRMS, NOT_EMPLOYERS)
# A whole and the two parts that it has: whose users they are, under which law.
_SUMS = [
    *(
        ((whole, law), (one, law), (other, law))
        for law in (BOTH, *LAWS)
        for whole, one, other in (
            (EVERYONE, OWN, OTHERS),
            (OTHERS, EMPLOYERS, FIRMS),
            (EVERYONE, NOT_FIRMS, FIRMS),
            (NOT_FIRMS, OWN, EMPLOYERS),
            (EVERYONE, NOT_EMPLOYERS, EMPLOYERS),
            (NOT_EMPLOYERS, OWN, FIRMS),
        )
    ),
    *(((who, BOTH), (who, "sfb"), (who, "lss")) for who in _ALL_KINDS),
]
_WHOLE_FLOWS = ("nya_antal", "avslutade_antal")
_FLOWS = (*_WHOLE_FLOWS, "fran_lss_antal")
# By what a printed figure is looked up that is a count of the national tables: measures with one column an area.
_OF_NATIONAL_COUNTS = ("users_1_october", "users_1_october_change")
_YEAR = re.compile(r"\d{4}")
_FIRST_WORDS = re.compile(r"(\S+\s*){0,3}")


@dataclass(frozen=True)
class Cell:
    """A cell of a table: the table, the row's label in its frame and the column."""

    table: str
    row: object
    column: str


@dataclass(frozen=True)
class Count:
    """How many of somebody's users have assistance under a law, or both, as one cell has it."""

    who: str
    law: str
    value: float
    cell: Cell


def protect(municipality: Municipality) -> Municipality:
    """Return the municipality without the figures that would show a count of persons under its threshold.

    A figure that a table can do without is made missing, of one that it cannot the whole row is taken out, so that
    what is left is a municipality like any other and nothing that is computed from it can rest on what was taken.
    `unprotected` of what is returned is the municipality as it came, but for a 1 in each cell that is withheld:
    measures look there for where a figure would else be, which must not rest on what it was. Where nothing is
    withheld it is returned as it is.
    """
    hidden = withheld_cells(municipality)
    municipality = _with_less_printed(municipality, hidden)
    repeating = REPEATING_TABLES if municipality.small_numbers.threshold else ()
    tables = {name: frame for name, frame in municipality.tables.items() if name not in repeating}
    if not hidden and len(tables) == len(municipality.tables):
        return municipality
    return dataclasses.replace(
        municipality,
        tables=_without(tables, MUNICIPAL_TABLES, hidden),
        national=_without(municipality.national, NATIONAL_TABLES, hidden),
        unprotected=dataclasses.replace(
            municipality, tables=_filled(municipality.tables, hidden), national=_filled(municipality.national, hidden)
        ),
    )


def _with_less_printed(municipality: Municipality, hidden: set[Cell]) -> Municipality:
    """Return the municipality without what its document prints of others' users that are not shown in the tables."""
    printed = municipality.tables.get("publicerat")
    if printed is None:
        return municipality
    counts = {}
    for table in {cell.table for cell in hidden} & set(municipality.national):
        frame = municipality.national[table].loc[[cell.row for cell in hidden if cell.table == table]]
        for row in _rows_of(frame):
            counts.setdefault(row.omrade, set()).add((getattr(row, "verksamhet", ""), str(row.ar)))
    gone = [
        row.Index
        for row in _rows_of(printed)
        if row.matt in _OF_NATIONAL_COUNTS
        and any(
            (law in row.urval or law in row.nyckel) and (year in row.nyckel or not _YEAR.search(row.nyckel))
            for law, year in counts.get(row.varde, ())
        )
    ]
    if not gone:
        return municipality
    tables = {**municipality.tables, "publicerat": printed.drop(index=gone).reset_index(drop=True)}
    return dataclasses.replace(municipality, tables=tables)


def tables_with_less(municipality: Municipality) -> set[str]:
    """Return the tables that have lost cells or rows, or all, to `protect`, but for those that repeat a document."""
    given = municipality.unprotected
    if given is None:
        return set()
    both = ((municipality.tables, given.tables), (municipality.national, given.national))
    found = {name for left, whole in both for name in whole if left.get(name) is not whole[name]}
    return found - set(REPEATING_TABLES)


def withheld_cells(municipality: Municipality) -> set[Cell]:
    """Return the cells that are not shown: small counts, and what would give them away.

    A count is small from 1 up to, not including, the threshold; 0 says of nobody that they have assistance. What of a
    year's counts is shown never adds up to another count: where a part is small, or the rest that a part leaves, the
    parts are withheld and the total stays, or the other way about. Which it is rests only on whether something is
    small, not on how small, so that it tells nothing more to whoever knows the rule. In the national tables another
    municipality's counts follow the threshold that it has itself, where that is higher.
    """
    hidden = _of_other_areas(municipality)
    if municipality.small_numbers.threshold:
        years = _users_by_year(municipality)
        hidden |= _alone(municipality)
        for counts in years.values():
            hidden |= _of_users(municipality, counts)
        hidden |= _of_flows(municipality, hidden, years) | _of_facts(municipality)
        hidden |= _of_first_hours(municipality)
        if any(cell.table == "scenario" for cell in hidden):
            hidden |= _of_the_scenario(municipality)
        hidden |= _money_that_counts(municipality, hidden, years) | _means_of_few(municipality, hidden, years)
    return hidden | _means_of_others(municipality, hidden) | _of_whole_areas(municipality)


def _is_small(value: float, threshold: int) -> bool:
    # Means of months have a decimal or two; what lies beyond is noise of the arithmetic.
    return 0 < round(float(value), 2) < threshold


def _alone(municipality: Municipality) -> set[Cell]:
    """Return every small count in the columns of the municipality's tables that hold counts of persons."""
    return {
        Cell(name, row, column.name)
        for name, frame in municipality.tables.items()
        for column in MUNICIPAL_TABLES[name].columns
        if column.persons
        for row, value in frame[column.name].dropna().items()
        if _is_small(value, municipality.small_numbers.threshold)
    }


def _users_by_year(municipality: Municipality) -> dict[tuple[int, str], list[Count]]:
    """Return every count of who has assistance, by year and whether it is budgeted; means and days alike."""
    found: dict[tuple[int, str], list[Count]] = {}

    def add(year: object, kind: str, who: str, law: str, cell: Cell, value: object) -> None:
        if not pd.isna(value):
            found.setdefault((int(year), kind), []).append(Count(who, law, float(value), cell))

    for row in _rows(municipality, "brukare"):
        who, law = (OWN, BOTH) if row.verksamhet == "utforare" else (EVERYONE, row.verksamhet)
        for kind in (OUTCOME, BUDGET):
            add(row.ar, kind, who, law, Cell("brukare", row.Index, f"{kind}_antal"), getattr(row, f"{kind}_antal"))
    for row in _rows(municipality, "val_av_utforare"):
        year = row.tidpunkt.split("-")[0]
        for who, column in ((EVERYONE, "totalt"), (OWN, OWN), (EMPLOYERS, EMPLOYERS)):
            name = f"{column}_antal"
            add(year, OUTCOME, who, row.lag, Cell("val_av_utforare", row.Index, name), getattr(row, name))
    for row in _rows(municipality, "egen_regi"):
        add(row.ar, OUTCOME, OWN, row.lag, Cell("egen_regi", row.Index, "brukare_antal"), row.brukare_antal)
    for name in ("brukare_1_oktober", "brukare_december"):
        for row in _own_rows(municipality, name):
            law = getattr(row, "verksamhet", "sfb")
            add(row.ar, OUTCOME, EVERYONE, law, Cell(name, row.Index, "antal"), row.antal)
    for row in _rows(municipality, "scenario"):
        if row.indata in _SCENARIO:
            for year in _scenario_years(municipality):
                add(year, OUTCOME, *_SCENARIO[row.indata], Cell("scenario", row.Index, "varde"), row.varde)
    return found


def _rows(municipality: Municipality, table: str) -> Iterator:
    frame = municipality.tables.get(table, municipality.national.get(table))
    return iter(()) if frame is None else _rows_of(frame)


def _own_rows(municipality: Municipality, table: str) -> Iterator:
    """Return the rows of a national table that are of the municipality's own area."""
    frame = municipality.national.get(table)
    return iter(()) if frame is None else _rows_of(frame[frame["omrade"].to_numpy() == municipality.area])


def _rows_of(frame: pd.DataFrame) -> Iterator:
    columns = tuple(frame.columns)
    for label, values in zip(frame.index.tolist(), plain_rows(frame, columns), strict=True):
        yield _row_type(columns)(label, *values)


@cache
def _row_type(columns: tuple[str, ...]) -> type:
    return namedtuple(_row_type.__name__.strip("_"), ("Index", *columns))


def _scenario_year(municipality: Municipality) -> int:
    years = [row.varde for row in _rows(municipality, "scenario") if row.indata == "ar"]
    return int(years[0]) if years else municipality.last_year


def _scenario_years(municipality: Municipality) -> set[int]:
    """Return the years that a scenario's counts may be of: its own, and that of each last count by provider."""
    choices = [int(row.tidpunkt.split("-")[0]) for row in _rows(municipality, "val_av_utforare")]
    own = [row.ar for row in _rows(municipality, "egen_regi")]
    return {_scenario_year(municipality), *(max(years) for years in (choices, own) if years)}


def _of_users(municipality: Municipality, counts: list[Count]) -> set[Cell]:
    """Return what is not shown of one year's counts of users.

    Where those of a law are few, they go, and so does what is counted of both laws together. Where those of a provider
    are few, under a law or in all, every count by provider goes, under that law and of both together, or everywhere.
    """
    threshold = municipality.small_numbers.threshold
    few = {count.law for count in counts if count.who == EVERYONE and _is_small(count.value, threshold)}
    of_providers = {count.law for count in counts if count.who != EVERYONE and _is_small(count.value, threshold)}
    counted = {(count.who, count.law) for count in counts}
    rests = {one for one, values in _rests(counts).items() if any(_is_small(value, threshold) for value in values)}
    unseen = {law for who, law in rests - counted if who == EVERYONE and law != BOTH}
    of_providers |= {law for who, law in rests if who != EVERYONE}
    laws = _with_both(few) | ({BOTH} if unseen else set())
    providers = _with_both(few | unseen | of_providers)
    return {count.cell for count in counts if count.law in (laws if count.who == EVERYONE else providers)}


def _rests(counts: list[Count]) -> dict[tuple[str, str], set[float]]:
    """Return what sums and differences of a year's counts give, by whose users and law, however many steps it takes.

    What is counted is also computed, since the rest that two counts leave may be another than that of a third. Further
    steps start from what is counted, where it is, else from the least and the largest that was computed: counts of
    several days would else give a value for each way to choose among them.
    """
    known: dict[tuple[str, str], set[float]] = {}
    for count in counts:
        known.setdefault((count.who, count.law), set()).add(count.value)
    counted, rests, before = set(known), {}, None
    while before != set(known):
        before = set(known)
        found: dict[tuple[str, str], set[float]] = {}
        for whole, one, other in _SUMS:
            for made, first, second, sign in ((whole, one, other, 1), (one, whole, other, -1), (other, whole, one, -1)):
                values = {x + sign * y for x, y in itertools.product(known.get(first, ()), known.get(second, ()))}
                found.setdefault(made, set()).update(value for value in values if value >= 0)
        for made, values in found.items():
            if values and made not in rests:
                rests[made] = values
                if made not in counted:
                    known[made] = {min(values), max(values)}
    return rests


def _with_both(laws: set[str]) -> set[str]:
    """Return the laws whose counts go when these do: both together go with either, and either with both together."""
    return {BOTH, *LAWS} if BOTH in laws else laws | {BOTH} if laws else set()


def _of_flows(municipality: Municipality, hidden: set[Cell], years: Mapping[tuple[int, str], list[Count]]) -> set[Cell]:
    """Return what is not shown of each year's flows.

    Users at the end of a year are those at its beginning, the new ones and less the ended. Where the new or the ended
    are few, or those with SFB are at either end of the year, no flows of the year are shown. Where a part of the new,
    or of the ended, is small, or what parts leave, only the whole is shown.
    """
    found: set[Cell] = set()
    threshold = municipality.small_numbers.threshold
    flows = municipality.tables.get("floden")
    for year, of_year in flows.groupby("ar") if flows is not None else ():
        rows = {row.grupp: row for row in _rows_of(of_year)}
        counts = {
            (group, column): float(getattr(row, column))
            for group, row in rows.items()
            for column in _FLOWS
            if not pd.isna(getattr(row, column))
        }
        ends = (years.get((int(year) - before, OUTCOME), ()) for before in (0, 1))
        if any(_is_small(counts.get((EVERYONE, column), 0), threshold) for column in _WHOLE_FLOWS) or any(
            _sfb_is_hidden(hidden, end) for end in ends
        ):
            found |= {Cell("floden", rows[group].Index, column) for group, column in counts}
            continue
        for columns in (("nya_antal", "fran_lss_antal"), ("avslutade_antal",)):
            parts = {one: value for one, value in counts.items() if one[1] in columns}
            few = any(_is_small(value, threshold) for value in parts.values())
            if few or _leave_few(parts, columns, threshold):
                shown = {(EVERYONE, columns[0])}
                found |= {Cell("floden", rows[group].Index, column) for group, column in set(parts) - shown}
    return found


def _leave_few(counts: Mapping[tuple[str, str], float], columns: tuple[str, ...], threshold: int) -> bool:
    """Tell whether the adults, or those who did not come from LSS, or both, are few."""
    # Each rest as the counts that make it up, and those that are taken from them.
    everyone, children = ([(group, column) for column in columns] for group in ("alla", "barn"))
    rests = [([one], [other]) for one, other in zip(everyone, children, strict=True)]
    if len(columns) > 1:
        rests += [([group[0]], [group[1]]) for group in (everyone, children)]
        rests.append(([everyone[0], children[1]], [everyone[1], children[0]]))
    return any(
        all(cell in counts for cell in (*wholes, *parts))
        and _is_small(sum(counts[cell] for cell in wholes) - sum(counts[cell] for cell in parts), threshold)
        for wholes, parts in rests
    )


def _of_facts(municipality: Municipality) -> set[Cell]:
    """Return the small counts of users among the single facts."""
    return {
        Cell("fakta", row.Index, "varde")
        for row in _rows(municipality, "fakta")
        if _is_small(row.varde, municipality.small_numbers.threshold)
        and _COUNTING_UNITS.match(row.enhet)
        and _USERS.search(words := _what_is_counted(row))
        and not _STAFF.search(words)
    }


def _what_is_counted(fact) -> str:
    """Return the words of a fact that tell what is counted: its name, its unit, and how its description begins."""
    return " ".join([*fact.uppgift.split("_"), fact.enhet, _FIRST_WORDS.match(fact.beskrivning)[0]])


def _of_first_hours(municipality: Municipality) -> set[Cell]:
    """Return the scenario's costs of the first hours that are a count of few users in another unit."""
    year = _scenario_year(municipality)
    return {
        Cell("scenario", row.Index, "varde")
        for row in _rows(municipality, "scenario")
        if row.indata in FIRST_HOURS and _pays_for_few(municipality, year, row.varde)
    }


def _of_the_scenario(municipality: Municipality) -> set[Cell]:
    """Return all counts of users in the scenario, and the costs that follow from them.

    The scenario takes one count in place of another that is missing, which would give a wrong cost.
    """
    return {
        Cell("scenario", row.Index, "varde")
        for row in _rows(municipality, "scenario")
        if row.indata in _SCENARIO or row.indata in FIRST_HOURS
    }


def _money_that_counts(
    municipality: Municipality, hidden: set[Cell], years: Mapping[tuple[int, str], list[Count]]
) -> set[Cell]:
    """Return the cost and the budget of SFB in the years when they give the number of users, and the whole with them.

    The municipality pays a known number of hours a week at a known price for each, so that the cost is a count of
    users in another unit. The other parts are shown, so that the whole must go: a sum that says that it is the whole
    needs all its parts (see Municipality.years_of_the_whole).
    """
    found = set()
    entitled = {row.ar: row for row in _rows(municipality, "ekonomi") if row.verksamhet == "sfb"}
    for row in _rows(municipality, "ekonomi"):
        if row.verksamhet not in ("sfb", "totalt") or row.ar not in entitled:
            continue
        for kind, column in ((OUTCOME, "nettokostnad_tkr"), (BUDGET, "budget_tkr")):
            few = _sfb_is_hidden(hidden, years.get((row.ar, kind), ()))
            few = few or _pays_for_few(municipality, row.ar, getattr(entitled[row.ar], column))
            if few:
                found.add(Cell("ekonomi", row.Index, column))
    return found


def _pays_for_few(municipality: Municipality, year: int, amount_tkr: float) -> bool:
    price, hours = (municipality.parameters[name] for name in ("schablonbelopp", "forsta_timmar"))
    if pd.isna(amount_tkr) or amount_tkr <= 0 or not (price.covers(year) and hours.covers(year)):
        return False
    yearly_tkr = price.in_year(year).value * hours.in_year(year).value * days_in_year(year) / 7 / 1000
    # Rounded, as whoever divided would round it.
    return round(float(amount_tkr) / yearly_tkr) < municipality.small_numbers.threshold


def _of_other_areas(municipality: Municipality) -> set[Cell]:
    """Return the small counts of others than the municipality itself in the national tables."""
    own = municipality.small_numbers.threshold
    highest = max(own, DEFAULT_THRESHOLD, *municipality.thresholds.values())
    found = set()
    for name, frame in municipality.national.items():
        if "omrade" in frame and any(column.persons for column in NATIONAL_TABLES[name].columns):
            few = frame[(frame["antal"] > 0) & (frame["antal"] < highest)]
            found |= {
                Cell(name, row, "antal")
                for row, (area, value) in zip(few.index.tolist(), plain_rows(few, ("omrade", "antal")), strict=True)
                if area != municipality.area and _is_small(value, max(own, municipality.threshold_of(area)))
            }
    return found


def _of_whole_areas(municipality: Municipality) -> set[Cell]:
    """Return the counts of counties and the nation that would give away what the municipalities there do not show.

    Books for all municipalities of a county tell together what is left for those whose counts are small. By its own
    threshold each must be able to have any small count; else the county's goes, and counts as one that is not shown
    when what the nation tells is looked at. The same goes in every book.
    """
    areas = municipality.national.get("omraden")
    if areas is None:
        return set()
    within: dict[tuple[str, str], set[str]] = {}
    for kind, whole, member in plain_rows(areas, ("slag", "omrade", "kommun")):
        within.setdefault((kind, whole), set()).add(member)
    found = set()
    for name, frame in municipality.national.items():
        if "omrade" not in frame or not any(column.persons for column in NATIONAL_TABLES[name].columns):
            continue
        years: dict[tuple, dict[str, tuple[object, float]]] = {}
        columns = [column for column in NATIONAL_TABLES[name].key if column != "omrade"]
        for row, (area, value, *when) in zip(
            frame.index.tolist(), plain_rows(frame, ("omrade", "antal", *columns)), strict=True
        ):
            years.setdefault(tuple(when), {})[area] = row, value
        for counts in years.values():
            gone: set[str] = set()
            for kind in ("region", "riket"):
                for (one, whole), members in within.items():
                    if one == kind and whole in counts:
                        counties = [] if kind == "region" else [of for level, of in within if level == "region"]
                        told = {county for county in counties if county in counts and county not in gone}
                        towns = members - {town for county in told for town in within["region", county]}
                        if _narrows(municipality, counts, whole, towns & counts.keys(), told):
                            gone.add(whole)
            found |= {Cell(name, counts[whole][0], "antal") for whole in gone}
    return found


def _narrows(
    municipality: Municipality,
    counts: Mapping[str, tuple[object, float]],
    whole: str,
    towns: Iterable[str],
    told: Iterable[str],
) -> bool:
    """Tell whether a whole, less the parts that are shown, leaves some small count fewer values than it could have."""
    left, most = counts[whole][1] - sum(counts[county][1] for county in told), []
    for town in towns:
        own = town == municipality.area
        threshold = municipality.small_numbers.threshold if own else municipality.threshold_of(town)
        if _is_small(counts[town][1], threshold):
            most.append(threshold - 1)
        else:
            left -= counts[town][1]
    if not most or not 0 < left <= sum(most):
        return False
    return not len(most) - 1 + max(most) <= left <= sum(most) - max(most) + 1


def _means_of_few(
    municipality: Municipality, hidden: set[Cell], years: Mapping[tuple[int, str], list[Count]]
) -> set[Cell]:
    """Return the national means of the municipality's own users in the years when those with SFB are few."""
    return {
        Cell(MEANS_OF_USERS, row.Index, "timmar_per_vecka")
        for row in _own_rows(municipality, MEANS_OF_USERS)
        if _sfb_is_hidden(hidden, years.get((row.ar, OUTCOME), ()))
    }


def _sfb_is_hidden(hidden: set[Cell], counts: Iterable[Count]) -> bool:
    return any(count.cell in hidden and (count.who, count.law) == (EVERYONE, "sfb") for count in counts)


def _means_of_others(municipality: Municipality, hidden: set[Cell]) -> set[Cell]:
    """Return the national means of other areas' users in the years when those with SFB are few there."""
    few = set()
    for name in ("brukare_december", "brukare_1_oktober"):
        rows = {cell.row for cell in hidden if (cell.table, cell.column) == (name, "antal")}
        frame = municipality.national.get(name)
        few |= {
            (row.ar, row.omrade)
            for row in (_rows_of(frame[frame.index.isin(rows)]) if rows else ())
            if getattr(row, "verksamhet", "sfb") == "sfb"
        }
    means = municipality.national.get(MEANS_OF_USERS)
    if not few or means is None:
        return set()
    return {
        Cell(MEANS_OF_USERS, row, "timmar_per_vecka")
        for row, of in zip(means.index.tolist(), plain_rows(means, ("ar", "omrade")), strict=True)
        if of in few
    }


def _filled(tables: Mapping[str, pd.DataFrame], hidden: set[Cell]) -> dict[str, pd.DataFrame]:
    """Return the tables with a 1, by which anything can be divided, in each of the cells."""
    filled = dict(tables)
    for (table, column), cells in itertools.groupby(sorted(hidden, key=_place), key=_place):
        if table in filled:
            frame = filled[table]
            values = frame[column].mask(frame.index.isin([cell.row for cell in cells]), 1)
            filled[table] = frame.assign(**{column: values})
    return filled


def _place(cell: Cell) -> tuple[str, str]:
    return cell.table, cell.column


def _without(
    tables: Mapping[str, pd.DataFrame], specs: Mapping[str, TableSpec], hidden: set[Cell]
) -> dict[str, pd.DataFrame]:
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
