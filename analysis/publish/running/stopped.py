"""What is told of a cell that did not become ready, or whose process died: by both engines, in Swedish."""

from __future__ import annotations

from collections.abc import Mapping

from nbclient.exceptions import CellTimeoutError, DeadKernelError


def timed_out(cell: Mapping | None, seconds: float | None) -> CellTimeoutError:
    """Return the error of a cell, or after all of them of None, that was not ready within so many seconds.

    `number` is the cell's in the chapter as committed, or None where it has none.
    """
    subject = "Cellen blev inte klar" if cell else "Kapitlet blev inte klart"
    count = int(seconds or 0)
    error = CellTimeoutError(f"{subject} inom {count} {'sekund' if count == 1 else 'sekunder'}")
    error.number = _number(cell)
    return error


def died(cell: Mapping | None, cause: str = "troligen för att minnet tog slut. Försök med --jobs 1") -> DeadKernelError:
    """Return the error of a cell, or outside all of them of None, whose process ended; `number` as in timed_out."""
    subject = "Processen som körde cellen" if cell else "Processen som kör kapitlets celler"
    error = DeadKernelError(f"{subject} dog, {' '.join(cause.split())}")
    error.number = _number(cell)
    return error


def _number(cell: Mapping | None) -> int | None:
    """Return a cell's number in the chapter as committed, where it has one."""
    return cell["metadata"].get("assistansboken", {}).get("number") if cell else None
