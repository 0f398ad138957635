"""The municipal provider: its accounts, its hours and users, what an hour costs, and how it is staffed."""

from __future__ import annotations

import pandas as pd

from analysis.measures.decomposition import yearly_effects
from analysis.measures.result import Draft, MissingData, Quantity, measure, ratio, rows
from analysis.measures.schablon import days_in_year
from analysis.measures.stated import highest_payment
from analysis.sources.municipality import Municipality
from analysis.sources.registers import DatedValue
from analysis.sources.schema import LAWS

EVERY_LAW = "alla"
LAW_NAMES = {"lss": "enligt LSS", "sfb": "enligt SFB"}
REVENUE = Quantity("intakter_tkr", "Summa intäkter", "tkr")
COST = Quantity("kostnader_tkr", "Summa kostnader", "tkr")
RESULT = Quantity("resultat_tkr", "Resultat", "tkr", signed=True)
GRANTED = Quantity("tillskott_tkr", "Anslag utöver ersättningen", "tkr")
DEVIATION = Quantity("avvikelse_tkr", "Budgetavvikelse med anslag", "tkr", signed=True)
COUNTED_ONCE = (
    "Brukarna är räknade vid ett tillfälle om året, timmarna under hela året. Har brukare börjat eller slutat under "
    "året blir timmarna per brukare för många eller för få."
)
ON_CALL_FACT = "jour_dubbelbemanning"
TO_TKR = {"tkr": 1, "mnkr": 1000}


def _by_account(municipality: Municipality, kind: str) -> tuple[pd.DataFrame, tuple[Quantity, ...]]:
    """Return the amounts of one kind of account, a column an account in order, with the accounts' last names."""
    used = rows(municipality, "konton")
    used = used[used["slag"] == kind].sort_values(["konto", "ar"])
    names = used.groupby("konto")["benamning"].last()
    frame = used.pivot(index="ar", columns="konto", values="belopp_tkr").sort_index()
    quantities = tuple(Quantity(f"{kind}_{account}", f"{account} {name}", "tkr") for account, name in names.items())
    frame.columns = [quantity.name for quantity in quantities]
    return frame, quantities


@measure("Den kommunala utförarens intäkter, kostnader och resultat")
def own_accounts(municipality: Municipality) -> Draft:
    """Return the provider's accounts with sums, the result, and the deviation with grants from the municipality.

    Units: tkr; costs are positive, a deficit is a negative result. Index: ar, one row a year with any account.
    Columns: one an account (`intakt_11`, `kostnad_20`), missing where the year has no row for it.
    Formula: resultat = summan av intäkterna − summan av kostnaderna; budgetavvikelse = resultat + anslag
    Method (sv): Ett konto som inte är tryckt för ett år räknas som noll i summan. Finns bara intäkter eller bara
        kostnader för ett år räknas inget resultat. Anslagen är pengar som kommunen har gett utföraren utöver
        ersättningen för timmarna.
    Raises: MissingData where the municipality has no accounts.
    Source: the municipality's tables `konton` and `tillskott`.
    """
    used = [rows(municipality, "konton")]
    revenue, revenue_accounts = _by_account(municipality, "intakt")
    cost, cost_accounts = _by_account(municipality, "kostnad")
    frame = pd.concat([revenue, cost], axis=1).sort_index()
    frame["intakter_tkr"] = frame[list(revenue.columns)].sum(axis=1, min_count=1)
    frame["kostnader_tkr"] = frame[list(cost.columns)].sum(axis=1, min_count=1)
    frame["resultat_tkr"] = frame["intakter_tkr"] - frame["kostnader_tkr"]
    quantities = (*revenue_accounts, REVENUE, *cost_accounts, COST, RESULT)
    if municipality.has("tillskott"):
        grants = rows(municipality, "tillskott")
        used.append(grants)
        frame["tillskott_tkr"] = grants.groupby("ar")["belopp_tkr"].sum().reindex(frame.index).fillna(0.0)
        frame["avvikelse_tkr"] = frame["resultat_tkr"] + frame["tillskott_tkr"]
        quantities = (*quantities, GRANTED, DEVIATION)
    return Draft(frame.rename_axis("ar"), quantities, tuple(used))


