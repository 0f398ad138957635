"""The field's terms in alphabetical order."""

from __future__ import annotations

from analysis.measures.forms import swedish_order
from analysis.present.book import Book
from analysis.present.language import capitalised
from analysis.present.views import Markup, fill
from analysis.sources.glossary import Term


def terms_list(book: Book) -> Markup:
    """Return every term with its explanation and where it stands in law, each with an anchor of its own."""
    words = {term.word: term for term in book.municipality.glossary.values()}
    entries = [(words[word], _where(book, words[word])) for word in swedish_order(set(words))]
    text = "\n".join(f"{capitalised(term.word)}: {term.explanation}" for term, _ in entries)
    return fill("glossary.html.j2", text, entries=entries)


def _where(book: Book, term: Term) -> str:
    if term.reference is None:
        return ""
    return f"{book.municipality.sources[term.reference.source].title}, {term.reference.place}"
