"""What the change consists of, and what the schablonbelopp explains."""

from __future__ import annotations

from analysis.measures.decomposition import lss_cost_decomposition, sfb_cost_decomposition
from analysis.measures.result import MissingData, Result
from analysis.measures.schablon import home_care_gap, lss_model, schablon_series, sfb_model, wage_gap
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import moved, which_years
from analysis.present.numbers import NO_BREAK_SPACE, kronor, mnkr, number, percent, rounded
from analysis.present.views import ChartView, Prose, TableView, bullets, prose

_DECOMPOSITIONS = {"lss": lss_cost_decomposition, "sfb": sfb_cost_decomposition}
_MODELS = {"lss": lss_model, "sfb": sfb_model}
# What a year must have for its cost to be divided.
_FACTORS = {"lss": "kostnad, brukare och timmar", "sfb": "kostnad, brukare och schablonbelopp"}


def _decomposed(book: Book, part: str) -> Result | None:
    """Return the decomposition; nothing where there are not two years with its factors."""
    try:
        return _DECOMPOSITIONS[part](book.municipality)
    except MissingData:
        return None


def _modelled(book: Book, part: str) -> Result | None:
    """Return the model; nothing where no year has all that it takes."""
    try:
        return _MODELS[part](book.municipality)
    except MissingData:
        return None


def _signed(value_tkr: float) -> str:
    return f"{number(value_tkr / 1000, 1, signed=True)}{NO_BREAK_SPACE}mnkr"


def decomposition_sentence(book: Book, part: str) -> str:
    """Return the total change of the cost and the two factors that moved it most; nothing without two years."""
    result = _decomposed(book, part)
    if result is None:
        return ""
    effects = result.frame.drop(columns=["fran_ar", "forandring_tkr"]).sum()
    total = result.frame["forandring_tkr"].sum()
    order = effects.abs().sort_values(ascending=False).index[:2]
    parts = " och ".join(f"{_lower(result.quantity(name).label)} ({_signed(effects[name])})" for name in order)
    first = int(result.frame["fran_ar"].iloc[0])
    change = f"{moved(total)} nettokostnaden med {mnkr(abs(total))}" if total else "var nettokostnaden oförändrad"
    return f"Mellan {first} och {result.frame.index[-1]} {change}. Störst betydelse hade faktorerna {parts}."


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def decomposition_text(book: Book, part: str) -> Prose:
    """Return each factor's effect over the whole period, summing to the change, or why there is none."""
    result = _decomposed(book, part)
    if result is None:
        return prose(
            book.absent(
                f"Det krävs minst två år med {_FACTORS[part]} för att dela upp en förändring. Så många finns inte i "
                "underlaget.",
                "Vad förändringen består av",
                lambda whole: _decomposed(whole, part),
            )
        )
    effects = result.frame.drop(columns=["fran_ar", "forandring_tkr"]).sum()
    total = result.frame["forandring_tkr"].sum()
    lines = [f"{result.quantity(name).label}: {_signed(value)}" for name, value in effects.items()]
    return bullets([*lines, f"Summa: {_signed(total)}"])


def decomposition_table(book: Book, part: str) -> TableView | Prose:
    """Return the effects a year; nothing without two years."""
    result = _decomposed(book, part)
    return TableView(book.municipality, result) if result else prose()


def decomposition_chart(book: Book, part: str) -> ChartView | Prose:
    """Return the effects, one panel a factor on one scale; nothing without two years."""
    result = _decomposed(book, part)
    if result is None:
        return prose()
    columns = [name for name in result.frame.columns if name != "fran_ar"]
    return ChartView(
        book.municipality, result, charts.bar_panels(result, columns, height=90), decomposition_sentence(book, part)
    )


def model_sentence(book: Book, part: str) -> str:
    """Return the largest residual, and the years that the model meets within one percent; nothing without a model."""
    result = _modelled(book, part)
    if result is None:
        return ""
    frame = result.frame
    share = frame["rest_procent"].dropna()
    if share.empty:
        return "Modellen ger noll alla år och kan inte jämföras i procent."
    close = [year for year in share.index if abs(rounded(share[year], 1)) <= 1]
    worst = share.abs().idxmax()
    gap = f"{mnkr(abs(frame.loc[worst, 'rest_tkr']))} eller {percent(abs(share[worst]), 1)}"
    side = "över" if share[worst] > 0 else "under"
    largest = f"Störst är skillnaden {worst}: {gap} {side} modellen." if share[worst] else "De stämmer exakt."
    if not close:
        years = which_years(share.index, share.index)
        return f"Den bokförda kostnaden ligger mer än en procent från modellens {years}. {largest}"
    years = which_years(close, list(share.index))
    return f"Den bokförda kostnaden ligger inom en procent av modellens {years}. {largest}"


