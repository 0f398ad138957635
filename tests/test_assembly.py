"""Jupyter Book in this process: the same pages as its own parts give, again and again, and nothing left behind."""

from __future__ import annotations

import gc
import gettext
import json
import logging
import os
import re
import shutil
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
import sphinx.locale
import sphinx.search
import Stemmer
import yaml
from docutils.parsers.rst import directives, roles
from snowballstemmer.swedish_stemmer import SwedishStemmer
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.search.sv import SearchSwedish

from analysis.publish import library, parts, theme
from analysis.publish.assembly import assemble, warm_up
from analysis.publish.glossary import write_terms
from analysis.publish.plan import PROJECT_ROOT, read_chapters, read_config
from analysis.publish.running.processes import CAN_FORK, Processes
from analysis.sources import default_data_directory, load_municipality

LIBRARY = "/* Biblioteket */"


def write_stage(stage: Path, pages: dict[str, nbformat.NotebookNode], title: str = "Prov", **context) -> Path:
    """Write a book of pages to a folder; the first is its root."""
    stage.mkdir(parents=True)
    root, *others = pages
    config = read_config(PROJECT_ROOT)
    config["title"] = title
    config["sphinx"]["config"]["html_context"] = context
    toc = {"format": "jb-book", "root": root, "chapters": [{"file": name} for name in others]}
    for name, content in (("_config.yml", config), ("_toc.yml", toc)):
        (stage / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    for name, page in pages.items():
        nbformat.write(page, stage / f"{name}.ipynb")
    return stage


def page(text: str, *outputs: dict) -> nbformat.NotebookNode:
    """Return a notebook of a Markdown cell and a cell with outputs."""
    shown = [nbformat.v4.new_output("display_data", data) for data in outputs]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text),
                                           nbformat.v4.new_code_cell("pass", outputs=shown)])


def small(stage: Path, text: str = "# Boken\n\nText om LSS.", **context) -> Path:
    """Write a book of two pages."""
    other = page("# Annan\n\n## Ett\n\nText.\n\n## Två\n\nText.", {"text/markdown": "**Fet** text.", "text/plain": "x"})
    return write_stage(stage, {"index": page(text), "annan": other}, **context)


