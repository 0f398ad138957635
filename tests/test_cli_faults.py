"""Whatever a user can do wrong: words in Swedish with what to do, a code, no traceback, and nothing lost."""

from __future__ import annotations

import builtins
import errno
import http.server
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
import requests
import yaml
from conftest import DATA, edit
from test_publish import TABLE, fake_book, write_notebook

from analysis import __main__ as start
from analysis import cli
from analysis.publish import making, site
from analysis.publish.plan import PROJECT_ROOT
from analysis.sources import fetch
from analysis.sources.kolada import Patience

ANGE = "kommuner/ange"
CARD, FACTS, SOURCES = f"{ANGE}/kommun.yml", f"{ANGE}/fakta.csv", "kallor.yml"
ADVICE = "Gör så här: "
# Words that only a programmer knows.
PROGRAMMERS = re.compile(
    r"Traceback|Errno|Exception|Error\b|\bNone\b|\bnan\b|File \"|No such file|Is a directory|Permission denied|<class"
)
# Each command as it is given when all is well; what it reads and writes lies in the folder where it is run.
COMMANDS = {
    "check": ["check", "ange", "--data", "data"],
    "import": ["import", "ange.xlsx", "--data", "data"],
    "export": ["export", "ange", "--data", "data", "--fil", "ut.xlsx"],
    "new": ["new", "--namn", "Eslöv", "--data", "data", "--fil", "ny.xlsx"],
    "fetch": ["fetch", "ange", "--data", "data", "--offline"],
    "build": ["build", "ange", "--data", "data", "--out", "sajt"],
    "notebooks": ["notebooks"],
}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and every folder and link, hidden ones too."""
    found = {}
    for path in folder.rglob("*"):
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[path.relative_to(folder).as_posix()] = content
    return found


def assert_told(words: str) -> None:
    """The words are such as a controller can read."""
    assert words.strip()
    assert not PROGRAMMERS.search(words), words


@pytest.fixture(scope="module")
def workbook(tmp_path_factory) -> bytes:
    """Ånge's workbook."""
    path = tmp_path_factory.mktemp("bok") / "ange.xlsx"
    assert cli.main(["export", "ange", "--fil", str(path)]) == 0
    return path.read_bytes()


