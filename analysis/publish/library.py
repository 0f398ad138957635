"""The chart library: Vega with all that it needs as one script, made without a network and shared by all books."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import vl_convert

from analysis.present.svg import drawing_options
from analysis.present.threaded import threaded
from analysis.publish.files import write_anew
from analysis.publish.running.processes import Processes

LIBRARY = "vega.js"
# What that was made from, in the folder that books share.
NOTE = "vega.json"


def chart_library() -> str:
    """Return the library as a script.

    It defines `vegaEmbed`, and `abDiagram`: what charts.js draws every chart with. It takes over a second to make, and
    starts V8: see `in_the_making`.
    """
    head, start, end = _around_the_library()
    return f"{head}{_bundled(start)}{end}"


@threaded("vl-convert")
def _bundled(start: str) -> str:
    return vl_convert.javascript_bundle(start)


def _around_the_library() -> tuple[str, str, str]:
    """Return what stands before the library, what vl-convert takes in, and what stands after."""
    made_of = ", ".join(
        (
            f"Vega {vl_convert.get_vega_version()}",
            f"Vega-Lite {vl_convert.get_vegalite_versions()[-1]}",
            f"Vega-Embed {vl_convert.get_vega_embed_version()}",
        )
    )
    notice = f"/*! {made_of} (BSD-3-Clause) with D3 (ISC) and other libraries they use; bundled by vl-convert. */"
    # Wrapped, so that its short names do not meet those of other scripts in the page.
    start = f"window.vegaEmbed = vegaEmbed; window.abDiagram = {json.dumps(drawing_options())};"
    return f"{notice}\n(() => {{\n", start, "\n})();\n"


def prepare_shared(folder: Path) -> None:
    """Write the library to a folder that books share, unless it is there as it should be, before books are built."""
    with in_the_making(folder) as finish:
        finish()


@contextmanager
def in_the_making(folder: Path) -> Iterator[Callable[[], None]]:
    """Begin to make the library, unless a folder has it; give what waits until it is ready and writes it there.

    It is made beside what this process does meanwhile, and in one of its own: what makes it starts V8, and this one may
    be forked later. No file in the folder is ever written into, since it has a name in every book.
    """
    if is_made(folder):
        yield lambda: None
        return
    with Processes(_make, 1).beside(None) as outcome:
        yield lambda: _write(folder, outcome())


def is_made(folder: Path) -> bool:
    """Tell whether the library of a folder is the one that would be made now, and is as it was made."""
    try:
        noted = json.loads((folder / NOTE).read_bytes())
        digest = hashlib.sha256((folder / LIBRARY).read_bytes()).hexdigest()
    except (FileNotFoundError, ValueError):
        return False
    return noted == {"recipe": _recipe(), "sha256": digest}


def _make(task: None, slot: int) -> bytes:
    return chart_library().encode("utf-8")


def _write(folder: Path, content: object) -> None:
    """Write the library, with what it was made from; raises what making it raised."""
    if not isinstance(content, bytes):
        raise content if isinstance(content, Exception) else ChildProcessError(str(content))
    folder.mkdir(parents=True, exist_ok=True)
    write_anew(folder / LIBRARY, content)
    noted = {"recipe": _recipe(), "sha256": hashlib.sha256(content).hexdigest()}
    write_anew(folder / NOTE, json.dumps(noted).encode("utf-8"))


def _recipe() -> str:
    return json.dumps([_around_the_library(), version("vl-convert-python")])