@measure("Vad kostnaderna består av")
def own_cost_shares(municipality: Municipality) -> Draft:
    """Return each cost account's share of the year's costs.

    Units: percent. Index: ar, the years with costs; a share is missing where the year has no row for the account.
    Formula: andel = kontots kostnad / summan av kostnaderna
    Method (sv): Andelarna i ett år blir tillsammans 100 procent, före avrundning.
    Raises: MissingData where the municipality has no costs.
    Source: the municipality's table `konton`.
    """
    used = rows(municipality, "konton", slag="kostnad")
    cost, accounts = _by_account(municipality, "kostnad")
    total = cost.sum(axis=1)
    frame = cost.apply(lambda account: ratio(account, total) * 100)
    quantities = tuple(Quantity(account.name, account.label, "procent", decimals=1) for account in accounts)
    return Draft(frame, quantities, (used,))


@measure("Utförda timmar och brukare hos den kommunala utföraren")
def own_volumes(municipality: Municipality) -> Draft:
    """Return performed hours and users by law and together.

    Units: hours a year, persons. Index: ar, one row a year. The sums are missing where one of the laws is.
    Columns: timmar_lss, timmar_sfb, timmar_alla, brukare_lss, brukare_sfb, brukare_alla; only the sums where the
    municipality reports a single law.
    Formula: sammanlagt = enligt LSS + enligt SFB
    Method (sv): Timmarna är utförda under året. Brukarna är räknade vid ett tillfälle, och fler eller färre kan ha
        haft kommunen som utförare under året.
    Raises: MissingData where the municipality has no such table.
    Source: the municipality's table `egen_regi`.
    """
    used = rows(municipality, "egen_regi")
    laws = [law for law in sorted(LAWS) if (used["lag"] == law).any()]
    columns, quantities = {}, []
    for name, column, unit in (("timmar", "utforda_timmar", "timmar"), ("brukare", "brukare_antal", "antal")):
        by_law = used.pivot(index="ar", columns="lag", values=column).astype("float64").sort_index()
        label = "Utförda timmar" if name == "timmar" else "Brukare"
        if by_law.isna().all(axis=None):
            continue
        for law in laws if len(laws) > 1 else ():
            columns[f"{name}_{law}"] = by_law[law]
            quantities.append(Quantity(f"{name}_{law}", f"{label} {LAW_NAMES[law]}", unit))
        columns[f"{name}_{EVERY_LAW}"] = by_law[laws].sum(axis=1, skipna=False)
        together = "sammanlagt" if len(laws) > 1 else LAW_NAMES[laws[0]]
        quantities.append(Quantity(f"{name}_{EVERY_LAW}", f"{label} {together}", unit))
    return Draft(pd.DataFrame(columns).rename_axis("ar"), tuple(quantities), (used,))


