"""What a notebook cell shows: prose, tables and charts as HTML that is complete without JavaScript."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import jinja2
import pandas as pd

from analysis.measures.economy import change_between
from analysis.measures.provider import DAY_LABELS
from analysis.measures.result import Quantity, Result
from analysis.measures.schablon import STATUS_NAMES
from analysis.present.language import listed
from analysis.present.numbers import NO_VALUE, UNIT_WORDS, WITHHELD, cell, number, percent
from analysis.present.packed import as_json
from analysis.present.svg import live_specification, to_svg
from analysis.sources.municipality import Municipality
from analysis.sources.registers import Assumption, Source, SourceRef

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True
)

STATUS_WORDS = STATUS_NAMES
INDEX_LABELS = {
    "ar": "År",
    "nummer": "Nummer",
    "tillfalle": "Tillfälle",
    "period": "Period",
    "heltidsmatt": "Heltidsmått, timmar per vecka",
    "dagslag": "Dag",
    "driftform": "Driftform",
    "hourly_wage_kr": "Timlön, kr",
    "hours_per_month": "Jourtimmar per medarbetare och månad",
    "employees": "Medarbetare",
    "minutes": "Insatsens längd, minuter",
    "surplus_percent": "Övertalighet, procent",
}
KEY_LABELS = DAY_LABELS
FORMULA_STARTS = "=+-@\t\r"


@dataclass(frozen=True)
class Linked:
    """A finished sentence, and where in the book it is computed: the address and the name of the place."""

    text: str
    target: str
    place: str


@dataclass(frozen=True)
class Prose:
    """One or more paragraphs, or a list, of finished sentences."""

    paragraphs: tuple[str | Linked, ...]
    bullets: bool = False

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        shown = [one if isinstance(one, Linked) else Linked(one, "", "") for one in self.paragraphs]
        lines = [_as_markdown(one) for one in shown if one.text]
        if not lines:
            # An empty text would be shown as an empty box; book.css takes this away with its cell.
            return {"text/html": '<span class="ab-tom" hidden></span>', "text/plain": ""}
        text = "\n".join(f"- {line}" for line in lines) if self.bullets else "\n\n".join(lines)
        return {"text/markdown": text, "text/plain": "\n".join(one.text for one in shown if one.text)}


def prose(*sentences: str) -> Prose:
    """Return one paragraph of the sentences that are not empty."""
    return Prose((" ".join(filter(None, sentences)),))


def bullets(items: Sequence[str | Linked]) -> Prose:
    """Return a list."""
    return Prose(tuple(items), bullets=True)


def _as_markdown(one: Linked) -> str:
    if not one.target:
        return escape_markdown(one.text)
    return f"{escape_markdown(one.text)} [{escape_markdown(one.place)}]({_address(one.target)})"


def _address(target: str) -> str:
    """Return an address that cannot end its link or begin a tag: what could is written as the code that it stands for.

    A code that stands in the address already is left as it is.
    """
    return quote(target, safe="%/:?#[]@!$&*+,;=~")


def escape_markdown(text: str) -> str:
    """Return text that Markdown and HTML show as it stands."""
    for character in "\\`*_{}[]<>#|~$&":
        text = text.replace(character, "\\" + character)
    return text.replace("\n", " ")


@dataclass(frozen=True)
class Markup:
    """Finished HTML, with its words for those who cannot show it."""

    html: str
    text: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def simple_table(caption: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> Markup:
    """Return a table of words: no measure behind it, hence no formula and no download."""
    grid = [(line[0], [TextCell(str(value), text=True) for value in line[1:]]) for line in lines]
    return Markup(TEMPLATES.get_template("simple.html.j2").render(caption=caption, heads=heads, lines=grid), caption)


def fill(template: str, text: str, **values: object) -> Markup:
    """Return a template filled with values, and its words for those who cannot show it."""
    return Markup(TEMPLATES.get_template(template).render(**values), text)


@dataclass(frozen=True)
class TextCell:
    """A cell as it is shown; words stand to the left, numbers to the right."""

    shown: str
    text: bool = False


# A place in a source, and its lines: what the line is of, its cells, and what is said below it, if anything.
Groups = Sequence[tuple[str, Sequence[tuple[str, Sequence[TextCell], str]]]]


def grouped_table(caption: str, heads: Sequence[str], groups: Groups, intro: str = "") -> Markup:
    """Return a table whose lines are gathered under the place that they come from, led by a paragraph."""
    html = TEMPLATES.get_template("grouped.html.j2").render(
        caption=caption, heads=heads, groups=groups, intro=intro, folded=""
    )
    return Markup(html, f"{intro} {caption}".strip())


def pairs(intro: str, entries: Sequence[tuple[str, Sequence[tuple[str, str, str]]]]) -> Markup:
    """Return entries one below the other, each with a heading and its facts: term, text and where it stands."""
    html = TEMPLATES.get_template("pairs.html.j2").render(intro=intro, entries=entries)
    return Markup(html, " ".join([intro, *(title for title, _ in entries)]).strip())


@dataclass(frozen=True)
class FoldedTable:
    """A long table of a result, folded away in a box that scrolls by itself, with the result as its download."""

    municipality: Municipality
    result: Result
    summary: str
    heads: Sequence[str]
    groups: Groups

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        shown = [value.shown for _, lines in self.groups for _, cells, _ in lines for value in cells]
        facts = _facts(self.municipality, self.result, "")
        html = TEMPLATES.get_template("grouped.html.j2").render(
            id=self.result.id,
            folded=self.summary,
            heads=self.heads,
            groups=self.groups,
            has_gaps=NO_VALUE in shown,
            has_withheld=WITHHELD in shown,
            download=True,
            **facts,
        )
        return _with_download(html, self.municipality, self.result, facts)


@dataclass(frozen=True)
class TableView:
    """A table of a result; years run across where the index is years, unless `tall`.

    `change` adds the change from the first year to the last, in the unit and in percent; `highlight` is the label of
    a line that stands out.
    """

    municipality: Municipality
    result: Result
    change: bool = False
    tall: bool = False
    index_label: str = ""
    caption: str = ""
    highlight: str = ""

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        heads, lines = self.grid()
        shown = [value.shown for _, cells in lines for value in cells]
        note = "Förändringen är egen beräkning" if self.change else ""
        facts = _facts(self.municipality, self.result, self.caption, note=note)
        html = TEMPLATES.get_template("table.html.j2").render(
            id=self.result.id,
            heads=heads,
            lines=lines,
            has_gaps=NO_VALUE in shown,
            has_withheld=WITHHELD in shown,
            highlight=self.highlight,
            word_heads=self._word_heads(),
            download=True,
            **facts,
        )
        return _with_download(html, self.municipality, self.result, facts, self.index_label, self.row_name)

    def row_name(self, key: str) -> str:
        """Return what a row is called whose key is a word of the code's."""
        return KEY_LABELS.get(key, key)

    def _word_heads(self) -> list[str]:
        """Return the heads of the columns that hold words, which stand to the left as their cells do."""
        if self.result.to_show.index.name == "ar" and not self.tall:
            return []
        return [quantity.label for quantity in self.result.columns_to_show if quantity.unit == "text"]

    def grid(self) -> tuple[list[str], list[tuple[str, list[TextCell]]]]:
        """Return the column heads and, for each line, its label and cells."""
        frame, quantities = self.result.to_show, self.result.columns_to_show
        units = {quantity.unit for quantity in quantities}
        several = len(units - {"ar", "text"}) > 1

        def label(quantity: Quantity) -> str:
            return with_unit(quantity) if several else quantity.label

        if frame.index.name != "ar" or self.tall:
            first = self.index_label or index_label(frame)
            heads = [first] + [label(quantity) for quantity in quantities]
            lines = []
            for key, row in frame.iterrows():
                shown_key = (
                    self.row_name(key)
                    if isinstance(key, str)
                    else number(key, 2 if float(key) != int(key) else 0)
                )
                if frame.index.name == "ar":
                    shown_key = str(key)
                lines.append((shown_key, [self.show(key, row[q.name], q) for q in quantities]))
            return heads, lines
        first_year, last_year = frame.index[0], frame.index[-1]
        change = self.change and len(frame) > 1
        heads = ["Mått" if several or len(quantities) > 1 else "År"] + [str(year) for year in frame.index]
        if change:
            heads += [f"Förändring {first_year}–{last_year}", "Förändring i procent"]
        lines = []
        for quantity in quantities:
            cells = [self.show(year, frame.loc[year, quantity.name], quantity) for year in frame.index]
            if change:
                cells += self._change_cells(frame[quantity.name], quantity)
            lines.append((label(quantity), cells))
        return heads, lines

    def show(self, key: object, value: object, quantity: Quantity, written: str = "") -> TextCell:
        """Return a cell as the table shows it: `written`, where it says, or as its quantity is written."""
        if self.result.is_withheld(key, quantity.name):
            return TextCell(WITHHELD)
        return TextCell(written or cell(value, quantity), quantity.unit == "text")

    def _change_cells(self, series: pd.Series, quantity: Quantity) -> list[TextCell]:
        ends = series.index[[0, -1]]
        if any(self.result.is_withheld(year, quantity.name) for year in ends):
            return [TextCell(WITHHELD), TextCell(WITHHELD)]
        if quantity.signed or quantity.unit in ("ar", "text", "procent") or series[ends].isna().any():
            return [TextCell(NO_VALUE), TextCell(NO_VALUE)]
        difference, share = change_between(series)
        in_percent = Quantity("", "", "procent")
        return [TextCell(cell(difference, quantity)), TextCell(cell(share, in_percent))]


