"""The road that a new municipality goes: a workbook filled with part of Malmö's figures gives that part of its book."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import DATA, built, edit
from every_chart import unpacked

from analysis import cli
from analysis.publish.manifest import read_manifest
from analysis.sources import load_municipality
from analysis.sources.schema import MUNICIPAL_TABLES, SOURCE_TABLE, fold, in_words
from analysis.sources.template import FIRST_ROW, HEADING_ROW

# What a municipality that has not commissioned an investigation can be expected to have.
FILLED = ("ekonomi", "brukare", "timmar", "floden", "engangsposter", "bidrag", "prognoser", "loner", "villkor")
# Chapters that build on those tables.
EXPECTED = {"kostnader", "sfb", "lss", "utforare"}
NAMES = (("Malmös", "Eslövs"), ("malmös", "eslövs"), ("Malmö", "Eslöv"), ("malmo", "eslov"))


@pytest.fixture(scope="module")
def books(tmp_path_factory, built_site) -> tuple[Path, Path]:
    """Malmö's book as it is, and Eslöv's from what the commands made of the same figures."""
    root = tmp_path_factory.mktemp("ny kommun på väg")
    data = Path(shutil.copytree(DATA, root / "data"))
    workbook = root / "eslov.xlsx"
    malmo = load_municipality("malmo")
    years = ["--fran", str(malmo.first_year), "--till", str(malmo.last_year)]
    assert cli.main(["new", "--namn", "Eslöv", *years, "--data", str(data), "--fil", str(workbook)]) == 0
    fill(workbook, malmo)
    assert cli.main(["import", str(workbook), "--data", str(data)]) == 0
    as_malmo(data, malmo)
    assert cli.main(["check", "eslov", "--data", str(data)]) == 0
    site = root / "sajt"
    built("eslov", "--data", str(data), "--out", str(site), "--dokument")
    return built_site / "malmo", site / "eslov"


def fill(path: Path, malmo) -> None:
    """Fill in a new workbook as a person does: over the years that stand there, and below."""
    workbook = openpyxl.load_workbook(path)
    used = set()
    for name in FILLED:
        spec, frame = MUNICIPAL_TABLES[name], malmo.tables[name]
        sheet = workbook[spec.sheet]
        positions = {fold(str(cell.value)): cell.column for cell in sheet[HEADING_ROW + 1] if cell.value}
        for column in spec.all_columns:
            # As Python's own numbers, which is what a workbook takes.
            for number, value in enumerate(frame[column.name].tolist(), start=FIRST_ROW + 1):
                if not pd.isna(value) and value != "":
                    cell = sheet.cell(number, positions[column.name])
                    cell.value = in_words(value) if column.allowed else value
        # The years of the parts that Malmö has no figures for stay as they were filled in, without figures.
        used |= set(frame["kalla"])
    sheet = workbook[SOURCE_TABLE.sheet]
    for number, id_ in enumerate(sorted(used), start=FIRST_ROW + 1):
        source = malmo.sources[id_]
        texts = (id_, source.title, source.publisher, source.date, source.document, source.link, source.note)
        for position, text in enumerate(texts, start=1):
            sheet.cell(number, position).value = text or None
    workbook.save(path)


def as_malmo(data: Path, malmo) -> None:
    """Give Eslöv what Malmö's card, and the national tables, say of Malmö."""
    card = data / "kommuner" / "eslov" / "kommun.yml"
    given = yaml.safe_load((data / "kommuner" / "malmo" / "kommun.yml").read_text(encoding="utf-8"))
    own = yaml.safe_load(card.read_text(encoding="utf-8"))
    same = {name: given[name] for name in ("namnd", "jamfor_med", "grannar", "sma_tal") if name in given}
    card.write_text(yaml.safe_dump(own | same, allow_unicode=True), encoding="utf-8")
    for path in (data / "nationellt").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, delimiter=";"))
        if "omrade" in rows[0]:
            place = rows[0].index("omrade")
            rows += [[*row[:place], own["omrade"], *row[place + 1 :]] for row in rows if row[place] == malmo.area]
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, delimiter=";", lineterminator="\n").writerows(rows)
    edit(data / "nationellt" / "driftformer.csv", f"\n{malmo.area};", f"\n{own['omrade']};")
    edit(data / "kallor.yml", f"utgivare: {malmo.area}", f"utgivare: {own['omrade']}")


