"""A municipality's figures as evidence: each with the cell that it stands in and how far its rounding may reach."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pandas as pd

from analysis.measures.schablon import days_in_year
from analysis.sources.doubts import Cell, Doubt, Figure, said
from analysis.sources.faults import shown_path
from analysis.sources.municipality import FETCHED_FOLDER, Municipality
from analysis.sources.reader import line_numbers, read_table
from analysis.sources.registers import Bound
from analysis.sources.schema import MUNICIPAL_TABLES, NATIONAL_TABLES, PARTS, ColumnSpec

# What a figure of a unit is at most rounded to without being marked as rounded: whole mnkr, and whole thousands.
_COARSEST = {"tkr": Decimal(1000), "timmar": Decimal(1000)}
_ROUNDED = ("avrundad", "uppskattad")
HALF = Decimal(1) / 2
THOUSAND = Decimal(1000)
PART_WORDS = {
    "totalt": "helheten",
    "sfb": "SFB",
    "lss": "LSS",
    "utforare": "utföraren",
    "alla": "alla",
    "barn": "barn",
}
CHECK_BOTH = "Se efter i källan vilken av uppgifterna som är fel."
CHECK_DIGITS = "Se efter om en siffra har fallit bort eller kommit till, och om beloppet är i tkr."
CHECK_UNIT = "Se efter vilken enhet källan har."


def exact(number: float) -> Decimal:
    """Return the decimal number that a cell holds, so that sums and limits are exact."""
    return Decimal(repr(float(number)))


def _last_place(value: Decimal) -> Decimal:
    """Return the place of the last digit that is not zero: 0.1 for 2.5, and 100 for 1 200."""
    return Decimal(1).scaleb(value.normalize().as_tuple().exponent)


def total(figures: Sequence[Figure], label: str) -> Figure:
    """Return the sum of figures in one unit; their roundings add up."""
    return Figure(
        label,
        tuple(cell for figure in figures for cell in figure.cells),
        sum((figure.value for figure in figures), Decimal(0)),
        sum((figure.slack for figure in figures), Decimal(0)),
        figures[0].unit if figures else "",
    )


def scaled(figure: Figure, factor: Decimal, unit: str, label: str = "") -> Figure:
    """Return a figure times a positive factor, in another unit."""
    return Figure(label or figure.label, figure.cells, figure.value * factor, figure.slack * factor, unit)


def difference(first: Figure, second: Figure, label: str) -> Figure:
    """Return the first figure less the second, with the roundings of both."""
    return Figure(label, first.cells + second.cells, first.value - second.value, first.slack + second.slack, first.unit)


def quotient(over: Figure, under: Figure) -> tuple[Decimal, Decimal, Decimal] | None:
    """Return the least, the stated and the largest that a quotient may be before rounding; None near zero."""
    if under.low <= 0:
        return None
    ends = [top / bottom for top in (over.low, over.high) for bottom in (under.low, under.high)]
    return min(ends), over.value / under.value, max(ends)


def outside(span: tuple[Decimal, Decimal, Decimal] | None, low: Decimal | None, high: Decimal | None) -> bool:
    """Tell whether a quotient lies beyond the limits, whichever way it was rounded."""
    return span is not None and ((low is not None and span[2] < low) or (high is not None and span[0] > high))


def quotient_of(over: Figure, under: Figure) -> Decimal:
    """Return a quotient for a sentence; zero below the line counts as one unit."""
    return over.value / (under.value or Decimal(1))


def doubt(subject: str, problem: str, figures: Sequence[Figure], implication: str, advice: str) -> Doubt:
    """Return a doubt whose rule is not named yet."""
    return Doubt("", subject, problem, tuple(figures), implication, advice)


def times_text(value: Decimal, *limits: Decimal | None) -> str:
    """Return a quotient with two decimals, with none where it is large, with two digits where it is small.

    Beyond a limit it has as many as tell it from the limit.
    """
    small = value and abs(value) < Decimal("0.1")
    return _beyond(value, 1 - value.adjusted() if small else 2 if abs(value) < 100 else 0, limits)


def _beyond(value: Decimal, decimals: int, limits: Sequence[Decimal | None]) -> str:
    told = [said(limit) for limit in limits if limit is not None and limit != value]
    while (text := said(value, decimals)) in told:
        decimals += 1
    return text


def roughly(value: Decimal) -> str:
    """Return a large quotient with two digits and zeros."""
    return said(value.quantize(Decimal(1).scaleb(value.adjusted() - 1)))


def percent_text(value: Decimal, *limits: Decimal) -> str:
    """Return a share as a number of percent, so that it can be told from the limits that it lies beyond."""
    return _beyond(value * 100, 1, [limit * 100 for limit in limits])


def apart(first: Figure, second: Figure) -> Decimal:
    """Return how far apart two figures are when their roundings bring them as near as they can."""
    return max(abs(first.value - second.value) - first.slack - second.slack, Decimal(0))


def limits_text(low: Decimal | None, high: Decimal | None) -> str:
    """Return the limits of a bound in words."""
    if low is None:
        return f"högst {said(high)}"
    return f"minst {said(low)}" if high is None else f"mellan {said(low)} och {said(high)}"


class Evidence:
    """One municipality's figures, looked up by table, column and row.

    Rounding: a figure may have been rounded by half a unit of the last digit that any figure of its column has, at most
    half a mnkr, half a thousand hours or half a person; one that is marked as rounded or estimated, by half a unit of
    its own last digit that is not zero. Counts of persons, as opposed to means, are exact unless marked.
    """

    def __init__(self, municipality: Municipality, data_directory: Path):
        self.municipality = municipality
        self.data = data_directory
        self.folder = data_directory / "kommuner" / municipality.slug
        self._known_lines: dict[str, list[int]] = {}
        self._known_figures: dict[tuple[str, str], list[tuple[Mapping[Hashable, object], Figure]]] = {}
        self._known_national: dict[str, dict[tuple, tuple[str, int]]] = {}

    @property
    def card(self) -> str:
        """How messages name the municipality's card."""
        return shown_path(self.folder / "kommun.yml", self.data)

    def bound(self, name: str) -> Bound:
        """Return a bound of rimlighet.yml."""
        return self.municipality.bounds[name]

    def rows(self, table: str, **selection: object) -> pd.DataFrame:
        """Return a municipal table's rows where the columns equal the selection; none where the table is missing."""
        frame = self.municipality.tables.get(table)
        if frame is None:
            return pd.DataFrame(columns=[column.name for column in MUNICIPAL_TABLES[table].all_columns])
        for column, value in selection.items():
            frame = frame[frame[column] == value]
        return frame

    def file(self, table: str) -> str:
        """Return how messages name a municipal table's file."""
        return shown_path(self.folder / f"{table}.csv", self.data)

    def line(self, table: str, index: int) -> int:
        """Return the row that Excel shows for a row of a municipal table."""
        return self._lines(table)[index]

    def figures(
        self, table: str, column: str, label: str | Callable[[Mapping], str] = "", **selection: object
    ) -> list[tuple[Mapping, Figure]]:
        """Return the rows that have a value in the column, each with that value as a figure."""
        found = []
        for row, figure in self._figures(table, column):
            if all(_is(row[name], wanted) for name, wanted in selection.items()):
                named = label(row) if callable(label) else label
                found.append((row, Figure(named, figure.cells, figure.value, figure.slack, figure.unit)))
        return found

    def by_year(self, table: str, column: str, label: str = "", **selection: object) -> dict[int, Figure]:
        """Return the selection's figures by year; where a year has several rows, their sum."""
        years: dict[int, list[Figure]] = {}
        for row, figure in self.figures(table, column, label, **selection):
            years.setdefault(int(row["ar"]), []).append(figure)
        return {year: found[0] if not found[1:] else total(found, label) for year, found in sorted(years.items())}

    def whole(self, column: str, label: str) -> dict[int, Figure]:
        """Return a column of `ekonomi` for the whole: its own rows, else the sum in the years that have every part."""
        own = self.by_year("ekonomi", column, label, verksamhet="totalt")
        parts = [self.by_year("ekonomi", column, label, verksamhet=part) for part in PARTS if part != "totalt"]
        parts = [part for part in parts if part]
        if own or not parts:
            return own
        years = set.intersection(*map(set, parts))
        return {year: total([part[year] for part in parts], label) for year in sorted(years)}

    def input(self, name: str, label: str, form: str = "") -> Figure | None:
        """Return an input of the scenario, of one form of operation or the first that has it."""
        for row, figure in self.figures("scenario", "varde", label, indata=name):
            if not form or row["driftform"] == form:
                return figure
        return None

    @property
    def scenario_year(self) -> int | None:
        """The year that the scenario's inputs are for."""
        found = self.rows("scenario", indata="ar")
        return int(found["varde"].iloc[0]) if len(found) else None

    def national(self, table: str, column: str, label: str, **selection: object) -> dict[int, Figure]:
        """Return the municipality's own rows of a national table by year."""
        own = self.national_figures(table, column, label, omrade=self.municipality.area, **selection)
        return {int(row["ar"]): figure for row, figure in own}

    def national_figures(
        self, table: str, column: str, label: str, **selection: object
    ) -> list[tuple[pd.Series, Figure]]:
        """Return rows of a national table with a column's value as a figure, of those that stand in a file."""
        frame = self.municipality.national.get(table)
        if frame is None:
            return []
        for name, wanted in selection.items():
            frame = frame[frame[name] == wanted]
        spec = NATIONAL_TABLES[table]
        unit = next(one.unit for one in spec.all_columns if one.name == column)
        found = []
        for _, row in frame.iterrows():
            file, line = self._national_lines(table).get(_key(row, (*spec.key, "kalla")), ("", None))
            if line is None or pd.isna(row[column]):
                continue
            value = exact(row[column])
            slack = min(_last_place(value), Decimal(1)) * HALF if value else HALF
            cell = Cell(file, line, column, value, slack, _unit_word(unit))
            found.append((row, Figure(label, (cell,), value, cell.slack, cell.unit)))
        return found

    def schablon(self, year: int) -> Decimal | None:
        """Return the schablonbelopp of a year in kr per hour, or None where it is unknown."""
        amounts = self.municipality.parameters["schablonbelopp"]
        return exact(amounts.in_year(year).value) if amounts.covers(year) else None

    def ceiling(self, year: int) -> Decimal | None:
        """Return the most that the state may pay for an hour in a year, in kr, or None where it is unknown."""
        share, amount = self.municipality.parameters["hojt_belopp_tak"], self.schablon(year)
        return amount * exact(share.in_year(year).value) if amount and share.covers(year) else None

    def first_hours(self, year: int) -> Decimal | None:
        """Return the hours that the municipality pays a year for each user with SFB, or None where it is unknown."""
        hours = self.municipality.parameters["forsta_timmar"]
        return exact(hours.in_year(year).value) * days_in_year(year) / 7 if hours.covers(year) else None

    def _lines(self, table: str) -> list[int]:
        if table not in self._known_lines:
            self._known_lines[table] = line_numbers(self.folder / f"{table}.csv")
        return self._known_lines[table]

    def _national_lines(self, table: str) -> dict[tuple, tuple[str, int]]:
        """Return where each row of a national table stands, by its key and source."""
        if table not in self._known_national:
            spec, places = NATIONAL_TABLES[table], {}
            folder = self.data / "nationellt"
            for path in (folder / f"{table}.csv", folder / FETCHED_FOLDER / f"{table}.csv"):
                if path.exists():
                    shown = shown_path(path, self.data)
                    frame, _ = read_table(path, spec, self.municipality.sources, shown)
                    # By column: a fetched table has the rows of every municipality.
                    keys = zip(*(frame[name].map(str) for name in (*spec.key, "kalla")), strict=True)
                    places |= {key: (shown, line) for line, key in zip(line_numbers(path), keys, strict=True)}
            self._known_national[table] = places
        return self._known_national[table]

    def _figures(self, table: str, column: str) -> list[tuple[Mapping, Figure]]:
        """Return each row of a municipal table that has a value in the column, with that value as a figure."""
        if (table, column) not in self._known_figures:
            frame = self.rows(table)
            frame = frame[frame[column].notna()]
            spec = next(one for one in MUNICIPAL_TABLES[table].all_columns if one.name == column)
            values = [exact(value) for value in frame[column]]
            # Where a column holds figures of many kinds, the others say nothing of how one is rounded.
            together = None if "enhet" in frame else min((_last_place(one) for one in values if one), default=None)
            found = []
            for index, row, value in zip(frame.index, frame.to_dict("records"), values, strict=True):
                unit = str(row["enhet"]) if not spec.unit and "enhet" in row else spec.unit
                slack = _slack(spec, value, unit, row.get("status", ""), together)
                cell = Cell(self.file(table), self.line(table, index), column, value, slack, _unit_word(unit))
                found.append((row, Figure("", (cell,), value, slack, cell.unit)))
            self._known_figures[table, column] = found
        return self._known_figures[table, column]


def _slack(spec: ColumnSpec, value: Decimal, unit: str, status: str, together: Decimal | None) -> Decimal:
    """Return how far a value's rounding may reach; `together` is the last place of its whole column."""
    place = together or (_last_place(value) if value else None)
    if status in _ROUNDED:
        return _last_place(value) * HALF if value else HALF
    if spec.kind == "integer":
        return Decimal(0)
    coarsest = _COARSEST.get(unit, Decimal(1))
    return (min(coarsest, place) if place else coarsest) * HALF


def _is(value: object, wanted: object) -> bool:
    return bool(pd.notna(value)) and value == wanted


def _key(row: pd.Series, names: Sequence[str]) -> tuple:
    return tuple(str(row[name]) for name in names)


def _unit_word(unit: str) -> str:
    return {"antal": "personer"}.get(unit, unit)
