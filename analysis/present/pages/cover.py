"""The book's first page and its conclusions: the figures that matter, each with where it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from analysis.measures.choice import local_against_national
from analysis.measures.comparison import cost_per_inhabitant, preliminary_years, users_1_october
from analysis.measures.dates import dated
from analysis.measures.economy import budget_outcome, change_between
from analysis.measures.forms import FORM_NAMES
from analysis.measures.national import cost_in_kronor, granted_hours, lss_equalisation, users_december
from analysis.measures.own_provision import own_accounts, own_hour
from analysis.measures.result import MissingData
from analysis.measures.scenario import (
    FILLED,
    OWN,
    PRINTED,
    counted_forms,
    form_inputs,
    scenario_inputs,
    scenario_result,
    tornado,
)
from analysis.measures.schablon import STATUS_NAMES, schablon_series, wage_gap
from analysis.measures.volumes import hours, hours_per_user, users
from analysis.present.book import Book
from analysis.present.language import change_sentence, count_word, genitive, listed, moved, period, which_years
from analysis.present.numbers import NO_BREAK_SPACE, cell, kronor, mnkr, number, percent, rounded
from analysis.present.pages.choice import against_sentence
from analysis.present.pages.costs import amount, deviation_sentence, inhabitants_finding
from analysis.present.pages.models import decomposition_sentence, wage_sentence
from analysis.present.pages.national import (
    beside_nation_sentence,
    december_change,
    december_level,
    equalisation_sentence,
    granted_beside,
    granted_sentence,
    kronor_sentence,
    per_people_sentence,
    week_hours,
)
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
    "kronor": ("kostnader", "tabell-cost_in_kronor", "Kostnaden i sin helhet: kostnaden i kronor"),
    "utjamning": ("kostnader", "tabell-lss_equalisation", "Kostnaden i sin helhet: LSS-utjämningen"),
    "december": ("sfb", "tabell-users_december", "Personlig assistans enligt SFB: personer i december"),
    "beviljat": ("sfb", "tabell-granted_hours", "Personlig assistans enligt SFB: beviljade timmar"),
    "per_10000_sfb": ("sfb", "diagram-users_per_10000-sfb", "Personlig assistans enligt SFB: antal och folkmängd"),
    "per_10000_lss": ("lss", "diagram-users_per_10000-lss", "Personlig assistans enligt LSS: antal och folkmängd"),
    "bredvid_riket": ("slutsatser", "tabell-beside_nation", "Slutsatser: kommunen bredvid riket"),
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
        return "Boken har inget tidigare år att jämföra med."
    if show(values.iloc[0]) == show(values.iloc[-1]):
        return f"{subject} är i stort sett oförändrat sedan {first}."
    change, share = change_between(values)
    size = percent(abs(share)) if share == share else show(abs(change))
    return f"{subject} har {'ökat' if change > 0 else 'minskat'} med {size} sedan {first}."


def _last_step(values: pd.Series, show: Callable[[float], str]) -> list[str]:
    """Return how a value moved in its last year, where that is another span than the whole."""
    if len(values) < 3 or show(values.iloc[-2]) == show(values.iloc[-1]):
        return []
    change, _ = change_between(values.iloc[-2:])
    return [f"Sedan {values.index[-2]} har det {'ökat' if change > 0 else 'minskat'} med {show(abs(change))}."]


def _net_cost(book: Book) -> KeyFigure:
    year, cost, values = _last(budget_outcome(book.municipality).frame["nettokostnad_tkr"])
    value, unit = _apart(mnkr(cost))
    meaning = " ".join([_since("Beloppet", values, mnkr), *_last_step(values, mnkr)])
    return KeyFigure(f"Nettokostnad {year}", value, unit, meaning, "kostnad")


def _deviation(book: Book) -> KeyFigure:
    frame = budget_outcome(book.municipality).frame
    year, deviation, values = _last(frame["budgetavvikelse_tkr"])
    over = [one for one in values.index if rounded(values[one]) < 0]
    value, unit = _apart(amount(abs(deviation)))
    shown = rounded(deviation)
    if not shown:
        what = "Avvikelse mot budgeten"
    else:
        what = "Underskott mot budgeten" if shown < 0 else "Överskott mot budgeten"
    if not shown:
        meaning = f"Nettokostnaden blev {'i stort sett ' if deviation else ''}lika stor som budgeten."
    elif not over:
        meaning = "Nettokostnaden höll sig inom budgeten."
    elif len(values) > 1:
        meaning = f"Nettokostnaden översteg budgeten {which_years(over, values.index, frame.index)}."
    else:
        meaning = "Nettokostnaden översteg budgeten."
    return KeyFigure(f"{what} {year}", value, unit, meaning, "avvikelse")


def _per_inhabitant(book: Book) -> KeyFigure:
    result = cost_per_inhabitant(book.municipality)
    year, cost, values = _last(result.frame[book.municipality.area])
    nation = float(result.frame.get("Riket", values * float("nan"))[year])
    if nation != nation or book.municipality.area == "Riket":
        # Only values as they were given, since the card names who gave them.
        meaning = f"{values.index[0]} var den {kronor(values.iloc[0])}." if len(values) > 1 else ""
    else:
        if kronor(cost) == kronor(nation):
            meaning = "Lika hög som i riket."
        else:
            meaning = f"{'Högre' if cost > nation else 'Lägre'} än i riket, där kostnaden var {kronor(nation)}."
        if year - 1 in values.index:
            meaning += f" Året före var den {kronor(values[year - 1])}."
    return KeyFigure(
        f"Kostnad per invånare {_marked(book, year, 'kostnad_per_invanare')}",
        number(cost),
        "kr",
        meaning,
        "invanare",
        given_by(book.municipality, result),
    )


def _marked(book: Book, year: int, *tables: str, **selection: str) -> str:
    """Return a year of national tables, marked where one of the municipality's figures is preliminary."""
    marked = any(year in preliminary_years(book.municipality, table, **selection) for table in tables)
    return f"{year}, preliminärt" if marked else str(year)


