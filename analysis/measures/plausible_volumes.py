"""Rules of plausibility: users and hours, and the same figure in two tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from analysis.measures.dates import time_words
from analysis.measures.evidence import (
    CHECK_BOTH,
    HALF,
    PART_WORDS,
    THOUSAND,
    Evidence,
    apart,
    difference,
    doubt,
    exact,
    limits_text,
    outside,
    percent_text,
    quotient,
    quotient_of,
    scaled,
    times_text,
    total,
)
from analysis.measures.published import Resolver, judge, read_printed
from analysis.measures.schablon import days_in_year
from analysis.sources.doubts import Cell, Doubt, Figure, said
from analysis.sources.faults import shown_path
from analysis.sources.reader import line_numbers
from analysis.sources.schema import LAWS, fold

# What the outcome of a year is called, and words that tell of a part of the year, or of a guess.
_FINAL = ("bokslut", "arsbokslut", "arsredovisning", "utfall")
_NOT_FINAL = ("jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "tertial", "kvartal", "t1",
              "t2", "t3", "q1", "q2", "q3", "delar", "halvar", "prelim", "prognos")  # fmt: skip


def hours_per_user(evidence: Evidence) -> Iterator[Doubt]:
    """Where there are users there are hours, and the other way round; nobody has more hours than the day."""
    bound = evidence.bound("timmar_per_dygn")
    pairs = [
        (
            f"{PART_WORDS[part]}",
            part,
            evidence.by_year("brukare", "utfall_antal", "brukare", verksamhet=part),
            evidence.by_year("timmar", "utfall_timmar", "timmar", verksamhet=part),
        )
        for part in ("sfb", "lss", "utforare")
    ] + [
        (
            f"egen regi enligt {PART_WORDS[law]}",
            f"egen_regi-{law}",
            evidence.by_year("egen_regi", "brukare_antal", "brukare", lag=law),
            evidence.by_year("egen_regi", "utforda_timmar", "timmar", lag=law),
        )
        for law in LAWS
    ]
    year = evidence.scenario_year
    people, time = evidence.input("brukare_antal", "brukare"), evidence.input("timmar", "timmar")
    if year and people and time:
        pairs.append(("underlaget för driftformer", "scenario", {year: people}, {year: time}))
    for words, subject, people_by_year, time_by_year in pairs:
        for year in sorted(set(people_by_year) & set(time_by_year)):
            people, time = people_by_year[year], time_by_year[year]
            days = Decimal(days_in_year(year))
            # Of those counted at the end of the year before some may have gone since, and had hours until then.
            before = people_by_year.get(year - 1) if subject.startswith("egen_regi") else None
            most = replace(before, label="året före") if before and before.value > people.value else people
            if (people.value and not time.value) or (time.value and not most.value):
                lacking = "men inga timmar" if people.value else "men inga brukare"
                yield doubt(
                    f"{subject}-{year}",
                    f"{words[0].upper()}{words[1:]} {year} har {'brukare' if people.value else 'timmar'} {lacking}",
                    (people, time),
                    "Den ena uppgiften är noll och den andra inte.",
                    "Skriv den uppgift som saknas, eller lämna cellen tom eller raden borta om ni inte har den.",
                )
                continue
            span, shown = quotient(time, scaled(people, days, "dygn")), (people, time)
            if not outside(span, bound.minimum, None):
                span, shown = quotient(time, scaled(most, days, "dygn")), tuple(dict.fromkeys((people, most, time)))
                if not outside(span, None, bound.maximum):
                    continue
            yield doubt(
                f"{subject}-{year}",
                f"Timmarna per brukare, {words}, {year} är orimliga",
                shown,
                f"Det blir {said(span[1] * days / 12, 1)} timmar per brukare och månad, "
                f"{times_text(span[1], bound.minimum, bound.maximum)} per dygn; väntat är "
                f"{limits_text(bound.minimum, bound.maximum)} per dygn.",
                "Se efter om timmarna är hela timmar för hela året, och om brukarna är ett snitt.",
            )


def stated_hours(evidence: Evidence) -> Iterator[Doubt]:
    """Hours a week, a month and a year that a document states for the same thing make the same year."""
    year = evidence.scenario_year or evidence.municipality.last_year
    factors = {"timmar": 1, "timmar_per_manad": 12, "timmar_per_vecka": Decimal(days_in_year(year)) / 7}
    labels = {"timmar": "på året", "timmar_per_manad": "i månaden", "timmar_per_vecka": "i veckan"}
    found = {name: evidence.input(name, labels[name]) for name in factors}
    yearly = {name: scaled(figure, Decimal(factors[name]), "timmar") for name, figure in found.items() if figure}
    if len(yearly) < 2:
        return
    least, most = min(yearly.values(), key=lambda one: one.high), max(yearly.values(), key=lambda one: one.low)
    span = quotient(most, least)
    if outside(span, None, 1 + evidence.bound("timmar_pa_tre_satt").maximum):
        years = ", ".join(f"{said(one.value, 0)} ({labels[name]})" for name, one in yearly.items())
        yield doubt(
            f"{year}",
            f"Timmarna i underlaget för driftformer {year} är inte desamma på året, i månaden och i veckan",
            tuple(figure for figure in found.values() if figure),
            f"Omräknade till år blir de {years}. De skiljer {percent_text(span[1] - 1)} procent.",
            "Se efter om de gäller samma brukare och samma tid, och om omräkningen är rätt.",
        )


def flow_and_stock(evidence: Evidence) -> Iterator[Doubt]:
    """The users of SFB change about as the net inflow of the year and the year before says.

    Formula: change of the mean = (net inflow of the year + that of the year before) / 2, if people come and go evenly
    over the year; where the year before is unknown, the net inflow of the year.
    """
    share, few = evidence.bound("nettoinflode").maximum, evidence.bound("personer").maximum
    people = evidence.by_year("brukare", "utfall_antal", "brukare i snitt", verksamhet="sfb")
    new = evidence.by_year("floden", "nya_antal", "nya", grupp="alla")
    ended = evidence.by_year("floden", "avslutade_antal", "avslutade", grupp="alla")
    net = {year: difference(new[year], ended[year], "netto") for year in sorted(set(new) & set(ended))}
    for year in net:
        if year not in people or year - 1 not in people:
            continue
        change = difference(people[year], people[year - 1], "ändringen")
        inflows = total([net[one] for one in (year - 1, year) if one in net], "")
        expected = scaled(inflows, HALF, "") if year - 1 in net else inflows
        if apart(change, expected) > max(few, share * people[year].value):
            flows = " och ".join(f"{said(net[one].value)} ({one})" for one in (year - 1, year) if one in net)
            yield doubt(
                f"{year}",
                f"In- och utflödet {year} går inte ihop med hur brukarna med SFB ändrades",
                (people[year - 1], people[year], new[year], ended[year]),
                f"Nya minus avslutade är {flows}, men brukarnas snitt ändrades med {said(change.value)}.",
                "Se efter om nya och avslutade har bytt plats, och om brukarna är ett snitt för hela året.",
            )
    for year, figure in ended.items():
        if year - 1 in people and year in new and figure.low > people[year - 1].high + new[year].high:
            yield doubt(
                f"avslutade-{year}",
                f"Fler avslutades {year} än som hade assistansersättning",
                (figure, people[year - 1], new[year]),
                "De som avslutas har funnits året före eller kommit till under året.",
                CHECK_BOTH,
            )


def counted_once(evidence: Evidence) -> Iterator[Doubt]:
    """A count on one day is about the mean of that year."""
    yield from _own_counted_once(evidence)
    for law in LAWS:
        mean = evidence.by_year("brukare", "utfall_antal", "snitt", verksamhet=law)
        counts = [
            (year, "den 1 oktober", f"den 1 oktober {year}", figure)
            for year, figure in evidence.national("brukare_1_oktober", "antal", "den 1 oktober", verksamhet=law).items()
        ]
        if law == "sfb":
            december = evidence.national("brukare_december", "antal", "i december")
            counts += [(year, "i december", f"i december {year}", figure) for year, figure in december.items()]
        counts += [
            (int(row["tidpunkt"].partition("-")[0]), row["tidpunkt"], time_words(row["tidpunkt"]), figure)
            for row, figure in evidence.figures("val_av_utforare", "totalt_antal", _when_chosen, lag=law)
        ]
        for year, when, words, figure in counts:
            if year in mean:
                users = f"brukare med {PART_WORDS[law]} {words}"
                yield from _far_from_mean(evidence, [figure], mean[year], f"{law}-{year}-{fold(when)}", users)


def _when_chosen(row: Mapping) -> str:
    return time_words(row["tidpunkt"])


def _own_counted_once(evidence: Evidence) -> Iterator[Doubt]:
    mean = evidence.by_year("brukare", "utfall_antal", "snitt", verksamhet="utforare")
    laws = [evidence.by_year("egen_regi", "brukare_antal", PART_WORDS[law], lag=law) for law in LAWS]
    for year in sorted(set(mean).intersection(*laws)):
        counts = [law[year] for law in laws]
        yield from _far_from_mean(evidence, counts, mean[year], f"utforare-{year}", f"brukare i egen regi {year}")


def _far_from_mean(evidence, counts, mean, subject, users) -> Iterator[Doubt]:
    share, few = evidence.bound("brukare_vid_tidpunkt").maximum, evidence.bound("personer").maximum
    counted = total(counts, "")
    if apart(counted, mean) > max(few, share * mean.value):
        yield doubt(
            subject,
            f"Antalet {users} ligger långt från årets snitt",
            (*counts, mean),
            f"De skiljer {said(abs(counted.value - mean.value))} personer, "
            f"{percent_text(abs(quotient_of(counted, mean) - 1))} procent av snittet.",
            "Se efter om båda gäller samma lag och samma år.",
        )


def choice_of_provider(evidence: Evidence) -> Iterator[Doubt]:
    """Those who have chosen the municipality or employ themselves are among all, and all are those of the two laws."""
    names = {"totalt_antal": "alla", "kommunen_antal": "kommunen", "egen_arbetsgivare_antal": "egna arbetsgivare"}
    found: dict[tuple[str, str], dict[str, Figure]] = {}
    for column, label in names.items():
        for row, figure in evidence.figures(
            "val_av_utforare", column, lambda row, label=label: f"{label} ({PART_WORDS[row['lag']]})"
        ):
            found.setdefault((row["tidpunkt"], row["lag"]), {})[column] = figure
    for (when, law), given in found.items():
        parts = [given[column] for column in names if column != "totalt_antal" and column in given]
        if parts and total(parts, "").low > given["totalt_antal"].high:
            yield doubt(
                fold(f"{when}-{law}"),
                f"Fler har valt utförare {time_words(when)} än som har assistans ({PART_WORDS[law]})",
                (given["totalt_antal"], *parts),
                f"Delarna är tillsammans {said(total(parts, '').value)}.",
                CHECK_BOTH,
            )
        by_law = [found.get((when, one)) for one in LAWS]
        if law == "alla" and all(by_law):
            for column, word in names.items():
                whole, laws = given.get(column), [one.get(column) for one in by_law]
                if whole and all(laws) and apart(whole, total(laws, "")):
                    yield doubt(
                        fold(f"{when}-{column}"),
                        f"Valet av utförare {time_words(when)}: {word} är inte summan av SFB och LSS",
                        (whole, *laws),
                        f"SFB och LSS är tillsammans {said(total(laws, '').value)}.",
                        CHECK_BOTH,
                    )


def same_figure(evidence: Evidence) -> Iterator[Doubt]:
    """What two tables state about the same thing and time is the same."""
    yield from _same_users(evidence)
    yield from _same_hours(evidence)
    year = evidence.scenario_year
    if year is None:
        return
    share = evidence.bound("samma_uppgift").maximum
    time, people = (
        [one[year] for law in LAWS if year in (one := evidence.by_year("egen_regi", column, PART_WORDS[law], lag=law))]
        for column in ("utforda_timmar", "brukare_antal")
    )
    sfb = evidence.by_year("egen_regi", "brukare_antal", "SFB", lag="sfb")
    for name, label, others in (
        ("timmar", "timmar", time),
        ("brukare_antal", "brukare", people),
        ("brukare_sfb_antal", "brukare med SFB", [sfb[year]] if year in sfb else []),
    ):
        stated, summed = evidence.input(name, f"{label} i underlaget för driftformer"), total(others, "egen regi")
        near = share * abs(summed.value) if name == "timmar" else Decimal(0)
        if stated and others and apart(stated, summed) > near:
            yield doubt(
                f"{name}-{year}",
                f"Underlaget för driftformer har andra {label} för {year} än tabellen över egen regi",
                (stated, *others),
                f"I egen regi är det tillsammans {summed.amount}.",
                CHECK_BOTH,
            )
    cost = evidence.by_year("konton", "belopp_tkr", "kostnaderna på kontona", slag="kostnad").get(year)
    price = evidence.input("kostnad_kr_per_timme", "kostnaden i underlaget för driftformer", "egen_regi")
    if cost and price and time:
        span = quotient(scaled(cost, THOUSAND, "kr"), total(time, "timmarna"))
        if span and not outside(span, 0, None) and abs(span[1] - price.value) - price.slack > share * price.value:
            yield doubt(
                f"kostnad_per_timme-{year}",
                f"Kostnaden per timme {year} i underlaget för driftformer är inte den som kontona ger",
                (price, cost, *time),
                f"Kontonas kostnader delade med timmarna blir {said(span[1], 2)} kr per timme.",
                CHECK_BOTH,
            )


def _same_users(evidence: Evidence) -> Iterator[Doubt]:
    """The municipality's users by law are as many in the table of own provision as in that of the choice."""
    own: dict[str, dict[str, Figure]] = {}
    for row, figure in evidence.figures(
        "egen_regi", "brukare_antal", lambda row: f"egen regi, {PART_WORDS[row['lag']]}"
    ):
        own.setdefault(str(row["brukare_tidpunkt"]), {})[row["lag"]] = figure
    for row, chosen in evidence.figures("val_av_utforare", "kommunen_antal", "val av utförare"):
        for when, by_law in own.items():
            if not _same_time(when, row["tidpunkt"]):
                continue
            others = [by_law.get(law) for law in (LAWS if row["lag"] == "alla" else [row["lag"]])]
            if None in others:
                continue
            if apart(chosen, total(others, "")):
                yield doubt(
                    fold(f"brukare-{when}-{row['lag']}"),
                    f"Kommunens brukare {time_words(when)} ({PART_WORDS[row['lag']]}) är olika många i två tabeller",
                    (chosen, *others),
                    f"I egen regi är de tillsammans {said(total(others, '').value)}.",
                    CHECK_BOTH,
                )


