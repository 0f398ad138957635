"""Building and publishing: who gets which chapter, what a failure says, and that the old site outlives it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml
from conftest import build_one

from analysis import cli
from analysis.measures.published import UnknownFigure, reconciliation
from analysis.measures.shared import SHARED, shared_figures
from analysis.publish import run, site
from analysis.publish.manifest import input_hashes, make_manifest, read_manifest, write_manifest
from analysis.publish.plan import PROJECT_ROOT, describe_need, plan_book, read_chapters
from analysis.publish.theme import CONTENT_SECURITY_POLICY
from analysis.sources import default_data_directory, list_municipalities, load_municipality

DATA = default_data_directory()
PARAMETERS = 'kommun = "malmo"\ndata = None\nmanifest = None'
TABLE = """
class Table:
    def _repr_mimebundle_(self, include=None, exclude=None):
        links = '<a href="tabeller/prov.xlsx">Excel</a> <a href="tabeller/prov.csv">CSV</a>'
        return {"text/html": links, "text/plain": "", "text/csv": "År;Värde"}, {
            "assistansboken": {"table_id": "prov", "facts": [["Tabell", "Prov"]], "columns": [
                {"unit": "ar", "decimals": 0}, {"unit": "tkr", "decimals": 0}]}}
Table()
"""


def write_notebook(path, title, *cells, needs=()):
    """Write a chapter of a title, the parameters cell and code cells; a cell may be (code, needs)."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    notebook.cells = [nbformat.v4.new_markdown_cell(f"# {title}"),
                      nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    for cell in cells:
        code, cell_needs = cell if isinstance(cell, tuple) else (cell, [])
        metadata = {"assistansboken": {"needs": cell_needs}} if cell_needs else {}
        notebook.cells.append(nbformat.v4.new_code_cell(code, metadata=metadata))
    if needs:
        notebook.metadata["assistansboken"] = {"needs": list(needs)}
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of three small chapters, of which Malmö lacks the data for one; the command line works on it."""
    root = tmp_path / "projekt"
    root.mkdir()
    shutil.copy(PROJECT_ROOT / "_config.yml", root)
    toc = {"format": "jb-book", "root": "chapters/index",
           "parts": [{"caption": "Del", "chapters": [{"file": "chapters/ett"}, {"file": "chapters/saknas"}]}]}
    (root / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    write_notebook(root / "chapters" / "index.ipynb", "Boken", "print(kommun)")
    write_notebook(root / "chapters" / "ett.ipynb", "Ett", ("1 / 0", ["finns_inte"]), TABLE)
    write_notebook(root / "chapters" / "saknas.ipynb", "Saknas", "1 / 0", needs=["ekonomi", "finns_inte"])
    monkeypatch.setattr(cli, "PROJECT_ROOT", root)
    return root


@pytest.fixture(scope="module")
def malmo():
    """The default municipality."""
    return load_municipality("malmo", DATA)


def fake_book(folder, slug, text="", **more):
    """Make what looks like a finished book, with no more in its manifest than the first version wrote."""
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(text, encoding="utf-8")
    write_manifest({"municipality": slug, "name": slug.title(), "built_at": "2026-01-02T03:04:05+00:00",
                    "chapters": [{"name": "index", "title": "Boken"}],
                    "left_out": [{"title": "<Lön>", "reason": "Saknas: lon.csv"}], **more},
                   folder / "manifest.json")
    return folder


def change_last_digit(path):
    """Alter a table by a digit in its last row's last number."""
    text = path.read_text(encoding="utf-8-sig")
    last = max(position for position, character in enumerate(text) if character.isdigit())
    path.write_text(text[:last] + str((int(text[last]) + 1) % 10) + text[last + 1:], encoding="utf-8")


def test_chapter_and_cells_without_data_are_left_out(project, malmo):
    plan = plan_book(malmo, read_chapters(project))
    assert [chapter.name for chapter in plan.chapters] == ["index", "ett"]
    assert [(item.chapter.title, item.reason) for item in plan.left_out] == [("Saknas", "Saknas: finns_inte.csv")]
    assert plan.toc() == {"format": "jb-book", "root": "index",
                          "parts": [{"caption": "Del", "chapters": [{"file": "ett"}]}]}
    cells = plan.notebook(plan.chapters[1]).cells
    assert [cell.metadata["assistansboken"]["number"] for cell in cells] == [1, 2, 4]


