"""Books built over a Dask cluster: the same as those built here, wherever they are built and whatever happens there."""

from __future__ import annotations

import hashlib
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from conftest import served
from distributed import LocalCluster
from test_publish import DATA, TABLE, write_notebook

from analysis import cli
from analysis.publish import cluster
from analysis.publish.command import STANDS
from analysis.publish.inputs import PACKAGE
from analysis.publish.parcel import packed, unpack
from analysis.publish.places import PROJECT_ROOT, work_directory
from analysis.publish.progress import Progress
from analysis.publish.running import remote

# Pages name a moment as ISO 8601 does, whole or only its day.
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)?")
TOC = """format: jb-book
root: chapters/index
chapters:
- file: chapters/ett
"""


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """The scheduler's address, and the workers' folder: two processes that share no folder with the project."""
    folder = tmp_path_factory.mktemp("arbetare")
    with in_folder(folder), LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0",
                                         processes=True, local_directory=str(folder)) as running:
        yield running


@contextmanager
def in_folder(folder):
    """Stand in a folder meanwhile."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two small chapters with data of its own; the command line works on it."""
    root = tmp_path / "projekt"
    root.mkdir()
    shutil.copy(PROJECT_ROOT / "_config.yml", root)
    shutil.copytree(DATA, root / "data")
    (root / "_toc.yml").write_text(TOC, encoding="utf-8")
    write_notebook(root / "chapters" / "index.ipynb", "Boken", "print(kommun)")
    write_notebook(root / "chapters" / "ett.ipynb", "Ett", TABLE)
    monkeypatch.setattr(cli, "PROJECT_ROOT", root)
    return root


def build(root, out, *arguments, slugs=("malmo", "bjuv")):
    """Build books of the project; return the exit code."""
    return cli.main(["build", *slugs, "--data", str(root / "data"), "--out", str(out), *arguments])


def content(site):
    """Every file of a site, a workbook as the files in it, with the times of building taken out."""
    found = {}
    for path in (path for path in site.rglob("*") if path.is_file()):
        name, text = path.relative_to(site).as_posix(), path.read_bytes()
        parts = {"": text}
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                parts = {part: archive.read(part) for part in archive.namelist()}
        elif path.name == "manifest.json":
            assert TIME.search(text)
        found |= {(name, part): TIME.sub(b"", inside) for part, inside in parts.items()}
    return found


def same_secret(*sites):
    """Let sites be built with the same secret, on which the hashes of what is not shown rest."""
    for site in sites:
        work = work_directory(site)
        work.mkdir(parents=True)
        (work / "nyckel").write_bytes(b"hemligt!" * 4)


def test_the_site_is_the_same_and_what_came_back_is_reused(project, workers, tmp_path, capsys):
    here, there = tmp_path / "här" / "sajt", tmp_path / "där" / "sajt"
    same_secret(here, there)
    address = workers.scheduler_address
    assert build(project, here, "--jobs", "1") == 0
    assert build(project, there, "--dask", address) == 0
    assert "2 böcker byggda." in capsys.readouterr().out
    assert content(there) == content(here)
    assert not [name for name, found in content(there).items() if b"byggare-" in found or b"arbetare" in found]
    # The next local build has nothing to do, and one that has takes the chapters that came back.
    assert build(project, there, "--jobs", "1") == 0
    assert "Ingenting har ändrats" in capsys.readouterr().out
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "print(1)", TABLE)
    assert build(project, there, "--jobs", "1", slugs=["bjuv"]) == 0
    assert "bjuv: 1 kapitel kört och 1 oförändrat" in capsys.readouterr().out
    # And the other way round: chapters kept here are sent, and are not run there.
    write_notebook(project / "chapters" / "index.ipynb", "Boken", "print(kommun, 2)")
    assert build(project, there, "--dask", address, slugs=["bjuv"]) == 0
    assert "bjuv: 1 kapitel kört och 1 oförändrat" in capsys.readouterr().out
    assert build(project, here, "--jobs", "1", slugs=["bjuv"]) == 0
    assert content(there) == content(here)
    assert not list(work_directory(there).glob("stage/*"))


