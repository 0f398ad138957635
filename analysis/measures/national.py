"""What national statistics tell of a municipality: persons, granted hours, population and equalisation."""

from __future__ import annotations

import pandas as pd

from analysis.measures.comparison import as_index, by_area, caveats_of, cost_per_inhabitant, users_1_october
from analysis.measures.result import Draft, MissingData, Quantity, measure, national_rows, ratio
from analysis.measures.schablon import days_in_year
from analysis.sources.municipality import Municipality

PEOPLE = Quantity("invanare_antal", "Invånare den 31 december", "antal", as_given=True)
PER_PEOPLE = 100 * 100
# The counts that can be set against the population: the table, its rows, and when the persons were counted.
COUNTS = {
    "sfb": ("brukare_december", {}, "i december", "Personer med assistansersättning"),
    "lss": ("brukare_1_oktober", {"verksamhet": "lss"}, "den 1 oktober", "Brukare enligt LSS"),
}


@measure("Personer med assistansersättning i december jämfört med andra")
def users_december(municipality: Municipality) -> Draft:
    """Return the number of persons with assistansersättning in December, one column an area.

    Units: persons. Index: ar.
    Formula: antal personer med assistansersättning i december
    Method (sv): Antalet gäller december och är därför inte detsamma som brukare den 1 oktober eller i snitt per månad.
        Grupper av kommuner har inget antal.
    Raises: MissingData where the municipality is not in the national table.
    Source: data/nationellt/kolada/brukare_december.csv.
    """
    used = national_rows(municipality, "brukare_december")
    frame, areas = by_area(municipality, used, "antal")
    return Draft(
        frame,
        tuple(Quantity(area, area, "antal", as_given=True) for area in areas),
        (used[used["omrade"].isin(areas)],),
        title="Personer med assistansersättning i december",
        caveats=caveats_of(municipality, used, areas),
    )


@measure("Förändring av antalet med assistansersättning i december")
def users_december_change(municipality: Municipality) -> Draft:
    """Return each area's index of persons in December, from the first year that most areas have.

    Units: index. Index: ar, one row a year, from that year on; see `as_index`. An area without a value for that year
    is left out.
    Formula: index = antal / antal det första året × 100
    Method (sv): Index gör områden av olika storlek jämförbara.
    Raises: MissingData where the municipality is not in the national table.
    Source: data/nationellt/kolada/brukare_december.csv.
    """
    counts = users_december(municipality)
    used = national_rows(municipality, "brukare_december")
    frame = as_index(counts.frame, municipality.area)
    return Draft(
        frame,
        tuple(Quantity(q.name, q.label, "index", 1) for q in counts.quantities if q.name in frame),
        (used[used["omrade"].isin(frame.columns)],),
        title="Index för antalet med assistansersättning i december",
        caveats=counts.caveats,
    )


@measure("Beviljade timmar per vecka jämfört med andra")
def granted_hours(municipality: Municipality) -> Draft:
    """Return granted hours per week and person with assistansersättning, one column an area.

    Units: hours a week, granted and not performed. Index: ar.
    Formula: beviljade timmar per vecka i genomsnitt för dem som har assistansersättning i december
    Method (sv): Timmarna är beviljade, inte utförda. Uppgiften gäller dem som har assistansersättning i december och
        är ett medelvärde, så ett fåtal personer med många timmar kan höja det mycket i en liten kommun.
    Raises: MissingData where the municipality is not in the national table.
    Source: data/nationellt/kolada/timmar_per_vecka.csv.
    """
    used = national_rows(municipality, "timmar_per_vecka")
    frame, areas = by_area(municipality, used, "timmar_per_vecka")
    return Draft(
        frame,
        tuple(Quantity(area, area, "timmar_per_vecka", 1, as_given=True) for area in areas),
        (used[used["omrade"].isin(areas)],),
        title="Beviljade timmar per vecka för dem som har assistansersättning",
        caveats=caveats_of(municipality, used, areas),
    )


