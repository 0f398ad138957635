"""The project's Papermill engine: a notebook's cells run in a process forked from this one, which has the imports.

Whatever the cells do in memory, to names, modules, options, the working directory or random numbers, goes with that
process when the notebook ends, and so do the processes that they have started, but for one that made itself the leader
of another session. Files that they write stay. A notebook that hangs, dies or wants more than MEMORY_LIMIT_BYTES takes
no other with it. What the project's chapters give is what a cold kernel gives, to the byte: tests/test_engine.py. Only
for Linux: see warm.py for machines where a process should not be forked.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe

from ipykernel.ipkernel import IPythonKernel
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from papermill.engines import Engine, NotebookExecutionManager

from analysis.publish.running.processes import ctrl_c_waits, stay_with_parent
from analysis.publish.running.shell import CellShell
from analysis.publish.running.stopped import died, timed_out
from analysis.sources.reads import reading

# What the cells of a notebook may use beyond what the process has when they start.
MEMORY_LIMIT_BYTES = 2 * 1024**3
SKIPPED, MAY_FAIL = "skip-execution", "raises-exception"

_prepared: CellShell | None = None


class ForkEngine(Engine):
    """Run a notebook's cells in a forked process; papermill finds it by its name, `assistansboken`."""

    @classmethod
    def prepare(cls) -> None:
        """Make the shell that each notebook's process begins with; done now, it is not done for each."""
        _shell()

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, *,
                                 execution_timeout: float | None = None, **options: object) -> None:
        """Run the cells in order, each within `execution_timeout` seconds, until one fails.

        The notebook's metadata tell under `assistansboken`, `reads`, what its cells have read of a municipality.
        Raises nbclient's CellTimeoutError and DeadKernelError, see stopped.py, as the engine with a kernel does.
        """
        notebook = nb_man.nb
        ours, theirs = Pipe(duplex=False)
        child = _fork(_shell(), notebook.cells, ours, theirs)
        theirs.close()
        try:
            for index, cell in enumerate(notebook.cells):
                nb_man.cell_start(cell, index)
                try:
                    if is_run(cell):
                        _take(_next(ours, cell, execution_timeout), cell)
                except CellExecutionError as error:
                    nb_man.cell_exception(cell, cell_index=index, exception=error)
                    return
                finally:
                    nb_man.cell_complete(cell, cell_index=index)
            reads = _next(ours, None, execution_timeout)["reads"]
            notebook.metadata.setdefault("assistansboken", {})["reads"] = reads
            version = ".".join(map(str, sys.version_info[:3]))
            notebook.metadata["language_info"] = {**IPythonKernel.language_info, "version": version}
        finally:
            ours.close()
            os.kill(child, signal.SIGKILL)
            # What its cells have started goes too; without a group of its own, it has not run any yet.
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


def is_run(cell: NotebookNode) -> bool:
    """Tell whether a cell is run, as nbclient tells it."""
    return cell.cell_type == "code" and bool(cell.source.strip()) and SKIPPED not in cell.metadata.get("tags", [])


def _shell() -> CellShell:
    global _prepared
    if _prepared is None:
        # What is only made when the first cell runs is made by one that nobody uses, and not in every process.
        CellShell().run("1")
        _prepared = CellShell()
    return _prepared


def _fork(shell: CellShell, cells: Iterable[NotebookNode], ours: Connection, theirs: Connection) -> int:
    """Start the process in which the cells run and return its number."""
    # Frozen, what is there already is not touched by the child's collector, and so not copied for it.
    gc.freeze()
    parent = os.getpid()
    with ctrl_c_waits():
        child = os.fork()
    if child:
        # A process without a collector has no use for it, and what was frozen before stays so.
        if gc.isenabled():
            gc.unfreeze()
        return child
    # From here on the child must not return into its parent's code, whatever happens.
    try:
        # So that what the cells start can be ended with it; nor is a Ctrl-C in the terminal for them.
        os.setsid()
        # As in a kernel, also where this process has none.
        gc.enable()
        ours.close()
        stay_with_parent(parent)
        _limit_memory()
        for stream in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        _run_cells(shell, cells, theirs)
    except BaseException as error:  # not of a cell: the shell tells those
        theirs.send_bytes(json.dumps({"broke": f"{type(error).__name__}: {error}"}).encode())
    os._exit(0)


def _limit_memory() -> None:
    # What is written to, not what is mapped: V8 maps far more than it uses.
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[5]) * resource.getpagesize()
    _, highest = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = used + MEMORY_LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if highest < 0 else min(wanted, highest), highest))


def _run_cells(shell: CellShell, cells: Iterable[NotebookNode], theirs: Connection) -> None:
    with reading() as read, shell.taking_over():
        for cell in filter(is_run, cells):
            told = shell.run(cell.source, cell.get("id"))
            theirs.send_bytes(json.dumps(told).encode())
            if told["failed"] and MAY_FAIL not in cell.metadata.get("tags", []):
                return
    theirs.send_bytes(json.dumps({"reads": sorted(read)}).encode())


def _next(ours: Connection, cell: NotebookNode | None, timeout: float | None) -> dict:
    """Return what the child tells next; `cell` is what it is busy with."""
    if not ours.poll(timeout):
        raise timed_out(cell, timeout)
    try:
        told = json.loads(ours.recv_bytes())
    except (EOFError, OSError):
        raise died(cell) from None
    if "broke" in told:
        raise died(cell, told["broke"])
    return told


def _take(told: dict, cell: NotebookNode) -> None:
    """Put what a cell gave into it; raises CellExecutionError where it failed and may not."""
    cell.outputs = [NotebookNode(output) for output in told["outputs"]]
    cell.execution_count = told["execution_count"]
    if told["failed"] and MAY_FAIL not in cell.metadata.get("tags", []):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        last = errors[-1] if errors else NotebookNode(ename="", evalue="", traceback=[])
        raise CellExecutionError.from_cell_and_msg(cell, {
            "ename": last["ename"], "evalue": last["evalue"], "traceback": last["traceback"], "status": "error"})
