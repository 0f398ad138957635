"""The guide tells the truth: commands, answers, messages, names, pictures and links in it are those of the program."""

from __future__ import annotations

import ast
import contextlib
import errno
import functools
import io
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import guide_example
import guide_pictures
import openpyxl
import pytest
import requests
import yaml
from bs4 import BeautifulSoup
from conftest import DATA, edit, served
from filelock import FileLock
from PIL import Image

from analysis import cli
from analysis.publish import making, run, site
from analysis.publish.guide import build_guide, needs_table
from analysis.publish.places import GUIDE_FOLDER
from analysis.publish.plan import read_chapters
from analysis.publish.running.stopped import died, timed_out
from analysis.publish.theme import CONTENT_SECURITY_POLICY
from analysis.sources import fetch, load_municipality
from analysis.sources.faults import file_fault
from analysis.sources.kolada import Patience
from analysis.sources.schema import MUNICIPAL_TABLES, SOURCE_TABLE
from analysis.sources.template import START_SHEET

ROOT = DATA.parent
GUIDE = ROOT / "chapters" / GUIDE_FOLDER
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(GUIDE.glob("*.md"))}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FIGURE = re.compile(r"^:::\{figure\} (\S+)\n:alt: (.+)\n\n(.+)\n:::$", re.MULTILINE)
PYTHON = (r".venv\Scripts\python", ".venv/bin/python")
ANYTHING = "…"
LARGEST_PICTURE_BYTES = 80_000
SHEETS = {START_SHEET, SOURCE_TABLE.sheet, *(spec.sheet for spec in MUNICIPAL_TABLES.values())}


def fences(*kinds: str) -> list[str]:
    """Return the contents of the guide's blocks of these kinds."""
    return [body for text in PAGES.values() for kind, body in FENCE.findall(text) if kind in kinds]


def commands() -> list[str]:
    """Return every command that the guide tells its reader to give."""
    return [line for block in fences("bat", "sh") for line in block.splitlines()]


def arguments(command: str) -> list[str] | None:
    """Return the arguments of a command of the book's own; None for another command."""
    for python in PYTHON:
        if command.startswith(f"{python} -m analysis "):
            return shlex.split(command.removeprefix(f"{python} -m analysis "))
    return None


