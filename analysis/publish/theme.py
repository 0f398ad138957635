"""A Sphinx extension: the book's own HTML theme, in Swedish, which needs no script and nothing from other sites."""

from __future__ import annotations

import json
import posixpath
import shutil
from pathlib import Path

import vl_convert
from docutils import nodes
from PIL import Image
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxTranslator

from analysis.present.svg import drawing_options
from analysis.publish import glossary

ASSETS = Path(__file__).parent / "assets"
THEME = Path(__file__).parent / "book_theme"
# One stylesheet, in this order; what stands later may lean on what stands earlier.
STYLES = ("palette.css", "book.css", "charts.css", "summary.css")
SCRIPTS = ("bok.js", "charts.js", "sok.js")
# The class of a figure that holds a chart.
CHART = "ab-diagram"
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
    glossary.connect(app)
    app.add_node(nodes.image, override=True, html=(_open_image, _close_image))
    app.connect("html-page-context", _add_to_page)
    app.connect("build-finished", _add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


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


def chart_library() -> str:
    """Return Vega with all that it needs as one script, made without a network.

    It defines `vegaEmbed`, and `abDiagram`: what charts.js draws every chart with.
    """
    made_of = ", ".join(
        (
            f"Vega {vl_convert.get_vega_version()}",
            f"Vega-Lite {vl_convert.get_vegalite_versions()[-1]}",
            f"Vega-Embed {vl_convert.get_vega_embed_version()}",
        )
    )
    notice = f"/*! {made_of} (BSD-3-Clause) with D3 (ISC) and other libraries they use; bundled by vl-convert. */"
    # Wrapped, so that its short names do not meet those of other scripts in the page.
    start = f"window.vegaEmbed = vegaEmbed; window.abDiagram = {json.dumps(drawing_options())};"
    return f"{notice}\n(() => {{\n{vl_convert.javascript_bundle(start)}\n}})();\n"


def stylesheet() -> str:
    """Return the book's one stylesheet."""
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in STYLES)


def _add_files(app: Sphinx, error: Exception | None) -> None:
    """Write what the pages load, and take away what Sphinx and its extensions leave that none of them does."""
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static"
    wanted = {"documentation_options.js", "language_data.js", "searchtools.js"}
    for path in list(folder.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in wanted:
            path.unlink()
    (folder / "bok.css").write_text(stylesheet(), encoding="utf-8", newline="\n")
    for name in (*SCRIPTS, "ikon.svg"):
        shutil.copy(ASSETS / name, folder / name)
    # The guide has no charts.
    if not app.config.html_context.get("is_guide"):
        (folder / "vega.js").write_text(chart_library(), encoding="utf-8", newline="\n")
