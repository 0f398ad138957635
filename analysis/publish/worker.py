"""How a process that runs chapters starts; imports nothing heavy, so that it is silent from its first moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager


class Pool(ProcessPoolExecutor):
    """A pool whose processes do not hear Ctrl-C until they have been silenced."""

    def submit(self, function: Callable, /, *arguments: object, **options: object) -> Future:
        """Schedule a call, which may start a process."""
        with _ctrl_c_waits():
            return super().submit(function, *arguments, **options)


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
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


def start_worker(environment: dict[str, str]) -> None:
    """Prepare a process of the pool."""
    os.environ.update(environment)
    # Faults come back as values. What kernels say when they start, stop or are interrupted is noise to the analyst.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
