"""The book's first page and its conclusions: the figures that matter, each with where it is computed."""

from __future__ import annotations

from analysis.measures.comparison import cost_per_inhabitant
from analysis.measures.economy import budget_outcome, change_between
from analysis.measures.own_provision import own_accounts, own_hour
from analysis.measures.schablon import wage_gap
from analysis.measures.volumes import hours_per_user, users
from analysis.present.book import Book
from analysis.present.language import change_sentence, genitive, moved, period
from analysis.present.numbers import kronor, mnkr, number, percent
from analysis.present.pages.choice import against_sentence
from analysis.present.pages.costs import deviation_sentence, inhabitants_finding
from analysis.present.pages.models import decomposition_sentence, wage_sentence
from analysis.present.pages.own_provision import result_sentence as own_result_sentence
from analysis.present.pages.reconciliation import summary_sentence as reconciliation_sentence
from analysis.present.pages.scenario import change_text, result_text, tornado_sentence
from analysis.present.pages.volumes import flow_sentence, hours_per_user_sentence, october_sentences, users_sentence
from analysis.present.views import Prose, bullets, prose
from analysis.sources.schema import LAWS


def title_text(book: Book) -> Prose:
    """Return whose book this is, for which years and how it was made."""
    municipality = book.municipality
    return prose(
        f"Den här boken gäller {municipality.name}, {period(municipality.first_year, municipality.last_year)}. "
        "Varje siffra är hämtad eller uträknad ur underlag som går att följa till källan. Räkneexemplen bygger på "
        "antaganden som står utskrivna."
    )


def summary_list(book: Book) -> Prose:
    """Return the main findings that the municipality's data allow."""
    municipality = book.municipality
    found = []
    if municipality.has("ekonomi"):
        frame = budget_outcome(municipality).frame
        found += [change_sentence("nettokostnaden", frame["nettokostnad_tkr"], mnkr), deviation_sentence(frame)]
    if municipality.has("brukare:sfb"):
        found.append("SFB. " + users_sentence(book, "sfb"))
    if municipality.has("brukare:lss", "timmar:lss"):
        found.append("LSS. " + hours_per_user_sentence(book))
    if municipality.has("ekonomi:lss", "brukare:lss", "timmar:lss"):
        found.append("LSS. " + decomposition_sentence(book, "lss"))
    if municipality.has("konton"):
        found.append("Den egna utföraren. " + own_result_sentence(own_accounts(municipality).frame["resultat_tkr"]))
    if municipality.has("konton", "egen_regi"):
        found.append(_own_hour_sentence(book))
    if municipality.has("val_av_utforare"):
        found.append(against_sentence(book))
    if municipality.has("scenario"):
        readings = {"efter utredningens uppgifter": result_text, "med det som kommunen behåller": change_text}
        found += [f"Upphandling, {name}. " + " ".join(text(book).paragraphs) for name, text in readings.items()]
    if municipality.has("nationellt:kostnad_per_invanare"):
        found.append(inhabitants_finding(book))
    if not municipality.has("brukare") and municipality.has("nationellt:brukare_1_oktober"):
        found += [f"{law.upper()}. {october_sentences(book, law)[0]}" for law in LAWS if october_sentences(book, law)]
    if municipality.has("loner"):
        found.append(wage_sentence(book))
    if municipality.has("publicerat"):
        found.append(reconciliation_sentence(book))
    if not found:
        return prose(
            f"Det finns ännu inga uppgifter om {municipality.name} i underlaget. Boken visar vad som gäller i hela "
            "landet."
        )
    return bullets([sentence for sentence in found if sentence])


def _own_hour_sentence(book: Book) -> str:
    hour = own_hour(book.municipality).frame["kostnad_kr_per_timme"]
    return change_sentence("kostnaden per utförd timme", hour, lambda value: kronor(value, 2))


def drivers_list(book: Book) -> Prose:
    """Return what moved the cost, as far as the data tell."""
    municipality = book.municipality
    found = []
    if municipality.has("brukare:sfb"):
        change, share = change_between(users(municipality, "sfb").frame["utfall_antal"])
        if change:
            found.append(
                f"Antalet brukare med assistansersättning {moved(change)} {_span(municipality)} med "
                + number(abs(change))
                + (f" ({percent(abs(share))})" if share == share else "")
                + "."
            )
    if municipality.has("brukare:lss", "timmar:lss"):
        change, share = change_between(hours_per_user(municipality).frame["timmar_per_brukare_manad"])
        if change:
            found.append(
                f"Timmarna per brukare enligt LSS {moved(change)} {_span(municipality)}"
                + (f" med {percent(abs(share))}" if share == share else "")
                + "."
            )
    if municipality.has("floden"):
        found.append(flow_sentence(book))
    if municipality.has("ekonomi:utforare"):
        frame = budget_outcome(municipality, "utforare").frame
        found.append("Kommunalt utförande. " + deviation_sentence(frame))
    if municipality.has("konton", "egen_regi"):
        found.append(_own_hour_sentence(book))
    if municipality.has("scenario"):
        found.append("Besparingen vid en upphandling. " + tornado_sentence(book))
    if municipality.has("nationellt:kostnad_per_invanare"):
        costs = cost_per_inhabitant(municipality).frame[municipality.area]
        found.append(change_sentence("kostnaden per invånare", costs, kronor))
    if not municipality.has("brukare") and municipality.has("nationellt:brukare_1_oktober"):
        found += [f"{law.upper()}. {october_sentences(book, law)[0]}" for law in LAWS if october_sentences(book, law)]
    if municipality.has("loner"):
        gap = wage_gap(municipality).frame["gap_kr_per_timme"].iloc[-1]
        found.append(
            "Lönerna har ökat mer än schablonbeloppet." if gap > 0 else "Lönerna har inte ökat mer än schablonbeloppet."
        )
    if not found:
        return prose(f"Underlaget för {municipality.name} räcker inte till slutsatser om kostnader och volymer.")
    return bullets(found)


def _span(municipality) -> str:
    return period(municipality.first_year, municipality.last_year)


def outlook_text(book: Book) -> Prose:
    """Return the next year's known amount, where the parameters reach beyond the book's period."""
    municipality = book.municipality
    rate = municipality.parameters["schablonbelopp"]
    year = municipality.last_year + 1
    if not rate.covers(year) or not rate.covers(municipality.last_year):
        return prose()
    now, then = rate.in_year(municipality.last_year).value, rate.in_year(year).value
    share = (then / now - 1) * 100
    relation = f"{percent(abs(share), 1)} {'högre' if share > 0 else 'lägre'} än" if share else "detsamma som"
    return prose(
        f"För {year} är schablonbeloppet bestämt till {kronor(then, 2)} per timme, "
        f"{relation} {municipality.last_year}.",
        _effect(book, then - now),
    )


def _effect(book: Book, rise: float) -> str:
    municipality = book.municipality
    if not municipality.has("timmar:lss"):
        return ""
    hours = hours_per_user(municipality).frame["utfall_timmar"] if municipality.has("brukare:lss") else None
    if hours is None:
        return ""
    cost = hours.iloc[-1] * rise / 1000
    return (
        f"Med {genitive(book.name)} timmar enligt LSS {hours.index[-1]} motsvarar höjningen {mnkr(cost)} om året."
        if rise > 0
        else ""
    )
