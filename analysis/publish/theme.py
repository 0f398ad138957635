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
    'aria-label="Previous Next"': 'aria-label="Föregående och nästa"',
    'title="previous page"': 'title="föregående sida"',
    'aria-label="On this page"': 'aria-label="På den här sidan"',
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the extension."""
    app.connect("builder-inited", _start)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _start(app: Sphinx) -> None:
    app.config.html_static_path.append(str(Path(__file__).parent / "assets" / "book.css"))
    app.add_css_file("book.css")
    catalog = getattr(get_translator(), "_catalog", None)
    if catalog is not None:
        catalog.update(SWEDISH)


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
