"""`fetch`, against a server of this machine that speaks as Kolada does; every value that it gives is made up."""

from __future__ import annotations

import email.utils
import hashlib
import http.server
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml
from conftest import DATA, edit

from analysis import cli
from analysis.measures.comparison import cost_per_inhabitant, users_1_october_change
from analysis.measures.published import Resolver, judge
from analysis.measures.result import national_rows
from analysis.present.book import Book
from analysis.present.pages.volumes import october_sentences
from analysis.sources import DataError, fetch, load_municipality
from analysis.sources.kolada import Kolada, KoladaFault, Patience

PLAN = yaml.safe_load((DATA / "nationellt/kolada.yml").read_text(encoding="utf-8"))
MALMO, LUND, NATION, REGION = "1280", "1281", "0000", "0012"
SIMILAR, COUNTY = "G39001", "G33001"
QUICK = Patience(connect=2, read=2, attempts=3, first_wait=0)
SETTLED, UNSETTLED = "2000-01-01", "2999-01-01"
# Takes the handler and the page that it would give; returns the page to give, or None where it has answered itself.
Spoil = Callable[["FakeHandler", dict], "dict | None"]


@dataclass
class FakeKolada:
    """What the server knows and how it is to misbehave: a spoil is taken for each request that its path fits."""

    address: str = ""
    kpis: dict[str, dict] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    data: dict[tuple[str, str, int], list[dict]] = field(default_factory=dict)
    page_size: int = 5000
    spoils: list[tuple[str, Spoil]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def put(self, kpi: str, area: str, year: int, value: float | None, **more) -> None:
        """Let the server know a value, and, as Kolada does for some, the values of women and men."""
        both = {"gender": "T", "count": 1, "status": "", "value": value, "isdeleted": False, **more}
        women = {"gender": "K", "count": 1, "status": "", "value": -1.0, "isdeleted": False}
        self.data[kpi, area, year] = [women, both]

    def spoil(self, path: str, how: Spoil, times: int = 1) -> None:
        """Let the next answers on a path go wrong."""
        self.spoils += [(path, how)] * times

    def rows(self, parts: list[str]) -> list[dict] | None:
        """Return what an address asks for; None where it asks for what the API refuses."""
        if parts[0] == "municipality":
            return [
                {"id": id_, "title": title, "type": "L" if id_.startswith("00") else "K"}
                for id_, title in self.places.items()
            ]
        if parts[0] == "municipality_groups":
            return [
                {"id": id_, "title": title, "members": [{"member_id": MALMO, "member_title": "Malmö"}]}
                for id_, title in self.groups.items()
            ]
        lists = [part.split(",") for part in parts[1 if parts[0] == "kpi" else 2 :: 2]]
        if any(len(one) > 25 for one in lists):
            return None
        if parts[0] == "kpi":
            return [self.kpis[id_] for id_ in lists[0] if id_ in self.kpis]
        return [
            {"kpi": kpi, "municipality": area, "period": year, "values": values}
            for (kpi, area, year), values in self.data.items()
            if kpi in lists[0] and area in lists[1]
        ]


class FakeHandler(http.server.BaseHTTPRequestHandler):
    """Answers as API v3: pages of `values` with `count`, `next_url` and `previous_url`."""

    kolada: FakeKolada

    def do_GET(self):
        """Answer, or misbehave as the test asks."""
        kolada, address = self.kolada, urlsplit(self.path)
        kolada.asked.append(unquote(self.path))
        parts, query = address.path.removeprefix("/v3/").split("/"), parse_qs(address.query)
        size = min(int(query["per_page"][0]), kolada.page_size)
        number = int(query.get("page", ["1"])[0])
        rows = kolada.rows(parts)
        if rows is None or int(query["per_page"][0]) > 5000:
            self.answer(400, b'{"detail": "too long"}')
            return
        part = rows[(number - 1) * size : number * size]
        more = f"{kolada.address}/{'/'.join(parts)}?per_page={query['per_page'][0]}&page={number + 1}"
        page: dict | None = {
            "values": part,
            "count": len(part),
            "previous_url": None,
            "next_url": more if number * size < len(rows) else None,
        }
        for spoil in kolada.spoils:
            if spoil[0] in self.path:
                kolada.spoils.remove(spoil)
                page = spoil[1](self, page)
                break
        if page is not None:
            self.answer(200, json.dumps(page, ensure_ascii=False).encode())

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


def busy(status: int, **headers: str) -> Spoil:
    """Answer with a status of trouble."""
    return lambda handler, page: handler.answer(status, b"busy", **headers)


def cut(handler: FakeHandler, page: dict) -> None:
    """Promise more than is sent, and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b'{"values": [')


def slow(handler: FakeHandler, page: dict) -> None:
    """Say nothing for longer than anyone waits here."""
    time.sleep(0.6)
    handler.close_connection = True


def login(handler: FakeHandler, page: dict) -> None:
    """Answer as a network does that wants to know who asks."""
    handler.answer(200, b"<p>Logga in</p>")


def empty(handler: FakeHandler, page: dict) -> dict:
    """Give a page with nothing on it."""
    return {**page, "values": [], "count": 0}


def changed(**fields) -> Spoil:
    """Give a page with other fields."""
    return lambda handler, page: {**page, **fields}


@pytest.fixture
def kolada(monkeypatch) -> Iterator[FakeKolada]:
    """A server that knows every key figure of the plan for Malmö, Lund, the nation, the region and two groups."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fake = FakeKolada()
    handler = type("Handler", (FakeHandler,), {"kolada": fake})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    fake.address = f"http://127.0.0.1:{server.server_port}/v3"
    fake.places = {NATION: "Riket", REGION: "Region Skåne", MALMO: "Malmö", LUND: "Lund", "1480": "Göteborg"}
    fake.groups = {
        "G1": "Liknande kommuner LSS, Malmö, 2022",
        SIMILAR: "Liknande kommuner LSS, Malmö, 2024",
        "G3": "Liknande kommuner, övergripande, Malmö, 2025",
        "G4": "Liknande kommuner LSS, Malmöhus, 2025",
        COUNTY: "Skåne läns kommuner (ovägt medel)",
    }
    for number, (id_, kpi) in enumerate(PLAN["nyckeltal"].items(), start=1):
        fake.kpis[id_] = {
            "id": id_,
            "title": kpi["titel"],
            "publ_period": "2025",
            "publication_date": SETTLED,
            "prel_publication_date": None,
        }
        for place, area in enumerate((MALMO, LUND, NATION, REGION, SIMILAR, COUNTY, "1480"), start=1):
            for year in (2010, 2024, 2025):
                fake.put(id_, area, year, number * 1000.0 + place * 100 + year - 2000)
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(kolada, data_copy):
    """Fetch into a copy of the data; what was told lies in `run.told` and the waits in `run.waits`."""

    def fetch_now(*slugs: str, patience: Patience = QUICK) -> fetch.Outcome:
        return fetch.fetch(
            slugs or ("malmo",),
            data_copy,
            address=kolada.address,
            patience=patience,
            sleep=fetch_now.waits.append,
            tell=fetch_now.told.append,
        )

    fetch_now.told, fetch_now.waits, fetch_now.data = [], [], data_copy
    return fetch_now


def files(data: Path) -> dict[str, bytes]:
    """Return everything that lies in a folder."""
    return {path.relative_to(data).as_posix(): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def table(data: Path, name: str) -> list[str]:
    """Return the lines of a fetched table."""
    return (data / f"nationellt/kolada/{name}.csv").read_text(encoding="utf-8").splitlines()


def line(data: Path, name: str, start: str) -> str:
    """Return the one line of a fetched table that starts so."""
    (found,) = [one for one in table(data, name) if one.startswith(start)]
    return found


# --- What is written ----------------------------------------------------------------------------


def test_what_is_fetched_becomes_tables_with_source_and_status(run, kolada):
    kolada.kpis["N28008"]["publication_date"] = UNSETTLED
    run()
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert line(run.data, "kostnad_per_invanare", "2025;Malmö") == (
        f"2025;Malmö;1125;;kolada_n28008;Hämtat {today};preliminar"
    )
    assert line(run.data, "kostnad_per_invanare", "2024;Malmö").endswith(f";kolada_n28008;Hämtat {today};")
    assert line(run.data, "brukare_1_oktober", "2025;lss;Riket") == f"2025;lss;Riket;2325;kolada_n28805;Hämtat {today};"
    assert line(run.data, "lss_utjamning", "2025;beslut;Region Skåne").startswith("2025;beslut;Region Skåne;6425;")
    assert line(run.data, "timmar_per_vecka", "2025;Liknande kommuner LSS, Malmö;") == (
        "2025;Liknande kommuner LSS, Malmö;4525;kolada_n28821;"
        f"Hämtat {today}, ovägt medelvärde för gruppen Liknande kommuner LSS, Malmö, 2024 ({SIMILAR});"
    )
    assert not [one for one in table(run.data, "timmar_per_vecka") if one.startswith("2010")]  # before fran_ar


def test_counts_are_not_fetched_for_groups(run, kolada):
    run()
    assert not [one for one in table(run.data, "befolkning") if "kommuner" in one]
    assert [one for one in table(run.data, "kostnad_per_invanare") if "Skåne läns kommuner (ovägt medel)" in one]
    counts = [one for one in kolada.asked if "/data/" in one and "N01951" in one]
    assert counts and not [one for one in counts if SIMILAR in one]


def test_municipalities_compared_with_are_fetched_too(run):
    run()
    assert line(run.data, "brukare_december", "2025;Lund;").startswith("2025;Lund;3225;")


def test_a_book_is_read_without_a_server_from_what_was_fetched(run):
    run()
    malmo = load_municipality("malmo", run.data)
    assert national_rows(malmo, "befolkning", omrade="Malmö", ar=2025)["invanare_antal"].tolist() == [7125]
    assert national_rows(malmo, "brukare_december", omrade="Malmö")["antal"].tolist() == [3124, 3125]
    costs = cost_per_inhabitant(malmo).frame
    assert costs.loc[2025, "Malmö"] == 1125
    assert costs.loc[2024, "Malmö"] == 1285  # the document's


def test_a_document_and_kolada_that_differ_are_told_and_each_book_keeps_to_one(run):
    notes = run("malmo", "lund").notes
    (told,) = [one for one in notes if one.startswith("Kostnad för personlig assistans per invånare:")]
    assert "2024 Malmö: 1285 i underlaget (malmo_2025), 1124 hos Kolada" in told
    for slug, cost in (("malmo", 1285), ("lund", 1124)):
        municipality = load_municipality(slug, run.data)
        frame = municipality.national["kostnad_per_invanare"]
        assert not frame.duplicated(["ar", "omrade"]).any() and frame.attrs["table"]
        assert national_rows(municipality, "kostnad_per_invanare", omrade="Malmö", ar=2024).iloc[0, 2] == cost
        # What Kolada was not asked for stands as before.
        skane = national_rows(municipality, "kostnad_per_invanare", omrade="Skåne")
        assert skane["kalla"].unique() == ["malmo_2025"] and len(skane) == 5
    assert (run.data / "nationellt/kostnad_per_invanare.csv").read_bytes() == (
        DATA / "nationellt/kostnad_per_invanare.csv"
    ).read_bytes()


@pytest.mark.parametrize("slug", ["malmo", "bjuv", "huddinge", "ange"])
def test_every_printed_figure_is_judged_as_before(run, kolada, slug):
    for kpi, area, year in list(kolada.data):
        kolada.data[kpi, area, 2018] = kolada.data[kpi, area, year]
    before = reconciled(load_municipality(slug, run.data))
    for card in (run.data / "kommuner").glob("*/kommun.yml"):
        content = yaml.safe_load(card.read_text(encoding="utf-8"))
        kolada.places[content["kod"]] = content["namn"]
    run("malmo", slug)
    assert before
    assert reconciled(load_municipality(slug, run.data)) == before


def reconciled(municipality) -> list:
    """Return how each figure that the municipality's document prints is judged."""
    resolver = Resolver(municipality)
    return [judge(resolver, row) for _, row in municipality.tables["publicerat"].iterrows()]


def test_years_that_some_areas_lack_do_not_disturb_the_others(run, kolada):
    kolada.put("N28805", NATION, 2018, 500.0)
    kolada.put("N28805", MALMO, 2019, 100.0)
    run()
    malmo = load_municipality("malmo", run.data)
    index = users_1_october_change(malmo, "lss").frame
    assert index.index[0] == 2020 and (index.loc[2020] == 100).all() and index["Skåne"].notna().sum() == 5
    own, *others = october_sentences(Book(malmo, run.data), "lss")
    assert own.replace("\u00a0", " ").startswith(
        "Mellan den 1 oktober 2019 och 2025 ökade antalet brukare i Malmö med 2 025 personer"
    )
    assert not others  # neither the nation nor the others have both years


def test_a_figure_given_at_first_hand_stands(run, kolada):
    kolada.put("N01951", NATION, 2021, 3.0)
    run()
    people = national_rows(load_municipality("lund", run.data), "befolkning", omrade="Riket", ar=2021)
    assert people["invanare_antal"].tolist() == [10452326]


@pytest.mark.parametrize(
    ("kpi", "marked"),
    [
        ({"publ_period": "2025", "publication_date": SETTLED}, []),
        ({"publ_period": "2025", "publication_date": UNSETTLED}, ["2025"]),
        ({"publ_period": "2024", "publication_date": SETTLED}, ["2025"]),
        ({"publ_period": "2026", "publication_date": UNSETTLED}, []),
    ],
    ids=["settled", "not yet", "later year", "earlier year"],
)
def test_a_year_is_preliminary_until_kolada_says_that_it_is_settled(run, kolada, kpi, marked):
    kolada.kpis["N28008"] |= kpi
    run()
    found = {one[:4] for one in table(run.data, "kostnad_per_invanare") if one.endswith(";preliminar")}
    assert found == set(marked)


def test_where_kolada_does_not_say_when_a_year_is_settled_the_last_is_preliminary(run, kolada):
    kolada.kpis["N28008"] |= {"publ_period": None, "publication_date": "snart"}
    last = time.gmtime().tm_year - 1
    kolada.put("N28008", MALMO, last, 5.5)
    outcome = run()
    assert line(run.data, "kostnad_per_invanare", f"{last};Malmö;5,5;").endswith(";preliminar")
    assert line(run.data, "kostnad_per_invanare", "2024;Malmö").endswith(";")
    assert any("N28008 fastställs" in note for note in outcome.notes)


# --- What is kept -------------------------------------------------------------------------------


def test_every_answer_is_kept_as_it_came_with_its_time_and_hash(run, kolada):
    run()
    (path,) = (run.data / "nationellt/kolada/svar").iterdir()
    with zipfile.ZipFile(path) as archive:
        listing = json.loads(archive.read("hamtning.json"))
        assert len(listing["svar"]) == len(kolada.asked)
        for entry in listing["svar"]:
            assert hashlib.sha256(archive.read(entry["fil"])).hexdigest() == entry["sha256"]
            assert entry["hamtat"][:4].isdigit() and entry["fraga"].startswith(kolada.address)
        assert json.loads(archive.read("001.json"))["values"][0]["id"] == "N28008"


def test_the_tables_can_be_written_anew_offline_from_what_is_kept(run, kolada):
    run()
    kolada.put("N28008", MALMO, 2025, 99.0)
    before, asked = files(run.data), len(kolada.asked)
    for path in (run.data / "nationellt/kolada").glob("*.csv"):
        path.unlink()
    assert cli.main(["fetch", "--offline", "--data", str(run.data)]) == 0
    assert files(run.data) == before and len(kolada.asked) == asked


def test_an_answer_that_was_altered_is_refused(run, capsys):
    run()
    (path,) = (run.data / "nationellt/kolada/svar").iterdir()
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    altered = [name for name, body in content.items() if b"1125.0" in body]
    content[altered[0]] = content[altered[0]].replace(b"1125.0", b"1126.0")
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in content.items():
            archive.writestr(name, body)
    assert cli.main(["fetch", "--offline", "--data", str(run.data)]) == 1
    assert f"svaret {altered[0]} har ändrats sedan det hämtades" in capsys.readouterr().err
    path.write_bytes(b"no archive")
    assert cli.main(["fetch", "--offline", "--data", str(run.data)]) == 1
    assert "ingen hämtning som går att läsa" in capsys.readouterr().err


def test_a_fetch_for_one_municipality_leaves_what_was_fetched_for_another(run, kolada):
    kolada.groups["G9"] = "Liknande kommuner LSS, Lund, 2024"
    for year in (2024, 2025):
        kolada.put("N28008", "G9", year, 7.0)
    run("lund")
    kolada.put("N28008", NATION, 2025, 50.0)
    run("malmo")
    assert line(run.data, "kostnad_per_invanare", "2025;Liknande kommuner LSS, Lund;7;")
    assert line(run.data, "kostnad_per_invanare", "2025;Riket;50;")
    assert len(list((run.data / "nationellt/kolada/svar").iterdir())) == 2


# --- What changed -------------------------------------------------------------------------------


def test_a_second_fetch_tells_what_changed(run, kolada):
    kolada.kpis["N28008"]["publication_date"] = UNSETTLED
    first = run().changes
    assert "Kostnad för personlig assistans per invånare: 14 rader." in first
    kolada.kpis["N28008"]["publication_date"] = SETTLED
    kolada.put("N28008", MALMO, 2025, 1130.25)
    kolada.put("N28008", LUND, 2025, 1225.0, isdeleted=True)
    kolada.put("N28008", LUND, 2026, 1226.0)
    kolada.kpis["N28008"]["publ_period"] = "2026"
    lines = run().changes
    start = lines.index("Kostnad för personlig assistans per invånare: 1 nya rader, 6 ändrade, 1 borta.")
    assert "  2025 Malmö: 1125 (preliminär) → 1130,25" in lines[start:]
    assert "  2025 Riket: 1325 (preliminär) → 1325" in lines[start:]
    assert "  2025 Lund: 1225 (preliminär) är borta" in lines[start:]
    assert "Folkmängd den 31 december: oförändrad." in lines


def test_many_changes_are_told_in_short(run, kolada):
    run()
    for year in (2024, 2025):
        for area in (MALMO, LUND, NATION, REGION, SIMILAR, COUNTY):
            kolada.put("N28008", area, year, 1.0)
    lines = run().changes
    assert "  och 2 till" in lines and len([one for one in lines if "→" in one]) == 10


# --- Faults that pass ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/kpi/N", "/municipality?", "/municipality_groups", "/data/"])
@pytest.mark.parametrize(
    "how",
    [busy(429), busy(503), busy(500), cut, changed(values="x"), login],
    ids=["429", "503", "500", "cut", "shape", "login"],
)
def test_a_fault_that_stays_changes_nothing(run, kolada, path, how):
    before = files(run.data)
    kolada.spoil(path, how, times=50)
    with pytest.raises(KoladaFault):
        run()
    assert files(run.data) == before
    assert len(kolada.asked) <= 3 + QUICK.attempts


@pytest.mark.parametrize(
    "how",
    [busy(429), busy(503), cut, lambda handler, page: handler.answer(200, b'{"values": [')],
    ids=["429", "503", "cut", "cut without a word"],
)
@pytest.mark.parametrize("path", ["/kpi/N", "/data/"])
def test_a_fault_that_passes_is_waited_out(run, kolada, data_copy, path, how):
    run()
    whole = {name: body for name, body in files(run.data).items() if name.endswith(".csv")}
    kolada.spoil(path, how, times=2)
    run(patience=Patience(read=2, attempts=3, first_wait=1))
    assert run.waits == [1, 2]
    assert {name: body for name, body in files(run.data).items() if name.endswith(".csv")} == whole
    assert [one for one in run.told if "Nytt försök om 2 s" in one]


def test_the_wait_that_the_server_asks_for_is_kept(run, kolada):
    kolada.spoil("/data/", busy(429, Retry_After="7"))
    kolada.spoil("/data/", busy(503, Retry_After=email.utils.formatdate(time.time() + 30, usegmt=True)))
    run()
    assert run.waits[0] == 7 and 20 < run.waits[1] <= 30


def test_a_wait_that_is_too_long_is_told_instead(run, kolada):
    kolada.spoil("/data/", busy(429, Retry_After="3600"))
    with pytest.raises(KoladaFault, match="60 minuters paus"):
        run()
    assert not run.waits


def test_a_slow_answer_is_not_waited_for_for_ever(run, kolada):
    kolada.spoil("/data/", slow, times=3)
    with pytest.raises(KoladaFault, match=r"svarade inte i tid.*prövades 3 gånger"):
        run(patience=Patience(read=0.1, attempts=3, first_wait=0))


def test_without_network_there_is_one_line_and_no_traceback(run, data_copy, monkeypatch, capsys):
    monkeypatch.setattr(fetch, "Patience", lambda: QUICK)
    before = files(data_copy)
    assert cli.main(["fetch", "malmo", "--data", str(data_copy), "--api", "http://127.0.0.1:9/v3"]) == 1
    said = capsys.readouterr()
    assert "Kontrollera att datorn har nät" in said.err and "Tabellerna är som förut." in said.err
    assert "Traceback" not in said.err + said.out
    assert files(data_copy) == before


# --- Parts that do not come ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 7])
def test_every_page_is_followed(run, kolada, size):
    run()
    whole = {name: body for name, body in files(run.data).items() if name.endswith(".csv")}
    kolada.page_size = size
    asked = len(kolada.asked)
    assert all(one.endswith("oförändrad.") for one in run().changes)
    assert {name: body for name, body in files(run.data).items() if name.endswith(".csv")} == whole
    assert len(kolada.asked) > 2 * asked


def test_no_list_is_longer_than_the_api_takes(run, kolada):
    names = [f"Kommun {number}" for number in range(60)]
    edit(run.data / "kommuner/malmo/kommun.yml", "jamfor_med: [Riket, Skåne, Göteborg, Lund]", f"jamfor_med: {names}")
    for number, name in enumerate(names):
        kolada.places[f"9{number:03d}"] = name
        for id_ in PLAN["nyckeltal"]:
            kolada.put(id_, f"9{number:03d}", 2025, number + 1.0)
    run()
    assert line(run.data, "kostnad_per_invanare", "2025;Kommun 59;60;")
    assert len([one for one in table(run.data, "befolkning") if ";Kommun " in one and one.startswith("2025")]) == 60


def test_an_empty_page_in_the_middle_is_asked_for_again(run, kolada):
    run()
    whole = table(run.data, "kostnad_per_invanare")
    kolada.page_size = 10
    kolada.spoil("page=2", empty, times=1)
    run()
    assert table(run.data, "kostnad_per_invanare") == whole


def test_an_empty_page_that_stays_empty_is_refused(run, kolada):
    kolada.page_size = 10
    kolada.spoil("/data/", lambda handler, page: page)
    kolada.spoil("page=2", empty, times=2)
    with pytest.raises(KoladaFault, match="tom sida mitt i svaret"):
        run()


def test_an_empty_last_page_is_the_end(run, kolada):
    after = f"{kolada.address}/municipality?per_page=5000&page=2"
    kolada.spoil("/municipality?", changed(next_url=after))
    run()
    assert line(run.data, "befolkning", "2025;Malmö;")


def test_an_answer_shorter_than_it_says_is_refused(run, kolada):
    kolada.spoil("/data/", lambda handler, page: {**page, "values": page["values"][:-1], "count": len(page["values"])})
    with pytest.raises(KoladaFault, match=r"uppger \d+ rader, men \d+ kom"):
        run()


def test_a_count_of_all_pages_is_as_good_as_one_of_the_page(run, kolada):
    kolada.page_size = 3
    kolada.spoil("/municipality?", changed(count=len(kolada.places)), times=2)
    run()
    assert line(run.data, "befolkning", "2025;Malmö;")


@pytest.mark.parametrize(
    ("following", "said"), [("http://elsewhere.invalid/v3/x?page=2", "annan server"), (None, "ring")]
)
def test_a_next_page_elsewhere_or_in_a_ring_is_refused(run, kolada, following, said):
    here = following or f"{kolada.address}/municipality?per_page=5000"
    kolada.spoil("/municipality?", changed(next_url=here), times=3)
    with pytest.raises(KoladaFault, match=said):
        run()


def test_areas_missing_from_an_answer_are_asked_for_once_more(run, kolada):
    def without_malmo(handler, page):
        left = [row for row in page["values"] if row["municipality"] != MALMO]
        return {**page, "values": left, "count": len(left)}

    kolada.spoil("/data/", without_malmo, times=2)
    notes = run().notes
    assert line(run.data, "kostnad_per_invanare", "2025;Malmö;1125;")
    assert "N28008: 1 område fattades i Koladas första svar men kom i ett andra." in notes


def test_a_municipality_without_values_is_told(run, kolada):
    kolada.data = {key: values for key, values in kolada.data.items() if key[:2] != ("N28821", MALMO)}
    notes = run().notes
    assert "Malmö: Kolada har inga värden för N28821." in notes
    assert line(run.data, "timmar_per_vecka", "2025;Lund;")


def test_a_municipality_that_had_values_and_now_has_no_rows_is_refused(run, kolada):
    run()
    before = files(run.data)
    kolada.data = {key: values for key, values in kolada.data.items() if key[:2] != ("N28821", MALMO)}
    with pytest.raises(KoladaFault, match="N28821 för Malmö"):
        run()
    assert files(run.data) == before


def test_a_key_figure_without_any_row_is_refused(run, kolada):
    kolada.data = {key: values for key, values in kolada.data.items() if key[0] != "N28821"}
    with pytest.raises(KoladaFault, match="inga rader alls för N28821"):
        run()


def test_values_that_are_deleted_or_missing_are_left_out_and_told(run, kolada):
    kolada.put("N28805", MALMO, 2025, 12.0, isdeleted=True)
    kolada.put("N28805", LUND, 2025, None, status="Missing")
    notes = run().notes
    left = [one for one in table(run.data, "brukare_1_oktober") if one.startswith("2025")]
    assert left and not [one for one in left if ";Malmö;" in one or ";Lund;" in one]
    assert "Strukna av Kolada, och därför inte med: 1." in notes
    assert "Värden som saknas hos Kolada: 1 (Missing: 1)." in notes


def test_a_deleted_value_beside_a_living_one_is_no_contradiction(run, kolada):
    living = kolada.data["N28008", MALMO, 2025]
    kolada.data["N28008", MALMO, 2025] = [{**living[1], "value": 3.0, "isdeleted": True}, *living]
    run()
    assert line(run.data, "kostnad_per_invanare", "2025;Malmö;1125;")


def test_a_mark_that_is_not_known_is_told(run, kolada):
    kolada.put("N28008", MALMO, 2025, 12.0, status="Estimated")
    kolada.put("N28008", LUND, 2025, 13.0, status="Preliminary")
    notes = run().notes
    assert any("märkning ”Estimated”" in one for one in notes) and not any("Preliminary" in one for one in notes)
    assert line(run.data, "kostnad_per_invanare", "2025;Lund;13;").endswith(";preliminar")


@pytest.mark.parametrize("values", [None, [{"gender": "T", "value": "12"}], [{"gender": "T"}], ["x"]])
def test_a_row_of_another_shape_is_refused(run, kolada, values):
    kolada.data["N28008", MALMO, 2025] = values
    with pytest.raises(KoladaFault, match="inte den form"):
        run()


def test_two_values_for_the_same_thing_are_refused(run, kolada):
    kolada.data["N28008", MALMO, 2025] *= 2
    run()  # the same twice is no contradiction
    kolada.data["N28008", MALMO, 2025] = [{"gender": "T", "value": 1.0}, {"gender": "T", "value": 2.0}]
    with pytest.raises(KoladaFault, match="två olika värden för N28008"):
        run()


def test_a_count_that_is_no_whole_number_is_refused(run, kolada):
    kolada.put("N28805", NATION, 2025, 47.3)
    before = files(run.data)
    with pytest.raises(DataError, match=r"2025;lss;Riket;47,3.*ett heltal"):
        run()
    assert files(run.data) == before


# --- What is not what it was --------------------------------------------------------------------


def test_a_key_figure_with_another_title_or_none_is_refused(run, kolada):
    kolada.kpis["N28008"]["title"] = "Kostnad personlig assistans, kr/inv 0-64 år"
    del kolada.kpis["N28821"]
    with pytest.raises(KoladaFault) as caught:
        run()
    assert "heter nu ”Kostnad personlig assistans, kr/inv 0-64 år”" in str(caught.value)
    assert "N28821" in str(caught.value) and "finns inte längre hos Kolada" in str(caught.value)
    assert not [one for one in kolada.asked if "/data/" in one]


def test_blanks_in_a_title_do_not_matter(run, kolada):
    kolada.kpis["N28008"]["title"] = kolada.kpis["N28008"]["title"].replace(" ", "  ") + " "
    run()


@pytest.mark.parametrize(
    ("places", "said"), [({MALMO: "Malmöhus"}, "skriv omrade: Malmöhus"), ({}, "Kolada har ingen kommun med koden")]
)
def test_a_code_that_is_not_the_municipalitys_is_refused(run, kolada, places, said):
    del kolada.places[MALMO]
    kolada.places |= places
    with pytest.raises(DataError) as caught:
        run()
    assert said in str(caught.value) and "data/kommuner/malmo/kommun.yml, fältet kod" in str(caught.value)


def test_a_list_without_the_nation_is_refused(run, kolada):
    del kolada.places[NATION]
    with pytest.raises(KoladaFault, match="Riket finns inte bland Koladas områden"):
        run()


def test_a_municipality_without_its_group_gets_the_next(run, kolada):
    kolada.groups = {"G3": "Liknande kommuner, övergripande, Malmö, 2025"}
    for year in (2024, 2025):
        kolada.put("N28008", "G3", year, 8.0)
    notes = run().notes
    assert line(run.data, "kostnad_per_invanare", "2025;Liknande kommuner, övergripande, Malmö;8;")
    assert (
        "Malmö: gruppen ”Liknande kommuner LSS, Malmö” finns inte, så ”Liknande kommuner, övergripande, Malmö” "
        "används i stället."
    ) in notes
    assert "Malmö: gruppen ”Skåne läns kommuner (ovägt medel)” finns inte hos Kolada." in notes


# --- What the analyst can do wrong --------------------------------------------------------------


def test_nothing_is_half_written_where_a_file_cannot_be_swapped(run, kolada, monkeypatch, capsys):
    run()
    before = files(run.data)
    kolada.put("N28008", MALMO, 2025, 1.0)
    kolada.put("N01951", MALMO, 2025, 1.0)
    swap, swapped = os.replace, []

    def open_in_excel(source, target):
        if Path(target).name == "befolkning.csv":
            raise PermissionError(13, "Permission denied", str(target))
        swapped.append(target)
        swap(source, target)

    monkeypatch.setattr(os, "replace", open_in_excel)
    assert cli.main(["fetch", "malmo", "--data", str(run.data), "--api", kolada.address]) == 1
    assert swapped and files(run.data) == before
    assert "befolkning.csv: filen är öppen" in capsys.readouterr().err


def test_an_interrupt_leaves_everything_as_it_was(run, kolada, monkeypatch, capsys):
    before = files(run.data)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Kolada, "rows", interrupt)
    assert cli.main(["fetch", "malmo", "--data", str(run.data), "--api", kolada.address]) == 130
    assert "Avbrutet" in capsys.readouterr().err and files(run.data) == before


def test_the_command_tells_what_it_did(run, kolada, capsys):
    assert cli.main(["fetch", "malmo", "--data", str(run.data), "--api", kolada.address]) == 0
    said = capsys.readouterr().out
    assert "Kostnad för personlig assistans per invånare: 14 rader." in said
    assert "Att veta: " in said and "Klart." in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tabell: befolkning", "tabell: hemtjanst", "N01951.tabell"),
        ("kolumn: invanare_antal", "kolumn: omrade", "N01951.kolumn"),
        ("rad: {slag: utfall}", "rad: {slag: x}", "N03064.rad"),
        ("rad: {verksamhet: lss}", "rad: {}", "N28805.rad"),
        ("kalla: kolada_n28821", "kalla: kolada", "N28821.kalla"),
        ("titel: Invånare totalt, antal", "titel:", "N01951.titel"),
        ("fran_ar: 2015", "fran_ar: tidigt", "fran_ar"),
    ],
)
def test_a_fault_in_the_plan_is_told(run, old, new, said):
    edit(run.data / "nationellt/kolada.yml", old, new)
    with pytest.raises(DataError) as caught:
        run()
    assert f"data/nationellt/kolada.yml, fältet {'' if said == 'fran_ar' else 'nyckeltal.'}{said}" in str(caught.value)


