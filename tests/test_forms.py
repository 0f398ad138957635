"""Forms of operation and choice of provider: what the documents print, where they disagree, and what the text says."""

import csv
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.measures import choice, forms
from analysis.measures.result import MissingData
from analysis.present.book import open_book
from analysis.present.pages import choice as choice_page
from analysis.present.pages import forms as forms_page
from analysis.sources import default_data_directory, list_municipalities, load_municipality

CHAPTERS = default_data_directory().parent / "chapters"
SLUGS = list_municipalities(default_data_directory())
MALMO = load_municipality("malmo")

LOV_OF_BJUV = (
    "Lund Karlstad Lomma Västerås Härnösand Lidingö Örkelljunga Simrishamn Tomelilla Sjöbo Vellinge Uppsala Höganäs"
)
LOU_OF_BJUV = "Trelleborg Karlstad Nynäshamn Kalmar Gotland Staffanstorp Täby Vaggeryd Ystad Kalmar"
OF_HUDDINGE = "Nynäshamn Tyresö Lidingö Västerås Botkyrka Haninge Södertälje Salem Nykvarn Huddinge"
THEMSELVES = "Bjuv Ånge Malmö Göteborg Lund"


def rewrite(data: Path, table: str, change, more=()):
    """Rewrite a table below data/; `change` takes a row as a dict and returns it, or None to drop it."""
    path = data / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter=";"))
    kept = [new for line in lines if (new := change(dict(line))) is not None]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *more])


def shown(view) -> str:
    bundle = view._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    text = re.sub(r"\s+", " ", bundle.get("text/html") or bundle["text/plain"])
    return "" if "ab-tom" in text else text