def model_text(book: Book, part: str) -> Prose:
    """Return how well the model meets the booked cost, with and without one-off items, or why there is none."""
    result = _modelled(book, part)
    if result is None:
        return prose(
            book.absent(
                "Inget år i underlaget har allt som modellen räknar med: kostnad, volym och schablonbelopp.",
                "Hur kostnaden stämmer med modellen",
                lambda whole: _modelled(whole, part),
            )
        )
    frame = result.frame
    sentences = [model_sentence(book, part)]
    if (frame["rest_tkr"] != frame["rest_utan_engangsposter_tkr"]).any():
        booked, without, placed = (
            mnkr(frame[name].abs().mean()) for name in ("rest_tkr", "rest_utan_engangsposter_tkr", "rest_ratt_ar_tkr")
        )
        sentences.append(
            f"I snitt är skillnaden {booked} som bokfört, {without} utan engångsposterna och {placed} med "
            "engångsposterna på rätt år."
        )
    return prose(*sentences)


def model_table(book: Book, part: str) -> TableView | Prose:
    """Return model, booked cost and residuals; nothing without a model."""
    result = _modelled(book, part)
    return TableView(book.municipality, result) if result else prose()


def model_chart(book: Book, part: str) -> ChartView | Prose:
    """Return booked and modelled cost as two lines; nothing without a model."""
    result = _modelled(book, part)
    if result is None:
        return prose()
    return ChartView(
        book.municipality,
        result,
        charts.lines(result, ["modell_tkr", "nettokostnad_tkr"], y_title="tkr"),
        model_sentence(book, part),
    )


def schablon_text(book: Book) -> Prose:
    """Return the amount of the last year on record and its mean increase."""
    frame = schablon_series(book.municipality).frame
    amount = frame["schablonbelopp_kr_per_timme"]
    first, last = amount.index[0], amount.index[-1]
    rise = (amount.iloc[-1] / amount.iloc[0] - 1) * 100
    return prose(
        f"Schablonbeloppet är {kronor(amount.iloc[-1], 2)} per timme {last}, mot {kronor(amount.iloc[0], 2)} {first}: "
        f"{percent(rise, 1)} högre. Den senaste höjningen var {percent(frame['okning_procent'].iloc[-1], 1)}."
    )


def schablon_table(book: Book) -> TableView:
    """Return the schablonbelopp with increase and status, one line a year."""
    return TableView(book.municipality, schablon_series(book.municipality), tall=True)


def wage_sentence(book: Book) -> str:
    """Return the last period's wage growth against the schablonbelopp's."""
    frame = wage_gap(book.municipality).frame
    row = frame.iloc[-1]
    years, group = frame.index[-1].split(", ", 1)
    gap = row["gap_kr_per_timme"]
    compared = "mer än" if gap > 0 else "mindre än" if gap < 0 else "lika mycket som"
    tail = f" Räknat på första årets belopp motsvarar skillnaden {kronor(abs(gap), 2)} per timme." if gap else ""
    wage, amount = row["lon_okning_procent"], row["schablon_okning_procent"]
    return f"Löner {years}, {group}: {_rose(wage)}, {compared} schablonbeloppet ({_rose(amount)}).{tail}"


def _rose(share: float) -> str:
    if not share:
        return "oförändrade"
    return f"{'upp' if share > 0 else 'ner'} {percent(abs(share), 1)}"


def wage_table(book: Book) -> TableView:
    """Return wages beside the schablonbelopp, one line a period."""
    return TableView(book.municipality, wage_gap(book.municipality))


def wage_chart(book: Book) -> ChartView:
    """Return wages beside the schablonbelopp, a pair of bars a period."""
    result = wage_gap(book.municipality)
    return ChartView(
        book.municipality,
        result,
        charts.paired_bars(result, ["lon_okning_procent", "schablon_okning_procent"]),
        wage_sentence(book),
    )


def home_care_text(book: Book) -> Prose:
    """Return home care's hour against assistance's."""
    frame = home_care_gap(book.municipality).frame
    year, row = frame.index[-1], frame.iloc[-1]
    gap = row["skillnad_kr_per_timme"]
    relation = "högre än" if gap > 0 else "lägre än" if gap < 0 else "lika hög som"
    tail = f", en skillnad på {kronor(abs(gap), 2)} eller {percent(abs(row['skillnad_procent']), 1)}" if gap else ""
    return prose(
        f"{year} var hemtjänstens genomsnittliga ersättning {kronor(row['ersattning_kr_per_timme'])} per timme, "
        f"{relation} schablonbeloppet på {kronor(row['schablonbelopp_kr_per_timme'], 2)}{tail}."
    )


def home_care_table(book: Book) -> TableView:
    """Return home care's hour beside assistance's."""
    return TableView(book.municipality, home_care_gap(book.municipality), tall=True)
