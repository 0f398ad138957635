"""From the answers that are kept to tidy tables, with what is new, changed, gone, missing and at odds."""

from __future__ import annotations

import csv
import datetime
import io
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pandas as pd

from analysis.sources.faults import DataError, Fault, shown_path
from analysis.sources.fetch_plan import PLAN_FILE, REGION_START, Area, Plan
from analysis.sources.kept import Fetched
from analysis.sources.kolada import KoladaFault, Kpi, Observation, read_kpis, read_observations
from analysis.sources.municipality import FETCHED_FOLDER, list_municipalities
from analysis.sources.reader import read_table
from analysis.sources.schema import NATIONAL_TABLES, TableSpec

SHOWN_CHANGES = 10
AREAS_TABLE = "omraden"


@dataclass
class Outcome:
    """What a fetch did, in Swedish: what changed in each table, and what the analyst should know."""

    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def tables(
    plan: Plan, kept: Sequence[Fetched], sources: Collection[str], data: Path, outcome: Outcome
) -> dict[Path, bytes | None]:
    """Return the content of every fetched table, and note what is new, changed and gone, and what to know."""
    folder = data / "nationellt" / FETCHED_FOLDER
    slugs = list_municipalities(data)
    rows = _rows(plan, kept, slugs, outcome)
    files: dict[Path, bytes | None] = {}
    faults: list[Fault] = []
    lost: list[str] = []
    shrunk: list[str] = []
    for table in dict.fromkeys([*(one.table for one in plan.wanted), *_written(folder)]):
        spec = NATIONAL_TABLES[table]
        path = folder / f"{table}.csv"
        names = [column.name for column in spec.all_columns]
        lines = sorted(rows.get(table, []), key=lambda row, spec=spec: [row[name] for name in _order(spec)])
        old = _read_rows(path, spec)
        missed = _lost(table, old, plan, kept)
        lost += missed
        shrunk += [table] if missed else []
        outcome.changes += _changes(spec, old, lines)
        if not lines:
            files[path] = None
            continue
        files[path] = _written_table(names, lines)
        frame, more = _validated(path, files[path], spec, sources, data)
        faults += more
        if not more:
            outcome.notes += _against_documents(data, spec, frame, sources)
    spec = NATIONAL_TABLES[AREAS_TABLE]
    names = [column.name for column in spec.all_columns]
    lines = _area_rows(plan, _newest(kept, slugs))
    files[folder / f"{AREAS_TABLE}.csv"] = _written_table(names, lines) if lines else None
    if lost:
        raise KoladaFault(
            "Kolada gav inga rader för något som fanns förra gången: " + "; ".join(lost) + ". Försök "
            f"igen senare. Har Kolada tagit bort nyckeltalet, ta bort det ur {PLAN_FILE}; har Kolada tagit bort "
            f"värdena för gott, ta bort filen {' och filen '.join(f'{name}.csv' for name in shrunk)} i {folder.name} "
            "och kör fetch igen."
        )
    if faults:
        raise DataError(faults)
    return files


def _written_table(names: Sequence[str], lines: Sequence[Mapping]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row.get(name, "") for name in names] for row in lines)
    return text.getvalue().encode("utf-8")


def _area_rows(plan: Plan, newest: Mapping[str, Fetched]) -> list[dict]:
    """Return which areas each municipality is compared with, other than municipalities that its card names."""
    rows = []
    for slug, one in sorted(newest.items()):
        own, *others = one.areas[slug]
        kinds = {
            area.name: "riket" if area.id == plan.nation.id else "grupp" if area.note else "region"
            for area in others
            if area.note or area.id.startswith(REGION_START)
        }
        rows += [
            {"kommun": own.name, "ordning": number, "omrade": name, "slag": kind}
            for number, (name, kind) in enumerate(kinds.items(), start=1)
        ]
    return rows


def _order(spec: TableSpec) -> list[str]:
    return [name for name in spec.key if name not in ("ar", "omrade")] + ["omrade", "ar"]


def _written(folder: Path) -> list[str]:
    names = (path.stem for path in folder.glob("*.csv")) if folder.is_dir() else ()
    return sorted(name for name in names if name in NATIONAL_TABLES and name != AREAS_TABLE)


