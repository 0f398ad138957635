"""What each table may hold: one specification a table, from which reading and validation follow."""

from __future__ import annotations

from dataclasses import dataclass, field

PARTS = ("totalt", "sfb", "lss", "utforare")
STATUSES = ("", "preliminar", "uppskattad", "avrundad", "andrahand", "harledd", "kontrollerad")


@dataclass(frozen=True)
class ColumnSpec:
    """One column: `kind` is year, integer, number, text or date."""

    name: str
    kind: str
    description: str
    unit: str = ""
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What a cell must hold, in Swedish."""
        if self.allowed:
            text = "något av " + ", ".join(value or "(tomt)" for value in self.allowed)
        elif self.kind == "year":
            text = "ett årtal mellan 1990 och 2100, till exempel 2024"
        elif self.kind == "date":
            text = "ett datum som 2024, 2024-01 eller 2024-01-31"
        elif self.kind == "text":
            text = "text"
        else:
            text = "ett heltal" if self.kind == "integer" else "ett tal"
            text += f" i {self.unit}" if self.unit not in ("", "antal") else ""
            if self.minimum is not None and self.maximum is not None:
                text += f" mellan {self.minimum:g} och {self.maximum:g}"
            elif self.minimum is not None:
                text += ", noll eller mer" if self.minimum == 0 else f", minst {self.minimum:g}"
            text += ", utan procenttecken och enhet"
        return text + (" (eller tom cell)" if self.optional and not self.allowed else "")


@dataclass(frozen=True)
class TableSpec:
    """One table: its columns, and the columns that together may occur once only."""

    name: str
    title: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    provenance: bool = True
    all_columns: tuple[ColumnSpec, ...] = field(init=False)

    def __post_init__(self) -> None:
        tail = PROVENANCE if self.provenance else ()
        object.__setattr__(self, "all_columns", self.columns + tail)


PROVENANCE = (
    ColumnSpec("kalla", "text", "Källans namn i kallor.yml"),
    ColumnSpec("plats", "text", "Var i källan: avsnitt, tabell eller sida"),
    ColumnSpec("status", "text", "Hur säker uppgiften är", allowed=STATUSES, optional=True),
)

_YEAR = ColumnSpec("ar", "year", "År", minimum=1990, maximum=2100)
_ORDER = ColumnSpec("ordning", "integer", "Ordning på sidan", minimum=1)
_AREA = ColumnSpec("omrade", "text", "Kommun, län eller riket")


def _part(*allowed: str) -> ColumnSpec:
    return ColumnSpec("verksamhet", "text", "Del av verksamheten", allowed=allowed)


MUNICIPAL_TABLES = {
    spec.name: spec
    for spec in (
        TableSpec(
            "ekonomi",
            "Budget och nettokostnad",
            (
                _YEAR,
                _part(*PARTS),
                ColumnSpec("budget_tkr", "number", "Budget (kommunbidrag)", "tkr", optional=True, minimum=0),
                ColumnSpec("nettokostnad_tkr", "number", "Nettokostnad, kostnad är positiv", "tkr"),
            ),
            ("ar", "verksamhet"),
        ),
        TableSpec(
            "brukare",
            "Brukare i snitt per månad",
            (
                _YEAR,
                _part("sfb", "lss", "utforare"),
                ColumnSpec("budget_antal", "number", "Budgeterat antal", "antal", optional=True, minimum=0),
                ColumnSpec("utfall_antal", "number", "Antal i utfallet", "antal", minimum=0),
            ),
            ("ar", "verksamhet"),
        ),
        TableSpec(
            "timmar",
            "Assistanstimmar på ett år",
            (
                _YEAR,
                _part("sfb", "lss", "utforare"),
                ColumnSpec("budget_timmar", "number", "Budgeterade timmar", "timmar", optional=True, minimum=0),
                ColumnSpec("utfall_timmar", "number", "Utförda timmar", "timmar", minimum=0),
            ),
            ("ar", "verksamhet"),
        ),
        TableSpec(
            "floden",
            "In- och utflöde, assistansersättning enligt SFB",
            (
                _YEAR,
                ColumnSpec("grupp", "text", "Alla eller barn", allowed=("alla", "barn")),
                ColumnSpec("fran_lss_antal", "integer", "Från LSS till SFB", "antal", minimum=0, optional=True),
                ColumnSpec("nya_antal", "integer", "Nya totalt", "antal", minimum=0),
                ColumnSpec("avslutade_antal", "integer", "Avslutade", "antal", minimum=0),
            ),
            ("ar", "grupp"),
        ),
        TableSpec(
            "engangsposter",
            "Engångsposter",
            (
                _YEAR,
                _part("sfb", "lss", "utforare"),
                ColumnSpec("belopp_tkr", "number", "Belopp, kostnad är positiv", "tkr"),
                ColumnSpec("hor_till_ar", "year", "År som posten egentligen hör till", optional=True),
                ColumnSpec("beskrivning", "text", "Vad posten är"),
            ),
            ("ar", "verksamhet", "beskrivning"),
        ),
        TableSpec(
            "bidrag",
            "Statsbidrag som ingår i nettokostnaden",
            (
                _YEAR,
                _part("sfb", "lss", "utforare"),
                ColumnSpec("belopp_tkr", "number", "Bidrag, intäkt är positiv", "tkr", minimum=0),
                ColumnSpec("beskrivning", "text", "Vad bidraget är"),
            ),
            ("ar", "verksamhet", "beskrivning"),
        ),
        TableSpec(
            "prognoser",
            "Prognoser för årets budgetavvikelse",
            (
                ColumnSpec("avser_ar", "year", "År som prognosen gäller"),
                _ORDER,
                ColumnSpec("tillfalle", "text", "När prognosen gjordes"),
                ColumnSpec("budgetavvikelse_mnkr", "number", "Prognos, underskott är negativt", "mnkr"),
            ),
            ("avser_ar", "ordning"),
        ),
        TableSpec(
            "loner",
            "Löneökning",
            (
                ColumnSpec("fran_ar", "year", "Från år"),
                ColumnSpec("till_ar", "year", "Till år"),
                ColumnSpec("grupp", "text", "Vilka lönerna gäller"),
                ColumnSpec("okning_procent", "number", "Ökning under perioden", "procent"),
            ),
            ("fran_ar", "till_ar", "grupp"),
        ),
        TableSpec(
            "villkor",
            "Anställningsvillkor och mått som kostnaden för en timme beror på",
            (
                ColumnSpec("villkor", "text", "Villkorets namn"),
                ColumnSpec("varde", "number", "Värde", minimum=0),
                ColumnSpec("enhet", "text", "Enhet"),
                ColumnSpec("beskrivning", "text", "Vad villkoret är"),
            ),
            ("villkor",),
        ),
        TableSpec(
            "iakttagelser",
            "Vad utredningen själv anger",
            (
                _ORDER,
                ColumnSpec(
                    "kapitel",
                    "text",
                    "Kapitel där iakttagelsen visas",
                    allowed=("kostnader", "lagandringar", "sfb", "lss", "utforare", "slutsatser"),
                ),
                ColumnSpec("iakttagelse", "text", "Iakttagelsen, med egna ord"),
            ),
            ("ordning",),
        ),
        TableSpec(
            "kanda_fel",
            "Siffror i utredningen som inte går att räkna fram",
            (
                _ORDER,
                ColumnSpec("uppgift", "text", "Vad siffran gäller"),
                ColumnSpec("tryckt", "number", "Siffran som den står"),
                ColumnSpec("enhet", "text", "Enhet"),
                ColumnSpec("decimaler", "integer", "Decimaler som siffran trycks med", minimum=0, maximum=4),
                ColumnSpec("matt", "text", "Mått som räknar fram siffran"),
                ColumnSpec("urval", "text", "Rad i måttet"),
                ColumnSpec("varde", "text", "Kolumn i måttet"),
                ColumnSpec("skal", "text", "Trolig orsak"),
            ),
            ("ordning",),
        ),
        TableSpec(
            "publicerat",
            "Siffror som utredningen trycker",
            (
                ColumnSpec("plats", "text", "Avsnitt och tabell"),
                ColumnSpec("rad", "text", "Rad i tabellen"),
                ColumnSpec("kolumn", "text", "Kolumn i tabellen"),
                ColumnSpec("tryckt", "text", "Siffran som den står"),
                ColumnSpec("enhet", "text", "Enhet"),
                ColumnSpec("matt", "text", "Mått som räknar fram siffran"),
                ColumnSpec("urval", "text", "Rad i måttet"),
                ColumnSpec("varde", "text", "Kolumn i måttet"),
            ),
            ("plats", "rad", "kolumn"),
            provenance=False,
        ),
    )
}

NATIONAL_TABLES = {
    spec.name: spec
    for spec in (
        TableSpec(
            "kostnad_per_invanare",
            "Kostnad för personlig assistans per invånare",
            (
                _YEAR,
                _AREA,
                ColumnSpec("kostnad_kr_per_inv", "number", "Kostnad minus ersättning från Försäkringskassan", "kr"),
            ),
            ("ar", "omrade"),
        ),
        TableSpec(
            "brukare_1_oktober",
            "Brukare den 1 oktober",
            (
                _YEAR,
                _part("sfb", "lss"),
                _AREA,
                ColumnSpec("antal", "integer", "Antal brukare", "antal", minimum=0),
            ),
            ("ar", "verksamhet", "omrade"),
        ),
        TableSpec("loner", "Löneökning", MUNICIPAL_TABLES["loner"].columns, MUNICIPAL_TABLES["loner"].key),
        TableSpec(
            "hemtjanst",
            "Ersättning för en hemtjänsttimme",
            (_YEAR, ColumnSpec("ersattning_kr_per_timme", "number", "Genomsnittlig ersättning", "kr", minimum=0)),
            ("ar",),
        ),
        TableSpec(
            "handelser",
            "Lagändringar, domar och beslut",
            (
                ColumnSpec("datum", "date", "Datum, så noga som källan anger det"),
                ColumnSpec(
                    "typ", "text", "Slag av händelse", allowed=("lag", "dom", "beslut", "rapport", "forslag")
                ),
                ColumnSpec("beteckning", "text", "Beteckning", optional=True),
                ColumnSpec("rubrik", "text", "Kort rubrik"),
                ColumnSpec("innebord", "text", "Vad händelsen innebär"),
            ),
            ("datum", "rubrik"),
        ),
    )
}
