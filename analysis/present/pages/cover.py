"""The book's first page and its conclusions: the figures that matter, each with where it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from analysis.measures.choice import local_against_national
from analysis.measures.comparison import cost_per_inhabitant, users_1_october
from analysis.measures.economy import budget_outcome, change_between
from analysis.measures.forms import FORM_NAMES
from analysis.measures.own_provision import own_accounts, own_hour
from analysis.measures.published import reconciliation_counts
from analysis.measures.result import MissingData
from analysis.measures.scenario import FILLED, OWN, PRINTED, counted_forms, form_inputs, scenario_result, tornado
from analysis.measures.schablon import schablon_series, wage_gap
from analysis.measures.volumes import hours_per_user, users
from analysis.present.book import Book
from analysis.present.language import change_sentence, dated, genitive, moved, period, which_years
from analysis.present.numbers import NO_BREAK_SPACE, cell, kronor, mnkr, number, percent, rounded
from analysis.present.pages.choice import against_sentence
from analysis.present.pages.costs import amount, deviation_sentence, inhabitants_finding
from analysis.present.pages.models import decomposition_sentence, wage_sentence
from analysis.present.pages.own_provision import result_sentence as own_result_sentence
from analysis.present.pages.reconciliation import summary_sentence as reconciliation_sentence
from analysis.present.pages.scenario import change_text, result_text, tornado_sentence
from analysis.present.pages.volumes import flow_sentence, hours_per_user_sentence, october_sentences, users_sentence
from analysis.present.views import Linked, Markup, Prose, bullets, fill, given_by, prose
from analysis.sources.schema import LAWS

# Where what the summary says is computed: chapter, the table or chart in it, and what a link calls the place.
PLACES = {
    "kostnad": ("kostnader", "tabell-budget_outcome-totalt", "Kostnaden i sin helhet: budget och nettokostnad"),
    "avvikelse": ("kostnader", "diagram-budget_outcome-totalt", "Kostnaden i sin helhet: budget mot utfall"),
    "invanare": ("kostnader", "diagram-cost_per_inhabitant", "Kostnaden i sin helhet: kostnad per invånare"),
    "brukare_sfb": ("sfb", "tabell-users-sfb", "Personlig assistans enligt SFB: antal brukare"),
    "floden": ("sfb", "tabell-flows-alla", "Personlig assistans enligt SFB: in- och utflöde"),
    "oktober_sfb": ("sfb", "tabell-users_1_october-sfb", "Personlig assistans enligt SFB: brukare den 1 oktober"),
    "timmar_lss": ("lss", "tabell-hours_per_user-lss", "Personlig assistans enligt LSS: timmar per brukare"),
    "delar_lss": ("lss", "tabell-lss_cost_decomposition", "Personlig assistans enligt LSS: vad ändringen består av"),
    "oktober_lss": ("lss", "tabell-users_1_october-lss", "Personlig assistans enligt LSS: brukare den 1 oktober"),
    "utforare": ("utforare", "diagram-budget_outcome-utforare", "Kommunalt utförande: budget mot utfall"),
    "loner": ("utforare", "tabell-wage_gap", "Kommunalt utförande: löner och schablonbelopp"),
    "egna_konton": ("egenregi", "tabell-own_accounts", "Egen regi: intäkter, kostnader och resultat"),
    "egen_timme": ("egenregi", "tabell-own_hour", "Egen regi: kostnad och intäkt per utförd timme"),
    "andel": ("val", "diagram-local_against_national", "Val av utförare: kommunens andel"),
    "indata": ("upphandling", "tabell-scenario_inputs", "Upphandling: underlaget"),
    "utredningen": ("upphandling", f"tabell-scenario_result-{PRINTED}", "Upphandling: bara det som utredningen anger"),
    "fullstandig": ("upphandling", f"tabell-scenario_result-{FILLED}", "Upphandling: med det som kommunen behåller"),
    "kanslighet": ("upphandling", "", "Upphandling: vilken uppgift som betyder mest"),
    "avstamning": ("avstamning", "tabell-reconciliation_counts", "Avstämning mot utredningen: hur mycket som stämmer"),
    "schablonbelopp": ("ansvar", "tabell-schablon_series", "Delat ansvar och utförande: schablonbeloppet år för år"),
}
MOST_FIGURES = 5


def _address(book: Book, place: str, anchor: str = "") -> str:
    """Return the address of a place; empty where the book being built lacks the chapter."""
    chapter, known, _ = PLACES[place]
    return f"{chapter}.html#{anchor or known}" if book.holds(chapter) else ""


def _linked(book: Book, sentence: str, place: str, anchor: str = "") -> Linked:
    return Linked(sentence, _address(book, place, anchor), PLACES[place][2])


def title_text(book: Book) -> Prose:
    """Return whose book this is, for which years and how it was made."""
    municipality = book.municipality
    return prose(
        f"Den här boken gäller {municipality.name}, {period(municipality.first_year, municipality.last_year)}. "
        "Varje siffra är hämtad eller uträknad ur underlag som går att följa till källan. Räkneexemplen bygger på "
        "antaganden som står utskrivna."
    )


@dataclass(frozen=True)
class KeyFigure:
    """A number for the first page: what it is, how it is written, what it means, and the place where it is computed."""

    what: str
    value: str
    unit: str
    meaning: str
    place: str
    given_by: str = ""


def key_figures(book: Book) -> Markup | Prose:
    """Return the numbers that matter most of those that the municipality's data give, at most five."""
    chosen = chosen_figures(book)
    if not chosen:
        return prose()
    words = "\n".join(f"{one.what}: {one.value}{NO_BREAK_SPACE}{one.unit}. {one.meaning}" for one in chosen)
    cards = [(one, _address(book, one.place), PLACES[one.place][2]) for one in chosen]
    return fill("key_figures.html.j2", words, cards=cards)


