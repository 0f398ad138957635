"""`serve`: what is saved is seen, a page is loaded anew when it has changed and only then, and nobody else may read."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import yaml
from conftest import DATA, edit
from playwright.sync_api import expect
from test_cli_faults import SLOW, alive, assert_told
from test_publish import TABLE, write_notebook

from analysis import cli
from analysis.publish import serve
from analysis.publish.plan import PROJECT_ROOT
from analysis.publish.theme import CONTENT_SECURITY_POLICY

PAGE = (
    '<!DOCTYPE html>\n<html lang="sv"><head><meta charset="utf-8"><title>{word}</title>'
    '<link rel="icon" href="ikon.svg"><link rel="stylesheet" href="_static/stil.css?a=1&amp;b=2">'
    '<link rel="next" href="annan.html"></head>'
    '<body><h1>{word}</h1><input id="f"><p class="hog"></p><p id="sist">slut</p></body></html>'
)
SHOWS_TABLE = """from analysis.sources import load_municipality
print(int(load_municipality(kommun, data).tables["ekonomi"].nettokostnad_tkr.iloc[-1]))"""


def write_site(folder: Path, word: str = "ett", other: str = "annan", style: str = ".hog {height: 3000px}") -> Path:
    """Make a site of a start page and a book of two pages."""
    (folder / "malmo" / "_static").mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(PAGE.format(word="start"), encoding="utf-8")
    (folder / "malmo" / "index.html").write_text(PAGE.format(word=word), encoding="utf-8")
    (folder / "malmo" / "annan.html").write_text(PAGE.format(word=other), encoding="utf-8")
    (folder / "malmo" / "_static" / "stil.css").write_text(style, encoding="utf-8")
    (folder / "malmo" / "ikon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    return folder


@pytest.fixture
def site(tmp_path) -> Path:
    """A folder of pages."""
    return write_site(tmp_path / "html")


@pytest.fixture
def pages(site) -> Iterator[serve.Pages]:
    """A server of the pages."""
    with serve.Pages(site) as pages, pages.serving():
        yield pages


def ask(pages: serve.Pages, request: str, host: str | None = None) -> bytes:
    """Return the answer to a request line as it was sent, without a client that would tidy it up."""
    with socket.create_connection(("127.0.0.1", pages.server_port)) as connection:
        connection.sendall(f"{request} HTTP/1.0\r\nHost: {host or f'127.0.0.1:{pages.server_port}'}\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


# --- What is sent -------------------------------------------------------------------------------------


def test_a_page_is_sent_under_the_policy_with_a_script_that_is_not_on_disk(pages, site):
    before = (site / "malmo" / "index.html").read_bytes()
    answer = requests.get(f"{pages.address}malmo/index.html", timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    script = re.search(rf'<script src="{serve.SCRIPT_ADDRESS}" data-version="[0-9a-f]+" defer></script>\n', answer.text)
    assert answer.text.replace(script[0], "").encode() == before == (site / "malmo" / "index.html").read_bytes()
    script = requests.get(f"{pages.address}{serve.SCRIPT_ADDRESS[1:]}", timeout=60)
    assert script.status_code == 200 and "EventSource" in script.text
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("malmo/", "text/html; charset=utf-8"),
        ("malmo/_static/stil.css?v=1", "text/css; charset=utf-8"),
        ("malmo/ikon.svg", "image/svg+xml"),
        ("malmo/tabeller/%C3%A5r%201.csv", "text/csv; charset=utf-8"),
        ("malmo/bok.docx0", "application/octet-stream"),
    ],
)
def test_each_file_is_sent_as_what_it_is(pages, site, address, kind):
    (site / "malmo" / "tabeller").mkdir()
    (site / "malmo" / "tabeller" / "år 1.csv").write_text("År;Värde", encoding="utf-8")
    (site / "malmo" / "bok.docx0").write_bytes(b"PK")
    answer = requests.get(f"{pages.address}{address}", timeout=60)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    head = requests.head(f"{pages.address}{address}", timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]


def test_a_folder_leads_to_its_first_page(pages):
    answer = requests.get(f"{pages.address}malmo?a=b", timeout=60)
    assert answer.url == f"{pages.address}malmo/" and "<h1>ett</h1>" in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/../hemligt.txt",
        "/malmo/../../hemligt.txt",
        "/%2e%2e/hemligt.txt",
        "/malmo/%2e%2e%2f%2e%2e%2fhemligt.txt",
        "/..%5chemligt.txt",
        "/malmo/..\\..\\hemligt.txt",
        "/C:/hemligt.txt",
        "//hemligt.txt",
        "/%00",
        "http://example.org/../hemligt.txt",
        f"{serve.CHANGES_ADDRESS[:7]}/../../hemligt.txt",
    ],
)
def test_nothing_outside_the_site_is_sent(pages, site, address):
    (site.parent / "hemligt.txt").write_text("hemligt", encoding="utf-8")
    answer = ask(pages, f"GET {address}")
    assert answer.split(maxsplit=2)[1] == b"404"
    assert b"hemligt" not in answer


def test_no_folder_is_listed(pages, site):
    (site / "malmo" / "index.html").unlink()
    answer = requests.get(f"{pages.address}malmo/", timeout=60)
    assert answer.status_code == 404
    assert "Sidan finns inte" in answer.text and "annan" not in answer.text.replace("annat", "")


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org:{port}", "127.0.0.1", "localhost:1", "[::1]"])
@pytest.mark.parametrize("address", ["/malmo/index.html", f"{serve.CHANGES_ADDRESS}/malmo/index.html"])
def test_a_name_that_another_site_has_led_here_is_refused(pages, host, address):
    answer = ask(pages, f"GET {address}", host.format(port=pages.server_port))
    assert answer.split(maxsplit=2)[1] == b"403"
    assert b"<h1>ett</h1>" not in answer and b"data:" not in answer


def test_this_computers_own_names_are_answered(pages):
    for host in (f"localhost:{pages.server_port}", f"LOCALHOST:{pages.server_port}"):
        assert b"<h1>ett</h1>" in ask(pages, "GET /malmo/index.html", host)
    assert pages.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "request_line", ["POST /malmo/index.html", "PUT /malmo/index.html", "DELETE /malmo/index.html"]
)
def test_nothing_can_be_changed_through_it(pages, site, request_line):
    assert ask(pages, request_line).split(maxsplit=2)[1] == b"501"
    assert (site / "malmo" / "index.html").exists()


@pytest.mark.parametrize("moment", ["neither is there", "the new one has come"])
def test_a_page_that_is_asked_for_while_the_site_is_swapped_is_waited_for(pages, site, moment):
    new = write_site(site.with_name("ny"), "två")
    (site / "malmo" / "index.html").unlink()
    if moment == "neither is there":
        site.rename(site.with_name("gammal"))
    looks, look = [], pages._site_there

    def looking():
        looks.append(look())
        if len(looks) == 2:  # once it has not been found
            if site.exists():
                site.rename(site.with_name("gammal"))
            new.rename(site)
            looks[-1] = look()
        return looks[-1]

    pages._site_there = looking
    answer = requests.get(f"{pages.address}malmo/index.html", timeout=60)
    assert answer.status_code == 200 and "<h1>två</h1>" in answer.text
    assert len(looks) > 1


def test_a_site_that_is_not_built_yet_is_told(pages, site, monkeypatch):
    monkeypatch.setattr(serve, "SWAP_SECONDS", 0)
    shutil.rmtree(site)
    answer = requests.get(f"{pages.address}malmo/index.html", timeout=60)
    assert answer.status_code == 503
    assert "Webbplatsen är inte byggd än" in answer.text
    assert serve.SCRIPT_ADDRESS in answer.text


def test_a_browser_that_leaves_in_the_middle_is_no_fault(pages, capsys):
    for error, told in ((BrokenPipeError(), False), (ConnectionAbortedError(), False), (ValueError("fel"), True)):
        try:
            raise error
        except (OSError, ValueError):
            pages.handle_error(None, ("127.0.0.1", 1))
        assert bool(capsys.readouterr().err) == told


def test_whoever_listens_is_let_go_when_the_server_closes(site):
    with serve.Pages(site) as pages:
        with pages.serving():
            listener = threading.Thread(target=list, args=[pages.builds()], daemon=True)
            listener.start()
            assert requests.get(pages.address, timeout=60).status_code == 200
        listener.join(20)
        assert not listener.is_alive()


# --- What the browser does ----------------------------------------------------------------------------


@contextmanager
def opened(browser, address: str, first: str = "") -> Iterator:
    """Open a page that must not say anything in the console, after a script of the test's own."""
    context = browser.new_context()
    context.add_init_script(first)
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    yield page
    context.close()
    assert said == []


