"""No count of persons under the threshold is shown, nor anything that gives it away."""

import dataclasses
import itertools
import json
import random
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pikepdf
import pytest
from conftest import built
from documents import tagged
from every_chart import unpacked
from test_prose import assert_sound

from analysis import cli
from analysis.measures import choice, comparison, own_provision, published, result, scenario, volumes
from analysis.measures.economy import budget_outcome
from analysis.measures.small_numbers import protect, withheld_cells
from analysis.present import views
from analysis.present.book import Book
from analysis.present.numbers import WITHHELD
from analysis.present.pages import material
from analysis.present.pages import own_provision as pages_own
from analysis.present.pages import volumes as pages_volumes
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
    october = BARE.national["brukare_1_oktober"]
    of_others = october[october["omrade"] != BARE.area]
    of_nation = {**BARE.national, "brukare_1_oktober": of_others}
    of_nation |= {name: frame(name, rows) for name, rows in (national or {}).items()}
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


def in_december(**counts):
    return {"brukare_december": [{"ar": int(year[1:]), "omrade": "Lund", "antal": count}
                                 for year, count in counts.items()]}


def flow(year, new, ended, group="alla"):
    return {"ar": year, "grupp": group, "nya_antal": new, "avslutade_antal": ended}


def test_few_who_ended_cannot_be_had_from_the_new_and_the_change_in_users():
    flows = [flow(2022, 20, 11), flow(2023, 9, 2), flow(2023, 8, 0, "barn")]
    left = protect(municipality(national=in_december(y2022=40, y2023=47), floden=flows))
    # 40 and 9 new less the 47 that are left would give the two, and so would 8 new children nearly.
    assert left.tables["floden"]["ar"].tolist() == [2022]
    assert left.national["brukare_december"]["antal"].tolist() == [40, 47]


@pytest.mark.parametrize("counts", [{"y2022": 3, "y2023": 8}, {"y2022": 8, "y2023": 3}])
def test_few_users_cannot_be_had_from_another_year_and_the_flows_between(counts):
    new, ended = (10, 5) if counts["y2023"] == 8 else (5, 10)
    flows = [flow(2023, new, ended), flow(2026, 10, 5)]
    left = protect(municipality(national=in_december(**counts), floden=flows))
    assert left.tables["floden"]["ar"].tolist() == [2026]


def test_the_same_count_in_another_table_goes_too():
    own = [{"ar": 2023, "lag": law, "utforda_timmar": 1000, "brukare_antal": count, "brukare_tidpunkt": "2023-12"}
           for law, count in (("sfb", 21), ("lss", 2))]
    given_ = [{"indata": name, "varde": value, "enhet": "antal", "beskrivning": "x"}
              for name, value in (("brukare_antal", 23), ("brukare_sfb_antal", 21))]
    hidden = withheld_cells(municipality(egen_regi=own, scenario=given_))
    # 23 less the 21 that are shown would give the two.
    assert {(cell.table, cell.row) for cell in hidden} == {("egen_regi", 1), ("scenario", 0), ("scenario", 1)}


def few_in_all(sfb, lss):
    """Return a municipality where three have assistance, all of them with the municipality as provider."""
    parts = {2023: (20, 8), 2024: (sfb, lss)}
    own = [{"ar": year, "lag": law, "utforda_timmar": 9000, "brukare_antal": count, "brukare_tidpunkt": f"{year}-12"}
           for year, counts in parts.items() for law, count in zip(("sfb", "lss"), counts, strict=True)]
    hours = [{"ar": year, "verksamhet": "lss", "utfall_timmar": 9000} for year in parts]
    return municipality(egen_regi=own, timmar=hours, val_av_utforare=[chosen("alla", 3)],
                        brukare=users(sfb_2023=20, lss_2023=8, sfb_2024=sfb, lss_2024=lss))