def chosen_figures(book: Book) -> list[KeyFigure]:
    """Return the first five of the key figures, in order of weight, that the municipality's data give."""
    found: list[KeyFigure] = []
    for way in _KEY_FIGURES:
        try:
            found.append(way(book))
        except MissingData:
            continue
        if len(found) == MOST_FIGURES:
            break
    return found


def _last(series: pd.Series) -> tuple[int, float, pd.Series]:
    values = series.dropna()
    if values.empty:
        raise MissingData("inget år har värdet")
    return int(values.index[-1]), float(values.iloc[-1]), values


def _apart(shown: str) -> tuple[str, str]:
    """Return a written amount as its number and its unit, which stand in different sizes."""
    value, _, unit = shown.rpartition(NO_BREAK_SPACE)
    return value, unit


def _since(subject: str, values: pd.Series, show: Callable[[float], str]) -> str:
    """Return how a value moved since its first year."""
    first = values.index[0]
    if len(values) < 2:
        return "Underlaget har inget tidigare år att jämföra med."
    if show(values.iloc[0]) == show(values.iloc[-1]):
        return f"{subject} är i stort sett oförändrat sedan {first}."
    change, share = change_between(values)
    size = percent(abs(share)) if share == share else show(abs(change))
    return f"{subject} har {'ökat' if change > 0 else 'minskat'} med {size} sedan {first}."


def _net_cost(book: Book) -> KeyFigure:
    year, cost, values = _last(budget_outcome(book.municipality).frame["nettokostnad_tkr"])
    value, unit = _apart(mnkr(cost))
    return KeyFigure(f"Nettokostnad {year}", value, unit, _since("Beloppet", values, mnkr), "kostnad")


def _deviation(book: Book) -> KeyFigure:
    year, deviation, values = _last(budget_outcome(book.municipality).frame["budgetavvikelse_tkr"])
    over = [one for one in values.index if values[one] < 0]
    value, unit = _apart(amount(abs(deviation)))
    what = "Underskott mot budgeten" if deviation < 0 else "Överskott mot budgeten"
    if not over:
        meaning = "Nettokostnaden höll sig inom budgeten."
    elif len(values) > 1:
        meaning = f"Nettokostnaden översteg budgeten {which_years(over, list(values.index))}."
    else:
        meaning = "Nettokostnaden översteg budgeten."
    return KeyFigure(f"{what} {year}", value, unit, meaning, "avvikelse")


