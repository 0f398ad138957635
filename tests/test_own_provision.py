"""The municipal provider: Huddinge's accounts and hours worked by hand, and what must hold for any provider."""

import dataclasses
import json
import re
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.measures import own_provision as own
from analysis.measures.published import reconciliation
from analysis.measures.result import MEASURES, MissingData
from analysis.present.book import Book, open_book
from analysis.present.pages import own_provision as page
from analysis.present.views import ChartView
from analysis.sources import default_data_directory, load_municipality

HUDDINGE = load_municipality("huddinge")
YEARS = [2021, 2022, 2023]
MEASURED = [
    own.own_accounts,
    own.own_cost_shares,
    own.own_volumes,
    own.own_hours_per_user,
    own.own_hour,
    own.own_revenue_per_hour,
    own.own_cost_decomposition,
    own.own_on_call,
    own.organisation_ratios,
]
CHAPTERS = ("egenregi", "organisation")
few = settings(max_examples=25, deadline=None)


def with_tables(**tables):
    """Return Huddinge with tables changed, or taken away where the value is None."""
    merged = {name: table for name, table in {**HUDDINGE.tables, **tables}.items() if table is not None}
    return dataclasses.replace(HUDDINGE, tables=merged)


def of_years(*years):
    """Return Huddinge with the accounts and hours of some years only."""
    chosen = {name: HUDDINGE.tables[name] for name in ("konton", "egen_regi", "tillskott")}
    chosen = {name: table[table["ar"].isin(years)] for name, table in chosen.items()}
    return with_tables(**{name: table if len(table) else None for name, table in chosen.items()})


def scaled(table, column, factors, **selection):
    """Return a table with a column of some rows multiplied by a factor a year."""
    changed = HUDDINGE.tables[table].copy()
    rows = pd.Series(True, index=changed.index)
    for name, value in selection.items():
        rows &= changed[name] == value
    changed[column] = changed[column].astype(float)
    changed.loc[rows, column] *= changed.loc[rows, "ar"].map(factors)
    return changed


def calls(municipality):
    """Return the calls of the two chapters that the municipality can have, in order."""
    found = []
    for name in CHAPTERS:
        path = default_data_directory().parent / "chapters" / f"{name}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if not municipality.has(*notebook["metadata"]["assistansboken"]["needs"]):
            continue
        for cell in notebook["cells"]:
            call = re.fullmatch(r"own_provision\.(\w+)\(book\)", "".join(cell["source"]))
            if call and municipality.has(*cell["metadata"].get("assistansboken", {}).get("needs", [])):
                found.append(call[1])
    return found


def said(municipality, name, draw=False):
    """Return what a reader sees of one call, with plain spaces; of a chart only its finding, unless it is drawn."""
    view = getattr(page, name)(Book(municipality, default_data_directory()))
    if isinstance(view, ChartView) and not draw:
        return f"{view.title or view.result.title}. {view.finding}".replace("\xa0", " ")
    bundle = view._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    text = bundle.get("text/html") or bundle["text/markdown"].replace("\\", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).strip()


def assert_sound(municipality, draw=False, only=""):
    for name in calls(municipality):
        if only in name:
            text = said(municipality, name, draw)
            assert not re.search(r"\b(nan|NaN|None|inf|NaT)\b", text), (name, text[:300])
            assert not re.search(r" [,.;]|\( |\.\.|,,", text), (name, text[:300])


# --- The document's figures ------------------------------------------------------------------------


def test_sums_result_and_deviation_as_printed():
    frame = own.own_accounts(HUDDINGE).frame
    assert list(frame.index) == YEARS
    assert frame["intakter_tkr"].tolist() == [53158, 49553, 51825]
    assert frame["kostnader_tkr"].tolist() == [55783, 49583, 56485]
    assert frame["resultat_tkr"].tolist() == [-2625, -30, -4660]
    assert frame["tillskott_tkr"].tolist() == [0, 0, 2400]
    assert frame["avvikelse_tkr"].tolist() == [-2625, -30, -2260]


def test_accounts_printed_for_some_years_only_are_at_those_years():
    frame = own.own_accounts(HUDDINGE).frame
    assert frame["intakt_14"].dropna().to_dict() == {2023: 30}
    assert frame["kostnad_24"].dropna().to_dict() == {2021: 376, 2022: 6}
    assert frame["kostnad_26"].dropna().to_dict() == {2021: 0}