def test_municipalities_that_are_not_there_and_cards_at_fault_are_told(run):
    edit(run.data / "kommuner/malmo/kommun.yml", 'kod: "1280"', 'kod: "128"')
    with pytest.raises(DataError) as caught:
        run("malmo", "lunnd")
    assert "skriv ”lund”" in str(caught.value) and "ingen kommunkod" in str(caught.value)


@pytest.mark.parametrize("address", ["api.kolada.se", "ftp://api.kolada.se", "http://"])
def test_an_address_that_is_none_is_told(address):
    with pytest.raises(KoladaFault, match="ingen adress"):
        Kolada(address, patience=QUICK)


def test_offline_without_anything_kept_is_told(data_copy, capsys):
    assert cli.main(["fetch", "--offline", "--data", str(data_copy)]) == 1
    assert "inget är hämtat ännu" in capsys.readouterr().err


def test_a_key_figure_added_after_the_fetch_is_told_offline(run, kolada):
    text = (run.data / "nationellt/kolada.yml").read_text(encoding="utf-8")
    start = text.index("  N01951:")
    (run.data / "nationellt/kolada.yml").write_text(text[:start], encoding="utf-8")
    run()
    (run.data / "nationellt/kolada.yml").write_text(text, encoding="utf-8")
    assert "Malmö: N01951 är inte hämtat. Kör fetch igen." in fetch.rebuild(["malmo"], run.data).notes


