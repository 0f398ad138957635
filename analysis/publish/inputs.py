"""What a book is made from, as hashes of files; imports little, so that a build with nothing to do ends at once."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import analysis
from analysis.publish.files import walk, write_anew
from analysis.publish.places import GUIDE_FOLDER
from analysis.sources.registers import Register

CODE_SUFFIXES = {".py", ".j2", ".css", ".html", ".js", ".svg", ".toml", ".typ"}
BINARY_SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".pdf", ".xlsx", ".docx", ".zip"}
PACKAGE = Path(analysis.__file__).parent
CARD = "kommun.yml"
# How the names of files begin that nobody reads, the last being those that Excel keeps beside what it has open.
HIDDEN = (".", "__pycache__", "~$")
# What lies at the root and every book is made from, beside the chapters.
PROJECT_FILES = ("_toc.yml", "_config.yml", "requirements.txt")
SECRET_BYTES = 32
_OWN_PACKAGE = re.compile(r"\banalysis\.([a-z_]+)")


class Inputs:
    """The inputs of books as they are when they are first asked for."""

    def __init__(self, data: Path, root: Path) -> None:
        self.data, self.root = data, root
        self._folders: dict[str, dict[str, str]] = {}
        self._reached: dict[frozenset[str], str] = {}

    def book_key(self, slug: str, *, documents: bool) -> str:
        """Return the hash of all that a municipality's book depends on, whether the book then reads it or not."""
        peers = _listed(self._cards.get(slug), "grannar")
        return digest_of({
            "slug": slug,
            "documents": documents,
            "guide": (self.root / "chapters" / GUIDE_FOLDER).is_dir(),  # which each page links to
            "project": self.project,
            "machine": machine(),
            "folders": [self._folder(name) for name in (slug, *peers)],
            "national": self.national,
            "sources": self.sources,
            # Each card says from which count on its own users are shown, also in the books of others.
            "cards": self._cards_digest,
        })

    def read_shared(self) -> None:
        """Read what every book is made from; raises OSError where one of the files cannot be read."""
        digest_of([self.project, self.national, self.sources])

    def chapter_key(self, slug: str, notebook: str) -> str:
        """Return the hash of what a chapter depends on beside the tables and texts that it reads; see cache.py."""
        return digest_of({
            "slug": slug,
            "notebook": hashlib.sha256(notebook.encode()).hexdigest(),
            "code": self._code(frozenset(_OWN_PACKAGE.findall(notebook))),
            "machine": machine(),
            "card": self._folder(slug).get(CARD),
            "registers": {name: digest for name, digest in self.national.items() if name.endswith((".yml", ".yaml"))},
            "sources": self.sources,
        })

    def peers_digest(self, slug: str) -> str:
        """Return the hash of all that the municipalities depend on that this one is compared with."""
        peers = _listed(self._cards.get(slug), "grannar")
        return digest_of([self.national, self._cards_digest, [self._folder(name) for name in peers]])

    def municipalities(self) -> list[str]:
        """Return the slugs of the municipalities that have a folder."""
        folder = self.data / "kommuner"
        return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []

    def extent(self, slug: str) -> tuple[int, int]:
        """Return how many bytes a municipality's own files have, and when one last changed, in nanoseconds."""
        told = [path.stat() for path in files(self.data / "kommuner" / slug)]
        return sum(one.st_size for one in told), max((one.st_mtime_ns for one in told), default=0)

    @functools.cached_property
    def project(self) -> dict[str, str]:
        """The hashes of the project's own files that every book is made from."""
        return project_hashes(self.root, ".ipynb")

    @functools.cached_property
    def national(self) -> dict[str, str]:
        """The hash of each file of the national data, by its path below their folder."""
        return _hashes(self.data / "nationellt")

    @functools.cached_property
    def sources(self) -> str:
        """The hash of the register of sources."""
        path = self.data / "kallor.yml"
        return hash_of([path]) if path.is_file() else ""

    @functools.cached_property
    def _cards(self) -> dict[str, bytes | None]:
        """Each municipality's card; None where it cannot be read, which is told where that municipality is."""
        folder = self.data / "kommuner"
        paths = [path / CARD for path in sorted(folder.iterdir())] if folder.is_dir() else []
        return {path.parent.name: _content(path) for path in paths if path.is_file()}

    @functools.cached_property
    def _cards_digest(self) -> str:
        return digest_of({slug: content and hashlib.sha256(content).hexdigest()
                          for slug, content in self._cards.items()})

    def _folder(self, slug: str) -> dict[str, str]:
        if slug not in self._folders:
            self._folders[slug] = _hashes(self.data / "kommuner" / slug)
        return self._folders[slug]

    def _code(self, named: frozenset[str]) -> str:
        """Return the hash of the packages of `analysis` that are named, and of all that they name in turn.

        A package is taken whole: what one of its modules imports only when it runs, by whatever name, lies there too.
        """
        if named in self._reached:
            return self._reached[named]
        found, waiting = {}, set(named)
        while waiting:
            name = waiting.pop()
            folder = PACKAGE / name
            paths = code_files(folder) if folder.is_dir() else [PACKAGE / f"{name}.py"]
            paths = [path for path in paths if path.is_file()]
            found[name] = hash_of(paths, PACKAGE)
            for path in paths:
                waiting |= set(_OWN_PACKAGE.findall(path.read_text(encoding="utf-8", errors="replace"))) - set(found)
        self._reached[named] = digest_of([found, hash_of([PACKAGE / "__init__.py"])])
        return self._reached[named]


