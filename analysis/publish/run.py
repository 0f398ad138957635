"""Build books: run every chapter's notebook, then Jupyter Book, one municipality at a time or several."""

from __future__ import annotations

import dataclasses
import functools
import gc
import importlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import papermill
import yaml
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from analysis.measures.published import UnknownFigure
from analysis.measures.result import MissingData
from analysis.measures.small_numbers import protect
from analysis.present import svg, warm
from analysis.present.book import read_already
from analysis.present.pages.material import small_numbers_line
from analysis.publish.assembly import assemble, warm_up
from analysis.publish.cache import ChapterCache, Contents
from analysis.publish.checking import Checked, checked
from analysis.publish.finished import finish, finished_at
from analysis.publish.glossary import write_terms
from analysis.publish.inputs import Inputs, digest_of
from analysis.publish.manifest import FILE_NAME, make_manifest, write_manifest
from analysis.publish.pictures import drawing_of, picture_png, picture_svg, without_png
from analysis.publish.places import GUIDE_FOLDER, shared_by_books
from analysis.publish.plan import KERNEL, Plan, plan_book, read_chapters, read_config
from analysis.publish.running import ENGINE
from analysis.publish.running.collector import uncollected
from analysis.publish.running.drawer import draw_at
from analysis.publish.running.entry import Engine
from analysis.publish.running.processes import CAN_FORK, Died, Processes
from analysis.publish.workbook import make_workbook
from analysis.sources import DataError, load_municipality
from analysis.sources.faults import file_fault

# Papermill finds it by its entry point, but for whoever has not installed the package anew since it was there.
papermill_engines.register(ENGINE, Engine)

PARAMETERS = {"kommun", "data", "manifest"}
CELL_TIMEOUT_SECONDS = 600
_LINK = re.compile(r'<a\b[^>]*?\shref="([^"]+)"')
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
DIED = "processen dog utan besked, troligen för att minnet tog slut. Försök med --jobs 1"


@dataclass(frozen=True)
class BuildFault:
    """Why a book could not be built; `cell` counts from 1 in the chapter as committed."""

    municipality: str
    chapter: str
    cell: int | None
    cause: str

    def __str__(self) -> str:
        place = [self.municipality]
        if self.chapter:
            place.append(f"kapitlet {self.chapter}")
        if self.cell:
            place.append(f"cell {self.cell}")
        return f"{', '.join(place)}: {self.cause}"


@dataclass(frozen=True)
class Order:
    """A book to be built: of whom, from where, in which folder of work, and under which key it is kept.

    `secret` keys the hashes of what is not shown; `documents` tells whether it gets PDF, Word and its charts as PNG;
    `anew` whether also chapters that have been run before are run; `lanes` how many of its chapters may run at once.
    """

    slug: str
    inputs: Inputs
    work: Path
    key: str
    secret: bytes
    documents: bool
    anew: bool = False
    lanes: int = 1

    @property
    def book(self) -> Path:
        """The finished book's folder."""
        return self.work / "books" / self.slug


@dataclass
class Outcome:
    """What came of an order: a finished book, or faults; with what the analyst should have a look at.

    `ran` and `reused` name the chapters that were run and that were taken from an earlier build. `seconds` tells where
    the time went, by stage.
    """

    slug: str
    book: Path
    faults: list[object] = field(default_factory=list)
    checked: Checked | None = None
    ran: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    left_out: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of what is done meanwhile as that of a stage."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start


@dataclass(frozen=True)
class _Task:
    """One chapter to run; plain strings, since it may go to another process."""

    municipality: str
    chapter: str
    notebook: str
    parameters: dict[str, str]
    root: str


