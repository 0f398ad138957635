"""Rules of plausibility: a year against the others, its budget and the period of the card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise

from analysis.measures.dates import time_words
from analysis.measures.evidence import (
    CHECK_BOTH,
    CHECK_DIGITS,
    PART_WORDS,
    Evidence,
    apart,
    doubt,
    exact,
    limits_text,
    outside,
    quotient,
    times_text,
    total,
)
from analysis.sources.doubts import Doubt, Figure, said
from analysis.sources.schema import LAWS, MUNICIPAL_TABLES, fold

# The yearly series whose jumps are looked for: table, column, what tells its rows apart, and its name in a sentence.
_SERIES = (
    ("ekonomi", "budget_tkr", "verksamhet", "Budgeten"),
    ("ekonomi", "nettokostnad_tkr", "verksamhet", "Nettokostnaden"),
    ("brukare", "budget_antal", "verksamhet", "Budgeterade brukare"),
    ("brukare", "utfall_antal", "verksamhet", "Antalet brukare"),
    ("timmar", "budget_timmar", "verksamhet", "Budgeterade timmar"),
    ("timmar", "utfall_timmar", "verksamhet", "Utförda timmar"),
    ("floden", "nya_antal", "grupp", "Nya brukare"),
    ("floden", "avslutade_antal", "grupp", "Avslutade brukare"),
    ("egen_regi", "utforda_timmar", "lag", "Utförda timmar i egen regi"),
    ("egen_regi", "brukare_antal", "lag", "Brukare i egen regi"),
    ("bidrag", "belopp_tkr", "beskrivning", "Statsbidraget"),
    ("konton", "belopp_tkr", "konto", "Beloppet på konto"),
)
_HUNDRED = Decimal(100)
_BUDGETED = (
    ("ekonomi", "budget_tkr", "nettokostnad_tkr", ("totalt", "sfb", "lss"), "Budget och nettokostnad"),
    ("brukare", "budget_antal", "utfall_antal", ("sfb", "lss", "utforare"), "Budgeterade och faktiska brukare"),
    ("timmar", "budget_timmar", "utfall_timmar", ("sfb", "lss", "utforare"), "Budgeterade och utförda timmar"),
)


def jumps(evidence: Evidence) -> Iterator[Doubt]:
    """A figure changes at most so many times from one year to the next; zero counts as one unit.

    Small accounts may change as they like, and so may a small net cost of the provider, which is what is left between
    two large amounts. A year that differs from both its neighbours is told once.
    """
    times = evidence.bound("hopp").maximum
    for table, column, group, words in _SERIES:
        series: dict[str, dict[int, list[Figure]]] = {}
        for row, figure in evidence.figures(table, column, lambda row: f"{row['ar']}:"):
            key = f"{row[group]} ({PART_WORDS[row['verksamhet']]})" if table == "bidrag" else str(row[group])
            series.setdefault(key, {}).setdefault(int(row["ar"]), []).append(figure)
        for key, years in series.items():
            one = {year: total(figures, f"{year}:") for year, figures in sorted(years.items())}
            subject = f"{table}-{column}-{fold(key)}"
            matters = None
            if table == "konton":
                matters = partial(material, evidence, one)
            elif column == "nettokostnad_tkr" and key == "utforare":
                matters = partial(_large_deficit, evidence, one)
            yield from _jumps(one, times, subject, f"{words} ({PART_WORDS.get(key, key)})", matters)


def _large_deficit(evidence: Evidence, series: Mapping[int, Figure], years: Sequence[int]) -> bool:
    """Tell whether the provider's net cost is much of what the municipality pays in one of the years, if known."""
    least = evidence.bound("vasentlig_andel").minimum
    paid = [evidence.by_year("ekonomi", "nettokostnad_tkr", verksamhet=law) for law in LAWS]
    return any(
        not any(year in law for law in paid)
        or abs(series[year].value) >= least * sum(law[year].value for law in paid if year in law)
        for year in years
    )