@pytest.mark.parametrize(("need", "words"), [
    ("ekonomi", "ekonomi.csv (Budget och nettokostnad) med minst ett år som har alla delar"),
    ("ekonomi:sfb", "ekonomi.csv (Budget och nettokostnad) med rader för SFB"),
    ("ekonomi:sfb|floden|ekonomi:utforare", "ekonomi.csv (Budget och nettokostnad) med rader för SFB eller utföraren, "
     "eller floden.csv (In- och utflöde, assistansersättning enligt SFB)"),
    ("ekonomi:sfb|ekonomi", "ekonomi.csv (Budget och nettokostnad) med minst ett år som har alla delar"),
    ("iakttagelser:lss", "iakttagelser.csv (Vad utredningen själv anger) med rader för kapitlet lss"),
    ("nationellt:brukare_1_oktober", "kommunens rader i nationellt/brukare_1_oktober.csv (Brukare den 1 oktober)"),
    ("nationellt:brukare_1_oktober:sfb", "kommunens rader i nationellt/brukare_1_oktober.csv (Brukare den 1 oktober) "
     "för SFB"),
    ("uppdrag", "uppdraget i kommun.yml"),
    ("grannar", "kommuner att jämföra med (grannar i kommun.yml)"),
])
def test_needs_are_told_in_the_analysts_words(need, words):
    assert describe_need(need) == words


def test_one_of_several_needs_is_enough(project, malmo):
    write_notebook(project / "chapters" / "saknas.ipynb", "Saknas", "1", needs=["finns_inte|ekonomi", "uppdrag|x"])
    assert not plan_book(malmo, read_chapters(project)).left_out


def test_build_publishes_book_tables_and_manifest(project, tmp_path, capsys):
    out = tmp_path / "sajt"
    assert cli.main(["build", "malmo", "--out", str(out), "--jobs", "2"]) == 0
    assert str(out / "index.html") in capsys.readouterr().out
    assert (out / "malmo" / "tabeller" / "prov.csv").read_bytes() == "\ufeffÅr;Värde".encode()
    assert (out / "malmo" / "tabeller" / "prov.xlsx").read_bytes().startswith(b"PK")
    assert read_manifest(out / "malmo")["left_out"][0]["name"] == "saknas"
    assert 'href="malmo/index.html"' in (out / "index.html").read_text(encoding="utf-8")
    for page in (out / "malmo").glob("*.html"):
        assert str(tmp_path) not in page.read_text(encoding="utf-8")
    # Nothing changed means nothing done.
    assert cli.main(["build", "malmo", "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("Ingenting har ändrats sedan sist, 1 bok (")
    # A failing chapter is named, and the site stands.
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "x = 1", 'raise ValueError("fel\\ni två rader")')
    assert cli.main(["build", "malmo", "--out", str(out)]) == 1
    errors = capsys.readouterr().err
    assert "malmo, kapitlet ett, cell 4: ValueError: fel\n" in errors
    assert "Traceback" not in errors
    assert (out / "malmo" / "ett.html").exists()
    # Data that do not suffice are told as such.
    missing = 'from analysis.measures.result import MissingData\nraise MissingData("malmo: inget år")'
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "x = 1", missing)
    assert cli.main(["build", "malmo", "--out", str(out)]) == 1
    told = "cell 4: underlaget räcker inte (malmo: inget år). Fyll på tabellen, eller ta bort den\n"
    assert told in capsys.readouterr().err


def test_warnings_of_jupyter_book_are_faults(project, malmo, tmp_path):
    notebook = nbformat.read(project / "chapters" / "ett.ipynb", as_version=4)
    notebook.cells[0].source += "\n\n[till ett kapitel som boken inte har](saknas.ipynb)"
    nbformat.write(notebook, project / "chapters" / "ett.ipynb")
    outcome = build_one(project, "malmo", tmp_path / "work")
    assert "saknas.ipynb" in str(outcome.faults[0])
    assert str(tmp_path) not in str(outcome.faults[0])
    assert not outcome.book.exists()


def test_links_that_cells_give_are_followed(project, malmo, tmp_path):
    plan = plan_book(malmo, read_chapters(project))
    html = tmp_path / "html"
    (html / "tabeller").mkdir(parents=True)
    (html / "tabeller" / "prov tabell.csv").touch()
    (html / "index.html").write_text(
        '<a class="x" href="ett.html#del">a</a> <a href="#main">b</a> <a href="https://example.org/x">c</a> '
        '<a href="../index.html">d</a> <a href="tabeller/prov%20tabell.csv">e</a> <a id="f" href="index.html">f</a>',
        encoding="utf-8")
    (html / "ett.html").write_text(
        '<a href="saknas.html">a</a> <a\nhref="index.ipynb">b</a> <a href="saknas.html">a</a>', encoding="utf-8")
    faults = run.dead_links(plan, html)
    assert [fault.chapter for fault in faults] == ["ett", "ett"]
    assert "saknas.html" in faults[0].cause and "index.ipynb" in faults[1].cause


def test_unknown_parameters_are_refused(project, malmo, tmp_path):
    path = project / "chapters" / "ett.ipynb"
    text = path.read_text(encoding="utf-8").replace("manifest = None", "annat = None")
    path.write_text(text, encoding="utf-8")
    outcome = build_one(project, "malmo", tmp_path / "work")
    assert "manifest" in outcome.faults[0].cause


def test_notebooks_are_refreshed_in_place(project, capsys):
    shutil.copytree(DATA, project / "data")
    path = project / "chapters" / "saknas.ipynb"
    write_notebook(path, "Saknas", "1 + 1")
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "1 + 1")
    assert cli.main(["notebooks"]) == 0
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[2].outputs[0]["data"]["text/plain"] == "2"
    assert [cell.source for cell in notebook.cells[:2]] == ["# Saknas", PARAMETERS]
    assert [cell.metadata for cell in notebook.cells] == [{}, {"tags": ["parameters"]}, {}]
    first = path.read_bytes()
    assert cli.main(["notebooks"]) == 0
    assert path.read_bytes() == first
    capsys.readouterr()
    (project / "data" / "kommuner" / "malmo" / "kommun.yml").write_text("namn: [", encoding="utf-8")
    assert cli.main(["notebooks"]) == 1
    assert "malmo, kapitlet saknas: data/kommuner/malmo/kommun.yml" in capsys.readouterr().err


