"""What a measure returns: a frame that knows its title, units, formula, sources and status."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import analysis.measures
from analysis.measures.memo import once
from analysis.sources.municipality import Municipality
from analysis.sources.reads import reading
from analysis.sources.registers import Assumption, DatedValue, SourceRef
from analysis.sources.schema import NATIONAL_TABLES

# Indexes whose labels are years, dates or names: a row may be shown for one though nothing in it is.
LABELLED = ("ar", "tillfalle", "indata", "kommun", "omrade", "beslut_av", "driftform")

# National tables with rows for each of many areas, of which one is the municipality.
_OF_AREAS = frozenset(
    name
    for name, spec in NATIONAL_TABLES.items()
    if any(column.name in ("omrade", "kommun") for column in spec.all_columns)
)


class MissingData(LookupError):
    """The municipality lacks the rows that a measure needs."""


@dataclass(frozen=True)
class Quantity:
    """A column of a result: its Swedish label, its unit and how many decimals it is shown with.

    `unit` is one of tkr, mnkr, kr, kr_per_timme, kr_per_inv, per_10000_inv, antal, timmar, timmar_per_manad,
    timmar_per_vecka, procent, procentenheter, andel, minuter, ar, text. `signed` marks quantities such as deviations,
    where the sign matters.
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

    `inputs` are the titles of the tables that it used; `own` tells whether any of its figures may be the municipality's
    own, in a table of its own or among those of many areas. `withheld` is there where small counts have been taken out
    of the municipality's tables: one row and column for each that the result would else have had, true where it would
    have had a value and now has none; `whole` are then the columns that it would have had.
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
    own: bool = True
    withheld: pd.DataFrame | None = None
    whole: tuple[Quantity, ...] = ()

    def renamed(self, names: Mapping[str, str] | Callable[[str], str]) -> Result:
        """Return the result with other names of its rows."""
        withheld = None if self.withheld is None else self.withheld.rename(index=names)
        return dataclasses.replace(self, frame=self.frame.rename(index=names), withheld=withheld)

    def only(self, names: Sequence[str]) -> Result:
        """Return the result with some of its columns; where they have nothing withheld, with its own rows alone."""
        kept = None if self.withheld is None else self.withheld.reindex(columns=names, fill_value=False)
        withheld = kept if kept is not None and kept.any(axis=None) else None
        return dataclasses.replace(
            self,
            frame=self.frame[list(names)],
            quantities=tuple(self.quantity(name) for name in names),
            withheld=withheld,
            whole=() if withheld is None else tuple(self.quantity(name) for name in names),
        )

    @property
    def to_show(self) -> pd.DataFrame:
        """The frame with a row and a column also for what is withheld, missing there; `columns_to_show` tell them."""
        if self.withheld is None:
            return self.frame
        return self.frame.reindex(index=self.withheld.index, columns=self.withheld.columns)

    @property
    def columns_to_show(self) -> tuple[Quantity, ...]:
        """What `to_show` has for columns."""
        return self.quantities if self.withheld is None else self.whole

    def is_withheld(self, key: object, name: str) -> bool:
        """Tell whether a value is missing because it would show a small count of persons."""
        return self.withheld is not None and bool(self.withheld.at[key, name])

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

        @once(_own_copy)
        @functools.wraps(function)
        def wrapped(*arguments, **options) -> Result:
            with reading() as read:
                draft = function(*arguments, **options)
            names = [quantity.name for quantity in draft.quantities]
            withheld, whole = _withheld(function, draft, arguments, options, read)
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
                own=_is_own(read, draft.used),
                withheld=withheld,
                whole=whole,
            )

        return wrapped

    return decorate


def _is_own(read: Iterable[str], used: Iterable) -> bool:
    """Tell whether a result rests on anything that only one municipality has."""
    kinds = (name.partition(":") for name in read)
    return any(isinstance(item, Assumption) and item.own for item in used) or any(
        kind == "tabell" or (kind == "nationellt" and (table == "*" or table in _OF_AREAS)) for kind, _, table in kinds
    )