# --- What a server should never do --------------------------------------------------------------


@pytest.mark.parametrize("wait", ["²", "9" * 400, "Mon, 01 Jan 2024 00:00:00 +99999999999999999999", "-5"])
def test_a_wait_that_makes_no_sense_gives_no_traceback(run, kolada, capsys, wait):
    kolada.spoil("/data/", lambda handler, page: handler.answer(429, b"busy", Retry_After=wait))
    try:
        run()
    except KoladaFault as fault:
        assert "mer än ett dygn" in str(fault) and wait.isascii() and wait.isdigit()
    else:
        assert line(run.data, "befolkning", "2025;Malmö;")


@pytest.mark.parametrize(
    "following", ["http://[bad", 5, True, {"page": 2}], ids=["no address", "number", "truth", "object"]
)
def test_a_next_page_without_an_address_is_refused(run, kolada, following):
    kolada.spoil("/municipality?", changed(next_url=following))
    with pytest.raises(KoladaFault, match="nästa sida"):
        run()


def moved(address: str) -> Spoil:
    """Answer that what is asked for lies elsewhere."""
    return lambda handler, page: handler.answer(302, b"", Location=address)


@pytest.mark.parametrize("address", ["http://[bad", f"http://{'a' * 70}.invalid/", "file:///v3"])
def test_an_answer_that_sends_on_to_no_address_is_refused(run, kolada, address):
    before = files(run.data)
    kolada.spoil("/municipality?", moved(address), times=9)
    with pytest.raises(KoladaFault):
        run()
    assert files(run.data) == before


