"""A chart as a picture that stands by itself: title, unit and finding above, source below, on white ground."""

from __future__ import annotations

import io
import re
from html import escape

import numpy
from PIL import Image

from analysis.present.charts import text_width
from analysis.present.palette import GREY, GROUND, INK
from analysis.present.svg import WIDTH, to_png

MARGIN = 24
# Each text of a picture: size, height of line and ink.
TITLE, FINDING, SOURCE = (18, 24, INK), (15, 21, INK), (13, 18, GREY)
SCALE = 2
PALETTE_SIZE = 256
# As templates/picture.html.j2 writes it, in a string of JSON.
_PNG_LINK = re.compile(r'<a href=\\"diagram/[\w-]+\.png\\" download>PNG<span [^>]*>[^<]*</span></a> eller ')
_DRAWING = re.compile(
    r'<svg role="img"[^>]*? width="([\d.]+)" height="([\d.]+)" viewBox="[^"]*"([^>]*)>(.*?)</svg>', re.DOTALL
)


def without_png(notebook: str) -> str:
    """Return an executed notebook, as JSON, without the links to pictures as PNG, for a book that has none."""
    return _PNG_LINK.sub("", notebook)


def drawing_of(html: str) -> str:
    """Return the drawn chart of a figure."""
    return _DRAWING.search(html)[0]


def picture_svg(drawing: str, told: dict[str, str]) -> str:
    """Return a drawn chart as an SVG file, with what its view tells of it."""
    width, height, font, marks = _DRAWING.fullmatch(drawing).groups()
    across = max(WIDTH, float(width))
    title = f"{told['title']} ({told['unit']})" if told["unit"] else told["title"]
    parts, down = [], float(MARGIN)
    for text, look, bold in ((title, TITLE, True), (told["finding"], FINDING, False)):
        lines, down = _text(text, down, across, look, bold=bold)
        parts += [*lines]
        down += 8
    parts.append(f'<g transform="translate({MARGIN},{down:g})">{marks}</g>')
    lines, down = _text(f"Källa: {told['source_line']}", down + float(height) + 10, across, SOURCE)
    parts += lines
    size = f"{across + 2 * MARGIN:g}", f"{down + MARGIN - 6:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" lang="sv"{font} '
        f'width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(told['finding'])}</desc>\n"
        f'<rect width="{size[0]}" height="{size[1]}" fill="{GROUND}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def picture_png(svg: str) -> bytes:
    """Return a picture as PNG, with twice as many pixels, for print and for sharp screens.

    A chart has few colours: kept in a palette, they take an eighth of the bytes.
    """
    content = io.BytesIO()
    _in_palette(Image.open(io.BytesIO(to_png(svg, SCALE))).convert("RGBA")).save(content, "PNG")
    return content.getvalue()


def _in_palette(drawn: Image.Image) -> Image.Image:
    """Return an opaque picture in a palette: of its own colours, where that holds them all, else of the nearest."""
    found = drawn.getcolors(PALETTE_SIZE)
    if found is None:
        return drawn.convert("RGB").quantize(PALETTE_SIZE, dither=Image.Dither.NONE)
    colours = numpy.array([colour for _, colour in sorted(found, reverse=True)], numpy.uint8)
    # Looked up, since Pillow takes five times as long to choose a palette, and makes like colours of a given one alike.
    places = numpy.zeros(1 << 24, numpy.uint8)
    places[_as_numbers(colours)] = numpy.arange(len(colours))
    picture = Image.fromarray(places[_as_numbers(numpy.asarray(drawn))])
    picture.putpalette(colours[:, :3].tobytes())
    return picture


def _as_numbers(colours: numpy.ndarray) -> numpy.ndarray:
    """Return red, green, blue and opacity as one number of 24 bits, without the opacity."""
    return colours.view("<u4")[..., 0] & 0xFFFFFF


def _text(text: str, top: float, width: float, look: tuple, *, bold: bool = False) -> tuple[list[str], float]:
    """Return a text's lines as elements, from `top` down, and where they end."""
    size, line_height, ink = look
    weight = ' font-weight="bold"' if bold else ""
    elements = []
    for line in _lines(text, width, size, bold=bold):
        elements.append(
            f'<text x="{MARGIN}" y="{top + size:g}" font-size="{size}"{weight} fill="{ink}">'
            f"{escape(line)}</text>"
        )
        top += line_height
    return elements, top


def _lines(text: str, width: float, size: float, *, bold: bool) -> list[str]:
    """Return a text on as many lines as it takes, broken at plain spaces."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(f"{lines[-1]} {word}", size, bold=bold) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
