"""A state takeover: the proposal's amounts, per inhabitant and for a municipality."""

import dataclasses
import re

import pandas as pd
import pytest
from conftest import edit

from analysis.measures.result import MissingData
from analysis.measures.takeover import (
    ADDED,
    FALLS_AWAY,
    REMAINS,
    grant_cut_per_inhabitant,
    takeover_amounts,
    takeover_per_inhabitant,
)
from analysis.present.book import open_book
from analysis.present.pages import takeover
from analysis.sources import load_municipality

MALMO = load_municipality("malmo")


def words(view):
    bundle = view._repr_mimebundle_()
    return re.sub(r"\s+", " ", (bundle[0] if isinstance(bundle, tuple) else bundle)["text/plain"])


def test_the_cut_per_inhabitant_is_the_proposals_amount_over_the_population():
    # SOU 2023:9: 10 323 mnkr in the level of 2021; SCB: 10 452 326 inhabitants on 31 December 2021.
    assert grant_cut_per_inhabitant(MALMO)[0] == pytest.approx(987.63, abs=0.005)


def test_cost_beside_the_cut_by_area():
    frame = takeover_per_inhabitant(MALMO).frame
    assert list(frame.index) == ["Riket", "Skåne", "Göteborg", "Lund", "Malmö"]
    assert frame.loc["Malmö", "kostnad_kr_per_inv"] == 1020  # the document's table, 2021
    assert frame.loc["Lund", "kvar_kr_per_inv"] == pytest.approx(878 - 987.63, abs=0.005)


def test_malmos_booked_costs():
    frame = takeover_amounts(MALMO).frame
    assert frame[frame["hander"] == FALLS_AWAY]["belopp_tkr"].tolist() == [154970, 193698]
    assert frame[frame["hander"] == REMAINS]["belopp_tkr"].tolist() == [13410]


def test_first_hours_are_counted_where_they_are_not_booked():
    table = pd.DataFrame(
        [
            {
                "tidpunkt": "2023-10",
                "lag": "sfb",
                "totalt_antal": 13,
                "kommunen_antal": 3,
                "egen_arbetsgivare_antal": None,
                "kalla": "ange_2023",
                "plats": "Förvaltningens övervägande",
                "status": "",
            }
        ]
    )
    other = dataclasses.replace(MALMO, tables={"val_av_utforare": table})
    amount = takeover_amounts(other).frame["belopp_tkr"].iloc[0]
    assert amount == pytest.approx(13 * 20 * 365 / 7 * 324.50 / 1000)


def test_own_hours_give_the_raise_for_sick_pay_and_the_deficit_remains():
    huddinge = load_municipality("huddinge")
    frame = takeover_amounts(huddinge).frame
    raise_ = frame[frame["hander"] == ADDED]["belopp_tkr"].iloc[0]
    assert raise_ == pytest.approx((5349 + 112546) * 4.35 / 1000)
    assert frame[frame["hander"] == REMAINS]["belopp_tkr"].iloc[0] == 4660  # the printed result for 2023


def test_persons_on_1_october_give_the_first_hours_where_nothing_else_does():
    frame = takeover_amounts(load_municipality("goteborg")).frame
    assert frame["belopp_tkr"].tolist() == [pytest.approx(650 * 20 * 366 / 7 * 332.60 / 1000)]


@pytest.mark.parametrize(("slug", "deficit"), [("bjuv", 5000), ("ange", 3200)])
def test_the_stated_deficit_remains(slug, deficit):
    frame = takeover_amounts(load_municipality(slug)).frame
    assert frame[frame["hander"] == REMAINS]["belopp_tkr"].iloc[0] == pytest.approx(deficit, abs=50)


def test_no_data_of_its_own_is_said():
    bare = dataclasses.replace(MALMO, tables={}, area="Arjeplog")
    with pytest.raises(MissingData):
        takeover_amounts(bare)
    book = dataclasses.replace(open_book("malmo"), municipality=bare)
    assert "finns inga egna belopp i underlaget" in words(takeover.amounts_text(book))


def test_a_cost_below_the_cut_is_said_to_be_less(data_copy):
    assert "110 kr mindre än de 988 kr" in words(takeover.inhabitants_text(open_book("lund", str(data_copy))))
    edit(data_copy / "nationellt" / "kostnad_per_invanare.csv", "2021;Lund;878;", "2021;Lund;987,6;")
    assert "lika mycket som anslaget" in words(takeover.inhabitants_text(open_book("lund", str(data_copy))))


def test_a_municipality_outside_the_table_gets_the_nation():
    text = words(takeover.inhabitants_text(open_book("ange")))
    assert text.startswith("Kostnaden i riket var 1 210 kr") and "Ånges egen kostnad" in text