def test_a_failure_stops_no_other_and_is_not_tried_again(project, workers, tmp_path, capsys):
    tries, out = tmp_path / "försök", tmp_path / "sajt"
    tries.mkdir()
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", f"""
import tempfile
if kommun == "bjuv":
    tempfile.mkstemp(dir={str(tries)!r})
    raise ValueError("fel i Bjuv")""")
    (project / "data" / "kommuner" / "tom").mkdir()
    assert build(project, out, "--dask", workers.scheduler_address, slugs=["malmo", "tom", "bjuv"]) == 1
    told = capsys.readouterr()
    assert "bjuv, kapitlet ett, cell 3: ValueError: fel i Bjuv\n" in told.err and STANDS in told.err
    assert "data/kommuner/tom/kommun.yml" in told.err and "Traceback" not in told.err
    assert "1 bok byggd och 2 misslyckade." in told.out
    assert len(list(tries.iterdir())) == 1 and not out.exists()
    # What succeeded is kept: a whole book, and the failed book's other chapter.
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "print(1)")
    assert (work_directory(out) / "books" / "malmo" / "ett.html").exists()
    assert build(project, out, "--jobs", "1", slugs=["bjuv"]) == 0
    assert "bjuv: 1 kapitel kört och 1 oförändrat" in capsys.readouterr().out


def test_a_dead_worker_is_replaced_and_takes_its_builder_with_it(project, workers, tmp_path, capsys):
    gone, out = tmp_path / "borta", tmp_path / "sajt"
    # The cells run in a process forked from the book's, that in one forked from the builder, which the worker started.
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", f"""
import os, signal, time
from pathlib import Path
import psutil
book, builder, worker, *others = psutil.Process().parents()
gone = Path({str(gone)!r})
if kommun == "bjuv":
    builder.kill()
    time.sleep(60)
if not gone.exists():
    gone.write_text(str(builder.pid))
    worker.kill()
    time.sleep(60)""")
    assert build(project, out, "--dask", workers.scheduler_address) == 1
    told = capsys.readouterr()
    assert f"bjuv: {cluster.KILLED}" in told.err and "Traceback" not in told.err
    assert "1 bok byggd och 1 misslyckad." in told.out
    assert not psutil.pid_exists(int(gone.read_text(encoding="utf-8")))


def test_interrupted_it_keeps_what_is_finished_and_leaves_nothing_with_the_cluster(project, workers, tmp_path, capsys,
                                                                                   monkeypatch):
    out, address = tmp_path / "sajt", workers.scheduler_address
    assert build(project, out, "--dask", address, slugs=["bjuv"]) == 0
    before = content(out)
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "print(2)")

    def interrupt(progress, outcome):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "tell", interrupt)
        assert build(project, out, "--dask", address) == 130
    assert "Den gamla webbplatsen står kvar" in capsys.readouterr().err
    assert content(out) == before
    pages = (work_directory(out) / "books").glob("*/ett.html")
    assert len([page for page in pages if "prov.csv" not in page.read_text(encoding="utf-8")]) == 1
    deadline = time.monotonic() + 60
    while workers.scheduler.tasks and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not workers.scheduler.tasks


@pytest.fixture(params=["# en rad mer\n", "import paket_som_inte_finns\n", None])
def other_worker(tmp_path, request):
    """The words to expect, and the address of a cluster whose only worker has another program.

    It has one line more, or one that keeps it from starting, or is so old that it knows nothing of clusters.
    """
    folder = tmp_path / "annan version"
    shutil.copytree(PACKAGE, folder / "analysis", ignore=shutil.ignore_patterns("__pycache__"))
    if request.param is None:
        (folder / "analysis" / "publish" / "running" / "remote.py").unlink()
        words = "En arbetare: där finns inte samma version av programmet som här"
    else:
        with (folder / "analysis" / "measures" / "result.py").open("a", encoding="utf-8") as file:
            file.write(request.param)
        words = ("programmet gick inte att starta där: ModuleNotFoundError: No module named 'paket_som_inte_finns'"
                 if "import" in request.param else "där finns inte samma version av programmet som här")
    with LocalCluster(n_workers=0, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0") as scheduler:
        worker = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", scheduler.scheduler_address, "--nthreads", "1",
             "--no-nanny", "--no-dashboard", "--local-directory", str(folder)], cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield words, scheduler.scheduler_address
        worker.kill()
        worker.wait()


def test_a_worker_with_another_version_refuses(project, other_worker, tmp_path, capsys):
    words, address = other_worker
    assert build(project, tmp_path / "sajt", "--dask", address) == 1
    errors = capsys.readouterr().err
    assert words in errors and cluster.SAME in errors and STANDS in errors
    assert "Python eller andra paket" not in errors and "Traceback" not in errors
    assert not (tmp_path / "sajt").exists() and not list(work_directory(tmp_path / "sajt").glob("books/*"))


def test_a_builder_that_started_before_an_update_is_started_anew(monkeypatch):
    class Builder:
        name, started = "Arbetaren", []

        def __init__(self):
            self.versions, self.ended = {"program": f"{len(self.started)}"}, False
            self.project = hashlib.sha256(b"").hexdigest()
            self.started.append(self)

        def build(self, project, book):
            return f"{book} {self.versions['program']}"

        def end(self):
            self.ended = True

    monkeypatch.setattr(remote, "_Builder", Builder)
    monkeypatch.setattr(remote, "_idle", queue.LifoQueue())
    assert remote.build_there(b"", {"program": "0"}, "bok") == "bok 0"
    assert remote.build_there(b"", {"program": "0"}, "bok") == "bok 0"
    assert len(Builder.started) == 1
    assert remote.build_there(b"", {"program": "1"}, "bok") == "bok 1"
    assert [builder.ended for builder in Builder.started] == [True, False]
    assert isinstance(remote.build_there(b"", {"program": "5"}, "bok"), remote.Refused)
    assert all(builder.ended for builder in Builder.started)


@pytest.fixture
def silent_port():
    """A port that nobody answers at."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        yield place.getsockname()[1]


