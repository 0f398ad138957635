"""Every chart of a municipality's book, as its chapters show it, without building the book."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass

from analysis.present.book import open_book
from analysis.present.interactive import InteractiveView, saving_chart
from analysis.publish.plan import plan_book, read_chapters

SLUGS = ("malmo", "huddinge", "bjuv", "ange")


@dataclass(frozen=True)
class Shown:
    """A chart of a chapter: its view, what it gives the page and publish, and the page's HTML from the next cell."""

    chapter: str
    view: object
    html: str
    told: dict
    next_html: str

    @property
    def name(self) -> str:
        """The chart's name in the book."""
        return f"{self.chapter}: {self.told['chart_id']}"

    @property
    def packed(self) -> str:
        """What the page has for its script."""
        return re.search(r'<script type="application/json">(.*?)</script>', self.html, re.DOTALL)[1]

    @property
    def chart(self):
        """The drawing itself."""
        return saving_chart(self.view.municipality) if isinstance(self.view, InteractiveView) else self.view.chart


def unpacked(text: str) -> object:
    """Return what analysis/present/packed.py packed, as assets/charts.js does."""
    packed = json.loads(text)
    shared = packed["shared"]

    def column(values: list) -> list:
        told = []
        for value in values:
            if isinstance(value, list):
                first, between, last = value
                value = told[-1][:first] + between + told[-1][len(told[-1]) - last :]
            told.append(value)
        return told

    def inside(part: object) -> object:
        if isinstance(part, list):
            return [inside(one) for one in part]
        if not isinstance(part, dict):
            return part
        if "$" in part:
            return shared[part["$"]]
        if "$rows" in part:
            columns = {name: column(values) for name, values in inside(part["$rows"]).items()}
            rows = (zip(columns, row, strict=True) for row in zip(*columns.values(), strict=True))
            return [{name: value for name, value in row if value is not None} for row in rows]
        return {name: inside(one) for name, one in part.items()}

    for place, part in enumerate(shared):
        shared[place] = inside(part)
    return inside(packed["whole"])


def output(view) -> tuple[dict, dict]:
    """Return what a view gives: its data and metadata."""
    bundle = view._repr_mimebundle_()
    return bundle if isinstance(bundle, tuple) else (bundle, {})


@functools.cache
def charts_of(slug: str) -> tuple[Shown, ...]:
    """Return every chart of a book, in its order."""
    book, found = open_book(slug), []
    for chapter in plan_book(book.municipality, read_chapters()).chapters:
        cells = [cell.source for cell in _plan(slug).notebook(chapter).cells if cell.cell_type == "code"]
        if not any("chart(" in source for source in cells):
            continue
        space = {"book": book}
        imports = next(source for source in cells if "open_book" in source)
        exec("\n".join(line for line in imports.splitlines() if line.startswith("from")), space)
        for source, following in zip(cells, [*cells[1:], ""], strict=True):
            if "chart(" not in source:
                continue
            view = eval(source, space)
            data, metadata = output(view)
            if "ab-diagram" in data.get("text/html", ""):
                beside = output(eval(following, space))[0].get("text/html", "") if following else ""
                found.append(Shown(chapter.name, view, data["text/html"], metadata["assistansboken"], beside))
    return tuple(found)


@functools.cache
def _plan(slug: str):
    return plan_book(open_book(slug).municipality, read_chapters())
