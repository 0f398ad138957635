"""What is there but not shown, since it would give away small counts, is never said to be missing."""

import dataclasses

import pytest
from test_small_numbers import BARE, municipality, users
from test_takeover import words

from analysis.measures.own_provision import USERS_PER_UNIT, organisation_ratios
from analysis.measures.scenario import left_out
from analysis.measures.small_numbers import protect
from analysis.present.book import Book
from analysis.present.pages import (
    background,
    choice,
    comparison,
    costs,
    cover,
    models,
    own_provision,
    scenario,
    takeover,
    volumes,
)
from analysis.publish import site
from analysis.publish.manifest import make_manifest
from analysis.publish.plan import Plan
from analysis.sources import default_data_directory, load_municipality
from analysis.sources.municipality import SmallNumbers

NOT_SHOWN = "visas inte, eftersom det skulle röja ett litet antal personer."
YEARS = (2022, 2023, 2024)


def book(**tables):
    """Return the book of a municipality with these tables, and none of its own statistics in the national ones."""
    return Book(protect(dataclasses.replace(municipality(**tables), area="Arjeplog")), default_data_directory())


def of_few(year):
    """Return the cost of three persons' first hours, which is their count in another unit."""
    return 3 * 365 / 7 * 20 * BARE.parameters["schablonbelopp"].in_year(year).value / 1000


def economy(year, **parts):
    return [{"ar": year, "verksamhet": part, "nettokostnad_tkr": amount, "budget_tkr": amount + 100}
            for part, amount in parts.items()]


def flows(*years):
    return [{"ar": year, "grupp": "alla", "nya_antal": new, "avslutade_antal": ended}
            for year, (new, ended) in zip(YEARS, years, strict=True)]


def counted(time, own, law="sfb"):
    return {"tidpunkt": time, "lag": law, "totalt_antal": 60, "kommunen_antal": own}


def fact(name, value, unit="antal", text="Uppgift"):
    return {"uppgift": name, "varde": value, "enhet": unit, "beskrivning": text, "tidpunkt": "2024"}


# --- A state takeover ------------------------------------------------------------------------------


def test_the_amount_that_is_left_is_said_of_its_own_law():
    """The cost of the provider, the smallest, goes with that of SFB."""
    told = words(takeover.amounts_text(book(ekonomi=economy(2023, sfb=of_few(2023), lss=7777, utforare=300))))
    assert "Assistansen enligt LSS kostar Lund 7,8 mnkr om året, räknat på 2023. Den kostnaden faller bort." in told
    assert f"Vad de första timmarna i veckan kostar {NOT_SHOWN}" in told


@pytest.mark.parametrize(("part", "start", "rest"), [
    ("sfb", "De första timmarna i veckan kostar", "Vad assistansen enligt LSS kostar framgår inte av underlaget."),
    ("lss", "Assistansen enligt LSS kostar", "Vad de första timmarna i veckan kostar framgår inte av underlaget."),
])
def test_the_amount_that_is_alone_is_said_of_its_own_law(part, start, rest):
    told = words(takeover.amounts_text(book(ekonomi=economy(2023, **{part: 7777}))))
    assert told.startswith(f"{start} Lund 7,8 mnkr om året, räknat på 2023.") and rest in told


def test_the_year_of_what_falls_away_is_the_one_that_is_counted():
    known = economy(2022, sfb=5000, lss=7000, utforare=100)
    both = words(takeover.amounts_text(book(ekonomi=known)))
    assert both.startswith("Kostnader på 12,0 mnkr om året faller bort i Lund, räknat på 2022.")
    hidden = words(takeover.amounts_text(book(ekonomi=known + economy(2023, sfb=of_few(2023), lss=8000, utforare=100))))
    assert hidden.startswith("Kostnader på 13,0 mnkr om året faller bort i Lund, räknat på SFB 2022 och LSS 2023.")


def test_amounts_that_are_not_shown_are_not_said_to_be_missing():
    told = words(takeover.amounts_text(book(ekonomi=economy(2023, sfb=of_few(2023)))))
    assert told.startswith(f"Egna belopp för Lund {NOT_SHOWN}")
    assert words(takeover.amounts_text(book())).startswith("För Lund finns inga egna belopp i underlaget")


# --- Sums over years -------------------------------------------------------------------------------


def test_net_inflow_is_summed_over_the_years_that_are_named():
    hidden, known = (book(floden=flows((20, 10), middle, (12, 10))) for middle in ((30, 3), (37, 10)))
    assert "var 12\u00a0personer 2022 och 2024." in volumes.flow_sentence(hidden)
    assert "var 39\u00a0personer 2022–2024." in volumes.flow_sentence(known)


def test_deviations_are_summed_over_the_years_in_which_all_parts_have_one():
    table = [row for year in YEARS for row in economy(year, sfb=5000 + year, lss=6000)]
    table[3]["budget_tkr"] = None  # LSS in 2023
    assert costs.parts_sentence(book(ekonomi=table)).endswith("tillsammans 0,4\u00a0mnkr, räknat på 2022 och 2024.")


