"""Runs a command and tells its time, the processor time and peak memory of all its processes, and what is on disk."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Reading how much memory a process has costs it some: no more than a tenth of the time goes to that.
INTERVAL_SECONDS, PAUSE_PER_COST = 0.2, 10
MEGABYTE = 1_000_000


class CommandFault(Exception):
    """A command failed; the message holds the end of what it said."""


@dataclass(frozen=True)
class Run:
    """What a command took: seconds on the clock, seconds of processor, and bytes at the most."""

    seconds: float
    processor_seconds: float
    peak_bytes: int


def run(command: Sequence[str], log: Path, *, cwd: Path, environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end; raises CommandFault where it fails. On any interruption its processes are ended.

    Memory is the sum of PSS over the command's processes, in which what several share counts once.
    """
    with log.open("wb") as output:
        before = os.times()
        start = time.monotonic()
        root = psutil.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        known: set[psutil.Process] = {root}
        peak = 0
        try:
            ended = False
            while not ended:
                began = time.monotonic()
                # A process whose parent is gone is no longer found below the command: those seen stay known.
                with suppress(psutil.NoSuchProcess):
                    known.update(root.children(recursive=True))
                known = {one for one in known if one.is_running()}
                peak = max(peak, sum(map(_memory, known)))
                pause = max(INTERVAL_SECONDS, PAUSE_PER_COST * (time.monotonic() - began))
                with suppress(psutil.TimeoutExpired):
                    root.wait(pause)
                    ended = True
            seconds = time.monotonic() - start
        finally:
            _end(known)
    after = os.times()
    if root.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        raise CommandFault("\n".join([f"{' '.join(map(str, command))} ended with {root.returncode}:", *said]))
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, used, peak)


def _memory(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


def _end(processes: Iterable[psutil.Process]) -> None:
    """End what is left of the processes that a command started; others with the same numbers are left alone."""
    left = [one for one in processes if one.is_running()]
    for one in left:
        with suppress(psutil.Error):
            one.terminate()
    for one in psutil.wait_procs(left, timeout=5)[1]:
        with suppress(psutil.Error):
            one.kill()


def bytes_on_disk(folder: Path, besides: Path | None = None) -> int:
    """Return how much disk a folder takes, a file with several names once; not what `besides` holds too."""
    counted = {(one.st_dev, one.st_ino) for one in _files(besides)} if besides else set()
    total = 0
    for one in _files(folder):
        if (one.st_dev, one.st_ino) not in counted:
            counted.add((one.st_dev, one.st_ino))
            total += one.st_blocks * 512
    return total


def _files(folder: Path) -> Iterable[os.stat_result]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield os.lstat(Path(place) / name)
