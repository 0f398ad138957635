"""The municipal provider: accounts, volumes, cost of an hour, and how the assistance is organised."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import pandas as pd

from analysis.measures.dates import dated
from analysis.measures.economy import change_between, yearly_change
from analysis.measures.forms import swedish_order
from analysis.measures.own_provision import (
    EVERY_LAW,
    FULL_TIME,
    FULL_TIME_PER_USER,
    LAW_NAMES,
    STAFF_PER_FULL_TIME,
    STAFF_PER_USER,
    USERS_PER_MANAGER,
    USERS_PER_UNIT,
    organisation_ratios,
    own_accounts,
    own_cost_decomposition,
    own_cost_shares,
    own_hour,
    own_hours_per_user,
    own_on_call,
    own_revenue_per_hour,
    own_volumes,
)
from analysis.measures.result import MissingData, Result
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import capitalised, change_sentence, count_word, listed, moved, which_years
from analysis.present.numbers import kronor, mnkr, number, percent, rounded, tkr
from analysis.present.pages.costs import amount, biggest_step
from analysis.present.views import (
    STATUS_WORDS,
    ChartView,
    Markup,
    Prose,
    TableView,
    TextCell,
    bullets,
    grouped_table,
    prose,
)

# With fewer users than this a mean is much the matter of one of them.
FEW_USERS = 10


def _where_known(otherwise: str = "", what: str = "") -> Callable:
    """Return a decorator: what a page shows where the measure behind it lacks its rows is a sentence, or nothing.

    `what` begins the sentence where the rows are there, but are not shown.
    """

    def decorate(function):
        @functools.wraps(function)
        def wrapped(book: Book):
            try:
                return function(book)
            except MissingData:
                return prose(book.absent(otherwise, what, function) if what else otherwise)

        return wrapped

    return decorate


def _lower(text: str) -> str:
    """Return the text with a small first letter, unless it begins with an abbreviation."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


# --- Revenue, cost and result ----------------------------------------------------------------------


def accounts_text(book: Book) -> Prose:
    """Return how cost and revenue moved, and in which years the revenue did not cover the cost."""
    frame = own_accounts(book.municipality).frame
    return prose(
        change_sentence("den samlade kostnaden", frame["kostnader_tkr"], mnkr),
        biggest_step(frame["kostnader_tkr"]),
        change_sentence("den samlade intäkten", frame["intakter_tkr"], mnkr),
        result_sentence(frame["resultat_tkr"]),
    )


def result_sentence(result: pd.Series) -> str:
    """Return in which years the revenue did not cover the cost, with the largest and the smallest deficit."""
    result = result.dropna()
    if result.empty:
        return "Underlaget har inte både intäkter och kostnader för något år."
    years = list(result.index)
    over = [year for year in years if rounded(result[year]) < 0]
    if not over:
        return f"Intäkterna täckte kostnaderna {which_years(years, years)}."
    start = f"Kostnaderna var högre än intäkterna {which_years(over, years)}."
    worst, least = result[over].idxmin(), result[over].idxmax()
    if len(over) == 1:
        return f"{start} Underskottet var {amount(-result[worst])}."
    if amount(-result[worst]) == amount(-result[least]):
        return f"{start} Underskottet var {amount(-result[worst])} vart och ett av åren."
    return (
        f"{start} Det största underskottet var {amount(-result[worst])}, {worst}, och det minsta "
        f"{amount(-result[least])}, {least}."
    )


def grants_text(book: Book) -> Prose:
    """Return what the municipality granted the provider beyond the payment for hours, and what it did to the result."""
    frame = own_accounts(book.municipality).frame
    grants = book.municipality.tables["tillskott"]
    sentences = []
    for year in (year for year in frame.index if frame.loc[year, "tillskott_tkr"] > 0):
        own = grants[grants["ar"] == year]
        purposes = [f"{_lower(row.beskrivning)} ({amount(row.belopp_tkr)})" for row in own.itertuples()]
        sentences.append(f"Utföraren fick {amount(frame.loc[year, 'tillskott_tkr'])} i anslag {year}.")
        sentences.append(f"{'Ändamålet' if len(own) == 1 else 'Ändamålen'} var {listed(purposes)}.")
        before, after = frame.loc[year, "resultat_tkr"], frame.loc[year, "avvikelse_tkr"]
        if before == before:
            sentences.append(f"Med anslag blev budgetavvikelsen {tkr(after)}, utan dem {tkr(before)}.")
    return prose(*sentences) if sentences else prose("Utföraren fick inga anslag de år som underlaget gäller.")


