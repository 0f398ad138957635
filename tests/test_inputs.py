"""What a book is made from, as far as the files themselves go: which are read, how a card is, and the secret."""

from __future__ import annotations

import os
import sys

import pytest
from conftest import edit

from analysis.publish import inputs
from analysis.publish.inputs import SECRET_BYTES, Inputs, files, kept_secret, secret
from analysis.publish.plan import PROJECT_ROOT

links = pytest.mark.skipif(os.name == "nt", reason="links ask for rights of their own there")


def key(data, slug="malmo"):
    return Inputs(data, PROJECT_ROOT).book_key(slug, documents=False)


# --- The secret ------------------------------------------------------------------------------------


def test_a_secret_is_drawn_once(tmp_path):
    first = secret(tmp_path / "arbete")
    assert len(first) == SECRET_BYTES and secret(tmp_path / "arbete") == first == kept_secret(tmp_path / "arbete")
    assert secret(tmp_path / "annat") != first


@pytest.mark.parametrize("left", [b"", b"x", b"x" * (SECRET_BYTES - 1), b"x" * (SECRET_BYTES + 1)])
def test_what_is_no_whole_secret_is_drawn_anew(tmp_path, left):
    (tmp_path / "nyckel").write_bytes(left)
    assert kept_secret(tmp_path) is None
    drawn = secret(tmp_path)
    assert len(drawn) == SECRET_BYTES and secret(tmp_path) == drawn


def test_a_secret_that_cannot_be_written_leaves_none(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "disken är full")

    with monkeypatch.context() as stopped:
        stopped.setattr(os, "replace", full)
        with pytest.raises(OSError, match="full"):
            secret(tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(secret(tmp_path)) == SECRET_BYTES


def test_no_book_made_under_a_secret_that_is_lost_counts_as_finished(tmp_path):
    (tmp_path / "klara").mkdir()
    (tmp_path / "klara" / "malmo.json").write_text("{}", encoding="utf-8")
    secret(tmp_path)
    assert not (tmp_path / "klara").exists()
    (tmp_path / "klara").mkdir()
    secret(tmp_path)
    assert (tmp_path / "klara").exists()


# --- Files -----------------------------------------------------------------------------------------


@links
@pytest.mark.parametrize("folder", ["kommuner/malmo/texter", "kommuner/malmo", "nationellt/kolada", "nationellt"])
def test_what_lies_behind_a_linked_folder_is_an_input(data_copy, tmp_path, folder):
    there, path = tmp_path / "annan disk", data_copy / folder
    path.mkdir(exist_ok=True)
    path.rename(there)
    path.symlink_to(there)
    before = key(data_copy)
    (there / "ny.md").write_text("Ett.", encoding="utf-8")
    after = key(data_copy)
    (there / "ny.md").write_text("Två.", encoding="utf-8")
    assert len({before, after, key(data_copy)}) == 3


@links
def test_a_link_that_leads_back_is_followed_no_further(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "fil.csv").touch()
    (tmp_path / "a" / "upp").symlink_to(tmp_path)
    (tmp_path / "a" / "till b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "till a").symlink_to(tmp_path / "a")
    found = [path.relative_to(tmp_path).as_posix() for path in files(tmp_path)]
    assert found == ["a/fil.csv", "a/till b/fil.csv", "b/fil.csv", "b/till a/fil.csv"]


def test_what_excel_leaves_beside_an_open_workbook_is_no_input(data_copy):
    before = key(data_copy)
    (data_copy / "kommuner" / "malmo" / "~$malmo.xlsx").write_bytes(b"x")
    assert key(data_copy) == before


# --- Cards -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["prov: 2026-02-30", "prov: !!timestamp igår", 'prov: !!int ""', "prov: [",
                                  f"prov: {'[' * 100_000}", "namn: en gång till"])
def test_a_card_that_cannot_be_read_stops_no_key(data_copy, line):
    card = data_copy / "kommuner" / "ange" / "kommun.yml"
    before, other = key(data_copy, "ange"), key(data_copy)
    card.write_text(f"{card.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    assert key(data_copy, "ange") != before and key(data_copy) != other
    # The manifest asks too.
    assert not inputs.shows_small_counts(card.parent)


@links
def test_a_file_that_cannot_be_read_stops_only_the_keys_of_those_who_read_it(data_copy, tmp_path):
    edit(data_copy / "kommuner" / "malmo" / "kommun.yml", "[huddinge, bjuv, ange,", "[huddinge, bjuv,")
    before = key(data_copy)
    (data_copy / "kommuner" / "ange" / "borta.csv").symlink_to(tmp_path / "ingenstans")
    assert key(data_copy) == before
    with pytest.raises(FileNotFoundError):
        key(data_copy, "ange")


# --- What is installed -----------------------------------------------------------------------------


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A package's list of its files, where it is the only one installed."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    path = tmp_path / "paket-1.0.dist-info" / "RECORD"
    path.parent.mkdir()
    return path


def machine_with(record, *lines):
    record.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    inputs.machine.cache_clear()
    try:
        return inputs.machine()
    finally:
        inputs.machine.cache_clear()


def test_a_package_installed_anew_under_the_same_version_is_seen(record):
    before = machine_with(record, "paket/en.py,sha256=aaa,1")
    assert machine_with(record, "paket/en.py,sha256=bbb,1") != before
    assert machine_with(record, "paket/en.py,sha256=aaa,1", "paket/ny.py,sha256=aaa,1") != before
    assert machine_with(record, "paket/en.py,sha256=aaa,1") == before


def test_where_a_package_is_installed_makes_no_difference(record):
    """The workers of a cluster must be able to have the same."""
    own = "paket/en.py,sha256=aaa,1"
    assert machine_with(record, own) == machine_with(
        record, own, "../../../bin/paket,sha256=bbb,1", "paket/__pycache__/en.cpython-311.pyc,,",
        "paket-1.0.dist-info/direct_url.json,sha256=ccc,1", "__editable___paket_1_0_finder.py,sha256=ddd,1")
