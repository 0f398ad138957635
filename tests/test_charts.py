"""Charts: one palette that can be read in light and dark, words that can be read and numbers that are the tables'."""

import dataclasses
import functools
import io
import json
import math
import os
import re
import struct
import subprocess
import sys
from itertools import combinations, pairwise
from types import SimpleNamespace
from xml.etree import ElementTree

import altair as alt
import nbformat
import numpy as np
import pandas as pd
import pytest
from altair.utils.schemapi import debug_mode
from conftest import DATA
from every_chart import SLUGS, charts_of, output, unpacked
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError
from PIL import Image

from analysis.measures.result import Quantity, Result
from analysis.present import charts, drawing, svg
from analysis.present.book import Book
from analysis.present.numbers import MINUS, NO_BREAK_SPACE
from analysis.present.packed import as_json
from analysis.present.pages import choice, comparison, costs, volumes
from analysis.present.palette import COLOURS, DARK, GREY, GROUND, INK, PALE
from analysis.present.svg import live_specification, to_svg
from analysis.present.views import ChartView
from analysis.publish.pictures import MARGIN, SCALE, drawing_of, picture_png, picture_svg
from analysis.publish.run import _downloads
from analysis.publish.theme import ASSETS
from analysis.sources import load_municipality

EVERY = [(slug, place) for slug in SLUGS for place in range(len(charts_of(slug)))]
# The narrowest telephone that is common gives a chart this many pixels.
TELEPHONE = 343
LIGHT = {colour: colour for colour in DARK}
SVG = "{http://www.w3.org/2000/svg}"


def each_chart():
    return pytest.mark.parametrize(("slug", "place"), EVERY, ids=lambda value: str(value))


def linear(colour):
    """Return a colour as linear red, green and blue."""
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """Return the contrast of two colours as WCAG defines it."""
    high, low = sorted((float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(values):
    """Return linear red, green and blue as CIE Lab, in which distance is about what the eye sees."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.clip(np.array(to_xyz) @ values / [0.9505, 1, 1.089], 0.008856, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# Machado, Oliveira and Fernandes 2009, at full severity: what remains of linear red, green and blue.
SIGHTS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_palette_can_be_read_in_light_and_dark(scheme):
    for colour in (INK, GREY, *COLOURS):
        assert contrast(scheme[colour], scheme[GROUND]) >= 4.5, colour
    # The pale half of a span has an edge in the first colour; words are never on it.
    assert contrast(scheme[PALE], scheme[COLOURS[0]]) >= 3


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_neighbouring_series_differ_for_the_colour_blind(scheme, sight):
    """The grey is left out: it is the fifth series, in lines with its own dash and in bars with its name beside."""
    seen = [lab(np.clip(np.array(SIGHTS[sight]) @ linear(scheme[colour]), 0, 1)) for colour in COLOURS[:4]]
    for one, other in pairwise(seen):
        assert np.linalg.norm(one - other) >= 20


def test_the_stylesheet_has_the_palette():
    style = (ASSETS / "charts.css").read_text(encoding="utf-8")
    found = re.findall(r'svg \[(fill|stroke)="(#\w+)"\] \{ (fill|stroke): (#\w+); \}', style)
    assert {(kind, light, dark) for kind, light, same, dark in found if kind == same} == {
        (kind, light, dark) for light, dark in DARK.items() for kind in ("fill", "stroke")
    }
    page = (ASSETS / "palette.css").read_text(encoding="utf-8")
    for name, colour in (("grund", GROUND), ("text", INK)):
        assert re.findall(rf"--ab-{name}: (#\w+)", page)[:2] == [colour, DARK[colour]]


@each_chart()
def test_every_colour_is_of_the_palette(slug, place):
    shown = charts_of(slug)[place]
    drawn = set(re.findall(r'(?:fill|stroke)="([^"]+)"', shown.html))
    assert drawn - {"none", "transparent"} <= set(DARK)
    assert set(re.findall(r"#[0-9a-f]{6}\b", json.dumps(live_specification(shown.chart)))) <= set(DARK)


def valid(chart):
    """Return a chart that follows Vega-Lite's schema; what is drawn of it here is a part of what a script reads."""
    alt.Root.validate(json.loads(json.dumps(live_specification(chart))))
    return chart


@pytest.mark.parametrize("slug", sorted(folder.name for folder in (DATA / "kommuner").iterdir()))
def test_every_chart_follows_the_schema(slug):
    """Making charts goes without Altair's own check of them, so that every book's is done here."""
    for shown in charts_of(slug):
        valid(shown.chart)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: alt.Chart().mark_bar(colour=INK),
        lambda: alt.Chart().mark_bar(color=INK).encode(x=alt.X("x:Q", scale=alt.Scale(nice="ja"))),
        lambda: alt.Chart().mark_text(align="vänster"),
    ],
)
def test_a_chart_that_does_not_follow_the_schema_is_found(wrong):
    with debug_mode(False):
        chart = charts.described(charts.layered([wrong()], [{"x": 1}]))
    with pytest.raises(ValidationError):
        valid(chart)