@pytest.mark.parametrize(("address", "words"), [
    ("127.0.0.1:{port}", "svarar inte"),
    ("tcp://127.0.0.1:{port}", "svarar inte"),
    ("tls://127.0.0.1:{port}", "kräver certifikat (TLS)"),
    ("finns.inte.invalid:8786", "svarar inte"),
    ("klustret", "är ingen adress till ett kluster"),
    ("", "är ingen adress till ett kluster"),
    ("http://127.0.0.1:{port}", "är ingen adress till ett kluster"),
    ("127.0.0.1:99999", "är ingen adress till ett kluster"),
    ("127.0.0.1:port", "är ingen adress till ett kluster"),
])
def test_an_address_without_a_cluster_is_told(project, tmp_path, capsys, monkeypatch, silent_port, address, words):
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 2)
    address = address.format(port=silent_port)
    assert build(project, tmp_path / "sajt", "--dask", address) == 1
    errors = capsys.readouterr().err
    assert address in errors and words in errors and "Traceback" not in errors
    assert not (tmp_path / "sajt").exists()


def test_a_cluster_without_workers_and_a_server_of_another_kind_are_told(project, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 2)
    with LocalCluster(n_workers=0, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0") as scheduler:
        address = scheduler.scheduler_address
        assert build(project, tmp_path / "sajt", "--dask", address) == 1
        assert f"Klustret på {address} har inga arbetare." in capsys.readouterr().err
    with served(tmp_path) as address:
        assert build(project, tmp_path / "sajt", "--dask", address.replace("http", "tcp")) == 1
        errors = capsys.readouterr().err
        assert "svarar inte" in errors and "Traceback" not in errors


def test_without_dask_it_is_told_what_to_install(project, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert build(project, tmp_path / "sajt", "--dask", "127.0.0.1:8786") == 1
    assert cluster.MISSING in capsys.readouterr().err


def test_what_is_packed_comes_out_the_same_and_nowhere_else(tmp_path):
    folder = tmp_path / "å"
    (folder / "tom").mkdir(parents=True)
    (folder / "b" / "c").mkdir(parents=True)
    (folder / "b" / "c" / "ö.csv").write_bytes(b"1\r\n2")
    (folder / "~$ö.xlsx").write_bytes(b"")
    unpack(packed([("data/x", folder), ("e.txt", folder / "b" / "c" / "ö.csv"), ("mapp", None)]), tmp_path / "ut")
    found = {path.relative_to(tmp_path / "ut").as_posix() for path in (tmp_path / "ut").rglob("*")}
    assert found == {"data", "data/x", "data/x/tom", "data/x/b", "data/x/b/c", "data/x/b/c/ö.csv", "e.txt", "mapp"}
    assert (tmp_path / "ut" / "data/x/b/c/ö.csv").read_bytes() == b"1\r\n2"
    unpack(packed([("../utanför.txt", tmp_path / "ut" / "e.txt")]), tmp_path / "ut")
    assert not (tmp_path / "utanför.txt").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a right that few have")
def test_what_is_linked_is_packed_too(tmp_path):
    """A folder of texts that several municipalities share; a link back to where it came from does no harm."""
    folder, other = tmp_path / "x", tmp_path / "delat"
    folder.mkdir()
    other.mkdir()
    (other / "a.md").write_bytes(b"text")
    (folder / "texter").symlink_to(other)
    (other / "tillbaka").symlink_to(folder)
    unpack(packed([("x", folder)]), tmp_path / "ut")
    assert (tmp_path / "ut" / "x" / "texter" / "a.md").read_bytes() == b"text"
