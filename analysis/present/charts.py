"""The kinds of chart that the book uses: panels of bars, lines with names at their ends, rows of bars, spans.

Every chart is `WIDTH` pixels wide or less, with words so large that they can be read when a telephone shrinks it. What
holds no values, a column or a row, is left out, and where nothing is left there is no chart.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from itertools import pairwise

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

from analysis.measures.result import Quantity, Result
from analysis.present.numbers import NO_BREAK_SPACE, UNIT_WORDS, cell, number
from analysis.present.palette import COLOURS, DASHES, GREY, GROUND, INK, PALE
from analysis.present.svg import FONT_SIZE, NARROW_FONT_SIZE, WIDTH

# What stands beside a quantity's number in a tooltip; counts and indexes stand alone, and percent has its sign.
_NO_UNIT = ("antal", "index", "procent", "tal", "text", "ar")
# Scales leave room for words as wide as they are in a chart for a telephone 343 pixels wide, with its smaller words.
_NARROW = 335
# What lines and bars need at the least.
_LEAST = 250
# A script draws a chart this wide where there is room.
_MOST = 640
_LINE = 18
# How high the words at the end of a standing bar are, with air.
_ROOM = 22
_NAME_LETTERS = 18
_END_LETTERS = 15
_NARROW_LETTERS = frozenset("iljtfI.,:;!|'()[] " + NO_BREAK_SPACE)
_WIDE_LETTERS = frozenset("mwMW%")
_TIP = alt.Tooltip("t:N")
# Altair checks every part of a chart against Vega-Lite's schema, which takes as long as all else that it does; here a
# test does so, for every chart of every book and for charts of any values.
unchecked = debug_mode(False)


@dataclass(frozen=True)
class Series:
    """What a reader can show or hide in a chart: its name, colour and, for a line, its dash."""

    name: str
    colour: str
    dash: tuple[int, ...] | None = None


def text_width(text: str, size: float = FONT_SIZE, *, bold: bool = False) -> float:
    """Return about how many pixels wide the longest line of a text is; rather too many than too few."""
    return max(sum(map(_letter, line)) for line in text.split("\n")) * size * (1.08 if bold else 1)


def _letter(letter: str) -> float:
    if letter in _NARROW_LETTERS:
        return 0.29
    if letter in _WIDE_LETTERS:
        return 0.88
    return 0.7 if letter.isupper() else 0.56


def wrapped(text: str, letters: int) -> str:
    """Return a text on as many lines as it takes, broken between words only."""
    return "\n".join(textwrap.wrap(text, letters, break_long_words=False, break_on_hyphens=False))


def with_unit(value: float, quantity: Quantity) -> str:
    """Return a value as its table shows it, with its unit."""
    text = cell(value, quantity)
    return text if quantity.unit in _NO_UNIT else f"{text}{NO_BREAK_SPACE}{UNIT_WORDS[quantity.unit]}"


def described(chart: dict, series: Sequence[Series] = (), least: float = 0, *, grows: bool = True) -> dict:
    """Return a chart with what the page needs beside it: its series, and how narrow and wide it may be drawn."""
    told = [{"name": one.name, "colour": one.colour, "dash": one.dash} for one in series]
    return {**chart, "usermeta": {"series": told, "least": round(least), "most": _MOST if grows else 0}}


def layered(layers: Sequence[alt.Chart | dict], rows: Sequence[dict] | None = None, **properties: object) -> dict:
    """Return layers on one another as Vega-Lite reads them: their data, where they share any, and their properties.

    Altair's own `layer` and `vconcat` copy and check all that they are given, which takes longer than the drawing.
    """
    parts = [layer if isinstance(layer, dict) else layer_of(layer) for layer in layers]
    return {**({} if rows is None else {"data": _inline(rows)}), "layer": parts, **properties}


def _stacked(panels: Sequence[dict], spacing: int) -> dict:
    """Return panels below one another; the data of a single panel stand above it, where Altair puts them."""
    shared = {"data": panels[0]["data"]} if len(panels) == 1 else {}
    parts = [{name: part for name, part in panel.items() if name not in shared} for panel in panels]
    return {**shared, "vconcat": parts, "spacing": spacing}


def layer_of(chart: alt.Chart, rows: Sequence[dict] | None = None) -> dict:
    """Return one layer as Vega-Lite reads it, with data of its own where it has any."""
    # Without data in the context Altair would give the layer some that are empty.
    layer = chart.to_dict(validate=False, context={"top_level": False, "data": alt.Undefined})
    return layer if rows is None else {**layer, "data": _inline(rows)}


def _name(key: object) -> str:
    """Return a row's key as a reader writes it: years as they are, 36.33 as 36,33."""
    if isinstance(key, str):
        return key
    return str(int(key)) if float(key) == int(key) else number(float(key), 2)


