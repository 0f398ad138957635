"""Where the figures come from, how they were computed, and how the book was made."""

from __future__ import annotations

from analysis.measures import provider
from analysis.measures.dates import dated
from analysis.measures.economy import PART_NAMES
from analysis.measures.result import every_measure
from analysis.measures.small_numbers import REPEATING_TABLES, tables_with_less
from analysis.present.book import Book
from analysis.present.language import capitalised, listed
from analysis.present.numbers import WITHHELD, number
from analysis.present.views import STATUS_WORDS, Markup, Prose, assumed_value, bullets, prose, simple_table
from analysis.sources.municipality import Municipality
from analysis.sources.schema import MUNICIPAL_TABLES, NATIONAL_TABLES

# In these tables a year without rows is a year in which nothing of the kind happened.
_NOT_YEARLY = ("engangsposter", "bidrag", "tillskott")
# How the hash of a file begins that only whoever built the book can compute.
KEYED = "nycklad:"


def sources_table(book: Book) -> Markup:
    """Return every source that something in this book points to."""
    municipality = book.municipality
    used = _used_sources(book)
    lines = [
        [source.title, source.publisher, source.date, source.note or "–"]
        for id_, source in municipality.sources.items()
        if id_ in used
    ]
    return simple_table("Källor", ["Titel", "Utgivare", "Datum", "Anmärkning"], lines)


def _used_sources(book: Book) -> set[str]:
    """Return the ids of the sources that a table, a parameter, the glossary or the statement points to."""
    municipality = book.municipality
    tables = [*municipality.tables.values(), *municipality.national.values()]
    used = {name for table in tables for column in ("kalla", "ursprung") if column in table for name in table[column]}
    references = [value.reference for parameter in municipality.parameters.values() for value in parameter.values]
    references += [term.reference for term in municipality.glossary.values() if term.reference]
    references += [fact.reference for fact in municipality.legal_facts.values()]
    return used | {reference.source for reference in references}


def terms_text(book: Book) -> Prose:
    """Return how the book names the sources whose terms tell values as given from values that others have processed."""
    sources, used = book.municipality.sources, _used_sources(book)
    names = sorted({source.unaltered_as for id_, source in sources.items() if id_ in used and source.unaltered_as})
    if not names:
        return prose()
    return prose(
        f"{listed(names)} anges som källa där boken visar ett värde oförändrat, men inte där boken har räknat vidare "
        "på det: så är villkoren, och då står det att beräkningen är bokens egen."
    )


def tables_table(book: Book) -> Markup:
    """Return the municipality's tables: rows, years and how sure they are."""
    lines = []
    for name, spec in {**MUNICIPAL_TABLES}.items():
        frame = book.municipality.tables.get(name)
        if frame is None:
            continue
        lines.append([spec.title, f"{name}.csv", number(len(frame)), _years(frame), _statuses(frame)])
    for name, frame in book.municipality.national.items():
        spec = NATIONAL_TABLES[name]
        file = f"nationellt/kolada/{name}.csv" if spec.fetched else f"nationellt/{name}.csv"
        lines.append([spec.title, file, number(len(frame)), _years(frame), _statuses(frame)])
    return simple_table("Tabeller som boken bygger på", ["Tabell", "Fil", "Rader", "År", "Status"], lines)


def _years(frame) -> str:
    if "ar" not in frame:
        return "–"
    first, last = int(frame["ar"].min()), int(frame["ar"].max())
    return str(first) if first == last else f"{first}–{last}"


def _statuses(frame) -> str:
    if "status" not in frame:
        return "–"
    words = sorted({STATUS_WORDS.get(status, "publicerad") for status in frame["status"]})
    return listed(words)


