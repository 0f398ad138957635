"""The project's Papermill engines: what cells give is what a cold kernel gives, and nothing is left behind."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from importlib.metadata import entry_points

import nbformat
import papermill
import psutil
import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from analysis.publish.plan import KERNEL, PROJECT_ROOT, read_chapters
from analysis.publish.running import ENGINE, warm
from analysis.publish.running.entry import Engine
from analysis.publish.running.processes import CAN_FORK

ENGINES = {"forked": ENGINE, "warm": "assistansboken-varm"} if CAN_FORK else {"warm": ENGINE}
CHAPTERS = [chapter.path for chapter in read_chapters()]


@pytest.fixture(scope="module", autouse=True)
def both_engines():
    """Let papermill know the engine for machines that cannot fork also where this one can; end its kernel last."""
    papermill_engines.register("assistansboken-varm", warm.WarmKernelEngine)
    yield
    warm.end()


@pytest.fixture(params=ENGINES)
def engine(request):
    """Each engine of the project in turn."""
    return ENGINES[request.param]


def run(engine, *cells, folder=PROJECT_ROOT, timeout=60, tags=(), numbers=()):
    """Run cells as a notebook and return it; `tags` are those of the last cell, `numbers` theirs in their chapter."""
    kernel = {"name": KERNEL, "display_name": "", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.cells[-1].metadata["tags"] = list(tags)
    for cell, number in zip(notebook.cells, numbers, strict=False):
        cell.metadata["assistansboken"] = {"number": number}
    return papermill.execute_notebook(notebook, None, engine_name=engine, kernel_name=KERNEL, progress_bar=False,
                                      cwd=str(folder), execution_timeout=timeout)


def given(notebook):
    """What each cell gave, with the numbers of the cells."""
    return [json.loads(json.dumps([cell.get("outputs"), cell.get("execution_count")])) for cell in notebook.cells]


def printed(notebook):
    """What the last cell printed."""
    return "".join(output["text"] for output in notebook.cells[-1].outputs)


def test_papermill_finds_the_engine_by_its_name():
    found = {one.name: one.value for one in entry_points(group="papermill.engine")}
    assert found[ENGINE] == "analysis.publish.running.entry:Engine"
    assert papermill_engines.get_engine(ENGINE) is Engine


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_gives_what_is_committed(engine, path):
    """nbval holds what is committed against cold kernels, so both engines give what those give, to the byte."""
    committed = nbformat.read(path, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and "skip-execution" not in cell.metadata.get("tags", []):
            cell.outputs, cell.execution_count = [], None
    done = papermill.execute_notebook(notebook, None, engine_name=engine, kernel_name=KERNEL, progress_bar=False,
                                      cwd=str(PROJECT_ROOT), execution_timeout=120)
    assert given(done) == given(committed)
    assert any(output for output, _ in given(done) if output)


@pytest.mark.parametrize("name", ["kostnader", "upphandling", "metod"])
def test_a_cold_kernel_gives_the_same_with_all_that_nbval_does_not_compare(name):
    path = PROJECT_ROOT / "chapters" / f"{name}.ipynb"
    done = {engine: papermill.execute_notebook(str(path), None, engine_name=engine, kernel_name=KERNEL,
                                               progress_bar=False, cwd=str(PROJECT_ROOT)) for engine in (None, ENGINE)}
    assert given(done[None]) == given(done[ENGINE])
    assert done[None].metadata.language_info == done[ENGINE].metadata.language_info


def test_all_that_a_cell_can_say_is_said_as_by_a_cold_kernel():
    cells = ["print('a'); import sys; print('b', file=sys.stderr); print('c'); 1",
             "from IPython.display import display, clear_output\ndisplay({'text/plain': 'x'}, raw=True)\n(1, 1e300)",
             "print('gone'); clear_output(); print('kept')", "print('gone'); clear_output(wait=True); print('kept')",
             "import pandas as pd; pd.DataFrame({'å': [1.5, None]}, index=['ä', 'ö'])",
             "import asyncio\nawait asyncio.sleep(0, 'väntat')", "x = _; x", "None",
             "get_ipython().__class__.__name__", "__name__, __doc__", "class A: pass\nA.__module__"]
    assert given(run(None, *cells)) == given(run(ENGINE, *cells))


@pytest.mark.parametrize("cell", ["def f():\n    return 1 / 0\nf()",
                                  "raise ValueError('fel\\ni två rader')", "1 +", "saknas"])
def test_a_failing_cell_fails_as_in_a_cold_kernel(engine, cell):
    told = []
    for one in (None, engine):
        with pytest.raises(PapermillExecutionError) as failed:
            run(one, "1", cell, "2")
        told.append(failed.value)
    assert [(one.cell_index, one.exec_count, one.ename, one.evalue, one.traceback) for one in told[:1]] == [
        (one.cell_index, one.exec_count, one.ename, one.evalue, one.traceback) for one in told[1:]]


LEAVES = """
import os, sys, random, warnings, decimal, locale
import altair, numpy, pandas
import analysis.present.numbers, analysis.measures.result, analysis.present.book
name = 1
pandas.set_option("display.max_rows", 3)
altair.renderers.enable("json"); altair.data_transformers.disable_max_rows()
altair.theme.register("mine", enable=True)(lambda: {"config": {"background": "red"}})
analysis.present.numbers.MINUS = "x"; analysis.measures.result.MEASURES.clear()
analysis.measures.result.MEASURES["x"] = 1
analysis.present.book.Book.name = "x"; analysis.present.book.Book.mine = 1
pandas.mine = 1
import colorsys
os.chdir(os.sep); os.environ["MINE"] = "1"; sys.path.insert(0, "mine"); random.seed(1); numpy.random.seed(1)
warnings.simplefilter("error"); decimal.getcontext().prec = 3; sys.argv.append("mine")
"""
LOOKS = """
import os, sys, random, warnings, decimal
before = "colorsys" in sys.modules
import altair, numpy, pandas
import analysis.present.numbers, analysis.measures.result, analysis.present.book
print([
    "name" in globals(), before, pandas.get_option("display.max_rows"), hasattr(pandas, "mine"),
    altair.renderers.active, altair.data_transformers.active, altair.data_transformers.options, altair.theme.active,
    "mine" in altair.theme.names(), analysis.present.numbers.MINUS, len(analysis.measures.result.MEASURES) > 5,
    "x" in analysis.measures.result.MEASURES, analysis.present.book.Book.__dict__["name"].__class__.__name__,
    hasattr(analysis.present.book.Book, "mine"), os.getcwd(), "MINE" in os.environ, "mine" in sys.path,
    any(one[0] == "error" and one[2] is Warning for one in warnings.filters[:1]), decimal.getcontext().prec,
    random.random() == random.Random(1).random(), numpy.random.rand() == numpy.random.RandomState(1).rand(),
    get_ipython().execution_count])