def test_swap_keeps_other_books_and_drops_the_old_site(tmp_path):
    out = tmp_path / "sajt"
    a, b = fake_book(tmp_path / "a", "aby", "gammal"), fake_book(tmp_path / "b", "bro")
    site.publish({"aby": a, "bro": b}, out, carry_over=False)
    (a / "index.html").write_text("ny", encoding="utf-8")
    site.publish({"aby": a}, out, carry_over=True)
    assert (out / "aby" / "index.html").read_text(encoding="utf-8") == "ny"
    assert (out / "bro").exists()
    start = (out / "index.html").read_text(encoding="utf-8")
    assert "&lt;Lön&gt;" in start and start.count('<h3><a href="') == 2
    site.publish({"aby": a}, out, carry_over=False)
    assert not (out / "bro").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "sajt"]


def test_start_page_tells_of_every_book(tmp_path):
    chapters = read_chapters()
    books = {}
    for slug in list_municipalities(DATA):
        plan = plan_book(load_municipality(slug, DATA), chapters)
        books[slug] = tmp_path / "böcker" / slug
        books[slug].mkdir(parents=True)
        write_manifest(make_manifest(plan, DATA), books[slug] / "manifest.json")
    books["aby"] = fake_book(tmp_path / "aby", "åby")  # a book of an earlier version, carried over
    site.publish(books, tmp_path / "sajt", carry_over=False)
    start = (tmp_path / "sajt" / "index.html").read_text(encoding="utf-8")
    manifests = {slug: read_manifest(folder) for slug, folder in books.items()}
    assert len(manifests) > 6
    shown = 0
    for slug, manifest in manifests.items():
        for chapter in manifest["chapters"]:
            assert f'<a href="{manifest["municipality"]}/{chapter["name"]}.html">{chapter["title"]}</a>' in start
        for figure in manifest.get("shared", ()):
            assert f"<td>{figure['shown']} <small>" in start and figure["basis"] in start
            shown += 1
        names = {chapter["name"] for chapter in manifest["chapters"]}
        linked = f'<a href="{slug}/avstamning.html">' in re.sub(r"<li>.*", "", start)
        assert linked == ("avstamning" in names and bool(manifest.get("reconciliation")))
    compared = re.findall(r'<tr><th scope="row">(\w+)</th>(.*?)</tr>', start, flags=re.DOTALL)
    cells = [re.findall(r"<td>(.*?)</td>", row, flags=re.DOTALL) for _, row in compared]
    assert sum(cell != "–" for row in cells for cell in row) == shown
    assert len({len(row) for row in cells}) == 1
    names = re.findall(r'<h3><a href="[^"]+">(\w+)</a>', start)
    assert names == ["Bjuv", "Göteborg", "Huddinge", "Lund", "Malmö", "Åby", "Ånge"]
    assert not re.search(r"\b(None|nan|undefined)\b", start)