def test_an_answer_from_another_server_is_not_koladas(run, kolada):
    kolada.spoil("/municipality?", moved(f"{kolada.address.replace('127.0.0.1', 'localhost')}/municipality?per_page=9"))
    with pytest.raises(KoladaFault, match=r"annan server.*localhost"):
        run()


def test_what_is_gone_from_kolada_is_told_as_that(run, kolada):
    kolada.spoil("/kpi/N", busy(404))
    with pytest.raises(KoladaFault, match=r"svarade 404.*tagits bort hos Kolada.*kolada\.yml"):
        run()


def test_a_server_that_drips_is_not_listened_to_for_ever(run, kolada):
    def drip(handler, page):
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b" ")

    over = threading.Event()
    kolada.spoil("/data/", drip, times=2)
    try:
        with pytest.raises(KoladaFault, match=r"svarade inte i tid.*prövades 2 gånger"):
            run(patience=Patience(read=10, whole=0.3, attempts=2, first_wait=0))
    finally:
        over.set()


def test_an_answer_without_end_is_refused(run, kolada, monkeypatch):
    monkeypatch.setattr("analysis.sources.kolada.LARGEST_ANSWER", 100_000)
    kolada.spoil("/data/", lambda handler, page: {**page, "more": "x" * 200_000})
    with pytest.raises(KoladaFault, match="större än"):
        run()


