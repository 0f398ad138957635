"""How many books are built at the same time where nobody has said so."""

from __future__ import annotations

import os
from types import SimpleNamespace

import psutil
import pytest

from analysis import cli
from analysis.publish import refresh
from analysis.publish.running import fitting

GIGABYTE = 1024**3


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Let the machine have so many processors, so much memory to spare, and a container's limit in words, if any."""
    def be(processors, available, limit=None):
        monkeypatch.setattr(fitting, "_processors", lambda: processors)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=int(available * GIGABYTE)))
        if limit is not None:
            (tmp_path / "memory.max").write_text(limit, encoding="ascii")
        monkeypatch.setattr(fitting, "_LIMITS", (str(tmp_path / "finns inte"), str(tmp_path / "memory.max")))
    return be


@pytest.mark.parametrize(("processors", "available", "limit", "jobs"), [
    (2, 24, None, 2), (64, 8, None, 20), (64, 0.1, None, 1), (1, 8, None, 1),
    (64, 64, f"{2 * GIGABYTE}\n", 5), (64, 1, f"{2 * GIGABYTE}\n", 2), (64, 8, "max\n", 20),
    (64, 8, "9223372036854771712\n", 20),
])
def test_as_many_as_there_are_processors_and_memory_for(machine, processors, available, limit, jobs):
    machine(processors, available, limit)
    assert fitting.fitting_jobs() == jobs


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not bind processes to processors")
def test_a_process_bound_to_one_processor_builds_one_book():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert fitting.fitting_jobs() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(("words", "jobs"), [([], 7), (["--jobs", "3"], 3)])
def test_what_is_said_is_what_counts(monkeypatch, tmp_path, words, jobs):
    asked = []
    monkeypatch.setattr(fitting, "fitting_jobs", lambda: 7)
    monkeypatch.setattr(refresh, "refresh_notebooks", lambda paths, root, jobs: asked.append(jobs) or [])
    cli.main(["notebooks", *words])
    assert asked == [jobs]