def _jumps(
    series: Mapping[int, Figure],
    times: Decimal,
    subject: str,
    words: str,
    matters: Callable[[Sequence[int]], bool] | None,
) -> Iterator[Doubt]:
    years = list(series)
    size = {year: max(abs(figure.value), Decimal(1)) for year, figure in series.items()}
    up = {}
    for before, year in pairwise(years):
        less, more = sorted((series[before], series[year]), key=lambda figure: abs(figure.value))
        if abs(more.value) - more.slack > times * max(abs(less.value) + less.slack, Decimal(1)):
            up[year] = size[year] > size[before]
    told = set()
    for place, year in enumerate(years):
        if year not in up or year in told:
            continue
        if matters and not matters(years[place - 1 : place + 1]):
            continue
        shown = [years[place - 1], year]
        after = years[place + 1] if place + 1 < len(years) else None
        alone = after in up and up[after] != up[year]
        if alone:
            told.add(after)
            shown.append(after)
        first, last = (series[one] for one in shown[:2])
        if first.value and last.value:
            change = max(size[shown[0]], size[year]) / min(size[shown[0]], size[year])
            direction = "mer" if up[year] else "mindre"
            implication = f"{year} är det {times_text(change, times)} gånger {direction} än {shown[0]}"
        else:
            implication = f"{year if first.value else shown[0]} är det noll"
        implication += f", och {after} är det tillbaka." if alone else "."
        if not (first.value and last.value):
            implication += " Saknas en uppgift ska cellen vara tom; noll betyder att det verkligen var noll."
        yield doubt(
            f"{subject}-{year}",
            f"{words} ändras mer än {said(times)} gånger mellan {shown[0]} och {year}",
            tuple(series[one] for one in shown),
            implication,
            CHECK_DIGITS if first.unit == "tkr" else "Se efter om en siffra har fallit bort eller kommit till.",
        )


def material(evidence: Evidence, series: Mapping[int, Figure], years: Sequence[int]) -> bool:
    """Tell whether an account is a large part of the year's costs or revenues in one of the years."""
    least = evidence.bound("vasentlig_andel").minimum
    rows = evidence.rows("konton")
    for year in years:
        kinds = rows[(rows["ar"] == year)].groupby("slag")["belopp_tkr"].apply(lambda amounts: amounts.abs().sum())
        own = {cell.row for cell in series[year].cells}
        for kind, whole in kinds.items():
            mine = evidence.figures("konton", "belopp_tkr", ar=year, slag=kind)
            if any(f.cells[0].row in own and abs(f.value) >= least * exact(whole) for _, f in mine):
                return True
    return False


def budget_and_outcome(evidence: Evidence) -> Iterator[Doubt]:
    """The outcome is neither a fraction nor a multiple of the budget."""
    bound = evidence.bound("budget_och_utfall")
    for table, planned, outcome, parts, words in _BUDGETED:
        for part in parts:
            budget = evidence.by_year(table, planned, "budget", verksamhet=part)
            actual = evidence.by_year(table, outcome, "utfall", verksamhet=part)
            for year in sorted(set(budget) & set(actual)):
                span = quotient(actual[year], budget[year])
                few = table == "brukare" and apart(actual[year], budget[year]) <= evidence.bound("personer").maximum
                if outside(span, bound.minimum, bound.maximum) and not few:
                    yield doubt(
                        f"{table}-{part}-{year}",
                        f"{words} för {PART_WORDS[part]} {year} är långt ifrån varandra",
                        (budget[year], actual[year]),
                        f"{_proportion(span[1], bound.minimum, bound.maximum)}; väntat är att utfallet är "
                        f"{limits_text(bound.minimum, bound.maximum)} gånger budgeten.",
                        CHECK_DIGITS if table == "ekonomi" else CHECK_BOTH,
                    )


def _proportion(outcome: Decimal, *limits: Decimal) -> str:
    """Return how large an outcome is, as so many budgets; where it is a small part of one, the other way about."""
    if 0 < abs(outcome) < Decimal("0.1"):
        return f"Budgeten är {times_text(1 / outcome)} gånger utfallet"
    return f"Utfallet är {times_text(outcome, *limits)} gånger budgeten"


