"""Read the glossary: the field's terms, in words for those who have not met them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from analysis.sources.faults import Fault
from analysis.sources.registers import Register, SourceRef


@dataclass(frozen=True)
class Term:
    """A term as the glossary lists it, the forms that chapters write it in, and what it means.

    A term without forms stands in the glossary only, since its letters also mean other things in running text.
    """

    id: str
    word: str
    forms: tuple[str, ...]
    explanation: str
    reference: SourceRef | None


def read_glossary(path: Path, shown: str, sources: Collection[str]) -> tuple[dict[str, Term], list[Fault]]:
    """Return the terms by id, and the faults of ordlista.yml."""
    register = Register(path, shown)
    terms: dict[str, Term] = {}
    owners: dict[str, str] = {}
    for id_, entry in ((str(id_), entry) for id_, entry in register.content.items()):
        if not re.fullmatch("[a-z0-9_]+", id_):
            register.fault("namnet kan inte stå i en länk", "små bokstäver a–z, siffror och understreck",
                           "byt namn på ordet", field=id_, value=id_)
            continue
        word = register.take(entry, "ord", str, "ordet som det står i ordlistan", id_)
        explanation = register.take(entry, "forklaring", str, "en förklaring i en eller två meningar", id_)
        forms = register.take(entry, "former", list, "en lista med ordets former, [] om ordet inte ska märkas", id_)
        source = register.take(entry, "kalla", str, "ett namn ur kallor.yml", id_, default="")
        place = register.take(entry, "plats", str, "var i källan", id_, default="")
        if source and source not in sources:
            register.fault("källan finns inte i kallor.yml", "ett namn ur kallor.yml", "rätta namnet",
                           field=f"{id_}.kalla", value=source)
        for form in forms or ():
            if not isinstance(form, str) or not form.strip():
                register.fault("fel slags värde", "ordet som det skrivs i texten", "rätta formen",
                               field=f"{id_}.former", value=form)
            elif owners.setdefault(form.lower(), id_) != id_:
                register.fault(f"formen hör redan till {owners[form.lower()]}", "en form som bara ett ord har",
                               "ta bort den ena", field=f"{id_}.former", value=form)
        if None not in (word, explanation, forms):
            reference = SourceRef(source, place) if source else None
            terms[id_] = Term(id_, word, tuple(map(str, forms)), explanation, reference)
    return terms, register.faults
