"""The assignment, the shared responsibility and the changes in law."""

from __future__ import annotations

import math

import pandas as pd

from analysis.measures.economy import forecasts
from analysis.measures.law import events
from analysis.measures.result import MissingData, Result
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import area_name, capitalised, count_word, genitive, listed, period
from analysis.present.numbers import kronor, mnkr, number, percent
from analysis.present.views import ChartView, Prose, TableView, bullets, prose
from analysis.sources.schema import LAWS

# What a law's chapter needs, as its notebook says.
_CHAPTER_OF_LAW = {
    "sfb": "ekonomi:sfb|nationellt:brukare_1_oktober:sfb|nationellt:brukare_december|nationellt:timmar_per_vecka",
    "lss": "ekonomi:lss|nationellt:brukare_1_oktober:lss",
}


def assignment_text(book: Book) -> Prose:
    """Return who commissioned the investigation, and what for."""
    municipality = book.municipality
    assignment = municipality.assignment
    if assignment is None:
        return prose(f"Underlaget anger inget särskilt uppdrag för {municipality.name}.")
    who = assignment.commissioned_by
    start = (
        f"{capitalised(who)} gav {municipality.board} i uppdrag att {assignment.task}."
        if who
        else f"Utredningens uppgift är att {assignment.task}."
    )
    relief = (
        ""
        if not assignment.relieved_mnkr
        else (
            f" Samtidigt befriades nämnden tillfälligt från ansvar för ett underskott på högst "
            f"{_short(assignment.relieved_mnkr)} för {municipality.last_year}."
        )
    )
    return prose(start + relief)


def _short(value_mnkr: float) -> str:
    return mnkr(value_mnkr * 1000, 0 if value_mnkr == int(value_mnkr) else 1)


def _compared(book: Book) -> Result | None:
    """Return the forecasts with the outcome last; nothing where their year has no outcome yet."""
    try:
        result = forecasts(book.municipality)
    except MissingData:
        return None
    return None if math.isnan(result.frame["budgetavvikelse_mnkr"].iloc[-1]) else result


def forecast_sentence(result: Result) -> str:
    """Return the last forecast against the outcome."""
    frame = result.frame["budgetavvikelse_mnkr"]
    outcome, last = frame.iloc[-1], frame.iloc[-2]
    name = frame.index[-2]
    side = "bättre än" if outcome > last else "sämre än" if outcome < last else "lika med"
    gap = f"{mnkr(abs(outcome - last) * 1000)} " if outcome != last else ""
    kind = f"ett {'underskott' if outcome < 0 else 'överskott'} på {mnkr(abs(outcome) * 1000)}" if outcome else "balans"
    return f"{frame.index[-1]} visade {kind}, {gap}{side} prognosen i {name}."


def forecast_text(book: Book) -> Prose:
    """Return the forecasts in order, and the outcome, or that there is none to compare them with.

    Where the outcome is not shown the forecasts are not either: they come so near it that they could give it away.
    """
    table = book.municipality.tables["prognoser"]
    year = int(table["avser_ar"].max())
    made = table[table["avser_ar"] == year].sort_values("ordning")
    stated = [f"{_short(row.budgetavvikelse_mnkr)} i {row.tillfalle}" for row in made.itertuples()]
    result = _compared(book)
    start = f"Prognosen för {year} års budgetavvikelse var {listed(stated)}."
    if result is None:
        missing = (
            "Underlaget har inte den budgetavvikelse som det blev det året, så det finns inget utfall att jämföra med."
        )
        why = book.absent(missing, "Årets budgetavvikelse", _compared)
        return prose(start if why == missing else f"Prognoserna gäller {year}.", why)
    return prose(start, forecast_sentence(result))


def forecast_table(book: Book) -> TableView | Prose:
    """Return forecasts and outcome; nothing without an outcome."""
    result = _compared(book)
    return TableView(book.municipality, result) if result else prose()


def forecast_chart(book: Book) -> ChartView | Prose:
    """Return forecasts and outcome as bars; nothing without an outcome."""
    result = _compared(book)
    if result is None:
        return prose()
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, ["budgetavvikelse_mnkr"], height=170),
        forecast_sentence(result),
    )


def scope_text(book: Book) -> Prose:
    """Return the period, and whom the municipality is compared with."""
    municipality = book.municipality
    others = [area_name(area) for area in municipality.compare_with]
    compare = f" Den jämför {municipality.name} med {listed(others)}." if others else ""
    return prose(f"Boken gäller {period(municipality.first_year, municipality.last_year)}." + compare)


