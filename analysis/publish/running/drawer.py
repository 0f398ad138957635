"""Draw charts in processes that stay warm: what draws takes long to start, and cannot be forked once it runs."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from analysis.present import svg
from analysis.publish.running.processes import ctrl_c_waits, stay_with_parent


@contextmanager
def drawers(count: int, folder: Path) -> Iterator[list[str]]:
    """Start processes that draw, and give the address of each; `folder` is where the addresses lie, with a short path.

    They are forked, so nothing may have been drawn in this process.
    """
    context = multiprocessing.get_context("fork")
    addresses = [str(folder / f"ritare-{number}") for number in range(count)]
    started = []
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
