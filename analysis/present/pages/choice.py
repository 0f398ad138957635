"""Whom those with assistance have chosen, in the nation and in the municipality."""

from __future__ import annotations

from analysis.measures.choice import (
    LAW_OF_DECISION,
    PROVIDERS,
    TOGETHER,
    choice_by_year,
    local_against_national,
    local_choice,
    national_choice,
    national_choice_counts,
    nearest_count,
)
from analysis.measures.dates import dated
from analysis.measures.forms import document_names
from analysis.measures.result import MissingData, Result
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import count_word, genitive, listed, moved
from analysis.present.numbers import number, percent, rounded
from analysis.present.views import ChartView, Prose, TableView, bullets, prose

_DECISIONS = {
    "kommun": "Kommunens beslut (LSS)",
    "forsakringskassan": "Försäkringskassans beslut (SFB)",
    TOGETHER: "Tillsammans",
}
_CHOSEN = {"foretag": "ett assistansföretag", "kooperativ": "ett kooperativ", "egen_arbetsgivare": "egna anställda"}
_WITH = {"kommun": "beslut av kommunen", "forsakringskassan": "beslut av Försäkringskassan"}
_LAWS = {"alla": "alla med assistans", "sfb": "assistansersättning enligt SFB", "lss": "assistans enligt LSS"}
_NATION_LAWS = {"alla": "båda lagarna tillsammans", "sfb": "SFB", "lss": "LSS"}


def _named(result: Result) -> Result:
    return result.renamed(_DECISIONS)


def national_text(book: Book) -> Prose:
    """Return the municipality's and the largest provider's share by decision, and whether the shares add up."""
    frame = national_choice(book.municipality).frame
    sentences = []
    for decision, row in frame.iterrows():
        shares = {name: row[f"{name}_procent"] for name in PROVIDERS}
        largest = max(shares, key=shares.get)
        end = (
            "den största gruppen"
            if largest == "kommunen"
            else f"medan {percent(shares[largest])} har {_CHOSEN[largest]}"
        )
        sentences.append(
            f"Av de {number(row['antal'])} som har {_WITH[decision]} har {percent(shares['kommunen'])} kommunen som "
            f"utförare, {end}."
        )
    return prose(*sentences)


def sum_text(book: Book) -> Prose:
    """Return which of the rows do not add up to the whole, and when the counts can be from."""
    frame = national_choice(book.municipality).frame
    sentences = []
    for decision, row in frame.iterrows():
        missing = row["saknas_procentenheter"]
        if not rounded(missing):
            continue
        # Each share is at most half a unit wrong from rounding alone.
        beyond = abs(missing) >= len(PROVIDERS) / 2
        gap = f"{number(abs(missing))} {count_word(missing, 'procentenhet', 'procentenheter')}"
        sentences.append(
            f"Andelarna för {_inside_decision(decision)} blir tillsammans {percent(row['summa_procent'])}, "
            f"{gap} {'för lite' if missing > 0 else 'för mycket'}. "
            + (
                "Det är mer än avrundningen av andelarna kan förklara."
                if beyond
                else "Det kan bero på att andelarna är avrundade."
            )
        )
    return prose(*sentences, _when_text(book))


def _inside_decision(decision: str) -> str:
    return {"kommun": "kommunens beslut", "forsakringskassan": "Försäkringskassans beslut"}[decision]


def _when_text(book: Book) -> str:
    """Return which 1 October the two counts come nearest; the source gives no date."""
    found = []
    for decision in LAW_OF_DECISION:
        try:
            found.append((decision, *nearest_count(book.municipality, decision)))
        except (MissingData, KeyError):
            return ""
    parts = [
        f"{number(count)} {'är precis' if count == known else 'ligger närmast'} antalet enligt "
        f"{LAW_OF_DECISION[decision].upper()} {year}" + ("" if count == known else f", {number(known)}")
        for decision, count, year, known in found
    ]
    table = book.municipality.national["brukare_1_oktober"]
    names = list(document_names(book.municipality, table.loc[table["omrade"] == "Riket", "kalla"]).values())
    years = {year for _, _, year, _ in found}
    end = "Raderna kan alltså gälla olika år." if len(years) > 1 else ""
    return (
        f"Källan anger inte vilken tidpunkt uppgifterna gäller. Rikets antal den 1 oktober står i "
        f"{listed([genitive(name) for name in names])} utredning: {', och '.join(parts)}. {end}"
    ).strip()


