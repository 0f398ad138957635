"""Run the committed chapters in place, so that their outputs can be compared.

Each runs for the municipality that its parameters cell names: the default one, or, where that one lacks what the
chapter needs, one that has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from analysis.measures.small_numbers import protect
from analysis.publish.plan import KERNEL, LEFT_OUT_TAGS, needs_of
from analysis.publish.run import CELL_TIMEOUT_SECONDS, DIED, BuildFault, cause_of
from analysis.publish.running import ENGINE
from analysis.publish.running.entry import Engine
from analysis.publish.running.processes import Died, Processes
from analysis.sources import DataError, load_municipality
from analysis.sources.kept import swap

_DEFAULT = re.compile(r'^kommun = "([^"]+)"$', re.MULTILINE)


def refresh_notebooks(paths: Sequence[Path], root: Path, jobs: int) -> list[BuildFault]:
    """Run each notebook and write it back without timings; a failing one is left as it was."""
    Engine.prepare()
    found: dict[int, BuildFault] = {}
    for position, fault in Processes(_refresh, jobs).run([(str(path), str(root)) for path in paths]):
        if isinstance(fault, Died):
            fault = BuildFault("", paths[position].stem, None, DIED)
        elif isinstance(fault, Exception):
            raise fault
        if fault:
            found[position] = fault
    return [found[position] for position in sorted(found)]


def default_municipality(notebook: nbformat.NotebookNode) -> str:
    """Return the slug that a chapter's parameters cell names; raises ValueError where there is none."""
    for cell in notebook.cells:
        found = _DEFAULT.search(cell.source) if "parameters" in cell.metadata.get("tags", []) else None
        if found:
            return found[1]
    raise ValueError("cellen märkt ”parameters” saknar kommun")


def _refresh(task: tuple[str, str], slot: int) -> BuildFault | None:
    file, root = task
    path = Path(file)
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("papermill", None)
    slug = ""
    try:
        slug = default_municipality(notebook)
        municipality = protect(load_municipality(slug, Path(root) / "data"))
    except ValueError as error:
        return BuildFault(slug, path.stem, None, str(error))
    except DataError as error:
        return BuildFault(slug, path.stem, None, str(error.faults[0]))
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{path.stem}-{number:02d}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        tags = [tag for tag in cell.metadata.pop("tags", []) if tag not in LEFT_OUT_TAGS]
        if not municipality.has(*needs_of(cell.metadata)):
            tags += LEFT_OUT_TAGS
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        if tags:
            cell.metadata["tags"] = tags
    try:
        notebook = papermill.execute_notebook(notebook, None, cwd=root, kernel_name=KERNEL, engine_name=ENGINE,
                                              progress_bar=False, execution_timeout=CELL_TIMEOUT_SECONDS)
    except PapermillExecutionError as error:
        return BuildFault(slug, path.stem, error.cell_index + 1, cause_of(error.ename, error.evalue))
    except (CellTimeoutError, DeadKernelError) as error:
        return BuildFault(slug, path.stem, error.number, str(error).splitlines()[0])
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        # Papermill gives every cell a list of them.
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    notebook.metadata.pop("papermill")
    notebook.metadata.setdefault("assistansboken", {}).pop("reads", None)
    if not notebook.metadata["assistansboken"]:
        del notebook.metadata["assistansboken"]
    # The kernel tells its exact version, which differs from machine to machine.
    notebook.metadata["language_info"] = {"name": "python"}
    swap({path: (nbformat.writes(notebook) + "\n").encode("utf-8")})
    return None