def _people(book: Book) -> KeyFigure:
    if not book.municipality.has("brukare:sfb"):
        december = not book.municipality.has("brukare") and book.municipality.has("nationellt:brukare_december")
        return _december(book) if december else _october(book, "sfb")
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
    what = f"Brukare enligt {law.upper()} den 1 oktober {_marked(book, year, 'brukare_1_oktober', verksamhet=law)}"
    return KeyFigure(what, number(people), "personer", _since("Antalet", values, number), f"oktober_{law}")


def _december(book: Book) -> KeyFigure:
    result = users_december(book.municipality)
    year, people, values = _last(result.frame[book.municipality.area])
    what = f"Personer med assistansersättning i december {_marked(book, year, 'brukare_december')}"
    # Only values as they were given, since the card names who gave them.
    meaning = f"{values.index[0]} var antalet {number(values.iloc[0])}." if len(values) > 1 else ""
    word = count_word(people, "person", "personer")
    return KeyFigure(what, number(people), word, meaning, "december", given_by(book.municipality, result))


def _granted(book: Book) -> KeyFigure:
    if book.municipality.has("brukare"):
        raise MissingData(f"{book.municipality.slug}: egna uppgifter om brukare och timmar finns")
    result = granted_hours(book.municipality)
    year, hours, values = _last(result.frame[book.municipality.area])
    nation = float(result.frame.get("Riket", values * float("nan"))[year])
    meaning = "Snittet för dem som har assistansersättning."
    if nation == nation:
        meaning += f" I riket var det {week_hours(nation)}."
    what = f"Beviljade timmar per vecka {_marked(book, year, 'timmar_per_vecka')}"
    return KeyFigure(what, number(hours, 1), "timmar", meaning, "beviljat", given_by(book.municipality, result))


def _in_kronor(book: Book) -> KeyFigure:
    if book.municipality.has("ekonomi"):
        raise MissingData(f"{book.municipality.slug}: bokförd kostnad finns")
    result = cost_in_kronor(book.municipality)
    year, cost, values = _last(result.frame["kostnad_mnkr"] * 1000)
    value, unit = _apart(mnkr(cost))
    meaning = f"Kostnaden per invånare gånger folkmängden. {_since('Beloppet', values, mnkr)}"
    what = f"Ungefärlig kostnad i kronor {_marked(book, year, 'kostnad_per_invanare', 'befolkning')}"
    return KeyFigure(what, value, unit, meaning, "kronor")


