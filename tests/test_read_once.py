"""What has been read before is kept: never served where a file has changed, and never altered by who got it first."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import DATA, edit

from analysis.measures.result import plain_rows
from analysis.sources import DataError, Municipality, list_municipalities, load_municipality
from analysis.sources import registers as registers_module
from analysis.sources.reader import read_table
from analysis.sources.registers import Register, read_sources
from analysis.sources.schema import MUNICIPAL_TABLES

OCTOBER = "nationellt/brukare_1_oktober.csv"
FETCHED = "nationellt/kolada/brukare_1_oktober.csv"
TABLE = MUNICIPAL_TABLES["ekonomi"]


def _users(municipality: Municipality, year: int) -> float:
    frame = municipality.national["brukare_1_oktober"]
    chosen = (frame["ar"] == year) & (frame["verksamhet"] == "sfb") & (frame["omrade"] == "Riket")
    return frame.loc[chosen, "antal"].item()


# Each kind of file: the file, what stands there, what comes in its place, as long, and what is seen of it.
CHANGES: list[tuple[str, str, str, Callable[[Municipality], object]]] = [
    ("kommuner/malmo/ekonomi.csv", "2020;sfb;131873", "2020;sfb;131874",
     lambda one: one.tables["ekonomi"]["budget_tkr"].iloc[0]),
    ("kommuner/malmo/kommun.yml", "namn: Malmö", "namn: Malmä", lambda one: one.name),
    (OCTOBER, "2020;sfb;Riket;13864", "2020;sfb;Riket;13865", lambda one: _users(one, 2020)),
    (FETCHED, "2019;sfb;Riket;12000", "2019;sfb;Riket;12001", lambda one: _users(one, 2019)),
    ("kallor.yml", "titel: Schablonbelopp för 2014", "titel: Schablonbelopp för 2041",
     lambda one: one.sources["godassistans_2014"].title),
    ("nationellt/parametrar.yml", "varde: 280.00", "varde: 281.00",
     lambda one: one.parameters["schablonbelopp"].values[0].value),
    ("nationellt/antaganden.yml", "varde: 180", "varde: 181", lambda one: one.assumptions["timlon"].value),
    ("nationellt/rimlighet.yml", "hogst: 10\n", "hogst: 11\n", lambda one: one.bounds["hopp"].maximum),
    ("nationellt/ordlista.yml", "former: [LSS]", "former: [SSL]", lambda one: one.glossary["lss"].forms),
    ("nationellt/tillganglighet.yml", "plats: 4 och 10 §§", "plats: 4 och 11 §§",
     lambda one: one.legal_facts["lag"].reference.place),
    ("kommuner/lund/kommun.yml", "sma_tal: {grans: 7}", "sma_tal: {grans: 8}", lambda one: one.threshold_of("Lund")),
    ("kommuner/malmo/texter/sfb.md", "Ord om året.", "Ord om åren.", lambda one: one.texts["sfb"].text),
]  # fmt: skip


@pytest.fixture
def data(data_copy: Path) -> Path:
    """A copy of the data in which there is one of each kind of file."""
    head, _, _ = (data_copy / OCTOBER).read_text(encoding="utf-8").partition("\n")
    (data_copy / "nationellt/kolada").mkdir()
    rows = (f"{year};sfb;Riket;{count};malmo_2025;Plats;" for year, count in ((2019, 12000), (2020, 13000)))
    (data_copy / FETCHED).write_text("\n".join([head, *rows]), encoding="utf-8")
    (data_copy / "kommuner/malmo/texter").mkdir()
    (data_copy / "kommuner/malmo/texter/sfb.md").write_text("Ord om året.\n", encoding="utf-8")
    with (data_copy / "kommuner/lund/kommun.yml").open("a", encoding="utf-8") as card:
        card.write("sma_tal: {grans: 7}\n")
    return data_copy


@pytest.mark.parametrize(("file", "old", "new", "seen"), CHANGES, ids=[change[0] for change in CHANGES])
def test_a_changed_file_is_read_anew(data, file, old, new, seen):
    path = data / file
    before = seen(load_municipality("malmo", data))
    again = seen(load_municipality("malmo", data))
    stamp = path.stat()
    edit(path, old, new)
    # Not even a file as long and as old as before is taken for it.
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert path.stat().st_size == stamp.st_size
    assert before == again != seen(load_municipality("malmo", data))


def test_what_beside_the_file_a_table_depends_on_counts_too(tmp_path):
    path = tmp_path / "ekonomi.csv"
    path.write_text("ar;verksamhet;budget_tkr;nettokostnad_tkr;kalla;plats;status\n2020;sfb;-1;1;a;p;\n", "utf-8")

    def faults(spec=TABLE, sources=("a",), shown="en.csv"):
        return {(fault.file, fault.column) for fault in read_table(path, spec, sources, shown)[1]}

    assert faults() == {("en.csv", "budget_tkr")}
    assert faults(sources=("b",)) == {("en.csv", "budget_tkr"), ("en.csv", "kalla")}
    assert faults(shown="två.csv") == {("två.csv", "budget_tkr")}
    free = tuple(dataclasses.replace(column, minimum=None) for column in TABLE.columns)
    assert faults(dataclasses.replace(TABLE, columns=free)) == set()
    assert faults(dataclasses.replace(TABLE, key=("verksamhet",))) == faults()
    path.write_text(path.read_text("utf-8") + "2021;sfb;1;1;a;p;\n", "utf-8")
    by_part = dataclasses.replace(TABLE, key=("verksamhet",))
    assert faults(by_part) == {("en.csv", "budget_tkr"), ("en.csv", "verksamhet")}
    assert faults() == {("en.csv", "budget_tkr")}


def test_a_source_that_leaves_the_register_is_missed_in_tables_read_before(data):
    load_municipality("malmo", data)
    edit(data / "kallor.yml", "\ngodassistans_2014:", "\ngodassistans_4102:")
    with pytest.raises(DataError) as raised:
        load_municipality("malmo", data)
    assert {fault.value for fault in raised.value.faults} == {"godassistans_2014"}


def test_each_book_keeps_to_its_own_document_in_what_was_fetched(data):
    malmo, lund = (_users(load_municipality(slug, data), 2020) for slug in ("malmo", "lund"))
    assert (malmo, lund) == (13864, 13000)  # the document repeats Kolada's figure, and prints another
    assert _users(load_municipality("malmo", data), 2020) == malmo


def test_faults_are_told_each_time(data):
    edit(data / "nationellt/hemtjanst.csv", ";420;", ";många;")
    edit(data / "nationellt/antaganden.yml", "varde: 180", "varde: 0")
    told = []
    for _ in range(2):
        with pytest.raises(DataError) as raised:
            load_municipality("malmo", data)
        told.append(raised.value.faults)
    assert told[0] == told[1]
    assert len(told[0]) == 2


def _spoil(frame: pd.DataFrame) -> None:
    """Do to a frame all that a careless user could."""
    for name in frame.columns:
        values = frame[name].array
        values[0] = values[len(values) - 1]
        seen = frame[name].to_numpy()
        if seen.flags.writeable:
            seen[:] = seen[::-1].copy()
    frame.loc[0, frame.columns[0]] = frame.iloc[-1, 0]
    frame["kalla"] = "ingen"
    frame["ny"] = np.nan
    frame.attrs["table"] = "Ingen"
    frame.index.name = "rad"
    frame.columns.name = "kolumn"


def test_what_one_user_does_to_the_tables_no_other_sees(data):
    first = load_municipality("malmo", data)
    kept = {
        (kind, name): frame.copy()
        for kind in ("tables", "national")
        for name, frame in getattr(first, kind).items()
    }
    second = load_municipality("malmo", data)
    for one in (first, second):
        for frame in (*one.tables.values(), *one.national.values()):
            _spoil(frame)
    third = load_municipality("malmo", data)
    for (kind, name), frame in kept.items():
        pd.testing.assert_frame_equal(getattr(third, kind)[name], frame)
        assert getattr(third, kind)[name].attrs == frame.attrs
        assert getattr(third, kind)[name].attrs["table"]


def test_what_one_user_does_to_a_register_no_other_sees():
    path = DATA / "kommuner/malmo/kommun.yml"
    spoilt, kept = Register(path, "kommun.yml"), yaml.safe_load(path.read_text(encoding="utf-8"))
    spoilt.content["grannar"].append("ingen")
    spoilt.content["period"]["fran"] = 1
    spoilt.content["ny"] = 1
    spoilt.fault("fel", "", "")
    again = Register(path, "kommun.yml")
    assert (again.content, again.faults) == (kept, [])
    found, _ = read_sources(DATA / "kallor.yml", "kallor.yml")
    found.clear()
    assert read_sources(DATA / "kallor.yml", "kallor.yml")[0]


# --- YAML by libyaml, which is faster, and by PyYAML, whose reading counts ------------------------------------------

READ_OTHERWISE = [
    "namn: Väntetid och \tberedskap",
    "grannar: [malmo, hud\tdinge]",
    "grannar: [malmo? , lund]\nnamn: a",
    "jamfor_med: [Göt? eborg]",
    "namn: a\t\nkod: b",
    "|#",
    "namn: !",
    "namn: a\n\ufeffkod: b",
    "namn: a\n\ufeff",
    "grannar: [malmo:, lund]",
    "repository: {url:, namn: a}",
    "namn: a\nkod: 2026-02-30",
    "namn: a\nnamn: b",
    "namn: a\n kod: b\n",
    "namn: 'a\nkod: b",
    "namn: \"\\x02\"",
    "- a\n- b",
    "",
    "namn: a\r\nkod: b\r\n",
    "grannar: " + "[" * 100 + "]" * 100,
    "grannar: " + "[" * 450 + "]" * 450,
    "".join(" " * depth + "a:\n" for depth in range(450)),
]  # fmt: skip


def _read_both_ways(text: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    found = []
    for loader in (registers_module._FastLoader, registers_module._Loader):
        registers_module._read_yaml.cache_clear()
        monkeypatch.setattr(registers_module, "_FastLoader", loader)
        register = Register(text.encode("utf-8"), "fil.yml")
        found.append((repr(register.content), register.faults))
    registers_module._read_yaml.cache_clear()
    return found


@pytest.mark.parametrize("text", READ_OTHERWISE, ids=lambda text: repr(text[:25]))
def test_a_text_is_read_and_faulted_as_pyyaml_does(text, monkeypatch):
    fast, slow = _read_both_ways(text, monkeypatch)
    assert fast == slow


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.yml")), ids=lambda path: path.relative_to(DATA).as_posix())
def test_the_data_read_the_same_both_ways(path, monkeypatch):
    fast, slow = _read_both_ways(path.read_text(encoding="utf-8"), monkeypatch)
    assert fast == slow
    assert fast[0] != "{}"
    assert not fast[1]


def test_a_text_too_deep_to_read_is_a_fault_and_no_crash(tmp_path):
    path = tmp_path / "kommun.yml"
    path.write_text("grannar: " + "[" * 200_000, encoding="utf-8")
    code = f"""