@measure("Timmar per brukare hos den kommunala utföraren")
def own_hours_per_user(municipality: Municipality) -> Draft:
    """Return performed hours per user, a week and a month, by law and together.

    Units: hours a week, hours a month. Index: ar, the years with both. No value where there were no users.
    Columns: vecka_lss, vecka_sfb, vecka_alla, manad_lss, manad_sfb, manad_alla, as in own_volumes.
    Formula: timmar per brukare och vecka = utförda timmar / (brukare × årets dagar / 7); per månad = utförda timmar /
        (brukare × 12)
    Method (sv): Årets timmar delas med de brukare som räknades vid årets mätning, och med årets veckor eller månader.
    Raises: MissingData where no year has both hours and users above zero.
    Source: the municipality's table `egen_regi`.
    """
    volumes = own_volumes(municipality)
    weeks = pd.Series({year: days_in_year(year) / 7 for year in volumes.frame.index}, dtype="float64")
    laws = [law for law in (*sorted(LAWS), EVERY_LAW) if f"brukare_{law}" in volumes.frame]
    columns, quantities = {}, []
    for name, label, parts in (("vecka", "Per vecka", weeks), ("manad", "Per månad", 12)):
        for law in laws:
            columns[f"{name}_{law}"] = ratio(volumes.frame[f"timmar_{law}"], volumes.frame[f"brukare_{law}"] * parts)
            whom = f"brukare {LAW_NAMES[law]}" if law in LAW_NAMES else "alla brukare"
            quantities.append(Quantity(f"{name}_{law}", f"{label}, {whom}", "timmar", decimals=1))
    frame = pd.DataFrame(columns).dropna(how="all")
    if frame.empty:
        raise MissingData(f"{municipality.slug}: egen_regi saknar ett år med både timmar och brukare")
    return Draft(
        frame.rename_axis("ar"), tuple(quantities), (rows(municipality, "egen_regi"),), caveats=(COUNTED_ONCE,)
    )


def _hours(municipality: Municipality, years: pd.Index) -> pd.Series:
    """Return the hours of both laws together in the years given, missing where unknown or zero.

    Raises MissingData where no year has any.
    """
    hours = own_volumes(municipality).frame[f"timmar_{EVERY_LAW}"].reindex(years)
    hours = hours.where(hours > 0).dropna()
    if hours.empty:
        raise MissingData(f"{municipality.slug}: konton och egen_regi har inget år gemensamt med timmar")
    return hours


def _payment(municipality: Municipality, years: pd.Index) -> pd.DataFrame:
    """Return the schablonbelopp and the highest payment of the years, missing where they are not on record."""
    return highest_payment(municipality).frame.reindex(years)


def _amounts(municipality: Municipality, parameter: str, years: pd.Index) -> list[DatedValue]:
    """Return a parameter's values in those of the years that it covers."""
    values = municipality.parameters[parameter]
    return [values.in_year(year) for year in years if values.covers(year)]


@measure("Kostnad, intäkt och resultat per utförd timme")
def own_hour(municipality: Municipality) -> Draft:
    """Return the provider's cost, revenue and result per performed hour, beside the year's schablonbelopp.

    Units: kr per hour, percent, hours. Index: ar, the years with accounts and hours above zero.
    Formula: kostnad per timme = summan av kostnaderna × 1 000 / utförda timmar; likadant för intäkter och resultat;
        över schablonbeloppet = kostnad per timme − schablonbelopp
    Method (sv): Timmarna är de utförda enligt båda lagarna sammanlagda. Alla utförarens kostnader och intäkter är
        med, även sådana som inte följer timmarna. Anslag från kommunen räknas inte in.
    Raises: MissingData where no year has both accounts and hours.
    Source: the municipality's tables `konton` and `egen_regi`; parametrar.yml.
    """
    accounts = own_accounts(municipality).frame
    hours = _hours(municipality, accounts.index)
    frame = pd.DataFrame({"utforda_timmar": hours})
    for name in ("kostnad", "intakt"):
        frame[f"{name}_kr_per_timme"] = accounts[f"{name}er_tkr"].loc[hours.index] * 1000 / hours
    frame["resultat_kr_per_timme"] = frame["intakt_kr_per_timme"] - frame["kostnad_kr_per_timme"]
    frame["schablonbelopp_kr_per_timme"] = _payment(municipality, hours.index)["schablonbelopp_kr_per_timme"]
    frame["over_schablon_kr_per_timme"] = frame["kostnad_kr_per_timme"] - frame["schablonbelopp_kr_per_timme"]
    frame["over_schablon_procent"] = (
        ratio(frame["over_schablon_kr_per_timme"], frame["schablonbelopp_kr_per_timme"]) * 100
    )
    return Draft(
        frame.rename_axis("ar"),
        (
            Quantity("utforda_timmar", "Utförda timmar", "timmar"),
            Quantity("kostnad_kr_per_timme", "Kostnad", "kr_per_timme", 2),
            Quantity("intakt_kr_per_timme", "Intäkt", "kr_per_timme", 2),
            Quantity("resultat_kr_per_timme", "Resultat", "kr_per_timme", 2, signed=True),
            Quantity("schablonbelopp_kr_per_timme", "Schablonbelopp", "kr_per_timme", 2),
            Quantity("over_schablon_kr_per_timme", "Kostnad över schablonbeloppet", "kr_per_timme", 2, signed=True),
            Quantity("over_schablon_procent", "Kostnad över schablonbeloppet", "procent", 1, signed=True),
        ),
        (
            rows(municipality, "konton"),
            rows(municipality, "egen_regi"),
            *_amounts(municipality, "schablonbelopp", hours.index),
        ),
    )