def _equalisation(book: Book) -> KeyFigure:
    if book.municipality.has("ekonomi"):
        raise MissingData(f"{book.municipality.slug}: bokförd kostnad finns")
    result = lss_equalisation(book.municipality)
    if "utfall_kr_per_inv" not in result.frame:
        raise MissingData(f"{book.municipality.slug}: utjämningens utfall är inte känt")
    year, amount_, _ = _last(result.frame["utfall_kr_per_inv"])
    kind = "Avgift" if rounded(amount_) < 0 else "Bidrag"
    value, unit = _apart(kronor(abs(amount_)))
    meaning = "Gäller alla insatser enligt LSS, inte bara personlig assistans."
    what = f"{kind} i LSS-utjämningen per invånare {_marked(book, year, 'lss_utjamning', slag='utfall')}"
    return KeyFigure(what, value, unit, meaning, "utjamning", given_by(book.municipality, result))


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
    stated = f"{kronor(own.amount, 2)} som utredningen räknar med från staten."
    if kronor(own.cost, 2) == kronor(own.amount, 2):
        meaning = f"Lika mycket som de {stated}"
    else:
        meaning = f"{'Mer' if own.cost > own.amount else 'Mindre'} än de {stated}"
    return KeyFigure(what, value, unit, meaning, "indata")


def _own_hours(book: Book) -> KeyFigure:
    if book.municipality.has("konton", "egen_regi"):
        year, hours, values = _last(own_hour(book.municipality).frame["utforda_timmar"])
        meaning = _since("Antalet", values, number)
        return KeyFigure(f"Utförda timmar i egen regi {year}", number(hours), "timmar", meaning, "egen_timme")
    own = form_inputs(book.municipality, PRINTED, OWN)
    status = scenario_inputs(book.municipality).frame["uppgift"]
    derived = STATUS_NAMES["harledd"] in (status.get("timmar"), status.get(f"timmar/{OWN}"))
    start = "Uträknat ur det som utredningen anger" if derived else "Så många timmar räknar utredningen med"
    users_served = f", för {number(own.users)} brukare" if own.users == own.users else ""
    meaning = f"{start}{users_served}."
    return KeyFigure(f"Timmar per år i egen regi {own.year}", number(own.hours), "timmar", meaning, "indata")


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
    short = [one for one in values.index if rounded(values[one]) < 0]
    value, unit = _apart(amount(abs(result)))
    shown = rounded(result)
    kind = "resultat" if not shown else "underskott" if shown < 0 else "överskott"
    what = f"Den egna utförarens {kind} {year}"
    if not shown:
        meaning = f"Intäkterna blev {'i stort sett ' if result else ''}lika stora som kostnaderna."
    elif not short:
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


def _amount_per_hour(book: Book) -> KeyFigure:
    municipality = book.municipality
    amounts = schablon_series(municipality).frame["schablonbelopp_kr_per_timme"]
    year, rate, values = _last(amounts.loc[municipality.first_year : municipality.last_year])
    value, unit = _apart(kronor(rate, 2))
    meaning = "Det belopp som statens ersättning räknas med."
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
    _own_hours,
    _saving,
    _own_share,
    _granted,
    _in_kronor,
    _equalisation,
    _amount_per_hour,
)


def _sayer(book: Book, found: list[Linked]) -> Callable[..., None]:
    """Return what adds a sentence to a list, with where it is computed; one that the data cannot give is left out."""

    def say(write: Callable[[], str], place: str, *, lead: str = "", anchor: str = "") -> None:
        try:
            sentence = write()
        except MissingData:
            return
        if sentence:
            found.append(_linked(book, lead + sentence, place, anchor))

    return say


def summary_list(book: Book) -> Prose:
    """Return the main findings that the municipality's data allow, each with where it is computed."""
    found = _findings(book)
    if found:
        return bullets(found)
    nothing = f"Det finns ännu inga uppgifter om personlig assistans i {book.name} i underlaget."
    return prose(
        book.absent(nothing, f"Uppgifterna om personlig assistans i {book.name}", _findings),
        "Boken visar vad som gäller i hela landet.",
    )


