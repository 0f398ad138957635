"""What the investigation prints beside what the book's data give, and what does not go together."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from itertools import groupby

import pandas as pd

from analysis.measures.published import (
    KINDS,
    OUTCOMES,
    contradictions,
    read_printed,
    reconciliation,
    reconciliation_counts,
)
from analysis.measures.result import MEASURES, MissingData, Quantity
from analysis.present.book import Book
from analysis.present.language import capitalised, count_word, listed
from analysis.present.numbers import NO_BREAK_SPACE, NO_VALUE, UNIT_WORDS, number, percent, rounded
from analysis.present.views import FoldedTable, Groups, Markup, Prose, TableView, TextCell, grouped_table, pairs, prose
from analysis.sources.schema import MUNICIPAL_TABLES, NATIONAL_TABLES

DEVIATING = ("avviker", "oforklarad")
OUTCOME_WORDS = {
    "stammer": "stämmer",
    "avviker": "stämmer inte",
    "oforklarad": "stämmer inte, utan angiven orsak",
    "utan_underlag": "kan inte räknas fram",
}
COLUMN_WORDS = {"forandring": "förändring", "forandring_procent": "förändring i procent"}
NO_REASON = "Utan angiven orsak."
JUDGED = "Orsakerna är vår bedömning."
# More decimals than this say nothing of a printed figure, even where fewer cannot tell the two apart.
MOST_EXTRA_DECIMALS = 6


def summary_sentence(book: Book) -> str:
    """Return how many of the printed figures agree, deviate and cannot be computed; empty where none are listed."""
    if not book.municipality.has("publicerat"):
        return ""
    counts = _counts(book)
    every, agreeing = counts["alla"], counts["stammer"]
    if every == 1:
        verdict = (
            "stämmer med bokens underlag"
            if agreeing
            else "stämmer inte med bokens underlag"
            if counts["deviating"]
            else "går inte att räkna fram"
        )
        return f"Den enda siffra som utredningen trycker {verdict}."
    if agreeing == every:
        return f"Alla {number(every)} siffror som utredningen trycker stämmer med bokens underlag."
    parts = [f"stämmer {_few(agreeing) if agreeing else 'ingen'} med bokens underlag"]
    if counts["deviating"]:
        parts.append(f"{_few(counts['deviating'])} stämmer inte")
    if counts["utan_underlag"]:
        parts.append(f"{_few(counts['utan_underlag'])} går inte att räkna fram")
    return f"Av de {number(every)} siffror som utredningen trycker {listed(parts)}."


def summary_text(book: Book) -> Prose:
    """Return the summary, whether each deviation has a cause, and what the agreement proves."""
    return Prose((" ".join(filter(None, (summary_sentence(book), _causes_sentence(book)))), _proof_text(book)))


def counts_table(book: Book) -> TableView:
    """Return how many figures have each outcome, by how they can be tested."""
    return TableView(book.municipality, reconciliation_counts(book.municipality), index_label="Slag av siffra")


def deviations(book: Book) -> Markup | Prose:
    """Return every figure that does not agree, or that there is none."""
    chosen = _figures(book, *DEVIATING)
    if chosen.empty:
        return prose("Ingen tryckt siffra avviker från det som bokens underlag ger.")
    heads = ["Vad siffran gäller", "Tryckt", "I boken", "Skillnad"]
    groups = _groups(
        chosen,
        lambda row: [_printed(row), TextCell(_computed(row)), TextCell(_difference(row))],
        lambda row: f"Trolig orsak: {_sentence(row.orsak)}" if row.orsak else NO_REASON,
    )
    intro = f"{_how_many(len(chosen))} stämmer inte. Skillnaden är den tryckta siffran minus bokens."
    return grouped_table("Siffror som inte stämmer", heads, groups, intro)


def uncomputable(book: Book) -> Markup | Prose:
    """Return every figure that cannot be computed and why, or that there is none."""
    chosen = _figures(book, "utan_underlag")
    if chosen.empty:
        return prose("Det finns underlag för att räkna fram alla tryckta siffror.")
    groups = _groups(chosen, lambda row: [_printed(row)], lambda row: _sentence(row.orsak) or NO_REASON)
    intro = f"{_how_many(len(chosen))} går inte att räkna fram ur det underlag som boken har."
    return grouped_table("Siffror som inte går att räkna fram", ["Vad siffran gäller", "Tryckt"], groups, intro)


def own_contradictions(book: Book) -> Markup | Prose:
    """Return what the investigation says against itself, or that nothing is found."""
    found, _ = _contradictions(book)
    if found.empty:
        return prose("Vi har inte funnit några uppgifter i utredningen som går emot varandra.")
    intro = (
        "På ett ställe går två uppgifter i utredningen inte ihop."
        if len(found) == 1
        else f"På {number(len(found))} ställen går två uppgifter i utredningen inte ihop."
    )
    return pairs(f"{intro} {JUDGED}", [_entry(book, title, row, named=False) for title, row in found.iterrows()])


def contradictions_between(book: Book) -> Markup | Prose:
    """Return where the investigation differs from the other documents, or that it is found to differ nowhere."""
    _, found = _contradictions(book)
    if found.empty:
        return prose("Vi har inte funnit några uppgifter som skiljer sig från de andra källornas.")
    intro = (
        "En uppgift skiljer sig från vad en annan källa anger."
        if len(found) == 1
        else f"{number(len(found))} uppgifter skiljer sig från vad andra källor anger."
    )
    return pairs(f"{intro} {JUDGED}", [_entry(book, title, row, named=True) for title, row in found.iterrows()])


def contradictions_sentence(book: Book) -> str:
    """Return how many contradictions are found inside the document and between it and others."""
    inside, between = (len(found) for found in _contradictions(book))
    if not inside and not between:
        return "Inga uppgifter som går emot varandra är funna."
    within = f"{_few(inside)} inom utredningen" if inside else "inga inom utredningen"
    across = f"{_few(between)} mellan den och andra källor" if between else "inga mellan den och andra källor"
    return f"Uppgifter som går emot varandra: {within} och {across}."


def every_figure(book: Book) -> FoldedTable:
    """Return every printed figure in the document's order, folded away, with a download."""
    result = reconciliation(book.municipality)
    basis = _basis(book)
    frame = result.frame.assign(
        kolumn=result.frame["kolumn"].map(_column_word),
        enhet=result.frame["enhet"].map(_unit_word),
        slag=result.frame["slag"].map(KINDS),
        utfall=result.frame["utfall"].map(OUTCOMES),
        bygger_pa=basis,
    ).drop(columns="decimaler")
    quantities = [quantity for quantity in result.quantities if quantity.name != "decimaler"]
    quantities.append(Quantity("bygger_pa", "Bygger på", "text"))

    def cells(row) -> list[TextCell]:
        return [_printed(row), TextCell(_computed(row)), TextCell(OUTCOME_WORDS[row.utfall], text=True)]

    def below(row) -> str:
        return f"Bygger på: {basis[row.Index]}." if row.utfall != "utan_underlag" else _sentence(row.orsak)

    figures = result.frame
    summary = (
        f"Visa alla {number(len(figures))} tryckta siffror" if len(figures) > 1 else "Visa den enda tryckta siffran"
    )
    return FoldedTable(
        book.municipality,
        dataclasses.replace(result, frame=frame, quantities=tuple(quantities)),
        summary,
        ["Vad siffran gäller", "Tryckt", "I boken", "Utfall"],
        _groups(figures, cells, below),
    )


