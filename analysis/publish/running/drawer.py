"""Draw charts in processes that stay warm: what draws takes long to start, and cannot be forked once it runs."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from analysis.present import svg
from analysis.publish.running.processes import CAN_FORK, ctrl_c_waits, short_folder, stay_with_parent

# Has what most charts have, so that what draws them is compiled by the time when the first is asked for.
_FIRST = json.dumps({
    "data": {"values": [{"a": "2020", "b": 1000}, {"a": "2021", "b": 2000}]},
    "encoding": {"x": {"field": "a", "type": "ordinal"}, "y": {"field": "b", "type": "quantitative"}},
    "layer": [{"mark": mark} for mark in ("bar", "line", {"type": "text", "text": "1"})],
})
_TIMES = 5
# A chart takes a hundredth of a second; what takes this long, also on a machine that is overloaded, has got stuck. Less
# than what a cell may take, so that it is the chart that is told of.
_DRAWING_SECONDS = 60
CUT_OFF = ("diagrammet gick inte att rita: det som ritar dog eller blev inte klart inom {seconds} sekunder, troligen "
           "för att diagrammet har för många punkter. Visa färre värden i det")


@contextmanager
def drawers(count: int) -> Iterator[list[str]]:
    """Start processes that draw, and give the address of each; none where processes cannot be forked.

    They are forked, so nothing may have been drawn in this process. They begin at once to make themselves ready, while
    this one goes on. One that dies, or gets stuck with a chart, is replaced, and its address stays.
    """
    if not CAN_FORK or not count:
        yield []
        return
    context = multiprocessing.get_context("fork")
    started = []
    with short_folder() as folder:
        addresses = [str(Path(folder, f"ritare-{number}")) for number in range(count)]
        try:
            for address in addresses:
                with socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(address)
                    listener.listen()
                    process = context.Process(target=_keep_drawing, args=(listener,))
                    with ctrl_c_waits():
                        process.start()
                    started.append(process)
            yield addresses
        finally:
            for process in started:
                process.terminate()
                process.join()


def draw_at(address: str) -> Callable[[str], str]:
    """Return what draws a specification at an address; each process that uses it gets a line of its own.

    It raises ValueError where the chart cannot be drawn, also where it has made what draws die or get stuck.
    """
    lines: dict[int, Connection] = {}

    def draw(specification: str) -> str:
        process = os.getpid()
        try:
            try:
                lines[process].send(specification)
            except (KeyError, OSError):
                # There is none yet, or what drew the chart before has died since.
                lines[process] = _line_to(address)
                lines[process].send(specification)
            drawing, error = lines[process].recv()
        except (EOFError, OSError):
            raise ValueError(CUT_OFF.format(seconds=_DRAWING_SECONDS)) from None
        if error:
            raise ValueError(error)
        return drawing

    return draw


def _line_to(address: str) -> Connection:
    place = socket.socket(socket.AF_UNIX)
    place.connect(address)
    return Connection(place.detach())


def _keep_drawing(listener: socket.socket) -> None:
    """Let a process draw, and another when that one has died, as long as this one lives.

    What draws is never in this process, which therefore can be forked from again.
    """
    stay_with_parent(multiprocessing.parent_process().pid)
    # What JavaScript's engine says when it dies is not for the analyst.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    here, is_first = os.getpid(), True
    child = 0

    def end(number: int, frame: object) -> None:
        # Waited for, so that what it took of the processor counts as this process's, and so as the build's.
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    while True:
        child = os.fork()
        if not child:
            # It must not return into its parent's code, whatever happens.
            with suppress(BaseException):
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                stay_with_parent(here)
                _draw_for_all(listener, warms_up=is_first)
            os._exit(1)
        os.waitpid(child, 0)
        is_first = False


def _draw_for_all(listener: socket.socket, *, warms_up: bool) -> None:
    """Draw what is asked for, for one after the other; whoever is cut off in the middle disturbs no other.

    One that takes the place of another is asked for at once. Should drawing fail always, each dies with a chart that
    is told of, and not before.
    """
    for _ in range(_TIMES if warms_up and svg.draws_here() else 0):
        _draw(_FIRST)
    while True:
        place, _ = listener.accept()
        with Connection(place.detach()) as line, suppress(EOFError, OSError):
            while True:
                specification = line.recv()
                try:
                    answer = _draw(specification), ""
                except ValueError as error:
                    answer = "", str(error)
                line.send(answer)


def _draw(specification: str) -> str:
    """Draw in time, or have this process ended by the system: nothing else interrupts JavaScript."""
    signal.alarm(_DRAWING_SECONDS)
    try:
        return svg.draw(specification)
    finally:
        signal.alarm(0)
