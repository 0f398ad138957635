"""Which chapters a municipality gets: the one table of contents, less what its data cannot support."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode

from analysis.present.language import listed
from analysis.publish.places import PROJECT_ROOT
from analysis.sources import DataError, Municipality
from analysis.sources.faults import Fault, file_fault
from analysis.sources.local_words import FOREWORD, PLACES
from analysis.sources.municipality import FETCHED_FOLDER
from analysis.sources.registers import Register
from analysis.sources.schema import MUNICIPAL_TABLES, NATIONAL_TABLES, TableSpec
from analysis.sources.template import ChapterNeeds

# What the committed copy of a cell carries when its municipality lacks what the cell needs: nbval does not compare it,
# nbclient does not run it, and Jupyter Book does not show it.
LEFT_OUT_TAGS = ["nbval-skip", "skip-execution", "remove-cell"]
KERNEL = "python3"
PUT_BACK = "lägg tillbaka filen som den var när du hämtade projektet"
PART_WORDS = {"sfb": "SFB", "lss": "LSS", "utforare": "utföraren", "totalt": "helheten", "barn": "barn", "alla": "alla",
              "heltidsmatt": "heltidsmått", "korta_insatser": "korta insatser", "uppsagningstid": "uppsägningstid"}
# What a table alone must hold.
WHOLE_TABLES = {"ekonomi": "minst ett år som har alla delar", "scenario": "timmar och kostnad per timme i egen regi",
                "villkor": "alla villkor för något av exemplen"}
CARD_WORDS = {"uppdrag": "uppdraget i kommun.yml", "grannar": "kommuner att jämföra med (grannar i kommun.yml)"}


@dataclass(frozen=True)
class Chapter:
    """A notebook in the table of contents, as it was read, without outputs; the root has no part."""

    name: str
    title: str
    path: Path
    needs: tuple[str, ...] = ()
    part: str = ""
    notebook: NotebookNode | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class LeftOut:
    """A chapter that a municipality's data cannot support, and why."""

    chapter: Chapter
    reason: str


@dataclass(frozen=True)
class Plan:
    """One municipality's book; the first chapter is the root."""

    municipality: Municipality
    chapters: tuple[Chapter, ...]
    left_out: tuple[LeftOut, ...]

    def notebook(self, chapter: Chapter) -> NotebookNode:
        """Return the chapter's notebook without outputs and without the cells whose needs are unmet.

        Each cell's metadata carry its number in the chapter as committed, for messages.
        """
        numbered = [(number, cell) for number, cell in enumerate(chapter.notebook.cells, start=1)
                    if self.municipality.has(*needs_of(cell.metadata))]
        kept = copy.deepcopy([cell for _, cell in numbered])
        for (number, _), cell in zip(numbered, kept, strict=True):
            cell.metadata.setdefault("assistansboken", {})["number"] = number
            cell.metadata["tags"] = [tag for tag in cell.metadata.get("tags", []) if tag not in LEFT_OUT_TAGS]
        kernel = {"name": KERNEL, "display_name": "Python 3", "language": "python"}
        metadata = copy.deepcopy({**chapter.notebook.metadata, "kernelspec": kernel})
        return NotebookNode({**chapter.notebook, "metadata": NotebookNode(metadata),
                             "cells": self._with_local_words(chapter, kept)})

    def _with_local_words(self, chapter: Chapter, cells: list[NotebookNode]) -> list[NotebookNode]:
        """Return a chapter's cells with the municipality's own words last, and its foreword before the first section.

        They are put in here, so that a chapter need not say it and a place without words gets no heading.
        """
        cells = list(cells)
        for place in (name for name in self.municipality.texts if PLACES[name].chapter == chapter.name):
            sections = [number for number, cell in enumerate(cells)
                        if cell.cell_type == "markdown" and cell.source.startswith("## ")]
            start = sections[0] if place == FOREWORD and sections else len(cells)
            cells[start:start] = [
                nbformat.v4.new_markdown_cell(f"## {PLACES[place].heading}", id=f"{place}-rubrik"),
                nbformat.v4.new_code_cell(f'book.own_words("{place}")', id=f"{place}-text"),
            ]
        return cells

    def toc(self) -> dict:
        """Return the table of contents of the staged book, where every chapter lies at the top."""
        root, *others = self.chapters
        parts: dict[str, list] = {}
        for chapter in others:
            parts.setdefault(chapter.part, []).append({"file": chapter.name})
        toc: dict = {"format": "jb-book", "root": root.name}
        if set(parts) == {""}:
            toc["chapters"] = parts[""]
        elif parts:
            toc["parts"] = [{**({"caption": caption} if caption else {}), "chapters": entries}
                            for caption, entries in parts.items()]
        return toc


def read_chapters(root: Path = PROJECT_ROOT) -> list[Chapter]:
    """Return the chapters of _toc.yml in order; raises DataError where it or a notebook cannot be read."""
    register = Register(root / "_toc.yml", "_toc.yml")
    chapters, faults = [], register.faults
    for file, part in [] if faults else _contents(register):
        path, shown = root / f"{file}.ipynb", f"{file}.ipynb"
        try:
            notebook = _without_outputs(path.read_bytes())
            name = PurePosixPath(file).name
            chapters.append(Chapter(name, _title(notebook) or name, path, needs_of(notebook.metadata), part, notebook))
            for cell in notebook.cells:
                needs_of(cell.metadata)
        except OSError as error:
            faults.append(file_fault(error, shown, "ett av bokens kapitel"))
        # A damaged notebook makes the library stumble in ways that it does not list.
        except Exception:
            faults.append(Fault(shown, "kapitlet är skadat och går inte att läsa", "en fil som Jupyter har sparat",
                                PUT_BACK))
    if faults:
        raise DataError(faults)
    return chapters


