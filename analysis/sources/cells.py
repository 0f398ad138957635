"""Read a text and one cell of it as Excel in Swedish writes them."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

# Excel writes thousands with a plain, a no-break or a narrow no-break space.
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
_NUMBER = re.compile(r"-?([0-9]+|[0-9]{1,3}( [0-9]{3})+)([.,][0-9]+)?")
_AMBIGUOUS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
# What neither a page nor a document can show; tabs and line breaks they can.
_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Above this a float no longer holds every whole number, and no cost comes near it.
_LARGEST = 1e15


class CellError(ValueError):
    """A cell that cannot be read; `problem` says why, in Swedish."""

    def __init__(self, problem: str):
        self.problem = problem
        super().__init__(problem)


def decode(content: bytes) -> str:
    """Return the text of a file that Excel may have saved: UTF-8 with or without BOM, else Windows-1252.

    Raises ValueError where it is neither, such as a workbook or a picture renamed to .csv.
    """
    if b"\0" in content:
        raise ValueError("no text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def clean(text: str) -> str:
    """Return the text with no-break spaces made plain and outer blanks removed."""
    return text.translate(_SPACES).strip()


def has_control_character(text: str) -> bool:
    """Tell whether a text holds a character that cannot be shown, as what is pasted from a PDF may."""
    return bool(_UNSHOWABLE.search(text))


def visible(text: str) -> str:
    """Return the text with each such character written as its number, as [U+0002]."""
    return _UNSHOWABLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def parse_number(text: str) -> float:
    """Return the number in a cell: decimal comma or point, spaces between thousands, − or - for minus.

    Raises CellError where the text is not one number, among them a percent sign written by hand
    and a point before three decimals, since 1.234 could mean either 1234 or 1,234.
    """
    value = clean(text).replace("\u2212", "-")
    if "%" in value:
        raise CellError("procenttecken i cellen")
    if not _NUMBER.fullmatch(value):
        raise CellError("inget tal")
    if _AMBIGUOUS.fullmatch(value):
        raise CellError("punkten kan stå för tusental")
    number = float(value.replace(" ", "").replace(",", "."))
    if abs(number) > _LARGEST:
        raise CellError("orimligt stort tal")
    return number


def parse_integer(text: str) -> int:
    """Return the whole number in a cell; raises CellError where there are decimals."""
    number = parse_number(text)
    if number != int(number):
        raise CellError("inget heltal")
    return int(number)


def parse_date(text: str) -> str:
    """Return a date of the form ÅÅÅÅ, ÅÅÅÅ-MM or ÅÅÅÅ-MM-DD, as precise as the source is."""
    value = clean(text)
    if not re.fullmatch(r"(19|20)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?", value):
        raise CellError("inget datum")
    try:
        datetime.date.fromisoformat(value + "-01-01"[len(value) - 4 :])
    except ValueError as error:
        raise CellError("datumet finns inte i kalendern") from error
    return value


def number_text(number: float) -> str:
    """Return a number as a cell of CSV holds it: every digit it has, with a decimal comma; parse_number undoes it."""
    if number == int(number):
        return str(int(number))
    return format(Decimal(repr(float(number))), "f").replace(".", ",")
