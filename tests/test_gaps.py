"""Years without figures: sentences, charts and the page on what is missing tell of them."""

import dataclasses
import json
import re

import pandas as pd
import pytest
from test_prose import assert_sound, every_text, rewrite, words
from test_summary import markup

from analysis.measures.economy import budget_outcome, deviation_by_part
from analysis.measures.result import Quantity, Result
from analysis.measures.takeover import takeover_amounts
from analysis.present import charts
from analysis.present.book import open_book
from analysis.present.language import which_years
from analysis.present.numbers import mnkr
from analysis.present.pages import background, costs, cover, material, models, own_provision, volumes
from analysis.present.svg import live_specification, to_svg
from analysis.publish.checking import checked
from analysis.publish.plan import plan_book, read_chapters
from analysis.sources import load_municipality
from analysis.sources.schema import EXAMPLE_TERMS


def without_years(data, *years, tables=("ekonomi", "brukare", "timmar", "floden")):
    for table in tables:
        rewrite(data, table, lambda row: None if row["ar"] in years else row)


def test_which_years_says_where_some_are_unknown():
    assert which_years([2020, 2021], [2020, 2021], [2020, 2021, 2022]) == "alla år med uppgift"
    assert which_years([2020, 2022], [2020, 2022]) == "alla år med uppgift"
    assert which_years([2020, 2021], [2020, 2021, 2023]) == "alla år med uppgift utom 2023"


def test_a_year_without_a_budget_is_not_counted_among_those_over_it(data_copy):
    def change(row):
        if row["verksamhet"] == "sfb":
            row["budget_tkr"] = "" if row["ar"] == "2024" else "1000"
        return row

    rewrite(data_copy, "ekonomi", change)
    book = open_book("malmo", str(data_copy))
    finding = words(costs.outcome_chart(book, "sfb"))
    assert "Nettokostnaden översteg budgeten alla år med uppgift." in finding
    assert_sound(book)


def test_a_step_over_a_missing_year_is_said_to_be_longer(data_copy):
    def change(row):
        row["nettokostnad_tkr"] = str(200000 + 20000 * (int(row["ar"]) - 2019))
        return row

    rewrite(data_copy, "ekonomi", change)
    without_years(data_copy, "2024")
    rewrite(data_copy, "brukare", lambda row: {**row, "utfall_antal": str(3 * int(row["ar"]) - 6000)})
    book = open_book("malmo", str(data_copy))
    said = "från 2023 till 2025. Den gäller alltså 2\u00a0år.".replace("\u00a0", " ")
    assert "ökningen mellan två år med uppgift" in words(costs.change_text(book))
    assert said in words(costs.change_text(book))
    assert said in words(volumes.users_text(book, "sfb"))


def test_the_outlook_takes_the_last_hours_also_where_users_are_missing(data_copy):
    rewrite(data_copy, "brukare", lambda row: None if row["verksamhet"] == "lss" and row["ar"] > "2023" else row)
    assert "timmar enligt LSS 2025 motsvarar" in words(cover.outlook_text(open_book("malmo", str(data_copy))))


def test_the_conclusions_say_what_the_cost_did():
    book = open_book("malmo")
    assert "nettokostnaden med" in words(cover.drivers_list(book)).partition("Antalet brukare")[0]


@pytest.mark.parametrize(
    ("budget", "said"), [("512", "lika många som"), ("510", "2 fler än"), ("512,5", "0,5 färre än")]
)
def test_a_single_year_is_compared_with_its_budget_in_words(data_copy, budget, said):
    def one(row):
        if row["ar"] != "2024":
            return None
        return {**row, "budget_antal": budget, "utfall_antal": "512"}

    rewrite(data_copy, "brukare", one)
    book = open_book("malmo", str(data_copy))
    assert f"2024 var brukarna {said} budgeterat." in words(volumes.users_text(book, "lss"))
    assert words(volumes.users_chart(book, "lss")) == ""
    assert "2024 var antalet timmar" in words(volumes.hours_per_user_chart(book))


def test_the_hours_of_a_single_year_are_compared_with_their_budget(data_copy):
    def one(row):
        return {**row, "budget_timmar": "26400", "utfall_timmar": "26400"} if row["ar"] == "2025" else None

    rewrite(data_copy, "timmar", one)
    text = words(volumes.hours_text(open_book("malmo", str(data_copy))))
    assert "2025 blev timmarna lika många som budgeterat." in text


def test_users_and_hours_of_different_years_give_no_hours_per_user(data_copy):
    rewrite(data_copy, "timmar", lambda row: row if row["ar"] == "2025" else None)
    rewrite(data_copy, "brukare", lambda row: row if row["ar"] < "2025" else None)
    book = open_book("malmo", str(data_copy))
    assert "inget år med både brukare och timmar" in words(volumes.hours_steps_text(book))
    assert words(volumes.hours_per_user_chart(book)) == words(volumes.hours_per_user_table(book)) == ""
    assert_sound(book)


