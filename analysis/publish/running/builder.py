"""The process that builds a Dask worker's books, in a folder of its own; see remote.py."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.publish.inputs import Inputs
from analysis.publish.parcel import packed, unpack
from analysis.publish.running.processes import stay_with_parent
from analysis.publish.running.remote import Book, Built, versions

# Where a project's parts lie in its parcel; the data folder lies alone, under its own name.
PROJECT, DATA = "projekt", "underlag"
WORK = "arbete"
CHANGED = "underlaget ändrades medan bygget började. Bygg igen"
_AGE_SECONDS = 3600


def serve() -> None:
    """Build what is asked for on standard input until it ends, and answer on standard output."""
    stay_with_parent()
    folder, name = Path(sys.argv[1]), sys.argv[2]
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever writes or reads where it should not must not do so in the middle of an answer.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)

    def answer(content: Any) -> None:
        # Made whole before it is sent: what cannot be pickled must not leave a half.
        answers.write(pickle.dumps(content))
        answers.flush()

    # Told of what is on disk before it is imported, and only if it is still so afterwards.
    before = versions()
    from analysis.publish import run
    from analysis.publish.library import prepare_shared
    from analysis.publish.places import shared_by_books
    from analysis.publish.running.drawer import drawers

    if versions() != before:
        sys.exit("programmet ändrades medan det startade")
    answer(before)
    try:
        # One project in its life: what is read of it, and kept in memory, is never that of another.
        project, book = pickle.load(requests)
        inputs = _inputs(project, folder / "inkommet")
        with drawers(1) as addresses:
            prepare_shared(shared_by_books(folder / WORK))
            run.prepare([_order(inputs, book, folder)])
            while True:
                answer(_built(inputs, book, folder, name, addresses))
                _, book = pickle.load(requests)
    except EOFError:
        return
    except OSError as error:
        answer(OSError(error.errno, error.strerror, name))


def _inputs(project: bytes, folder: Path) -> Inputs:
    """Unpack a project."""
    unpack(project, folder)
    data, = (folder / DATA).iterdir()
    return Inputs(data, folder / PROJECT)


def _order(inputs: Inputs, book: Book, folder: Path) -> Any:
    from analysis.publish import run

    return run.Order(book.slug, inputs, folder / WORK, book.key, book.secret, book.documents, book.anew)


def _built(inputs: Inputs, book: Book, folder: Path, name: str, addresses: Sequence[str]) -> Built:
    """Build a book as any other, and pack what came of it."""
    from analysis.publish import run

    order = _order(inputs, book, folder)
    work = order.work
    if inputs.book_key(book.slug, documents=book.documents) != book.key:
        outcome = run.Outcome(book.slug, order.book, [run.BuildFault(book.slug, "", None, CHANGED)])
        return Built(pickle.dumps(outcome), b"", b"", b"")
    chapters = work / "kapitel" / book.slug
    shutil.rmtree(chapters, ignore_errors=True)
    unpack(book.chapters, chapters)
    age = time.time() - _AGE_SECONDS
    for path in chapters.iterdir():
        os.utime(path, (age, age))
    aged = {path.name: path.stat().st_mtime_ns for path in chapters.iterdir()}
    outcomes, unforeseen = [], b""
    try:
        outcomes += run.build_books([order], 1, addresses)
    except Exception as error:  # told to whoever asked, where it is raised anew
        unforeseen = pickle.dumps(error)
    outcome, = outcomes
    outcome.faults = [_without(folder, name, fault) for fault in outcome.faults]
    # What was used is touched, and what is new was not there.
    used = [path for path in sorted(chapters.iterdir()) if aged.get(path.name) != path.stat().st_mtime_ns]
    pages = packed([("", order.book)]) if not outcome.faults else b""
    built = Built(pickle.dumps(outcome), pages, packed((path.name, path) for path in used), unforeseen)
    for place in (order.book, chapters, work / "stage" / book.slug):
        shutil.rmtree(place, ignore_errors=True)
    return built


def _without(folder: Path, name: str, fault: Any) -> Any:
    """Return a fault that tells whose disk it is about, where it tells of a place on this one."""
    told = {field.name: value.replace(str(folder), name) for field in dataclasses.fields(fault)
            if isinstance(value := getattr(fault, field.name), str)}
    return dataclasses.replace(fault, **told)


if __name__ == "__main__":
    serve()
