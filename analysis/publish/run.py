"""Build books: run every chapter's notebook, then Jupyter Book, one municipality at a time or several."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import yaml

import analysis
from analysis.measures.published import UnknownFigure
from analysis.measures.result import MissingData
from analysis.present.language import dated
from analysis.present.numbers import number
from analysis.present.pages.material import small_numbers_line
from analysis.publish.document import DocumentFault, make_documents
from analysis.publish.glossary import write_terms
from analysis.publish.manifest import (
    FILE_NAME,
    GUIDE_FOLDER,
    make_manifest,
    read_manifest,
    same_inputs,
    secret,
    write_manifest,
)
from analysis.publish.pictures import drawing_of, picture_png, picture_svg
from analysis.publish.plan import KERNEL, PROJECT_ROOT, Plan, read_config
from analysis.publish.workbook import make_workbook
from analysis.publish.worker import Pool, start_worker

PARAMETERS = {"kommun", "data", "manifest"}
CELL_TIMEOUT_SECONDS = 600
BOOK_COMMAND = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "-W", "--keep-going"]
_LINK = re.compile(r'<a\b[^>]*?\shref="([^"]+)"')
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


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
class Outcome:
    """What came of a municipality: a finished book, or faults."""

    plan: Plan
    book: Path
    faults: list[BuildFault] = field(default_factory=list)


@dataclass(frozen=True)
class _Task:
    """One chapter to run; plain strings, since it goes to another process."""

    municipality: str
    chapter: str
    notebook: str
    parameters: dict[str, str]
    root: str


def build_books(plans: Sequence[Plan], data_directory: Path, work: Path, *, jobs: int = 1, root: Path = PROJECT_ROOT,
                force: bool = False, say: Callable[[str], None] = print) -> list[Outcome]:
    """Build each plan's book into `work/books/<slug>` and return what came of each, in the same order.

    A book whose inputs are those of the finished one is left as it is, unless `force`.
    """
    key = secret(work)
    with worker_pool(jobs) as pool, ThreadPoolExecutor(jobs) as builders:
        pending: list[Outcome | Future] = []
        try:
            for plan in plans:
                slug = plan.municipality.slug
                book = work / "books" / slug
                try:
                    manifest = make_manifest(plan, data_directory, root, key)
                except (MissingData, UnknownFigure) as error:
                    pending.append(Outcome(plan, book, [BuildFault(slug, "", None, str(error))]))
                    continue
                if not force and same_inputs(manifest, read_manifest(book)):
                    say(f"{slug}: oförändrad sedan {dated(read_manifest(book)['built_at'][:10])}, byggs inte om")
                    pending.append(Outcome(plan, book))
                    continue
                stage = work / "stage" / slug
                tasks = _stage(plan, stage, manifest, data_directory, root)
                left_out = f", {len(plan.left_out)} utelämnas" if plan.left_out else ""
                say(f"{slug}: kör {len(tasks)} kapitel{left_out}")
                runs = [pool.submit(run_chapter, task) for task in tasks]
                pending.append(builders.submit(_finish, plan, stage, book, runs, say))
            return [item.result() if isinstance(item, Future) else item for item in pending]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            builders.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def worker_pool(jobs: int):
    """Give a pool of fresh processes whose kernels find the package and talk through files, not ports."""
    with tempfile.TemporaryDirectory(prefix="ab-", ignore_cleanup_errors=True) as runtime:
        environment = {"PYTHONPATH": _python_path(), "JUPYTER_RUNTIME_DIR": runtime}
        with Pool(min(jobs, 60), mp_context=get_context("spawn"), initializer=start_worker,
                  initargs=(environment,)) as pool:
            yield pool


def kernel_options() -> dict:
    """Return the client's options under which kernels started at once do not race for TCP ports.

    The address must be given: left to itself, every kernel in a folder gets the same.
    """
    from jupyter_core.paths import jupyter_runtime_dir
    from traitlets.config import Config

    address = {"transport": "ipc", "ip": f"{jupyter_runtime_dir()}/{uuid.uuid4().hex[:12]}"}
    return {"config": Config({} if os.name == "nt" else {"KernelManager": address})}  # Windows has no ipc


def _python_path() -> str:
    package_root = str(Path(analysis.__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH", "")]))


def _stage(plan: Plan, stage: Path, manifest: dict, data_directory: Path, root: Path) -> list[_Task]:
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    config = read_config(root)
    slug = plan.municipality.slug
    config["title"] = f"{config['title']} – {plan.municipality.name}"
    # What the pages link to and say; a book built by jupyter-book alone has no documents, and no guide beside it.
    config["sphinx"]["config"]["html_context"] = {
        "documents": manifest["documents"], "small_numbers": small_numbers_line(plan.municipality),
        "has_guide": (root / "chapters" / GUIDE_FOLDER).is_dir(), "is_synthetic": plan.municipality.synthetic}
    for name, content in (("_config.yml", config), ("_toc.yml", plan.toc())):
        (stage / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    write_manifest(manifest, stage / FILE_NAME)
    write_terms(plan.municipality.glossary, stage)
    parameters = {"kommun": slug, "data": str(data_directory.resolve()), "manifest": str((stage / FILE_NAME).resolve())}
    tasks = []
    for chapter in plan.chapters:
        path = stage / f"{chapter.name}.ipynb"
        nbformat.write(plan.notebook(chapter), path)
        tasks.append(_Task(slug, chapter.name, str(path.resolve()), parameters, str(root.resolve())))
    return tasks


def run_chapter(task: _Task) -> BuildFault | None:
    """Run a staged notebook in place, in a kernel of its own; return the fault, if any."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    unknown = PARAMETERS - set(papermill.inspect_notebook(task.notebook))
    if unknown:
        return BuildFault(task.municipality, task.chapter, None,
                          f"cellen märkt ”parameters” saknar {', '.join(sorted(unknown))}")
    try:
        papermill.execute_notebook(
            task.notebook, task.notebook, parameters=task.parameters, cwd=task.root, kernel_name=KERNEL,
            progress_bar=False, log_output=False, execution_timeout=CELL_TIMEOUT_SECONDS,
            request_save_on_cell_execute=False, **kernel_options())
    except PapermillExecutionError as error:
        cell = _failed_cell(nbformat.read(task.notebook, as_version=4))
        return BuildFault(task.municipality, task.chapter, cell, cause_of(error.ename, error.evalue))
    except OSError:
        raise
    except Exception as error:  # a dead kernel, a timeout, a notebook that cannot be read: all end this chapter only
        return BuildFault(task.municipality, task.chapter, None, cause_of(type(error).__name__, str(error)))
    return None


