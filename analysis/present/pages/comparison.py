"""The municipalities side by side, in the measures that they share."""

from __future__ import annotations

import dataclasses

from analysis.measures.result import Quantity
from analysis.measures.shared import SHARED, shared_figures, side_by_side
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import capitalised, count_word, genitive, listed
from analysis.present.numbers import UNIT_WORDS, cell, number
from analysis.present.views import ChartView, Markup, Prose, TableView, bullets, prose, simple_table
from analysis.sources import Municipality

CAVEATS = (
    "Kostnaden per timme gäller ibland bara kommunens egen utförare, ibland alla utförare. Att den egna utföraren är "
    "dyrare än snittet säger inget om vad privata utförare kostar kommunen.",
    "Timmar per brukare skiljer sig mellan lagarna: assistans enligt SFB omfattar i regel fler timmar än enligt LSS.",
    "Timmarna är inte alltid utförda timmar: de kan vara beviljade, eller uträknade ur kostnaden.",
    "Andelen räknas på dem som underlaget räknar, ibland bara dem som har assistansersättning.",
    "Budgetavvikelsen gäller hela insatsen i en del kommuner och bara utföraren i andra.",
    "Åren är inte desamma.",
)


def shared_rows(municipality: Municipality) -> list[dict]:
    """Return the shared measures of one municipality as plain values, for the start page."""
    figures = shared_figures(municipality)
    return [
        {
            "id": quantity.name,
            "label": quantity.label,
            "value": figures[quantity.name].value,
            "shown": _shown(quantity, figures[quantity.name].value),
            "unit": UNIT_WORDS[quantity.unit],
            "decimals": quantity.decimals,
            "year": figures[quantity.name].when,
            "basis": figures[quantity.name].basis,
        }
        for quantity in SHARED
        if quantity.name in figures
    ]


def _shown(quantity, value: float) -> str:
    if quantity.signed:
        return number(value, quantity.decimals, signed=True)
    return cell(value, quantity)


def municipalities_of(book: Book) -> list[Municipality]:
    """Return the book's own municipality and its peers."""
    return [book.municipality, *book.peers]


def comparison_text(book: Book) -> Prose:
    """Return who is compared, and in how many measures the own municipality can be."""
    others = municipalities_of(book)[1:]
    own = len(shared_figures(book.municipality))
    enough = "alla" if own == len(SHARED) else f"{number(own)} av de {number(len(SHARED))}" if own else "inget av"
    gives = (
        f"Boken visar {enough} måtten för {book.name}."
        if book.withholds(lambda whole: len(shared_figures(whole.municipality)) > own)
        else f"{genitive(book.name)} underlag räcker till {enough} måtten."
    )
    return prose(f"Här står {book.name} bredvid {listed([other.name for other in others])}. {gives}")


def comparison_table(book: Book) -> TableView:
    """Return the shared measures, one row a municipality."""
    return TableView(book.municipality, side_by_side(municipalities_of(book)), index_label="Kommun")


def basis_table(book: Book) -> Markup:
    """Return what each figure rests on: municipality, measure, value, when and basis."""
    lines = []
    for municipality in municipalities_of(book):
        for row in shared_rows(municipality):
            unit = f" {row['unit']}" if row["unit"] not in ("procent", "") else ""
            lines.append([municipality.name, row["label"], row["shown"] + unit, row["year"], capitalised(row["basis"])])
    return simple_table("Vad varje tal bygger på", ["Kommun", "Mått", "Värde", "När", "Underlag"], lines)


def hour_chart(book: Book) -> ChartView:
    """Return the cost per hour by municipality, as bars."""
    result = _only(side_by_side(municipalities_of(book)), "kostnad_kr_per_timme")
    return ChartView(
        book.municipality,
        result,
        charts.bars(result, "kostnad_kr_per_timme"),
        hour_sentence(book),
        id="side_by_side-kostnad_kr_per_timme",
        title="Kostnad per timme",
    )


def _only(result, column: str):
    kept = result.only([column])
    return dataclasses.replace(kept, frame=kept.frame.dropna())


def hour_sentence(book: Book) -> str:
    """Return which of the municipalities has the dearest and the cheapest hour, with the basis of each."""
    found = [(m.name, shared_figures(m).get("kostnad_kr_per_timme")) for m in municipalities_of(book)]
    known = sorted(((figure.value, name, figure) for name, figure in found if figure), key=lambda item: item[:2])
    if not known:
        return ""
    if len(known) == 1:
        value, name, figure = known[0]
        return (
            f"Bara {genitive(name)} kostnad per timme kan visas, {number(value)} kr ({figure.basis}, {figure.when})."
        )
    low, high = known[0], known[-1]
    same = low[2].basis == high[2].basis
    return (
        f"Högst är {genitive(high[1])} kostnad, {number(high[0])} kr per timme ({high[2].basis}, {high[2].when}), och "
        f"lägst {genitive(low[1])}, {number(low[0])} kr ({low[2].basis}, {low[2].when})."
        + ("" if same else " Underlagen är olika och talen går inte att jämföra rakt av.")
    )


def caveats_text(book: Book) -> Prose:
    """Return why the figures are not to be compared as they stand."""
    return bullets(list(CAVEATS))


def missing_text(book: Book) -> Prose:
    """Return which of the measures the own municipality lacks, and which are not shown."""
    figures = shared_figures(book.municipality)
    absent = [quantity for quantity in SHARED if quantity.name not in figures]
    hidden = [one for one in absent if book.withholds(lambda whole, one=one: one.name in _measured(whole))]
    missing = [one for one in absent if one not in hidden]
    return prose(
        f"{book.name} saknar {_measures(missing)}." if missing else "",
        book.absent("", capitalised(_measures(hidden)), _measured) if hidden else "",
    )


def _measured(book: Book) -> dict:
    return shared_figures(book.municipality)


def _measures(quantities: list[Quantity]) -> str:
    word = count_word(len(quantities), "måttet", "måtten")
    return f"{word} {listed([quantity.label.lower() for quantity in quantities])}"
