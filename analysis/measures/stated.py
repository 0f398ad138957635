"""What follows at once from a figure that a document or the law states: other units of time, the highest payment."""

from __future__ import annotations

import pandas as pd

from analysis.measures.result import Draft, Quantity, measure, rows
from analysis.measures.schablon import days_in_year
from analysis.sources.municipality import Municipality

STATED_HOURS = ("timmar", "timmar_per_manad", "timmar_per_vecka")


@measure("Högsta ersättning för en timme")
def highest_payment(municipality: Municipality) -> Draft:
    """Return the schablonbelopp and the most that the state may pay for an hour, year by year.

    Units: kr per hour. Index: ar, the years in which both the amount and the ceiling are known.
    Formula: högsta ersättning = schablonbelopp × högsta ersättning i förhållande till schablonbeloppet
    Method (sv): Taket är det högsta som staten kan betala till den som visar att schablonbeloppet inte räcker, inte
        ett belopp som alla får.
    Raises: nothing beyond what the data check refuses. Source: data/nationellt/parametrar.yml.
    """
    amounts, ceiling = municipality.parameters["schablonbelopp"], municipality.parameters["hojt_belopp_tak"]
    known = [value for value in amounts.values if ceiling.covers(value.start.year)]
    ceilings = [ceiling.in_year(value.start.year) for value in known]
    frame = pd.DataFrame(
        {
            "schablonbelopp_kr_per_timme": [value.value for value in known],
            "hogsta_kr_per_timme": [value.value * top.value for value, top in zip(known, ceilings, strict=True)],
        },
        index=pd.Index([value.start.year for value in known], name="ar"),
    )
    return Draft(
        frame,
        (
            Quantity("schablonbelopp_kr_per_timme", "Schablonbelopp", "kr_per_timme", 2),
            Quantity("hogsta_kr_per_timme", "Högsta ersättning", "kr_per_timme", 2),
        ),
        (*known, *ceilings),
    )


@measure("Timmar i veckan, i månaden och på året")
def stated_hours(municipality: Municipality) -> Draft:
    """Return the hours that the investigation states for a week, a month or a year, each as all three.

    Units: hours. Index: indata, as in the table `scenario`: timmar (a year), timmar_per_manad, timmar_per_vecka.
    Formula: timmar i veckan = timmar på året / (årets dagar / 7); timmar i månaden = timmar på året / 12
    Method (sv): Anger en utredning timmarna på mer än ett sätt ska raderna bli desamma. Årets dagar är de i det år
        som underlaget gäller.
    Raises: MissingData where the investigation states no hours. Source: the municipality's table `scenario`.
    """
    used = rows(municipality, "scenario")
    hours = used[used["indata"].isin(STATED_HOURS)].set_index("indata")["varde"]
    year = used.loc[used["indata"] == "ar", "varde"]
    weeks = days_in_year(int(year.iloc[0]) if len(year) else municipality.last_year) / 7
    yearly = hours * pd.Series({"timmar": 1, "timmar_per_manad": 12, "timmar_per_vecka": weeks}).reindex(hours.index)
    frame = pd.DataFrame({"pa_aret_timmar": yearly, "i_manaden_timmar": yearly / 12, "i_veckan_timmar": yearly / weeks})
    return Draft(
        frame,
        (
            Quantity("pa_aret_timmar", "På året", "timmar"),
            Quantity("i_manaden_timmar", "I månaden", "timmar"),
            Quantity("i_veckan_timmar", "I veckan", "timmar"),
        ),
        (used[used["indata"].isin((*STATED_HOURS, "ar"))],),
    )
