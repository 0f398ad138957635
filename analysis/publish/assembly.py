"""Jupyter Book called in this process, again and again, leaving nothing behind from one book to the next.

Its function `build_sphinx` is called, which is what its command calls, with the same settings. The command itself would
read the table of contents once more, print what was built, and end the process on a fault.
"""

from __future__ import annotations

import io
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import nbformat
import sphinx.locale
import sphinx.search
import yaml
from jupyter_book.sphinx import build_sphinx
from sphinx.errors import SphinxError

from analysis.publish.running.collector import uncollected

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_TOLD = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b")


def assemble(stage: Path, shared: Path | None = None) -> list[str]:
    """Build a staged book into `_build/html` with warnings as errors; return the lines that say what is wrong.

    `shared` is the folder of what all books load, see `library.prepare_shared`; without it the book has its own files.
    One book at a time in a process, since Sphinx keeps what it works with in the modules of docutils.
    """
    stage = stage.resolve()
    html = stage / "_build" / "html"
    if shared:
        shared.mkdir(parents=True, exist_ok=True)
    settings = {"external_toc_path": (stage / "_toc.yml").as_posix(), "latex_individualpages": False,
                "assistansboken_shared": str(shared.resolve()) if shared else ""}
    printed = io.StringIO()
    with _nothing_left_behind(), redirect_stdout(printed), redirect_stderr(printed):
        result = build_sphinx(stage, html, noconfig=True, path_config=stage / "_config.yml", confoverrides=settings,
                              warningiserror=True, keep_going=True)
    if isinstance(result, KeyboardInterrupt):
        raise result
    # What tells a later run of jupyter-book which settings a book was built with; a staged book has no later run.
    (html / ".buildinfo").unlink(missing_ok=True)
    if not result:
        return []
    lines = [_ANSI.sub("", line).replace(f"{stage}{os.sep}", "").strip() for line in printed.getvalue().splitlines()]
    told = [line for line in lines if _TOLD.search(line)]
    if isinstance(result, Exception):
        kind = result.category if isinstance(result, SphinxError) else type(result).__name__
        told.append(f"{kind}: {str(result).strip()}".replace(f"{stage}{os.sep}", "").splitlines()[0])
    return list(dict.fromkeys(told))


def warm_up(config: dict) -> None:
    """Assemble a book of one page and throw it away, so that what every book imports and compiles is there to fork.

    `config` is that of Jupyter Book, as `plan.read_config` gives it. It starts no thread.
    """
    # The guide's way, since a book's loads the chart library.
    settings = {**config["sphinx"]["config"], "html_context": {"is_guide": True}}
    sentence = nbformat.v4.new_output("display_data", {"text/markdown": "Text."})
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Sida"),
                                           nbformat.v4.new_code_cell("", outputs=[sentence])])
    with tempfile.TemporaryDirectory(prefix="ab-", ignore_cleanup_errors=True) as folder:
        stage = Path(folder)
        nbformat.write(page, stage / "index.ipynb")
        for name, content in (("_config.yml", {**config, "sphinx": {**config["sphinx"], "config": settings}}),
                              ("_toc.yml", {"format": "jb-book", "root": "index"})):
            (stage / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        assemble(stage)


@contextmanager
def _nothing_left_behind() -> Iterator[None]:
    """Put back what Sphinx changes outside its own objects and does not put back itself.

    Left alone, the next book's words would be looked for in the translations of this book first, and what is logged
    would go to this book's log.
    """
    logger = logging.getLogger("sphinx")
    log, disabled = (logger.level, logger.propagate, logger.handlers[:]), logging.root.manager.disable
    translators, languages = dict(sphinx.locale.translators), dict(sphinx.search.languages)
    sphinx.locale.translators.clear()
    # Only warnings are read.
    logging.disable(logging.INFO)
    try:
        # A book is a short burst of objects that live until it is done.
        with warnings.catch_warnings(), uncollected():
            yield
    finally:
        sphinx.locale.translators.clear()
        sphinx.locale.translators.update(translators)
        sphinx.search.languages.clear()
        sphinx.search.languages.update(languages)
        logger.level, logger.propagate, logger.handlers[:] = log
        logging.disable(disabled)
