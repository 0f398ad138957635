"""Faults in the data, worded for the analyst: what, where, the value, what was expected, what to do."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One fault in one file.

    `row` is the line in the file, counted from 1 with the header as line 1, so that it is the
    row number that Excel shows. `column` is the dotted path to a field where the file is YAML. `value` is the text as
    it stands in the file. In a workbook `sheet` and `cell` tell the place, such as `Ekonomi` and `D7`.
    """

    file: str
    problem: str
    expected: str
    advice: str
    row: int | None = None
    column: str | None = None
    value: str | None = None
    sheet: str | None = None
    cell: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.sheet is not None:
            place += f", blad {self.sheet}"
        if self.cell is not None:
            place += f", cell {self.cell}"
        elif self.row is not None:
            place += f", rad {self.row}"
        if self.column is not None and self.cell is None:
            place += f", {'fältet' if self.file.endswith(('.yml', '.yaml')) else 'kolumn'} {self.column}"
        found = "" if self.value in (None, "") else f" Står nu: ”{self.value}”."
        return f"{place}: {self.problem}.{found} Väntat: {self.expected}. Gör så här: {self.advice}."


class DataError(Exception):
    """The data cannot be used; `faults` holds every fault found, in file and row order."""

    def __init__(self, faults: list[Fault]):
        self.faults = sorted(set(faults), key=lambda fault: (
            fault.file, fault.sheet or "", fault.row or 0, len((fault.cell or "").split(" ")[0]), fault.cell or "",
            fault.column or ""))
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple:
        # An exception is otherwise made anew of its message, as when a process hands it to another.
        return type(self), (self.faults,)


def shown_path(path: Path, data_directory: Path) -> str:
    """Return a path as the analyst knows it: from the data folder's own name downwards, with `/`."""
    try:
        return (Path(data_directory.name) / path.relative_to(data_directory)).as_posix()
    except ValueError:
        return path.as_posix()


def file_fault(error: OSError, shown: str, expected: str) -> Fault:
    """Return the fault of a file or folder that cannot be read or written, with what to do about it."""
    for kinds, problem, advice in _SYSTEM_FAULTS:
        if error.errno in kinds:
            return Fault(shown, problem, expected, advice)
    return Fault(shown, f"datorn svarade: {error.strerror or error}", expected,
                 "kontrollera att filen och mappen går att öppna, och försök igen")


_SYSTEM_FAULTS = (
    ((errno.ENOSPC, errno.EDQUOT), "disken är full", "frigör plats på disken och kör kommandot igen"),
    ((errno.EFBIG,), "disken tar inte emot så stora filer", "välj en mapp på en annan disk"),
    ((errno.EACCES, errno.EPERM, errno.EBUSY),
     "filen är öppen i ett annat program, eller så får du inte läsa eller skriva där",
     "stäng filen i Excel, och mappen i Utforskaren och webbläsaren, och kör kommandot igen; hjälper det inte, "
     "kontrollera behörigheten till mappen"),
    ((errno.EROFS,), "mappen går bara att läsa", "välj en mapp där du får spara"),
    ((errno.ENOENT, errno.ENOTDIR), "filen eller mappen finns inte", "kontrollera sökvägen"),
    ((errno.EISDIR,), "det är en mapp och inte en fil", "ange filens namn, eller byt namn på mappen"),
    ((errno.EEXIST, errno.ENOTEMPTY), "något annat finns redan där", "byt namn på eller flytta det som finns"),
    ((errno.ELOOP,), "genvägen leder tillbaka till sig själv", "ersätt genvägen med filen eller mappen"),
    ((errno.ENAMETOOLONG, errno.EINVAL), "namnet går inte att använda", "välj ett kortare namn utan specialtecken"),
)
