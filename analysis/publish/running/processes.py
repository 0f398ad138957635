"""Run a function on many tasks in processes of this machine, so that what happens to one task stops no other."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

# Only there can a process with the whole program in its memory be forked safely.
CAN_FORK = sys.platform == "linux"
_DIES_WITH_ITS_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass(frozen=True)
class Died:
    """What is given for a task whose process ended without a result."""

    exit_code: int | None


@dataclass(eq=False)
class _Slot:
    """A place for one process, and the task that it is busy with."""

    process: BaseProcess | None = None
    connection: Connection | None = None
    task: int | None = None


class Processes:
    """A number of processes that run `function(task, slot)`; results and tasks are pickled.

    On Linux each task gets a process of its own, forked from this one with all that it has imported and read. Elsewhere
    processes are started anew, and each runs one task after the other. A slot, counted from 0, has one task at a time.
    """

    def __init__(self, function: Callable[[Any, int], Any], jobs: int) -> None:
        self._function = function
        self._slots = [_Slot() for _ in range(jobs)]
        self._context = multiprocessing.get_context("fork" if CAN_FORK else "spawn")

    def run(self, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield each task's position and what came of it, in the order in which they end; they begin in theirs.

        What came of it is the function's result, the exception that it raised, or Died. Left early, as by Ctrl-C, all
        processes are ended.
        """
        waiting = iter(range(len(tasks)))
        try:
            for slot in self._slots:
                self._begin(slot, tasks, waiting)
            while busy := {slot.connection: slot for slot in self._slots if slot.task is not None}:
                for connection in wait(list(busy)):
                    slot = busy[connection]
                    position, outcome = slot.task, self._outcome(slot)
                    self._begin(slot, tasks, waiting)
                    yield position, outcome
        finally:
            for slot in self._slots:
                self._end(slot)

    def _begin(self, slot: _Slot, tasks: Sequence[Any], waiting: Iterator[int]) -> None:
        slot.task = next(waiting, None)
        if slot.task is None:
            return
        if slot.process is None:
            ours, theirs = self._context.Pipe()
            number = self._slots.index(slot)
            slot.process = self._context.Process(target=_work, args=(self._function, theirs, number, not CAN_FORK))
            with ctrl_c_waits():
                slot.process.start()
            theirs.close()
            slot.connection = ours
        # Should it have died meanwhile, that is told where its result is asked for.
        with suppress(OSError):
            slot.connection.send(tasks[slot.task])

    def _outcome(self, slot: _Slot) -> Any:
        try:
            outcome, lasts = slot.connection.recv(), not CAN_FORK
        except (EOFError, OSError):
            slot.process.join()
            outcome, lasts = Died(slot.process.exitcode), False
        if not lasts:
            slot.process.join()
            self._forget(slot)
        return outcome

    def _end(self, slot: _Slot) -> None:
        if slot.process is not None:
            slot.process.kill()
            slot.process.join()
            self._forget(slot)

    def _forget(self, slot: _Slot) -> None:
        slot.connection.close()
        slot.process.close()
        slot.process = slot.connection = slot.task = None


def _work(function: Callable[[Any, int], Any], connection: Connection, slot: int, lasting: bool) -> None:
    """Run tasks in a process of their own, one or as long as there are any."""
    stay_with_parent()
    if not lasting:
        # It ends with its task: to look for what can go costs more than it gives, also in pages copied from the parent.
        gc.disable()
    # Faults come back as values; what libraries say beside them is noise to the analyst.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with suppress(EOFError, OSError):
        while True:
            task = connection.recv()
            try:
                outcome = function(task, slot)
            except Exception as error:
                # Where it happened does not travel with it.
                error.add_note("".join(traceback.format_exception(error)))
                outcome = error
            connection.send(outcome)
            if not lasting:
                return


def stay_with_parent() -> None:
    """Leave Ctrl-C to the parent of this process, and, where the system can be told so, die when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_ITS_PARENT, signal.SIGKILL)


@contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Let a Ctrl-C wait; a process started meanwhile inherits that. Windows has no such means."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # Another thread may hear it all the same, and Python would then interrupt the main one.
    heard: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number)) if is_main else None
    try:
        yield
    finally:
        if is_main:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if heard:
            signal.raise_signal(signal.SIGINT)