def _findings(book: Book) -> list[Linked]:
    municipality = book.municipality
    found: list[Linked] = []
    say = _sayer(book, found)

    if municipality.has("ekonomi"):
        say(lambda: _net_cost_sentence(book), "kostnad")
        say(lambda: deviation_sentence(book), "avvikelse")
    if municipality.has("brukare:sfb"):
        say(lambda: users_sentence(book, "sfb"), "brukare_sfb", lead="SFB. ")
    if municipality.has("brukare:lss", "timmar:lss"):
        say(lambda: hours_per_user_sentence(book), "timmar_lss", lead="LSS. ")
    if municipality.has("ekonomi:lss", "brukare:lss", "timmar:lss"):
        say(lambda: decomposition_sentence(book, "lss"), "delar_lss", lead="LSS. ")
    if municipality.has("konton"):
        say(lambda: _own_result_sentence(book), "egna_konton", lead="Den egna utföraren. ")
    if municipality.has("konton", "egen_regi"):
        say(lambda: _own_hour_sentence(book), "egen_timme")
    if municipality.has("val_av_utforare"):
        say(lambda: against_sentence(book), "andel")
    if municipality.has("scenario"):
        readings = (
            ("efter utredningens uppgifter", result_text, "utredningen"),
            ("med det som kommunen behåller", change_text, "fullstandig"),
        )
        for name, text, place in readings:
            say(lambda text=text: _words(text(book)), place, lead=f"Upphandling, {name}. ")
    if municipality.has("nationellt:kostnad_per_invanare"):
        say(lambda: inhabitants_finding(book), "invanare")
    _say_users(book, say, whole=True)
    if not municipality.has("ekonomi"):
        say(lambda: kronor_sentence(book), "kronor")
        say(lambda: equalisation_sentence(book), "utjamning")
    if municipality.has("loner"):
        say(lambda: wage_sentence(book), "loner")
    if municipality.has("publicerat"):
        say(lambda: reconciliation_sentence(book), "avstamning")
    return found


def _say_users(book: Book, say: Callable[..., None], *, whole: bool) -> None:
    """Say how many users there are by national statistics, where the municipality has no numbers of its own.

    `whole` adds how many they are beside the population, and how many hours others have.
    """
    if book.municipality.has("brukare"):
        return
    december = book.municipality.has("nationellt:brukare_december")
    for law in LAWS:
        lead = f"{law.upper()}. "
        if law == "sfb" and december:
            say(lambda: next(iter(december_change(book)), december_level(book)), "december", lead=lead)
        elif book.municipality.has(f"nationellt:brukare_1_oktober:{law}"):
            say(lambda law=law: next(iter(october_sentences(book, law)), ""), f"oktober_{law}", lead=lead)
        if whole:
            say(lambda law=law: per_people_sentence(book, law), f"per_10000_{law}", lead=lead)
        if law == "sfb":
            beside = granted_beside if whole else lambda _: ""
            say(lambda beside=beside: f"{granted_sentence(book)} {beside(book)}".strip(), "beviljat", lead=lead)


def limits_text(book: Book) -> Prose:
    """Return what national statistics alone cannot tell; nothing where the municipality has tables of its own."""
    municipality = book.municipality
    shown = [words for need, words in _STATISTICS if municipality.has(need)]
    if municipality.tables or not shown:
        return prose()
    missing = (
        "Hur kostnaden förhåller sig till budgeten, hur många timmar som har utförts, vad en timme kostar och vem som "
        "utför den går inte att säga utan kommunens egna uppgifter. Vilka tabeller som skulle ge svaren står i "
        "Underlag och källor."
    )
    return prose(
        f"Boken om {municipality.name} bygger på nationell statistik. Den visar {listed(shown)}, men inte varför det "
        "är så.",
        book.absent(missing, "Det som kommunens egna uppgifter säger", lambda whole: whole.municipality.tables),
    )


# What national statistics tell of a municipality, by what they need.
_STATISTICS = (
    ("nationellt:kostnad_per_invanare", "vad assistansen kostar"),
    ("nationellt:brukare_december|nationellt:brukare_1_oktober", "hur många som har den"),
    ("nationellt:timmar_per_vecka", "hur många timmar som är beviljade"),
    ("nationellt:lss_utjamning", "vad LSS-utjämningen ger eller kostar"),
)


def _words(text: Prose) -> str:
    return " ".join(map(str, text.paragraphs))


def _net_cost_sentence(book: Book) -> str:
    return change_sentence("nettokostnaden", budget_outcome(book.municipality).frame["nettokostnad_tkr"], mnkr)