@measure("De första timmarna i veckan, uträknade")
def first_hours_counted(municipality: Municipality) -> Draft:
    """Return what the first hours a week would cost if everyone counted in December had assistance the whole year.

    Units: persons, hours a week, percent, mnkr. Index: ar, the years with a count whose amount per hour is known. The
    share is missing where no granted hours are known.
    Formula: kostnad = personer i december × timmar i veckan × årets dagar / 7 × schablonbelopp; andel = de första
        timmarna / beviljade timmar per vecka
    Method (sv): Räknat som om alla i december hade assistans varje vecka hela året, med minst så många timmar som
        kommunen betalar. Vad kommunen faktiskt betalade till Försäkringskassan kan vara mindre, eftersom bara utförda
        timmar ersätts.
    Raises: MissingData where no year has both a count and an amount per hour.
    Source: data/nationellt/kolada/brukare_december.csv and timmar_per_vecka.csv, data/nationellt/parametrar.yml.
    """
    people = national_rows(municipality, "brukare_december", omrade=municipality.area)
    rate, hours = municipality.parameters["schablonbelopp"], municipality.parameters["forsta_timmar"]
    people = people[[rate.covers(year) and hours.covers(year) for year in people["ar"]]].sort_values("ar")
    if people.empty:
        raise MissingData(f"{municipality.slug}: inget år har både personer och schablonbelopp")
    frame = people.set_index("ar")[["antal"]].astype("float64")
    amounts, first = ([parameter.in_year(year) for year in frame.index] for parameter in (rate, hours))
    weeks = pd.Series([days_in_year(year) / 7 for year in frame.index], frame.index)
    each = pd.Series([value.value for value in first], frame.index, dtype="float64")
    cost = frame["antal"] * each * weeks * [value.value for value in amounts]
    frame["kostnad_mnkr"] = cost / 1000 / 1000
    quantities = [
        Quantity("antal", "Personer i december", "antal", as_given=True),
        Quantity("kostnad_mnkr", "De första timmarna", "mnkr", 1),
    ]
    used: list = [people, *amounts, *first]
    try:
        granted = national_rows(municipality, "timmar_per_vecka", omrade=municipality.area)
    except MissingData:
        granted = pd.DataFrame({"ar": []})
    granted = granted[granted["ar"].isin(frame.index)]
    if len(granted):
        frame["timmar_per_vecka"] = granted.set_index("ar")["timmar_per_vecka"].astype("float64").reindex(frame.index)
        # Where someone has fewer hours than the municipality pays for, it pays for no more than those.
        frame["andel_procent"] = (ratio(each, frame["timmar_per_vecka"]) * 100).clip(upper=100)
        quantities += [
            Quantity("timmar_per_vecka", "Beviljade timmar per vecka", "timmar_per_vecka", 1, as_given=True),
            Quantity("andel_procent", "Därav de första timmarna", "procent"),
        ]
        used.append(granted)
    return Draft(frame, tuple(quantities), tuple(used), title="Vad de första timmarna i veckan motsvarar")


@measure("Folkmängd")
def population(municipality: Municipality) -> Draft:
    """Return the municipality's inhabitants on 31 December and their change from the year before.

    Units: persons, percent. Index: ar.
    Formula: förändring = invånare / invånare året före − 1
    Method (sv): Alla åldrar räknas. Saknas året före saknas också förändringen.
    Raises: MissingData where the municipality is not in the table.
    Source: data/nationellt/befolkning.csv, data/nationellt/kolada/befolkning.csv.
    """
    used = national_rows(municipality, "befolkning", omrade=municipality.area)
    frame = used.set_index("ar")[["invanare_antal"]].astype("float64").sort_index()
    before = frame["invanare_antal"].reindex(frame.index - 1).set_axis(frame.index)
    frame["forandring_procent"] = (frame["invanare_antal"] / before - 1) * 100
    growth = Quantity("forandring_procent", "Förändring från året före", "procent", 1, signed=True)
    return Draft(frame, (PEOPLE, growth), (used,), title="Folkmängd den 31 december")


