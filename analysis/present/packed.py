"""What a script in the page reads of a chart, as JSON in which nothing is said twice; charts.js unpacks it.

A chart says the same axes, scales and marks in each of its layers and panels, and each row of its data says the names
of its columns and most of what the row before said.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from itertools import pairwise

# What is shorter takes no less room as {"$":1}.
_SHORTEST = 14
# A text told from the one before takes some letters for itself: [12,"",3].
_LEAST_ALIKE = 9
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def as_json(content: dict) -> str:
    """Return content as JSON that can stand in a script element: a closing tag inside it would end the element.

    It is {"shared": [part, …], "whole": part}. In a part {"$": n} stands for that one of those shared, all before it
    if it is itself shared; {"$rows": {name: values}} is rows of data by column, with null where a row lacks the name;
    and in a column of texts [n, text, m] has the first n and the last m letters of the text before it.
    """
    packer = _Packer()
    whole = packer.read(content)
    return packer.written(whole).replace("<", "\\u003c")


class _Packer:
    """Numbers each different part once, after the parts that it holds."""

    def __init__(self):
        self.parts: list[str | dict[str, int] | list[int]] = []
        self.numbers: dict[object, int] = {}
        self.used: Counter[int] = Counter()

    def read(self, part: object) -> int:
        """Return the number of a part."""
        if isinstance(part, dict):
            return self._number({name: self.read(part[name]) for name in sorted(part)})
        if isinstance(part, list):
            columns = _columns(part)
            if columns is None:
                return self._number([self.read(one) for one in part])
            held = {name: self._number(_column(values)) for name, values in columns.items()}
            return self._number({"$rows": self._number(held)})
        return self._number(_text(part))

    def _number(self, part: str | dict[str, int] | list[int]) -> int:
        """Return the number of a part, given as JSON or as what it holds."""
        held = () if isinstance(part, str) else part.values() if isinstance(part, dict) else part
        key = part if isinstance(part, str) else (*part, None, *held) if isinstance(part, dict) else tuple(held)
        if key not in self.numbers:
            self.numbers[key] = len(self.parts)
            self.parts.append(part)
            self.used.update(held)
        return self.numbers[key]

    def written(self, whole: int) -> str:
        """Return the part of a number, and what it shares, as JSON."""
        told: list[str] = []
        shared: list[str] = []
        for number, part in enumerate(self.parts):
            text = part if isinstance(part, str) else _joined(part, told)
            if number != whole and self.used[number] > 1 and len(text) >= _SHORTEST:
                shared.append(text)
                text = f'{{"$":{len(shared) - 1}}}'
            told.append(text)
        return f'{{"shared":[{",".join(shared)}],"whole":{told[whole]}}}'


def _joined(part: dict[str, int] | list[int], told: list[str]) -> str:
    if isinstance(part, list):
        return "[" + ",".join(told[number] for number in part) + "]"
    return "{" + ",".join(f"{_text(name)}:{told[number]}" for name, number in part.items()) + "}"


@lru_cache(maxsize=4096, typed=True)
def _text(value: object) -> str:
    """Return a value as JSON; a script reads 5.0 and 5 as one number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _ENCODER.encode(value)


def _columns(rows: list) -> dict[str, list] | None:
    """Return rows of data by column; none where a list is of something else."""
    if len(rows) < 2 or not all(isinstance(row, dict) for row in rows):
        return None
    values = [value for row in rows for value in row.values()]
    if not values or any(value is None or isinstance(value, (dict, list)) for value in values):
        return None
    return {name: [row.get(name) for row in rows] for name in sorted({name for row in rows for name in row})}


def _column(values: list) -> str:
    """Return the values of a column as JSON."""
    told = [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    # A script counts letters outside the basic plane as two.
    if all(isinstance(value, str) for value in values) and max(map(max, filter(None, values)), default="") <= "\uffff":
        told[1:] = [_after(before, text) for before, text in pairwise(values)]
    return _ENCODER.encode(told)


def _after(before: str, text: str) -> str | list:
    """Return a text as what differs from the one before, where that is shorter."""
    first = _alike(before, text)
    last = _alike(before[first:][::-1], text[first:][::-1])
    return [first, text[first : len(text) - last], last] if first + last >= _LEAST_ALIKE else text


def _alike(one: str, other: str) -> int:
    """Return how many letters two texts begin with that are the same."""
    for at, (letter, same) in enumerate(zip(one, other, strict=False)):
        if letter != same:
            return at
    return min(len(one), len(other))