def _known(result: Result, columns: Sequence[str]) -> pd.DataFrame:
    """Return those of the columns, and of the rows, that hold any value."""
    return result.frame[list(columns)].dropna(axis="columns", how="all").dropna(axis="index", how="all")


def _across(frame: pd.DataFrame) -> list[str]:
    """Return what stands across a chart: the rows' names, and of years also those without values between them."""
    if frame.index.name != "ar":
        return [_name(key) for key in frame.index]
    return [str(year) for year in range(int(frame.index.min()), int(frame.index.max()) + 1)]


def _with_room(names: Sequence[str], known: Sized) -> dict[str, alt.Scale]:
    """Return the scale on which what has no value has its room too, where fewer are known than there are names."""
    return {"scale": alt.Scale(domain=list(names))} if len(names) > len(known) else {}


def _rows(result: Result, name: str) -> list[dict]:
    """Return a column's known values: name `n`, value `y`, the value as shown `v` and the tooltip's text `t`."""
    quantity = result.quantity(name)
    return [
        {
            "n": _name(key),
            "y": float(value),
            "v": cell(value, quantity),
            "t": f"{quantity.label}\n{_name(key)}: {with_unit(value, quantity)}",
        }
        for key, value in result.frame[name].dropna().items()
    ]


def _inline(rows: Sequence[dict]) -> dict:
    """Return rows as a chart's data, with as many digits as can be drawn."""
    return {"values": [{name: _drawn(value) for name, value in row.items()} for row in rows]}


def _drawn(value: object) -> object:
    return float(f"{value:.7g}") if isinstance(value, float) else value


@unchecked
def bar_panels(result: Result, columns: Sequence[str], *, height: int = 110, shared: bool = True) -> dict | None:
    """Return one panel of bars for each column, each bar with its value; one scale if `shared`.

    Years stand across. What has long names lies down, so that the names can be read.
    """
    frame = _known(result, columns)
    if frame.empty:
        return None
    columns = list(frame.columns)
    shown = {name: _rows(result, name) for name in columns}
    names = _across(frame)
    values = [row["y"] for rows in shown.values() for row in rows]
    if max(map(len, names)) > 6:
        groups = [(result.quantity(name).label, name, shown[name]) for name in columns]
        return _lying(groups, [Series(result.quantity(name).label, COLOURS[0]) for name in columns])
    widest = max(text_width(row["v"]) for rows in shown.values() for row in rows)
    width = min(WIDTH, max(len(names) * 92, 240))
    panels = []
    for position, name in enumerate(columns):
        rows = [{key: row[key] for key in ("n", "y", "v", "t")} for row in shown[name]]
        own = [row["y"] for row in rows]
        unit = _unit(values if shared else own, height)
        domain = _room(own, unit)
        scale = alt.Scale(domain=domain, nice=False)
        base = alt.Chart().encode(
            x=alt.X(
                "n:O",
                title=None,
                sort=None,
                axis=alt.Axis(labelAngle=0, domain=False, ticks=False),
                **_with_room(names, rows),
            ),
            y=alt.Y("y:Q", title=None, axis=None, scale=scale),
        )
        layers = [base.mark_bar(color=COLOURS[0], width={"band": 0.62}).encode(tooltip=_TIP)]
        for test, offset in (("datum.y >= 0", -9), ("datum.y < 0", 11)):
            layers.append(base.transform_filter(test).mark_text(dy=offset).encode(text=alt.Text("v:N")))
        zero = alt.Chart().mark_rule(color=GREY).encode(y=alt.YDatum(0, axis=None, scale=scale))
        title = {"text": wrapped(result.quantity(name).label, 40).split("\n")}
        high = round((domain[1] - domain[0]) / unit)
        panels.append(layered([zero, *layers], rows, name=f"serie{position}", width=width, height=high, title=title))
    series = [Series(result.quantity(name).label, COLOURS[0]) for name in columns]
    narrowest = len(names) * (max(widest, *map(text_width, names)) * NARROW_FONT_SIZE / FONT_SIZE + 3)
    return described(_stacked(panels, 20), series, narrowest, grows=width == WIDTH)