def mark(page) -> None:
    """Note in a page that it is the one that stands there now; once it is loaded anew the note is gone."""
    page.evaluate("window.samma = true")


def test_only_a_page_that_has_changed_is_loaded_anew(browser, pages, site):
    with (
        opened(browser, f"{pages.address}malmo/index.html") as changed,
        opened(browser, f"{pages.address}malmo/annan.html") as same,
    ):
        loads = []
        same.on("load", lambda page: loads.append(page))
        for page in (changed, same):
            mark(page)
            page.locator("#f").fill("halvskriv")
            page.locator("#f").focus()
            page.locator("#sist").scroll_into_view_if_needed()
        write_site(site, "två")
        pages.built()
        expect(changed.locator("h1")).to_have_text("två")
        assert changed.evaluate("window.samma") is None
        expect(changed.locator("#sist")).to_be_in_viewport()
        assert same.evaluate("[window.samma, document.activeElement.id]") == [True, "f"]
        expect(same.locator("#f")).to_have_value("halvskriv")
        expect(same.locator("#sist")).to_be_in_viewport()
        with same.expect_event("load"):
            write_site(site, "två", "tre")
            pages.built()
        expect(same.locator("h1")).to_have_text("tre")
        assert len(loads) == 1


def test_a_page_whose_look_has_changed_is_loaded_anew(browser, pages, site):
    with opened(browser, f"{pages.address}malmo/") as page:
        mark(page)
        write_site(site, style=".hog {height: 10px}")
        pages.built()
        expect(page.locator(".hog")).to_have_css("height", "10px")
        assert page.evaluate("window.samma") is None


