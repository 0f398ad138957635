"""Users, hours and flows, as the chapters on SFB, LSS and the provider show them."""

from __future__ import annotations

import pandas as pd

from analysis.measures.comparison import preliminary_years, users_1_october, users_1_october_change
from analysis.measures.economy import change_between, yearly_change
from analysis.measures.result import MissingData, Result
from analysis.measures.volumes import flows, hours, hours_per_user, users
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import (
    area_name,
    capitalised,
    change_sentence,
    count_word,
    listed,
    preliminary_sentence,
    span,
    step_words,
    which_years,
)
from analysis.present.numbers import NO_BREAK_SPACE, number, percent, rounded
from analysis.present.views import ChartView, Prose, TableView, bullets, prose


def _plain(value: float) -> str:
    return number(value, 0 if float(value) == int(value) else 1)


def people(value: float) -> str:
    """Return a number of users with the word in the right number."""
    decimals = 0 if float(value) == int(value) else 1
    return f"{number(value, decimals)}{NO_BREAK_SPACE}{count_word(value, 'brukare', 'brukare')}"


def persons(value: float) -> str:
    """Return a number of persons with the word in the right number."""
    return f"{number(value)}{NO_BREAK_SPACE}{count_word(value, 'person', 'personer')}"


def users_sentence(book: Book, part: str) -> str:
    """Return how the number of users moved."""
    return change_sentence(
        "antalet brukare i snitt per månad", users(book.municipality, part).frame["utfall_antal"], _plain, neuter=True
    )


def users_text(book: Book, part: str) -> Prose:
    """Return how users moved, the largest step, and the years above budget."""
    frame = users(book.municipality, part).frame
    sentences = [users_sentence(book, part)]
    steps = yearly_change(frame["utfall_antal"])
    if len(steps) > 1:
        year = steps["forandring"].abs().idxmax()
        change = steps.loc[year, "forandring"]
        if change:
            between, long = step_words(steps.loc[year, "fran_ar"], year)
            sentences.append(
                f"Den största {'ökningen' if change > 0 else 'minskningen'} {between} var "
                f"{people(abs(change))}, från {steps.loc[year, 'fran_ar']} till {year}.{long}"
            )
    if "avvikelse_antal" in frame:
        sentences.append(_against_budget("brukarna", "var", frame["avvikelse_antal"]))
    return prose(*sentences)


def _against_budget(subject: str, verb: str, deviation: pd.Series) -> str:
    """Return in which years there were more than budgeted; of a single year, whether more, fewer or as many."""
    known = deviation.dropna()
    if known.empty:
        return ""
    over = [year for year in known.index if known[year] < 0]
    if len(known) > 1:
        start = f"{capitalised(subject)} {verb}"
        if not over:
            return f"{start} inte fler än budgeterat något år."
        return f"{start} fler än budgeterat {which_years(over, known.index, deviation.index)}."
    gap = rounded(known.iloc[0], 1)
    start = f"{known.index[0]} {verb} {subject}"
    if not gap:
        return f"{start} lika många som budgeterat."
    return f"{start} {_plain(abs(gap))} {'fler' if gap < 0 else 'färre'} än budgeterat."


def users_table(book: Book, part: str) -> TableView:
    """Return users with budget, where there is one, and change."""
    return TableView(book.municipality, users(book.municipality, part), change=True)


def users_chart(book: Book, part: str) -> ChartView | Prose:
    """Return users, one bar a year; nothing where a single bar would stand alone."""
    result = users(book.municipality, part)
    if result.frame["utfall_antal"].count() < 2:
        return prose()
    return ChartView(
        book.municipality, result, charts.bar_panels(result, ["utfall_antal"], height=170), users_sentence(book, part)
    )


def hours_text(book: Book, part: str = "lss") -> Prose:
    """Return how hours moved, and the years in which hours and users moved apart."""
    frame = hours(book.municipality, part).frame
    sentences = [change_sentence("antalet utförda timmar", frame["utfall_timmar"], number, neuter=True)]
    if "avvikelse_timmar" in frame:
        sentences.append(_against_budget("timmarna", "blev", frame["avvikelse_timmar"]))
    return prose(*sentences)


