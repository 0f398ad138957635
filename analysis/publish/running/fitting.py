"""How many books this machine can build at the same time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

# Measured: 0.2 GB for a book's process, 0.05 for that of its chapter, 0.15 for the one that draws its charts.
_BYTES_A_JOB = 400 * 1024**2
# Where Linux tells what a container may use, which is less than the machine has; of what counts as used there much can
# be thrown out.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def fitting_jobs() -> int:
    """Return how many books to build at once: as many as there are processors and memory for, and at least one."""
    memory = psutil.virtual_memory().available
    for limit in _LIMITS:
        # There is none where it says so in a word.
        with suppress(OSError, ValueError):
            memory = min(memory, int(Path(limit).read_text(encoding="ascii")))
    return max(1, min(_processors(), memory // _BYTES_A_JOB))


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