@pytest.fixture
def here(tmp_path, monkeypatch, workbook) -> Path:
    """A folder with å and a blank in its name, the data, a workbook, a site and a small project; commands run in it."""
    folder = tmp_path / "på skrivbordet"
    shutil.copytree(DATA / "nationellt", folder / "data" / "nationellt")
    shutil.copytree(DATA / ANGE, folder / "data" / ANGE)
    shutil.copy(DATA / SOURCES, folder / "data")
    edit(folder / "data" / CARD, "grannar: [malmo, huddinge, bjuv, goteborg, lund]\n", "")
    (folder / "ange.xlsx").write_bytes(workbook)
    book = fake_book(tmp_path / "bok", "bro", "den gamla")
    site.publish({"bro": book}, folder / "sajt", carry_over=False)
    root = folder / "projekt"
    root.mkdir()
    shutil.copy(PROJECT_ROOT / "_config.yml", root)
    toc = {"format": "jb-book", "root": "chapters/index", "chapters": [{"file": "chapters/ett"}]}
    (root / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    write_notebook(root / "chapters" / "index.ipynb", "Boken", "print(kommun)")
    write_notebook(root / "chapters" / "ett.ipynb", "Ett", TABLE)
    monkeypatch.setattr(cli, "PROJECT_ROOT", root)
    monkeypatch.chdir(folder)
    return folder


# --- Files and folders that are not as they should be -------------------------------------------------


def replaced_by_folder(file: str) -> Callable[[Path], None]:
    def do(data: Path) -> None:
        (data / file).unlink()
        (data / file).mkdir()

    return do


def gone(file: str) -> Callable[[Path], None]:
    def do(data: Path) -> None:
        path = data / file
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return do


def holding(file: str, content: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda data: (data / file).write_text(content, encoding=encoding)


def a_file_for_a_folder(folder: str) -> Callable[[Path], None]:
    def do(data: Path) -> None:
        shutil.rmtree(data / folder)
        (data / folder).write_text("ingen mapp", encoding="utf-8")

    return do


def linked(file: str, target: str) -> Callable[[Path], None]:
    def do(data: Path) -> None:
        (data / file).unlink()
        (data / file).symlink_to(target)

    return do


READERS = ("check", "export", "build")
DAMAGED_DATA = [
    (gone("."), tuple(COMMANDS)[:-1], "mappen finns inte"),
    (gone(SOURCES), (*READERS, "import", "new", "fetch"), "kallor.yml"),
    (replaced_by_folder(SOURCES), (*READERS, "import", "new", "fetch"), "det är en mapp och inte en fil"),
    (holding(SOURCES, "a:\n\tb: c"), (*READERS, "import", "new", "fetch"), "kallor.yml"),
    (replaced_by_folder(FACTS), READERS, "det är en mapp och inte en fil"),
    (linked(FACTS, "fakta.csv"), READERS, "leder tillbaka till sig själv"),
    (linked(FACTS, "borta.csv"), READERS, "filen eller mappen finns inte"),
    (gone(CARD), (*READERS, "fetch"), "filen saknas"),
    (replaced_by_folder(CARD), (*READERS, "fetch"), "det är en mapp och inte en fil"),
    (holding(CARD, "namn: Ånge\n\tkod: '1280'\n"), (*READERS, "fetch"), "rad 2: raden går inte att läsa"),
    (holding(CARD, "namn: Ånge\n", "utf-16"), (*READERS, "fetch"), "inte skriven i UTF-8"),
    (holding(CARD, "- en\n- lista\n"), (*READERS, "fetch"), "tom eller ingen lista med namn"),
    (gone(ANGE), (*READERS, "fetch"), "kommunen ”ange” finns inte"),
    (a_file_for_a_folder(ANGE), (*READERS, "fetch"), "kommunen ”ange” finns inte"),
    (a_file_for_a_folder("kommuner"), (*READERS, "fetch", "new"), ADVICE),
    (gone("nationellt"), (*READERS, "import", "new", "fetch"), "filen saknas"),
    (a_file_for_a_folder("nationellt"), (*READERS, "import", "new", "fetch"), ADVICE),
    (replaced_by_folder("nationellt/kommuner.csv"), ("new",), "det är en mapp och inte en fil"),
    (replaced_by_folder("nationellt/befolkning.csv"), (*READERS, "import"), "det är en mapp och inte en fil"),
    (gone("nationellt/kolada.yml"), ("fetch",), "filen saknas"),
    (holding("nationellt/kolada.yml", "nyckeltal: 7"), ("fetch",), "kolada.yml"),
]


@pytest.mark.parametrize(("damage", "commands", "words"), DAMAGED_DATA)
def test_damaged_data_is_told_by_every_command(here, capsys, damage, commands, words):
    damage(here / "data")
    before = tree(here)
    for command in commands:
        assert cli.main(COMMANDS[command]) == 1, command
        error = capsys.readouterr().err
        assert words in error and ADVICE in error, command
        assert_told(error)
    # A build keeps what it has made beside the site, out of sight, whatever came of the municipality.
    assert visible(tree(here)) == visible(before)


DAMAGED_PROJECT = [
    (gone("_toc.yml"), "_toc.yml: filen saknas"),
    (holding("_toc.yml", "format: [\n\t"), "_toc.yml, rad 2: raden går inte att läsa"),
    (holding("_toc.yml", ""), "_toc.yml: filen är tom"),
    (holding("_toc.yml", "root: å", "latin-1"), "_toc.yml: filen är inte skriven i UTF-8"),
    (holding("_toc.yml", "parts: []"), "fel form"),
    (holding("_toc.yml", "root: 5\nparts: 7"), "fel form"),
    (holding("_toc.yml", "root: 5"), "fel form"),
    (holding("_toc.yml", "root: chapters/index\nchapters:\n- fil: chapters/ett"), "fel form"),
    (holding("_toc.yml", "root: chapters/index\nchapters:\n- file: chapters/tre"), "tre.ipynb: filen eller mappen"),
    (gone("chapters"), "index.ipynb: filen eller mappen finns inte"),
    (replaced_by_folder("chapters/ett.ipynb"), "ett.ipynb: det är en mapp"),
    (holding("chapters/ett.ipynb", '{"cells": ['), "ett.ipynb: kapitlet är skadat"),
    (holding("chapters/ett.ipynb", "[1, 2]"), "ett.ipynb: kapitlet är skadat"),
    (holding("chapters/ett.ipynb", "{}"), "ett.ipynb: kapitlet är skadat"),
    (holding("chapters/ett.ipynb", "{å", "latin-1"), "ett.ipynb: kapitlet är skadat"),
    (
        holding(
            "chapters/ett.ipynb",
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"assistansboken": []}, "cells": []}),
        ),
        "ett.ipynb: kapitlet är skadat",
    ),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGED_PROJECT)