@pytest.mark.parametrize("show", [pages_own.hours_per_user_table, pages_volumes.hours_per_user_table])
def test_where_figures_are_withheld_does_not_tell_that_a_hidden_count_is_zero(show):
    """Nothing can be divided by nobody, so a mark for what cannot be computed would give away that one is 0."""
    nobody, one = few_in_all(3, 0), few_in_all(2, 1)
    assert withheld_cells(nobody) == withheld_cells(one)
    first, second = (show(Book(protect(bare), default_data_directory())) for bare in (nobody, one))
    assert first._repr_mimebundle_() == second._repr_mimebundle_()


def test_what_the_scenario_has_of_a_later_count_is_held_against_that_count():
    """An investigation of 2023 counts others' users as those of June 2024 less its own, as Huddinge's does."""
    given_ = [{"indata": name, "varde": value, "enhet": "antal", "beskrivning": "x"}
              for name, value in (("ar", 2023), ("brukare_andra_antal", 135), ("brukare_andra_sfb_antal", 117))]
    counts = [chosen("alla", 158, 23, when="2024-06"), chosen("sfb", 138, when="2024-06")]
    left = protect(municipality(scenario=given_, val_av_utforare=counts)).tables
    # 138 less 117 is 21 with SFB, and 23 less 21 are two with LSS.
    assert left["scenario"]["indata"].tolist() == ["ar"]
    assert left["val_av_utforare"]["kommunen_antal"].isna().all()
    assert left["val_av_utforare"]["totalt_antal"].tolist() == [158, 138]


def first_hours_tkr(people, year=2023):
    price = BARE.parameters["schablonbelopp"].in_year(year).value
    return people * 365 / 7 * 20 * price / 1000


def economy(*parts, years=(2023,)):
    return [{"ar": year, "verksamhet": part, "nettokostnad_tkr": amount, "budget_tkr": 9000}
            for year in years for part, amount in parts]


def test_the_cost_of_sfb_is_a_count_of_users():
    few, parts = first_hours_tkr(3), (("lss", 5000), ("utforare", 800))
    rows = [*economy(("sfb", few), *parts), *economy(("sfb", 9000), *parts, years=(2022,))]
    protected = protect(municipality(ekonomi=rows))
    left = protected.tables["ekonomi"]
    assert left[left["ar"] == 2023]["verksamhet"].tolist() == ["lss", "utforare"]
    # What is left of a year is not its whole.
    assert budget_outcome(protected).frame["nettokostnad_tkr"].to_dict() == {2022: 14800}


@pytest.mark.parametrize("parts", [
    (("sfb", 3),), (("sfb", 3), ("utforare", 0)), (("sfb", 3), ("lss", 5000), ("utforare", 20)),
    (("sfb", 3), ("lss", 5000), ("totalt", 6015.2)), (("sfb", 0.4), ("lss", 5000)),
])
def test_no_cost_of_few_can_be_had_from_what_is_left(parts):
    rows = economy(*((part, first_hours_tkr(amount) if part == "sfb" else amount) for part, amount in parts))
    protected = protect(municipality(ekonomi=rows))
    left = protected.tables.get("ekonomi")
    assert left is None or not set(left["verksamhet"]) & {"sfb", "totalt"}
    assert not protected.has("ekonomi")  # no year has its whole
    with pytest.raises(result.MissingData):
        budget_outcome(protected)


def test_the_budget_of_few_goes_too():
    planned = [{"ar": 2023, "verksamhet": "sfb", "budget_antal": 3, "utfall_antal": 12}]
    rows = economy(("sfb", 4000), ("lss", 5000))
    left = protect(municipality(brukare=planned, ekonomi=rows)).tables
    assert left["brukare"]["budget_antal"].isna().all() and left["brukare"]["utfall_antal"].tolist() == [12]
    assert left["ekonomi"].set_index("verksamhet")["budget_tkr"].isna().to_dict() == {"sfb": True, "lss": False}


def test_few_on_the_first_of_october_are_few_in_the_cost():
    october = [{"ar": 2023, "verksamhet": "sfb", "omrade": "Lund", "antal": 4}]
    rows = economy(("sfb", first_hours_tkr(4.6)), ("lss", 5000))
    left = protect(municipality(national={"brukare_1_oktober": october}, ekonomi=rows)).tables["ekonomi"]
    assert left["verksamhet"].tolist() == ["lss"]


