"""What starts threads works also in a process forked from one where it has been used."""

from __future__ import annotations

import multiprocessing

import pytest

from analysis.present import svg
from analysis.publish.document.setting import unsettable
from analysis.publish.running.processes import CAN_FORK, Died, Processes

CHART = '{"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {"x": {"field": "a", "type": "quantitative"}}}'


def _used(task: str, slot: int) -> object:
    return {"rita": lambda: svg.draw.__wrapped__(CHART), "sätta": lambda: unsettable("a😀b"),
            "fel": lambda: svg.draw.__wrapped__("{")}[task]()


@pytest.mark.skipif(not CAN_FORK, reason="there is no fork")
def test_a_forked_process_gives_what_this_one_gives():
    here = [_used("rita", 0), _used("sätta", 0)]
    found = dict(Processes(_used, 2).run(["rita", "sätta", "fel", "rita"]))
    assert [found[0], found[1], found[3]] == [*here, here[0]] and here[1] == ["😀"]
    assert isinstance(found[2], ValueError) and not any(isinstance(one, Died) for one in found.values())
    assert not multiprocessing.active_children()
