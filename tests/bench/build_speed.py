"""Measures how fast books of municipalities that do not exist are built: `make bench`.

Each number of municipalities is built from nothing, again with nothing changed, with one cell of one municipality
changed (every book that shows it, and then that municipality's own alone), and with the books gone but their chapters
kept. In the same run the plain stack builds the same notebooks of the first municipalities, one after the other. What
was measured is kept in results.json, and docs/performance.md gets its table. Nothing is asserted: how fast a machine
is, is not a fault.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from processes import MEGABYTE, CommandFault, Run, bytes_on_disk, run
from synthetic import LAST, ROOT, FolderFault, make_data, own_folder, remove_folder

sys.path.insert(0, str(ROOT))

from analysis.publish.places import work_directory

RESULTS = Path(__file__).with_name("results.json")
DOCUMENT = ROOT / "docs" / "performance.md"
START, END = "<!-- make bench: start -->", "<!-- make bench: end -->"
COUNTS = (1, 8, 64, 290)
# With what a book needs beside it: the municipalities that it is compared with.
FEWEST = 4
PLAIN = 8
# What takes less than so many seconds is measured so many times, and the median told.
QUICK_SECONDS, TIMES = 20, 3
CHANGED = {"ar": str(LAST), "verksamhet": "lss"}
_IMPORT = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
# Imports the modules named and tells how long it took. Telling each one's time, as Python can, itself takes time.
_IMPORT_ALL = """
import gc, importlib, sys, time
gc.disable()
start = time.perf_counter()
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
    except Exception:
        pass
print(time.perf_counter() - start)
"""
_CHAPTERS = ("kostnader", "lss")


class Bench:
    """The folders of one number of municipalities, and what is done with them."""

    def __init__(self, folder: Path, count: int, seed: int, jobs: int) -> None:
        self.count, self.jobs = count, jobs
        self.data, self.site = folder / f"data-{count}", folder / f"sites-{count}" / "site"
        self.log = folder / f"build-{count}.log"
        self.site.parent.mkdir()
        self.slugs = make_data(self.data, max(count, FEWEST), seed)[:count]
        self.work = work_directory(self.site, ROOT)

    def build(self, environment: dict[str, str] | None = None, only: Sequence[str] = ()) -> Run:
        """Build what is to be built, or `only` some books of it, and see that every book is there."""
        named = only or (self.slugs if self.count < FEWEST else [])
        command = [
            sys.executable,
            "-m",
            "analysis",
            "build",
            "--quiet",
            *named,
            "--data",
            str(self.data),
            "--out",
            str(self.site),
            "--jobs",
            str(self.jobs),
        ]
        took = run(command, self.log, cwd=ROOT, environment={"PYTHONPATH": str(ROOT), **(environment or {})})
        missing = [slug for slug in self.slugs if not (self.site / slug / "index.html").is_file()]
        if missing:
            raise CommandFault(f"no book of {', '.join(missing[:5])} though the build succeeded")
        return took

    def change_cell(self) -> None:
        """Add one to a net cost of the last municipality, which several of its chapters show."""
        path = self.data / "kommuner" / self.slugs[-1] / "ekonomi.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        row = next(row for row in rows if all(row[name] == value for name, value in CHANGED.items()))
        row["nettokostnad_tkr"] = str(int(row["nettokostnad_tkr"]) + 1)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=";", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def build_unchanged(self) -> Run:
        """Build with nothing changed, and see that the site was left as it is."""
        page = self.site / "index.html"
        before = page.stat()
        took = self.build()
        if (page.stat().st_ino, page.stat().st_mtime_ns) != (before.st_ino, before.st_mtime_ns):
            raise CommandFault("the site was replaced though nothing had changed; was the program, meanwhile?")
        return took

    def build_changed(self, environment: dict[str, str] | None = None, only: Sequence[str] = ()) -> Run:
        """Change a cell, build, and see that the pages that show it are others."""
        pages = [self.site / self.slugs[-1] / f"{name}.html" for name in _CHAPTERS]
        before = [page.read_bytes() for page in pages]
        self.change_cell()
        took = self.build(environment, only)
        if any(page.read_bytes() == old for page, old in zip(pages, before, strict=True)):
            raise CommandFault("a cell was changed, but not the pages that show it")
        return took

    def build_own(self) -> Run:
        """Change a cell and build that municipality's own book, not those of others that show the same value."""
        return self.build_changed(only=self.slugs[-1:])

    def forget_books(self) -> None:
        """Take away the finished books and the site, and leave the executed chapters."""
        shutil.rmtree(self.work / "books", ignore_errors=True)
        shutil.rmtree(self.site)


