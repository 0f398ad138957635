"""What national statistics tell of the municipality: persons, granted hours, population and equalisation."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from analysis.measures.comparison import preliminary_years
from analysis.measures.economy import change_between
from analysis.measures.national import (
    BESIDE,
    beside_nation,
    cost_in_kronor,
    first_hours_counted,
    granted_hours,
    lss_equalisation,
    lss_equalisation_by_area,
    population,
    users_december,
    users_december_change,
    users_per_10000,
)
from analysis.measures.result import MissingData, Result
from analysis.measures.takeover import NATION
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import (
    area_name,
    capitalised,
    change_sentence,
    listed,
    moved,
    preliminary_sentence,
)
from analysis.present.numbers import NO_BREAK_SPACE, kronor, mnkr, number, percent, rounded
from analysis.present.pages.volumes import counted_sentences, index_chart, persons
from analysis.present.views import ChartView, Prose, TableView, prose


def _last(series: pd.Series) -> tuple[int, float]:
    known = series.dropna()
    return int(known.index[-1]), float(known.iloc[-1])


def _others(book: Book, frame: pd.DataFrame, year: int) -> dict[str, float]:
    """Return the values of the areas beside the municipality that have one for the year, by name."""
    row = frame.loc[year].drop(book.municipality.area).dropna()
    return {area_name(area): float(value) for area, value in row.items()}


def beside_sentence(book: Book, frame: pd.DataFrame, year: int, show: Callable[[float], str]) -> str:
    """Return what the value was elsewhere in a year; nothing where no other area has one."""
    others = _others(book, frame, year)
    if not others:
        return ""
    return f"År {year} var det {listed([f'{show(value)} i {name}' for name, value in others.items()])}."


def _between(book: Book, frame: pd.DataFrame, column: str, show: Callable[[float], str]) -> str:
    """Return how a value was in the first year that it is known for; nothing where that is the last."""
    known = frame[column].dropna()
    return f"{known.index[0]} var det {show(known.iloc[0])}." if len(known) > 1 else ""


def week_hours(value: float) -> str:
    """Return granted hours a week as 118,4 timmar."""
    return f"{number(value, 1)}{NO_BREAK_SPACE}timmar"


def groups_text(book: Book) -> Prose:
    """Return what the groups of municipalities are, and what their values can and cannot be; nothing without any."""
    table = book.municipality.national.get("omraden")
    if table is None:
        return prose()
    own = table[(table["kommun"] == book.municipality.area) & (table["slag"] == "grupp")].sort_values("ordning")
    if own.empty:
        return prose()
    similar = [name for name in own["omrade"] if area_name(name) != name.removesuffix(" (ovägt medel)")]
    return prose(
        f"Med {area_name(similar[0])} menas Koladas grupp ”{similar[0]}”." if similar else "",
        "Värdet för en grupp av kommuner är ett ovägt medelvärde: en liten kommun väger lika mycket som en stor. "
        "Antal personer finns därför inte för grupper.",
    )


def population_text(book: Book) -> Prose:
    """Return the inhabitants and how many they were in the first year."""
    people = population(book.municipality).frame["invanare_antal"]
    year, last = _last(people)
    change = last - float(people.iloc[0])
    since = ""
    if len(people) > 1:
        more = f"{number(abs(change))} {'fler' if change > 0 else 'färre'} än" if change else "lika många som"
        since = f", {more} {people.index[0]}"
    return prose(f"Den 31 december {year} hade {book.name} {number(last)} invånare{since}.")


# --- Persons with assistansersättning -------------------------------------------------------------


def december_level(book: Book) -> str:
    """Return how many had assistansersättning in the last December."""
    year, people = _last(users_december(book.municipality).frame[book.municipality.area])
    return f"I december {year} hade {persons(people)} i {book.name} assistansersättning."


def december_change(book: Book) -> list[str]:
    """Return how the number in December moved, here and elsewhere; nothing with a single year."""
    frame = users_december(book.municipality).frame
    return counted_sentences(book, frame, "december {0} och december {1}", "antalet med assistansersättning")


def december_text(book: Book) -> Prose:
    """Return the last number in December, and which are preliminary."""
    return prose(december_level(book), preliminary_sentence(preliminary_years(book.municipality, "brukare_december")))


def december_chart(book: Book) -> ChartView | Prose:
    """Return the number as an index, see `index_chart`."""
    result = users_december_change(book.municipality)
    return index_chart(book, result, " ".join(december_change(book)))


def december_table(book: Book) -> TableView:
    """Return the number in December, one line an area."""
    return TableView(book.municipality, users_december(book.municipality), change=True)


def first_hours_text(book: Book) -> Prose:
    """Return what the first hours would cost by the last count, and how large a part of the hours they are."""
    try:
        frame = first_hours_counted(book.municipality).frame
    except MissingData:
        return prose("Antal och schablonbelopp finns inte för samma år, så kostnaden går inte att räkna.")
    year, cost = _last(frame["kostnad_mnkr"])
    hours = book.municipality.parameters["forsta_timmar"].in_year(year).value
    people = frame.loc[year, "antal"]
    if not people:
        return prose(f"I december {year} hade ingen i {book.name} assistansersättning.")
    sentence = (
        f"Kommunen betalar de första {number(hours)} timmarna i veckan. För {persons(people)} hela året motsvarar det "
        f"{mnkr(cost * 1000)} {year}."
    )
    share = ""
    if "andel_procent" in frame and frame["andel_procent"].notna().any():
        at, part = _last(frame["andel_procent"])
        share = (
            f"År {at} var {week_hours(frame.loc[at, 'timmar_per_vecka'])} i veckan beviljade per person. De första "
            f"{number(hours)} är {percent(part)} av dem."
        )
    return prose(
        sentence,
        share,
        "Beloppet är ett räkneexempel och inte kommunens bokförda kostnad.",
    )


def first_hours_table(book: Book) -> TableView | Prose:
    """Return count, cost and share, year by year; nothing where no year can be computed."""
    try:
        return TableView(book.municipality, first_hours_counted(book.municipality))
    except MissingData:
        return prose()


# --- Granted hours --------------------------------------------------------------------------------


def granted_sentence(book: Book) -> str:
    """Return how granted hours per person moved."""
    own = granted_hours(book.municipality).frame[book.municipality.area]
    return change_sentence("antalet beviljade timmar i veckan per person", own, week_hours, neuter=True)


def granted_beside(book: Book) -> str:
    """Return what the granted hours were elsewhere in the municipality's last year."""
    frame = granted_hours(book.municipality).frame
    year, _ = _last(frame[book.municipality.area])
    return beside_sentence(book, frame, year, week_hours)