def _per_inhabitant(book: Book) -> KeyFigure:
    result = cost_per_inhabitant(book.municipality)
    year, cost, values = _last(result.frame[book.municipality.area])
    nation = float(result.frame.get("Riket", values * float("nan"))[year])
    if nation != nation or book.municipality.area == "Riket":
        meaning = _since("Beloppet", values, kronor)
    elif kronor(cost) == kronor(nation):
        meaning = "Lika mycket som i riket."
    else:
        meaning = f"{'Högre' if cost > nation else 'Lägre'} än i riket, där kostnaden var {kronor(nation)}."
    return KeyFigure(
        f"Kostnad per invånare {year}",
        number(cost),
        "kr",
        meaning,
        "invanare",
        given_by(book.municipality, result),
    )


def _people(book: Book) -> KeyFigure:
    if not book.municipality.has("brukare:sfb"):
        return _october(book, "sfb")
    result = users(book.municipality, "sfb")
    year, people, values = _last(result.frame["utfall_antal"])
    quantity = result.quantity("utfall_antal")

    def show(value: float) -> str:
        return cell(value, quantity)

    what = f"Brukare med assistansersättning {year}"
    return KeyFigure(what, show(people), "personer i snitt", _since("Antalet", values, show), "brukare_sfb")


def _hours(book: Book) -> KeyFigure:
    if not book.municipality.has("brukare:lss", "timmar:lss"):
        return _october(book, "lss")
    year, hours, values = _last(hours_per_user(book.municipality).frame["timmar_per_brukare_manad"])
    what = f"Timmar per brukare och månad enligt LSS {year}"
    return KeyFigure(what, number(hours), "timmar", _since("Antalet", values, number), "timmar_lss")


def _october(book: Book, law: str) -> KeyFigure:
    if book.municipality.has("brukare"):
        raise MissingData(f"{book.municipality.slug}: egna uppgifter om brukare finns, men inte enligt {law}")
    year, people, values = _last(users_1_october(book.municipality, law).frame[book.municipality.area])
    what = f"Brukare enligt {law.upper()} den 1 oktober {year}"
    return KeyFigure(what, number(people), "personer", _since("Antalet", values, number), f"oktober_{law}")


def _own_hour_figure(book: Book) -> KeyFigure:
    frame = own_hour(book.municipality).frame
    year, cost, _ = _last(frame["kostnad_kr_per_timme"])
    value, unit = _apart(kronor(cost, 2))
    what = f"Kostnad per utförd timme i egen regi {year}"
    return KeyFigure(what, value, unit, _against_amount(book, year, cost), "egen_timme")


def _stated_hour_figure(book: Book) -> KeyFigure:
    if book.municipality.has("konton", "egen_regi"):
        raise MissingData(f"{book.municipality.slug}: timmens kostnad räknas ur kontona")
    own = form_inputs(book.municipality, PRINTED, OWN)
    value, unit = _apart(kronor(own.cost, 2))
    what = f"Kostnad per timme i egen regi {own.year}, enligt utredningen"
    return KeyFigure(what, value, unit, _against_amount(book, own.year, own.cost), "indata")


def _against_amount(book: Book, year: int, cost: float) -> str:
    rate = book.municipality.parameters["schablonbelopp"]
    if not rate.covers(year):
        return ""
    known = rate.in_year(year).value
    if kronor(cost, 2) == kronor(known, 2):
        return "Lika mycket som schablonbeloppet."
    return f"{'Mer' if cost > known else 'Mindre'} än schablonbeloppet, som var {kronor(known, 2)}."


def _saving(book: Book) -> KeyFigure:
    form = counted_forms(book.municipality)[0]
    printed, filled = (
        scenario_result(book.municipality, reading).frame.loc[form, "besparing_tkr"] for reading in (PRINTED, FILLED)
    )
    value, unit = _apart(amount(abs(filled)))
    name = FORM_NAMES[form]
    if not rounded(filled):
        what = f"Skillnad mot egen regi med {name}, räkneexempel"
    else:
        what = f"{'Besparing' if filled > 0 else 'Merkostnad'} med {name}, räkneexempel"
    kind = "en besparing" if printed > 0 else "en merkostnad"
    size = f"{kind} på {amount(abs(printed))} per år" if rounded(printed) else "ingen skillnad"
    meaning = f"Räknas bara det som utredningen anger blir det {size}."
    return KeyFigure(what, value, f"{unit} per år", meaning, "fullstandig")