@each_chart()
def test_the_drawing_is_sound_named_and_large_enough(slug, place):
    shown = charts_of(slug)[place]
    drawn = drawing_of(shown.html)
    root = ElementTree.fromstring(drawn)
    assert root.get("aria-label").startswith(shown.told["title"]) and shown.told["finding"] in root.get("aria-label")
    # The strict policy forbids styles in the page, and nothing may be asked of another site.
    assert "style=" not in shown.html and "<style" not in shown.html
    assert not re.search(r'(?:href|src)="(?:https?:)?//', shown.html)
    sizes = [float(mark.get("font-size")) for mark in root.iter() if mark.get("font-size")]
    assert root.get("font-size")
    assert min(sizes) * min(1, TELEPHONE / float(root.get("width"))) >= 11
    assert float(root.get("width")) <= 480


@each_chart()
def test_every_number_is_the_table_s(slug, place):
    """What marks and tooltips say stands in the chart's fold-out table, or in the table right below it."""
    shown = charts_of(slug)[place]
    if "ab-interaktiv" in shown.html:
        return
    table = shown.html if 'class="ab-siffror"' in shown.html else shown.next_html
    cells = {re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", table)}
    specification = live_specification(shown.chart)
    values = [row["v"] for row in rows_of(specification) if "v" in row]
    assert set(values) <= cells
    # A tooltip's last line ends with the value and its unit.
    tips = [
        row[key].rpartition("\n")[2].rpartition(": ")[2]
        for row in rows_of(specification)
        for key in ("t", "t0", "t1")
        if key in row
    ]
    assert tips
    for tip in tips:
        with_unit = {f"{tip}{NO_BREAK_SPACE}{unit}" for unit in ("tkr", "kr")}
        assert tip in cells or with_unit & cells or any(tip.startswith(cell + NO_BREAK_SPACE) for cell in cells), tip


def rows_of(part):
    """Return every row of data in a specification."""
    if isinstance(part, list):
        return [row for one in part for row in rows_of(one)]
    if not isinstance(part, dict):
        return []
    own = part["data"]["values"] if isinstance(part.get("data"), dict) else []
    return own + [row for name, one in part.items() if name != "data" for row in rows_of(one)]


@each_chart()
def test_series_can_be_told_apart_without_colour(slug, place):
    """Every series has its name in the drawing; of lines no two have the same dash."""
    shown = charts_of(slug)[place]
    series = shown.chart["usermeta"]["series"]
    words = " ".join(re.sub(r"<[^>]+>", " ", drawing_of(shown.html)).split())
    dashes = [tuple(one["dash"]) for one in series if one["dash"]]
    assert len(set(dashes)) == len(dashes) and len(dashes) in (0, len(series))
    for one in series if len(series) > 1 else ():
        for word in one["name"].split():
            assert word.replace("&", "&amp;") in words, one["name"]
    choices = re.findall(r'type="checkbox" value="(\d+)" checked', shown.html)
    assert choices == ([str(at) for at in range(len(series))] if len(series) > 1 else [])
    # No choice that does nothing is shown where there is no script.
    assert 'class="ab-serier"' not in shown.html or '<fieldset class="ab-serier" hidden>' in shown.html


@functools.cache
def as_vega_draws(slug, place):
    """Return a chart as Vega draws it, and as the book does."""
    raw = []
    svg.set_drawer(lambda specification: raw.append(svg.draw(specification)) or raw[-1])
    try:
        drawn = to_svg(charts_of(slug)[place].chart, "Prov")
    finally:
        svg.set_drawer(svg.draw)
    return raw[0], drawn


def covered(drawing):
    """Return how much of each pixel is covered, in colours, as drawn four times as large."""
    content = np.asarray(Image.open(io.BytesIO(svg.to_png(drawing, 4))).convert("RGBA")).astype(float)
    height, width, _ = content.shape
    return content.reshape(height // 4, 4, width // 4, 4, 4).mean(axis=(1, 3))


@each_chart()
def test_few_letters_draw_what_vega_draws(slug, place, monkeypatch):
    raw, short = as_vega_draws(slug, place)
    before = covered(raw)
    # In numbers as long as Vega's the pixels are the same, but for what the last digit of a sum decides: whether a
    # place that lies just on an edge counts as inside it. Each pixel is looked at in 256 places here.
    monkeypatch.setattr(drawing, "DECIMALS", 9)
    assert abs(covered(to_svg(charts_of(slug)[place].chart, "Prov")) - before).max() <= 2
    # In numbers of two decimals an edge moves at the most a hundredth of a pixel, and crosses at the most one of the
    # sixteen rows of such places. A rule that is drawn once a row of its data lies several times on itself.
    after = abs(covered(short) - before)
    assert after.max() <= 3.1 * 255 / 16 and after.mean() <= 255 / 1000


VEGA = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60" viewBox="0 0 80 60">'
    '<g fill="none" stroke-miterlimit="10" transform="translate(5,5)">{}</g></svg>'
)


@pytest.mark.parametrize(
    "marks",
    [
        # Two that can be seen through, on one another.
        '<line transform="translate(0,20)" x2="50" y2="0" stroke="#0b4f8a" stroke-width="9" opacity="0.5"/>'
        '<line transform="translate(0,24)" x2="50" y2="0" stroke="#0b4f8a" stroke-width="9" opacity="0.5"/>',
        '<path d="M5,5h30v30h-30Z" fill="#0b4f8a" opacity="0.5"/>'
        '<path d="M9,9h30v30h-30Z" fill="#0b4f8a" opacity="0.5"/>',
        # One line drawn twice, over half a pixel.
        '<line x2="50" y2="0" stroke="#6b6b6b"/><line x2="50" y2="0" stroke="#6b6b6b"/>',
        # Slanting and turned.
        '<line transform="translate(3,4)" x2="50" y2="30" stroke="#6b6b6b"/>',
        '<text transform="translate(20,40) rotate(-90)" font-family="Liberation Sans" font-size="15px" '
        'fill="#1d1d1d">Å</text>'
        '<text transform="translate(40,40)" font-family="Liberation Sans" font-size="11px" fill="#1d1d1d">liten</text>'
        '<text transform="translate(40,20)" font-family="Liberation Sans" font-size="15px" fill="#1d1d1d">å</text>',
        # Curves, areas, and a line after a step told from where the one before ends.
        '<path transform="translate(10,10)" d="M0,0C10,0,10,10,20,10L30,0L30,20Z" fill="#a9c8e6" stroke="#0b4f8a"/>',
        '<path d="M0,0h20v10L30,30L0,30Z" fill="#0b4f8a"/><path d="M6,0A6,6,0,1,1,-6,0A6,6,0,1,1,6,0" fill="#b3460b"/>',
        # Numbers with an exponent: what nearly has no width, and what is nearly not moved.
        '<path d="M-7.76e-7,5h7.76e-7v20h-7.76e-7Z" fill="#b3460b"/>'
        '<path d="M1.5e+1,5h2e+1v2e+1h-2e+1Z" fill="#0b4f8a"/>'
        '<path transform="translate(1e-7,3e+1)" d="M5,0L9e-8,9Z" stroke="#0b4f8a"/>'
        '<line transform="translate(1e-7,2e+1)" x2="5e+1" y2="1e-7" stroke="#6b6b6b"/>',
        # Moved groups, one that cannot be seen and one that is half seen.
        '<g transform="translate(10,10)"><g opacity="0"><path d="M0,0h9v9h-9Z" fill="#0b4f8a"/></g>'
        '<g opacity="0.5"><path d="M0,0h9v9h-9Z" fill="#0b4f8a"/><path d="M5,5h9v9h-9Z" fill="#b3460b"/></g></g>',
    ],
)
def test_few_letters_draw_marks_that_no_chart_has_yet(marks):
    raw = VEGA.format(marks)
    attributes, drawn = drawing.compact(raw, svg.FONT_STACK, INK)
    short = f'<svg xmlns="http://www.w3.org/2000/svg"{attributes}>{drawn}</svg>'
    assert abs(covered(short) - covered(raw)).max() <= 2 and covered(raw).max() > 100


COORDINATES = st.floats(-1000, 1000).map(lambda number: number if number % 1 else int(number))
STEPS = {"L": 2, "h": 1, "v": 1, "C": 6, "A": 2}


@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.lists(COORDINATES, min_size=6, max_size=6))), COORDINATES)
def test_a_path_ends_where_vega_s_does(steps, moved):
    """Whatever numbers Vega writes: every one is read, and no place is off by more than its rounding."""
    told, at, ends = "M0,0", [0.0, 0.0], [(moved, -moved)]
    for letter, numbers in steps:
        used = numbers[: STEPS[letter]]
        # The radii and flags of an arc stay as they are; its end is the last two.
        told += letter + ("5,5,0,1,0," if letter == "A" else "") + ",".join(map(str, used))
        if letter in "hv":
            at["hv".index(letter)] += used[0]
        else:
            at = list(used[-2:])
        ends.append((at[0] + moved, at[1] - moved))
    written = drawing._path(told, moved, -moved)
    assert "e" not in written
    # A step told from the one before adds its own rounding to what that one has.
    assert path_ends(written) == [pytest.approx(end, abs=0.006 * (len(steps) + 1)) for end in ends]