def test_personnel_is_nearly_all_of_the_cost():
    share = own.own_cost_shares(HUDDINGE).frame["kostnad_20"]
    assert share.tolist() == pytest.approx([100 * 53411 / 55783, 100 * 48011 / 49583, 100 * 54442 / 56485])
    assert [round(value, 1) for value in share] == [95.7, 96.8, 96.4]


def test_volumes_as_printed():
    frame = own.own_volumes(HUDDINGE).frame
    assert frame["timmar_alla"].tolist() == [14047 + 133934, 9314 + 124939, 5349 + 112546]
    assert frame["brukare_alla"].tolist() == [32, 27, 23]


def test_hours_per_user_by_another_road():
    frame = own.own_hours_per_user(HUDDINGE).frame
    for year, hours, users in ((2021, 147981, 32), (2022, 134253, 27), (2023, 117895, 23)):
        assert frame.loc[year, "vecka_alla"] == pytest.approx(float(Fraction(hours * 7, users * 365)))
        assert frame.loc[year, "manad_alla"] == pytest.approx(float(Fraction(hours, users * 12)))
    # 14 047 hours over 8 users and 365 / 7 weeks; 112 546 over 21
    assert frame.loc[2021, "vecka_lss"] == pytest.approx(33.6743, abs=1e-4)
    assert frame.loc[2023, "vecka_sfb"] == pytest.approx(102.7817, abs=1e-4)


def test_an_hour_by_another_road():
    frame = own.own_hour(HUDDINGE).frame
    printed = {2021: (53158, 55783, 147981), 2022: (49553, 49583, 134253), 2023: (51825, 56485, 117895)}
    for year, (revenue, cost, hours) in printed.items():
        row = frame.loc[year]
        assert row["kostnad_kr_per_timme"] == pytest.approx(float(Fraction(cost * 1000, hours)))
        assert row["intakt_kr_per_timme"] == pytest.approx(float(Fraction(revenue * 1000, hours)))
        assert row["resultat_kr_per_timme"] == pytest.approx(float(Fraction((revenue - cost) * 1000, hours)))
    assert frame["schablonbelopp_kr_per_timme"].tolist() == [315, 319.7, 324.5]
    assert [round(value, 2) for value in frame["kostnad_kr_per_timme"]] == [376.96, 369.33, 479.11]
    assert frame.loc[2023, "over_schablon_kr_per_timme"] == pytest.approx(154.61277, abs=1e-5)
    assert frame.loc[2023, "over_schablon_procent"] == pytest.approx(47.64646, abs=1e-5)


def test_grants_exceed_the_highest_payment_in_the_last_year_only():
    frame = own.own_revenue_per_hour(HUDDINGE).frame
    assert frame.loc[2023, "hogsta_kr_per_timme"] == pytest.approx(363.44)
    assert (frame["intakt_12"] > frame["hogsta_kr_per_timme"]).tolist() == [False, False, True]
    text = said(HUDDINGE, "revenue_text")
    assert "2023 gav kontot Bidrag ensamt mer än så, 375,60 kr per timme mot högst 363,44 kr" in text


def test_the_change_from_year_to_year():
    frame = own.own_cost_decomposition(HUDDINGE).frame
    # 49 583 − 55 783 and 56 485 − 49 583; (134 253 − 147 981) · 376.960556 / 1000
    assert frame["forandring_tkr"].tolist() == pytest.approx([-6200, 6902])
    assert frame.loc[2022, "timmar_tkr"] == pytest.approx(-5174.9145, abs=1e-3)
    assert frame.loc[2023, "pris_tkr"] == pytest.approx((56485 / 117895 - 49583 / 134253) * 134253)


def test_on_call_against_the_deficit():
    row = own.own_on_call(HUDDINGE).frame.loc[2023]
    assert row["merkostnad_tkr"] == 1700
    assert row["andel_procent"] == pytest.approx(100 * 1700 / 4660)
    assert row["andel_efter_anslag_procent"] == pytest.approx(100 * 1700 / 2260)
    assert row["utan_merkostnad_tkr"] == -2960
    assert row["merkostnad_kr_per_timme"] == pytest.approx(1_700_000 / 117895)


def test_the_organisation_in_ratios():
    ratios = own.organisation_ratios(HUDDINGE).frame["varde"]
    assert ratios[own.USERS_PER_UNIT] == 23 / 2
    assert ratios[own.FULL_TIME] == 2 * 34
    assert ratios[own.STAFF_PER_FULL_TIME] == pytest.approx(110 / 68)
    # Ånge: fifteen assistants, three users
    assert own.organisation_ratios(load_municipality("ange")).frame["varde"].to_dict() == {own.STAFF_PER_USER: 5}
    with pytest.raises(MissingData):
        own.organisation_ratios(load_municipality("bjuv"))


