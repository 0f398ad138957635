"""The kinds of chart that the book uses: panels of bars, lines with names at their ends, pairs of bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import altair as alt
import pandas as pd

from analysis.measures.result import Quantity, Result
from analysis.present.numbers import number
from analysis.present.svg import FONT

# Okabe and Ito's palette, darkened to 3:1 against white; dashes tell the lines apart without colour.
COLOURS = ("#0b4f8a", "#b3460b", "#00705a", "#7b3f8c", "#5f5f5f")
DASHES = ((1, 0), (6, 3), (2, 2), (10, 3, 2, 3), (4, 4))
INK = "#1d1d1d"
GREY = "#6b6b6b"
WIDTH = 560


def finish(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """Return a chart with the fonts, inks and grid that every chart of the book has."""
    return (
        chart.configure(font=FONT, background="#ffffff", padding=8)
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=13,
            titleFontSize=13,
            labelColor=INK,
            titleColor=INK,
            titleFontWeight="normal",
            gridColor="#e3e3e3",
            domainColor=GREY,
            tickColor=GREY,
        )
        .configure_title(fontSize=14, anchor="start", color=INK, fontWeight="bold")
    )


def _format(quantity: Quantity) -> str:
    decimals = quantity.decimals or (2 if quantity.unit == "kr_per_timme" else 0)
    return f",.{decimals}f"


def _name(key: object) -> str:
    """Return a row's key as a reader writes it: years as they are, 36.33 as 36,33."""
    if isinstance(key, str):
        return key
    return str(int(key)) if float(key) == int(key) else number(float(key), 2)


def bar_panels(result: Result, columns: Sequence[str], *, height: int = 110, shared: bool = True) -> alt.TopLevelMixin:
    """Return one panel of bars for each column, years across, each bar with its value; one scale if `shared`."""
    values = result.frame[list(columns)]
    extent = [min(0.0, float(values.min().min())), max(0.0, float(values.max().max()))] if shared else None
    panels = []
    for name in columns:
        quantity = result.quantity(name)
        data = pd.DataFrame({"x": [_name(key) for key in result.frame.index], "y": values[name].to_list()}).dropna()
        low, high = extent or [min(0.0, float(data["y"].min())), max(0.0, float(data["y"].max()))]
        room = (high - low or 1.0) * 0.2
        scale = alt.Scale(
            domain=[low - (room if low < 0 else 0), high + (room if high > 0 or low == high else 0)], nice=False
        )
        height_axis = alt.Y("y:Q", title=None, axis=None, scale=scale)
        base = alt.Chart(data).encode(
            x=alt.X("x:O", title=None, axis=alt.Axis(labelAngle=0, domain=False, ticks=False))
        )
        bars = base.mark_bar(color=COLOURS[0], size=38).encode(y=height_axis)
        above = (
            base.transform_filter("datum.y >= 0")
            .mark_text(dy=-8, fontSize=13, color=INK)
            .encode(y=height_axis, text=alt.Text("y:Q", format=_format(quantity)))
        )
        below = (
            base.transform_filter("datum.y < 0")
            .mark_text(dy=9, fontSize=13, color=INK)
            .encode(y=height_axis, text=alt.Text("y:Q", format=_format(quantity)))
        )
        zero = alt.Chart(pd.DataFrame({"y": [0]})).mark_rule(color=GREY).encode(y=height_axis)
        panels.append((zero + bars + above + below).properties(width=WIDTH, height=height, title=quantity.label))
    return finish(alt.vconcat(*panels, spacing=18))


