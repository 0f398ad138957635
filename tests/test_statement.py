"""The accessibility statement: what the law asks for, and what only the municipality can say."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from conftest import edit
from markdown_it import MarkdownIt

from analysis.present.book import open_book
from analysis.present.pages import accessibility
from analysis.present.views import Linked, bullets
from analysis.sources import DataError, default_data_directory, list_municipalities, load_municipality

PAGES = (
    accessibility.scope_text,
    accessibility.missing_text,
    accessibility.conformance_text,
    accessibility.shortcomings_list,
    accessibility.contact_text,
    accessibility.contact_list,
    accessibility.supervision_text,
    accessibility.tests_text,
    accessibility.review_text,
)
FILLED = """
tillganglighet:
  ansvarig: Malmö stad
  epost: tillganglighet@malmo.example
  telefon: "040-34 10 00"
  webbsida: https://malmo.example/brister
  bedomning: delvis
  brister:
    - Två diagram saknar mönster.
  granskad: 2026-05-04
  granskad_av: en utomstående granskare
"""


def filled(data, text=FILLED):
    with (data / "kommuner" / "malmo" / "kommun.yml").open("a", encoding="utf-8") as file:
        file.write(text)
    return data


def words(book) -> str:
    return "\n".join(page(book)._repr_mimebundle_().get("text/plain", "") for page in PAGES)


@pytest.mark.parametrize("slug", list_municipalities(default_data_directory()))
def test_where_the_municipality_has_said_nothing_the_page_says_so(slug):
    book = open_book(slug)
    text = words(book)
    assert "Redogörelsen är inte färdig" in text and f"data/kommuner/{slug}/kommun.yml" in text
    for field in ("ansvarig", "epost, telefon eller webbsida", "bedomning", "brister", "granskad", "granskad_av"):
        assert f"({field})" in text
    assert "har ännu inte bedömt" in text and "förenlig" not in text and "None" not in text


def test_a_filled_in_statement_says_what_the_municipality_says(data_copy):
    book = open_book("malmo", str(filled(data_copy)))
    text = words(book)
    assert "Redogörelsen är inte färdig" not in text and "ännu inte" not in text
    for said in ("Malmö stad ansvarar", "delvis förenlig", "Två diagram saknar mönster.", "040-34 10 00",
                 "den 4 maj 2026 av en utomstående granskare"):
        assert said in text
    ways = accessibility.contact_list(book)._repr_mimebundle_()["text/markdown"]
    assert "(mailto:tillganglighet@malmo.example)" in ways and "(https://malmo.example/brister)" in ways


def test_a_statement_half_filled_in_asks_for_the_rest_only(data_copy):
    book = open_book("malmo", str(filled(data_copy, "\ntillganglighet:\n  epost: a@b.example\n  brister: []\n")))
    text = words(book)
    assert "inga kända brister" in text and "(brister)" not in text and "(epost" not in text and "(ansvarig)" in text


def test_the_law_the_level_and_the_authority_come_from_the_data(data_copy):
    path = data_copy / "nationellt" / "tillganglighet.yml"
    edit(path, "varde: Myndigheten för digital förvaltning (Digg)", "varde: Provmyndigheten")
    edit(path, "varde: WCAG 2.1, nivå AA", "varde: WCAG 9.9, nivå AA")
    edit(path, "(2018:1937) om tillgänglighet", "(2099:1) om tillgänglighet")
    text = words(open_book("malmo", str(data_copy)))
    assert "Provmyndigheten har tillsyn" in text and "WCAG 9.9, nivå AA" in text and "(2099:1)" in text
    assert "WCAG 2.1" not in text and "Digg" not in text
    assert accessibility.TESTED_LEVEL == "WCAG 2.2, nivå AA" and accessibility.TESTED_LEVEL in text


@pytest.mark.parametrize(("old", "new", "said"), [
    ("epost: tillganglighet@malmo.example", "epost: malmo.example", "en enda e-postadress"),
    ("epost: tillganglighet@malmo.example", "epost: a@b.example, c@d.example", "en enda e-postadress"),
    ("epost: tillganglighet@malmo.example", "epost: a@b.example?bcc=c@d.example", "en enda e-postadress"),
    ("epost: tillganglighet@malmo.example", "epost: <a@b.example>", "en enda e-postadress"),
    ("webbsida: https://", "webbsida: ", "en adress som börjar med https://"),
    ("webbsida: https://malmo.example/brister", "webbsida: https://x.se/)<script/src=//evil.se></script>", "utan mell"),
    ("webbsida: https://malmo.example/brister", "webbsida: https://malmo.example/a b", "utan mellanslag"),
    ("webbsida: https://malmo.example/brister", "webbsida: https://malmo", "en adress som börjar med https://"),
    ("webbsida: https://malmo.example/brister", "webbsida: https://kommunen@evil.example/", "en adress som börjar"),
    ("bedomning: delvis", "bedomning: nästan", "något av helt, delvis, inte"),
    ("bedomning: delvis", "bedomning: helt", "men brister är uppräknade"),
    ("granskad: 2026-05-04", "granskad: i maj", "ett datum som 2026-01-31"),
    ("  ansvarig:", "  ansvrig:", "skriv ”ansvarig”"),
    ("  brister:\n    - Två diagram saknar mönster.", "  brister: två", "en lista med brister"),
])
def test_a_fault_in_the_statement_is_told(data_copy, old, new, said):
    assert FILLED.count(old) == 1
    with pytest.raises(DataError) as raised:
        load_municipality("malmo", filled(data_copy, FILLED.replace(old, new)))
    assert said in str(raised.value) and "data/kommuner/malmo/kommun.yml" in str(raised.value)


@pytest.mark.parametrize("address", [
    "https://malmo.se/sida?a=1)&b=2", "https://malmo.se/(brister)", "https://malmo.se:8080/a%20b#c", "http://malmö.se/å",
])
def test_an_address_reaches_the_page_whole_and_as_one_link(data_copy, address):
    text = FILLED.replace("https://malmo.example/brister", f'"{address}"')
    book = open_book("malmo", str(filled(data_copy, text)))
    ways = accessibility.contact_list(book)._repr_mimebundle_()["text/markdown"]
    page = BeautifulSoup(MarkdownIt().render(ways), "html.parser")
    link = page.find_all("a")[0]
    assert unquote(link["href"]) == unquote(address) and link.text == "meddela brister i tillgänglighet"
    assert page.find("li").text == "Webbsida: meddela brister i tillgänglighet"


def test_what_could_end_a_link_or_begin_a_tag_is_written_as_codes():
    text = bullets([Linked("Se", "https://x.se/)<script/src=//evil.se>\"' `\\", "sidan")])._repr_mimebundle_()
    assert text["text/markdown"] == (
        "- Se [sidan](https://x.se/%29%3Cscript/src=//evil.se%3E%22%27%20%60%5C)"
    )


@pytest.mark.parametrize(("old", "new", "said"), [
    ("  lank: https://www.digg", "  lank: javascript:", "en adress som börjar med https://"),
    ("  kalla: digg_overvakning_2024", "  kalla: digg_2099", "tillsyn.kalla"),
    ("tillsyn:\n", "tillsynen:\n", "fältet tillsyn: fältet saknas"),
])
def test_a_fault_in_what_the_law_asks_for_is_told(data_copy, old, new, said):
    edit(data_copy / "nationellt" / "tillganglighet.yml", old, new)
    with pytest.raises(DataError) as raised:
        load_municipality("malmo", data_copy)
    assert said in str(raised.value)
