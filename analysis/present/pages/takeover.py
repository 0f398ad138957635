"""A state takeover: what the proposal changes, and what it means per inhabitant and for the municipality."""

from __future__ import annotations

import pandas as pd

from analysis.measures.law import events
from analysis.measures.result import MissingData, Result
from analysis.measures.takeover import (
    ADDED,
    FALLS_AWAY,
    FIRST_HOURS_ITEM,
    grant_cut_per_inhabitant,
    takeover_amounts,
    takeover_changes,
    takeover_in_kronor,
    takeover_per_inhabitant,
)
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import capitalised, genitive, listed
from analysis.present.numbers import kronor, mnkr, number, rounded, tkr
from analysis.present.views import ChartView, Prose, TableView, prose

THEME = "forstatligande"


def proposal_text(book: Book) -> Prose:
    """Return the proposal in three sentences, with its amounts."""
    parameters = book.municipality.parameters
    per_inhabitant, cut, _ = grant_cut_per_inhabitant(book.municipality)
    rise = parameters["forstatligande_sjuklon"].values[-1]
    return prose(
        "Utredningen SOU 2023:9 föreslog att staten, genom Försäkringskassan, tar över ansvaret för all personlig "
        "assistans. Kommunerna slipper då betala för de första timmarna i veckan och för assistansen enligt LSS.",
        f"I gengäld minskas anslaget för kommunalekonomisk utjämning med {number(cut.value)}\u00a0mnkr i "
        f"{cut.start.year} års nivå, {kronor(per_inhabitant)} per invånare i riket. Utförarna ska själva bära sina "
        f"sjuklöner, och schablonbeloppet höjs för det med {kronor(rise.value, 2)} per timme ({rise.start.year} års "
        "nivå).",
    )


def timeline_text(book: Book) -> Prose:
    """Return what the latest word is."""
    frame = events(book.municipality, THEME).frame
    last = frame.iloc[-1]
    return prose(f"Det senaste beskedet i listan är från {frame.index[-1][:4]}: {_lower(last['innebord'])}.")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def timeline_table(book: Book) -> TableView:
    """Return the proposals and what has been said of the date."""
    return TableView(book.municipality, events(book.municipality, THEME), index_label="Datum")


def changes_table(book: Book) -> TableView:
    """Return the rules today beside those proposed."""
    return TableView(book.municipality, takeover_changes(book.municipality), index_label="Vad det gäller")


def inhabitants_sentence(book: Book) -> str:
    """Return the cost per inhabitant beside what would be taken back."""
    result = takeover_per_inhabitant(book.municipality)
    own = book.municipality.area in result.frame.index
    name = book.municipality.area if own else result.frame.index[0]
    subject = "Kostnaden i riket" if name == "Riket" else f"{genitive(name)} kostnad"
    row = result.frame.loc[name]
    year = book.municipality.parameters["forstatligande_anslag"].values[-1].start.year
    gap = row["kvar_kr_per_inv"]
    start = f"{subject} var {kronor(row['kostnad_kr_per_inv'])} per invånare {year}"
    if number(gap) == "0":
        return f"{start}, lika mycket som anslaget som skulle dras in."
    word = "mer" if gap > 0 else "mindre"
    return f"{start}, {kronor(abs(gap))} {word} än de {kronor(row['indraget_kr_per_inv'])} som skulle dras in."


def inhabitants_text(book: Book) -> Prose:
    """Return the cost beside the cut, and what the difference does not say."""
    result = takeover_per_inhabitant(book.municipality)
    missing = (
        ""
        if book.municipality.area in result.frame.index
        else f"{genitive(book.name)} egen kostnad per invånare finns inte i underlaget."
    )
    # That there is a deficit is known only where the municipality has told of its own provision.
    told = book.municipality.has("ekonomi:utforare|konton|egen_regi")
    deficit = "det egna utförandets underskott" if told else "ett eventuellt underskott i det egna utförandet"
    return prose(
        inhabitants_sentence(book),
        missing,
        f"I kostnaden ingår {deficit}, som blir kvar så länge kommunen själv utför assistans. "
        "Skillnaden är alltså inte en besparing.",
    )


def inhabitants_chart(book: Book) -> ChartView:
    """Return cost that falls away and grant taken back, by area."""
    result = takeover_per_inhabitant(book.municipality)
    return ChartView(
        book.municipality,
        result,
        charts.paired_bars(result, ["kostnad_kr_per_inv", "indraget_kr_per_inv"]),
        inhabitants_sentence(book),
        table=False,
    )


