"""A municipality's folder made, filled from a workbook, and given back as one; whole or not at all."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from analysis.sources.cells import clean, decode
from analysis.sources.doubts import Cell, Review
from analysis.sources.faults import DataError, Fault, file_fault, shown_path
from analysis.sources.kept import copy_folder
from analysis.sources.local_words import drafts
from analysis.sources.municipal_codes import MunicipalCode, find_municipality, read_codes, slug_faults
from analysis.sources.municipality import (
    DEFAULT_THRESHOLD,
    Municipality,
    default_data_directory,
    list_municipalities,
)
from analysis.sources.reader import one_row_for, read_table
from analysis.sources.registers import Register, Source, read_sources
from analysis.sources.schema import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    MUNICIPAL_TABLES,
    SOURCE_TABLE,
    TableSpec,
    fold,
    in_words,
)
from analysis.sources.template import (
    CODE,
    FIRST_YEAR,
    LAST_YEAR,
    NAME,
    SLUG,
    SOURCE_COLUMNS,
    START_SHEET,
    Card,
    ChapterNeeds,
    make_template,
    plain_text,
)
from analysis.sources.workbook import (
    SheetTable,
    WorkbookContent,
    expected_in_sheet,
    read_workbook,
)

_CARD_HEAD = """\
# Kommunens egna uppgifter. Fler fält som kan stå här: namnd, uppdragsgivare, uppdrag, uppdrag_kalla, uppdrag_plats,
# grannar, dokument, befriad_mnkr och antaganden; se data/kommuner/malmo/kommun.yml.
"""
_SOURCE_FIELDS = ("title", "publisher", "date", "document", "link", "note")


@dataclass(frozen=True)
class TableChange:
    """How many rows a table has, and how many of them are new, changed and gone since the file that there was.

    The three are None where there was no file, or none that could be read.
    """

    rows: int
    new: int | None = None
    changed: int | None = None
    gone: int | None = None

    def __str__(self) -> str:
        rows = "1 rad" if self.rows == 1 else f"{self.rows} rader"
        if self.new is None:
            return rows
        if not (self.new or self.changed or self.gone):
            return f"{rows} (oförändrade)" if self.rows != 1 else f"{rows} (oförändrad)"
        new, changed = "ny" if self.new == 1 else "nya", "ändrad" if self.changed == 1 else "ändrade"
        return f"{rows} ({self.new} {new}, {self.changed} {changed}, {self.gone} borta)"


@dataclass(frozen=True)
class Imported:
    """What an import read: the municipality, what became of its tables, and what the analyst must know.

    `review` tells which figures cannot both be right, with their sheets and cells.
    """

    slug: str
    tables: Mapping[str, TableChange]
    notes: Sequence[str]
    review: Review | None = None


def create_municipality(
    entry: MunicipalCode,
    slug: str,
    years: tuple[int, int],
    data_directory: Path,
    workbook: Path,
    chapters: Sequence[ChapterNeeds],
) -> None:
    """Make a municipality's folder and its workbook, both or neither.

    Raises DataError where either exists, where the name or the years cannot be used, or where nothing can be written.
    """
    folder = data_directory / "kommuner" / slug
    faults = slug_faults(slug)
    for path in (folder, workbook):
        if path.exists():
            faults.append(
                Fault(
                    shown_path(path, data_directory),
                    "finns redan och skrivs inte över",
                    "ett nytt namn",
                    "byt namn på eller flytta det som finns, eller välj ett annat namn",
                )
            )
    first, last = years
    if not EARLIEST_YEAR <= first <= last <= LATEST_YEAR:
        faults.append(
            Fault(
                "--fran och --till",
                "åren går inte att använda",
                f"år mellan {EARLIEST_YEAR} och {LATEST_YEAR}, det första först",
                "rätta åren",
                value=f"{first}–{last}",
            )
        )
    if faults:
        raise DataError(faults)
    card = Card(slug, entry.name, entry.code, first, last)
    content = make_template(card, chapters, _examples(slug))
    with _told(workbook):
        beside = _written_beside(workbook, content)
    try:
        with _told(folder):
            _swap_folder(folder, _new_files(card, entry.county))
        try:
            with _told(workbook):
                beside.replace(workbook)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def export_workbook(
    municipality: Municipality, data_directory: Path, workbook: Path, chapters: Sequence[ChapterNeeds]
) -> None:
    """Write what a municipality has as a workbook, which `import_workbook` reads back.

    Raises DataError where the workbook exists, cannot be written, or cannot hold a text.
    """
    if workbook.exists():
        raise DataError(
            [
                Fault(
                    workbook.name,
                    "finns redan och skrivs inte över",
                    "ett nytt filnamn",
                    "flytta filen som finns, eller ange ett annat namn med --fil",
                )
            ]
        )
    named = {
        source
        for frame in municipality.tables.values()
        for name in SOURCE_COLUMNS
        if name in frame
        for source in frame[name]
    }
    sources = [source for id_, source in municipality.sources.items() if id_ in named]
    card = Card(
        municipality.slug, municipality.name, municipality.code, municipality.first_year, municipality.last_year
    )
    try:
        content = make_template(card, chapters, _examples(municipality.slug), municipality.tables, sources)
    except ValueError as error:
        raise DataError(
            [Fault(workbook.name, str(error), "kortare texter", "korta texten i kommunens CSV-fil")]
        ) from error
    with _told(workbook):
        beside = _written_beside(workbook, content)
        try:
            beside.replace(workbook)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def import_workbook(
    path: Path,
    data_directory: Path,
    validate: Callable[[str, Path], list[Fault]],
    review: Callable[[str, Path], Review] | None = None,
    *,
    dry_run: bool = False,
) -> Imported:
    """Read a workbook into the municipality's tidy tables, and its sources into kallor.yml.

    `validate` is the check of a municipality in a data folder; it is run on a copy where the workbook's tables have
    taken their places, before anything is changed; so is `review` where nothing is at fault. A table without rows
    leaves the file that there may be. Raises DataError with every fault at once, each with its sheet and cell; nothing
    is then changed.
    """
    content = read_workbook(path)
    card, county = _card_of(content, data_directory)
    folder = data_directory / "kommuner" / card.slug
    tables = {name: table for name, table in content.tables.items() if table.rows and name != SOURCE_TABLE.name}
    if not tables and not content.faults:
        raise DataError(
            [
                Fault(
                    content.shown,
                    "arbetsboken har inga ifyllda tabeller",
                    "minst ett blad med uppgifter",
                    "fyll i ett blad och spara filen; rader med Exempel läses inte",
                )
            ]
        )
    with _told(data_directory):
        register_path = data_directory / "kallor.yml"
        register = register_path.read_bytes()
        new_register = _merge_sources(content, register, register_path, card.slug)
        _settle_sources(content, tables.values(), register_path)
        existing = folder.is_dir()
        files = {f"{name}.csv": _csv(table, padded=False) for name, table in tables.items()}
        padded = {f"{name}.csv": _csv(table, padded=True) for name, table in tables.items()}
        if not existing:
            files |= _new_files(card, county)
            padded |= _new_files(card, county)
        with tempfile.TemporaryDirectory() as scratch:
            stage = Path(scratch) / data_directory.resolve().name
            _stage(stage, data_directory, card.slug, padded, new_register)
            content.faults += _placed(validate(card.slug, stage), content, card.slug, stage.name)
            content.faults = _without_source_echoes(content)
            found = None
            if review and not content.faults:
                found = review(card.slug, stage).placed(
                    lambda cell: _cell_in_sheet(cell, _table_of(cell.file, content, card.slug, stage.name))
                )
            if content.faults:
                raise DataError(_without_echoes(content.faults))
            notes, changes = list(content.notes), {}
            for name, table in tables.items():
                old, new = (
                    _keyed_rows(place / f"{name}.csv", table.spec) for place in (folder, stage / "kommuner" / card.slug)
                )
                changes[name] = _change(old, new)
                notes += _lost_columns(old, new, table)
    for name in MUNICIPAL_TABLES:
        if name not in tables and (folder / f"{name}.csv").exists():
            notes.append(
                f"Bladet {MUNICIPAL_TABLES[name].sheet} har inga uppgifter, så {name}.csv som redan finns "
                "står kvar. Ta bort filen om den inte ska vara med."
            )
    if not dry_run:
        with _told(folder):
            _swap_folder(folder, files, then=(register_path, new_register) if new_register != register else None)
    return Imported(card.slug, changes, notes, found)


_Rows = Mapping[tuple[str, ...], Mapping[str, str]]


def _keyed_rows(path: Path, spec: TableSpec) -> _Rows | None:
    """Return a table's rows by its key, each value as the reader understands it; None where it cannot be read."""
    if not path.exists():
        return None
    frame, faults = read_table(path, dataclasses.replace(spec, provenance=False, columns=spec.all_columns), (), "")
    if faults:
        return None
    # As objects: a gap is no number, and the text of a gap would not be empty.
    rows = frame.astype(object).where(frame.notna(), "").map(str).to_dict("records")
    return {tuple(row[name] for name in spec.key): row for row in rows}


