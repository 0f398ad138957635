"""Makes the guide's pictures anew: `python tests/guide_pictures.py`. It needs LibreOffice (soffice) and pdftoppm.

It takes the steps of the guide on a copy of the data, with made-up figures for Eslöv: the workbook's sheets as
LibreOffice prints them, with the letters of the columns and the numbers of the rows, and the pages as Chromium shows
them from the disk. Each picture of a sheet carries the words that it shows, by which a test tells when it is old.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl
from browsers import ARGUMENTS, find_browser
from guide_example import YEARS, fill
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import sync_playwright

from analysis import cli

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "chapters" / "handbok" / "bilder"
# By the picture's name: the sheet and what is shown of it.
SHEETS = {
    "borja-har": ("Börja här", "A1:C19"),
    "kallor": ("Källor", "A1:D7"),
    "ekonomi": ("Ekonomi", "A1:F20"),
}
# By the picture's name: the page, and how far down it is scrolled to.
PAGES = {"forsta-sidan": ("index.html", ""), "kapitel": ("sfb.html", "figure.ab-diagram")}
WINDOW = {"width": 1120, "height": 700}
DOTS_PER_INCH = 150
LONGEST_SIDE = 1200
COLOURS = 32
WORDS = "Description"


def main() -> None:
    """Take the steps and write the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        data = shutil.copytree(ROOT / "data", home / "data")
        os.chdir(home)
        _run("new", "--namn", "Eslöv", *YEARS, "--data", str(data))
        workbook = home / "eslov.xlsx"
        fill(workbook)
        for name, (sheet, area) in SHEETS.items():
            _save(_sheet_picture(workbook, sheet, area), name, sheet_words(workbook, sheet, area))
        _run("import", str(workbook), "--data", str(data))
        # As it is for who follows the guide, whose data are the project's.
        _run("build", "eslov", "--data", str(data), "--out", str(home / "html"), "--dokument")
        _take_pages(home / "html" / "eslov")
        os.chdir(ROOT)


def _run(*arguments: str) -> None:
    if cli.main(arguments):
        sys.exit(1)


def sheet_words(workbook: Path, name: str, area: str) -> str:
    """Return what stands in a part of a sheet, a line for each row."""
    rows = openpyxl.load_workbook(workbook)[name][area]
    return "\n".join("\t".join("" if cell.value is None else str(cell.value) for cell in row) for row in rows)


def _sheet_picture(workbook: Path, name: str, area: str) -> Image.Image:
    """Return a part of a sheet as LibreOffice prints it, on a page as large as it needs."""
    copy = workbook.with_name("utskrift.xlsx")
    book = openpyxl.load_workbook(workbook)
    for sheet in book.worksheets:
        sheet.sheet_state = "visible" if sheet.title == name else "hidden"
    sheet = book[name]
    book.active = sheet
    sheet.print_area = area
    sheet.print_options.headings = sheet.print_options.gridLines = True
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_setup.fitToHeight = 1
    book.save(copy)
    for command in (
        ["soffice", "--headless", "--convert-to", "pdf", copy.name],
        ["pdftoppm", "-png", "-singlefile", "-r", str(DOTS_PER_INCH), "utskrift.pdf", "utskrift"],
    ):
        subprocess.run(command, cwd=copy.parent, check=True, stdout=subprocess.DEVNULL)
    with Image.open(copy.with_suffix(".png")) as page:
        picture = page.convert("RGB")
    paper = Image.new("RGB", picture.size, "white")
    return picture.crop(ImageChops.difference(picture, paper).getbbox())


def _take_pages(book: Path) -> None:
    path, _ = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
        for name, (file, place) in PAGES.items():
            page.goto((book / file).as_uri())
            if place:
                page.locator(place).first.scroll_into_view_if_needed()
                page.locator(f"{place}.ab-startad").first.wait_for()
                page.evaluate("place => document.querySelector(place).scrollIntoView({block: 'end'})", place)
            shot = book.parent / f"{name}.png"
            page.screenshot(path=shot)
            with Image.open(shot) as picture:
                _save(picture.convert("RGB"), name)
        browser.close()


def _save(picture: Image.Image, name: str, words: str = "") -> None:
    """Write a picture with few colours, no larger than a page can show, with the words that it shows where given."""
    told = PngInfo()
    if words:
        told.add_itxt(WORDS, words)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    PICTURES.mkdir(parents=True, exist_ok=True)
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(PICTURES / f"{name}.png", optimize=True, pnginfo=told)


if __name__ == "__main__":
    main()