def test_a_damaged_project_is_told_by_every_command(here, capsys, damage, words):
    damage(here / "projekt")
    before = tree(here)
    for command in ("build", "new", "export", "notebooks"):
        assert cli.main(COMMANDS[command]) == 1
        error = capsys.readouterr().err
        assert words in error and ADVICE in error
        assert_told(error)
    assert tree(here) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "_config.yml: filen saknas"),
        ("title: [\n\t", "_config.yml, rad 2: raden går inte att läsa"),
        ("", "_config.yml: filen är tom"),
        ("title: 5\nsphinx: 4", "_config.yml, fältet sphinx: fel slags värde. Står nu: ”4”"),
        ("title: Boken\nsphinx: {config: 4}", "_config.yml, fältet sphinx.config: fel slags värde"),
    ],
)
def test_settings_that_cannot_be_read(here, capsys, content, words):
    path = here / "projekt" / "_config.yml"
    path.unlink() if content is None else path.write_text(content, encoding="utf-8")
    before = tree(here / "sajt")
    assert cli.main(COMMANDS["build"]) == 1
    error = capsys.readouterr().err
    assert words in error and "Den gamla webbplatsen står kvar." in error
    assert_told(error)
    assert tree(here / "sajt") == before


def test_a_chapter_without_its_municipality_is_told(here, capsys):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Ett")])
    nbformat.write(notebook, here / "projekt" / "chapters" / "ett.ipynb")
    assert cli.main(COMMANDS["notebooks"]) == 1
    error = capsys.readouterr().err
    assert "kapitlet ett: cellen märkt ”parameters” saknar kommun" in error
    assert_told(error)


VALUES = ["Malmö", 5, -1, 1.5, True, None, [], [1], {}, {"fran": 1}, "", "<script>", "a" * 500, 10**30, float("nan")]
FIELDS = ["namn", "kod", "lan", "namnd", "uppdragsgivare", "uppdrag", "uppdrag_kalla", "uppdrag_plats", "period"]
FIELDS += ["omrade", "jamfor_med", "grannar", "dokument", "befriad_mnkr", "antaganden", "tillganglighet"]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(value)[:10])
def test_a_card_may_hold_anything(here, capsys, value):
    (here / "data" / CARD).write_text(yaml.safe_dump(dict.fromkeys(FIELDS, value)), encoding="utf-8")
    assert cli.main(["check", "--data", "data"]) == 1
    error = capsys.readouterr().err
    assert f"{CARD}, fältet " in error
    assert_told(error.replace("Står nu: ”.nan”", ""))


# --- What is written on the command line --------------------------------------------------------------

