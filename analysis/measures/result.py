"""What a measure returns: a frame that knows its title, units, formula, sources and status."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

import analysis.measures
from analysis.sources.municipality import Municipality
from analysis.sources.registers import Assumption, DatedValue, SourceRef


class MissingData(LookupError):
    """The municipality lacks the rows that a measure needs."""


@dataclass(frozen=True)
class Quantity:
    """A column of a result: its Swedish label, its unit and how many decimals it is shown with.

    `unit` is one of tkr, mnkr, kr, kr_per_timme, kr_per_inv, antal, timmar, timmar_per_manad, procent,
    procentenheter, andel, minuter, ar, text. `signed` marks quantities such as deviations, where the sign matters.
    `as_given` marks a source's values shown as they stand, since the terms of some sources tell those from values that
    somebody has processed.
    """

    name: str
    label: str
    unit: str
    decimals: int = 0
    signed: bool = False
    as_given: bool = False


@dataclass(frozen=True)
class Draft:
    """What the body of a measure hands over: the frame, its columns, and the rows and values it used."""

    frame: pd.DataFrame
    quantities: tuple[Quantity, ...]
    used: tuple[pd.DataFrame | DatedValue | Assumption | SourceRef, ...] = ()
    title: str = ""
    key: str = ""
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """A measure's frame with its meaning; the frame holds one column for each quantity, in order.

    `inputs` are the titles of the tables that it used.
    """

    id: str
    title: str
    frame: pd.DataFrame
    quantities: tuple[Quantity, ...]
    formula: str
    method: str
    references: tuple[SourceRef, ...]
    assumptions: tuple[Assumption, ...] = ()
    caveats: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()

    @property
    def statuses(self) -> tuple[str, ...]:
        """How sure the inputs are, other than plainly published."""
        return tuple(sorted({reference.status for reference in self.references if reference.status}))

    def quantity(self, name: str) -> Quantity:
        """Return the description of a column."""
        return next(quantity for quantity in self.quantities if quantity.name == name)


@dataclass(frozen=True)
class MeasureCard:
    """What the method chapter prints of a measure."""

    id: str
    title: str
    formula: str
    method: str
    module: str


MEASURES: dict[str, MeasureCard] = {}


def measure(title: str) -> Callable:
    """Make a function returning a Draft into one returning a Result, and register it for the method chapter.

    The docstring's `Formula:` and `Method (sv):` sections are in the field's own Swedish words, since readers see
    them. Raises ValueError at import where either is missing.
    """

    def decorate(function: Callable[..., Draft]) -> Callable[..., Result]:
        formula, method = _section(function, "Formula:"), _section(function, "Method (sv):")
        card = MeasureCard(function.__name__, title, formula, method, function.__module__)
        MEASURES[card.id] = card

        @functools.wraps(function)
        def wrapped(*arguments, **options) -> Result:
            draft = function(*arguments, **options)
            names = [quantity.name for quantity in draft.quantities]
            return Result(
                id=card.id + (f"-{draft.key}" if draft.key else ""),
                title=draft.title or title,
                frame=draft.frame[names],
                quantities=draft.quantities,
                formula=formula,
                method=method,
                references=tuple(_references(draft.used)),
                assumptions=tuple(dict.fromkeys(item for item in draft.used if isinstance(item, Assumption))),
                caveats=draft.caveats,
                inputs=tuple(dict.fromkeys(item.attrs["table"] for item in draft.used if _is_table(item))),
            )

        return wrapped

    return decorate


def every_measure() -> dict[str, MeasureCard]:
    """Return every measure of the package by its name; each module registers its own when it is imported."""
    for module in pkgutil.iter_modules(analysis.measures.__path__, "analysis.measures."):
        importlib.import_module(module.name)
    return MEASURES


def _section(function: Callable, heading: str) -> str:
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(heading)]
    if not starts:
        raise ValueError(f"{function.__module__}.{function.__name__} lacks {heading} in its docstring")
    text = [lines[starts[0]][len(heading) :].strip()]
    for line in lines[starts[0] + 1 :]:
        if not line.startswith(" "):
            break
        text.append(line.strip())
    return " ".join(filter(None, text))


def _is_table(item: object) -> bool:
    return isinstance(item, pd.DataFrame) and "table" in item.attrs


def _references(used: Iterable) -> list[SourceRef]:
    found: dict[SourceRef, None] = {}
    for item in used:
        if isinstance(item, DatedValue):
            found[item.reference] = None
        elif isinstance(item, SourceRef):
            found[item] = None
        elif isinstance(item, pd.DataFrame):
            columns = [name for name in ("kalla", "plats", "status", "ursprung") if name in item]
            for row in item[columns].drop_duplicates().itertuples(index=False):
                found[SourceRef(*row)] = None
    return list(found)


def rows(municipality: Municipality, table: str, **selection) -> pd.DataFrame:
    """Return the rows of a table where the columns equal the selection, sorted by the selection's other keys.

    Raises MissingData where the table or every row is missing.
    """
    frame = municipality.tables.get(table)
    return _select(frame, f"{municipality.slug}: {table}", selection)


def national_rows(municipality: Municipality, table: str, **selection) -> pd.DataFrame:
    """Return the rows of a national table where the columns equal the selection; raises MissingData where none."""
    return _select(municipality.national.get(table), f"nationellt: {table}", selection)


def _select(frame, label, selection):
    if frame is None:
        raise MissingData(f"{label} saknas")
    for column, value in selection.items():
        frame = frame[frame[column] == value]
    if frame.empty:
        raise MissingData(f"{label} saknar rader för {selection}")
    return frame


def ratio(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    """Return numerator / denominator, missing (not infinite) where the denominator is zero."""
    return numerator / denominator.where(denominator != 0)