def digest_of(content: object) -> str:
    """Return the hash of what JSON can hold, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@functools.cache
def machine() -> str:
    """Return the hash of what the program runs on: Python, the processor's kind and every package that is installed.

    A package is known by its name, its version and the hashes of its files as they were installed, which are the same
    on every machine with the same packages. What is changed where it lies afterwards is not noticed.
    """
    installed = set()
    for folder in sys.path:
        if os.path.isdir(folder or "."):
            with os.scandir(folder or ".") as entries:
                installed |= {(entry.name, _installed_files(Path(entry.path, "RECORD"))) for entry in entries
                              if entry.name.endswith(".dist-info")}
    return digest_of([sys.version, platform.machine(), sys.platform, sorted(installed)])


def _installed_files(record: Path) -> str:
    """Return the hash of what a package's list of its files tells of them, but for what names places on this machine.

    Those are programs, which begin with the path of Python, what tells how it was installed, and where one lies that is
    worked on.
    """
    lines = [line for line in (_content(record) or b"").splitlines() if b",sha256=" in line
             and b".dist-info/" not in line and not line.startswith((b"..", b"__editable__"))]
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def project_hashes(root: Path, ending: str) -> dict[str, str]:
    """Return the hashes of what is the same for every book: the package, and the files in chapters/ with an ending."""
    project = [root / name for name in PROJECT_FILES]
    hashes = {path.relative_to(root).as_posix(): hash_of([path])
              for path in [*project, *files(root / "chapters", ending)] if path.exists()}
    return {**hashes, "package": hash_of(code_files(PACKAGE), PACKAGE)}


def guide_key(root: Path) -> str:
    """Return the hash of all that the guide depends on: all of chapters/, since it tells of them.

    Empty where there is no guide.
    """
    return digest_of([project_hashes(root, ""), machine()]) if (root / "chapters" / GUIDE_FOLDER).is_dir() else ""


def code_files(folder: Path) -> list[Path]:
    """Return the files of a folder of the package that are part of the program."""
    return [path for path in files(folder) if path.suffix in CODE_SUFFIXES]


def files(folder: Path, suffix: str = "") -> list[Path]:
    """Return the files below a folder whose name ends so, in order, but what is hidden, and what Excel has open."""
    return sorted(Path(place, name) for place, names in walk(folder, lambda name: name.startswith(HIDDEN))
                  for name in names if name.endswith(suffix))


def hash_of(paths: Iterable[Path], base: Path | None = None, key: bytes = b"") -> str:
    """Return the SHA-256 of files; text is hashed with LF line ends, and with `base` also where each file lies."""
    digest = hashlib.sha256(key)
    for path in paths:
        content = path.read_bytes()
        if path.suffix.lower() not in BINARY_SUFFIXES:
            content = content.replace(b"\r\n", b"\n")
        if base is not None:
            digest.update(f"{path.relative_to(base).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def shows_small_counts(folder: Path) -> bool:
    """Tell whether a municipality's folder says that its small counts may be shown."""
    try:
        content = (folder / CARD).read_bytes()
    except OSError:
        return False
    chosen = _read(content).get("sma_tal")
    return isinstance(chosen, dict) and bool(chosen.get("visas"))


def kept_secret(work: Path) -> bytes | None:
    """Return the secret of the folder where books are made, or None where there is none that is whole."""
    try:
        kept = (work / "nyckel").read_bytes()
    except FileNotFoundError:
        return None
    return kept if len(kept) == SECRET_BYTES else None


def secret(work: Path) -> bytes:
    """Return the secret of the folder where books are made; where there is none that is whole it is drawn and kept.

    What was finished before then tells hashes under another secret, or under one that anybody can guess, and counts as
    finished no more.
    """
    kept = kept_secret(work)
    if kept is None:
        work.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(work / "klara", ignore_errors=True)
        kept = secrets.token_bytes(SECRET_BYTES)
        write_anew(work / "nyckel", kept)
    return kept


def _hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hash_of([path]) for path in files(folder)}


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _listed(card: bytes | None, field: str) -> list[str]:
    """Return a list of a card, as far as it can be read; what is wrong with it is told where it is validated."""
    given = _read(card or b"").get(field)
    return [str(one) for one in given] if isinstance(given, list) else []


def _read(content: bytes) -> dict:
    """Return what a card holds, read as the book reads it; nothing where it cannot be."""
    try:
        found = Register(content, CARD).content
    # What PyYAML stumbles over in ways that it does not list stops one municipality, where it is read, and not all.
    except Exception:
        return {}
    return found if isinstance(found, dict) else {}
