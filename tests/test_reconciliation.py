"""The chapter that holds printed figures against the book's, and what `check` says of a row that points at nothing."""

import csv
import functools
import html
import io
import math
import re

import pytest

from analysis import cli
from analysis.measures.figure_check import figure_faults
from analysis.measures.published import KINDS, OUTCOMES, contradictions, read_printed, reconciliation
from analysis.measures.result import MissingData
from analysis.measures.stated import highest_payment, stated_hours
from analysis.present.book import open_book
from analysis.present.pages import reconciliation as page
from analysis.sources import default_data_directory, list_municipalities
from analysis.sources.cells import parse_number

read_book = functools.cache(open_book)
WITH_FIGURES = [slug for slug in list_municipalities(default_data_directory())
                if read_book(slug).municipality.has("publicerat")]
PARTS = (page.summary_text, page.counts_table, page.deviations, page.uncomputable, page.own_contradictions,
         page.contradictions_between, page.every_figure)
COLUMNS = ["plats", "rad", "kolumn", "tryckt", "enhet", "slag", "matt", "urval", "nyckel", "varde", "tecken", "orsak"]
# Two that agree with Malmö's economy, one that does not though a cause is given, and one that cannot be computed.
AGREEING = {"plats": "Avsnitt A", "rad": "Nettokostnad", "kolumn": "2024", "tryckt": "cirka 375 miljoner kronor",
            "enhet": "mnkr", "slag": "beraknad", "matt": "budget_outcome", "urval": "totalt", "nyckel": "2024",
            "varde": "nettokostnad_tkr"}
INPUT = {**AGREEING, "rad": "Budget", "tryckt": "332 028", "enhet": "tkr", "slag": "indata", "varde": "budget_tkr"}
EXPLAINED = {**AGREEING, "plats": "Avsnitt B", "kolumn": "2023", "tryckt": "331 miljoner kronor", "nyckel": "2023",
             "orsak": "331 966 tkr är avhugget i stället för avrundat"}
UNCOMPUTABLE = {"plats": "Avsnitt B", "rad": "Ålder", "kolumn": "", "tryckt": "tolv år", "enhet": "år",
                "slag": "utan_underlag", "orsak": "Åldern finns inte i någon tabell"}