def _unit(values: Sequence[float], height: float) -> float:
    """Return what a pixel stands for where the values' bars and the words at their ends share a height."""
    low, high = _room(values, 0)
    pixels = height - _ROOM * ((low < 0) + (high > 0 or low == high))
    # A number so small that nothing is left of it when it is divided has no height either.
    return (high - low) / pixels or 1.0 / pixels


def _room(values: Sequence[float], unit: float) -> list[float]:
    """Return the ends of a scale on which there is room for words above the highest bar and below the lowest."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = _ROOM * unit
    return [low - (room if low < 0 else 0), high + (room if high > 0 or low == high else 0)]


@unchecked
def lines(
    result: Result,
    columns: Sequence[str],
    *,
    y_title: str,
    x_title: str = "",
    highlight: str | None = None,
    from_zero: bool = True,
    height: int = 280,
) -> dict | None:
    """Return one line a column, named at its right end; `highlight` is drawn thicker, the others thinner.

    A year without a value has its room, and no line is drawn across it.
    """
    frame = _known(result, columns)
    if frame.empty:
        return None
    names = _across(frame)
    years = frame.index.name == "ar"
    low, high = float(frame.min().min()), float(frame.max().max())
    ticks = _ticks(0 if from_zero and low >= 0 else low, high)
    decimals = max(len(f"{tick:.10g}".partition(".")[2]) for tick in ticks)
    scale = alt.Scale(domain=[ticks[0], ticks[-1]], nice=False)
    x = alt.X(
        "x:O" if years else "x:Q",
        title=x_title or None,
        axis=alt.Axis(
            labelAngle=0,
            grid=False,
            labelFlush=False,
            labelOverlap="parity",
            labelSeparation=6,
            tickCount=alt.Undefined if years else alt.ExprRef("ceil(width / 60)"),
        ),
        **(_with_room(names, frame) if years else {"scale": alt.Scale(nice=False, zero=False)}),
    )
    y = alt.Y("y:Q", title=None, scale=scale, axis=alt.Axis(format=f",.{decimals}f", values=ticks, domain=False))
    series, points, ends = [], [], []
    others = iter(DASHES[1:] * len(columns))
    for position, name in enumerate(frame.columns):
        quantity, main = result.quantity(name), highlight in (None, name)
        colour = COLOURS[position % len(COLOURS)] if highlight is None else (COLOURS[0] if main else GREY)
        dash = DASHES[position % len(DASHES)] if highlight is None else (DASHES[0] if main else next(others))
        series.append(Series(quantity.label, colour, dash))
        known = frame[name].dropna()
        stretches = _stretches(known.index) if years else [0] * len(known)
        for (key, value), stretch in zip(known.items(), stretches, strict=True):
            at = f"{_name(key)}: " if years else f"{x_title[:1].upper()}{x_title[1:]}: {_name(key)}\n"
            points.append(
                {
                    "x": str(key) if years else float(key),
                    "y": float(value),
                    "s": position,
                    "t": f"{quantity.label}\n{at}{with_unit(value, quantity)}",
                    **({"g": stretch} if stretch else {}),
                }
            )
        label = wrapped(quantity.label, _END_LETTERS)
        ends.append({"x": points[-1]["x"], "y": points[-1]["y"], "s": position, "n": label, "b": main})
    _apart(ends, (ticks[-1] - ticks[0]) / height)

    def by_series(values: Sequence) -> alt.Scale:
        return alt.Scale(domain=list(range(len(series))), range=list(values))

    colour = alt.Color("s:N", legend=None, scale=by_series([one.colour for one in series]))
    dashes = alt.StrokeDash("s:N", legend=None, scale=by_series([list(one.dash or ()) for one in series]))
    drawn = alt.Chart().encode(x=x, y=y, color=colour)
    widths = [3 if highlight in (None, name) else 1.5 for name in frame.columns]
    line = drawn.mark_line(strokeWidth=alt.expr(f"{widths}[datum.s]")).encode(strokeDash=dashes)
    layers = [line.encode(detail=alt.Detail("g:N")) if any("g" in point for point in points) else line]
    if years:
        layers.append(drawn.mark_point(filled=True, opacity=1, size=36))
    # A point is small to hit, so what is hit is larger, and not seen.
    layers.append(drawn.mark_point(filled=True, opacity=0, size=420).encode(tooltip=_TIP))
    weight = alt.expr("datum.b ? 'bold' : 'normal'")
    named = drawn.mark_text(align="left", dx=9, lineBreak="\n", lineHeight=_LINE - 1, fontWeight=weight)
    layers.append(layer_of(named.encode(text=alt.Text("n:N")), sorted(ends, key=lambda end: end["s"])))
    beside = max(text_width(end["n"], bold=end["b"]) for end in ends) + 9
    beside += max(text_width(number(tick, decimals)) for tick in ticks) + 12
    if years:
        beside -= (WIDTH - beside) / len(names) / 2
    title = {"text": y_title, "fontWeight": "normal", "offset": 12}
    return described(layered(layers, points, width=round(WIDTH - beside), height=height, title=title), series, _LEAST)


def _stretches(years: Sequence[int]) -> list[int]:
    """Return which stretch of years each year belongs to, the first 0; one ends where a year is missing."""
    number_of, found = 0, []
    for position, year in enumerate(years):
        number_of += position > 0 and year - years[position - 1] > 1
        found.append(int(number_of))
    return found


def _apart(ends: list[dict], unit: float) -> None:
    """Move the names at the ends of lines so that none lies on another, keeping their order; `unit` is a pixel."""
    ends.sort(key=lambda end: end["y"])
    half = {id(end): (_LINE - 1) * unit * (end["n"].count("\n") + 1) / 2 for end in ends}
    # Two names that meet yield half the way each; what they then meet yields in the next round.
    for _ in range(100):
        for lower, upper in pairwise(ends):
            over = max(0.0, lower["y"] + half[id(lower)] + half[id(upper)] - upper["y"]) / 2
            lower["y"], upper["y"] = lower["y"] - over, upper["y"] + over
    # Vega puts the first line of several at the point.
    for end in ends:
        end["y"] += half[id(end)] - (_LINE - 1) * unit / 2


def _ticks(low: float, high: float) -> list[float]:
    """Return round values, about five steps apart, that hold both ends."""
    spread = high - low or abs(high)
    if spread < 1e-9:  # nothing is left of it when the ticks are rounded
        spread = 1.0
    step = 10.0 ** math.floor(math.log10(spread / 5))
    step *= next(factor for factor in (1, 2, 5, 10) if factor >= 0.75 * spread / 5 / step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(position * step, 10) for position in range(first, max(last, first + 1) + 1)]


@unchecked
def paired_bars(result: Result, columns: Sequence[str]) -> dict | None:
    """Return lying bars in one panel a row of the result, one bar a column, with name and value."""
    frame = _known(result, columns)
    if frame.empty:
        return None
    columns = list(frame.columns)
    series = [Series(result.quantity(name).label, COLOURS[i % len(COLOURS)]) for i, name in enumerate(columns)]
    groups = []
    for key, row in frame.iterrows():
        bars = []
        for position, name in enumerate(columns):
            quantity, value = result.quantity(name), row[name]
            if value == value:
                shown = {"n": quantity.label, "y": float(value), "v": cell(value, quantity), "s": position}
                bars.append(shown | {"t": f"{quantity.label}\n{_name(key)}: {with_unit(value, quantity)}"})
        groups.append((_name(key), "", bars))
    return _lying(groups, series)


@unchecked
def bars(result: Result, column: str) -> dict | None:
    """Return lying bars in one panel, one a row of the result, in its order, each with its value."""
    rows = _rows(result, column)
    return _lying([("", column, rows)], [Series(result.quantity(column).label, COLOURS[0])]) if rows else None


def _lying(groups: Sequence[tuple[str, str, list[dict]]], series: Sequence[Series]) -> dict:
    """Return a panel a group of lying bars with their names to the left; a group is its title, its column and bars.

    Where a group has a column, the panel is a series; else its bars are.
    """
    every = [{**row, "n": wrapped(row["n"], _NAME_LETTERS)} for _, _, rows in groups for row in rows]
    left = max(text_width(row["n"]) for row in every) + 8
    rows_high = max(row["n"].count("\n") for row in every) + 1
    low, high = min(0.0, *(row["y"] for row in every)), max(0.0, *(row["y"] for row in every))
    # The words outside the bars take the same number of pixels in a narrow chart as in a wide one.
    room = _NARROW - left * NARROW_FONT_SIZE / FONT_SIZE
    small = NARROW_FONT_SIZE
    before, after = (
        max((text_width(row["v"], small) + 8 for row in every if chosen(row["y"])), default=0)
        for chosen in (lambda value: value < 0, lambda value: value >= 0)
    )
    unit = (high - low or 1.0) / (room - before - after)
    scale = alt.Scale(domain=[low - before * unit, high + after * unit], nice=False)
    colour = alt.Color(
        "s:N",
        legend=None,
        scale=alt.Scale(domain=list(range(len(series))), range=[one.colour for one in series]),
    )
    # Vega puts the first line of several at the point.
    up = alt.expr(f"-{(_LINE - 1) / 2} * (length(split(datum.n, '\\n')) - 1)")
    names = alt.Chart().mark_text(align="right", dx=-6, dy=up, lineBreak="\n", lineHeight=_LINE - 1)
    names = names.encode(x=alt.value(0), text=alt.Text("n:N"))
    panels = []
    for position, (title, column, rows) in enumerate(groups):
        data = [{**row, "n": wrapped(row["n"], _NAME_LETTERS)} for row in rows]
        base = alt.Chart().encode(
            x=alt.X("y:Q", axis=None, scale=scale), y=alt.Y("n:N", sort=None, title=None, axis=None)
        )
        drawn = base.mark_bar(size=20, color=COLOURS[0]).encode(tooltip=_TIP)
        layers = [drawn if column else drawn.encode(color=colour), names.encode(y=alt.Y("n:N", sort=None, axis=None))]
        for chosen, test, align, offset in (
            (lambda value: value >= 0, "datum.y >= 0", "left", 5),
            (lambda value: value < 0, "datum.y < 0", "right", -5),
        ):
            if any(chosen(row["y"]) for row in data):
                layers.append(
                    base.transform_filter(test).mark_text(align=align, dx=offset).encode(text=alt.Text("v:N"))
                )
        if low < 0:
            layers.append(alt.Chart().mark_rule(color=GREY).encode(x=alt.XDatum(0, axis=None, scale=scale)))
        panel = layered(layers, data, width=round(WIDTH - left), height={"step": max(30, rows_high * (_LINE - 1) + 8)})
        if title:
            panel["title"] = {"text": wrapped(title, 46).split("\n")}
        if column:
            panel["name"] = f"serie{position}"
        panels.append(panel)
    if len(panels) == 1:
        return described(panels[0], series, _LEAST)
    return described(_stacked(panels, 18), series, _LEAST)


@dataclass(frozen=True)
class Span:
    """A bar from one value to another, with its name, the words at its two ends and the tooltips of both."""

    name: str
    start: float
    end: float
    start_words: str
    end_words: str


@unchecked
def spans(found: Sequence[Span], base: float, *, x_title: str, base_words: str, row: int = 50) -> dict | None:
    """Return spans around one base value, one below the other, each with its name above and its ends in words.

    What lies from the base to `start` is filled and what lies to `end` is paler with an edge, so that the ends can be
    told apart in light and in dark.
    """
    found = [span for span in found if math.isfinite(span.start) and math.isfinite(span.end)]
    if not found:
        return None
    lines = []
    for position, span in enumerate(found):
        # Which end lies to the left differs from span to span, and the words stand outside the bar.
        left, right = sorted(((span.start, span.start_words), (span.end, span.end_words)), key=lambda end: end[0])
        lines.append(
            {
                "y": position * row + 12,
                "bar": position * row + 32,
                "name": span.name,
                "start": span.start,
                "end": span.end,
                "left": left[0],
                "left_words": left[1],
                "right": right[0],
                "right_words": right[1],
                "t0": f"{span.name}: {span.start_words}\n{x_title}: {number(span.start)}",
                "t1": f"{span.name}: {span.end_words}\n{x_title}: {number(span.end)}",
            }
        )
    domain = _around_words(lines)
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    height = row * len(lines)
    down = alt.Scale(domain=[0, height], range=[0, height], nice=False)

    def across(field: str) -> alt.X:
        return alt.X(f"{field}:Q", title=x_title, scale=scale, axis=alt.Axis(format=",.0f", tickCount=4, grid=False))

    def at(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", axis=None, scale=down)

    chart = alt.Chart()
    layers = []
    for end, tip, look in (
        ("start", "t0", {"color": COLOURS[0]}),
        ("end", "t1", {"color": PALE, "stroke": COLOURS[0], "strokeWidth": 1}),
    ):
        bar = chart.mark_bar(size=18, **look)
        layers.append(bar.encode(x=across(end), x2=alt.X2Datum(base), y=at("bar"), tooltip=alt.Tooltip(f"{tip}:N")))
    if domain[0] < 0 < domain[1]:
        layers.insert(0, layer_of(chart.mark_rule(color=GREY).encode(x=across("x")), [{"x": 0}]))
    now = [{"x": base, "words": base_words}]
    layers.append(layer_of(chart.mark_rule(color=INK, strokeWidth=1.5).encode(x=across("x")), now))
    text = chart.mark_text(dy=-10, fontWeight="bold")
    layers.append(layer_of(text.encode(x=across("x"), y=alt.value(0), text=alt.Text("words:N")), now))
    # Words in the colour of the ground under the words in ink, so that no line runs through them.
    for under in ({"stroke": GROUND, "strokeWidth": 4, "color": GROUND}, {"color": INK}):
        layers += [
            chart.mark_text(align="left", **under).encode(x=alt.value(0), y=at("y"), text=alt.Text("name:N")),
            chart.mark_text(align="right", dx=-6, **under).encode(
                x=across("left"), y=at("bar"), text=alt.Text("left_words:N")
            ),
            chart.mark_text(align="left", dx=6, **under).encode(
                x=across("right"), y=at("bar"), text=alt.Text("right_words:N")
            ),
        ]
    least = max(text_width(line["name"], NARROW_FONT_SIZE) for line in lines)
    return described(layered(layers, lines, width=WIDTH, height=height), (), max(least, 320))


def _around_words(lines: Sequence[dict]) -> list[float]:
    """Return the ends of a scale on which the words outside every span have room within the chart."""
    low, high = min(line["left"] for line in lines), max(line["right"] for line in lines)
    spread = high - low or abs(high) or 1.0
    ends = [low - 0.02 * spread, high + 0.02 * spread]
    # Widening one end moves the words at the other, so it is done a few times over.
    for _ in range(12):
        unit = (ends[1] - ends[0]) / _NARROW
        for line in lines:
            before, after = (
                (text_width(line[words], NARROW_FONT_SIZE) + 10) * unit for words in ("left_words", "right_words")
            )
            ends = [min(ends[0], line["left"] - before), max(ends[1], line["right"] + after)]
    return ends
