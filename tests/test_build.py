"""The command `build`: what it says, what it leaves when it is stopped, and that one book's failure stops no other."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from conftest import DATA, edit
from test_publish import project, write_notebook  # noqa: F401 - project is a fixture

from analysis import cli
from analysis.publish.finished import listing


def build(*arguments):
    """Run the command in this process and return its exit code."""
    return cli.main(["build", *map(str, arguments)])


@pytest.fixture
def data(tmp_path):
    """Two municipalities that need no others."""
    folder = Path(shutil.copytree(DATA, tmp_path / "underlag"))
    for path in (folder / "kommuner").iterdir():
        if path.name not in ("malmo", "ange"):
            shutil.rmtree(path)
            continue
        card = path / "kommun.yml"
        card.write_text(re.sub("grannar: .*", "", card.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def test_a_line_for_each_municipality_and_a_summary(project, data, tmp_path, capsys):  # noqa: F811
    assert build("--data", data, "--out", tmp_path / "sajt", "--jobs", 2) == 0
    first, *lines, summary, _ = capsys.readouterr().out.splitlines()
    assert first == "Bygger 2 böcker" and summary == "2 böcker byggda."
    assert len(lines) == 2 and {line.partition(":")[0] for line in lines} == {"ange", "malmo"}
    for position, line in enumerate(lines, start=1):
        assert re.fullmatch(rf"\w+: 2 kapitel körda och 1 utelämnat \([\d,]+ s\) \[{position} av 2\]", line), line
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "2")
    assert build("malmo", "--data", data, "--out", tmp_path / "sajt") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Bygger 1 bok"
    assert lines[1].startswith("malmo: 1 kapitel kört, 1 oförändrat och 1 utelämnat (")
    assert build("--data", data, "--out", tmp_path / "sajt") == 0
    assert "Bygger 1 bok (1 har inte ändrats)" in capsys.readouterr().out
    # The whole site, a part of it, and once more: there is nothing to do.
    for slugs in ([], ["ange"], ["malmo", "ange"]):
        assert build(*slugs, "--data", data, "--out", tmp_path / "sajt") == 0
        assert capsys.readouterr().out.startswith("Ingenting har ändrats")


def test_quiet_and_verbose(project, data, tmp_path, capsys):  # noqa: F811
    assert build("--data", data, "--out", tmp_path / "sajt", "--quiet") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["2", "Klart"]
    assert build("--data", data, "--out", tmp_path / "sajt", "--force", "--verbose") == 0
    told = capsys.readouterr().out
    assert told.count("  köra kapitel: ") == 3 and "Så fördelade sig tiden" in told
    assert build("--quiet", "--verbose") == 2


def test_one_failure_stops_no_other(project, data, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "sajt"
    table = data / "kommuner" / "ange" / "scenario.csv"
    kept = table.read_bytes()
    edit(table, "ar;alla;2023;", "ar;alla;tjugo;")
    assert build("--data", data, "--out", out) == 1
    told = capsys.readouterr()
    assert "scenario.csv" in told.err and "tjugo" in told.err
    assert "1 bok byggd och 1 misslyckad." in told.out and not out.exists()
    table.write_bytes(kept)
    assert build("--data", data, "--out", out) == 0
    assert "Bygger 1 bok (1 har inte ändrats)" in capsys.readouterr().out
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"ange", "malmo"}


@pytest.mark.parametrize("change", [
    lambda page: page.write_text("ändrad i filen", encoding="utf-8"), lambda page: page.unlink(),
    lambda page: (page.rename(page.with_suffix(".bak")), page.write_text("en annan fil", encoding="utf-8")),
    lambda page: shutil.rmtree(page.parent), lambda page: (page.parent / "ny.html").touch(),
])
def test_what_is_changed_in_the_site_is_made_right(project, data, tmp_path, capsys, change):  # noqa: F811
    out = tmp_path / "sajt"
    assert build("malmo", "--data", data, "--out", out) == 0
    before = {name: (out / name).read_bytes() for name in listing(out) if not name.endswith("manifest.json")}
    change(out / "malmo" / "index.html")
    assert build("malmo", "--data", data, "--out", out) == 0
    assert "Ingenting" not in capsys.readouterr().out.splitlines()[-1]
    after = {name: (out / name).read_bytes() for name in listing(out) if not name.endswith("manifest.json")}
    assert {name for name in after if after[name] != before.get(name)} <= {"malmo/tabeller/prov.xlsx"}
    assert after.keys() == before.keys()
    assert build("malmo", "--data", data, "--out", out) == 0
    assert capsys.readouterr().out.startswith("Ingenting har ändrats")


SLOW = """
import os, pathlib, time
if kommun == "malmo":
    pathlib.Path({note!r}).write_text(str(os.getpid()))
    time.sleep(100)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_a_build_that_is_killed_leaves_the_site_and_what_was_finished(project, data, tmp_path, capsys):  # noqa: F811
    out, note = tmp_path / "sajt", tmp_path / "nummer"
    assert build("--data", data, "--out", out) == 0
    before = {name: (out / name).read_bytes() for name in listing(out)}
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", SLOW.format(note=str(note)))
    code = textwrap.dedent(f"""
        import sys, pathlib
        from analysis import cli
        cli.PROJECT_ROOT = pathlib.Path({str(project)!r})
        cli.main(["build", "--data", {str(data)!r}, "--out", {str(out)!r}, "--jobs", "2"])
    """)
    process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True)
    while not process.stdout.readline().startswith("ange: "):
        assert process.poll() is None
    while not (note.exists() and note.read_text()):
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert gone(int(note.read_text()))
    assert {name: (out / name).read_bytes() for name in listing(out)} == before
    capsys.readouterr()
    assert build("ange", "--data", data, "--out", out) == 0
    assert capsys.readouterr().out.startswith("Ingen bok behöver byggas om.")  # what was finished is
    chapter = project / "chapters" / "ett.ipynb"
    chapter.write_text(chapter.read_text(encoding="utf-8").replace("sleep(100)", "sleep(0)"), encoding="utf-8")
    assert build("malmo", "--data", data, "--out", out) == 0
    assert "malmo: 1 kapitel kört, 1 oförändrat och" in capsys.readouterr().out


