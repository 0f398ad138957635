"""What a procurement would cost and save, what the answer rests on, and what it depends on most."""

from __future__ import annotations

import dataclasses
import math

from analysis.measures.forms import FORM_NAMES
from analysis.measures.result import MissingData, Result
from analysis.measures.scenario import (
    FILLED,
    FIRST_HOURS,
    INPUT_LABELS,
    KEPT,
    OWN,
    PRINTED,
    break_even,
    counted_forms,
    first_hours,
    form_inputs,
    is_average_income,
    left_out,
    saving_of,
    scenario_inputs,
    scenario_result,
    tornado,
    what_if,
)
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.interactive import InteractiveView
from analysis.present.language import count_word, listed
from analysis.present.numbers import kronor, mnkr, number, percent, rounded, tkr
from analysis.present.pages.costs import amount
from analysis.present.scenario_views import FormsTable, SpansView, UnitsTable, in_unit, input_name
from analysis.present.views import Prose, TableView, bullets, prose

RESULT_COLUMNS = (
    "utforande_tkr",
    "beredskap_tkr",
    *KEPT,
    *FIRST_HOURS,
    "brutto_tkr",
    "statens_ersattning_tkr",
    "netto_tkr",
    "netto_kr_per_timme",
    "netto_tkr_per_brukare",
    "besparing_tkr",
    "besparing_kr_per_timme",
    "besparing_tkr_per_brukare",
)
CASE_NAMES = {
    "utredningen": "Utredningens egna värden",
    "timmar_per_manad": "Timmarna per månad, tolv månader",
    "timmar_per_vecka": "Timmarna per vecka, hela året",
    "hojd_ingen": "Inga timmar med höjt belopp",
    "hojd_alla": "Alla timmar med höjt belopp",
}


_DEFINITE = {
    "timmar": "antalet timmar per år",
    "kostnad_kr_per_timme": "kostnaden per timme i egen regi",
    "hojd_andel": "andelen timmar med höjt belopp",
    "pris_kr_per_timme": "priset per timme till leverantören",
    "sjuklon_tkr": "sjuklönerna hos leverantören",
    "tillfalliga_utokningar_tkr": "de tillfälliga utökningarna",
    "uppfoljning_tkr": "uppföljningen av avtalet",
    "sol_hsl_tkr": "insatserna enligt SoL och HSL",
    "uppfoljning_sol_hsl_tkr": "uppföljningen och insatserna enligt SoL och HSL",
    "beredskap_andel": "ersättningen för beredskap",
}


def inputs_table(book: Book) -> UnitsTable:
    """Return the inputs with value, what they are and how sure they are."""
    return UnitsTable(book.municipality, scenario_inputs(book.municipality), index_label="Uppgift")


def inputs_text(book: Book) -> Prose:
    """Return which year the inputs are of, which are derived, and what in them does not agree."""
    municipality = book.municipality
    own = form_inputs(municipality, PRINTED, OWN)
    frame = scenario_inputs(municipality).frame
    derived = [_lower(input_name(key)) for key in frame.index[frame["uppgift"] == "härledd"]]
    sentences = [f"Underlaget gäller {own.year}."]
    if derived:
        are = "är härledd" if len(derived) == 1 else "är härledda"
        sentences.append(
            f"{number(len(derived))} av de {number(len(frame))} uppgifterna {are} ur det som utredningen trycker: "
            f"{listed(derived)}."
        )
    return prose(*sentences, _other_year(book))


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def definite(name: str) -> str:
    """Return an input's name as a sentence speaks of it: kostnaden, timmarna."""
    return _DEFINITE.get(name) or _lower(INPUT_LABELS[name])


def _other_year(book: Book) -> str:
    """Return that the amount is another year's schablonbelopp, where it is."""
    own = form_inputs(book.municipality, PRINTED, OWN)
    schablon = book.municipality.parameters["schablonbelopp"].values
    years = [value.start.year for value in schablon if value.value == own.amount]
    if not years or own.year in years:
        return ""
    return f"Statens belopp, {kronor(own.amount, 2)} per timme, är det som gäller {listed(years)}."


