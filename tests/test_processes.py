"""The processes that a build starts: what comes of them, and that they leave nothing."""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from analysis.present import svg
from analysis.publish.document.setting import unsettable
from analysis.publish.running import processes
from analysis.publish.running.processes import CAN_FORK, Died, Processes

FORKS = pytest.mark.skipif(not CAN_FORK, reason="there is no fork")
CHART = '{"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {"x": {"field": "a", "type": "quantitative"}}}'


def _used(task: str, slot: int) -> object:
    return {"rita": lambda: svg.draw.__wrapped__(CHART), "sätta": lambda: unsettable("a😀b"),
            "fel": lambda: svg.draw.__wrapped__("{")}[task]()


@FORKS
def test_a_forked_process_gives_what_this_one_gives():
    here = [_used("rita", 0), _used("sätta", 0)]
    found = dict(Processes(_used, 2).run(["rita", "sätta", "fel", "rita"]))
    assert [found[0], found[1], found[3]] == [*here, here[0]] and here[1] == ["😀"]
    assert isinstance(found[2], ValueError) and not any(isinstance(one, Died) for one in found.values())
    assert not multiprocessing.active_children()


def _killed(task: int, slot: int) -> None:
    """Draw by another process, tell of all that was started, and die without leave."""
    assert not svg.draws_here()
    _used("rita", 0)
    os.write(task, json.dumps([one.pid for one in psutil.Process().children(recursive=True)]).encode())
    os.kill(os.getpid(), signal.SIGKILL)


@FORKS
def test_what_a_forked_process_has_started_ends_with_it():
    _used("rita", 0)
    reader, writer = os.pipe()
    assert [outcome for _, outcome in Processes(_killed, 1).run([writer])] == [Died(-signal.SIGKILL)]
    started = json.loads(os.read(reader, 10_000))
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in started if psutil.pid_exists(pid)], timeout=20)
    assert started and not alive
    for end in (reader, writer):
        os.close(end)


class Odd(Exception):
    """What cannot be made anew from its message."""

    def __init__(self, one, other):
        super().__init__(f"{one} och {other}")


class Stubborn(Exception):
    """What cannot be pickled."""

    def __reduce__(self):
        raise TypeError("nej")


def _ended(task, slot):
    if task == "går inte att läsa":
        raise Odd("ett", "två")
    if task == "går inte att skicka":
        raise Stubborn("tre")
    if task == "dör":
        os._exit(3)
    return (lambda: 1) if task == "ett värde som inte går att skicka" else task


@pytest.mark.parametrize("forks", [pytest.param(True, marks=FORKS), False])
def test_what_cannot_be_sent_is_told_of_and_harms_no_other(monkeypatch, forks):
    monkeypatch.setattr(processes, "CAN_FORK", forks)
    tasks = ["går inte att läsa", "går inte att skicka", "ett värde som inte går att skicka", "dör", "bra"]
    found = dict(Processes(_ended, 1).run(tasks))
    assert [type(found[position]) for position in range(3)] == [RuntimeError] * 3
    assert str(found[0]) == "Odd: ett och två" and str(found[1]) == "Stubborn: tre" and "lambda" in str(found[2])
    assert found[3] == Died(3) and found[4] == "bra"


def _leaves(task, slot):
    """Write temporary files, one of which is thrown away by a process that ends as it should."""
    if task == "sov":
        time.sleep(600)
    kept, gone = tempfile.mkdtemp(prefix="blir-kvar-"), Path(task, "borta")
    gone.touch()
    atexit.register(gone.unlink)
    child = subprocess.run([sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"], check=True,
                           capture_output=True, text=True)
    return kept, child.stdout.strip()


def test_processes_started_anew_leave_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "CAN_FORK", False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for tasks in ([str(tmp_path)], [str(tmp_path), "sov"]):
        running = Processes(_leaves, 2).run(tasks)
        _, places = next(running)
        assert all(Path(place).is_dir() for place in places) and (tmp_path / "borta").exists()
        running.close()  # as by Ctrl-C, where one sleeps
        assert not list(tmp_path.iterdir()) and not multiprocessing.active_children()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
def test_a_socket_finds_room_wherever_temporary_files_lie(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("lång" * 30)))
    with processes.short_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/ritare-1000")
    assert not Path(folder).exists()


@FORKS
@pytest.mark.parametrize("parent", ["lever", "är död"])
def test_a_process_whose_parent_has_died_already_ends(parent):
    """What it asks to be told of has then happened before."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        with suppress(BaseException):
            processes.stay_with_parent(os.getppid() if parent == "lever" else os.getppid() + 1)
            os.write(write, b"lever")
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read, "rb") as told:
        assert told.read() == (b"lever" if parent == "lever" else b"")
