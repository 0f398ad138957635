"""The project's Papermill engine where processes cannot be forked: one kernel for all the notebooks of a process.

Between notebooks the kernel is made what it was when it had just imported what they use (see cleaning.py).
"""

from __future__ import annotations

import ast
import atexit
import json
import os
import tempfile
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager
from papermill.log import logger
from traitlets.config import Config

import analysis
from analysis.publish.running.processes import short_folder
from analysis.publish.running.stopped import died, timed_out

START_SECONDS = 120
# Asynchronous, or nothing would look at the time while a cell runs.
_kernel: AsyncKernelManager | None = None
_folder: tempfile.TemporaryDirectory | None = None


class WarmKernelEngine(Engine):
    """Run a notebook's cells in a kernel that stays from one notebook to the next."""

    @classmethod
    def prepare(cls) -> None:
        """Nothing can be made ready beforehand: each process starts its kernel when its first notebook is run."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, *,
                                 execution_timeout: float | None = None, **options: object) -> None:
        """Run the cells in order, each within `execution_timeout` seconds, until one fails.

        The notebook's metadata tell under `assistansboken`, `reads`, what its cells have read of a municipality.
        Raises nbclient's CellTimeoutError and DeadKernelError, see stopped.py; the kernel is then ended, and the next
        one is new.
        """
        try:
            kernel = _started(kernel_name)
            _ask(kernel, f"_cleaning.begin({os.getcwd()!r})")
            PapermillNotebookClient(nb_man, km=kernel, kernel_name=kernel_name, timeout=execution_timeout,
                                    log=logger).execute()
            nb_man.nb.metadata.setdefault("assistansboken", {})["reads"] = json.loads(
                ast.literal_eval(_ask(kernel, "_cleaning.read_names()")))
        except CellTimeoutError:
            end()
            raise timed_out(_last_begun(nb_man.nb), execution_timeout) from None
        except _Unanswered as error:
            end()
            raise died(None, str(error)) from None
        except DeadKernelError:
            end()
            raise died(_last_begun(nb_man.nb)) from None


class _Unanswered(Exception):
    """What the kernel was asked between two notebooks was not answered, and why."""


def _last_begun(notebook: NotebookNode) -> NotebookNode | None:
    """Return the cell that was run last, or is run now."""
    begun = [cell for cell in notebook.cells if cell.metadata.papermill.start_time]
    return begun[-1] if begun else None


def end() -> None:
    """End the kernel, if there is one."""
    global _kernel, _folder
    if _kernel is not None:
        run_sync(_kernel.shutdown_kernel)(now=True)
        _folder.cleanup()
        _kernel = _folder = None


def _started(name: str) -> AsyncKernelManager:
    """Return the kernel, which has been started and has imported what notebooks use."""
    global _kernel, _folder
    if _kernel is not None and run_sync(_kernel.is_alive)():
        return _kernel
    end()
    package = str(Path(analysis.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(
        filter(None, [package, os.environ.get("PYTHONPATH", "")]))}
    _folder = short_folder()
    _kernel = AsyncKernelManager(kernel_name=name, config=_address(Path(_folder.name)))
    atexit.register(end)
    run_sync(_kernel.start_kernel)(env=environment)
    _ask(_kernel, "_cleaning.remember()")
    return _kernel


def _address(folder: Path) -> Config:
    """Return how the kernel is spoken to: through files, since kernels started at once would race for ports."""
    told = {"connection_file": str(folder / "karna.json")}
    if os.name != "nt":  # Windows has no such files
        told |= {"transport": "ipc", "ip": str(folder / "k")}
    return Config({"AsyncKernelManager": told})


def _ask(kernel: AsyncKernelManager, expression: str) -> str:
    """Evaluate an expression in the kernel, unseen by its notebooks, and return how its value is written."""
    client = BlockingKernelClient()
    client.load_connection_info(kernel.get_connection_info())
    client.start_channels()
    try:
        client.wait_for_ready(timeout=START_SECONDS)
        reply = client.execute_interactive(
            "", silent=True, store_history=False, timeout=START_SECONDS, output_hook=lambda message: None,
            user_expressions={"asked": expression.replace("_cleaning", _CLEANING)})
    except (RuntimeError, TimeoutError) as error:
        raise _Unanswered(str(error)) from None
    finally:
        client.stop_channels()
    told = reply["content"].get("user_expressions", {}).get("asked", {})
    if told.get("status") != "ok":
        raise _Unanswered(f"{told.get('ename', reply['content'].get('ename'))}: {told.get('evalue', '')}")
    return told["data"]["text/plain"]


_CLEANING = "__import__('analysis.publish.running.cleaning', fromlist=['cleaning'])"
