"""What to fetch: the key figures of data/nationellt/kolada.yml, and the municipalities' cards."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.sources.faults import DataError, Fault, shown_path
from analysis.sources.municipality import list_municipalities, unknown_municipality
from analysis.sources.registers import Register, Source, read_sources
from analysis.sources.schema import NATIONAL_TABLES, ColumnSpec, TableSpec

PLAN_FILE = "kolada.yml"
# How the code of the nation or a region begins; a region's goes on with its municipalities' first two digits.
REGION_START = "00"
# How the note of a group begins; Kolada's name of the group follows.
GROUP_NOTE = "ovägt medelvärde för gruppen "


@dataclass(frozen=True)
class Area:
    """An area by its id at Kolada and its name in the tables; `note` says what a group's value is."""

    id: str
    name: str
    note: str = ""

    @property
    def group(self) -> str:
        """The group as Kolada names it, with its year and id."""
        return self.note.removeprefix(GROUP_NOTE)


@dataclass(frozen=True)
class Wanted:
    """One key figure to fetch, the column that it fills, and what the row's other columns say."""

    kpi: str
    title: str
    table: str
    column: str
    row: Mapping[str, str]
    source: str

    @property
    def spec(self) -> TableSpec:
        """The table that the key figure fills."""
        return NATIONAL_TABLES[self.table]

    @property
    def cell(self) -> ColumnSpec:
        """The column that the key figure fills."""
        return next(column for column in self.spec.columns if column.name == self.column)

    def suits(self, area: Area) -> bool:
        """Tell whether the area can have the key figure: a mean of counts is no count, so no group where it counts."""
        return not (area.note and self.cell.kind == "integer")


@dataclass(frozen=True)
class Plan:
    """What to fetch: `groups` holds, for each group, the titles to try in order, without their year."""

    address: str
    first_year: int
    nation: Area
    groups: tuple[tuple[str, ...], ...]
    wanted: tuple[Wanted, ...]


def read_plan(data: Path) -> tuple[Plan, dict[str, Source]]:
    """Return what to fetch, and the sources by id; raises DataError with every fault of either file."""
    path = data / "kallor.yml"
    sources, faults = read_sources(path, shown_path(path, data))
    path = data / "nationellt" / PLAN_FILE
    register = Register(path, shown_path(path, data))
    content = register.content
    if not content:
        raise DataError(faults + register.faults)
    address = register.take(content, "adress", str, "Koladas adress")
    first = register.take(content, "fran_ar", int, "ett årtal")
    nation = register.take(content, "riket", Mapping, "kod och namn")
    code, name = (register.take(nation, one, str, "text", "riket") if nation else None for one in ("kod", "namn"))
    groups = register.take(content, "grupper", list, "en lista med grupper av kommuner", default=[]) or []
    for titles in groups:
        if not isinstance(titles, list) or not all(isinstance(title, str) for title in titles):
            register.fault("fel slags värde", "en lista med titlar", "rätta raden", field="grupper", value=titles)
    wanted = []
    entries = register.take(content, "nyckeltal", Mapping, "nyckeltal och vad de fyller") or {}
    for kpi, entry in entries.items():
        place = f"nyckeltal.{kpi}"
        texts = [register.take(entry, one, str, "text", place) for one in ("titel", "tabell", "kolumn", "kalla")]
        row = register.take(entry, "rad", Mapping, "kolumner och vad de ska innehålla", place, default={})
        if None in texts or row is None:
            continue
        title, table, column, source = texts
        spec = NATIONAL_TABLES.get(table)
        columns = {one.name: one for one in spec.columns} if spec else {}
        if not spec or not {"ar", "omrade"} <= set(columns):
            register.fault(
                "tabellen har inte år och område",
                "en nationell tabell med kolumnerna ar och omrade",
                "rätta namnet",
                field=f"{place}.tabell",
                value=table,
            )
        elif column not in columns or columns[column].kind not in ("number", "integer"):
            register.fault(
                "kolumnen finns inte eller är ingen för tal",
                f"en kolumn för tal i {table}",
                "rätta namnet",
                field=f"{place}.kolumn",
                value=column,
            )
        elif set(row) != set(spec.key) - {"ar", "omrade"} or any(row[one] not in columns[one].allowed for one in row):
            register.fault(
                "raden går inte att fylla i",
                ", ".join(
                    f"{one}: något av {', '.join(columns[one].allowed)}"
                    for one in spec.key
                    if one not in ("ar", "omrade")
                )
                or "inget",
                "rätta rad",
                field=f"{place}.rad",
                value=dict(row),
            )
        if sources and source not in sources:
            register.fault(
                "källan finns inte i kallor.yml",
                "ett namn ur kallor.yml",
                "rätta namnet",
                field=f"{place}.kalla",
                value=source,
            )
        wanted.append(Wanted(str(kpi), " ".join(title.split()), table, column, row, source))
    if faults or register.faults:
        raise DataError(faults + register.faults)
    return Plan(address, first, Area(code, name), tuple(map(tuple, groups)), tuple(wanted)), sources


@dataclass(frozen=True)
class Card:
    """What the fetch needs of a municipality's card; the rest of its data may still be unfinished."""

    slug: str
    code: str
    county: str
    area: str
    compare_with: tuple[str, ...]


def read_cards(slugs: Sequence[str], data: Path) -> list[Card]:
    """Return the cards of the municipalities named, or of all; raises DataError with every fault."""
    known = list_municipalities(data)
    faults = [unknown_municipality(slug, data) for slug in slugs if slug not in known]
    cards = []
    for slug in dict.fromkeys(slug for slug in slugs or known if slug in known):
        path = data / "kommuner" / slug / "kommun.yml"
        register = Register(path, shown_path(path, data))
        if register.content:
            name = register.take(register.content, "namn", str, "kommunens namn")
            code = register.take(register.content, "kod", str, 'kommunkoden inom citattecken, till exempel "1280"')
            area, county = (register.take(register.content, one, str, "text", default="") for one in ("omrade", "lan"))
            compare = register.take(register.content, "jamfor_med", list, "en lista med områden", default=[])
            if code and not re.fullmatch("[0-9]{4}", code):
                register.fault(
                    "ingen kommunkod", "fyra siffror inom citattecken", "rätta koden", field="kod", value=code
                )
            if not register.faults:
                cards.append(Card(slug, code, county, area or name, tuple(map(str, compare))))
        faults += register.faults
    if not cards and not faults:
        faults.append(
            Fault(
                shown_path(data / "kommuner", data),
                "det finns inga kommuner",
                "en mapp för varje kommun",
                "skapa kommunens mapp först",
            )
        )
    if faults:
        raise DataError(faults)
    return cards