def _counts(book: Book) -> dict[str, int]:
    figures = reconciliation(book.municipality).frame["utfall"].value_counts()
    counts = {outcome: int(figures.get(outcome, 0)) for outcome in OUTCOMES}
    return {**counts, "alla": int(figures.sum()), "deviating": sum(counts[outcome] for outcome in DEVIATING)}


def _causes_sentence(book: Book) -> str:
    counts = _counts(book)
    deviating, unexplained = counts["deviating"], counts["oforklarad"]
    if not deviating:
        return ""
    if not unexplained:
        which = "den som inte stämmer" if deviating == 1 else "var och en som inte stämmer"
        return f"För {which} anges en trolig orsak."
    if deviating == 1:
        return "Den som inte stämmer står utan angiven orsak."
    return f"Av dem som inte stämmer står {_some(unexplained, deviating)} utan angiven orsak."


def _proof_text(book: Book) -> str:
    figures = reconciliation(book.municipality).frame
    sentences = []
    inputs = figures[figures["slag"] == "indata"]
    if len(inputs):
        off = int(inputs["utfall"].isin(DEVIATING).sum())
        sentences.append(
            f"{_of_them(len(inputs), len(figures))} är bokens egna indata, hämtade ur utredningen. "
            "Att de stämmer visar att de är rätt återgivna, inte att de är sanna."
        )
        if off:
            which = "En" if off == 1 else capitalised(_some(off, len(inputs)))
            sentences.append(f"{which} av dem skiljer sig ändå från det boken använder.")
    tested = figures[figures["slag"] == "beraknad"]
    if len(tested):
        agreeing = int((tested["utfall"] == "stammer").sum())
        verdict = (
            f"{_some(agreeing, len(tested))} stämmer"
            if agreeing in (0, len(tested))
            else f"{_few(agreeing)} stämmer och {_few(len(tested) - agreeing)} stämmer inte"
        )
        sentences.append(
            f"{_of_them(len(tested), len(figures))} följer av andra uppgifter eller är jämförda med en annan källa. "
            f"Där är jämförelsen en prövning: {verdict}."
        )
    return " ".join(sentences)


def _some(chosen: int, every: int) -> str:
    return "ingen" if not chosen else "alla" if chosen == every else _few(chosen)


def _of_them(chosen: int, every: int) -> str:
    return f"{capitalised(_few(chosen))} av siffrorna ({percent(chosen / every * 100)})"


def _how_many(count: int) -> str:
    return f"{capitalised(_few(count))} {count_word(count, 'tryckt siffra', 'tryckta siffror')}"


