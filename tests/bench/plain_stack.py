"""Builds a book as one would without this project's own machinery: papermill chapter by chapter, then jupyter-book."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import yaml
from processes import Run, run

from analysis.measures.small_numbers import protect
from analysis.present.pages.material import small_numbers_line
from analysis.publish.glossary import write_terms
from analysis.publish.manifest import FILE_NAME, make_manifest, read_manifest, write_manifest
from analysis.publish.pictures import drawing_of, picture_png, picture_svg
from analysis.publish.plan import KERNEL, Plan, plan_book, read_chapters, read_config
from analysis.publish.workbook import make_workbook
from analysis.sources import load_municipality

JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"


def stage(slug: str, data: Path, folder: Path, root: Path) -> Plan:
    """Write a book's notebooks, settings and manifest as a build does, and return its plan."""
    plan = plan_book(protect(load_municipality(slug, data)), read_chapters(root))
    folder.mkdir(parents=True)
    manifest = make_manifest(plan, data, root, documents=False)
    config = read_config(root)
    config["title"] = f"{config['title']} – {plan.municipality.name}"
    config["sphinx"]["config"]["html_context"] = {
        "documents": [],
        "small_numbers": small_numbers_line(plan.municipality),
        "has_guide": True,
        "is_synthetic": plan.municipality.synthetic,
    }
    for name, content in (("_config.yml", config), ("_toc.yml", plan.toc())):
        (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    write_manifest(manifest, folder / FILE_NAME)
    write_terms(plan.municipality.glossary, folder)
    for chapter in plan.chapters:
        nbformat.write(plan.notebook(chapter), folder / f"{chapter.name}.ipynb")
    return plan


def build(plan: Plan, folder: Path, data: Path, root: Path, log: Path, pictures: bool) -> list[Run]:
    """Build a staged book, each program in a process of its own; return what each took, the downloads not counted.

    A kernel for each chapter, of papermill's own kind; `pictures` asks for a PNG of each chart too.
    """
    where = {"PYTHONPATH": str(root)}
    took = []
    for chapter in plan.chapters:
        notebook = str(folder / f"{chapter.name}.ipynb")
        given = {"kommun": plan.municipality.slug, "data": str(data), "manifest": str(folder / FILE_NAME)}
        parameters = [word for name, value in given.items() for word in ("-r", name, value)]
        command = [
            sys.executable,
            "-m",
            "papermill",
            notebook,
            notebook,
            *parameters,
            "--cwd",
            str(root),
            "-k",
            KERNEL,
            "--no-progress-bar",
        ]
        took.append(run(command, log, cwd=root, environment=where))
    took.append(run([sys.executable, "-c", JUPYTER_BOOK, "build", str(folder)], log, cwd=root, environment=where))
    write_downloads(plan, folder, pictures)
    return took


def write_downloads(plan: Plan, folder: Path, pictures: bool) -> None:
    """Write each table as CSV and workbook and each chart as a picture beside the pages, as a build does."""
    html, manifest = folder / "_build" / "html", read_manifest(folder)
    for name in ("tabeller", "diagram"):
        (html / name).mkdir(exist_ok=True)
    for chapter in plan.chapters:
        cells = nbformat.read(folder / f"{chapter.name}.ipynb", as_version=4).cells
        for output in (one for cell in cells for one in cell.get("outputs", ())):
            described = output.get("metadata", {}).get("assistansboken", {})
            if "table_id" in described:
                text = output["data"]["text/csv"]
                target = html / "tabeller" / described["table_id"]
                target.with_suffix(".csv").write_bytes(text.encode("utf-8-sig"))
                target.with_suffix(".xlsx").write_bytes(make_workbook(text, described, manifest))
            elif "chart_id" in described:
                picture = picture_svg(drawing_of(output["data"]["text/html"]), described)
                target = html / "diagram" / described["chart_id"]
                target.with_suffix(".svg").write_text(picture, encoding="utf-8", newline="\n")
                if pictures:
                    target.with_suffix(".png").write_bytes(picture_png(picture))