def content(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, by its path there."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def built(stage: Path, shared: Path | None = None) -> dict[str, bytes]:
    """Return the files of a book that is built without fault."""
    assert assemble(stage, shared) == []
    return content(stage / "_build" / "html")


@pytest.fixture(autouse=True)
def short_library(monkeypatch):
    """In place of Vega, which takes over a second to make."""
    monkeypatch.setattr(library, "chart_library", lambda: LIBRARY)


@pytest.fixture
def shared(tmp_path):
    """A folder that books share, with the library in it."""
    folder = tmp_path / "delat"
    library._write(folder, LIBRARY.encode("utf-8"))
    return folder


@pytest.mark.parametrize("renderer", ["installed", "not installed"])
def test_every_chapter_is_to_the_byte_what_sphinx_and_myst_nb_make_of_it(tmp_path, monkeypatch, renderer):
    """The committed chapters, executed, built with the book's own parts and without any of them."""
    glossary = load_municipality("malmo", default_data_directory()).glossary
    pages = {chapter.name: nbformat.read(chapter.path, as_version=4) for chapter in read_chapters()}
    mine, plain = tmp_path / "egna", tmp_path / "vanliga"
    for stage in (mine, plain):
        write_terms(glossary, write_stage(stage, pages, documents=["a.pdf", "a.docx"]))
    monkeypatch.setattr(theme, "_is_installed", lambda name: False)
    if renderer == "installed":
        monkeypatch.setattr(theme, "_is_installed", lambda name: True)
        monkeypatch.setattr("myst_nb.sphinx_.load_renderer", lambda name: parts.OutputRenderer)
    own = built(mine)
    monkeypatch.undo()

    # What is meant to differ is tried by test_the_search_reads_what_a_page_says.
    class Plain(parts.BookBuilder):
        """Sphinx's own, but for what it reads for the search."""

    class PlainSearch(parts.SwedishSearch):
        """Sphinx's own, but for the numbers."""

    for name in ("init", "render_partial", "copy_static_files", "dump_inventory"):
        setattr(Plain, name, getattr(StandaloneHTMLBuilder, name))
    for name in ("init", "split"):
        setattr(PlainSearch, name, getattr(SearchSwedish, name))
    methods = {name for part in (parts.BookBuilder, parts.SwedishSearch) for name, value in vars(part).items()
               if callable(value)}
    # A new part of its own must be looked at here, too.
    assert methods == {"init", "render_partial", "copy_static_files", "dump_inventory", "split",
                       "index_page", "word_filter"}

    monkeypatch.setattr(library, "chart_library", lambda: LIBRARY)
    monkeypatch.setattr(theme, "BookBuilder", Plain)
    monkeypatch.setattr(theme, "SwedishSearch", PlainSearch)
    monkeypatch.setattr(theme, "_use_own_parts", lambda app, config: None)
    others = built(plain)
    # What no page loads, and what the own builder therefore does not write.
    others.pop("objects.inv")
    assert own == others
    assert len(pages) > 15 and all(f"{name}.html" in own for name in pages) and len(own["searchindex.js"]) > 10_000


TABLE = """<figure><svg aria-label="Diagram"><text>Ritat</text></svg>
<script type="application/json">{"kod": "gömt"}</script>
<table><tr><th>Ansökan</th><td>44&nbsp;142</td><td>avslag</td></tr>
<tr><td>Be<em>vil</em>jad</td><td title="Titel">2021</td></tr></table>
<p>A &lt; B &amp; hävd, 1 &lt; 2 men ännu ett ord</p></figure>"""


def searched(index: bytes) -> dict[str, list[int]]:
    """Return the words that a book's index holds, and on which pages each is."""
    terms = json.loads(index.decode().removeprefix("Search.setIndex(").removesuffix(")"))["terms"]
    return {word: places if isinstance(places, list) else [places] for word, places in terms.items()}


def test_the_search_reads_what_a_page_says(tmp_path):
    pages = {"index": page("# Boken 2019\n\nText om 2020 och 2b.", {"text/html": TABLE}), "annan": page("# Annan")}
    files = built(write_stage(tmp_path / "bok", pages))
    # Words that only a tag divides are two; what is drawn, code and numbers are nothing to find.
    assert set(searched(files["searchindex.js"])) == {
        "text", "2b", "ansökan", "avslag", "bevilj", "hävd", "ännu", "ord", "a", "b"}
    assert TABLE in files["index.html"].decode()


def state() -> dict[str, object]:
    """Return what Sphinx could leave behind in this process."""
    log = logging.getLogger("sphinx")
    return {
        "log": (log.level, log.propagate, list(log.handlers)),
        "logging": logging.root.manager.disable,
        "translations": dict(sphinx.locale.translators),
        "searches": dict(sphinx.search.languages),
        "directives": dict(directives._directives),
        "roles": dict(roles._roles),
        "path": list(sys.path),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "warnings": list(warnings.filters),
        "collecting": gc.isenabled(),
        "out": (sys.stdout, sys.stderr),
    }


@pytest.mark.parametrize("text", [
    "# Boken\n\nText.", "# Boken\n\n[borta](borta.md)", "Utan rubrik\n\n```{finns-inte}\n```"])
def test_nothing_is_left_behind_and_nothing_printed(tmp_path, capfd, monkeypatch, text):
    # What the first book of a process imports registers itself.
    assert built(small(tmp_path / "forst"))
    # Other than what a book sets, so that what it does not put back is seen.
    log = logging.getLogger("sphinx")
    for name, value in (("level", logging.ERROR), ("propagate", True), ("handlers", [logging.NullHandler()])):
        monkeypatch.setattr(log, name, value)
    monkeypatch.setattr(logging.root.manager, "disable", logging.DEBUG)
    monkeypatch.setitem(sphinx.search.languages, "sv", SearchSwedish)
    before = state()
    assemble(small(tmp_path / "sedan", text))
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_each_book_is_what_it_would_be_alone(tmp_path):
    first = built(small(tmp_path / "a", title="Första"))
    other = built(small(tmp_path / "b", "# Andra\n\nSvar på annat.", title="Andra", is_guide=True))
    assert assemble(small(tmp_path / "c", "# Fel\n\n[borta](borta.md)", title="Tredje"))
    assert built(small(tmp_path / "d", title="Första")) == first
    assert built(small(tmp_path / "e", "# Andra\n\nSvar på annat.", title="Andra", is_guide=True)) == other


def fallbacks(translator: gettext.NullTranslations) -> int:
    """Return in how many more translations a word is looked up."""
    return 1 + fallbacks(translator._fallback) if translator._fallback else 0


def test_words_are_looked_up_in_one_translation_whatever_was_built_before(tmp_path, monkeypatch):
    first = built(small(tmp_path / "forst"))
    other = gettext.translation("sphinx", Path(sphinx.locale.__file__).parent, ["de"])
    alone = fallbacks(other)
    monkeypatch.setitem(sphinx.locale.translators, ("general", "sphinx"), other)
    assert built(small(tmp_path / "sedan")) == first
    assert sphinx.locale.translators["general", "sphinx"] is other and fallbacks(other) == alone
    found = []
    monkeypatch.setattr(theme, "_use_own_parts", lambda app, config: found.append(fallbacks(app.translator)))
    for number in range(3):
        assemble(small(tmp_path / str(number)))
    assert len(found) == 3 and len(set(found)) == 1


def build_in_process(folders: tuple[str, str], slot: int) -> list[str]:
    """Build a book in a process of its own."""
    return assemble(Path(folders[0]), Path(folders[1]))


@pytest.mark.skipif(not CAN_FORK, reason="utan fork startas processer på nytt")
def test_a_forked_process_builds_the_same_book(tmp_path, shared):
    here = built(small(tmp_path / "har"), shared)
    warm_up(read_config(PROJECT_ROOT))
    stages = [small(tmp_path / name) for name in ("ett", "tva")]
    tasks = [(str(stage), str(shared)) for stage in stages]
    assert [outcome for _, outcome in Processes(build_in_process, 2).run(tasks)] == [[], []]
    assert [content(stage / "_build" / "html") for stage in stages] == [here, here]


@pytest.mark.parametrize(("text", "words"), [
    ("# Boken\n\n[borta](borta.md)", "index.ipynb:10004: WARNING: 'myst' cross-reference target not found"),
    ("# Boken\n\n```{finns-inte}\n```", "WARNING: Unknown directive type: 'finns-inte'"),
])
def test_what_is_wrong_is_told_without_the_folder(tmp_path, text, words):
    lines = assemble(small(tmp_path / "bok", text))
    assert any(words in line for line in lines), lines
    assert not any(str(tmp_path) in line or "\x1b" in line for line in lines)


def test_a_table_of_contents_that_names_a_missing_page_is_told(tmp_path):
    stage = small(tmp_path / "bok")
    (stage / "annan.ipynb").unlink()
    assert any("annan" in line for line in assemble(stage))


@pytest.mark.parametrize(("name", "text"), [("_toc.yml", "format: jb-book\n"), ("_toc.yml", "[")])
def test_settings_that_cannot_be_read_are_told(tmp_path, name, text):
    stage = small(tmp_path / "bok")
    (stage / name).write_text(text, encoding="utf-8")
    lines = assemble(stage)
    assert lines and not any(str(tmp_path) in line for line in lines)


def test_ctrl_c_goes_through(tmp_path, monkeypatch):
    def interrupted(app, config):
        raise KeyboardInterrupt

    monkeypatch.setattr(theme, "_use_own_parts", interrupted)
    before = state()
    with pytest.raises(KeyboardInterrupt):
        assemble(small(tmp_path / "bok"))
    assert state() == before


def test_a_book_holds_what_its_pages_need_and_no_more(tmp_path):
    files = built(small(tmp_path / "bok"))
    static = {"bok.css", "bok.js", "charts.js", "documentation_options.js", "ikon.svg", "language_data.js",
              "searchtools.js", "sok.js", "vega.js"}
    assert set(files) == {"index.html", "annan.html", "search.html", "searchindex.js",
                          *(f"_static/{name}" for name in static)}
    assert "_static/vega.js" not in built(small(tmp_path / "handbok", is_guide=True))


def test_books_share_what_they_all_load_and_are_whole_by_themselves(tmp_path, shared):
    alone = built(small(tmp_path / "ensam"))
    books = [small(tmp_path / name) for name in ("ett", "tva")]
    assert [built(book, shared) for book in books] == [alone, alone]
    one, other = (book / "_build" / "html" for book in books)
    for path in (one / "_static").iterdir():
        assert path.samefile(other / "_static" / path.name) and path.samefile(shared / path.name)
    copy = shutil.copytree(one, tmp_path / "kopia")
    for folder in (shared, one, other):
        shutil.rmtree(folder)
    assert content(copy) == alone


def test_what_changes_leaves_older_books_as_they_are(tmp_path, shared, monkeypatch):
    before = built(small(tmp_path / "forst"), shared)
    monkeypatch.setattr(theme, "stylesheet", lambda: "body {}")
    monkeypatch.setattr(library, "chart_library", lambda: "/* Nyare */")
    library._write(shared, library.chart_library().encode("utf-8"))
    after = built(small(tmp_path / "sedan"), shared)
    assert content(tmp_path / "forst" / "_build" / "html") == before
    assert after["_static/bok.css"] == b"body {}" and after["_static/vega.js"] == b"/* Nyare */"


def test_what_is_written_through_a_link_is_in_no_later_book(tmp_path, shared):
    before = built(small(tmp_path / "forst"), shared)
    for path in (tmp_path / "forst" / "_build" / "html" / "_static").iterdir():
        with path.open("ab") as file:
            file.write(b"/* Av misstag */")
    assert not library.is_made(shared)
    library.prepare_shared(shared)
    assert built(small(tmp_path / "sedan"), shared) == before


def test_the_library_is_made_when_it_is_missing_old_or_damaged(tmp_path, monkeypatch, shared):
    made = []

    class Here:
        def __init__(self, function, jobs):
            self.function = function

        @contextmanager
        def beside(self, task):
            made.append(task)
            yield lambda: self.function(task, 0)

    monkeypatch.setattr(library, "Processes", Here)
    folder = tmp_path / "nytt"
    library.prepare_shared(folder)
    assert library.is_made(folder) and len(made) == 1
    library.prepare_shared(folder)
    assert len(made) == 1
    for spoil in (lambda: (folder / "vega.js").write_text(LIBRARY + " ", encoding="utf-8"),
                  lambda: (folder / "vega.js").unlink(),
                  lambda: (folder / library.NOTE).write_text("{", encoding="utf-8"),
                  lambda: monkeypatch.setattr(library, "drawing_options", lambda: {"annat": 1}),
                  lambda: monkeypatch.setattr(library, "version", lambda name: "99")):
        count = len(made)
        spoil()
        library.prepare_shared(folder)
        library.prepare_shared(folder)
        assert len(made) == count + 1 and (folder / "vega.js").read_text(encoding="utf-8") == LIBRARY


def test_a_library_that_cannot_be_made_is_not_passed_over(tmp_path, monkeypatch):
    class Failing:
        def __init__(self, function, jobs):
            """Nothing to prepare."""

        @contextmanager
        def beside(self, task):
            yield lambda: OSError(28, "No space left on device")

    monkeypatch.setattr(library, "Processes", Failing)
    with pytest.raises(OSError, match="No space"):
        library.prepare_shared(tmp_path / "nytt")
    assert not (tmp_path / "nytt").exists()


def test_an_older_notebook_is_converted_and_an_output_keeps_what_is_shown():
    notebook = page("# A", {"text/html": "<p>A</p>", "text/plain": "A", "text/csv": "A"}, {"text/plain": "B"})
    read = parts.read_notebook(nbformat.writes(notebook))
    assert [dict(output.data) for output in read.cells[1].outputs] == [{"text/html": "<p>A</p>"}, {"text/plain": "B"}]
    older = json.loads(nbformat.writes(notebook))
    older["nbformat_minor"] = 4
    for cell in older["cells"]:
        del cell["id"]
    assert parts.read_notebook(json.dumps(older)).cells[0].source == "# A"
    third = nbformat.v3.new_notebook(worksheets=[nbformat.v3.new_worksheet(cells=[
        nbformat.v3.new_text_cell("markdown", source="# Tre")])])
    assert parts.read_notebook(nbformat.v3.writes_json(third)).cells[0].source == "# Tre"


def test_the_quick_stemmer_gives_the_same_stems():
    """snowballstemmer uses PyStemmer where it is installed, and is itself what the search in the browser follows."""
    text = " ".join(path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "chapters").rglob("*.[im]*"))
    words = sorted({word.lower() for word in re.findall(r"\w+", text)})
    quick, plain = Stemmer.Stemmer("swedish"), SwedishStemmer()
    assert len(words) > 5000
    assert [(word, quick.stemWord(word)) for word in words] == [(word, plain.stemWord(word)) for word in words]