def disposition_text(book: Book) -> Prose:
    """Return what the book holds, in order, as far as the municipality's data reach."""
    municipality = book.municipality
    middle = []
    if municipality.has("ekonomi"):
        middle.append("kostnaden i sin helhet")
    elif municipality.has("nationellt:kostnad_per_invanare"):
        middle.append("kostnaden per invånare")
    elif municipality.has("nationellt:lss_utjamning"):
        middle.append("utjämningen av LSS-kostnader")
    middle.append("ändringarna i lagstiftningen")
    for law in LAWS:
        if municipality.has(_CHAPTER_OF_LAW[law]):
            middle.append(f"assistansen enligt {law.upper()}")
    if municipality.has("ekonomi:utforare|konton|egen_regi"):
        middle.append("den egna utföraren")
    middle += ["valet av utförare", "olika sätt att driva assistansen"]
    if municipality.has("scenario"):
        middle.append("vad en upphandling skulle kosta eller ge")
    last = ["slutsatserna", *(["en jämförelse med andra kommuner"] if municipality.peers else [])]
    return prose(
        f"Boken börjar med hur ansvaret är delat mellan stat och kommun. Därefter kommer {listed(middle)}.",
        f"Sist står {listed(['vad ett statligt övertagande skulle betyda', *last])}.",
        "En avstämning mot utredningen, siffra för siffra, har ett eget kapitel."
        if municipality.has("publicerat")
        else "",
    )


def example_text(book: Book) -> Prose:
    """Return whom the committed copy of a chapter is about, where that is not the default municipality."""
    if book.manifest:
        return prose()
    return prose(f"Kapitlet visas här för {book.name}, som har det underlag som kapitlet behöver.")


def responsibility_text(book: Book) -> Prose:
    """Return how the responsibility is shared, with the law's amounts."""
    parameters = book.municipality.parameters
    hours, limit = parameters["forsta_timmar"].values[-1], parameters["grundlaggande_behov_grans"].values[-1]
    return bullets(
        [
            f"Staten, genom Försäkringskassan, utreder och beslutar om assistansersättning när de grundläggande "
            f"behoven är mer än {number(limit.value)} timmar i veckan (51 kap. 3 § socialförsäkringsbalken).",
            f"Kommunen betalar de första {number(hours.value)} assistanstimmarna i veckan för var och en som har "
            f"assistansersättning (51 kap. 22 §). Staten betalar resten.",
            f"Kommunen utreder, beslutar om och betalar hela assistansen enligt LSS när de grundläggande behoven är "
            f"högst {number(limit.value)} timmar i veckan.",
            "Kommunen ska se till att den som har beviljats assistans får den utförd, och utför den själv när ingen "
            "annan gör det. Det kallas basansvar.",
        ]
    )


def amount_text(book: Book) -> Prose:
    """Return what an hour is paid with in the book's last year, its cap, and what waiting time is paid with."""
    municipality = book.municipality
    year = municipality.last_year
    amount = municipality.parameters["schablonbelopp"].in_year(year).value
    cap = municipality.parameters["hojt_belopp_tak"].values[-1].value
    waiting = municipality.parameters["vantetid_andel"].values[-1].value
    return prose(
        f"{year} är schablonbeloppet {kronor(amount, 2)} per timme. Den som kan visa högre kostnader kan få upp till "
        f"{percent((cap - 1) * 100)} mer, alltså högst {kronor(amount * cap, 2)}. En timmes väntetid ersätts med "
        f"{percent(waiting * 100)} av beloppet, {kronor(amount * waiting, 2)}."
    )


def events_table(book: Book) -> TableView:
    """Return the list of events."""
    return TableView(book.municipality, events(book.municipality), index_label="Datum")


def events_text(book: Book) -> Prose:
    """Return how many events of each kind fall in the municipality's period."""
    frame = events(book.municipality).frame
    years = pd.to_numeric(frame.index.str[:4])
    inside = frame[(years >= book.municipality.first_year) & (years <= book.municipality.last_year)]
    if inside.empty:
        return prose(f"Inga av händelserna i listan faller inom {genitive(book.name)} period.")
    count, first, last = len(frame), book.municipality.first_year, book.municipality.last_year
    return prose(
        f"Listan har {number(count)} {count_word(count, 'händelse', 'händelser')}, och {number(len(inside))} faller "
        f"inom {genitive(book.name)} period, {period(first, last)}."
    )
