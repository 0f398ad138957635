"""In which sequence books are begun, and what a chapter is before it is run."""

from __future__ import annotations

import json
import os

from analysis.measures.small_numbers import protect
from analysis.publish.finished import write_record
from analysis.publish.inputs import Inputs
from analysis.publish.places import PROJECT_ROOT
from analysis.publish.plan import plan_book, read_chapters
from analysis.publish.run import Order, longest_first
from analysis.sources import load_municipality

YEAR_2000 = (946_684_800, 946_684_800)


def _orders(data, work, sizes):
    for slug, size in sizes.items():
        folder = data / "kommuner" / slug
        folder.mkdir(parents=True)
        (folder / "ekonomi.csv").write_text("x" * size)
    inputs = Inputs(data, PROJECT_ROOT)
    return [Order(slug, inputs, work, "", b"", False) for slug in sizes]


def test_what_takes_longest_is_begun_first(tmp_path):
    """A large municipality before a small one; before both the one that has changed since its book was made."""
    data, work = tmp_path / "data", tmp_path / "arbete"
    orders = _orders(data, work, {"liten": 10, "stor": 1000, "mellan": 100})
    assert [order.slug for order in longest_first(orders)] == ["stor", "mellan", "liten"]
    for order in orders:
        os.utime(data / "kommuner" / order.slug / "ekonomi.csv", YEAR_2000)
        write_record(work, order.slug, "nyckel")
    assert [order.slug for order in longest_first(orders)] == ["stor", "mellan", "liten"]
    os.utime(data / "kommuner" / "liten" / "ekonomi.csv")
    assert [order.slug for order in longest_first(orders)] == ["liten", "stor", "mellan"]


def test_a_chapter_is_read_once_and_no_book_alters_it(tmp_path):
    """What one book's plan makes of a notebook is not there when the next plan is made, and a changed file is read."""
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: chapters/index\n")
    path = tmp_path / "chapters" / "index.ipynb"
    path.write_text((PROJECT_ROOT / "chapters" / "index.ipynb").read_text(encoding="utf-8"), encoding="utf-8")
    municipality = protect(load_municipality("malmo"))

    def notebook():
        chapters = read_chapters(tmp_path)
        return plan_book(municipality, chapters).notebook(chapters[0])

    first = notebook()
    before = json.dumps(first)
    first.cells[0].source = "ändrad"
    first.cells[0].metadata["tags"].append("ändrad")
    first.metadata["ny"] = {}
    assert json.dumps(notebook()) == before
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cells"][0]["source"] = ["# Ny rubrik"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert notebook().cells[0].source == "# Ny rubrik"
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook().cells)
