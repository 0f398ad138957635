"""The municipalities that benchmarks build: the same each time, sound, with every chapter, and plainly made up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA

sys.path.insert(0, str(Path(__file__).parent / "bench"))

from build_speed import DOCUMENT, END, START, table
from synthetic import PROTECTED_EVERY, FolderFault, make_data, remove_folder, slug_of

from analysis import cli
from analysis.measures.small_numbers import protect
from analysis.publish import site
from analysis.publish.manifest import make_manifest, write_manifest
from analysis.publish.plan import plan_book, read_chapters
from analysis.sources import DataError, load_municipality
from analysis.sources.municipal_codes import read_codes

OPEN, PROTECTED = slug_of(1), slug_of(PROTECTED_EVERY)
MADE_UP = "Påhittad kommun."


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with one more municipality than the first whose small counts are protected."""
    folder = tmp_path_factory.mktemp("syntet") / "data"
    make_data(folder, PROTECTED_EVERY + 1)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Return what a folder holds by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(data, tmp_path):
    make_data(tmp_path / "a", PROTECTED_EVERY + 1)
    assert content(tmp_path / "a") == content(data)
    make_data(tmp_path / "a", 2, seed=2)
    own = f"kommuner/{OPEN}/ekonomi.csv"
    assert content(tmp_path / "a")[own] != content(data)[own]
    assert not (tmp_path / "a" / "kommuner" / slug_of(3)).exists()


def test_a_municipality_is_the_same_however_many_there_are(data, tmp_path):
    make_data(tmp_path / "a", 4)
    few, many = content(tmp_path / "a"), content(data)
    tables = [name for name in few if name.startswith(f"kommuner/{OPEN}/") and name.endswith(".csv")]
    assert tables and all(few[name] == many[name] for name in tables)


@pytest.mark.parametrize("slug", [OPEN, PROTECTED])
def test_check_finds_no_fault_and_no_doubt(data, capsys, slug):
    assert cli.main(["check", slug, "--data", str(data)]) == 0
    told = capsys.readouterr()
    assert f"{slug}: underlaget för" in told.out
    assert "Varning" not in told.err


def test_one_with_open_counts_gets_every_chapter_and_every_cell(data):
    municipality = load_municipality(OPEN, data)
    plan = plan_book(protect(municipality), read_chapters())
    assert not plan.left_out
    for chapter in plan.chapters:
        numbers = [cell.metadata["assistansboken"]["number"] for cell in plan.notebook(chapter).cells]
        assert numbers == list(range(1, len(numbers) + 1)), chapter.name


def test_nobody_can_take_one_for_a_municipality_that_exists(data):
    real = read_codes(DATA)
    for folder in (data / "kommuner").iterdir():
        one = load_municipality(folder.name, data)
        assert one.synthetic
        assert one.code not in {entry.code for entry in real}
        assert folder.name not in {entry.slug for entry in real}
        assert one.sources[one.document].title.startswith("Påhittad utredning")
        used = {source for frame in one.tables.values() if "kalla" in frame for source in frame["kalla"]}
        national = [frame for frame in one.national.values() if {"omrade", "kalla"} <= set(frame)]
        used |= {source for frame in national for source in frame.loc[frame["omrade"] == one.area, "kalla"]}
        assert used and all(source.startswith("syntet_") for source in used)


def test_none_of_the_real_municipalities_is_marked():
    for folder in (DATA / "kommuner").iterdir():
        assert not load_municipality(folder.name, DATA).synthetic


def test_the_mark_must_be_a_truth_value(tmp_path):
    make_data(tmp_path / "data", 1)
    card = tmp_path / "data" / "kommuner" / OPEN / "kommun.yml"
    given = card.read_text(encoding="utf-8")
    card.write_text(given.replace("syntetisk: true", "syntetisk: nej tack"), encoding="utf-8")
    with pytest.raises(DataError, match=r"fältet syntetisk: fel slags värde"):
        load_municipality(OPEN, tmp_path / "data")