"""


def test_a_notebook_leaves_nothing_to_the_next(engine, tmp_path):
    clean = printed(run(engine, LOOKS, folder=tmp_path))
    assert "False" in clean and str(tmp_path) in clean
    run(engine, LEAVES, folder=tmp_path)
    assert printed(run(engine, LOOKS, folder=tmp_path)) == clean
    # The probe itself can tell: in the same notebook all of it is there.
    assert printed(run(engine, LEAVES, LOOKS, folder=tmp_path)) != clean


def test_a_notebook_that_fails_leaves_nothing_either(engine, tmp_path):
    clean = printed(run(engine, LOOKS, folder=tmp_path))
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        run(engine, f"{LEAVES}\n1 / 0", folder=tmp_path)
    assert printed(run(engine, LOOKS, folder=tmp_path)) == clean


HANGS = "Cellen blev inte klar inom 3 sekunder"
DIES = "Processen som körde cellen dog, troligen för att minnet tog slut. Försök med --jobs 1"


@pytest.mark.parametrize(("cell", "error", "told"), [
    ("import time; time.sleep(600)", CellTimeoutError, HANGS),
    ("while True: pass", CellTimeoutError, HANGS),
    ("import os; os._exit(3)", DeadKernelError, DIES),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", DeadKernelError, DIES),
    ("import ctypes; ctypes.string_at(0)", DeadKernelError, DIES),
])
def test_a_notebook_that_hangs_or_dies_is_told_of_and_harms_no_other(engine, cell, error, told):
    with pytest.raises(error) as raised:
        run(engine, "1", cell, "2", timeout=3, numbers=[1, 4, 5])
    assert str(raised.value) == told and raised.value.number == 4
    assert printed(run(engine, "print('efter')")) == "efter\n"


def test_a_cell_that_nobody_has_numbered_has_no_number(engine):
    with pytest.raises(DeadKernelError) as raised:
        run(engine, "import os; os._exit(3)", timeout=3)
    assert raised.value.number is None


@pytest.mark.skipif(os.name == "nt", reason="there are no groups of processes")
@pytest.mark.parametrize("end", ["process.wait()", "import os; os._exit(3)", "1 / 0", ""])
def test_what_a_cell_has_started_ends_with_the_notebook(engine, tmp_path, end):
    note = tmp_path / "nummer"
    start = f"import subprocess; process = subprocess.Popen(['sleep', '600'])\nopen({str(note)!r}, 'w')" \
            ".write(str(process.pid))"
    with suppress(CellTimeoutError, DeadKernelError, PapermillExecutionError):
        run(engine, start, end, timeout=3)
    # A kernel that stays keeps what was started, as long as it is not ended.
    if engine != ENGINE:
        warm.end()
    assert ended(int(note.read_text()))


def ended(process):
    """Tell whether a process ends within a while; one that nobody has asked for its result has ended."""
    for _ in range(100):
        if not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(not CAN_FORK, reason="only a process of its own can be given a limit")
def test_a_notebook_that_wants_all_memory_is_told_so_and_harms_no_other(monkeypatch):
    from analysis.publish.running import engine as forked

    monkeypatch.setattr(forked, "MEMORY_LIMIT_BYTES", 300 * 1024**2)
    with pytest.raises(PapermillExecutionError, match="MemoryError"):
        run(ENGINE, "x = [bytes(10**7) for _ in range(100)]")
    assert printed(run(ENGINE, "x = bytes(10**8); print(len(x))")) == "100000000\n"


@pytest.mark.skipif(not CAN_FORK, reason="it is the process that goes")
def test_the_process_of_a_notebook_is_gone_when_it_ends():
    pid = int(printed(run(ENGINE, "import os; print(os.getpid())")))
    assert pid != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_a_notebook_has_read_is_told(engine):
    opened = "from analysis.present.book import open_book\nbook = open_book('malmo')"
    reads = [run(engine, opened, *more).metadata["assistansboken"]["reads"]
             for more in ([], ["book.municipality.tables['ekonomi']; 'saknas' in book.municipality.tables"], [])]
    assert reads == [["bok:malmo"], ["bok:malmo", "tabell:ekonomi", "tabell:saknas"], ["bok:malmo"]]


def test_cells_that_are_not_to_be_run_are_not(engine):
    notebook = run(engine, "print(1)", "", "print(2)", tags=["skip-execution"])
    assert [cell.execution_count for cell in notebook.cells] == [1, None, None]


def test_a_file_can_be_run_from_the_command_line(tmp_path):
    from papermill.cli import papermill as command

    path = PROJECT_ROOT / "chapters" / "val.ipynb"
    with pytest.raises(SystemExit) as ended:
        command.main([str(path), str(tmp_path / "ut.ipynb"), "--engine", ENGINE, "-p", "kommun", "huddinge",
                      "--no-progress-bar", "--cwd", str(PROJECT_ROOT)])
    assert ended.value.code == 0
    done = nbformat.read(tmp_path / "ut.ipynb", as_version=4)
    assert "bok:huddinge" in done.metadata["assistansboken"]["reads"]
    assert any(cell.get("outputs") for cell in done.cells)