def accounts_table(book: Book) -> TableView:
    """Return the accounts with sums, result and deviation."""
    return TableView(book.municipality, own_accounts(book.municipality), change=True)


def result_chart(book: Book) -> ChartView | Prose:
    """Return the result, and beside it the deviation with grants where there are any."""
    result = own_accounts(book.municipality)
    columns = [name for name in ("resultat_tkr", "avvikelse_tkr") if name in result.frame]
    if result.frame["resultat_tkr"].isna().all():
        return prose()
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, columns, height=130),
        result_sentence(result.frame["resultat_tkr"]),
        id="own_accounts-resultat",
        title="Resultat" + (" och budgetavvikelse med anslag" if len(columns) > 1 else ""),
        table=False,
    )


@_where_known("Underlaget har inga kostnader.")
def shares_text(book: Book) -> Prose:
    """Return the largest cost account's share in the last year, and in the first."""
    result = own_cost_shares(book.municipality)
    last = result.frame.index[-1]
    known = result.frame.loc[last].dropna()
    if known.empty:
        return prose(f"Kostnaderna {last} är noll.")
    largest = known.idxmax()
    name = result.quantity(largest).label.split(" ", 1)[1]
    sentence = f"Den största posten är {_lower(name)}, {percent(known[largest], 1)} av kostnaderna {last}"
    share = result.frame[largest].dropna()
    if len(share) > 1:
        sentence += f", mot {percent(share.iloc[0], 1)} {share.index[0]}"
    return prose(sentence + ".")


@_where_known()
def shares_table(book: Book) -> TableView:
    """Return each cost account's share of the costs."""
    return TableView(book.municipality, own_cost_shares(book.municipality))


# --- Hours and users -------------------------------------------------------------------------------


def volumes_text(book: Book) -> Prose:
    """Return how hours and users moved, together and by law, and when the users were counted."""
    frame = own_volumes(book.municipality).frame
    sentences = [change_sentence("antalet utförda timmar", frame[f"timmar_{EVERY_LAW}"], number, neuter=True)]
    for law in (law for law in LAW_NAMES if f"timmar_{law}" in frame):
        hours = frame[f"timmar_{law}"].dropna()
        if len(hours) > 1:
            change, share = change_between(hours)
            how = f"{moved(change)} med {_in_percent(share, change)}" if change else "var oförändrade"
            sentences.append(f"Timmarna {LAW_NAMES[law]} {how}.")
    if f"brukare_{EVERY_LAW}" in frame:
        sentences.append(change_sentence("antalet brukare", frame[f"brukare_{EVERY_LAW}"], number, neuter=True))
        sentences.append(_when_counted(book))
    return prose(*sentences)


def _in_percent(share: float, change: float) -> str:
    """Return a change in percent, or as a number where it began at zero."""
    return percent(abs(share)) if share == share else number(abs(change))


def _when_counted(book: Book) -> str:
    told = book.municipality.tables["egen_regi"]["brukare_tidpunkt"].dropna()
    times = sorted({time for time in told if time})
    if not times:
        return ""
    months = {dated(time).rsplit(" ", 1)[0] for time in times if "-" in time}
    every_year = len(times) > 1 and len(months) == 1 and all("-" in time for time in times)
    when = f"i {months.pop()} varje år" if every_year else f"vid dessa tillfällen: {listed(map(dated, times))}"
    return f"Brukarna är räknade {when if len(times) > 1 else f'i {dated(times[0])}'}, timmarna under hela året."


def volumes_chart(book: Book) -> ChartView:
    """Return performed hours, one panel a law and one for the sum, on one scale."""
    result = own_volumes(book.municipality)
    columns = [name for name in result.frame.columns if name.startswith("timmar_") and result.frame[name].notna().any()]
    finding = change_sentence("antalet utförda timmar", result.frame[columns[-1]], number, neuter=True)
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, columns, height=90),
        finding,
        id="own_volumes-timmar",
        title="Utförda timmar hos den kommunala utföraren",
        table=False,
    )


def volumes_table(book: Book) -> TableView:
    """Return hours and users by law with their change."""
    return TableView(book.municipality, own_volumes(book.municipality), change=True)


