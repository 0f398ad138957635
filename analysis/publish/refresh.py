"""Run the committed chapters in place, so that their outputs can be compared.

Each runs for the municipality that its parameters cell names: the default one, or, where that one lacks what the
chapter needs, one that has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import nbformat

from analysis.measures.small_numbers import protect
from analysis.publish.plan import KERNEL, LEFT_OUT_TAGS, needs_of
from analysis.publish.run import CELL_TIMEOUT_SECONDS, BuildFault, cause_of, kernel_options, worker_pool
from analysis.sources import DataError, load_municipality
from analysis.sources.kept import swap

_DEFAULT = re.compile(r'^kommun = "([^"]+)"$', re.MULTILINE)


def refresh_notebooks(paths: Sequence[Path], root: Path, jobs: int) -> list[BuildFault]:
    """Run each notebook in a cold kernel and write it back without timings; a failing one is left as it was."""
    with worker_pool(jobs) as pool:
        runs = [pool.submit(_refresh, str(path), str(root)) for path in paths]
        return [fault for fault in (run.result() for run in runs) if fault]


def default_municipality(notebook: nbformat.NotebookNode) -> str:
    """Return the slug that a chapter's parameters cell names; raises ValueError where there is none."""
    for cell in notebook.cells:
        found = _DEFAULT.search(cell.source) if "parameters" in cell.metadata.get("tags", []) else None
        if found:
            return found[1]
    raise ValueError("cellen märkt ”parameters” saknar kommun")


def _refresh(file: str, root: str) -> BuildFault | None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

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
    client = NotebookClient(notebook, kernel_name=KERNEL, timeout=CELL_TIMEOUT_SECONDS, record_timing=False,
                            resources={"metadata": {"path": root}}, **kernel_options())
    try:
        client.execute()
    except CellExecutionError as error:
        failed = [number for number, cell in enumerate(notebook.cells, start=1)
                  if any(output.output_type == "error" for output in cell.get("outputs", ()))]
        return BuildFault(slug, path.stem, failed[0] if failed else None, cause_of(error.ename, error.evalue))
    # The kernel tells its exact version, which differs from machine to machine.
    notebook.metadata["language_info"] = {"name": "python"}
    swap({path: (nbformat.writes(notebook) + "\n").encode("utf-8")})
    return None