def _newest(kept: Sequence[Fetched], slugs: Collection[str]) -> dict[str, Fetched]:
    """Return each municipality's newest fetch."""
    return {slug: one for one in kept for slug in one.areas if slug in slugs}


def _deciding(kept: Sequence[Fetched], slugs: Collection[str]) -> dict[str, tuple[Area, Fetched, bool]]:
    """Return the areas by name, each with the fetch whose answer counts and whether it is a municipality's own.

    For each municipality its newest fetch counts, and of several that hold the same area the newest.
    """
    newest = _newest(kept, slugs)
    areas: dict[str, tuple[Area, Fetched, bool]] = {}
    for slug, one in sorted(newest.items(), key=lambda item: item[1].time):
        for number, area in enumerate(one.areas[slug]):
            own = number == 0 or (area.name in areas and areas[area.name][2])
            areas[area.name] = (area, one, own)
    return areas


@dataclass
class _Tally:
    """What is to be known about the values that did not become rows, or became so with a reservation."""

    deleted: int = 0
    missing: Counter = field(default_factory=Counter)
    unknown_marks: Counter = field(default_factory=Counter)
    unsettled: set[str] = field(default_factory=set)
    without: dict[tuple[str, bool], list[str]] = field(default_factory=dict)
    not_fetched: dict[str, list[str]] = field(default_factory=dict)
    # The years that Kolada speaks of, by key figure; those that an area has, and why it lacks one.
    spoken: dict[str, set[int]] = field(default_factory=dict)
    present: dict[tuple[str, bool], dict[str, set[int]]] = field(default_factory=dict)
    reasons: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def note(self, name: str, own: bool, kpi: str, here: Sequence[Observation]) -> None:
        """Note the years of an area and a key figure."""
        self.spoken.setdefault(kpi, set()).update(each.year for each in here)
        years = {each.year for each in here if not each.deleted and each.value is not None}
        self.present.setdefault((name, own), {})[kpi] = years
        self.reasons |= {
            (name, kpi, each.year): "struket" if each.deleted else each.status
            for each in here
            if each.year not in years
        }

    def years_missing(self, name: str, own: bool) -> str:
        """Return the years that an area lacks though Kolada has values for it, by key figure."""
        found = []
        for kpi, years in self.present[name, own].items():
            reasons = {year: self.reasons.get((name, kpi, year), "") for year in sorted(self.spoken[kpi] - years)}
            if years and reasons:
                said = (f"{year} ({reason})" if reason else str(year) for year, reason in reasons.items())
                found.append(f"{kpi} {', '.join(said)}")
        return "; ".join(found)

    def notes(self) -> list[str]:
        """Return it in Swedish."""
        notes = [
            f"{name}: {', '.join(kpis)} är inte hämtat. Kör fetch igen." for name, kpis in self.not_fetched.items()
        ]
        notes += [
            f"{name}: Kolada har inga värden för {', '.join(kpis)}."
            for (name, own), kpis in self.without.items()
            if own
        ]
        others = [f"{name} ({', '.join(kpis)})" for (name, own), kpis in self.without.items() if not own]
        if others:
            notes.append(f"Jämförelser utan värden hos Kolada: {'; '.join(others)}.")
        gaps = {key: said for key in self.present if (said := self.years_missing(*key))}
        notes += [f"{name} saknar värden hos Kolada: {said}." for (name, own), said in gaps.items() if own]
        others = [f"{name} ({said})" for (name, own), said in gaps.items() if not own]
        if others:
            notes.append(f"Jämförelser som saknar år hos Kolada: {'; '.join(others)}.")
        if self.deleted:
            notes.append(f"Strukna av Kolada, och därför inte med: {self.deleted}.")
        if self.missing:
            reasons = ", ".join(f"{status}: {count}" for status, count in sorted(self.missing.items()))
            notes.append(f"Värden som saknas hos Kolada: {self.missing.total()} ({reasons}).")
        notes += [
            f"{count} med Koladas märkning ”{status}”, som boken inte känner. De togs med."
            for status, count in sorted(self.unknown_marks.items())
        ]
        if self.unsettled:
            notes.append(
                f"Kolada säger inte när {', '.join(sorted(self.unsettled))} fastställs, så det senaste året "
                "är märkt som preliminärt."
            )
        return notes


