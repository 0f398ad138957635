"""Every figure that a document prints, beside what the book's data give for it."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import pandas as pd

from analysis.measures.result import Draft, MissingData, Quantity, every_measure, measure, rows
from analysis.sources.cells import parse_number
from analysis.sources.municipality import Municipality
from analysis.sources.registers import SourceRef

OUTCOMES = {
    "stammer": "Stämmer",
    "avviker": "Stämmer inte, orsaken anges",
    "oforklarad": "Stämmer inte, ingen orsak angiven",
    "utan_underlag": "Kan inte räknas fram, skälet anges",
}
KINDS = {
    "indata": "Indata: siffran står i bokens tabeller",
    "beraknad": "Uträknad ur andra uppgifter",
    "utan_underlag": "Utan underlag",
}

_NUMBER = re.compile(r"(?P<sign>[-−–]\s?)?(?P<whole>\d{1,3}(?:[ \u00a0\u202f]\d{3})+|\d+)(?:[,.](?P<decimals>\d+))?")
_FRACTIONS = {"hälften": "1/2", "halv": "1/2", "fjärde del": "1/4", "fjärdedel": "1/4"}
_COUNTS = ["noll", "ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva", "tolv"]
_WORDS = {word: value for value, word in enumerate(_COUNTS)} | {"en": 1}
_RANGE = re.compile(r"(?P<start>.+?)\s*[–→]\s*(?P<end>.+?)(?P<percent>\s*%)?$")
_CALL = re.compile(r"(summa|max|min|antal|medel|lika)\((.*)\)$")
_NEXT_CONDITION = re.compile(r", (?=\w+=)")


class UnknownFigure(LookupError):
    """A row of `publicerat` or `motsagelser` points at what does not exist; the message is for the analyst."""


@dataclass(frozen=True)
class Printed:
    """A printed figure: its number, its decimals, and which rounding it claims (``, drygt or knappt)."""

    value: float
    decimals: int
    claim: str = ""

    def agrees(self, computed: float) -> bool:
        """Tell whether the figure is what the computed value becomes with the rounding that it claims.

        `drygt` claims a value from the printed one up to, not including, its last digit's next unit; `knappt` the
        unit below. All else claims plain rounding, half away from zero.
        """
        computed = float(computed)
        if not math.isfinite(computed):
            return False
        unit = Decimal(1).scaleb(-self.decimals)
        # As decimals, and to twelve digits: 342,6 times a count must not fall on the wrong side of a limit for a binary
        # fraction's sake.
        exact, value = Decimal(f"{computed:.12g}"), Decimal(repr(self.value))
        if self.claim == "drygt":
            return value <= exact < value + unit
        if self.claim == "knappt":
            return value - unit <= exact < value
        return exact.quantize(unit, rounding=ROUND_HALF_UP) == value.quantize(unit)


@lru_cache
def read_printed(text: str) -> Printed:
    """Return the number that a printed figure stands for: the first in the text, in digits or as a word.

    Raises UnknownFigure where the text holds none.
    """
    words = text.lower()
    claim = next((word for word in ("drygt", "knappt") if re.search(rf"\b{word}\b", words)), "")
    found = _NUMBER.search(text)
    if found:
        sign, decimals = -1.0 if found["sign"] else 1.0, found["decimals"] or ""
        number = parse_number(found["whole"] + (f",{decimals}" if decimals else ""))
        return Printed(sign * number, len(decimals), claim)
    for word, value in _FRACTIONS.items():
        if word in words:
            over, under = value.split("/")
            exact = Decimal(over) / Decimal(under)
            return Printed(float(exact), -int(exact.as_tuple().exponent), claim)
    for word in re.findall(r"\w+", words):
        if word in _WORDS:
            return Printed(float(_WORDS[word]), 0, claim)
    raise UnknownFigure(f"”{text}” innehåller inget tal")


class _Figures:
    """What a source holds: a frame with its units, its labels and values looked up once for all the figures in it."""

    def __init__(self, source: str, frame: pd.DataFrame, units: Mapping[str, str]):
        self.source = source
        self.frame = frame
        self.units = units
        self.labels: dict[str, list[int]] = {}
        for position, label in enumerate(frame.index):
            if isinstance(label, str):
                self.labels.setdefault(label, []).append(position)
        self._values: dict[str, list] = {}
        self._words: dict[str, list[str | None]] = {}

    def __contains__(self, column: str) -> bool:
        return column in self.frame

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, key: str) -> Sequence[int]:
        """Return the places of the rows that a key means: a label, or conditions that all hold; every row for none."""
        if key in self.labels:
            return self.labels[key]
        chosen: Sequence[int] = range(len(self))
        if not key.strip():
            return chosen
        for condition in _NEXT_CONDITION.split(key):
            column, equals, value = condition.partition("=")
            if not equals or column not in self:
                raise UnknownFigure(f"{self.source}: raden ”{key}” finns inte")
            words = self._in_words(column)
            chosen = [place for place in chosen if words[place] == value]
        return chosen

    def one(self, key: str, column: str) -> float:
        """Return the number in a column of the one row that a key means."""
        chosen = self.select(key)
        if len(chosen) != 1:
            raise UnknownFigure(f"{self.source}: ”{key}” träffar {len(chosen)} rader")
        value = self.values(column)[chosen[0]]
        try:
            return _number(value)
        except ValueError as error:
            raise UnknownFigure(f"{self.source}: ”{key}” har ”{value}” i kolumnen ”{column}”, inget tal") from error

    def values(self, column: str) -> list:
        """Return a column as plain values."""
        if column not in self:
            raise UnknownFigure(f"{self.source}: kolumnen ”{column}” finns inte")
        if column not in self._values:
            self._values[column] = self.frame[column].to_numpy().tolist()
        return self._values[column]

    def factor(self, column: str, unit: str, chosen: Sequence[int]) -> float:
        """Return what turns a column's own unit into the printed one; 1 where the units are the same."""
        own = self.units.get(column, "")
        if not own and column == "varde" and "enhet" in self and len(chosen):
            own = str(self.values("enhet")[chosen[0]])
        own = own or next((end for end in ("tkr", "mnkr", "timmar") if column.endswith(end)), "")
        if own.startswith("andel") and unit.startswith("procent"):
            return 100.0
        return _CONVERSIONS.get((own, unit), 1.0)

    def _in_words(self, column: str) -> list[str | None]:
        if column not in self._words:
            self._words[column] = [None if pd.isna(value) else _plain(value) for value in self.values(column)]
        return self._words[column]


