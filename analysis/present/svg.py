"""An Altair chart in the page: as SVG, the same bytes every time, and as what a script needs to draw it anew."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path

import vl_convert

from analysis.present.drawing import compact
from analysis.present.numbers import MINUS
from analysis.present.palette import GREY, GRID, INK
from analysis.present.threaded import threaded

# Liberation Sans is built into vl-convert and has Arial's widths, so text fits on machines without it.
FONT = "Liberation Sans"
FONT_STACK = "Liberation Sans, Arial, Helvetica, sans-serif"
# The smallest words are eleven pixels high where a telephone gives a chart this wide 343 pixels.
WIDTH = 452
FONT_SIZE = 15
# What a script draws for a narrow window it does not shrink, so there the words can be smaller.
NARROW_FONT_SIZE = 13


def look(size: int) -> dict:
    """Return the fonts, inks and grid that every chart of the book has, with words of a size."""
    return {
        "font": FONT_STACK,
        "background": None,
        "padding": 4,
        "view": {"stroke": None},
        "text": {"fontSize": size, "color": INK},
        "axis": {
            "labelFontSize": size,
            "titleFontSize": size,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelColor": INK,
            "titleColor": INK,
            "gridColor": GRID,
            "domainColor": GREY,
            "tickColor": GREY,
        },
        "title": {"fontSize": size, "anchor": "start", "color": INK, "fontWeight": "bold"},
    }


def drawing_options() -> dict:
    """Return what a script needs to draw any chart as it is drawn here: the look, wide and narrow, and the numbers."""
    return {
        "config": look(FONT_SIZE),
        "narrowConfig": look(NARROW_FONT_SIZE),
        "formatLocale": vl_convert.get_format_locale("sv-SE") | {"minus": MINUS},
    }


def live_specification(chart: dict) -> dict:
    """Return the chart as the page's script reads it, without what `drawing_options` gives."""
    return {**chart, "usermeta": {name: chart["usermeta"][name] for name in ("least", "most")}}


def to_svg(chart: dict, description: str) -> str:
    """Return the chart as one svg element with role img and the description as its name."""
    config = look(FONT_SIZE) | {"font": FONT}
    # No label is so wide that it should be cut, and Vega need not measure each once more to know.
    config["axis"]["labelLimit"] = 0
    specification = {name: part for name, part in _without_targets(chart).items() if name != "usermeta"}
    svg = _drawer(json.dumps(specification | {"config": config}))
    attributes, drawn = compact(svg, FONT_STACK, INK)
    # Vega names every mark in English; the chart is one image with a Swedish name instead.
    name = f'role="img" aria-label="{escape(description)}"'
    return f'<svg {name} xmlns="http://www.w3.org/2000/svg"{attributes}>{drawn}</svg>'


@functools.lru_cache(maxsize=256)
def draw(specification: str) -> str:
    """Return what Vega draws of a Vega-Lite specification: an svg element with Vega's own ids.

    It starts vl-convert's JavaScript engine, after which the process must not be forked. What many books share, the
    charts of the nation, is drawn once.
    """
    return _drawn(specification)


def draws_here() -> bool:
    """Tell whether `draw` draws in this process itself, and so makes it ready for more."""
    return _drawn.is_done_here


@threaded("vl-convert")
def _drawn(specification: str) -> str:
    _load_fonts()
    return vl_convert.vegalite_to_svg(specification, format_locale="sv-SE")


_drawer: Callable[[str], str] = draw


def set_drawer(drawer: Callable[[str], str]) -> None:
    """Let another function, such as one that asks another process, do what `draw` does for every chart from now on."""
    global _drawer
    _drawer = drawer


def to_png(svg: str, scale: float) -> bytes:
    """Return an SVG file as PNG, `scale` pixels for each of its own; no engine is started."""
    _load_fonts()
    return vl_convert.svg_to_png(svg, scale=scale)


@functools.cache
def _load_fonts() -> None:
    """Let vl-convert find no fonts but those that are built into it.

    Else it opens the files of the machine's own, where they have the same name, anew for every letter that it measures
    or draws, and a picture depends on what is installed. vl-convert looks for fonts once; where fontconfig tells which
    there are, it is told of a folder that has none.
    """
    before = os.environ.get("FONTCONFIG_FILE")
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "fonts.conf")
        told.write_text(f"<?xml version='1.0'?><fontconfig><dir>{escape(folder)}</dir></fontconfig>", encoding="utf-8")
        os.environ["FONTCONFIG_FILE"] = str(told)
        try:
            vl_convert.svg_to_png('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')
        finally:
            del os.environ["FONTCONFIG_FILE"]
            if before is not None:
                os.environ["FONTCONFIG_FILE"] = before


def _without_targets(spec: dict) -> dict:
    """Return a specification without the unseen marks that a pointer hits, which a picture has no use for."""
    kept = dict(spec)
    for name in ("layer", "vconcat"):
        if name in spec:
            parts = [part for part in spec[name] if dict(part.get("mark") or {}).get("opacity") != 0]
            kept[name] = [_without_targets(part) for part in parts]
    return kept
