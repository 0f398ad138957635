"""The workbook that the guide shows: Eslöv's, with figures that are made up and round."""

from __future__ import annotations

from pathlib import Path

import openpyxl

YEARS = ("--fran", "2021", "--till", "2025")
SOURCE = "eslov_bokslut_2025"
_FIRST_ROW = 6
_SOURCE_ROW = (SOURCE, "Bokslut 2021–2025", "Eslövs kommun", "2026", None, None, "Påhittade siffror, till handboken")
# By sheet, part and year: what stands after the columns År and Verksamhet.
_FIGURES = {
    ("Ekonomi", "SFB"): {
        2021: (12500, 12600),
        2022: (13000, 13200),
        2023: (13500, 13900),
        2024: (14000, 14300),
        2025: (14500, "ca 15 000"),
    },
    ("Ekonomi", "LSS"): {
        2022: ("..", "11 500"),
        2023: (11800, 12000),
        2024: (12200, 12400),
        2025: (12600, 13000),
    },
    ("Brukare", "SFB"): {2021: (38, 38.5), 2022: (39, 39), 2023: (40, 40), 2024: (40, 40.5), 2025: (41, 41)},
    ("Brukare", "LSS"): {2022: (None, 11), 2023: (11, 11.5), 2024: (12, 12), 2025: (12, 12.5)},
    ("Timmar", "LSS"): {2022: (None, 35000), 2023: (35500, 36000), 2024: (36500, 36500), 2025: (37000, 37500)},
}


def fill(path: Path) -> None:
    """Fill in the workbook that `new` made for Eslöv, as a controller might: a gap, an estimate, a number as text."""
    workbook = openpyxl.load_workbook(path)
    for column, value in enumerate(_SOURCE_ROW, start=1):
        workbook["Källor"].cell(_FIRST_ROW, column, value)
    for (name, part), years in _FIGURES.items():
        sheet = workbook[name]
        for row in sheet.iter_rows(min_row=_FIRST_ROW):
            if row[1].value == part and row[0].value in years:
                for cell, value in zip(row[2:4], years[row[0].value], strict=True):
                    cell.value = value
                row[4].value, row[5].value = SOURCE, f"Tabell {name.lower()}"
    workbook.save(path)
