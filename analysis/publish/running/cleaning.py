"""What lets a kernel run one notebook after the other as if each were its first; imported in the kernel itself.

A forked process needs none of this (see engine.py). Where processes cannot be forked, the kernel remembers what it was
like when all was imported, and is made so again after each notebook.
"""

from __future__ import annotations

import decimal
import importlib
import json
import locale
import os
import pkgutil
import random
import sys
import types
import warnings
from contextlib import suppress

import altair
import numpy as np
import pandas as pd
from IPython import get_ipython

from analysis.sources import reads

# The packages that notebooks work with. What the kernel itself runs on goes on meanwhile and must not be set back.
_PACKAGES = {"analysis", "altair", "pandas", "numpy", "vl_convert", "babel", "jinja2", "markdown_it", "yaml"}
_REGISTRIES = (altair.theme, altair.renderers, altair.data_transformers)
_before: _State | None = None
_read: set[str] = set()


class _State:
    """What a notebook can change of a process: modules and their classes, settings, and where it works."""

    def __init__(self) -> None:
        self.modules = dict(sys.modules)
        self.names = {module: dict(vars(module)) for name, module in sys.modules.items()
                      if isinstance(module, types.ModuleType) and name.partition(".")[0] in _PACKAGES
                      and name != __name__}
        own = [value for module, content in self.names.items() if module.__name__.partition(".")[0] == "analysis"
               for name, value in content.items() if not name.startswith("__")]
        self.contents = [(value, _copy(value)) for value in own if isinstance(value, (dict, list, set))]
        self.classes = {value: dict(vars(value)) for value in own
                        if isinstance(value, type) and value.__module__.partition(".")[0] == "analysis"}
        self.registries = [(one, set(one.names()), one.active, dict(one.options)) for one in _REGISTRIES]
        self.folder, self.path, self.environment = os.getcwd(), list(sys.path), dict(os.environ)
        self.filters, self.locale = list(warnings.filters), locale.setlocale(locale.LC_ALL)
        self.decimals = decimal.getcontext().copy()
        self.options = _options()

    def restore(self) -> None:
        """Make the process what it was."""
        for name in set(sys.modules) - set(self.modules):
            del sys.modules[name]
        sys.modules.update(self.modules)
        for module, content in self.names.items():
            now = vars(module)
            for key in set(now) - set(content):
                del now[key]
            now.update({key: value for key, value in content.items() if now.get(key, self) is not value})
        for kept, content in self.contents:
            kept.clear()
            kept.extend(_copy(content)) if isinstance(kept, list) else kept.update(_copy(content))
        for kept, content in self.classes.items():
            now = dict(vars(kept))
            for key in now.keys() - content.keys():
                with suppress(AttributeError):
                    delattr(kept, key)
            for key, value in content.items():
                if now.get(key, self) is not value:
                    with suppress(AttributeError):
                        setattr(kept, key, value)
        for registry, known, active, options in self.registries:
            registry.enable(active, **options)
            for name in set(registry.names()) - known:
                altair.theme.unregister(name) if registry is altair.theme else registry.register(name, None)
        os.chdir(self.folder)
        sys.path[:] = self.path
        os.environ.clear()
        os.environ.update(self.environment)
        warnings.filters[:] = self.filters
        locale.setlocale(locale.LC_ALL, self.locale)
        decimal.setcontext(self.decimals.copy())
        for name, value in _options().items():
            if value != self.options[name]:
                pd.set_option(name, self.options[name])
        random.seed()
        np.random.seed()


def remember() -> None:
    """Import what notebooks use, and remember what the process is like."""
    global _before
    import analysis.measures
    import analysis.present
    import analysis.sources

    for package in (analysis.sources, analysis.measures, analysis.present):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    _before = _State()


def begin(folder: str) -> None:
    """Begin a notebook in a folder: the process is what it was, and what is read is noted."""
    _before.restore()
    get_ipython().reset(new_session=True)
    os.chdir(folder)
    _read.clear()
    reads._open.append(_read)


def read_names() -> str:
    """Return, as JSON, the names of what has been read since the notebook began."""
    return json.dumps(sorted(_read))


def _options(values: dict | None = None, prefix: str = "") -> dict[str, object]:
    """Return every option of pandas by its full name."""
    found: dict[str, object] = {}
    for name, value in (pd.options.d if values is None else values).items():
        found.update(_options(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return found


def _copy(value: object) -> object:
    """Return a container's copy, with copies of the containers in it."""
    if type(value) is dict:
        return {key: _copy(one) for key, one in value.items()}
    if type(value) in (list, set):
        return [_copy(one) for one in value] if type(value) is list else set(value)
    return value
