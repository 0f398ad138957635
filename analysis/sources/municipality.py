"""One municipality with all its tables, and the national data beside it."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.sources.faults import DataError, Fault, shown_path
from analysis.sources.reader import read_table
from analysis.sources.registers import (
    Assumption,
    Parameter,
    Register,
    Source,
    SourceRef,
    read_assumptions,
    read_parameters,
    read_sources,
)
from analysis.sources.schema import MUNICIPAL_TABLES, NATIONAL_TABLES


@dataclass(frozen=True)
class Assignment:
    """Who asked for the investigation, and for what."""

    commissioned_by: str
    task: str
    reference: SourceRef
    relieved_mnkr: float | None


@dataclass(frozen=True)
class Municipality:
    """A municipality's data, validated.

    `tables` and `national` map a table's name to a frame with the columns of its TableSpec.
    `area` is the municipality's name in the national tables; `compare_with` the areas beside it.
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
    tables: Mapping[str, pd.DataFrame]
    national: Mapping[str, pd.DataFrame]
    sources: Mapping[str, Source]
    parameters: Mapping[str, Parameter]
    assumptions: Mapping[str, Assumption]

    def has(self, *names: str) -> bool:
        """Tell whether the municipality has all of these needs: a table, `tabell:verksamhet`, or a national
        table with a row for the municipality's own area, `nationellt:tabell`."""
        return all(self._has(name) for name in names)

    def _has(self, need: str) -> bool:
        table, _, part = need.partition(":")
        if table == "nationellt":
            frame = self.national.get(part)
            return frame is not None and bool((frame["omrade"] == self.area).any())
        frame = self.tables.get(table)
        if frame is None:
            return False
        return not part or bool((frame["verksamhet"] == part).any())


def default_data_directory() -> Path:
    """Return the data folder beside the package."""
    return Path(__file__).resolve().parents[2] / "data"


def list_municipalities(data_directory: Path) -> list[str]:
    """Return the slugs of the municipalities that have a folder, in alphabetical order."""
    folder = data_directory / "kommuner"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def load_municipality(slug: str, data_directory: Path | None = None) -> Municipality:
    """Read and validate one municipality and the national data.

    Raises DataError with every fault of every file at once, in Swedish.
    """
    data = Path(data_directory) if data_directory else default_data_directory()
    folder = data / "kommuner" / slug
    known = list_municipalities(data)
    if slug not in known:
        near = difflib.get_close_matches(slug, known, n=1)
        raise DataError([Fault(shown_path(folder, data), f"kommunen ”{slug}” finns inte",
                               "någon av " + ", ".join(known) if known else "en mapp för varje kommun",
                               f"skriv ”{near[0]}”" if near else "kontrollera stavningen eller skapa mappen")])
    sources, faults = read_sources(data / "kallor.yml", shown_path(data / "kallor.yml", data))
    national_folder = data / "nationellt"
    path = national_folder / "parametrar.yml"
    parameters, more = read_parameters(path, shown_path(path, data), sources)
    faults += more
    path = national_folder / "antaganden.yml"
    assumptions, more = read_assumptions(path, shown_path(path, data))
    faults += more
    national, more = _read_tables(national_folder, NATIONAL_TABLES, sources, data, required=True)
    faults += more
    tables, more = _read_tables(folder, MUNICIPAL_TABLES, sources, data, required=False)
    faults += more
    path = folder / "kommun.yml"
    register = Register(path, shown_path(path, data))
    card = _read_card(register, sources, assumptions)
    faults += register.faults
    if faults:
        raise DataError(faults)
    return Municipality(slug=slug, tables=tables, national=national, sources=sources, parameters=parameters, **card)


def _read_tables(folder, specs, sources, data, *, required):
    tables, faults = {}, []
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in specs:
            near = difflib.get_close_matches(path.stem, specs, n=1)
            faults.append(Fault(shown_path(path, data), "okänd tabell", "någon av " + ", ".join(sorted(specs)),
                                f"byt namn till {near[0]}.csv" if near else "byt namn eller ta bort filen"))
    for name, spec in specs.items():
        path = folder / f"{name}.csv"
        if not path.exists():
            if required:
                faults.append(Fault(shown_path(path, data), "filen saknas", spec.title, "lägg tillbaka filen"))
            continue
        try:
            tables[name], more = read_table(path, spec, sources, shown_path(path, data))
        except OSError as error:
            more = [Fault(shown_path(path, data), f"filen kan inte läsas ({error.strerror})", "en läsbar CSV-fil",
                          "stäng filen om den är öppen i Excel och kontrollera behörigheten")]
        faults += more
    return tables, faults


def _read_card(register: Register, sources: Mapping[str, Source], assumptions: Mapping[str, Assumption]) -> dict:
    content = register.content
    if not content:
        return {}
    name = register.take(content, "namn", str, "kommunens namn")
    code = register.take(content, "kod", str, "kommunkoden inom citattecken, till exempel \"1280\"")
    if code and not (code.isdigit() and len(code) == 4):
        register.fault("ingen kommunkod", "fyra siffror inom citattecken", "rätta koden", field="kod", value=code)
    period = register.take(content, "period", Mapping, "fran och till")
    first = register.take(period, "fran", int, "ett årtal", "period")
    last = register.take(period, "till", int, "ett årtal", "period")
    if first and last and first > last:
        register.fault("perioden slutar innan den börjar", "fran före till", "byt plats på åren", field="period",
                       value=f"{first}–{last}")
    own = register.take(content, "antaganden", Mapping, "antagandets namn och värde", default={}) or {}
    merged = dict(assumptions)
    for id_, value in own.items():
        field = f"antaganden.{id_}"
        if id_ not in assumptions:
            register.fault("okänt antagande", "något av " + ", ".join(sorted(assumptions)), "rätta namnet", field=field,
                           value=id_)
        elif not isinstance(value, (int, float)) or isinstance(value, bool) or not (
                assumptions[id_].minimum <= value <= assumptions[id_].maximum):
            register.fault("orimligt värde", f"ett tal mellan {assumptions[id_].minimum:g} och "
                           f"{assumptions[id_].maximum:g} ({assumptions[id_].unit})", "rätta värdet", field=field, value=value)
        else:
            merged[id_] = dataclasses.replace(assumptions[id_], value=float(value))
    compare = register.take(content, "jamfor_med", list, "en lista med områden, till exempel [Riket, Lund]", default=[])
    assignment = None
    if content.get("uppdrag"):
        source = register.take(content, "uppdrag_kalla", str, "ett namn ur kallor.yml")
        if source and source not in sources:
            register.fault("källan finns inte i kallor.yml", "ett namn ur kallor.yml", "rätta namnet",
                           field="uppdrag_kalla", value=source)
        relieved = register.take(content, "befriad_mnkr", (int, float), "ett tal i mnkr", default=None)
        assignment = Assignment(str(content.get("uppdragsgivare", "")), str(content["uppdrag"]),
                                SourceRef(str(source), str(content.get("uppdrag_plats", ""))), relieved)
    return {
        "name": name, "code": code, "county": str(content.get("lan", "")),
        "board": str(content.get("namnd") or "nämnden"), "assignment": assignment,
        "first_year": first, "last_year": last, "area": str(content.get("omrade") or name),
        "compare_with": tuple(str(item) for item in compare or ()), "assumptions": merged,
    }


def overdue_parameters(municipality: Municipality, today: datetime.date) -> list[Parameter]:
    """Return the parameters whose last value is no longer known to hold."""
    return [parameter for parameter in municipality.parameters.values() if parameter.known_until < today]
