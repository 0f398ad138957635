"""The first page: the numbers that matter, and the way from every figure to where it is computed."""

from __future__ import annotations

import html
import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from conftest import edit
from test_prose import CHAPTERS, every_text, rewrite

from analysis.present.book import Book, open_book
from analysis.present.numbers import MINUS, rounded
from analysis.present.pages import cover, own_provision
from analysis.present.views import Linked, bullets
from analysis.publish.plan import plan_book, read_chapters
from analysis.sources import default_data_directory, list_municipalities
from analysis.sources.municipality import load_municipality

MUNICIPALITIES = list_municipalities(default_data_directory())
ANCHOR = re.compile(r' id="((?:tabell|diagram)-[^"]+)"')
AMOUNT = re.compile(r"([−+]?\d[\d\u00a0]*(?:,\d+)?)[\u00a0 ](mnkr|tkr|kr|%)")


def markup(view) -> str:
    return view._repr_mimebundle_()["text/html"]


def links(book: Book) -> set[str]:
    """Return where the first page and the conclusions lead."""
    page = html.unescape(markup(cover.key_figures(book)))
    found = set(re.findall(r'href="([^"]+)"', page))
    for view in (cover.summary_list(book), cover.drivers_list(book)):
        found |= {item.target for item in view.paragraphs if isinstance(item, Linked) and item.target}
    return found


def assert_found(targets: set[str], book: Book) -> None:
    """Run the chapters that the targets lie in, and see that each has what they point at."""
    chapters = {target.partition(".")[0] for target in targets}
    found = {f"{name}.html#{id_}" for name, text in every_text(book, chapters) for id_ in ANCHOR.findall(text)}
    assert targets <= found


def with_manifest(book: Book) -> Book:
    """Return the book as it is while being built, when it knows its chapters."""
    chapters = plan_book(book.municipality, read_chapters()).chapters
    manifest = {"chapters": [{"name": chapter.name} for chapter in chapters]}
    return Book(book.municipality, book.data_directory, manifest)


@pytest.mark.parametrize("slug", MUNICIPALITIES)
def test_every_figure_leads_to_where_it_is_computed(slug):
    book = open_book(slug)
    found = links(book)
    assert len(found) > 2
    assert_found(found, book)
    assert links(with_manifest(book)) == found
    for view in (cover.summary_list(book), cover.drivers_list(book)):
        assert all(isinstance(item, Linked) and item.target and item.place for item in view.paragraphs)


@pytest.mark.parametrize("tables", ["ekonomi engangsposter", "brukare", "timmar", "loner"])
def test_no_figure_leads_to_a_chapter_that_the_book_lacks(data_copy, tables):
    for table in ("publicerat", *tables.split()):
        (data_copy / "kommuner" / "malmo" / f"{table}.csv").unlink()
    book = open_book("malmo", str(data_copy))
    assert_found(links(with_manifest(book)), book)


def test_without_the_chapter_the_sentence_stands_without_a_link():
    municipality = load_municipality("malmo", default_data_directory())
    book = Book(municipality, default_data_directory(), {"chapters": [{"name": "kostnader"}]})
    items = cover.summary_list(book).paragraphs
    assert {item.target.partition(".")[0] for item in items} == {"kostnader", ""}
    assert "](" not in bullets(item for item in items if not item.target)._repr_mimebundle_()["text/markdown"]
    assert {target.partition(".")[0] for target in re.findall(r'href="([^"]+)"', markup(cover.key_figures(book)))} == {
        "kostnader"
    }


def test_a_link_is_called_after_its_chapter_and_no_two_are_called_alike():
    titles = {chapter.name: chapter.title for chapter in read_chapters()}
    names = [place for _, _, place in cover.PLACES.values()]
    assert len(set(names)) == len(names)
    for chapter, _, place in cover.PLACES.values():
        assert place.split(":")[0] == titles[chapter].split(":")[0]


