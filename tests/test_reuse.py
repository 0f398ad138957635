"""What is kept from one build to the next is used when, and only when, nothing that it depends on has changed."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from conftest import DATA, edit
from test_publish import write_notebook

from analysis.publish import cache, finished, inputs, run
from analysis.publish.inputs import Inputs
from analysis.publish.plan import PROJECT_ROOT

OPEN = "from analysis.present.book import open_book, observations\nbook = open_book(kommun, data, manifest)"
SHOWN = """
class Shown:
    def __init__(self, value): self.value = value
    def _repr_mimebundle_(self, include=None, exclude=None): return {"text/plain": str(self.value)}
"""
CHAPTERS = {
    "index": "Shown([book.name, sorted(book.municipality.thresholds.items()), book.municipality.compare_with])",
    "ekonomi": "from analysis.measures.economy import budget_outcome\n"
               "Shown(budget_outcome(book.municipality).frame.to_csv())",
    # What is not shown is told apart from what never was.
    "brukare": "from analysis.measures.volumes import users\nmany = users(book.municipality, 'sfb')\n"
               "Shown([book.municipality.tables['brukare'].to_csv(), many.frame.to_csv(),\n"
               "       '' if many.withheld is None else many.withheld.to_csv()])",
    "finns": "Shown(book.municipality.has('loner'))",
    "riket": "Shown(book.municipality.national['kostnad_per_invanare'].to_csv())",
    "kolada": "Shown(book.municipality.national['brukare_december'].to_csv())",
    "grannar": "from analysis.measures.shared import side_by_side\n"
               "Shown(side_by_side([book.municipality, *book.peers]).frame.to_csv())",
    "register": "Shown([len(book.municipality.sources), sorted(book.municipality.parameters)])",
    "tillkomst": "Shown(book.manifest['inputs'])",
    "annan": "Shown(open_book('lund', data).name)",
    "metod": "from analysis.measures.result import every_measure\nShown(sorted(every_measure()))",
}
ALL = frozenset(CHAPTERS)
# A chapter that opens another municipality's book reads what has no name here, and is always run.
ALWAYS = frozenset({"annan"})
# What every build says of its own time and inputs.
TOLD = frozenset({"tillkomst"})


@pytest.fixture
def project(tmp_path):
    """A project of one chapter for each kind of thing to read, with data of its own; Malmö has two peers."""
    root = tmp_path / "projekt"
    root.mkdir()
    for name in ("_config.yml", "requirements.txt"):
        shutil.copy(PROJECT_ROOT / name, root)
    names = [{"file": f"chapters/{name}"} for name in CHAPTERS if name != "index"]
    (root / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "chapters/index", "chapters": names}),
                                   encoding="utf-8")
    for name, code in CHAPTERS.items():
        write_notebook(root / "chapters" / f"{name}.ipynb", name.title(), OPEN, SHOWN, code)
    shutil.copytree(DATA, root / "data")
    # What it says of the other tables would be wrong when they change.
    for name in ("publicerat", "motsagelser"):
        (root / "data" / "kommuner" / "malmo" / f"{name}.csv").unlink()
    fetched = root / "data" / "nationellt" / "kolada"
    fetched.mkdir(exist_ok=True)
    (fetched / "brukare_december.csv").write_text(
        "ar;omrade;antal;kalla;plats;status\n2023;Malmö;600;kolada_n28008;Nyckeltalet;\n", encoding="utf-8")
    (fetched / "omraden.csv").write_text("kommun;ordning;omrade;slag\nMalmö;1;Lund;grupp\n", encoding="utf-8")
    card = root / "data" / "kommuner" / "malmo" / "kommun.yml"
    text = re.sub("grannar: .*", "grannar: [huddinge, bjuv]", card.read_text(encoding="utf-8"))
    card.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package's files, which stands for the code in the keys."""
    folder = Path(shutil.copytree(inputs.PACKAGE, tmp_path / "analysis", ignore=shutil.ignore_patterns("__pycache__")))
    monkeypatch.setattr(inputs, "PACKAGE", folder)
    return folder


@pytest.fixture(autouse=True)
def only_chapters(monkeypatch):
    """Leave out what comes after the chapters; the books are no matter here."""
    monkeypatch.setattr(run, "_put_together", lambda *arguments: [])
    monkeypatch.setattr(run, "finish", lambda *arguments: None)
    # Kept, so that it can be looked at.
    monkeypatch.setattr(run.shutil, "rmtree", lambda folder, **options: None)