@pytest.mark.parametrize("synthetic", [True, False])
def test_every_page_says_that_it_is_made_up_and_no_other_does(tmp_path, synthetic):
    (tmp_path / "index.rst").write_text("Bok\n===\n\n.. toctree::\n\n   sida\n", encoding="utf-8")
    (tmp_path / "sida.rst").write_text("Sida\n====\n\nText.\n", encoding="utf-8")
    # In a process of its own, since what one book of Sphinx's sets up stays for the next.
    settings = ["-D", "extensions=analysis.publish.theme", "-D", "html_theme=assistansboken", "-D", "language=sv",
                *(["-A", "is_synthetic=1"] if synthetic else [])]
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-C", *settings, str(tmp_path), str(tmp_path / "html")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    pages = {page.name: page.read_text(encoding="utf-8") for page in (tmp_path / "html").glob("*.html")}
    assert {"index.html", "sida.html", "search.html"} <= set(pages)
    assert [name for name, text in pages.items() if (MADE_UP in text) is not synthetic] == []


def test_the_start_page_says_which_are_made_up(data, tmp_path):
    books = {}
    for slug, folder in ((OPEN, data), ("lund", DATA)):
        manifest = make_manifest(plan_book(protect(load_municipality(slug, folder)), read_chapters()), folder)
        books[slug] = tmp_path / slug
        books[slug].mkdir()
        write_manifest(manifest, books[slug] / "manifest.json")
    site.publish(books, tmp_path / "alla", carry_over=False)
    both = (tmp_path / "alla" / "index.html").read_text(encoding="utf-8")
    assert both.count(MADE_UP) == 1 and "Här finns påhittade kommuner." in both
    site.publish({"lund": books["lund"]}, tmp_path / "en", carry_over=False)
    assert "åhittad" not in (tmp_path / "en" / "index.html").read_text(encoding="utf-8")


def test_what_was_not_made_here_is_neither_written_in_nor_taken_away(tmp_path):
    own = tmp_path / "eget"
    own.mkdir()
    (own / "brev.txt").write_text("kvar", encoding="utf-8")
    with pytest.raises(FolderFault):
        make_data(own, 1)
    with pytest.raises(FolderFault):
        remove_folder(own)
    assert [path.name for path in own.iterdir()] == ["brev.txt"]
    made = tmp_path / "gjord"
    make_data(made, 1)
    remove_folder(made)
    assert not made.exists()


def state(seconds: float) -> dict:
    """Return what a build is said to have taken."""
    return {"seconds": seconds, "processor_seconds": seconds, "peak_mb": 900, "times": 1}


def sizes(each: dict[int, float]) -> list[dict]:
    """Return measurements of so many municipalities, with the seconds that each took from nothing."""
    return [{"count": count, "site_mb": 2.0 * count, "cache_mb": 1.0, "import_seconds": 1.0,
             "states": {"cold": state(count * seconds), "nothing": state(2.5), "one_cell": state(6.0),
                        "one_cell_own": state(4.0), "warm": state(9.0)}} for count, seconds in each.items()]


def test_the_table_tells_which_targets_hold():
    results = {"date": "2026-01-02", "jobs": 2, "machine": {"cores": 2, "system": "Linux", "python": "3.11"},
               "content": "3 chapters", "sizes": sizes({8: 1.0, 290: 1.25}),
               "plain": {"count": 8, "seconds": 30.0, "processor_seconds": 29.0}}
    rows = {row.split(" | ")[0].lstrip("| "): row.split(" | ")[1:] for row in table(results).splitlines()
            if row.endswith((" yes |", " **no** |"))}
    assert rows["times faster than the plain stack, 8 municipalities from nothing"] == ["25", "30.0", "yes |"]
    assert rows["290 from nothing"] == ["360 s", "362 s", "**no** |"]
    assert rows["time for each at 290, in times that at 8"] == ["1.2", "1.25", "**no** |"]
    assert rows["one cell changed, 290, every book"] == ["5 s", "6.0 s", "**no** |"]
    assert rows["the same, its own book"] == ["5 s", "4.0 s", "yes |"]
    assert rows["nothing changed, 290"] == ["2 s", "2.5 s", "**no** |"]
    assert rows["most memory, 290"] == ["1.5 GB", "0.90 GB", "yes |"]
    assert rows["sites on disk, 290"] == ["600 MB", "580 MB", "yes |"]
    assert "| asked |" not in table({**results, "sizes": sizes({1: 3.0}), "plain": None})


def test_the_document_has_a_place_for_the_table():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count(START) == text.count(END) == 1 and text.index(START) < text.index(END)
