"""A Sphinx extension: the book's own stylesheet, and Swedish for what the theme says in English."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.locale import get_translator

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
    app.connect("builder-inited", _start)
    app.connect("html-page-context", _no_icon)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _start(app: Sphinx) -> None:
    app.config.html_static_path.append(str(Path(__file__).parent / "assets" / "book.css"))
    app.add_css_file("book.css")
    catalog = getattr(get_translator(), "_catalog", None)
    if catalog is not None:
        catalog.update(SWEDISH)


def _no_icon(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Keep browsers from asking the server for an icon that is not there."""
    context["metatags"] = context.get("metatags", "") + '<link rel="icon" href="data:,">'


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).glob("**/*.html"):
        old = page.read_text(encoding="utf-8")
        new = old
        for english, swedish in FIXED.items():
            new = new.replace(english, swedish)
        if new != old:
            page.write_text(new, encoding="utf-8", newline="\n")
