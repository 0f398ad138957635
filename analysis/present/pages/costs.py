"""The cost as a whole: budget against outcome, deviation, cost per inhabitant."""

from __future__ import annotations

import pandas as pd

from analysis.measures.comparison import cost_per_inhabitant, preliminary_years
from analysis.measures.economy import budget_outcome, change_between, deviation_by_part, parts_of, yearly_change
from analysis.measures.schablon import booked_and_underlying
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import (
    area_name,
    change_sentence,
    genitive,
    listed,
    preliminary_sentence,
    span,
    step_words,
    which_years,
)
from analysis.present.numbers import kronor, mnkr, percent, rounded, tkr
from analysis.present.views import ChartView, Prose, TableView, bullets, prose


def change_text(book: Book, part: str = "totalt") -> Prose:
    """Return how net cost and budget moved over the period, and which moved more."""
    frame = budget_outcome(book.municipality, part).frame
    return prose(
        change_sentence("nettokostnaden", frame["nettokostnad_tkr"], mnkr),
        _budget_against_cost(frame),
        biggest_step(frame["nettokostnad_tkr"]),
    )


def _budget_against_cost(frame: pd.DataFrame) -> str:
    both = frame.dropna(subset=["budget_tkr"])
    if len(both) < 2:
        return ""
    budget, _ = change_between(both["budget_tkr"])
    cost, _ = change_between(both["nettokostnad_tkr"])
    sentence = change_sentence("budgeten", both["budget_tkr"], mnkr)
    if budget > 0 and cost > 0 and mnkr(budget) != mnkr(cost):
        sentence += f" Budgeten växte alltså {'mer' if budget > cost else 'mindre'} än kostnaden."
    elif (budget > 0) != (cost > 0) and budget and cost:
        sentence += (
            f" Budgeten {'ökade' if budget > 0 else 'minskade'} alltså medan kostnaden "
            f"{'ökade' if cost > 0 else 'minskade'}."
        )
    return sentence


def biggest_step(series: pd.Series) -> str:
    """Return the largest rise between two years of a cost, or that there was none."""
    steps = yearly_change(series)
    if len(steps) < 2:
        return ""
    year = steps["forandring"].idxmax()
    if steps.loc[year, "forandring"] <= 0:
        return "Kostnaden ökade inte något år."
    between, long = step_words(steps.loc[year, "fran_ar"], year)
    return (
        f"Den största ökningen {between} var {mnkr(steps.loc[year, 'forandring'])}, "
        f"från {steps.loc[year, 'fran_ar']} till {year}.{long}"
    )


def amount(value_tkr: float) -> str:
    """Return an amount in mnkr, or in tkr where mnkr would round it away."""
    return mnkr(value_tkr) if abs(value_tkr) >= 100 else tkr(value_tkr)


def deviation_sentence(book: Book, part: str = "totalt") -> str:
    """Return in which years the cost exceeded the budget, and the largest deficit."""
    deviation = _deviation(book, part)
    if deviation.empty:
        return book.absent(
            "Underlaget har ingen budget att jämföra med.",
            "Avvikelsen mot budgeten",
            lambda whole: len(_deviation(whole, part)),
        )
    told = budget_outcome(book.municipality, part).frame.index
    over = [year for year in deviation.index if rounded(deviation[year]) < 0]
    if not over:
        return f"Nettokostnaden höll sig inom budgeten {which_years(deviation.index, deviation.index, told)}."
    worst = deviation.idxmin()
    size = f"{'Underskottet' if len(over) == 1 else 'Det största underskottet'} var {amount(-deviation[worst])}"
    return f"Nettokostnaden översteg budgeten {which_years(over, deviation.index, told)}. {size}" + (
        "." if len(over) == 1 else f", {worst}."
    )


def _deviation(book: Book, part: str) -> pd.Series:
    return budget_outcome(book.municipality, part).frame["budgetavvikelse_tkr"].dropna()


def outcome_table(book: Book, part: str = "totalt") -> TableView:
    """Return budget, net cost and deviation with their change."""
    return TableView(book.municipality, budget_outcome(book.municipality, part), change=True)


def outcome_chart(book: Book, part: str = "totalt") -> ChartView:
    """Return budget against outcome."""
    result = budget_outcome(book.municipality, part)
    columns = [name for name in ("budget_tkr", "nettokostnad_tkr") if result.frame[name].notna().any()]
    return ChartView(
        book.municipality,
        result,
        charts.lines(result, columns, y_title="tkr"),
        deviation_sentence(book, part),
        title=result.title.replace("Budget och nettokostnad", "Budget mot utfall"),
    )


def parts_table(book: Book) -> TableView | Prose:
    """Return the deviation of each part and of the whole; nothing where there are no parts."""
    if not parts_of(book.municipality):
        return prose()
    return TableView(book.municipality, deviation_by_part(book.municipality))


def parts_chart(book: Book) -> ChartView | Prose:
    """Return the deviation of each part, one panel a part, or that there are no parts."""
    if not parts_of(book.municipality):
        return prose("Underlaget delar inte upp kostnaden, så det går inte att säga vilken del som avviker.")
    result = deviation_by_part(book.municipality)
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, list(result.frame.columns)),
        parts_sentence(book) or result.title,
    )