def path_ends(path):
    """Return where each step of a path ends that has few letters."""
    at, ends = [0.0, 0.0], []
    for letter, told in re.findall("([MLlhvCA])([^A-Za-z]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", told)]
        size = {"M": 2, "L": 2, "l": 2, "h": 1, "v": 1, "C": 6, "A": 7}[letter]
        assert numbers and len(numbers) % size == 0
        for place in range(0, len(numbers), size):
            step = numbers[place : place + size]
            if letter in "hv":
                at["hv".index(letter)] += step[0]
            else:
                at = [step[-2] + at[0], step[-1] + at[1]] if letter == "l" else step[-2:]
            ends.append(tuple(at))
    return ends


@each_chart()
def test_few_letters_say_what_vega_says(slug, place):
    raw, short = as_vega_draws(slug, place)
    before, after = (ElementTree.fromstring(one) for one in (raw, short))
    said, seen = (
        [words for text in root.iter(f"{SVG}text") if text.get("opacity") != "0" and (words := [*text.itertext()])]
        for root in (before, after)
    )
    assert said and seen == said
    for name in ("width", "height", "viewBox"):
        assert after.get(name) == before.get(name)
    assert len(short) < 0.6 * len(raw)


def in_another_process(code, **environment):
    """Return what a program prints that runs by itself."""
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def test_a_picture_does_not_depend_on_the_fonts_of_the_machine(tmp_path):
    """Nor are its fonts forgotten afterwards by whatever else asks for them."""
    none = tmp_path / "fonts.conf"
    none.write_text(f"<?xml version='1.0'?><fontconfig><dir>{tmp_path}</dir></fontconfig>", encoding="utf-8")
    code = (
        "import hashlib, os\nfrom analysis.present.svg import to_png\nbefore = dict(os.environ)\n"
        "text = '<text y=\"20\" font-family=\"Liberation Sans\">Åäö 1 234,50 kr</text>'\n"
        "picture = f'<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"30\">{text}</svg>'\n"
        "print(hashlib.sha256(to_png(picture, 4)).hexdigest())\nassert os.environ == before"
    )
    assert in_another_process(code) == in_another_process(code, FONTCONFIG_FILE=str(none))


