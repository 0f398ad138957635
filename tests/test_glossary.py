"""The glossary: terms that are right to the letter, and explained once where they first stand in a chapter."""

from __future__ import annotations

import re

import pytest
import yaml
from conftest import edit, served
from docutils import nodes
from docutils.core import publish_doctree
from sphinx.search import WordCollector
from sphinx.search.sv import SearchSwedish
from test_prose import CHAPTERS

from analysis.measures.forms import swedish_order
from analysis.present.book import open_book
from analysis.present.pages import glossary as page
from analysis.publish import glossary
from analysis.publish.plan import read_chapters
from analysis.sources import DataError, default_data_directory, load_municipality

MALMO = load_municipality("malmo", default_data_directory())
TERMS = {
    "belopp": {"word": "belopp", "forms": ["belopp", "beloppet"], "explanation": "Pengar."},
    "hogt": {"word": "högt belopp", "forms": ["högt belopp"], "explanation": "Mycket <pengar>."},
    "lss": {"word": "LSS", "forms": ["LSS"], "explanation": "En lag."},
}


class Written:
    """As much of Sphinx's translator as the node's visitors need."""

    def __init__(self):
        self.body = []


def explained(text: str, terms=TERMS) -> list[glossary.ExplainedTerm]:
    """Return the terms explained in a document in reStructuredText."""
    doctree = publish_doctree(text)
    before = doctree.astext()
    glossary.explain(doctree, terms)
    assert doctree.astext() == before, "the words of the page are as they were"
    return list(doctree.findall(glossary.ExplainedTerm))


def words(text: str) -> list[tuple[str, str]]:
    return [(node["term"], node.astext()) for node in explained(text)]


def test_a_term_is_explained_where_it_first_stands():
    assert words("Ett belopp.\n\nBeloppet och LSS. LSS igen.") == [("belopp", "belopp"), ("lss", "LSS")]
    assert words("Beloppet.\n\n- belopp\n- LSS") == [("belopp", "Beloppet"), ("lss", "LSS")]


def test_the_longest_term_wins():
    assert words("Ett högt\u00a0belopp och ett belopp.") == [("hogt", "högt\u00a0belopp"), ("belopp", "belopp")]


@pytest.mark.parametrize("text", [
    "Beloppsgräns, delbelopp, LSS-utjämning, lss och sub-LSS.",
    "`belopp <https://example.org>`_",
    "``belopp``",
    "====== ==\nbelopp 1\n====== ==",
    "Belopp\n======\n\nAnnat\n------\n\nText.",
    ".. raw:: html\n\n   <p>belopp</p>",
    "**Belopp.** Här förklarar kapitlet självt vad ett belopp är.",
])
def test_what_is_not_running_text_or_another_word_is_left_alone(text):
    assert explained(text) == []


def test_the_explanation_is_a_popover_that_says_nothing_unescaped():
    node = explained("Ett högt belopp.")[0]
    translator = Written()
    glossary._open(translator, node)
    glossary._close(translator, node)
    assert "".join(translator.body) == (
        '<button type="button" class="ab-term" popovertarget="ord-hogt"></button><span popover id="ord-hogt" '
        'class="ab-ordruta" role="note"><strong>Högt belopp</strong> Mycket &lt;pengar&gt;. '
        '<a href="ordlista.html#ord-hogt">Högt belopp i ordlistan</a></span>'
    )


def test_the_explanation_opens_and_closes_by_keyboard_without_script(browser, tmp_path):
    node = explained("Ett högt belopp.")[0]
    translator = Written()
    glossary._open(translator, node)
    translator.body.append(node.astext())
    glossary._close(translator, node)
    (tmp_path / "index.html").write_text(
        f'<!doctype html><html lang="sv"><title>Prov</title><p>Ett {"".join(translator.body)}.</p>', encoding="utf-8"
    )
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with served(tmp_path) as address:
        page.goto(f"{address}/index.html")
        box = page.locator("#ord-hogt")
        assert not box.is_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert box.is_visible() and "Mycket <pengar>." in box.inner_text()
        page.keyboard.press("Tab")
        assert page.locator("#ord-hogt a:focus").count() == 1
        page.keyboard.press("Escape")
        assert not box.is_visible() and page.locator("button:focus").count() == 1
    context.close()


