"""The municipality beside others."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.measures.result import Draft, MissingData, Quantity, measure, national_rows
from analysis.sources.municipality import Municipality


def areas_of(municipality: Municipality) -> list[str]:
    """Return the areas compared with, and the municipality's own last."""
    return [area for area in municipality.compare_with if area != municipality.area] + [municipality.area]


def by_area(municipality: Municipality, used: pd.DataFrame, column: str) -> tuple[pd.DataFrame, list[str]]:
    """Return a column of a national table with one column an area and one row a year, and the areas in order.

    Raises MissingData where the municipality is not in the table.
    """
    used = used[used["omrade"].isin(areas_of(municipality))]
    frame = used.pivot(index="ar", columns="omrade", values=column).astype("float64").sort_index()
    if municipality.area not in frame:
        raise MissingData(f"{municipality.slug}: kommunen finns inte i de nationella uppgifterna")
    return frame, [area for area in areas_of(municipality) if area in frame]


def caveats_of(municipality: Municipality, used: pd.DataFrame, areas: Sequence[str]) -> tuple[str, ...]:
    """Return what a reader must know of these rows: which are preliminary, and what a group's value is."""
    table = municipality.national.get("omraden")
    groups = set() if table is None else set(table[table["slag"] == "grupp"]["omrade"])
    years = sorted(set(used[used["omrade"].isin(areas) & (used["status"] == "preliminar")]["ar"]))
    found = [f"Preliminära uppgifter: {', '.join(map(str, years))}."] if years else []
    if groups & set(areas):
        found.append(
            "Värdet för en grupp av kommuner är ett ovägt medelvärde: en liten kommun väger lika mycket som en stor."
        )
    return tuple(found)


def preliminary_years(municipality: Municipality, table: str, **selection) -> list[int]:
    """Return the years for which the municipality's own value in a national table is preliminary."""
    used = national_rows(municipality, table, omrade=municipality.area, **selection)
    return sorted(used[used["status"] == "preliminar"]["ar"])


def as_index(frame: pd.DataFrame, area: str) -> pd.DataFrame:
    """Return each column as an index from the first year that the area and at least half of the columns have.

    Where no year has so many, from the area's own first year. A column without a value then, or with zero, is left
    out; the area's own is kept, without values.
    """
    own = frame[area].notna()
    many = frame[own & (frame.notna().sum(axis="columns") * 2 >= len(frame.columns))]
    frame = frame.loc[(many if len(many) else frame[own]).index[0] :]
    first = frame.iloc[0].where(lambda values: values != 0)
    kept = [name for name in frame.columns if name == area or pd.notna(first[name])]
    return frame[kept] / first[kept] * 100


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
    frame, areas = by_area(municipality, used, "kostnad_kr_per_inv")
    return Draft(
        frame,
        tuple(Quantity(area, area, "kr_per_inv", as_given=True) for area in areas),
        (used[used["omrade"].isin(areas)],),
        title="Kostnad för personlig assistans per invånare",
        caveats=caveats_of(municipality, used, areas),
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
    frame, areas = by_area(municipality, used, "antal")
    return Draft(
        frame,
        tuple(Quantity(area, area, "antal", as_given=True) for area in areas),
        (used[used["omrade"].isin(areas)],),
        title=f"Brukare med personlig assistans enligt {law.upper()} den 1 oktober",
        key=law,
        caveats=caveats_of(municipality, used, areas),
    )


@measure("Förändring av antalet brukare den 1 oktober")
def users_1_october_change(municipality: Municipality, law: str) -> Draft:
    """Return each area's index of users on 1 October, from the first year that most areas have.

    Units: index. Index: ar, one row a year, from that year on; see `as_index`. An area without a value for that year
    is left out.
    Formula: index = antal / antal det första året × 100
    Method (sv): Index gör områden av olika storlek jämförbara.
    Raises: MissingData where the municipality is not in the national table.
    Source: data/nationellt/brukare_1_oktober.csv.
    """
    counts = users_1_october(municipality, law)
    used = national_rows(municipality, "brukare_1_oktober", verksamhet=law)
    frame = as_index(counts.frame, municipality.area)
    return Draft(
        frame,
        tuple(Quantity(q.name, q.label, "index", 1) for q in counts.quantities if q.name in frame),
        (used[used["omrade"].isin(frame.columns)],),
        title=f"Index för antalet brukare enligt {law.upper()} den 1 oktober",
        key=law,
    )
