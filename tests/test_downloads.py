"""The Excel file beside each table's CSV: the same numbers, text that stays text, and words about the table."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from decimal import Decimal

import openpyxl
import pandas as pd
import pytest
import yaml
from conftest import edit
from test_prose import every_view

from analysis.measures.result import Quantity, Result
from analysis.present.book import open_book
from analysis.present.numbers import MINUS, NO_BREAK_SPACE, NO_VALUE, UNIT_WORDS, number
from analysis.present.pages import comparison, costs, forms, models, provider, reconciliation, scenario
from analysis.present.views import TableView
from analysis.publish.workbook import ABOUT_SHEET, SHEET, make_workbook
from analysis.sources import default_data_directory, list_municipalities

MANIFEST = {"name": "Malmö", "built_at": "2026-01-02T03:04:05+00:00"}
PLAIN_TABLES = [
    ("malmo", costs.outcome_table),
    ("malmo", costs.inhabitants_table),
    ("malmo", models.schablon_table),
    ("malmo", provider.surplus_table),
    ("malmo", comparison.comparison_table),
    ("malmo", forms.count_table),
    ("malmo", reconciliation.counts_table),
]
# On the page, these have their values' units beside them.
MIXED_TABLES = [("malmo", reconciliation.every_figure), ("ange", scenario.inputs_table)]


def downloads(view) -> tuple[list[list[str]], openpyxl.Workbook, bytes]:
    """Return a view's CSV as lines, its workbook as read back, and the workbook's bytes."""
    bundle, metadata = view._repr_mimebundle_()
    content = make_workbook(bundle["text/csv"], metadata["assistansboken"], MANIFEST)
    lines = list(csv.reader(io.StringIO(bundle["text/csv"], newline=""), delimiter=";"))
    return lines, openpyxl.load_workbook(io.BytesIO(content)), content


def invented(malmo, label: str, values: list[object], unit: str, decimals: int = 0) -> TableView:
    """Return a table of a column of values."""
    frame = pd.DataFrame({"varde": values}, index=pd.Index([f"rad {line}" for line in range(len(values))], name="post"))
    quantities = (Quantity("varde", label, unit, decimals),)
    return TableView(malmo, Result("prov", "Prov", frame, quantities, "formel", "metod", ()))


@pytest.fixture(scope="module")
def malmo():
    """The default municipality."""
    return open_book("malmo").municipality


def each(tables):
    return pytest.mark.parametrize(("slug", "page"), tables, ids=lambda value: getattr(value, "__name__", value))


@each(PLAIN_TABLES + MIXED_TABLES)
def test_the_workbook_holds_what_the_csv_holds(slug, page):
    lines, workbook, _ = downloads(page(open_book(slug)))
    rows = list(workbook[SHEET].iter_rows())
    assert len(rows) == len(lines)
    numbers = 0
    for cells, line in zip(rows, lines, strict=True):
        for found, written in zip(cells, line, strict=True):
            if found.data_type == "n" and found.value is not None:
                numbers += 1
                assert found.value == float(written.replace(",", "."))
            else:
                assert (found.value or "") == re.sub(r"^'(?=[=+\-@\t\r])", "", written)
    assert numbers


@each(PLAIN_TABLES)
def test_the_workbook_shows_what_the_page_shows(slug, page):
    view = page(open_book(slug))
    _, workbook, _ = downloads(view)
    _, *lines = workbook[SHEET].iter_rows(min_col=2)
    columns = [[shown(value) for value in column] for column in zip(*lines, strict=True)]
    tall = view.result.frame.index.name != "ar" or view.tall
    on_page = [[cell.shown.removesuffix(f"{NO_BREAK_SPACE}%") for cell in cells] for _, cells in view.grid()[1]]
    if tall:
        on_page = [list(column) for column in zip(*on_page, strict=True)]
    # A table with years across may end with the change, which is not in the download.
    assert columns == [cells[: len(lines)] for cells in on_page]


def shown(cell) -> str:
    """Return a cell as Swedish Excel shows it."""
    if cell.value is None:
        return NO_VALUE
    if cell.data_type == "s":
        return cell.value
    if cell.number_format == "General":
        return str(Decimal(str(cell.value))).replace("-", MINUS)
    found = re.fullmatch(r"#,##0(?:\.(0+))?", cell.number_format)
    return number(cell.value, len(found[1] or ""))


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "expected"),
    [
        (1234567.0, "tkr", 0, "#,##0"),
        (1 / 3, "kr_per_timme", 2, "#,##0.00"),
        (2.5, "antal", 0, "#,##0.0"),
        (2022.0, "ar", 0, "General"),
        (2022.0, "tal", 2, "General"),
        (-0.5, "procent", 1, "#,##0.0"),
    ],
)
def test_numbers_have_the_decimals_of_their_unit(malmo, value, unit, decimals, expected):
    _, workbook, _ = downloads(invented(malmo, "Värde", [value], unit, decimals))
    cell = workbook[SHEET]["B2"]
    assert (cell.data_type, cell.number_format) == ("n", expected)
    assert cell.value == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("text", ["=1+1", "+46 40", "-5", "@SUM(A1)", "https://example.org", "2022", "'citat'"])
def test_text_stays_text(malmo, text):
    _, workbook, _ = downloads(invented(malmo, text, [text], "text"))
    for place in ("B1", "B2"):
        cell = workbook[SHEET][place]
        assert (cell.data_type, cell.value, cell.hyperlink) == ("s", text, None)


def test_the_heading_stays_in_sight_and_the_first_column_holds_its_words(malmo):
    _, workbook, _ = downloads(invented(malmo, "Värde", [1.0], "tkr"))
    sheet = workbook[SHEET]
    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].font.bold and sheet["B1"].font.bold and not sheet["B2"].font.bold
    assert sheet.column_dimensions["A"].width > len("rad 0")


def test_a_sheet_tells_of_the_table():
    view = costs.outcome_table(open_book("malmo"))
    _, workbook, _ = downloads(view)
    told = {name: text for name, text in workbook[ABOUT_SHEET].iter_rows(values_only=True)}
    assert list(workbook.sheetnames) == [SHEET, ABOUT_SHEET]
    assert told["Tabell"] == (view.caption or view.result.title)
    assert told["Enhet"] == UNIT_WORDS["tkr"]
    assert (told["Formel"], told["Metod"]) == (view.result.formula, view.result.method)
    assert told["Källa"] and told["Underlag"]
    assert (told["Kommun"], told["Boken byggdes"]) == ("Malmö", "2026-01-02")


def test_the_same_table_gives_the_same_file():
    _, workbook, content = downloads(costs.outcome_table(open_book("malmo")))
    assert content == downloads(costs.outcome_table(open_book("malmo")))[2]
    built_on = datetime.datetime.fromisoformat(MANIFEST["built_at"][:10])
    assert workbook.properties.created == workbook.properties.modified == built_on
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_table_of_the_nation_is_one_file_for_all_and_names_no_municipality():
    one, other = (downloads(models.schablon_table(open_book(slug))) for slug in ("huddinge", "malmo"))
    assert one[2] == other[2] and "Kommun" not in [row[0].value for row in one[1][ABOUT_SHEET]]


def test_every_table_with_a_municipality_s_own_figures_names_it():
    """Those that do not name it are the same in every book that has them, years apart that another period adds."""
    nameless: dict[str, dict[tuple, set[str]]] = {}
    named = 0
    for slug in list_municipalities(default_data_directory()):
        book = open_book(slug)
        years = book.municipality.first_year, book.municipality.last_year
        for _, bundle, metadata in every_view(book):
            if "text/csv" not in bundle:
                continue
            told = dict(metadata["facts"])
            if "Kommun" in told:
                assert told["Kommun"] == book.municipality.name
                named += 1
            else:
                table = metadata["table_id"]
                nameless.setdefault(table, {}).setdefault(years, set()).add(bundle["text/csv"])
    assert named > 80 and len(nameless) > 5
    assert not {table: periods for table, periods in nameless.items() if any(len(one) > 1 for one in periods.values())}


def test_a_table_of_an_assumption_that_the_municipality_has_changed_names_it(data_copy):
    card = data_copy / "kommuner" / "malmo" / "kommun.yml"
    before = downloads(provider.surplus_table(open_book("malmo", data_copy)))[1]
    assumptions = yaml.safe_load((data_copy / "nationellt" / "antaganden.yml").read_text(encoding="utf-8"))
    used = provider.surplus_table(open_book("malmo", data_copy)).result.assumptions[0]
    assert "Kommun" not in [row[0].value for row in before[ABOUT_SHEET]] and used.id in assumptions
    edit(card, "antaganden: {}", f"antaganden: {{{used.id}: {used.minimum}}}")
    after = downloads(provider.surplus_table(open_book("malmo", data_copy)))[1]
    assert "Kommun" in [row[0].value for row in after[ABOUT_SHEET]]


def test_each_link_says_which_table_it_fetches():
    view = costs.outcome_table(open_book("malmo"))
    page = view._repr_mimebundle_()[0]["text/html"]
    links = re.findall(r'<a href="tabeller/([^"]+)" download>(.*?)</a>', page)
    title = view.caption or view.result.title
    assert [(file, re.sub("<[^>]+>", "", words)) for file, words in links] == [
        (f"{view.result.id}.xlsx", f"Excel: {title}"),
        (f"{view.result.id}.csv", f"CSV: {title}"),
    ]
