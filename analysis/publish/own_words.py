"""What can only be told of a municipality's own words once it is known which book they stand in."""

from __future__ import annotations

import html

from analysis.publish.plan import Plan
from analysis.sources.faults import Fault
from analysis.sources.local_words import FOLDER, PLACES


def text_faults(plan: Plan, shown: str) -> list[Fault]:
    """Return the links to chapters that the book does not have, and the characters that a PDF cannot show.

    `shown` is how messages name the municipality's folder.
    """
    # Few municipalities have words of their own, and what sets a PDF takes long to import.
    from analysis.publish.document.setting import unsettable

    absent = _absent(plan)
    there = ", ".join(chapter.name for chapter in plan.chapters)
    faults = []
    for place, text in plan.municipality.texts.items():
        file = f"{shown}/{FOLDER}/{place}.md"
        faults += [
            Fault(
                file,
                f"länken går till ett kapitel som boken inte har ({absent[chapter]})",
                f"något av kapitlen {there}",
                "ta bort länken och behåll texten, eller fyll i underlaget",
                line,
                value=chapter,
            )
            for line, chapter in text.links
            if chapter in absent
        ]
        readable = html.unescape(text.text)  # a character may be written as a code, such as &#128512;
        unknown = unsettable(readable)
        faults += [
            Fault(
                file,
                "tecknet kan inte visas i bokens PDF",
                "bokstäver, siffror och vanliga skiljetecken",
                "ta bort tecknet, eller skriv med ord",
                number,
                value=character,
            )
            for number, line in enumerate(readable.split("\n"), start=1)
            for character in unknown
            if character in line
        ]
    return faults


def unshown_texts(plan: Plan, shown: str) -> list[str]:
    """Return, in words, which of the municipality's own texts belong to chapters that its book does not have."""
    absent = _absent(plan)
    return [
        f"{shown}/{FOLDER}/{name}.md visas inte, för boken har inte kapitlet {place.title}. {absent[place.chapter]}."
        for name, place in PLACES.items()
        if name in plan.municipality.texts and place.chapter in absent
    ]


def _absent(plan: Plan) -> dict[str, str]:
    """Return why each chapter is not in the book that is not."""
    there = {chapter.name for chapter in plan.chapters}
    reasons = {item.chapter.name: item.reason for item in plan.left_out}
    chapters = {place.chapter for place in PLACES.values()} - there
    return {chapter: reasons.get(chapter, "Kapitlet finns inte i innehållsförteckningen") for chapter in chapters}