def build(root, slug="malmo", anew=False, documents=False):
    """Run a municipality's chapters; return which were run and what each chapter's cells gave."""
    work, found = root / "arbete", Inputs(root / "data", root)
    stage = work / "stage" / slug
    for path in stage.glob("*") if stage.exists() else ():
        path.unlink()
    if stage.exists():
        stage.rmdir()
    order = run.Order(slug, found, work, found.book_key(slug, documents=documents), b"x", documents, anew)
    outcome = run.build_book([], order)
    assert not outcome.faults, outcome.faults
    given = {}
    for path in stage.glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        given[path.stem] = [[cell["source"], cell.get("outputs")] for cell in notebook["cells"]
                            if "injected-parameters" not in cell["metadata"].get("tags", [])]
    assert set(outcome.ran) | set(outcome.reused) == set(given)
    return frozenset(outcome.ran), given


def municipal(root, name, slug="malmo"):
    """Return the path of a municipality's file."""
    return root / "data" / "kommuner" / slug / name


def change_number(path, column):
    """Add one to the last number of a table's column."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    separator = ";" if ";" in lines[0] else ","
    position = lines[0].split(separator).index(column)
    for number in range(len(lines) - 1, 0, -1):
        cells = lines[number].split(separator)
        if re.fullmatch(r"\d+", cells[position]):
            cells[position] = str(int(cells[position]) + 1)
            lines[number] = separator.join(cells)
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            return
    raise AssertionError(f"{path.name} har inget tal i {column}")


def edit_chapter(root, name, old, new):
    edit(root / "chapters" / f"{name}.ipynb", old, new)


CHANGES = {
    "nothing": (lambda root: None, set()),
    "a cell": (lambda root: change_number(municipal(root, "ekonomi.csv"), "budget_tkr"), {"ekonomi", "grannar"}),
    "another table's cell": (lambda root: change_number(municipal(root, "brukare.csv"), "utfall_antal"),
                             {"brukare", "grannar"}),
    "a table that was looked for goes": (lambda root: municipal(root, "loner.csv").unlink(), {"finns"}),
    "a table that nobody reads": (lambda root: municipal(root, "villkor.csv").unlink(), set()),
    "a national table": (lambda root: change_number(
        root / "data" / "nationellt" / "kostnad_per_invanare.csv", "kostnad_kr_per_inv"), {"riket", "grannar"}),
    "a national table that few read": (lambda root: change_number(
        root / "data" / "nationellt" / "brukare_1_oktober.csv", "antal"), {"grannar"}),
    "a peer's table": (lambda root: change_number(municipal(root, "egen_regi.csv", "huddinge"), "utforda_timmar"),
                       {"grannar"}),
    "a sentence": (lambda root: edit_chapter(root, "brukare", "# Brukare", "# Brukarna"), {"brukare"}),
    "a call": (lambda root: edit_chapter(root, "finns", "has('loner')", "has('timmar')"), {"finns"}),
    "the card": (lambda root: edit(municipal(root, "kommun.yml"), "namn: Malmö", "namn: Malmö stad"), ALL),
    "the sources": (lambda root: (root / "data" / "kallor.yml").write_text(
        (root / "data" / "kallor.yml").read_text(encoding="utf-8") + "\n# ändrad\n", encoding="utf-8"), ALL),
    "a register": (lambda root: (root / "data" / "nationellt" / "parametrar.yml").write_text(
        (root / "data" / "nationellt" / "parametrar.yml").read_text(encoding="utf-8") + "\n# ändrad\n",
        encoding="utf-8"), ALL),
    "own words": (lambda root: (municipal(root, "texter").mkdir(exist_ok=True), (
        municipal(root, "texter") / "sammanfattning.md").write_text("Egna ord.", encoding="utf-8")), {"index"}),
    "what was fetched": (lambda root: change_number(
        root / "data" / "nationellt" / "kolada" / "brukare_december.csv", "antal"), {"kolada", "grannar"}),
    "which areas were fetched": (lambda root: edit(
        root / "data" / "nationellt" / "kolada" / "omraden.csv", "Lund", "Ånge"), ALL),
    "from which count another's users are shown": (lambda root: municipal(root, "kommun.yml", "goteborg").write_text(
        municipal(root, "kommun.yml", "goteborg").read_text(encoding="utf-8") + "sma_tal:\n  grans: 20\n",
        encoding="utf-8"), ALL),
    "a municipality that is no peer": (lambda root: change_number(municipal(root, "scenario.csv", "ange"), "varde"),
                                       set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_only_the_chapters_that_read_what_has_changed_are_run(project, change):
    alter, expected = CHANGES[change]
    first, _ = build(project)
    assert first == ALL
    alter(project)
    ran, after = build(project)
    assert ran - ALWAYS - TOLD == frozenset(expected) - ALWAYS - TOLD
    assert ran >= ALWAYS
    # The inputs are among what a book tells of itself; a file that no book reads is none of them.
    assert (ran >= TOLD) == (change not in ("nothing", "a municipality that is no peer"))
    # What is reused is what would have been run.
    _, anew = build(project, anew=True)
    assert after == anew
    assert build(project)[1] == after


# What a row is at first, and then.
SMALL_COUNTS = {
    "is another": ("2020;sfb;414;3;", "2020;sfb;414;2;"),
    "is small no more": ("2020;sfb;414;3;", "2020;sfb;414;397;"),
    "was never there": ("2020;sfb;3;397;", "2020;sfb;;397;"),
}


@pytest.mark.parametrize("change", SMALL_COUNTS)
def test_a_chapter_follows_the_counts_that_are_not_shown(project, change):
    """Where one was taken out is told, so one that goes altogether alters a page though no table that is shown.

    What it was is read by no chapter.
    """
    card, path = municipal(project, "kommun.yml"), municipal(project, "brukare.csv")
    card.write_text(re.sub(r"sma_tal:\n.*\n", "", card.read_text(encoding="utf-8")), encoding="utf-8")
    small, then = SMALL_COUNTS[change]
    edit(path, "2020;sfb;414;397;", small)
    _, before = build(project)
    edit(path, small, then)
    ran, after = build(project)
    assert ("brukare" in ran) == (change != "is another") and "riket" not in ran
    assert after == build(project, anew=True)[1]
    assert (after["brukare"] == before["brukare"]) == (change == "is another")


def test_what_is_changed_back_is_found_again(project):
    _, before = build(project)
    path = municipal(project, "ekonomi.csv")
    content = path.read_bytes()
    change_number(path, "budget_tkr")
    assert build(project)[1] != before
    path.write_bytes(content)
    ran, after = build(project)
    assert ran == ALWAYS and after == before


def test_what_is_saved_while_a_build_reads_is_not_kept_under_what_was_there_before(project, monkeypatch):
    """Else the old file, put back, would get the book of the new one."""
    path = project / "data" / "nationellt" / "parametrar.yml"
    content, checked, finished_under = path.read_bytes(), run.checked, []
    monkeypatch.setattr(run, "finish", lambda html, work, slug, key: finished_under.append(key))

    def saved_meanwhile(*arguments):
        path.write_bytes(content + b"# ny\n")
        return checked(*arguments)

    monkeypatch.setattr(run, "checked", saved_meanwhile)
    build(project)
    monkeypatch.setattr(run, "checked", checked)
    path.write_bytes(content)
    assert build(project)[0] == ALL
    assert finished_under == ["", keys(project, documents=False)]
    assert build(project)[0] == ALWAYS


@pytest.mark.parametrize(("file", "expected"), [
    ("present/views.py", ALL), ("measures/economy.py", ALL), ("sources/reader.py", ALL), ("__init__.py", ALL),
    ("present/templates/table.html.j2", ALL), ("publish/site.py", set()), ("cli.py", set()),
])
def test_a_chapter_follows_the_code_that_it_can_reach(project, package, file, expected):
    build(project)
    path = package / file
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert build(project)[0] - ALWAYS - TOLD == frozenset(expected) - ALWAYS - TOLD


def test_a_chapter_follows_what_is_installed(project, monkeypatch):
    build(project)
    monkeypatch.setattr(inputs, "machine", lambda: "en annan version")
    assert build(project)[0] == ALL


def test_installed_packages_are_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs.sys, "path", [str(tmp_path)])
    seen = set()
    for name in ("paket-1.0.dist-info", "paket-1.1.dist-info"):
        (tmp_path / name).mkdir()
        inputs.machine.cache_clear()
        seen.add(inputs.machine())
    inputs.machine.cache_clear()
    assert len(seen) == 2


@pytest.mark.parametrize("damage", [lambda content: content[:-10], lambda content: b"", lambda content: content[:40],
                                    lambda content: content[:50] + bytes([content[50] ^ 1]) + content[51:]])
def test_a_kept_chapter_that_is_damaged_is_run_anew(project, damage):
    _, before = build(project)
    for path in (project / "arbete" / "kapitel" / "malmo").glob("*.nb"):
        path.write_bytes(damage(path.read_bytes()))
    ran, after = build(project)
    assert ran == ALL and after == before


def test_a_list_of_what_was_read_that_is_damaged_is_made_anew(project):
    build(project)
    for path in (project / "arbete" / "kapitel" / "malmo").glob("*.json"):
        path.write_text("[[", encoding="utf-8")
    assert build(project)[0] == ALL
    assert build(project)[0] == ALWAYS


def test_a_chapter_that_complains_is_not_kept(project):
    write_notebook(project / "chapters" / "finns.ipynb", "Finns", OPEN, "import sys; print('fel', file=sys.stderr)")
    build(project)
    assert build(project)[0] == ALWAYS | {"finns"}


def test_two_municipalities_share_nothing(project):
    shutil.copytree(municipal(project, ""), municipal(project, "", "kopia"))
    edit(municipal(project, "kommun.yml", "kopia"), "namn: Malmö", "namn: Malmö stad")
    _, given = build(project)
    ran, other = build(project, "kopia")
    assert ran == ALL
    assert other["ekonomi"] == given["ekonomi"]


def test_what_has_long_not_been_used_is_thrown_away(project):
    build(project)
    folder = cache.ChapterCache(project / "arbete" / "kapitel" / "malmo")
    kept = len(list(folder.folder.glob("*.nb")))
    folder.tidy()
    assert len(list(folder.folder.glob("*.nb"))) == kept > 5
    (folder.folder / ".avbrutet.nb.1").touch()
    newest = max(path.stat().st_mtime for path in folder.folder.iterdir())
    folder.tidy(now=newest + cache.KEPT_SECONDS + 1)
    assert not list(folder.folder.iterdir())


def test_what_is_used_is_not_thrown_away(project):
    build(project)
    folder = cache.ChapterCache(project / "arbete" / "kapitel" / "malmo")
    for path in folder.folder.iterdir():
        os.utime(path, (0, 0))
    assert build(project)[0] == ALWAYS
    kept = {path.suffix for path in folder.folder.iterdir()}
    assert kept == {".nb", ".json"} and build(project)[0] == ALWAYS


# --- The whole book -----------------------------------------------------------------------------------


def keys(root, slug="malmo", documents=True):
    return Inputs(root / "data", root).book_key(slug, documents=documents)


def test_a_book_follows_every_file_that_it_may_depend_on(project, package):
    """Each file is altered in turn; those of municipalities that Malmö is not compared with matter by their card."""
    before, checked = keys(project), 0
    own = {"malmo", *yaml.safe_load(municipal(project, "kommun.yml").read_text(encoding="utf-8"))["grannar"]}
    for path in sorted([*project.rglob("*"), *package.rglob("*")]):
        if not path.is_file() or "__pycache__" in path.parts or path.suffix == ".pyc":
            continue
        content = path.read_bytes()
        path.write_bytes(content + b"x")
        parts = path.parts
        other = "kommuner" in parts and parts[parts.index("kommuner") + 1] not in own
        matters = not other or path.name == "kommun.yml"
        assert (keys(project) != before) == matters, path
        path.write_bytes(content)
        checked += 1
    assert keys(project) == before and checked > 150


def test_a_book_follows_files_that_come_and_go(project):
    before = keys(project)
    for path in (municipal(project, "nytt.csv"), project / "data" / "nationellt" / "nytt.csv",
                 project / "chapters" / "nytt.ipynb", municipal(project, "texter") / "forord.md"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
        assert keys(project) != before, path
        path.unlink()
    assert keys(project) == before
    municipal(project, "brukare.csv").rename(municipal(project, "brukare2.csv"))
    assert keys(project) != before


def test_a_book_follows_what_is_asked_for_and_whose_it_is(project):
    assert len({keys(project), keys(project, documents=False), keys(project, "lund")}) == 3


def test_a_book_is_finished_only_with_every_file_as_it_was_made(tmp_path):
    work, html = tmp_path / "arbete", tmp_path / "html"
    (html / "_static").mkdir(parents=True)
    (html / "index.html").write_text("a", encoding="utf-8")
    (html / "_static" / "bok.css").write_text("b", encoding="utf-8")
    finished.finish(html, work, "aby", "nyckel")
    book = work / "books" / "aby"
    assert finished.is_finished(work, "aby", "nyckel") and not html.exists()
    assert not finished.is_finished(work, "aby", "en annan") and not finished.is_finished(work, "bro", "nyckel")
    for path in (book / "index.html", book / "_static" / "bok.css"):
        content, told = path.read_bytes(), path.stat()
        path.write_bytes(b"z")
        assert not finished.is_finished(work, "aby", "nyckel")
        path.write_bytes(content)
        os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
        assert finished.is_finished(work, "aby", "nyckel")
        path.rename(book / "annan")
        assert not finished.is_finished(work, "aby", "nyckel")
        (book / "annan").rename(path)
    (book / "ny.html").touch()
    assert not finished.is_finished(work, "aby", "nyckel")
