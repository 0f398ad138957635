"""Read the YAML registers: sources, dated parameters, assumptions and the municipality's own card."""

from __future__ import annotations

import datetime
import math
import pickle
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import yaml

from analysis.sources.cells import has_control_character, visible
from analysis.sources.faults import Fault, file_fault
from analysis.sources.schema import STATUSES

# What each entry of rimlighet.yml must give: its lower limit, its upper one, or both.
BOUNDS = {
    "hopp": ("hogst",),
    "vasentlig_andel": ("minst",),
    "kostnad_per_timme": ("minst", "hogst"),
    "eget_timpris": ("hogst",),
    "kostnad_per_brukare": ("minst", "hogst"),
    "budgetpris": ("hogst",),
    "avvikelse_mot_volym": ("minst",),
    "budget_och_utfall": ("minst", "hogst"),
    "timmar_per_dygn": ("minst", "hogst"),
    "nettoinflode": ("hogst",),
    "brukare_vid_tidpunkt": ("hogst",),
    "personer": ("hogst",),
    "samma_uppgift": ("hogst",),
    "samma_belopp": ("minst",),
    "timmar_pa_tre_satt": ("hogst",),
    "kostnad_per_invanare": ("minst", "hogst"),
    "loneokning": ("minst", "hogst"),
    "andel": ("hogst",),
    "prognos": ("hogst",),
}


@dataclass(frozen=True)
class Source:
    """A document or a page that figures come from.

    `unaltered_as` is the name that its terms ask for where a value is shown as it stands; where the book has processed
    the value, the terms forbid naming it as the source. Most sources have no such terms.
    """

    id: str
    title: str
    publisher: str
    date: str
    document: str = ""
    link: str = ""
    note: str = ""
    unaltered_as: str = ""


@dataclass(frozen=True)
class SourceRef:
    """A place in a source, with how sure the figure is; `origin` is whose figure it is, where the source repeats it."""

    source: str
    place: str
    status: str = ""
    origin: str = ""


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
    """An input that no document gives: a worked example's value, with its bounds and the reason for it.

    `own` tells whether a municipality has given the value itself.
    """

    id: str
    name: str
    unit: str
    value: float
    minimum: float
    maximum: float
    reason: str
    own: bool = False


@dataclass(frozen=True)
class Bound:
    """How far figures may lie apart before the analyst is warned, with the reason; either limit may be None."""

    id: str
    name: str
    unit: str
    minimum: Decimal | None
    maximum: Decimal | None
    reason: str


class _ControlCharacter(yaml.constructor.ConstructorError):
    """A text that cannot be shown, written in the file as a code such as \\x02."""

    def __init__(self, text: str, mark: yaml.Mark):
        super().__init__(None, None, "control character", mark)
        self.text = text


class _NoDate(yaml.constructor.ConstructorError):
    """A date that is not in the calendar."""

    def __init__(self, text: str, mark: yaml.Mark):
        super().__init__(None, None, "no date", mark)
        self.text = text


class _Strict:
    """What is asked of a text beside what PyYAML asks, which alone would let the last of two equal names win."""

    def construct_scalar(self, node):
        if isinstance(node, yaml.ScalarNode) and has_control_character(node.value):
            raise _ControlCharacter(node.value, node.start_mark)
        return super().construct_scalar(node)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # PyYAML itself refuses these
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} står två gånger", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_date(self, node):
        """Return a date or a time; what is refused is told with its line, which PyYAML does not tell."""
        try:
            return self.construct_yaml_timestamp(node)
        except (ValueError, AttributeError) as error:
            raise _NoDate(str(node.value), node.start_mark) from error


class _Loader(_Strict, yaml.SafeLoader):
    """The reading that counts: what it refuses is a fault, on the line that it tells."""