LONG = "a" * 300
WRONG = [
    (["import", ""], "det är en mapp och inte en fil"),
    (["import", "."], "det är en mapp och inte en fil"),
    (["import", f"{LONG}.xlsx"], "namnet går inte att använda"),
    (["import", "data"], "det är en mapp och inte en fil"),
    (["import", "borta.xlsx"], "filen finns inte i mappen /"),
    (["import", "borta/ange.xlsx"], "/borta finns inte"),
    (["import", "ange"], "menar du ange.xlsx? Annars: skriv hela sökvägen"),
    (["import", "ange.xlsx/ange.xlsx"], "filen eller mappen finns inte"),
    (["export", "ange", "--fil", f"{LONG}.xlsx"], "namnet går inte att använda"),
    (["export", "ange", "--fil", "ange.xlsx/ut.xlsx"], "ange.xlsx/ut.xlsx: filen eller mappen finns inte"),
    (["export", "ange", "--fil", "data"], "finns redan och skrivs inte över"),
    (["export", "angee"], "skriv ”ange”"),
    (["export", ""], "kommunen ”” finns inte"),
    (["export", ".."], "kommunen ”..” finns inte"),
    (["new", LONG, "--namn", "Eslöv"], "namnet går inte att använda"),
    (["new", "--namn", "Eslöv", "--fil", f"{LONG}.xlsx"], "namnet går inte att använda"),
    (["new", "--namn", "Eslöv", "--fil", "."], "--fil: filens namn är tomt"),
    (["new", "--namn", "Eslöv", "--fil", ""], "--fil: filens namn är tomt"),
    (["export", "ange", "--fil", " "], "--fil: filens namn är tomt"),
    (["export", "ange", "--fil", "data/kommuner/ange/e.xlsx"], "får inte ligga bland tabellerna"),
    (["export", "ange", "--fil", "data/kommuner/ange/min bok"], 'skriv --fil "min bok".'),
    (["new", "--namn", "Eslöv", "--fil", "data/nationellt/../kommuner/e.xlsx"], "skriv --fil e.xlsx."),
    (["new", ""], "det går inte att se vilken kommun det gäller"),
    (["check", LONG], "finns inte"),
    (["check", "../data"], "finns inte"),
    (["check", "--data", "ange.xlsx"], "mappen finns inte"),
    (["check", "--data", LONG], "namnet går inte att använda"),
    (["build", "ange", "--out", LONG], "namnet går inte att använda"),
    (["build", "ange", "--out", "ange.xlsx/sajt"], "filen eller mappen finns inte"),
    (["build", "ange", "--out", "ange.xlsx"], "skrivs därför inte över"),
    (["build", "ange", "--out", "data"], "skrivs därför inte över"),
    (["build", "ange", "--out", "."], "skrivs därför inte över"),
    (["build", "ange", "--out", "/"], "skrivs därför inte över"),
    (["build", "eslov"], "kommunen ”eslov” finns inte"),
    (["fetch", "--api", "http://[::1"], "är ingen adress"),
    (["fetch", "--api", "http://a:99999/"], "är ingen adress"),
    (["fetch", "--api", "kolada"], "är ingen adress"),
    (["fetch", "eslov"], "kommunen ”eslov” finns inte"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_what_is_wrong_on_the_command_line_is_told(here, capsys, arguments, words):
    before = tree(here)
    data = [] if "--data" in arguments else ["--data", "data"]
    assert cli.main([*arguments, *data]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert_told(error)
    assert tree(here) == before


@pytest.mark.parametrize(
    "arguments", [[], ["bygg"], ["check", "--okänt"], ["import"], ["build", "--jobs", "0"], ["new", "--fran", "x"]]
)
def test_a_command_line_that_cannot_be_understood(capsys, arguments):
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("användning: ") and "fel: " in error
    assert_told(error)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["import", "ange.xlsx", "--torkörning"], "okända argument: --torkörning; menar du --torrkorning?\n"),
        (["check", "--xyz"], "okända argument: --xyz\n"),
        (["import", "min", "bok", "2025.xlsx"], 'sätt citattecken om det: "min bok 2025.xlsx"\n'),
        (["new", "--namn", "Upplands", "Väsby", "kommun"], "har ett namn mellanslag, sätt citattecken om det\n"),
    ],
)
def test_a_word_that_nothing_takes_is_told_what_was_meant(capsys, arguments, told):
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.endswith(told)


