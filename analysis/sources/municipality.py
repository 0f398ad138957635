"""One municipality with all its tables, and the national data beside it."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.sources.accessibility import LegalFact, Statement, read_legal_facts, read_statement
from analysis.sources.doubts import ACKNOWLEDGED, Acknowledgement
from analysis.sources.faults import DataError, Fault, file_fault, shown_path
from analysis.sources.glossary import Term, read_glossary
from analysis.sources.local_words import LocalText, read_local_words
from analysis.sources.municipal_codes import new_municipality
from analysis.sources.reads import Noted
from analysis.sources.registers import (
    Assumption,
    Bound,
    Parameter,
    Register,
    Source,
    SourceRef,
    as_yaml,
    read_assumptions,
    read_bounds,
    read_parameters,
    read_sources,
)
from analysis.sources.schema import (
    CODE_TABLE,
    EARLIEST_YEAR,
    EXAMPLE_TERMS,
    FORMS,
    LATEST_YEAR,
    MUNICIPAL_TABLES,
    NATIONAL_TABLES,
    SCENARIO_HOURS,
)

if TYPE_CHECKING:
    import pandas as pd

# The employer's charges on wages, which every example of what an hour costs rests on.
MARKUP = "personalomkostnader"
FETCHED_FOLDER = "kolada"  # in data/nationellt
# Where a municipality says nothing: counts from 1 to 4 are not shown.
DEFAULT_THRESHOLD = 5
# With a lower one every ".." would be a 1.
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 3, 100
_CARD_FIELDS = ("namn", "kod", "lan", "namnd", "uppdragsgivare", "uppdrag", "uppdrag_kalla", "uppdrag_plats", "period",
                "omrade", "jamfor_med", "grannar", "dokument", "befriad_mnkr", "antaganden", "tillganglighet",
                "sma_tal", "syntetisk", ACKNOWLEDGED)


@dataclass(frozen=True)
class Assignment:
    """Who asked for the investigation, and for what."""

    commissioned_by: str
    task: str
    reference: SourceRef
    relieved_mnkr: float | None


@dataclass(frozen=True)
class SmallNumbers:
    """From which count on persons are shown; a threshold of 0 shows every count, for the reason that is given."""

    threshold: int = DEFAULT_THRESHOLD
    reason: str = ""


@dataclass(frozen=True)
class Municipality:
    """A municipality's data, validated.

    `tables` and `national` map a table's name to a frame with the columns of its TableSpec; they and `texts` note what
    is read of them (see reads.py).
    `area` is the municipality's name in the national tables; `compare_with` the areas beside it, those that its card
    names and those that figures were fetched for; `peers` the slugs
    of the municipalities in data/kommuner whose own figures are shown beside this one's; `document` the source id of
    the published investigation, empty where there is none. `statement` is what the municipality says of how accessible
    its site is, and `legal_facts` what the law asks of it. `bounds` tell when figures are too far apart to be right,
    and `acknowledged` which such doubts the analyst has looked into. `texts` are its own words, by their place in the
    book. `thresholds` are those that municipalities' cards set for small counts, by area. `unprotected` is there where
    small counts have been taken out of the tables: the municipality with all that it had, but for a 1 in each cell that
    was taken out (see measures/small_numbers.py).
    `synthetic` tells that there is no such municipality: every figure is made up, and every page says so.
    """

    slug: str
    name: str
    code: str
    county: str
    board: str
    assignment: Assignment | None
    first_year: int
    last_year: int
    area: str
    compare_with: tuple[str, ...]
    peers: tuple[str, ...]
    document: str
    tables: Mapping[str, pd.DataFrame]
    national: Mapping[str, pd.DataFrame]
    sources: Mapping[str, Source]
    parameters: Mapping[str, Parameter]
    assumptions: Mapping[str, Assumption]
    glossary: Mapping[str, Term]
    legal_facts: Mapping[str, LegalFact]
    statement: Statement
    texts: Mapping[str, LocalText]
    bounds: Mapping[str, Bound]
    acknowledged: tuple[Acknowledgement, ...]
    thresholds: Mapping[str, int]
    small_numbers: SmallNumbers = SmallNumbers()
    synthetic: bool = False
    unprotected: Municipality | None = None
    # What measures have computed from it, see measures/memo.py; a copy with other data begins with none.
    computed: dict = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, kind in (("tables", "tabell"), ("national", "nationellt"), ("texts", "text")):
            object.__setattr__(self, name, Noted(kind, getattr(self, name)))

    def has(self, *names: str) -> bool:
        """Tell whether the municipality has all of these needs.

        A need is a table, `tabell:verksamhet`, `iakttagelser:kapitel`, `fakta:uppgift`, `floden:grupp`,
        `villkor:exempel` (every term of that one of EXAMPLE_TERMS), `nationellt:tabell` or
        `nationellt:tabell:verksamhet` (a row for the municipality's own area in a national table), `uppdrag` or
        `grannar` (what its card says), or several with `|` between, one of which is enough.
        `ekonomi` alone needs a year in which the whole is known, `scenario` hours for every form of operation and what
        an hour costs in own provision, `villkor` the terms of some example. Examples need a period that reaches the
        first known charges on wages.
        """
        return all(any(self._has(one) for one in name.split("|")) for name in names)

    def threshold_of(self, area: str) -> int:
        """Return from which count on persons of another area are shown, as its own card says if it has one."""
        return self.thresholds.get(area, DEFAULT_THRESHOLD)

    def years_of_the_whole(self) -> list[int]:
        """Return the years of `ekonomi` in which the whole is known: by a row of its own, else by every part.

        A part of which every row has been taken out is a part all the same, and a year whose own row has been taken out
        has no whole.
        """
        frame = self.tables.get("ekonomi")
        if frame is None:
            return []
        given = (self.unprotected or self).tables["ekonomi"]
        stated = set(given.loc[given["verksamhet"] == "totalt", "ar"])
        parts = set(given["verksamhet"]) - {"totalt"}
        return [
            int(year)
            for year, rows in frame.groupby("ar")
            if ({"totalt"} if year in stated else parts or {"totalt"}) <= set(rows["verksamhet"])
        ]

    def _has(self, need: str) -> bool:
        table, _, part = need.partition(":")
        if table == "uppdrag":
            return self.assignment is not None
        if table == "grannar":
            return bool(self.peers)
        if table == "nationellt":
            table, _, law = part.partition(":")
            frame = self.national.get(table)
            if frame is None:
                return False
            own = frame[frame["omrade"] == self.area]
            return bool((own["verksamhet"] == law).any()) if law else not own.empty
        frame = self.tables.get(table)
        if frame is None:
            return False
        if need == "ekonomi":
            return bool(self.years_of_the_whole())
        if table == "scenario":
            given = set(zip(frame["indata"], frame["driftform"], strict=True))
            hours = all(given & {(name, one) for name in SCENARIO_HOURS for one in (form, "alla")} for form in FORMS)
            return hours and bool(given & {("kostnad_kr_per_timme", one) for one in (FORMS[0], "alla")})
        if table == "villkor":
            if self.last_year < self.parameters[MARKUP].values[0].start.year:
                return False
            given, examples = set(frame["villkor"]), [part] if part else EXAMPLE_TERMS
            return any(given.issuperset(EXAMPLE_TERMS[example]) for example in examples)
        column = {"iakttagelser": "kapitel", "fakta": "uppgift", "floden": "grupp"}.get(table, "verksamhet")
        return not part or bool((frame[column] == part).any())


def default_data_directory() -> Path:
    """Return the data folder beside the package."""
    return Path(__file__).resolve().parents[2] / "data"


def list_municipalities(data_directory: Path) -> list[str]:
    """Return the slugs of the municipalities that have a folder, in alphabetical order."""
    folder = data_directory / "kommuner"
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:  # which tells what a folder is without another look at the disk
        return sorted(one.name for one in entries if (Path(one).is_dir() if one.is_symlink() else one.is_dir()))


def unknown_municipality(slug: str, data: Path) -> Fault:
    """Return the fault of a slug that has no folder."""
    known = list_municipalities(data)
    near = difflib.get_close_matches(slug, known, n=1)
    new = new_municipality(slug, known, data)
    return Fault(shown_path(data / "kommuner" / slug, data), f"kommunen ”{slug}” finns inte",
                 "någon av " + ", ".join(known) if known else "en mapp för varje kommun",
                 f"kör new --namn {new}" if new else f"skriv ”{near[0]}”" if near else
                 "kontrollera stavningen, eller kör new --namn och kommunens namn")


def load_municipality(slug: str, data_directory: Path | None = None) -> Municipality:
    """Read and validate one municipality and the national data.

    Raises DataError with every fault of every file at once, in Swedish.
    """
    data = Path(data_directory) if data_directory else default_data_directory()
    folder = data / "kommuner" / slug
    known = list_municipalities(data)
    if slug not in known:
        raise DataError([unknown_municipality(slug, data)])
    sources, faults = read_sources(data / "kallor.yml", shown_path(data / "kallor.yml", data))
    if not sources:
        raise DataError(faults)  # without the register every row of every table would be at fault
    national_folder = data / "nationellt"
    path = national_folder / "parametrar.yml"
    parameters, more = read_parameters(path, shown_path(path, data), sources)
    faults += more
    path = national_folder / "antaganden.yml"
    assumptions, more = read_assumptions(path, shown_path(path, data))
    faults += more
    path = national_folder / "ordlista.yml"
    glossary, more = read_glossary(path, shown_path(path, data), sources)
    faults += more
    path = national_folder / "tillganglighet.yml"
    legal_facts, more = read_legal_facts(path, shown_path(path, data), sources)
    faults += more
    path = national_folder / "rimlighet.yml"
    bounds, more = read_bounds(path, shown_path(path, data))
    faults += more
    path = folder / "kommun.yml"
    register = Register(path, shown_path(path, data))
    document = str(register.content.get("dokument") or "")
    national, more = _read_national(national_folder, sources, data, document)
    faults += more
    tables, more = _read_tables(folder, MUNICIPAL_TABLES, sources, data)
    faults += more
    texts, more = read_local_words(folder, data)
    faults += more
    areas = set().union(*(frame["omrade"].unique() for frame in national.values() if "omrade" in frame))
    card = _read_card(register, sources, assumptions, areas, [other for other in known if other != slug])
    faults += register.faults
    faults += _years_too_early(card, tables, parameters, folder, data)
    if faults:
        raise DataError(faults)
    card["compare_with"] = tuple(dict.fromkeys([*card["compare_with"], *_fetched_areas(national, card["area"])]))
    return Municipality(slug=slug, tables=tables, national=national, sources=sources, parameters=parameters,
                        glossary=glossary, legal_facts=legal_facts, texts=texts, bounds=bounds,
                        thresholds=_thresholds(known, data), **card)


def _read_national(folder, sources, data, document):
    """Read the national tables, and with them what fetch has written."""
    from analysis.sources.reader import merged, read

    given, faults = _open_tables(folder, NATIONAL_TABLES, sources, data, required=True, beside=[CODE_TABLE.name])
    fetched, more = _open_tables(folder / FETCHED_FOLDER, NATIONAL_TABLES, sources, data, required=False)
    faults += more
    tables = {}
    for files in (given, fetched):
        for name, file in files.items():
            tables[name], more = read(file)
            faults += more
    for name, file in fetched.items():
        tables[name] = merged(given.get(name), file, document)
    return tables, faults


def _years_too_early(card: Mapping, tables: Mapping[str, pd.DataFrame], parameters: Mapping[str, Parameter],
                     folder: Path, data: Path) -> list[Fault]:
    """Return the faults of a period that ends, and of a scenario that stands, before any amount per hour is known."""
    from analysis.sources.reader import line_numbers

    amount = parameters.get("schablonbelopp")
    if amount is None:
        return []
    first = amount.values[0].start.year
    faults = []

    def fault(file: str, problem: str, advice: str, **place) -> None:
        expected = f"ett år från {first}, det första som nationellt/parametrar.yml har ett schablonbelopp för"
        faults.append(Fault(shown_path(folder / file, data), problem, expected, advice, **place))

    last = card.get("last_year")
    if last and last < first:
        fault("kommun.yml", "perioden slutar för tidigt", "ändra till under period", column="period.till",
              value=str(last))
    scenario = tables.get("scenario")
    if scenario is not None and "varde" in scenario:
        years = zip(scenario["indata"], scenario["varde"], strict=True)
        early = {place: year for place, (name, year) in enumerate(years) if name == "ar" and year < first}
        lines = line_numbers(folder / "scenario.csv") if early else []
        for place, year in early.items():
            fault("scenario.csv", "året är för tidigt", "skriv det år som underlaget gäller", row=lines[place],
                  column="varde", value=f"{year:g}")
    return faults


def _fetched_areas(national: Mapping[str, pd.DataFrame], area: str) -> list[str]:
    """Return the areas that figures were fetched for, to stand beside the municipality's."""
    if "omraden" not in national:
        return []
    table = national["omraden"]
    return table[table["kommun"] == area].sort_values("ordning")["omrade"].tolist()


def _read_tables(folder, specs, sources, data):
    # Imported here, so that who asks only for the municipalities' names need not wait for pandas.
    from analysis.sources.reader import read

    files, faults = _open_tables(folder, specs, sources, data, required=False)
    tables = {}
    for name, file in files.items():
        tables[name], more = read(file)
        faults += more
    return tables, faults


def _open_tables(folder, specs, sources, data, *, required, beside=()):
    from analysis.sources.reader import open_table

    files, faults = {}, []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        table = path.suffix.lower() in (".csv", ".xlsx", ".xls", ".ods") and not path.name.startswith((".", "~"))
        if table and path.name not in {f"{name}.csv" for name in (*specs, *beside)}:
            near = difflib.get_close_matches(path.stem.lower(), specs, n=1)
            faults.append(Fault(shown_path(path, data), "okänd tabell",
                                "en CSV-fil som heter någon av " + ", ".join(sorted(specs)),
                                f"spara den som {near[0]}.csv" if near else "byt namn eller ta bort filen"))
    for name, spec in specs.items():
        path = folder / f"{name}.csv"
        if not os.path.lexists(path):  # a link that leads nowhere is not a table that is missing
            if required and not spec.fetched:
                faults.append(Fault(shown_path(path, data), "filen saknas", spec.title, "lägg tillbaka filen"))
            continue
        try:
            files[name] = open_table(path, spec, sources, shown_path(path, data))
        except OSError as error:
            faults.append(file_fault(error, shown_path(path, data), "en läsbar CSV-fil"))
    return files, faults


def _read_card(register: Register, sources: Mapping[str, Source], assumptions: Mapping[str, Assumption],
               areas: Collection[str], others: Collection[str]) -> dict:
    content = register.content
    if not content:
        return {}
    for field in content:
        if field not in _CARD_FIELDS:
            near = difflib.get_close_matches(str(field), _CARD_FIELDS, n=1)
            register.fault("okänt fält", "något av " + ", ".join(_CARD_FIELDS),
                           f"skriv ”{near[0]}”" if near else "ta bort fältet", field=as_yaml(field),
                           value=as_yaml(field))
    name = register.take(content, "namn", str, "kommunens namn")
    code = register.take(content, "kod", str, "kommunkoden inom citattecken, till exempel \"1280\"")
    if code and not re.fullmatch("[0-9]{4}", code):
        register.fault("ingen kommunkod", "fyra siffror inom citattecken", "rätta koden", field="kod", value=code)
    period = register.take(content, "period", Mapping, "fran och till")
    first, last = (register.take(period, name, int, "ett årtal", "period") if period else None
                   for name in ("fran", "till"))
    for field, year in (("period.fran", first), ("period.till", last)):
        if year is not None and not EARLIEST_YEAR <= year <= LATEST_YEAR:
            register.fault("orimligt årtal", f"ett årtal mellan {EARLIEST_YEAR} och {LATEST_YEAR}", "rätta året",
                           field=field, value=year)
    if first and last and first > last:
        register.fault("perioden slutar innan den börjar", "fran före till", "byt plats på åren", field="period",
                       value=f"{first}–{last}")
    own = register.take(content, "antaganden", Mapping, "antagandets namn och värde", default={})
    own = own or {}
    merged = dict(assumptions)
    for id_, value in own.items():
        field = f"antaganden.{id_}"
        if id_ not in assumptions:
            register.fault("okänt antagande", "något av " + ", ".join(sorted(assumptions)), "rätta namnet", field=field,
                           value=id_)
            continue
        default = assumptions[id_]
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not (
                default.minimum <= value <= default.maximum):
            register.fault("orimligt värde", f"ett tal mellan {default.minimum:g} och {default.maximum:g} "
                           f"({default.unit})", "rätta värdet", field=field, value=value)
        else:
            merged[id_] = dataclasses.replace(default, value=float(value), own=True)
    compare = register.take(content, "jamfor_med", list, "en lista med områden, till exempel [Riket, Lund]", default=[])
    for area in compare or ():
        if not isinstance(area, str) or (areas and area not in areas):
            near = difflib.get_close_matches(str(area), areas, n=1)
            register.fault("området finns inte i de nationella tabellerna", "något av " + ", ".join(sorted(areas)),
                           (f"skriv ”{near[0]}”; är det en annan kommun, kör fetch" if near else
                            "är det en kommun eller det egna länet, kör fetch, som hämtar tal för området; "
                            "ta annars bort det"),
                           field="jamfor_med", value=area)
    peers = register.take(content, "grannar", list, "en lista med kommuners mappnamn, till exempel [huddinge, bjuv]",
                          default=[])
    for peer in peers or ():
        if peer not in others:
            near = difflib.get_close_matches(str(peer), others, n=1)
            register.fault("kommunen har ingen mapp i data/kommuner", "något av " + ", ".join(others) if others
                           else "en annan kommuns mappnamn", f"skriv ”{near[0]}”" if near else "ta bort kommunen",
                           field="grannar", value=peer)
    document = register.take(content, "dokument", str, "ett namn ur kallor.yml", default="") or ""
    if document and document not in sources:
        register.fault("källan finns inte i kallor.yml", "ett namn ur kallor.yml", "rätta namnet", field="dokument",
                       value=document)
    text = {field: register.take(content, field, str, "text", default="") or ""
            for field in ("lan", "namnd", "omrade", "uppdragsgivare", "uppdrag", "uppdrag_plats")}
    assignment = None
    if text["uppdrag"]:
        source = register.take(content, "uppdrag_kalla", str, "ett namn ur kallor.yml")
        if source and source not in sources:
            register.fault("källan finns inte i kallor.yml", "ett namn ur kallor.yml", "rätta namnet",
                           field="uppdrag_kalla", value=source)
        relieved = register.take(content, "befriad_mnkr", (int, float), "ett tal i mnkr", default=None)
        assignment = Assignment(text["uppdragsgivare"], text["uppdrag"],
                                SourceRef(str(source), text["uppdrag_plats"]), relieved)
    return {
        "name": name, "code": code, "county": text["lan"], "board": text["namnd"] or "nämnden",
        "assignment": assignment, "first_year": first, "last_year": last, "area": text["omrade"] or name,
        "compare_with": tuple(compare or ()), "peers": tuple(map(str, peers or ())), "document": document,
        "assumptions": merged, "statement": read_statement(register, content),
        "small_numbers": _read_small_numbers(register, content),
        "synthetic": bool(register.take(content, "syntetisk", bool, "true eller false", default=False)),
        "acknowledged": _read_acknowledged(register),
    }


def folders_with_code(code: str, data: Path) -> list[str]:
    """Return the slugs of the municipalities whose cards have a code."""
    found = []
    for slug in list_municipalities(data):
        path = data / "kommuner" / slug / "kommun.yml"
        with suppress(OSError):
            card = path.read_bytes()
            if code.encode() in card and Register(card, "").content.get("kod") == code:
                found.append(slug)
    return found


def _thresholds(slugs: Iterable[str], data: Path) -> dict[str, int]:
    """Return the threshold of each area whose municipality has a card that sets one, or that shows all."""
    found = {}
    for slug in slugs:
        path = os.path.join(data, "kommuner", slug, "kommun.yml")
        if os.path.isfile(path):
            with open(path, "rb") as file:
                card = file.read()
            if b"sma_tal" in card:
                area, threshold = _threshold(card)
                found[area] = threshold
    return found


@lru_cache(maxsize=1024)
def _threshold(card: bytes) -> tuple[str, int]:
    """Return a card's area and its threshold; what is wrong with it is told where that municipality is read."""
    register = Register(card, "")
    chosen = _read_small_numbers(register, register.content)
    return str(register.content.get("omrade") or register.content.get("namn")), chosen.threshold


def _read_small_numbers(register: Register, content: Mapping) -> SmallNumbers:
    """Return what the card says of small counts: a limit, or a reason to show them all."""
    given = register.take(content, "sma_tal", Mapping, "grans och ett tal, eller visas och ett skäl", default={}) or {}
    for field in given:
        if field not in ("grans", "visas"):
            register.fault("okänt fält", "grans eller visas", "rätta eller ta bort fältet",
                           field=f"sma_tal.{as_yaml(field)}", value=as_yaml(field))
    if "grans" in given and "visas" in given:
        register.fault("både en gräns och att små antal visas", "bara den ena", "ta bort grans eller visas",
                       field="sma_tal")
    if "visas" in given:
        reason = register.take(given, "visas", str, "skälet till att små antal får visas", "sma_tal") or ""
        if reason and not re.search(r"\w{2}", reason):
            register.fault("inget skäl", "skälet till att små antal får visas, med ord", "skriv skälet",
                           field="sma_tal.visas", value=reason)
        return SmallNumbers(0, reason.strip().rstrip("."))
    threshold = register.take(given, "grans", int, "ett heltal, till exempel 5", "sma_tal", default=DEFAULT_THRESHOLD)
    if threshold is not None and not LOWEST_THRESHOLD <= threshold <= HIGHEST_THRESHOLD:
        register.fault("gränsen går inte att använda", f"ett heltal från {LOWEST_THRESHOLD} till {HIGHEST_THRESHOLD}",
                       "rätta gränsen; ska alla antal visas skriver du i stället visas och skälet",
                       field="sma_tal.grans", value=threshold)
    return SmallNumbers(threshold or DEFAULT_THRESHOLD)


def _read_acknowledged(register: Register) -> tuple[Acknowledgement, ...]:
    """Return the doubts that the analyst has looked into, in the card's order."""
    entries = register.take(register.content, ACKNOWLEDGED, list, "en lista med varning och skal", default=[]) or ()
    found: dict[str, Acknowledgement] = {}
    for number, entry in enumerate(entries, start=1):
        field = f"{ACKNOWLEDGED}.{number}"
        name = register.take(entry, "varning", str, "varningens namn, som står sist i den inom hakparentes", field)
        reason = register.take(entry, "skal", str, "varför uppgifterna ändå är rätta", field)
        for other in (other for other in (entry if isinstance(entry, Mapping) else ())
                      if other not in ("varning", "skal")):
            register.fault("okänt fält", "varning och skal", "rätta eller ta bort fältet",
                           field=f"{field}.{as_yaml(other)}", value=as_yaml(other))
        if name in found:
            register.fault("varningen står två gånger", "varje varning en gång", "ta bort den ena", field=field,
                           value=name)
        if name and reason:
            found[name] = Acknowledgement(name, reason)
    return tuple(found.values())