@pytest.mark.skipif(sys.platform != "linux", reason="only there are processes forked, and threads told of")
def test_nothing_is_started_before_a_chart_is_drawn():
    """A process that has drawn cannot be forked, so importing and making pictures must leave it as it is."""
    code = (
        "import os\nimport analysis.present.interactive, analysis.publish.run\nfrom analysis.present import svg\n"
        "svg.to_png('<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>', 2)\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    # NumPy's own threads, as many as there are processors, are at rest and do no harm.
    assert in_another_process(code, OPENBLAS_NUM_THREADS="1") == "1"


def test_what_draws_can_be_replaced_and_the_rest_stays():
    chart = charts_of("malmo")[0].chart
    asked = []
    svg.set_drawer(lambda specification: asked.append(specification) or svg.draw(specification))
    try:
        drawn = to_svg(chart, "Prov")
    finally:
        svg.set_drawer(svg.draw)
    assert len(asked) == 1 and json.loads(asked[0])["layer"] and drawn == to_svg(chart, "Prov")


def test_a_chart_is_the_same_whatever_was_drawn_before():
    """Vega numbers its ids on, and a drawing may be kept from before."""
    chart, other = (charts.lines(invented({"a": [1, last]}), ["a"], y_title="tkr") for last in (2, 3))
    found = []
    for before in ([], [other], [other, chart]):
        svg.draw.cache_clear()
        for one in before:
            to_svg(one, "Prov")
        found.append(to_svg(chart, "Prov"))
    assert len(set(found)) == 1 and to_svg(other, "Prov") not in found


@pytest.mark.parametrize("slug", SLUGS)
def test_no_two_charts_of_a_book_have_one_name(slug):
    names = [shown.told["chart_id"] for shown in charts_of(slug)]
    assert len(set(names)) == len(names)
    ids = re.findall(r' id="([^"]+)"', "".join(shown.html for shown in charts_of(slug)))
    assert len(set(ids)) == len(ids)


@each_chart()
def test_the_picture_stands_by_itself(slug, place):
    shown = charts_of(slug)[place]
    picture = picture_svg(drawing_of(shown.html), shown.told)
    root = ElementTree.fromstring(picture)
    assert root.find(f"{SVG}title").text.startswith(shown.told["title"])
    assert root.find(f"{SVG}desc").text == shown.told["finding"]
    ground = root.find(f"{SVG}rect")
    assert ground.get("fill") == GROUND and ground.get("width") == root.get("width")
    words = " ".join(text.text or "" for text in root.findall(f"{SVG}text"))
    assert words == f"{root.find(f'{SVG}title').text} {shown.told['finding']} Källa: {shown.told['source_line']}"
    for text in root.findall(f"{SVG}text"):
        wide = charts.text_width(text.text, float(text.get("font-size")), bold=text.get("font-weight") == "bold")
        assert wide <= float(root.get("width")) - 2 * MARGIN or " " not in text.text
    assert not re.search(r'href="(?!#)|url\((?!#)|style=', picture)
    assert set(re.findall(r'font-family="([^"]+)"', picture)) == {"Liberation Sans, Arial, Helvetica, sans-serif"}


def test_a_picture_as_png_has_twice_the_pixels():
    shown = charts_of("malmo")[0]
    picture = picture_svg(drawing_of(shown.html), shown.told)
    content = picture_png(picture)
    assert content.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", content[16:24])
    root = ElementTree.fromstring(picture)
    assert (width, height) == tuple(round(float(root.get(name)) * SCALE) for name in ("width", "height"))


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def test_a_picture_in_few_colours_is_as_it_was_drawn():
    shown = charts_of("malmo")[0]
    picture = picture_svg(drawing_of(shown.html), shown.told)
    assert (pixels(picture_png(picture)) == pixels(svg.to_png(picture, SCALE))).all()


def test_a_picture_in_many_colours_is_nearly_as_it_was_drawn():
    stripes = (f'<rect x="{at}" width="1" height="9" fill="rgb({at % 256},{at // 2},9)"/>' for at in range(400))
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="9">{"".join(stripes)}</svg>'
    assert 0 < abs(pixels(picture_png(picture)) - pixels(svg.to_png(picture, SCALE))).max() <= 8


def chapter(folder, *outputs):
    """Write a run chapter whose cells gave these outputs, and return a plan of it."""
    shown = [nbformat.v4.new_output("display_data", data=data, metadata=told) for data, told in outputs]
    cells = [nbformat.v4.new_code_cell("", outputs=[one]) for one in shown]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "prov.ipynb")
    return SimpleNamespace(municipality=SimpleNamespace(slug="prov"), chapters=[SimpleNamespace(name="prov")])


