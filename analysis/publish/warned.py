"""What there was to look at of books that are not built anew: it is still there, and imports little to be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from analysis.publish.files import write_anew


def remember(work: Path, counts: Mapping[str, tuple[str, int]], parameters: Mapping[str, tuple[str, str]]) -> None:
    """Write down how many warnings books have, each under its key, and what to say of a parameter from which day on.

    `counts` gives a book's key and number by slug, `parameters` the words and the last day on which they need not be
    said, by id. All books have the same parameters.
    """
    record = _read(work)
    record["books"] |= {slug: list(told) for slug, told in counts.items()}
    if parameters:
        record["parameters"] = {name: list(told) for name, told in parameters.items()}
    with suppress(OSError):  # the build is the same without
        write_anew(_path(work), json.dumps(record, ensure_ascii=False).encode())


def remaining(work: Path, keys: Mapping[str, str]) -> str:
    """Return in a line how many warnings the books of these keys have; empty where they have none."""
    books = _read(work)["books"]
    told = [books[slug][1] for slug, key in keys.items() if slug in books and books[slug][0] == key]
    counts = [count for count in told if count]
    if not counts:
        return ""
    warnings = "1 varning" if sum(counts) == 1 else f"{sum(counts)} varningar"
    about = "1 oförändrad kommun" if len(counts) == 1 else f"{len(counts)} oförändrade kommuner"
    return f"{warnings} om {about} står kvar. Se dem med: python -m analysis check"


def overdue(work: Path, today: str) -> list[str]:
    """Return what to say today, a day as 2026-01-31, of parameters whose value may have changed."""
    return [f"Varning: {told}" for told, until in _read(work)["parameters"].values() if until < today]


def _path(work: Path) -> Path:
    return work / "varningar.json"


def _read(work: Path) -> dict:
    try:
        return json.loads(_path(work).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"books": {}, "parameters": {}}
