"""Tables of the procurement scenario: forms of operation across, and rows that each have a unit of their own."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.measures.forms import FORM_NAMES
from analysis.measures.scenario import INPUT_LABELS, OWN
from analysis.present.numbers import NO_BREAK_SPACE, NO_VALUE, UNIT_WORDS, number, percent
from analysis.present.views import ChartView, TableView, TextCell

# With how many decimals a value of a unit is written; a year has no thousands.
_DECIMALS = {"kr per timme": 2}


def in_unit(value: float, unit: str) -> str:
    """Return a value with its unit, a share in percent; nothing where there is neither value nor unit."""
    if value != value:
        return NO_VALUE if unit else ""
    if unit == "andel":
        return percent(value * 100)
    if unit == "år":
        return str(int(value))
    text = number(value, _DECIMALS.get(unit, 0))
    return text if unit == "antal" else f"{text}{NO_BREAK_SPACE}{unit}"


def input_name(key: str) -> str:
    """Return an input's name; with the form where it holds for one form other than own provision."""
    name, _, form = key.partition("/")
    label = INPUT_LABELS.get(name, name)
    return f"{label} ({FORM_NAMES[form]})" if form and form != OWN else label


@dataclass(frozen=True)
class FormsTable(TableView):
    """The forms of operation across and what they cost down; a line where no form has anything is left out."""

    columns: tuple[str, ...] = ()

    def row_name(self, key: str) -> str:
        """Return the form's name."""
        return FORM_NAMES[key]

    def grid(self) -> tuple[list[str], list[tuple[str, list[TextCell]]]]:
        """Return the heads and lines."""
        frame, quantities = self.result.to_show, {one.name: one for one in self.result.columns_to_show}
        lines = []
        for name in self.columns or tuple(frame.columns):
            if name not in frame:
                continue
            withheld = any(self.result.is_withheld(form, name) for form in frame.index)
            if not withheld and not frame[name].fillna(0).any():
                continue
            quantity = quantities[name]
            unit = UNIT_WORDS[quantity.unit]
            if "per timme" in quantity.label:
                unit = unit.removesuffix(" per timme")
            label = quantity.label if quantity.unit == "procent" else f"{quantity.label} ({unit})"
            lines.append((label, [self.show(form, value, quantity) for form, value in frame[name].items()]))
        return ["Post", *(FORM_NAMES[form] for form in frame.index)], lines


@dataclass(frozen=True)
class UnitsTable(TableView):
    """A table in which the column `enhet` says each line's unit, which is written beside the value."""

    names: tuple[tuple[str, str], ...] = ()

    def row_name(self, key: str) -> str:
        """Return what a row is called: by `names`, where it is not an input."""
        return dict(self.names).get(key) or input_name(key)

    def grid(self) -> tuple[list[str], list[tuple[str, list[TextCell]]]]:
        """Return the heads and lines."""
        frame = self.result.to_show
        shown = [quantity for quantity in self.result.columns_to_show if quantity.name != "enhet"]
        several = len({quantity.unit for quantity in shown} - {"text"}) > 1
        heads = [self.index_label]
        for quantity in shown:
            word = UNIT_WORDS.get(quantity.unit, "") if several else ""
            heads.append(f"{quantity.label} ({word})" if word else quantity.label)
        lines = []
        for key, row in frame.iterrows():
            cells = []
            for quantity in shown:
                value = row[quantity.name]
                known = quantity.unit == "tal" and isinstance(row["enhet"], str)
                cells.append(self.show(key, value, quantity, in_unit(value, row["enhet"]) if known else ""))
            lines.append((self.row_name(str(key)), cells))
        return heads, lines


@dataclass(frozen=True)
class SpansView(ChartView):
    """A chart of inputs with different units, and its table."""

    def grid(self) -> tuple[list[str], list[tuple[str, list[TextCell]]]]:
        """Return the heads and lines of the table beside the chart."""
        return UnitsTable(self.municipality, self.result, index_label="Uppgift").grid()
