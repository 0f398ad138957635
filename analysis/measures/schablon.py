"""The state amount per hour: what it says the cost should be, and what it does not cover."""

from __future__ import annotations

import calendar

import pandas as pd

from analysis.measures.economy import PART_NAMES, budget_outcome
from analysis.measures.result import Draft, MissingData, Quantity, measure, national_rows, ratio, rows
from analysis.sources.municipality import Municipality

# What a table shows for a status; the source line uses the same words.
STATUS_NAMES = {
    "": "publicerad",
    "preliminar": "preliminär",
    "uppskattad": "uppskattad",
    "avrundad": "avrundad i källan",
    "andrahand": "återgiven i andra hand",
    "harledd": "härledd",
    "kontrollerad": "kontrollerad mot källan",
}


def days_in_year(year: int) -> int:
    """Return 365 or 366."""
    return 366 if calendar.isleap(int(year)) else 365


@measure("Schablonbeloppet år för år")
def schablon_series(municipality: Municipality) -> Draft:
    """Return the schablonbelopp and its increase, for every year on record.

    Units: kr per hour, percent. Index: ar.
    Formula: ökning = schablonbelopp / föregående års schablonbelopp − 1
    Method (sv): Beloppen gäller från den 1 januari. Hur säker varje uppgift är står i kolumnen för status.
    Raises: nothing beyond what the data check refuses.
    Source: data/nationellt/parametrar.yml.
    """
    parameter = municipality.parameters["schablonbelopp"]
    frame = pd.DataFrame(
        {
            "schablonbelopp_kr_per_timme": {value.start.year: value.value for value in parameter.values},
            "status": {value.start.year: STATUS_NAMES[value.reference.status] for value in parameter.values},
        }
    ).rename_axis("ar")
    amount = frame["schablonbelopp_kr_per_timme"]
    frame["okning_procent"] = (amount / amount.shift() - 1) * 100
    return Draft(
        frame,
        (
            Quantity("schablonbelopp_kr_per_timme", "Schablonbelopp", "kr_per_timme", 2),
            Quantity("okning_procent", "Ökning", "procent", 1, signed=True),
            Quantity("status", "Uppgiftens status", "text"),
        ),
        parameter.values,
    )


@measure("Bokförd och underliggande nettokostnad")
def booked_and_underlying(municipality: Municipality, part: str = "sfb") -> Draft:
    """Return the booked net cost, the one-off items in it, and the cost without them, also with items moved.

    Units: tkr. Index: ar, one row a year of the part's economy.
    Formula: utan engångsposter = nettokostnad − engångsposter; rätt år = utan engångsposter + de poster som hör till
        året men bokförts senare
    Method (sv): En engångspost dras från det år då den bokförts. Känns det år som posten hör till, läggs den dit.
    Raises: MissingData where the municipality has no economy for the part.
    Source: the municipality's tables `ekonomi` and `engangsposter`.
    """
    frame = budget_outcome(municipality, part).frame[["nettokostnad_tkr"]].copy()
    used = [rows(municipality, "ekonomi", verksamhet=part)]
    items = municipality.tables.get("engangsposter")
    items = items[items["verksamhet"] == part] if items is not None else None
    if items is None or items.empty:
        frame["engangsposter_tkr"] = 0.0
        moved = pd.Series(0.0, index=frame.index)
    else:
        used.append(items)
        frame["engangsposter_tkr"] = items.groupby("ar")["belopp_tkr"].sum().reindex(frame.index).fillna(0.0)
        placed = items.dropna(subset=["hor_till_ar"])
        moved = (
            placed.groupby(placed["hor_till_ar"].astype("int64"))["belopp_tkr"].sum().reindex(frame.index).fillna(0.0)
        )
    frame["utan_engangsposter_tkr"] = frame["nettokostnad_tkr"] - frame["engangsposter_tkr"]
    frame["ratt_ar_tkr"] = frame["utan_engangsposter_tkr"] + moved
    return Draft(
        frame,
        (
            Quantity("nettokostnad_tkr", "Bokförd nettokostnad", "tkr"),
            Quantity("engangsposter_tkr", "Engångsposter", "tkr", signed=True),
            Quantity("utan_engangsposter_tkr", "Utan engångsposter", "tkr"),
            Quantity("ratt_ar_tkr", "Med poster på rätt år", "tkr"),
        ),
        tuple(used),
        title=f"Bokförd och underliggande nettokostnad, {PART_NAMES[part]}",
        key=part,
    )