def test_two_charts_of_one_name_are_a_fault(tmp_path):
    one, other = (
        ({"text/html": shown.html}, {"assistansboken": {**shown.told, "chart_id": "samma"}})
        for shown in charts_of("malmo")[:2]
    )
    _, pictures, faults = _downloads(chapter(tmp_path, one, one), tmp_path)
    assert list(pictures) == ["samma"] and not faults
    _, _, faults = _downloads(chapter(tmp_path, one, other), tmp_path)
    assert [fault.cause for fault in faults] == ["två olika diagram heter ”samma”"]
    odd = (one[0], {"assistansboken": {**one[1]["assistansboken"], "chart_id": "a/b"}})
    _, _, faults = _downloads(chapter(tmp_path, odd), tmp_path)
    assert [fault.cause for fault in faults] == ["”a/b” kan inte bli ett filnamn"]


def invented(values, unit="tkr", decimals=0, index=None, labels=None):
    """Return a result of columns of values."""
    frame = pd.DataFrame(values)
    frame.index = pd.Index(index or range(2020, 2020 + len(frame)), name="ar" if index is None else "post")
    names = labels or {name: name.capitalize() for name in frame}
    quantities = tuple(Quantity(name, names[name], unit, decimals) for name in frame)
    return Result("prov", "Prov", frame, quantities, "formel", "metod", ())