def national_chart(book: Book) -> ChartView:
    """Return the shares as bars, one panel a decision."""
    result = _named(national_choice(book.municipality))
    columns = [f"{name}_procent" for name in PROVIDERS]
    shares = result.only(columns)
    return ChartView(
        book.municipality,
        shares,
        charts.paired_bars(shares, columns),
        _national_finding(book),
        id="national_choice-diagram",
        title="Val av utförare i riket, efter vem som beslutat",
        table=False,
    )


def _national_finding(book: Book) -> str:
    share = national_choice(book.municipality).frame["kommunen_procent"]
    if not set(LAW_OF_DECISION) <= set(share.index):
        return f"Kommunen är utförare åt {listed([percent(value) for value in share])}."
    own, state = share["kommun"], share["forsakringskassan"]
    if own == state:
        return f"Kommunen är utförare åt {percent(own)} av dem som har assistans, vem som än har beslutat."
    more, less = ("kommunen", "Försäkringskassan") if own > state else ("Försäkringskassan", "kommunen")
    return (
        f"Kommunen är utförare åt {percent(max(own, state))} av dem som {more} har beslutat om, mot "
        f"{percent(min(own, state))} av dem som {less} har beslutat om."
    )


def national_table(book: Book) -> TableView:
    """Return the shares, their sum and what is missing."""
    return TableView(book.municipality, _named(national_choice(book.municipality)), index_label="Beslut av")


def counts_text(book: Book) -> Prose:
    """Return the municipality's share of all, both laws together."""
    frame = national_choice_counts(book.municipality).frame
    row = frame.loc[TOGETHER]
    return prose(
        f"Räknat på båda lagarna har omkring {percent(row['kommunen_procent'])} av {number(row['antal'])} personer "
        f"kommunen som utförare. Antalen i tabellen är uträknade ur avrundade andelar och därför ungefärliga."
    )


def counts_table(book: Book) -> TableView:
    """Return the number of persons that the shares stand for."""
    return TableView(book.municipality, _named(national_choice_counts(book.municipality)), index_label="Beslut av")


def _occasion(key: str) -> str:
    """Return `2023-11 sfb` as november 2023, SFB."""
    time, law = key.rsplit(" ", 1)
    return f"{dated(time)}, {law if law == 'alla' else law.upper()}"


def _occasions(result: Result) -> Result:
    return result.renamed(_occasion)


def local_text(book: Book) -> Prose:
    """Return, for each time and law, how many have the municipality as provider and how many others."""
    lines = []
    counted = book.municipality.tables["val_av_utforare"]
    rough = counted[counted["status"].isin(("uppskattad", "avrundad"))]
    rough_occasions = set(rough["tidpunkt"] + " " + rough["lag"])
    result = local_choice(book.municipality)
    for key, row in result.frame.iterrows():
        time, law = key.rsplit(" ", 1)
        who = f"{number(row['totalt_antal'])} {count_word(row['totalt_antal'], 'person', 'personer')}"
        had = f"{_at(time)} hade {who} {_had(law)}"
        if row["kommunen_antal"] != row["kommunen_antal"]:
            known = "visas inte" if result.is_withheld(key, "kommunen_antal") else "framgår inte"
            lines.append(f"{had}. Hur många av dem som har kommunen som utförare {known}.")
            continue
        own = f"{number(row['kommunen_antal'])}" if row["kommunen_antal"] else "ingen"
        share = f" ({percent(row['kommunen_procent'])})" if row["kommunen_procent"] == row["kommunen_procent"] else ""
        employers = row.get("egen_arbetsgivare_antal")
        among = (
            f", varav {'omkring ' if key in rough_occasions else ''}{number(employers)} "
            f"{count_word(employers, 'egen arbetsgivare', 'egna arbetsgivare')}"
            if employers is not None and employers == employers and employers
            else ""
        )
        lines.append(f"{had}. Av dem hade {own}{share} kommunen som utförare och {_others(row)} någon annan{among}.")
    return bullets(lines)


def _at(time: str) -> str:
    """Return a date as a sentence begins with it: År 2023, I mars 2023, Den 3 mars 2023."""
    return f"{('År', 'I', 'Den')[time.count('-')]} {dated(time)}"


def _had(law: str) -> str:
    return "assistans" if law == "alla" else _LAWS[law]


