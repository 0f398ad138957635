"""What falls away and what is taken back if the state takes over the responsibility."""

from __future__ import annotations

import pandas as pd

from analysis.measures.comparison import cost_per_inhabitant
from analysis.measures.economy import budget_outcome
from analysis.measures.own_provision import own_accounts
from analysis.measures.result import Draft, MissingData, Quantity, measure, national_rows, rows
from analysis.measures.scenario import OWN, PRINTED, form_inputs, own_net_cost, stated_hours
from analysis.measures.schablon import days_in_year
from analysis.sources.municipality import Municipality
from analysis.sources.registers import DatedValue

NATION = "Riket"
FALLS_AWAY, REMAINS, ADDED = "Faller bort", "Blir kvar", "Ny intäkt"
FIRST_HOURS_ITEM = "De första timmarna i veckan enligt SFB"


def grant_cut_per_inhabitant(municipality: Municipality) -> tuple[float, DatedValue, pd.DataFrame]:
    """Return the proposed cut in the general grant in kr per inhabitant, the cut in mnkr and the nation's people."""
    cut = municipality.parameters["forstatligande_anslag"].values[-1]
    people = national_rows(municipality, "befolkning", omrade=NATION, ar=cut.start.year)
    return cut.value * 1000 * 1000 / float(people["invanare_antal"].iloc[0]), cut, people


@measure("Vad som faller bort och dras in per invånare")
def takeover_per_inhabitant(municipality: Municipality) -> Draft:
    """Return cost per inhabitant, the proposed cut in the grant per inhabitant, and what remains, by area.

    Units: kr per inhabitant in the year whose level the proposal uses. Index: omrade (text), the municipality last;
    only the nation where the municipality has no cost per inhabitant.
    Formula: indraget per invånare = minskningen av anslaget / rikets folkmängd; kvar = kostnad per invånare − indraget
        per invånare
    Method (sv): Kostnaden gäller alla utförare. I den ingår vad kommunens egen utförare kostar utöver ersättningen,
        och den delen blir kvar så länge kommunen själv utför assistans. Skillnaden är därför det mesta som kommunen
        kan vinna, inte en uträknad besparing. Anslaget fördelas efter invånare, så minskningen räknas som lika stor
        per invånare i alla kommuner. Utjämningen av LSS-kostnader mellan kommuner skulle också ändras; det ingår inte.
    Raises: MissingData where no cost is known for the year.
    Source: data/nationellt/kostnad_per_invanare.csv, befolkning.csv, parametrar.yml.
    """
    taken, cut, people = grant_cut_per_inhabitant(municipality)
    year = cut.start.year
    try:
        costs = cost_per_inhabitant(municipality).frame
        areas = list(costs.columns)
    except MissingData:
        table = national_rows(municipality, "kostnad_per_invanare")
        areas = [area for area in municipality.compare_with if area in set(table["omrade"])]
    used = national_rows(municipality, "kostnad_per_invanare", ar=year)
    known = used.set_index("omrade")["kostnad_kr_per_inv"].astype("float64")
    areas = [area for area in areas if area in known.index]
    if not areas:
        raise MissingData(f"{municipality.slug}: ingen kostnad per invånare för {year}")
    frame = pd.DataFrame({"kostnad_kr_per_inv": known.loc[areas], "indraget_kr_per_inv": taken}).rename_axis("omrade")
    frame["kvar_kr_per_inv"] = frame["kostnad_kr_per_inv"] - frame["indraget_kr_per_inv"]
    return Draft(
        frame,
        (
            Quantity("kostnad_kr_per_inv", "Kommunens kostnad", "kr_per_inv", as_given=True),
            Quantity("indraget_kr_per_inv", "Anslag som dras in", "kr_per_inv"),
            Quantity("kvar_kr_per_inv", "Skillnad", "kr_per_inv", signed=True),
        ),
        (used[used["omrade"].isin(areas)], cut, people),
        title=f"Kommunens kostnad och anslaget som skulle dras in, {year}",
    )