def cause_of(name: str, message: str) -> str:
    """Return an exception in one line."""
    lines = [line for line in _ANSI.sub("", message or "").splitlines() if line.strip()]
    return f"{name}: {lines[0].strip()}" if lines else name


def _failed_cell(notebook: nbformat.NotebookNode) -> int | None:
    for cell in notebook.cells:
        if any(output.output_type == "error" for output in cell.get("outputs", ())):
            return cell.metadata.get("assistansboken", {}).get("number")
    return None


def _finish(plan: Plan, stage: Path, book: Path, runs: Sequence[Future], say: Callable[[str], None]) -> Outcome:
    slug, start = plan.municipality.slug, time.monotonic()
    try:
        faults = [fault for fault in (run.result() for run in runs) if fault]
    except BrokenProcessPool:
        return Outcome(plan, book, [BuildFault(slug, "", None, "ett kapitel dog utan besked, troligen för att minnet "
                                               "tog slut. Försök med --jobs 1")])
    say(f"{slug}: kapitlen körda ({number(time.monotonic() - start, 1)} s)")
    if faults:
        return Outcome(plan, book, faults)
    start = time.monotonic()
    tables, charts, faults = _downloads(plan, stage)
    faults += [BuildFault(slug, "", None, f"Jupyter Book: {line}") for line in run_jupyter_book(stage)]
    if faults:
        return Outcome(plan, book, faults)
    html = stage / "_build" / "html"
    (html / "tabeller").mkdir()
    manifest = read_manifest(stage)
    for name, (text, described) in tables.items():
        (html / "tabeller" / f"{name}.csv").write_bytes(text.encode("utf-8-sig"))
        (html / "tabeller" / f"{name}.xlsx").write_bytes(make_workbook(text, described, manifest))
    (html / "diagram").mkdir()
    for name, (picture, _) in charts.items():
        (html / "diagram" / f"{name}.svg").write_text(picture, encoding="utf-8", newline="\n")
        (html / "diagram" / f"{name}.png").write_bytes(picture_png(picture))
    try:
        make_documents(html, manifest)
    except DocumentFault as fault:
        return Outcome(plan, book, [BuildFault(slug, "", None, str(fault))])
    faults = dead_links(plan, html)
    if faults:
        return Outcome(plan, book, faults)
    shutil.copy(stage / FILE_NAME, html / FILE_NAME)
    # First, since without it what is left of an old book, should this be cut short, is not taken for a whole one.
    (book / FILE_NAME).unlink(missing_ok=True)
    shutil.rmtree(book, ignore_errors=True)
    book.parent.mkdir(parents=True, exist_ok=True)
    html.rename(book)
    shutil.rmtree(stage, ignore_errors=True)
    say(f"{slug}: boken byggd ({number(time.monotonic() - start, 1)} s)")
    return Outcome(plan, book)


