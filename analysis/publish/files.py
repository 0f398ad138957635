"""Files that books and the site share on disk: links where the file system has them, else copies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

# Making and removing names is waiting for the disk, which several do faster than one.
_AT_ONCE = 4


def walk(folder: Path, leave_out: Callable[[str], bool]) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and each below it, with the names of its files, but for what has a name to be left out.

    A link to a folder is followed, as it is by whoever reads what lies there, but for one that leads back to where it
    came from.
    """
    above = {str(folder): [_identity(folder)]}
    for place, folders, names in os.walk(folder, followlinks=True):
        way, kept = above.pop(place), []
        for name in folders:
            there = os.path.join(place, name)
            identity = _identity(there)
            if not leave_out(name) and identity not in way:
                kept.append(name)
                above[there] = [*way, identity]
        folders[:] = kept
        yield place, [name for name in names if not leave_out(name)]


def _identity(folder: str | os.PathLike) -> tuple[int, int] | None:
    """Return what a folder is known by, however one came there."""
    try:
        told = os.stat(folder)
    except OSError:
        return None
    return told.st_dev, told.st_ino


def link_or_copy(source: str | os.PathLike, target: str | os.PathLike) -> None:
    """Make a new file that is another on disk, or a copy of it where it cannot have one more name.

    Some file systems have no links, none has them to another disk, and each has a limit to how many a file may have.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copy2(source, target)


def link_folder(folder: str | os.PathLike, copy: str | os.PathLike) -> None:
    """Make a new folder with the files of another, by link or copy; stops at the first fault."""
    os.mkdir(copy)
    with os.scandir(folder) as entries:
        for entry in entries:
            target = os.path.join(copy, entry.name)
            if entry.is_dir():
                link_folder(entry.path, target)
            else:
                link_or_copy(entry.path, target)


def files_in(folder: str | os.PathLike) -> Iterator[tuple[str, os.stat_result]]:
    """Yield each file below a folder, by its path there, with what the system tells of it; none where it is none."""
    waiting = [("", os.fspath(folder))] if os.path.isdir(folder) else []
    while waiting:
        prefix, place = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{prefix}{entry.name}/", entry.path))
                else:
                    yield prefix + entry.name, entry.stat(follow_symlinks=False)


def is_linked(folder: str | os.PathLike, copy: str | os.PathLike) -> bool:
    """Tell whether each file of a folder is one more name of that of another, as `link_folder` makes them."""
    one, other = ({name: (told.st_dev, told.st_ino) for name, told in files_in(place)} for place in (folder, copy))
    return one == other


def write_anew(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and never into a file that has other names: they keep what they had."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def place(content: bytes, target: Path, shared: Path | None) -> None:
    """Write a file that many books have: where they share a folder, as one more name of the file in it.

    The file in the folder is compared with the content each time, since any name of it may have been written through.
    """
    if shared is None:
        write_anew(target, content)
        return
    one = shared / target.name
    target.unlink(missing_ok=True)
    # Linked first, so that what is compared is what is kept, whoever puts another in its place meanwhile.
    with suppress(FileNotFoundError):
        link_or_copy(one, target)
        if target.read_bytes() == content:
            return
    write_anew(target, content)
    with _beside(one) as beside:
        link_or_copy(target, beside)
        os.replace(beside, one)


def share(folder: Path, shared: Path) -> None:
    """Let each file in a book's folders that the book before had just the same be one more name of that one's.

    `shared` holds a file of each name; several books may do this at once. Where the file system has no links each book
    keeps its own.
    """
    with suppress(OSError):
        shared.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*/*")):
        if path.is_file() and path.stat().st_nlink == 1:
            with suppress(OSError):
                _share(path, shared / path.name)


def _share(path: Path, one: Path) -> None:
    with _beside(one) as beside:
        with suppress(FileNotFoundError):
            os.link(one, beside)
            if beside.read_bytes() == path.read_bytes():
                os.replace(beside, path)
                return
            beside.unlink()
        os.link(path, beside)
        os.replace(beside, one)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a name beside a file that no other process uses, which is free before and after.

    It is never in a book: what cannot be taken away again, as on Windows while another reads it, is not published.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    try:
        yield beside
    finally:
        with suppress(OSError):
            beside.unlink()


def for_all(do: Callable, *arguments: Iterable) -> None:
    """Call a function that works on the disk for all, several at once; on a fault no more are begun."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        # Taking each result raises what went wrong, and then the rest are cancelled.
        for _ in pool.map(do, *arguments):
            pass