def test_a_command_that_is_none_is_told_in_words(capsys):
    assert cli.main(["bild"]) == 2
    assert "fel: kommandot ”bild” finns inte (välj bland " in capsys.readouterr().err


def test_a_workbook_gets_its_ending(here, capsys):
    assert cli.main(["export", "ange", "--data", "data", "--fil", "ange-2026"]) == 0
    assert Path("ange-2026.xlsx").is_file() and not Path("ange-2026").exists()
    assert "ange-2026.xlsx" in capsys.readouterr().out
    assert cli.main(["new", "--namn", "Eslöv", "--data", "data", "--fil", "mapp.2026"]) == 0
    assert Path("mapp.2026.xlsx").is_file()
    assert cli.main(["export", "ange", "--data", "data", "--fil", "ANGE.XLSX"]) == 0
    assert Path("ANGE.XLSX").is_file()


def test_the_way_from_nothing_to_a_workbook_is_told(here, capsys):
    for slug, name in (("eslov", "Eslöv"), ("Eslöv", "Eslöv"), ("upplands-vasby", '"Upplands Väsby"')):
        assert cli.main(["check", slug, "--data", "data"]) == 1
        assert f"Gör så här: kör new --namn {name}." in capsys.readouterr().err
    assert cli.main(["check", "angee", "--data", "data"]) == 1
    assert "Gör så här: skriv ”ange”." in capsys.readouterr().err
    assert cli.main(["new", "--namn", "Eslöv", "--data", "data"]) == 0
    capsys.readouterr()
    for table in Path("data/nationellt").glob("*.csv"):
        rows = table.read_text(encoding="utf-8").splitlines(keepends=True)
        table.write_text("".join(row for row in rows if ";Eslöv;" not in row or table.stem == "kommuner"), "utf-8")
    assert cli.main(["check", "eslov", "--data", "data"]) == 0
    out = capsys.readouterr().out
    assert "eslov: underlaget för Eslöv är ännu tomt." in out and "import eslov.xlsx" in out and "i ordning" not in out


# --- The computer refuses -----------------------------------------------------------------------------

REFUSALS = [
    (PermissionError(errno.EACCES, "Permission denied"), 1, "öppen i ett annat program"),
    (OSError(errno.ENOSPC, "No space left on device"), 1, "disken är full"),
    (KeyboardInterrupt(), 130, "Avbrutet."),
]
CLEANING = ("unlink", "rmdir")