def _rows(plan: Plan, kept: Sequence[Fetched], slugs: Collection[str], outcome: Outcome) -> dict[str, list[dict]]:
    """Return the rows of each table, as text but for the year, and note what did not become rows."""
    said = {one.file: _said(one) for one in kept}
    found: dict[str, list[dict]] = {}
    tally = _Tally()
    for area, one, own in _deciding(kept, slugs).values():
        kpis, observations = said[one.file]
        for wanted in plan.wanted:
            if not wanted.suits(area):
                continue
            if wanted.kpi not in one.kpis:
                tally.not_fetched.setdefault(area.name, []).append(wanted.kpi)
                continue
            kpi = kpis[wanted.kpi]
            here = [each for each in observations.get((wanted.kpi, area.id), []) if each.year >= plan.first_year]
            alive = [each for each in here if not each.deleted]
            values = [each for each in alive if each.value is not None]
            tally.deleted += len(here) - len(alive)
            tally.missing.update(each.status or "inget skäl" for each in alive if each.value is None)
            tally.note(area.name, own, wanted.kpi, here)
            if not values:
                tally.without.setdefault((area.name, own), []).append(wanted.kpi)
            if not kpi.tells_when_settled:
                tally.unsettled.add(wanted.kpi)
            for each in values:
                status = _status(kpi, each, one.time.date())
                if each.status and not status:
                    tally.unknown_marks[each.status] += 1
                found.setdefault(wanted.table, []).append(
                    {
                        **wanted.row,
                        "ar": each.year,
                        "omrade": area.name,
                        wanted.column: _written_number(each.value),
                        "kalla": wanted.source,
                        "plats": f"Hämtat {one.time:%Y-%m-%d}" + (f", {area.note}" if area.note else ""),
                        "status": status,
                    }
                )
    outcome.notes += tally.notes()
    return found


def _said(one: Fetched) -> tuple[dict[str, Kpi], dict[tuple[str, str], list[Observation]]]:
    """Return what a fetch says: the key figures, and the observations by key figure and area."""
    kpis = read_kpis(row for answer in one.answers if answer.kind == "kpi" for row in answer.page()["values"])
    rows = (row for answer in one.answers if answer.kind == "data" for row in answer.page()["values"])
    observations: dict[tuple[str, str], list[Observation]] = {}
    for (kpi, area, _), observation in read_observations(rows).items():
        observations.setdefault((kpi, area), []).append(observation)
    return kpis, observations


def _status(kpi: Kpi, observation: Observation, day: datetime.date) -> str:
    """Return the row's status: preliminary until the day on which Kolada says that the year is settled."""
    if observation.status.lower().startswith("prel"):
        return "preliminar"
    if not kpi.tells_when_settled:
        return "preliminar" if observation.year >= day.year - 1 else ""
    settled = observation.year < kpi.period or (observation.year == kpi.period and day >= kpi.final)
    return "" if settled else "preliminar"


def _written_number(value: float) -> str:
    """Return a number as it came, with a decimal comma."""
    text = format(Decimal(str(value or 0)), "f")  # there is no negative zero in a table
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", ",")