def test_every_printed_figure_agrees_or_tells_why():
    frame = reconciliation(HUDDINGE).frame
    assert frame["utfall"].value_counts().to_dict() == {"stammer": 84, "utan_underlag": 1}
    assert frame.loc[frame["utfall"] == "utan_underlag", "orsak"].str.len().min() > 0
    assert set(frame.loc[frame["utfall"] == "stammer", "orsak"]) == {""}


@pytest.mark.parametrize("table, column", [("konton", "belopp_tkr"), ("egen_regi", "utforda_timmar")])
def test_a_figure_altered_in_the_data_is_caught(table, column):
    for position in range(len(HUDDINGE.tables[table])):
        changed = HUDDINGE.tables[table].copy()
        changed.loc[changed.index[position], column] += 1
        assert "oforklarad" in set(reconciliation(with_tables(**{table: changed})).frame["utfall"])


def test_the_contradiction_over_grants_follows_from_the_data():
    row = HUDDINGE.tables["motsagelser"].iloc[0]
    accounts, volumes = HUDDINGE.tables["konton"], HUDDINGE.tables["egen_regi"]
    grants = accounts[(accounts["ar"] == 2023) & (accounts["konto"] == "12")]["belopp_tkr"].item()
    hours = volumes[(volumes["ar"] == 2023) & (volumes["lag"] == "sfb")]["utforda_timmar"].item()
    highest = own.own_revenue_per_hour(HUDDINGE).frame.loc[2023, "hogsta_kr_per_timme"]
    assert row["forsta_tal"] == grants
    assert row["andra_tal"] == round(hours * highest / 1000)


# --- What the pages say ----------------------------------------------------------------------------


def test_huddinge_itself_is_sound():
    assert all(said(HUDDINGE, name) for name in calls(HUDDINGE))
    assert_sound(HUDDINGE, draw=True)


def test_the_pages_tell_the_documents_figures():
    assert "Det största underskottet var 4,7 mnkr, 2023, och det minsta 30 tkr, 2022" in said(HUDDINGE, "accounts_text")
    text = said(HUDDINGE, "grants_text")
    assert "2,4 mnkr i anslag 2023" in text and "budgetavvikelsen −2 260 tkr, utan dem −4 660 tkr" in text
    assert "med 30 086 (20 %), från 147 981 till 117 895" in said(HUDDINGE, "volumes_text")
    assert "räknade i december varje år" in said(HUDDINGE, "volumes_text")
    assert "från 376,96 kr till 479,11 kr" in said(HUDDINGE, "hour_text")
    assert "36 % av årets underskott på 4,7 mnkr, och 75 % av de 2,3 mnkr" in said(HUDDINGE, "on_call_text")


@pytest.mark.parametrize("slug", ["huddinge", "bjuv", "ange"])
def test_the_chapter_on_organisation_reads_for_each(slug):
    municipality = load_municipality(slug)
    text = said(municipality, "facts_table")
    assert "20 2" not in text and "2 021" not in text
    assert_sound(municipality)


def test_facts_about_other_municipalities_are_left_to_their_chapter():
    text = said(HUDDINGE, "facts_table")
    assert "Årsarbetare i varje enhet" in text and "34 (uppskattad)" in text
    assert "Nynäshamn" not in text and "Västerås" not in text


def test_a_municipality_without_a_provider_of_its_own_has_neither_chapter():
    assert calls(load_municipality("lund")) == []


# --- Other data ------------------------------------------------------------------------------------


def test_falling_costs_are_said_to_fall():
    falling = with_tables(konton=scaled("konton", "belopp_tkr", {2021: 1, 2022: 1, 2023: 0.5}, slag="kostnad"))
    assert "minskade den samlade kostnaden" in said(falling, "accounts_text")
    assert "Kostnaden ökade inte något år" in said(falling, "accounts_text")
    assert "Kostnaderna var högre än intäkterna alla år utom 2023" in said(falling, "accounts_text")
    assert "överskott på" in said(falling, "hour_text")
    assert "gick ändå inte med underskott" in said(falling, "on_call_text")
    assert pd.isna(own.own_on_call(falling).frame.loc[2023, "andel_procent"])
    assert_sound(falling)


def test_costs_below_the_schablonbelopp_and_the_highest_payment():
    cheap = with_tables(konton=scaled("konton", "belopp_tkr", dict.fromkeys(YEARS, 0.5)))
    assert "En timme kostade inte mer än schablonbeloppet något av åren" in said(cheap, "hour_chart")
    assert "höll sig inom det högsta beloppet" in said(cheap, "revenue_text")
    assert_sound(cheap)