def test_a_first_page_that_slips_is_asked_for_again(run, kolada):
    run()
    whole = table(run.data, "kostnad_per_invanare")
    kolada.page_size = 10
    kolada.spoil("/data/kpi/N28008", empty)
    run()
    assert table(run.data, "kostnad_per_invanare") == whole


@pytest.mark.parametrize("empties", [("per_page=5000",), ("page=2", "page=3")], ids=["the first", "two in a row"])
def test_pages_that_stay_empty_before_others_are_refused(run, kolada, empties):
    kolada.page_size = 10

    def spoil(handler, page):
        here = handler.path.endswith(empties) and "/data/kpi/N28008" in handler.path
        return empty(handler, page) if here else page

    kolada.spoil("/data/", spoil, times=50)
    with pytest.raises(KoladaFault, match="tom sida mitt i svaret"):
        run()


def test_the_same_page_over_and_over_is_a_ring(run, kolada):
    def again(handler, page):
        return {**page, "next_url": f"{kolada.address}/municipality?per_page=5000&x={len(kolada.asked)}"}

    kolada.spoil("/municipality?", again, times=50)
    with pytest.raises(KoladaFault, match="ring"):
        run()
    assert len(kolada.asked) < 10


def test_a_year_that_no_one_can_read_is_refused(run, kolada):
    kolada.kpis["N28008"]["publ_period"] = "²"
    run()
    kolada.data["N28008", MALMO, "202²"] = kolada.data["N28008", MALMO, 2025]
    with pytest.raises(KoladaFault, match="inte den form"):
        run()