def hours_table(book: Book, part: str = "lss") -> TableView:
    """Return hours with budget and change."""
    return TableView(book.municipality, hours(book.municipality, part), change=True)


def _divided(book: Book, part: str) -> Result | None:
    """Return the hours per user; nothing where no year has both users and hours."""
    try:
        return hours_per_user(book.municipality, part)
    except MissingData:
        return None


def hours_steps_text(book: Book, part: str = "lss") -> Prose:
    """Return the yearly change of the hours beside that of the users, or why there is none."""
    result = _divided(book, part)
    if result is None:
        return prose(
            "Underlaget har inget år med både brukare och timmar, så antalet timmar per brukare går inte att räkna ut."
        )
    frame = result.frame
    time, people_ = yearly_change(frame["utfall_timmar"]), yearly_change(frame["utfall_antal"])
    lines = []
    for year in time.index:
        change, number_of = time.loc[year, "forandring_procent"], people_.loc[year, "forandring"]
        if change != change:
            continue
        hours_moved = (
            f"blev {percent(abs(change))} {_more(change)}" if rounded(change) else "var i stort sett oförändrade"
        )
        decimals = 0 if number_of == int(number_of) else 1
        users_moved = f"blev {number(abs(number_of), decimals)} {_more(number_of)}" if number_of else "var lika många"
        lines.append(f"{year} jämfört med {time.loc[year, 'fran_ar']}: timmarna {hours_moved}, brukarna {users_moved}.")
    return bullets(lines)


def _more(change: float) -> str:
    return "fler" if change > 0 else "färre"


def hours_per_user_sentence(book: Book, part: str = "lss") -> str:
    """Return how hours per user and month moved."""
    frame = hours_per_user(book.municipality, part).frame
    return change_sentence(
        "antalet timmar per brukare och månad", frame["timmar_per_brukare_manad"], number, neuter=True
    )


def hours_per_user_chart(book: Book, part: str = "lss") -> ChartView | Prose:
    """Return users above and hours per user below, the investigation's own chart; of a single year in words."""
    result = _divided(book, part)
    if result is None:
        return prose()
    if len(result.frame) < 2:
        return prose(hours_per_user_sentence(book, part))
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, ["utfall_antal", "timmar_per_brukare_manad"], shared=False),
        hours_per_user_sentence(book, part),
    )


def hours_per_user_table(book: Book, part: str = "lss") -> TableView | Prose:
    """Return users, hours and hours per user; nothing where no year has both."""
    result = _divided(book, part)
    return TableView(book.municipality, result, change=True) if result else prose()


def flow_sentence(book: Book, group: str = "alla") -> str:
    """Return the net inflow's sum over the years that there are, and the years with more ended than new."""
    net = flows(book.municipality, group).frame["nettoinflode_antal"]
    who = "" if group == "alla" else " av barn"
    total = net.sum()
    years = span(list(net.index))
    if not total:
        start = f"In- och utflödet{who} till SFB tog ut varandra {years}."
    else:
        kind = "Nettoinflödet" if total > 0 else "Nettoutflödet"
        start = f"{kind}{who} {'till' if total > 0 else 'från'} SFB var {persons(abs(total))} {years}."
    negative = [year for year in net.index if net[year] < 0]
    if total > 0 and negative:
        start += f" {listed(negative)} var de avslutade fler än de nya."
    return start


