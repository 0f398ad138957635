"""What a notebook opens in its first cell: the municipality, and the manifest where the book is being built."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from analysis.measures.result import MissingData
from analysis.measures.small_numbers import protect
from analysis.present.own_words import own_words
from analysis.present.views import Markup, Prose, bullets
from analysis.sources import Municipality, default_data_directory, load_municipality
from analysis.sources.reads import Noted, note, unnoted

# What a chapter has read, beside the names of reads.py: which municipality it opened, and whether others beside it.
BOOK, PEERS = "bok", "grannar"
_read_already: dict[tuple[str, str], Municipality] = {}


@dataclass(frozen=True)
class Book:
    """The municipality that the chapter is about; `manifest` is empty outside a build."""

    municipality: Municipality
    data_directory: Path
    manifest: Mapping = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The municipality's name."""
        return self.municipality.name

    def holds(self, chapter: str) -> bool:
        """Tell whether the book being built has a chapter; outside a build, where nobody knows, it has."""
        chapters = self.manifest.get("chapters")
        return chapters is None or chapter in {one["name"] for one in chapters}

    def withholds(self, there: Callable[[Book], object]) -> bool:
        """Tell whether what this book lacks would be there, had no small counts been taken out of its data.

        `there` looks for it in the book with everything shown: it returns nothing, or raises MissingData, where it is
        missing also there. Only whether it is found is told, never what it is.
        """
        whole = self.municipality.unprotected
        if whole is None:
            return False
        try:
            return bool(there(dataclasses.replace(self, municipality=whole)))
        except MissingData:
            return False

    def absent(self, missing: str, what: str, there: Callable[[Book], object]) -> str:
        """Return why the book lacks something: the sentence `missing`, or that `what` is there but is not shown."""
        hidden = f"{what} visas inte, eftersom det skulle röja ett litet antal personer."
        return hidden if self.withholds(there) else missing

    def own_words(self, place: str) -> Markup:
        """Return what the municipality itself has written at a place of the book."""
        return own_words(self.municipality, place)

    @cached_property
    def peers(self) -> tuple[Municipality, ...]:
        """The municipalities that its card names to compare with; read once, and only where a chapter asks."""
        note(PEERS)
        return tuple(_read(slug, self.data_directory) for slug in self.municipality.peers)


def open_book(kommun: str, data: str | None = None, manifest: str | None = None) -> Book:
    """Return the book of a municipality, without what would show small counts of persons.

    Raises DataError where its data cannot be used.
    """
    directory = Path(data) if data else default_data_directory()
    note(f"{BOOK}:{kommun}")
    municipality = _read(kommun, directory)
    content = json.loads(Path(manifest).read_text(encoding="utf-8")) if manifest else {}
    return Book(municipality, directory, Noted("manifest", content))


@contextmanager
def read_already(municipalities: Iterable[Municipality], data: Path) -> Iterator[None]:
    """Let every book opened meanwhile, also in processes forked from this one, have these instead of reading them.

    They are as `protect` leaves them.
    """
    _read_already.update({(one.slug, str(data)): one for one in municipalities})
    try:
        yield
    finally:
        _read_already.clear()


def _read(slug: str, data: Path) -> Municipality:
    """Return a municipality without its small counts."""
    with unnoted():
        return _read_already.get((slug, str(data))) or protect(load_municipality(slug, data))


def observations(book: Book, chapter: str) -> Prose:
    """Return what the investigation itself states in a chapter, each with its place in the source."""
    table = book.municipality.tables["iakttagelser"]
    chosen = table[table["kapitel"] == chapter].sort_values("ordning")
    return bullets([f"{row.iakttagelse} ({row.plats[0].lower() + row.plats[1:]})." for row in chosen.itertuples()])
