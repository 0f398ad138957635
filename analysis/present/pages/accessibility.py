"""The accessibility statement: what the law asks for, what the municipality says, and how the site has been tested."""

from __future__ import annotations

from analysis.measures.dates import dated
from analysis.present.book import Book
from analysis.present.views import Linked, Markup, Prose, bullets, fill, prose
from analysis.sources.accessibility import CONFORMANCE

# What the site is tested against; that is a choice of this project and stricter than the law.
TESTED_LEVEL = "WCAG 2.2, nivå AA"


def scope_text(book: Book) -> Prose:
    """Return what the statement covers, who answers for it and by which law it is made."""
    facts, responsible = book.municipality.legal_facts, book.municipality.statement.responsible
    owner = f" {responsible} ansvarar för webbplatsen." if responsible else ""
    return prose(
        f"Redogörelsen omfattar den här boken om personlig assistans i {book.name}, med alla kapitel, tabeller och "
        f"diagram att ladda ner, och boken som PDF och i Word.{owner} "
        f"Redogörelsen lämnas enligt {facts['redogorelse'].value} {facts['lag'].value}."
    )


def missing_text(book: Book) -> Markup | Prose:
    """Return what the municipality has left to fill in and where; nothing where the statement is complete."""
    missing = book.municipality.statement.missing
    if not missing:
        return prose()
    file = f"data/kommuner/{book.municipality.slug}/kommun.yml"
    fields = ", ".join(f"{what} ({name})" for name, what in missing.items())
    text = f"Redogörelsen är inte färdig. I {file} saknas: {fields}."
    return fill("unfinished.html.j2", text, name=book.name, missing=missing, file=file)


def conformance_text(book: Book) -> Prose:
    """Return how far the site meets the law, which the municipality judges, and what the law asks for."""
    facts, statement = book.municipality.legal_facts, book.municipality.statement
    level = f"Lagens krav motsvarar {facts['niva'].value} ({facts['standard'].value})."
    if not statement.conformance:
        return prose(f"{book.name} har ännu inte bedömt om webbplatsen uppfyller lagens krav.", level)
    return prose(f"Webbplatsen är {CONFORMANCE[statement.conformance]} med {facts['lag'].value}.", level)


def shortcomings_list(book: Book) -> Prose:
    """Return the shortcomings that the municipality knows of."""
    known = book.municipality.statement.shortcomings
    if known is None:
        return prose(f"{book.name} har ännu inte angett om det finns kända brister.")
    if not known:
        return prose("Det finns inga kända brister.")
    return bullets(known)


def contact_text(book: Book) -> Prose:
    """Return what a reader may ask for, and that an answer comes."""
    statement = book.municipality.statement
    start = (
        "Meddela kommunen om något på webbplatsen inte uppfyller kraven, eller om du behöver innehållet i en annan "
        "form. Du får svar så snart som möjligt."
    )
    if statement.email or statement.telephone or statement.page:
        return prose(start)
    return prose(start, f"{book.name} har ännu inte angett hur. Vänd dig till kommunens växel så länge.")


def contact_list(book: Book) -> Prose:
    """Return the ways of reaching the municipality."""
    statement = book.municipality.statement
    ways: list[str | Linked] = []
    if statement.page:
        ways.append(Linked("Webbsida:", statement.page, "meddela brister i tillgänglighet"))
    if statement.email:
        ways.append(Linked("E-post:", f"mailto:{statement.email}", statement.email))
    if statement.telephone:
        ways.append(f"Telefon: {statement.telephone}")
    return bullets(ways)


def supervision_text(book: Book) -> Prose:
    """Return who supervises, where to report, and until when that is known to hold."""
    facts = book.municipality.legal_facts
    report = facts["anmalan"]
    checked = min(fact.known_until for fact in facts.values())
    return Prose(
        (
            f"{facts['tillsyn'].value} har tillsyn över att lagen följs. Är du inte nöjd med kommunens svar kan du "
            "anmäla det dit.",
            Linked("Så gör du:", report.link, report.value),
            f"Uppgifterna om lag, nivå och tillsyn är kontrollerade till och med den {dated(checked.isoformat())}.",
        )
    )


def tests_text(book: Book) -> Prose:
    """Return against which level the site is tested."""
    facts = book.municipality.legal_facts
    return prose(
        f"Lagens nivå är {facts['niva'].value}. Webbplatsen prövas mot den senare {TESTED_LEVEL}, som innehåller den "
        "förras krav med ett undantag: kravet på felfri kod, som har utgått."
    )


def review_text(book: Book) -> Prose:
    """Return when and by whom the site was last reviewed."""
    statement = book.municipality.statement
    if statement.reviewed is None:
        return prose(f"{book.name} har ännu inte angett när en människa senast granskade webbplatsen.")
    who = f" av {statement.reviewed_by}" if statement.reviewed_by else ""
    return prose(f"Webbplatsen granskades senast den {dated(statement.reviewed.isoformat())}{who}.")