def _average_income(book: Book) -> str:
    """Return what an amount above all that the state pays must mean."""
    own = form_inputs(book.municipality, PRINTED, OWN)
    if not is_average_income(book.municipality, own.year, own.amount):
        return ""
    schablon, ceiling = (
        book.municipality.parameters[name].in_year(own.year).value for name in ("schablonbelopp", "hojt_belopp_tak")
    )
    return (
        f"Ersättningen per timme, {kronor(own.amount, 2)}, är den egna utförarens intäkter delade med timmarna. Den är "
        f"högre än det mesta som staten betalade för en timme {own.year}, {kronor(schablon * ceiling, 2)}. Intäkterna "
        "måste alltså avse mer än de utförda timmarna. Jämförelsen förutsätter att en leverantör skulle få lika mycket "
        "per timme som kommunen får i dag."
    )


def result_text(book: Book) -> Prose:
    """Return what own provision and the counted forms cost by what the investigation states."""
    frame = scenario_result(book.municipality, PRINTED).frame
    own = frame.loc[OWN]
    sentences = [_own_sentence(own)]
    shared = own[list(FIRST_HOURS)].sum()
    if rounded(shared):
        sentences.append(
            f"Till det kommer {amount(shared)} för de första timmarna i veckan, oavsett vem som utför assistansen."
        )
    for form in frame.index.drop(OWN):
        sentences.append(_form_sentence(form, own, frame.loc[form]))
    return prose(*sentences, _average_income(book))


def _own_sentence(own) -> str:
    gap = own["merkostnad_tkr"]
    start = (
        f"I egen regi kostar utförandet {amount(own['utforande_tkr'])} om året, och ersättningen är "
        f"{amount(own['statens_ersattning_tkr'])}."
    )
    if not rounded(gap):
        return f"{start} De täcker varandra."
    return start + (
        f" Skillnaden, {amount(gap)}, betalar kommunen." if gap > 0 else f" Det ger ett överskott på {amount(-gap)}."
    )


def _form_sentence(form: str, own, row) -> str:
    saved = row["besparing_tkr"]
    start = f"Med {FORM_NAMES[form]} blir nettokostnaden {amount(row['netto_tkr'])}"
    if not rounded(saved):
        return f"{start}, lika mycket som i egen regi."
    hour, user = row["besparing_kr_per_timme"], row["besparing_tkr_per_brukare"]
    per = [f"{kronor(abs(hour))} per timme"] if math.isfinite(hour) else []
    per += [f"{tkr(abs(user))} per brukare"] if math.isfinite(user) else []
    start += f", mot {amount(own['netto_tkr'])} i egen regi."
    if not per:
        return start
    gain = "Besparingen" if saved > 0 else "Merkostnaden"
    return f"{start} {gain}, {amount(abs(saved))} per år, motsvarar {listed(per)}."


def result_table(book: Book, reading: str) -> FormsTable:
    """Return what the forms cost in a reading."""
    return FormsTable(
        book.municipality,
        scenario_result(book.municipality, reading),
        highlight="Nettokostnad (tkr)",
        columns=RESULT_COLUMNS,
    )


def printed_table(book: Book) -> FormsTable:
    """Return the costs by what the investigation states."""
    return result_table(book, PRINTED)


def filled_table(book: Book) -> FormsTable:
    """Return the costs with what the municipality keeps."""
    return result_table(book, FILLED)


def _left_out(book: Book) -> Result:
    """Return what the investigation leaves out, without what it states but is not shown."""
    result = left_out(book.municipality)
    stated = [
        name
        for name in result.frame.index
        if book.withholds(lambda whole, name=name: name not in left_out(whole.municipality).frame.index)
    ]
    withheld = None if result.withheld is None else result.withheld.drop(index=stated)
    return dataclasses.replace(result, frame=result.frame.drop(index=stated), withheld=withheld)