def parts_sentence(book: Book) -> str:
    """Return which part contributed most to the sum of the deviations, over the years in which all parts have one.

    The whole's is added where the municipality states it and it is another. Nothing where no year has them all.
    """
    result = deviation_by_part(book.municipality)
    known = result.frame[parts_of(book.municipality)].dropna(axis="columns", how="all").dropna()
    if known.empty:
        return ""
    years = span(list(known.index))
    sums, whole = known.sum(), result.frame["totalt"].loc[known.index].sum(skipna=False)
    total = sums.sum()
    other = f" Helhetens avvikelse är {mnkr(whole)}." if whole == whole and mnkr(whole) != mnkr(total) else ""
    if len(sums) < 2 or not (sums < 0).any():
        return f"Delarnas avvikelser blir tillsammans {mnkr(total)}, räknat på {years}.{other}"
    worst = sums.idxmin()
    label = result.quantity(worst).label
    label = label[0].lower() + label[1:]
    return (
        f"Delarnas avvikelser blir tillsammans {mnkr(total)}, räknat på {years}. Störst underskott har "
        f"{label}, {mnkr(-sums[worst])}.{other}"
    )


def one_off_text(book: Book) -> Prose:
    """Return the one-off items, one to a line, with what the years would have been without them."""
    items = book.municipality.tables["engangsposter"].sort_values("ar")
    lines = []
    for row in items.itertuples():
        kind = "höjer" if row.belopp_tkr > 0 else "sänker"
        other = "" if pd.isna(row.hor_till_ar) else f" Posten hör till {int(row.hor_till_ar)}."
        lines.append(f"{row.ar}: {row.beskrivning}. Den {kind} nettokostnaden med {mnkr(abs(row.belopp_tkr))}.{other}")
    return bullets(lines)


def underlying_text(book: Book, part: str) -> Prose:
    """Return how the largest rise looks with and without one-off items."""
    frame = booked_and_underlying(book.municipality, part).frame
    if len(frame) < 2 or not frame["engangsposter_tkr"].any():
        return prose()
    return prose(
        "Bokfört: " + change_sentence("nettokostnaden", frame["nettokostnad_tkr"], mnkr),
        "Utan engångsposter: " + change_sentence("nettokostnaden", frame["utan_engangsposter_tkr"], mnkr),
    )


def underlying_table(book: Book, part: str) -> TableView:
    """Return booked and underlying net cost."""
    return TableView(book.municipality, booked_and_underlying(book.municipality, part))


def inhabitants_sentences(book: Book) -> list[str]:
    """Return, for each area, in which years the municipality's cost per inhabitant was lower or higher."""
    frame = cost_per_inhabitant(book.municipality).frame
    own = frame[book.municipality.area]
    sentences = []
    for area in frame.columns:
        if area == book.municipality.area:
            continue
        both = pd.concat([own, frame[area]], axis=1).dropna()
        if both.empty:
            continue
        years = list(both.index)
        higher = [year for year in years if own[year] > frame.loc[year, area]]
        lower = [year for year in years if own[year] < frame.loc[year, area]]
        name = area_name(area)
        last = years[-1]
        gap = own[last] - frame.loc[last, area]
        share = gap / frame.loc[last, area] * 100 if frame.loc[last, area] else float("nan")
        size = kronor(abs(gap)) + (f" eller {percent(abs(share))}" if share == share else "")
        end = (
            f"År {last} var den {size} {'högre' if gap > 0 else 'lägre'}."
            if rounded(gap)
            else f"År {last} var den lika hög."
        )
        if not higher and not lower:
            relation = f"lika hög som i {name} {which_years(years, years)}"
        elif higher and lower and len(higher) == len(lower):
            relation = f"högre än i {name} {listed(higher)} och lägre {listed(lower)}"
        else:
            word, chosen = ("högre", higher) if len(higher) > len(lower) else ("lägre", lower)
            relation = f"{word} än i {name} {which_years(chosen, years)}"
        sentences.append(f"Kostnaden per invånare var {relation}. {end}")
    return sentences


def inhabitants_text(book: Book) -> Prose:
    """Return the comparison as a list, and which of the municipality's years are preliminary."""
    years = preliminary_years(book.municipality, "kostnad_per_invanare")
    return bullets([*inhabitants_sentences(book), *filter(None, [preliminary_sentence(years)])])


def inhabitants_finding(book: Book) -> str:
    """Return the municipality's rank in the last year."""
    frame = cost_per_inhabitant(book.municipality).frame
    own = frame[book.municipality.area].dropna()
    last = own.index[-1]
    others = frame.loc[last].drop(book.municipality.area).dropna()
    names = {area: area_name(area) for area in others.index}
    dearer = [names[area] for area in others.index if others[area] > own[last]]
    equal = [names[area] for area in others.index if others[area] == own[last]]
    where = f"År {last} var {genitive(book.name)} kostnad {kronor(own[last])} per invånare"
    if others.empty:
        return where + "."
    if len(dearer) == len(others):
        return f"{where}, lägst av dem som jämförs."
    if dearer:
        return f"{where}. Kostnaden var högre i {listed(dearer)}."
    return (
        f"{where}, lika hög som i {listed(equal)} och högst av dem som jämförs."
        if equal
        else f"{where}, högst av dem som jämförs."
    )


def inhabitants_table(book: Book) -> TableView:
    """Return cost per inhabitant, one line an area."""
    return TableView(book.municipality, cost_per_inhabitant(book.municipality), change=True)


def inhabitants_chart(book: Book) -> ChartView:
    """Return cost per inhabitant, the municipality's line thicker."""
    result = cost_per_inhabitant(book.municipality)
    return ChartView(
        book.municipality,
        result,
        charts.lines(result, list(result.frame.columns), y_title="kr per invånare", highlight=book.municipality.area),
        inhabitants_finding(book),
    )