@dataclass(frozen=True)
class ChartView:
    """A chart of a result with a finding, a text alternative and its table; nothing where there is nothing to draw."""

    municipality: Municipality
    result: Result
    chart: dict | None
    finding: str
    id: str = ""
    title: str = ""
    extra: tuple[Result, ...] = field(default=())
    table: bool = True

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        if self.chart is None:
            return prose()._repr_mimebundle_(), {}
        id_ = self.id or self.result.id
        facts = _facts(self.municipality, self.result, self.title, self.extra)
        heads, lines = self.grid()
        units = {q.unit for q in self.result.quantities if q.unit not in ("text", "ar")}
        # A title that names the unit itself needs it no second time.
        unit = facts["unit"] if len(units) == 1 and f"({facts['unit']})" not in facts["caption"] else ""
        html = TEMPLATES.get_template("chart.html.j2").render(
            id=id_,
            title=facts["caption"],
            finding=self.finding,
            heads=heads,
            lines=lines,
            table=self.table,
            series=self.chart["usermeta"]["series"],
            has_withheld=any(value.shown == WITHHELD for _, cells in lines for value in cells),
            svg=to_svg(self.chart, f"{facts['caption']}. {self.finding}"),
            specification=as_json(live_specification(self.chart)),
            download=False,
            **{**facts, "unit": unit},
        )
        told = chart_facts(self.municipality, self.result, id_, facts["caption"], self.finding, unit, self.extra)
        return {"text/html": html, "text/plain": f"{facts['caption']}. {self.finding}"}, told

    def grid(self) -> tuple[list[str], list[tuple[str, list[TextCell]]]]:
        """Return the heads and lines of the table beside the chart."""
        return TableView(self.municipality, self.result, tall=True).grid()


