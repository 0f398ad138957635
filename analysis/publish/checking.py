"""Everything that is wrong with a municipality's data, and all that somebody should have a look at."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.measures.figure_check import figure_faults
from analysis.measures.plausibility import review
from analysis.measures.small_numbers import protect
from analysis.publish.own_words import text_faults, unshown_texts
from analysis.publish.plan import WHOLE_TABLES, Chapter, plan_book
from analysis.sources import DataError, Municipality, load_municipality
from analysis.sources.doubts import Review
from analysis.sources.faults import Fault, shown_path
from analysis.sources.municipal_codes import MunicipalCode, identity_faults
from analysis.sources.municipality import folders_with_code
from analysis.sources.schema import MUNICIPAL_TABLES

# The tables where each row gives one value, and only together do they give anything.
SINGLE_VALUES = [name for name, spec in MUNICIPAL_TABLES.items() if spec.items]


@dataclass(frozen=True)
class Checked:
    """A municipality's data, with what is wrong and what is to be looked at; no municipality where it cannot be read.

    `peers` are the municipalities that it is compared with. `review` is there where nothing is wrong. `parameters` are
    what is to be said of each, by its id, when its value may have changed, and the last day on which it need not be.
    """

    municipality: Municipality | None
    peers: tuple[Municipality, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    parameters: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    review: Review | None = None

    @property
    def count(self) -> int:
        """How many warnings there are of the municipality's own."""
        return len(self.warnings) + (self.review.count if self.review else 0)


def checked(slug: str, data: Path, chapters: Sequence[Chapter]) -> Checked:
    """Read a municipality and look at all of it."""
    try:
        municipality = load_municipality(slug, data)
    except DataError as error:
        return Checked(None, faults=tuple(error.faults))
    shown = shown_path(data / "kommuner" / slug, data)
    faults, warnings = figure_faults(municipality, data), [
        f"{shown}/{name}.csv ger ingenting i boken ännu. Det som behövs är {WHOLE_TABLES[name]}."
        for name in SINGLE_VALUES if name in municipality.tables and not municipality.has(name)]
    if not municipality.synthetic:
        more, told = _whose(municipality, data)
        faults, warnings = [*more, *faults], told + warnings
    if municipality.texts:
        # As the book will be: without the chapters that small counts leave nothing of.
        plan = plan_book(protect(municipality), chapters)
        warnings += unshown_texts(plan, shown)
        faults = [*faults, *text_faults(plan, shown)]
    # A book compares its municipality with these too; what is wrong there would stop the book half-way.
    peers = []
    for peer in municipality.peers:
        try:
            peers.append(load_municipality(peer, data))
        except DataError as error:
            faults = [*faults, *error.faults]
    parameters = {one.id: (f"{one.name} är kontrollerad till {one.known_until}; se efter om det finns ett nytt värde.",
                           one.known_until.isoformat()) for one in municipality.parameters.values()}
    return Checked(municipality, tuple(peers), tuple(faults), tuple(warnings), parameters,
                   None if faults else review(municipality, data))


def _whose(municipality: Municipality, data: Path) -> tuple[list[Fault], list[str]]:
    """Return what is wrong with whose card it is, and what to warn of: among it, that another folder has its code."""
    areas = set().union(*(frame["omrade"] for frame in municipality.national.values() if "omrade" in frame))
    card = MunicipalCode(municipality.code, municipality.name, municipality.county, municipality.slug)
    faults, warnings = identity_faults(card, municipality.area, areas, data)
    folders = [shown_path(data / "kommuner" / slug, data) for slug in folders_with_code(municipality.code, data)]
    if len(folders) > 1 and not faults:
        warnings.append(f"{', '.join(folders[:-1])} och {folders[-1]} har samma kommunkod, {municipality.code}. Varje "
                        "mapp blir en egen bok. Flytta undan den som inte ska bli det, eller rätta koden.")
    return faults, warnings


def warnings_of(found: Sequence[Checked]) -> list[str]:
    """Return what somebody should see to beside figures that cannot both be right; what several share stands once."""
    today = datetime.date.today().isoformat()
    overdue = {id_: told for each in found for id_, (told, until) in each.parameters.items() if until < today}
    return [f"Varning: {told}" for told in [*dict.fromkeys(warning for each in found for warning in each.warnings),
                                            *overdue.values()]]
