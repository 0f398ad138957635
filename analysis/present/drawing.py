"""Vega's SVG with few letters: the same marks in the same order, the same words and colours, and the same pixels.

Vega writes every mark with all its attributes, within groups of groups that each move it, beside paths that draw
nothing; that takes four times the room.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import NamedTuple
from xml.etree import ElementTree

# A hundredth of a pixel is not seen, on a screen or on paper.
DECIMALS = 2
# What no pixel depends on: marks have English names and Vega's classes, and nothing is pointed at in a drawing.
_UNSEEN = frozenset(("role", "class", "pointer-events"))
# Where a mark is; its look is what remains.
_PLACE = frozenset(("x", "y", "x2", "y2", "dy", "width", "height", "d", "transform"))
# What a mark looks like where nothing is said.
_DEFAULTS = {"opacity": "1", "stroke-width": "1", "text-anchor": "start", "font-weight": "normal"}
_NOTHING = (None, "none", "transparent")
_MOVED = re.compile(r"translate\((-?[\d.e+-]+), ?(-?[\d.e+-]+)\)")
# An e is no step but part of a number, such as 7.8e-7.
_STEP = re.compile(r"([A-DF-Za-df-z])([^A-DF-Za-df-z]*)")
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?")
_DOT = re.compile(r"M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0")
# How many points end a step of a path that is told from the corner of the drawing; small letters stay as they are.
_POINTS = {"M": 1, "L": 1, "C": 3, "Q": 2, "A": 1}


class _Mark(NamedTuple):
    """An element: its tag, its look, where it is, as it is written, and what it holds."""

    tag: str
    look: dict[str, str]
    place: str
    inside: str = ""


def compact(svg: str, font: str, ink: str) -> tuple[str, str]:
    """Return the attributes of an SVG of Vega that it has itself, and what it draws, most of it in `ink`.

    All words of a chart have one font and mostly one size, which are the svg element's.
    """
    root = ElementTree.fromstring(svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))
    sizes = [text.get("font-size") for text in root.iter("text")]
    size = max(sorted(set(sizes)), key=sizes.count, default="")
    drawing = _Drawing({clip.get("id"): clip[0] for clip in root.iter("clipPath")}, size)
    attributes = {name: root.get(name) for name in ("width", "height", "viewBox")} | {"font-family": font}
    if size:
        attributes["font-size"] = size.removesuffix("px")
    return _attributes(attributes), drawing.of(root[0], ink)


class _Drawing:
    """What a drawing shares: the shapes that marks are cut by, and the size of its words."""

    def __init__(self, clips: dict[str, ElementTree.Element], size: str):
        self.clips, self.size, self.used = clips, size, {}

    def of(self, group: ElementTree.Element, ink: str) -> str:
        """Return what the outermost group draws, of which a mark has no fill where it has none of its own."""
        shared = {"fill": ink, "stroke-miterlimit": group.get("stroke-miterlimit", "4")}
        inside = _grouped(self._marks(group, 0, 0), {"fill": ink})
        clips = "".join(f'<clipPath id="{name}">{shape}</clipPath>' for shape, name in self.used.items())
        drawn = f"{clips}<g{_attributes(shared)}>{inside}</g>"
        for name in self.used.values():
            # Two charts on a page must not share ids.
            unique = f"d{hashlib.sha256(drawn.encode()).hexdigest()[:10]}-{name}"
            drawn = drawn.replace(f'id="{name}"', f'id="{unique}"').replace(f"url(#{name})", f"url(#{unique})")
        return drawn

    def _marks(self, group: ElementTree.Element, right: float, down: float) -> Iterator[_Mark]:
        """Yield what a group draws, moved as far as it is."""
        right, down, _ = _moved(group, right, down)
        for element in group:
            if element.get("display") == "none" or element.get("opacity") == "0":
                continue
            look = self._look(element)
            if element.tag != "g":
                yield from _drawn(element, look, *_moved(element, right, down))
                continue
            marks = list(self._marks(element, right, down))
            if "clip-path" in look:
                look["clip-path"] = self._clip(look["clip-path"], *_moved(element, right, down)[:2])
            if not look:
                yield from marks
            elif marks:
                yield _Mark("g", look, "", _grouped(marks, {}))

    def _look(self, element: ElementTree.Element) -> dict[str, str]:
        look = {
            name: value
            for name, value in element.items()
            if name not in _UNSEEN
            and name not in _PLACE
            and not name.startswith("aria-")
            and name != "font-family"
            and value != (self.size if name == "font-size" else _DEFAULTS.get(name))
        }
        if element.tag != "g":
            look.setdefault("fill", "none")
            if look.get("stroke") in _NOTHING:
                look = {name: value for name, value in look.items() if not name.startswith("stroke")}
        return look

    def _clip(self, reference: str, right: float, down: float) -> str:
        """Return a reference to the shape of another, moved as far as what it cuts."""
        shape = self.clips[reference.removeprefix("url(#").removesuffix(")")]
        place = {name: float(shape.get(name)) for name in ("x", "y", "width", "height")}
        place["x"] += right
        place["y"] += down
        written = f"<rect{_attributes({name: _short(value) for name, value in place.items()})}/>"
        return f"url(#{self.used.setdefault(written, f'c{len(self.used)}')})"


def _moved(element: ElementTree.Element, right: float, down: float) -> tuple[float, float, str]:
    """Return how far an element is moved in all, and what else is done to it."""
    transform = element.get("transform", "")
    found = _MOVED.match(transform)
    if found is None:
        return right, down, transform
    return right + float(found[1]), down + float(found[2]), transform[found.end() :]


def _drawn(
    element: ElementTree.Element, look: dict[str, str], right: float, down: float, turned: str
) -> Iterator[_Mark]:
    """Yield a mark as it is written; nothing where there is nothing to see."""
    if look["fill"] in _NOTHING and "stroke" not in look:
        return
    if turned:
        look["transform"] = f"translate({_short(right)},{_short(down)}){turned}"
        right = down = 0
    x, y = _short(right), _short(down)
    if element.tag == "text" and any(element.itertext()):
        lines = [
            f"<tspan{_attributes({**line.attrib, **({'x': x} if 'x' in line.attrib else {})})}>{_text(line)}</tspan>"
            for line in element
        ]
        yield _Mark("text", look, f' x="{x}" y="{y}"', _text(element) + "".join(lines))
    elif element.tag == "line":
        # What a straight line is filled with is not seen, so it need not be said.
        del look["fill"]
        across, high = (float(element.get(name, 0)) for name in ("x2", "y2"))
        rest = f"h{_short(across)}" if not high else f"v{_short(high)}" if not across else f"l{_pair(across, high)}"
        yield _Mark("line", look, f"M{_pair(right, down)}{rest}")
    elif dot := _DOT.fullmatch(element.get("d", "")):
        yield _Mark("circle", look, f' cx="{x}" cy="{y}" r="{_short(float(dot[1]))}"')
    elif element.get("d"):
        yield _Mark("path", look, f' d="{_path(element.get("d"), right, down)}"')


def _text(element: ElementTree.Element) -> str:
    return escape(element.text or "", quote=False)


def _path(steps: str, right: float, down: float) -> str:
    """Return a path moved. Lines are told from where the one before ends, so that what is rounded does not add up."""
    written, before, at = "", "", (0.0, 0.0)
    for step, told in _STEP.findall(steps):
        numbers = [float(number) for number in _NUMBER.findall(told)]
        if step in _POINTS:
            for place in range(len(numbers) - 2 * _POINTS[step], len(numbers), 2):
                numbers[place] += right
                numbers[place + 1] += down
        if step in "ML":
            end = round(numbers[0], DECIMALS), round(numbers[1], DECIMALS)
            if step == "L" and before in ("M", "L", "l"):
                step, numbers = "l", [end[0] - at[0], end[1] - at[1]]
            at = end
        # What follows a line without a letter is a line.
        letter = " " if step == before == "l" else step
        written += letter + " ".join(map(_short, numbers))
        before = step
    return written.replace(" -", "-")


def _grouped(marks: Iterable[_Mark], given: dict[str, str]) -> str:
    """Return marks as they are written; the look that several in a row have is said once."""
    written = []
    for (straight, look), run in groupby(marks, key=lambda mark: (mark.tag == "line", mark.look)):
        same = list(run)
        # What can be seen through is drawn mark by mark: where two lie on one another both are seen.
        alone = any(name.endswith("opacity") for name in look)
        if straight and not alone and len({mark.place for mark in same}) == len(same):
            same = [same[0]._replace(place="".join(mark.place for mark in same))]
        told = _attributes({name: value for name, value in look.items() if given.get(name) != value})
        if len(same) == 1 or alone or not told:
            written += [_element(mark, told) for mark in same]
        else:
            written += [f"<g{told}>", *(_element(mark, "") for mark in same), "</g>"]
    return "".join(written)


def _element(mark: _Mark, told: str) -> str:
    if mark.tag == "line":
        return f'<path d="{mark.place}"{told}/>'
    end = f">{mark.inside}</{mark.tag}>" if mark.inside else "/>"
    return f"<{mark.tag}{mark.place}{told}{end}"


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())


def _pair(one: float, other: float) -> str:
    return f"{_short(one)} {_short(other)}".replace(" -", "-")


def _short(number: float) -> str:
    """Return a number with two decimals at the most: a hundredth of a pixel is not seen."""
    text = f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
