"""A build after another: what it takes for done is done, one municipality's fault is its own, and two never mix."""

from __future__ import annotations

import datetime
import errno
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time

import openpyxl
import pytest
from conftest import DATA, edit
from test_build import build, data  # noqa: F401 - data is a fixture
from test_publish import project, write_notebook  # noqa: F401 - project is a fixture

from analysis.measures.result import MissingData
from analysis.publish import making, run
from analysis.publish.finished import listing
from analysis.publish.inputs import secret
from analysis.publish.running.processes import CAN_FORK
from analysis.sources import DataError
from analysis.sources.faults import Fault

NOTHING = "Ingenting har ändrats"


@pytest.fixture
def out(tmp_path):
    """Where the site goes; what is made on the way lies in .sajt-arbete beside it."""
    return tmp_path / "sajt"


@pytest.fixture
def make(project, data, out, capsys):  # noqa: F811
    """Run `build` with more arguments; return what it says."""
    def make(*arguments, code=0):
        capsys.readouterr()
        assert build(*arguments, "--data", data, "--out", out) == code
        return capsys.readouterr()

    return make


def pages(out):
    """Return what the site's files hold, but for when they were made."""
    return {name: _cells(out / name) if name.endswith(".xlsx") else (out / name).read_bytes()
            for name in listing(out) if not name.endswith("manifest.json")}


def _cells(workbook):
    sheets = openpyxl.load_workbook(workbook)
    return [[cell.value for row in sheet for cell in row if "yggd" not in str(cell.value)] for sheet in sheets]


# --- What the site holds ---------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [
    lambda out: shutil.rmtree(out), lambda out: shutil.rmtree(out / "malmo"),
    lambda out: (out / "malmo" / "ett.html").unlink(), lambda out: (out / "malmo" / "ny.html").touch(),
    lambda out: (out / "malmo" / "ett.html").write_text("ändrad i filen", encoding="utf-8"),
    lambda out: ((out / "malmo" / "ett.html").unlink(), (out / "malmo" / "ett.html").write_text("en annan fil")),
])
def test_a_build_of_some_does_not_bless_what_is_wrong_with_the_others(make, out, damage):
    make()
    before = pages(out)
    damage(out)
    make("ange")
    assert NOTHING not in make().out
    assert pages(out) == before
    assert make().out.startswith(NOTHING)


def test_a_build_of_some_leaves_the_others_known(make, project):  # noqa: F811
    make()
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "2")
    make("malmo")
    make("ange")
    assert make().out.startswith(NOTHING)


FIGURES = ("from analysis.present.book import open_book\nfrom analysis.present.pages import costs\n"
           "book = open_book(kommun, data, manifest)")


def test_pages_and_downloads_of_a_reused_chapter_are_those_of_one_that_is_run(make, project, out):  # noqa: F811
    """All that is made of it: its page, its pictures, its tables and the search."""
    chapter = project / "chapters" / "ett.ipynb"
    write_notebook(chapter, "Ett", FIGURES, "costs.outcome_chart(book, 'sfb')", "costs.outcome_table(book, 'sfb')")
    make("malmo")
    write_notebook(project / "chapters" / "index.ipynb", "En annan bok", "print(kommun)")
    assert "malmo: 1 kapitel" in make("malmo").out
    reused = pages(out)
    assert "malmo: 2 kapitel" in make("malmo", "--force").out
    assert pages(out) == reused
    kinds = [name.rpartition(".")[2] for name in reused if name.startswith(("malmo/tabeller/", "malmo/diagram/"))]
    assert sorted(kinds) == ["csv", "svg", "xlsx"]


# --- The guide -------------------------------------------------------------------------------------