def drawn_words(chart):
    return re.findall(r"<text[^>]*>([^<]*)</text>|<tspan[^>]*>([^<]*)</tspan>", to_svg(chart, "Prov"))


def test_numbers_are_swedish_and_as_precise_as_the_quantity():
    chart = charts.bar_panels(invented({"a": [-1234.5, 425.0]}, "kr_per_timme", 2), ["a"])
    tips = [row["t"] for row in rows_of(live_specification(chart)) if "t" in row]
    space = NO_BREAK_SPACE
    assert tips == [f"A\n2020: {MINUS}1{space}234,50{space}kr per timme", f"A\n2021: 425,00{space}kr per timme"]
    assert f"{MINUS}1{space}234,50" in {"".join(pair) for pair in drawn_words(chart)}
    chart = charts.bars(invented({"a": [28, 5]}, "procent", index=["x", "y"]), "a")
    assert {f"28{space}%", f"5{space}%"} <= {"".join(pair) for pair in drawn_words(chart)}


@pytest.mark.parametrize("values", [[0, 0], [-5, -3], [0.001, 0.002], [-1e6, 1e6], [7, float("nan")]])
def test_every_kind_of_chart_is_drawn_whatever_the_values(values):
    result = invented({"a": values, "b": values[::-1]})
    for chart in (
        charts.bar_panels(result, ["a", "b"]),
        charts.bar_panels(result, ["a", "b"], shared=False),
        charts.lines(result, ["a", "b"], y_title="tkr", highlight="B"),
        charts.paired_bars(result, ["a", "b"]),
        charts.bars(result, "a"),
    ):
        drawn = to_svg(valid(chart), "Prov")
        assert "NaN" not in drawn and "Infinity" not in drawn and "<text" in drawn


