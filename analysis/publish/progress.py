"""What a build says while it goes on: a line a municipality, a bar on a terminal, and a summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tqdm import tqdm

from analysis.present.language import listed
from analysis.present.numbers import number
from analysis.publish.run import Outcome


class Progress:
    """The account of a build of so many books; `quiet` leaves faults, warnings and the summary."""

    def __init__(self, count: int, *, quiet: bool = False, verbose: bool = False) -> None:
        self._count, self._quiet, self._verbose = count, quiet, verbose
        self._start = time.monotonic()
        self._seconds: dict[str, float] = {}
        self._ran = self._reused = self._failed = self._done = 0
        # In a log a bar would be a line for each step; what it says stands in the lines there.
        # Its thread, which looks for bars that stand still, must not be there when processes are forked.
        tqdm.monitor_interval = 0
        self._bar = None
        if sys.stderr.isatty() and not quiet and count > 1:
            self._bar = tqdm(total=count, unit="bok", leave=False, ncols=80, file=sys.stderr, bar_format=
                             "{desc}{percentage:3.0f} % |{bar}| {n_fmt} av {total_fmt}, {remaining} kvar")

    def begin(self, unchanged: Sequence[str]) -> None:
        """Say what there is to do."""
        if self._quiet:
            return
        if not self._count:
            print("Ingen bok behöver byggas om. Webbplatsen sätts ihop på nytt.")
            return
        beside = f" ({len(unchanged)} har inte ändrats)" if unchanged else ""
        print(f"Bygger {_counted(self._count, 'bok', 'böcker')}{beside}")

    def tell(self, outcome: Outcome) -> None:
        """Say what came of a book."""
        self._done += 1
        self._ran += len(outcome.ran)
        self._reused += len(outcome.reused)
        self._failed += bool(outcome.faults)
        for stage, seconds in outcome.seconds.items():
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        lines = [self._line(outcome)] if not self._quiet and not outcome.faults else []
        if self._verbose:
            lines += [f"  {stage}: {number(seconds, 2)} s" for stage, seconds in outcome.seconds.items()]
        for line in lines:
            self._print(line, sys.stdout)
        for fault in outcome.faults:
            self._print(str(fault), sys.stderr)
        if self._bar is not None:
            self._bar.update()

    def _line(self, outcome: Outcome) -> str:
        counts = [(len(outcome.ran), "kapitel kört", "kapitel körda"),
                  (len(outcome.reused), "oförändrat", "oförändrade"), (outcome.left_out, "utelämnat", "utelämnade")]
        place = f" [{self._done} av {self._count}]" if self._count > 1 else ""
        told = listed([_counted(*count) for count in counts if count[0]])
        return f"{outcome.slug}: {told} ({number(sum(outcome.seconds.values()), 1)} s)" + place

    def end(self, unchanged: Sequence[str]) -> None:
        """Say what came of all."""
        if self._bar is not None:
            self._bar.close()
        if self._verbose and len(self._seconds) and self._count > 1:
            print("Så fördelade sig tiden, sammanlagt i alla processer:")
            for stage, seconds in sorted(self._seconds.items(), key=lambda item: -item[1]):
                print(f"  {stage}: {number(seconds, 1)} s")
        built = self._done - self._failed
        counts = [(built, "bok byggd", "böcker byggda"), (len(unchanged), "oförändrad", "oförändrade"),
                  (self._failed, "misslyckad", "misslyckade")]
        told = [_counted(*count) for count in counts if count[0]]
        if told:
            print(f"{listed(told)}.".capitalize())

    def _print(self, line: str, stream) -> None:
        if self._bar is None:
            print(line, file=stream)
        else:
            self._bar.write(line, file=stream)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
