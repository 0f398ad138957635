"""Rules of plausibility: units, rates and shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from analysis.measures.choice import PROVIDERS
from analysis.measures.evidence import (
    CHECK_UNIT,
    HALF,
    THOUSAND,
    Evidence,
    doubt,
    exact,
    limits_text,
    outside,
    percent_text,
    quotient,
    scaled,
    times_text,
    total,
)
from analysis.sources.doubts import Doubt, Figure, said
from analysis.sources.schema import fold

_DECIDED = {"kommun": "kommunens beslut", "forsakringskassan": "Försäkringskassans beslut"}


def wrong_unit(evidence: Evidence) -> Iterator[Doubt]:
    """An amount is in the unit of its column: a forecast in mnkr, the scenario's amounts in tkr."""
    share = evidence.bound("prognos").maximum
    budget = evidence.whole("budget_tkr", "årets budget")
    for row, stated in evidence.figures("prognoser", "budgetavvikelse_mnkr", lambda row: row["tillfalle"]):
        year = int(row["avser_ar"])
        if year in budget and budget[year].low > 0:
            tkr = scaled(stated, THOUSAND, "tkr")
            if abs(tkr.value) - tkr.slack > share * budget[year].high:
                yield doubt(
                    f"prognoser-{year}-{row['ordning']}",
                    f"Prognosen för {year} är mycket stor jämfört med budgeten",
                    (stated, budget[year]),
                    f"Den är {percent_text(abs(tkr.value) / budget[year].value, share)} procent av budgeten; väntat är "
                    f"högst {percent_text(share)}.",
                    "Prognoser skrivs i mnkr. Se efter om beloppet är i tkr.",
                )
    hours, price = evidence.input("timmar", "timmar"), evidence.input("kostnad_kr_per_timme", "kostnad per timme")
    for row, stated in evidence.figures("scenario", "varde", lambda row: row["beskrivning"]):
        name, unit = row["indata"], fold(row["enhet"])
        wanted = next((word for word in ("tkr", "andel", "antal") if name.endswith(f"_{word}")), "")
        if wanted and unit.split("_")[0] != wanted:
            yield doubt(
                f"enhet-{name}-{row['driftform']}",
                f"Enheten för {name} är {row['enhet']} och inte {wanted}",
                (stated,),
                f"Värdet räknas som {wanted}, vad som än står i kolumnen för enhet.",
                f"Räkna om värdet till {wanted}, eller rätta enheten.",
            )
        elif wanted == "tkr" and hours and price and stated.low * THOUSAND > hours.high * price.high:
            yield doubt(
                f"scenario-{name}-{row['driftform']}",
                "Ett belopp i underlaget för driftformer är större än hela kostnaden",
                (stated, hours, price),
                f"Timmarna gånger kostnaden per timme blir {said(hours.value * price.value / THOUSAND, 0)} tkr.",
                CHECK_UNIT,
            )
    cost = _known_costs(evidence)
    for row, stated in evidence.figures("fakta", "varde", lambda row: row["beskrivning"]):
        factor = {"tkr": Decimal(1), "mnkr": THOUSAND}.get(row["enhet"])
        year = str(row["tidpunkt"]).partition("-")[0]
        if factor and year and int(year) in cost and abs(stated.value) * factor > cost[int(year)].high:
            times = times_text(abs(stated.value) * factor / cost[int(year)].value, Decimal(1))
            yield doubt(
                f"fakta-{row['uppgift']}",
                f"Beloppet {row['uppgift']} är större än hela kostnaden {year}",
                (stated, cost[int(year)]),
                f"Det är {times} gånger kostnaden.",
                CHECK_UNIT,
            )


def _known_costs(evidence: Evidence) -> dict[int, Figure]:
    """Return the cost of each year: of the whole, else on the provider's accounts."""
    accounts = evidence.by_year("konton", "belopp_tkr", "kostnaderna", slag="kostnad")
    known = accounts | evidence.whole("nettokostnad_tkr", "nettokostnaden")
    return {year: figure for year, figure in known.items() if figure.low > 0}


def shares(evidence: Evidence) -> Iterator[Doubt]:
    """A share of the hours is at most the whole, and no share is a percentage."""
    wide = evidence.bound("andel").maximum
    for table, name in (("scenario", "indata"), ("fakta", "uppgift"), ("villkor", "villkor")):
        for row, stated in evidence.figures(table, "varde", lambda row: row["beskrivning"]):
            if fold(row["enhet"]).split("_")[0] != "andel":
                continue
            most = Decimal(1) if table == "scenario" else wide
            if stated.low > most:
                yield doubt(
                    fold(f"{table}-{row[name]}"),
                    f"Andelen {row[name]} är större än {said(most)}",
                    (stated,),
                    "En andel är 1 när den är det hela: 25 procent skrivs 0,25.",
                    "Se efter om den är skriven i procent.",
                )