def test_a_cost_that_counts_many_is_shown():
    assert not withheld_cells(municipality(ekonomi=economy(("sfb", 5000), ("lss", 5000))))


def test_first_hours_that_count_few_go_with_the_counts():
    given_ = [{"indata": name, "varde": value, "enhet": "x", "beskrivning": "x"}
              for name, value in (("ar", 2023), ("brukare_antal", 8), ("egna_forsta_timmar_tkr", first_hours_tkr(3)))]
    assert protect(municipality(scenario=given_)).tables["scenario"]["indata"].tolist() == ["ar"]


def chosen(law, total, own=None, employers=None, when="2024"):
    return {"tidpunkt": when, "lag": law, "totalt_antal": total, "kommunen_antal": own,
            "egen_arbetsgivare_antal": employers}


@pytest.mark.parametrize("tables", [
    {"val_av_utforare": [chosen("alla", 20, 14), chosen("sfb", 18, 12)]},
    {"val_av_utforare": [chosen("sfb", 10, employers=8)]},
    {"val_av_utforare": [chosen("alla", 20, 12, when="2024-10")], "brukare": users(sfb_2024=17, lss_2024=3)},
    {"val_av_utforare": [chosen("alla", 15, when="2024")],
     "scenario": [{"indata": name, "varde": value, "enhet": "antal", "beskrivning": "x"}
                  for name, value in (("ar", 2024), ("brukare_antal", 13))]},
    {"brukare": users(sfb_2024=16.2, lss_2024=2.4, utforare_2024=18.6)},
    {"egen_regi": [{"ar": 2024, "lag": "sfb", "utforda_timmar": 1000, "brukare_antal": 21, "brukare_tidpunkt": "2024"}],
     "brukare": users(utforare_2024=23)},
])
def test_a_count_that_no_table_has_cannot_be_had_from_two_that_do(tables):
    left = protect(municipality(**tables))
    shown_ = [row["totalt_antal"] for row in _rows_of(left, "val_av_utforare")]
    shown_ += [row["kommunen_antal"] for row in _rows_of(left, "val_av_utforare")]
    shown_ += [row["egen_arbetsgivare_antal"] for row in _rows_of(left, "val_av_utforare")]
    shown_ += [row["utfall_antal"] for row in _rows_of(left, "brukare")]
    shown_ += [row["brukare_antal"] for row in _rows_of(left, "egen_regi")]
    shown_ += [row["varde"] for row in _rows_of(left, "scenario") if row["indata"] != "ar"]
    known = [float(value) for value in shown_ if not pd.isna(value)]
    assert not [(a, b) for a, b in itertools.permutations(known, 2) if 0 < round(a - b, 2) < 5]

PARTS = [(who, law) for who in ("kommunen", "egna", "andra") for law in ("sfb", "lss")]
WHOSE = {"alla": ("kommunen", "egna", "andra"), "kommunen": ("kommunen",), "egna": ("egna",), "foretag": ("andra",),
         "inte_kommunen": ("egna", "andra")}
UNDER = {"sfb": ("sfb",), "lss": ("lss",), "alla": ("sfb", "lss")}
# Each column that counts users in a year: its table, what tells its rows apart, whose users they are and which law.
COUNTED = [
    *(("brukare", {"ar": 2024, "verksamhet": part}, "utfall_antal", one)
      for part, one in (("sfb", ("alla", "sfb")), ("lss", ("alla", "lss")), ("utforare", ("kommunen", "alla")))),
    *(("val_av_utforare", {"tidpunkt": "2024-12", "lag": law}, column, (whose, law)) for law in UNDER
      for column, whose in (("totalt_antal", "alla"), ("kommunen_antal", "kommunen"),
                            ("egen_arbetsgivare_antal", "egna"))),
    *(("egen_regi", {"ar": 2024, "lag": law, "utforda_timmar": 1}, "brukare_antal", ("kommunen", law))
      for law in ("sfb", "lss")),
    *(("scenario", {"indata": name, "enhet": "antal", "beskrivning": "x"}, "varde", one)
      for name, one in (("brukare_antal", ("kommunen", "alla")), ("brukare_sfb_antal", ("kommunen", "sfb")),
                        ("brukare_andra_antal", ("inte_kommunen", "alla")),
                        ("brukare_andra_sfb_antal", ("inte_kommunen", "sfb")))),
]


