"""The few measures that municipalities share, each with the basis that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.measures.choice import choice_by_year, local_choice
from analysis.measures.economy import budget_outcome
from analysis.measures.memo import once
from analysis.measures.own_provision import own_accounts, own_hour, own_hours_per_user
from analysis.measures.result import Draft, MissingData, Quantity, measure, national_rows, rows
from analysis.measures.scenario import OWN, PRINTED, form_inputs, stated_hours
from analysis.measures.schablon import days_in_year, lss_model
from analysis.measures.volumes import hours_per_user
from analysis.sources.municipality import Municipality

SHARED = (
    Quantity("kostnad_kr_per_timme", "Kostnad per timme", "kr_per_timme", 0),
    Quantity("timmar_per_brukare_vecka", "Timmar per brukare och vecka", "timmar", 1),
    Quantity("andel_kommunen_procent", "Andel som kommunen utför", "procent", 0),
    Quantity("kostnad_kr_per_inv", "Kostnad per invånare", "kr_per_inv", 0, as_given=True),
    Quantity("budgetavvikelse_mnkr", "Budgetavvikelse", "mnkr", 1, signed=True),
)


@dataclass(frozen=True)
class SharedFigure:
    """One shared measure of one municipality: its value, when it holds, what it rests on and the rows used."""

    value: float
    when: str
    basis: str
    used: tuple


@once(dict)
def shared_figures(municipality: Municipality) -> dict[str, SharedFigure]:
    """Return the shared measures that the municipality's data give, by name; those that they do not are left out."""
    found = {}
    for name, ways in _WAYS.items():
        for way in ways:
            try:
                found[name] = way(municipality)
            except MissingData:
                continue
            break
    return found


@measure("Kommunerna sida vid sida")
def side_by_side(municipalities: Sequence[Municipality]) -> Draft:
    """Return the shared measures of several municipalities.

    Units: as each column says. Index: kommun (text), one row a municipality, in the order given; a value is missing
    where the municipality's data do not give it.
    Formula: kostnad per timme = kostnad / timmar; timmar per brukare och vecka = timmar / (brukare × årets dagar / 7);
        andel = brukare med kommunen som utförare / alla brukare; budgetavvikelse = budget − nettokostnad
    Method (sv): Varje kommun får de mått som dess underlag räcker till, för det senaste året. Underlagen skiljer sig:
        en del gäller bara den egna utföraren, andra alla utförare. Vad varje tal bygger på står bredvid.
    Raises: MissingData where no municipality has any of the measures.
    Source: the municipalities' own tables, and data/nationellt/kostnad_per_invanare.csv.
    """
    lines, used = {}, []
    for municipality in municipalities:
        figures = shared_figures(municipality)
        lines[municipality.name] = {name: figure.value for name, figure in figures.items()}
        used += [item for figure in figures.values() for item in figure.used]
    frame = pd.DataFrame.from_dict(lines, orient="index", columns=[quantity.name for quantity in SHARED], dtype=float)
    if frame.isna().all(axis=None):
        raise MissingData("ingen av kommunerna har något av måtten")
    kept = tuple(quantity for quantity in SHARED if frame[quantity.name].notna().any())
    return Draft(frame.rename_axis("kommun"), kept, tuple(used))


def _own_cost_per_hour(municipality):
    cost = own_hour(municipality).frame["kostnad_kr_per_timme"].dropna()
    year = _last(municipality, cost)
    return SharedFigure(
        float(cost[year]),
        str(year),
        "den egna utförarens alla kostnader, utförda timmar",
        (rows(municipality, "konton", slag="kostnad", ar=year), rows(municipality, "egen_regi", ar=year)),
    )


def _stated_cost_per_hour(municipality):
    own = form_inputs(municipality, PRINTED, OWN)
    used = rows(municipality, "scenario", indata="kostnad_kr_per_timme")
    return SharedFigure(own.cost, str(own.year), "den egna utföraren, enligt utredningen", (used,))


def _decided_cost_per_hour(municipality):
    result = lss_model(municipality)
    cost = result.frame["kostnad_kr_per_timme"].dropna()
    year = _last(municipality, cost)
    used = rows(municipality, "ekonomi", verksamhet="lss"), rows(municipality, "timmar", verksamhet="lss")
    return SharedFigure(
        float(cost[year]),
        str(year),
        "assistans enligt LSS, alla utförare, nettokostnad",
        tuple(table[table["ar"] == year] for table in used),
    )


