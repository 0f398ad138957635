"""What stands under a table: whose figures they are, as the source's terms ask, and how they were computed."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re

import pandas as pd
import pytest
from test_prose import CHAPTERS, _needs

from analysis.measures.result import Quantity, Result
from analysis.present.book import open_book
from analysis.present.pages import comparison, costs, cover, material, volumes
from analysis.present.views import TableView, given_by
from analysis.sources import default_data_directory, list_municipalities
from analysis.sources.registers import SourceRef

KOLADA = "kolada_n28008"


@pytest.fixture(scope="module")
def book():
    """The default municipality's book."""
    return open_book("malmo")


def page(view) -> str:
    bundle = view._repr_mimebundle_()
    return (bundle[0] if isinstance(bundle, tuple) else bundle)["text/html"]


def source_line(view) -> str:
    return re.sub("<[^>]+>", "", re.search(r"Källa: (.*?)(?: Status:| Ladda ner|</p>)", page(view))[1])


def table(book, *references: SourceRef, given: bool, label: str = "Värde") -> TableView:
    """Return a table of one column whose figures come from the places given."""
    frame = pd.DataFrame({"varde": [1.0, 2.0]}, index=pd.Index([2023, 2024], name="ar"))
    quantities = (Quantity("varde", label, "kr", as_given=given),)
    return TableView(book.municipality, Result("prov", "Prov", frame, quantities, "formel", "metod", references))


def test_what_kolada_gives_is_said_to_be_koladas(book):
    direct = table(book, SourceRef(KOLADA, "2024"), given=True)
    assert source_line(direct) == "Kolada."
    assert source_line(costs.inhabitants_chart(book)).startswith("Kolada, återgivet i Malmö stad")
    figure = next(one for one in cover.chosen_figures(book) if one.what.startswith("Kostnad per invånare"))
    assert figure.given_by == "Kolada"


def test_given_values_from_two_sources_are_credited_to_both(book):
    kolada, own = SourceRef(KOLADA, "2024"), SourceRef("malmo_2025", "Avsnitt 6")
    through = SourceRef("malmo_2025", "Avsnitt 7", "andrahand", KOLADA)
    other = SourceRef("huddinge_2024", "Sida 3")
    publisher = book.municipality.sources["malmo_2025"].publisher
    assert source_line(table(book, kolada, own, given=True)).startswith(f"Kolada; {publisher}, Utredning")
    line = source_line(table(book, through, other, given=True))
    assert line.startswith(f"Kolada, återgivet i {publisher}") and "; Huddinge" in line
    for references, names in (
        ((kolada,), "Kolada"), ((through,), "Kolada"), ((kolada, through), "Kolada"),
        ((kolada, own), f"Kolada och {publisher}"), ((own, kolada), f"Kolada och {publisher}"), ((own,), ""),
    ):
        assert given_by(book.municipality, table(book, *references, given=True).result) == names
        assert given_by(book.municipality, table(book, *references, given=False).result) == ""


def test_what_the_book_has_processed_is_not_said_to_be_koladas(book):
    direct = table(book, SourceRef(KOLADA, "N28008, 2024"), given=False)
    assert source_line(direct) == "egen beräkning på uppgifter som redovisas i kapitlet Underlag och källor."
    assert "Kolada" not in page(direct) and "N28008, 2024" in page(direct)
    through = table(book, SourceRef("malmo_2025", "Avsnitt 6", "andrahand", KOLADA), given=False)
    assert "Kolada" not in page(through) and source_line(through).startswith("Malmö stad")
    assert "Kolada" not in source_line(volumes.october_chart(book, "sfb"))
    assert "Kolada" not in source_line(comparison.hour_chart(book))


def test_where_given_and_processed_stand_together_each_is_told(book):
    assert source_line(comparison.comparison_table(book)).endswith(
        "Kolada för kostnad per invånare. Resten är egen beräkning."
    )
    assert source_line(costs.inhabitants_table(book)).endswith("Förändringen är egen beräkning.")


def test_a_source_without_terms_is_named_whatever_the_book_does(book):
    reference = SourceRef("malmo_2025", "Avsnitt 6")
    lines = {source_line(table(book, reference, given=given)) for given in (True, False)}
    assert len(lines) == 1 and lines.pop().startswith("Malmö stad, funktionsstödsnämnden, Utredning")


def test_the_material_says_how_such_sources_are_named(book):
    assert material.terms_text(book)._repr_mimebundle_()["text/plain"].startswith("Kolada anges som källa där")
    assert "N28008" in page(material.sources_table(book))


def test_below_a_table_stand_formula_inputs_sources_and_status(book):
    text = page(costs.outcome_table(book))
    facts = dict(re.findall(r"<dt>(.*?)</dt>((?:<dd>.*?</dd>)+)", text))
    assert list(facts) == ["Formel", "Metod", "Indata", "Källor", "Status"]
    assert facts["Indata"] == "<dd>Budget och nettokostnad</dd>"
    result = costs.outcome_table(book).result
    assert len(result.references) > 1 and facts["Källor"].count("<dd>") == 1
    for reference in result.references:
        assert reference.place[1:] in facts["Källor"]


def test_a_dated_value_is_named_among_the_inputs(book):
    from analysis.present.pages import models

    assert "<dt>Indata</dt><dd>Schablonbelopp för assistansersättning</dd>" in page(models.schablon_table(book))


def tables_of(slug: str):
    """Run every cell of every chapter and yield each view with a download."""
    book = open_book(slug)
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        space, notebook = {"book": book}, json.loads(path.read_text(encoding="utf-8"))
        if not book.municipality.has(*_needs(notebook["metadata"])):
            continue
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] != "code" or "parameters" in cell["metadata"].get("tags", []):
                continue
            if "open_book" in source:
                exec("\n".join(line for line in source.splitlines() if line.startswith("from")), space)
            elif book.municipality.has(*_needs(cell["metadata"])):
                view = eval(source, space)
                bundle = view._repr_mimebundle_()
                bundle = bundle[0] if isinstance(bundle, tuple) else bundle
                if "text/csv" in bundle:
                    yield view.result, list(csv.reader(io.StringIO(bundle["text/csv"], newline=""), delimiter=";"))


@pytest.mark.parametrize("slug", list_municipalities(default_data_directory()))
def test_a_csv_is_headed_in_swedish_and_not_in_the_words_of_the_code(slug):
    seen = 0
    for result, lines in tables_of(slug):
        seen += 1
        names = {str(result.frame.index.name), *map(str, result.frame.columns)}
        labels = {quantity.label for quantity in result.quantities}
        for heading in lines[0]:
            assert heading and "_" not in heading, (result.id, heading)
            assert heading not in names - labels, (result.id, heading)
        assert not [line[0] for line in lines[1:] if re.fullmatch(r"[a-z]+_[a-z_/]+", line[0])], result.id
    assert seen > 5


def test_a_heading_is_the_word_of_the_table_on_the_page(book):
    view = dataclasses.replace(table(book, SourceRef("malmo_2025", "Avsnitt 6"), given=True), tall=True)
    assert view._repr_mimebundle_()[0]["text/csv"].startswith("År;")
