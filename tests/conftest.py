"""What several test modules share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def data_copy(tmp_path: Path) -> Path:
    """A copy of data/ that a test may change."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one occurrence of a text in a file; a test whose text has gone fails here."""
    text = path.read_bytes().decode("utf-8")
    assert text.count(old) == 1, f"{path.name}: {old!r} står {text.count(old)} gånger"
    path.write_bytes(text.replace(old, new).encode("utf-8"))