def made_of(whose, law):
    return np.array([float(who in WHOSE[whose] and one in UNDER[law]) for who, one in PARTS])


@pytest.mark.parametrize("seed", range(200))
def test_no_sum_or_difference_of_what_is_shown_is_small(seed):
    """Some of the counts of a year that there can be: whatever follows from those that are shown is not small."""
    chance = random.Random(seed)
    numbers = np.array([chance.choice([0, 0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 15, 20]) for _ in PARTS])
    threshold, tables = chance.choice([3, 5, 10]), {}
    for table, row, column, one in COUNTED:
        if chance.random() < 0.5:
            rows = tables.setdefault(table, [{"indata": "ar", "varde": 2024, "enhet": "år"}] * (table == "scenario"))
            same = [given_ for given_ in rows if row.items() <= given_.items()] if table == "val_av_utforare" else []
            if table == "val_av_utforare" and not same and column != "totalt_antal":
                continue
            target = same[0] if same else dict(row)
            target[column] = made_of(*one) @ numbers
            rows.extend([] if same else [target])
    left = protect(municipality(threshold, **tables))
    shown_ = [one for table, row, column, one in COUNTED for given_ in _rows_of(left, table)
              if row.items() <= given_.items() and not pd.isna(given_[column])]
    known = np.array([made_of(*one) for one in shown_] or [np.zeros(len(PARTS))])
    for whose, law in itertools.product(WHOSE, UNDER):
        target = made_of(whose, law)
        if 0 < target @ numbers < threshold:
            steps, *_ = np.linalg.lstsq(known.T, target, rcond=None)
            assert not np.allclose(known.T @ steps, target), (whose, law, shown_)



def _rows_of(one, table):
    found = one.tables.get(table)
    return [] if found is None else found.to_dict("records")


@pytest.mark.parametrize(("name", "value", "unit", "words", "hidden"), [
    ("nya_brukare", 2, "antal", "Nya under året", True),
    ("personer_i_ko", 3, "antal", "Väntar på beslut", True),
    ("barn_med_assistans", 2, "antal", "Därav barn", True),
    ("brukare_lss", 3, "st", "Enligt LSS", True),
    ("enligt_lss", 3, "personer i snitt", "Enligt LSS", True),
    ("nya", 2, "antal", "Nya brukare under året", True),
    ("brukare_sfb", 12, "antal", "Enligt SFB", False),
    ("personliga_assistenter", 3, "antal", "Personliga assistenter", False),
    ("satt_att_valja", 3, "antal", "Sätt som en brukare kan välja på", False),
    ("enhetschefer", 2, "antal", "Chefer för brukarnas enheter", False),
    ("tid", 2, "år", "Så länge väntar brukare", False),
])
def test_single_facts_that_count_users_are_known_by_their_words(name, value, unit, words, hidden):
    fact = {"uppgift": name, "varde": value, "enhet": unit, "beskrivning": words}
    assert bool(withheld_cells(municipality(fakta=[fact]))) is hidden


def test_another_municipalitys_counts_follow_its_own_threshold(data_copy):
    """Malmö shows its small counts, and compares itself with Lund, which does not."""
    october = data_copy / "nationellt" / "brukare_1_oktober.csv"
    text = october.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("2024;lss;Lund;"))
    october.write_text(text.replace(line, re.sub(r"^(2024;lss;Lund;)\d+", r"\g<1>7", line)), encoding="utf-8")
    malmo = load_municipality("malmo", data_copy)
    assert protect(malmo) is malmo
    card = data_copy / "kommuner" / "lund" / "kommun.yml"
    card.write_text(card.read_text(encoding="utf-8") + "\nsma_tal:\n  grans: 8\n", encoding="utf-8")
    left = protect(load_municipality("malmo", data_copy)).national["brukare_1_oktober"]
    assert left.query("omrade == 'Lund' and verksamhet == 'lss'")["ar"].max() == 2023


