"""A book of a municipality of which only Kolada's figures are known; every value that the server gives is made up."""

from __future__ import annotations

import contextlib
import dataclasses
import html
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from conftest import DATA
from test_fetch import QUICK, SETTLED, UNSETTLED, FakeKolada, kolada  # noqa: F401
from test_prose import assert_headings_filled, assert_sound, every_text, words
from test_source_line import source_line

from analysis import cli
from analysis.measures.comparison import as_index, cost_per_inhabitant
from analysis.measures.national import (
    beside_nation,
    cost_in_kronor,
    first_hours_counted,
    granted_hours,
    lss_equalisation,
    population,
    users_december,
    users_per_10000,
)
from analysis.measures.result import MissingData
from analysis.measures.takeover import FALLS_AWAY, takeover_amounts, takeover_in_kronor
from analysis.present import views
from analysis.present.book import Book, open_book
from analysis.present.pages import background, cover, national, takeover
from analysis.publish.plan import plan_book, read_chapters
from analysis.sources import fetch, list_municipalities, load_municipality

ESLOV, NATION, REGION, SIMILAR, COUNTY = "1285", "0000", "0012", "G1", "G2"
COST, LSS, SFB, HOURS, OUTCOME, DECISION, PEOPLE = "N28008", "N28805", "N28811", "N28821", "N03064", "N03065", "N01951"
YEARS = range(2019, 2026)
# The value of 2019 and what each year adds, by key figure, for the municipality, the nation, the region and the groups.
SERIES = {
    COST: ((900, 30), (1200, 20), None, (1000, 25), (1100, 22)),
    LSS: ((20, -1), (5000, -100), (700, -10), None, None),
    SFB: ((40, 1), (13800, -100), (1800, -5), None, None),
    HOURS: ((118.4, 2), (129, 1.5), (131, 1), (124, 1.8), (128, 1.5)),
    OUTCOME: ((-300, -20), (0, 0), None, (-80, 10), (150, 5)),
    DECISION: ((-310, -20), (0, 0), None, (-70, 10), (140, 5)),
    PEOPLE: ((34000, 200), (10400000, 50000), (1390000, 9000), None, None),
}
GROUP = "Liknande kommuner LSS, Eslöv"
# The chapters that figures fetched from Kolada reach.
FED = (
    "index",
    "inledning",
    "disposition",
    "kostnader",
    "sfb",
    "lss",
    "val",
    "forstatligande",
    "slutsatser",
    "underlag",
)


def fill(fake: FakeKolada) -> None:
    """Let the server know Eslöv, the nation, the region and two groups, in every key figure."""
    fake.data.clear()
    fake.places = {NATION: "Riket", REGION: "Region Skåne", ESLOV: "Eslöv"}
    fake.groups = {SIMILAR: f"{GROUP}, 2024", COUNTY: "Skåne läns kommuner (ovägt medel)"}
    for kpi, areas in SERIES.items():
        fake.kpis[kpi] |= {"publ_period": "2025", "publication_date": SETTLED}
        for area, series in zip((ESLOV, NATION, REGION, SIMILAR, COUNTY), areas, strict=True):
            for step, year in enumerate(YEARS):
                if series:
                    fake.put(kpi, area, year, round(series[0] + series[1] * step, 1))


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> str:
    """The card that `new` makes of Eslöv."""
    folder = tmp_path_factory.mktemp("ny")
    data = Path(shutil.copytree(DATA, folder / "data"))
    with contextlib.chdir(folder):
        assert cli.main(["new", "eslov", "--namn", "Eslöv", "--data", str(data)]) == 0
    return (data / "kommuner/eslov/kommun.yml").read_text(encoding="utf-8")


@pytest.fixture
def fetched(kolada, data_copy, card):  # noqa: F811
    """Let `change` alter what the server knows, fetch for Eslöv, which has nothing else, and return its book."""
    folder = data_copy / "kommuner/eslov"
    folder.mkdir()
    (folder / "kommun.yml").write_text(card, encoding="utf-8")
    fill(kolada)

    def book(change: Callable[[FakeKolada], None] = lambda fake: None) -> Book:
        change(kolada)
        fetch.fetch(("eslov",), data_copy, address=kolada.address, patience=QUICK, tell=lambda line: None)
        return open_book("eslov", str(data_copy))

    return book


