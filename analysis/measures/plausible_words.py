"""What words say that figures do not: small counts of persons in the municipality's own texts and tables."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from analysis.measures.evidence import Evidence, doubt
from analysis.measures.small_numbers import REPEATING_TABLES, withheld_cells
from analysis.sources.doubts import Cell, Doubt, Figure
from analysis.sources.faults import shown_path
from analysis.sources.local_words import persons_mentioned
from analysis.sources.schema import MUNICIPAL_TABLES


def small_counts_in_words(evidence: Evidence) -> Iterator[Doubt]:
    """Yield each place where words name fewer persons than the book shows; figures in words it cannot take out."""
    threshold = evidence.municipality.small_numbers.threshold
    for file, row, column, count, words in _mentioned(evidence):
        if count < threshold:
            cell = Cell(file, row, column, Decimal(count))
            yield doubt(
                f"{Path(file).stem}-{column or 'text'}_{row}",
                "Texten nämner få personer",
                [Figure("det står", (cell,), cell.value, Decimal(0), "", f"”{words}”")],
                f"Boken visar annars inte antal personer från 1 till {threshold - 1}, men i text döljer den ingenting.",
                "Skriv om texten om antalet kan röja någon.",
            )


def _mentioned(evidence: Evidence) -> Iterator[tuple[str, int, str, int, str]]:
    """Yield each count of persons in words: file, row, column (none in a text), count and the words."""
    for place, text in evidence.municipality.texts.items():
        file = shown_path(evidence.folder / "texter" / f"{place}.md", evidence.data)
        for line, count, words in persons_mentioned(text.text):
            yield file, line, "", count, words
    withheld = {(cell.table, cell.row) for cell in withheld_cells(evidence.municipality)}
    for name, table in evidence.municipality.tables.items():
        columns = [one.name for one in MUNICIPAL_TABLES[name].columns if one.kind == "text" and not one.allowed]
        for column in columns if name not in REPEATING_TABLES else ():
            for index, text in table[column].items():
                for _, count, words in persons_mentioned(text):
                    # A row of single figures goes with its words; and in a description ”en brukare” is seldom a count.
                    gone = name in ("scenario", "fakta") and (name, index) in withheld
                    if not gone and not words.lower().startswith(("en ", "ett ")):
                        yield evidence.file(name), evidence.line(name, index), column, count, words