def test_a_negative_zero_is_zero(run, kolada):
    kolada.put("N03064", MALMO, 2025, -0.0)
    run()
    assert line(run.data, "lss_utjamning", "2025;utfall;Malmö;").startswith("2025;utfall;Malmö;0;")


# --- Everything asked for is there, or told as missing -------------------------------------------


def test_every_year_without_a_value_is_told_with_its_reason(run, kolada):
    for year in (2022, 2023):
        kolada.put("N28008", NATION, year, 5.0)
    kolada.put("N28008", MALMO, 2022, 9.0, isdeleted=True)
    kolada.put("N28008", MALMO, 2023, None, status="Missing")
    kolada.data["N28008", MALMO, 2024] = [{"gender": "K", "value": 1.0}, {"gender": "M", "value": 1.0}]
    del kolada.data["N28805", MALMO, 2024]
    notes = run().notes
    assert (
        "Malmö saknar värden hos Kolada: N28008 2022 (struket), 2023 (Missing), 2024 (bara kvinnor och män var för "
        "sig); N28805 2024."
    ) in notes
    (others,) = [note for note in notes if note.startswith("Jämförelser som saknar år hos Kolada: ")]
    assert "Lund (N28008 2022, 2023)" in others and "Riket" not in others and "2010" not in others


