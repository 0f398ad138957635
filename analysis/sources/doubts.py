"""Figures that cannot both be right, worded for the analyst: what, both values with their places, why, what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal

GUIDE = "chapters/handbok/varningar.md"
ACKNOWLEDGED = "kontrollerat"  # in kommun.yml
# Room for the digits of any number that a cell can hold.
_ROOMY = Context(prec=400)
# So long that two sets of figures hardly share it, so short that it can be typed.
_FINGERPRINT_LENGTH = 4
_SINGULAR = {"personer": "person", "timmar": "timme"}


def said(value: Decimal, decimals: int | None = None) -> str:
    """Return a number as Swedish writes it, with all its decimals or with so many, rounded half away from zero."""
    if decimals is not None:
        value = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=_ROOMY)
    text = f"{value:,f}".replace(",", " ").replace(".", ",")
    text = text.rstrip("0").rstrip(",") if "," in text else text
    return "0" if text == "-0" else text.replace("-", "−")


def with_unit(value: Decimal, unit: str) -> str:
    """Return a number with its unit, which is in the singular after one."""
    return f"{said(value)} {_SINGULAR.get(unit, unit) if value == 1 else unit}".strip()


@dataclass(frozen=True)
class Cell:
    """A number in a table: where it stands, and how far its rounding may have moved it either way (`slack`).

    In a workbook `sheet` and `address` tell the place, such as `Ekonomi` and `D7`; in a text there is no column.
    """

    file: str
    row: int
    column: str
    value: Decimal
    slack: Decimal = Decimal(0)
    unit: str = ""
    sheet: str = ""
    address: str = ""


@dataclass(frozen=True)
class Figure:
    """What is compared: a cell, or what several give together, with the words that tell which it is.

    `shown` is written in place of the value where it is no amount, such as a year.
    """

    label: str
    cells: tuple[Cell, ...]
    value: Decimal
    slack: Decimal
    unit: str
    shown: str = ""

    @property
    def low(self) -> Decimal:
        """The least that the figure may be before it was rounded."""
        return self.value - self.slack

    @property
    def high(self) -> Decimal:
        """The most that the figure may be before it was rounded."""
        return self.value + self.slack

    @property
    def amount(self) -> str:
        """The value with its unit."""
        return self.shown or with_unit(self.value, self.unit)

    @property
    def fingerprint(self) -> str:
        """What the figure is, whichever row each of its cells stands in."""
        cells = sorted((cell.column, cell.value) for cell in self.cells)
        return " ".join([*(f"{value.normalize(_ROOMY)}" for _, value in cells), *filter(None, [self.shown])])

    def __str__(self) -> str:
        return f"{self.label} {self.amount} ({_places(self.cells)})"


def _places(cells: Sequence[Cell]) -> str:
    """Return where the cells stand, each file or sheet named once."""
    files: dict[str, list[Cell]] = {}
    for cell in cells:
        files.setdefault(f"blad {cell.sheet}" if cell.sheet else cell.file, []).append(cell)
    return "; ".join(f"{file}, {_inside(found)}" for file, found in files.items())


def _inside(cells: Sequence[Cell]) -> str:
    """Return where in one file or sheet the cells stand; columns with the same rows share them."""
    if cells[0].sheet:
        return "cell " + _listed([cell.address for cell in cells])
    rows_of: dict[str, list[str]] = {}
    for cell in cells:
        rows_of.setdefault(cell.column, []).append(str(cell.row))
    columns_of: dict[str, list[str]] = {}
    for column, rows in rows_of.items():
        columns_of.setdefault(_listed(rows), []).append(column)
    return ", ".join(
        f"rad {rows}" + (f", kolumn {_listed(columns)}" if any(columns) else "") for rows, columns in columns_of.items()
    )


def _listed(words: Sequence[str]) -> str:
    words = list(dict.fromkeys(words))
    return ", ".join(words[:-1]) + (" och " if words[1:] else "") + words[-1]


@dataclass(frozen=True)
class Doubt:
    """Figures that cannot both be right.

    `rule` and `subject` name it; `problem` says what does not agree, `implication` why, `advice` what to look at.
    """

    rule: str
    subject: str
    problem: str
    figures: tuple[Figure, ...]
    implication: str
    advice: str

    @property
    def id(self) -> str:
        """The name by which an analyst says that it is looked into; it is another when one of the figures is."""
        values = " ".join(figure.fingerprint for figure in self.figures)
        fingerprint = hashlib.sha256(values.encode("utf-8")).hexdigest()[:_FINGERPRINT_LENGTH]
        return "-".join(filter(None, (self.rule, self.subject, fingerprint)))

    def __str__(self) -> str:
        return f"{self.problem}: {'; '.join(map(str, self.figures))}. {self.implication} {self.advice} [{self.id}]"

    def placed(self, place: Callable[[Cell], Cell]) -> Doubt:
        """Return the same with each cell's place changed, as to the sheet of a workbook."""
        figures = tuple(replace(figure, cells=tuple(map(place, figure.cells))) for figure in self.figures)
        return replace(self, figures=figures)


@dataclass(frozen=True)
class Acknowledgement:
    """That an analyst has looked into a doubt and found the figures right, with the reason."""

    doubt: str
    reason: str


@dataclass(frozen=True)
class Review:
    """A municipality's doubts, those acknowledged with the reason, and acknowledgements that no doubt answers to."""

    card: str
    doubts: tuple[Doubt, ...]
    acknowledged: tuple[tuple[Doubt, str], ...] = ()
    unmatched: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many warnings there are."""
        return len(self.doubts) + len(self.unmatched)

    def placed(self, place: Callable[[Cell], Cell]) -> Review:
        """Return the same with each cell's place changed."""
        return replace(self, doubts=tuple(doubt.placed(place) for doubt in self.doubts))

    def lines(self) -> list[str]:
        """Return what the analyst is told, one line each."""
        return [
            *(f"Varning: {doubt}" for doubt in self.doubts),
            *(
                f"Varning: {self.card}, {ACKNOWLEDGED}: ingen varning heter längre ”{name}”. Uppgifterna kan ha "
                "ändrats sedan de kontrollerades. Ta bort raden, eller byt namnet till det som varningen har nu."
                for name in self.unmatched
            ),
            *(
                f"Kontrollerat i {self.card}: {doubt.problem} ({reason.rstrip('.')})"
                for doubt, reason in self.acknowledged
            ),
        ]


def summary(count: int) -> str:
    """Return the line that follows so many warnings: that they stop nothing, and where they are read about."""
    counted = "1 varning. Den" if count == 1 else f"{count} varningar. De"
    return (
        f"{counted} stoppar ingenting. Hur du rättar, eller säger att en uppgift är kontrollerad, står i {GUIDE}."
    )
