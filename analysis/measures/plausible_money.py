"""Rules of plausibility: the whole and its parts, and money against volume."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from analysis.measures.evidence import (
    CHECK_BOTH,
    CHECK_UNIT,
    PART_WORDS,
    THOUSAND,
    Evidence,
    apart,
    difference,
    doubt,
    limits_text,
    outside,
    percent_text,
    quotient,
    quotient_of,
    roughly,
    scaled,
    times_text,
    total,
)
from analysis.sources.doubts import Doubt, Figure, said, with_unit
from analysis.sources.schema import LAWS, PARTS, fold

# From here on a quotient is told as so many times, and öre say nothing.
_MANY = 100


def whole_and_parts(evidence: Evidence) -> Iterator[Doubt]:
    """The whole of a year is the sum of its parts, and not one of them alone.

    The parts are known to be all where SFB, LSS and the provider are there, or where the same parts make up the whole
    in another year. A provider may show a surplus, so that the parts known exceed the whole without it.
    """
    for column, word in (("budget_tkr", "Budgeten"), ("nettokostnad_tkr", "Nettokostnaden")):
        series = {part: evidence.by_year("ekonomi", column, PART_WORDS[part], verksamhet=part) for part in PARTS}
        parts = [part for part in PARTS if part != "totalt"]
        cases = {}
        for year, whole in series["totalt"].items():
            given = {part: series[part][year] for part in parts if year in series[part]}
            if given:
                cases[year] = (whole, given, total(list(given.values()), "delarna tillsammans"))
        summing = {tuple(given) for whole, given, summed in cases.values() if not apart(whole, summed)}
        for year, (whole, given, summed) in cases.items():
            if not apart(whole, summed):
                continue
            complete = len(given) == len(parts) or tuple(given) in summing
            too_much = summed.value > whole.value and (column == "budget_tkr" or "utforare" in given)
            same = [part for part, figure in given.items() if not apart(figure, whole)]
            others = [part for part, figure in given.items() if part not in same and figure.value]
            if not (complete or too_much or (same and others)):
                continue
            gap = said(abs(whole.value - summed.value))
            implication = f"Delarna blir tillsammans {summed.amount}, {gap} {whole.unit} " + (
                "mer." if summed.value > whole.value else "mindre."
            )
            if same:
                implication += f" Helheten är lika stor som {PART_WORDS[same[0]]} ensam."
            yield doubt(
                f"{fold(word)}-{year}",
                f"{word} för {year} är inte summan av delarna",
                (whole, *given.values()),
                implication,
                "Se efter vilken av cellerna som är fel, eller ta bort raden för helheten, så räknas den ut.",
            )


def shares_of_the_whole(evidence: Evidence) -> Iterator[Doubt]:
    """The provider's users and hours are among all users and hours, those of children among all."""
    for table, column, word in (("brukare", "utfall_antal", "brukare"), ("timmar", "utfall_timmar", "timmar")):
        own = evidence.by_year(table, column, "utföraren", verksamhet="utforare")
        laws = [evidence.by_year(table, column, PART_WORDS[law], verksamhet=law) for law in LAWS]
        for year, part in own.items():
            if all(year in law for law in laws):
                whole = [law[year] for law in laws]
                yield from _larger(part, whole, f"{table}-{year}", f"Utförarens {word} {year} är fler än alla {word}")
        for law in LAWS:
            provided = "brukare_antal" if table == "brukare" else "utforda_timmar"
            label = f"egen regi, {PART_WORDS[law]}"
            everybody = evidence.by_year(table, column, f"alla, {PART_WORDS[law]}", verksamhet=law)
            for year, part in evidence.by_year("egen_regi", provided, label, lag=law).items():
                # Those counted once may be more than the mean of the year, by a few.
                extra = evidence.bound("personer").maximum if table == "brukare" else Decimal(0)
                if year in everybody and part.low > everybody[year].high + extra:
                    problem = f"Den egna regins {word} enligt {PART_WORDS[law]} {year} är fler än alla {word}"
                    yield from _larger(part, [everybody[year]], f"{table}-{law}-{year}", problem)
    for column, word in (("nya_antal", "nya"), ("avslutade_antal", "avslutade"), ("fran_lss_antal", "från LSS")):
        everybody = evidence.by_year("floden", column, f"alla {word}", grupp="alla")
        for year, part in evidence.by_year("floden", column, f"barn, {word},", grupp="barn").items():
            if year in everybody:
                problem = f"Fler barn än alla tillsammans bland {word} {year}"
                yield from _larger(part, [everybody[year]], f"barn-{column}-{year}", problem)
    for group in ("alla", "barn"):
        new = evidence.by_year("floden", "nya_antal", "nya totalt", grupp=group)
        for year, part in evidence.by_year("floden", "fran_lss_antal", "därav från LSS", grupp=group).items():
            if year in new:
                problem = f"Fler kom från LSS {year} än de nya tillsammans ({group})"
                yield from _larger(part, [new[year]], f"fran_lss-{group}-{year}", problem)