def _others(row) -> str:
    return number(row["andra_antal"]) if row["andra_antal"] else "ingen"


def local_table(book: Book) -> TableView:
    """Return the local choice, one row a time and law."""
    return TableView(
        book.municipality,
        _occasions(local_choice(book.municipality)),
        index_label="När och enligt vilken lag",
        caption=f"Val av utförare i {book.name}",
    )


def against_sentence(book: Book) -> str:
    """Return the last known local share against the nation's for the same law."""
    frame = local_against_national(book.municipality).frame
    key, row = frame.index[-1], frame.iloc[-1]
    time, law = key.rsplit(" ", 1)
    gap = row["skillnad_procentenheter"]
    nation = f"rikets {percent(row['riket_procent'])} för {_NATION_LAWS[law]}"
    start = f"{_at(time)} var kommunens andel i {book.name} {percent(row['kommunen_procent'])}"
    if not rounded(gap):
        return f"{start}, lika stor som {nation}."
    return f"{start}, {'högre' if gap > 0 else 'lägre'} än {nation}."


def against_chart(book: Book) -> ChartView | Prose:
    """Return the local share beside the nation's, one panel a time and law; nothing where no share is known."""
    try:
        result = _occasions(local_against_national(book.municipality))
    except MissingData:
        return prose()
    columns = ["kommunen_procent", "riket_procent"]
    return ChartView(
        book.municipality,
        result,
        charts.paired_bars(result, columns),
        against_sentence(book),
        title=f"{result.title} (procent)",
    )


def year_text(book: Book) -> Prose:
    """Return how the share moved over the years, or that no year has all that it takes."""
    try:
        frame = choice_by_year(book.municipality).frame
    except MissingData:
        return prose(
            book.absent(
                "Inget år i underlaget har antalet brukare för SFB, LSS och kommunens utförare.",
                "Kommunens andel år för år",
                lambda whole: choice_by_year(whole.municipality),
            )
        )
    share = frame["kommunen_procent"].dropna()
    return prose(_share_sentence(share), "Andelen räknas på brukare i snitt per månad, SFB och LSS tillsammans.")


def _share_sentence(share) -> str:
    if share.empty:
        return ""
    first, last = share.index[0], share.index[-1]
    start, end = (percent(share[year], 1) for year in (first, last))
    if first == last:
        return f"År {last} var kommunens andel {end}."
    if start == end:
        return f"Kommunens andel var lika stor {last} som {first}, {end}."
    return f"Mellan {first} och {last} {moved(share[last] - share[first])} kommunens andel från {start} till {end}."


def year_chart(book: Book) -> ChartView | Prose:
    """Return the share year by year."""
    try:
        result = choice_by_year(book.municipality)
    except MissingData:
        return prose()
    return ChartView(
        book.municipality,
        result,
        charts.bar_panels(result, ["kommunen_procent"], height=160),
        _year_finding(book),
        title="Kommunens andel av alla brukare (procent)",
    )


def _year_finding(book: Book) -> str:
    share = choice_by_year(book.municipality).frame["kommunen_procent"]
    nation = national_choice_counts(book.municipality).frame.loc[TOGETHER, "kommunen_procent"]
    last = share.index[-1]
    side = "lägre än" if share[last] < nation else "högre än" if share[last] > nation else "lika stor som"
    return (
        f"År {last} var kommunens andel av brukarna i {book.name} {percent(share[last], 1)}, {side} rikets omkring "
        f"{percent(nation)} för båda lagarna tillsammans."
    )


def missing_text(book: Book) -> Prose:
    """Return that nothing is known of the choice in the municipality, where that is so."""
    if _tells_choice(book):
        return prose()
    what = f"ur många i {book.name} som har valt kommunen"
    return prose(book.absent(f"Underlaget säger inget om h{what}.", f"H{what}", _tells_choice))


def _tells_choice(book: Book) -> bool:
    municipality = book.municipality
    return municipality.has("val_av_utforare") or municipality.has("brukare:utforare", "brukare:sfb", "brukare:lss")


def source_text(book: Book) -> Prose:
    """Return whose investigation gives the national figures."""
    table = book.municipality.national["val_av_utforare_riket"]
    names = list(document_names(book.municipality, table["kalla"]).values())
    return prose(f"Uppgifterna för riket är återgivna efter {listed([genitive(name) for name in names])} utredning.")