def measure(bench: Bench, found: dict, say: Callable[[str], None], keep: Callable[[], None]) -> None:
    """Put what each state of one number of municipalities took into `found`; `keep` keeps it after each."""
    found.update(count=bench.count, states={})

    def note(state: str, runs: Sequence[Run]) -> None:
        middle = sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]
        found["states"][state] = {
            "seconds": round(middle.seconds, 2),
            "processor_seconds": round(middle.processor_seconds, 2),
            "peak_mb": round(max(one.peak_bytes for one in runs) / MEGABYTE),
            "times": len(runs),
        }
        say(
            f"N = {bench.count}, {state}: {middle.seconds:.1f} s, {middle.processor_seconds:.1f} s of processor, "
            f"{found['states'][state]['peak_mb']} MB"
        )
        keep()

    note("cold", [bench.build()])
    found["site_mb"] = round(bytes_on_disk(bench.site) / MEGABYTE, 1)
    found["cache_mb"] = round(bytes_on_disk(bench.work, bench.site) / MEGABYTE, 1)
    note("nothing", _several(bench.build_unchanged))
    note("one_cell", _several(bench.build_changed))
    note("one_cell_own", _several(bench.build_own))
    bench.build_changed({"PYTHONPROFILEIMPORTTIME": "1"})
    told = bench.log.read_text(encoding="utf-8", errors="replace")
    found["import_seconds"] = round(_importing(_IMPORT.findall(told)), 2)
    say(f"N = {bench.count}: imports {found['import_seconds']} s, sites {found['site_mb']} MB, "
        f"caches beside them {found['cache_mb']} MB")
    bench.forget_books()
    note("warm", [bench.build()])


def _importing(modules: Sequence[str]) -> float:
    """Return the seconds that it takes to import modules in a new process, where finding them begins anew too."""
    command = [sys.executable, "-c", _IMPORT_ALL]
    names, environment = "\n".join(dict.fromkeys(modules)), {**os.environ, "PYTHONPATH": str(ROOT)}
    return statistics.median(
        float(subprocess.run(command, input=names, env=environment, capture_output=True, text=True, check=True).stdout)
        for _ in range(TIMES)
    )


def _several(build: Callable[[], Run]) -> list[Run]:
    """Run a build once, and where it was quick some times more."""
    first = build()
    return [first, *(build() for _ in range(TIMES - 1 if first.seconds < QUICK_SECONDS else 0))]


def measure_plain(bench: Bench, folder: Path, count: int, say: Callable[[str], None]) -> dict:
    """Return what the plain stack takes for the first municipalities; raises where its books have other files."""
    import plain_stack

    seconds, processor, unlike = [], [], []
    for slug in bench.slugs[:count]:
        place, ours = folder / "plain" / slug, bench.site / slug
        plan = plain_stack.stage(slug, bench.data, place, ROOT)
        start, before = time.monotonic(), time.process_time()
        runs = plain_stack.build(plan, place, bench.data, ROOT, bench.log, any(ours.glob("diagram/*.png")))
        seconds.append(time.monotonic() - start)
        processor.append(sum(one.processor_seconds for one in runs) + time.process_time() - before)
        unlike += [f"{slug}/{name}" for name in sorted(_content(place / "_build" / "html") ^ _content(ours))]
        say(f"plain stack, {slug}: {seconds[-1]:.1f} s, {processor[-1]:.1f} s of processor")
        shutil.rmtree(place)
    if unlike:
        raise CommandFault(f"the two stacks did not make files of the same names: {', '.join(unlike[:10])}")
    return {
        "count": len(seconds),
        "seconds": round(statistics.mean(seconds), 2),
        "processor_seconds": round(statistics.mean(processor), 2),
    }


def _content(book: Path) -> set[str]:
    """Return the pages and downloads of a book by name."""
    files = (path.relative_to(book).as_posix() for path in book.rglob("*") if path.is_file())
    return {name for name in files if name.endswith(".html") or name.startswith(("tabeller/", "diagram/"))}


