"""Finished books: which inputs each was made from, and whether its folder still is what was made."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from analysis.publish.files import files_in, share, write_anew
from analysis.publish.places import files_of_books

# What has not been used for so long is thrown away.
KEPT_SECONDS = 7 * 24 * 3600


def finish(html: Path, work: Path, slug: str, key: str) -> None:
    """Move a book that is ready to its place, in place of the old one, and write down that it is whole.

    A table or chart that the book before had just the same is stored once.
    """
    share(html, files_of_books(work))
    book, record = work / "books" / slug, _record(work, slug)
    # First, since without it what is left of an old book, should this be cut short, is not taken for a whole one.
    record.unlink(missing_ok=True)
    shutil.rmtree(book, ignore_errors=True)
    book.parent.mkdir(parents=True, exist_ok=True)
    html.rename(book)
    write_record(work, slug, key)


def write_record(work: Path, slug: str, key: str) -> None:
    """Write down which inputs the book in its place is made from, and what it holds."""
    record, book = _record(work, slug), work / "books" / slug
    record.parent.mkdir(parents=True, exist_ok=True)
    write_anew(record, json.dumps({"key": key, "files": listing(book)}).encode())


def is_finished(work: Path, slug: str, key: str) -> bool:
    """Tell whether a book made from just these inputs is there, with every file as it was made."""
    record = _read(work, slug)
    return record.get("key") == key and record["files"] == listing(work / "books" / slug)


def finished_key(work: Path, slug: str) -> str:
    """Return which inputs the book in its place is made from; empty where that is not known."""
    return _read(work, slug).get("key", "")


def finished_at(work: Path, slug: str) -> int:
    """Return when the book in its place was made, in nanoseconds of the files' clock; 0 where there is none."""
    try:
        return _record(work, slug).stat().st_mtime_ns
    except OSError:
        return 0


def throw_away_others(work: Path, slugs: Collection[str]) -> None:
    """Throw away what was made long ago of municipalities other than these, first what tells that it is whole.

    And at once what books have had in common, and none has any more. No book may be in the making.
    """
    shared = files_of_books(work)
    for path in shared.iterdir() if shared.is_dir() else ():
        if path.stat().st_nlink == 1:
            path.unlink(missing_ok=True)
    oldest = time.time() - KEPT_SECONDS
    for kind in ("klara", "books", "kapitel", "stage"):
        folder = work / kind
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name.removesuffix(".json") in slugs or path.stat().st_mtime > oldest:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def listing(folder: Path) -> dict[str, list[int]]:
    """Return the size and time of change of each file below a folder, by its path there; empty where there is none."""
    return {name: [told.st_size, told.st_mtime_ns] for name, told in files_in(folder)}


def _read(work: Path, slug: str) -> dict:
    try:
        return json.loads(_record(work, slug).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _record(work: Path, slug: str) -> Path:
    return work / "klara" / f"{slug}.json"