@_where_known(
    "Underlaget har inget år med både timmar och brukare, så timmarna per brukare går inte att räkna ut.",
    "Timmarna per brukare",
)
def hours_per_user_text(book: Book) -> Prose:
    """Return how the hours per user moved, together and by law, and where the users are few."""
    frame = own_hours_per_user(book.municipality).frame
    volumes = own_volumes(book.municipality).frame
    every = frame[f"vecka_{EVERY_LAW}"]
    sentences = [change_sentence("antalet timmar per brukare och vecka", every, _one_decimal, neuter=True)]
    for law in (law for law in LAW_NAMES if f"vecka_{law}" in frame):
        sentences.append(_by_law(law, frame[f"vecka_{law}"].dropna()))
        users = volumes.loc[frame.index, f"brukare_{law}"].dropna()
        if len(users) and users.min() < FEW_USERS:
            low, high = number(users.min()), number(users.max())
            count = low if low == high else f"mellan {low} och {high}"
            sentences.append(f"De brukarna är få, {count}, och var och en påverkar snittet mycket.")
    return prose(*sentences)


def _one_decimal(value: float) -> str:
    return number(value, 1)


def _by_law(law: str, series: pd.Series) -> str:
    """Return what the hours per user and week of one law did, from the first year to the last."""
    if series.empty:
        return ""
    first, last = _one_decimal(series.iloc[0]), _one_decimal(series.iloc[-1])
    name = capitalised(LAW_NAMES[law])
    if len(series) == 1:
        return f"{name} var det {last} ({series.index[0]})."
    if first == last:
        return f"{name} var det {last} både {series.index[0]} och {series.index[-1]}."
    change, share = change_between(series)
    return f"{name} {moved(change)} det med {percent(abs(share))}, från {first} till {last}."


@_where_known()
def hours_per_user_table(book: Book) -> TableView:
    """Return hours per user, a week and a month, by law and together."""
    return TableView(book.municipality, own_hours_per_user(book.municipality), change=True)


# --- What an hour costs ----------------------------------------------------------------------------

_NO_HOUR = "Underlaget har inget år med både konton och utförda timmar, så kostnaden per timme går inte att räkna ut."


def _with_ore(value: float) -> str:
    return kronor(value, 2)


@_where_known(_NO_HOUR)
def hour_text(book: Book) -> Prose:
    """Return how cost and revenue per hour moved, the largest step, and the result of an hour."""
    frame = own_hour(book.municipality).frame
    return prose(
        change_sentence("kostnaden per utförd timme", frame["kostnad_kr_per_timme"], _with_ore),
        _largest_step(frame),
        change_sentence("intäkten per utförd timme", frame["intakt_kr_per_timme"], _with_ore),
        _hour_result(frame),
    )


def _largest_step(frame: pd.DataFrame) -> str:
    steps = yearly_change(frame["kostnad_kr_per_timme"])
    if len(steps) < 2 or steps["forandring"].max() <= 0:
        return ""
    year = steps["forandring"].idxmax()
    step = steps.loc[year]
    sentence = (
        f"Den största ökningen var {_with_ore(step['forandring'])} ({percent(step['forandring_procent'])}), från "
        f"{int(step['fran_ar'])} till {year}"
    )
    amounts = frame["schablonbelopp_kr_per_timme"]
    before, after = amounts[int(step["fran_ar"])], amounts[year]
    if not (before == before and after == after):
        return sentence + "."
    change = (after / before - 1) * 100
    how = f"{'höjdes' if change > 0 else 'sänktes'} med {percent(abs(change), 1)}" if change else "var oförändrat"
    return f"{sentence}. Schablonbeloppet {how} mellan de åren."


def _hour_result(frame: pd.DataFrame) -> str:
    result = frame["resultat_kr_per_timme"].dropna()
    if result.empty:
        return ""
    year, value = result.index[-1], result.iloc[-1]
    if number(value, 2) == number(0, 2):
        return f"{year} gick intäkter och kostnader per timme jämnt upp."
    kind = "underskott" if value < 0 else "överskott"
    return f"{year} gav varje utförd timme i snitt ett {kind} på {_with_ore(abs(value))}."