@measure("Brukare per 10 000 invånare")
def users_per_10000(municipality: Municipality, law: str) -> Draft:
    """Return persons per 10 000 inhabitants, one column an area, by law (sfb in December or lss on 1 October).

    Units: persons per 10 000 inhabitants of all ages. Index: ar, the years with both a count and a population.
    Formula: per 10 000 invånare = antal personer / invånare den 31 december × 10 000
    Method (sv): Antalet gäller december för SFB och den 1 oktober för LSS, folkmängden den 31 december samma år.
        Grupper av kommuner har inget antal och är därför inte med.
    Raises: MissingData where the municipality has no year with both.
    Source: data/nationellt/befolkning.csv and brukare_1_oktober.csv, data/nationellt/kolada/.
    """
    table, selection, when, who = COUNTS[law]
    counts = users_december(municipality) if law == "sfb" else users_1_october(municipality, law)
    people = national_rows(municipality, "befolkning")
    by_year, areas = by_area(municipality, people, "invanare_antal")
    areas = [area for area in counts.frame.columns if area in areas]
    frame = ratio(counts.frame[areas], by_year[areas].reindex(counts.frame.index)) * PER_PEOPLE
    frame = frame[frame[municipality.area].notna()].dropna(axis="columns", how="all")
    if frame.empty:
        raise MissingData(f"{municipality.slug}: antal och folkmängd har inget år gemensamt")
    areas = [area for area in areas if area in frame]
    used = [
        rows_[rows_["omrade"].isin(areas) & rows_["ar"].isin(frame.index)]
        for rows_ in (national_rows(municipality, table, **selection), people)
    ]
    return Draft(
        frame,
        tuple(Quantity(area, area, "per_10000_inv", 1) for area in areas),
        tuple(used),
        title=f"{who} {when} (per 10\u00a0000 invånare)",
        key=law,
        caveats=caveats_of(municipality, pd.concat(used), areas),
    )


@measure("Kostnaden i kronor, uträknad ur kostnaden per invånare")
def cost_in_kronor(municipality: Municipality) -> Draft:
    """Return cost per inhabitant, inhabitants, and the cost that they give together.

    Units: kr per inhabitant, persons, mnkr. Index: ar, the years with both.
    Formula: kostnad = kostnad per invånare × invånare den 31 december
    Method (sv): Beloppet är ungefärligt, eftersom källan kan ha avrundat kostnaden per invånare. Det är kostnaden
        för alla utförare utöver det som Försäkringskassan ersätter, och inte nämndens nettokostnad.
    Raises: MissingData where no year has both.
    Source: data/nationellt/kostnad_per_invanare.csv and befolkning.csv, data/nationellt/kolada/.
    """
    costs = national_rows(municipality, "kostnad_per_invanare", omrade=municipality.area)
    people = national_rows(municipality, "befolkning", omrade=municipality.area)
    frame = pd.concat(
        [costs.set_index("ar")["kostnad_kr_per_inv"], people.set_index("ar")["invanare_antal"]], axis=1, join="inner"
    )
    frame = frame.astype("float64").sort_index()
    if frame.empty:
        raise MissingData(f"{municipality.slug}: kostnad och folkmängd har inget år gemensamt")
    frame["kostnad_mnkr"] = frame["kostnad_kr_per_inv"] * frame["invanare_antal"] / 1000 / 1000
    used = tuple(table[table["ar"].isin(frame.index)] for table in (costs, people))
    return Draft(
        frame,
        (
            Quantity("kostnad_kr_per_inv", "Kostnad per invånare", "kr_per_inv", as_given=True),
            PEOPLE,
            Quantity("kostnad_mnkr", "Kostnad", "mnkr", 1),
        ),
        used,
        title="Kostnad per invånare, folkmängd och kostnad",
        caveats=caveats_of(municipality, pd.concat(used), [municipality.area]),
    )


@measure("LSS-utjämningen för kommunen")
def lss_equalisation(municipality: Municipality) -> Draft:
    """Return what the municipality gets (positive) or pays (negative) in the equalisation of LSS costs.

    Units: kr per inhabitant; mnkr where the population is known. Index: ar. A column without any value is left out.
    Formula: i kronor = bidrag per invånare × invånare; för beslutet räknas invånarna den 31 december året före
    Method (sv): Bidrag är positiva och avgifter negativa. Beslutet är det som gällde inför året och räknas per
        invånare den 1 november året före; utfallet är det som det blev. Folkmängden är bara känd den 31 december, så
        beloppen i kronor är ungefärliga. Utjämningen gäller alla insatser enligt LSS och assistansersättningen, inte
        bara personlig assistans.
    Raises: MissingData where the municipality is not in the table.
    Source: data/nationellt/kolada/lss_utjamning.csv and befolkning.csv.
    """
    used = national_rows(municipality, "lss_utjamning", omrade=municipality.area)
    frame = used.pivot(index="ar", columns="slag", values="bidrag_kr_per_inv").astype("float64").sort_index()
    try:
        people = national_rows(municipality, "befolkning", omrade=municipality.area)
    except MissingData:
        people = pd.DataFrame({"ar": pd.Series(dtype="int64"), "invanare_antal": pd.Series(dtype="float64")})
    inhabitants = people.set_index("ar")["invanare_antal"].astype("float64")
    quantities, needed = [], set()
    for kind, label, lag in (("utfall", "Utfall", 0), ("beslut", "Beslut inför året", 1)):
        if kind not in frame:
            continue
        years = frame.index - lag
        frame[f"{kind}_kr_per_inv"] = frame[kind]
        frame[f"{kind}_mnkr"] = frame[kind] * inhabitants.reindex(years).to_numpy() / 1000 / 1000
        needed |= set(years)
        quantities.append(Quantity(f"{kind}_kr_per_inv", label, "kr_per_inv", signed=True, as_given=True))
        if frame[f"{kind}_mnkr"].notna().any():
            quantities.append(Quantity(f"{kind}_mnkr", f"{label}, i kronor", "mnkr", 1, signed=True))
    return Draft(
        frame,
        tuple(quantities),
        (used, people[people["ar"].isin(needed)]) if needed & set(people["ar"]) else (used,),
        title=f"LSS-utjämningen, {municipality.area}",
        caveats=caveats_of(municipality, used, [municipality.area]),
    )