def _own_hours_per_week(municipality):
    weekly = own_hours_per_user(municipality).frame["vecka_alla"].dropna()
    year = _last(municipality, weekly)
    used = rows(municipality, "egen_regi", ar=year)
    return SharedFigure(float(weekly[year]), str(year), "den egna utföraren, brukare räknade en gång om året", (used,))


def _stated_hours_per_week(municipality):
    own = form_inputs(municipality, PRINTED, OWN)
    if not own.users > 0:
        raise MissingData(f"{municipality.slug}: scenario saknar brukare")
    hours, people = stated_hours(municipality), rows(municipality, "scenario", indata="brukare_antal")
    origin = "härledda ur" if "harledd" in set(hours["status"]) else "enligt"
    value = own.hours / own.users / days_in_year(own.year) * 7
    return SharedFigure(value, str(own.year), f"den egna utföraren, timmar {origin} utredningen", (hours, people))


def _decided_hours_per_week(municipality):
    monthly = hours_per_user(municipality).frame["timmar_per_brukare_manad"].dropna()
    year = _last(municipality, monthly)
    used = rows(municipality, "brukare", verksamhet="lss"), rows(municipality, "timmar", verksamhet="lss")
    return SharedFigure(
        float(monthly[year] * 12 / days_in_year(year) * 7),
        str(year),
        "assistans enligt LSS, alla utförare",
        tuple(table[table["ar"] == year] for table in used),
    )


def _counted_share(municipality):
    shares = local_choice(municipality).frame["kommunen_procent"].dropna()
    if shares.empty:
        raise MissingData(f"{municipality.slug}: val_av_utforare saknar antal")
    when, law = shares.index[-1].split()
    whom = {"alla": "alla som underlaget räknar", "sfb": "alla med assistansersättning", "lss": "alla enligt LSS"}
    return SharedFigure(
        float(shares.iloc[-1]), when, whom[law], (rows(municipality, "val_av_utforare", tidpunkt=when, lag=law),)
    )


def _mean_share(municipality):
    shares = choice_by_year(municipality).frame["kommunen_procent"].dropna()
    year = _last(municipality, shares)
    used = rows(municipality, "brukare", ar=year)
    return SharedFigure(float(shares[year]), str(year), "brukare i snitt per månad, SFB och LSS", (used,))


def _cost_per_inhabitant(municipality):
    used = national_rows(municipality, "kostnad_per_invanare", omrade=municipality.area)
    row = used.sort_values("ar").tail(1)
    return SharedFigure(
        float(row["kostnad_kr_per_inv"].iloc[0]), str(row["ar"].iloc[0]), "alla utförare, Koladas nyckeltal", (row,)
    )


def _booked_deviation(municipality):
    deviation = budget_outcome(municipality).frame["budgetavvikelse_tkr"].dropna()
    year = _last(municipality, deviation)
    used = rows(municipality, "ekonomi", ar=year)
    return SharedFigure(float(deviation[year] / 1000), str(year), "hela insatsen", (used,))


def _own_deviation(municipality):
    accounts = own_accounts(municipality).frame
    granted = "avvikelse_tkr" in accounts
    deviation = accounts["avvikelse_tkr" if granted else "resultat_tkr"].dropna()
    year = _last(municipality, deviation)
    used = [rows(municipality, "konton", ar=year)]
    if granted and accounts.loc[year, "tillskott_tkr"]:
        used.append(rows(municipality, "tillskott", ar=year))
    basis = "den egna utföraren, med anslag" if granted else "den egna utföraren"
    return SharedFigure(float(deviation[year] / 1000), str(year), basis, tuple(used))


def _last(municipality, series) -> int:
    if series.empty:
        raise MissingData(f"{municipality.slug}: inget år")
    return int(series.index.max())


_WAYS = {
    "kostnad_kr_per_timme": (_own_cost_per_hour, _stated_cost_per_hour, _decided_cost_per_hour),
    "timmar_per_brukare_vecka": (_own_hours_per_week, _stated_hours_per_week, _decided_hours_per_week),
    "andel_kommunen_procent": (_counted_share, _mean_share),
    "kostnad_kr_per_inv": (_cost_per_inhabitant,),
    "budgetavvikelse_mnkr": (_booked_deviation, _own_deviation),
}