def lines(
    result: Result,
    columns: Sequence[str],
    *,
    y_title: str,
    x_title: str = "",
    highlight: str | None = None,
    from_zero: bool = True,
    height: int = 300,
) -> alt.TopLevelMixin:
    """Return one line a column, named at its right end; `highlight` is drawn thicker, the others thinner."""
    frame = result.frame[list(columns)]
    years = frame.index.name == "ar"
    layers, ends = [], []
    low, high = float(frame.min().min()), float(frame.max().max())
    room = (high - low or abs(high) or 1.0) * 0.08
    scale = alt.Scale(domain=[0 if from_zero and low >= 0 else low - room, high + room], nice=True)
    kind = "O" if years else "Q"
    axis = alt.X(
        f"x:{kind}",
        title=x_title or None,
        axis=alt.Axis(labelAngle=0, grid=False),
        scale=alt.Undefined if years else alt.Scale(nice=False, zero=False),
    )
    decimals = max(result.quantity(name).decimals for name in columns)
    height_axis = alt.Y("y:Q", title=y_title, scale=scale, axis=alt.Axis(format=f",.{min(decimals, 1)}f"))
    for position, name in enumerate(columns):
        data = pd.DataFrame(
            {"x": [str(k) if years else float(k) for k in frame.index], "y": frame[name].to_list()}
        ).dropna()
        if data.empty:
            continue
        main = highlight in (None, name)
        colour = COLOURS[position % len(COLOURS)] if highlight is None else (COLOURS[0] if main else GREY)
        dash = (1, 0) if highlight and main else DASHES[position % len(DASHES)]
        layers.append(
            alt.Chart(data)
            .mark_line(
                color=colour,
                strokeWidth=3 if main else 2,
                strokeDash=list(dash),
                point=alt.OverlayMarkDef(color=colour, size=30) if years else False,
            )
            .encode(x=axis, y=height_axis)
        )
        ends.append(
            {
                "x": data["x"].iloc[-1],
                "y": float(data["y"].iloc[-1]),
                "label": result.quantity(name).label,
                "colour": colour,
                "bold": main,
            }
        )
    # Names at the line ends must not lie on each other: push them apart, keeping their order.
    step = (scale.domain[1] - scale.domain[0]) * 18 / height
    ends.sort(key=lambda end: end["y"])
    for lower, upper in pairwise(ends):
        upper["y"] = max(upper["y"], lower["y"] + step)
    for end in ends:
        layers.append(
            alt.Chart(pd.DataFrame([{"x": end["x"], "y": end["y"], "label": end["label"]}]))
            .mark_text(
                align="left",
                dx=10,
                fontSize=13,
                color=end["colour"] if end["colour"] != GREY else "#4a4a4a",
                fontWeight="bold" if end["bold"] else "normal",
            )
            .encode(x=axis, y=height_axis, text="label:N")
        )
    return finish(alt.layer(*layers).properties(width=WIDTH - 130, height=height))


def paired_bars(result: Result, columns: Sequence[str], *, bar: int = 22) -> alt.TopLevelMixin:
    """Return horizontal bars in one panel a row of the result, one bar a column, with name and value."""
    panels = []
    highest = float(result.frame[list(columns)].max().max())
    lowest = min(0.0, float(result.frame[list(columns)].min().min()))
    scale = alt.Scale(domain=[lowest, (highest if highest > 0 else 1.0) * 1.15])
    for key in result.frame.index:
        labels = [result.quantity(name).label for name in columns]
        data = pd.DataFrame(
            {
                "label": labels,
                "value": [result.frame.loc[key, name] for name in columns],
                "colour": [COLOURS[i % len(COLOURS)] for i in range(len(columns))],
            }
        ).dropna()
        base = alt.Chart(data).encode(
            y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=260, domain=False, ticks=False))
        )
        bars = base.mark_bar(size=bar).encode(
            x=alt.X("value:Q", axis=None, scale=scale), color=alt.Color("colour:N", scale=None)
        )
        text = base.mark_text(align="left", dx=4, fontSize=13, color=INK).encode(
            x=alt.X("value:Q", scale=scale), text=alt.Text("value:Q", format=_format(result.quantity(columns[0])))
        )
        panels.append((bars + text).properties(width=WIDTH - 200, height=(bar + 10) * len(data), title=str(key)))
    return finish(alt.vconcat(*panels, spacing=16))


