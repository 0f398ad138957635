"""The theme: what titles and names hold is shown as it stands, never taken for markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from sphinx.application import Sphinx

NASTY = "Å & B <script>alert(1)</script>"
INDEX = f"""{NASTY}
{"=" * 40}

.. toctree::
   :caption: {NASTY}

   other

One & <b>two</b>
----------------

Text.

Three
-----

Text.
"""


class Elements(HTMLParser):
    """Collects the elements of a page, and its words."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note an element, a script with where it is from."""
        self.tags.append((tag, dict(attrs).get("src", "")))

    def handle_data(self, data):
        """Note words."""
        self.words += data


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A small book with markup in every title, by page."""
    source = tmp_path_factory.mktemp("bok")
    (source / "index.rst").write_text(INDEX, encoding="utf-8")
    (source / "other.rst").write_text(f"{NASTY} 2\n{'=' * 40}\n\nText.\n", encoding="utf-8")
    settings = {"extensions": ["analysis.publish.theme"], "html_theme": "assistansboken", "language": "sv",
                "html_title": NASTY, "html_permalinks": False}
    Sphinx(str(source), None, str(source / "html"), str(source / "trees"), "html", confoverrides=settings,
           status=None, warningiserror=True).build()
    return {name: (source / "html" / f"{name}.html").read_text(encoding="utf-8")
            for name in ("index", "other", "search")}


@pytest.mark.parametrize("name", ["index", "other", "search"])
def test_titles_and_names_are_never_markup(pages, name):
    found = Elements(pages[name])
    own = ("_static/", "searchindex.js")
    assert not [tag for tag, source in found.tags if tag == "b" or (tag == "script" and not source.startswith(own))]
    assert NASTY in found.words


def test_every_page_is_swedish_and_loads_only_its_own_files(pages):
    for text in pages.values():
        assert '<html lang="sv"' in text
        assert "style=" not in text and "http://" not in text and "https://" not in text