def _own_result(book: Book) -> KeyFigure:
    year, result, values = _last(own_accounts(book.municipality).frame["resultat_tkr"])
    short = [one for one in values.index if values[one] < 0]
    value, unit = _apart(amount(abs(result)))
    what = f"Den egna utförarens {'underskott' if result < 0 else 'överskott'} {year}"
    if not short:
        meaning = "Intäkterna täckte kostnaderna."
    elif len(values) > 1:
        meaning = f"Kostnaderna var högre än intäkterna {which_years(short, list(values.index))}."
    else:
        meaning = "Kostnaderna var högre än intäkterna."
    return KeyFigure(what, value, unit, meaning, "egna_konton")


def _own_share(book: Book) -> KeyFigure:
    frame = local_against_national(book.municipality).frame
    time, law = str(frame.index[-1]).rsplit(" ", 1)
    share, nation = frame["kommunen_procent"].iloc[-1], frame["riket_procent"].iloc[-1]
    value, unit = _apart(percent(share))
    of_whom = "" if law == "alla" else f" enligt {law.upper()}"
    if percent(share) == percent(nation):
        meaning = "Lika stor andel som i riket."
    else:
        meaning = f"{'Större' if share > nation else 'Mindre'} andel än i riket, där den var {percent(nation)}."
    what = f"Andel av brukarna{of_whom} som har kommunen som utförare, {dated(time)}"
    return KeyFigure(what, value, unit, meaning, "andel")


def _reconciled(book: Book) -> KeyFigure:
    total = reconciliation_counts(book.municipality).frame.loc["Summa"]
    every, agreeing = int(total["alla"]), int(total["stammer"])
    left = every - agreeing
    meaning = f"{'Den' if left == 1 else 'De'} andra redovisas med orsak." if left else "Ingen av siffrorna avviker."
    what = "Siffror i utredningen som stämmer med bokens underlag"
    return KeyFigure(what, number(agreeing), f"av {number(every)}", meaning, "avstamning")


def _amount_per_hour(book: Book) -> KeyFigure:
    municipality = book.municipality
    amounts = schablon_series(municipality).frame["schablonbelopp_kr_per_timme"]
    year, rate, values = _last(amounts.loc[municipality.first_year : municipality.last_year])
    value, unit = _apart(kronor(rate, 2))
    meaning = "Så mycket betalar staten för en assistanstimme."
    if len(values) > 1:
        meaning += f" {_since('Beloppet', values, lambda amount_: kronor(amount_, 2))}"
    return KeyFigure(f"Schablonbelopp per timme {year}", value, unit, meaning, "schablonbelopp")


# In order of weight: what the whole costs, then what it is made of, then what could be done.
_KEY_FIGURES = (
    _net_cost,
    _deviation,
    _per_inhabitant,
    _people,
    _hours,
    _own_hour_figure,
    _stated_hour_figure,
    _own_result,
    _saving,
    _own_share,
    _reconciled,
    _amount_per_hour,
)


