"""Where things lie: the project, the site, and the folder of finished books beside it."""

from __future__ import annotations

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
# The guide's name in chapters/ and in the site, which no municipality can have.
GUIDE_FOLDER = "handbok"


def default_out(root: Path = PROJECT_ROOT) -> Path:
    """Return where the site goes unless the analyst says otherwise."""
    return root / "_build" / "html"


def work_directory(out: Path, root: Path = PROJECT_ROOT) -> Path:
    """Return the folder of finished books and stages, beside the site."""
    return out.parent if out == default_out(root) else out.parent / f".{out.name}-arbete"


def shared_by_books(work: Path) -> Path:
    """Return the folder of what all books load, in that of finished books and stages."""
    return work / "gemensamt"


def spare_site(work: Path) -> Path:
    """Return the folder of what the site before had that the site of today has too, in that of finished books."""
    return work / "reserv"


def files_of_books(work: Path) -> Path:
    """Return the folder of tables and charts that books may have in common, one of each name."""
    return shared_by_books(work) / "filer"
