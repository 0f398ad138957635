"""The answers of every fetch, kept as they came with time and hash, and files that are written whole or not at all."""

from __future__ import annotations

import datetime
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from analysis.sources.faults import DataError, Fault, shown_path
from analysis.sources.fetch_plan import Area
from analysis.sources.kolada import Answer
from analysis.sources.municipality import FETCHED_FOLDER

LISTING = "hamtning.json"
NEXT_TO = datetime.timedelta(minutes=1)  # how far apart two fetches of the same second may be put


@dataclass(frozen=True)
class Fetched:
    """One fetch: when, for which municipalities and areas, and every answer."""

    time: datetime.datetime
    areas: Mapping[str, tuple[Area, ...]]
    kpis: tuple[str, ...]
    answers: tuple[Answer, ...]
    file: str = ""


def answers_folder(data: Path) -> Path:
    """Return the folder of the answers."""
    return data / "nationellt" / FETCHED_FOLDER / "svar"


def named(new: Fetched, kept: Sequence[Fetched], data: Path) -> tuple[Path, Fetched]:
    """Return where a fetch is kept: by its time, which is after all others; raises DataError where the clock is wrong.

    The newest counts, so one from before the others would never be heard.
    """
    moment = new.time
    if kept and kept[-1].time >= moment:
        moment = kept[-1].time + datetime.timedelta(seconds=1)
        if moment - new.time > NEXT_TO:
            now = new.time.astimezone()
            raise DataError(
                [
                    Fault(
                        shown_path(answers_folder(data) / kept[-1].file, data),
                        f"hämtningen är gjord efter det som datorns klocka visar nu, {now:%Y-%m-%d %H.%M}",
                        "att den som hämtas sist är gjord sist",
                        "ställ datorns klocka rätt; är det filens tid som är fel, ta bort filen och kör fetch igen för "
                        f"{', '.join(kept[-1].areas)}",
                    )
                ]
            )
    path = answers_folder(data) / f"{moment:%Y-%m-%dT%H%M%SZ}.zip"
    return path, Fetched(moment, new.areas, new.kpis, new.answers, path.name)


def packed(one: Fetched, address: str) -> bytes:
    """Return an archive of the answers, each with its hash, and a list of what was asked."""
    buffer = io.BytesIO()
    listing = {
        "hamtat": one.time.isoformat(),
        "adress": address,
        "nyckeltal": one.kpis,
        "kommuner": {
            slug: [{"id": area.id, "namn": area.name, "anmarkning": area.note} for area in areas]
            for slug, areas in one.areas.items()
        },
        "svar": [
            {
                "fil": f"{number:03d}.json",
                "slag": answer.kind,
                "fraga": answer.url,
                "hamtat": answer.time,
                "sha256": answer.sha256,
            }
            for number, answer in enumerate(one.answers, start=1)
        ],
    }
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(LISTING, json.dumps(listing, ensure_ascii=False, indent=1))
        for entry, answer in zip(listing["svar"], one.answers, strict=True):
            archive.writestr(entry["fil"], answer.body)
    return buffer.getvalue()


def kept_fetches(data: Path) -> list[Fetched]:
    """Return the fetches that are kept, oldest first; raises DataError where one is not as it was written."""
    folder = answers_folder(data)
    kept, faults = [], []
    for path in sorted(folder.glob("*.zip")) if folder.is_dir() else []:
        try:
            kept.append(_unpacked(path))
        except _UNREADABLE as error:
            if isinstance(error, OSError) and error.filename:
                raise  # the file cannot be opened
            problem = str(error) if isinstance(error, _Altered) else "filen är ingen hämtning som går att läsa"
            faults.append(
                Fault(
                    shown_path(path, data),
                    problem,
                    "filen som fetch skrev den",
                    "hämta filen ur en säkerhetskopia, eller ta bort den och kör fetch igen",
                )
            )
    if faults:
        raise DataError(faults)
    return kept


class _Altered(ValueError):
    """An answer that is not what came."""


# What zipfile, json and the lines below raise where an archive is damaged: NotImplementedError for a way of packing
# that there is not, RuntimeError for a password, OSError for a place outside the file.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OSError,
)


def _unpacked(path: Path) -> Fetched:
    with zipfile.ZipFile(path) as archive:
        listing = json.loads(archive.read(LISTING))
        if {LISTING, *(entry["fil"] for entry in listing["svar"])} != set(archive.namelist()):
            raise _Altered("svar har tagits bort eller lagts till sedan de hämtades")
        answers = []
        for entry in listing["svar"]:
            answer = Answer(entry["slag"], entry["fraga"], entry["hamtat"], archive.read(entry["fil"]))
            if answer.sha256 != entry["sha256"]:
                raise _Altered(f"svaret {entry['fil']} har ändrats sedan det hämtades")
            answers.append(answer)
    areas = {
        slug: tuple(Area(area["id"], area["namn"], area["anmarkning"]) for area in own)
        for slug, own in listing["kommuner"].items()
    }
    moment = datetime.datetime.fromisoformat(listing["hamtat"])
    if moment.tzinfo is None or not all(areas.values()):
        raise _Altered("filens förteckning har ändrats sedan hämtningen")
    return Fetched(moment, areas, tuple(listing["nyckeltal"]), tuple(answers), path.name)


def copy_folder(folder: Path, copy: Path) -> None:
    """Copy a folder that may be missing; unlike shutil.copytree it stops at the first fault, and says which."""
    copy.mkdir(parents=True, exist_ok=True)
    # What lies in a linked folder is copied too: rglob would pass it over, and leave an empty folder in its place.
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir():
            copy_folder(path, copy / path.name)
        else:
            shutil.copy2(path, copy / path.name)


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Keep other fetches from a data folder while this is open; raises DataError where one is there already.

    The lock goes with the process that holds it, however it ends.
    """
    path = data / "nationellt" / ".hamtning.lock"
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise DataError(
            [
                Fault(
                    shown_path(answers_folder(data).parent, data),
                    "En annan hämtning pågår i samma mapp",
                    "en hämtning i taget",
                    "vänta tills den är klar, och kör fetch igen",
                )
            ]
        ) from None
    try:
        yield
    finally:
        if os.name != "nt":  # where a file that is held cannot be taken away, and the lock takes it away itself
            path.unlink(missing_ok=True)
        lock.release()


def swap(files: Mapping[Path, bytes | None]) -> None:
    """Write every file, or none: beside first, then swapped; None takes a file away."""
    old = {path: path.read_bytes() if path.exists() else None for path in files}
    changed = {path: content for path, content in files.items() if content != old[path]}
    beside = {path: path.with_name(f".{path.name}.ny") for path in changed}
    made = _missing_folders(changed)
    try:
        for path, content in changed.items():
            if content is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                beside[path].write_bytes(content)
        for path, content in changed.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                os.replace(beside[path], path)
        # Nothing is left to tidy up when all is swapped, so whoever interrupts does it before or after.
    except BaseException:
        for path in changed:
            if old[path] is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_bytes() != old[path]:
                beside[path].write_bytes(old[path])
                os.replace(beside[path], path)
        for path in beside.values():
            path.unlink(missing_ok=True)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _missing_folders(files: Iterable[Path]) -> list[Path]:
    """Return the folders that files need and that are not there, the innermost first."""
    missing = {folder for path in files for folder in path.parents if not folder.exists()}
    return sorted(missing, key=lambda folder: len(folder.parts), reverse=True)