def test_start_page_of_books_without_figures_has_no_empty_table(tmp_path):
    site.publish({"aby": fake_book(tmp_path / "a", "aby", shared=[], reconciliation=None)}, tmp_path / "sajt",
                 carry_over=False)
    start = (tmp_path / "sajt" / "index.html").read_text(encoding="utf-8")
    assert start.count("<h2") == 1 and "<table" not in start and "1 kapitel" in start


@pytest.mark.parametrize(("document", "tables", "words"), [
    ({"title": "Titeln", "publisher": "Nämnden"}, ["ekonomi"], "Räknar om ”Titeln” (Nämnden)."),
    (None, ["ekonomi"], "Bygger på kommunens egna uppgifter."),
    (None, [], "Bygger på jämförelsetal om kommunen; egna uppgifter saknas."),
])
def test_start_page_says_what_a_book_rests_on(tmp_path, document, tables, words):
    book = fake_book(tmp_path / "a", "aby", document=document, tables=tables, period=[2023, 2023])
    site.publish({"aby": book}, tmp_path / "sajt", carry_over=False)
    start = (tmp_path / "sajt" / "index.html").read_text(encoding="utf-8")
    assert words in start and ">2023<" in start


def test_site_left_aside_by_a_crash_is_put_back(tmp_path):
    out = tmp_path / "sajt"
    site.publish({"aby": fake_book(tmp_path / "a", "aby")}, out, carry_over=False)
    out.rename(tmp_path / ".sajt-old")
    site.prepare(out)
    assert (out / "aby").exists() and not (tmp_path / ".sajt-old").exists()


def test_failed_swap_puts_the_old_site_back(tmp_path, monkeypatch):
    out, book = tmp_path / "sajt", fake_book(tmp_path / "a", "aby")
    site.publish({"aby": book}, out, carry_over=False)
    rename = Path.rename

    def failing(self, target):
        if self.name == ".sajt-new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError):
        site.publish({"aby": book}, out, carry_over=False)
    assert (out / "aby" / "index.html").exists()


@pytest.mark.parametrize("make", [lambda out: (out.mkdir(), (out / "brev.txt").write_text("viktigt")),
                                  lambda out: out.write_text("en fil")])
def test_folder_that_is_not_ours_is_refused(project, tmp_path, capsys, make):
    out = tmp_path / "dokument"
    make(out)
    assert cli.main(["build", "malmo", "--out", str(out)]) == 1
    assert "skrivs därför inte över" in capsys.readouterr().err
    assert out.is_file() or (out / "brev.txt").read_text() == "viktigt"


def test_what_jupyter_book_left_at_the_default_place_is_replaced(tmp_path):
    out = site.default_out(tmp_path)
    (out / "_static").mkdir(parents=True)
    (out / ".buildinfo").touch()
    site.prepare(out, tmp_path)
    other = tmp_path / "annan"
    shutil.copytree(out, other)
    with pytest.raises(site.SiteFault):
        site.prepare(other, tmp_path)