def render(template: str, municipality: Municipality, result: Result, caption: str, **values: object) -> str:
    """Return a template filled with a result's caption, source, formula and method, and with the values given."""
    return TEMPLATES.get_template(template).render(**{**_facts(municipality, result, caption), **values})


def chart_facts(
    municipality: Municipality,
    result: Result,
    id_: str,
    title: str,
    finding: str,
    unit: str = "",
    extra: Sequence[Result] = (),
) -> dict:
    """Return what publish needs to make a picture of a chart that stands by itself."""
    facts = _facts(municipality, result, title, extra)
    told = {"chart_id": id_, "title": title, "unit": unit, "finding": finding, "source_line": facts["source_line"]}
    return {"assistansboken": told}


def _facts(
    municipality: Municipality, result: Result, caption: str, extra: Sequence[Result] = (), note: str = ""
) -> dict:
    results = (result, *extra)
    references = list(dict.fromkeys(r for one in results for r in one.references))
    assumptions = list(dict.fromkeys(a for one in results for a in one.assumptions))
    statuses = list(dict.fromkeys(STATUS_WORDS[reference.status] for reference in references))
    units = [q.unit for q in result.quantities if q.unit not in ("text", "ar")]
    return {
        "caption": caption or result.title,
        "unit": UNIT_WORDS.get(units[0], "") if len(set(units)) == 1 and units[0] != "antal" else "",
        "source_line": _source_line(municipality, results, references, note),
        "status_line": ", ".join(sorted(set(statuses) - {STATUS_WORDS[""], STATUS_WORDS["kontrollerad"]})),
        "formula": result.formula,
        "method": result.method,
        "caveats": result.caveats,
        "assumptions": [assumption_line(a) for a in assumptions],
        "inputs": _inputs(municipality, results, references),
        "references": _by_source(municipality, results, references),
        "statuses": statuses,
    }


