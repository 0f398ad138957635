"""A Sphinx extension: the book's own HTML theme, in Swedish, which needs no script and nothing from other sites."""

from __future__ import annotations

import posixpath
import shutil
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxTranslator

from analysis.publish import glossary, library
from analysis.publish.files import link_or_copy, place, write_anew
from analysis.publish.parts import BookBuilder, SwedishSearch, shared_folder

ASSETS = Path(__file__).parent / "assets"
THEME = Path(__file__).parent / "book_theme"
# One stylesheet, in this order; what stands later may lean on what stands earlier.
STYLES = ("palette.css", "book.css", "charts.css", "summary.css")
SCRIPTS = ("bok.js", "charts.js", "sok.js")
# The name of parts.OutputRenderer among the entry points.
RENDERER = "assistansboken"
# The class of a figure that holds a chart.
CHART = "ab-diagram"
# What myst-nb calls a cell that is run and what it gave.
CELL = ("cell_code", "cell_code_output")
# The policy that every page works under; chapters/handbok/publicering.md tells how a server is made to send it.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the extension."""
    app.add_html_theme("assistansboken", str(THEME))
    app.add_config_value("comments_config", {}, "html")  # jupyter-book sets it even without sphinx_comments
    # The folder of what all books load, see library.py; a book built by jupyter-book alone has its own files.
    app.add_config_value("assistansboken_shared", "", "", str)
    app.connect("config-inited", _use_own_parts)
    app.add_builder(BookBuilder, override=True)
    app.add_search_language(SwedishSearch)
    glossary.connect(app)
    app.add_node(nodes.image, override=True, html=(_open_image, _close_image))
    app.add_node(nodes.container, override=True, html=(_open_container, _close_container))
    app.connect("html-page-context", _add_to_page)
    app.connect("build-finished", _add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _use_own_parts(app: Sphinx, config: Config) -> None:
    """Have notebooks read and templates rendered by the book's own parts."""
    config.nb_custom_formats = {".ipynb": "analysis.publish.parts.read_notebook"}
    config.template_bridge = "analysis.publish.parts.Templates"
    # myst-nb finds it by its entry point; whoever has not installed the package anew since it was there does without.
    if _is_installed(RENDERER):
        config.nb_render_plugin = RENDERER


@cache
def _is_installed(renderer: str) -> bool:
    return bool(entry_points(group="myst_nb.renderers", name=renderer))


def _add_to_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Give the layout the chapters of the book, the sections of the page, and whether it has charts."""
    parts = _parts(app.env)
    context["book_parts"] = parts
    context["chapter_titles"] = {
        chapter["name"].rpartition("/")[2]: (chapter["name"], chapter["title"])
        for part in parts
        for chapter in part["chapters"]
    }
    context["sections"] = _sections(app.env, pagename)
    context["has_charts"] = f'class="{CHART}' in context.get("body", "")


def _parts(env: BuildEnvironment) -> list[dict]:
    """Return the book's parts with their chapters, the first page first, as its table of contents has them."""
    found = getattr(env, "assistansboken_parts", None)
    if found is None:
        root = env.config.root_doc
        first = env.titles[root].astext() if env.config.html_context.get("is_guide") else "Sammanfattning"
        found = [{"caption": "", "chapters": [{"name": root, "title": first}]}]
        for tree in env.get_doctree(root).findall(addnodes.toctree):
            chapters = [{"name": name, "title": env.titles[name].astext()} for _, name in tree["entries"]]
            found.append({"caption": tree.get("caption") or "", "chapters": chapters})
        env.assistansboken_parts = found
    return found


def _open_image(translator: SphinxTranslator, node: nodes.image) -> None:
    """Write a picture with its size, so that nothing moves when it comes; Sphinx would write a style in the page."""
    builder = translator.builder
    with Image.open(Path(builder.srcdir) / node["uri"]) as picture:
        width, height = picture.size
    source = posixpath.join(builder.imgpath, builder.images[node["uri"]])
    sizes = {"width": str(width), "height": str(height), "loading": "lazy"}
    translator.body.append(translator.emptytag(node, "img", "\n", src=source, alt=node.get("alt", ""), **sizes))


def _close_image(translator: SphinxTranslator, node: nodes.image) -> None:
    """A picture is a single tag."""


def _open_container(translator: SphinxTranslator, node: nodes.container) -> None:
    """Write what a cell gave without the cell around it, which nothing in the book looks for."""
    if node.get("nb_element") not in CELL:
        type(translator).visit_container(translator, node)


def _close_container(translator: SphinxTranslator, node: nodes.container) -> None:
    if node.get("nb_element") not in CELL:
        type(translator).depart_container(translator, node)


def _sections(env: BuildEnvironment, pagename: str) -> list[dict[str, str]]:
    """Return the anchors and titles of a page's sections, one level deep; none where there is but one."""
    if pagename not in env.tocs:
        return []
    found = []
    for page in env.tocs[pagename].children:
        for under in page.children[1:]:
            for section in under.children:
                link = next(iter(section.findall(nodes.reference)), None)
                if link is not None:
                    found.append({"anchor": link["anchorname"].lstrip("#"), "title": link.astext()})
    return found if len(found) > 1 else []


def stylesheet() -> str:
    """Return the book's one stylesheet."""
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in STYLES)


def _add_files(app: Sphinx, error: Exception | None) -> None:
    """Write what the pages load, and take away what Sphinx's extensions leave that none of them does."""
    if error or app.builder.format != "html":
        return
    folder, shared = Path(app.outdir) / "_static", shared_folder(app.config)
    wanted = set(BookBuilder.SCRIPTS)
    for path in list(folder.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in wanted:
            path.unlink()
    place(stylesheet().encode("utf-8"), folder / "bok.css", shared)
    for name in (*SCRIPTS, "ikon.svg"):
        place((ASSETS / name).read_bytes(), folder / name, shared)
    # The guide has no charts.
    if app.config.html_context.get("is_guide"):
        return
    if shared is None:
        write_anew(folder / library.LIBRARY, library.chart_library().encode("utf-8"))
    else:
        link_or_copy(shared / library.LIBRARY, folder / library.LIBRARY)
