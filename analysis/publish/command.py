"""The command `build`: what has changed is built, and the site replaced whole or not at all."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from analysis.publish.finished import is_finished, listing
from analysis.publish.inputs import Inputs, guide_key, kept_secret
from analysis.publish.places import GUIDE_FOLDER, shared_by_books, work_directory
from analysis.publish.running.collector import uncollected
from analysis.publish.warned import overdue, remaining

STANDS = "Webbplatsen byttes inte ut. De böcker som blev klara sparas till nästa gång."


@dataclass(frozen=True)
class Choices:
    """What the analyst has asked for; no slugs means every municipality, no jobs as many as the machine has room for.

    `dask` is the address of a cluster, if any.
    """

    slugs: Sequence[str]
    data: Path
    out: Path
    root: Path
    jobs: int | None
    documents: bool
    force: bool = False
    quiet: bool = False
    verbose: bool = False
    dask: str | None = None


@dataclass
class State:
    """What there is to do: the books wanted, with the keys of their inputs, and those of them that are not there.

    `unreadable` are those whose inputs cannot be read, with why.
    """

    choices: Choices
    inputs: Inputs
    work: Path
    slugs: list[str]
    guide_key: str
    keys: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, OSError] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)


def build(choices: Choices) -> int:
    """Build what has changed and replace the site; return the exit code.

    Raises OSError where a file cannot be read or written, and DataError where the project's own files are damaged.
    """
    start = time.monotonic()
    inputs = Inputs(choices.data, choices.root)
    slugs = list(dict.fromkeys(choices.slugs)) or inputs.municipalities()
    if not slugs:
        print(f"Det finns inga kommuner i {choices.data / 'kommuner'}.", file=sys.stderr)
        return 1
    state = State(choices, inputs, work_directory(choices.out, choices.root), slugs, guide_key(choices.root))
    # What is wrong with what all books share stops them all, what is wrong with a municipality's folder only its own.
    inputs.read_shared()
    for slug in slugs:
        try:
            state.keys[slug] = inputs.book_key(slug, documents=choices.documents)
        except OSError as error:
            state.unreadable[slug] = error
    anew = choices.force or kept_secret(state.work) is None
    state.waiting = [slug for slug, key in state.keys.items() if anew or not is_finished(state.work, slug, key)]
    if not state.waiting and not state.unreadable and _stands(state):
        count = "1 bok" if len(slugs) == 1 else f"{len(slugs)} böcker"
        print(f"Ingenting har ändrats sedan sist, {count} ({_seconds(start)} s). Öppna {choices.out / 'index.html'}")
        warn_again(state, slugs)
        return 0
    return _build(state, start)


def _stands(state: State) -> bool:
    """Tell whether the site holds just what it is to hold, with every file as it was made."""
    try:
        record = json.loads((state.work / "webbplats.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    wanted = {"books": state.keys, "guide": state.guide_key}
    if state.choices.slugs and record["site"]["books"].keys() >= wanted["books"].keys():
        # The other books of the site are carried over as they are.
        wanted = {**record["site"], "books": {**record["site"]["books"], **wanted["books"]}, "guide": wanted["guide"]}
    guide_stands = not state.guide_key or is_finished(state.work, GUIDE_FOLDER, state.guide_key)
    return guide_stands and record["site"] == wanted and record["files"] == listing(state.choices.out)


def _build(state: State, start: float) -> int:
    # A build with nothing to do does without what is imported from here on: it takes more than a second.
    with uncollected():
        from analysis.publish.library import in_the_making, prepare_shared
        from analysis.publish.running.drawer import drawers
        from analysis.publish.running.fitting import fitting_jobs

    state.choices = dataclasses.replace(state.choices, jobs=state.choices.jobs or fitting_jobs())
    count, shared = _drawer_count(state), shared_by_books(state.work)
    making = in_the_making(shared) if count else nullcontext(functools.partial(prepare_shared, shared))
    # What is begun here becomes ready while the rest is imported.
    with drawers(count) as addresses, making as finish_library:
        with uncollected():
            from analysis.publish.cluster import ClusterFault
            from analysis.publish.making import make
            from analysis.publish.site import SiteFault

        try:
            replaced = make(state, addresses, finish_library)
        except SiteFault as fault:
            print(fault, file=sys.stderr)
            return 1
        except ClusterFault as fault:
            print(f"{fault}\n{STANDS}", file=sys.stderr)
            return 1
    if replaced:
        print(f"Klart ({_seconds(start)} s). Öppna {state.choices.out / 'index.html'}")
    return 0 if replaced else 1


def _drawer_count(state: State) -> int:
    """Return how many are to draw: as many for each book built at the same time, and no more than it has chapters."""
    jobs, books = state.choices.jobs, len(state.waiting)
    if not books or state.choices.dask is not None:
        return 0
    chapters = len(list((state.choices.root / "chapters").glob("*.ipynb")))
    return min(jobs, books) * max(1, min(jobs // books, chapters))


def warn_again(state: State, slugs: Sequence[str], *, overdue_too: bool = True) -> None:
    """Say what there still is to look at of books that are as they were, and what time alone has brought."""
    told = overdue(state.work, datetime.date.today().isoformat()) if overdue_too else []
    for line in (*told, remaining(state.work, {slug: state.keys[slug] for slug in slugs})):
        if line:
            print(line, file=sys.stderr)


def _seconds(start: float) -> str:
    return f"{time.monotonic() - start:.1f}".replace(".", ",")
