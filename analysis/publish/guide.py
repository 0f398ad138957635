"""The guide to making a book: a small book of its own in the site, in Markdown, built once for all municipalities."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import jinja2
import yaml

from analysis.measures.dates import dated
from analysis.present.language import capitalised
from analysis.present.numbers import number
from analysis.publish.assembly import assemble
from analysis.publish.finished import finish, is_finished
from analysis.publish.inputs import guide_key
from analysis.publish.manifest import FILE_NAME, make_guide_manifest, read_manifest, write_manifest
from analysis.publish.places import GUIDE_FOLDER, PROJECT_ROOT
from analysis.publish.plan import chapter_needs, read_chapters, read_config
from analysis.publish.run import BuildFault
from analysis.sources.kept import copy_folder
from analysis.sources.schema import MUNICIPAL_TABLES

# What a page of the guide takes in: the chapters of a book and what each of them needs.
NEEDS_FILE = "behov.html"
_TEMPLATE = jinja2.Environment(
    loader=jinja2.PackageLoader("analysis.publish", "assets"), autoescape=True, undefined=jinja2.StrictUndefined
)


def build_guide(
    work: Path,
    *,
    root: Path = PROJECT_ROOT,
    force: bool = False,
    shared: Path | None = None,
    say: Callable[[str], None] = print,
) -> tuple[Path | None, list[BuildFault]]:
    """Build the guide into `work/books/handbok`; return its folder, or None where the project has no guide, and faults.

    It is left as it is where neither what it is made from nor a file of it has changed, unless `force`. `shared` is the
    folder of what all books load.
    """
    source, book, start = root / "chapters" / GUIDE_FOLDER, work / "books" / GUIDE_FOLDER, time.monotonic()
    if not source.is_dir():
        return None, []
    key = guide_key(root)
    if not force and is_finished(work, GUIDE_FOLDER, key):
        say(f"handboken: oförändrad sedan {dated(read_manifest(book)['built_at'][:10])}, byggs inte om")
        return book, []
    manifest = make_guide_manifest(root)
    stage = work / "stage" / GUIDE_FOLDER
    shutil.rmtree(stage, ignore_errors=True)
    copy_folder(source, stage)
    config = read_config(root)
    config["title"] += " – handbok"
    config["sphinx"]["config"]["html_context"] = {"is_guide": True}
    text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
    (stage / "_config.yml").write_text(text, encoding="utf-8")
    (stage / NEEDS_FILE).write_text(needs_table(root), encoding="utf-8")
    faults = [BuildFault("handboken", "", None, f"Jupyter Book: {line}") for line in assemble(stage, shared)]
    if faults:
        return book, faults
    html = stage / "_build" / "html"
    write_manifest(manifest, html / FILE_NAME)
    # What is saved while it is built may have been read, and is not kept under what was there before.
    finish(html, work, GUIDE_FOLDER, key if guide_key(root) == key else "")
    shutil.rmtree(stage, ignore_errors=True)
    say(f"handboken: byggd ({number(time.monotonic() - start, 1)} s)")
    return book, []


def needs_table(root: Path = PROJECT_ROOT) -> str:
    """Return, as HTML, what each chapter of a book needs and which sheets of the workbook add to it."""
    lines = [
        (
            chapter.title,
            capitalised(chapter.needs) or "Kommer alltid med",
            ", ".join(spec.sheet for name, spec in MUNICIPAL_TABLES.items() if name in chapter.more - chapter.tables),
        )
        for chapter in chapter_needs(read_chapters(root))
    ]
    return _TEMPLATE.get_template("needs.html.j2").render(lines=lines)