def hourly_rates(evidence: Evidence) -> Iterator[Doubt]:
    """A rate of the scenario is near its year's schablonbelopp, not that of another year, and within the law's cap."""
    year, bound = evidence.scenario_year, evidence.bound("kostnad_per_timme")
    amount = evidence.schablon(year) if year else None
    if not amount:
        return
    ceiling = evidence.ceiling(year)
    amounts = {
        value.start.year: exact(value.value) for value in evidence.municipality.parameters["schablonbelopp"].values
    }
    for row, stated in evidence.figures("scenario", "varde", lambda row: row["beskrivning"]):
        name = row["indata"]
        if not name.endswith("_kr_per_timme"):
            continue
        rate = name.removesuffix("_kr_per_timme")
        words = {"ersattning": "ersättning", "ersattning_hojd": "höjd ersättning", "kostnad": "kostnad"}.get(rate, rate)
        subject = f"{rate}-{row['driftform']}"
        stated = replace(stated, label=words)
        own = Figure("årets schablonbelopp", (), amount, Decimal(0), "kr per timme")
        span = quotient(stated, own)
        others = amounts
        if rate == "ersattning_hojd":
            others = {one: evidence.ceiling(one) for one in amounts}
        elsewhere = [
            one
            for one, value in others.items()
            if one != year and value and abs(stated.value - value) <= stated.slack and value != others.get(year)
        ]
        fits = others.get(year) and abs(stated.value - others[year]) <= stated.slack
        if outside(span, bound.minimum, bound.maximum):
            limits = bound.minimum, bound.maximum
            implication = f"Det är {times_text(span[1], *limits)} gånger; väntat är {limits_text(*limits)}."
            yield doubt(
                subject,
                f"{words[0].upper()}{words[1:]} per timme {year} är långt från årets schablonbelopp",
                (stated,),
                f"Schablonbeloppet är {said(amount)} kr. {implication}",
                CHECK_UNIT,
            )
        elif rate in ("ersattning", "ersattning_hojd", "pris") and elsewhere and not fits:
            yield doubt(
                subject,
                f"{words[0].upper()}{words[1:]} per timme för {year} är ett belopp från ett annat år",
                (stated,),
                f"Det är beloppet för {elsewhere[0]}. {year} är det {said(others[year], 2)} kr."
                if others.get(year)
                else f"Det är beloppet för {elsewhere[0]}.",
                "Se efter vilket år källan räknar med, så att kostnad och ersättning gäller samma år.",
            )
        elif rate in ("ersattning", "ersattning_hojd") and ceiling and stated.low > ceiling + HALF / 100:
            yield doubt(
                subject,
                f"{words[0].upper()}{words[1:]} per timme {year} är högre än staten kan betala",
                (stated,),
                f"Det högsta som staten kan betala för en timme {year} är {said(ceiling, 2)} kr.",
                "Se efter om beloppet innehåller andra intäkter.",
            )


def wage_growth(evidence: Evidence) -> Iterator[Doubt]:
    """Wages grow by some percent a year; less is a share written as percent, more an amount."""
    bound = evidence.bound("loneokning")
    for row, stated in evidence.figures("loner", "okning_procent", lambda row: row["grupp"]):
        years = int(row["till_ar"]) - int(row["fran_ar"])
        subject = fold(f"{row['fran_ar']}-{row['till_ar']}-{row['grupp']}")
        if years <= 0:
            yield doubt(
                subject,
                f"Löneökningen från {row['fran_ar']} till {row['till_ar']} omfattar ingen tid",
                (stated,),
                "Det sista året ska komma efter det första.",
                "Rätta åren.",
            )
        elif stated.high / years < bound.minimum or stated.low / years > bound.maximum:
            yield doubt(
                subject,
                f"Löneökningen {row['fran_ar']}–{row['till_ar']} är orimlig",
                (stated,),
                f"Det är {times_text(stated.value / years, bound.minimum, bound.maximum)} procent per år; väntat är "
                f"{limits_text(bound.minimum, bound.maximum)}.",
                "Skriv ökningen i procent under hela perioden: 19,5 och inte 0,195.",
            )


def national_shares(evidence: Evidence) -> Iterator[Doubt]:
    """The shares of each choice in the nation are the whole, as far as rounding goes; told in the document's own book.

    Shares rounded half away from zero fall short of the whole by less than half a unit each.
    """
    found: dict[str, list[Figure]] = {}
    for name, label in PROVIDERS.items():
        for row, figure in evidence.national_figures("val_av_utforare_riket", f"{name}_procent", label.lower()):
            if row["kalla"] == evidence.municipality.document:
                found.setdefault(row["beslut_av"], []).append(figure)
    for decided, figures in found.items():
        summed = total(figures, "")
        short = 100 - summed.value
        if short >= summed.slack or -short > summed.slack:
            yield doubt(
                decided,
                f"Andelarna för val av utförare i riket, {_DECIDED[decided]}, är inte 100 procent tillsammans",
                figures,
                f"De blir {said(summed.value)} procent, mer ifrån än avrundning kan ge.",
                "Se efter om en andel är fel återgiven, eller om en grupp saknas.",
            )
