"""An Altair chart as SVG in the page: the same bytes every time, named, and safe beside other charts."""

from __future__ import annotations

import hashlib
import json
import re
from html import escape

import altair as alt
import vl_convert

# Liberation Sans is built into vl-convert and has Arial's widths, so text fits on machines without it.
FONT = "Liberation Sans"
FONT_STACK = "Liberation Sans, Arial, Helvetica, sans-serif"


def to_svg(chart: alt.TopLevelMixin, description: str) -> str:
    """Return the chart as one svg element with role img and the description as its name."""
    spec = chart.to_dict()
    svg = vl_convert.vegalite_to_svg(json.dumps(spec), format_locale="sv-SE")
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