def called(*words: str) -> str:
    """Return all that a command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        cli.main(words)
    return out.getvalue()


# --- Commands --------------------------------------------------------------------------------------


def test_every_command_is_one_that_the_program_takes():
    own = [words for words in map(arguments, commands()) if words]
    assert {words[0] for words in own} >= {"new", "import", "check", "fetch", "build", "serve", "export", "--help"}
    for words in own:
        if "--help" in words:
            assert "kommandon" in called(*words)
        else:
            assert cli._parser().parse_args(words).command == words[0]


def test_every_option_is_one_that_the_program_or_pip_takes():
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--help"], capture_output=True, encoding="utf-8", check=True
    ).stdout
    own = " ".join(called(name, "--help") for name in ("new", "import", "export", "fetch", "build", "serve", "check"))
    for code in (*commands(), *(code for text in PAGES.values() for code in INLINE.findall(text))):
        for option in re.findall(r"(?<!\S)--[a-z-]+", code):
            assert option in ("--help", "--version") or option in own or option in pip, option


def test_the_installation_is_the_one_that_make_runs():
    make = re.sub(r" --quiet| --disable-pip-version-check", "", (ROOT / "Makefile").read_text(encoding="utf-8"))
    done = set(re.findall(r"@\$\(RUN\) -m (pip install .*)", make))
    for python, system in zip(PYTHON, ("bat", "sh"), strict=True):
        told = {
            line.removeprefix(f"{python} -m ")
            for block in re.findall(rf"```{system}\n(.*?)```", PAGES["index.md"], re.DOTALL)
            for line in block.splitlines()
            if " pip " in line
        }
        assert told == done


def test_what_the_program_answers_in_the_example_is_what_it_answers(data_copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compared = []
    blocks = FENCE.findall(PAGES["index.md"].partition("## Börja: new")[2])
    for (kind, body), (next_kind, answer) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        words = arguments(body.strip()) if kind == "bat" else None
        if not words or words[0] not in ("new", "import", "check", "export"):
            continue
        printed = called(*words, "--data", str(data_copy))
        # It comes with time, and not with the example.
        printed = re.sub(r"^Varning: .* är kontrollerad till .*\n", "", printed, flags=re.MULTILINE)
        if next_kind == "text":
            assert printed == answer, body
            compared.append(words[0])
        if words[0] == "new":
            guide_example.fill(tmp_path / "eslov.xlsx")
    assert compared == ["new", "import", "check"]
    assert (tmp_path / "eslov-2026.xlsx").exists()


# --- Messages --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> list[str]:
    """Every line that the program prints when all that the guide tells of has gone wrong."""
    home = tmp_path_factory.mktemp("fel")
    data = home / "data"
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(home):
        patch.setattr(cli, "default_data_directory", lambda: data)
        return "".join(_everything_goes_wrong(home, data, patch)).splitlines()


def _everything_goes_wrong(home: Path, data: Path, patch: pytest.MonkeyPatch) -> Iterator[str]:
    _copy_data(data)
    yield called("bild")
    yield called("import")
    yield called("check", "eslov")
    yield called("new", "--namn", "Eslövv")
    yield called("new", "--namn", "Eslöv", *guide_example.YEARS)
    yield called("new", "--namn", "Eslöv")
    workbook = home / "eslov.xlsx"
    guide_example.fill(workbook)
    good = workbook.read_bytes()
    yield from _workbooks(workbook, good)
    workbook.write_bytes(good)
    called("import", "eslov.xlsx")
    yield from _cards(data)
    yield from _fetches(patch)
    yield from _builds(data, patch)
    for code in (errno.EACCES, errno.ENOSPC):
        yield f"{file_fault(OSError(code, ''), 'eslov.xlsx', 'att filen går att läsa och skriva')}\n"


def _copy_data(data: Path) -> None:
    for path in (path for path in DATA.rglob("*") if path.is_file()):
        target = data / path.relative_to(DATA)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def _workbooks(path: Path, good: bytes) -> Iterator[str]:
    lock = path.with_name("~$eslov.xlsx")
    lock.touch()
    yield called("import", "eslov.xlsx")
    lock.unlink()
    yield called("import", "eslöv.xlsx")
    yield called("import", "eslov.xlsx", "--torkörning")
    path.with_suffix(".xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(500))
    yield called("import", "eslov.xls")
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        archive.write(path, path.name)
    yield called("import", "eslov.zip")
    for change in (_no_facts, _bad_cells, _bad_heading, _own_column, _no_sources, _other_folder, _others_source):
        path.write_bytes(good)
        workbook = openpyxl.load_workbook(path)
        change(workbook)
        workbook.save(path)
        yield called("import", "eslov.xlsx", "--torrkorning")


def _no_facts(workbook: openpyxl.Workbook) -> None:
    del workbook["Börja här"]


def _no_sources(workbook: openpyxl.Workbook) -> None:
    del workbook["Källor"]


def _bad_cells(workbook: openpyxl.Workbook) -> None:
    sheet = workbook["Ekonomi"]
    bad = {"D11": "12.600", "D12": "cirka tretton miljoner", "D13": "9,2 mnkr", "E14": "eslov_bokslut", "B19": "PSS"}
    for cell, value in bad.items():
        sheet[cell] = value
    sheet["F18"], sheet["D20"], sheet["F19"] = None, "=D19+100", '"'
    sheet["C12"].number_format = '0 "mnkr"'
    sheet["A23"], sheet["D23"] = "Summa", 5
    for column, value in enumerate((2021, "SFB", 1, 1, guide_example.SOURCE, "Tabell 1"), start=1):
        sheet.cell(21, column, value)
    workbook["Brukare"]["D11"], workbook["Brukare"]["D12"] = "..", "<5"
    hours = workbook["Timmar"]
    hours["D17"], hours["D17"].number_format = 0.5, "0%"
    hours["D18"] = 36500
    hours.merge_cells("D18:D19")
    workbook["Brukare"].merge_cells("A6:A8")
    workbook["Brukare"]["E9"] = "Exempel: malmo_2025"


def _other_folder(workbook: openpyxl.Workbook) -> None:
    workbook["Börja här"]["B5"] = "eslov-ny"


def _others_source(workbook: openpyxl.Workbook) -> None:
    for column, value in enumerate(("huddinge_2024", "Bokslut", "Eslöv", "2025"), start=1):
        workbook["Källor"].cell(7, column, value)


def _bad_heading(workbook: openpyxl.Workbook) -> None:
    workbook["Ekonomi"]["D4"] = "Kostnad (tkr)"


def _own_column(workbook: openpyxl.Workbook) -> None:
    workbook["Brukare"]["H4"], workbook["Brukare"]["H6"] = "Kommentar", "Stämmer det?"


def _cards(data: Path) -> Iterator[str]:
    yield called("check", "eslöv")
    folder = data / "kommuner" / "eslov"
    card = folder / "kommun.yml"
    text = card.read_text(encoding="utf-8")
    for more in ("namnd:socialnämnden\n", "jamfor_med: [Riket]\n", "granar: [lund]\n", "grannar: [Lund]\n"):
        card.write_text(text + more, encoding="utf-8")
        yield called("check", "eslov")
    card.write_text(text.replace("1285", "1281"), encoding="utf-8")
    yield called("check", "eslov")
    card.write_text(text, encoding="utf-8")
    (folder / "texter" / "kostnad.md").write_text("Hej", encoding="utf-8")
    (folder / "texter" / "lss.md").write_text("? Hur? Vi tror", encoding="utf-8")
    yield called("check", "eslov")
    (folder / "texter" / "kostnad.md").unlink()
    (folder / "texter" / "lss.md").write_text("", encoding="utf-8")
    (folder / "texter" / "uppdrag.md").write_text("Hej", encoding="utf-8")
    edit(folder / "ekonomi.csv", ";14300;", ";143000;")
    scenario = folder / "scenario.csv"
    scenario.write_text(
        "indata;driftform;varde;enhet;beskrivning;kalla;plats;status\n"
        f"timmar;alla;36000;timmar;Timmar per år;{guide_example.SOURCE};Tabell 1;\n",
        encoding="utf-8",
    )
    yield called("check", "eslov")
    scenario.unlink()
    (folder / "anteckningar.xlsx").touch()
    yield called("check", "eslov")
    (folder / "anteckningar.xlsx").unlink()
    parameters = data / "nationellt" / "parametrar.yml"
    old = re.sub(r"(kontrollerad_till): \S+", r"\1: 2020-01-01", parameters.read_text(encoding="utf-8"))
    parameters.write_text(old, encoding="utf-8")
    yield called("check", "eslov")


def _fetches(patch: pytest.MonkeyPatch) -> Iterator[str]:
    busy = requests.Response()
    busy.status_code = 503
    busy.raw = io.BytesIO()
    patch.setattr(fetch, "Patience", functools.partial(Patience, first_wait=0))
    for answer in (requests.ConnectionError(), requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), busy):

        def get(_, url, *, answer=answer, **__):
            if isinstance(answer, Exception):
                raise answer
            answer.url = url
            return answer

        patch.setattr(requests.Session, "get", get)
        yield called("fetch", "eslov")


def _builds(data: Path, patch: pytest.MonkeyPatch) -> Iterator[str]:
    yield called("build", "eslov", "--out", str(data))
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(run, "build_book", lambda *_: os._exit(1))
        dying.setattr(making, "build_guide", lambda *_, **__: (None, []))
        yield called("build", "eslov", "--out", str(data.parent / "sajt"))
    with pytest.MonkeyPatch.context() as done:
        done.setattr(making, "build_books", lambda *_, **__: [run.Outcome("eslov", data, ran=["index"])])
        done.setattr(making, "build_guide", lambda *_, **__: (None, []))
        yield called("build", "eslov", "--out", str(data.parent / "sajt"))

    with FileLock(data.parent / ".sajt-arbete" / "bygge.lock"):
        yield called("build", "eslov", "--out", str(data.parent / "sajt"))

    cell = {"metadata": {"assistansboken": {"number": 7}}}
    for error in (timed_out(cell, run.CELL_TIMEOUT_SECONDS), died(cell)):
        # As a build tells of a chapter that an engine has given up.
        yield f"{run.BuildFault('eslov', 'lss', error.number, str(error))}\n"

    def stopped(*_, **__):
        raise KeyboardInterrupt

    patch.setattr(making, "build_books", stopped)
    yield called("build", "eslov", "--force", "--out", str(data.parent / "sajt"))


def written(line: str) -> re.Pattern[str]:
    """Return what finds a quoted line, where … stands for anything and a time for any time."""
    return re.compile(".+".join(map(re.escape, line.split(ANYTHING))))


@functools.cache
def timed_texts() -> list[re.Pattern[str]]:
    """Return the lines in the code that tell how long something took, as patterns."""
    found = []
    for path in (ROOT / "analysis").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(one.value) if isinstance(one, ast.Constant) else ".+" for one in node.values]
                if parts[-1] == re.escape(" s)"):
                    found.append(re.compile("".join(parts)))
    return found


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_message_is_one_that_the_program_prints(name, printed):
    faults = []
    for kind, body in FENCE.findall(PAGES[name]):
        for line in body.splitlines() if kind == "text" else ():
            if line.endswith(" s)"):
                found = any(text.fullmatch(line) for text in timed_texts())
            else:
                found = any(written(line).fullmatch(one) for one in printed)
            if not found:
                faults.append(line)
    # What answers the example's own commands has been compared as it stands.
    example = PAGES["index.md"].partition("## Börja: new")[2].partition("## Bygg: build")[0]
    faults = [line for line in faults if line not in example]
    assert not faults, "\n".join(faults)


def test_a_message_that_nothing_prints_is_noticed(printed):
    assert any(written("Tabellerna är som förut.").fullmatch(line) for line in printed)
    assert not any(written("Tabellerna är som nyss.").fullmatch(line) for line in printed)
    assert not any(written("data/kommuner/eslov: finns … nytt namn").fullmatch(line) for line in printed)


# --- Names -----------------------------------------------------------------------------------------


def test_every_sheet_and_column_is_in_the_workbook():
    text = "\n".join(PAGES.values())
    sheets = re.findall(r"\b[Bb]lade[nt] \*([^*]+)\*", text)
    assert len(sheets) > 5 and set(sheets) <= SHEETS
    labels = {column.label for spec in (SOURCE_TABLE, *MUNICIPAL_TABLES.values()) for column in spec.all_columns}
    columns = re.findall(r"\bkolumnen \*([^*]+)\*", text)
    assert columns and all(any(label == name or label.startswith(f"{name} (") for label in labels) for name in columns)


def test_every_file_is_there():
    # What comes when the guide is followed, and what stands on a server.
    made = ("eslov", "_build", ".venv", "ditt-namn", "nationellt\\kolada", "_static", "web.config", ".htaccess")
    made += ("index.html",)
    named = re.compile(r"[\w.\\-]+(?:\\[\w.\\-]+|\.(?:yml|txt|md|py))")
    for text in PAGES.values():
        for code in INLINE.findall(text):
            if named.fullmatch(code) and not any(one in code for one in made):
                path = Path(code.replace("\\", "/"))
                assert (ROOT / path).exists() or list(DATA.rglob(path.name)), code


def test_the_example_of_a_card_is_one_that_can_be_read(data_copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called("new", "--namn", "Eslöv", "--data", str(data_copy))
    path = data_copy / "kommuner" / "eslov" / "kommun.yml"
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    for block in fences("yaml"):
        card |= yaml.safe_load(block)
    path.write_text(yaml.safe_dump(card, allow_unicode=True), encoding="utf-8")
    municipality = load_municipality("eslov", data_copy)
    assert municipality.peers == ("lund", "malmo") and not municipality.statement.missing


def test_the_guide_says_what_every_chapter_needs():
    table = BeautifulSoup(needs_table(), "html.parser")
    titles = [chapter.title for chapter in read_chapters()]
    assert [head.get_text() for head in table.select("tbody th")] == titles
    assert len(table.select("tbody td")) == 2 * len(titles)
    assert all(cell.get_text(strip=True) for cell in table.select("td"))


# --- Pictures and the built guide ------------------------------------------------------------------


def test_every_picture_is_there_small_and_told_of():
    shown = {}
    for text in PAGES.values():
        assert text.count("{figure}") == len(FIGURE.findall(text)), "a figure lacks its alternative or its caption"
        shown |= {path: alternative for path, alternative, _ in FIGURE.findall(text)}
    assert {GUIDE / path for path in shown} == set((GUIDE / "bilder").iterdir())
    for path, alternative in shown.items():
        assert len(alternative) > 100 and alternative.endswith("."), path
        assert (GUIDE / path).stat().st_size <= LARGEST_PICTURE_BYTES, path


@pytest.mark.parametrize("name", guide_pictures.SHEETS)
def test_a_picture_of_a_sheet_shows_what_the_sheet_holds(name, data_copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called("new", "--namn", "Eslöv", *guide_example.YEARS, "--data", str(data_copy))
    guide_example.fill(tmp_path / "eslov.xlsx")
    shown = guide_pictures.sheet_words(tmp_path / "eslov.xlsx", *guide_pictures.SHEETS[name])
    with Image.open(GUIDE / "bilder" / f"{name}.png") as picture:
        assert picture.info.get(guide_pictures.WORDS) == shown, "make the pictures anew: tests/guide_pictures.py"


@pytest.fixture(scope="module")
def guide(tmp_path_factory) -> Path:
    """The guide as it is built."""
    folder, faults = build_guide(tmp_path_factory.mktemp("handbok"), say=lambda line: None)
    assert not faults
    return folder


def test_pictures_have_their_size_and_no_page_has_a_style(guide):
    pictures = 0
    for path in guide.glob("*.html"):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        assert not soup.select("[style], style, script:not([src])"), path.name
        for image in soup.select("img"):
            pictures += 1
            with Image.open(guide / image["src"]) as picture:
                assert (image["width"], image["height"]) == tuple(map(str, picture.size))
            assert image["alt"] and image["loading"] == "lazy"
    assert pictures == len(list((GUIDE / "bilder").iterdir()))
    assert not (guide / "_static" / "vega.js").exists()


def test_the_guide_names_itself_and_not_a_municipality(guide):
    soup = BeautifulSoup((guide / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert soup.title.string == "Assistansboken – handbok"
    assert soup.select_one("nav.ab-kapitel a").get_text() == soup.h1.get_text()
    assert "Varje siffra" not in soup.footer.get_text()


def test_the_guide_is_searched_by_another_form_of_a_word(browser, guide):
    with served(guide, {"Content-Security-Policy": CONTENT_SECURITY_POLICY}) as origin:
        page = browser.new_page()
        page.goto(f"{origin}/search.html?q=mapparna")
        page.locator("#sok-svar", has_text="Antal träffar").wait_for(state="attached")
        page.locator("ul.search .context").nth(3).wait_for()
        found = page.eval_on_selector_all("ul.search a", "links => links.map(link => link.getAttribute('href'))")
        page.close()
    assert "mapparna" not in "".join(PAGES.values())
    assert {target.partition(".")[0] for target in found} == {"index", "kapitel", "publicering", "fel"}


def test_the_guide_is_built_once_and_anew_when_it_has_changed(tmp_path):
    root, said = tmp_path / "projekt", []
    (root / "chapters").mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    for path in (ROOT / "chapters").glob("*.ipynb"):
        (root / "chapters" / path.name).write_bytes(path.read_bytes())
    assert build_guide(tmp_path / "work", root=root, say=said.append) == (None, [])
    page = root / "chapters" / GUIDE_FOLDER / "index.md"
    page.parent.mkdir()
    page.write_text("# Handbok\n\nEtt ord.\n", encoding="utf-8")
    (page.parent / "_toc.yml").write_text("format: jb-book\nroot: index\n", encoding="utf-8")
    for text in ("Ett ord.", "Två ord.", "[Bort](borta.md)"):
        edit(page, page.read_text(encoding="utf-8").splitlines()[-1], text)
        folder, faults = build_guide(tmp_path / "work", root=root, say=said.append)
        if faults:
            break
        assert text in (folder / "index.html").read_text(encoding="utf-8")
        assert build_guide(tmp_path / "work", root=root, say=said.append) == (folder, [])
    assert [line.split()[1] for line in said] == ["byggd", "oförändrad"] * 2
    # A warning is a fault, and what was built stands.
    assert "handboken: Jupyter Book: index.md" in str(faults[0]) and "borta.md" in str(faults[0])
    assert "Två ord." in (folder / "index.html").read_text(encoding="utf-8")


def test_the_site_has_the_guide_and_no_municipality_takes_its_place(guide, tmp_path):
    out = tmp_path / "sajt"
    site.publish({}, out, carry_over=True, guide=guide)
    # Again, so that the old site has a guide to carry over.
    site.publish({}, out, carry_over=True, guide=guide)
    start = (out / "index.html").read_text(encoding="utf-8")
    assert start.count(f'href="{GUIDE_FOLDER}/index.html"') == 1
    assert (out / GUIDE_FOLDER / "fel.html").is_file()
    with pytest.raises(site.SiteFault, match="handbok"):
        site.publish({GUIDE_FOLDER: guide}, out, carry_over=False, guide=guide)
    site.publish({}, out, carry_over=False)
    assert not (out / GUIDE_FOLDER).exists()
    assert GUIDE_FOLDER not in (out / "index.html").read_text(encoding="utf-8")


def test_no_municipality_can_be_named_as_the_guide(data_copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "namnet är upptaget" in called("new", GUIDE_FOLDER, "--namn", "Eslöv", "--data", str(data_copy))
    assert not (data_copy / "kommuner" / GUIDE_FOLDER).exists()
