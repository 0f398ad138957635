"""Explain each of the field's terms where it first stands in a chapter's running text.

The explanation is a popover: it works without script, by mouse, keyboard and screen reader, and Esc closes it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxTranslator

from analysis.present.language import capitalised
from analysis.sources.glossary import Term

FILE_NAME = "ordlista.json"
CHAPTER = "ordlista"
# A term is not explained inside these: they are not running text, or hold no button.
_CLOSED = (
    nodes.title,
    nodes.reference,
    nodes.table,
    nodes.literal,
    nodes.literal_block,
    nodes.raw,
    nodes.caption,
    nodes.term,
)


class ExplainedTerm(nodes.General, nodes.Inline, nodes.TextElement):
    """A term in running text, with its explanation; its only text is the term, so that search finds no more."""


def connect(app: Sphinx) -> None:
    """Let the terms of the staged book's glossary be explained in its chapters."""
    app.add_node(ExplainedTerm, html=(_open, _close))
    app.connect("doctree-resolved", _explain)


def write_terms(terms: Mapping[str, Term], folder: Path) -> None:
    """Write what the chapters need of the glossary beside them: Sphinx knows a book by its folder."""
    content = {
        term.id: {"word": term.word, "forms": term.forms, "explanation": term.explanation} for term in terms.values()
    }
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")


def _explain(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    path = Path(app.srcdir) / FILE_NAME
    if docname == CHAPTER or CHAPTER not in app.env.found_docs or not path.exists():
        return
    explain(doctree, _read(path.read_text(encoding="utf-8")))


@lru_cache(1)
def _read(text: str) -> Mapping[str, Mapping]:
    return json.loads(text)


def explain(doctree: nodes.document, terms: Mapping[str, Mapping]) -> None:
    """Put each term's explanation at the first place where it stands in the running text, and nowhere else."""
    owners = {form: id_ for id_, term in terms.items() for form in term["forms"]}
    if not owners:
        return
    pattern, done = _pattern(tuple(owners)), set()
    # A chapter that sets a term in bold is about to explain it itself.
    for strong in doctree.findall(nodes.strong):
        done |= {_owner(owners, found[0]) for found in pattern.finditer(strong.astext())}
    for text in list(_running_text(doctree)):
        written, parts, end = text.astext(), [], 0
        for found in pattern.finditer(written):
            id_ = _owner(owners, found[0])
            if id_ in done:
                continue
            done.add(id_)
            parts.append(nodes.Text(written[end : found.start()]))
            parts.append(ExplainedTerm("", "", nodes.Text(found[0]), term=id_, **_told(terms[id_])))
            end = found.end()
        if parts:
            parts.append(nodes.Text(written[end:]))
            text.parent.replace(text, [part for part in parts if part.astext()])


def _told(term: Mapping) -> dict[str, str]:
    return {"word": capitalised(term["word"]), "explanation": term["explanation"]}


@lru_cache(1)
def _pattern(forms: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds a form as a whole word, the longest first; a space may be any white space."""
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(_as_written, longest_first))})(?![\w-])")


def _as_written(form: str) -> str:
    words = r"\s+".join(map(re.escape, form.split()))
    # A sentence may begin with it; a form with a capital of its own stands as it is.
    return f"[{form[0]}{form[0].upper()}]{words[1:]}" if form[0].islower() else words


def _owner(owners: Mapping[str, str], written: str) -> str:
    plain = " ".join(written.split())
    return owners[plain] if plain in owners else owners[plain[0].lower() + plain[1:]]


def _running_text(doctree: nodes.document) -> Iterator[nodes.Text]:
    for text in doctree.findall(nodes.Text):
        above, inside = text.parent, False
        while above is not None:
            if isinstance(above, _CLOSED):
                break
            inside = inside or isinstance(above, nodes.paragraph)
            above = above.parent
        if above is None and inside:
            yield text


def _open(translator: SphinxTranslator, node: ExplainedTerm) -> None:
    translator.body.append(f'<button type="button" class="ab-term" popovertarget="ord-{node["term"]}">')


def _close(translator: SphinxTranslator, node: ExplainedTerm) -> None:
    word, explanation = html.escape(node["word"]), html.escape(node["explanation"])
    translator.body.append(
        f'</button><span popover id="ord-{node["term"]}" class="ab-ordruta" role="note"><strong>{word}</strong> '
        f'{explanation} <a href="{CHAPTER}.html#ord-{node["term"]}">{word} i ordlistan</a></span>'
    )
