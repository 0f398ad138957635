"""Draw charts in processes that stay warm: what draws takes long to start, and cannot be forked once it runs."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from analysis.present import svg
from analysis.publish.running.processes import CAN_FORK, ctrl_c_waits, stay_with_parent

# Has what most charts have, so that what draws them is compiled by the time when the first is asked for.
_FIRST = json.dumps({
    "data": {"values": [{"a": "2020", "b": 1000}, {"a": "2021", "b": 2000}]},
    "encoding": {"x": {"field": "a", "type": "ordinal"}, "y": {"field": "b", "type": "quantitative"}},
    "layer": [{"mark": mark} for mark in ("bar", "line", {"type": "text", "text": "1"})],
})
_TIMES = 5


@contextmanager
def drawers(count: int) -> Iterator[list[str]]:
    """Start processes that draw, and give the address of each; none where processes cannot be forked.

    They are forked, so nothing may have been drawn in this process. They begin at once to make themselves ready, while
    this one goes on.
    """
    if not CAN_FORK or not count:
        yield []
        return
    context = multiprocessing.get_context("fork")
    started = []
    # The address of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="ab-", ignore_cleanup_errors=True) as folder:
        addresses = [str(Path(folder, f"ritare-{number}")) for number in range(count)]
        try:
            for address in addresses:
                with socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(address)
                    listener.listen()
                    process = context.Process(target=_draw_for_all, args=(listener,))
                    with ctrl_c_waits():
                        process.start()
                    started.append(process)
            yield addresses
        finally:
            for process in started:
                process.kill()
                process.join()


def draw_at(address: str) -> Callable[[str], str]:
    """Return what draws a specification at an address; each process that uses it gets a line of its own."""
    lines: dict[int, Connection] = {}

    def draw(specification: str) -> str:
        line = lines.get(os.getpid())
        if line is None:
            place = socket.socket(socket.AF_UNIX)
            place.connect(address)
            line = lines[os.getpid()] = Connection(place.detach())
        line.send(specification)
        drawing, error = line.recv()
        if error:
            raise ValueError(error)
        return drawing

    return draw


def _draw_for_all(listener: socket.socket) -> None:
    """Draw what is asked for, for one after the other; whoever is cut off in the middle disturbs no other."""
    stay_with_parent()
    for _ in range(_TIMES):
        svg.draw(_FIRST)
    while True:
        place, _ = listener.accept()
        with Connection(place.detach()) as line, suppress(EOFError, OSError):
            while True:
                specification = line.recv()
                try:
                    answer = svg.draw(specification), ""
                except ValueError as error:
                    answer = "", str(error)
                line.send(answer)