def _source_line(
    municipality: Municipality, results: Sequence[Result], references: Sequence[SourceRef], note: str
) -> str:
    """Return whose figures these are, named as each source's terms ask.

    Some terms ask to be named where a value stands as it was given, and forbid it where the value has been processed;
    `note` is said where the view adds processed values to such given ones.
    """
    sources = municipality.sources
    plain = [r for r in references if not sources[r.source].unaltered_as]
    named = _named(sources[r.source] for r in plain)
    with_terms = [sources[id_] for r in references for id_ in (r.source, r.origin) if id_ and sources[id_].unaltered_as]
    names = listed(list(dict.fromkeys(source.unaltered_as for source in with_terms))) if with_terms else ""
    values = [q for one in results for q in one.quantities if q.unit not in ("text", "ar")]
    given = [quantity for quantity in values if quantity.as_given]
    if not with_terms:
        line = "; ".join(named) if named else "egna antaganden, se nedan"
    elif not given:
        unnamed = any(sources[r.source].unaltered_as for r in references)
        start = ["egen beräkning på uppgifter som redovisas i kapitlet Underlag och källor"] if unnamed else []
        line = "; ".join([*start, *named])
    elif len(given) == len(values):
        repeated = _named(sources[r.source] for r in plain if r.origin and sources[r.origin].unaltered_as)
        own = _named(sources[r.source] for r in plain if not (r.origin and sources[r.origin].unaltered_as))
        start = names + (f", återgivet i {'; '.join(repeated)}" if repeated else "")
        line = "; ".join([start, *own]) + (f". {note}" if note else "")
    else:
        labels = listed(list(dict.fromkeys(quantity.label.lower() for quantity in given)))
        line = "; ".join([*named, f"{names} för {labels}"]) + ". Resten är egen beräkning"
    return line.rstrip(".") + "."


def _named(sources: Iterable[Source]) -> list[str]:
    return [f"{source.publisher}, {source.title}" for source in dict.fromkeys(sources)]


def given_by(municipality: Municipality, result: Result) -> str:
    """Return whose values a result shows as they stand, where a source's terms ask for the name; else nothing.

    Where only some of the values have such terms, the publishers of the others are named too.
    """
    if not all(quantity.as_given for quantity in result.quantities if quantity.unit not in ("text", "ar")):
        return ""
    asked, others = [], []
    for reference in result.references:
        sources = [municipality.sources[id_] for id_ in (reference.source, reference.origin) if id_]
        with_terms = [source.unaltered_as for source in sources if source.unaltered_as]
        asked += with_terms
        others += [] if with_terms else [sources[0].publisher]
    return listed(list(dict.fromkeys(asked + others))) if asked else ""


def _inputs(municipality: Municipality, results: Sequence[Result], references: Sequence[SourceRef]) -> str:
    """Return which tables and which dated values the results used."""
    tables = [title for one in results for title in one.inputs]
    parameters = [
        parameter.name
        for parameter in municipality.parameters.values()
        if any(value.reference in references for value in parameter.values)
    ]
    return "; ".join(dict.fromkeys([*tables, *parameters]))