def test_the_version_follows_the_page_and_what_it_fetches_and_nothing_else(pages, site):
    def version(address="/malmo/index.html"):
        return pages.version(address, pages.read(address))

    first = version()
    assert version("/malmo/") == first
    (site / "malmo" / "annan.html").write_text("en annan sida", encoding="utf-8")
    (site / "malmo" / "manifest.json").write_text("{}", encoding="utf-8")
    (site / "_static").mkdir()
    (site / "_static" / "stil.css").write_text("en annan boks", encoding="utf-8")
    assert version() == first
    seen = {first}
    for name in ("index.html", "_static/stil.css", "ikon.svg"):
        path = site / "malmo" / name
        path.write_bytes(path.read_bytes() + b"\n")
        seen.add(version())
        assert len(seen) == 1 + ("index.html", "_static/stil.css", "ikon.svg").index(name) + 1
    (site / "malmo" / "index.html").unlink()
    assert version() == serve.ABSENT


def test_a_page_that_has_gone_says_so_and_comes_back(browser, pages, site):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{pages.address}malmo/annan.html")
    mark(page)
    (site / "malmo" / "annan.html").unlink()
    pages.built()
    expect(page.locator("h1")).to_have_text("Sidan finns inte")
    write_site(site, other="åter")
    pages.built()
    expect(page.locator("h1")).to_have_text("åter")
    context.close()


def test_a_page_that_was_hidden_sees_what_has_changed_when_it_is_shown(browser, pages, site):
    """Hidden, it keeps no connection: a browser has six for a server, and the seventh tab would never open."""
    noting = """const Source = EventSource; window.sources = [];
        window.EventSource = function (address) { sources.push(new Source(address)); return sources.at(-1); };"""
    with opened(browser, f"{pages.address}malmo/index.html", noting) as page:
        hide = "Object.defineProperty(document, 'visibilityState', {value: '%s', configurable: true});" + (
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        page.evaluate(hide % "hidden")
        assert page.evaluate("sources.map(one => one.readyState)") == [2], "2 is closed"
        write_site(site, "två")
        pages.built()
        page.evaluate(hide % "visible")
        expect(page.locator("h1")).to_have_text("två")


# --- What is seen of a save ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["~$ekonomi.xlsx", ".~lock.ekonomi.csv#", ".ekonomi.csv.swp", "ekonomi.csv~", "#ekonomi.csv#", ".#ekonomi.csv",
     "ekonomi.tmp", "__pycache__/a.pyc", ".ipynb_checkpoints/sfb.ipynb", "_build/html/index.html", ".DS_Store"],
)  # fmt: skip
def test_what_comes_and_goes_by_itself_is_not_a_change(tmp_path, name):
    before = serve.snapshot([tmp_path])
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x", encoding="utf-8")
    assert serve.snapshot([tmp_path]) == before


