"""What an hour costs the municipal provider beyond the schablonbelopp: worked examples on stated assumptions."""

from __future__ import annotations

from analysis.measures.provider import (
    full_time_norm,
    notice_month,
    on_call_curve,
    on_call_hour,
    on_call_hours_curve,
    rota_size,
    short_visits,
    surplus_staff,
)
from analysis.measures.result import rows
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import listed
from analysis.present.numbers import kronor, number, percent
from analysis.present.views import ChartView, Prose, TableView, assumption_line, bullets, prose
from analysis.sources.schema import FULL_TIME_NORMS


def assumptions_text(book: Book) -> Prose:
    """Return every assumption with its value and reason."""
    return bullets([assumption_line(a) for a in book.municipality.assumptions.values()])


def written(value: float) -> str:
    """Return a number with as many of two decimals as it needs."""
    return number(value, 0 if value == int(value) else 2)


def norm_text(book: Book) -> Prose:
    """Return what each full-time norm adds to an hour."""
    frame = full_time_norm(book.municipality).frame
    parts = [
        f"{kronor(row['extra_cost_kr_per_hour'], 2)} ({percent(row['share_percent'], 1)}) vid {written(norm)} timmar"
        for norm, row in frame.iterrows()
    ]
    wage = book.municipality.assumptions["timlon"].value
    return prose(
        f"Räknat på en timlön på {kronor(wage)}, med personalomkostnader, och samma månadslön oavsett heltidsmått blir "
        f"merkostnaden per timme {listed(parts)}."
    )


def norm_table(book: Book) -> TableView:
    """Return the extra cost per hour by full-time norm."""
    return TableView(book.municipality, full_time_norm(book.municipality))


def norm_chart(book: Book) -> ChartView:
    """Return the extra cost per hour by full-time norm, as bars."""
    result = full_time_norm(book.municipality)
    highest = result.frame["extra_cost_kr_per_hour"].max()
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, ["extra_cost_kr_per_hour"], height=150),
        f"Merkostnaden är som mest {kronor(highest, 2)} per timme, vid det lägsta heltidsmåttet.",
    )


def on_call_sentence(book: Book) -> str:
    """Return the on-call hour's weighted cost against what is paid for it."""
    row = on_call_hour(book.municipality).frame.loc["vagt"]
    gap = row["gap_kr_per_hour"]
    if gap <= 0:
        end = "Ersättningen täcker hela kostnaden."
    else:
        end = (
            f"Ersättningen täcker {percent(row['coverage_percent'])}, och {kronor(gap, 2)} per timme saknar "
            "finansiering."
        )
    return (
        f"En jourtimme kostar i snitt {kronor(row['cost_kr_per_hour'], 2)} och ersätts med "
        f"{kronor(row['payment_kr_per_hour'], 2)}. {end}"
    )


def on_call_text(book: Book) -> Prose:
    """Return the on-call hour as a paragraph."""
    return prose(on_call_sentence(book))


def on_call_table(book: Book) -> TableView:
    """Return the on-call hour on weekdays, at weekends and weighted."""
    return TableView(book.municipality, on_call_hour(book.municipality))


def on_call_chart(book: Book) -> ChartView:
    """Return the on-call hour's cost as a function of the wage."""
    result = on_call_curve(book.municipality)
    return ChartView(
        book.municipality,
        result,
        charts.lines(
            result, ["cost_kr_per_hour", "payment_kr_per_hour"], y_title="kr per jourtimme", x_title="timlön, kr"
        ),
        _curve_finding(result),
    )


def _curve_finding(result) -> str:
    gap = result.frame["cost_kr_per_hour"] - result.frame["payment_kr_per_hour"]
    if (gap > 0).all():
        return "Kostnaden är högre än ersättningen vid alla timlöner i diagrammet."
    if (gap <= 0).all():
        return "Ersättningen täcker kostnaden vid alla timlöner i diagrammet."
    return f"Kostnaden är högre än ersättningen från en timlön på omkring {kronor(gap[gap > 0].index[0])}."


def on_call_hours_chart(book: Book) -> ChartView:
    """Return the on-call hour's cost as a function of the employee's on-call hours a month, in both readings."""
    result = on_call_hours_curve(book.municipality)
    limit = _limit(book)
    last = result.frame.iloc[-1]
    first = result.frame["cost_kr_per_hour"].iloc[0]
    return ChartView(
        book.municipality,
        result,
        charts.lines(
            result,
            ["cost_kr_per_hour", "cost_alternative_kr_per_hour", "payment_kr_per_hour"],
            y_title="kr per jourtimme",
            x_title="jourtimmar per medarbetare och månad",
        ),
        f"Över {number(limit)} timmar i månaden stiger kostnaden, från {kronor(first, 2)} till "
        f"{kronor(last['cost_kr_per_hour'], 2)} i snitt per timme vid {number(result.frame.index[-1])} timmar "
        f"({kronor(last['cost_alternative_kr_per_hour'], 2)} med den andra läsningen av avtalet).",
    )