KINDS = {
    "panels": lambda result: charts.bar_panels(result, list(result.frame)),
    "panels of their own scale": lambda result: charts.bar_panels(result, list(result.frame), shared=False),
    "lines": lambda result: charts.lines(result, list(result.frame), y_title="tkr"),
    "one line that stands out": lambda result: charts.lines(result, list(result.frame), y_title="tkr", highlight="a"),
    "pairs": lambda result: charts.paired_bars(result, list(result.frame)),
    "bars": lambda result: charts.bars(result, "a"),
}
NOTHING = math.nan
COLUMN = st.one_of(
    st.just([NOTHING] * 3), st.lists(st.one_of(st.just(NOTHING), st.floats(-1e6, 1e6)), min_size=3, max_size=3)
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", [None, ["x", "y", "en post med långt namn"]], ids=["years", "others"])
@settings(max_examples=15)
@given(columns=st.lists(COLUMN, min_size=1, max_size=4), rows=st.integers(0, 3))
@example(columns=[[NOTHING] * 3, [1, 2, 3]], rows=3)
@example(columns=[[NOTHING] * 3], rows=3)
@example(columns=[[7, NOTHING, NOTHING]], rows=3)
@example(columns=[[7, 1, 2]], rows=1)
@example(columns=[[5e-324, NOTHING, NOTHING]], rows=1)
@example(columns=[[7, 1, 2]], rows=0)
@example(columns=[[1, NOTHING, 2], [3, NOTHING, 4]], rows=3)
def test_what_has_no_values_is_left_out(kind, index, columns, rows):
    """A chart has the series and rows that have any value; where there is none there is no chart."""
    values = {name: values[:rows] for name, values in zip("abcd", columns, strict=False)}
    if index and "line" in kind:
        index = [1.5, 2, 40]
    result = invented(values, index=index[:rows] if index else None)
    shown = result.frame[["a"]] if kind == "bars" else result.frame
    known = shown.dropna(axis="columns", how="all").dropna(how="all")
    chart = KINDS[kind](result)
    if known.empty:
        assert chart is None
        return
    assert [one["name"] for one in chart["usermeta"]["series"]] == [name.upper() for name in known]
    drawn = to_svg(valid(chart), "Prov")
    assert "NaN" not in drawn and "Infinity" not in drawn
    tips = {row["t"] for row in rows_of(live_specification(chart)) if "t" in row}
    assert len(tips) == known.notna().sum().sum()


@settings(max_examples=15)
@given(columns=st.lists(st.lists(st.one_of(st.just(NOTHING), st.floats(-1e6, 1e6)), min_size=3, max_size=3), min_size=2,
                        max_size=4))
@example(columns=[[1, 2, 3], [NOTHING, 2, 3]])
@example(columns=[[1, NOTHING, 3], [NOTHING, NOTHING, 3]])
@example(columns=[[1, NOTHING, NOTHING], [NOTHING, NOTHING, 3]])
def test_a_year_stands_in_the_same_place_in_every_panel(columns):
    """Also where a panel lacks a year that another has."""
    result = invented(dict(zip("abcd", columns, strict=False)))
    chart = charts.bar_panels(result, list(result.frame), shared=False)
    if chart is None:
        return
    places: dict[str, set[str]] = {}
    for place, year in re.findall(r'<text x="([^"]+)"[^>]*>(20\d\d)<', to_svg(valid(chart), "Prov")):
        places.setdefault(year, set()).add(place)
    assert places and all(len(found) == 1 for found in places.values()), places


@pytest.mark.parametrize("ends", [[], [(NOTHING, NOTHING)], [(NOTHING, 2.0), (1.0, 3.0)]])
def test_spans_without_ends_are_left_out(ends):
    found = [charts.Span(f"spann{at}", *pair, "lågt", "högt") for at, pair in enumerate(ends)]
    chart = charts.spans(found, 2, x_title="tkr", base_words="nu")
    if len(ends) < 2:
        assert chart is None
    else:
        drawn = to_svg(valid(chart), "Prov")
        assert "spann1" in drawn and "spann0" not in drawn and "NaN" not in drawn


def malmo_with(table, column, value, part=None):
    """Return Malmö's book with a column of a table blank, or all of one value, in one part or in all."""
    municipality = load_municipality("malmo")
    changed = municipality.tables[table].copy()
    changed.loc[changed["verksamhet"].eq(part) if part else slice(None), column] = value
    return Book(dataclasses.replace(municipality, tables={**municipality.tables, table: changed}), DATA)


def test_a_part_without_a_budget_has_no_panel():
    drawn = costs.parts_chart(malmo_with("ekonomi", "budget_tkr", NOTHING, "lss"))
    whole = costs.parts_chart(Book(load_municipality("malmo"), DATA))
    names = [[one["name"] for one in view.chart["usermeta"]["series"]] for view in (drawn, whole)]
    # The sum is not known where one of its parts is not.
    assert [name for name in names[1] if name not in names[0]] == ["Personlig assistans enligt LSS", "Summa"]
    html = output(drawn)[0]["text/html"]
    assert "NaN" not in html and "<figure" in html


@pytest.mark.parametrize(
    ("changed", "made"),
    [
        (("ekonomi", "budget_tkr", NOTHING), costs.parts_chart),
        (("brukare", "utfall_antal", 0), choice.year_chart),
    ],
)
def test_where_nothing_is_known_there_is_no_figure_and_no_picture(changed, made):
    data, told = output(made(malmo_with(*changed)))
    assert data == {"text/html": '<span class="ab-tom" hidden></span>', "text/plain": ""} and not told


def test_hours_per_user_without_users_shows_the_users():
    view = volumes.hours_per_user_chart(malmo_with("brukare", "utfall_antal", 0))
    assert [one["name"] for one in view.chart["usermeta"]["series"]] == ["Brukare"]
    assert "NaN" not in output(view)[0]["text/html"]


def test_a_view_of_no_chart_shows_nothing():
    result = invented({"a": [NOTHING, NOTHING]})
    view = ChartView(load_municipality("malmo"), result, charts.bars(result, "a"), "Inget är känt.")
    assert output(view)[0]["text/plain"] == "" and "figure" not in output(view)[0]["text/html"]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_comparison_says_its_title_once(slug):
    """The chart's one panel needs no title, since the heading above it is the same words."""
    html = output(comparison.hour_chart(Book(load_municipality(slug), DATA)))[0]["text/html"]
    assert "Kostnad per timme" not in "".join(re.findall(r"<(?:text|tspan)[^>]*>([^<]*)<", drawing_of(html)))


@given(st.floats(-1e7, 1e7), st.floats(0.01, 1e7))
def test_axes_have_round_steps_that_hold_the_values(low, spread):
    ticks = charts._ticks(low, low + spread)
    assert ticks[0] <= low + 1e-6 * spread and ticks[-1] >= low + spread * (1 - 1e-6)
    steps = {round(after - before, 6) for before, after in pairwise(ticks)}
    assert 2 <= len(ticks) <= 11 and max(steps) - min(steps) < 1e-4


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 3)), min_size=1, max_size=5))
def test_names_at_line_ends_never_lie_on_each_other(given_ends):
    ends = [{"y": value, "n": "\n".join("x" * rows), "s": at} for at, (value, rows) in enumerate(given_ends)]
    order = [end["s"] for end in sorted(ends, key=lambda end: end["y"])]
    unit = 100 / 280
    charts._apart(ends, unit)
    assert [end["s"] for end in ends] == order
    line = (charts._LINE - 1) * unit
    for lower, upper in pairwise(ends):
        # The point is the first line's, and the others stand below it.
        assert upper["y"] - line * upper["n"].count("\n") - lower["y"] >= line * 0.95