@measure("Anslaget som skulle dras in, i kronor")
def takeover_in_kronor(municipality: Municipality) -> Draft:
    """Return the municipality's part of the proposed cut, and beside it its cost where that is known for the year.

    Units: mnkr in the year whose level the proposal uses. Index: post (text).
    Formula: indraget = minskningen av anslaget × kommunens invånare / rikets invånare; kostnad = kostnad per invånare
        × kommunens invånare; skillnad = kostnad − indraget
    Method (sv): Anslaget fördelas efter invånare. Invånarna räknas den 31 december det år som förslagets belopp gäller,
        eller, om folkmängden då inte är känd, det senaste år som både kommunens och rikets är kända. Kostnaden står
        bredvid bara när den gäller samma år som förslagets belopp. Utjämningen av LSS-kostnader ingår inte.
    Raises: MissingData where no year has both populations.
    Source: data/nationellt/befolkning.csv and kostnad_per_invanare.csv, data/nationellt/kolada/, parametrar.yml.
    """
    cut = municipality.parameters["forstatligande_anslag"].values[-1]
    level = cut.start.year
    table = national_rows(municipality, "befolkning")
    own, nation = (
        table[table["omrade"] == area].set_index("ar")["invanare_antal"] for area in (municipality.area, NATION)
    )
    years = sorted(own.index.intersection(nation.index))
    if not years:
        raise MissingData(f"{municipality.slug}: ingen folkmängd för samma år som rikets")
    year = level if level in years else years[-1]
    taken = cut.value * float(own[year]) / float(nation[year])
    rows_ = {"Anslag som dras in": taken}
    used: list = [cut, table[(table["ar"] == year) & table["omrade"].isin([municipality.area, NATION])]]
    costs = municipality.national["kostnad_per_invanare"]
    costs = costs[(costs["omrade"] == municipality.area) & (costs["ar"] == level)]
    if year == level and len(costs):
        cost = float(costs["kostnad_kr_per_inv"].iloc[0]) * float(own[year]) / 1000 / 1000
        rows_ = {"Kommunens kostnad": cost, **rows_, "Skillnad": cost - taken}
        used.append(costs)
    return Draft(
        pd.DataFrame({"belopp_mnkr": rows_}).rename_axis("post"),
        (Quantity("belopp_mnkr", f"Belopp i {level} års nivå", "mnkr", 1),),
        tuple(used),
        title=f"Kommunens kostnad och anslaget som skulle dras in, i kronor, {level}"
        if len(rows_) > 1
        else f"Anslaget som skulle dras in, i kronor, räknat på folkmängden {year}",
    )


@measure("Vad som faller bort och blir kvar i kommunen")
def takeover_amounts(municipality: Municipality) -> Draft:
    """Return the municipality's costs that fall away, those that remain, and the new income, for its last year.

    Units: tkr a year. Index: post (text), one row an item that the municipality's data give.
    Formula: de första timmarna, där de inte är bokförda = personer med SFB × timmar i veckan × årets dagar / 7 ×
        schablonbelopp; ny intäkt = timmar i egen regi × höjningen för sjuklöner
    Method (sv): Bokförda belopp används där de finns. Annars räknas de första timmarna på antalet personer, som om
        alla hade assistans hela året. Det underskott som kommunens egen utförare har blir kvar så länge kommunen
        fortsätter att utföra assistans. Höjningen är i 2022 års nivå och räknas inte upp.
    Raises: MissingData where the municipality has nothing to compute with.
    Source: ekonomi, konton, val_av_utforare, egen_regi, scenario; brukare_1_oktober, brukare_december,
    parametrar.yml.
    """
    items: list[tuple[str, str, int, float]] = []
    used: list = []
    for item in (_first_hours, _own_decisions, _own_provision, _sick_pay):
        found = item(municipality)
        if found:
            row, references = found
            items.append(row)
            used += references
    if not items:
        raise MissingData(f"{municipality.slug}: inget att räkna med")
    frame = pd.DataFrame(items, columns=["post", "hander", "ar", "belopp_tkr"]).set_index("post")
    return Draft(
        frame,
        (
            Quantity("hander", "Vid ett övertagande", "text"),
            Quantity("ar", "År", "ar"),
            Quantity("belopp_tkr", "Belopp per år", "tkr"),
        ),
        tuple(used),
    )


def _booked(municipality: Municipality, part: str) -> tuple[int, float] | None:
    if not municipality.has(f"ekonomi:{part}"):
        return None
    costs = budget_outcome(municipality, part).frame["nettokostnad_tkr"]
    return int(costs.index[-1]), float(costs.iloc[-1])


