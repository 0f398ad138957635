"""Swedish words that follow the data: rose or fell, which years, genitives and plurals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from analysis.measures.economy import change_between
from analysis.present.numbers import percent


def genitive(name: str) -> str:
    """Return a name's genitive: Malmös, but Borås."""
    return name if name[-1:].lower() in "sxz" else name + "s"


def area_name(area: str) -> str:
    """Return an area of the national tables as it stands in a sentence: Riket is riket."""
    if area == "Riket":
        return "riket"
    if area.startswith("Liknande kommuner"):
        return "liknande kommuner"
    return area.removesuffix(" (ovägt medel)")


def period(first: int, last: int) -> str:
    """Return 2020–2025, or 2023 where the two are the same."""
    return str(first) if first == last else f"{first}–{last}"


def span(years: Sequence[int]) -> str:
    """Return 2020–2025 where no year between is missing, else each of the years: 2020, 2021 och 2023."""
    unbroken = years[-1] - years[0] == len(years) - 1
    return period(years[0], years[-1]) if unbroken else listed(years)


def listed(words: Sequence[object], conjunction: str = "och") -> str:
    """Return words as a, b och c."""
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {conjunction} {texts[-1]}"


def preliminary_sentence(years: Sequence[int]) -> str:
    """Return which years' figures may still change; nothing where none may."""
    if not years:
        return ""
    one = len(years) == 1
    return f"{'Uppgiften' if one else 'Uppgifterna'} för {listed(years)} är {'preliminär' if one else 'preliminära'}."


def which_years(chosen: Sequence[int], every: Sequence[int], told: Sequence[int] = ()) -> str:
    """Return which of the years are chosen: samtliga år, inget år, 2020 och 2022, alla år utom 2024.

    `every` are the years that are known, and `told` those that the reader sees beside them. Where they are more, or
    there is a gap among them, it is said that the words are about the years that are known.
    """
    chosen, every = sorted(chosen), sorted(every)
    if not chosen:
        return "inget år"
    if len(every) == 1:
        return str(every[0])
    whole = set(told) <= set(every) and len(every) == every[-1] - every[0] + 1
    if chosen == every:
        return "samtliga år" if whole else "alla år med uppgift"
    rest = [year for year in every if year not in chosen]
    if len(rest) <= 2 and len(chosen) > len(rest):
        return f"alla år {'' if whole else 'med uppgift '}utom {listed(rest)}"
    return listed(chosen)


def step_words(first: int, last: int) -> tuple[str, str]:
    """Return what a step between two years is called, and what is said of it where it is longer than a year."""
    years = last - first
    return ("mellan två år", "") if years == 1 else ("mellan två år med uppgift", f" Den gäller alltså {years} år.")


def count_word(value: float, singular: str, plural: str) -> str:
    """Return the word in the number that the value asks for."""
    return singular if abs(value) == 1 else plural


def moved(difference: float) -> str:
    """Return ökade, minskade or var oförändrad."""
    return "ökade" if difference > 0 else "minskade" if difference < 0 else "var oförändrad"


def capitalised(text: str) -> str:
    """Return the text with its first letter as a capital, the rest untouched."""
    return text[:1].upper() + text[1:]


def change_sentence(subject: str, series: pd.Series, show: Callable[[float], str], *, neuter: bool = False) -> str:
    """Return what a series did from its first year to its last, in one sentence.

    `subject` begins the clause ("nettokostnaden"); `show` writes an amount with its unit. With a single year
    the sentence states the level.
    """
    values = series.dropna()
    if values.empty:
        return ""
    first, last = values.index[0], values.index[-1]
    if len(values) == 1:
        return f"{first} var {subject} {show(values.iloc[0])}."
    change, share = change_between(values)
    if show(values.iloc[0]) == show(values.iloc[-1]):
        unchanged = "i stort sett " if change else ""
        word = "oförändrat" if neuter else "oförändrad"
        return f"Mellan {first} och {last} var {subject} {unchanged}{word}, {show(values.iloc[-1])}."
    in_percent = f" ({percent(abs(share))})" if math.isfinite(share) else ""
    return (
        f"Mellan {first} och {last} {moved(change)} {subject} med {show(abs(change))}{in_percent}, "
        f"från {show(values.iloc[0])} till {show(values.iloc[-1])}."
    )