def _same_hours(evidence: Evidence) -> Iterator[Doubt]:
    """The provider's hours are those of both laws in the table of own provision."""
    own = evidence.by_year("timmar", "utfall_timmar", "utföraren", verksamhet="utforare")
    laws = [evidence.by_year("egen_regi", "utforda_timmar", PART_WORDS[law], lag=law) for law in LAWS]
    for year in sorted(set(own).intersection(*laws)):
        parts = [law[year] for law in laws]
        summed = total(parts, "egen regi")
        if apart(own[year], summed) > evidence.bound("samma_uppgift").maximum * summed.value:
            yield doubt(
                f"utforare-timmar-{year}",
                f"Utförarens timmar {year} är olika många i två tabeller",
                (own[year], *parts),
                f"I egen regi är de tillsammans {summed.amount}.",
                CHECK_BOTH,
            )


def _same_time(one: str, other: str) -> bool:
    """Tell whether two dates are the same, or one is the month that the other is a day in."""
    return bool(one) and (
        one == other or ("-" in one and "-" in other and (one.startswith(other) or other.startswith(one)))
    )


def stated_deviation(evidence: Evidence) -> Iterator[Doubt]:
    """A deviation that is stated as the outcome is the budget less the net cost."""
    budget, cost = evidence.whole("budget_tkr", "budgeten"), evidence.whole("nettokostnad_tkr", "nettokostnaden")
    for row, stated in evidence.figures("prognoser", "budgetavvikelse_mnkr", lambda row: row["tillfalle"]):
        year = int(row["avser_ar"])
        words = fold(row["tillfalle"]).split("_")
        final = any(word.startswith(_FINAL) for word in words) and not any(
            word.startswith(_NOT_FINAL) for word in words
        )
        if not final or year not in budget or year not in cost:
            continue
        computed = difference(budget[year], cost[year], "budget minus nettokostnad")
        if apart(scaled(stated, THOUSAND, "tkr"), computed):
            yield doubt(
                f"{year}-{row['ordning']}",
                f"Avvikelsen för {year} är inte budget minus nettokostnad",
                (stated, computed),
                f"Budget minus nettokostnad är {said(computed.value / THOUSAND)} mnkr.",
                "Se efter tecknet och enheten; ett underskott är negativt.",
            )