def missing_text(book: Book) -> Prose:
    """Return how many of the tables that the book can use the municipality lacks."""
    missing = _missing(book)
    if not missing:
        return prose(f"{book.name} har uppgifter i alla tabeller som boken kan använda.")
    none = len(missing) == len(MUNICIPAL_TABLES)
    count = f"{number(len(missing))} av {number(len(MUNICIPAL_TABLES))}"
    return prose(
        f"{book.name} har ännu inga egna tabeller i boken, bara rader i de nationella. "
        "Tabellen visar vad var och en skulle ge."
        if none
        else f"{count} tabeller som boken kan använda saknas för {book.name}. Avsnitt som bygger på dem är utelämnade. "
        "Tabellen visar vad var och en skulle ge."
    )


def missing_table(book: Book) -> Markup | Prose:
    """Return each table that the municipality lacks, and what it would add to the book."""
    missing = _missing(book)
    if not missing:
        return prose()
    lines = [[spec.title, f"{name}.csv", capitalised(spec.gives)] for name, spec in missing.items()]
    return simple_table("Tabeller som saknas", ["Tabell", "Fil", "Vad den skulle ge"], lines)


def missing_years_list(book: Book) -> Prose:
    """Return which years of the book's period each of the municipality's tables, or a part of one, has no rows for."""
    municipality = book.municipality
    period_ = range(municipality.first_year, municipality.last_year + 1)
    lines = []
    for name, frame in (municipality.unprotected or municipality).tables.items():
        if "ar" not in frame or name in _NOT_YEARLY:
            continue
        absent = [year for year in period_ if year not in set(frame["ar"])]
        start = f"{MUNICIPAL_TABLES[name].title} ({name}.csv)"
        if absent:
            lines.append(f"{start} saknar {listed(absent)}.")
        parts = frame.groupby("verksamhet")["ar"] if "verksamhet" in frame else ()
        for part, years in parts:
            less = [year for year in period_ if year not in {*years, *absent}]
            # Where the whole has no row of its own it is the sum of the parts.
            if less and part != "totalt":
                lines.append(f"{start} saknar {listed(less)} för {PART_NAMES[part]}.")
    return bullets(lines)


def _missing(book: Book) -> dict:
    given = (book.municipality.unprotected or book.municipality).tables
    return {name: spec for name, spec in MUNICIPAL_TABLES.items() if name not in given}


def small_numbers_line(municipality: Municipality) -> str:
    """Return in one line whether the book shows small counts of persons, and why where it does."""
    chosen = municipality.small_numbers
    if not chosen.threshold:
        return f"Små antal personer visas: {chosen.reason[0].lower()}{chosen.reason[1:]}."
    largest = chosen.threshold - 1
    counts = "Antalet 1 skrivs" if largest == 1 else f"Antal personer från 1 till {number(largest)} skrivs"
    return f"{counts} {WITHHELD} i den här boken."


def small_numbers_text(book: Book) -> Prose:
    """Return what the book does not show of small counts, and in which tables."""
    municipality = book.municipality
    line = small_numbers_line(municipality)
    if not municipality.small_numbers.threshold:
        return prose(line, "Valet står i kommun.yml.")
    also = "Det gäller också andelar, medelvärden, skillnader och kostnader som annars skulle röja ett sådant antal."
    if municipality.unprotected is None:
        return prose(line, also, "Inget i den här bokens underlag behöver döljas.")
    titles = {name: spec.title for name, spec in (NATIONAL_TABLES | MUNICIPAL_TABLES).items()}
    tables = sorted({titles[name] for name in tables_with_less(municipality)})
    named = listed([f"”{title}”" for title in tables]) if tables else ""
    hidden = f"Här är uppgifter dolda i {'tabellen' if len(tables) == 1 else 'tabellerna'} {named}." if tables else ""
    repeating = [titles[name] for name in REPEATING_TABLES if name in municipality.unprotected.tables]
    left_out = listed([f"”{title}”" for title in repeating]) if repeating else ""
    return prose(
        line,
        also,
        hidden,
        "Sådana år och uppgifter räknas inte heller in i texten, till exempel när den säger vilket år som var högst "
        "eller lägst.",
        f"Innehållet i {left_out} visas inte alls, eftersom utredningens egna antal står där." if repeating else "",
    )