@pytest.fixture
def guide(project):  # noqa: F811
    """A guide of two pages in the project."""
    folder = project / "chapters" / "handbok"
    folder.mkdir()
    (folder / "index.md").write_text("# Handbok\n\nEtt.\n", encoding="utf-8")
    (folder / "fel.md").write_text("# Fel\n\nHej.\n", encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n- file: fel\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("damage", [
    lambda page: page.write_text("ändrad i filen", encoding="utf-8"), lambda page: page.unlink(),
    lambda page: (page.unlink(), page.write_text("en annan fil", encoding="utf-8")),
])
def test_a_damaged_guide_is_made_right(make, guide, out, damage):
    make("malmo")
    before = pages(out)
    damage(out / "handbok" / "fel.html")
    assert NOTHING not in make("malmo").out
    assert pages(out) == before
    assert make("malmo").out.startswith(NOTHING)


def raising(error):
    """Return what raises an error instead of building the guide."""
    def fail(*arguments, **options):
        raise error

    return fail


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("error", "told"), [
    (OSError(errno.ENOSPC, "No space left on device", "handbok"), "disken är full"),
    (DataError([Fault("_toc.yml", "trasig", "en lista", "skriv en")]), "_toc.yml: trasig. väntat: en lista"),
])
def test_a_guide_that_fails_leaves_the_site_and_keeps_the_books(make, guide, out, monkeypatch, jobs, error, told):
    make()
    before = pages(out)
    with monkeypatch.context() as failing:
        failing.setattr(making, "build_guide", raising(error))
        said = make("--jobs", jobs, "--force", code=1)
    assert told in said.err.lower() and "Traceback" not in said.err
    assert pages(out) == before and not multiprocessing.active_children()
    assert "byggd" not in make().out


@pytest.mark.skipif(not CAN_FORK, reason="there is no fork")
def test_a_guide_that_dies_beside_the_books_is_told_of(make, guide, out, monkeypatch):
    make()
    before = pages(out)
    with monkeypatch.context() as failing:
        failing.setattr(making, "build_guide", lambda *_, **__: os._exit(1))
        failing.setattr(run, "make_manifest", raising(MissingData("ange: tabellen saknas")))
        said = make("--jobs", 2, "--force", code=1)
    # The books' faults are told as well as the guide's.
    assert "handboken: processen dog" in said.err and said.err.count("tabellen saknas") == 2
    assert pages(out) == before


