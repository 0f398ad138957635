"""Read one cell as Excel in Swedish writes it."""

from __future__ import annotations

import re

# Excel writes thousands with a plain, a no-break or a narrow no-break space.
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
_NUMBER = re.compile(r"-?(\d+|\d{1,3}( \d{3})+)([.,]\d+)?")


class CellError(ValueError):
    """A cell that cannot be read; `problem` says why, in Swedish."""

    def __init__(self, problem: str):
        self.problem = problem
        super().__init__(problem)


def clean(text: str) -> str:
    """Return the text with no-break spaces made plain and outer blanks removed."""
    return text.translate(_SPACES).strip()


def parse_number(text: str) -> float:
    """Return the number in a cell: decimal comma or point, spaces between thousands, − or - for minus.

    Raises CellError where the text is not one number, among them a percent sign written by hand
    and points between thousands, since 1.234 could mean either 1234 or 1,234.
    """
    value = clean(text).replace("\u2212", "-")
    if "%" in value:
        raise CellError("procenttecken i cellen")
    if not _NUMBER.fullmatch(value):
        raise CellError("inget tal")
    return float(value.replace(" ", "").replace(",", "."))


def parse_integer(text: str) -> int:
    """Return the whole number in a cell; raises CellError where there are decimals."""
    number = parse_number(text)
    if number != int(number):
        raise CellError("inget heltal")
    return int(number)


def parse_date(text: str) -> str:
    """Return a date of the form ÅÅÅÅ, ÅÅÅÅ-MM or ÅÅÅÅ-MM-DD, as precise as the source is."""
    value = clean(text)
    if not re.fullmatch(r"(19|20)\d{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", value):
        raise CellError("inget datum")
    return value
