"""Whom those with assistance have chosen: in the nation, in the municipality, and the two compared."""

from __future__ import annotations

import pandas as pd

from analysis.measures.result import Draft, MissingData, Quantity, measure, national_rows, ratio, rows
from analysis.measures.volumes import users
from analysis.sources.municipality import Municipality

PROVIDERS = {
    "kommunen": "Kommunen",
    "foretag": "Assistansföretag",
    "kooperativ": "Kooperativ",
    "egen_arbetsgivare": "Egen arbetsgivare",
}
LAW_OF_DECISION = {"kommun": "lss", "forsakringskassan": "sfb"}
TOGETHER = "tillsammans"
ROUNDED_CAVEAT = (
    "Andelarna är avrundade till hela procent. Ett antal som räknas ut ur dem kan därför vara fel med upp till en halv "
    "procent av alla i raden."
)


def _shares(municipality: Municipality) -> pd.DataFrame:
    return national_rows(municipality, "val_av_utforare_riket").set_index("beslut_av")


@measure("Val av utförare i riket")
def national_choice(municipality: Municipality) -> Draft:
    """Return the shares of each kind of provider in the nation, their sum, and what is missing from the whole.

    Units: percent, percentage points, persons. Index: beslut_av (kommun, forsakringskassan).
    Formula: summa = andelarna sammanlagda; saknas = 100 − summa
    Method (sv): Andelarna är hämtade ur källan, avrundade som där. Summan visar om de går ihop.
    Raises: MissingData where the national table is empty.
    Source: data/nationellt/val_av_utforare_riket.csv.
    """
    frame = _shares(municipality)
    columns = [f"{name}_procent" for name in PROVIDERS]
    total = frame[columns].sum(axis=1)
    frame = frame.assign(summa_procent=total, saknas_procentenheter=100 - total)
    return Draft(
        frame,
        (
            *(Quantity(f"{name}_procent", label, "procent") for name, label in PROVIDERS.items()),
            Quantity("summa_procent", "Summa", "procent"),
            Quantity("saknas_procentenheter", "Saknas", "procentenheter"),
            Quantity("antal", "Personer", "antal"),
        ),
        (national_rows(municipality, "val_av_utforare_riket"),),
    )


@measure("Antal efter val av utförare i riket")
def national_choice_counts(municipality: Municipality) -> Draft:
    """Return the number of persons that the national shares stand for, by decision and together.

    Units: persons, not rounded. Index: beslut_av (kommun, forsakringskassan, tillsammans).
    Formula: antal = andel × personer; framgår inte = saknade procentenheter × personer; kommunens andel = kommunens
        antal / personer
    Method (sv): Antalen räknas ut ur avrundade andelar och är därför ungefärliga. Raden för båda lagarna väger samman
        andelarna efter hur många personer de gäller.
    Raises: MissingData where the national table is empty.
    Source: data/nationellt/val_av_utforare_riket.csv.
    """
    shares = _shares(municipality)
    people = shares["antal"].astype("float64")
    frame = pd.DataFrame({f"{name}_antal": shares[f"{name}_procent"] / 100 * people for name in PROVIDERS})
    frame["ovriga_antal"] = national_choice(municipality).frame["saknas_procentenheter"] / 100 * people
    frame["antal"] = people
    frame.loc[TOGETHER] = frame.sum()
    frame["kommunen_procent"] = ratio(frame["kommunen_antal"], frame["antal"]) * 100
    return Draft(
        frame.rename_axis("beslut_av"),
        (
            *(Quantity(f"{name}_antal", label, "tal") for name, label in PROVIDERS.items()),
            Quantity("ovriga_antal", "Framgår inte", "tal"),
            Quantity("antal", "Personer", "antal"),
            Quantity("kommunen_procent", "Kommunens andel", "procent"),
        ),
        (national_rows(municipality, "val_av_utforare_riket"),),
        caveats=(ROUNDED_CAVEAT,),
    )


def nearest_count(municipality: Municipality, decision: str) -> tuple[int, int, int]:
    """Return the national table's number of persons, and the year and number on 1 October that come nearest.

    Raises MissingData where the nation's users on 1 October are unknown.
    """
    count = int(_shares(municipality).loc[decision, "antal"])
    known = national_rows(municipality, "brukare_1_oktober", verksamhet=LAW_OF_DECISION[decision], omrade="Riket")
    by_year = known.set_index("ar")["antal"].astype("int64").sort_index()
    year = int((by_year - count).abs().idxmin())
    return count, year, int(by_year[year])