def test_a_linked_sentence_is_escaped_and_links():
    linked = Linked("a *b* [c]", "kostnader.html#tabell-x", "D [e]")
    text = bullets([linked])._repr_mimebundle_()["text/markdown"]
    assert text == "- a \\*b\\* \\[c\\] [D \\[e\\]](kostnader.html#tabell-x)"


@pytest.mark.parametrize("slug", MUNICIPALITIES)
def test_the_numbers_are_few_and_none_is_empty(slug):
    figures = cover.chosen_figures(open_book(slug))
    assert 3 < len(figures) <= cover.MOST_FIGURES
    assert len({figure.what for figure in figures}) == len(figures)
    for figure in figures:
        assert figure.value.strip() and figure.unit.strip() and figure.meaning.endswith(".")
        assert not re.search(r"nan|None|–", f"{figure.value}{figure.unit}{figure.meaning}")
    page = markup(cover.key_figures(open_book(slug)))
    assert page.count("<li>") == page.count("</li>") == len(figures) and page.startswith("<ul ")


def test_the_numbers_of_the_default_municipality():
    figures = {figure.what: (figure.value, figure.unit) for figure in cover.chosen_figures(open_book("malmo"))}
    assert figures["Nettokostnad 2025"] == ("362,1", "mnkr")
    assert figures["Kostnad per invånare 2024"] == ("1\u00a0285", "kr")


def test_what_the_numbers_mean_follows_the_data(data_copy):
    def cheaper(row):
        row["nettokostnad_tkr"] = str(100000 - 1000 * (int(row["ar"]) - 2019))
        return row

    rewrite(data_copy, "ekonomi", cheaper)
    path = data_copy / "nationellt" / "kostnad_per_invanare.csv"
    edit(path, "2024;Malmö;1285", "2024;Malmö;2000")
    meanings = {figure.what: figure.meaning for figure in cover.chosen_figures(open_book("malmo", str(data_copy)))}
    assert meanings["Nettokostnad 2025"] == (
        "Beloppet har minskat med 5\u00a0% sedan 2020. Sedan 2024 har det minskat med 3,0\u00a0mnkr.")
    assert meanings["Kostnad per invånare 2024"].startswith("Högre än i riket")
    assert [what for what in meanings if what.startswith("Överskott mot budgeten")]


@pytest.mark.parametrize(("over", "what", "value", "meaning"), [
    ("0.4", "Avvikelse mot budgeten 2025", "0", "i stort sett lika stor som budgeten."),
    ("0", "Avvikelse mot budgeten 2025", "0", "blev lika stor som budgeten."),
    ("-0.4", "Avvikelse mot budgeten 2025", "0", "i stort sett lika stor som budgeten."),
    ("0.5", "Underskott mot budgeten 2025", "1", "översteg budgeten"),
    ("-0.5", "Överskott mot budgeten 2025", "1", "höll sig inom budgeten"),
])
def test_a_deviation_that_is_shown_as_zero_is_neither_deficit_nor_surplus(data_copy, over, what, value, meaning):
    def near(row):
        row["budget_tkr"] = "1000"
        row["nettokostnad_tkr"] = f"{1000 + (float(over) if row['verksamhet'] == 'lss' else 0)}".replace(".", ",")
        return row if row["ar"] == "2025" else None

    rewrite(data_copy, "ekonomi", near)
    book = open_book("malmo", str(data_copy))
    figure = next(one for one in cover.chosen_figures(book) if one.place == "avvikelse")
    assert (figure.what, figure.value, figure.unit) == (what, value, "tkr") and meaning in figure.meaning
    place = cover.PLACES["avvikelse"][2]
    said = next(item.text for item in cover.summary_list(book).paragraphs if item.place == place)
    assert ("översteg" in said) == what.startswith("Underskott") and "0\u00a0tkr" not in said