def publish(data, *rows):
    """Give the copy of Malmö a list of printed figures of its own, and no contradictions."""
    folder = data / "kommuner" / "malmo"
    with (folder / "publicerat.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";", lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "motsagelser.csv").unlink(missing_ok=True)
    return folder / "publicerat.csv"


def shown(view):
    """Return what a reader sees, without tags, and the whole bundle."""
    bundle = view._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    text = bundle.get("text/html") or bundle["text/markdown"].replace("\\", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).strip(), bundle


def lines_of(bundle):
    """Return each line of the tables: its head, its cells, and what is said below it."""
    pattern = r'<tr><th scope="row">(.*?)</th>(.*?)</tr>\s*(<tr class="ab-under">.*?</tr>)?'
    found = re.findall(pattern, bundle["text/html"], flags=re.S)
    return [(head, re.findall(r"<td[^>]*>(.*?)</td>", cells), re.sub(r"<[^>]+>", "", below))
            for head, cells, below in found]


@pytest.mark.parametrize("slug", WITH_FIGURES)
def test_the_page_counts_what_the_measure_counts(slug):
    book = read_book(slug)
    outcomes = reconciliation(book.municipality).frame["utfall"].value_counts()
    _, every = shown(page.every_figure(book))
    assert len(lines_of(every)) == outcomes.sum() == len(book.municipality.tables["publicerat"])
    sentence = re.sub(r"\ben(?= stämmer| går)", "1", page.summary_sentence(book))
    numbers = [int(parse_number(text)) for text in re.findall(r"\d[\d\xa0]*", sentence)]
    deviating = outcomes.get("avviker", 0) + outcomes.get("oforklarad", 0)
    expected = [outcomes.sum(), outcomes.get("stammer", 0), deviating, outcomes.get("utan_underlag", 0)]
    if outcomes.sum() == outcomes.get("stammer", 0):
        expected = expected[:1]
    assert numbers == [count for count in expected if count]
    for view, count in ((page.deviations, deviating), (page.uncomputable, outcomes.get("utan_underlag", 0))):
        _, bundle = shown(view(book))
        assert ("text/html" in bundle) == bool(count)
        assert not count or len(lines_of(bundle)) == count


@pytest.mark.parametrize("slug", WITH_FIGURES)
def test_nothing_is_missing_from_the_page(slug):
    book = read_book(slug)
    for part in PARTS:
        text, bundle = shown(part(book))
        assert text, part.__name__
        for words in (text, bundle["text/plain"], bundle.get("text/csv", "")):
            assert not re.search(r"\b(nan|NaN|None|inf|NaT)\b", words), (part.__name__, words[:300])
        assert not re.search(r" [,.;)]|\( |\.\.|stammer|utan_underlag|oforklarad", text), (part.__name__, text[:300])


@pytest.mark.parametrize("slug", WITH_FIGURES)
def test_a_shown_figure_tells_on_which_side_it_stands(slug):
    """What the page shows of a computed figure must itself agree with the print, or not, as the exact one does."""
    book = read_book(slug)
    figures = reconciliation(book.municipality).frame
    _, bundle = shown(page.every_figure(book))
    for row, (_, cells, _) in zip(figures.itertuples(), lines_of(bundle), strict=True):
        if math.isnan(row.utraknad):
            assert cells[1] == "–"
            continue
        text = re.match(r"−?[\d\xa0]+(,\d+)?(?!\d)", cells[1])[0].rstrip("\xa0")
        value = parse_number(text.replace("−", "-"))
        assert read_printed(row.tryckt).agrees(value) == (row.utfall == "stammer"), (row.tryckt, cells[1])


@pytest.mark.parametrize("slug", WITH_FIGURES)
def test_the_download_holds_every_figure_in_words(slug):
    book = read_book(slug)
    bundle, metadata = page.every_figure(book)._repr_mimebundle_()
    table = list(csv.DictReader(io.StringIO(bundle["text/csv"]), delimiter=";"))
    assert metadata["assistansboken"]["table_id"] == "reconciliation"
    assert len(table) == len(book.municipality.tables["publicerat"])
    assert {line["Utfall"] for line in table} <= set(OUTCOMES.values())
    assert {line["Slag"] for line in table} <= set(KINDS.values())
    assert all(line["Bygger på"] for line in table)


def test_each_outcome_in_words(data_copy):
    publish(data_copy, AGREEING, INPUT, EXPLAINED, UNCOMPUTABLE)
    book = open_book("malmo", str(data_copy))
    text, _ = shown(page.summary_text(book))
    assert text.startswith("Av de 4 siffror som utredningen trycker stämmer 2 med bokens underlag, "
                           "en stämmer inte och en går inte att räkna fram.")
    assert "För den som inte stämmer anges en trolig orsak." in text
    assert "En av siffrorna (25 %) är bokens egna indata" in text.replace("\xa0", " ")
    assert "en stämmer och en stämmer inte" in text
    text, bundle = shown(page.deviations(book))
    assert "En tryckt siffra stämmer inte" in text
    assert lines_of(bundle) == [("Nettokostnad, 2023", ["331\xa0miljoner kronor", "332\xa0mnkr", "−1\xa0mnkr"],
                                 f"Trolig orsak: {EXPLAINED['orsak']}.")]
    _, bundle = shown(page.uncomputable(book))
    assert lines_of(bundle) == [("Ålder", ["tolv år"], UNCOMPUTABLE["orsak"] + ".")]


def test_an_altered_digit_is_shown_as_unexplained(data_copy):
    publish(data_copy, {**INPUT, "tryckt": "332 029"}, AGREEING, EXPLAINED)
    book = open_book("malmo", str(data_copy))
    text, _ = shown(page.summary_text(book))
    assert "Av dem som inte stämmer står en utan angiven orsak." in text
    assert "En av dem skiljer sig ändå från det boken använder." in text
    _, bundle = shown(page.deviations(book))
    assert lines_of(bundle)[0] == ("Budget, 2024", ["332\xa0029", "332\xa0028\xa0tkr", "+1\xa0tkr"],
                                   "Utan angiven orsak.")
    _, bundle = shown(page.every_figure(book))
    assert lines_of(bundle)[0][1][2] == "stämmer inte, utan angiven orsak"


def test_an_altered_figure_in_the_data_is_shown_too(data_copy):
    publish(data_copy, INPUT, AGREEING)
    path = data_copy / "kommuner" / "malmo" / "ekonomi.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("2024;sfb;", "2024;sfb;1"), encoding="utf-8")
    text, _ = shown(page.summary_text(open_book("malmo", str(data_copy))))
    assert "Den som inte stämmer står utan angiven orsak." in text


def test_no_deviation_and_no_contradiction_read_naturally(data_copy):
    publish(data_copy, AGREEING, INPUT)
    path = data_copy / "nationellt" / "motsagelser.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "malmo_2025" not in line) or lines[0], encoding="utf-8")
    if len(path.read_text(encoding="utf-8").splitlines()) == 1:
        path.write_text("".join(line.replace("malmo_2025", "ange_2023") for line in lines), encoding="utf-8")
    book = open_book("malmo", str(data_copy))
    with pytest.raises(MissingData):
        contradictions(book.municipality)
    texts = [shown(part(book))[0] for part in PARTS]
    assert texts[0].startswith("Alla 2 siffror som utredningen trycker stämmer med bokens underlag.")
    assert texts[2] == "Ingen tryckt siffra avviker från det som bokens underlag ger."
    assert texts[3] == "Det finns underlag för att räkna fram alla tryckta siffror."
    assert texts[4] == "Vi har inte funnit några uppgifter i utredningen som går emot varandra."
    assert texts[5] == "Vi har inte funnit några uppgifter som skiljer sig från de andra källornas."
    assert page.contradictions_sentence(book) == "Inga uppgifter som går emot varandra är funna."


@pytest.mark.parametrize("row, text", [
    (AGREEING, "Den enda siffra som utredningen trycker stämmer med bokens underlag."),
    (EXPLAINED, "Den enda siffra som utredningen trycker stämmer inte med bokens underlag."),
    (UNCOMPUTABLE, "Den enda siffra som utredningen trycker går inte att räkna fram."),
])
def test_a_single_figure(data_copy, row, text):
    publish(data_copy, row)
    book = open_book("malmo", str(data_copy))
    assert page.summary_sentence(book) == text
    assert "Visa den enda tryckta siffran" in shown(page.every_figure(book))[0]


def test_a_municipality_without_figures_has_no_sentence():
    assert page.summary_sentence(read_book("lund")) == ""


@pytest.mark.parametrize("slug", WITH_FIGURES)
def test_every_contradiction_stands_on_the_page_with_its_sources(slug):
    book = read_book(slug)
    frame = contradictions(book.municipality).frame
    assert len(frame)
    inside, between = shown(page.own_contradictions(book))[0], shown(page.contradictions_between(book))[0]
    for title, row in frame.iterrows():
        text = inside if row["kalla"] == row["kalla_2"] else between
        for words in (title, row["forsta_tryckt"], row["andra_tryckt"]):
            assert re.sub(r"\s+", " ", words).lower() in html.unescape(text).lower()
    for source in set(between and frame[frame["kalla"] != frame["kalla_2"]]["kalla_2"]):
        assert book.municipality.sources[source].title in between


def test_the_computed_side_of_a_contradiction_follows_from_the_printed_figures():
    """The lists hold numbers that no document prints; each must be what the document's own figures give."""
    ange, bjuv = read_book("ange").municipality, read_book("bjuv").municipality

    def sides(municipality):
        table = municipality.tables["motsagelser"].set_index("uppgift")
        return {title: (row["forsta_tal"], row["andra_tal"]) for title, row in table.iterrows()}

    hours, stated = stated_hours(ange).frame, sides(ange)
    assert round(hours.loc["timmar_per_manad", "i_veckan_timmar"]) == stated["Timmar i månaden och i veckan"][0]
    assert hours.loc["timmar_per_manad", "pa_aret_timmar"] == stated["Timmar i månaden och under året"][0]
    assert hours.loc["timmar_per_vecka", "pa_aret_timmar"] == pytest.approx(stated["Timmar i veckan och under året"][0])
    assert round(23000 * (489 - 324.50) / 1e6, 2) == stated["Nettokostnaden, om staten betalar schablonbeloppet"][1]
    assert round(23000 * (489 - 363.44) / 1e6, 2) == stated["Nettokostnaden, om staten betalar det höjda beloppet"][1]
    assert round(23 / 425 * 319.70, 1) == sides(bjuv)["Vilket års belopp merkostnaden är räknad med"][1]
    first = 8 * 20 * 365 / 7 * 332.60 / 1e6
    assert round(first, 2) == sides(bjuv)["Kostnaden för de första 20 timmarna hos kommunens bolag"][1]


def test_stated_hours_agree_with_themselves():
    frame = stated_hours(read_book("ange").municipality).frame
    for name, column in (("timmar", "pa_aret_timmar"), ("timmar_per_manad", "i_manaden_timmar"),
                         ("timmar_per_vecka", "i_veckan_timmar")):
        given = read_book("ange").municipality.tables["scenario"].set_index("indata").loc[name, "varde"]
        assert frame.loc[name, column] == pytest.approx(given)
    with pytest.raises(MissingData):
        stated_hours(read_book("lund").municipality)


def test_the_highest_payment_is_the_amount_and_twelve_percent():
    frame = highest_payment(read_book("lund").municipality).frame
    assert frame.loc[2023, "hogsta_kr_per_timme"] == pytest.approx(363.44)
    assert (frame["hogsta_kr_per_timme"] / frame["schablonbelopp_kr_per_timme"]).round(9).eq(1.12).all()


# --- What `check` says -----------------------------------------------------------------------------


@pytest.mark.parametrize("change, said", [
    ({"matt": "budget_outcom"}, ["måttet budget_outcom finns inte", "skriv ”budget_outcome”"]),
    ({"matt": "tabell:ekonomin"}, ["tabellen ekonomin finns inte"]),
    ({"matt": "parameter:schablon"}, ["parametern schablon finns inte"]),
    ({"nyckel": "1999"}, ["raden ”1999” finns inte"]),
    ({"varde": "nettokostnad"}, ["kolumnen ”nettokostnad” finns inte"]),
    ({"urval": "totalt/mer/annat"}, ["raden går inte att slå upp", "urval ”totalt/mer/annat”"]),
    ({"tryckt": "många"}, ["kolumn tryckt", "innehåller inget tal", "Står nu: ”många”"]),
    ({"matt": "", "urval": "", "nyckel": "", "varde": ""}, ["kolumn slag", "Står nu: ”beraknad”"]),
    ({"slag": "utan_underlag"}, ["kolumn slag", "slag och matt säger emot varandra"]),
    ({"slag": "utan_underlag", "matt": ""}, ["kolumn orsak", "skälet saknas"]),
])
def test_check_tells_of_a_row_that_cannot_be_used(data_copy, capsys, change, said):
    path = publish(data_copy, INPUT, {**AGREEING, **change})
    # The row told is the one that Excel shows, also below an empty one.
    path.write_text(path.read_text(encoding="utf-8").replace("\n", "\n;;;;;;;;;;;\n", 1), encoding="utf-8")
    assert cli.main(["check", "malmo", "--data", str(data_copy)]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if "publicerat" in line]
    assert len(told) == 1
    for words in ["data/kommuner/malmo/publicerat.csv, rad 4, ", "Nettokostnad, 2024 (Avsnitt A): ", "Väntat: ",
                  "Gör så här: ", *said]:
        assert words in told[0], told[0]


def test_check_tells_of_a_second_source_that_does_not_exist(data_copy, capsys):
    path = data_copy / "kommuner" / "bjuv" / "motsagelser.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(";bjuv_2023;", ";bjuv_2032;", 1), encoding="utf-8")
    assert cli.main(["check", "bjuv", "--data", str(data_copy)]) == 1
    told = capsys.readouterr().err
    assert "motsagelser.csv, rad 2, kolumn kalla_2: källan finns inte" in told and "skriv ”bjuv_2023”" in told


def test_build_stops_before_such_a_row(data_copy, capsys, tmp_path):
    publish(data_copy, {**AGREEING, "matt": "finns_inte"})
    assert cli.main(["build", "malmo", "--data", str(data_copy), "--out", str(tmp_path / "ut")]) == 1
    told = capsys.readouterr().err
    assert "måttet finns_inte finns inte" in told and "Webbplatsen byttes inte ut" in told
    assert not (tmp_path / "ut").exists()


@pytest.mark.parametrize("slug", list_municipalities(default_data_directory()))
def test_the_real_lists_can_be_looked_up(slug):
    assert figure_faults(read_book(slug).municipality, default_data_directory()) == []