@pytest.mark.parametrize(("threshold", "years"), [(48, {2023}), (50, set())])
def test_what_a_document_prints_of_another_municipality_follows_that_ones_threshold(data_copy, threshold, years):
    """Malmö's document prints Lund's users; what Lund does not show is not there, nor a figure that cannot be found."""
    card = data_copy / "kommuner" / "lund" / "kommun.yml"
    card.write_text(card.read_text(encoding="utf-8") + f"\nsma_tal:\n  grans: {threshold}\n", encoding="utf-8")
    given_, left = (load_municipality("malmo", one) for one in (default_data_directory(), data_copy))
    whole, less = (published.reconciliation(protect(one)).frame for one in (given_, left))
    of_lund = less[(less["rad"] == "Lund") & less["plats"].str.contains("LSS .antal brukare")]
    assert set(of_lund["kolumn"].astype(int)) == years and (of_lund["utfall"] == "stammer").all()
    # Of other rows only the changes of Lund's users go: one in percent, one in persons.
    assert len(whole) - len(less) == 5 - len(years) + 2
    assert less["utfall"].value_counts()["avviker"] == whole["utfall"].value_counts()["avviker"]


def blekinge(*counts, nation=None):
    """Return the national tables of a county with its municipalities, one of them with few or none, and Gotland."""
    towns = dict(zip(("Karlskrona", "Ronneby", "Karlshamn"), counts, strict=True))
    areas = {**towns, "Blekinge": sum(counts), "Visby": 50, "Gotland": 50, "Riket": nation or sum(counts) + 50}
    counted = [{"ar": 2024, "verksamhet": "lss", "omrade": area, "antal": count} for area, count in areas.items()]
    within = [{"kommun": town, "ordning": 2, "omrade": county, "slag": "region"}
              for county, members in (("Blekinge", towns), ("Gotland", ("Visby",))) for town in members]
    everywhere = [{"kommun": town, "ordning": 1, "omrade": "Riket", "slag": "riket"} for town in (*towns, "Visby")]
    return {"brukare_1_oktober": counted, "omraden": within + everywhere}


@pytest.mark.parametrize(("counts", "nation", "gone"), [
    ((3, 20, 30), None, {"Karlskrona", "Blekinge", "Riket"}),
    ((3, 20, 30), 13000, {"Karlskrona", "Blekinge"}),  # the nation has others, of which nothing is known here
    ((1, 1, 30), None, {"Karlskrona", "Ronneby", "Blekinge", "Riket"}),  # a sum of 2 is 1 and 1
    ((4, 4, 30), None, {"Karlskrona", "Ronneby", "Blekinge", "Riket"}),  # and one of 8 is 4 and 4
    ((2, 3, 30), None, {"Karlskrona", "Ronneby"}),  # each may be from 1 to 4
    ((0, 20, 30), None, set()),
])
@pytest.mark.parametrize("shows_all", [True, False])
def test_few_in_a_municipality_cannot_be_had_from_its_county_and_the_others_there(counts, nation, gone, shows_all):
    bare = municipality(0 if shows_all else 5, national=blekinge(*counts, nation=nation))
    left = protect(bare).national["brukare_1_oktober"]
    assert set(bare.national["brukare_1_oktober"]["omrade"]) - set(left["omrade"]) == gone


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


def test_means_of_few_go_by_whichever_table_counts_them():
    hours = [{"ar": year, "omrade": "Lund", "timmar_per_vecka": 130} for year in (2022, 2023)]
    counted = [chosen("sfb", 3, when="2022-06"), chosen("sfb", 30, when="2023-06")]
    protected = protect(municipality(national={"timmar_per_vecka": hours}, val_av_utforare=counted))
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
    ("sma_tal: {grans: 2}", "gränsen går inte att använda"),
    ("sma_tal: {visas: '.'}", "inget skäl"),
    ("sma_tal: {grans: fem}", "fel slags värde"),
    ("sma_tal: 5", "fel slags värde"),
    ("sma_tal: {visas: }", "fältet sma_tal.visas: fältet är tomt"),
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
    ("malmo", 20), ("malmo", 410), ("huddinge", 24), ("bjuv", 9), ("lund", 600),
])
def test_every_chapter_is_sound_whatever_is_not_shown(slug, threshold, monkeypatch):
    # A drawing takes longer than all else, and holds nothing that the table beside it does not.
    monkeypatch.setattr(views, "to_svg", lambda chart, words: "")
    chosen = dataclasses.replace(load_municipality(slug), small_numbers=SmallNumbers(threshold))
    protected = protect(chosen)
    assert protected.unprotected is not None
    assert_sound(Book(protected, default_data_directory()))


