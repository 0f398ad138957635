"""A finished book as one document: an accessible PDF and a Word file, with what its pages show."""

from analysis.publish.document.make import make_documents
from analysis.publish.document.tree import DocumentFault

__all__ = ["DocumentFault", "make_documents"]
