"""What the first chapter in a process does for those after it, done before any: importing, compiling, looking up."""

from __future__ import annotations

import functools
import importlib
import pkgutil

import pandas as pd

from analysis.measures.dates import dated
from analysis.measures.result import Quantity, Result, every_measure
from analysis.present import pages
from analysis.present.charts import Span, bar_panels, lines, paired_bars, spans
from analysis.present.views import TEMPLATES, to_csv


@functools.cache
def warm_up() -> None:
    """Import the pages and measures, compile the templates, and use once what the libraries make ready at first use.

    It is done once a process, and processes forked from this one then have it. Nothing is drawn, no data are read, and
    nothing that is made here is kept but by the libraries.
    """
    every_measure()
    for module in pkgutil.iter_modules(pages.__path__, f"{pages.__name__}."):
        importlib.import_module(module.name)
    for name in TEMPLATES.list_templates():
        TEMPLATES.get_template(name)
    dated("2000-01")
    frame = pd.DataFrame({"y": [1.0, 2.0]}, index=pd.Index([2000, 2001], name="ar"))
    result = Result("", "", frame, (Quantity("y", "", "tkr"),), "", "", ())
    lines(result, ["y"], y_title="")
    bar_panels(result, ["y"])
    paired_bars(result, ["y"])
    spans([Span("", 1.0, 2.0, "", "")], 1.5, x_title="", base_words="")
    to_csv(result)