def _validated(
    path: Path, content: bytes, spec: TableSpec, sources: Collection[str], data: Path
) -> tuple[pd.DataFrame, list[Fault]]:
    """Return the table as the book will read it; a fault here is told as Kolada's, since no analyst wrote the row."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_bytes(content)
        frame, faults = read_table(trial, spec, sources, shown_path(path, data))
    lines = content.decode("utf-8").splitlines()
    told = [
        Fault(
            one.file,
            f"Koladas uppgift kan inte användas ({one.problem}): {lines[one.row - 1] if one.row else ''}",
            one.expected,
            f"ta bort nyckeltalet ur {PLAN_FILE} tills uppgiften är rättad",
            column=one.column,
            value=one.value,
        )
        for one in faults
    ]
    return frame, told


def _read_rows(path: Path, spec: TableSpec) -> list[dict]:
    """Return the rows of a table that was written before, as text; none where it cannot be read."""
    if not path.exists():
        return []
    names = {column.name for column in spec.all_columns}
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    rows = [row for row in csv.DictReader(io.StringIO(text), delimiter=";") if set(row) == names]
    return [row for row in rows if None not in row.values()]


def _key(spec: TableSpec, row: Mapping) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in spec.key)


def _changes(spec: TableSpec, old: Sequence[Mapping], new: Sequence[Mapping]) -> list[str]:
    """Return what changed in a table, in short."""
    before, after = ({_key(spec, row): row for row in rows} for rows in (old, new))
    column = next(one.name for one in spec.columns if one.name not in spec.key)

    def shown(row: Mapping) -> str:
        return f"{row[column]}{' (preliminär)' if row['status'] == 'preliminar' else ''}"

    changed = [key for key in after if key in before and shown(before[key]) != shown(after[key])]
    gone = [key for key in before if key not in after]
    count = sum(key not in before for key in after)
    if not before:
        return [f"{spec.title}: {count} rader."] if count else []
    if not (count or changed or gone):
        return [f"{spec.title}: oförändrad."]
    lines = [f"{spec.title}: {count} nya rader, {len(changed)} ändrade, {len(gone)} borta."]
    details = [f"  {' '.join(key)}: {shown(before[key])} är borta" for key in gone]
    details += [f"  {' '.join(key)}: {shown(before[key])} → {shown(after[key])}" for key in changed]
    lines += details[:SHOWN_CHANGES]
    if len(details) > SHOWN_CHANGES:
        lines.append(f"  och {len(details) - SHOWN_CHANGES} till")
    return lines


def _lost(table: str, old: Sequence[Mapping], plan: Plan, kept: Sequence[Fetched]) -> list[str]:
    """Return the key figures and areas that were in the table and are asked for, but of which no row came now."""
    newest = kept[-1]
    areas = {area.name: area for own in newest.areas.values() for area in own}
    spoken = {
        (row.get("kpi"), row.get("municipality"))
        for answer in newest.answers
        if answer.kind == "data"
        for row in answer.page()["values"]
    }
    lost = []
    for one in plan.wanted:
        if one.table != table or one.kpi not in newest.kpis:
            continue
        for name, area in areas.items():
            had = any(
                row["omrade"] == name and all(row[column] == value for column, value in one.row.items()) for row in old
            )
            if had and one.suits(area) and (one.kpi, area.id) not in spoken:
                lost.append(f"{one.kpi} för {name}")
    return lost


def _against_documents(data: Path, spec: TableSpec, fetched: pd.DataFrame, sources: Collection[str]) -> list[str]:
    """Return where a document gives another value than Kolada."""
    path = data / "nationellt" / f"{spec.name}.csv"
    if not path.exists():
        return []
    documented, faults = read_table(path, spec, sources, shown_path(path, data))
    if faults:
        return []  # `check` tells them
    column = next(one.name for one in spec.columns if one.name not in spec.key)
    both = documented.merge(fetched, on=list(spec.key), suffixes=("", "_kolada"))
    # A document prints whole numbers where Kolada has decimals.
    apart = both[(both[column] - both[f"{column}_kolada"]).abs() > 0.5]
    if apart.empty:
        return []
    shown = [
        f"{' '.join(str(row[name]) for name in spec.key)}: {_written_number(row[column])} i underlaget "
        f"({row['kalla']}), {_written_number(row[f'{column}_kolada'])} hos Kolada"
        for _, row in apart.iterrows()
    ]
    more = [f"och {len(shown) - SHOWN_CHANGES} till"] if len(shown) > SHOWN_CHANGES else []
    return [
        f"{spec.title}: {len(shown)} {'uppgift' if len(shown) == 1 else 'uppgifter'} i underlaget skiljer sig från "
        "Koladas. "
        f"{'; '.join([*shown[:SHOWN_CHANGES], *more])}. En bok som stäms av mot ett underlag använder det, de andra "
        "böckerna Koladas uppgifter."
    ]