def _larger(part: Figure, whole: Sequence[Figure], subject: str, problem: str) -> Iterator[Doubt]:
    summed = total(whole, "tillsammans")
    if part.low > summed.high:
        yield doubt(
            subject,
            problem,
            (part, *whole),
            f"Delen är {with_unit(part.value - summed.value, part.unit)} större än helheten.",
            CHECK_BOTH,
        )


def larger_than_the_cost(evidence: Evidence) -> Iterator[Doubt]:
    """A grant in the net cost, a one-off item in it or money beyond the payment is less than the cost."""
    for table, word in (("bidrag", "Statsbidraget"), ("engangsposter", "Engångsposterna")):
        for part in PARTS:
            cost = evidence.by_year("ekonomi", "nettokostnad_tkr", "nettokostnaden", verksamhet=part)
            for year, item in evidence.by_year(table, "belopp_tkr", word.lower(), verksamhet=part).items():
                # A provider's net cost is what is left between two large amounts.
                if part != "utforare" and year in cost and abs(item.value) - item.slack > abs(cost[year].high):
                    times = times_text(abs(quotient_of(item, cost[year])), Decimal(1))
                    yield doubt(
                        f"{table}-{part}-{year}",
                        f"{word} för {PART_WORDS[part]} {year} är större än nettokostnaden",
                        (item, cost[year]),
                        f"Det är {times} gånger hela nettokostnaden.",
                        CHECK_UNIT,
                    )
    cost = evidence.by_year("konton", "belopp_tkr", "kostnaderna", slag="kostnad")
    for year, item in evidence.by_year("tillskott", "belopp_tkr", "anslagen").items():
        if year in cost and item.low > cost[year].high:
            yield doubt(
                f"tillskott-{year}",
                f"Anslagen till utföraren {year} är större än utförarens alla kostnader",
                (item, cost[year]),
                f"De är {times_text(quotient_of(item, cost[year]), Decimal(1))} gånger kostnaderna.",
                CHECK_UNIT,
            )


def cost_per_hour(evidence: Evidence) -> Iterator[Doubt]:
    """An hour costs about what the schablonbelopp is, and about as much in relation to it as in the other years.

    The municipality pays only some of the hours with SFB, and a provider's net cost is a deficit: there only a cost
    that is too high says anything.
    """
    bound = evidence.bound("kostnad_per_timme")
    for part in ("lss", "sfb", "utforare"):
        cost = evidence.by_year("ekonomi", "nettokostnad_tkr", "nettokostnaden", verksamhet=part)
        time = evidence.by_year("timmar", "utfall_timmar", "timmarna", verksamhet=part)
        low = bound.minimum if part == "lss" else None
        yield from _prices(evidence, cost, time, part, f"Nettokostnaden per timme, {PART_WORDS[part]},", low)
        if part == "lss":
            yield from _own_prices(evidence, cost, time, evidence.bound("eget_timpris").maximum)
    cost = evidence.by_year("konton", "belopp_tkr", "kostnaderna", slag="kostnad")
    laws = [evidence.by_year("egen_regi", "utforda_timmar", PART_WORDS[law], lag=law) for law in LAWS]
    laws = [law for law in laws if law]
    time = {year: total([law[year] for law in laws], "timmarna") for year in cost if all(year in law for law in laws)}
    if laws:
        yield from _prices(evidence, cost, time, "egen_regi", "Den egna regins kostnad per timme", bound.minimum)