def results(one):
    """Yield every result of the measures of counts that a municipality's data give."""
    for function, arguments in (
        *((volumes.users, part) for part in ("sfb", "lss", "utforare")),
        *((volumes.flows, group) for group in ("alla", "barn")),
        *((comparison.users_1_october, law) for law in ("sfb", "lss")),
        (volumes.hours_per_user, "lss"),
        *((function, None) for function in (choice.local_choice, choice.choice_by_year, own_provision.own_volumes)),
    ):
        try:
            yield function(one) if arguments is None else function(one, arguments)
        except result.MissingData:
            continue


@pytest.mark.parametrize("threshold", [5, 30, 200, 430])
@pytest.mark.parametrize("slug", list_municipalities(default_data_directory()))
def test_no_result_shows_a_small_count(slug, threshold):
    bare = dataclasses.replace(load_municipality(slug), small_numbers=SmallNumbers(threshold))
    for found in results(protect(bare)):
        for quantity in found.quantities:
            if quantity.unit == "antal" and not quantity.signed:
                values = found.frame[quantity.name].dropna()
                assert not ((values > 0) & (values < threshold)).any(), (found.id, quantity.name)


def flows_of(values):
    (moved, new), (child_moved, child_new) = values[:2], values[2:]
    if moved > new or child_moved > child_new or child_new > new or child_moved > moved:
        return None
    if new - moved < child_new - child_moved:
        return None
    return {"floden": [
        {"ar": 2024, "grupp": "alla", "fran_lss_antal": moved, "nya_antal": new, "avslutade_antal": 0},
        {"ar": 2024, "grupp": "barn", "fran_lss_antal": child_moved, "nya_antal": child_new, "avslutade_antal": 0},
    ]}


def users_of(values):
    sfb, lss, own = values
    return {"brukare": users(sfb_2024=sfb, lss_2024=lss, utforare_2024=own)} if own <= sfb + lss else None


def choices_of(values):
    sfb, lss, own_sfb, own_lss = values
    if own_sfb > sfb or own_lss > lss:
        return None
    counted = (chosen("sfb", sfb, own_sfb), chosen("lss", lss, own_lss), chosen("alla", sfb + lss, own_sfb + own_lss))
    return {"val_av_utforare": list(counted)}


@pytest.mark.parametrize(("world", "numbers", "threshold", "largest"), [
    (flows_of, ((0, 1), (0, 1), (0, 1), (0, 1)), 3, 5), (users_of, ((0,), (1,), (2,)), 3, 8),
    (users_of, ((0,), (1,), (2,)), 4, 10), (choices_of, ((0,), (1,), (2,), (3,)), 3, 4),
])
def test_whoever_knows_the_rule_learns_no_small_count(world, numbers, threshold, largest):
    """Every table that can be, grouped by what is shown of it: no small count is the same in all tables of a group.

    Those at the edge of what is tried are left out, since larger ones would share their group.
    """
    groups = {}
    for values in itertools.product(range(largest + 1), repeat=len(numbers)):
        tables = world(values)
        if tables is None:
            continue
        left = protect(municipality(threshold, **tables)).tables
        seen = tuple((name, left[name].to_csv()) for name in sorted(left))
        groups.setdefault(seen, []).append(values)
    assert len(groups) > 5
    for seen, worlds in groups.items():
        for place in range(len(numbers)):
            known = {values[place] for values in worlds}
            if len(known) == 1 and 0 < next(iter(known)) < threshold:
                assert max(map(max, worlds)) == largest, (seen, worlds)


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
def test_nothing_in_the_book_depends_on_what_is_not_shown(slug, table, column, one, other, also, monkeypatch):
    """Two municipalities that differ only in a count that is not shown have the same book."""
    # What is drawn, instead of the drawing, which takes long.
    monkeypatch.setattr(views, "to_svg", lambda chart, words: f"{json.dumps(chart)} {words}")
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