def flow_text(book: Book) -> Prose:
    """Return net inflow for all and for children, and whether moves from LSS explain it."""
    sentences = [flow_sentence(book)]
    frame = flows(book.municipality).frame
    if "fran_lss_antal" in frame and len(frame) > 1 and frame["fran_lss_antal"].notna().all():
        moved, new = frame["fran_lss_antal"], frame["nya_antal"]
        change_moved, _ = change_between(moved)
        change_new, _ = change_between(new)
        sentences.append(
            f"Från LSS till SFB gick {persons(moved.iloc[0])} {moved.index[0]} och {persons(moved.iloc[-1])} "
            f"{moved.index[-1]}; de nya var {number(new.iloc[0])} respektive {number(new.iloc[-1])}."
        )
        if change_new > 0 and change_moved <= 0:
            sentences.append("Övergångar från LSS förklarar alltså ingen del av ökningen av nya.")
        elif change_new > 0 and change_moved < change_new / 2:
            sentences.append("Övergångar från LSS förklarar alltså bara en mindre del av ökningen av nya.")
        elif change_new > 0:
            sentences.append("Övergångar från LSS förklarar alltså minst hälften av ökningen av nya.")
    tables = book.municipality.tables["floden"]
    if (tables["grupp"] == "barn").any():
        sentences.append(flow_sentence(book, "barn"))
    return prose(*sentences)


def flow_table(book: Book, group: str = "alla") -> TableView:
    """Return the flows of a group."""
    return TableView(book.municipality, flows(book.municipality, group))


def flow_chart(book: Book, group: str = "alla") -> ChartView:
    """Return new, ended and net, one panel each on one scale."""
    result = flows(book.municipality, group)
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, ["nya_antal", "avslutade_antal", "nettoinflode_antal"]),
        flow_sentence(book, group),
    )


def october_sentences(book: Book, law: str) -> list[str]:
    """Return which areas rose and which fell, and the municipality's own change."""
    frame = users_1_october(book.municipality, law).frame
    return counted_sentences(book, frame, "den 1 oktober {0} och {1}", "antalet brukare")


def counted_sentences(book: Book, frame: pd.DataFrame, between: str, subject: str) -> list[str]:
    """Return the municipality's own change in a number of persons, which areas rose and which fell.

    `between` takes the first year and the last. Nothing where the municipality has fewer than two years.
    """
    years = frame[book.municipality.area].dropna().index
    if len(years) < 2:
        return []
    # The others' change over the municipality's own years, where they have both.
    ends = frame.loc[[years[0], years[-1]]]
    changes = {area: change_between(ends[area]) for area in frame.columns if ends[area].notna().all()}
    own, share = changes[book.municipality.area]
    span = f"Mellan {between.format(years[0], years[-1])}"
    shown = f" ({percent(abs(share))})" if share == share else ""
    first = (
        f"{span} {'ökade' if own > 0 else 'minskade'} {subject} i {book.name} med {persons(abs(own))}{shown}."
        if own
        else f"{span} var {subject} i {book.name} oförändrat."
    )
    rose = [area_name(a) for a, (c, _) in changes.items() if c > 0 and a != book.municipality.area]
    fell = [area_name(a) for a, (c, _) in changes.items() if c < 0 and a != book.municipality.area]
    others = []
    if rose:
        others.append(f"Antalet ökade i {listed(rose)}.")
    if fell:
        others.append(f"Antalet minskade i {listed(fell)}.")
    return [first, *others]


def october_table(book: Book, law: str) -> TableView:
    """Return users on 1 October, one line an area."""
    return TableView(book.municipality, users_1_october(book.municipality, law), change=True)


def october_chart(book: Book, law: str) -> ChartView | Prose:
    """Return users on 1 October as an index, see `index_chart`, and which years are preliminary."""
    result = users_1_october_change(book.municipality, law)
    years = preliminary_years(book.municipality, "brukare_1_oktober", verksamhet=law)
    said = [*october_sentences(book, law), preliminary_sentence(years)]
    return index_chart(book, result, " ".join(filter(None, said)))


def index_chart(book: Book, result: Result, finding: str) -> ChartView | Prose:
    """Return an index as lines, so that areas of different size can be compared.

    Only the finding where the municipality has no index to draw: a single year, or no one in the first.
    """
    if result.frame[book.municipality.area].notna().sum() < 2:
        return prose(finding)
    chart = charts.lines(
        result,
        list(result.frame.columns),
        y_title=f"index, {result.frame.index[0]} = 100",
        highlight=book.municipality.area,
        from_zero=False,
    )
    return ChartView(book.municipality, result, chart, finding or result.title)
