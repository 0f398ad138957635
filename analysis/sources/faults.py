"""Faults in the data, worded for the analyst: what, where, the value, what was expected, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One fault in one file.

    `row` is the line in the file, counted from 1 with the header as line 1, so that it is the
    row number that Excel shows. `value` is the text as it stands in the file.
    """

    file: str
    problem: str
    expected: str
    advice: str
    row: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", rad {self.row}"
        if self.column is not None:
            place += f", kolumn {self.column}"
        found = "" if self.value is None else f" Står nu: ”{self.value}”."
        return f"{place}: {self.problem}.{found} Väntat: {self.expected}. Gör så här: {self.advice}."


class DataError(Exception):
    """The data cannot be used; `faults` holds every fault found, in file and row order."""

    def __init__(self, faults: list[Fault]):
        self.faults = sorted(set(faults), key=lambda fault: (fault.file, fault.row or 0, fault.column or ""))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def shown_path(path: Path, data_directory: Path) -> str:
    """Return a path as the analyst knows it: from the data folder's own name downwards, with `/`."""
    try:
        return (Path(data_directory.name) / path.relative_to(data_directory)).as_posix()
    except ValueError:
        return path.as_posix()