@measure("Intäkt per utförd timme, konto för konto")
def own_revenue_per_hour(municipality: Municipality) -> Draft:
    """Return each revenue account per performed hour, beside the schablonbelopp and the most that the state may pay.

    Units: kr per hour. Index: ar, the years with revenue and hours above zero.
    Columns: one an account (`intakt_11`), `intakter_kr_per_timme`, and those of highest_payment.
    Formula: intäkt per timme = kontots belopp × 1 000 / utförda timmar
    Method (sv): Timmarna är de utförda enligt båda lagarna sammanlagda. Ger ett konto ensamt mer per timme än det
        högsta som staten kan betala måste kontot innehålla annat, eller timmarna vara för få.
    Raises: MissingData where no year has both revenue and hours.
    Source: the municipality's tables `konton` and `egen_regi`; parametrar.yml.
    """
    revenue, accounts = _by_account(municipality, "intakt")
    hours = _hours(municipality, revenue.index)
    frame = revenue.loc[hours.index].mul(1000).div(hours, axis=0)
    frame["intakter_kr_per_timme"] = frame.sum(axis=1)
    frame = pd.concat([frame, _payment(municipality, hours.index)], axis=1)
    return Draft(
        frame.rename_axis("ar"),
        (
            *(Quantity(account.name, account.label, "kr_per_timme", 2) for account in accounts),
            Quantity("intakter_kr_per_timme", "Alla intäkter", "kr_per_timme", 2),
            Quantity("schablonbelopp_kr_per_timme", "Schablonbelopp", "kr_per_timme", 2),
            Quantity("hogsta_kr_per_timme", "Högsta statliga ersättning", "kr_per_timme", 2),
        ),
        (
            rows(municipality, "konton", slag="intakt"),
            rows(municipality, "egen_regi"),
            *_amounts(municipality, "schablonbelopp", hours.index),
            *_amounts(municipality, "hojt_belopp_tak", hours.index),
        ),
    )


@measure("Vad ändringen av den kommunala utförarens kostnad består av")
def own_cost_decomposition(municipality: Municipality) -> Draft:
    """Split each year's change in the provider's cost into hours, cost per hour and what they do together.

    Units: tkr. Index: ar, from the second year on; fran_ar is the year compared with.
    Formula: kostnad = utförda timmar × kostnad per timme; varje effekt = faktorns egen förändring × den andra faktorns
        värde året före; samspel = förändringen − effekternas summa
    Method (sv): Samspelet är det som uppstår när båda ändras samtidigt; med det går summan alltid jämnt ut. Att
        timmarna blir färre sänker sällan kostnaden lika mycket, eftersom en del av kostnaden inte följer timmarna. Då
        stiger kostnaden per timme.
    Raises: MissingData where fewer than two years have both costs and hours.
    Source: the municipality's tables `konton` and `egen_regi`.
    """
    cost = own_accounts(municipality).frame["kostnader_tkr"].dropna()
    hours = _hours(municipality, cost.index)
    if len(hours) < 2:
        raise MissingData(f"{municipality.slug}: färre än två år med kostnader och utförda timmar")
    factors = pd.DataFrame({"timmar_tkr": hours, "pris_tkr": cost.loc[hours.index] / hours})
    frame = yearly_effects(factors).rename(columns={"samverkan": "samverkan_tkr"})
    return Draft(
        frame,
        (
            Quantity("fran_ar", "Jämfört med år", "ar"),
            Quantity("timmar_tkr", "Utförda timmar", "tkr", signed=True),
            Quantity("pris_tkr", "Kostnad per timme", "tkr", signed=True),
            Quantity("samverkan_tkr", "Samspel mellan faktorerna", "tkr", signed=True),
            Quantity("forandring_tkr", "Hela förändringen", "tkr", signed=True),
        ),
        (rows(municipality, "konton", slag="kostnad"), rows(municipality, "egen_regi")),
    )


