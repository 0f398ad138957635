"""Write a finished book's documents into its folder."""

from __future__ import annotations

import os
from pathlib import Path

from analysis.publish.document.pdf import make_pdf
from analysis.publish.document.tree import read_document
from analysis.publish.document.word import make_word
from analysis.publish.manifest import document_names


def make_documents(book: Path, manifest: dict) -> None:
    """Write the book in a folder as PDF and as a Word file into the same folder; both or none.

    The same pages and manifest give the same bytes. Raises DocumentFault, with what the analyst should know.
    """
    document = read_document(book, manifest)
    contents = make_pdf(document), make_word(document)
    for name, content in zip(document_names(manifest["municipality"]), contents, strict=True):
        unfinished = book / f"{name}.ofardig"
        unfinished.write_bytes(content)
        os.replace(unfinished, book / name)
