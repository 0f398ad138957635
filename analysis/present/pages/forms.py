"""How municipalities run the assistance: the forms side by side, who bears the costs, and what a change leads to."""

from __future__ import annotations

import dataclasses

import pandas as pd

from analysis.measures.dates import dated
from analysis.measures.forms import (
    COST_FORMS,
    DIFFERING,
    EVERY_FORM,
    FORM_NAMES,
    UNCLEAR,
    bearers_by_cost,
    combined_form,
    consequences,
    cost_bearers,
    cost_disagreements,
    cost_remarks,
    document_names,
    form_of,
    forms_count,
    forms_of_operation,
    told_rows,
)
from analysis.measures.result import MissingData
from analysis.present import charts
from analysis.present.book import Book
from analysis.present.language import capitalised, count_word, genitive, listed
from analysis.present.numbers import number
from analysis.present.views import ChartView, Markup, Prose, TableView, bullets, pairs, prose

_HOW = {
    "egen_regi": "{name} driver assistansen i egen regi: assistenterna är anställda av kommunen.",
    "bolag": "I {name} utförs assistansen av ett bolag som kommunen äger.",
    "lou": "{name} har lagt ut assistansen på entreprenad, upphandlad enligt LOU.",
    "lov": "{name} har upphandlat assistansen enligt LOV.",
    "lov_lou": "{name} har upphandlat assistansen enligt både LOV och LOU.",
    "direktupphandling": "{name} har upphandlat sina utförare direkt.",
    DIFFERING: "Dokumenten ger olika uppgifter om hur {name} driver assistansen: {said}.",
}
_TOLD_IN_SENTENCES = ("ersattning", "anmarkning")
_NOT_ANSWERED = "Tar inte upp frågan"
_VERDICTS = ("Ja", "Nej", "Delvis", "Troligen", "Inte alltid", "Inte utrett")


def _documents(book: Book, table: str) -> dict[str, str]:
    return document_names(book.municipality, book.municipality.national[table]["kalla"])


def own_text(book: Book) -> Prose:
    """Return how the book's own municipality runs the assistance, as far as any document tells."""
    area, name = book.municipality.area, book.name
    try:
        form = form_of(book.municipality, area)
    except MissingData:
        return prose(f"Inget av dokumenten nämner {name}. Hur kommunen driver assistansen framgår därför inte.")
    table = book.municipality.national["driftformer"]
    own = told_rows(table[table["kommun"] == area])
    names = _documents(book, "driftformer")
    told_by = listed([f"{genitive(names[source])}" for source in names if source in set(own["kalla"])])
    if form == UNCLEAR:
        return prose(
            f"{name} nämns i {told_by} utredning, men där står inte hur kommunen driver assistansen. "
            f"Kapitlet visar därför hur andra kommuner gör."
        )
    line = forms_of_operation(book.municipality).frame.loc[area]
    times = [dated(time) for time in dict.fromkeys(own["tidpunkt"]) if time]
    when = f" och gäller {listed(times)}" if times else ""
    return prose(
        _HOW[form].format(name=name, said=line["driftform"]),
        f"Uppgiften kommer från {told_by} utredning{when}.",
        f"{capitalised(line['basansvar'])} har basansvaret." if isinstance(line["basansvar"], str) else "",
        *(f"{remark}." for remark in dict.fromkeys(own["anmarkning"]) if remark),
    )


def comparison_text(book: Book) -> Prose:
    """Return how many municipalities the documents name, and how the table is read."""
    every = forms_of_operation(book.municipality).frame
    documents = list(_documents(book, "driftformer").values())
    own = f" {book.name} står överst." if book.municipality.area in every.index else ""
    return prose(
        f"Utredningarna från {listed(documents)} nämner tillsammans {number(len(every))} "
        f"{count_word(len(every), 'kommun', 'kommuner')}.{own} Inom parentes står vilken kommuns utredning uppgiften "
        f"kommer från."
    )