@pytest.mark.skipif(not CAN_FORK, reason="there is no fork")
def test_ctrl_c_ends_a_guide_that_is_built_beside(make, guide, out, monkeypatch):
    make()
    before = pages(out)
    with monkeypatch.context() as stopped:
        stopped.setattr(making, "build_guide", lambda *_, **__: time.sleep(600))
        stopped.setattr(making, "build_books", raising(KeyboardInterrupt()))
        make("--jobs", 2, "--force", code=130)
    assert pages(out) == before and not multiprocessing.active_children()


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_guide_saved_meanwhile_is_not_kept_under_what_was_there_before(make, guide, out, monkeypatch, moment):
    from analysis.publish import guide as builder

    page, assemble = guide / "index.md", builder.assemble

    def saved(*arguments):
        if moment == "during":
            faults = assemble(*arguments)
            edit(page, "Ett.", "Två.")
            return faults
        return assemble(*arguments)

    def prepare(orders):
        whole(orders)
        edit(page, "Ett.", "Två.")

    whole = run.prepare
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(builder, "assemble", saved)
        if moment == "before":
            # When it has been looked at what there is to do, and the guide has not been read.
            meanwhile.setattr(making, "prepare", prepare)
        make("malmo")
    read = "Ett." if moment == "during" else "Två."
    assert read in (out / "handbok" / "index.html").read_text(encoding="utf-8")
    edit(page, "Två.", "Ett.")
    make("malmo")
    assert "Ett." in (out / "handbok" / "index.html").read_text(encoding="utf-8")
    assert make("malmo").out.startswith(NOTHING)
    edit(page, "Ett.", "Två.")
    make("malmo")
    assert "Två." in (out / "handbok" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("change", ["machine", "package"])
def test_the_guide_follows_what_the_books_follow(make, guide, monkeypatch, change):
    from analysis.publish import inputs

    make("malmo")
    if change == "machine":
        monkeypatch.setattr(inputs, "machine", lambda: "en annan version")
    else:
        monkeypatch.setattr(inputs, "CODE_SUFFIXES", {".py"})
    assert "handboken: byggd" in make("malmo").out


# --- What cannot be read ---------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="links ask for rights of their own there")
def test_a_file_that_cannot_be_read_stops_its_own_municipality_only(make, data, out, tmp_path):  # noqa: F811
    path = data / "kommuner" / "ange" / "borta.csv"
    path.symlink_to(tmp_path / "ingenstans")
    told = make(code=1)
    assert "borta.csv: filen eller mappen finns inte" in told.err and "malmo: " in told.out
    assert "1 bok byggd och 1 misslyckad." in told.out and not out.exists()
    path.unlink()
    assert "Bygger 1 bok (1 har inte ändrats)" in make().out
    path.symlink_to(tmp_path / "ingenstans")
    assert "borta.csv" in make(code=1).err
    assert "borta.csv" in make("ange", code=1).err
    assert make("malmo").out.startswith(NOTHING)


def test_a_card_with_a_day_that_is_not_in_the_calendar_stops_its_own_municipality_only(make, data):  # noqa: F811
    card = data / "kommuner" / "ange" / "kommun.yml"
    card.write_text(f"{card.read_text(encoding='utf-8')}\nprov: 2026-02-30\n", encoding="utf-8")
    told = make(code=1)
    assert ", fältet prov: datumet finns inte i kalendern" in told.err and "malmo: " in told.out


# --- The secret ------------------------------------------------------------------------------------


def test_books_made_under_a_damaged_secret_are_made_anew(make, out):
    make()
    path = out.parent / ".sajt-arbete" / "nyckel"
    path.write_bytes(b"")
    assert "Bygger 1 bok\n" in make("ange").out
    assert "Bygger 1 bok (1 har inte ändrats)" in make().out
    assert make().out.startswith(NOTHING) and path.read_bytes() == secret(path.parent)


# --- What somebody should look at ------------------------------------------------------------------


def doubtful(folder):
    """Give a municipality a figure that cannot be right."""
    edit(folder / "kommuner" / "malmo" / "kommun.yml", "  - varning: avvikelse_i_kronor_och_timmar-2021-ff16\n",
         "  - varning: ett_namn_som_inte_finns\n")


def test_what_there_was_to_look_at_is_told_as_long_as_it_is_there(make, data):  # noqa: F811
    doubtful(data)
    first = make().err.splitlines()
    assert len([line for line in first if line.startswith("Varning: ")]) == 2 and first[-1].startswith("2 varningar.")
    told = "2 varningar om 1 oförändrad kommun står kvar. Se dem med: python -m analysis check\n"
    assert make().err == told and make("malmo").err == told and make("ange").err == ""
    (data / "kommuner" / "ange" / "ny.md").touch()
    assert make().err.endswith(told)
    path = data / "kommuner" / "malmo" / "kommun.yml"
    edit(path, "  - varning: ett_namn_som_inte_finns\n", "  - varning: avvikelse_i_kronor_och_timmar-2021-ff16\n")
    assert "står kvar" not in make().err
    assert make().err == ""


def test_a_parameter_that_comes_of_age_is_told_though_nothing_has_changed(make, data, out, monkeypatch):  # noqa: F811
    from analysis.publish import command

    path = data / "nationellt" / "parametrar.yml"
    path.write_text(re.sub(r"(?m)^(\s+kontrollerad_till): \S+", r"\1: 2098-12-31", path.read_text(encoding="utf-8")),
                    encoding="utf-8")
    assert "kontrollerad till" not in make().err
    assert make().err == ""

    class Day(datetime.date):
        @classmethod
        def today(cls):
            return cls(2098, 12, 31)

    # The module is one for all, so a build with something to do sees the same day.
    monkeypatch.setattr(command.datetime, "date", Day)
    assert make().err == ""
    monkeypatch.setattr(Day, "today", classmethod(lambda cls: cls(2099, 1, 1)))
    told = make()
    assert told.out.startswith(NOTHING) and len(told.err.splitlines()) > 5
    assert all(re.fullmatch("Varning: .* är kontrollerad till 2098-12-31; se efter om det finns ett nytt värde.", line)
               for line in told.err.splitlines())
    for damage in ((out / "index.html").unlink, (data / "kommuner" / "ange" / "ny.md").touch):
        damage()
        assert "".join(line for line in make().err.splitlines(keepends=True) if line.startswith("Varning")) == told.err


# --- What is gone ------------------------------------------------------------------------------------


def test_what_a_municipality_that_is_gone_has_left_is_thrown_away_in_time(make, data, out):  # noqa: F811
    make()
    shutil.rmtree(data / "kommuner" / "ange")
    work = out.parent / ".sajt-arbete"
    left = [work / "books" / "ange", work / "kapitel" / "ange", work / "klara" / "ange.json"]
    make()
    assert all(path.exists() for path in left) and not (out / "ange").exists()
    for path in left:
        os.utime(path, (0, 0))
        os.utime(path.parent / path.name.replace("ange", "malmo"), (0, 0))
    make("--force")
    assert not any(path.exists() for path in left)
    assert {path.name for path in (work / "books").iterdir()} == {"malmo"}
    assert make().out.startswith(NOTHING)


# --- Two at once -----------------------------------------------------------------------------------


SLOW = "import pathlib, time\npathlib.Path({note!r}).touch()\nwhile pathlib.Path({wait!r}).exists(): time.sleep(0.05)"


def started(root, folder, out, *more):
    """Start a build in a process of its own."""
    code = textwrap.dedent(f"""
        import pathlib, sys
        from analysis import cli
        cli.PROJECT_ROOT = pathlib.Path({str(root)!r})
        sys.exit(cli.main(["build", "malmo", "--data", {str(folder)!r}, "--out", {str(out)!r}, *{list(more)!r}]))
    """)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(DATA.parent)})