def granted_text(book: Book) -> Prose:
    """Return what the hours are, and which years are preliminary."""
    years = preliminary_years(book.municipality, "timmar_per_vecka")
    return prose(
        "Timmarna är ett genomsnitt för dem som har assistansersättning i december. De är beviljade, inte utförda.",
        preliminary_sentence(years),
    )


def granted_chart(book: Book) -> ChartView:
    """Return granted hours per person, one line an area."""
    result = granted_hours(book.municipality)
    chart = charts.lines(
        result,
        list(result.frame.columns),
        y_title="timmar per vecka",
        highlight=book.municipality.area,
        from_zero=False,
    )
    return ChartView(book.municipality, result, chart, f"{granted_sentence(book)} {granted_beside(book)}".strip())


def granted_table(book: Book) -> TableView:
    """Return granted hours per person, one line an area."""
    return TableView(book.municipality, granted_hours(book.municipality), change=True)


# --- Per 10 000 inhabitants -----------------------------------------------------------------------


def _per_people(book: Book, law: str) -> Result | None:
    try:
        return users_per_10000(book.municipality, law)
    except MissingData:
        return None


def _one_decimal(value: float) -> str:
    return number(value, 1)


def per_people_sentence(book: Book, law: str) -> str:
    """Return the last number per 10 000 inhabitants, beside the others', and the first."""
    frame = users_per_10000(book.municipality, law).frame
    own = book.municipality.area
    year, value = _last(frame[own])
    others = [f"{_one_decimal(one)} i {name}" for name, one in _others(book, frame, year).items()]
    when, whom = ("I december", "hade") if law == "sfb" else ("Den 1 oktober", "hade")
    what = "assistansersättning" if law == "sfb" else "assistans enligt LSS"
    beside = f", mot {listed(others)}" if others else ""
    return (
        f"{when} {year} {whom} {_one_decimal(value)} av 10{NO_BREAK_SPACE}000 invånare i {book.name} {what}{beside}. "
        + _between(book, frame, own, _one_decimal)
    ).strip()


def per_people_text(book: Book, law: str) -> Prose:
    """Return that no year has both a count and a population, where it is so; else the chart tells."""
    if _per_people(book, law) is None:
        return prose("Antal och folkmängd finns inte för samma år, så antalet per invånare går inte att räkna.")
    return prose()