@pytest.mark.parametrize("example", EXAMPLE_TERMS)
def test_terms_of_one_example_give_that_example_alone(data_copy, example):
    rewrite(data_copy, "villkor", lambda row: row if row["villkor"] in EXAMPLE_TERMS[example] else None)
    book = open_book("malmo", str(data_copy))
    assert_sound(book)
    chapter = next(one for one in plan_book(book.municipality, read_chapters()).chapters if one.name == "utforare")
    sources = [cell.source for cell in plan_book(book.municipality, [chapter]).notebook(chapter).cells]
    shown = {source.split("(")[0].removeprefix("provider.") for source in sources if source.startswith("provider.")}
    whole = {"assumptions_text"}
    assert shown == whole | {
        "heltidsmatt": {"terms_text", "norm_text", "norm_chart", "norm_table"},
        "jour": {"on_call_text", "on_call_table", "on_call_chart", "on_call_hours_chart"},
        "jourschema": {"rota_text", "rota_table"},
        "korta_insatser": {"short_visits_chart", "short_visits_table"},
        "uppsagningstid": {"surplus_text", "surplus_table", "notice_table"},
    }[example]
    headings = [source for source in sources if source.startswith("### ")]
    assert len(headings) == 1


@pytest.mark.parametrize("kept", [("ar", "hojd_andel"), ("timmar",), ("kostnad_kr_per_timme", "brukare_antal")])
def test_a_scenario_without_hours_or_cost_gives_no_chapter_and_the_book_says_why(data_copy, kept):
    rewrite(data_copy, "scenario", lambda row: row if row["indata"] in kept else None, "bjuv")
    book = open_book("bjuv", str(data_copy))
    assert_sound(book)
    (left_out,) = (one for one in plan_book(book.municipality, read_chapters()).left_out
                   if one.chapter.name == "upphandling")
    assert "scenario.csv" in left_out.reason and "timmar och kostnad per timme i egen regi" in left_out.reason
    (warning,) = checked("bjuv", data_copy, read_chapters()).warnings
    assert warning == ("data/kommuner/bjuv/scenario.csv ger ingenting i boken ännu. Det som behövs är timmar och "
                       "kostnad per timme i egen regi.")


@pytest.mark.parametrize(("name", "factor"), [("timmar_per_manad", 12), ("timmar_per_vecka", 365 / 7)])
def test_a_scenario_may_give_its_hours_by_the_month_or_the_week(data_copy, name, factor):
    whole = takeover_amounts(load_municipality("bjuv")).frame

    def other(row):
        if row["indata"] != "timmar":
            return row
        return {**row, "indata": name, "varde": str(float(row["varde"].replace(",", ".")) / factor).replace(".", ",")}

    rewrite(data_copy, "scenario", other, "bjuv")
    book = open_book("bjuv", str(data_copy))
    assert_sound(book)
    pd.testing.assert_frame_equal(takeover_amounts(book.municipality).frame, whole)


@pytest.mark.parametrize(("document", "expected"), [(True, "utredningen"), (False, "kommunens uppgifter")])
def test_the_organisation_tells_of_an_investigation_only_where_there_is_one(document, expected):
    book = open_book("huddinge")
    if not document:
        book = dataclasses.replace(book, municipality=dataclasses.replace(book.municipality, document=""))
    assert expected in words(own_provision.organisation_start(book))
    text = words(own_provision.organisation_start(book)) + markup(own_provision.facts_table(book))
    assert ("utredningen" in re.sub("enligt utredningen", "", text)) == document


@pytest.mark.parametrize("part", ["sfb", "lss"])
def test_the_chart_of_a_change_holds_every_part_of_its_table(part):
    book = open_book("malmo")
    chart = models.decomposition_chart(book, part)._repr_mimebundle_()[0]["text/html"]
    drawn = set(re.findall(r"<span>([^<]+)</span></label>", chart))
    heads = {label for label, _ in models.decomposition_table(book, part).grid()[1]} - {"Jämfört med år (år)"}
    assert {"Samspel mellan faktorerna", "Hela förändringen"} <= drawn
    assert drawn == {label.removesuffix(" (tkr)") for label in heads} - {"Jämfört med år"}


def stated_wholes(data, net_costs):
    """Give Malmö's economy rows of its own for the whole: net cost by year, all with a budget of 300 000 tkr."""
    path = data / "kommuner" / "malmo" / "ekonomi.csv"
    head = path.read_text(encoding="utf-8").splitlines()[0].split(";")
    with path.open("a", encoding="utf-8") as file:
        for year, cost in net_costs.items():
            row = {"ar": year, "verksamhet": "totalt", "budget_tkr": 300000, "nettokostnad_tkr": cost}
            row |= {"kalla": "malmo_2025", "plats": "Avsnitt 8"}
            file.write(";".join(str(row.get(name, "")) for name in head) + "\n")