def test_every_way_to_save_is_a_change(tmp_path):
    data = tmp_path / "data"
    folder = data / "kommuner" / "malmo"
    table, toc = folder / "ekonomi.csv", tmp_path / "_toc.yml"
    folder.mkdir(parents=True)

    def replace():
        other = folder / "ekonomi.csv.ny"
        other.write_text("bytt", encoding="utf-8")
        other.replace(table)

    def replace_folder():
        other = shutil.copytree(folder, tmp_path / "ny")
        (other / "ekonomi.csv").write_text("nytt", encoding="utf-8")
        folder.rename(tmp_path / "gammal")
        other.rename(folder)

    def same_size():
        table.write_text("nyss", encoding="utf-8")
        os.utime(table, ns=(1, 1))

    seen = [serve.snapshot([data, toc])]
    for save in (
        lambda: table.write_text("ett", encoding="utf-8"),
        lambda: table.write_text("ett till", encoding="utf-8"),
        replace,
        replace_folder,
        same_size,
        lambda: toc.write_text("format: jb-book", encoding="utf-8"),
        lambda: (folder / "texter").mkdir() or (folder / "texter" / "forord.md").write_text("Hej", encoding="utf-8"),
        table.unlink,
        lambda: shutil.rmtree(data),
    ):
        save()
        seen.append(serve.snapshot([data, toc]))
        assert seen[-1] != seen[-2], save
    before = serve.snapshot([toc])
    toc.read_text(encoding="utf-8")
    os.utime(toc, ns=(2, toc.stat().st_mtime_ns))
    assert serve.snapshot([toc]) == before, "to be read is no change"


def test_what_a_book_is_made_from_is_watched():
    found = serve.snapshot(serve.watched_paths(DATA))
    for name in (
        "data/kallor.yml",
        "data/kommuner/malmo/ekonomi.csv",
        "data/kommuner/lund/kommun.yml",
        "data/nationellt/parametrar.yml",
        "chapters/sfb.ipynb",
        "chapters/handbok/index.md",
        "_toc.yml",
        "_config.yml",
        "analysis/publish/serve.py",
        "analysis/publish/book_theme/layout.html",
    ):
        assert str(PROJECT_ROOT / name) in found, name


def test_what_is_saved_during_a_build_leads_to_one_more(tmp_path, pages, monkeypatch):
    """And a failed build to none before the next save."""
    pauses = iter(range(100))
    # Were a save not seen, it would wait for ever.
    monkeypatch.setattr(serve, "time", SimpleNamespace(sleep=lambda seconds: next(pauses)))
    table, said, builds = tmp_path / "data" / "ekonomi.csv", [], []
    table.parent.mkdir()

    def rebuild():
        builds.append(table.read_text(encoding="utf-8") if table.exists() else "")
        if builds[-1] == "3":
            raise KeyboardInterrupt
        # Saved while it builds, the first time with two files.
        table.write_text(str(len(builds)), encoding="utf-8")
        table.with_name(f"{len(builds)}.csv").touch()
        return len(builds) != 2

    with serve.Pages(pages.site) as other:
        serve.serve(other, [tmp_path / "data"], rebuild, first_page="malmo/index.html", say=said.append)
    assert builds == ["", "1", "2", "3"]
    assert said == [
        f"Webbplatsen visas på {other.address}malmo/index.html",
        "När du sparar en ändring byggs den om, och sidan laddas om. Avsluta med Ctrl+C.",
        "\nÄndrat: 1.csv, ekonomi.csv. Bygger om.",
        "Rätta och spara, så byggs webbplatsen om.",
        "\nÄndrat: 2.csv, ekonomi.csv. Bygger om.",
        "\nÄndrat: 3.csv, ekonomi.csv. Bygger om.",
        f"Avslutat. Webbplatsen ligger kvar i {other.site}.",
    ]