def _prices(evidence, cost, time, subject, words, low) -> Iterator[Doubt]:
    bound = evidence.bound("kostnad_per_timme")
    for year in sorted(set(cost) & set(time)):
        amount = evidence.schablon(year)
        if not amount:
            continue
        span = quotient(scaled(cost[year], THOUSAND, "kr"), scaled(time[year], amount, "kr"))
        if outside(span, low, bound.maximum):
            price = said(span[1] * amount, 2 if span[1] < _MANY else 0)
            yield doubt(
                f"{subject}-{year}",
                f"{words} {year} är långt från schablonbeloppet",
                (cost[year], time[year]),
                f"Det blir {price} kr per timme, {times_text(span[1], low, bound.maximum)} gånger schablonbeloppet för "
                f"året, {said(amount)} kr; väntat är {limits_text(low, bound.maximum)} gånger.",
                "Se efter om beloppet är i tkr och timmarna i hela timmar, och om en siffra har fallit bort.",
            )


def _own_prices(evidence, cost, time, most) -> Iterator[Doubt]:
    bound = evidence.bound("kostnad_per_timme")
    spans = {}
    for year in sorted(set(cost) & set(time)):
        amount = evidence.schablon(year)
        span = amount and quotient(scaled(cost[year], THOUSAND, "kr"), scaled(time[year], amount, "kr"))
        # What is far from every price is told by the other rule.
        if span and not outside(span, bound.minimum, bound.maximum):
            spans[year] = span
    for year, usual, span in _unlike_the_others(spans, most):
        yield doubt(
            f"eget_pris-{year}",
            f"LSS-kostnaden per timme {year} skiljer sig mycket från de andra åren",
            (cost[year], time[year]),
            f"Det blir {times_text(span[1])} gånger årets schablonbelopp; medianen för alla år är {times_text(usual)}.",
            "Se efter om raderna för två delar eller två år har bytt plats, eller om timmar saknas.",
        )


def _unlike_the_others(spans: Mapping[int, tuple], most: Decimal) -> Iterator[tuple[int, Decimal, tuple]]:
    """Yield the years whose quotient is further from the median than `most`; of two years neither can be told."""
    if len(spans) <= 2:
        return
    usual = statistics.median(span[1] for span in spans.values())
    for year, span in spans.items():
        if outside(span, usual / (1 + most), usual * (1 + most)):
            yield year, usual, span


def cost_per_user(evidence: Evidence) -> Iterator[Doubt]:
    """The net cost with SFB is about users times the first hours times the schablonbelopp."""
    bound = evidence.bound("kostnad_per_brukare")
    cost = evidence.by_year("ekonomi", "nettokostnad_tkr", "nettokostnaden", verksamhet="sfb")
    people = evidence.by_year("brukare", "utfall_antal", "brukarna", verksamhet="sfb")
    for year in sorted(set(cost) & set(people)):
        amount, hours = evidence.schablon(year), evidence.first_hours(year)
        if not (amount and hours):
            continue
        span = quotient(cost[year], scaled(people[year], hours * amount / THOUSAND, "tkr"))
        if outside(span, bound.minimum, bound.maximum):
            model = people[year].value * hours * amount / THOUSAND
            yield doubt(
                f"{year}",
                f"Nettokostnaden för SFB {year} går inte ihop med antalet brukare",
                (cost[year], people[year]),
                f"Brukarna gånger de timmar som kommunen betalar och schablonbeloppet blir {said(model, 0)} tkr. "
                f"Nettokostnaden är {times_text(span[1], bound.minimum, bound.maximum)} gånger det; väntat är "
                f"{limits_text(bound.minimum, bound.maximum)}.",
                "Se efter båda uppgifterna, och om de gäller samma del av verksamheten och hela året.",
            )