def left_out_text(book: Book) -> Prose:
    """Return which chapters are left out of this book, where it is being built."""
    titles = [item["title"] for item in book.manifest.get("left_out", ())]
    if not titles:
        return prose()
    named = listed([f"”{title}”" for title in titles])
    start = f"Kapitlet {named} är utelämnat" if len(titles) == 1 else f"Kapitlen {named} är utelämnade"
    withheld = any("visas inte" in item["reason"].lower() for item in book.manifest.get("left_out", ()))
    return prose(f"{start}, eftersom underlag saknas{' eller inte kan visas' if withheld else ''}.")


def sources_known_text(book: Book) -> Prose:
    """Return until when each dated parameter is known to hold."""
    return bullets(
        [
            f"{parameter.name}: det senaste värdet gäller till och med {dated(parameter.known_until.isoformat())}."
            for parameter in book.municipality.parameters.values()
        ]
    )


def formulas_table(book: Book) -> Markup:
    """Return every measure's title, formula and method, from the docstrings."""
    cards = sorted(every_measure().values(), key=lambda card: card.module)
    lines = [[card.title, card.formula, card.method] for card in cards]
    return simple_table("Mått, formler och metod", ["Mått", "Formel", "Så görs det"], lines)


def assumptions_table(book: Book) -> Markup | Prose:
    """Return the log of assumptions."""
    municipality = book.municipality
    # What is assumed for the scenario begins with its name; the rest belongs to the examples on terms of employment.
    lines = [
        [item.name, assumed_value(item), item.reason]
        for item in municipality.assumptions.values()
        if municipality.has("scenario" if item.id.startswith("scenario_") else "villkor")
    ]
    if not lines:
        return prose("Den här boken använder inga antaganden.")
    return simple_table("Antaganden", ["Antagande", "Värde", "Skäl"], lines)


def caveats_text(book: Book) -> Prose:
    """Return the caveats that hold for the book as a whole."""
    general = [
        "Snitt per månad och ögonblicksbilder den 1 oktober är olika mått och jämförs inte med varandra.",
        "Uppgifter som återges i andra hand är inte kontrollerade mot sin första källa.",
        "Engångsposter är avrundade i källan; kostnaden utan dem är därför också ungefärlig.",
        "Stämmer en modell nästan exakt med bokföringen kan timmarna ha räknats fram ur kostnaden, eller tvärtom. "
        "Då säger resten inget om hur väl modellen beskriver verkligheten.",
    ]
    return bullets([*general, *(provider.CAVEATS if book.municipality.has("villkor") else ())])


def made_text(book: Book) -> Prose:
    """Return when the book was built, or that this copy is the committed one."""
    if not book.manifest:
        return prose(
            "Det här är kapitlet som det ligger i projektet. Tid, versioner och kontrollsummor skrivs när boken byggs."
        )
    built_on = dated(book.manifest["built_at"][:10])
    return prose(f"Boken byggdes {built_on} med Python {book.manifest['python']}.")


def versions_table(book: Book) -> Markup | Prose:
    """Return the versions of the tools, from the manifest."""
    if not book.manifest:
        return prose()
    lines = [[name, version] for name, version in book.manifest["versions"].items()]
    return simple_table("Versioner", ["Verktyg", "Version"], lines)


def hashes_table(book: Book) -> Markup | Prose:
    """Return the hashes of the inputs, from the manifest."""
    if not book.manifest:
        return prose()
    lines = [[name, digest] for name, digest in book.manifest["inputs"].items()]
    keyed = any(digest.startswith(KEYED) for _, digest in lines)
    caption = "Kontrollsummor för indata (SHA-256" + (
        "; de nycklade gäller filer där små antal kan stå som inte visas, och går inte att räkna om)" if keyed else ")"
    )
    return simple_table(caption, ["Fil", "Kontrollsumma"], lines)
