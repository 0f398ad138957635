"""What the municipality itself has written, under the rest of a chapter: its words, never taken for the book's."""

from __future__ import annotations

import html
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from analysis.present.views import Markup, fill
from analysis.sources.local_words import LocalText
from analysis.sources.municipality import Municipality

# What the documents tell apart; a heading of lower rank stands as the lowest.
_SECTION_LEVEL, _LOWEST_LEVEL = 2, 4


def own_words(municipality: Municipality, place: str) -> Markup:
    """Return what the municipality has written at a place, with a line that says whose words they are."""
    written = municipality.texts[place]
    return fill("own_words.html.j2", written.text.strip(), name=municipality.name, words=as_html(written))


def as_html(written: LocalText) -> str:
    """Return a text as HTML: its headings in order below the section's own, its tables as those of the book."""
    parser = MarkdownIt("zero", renderer_cls=_Renderer)
    return parser.renderer.render(written.tokens, parser.options, {"levels": []})


class _Renderer(RendererHTML):
    """Renders what `read_local_words` lets through; the library escapes every text and address."""

    def heading_open(self, tokens: Sequence[Token], position: int, options: dict, env: dict) -> str:
        """Return a heading one level below the last one above it that the writer gave more weight, if any."""
        levels = env["levels"]
        while levels and levels[-1] >= tokens[position].tag:
            levels.pop()
        levels.append(tokens[position].tag)
        return f"<h{self._level(env)}>"

    def heading_close(self, tokens: Sequence[Token], position: int, options: dict, env: dict) -> str:
        """Return the end of that heading."""
        return f"</h{self._level(env)}>\n"

    def table_open(self, tokens: Sequence[Token], position: int, options: dict, env: dict) -> str:
        """Return a table with its caption, in a box that scrolls by itself."""
        inline = tokens[position].meta["caption"].children
        caption = self.renderInline(inline, options, env)
        words = "".join(one.content or " " * (one.type == "softbreak") for one in inline)
        return (
            f'<div class="ab-rullning" role="region" tabindex="0" aria-label="{html.escape(words)}">\n'
            f'<table class="ab-data"><caption><span class="ab-fast">{caption}</span></caption>\n'
        )

    def table_close(self, tokens: Sequence[Token], position: int, options: dict, env: dict) -> str:
        """Return the end of the table and its box."""
        return "</table>\n</div>\n"

    def th_open(self, tokens: Sequence[Token], position: int, options: dict, env: dict) -> str:
        """Return the head of a column."""
        return f'<th scope="col"{_side(tokens[position])}>'

    def td_open(self, tokens: Sequence[Token], position: int, options: dict, env: dict) -> str:
        """Return a cell; the first of a row is the head of the row."""
        if _heads_row(tokens, position):
            return '<th scope="row">'
        return f"<td{_side(tokens[position])}>"

    def td_close(self, tokens: Sequence[Token], position: int, options: dict, env: dict) -> str:
        """Return the end of the cell."""
        return "</th>" if _heads_row(tokens, position - 2) else "</td>"

    @staticmethod
    def _level(env: dict) -> int:
        return min(_SECTION_LEVEL + len(env["levels"]), _LOWEST_LEVEL)


def _heads_row(tokens: Sequence[Token], position: int) -> bool:
    return tokens[position - 1].type == "tr_open" and bool(tokens[position + 1].content.strip())


def _side(cell: Token) -> str:
    """Return the class of a cell of words, unless the writer has put the column to the right, as numbers are."""
    return "" if cell.attrs.get("style") == "text-align:right" else ' class="ab-text"'