def _change(old: _Rows | None, new: _Rows) -> TableChange:
    if old is None:
        return TableChange(len(new))
    changed = sum(old[key] != row for key, row in new.items() if key in old)
    return TableChange(len(new), len(new.keys() - old.keys()), changed, len(old.keys() - new.keys()))


def _lost_columns(old: _Rows | None, new: _Rows, table: SheetTable) -> list[str]:
    """Return what has to be known of the columns that the sheet lacks and the file that there was had values in."""
    notes = []
    for column in table.spec.all_columns:
        if column.name in table.letters:
            continue
        kept = [(old[key][column.name], row[column.name]) for key, row in new.items() if old and key in old]
        lost = sum(bool(before and not after) for before, after in kept)
        if lost:
            values = "1 uppgift" if lost == 1 else f"{lost} uppgifter"
            notes.append(
                f"Kolumnen {column.label} saknas på bladet {table.sheet}; {values} som finns i dag tas bort. "
                "Lägg tillbaka kolumnen och läs in på nytt om de ska vara kvar."
            )
    return notes


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the computer says about a file into a fault in the analyst's words."""
    try:
        yield
    except OSError as error:
        shown = str(error.filename2 or error.filename or path)
        if {f".{path.name}-ny", f".{path.name}-gammal"} & set(Path(shown).parts):
            shown = str(path)  # the name that the analyst knows
        raise DataError([file_fault(error, shown, "att filen går att läsa och skriva")]) from error