def bars(result: Result, column: str, *, bar: int = 22) -> alt.TopLevelMixin:
    """Return horizontal bars in one panel, one a row of the result, in its order, each with its value."""
    labels = [_name(key) for key in result.frame.index]
    data = pd.DataFrame({"label": labels, "value": result.frame[column].to_list()}).dropna()
    low, high = min(0.0, float(data["value"].min())), max(0.0, float(data["value"].max()))
    scale = alt.Scale(domain=[low, low + (high - low or 1.0) * 1.15], nice=False)
    base = alt.Chart(data).encode(
        y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=260, domain=False, ticks=False))
    )
    drawn = base.mark_bar(size=bar, color=COLOURS[0]).encode(x=alt.X("value:Q", axis=None, scale=scale))
    text = base.mark_text(align="left", dx=4, fontSize=13, color=INK).encode(
        x=alt.X("value:Q", scale=scale), text=alt.Text("value:Q", format=_format(result.quantity(column)))
    )
    return finish((drawn + text).properties(width=WIDTH - 200, height=(bar + 10) * len(data)))


@dataclass(frozen=True)
class Span:
    """A bar from one value to another, with its name and the words at its two ends."""

    name: str
    start: float
    end: float
    start_words: str
    end_words: str


def spans(found: Sequence[Span], base: float, *, x_title: str, base_words: str, row: int = 46) -> alt.TopLevelMixin:
    """Return spans around one base value, one below the other, each with its name above and its ends in words.

    What lies from the base to `start` is dark and what lies to `end` is light, so that the ends can be told apart.
    """
    lines = []
    for position, span in enumerate(found):
        # Which end lies to the left differs from span to span, and the words stand outside the bar.
        left, right = sorted(((span.start, span.start_words), (span.end, span.end_words)), key=lambda end: end[0])
        lines.append(
            {
                "y": position * row + 12,
                "bar": position * row + 30,
                "name": span.name,
                "base": base,
                "start": span.start,
                "end": span.end,
                "left": left[0],
                "left_words": left[1],
                "right": right[0],
                "right_words": right[1],
            }
        )
    data = pd.DataFrame(lines)
    low, high = float(data["left"].min()), float(data["right"].max())
    room = (high - low or abs(high) or 1.0) * 0.28
    scale = alt.Scale(domain=[low - room, high + room], nice=False, zero=False)
    height = row * len(lines)
    down = alt.Scale(domain=[0, height], range=[0, height], nice=False)

    def across(field: str) -> alt.X:
        return alt.X(f"{field}:Q", title=x_title, scale=scale, axis=alt.Axis(format=",.0f", tickCount=5, grid=False))

    def at(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", axis=None, scale=down)

    chart = alt.Chart(data)
    layers = [
        chart.mark_bar(size=16, color=COLOURS[0]).encode(x=across("base"), x2="start", y=at("bar")),
        chart.mark_bar(size=16, color="#a9c8e6", stroke=COLOURS[0], strokeWidth=1).encode(
            x=across("base"), x2="end", y=at("bar")
        ),
    ]
    rules = [(base, base_words, [])]
    if low - room < 0 < high + room:
        rules.append((0.0, "", [4, 3]))
    for value, words, dash in rules:
        line = alt.Chart(pd.DataFrame({"x": [value], "words": [words]}))
        layers.append(line.mark_rule(color=INK, strokeWidth=1.5, strokeDash=dash).encode(x=across("x")))
        layers.append(
            line.mark_text(dy=-8, fontSize=13, fontWeight="bold", color=INK).encode(
                x=across("x"), y=alt.value(0), text="words:N"
            )
        )
    # Words in white under the words in ink, so that no line runs through them.
    for under in ({"stroke": "#ffffff", "strokeWidth": 4, "color": "#ffffff"}, {"color": INK}):
        layers += [
            chart.mark_text(align="left", fontSize=13, **under).encode(x=alt.value(0), y=at("y"), text="name:N"),
            chart.mark_text(align="right", dx=-6, fontSize=12, **under).encode(
                x=across("left"), y=at("bar"), text="left_words:N"
            ),
            chart.mark_text(align="left", dx=6, fontSize=12, **under).encode(
                x=across("right"), y=at("bar"), text="right_words:N"
            ),
        ]
    return finish(alt.layer(*layers).properties(width=WIDTH - 120, height=height))
