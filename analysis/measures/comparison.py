"""The municipality beside others."""

from __future__ import annotations

import pandas as pd

from analysis.measures.result import Draft, MissingData, Quantity, measure, national_rows
from analysis.sources.municipality import Municipality


def areas_of(municipality: Municipality) -> list[str]:
    """Return the areas compared with, and the municipality's own last."""
    return [area for area in municipality.compare_with if area != municipality.area] + [municipality.area]


def _by_area(municipality: Municipality, used: pd.DataFrame, column: str) -> tuple[pd.DataFrame, list[str]]:
    used = used[used["omrade"].isin(areas_of(municipality))]
    frame = used.pivot(index="ar", columns="omrade", values=column).astype("float64").sort_index()
    if municipality.area not in frame:
        raise MissingData(f"{municipality.slug}: kommunen finns inte i de nationella uppgifterna")
    return frame, [area for area in areas_of(municipality) if area in frame]


@measure("Kostnad per invånare jämfört med andra")
def cost_per_inhabitant(municipality: Municipality) -> Draft:
    """Return the cost per inhabitant, one column an area.

    Units: kr per inhabitant on 31 December. Index: ar.
    Formula: kostnad per invånare = (bruttokostnad − interna intäkter − försäljning till andra kommuner och regioner
        − ersättning från Försäkringskassan) / invånare den 31 december
    Method (sv): Uppgifterna är Koladas nyckeltal N28008, hämtade därifrån eller återgivna i en utredning. De gäller
        alla utförare.
    Raises: MissingData where the municipality is not in the national table.
    Source: data/nationellt/kostnad_per_invanare.csv.
    """
    used = national_rows(municipality, "kostnad_per_invanare")
    frame, areas = _by_area(municipality, used, "kostnad_kr_per_inv")
    return Draft(
        frame,
        tuple(Quantity(area, area, "kr_per_inv", as_given=True) for area in areas),
        (used[used["omrade"].isin(areas)],),
        title="Kostnad för personlig assistans per invånare",
    )


@measure("Brukare den 1 oktober jämfört med andra")
def users_1_october(municipality: Municipality, law: str) -> Draft:
    """Return the number of users on 1 October, one column an area, by law (sfb or lss).

    Units: persons on the day, not a mean of the year. Index: ar.
    Formula: antal med verkställt beslut den 1 oktober
    Method (sv): Antalet är en ögonblicksbild och kan därför skilja sig från årets snitt per månad.
    Raises: MissingData where the municipality is not in the national table.
    Source: data/nationellt/brukare_1_oktober.csv.
    """
    used = national_rows(municipality, "brukare_1_oktober", verksamhet=law)
    frame, areas = _by_area(municipality, used, "antal")
    return Draft(
        frame,
        tuple(Quantity(area, area, "antal") for area in areas),
        (used[used["omrade"].isin(areas)],),
        title=f"Brukare med personlig assistans enligt {law.upper()} den 1 oktober",
        key=law,
    )


@measure("Förändring av antalet brukare den 1 oktober")
def users_1_october_change(municipality: Municipality, law: str) -> Draft:
    """Return each area's index of users on 1 October, the first year that every area has being 100.

    Units: index. Index: ar, one row a year, from that year on; where no year has every area, from the municipality's
    own first year.
    Formula: index = antal / antal det första året × 100
    Method (sv): Index gör områden av olika storlek jämförbara.
    Raises: MissingData where the municipality is not in the national table.
    Source: data/nationellt/brukare_1_oktober.csv.
    """
    counts = users_1_october(municipality, law)
    used = national_rows(municipality, "brukare_1_oktober", verksamhet=law)
    whole = counts.frame.dropna()
    start = (whole if len(whole) else counts.frame[municipality.area].dropna()).index[0]
    frame = counts.frame.loc[start:]
    first = frame.iloc[0]
    frame = frame / first.where(first != 0) * 100
    return Draft(
        frame,
        tuple(Quantity(q.name, q.label, "index", 1) for q in counts.quantities),
        (used[used["omrade"].isin(counts.frame.columns)],),
        title=f"Index för antalet brukare enligt {law.upper()} den 1 oktober",
        key=law,
    )