def _examples(slug: str) -> dict[str, list]:
    """Return, for each table, the first row of the first other municipality in the project's own data that has one."""
    data = default_data_directory()
    sources, _ = read_sources(data / "kallor.yml", "kallor.yml")
    examples: dict[str, list] = {}
    for other in list_municipalities(data):
        for name, spec in MUNICIPAL_TABLES.items():
            path = data / "kommuner" / other / f"{name}.csv"
            if other == slug or name in examples or not path.exists():
                continue
            frame, faults = read_table(path, spec, sources, path.name)
            if not faults:
                examples[name] = frame.iloc[0].tolist()
                used = sources.get(str(frame.iloc[0].get("kalla")))
                if used:
                    # Without its document: what a file is called where it was found tells a reader nothing.
                    shown = dataclasses.replace(used, document="")
                    examples.setdefault(
                        SOURCE_TABLE.name, [used.id, *(str(getattr(shown, field)) for field in _SOURCE_FIELDS)]
                    )
    return examples


def _new_files(card: Card, county: str) -> dict[str, bytes]:
    """Return the files that a new municipality's folder begins with, by their paths in it."""
    fields = {
        "namn": card.name,
        "kod": card.code,
        "lan": county,
        "period": {"fran": card.first_year, "till": card.last_year},
        "omrade": card.name,
        "jamfor_med": ["Riket"],
        "sma_tal": {"grans": DEFAULT_THRESHOLD},
    }
    return {"kommun.yml": (_CARD_HEAD + _yaml(fields)).encode("utf-8"), **drafts()}


def _yaml(content: Mapping) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10**6)