def test_deviations_that_are_not_shown_are_not_in_the_sum():
    table = [row for year, sfb in zip(YEARS, (5000, of_few(2023), 5000), strict=True)
             for row in economy(year, sfb=sfb, lss=6000, utforare=90000)]
    told = costs.parts_sentence(book(ekonomi=table))
    assert told.endswith("räknat på 2022 och 2024.")


# --- The provider's organisation -------------------------------------------------------------------


def test_users_per_unit_rest_on_the_last_count_or_on_none():
    facts = [fact("enheter", 2)]
    shown = book(fakta=facts, val_av_utforare=[counted("2019", 20), counted("2024", 30)])
    assert organisation_ratios(shown.municipality).frame["varde"][USERS_PER_UNIT] == 15
    hidden = book(fakta=facts, val_av_utforare=[counted("2019", 20), counted("2024", 4)])
    assert words(own_provision.organisation_text(hidden)) == f"Nyckeltalen {NOT_SHOWN}"


def test_ratios_that_the_facts_do_not_give_are_said_to_be_missing():
    told = words(own_provision.organisation_text(book(fakta=[fact("enheter", 2)])))
    assert told == "Uppgifterna räcker inte till några nyckeltal."


def test_stated_figures_that_are_not_shown_are_not_said_to_be_missing():
    other = fact("enheter", 2, text="Enheter i Bjuv")
    assert words(own_provision.facts_table(book(fakta=[other]))) == "Underlaget har inga siffror om organisationen."
    told = words(own_provision.facts_table(book(fakta=[other, fact("brukare_antal", 3, "brukare")])))
    assert told == f"Siffrorna om organisationen {NOT_SHOWN}"


def test_hours_per_user_that_are_not_shown_are_not_said_to_be_missing():
    row = {"ar": 2023, "lag": "lss", "utforda_timmar": 9000}
    assert words(own_provision.hours_per_user_text(book(egen_regi=[row]))).startswith("Underlaget har inget år med")
    told = words(own_provision.hours_per_user_text(book(egen_regi=[row | {"brukare_antal": 3}])))
    assert told == f"Timmarna per brukare {NOT_SHOWN}"


# --- What the material is said to lack -------------------------------------------------------------


@pytest.mark.parametrize(("page", "lacking", "withheld", "missing", "what"), [
    (
        choice.missing_text,
        {},
        {"val_av_utforare": [{"tidpunkt": "2024", "lag": "sfb", "totalt_antal": 4}]},
        "Underlaget säger inget om hur många i Lund som har valt kommunen.",
        "Hur många i Lund som har valt kommunen",
    ),
    (
        choice.year_text,
        {"brukare": users(sfb_2022=20, lss_2023=20, utforare_2023=20)},
        {"brukare": users(sfb_2023=20, lss_2023=4, utforare_2023=20)},
        "Inget år i underlaget har antalet brukare",
        "Kommunens andel år för år",
    ),
    (
        lambda one: models.model_text(one, "sfb"),
        {"ekonomi": economy(2022, sfb=9000), "brukare": users(sfb_2023=20)},
        {"ekonomi": economy(2023, sfb=9000), "brukare": users(sfb_2023=3)},
        "Inget år i underlaget har allt som modellen räknar med",
        "Hur kostnaden stämmer med modellen",
    ),
    (
        lambda one: models.decomposition_text(one, "lss"),
        {
            "ekonomi": economy(2023, lss=9000),
            "brukare": users(lss_2023=20),
            "timmar": [{"ar": 2023, "verksamhet": "lss", "utfall_timmar": 9000}],
        },
        {
            "ekonomi": economy(2022, lss=9000) + economy(2023, lss=9000),
            "brukare": users(lss_2022=20, lss_2023=3),
            "timmar": [{"ar": year, "verksamhet": "lss", "utfall_timmar": 9000} for year in (2022, 2023)],
        },
        "Det krävs minst två år",
        "Vad förändringen består av",
    ),
    (
        scenario.first_hours_text,
        {"scenario": [{"indata": "ar", "varde": 2023, "enhet": "år"}]},
        {"scenario": [
            {"indata": "ar", "varde": 2023, "enhet": "år"}, {"indata": "brukare_antal", "varde": 3, "enhet": "antal"},
        ]},
        "Underlaget anger inte hur många",
        "Hur många som har assistansersättning",
    ),
    (
        cover.summary_list,
        {},
        {"brukare": users(sfb_2023=3)},
        "Det finns ännu inga uppgifter om personlig assistans i Lund i underlaget.",
        "Uppgifterna om personlig assistans i Lund",
    ),
    (
        cover.drivers_list,
        {},
        {"floden": flows((20, 3), (20, 2), (20, 1))},
        "Underlaget för Lund räcker inte till slutsatser",
        "Kostnader och volymer i Lund",
    ),
])
def test_what_is_not_shown_is_not_said_to_be_missing(page, lacking, withheld, missing, what):
    assert words(page(book(**lacking))).startswith(missing)
    # That something else is not shown changes nothing.
    other = {"egen_regi": [{"ar": 2023, "lag": "lss", "utforda_timmar": 9000, "brukare_antal": 3}]}
    assert words(page(book(**lacking, **other))).startswith(missing)
    assert words(page(book(**withheld))).startswith(f"{what} {NOT_SHOWN}")