def table(results: dict) -> str:
    """Return the results as Markdown."""
    machine, plain = results["machine"], results["plain"]
    sizes = {one["count"]: one for one in results["sizes"]}
    lines = [
        f"Measured {results['date']} by `make bench`: {machine['cores']} cores, {machine['system']}, Python "
        f"{machine['python']}, `--jobs {results['jobs']}`. Each synthetic municipality has {results['content']}. "
        "Seconds on the clock; in brackets seconds of processor, all processes together. Memory is the sum of PSS over "
        "all processes, a file with several hard links counts once.",
        "",
        "| Municipalities | from nothing | each | chapters kept | one cell changed, every book that shows it | "
        "the same, its own book | nothing changed | most memory | sites | caches beside them |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for count, one in sizes.items():
        states = one["states"]
        took = {name: f"{state['seconds']:.1f} s ({state['processor_seconds']:.1f})" for name, state in states.items()}
        peak = max(state["peak_mb"] for state in states.values())
        lines.append(
            f"| {count} | {took['cold']} | {states['cold']['seconds'] / count:.2f} s | {took['warm']} | "
            f"{took['one_cell']} | {took['one_cell_own']} | {took['nothing']} | {peak} MB | {one['site_mb']:.0f} MB | "
            f"{one['cache_mb']:.0f} MB |"
        )
    if plain:
        lines += [
            "",
            f"The plain stack, papermill then jupyter-book, one after the other, on the same notebooks in the "
            f"same run, {plain['count']} municipalities: {plain['seconds']:.1f} s each "
            f"({plain['processor_seconds']:.1f} s of processor).",
        ]
    held = list(targets(results))
    if held:
        lines += ["", "| Target | asked | measured | holds |", "|---|---|---|---|"]
        lines += [
            f"| {what} | {asked} | {value} | {'yes' if holds else '**no**'} |" for what, asked, value, holds in held
        ]
    return "\n".join(lines)


def targets(results: dict):
    """Yield each target whose figures were measured: what, what is asked, what was measured, and whether it holds."""
    sizes, plain = {one["count"]: one for one in results["sizes"]}, results["plain"]
    each = {count: one["states"]["cold"]["seconds"] / count for count, one in sizes.items()}
    if plain and PLAIN in each:
        ratio = plain["seconds"] / each[PLAIN]
        yield (
            f"times faster than the plain stack, {PLAIN} municipalities from nothing",
            "25",
            f"{ratio:.1f}",
            ratio >= 25,
        )
    most = sizes.get(COUNTS[-1])
    if not most:
        return
    count, states = most["count"], most["states"]
    seconds = {name: state["seconds"] for name, state in states.items()}
    yield f"{count} from nothing", "360 s", f"{seconds['cold']:.0f} s", seconds["cold"] < 360
    if PLAIN in each:
        growth = each[count] / each[PLAIN]
        yield f"time for each at {count}, in times that at {PLAIN}", "1.2", f"{growth:.2f}", growth <= 1.2
    yield f"one cell changed, {count}, every book", "5 s", f"{seconds['one_cell']:.1f} s", seconds["one_cell"] < 5
    yield "the same, its own book", "5 s", f"{seconds['one_cell_own']:.1f} s", seconds["one_cell_own"] < 5
    imports = most["import_seconds"]
    yield "its imports, once more in a process of their own", "1.5 s", f"{imports:.1f} s", imports < 1.5
    yield f"nothing changed, {count}", "2 s", f"{seconds['nothing']:.1f} s", seconds["nothing"] < 2
    peak = max(state["peak_mb"] for state in states.values())
    yield f"most memory, {count}", "1.5 GB", f"{peak / 1000:.2f} GB", peak < 1500
    yield f"sites on disk, {count}", "600 MB", f"{most['site_mb']:.0f} MB", most["site_mb"] < 600


def write_table(results: dict) -> None:
    """Put the table between its markers in docs/performance.md."""
    text = DOCUMENT.read_text(encoding="utf-8")
    start, end = text.index(START) + len(START), text.index(END)
    DOCUMENT.write_text(f"{text[:start]}\n\n{table(results)}\n\n{text[end:]}", encoding="utf-8", newline="\n")


def content_of(book: Path) -> str:
    """Return in words how much a book holds."""
    tables, charts = (len(list(book.glob(pattern))) for pattern in ("tabeller/*.csv", "diagram/*.svg"))
    manifest = json.loads((book / "manifest.json").read_text(encoding="utf-8"))
    return f"{len(manifest['chapters'])} chapters, {tables} tables and {charts} charts"


def main() -> int:
    """Measure what is asked for, and tell it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--counts",
        type=lambda text: sorted({int(one) for one in text.split(",")}),
        default=list(COUNTS),
        help="numbers of municipalities, e.g. 1,8",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / "_build" / "bench", help="where it is done; taken away")
    parser.add_argument("--keep", action="store_true", help="leave the folder as it is afterwards")
    parser.add_argument(
        "--plain",
        action=argparse.BooleanOptionalAction,
        default=True,
        help=f"measure the plain stack too, with {PLAIN} municipalities",
    )
    parser.add_argument(
        "--plain-count", type=int, default=PLAIN, help="how many of them; each takes a minute or more"
    )
    parser.add_argument(
        "--docs",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write results.json and the table in docs/performance.md",
    )
    options = parser.parse_args()
    folder = options.folder.resolve()
    # Ended politely it cleans up after itself too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def say(line: str) -> None:
        print(line, flush=True)

    def keep() -> None:
        # A whole run takes the better part of an hour; what is measured is there also where it is cut short.
        if options.docs:
            RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8", newline="\n")

    results = {
        "date": datetime.date.today().isoformat(),
        "jobs": options.jobs,
        "seed": options.seed,
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "content": "",
        "sizes": [],
        "plain": None,
    }
    try:
        remove_folder(folder)
        own_folder(folder)
        try:
            for count in options.counts:
                bench = Bench(folder, count, options.seed, options.jobs)
                results["sizes"].append({})
                measure(bench, results["sizes"][-1], say, keep)
                if options.plain and count == PLAIN:
                    results["plain"] = measure_plain(bench, folder, options.plain_count, say)
                results["content"] = content_of(bench.site / bench.slugs[0])
                keep()
        finally:
            if not options.keep:
                remove_folder(folder)
    except (FolderFault, CommandFault) as fault:
        print(fault, file=sys.stderr)
        return 1
    say("")
    say(table(results))
    if options.docs:
        write_table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
