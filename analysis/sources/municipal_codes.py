"""Sweden's municipalities, their SCB codes, and the folder name that each gets."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from analysis.sources.faults import DataError, Fault, shown_path
from analysis.sources.registers import read_sources
from analysis.sources.schema import CODE_TABLE, fold

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CODE = re.compile(r"[0-9]{4}")
# What may stand before or after a municipality's name.
_KIND = re.compile(r"^region |s? (kommun|stad)$", re.IGNORECASE)
_NATION = {"riket", "sverige", "hela_riket"}
# A book's folder in the site has the municipality's folder name, and the guide lies beside the books.
_TAKEN = {"handbok"}
# What Windows keeps for itself: no folder can have such a name there.
_RESERVED = re.compile("con|prn|aux|nul|com[0-9]|lpt[0-9]")


@dataclass(frozen=True)
class MunicipalCode:
    """One of Sweden's municipalities; `slug` is its folder's name unless the analyst chooses another."""

    code: str
    name: str
    county: str
    slug: str


def read_codes(data_directory: Path) -> list[MunicipalCode]:
    """Return Sweden's municipalities in the order of their codes; raises DataError where the list cannot be read."""
    from analysis.sources.reader import read_table  # with pandas, which few who import this module need

    path = data_directory / "nationellt" / f"{CODE_TABLE.name}.csv"
    register = data_directory / "kallor.yml"
    sources, faults = read_sources(register, shown_path(register, data_directory))
    if sources:
        try:
            frame, faults = read_table(path, CODE_TABLE, sources, shown_path(path, data_directory))
        except FileNotFoundError:
            faults = [
                Fault(
                    shown_path(path, data_directory),
                    "filen saknas",
                    CODE_TABLE.title,
                    "lägg tillbaka filen, eller ange rätt mapp med --data",
                )
            ]
    if faults:
        raise DataError(faults)
    return list(_entries(tuple(zip(frame["kod"], frame["kommun"], frame["lan"], strict=True))))


@lru_cache(maxsize=4)
def _entries(entries: tuple[tuple[str, str, str], ...]) -> list[MunicipalCode]:
    shared = {slug for slug, count in Counter(make_slug(name) for _, name, _ in entries).items() if count > 1}
    return [MunicipalCode(code, name, county, _slug(name, county, shared)) for code, name, county in entries]


def make_slug(name: str) -> str:
    """Return a name as a folder's: small letters without accents, figures, and hyphens for the rest."""
    return fold(re.sub("['’´`]", "", name)).replace("_", "-")


def _slug(name: str, county: str, shared: set[str]) -> str:
    """Where two municipalities would get the same slug, that without å, ä, ö keeps it and the other adds its county."""
    slug = make_slug(name)
    if slug not in shared or name.casefold() == slug:
        return slug
    return f"{slug}-{make_slug(county.removesuffix(' län'))}"


def find_municipality(
    codes: Sequence[MunicipalCode], name: str | None, code: str | None, slug: str | None = None
) -> MunicipalCode:
    """Return the municipality that has this name and this code, or whichever of name, code and slug is given.

    Raises DataError where there is none, or where name and code are not of the same municipality.
    """
    named = _named(codes, name) if name else []
    faults = []
    if name and not named:
        near = difflib.get_close_matches(name, [one.name for one in codes], n=1)
        wider = _wider(codes, name)
        advice = (
            "skriv namnet på en av kommunerna där"
            if wider
            else f"skriv ”{near[0]}”"
            if near
            else "kontrollera stavningen"
        )
        # What stands after a blank without quotation marks was taken for the folder's name.
        whole = _named(codes, f"{name} {slug}") if slug else []
        if whole:
            advice = f'menar du {whole[0].name}? Sätt citattecken om namnet: --namn "{whole[0].name}"'
        problem = f"det är {wider} och ingen kommun" if wider else "ingen kommun heter så"
        faults.append(Fault("--namn", problem, "en av Sveriges kommuner", advice, value=name))
    coded = [one for one in codes if one.code == code]
    if code and not coded:
        suggestion = named[0].code if named else code.zfill(4)
        known = suggestion in {one.code for one in codes}
        problem = "koden finns inte" if _CODE.fullmatch(code) else "ingen kommunkod"
        faults.append(
            Fault(
                "--kod",
                problem,
                "en kommunkod med fyra siffror, till exempel 1281",
                f"skriv {suggestion}" if known else "slå upp kommunkoden hos SCB",
                value=code,
            )
        )
    if faults:
        raise DataError(faults)
    if coded and named and coded[0] not in named:
        raise DataError(
            [
                Fault(
                    "--kod",
                    f"{code} är koden för {coded[0].name}, medan {named[0].name} har {named[0].code}",
                    "namn och kod för samma kommun",
                    "rätta namnet eller koden",
                    value=code,
                )
            ]
        )
    found = coded or named or [one for one in codes if slug and slug in (one.slug, one.code)]
    if not found:
        near = difflib.get_close_matches(slug or "", [one.slug for one in codes], n=1)
        meant = _named(codes, slug) if slug else []
        advice = f"menar du {near[0]}? Skriv annars --namn" if near else "lägg till --namn"
        raise DataError(
            [
                Fault(
                    "kommunen",
                    "det går inte att se vilken kommun det gäller",
                    "kommunens namn, till exempel --namn Lund",
                    f"skriv new --namn {_quoted(meant[0])}" if meant else advice,
                    value=slug,
                )
            ]
        )
    return found[0]