def test_a_budget_that_is_not_shown_is_not_said_to_be_missing():
    known = {"ar": 2022, "verksamhet": "sfb", "nettokostnad_tkr": 9000}
    assert costs.deviation_sentence(book(ekonomi=[known]), "sfb") == "Underlaget har ingen budget att jämföra med."
    hidden = economy(2023, sfb=of_few(2023))
    assert costs.deviation_sentence(book(ekonomi=[known, *hidden]), "sfb") == f"Avvikelsen mot budgeten {NOT_SHOWN}"


def test_an_outcome_that_is_not_shown_is_not_said_to_be_missing():
    forecast = [{"avser_ar": 2023, "ordning": 1, "tillfalle": "mars", "budgetavvikelse_mnkr": -1.0}]
    late, hidden = economy(2024, sfb=9000), economy(2023, sfb=of_few(2023))
    assert "Underlaget har inte den" in words(background.forecast_text(book(prognoser=forecast, ekonomi=late)))
    told = words(background.forecast_text(book(prognoser=forecast, ekonomi=late + hidden)))
    assert told == f"Prognoserna gäller 2023. Årets budgetavvikelse {NOT_SHOWN}"


def test_an_earlier_year_that_is_not_shown_is_not_said_to_be_missing_from_the_material():
    values = volumes.users(book(brukare=users(sfb_2022=3, sfb_2023=20)).municipality, "sfb").frame["utfall_antal"]
    assert cover._since("Antalet", values, str) == "Boken har inget tidigare år att jämföra med."


def test_measures_that_are_not_shown_are_told_apart_from_those_that_are_missing():
    one = book(val_av_utforare=[counted("2024", 4)])
    told = words(comparison.missing_text(one))
    assert told.startswith("Lund saknar måtten kostnad per timme,")
    assert told.endswith(f"Måttet andel som kommunen utför {NOT_SHOWN}")
    assert "Boken visar inget av måtten för Lund." in words(comparison.comparison_text(_with_peer(one)))
    assert "underlag räcker till inget av måtten" in words(comparison.comparison_text(_with_peer(book())))


def _with_peer(one):
    return dataclasses.replace(one, municipality=dataclasses.replace(one.municipality, peers=("malmo",)))


def test_a_book_of_statistics_alone_tells_whether_its_own_tables_are_missing():
    def limits(**tables):
        return words(cover.limits_text(Book(protect(municipality(**tables)), default_data_directory())))

    assert "går inte att säga utan kommunens egna uppgifter" in limits()
    told = limits(brukare=users(sfb_2023=3))
    assert "bygger på nationell statistik" in told and "utan kommunens egna uppgifter" not in told
    assert f"Det som kommunens egna uppgifter säger {NOT_SHOWN}" in told


def test_the_start_page_tells_own_tables_that_are_not_shown_from_those_that_are_missing():
    def holds(**tables):
        manifest = make_manifest(Plan(book(**tables).municipality, (), ()), default_data_directory())
        return site._holds(manifest)

    assert holds() == "Bygger på jämförelsetal om kommunen; egna uppgifter saknas."
    assert holds(brukare=users(sfb_2023=3)) == "Bygger på jämförelsetal om kommunen; egna uppgifter visas inte."
    assert holds(brukare=users(sfb_2023=3, sfb_2022=30)) == "Bygger på kommunens egna uppgifter."


def test_a_stated_amount_that_is_not_shown_is_not_said_to_be_left_out_by_the_investigation():
    bjuv = load_municipality("bjuv")

    def told(threshold):
        one = dataclasses.replace(bjuv, small_numbers=SmallNumbers(threshold))
        return words(scenario.left_out_text(Book(protect(one), default_data_directory())))

    assert "de första timmarna för kommunens brukare" not in told(9)
    assert "de första timmarna för andras brukare" in told(9)


def test_what_the_number_of_users_decides_is_not_said_to_change_nothing():
    huddinge = load_municipality("huddinge")
    protected = protect(dataclasses.replace(huddinge, small_numbers=SmallNumbers()))
    shown, whole = (left_out(one).frame.loc["sol_hsl_tkr"] for one in (protected, huddinge))
    assert whole["skillnad_tkr"] < 0 and shown.isna().all()
    unknown = "Vad insatser enligt SoL och HSL betyder för besparingen går inte att säga utan antalet brukare."
    assert unknown in words(scenario.left_out_text(Book(protected, default_data_directory())))
    assert "går inte att säga" not in words(scenario.left_out_text(Book(huddinge, default_data_directory())))