@pytest.mark.parametrize(("result", "what", "meaning"), [
    (-0.4, "resultat", "i stort sett lika stora"), (0.0, "resultat", "Intäkterna blev lika stora"),
    (0.4, "resultat", "i stort sett lika stora"), (-0.5, "underskott", "högre än intäkterna"),
    (0.5, "överskott", "täckte"),
])
def test_a_result_that_is_shown_as_zero_is_neither_deficit_nor_surplus(monkeypatch, result, what, meaning):
    frame = pd.DataFrame({"resultat_tkr": [result]}, index=[2024])
    monkeypatch.setattr(cover, "own_accounts", lambda municipality: SimpleNamespace(frame=frame))
    figure = cover._own_result(open_book("huddinge"))
    assert figure.what == f"Den egna utförarens {what} 2024" and meaning in figure.meaning
    said = own_provision.result_sentence(frame["resultat_tkr"])
    assert ("högre än intäkterna" in said) == (what == "underskott")


def one_year(data, *tables):
    for table in tables:
        rewrite(data, table, lambda row: row if row["ar"] == "2025" else None)


def no_users(data):
    def none(row):
        return {name: "0" if name.endswith("_antal") else value for name, value in row.items()}

    rewrite(data, "brukare", none)


@pytest.mark.parametrize("change", [
    lambda data: one_year(data, "ekonomi", "brukare", "timmar", "floden"), no_users,
])
def test_what_takes_two_years_is_left_out_of_the_summary_and_the_rest_stands(data_copy, change):
    change(data_copy)
    book = open_book("malmo", str(data_copy))
    places = {item.place for item in cover.summary_list(book).paragraphs}
    assert cover.PLACES["delar_lss"][2] not in places
    assert {cover.PLACES[name][2] for name in ("kostnad", "avvikelse", "brukare_sfb", "invanare")} <= places
    assert "Antalet brukare" not in cover.drivers_list(book)._repr_mimebundle_()["text/plain"]
    assert_found(links(with_manifest(book)), book)


def test_a_conclusion_names_the_years_that_the_data_have(data_copy):
    for table in ("brukare", "timmar"):
        rewrite(data_copy, table, lambda row: None if row["ar"] == "2025" else row)
    text = cover.drivers_list(open_book("malmo", str(data_copy)))._repr_mimebundle_()["text/plain"]
    assert "brukare med assistansersättning ökade 2020–2024" in text
    assert "Timmarna per brukare enligt LSS ökade 2020–2024" in text


@pytest.mark.parametrize("slug", MUNICIPALITIES)
def test_no_number_stands_twice_with_different_rounding(slug):
    book = open_book(slug)
    text = cover.key_figures(book)._repr_mimebundle_()["text/plain"]
    text += "\n" + cover.summary_list(book)._repr_mimebundle_()["text/plain"]
    found = set(AMOUNT.findall(text))
    assert found
    for value, unit in found:
        for other, other_unit in found:
            decimals, more = (len(one.partition(",")[2]) for one in (value, other))
            if unit == other_unit and decimals < more:
                assert rounded(plain(other), decimals) != rounded(plain(value), decimals), (value, other, unit)


def plain(text: str) -> float:
    return float(text.replace("\u00a0", "").replace(",", ".").replace(MINUS, "-").replace("+", ""))


def test_the_first_page_shows_the_numbers_before_the_summary():
    cells = json.loads((CHAPTERS / "index.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert sources.index("cover.key_figures(book)") < sources.index("cover.summary_list(book)")


@pytest.mark.parametrize(("slug", "said"), [("bjuv", "Uträknat ur det som utredningen anger"),
                                            ("ange", "Så många timmar räknar utredningen med")])
def test_hours_that_a_document_does_not_print_are_not_called_its_own(slug, said):
    hours = next(one for one in cover.chosen_figures(open_book(slug)) if one.what.startswith("Timmar per år"))
    assert hours.meaning.startswith(said)