def test_a_whole_stated_for_one_year_is_that_years_and_called_the_whole(data_copy):
    before = budget_outcome(open_book("malmo", str(data_copy)).municipality).frame
    stated_wholes(data_copy, {2025: 301400})
    book = open_book("malmo", str(data_copy))
    frame = budget_outcome(book.municipality).frame
    assert frame.loc[2025, "budgetavvikelse_tkr"] == -1400
    assert frame.drop(index=2025).equals(before.drop(index=2025))
    parts = deviation_by_part(book.municipality)
    assert parts.quantity("totalt").label == "Helheten" and parts.frame.loc[2025, "totalt"] == -1400
    whole = mnkr(parts.frame["totalt"].sum())
    assert f"Helhetens avvikelse är {whole}." in costs.parts_sentence(book)
    assert_sound(book, {"kostnader", "slutsatser", "index"})


def test_the_sum_of_the_parts_is_what_the_sentence_and_the_table_say():
    book = open_book("malmo")
    parts = deviation_by_part(book.municipality)
    assert parts.quantity("totalt").label == "Summa"
    assert f"tillsammans {mnkr(parts.frame['totalt'].sum())}," in costs.parts_sentence(book)
    assert "Helhetens" not in costs.parts_sentence(book)


def test_an_economy_of_the_whole_alone_has_no_parts(data_copy):
    stated_wholes(data_copy, {2024: 301000, 2025: 302000})
    rewrite(data_copy, "ekonomi", lambda row: row if row["verksamhet"] == "totalt" else None)
    book = open_book("malmo", str(data_copy))
    assert "Underlaget delar inte upp kostnaden" in words(costs.parts_chart(book))
    assert words(costs.parts_table(book)) == ""
    assert_sound(book)


def test_a_year_whose_whole_is_unknown_is_left_out_of_the_sum_of_the_parts(data_copy):
    def change(row):
        return {**row, "budget_tkr": ""} if (row["ar"], row["verksamhet"]) == ("2024", "sfb") else row

    rewrite(data_copy, "ekonomi", change)
    book = open_book("malmo", str(data_copy))
    total = deviation_by_part(book.municipality).frame["totalt"].sum()
    assert f"tillsammans {mnkr(total)}, räknat på 2020, 2021, 2022, 2023 och 2025." in costs.parts_sentence(book)


def yearly(values):
    frame = pd.DataFrame({"a": values}, index=pd.Index(values, name="ar"))
    quantity = Quantity("a", "Kostnad", "tkr")
    return Result("a", "Kostnad", frame, (quantity,), "", "", ())


def test_no_line_is_drawn_across_a_year_without_a_value():
    result = yearly({2020: 1.0, 2021: 2.0, 2022: 3.0, 2024: 4.0, 2025: 5.0})
    svg = to_svg(charts.lines(result, ["a"], y_title="tkr"), "")
    drawn = re.findall(r' d="M([^"]*l[^"]*)"', svg)
    assert [len(re.findall(r"-?[\d.]+", path)) / 2 for path in drawn] == [3, 2]
    assert ">2023<" in svg


def test_bars_leave_room_for_a_year_without_a_value():
    svg = to_svg(charts.bar_panels(yearly({2020: 1.0, 2021: 2.0, 2024: 4.0}), ["a"]), "")
    assert ">2022<" in svg and ">2023<" in svg


def test_whole_series_are_drawn_as_one_line():
    result = yearly({2020: 1.0, 2021: 2.0, 2022: 3.0})
    told = json.dumps(live_specification(charts.lines(result, ["a"], y_title="tkr")))
    assert '"detail"' not in told and '"domain": ["2020"' not in told


def test_the_years_that_a_table_lacks_are_named(data_copy):
    without_years(data_copy, "2021", "2024", tables=("ekonomi",))
    rewrite(data_copy, "brukare", lambda row: None if (row["ar"], row["verksamhet"]) == ("2022", "lss") else row)
    text = words(material.missing_years_list(open_book("malmo", str(data_copy))))
    assert "(ekonomi.csv) saknar 2021 och 2024." in text
    assert "(brukare.csv) saknar 2022 för personlig assistans enligt LSS." in text
    assert "timmar.csv" not in text and "engangsposter.csv" not in text


def test_forecasts_are_shown_without_an_assignment_and_without_an_outcome(data_copy):
    card = data_copy / "kommuner" / "malmo" / "kommun.yml"
    lines = card.read_text(encoding="utf-8").splitlines()
    card.write_text("\n".join(line for line in lines if not line.startswith("uppdrag")), encoding="utf-8")
    book = open_book("malmo", str(data_copy))
    assert not book.municipality.has("uppdrag")
    assert any("Prognosen för 2025 års budgetavvikelse var" in text for _, text in every_text(book, {"kostnader"}))
    without_years(data_copy, "2025", tables=("ekonomi",))
    text = words(background.forecast_text(open_book("malmo", str(data_copy))))
    assert "−16 mnkr i Delårsrapport 2025. Underlaget har inte den budgetavvikelse" in text.replace("\u00a0", " ")