def printed_figures(evidence: Evidence) -> Iterator[Doubt]:
    """A printed figure that the tables do not give has its reason in `orsak`."""
    rows = evidence.rows("publicerat")
    if rows.empty:
        return
    resolver = Resolver(evidence.municipality)
    path = evidence.folder / "publicerat.csv"
    for line, (_, row) in zip(line_numbers(path), rows.iterrows(), strict=True):
        outcome, computed, _ = judge(resolver, row)
        if outcome != "oforklarad":
            continue
        what = ", ".join(filter(None, (row["plats"], row["rad"], row["kolumn"])))
        printed = exact(read_printed(row["tryckt"]).value)
        cell = Cell(shown_path(path, evidence.data), line, "tryckt", printed, Decimal(0), row["enhet"])
        yield doubt(
            f"{fold(row['plats'])}-{fold(row['rad'])}-{fold(row['kolumn'])}",
            f"En tryckt siffra följer inte av tabellerna ({what})",
            (Figure("tryckt", (cell,), printed, Decimal(0), row["enhet"]),),
            f"Tabellerna ger {said(exact(computed), 2)}." if math.isfinite(computed) else "Tabellerna ger inget värde.",
            "Se efter cellerna som siffran räknas ur. Är det källan som har fel, skriv varför i kolumnen orsak.",
        )