def comparison_table(book: Book) -> TableView:
    """Return the municipalities side by side, the own first; what takes sentences to tell is in `detail_list`."""
    result = forms_of_operation(book.municipality)
    kept = tuple(quantity for quantity in result.quantities if quantity.name not in _TOLD_IN_SENTENCES)
    frame = result.frame[[quantity.name for quantity in kept]].copy()
    frame["tidpunkt"] = frame["tidpunkt"].map(lambda time: dated(time) if isinstance(time, str) else None)
    return TableView(
        book.municipality,
        dataclasses.replace(result, frame=frame, quantities=kept),
        index_label="Kommun",
        highlight=book.municipality.area,
    )


def detail_list(book: Book) -> Markup | Prose:
    """Return what the documents tell of each municipality's contracts, the own first."""
    result = forms_of_operation(book.municipality)
    entries = []
    for name, line in result.frame.iterrows():
        facts = [
            (result.quantity(column).label, f"{line[column]}.", "")
            for column in _TOLD_IN_SENTENCES
            if isinstance(line[column], str)
        ]
        if facts:
            entries.append((str(name), facts))
    if not entries:
        return prose()
    return pairs("Det här tillägger utredningarna om enskilda kommuner.", entries)


def count_chart(book: Book) -> ChartView:
    """Return how many of the named municipalities that use each form."""
    result = forms_count(book.municipality)
    return ChartView(
        book.municipality,
        result,
        charts.bars(result, "kommuner_antal"),
        count_sentence(book),
        id="forms_count-diagram",
        title="Antal kommuner efter driftform",
        table=False,
    )


def count_sentence(book: Book) -> str:
    """Return the most common form among the named municipalities, and that they are no sample."""
    frame = forms_count(book.municipality).frame
    known = frame.drop(index=[FORM_NAMES[UNCLEAR], FORM_NAMES[DIFFERING]], errors="ignore")["kommuner_antal"]
    caveat = "Kommunerna är de som utredningarna tar upp, så talen säger inget om hur vanlig en driftform är i landet."
    if known.empty:
        return "Utredningarna säger inte hur någon av kommunerna driver assistansen."
    top = [_inside(form) for form in known.index[known == known.max()]]
    total = int(frame["kommuner_antal"].sum())
    return (
        f"Bland de {number(total)} nämnda kommunerna är {listed(top)} vanligast, "
        f"{number(known.max())} {count_word(known.max(), 'kommun', 'kommuner')}{' var' if len(top) > 1 else ''}. "
        f"{caveat}"
    )


def _inside(form: str) -> str:
    """Return a form's name inside a sentence: abbreviations keep their capitals."""
    return form if form[:2].isupper() else form[:1].lower() + form[1:]


def count_table(book: Book) -> TableView:
    """Return the number of municipalities by form, and which they are."""
    return TableView(book.municipality, forms_count(book.municipality), index_label="Driftform")


def list_notes(book: Book) -> Prose:
    """Return where a municipality stands twice, under two forms, or with different forms in different documents."""
    table = book.municipality.national["driftformer"]
    names = _documents(book, "driftformer")
    lines = []
    for row in table[table["forekomster"] > 1].itertuples():
        listing = table[(table["kalla"] == row.kalla) & (table["driftform"] == row.driftform)]
        lines.append(
            f"{row.kommun} står {number(row.forekomster)} gånger bland kommunerna med {_form_word(row.driftform)} i "
            f"{genitive(names[row.kalla])} utredning. Listan har {number(listing['forekomster'].sum())} namn men "
            f"{number(len(listing))} {count_word(len(listing), 'kommun', 'kommuner')}."
        )
    for (kommun, source), group in table.groupby(["kommun", "kalla"], sort=False):
        if len(group) > 1:
            forms = listed([_form_word(form) for form in group["driftform"]])
            lines.append(f"{kommun} står under både {forms} i {genitive(names[source])} utredning.")
    for kommun, group in table[table["driftform"] != UNCLEAR].groupby("kommun", sort=False):
        said = group.groupby("kalla")["driftform"].agg(combined_form)
        if said.nunique() > 1:
            parts = [f"{_form_word(said[source])} enligt {name}" for source, name in names.items() if source in said]
            lines.append(f"Om {kommun} skiljer sig uppgifterna åt: {', '.join(parts)}.")
    return bullets(lines)


def _form_word(form: str) -> str:
    return _inside(FORM_NAMES[form])


