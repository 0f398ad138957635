"""Parts of Jupyter Book that the theme replaces with quicker ones, each by a public hook; the pages are the same.

The search alone is another: it finds each word in tables, and keeps no words of drawings, which stand in a table too,
and no numbers, which the search page never asks for.
"""

from __future__ import annotations

import json
import re
from functools import cache
from html import unescape
from pathlib import Path

import jinja2
import nbformat
import sphinx
from docutils import nodes
from markdown_it import MarkdownIt
from myst_nb.core.render import MimeData, NbElementRenderer
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.jinja2glue import BuiltinTemplateLoader
from sphinx.search.sv import SearchSwedish

from analysis.publish.files import place

# What a page never shows where an output has one of SHOWN: the same in plain text, and what a download is made of.
UNSEEN, SHOWN = ("text/plain", "text/csv"), ("text/html", "text/markdown")
# What nobody searches for: drawings, whose words and numbers stand in a table beside them, and code.
_UNREAD = re.compile(r"<(svg|script|style)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
# What may stand in the middle of a word.
_WITHIN_WORDS = re.compile(r"</?(?:em|strong|b|i|sub|sup|abbr|wbr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_DIGITS = re.compile(r"[0-9]+")


def read_notebook(text: str) -> nbformat.NotebookNode:
    """Return a notebook with what a page shows of its outputs.

    A notebook of another format than 4.5, which is what papermill and Jupyter write, is converted by nbformat.
    """
    content = json.loads(text)
    if (content.get("nbformat"), content.get("nbformat_minor")) != (4, 5):
        return nbformat.reads(text, as_version=4)
    for output in (output for cell in content["cells"] for output in cell.get("outputs", ())):
        data = output.get("data", {})
        if not data.keys().isdisjoint(SHOWN):
            for kind in UNSEEN:
                data.pop(kind, None)
        # What downloads are told of it.
        output.get("metadata", {}).pop("assistansboken", None)
    return nbformat.v4.to_notebook(content)


class OutputRenderer(NbElementRenderer):
    """Renders outputs as myst-nb does, but with one parser for the Markdown of them all."""

    def render_markdown(self, data: MimeData) -> list[nodes.Element]:
        """Return the nodes of an output in CommonMark."""
        renderer = self.renderer
        found, parser, config = nodes.Element(), renderer.md, renderer.md_config
        renderer.md_config, renderer.md = _commonmark(type(renderer))
        try:
            with renderer.current_node_context(found):
                renderer.nested_render_text(data.string, data.line or 0)
        finally:
            renderer.md_config, renderer.md = config, parser
        return found.children

    def render_nb_finalise(self, metadata: dict) -> None:
        """Let go of the cells, which are nodes by now: myst-nb writes what is left of the notebook beside the book."""
        super().render_nb_finalise(metadata)
        self.renderer.nb_client.notebook.cells = []


@cache
def _commonmark(renderer: type) -> tuple[MdParserConfig, MarkdownIt]:
    """Return a parser of CommonMark; what it has parsed leaves nothing in it."""
    config = MdParserConfig(commonmark_only=True)
    return config, create_md_parser(config, renderer)


class SwedishSearch(SearchSwedish):
    """The search of Swedish, each word of a text once: a page's index holds whether a word is in it, not how often."""

    def init(self, options: dict[str, str]) -> None:
        """Prepare a book's search."""
        super().init(options)
        self.word_filter = cache(self.word_filter)

    def split(self, input: str) -> list[str]:
        """Return the words of a text."""
        return list(dict.fromkeys(super().split(input)))

    def word_filter(self, word: str) -> bool:
        """Tell whether a word is one to find; the search page asks for no numbers."""
        return not _DIGITS.fullmatch(word) and super().word_filter(word)


class Templates(BuiltinTemplateLoader):
    """The templates of Sphinx, each compiled once a process."""

    def init(self, *args, **options) -> None:
        """Prepare a book's templates."""
        super().init(*args, **options)
        self.environment.bytecode_cache = _COMPILED


class _Compiled(jinja2.BytecodeCache):
    """Compiled templates in memory; jinja keys each by its name and file, and checks the hash of its source."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def words_of(html: str) -> str:
    """Return what HTML says, word by word, but for drawings and code."""
    # What is left of < would be taken for a tag.
    return unescape(_TAG.sub(" ", _WITHIN_WORDS.sub("", _UNREAD.sub(" ", html)))).replace("<", " ")


def shared_folder(config: Config) -> Path | None:
    """Return the folder of what all books load; None for a book that has its own."""
    return Path(config.assistansboken_shared) if config.assistansboken_shared else None


class BookBuilder(StandaloneHTMLBuilder):
    """Builds pages as Sphinx does, but renders a title once, and writes no file that no page loads."""

    # What the search page loads of Sphinx's own.
    SCRIPTS = ("documentation_options.js", "language_data.js", "searchtools.js")

    def init(self) -> None:
        """Prepare a book."""
        super().init()
        self._titles: dict[str, dict[str, str]] = {}

    def render_partial(self, node: nodes.Node | None) -> dict[str, str]:
        """Return the HTML of a node; of one that is nothing but text, what it was the first time."""
        plain = isinstance(node, nodes.title) and all(isinstance(child, nodes.Text) for child in node.children)
        if not plain or node.non_default_attributes():
            return super().render_partial(node)
        text = node.astext()
        if text not in self._titles:
            # A copy, since the writer has one dictionary for all that it renders.
            self._titles[text] = dict(super().render_partial(node))
        return self._titles[text]

    def index_page(self, pagename: str, doctree: nodes.document, title: str) -> None:
        """Let the search read each word that a page shows; Sphinx makes one of those that only a tag divides."""
        shown = [node for node in doctree.findall(nodes.raw) if "html" in node.get("format", "").split()]
        written = [node.children for node in shown]
        for node in shown:
            node.children = [nodes.Text(words_of(node.astext()))]
        try:
            super().index_page(pagename, doctree, title)
        finally:
            for node, children in zip(shown, written, strict=True):
                node.children = children

    def copy_static_files(self) -> None:
        """Write Sphinx's scripts; the theme writes the rest."""
        folder, shared = Path(self.outdir, "_static"), shared_folder(self.config)
        folder.mkdir(exist_ok=True)
        context = {**self.globalcontext, **self.indexer.context_for_searchtool()}
        *templates, search = self.SCRIPTS
        for name in templates:
            text = self.templates.render(f"static/{name}.jinja", context)
            place(text.encode("utf-8"), folder / name, shared)
        source = Path(sphinx.package_dir, "themes", "basic", "static", search)
        place(source.read_bytes(), folder / search, shared)

    def dump_inventory(self) -> None:
        """Write no list of what other books could link to: none does."""