@measure("Val av utförare i kommunen")
def local_choice(municipality: Municipality) -> Draft:
    """Return how many have the municipality as provider and how many others, each time that they were counted.

    Units: persons, percent. Index: tillfalle (text): the date and the law, as `2024-06 sfb`, in the order of dates.
    Formula: andra = alla − kommunen; andel = antal / alla
    Method (sv): Andra är alla som inte har kommunen: företag, kooperativ och egna arbetsgivare. Saknas kommunens antal
        saknas också andelarna.
    Raises: MissingData where the municipality has no such table.
    Source: the municipality's table `val_av_utforare`.
    """
    used = rows(municipality, "val_av_utforare").sort_values(["tidpunkt", "lag"])
    frame = used.astype({"totalt_antal": "float64", "kommunen_antal": "float64", "egen_arbetsgivare_antal": "float64"})
    frame["andra_antal"] = frame["totalt_antal"] - frame["kommunen_antal"]
    for name in ("kommunen", "andra"):
        frame[f"{name}_procent"] = ratio(frame[f"{name}_antal"], frame["totalt_antal"]) * 100
    frame.index = pd.Index(used["tidpunkt"] + " " + used["lag"], name="tillfalle")
    employers = frame["egen_arbetsgivare_antal"].notna().any()
    return Draft(
        frame,
        (
            Quantity("totalt_antal", "Alla", "antal"),
            Quantity("kommunen_antal", "Kommunen", "antal"),
            Quantity("andra_antal", "Andra", "antal"),
            *((Quantity("egen_arbetsgivare_antal", "därav egna arbetsgivare", "antal"),) if employers else ()),
            Quantity("kommunen_procent", "Kommunens andel", "procent"),
            Quantity("andra_procent", "Andras andel", "procent"),
        ),
        (used,),
    )


@measure("Kommunens andel mot rikets")
def local_against_national(municipality: Municipality) -> Draft:
    """Return the share with the municipality as provider, locally and in the nation, by time and law.

    Units: percent, percentage points. Index: tillfalle (text), as in local_choice, those with a known share.
    Formula: skillnad = kommunens andel − rikets andel
    Method (sv): Rikets andel gäller samma lag som kommunens. Räknar kommunen båda lagarna tillsammans vägs rikets två
        andelar samman. Tidpunkten för rikets andel är inte angiven.
    Raises: MissingData where the municipality has no share to compare.
    Source: the municipality's table `val_av_utforare`, data/nationellt/val_av_utforare_riket.csv.
    """
    local = local_choice(municipality).frame["kommunen_procent"].dropna()
    nation = (
        national_choice_counts(municipality)
        .frame["kommunen_procent"]
        .rename(index={**LAW_OF_DECISION, TOGETHER: "alla"})
    )
    laws = local.index.str.split().str[-1]
    frame = pd.DataFrame({"kommunen_procent": local, "riket_procent": nation.reindex(laws).to_numpy()}).dropna()
    if frame.empty:
        raise MissingData(f"{municipality.slug}: val_av_utforare saknar andelar att jämföra")
    frame["skillnad_procentenheter"] = frame["kommunen_procent"] - frame["riket_procent"]
    return Draft(
        frame.rename_axis("tillfalle"),
        (
            Quantity("kommunen_procent", municipality.name, "procent"),
            Quantity("riket_procent", "Riket", "procent"),
            Quantity("skillnad_procentenheter", "Skillnad", "procentenheter", signed=True),
        ),
        (rows(municipality, "val_av_utforare"), national_rows(municipality, "val_av_utforare_riket")),
        title=f"Andel som har kommunen som utförare, {municipality.name} och riket",
        caveats=(ROUNDED_CAVEAT,),
    )


@measure("Kommunens andel år för år")
def choice_by_year(municipality: Municipality) -> Draft:
    """Return the share of all users that have the municipality as provider, year by year.

    Units: persons on average per month, percent. Index: ar, the years in which all three numbers are known.
    Formula: andel = brukare hos kommunens utförare / (brukare enligt SFB + brukare enligt LSS)
    Method (sv): Antalen är snitt per månad. Alla brukare är de som har assistansersättning enligt SFB och de som har
        assistans enligt LSS.
    Raises: MissingData where no year has all three numbers.
    Source: the municipality's table `brukare`.
    """
    parts = {part: users(municipality, part).frame["utfall_antal"] for part in ("sfb", "lss", "utforare")}
    numbers = pd.DataFrame(parts).astype("float64").dropna().sort_index()
    if numbers.empty:
        raise MissingData(f"{municipality.slug}: brukare saknar ett år med SFB, LSS och utförare")
    every = numbers["sfb"] + numbers["lss"]
    frame = pd.DataFrame(
        {
            "totalt_antal": every,
            "kommunen_antal": numbers["utforare"],
            "kommunen_procent": ratio(numbers["utforare"], every) * 100,
        }
    )
    used = rows(municipality, "brukare")
    return Draft(
        frame.rename_axis("ar"),
        (
            Quantity("totalt_antal", "Alla brukare", "antal"),
            Quantity("kommunen_antal", "Hos kommunens utförare", "antal"),
            Quantity("kommunen_procent", "Kommunens andel", "procent", decimals=1),
        ),
        (used[used["ar"].isin(numbers.index)],),
        title="Brukare hos kommunens utförare, andel av alla",
    )