def drop(*kpis: str, area: str | None = ESLOV, years=YEARS) -> Callable[[FakeKolada], None]:
    """Take values away: of the municipality, or of everyone, in some years or in all."""

    def change(fake: FakeKolada) -> None:
        for kpi, place, year in list(fake.data):
            if kpi in kpis and area in (place, None) and year in years:
                del fake.data[kpi, place, year]

    return change


def put(kpi: str, value: float | None, years=YEARS, area: str = ESLOV, **more) -> Callable[[FakeKolada], None]:
    """Let the server give another value."""

    def change(fake: FakeKolada) -> None:
        for year in years:
            fake.put(kpi, area, year, value, **more)

    return change


def plain(text: str) -> str:
    """Return what a reader sees of some HTML, without the drawings."""
    text = re.sub(r"<svg.*?</svg>|<script.*?</script>", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def chapter(book: Book, name: str) -> str:
    """Return everything that a reader sees in a chapter, with spaces for no-break spaces."""
    return " ".join(plain(text) for _, text in every_text(book, [name]))


# --- Measures -----------------------------------------------------------------------------------


def test_the_areas_fetched_stand_beside_the_municipality(fetched):
    municipality = fetched().municipality
    assert municipality.compare_with == ("Riket", "Region Skåne", GROUP, "Skåne läns kommuner (ovägt medel)")
    assert list(users_december(municipality).frame.columns) == ["Riket", "Region Skåne", "Eslöv"]
    assert list(granted_hours(municipality).frame.columns) == [*municipality.compare_with, "Eslöv"]
    assert granted_hours(municipality).frame.loc[2020, GROUP] == pytest.approx(125.8)


def test_an_areas_table_of_one_municipality_is_not_anothers(fetched, data_copy):
    fetched()
    assert load_municipality("lund", data_copy).compare_with == ("Riket", "Skåne", "Malmö", "Göteborg")


def test_persons_per_10000_are_the_count_over_the_population_of_the_same_year(fetched):
    municipality = fetched().municipality
    sfb, lss = (users_per_10000(municipality, law).frame for law in ("sfb", "lss"))
    assert sfb.loc[2019, "Eslöv"] == pytest.approx(40 / 34000 * 10000)
    assert sfb.loc[2025, "Riket"] == pytest.approx(13200 / 10700000 * 10000)
    assert lss.loc[2025, "Eslöv"] == pytest.approx(14 / 35200 * 10000)
    assert list(sfb.columns) == ["Riket", "Region Skåne", "Eslöv"]  # a group has no count


def test_a_year_without_count_or_population_has_no_rate(fetched):
    def change(fake):
        drop(SFB, years=[2021])(fake)
        drop(PEOPLE, years=[2023])(fake)
        drop(PEOPLE, area=REGION)(fake)

    frame = users_per_10000(fetched(change).municipality, "sfb").frame
    assert list(frame.index) == [2019, 2020, 2022, 2024, 2025] and list(frame.columns) == ["Riket", "Eslöv"]
    assert frame.notna().all(axis=None)


def test_the_cost_in_kronor_is_per_inhabitant_times_inhabitants(fetched):
    frame = cost_in_kronor(fetched(drop(PEOPLE, years=[2022])).municipality).frame
    assert frame.loc[2025, "kostnad_mnkr"] == pytest.approx(1080 * 35200 / 1e6)
    assert 2022 not in frame.index


def test_the_equalisations_outcome_and_decision_use_the_population_of_their_own_day(fetched):
    frame = lss_equalisation(fetched().municipality).frame
    assert frame.loc[2025, "utfall_mnkr"] == pytest.approx(-420 * 35200 / 1e6)
    # What is decided is per inhabitant on 1 November of the year before.
    assert frame.loc[2025, "beslut_mnkr"] == pytest.approx(-430 * 35000 / 1e6)
    assert pd.isna(frame.loc[2019, "beslut_mnkr"])


def test_the_equalisation_without_population_has_no_kronor(fetched):
    result = lss_equalisation(fetched(drop(PEOPLE)).municipality)
    assert list(result.frame.columns) == ["utfall_kr_per_inv", "beslut_kr_per_inv"]


def test_the_first_hours_are_counted_on_the_persons_in_december(fetched):
    frame = first_hours_counted(fetched().municipality).frame
    # 20 hours a week (51 kap. 22 § SFB); 342,60 kr in 2025, 332,60 kr in 2024, which was a leap year.
    assert frame.loc[2025, "kostnad_mnkr"] == pytest.approx(46 * 20 * 365 / 7 * 342.60 / 1e6)
    assert frame.loc[2024, "kostnad_mnkr"] == pytest.approx(45 * 20 * 366 / 7 * 332.60 / 1e6)
    assert frame.loc[2019, "andel_procent"] == pytest.approx(20 / 118.4 * 100)


def test_the_first_hours_are_never_more_than_all_hours(fetched):
    frame = first_hours_counted(fetched(put(HOURS, 12.5)).municipality).frame
    assert (frame["andel_procent"] == 100).all()
    frame = first_hours_counted(fetched(put(HOURS, 0.0)).municipality).frame
    assert frame["andel_procent"].isna().all()


def test_the_population_grows_from_the_year_before_and_no_other(fetched):
    frame = population(fetched(drop(PEOPLE, years=[2021])).municipality).frame
    assert frame.loc[2020, "forandring_procent"] == pytest.approx(200 / 34000 * 100)
    assert pd.isna(frame.loc[2022, "forandring_procent"]) and pd.isna(frame.loc[2019, "forandring_procent"])


def test_an_index_begins_where_most_have_a_value():
    frame = pd.DataFrame(
        {"Riket": [8.0, 10, 11], "Skåne": [None, 4, 5], "Kort": [None, None, 3], "Eslöv": [None, 20, 30]},
        index=pd.Index([2019, 2020, 2021], name="ar"),
    )
    index = as_index(frame, "Eslöv")
    assert list(index.columns) == ["Riket", "Skåne", "Eslöv"] and list(index.index) == [2020, 2021]
    assert index.loc[2021].tolist() == pytest.approx([110, 125, 150])
    alone = as_index(frame.assign(Eslöv=[None, 0, 30]), "Eslöv")
    assert alone["Eslöv"].isna().all() and alone.loc[2021, "Riket"] == pytest.approx(110)


def test_beside_the_nation_in_the_last_year_that_both_have(fetched):
    frame = beside_nation(fetched(drop(HOURS, area=NATION, years=[2025])).municipality).frame
    cost, hours = "Kostnad per invånare, kr", "Beviljade timmar per vecka för dem som har assistansersättning"
    assert frame.loc[cost].tolist() == pytest.approx([2025, 1080, 1320, (1080 / 1320 - 1) * 100])
    assert frame.loc[hours, "ar"] == 2024 and frame.loc[hours, "riket"] == pytest.approx(136.5)


def test_the_municipalitys_part_of_the_cut_follows_its_population(fetched):
    municipality = fetched().municipality
    frame = takeover_in_kronor(municipality).frame["belopp_mnkr"]
    # SOU 2023:9: 10 323 mnkr in the level of 2021. The nation's population is SCB's, given at first hand.
    assert frame["Anslag som dras in"] == pytest.approx(10323 * 34400 / 10452326)
    assert frame["Kommunens kostnad"] == pytest.approx(960 * 34400 / 1e6)
    assert frame["Skillnad"] == pytest.approx(frame["Kommunens kostnad"] - frame["Anslag som dras in"])


def test_without_the_levels_year_the_cut_is_counted_on_the_last_population(fetched):
    municipality = fetched(drop(PEOPLE, years=[2021])).municipality
    result = takeover_in_kronor(municipality)
    assert result.frame["belopp_mnkr"].to_dict() == {"Anslag som dras in": pytest.approx(10323 * 35200 / 10700000)}
    assert result.title.endswith("2025")


def test_the_newest_count_gives_the_first_hours_of_a_takeover(fetched):
    frame = takeover_amounts(fetched().municipality).frame
    assert frame["hander"].tolist() == [FALLS_AWAY] and frame["ar"].tolist() == [2025]
    assert frame["belopp_tkr"].tolist() == [pytest.approx(46 * 20 * 365 / 7 * 342.60 / 1000)]


# --- Whose figures they are ---------------------------------------------------------------------


def test_kolada_is_named_where_its_values_stand_and_only_there(fetched):
    book = fetched()
    assert source_line(national.granted_chart(book)) == "Kolada."
    assert source_line(national.december_table(book)) == "Kolada. Förändringen är egen beräkning."
    assert source_line(national.equalisation_chart(book)) == "Kolada."
    for view in (national.per_people_chart(book, "sfb"), national.december_chart(book)):
        assert source_line(view).startswith("egen beräkning") and "Kolada" not in source_line(view)
    line = source_line(national.kronor_table(book))
    assert line.startswith("Kolada för kostnad per invånare och invånare") and "Resten är egen beräkning" in line
    cards = {card.what: card for card in cover.chosen_figures(book)}
    assert {card.given_by for card in cards.values()} == {"Kolada", ""}
    for card in cards.values():
        if card.given_by:  # what stands on such a card is Kolada's, unaltered
            assert "procent" not in card.meaning and "%" not in card.meaning


def test_preliminary_years_are_marked(fetched):
    def change(fake):
        for kpi in fake.kpis.values():
            kpi["publication_date"] = UNSETTLED

    book = fetched(change)
    index = chapter(book, "index")
    assert "Kostnad per invånare 2025, preliminärt" in index and "december 2025, preliminärt" in index
    assert "Brukare enligt LSS den 1 oktober 2025, preliminärt" in index
    for name in ("kostnader", "sfb", "lss"):
        assert "Uppgiften för 2025 är preliminär." in chapter(book, name)
    assert "Preliminära uppgifter: 2025." in cost_per_inhabitant(book.municipality).caveats


def test_a_cost_in_kronor_of_a_preliminary_population_is_marked(fetched):
    book = fetched(lambda fake: fake.kpis[PEOPLE].update(publication_date=UNSETTLED))
    index = chapter(book, "index")
    assert "Ungefärlig kostnad i kronor 2025, preliminärt" in index and "invånare 2025, preliminärt" not in index


def test_settled_years_are_not_marked(fetched):
    book = fetched()
    for name in ("index", "kostnader", "sfb", "lss"):
        assert "preliminär" not in chapter(book, name)


# --- The book -----------------------------------------------------------------------------------

SHAPES = {
    "everything": lambda fake: None,
    "one year": drop(*SERIES, area=None, years=range(2019, 2025)),
    "the municipality has one year": drop(*SERIES, years=range(2019, 2025)),
    "a year in the middle is missing": drop(*SERIES, years=[2022]),
    "the last year is missing": drop(*SERIES, years=[2025]),
    "the counts of early years are suppressed": drop(LSS, SFB, years=range(2019, 2023)),
    "no one has assistance": lambda fake: [put(kpi, 0)(fake) for kpi in (LSS, SFB, HOURS)],
    "no one had assistance at first": lambda fake: [put(kpi, 0, [2019])(fake) for kpi in (LSS, SFB)],
    "no cost at all": put(COST, 0),
    "no equalisation at all": lambda fake: [put(kpi, 0)(fake) for kpi in (OUTCOME, DECISION)],
    "a grant": lambda fake: [put(kpi, 250)(fake) for kpi in (OUTCOME, DECISION)],
    "a decision for the coming year": put(DECISION, -444, [2026]),
    "struck out": put(SFB, 12, isdeleted=True),
    "no value": put(HOURS, None, status="Missing"),
    "no groups": lambda fake: fake.groups.clear(),
    "the other group": lambda fake: fake.groups.update({SIMILAR: "Liknande kommuner, övergripande, Eslöv, 2025"}),
    "no region": lambda fake: fake.places.pop(REGION),
    "nothing of the nation": drop(*SERIES, area=NATION),
    "nobody else": lambda fake: [drop(*SERIES, area=one)(fake) for one in (NATION, REGION, SIMILAR, COUNTY)],
    "population and cost share no year": lambda fake: (
        drop(COST, years=[2024, 2025])(fake),
        drop(PEOPLE, years=range(2019, 2024))(fake),
    ),
    "the same as the nation": lambda fake: [fake.put(COST, ESLOV, year, 1200.0 + 20 * (year - 2019)) for year in YEARS],
    **{f"only {kpi}": drop(*(set(SERIES) - {kpi})) for kpi in SERIES},
    **{f"all but {kpi}": drop(kpi) for kpi in SERIES},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_a_sound_book_without_empty_sections(fetched, shape, monkeypatch):
    if shape != "everything":
        # A drawing takes longer than all else, and holds nothing that the table beside it does not.
        monkeypatch.setattr(views, "to_svg", lambda chart, words: "")
    book = fetched(SHAPES[shape])
    assert_sound(book, FED)
    assert_headings_filled(book, FED)


def test_the_book_has_chapters_cards_and_conclusions(fetched):
    book = fetched()
    plan = plan_book(book.municipality, read_chapters())
    names = [one.name for one in plan.chapters]
    assert {"kostnader", "sfb", "lss", "forstatligande", "slutsatser"} <= set(names) and "uppdrag" not in names
    assert [card.what for card in cover.chosen_figures(book)] == [
        "Kostnad per invånare 2025",
        "Personer med assistansersättning i december 2025",
        "Brukare enligt LSS den 1 oktober 2025",
        "Beviljade timmar per vecka 2025",
        "Ungefärlig kostnad i kronor 2025",
    ]
    assert len(cover.summary_list(book).paragraphs) == 8 and len(cover.drivers_list(book).paragraphs) == 6
    assert "bygger på nationell statistik" in words(cover.limits_text(book))


def test_no_investigation_is_spoken_of_where_there_is_none(fetched):
    book = fetched()
    for name in ("index", "inledning", "disposition", "kostnader", "sfb", "lss", "slutsatser"):
        text = chapter(book, name)
        assert not re.search(r"\butredningen\b", text), (name, text)


def test_what_the_sentences_say(fetched):
    book = fetched(put(DECISION, -444, [2026]))
    said = {name: chapter(book, name).replace("\u00a0", " ") for name in ("inledning", "kostnader", "sfb", "lss")}
    assert "Den 31 december 2025 hade Eslöv 35 200 invånare, 1 200 fler än 2019." in said["inledning"]
    assert f"Med liknande kommuner menas Koladas grupp ”{GROUP}”." in said["inledning"]
    assert "Kostnaden per invånare var lägre än i liknande kommuner samtliga år." in said["kostnader"]
    assert (
        "Eslöv betalade en avgift på 420 kr per invånare i LSS-utjämningen 2025, ungefär 14,8 mnkr."
        in said["kostnader"]
    )
    assert "För 2026 är det beslutat om en avgift på 444 kr per invånare." in said["kostnader"]
    assert (
        "År 2025 var det en avgift på 20 kr per invånare i liknande kommuner och ett bidrag på 180 kr per invånare i "
        "Skåne läns kommuner." in said["kostnader"]
    )
    assert "I december 2025 hade 46 personer i Eslöv assistansersättning." in said["sfb"]
    assert (
        "Mellan december 2019 och december 2025 ökade antalet med assistansersättning i Eslöv med 6 personer (15 %)."
        in said["sfb"]
    )
    assert "I december 2025 hade 13,1 av 10 000 invånare i Eslöv assistansersättning, mot 12,3 i riket" in said["sfb"]
    assert "För 46 personer hela året motsvarar det 16,4 mnkr 2025." in said["sfb"]
    assert "De första 20 är 15 % av dem." in said["sfb"]
    assert "Den 1 oktober 2025 hade 4,0 av 10 000 invånare i Eslöv assistans enligt LSS" in said["lss"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda fake: None,
            "År 2025 var kostnaden per invånare 18 % lägre än i riket. Lägre än i riket är också antalet med assistans "
            "enligt LSS per invånare och antalet beviljade timmar per person. Högre är däremot antalet med "
            "assistansersättning per invånare.",
        ),
        (
            lambda fake: [drop(LSS)(fake), drop(HOURS)(fake)],
            "År 2025 var kostnaden per invånare 18 % lägre än i riket. Högre än i riket är däremot antalet med "
            "assistansersättning per invånare.",
        ),
        (
            put(COST, 1320, [2025]),
            "År 2025 var kostnaden per invånare i stort sett densamma som i riket.",
        ),
        (
            lambda fake: [drop(LSS, years=[2024, 2025])(fake), drop(PEOPLE, years=[2025])(fake)],
            "År 2025 var kostnaden per invånare 18 % lägre än i riket. Lägre än i riket är också antalet beviljade "
            "timmar per person. Högre är däremot antalet med assistansersättning per invånare (2024) och antalet med "
            "assistans enligt LSS per invånare (2023).",
        ),
        (drop(COST), ""),
    ],
    ids=["both ways", "against", "the same", "of other years", "no cost"],
)
def test_cost_and_volumes_are_set_beside_the_nations(fetched, change, sentence):
    assert national.beside_nation_sentence(fetched(change)).replace("\u00a0", " ") == sentence