def schablon_sentence(frame: pd.DataFrame) -> str:
    """Return in which years an hour cost more than the schablonbelopp, and by how much in the last."""
    gap = frame["over_schablon_kr_per_timme"].dropna()
    if gap.empty:
        return "Schablonbeloppet är inte känt för de åren."
    years = list(gap.index)
    over = [year for year in years if gap[year] > 0]
    last = years[-1]
    size = f"{_with_ore(abs(gap[last]))} ({percent(abs(frame.loc[last, 'over_schablon_procent']))})"
    side = "mer" if gap[last] > 0 else "mindre"
    end = f"{last} var skillnaden {size}{'' if over == years else f' {side} än beloppet'}."
    if not over:
        which = str(last) if len(years) == 1 else "något av åren"
        return f"En timme kostade inte mer än schablonbeloppet {which}. {end}"
    return f"En timme kostade mer än schablonbeloppet {which_years(over, years)}. {end}"


@_where_known()
def hour_chart(book: Book) -> ChartView:
    """Return cost and revenue per hour against the schablonbelopp."""
    result = own_hour(book.municipality)
    columns = [
        name
        for name in ("kostnad_kr_per_timme", "intakt_kr_per_timme", "schablonbelopp_kr_per_timme")
        if result.frame[name].notna().any()
    ]
    return ChartView(
        book.municipality,
        result,
        charts.lines(result, columns, y_title="kr per utförd timme"),
        schablon_sentence(result.frame),
        id="own_hour-diagram",
        title="Kostnad och intäkt per utförd timme mot schablonbeloppet",
        table=False,
    )


@_where_known()
def hour_table(book: Book) -> TableView:
    """Return hours, cost, revenue and result per hour, and the schablonbelopp."""
    return TableView(book.municipality, own_hour(book.municipality), change=True)


@_where_known("Underlaget har inget år med både intäkter och utförda timmar.")
def revenue_text(book: Book) -> Prose:
    """Return what of the revenue cannot be payment for the performed hours alone."""
    result = own_revenue_per_hour(book.municipality)
    frame = result.frame
    accounts = [name for name in frame.columns if name.startswith("intakt_")]
    total, highest = frame["intakter_kr_per_timme"], frame["hogsta_kr_per_timme"]
    known = [year for year in frame.index if highest[year] == highest[year]]
    if not known:
        return prose("Den högsta ersättning som staten kan betala för en timme är inte känd för de åren.")
    above = [year for year in known if total[year] > highest[year]]
    last = known[-1]
    sentences = [
        f"Staten kan betala mer än schablonbeloppet för en timme, men {last} högst {_with_ore(highest[last])}."
    ]
    if above:
        sentences.append(
            f"Utförarens alla intäkter, delade med de utförda timmarna, var högre än det högsta beloppet "
            f"{which_years(above, known)}. Allt kan alltså inte vara assistansersättning för de timmarna."
        )
    else:
        sentences.append("Utförarens intäkter per utförd timme höll sig inom det högsta beloppet.")
    sentences += [_too_much(result, account, known) for account in accounts]
    return prose(*sentences)


def _too_much(result: Result, account: str, known: list[int]) -> str:
    """Return in which years an account alone gave more per hour than the state can pay, and what it could mean."""
    frame, highest = result.frame, result.frame["hogsta_kr_per_timme"]
    years = [year for year in known if frame.loc[year, account] > highest[year]]
    if not years:
        return ""
    name, last = result.quantity(account).label.split(" ", 1)[1], years[-1]
    size = f"{_with_ore(frame.loc[last, account])} per timme mot högst {_with_ore(highest[last])}"
    return (
        f"{capitalised(which_years(years, known))} gav kontot {name} ensamt mer än så, "
        f"{size if len(years) == 1 else f'{last} {size}'}. Antingen innehåller kontot annat än ersättning för årets "
        "timmar, eller så är timmarna för få. Vilket det är framgår inte av underlaget, och kostnaden per timme är "
        "osäker av samma skäl."
    )


@_where_known()
def revenue_table(book: Book) -> TableView:
    """Return each revenue account per performed hour."""
    return TableView(book.municipality, own_revenue_per_hour(book.municipality))


@_where_known(
    "Underlaget har färre än två år med både kostnader och utförda timmar, så förändringen går inte att dela upp."
)
def decomposition_text(book: Book) -> Prose:
    """Return, for each step between two years, what hours and cost per hour did to the cost."""
    frame = own_cost_decomposition(book.municipality).frame
    lines = []
    for year, row in frame.iterrows():
        both = row["samverkan_tkr"]
        together = f" Att båda ändrades samtidigt {_did(both)}." if both else ""
        lines.append(
            f"{int(row['fran_ar'])}–{year} {_cost_moved(row['forandring_tkr'])}. {_hours_did(row['timmar_tkr'])}, och "
            f"{_price_did(row['pris_tkr'])}.{together}"
        )
    return bullets(lines)


