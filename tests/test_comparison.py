"""The municipalities side by side: each figure with its basis, none invented."""

import dataclasses
import re

import pytest

from analysis.measures.shared import SHARED, shared_figures, side_by_side
from analysis.present.book import open_book
from analysis.present.pages import comparison
from analysis.sources import default_data_directory, list_municipalities, load_municipality

ALL = {slug: load_municipality(slug) for slug in list_municipalities(default_data_directory())}


def words(view):
    bundle = view._repr_mimebundle_()
    return re.sub(r"\s+", " ", (bundle[0] if isinstance(bundle, tuple) else bundle)["text/plain"])


@pytest.mark.parametrize(
    ("slug", "name", "value"),
    [
        # By hand from the documents' tables.
        ("malmo", "kostnad_kr_per_timme", 193698000 / 565386),
        ("malmo", "timmar_per_brukare_vecka", 565386 / 183 / (365 / 7)),
        ("malmo", "andel_kommunen_procent", 56 / (455 + 183) * 100),
        ("malmo", "kostnad_kr_per_inv", 1285),
        ("malmo", "budgetavvikelse_mnkr", -7.279),
        ("huddinge", "kostnad_kr_per_timme", 56485000 / (5349 + 112546)),
        ("huddinge", "timmar_per_brukare_vecka", (5349 + 112546) / 23 / (365 / 7)),
        ("huddinge", "andel_kommunen_procent", 23 / 158 * 100),
        ("huddinge", "budgetavvikelse_mnkr", -2.26),
        ("bjuv", "kostnad_kr_per_timme", 425),
        ("bjuv", "andel_kommunen_procent", 8 / 27 * 100),
        ("ange", "kostnad_kr_per_timme", 489),
        ("ange", "andel_kommunen_procent", 3 / 13 * 100),
        ("goteborg", "kostnad_kr_per_inv", 928),
        ("lund", "kostnad_kr_per_inv", 987),
    ],
)
def test_shared_figures_are_the_documents(slug, name, value):
    assert shared_figures(ALL[slug])[name].value == pytest.approx(value)


def test_each_figure_says_what_it_rests_on():
    for municipality in ALL.values():
        for name, figure in shared_figures(municipality).items():
            assert figure.basis and figure.when and figure.used, (municipality.slug, name)


def test_a_stated_figure_holds_for_the_year_that_the_scenario_gives():
    # Bjuv's scenario rests on the conditions of 2022, though its book reaches to 2023.
    figures = shared_figures(ALL["bjuv"])
    assert {figures[name].when for name in ("kostnad_kr_per_timme", "timmar_per_brukare_vecka")} == {"2022"}


def test_what_is_not_known_is_missing():
    assert set(shared_figures(ALL["lund"])) == {"kostnad_kr_per_inv"}
    frame = side_by_side(list(ALL.values())).frame
    assert frame.loc["Lund"].notna().sum() == 1
    assert [quantity.name for quantity in SHARED] == list(frame.columns)


def test_zero_users_give_no_hours_per_user():
    table = ALL["huddinge"].tables["egen_regi"].assign(brukare_antal=0)
    bare = dataclasses.replace(ALL["huddinge"], tables={"egen_regi": table})
    assert "timmar_per_brukare_vecka" not in shared_figures(bare)


def test_the_chapter_names_the_peers_and_what_is_missing():
    assert "Malmö, Huddinge, Bjuv, Ånge och Göteborg" in words(comparison.comparison_text(open_book("lund")))
    assert "Lund saknar måtten" in words(comparison.missing_text(open_book("lund")))
    assert words(comparison.missing_text(open_book("malmo"))) == ""
    assert "alla måtten" in words(comparison.comparison_text(open_book("malmo")))


def test_different_bases_are_not_compared_in_silence():
    assert "går inte att jämföra rakt av" in comparison.hour_sentence(open_book("malmo"))