def _card_of(content: WorkbookContent, data_directory: Path) -> tuple[Card, str]:
    """Return whose workbook it is and the county; raises DataError where it does not say, or says another's."""
    facts = content.facts
    missing = [label for label in (NAME, CODE, SLUG, FIRST_YEAR, LAST_YEAR) if label not in facts]
    if missing:
        raise DataError(
            [
                *content.faults,
                Fault(
                    content.shown,
                    "det går inte att se vems arbetsboken är",
                    "de fem första uppgifterna på bladet Börja här: "
                    + ", ".join((NAME, CODE, SLUG, FIRST_YEAR, LAST_YEAR)),
                    f"skriv tillbaka {', '.join(missing)}, eller gör "
                    "en ny arbetsbok med kommandot new eller export och klistra in bladen där",
                ),
            ]
        )
    code = facts[CODE].zfill(4)
    faults = slug_faults(facts[SLUG])
    years = []
    for label in (FIRST_YEAR, LAST_YEAR):
        years.append(int(facts[label]) if re.fullmatch("[0-9]{4}", facts[label]) else 0)
        if not EARLIEST_YEAR <= years[-1] <= LATEST_YEAR:
            faults.append(
                Fault(
                    content.shown,
                    f"{label} är inget årtal",
                    f"ett årtal mellan {EARLIEST_YEAR} och {LATEST_YEAR}",
                    "rätta året på bladet Börja här",
                    value=facts[label],
                )
            )
    if faults:
        raise DataError([*content.faults, *faults])
    card = Card(facts[SLUG], facts[NAME], code, *years)
    folder = data_directory / "kommuner" / card.slug
    register = Register(folder / "kommun.yml", shown_path(folder / "kommun.yml", data_directory))
    there = (folder / "kommun.yml").exists()
    if there and not register.faults:
        content.notes += _other_years(card, register.content.get("period"))
    known = str(register.content.get("kod", code))
    if known != code:
        raise DataError(
            [
                *content.faults,
                Fault(
                    content.shown,
                    f"arbetsboken är för kommunkod {code}, men mappen {card.slug} är för {known}",
                    "samma kommun",
                    "kontrollera att det är rätt arbetsbok",
                    value=facts[NAME],
                    sheet=START_SHEET,
                ),
            ]
        )
    # A municipality that is made up has a name of its own, which its card tells.
    if there and fold(str(register.content.get("namn", card.name))) == fold(card.name):
        return card, ""
    codes = read_codes(data_directory)
    try:
        county = find_municipality(codes, card.name, code).county
    except DataError as error:
        placed = [
            dataclasses.replace(fault, file=content.shown, sheet=START_SHEET, column=None) for fault in error.faults
        ]
        raise DataError([*content.faults, *placed]) from None
    if not there:
        fault = _other_folder(card, codes, data_directory)
        if fault:
            raise DataError([*content.faults, dataclasses.replace(fault, file=content.shown, sheet=START_SHEET)])
        content.notes.append(
            f"{card.name} hade ingen mapp med det namnet: {shown_path(folder, data_directory)} görs ny."
        )
    return card, county


def _other_folder(card: Card, codes: Sequence[MunicipalCode], data_directory: Path) -> Fault | None:
    """Return what is wrong where a municipality would get a second folder, or one with another's name."""
    for other in list_municipalities(data_directory):
        path = data_directory / "kommuner" / other / "kommun.yml"
        if str(Register(path, path.name).content.get("kod", "")) == card.code:
            return Fault(
                "",
                f"{card.name} har redan mappen {other}",
                f"{SLUG} {other}",
                f"skriv {other} vid {SLUG}",
                value=card.slug,
            )
    for one in codes:
        if one.slug == card.slug and one.code != card.code:
            own = next(entry.slug for entry in codes if entry.code == card.code)
            return Fault(
                "",
                f"så heter mappen för {one.name}",
                f"ett namn för {card.name}",
                f"skriv {own} vid {SLUG}",
                value=card.slug,
            )
    return None


def _other_years(card: Card, period: object) -> list[str]:
    """Return what has to be known where the first sheet has other years than the municipality's card."""
    if not isinstance(period, Mapping):
        return []
    return [
        f"{label} är {year} på bladet {START_SHEET} men {period[key]} i kommun.yml, och det är kommun.yml som gäller. "
        f"Ändra {key} under period där om boken ska ha andra år."
        for label, year, key in ((FIRST_YEAR, card.first_year, "fran"), (LAST_YEAR, card.last_year, "till"))
        if key in period and period[key] != year
    ]