@functools.lru_cache(maxsize=128)
def _without_outputs(content: bytes) -> NotebookNode:
    """Return a notebook file's content without what running it has left; every caller gets the same, to be copied."""
    notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _contents(register: Register) -> list[tuple[str, str]]:
    """Return each file of the table of contents with its part; notes a fault where it is of another shape."""
    toc = register.content
    try:
        files = [(toc["root"], "")] + [(entry["file"], "") for entry in toc.get("chapters", [])]
        for part in toc.get("parts", []):
            files += [(entry["file"], part.get("caption", "")) for entry in part["chapters"]]
        if all(isinstance(text, str) for one in files for text in one):
            return files
    except (LookupError, TypeError, AttributeError):
        pass
    register.fault("innehållsförteckningen har fel form", "samma uppställning som i projektets egen",
                   PUT_BACK)
    return []


def read_config(root: Path = PROJECT_ROOT) -> dict:
    """Return the settings of Jupyter Book; raises DataError where they cannot be read."""
    register = Register(root / "_config.yml", "_config.yml")
    if register.content:
        register.take(register.content, "title", str, "bokens titel")
        sphinx = register.take(register.content, "sphinx", dict, "fältet config med inställningar")
        if sphinx is not None:
            register.take(sphinx, "config", dict, "inställningar", "sphinx")
    if register.faults:
        raise DataError(register.faults)
    return dict(register.content)


def plan_book(municipality: Municipality, chapters: Iterable[Chapter]) -> Plan:
    """Divide the chapters into those that the municipality gets and those left out; the root is always there."""
    root, *others = chapters
    taken, left_out = [root], []
    for chapter in others:
        unmet = [need for need in chapter.needs if not municipality.has(need)]
        if unmet:
            left_out.append(LeftOut(chapter, _why_left_out(municipality, unmet)))
        else:
            taken.append(chapter)
    return Plan(municipality, tuple(taken), tuple(left_out))


def _why_left_out(municipality: Municipality, unmet: Iterable[str]) -> str:
    """Return what is missing, and what is there but not shown."""
    withheld = {need for need in unmet if municipality.unprotected and municipality.unprotected.has(need)}
    reasons = {"Saknas": [need for need in unmet if need not in withheld],
               "Visas inte, eftersom antalen är små": [need for need in unmet if need in withheld]}
    return ". ".join(f"{why}: {'; '.join(describe_need(need) for need in needs)}" for why, needs in reasons.items()
                     if needs)


def chapter_needs(chapters: Iterable[Chapter]) -> list[ChapterNeeds]:
    """Return what each chapter needs, for the workbook that an analyst fills in: its sheets, and in words."""
    described = []
    for chapter in chapters:
        cells = chapter.notebook.cells
        told: list[str] = []
        for position, need in enumerate(chapter.needs):
            before = chapter.needs[:position]
            told.append(describe_need(
                need, lambda spec, before=before: "samma blad" if spec.name in before else f"bladet {spec.sheet}"))
        words = "; ".join(told)
        described.append(ChapterNeeds(chapter.title, words, _tables(chapter.needs),
                                      _tables(need for cell in cells for need in needs_of(cell.metadata))))
    return described


def _tables(needs: Iterable[str]) -> frozenset[str]:
    return frozenset(one.partition(":")[0] for need in needs for one in need.split("|"))


def describe_need(need: str, name_table: Callable[[TableSpec], str] = lambda spec: f"{spec.name}.csv ({spec.title})"
                  ) -> str:
    """Return a need in the analyst's words; of several of which one is enough, each table is named once."""
    parts: dict[tuple[str, str], list[str]] = {}
    for one in need.split("|"):
        table, _, part = one.partition(":")
        if table == "nationellt":
            national, _, law = part.partition(":")
            parts.setdefault((table, national), []).append(law)
        else:
            parts.setdefault((table, ""), []).append(part)
    return ", eller ".join(_describe(table, national, chosen, name_table)
                           for (table, national), chosen in parts.items())


def _describe(table: str, national: str, parts: list[str], name_table: Callable[[TableSpec], str]) -> str:
    if table in CARD_WORDS:
        return CARD_WORDS[table]
    if national:
        spec = NATIONAL_TABLES.get(national)
        folder = f"nationellt/{FETCHED_FOLDER}" if spec and spec.fetched else "nationellt"
        rows = f"kommunens rader i {folder}/{national}.csv" + (f" ({spec.title})" if spec else "")
        return f"{rows} för {listed([PART_WORDS.get(part, part) for part in parts], 'eller')}" if all(parts) else rows
    spec = MUNICIPAL_TABLES.get(table)
    named = name_table(spec) if spec else f"{table}.csv"
    if table in WHOLE_TABLES and not all(parts):
        return f"{named} med {WHOLE_TABLES[table]}"
    if not all(parts):
        return named
    if table == "iakttagelser":
        return f"{named} med rader för kapitlet {listed(parts, 'eller')}"
    return f"{named} med rader för {listed([PART_WORDS.get(part, part) for part in parts], 'eller')}"


def needs_of(metadata: dict) -> tuple[str, ...]:
    """Return what a chapter or a cell needs, from its metadata."""
    return tuple(metadata.get("assistansboken", {}).get("needs", ()))


def _title(notebook: NotebookNode) -> str:
    for cell in notebook.cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("# "):
                return line[2:].strip()
    return ""