@pytest.mark.parametrize("slug", ["malmo", "lund"])
def test_the_hash_of_national_files_with_counts_of_others_needs_the_secret(data_copy, slug):
    """Also a book that shows its own small counts hides those of others; what is kept of Kolada's answers holds all."""
    national = data_copy / "nationellt"
    (national / "kolada" / "svar").mkdir(parents=True)
    counts = ("brukare_1_oktober.csv", "kolada/brukare_december.csv", "kolada/timmar_per_vecka.csv",
              "kolada/svar/2026-01-01T000000Z.zip")
    for name in counts[1:]:
        (national / name).write_bytes(b"2024;Lund;3")
    hashes = input_hashes(slug, data_copy, data_copy.parent, key=b"a")
    keyed = {name.removeprefix("data/nationellt/") for name, digest in hashes.items() if digest.startswith(KEYED)}
    assert keyed >= set(counts)
    assert not keyed & {"parametrar.yml", "befolkning.csv", "kommuner.csv", "kostnad_per_invanare.csv"}


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


def read_aloud(element):
    """Yield the words of a PDF's element and of those below it."""
    yield element.text + element.alternative
    for child in element.children:
        yield from read_aloud(child)


def texts(folder: Path):
    """Yield the kind and the text of every file of a site, as a reader of it sees it or as it lies on disk."""
    for path in sorted(folder.rglob("*")):
        kind = path.suffix
        if kind in (".xlsx", ".docx"):
            with zipfile.ZipFile(path) as archive:
                yield kind, "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
        elif kind == ".pdf":
            with pikepdf.open(path) as document:
                yield kind, " ".join(read_aloud(tagged(document)))
        elif path.is_file() and kind not in (".png", ".inv"):
            text = path.read_text(encoding="utf-8")
            charts = re.findall(r'<script type="application/json">(.*?)</script>', text) if kind == ".html" else []
            yield kind, " ".join((text, *(json.dumps(unpacked(chart), ensure_ascii=False) for chart in charts)))


def test_nothing_withheld_is_in_the_finished_site(tmp_path, data_copy):
    """Every file of a built site is searched for counts that cannot stand there by chance, and what follows of them."""
    folder, row = data_copy / "kommuner" / "lund", "{};lss;{};malmo_2025;tabell 1;\n"
    people, hours = {2021: "37,31", 2022: "52,61", 2023: "61,43"}, {2021: "20317", 2022: "28421", 2023: "33913"}
    for name, column, values in (("brukare", "antal", people), ("timmar", "timmar", hours)):
        head = f"ar;verksamhet;budget_{column};utfall_{column};kalla;plats;status\n"
        lines = "".join(row.format(year, f";{value}") for year, value in values.items())
        (folder / f"{name}.csv").write_text(head + lines, encoding="utf-8")
    card = folder / "kommun.yml"
    card.write_text(card.read_text(encoding="utf-8") + "\nsma_tal:\n  grans: 40\n", encoding="utf-8")
    out = tmp_path / "sajt"
    built("lund", "--data", str(data_copy), "--out", str(out), "--dokument")
    # As files hold them, and as pages round them; charts hold coordinates too, which may be any rounded number.
    rate = f"{20317 / (37.31 * 12):.10g}"[:7]
    exact = re.compile("|".join(re.escape(one) for one in ("37.31", "37,31", rate, rate.replace(".", ","))))
    seen = {}
    for kind, text in texts(out):
        assert not exact.search(text), kind
        assert not re.search(r"(?<![\d,])37,3(?!\d)", text), kind
        seen[kind] = seen.get(kind, False) or bool(re.search("52[.,]6", text))
    # What is shown is found in each kind of file that shows figures, so that the search finds.
    assert {kind for kind, found in seen.items() if found} >= {".html", ".csv", ".xlsx", ".docx", ".pdf", ".svg"}