def per_people_chart(book: Book, law: str) -> ChartView | Prose:
    """Return persons per 10 000 inhabitants, one line an area; nothing where they cannot be computed."""
    result = _per_people(book, law)
    if result is None:
        return prose()
    chart = charts.lines(
        result,
        list(result.frame.columns),
        y_title=f"per 10{NO_BREAK_SPACE}000 invånare",
        highlight=book.municipality.area,
    )
    return ChartView(book.municipality, result, chart, per_people_sentence(book, law))


# --- Kronor ---------------------------------------------------------------------------------------


def _kronor(book: Book) -> Result | None:
    try:
        return cost_in_kronor(book.municipality)
    except MissingData:
        return None


def kronor_sentence(book: Book) -> str:
    """Return how the cost in kronor moved."""
    costs = cost_in_kronor(book.municipality).frame["kostnad_mnkr"] * 1000
    return change_sentence("kostnaden räknad i kronor", costs, mnkr)


def kronor_text(book: Book) -> Prose:
    """Return what the cost in kronor is, or that no year has both cost and population."""
    if _kronor(book) is None:
        return prose("Kostnad och folkmängd finns inte för samma år, så kostnaden går inte att räkna om till kronor.")
    return prose(
        "Beloppet är kostnaden per invånare gånger folkmängden och därför ungefärligt. Det är vad assistansen kostar "
        "kommunen utöver Försäkringskassans ersättning, oavsett vem som utför den.",
    )


def _kronor_parts(frame: pd.DataFrame) -> str:
    if len(frame) < 2:
        return ""
    return (
        f"Samtidigt {_moved('kostnaden per invånare', frame['kostnad_kr_per_inv'])}. "
        f"{capitalised(_then('folkmängden', frame['invanare_antal']))}."
    )


def _moved(subject: str, series: pd.Series) -> str:
    change, share = change_between(series)
    if not rounded(share):
        return f"var {subject} i stort sett oförändrad"
    return f"{moved(change)} {subject} med {percent(abs(share))}" if share == share else f"{moved(change)} {subject}"


def _then(subject: str, series: pd.Series) -> str:
    verb, _, rest = _moved(subject, series).partition(f" {subject}")
    return f"{subject} {verb}{rest}"


def kronor_chart(book: Book) -> ChartView | Prose:
    """Return the cost in kronor, a bar a year; nothing where it cannot be computed."""
    result = _kronor(book)
    if result is None:
        return prose()
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, ["kostnad_mnkr"], height=170),
        f"{kronor_sentence(book)} {_kronor_parts(result.frame)}".strip(),
        title="Kostnad för personlig assistans i kronor (mnkr)",
        table=False,
    )


def kronor_table(book: Book) -> TableView | Prose:
    """Return cost per inhabitant, population and cost; nothing where they share no year."""
    result = _kronor(book)
    return TableView(book.municipality, result, change=True) if result else prose()


# --- Equalisation ---------------------------------------------------------------------------------


def _grant(value: float) -> str:
    """Return an amount per inhabitant as a grant or a fee."""
    if not rounded(value):
        return "varken bidrag eller avgift"
    return f"{'ett bidrag' if value > 0 else 'en avgift'} på {kronor(abs(value))} per invånare"


def equalisation_sentence(book: Book) -> str:
    """Return the last outcome, or else decision, per inhabitant and in kronor, and the first."""
    frame = lss_equalisation(book.municipality).frame
    kind = "utfall" if "utfall_kr_per_inv" in frame else "beslut"
    values = frame[f"{kind}_kr_per_inv"].dropna()
    year, value = _last(values)
    amounts = frame.get(f"{kind}_mnkr", pd.Series(dtype="float64")).dropna()
    known = year in amounts.index and rounded(amounts[year], 1) != 0
    amount = f", ungefär {mnkr(abs(amounts[year]) * 1000)}" if known else ""
    when = year if kind == "utfall" else f"enligt beslutet inför {year}"
    verb = "betalade" if rounded(value) < 0 else "fick"
    sentence = f"{book.name} {verb} {_grant(value)} i LSS-utjämningen {when}{amount}."
    return sentence + (f" {values.index[0]} var det {_grant(values.iloc[0])}." if len(values) > 1 else "")


def equalisation_beside(book: Book) -> str:
    """Return what other areas got or paid in the municipality's last year; nothing where none is known."""
    frame = lss_equalisation_by_area(book.municipality).frame
    year, _ = _last(frame[book.municipality.area])
    # In the nation as a whole what is got and what is paid are the same.
    others = {name: value for name, value in _others(book, frame, year).items() if name != area_name(NATION)}
    if not others:
        return ""
    return f"År {year} var det {listed([f'{_grant(value)} i {name}' for name, value in others.items()])}."