def summary_list(book: Book) -> Prose:
    """Return the main findings that the municipality's data allow, each with where it is computed."""
    municipality = book.municipality
    found = []

    def say(sentence: str, place: str) -> None:
        if sentence:
            found.append(_linked(book, sentence, place))

    if municipality.has("ekonomi"):
        frame = budget_outcome(municipality).frame
        say(change_sentence("nettokostnaden", frame["nettokostnad_tkr"], mnkr), "kostnad")
        say(deviation_sentence(frame), "avvikelse")
    if municipality.has("brukare:sfb"):
        say("SFB. " + users_sentence(book, "sfb"), "brukare_sfb")
    if municipality.has("brukare:lss", "timmar:lss"):
        say("LSS. " + hours_per_user_sentence(book), "timmar_lss")
    if municipality.has("ekonomi:lss", "brukare:lss", "timmar:lss"):
        say("LSS. " + decomposition_sentence(book, "lss"), "delar_lss")
    if municipality.has("konton"):
        result = own_accounts(municipality).frame["resultat_tkr"]
        say("Den egna utföraren. " + own_result_sentence(result), "egna_konton")
    if municipality.has("konton", "egen_regi"):
        say(_own_hour_sentence(book), "egen_timme")
    if municipality.has("val_av_utforare"):
        say(_share_sentence(book), "andel")
    if municipality.has("scenario"):
        readings = (
            ("efter utredningens uppgifter", result_text, "utredningen"),
            ("med det som kommunen behåller", change_text, "fullstandig"),
        )
        for name, text, place in readings:
            say(f"Upphandling, {name}. " + " ".join(map(str, text(book).paragraphs)), place)
    if municipality.has("nationellt:kostnad_per_invanare"):
        say(inhabitants_finding(book), "invanare")
    _say_october(book, say)
    if municipality.has("loner"):
        say(wage_sentence(book), "loner")
    if municipality.has("publicerat"):
        say(reconciliation_sentence(book), "avstamning")
    if not found:
        return prose(
            f"Det finns ännu inga uppgifter om {municipality.name} i underlaget. Boken visar vad som gäller i hela "
            "landet."
        )
    return bullets(found)


def _say_october(book: Book, say: Callable[[str, str], None]) -> None:
    """Say how the users on 1 October changed, where the municipality has no numbers of its own."""
    if book.municipality.has("brukare"):
        return
    for law in LAWS:
        known = book.municipality.has(f"nationellt:brukare_1_oktober:{law}")
        sentences = october_sentences(book, law) if known else []
        if sentences:
            say(f"{law.upper()}. {sentences[0]}", f"oktober_{law}")


def _share_sentence(book: Book) -> str:
    try:
        return against_sentence(book)
    except MissingData:
        return ""  # the counts may lack the municipality's own


def _own_hour_sentence(book: Book) -> str:
    hour = own_hour(book.municipality).frame["kostnad_kr_per_timme"]
    return change_sentence("kostnaden per utförd timme", hour, lambda value: kronor(value, 2))


def drivers_list(book: Book) -> Prose:
    """Return what moved the cost, as far as the data tell, each with where it is computed."""
    municipality = book.municipality
    found = []

    def say(sentence: str, place: str, anchor: str = "") -> None:
        if sentence:
            found.append(_linked(book, sentence, place, anchor))

    if municipality.has("brukare:sfb"):
        change, share = change_between(users(municipality, "sfb").frame["utfall_antal"])
        if change:
            size = number(abs(change)) + (f" ({percent(abs(share))})" if share == share else "")
            span = _span(municipality)
            say(f"Antalet brukare med assistansersättning {moved(change)} {span} med {size}.", "brukare_sfb")
    if municipality.has("brukare:lss", "timmar:lss"):
        change, share = change_between(hours_per_user(municipality).frame["timmar_per_brukare_manad"])
        if change:
            size = f" med {percent(abs(share))}" if share == share else ""
            say(f"Timmarna per brukare enligt LSS {moved(change)} {_span(municipality)}{size}.", "timmar_lss")
    if municipality.has("floden"):
        say(flow_sentence(book), "floden")
    if municipality.has("ekonomi:utforare"):
        frame = budget_outcome(municipality, "utforare").frame
        say("Kommunalt utförande. " + deviation_sentence(frame), "utforare")
    if municipality.has("konton", "egen_regi"):
        say(_own_hour_sentence(book), "egen_timme")
    if municipality.has("scenario"):
        chart = f"diagram-{tornado(municipality).id}"
        say("Besparingen vid en upphandling. " + tornado_sentence(book), "kanslighet", chart)
    if municipality.has("nationellt:kostnad_per_invanare"):
        costs = cost_per_inhabitant(municipality).frame[municipality.area]
        say(change_sentence("kostnaden per invånare", costs, kronor), "invanare")
    _say_october(book, say)
    if municipality.has("loner"):
        gap = wage_gap(municipality).frame["gap_kr_per_timme"].iloc[-1]
        relation = "" if gap > 0 else "inte "
        say(f"Lönerna har {relation}ökat mer än schablonbeloppet.", "loner")
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