def _few(count: int) -> str:
    """Return a number of figures: a lone one is a word, since a digit reads badly before its verb."""
    return "en" if count == 1 else number(count)


def _figures(book: Book, *outcomes: str) -> pd.DataFrame:
    frame = reconciliation(book.municipality).frame
    return frame[frame["utfall"].isin(outcomes)]


def _groups(figures: pd.DataFrame, cells: Callable, note: Callable = lambda row: "") -> Groups:
    gathered = groupby(figures.itertuples(), key=lambda row: row.plats)
    return [(place, [(_what(row), cells(row), note(row)) for row in lines]) for place, lines in gathered]


def _what(row) -> str:
    return ", ".join(filter(None, (row.rad, _column_word(row.kolumn))))


def _printed(row) -> TextCell:
    # A printed number must not be broken, nor parted from the word after it.
    return TextCell(re.sub(r"(?<=\d) ", NO_BREAK_SPACE, row.tryckt))


def _computed(row) -> str:
    if row.utraknad != row.utraknad:
        return NO_VALUE
    return _with_unit(number(row.utraknad, _decimals(row)), row.enhet)


def _difference(row) -> str:
    """Return printed − computed as the page shows them, so that a reader who subtracts gets the same."""
    if row.utraknad != row.utraknad:
        return NO_VALUE
    decimals = _decimals(row)
    gap = rounded(read_printed(row.tryckt).value, decimals) - rounded(row.utraknad, decimals)
    return _gap(float(gap), decimals, row.enhet)


def _gap(gap: float, decimals: int, unit: str, *, signed: bool = True) -> str:
    text = number(gap, decimals, signed=signed)
    if unit == "procent":
        return f"{text}{NO_BREAK_SPACE}{count_word(gap, 'procentenhet', 'procentenheter')}"
    return _with_unit(text, unit)


def _decimals(row) -> int:
    """Return with how many decimals a computed figure is shown: one more than printed, if that decimal says something.

    More are shown where the figure would otherwise seem to round to something else than it does.
    """
    printed, value = read_printed(row.tryckt), row.utraknad
    decimals = row.decimaler + (rounded(value, row.decimaler + 1) != rounded(value, row.decimaler))
    agrees = printed.agrees(value)
    while printed.agrees(float(rounded(value, decimals))) != agrees and decimals < row.decimaler + MOST_EXTRA_DECIMALS:
        decimals += 1
    return int(decimals)


def _sentence(text: str) -> str:
    return capitalised(text) + ("." if text and not text.endswith(".") else "")


def _with_unit(text: str, unit: str) -> str:
    word = "%" if unit == "procent" else "" if unit == "antal" else _unit_word(unit)
    return f"{text}{NO_BREAK_SPACE}{word}" if word else text


def _unit_word(unit: str) -> str:
    return UNIT_WORDS.get(unit) or unit.replace("_", " ")


def _column_word(column: str) -> str:
    return COLUMN_WORDS.get(column, column)


def _basis(book: Book) -> dict[int, str]:
    """Return in words what reproduces each figure: a measure's, a table's or a parameter's title, by its number."""
    municipality = book.municipality

    def name(source: str) -> str:
        kind, _, id_ = source.partition(":")
        if kind == "tabell":
            return MUNICIPAL_TABLES[id_].title
        if kind == "nationellt":
            return NATIONAL_TABLES[id_].title
        if kind == "parameter":
            return municipality.parameters[id_].name
        if kind == "kommun":
            return "Kommunens uppdrag till nämnden"
        return MEASURES[source].title if source else NO_VALUE

    sources = municipality.tables["publicerat"]["matt"]
    return {number_: name(source) for number_, source in enumerate(sources, start=1)}


def _contradictions(book: Book) -> tuple[pd.DataFrame, pd.DataFrame]:
    try:
        frame = contradictions(book.municipality).frame
    except MissingData:
        return pd.DataFrame(), pd.DataFrame()
    inside = frame["kalla"] == frame["kalla_2"]
    return frame[inside], frame[~inside]


def _entry(book: Book, title: str, row: pd.Series, *, named: bool) -> tuple[str, list[tuple[str, str, str]]]:
    sources = book.municipality.sources

    def where(place: str, source: str) -> str:
        return f"{sources[source].publisher}, {sources[source].title}: {place}" if named else place

    facts = [
        ("Den ena uppgiften", capitalised(row["forsta_tryckt"]), where(row["plats"], row["kalla"])),
        ("Den andra uppgiften", capitalised(row["andra_tryckt"]), where(row["plats_2"], row["kalla_2"])),
    ]
    gap = row["skillnad"]
    if gap == gap:
        facts.append(("Skillnad", _gap(abs(gap), _decimals_of(gap), row["enhet"], signed=False), ""))
    facts.append(("Trolig orsak", _sentence(row["orsak"]), ""))
    return title, facts


def _decimals_of(value: float) -> int:
    """Return how many of at most two decimals a number has."""
    return next(
        decimals for decimals in (0, 1, 2) if decimals == 2 or float(rounded(value, decimals)) == round(value, 9)
    )