from pathlib import Path
from analysis.sources.registers import Register
print(len(Register(Path({str(path)!r}), "kommun.yml").faults))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr


# --- What it takes ---------------------------------------------------------------------------------------------------


def test_the_names_of_the_municipalities_need_no_pandas():
    code = f"""
import sys
from pathlib import Path
import analysis.cli
from analysis.sources import list_municipalities
assert list_municipalities(Path({str(DATA)!r})) == {list_municipalities(DATA)!r}
print(sorted({{"pandas", "numpy", "altair"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_links_to_folders_are_municipalities_too_and_other_links_are_not(tmp_path):
    folder = tmp_path / "kommuner"
    (folder / "ale").mkdir(parents=True)
    (folder / "fil.txt").write_text("", encoding="utf-8")
    try:
        (folder / "bjuv").symlink_to(folder / "ale", target_is_directory=True)
        (folder / "borta").symlink_to(tmp_path / "ingen")
        (folder / "ring").symlink_to(folder / "ring")
    except OSError:
        pytest.skip("links are not to be had here")
    assert list_municipalities(tmp_path) == ["ale", "bjuv"]


def test_plain_rows_are_a_frames_rows():
    frame = pd.DataFrame(
        {"ord": ["a", "b"], "antal": pd.array([1, None], dtype="Int64"), "tal": [0.5, np.nan], "ar": [2020, 2021]}
    )
    (first, second) = plain_rows(frame, ["ord", "antal", "tal", "ar"])
    assert first == ("a", 1, 0.5, 2020)
    assert second[::3] == ("b", 2021)
    assert np.isnan(second[1:3]).all()