def test_search_finds_the_term_and_not_what_the_box_says():
    doctree = publish_doctree("Ett högt belopp.")
    glossary.explain(doctree, TERMS)
    collector = WordCollector(doctree, SearchSwedish({}))
    doctree.walk(collector)
    assert {"högt", "belopp"} <= set(collector.found_words) and "pengar" not in collector.found_words


def test_every_term_stands_in_the_glossary_in_swedish_order_with_its_anchor():
    text = page.terms_list(open_book("malmo"))._repr_mimebundle_()["text/html"]
    terms = re.findall(r'<div id="ord-([a-z0-9_]+)"><dt>(.*?)</dt>', text)
    assert {id_ for id_, _ in terms} == set(MALMO.glossary) and len(terms) == len(MALMO.glossary)
    assert [word for _, word in terms] == swedish_order(word for _, word in terms)


def test_the_glossary_is_in_every_book_and_says_what_is_true_of_the_law():
    chapter = next(chapter for chapter in read_chapters() if chapter.name == glossary.CHAPTER)
    assert chapter.needs == () and (CHAPTERS / f"{glossary.CHAPTER}.ipynb").exists()
    first_hours = MALMO.parameters["forsta_timmar"].values[-1].value
    assert f"{first_hours:g} assistanstimmarna" in MALMO.glossary["forsta_timmarna"].explanation
    limit = MALMO.parameters["grundlaggande_behov_grans"].values[-1].value
    assert f"mer än {limit:g} timmar i veckan" in MALMO.glossary["assistansersattning"].explanation
    ceiling = MALMO.parameters["hojt_belopp_tak"].values[-1].value
    assert f"{(ceiling - 1) * 100:.0f} procent högre" in MALMO.glossary["hojt_belopp"].explanation
    assert MALMO.parameters["vantetid_andel"].values[-1].value == 1 / 4
    assert "en kvarts arbetad timme" in MALMO.glossary["vantetid"].explanation


def test_a_term_explains_itself_in_two_sentences_at_most():
    for term in MALMO.glossary.values():
        assert term.explanation.endswith(".") and len(re.findall(r"\.(?: |$)", term.explanation)) <= 3, term.id
        assert not term.forms or term.word in term.forms or term.word.lower() in map(str.lower, term.forms), term.id


def test_the_terms_reach_the_chapters_as_they_are(tmp_path):
    glossary.write_terms(MALMO.glossary, tmp_path)
    content = yaml.safe_load((tmp_path / glossary.FILE_NAME).read_text(encoding="utf-8"))
    assert content["lss"]["word"] == "LSS" and set(content) == set(MALMO.glossary)


@pytest.mark.parametrize(("old", "new", "said"), [
    ("  kalla: sfs_2008_962\n  plats: 1 kap. 1 §", "  kalla: sfs_2008\n  plats: 1 kap. 1 §", "finns inte i kallor.yml"),
    ("  former: [IVO]", "  former: [LSS]", "formen hör redan till lss"),
    ("  former: [IVO]", "  former: IVO", "en lista med ordets former"),
    ("ivo:\n", "i v o:\n", "namnet kan inte stå i en länk"),
    ("  forklaring: Tusen kronor.\n", "", "fältet tkr.forklaring: fältet saknas"),
])
def test_a_fault_in_the_glossary_is_told(data_copy, old, new, said):
    edit(data_copy / "nationellt" / "ordlista.yml", old, new)
    with pytest.raises(DataError) as raised:
        load_municipality("malmo", data_copy)
    assert said in str(raised.value) and "data/nationellt/ordlista.yml" in str(raised.value)


def test_a_node_reads_as_its_word():
    assert isinstance(explained("LSS.")[0].children[0], nodes.Text)
