"""Run the committed chapters in place for the default municipality, so that their outputs can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nbformat

from analysis.publish.plan import KERNEL
from analysis.publish.run import CELL_TIMEOUT_SECONDS, BuildFault, cause_of, kernel_options, worker_pool


def refresh_notebooks(paths: Sequence[Path], municipality: str, root: Path, jobs: int) -> list[BuildFault]:
    """Run each notebook in a cold kernel and write it back without timings; a failing one is left as it was."""
    with worker_pool(jobs) as pool:
        runs = [pool.submit(_refresh, str(path), municipality, str(root)) for path in paths]
        return [fault for fault in (run.result() for run in runs) if fault]


def _refresh(file: str, municipality: str, root: str) -> BuildFault | None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    path = Path(file)
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("papermill", None)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{path.stem}-{number:02d}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    client = NotebookClient(notebook, kernel_name=KERNEL, timeout=CELL_TIMEOUT_SECONDS, record_timing=False,
                            resources={"metadata": {"path": root}}, **kernel_options())
    try:
        client.execute()
    except CellExecutionError as error:
        failed = [number for number, cell in enumerate(notebook.cells, start=1)
                  if any(output.output_type == "error" for output in cell.get("outputs", ()))]
        return BuildFault(municipality, path.stem, failed[0] if failed else None, cause_of(error.ename, error.evalue))
    # The kernel tells its exact version, which differs from machine to machine.
    notebook.metadata["language_info"] = {"name": "python"}
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        nbformat.write(notebook, stream)
    return None