def _first_hours(municipality):
    booked = _booked(municipality, "sfb")
    if booked:
        return (f"{FIRST_HOURS_ITEM}, bokfört", FALLS_AWAY, *booked), [rows(municipality, "ekonomi", verksamhet="sfb")]
    counted = _people_with_sfb(municipality)
    if counted is None:
        return None
    row, year, people = counted
    rate = municipality.parameters["schablonbelopp"]
    if not rate.covers(year):
        return None
    hours, amount = municipality.parameters["forsta_timmar"].in_year(year), rate.in_year(year)
    cost = people * hours.value * days_in_year(year) / 7 * amount.value / 1000
    return (f"{FIRST_HOURS_ITEM}, räknat på antalet personer", FALLS_AWAY, year, cost), [row, hours, amount]


def _people_with_sfb(municipality):
    """Return the last count of persons with SFB: the row, its year and the count; None where there is none."""
    table = municipality.tables.get("val_av_utforare")
    table = table[table["lag"] == "sfb"] if table is not None else None
    if table is not None and not table.empty:
        row = table.sort_values("tidpunkt").tail(1)
        return row, int(row["tidpunkt"].iloc[0].split("-")[0]), float(row["totalt_antal"].iloc[0])
    counts = []
    if municipality.has("nationellt:brukare_1_oktober:sfb"):
        counts.append(national_rows(municipality, "brukare_1_oktober", omrade=municipality.area, verksamhet="sfb"))
    if municipality.has("nationellt:brukare_december"):
        counts.append(national_rows(municipality, "brukare_december", omrade=municipality.area))
    if not counts:
        return None
    newest = max((table.sort_values("ar").tail(1) for table in counts), key=lambda row: int(row["ar"].iloc[0]))
    return newest, int(newest["ar"].iloc[0]), float(newest["antal"].iloc[0])


def _own_decisions(municipality):
    booked = _booked(municipality, "lss")
    if not booked:
        return None
    return ("Assistans enligt LSS, bokfört", FALLS_AWAY, *booked), [rows(municipality, "ekonomi", verksamhet="lss")]


def _own_provision(municipality):
    booked = _booked(municipality, "utforare")
    if booked:
        used = rows(municipality, "ekonomi", verksamhet="utforare")
        return ("Kommunalt utförande utöver ersättningen", REMAINS, *booked), [used]
    if not municipality.has("konton"):
        return _stated_provision(municipality)
    result = own_accounts(municipality).frame["resultat_tkr"].dropna()
    if result.empty:
        return None
    used = rows(municipality, "konton", ar=int(result.index[-1]))
    return ("Kommunalt utförande utöver ersättningen", REMAINS, int(result.index[-1]), -float(result.iloc[-1])), [used]


def _stated_provision(municipality):
    if not municipality.has("scenario"):
        return None
    own = form_inputs(municipality, PRINTED, OWN)
    gap = own_net_cost(own.hours, own.cost, own.payment, 0)
    return ("Kommunalt utförande utöver ersättningen, enligt utredningen", REMAINS, own.year, gap), list(own.used)


def _sick_pay(municipality):
    rise = municipality.parameters["forstatligande_sjuklon"].values[-1]
    if municipality.has("egen_regi"):
        used = rows(municipality, "egen_regi")
        hours = used.groupby("ar")["utforda_timmar"].sum()
        year, time = int(hours.index[-1]), float(hours.iloc[-1])
    elif municipality.has("scenario"):
        own = form_inputs(municipality, PRINTED, OWN)
        used, year, time = stated_hours(municipality), own.year, own.hours
    else:
        return None
    return ("Höjd ersättning för utförarens egna sjuklöner", ADDED, year, time * rise.value / 1000), [used, rise]


@measure("Så ändras reglerna vid ett statligt huvudmannaskap")
def takeover_changes(municipality: Municipality) -> Draft:
    """Return what the proposal changes, beside the rules of today.

    Units: text. Index: fraga (text), in the table's order.
    Formula: ingen beräkning; dagens regler bredvid förslaget
    Method (sv): Förslaget återges efter en kommuns utredning och är inte beslutat.
    Raises: MissingData where the table is empty. Source: data/nationellt/forstatligande.csv.
    """
    used = national_rows(municipality, "forstatligande").sort_values("ordning")
    return Draft(
        used.set_index("fraga")[["i_dag", "forslag"]],
        (Quantity("i_dag", "I dag", "text"), Quantity("forslag", "Enligt förslaget", "text")),
        (used,),
    )
