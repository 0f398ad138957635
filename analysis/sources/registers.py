"""Read the YAML registers: sources, dated parameters, assumptions and the municipality's own card."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from analysis.sources.faults import Fault
from analysis.sources.schema import STATUSES


@dataclass(frozen=True)
class Source:
    """A document or a page that figures come from."""

    id: str
    title: str
    publisher: str
    date: str
    document: str = ""
    link: str = ""
    note: str = ""


@dataclass(frozen=True)
class SourceRef:
    """A place in a source, with how sure the figure is."""

    source: str
    place: str
    status: str = ""


@dataclass(frozen=True)
class DatedValue:
    """What a parameter is from a date on."""

    start: datetime.date
    value: float
    reference: SourceRef
    increase_percent: float | None = None


@dataclass(frozen=True)
class Parameter:
    """A value that law, regulation or agreement sets, by date."""

    id: str
    name: str
    unit: str
    known_until: datetime.date
    values: tuple[DatedValue, ...]
    rounding: float | None = None
    rounding_from: datetime.date | None = None

    def at(self, day: datetime.date) -> DatedValue:
        """Return the value in force on a day; raises LookupError before the first."""
        current = [value for value in self.values if value.start <= day]
        if not current:
            raise LookupError(f"{self.id} saknar värde för {day}")
        return current[-1]

    def in_year(self, year: int) -> DatedValue:
        """Return the value in force on 1 January of a year."""
        return self.at(datetime.date(int(year), 1, 1))

    def covers(self, year: int) -> bool:
        """Tell whether the value is known for a whole year."""
        return self.values[0].start.year <= year <= self.known_until.year


@dataclass(frozen=True)
class Assumption:
    """An input that no document gives: a worked example's value, with its bounds and the reason for it."""

    id: str
    name: str
    unit: str
    value: float
    minimum: float
    maximum: float
    reason: str


class Register:
    """A YAML file being read: collects faults instead of raising at the first."""

    def __init__(self, path: Path, shown: str):
        self.shown = shown
        self.faults: list[Fault] = []
        self.content: Mapping = {}
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            self.fault("filen saknas", "en YAML-fil", "lägg tillbaka filen")
            return
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            self.fault("filen kan inte läsas som YAML", "namn: värde på varje rad, i UTF-8",
                       "kontrollera indrag, kolon och citattecken", row=mark.line + 1 if mark else None)
            return
        if not isinstance(content, Mapping):
            self.fault("filen är tom eller ingen lista med namn", "namn: värde på varje rad", "fyll i filen")
            return
        self.content = content

    def fault(self, problem: str, expected: str, advice: str, *, field: str | None = None, value: object = None,
              row: int | None = None) -> None:
        """Note a fault; `field` is the dotted path of names to the value."""
        self.faults.append(Fault(self.shown, problem, expected, advice, row, field, None if value is None else str(value)))

    def take(self, mapping: object, field: str, kind: type | tuple[type, ...], expected: str, prefix: str = "",
             default: object = ...) -> object:
        """Return a field of a mapping, noting a fault where it is missing or of another kind."""
        path = f"{prefix}.{field}" if prefix else field
        value = mapping.get(field, default) if isinstance(mapping, Mapping) else ...
        if value is ...:
            self.fault(f"fältet {path} saknas", expected, f"lägg till {path}")
            return None
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            self.fault("fel slags värde", expected, "rätta värdet", field=path, value=value)
            return None
        return value


def read_sources(path: Path, shown: str) -> tuple[dict[str, Source], list[Fault]]:
    """Return the sources by id, and the faults of kallor.yml."""
    register = Register(path, shown)
    sources = {}
    for id_, entry in register.content.items():
        title = register.take(entry, "titel", str, "källans titel", str(id_))
        publisher = register.take(entry, "utgivare", str, "vem som gett ut källan", str(id_))
        date = register.take(entry, "datum", (str, int, datetime.date), "när källan gavs ut", str(id_))
        if title and publisher and date:
            sources[str(id_)] = Source(str(id_), title, publisher, str(date), str(entry.get("dokument", "")),
                                       str(entry.get("lank", "")), str(entry.get("anmarkning", "")))
    return sources, register.faults


def read_parameters(path: Path, shown: str, sources: Collection[str]) -> tuple[dict[str, Parameter], list[Fault]]:
    """Return the dated parameters by id, and the faults of parametrar.yml."""
    register = Register(path, shown)
    parameters = {}
    number = (int, float)
    for id_, entry in register.content.items():
        name = register.take(entry, "namn", str, "parameterns namn", id_)
        unit = register.take(entry, "enhet", str, "enhet", id_)
        known_until = register.take(entry, "kontrollerad_till", datetime.date, "ett datum som 2026-12-31", id_)
        dated = register.take(entry, "varden", Mapping, "datum och värde", id_)
        values = []
        for start, item in (dated or {}).items():
            field = f"{id_}.varden.{start}"
            if not isinstance(start, datetime.date):
                register.fault("inget datum", "ett datum som 2026-01-01", "rätta datumet", field=field, value=start)
                continue
            value = register.take(item, "varde", number, "ett tal", field)
            source = register.take(item, "kalla", str, "ett namn ur kallor.yml", field)
            place = register.take(item, "plats", str, "var i källan", field)
            status = register.take(item, "status", str, ", ".join(filter(None, STATUSES)), field)
            if source and source not in sources:
                register.fault("källan finns inte i kallor.yml", "ett namn ur kallor.yml", "rätta namnet",
                               field=f"{field}.kalla", value=source)
            if status and status not in STATUSES:
                register.fault("okänd status", ", ".join(filter(None, STATUSES)), "rätta värdet",
                               field=f"{field}.status", value=status)
            if None not in (value, source, place, status):
                values.append(DatedValue(start, float(value), SourceRef(source, place, status),
                                         item.get("uppraknad_procent")))
        if name and unit and known_until and values:
            parameters[id_] = Parameter(id_, name, unit, known_until, tuple(sorted(values, key=lambda v: v.start)),
                                        entry.get("avrundning"), entry.get("avrundning_fran"))
    return parameters, register.faults


def read_assumptions(path: Path, shown: str) -> tuple[dict[str, Assumption], list[Fault]]:
    """Return the assumptions by id, and the faults of antaganden.yml."""
    register = Register(path, shown)
    assumptions = {}
    number = (int, float)
    for id_, entry in register.content.items():
        fields = [register.take(entry, "namn", str, "antagandets namn", id_),
                  register.take(entry, "enhet", str, "enhet", id_),
                  register.take(entry, "varde", number, "ett tal", id_),
                  register.take(entry, "minst", number, "ett tal", id_),
                  register.take(entry, "hogst", number, "ett tal", id_),
                  register.take(entry, "motiv", str, "varför värdet valts", id_)]
        if None not in fields:
            assumption = Assumption(id_, *fields)
            assumptions[id_] = assumption
            if not assumption.minimum <= assumption.value <= assumption.maximum:
                register.fault("värdet ligger utanför sina gränser", f"{assumption.minimum:g} till {assumption.maximum:g}",
                               "rätta värdet", field=f"{id_}.varde", value=assumption.value)
    return assumptions, register.faults
