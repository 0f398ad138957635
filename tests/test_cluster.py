"""Books built over a Dask cluster: the same as those built here, wherever they are built and whatever happens there."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import LocalCluster
from test_publish import DATA, TABLE, write_notebook

from analysis import cli
from analysis.publish import cluster
from analysis.publish.command import STANDS
from analysis.publish.inputs import PACKAGE
from analysis.publish.manifest import read_manifest
from analysis.publish.parcel import packed, unpack
from analysis.publish.plan import PROJECT_ROOT
from analysis.publish.running import remote

FAILS = 'if kommun == "bjuv":\n    raise ValueError("fel i Bjuv")'
TOC = """format: jb-book
root: chapters/index
chapters:
- file: chapters/ett
"""


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """The scheduler's address, and the workers' folder: two processes that share no folder with the project."""
    folder = tmp_path_factory.mktemp("arbetare")
    with in_folder(folder), LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
                                         local_directory=str(folder)) as running:
        yield running


@contextmanager
def in_folder(folder):
    """Stand in a folder meanwhile."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two small chapters with data of its own; the command line works on it."""
    root = tmp_path / "projekt"
    root.mkdir()
    shutil.copy(PROJECT_ROOT / "_config.yml", root)
    shutil.copytree(DATA, root / "data")
    (root / "_toc.yml").write_text(TOC, encoding="utf-8")
    write_notebook(root / "chapters" / "index.ipynb", "Boken", "print(kommun)")
    write_notebook(root / "chapters" / "ett.ipynb", "Ett", TABLE)
    monkeypatch.setattr(cli, "PROJECT_ROOT", root)
    return root


def build(root, out, *arguments):
    """Build the books of Malmö and Bjuv; return the exit code."""
    return cli.main(["build", "malmo", "bjuv", "--data", str(root / "data"), "--out", str(out), *arguments])


def content(site):
    """Every file of a site, with the times of building taken out."""
    found = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    for name in [name for name in found if name.endswith("manifest.json")]:
        found[name] = re.sub(rb'"built_at": "[^"]*"', b"", found[name])
    return found


def test_the_site_is_the_same_and_what_came_back_is_reused(project, workers, tmp_path, capsys):
    here, there = tmp_path / "här" / "sajt", tmp_path / "där" / "sajt"
    address = workers.scheduler_address
    assert build(project, here, "--jobs", "1") == 0
    assert build(project, there, "--dask", address) == 0
    assert "2 böcker byggda." in capsys.readouterr().out
    assert content(there) == content(here)
    assert not [name for name, found in content(there).items() if workers.scheduler_address.encode() in found
                or b"byggare-" in found]
    # The next local build has nothing to do, and one that has takes the chapters that came back.
    assert build(project, there, "--jobs", "1") == 0
    assert "Ingenting har ändrats" in capsys.readouterr().out
    write_notebook(project / "chapters" / "ett.ipynb", "Ett", "print(1)", TABLE)
    assert build(project, there, "--jobs", "1") == 0
    assert "malmo: 1 kapitel körda och 1 oförändrade" in capsys.readouterr().out
    # And the other way round: chapters kept here are sent, and are not run there.
    write_notebook(project / "chapters" / "index.ipynb", "Boken", "print(kommun, 2)")
    assert build(project, there, "--dask", address) == 0
    assert "malmo: 1 kapitel körda och 1 oförändrade" in capsys.readouterr().out
    assert build(project, here, "--jobs", "1") == 0
    assert content(there) == content(here)
