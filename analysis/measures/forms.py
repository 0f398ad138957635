"""How municipalities run personal assistance, who bears which cost, and what a change of form leads to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.measures.result import Draft, MissingData, Quantity, measure, national_rows, plain_rows
from analysis.sources.municipality import Municipality

FORM_NAMES = {
    "egen_regi": "Egen regi",
    "bolag": "Kommunalt bolag",
    "lou": "LOU",
    "lov": "LOV",
    "lov_lou": "LOV och LOU",
    "direktupphandling": "Direktupphandling",
    "skiljer_sig": "Dokumenten skiljer sig åt",
    "framgar_inte": "Framgår inte",
}
UNCLEAR, DIFFERING = "framgar_inte", "skiljer_sig"
COST_FORMS = ("egen_regi", "lou", "lov", "lov_lou")
EVERY_FORM = "alla"
AFFECTED = {
    "brukare": "Konsekvenser för brukarna",
    "personal": "Konsekvenser för personalen",
    "ekonomi": "Konsekvenser för ekonomin",
}
SAMPLE_CAVEAT = (
    "Kommunerna är de som dokumenten nämner. De är inte ett urval som säger hur vanlig en driftform är i landet."
)


def swedish_order(names: Iterable[str]) -> list[str]:
    """Return names in Swedish alphabetical order, with å, ä and ö last."""
    last = str.maketrans("åäö", "{|}")
    return sorted(names, key=lambda name: name.lower().translate(last))


def document_names(municipality: Municipality, sources: Iterable[str]) -> dict[str, str]:
    """Return a short name for each document, in Swedish order, the municipality's own first.

    The name is that of the municipality that published it, as far as `driftformer` names it; else the publisher's.
    """
    known = sorted(set(municipality.national["driftformer"]["kommun"]) | {municipality.area}, key=len, reverse=True)
    short = {}
    for source in dict.fromkeys(sources):
        publisher = municipality.sources[source].publisher
        short[source] = next((name for name in known if publisher.startswith(name)), publisher.split(",")[0])
    order = {name: position for position, name in enumerate(swedish_order(set(short.values())))}
    ranked = sorted(short, key=lambda source: (source != municipality.document, order[short[source]]))
    return {source: short[source] for source in ranked}


def combined_form(forms: Iterable[str]) -> str:
    """Return the one form that several statements amount to; LOV and LOU together are a form of their own.

    A statement that the form is unknown gives way to any other; statements that exclude each other are `skiljer_sig`.
    """
    told = set(forms) - {UNCLEAR}
    if not told:
        return UNCLEAR
    if "lov_lou" in told:
        told = told - {"lov_lou"} | {"lov", "lou"}
    if told == {"lov", "lou"}:
        return "lov_lou"
    return told.pop() if len(told) == 1 else DIFFERING


def form_of(municipality: Municipality, name: str) -> str:
    """Return a municipality's form of operation; raises MissingData where no document names it."""
    return combined_form(national_rows(municipality, "driftformer", kommun=name)["driftform"])


def told_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one municipality's rows that tell its form, or all of them where none does."""
    told = frame[frame["driftform"] != UNCLEAR]
    return frame if told.empty else told


def _texts(told: Sequence[Mapping], column: str, names: dict[str, str]) -> str | None:
    """Return what the documents say in a column: the one text, or each with its documents; None where none says."""
    said: dict[str, list[str]] = {}
    for row in told:
        if not pd.isna(row[column]) and str(row[column]):
            said.setdefault(str(row[column]), []).append(names[row["kalla"]])
    if len(said) < 2:
        return next(iter(said), None)
    return "; ".join(f"{text} ({', '.join(documents)})" for text, documents in said.items())


def _forms_text(told: Sequence[Mapping], names: dict[str, str]) -> str:
    by_form: dict[str, list[str]] = {}
    for source, name in names.items():
        forms = [row["driftform"] for row in told if row["kalla"] == source]
        if forms:
            by_form.setdefault(combined_form(forms), []).append(name)
    return "; ".join(f"{FORM_NAMES[form]} ({', '.join(documents)})" for form, documents in by_form.items())


