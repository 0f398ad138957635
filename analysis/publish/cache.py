"""Executed chapters, kept under the hash of all that they depend on.

What a chapter reads of its municipality is known only once it has run. So an entry has two parts. Under the key of what
is known beforehand (the notebook, the code, the card, the registers, the machine: `Inputs.chapter_key`) stand the sets
of names that runs of it have read (see sources/reads.py). A set, with the digest of each name's content as it is now,
gives the key of the executed notebook. A run that reads the same as before takes the same way through the code, so it
reads nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from analysis.present.book import BOOK, PEERS
from analysis.publish.files import write_anew
from analysis.publish.finished import KEPT_SECONDS
from analysis.publish.inputs import digest_of
from analysis.sources import Municipality


class ChapterCache:
    """The executed chapters of one municipality, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str, digest: Callable[[str], str | None]) -> str | None:
        """Return the executed notebook, as JSON, of a run that read what is there now; None where there is none.

        `digest` gives the digest of what has a name now, or None where it cannot be told.
        """
        for names in self._sets(key):
            path = self._path(key, names, digest)
            content = _unpacked(path) if path else None
            if content is not None:
                os.utime(path)
                os.utime(self._index(key))
                return content
        return None

    def keep(self, key: str, names: Iterable[str], digest: Callable[[str], str | None], content: str) -> None:
        """Keep an executed notebook that has read these names; one that read what cannot be told is not kept."""
        names = sorted(names)
        path = self._path(key, names, digest)
        if path is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        write_anew(path, _packed(content))
        sets = self._sets(key)
        if names not in sets:
            write_anew(self._index(key), json.dumps([names, *sets]).encode())

    def tidy(self, now: float | None = None) -> None:
        """Throw away what has not been used for long, lists of what was read and what a killed build left among it."""
        oldest = (time.time() if now is None else now) - KEPT_SECONDS
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)

    def _index(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _sets(self, key: str) -> list[list[str]]:
        try:
            return json.loads(self._index(key).read_bytes())
        except (FileNotFoundError, ValueError):
            return []

    def _path(self, key: str, names: Iterable[str], digest: Callable[[str], str | None]) -> Path | None:
        digests = {name: digest(name) for name in names}
        return None if None in digests.values() else self.folder / f"{digest_of([key, digests])}.nb"


class Contents:
    """What the chapters of a book read, by the names under which it is read: a digest of each."""

    def __init__(self, municipality: Municipality, manifest: dict, peers_digest: str) -> None:
        self._municipality, self._manifest = municipality, manifest
        self._known: dict[str, str | None] = {f"{BOOK}:{municipality.slug}": "", PEERS: peers_digest}

    def digest(self, name: str) -> str | None:
        """Return the digest of what is read under a name; None where the name is none that a book's own content has."""
        if name not in self._known:
            self._known[name] = self._digest(*name.split(":", 1)) if ":" in name else None
        return self._known[name]

    def traits(self) -> str:
        """Return the digest of what of a municipality is not read under a name: it is read by every chapter."""
        one = self._municipality
        return digest_of([repr(value) for value in (
            one.slug, one.name, one.code, one.county, one.board, one.assignment, one.first_year, one.last_year,
            one.area, one.compare_with, one.peers, one.document, one.statement, one.acknowledged,
            sorted(one.thresholds.items()), one.small_numbers, one.unprotected is None)])

    def _digest(self, kind: str, key: str) -> str | None:
        if kind == "manifest":
            there = self._manifest
            return digest_of(sorted(there) if key == "*" else [key in there, there.get(key)])
        field = {"tabell": "tables", "nationellt": "national", "text": "texts"}.get(kind)
        if field is None:
            return None
        # A chapter of a municipality with small counts may also look at where one was taken out.
        both = [getattr(one, field) for one in (self._municipality, self._municipality.unprotected) if one]
        if key == "*":
            return digest_of([sorted(there) for there in both])
        return digest_of([_value(there[key]) if key in there else None for there in both])


def _value(content: object) -> str:
    """Return the digest of a table's content, with its types and labels, or of any other value."""
    if not isinstance(content, pd.DataFrame):
        return hashlib.sha256(repr(content).encode()).hexdigest()
    digest = hashlib.sha256(repr((list(content.columns), content.columns.name, content.index.name, sorted(
        content.attrs.items()))).encode())
    for part in (content.index, *(content[name] for name in content.columns)):
        values = part.to_numpy()
        digest.update(str((part.dtype, values.dtype, len(values))).encode())
        digest.update(repr(values.tolist()).encode() if values.dtype.hasobject else values.tobytes())
    return digest.hexdigest()


def _packed(content: str) -> bytes:
    """Return a text with its own hash before it, by which a file that was cut short is known."""
    packed = zlib.compress(content.encode(), 1)
    return hashlib.sha256(packed).digest() + packed


def _unpacked(path: Path) -> str | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, packed = content[:32], content[32:]
    return zlib.decompress(packed).decode() if hashlib.sha256(packed).digest() == digest else None