@pytest.mark.parametrize("year", YEARS)
def test_one_year_states_the_level(year):
    single = of_years(year)
    assert f"{year} var den samlade kostnaden" in said(single, "accounts_text")
    assert f"{year} var kostnaden per utförd timme" in said(single, "hour_text")
    assert "färre än två år" in said(single, "decomposition_text")
    assert said(single, "decomposition_table") == ""
    assert_sound(single, draw=year == YEARS[0])


def test_zero_hours_divide_nothing():
    none = with_tables(egen_regi=scaled("egen_regi", "utforda_timmar", dict.fromkeys(YEARS, 0)))
    with pytest.raises(MissingData):
        own.own_hour(none)
    assert "går inte att räkna ut" in said(none, "hour_text")
    assert_sound(none)
    last = with_tables(egen_regi=scaled("egen_regi", "utforda_timmar", {2021: 1, 2022: 1, 2023: 0}))
    assert list(own.own_hour(last).frame.index) == [2021, 2022]
    assert "Fördelat på alla" not in said(last, "on_call_text")
    assert_sound(last, draw=True)


def test_no_users_divide_nothing():
    uncounted = HUDDINGE.tables["egen_regi"].assign(brukare_antal=float("nan"), brukare_tidpunkt="")
    municipality = with_tables(egen_regi=uncounted)
    with pytest.raises(MissingData):
        own.own_hours_per_user(municipality)
    assert "går inte att räkna ut" in said(municipality, "hours_per_user_text")
    assert_sound(municipality)
    zero = HUDDINGE.tables["egen_regi"].copy()
    zero.loc[zero["lag"] == "lss", "brukare_antal"] = 0
    frame = own.own_hours_per_user(with_tables(egen_regi=zero)).frame
    assert frame["vecka_lss"].isna().all() and frame["vecka_sfb"].notna().all()
    assert_sound(with_tables(egen_regi=zero))


def test_a_single_law_has_no_sum_beside_it():
    volumes = HUDDINGE.tables["egen_regi"]
    municipality = with_tables(egen_regi=volumes[volumes["lag"] == "sfb"])
    assert list(own.own_volumes(municipality).frame.columns) == ["timmar_alla", "brukare_alla"]
    assert_sound(municipality)


def test_a_year_without_one_of_the_laws_has_no_sum():
    volumes = HUDDINGE.tables["egen_regi"]
    gap = with_tables(egen_regi=volumes[(volumes["lag"] == "sfb") | (volumes["ar"] != 2022)])
    assert own.own_volumes(gap).frame["timmar_alla"].isna().tolist() == [False, True, False]
    assert list(own.own_hour(gap).frame.index) == [2021, 2023]
    assert own.own_cost_decomposition(gap).frame["fran_ar"].tolist() == [2021]
    assert_sound(gap)


@pytest.mark.parametrize("kind", ["intakt", "kostnad"])
def test_accounts_of_one_kind_give_no_result(kind):
    accounts = HUDDINGE.tables["konton"]
    municipality = with_tables(konton=accounts[accounts["slag"] == kind])
    assert own.own_accounts(municipality).frame["resultat_tkr"].isna().all()
    assert "inte både intäkter och kostnader" in said(municipality, "accounts_text")
    assert "inget resultat för samma år" in said(municipality, "on_call_text")
    assert_sound(municipality)


@pytest.mark.parametrize("table", ["konton", "egen_regi", "tillskott", "fakta", "val_av_utforare", "iakttagelser"])
def test_a_missing_table_leaves_out_what_rests_on_it(table):
    assert_sound(with_tables(**{table: None}))


def test_accounts_and_hours_of_different_years():
    volumes = HUDDINGE.tables["egen_regi"]
    apart = with_tables(egen_regi=volumes.assign(ar=volumes["ar"] + 10))
    assert "går inte att räkna ut" in said(apart, "hour_text")
    assert_sound(apart)


@pytest.mark.parametrize("function, table", [
    (own.own_accounts, "konton"), (own.own_cost_shares, "konton"), (own.own_volumes, "egen_regi"),
    (own.own_hours_per_user, "egen_regi"), (own.own_hour, "konton"), (own.own_hour, "egen_regi"),
    (own.own_revenue_per_hour, "egen_regi"), (own.own_cost_decomposition, "konton"), (own.own_on_call, "fakta"),
    (own.own_on_call, "konton"), (own.organisation_ratios, "fakta"),
])
def test_a_missing_table_is_missing_data(function, table):
    with pytest.raises(MissingData):
        function(with_tables(**{table: None}))


