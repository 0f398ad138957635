"""What a book was made from: versions, and a hash of every input."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
from collections.abc import Iterable
from pathlib import Path

import analysis
from analysis.measures.published import OUTCOMES, reconciliation_counts
from analysis.measures.small_numbers import MEANS_OF_USERS
from analysis.present.pages.comparison import shared_rows
from analysis.present.pages.material import KEYED
from analysis.publish.inputs import files, hash_of, project_hashes, shows_small_counts
from analysis.publish.places import PROJECT_ROOT
from analysis.publish.plan import Plan
from analysis.sources import Municipality
from analysis.sources.schema import CODE_TABLE, NATIONAL_TABLES

FILE_NAME = "manifest.json"
# National tables of which every book may show the whole: none that holds counts of persons, or means of so few.
OPEN_TABLES = {name for name, spec in NATIONAL_TABLES.items() if not any(column.persons for column in spec.columns)}
OPEN_TABLES = OPEN_TABLES - {MEANS_OF_USERS} | {CODE_TABLE.name}
TOOLS = ("jupyter-book", "sphinx", "papermill", "pandas", "altair", "vl-convert-python", "xlsxwriter", "typst",
         "python-docx")


def document_names(slug: str) -> tuple[str, str]:
    """Return the names of a book's PDF and Word file."""
    return f"assistansboken-{slug}.pdf", f"assistansboken-{slug}.docx"


def make_manifest(plan: Plan, data_directory: Path, root: Path = PROJECT_ROOT, key: bytes = b"", *,
                  documents: bool = True) -> dict:
    """Return the manifest of a book that is about to be built: what it is made from, and what the start page tells.

    `key` is the secret of whoever builds; see `input_hashes`. `documents` tells whether the book gets a PDF and a Word
    file.

    Raises UnknownFigure or MissingData where the list of printed figures points at what is not there.
    """
    municipality = plan.municipality
    document = municipality.sources.get(municipality.document)
    return {
        "municipality": municipality.slug,
        "name": municipality.name,
        "synthetic": municipality.synthetic,
        "period": [municipality.first_year, municipality.last_year],
        "tables": sorted(municipality.tables),
        "withheld_tables": sorted(set((municipality.unprotected or municipality).tables) - set(municipality.tables)),
        "document": {"title": document.title, "publisher": document.publisher} if document else None,
        **_made_with(),
        "chapters": [{"name": chapter.name, "title": chapter.title, "part": chapter.part} for chapter in plan.chapters],
        "left_out": [{"name": item.chapter.name, "title": item.chapter.title, "reason": item.reason}
                     for item in plan.left_out],
        "documents": list(document_names(municipality.slug)) if documents else [],
        "shared": shared_rows(municipality),
        "reconciliation": _reconciliation(municipality),
        "inputs": input_hashes(municipality.slug, data_directory, root, municipality.peers, key),
    }


def make_guide_manifest(root: Path = PROJECT_ROOT) -> dict:
    """Return the manifest of the guide that is about to be built: all of chapters/ is input, since it tells of them."""
    return {**_made_with(), "inputs": project_hashes(root, "")}


def _made_with() -> dict:
    return {
        "built_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": {"assistansboken": analysis.__version__,
                     **{name: importlib.metadata.version(name) for name in TOOLS}},
    }


def _reconciliation(municipality: Municipality) -> dict[str, int] | None:
    """Return how many of the document's figures agree, deviate and cannot be computed; None where none are listed."""
    if not municipality.has("publicerat"):
        return None
    total = reconciliation_counts(municipality).frame.loc["Summa"]
    counts = {outcome: int(total.get(outcome, 0)) for outcome in OUTCOMES}
    return {
        "figures": int(total["alla"]),
        "agree": counts["stammer"],
        "deviate": counts["avviker"] + counts["oforklarad"],
        "untestable": counts["utan_underlag"],
    }


def read_manifest(path: Path) -> dict | None:
    """Return the manifest in a book's folder or at a path, or None where there is none that can be read."""
    path = path / FILE_NAME if path.is_dir() else path
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_manifest(manifest: dict, path: Path) -> None:
    """Write a manifest as UTF-8."""
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", newline="\n")


def input_hashes(slug: str, data_directory: Path, root: Path = PROJECT_ROOT,
                 peers: Iterable[str] = (), key: bytes = b"") -> dict[str, str]:
    """Return the SHA-256 of each input by its name in the project; text is hashed with LF line ends.

    What the peers' folders hold is input too, since a chapter compares the municipality with them. The hash of a file
    that may hold counts which the book does not show is keyed: whoever had the rest of the file could else try every
    small number until the hash agreed. No book shows the small counts of all others, so neither national tables of
    counts nor the answers that they were made from are open in any.
    """
    hashes = project_hashes(root, ".ipynb")
    national = data_directory / "nationellt"
    for folder in (*(data_directory / "kommuner" / name for name in (slug, *peers)), national):
        shown = folder != national and shows_small_counts(folder)
        for path in files(folder):
            open_ = shown or (folder == national and (path.suffix == ".yml" or path.stem in OPEN_TABLES))
            digest = hash_of([path]) if open_ else f"{KEYED} {hash_of([path], key=key)}"
            hashes["data/" + path.relative_to(data_directory).as_posix()] = digest
    hashes["data/kallor.yml"] = hash_of([data_directory / "kallor.yml"])
    return dict(sorted(hashes.items()))