def test_what_is_not_known_is_said(fetched):
    book = fetched(SHAPES["population and cost share no year"])
    assert "går inte att räkna om till kronor" in words(national.kronor_text(book))
    only = fetched(lambda fake: None)
    bare = dataclasses.replace(only, municipality=dataclasses.replace(only.municipality, area="Arjeplog"))
    with pytest.raises(MissingData):
        takeover_in_kronor(bare.municipality)
    assert "förrän kommunens folkmängd finns" in words(takeover.amounts_text(open_book("lund")))


def test_a_takeover_tells_the_cut_in_kronor(fetched):
    book = fetched()
    assert "ungefär 34,0 mnkr för Eslöv 2021, 1,0 mnkr mer än assistansen kostade kommunen det året" in words(
        takeover.kronor_text(book)
    )
    assert "för Eslöv med ungefär 34,0 mnkr i 2021 års nivå" in words(takeover.amounts_text(book))


def test_no_deficit_of_its_own_is_said_of_a_municipality_that_has_told_of_none(fetched):
    said = words(takeover.inhabitants_text(fetched()))
    assert "ett eventuellt underskott i det egna utförandet" in said
    assert "I kostnaden ingår det egna utförandets underskott" in words(takeover.inhabitants_text(open_book("malmo")))


def test_zero_is_said_in_words(fetched):
    book = fetched(SHAPES["no equalisation at all"])
    assert "Eslöv fick varken bidrag eller avgift i LSS-utjämningen 2025." in national.equalisation_sentence(book)
    book = fetched(SHAPES["no one has assistance"])
    assert "I december 2025 hade 0 personer" in words(national.december_text(book)).replace("\u00a0", " ")
    assert words(national.first_hours_text(book)) == "I december 2025 hade ingen i Eslöv assistansersättning."


def test_the_fallback_group_is_named_as_it_is(fetched):
    book = fetched(SHAPES["the other group"])
    assert "Koladas grupp ”Liknande kommuner, övergripande, Eslöv”" in words(national.groups_text(book))
    assert "liknande kommuner" in words(background.scope_text(book))


def test_a_municipality_with_tables_of_its_own_keeps_them_first(fetched, data_copy, kolada):  # noqa: F811
    kolada.places["1280"] = "Malmö"
    for kpi in SERIES:
        for year in YEARS:
            kolada.put(kpi, "1280", year, 500.0)
    before = [card.what for card in cover.chosen_figures(open_book("malmo", str(data_copy)))]
    fetch.fetch(("malmo",), data_copy, address=kolada.address, patience=QUICK, tell=lambda line: None)
    book = open_book("malmo", str(data_copy))
    assert [card.what for card in cover.chosen_figures(book)][:2] == before[:2]
    assert words(cover.limits_text(book)) == ""
    assert_sound(book, FED)
    assert_headings_filled(book, FED)


def test_the_municipalities_of_the_project_have_nothing_fetched(data_copy):
    for slug in list_municipalities(data_copy):
        assert not load_municipality(slug, data_copy).has("nationellt:brukare_december|nationellt:befolkning")
