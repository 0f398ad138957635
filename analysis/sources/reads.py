"""What of a municipality's data a computation reads, so that it is done anew when that, and only that, has changed.

A name is `kind:key` (`tabell:ekonomi`, `nationellt:omraden`, `text:forord`, `manifest:inputs`), `kind:*` where
somebody looked at what there is, or a word of its own (`grannar`). What is looked for and not found is read too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_open: list[set[str]] = []


@contextmanager
def reading() -> Iterator[set[str]]:
    """Give a set that fills with the names of what is read while this is open; several may be open at once."""
    found: set[str] = set()
    _open.append(found)
    try:
        yield found
    finally:
        _open[:] = [one for one in _open if one is not found]


@contextmanager
def unnoted() -> Iterator[None]:
    """Let what is read meanwhile not count, for what is not the computation's own: reading the files themselves."""
    before = _open[:]
    _open.clear()
    try:
        yield
    finally:
        _open[:] = before


def note(*names: str) -> None:
    """Say that these have been read."""
    for found in _open:
        found.update(names)


class Noted(Mapping):
    """A mapping that says what is read of it; `kind` tells its names from those of others."""

    def __init__(self, kind: str, content: Mapping[str, Any]) -> None:
        self.kind = kind
        self.content = content.content if isinstance(content, Noted) else content

    def __getitem__(self, key: str) -> Any:
        note(f"{self.kind}:{key}")
        return self.content[key]

    def __iter__(self) -> Iterator[str]:
        note(f"{self.kind}:*")
        return iter(self.content)

    def __len__(self) -> int:
        note(f"{self.kind}:*")
        return len(self.content)

    def __repr__(self) -> str:
        return f"Noted({self.kind!r}, {self.content!r})"