def _by_source(municipality: Municipality, results: Sequence[Result], references: Sequence[SourceRef]) -> list[str]:
    """Return one line a source and status, with every place in it that a figure comes from."""
    processed = not any(quantity.as_given for one in results for quantity in one.quantities)
    places: dict[tuple[str, str], dict[str, None]] = {}
    for reference in references:
        source = municipality.sources[reference.source]
        unnamed = source.unaltered_as and processed
        title = "Uppgifter som redovisas i Underlag och källor" if unnamed else source.title
        places.setdefault((title, reference.status), {})[reference.place] = None
    return [
        f"{title}: {'; '.join(where)}" + (f" ({STATUS_WORDS[status]})" if status else "")
        for (title, status), where in places.items()
    ]


def assumption_line(item: Assumption) -> str:
    """Return an assumption with its value, unit and reason; a share is written in percent."""
    return f"{item.name}: {assumed_value(item)}. {item.reason}"


def assumed_value(item: Assumption) -> str:
    """Return an assumption's value with its unit."""
    if item.unit == "andel":
        return percent(item.value * 100)
    value = number(item.value, 0 if item.value == int(item.value) else 2)
    return value if item.unit == "antal" else f"{value} {item.unit}"


def _with_download(
    html: str, municipality: Municipality, result: Result, facts: dict, first: str = "",
    row_name: Callable[[str], str] = str,
) -> tuple[dict, dict]:
    """Return a table's output: the page, its CSV, and what publish needs to make a workbook of that."""
    words = any(isinstance(key, str) for key in result.to_show.index)
    columns = [{"unit": "text" if words else "ar", "decimals": 0}]
    columns += [{"unit": quantity.unit, "decimals": quantity.decimals} for quantity in result.columns_to_show]
    told = {
        "Tabell": [facts["caption"]],
        "Enhet": dict.fromkeys(filter(None, (UNIT_WORDS.get(quantity.unit) for quantity in result.columns_to_show))),
        "Formel": [facts["formula"]],
        "Metod": [facts["method"]],
        "Indata": [facts["inputs"]],
        "Antaganden": facts["assumptions"],
        "Att tänka på": facts["caveats"],
        "Källa": [facts["source_line"]],
        "Status": [facts["status_line"]],
        "Underlag": facts["references"],
        # What is the same for all is no municipality's, and its file is the same in every book.
        "Kommun": [municipality.name] if result.own else [],
    }
    lines = [[name, "\n".join(texts)] for name, texts in told.items() if any(texts)]
    data = {"text/html": html, "text/plain": result.title, "text/csv": to_csv(result, first, row_name)}
    return data, {"assistansboken": {"table_id": result.id, "columns": columns, "facts": lines}}


def with_unit(quantity: Quantity) -> str:
    """Return a column's heading with its unit, where it has one that the heading does not say itself."""
    word = UNIT_WORDS.get(quantity.unit, quantity.unit)
    said = re.search(rf"\b{re.escape(word)}\b", quantity.label, re.IGNORECASE) if word else True
    return quantity.label if said else f"{quantity.label} ({word})"


def index_label(frame: pd.DataFrame) -> str:
    """Return the heading of a frame's first column."""
    return INDEX_LABELS.get(str(frame.index.name), str(frame.index.name).capitalize())


def to_csv(result: Result, first: str = "", row_name: Callable[[str], str] = str) -> str:
    """Return a result as CSV for Swedish Excel: semicolons, decimal commas, full precision.

    Text that a spreadsheet would take for a formula is led by an apostrophe. `first` is the first column's heading, and
    `row_name` tells what a row is called whose key is a word.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    frame, quantities = result.to_show, result.columns_to_show
    heads = list(map(with_unit, quantities))
    writer.writerow([first or index_label(frame), *map(_csv_cell, heads)])
    for key, row in frame.iterrows():
        cells = [WITHHELD if result.is_withheld(key, q.name) else _csv_cell(row[q.name]) for q in quantities]
        writer.writerow([_csv_cell(row_name(key) if isinstance(key, str) else key), *cells])
    return buffer.getvalue()


def _csv_cell(value: object) -> str:
    if isinstance(value, str):
        return "'" + value if value and value[0] in FORMULA_STARTS else value
    if value is None or not math.isfinite(float(value)):
        return ""
    exact = float(value)
    return str(int(exact)) if exact == int(exact) else f"{exact:.10g}".replace(".", ",")