_CONVERSIONS = {
    ("tkr", "mnkr"): 1 / 1000,
    ("mnkr", "tkr"): 1000.0,
    ("minuter", "timmar"): 1 / 60,
    ("timmar", "tusen timmar"): 1 / 1000,
    ("tkr", "kr"): 1000.0,
}


class Resolver:
    """Looks up figures of one municipality, computing each measure once."""

    def __init__(self, municipality: Municipality):
        self.municipality = municipality
        self._found: dict[tuple[str, str], _Figures] = {}

    def value(self, source: str, argument: str, key: str, column: str, unit: str) -> float:
        """Return a figure in a unit, unrounded.

        `source` is a measure's name, `tabell:` or `nationellt:` and a table, `parameter:` and its id, or `kommun:` and
        a field. `key` is a row of it: a measure's key, `kolumn=värde, kolumn=värde` in a table, `från–till` for the
        change between two rows, with ` %` for the change in percent, or one of summa, max, min, medel, antal and lika
        with the selection in brackets; lika is the value that all the rows share, missing where they differ. Raises
        UnknownFigure, and MissingData where the measure's rows are missing.
        """
        if source == "kommun:befriad_mnkr":
            assignment = self.municipality.assignment
            if assignment is None or assignment.relieved_mnkr is None:
                raise UnknownFigure("kommun.yml saknar befriad_mnkr")
            return float(assignment.relieved_mnkr)
        figures = self._figures(source, argument)
        call = _CALL.match(key)
        if call and key not in figures.labels:
            chosen = figures.select(call[2])
            if call[1] == "antal":
                return float(len(chosen))
            if not chosen:
                raise UnknownFigure(f"{source}: ”{key}” träffar ingen rad")
            every = figures.values(column)
            values = pd.Series([_number(every[place]) for place in chosen])
            operation = {
                "summa": values.sum,
                "max": values.max,
                "min": values.min,
                "medel": values.mean,
                "lika": lambda: values.iloc[0] if values.nunique(dropna=False) == 1 else math.nan,
            }[call[1]]
            return float(operation()) * figures.factor(column, unit, chosen)
        between = _RANGE.match(key)
        if between and key not in figures.labels and "=" not in key:
            start, end = (figures.one(part, column) for part in (between["start"], between["end"]))
            if between["percent"]:
                return (end - start) / abs(start) * 100 if start else math.nan
            return (end - start) * figures.factor(column, unit, range(len(figures)))
        return figures.one(key, column) * figures.factor(column, unit, figures.select(key))

    def _figures(self, source: str, argument: str) -> _Figures:
        if (source, argument) not in self._found:
            self._found[source, argument] = _Figures(source, *self._compute(source, argument))
        return self._found[source, argument]

    def _compute(self, source: str, argument: str) -> tuple[pd.DataFrame, Mapping[str, str]]:
        kind, _, name = source.partition(":")
        if kind in ("tabell", "nationellt"):
            tables = self.municipality.tables if kind == "tabell" else self.municipality.national
            if name not in tables:
                raise UnknownFigure(f"tabellen {name} finns inte")
            return tables[name], {}
        if kind == "parameter":
            if name not in self.municipality.parameters:
                raise UnknownFigure(f"parametern {name} finns inte")
            values = self.municipality.parameters[name]
            years = range(values.values[0].start.year, values.known_until.year + 1)
            dated = [values.in_year(year) if values.covers(year) else values.values[0] for year in years]
            frame = pd.DataFrame(
                {"varde": [one.value for one in dated], "uppraknad_procent": [one.increase_percent for one in dated]},
                index=[str(year) for year in years],
            )
            return frame, {"varde": values.unit}
        result = _measure(source)(self.municipality, *(argument.split("/") if argument else ()))
        frame = result.frame.copy()
        frame.index = frame.index.map(str)
        return frame, {quantity.name: quantity.unit for quantity in result.quantities}