def repeated_amounts(evidence: Evidence) -> Iterator[Doubt]:
    """The same cost, or the same hours, to the last digit, does not come twice; what ends in 00 is rounded and may."""
    least = evidence.bound("samma_belopp").minimum
    for table, column, words in (
        ("ekonomi", "nettokostnad_tkr", "Samma nettokostnad"),
        ("timmar", "utfall_timmar", "Samma antal utförda timmar"),
        ("egen_regi", "utforda_timmar", "Samma antal utförda timmar i egen regi"),
    ):
        seen: dict[Decimal, Figure] = {}
        found = evidence.figures(
            table, column, lambda row: f"{PART_WORDS[row.get('verksamhet', row.get('lag'))]} {row['ar']}"
        )
        for _, figure in sorted(found, key=lambda one: (one[0]["ar"], one[1].label)):
            if abs(figure.value) < least or not figure.value % _HUNDRED:
                continue
            other = seen.setdefault(figure.value, figure)
            # A whole that has one part only is that part.
            if other is not figure and not ({"helheten"} & {other.label.split()[0], figure.label.split()[0]}):
                yield doubt(
                    fold(f"{table}-{figure.label}"),
                    f"{words} står för {other.label} och {figure.label}",
                    (other, figure),
                    "Så stora tal blir sällan desamma på pricken.",
                    "Se efter om en rad är kopierad och inte ändrad.",
                )


def negative_costs(evidence: Evidence) -> Iterator[Doubt]:
    """Costs are positive, except a provider's net cost; so are large accounts."""
    for part in ("totalt", "sfb", "lss"):
        for year, figure in evidence.by_year("ekonomi", "nettokostnad_tkr", "nettokostnaden", verksamhet=part).items():
            if figure.high < 0:
                yield doubt(
                    f"{part}-{year}",
                    f"Nettokostnaden för {PART_WORDS[part]} {year} är negativ",
                    (figure,),
                    "Här skrivs kostnader som positiva tal, även om källan skriver dem med minus.",
                    "Ta bort minustecknet, om det inte verkligen var en intäkt.",
                )
    for row, figure in evidence.figures("konton", "belopp_tkr", lambda row: row["benamning"].lower()):
        year = int(row["ar"])
        if figure.high < 0 and material(evidence, {year: figure}, [year]):
            yield doubt(
                fold(f"konto_{row['konto']}-{year}"),
                f"Konto {row['konto']} {year} är negativt",
                (figure,),
                "Här skrivs både intäkter och kostnader som positiva tal, även om källan skriver dem med minus.",
                "Ta bort minustecknet, om det inte är en stor rättelse.",
            )


def outside_the_period(evidence: Evidence) -> Iterator[Doubt]:
    """Yearly figures are for the years of the card, and a count during a year has a date in that year."""
    first, last = evidence.municipality.first_year, evidence.municipality.last_year
    for table, frame in evidence.municipality.tables.items():
        column = "ar" if "ar" in frame else "avser_ar" if "avser_ar" in frame else None
        if not column:
            continue
        found: dict[int, list[Figure]] = {}
        for row, figure in evidence.figures(table, column, "år"):
            if not first <= int(row[column]) <= last:
                found.setdefault(int(row[column]), []).append(figure)
        for year, figures in found.items():
            cells = tuple(cell for figure in figures for cell in figure.cells)
            yield doubt(
                f"{table}-{year}",
                f"{MUNICIPAL_TABLES[table].sheet} har uppgifter för {year}, som ligger utanför kommunens period",
                (Figure("år", cells, Decimal(year), Decimal(0), "", str(year)),),
                f"Perioden är {first}–{last} enligt kommun.yml.",
                "Rätta året, eller ändra perioden.",
            )
    for row, figure in evidence.figures(
        "egen_regi", "brukare_antal", lambda row: f"{row['ar']}, brukare {time_words(row['brukare_tidpunkt'])},"
    ):
        when = row["brukare_tidpunkt"]
        if when and not when.startswith(str(row["ar"])):
            yield doubt(
                f"egen_regi-{row['lag']}-{row['ar']}-tidpunkt",
                f"Brukarna i egen regi {row['ar']} är räknade ett annat år, {time_words(when)}",
                (figure,),
                "Antalet visas tillsammans med det årets timmar.",
                "Rätta året eller tidpunkten.",
            )