def test_long_names_are_wrapped_between_words():
    name = "Tillfälliga utökningar av antalet timmar hos leverantören"
    assert charts.wrapped(name, 18).replace("\n", " ") == name
    assert max(map(len, charts.wrapped(name, 18).split("\n"))) <= 18


def plain(content):
    """Return content as a script has it, in which 5.0 and 5 are one number."""
    return json.loads(
        json.dumps(content), parse_float=lambda text: int(value) if (value := float(text)).is_integer() else value
    )


@each_chart()
def test_what_a_script_reads_is_the_chart_that_is_drawn(slug, place):
    shown = charts_of(slug)[place]
    told = unpacked(shown.packed)
    told = told["chart"] if "ab-interaktiv" in shown.html else told
    assert told == plain(live_specification(shown.chart)) and "usermeta" in told
    # Nothing may end the element that it stands in.
    assert "<" not in shown.packed
    assert len(shown.packed) < len(json.dumps(told, ensure_ascii=False, separators=(",", ":")))


SCALAR = st.one_of(st.booleans(), st.integers(-9, 9), st.floats(-5, 5), st.sampled_from(["", "ett", "ett\ntvå 2"]))
ROWS = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.one_of(SCALAR, st.text(max_size=30)), min_size=1), min_size=1, max_size=5
)


@given(
    st.recursive(
        st.one_of(st.none(), SCALAR, ROWS),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.sampled_from(["x", "y", "ett långt namn"]), inner)),
    )
)
@example([[1, True], [True, 1], [1.0, 0, False], [False, 0.0]] * 2)
@example([{"t": f"Kostnad {words} kr"} for words in ("2020: 1", "2021: 1", "2021: 1", "2021: 11")])
@example([{"t": "Kostnad 😀 2020"}, {"t": "Kostnad 😀 2021"}])
@example([{"a": 1}, {"b": None}])
@example([{"a": "</script>"}, {}])
def test_whatever_is_packed_is_unpacked_as_it_was(content):
    whole = {"innehåll": content}
    assert json.dumps(unpacked(as_json(whole)), sort_keys=True) == json.dumps(plain(whole), sort_keys=True)


def test_pairs_of_colours_are_compared():
    """The measure of contrast is WCAG's: black on white is 21, and it does not matter which is named first."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert all(contrast(one, other) == contrast(other, one) for one, other in combinations(COLOURS, 2))