def _own_copy(result: Result) -> Result:
    """Return the result with a frame that can be written to without the next one seeing it."""
    return dataclasses.replace(result, frame=result.frame.copy())


def _withheld(
    function: Callable[..., Draft], draft: Draft, arguments: tuple, options: dict, read: Collection[str]
) -> tuple[pd.DataFrame | None, tuple[Quantity, ...]]:
    """Return where the result would have had a value, had no small count been taken out, and its columns then.

    The measure is computed once more on the tables as they were; of that only places are kept, never values. Where
    nothing has been taken out of what the measure read, it would only give the same.
    """
    if not any(_protected(item) and _touched(item, read) for item in (*arguments, *options.values())):
        return None, ()
    try:
        whole = function(*map(_unprotected, arguments), **{name: _unprotected(item) for name, item in options.items()})
    except MissingData:
        return None, ()
    index = draft.frame.index
    if index.name in LABELLED and whole.frame.index.is_unique and index.isin(whole.frame.index).all():
        index = whole.frame.index
    if not index.is_unique or index.name is None:
        return None, ()  # rows that no label tells apart
    names = [quantity.name for quantity in whole.quantities]
    left = draft.frame.reindex(index=index, columns=names)
    withheld = whole.frame[names].reindex(index).notna() & left.isna()
    kept = {quantity.name for quantity in draft.quantities} <= set(names)
    return (withheld, whole.quantities) if kept and withheld.any(axis=None) else (None, ())


def _protected(item: object) -> bool:
    several = item if isinstance(item, (list, tuple)) else [item]
    return any(isinstance(one, Municipality) and one.unprotected is not None for one in several)


def _touched(item: object, read: Collection[str]) -> bool:
    """Tell whether a small count has been taken out of any table that has been read, of a municipality or several."""
    if isinstance(item, (list, tuple)):
        return any(_touched(one, read) for one in item if _protected(one))
    for kind, left, given in (
        ("tabell", item.tables.content, item.unprotected.tables.content),
        ("nationellt", item.national.content, item.unprotected.national.content),
    ):
        changed = {f"{kind}:{name}" for name, frame in given.items() if left.get(name) is not frame}
        if changed and ({*changed, f"{kind}:*"} & set(read)):
            return True
    return False


def _unprotected(item: object) -> object:
    """Return a municipality, or several, as before small counts were taken out; what else there is, as it is."""
    if isinstance(item, (list, tuple)):
        return [_unprotected(one) for one in item] if _protected(item) else item
    return item.unprotected if _protected(item) else item


def every_measure() -> dict[str, MeasureCard]:
    """Return every measure of the package by its name; each module registers its own when it is imported."""
    _import_every_module()
    return MEASURES


@functools.cache
def _import_every_module() -> None:
    for module in pkgutil.iter_modules(analysis.measures.__path__, "analysis.measures."):
        importlib.import_module(module.name)


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
            for row in dict.fromkeys(plain_rows(item, columns)):
                found[SourceRef(*row)] = None
    return list(found)


def plain_rows(frame: pd.DataFrame, columns: Iterable[str]) -> Iterator[tuple]:
    """Return the rows of a frame as plain values of some columns; a missing number is nan.

    Several times as fast as a frame's own ways to go through its rows, which counts where a book does it often.
    """
    return zip(*(frame[column].to_numpy().tolist() for column in columns), strict=True)


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
    # Compared as NumPy does, which takes a tenth of the time that pandas' own strings take, and chosen from once.
    if selection:
        frame = frame[np.logical_and.reduce([frame[column].to_numpy() == value for column, value in selection.items()])]
    if frame.empty:
        chosen = ", ".join(f"{column} {value}" for column, value in selection.items())
        raise MissingData(f"{label} saknar rader" + (f" för {chosen}" if chosen else ""))
    return frame


def ratio(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    """Return numerator / denominator, missing (not infinite) where the denominator is zero."""
    return numerator / denominator.where(denominator != 0)
