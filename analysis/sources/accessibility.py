"""Read what the accessibility statement rests on: the law, and what the municipality says of its own site."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.sources.faults import Fault
from analysis.sources.registers import Register, SourceRef, as_yaml

# What tillganglighet.yml must tell, with what it is.
LEGAL_FACTS = {
    "lag": "lagens namn",
    "redogorelse": "bestämmelsen om tillgänglighetsredogörelsen",
    "niva": "den nivå som lagens krav motsvarar",
    "standard": "standarden som ger nivån",
    "tillsyn": "myndigheten som har tillsyn",
    "anmalan": "var brister anmäls till tillsynsmyndigheten",
}
CONFORMANCE = {"helt": "helt förenlig", "delvis": "delvis förenlig", "inte": "inte förenlig"}
# A host with a dot, and no character that an address must write as a code.
WEB_ADDRESS = r"https?://[\w-]+(\.[\w-]+)+(:\d+)?([/?#][^\s<>\"'`\\^{|}]*)?"
EMAIL_ADDRESS = r"[\w.+-]+@[\w-]+(\.[\w-]+)+"
_STATEMENT_FIELDS = ("ansvarig", "epost", "telefon", "webbsida", "bedomning", "brister", "granskad", "granskad_av")


@dataclass(frozen=True)
class LegalFact:
    """What law or an authority has laid down, with where it stands and the day until which it is known to hold."""

    id: str
    value: str
    link: str
    reference: SourceRef
    known_until: datetime.date


@dataclass(frozen=True)
class Statement:
    """What the municipality says of its own site; an empty field is one that it has not filled in.

    `shortcomings` is None where it has not said whether it knows of any.
    """

    responsible: str = ""
    email: str = ""
    telephone: str = ""
    page: str = ""
    conformance: str = ""
    shortcomings: tuple[str, ...] | None = None
    reviewed: datetime.date | None = None
    reviewed_by: str = ""

    @property
    def missing(self) -> dict[str, str]:
        """What has to be filled in, by its name in kommun.yml; one way of contact is enough."""
        wanted = {
            "ansvarig": ("vem som ansvarar för webbplatsen", self.responsible),
            "epost, telefon eller webbsida": ("hur brister meddelas", self.email or self.telephone or self.page),
            "bedomning": ("om webbplatsen uppfyller kraven", self.conformance),
            "brister": ("vilka brister som är kända", self.shortcomings is not None),
            "granskad": ("när den senast granskades", self.reviewed),
            "granskad_av": ("vem som granskade den", self.reviewed_by),
        }
        return {name: what for name, (what, value) in wanted.items() if not value}


def read_legal_facts(path: Path, shown: str, sources: Collection[str]) -> tuple[dict[str, LegalFact], list[Fault]]:
    """Return what the law asks for by id, and the faults of tillganglighet.yml."""
    register = Register(path, shown)
    facts = {}
    for id_, what in LEGAL_FACTS.items() if register.content else ():
        entry = register.take(register.content, id_, Mapping, what)
        if entry is None:
            continue
        value = register.take(entry, "varde", str, what, id_)
        link = register.take(entry, "lank", str, "en adress", id_, default="")
        source = register.take(entry, "kalla", str, "ett namn ur kallor.yml", id_)
        place = register.take(entry, "plats", str, "var i källan", id_)
        known_until = register.take(entry, "kontrollerad_till", datetime.date, "ett datum som 2026-12-31", id_)
        if link and not re.fullmatch(WEB_ADDRESS, link):
            register.fault("fel slags värde", "en adress som börjar med https://, utan mellanslag, citattecken och < >",
                           "rätta adressen", field=f"{id_}.lank", value=link)
        if source and source not in sources:
            register.fault("källan finns inte i kallor.yml", "ett namn ur kallor.yml", "rätta namnet",
                           field=f"{id_}.kalla", value=source)
        if None not in (value, source, place, known_until):
            facts[id_] = LegalFact(id_, value, link, SourceRef(source, place), known_until)
    return facts, register.faults


def read_statement(register: Register, content: Mapping) -> Statement:
    """Return what a municipality's card says under `tillganglighet`; what is wrong is noted in the register."""
    given = register.take(content, "tillganglighet", Mapping, "fälten " + ", ".join(_STATEMENT_FIELDS), default={})
    if not given:
        return Statement()
    for field in given:
        if field not in _STATEMENT_FIELDS:
            near = difflib.get_close_matches(str(field), _STATEMENT_FIELDS, n=1)
            register.fault("okänt fält", "något av " + ", ".join(_STATEMENT_FIELDS),
                           f"skriv ”{near[0]}”" if near else "ta bort fältet", field=f"tillganglighet.{as_yaml(field)}",
                           value=as_yaml(field))
    text = {field: register.take(given, field, str, "text", "tillganglighet", default="") or ""
            for field in ("ansvarig", "epost", "telefon", "webbsida", "bedomning", "granskad_av")}
    checks = (
        ("epost", EMAIL_ADDRESS, "en enda e-postadress med namn, @ och domän, som namn@kommun.se"),
        ("webbsida", WEB_ADDRESS, "en adress som börjar med https://, utan mellanslag, citattecken och < >"),
        ("telefon", r"[+\d][\d\s–-]+", "ett telefonnummer inom citattecken"),
    )
    for field, pattern, expected in checks:
        if text[field] and not re.fullmatch(pattern, text[field]):
            register.fault("fel slags värde", expected, "rätta värdet", field=f"tillganglighet.{field}",
                           value=text[field])
    if text["bedomning"] and text["bedomning"] not in CONFORMANCE:
        register.fault("okänd bedömning", "något av " + ", ".join(CONFORMANCE), "rätta värdet",
                       field="tillganglighet.bedomning", value=text["bedomning"])
    known = register.take(given, "brister", list, "en lista med brister, [] om inga är kända", "tillganglighet",
                          default=None)
    for shortcoming in known or ():
        if not isinstance(shortcoming, str) or not shortcoming.strip():
            register.fault("fel slags värde", "en mening om vad som brister och varför", "rätta värdet",
                           field="tillganglighet.brister", value=shortcoming)
    if known and text["bedomning"] == "helt":
        register.fault("bedömningen säger ”helt” men brister är uppräknade", "delvis eller inte, eller inga brister",
                       "ändra bedömningen eller ta bort bristerna", field="tillganglighet.bedomning", value="helt")
    reviewed = register.take(given, "granskad", datetime.date, "ett datum som 2026-01-31", "tillganglighet",
                             default=None)
    return Statement(text["ansvarig"], text["epost"], text["telefon"], text["webbsida"], text["bedomning"],
                     None if known is None else tuple(map(str, known)), reviewed, text["granskad_av"])
