"""The making of the books that a build has found to be missing, and of the site that they are in."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from analysis.publish import site
from analysis.publish.checking import warnings_of
from analysis.publish.cluster import build_on_cluster
from analysis.publish.command import STANDS, State, warn_again
from analysis.publish.files import write_anew
from analysis.publish.finished import finished_key, listing, throw_away_others
from analysis.publish.guide import build_guide
from analysis.publish.inputs import secret
from analysis.publish.places import GUIDE_FOLDER, shared_by_books, spare_site
from analysis.publish.plan import read_chapters, read_config
from analysis.publish.progress import Progress
from analysis.publish.run import DIED, BuildFault, Order, build_books, cause_of, failed, prepare
from analysis.publish.running.processes import CAN_FORK, Died, Processes
from analysis.publish.warned import remember
from analysis.sources import DataError
from analysis.sources.doubts import summary
from analysis.sources.municipality import unknown_municipality

BUSY = ("Ett annat bygge av {out} pågår, kanske i ett annat fönster eller med serve. Vänta tills det är klart och "
        "försök igen. Ingenting är ändrat.")


def make(state: State, addresses: Sequence[str], finish_library: Callable[[], None]) -> bool:
    """Make the books that are waiting, the guide and the site; tell whether the site was replaced.

    `addresses` are where charts are drawn; `finish_library` waits until the chart library is there. Raises SiteFault,
    ClusterFault and DataError for what stops everything.
    """
    choices = state.choices
    site.refuse_foreign(choices.out, choices.root)
    # What would stop every book is told before anything is made.
    read_chapters(choices.root)
    read_config(choices.root)
    known = state.inputs.municipalities()
    unknown = [unknown_municipality(slug, choices.data) for slug in state.slugs if slug not in known]
    if unknown:
        raise DataError(unknown)
    expected = len(state.waiting)
    with _alone(state) as is_alone:
        if is_alone:
            if len(state.waiting) > expected:
                # There may be too few that draw for several at once.
                state.choices = dataclasses.replace(choices, jobs=1)
            return _make(state, addresses, finish_library)
    print(BUSY.format(out=choices.out), file=sys.stderr)
    return False


@contextmanager
def _alone(state: State) -> Iterator[bool]:
    """Keep other builds from the folder of finished books while this is open; tell whether none was there already.

    The lock goes with the process that holds it, however it ends.
    """
    state.work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(state.work / "bygge.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        # Another build may have ended, or been cut short, since it was looked at what there is to do.
        waiting = set(state.waiting)
        state.waiting = [slug for slug, key in state.keys.items()
                         if slug in waiting or finished_key(state.work, slug) != key]
        yield True
    finally:
        lock.release()


def _make(state: State, addresses: Sequence[str], finish_library: Callable[[], None]) -> bool:
    choices = state.choices
    site.prepare(choices.out, choices.root)
    key = secret(state.work)
    ordered = {slug: Order(slug, state.inputs, state.work, state.keys.get(slug, ""), key, choices.documents,
                           choices.force)
               for slug in (*state.unreadable, *state.waiting)}
    orders = [ordered[slug] for slug in state.waiting]
    unchanged = [slug for slug in state.slugs if slug not in ordered]
    progress = Progress(len(ordered), quiet=choices.quiet, verbose=choices.verbose)
    progress.begin(unchanged)
    outcomes = [failed(ordered[slug], error) for slug, error in state.unreadable.items()]
    for outcome in outcomes:
        progress.tell(outcome)
    here = choices.dask is None
    if here:
        prepare(orders)
        if orders:
            finish_library()
    with _guide_beside(_GuideOrder(state.work, choices.root, choices.force),
                       bool(orders) and here and choices.jobs > 1) as guide_made:
        built = build_books(orders, choices.jobs, addresses) if here else build_on_cluster(orders, choices.dask)
        for outcome in built:
            outcomes.append(outcome)
            progress.tell(outcome)
        progress.end(unchanged)
        outcomes.sort(key=lambda outcome: outcome.slug)
        remember(state.work, {outcome.slug: (state.keys[outcome.slug], outcome.checked.count) for outcome in outcomes
                              if outcome.checked and not outcome.faults},
                 next((dict(outcome.checked.parameters) for outcome in outcomes if outcome.checked), {}))
        _warn(outcomes, quiet=choices.quiet)
        warn_again(state, unchanged, overdue_too=not orders)
        guide, faults, told = guide_made()
    for line in () if choices.quiet else told:
        print(line)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults or any(outcome.faults for outcome in outcomes):
        print(STANDS, file=sys.stderr)
        return False
    site.publish({slug: state.work / "books" / slug for slug in state.slugs}, choices.out,
                 carry_over=bool(choices.slugs), guide=guide, root=choices.root, spare=spare_site(state.work))
    # The new site stands; without the note the next build only has more to do.
    with suppress(OSError, KeyboardInterrupt):
        _note(state, has_guide=guide is not None)
        throw_away_others(state.work, {*state.inputs.municipalities(), GUIDE_FOLDER})
    return True


@dataclass(frozen=True)
class _GuideOrder:
    """What the guide is built from and where."""

    work: Path
    root: Path
    force: bool


@contextmanager
def _guide_beside(order: _GuideOrder, beside: bool) -> Iterator[Callable[[], tuple]]:
    """Give what returns the guide's folder, its faults and what there is to say of it, once.

    It is built `beside` what is done meanwhile, where processes can be forked, since at the end of a build a processor
    may have no book left to do. Else it is built when it is asked for.
    """
    if not (beside and CAN_FORK):
        yield functools.partial(_build_guide, order)
        return
    with Processes(_build_guide, 1).beside(order) as outcome:
        def wait() -> tuple:
            made = outcome()
            if isinstance(made, (OSError, DataError)):
                raise made
            if isinstance(made, (Died, Exception)):
                cause = DIED if isinstance(made, Died) else cause_of(type(made).__name__, str(made))
                return None, [BuildFault("handboken", "", None, cause)], []
            return made

        yield wait


def _build_guide(order: _GuideOrder, slot: int = 0) -> tuple[Path | None, list[BuildFault], list[str]]:
    told: list[str] = []
    guide, faults = build_guide(order.work, root=order.root, force=order.force, shared=shared_by_books(order.work),
                                say=told.append)
    return guide, faults, told


def _note(state: State, *, has_guide: bool) -> None:
    """Write down what the site holds, so that a build with nothing to do can tell."""
    path, files = state.work / "webbplats.json", listing(state.choices.out)
    books = {slug: finished_key(state.work, slug) for slug in state.slugs}
    if state.choices.slugs:
        books = {**_carried_over(path, files), **books}
    held = {"books": books, "guide": finished_key(state.work, GUIDE_FOLDER) if has_guide else ""}
    write_anew(path, json.dumps({"site": held, "files": files}).encode())


def _carried_over(path: Path, files: Mapping[str, list[int]]) -> dict[str, str]:
    """Return the books of the old site, with their keys, of which every file is in the new one as it was made."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    old, new = _by_book(before["files"]), _by_book(files)
    return {slug: key for slug, key in before["site"]["books"].items() if slug in old and old[slug] == new.get(slug)}


def _by_book(files: Mapping[str, list[int]]) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {}
    for name, told in files.items():
        slug, _, inside = name.partition("/")
        found.setdefault(slug, {})[inside] = told
    return found


def _warn(outcomes: Sequence, *, quiet: bool) -> None:
    """Say what somebody should have a look at; it stops nothing."""
    found = [outcome.checked for outcome in outcomes if outcome.checked]
    for warning in warnings_of(found):
        print(warning, file=sys.stderr)
    reviews = [one.review for one in found if one.review]
    if not quiet:
        for line in (line for review in reviews for line in review.lines()):
            print(line, file=sys.stderr)
    count = sum(review.count for review in reviews)
    if count:
        print(summary(count), file=sys.stderr)