def chapter_texts(book):
    """Run every cell of the two chapters and return source and words."""
    for name in ("driftformer", "val"):
        space = {"book": book}
        for cell in json.loads((CHAPTERS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] != "code" or "parameters" in cell["metadata"].get("tags", []):
                continue
            if "open_book" in source:
                exec("\n".join(line for line in source.splitlines() if line.startswith("from")), space)
            elif book.municipality.has(*cell["metadata"].get("assistansboken", {}).get("needs", [])):
                yield source, shown(eval(source, space))


def assert_sound(book):
    for source, text in chapter_texts(book):
        plain = re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", " ", text))
        assert not re.search(r"\b(nan|NaN|None|inf|NaT)\b", plain), (source, plain[:300])
        assert " ," not in plain and ".." not in plain and "()" not in plain, (source, plain[:300])


def bjuv_list(form):
    table = MALMO.national["driftformer"]
    return table[(table["kalla"] == "bjuv_2023") & (table["driftform"] == form)]


# The documents' lists


def test_every_municipality_that_a_document_names_has_a_row():
    named = set(" ".join((LOV_OF_BJUV, LOU_OF_BJUV, OF_HUDDINGE, THEMSELVES)).split())
    table = MALMO.national["driftformer"]
    assert set(table["kommun"]) == named and len(named) == 32
    assert set(table.loc[table["kalla"] == "huddinge_2024", "kommun"]) == set(OF_HUDDINGE.split())
    assert forms.forms_count(MALMO).frame["kommuner_antal"].sum() == len(named)
    assert len(forms.forms_of_operation(MALMO).frame) == len(named)


def test_the_lists_of_bjuv_have_the_printed_names():
    lov, lou = bjuv_list("lov"), bjuv_list("lou")
    assert set(lov["kommun"]) == set(LOV_OF_BJUV.split()) and lov["forekomster"].sum() == 13
    assert set(lou["kommun"]) == set(LOU_OF_BJUV.split()) and len(lou) == 9
    assert lou["forekomster"].sum() == len(LOU_OF_BJUV.split()) == 10
    assert lou.loc[lou["forekomster"] == 2, "kommun"].tolist() == ["Kalmar"]


@pytest.mark.parametrize(
    "name, form",
    [
        ("Karlstad", "lov_lou"),
        ("Västerås", "lov_lou"),
        ("Nynäshamn", "lou"),
        ("Lidingö", "lov"),
        ("Nykvarn", "direktupphandling"),
        ("Bjuv", "bolag"),
        ("Ånge", "egen_regi"),
        ("Lund", "lov"),
        ("Göteborg", "framgar_inte"),
    ],
)
def test_forms_merge_over_documents(name, form):
    assert forms.form_of(MALMO, name) == form


def test_what_the_documents_tell_of_the_contracts():
    frame = forms.forms_of_operation(MALMO).frame
    assert frame.loc["Tyresö", ["leverantorer_antal", "upphandlingar_antal"]].tolist() == ["1", "4"]
    assert frame.loc["Nynäshamn", ["leverantorer_antal", "upphandlingar_antal"]].tolist() == ["1", "2"]
    assert frame.loc["Lidingö", "leverantorer_antal"] == "5"
    assert frame.loc["Nynäshamn", "driftform"] == "LOU (Bjuv, Huddinge)"
    assert frame.loc["Västerås", "driftform"] == "LOV (Bjuv); LOV och LOU (Huddinge)"
    assert frame.loc["Karlstad", "driftform"] == "LOV och LOU (Bjuv)"
    assert frame.loc["Lund", "driftform"] == "LOV (Bjuv)"
    assert list(frame.index[:2]) == ["Malmö", "Bjuv"] and list(frame.index[-2:]) == ["Ånge", "Örkelljunga"]


def test_the_counts_by_form():
    assert forms.forms_count(MALMO).frame["kommuner_antal"].to_dict() == {
        "LOV": 11,
        "LOU": 9,
        "Egen regi": 7,
        "LOV och LOU": 2,
        "Kommunalt bolag": 1,
        "Direktupphandling": 1,
        "Framgår inte": 1,
    }


told = st.sampled_from(["egen_regi", "bolag", "lou", "lov", "lov_lou", "direktupphandling", "framgar_inte"])


@given(st.lists(told, min_size=1))
def test_combining_statements_needs_no_order_and_bears_repetition(statements):
    one = forms.combined_form(statements)
    assert one in forms.FORM_NAMES
    assert one == forms.combined_form(reversed(statements)) == forms.combined_form(statements * 2)
    assert (one == "framgar_inte") == (set(statements) == {"framgar_inte"})
    if one != "skiljer_sig":
        assert forms.combined_form([*statements, one]) == one


def test_swedish_order():
    assert forms.swedish_order(["Örkelljunga", "Ånge", "Ärla", "Ystad", "askim"]) == [
        "askim",
        "Ystad",
        "Ånge",
        "Ärla",
        "Örkelljunga",
    ]


# Who bears which cost


def test_bearers_are_a_small_vocabulary():
    assert set(MALMO.national["kostnadsansvar"]["bars_av"]) == {"kommunen", "leverantören", "staten"}


def test_disagreements_stand_side_by_side():
    found = {one.cost.split(":")[0]: one.bearers for one in forms.cost_disagreements(MALMO)}
    assert set(found) == {"Tillfälliga utökningar", "Basansvaret"}
    assert found["Tillfälliga utökningar"] == {
        "kommunen": {"Bjuv": ("alla",)},
        "leverantören": {"Huddinge": ("lou", "lov", "lov_lou")},
    }
    table = forms.cost_bearers(MALMO).frame
    assert table.loc["Tillfälliga utökningar", "lou"] == "Kommunen (Bjuv); leverantören (Huddinge)"
    assert table.loc["Tillfälliga utökningar", "egen_regi"] == "Kommunen (Malmö, Bjuv, Huddinge)"


def test_sick_pay_and_first_hours_stay_with_the_municipality():
    costs = forms.bearers_by_cost(MALMO)
    for cost in ("De första 20 timmarna i veckan enligt SFB", "Sjuklöner hos privata utförare", "Assistans enligt LSS"):
        assert {bearer for found in costs[cost].values() for bearer in found} == {"kommunen"}


@pytest.mark.parametrize("slug", SLUGS)
def test_the_page_names_the_disagreement_in_every_book(slug):
    text = shown(forms_page.disagreement_text(open_book(slug)))
    assert "Tillfälliga utökningar: kommunen enligt Bjuv (alla driftformer), men leverantören enligt" in text
    assert "Basansvaret: kommunen enligt Ånge (alla driftformer), men leverantören enligt Bjuv (LOV) och" in text


def test_agreement_is_said(data_copy):
    def agree(row):
        row["bars_av"] = "kommunen"
        return row

    rewrite(data_copy / "nationellt", "kostnadsansvar", agree)
    book = open_book("bjuv", str(data_copy))
    assert "är de överens" in shown(forms_page.disagreement_text(book))
    assert_sound(book)


# Consequences


def test_answers_stand_in_a_column_for_each_document():
    frame = forms.consequences(MALMO, "brukare").frame
    answers = frame.loc["Märker brukarna av bytet?"]
    assert answers["bjuv_2023"].startswith("Ja") and answers["ange_2023"].startswith("Nej")
    assert not isinstance(answers["malmo_2025"], str)
    assert list(frame.columns) == ["malmo_2025", "bjuv_2023", "huddinge_2024", "ange_2023"]
    assert "Tar inte upp frågan" in shown(forms_page.consequence_table(open_book("malmo"), "brukare"))
    with pytest.raises(MissingData):
        forms.consequences(MALMO, "grannar")


def test_differing_answers_are_said_in_words():
    book = open_book("lund")
    users = shown(forms_page.consequence_text(book, "brukare"))
    assert "Märker brukarna av bytet? Ja enligt Bjuv, delvis enligt Huddinge, nej enligt Ånge." in users
    assert "Kan brukarna välja utförare?" not in users
    assert "Inte utrett enligt Bjuv" in shown(forms_page.consequence_text(book, "personal"))


def test_a_silent_document_is_named(data_copy):
    rewrite(
        data_copy / "nationellt",
        "konsekvenser",
        lambda row: None if row["kalla"] == "malmo_2025" and row["berorda"] == "personal" else row,
    )
    book = open_book("malmo", str(data_copy))
    assert "Malmös utredning tar inte upp frågorna." in shown(forms_page.consequence_text(book, "personal"))
    assert_sound(book)


# The choice of provider


def test_the_national_shares_and_their_sums():
    frame = choice.national_choice(MALMO).frame
    assert frame.loc["kommun"].tolist() == [43, 50, 6, 1, 100, 0, 4811]
    assert frame.loc["forsakringskassan"].tolist() == [17, 71, 6, 4, 98, 2, 13294]
    counts = choice.national_choice_counts(MALMO).frame
    assert counts.loc["forsakringskassan", "kommunen_antal"] == pytest.approx(0.17 * 13294)
    assert counts.loc["tillsammans", "antal"] == 4811 + 13294
    parts = [name for name in counts.columns if name.endswith("_antal")]
    assert counts[parts].sum(axis=1).to_numpy() == pytest.approx(counts["antal"].to_numpy())
    assert counts.loc["tillsammans", "kommunen_procent"] == pytest.approx(23.909, abs=0.001)


def test_the_sum_that_falls_short_is_said():
    text = shown(choice_page.sum_text(open_book("goteborg"))).replace("\u00a0", " ")
    assert "blir tillsammans 98 %, 2 procentenheter för lite. Det är mer än avrundningen" in text
    assert "4 811 är precis antalet enligt LSS 2022, och 13 294 ligger närmast antalet enligt SFB 2023, 13 293" in text


@pytest.mark.parametrize(
    "share, expected",
    [
        ("73", ""),
        ("72", "1 procentenhet för lite. Det kan bero på att"),
        ("75", "2 procentenheter för mycket. Det är mer"),
    ],
)
def test_the_sum_sentence_follows_the_shares(data_copy, share, expected):
    def change(row):
        row["foretag_procent"] = share if row["beslut_av"] == "forsakringskassan" else row["foretag_procent"]
        return row

    rewrite(data_copy / "nationellt", "val_av_utforare_riket", change)
    book = open_book("lund", str(data_copy))
    text = shown(choice_page.sum_text(book)).replace("\u00a0", " ")
    assert expected in text and ("blir tillsammans" in text) == bool(expected)
    assert_sound(book)


def test_local_choice_by_hand():
    bjuv = choice.local_choice(load_municipality("bjuv")).frame
    for occasion in ("2023-03 sfb", "2023-11 alla"):
        row = bjuv.loc[occasion]
        assert (row["totalt_antal"], row["kommunen_antal"], row["andra_antal"]) == (27, 8, 19)
        assert row["andra_procent"] == pytest.approx(19 / 27 * 100)
    ange = choice.local_choice(load_municipality("ange")).frame.loc["2023-10 sfb"]
    assert ange["kommunen_procent"] == pytest.approx(3 / 13 * 100)
    against = choice.local_against_national(load_municipality("ange")).frame.loc["2023-10 sfb"]
    assert against["skillnad_procentenheter"] == pytest.approx(3 / 13 * 100 - 17)
    with pytest.raises(MissingData):
        choice.local_choice(load_municipality("goteborg"))


def test_the_share_year_by_year():
    frame = choice.choice_by_year(MALMO).frame
    assert frame.loc[2025, "kommunen_procent"] == pytest.approx(56 / (455 + 183) * 100)
    assert "minskade kommunens andel från 11,4" in shown(choice_page.year_text(open_book("malmo")))


def test_a_municipality_without_counts_says_so():
    assert "Göteborg som har valt kommunen" in shown(choice_page.missing_text(open_book("goteborg")))
    assert not shown(choice_page.missing_text(open_book("bjuv"))).strip()


def test_unknown_and_empty_counts_divide_nothing(data_copy):
    def unknown(row):
        row["kommunen_antal"] = ""
        return row

    rewrite(data_copy / "kommuner" / "ange", "val_av_utforare", unknown)
    book = open_book("ange", str(data_copy))
    assert "framgår inte" in shown(choice_page.local_text(book))
    assert_sound(book)

    def nobody(row):
        row["totalt_antal"] = row["kommunen_antal"] = "0"
        return row

    rewrite(data_copy / "kommuner" / "ange", "val_av_utforare", nobody)
    assert_sound(open_book("ange", str(data_copy)))


def test_own_employers_are_counted_among_the_others(data_copy):
    def employers(row):
        row["egen_arbetsgivare_antal"] = "2"
        return row

    rewrite(data_copy / "kommuner" / "ange", "val_av_utforare", employers)
    book = open_book("ange", str(data_copy))
    assert "10 någon annan, varav 2 egna arbetsgivare" in shown(choice_page.local_text(book))
    assert_sound(book)


# Every book


@pytest.mark.parametrize("slug", SLUGS)
def test_every_municipality_is_sound(slug):
    book = open_book(slug)
    assert_sound(book)
    table = shown(forms_page.comparison_table(book))
    assert f'<tr class="ab-egen"><th scope="row">{book.municipality.area}</th>' in table
    assert table.count('class="ab-egen"') == 1


@pytest.mark.parametrize(
    "slug, expected",
    [
        ("malmo", "Malmö driver assistansen i egen regi"),
        ("bjuv", "I Bjuv utförs assistansen av ett bolag som kommunen äger."),
        ("lund", "Lund har upphandlat assistansen enligt LOV. Uppgiften kommer från Bjuvs utredning."),
        ("goteborg", "Göteborg nämns i Malmös utredning, men där står inte hur"),
        ("ange", "gäller oktober 2023"),
    ],
)
def test_the_own_municipality_is_told_of(slug, expected):
    assert expected in shown(forms_page.own_text(open_book(slug)))


def test_a_municipality_that_no_document_names(data_copy):
    rewrite(data_copy / "nationellt", "driftformer", lambda row: None if row["kommun"] == "Göteborg" else row)
    book = open_book("goteborg", str(data_copy))
    assert "Inget av dokumenten nämner Göteborg" in shown(forms_page.own_text(book))
    assert "står överst" not in shown(forms_page.comparison_text(book))
    assert_sound(book)


def test_documents_that_exclude_each_other_are_shown_both(data_copy):
    other = {
        "kommun": "Malmö",
        "driftform": "lou",
        "basansvar": "leverantören",
        "forekomster": "1",
        "kalla": "huddinge_2024",
        "plats": "x",
    }
    rewrite(data_copy / "nationellt", "driftformer", lambda row: row, [other])
    book = open_book("malmo", str(data_copy))
    text = shown(forms_page.own_text(book))
    assert "Dokumenten ger olika uppgifter" in text and "Egen regi (Malmö); LOU (Huddinge)" in text
    assert "Om Malmö skiljer sig uppgifterna åt" in shown(forms_page.list_notes(book))
    assert forms.forms_count(book.municipality).frame.loc["Dokumenten skiljer sig åt", "kommuner_antal"] == 1
    assert_sound(book)


def test_without_repetitions_there_is_nothing_to_note(data_copy):
    def plain(row):
        row["forekomster"] = "1"
        return None if row["kommun"] in ("Karlstad", "Västerås") else row

    rewrite(data_copy / "nationellt", "driftformer", plain)
    assert not shown(forms_page.list_notes(open_book("malmo", str(data_copy)))).strip()
