"""Dates that are as precise as their source, in words."""

from __future__ import annotations

from babel.dates import get_month_names


def dated(text: str) -> str:
    """Return a date in words: 2021, november 2021 or 30 november 2021."""
    year, *rest = text.split("-")
    if not rest:
        return year
    words = f"{get_month_names(locale='sv')[int(rest[0])]} {year}"
    return f"{int(rest[1])} {words}" if len(rest) > 1 else words


def time_words(text: str) -> str:
    """Return when something was counted, for a sentence: 2021, i november 2021 or den 30 november 2021."""
    return f"{('', 'i ', 'den ')[text.count('-')]}{dated(text)}"