def _csv(table: SheetTable, *, padded: bool) -> bytes:
    """Return a table as tidy CSV; padded, each row stands on the line that has the sheet's number for it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    names = [column.name for column in table.spec.all_columns]
    line = 1
    for number, row in (
        (table.heading_row, names),
        *((number, [cells[name] for name in names]) for number, cells in table.rows.items()),
    ):
        for _ in range(number - line if padded else 0):
            writer.writerow([])
        writer.writerow(row)
        line = number + 1
    return out.getvalue().encode("utf-8")


def _stage(stage: Path, data_directory: Path, slug: str, files: Mapping[str, bytes], register: bytes) -> None:
    """Make a copy of the data folder in which the workbook's tables have taken their places."""
    stage.mkdir()
    (stage / "kallor.yml").write_bytes(register)
    copy_folder(data_directory / "nationellt", stage / "nationellt")
    for other in list_municipalities(data_directory):
        (stage / "kommuner" / other).mkdir(parents=True)  # by name only, for those that compare themselves with it
    folder = stage / "kommuner" / slug
    copy_folder(data_directory / "kommuner" / slug, folder)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def _placed(faults: Sequence[Fault], content: WorkbookContent, slug: str, root: str) -> list[Fault]:
    """Return the faults with sheet and cell in place of file and row, where they lie in the workbook."""
    placed = []
    for fault in faults:
        table = _table_of(fault.file, content, slug, root)
        placed.append(_in_sheet(fault, table, content.shown) if table else fault)
    return placed


def _table_of(file: str, content: WorkbookContent, slug: str, root: str) -> SheetTable | None:
    """Return the workbook's table that a file of the staged folder was made from, or None where it was there before."""
    for name, table in content.tables.items():
        if file == f"{root}/kommuner/{slug}/{name}.csv" and table.rows:
            return table
    return None


def _cell_in_sheet(cell: Cell, table: SheetTable | None) -> Cell:
    if table is None or cell.column not in table.letters:
        return cell
    label = next(column.label for column in table.spec.all_columns if column.name == cell.column)
    return dataclasses.replace(cell, sheet=table.sheet, address=f"{table.letters[cell.column]}{cell.row} ({label})")


def _in_sheet(fault: Fault, table: SheetTable, shown: str) -> Fault:
    column = next((column for column in table.spec.all_columns if column.name == fault.column), None)
    cell = None
    if column is not None and fault.row is not None and column.name in table.letters:
        cell = f"{table.letters[column.name]}{fault.row} ({column.label})"
    words = [
        text.replace("i kallor.yml", f"på bladet {SOURCE_TABLE.sheet}").replace(
            "ur kallor.yml", f"från bladet {SOURCE_TABLE.sheet}"
        )
        for text in (fault.problem, fault.expected, fault.advice)
    ]
    if column is not None and fault.expected == column.expected:
        words[1] = expected_in_sheet(column, table.spec)
        if column.allowed:
            words[2] = "välj i listan som cellen har"
    elif table.spec.name == "publicerat":
        words = [_with_labels(text, table.spec) for text in words]
    if "står redan på rad" in fault.problem:
        keys = [column for column in table.spec.all_columns if column.name in table.spec.key]
        for key in keys:
            words[0] = re.sub(f"(?<![^ ]){key.name}(?= )", key.label, words[0])
            for value in filter(None, key.allowed):
                words[0] = re.sub(f"(?<![^ ]){key.label} {value}(?![^ ,])", f"{key.label} {in_words(value)}", words[0])
        words[1] = one_row_for([key.label for key in keys])
    return Fault(shown, *words, fault.row, fault.column, fault.value, table.sheet, cell)