def left_out_text(book: Book) -> Prose:
    """Return which inputs the investigation leaves out, and which of them change the saving."""
    frame = _left_out(book).frame
    if frame.empty:
        return prose("Utredningen utelämnar ingen av de uppgifter som modellen räknar med.")
    names = [_lower(INPUT_LABELS[name]) for name in frame.index]
    known = frame["skillnad_tkr"].notna()
    changed = known & frame["skillnad_tkr"].fillna(0).map(lambda value: bool(rounded(value)))
    moving = [_lower(INPUT_LABELS[name]) for name in frame.index[changed]]
    start = (
        f"Modellen räknar med {number(len(names))} {count_word(len(names), 'uppgift', 'uppgifter')} som utredningen "
    )
    first = f"{start}utelämnar: {listed(names)}."
    unknown = [_lower(INPUT_LABELS[name]) for name in frame.index[~known]]
    last = f"Vad {listed(unknown)} betyder för besparingen går inte att säga utan antalet brukare." if unknown else ""
    if not moving:
        return prose(first, last or "De ändrar inte besparingen.")
    total = frame.loc[changed, "skillnad_tkr"].sum()
    word = "höjer" if total > 0 else "sänker"
    together = ("Tillsammans " + word + " de") if len(moving) > 1 else f"Den {word}"
    return prose(
        first,
        f"Besparingen ändras när {listed(moving)} räknas med. {together} den med {amount(abs(total))}, med de värden "
        "som sätts in i nästa avsnitt.",
        last,
    )


def left_out_table(book: Book) -> TableView | Prose:
    """Return the inputs that the investigation leaves out, with the amounts that are put in their place."""
    result = _left_out(book)
    return prose() if result.frame.empty else UnitsTable(book.municipality, result, index_label="Uppgift")


def filled_text(book: Book) -> Prose:
    """Return every form's net cost and saving, the cheapest first, and how the counted form's saving changed."""
    frame = scenario_result(book.municipality, FILLED).frame
    order = frame.drop(OWN).sort_values("netto_tkr", kind="stable")
    lines = [f"Egen regi: nettokostnad {amount(frame.loc[OWN, 'netto_tkr'])}."]
    for form, row in order.iterrows():
        saved = row["besparing_tkr"]
        relation = (
            f"{amount(abs(saved))} {'lägre' if saved > 0 else 'högre'} än i egen regi"
            if rounded(saved)
            else "lika mycket som i egen regi"
        )
        lines.append(f"{FORM_NAMES[form]}: nettokostnad {amount(row['netto_tkr'])}, {relation}.")
    return bullets(lines)


def change_text(book: Book) -> Prose:
    """Return how the counted form's saving changes when the inputs left out are filled in."""
    form = counted_forms(book.municipality)[0]
    printed, filled = (
        scenario_result(book.municipality, reading).frame.loc[form, "besparing_tkr"] for reading in (PRINTED, FILLED)
    )
    if not rounded(printed - filled):
        return prose(f"Med {FORM_NAMES[form]} blir besparingen densamma, {amount(filled)} per år.", _shared_hours(book))
    if min(rounded(filled), rounded(printed)) > 0:
        return prose(
            f"Med {FORM_NAMES[form]} blir besparingen {amount(filled)} per år, i stället för {amount(printed)} när "
            "bara det som utredningen anger räknas.",
            _shared_hours(book),
        )
    now = f"en besparing på {amount(filled)}" if rounded(filled) > 0 else f"en merkostnad på {amount(-filled)}"
    before = f"en besparing på {amount(printed)}" if rounded(printed) > 0 else f"en merkostnad på {amount(-printed)}"
    return prose(
        f"Med {FORM_NAMES[form]} blir det {now} per år, i stället för {before} när bara det som utredningen anger "
        "räknas.",
        _shared_hours(book),
    )


def _shared_hours(book: Book) -> str:
    shared = scenario_result(book.municipality, FILLED).frame.loc[OWN, list(FIRST_HOURS)].sum()
    if not rounded(shared):
        return ""
    return f"I nettokostnaderna ingår {amount(shared)} för de första timmarna, lika mycket i alla driftformer."


