"""Write a finished book's documents into its folder."""

from __future__ import annotations

import os
from pathlib import Path

from analysis.publish.document.pdf import make_pdf
from analysis.publish.document.tree import read_document, told
from analysis.publish.document.word import make_word
from analysis.publish.manifest import document_names


def make_documents(book: Path, manifest: dict) -> None:
    """Write the book in a folder as PDF and as a Word file into the same folder; both or none.

    The same pages and manifest give the same bytes. Raises DocumentFault, with what the analyst should know.
    """
    document = read_document(book, manifest)
    names, contents = document_names(manifest["municipality"]), []
    for name, make in zip(names, (make_pdf, make_word), strict=True):
        with told(f"{name} kan inte göras"):
            contents.append(make(document))
    for name, content in zip(names, contents, strict=True):
        unfinished = book / f"{name}.ofardig"
        unfinished.write_bytes(content)
        os.replace(unfinished, book / name)
