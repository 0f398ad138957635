"""What a Dask worker does with a book: it hands it to a builder, a process of its own that stays warm.

A worker has threads, so that forking it is unsafe, and is often a process that may not have children of
multiprocessing's; the build forks. A builder is an interpreter started afresh, spoken to over pipes. It imports all
that a build needs once. Imports little itself: the worker only passes bytes on.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import queue
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.publish.inputs import PACKAGE, code_files, hash_of, machine

_ERRORS = "fel.txt"


@dataclass(frozen=True)
class Book:
    """A book that is asked for; see run.Order. `chapters` are those kept of this municipality, packed."""

    slug: str
    key: str
    secret: bytes
    documents: bool
    anew: bool
    chapters: bytes


@dataclass(frozen=True)
class Built:
    """What came of a book: the pickled outcome, the packed pages if it is finished, and the packed chapters it used.

    `unforeseen` is the pickled exception that nobody foresaw, if any.
    """

    outcome: bytes
    pages: bytes
    chapters: bytes
    unforeseen: bytes


@dataclass(frozen=True)
class Refused:
    """Why a worker builds nothing, in Swedish."""

    cause: str


class BuilderDied(Exception):
    """The process that was to build is gone; the same book may well succeed in another."""


def versions() -> dict[str, str]:
    """Return the hashes of what the program is and runs on, each under what it is called where it differs."""
    return {"version av programmet": hash_of(code_files(PACKAGE), PACKAGE), "Python eller andra paket": machine()}


def build_there(project: bytes, wanted: dict[str, str], book: Book) -> Built | Refused:
    """Build a book from a packed project, in a worker of Dask's.

    It is refused where the worker has other `versions` than are wanted. Raises BuilderDied where it is worth trying
    anew.
    """
    builder, project_digest = _idle_builder(), hashlib.sha256(project).hexdigest()
    try:
        if builder is not None and (builder.versions != wanted or builder.project != project_digest):
            # What it imported, or has read of a project, may be older than what is there now.
            builder.end()
            builder = None
        builder = builder or _Builder()
        if not builder.versions:
            return Refused(f"{builder.name}: programmet gick inte att starta där: {builder.told()}")
        other = [name for name, digest in wanted.items() if builder.versions.get(name) != digest]
        if other:
            return Refused(f"{builder.name}: där finns inte samma {' och inte heller samma '.join(other)} som här")
        built = builder.build(project, book)
        _idle.put(builder)
        builder = None
        return built
    finally:
        if builder is not None:
            builder.end()


# The builders of this worker that have nothing to do; there are as many as books have been built here at once.
_idle: queue.LifoQueue[_Builder] = queue.LifoQueue()
# A builder dies with the thread that started it. The worker's own threads may come and go; this one stays.
_starter = ThreadPoolExecutor(1, thread_name_prefix="builder")


def _idle_builder() -> _Builder | None:
    try:
        return _idle.get_nowait()
    except queue.Empty:
        return None


class _Builder:
    """A process that builds one book after the other. `versions` are its own; empty where it did not start."""

    def __init__(self) -> None:
        from distributed import get_worker

        worker = get_worker()
        self.name = f"Arbetaren {worker.address}"
        # In the worker's folder, which Dask empties also after a worker that was killed.
        self._folder = Path(tempfile.mkdtemp(prefix="byggare-", dir=worker.local_directory))
        self.project = ""
        self._process = _starter.submit(self._start).result()
        try:
            self.versions: dict[str, str] = self._answer()
        except BuilderDied:
            self.versions = {}

    def build(self, project: bytes, book: Book) -> Built:
        """Build a book; the project, the only one of its life, is sent with the first."""
        digest = hashlib.sha256(project).hexdigest()
        try:
            pickle.dump((None if digest == self.project else project, book), self._process.stdin)
            self._process.stdin.flush()
        except OSError as error:
            raise BuilderDied from error
        self.project = digest
        answer = self._answer()
        if isinstance(answer, OSError):
            raise answer
        return answer

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def told(self) -> str:
        """Return the last line of what the process has complained of."""
        self._process.wait()
        lines = (self._folder / _ERRORS).read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "det sade inte varför")

    def _start(self) -> subprocess.Popen:
        path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]))
        with (self._folder / _ERRORS).open("wb") as errors:
            program = [sys.executable, "-P", "-m", f"{__package__}.builder"]
            return subprocess.Popen([*program, str(self._folder), self.name],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=self._folder,
                                    env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"})

    def _answer(self) -> Any:
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise BuilderDied from error