def break_even_text(book: Book) -> Prose:
    """Return where the break-even lies in both readings, and how far own provision is from it."""
    form = counted_forms(book.municipality)[0]
    printed, filled = (break_even(book.municipality, reading).frame.loc[form] for reading in (PRINTED, FILLED))
    if not math.isfinite(filled["brytpunkt_kr_per_timme"]):
        return prose("Utan timmar finns ingen brytpunkt.")
    margin = filled["marginal_kr_per_timme"]
    if not rounded(margin, 2):
        relation = "Egen regi ligger precis på brytpunkten."
    else:
        share = filled["marginal_procent"]
        size = kronor(abs(margin), 2) + (f" ({percent(abs(share), 1)})" if math.isfinite(share) else "")
        relation = (
            f"Egen regi skulle behöva bli {size} billigare per timme för att kosta lika lite som en upphandling."
            if margin > 0
            else f"Egen regi är {size} billigare per timme än brytpunkten, så en upphandling skulle kosta mer."
        )
    return prose(
        f"En timme i egen regi kostar {kronor(filled['kostnad_kr_per_timme'], 2)}.",
        f"Med {FORM_NAMES[form]} är brytpunkten {kronor(printed['brytpunkt_kr_per_timme'], 2)} när bara det som "
        f"utredningen anger räknas, och {kronor(filled['brytpunkt_kr_per_timme'], 2)} med det som kommunen behåller.",
        relation,
    )


def break_even_table(book: Book) -> FormsTable:
    """Return the break-even of every form, with what the municipality keeps."""
    return FormsTable(book.municipality, break_even(book.municipality, FILLED))


def tornado_chart(book: Book) -> SpansView:
    """Return the saving when each input in turn is low and high."""
    result = tornado(book.municipality)
    return SpansView(
        book.municipality,
        result,
        charts.spans(
            [
                charts.Span(
                    INPUT_LABELS[str(name)],
                    row["besparing_lagt_tkr"],
                    row["besparing_hogt_tkr"],
                    *(in_unit(row[end], row["enhet"]).removesuffix(" per timme") for end in ("lagt", "hogt")),
                )
                for name, row in result.frame.iterrows()
            ],
            _base_saving(book),
            x_title="Besparing, tkr per år",
            base_words=tkr(_base_saving(book)),
        ),
        tornado_sentence(book),
    )


def _base_saving(book: Book) -> float:
    form = counted_forms(book.municipality)[0]
    return saving_of(*(form_inputs(book.municipality, FILLED, one) for one in (OWN, form)))


def tornado_sentence(book: Book) -> str:
    """Return which input matters most, and which of them alone could turn the answer."""
    frame = tornado(book.municipality).frame
    if frame.empty:
        return "Ingen av uppgifterna ändrar besparingen."
    name, top = frame.index[0], frame.iloc[0]
    base = _base_saving(book)
    ends = frame[["besparing_lagt_tkr", "besparing_hogt_tkr"]]
    turning = [definite(str(key)) for key in frame.index[(ends * base < 0).any(axis=1)]]
    sentence = (
        f"Mest betyder {definite(str(name))}: från {in_unit(top['lagt'], top['enhet'])} till "
        f"{in_unit(top['hogt'], top['enhet'])} går besparingen från {amount(top['besparing_lagt_tkr'])} till "
        f"{amount(top['besparing_hogt_tkr'])}."
    )
    if turning and rounded(base):
        other = "en besparing till en merkostnad" if base > 0 else "en merkostnad till en besparing"
        return f"{sentence} Inom sitt spann kan {listed(turning, 'eller')} ensam vända {other}."
    return f"{sentence} Ingen av uppgifterna vänder ensam svaret inom sitt spann."


def interactive_chart(book: Book) -> InteractiveView:
    """Return the chart that the reader can change."""
    return InteractiveView(
        book.municipality,
        scenario_result(book.municipality, FILLED),
        "Besparing vid olika kostnad per timme i egen regi",
        "Varje reglage ändrar sin uppgift och inget annat: det kommunen behåller följer inte med när timmarna ändras. "
        "Ersättningen för beredskap hör till den driftform som valts.",
    )