def _measure(name: str):
    cards = every_measure()
    if name not in cards:
        raise UnknownFigure(f"måttet {name} finns inte")
    return getattr(importlib.import_module(cards[name].module), name)


def _number(value: object) -> float:
    return math.nan if pd.isna(value) else float(value)


def _plain(value: object) -> str:
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


def judge(resolver: Resolver, row: Mapping[str, str]) -> tuple[str, float, float]:
    """Return a printed figure's outcome, the computed value in the document's sign and unit, and printed − computed.

    Raises UnknownFigure where the row points at what does not exist.
    """
    printed = read_printed(row["tryckt"])
    if not row["matt"]:
        return "utan_underlag", math.nan, math.nan
    computed = resolver.value(row["matt"], row["urval"], row["nyckel"], row["varde"], row["enhet"])
    if row["tecken"] == "omvant":
        computed = -computed
    elif row["tecken"] == "belopp":
        computed = abs(computed)
    difference = printed.value - computed
    if printed.agrees(computed):
        return "stammer", computed, difference
    return ("avviker" if row["orsak"] else "oforklarad"), computed, difference


@measure("Varje tryckt siffra och vad underlaget ger")
def reconciliation(municipality: Municipality) -> Draft:
    """Return every figure that the document prints, beside what the book's data give for it.

    Units: as each row says. Index: nummer (int from 1), in the document's order.
    Formula: skillnad = tryckt siffra − bokens siffra; siffran stämmer om bokens siffra, avrundad så som den är tryckt,
        är densamma
    Method (sv): En tryckt siffra stämmer om bokens siffra blir densamma med lika många decimaler. ”Drygt” godtar ett
        värde från den tryckta siffran upp till nästa steg i sista siffran, ”knappt” steget under. Indata är siffror
        som boken själv hämtat ur dokumentet; att de stämmer visar att de är rätt återgivna, inte att de är sanna.
        Årtal, datum och beteckningar på lagar räknas inte som siffror.
    Raises: MissingData where there is no list of printed figures; UnknownFigure where a row points at nothing.
    Source: the municipality's table `publicerat`.
    """
    used = rows(municipality, "publicerat")
    resolver = Resolver(municipality)
    outcome, computed, difference, decimals = [], [], [], []
    for row in used.to_dict("records"):
        try:
            state, value, gap = judge(resolver, row)
        except MissingData as error:
            raise UnknownFigure(f"{row['plats']}, {row['rad']}: {error}") from error
        except UnknownFigure as error:
            raise UnknownFigure(f"{row['plats']}, {row['rad']}, {row['kolumn']}: {error}") from error
        outcome.append(state)
        computed.append(value)
        difference.append(gap)
        decimals.append(read_printed(row["tryckt"]).decimals)
    frame = used[["plats", "rad", "kolumn", "tryckt", "enhet", "slag", "orsak"]].assign(
        utraknad=computed, skillnad=difference, utfall=outcome, decimaler=decimals
    )
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="nummer")
    text = (
        ("plats", "Plats"),
        ("rad", "Uppgift"),
        ("kolumn", "Kolumn eller tid"),
        ("tryckt", "Tryckt"),
        ("enhet", "Enhet"),
        ("slag", "Slag"),
        ("utfall", "Utfall"),
        ("orsak", "Orsak"),
    )
    return Draft(
        frame,
        (
            *(Quantity(name, label, "text") for name, label in text),
            Quantity("utraknad", "I boken", "tal", 2),
            Quantity("skillnad", "Skillnad", "tal", 2, signed=True),
            Quantity("decimaler", "Decimaler i trycket", "antal"),
        ),
        (SourceRef(municipality.document, "hela dokumentet"),) if municipality.document else (),
        title="Varje tryckt siffra och vad underlaget ger",
    )