def _with_labels(text: str, spec: TableSpec) -> str:
    """Return what a check says of a printed figure with the sheet's headings, but what it quotes as it stands."""
    quoted, said = re.split("(”[^”]*”)", text.rpartition("): ")[2]), text.rpartition("): ")[:2]
    labels = {column.name: column.label for column in spec.columns if column.name not in ("plats", "rad", "kolumn")}
    names = "|".join(map(re.escape, labels))
    for position in range(0, len(quoted), 2):
        quoted[position] = re.sub(rf"\b({names})\b", lambda found: labels[found[0]], quoted[position])
        quoted[position] = quoted[position].replace("utan_underlag", in_words("utan_underlag"))
    return "".join((*said, *quoted))


def _settle_sources(content: WorkbookContent, tables: Iterable[SheetTable], register: Path) -> None:
    """Give each source that is named with other letters than its own, large or small, its own name; note it."""
    listed = content.tables.get(SOURCE_TABLE.name)
    known = {row["kalla"] for row in listed.rows.values() if row["kalla"]} if listed else set()
    known |= read_sources(register, register.name)[0].keys()
    by_fold: dict[str, list[str]] = {}
    for source in known:
        by_fold.setdefault(source.casefold(), []).append(source)
    for table in tables:
        settled: dict[tuple[str, str], int] = {}
        for row in table.rows.values():
            for column in (column for column in SOURCE_COLUMNS if column in row):
                alike = by_fold.get(row[column].casefold(), [])
                if row[column] not in known and len(alike) == 1:
                    pair = row[column], alike[0]
                    settled[pair] = settled.get(pair, 0) + 1
                    row[column] = alike[0]
        for (written, source), count in settled.items():
            cells = "1 cell" if count == 1 else f"{count} celler"
            content.notes.append(f"Blad {table.sheet}: källan ”{written}” lästes som {source} ({cells}).")


def _without_source_echoes(content: WorkbookContent) -> list[Fault]:
    """Return the faults with one for all the sources that are missing because nothing of their sheet could be read."""
    table = content.tables.get(SOURCE_TABLE.name)
    missing = f"källan finns inte på bladet {SOURCE_TABLE.sheet}"
    echoes = [fault for fault in content.faults if fault.sheet and fault.problem == missing]
    if not echoes or (table and table.rows):
        return content.faults
    others = [fault for fault in content.faults if fault not in echoes]
    sheet = table.sheet if table else SOURCE_TABLE.sheet
    if any(fault.sheet and fold(fault.sheet) == fold(sheet) for fault in others):
        return others
    named = ", ".join(sorted({fault.value or "" for fault in echoes}))
    return [
        *others,
        Fault(
            content.shown,
            f"bladet {sheet} är tomt" if table else f"bladet {sheet} saknas",
            f"ett blad {SOURCE_TABLE.sheet} med de källor som de andra bladen anger: {named}",
            "fyll i bladet" if table else "lägg tillbaka bladet, eller hämta ett ur en ny arbetsbok från export",
        ),
    ]


def _without_echoes(faults: Sequence[Fault]) -> list[Fault]:
    """Return the faults less those that only follow from another in the same cell."""
    kept: dict[tuple, Fault] = {}
    for position, fault in enumerate(faults):
        place = (fault.sheet, fault.cell) if fault.cell else (position,)
        kept.setdefault(place, fault)
    return list(kept.values())