@measure("Hur kommuner driver personlig assistans")
def forms_of_operation(municipality: Municipality) -> Draft:
    """Return every municipality that the documents name, and what they say of how it runs the assistance.

    Units: text. Index: kommun (text), the municipality's own first, then in Swedish order.
    Formula: ingen beräkning; varje dokuments uppgift, med dokumentet inom parentes
    Method (sv): En kommun har en rad även om flera dokument nämner den. Säger de olika saker står alla uppgifterna,
        var och en med sitt dokument. En kommun som ett dokument räknar upp under både LOV och LOU får båda.
    Raises: MissingData where the national table is empty.
    Source: data/nationellt/driftformer.csv.
    """
    used = national_rows(municipality, "driftformer")
    names = document_names(municipality, used["kalla"])
    by_name: dict[str, list[Mapping]] = {}
    for row in used.to_dict("records"):
        by_name.setdefault(row["kommun"], []).append(row)
    lines = {}
    for name in sorted(swedish_order(by_name), key=lambda one: one != municipality.area):
        told = [row for row in by_name[name] if row["driftform"] != UNCLEAR] or by_name[name]
        lines[name] = {
            "driftform": _forms_text(told, names),
            **{column: _texts(told, column, names) for column in _DETAILS},
            "tidpunkt": _texts(told, "tidpunkt", names),
        }
    frame = pd.DataFrame.from_dict(lines, orient="index", dtype=object).rename_axis("kommun")
    return Draft(
        frame,
        (
            Quantity("driftform", "Driftform (dokument)", "text"),
            *(Quantity(column, label, "text") for column, label in _DETAILS.items()),
            Quantity("tidpunkt", "Gäller", "text"),
        ),
        (used,),
        caveats=(SAMPLE_CAVEAT,),
    )


_DETAILS = {
    "basansvar": "Basansvaret har",
    "leverantorer_antal": "Leverantörer, antal",
    "upphandlingar_antal": "Upphandlingar, antal",
    "ersattning": "Ersättning",
    "anmarkning": "Att märka",
}


@measure("Hur många av de nämnda kommunerna som har varje driftform")
def forms_count(municipality: Municipality) -> Draft:
    """Return the number of named municipalities by form of operation, and which they are.

    Units: municipalities. Index: driftform (text), the most common first; unknown and differing last.
    Formula: antal kommuner efter driftform
    Method (sv): Varje kommun räknas en gång, även om flera dokument nämner den eller samma namn står två gånger. Den
        som står under både LOV och LOU räknas till ”LOV och LOU”.
    Raises: MissingData where the national table is empty.
    Source: data/nationellt/driftformer.csv.
    """
    used = national_rows(municipality, "driftformer")
    forms = used.groupby("kommun")["driftform"].agg(combined_form)
    members = {form: swedish_order(forms[forms == form].index) for form in FORM_NAMES if (forms == form).any()}
    ranked = sorted(members, key=lambda form: (form in (DIFFERING, UNCLEAR), -len(members[form])))
    frame = pd.DataFrame(
        {
            "kommuner_antal": [len(members[form]) for form in ranked],
            "kommuner": [", ".join(members[form]) for form in ranked],
        },
        index=pd.Index([FORM_NAMES[form] for form in ranked], name="driftform"),
    )
    return Draft(
        frame,
        (Quantity("kommuner_antal", "Kommuner, antal", "antal"), Quantity("kommuner", "Vilka", "text")),
        (used,),
        title="De nämnda kommunerna efter driftform",
        caveats=(SAMPLE_CAVEAT,),
    )


_BEARING = ("kostnad", "kalla", "driftform", "bars_av")


def bearers_by_cost(municipality: Municipality) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Return cost → form → who bears it → the documents that say so, in the table's order."""
    used = national_rows(municipality, "kostnadsansvar").sort_values("ordning", kind="stable")
    names = document_names(municipality, used["kalla"])
    # For each cost and document, what it says in the table's order: the form, and who bears the cost.
    said: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for cost, source, form, bearer in plain_rows(used, _BEARING):
        said.setdefault(cost, {}).setdefault(source, []).append((form, bearer))
    found: dict[str, dict[str, dict[str, list[str]]]] = {}
    for cost, by_source in said.items():
        found[cost] = {form: {} for form in COST_FORMS}
        for form, bearers in found[cost].items():
            for source, name in names.items():
                told = by_source.get(source, ())
                for bearer in dict.fromkeys(bearer for about, bearer in told if about in (form, EVERY_FORM)):
                    bearers.setdefault(bearer, []).append(name)
    return found