@measure("LSS-kostnaden som timmar gånger schablonbelopp")
def lss_model(municipality: Municipality) -> Draft:
    """Return the LSS cost that hours and the schablonbelopp give, and what the booked cost differs from it.

    Units: tkr, kr per hour, percent. Index: ar, the years with cost, hours and a known amount.
    Formula: modell = utförda timmar × schablonbelopp / 1 000; rest = nettokostnad − modell;
        kostnad per timme = nettokostnad × 1 000 / utförda timmar
    Method (sv): Resten är det som modellen inte förklarar. Engångsposter inom LSS dras av i kolumnen utan
        engångsposter.
    Raises: MissingData where no year has all three.
    Source: the municipality's tables `ekonomi`, `timmar` and `engangsposter`; parametrar.yml.
    """
    cost = booked_and_underlying(municipality, "lss").frame
    time = rows(municipality, "timmar", verksamhet="lss")
    return _model(municipality, cost, time, time.set_index("ar")["utfall_timmar"], {}, (time,), "lss")


@measure("SFB-kostnaden mot antalet brukare gånger de första timmarna")
def sfb_model(municipality: Municipality) -> Draft:
    """Return the SFB cost that users, the first hours and the schablonbelopp give, less the state grant.

    Units: tkr, kr per hour, percent. Index: ar, the years with cost, users and a known amount.
    Formula: modell = brukare × timmar per vecka × (dagar på året / 7) × schablonbelopp / 1 000 − statsbidrag;
        rest = nettokostnad − modell
    Method (sv): Modellen antar att alla använder alla timmar som kommunen betalar. Statsbidraget är uppskattat
        i källan. Resten visas både med och utan engångsposter.
    Raises: MissingData where no year has all three.
    Source: the municipality's tables `ekonomi`, `brukare`, `bidrag` and `engangsposter`; parametrar.yml.
    """
    cost = booked_and_underlying(municipality, "sfb").frame
    people = rows(municipality, "brukare", verksamhet="sfb")
    first_hours = municipality.parameters["forsta_timmar"]
    count = people.set_index("ar")["utfall_antal"]
    time = pd.Series(
        {
            year: count[year] * first_hours.in_year(year).value * days_in_year(year) / 7
            for year in count.index
            if first_hours.covers(year)
        }
    )
    used = [people, first_hours.values[-1]]
    grants = municipality.tables.get("bidrag")
    grant: dict[int, float] = {}
    if grants is not None and (grants["verksamhet"] == "sfb").any():
        grants = grants[grants["verksamhet"] == "sfb"]
        grant = grants.groupby("ar")["belopp_tkr"].sum().to_dict()
        used.append(grants)
    return _model(municipality, cost, people, time, grant, tuple(used), "sfb")


def _model(municipality, cost, basis, time, grant, used, part) -> Draft:
    rate = municipality.parameters["schablonbelopp"]
    years = [year for year in cost.index if year in time.index and rate.covers(year)]
    if not years:
        raise MissingData(f"{municipality.slug}: inget år har kostnad, volym och schablonbelopp för {part}")
    frame = cost.loc[years].copy()
    frame["timmar"] = time.loc[years]
    frame["schablonbelopp_kr_per_timme"] = [rate.in_year(year).value for year in years]
    frame["modell_tkr"] = frame["timmar"] * frame["schablonbelopp_kr_per_timme"] / 1000 - [
        grant.get(year, 0.0) for year in years
    ]
    frame["rest_tkr"] = frame["nettokostnad_tkr"] - frame["modell_tkr"]
    frame["rest_utan_engangsposter_tkr"] = frame["utan_engangsposter_tkr"] - frame["modell_tkr"]
    frame["rest_ratt_ar_tkr"] = frame["ratt_ar_tkr"] - frame["modell_tkr"]
    frame["rest_procent"] = ratio(frame["rest_tkr"], frame["modell_tkr"]) * 100
    frame["kostnad_kr_per_timme"] = ratio(frame["nettokostnad_tkr"] * 1000, frame["timmar"])
    return Draft(
        frame,
        (
            Quantity("timmar", "Timmar", "timmar"),
            Quantity("schablonbelopp_kr_per_timme", "Schablonbelopp", "kr_per_timme", 2),
            Quantity("modell_tkr", "Modellens kostnad", "tkr"),
            Quantity("nettokostnad_tkr", "Bokförd nettokostnad", "tkr"),
            Quantity("rest_tkr", "Rest", "tkr", signed=True),
            Quantity("rest_utan_engangsposter_tkr", "Rest utan engångsposter", "tkr", signed=True),
            Quantity("rest_ratt_ar_tkr", "Rest med engångsposter på rätt år", "tkr", signed=True),
            Quantity("rest_procent", "Rest i procent av modellen", "procent", 1, signed=True),
            Quantity("kostnad_kr_per_timme", "Nettokostnad per timme", "kr_per_timme", 2),
        ),
        (rows(municipality, "ekonomi", verksamhet=part), *used, *(rate.in_year(year) for year in years)),
    )