def _downloads(plan: Plan, stage: Path) -> tuple[dict[str, tuple[str, dict]], dict[str, tuple[str, dict]],
                                                 list[BuildFault]]:
    """Return each table's CSV, and each chart's picture, with what its view tells of it, by id, from the outputs."""
    tables: dict[str, tuple[str, dict]] = {}
    charts: dict[str, tuple[str, dict]] = {}
    faults = []
    for chapter in plan.chapters:
        for cell in nbformat.read(stage / f"{chapter.name}.ipynb", as_version=4).cells:
            for output in cell.get("outputs", ()):
                described = output.get("metadata", {}).get("assistansboken", {})
                if "table_id" in described:
                    name, found, kind = described["table_id"], tables, "tabeller"
                    content = output["data"]["text/csv"]
                elif "chart_id" in described:
                    name, found, kind = described["chart_id"], charts, "diagram"
                    content = picture_svg(drawing_of(output["data"]["text/html"]), described)
                else:
                    continue
                cause = ""
                if not re.fullmatch(r"[\w-]+", name):
                    cause = f"”{name}” kan inte bli ett filnamn"
                elif found.setdefault(name, (content, described))[0] != content:
                    cause = f"två olika {kind} heter ”{name}”"
                if cause:
                    number = cell.metadata.get("assistansboken", {}).get("number")
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


def run_jupyter_book(stage: Path) -> list[str]:
    """Build a staged book with warnings as errors; return the lines that say what is wrong."""
    environment = {**os.environ, "PYTHONPATH": _python_path(), "PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run([*BOOK_COMMAND, str(stage)], capture_output=True, env=environment, encoding="utf-8",
                          errors="replace", check=False)
    if done.returncode == 0:
        return []
    lines = [_ANSI.sub("", line).replace(f"{stage.resolve()}{os.sep}", "").strip()
             for line in (done.stdout + "\n" + done.stderr).splitlines()]
    told = [line for line in lines if re.search(r"\b(WARNING|ERROR|CRITICAL)\b", line)]
    return list(dict.fromkeys(told or [line for line in lines if line][-3:]))