def equalisation_text(book: Book) -> Prose:
    """Return the coming year's decision, what is preliminary and what the equalisation is of."""
    own = lss_equalisation(book.municipality).frame
    decided = ""
    if "utfall_kr_per_inv" in own and "beslut_kr_per_inv" in own:
        at, value = _last(own["beslut_kr_per_inv"])
        if at > _last(own["utfall_kr_per_inv"])[0]:
            decided = f"För {at} är det beslutat om {_grant(value)}."
    years = preliminary_years(book.municipality, "lss_utjamning")
    return prose(
        "Utjämningen gäller alla insatser enligt LSS och assistansersättningen, så den går inte att dra av från "
        "kostnaden för personlig assistans.",
        decided,
        preliminary_sentence(sorted(set(years))),
    )


def equalisation_chart(book: Book) -> ChartView:
    """Return the equalisation per inhabitant, one line an area."""
    result = lss_equalisation_by_area(book.municipality)
    chart = charts.lines(
        result,
        list(result.frame.columns),
        y_title="kr per invånare, avgift är negativ",
        highlight=book.municipality.area,
        from_zero=False,
    )
    finding = f"{equalisation_sentence(book)} {equalisation_beside(book)}".strip()
    return ChartView(book.municipality, result, chart, finding)


def equalisation_table(book: Book) -> TableView:
    """Return outcome and decision, per inhabitant and in kronor."""
    return TableView(book.municipality, lss_equalisation(book.municipality))


# --- Beside the nation ----------------------------------------------------------------------------


def beside_nation_sentence(book: Book) -> str:
    """Return how the cost differs from the nation's, and which volumes differ in the same direction.

    The year stands after a volume of another year than the cost's. Nothing where the cost, or every volume, is not
    known for both.
    """
    table = beside_nation(book.municipality).frame
    frame, cost = table["skillnad_procent"].dropna(), BESIDE["kostnad"]
    if cost not in frame or len(frame) < 2:
        return ""
    gap = frame.pop(cost)
    years = table["ar"].astype(int)
    words = {BESIDE[name]: subject for name, subject in _VOLUMES.items()}
    words = {
        key: subject if years.get(key) == years[cost] else f"{subject} ({years[key]})"
        for key, subject in words.items()
        if key in years
    }
    start = f"År {years[cost]} var kostnaden per invånare {_than(gap, 'högre', 'lägre')} i riket"
    if not rounded(gap):
        return f"{start}."
    along = [words[key] for key, value in frame.items() if rounded(value) and (value > 0) == (gap > 0)]
    against = [words[key] for key, value in frame.items() if rounded(value) and (value > 0) != (gap > 0)]
    side, other = ("högre", "lägre") if gap > 0 else ("lägre", "högre")
    told = []
    if along:
        told.append(f"{side} än i riket är också {listed(along)}.")
    if against:
        told.append(f"{other}{'' if along else ' än i riket'} är däremot {listed(against)}.")
    sentences = [capitalised(one) for one in told]
    if not along and not against:
        sentences = ["Antalet personer och deras timmar är i stort sett som i riket."]
    return " ".join([f"{start}.", *sentences])


_VOLUMES = {
    "sfb": "antalet med assistansersättning per invånare",
    "lss": "antalet med assistans enligt LSS per invånare",
    "timmar": "antalet beviljade timmar per person",
}


def _than(gap: float, more: str, less: str) -> str:
    if not rounded(gap):
        return "i stort sett densamma som"
    return f"{percent(abs(gap))} {more if gap > 0 else less} än"


def beside_nation_text(book: Book) -> Prose:
    """Return how the municipality differs from the nation, or that no measure is known for both."""
    try:
        frame = beside_nation(book.municipality).frame
    except MissingData:
        return prose(f"Inget mått finns för både {book.name} och riket.")
    if len(frame) == 1:
        return prose(f"Bara ett mått finns för både {book.name} och riket.")
    return prose(
        f"Tabellen visar för varje mått det senaste år som både {book.name} och riket har en uppgift om. Den visar vad "
        "som skiljer, inte varför."
    )


def beside_nation_table(book: Book) -> TableView | Prose:
    """Return the municipality beside the nation, measure by measure; nothing where no measure has both."""
    try:
        return TableView(book.municipality, beside_nation(book.municipality), index_label="Mått")
    except MissingData:
        return prose()