def build_books(orders: Sequence[Order], jobs: int, addresses: Sequence[str]) -> Iterator[Outcome]:
    """Build the books ordered, and yield what came of each as it ends; those that take longest are begun first.

    `addresses` are where charts are drawn, one for each job. What goes wrong with one book harms no other. Raises what
    nobody foresaw, when all the others are built.
    """
    if not orders:
        return
    orders = longest_first(orders)
    slots = min(jobs, len(orders))
    orders = [dataclasses.replace(order, lanes=max(1, len(addresses) // slots)) for order in orders]
    unforeseen = []
    processes = Processes(functools.partial(build_book, addresses), slots)
    for position, outcome in processes.run(orders):
        order = orders[position]
        if isinstance(outcome, Died):
            outcome = Outcome(order.slug, order.book, [BuildFault(order.slug, "", None, DIED)])
        elif isinstance(outcome, Exception):
            if not isinstance(outcome, OSError):
                unforeseen.append(outcome)
            outcome = failed(order, outcome)
        yield outcome
    if unforeseen:
        raise unforeseen[0]


def longest_first(orders: Sequence[Order]) -> list[Order]:
    """Return orders in the sequence in which they should be begun, so that no long one is left alone at the end.

    A municipality whose own files have changed since its book was made has more chapters to run than those that only
    compare themselves with it.
    """
    def effort(order: Order) -> tuple[bool, int]:
        size, changed = order.inputs.extent(order.slug)
        return changed > finished_at(order.work, order.slug), size

    return sorted(orders, key=effort, reverse=True)


def failed(order: Order, error: Exception) -> Outcome:
    """Return what came of an order whose building raised an error."""
    if isinstance(error, OSError):
        shown = str(error.filename2 or error.filename or order.book)
        return Outcome(order.slug, order.book, [file_fault(error, shown, "att filen går att läsa och skriva")])
    fault = BuildFault(order.slug, "", None, cause_of(type(error).__name__, str(error)))
    return Outcome(order.slug, order.book, [fault])


def prepare(orders: Sequence[Order]) -> None:
    """Make ready, once, what every book's process begins with, before any is built.

    The folder that books share must have got its chart library (library.py) by then, too.
    """
    if not orders:
        return
    Engine.prepare()
    if not CAN_FORK:
        return
    with uncollected():
        warm.warm_up()
        if any(order.documents for order in orders):
            # What makes them takes long to import, and few books have any.
            importlib.import_module("analysis.publish.document.make")
        for root in {order.inputs.root for order in orders}:
            _warm_up(yaml.safe_dump(read_config(root), allow_unicode=True))
            read_chapters(root)
        # What all municipalities share is read here, once; what is wrong with this one is told where it is built.
        with suppress(DataError):
            load_municipality(orders[0].slug, orders[0].inputs.data)
        # What is there now stays; no process that is forked need look whether it can go.
        gc.freeze()


@functools.cache
def _warm_up(config: str) -> None:
    """Warm up what puts books together, with settings as YAML; what that leaves in the process stays."""
    warm_up(yaml.safe_load(config))


def build_book(addresses: Sequence[str], order: Order, slot: int = 0) -> Outcome:
    """Build one municipality's book into its folder; the old one stands until the new one is ready.

    `addresses` are where charts may be drawn by processes that stay warm, `order.lanes` of them for each slot; without
    any they are drawn here.
    """
    outcome = Outcome(order.slug, order.book)
    root, data = order.inputs.root, order.inputs.data
    with outcome.stage("läsa och kontrollera"):
        chapters = read_chapters(root)
        found = checked(order.slug, data, chapters)
    outcome.checked = dataclasses.replace(found, municipality=None, peers=())
    outcome.faults += found.faults
    if found.faults:
        return outcome
    plan = plan_book(protect(found.municipality), chapters)
    outcome.left_out = len(plan.left_out)
    try:
        with outcome.stage("redovisa underlaget"):
            manifest = make_manifest(plan, data, root, order.secret, documents=order.documents)
    except (MissingData, UnknownFigure) as error:
        outcome.faults.append(BuildFault(order.slug, "", None, str(error)))
        return outcome
    stage = order.work / "stage" / order.slug
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    with outcome.stage("köra kapitel"), read_already((plan.municipality, *map(protect, found.peers)), data):
        outcome.faults += _run_chapters(plan, stage, manifest, order, outcome,
                                        addresses[slot * order.lanes : (slot + 1) * order.lanes])
    if not outcome.faults:
        outcome.faults += _put_together(plan, stage, manifest, order, outcome)
    if not outcome.faults:
        finish(stage / "_build" / "html", order.work, order.slug, order.key if _still_as_ordered(order) else "")
        shutil.rmtree(stage, ignore_errors=True)
    return outcome


def _still_as_ordered(order: Order) -> bool:
    """Tell whether the files are those that the order's key tells of; one saved meanwhile may have been read."""
    return Inputs(order.inputs.data, order.inputs.root).book_key(order.slug, documents=order.documents) == order.key


def _run_chapters(plan: Plan, stage: Path, manifest: dict, order: Order, outcome: Outcome,
                  addresses: Sequence[str]) -> list[BuildFault]:
    """Put every chapter, executed, into the stage: those that have read the same before from the cache."""
    write_manifest(manifest, stage / FILE_NAME)
    cache = ChapterCache(order.work / "kapitel" / order.slug)
    contents = Contents(plan.municipality, manifest, order.inputs.peers_digest(order.slug))
    traits = contents.traits()
    parameters = {"kommun": order.slug, "data": str(order.inputs.data.resolve()),
                  "manifest": str((stage / FILE_NAME).resolve())}
    tasks, keys = [], {}
    for chapter in plan.chapters:
        path, text = stage / f"{chapter.name}.ipynb", nbformat.v4.writes(plan.notebook(chapter))
        keys[chapter.name] = digest_of([order.inputs.chapter_key(order.slug, text), traits])
        executed = None if order.anew else cache.find(keys[chapter.name], contents.digest)
        path.write_text(executed or text, encoding="utf-8", newline="\n")
        if executed:
            outcome.reused.append(chapter.name)
        else:
            tasks.append(_Task(order.slug, chapter.name, str(path.resolve()), parameters,
                               str(order.inputs.root.resolve())))
    outcome.ran = [task.chapter for task in tasks]
    runs, faults = _runs(tasks, addresses, order.lanes), []
    still = _still_as_ordered(order)
    for task, fault in zip(tasks, runs, strict=True):
        if fault:
            faults.append(fault)
        else:
            executed = Path(task.notebook).read_text(encoding="utf-8")
            notebook = json.loads(executed)
            if still and not _complains(notebook):
                names = notebook["metadata"]["assistansboken"]["reads"]
                cache.keep(keys[task.chapter], names, contents.digest, executed)
    cache.tidy()
    return faults


def _runs(tasks: Sequence[_Task], addresses: Sequence[str], lanes: int) -> list[BuildFault | None]:
    """Run chapters, one after the other or several at once; return the fault of each, if any."""
    if lanes == 1 or len(tasks) < 2:
        if addresses:
            svg.set_drawer(draw_at(addresses[0]))
        return [run_chapter(task) for task in tasks]
    found: list[BuildFault | None] = [None] * len(tasks)
    for position, fault in Processes(functools.partial(_run_beside_others, addresses), lanes).run(tasks):
        if isinstance(fault, Died):
            fault = BuildFault(tasks[position].municipality, tasks[position].chapter, None, DIED)
        elif isinstance(fault, Exception):
            raise fault
        found[position] = fault
    return found


def _run_beside_others(addresses: Sequence[str], task: _Task, lane: int) -> BuildFault | None:
    svg.set_drawer(draw_at(addresses[lane]))
    return run_chapter(task)


def run_chapter(task: _Task) -> BuildFault | None:
    """Run a staged notebook in place with the project's own engine; return the fault, if any."""
    unknown = PARAMETERS - set(papermill.inspect_notebook(task.notebook))
    if unknown:
        return BuildFault(task.municipality, task.chapter, None,
                          f"cellen märkt ”parameters” saknar {', '.join(sorted(unknown))}")
    try:
        papermill.execute_notebook(
            task.notebook, task.notebook, parameters=task.parameters, cwd=task.root, kernel_name=KERNEL,
            engine_name=ENGINE, progress_bar=False, log_output=False, execution_timeout=CELL_TIMEOUT_SECONDS,
            request_save_on_cell_execute=False)
    except PapermillExecutionError as error:
        cell = _failed_cell(nbformat.read(task.notebook, as_version=4))
        return BuildFault(task.municipality, task.chapter, cell, cause_of(error.ename, error.evalue))
    except (CellTimeoutError, DeadKernelError) as error:
        # The engine tells in Swedish what happened, and in which cell.
        return BuildFault(task.municipality, task.chapter, getattr(error, "number", None), str(error).splitlines()[0])
    except OSError:
        raise
    except Exception as error:  # a notebook that cannot be read, and what nobody foresaw: all end this chapter only
        return BuildFault(task.municipality, task.chapter, None, cause_of(type(error).__name__, str(error)))
    return None


def _complains(notebook: dict) -> bool:
    """Tell whether a cell wrote to standard error; it stops the book, and what caused it may be gone the next time."""
    return any(output.get("name") == "stderr" for cell in notebook["cells"] for output in cell.get("outputs", ()))


def cause_of(name: str, message: str) -> str:
    """Return an exception in one line, in the analyst's words where it is the data that do not suffice."""
    lines = [line for line in _ANSI.sub("", message or "").splitlines() if line.strip()]
    if lines and name == MissingData.__name__:
        return f"underlaget räcker inte ({lines[0].strip()}). Fyll på tabellen, eller ta bort den"
    return f"{name}: {lines[0].strip()}" if lines else name


def _failed_cell(notebook: nbformat.NotebookNode) -> int | None:
    for cell in notebook.cells:
        if any(output.output_type == "error" for output in cell.get("outputs", ())):
            return cell.metadata.get("assistansboken", {}).get("number")
    return None


def _put_together(plan: Plan, stage: Path, manifest: dict, order: Order, outcome: Outcome) -> list[object]:
    """Make the book of the executed chapters, with its downloads and documents."""
    slug, html = order.slug, stage / "_build" / "html"
    _write_frame(plan, stage, manifest, order.inputs.root)
    tables, charts, faults = _downloads(plan, stage)
    if not order.documents:
        for path in stage.glob("*.ipynb"):
            path.write_text(without_png(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    with outcome.stage("Jupyter Book"):
        faults += [BuildFault(slug, "", None, f"Jupyter Book: {line}") for line in assemble(
            stage, shared_by_books(order.work))]
    if faults:
        return faults
    with outcome.stage("nedladdningar"):
        (html / "tabeller").mkdir()
        for name, (text, described) in tables.items():
            (html / "tabeller" / f"{name}.csv").write_bytes(text.encode("utf-8-sig"))
            (html / "tabeller" / f"{name}.xlsx").write_bytes(make_workbook(text, described, manifest))
        (html / "diagram").mkdir()
        for name, (picture, _) in charts.items():
            (html / "diagram" / f"{name}.svg").write_text(picture, encoding="utf-8", newline="\n")
    if order.documents:
        from analysis.publish.document.make import make_documents
        from analysis.publish.document.tree import DocumentFault

        try:
            with outcome.stage("PNG, PDF och Word"):
                for name, (picture, _) in charts.items():
                    (html / "diagram" / f"{name}.png").write_bytes(picture_png(picture))
                make_documents(html, manifest)
        except DocumentFault as fault:
            return [BuildFault(slug, "", None, str(fault))]
    shutil.copy(stage / FILE_NAME, html / FILE_NAME)
    return dead_links(plan, html)


def _write_frame(plan: Plan, stage: Path, manifest: dict, root: Path) -> None:
    """Write what Jupyter Book needs beside the chapters."""
    config = read_config(root)
    config["title"] = f"{config['title']} – {plan.municipality.name}"
    # What the pages link to and say; a book built by jupyter-book alone has no documents, and no guide beside it.
    config["sphinx"]["config"]["html_context"] = {
        "documents": manifest["documents"], "small_numbers": small_numbers_line(plan.municipality),
        "has_guide": (root / "chapters" / GUIDE_FOLDER).is_dir(), "is_synthetic": plan.municipality.synthetic}
    for name, content in (("_config.yml", config), ("_toc.yml", plan.toc())):
        (stage / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    write_terms(plan.municipality.glossary, stage)


def _downloads(plan: Plan, stage: Path) -> tuple[dict[str, tuple[str, dict]], dict[str, tuple[str, dict]],
                                                 list[BuildFault]]:
    """Return each table's CSV, and each chart's picture, with what its view tells of it, by id, from the outputs."""
    tables: dict[str, tuple[str, dict]] = {}
    charts: dict[str, tuple[str, dict]] = {}
    faults = []
    for chapter in plan.chapters:
        executed = json.loads((stage / f"{chapter.name}.ipynb").read_text(encoding="utf-8"))
        for cell in executed["cells"]:
            for output in cell.get("outputs", ()):
                described = output.get("metadata", {}).get("assistansboken", {})
                if "table_id" in described:
                    name, found, kind = described["table_id"], tables, "tabeller"
                    content = "".join(output["data"]["text/csv"])
                elif "chart_id" in described:
                    name, found, kind = described["chart_id"], charts, "diagram"
                    content = picture_svg(drawing_of("".join(output["data"]["text/html"])), described)
                else:
                    continue
                cause = ""
                if not re.fullmatch(r"[\w-]+", name):
                    cause = f"”{name}” kan inte bli ett filnamn"
                elif found.setdefault(name, (content, described))[0] != content:
                    cause = f"två olika {kind} heter ”{name}”"
                if cause:
                    number = cell["metadata"].get("assistansboken", {}).get("number")
                    faults.append(BuildFault(plan.municipality.slug, chapter.name, number, cause))
    return tables, charts, faults


def dead_links(plan: Plan, html: Path) -> list[BuildFault]:
    """Return the links of each chapter to what is not in the book.

    Jupyter Book warns of those in prose, but passes on those in what a cell gives.
    """
    faults = []
    for chapter in plan.chapters:
        page = html / f"{chapter.name}.html"
        targets = dict.fromkeys(_LINK.findall(page.read_text(encoding="utf-8")))
        for target in map(unescape, targets):
            parts = urlsplit(target)
            inside = not (parts.scheme or parts.netloc) and parts.path and not parts.path.startswith("..")
            if inside and not (html / unquote(parts.path)).exists():
                faults.append(BuildFault(plan.municipality.slug, chapter.name, None,
                                         f"länken ”{target}” går till något som inte finns i den här boken. En cell "
                                         "som ger en länk ska ha samma needs som kapitlet, och länken sluta på .html"))
    return faults