def cost_text(book: Book) -> Prose:
    """Return which costs the municipality bears whatever the form, and which may go over to a supplier."""
    costs = bearers_by_cost(book.municipality)
    stays = [cost for cost, forms in costs.items() if all(set(found) == {"kommunen"} for found in forms.values())]
    moves = [
        cost
        for cost, forms in costs.items()
        if "kommunen" in forms[COST_FORMS[0]] and any("leverantören" in forms[form] for form in COST_FORMS[1:])
    ]
    lines = []
    if stays:
        lines.append(f"Kommunen står för det här oavsett driftform: {_items(stays)}.")
    if moves:
        lines.append(
            f"Det här kan gå över till en leverantör vid en upphandling, enligt minst en av utredningarna: "
            f"{_items(moves)}."
        )
    return bullets(lines)


def _items(costs: list[str]) -> str:
    return "; ".join(_inside(cost.split(":")[0]) for cost in costs)


def disagreement_text(book: Book) -> Prose:
    """Return where the documents name different bearers of the same cost, with the documents and forms."""
    found = cost_disagreements(book.municipality)
    if not found:
        return prose("Där flera utredningar svarar på samma fråga är de överens.")
    lines = []
    for one in found:
        said = [f"{bearer} enligt {_said_by(documents)}" for bearer, documents in one.bearers.items()]
        lines.append(f"{one.cost.split(':')[0]}: {', men '.join(said)}.")
    return bullets(lines)


def _said_by(documents: dict[str, tuple[str, ...]]) -> str:
    by_forms: dict[tuple[str, ...], list[str]] = {}
    for document, forms in documents.items():
        by_forms.setdefault(forms, []).append(document)
    return " och ".join(f"{listed(who)} ({_form_list(forms)})" for forms, who in by_forms.items())


def _form_list(forms: tuple[str, ...]) -> str:
    if forms == (EVERY_FORM,):
        return "alla driftformer"
    words = [_form_word(form) for form in forms]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " samt " + words[-1]


def cost_table(book: Book) -> TableView:
    """Return who bears which cost under which form."""
    return TableView(book.municipality, cost_bearers(book.municipality), index_label="Kostnad eller ansvar")


def remark_list(book: Book) -> Markup | Prose:
    """Return what the documents add on who bears each cost."""
    entries = [
        (cost.split(":")[0], [(_about(document, form), f"{remark}.", place) for document, form, remark, place in said])
        for cost, said in cost_remarks(book.municipality).items()
    ]
    return pairs("Så preciserar utredningarna vem som bär kostnaden.", entries) if entries else prose()


def _about(document: str, form: str) -> str:
    return document if form == EVERY_FORM else f"{document}, {_form_word(form)}"


def consequence_table(book: Book, affected: str) -> TableView:
    """Return the documents' answers side by side, with words where a document is silent."""
    result = consequences(book.municipality, affected)
    frame = result.frame.where(result.frame.notna(), _NOT_ANSWERED)
    return TableView(book.municipality, dataclasses.replace(result, frame=frame), index_label="Fråga")


def consequence_text(book: Book, affected: str) -> Prose:
    """Return where the documents answer yes and no to the same question, and which documents are silent."""
    result = consequences(book.municipality, affected)
    names = {quantity.name: quantity.label for quantity in result.quantities}
    lines = []
    for question, answers in result.frame.iterrows():
        said: dict[str, list[str]] = {}
        for source, answer in answers.items():
            verdict = str(answer).split(":")[0]
            if not pd.isna(answer) and verdict in _VERDICTS:
                said.setdefault(verdict, []).append(names[source])
        if len(said) > 1:
            told = [f"{verdict.lower()} enligt {listed(who)}" for verdict, who in said.items()]
            lines.append(f"{question} {capitalised(', '.join(told))}.")
    silent = [name for source, name in _documents(book, "konsekvenser").items() if source not in names]
    start = "Utredningarna svarar olika på en del av frågorna." if lines else ""
    quiet = (
        f"{capitalised(listed([genitive(name) for name in silent]))} utredning tar inte upp frågorna." if silent else ""
    )
    return prose(start, *lines, quiet)