def _merge_sources(content: WorkbookContent, register: bytes, path: Path, slug: str) -> bytes:
    """Return kallor.yml with the workbook's sources: new ones last, changed ones where they stood, the rest untouched.

    Notes what was added and changed, and adds the faults of the sheet of sources to the content's.
    """
    table = content.tables.get(SOURCE_TABLE.name)
    if table is None or not table.rows:
        return register
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "kallor.csv"
        staged.write_bytes(_csv(table, padded=True))
        frame, faults = read_table(staged, SOURCE_TABLE, (), content.shown)
    content.faults += [_in_sheet(fault, table, content.shown) for fault in faults]
    known, register_faults = read_sources(path, path.name) if register else ({}, [])
    _refuse_others_sources(content, table, known, path.parent, slug)
    if faults or register_faults or any(fault.sheet == table.sheet for fault in content.faults):
        # Let the rows that name these sources be checked all the same.
        wanted = [
            Source(row["kalla"], *(row[column.name] or "–" for column in SOURCE_TABLE.columns[1:]))
            for row in table.rows.values()
            if row["kalla"] and row["kalla"] not in known
        ]
    else:
        wanted = [Source(*row) for row in frame.itertuples(index=False)]
        # What the workbook has no column for stays as it stands in the register.
        wanted = [
            dataclasses.replace(source, unaltered_as=known[source.id].unaltered_as) if source.id in known else source
            for source in wanted
        ]
    text = decode(register)
    ending = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    places, changed, added = _entries(text) if not register_faults else {}, [], ""
    # By name, since one that stands twice is already at fault.
    for source in {source.id: source for source in wanted}.values():
        if source.id in known and _as_cells(known[source.id]) == _as_cells(source):
            continue
        values = {
            column.name: getattr(source, name)
            for column, name in zip(SOURCE_TABLE.columns[1:], _SOURCE_FIELDS, strict=True)
        } | {"oforandrad_som": source.unaltered_as}
        entry = _yaml({source.id: {name: value for name, value in values.items() if value}})
        if source.id in known and source.id not in places:
            content.faults.append(
                Fault(
                    path.name,
                    "källan är ändrad i arbetsboken, men går inte att hitta i filen",
                    f'källans namn inom citattecken: "{source.id}"',
                    "sätt citattecken om namnet, eller ändra källan för hand",
                    value=source.id,
                )
            )
        elif source.id in known:
            content.notes.append(
                f"Källan {source.id} finns redan i kallor.yml och får de uppgifter som står på bladet {table.sheet}."
            )
            changed.append((*places[source.id], entry))
        else:
            added += entry
    for start, end, entry in sorted(changed, reverse=True):
        text = text[:start] + entry + text[end:]
    text += ("\n" if added and text and not text.endswith("\n") else "") + added
    return text.replace("\n", ending).encode("utf-8")


def _refuse_others_sources(
    content: WorkbookContent, table: SheetTable, known: Mapping[str, Source], data_directory: Path, slug: str
) -> None:
    """Refuse what the sheet of sources says of a source that others' figures come from, where it says otherwise."""
    changed: dict[str, tuple[int, list[str]]] = {}
    for number, row in table.rows.items():
        source = known.get(row["kalla"])
        if source is None or not all(row[column.name] for column in SOURCE_TABLE.columns if not column.optional):
            continue
        labels = [
            column.label
            for column, name in zip(SOURCE_TABLE.columns[1:], _SOURCE_FIELDS, strict=True)
            if plain_text(str(getattr(source, name))) != row[column.name]
        ]
        if labels:
            changed.setdefault(source.id, (number, labels))
    used = _used_by_others(changed.keys(), data_directory, slug) if changed else {}
    for id_, (number, labels) in changed.items():
        if id_ not in used:
            continue
        content.faults.append(
            Fault(
                content.shown,
                f"en annan källa med det namnet finns redan i kallor.yml, och den används av {_few(used[id_])}; "
                f"det som skiljer är {_listed(labels)}",
                "ett namn som ingen annan källa har",
                f"ge er källa ett annat namn, till exempel {_own_name(id_, slug, data_directory)}, här och på "
                "raderna som anger den; är det samma källa, skriv uppgifterna om den som i kallor.yml",
                number,
                "kalla",
                id_,
                table.sheet,
                f"{table.letters['kalla']}{number} ({SOURCE_TABLE.columns[0].label})",
            )
        )


def _listed(words: Sequence[str]) -> str:
    return " och ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _few(files: Sequence[str]) -> str:
    """Return the first of some files in words, and how many there are beside them."""
    shown, rest = files[:2], len(files) - 2
    if rest > 0:
        shown = [*shown, "1 fil till" if rest == 1 else f"{rest} filer till"]
    return _listed(shown)


def _own_name(source: str, slug: str, data_directory: Path) -> str:
    """Return a name for a municipality's own source: with its own name first, in place of another's."""
    for other in list_municipalities(data_directory):
        source = source.removeprefix(f"{other.replace('-', '_')}_")
    return f"{slug.replace('-', '_')}_{source}"


