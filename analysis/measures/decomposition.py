"""How much of a change in cost is price, users and hours per user."""

from __future__ import annotations

import pandas as pd

from analysis.measures.economy import budget_outcome
from analysis.measures.result import Draft, MissingData, Quantity, measure, rows
from analysis.measures.schablon import booked_and_underlying, days_in_year
from analysis.sources.municipality import Municipality


def decompose(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Split the change of a product of factors into one effect a factor, and what they do together.

    Each factor's effect is its own change times the other factors' earlier values; `samverkan` is what is left,
    so that the effects always sum to the change of the product.
    """
    product_before = product_after = 1.0
    for name in before:
        product_before *= before[name]
        product_after *= after[name]
    effects = {}
    for name in before:
        others = 1.0
        for other in before:
            others *= before[other] if other != name else 1.0
        effects[name] = (after[name] - before[name]) * others
    effects["samverkan"] = product_after - product_before - sum(effects.values())
    return effects


def yearly_effects(factors: pd.DataFrame) -> pd.DataFrame:
    """Return each factor's effect from one row of the factors to the next, what they do together, and the change.

    Index: ar, from the second row on; `fran_ar` is the year compared with, `forandring_tkr` the sum of the effects.
    """
    rows_ = {}
    for previous, year in zip(factors.index[:-1], factors.index[1:], strict=True):
        effects = decompose(factors.loc[previous].to_dict(), factors.loc[year].to_dict())
        rows_[year] = {"fran_ar": previous, **effects, "forandring_tkr": sum(effects.values())}
    return pd.DataFrame.from_dict(rows_, orient="index").rename_axis("ar")


@measure("Vad kostnadsförändringen inom LSS består av")
def lss_cost_decomposition(municipality: Municipality) -> Draft:
    """Split each year's change in the LSS net cost into price, users, hours per user and their interaction.

    Units: tkr. Index: ar, from the second year on; fran_ar is the year compared with.
    Formula: nettokostnad = pris per timme × brukare × timmar per brukare; varje effekt = faktorns egen förändring
        × de andra faktorernas värden året före; samspel = förändringen − effekternas summa
    Method (sv): Priset är nettokostnaden delad med utförda timmar. Samspelet är det som uppstår när flera faktorer
        ändras samtidigt; med det går summan alltid jämnt ut.
    Raises: MissingData where fewer than two years have cost, users and hours above zero.
    Source: the municipality's tables `ekonomi`, `brukare` and `timmar`.
    """
    cost = budget_outcome(municipality, "lss").frame["nettokostnad_tkr"]
    people, time = rows(municipality, "brukare", verksamhet="lss"), rows(municipality, "timmar", verksamhet="lss")
    users_ = people.set_index("ar")["utfall_antal"]
    hours_ = time.set_index("ar")["utfall_timmar"]
    table = pd.concat([cost, users_, hours_], axis=1, join="inner").sort_index()
    table = table[(table["utfall_antal"] > 0) & (table["utfall_timmar"] > 0)]
    if len(table) < 2:
        raise MissingData(f"{municipality.slug}: färre än två år med kostnad, brukare och timmar")
    factors = pd.DataFrame(
        {
            "pris_tkr": table["nettokostnad_tkr"] / table["utfall_timmar"],
            "brukare_tkr": table["utfall_antal"],
            "timmar_tkr": table["utfall_timmar"] / table["utfall_antal"],
        }
    )
    frame = yearly_effects(factors).rename(columns={"samverkan": "samverkan_tkr"})
    return Draft(
        frame,
        (
            Quantity("fran_ar", "Jämfört med år", "ar"),
            Quantity("pris_tkr", "Pris per timme", "tkr", signed=True),
            Quantity("brukare_tkr", "Antal brukare", "tkr", signed=True),
            Quantity("timmar_tkr", "Timmar per brukare", "tkr", signed=True),
            Quantity("samverkan_tkr", "Samspel mellan faktorerna", "tkr", signed=True),
            Quantity("forandring_tkr", "Hela förändringen", "tkr", signed=True),
        ),
        (rows(municipality, "ekonomi", verksamhet="lss"), people, time),
    )


@measure("Vad kostnadsförändringen inom SFB består av")
def sfb_cost_decomposition(municipality: Municipality) -> Draft:
    """Split each year's change in the SFB net cost into price, users and what is left.

    Units: tkr. Index: ar, from the second year on.
    Formula: modell = brukare × timmar per vecka × veckor på året × schablonbelopp; pris- och brukareffekt ur modellen;
        engångsposter = förändringen i årets engångsposter; övrigt = förändringen − effekterna
    Method (sv): Kommunen betalar samma antal timmar i veckan för alla, så timmar per brukare ändras bara när året
        har en dag mer. Den effekten redovisas som kalender.
    Raises: MissingData where fewer than two years have cost, users and a known schablonbelopp.
    Source: the municipality's tables `ekonomi`, `brukare` and `engangsposter`; parametrar.yml.
    """
    booked = booked_and_underlying(municipality, "sfb").frame
    people = rows(municipality, "brukare", verksamhet="sfb")
    users_ = people.set_index("ar")["utfall_antal"]
    rate, first_hours = municipality.parameters["schablonbelopp"], municipality.parameters["forsta_timmar"]
    years = [year for year in booked.index if year in users_.index and rate.covers(year)]
    if len(years) < 2:
        raise MissingData(f"{municipality.slug}: färre än två år med kostnad, brukare och schablonbelopp")
    factors = pd.DataFrame(
        {
            "pris_tkr": [rate.in_year(year).value / 1000 for year in years],
            "brukare_tkr": [users_[year] for year in years],
            "kalender_tkr": [days_in_year(year) / 7 * first_hours.in_year(year).value for year in years],
        },
        index=pd.Index(years, name="ar"),
    )
    frame = yearly_effects(factors).rename(columns={"samverkan": "samverkan_tkr"})
    cost, one_off = booked["nettokostnad_tkr"].loc[years], booked["engangsposter_tkr"].loc[years]
    modelled = frame["forandring_tkr"]
    frame["forandring_tkr"] = cost.diff().loc[frame.index]
    frame["engangsposter_tkr"] = one_off.diff().loc[frame.index]
    frame["ovrigt_tkr"] = frame["forandring_tkr"] - modelled - frame["engangsposter_tkr"]
    return Draft(
        frame,
        (
            Quantity("fran_ar", "Jämfört med år", "ar"),
            Quantity("pris_tkr", "Schablonbelopp", "tkr", signed=True),
            Quantity("brukare_tkr", "Antal brukare", "tkr", signed=True),
            Quantity("kalender_tkr", "Kalender", "tkr", signed=True),
            Quantity("samverkan_tkr", "Samspel mellan faktorerna", "tkr", signed=True),
            Quantity("engangsposter_tkr", "Engångsposter", "tkr", signed=True),
            Quantity("ovrigt_tkr", "Övrigt", "tkr", signed=True),
            Quantity("forandring_tkr", "Hela förändringen", "tkr", signed=True),
        ),
        (rows(municipality, "ekonomi", verksamhet="sfb"), people, *(rate.in_year(year) for year in years)),
    )