def _own_result_sentence(book: Book) -> str:
    return own_result_sentence(own_accounts(book.municipality).frame["resultat_tkr"])


def _own_hour_sentence(book: Book) -> str:
    hour = own_hour(book.municipality).frame["kostnad_kr_per_timme"]
    return change_sentence("kostnaden per utförd timme", hour, lambda value: kronor(value, 2))


def drivers_list(book: Book) -> Prose:
    """Return what moved the cost, as far as the data tell, each with where it is computed."""
    found = _drivers(book)
    if found:
        return bullets(found)
    nothing = f"Underlaget för {book.name} räcker inte till slutsatser om kostnader och volymer."
    return prose(book.absent(nothing, f"Kostnader och volymer i {book.name}", _drivers))


def _drivers(book: Book) -> list[Linked]:
    municipality = book.municipality
    found: list[Linked] = []
    say = _sayer(book, found)

    if municipality.has("ekonomi"):
        say(lambda: _net_cost_sentence(book), "kostnad")
    if municipality.has("brukare:sfb"):
        say(lambda: _users_driver(book), "brukare_sfb")
    if municipality.has("brukare:lss", "timmar:lss"):
        say(lambda: _hours_driver(book), "timmar_lss")
    if municipality.has("floden:alla"):
        say(lambda: flow_sentence(book), "floden")
    if municipality.has("ekonomi:utforare"):
        lead = "Kommunalt utförande. "
        say(lambda: deviation_sentence(book, "utforare"), "utforare", lead=lead)
    if municipality.has("konton", "egen_regi"):
        say(lambda: _own_hour_sentence(book), "egen_timme")
    if municipality.has("scenario"):
        chart = f"diagram-{tornado(municipality).id}"
        lead = "Besparingen vid en upphandling. "
        say(lambda: tornado_sentence(book), "kanslighet", lead=lead, anchor=chart)
    if municipality.has("nationellt:kostnad_per_invanare"):
        say(lambda: _inhabitants_driver(book), "invanare")
    _say_users(book, say, whole=False)
    if not municipality.has("ekonomi"):
        say(lambda: beside_nation_sentence(book), "bredvid_riket")
        say(lambda: equalisation_sentence(book), "utjamning")
    if municipality.has("loner"):
        say(lambda: _wage_driver(book), "loner")
    return found


def _moved_by(subject: str, series: pd.Series, show: Callable[[float, float], str]) -> str:
    """Return how a series moved over its years; nothing where it did not. `show` writes the change and its share."""
    values = series.dropna()
    if len(values) < 2:
        return ""
    change, share = change_between(values)
    if not change:
        return ""
    return f"{subject} {moved(change)} {period(values.index[0], values.index[-1])}{show(change, share)}."


def _users_driver(book: Book) -> str:
    def show(change: float, share: float) -> str:
        return f" med {number(abs(change))}" + (f" ({percent(abs(share))})" if share == share else "")

    series = users(book.municipality, "sfb").frame["utfall_antal"]
    return _moved_by("Antalet brukare med assistansersättning", series, show)


def _hours_driver(book: Book) -> str:
    def show(change: float, share: float) -> str:
        return f" med {percent(abs(share))}" if share == share else ""

    series = hours_per_user(book.municipality).frame["timmar_per_brukare_manad"]
    return _moved_by("Timmarna per brukare enligt LSS", series, show)


def _inhabitants_driver(book: Book) -> str:
    costs = cost_per_inhabitant(book.municipality).frame[book.municipality.area]
    return change_sentence("kostnaden per invånare", costs, kronor)


def _wage_driver(book: Book) -> str:
    gap = wage_gap(book.municipality).frame["gap_kr_per_timme"].iloc[-1]
    return f"Lönerna har {'' if gap > 0 else 'inte '}ökat mer än schablonbeloppet."


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
    if rise <= 0 or not book.municipality.has("timmar:lss"):
        return ""
    known = hours(book.municipality).frame["utfall_timmar"].dropna()
    if known.empty:
        return ""
    cost = known.iloc[-1] * rise / 1000
    return f"Med {genitive(book.name)} timmar enligt LSS {known.index[-1]} motsvarar höjningen {mnkr(cost)} om året."
