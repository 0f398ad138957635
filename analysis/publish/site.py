"""The site: a start page and every book, replaced whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import jinja2

from analysis.measures.dates import dated
from analysis.measures.shared import SHARED
from analysis.present.language import genitive, period
from analysis.present.numbers import NO_VALUE, UNIT_WORDS, number
from analysis.present.pages.comparison import CAVEATS
from analysis.publish.files import for_all, is_linked, link_folder, write_anew
from analysis.publish.manifest import FILE_NAME, read_manifest
from analysis.publish.places import GUIDE_FOLDER, PROJECT_ROOT, default_out

MARKER = ".assistansboken"
ASSETS = Path(__file__).parent / "assets"
COMPARISON, RECONCILIATION, MATERIAL = "jamforelse", "avstamning", "underlag"
# By code point ä would stand before å.
_ALPHABET = str.maketrans("åä", "äå")


class SiteFault(Exception):
    """The site cannot be replaced; the message is for the analyst."""


def prepare(out: Path, root: Path = PROJECT_ROOT) -> None:
    """Put back a site that an interrupted run left aside, and refuse a folder that is not ours to replace."""
    old = _beside(out, "old")
    if old.exists():
        if not out.exists():
            old.rename(out)
        else:
            _remove(old, root)
    refuse_foreign(out, root)


def refuse_foreign(out: Path, root: Path = PROJECT_ROOT) -> None:
    """Raise SiteFault where a folder is not ours to replace."""
    if not out.exists() or _is_ours(out, root):
        return
    if not out.is_dir() or any(out.iterdir()):
        raise SiteFault(f"{out} är inte en webbplats som det här programmet har byggt och skrivs därför inte över. "
                        "Välj en annan mapp med --out, eller töm mappen själv.")


def publish(books: Mapping[str, Path], out: Path, *, carry_over: bool, guide: Path | None = None,
            root: Path = PROJECT_ROOT, spare: Path | None = None) -> None:
    """Assemble a site of the books and the guide, and of the old site's other books where `carry_over`; swap it in.

    The files of the site are those of the books, by one more name where the file system gives them that. `spare` is
    where the site that is swapped out is kept, but for the books that were changed. The next site is made of it: only
    books that have changed are linked and taken away, and the files of the others are looked at.
    """
    if GUIDE_FOLDER in books:
        raise SiteFault(f"En kommuns mapp kan inte heta {GUIDE_FOLDER}, eftersom handboken heter så på webbplatsen. "
                        "Byt namn på mappen i data/kommuner och bygg igen.")
    prepare(out, root)
    new, old = _beside(out, "new"), _beside(out, "old")
    _remove(new, root)
    sources = dict(books)
    if carry_over and out.is_dir():
        for folder in out.iterdir():
            if folder.name not in (GUIDE_FOLDER, *sources) and read_manifest(folder) is not None:
                sources[folder.name] = folder
    start = _start_page(sources.values(), has_guide=guide is not None)
    if guide is not None:
        sources[GUIDE_FOLDER] = guide
    try:
        _begin(new, spare, {*sources, *start, MARKER})
        for_all(_take_in, sources.values(), [new / name for name in sources])
        for name, content in start.items():
            write_anew(new / name, content)
        if out.exists():
            out.rename(old)
        new.rename(out)
    except BaseException:
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(new, ignore_errors=True)
        raise
    # The new site stands, so what is left of the old one, should it not go, is left to the next time.
    with suppress(OSError, KeyboardInterrupt):
        if old.exists():
            _keep(old, spare, out)


def _begin(new: Path, spare: Path | None, wanted: Collection[str]) -> None:
    """Make the folder of the new site: of the spare, with nothing in it but what has a name that is wanted."""
    if spare is not None and _has_marker(spare):
        spare.rename(new)
    else:
        new.mkdir(parents=True)
        (new / MARKER).write_text("Byggd av Assistansboken; ersätts vid nästa bygge.\n", encoding="utf-8")
    _take_away([path for path in new.iterdir() if path.name not in wanted])


def _take_in(book: Path, target: Path) -> None:
    """Let a new site have a book, unless it has just that one."""
    if target.is_dir():
        if is_linked(book, target):
            return
        shutil.rmtree(target)
    link_folder(book, target)


def _keep(old: Path, spare: Path | None, out: Path) -> None:
    """Let a site that has been swapped out become the spare, less the books that are others in the one that stands.

    A book's manifest is written when it is built, so one that is the same file tells that the book is the same.
    """
    if spare is None or not _has_marker(old) or (spare.exists() and not _has_marker(spare)):
        _empty(old)
        return
    _take_away([path for path in old.iterdir() if path.is_dir() and not _is_one(path / FILE_NAME, out / path.name)])
    if spare.exists():
        _empty(spare)
    try:
        old.rename(spare)
    except OSError:  # another disk, or a folder that is open
        _empty(old)


def _is_one(manifest: Path, book: Path) -> bool:
    try:
        return manifest.samefile(book / FILE_NAME)
    except OSError:
        return False


def _take_away(paths: Sequence[Path]) -> None:
    for_all(shutil.rmtree, [path for path in paths if path.is_dir()])
    for path in paths:
        if path.is_file():
            path.unlink()


def _start_page(books: Iterable[Path], *, has_guide: bool) -> dict[str, bytes]:
    """Return the files that stand at the top of the site, by name."""
    manifests = [manifest for folder in books if (manifest := read_manifest(folder))]
    manifests.sort(key=lambda manifest: manifest["name"].lower().translate(_ALPHABET))
    books = [_StartBook(manifest) for manifest in manifests]
    columns = [quantity for quantity in SHARED if any(quantity.name in book.figures for book in books)]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ASSETS), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.globals.update(number=number, genitive=genitive, dated=dated, units=UNIT_WORDS, no_value=NO_VALUE)
    html = environment.get_template("start.html.j2").render(
        books=books, has_guide=has_guide, columns=columns, caveats=CAVEATS,
        compared=[book for book in books if book.figures],
        with_comparison=[book for book in books if COMPARISON in book.titles],
        reconciled=[book for book in books if book.reconciliation], comparison=COMPARISON,
        reconciliation=RECONCILIATION, material=MATERIAL)
    styles = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in ("palette.css", "start.css"))
    return {"index.html": html.encode("utf-8"), "start.css": styles.encode("utf-8"),
            "ikon.svg": (ASSETS / "ikon.svg").read_bytes()}


class _StartBook:
    """What the start page tells of a book, from its manifest, which may be of an older version with less in it."""

    def __init__(self, manifest: dict) -> None:
        self.slug, self.name = manifest["municipality"], manifest["name"]
        self.synthetic = manifest.get("synthetic", False)
        self.documents = manifest.get("documents", [])
        self.built_on = manifest["built_at"][:10]
        self.period = period(*manifest["period"]) if "period" in manifest else ""
        self.holds = _holds(manifest)
        self.left_out = manifest.get("left_out", [])
        self.withholds = any("visas inte" in item["reason"].lower() for item in self.left_out)
        self.figures = {figure["id"]: figure for figure in manifest.get("shared", [])}
        self.reconciliation = manifest.get("reconciliation")
        self.document = manifest.get("document")
        self.parts: dict[str, list[dict]] = {}
        for chapter in manifest.get("chapters", []):
            self.parts.setdefault(chapter.get("part", ""), []).append(chapter)
        self.titles = {chapter["name"]: chapter["title"] for chapter in manifest.get("chapters", [])}


def _holds(manifest: dict) -> str:
    """Return in a sentence what a book rests on; empty where the manifest does not tell."""
    if "document" not in manifest:
        return ""
    document = manifest["document"]
    if document:
        return f"Räknar om ”{document['title']}” ({document['publisher']})."
    if manifest["tables"]:
        return "Bygger på kommunens egna uppgifter."
    own = "visas inte" if manifest.get("withheld_tables") else "saknas"
    return f"Bygger på jämförelsetal om kommunen; egna uppgifter {own}."


def _beside(out: Path, word: str) -> Path:
    return out.parent / f".{out.name}-{word}"


def _has_marker(folder: Path) -> bool:
    return (folder / MARKER).is_file()


def _is_ours(folder: Path, root: Path) -> bool:
    if _has_marker(folder):
        return True
    # What `jupyter-book build .` at the root leaves where our site goes.
    home = default_out(root)
    built = (folder / ".buildinfo").is_file() and (folder / "_static").is_dir()
    return built and folder in (home, _beside(home, "old"))


def _remove(folder: Path, root: Path) -> None:
    if not folder.exists():
        return
    if not _is_ours(folder, root) and any(folder.iterdir()):
        raise SiteFault(f"{folder} är inte skapad av det här programmet och tas därför inte bort. "
                        "Flytta den och försök igen.")
    _empty(folder)


def _empty(folder: Path) -> None:
    """Take a folder away, last of all what tells that it is ours: cut short, it can be taken away the next time."""
    _take_away([path for path in folder.iterdir() if path.name != MARKER])
    shutil.rmtree(folder)