def _cost_moved(change: float) -> str:
    return f"{moved(change)} kostnaden med {amount(abs(change))}" if change else "var kostnaden oförändrad"


def _hours_did(effect: float) -> str:
    return f"{'Fler' if effect > 0 else 'Färre'} timmar {_did(effect)}" if effect else "Timmarna var lika många"


def _price_did(effect: float) -> str:
    if not effect:
        return "kostnaden per timme var densamma"
    return f"en {'högre' if effect > 0 else 'lägre'} kostnad per timme {_did(effect)}"


def _did(effect: float) -> str:
    return f"{'höjde' if effect > 0 else 'sänkte'} den med {amount(abs(effect))}"


def decomposition_sentence(frame: pd.DataFrame) -> str:
    """Return the whole change, and what the changes in hours and in cost per hour did to it over the years."""
    total, hours, price = (frame[name].sum() for name in ("forandring_tkr", "timmar_tkr", "pris_tkr"))
    factors = (("ändrade timmar", hours), ("ändrad kostnad per timme", price))
    parts = [f"{name} {_did(effect)}" for name, effect in factors if effect]
    start = f"Mellan {int(frame['fran_ar'].iloc[0])} och {frame.index[-1]} {_cost_moved(total)}."
    both = frame["samverkan_tkr"].sum()
    together = f" Att båda ändrades samtidigt {_did(both)}." if both else ""
    return f"{start} {capitalised(' och '.join(parts))}.{together}" if parts else start


@_where_known()
def decomposition_chart(book: Book) -> ChartView:
    """Return the effects of hours and cost per hour, and the whole change, on one scale."""
    result = own_cost_decomposition(book.municipality)
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, ["timmar_tkr", "pris_tkr", "samverkan_tkr", "forandring_tkr"], height=100),
        decomposition_sentence(result.frame),
        id="own_cost_decomposition-diagram",
        table=False,
    )


@_where_known()
def decomposition_table(book: Book) -> TableView:
    """Return the effects, year by year."""
    return TableView(book.municipality, own_cost_decomposition(book.municipality))


@_where_known("Utredningen anger en kostnad, men underlaget har inget resultat för samma år att jämföra den med.")
def on_call_text(book: Book) -> Prose:
    """Return the stated cost of on-call time and double staffing against the deficit."""
    frame = own_on_call(book.municipality).frame
    year, row = frame.index[0], frame.iloc[0]
    start = (
        f"Jour och dubbelbemanning kostade enligt utredningen {amount(row['merkostnad_tkr'])} utöver schablonbeloppet "
        f"{year}."
    )
    per_hour = row.get("merkostnad_kr_per_timme", float("nan"))
    hours = f"Fördelat på alla utförda timmar blir det {_with_ore(per_hour)} per timme." if per_hour == per_hour else ""
    if row["resultat_tkr"] >= 0:
        return prose(start, hours, "Utföraren gick ändå inte med underskott det året.")
    share = (
        f"Merkostnaden motsvarar {percent(row['andel_procent'])} av årets underskott på {amount(-row['resultat_tkr'])}"
    )
    after = row.get("andel_efter_anslag_procent", float("nan"))
    if after == after and row["avvikelse_tkr"] != row["resultat_tkr"]:
        share += f", och {percent(after)} av de {amount(-row['avvikelse_tkr'])} som återstår efter anslagen"
    left = row["utan_merkostnad_tkr"]
    rest = f"Även utan den hade underskottet varit {amount(-left)}." if left < 0 else ""
    return prose(start, hours, f"{share}.", rest)


@_where_known()
def on_call_table(book: Book) -> TableView:
    """Return the stated cost beside result and deviation."""
    return TableView(book.municipality, own_on_call(book.municipality))


# --- How the assistance is organised ---------------------------------------------------------------


def organisation_start(book: Book) -> Prose:
    """Return what the chapter holds: what an investigation states, or the municipality itself where there is none."""
    if book.municipality.document:
        return prose(
            "Kapitlet samlar det som utredningen anger om hur kommunen har ordnat sin assistans. Uppgifterna står "
            "under det avsnitt i utredningen som de är hämtade ur."
        )
    return prose(
        "Kapitlet samlar kommunens uppgifter om hur assistansen är ordnad. De står under den källa som de är hämtade "
        "ur."
    )