@measure("LSS-utjämningen jämförd med andra")
def lss_equalisation_by_area(municipality: Municipality) -> Draft:
    """Return the equalisation's outcome per inhabitant, one column an area; the decision where no outcome is known.

    Units: kr per inhabitant, what is paid is negative. Index: ar.
    Formula: bidrag eller avgift per invånare, som i källan
    Method (sv): Bidrag är positiva och avgifter negativa. Finns inget utfall för kommunen visas besluten inför åren.
    Raises: MissingData where the municipality is not in the table.
    Source: data/nationellt/kolada/lss_utjamning.csv.
    """
    own = national_rows(municipality, "lss_utjamning", omrade=municipality.area)
    kind = "utfall" if (own["slag"] == "utfall").any() else "beslut"
    used = national_rows(municipality, "lss_utjamning", slag=kind)
    frame, areas = by_area(municipality, used, "bidrag_kr_per_inv")
    return Draft(
        frame,
        tuple(Quantity(area, area, "kr_per_inv", signed=True, as_given=True) for area in areas),
        (used[used["omrade"].isin(areas)],),
        title="LSS-utjämningen per invånare" + (", beslut inför året" if kind == "beslut" else ""),
        caveats=caveats_of(municipality, used, areas),
    )


@measure("Kommunen bredvid riket")
def beside_nation(municipality: Municipality, nation: str = "Riket") -> Draft:
    """Return the last values that the municipality and the nation have for the same year, measure by measure.

    Units: as each measure's, see its label; the difference is in percent of the nation's. Index: matt (text), those
    measures that the data give. The difference is missing where the nation's value is zero.
    Formula: skillnad = kommunens värde / rikets värde − 1
    Method (sv): Varje mått gäller det senaste år som både kommunen och riket har. Åren kan därför skilja sig.
    Raises: MissingData where no measure has both.
    Source: data/nationellt/, data/nationellt/kolada/.
    """
    lines, used = {}, []
    for name, way in (
        ("kostnad", cost_per_inhabitant),
        ("sfb", lambda one: users_per_10000(one, "sfb")),
        ("lss", lambda one: users_per_10000(one, "lss")),
        ("timmar", granted_hours),
    ):
        try:
            result = way(municipality)
        except MissingData:
            continue
        if nation not in result.frame or nation == municipality.area:
            continue
        both = result.frame[[municipality.area, nation]].dropna()
        if both.empty:
            continue
        own, other = both.iloc[-1]
        lines[BESIDE[name]] = {"ar": int(both.index[-1]), "kommunen": own, "riket": other}
        used += result.references
    if not lines:
        raise MissingData(f"{municipality.slug}: inget mått finns för både kommunen och riket")
    frame = pd.DataFrame.from_dict(lines, orient="index").rename_axis("matt")
    frame["skillnad_procent"] = (ratio(frame["kommunen"], frame["riket"]) - 1) * 100
    return Draft(
        frame,
        (
            Quantity("ar", "År", "ar"),
            Quantity("kommunen", "Kommunen", "tal", 1),
            Quantity("riket", "Riket", "tal", 1),
            Quantity("skillnad_procent", "Skillnad", "procent", signed=True),
        ),
        tuple(used),
        title=f"{municipality.area} bredvid riket",
    )


BESIDE = {
    "kostnad": "Kostnad per invånare, kr",
    "sfb": "Personer med assistansersättning i december per 10 000 invånare",
    "lss": "Brukare enligt LSS den 1 oktober per 10 000 invånare",
    "timmar": "Beviljade timmar per vecka för dem som har assistansersättning",
}