def _used_by_others(sources: Collection[str], data_directory: Path, slug: str) -> dict[str, list[str]]:
    """Return who uses each of some sources beside one municipality: others' folders, and the nation's files."""
    used: dict[str, list[str]] = {}
    others = [data_directory / "kommuner" / other for other in list_municipalities(data_directory) if other != slug]
    nation = data_directory / "nationellt"
    for path in (*others, *sorted(nation.rglob("*.csv")), *sorted(nation.glob("*.yml"))):
        named = set()
        for file in [path] if path.is_file() else [*path.glob("*.csv"), *path.glob("*.yml")]:
            named |= _named_sources(file)
        for source in named.intersection(sources):
            used.setdefault(source, []).append(shown_path(path, data_directory))
    return used


def _named_sources(path: Path) -> set[str]:
    """Return what may be a source's name in a file: what stands in the columns or fields that name sources."""
    if path.suffix == ".csv":
        try:
            text = decode(path.read_bytes())
            delimiter = max(";\t,", key=text.partition("\n")[0].count)
            head, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        except (ValueError, csv.Error):
            return set()  # no table, which its own municipality's check tells
        places = [place for place, name in enumerate(head) if clean(name).lower() in (*SOURCE_COLUMNS, "ursprung")]
        return {clean(row[place]) for row in rows for place in places if place < len(row)}
    found, rest = set(), [Register(path, path.name).content]
    while rest:
        entry = rest.pop()
        if isinstance(entry, Mapping):
            found |= {str(entry[name]) for name in ("kalla", "uppdrag_kalla", "dokument") if name in entry}
            rest += entry.values()
        elif isinstance(entry, list):
            rest += entry
    return found


def _as_cells(source: Source) -> list[str]:
    """Return a source as a sheet holds it, where neither line breaks at the end nor kinds of blanks are kept."""
    return [plain_text(str(value)) for value in dataclasses.astuple(source)]


def _entries(register: str) -> dict[str, tuple[int, int]]:
    """Return where in kallor.yml each entry begins and ends, without the empty lines and comments that follow it."""
    places = {}
    tree = yaml.compose(register, Loader=yaml.SafeLoader)
    for name, entry in tree.value if tree else ():
        start, end = register.rfind("\n", 0, name.start_mark.index) + 1, entry.end_mark.index
        lines = register[start:end].splitlines(keepends=True)
        # Part of the last line, where the entry ends within it, is followed by no more than a comment.
        if not lines[-1].endswith("\n"):
            end = register.find("\n", end) + 1 or len(register)
        while len(lines) > 1 and (not lines[-1].strip() or lines[-1].startswith("#")):
            end -= len(lines.pop())
        places[name.value] = start, end
    return places


def _written_beside(path: Path, content: bytes) -> Path:
    """Write a file beside the place that it is meant for, and return where."""
    beside = path.with_name(f".{path.name}.ny")
    try:
        beside.write_bytes(content)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # the name that the analyst knows
        raise
    return beside


def _swap_folder(folder: Path, files: Mapping[str, bytes], then: tuple[Path, bytes] | None = None) -> None:
    """Put files in a folder and, `then`, one beside it: all of them, or the old ones stay as they were."""
    home = folder.parent.parent
    # Outside the folder of municipalities, where every folder is one.
    new, old = home / f".{folder.name}-ny", home / f".{folder.name}-gammal"
    if old.exists() and not folder.exists():
        old.rename(folder)  # left by a run that was cut off between the two renames
    shutil.rmtree(new, ignore_errors=True)
    existed = folder.exists()
    beside = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        copy_folder(folder, new)
        for name, content in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(content)
        if then:
            beside = _written_beside(*then)
        shutil.rmtree(old, ignore_errors=True)
        try:
            if existed:
                folder.rename(old)
            new.rename(folder)
            if beside:
                os.replace(beside, then[0])
        except BaseException:
            if folder.exists() and (old.exists() or not existed):
                folder.rename(new)
            if old.exists():
                old.rename(folder)
            raise
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        if beside:
            beside.unlink(missing_ok=True)
        raise
    with suppress(KeyboardInterrupt):  # the new folder stands, whatever becomes of the old one
        shutil.rmtree(old, ignore_errors=True)
