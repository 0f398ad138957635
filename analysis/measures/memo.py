"""Compute once what is computed from a municipality, and know all the same who has read what."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from analysis.sources.municipality import Municipality
from analysis.sources.reads import note, reading


def once(hand_out: Callable[[Any], Any]) -> Callable:
    """Make a pure function whose first argument is a municipality be computed once for it and the other arguments.

    `hand_out` makes of the value kept what a caller gets, so that none can alter what the next one gets. What the
    computation read is noted for each caller, also for those that it was not done anew for; a LookupError that it ended
    in is kept like a value. Called in another way, or with arguments that cannot be a key, it is computed each time.
    """

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def remembered(*arguments: object, **options: object) -> Any:
            owner, key = _place(function, arguments, options)
            if owner is None:
                return function(*arguments, **options)
            if key not in owner.computed:
                with reading() as read:
                    try:
                        value, error = function(*arguments, **options), None
                    except LookupError as raised:
                        value, error = None, raised
                owner.computed[key] = value, error, frozenset(read)
            value, error, read = owner.computed[key]
            note(*read)
            if error is not None:
                raise error.with_traceback(None)
            return hand_out(value)

        return remembered

    return decorate


def _place(function: Callable, arguments: tuple, options: dict) -> tuple[Municipality | None, tuple]:
    if not arguments or not isinstance(arguments[0], Municipality):
        return None, ()
    key = function, arguments[1:], tuple(sorted(options.items()))
    try:
        hash(key)
    except TypeError:
        return None, ()
    return arguments[0], key