def _limit(book: Book) -> float:
    return float(rows(book.municipality, "villkor", villkor="jour_grans")["varde"].iloc[0])


def rota_text(book: Book) -> Prose:
    """Return how many employees a rota needs, against what the investigation gives."""
    municipality = book.municipality
    frame = rota_size(municipality).frame
    needed = int(frame["needed_employees"].iloc[0])
    stated = int(rows(municipality, "villkor", villkor="jour_minsta_bemanning")["varde"].iloc[0])
    night = municipality.assumptions["jourtimmar_per_natt"].value
    longest = frame.loc[stated, "longest_night_hours"]
    agreement = "lika många som" if needed == stated else "fler än" if needed > stated else "färre än"
    hours_word = "timmes" if night == 1 else "timmars"
    return prose(
        f"Med {written(night)} {hours_word} jour varje natt behövs {number(needed)} medarbetare för att ingen ska "
        f"passera {number(_limit(book))} timmar i månaden, {agreement} underlaget anger. {number(stated)} "
        f"medarbetare räcker till {number(longest, 1)} timmars jour per natt."
    )


def rota_table(book: Book) -> TableView:
    """Return on-call hours per employee by the number on the rota."""
    return TableView(book.municipality, rota_size(book.municipality))


def short_visits_sentence(book: Book) -> str:
    """Return from which length of visit the schablonbelopp covers the cost."""
    frame = short_visits(book.municipality).frame
    covered = frame[frame["gap_kr_per_hour"] <= 0]
    shortest = frame.iloc[0]
    start = (
        f"En insats på {number(frame.index[0])} minuter kostar {kronor(shortest['cost_kr_per_hour'])} per utförd "
        f"timme, mot schablonbeloppets {kronor(shortest['schablon_kr_per_hour'], 2)}."
    )
    if covered.empty:
        return start + " Schablonbeloppet räcker inte till för någon av insatserna."
    if len(covered) == len(frame):
        return start + " Schablonbeloppet räcker till för alla insatserna."
    return start + f" Först vid {number(covered.index[0])} minuter räcker schablonbeloppet till lön och resor."


def short_visits_table(book: Book) -> TableView:
    """Return cost per performed hour by length of visit."""
    return TableView(book.municipality, short_visits(book.municipality))


def short_visits_chart(book: Book) -> ChartView:
    """Return cost per performed hour by length of visit, beside the schablonbelopp."""
    result = short_visits(book.municipality)
    return ChartView(
        book.municipality,
        result,
        charts.lines(
            result,
            ["cost_kr_per_hour", "schablon_kr_per_hour"],
            y_title="kr per utförd timme",
            x_title="insatsens längd, minuter",
        ),
        short_visits_sentence(book),
    )


def surplus_text(book: Book) -> Prose:
    """Return what surplus staff adds to each performed hour, and what a notice month costs."""
    municipality = book.municipality
    share = municipality.assumptions["overtalig_andel"].value * 100
    by_share = surplus_staff(municipality).frame["cost_kr_per_performed_hour"]
    cost = by_share.loc[min(by_share.index, key=lambda value: abs(value - share))]
    notice = notice_month(municipality).frame.iloc[0]
    return prose(
        f"Om {percent(share, 0 if share == int(share) else 1)} av den betalda tiden saknar brukare blir varje utförd "
        f"timme {kronor(cost, 2)} dyrare. När ett uppdrag upphör kostar uppsägningstiden "
        f"{kronor(notice['cost_kr'])} för {number(notice['hours'])} timmar."
    )


def surplus_table(book: Book) -> TableView:
    """Return the cost per performed hour by share of surplus time."""
    return TableView(book.municipality, surplus_staff(book.municipality))


def notice_table(book: Book) -> TableView:
    """Return what the notice period costs an ended assignment."""
    return TableView(book.municipality, notice_month(book.municipality))


def terms_text(book: Book) -> Prose:
    """Return the terms of employment that the examples rest on, with units."""
    table = rows(book.municipality, "villkor")
    norms = [
        number(value, 0 if value == int(value) else 2)
        for value in table[table["villkor"].isin(FULL_TIME_NORMS)]["varde"]
    ]
    private = table[table["villkor"] == "heltidsmatt_privat"]["varde"]
    if not norms or private.empty:
        return prose()
    return prose(
        f"Kommunens heltidsmått är {listed(norms)} timmar i veckan, beroende på när arbetstiden ligger. Privata "
        f"utförare använder oftast {number(private.iloc[0])} timmar."
    )