def new_municipality(slug: str, known: Sequence[str], data_directory: Path) -> str:
    """Return the name, as it is given to `new`, of the municipality whose folder is not among the known; else ""."""
    try:
        codes = read_codes(data_directory)
    except DataError:
        return ""
    return next((_quoted(one) for one in codes if one.slug == make_slug(slug) and one.slug not in known), "")


def _quoted(municipality: MunicipalCode) -> str:
    return f'"{municipality.name}"' if " " in municipality.name else municipality.name


def _named(codes: Sequence[MunicipalCode], name: str) -> list[MunicipalCode]:
    """Return the municipalities that a name may mean: as it is written, else with accents, `kommun` and `s` aside."""
    exact = [one for one in codes if one.name.casefold() == name.strip().casefold()]
    if exact:
        return exact
    short = re.sub("_(kommun|stad)$", "", fold(name))
    return [one for one in codes if short in (fold(one.name), fold(one.name) + "s")]


def _called(municipality: MunicipalCode, name: str) -> bool:
    """Tell whether a name is the municipality's to the letter; what kind it is may stand beside it."""
    return name == municipality.name or _KIND.sub("", name) in (municipality.name, municipality.name.removesuffix("s"))


def _wider(codes: Sequence[MunicipalCode], name: str) -> str:
    """Return what a name is of that holds several municipalities, in words; empty where it is of nothing such."""
    short = fold(name).removeprefix("region_")
    if short in _NATION:
        return "hela riket"
    counties = {fold(one.county) for one in codes}
    names = counties | {county.removesuffix("_lan") for county in counties}
    return "ett län" if {short, f"{short}s"} & names else ""


def identity_faults(
    card: MunicipalCode, area: str, areas: Collection[str], data_directory: Path
) -> tuple[list[Fault], list[str]]:
    """Return what is wrong where a card's code, name, county and area are not of one municipality, and what to warn of.

    `areas` are those of the national tables. A code that no municipality has, with a name that none has, is let be but
    for a warning: there are books about municipalities that are not in the list. Without a list there is nothing to
    hold the card against.
    """
    try:
        codes = read_codes(data_directory)
    except DataError:
        return [], []
    shown = shown_path(data_directory / "kommuner" / card.slug / "kommun.yml", data_directory)
    coded = [one for one in codes if one.code == card.code]
    named = _named(codes, card.name)
    # Names without their accents may be of two municipalities.
    meant = next((one for one in named if one in coded), (named or coded or [None])[0])
    if meant is None:
        return [], [f"{shown}, fältet kod: ingen svensk kommun har koden {card.code}. Slå upp kommunkoden hos SCB."]
    faults = []

    def fault(field: str, problem: str, expected: str, advice: str, value: str) -> None:
        faults.append(Fault(shown, problem, expected, advice, column=field, value=value))

    write = f"skriv ”{meant.name}”"
    misnamed = not _called(meant, card.name)
    if misnamed:
        problem = "ingen kommun heter så" if named else f"{card.code} är koden för {meant.name}"
        fault("namn", problem, meant.name, write if named else f"{write}, eller rätta koden", card.name)
    if card.code != meant.code:
        problem = f"{card.code} är koden för {coded[0].name}" if coded else "ingen svensk kommun har koden"
        fault(
            "kod",
            problem,
            f"{meant.code}, som är koden för {meant.name}",
            f'skriv "{meant.code}" med citattecken, eller rätta namnet',
            card.code,
        )
    if card.county and card.county != meant.county:
        fault("lan", f"{meant.name} ligger inte i det länet", meant.county, f"skriv ”{meant.county}”", card.county)
    if area != meant.name and not (misnamed and area == card.name):
        of_others = [one for one in codes if one.name == area]
        kind = "en annan kommun" if of_others else _wider(codes, area)
        if kind:
            fault("omrade", f"området är {kind}", meant.name, write, area)
        elif area not in areas:
            fault("omrade", "området finns inte i de nationella tabellerna", meant.name, write, area)
    return faults, []


def slug_faults(slug: str) -> list[Fault]:
    """Return the fault of a folder name that is not sound on every computer and in every address."""
    if slug in _TAKEN:
        return [
            Fault(
                "mappnamnet",
                "namnet är upptaget: handboken heter så på webbplatsen",
                "ett annat namn",
                "välj ett annat namn",
                value=slug,
            )
        ]
    if _RESERVED.fullmatch(slug):
        return [
            Fault(
                "mappnamnet",
                "ingen mapp kan heta så i Windows",
                "ett annat namn",
                "välj ett annat namn, till exempel kommunens",
                value=slug,
            )
        ]
    if _SLUG.fullmatch(slug):
        return []
    better = make_slug(slug)
    return [
        Fault(
            "mappnamnet",
            "namnet går inte att använda som mapp",
            "a–z, siffror och bindestreck",
            f"skriv {better}" if better else "välj ett annat namn",
            value=slug,
        )
    ]