def until(true, process):
    """Wait for something that a process brings about."""
    while not true():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.parametrize("killed", [False, True])
def test_a_build_waits_for_no_other_and_leaves_it_in_peace(make, project, data, out, tmp_path, killed):  # noqa: F811
    note, wait = tmp_path / "igång", tmp_path / "vänta"
    wait.touch()
    make()
    before = pages(out)
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", SLOW.format(note=str(note), wait=str(wait)))
    first = started(project, data, out)
    until(note.exists, first)
    work = listing(out.parent / ".sajt-arbete")
    second = started(project, data, out)
    told = second.communicate()
    assert second.returncode == 1 and not told[0]
    assert told[1] == (f"Ett annat bygge av {out} pågår, kanske i ett annat fönster eller med serve. Vänta tills det "
                       "är klart och försök igen. Ingenting är ändrat.\n")
    assert pages(out) == before and listing(out.parent / ".sajt-arbete") == work
    if killed:
        first.kill()
    wait.unlink()
    told = first.communicate()
    assert killed or first.returncode == 0, told
    assert (NOTHING in make("malmo").out) == (not killed)
    assert make("malmo").out.startswith(NOTHING)


def test_a_build_with_nothing_to_do_heeds_no_other(make, project, data, out, tmp_path):  # noqa: F811
    make()
    note, wait = tmp_path / "igång", tmp_path / "vänta"
    wait.touch()
    chapter = project / "chapters" / "ett.ipynb"
    kept = chapter.read_bytes()
    write_notebook(chapter, "Ett", SLOW.format(note=str(note), wait=str(wait)))
    first = started(project, data, out)
    until(note.exists, first)
    chapter.write_bytes(kept)
    assert make("ange").out.startswith(NOTHING)
    wait.unlink()
    first.communicate()


def test_a_folder_that_is_not_a_site_gets_nothing_beside_it(project, data, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "egen" / "mapp"
    out.mkdir(parents=True)
    (out / "brev.txt").touch()
    assert build("malmo", "--data", data, "--out", out) == 1
    assert "skrivs därför inte över" in capsys.readouterr().err
    assert [path.name for path in out.parent.iterdir()] == ["mapp"]


def test_what_another_build_made_meanwhile_is_not_taken_for_what_was_asked_for(make, data, out, monkeypatch):  # noqa: F811
    """The data are changed and a build of them ends just before this one, which saw the old data, takes the lock."""
    make()
    (data / "kommuner" / "malmo" / "ny.md").touch()
    card, alone = data / "kommuner" / "ange" / "kommun.yml", making._alone
    kept = card.read_bytes()

    def after_another(state):
        with monkeypatch.context() as other:
            other.setattr(making, "_alone", alone)
            edit(card, "namn: Ånge", "syntetisk: true\nnamn: Onge")
            assert build("ange", "--data", data, "--out", out) == 0
            card.write_bytes(kept)
        return alone(state)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(making, "_alone", after_another)
        assert "2 böcker byggda." in make().out
    assert "Onge" not in (out / "index.html").read_text(encoding="utf-8")
    assert make().out.startswith(NOTHING)
