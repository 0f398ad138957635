"""Users, hours, hours per user, and the flow in and out."""

from __future__ import annotations

import pandas as pd

from analysis.measures.economy import PART_NAMES, yearly_change
from analysis.measures.result import Draft, MissingData, Quantity, measure, ratio, rows
from analysis.sources.municipality import Municipality

USERS = Quantity("utfall_antal", "Brukare", "antal")
HOURS = Quantity("utfall_timmar", "Utförda timmar", "timmar")
HOURS_PER_USER = Quantity("timmar_per_brukare_manad", "Timmar per brukare och månad", "timmar_per_manad")


@measure("Brukare i snitt per månad")
def users(municipality: Municipality, part: str) -> Draft:
    """Return users, mean per month, with budget and deviation where there is a budget.

    Units: persons (mean of the year's months). Index: ar, one row a year.
    Formula: snitt av årets månader; där budget finns: avvikelse = budgeterat antal − antal i utfallet
    Method (sv): Antalet är ett snitt av årets månader. Finns en budget betyder en negativ avvikelse fler brukare än
        budgeterat.
    Raises: MissingData where the municipality has no users for the part.
    Source: the municipality's table `brukare`.
    """
    used = rows(municipality, "brukare", verksamhet=part)
    frame = used.set_index("ar")[["budget_antal", "utfall_antal"]].sort_index()
    quantities = (USERS,)
    if frame["budget_antal"].notna().any():
        frame["avvikelse_antal"] = frame["budget_antal"] - frame["utfall_antal"]
        quantities = (
            Quantity("budget_antal", "Budgeterat antal", "antal"),
            USERS,
            Quantity("avvikelse_antal", "Avvikelse", "antal", signed=True),
        )
    return Draft(frame, quantities, (used,), title=f"Brukare i snitt per månad, {PART_NAMES[part]}", key=part)


@measure("Assistanstimmar på ett år")
def hours(municipality: Municipality, part: str = "lss") -> Draft:
    """Return performed hours a year, with budget and deviation where there is a budget.

    Units: hours a year. Index: ar, one row a year.
    Formula: ökning = timmar / timmar året före − 1; avvikelse = budgeterade timmar − utförda timmar
    Method (sv): Timmarna är utförda timmar på helåret. En negativ avvikelse betyder fler timmar än budgeterat.
    Raises: MissingData where the municipality has no hours for the part.
    Source: the municipality's table `timmar`.
    """
    used = rows(municipality, "timmar", verksamhet=part)
    frame = used.set_index("ar")[["budget_timmar", "utfall_timmar"]].sort_index()
    frame["okning_procent"] = yearly_change(frame["utfall_timmar"])["forandring_procent"].reindex(frame.index)
    growth = Quantity("okning_procent", "Ökning från året före", "procent", signed=True)
    quantities = (HOURS, growth)
    if frame["budget_timmar"].notna().any():
        frame["avvikelse_timmar"] = frame["budget_timmar"] - frame["utfall_timmar"]
        quantities = (
            Quantity("budget_timmar", "Budgeterade timmar", "timmar"),
            HOURS,
            growth,
            Quantity("avvikelse_timmar", "Avvikelse", "timmar", signed=True),
        )
    return Draft(frame, quantities, (used,), title=f"Assistanstimmar på ett år, {PART_NAMES[part]}", key=part)


@measure("Timmar per brukare och månad")
def hours_per_user(municipality: Municipality, part: str = "lss") -> Draft:
    """Return users, hours and hours per user and month, for the years that have both.

    Units: persons, hours a year, hours a month. Index: ar. No value where there were no users.
    Formula: timmar per brukare och månad = utförda timmar / (brukare i snitt per månad × 12)
    Method (sv): Årets timmar delas med antalet brukare i snitt och med årets tolv månader.
    Raises: MissingData where users and hours share no year.
    Source: the municipality's tables `brukare` and `timmar`.
    """
    people, time = rows(municipality, "brukare", verksamhet=part), rows(municipality, "timmar", verksamhet=part)
    frame = pd.concat(
        [people.set_index("ar")["utfall_antal"], time.set_index("ar")["utfall_timmar"]], axis=1, join="inner"
    ).sort_index()
    if frame.empty:
        raise MissingData(f"{municipality.slug}: brukare och timmar har inget år gemensamt")
    frame["timmar_per_brukare_manad"] = ratio(frame["utfall_timmar"], frame["utfall_antal"] * 12)
    return Draft(
        frame, (USERS, HOURS, HOURS_PER_USER), (people, time), title=f"Brukare och timmar, {PART_NAMES[part]}", key=part
    )


@measure("In- och utflöde, assistansersättning enligt SFB")
def flows(municipality: Municipality, group: str = "alla") -> Draft:
    """Return those who came from LSS, all new, ended, and the net inflow, for all or for children.

    Units: persons. Index: ar, one row a year.
    Formula: nettoinflöde = nya − avslutade
    Method (sv): Nya räknas inklusive dem som gick över från LSS till SFB.
    Raises: MissingData where the municipality has no flows for the group.
    Source: the municipality's table `floden`.
    """
    used = rows(municipality, "floden", grupp=group)
    frame = used.set_index("ar")[["fran_lss_antal", "nya_antal", "avslutade_antal"]].astype("float64").sort_index()
    frame["nettoinflode_antal"] = frame["nya_antal"] - frame["avslutade_antal"]
    quantities = [
        Quantity("fran_lss_antal", "Från LSS till SFB", "antal"),
        Quantity("nya_antal", "Nya totalt", "antal"),
        Quantity("avslutade_antal", "Avslutade", "antal"),
        Quantity("nettoinflode_antal", "Nettoinflöde", "antal", signed=True),
    ]
    if frame["fran_lss_antal"].isna().all():
        quantities = quantities[1:]
    title = "In- och utflöde, SFB, " + ("alla" if group == "alla" else "varav barn")
    return Draft(frame, tuple(quantities), (used,), title=title, key=group)