@measure("Löner jämfört med schablonbeloppet")
def wage_gap(municipality: Municipality) -> Draft:
    """Return wage growth beside the schablonbelopp's, for each period that the data give.

    Units: percent; kr per hour, where the wage growth is applied to the amount of the first year.
    Index: period (text, "2020–2024, group"), one row a period, the nation's first.
    Formula: schablonens ökning = belopp sista året / belopp första året − 1; gap i kr = belopp första året × löneökning
        − (belopp sista året − belopp första året)
    Method (sv): Gapet visar hur mycket högre beloppet hade varit om det följt lönerna.
    Raises: MissingData where there is no wage series within the years of the schablonbelopp.
    Source: the tables `loner` (municipal and national) and parametrar.yml.
    """
    rate = municipality.parameters["schablonbelopp"]
    tables = [national_rows(municipality, "loner")]
    if municipality.has("loner"):
        tables.append(rows(municipality, "loner"))
    found, used = {}, list(tables)
    for row in pd.concat(tables).itertuples():
        if not (rate.covers(row.fran_ar) and rate.covers(row.till_ar)):
            continue
        first, last = rate.in_year(row.fran_ar), rate.in_year(row.till_ar)
        used += [first, last]
        rise = last.value - first.value
        wage_rise = first.value * row.okning_procent / 100
        found[f"{row.fran_ar}–{row.till_ar}, {row.grupp[0].lower() + row.grupp[1:]}"] = {
            "lon_okning_procent": row.okning_procent,
            "schablon_okning_procent": rise / first.value * 100,
            "lon_okning_kr_per_timme": wage_rise,
            "schablon_okning_kr_per_timme": rise,
            "gap_kr_per_timme": wage_rise - rise,
        }
    if not found:
        raise MissingData("ingen löneserie ligger inom schablonbeloppets år")
    frame = pd.DataFrame.from_dict(found, orient="index").rename_axis("period")
    return Draft(
        frame,
        (
            Quantity("lon_okning_procent", "Löner, ökning", "procent", 1),
            Quantity("schablon_okning_procent", "Schablonbelopp, ökning", "procent", 1),
            Quantity("lon_okning_kr_per_timme", "Löneökning i kronor på första årets belopp", "kr_per_timme", 2),
            Quantity("schablon_okning_kr_per_timme", "Schablonbelopp, ökning i kronor", "kr_per_timme", 2),
            Quantity("gap_kr_per_timme", "Gap", "kr_per_timme", 2, signed=True),
        ),
        tuple(used),
    )


@measure("Hemtjänstens timme jämfört med assistansens")
def home_care_gap(municipality: Municipality) -> Draft:
    """Return the mean payment for an hour of home care beside the schablonbelopp.

    Units: kr per hour, percent. Index: ar.
    Formula: skillnad = ersättning för hemtjänst − schablonbelopp; i procent av schablonbeloppet
    Method (sv): Hemtjänstens ersättning är ett genomsnitt ur SKR:s kartläggning av valfrihetssystemen.
    Raises: MissingData where no year is known for both.
    Source: data/nationellt/hemtjanst.csv and parametrar.yml.
    """
    used = national_rows(municipality, "hemtjanst")
    rate = municipality.parameters["schablonbelopp"]
    frame = used.set_index("ar")[["ersattning_kr_per_timme"]].sort_index()
    frame = frame[[rate.covers(year) for year in frame.index]]
    if frame.empty:
        raise MissingData("inget år med både hemtjänst och schablonbelopp")
    frame["schablonbelopp_kr_per_timme"] = [rate.in_year(year).value for year in frame.index]
    frame["skillnad_kr_per_timme"] = frame["ersattning_kr_per_timme"] - frame["schablonbelopp_kr_per_timme"]
    frame["skillnad_procent"] = frame["skillnad_kr_per_timme"] / frame["schablonbelopp_kr_per_timme"] * 100
    return Draft(
        frame,
        (
            Quantity("ersattning_kr_per_timme", "Hemtjänst", "kr_per_timme", 2),
            Quantity("schablonbelopp_kr_per_timme", "Personlig assistans, schablonbelopp", "kr_per_timme", 2),
            Quantity("skillnad_kr_per_timme", "Skillnad", "kr_per_timme", 2, signed=True),
            Quantity("skillnad_procent", "Skillnad", "procent", 1, signed=True),
        ),
        (used, *(rate.in_year(year) for year in frame.index)),
    )