@measure("Jour och dubbelbemanning utöver schablonbeloppet")
def own_on_call(municipality: Municipality) -> Draft:
    """Return the stated extra cost of on-call time and double staffing, and its share of the deficit.

    Units: tkr, percent, kr per hour. Index: ar, the one year that the stated cost is of.
    A share is missing where there is no deficit, the cost per hour where the hours are unknown.
    Formula: andel = merkostnad / underskott; resultat utan merkostnaden = resultat + merkostnad
    Method (sv): Merkostnaden är den som utredningen anger, avrundad som där. Underskottet räknas både före och efter
        anslag från kommunen. Andelen säger hur stor merkostnaden är i jämförelse, inte att den är hela orsaken.
    Raises: MissingData where the cost is not stated, has another unit or no year, or the year has no result.
    Source: the municipality's tables `fakta`, `konton`, `tillskott` and `egen_regi`.
    """
    stated = rows(municipality, "fakta", uppgift=ON_CALL_FACT)
    unit, when = stated["enhet"].iloc[0], stated["tidpunkt"].iloc[0]
    if unit not in TO_TKR or pd.isna(when) or not when:
        raise MissingData(
            f"{municipality.slug}: {ON_CALL_FACT} saknar år eller har en enhet som inte går att räkna med"
        )
    year = int(when.split("-")[0])
    accounts = own_accounts(municipality)
    result = accounts.frame["resultat_tkr"].dropna()
    if year not in result.index:
        raise MissingData(f"{municipality.slug}: konton saknar resultat för {year}")
    used = [stated, rows(municipality, "konton", ar=year)]
    frame = pd.DataFrame({"merkostnad_tkr": float(stated["varde"].iloc[0]) * TO_TKR[unit]}, index=[year])
    frame["resultat_tkr"] = result[year]
    frame["utan_merkostnad_tkr"] = frame["resultat_tkr"] + frame["merkostnad_tkr"]
    frame["andel_procent"] = _share_of_deficit(frame["merkostnad_tkr"], frame["resultat_tkr"])
    quantities = [
        Quantity("merkostnad_tkr", "Merkostnad för jour och dubbelbemanning", "tkr"),
        RESULT,
        Quantity("utan_merkostnad_tkr", "Resultat utan merkostnaden", "tkr", signed=True),
        Quantity("andel_procent", "Merkostnadens andel av underskottet", "procent"),
    ]
    if "avvikelse_tkr" in accounts.frame:
        frame["avvikelse_tkr"] = accounts.frame["avvikelse_tkr"].loc[year]
        frame["andel_efter_anslag_procent"] = _share_of_deficit(frame["merkostnad_tkr"], frame["avvikelse_tkr"])
        quantities += [
            DEVIATION,
            Quantity("andel_efter_anslag_procent", "Merkostnadens andel av underskottet efter anslag", "procent"),
        ]
        grants = municipality.tables["tillskott"]
        used.append(grants[grants["ar"] == year])
    if municipality.has("egen_regi"):
        hours = own_volumes(municipality).frame[f"timmar_{EVERY_LAW}"].reindex([year])
        frame["merkostnad_kr_per_timme"] = ratio(frame["merkostnad_tkr"] * 1000, hours)
        quantities.append(Quantity("merkostnad_kr_per_timme", "Merkostnad per utförd timme", "kr_per_timme", 2))
        volumes = municipality.tables["egen_regi"]
        used.append(volumes[volumes["ar"] == year])
    return Draft(frame.rename_axis("ar"), tuple(quantities), tuple(used))