class _FastLoader(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The same by libyaml, where PyYAML has been installed with it: ten times as fast."""


for _loader in (_Loader, _FastLoader):
    _loader.add_constructor("tag:yaml.org,2002:timestamp", _Strict.construct_date)

# What libyaml reads though PyYAML refuses it, or reads otherwise.
_READ_OTHERWISE = re.compile(r"[\t!\ufeff]|\?(?:\s|$)|[|>]#")
# PyYAML refuses what is some 500 levels deep; libyaml goes on until the stack ends, and Python with it. A level takes
# a bracket, or a column of its line.
_SURELY_SHALLOW = 400


@lru_cache(maxsize=1024)
def _read_yaml(text: str) -> bytes:
    """Return the content of a text, pickled so that whoever asks gets one of its own.

    Raises what PyYAML raises where there is a fault. Most registers are the same for every municipality, so what was
    read is kept, under the whole text.
    """
    deepest = max(map(len, text.split("\n"))) + text.count("[") + text.count("{")
    if deepest < _SURELY_SHALLOW and not _READ_OTHERWISE.search(text):
        try:
            return pickle.dumps(yaml.load(text, Loader=_FastLoader))
        except _UNREADABLE:
            pass  # libyaml words its faults otherwise, and refuses some texts that are right
    return pickle.dumps(yaml.load(text, Loader=_Loader))


# What PyYAML raises for a text that it cannot make anything of, besides its own: values that are not of the kind that
# they are said to be.
_UNREADABLE = (yaml.YAMLError, ValueError, RecursionError, AttributeError, LookupError, TypeError)


class Register:
    """A YAML file being read, from its path or its bytes: collects faults instead of raising at the first."""

    def __init__(self, given: Path | bytes, shown: str):
        self.shown = shown
        self.faults: list[Fault] = []
        self.content: Mapping = {}
        self._text = ""
        try:
            written = given if isinstance(given, bytes) else given.read_bytes()
            text = written.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        except FileNotFoundError:
            self.fault("filen saknas", "en YAML-fil", "lägg tillbaka filen")
            return
        except OSError as error:
            self.faults.append(file_fault(error, shown, "en läsbar YAML-fil"))
            return
        except UnicodeDecodeError:
            self.fault("filen är inte skriven i UTF-8", "en textfil i UTF-8", "spara om filen med kodningen UTF-8")
            return
        lines = text.split("\n")
        for row, line in enumerate(lines, start=1) if has_control_character(text) else ():
            if has_control_character(line):
                self._control_fault(line, row, line.strip(" "))
        if self.faults:
            return
        try:
            content = pickle.loads(_read_yaml(text))
            self._text = text
        except _ControlCharacter as error:
            row = error.problem_mark.line + 1
            self._control_fault(lines[row - 1], row, error.text)
            return
        except _NoDate as error:
            row = error.problem_mark.line + 1
            self.fault("datumet finns inte i kalendern", "ett datum som 2026-01-31",
                       "rätta datumet; är det inget datum, sätt citattecken om texten", field=_field_of(lines[row - 1]),
                       value=error.text, row=row)
            return
        except _UNREADABLE as error:
            # ValueError comes from values such as !!int a, and carries no line.
            mark = getattr(error, "problem_mark", None)
            repeated = getattr(error, "problem", None) or ""
            row = mark.line + 1 if mark else None
            if repeated.endswith("står två gånger"):
                self.fault(repeated, "varje namn en gång", "ta bort den ena, och det som hör till den", row=row)
                return
            self.fault("raden går inte att läsa" if row else "filen går inte att läsa",
                       "ett namn, ett kolon, ett mellanslag och ett värde, till exempel namn: Eslöv",
                       "kontrollera indrag, kolon och citattecken" + (", också på raden ovanför" if row else ""),
                       row=row)
            return
        if not isinstance(content, Mapping):
            self.fault("filen är tom eller ingen lista med namn", "namn: värde på varje rad", "fyll i filen")
            return
        self.content = content

    def fault(self, problem: str, expected: str, advice: str, *, field: str | None = None, value: object = None,
              row: int | None = None) -> None:
        """Note a fault; `field` is the dotted path of names to the value."""
        text = None if value is None else self._as_written(field or "", value)
        self.faults.append(Fault(self.shown, problem, expected, advice, row, field, text))

    def _as_written(self, field: str, value: object) -> str:
        """Return a value as it stands in the file, where 0126 is read as 86, or at least as YAML would write it."""
        if isinstance(value, str):
            return value
        node = yaml.compose(self._text, Loader=yaml.SafeLoader)
        for name in field.split("."):
            if isinstance(node, yaml.MappingNode):
                node = next((one for key, one in node.value if key.value == name), None)
            elif isinstance(node, yaml.SequenceNode) and name.isdecimal():
                node = node.value[int(name) - 1]
            else:
                return as_yaml(value)
        return str(node.value) if isinstance(node, yaml.ScalarNode) else as_yaml(value)

    def _control_fault(self, line: str, row: int, text: str) -> None:
        """Note that a text holds a character that cannot be shown; the line tells which field it is."""
        self.fault("osynligt styrtecken i texten", "text utan styrtecken",
                   "skriv om texten för hand i stället för att klistra in den", field=_field_of(line),
                   value=visible(text), row=row)

    def take(self, mapping: object, field: str, kind: type | tuple[type, ...], expected: str, prefix: str = "",
             default: object = ...) -> object:
        """Return a field of a mapping, noting a fault where it is missing or of another kind.

        A field left empty counts as missing, and a missing field is `default` where one is given.
        """
        path = f"{prefix}.{field}" if prefix else field
        if not isinstance(mapping, Mapping):
            self.fault("fel slags värde", "flera fält, vart och ett som namn: värde", "rätta värdet", field=prefix,
                       value=mapping)
            return None
        value = mapping.get(field)
        if value is None or (isinstance(value, str) and not value.strip()):
            if default is not ...:
                return default
            problem, advice = ("fältet är tomt", "fyll i") if field in mapping else ("fältet saknas", "lägg till")
            self.fault(problem, expected, f"{advice} {path}", field=path)
            return None
        if not _is_a(value, kind):
            self.fault("fel slags värde", expected, "rätta värdet", field=path, value=value)
            return None
        return value


def as_yaml(value: object) -> str:
    """Return a value on one line as YAML writes it: true, [Lund], {a: 1}."""
    return value if isinstance(value, str) else yaml.safe_dump(
        value, allow_unicode=True, default_flow_style=True, width=math.inf).removesuffix("...\n").rstrip("\n")


def _field_of(line: str) -> str | None:
    """Return the name that a line of YAML begins with; None where it begins with none."""
    found = re.match(r"[\s-]*(\w+):", line)
    return found[1] if found else None


def _is_a(value: object, kind: type | tuple[type, ...]) -> bool:
    """isinstance, without Python's view that a truth value is a number, that a time is a date and NaN a number."""
    if isinstance(value, bool):
        return kind is bool
    if isinstance(value, datetime.datetime) or (isinstance(value, float) and not math.isfinite(value)):
        return False
    return isinstance(value, kind)


def _by_text(content: Mapping) -> list[tuple[str, object]]:
    return [(str(id_), entry) for id_, entry in content.items()]


def read_sources(path: Path, shown: str) -> tuple[dict[str, Source], list[Fault]]:
    """Return the sources by id, and the faults of kallor.yml."""
    register = Register(path, shown)
    sources = {}
    for id_, entry in _by_text(register.content):
        title = register.take(entry, "titel", str, "källans titel", id_)
        publisher = register.take(entry, "utgivare", str, "vem som gett ut källan", id_)
        date = register.take(entry, "datum", (str, int, datetime.date), "när källan gavs ut", id_)
        rest = [register.take(entry, name, str, "text", id_, default="")
                for name in ("dokument", "lank", "anmarkning", "oforandrad_som")]
        # A source with a fault is kept, so that the rows that name it are not faulted too.
        sources[id_] = Source(id_, title, publisher, str(date), *rest)
    return sources, register.faults


def read_parameters(path: Path, shown: str, sources: Collection[str]) -> tuple[dict[str, Parameter], list[Fault]]:
    """Return the dated parameters by id, and the faults of parametrar.yml."""
    register = Register(path, shown)
    parameters = {}
    number = (int, float)
    for id_, entry in _by_text(register.content):
        name = register.take(entry, "namn", str, "parameterns namn", id_)
        unit = register.take(entry, "enhet", str, "enhet", id_)
        known_until = register.take(entry, "kontrollerad_till", datetime.date, "ett datum som 2026-12-31", id_)
        dated = register.take(entry, "varden", Mapping, "datum och värde", id_)
        values = []
        for start, item in (dated or {}).items():
            field = f"{id_}.varden.{start}"
            if not _is_a(start, datetime.date):
                register.fault("inget datum", "ett datum som 2026-01-01", "rätta datumet", field=field, value=start)
                continue
            value = register.take(item, "varde", number, "ett tal", field)
            source = register.take(item, "kalla", str, "ett namn ur kallor.yml", field)
            place = register.take(item, "plats", str, "var i källan", field)
            status = register.take(item, "status", str, ", ".join(filter(None, STATUSES)), field)
            increase = register.take(item, "uppraknad_procent", number, "ett tal i procent", field, default=None)
            if source and source not in sources:
                register.fault("källan finns inte i kallor.yml", "ett namn ur kallor.yml", "rätta namnet",
                               field=f"{field}.kalla", value=source)
            if status and status not in STATUSES:
                register.fault("okänd status", ", ".join(filter(None, STATUSES)), "rätta värdet",
                               field=f"{field}.status", value=status)
            if None not in (value, source, place, status):
                values.append(DatedValue(start, float(value), SourceRef(source, place, status), increase))
        rounding = register.take(entry, "avrundning", number, "ett tal", id_, default=None)
        rounding_from = register.take(entry, "avrundning_fran", datetime.date, "ett datum som 2026-01-01", id_,
                                      default=None)
        if name and unit and known_until and values:
            parameters[id_] = Parameter(id_, name, unit, known_until, tuple(sorted(values, key=lambda v: v.start)),
                                        rounding, rounding_from)
    return parameters, register.faults


def read_assumptions(path: Path, shown: str) -> tuple[dict[str, Assumption], list[Fault]]:
    """Return the assumptions by id, and the faults of antaganden.yml."""
    register = Register(path, shown)
    assumptions = {}
    number = (int, float)
    for id_, entry in _by_text(register.content):
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
                register.fault("värdet ligger utanför sina gränser",
                               f"{assumption.minimum:g} till {assumption.maximum:g}", "rätta värdet",
                               field=f"{id_}.varde", value=assumption.value)
    return assumptions, register.faults


def read_bounds(path: Path, shown: str) -> tuple[dict[str, Bound], list[Fault]]:
    """Return the bounds by id, and the faults of rimlighet.yml."""
    register = Register(path, shown)
    bounds = {}
    for id_ in register.content:
        if id_ not in BOUNDS:
            register.fault("okänd gräns", "något av " + ", ".join(BOUNDS), "rätta namnet eller ta bort gränsen",
                           field=str(id_), value=id_)
    for id_, limits in BOUNDS.items() if register.content else ():
        entry = register.take(register.content, id_, Mapping, "namn, enhet, gräns och motiv")
        if entry is None:
            continue
        fields = [register.take(entry, "namn", str, "vad som jämförs", id_),
                  register.take(entry, "enhet", str, "enhet", id_)]
        numbers = [register.take(entry, name, (int, float), "ett tal", id_) if name in limits else None
                   for name in ("minst", "hogst")]
        reason = register.take(entry, "motiv", str, "varför gränsen valts", id_)
        bounds[id_] = Bound(id_, *fields, *(None if number is None else Decimal(str(number)) for number in numbers),
                            reason)
        if len(limits) > 1 and None not in numbers and numbers[0] > numbers[1]:
            register.fault("den lägsta gränsen är högre än den högsta", "den lägsta gränsen först", "byt plats på dem",
                           field=f"{id_}.minst", value=numbers[0])
    return bounds, register.faults