def test_what_takes_several_writes_is_one_change(tmp_path, monkeypatch):
    """And what has come and gone again is none."""
    before = serve.snapshot([tmp_path])
    saves = iter(
        [
            (tmp_path / "a.csv").touch,
            (tmp_path / "a.csv").unlink,
            lambda: None,
            (tmp_path / "b.csv").touch,
            lambda: (tmp_path / "b.csv").write_text("b", encoding="utf-8"),
            (tmp_path / "c.csv").touch,
            lambda: None,
        ]
    )
    monkeypatch.setattr(serve, "time", SimpleNamespace(sleep=lambda seconds: next(saves)()))
    found = serve._next_snapshot([tmp_path], before)
    assert found == serve.snapshot([tmp_path])
    assert sorted(Path(path).name for path in found) == ["b.csv", "c.csv"]
    assert next(saves, "all done") == "all done"


def test_many_changes_are_told_in_short():
    now = {f"data/{name}.csv": (1, 1) for name in "abcde"}
    assert serve._names({}, now) == "a.csv, b.csv, c.csv och 2 till"


@pytest.mark.parametrize("open_browser", [True, False])
def test_a_browser_is_opened_only_when_asked_for(pages, monkeypatch, open_browser):
    opened = []
    monkeypatch.setattr(serve.webbrowser, "open", opened.append)
    monkeypatch.setattr(serve, "_next_snapshot", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with serve.Pages(pages.site) as other:
        serve.serve(other, [], lambda: True, first_page="malmo/index.html", open_browser=open_browser, say=str)
    assert opened == ([f"{other.address}malmo/index.html"] if open_browser else [])


# --- The command --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["eslov"], 1, "kommunen ”eslov” finns inte"),
        (["malmo", "--out", "full"], 1, "skrivs därför inte över"),
        (["malmo", "--out", "ut", "--data", "saknas"], 1, "mappen finns inte"),
        (["malmo", "--out", "ut", "--port", "0"], 2, "är ingen port"),
        (["malmo", "--out", "ut", "--port", "65536"], 2, "är ingen port"),
        (["malmo", "--out", "ut", "--port", "åtta"], 2, "är ingen port"),
    ],
)
def test_what_is_wrong_with_the_command_ends_it(tmp_path, monkeypatch, capsys, words, code, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve, "build_apart", lambda arguments: pytest.fail("built"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "eget.txt").touch()
    assert cli.main(["serve", *words]) == code
    error = capsys.readouterr().err
    assert told in error
    assert_told(error)


@pytest.mark.parametrize(("slugs", "first"), [([], ""), (["malmo"], "malmo/index.html"), (["malmo", "lund"], "")])
def test_what_is_asked_for_is_what_is_built_and_shown(data_copy, tmp_path, monkeypatch, capsys, slugs, first):
    asked = []
    monkeypatch.setattr(serve, "build_apart", lambda arguments: asked.append(arguments) or True)

    def shown(watched, seen):
        asked.append(watched)
        raise KeyboardInterrupt

    monkeypatch.setattr(serve, "_next_snapshot", shown)
    assert cli.main(["serve", *slugs, "--data", str(data_copy), "--out", str(tmp_path / "ut")]) == 0
    arguments, watched = asked
    options = cli._parser().parse_args(arguments)
    assert (options.command, options.slugs, options.data) == ("build", slugs, data_copy)
    assert options.dokument is False and options.out == tmp_path / "ut" and data_copy in watched
    assert re.search(rf"http://127\.0\.0\.1:\d+/{first}\n", capsys.readouterr().out)


def test_a_port_that_is_taken_is_told(pages, tmp_path, capsys):
    assert cli.main(["serve", "malmo", "--out", str(tmp_path / "ut"), "--port", str(pages.server_port)]) == 1
    error = capsys.readouterr().err
    assert f"Port {pages.server_port} går inte att använda" in error and "--port" in error
    assert_told(error)


@pytest.fixture
def project(tmp_path) -> Path:
    """A whole small project of its own: the package, the data and two chapters."""
    root = tmp_path / "projekt"
    shutil.copytree(PROJECT_ROOT / "analysis", root / "analysis", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(DATA, root / "data")
    shutil.copy(PROJECT_ROOT / "_config.yml", root)
    toc = {"format": "jb-book", "root": "chapters/index", "chapters": [{"file": "chapters/ett"}]}
    (root / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    write_notebook(root / "chapters" / "index.ipynb", "Boken", TABLE)
    write_notebook(root / "chapters" / "ett.ipynb", "Ett", SHOWS_TABLE)
    return root


class Command:
    """`serve` as it is run in a terminal, with what it has said."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "analysis", "serve", "malmo"],
            cwd=root,
            # What the project itself holds comes first, and not the package that is tested.
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )
        self.said: list[str] = []

    def until(self, words: str) -> str:
        """Return what is said up to and with the next line that holds these words."""
        since = len(self.said)
        for line in self.process.stdout:
            self.said.append(line)
            if words in line:
                return "".join(self.said[since:])
        pytest.fail(f"{words} was never said:\n" + "".join(self.said))

    def interrupt(self) -> list[str]:
        """Press Ctrl-C, as in a terminal to every process of the command; return the lines that are then said."""
        os.killpg(self.process.pid, signal.SIGINT)
        rest, _ = self.process.communicate(timeout=120)
        return rest.splitlines()


@pytest.fixture
def command(project) -> Iterator[Command]:
    """The command, running."""
    started = Command(project)
    yield started
    if started.process.poll() is None:
        os.killpg(started.process.pid, signal.SIGKILL)
    started.process.wait()
    started.process.stdout.close()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches the whole console there")
def test_one_works_on_a_book_and_sees_it_change(browser, project, command):
    table = project / "data" / "kommuner" / "malmo" / "ekonomi.csv"
    *_, last_row = table.read_text(encoding="utf-8").splitlines()
    cost = last_row.split(";")[3]
    address = re.search(r"http://127\.0\.0\.1:\d+/malmo/index\.html", command.until("Webbplatsen visas på"))[0]
    command.until("Avsluta med Ctrl+C")
    with opened(browser, address.replace("index.html", "ett.html")) as page:
        mark(page)
        expect(page.locator("main")).to_contain_text(cost)
        # A cell of a table.
        edit(table, f";{cost};", ";987654;")
        assert "Ändrat: ekonomi.csv. Bygger om." in command.until("Klart")
        expect(page.locator("main")).to_contain_text("987654")
        assert page.evaluate("window.samma") is None
        # A fault, in the command's usual words; the page stays.
        mark(page)
        edit(table, ";987654;", ";98.765;")
        told = command.until("Rätta och spara")
        assert "data/kommuner/malmo/ekonomi.csv" in told and "98.765" in told
        assert_told(told)
        assert page.evaluate("window.samma") is True
        # Mended.
        edit(table, ";98.765;", ";987650;")
        command.until("Klart")
        expect(page.locator("main")).to_contain_text("987650")
        # The program's own code, here the words that stand on every page.
        layout = project / "analysis" / "publish" / "book_theme" / "layout.html"
        edit(layout, ">Hoppa till innehållet<", ">Hoppa dit<")
        command.until("Klart")
        expect(page.locator(".ab-hoppa")).to_have_text("Hoppa dit")
    for path in (project / "_build").rglob("*.html"):
        assert serve.SCRIPT_ADDRESS not in path.read_text(encoding="utf-8")
    (last,) = command.interrupt()
    assert last == f"Avslutat. Webbplatsen ligger kvar i {project / '_build' / 'html'}."
    assert command.process.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches the whole console there")
def test_ctrl_c_while_it_builds_ends_the_build_too(project, command):
    command.until("Avsluta med Ctrl+C")
    before = (project / "_build" / "html" / "malmo" / "ett.html").read_bytes()
    note = project.parent / "kärna"
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", SLOW.format(note=str(note)))
    waited = 0
    while not (note.exists() and note.read_text()):
        waited += 1
        assert waited < 600
        time.sleep(0.1)
    *_, built, last = command.interrupt()
    assert built == "Avbrutet. Den gamla webbplatsen står kvar."
    assert last.startswith("Avslutat.")
    assert command.process.returncode == 0
    assert (project / "_build" / "html" / "malmo" / "ett.html").read_bytes() == before
    assert not alive(int(note.read_text()))