def test_nothing_is_told_as_missing_where_nothing_is(run):
    assert not [note for note in run().notes if "saknar" in note]


def test_a_key_figure_without_anyones_total_is_refused(run, kolada):
    for kpi, area, year in kolada.data:
        if kpi == "N28821":
            kolada.data[kpi, area, year] = [{"gender": "K", "value": 1.0}]
    with pytest.raises(KoladaFault, match="inga rader alls för N28821"):
        run()


def test_a_name_to_compare_with_that_kolada_lacks_is_told(run):
    edit(run.data / "kommuner/malmo/kommun.yml", "Göteborg, Lund]", "Göteborg, Lnud]")
    notes = run().notes
    assert (
        "Malmö: Kolada har ingen kommun som heter Skåne eller Lnud, som står under jamfor_med i "
        "data/kommuner/malmo/kommun.yml." in notes
    )


def test_what_is_gone_is_told_before_what_changed(run, kolada):
    run()
    for year in (2024, 2025):
        for area in (LUND, NATION, REGION, SIMILAR, COUNTY, "1480"):
            kolada.put("N28008", area, year, 1.0)
    kolada.put("N28008", MALMO, 2024, None)
    lines = run().changes
    assert "  2024 Malmö: 1124 är borta" in lines


def test_another_group_than_last_time_is_told(run, kolada):
    run()
    assert not [note for note in run().notes if "förra gången" in note]
    kolada.groups["G50"] = "Liknande kommuner LSS, Malmö, 2025"
    for id_ in PLAN["nyckeltal"]:
        kolada.put(id_, "G50", 2025, 7.0)
    assert (
        "Malmö: ”Liknande kommuner LSS, Malmö” är nu Koladas grupp Liknande kommuner LSS, Malmö, 2025 (G50); förra "
        f"gången var det Liknande kommuner LSS, Malmö, 2024 ({SIMILAR})."
    ) in run().notes