# What Eslöv lacks, and what follows from that alone: whole pages, ...
LEFT_OUT = {
    "avstamning": "no investigation to reconcile with",
    "uppdrag": "no commission",
}
# ... pages that tell of the book itself, ...
ABOUT_THE_BOOK = {"tillkomst": "hashes and times", "underlag": "which tables there are", "search": "a form"}
# ... a page that puts the municipality's own investigation first, ...
OTHER_ORDER = {"driftformer": "Malmö's investigation is one among others"}
INVESTIGATIONS = {"cost", "consequences", "forms"}  # the downloads of that page, in another order too
# ... the section on what the investigation itself says, and sentences that speak of the reconciliation.
OWN_WORDS = "section[id^=vad-utredningen]"
RECONCILED = re.compile(r"[Aa]vstämning mot utredningen|siffror som utredningen trycker")


def neutral(text: str) -> str:
    """A text with blanks as one, and one name for the two municipalities."""
    for malmo, eslov in NAMES:
        text = text.replace(malmo, eslov)
    return " ".join(text.split())


def contents(page: Path) -> dict[str, list]:
    """What a page tells: its tables cell by cell, its charts' data and drawings, and its sentences."""
    article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article")
    # A term is explained where it first stands, which may be in a section that the other book lacks.
    for one in (*article.select("[popover]"), *article.select(OWN_WORDS)):
        one.decompose()
    found: dict[str, list] = {"charts": [], "drawings": [], "tables": [], "sentences": []}
    for script in article.select("script[type='application/json']"):
        found["charts"].append(json.loads(neutral(json.dumps(unpacked(script.extract().string), ensure_ascii=False))))
    for drawing in article.find_all("svg"):
        found["drawings"].append([neutral(text.get_text()) for text in drawing.extract().find_all("text")])
    for table in article.find_all("table"):
        rows = table.extract().find_all("tr")
        found["tables"].append([[neutral(cell.get_text(" ")) for cell in row.find_all(["th", "td"])] for row in rows])
    sentences = re.split(r"(?<=[.!?]) |\n", article.get_text(" ").replace("\u00a0", " "))
    found["sentences"] = [sentence for one in sentences if (sentence := neutral(one))]
    return found


def test_the_new_book_has_the_chapters_that_its_tables_give(books):
    malmo, eslov = ({chapter["name"] for chapter in read_manifest(book)["chapters"]} for book in books)
    assert malmo - eslov == set(LEFT_OUT) and eslov <= malmo
    assert eslov >= EXPECTED
    reasons = {one["name"]: one["reason"] for one in read_manifest(books[1])["left_out"]}
    assert "publicerat.csv" in reasons["avstamning"] and "uppdraget" in reasons["uppdrag"]


def test_its_pages_tell_what_malmos_tell(books):
    counts = dict.fromkeys(("charts", "drawings", "tables", "sentences"), 0)
    names = {path.stem for path in books[1].glob("*.html")} - set(ABOUT_THE_BOOK)
    for name in sorted(names):
        malmo, eslov = (contents(book / f"{name}.html") for book in books)
        if name in OTHER_ORDER:
            malmo, eslov = (sorted(re.findall(r"\w+", str(one))) for one in (malmo, eslov))
            assert malmo == eslov, name
            continue
        for kind in counts:
            same = [one for one in malmo[kind] if kind != "sentences" or not RECONCILED.search(one)]
            assert same == eslov[kind], (name, kind)
            counts[kind] += len(same)
    assert counts["charts"] > 20 and counts["tables"] > 30 and counts["sentences"] > 500


def test_its_downloads_are_malmos(books):
    malmo, eslov = (
        {path.name: neutral(path.read_text(encoding="utf-8-sig")) for path in (book / "tabeller").glob("*.csv")}
        for book in books
    )
    assert len(eslov) > 30 and eslov.keys() <= malmo.keys()
    differing = {name for name in eslov if eslov[name] != malmo[name]}
    assert {re.split("[-_]", name)[0] for name in differing} <= INVESTIGATIONS
    assert all(sorted(re.findall(r"\w+", malmo[name])) == sorted(re.findall(r"\w+", eslov[name])) for name in differing)