@measure("Hur många tryckta siffror som stämmer")
def reconciliation_counts(municipality: Municipality) -> Draft:
    """Return how many printed figures agree, deviate or cannot be computed, by how they can be tested.

    Units: number of figures. Index: slag (text), one row a kind, the sum last.
    Formula: antal tryckta siffror efter utfall
    Method (sv): Samma siffra räknas en gång för varje ställe där den är tryckt.
    Raises: as reconciliation. Source: the municipality's table `publicerat`.
    """
    listed = reconciliation(municipality)
    frame = pd.crosstab(listed.frame["slag"], listed.frame["utfall"])
    frame = frame.reindex(index=[kind for kind in KINDS if kind in frame.index], columns=list(OUTCOMES), fill_value=0)
    frame.loc["summa"] = frame.sum()
    frame["alla"] = frame.sum(axis=1)
    frame.index = pd.Index([KINDS.get(kind, "Summa") for kind in frame.index], name="slag")
    quantities = [
        Quantity(name, label, "antal") for name, label in OUTCOMES.items() if name != "oforklarad" or frame[name].any()
    ]
    return Draft(
        frame, (*quantities, Quantity("alla", "Alla", "antal")), listed.references, title="Tryckta siffror efter utfall"
    )


@measure("Uppgifter som inte går ihop")
def contradictions(municipality: Municipality) -> Draft:
    """Return what the document says against itself, and against the other documents.

    Units: as each row says. Index: uppgift (text), the document's own first.
    Formula: skillnad = den ena uppgiften − den andra
    Method (sv): Bara uppgifter som borde vara desamma tas upp. Orsaken är vår bedömning.
    Raises: MissingData where there is none.
    Source: the municipality's and the nation's tables `motsagelser`.
    """
    own = municipality.tables.get("motsagelser")
    between = municipality.national["motsagelser"]
    between = between[(between["kalla"] == municipality.document) | (between["kalla_2"] == municipality.document)]
    found = [frame.sort_values("ordning") for frame in (own, between) if frame is not None and len(frame)]
    if not found:
        raise MissingData(f"{municipality.slug}: inga motsägelser")
    used = pd.concat(found)
    frame = used.set_index("uppgift").assign(skillnad=lambda table: table["forsta_tal"] - table["andra_tal"])
    return Draft(
        frame,
        (
            Quantity("forsta_tryckt", "Den ena uppgiften", "text"),
            Quantity("plats", "Var", "text"),
            Quantity("andra_tryckt", "Den andra uppgiften", "text"),
            Quantity("plats_2", "Var den andra står", "text"),
            Quantity("skillnad", "Skillnad", "tal", 2, signed=True),
            Quantity("enhet", "Enhet", "text"),
            Quantity("orsak", "Trolig orsak", "text"),
            Quantity("kalla", "Källa", "text"),
            Quantity("kalla_2", "Den andras källa", "text"),
        ),
        (used, used.drop(columns=["kalla", "plats"]).rename(columns={"kalla_2": "kalla", "plats_2": "plats"})),
    )
