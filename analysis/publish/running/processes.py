"""Run a function on many tasks in processes of this machine, so that what happens to one task stops no other."""

from __future__ import annotations

import ctypes
import functools
import gc
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

# Only there can a process with the whole program in its memory be forked safely.
CAN_FORK = sys.platform == "linux"
_DIES_WITH_ITS_PARENT = 1  # PR_SET_PDEATHSIG
# As long as a process that lasts may take to end what it has started, such as a kernel.
_END_SECONDS = 10
# A socket's path may be no longer than 103 bytes on a Mac; what is put into the folder needs some of them.
_LONGEST_FOLDER = 70


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
    processes are started anew, and each runs one task after the other; their temporary files are thrown away when they
    have ended, however they did. A slot, counted from 0, has one task at a time.
    """

    def __init__(self, function: Callable[[Any, int], Any], jobs: int) -> None:
        self._function = function
        self._slots = [_Slot() for _ in range(jobs)]
        self._context = multiprocessing.get_context("fork" if CAN_FORK else "spawn")
        self._folder = ""

    def run(self, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield each task's position and what came of it, in the order in which they end; they begin in theirs.

        What came of it is the function's result, the exception that it raised, or Died. What cannot be pickled is told
        of by a RuntimeError. Left early, as by Ctrl-C, all processes are ended.
        """
        with nullcontext("") if CAN_FORK else short_folder() as self._folder:
            try:
                yield from self._run(tasks, iter(range(len(tasks))))
            finally:
                self._end()

    def _run(self, tasks: Sequence[Any], waiting: Iterator[int]) -> Iterator[tuple[int, Any]]:
        for slot in self._slots:
            self._begin(slot, tasks, waiting)
        while busy := {slot.connection: slot for slot in self._slots if slot.task is not None}:
            for connection in wait(list(busy)):
                slot = busy[connection]
                position, outcome = slot.task, self._outcome(slot)
                self._begin(slot, tasks, waiting)
                yield position, outcome

    @contextmanager
    def beside(self, task: Any) -> Iterator[Callable[[], Any]]:
        """Run one task beside what this process does meanwhile; give what waits, once, for what came of it."""
        with nullcontext("") if CAN_FORK else short_folder() as self._folder:
            try:
                self._begin(self._slots[0], [task], iter([0]))
                yield functools.partial(self._outcome, self._slots[0])
            finally:
                self._end()

    def _begin(self, slot: _Slot, tasks: Sequence[Any], waiting: Iterator[int]) -> None:
        slot.task = next(waiting, None)
        if slot.task is None:
            return
        if slot.process is None:
            ours, theirs = self._context.Pipe()
            number = self._slots.index(slot)
            slot.process = self._context.Process(target=_work, args=(self._function, theirs, number, self._folder))
            with ctrl_c_waits():
                slot.process.start()
            theirs.close()
            slot.connection = ours
        # Should it have died meanwhile, that is told where its result is asked for.
        with suppress(OSError):
            slot.connection.send(tasks[slot.task])

    def _outcome(self, slot: _Slot) -> Any:
        try:
            (pickled, told), lasts = slot.connection.recv(), not CAN_FORK
        except (EOFError, OSError):
            slot.process.join()
            outcome, lasts = Died(slot.process.exitcode), False
        else:
            try:
                outcome = pickle.loads(pickled)
            except Exception:  # an exception may want more than the message that it is made anew from
                outcome = RuntimeError(told)
        if not lasts:
            slot.process.join()
            self._forget(slot)
        return outcome

    def _end(self) -> None:
        left = [slot for slot in self._slots if slot.process is not None]
        idle = [slot for slot in left if slot.task is None]
        for slot in idle:
            # It waits for a task. Told that there is none, it ends what it has started.
            slot.connection.close()
        last = time.monotonic() + _END_SECONDS
        for slot in idle:
            slot.process.join(max(0.0, last - time.monotonic()))
        for slot in left:
            slot.process.kill()
            slot.process.join()
            self._forget(slot)

    def _forget(self, slot: _Slot) -> None:
        slot.connection.close()
        slot.process.close()
        slot.process = slot.connection = slot.task = None


def _work(function: Callable[[Any, int], Any], connection: Connection, slot: int, folder: str) -> None:
    """Run tasks in a process of their own: one, or, with a folder for what is temporary, as long as there are any."""
    stay_with_parent(multiprocessing.parent_process().pid)
    if folder:
        tempfile.tempdir = folder
        # What is started from here has it, too.
        os.environ.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder))
    else:
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
            connection.send(_pickled(outcome))
            if not folder:
                return


def _pickled(outcome: Any) -> tuple[bytes, str]:
    """Return an outcome pickled, and what is told of it where it cannot be."""
    told = f"{type(outcome).__name__}: {outcome}" if isinstance(outcome, Exception) else ""
    try:
        return pickle.dumps(outcome), told
    except Exception as error:  # whatever an object raises that does not let itself be pickled
        return b"", told or f"{type(error).__name__}: {error}"


def stay_with_parent(parent: int | None = None) -> None:
    """Leave Ctrl-C to the parent of this process, and on Linux die when it does.

    `parent` is its number, where that is known: one that has died already could not be heard of. Elsewhere a process
    that waits for its parent learns that it is gone when it next reads from it or writes to it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_ITS_PARENT, signal.SIGKILL)
        if parent not in (None, os.getppid()):
            os._exit(1)


def short_folder() -> tempfile.TemporaryDirectory:
    """Return a temporary folder of this user's for sockets, whose paths must be short wherever such folders are."""
    usual = tempfile.gettempdir()
    place = "/tmp" if os.name == "posix" and len(os.fsencode(usual)) > _LONGEST_FOLDER else usual
    return tempfile.TemporaryDirectory(prefix="ab-", dir=place, ignore_cleanup_errors=True)


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
