"""What sets a PDF: Typst, with the fonts that come with a package and none of the machine's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fontpkg
import typst

from analysis.present.threaded import threaded

ASSETS = Path(__file__).parents[1] / "assets"
CHARACTERS = ASSETS / "characters.typ"
# Arimo has the widths of Liberation Sans, in which the charts are drawn, and comes with a package on every system.
FONT = "Arimo"


def unsettable(text: str) -> list[str]:
    """Return the characters of a text that the fonts of the PDF lack, such as emoji, each once and in order."""
    characters = list(dict.fromkeys(text))
    return [] if _can_set(characters) else [one for one in characters if not _can_set([one])]


def _can_set(characters: Sequence[str]) -> bool:
    try:
        compiled(CHARACTERS, sys_inputs={"text": " ".join(characters)})
    except NotSet:
        return False
    return True


@threaded("typst")
def compiled(source: Path | bytes, **options: object) -> bytes:
    """Return what Typst makes of a source; raises NotSet where it can make nothing of it."""
    try:
        return typst.compile(source, font_paths=[Path(fontpkg.path(FONT)).parent], ignore_system_fonts=True,
                             pdf_standards=["ua-1"], **options)
    except typst.TypstError as error:
        raise NotSet(str(error)) from None


class NotSet(Exception):
    """Typst cannot set a source; the message is its own."""