def inhabitants_table(book: Book) -> TableView:
    """Return the effect per inhabitant, by area."""
    return TableView(book.municipality, takeover_per_inhabitant(book.municipality), index_label="Område")


def _in_kronor(book: Book) -> Result | None:
    try:
        return takeover_in_kronor(book.municipality)
    except MissingData:
        return None


def kronor_text(book: Book) -> Prose:
    """Return the municipality's part of the cut in mnkr, beside its cost; nothing where the population is unknown."""
    result = _in_kronor(book)
    if result is None:
        return prose()
    amounts = result.frame["belopp_mnkr"] * 1000
    level = book.municipality.parameters["forstatligande_anslag"].values[-1].start.year
    taken = f"Räknat på folkmängden motsvarar anslaget som dras in ungefär {mnkr(amounts['Anslag som dras in'])}"
    if len(amounts) == 1:
        return prose(f"{taken} för {book.name}, i {level} års nivå.")
    gap = amounts["Skillnad"]
    relation = (
        "lika mycket som assistansen kostade"
        if not rounded(gap / 1000, 1)
        else f"{mnkr(abs(gap))} {'mindre' if gap > 0 else 'mer'} än assistansen kostade"
    )
    return prose(f"{taken} för {book.name} {level}, {relation} kommunen det året.")


def kronor_table(book: Book) -> TableView | Prose:
    """Return the cost and the cut in mnkr; nothing where the population is unknown."""
    result = _in_kronor(book)
    return TableView(book.municipality, result, index_label="Post") if result else prose()


def has_amounts(book: Book) -> bool:
    """Tell whether the municipality's own amounts can be computed."""
    try:
        takeover_amounts(book.municipality)
    except MissingData:
        return False
    return True


def amounts_text(book: Book) -> Prose:
    """Return what falls away in the municipality, in kronor; or that its data give no amount."""
    taken = _in_kronor(book)
    if not has_amounts(book):
        only = "" if taken else ", så kapitlet räknar bara per invånare"
        missing = f"För {book.name} finns inga egna belopp i underlaget{only}."
        return prose(book.absent(missing, f"Egna belopp för {book.name}", has_amounts))
    frame = takeover_amounts(book.municipality).frame
    added = frame[frame["hander"] == ADDED]
    sentences = [_falls_away(book)]
    if len(added):
        sentences.append(
            f"Den höjda ersättningen ger kommunens utförare {tkr(added['belopp_tkr'].iloc[0])} mer om året, för de "
            "sjuklöner som utföraren då själv bär."
        )
    return prose(
        *sentences,
        _no_gain(book, taken),
    )


def _falling(book: Book) -> pd.DataFrame:
    """Return what falls away, each item's row under the law that it is for."""
    frame = takeover_amounts(book.municipality).frame
    falls = frame[frame["hander"] == FALLS_AWAY]
    return falls.rename(index=lambda item: "SFB" if item.startswith(FIRST_HOURS_ITEM) else "LSS")


def _falls_away(book: Book) -> str:
    falls = _falling(book)
    if falls.empty:
        return ""
    amount, years = mnkr(falls["belopp_tkr"].sum()), falls["ar"]
    counted = str(years.iloc[0]) if years.nunique() == 1 else listed([f"{law} {year}" for law, year in years.items()])
    if len(falls) > 1:
        return f"Kostnader på {amount} om året faller bort i {book.name}, räknat på {counted}."
    items = {"SFB": "de första timmarna i veckan", "LSS": "assistansen enligt LSS"}
    known = capitalised(items.pop(falls.index[0]))
    [(law, other)] = items.items()
    rest = book.absent(
        f"Vad {other} kostar framgår inte av underlaget.",
        f"Vad {other} kostar",
        lambda whole: law in _falling(whole).index,
    )
    return f"{known} kostar {book.name} {amount} om året, räknat på {counted}. Den kostnaden faller bort. {rest}"


def _no_gain(book: Book, taken: Result | None) -> str:
    start = "Det är ingen vinst: statens bidrag till kommunen minskar samtidigt"
    if taken is None:
        return (
            f"{start}. Med hur mycket i kronor går inte att räkna ut förrän kommunens folkmängd finns i underlaget."
        )
    level = book.municipality.parameters["forstatligande_anslag"].values[-1].start.year
    amount = taken.frame.loc["Anslag som dras in", "belopp_mnkr"] * 1000
    return f"{start}, för {book.name} med ungefär {mnkr(amount)} i {level} års nivå."


def amounts_table(book: Book) -> TableView | Prose:
    """Return the municipality's amounts, item by item."""
    if not has_amounts(book):
        return prose()
    return TableView(book.municipality, takeover_amounts(book.municipality), index_label="Post")
