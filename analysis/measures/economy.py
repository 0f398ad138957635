"""Budget, net cost and deviation: the whole and its parts."""

from __future__ import annotations

import pandas as pd

from analysis.measures.result import Draft, MissingData, Quantity, measure, ratio, rows
from analysis.sources.municipality import Municipality

PART_NAMES = {
    "totalt": "personlig assistans i sin helhet",
    "sfb": "personlig assistans enligt SFB",
    "lss": "personlig assistans enligt LSS",
    "utforare": "kommunalt utförande",
}

BUDGET = Quantity("budget_tkr", "Budget", "tkr")
NET_COST = Quantity("nettokostnad_tkr", "Nettokostnad", "tkr")
DEVIATION = Quantity("budgetavvikelse_tkr", "Budgetavvikelse", "tkr", signed=True)


def economy_rows(municipality: Municipality, part: str) -> pd.DataFrame:
    """Return the rows of `ekonomi` that make up a part; for `totalt` each year's own row, else all the parts'.

    A sum over fewer parts than there are is not the whole: a year without one of them is left out. Raises MissingData
    where there are no rows.
    """
    if part != "totalt":
        return rows(municipality, "ekonomi", verksamhet=part)
    frame = rows(municipality, "ekonomi")
    years = municipality.years_of_the_whole()
    if not years:
        raise MissingData(f"{municipality.slug}: inget år har uppgifter för alla delar")
    frame = frame[frame["ar"].isin(years)]
    own = frame["verksamhet"] == "totalt"
    return frame[own | ~frame["ar"].isin(frame.loc[own, "ar"])]


def parts_of(municipality: Municipality) -> list[str]:
    """Return the parts that the municipality reports, in the order SFB, LSS, provider."""
    present = set(rows(municipality, "ekonomi")["verksamhet"])
    return [part for part in PART_NAMES if part in present and part != "totalt"]


@measure("Budget, nettokostnad och budgetavvikelse")
def budget_outcome(municipality: Municipality, part: str = "totalt") -> Draft:
    """Return budget, net cost and deviation for the whole or one part.

    Units: tkr; costs are positive, a deficit is a negative deviation.
    Index: ar (int), one row a year, ascending.
    Formula: budgetavvikelse = budget − nettokostnad; helheten = summan av delarna
    Method (sv): Kostnader räknas som positiva tal. Ett underskott ger en negativ budgetavvikelse. Ett år räknas
        med i helheten bara om alla delar har uppgifter för året. Har helheten en egen rad för året gäller den.
    Raises: MissingData where the municipality has no rows for the part.
    Source: the municipality's table `ekonomi`.
    """
    used = economy_rows(municipality, part)
    grouped = used.groupby("ar")
    frame = grouped[["budget_tkr", "nettokostnad_tkr"]].sum(min_count=1)
    budgeted = grouped["budget_tkr"].count() == grouped["verksamhet"].count()
    frame["budget_tkr"] = frame["budget_tkr"].where(budgeted)
    frame["budgetavvikelse_tkr"] = frame["budget_tkr"] - frame["nettokostnad_tkr"]
    return Draft(
        frame.sort_index(),
        (BUDGET, NET_COST, DEVIATION),
        (used,),
        title=f"Budget och nettokostnad, {PART_NAMES[part]}",
        key=part,
    )


@measure("Budgetavvikelse efter del")
def deviation_by_part(municipality: Municipality) -> Draft:
    """Return the deviation of each part and that of the whole: their sum, or as the municipality states it.

    Units: tkr, a deficit is negative. Index: ar, one row a year in which the whole is known.
    Formula: helhetens avvikelse = delarnas avvikelser sammanlagda
    Method (sv): Delarnas avvikelser läggs ihop och ger helhetens. Har helheten en egen rad för ett år gäller den, och
        då kan delarna sammanlagda ge något annat.
    Raises: MissingData where the municipality has no economy.
    Source: the municipality's table `ekonomi`.
    """
    total = budget_outcome(municipality).frame["budgetavvikelse_tkr"]
    columns, quantities, used = {}, [], [economy_rows(municipality, "totalt")]
    for part in parts_of(municipality):
        columns[part] = budget_outcome(municipality, part).frame["budgetavvikelse_tkr"]
        quantities.append(Quantity(part, PART_NAMES[part][0].upper() + PART_NAMES[part][1:], "tkr", signed=True))
    frame = pd.DataFrame(columns).reindex(total.index)
    frame["totalt"] = total
    stated = (used[0]["verksamhet"] == "totalt").any()
    quantities.append(Quantity("totalt", "Helheten" if stated else "Summa", "tkr", signed=True))
    return Draft(frame, tuple(quantities), tuple(used))


def change_between(series: pd.Series, first: int | None = None, last: int | None = None) -> tuple[float, float]:
    """Return the change from the first to the last year, in the series' unit and in percent.

    The percentage is NaN where the first value is zero or either is missing. `first` and `last` default to
    the series' ends. Raises KeyError for a year that is not in the series.
    """
    values = series.dropna()
    if values.empty:
        return float("nan"), float("nan")
    start = values.loc[values.index[0] if first is None else first]
    end = values.loc[values.index[-1] if last is None else last]
    change = float(end - start)
    return change, (change / abs(start) * 100 if start else float("nan"))


def yearly_change(series: pd.Series) -> pd.DataFrame:
    """Return the change from one year in the series to the next, in its unit and in percent.

    Index: ar, from the second year on; column `fran_ar` names the year compared with, so that a gap shows.
    """
    values = series.dropna()
    previous = values.shift()
    frame = pd.DataFrame(
        {
            "fran_ar": pd.Series(values.index, index=values.index).shift(),
            "forandring": values - previous,
            "forandring_procent": ratio(values - previous, previous.abs()) * 100,
        }
    )
    return frame.iloc[1:].astype({"fran_ar": int})


@measure("Prognoser och utfall")
def forecasts(municipality: Municipality) -> Draft:
    """Return the forecasts of the year's deviation, in the order they were made, and the outcome last.

    Units: mnkr, a deficit is negative. Index: tillfalle (text), one row a forecast.
    Formula: utfall (mnkr) = budgetavvikelse (tkr) / 1 000
    Method (sv): Prognoserna är avrundade i källan. Utfallet räknas fram ur budget och nettokostnad.
    Raises: MissingData where there is no forecast or no outcome for its year.
    Source: the municipality's tables `prognoser` and `ekonomi`.
    """
    used = rows(municipality, "prognoser").sort_values(["avser_ar", "ordning"])
    year = int(used["avser_ar"].iloc[-1])
    used = used[used["avser_ar"] == year]
    frame = used.set_index("tillfalle")[["budgetavvikelse_mnkr"]].copy()
    outcome = budget_outcome(municipality).frame["budgetavvikelse_tkr"]
    if year not in outcome.index:
        raise MissingData(f"{municipality.slug}: inget utfall för {year}")
    frame.loc[f"Bokslut {year}"] = outcome.loc[year] / 1000
    frame["ar"] = year
    return Draft(
        frame,
        (Quantity("budgetavvikelse_mnkr", "Budgetavvikelse", "mnkr", 1, signed=True),),
        (used, economy_rows(municipality, "totalt")),
        title=f"Prognoser och utfall för {year}",
    )