def facts_table(book: Book) -> Markup | Prose:
    """Return the stated facts of the municipality's own organisation, under the place that each is from.

    Without an investigation the place is named with its source, since it says little alone.

    A fact that names another municipality is about that one, and is left to the chapter on forms of operation.
    """
    groups = _own_facts(book)
    investigated = bool(book.municipality.document)
    if not groups:
        missing = f"{'Utredningen anger' if investigated else 'Underlaget har'} inga siffror om organisationen."
        what = "Utredningens siffror om organisationen" if investigated else "Siffrorna om organisationen"
        return prose(book.absent(missing, what, _own_facts))
    caption = f"Uppgifter {'ur utredningen' if investigated else 'om organisationen'}"
    return grouped_table(caption, ["Uppgift", "Värde", "Gäller"], list(groups.items()))


def _own_facts(book: Book) -> dict[str, list]:
    facts, document = book.municipality.tables["fakta"], book.municipality.document
    others = set(book.municipality.national["driftformer"]["kommun"]) - {book.municipality.area}
    naming = re.compile(r"\b(" + "|".join(map(re.escape, swedish_order(others))) + r")\b")
    groups: dict[str, list] = {}
    for row in facts.itertuples():
        if others and naming.search(row.beskrivning):
            continue
        when = dated(row.tidpunkt) if row.tidpunkt else "anges inte"
        cells = [TextCell(_fact_value(row), text=True), TextCell(when, text=True)]
        place = row.plats if document else f"{book.municipality.sources[row.kalla].title}: {row.plats}"
        groups.setdefault(place, []).append((row.beskrivning, cells, ""))
    return groups


def _fact_value(row) -> str:
    """Return a fact's value with its unit, and how sure it is where it is not plainly stated."""
    value, unit = row.varde, row.enhet
    whole = value == int(value)
    # A year is no amount: 2021, not 2 021.
    if unit == "år" and whole and len(str(int(value))) == len("2021"):
        text = str(int(value))
    elif unit == "andel":
        text = percent(value * 100)
    else:
        text = number(value, 0 if whole else max(1, len(repr(value).split(".")[1])))
        text += "" if unit == "antal" else f"\u00a0{unit}"
    sure = row.status in ("", "kontrollerad", "andrahand")
    return text if sure else f"{text} ({STATUS_WORDS[row.status]})"


@_where_known("Uppgifterna räcker inte till några nyckeltal.", "Nyckeltalen")
def organisation_text(book: Book) -> Prose:
    """Return what the facts amount to: users per unit and manager, full-time equivalents, staff per user."""
    known = organisation_ratios(book.municipality).frame["varde"].to_dict()
    shown = {name: number(value, 0 if value == int(value) else 1) for name, value in known.items()}
    sentences = []
    if USERS_PER_UNIT in known:
        managers = f" och varje chef {shown[USERS_PER_MANAGER]}" if USERS_PER_MANAGER in known else ""
        sentences.append(f"I snitt har varje enhet {shown[USERS_PER_UNIT]} brukare{managers}.")
    elif USERS_PER_MANAGER in known:
        sentences.append(f"På varje chef går det {shown[USERS_PER_MANAGER]} brukare.")
    if FULL_TIME in known:
        sentences.append(f"Enheterna har tillsammans omkring {shown[FULL_TIME]} årsarbetare.")
        if FULL_TIME_PER_USER in known:
            sentences[-1] = sentences[-1].removesuffix(".") + f", {shown[FULL_TIME_PER_USER]} för varje brukare."
    if known.get(STAFF_PER_FULL_TIME, 0) > 1:
        sentences.append(
            f"På varje årsarbetare går det {shown[STAFF_PER_FULL_TIME]} anställda. En del arbetar alltså deltid."
        )
    if STAFF_PER_USER in known:
        word = count_word(known[STAFF_PER_USER], "anställd", "anställda")
        sentences.append(f"För varje brukare finns i snitt {shown[STAFF_PER_USER]} {word}.")
    return prose(*sentences)


@_where_known()
def organisation_table(book: Book) -> TableView:
    """Return the ratios of users, staff and managers."""
    return TableView(book.municipality, organisation_ratios(book.municipality), index_label="Nyckeltal")
