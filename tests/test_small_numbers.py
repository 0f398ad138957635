"""No count of persons under the threshold is shown, nor anything that gives it away."""

import dataclasses
import itertools
import json
import math
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_prose import assert_sound

from analysis import cli
from analysis.measures import choice, result, scenario, volumes
from analysis.measures.economy import budget_outcome
from analysis.measures.small_numbers import protect, withheld_cells
from analysis.present.book import Book
from analysis.present.numbers import WITHHELD
from analysis.present.pages import material
from analysis.present.views import TableView, to_csv
from analysis.publish.manifest import KEYED, input_hashes
from analysis.publish.plan import Chapter, plan_book
from analysis.sources import DataError, default_data_directory, list_municipalities, load_municipality
from analysis.sources.municipality import SmallNumbers
from analysis.sources.schema import MUNICIPAL_TABLES, NATIONAL_TABLES

CHAPTERS = default_data_directory().parent / "chapters"
BARE = load_municipality("lund")
SOURCE = {"kalla": "malmo_2025", "plats": "tabell 1", "status": ""}


def frame(name, rows):
    """Return a table of a municipality's as reading a file gives it."""
    spec = (MUNICIPAL_TABLES | NATIONAL_TABLES)[name]
    columns = {}
    for column in spec.all_columns:
        values = [({"driftform": "alla"} | SOURCE | row).get(column.name) for row in rows]
        if column.kind in ("integer", "year"):
            array = pd.array(values, dtype="Int64")
            columns[column.name] = array if array.isna().any() else array.astype("int64")
        elif column.kind == "number":
            columns[column.name] = pd.array(values, dtype="float64")
        else:
            columns[column.name] = pd.array([value or "" for value in values], dtype="str")
    made = pd.DataFrame(columns)
    made.attrs["table"] = spec.title
    return made


def municipality(threshold=5, national=None, **tables):
    made = {name: frame(name, rows) for name, rows in tables.items()}
    of_nation = {**BARE.national, **{name: frame(name, rows) for name, rows in (national or {}).items()}}
    return dataclasses.replace(BARE, tables=made, national=of_nation, small_numbers=SmallNumbers(threshold))


def users(**counts):
    return [{"ar": int(name[-4:]), "verksamhet": name[:-5], "utfall_antal": value} for name, value in counts.items()]


def shown(view):
    """Return a table's rows as they are read: the label and its cells."""
    _, lines = view.grid()
    return {label: [cell.shown for cell in cells] for label, cells in lines}


def csv_rows(found):
    return [line.split(";") for line in to_csv(found).splitlines()]


def test_small_counts_are_two_dots_and_the_rest_stays():
    bare = municipality(brukare=users(lss_2022=4, lss_2023=5, lss_2024=0, lss_2021=12))
    found = volumes.users(protect(bare), "lss")
    assert found.frame["utfall_antal"].to_dict() == {2021: 12, 2023: 5, 2024: 0}
    assert shown(TableView(bare, found)) == {"Brukare": ["12", WITHHELD, "5", "0"]}
    assert csv_rows(found)[1:] == [["2021", "12"], ["2022", ".."], ["2023", "5"], ["2024", "0"]]


def test_a_change_from_a_count_that_is_not_shown_is_not_shown():
    bare = municipality(brukare=users(lss_2022=4, lss_2023=9))
    found = volumes.users(protect(bare), "lss")
    assert shown(TableView(bare, found, change=True)) == {"Brukare": ["..", "9", "..", ".."]}


def test_rates_of_few_are_not_shown_though_hours_are():
    hours = [{"ar": year, "verksamhet": "lss", "utfall_timmar": 9000} for year in (2022, 2023)]
    found = volumes.hours_per_user(protect(municipality(brukare=users(lss_2022=3, lss_2023=6), timmar=hours)))
    assert [row[1:] for row in csv_rows(found)[1:]] == [["..", "..", ".."], ["6", "9000", "125"]]
    assert volumes.hours(protect(municipality(brukare=users(lss_2022=3), timmar=hours))).frame.shape[0] == 2


