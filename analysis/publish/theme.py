"""A Sphinx extension: the book's own stylesheet and script, and Swedish for what the theme says in English."""

from __future__ import annotations

from pathlib import Path

import vl_convert
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.locale import get_translator

ASSETS = Path(__file__).parent / "assets"
# The class of a figure whose chart the reader can change.
INTERACTIVE = "ab-interaktiv"
SWEDISH = {
    "Announcement": "Meddelande",
    "Back to top": "Till sidans topp",
    "Collapse Sidebar": "Dölj sidopanelen",
    "Expand Sidebar": "Visa sidopanelen",
    "Section Navigation": "Kapitel",
    "Skip to main content": "Hoppa till innehållet",
    "Search": "Sök",
    "next": "nästa",
    "previous": "föregående",
}
# Texts that the theme's templates give no way of translating.
FIXED = {
    'aria-label="Color mode"': 'aria-label="Ljust eller mörkt"',
    'title="Color mode"': 'title="Ljust eller mörkt"',
    'title="Light"': 'title="Ljust"',
    'title="Dark"': 'title="Mörkt"',
    'title="System Settings"': 'title="Som datorn"',
    'title="next page"': 'title="nästa sida"',
    'title="previous page"': 'title="föregående sida"',
    'title="Link to this heading"': 'title="Länk hit"',
    'title="Toggle primary sidebar"': 'title="Visa eller dölj kapitlen"',
    'title="Toggle secondary sidebar"': 'title="Visa eller dölj sidans innehåll"',
    'aria-label="Site navigation"': 'aria-label="Kapitel"',
    'aria-label="Main"': 'aria-label="Kapitel"',
    'aria-label="Page"': 'aria-label="Sidans innehåll"',
    'aria-label="Version warning"': 'aria-label="Meddelande"',
    "Please activate JavaScript to enable the search functionality.": "Sökningen kräver JavaScript.",
    'aria-label="On this page"': 'aria-label="På den här sidan"',
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the extension."""
    app.add_config_value("comments_config", {}, "html")  # jupyter-book sets it even without sphinx_comments
    app.connect("config-inited", _add_templates)
    app.connect("builder-inited", _start)
    app.connect("html-page-context", _no_icon)
    app.connect("html-page-context", _add_script)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _add_templates(app: Sphinx, config: Config) -> None:
    config.templates_path.append(str(ASSETS))


def _start(app: Sphinx) -> None:
    app.config.html_static_path += [str(ASSETS / name) for name in ("book.css", "interactive.css", "interactive.js")]
    app.add_css_file("book.css")
    catalog = getattr(get_translator(), "_catalog", None)
    if catalog is not None:
        catalog.update(SWEDISH)


def _no_icon(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Keep browsers from asking the server for an icon that is not there."""
    context["metatags"] = context.get("metatags", "") + '<link rel="icon" href="data:,">'


def _add_script(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Load the script for charts that a reader can change, on the pages that have one."""
    if INTERACTIVE in context.get("body", ""):
        app.add_css_file("interactive.css")
        app.add_js_file("interactive.js", loading_method="defer")


def chart_library() -> str:
    """Return Vega with all that it needs as one script, made without a network; it defines `vegaEmbed`."""
    made_of = ", ".join(
        (
            f"Vega {vl_convert.get_vega_version()}",
            f"Vega-Lite {vl_convert.get_vegalite_versions()[-1]}",
            f"Vega-Embed {vl_convert.get_vega_embed_version()}",
        )
    )
    notice = f"/*! {made_of} (BSD-3-Clause) with D3 (ISC) and other libraries they use; bundled by vl-convert. */"
    # Wrapped, so that its short names do not meet those of other scripts in the page.
    return f"{notice}\n(() => {{\n{vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;')}\n}})();\n"


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    interactive = False
    for page in Path(app.outdir).glob("**/*.html"):
        old = page.read_text(encoding="utf-8")
        interactive = interactive or INTERACTIVE in old
        new = old
        for english, swedish in FIXED.items():
            new = new.replace(english, swedish)
        if new != old:
            page.write_text(new, encoding="utf-8", newline="\n")
    if interactive:
        (Path(app.outdir) / "_static" / "vega.js").write_text(chart_library(), encoding="utf-8", newline="\n")
