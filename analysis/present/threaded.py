"""Libraries that start threads of their own, in processes that may have been forked."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.util import Finalize
from typing import Any

# In which process each library was first used; a process forked from that one finds the library without its threads.
_started: dict[str, int] = {}
_helpers: dict[int, ProcessPoolExecutor] = {}


class Threaded:
    """A function that uses such a library; where that would wait for threads that are not there, a new process does it.

    A build uses these only in processes that are not forked from afterwards, so there it is a plain call.
    """

    def __init__(self, function: Callable, library: str) -> None:
        functools.update_wrapper(self, function)
        self._function, self._library = function, library

    @property
    def is_done_here(self) -> bool:
        """Whether a call is a plain one: this process is not forked from one that has used the library."""
        return _started.get(self._library, os.getpid()) == os.getpid()

    def __call__(self, *arguments: object, **options: object) -> Any:
        here = os.getpid()
        if _started.setdefault(self._library, here) == here:
            return self._function(*arguments, **options)
        if here not in _helpers:
            _helpers[here] = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_end_with_parent)
            # A process that is itself one of multiprocessing's waits for its children before it would end this.
            Finalize(self, _helpers[here].shutdown, exitpriority=100)
        return _helpers[here].submit(self, *arguments, **options).result()

    def __reduce__(self) -> str:
        """Travel by name."""
        return self.__qualname__


def threaded(library: str) -> Callable[[Callable], Threaded]:
    """Mark a function as one that starts a library's threads; its arguments and what it gives must be picklable."""
    return functools.partial(Threaded, library=library)


def _end_with_parent() -> None:
    """End this process when the one that asks it has ended, however it did; nobody else would."""

    def wait() -> None:
        parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