def test_a_table_of_small_counts_alone_is_gone_and_said_not_shown():
    bare = municipality(brukare=users(lss_2022=3, lss_2023=2))
    protected = protect(bare)
    assert not protected.has("brukare") and bare.has("brukare")
    root = Chapter("root", "Start", CHAPTERS)
    left_out = plan_book(protected, [root, Chapter("users", "Brukare", CHAPTERS, ("brukare:lss", "konton"))]).left_out
    assert left_out[0].reason.startswith("Saknas: konton.csv (")
    assert ". Visas inte, eftersom antalen är små: brukare.csv (" in left_out[0].reason
    assert "brukare.csv" not in material.missing_table(Book(protected, default_data_directory())).html


def test_a_rest_that_is_small_is_protected_by_a_part_of_the_sum():
    counted = {"tidpunkt": "2024", "lag": "sfb", "totalt_antal": 20, "kommunen_antal": 17}
    found = choice.local_choice(protect(municipality(val_av_utforare=[counted])))
    assert found.frame["totalt_antal"].tolist() == [20]
    assert found.frame[["kommunen_antal", "andra_antal", "kommunen_procent"]].isna().all(axis=None)


def test_children_and_those_from_lss_are_parts_of_all():
    flows = [{"ar": 2024, "grupp": "alla", "fran_lss_antal": 9, "nya_antal": 20, "avslutade_antal": 11},
             {"ar": 2024, "grupp": "barn", "fran_lss_antal": 7, "nya_antal": 9, "avslutade_antal": 0}]
    bare = municipality(floden=flows)
    hidden = {(cell.row, cell.column) for cell in withheld_cells(bare)}
    # Two adults came from LSS and two children not: each would follow from two shown counts.
    assert hidden & {(0, "fran_lss_antal"), (1, "fran_lss_antal")}
    assert hidden & {(1, "nya_antal"), (1, "fran_lss_antal")}
    assert (0, "nya_antal") not in hidden and (0, "avslutade_antal") not in hidden


def test_the_same_count_in_another_table_goes_too():
    own = [{"ar": 2023, "lag": law, "utforda_timmar": 1000, "brukare_antal": count, "brukare_tidpunkt": "2023-12"}
           for law, count in (("sfb", 21), ("lss", 2))]
    given_ = [{"indata": name, "varde": value, "enhet": "antal", "beskrivning": "x"}
              for name, value in (("brukare_antal", 23), ("brukare_sfb_antal", 21))]
    hidden = withheld_cells(municipality(egen_regi=own, scenario=given_))
    assert {(cell.table, cell.row) for cell in hidden} >= {("egen_regi", 1), ("egen_regi", 0), ("scenario", 1)}


def test_the_cost_of_sfb_is_a_count_of_users():
    price = BARE.parameters["schablonbelopp"].in_year(2023).value
    three = 3 * 365 / 7 * 20 * price / 1000
    economy = [{"ar": year, "verksamhet": part, "nettokostnad_tkr": amount, "budget_tkr": 9000}
               for year in (2022, 2023) for part, amount in (("sfb", three), ("lss", 5000), ("utforare", 800))]
    bare = municipality(ekonomi=economy)
    protected = protect(bare)
    for year in (2022, 2023):
        left = protected.tables["ekonomi"]
        left = left[left["ar"] == year].set_index("verksamhet")["nettokostnad_tkr"]
        assert list(left.index) == ["lss", "totalt"]  # the provider's cost goes too, since the whole is shown
        assert left["totalt"] == pytest.approx(three + 5800)
    assert budget_outcome(protected).frame.equals(budget_outcome(bare).frame)


def test_a_cost_that_counts_many_is_shown():
    economy = [{"ar": 2023, "verksamhet": part, "nettokostnad_tkr": 5000} for part in ("sfb", "lss")]
    assert not withheld_cells(municipality(ekonomi=economy))


def test_the_scenario_takes_no_other_count_in_place_of_one_that_is_not_shown():
    protected = protect(dataclasses.replace(load_municipality("huddinge"), small_numbers=SmallNumbers()))
    left = set(protected.tables["scenario"]["indata"])
    assert not {name for name in left if name.startswith("brukare") or "forsta_timmar" in name}
    with pytest.raises(result.MissingData):
        scenario.first_hours(protected)


def test_means_of_few_from_the_national_tables_go():
    people = [{"ar": year, "omrade": "Lund", "antal": count} for year, count in ((2022, 3), (2023, 50))]
    hours = [{"ar": year, "omrade": "Lund", "timmar_per_vecka": 130} for year in (2022, 2023)]
    protected = protect(municipality(national={"brukare_december": people, "timmar_per_vecka": hours}))
    assert protected.national["timmar_per_vecka"]["ar"].tolist() == [2023]