@measure("Vem som bär vilken kostnad")
def cost_bearers(municipality: Municipality) -> Draft:
    """Return who bears each cost under each form of operation, with the documents that say so.

    Units: text. Index: kostnad (text), in the table's order.
    Formula: ingen beräkning; varje dokuments uppgift, med dokumentet inom parentes
    Method (sv): Det som ett dokument säger gäller alla driftformer står under var och en. Svarar dokumenten olika om
        samma kostnad och driftform står båda svaren. En tom ruta betyder att inget dokument säger något.
    Raises: MissingData where the national table is empty.
    Source: data/nationellt/kostnadsansvar.csv.
    """
    lines = {
        cost: {form: _bearers_text(found) for form, found in forms.items()}
        for cost, forms in bearers_by_cost(municipality).items()
    }
    frame = pd.DataFrame.from_dict(lines, orient="index", dtype=object).rename_axis("kostnad")
    return Draft(
        frame,
        tuple(Quantity(form, FORM_NAMES[form], "text") for form in COST_FORMS),
        (national_rows(municipality, "kostnadsansvar"),),
    )


def _bearers_text(found: dict[str, list[str]]) -> str | None:
    text = "; ".join(f"{bearer} ({', '.join(documents)})" for bearer, documents in found.items())
    return text[:1].upper() + text[1:] or None


def cost_remarks(municipality: Municipality) -> dict[str, list[tuple[str, str, str, str]]]:
    """Return cost → what a document adds: the document, the form (`alla` for every), the remark and its place."""
    used = national_rows(municipality, "kostnadsansvar").sort_values("ordning", kind="stable")
    names = document_names(municipality, used["kalla"])
    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for row in used[used["anmarkning"] != ""].itertuples():
        found.setdefault(row.kostnad, []).append((names[row.kalla], row.driftform, row.anmarkning, row.plats))
    order = list(names.values())
    return {cost: sorted(said, key=lambda one: order.index(one[0])) for cost, said in found.items()}


@dataclass(frozen=True)
class Disagreement:
    """A cost of which the documents say different things under the same form.

    `bearers` maps who bears it to the documents that say so, each with the forms that it says it of; `alla` alone
    where it speaks of every form.
    """

    cost: str
    bearers: dict[str, dict[str, tuple[str, ...]]]


def cost_disagreements(municipality: Municipality) -> list[Disagreement]:
    """Return where the documents name different bearers of the same cost under the same form."""
    used = national_rows(municipality, "kostnadsansvar")
    names = document_names(municipality, used["kalla"])
    every = list(plain_rows(used, _BEARING))
    found = []
    for cost, forms in bearers_by_cost(municipality).items():
        differing = [form for form, bearers in forms.items() if len(bearers) > 1]
        told: dict[tuple[str, str], set[str]] = {}
        for about_cost, source, form, bearer in every:
            if about_cost == cost and form in (*differing, EVERY_FORM):
                told.setdefault((source, bearer), set()).add(form)
        bearers: dict[str, dict[str, tuple[str, ...]]] = {}
        for (source, bearer), said in sorted(told.items()):
            about = (EVERY_FORM,) if EVERY_FORM in said else tuple(form for form in COST_FORMS if form in said)
            bearers.setdefault(bearer, {})[names[source]] = about
        if differing:
            found.append(Disagreement(cost, bearers))
    return found


@measure("Konsekvenser av att byta driftform")
def consequences(municipality: Municipality, affected: str) -> Draft:
    """Return what each document answers to each question about users, staff or economy.

    Units: text. Index: fraga (text), in the table's order; one column a document that answers any of the questions.
    Formula: ingen beräkning; dokumentens svar sida vid sida
    Method (sv): Frågorna är bokens, svaren dokumentens, återgivna med egna ord. Ett dokument som inte tar upp frågan
        får en tom ruta.
    Raises: MissingData where no document says anything of those affected.
    Source: data/nationellt/konsekvenser.csv.
    """
    if affected not in AFFECTED:
        raise MissingData(f"konsekvenser: okänt slag {affected}")
    used = national_rows(municipality, "konsekvenser", berorda=affected).sort_values("ordning", kind="stable")
    names = document_names(municipality, used["kalla"])
    answers = used.groupby(["fraga", "kalla"], sort=False)["svar"].agg("; ".join)
    questions = list(dict.fromkeys(used["fraga"]))
    frame = pd.DataFrame(
        {source: [answers.get((question, source)) for question in questions] for source in names},
        index=pd.Index(questions, name="fraga"),
        dtype=object,
    )
    return Draft(
        frame,
        tuple(Quantity(source, name, "text") for source, name in names.items()),
        (used,),
        title=AFFECTED[affected],
        key=affected,
    )