@contextmanager
def refused(error: BaseException, turn: int, folder: Path) -> Iterator[list[str]]:
    """Let the n-th thing that is done to what lies in a folder fail, whatever it is; what is done is listed."""
    done: list[str] = []

    def failing(real, name):
        def call(path, *arguments, **options):
            mode = arguments[0] if name == "open" and arguments else options.get("mode", "r")
            inside = (
                isinstance(path, (str, Path)) and str(folder) in os.path.abspath(path) and not options.get("dir_fd")
            )
            if inside and (name != "open" or mode[0] in "wax"):
                done.append(name)
                if len(done) == turn:
                    raise error
            return real(path, *arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for place, name in (
            *((os, name) for name in ("mkdir", "rename", "replace", *CLEANING)),
            (io, "open"),
            (builtins, "open"),
        ):
            patch.setattr(place, name, failing(getattr(place, name), name))
        yield done


def visible(files: dict[str, bytes]) -> dict[str, bytes]:
    """What lies where an analyst sees it."""
    return {name: content for name, content in files.items() if not re.search(r"(^|/)\.", name)}


def beside_work(files: dict[str, bytes]) -> dict[str, bytes]:
    """What lies anywhere but in the folder where a build keeps what it has made."""
    return {name: content for name, content in files.items() if not name.startswith(".sajt-arbete")}


def restore(folder: Path, kept: Path) -> None:
    """Let a folder hold what a copy of it holds."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(kept, folder, dirs_exist_ok=True)


@pytest.mark.parametrize(("error", "code", "words"), REFUSALS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("command", ["import", "export", "new", "build"])
def test_every_write_may_fail_and_nothing_is_lost(here, capsys, monkeypatch, command, error, code, words):
    """Turn after turn, until a run comes through without reaching the write that is to fail."""
    book, publish = fake_book(here / "bok", "aby", "den nya"), site.publish
    if command == "build":  # only what is done with a book that is ready
        monkeypatch.setattr(making, "prepare", lambda orders: None)
        monkeypatch.setattr(making, "build_books", lambda *given, **more: [])
        monkeypatch.setattr(site, "publish", lambda books, *rest, **more: publish({"aby": book}, *rest, **more))
    kept = shutil.copytree(here, here.parent / "kopia")
    before, failed = tree(here), 0
    for turn in itertools.count(1):
        with refused(error, turn, here) as done:
            status = cli.main(COMMANDS[command])
        said, after = capsys.readouterr().err, tree(here)
        if len(done) < turn:
            break
        if status:
            failed += 1
            assert status == code and words in said
            assert_told(said)
            assert visible(after) == visible(before), done
            assert beside_work(after) == beside_work(before) or done[turn - 1] in CLEANING, done
        else:
            # A folder that was there already, or something no longer needed that could not be taken away.
            # After a build also the note of what the site holds, without which the next one only has more to do.
            assert done[turn - 1] in ("mkdir", *CLEANING) or command == "build", done
            assert visible(after) != visible(before)
            restore(here, kept)
    assert status == 0 and failed > 1
    assert visible(after) != visible(before)


def test_a_site_that_is_open_in_another_program_stands(here, capsys, monkeypatch):
    """Windows refuses to rename a folder that is open; the site is then as it was, and nothing lies beside it."""
    monkeypatch.setattr(making, "build_books", lambda *given, **more: [])
    fake_book(here / ".sajt-arbete" / "books" / "ange", "ange")
    before, rename = tree(here), os.rename

    def refusing(source, target, **options):
        if Path(source).name == "sajt":
            raise PermissionError(errno.EACCES, "Åtkomst nekad", str(source), None, str(target))
        rename(source, target, **options)

    monkeypatch.setattr(os, "rename", refusing)
    assert cli.main(COMMANDS["build"]) == 1
    error = capsys.readouterr().err
    assert "Utforskaren" in error and "Den gamla webbplatsen står kvar." in error
    assert beside_work(tree(here)) == beside_work(before)


def test_an_old_site_half_taken_away_is_taken_away_the_next_time(tmp_path):
    out, book = tmp_path / "sajt", fake_book(tmp_path / "bok", "aby", "den nya")
    site.publish({"aby": book}, out, carry_over=False)
    left = shutil.copytree(out, tmp_path / ".sajt-old")
    (left / "index.html").unlink()
    site.publish({"aby": book}, out, carry_over=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bok", "sajt"]


def test_a_book_half_taken_away_is_not_taken_for_a_whole_one(here, monkeypatch):
    """Cut short while an old book makes way for a new one, what is left of it is never published."""
    assert cli.main(COMMANDS["build"]) == 0
    rmtree = shutil.rmtree

    def cut_short(path, *arguments, **options):
        if Path(path).parent.name == "books":
            (Path(path) / "ett.html").unlink()
            raise KeyboardInterrupt
        rmtree(path, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "rmtree", cut_short)
        assert cli.main([*COMMANDS["build"], "--force"]) == 1  # it is the book's process that is cut short
    assert cli.main(COMMANDS["build"]) == 0
    assert (here / "sajt" / "ange" / "ett.html").is_file()


# --- The network --------------------------------------------------------------------------------------


class Proxy(http.server.BaseHTTPRequestHandler):
    """A proxy that asks for a password."""

    def do_CONNECT(self):
        """Refuse."""
        self.send_error(407)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The host and port of a proxy that asks for a password, and that speaks no TLS."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("address", "proxied", "words"),
    [
        ("http://127.0.0.1:9/v3", False, "Kontrollera att datorn har nät"),
        ("http://finns-inte.invalid/v3", False, "Kontrollera att datorn har nät"),
        ("https://{server}/v3", False, "krypterade förbindelsen"),
        ("https://finns-inte.invalid/v3", True, "genom nätverkets proxy"),
    ],
)
def test_a_network_that_does_not_work(here, capsys, monkeypatch, server, address, proxied, words):
    monkeypatch.setattr(fetch, "Patience", lambda: Patience(connect=2, read=2, attempts=2, first_wait=0))
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    if proxied:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{server}")
    before = tree(here)
    assert cli.main(["fetch", "ange", "--data", "data", "--api", address.format(server=server)]) == 1
    error = capsys.readouterr().err
    assert words in error and "Tabellerna är som förut." in error
    assert_told(error)
    assert tree(here) == before


def test_a_certificate_that_the_computer_does_not_trust(here, capsys, monkeypatch):
    def refuse(*arguments, **options):
        raise requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate in chain")

    monkeypatch.setattr(requests.Session, "get", refuse)
    assert cli.main(["fetch", "ange", "--data", "data"]) == 1
    error = capsys.readouterr().err
    assert "litar inte på certifikatet" in error and "den som sköter nätet" in error
    assert_told(error)


# --- The command as a process of its own --------------------------------------------------------------


def command(*arguments: str, **more) -> subprocess.Popen:
    """Start `python -m analysis` with what it says in pipes, unless told otherwise."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **more.pop("environment", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.Popen([sys.executable, "-m", "analysis", *arguments], env=environment, **pipes)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_a_terminal_that_has_not_every_letter(encoding):
    for arguments, code in ((["check", "Ångermanland", "ang\udce5"], 1), (["--help"], 0), (["bygg"], 2)):
        process = command(*arguments, environment={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
        out, error = process.communicate(timeout=60)
        assert process.returncode == code
        assert_told((out + error).decode(encoding))


@pytest.mark.skipif(os.name == "nt", reason="a shell of another kind")
@pytest.mark.parametrize("closing", ["| head -c 1", ">&-", "2>&-", ">&- 2>&-", "> /dev/full"])
def test_nobody_listens_to_what_is_said(closing):
    line = f'"{sys.executable}" -m analysis --help {closing}; "{sys.executable}" -m analysis check ange {closing}'
    done = subprocess.run(
        ["sh", "-c", line], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert not PROGRAMMERS.search(done.stdout + done.stderr), done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_package_that_is_missing_is_told_with_how_to_install_it(tmp_path):
    for missing, words in (("pandas", "Paketet pandas saknas"), ("yaml", "Paketet yaml saknas")):
        (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('', name={missing!r})", encoding="utf-8")
        path = os.pathsep.join([str(tmp_path), str(PROJECT_ROOT)])
        process = command("check", environment={"PYTHONPATH": path})
        _, error = process.communicate(timeout=60)
        assert process.returncode == 1
        told = error.decode("utf-8")
        assert words in told and ".venv" in told and "requirements.txt" in told
        assert_told(told)
        (tmp_path / f"{missing}.py").unlink()


def test_the_way_to_install_is_that_of_the_guide():
    guide = (PROJECT_ROOT / "chapters" / "handbok" / "index.md").read_text(encoding="utf-8")
    steps = [line.strip() for line in start.INSTALL.splitlines() if "install " in line and line.startswith(" ")]
    assert len(steps) == 2 and all(step in guide for step in steps)


def test_an_older_python_is_told(monkeypatch, capsys):
    required = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "requires-python"
    ]
    assert required == ">=" + ".".join(map(str, start.OLDEST_PYTHON))
    monkeypatch.setattr(sys, "version_info", (3, 8, 10, "final", 0))
    assert start.run() == 1
    error = capsys.readouterr().err
    assert "Det här är Python 3.8, och programmet behöver Python 3.11 eller senare." in error


@pytest.fixture
def started(monkeypatch) -> Iterator[None]:
    """The signal that `run` takes over is given back."""
    kept = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, kept)


def test_a_fault_of_the_programs_own_is_kept_in_a_file(tmp_path, monkeypatch, capsys, started):
    def stumble():
        raise ZeroDivisionError("ett fel som ingen har tänkt på")

    monkeypatch.setattr(cli, "main", stumble)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert start.run() == 1
    error = capsys.readouterr().err
    (kept,) = tmp_path.iterdir()
    assert "det beror inte på dig" in error and str(kept) in error
    assert_told(error)
    assert "ZeroDivisionError: ett fel som ingen har tänkt på" in kept.read_text(encoding="utf-8")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "finns inte"))
    assert start.run() == 1
    assert "Skicka den här raden" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches the whole console there")
def test_ctrl_c_before_the_commands_are_there(tmp_path):
    """While packages are imported, which takes the first second."""
    (tmp_path / "pandas.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)", encoding="utf-8"
    )
    process = command("check", environment={"PYTHONPATH": os.pathsep.join([str(tmp_path), str(PROJECT_ROOT)])})
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.decode("utf-8").splitlines() == ["Avbrutet. Underlaget är oförändrat."]


SLOW = """
import os, pathlib, time
pathlib.Path({note!r}).write_text(str(os.getpid()))
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches the whole console there")
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("moment", ["workers start", "a chapter runs"])
def test_ctrl_c_during_a_build(here, moment, times):
    """As in a terminal, to every process of the command; the impatient press more than once."""
    note = here / "kärna"
    write_notebook(here / "projekt" / "chapters" / "ett.ipynb", "Ett", SLOW.format(note=str(note)))
    code = textwrap.dedent(f"""
        import sys, pathlib
        from analysis import cli, __main__
        cli.PROJECT_ROOT = pathlib.Path({str(here / "projekt")!r})
        sys.argv = ["analysis", *{[*COMMANDS["build"], "--jobs", "2"]!r}]
        sys.exit(__main__.run())
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    before = tree(here / "sajt")
    while "Bygger 1 bok" not in process.stdout.readline():
        assert process.poll() is None, process.stderr.read()
    waited = 0
    while moment == "a chapter runs" and not (note.exists() and note.read_text()):
        waited += 1
        assert waited < 600
        time.sleep(0.1)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    *checked, last = error.splitlines()
    assert last == "Avbrutet. Den gamla webbplatsen står kvar."
    assert all(line.startswith("Kontrollerat i data/") for line in checked), error
    assert tree(here / "sajt") == before
    if note.exists():
        assert not alive(int(note.read_text()))


def alive(process: int) -> bool:
    """Whether a process is still there after a while; a kernel sees within seconds that its parent has gone."""
    for _ in range(50):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
def test_a_disk_that_takes_no_more(here):
    """A real refusal, of every process and library at once: no file may grow beyond a few kilobytes."""
    before = tree(here)
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); "
    for name in ("export", "new", "import", "build"):
        code = limited + textwrap.dedent(f"""
            import pathlib
            from analysis import cli, __main__
            cli.PROJECT_ROOT = pathlib.Path({str(here / "projekt")!r})
            sys.argv = ["analysis", *{COMMANDS[name]!r}]
            sys.exit(__main__.run())
        """)
        done = subprocess.run(
            [sys.executable, "-B", "-c", code],
            env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 1, name
        assert "disken tar inte emot så stora filer" in done.stderr, done.stderr
        assert_told(done.stderr)
        assert visible(tree(here)) == visible(before)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is forbidden to this user")
@pytest.mark.parametrize("name", ["import", "export", "new", "build"])
def test_a_folder_that_may_not_be_written_to(here, capsys, name):
    before = tree(here)
    for folder in (here, here / "data", here / "data" / "kommuner"):
        folder.chmod(0o555)
    try:
        assert cli.main(COMMANDS[name]) == 1
    finally:
        for folder in (here, here / "data", here / "data" / "kommuner"):
            folder.chmod(0o755)
    error = capsys.readouterr().err
    assert "får du inte läsa eller skriva" in error
    assert_told(error)
    assert tree(here) == before
