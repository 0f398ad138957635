"""The colours of the documents, for the PDF and the Word file alike."""

from analysis.present.palette import INK

COLOURS = {
    "ink": INK,
    "muted": "#555555",
    "accent": "#0b3f6e",
    "rule": "#b9c2cb",
    "ground": "#eef2f6",
}