def budget_and_volume(evidence: Evidence) -> Iterator[Doubt]:
    """The budget in kronor is the budget in hours, or in users, at a price that is much the same every year."""
    wide = evidence.bound("kostnad_per_timme")
    for part, table, column, word in (
        ("lss", "timmar", "budget_timmar", "timmar"),
        ("sfb", "brukare", "budget_antal", "brukare"),
    ):
        money = evidence.by_year("ekonomi", "budget_tkr", "budgeten i kronor", verksamhet=part)
        volume = evidence.by_year(table, column, f"budgeten i {word}", verksamhet=part)
        spans, models = {}, {}
        for year in sorted(set(money) & set(volume)):
            amount = evidence.schablon(year)
            hours = Decimal(1) if part == "lss" else evidence.first_hours(year)
            if amount and hours and money[year].value:
                models[year] = scaled(volume[year], hours * amount / THOUSAND, "tkr")
                span = quotient(money[year], models[year])
                if span:
                    spans[year] = span
        unlike = {year: usual for year, usual, _ in _unlike_the_others(spans, evidence.bound("budgetpris").maximum)}
        for year, span in spans.items():
            if year not in unlike and not outside(span, wide.minimum, wide.maximum):
                continue
            share = f"{percent_text(span[1])} procent av det"
            if year in unlike:
                share += f"; medianen för alla år är {percent_text(unlike[year])} procent"
            if span[1] >= _MANY:
                share = f"omkring {roughly(span[1])} gånger så stor"
            times = "gånger" if part == "lss" else "gånger de timmar som kommunen betalar och"
            yield doubt(
                f"{part}-{year}",
                f"Budgeten för {PART_WORDS[part]} {year} är inte densamma i kronor som i {word}",
                (money[year], volume[year]),
                f"Budgeten i {word} {times} schablonbeloppet blir {said(models[year].value, 0)} tkr. Budgeten i kronor "
                f"är {share}.",
                "Se efter om den ena budgeten är ändrad under året och inte den andra, eller hör till ett annat år.",
            )


def deviation_and_volume(evidence: Evidence) -> Iterator[Doubt]:
    """A deviation in kronor and in hours has the same sign, unless the deviation in hours is small."""
    least = evidence.bound("avvikelse_mot_volym").minimum
    money = {
        name: evidence.by_year("ekonomi", name, label, verksamhet="lss")
        for name, label in (("budget_tkr", "budgeten"), ("nettokostnad_tkr", "nettokostnaden"))
    }
    time = {
        name: evidence.by_year("timmar", name, label, verksamhet="lss")
        for name, label in (("budget_timmar", "budgeterade timmar"), ("utfall_timmar", "utförda timmar"))
    }
    for year in sorted(set.intersection(*map(set, (*money.values(), *time.values())))):
        amount, cost = evidence.schablon(year), money["nettokostnad_tkr"][year]
        if not amount:
            continue
        in_kronor = difference(money["budget_tkr"][year], cost, "avvikelsen i kronor")
        in_hours = difference(time["budget_timmar"][year], time["utfall_timmar"][year], "avvikelsen i timmar")
        worth = scaled(in_hours, amount / THOUSAND, "tkr")
        opposite = (in_kronor.low > 0 and worth.high < 0) or (in_kronor.high < 0 and worth.low > 0)
        if opposite and abs(worth.value) - worth.slack > least * abs(cost.value):
            yield doubt(
                f"{year}",
                f"LSS {year} avviker åt olika håll i kronor och i timmar",
                (in_kronor, in_hours),
                f"Timmarna gånger schablonbeloppet är {said(worth.value, 0)} tkr, men avvikelsen i kronor är "
                f"{said(in_kronor.value)} tkr; minus är underskott.",
                "Se efter budgeten och utfallet i båda tabellerna.",
            )


