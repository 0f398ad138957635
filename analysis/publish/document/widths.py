"""How wide a table's columns are on paper, in how small type, and whether the paper must lie down for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analysis.publish.document.tree import Cell, Table

# In points. A4 less its margins, upright and lying.
UPRIGHT, LYING = 467.0, 714.0
CELL_PADDING = 11.0
LARGE, SMALL = 9.0, 8.0
LINE, ROW_PADDING = 1.25, 7.0
# In ems of Arimo, which has Arial's widths; what a reader's own font differs is within the padding.
NARROW, WIDE, CAPITAL, ORDINARY, BOLDER = 0.3, 0.84, 0.7, 0.56, 1.07
NARROW_LETTERS, WIDE_LETTERS = frozenset("ijltfrI.,:;|!()[]-'’ /"), frozenset("mwMWO%—")
# A longer word may be hyphenated where the room is scarce, but not below this, in ems.
HYPHENATED = 6.5


@dataclass(frozen=True)
class Layout:
    """How a table is set: the width of each column and the size of type in points, lying or upright paper."""

    widths: tuple[float, ...]
    size: float
    lying: bool
    heights: tuple[float, ...] = ()
    hyphenated: bool = False

    @property
    def height(self) -> float:
        """About how high the whole table is."""
        return sum(self.heights)

    @property
    def tallest(self) -> float:
        """About how high its tallest row is."""
        return max(self.heights)

    @property
    def width(self) -> float:
        """The width of the whole table."""
        return sum(self.widths)


def lay_out(table: Table) -> Layout:
    """Return the largest type on upright paper in which no column is too narrow, else on paper that lies."""
    choices = [(UPRIGHT, LARGE), (UPRIGHT, SMALL), (LYING, LARGE), (LYING, SMALL)]
    for room, size in choices:
        least, most = _extents(table, size, hyphenated=False)
        if sum(least) <= room:
            return _share(table, room, size, least, most)
    least, most = _extents(table, SMALL, hyphenated=True)
    if sum(least) > LYING:
        least = [width * LYING / sum(least) for width in least]
    return replace(_share(table, LYING, SMALL, least, most), hyphenated=True)


def text_width(text: str, bold: bool = False) -> float:
    """Return about how wide a text is, in ems."""
    width = sum(NARROW if letter in NARROW_LETTERS else WIDE if letter in WIDE_LETTERS
                else CAPITAL if letter.isupper() else ORDINARY for letter in text)
    return width * BOLDER if bold else width


def _extents(table: Table, size: float, *, hyphenated: bool) -> tuple[list[float], list[float]]:
    """Return each column's least width, by its longest word, and its greatest, by its longest text, in points."""
    least, most = [0.0] * table.columns, [0.0] * table.columns
    for row in [*table.head, *table.rows]:
        position = 0
        for cell in row.cells:
            if cell.span == 1:
                words = [text_width(word, cell.heading) for word in _words(cell.text)]
                if hyphenated:
                    words = [min(word, HYPHENATED) for word in words]
                least[position] = max(least[position], max(words, default=0) * size + CELL_PADDING)
                most[position] = max(most[position], text_width(cell.text, cell.heading) * size + CELL_PADDING)
            position += cell.span
    return least, [max(pair) for pair in zip(least, most, strict=True)]


def _words(text: str) -> list[str]:
    """Return the pieces that a line is not broken within; a no-break space is no break, long codes are broken."""
    pieces = []
    for word in text.replace("\v", " ").split(" "):
        pieces += break_up(word).split("\u200b")
    return pieces


def break_up(word: str) -> str:
    """Return a word with places to break, invisible, in what no hyphenation knows: addresses, files and checksums."""
    if len(word) < 24 or (word.isalpha() and not word.isascii()):
        return word
    for sign in "/_.=&?-":
        word = word.replace(sign, f"{sign}\u200b")
    return "\u200b".join(piece[start:start + 16] for piece in word.split("\u200b")
                         for start in range(0, max(len(piece), 1), 16))


def _share(table: Table, room: float, size: float, least: list[float], most: list[float]) -> Layout:
    """Return columns that fill the room: each its least, and of what is left as much as it can use."""
    wanted = [high - low for low, high in zip(least, most, strict=True)]
    spare = room - sum(least)
    if sum(wanted) <= spare:
        # Room for all on one line: the columns of a narrow table do not stand far apart.
        total = max(sum(most), min(room, sum(most) * 1.4))
        widths = [high * total / sum(most) for high in most]
    else:
        # By the root of how much each holds, since ten times the text needs not ten times the width.
        roots = [amount**0.5 for amount in _amounts(table)]
        widths = list(least)
        open_ = [position for position, want in enumerate(wanted) if want > 0]
        while open_ and spare > 0.01:
            part = spare / sum(roots[position] for position in open_)
            given = {position: min(part * roots[position], most[position] - widths[position]) for position in open_}
            for position, more in given.items():
                widths[position] += more
            spare -= sum(given.values())
            open_ = [position for position in open_ if most[position] - widths[position] > 0.01]
    layout = Layout(tuple(round(width, 1) for width in widths), size, room == LYING)
    return replace(layout, heights=_heights(table, layout))


def _amounts(table: Table) -> list[float]:
    """Return how much text each column holds."""
    amounts = [1.0] * table.columns
    for row in table.rows:
        for position, cell in enumerate(row.cells if len(row.cells) == table.columns else ()):
            amounts[position] += text_width(cell.text)
    return amounts


def _lines(cell: Cell, width: float, size: float) -> int:
    return sum(int(text_width(line, cell.heading) * size // max(width - CELL_PADDING, 1)) + 1
               for line in cell.text.split("\v"))


def _heights(table: Table, layout: Layout) -> tuple[float, ...]:
    heights = []
    for row in [*table.head, *table.rows]:
        position, lines = 0, 1
        for cell in row.cells:
            lines = max(lines, _lines(cell, sum(layout.widths[position:position + cell.span]), layout.size))
            position += cell.span
        heights.append(lines * layout.size * LINE + ROW_PADDING)
    return tuple(heights)