@pytest.mark.parametrize("slug", ["malmo", "huddinge", "bjuv", "ange"])
def test_the_published_documents_show_their_counts_by_choice(slug):
    one = load_municipality(slug)
    assert one.small_numbers.threshold == 0 and one.small_numbers.reason
    assert protect(one) is one
    assert "Små antal personer visas: utredningen" in material.small_numbers_line(one)


def test_whoever_says_nothing_has_the_threshold():
    assert load_municipality("lund").small_numbers == SmallNumbers(5, "")
    assert "från 1 till 4 skrivs .." in material.small_numbers_line(load_municipality("lund"))


@pytest.mark.parametrize(("written", "problem"), [
    ("sma_tal: {grans: 1}", "gränsen går inte att använda"),
    ("sma_tal: {grans: fem}", "fel slags värde"),
    ("sma_tal: 5", "fel slags värde"),
    ("sma_tal: {visas: }", "fältet sma_tal.visas saknas"),
    ("sma_tal: {visas: true}", "fel slags värde"),
    ("sma_tal: {visas: därför, grans: 4}", "både en gräns och att små antal visas"),
    ("sma_tal: {gräns: 4}", "okänt fält"),
])
def test_a_choice_that_cannot_be_used_is_told(data_copy, written, problem):
    card = data_copy / "kommuner" / "lund" / "kommun.yml"
    card.write_text(card.read_text(encoding="utf-8") + f"\n{written}\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_municipality("lund", data_copy)
    assert problem in str(caught.value) and "kommun.yml" in str(caught.value)


def test_the_threshold_can_be_chosen(data_copy):
    card = data_copy / "kommuner" / "lund" / "kommun.yml"
    card.write_text(card.read_text(encoding="utf-8") + "\nsma_tal:\n  grans: 10\n", encoding="utf-8")
    assert load_municipality("lund", data_copy).small_numbers == SmallNumbers(10, "")


@pytest.mark.parametrize(("slug", "threshold"), [
    ("malmo", 20), ("malmo", 410), ("malmo", 460), ("huddinge", 24), ("bjuv", 9), ("ange", 5), ("lund", 600),
])
def test_every_chapter_is_sound_whatever_is_not_shown(slug, threshold):
    chosen = dataclasses.replace(load_municipality(slug), small_numbers=SmallNumbers(threshold))
    protected = protect(chosen)
    assert protected.unprotected is chosen
    assert_sound(Book(protected, default_data_directory()))


# The counts of persons that some measure shows, and that are no difference between two others.
COUNTED = ("users", "hours_per_user", "flows", "local_choice", "choice_by_year", "users_1_october", "own_volumes")


def results(one):
    """Yield every result that a municipality's data give, of every measure and each of its arguments."""
    for card in result.every_measure().values():
        function = getattr(__import__(card.module, fromlist=[card.id]), card.id)
        for arguments in ((), *((word,) for word in ("sfb", "lss", "utforare", "totalt", "alla", "barn", "lov"))):
            try:
                yield card.id, arguments, function(one, *arguments)
            except (result.MissingData, KeyError, TypeError, ValueError, AttributeError, StopIteration):
                continue


@pytest.mark.parametrize("threshold", [5, 30, 200, 430])
@pytest.mark.parametrize("slug", list_municipalities(default_data_directory()))
def test_no_result_shows_a_small_count(slug, threshold):
    protected = protect(dataclasses.replace(load_municipality(slug), small_numbers=SmallNumbers(threshold)))
    seen = 0
    for name, arguments, found in results(protected):
        for quantity in found.quantities if name in COUNTED else ():
            if quantity.unit == "antal" and not quantity.signed:
                values = found.frame[quantity.name].dropna()
                seen += len(values)
                assert not ((values > 0) & (values < threshold)).any(), (name, arguments, quantity.name)
    assert seen or threshold > 5 or slug in ("bjuv", "ange")


counts = st.integers(0, 14)
flow_rows = st.tuples(st.sampled_from(["alla", "barn"]), counts, counts, counts)
flow_years = st.lists(flow_rows, min_size=1, max_size=2, unique_by=lambda row: row[0])


def possible(protected, bare, threshold):
    """Yield what each withheld count of one year's flows may be, as whoever knows the sums reckons it.

    By another road than the suppression: every way to fill the table, within the bounds that the method gives, is tried
    against what is shown.
    """
    columns = ("fran_lss_antal", "nya_antal", "avslutade_antal")
    left = protected.tables.get("floden")
    known, small = {}, {}
    for row in bare.tables["floden"].itertuples():
        rows = left[left["grupp"] == row.grupp] if left is not None else ()
        for column in columns:
            value = getattr(row, column)
            visible = rows[column].iloc[0] if len(rows) else None
            known[row.grupp, column] = None if visible is None or pd.isna(visible) else int(visible)
            small[row.grupp, column] = 0 < value < threshold
    hidden = [key for key, value in known.items() if value is None]
    ranges = [range(1, threshold) if small[key] else (0, *range(threshold, 18)) for key in hidden]
    for values in itertools.product(*ranges):
        table = known | dict(zip(hidden, values, strict=True))
        parts = [(table[group, "nya_antal"], table[group, "fran_lss_antal"]) for group in ("alla", "barn")
                 if (group, "nya_antal") in table]
        if ("barn", "nya_antal") in table and ("alla", "nya_antal") in table:
            parts += [(table["alla", column], table["barn", column]) for column in columns]
        if all(part <= whole for whole, part in parts):
            yield table, {(whole, part) for whole, part in parts}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(flow_years, st.integers(3, 5))
def test_no_withheld_count_can_be_reckoned_from_the_others(rows, threshold):
    table = [{"ar": 2024, "grupp": group, "fran_lss_antal": min(moved, new), "nya_antal": new, "avslutade_antal": ended}
             for group, moved, new, ended in rows]
    if len(table) == 2:
        whole, part = sorted(table, key=lambda row: row["grupp"])
        assume(all(part[name] <= whole[name] for name in ("fran_lss_antal", "nya_antal", "avslutade_antal")))
    bare = municipality(threshold, floden=table)
    protected = protect(bare)
    ways = [way for way, _ in possible(protected, bare, threshold)]
    for row in bare.tables["floden"].itertuples():
        for column in ("fran_lss_antal", "nya_antal", "avslutade_antal"):
            if 0 < getattr(row, column) < threshold:
                assert len({way[row.grupp, column] for way in ways}) > 1, (row, column)


def outputs(one):
    """Return everything that the chapters would hold for a municipality: pages, CSV and what else they tell."""
    told = []
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        space = {"book": Book(one, default_data_directory())}
        needs = [cell["metadata"].get("assistansboken", {}).get("needs", []) for cell in notebook["cells"]]
        if not one.has(*notebook["metadata"].get("assistansboken", {}).get("needs", [])):
            continue
        for cell, need in zip(notebook["cells"], needs, strict=True):
            source = "".join(cell["source"])
            if cell["cell_type"] != "code" or "parameters" in cell["metadata"].get("tags", []):
                continue
            if "open_book" in source:
                exec("\n".join(line for line in source.splitlines() if line.startswith("from")), space)
            elif one.has(*need):
                told.append((path.stem, source, repr(eval(source, space)._repr_mimebundle_())))
    return told


WORLDS = [
    ("ange", "val_av_utforare", "kommunen_antal", 3, 4, {("scenario", "varde"): (3, 4, 10, 9)}),
    ("huddinge", "egen_regi", "brukare_antal", 2, 4, {}),
    ("malmo", "floden", "avslutade_antal", 3, 2, {}),
]


@pytest.mark.parametrize(("slug", "table", "column", "one", "other", "also"), WORLDS)
def test_nothing_in_the_book_depends_on_what_is_not_shown(slug, table, column, one, other, also):
    """Two municipalities that differ only in a count that is not shown have the same book."""
    bare = dataclasses.replace(load_municipality(slug), small_numbers=SmallNumbers(5))
    changed = dict(bare.tables)
    assert (changed[table][column] == one).any()
    changed[table] = changed[table].assign(**{column: changed[table][column].replace(one, other)})
    for (name, field), (first, second, third, fourth) in also.items():
        users_ = changed[name]["indata"].str.startswith("brukare")
        swapped = changed[name][field].where(~users_, changed[name][field].replace({first: second, third: fourth}))
        changed[name] = changed[name].assign(**{field: swapped})
    world = dataclasses.replace(bare, tables=changed)
    assert withheld_cells(bare) == withheld_cells(world)
    first, second = outputs(protect(bare)), outputs(protect(world))
    assert len(first) > 50
    for (chapter, source, told), (_, _, otherwise) in zip(first, second, strict=True):
        assert told == otherwise, (chapter, source)


def test_the_hash_of_a_file_with_hidden_counts_needs_the_secret(data_copy):
    open_, closed = (input_hashes(slug, data_copy, data_copy.parent, key=b"a") for slug in ("malmo", "lund"))
    names = [f"data/kommuner/{slug}/kommun.yml" for slug in ("malmo", "lund")]
    assert not open_[names[0]].startswith(KEYED) and closed[names[1]].startswith(KEYED)
    assert closed[names[1]] != input_hashes("lund", data_copy, data_copy.parent, key=b"b")[names[1]]


def test_small_counts_in_words_are_warned_of(data_copy, capsys):
    folder = data_copy / "kommuner" / "ange"
    card = folder / "kommun.yml"
    card.write_text(re.sub(r"\nsma_tal:\n  visas: .*", "", card.read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "texter").mkdir()
    (folder / "texter" / "val.md").write_text("Så ser det ut.\n\nTre brukare har valt kommunen, 8 personer inte.\n",
                                              encoding="utf-8")
    facts = folder / "fakta.csv"
    facts.write_text(facts.read_text(encoding="utf-8").replace("Personliga assistenter som", "De 2 brukarnas, som"),
                     encoding="utf-8")
    assert cli.main(["check", "ange", "--data", str(data_copy)]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "nämner få personer" in line]
    assert len(told) == 2
    assert "data/kommuner/ange/texter/val.md, rad 3" in told[0] and "”Tre brukare”" in told[0]
    assert "data/kommuner/ange/fakta.csv, rad 2, kolumn beskrivning" in told[1] and "”2 brukarnas”" in told[1]
    card.write_text(card.read_text(encoding="utf-8") + "\nsma_tal:\n  visas: Redan offentliga.\n", encoding="utf-8")
    assert cli.main(["check", "ange", "--data", str(data_copy)]) == 0
    assert "nämner få personer" not in capsys.readouterr().err


def texts(folder: Path):
    """Yield the name and the text of every file in a folder, those in workbooks and Word files included."""
    import pikepdf

    for path in sorted(folder.rglob("*")):
        if path.suffix in (".xlsx", ".docx"):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path.name}/{name}", archive.read(name).decode("utf-8", "replace")
        elif path.suffix == ".pdf":
            with pikepdf.open(path) as document:
                yield path.name, "".join(str(page.Contents.read_bytes()) for page in document.pages)
        elif path.is_file() and path.suffix not in (".png", ".woff2"):
            yield path.name, path.read_text(encoding="utf-8", errors="replace")


def test_nothing_withheld_is_in_the_finished_site(tmp_path, data_copy):
    """Build a book, and look in every file for what the book would else have shown, as it would have been written."""
    for path in (data_copy / "kommuner").iterdir():
        card = path / "kommun.yml"
        text = re.sub(r"\nsma_tal:\n  visas: .*\n", "\nsma_tal:\n  grans: 70\n", card.read_text(encoding="utf-8"))
        card.write_text(text, encoding="utf-8")
    out = tmp_path / "sajt"
    assert cli.main(["build", "malmo", "--data", str(data_copy), "--out", str(out)]) == 0
    bare = load_municipality("malmo", data_copy)
    wanted = {}
    for (name, arguments, whole), (_, _, left) in itertools.product(results(bare), results(protect(bare))):
        if (whole.id, arguments) != (left.id, arguments) or left.withheld is None:
            continue
        for key, row in left.withheld.iterrows():
            for column, gone in row.items():
                value = whole.frame.at[key, column] if gone else None
                # Only numbers that cannot stand there for another reason: many digits.
                if isinstance(value, float) and math.isfinite(value) and len(f"{abs(value):.10g}") > 7:
                    wanted[f"{value:.10g}"[:8]] = (name, arguments, key, column)
    assert len(wanted) > 5
    found = []
    for name, text in texts(out):
        for number, where in wanted.items():
            for written in (number, number.replace(".", ",")):
                if written in text:
                    found.append((name, number, where))
    assert not found
