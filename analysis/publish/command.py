"""The command `build`: what has changed is built, and the site replaced whole or not at all."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from analysis.publish.files import write_anew
from analysis.publish.finished import finished_key, is_finished, listing, throw_away_others
from analysis.publish.inputs import Inputs, guide_key, kept_secret, secret
from analysis.publish.places import GUIDE_FOLDER, shared_by_books, work_directory
from analysis.publish.running.collector import uncollected
from analysis.publish.warned import overdue, remaining, remember

STANDS = "Webbplatsen byttes inte ut. De böcker som blev klara sparas till nästa gång."
BUSY = ("Ett annat bygge av {out} pågår, kanske i ett annat fönster eller med serve. Vänta tills det är klart och "
        "försök igen. Ingenting är ändrat.")


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
class _State:
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
    state = _State(choices, inputs, work_directory(choices.out, choices.root), slugs, guide_key(choices.root))
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
        _warn_again(state, slugs)
        return 0
    return _build(state, start)


def _stands(state: _State) -> bool:
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


@contextmanager
def _alone(state: _State) -> Iterator[bool]:
    """Keep other builds from the folder of finished books while this is open; tell whether none was there already.

    The lock goes with the process that holds it, however it ends.
    """
    # A build with nothing to do needs no lock.
    from filelock import FileLock, Timeout

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


def _build(state: _State, start: float) -> int:
    # A build with nothing to do does without what is imported here and in _build_with: it takes more than a second.
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
            from analysis.publish.site import SiteFault

        try:
            return _build_with(state, start, addresses, finish_library)
        except SiteFault as fault:
            print(fault, file=sys.stderr)
        except ClusterFault as fault:
            print(f"{fault}\n{STANDS}", file=sys.stderr)
        return 1


def _drawer_count(state: _State) -> int:
    """Return how many are to draw: as many for each book built at the same time, and no more than it has chapters."""
    jobs, books = state.choices.jobs, len(state.waiting)
    if not books or state.choices.dask is not None:
        return 0
    chapters = len(list((state.choices.root / "chapters").glob("*.ipynb")))
    return min(jobs, books) * max(1, min(jobs // books, chapters))


def _build_with(state: _State, start: float, addresses: Sequence[str], finish_library: Callable[[], None]) -> int:
    with uncollected():
        from analysis.publish import site
        from analysis.publish.plan import read_chapters, read_config
        from analysis.sources import DataError
        from analysis.sources.municipality import unknown_municipality

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
            return _make(state, start, addresses, finish_library)
    print(BUSY.format(out=choices.out), file=sys.stderr)
    return 1


def _make(state: _State, start: float, addresses: Sequence[str], finish_library: Callable[[], None]) -> int:
    with uncollected():
        from analysis.publish import site
        from analysis.publish.cluster import build_on_cluster
        from analysis.publish.guide import build_guide
        from analysis.publish.progress import Progress
        from analysis.publish.run import Order, build_books, failed, prepare

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
    if choices.dask is None:
        prepare(orders)
        if orders:
            finish_library()
        built = build_books(orders, choices.jobs, addresses)
    else:
        built = build_on_cluster(orders, choices.dask)
    for outcome in built:
        outcomes.append(outcome)
        progress.tell(outcome)
    progress.end(unchanged)
    outcomes.sort(key=lambda outcome: outcome.slug)
    remember(state.work, {outcome.slug: (state.keys[outcome.slug], outcome.checked.count) for outcome in outcomes
                          if outcome.checked and not outcome.faults},
             next((dict(outcome.checked.parameters) for outcome in outcomes if outcome.checked), {}))
    _warn(outcomes, quiet=choices.quiet)
    _warn_again(state, unchanged, overdue_too=not orders)
    guide, faults = build_guide(state.work, root=choices.root, force=choices.force, shared=shared_by_books(state.work),
                                say=(lambda line: None) if choices.quiet else print)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults or any(outcome.faults for outcome in outcomes):
        print(STANDS, file=sys.stderr)
        return 1
    site.publish({slug: state.work / "books" / slug for slug in state.slugs}, choices.out,
                 carry_over=bool(choices.slugs), guide=guide, root=choices.root)
    # The new site stands; without the note the next build only has more to do.
    with suppress(OSError, KeyboardInterrupt):
        _note(state, has_guide=guide is not None)
        throw_away_others(state.work, {*state.inputs.municipalities(), GUIDE_FOLDER})
    print(f"Klart ({_seconds(start)} s). Öppna {choices.out / 'index.html'}")
    return 0


def _note(state: _State, *, has_guide: bool) -> None:
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
    from analysis.publish.checking import warnings_of
    from analysis.sources.doubts import summary

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


def _warn_again(state: _State, slugs: Sequence[str], *, overdue_too: bool = True) -> None:
    """Say what there still is to look at of books that are as they were, and what time alone has brought."""
    told = overdue(state.work, datetime.date.today().isoformat()) if overdue_too else []
    for line in (*told, remaining(state.work, {slug: state.keys[slug] for slug in slugs})):
        if line:
            print(line, file=sys.stderr)


def _seconds(start: float) -> str:
    return f"{time.monotonic() - start:.1f}".replace(".", ",")