def what_if_text(book: Book) -> Prose:
    """Return what other values from the investigation or the law would have given."""
    frame = what_if(book.municipality).frame
    base = frame.loc["utredningen"]
    own = form_inputs(book.municipality, PRINTED, OWN)
    if len(frame) == 1:
        return prose(
            "Utredningen anger timmarna på ett enda sätt och statens belopp är inte ett annat års schablonbelopp. Det "
            "finns därför inget annat värde att räkna med."
        )
    lines = []
    for case, row in frame.drop("utredningen").iterrows():
        value = in_unit(row["varde"], row["enhet"])
        then = f"besparingen {amount(row['besparing_tkr'])} i stället för {amount(base['besparing_tkr'])}"
        if str(case).startswith("schablonbelopp"):
            year = str(case).rsplit("_", 1)[1]
            lines.append(f"Med {year} års schablonbelopp, {value}, blir {then}.")
        elif str(case).startswith("timmar"):
            unit = "månad" if case == "timmar_per_manad" else "vecka"
            lines.append(
                f"Timmarna per {unit} blir {value} på ett år, mot {number(own.hours)} som utredningen räknar med. "
                f"Med dem blir {then}."
            )
        else:
            which = "Utan höjt belopp" if case == "hojd_ingen" else "Med höjt belopp för alla timmar"
            lines.append(
                f"{which} blir merkostnaden i egen regi {amount(row['merkostnad_tkr'])} i stället för "
                f"{amount(base['merkostnad_tkr'])}, och {then}."
            )
    return bullets(lines)


def what_if_table(book: Book) -> UnitsTable | Prose:
    """Return the extra cost and saving with each other value."""
    result = what_if(book.municipality)
    if len(result.frame) == 1:
        return prose()
    years = {
        case: f"{case.rsplit('_', 1)[1]} års schablonbelopp"
        for case in result.frame.index
        if case.startswith("schablonbelopp")
    }
    return UnitsTable(
        book.municipality,
        result,
        index_label="Räknat med",
        caption="Merkostnad och besparing med andra värden",
        names=tuple((CASE_NAMES | years).items()),
    )


def first_hours_text(book: Book) -> Prose:
    """Return what the first hours cost as computed, beside what the investigation states."""
    try:
        frame = first_hours(book.municipality).frame
    except MissingData:
        return prose(
            book.absent(
                "Underlaget anger inte hur många som har assistansersättning.",
                "Hur många som har assistansersättning",
                lambda whole: first_hours(whole.municipality),
            )
        )
    sentences = []
    for column, whose in (("egna", "kommunens brukare"), ("andras", "dem som har valt en annan utförare")):
        if f"{column}_tkr" not in frame:
            continue
        computed = listed([f"{mnkr(value, 2)} med {year} års belopp" for year, value in frame[f"{column}_tkr"].items()])
        stated = f"{column}_angivet_tkr"
        if stated in frame:
            amounts = {mnkr(value) for value in frame[f"{column}_tkr"]}
            missed = mnkr(frame[stated].iloc[0]) not in amounts
            none = "Det avrundas inte" if len(frame) == 1 else "Inget av dem avrundas"
            other = f" {none} till det belopp som utredningen anger." if missed else ""
            sentences.append(
                f"För {whose} anger utredningen {mnkr(frame[stated].iloc[0])}. Räknat på antalet personer blir det "
                f"{computed}.{other}"
            )
        else:
            sentences.append(
                f"För {whose} anger utredningen inget belopp. Räknat på antalet personer blir det {computed}."
            )
    return prose(*sentences, "De första timmarna påverkar inte besparingen: de är desamma i alla driftformer.")


def first_hours_table(book: Book) -> TableView | Prose:
    """Return the first hours, computed and stated."""
    try:
        return TableView(book.municipality, first_hours(book.municipality))
    except MissingData:
        return prose()