def test_check_exit_codes(tmp_path, capsys):
    assert cli.main(["check", "malmo"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert cli.main(["check", "malmoe"]) == 1
    assert "skriv ”malmo”" in capsys.readouterr().err
    assert cli.main(["check", "--data", str(tmp_path)]) == 1
    assert cli.main(["bygg"]) == 2


def test_faults_of_a_peer_are_told_before_anything_is_built(project, data_copy, tmp_path, capsys):
    card = data_copy / "kommuner" / "lund" / "kommun.yml"
    card.write_text(card.read_text(encoding="utf-8").replace('kod: "1281"', "kod: fel"), encoding="utf-8")
    for command in (["check", "malmo"], ["build", "malmo", "--out", str(tmp_path / "sajt")]):
        assert cli.main([*command, "--data", str(data_copy)]) == 1
        errors = capsys.readouterr().err
        assert "kommuner/lund/kommun.yml" in errors and "Traceback" not in errors
    assert not (tmp_path / "sajt").exists()


def test_figures_that_cannot_be_found_stop_that_book_only(project, malmo, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise UnknownFigure("Avsnitt 1, rad: måttet finns inte")

    monkeypatch.setattr(run, "make_manifest", fail)
    outcome = build_one(project, "malmo", tmp_path / "work")
    assert [str(fault) for fault in outcome.faults] == ["malmo: Avsnitt 1, rad: måttet finns inte"]


def test_bad_data_stops_the_build_before_it_starts(project, tmp_path, capsys):
    data, out = tmp_path / "data", tmp_path / "sajt"
    shutil.copytree(DATA, data)
    path = data / "kommuner" / "malmo" / "ekonomi.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("2020", "20x0", 1), encoding="utf-8")
    assert cli.main(["build", "malmo", "--data", str(data), "--out", str(out)]) == 1
    errors = capsys.readouterr().err
    assert "20x0" in errors and "ekonomi.csv" in errors
    assert not out.exists()


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (PermissionError(13, "Permission denied"), 1)])
def test_interruption_and_full_disk_are_one_line(monkeypatch, capsys, error, code):
    def fail(options):
        raise error

    monkeypatch.setattr(cli, "_check", fail)
    assert cli.main(["check"]) == code
    assert capsys.readouterr().err.count("\n") == 1


def test_input_hashes_ignore_line_ends(project, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(DATA, data)
    before = input_hashes("malmo", data, project)
    path = data / "kommuner" / "malmo" / "ekonomi.csv"
    content = path.read_bytes().replace(b"\r\n", b"\n")
    path.write_bytes(content.replace(b"\n", b"\r\n"))
    assert input_hashes("malmo", data, project) == before
    path.write_bytes(content + b"#")
    changed = input_hashes("malmo", data, project)
    assert [name for name in before if before[name] != changed[name]] == ["data/kommuner/malmo/ekonomi.csv"]
    assert str(tmp_path) not in json.dumps(before)


def same_inputs(one, other):
    """Tell whether two manifests tell the same but for the time of building."""
    return {**one, "built_at": ""} == {**other, "built_at": ""}


def test_a_book_follows_its_peers_and_no_other_municipality(project, data_copy, tmp_path):
    card = data_copy / "kommuner" / "lund" / "kommun.yml"
    text = re.sub(r"grannar: .*", "grannar: [malmo]", card.read_text(encoding="utf-8"))
    card.write_text(text, encoding="utf-8")

    def manifest():
        plan = plan_book(load_municipality("lund", data_copy), read_chapters(project))
        return make_manifest(plan, data_copy, project)

    write_manifest(manifest(), tmp_path / "manifest.json")
    before = read_manifest(tmp_path / "manifest.json")
    assert same_inputs(before, manifest())
    change_last_digit(data_copy / "kommuner" / "huddinge" / "kommun.yml")
    assert same_inputs(before, manifest())
    change_last_digit(data_copy / "kommuner" / "malmo" / "ekonomi.csv")
    assert not same_inputs(before, manifest())


def test_manifest_holds_what_the_start_page_tells(project, malmo, tmp_path):
    path = tmp_path / "manifest.json"
    write_manifest(make_manifest(plan_book(malmo, read_chapters(project)), DATA, project), path)
    manifest = read_manifest(path)
    figures = shared_figures(malmo)
    assert [row["id"] for row in manifest["shared"]] == [one.name for one in SHARED if one.name in figures]
    assert [row["value"] for row in manifest["shared"]] == [figures[row["id"]].value for row in manifest["shared"]]
    outcomes = reconciliation(malmo).frame["utfall"].value_counts()
    counts = manifest["reconciliation"]
    assert counts["figures"] == outcomes.sum() == counts["agree"] + counts["deviate"] + counts["untestable"]
    assert counts["agree"] == outcomes["stammer"]
    assert manifest["period"] == [malmo.first_year, malmo.last_year]
    assert manifest["chapters"][1] == {"name": "ett", "title": "Ett", "part": "Del"}


def test_the_guide_states_the_policy_that_the_pages_are_tested_under():
    guide = (PROJECT_ROOT / "chapters" / "handbok" / "publicering.md").read_text(encoding="utf-8")
    assert f"\nContent-Security-Policy: {CONTENT_SECURITY_POLICY}\n" in guide
