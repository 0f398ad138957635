"""The processes that draw for a build: one that dies or gets stuck costs one chart, and no other."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import threading
import time

import psutil
import pytest
from test_build import build, data  # noqa: F401 - data is a fixture
from test_publish import project, write_notebook  # noqa: F401 - project is a fixture

from analysis.publish.running import drawer
from analysis.publish.running.drawer import CUT_OFF, draw_at, drawers
from analysis.publish.running.processes import CAN_FORK

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="there is no fork")

CHART = '{"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {"x": {"field": "a", "type": "quantitative"}}}'
# There is no end to what Vega draws of it.
ENDLESS = json.dumps({"data": {"sequence": {"start": 0, "stop": 10**7, "as": "x"}}, "mark": "point",
                      "encoding": {"x": {"field": "x", "type": "quantitative"}}})


# Long enough for what draws to become ready on a machine that has much else to do.
SECONDS = 10


@pytest.fixture
def address():
    """Where something draws."""
    with drawers(1) as [place]:
        yield place
    assert not multiprocessing.active_children()


@pytest.fixture
def hasty(monkeypatch):
    """What draws gets only a while for each chart."""
    monkeypatch.setattr(drawer, "_DRAWING_SECONDS", SECONDS)


def that_draws():
    """The process in which charts are drawn."""
    for _ in range(100):
        [keeper] = multiprocessing.active_children()
        if found := psutil.Process(keeper.pid).children():
            return found[0]
        time.sleep(0.1)
    raise AssertionError("ingen ritar")


def cut_off():
    """What is told of a chart that was cut off, as a pattern."""
    return CUT_OFF.format(seconds=drawer._DRAWING_SECONDS)


def test_one_that_has_died_between_two_charts_is_replaced_unseen(address):
    draw = draw_at(address)
    before = draw(CHART)
    for _ in range(2):
        process = that_draws()
        process.kill()
        psutil.wait_procs([process])
        assert draw(CHART) == before
    # It draws for one at a time, as long as that one lasts.
    del draw
    assert draw_at(address)(CHART) == before


def test_one_that_dies_of_a_chart_costs_that_chart(address):
    def kill():
        time.sleep(1)
        that_draws().kill()

    before = draw_at(address)(CHART)
    draw, killer = draw_at(address), threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ValueError, match=cut_off()):
        draw(ENDLESS)
    killer.join()
    assert draw(CHART) == before


def test_a_chart_without_end_is_cut_off_and_harms_no_other(hasty, address):
    before, told, begun = draw_at(address)(CHART), [], threading.Event()

    def be_stuck():
        stuck = draw_at(address)
        begun.set()
        with pytest.raises(ValueError) as raised:
            stuck(ENDLESS)
        told.append(str(raised.value))
        told.append(stuck(CHART))

    other = threading.Thread(target=be_stuck)
    other.start()
    assert begun.wait(SECONDS)
    # All that is left to do is to send the chart.
    time.sleep(1)
    # Who waits for one that is stuck is served by the next.
    assert draw_at(address)(CHART) == before
    other.join()
    assert told == [cut_off(), before]


def test_a_chart_that_cannot_be_drawn_ends_nobody(address):
    draw, process = draw_at(address), that_draws()
    for wrong in ("{", '{"mark": "finns inte", "data": {"values": []}}'):
        with pytest.raises(ValueError) as raised:
            draw(wrong)
        assert str(raised.value) != cut_off()
    assert draw(CHART).startswith("<svg") and that_draws() == process


def test_one_that_dies_before_it_is_ready_is_replaced(address):
    process = that_draws()
    process.kill()
    # One that is dying may still take a call, which then gets no answer.
    psutil.wait_procs([process])
    assert draw_at(address)(CHART).startswith("<svg")


def test_what_draws_ends_with_what_started_it():
    with drawers(2) as addresses:
        assert draw_at(addresses[0])(CHART) == draw_at(addresses[1])(CHART)
        keepers = multiprocessing.active_children()
        found = [process for keeper in keepers for process in [psutil.Process(keeper.pid),
                                                               *psutil.Process(keeper.pid).children()]]
        assert len(found) == 4
    _, alive = psutil.wait_procs(found, timeout=10)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)
    with pytest.raises(ValueError, match="gick inte att rita"):
        draw_at(addresses[0])(CHART)


def test_it_draws_wherever_temporary_files_lie(monkeypatch, tmp_path):
    (tmp_path / ("lång" * 30)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("lång" * 30)))
    with drawers(1) as [place]:
        assert draw_at(place)(CHART).startswith("<svg")


ASKS = """
from analysis.present import svg
svg._drawer({chart!r})
if kommun == "malmo":
    svg._drawer({endless!r})
"""


def test_a_chart_without_end_stops_its_own_book_and_no_other(project, data, tmp_path, capsys, hasty):  # noqa: F811
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", ASKS.format(chart=CHART, endless=ENDLESS))
    # The larger of the two is the first; the other one's charts are drawn in the same place.
    assert build("--data", data, "--out", tmp_path / "sajt", "--jobs", 1) == 1
    told = capsys.readouterr()
    assert f"malmo, kapitlet ett, cell 3: ValueError: {cut_off()}\n" in told.err
    assert "ange: 2 kapitel körda" in told.out and "1 bok byggd och 1 misslyckad." in told.out
