"""The list of changes in law, rulings and decisions."""

from __future__ import annotations

from analysis.measures.result import Draft, Quantity, measure, national_rows
from analysis.sources.municipality import Municipality

KINDS = {"lag": "Lag", "dom": "Dom", "beslut": "Beslut", "rapport": "Rapport", "forslag": "Förslag"}


@measure("Lagändringar, domar och beslut")
def events(municipality: Municipality, theme: str = "") -> Draft:
    """Return the changes in law, rulings and decisions, by date; all of them, or those of one theme.

    Units: text. Index: datum (text, as precise as the source), ascending.
    Formula: ingen beräkning; förteckning efter datum
    Method (sv): Datum anges så noga som källan gör det.
    Raises: MissingData where the national list is empty.
    Source: data/nationellt/handelser.csv.
    """
    selection = {"tema": theme} if theme else {}
    used = national_rows(municipality, "handelser", **selection).sort_values(
        # A date that is only a year stands last in its year: nothing says that it came first.
        "datum",
        key=lambda dates: dates.where(dates.str.contains("-"), dates + "-13"),
        kind="stable",
    )
    frame = used.assign(slag=used["typ"].map(KINDS)).set_index("datum")[["slag", "beteckning", "rubrik", "innebord"]]
    return Draft(
        frame,
        (
            Quantity("slag", "Slag", "text"),
            Quantity("rubrik", "Händelse", "text"),
            Quantity("beteckning", "Beteckning", "text"),
            Quantity("innebord", "Innebörd", "text"),
        ),
        (used,),
        title="Förslag och besked om ett statligt huvudmannaskap" if theme else "",
        key=theme,
    )