def _share_of_deficit(extra: pd.Series, result: pd.Series) -> pd.Series:
    return ratio(extra, -result.where(result < 0)) * 100


USERS_PER_UNIT = "Brukare per enhet"
USERS_PER_MANAGER = "Brukare per chef"
FULL_TIME = "Årsarbetare"
STAFF_PER_FULL_TIME = "Anställda per årsarbetare"
FULL_TIME_PER_USER = "Årsarbetare per brukare"
STAFF_PER_USER = "Anställda per brukare"


@measure("Organisationen i nyckeltal")
def organisation_ratios(municipality: Municipality) -> Draft:
    """Return how many users, staff and managers there are to each other, as far as the stated facts go.

    Units: counts and ratios of counts. Index: nyckeltal (text), those that can be computed.
    Formula: brukare per enhet = brukare hos kommunen / enheter; årsarbetare = årsarbetare per enhet × enheter;
        anställda per årsarbetare = anställda / årsarbetare; likadant för övriga
    Method (sv): Brukarna är de som hade kommunen som utförare vid den senaste räkningen. Uppgifterna om personalen är
        i regel ungefärliga i utredningen, och nyckeltalen därför också. Biträdande chefer räknas som chefer.
    Raises: MissingData where the stated facts give none of them.
    Source: the municipality's tables `fakta` and `val_av_utforare`.
    """
    used = rows(municipality, "fakta")
    facts = used.set_index("uppgift")["varde"].astype("float64")
    stated = {name: float(facts[name]) for name in facts.index}
    counted = _last_count(municipality)
    users = float(counted[0]["kommunen_antal"].iloc[0]) if counted else None
    units, managers, staff = stated.get("enheter"), stated.get("enhetschefer"), stated.get("anstallda")
    staff = stated.get("personliga_assistenter") if staff is None else staff
    managers = None if managers is None else managers + stated.get("bitradande_enhetschefer", 0)
    per_unit = stated.get("arsarbetare_per_enhet")
    full_time = None if per_unit is None or units is None else per_unit * units
    found = {
        USERS_PER_UNIT: _divided(users, units),
        USERS_PER_MANAGER: _divided(users, managers),
        FULL_TIME: full_time,
        STAFF_PER_FULL_TIME: _divided(staff, full_time),
        FULL_TIME_PER_USER: _divided(full_time, users),
        STAFF_PER_USER: _divided(staff, users),
    }
    frame = pd.DataFrame({"varde": {name: value for name, value in found.items() if value is not None}}, dtype=float)
    if frame.empty:
        raise MissingData(f"{municipality.slug}: fakta saknar uppgifter om enheter och personal")
    names = {"enheter", "enhetschefer", "bitradande_enhetschefer", "arsarbetare_per_enhet", "anstallda"}
    names.add("personliga_assistenter")
    references = (used[used["uppgift"].isin(names)], *counted)
    return Draft(frame.rename_axis("nyckeltal"), (Quantity("varde", "Antal", "antal"),), references)


def _last_count(municipality: Municipality) -> list[pd.DataFrame]:
    """Return the last row that tells how many have the municipality as provider; nothing where it is not shown."""
    occasion = ["tidpunkt", "lag"]

    def last(one: Municipality) -> pd.DataFrame:
        if not one.has("val_av_utforare"):
            return pd.DataFrame(columns=occasion)
        counted = one.tables["val_av_utforare"].dropna(subset=["kommunen_antal"])
        return counted.sort_values(occasion).tail(1)

    shown, counted = last(municipality), last(municipality.unprotected or municipality)
    newest = shown[occasion].to_numpy().tolist() == counted[occasion].to_numpy().tolist()
    return [shown] if newest and len(shown) else []


def _divided(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other
