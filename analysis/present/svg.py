"""An Altair chart in the page: as SVG, the same bytes every time, and as what a script needs to draw it anew."""

from __future__ import annotations

import hashlib
import json
import re
from html import escape

import altair as alt
import vl_convert

from analysis.present.numbers import MINUS
from analysis.present.palette import GREY, GRID, INK

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


def live_specification(chart: alt.TopLevelMixin) -> dict:
    """Return the chart as the page's script reads it, without what `drawing_options` gives."""
    with alt.data_transformers.enable(consolidate_datasets=False):
        specification = chart.to_dict()
    specification.pop("$schema", None)
    specification.pop("config", None)
    specification["usermeta"] = {name: chart.usermeta[name] for name in ("least", "most")}
    return specification


def as_json(content: dict) -> str:
    """Return JSON that can stand in a script element: a closing tag inside it would end the element."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def draw(specification: str) -> str:
    """Return what vl-convert draws of a specification; starts what draws in this process."""
    return vl_convert.vegalite_to_svg(specification, format_locale="sv-SE")


_drawer = draw


def set_drawer(drawer) -> None:
    """Let charts be drawn by something else than this process."""
    global _drawer
    _drawer = drawer


def to_svg(chart: alt.TopLevelMixin, description: str) -> str:
    """Return the chart as one svg element with role img and the description as its name."""
    spec = _without_targets(chart.to_dict()) | {"config": look(FONT_SIZE) | {"font": FONT}}
    svg = _drawer(json.dumps(spec))
    svg = svg[svg.index("<svg") :]
    # Vega numbers its ids on from chart to chart: number them anew, so that a chart is the same whatever came before.
    for position, id_ in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))):
        svg = re.sub(rf'(\bid="|url\(#|href="#){re.escape(id_)}(?=["\)])', rf"\g<1>mark{position}", svg)
    # Two charts on a page must not share ids.
    prefix = "d" + hashlib.sha256(svg.encode()).hexdigest()[:10]
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
    svg = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{prefix}-\2"', svg)
    # Vega names every mark in English; the chart is one image with a Swedish name instead.
    svg = re.sub(r' (aria-[a-z]+|role)="[^"]*"', "", svg)
    svg = svg.replace(FONT, FONT_STACK)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1)


def _without_targets(spec: dict) -> dict:
    """Return a specification without the unseen marks that a pointer hits, which a picture has no use for."""
    kept = dict(spec)
    for name in ("layer", "vconcat"):
        if name in spec:
            parts = [part for part in spec[name] if dict(part.get("mark") or {}).get("opacity") != 0]
            kept[name] = [_without_targets(part) for part in parts]
    return kept