@pytest.mark.parametrize("change", [{"tidpunkt": ""}, {"tidpunkt": "2019"}, {"enhet": "kr"}])
def test_a_stated_cost_that_cannot_be_compared_is_missing_data(change):
    with pytest.raises(MissingData):
        own.own_on_call(with_tables(fakta=HUDDINGE.tables["fakta"].assign(**change)))


@pytest.mark.parametrize("function", MEASURED, ids=lambda function: function.__name__)
def test_every_measure_is_described_and_sourced(function):
    result = function(HUDDINGE)
    assert MEASURES[result.id].formula and MEASURES[result.id].method
    assert result.references and list(result.frame.columns) == [quantity.name for quantity in result.quantities]


def test_open_book_gives_the_same():
    assert page.result_sentence(own.own_accounts(open_book("huddinge").municipality).frame["resultat_tkr"])


# --- Laws that hold for any provider ---------------------------------------------------------------

amounts = st.lists(st.integers(0, 1_000_000).map(float), min_size=25, max_size=25)
hours_of_years = st.lists(st.integers(1, 1_000_000).map(float), min_size=6, max_size=6)
users_of_years = st.lists(st.integers(1, 500), min_size=6, max_size=6)


def provider(money, hours=None, users=None):
    """Return Huddinge with other amounts, hours and users."""
    tables = {"konton": HUDDINGE.tables["konton"].assign(belopp_tkr=money)}
    if hours is not None:
        volumes = HUDDINGE.tables["egen_regi"].assign(utforda_timmar=hours)
        tables["egen_regi"] = volumes if users is None else volumes.assign(brukare_antal=users)
    return with_tables(**tables)


@few
@given(amounts)
def test_accounts_sum_to_the_totals_and_shares_to_a_hundred(money):
    municipality = provider(money)
    frame = own.own_accounts(municipality).frame
    for kind, total in (("intakt", "intakter_tkr"), ("kostnad", "kostnader_tkr")):
        parts = frame[[name for name in frame.columns if name.startswith(f"{kind}_")]]
        assert parts.sum(axis=1).tolist() == pytest.approx(frame[total].tolist())
    result = frame["avvikelse_tkr"] - frame["tillskott_tkr"] + frame["kostnader_tkr"]
    assert result.tolist() == pytest.approx(frame["intakter_tkr"].tolist(), abs=1e-6)
    shares = own.own_cost_shares(municipality).frame.sum(axis=1, min_count=1).dropna()
    assert shares.tolist() == pytest.approx([100] * len(shares))


@few
@given(amounts, hours_of_years)
def test_an_hour_times_the_hours_is_the_cost_and_the_effects_sum_to_the_change(money, hours):
    municipality = provider(money, hours)
    accounts, hour = own.own_accounts(municipality).frame, own.own_hour(municipality).frame
    cost = hour["kostnad_kr_per_timme"] * hour["utforda_timmar"] / 1000
    assert cost.tolist() == pytest.approx(accounts["kostnader_tkr"].tolist())
    revenue = own.own_revenue_per_hour(municipality).frame["intakter_kr_per_timme"]
    assert revenue.tolist() == pytest.approx(hour["intakt_kr_per_timme"].tolist())
    split = own.own_cost_decomposition(municipality).frame
    change = accounts["kostnader_tkr"].diff().iloc[1:]
    largest = max(1.0, accounts["kostnader_tkr"].max(), split.abs().max().max())
    assert split["forandring_tkr"].tolist() == pytest.approx(change.tolist(), abs=1e-9 * largest)
    effects = split[["timmar_tkr", "pris_tkr", "samverkan_tkr"]].sum(axis=1)
    assert effects.tolist() == pytest.approx(change.tolist(), abs=1e-9 * largest)


@few
@given(hours_of_years, users_of_years)
def test_the_mean_of_all_users_lies_between_the_laws(hours, users):
    frame = own.own_hours_per_user(provider([1.0] * 25, hours, users)).frame
    low = frame[["vecka_lss", "vecka_sfb"]].min(axis=1)
    high = frame[["vecka_lss", "vecka_sfb"]].max(axis=1)
    slack = 1e-9 * high
    assert ((frame["vecka_alla"] >= low - slack) & (frame["vecka_alla"] <= high + slack)).all()


@few
@given(amounts, hours_of_years, users_of_years)
def test_every_sentence_holds_together_whatever_the_figures(money, hours, users):
    assert_sound(provider(money, hours, users), only="_text")
