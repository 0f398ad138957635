"""The answers of every fetch, kept as they came with time and hash, and files that are written whole or not at all."""

from __future__ import annotations

import datetime
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.sources.faults import DataError, Fault, shown_path
from analysis.sources.fetch_plan import Area
from analysis.sources.kolada import Answer
from analysis.sources.municipality import FETCHED_FOLDER

LISTING = "hamtning.json"


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


def named(new: Fetched, data: Path) -> tuple[Path, Fetched]:
    """Return where a fetch is kept: by its time, which no two may share."""
    moment = new.time
    while (path := answers_folder(data) / f"{moment:%Y-%m-%dT%H%M%SZ}.zip").exists():
        moment += datetime.timedelta(seconds=1)
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
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError) as error:
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


def _unpacked(path: Path) -> Fetched:
    with zipfile.ZipFile(path) as archive:
        listing = json.loads(archive.read(LISTING))
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
    return Fetched(moment, areas, tuple(listing["nyckeltal"]), tuple(answers), path.name)


def copy_folder(folder: Path, copy: Path) -> None:
    """Copy a folder that may be missing; unlike shutil.copytree it stops at the first fault, and says which."""
    copy.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*")):
        target = copy / path.relative_to(folder)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            shutil.copy2(path, target)


def swap(files: Mapping[Path, bytes | None]) -> None:
    """Write every file, or none: beside first, then swapped; None takes a file away."""
    old = {path: path.read_bytes() if path.exists() else None for path in files}
    beside = {path: path.with_name(f".{path.name}.ny") for path in files}
    done: list[Path] = []
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                beside[path].write_bytes(content)
        for path, content in files.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif content != old[path]:
                os.replace(beside[path], path)
            done.append(path)
    except BaseException:
        for path in done:
            if old[path] is None:
                path.unlink(missing_ok=True)
            else:
                beside[path].write_bytes(old[path])
                os.replace(beside[path], path)
        raise
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)