def gone(process):
    """Tell whether a process ends within a while."""
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_where_processes_cannot_be_forked_the_site_is_the_same(project, data, tmp_path):  # noqa: F811
    """As on Windows and Mac: processes that are started anew, each with one warm kernel."""
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(
        "import analysis.publish.running.processes as processes\nprocesses.CAN_FORK = False\n", encoding="utf-8")
    code = textwrap.dedent(f"""
        import sys, pathlib
        from analysis import cli
        from analysis.publish.running import entry, processes
        if __name__ == "__main__":
            assert not processes.CAN_FORK and entry.Engine.__name__ == "WarmKernelEngine"
            cli.PROJECT_ROOT = pathlib.Path({str(project)!r})
            for slugs in [["malmo"], []]:
                assert cli.main(["build", *slugs, "--data", {str(data)!r}, "--out", {str(tmp_path / "annan")!r}]) == 0
    """)
    (tmp_path / "bygg.py").write_text(code, encoding="utf-8")
    temporary = tmp_path / "tillfälligt"
    temporary.mkdir()
    paths = os.pathsep.join([str(tmp_path / "start"), str(DATA.parent)])
    done = subprocess.run([sys.executable, str(tmp_path / "bygg.py")], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": paths, "TMPDIR": str(temporary)}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(temporary.iterdir())
    assert "malmo: 2 kapitel körda" in done.stdout and "Bygger 1 bok (1 har inte ändrats)" in done.stdout
    assert build("--data", data, "--out", tmp_path / "sajt") == 0
    pages = {name: (tmp_path / "sajt" / name).read_bytes() for name in listing(tmp_path / "sajt")
             if name.endswith((".html", ".csv", ".css", ".js"))}
    assert len(pages) > 8
    assert {name: (tmp_path / "annan" / name).read_bytes() for name in pages} == pages