def test_two_groups_with_one_title_are_told(run, kolada):
    kolada.groups["G38000"] = kolada.groups[SIMILAR]
    notes = run().notes
    assert f"Malmö: Kolada har flera grupper som heter ”{kolada.groups[SIMILAR]}”; {SIMILAR} används." in notes


def test_what_kolada_has_taken_away_for_good_can_be_let_go(run, kolada):
    run()
    kolada.data = {key: values for key, values in kolada.data.items() if key[:2] != ("N28821", MALMO)}
    with pytest.raises(KoladaFault, match=r"ta bort filen timmar_per_vecka\.csv"):
        run()
    (run.data / "nationellt/kolada/timmar_per_vecka.csv").unlink()
    assert "Malmö: Kolada har inga värden för N28821." in run().notes


# --- Two at once, clocks, and what is kept -------------------------------------------------------


def test_a_second_fetch_at_the_same_time_is_refused_in_words(run, kolada, capsys):
    seen = []

    def meanwhile(handler, page):
        before = files(run.data)
        seen.append(cli.main(["fetch", "lund", "--data", str(run.data), "--api", kolada.address]))
        seen.append(cli.main(["fetch", "--offline", "--data", str(run.data)]))
        assert files(run.data) == before
        return page

    kolada.spoil("/municipality?", meanwhile)
    before = set(files(run.data))
    run()
    said = capsys.readouterr().err
    assert seen == [1, 1] and said.count("En annan hämtning pågår") == 2
    assert {path.split("/")[1] for path in set(files(run.data)) - before} == {"kolada"}


def test_a_clock_that_stands_before_the_last_fetch_is_told(run, kolada, monkeypatch):
    run()
    folder = run.data / "nationellt/kolada/svar"
    (path,) = folder.iterdir()
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    path.unlink()
    listing = json.loads(content["hamtning.json"]) | {"hamtat": "2999-01-02T03:04:05+00:00"}
    content["hamtning.json"] = json.dumps(listing).encode()
    with zipfile.ZipFile(folder / "2999-01-02T030405Z.zip", "w") as archive:
        for name, body in content.items():
            archive.writestr(name, body)
    before = files(run.data)
    with pytest.raises(DataError, match=r"2999-01-02T030405Z\.zip.*klocka"):
        run()
    assert files(run.data) == before


def rewritten(path: Path, change: Callable[[dict], dict]) -> None:
    """Change what a fetch that is kept says of itself."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["hamtning.json"] = json.dumps(change(json.loads(content["hamtning.json"]))).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in content.items():
            archive.writestr(name, body)


@pytest.mark.parametrize(
    "change",
    [
        lambda listing: [],
        lambda listing: {**listing, "kommuner": []},
        lambda listing: {**listing, "kommuner": {"malmo": []}},
        lambda listing: {**listing, "svar": []},
        lambda listing: {**listing, "hamtat": "2026-01-01T00:00:00"},
    ],
    ids=["a list", "municipalities", "areas", "answers", "time without zone"],
)
def test_a_kept_fetch_of_another_shape_is_told(run, change, capsys):
    run()
    (path,) = (run.data / "nationellt/kolada/svar").iterdir()
    rewritten(path, change)
    before = files(run.data)
    assert cli.main(["fetch", "--offline", "--data", str(run.data)]) == 1
    assert f"{path.name}: " in capsys.readouterr().err and files(run.data) == before


@pytest.mark.parametrize(
    ("place", "byte"), [(8, 1), (10, 77), (6, 200)], ids=["encrypted", "packed otherwise", "of another version"]
)
def test_a_kept_fetch_with_a_damaged_directory_is_told(run, place, byte, capsys):
    run()
    (path,) = (run.data / "nationellt/kolada/svar").iterdir()
    body = bytearray(path.read_bytes())
    start = body.index(b"PK\x01\x02")  # the first entry of the archive's directory
    body[start + place] = byte
    path.write_bytes(body)
    assert cli.main(["fetch", "--offline", "--data", str(run.data)]) == 1
    assert "ingen hämtning som går att läsa" in capsys.readouterr().err


def test_a_fault_leaves_no_empty_folders(run, kolada, monkeypatch):
    before = {path for path in run.data.rglob("*")}
    monkeypatch.setattr(os, "replace", lambda source, target: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        run()
    assert {path for path in run.data.rglob("*")} == before


@pytest.mark.parametrize("number", [1, 2, 8])
def test_an_interrupt_while_files_are_swapped_leaves_all_of_the_old_or_all_of_the_new(run, kolada, monkeypatch, number):
    run()
    for id_ in PLAN["nyckeltal"]:
        kolada.put(id_, MALMO, 2025, 1.0)
    before, passed, taken = files(run.data), [], Path.unlink

    def interrupt(path, missing_ok=False):
        if path.suffix != ".lock":
            passed.append(path)
            if len(passed) == number:
                raise KeyboardInterrupt
        taken(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", interrupt)
        try:
            run()
        except KeyboardInterrupt:
            assert files(run.data) == before
        else:
            assert line(run.data, "befolkning", "2025;Malmö;1;")
    assert not list(run.data.rglob("*.ny"))