def grants_and_hours(evidence: Evidence) -> Iterator[Doubt]:
    """State money on the provider's accounts is at most what the state may pay for the year's hours with SFB."""
    time = evidence.by_year("egen_regi", "utforda_timmar", "utförda timmar enligt SFB", lag="sfb")
    accounts: dict[int, list[Figure]] = {}
    for row, figure in evidence.figures(
        "konton", "belopp_tkr", lambda row: f"{row['benamning'].lower()}", slag="intakt"
    ):
        if any(word in fold(row["benamning"]) for word in ("bidrag", "assistansersattning")):
            accounts.setdefault(int(row["ar"]), []).append(figure)
    for year, unsorted in sorted(accounts.items()):
        # A warning keeps its name when the rows change places.
        figures = sorted(unsorted, key=lambda figure: (figure.label, figure.value))
        ceiling = evidence.ceiling(year)
        if year not in time or not ceiling:
            continue
        most = scaled(time[year], ceiling / THOUSAND, "tkr")
        paid = total(figures, "bidragen")
        if paid.low > most.high:
            yield doubt(
                f"{year}",
                f"Utförarens bidrag {year} är större än vad staten kan betala för årets timmar",
                (*figures, time[year]),
                f"Timmarna gånger {said(ceiling, 2)} kr, det högsta som staten kan betala för en timme, blir "
                f"{said(most.value, 0)} tkr.",
                "Se efter om timmar saknas, eller om det finns annat än årets assistansersättning på kontot.",
            )


def cost_per_inhabitant(evidence: Evidence) -> Iterator[Doubt]:
    """The net cost of the whole by inhabitant is about what Kolada has for the municipality."""
    bound = evidence.bound("kostnad_per_invanare")
    cost = evidence.whole("nettokostnad_tkr", "nettokostnaden")
    people = evidence.national("befolkning", "invanare_antal", "folkmängden")
    stated = evidence.national("kostnad_per_invanare", "kostnad_kr_per_inv", "kostnaden per invånare")
    for year in sorted(set(cost) & set(people) & set(stated)):
        per_head = quotient(scaled(cost[year], THOUSAND, "kr"), people[year])
        span = quotient(scaled(cost[year], THOUSAND, "kr"), scaled(stated[year], people[year].value, "kr"))
        if per_head and outside(span, bound.minimum, bound.maximum):
            yield doubt(
                f"{year}",
                f"Nettokostnaden {year} går inte ihop med kostnaden per invånare",
                (cost[year], people[year], stated[year]),
                f"Nettokostnaden delad med folkmängden blir {said(per_head[1], 0)} kr per invånare, "
                f"{times_text(span[1], bound.minimum, bound.maximum)} gånger den andra uppgiften.",
                "Se efter om beloppen är i tkr, och om alla delar är med.",
            )


def accounts_and_economy(evidence: Evidence) -> Iterator[Doubt]:
    """The provider's net cost is its costs less its revenues, with or without the money beyond the payment."""
    net = evidence.by_year("ekonomi", "nettokostnad_tkr", "nettokostnaden för utföraren", verksamhet="utforare")
    cost = evidence.by_year("konton", "belopp_tkr", "kostnaderna", slag="kostnad")
    revenue = evidence.by_year("konton", "belopp_tkr", "intäkterna", slag="intakt")
    more = evidence.by_year("tillskott", "belopp_tkr", "anslagen")
    share = evidence.bound("samma_uppgift").maximum
    for year in sorted(set(net) & set(cost) & set(revenue)):
        by_accounts = difference(cost[year], revenue[year], "kontona")
        ways = [by_accounts] + ([difference(by_accounts, more[year], "kontona")] if year in more else [])
        if all(apart(net[year], way) > share * abs(cost[year].value) for way in ways):
            yield doubt(
                f"{year}",
                f"Utförarens nettokostnad {year} är inte densamma som kontona ger",
                (net[year], cost[year], revenue[year]),
                f"Kostnaderna minus intäkterna blir {said(by_accounts.value)} tkr.",
                "Se efter om ett konto saknas, om en intäkt står som kostnad, eller om tecknet är omvänt.",
            )
