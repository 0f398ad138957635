"""What each table may hold: one specification a table, from which reading and validation follow."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

# No figure of the field is older, and none is known so far ahead.
EARLIEST_YEAR, LATEST_YEAR = 1990, 2100
# How the words that names and values are made of are written in Swedish; the others are written as they stand.
_WRITTEN = {
    "anmarkning": "anmärkning",
    "ar": "år",
    "benamning": "benämning",
    "beraknad": "beräknad",
    "engangsposter": "engångsposter",
    "ersattning": "ersättning",
    "fa": "få",
    "floden": "flöden",
    "forsta": "första",
    "forstatligande": "förstatligande",
    "fran": "från",
    "grans": "gräns",
    "grundlon": "grundlön",
    "harledd": "härledd",
    "heltidsmatt": "heltidsmått",
    "hogst": "högst",
    "hojd": "höjd",
    "hor": "hör",
    "hsl": "HSL",
    "intakt": "intäkt",
    "kalla": "källa",
    "kallor": "källor",
    "lagandringar": "lagändringar",
    "lan": "län",
    "lank": "länk",
    "leverantorer": "leverantörer",
    "loner": "löner",
    "lou": "LOU",
    "lov": "LOV",
    "lss": "LSS",
    "manad": "månad",
    "matt": "mått",
    "motsagelser": "motsägelser",
    "okning": "ökning",
    "omvant": "omvänt",
    "onskad": "önskad",
    "over": "över",
    "pan": "PAN",
    "preliminar": "preliminär",
    "sfb": "SFB",
    "sjuklon": "sjuklön",
    "sol": "SoL",
    "tillagg": "tillägg",
    "tillfalle": "tillfälle",
    "tillfalliga": "tillfälliga",
    "uppfoljning": "uppföljning",
    "uppsagningstid": "uppsägningstid",
    "utforare": "utförare",
    "utforda": "utförda",
    "utokningar": "utökningar",
    "varde": "värde",
}

PARTS = ("totalt", "sfb", "lss", "utforare")
LAWS = ("sfb", "lss")
FORMS = ("egen_regi", "lov", "lou", "lov_lou")
CHAPTERS_WITH_OBSERVATIONS = (
    "kostnader",
    "lagandringar",
    "sfb",
    "lss",
    "utforare",
    "egenregi",
    "organisation",
    "val",
    "driftformer",
    "upphandling",
    "forstatligande",
    "slutsatser",
)
AREA_KINDS = ("riket", "region", "grupp")
STATUSES = ("", "preliminar", "uppskattad", "avrundad", "andrahand", "harledd", "kontrollerad")


def in_words(name: str) -> str:
    """Return a name or an allowed value as Swedish writes it: `fran_ar` is `från år`."""
    return " ".join(_WRITTEN.get(word, word) for word in name.split("_"))


def fold(text: str) -> str:
    """Return what is left of a text when accents, case, blanks and signs do not count: `Från år` is `fran_ar`.

    It undoes `in_words`, and a column's `label`.
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^a-z0-9]+", "_", "".join(c for c in letters if not unicodedata.combining(c))).strip("_")


def _within(minimum: float, maximum: float | None) -> str:
    """Return bounds in words; without an upper one where `maximum` is None."""
    if maximum is not None:
        return f"mellan {minimum:g} och {maximum:g}"
    return "noll eller mer" if minimum == 0 else f"minst {minimum:g}"


@dataclass(frozen=True)
class Item:
    """One of the things that a table may give a value for: what it is, in which unit, and between which bounds.

    `form` is the form of operation that such a value most often holds for.
    """

    description: str
    unit: str
    minimum: float = 0
    maximum: float | None = None
    whole: bool = False
    form: str = "alla"

    @property
    def expected(self) -> str:
        """What its value must be, in Swedish."""
        return f"{'ett heltal' if self.whole else 'ett tal'} {_within(self.minimum, self.maximum)} ({self.unit})"


_HOURS_A_WEEK, _HOURS_A_MONTH, _MINUTES_A_DAY = 7 * 24, 31 * 24, 24 * 60
SCENARIO_INPUTS = {
    "ar": Item("År som underlaget gäller", "år", EARLIEST_YEAR, LATEST_YEAR, whole=True),
    "timmar": Item("Timmar per år", "timmar", 1),
    "timmar_per_manad": Item("Timmar per månad", "timmar", 1),
    "timmar_per_vecka": Item("Timmar per vecka", "timmar", 1),
    "brukare_antal": Item("Brukare hos kommunen", "antal"),
    "brukare_sfb_antal": Item("Brukare hos kommunen enligt SFB", "antal"),
    "brukare_andra_antal": Item("Brukare hos andra utförare", "antal"),
    "brukare_andra_sfb_antal": Item("Brukare hos andra utförare enligt SFB", "antal"),
    "kostnad_kr_per_timme": Item("Kostnad per timme i egen regi", "kr per timme", form=FORMS[0]),
    "ersattning_kr_per_timme": Item("Statens belopp per timme", "kr per timme"),
    "ersattning_hojd_kr_per_timme": Item("Statens höjda belopp per timme", "kr per timme"),
    "hojd_andel": Item("Andel av timmarna med höjt belopp", "andel"),
    "pris_kr_per_timme": Item("Pris per timme till leverantören", "kr per timme"),
    "leverantorer_antal": Item("Leverantörer", "antal"),
    "egna_forsta_timmar_tkr": Item("De första timmarna för kommunens brukare", "tkr"),
    "andras_forsta_timmar_tkr": Item("De första timmarna för andras brukare", "tkr"),
    "sjuklon_tkr": Item("Sjuklöner hos leverantören", "tkr"),
    "tillfalliga_utokningar_tkr": Item("Tillfälliga utökningar", "tkr"),
    "uppfoljning_tkr": Item("Uppföljning av avtal", "tkr"),
    "sol_hsl_tkr": Item("Insatser enligt SoL och HSL", "tkr"),
    "uppfoljning_sol_hsl_tkr": Item("Uppföljning samt insatser enligt SoL och HSL", "tkr"),
    "beredskap_andel": Item("Beredskap, andel av priset", "andel"),
}
# The scenario's hours of a year, in the ways that they may be given.
SCENARIO_HOURS = ("timmar", "timmar_per_manad", "timmar_per_vecka")
_OTHER_NORM = Item("Ett annat heltidsmått hos kommunen", "timmar per vecka", 1, _HOURS_A_WEEK)
FULL_TIME_NORMS = {
    "heltidsmatt_1": Item("Kommunens heltidsmått", "timmar per vecka", 1, _HOURS_A_WEEK),
    **dict.fromkeys(("heltidsmatt_2", "heltidsmatt_3", "heltidsmatt_4", "heltidsmatt_5"), _OTHER_NORM),
}
TERMS = {
    **FULL_TIME_NORMS,
    "heltidsmatt_privat": Item(
        "Heltidsmått som privata utförare oftast använder", "timmar per vecka", 1, _HOURS_A_WEEK
    ),
    "jour_grundlon_andel": Item("Ersättning för varje jourtimme", "andel av grundlönen"),
    "jour_ob_andel": Item("Ersättning för varje jourtimme", "andel av ob-ersättningen"),
    "jour_tillagg_vardag_andel": Item("Tillägg för jourtimme på vardag", "andel av timlönen"),
    "jour_tillagg_helg_andel": Item("Tillägg för jourtimme på helg", "andel av timlönen"),
    "jour_grans": Item(
        "Jourtimmar per medarbetare innan extra jourersättning betalas", "timmar per månad", 1, _HOURS_A_MONTH
    ),
    "jour_over_grans_andel": Item("Extra jourersättning för timmar över gränsen", "andel"),
    "jour_minsta_bemanning": Item("Minsta antal på jourschemat", "medarbetare", 1, 100, whole=True),
    "jour_onskad_bemanning": Item("Önskat antal på jourschemat", "medarbetare", 1, 100, whole=True),
    "kort_insats_minst": Item("Kortaste insatsen", "minuter", 5, _MINUTES_A_DAY),
    "kort_insats_hogst": Item("Längsta insatsen", "minuter", 5, _MINUTES_A_DAY),
    "uppsagningstid_pan": Item("Uppsägningstid enligt PAN-avtalet", "månader", 0, 120),
    "fa_timmar_grans": Item(
        "Beviljade timmar under vilka ersättningen oftast är för låg", "timmar per vecka", 0, _HOURS_A_WEEK
    ),
}
# The examples of what an hour costs, each with the terms that it needs; see measures/provider.py.
EXAMPLE_TERMS = {
    "heltidsmatt": ("heltidsmatt_1", "heltidsmatt_privat"),
    "jour": (
        "jour_grundlon_andel",
        "jour_ob_andel",
        "jour_tillagg_vardag_andel",
        "jour_tillagg_helg_andel",
        "jour_grans",
        "jour_over_grans_andel",
    ),
    "jourschema": ("jour_grans", "jour_minsta_bemanning"),
    "korta_insatser": ("kort_insats_minst", "kort_insats_hogst"),
    "uppsagningstid": ("uppsagningstid_pan",),
}


@dataclass(frozen=True)
class ColumnSpec:
    """One column: `kind` is year, integer, number, text or date; `persons` tells a count of users."""

    name: str
    kind: str
    description: str
    unit: str = ""
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()
    persons: bool = False

    @property
    def label(self) -> str:
        """The heading in a workbook: the name in Swedish, its unit within brackets."""
        words = in_words(self.name.removesuffix(f"_{self.unit}"))
        unit = f" ({self.unit})" if self.unit and self.name.endswith(f"_{self.unit}") else ""
        return words[:1].upper() + words[1:] + unit

    @property
    def expected(self) -> str:
        """What a cell must hold, in Swedish."""
        if self.allowed:
            text = "något av " + ", ".join(value or "(tomt)" for value in self.allowed)
        elif self.kind == "year":
            text = f"ett årtal mellan {EARLIEST_YEAR} och {LATEST_YEAR}, till exempel 2024"
        elif self.kind == "date":
            text = "ett datum som 2024, 2024-01 eller 2024-01-31"
        elif self.kind == "text":
            text = "text"
        else:
            text = "ett heltal" if self.kind == "integer" else "ett tal"
            text += f" i {self.unit}" if self.unit not in ("", "antal") else ""
            if self.minimum is not None:
                text += f"{'' if self.maximum is not None else ','} {_within(self.minimum, self.maximum)}"
            text += ", utan procenttecken och enhet"
        return text + (" (eller tom cell)" if self.optional and not self.allowed else "")


@dataclass(frozen=True)
class TableSpec:
    """One table: its columns, the columns that together may occur once only, and what it gives the book.

    A `fetched` table comes from `python -m analysis fetch`, and is not there before that has been run. `items` are
    what the rows of a table of single values may be about, by the value of the key's first column.
    """

    name: str
    title: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    provenance: bool = True
    gives: str = ""
    fetched: bool = False
    items: Mapping[str, Item] = field(default_factory=dict, hash=False)
    all_columns: tuple[ColumnSpec, ...] = field(init=False)

    def __post_init__(self) -> None:
        tail = PROVENANCE if self.provenance else ()
        object.__setattr__(self, "all_columns", self.columns + tail)

    @property
    def item_rows(self) -> tuple[dict[str, str], ...]:
        """A row for each of the items, as a new workbook has it: all but the value and where it comes from."""
        named = {column.name for column in self.columns}
        return tuple(
            {self.key[0]: name, "enhet": item.unit, "beskrivning": item.description}
            | ({"driftform": item.form} if "driftform" in named else {})
            for name, item in self.items.items()
        )

    @property
    def sheet(self) -> str:
        """The table's sheet in a workbook."""
        words = in_words(self.name)
        return words[:1].upper() + words[1:]


PROVENANCE = (
    ColumnSpec("kalla", "text", "Källans korta namn, ett av dem i kallor.yml"),
    ColumnSpec("plats", "text", "Var i källan: avsnitt, tabell eller sida"),
    ColumnSpec("status", "text", "Hur säker uppgiften är", allowed=STATUSES, optional=True),
)

_YEAR = ColumnSpec("ar", "year", "År", minimum=EARLIEST_YEAR, maximum=LATEST_YEAR)
_ORDER = ColumnSpec("ordning", "integer", "Ordning på sidan", minimum=1)
_AREA = ColumnSpec("omrade", "text", "Kommun, län eller riket")


def _part(*allowed: str, description: str = "Del av verksamheten") -> ColumnSpec:
    return ColumnSpec("verksamhet", "text", description, allowed=allowed)


_CONTRADICTION = (
    _ORDER,
    ColumnSpec("uppgift", "text", "Vad uppgifterna gäller"),
    ColumnSpec("forsta_tryckt", "text", "Den ena uppgiften som den står"),
    ColumnSpec("forsta_tal", "number", "Den ena uppgiften som tal", optional=True),
    ColumnSpec("andra_tryckt", "text", "Den andra uppgiften, som den står eller med egna ord"),
    ColumnSpec("andra_tal", "number", "Den andra uppgiften som tal", optional=True),
    ColumnSpec("enhet", "text", "Enhet", optional=True),
    ColumnSpec("orsak", "text", "Trolig orsak"),
    ColumnSpec("kalla_2", "text", "Den andra uppgiftens källa"),
    ColumnSpec("plats_2", "text", "Var den andra uppgiften står"),
)

MUNICIPAL_TABLES = {
    spec.name: spec
    for spec in (
        TableSpec(
            "ekonomi",
            "Budget och nettokostnad",
            (
                _YEAR,
                _part(
                    *PARTS,
                    description="Del av verksamheten. Ett år utan alla delar saknas i helheten; utföraren räknas in",
                ),
                ColumnSpec("budget_tkr", "number", "Budget (kommunbidrag)", "tkr", optional=True, minimum=0),
                ColumnSpec(
                    "nettokostnad_tkr",
                    "number",
                    "Nettokostnad, kostnad är positiv. SFB: det som kommunen betalar för de första timmarna. "
                    "Utförare: det som är kvar när intäkterna är avdragna",
                    "tkr",
                ),
            ),
            ("ar", "verksamhet"),
            gives="budget, kostnad och avvikelse år för år, i sin helhet och efter del",
        ),
        TableSpec(
            "brukare",
            "Brukare i snitt per månad",
            (
                _YEAR,
                _part("sfb", "lss", "utforare"),
                ColumnSpec(
                    "budget_antal", "number", "Budgeterat antal", "antal", optional=True, minimum=0, persons=True
                ),
                ColumnSpec("utfall_antal", "number", "Antal i utfallet", "antal", minimum=0, persons=True),
            ),
            ("ar", "verksamhet"),
            gives="antalet brukare år för år och vad det betyder för kostnaden",
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
            gives="timmar år för år, timmar per brukare och kostnad per timme",
        ),
        TableSpec(
            "floden",
            "In- och utflöde, assistansersättning enligt SFB",
            (
                _YEAR,
                ColumnSpec("grupp", "text", "Alla eller barn", allowed=("alla", "barn")),
                ColumnSpec(
                    "fran_lss_antal", "integer", "Från LSS till SFB", "antal", minimum=0, optional=True, persons=True
                ),
                ColumnSpec("nya_antal", "integer", "Nya totalt", "antal", minimum=0, persons=True),
                ColumnSpec("avslutade_antal", "integer", "Avslutade", "antal", minimum=0, persons=True),
            ),
            ("ar", "grupp"),
            gives="hur många som tillkommit och slutat",
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
            gives="kostnaden utan engångsposter",
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
            gives="nettokostnaden med och utan statsbidrag",
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
            gives="hur väl prognoserna träffade utfallet",
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
            gives="hur lönerna ökat jämfört med schablonbeloppet",
        ),
        TableSpec(
            "villkor",
            "Anställningsvillkor och mått som kostnaden för en timme beror på",
            (
                ColumnSpec("villkor", "text", "Villkoret", allowed=tuple(TERMS)),
                ColumnSpec("varde", "number", "Värde", minimum=0),
                ColumnSpec("enhet", "text", "Enhet"),
                ColumnSpec("beskrivning", "text", "Vad villkoret är"),
            ),
            ("villkor",),
            gives="räkneexempel på vad en timme kostar med kommunens anställningsvillkor",
            items=TERMS,
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
                    allowed=CHAPTERS_WITH_OBSERVATIONS,
                ),
                ColumnSpec("iakttagelse", "text", "Iakttagelsen, med egna ord"),
            ),
            ("ordning",),
            gives="vad en utredning själv anger som orsaker",
        ),
        TableSpec(
            "konton",
            "Utförarens intäkter och kostnader per konto",
            (
                _YEAR,
                ColumnSpec("konto", "text", "Kontogrupp, till exempel 20"),
                ColumnSpec("benamning", "text", "Kontogruppens namn"),
                ColumnSpec("slag", "text", "Intäkt eller kostnad", allowed=("intakt", "kostnad")),
                ColumnSpec("belopp_tkr", "number", "Belopp; både intäkter och kostnader är positiva", "tkr"),
            ),
            ("ar", "konto"),
            gives="utförarens intäkter, kostnader och resultat",
        ),
        TableSpec(
            "tillskott",
            "Anslag till utföraren utöver ersättningen",
            (
                _YEAR,
                ColumnSpec("beskrivning", "text", "Vad anslaget är till för"),
                ColumnSpec("belopp_tkr", "number", "Belopp", "tkr", minimum=0),
            ),
            ("ar", "beskrivning"),
            gives="utförarens avvikelse med och utan extra anslag",
        ),
        TableSpec(
            "egen_regi",
            "Timmar och brukare hos den kommunala utföraren",
            (
                _YEAR,
                ColumnSpec("lag", "text", "Vilken lag beslutet gäller", allowed=LAWS),
                ColumnSpec("utforda_timmar", "number", "Utförda timmar under året", "timmar", minimum=0),
                ColumnSpec(
                    "brukare_antal", "integer", "Antal brukare", "antal", minimum=0, optional=True, persons=True
                ),
                ColumnSpec("brukare_tidpunkt", "date", "När brukarna räknades", optional=True),
            ),
            ("ar", "lag"),
            gives="utförarens kostnad, intäkt och resultat per utförd timme",
        ),
        TableSpec(
            "val_av_utforare",
            "Vem de assistansberättigade har valt",
            (
                ColumnSpec("tidpunkt", "date", "När uppgiften gällde"),
                ColumnSpec("lag", "text", "Vilken lag besluten gäller", allowed=("alla", *LAWS)),
                ColumnSpec("totalt_antal", "integer", "Antal med assistans", "antal", minimum=0, persons=True),
                ColumnSpec(
                    "kommunen_antal", "integer", "Därav med kommunen som utförare", "antal", minimum=0, optional=True,
                    persons=True,
                ),
                ColumnSpec(
                    "egen_arbetsgivare_antal", "integer", "Därav egna arbetsgivare", "antal", minimum=0, optional=True,
                    persons=True,
                ),
            ),
            ("tidpunkt", "lag"),
            gives="hur många som har valt kommunen",
        ),
        TableSpec(
            "fakta",
            "Enstaka uppgifter",
            (
                ColumnSpec("uppgift", "text", "Uppgiftens namn, utan å, ä, ö och mellanslag"),
                ColumnSpec("tidpunkt", "date", "När uppgiften gällde", optional=True),
                ColumnSpec("varde", "number", "Värde"),
                ColumnSpec("enhet", "text", "Enhet"),
                ColumnSpec("beskrivning", "text", "Vad uppgiften är"),
            ),
            ("uppgift",),
            gives="hur kommunen har organiserat assistansen",
        ),
        TableSpec(
            "scenario",
            "Underlag för att jämföra egen regi med upphandling",
            (
                ColumnSpec("indata", "text", "Vilken uppgift värdet gäller", allowed=tuple(SCENARIO_INPUTS)),
                ColumnSpec("driftform", "text", "Driftform som värdet gäller", allowed=("alla", *FORMS)),
                ColumnSpec("varde", "number", "Värde", minimum=0),
                ColumnSpec("enhet", "text", "Enhet"),
                ColumnSpec("beskrivning", "text", "Hur värdet är hämtat eller härlett"),
            ),
            ("indata", "driftform"),
            gives="vad en upphandling skulle kosta eller spara",
            items=SCENARIO_INPUTS,
        ),
        TableSpec(
            "publicerat",
            "Siffror som utredningen trycker",
            (
                ColumnSpec("plats", "text", "Avsnitt och tabell eller stycke"),
                ColumnSpec("rad", "text", "Rad i tabellen, eller vad siffran gäller"),
                ColumnSpec("kolumn", "text", "Kolumn i tabellen, eller tidpunkt", optional=True),
                ColumnSpec("tryckt", "text", "Siffran som den står, med ord som drygt och cirka"),
                ColumnSpec("enhet", "text", "Enhet som siffran är tryckt i"),
                ColumnSpec("slag", "text", "Hur siffran kan prövas", allowed=("indata", "beraknad", "utan_underlag")),
                ColumnSpec("matt", "text", "Mått, tabell eller parameter som ger siffran", optional=True),
                ColumnSpec("urval", "text", "Måttets argument", optional=True),
                ColumnSpec("nyckel", "text", "Rad, eller från–till, i det som måttet ger", optional=True),
                ColumnSpec("varde", "text", "Kolumn i det som måttet ger", optional=True),
                ColumnSpec(
                    "tecken", "text", "Hur siffrans tecken är tryckt", allowed=("", "omvant", "belopp"), optional=True
                ),
                ColumnSpec("orsak", "text", "Varför siffran inte stämmer eller inte kan prövas", optional=True),
            ),
            ("plats", "rad", "kolumn"),
            provenance=False,
            gives="en avstämning mot varje siffra i en publicerad utredning",
        ),
        TableSpec(
            "motsagelser",
            "Uppgifter i utredningen som inte går ihop",
            _CONTRADICTION,
            ("ordning",),
            gives="en lista på uppgifter i utredningen som inte går ihop",
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
                ColumnSpec("ursprung", "text", "Vems uppgiften är, i kallor.yml, om källan återger den", optional=True),
            ),
            ("ar", "omrade"),
        ),
        TableSpec(
            "befolkning",
            "Folkmängd den 31 december",
            (_YEAR, _AREA, ColumnSpec("invanare_antal", "integer", "Invånare den 31 december", "antal", minimum=1)),
            ("ar", "omrade"),
        ),
        TableSpec(
            "brukare_1_oktober",
            "Brukare den 1 oktober",
            (
                _YEAR,
                _part("sfb", "lss"),
                _AREA,
                ColumnSpec("antal", "integer", "Antal brukare", "antal", minimum=0, persons=True),
            ),
            ("ar", "verksamhet", "omrade"),
        ),
        TableSpec(
            "brukare_december",
            "Personer med assistansersättning enligt SFB i december",
            (
                _YEAR,
                _AREA,
                ColumnSpec("antal", "integer", "Antal personer i december", "antal", minimum=0, persons=True),
            ),
            ("ar", "omrade"),
            gives="hur många som har assistansersättning, i slutet av året",
            fetched=True,
        ),
        TableSpec(
            "timmar_per_vecka",
            "Beviljade timmar per vecka enligt SFB",
            (
                _YEAR,
                _AREA,
                ColumnSpec("timmar_per_vecka", "number", "Timmar per person i genomsnitt", "timmar", minimum=0),
            ),
            ("ar", "omrade"),
            gives="hur många timmar Försäkringskassan har beviljat var och en i genomsnitt",
            fetched=True,
        ),
        TableSpec(
            "lss_utjamning",
            "Utjämning av LSS-kostnader mellan kommuner",
            (
                _YEAR,
                ColumnSpec("slag", "text", "Vad som blev, eller vad som beslutades", allowed=("utfall", "beslut")),
                _AREA,
                ColumnSpec("bidrag_kr_per_inv", "number", "Bidrag per invånare, avgift är negativ", "kr"),
            ),
            ("ar", "slag", "omrade"),
            gives="vad kommunen får eller betalar i utjämningen",
            fetched=True,
        ),
        TableSpec(
            "omraden",
            "Områden som kommunerna jämförs med",
            (
                ColumnSpec("kommun", "text", "Kommunens namn i de nationella tabellerna"),
                ColumnSpec("ordning", "integer", "I vilken ordning områdena står", minimum=1),
                _AREA,
                ColumnSpec("slag", "text", "Riket, region eller grupp av kommuner", allowed=AREA_KINDS),
            ),
            ("kommun", "omrade"),
            provenance=False,
            fetched=True,
        ),
        TableSpec("loner", "Löneökning", MUNICIPAL_TABLES["loner"].columns, MUNICIPAL_TABLES["loner"].key),
        TableSpec(
            "hemtjanst",
            "Ersättning för en hemtjänsttimme",
            (_YEAR, ColumnSpec("ersattning_kr_per_timme", "number", "Genomsnittlig ersättning", "kr", minimum=0)),
            ("ar",),
        ),
        TableSpec(
            "driftformer",
            "Hur kommuner driver personlig assistans",
            (
                ColumnSpec("kommun", "text", "Kommunens namn"),
                ColumnSpec(
                    "driftform",
                    "text",
                    "Driftform enligt källan",
                    allowed=("egen_regi", "bolag", "lou", "lov", "lov_lou", "direktupphandling", "framgar_inte"),
                ),
                ColumnSpec("tidpunkt", "date", "När uppgiften gällde", optional=True),
                ColumnSpec("basansvar", "text", "Vem som har basansvaret", optional=True),
                ColumnSpec("leverantorer_antal", "integer", "Antal leverantörer", "antal", minimum=0, optional=True),
                ColumnSpec(
                    "upphandlingar_antal",
                    "integer",
                    "Antal genomförda upphandlingar",
                    "antal",
                    minimum=0,
                    optional=True,
                ),
                ColumnSpec("ersattning", "text", "Hur leverantören ersätts", optional=True),
                ColumnSpec("anmarkning", "text", "Övrigt", optional=True),
                ColumnSpec("forekomster", "integer", "Gånger som källan nämner kommunen i sin uppräkning", minimum=1),
            ),
            ("kommun", "driftform", "kalla"),
        ),
        TableSpec(
            "kostnadsansvar",
            "Vem som bär vilken kostnad",
            (
                _ORDER,
                ColumnSpec("kostnad", "text", "Kostnaden"),
                ColumnSpec("driftform", "text", "Driftform", allowed=("alla", *FORMS)),
                ColumnSpec("bars_av", "text", "Vem som bär kostnaden"),
                ColumnSpec("anmarkning", "text", "Övrigt", optional=True),
            ),
            ("kostnad", "driftform", "kalla"),
        ),
        TableSpec(
            "konsekvenser",
            "Konsekvenser av att byta driftform",
            (
                _ORDER,
                ColumnSpec("berorda", "text", "Vem konsekvensen gäller", allowed=("brukare", "personal", "ekonomi")),
                ColumnSpec("fraga", "text", "Frågan som källorna svarar på"),
                ColumnSpec("svar", "text", "Vad källan anger, med egna ord"),
            ),
            ("fraga", "kalla", "plats"),
        ),
        TableSpec(
            "val_av_utforare_riket",
            "Val av utförare i riket",
            (
                ColumnSpec("beslut_av", "text", "Vem som fattat besluten", allowed=("kommun", "forsakringskassan")),
                ColumnSpec("kommunen_procent", "number", "Kommunen", "procent", minimum=0, maximum=100),
                ColumnSpec("foretag_procent", "number", "Assistansföretag", "procent", minimum=0, maximum=100),
                ColumnSpec("kooperativ_procent", "number", "Kooperativ", "procent", minimum=0, maximum=100),
                ColumnSpec(
                    "egen_arbetsgivare_procent", "number", "Egen arbetsgivare", "procent", minimum=0, maximum=100
                ),
                ColumnSpec("antal", "integer", "Antal personer", "antal", minimum=0, persons=True),
            ),
            ("beslut_av",),
        ),
        TableSpec(
            "forstatligande",
            "Vad ett statligt huvudmannaskap ändrar",
            (
                _ORDER,
                ColumnSpec("fraga", "text", "Vad ändringen gäller"),
                ColumnSpec("i_dag", "text", "Så är det i dag"),
                ColumnSpec("forslag", "text", "Så blir det enligt förslaget"),
            ),
            ("fraga",),
        ),
        TableSpec("motsagelser", "Uppgifter som skiljer sig mellan utredningarna", _CONTRADICTION, ("ordning",)),
        TableSpec(
            "handelser",
            "Lagändringar, domar och beslut",
            (
                ColumnSpec("datum", "date", "Datum, så noga som källan anger det"),
                ColumnSpec("typ", "text", "Slag av händelse", allowed=("lag", "dom", "beslut", "rapport", "forslag")),
                ColumnSpec("beteckning", "text", "Beteckning", optional=True),
                ColumnSpec("rubrik", "text", "Kort rubrik"),
                ColumnSpec("innebord", "text", "Vad händelsen innebär"),
                ColumnSpec("tema", "text", "Tomt, eller forstatligande", allowed=("", "forstatligande"), optional=True),
            ),
            ("datum", "rubrik"),
        ),
    )
}

# The sources are kept in kallor.yml; in a workbook they are a sheet like any other.
SOURCE_TABLE = TableSpec(
    "kallor",
    "Källor",
    (
        ColumnSpec("kalla", "text", "Källans korta namn, som ni själva väljer, med kommunens namn först"),
        ColumnSpec("titel", "text", "Dokumentets eller sidans titel"),
        ColumnSpec("utgivare", "text", "Vem som har gett ut källan"),
        ColumnSpec("datum", "text", "När källan gavs ut, så noga som ni vet"),
        ColumnSpec("dokument", "text", "Filens namn, om källan är en fil", optional=True),
        ColumnSpec("lank", "text", "Adressen, om källan finns på nätet", optional=True),
        ColumnSpec("anmarkning", "text", "Sådant som läsaren behöver veta om källan", optional=True),
    ),
    ("kalla",),
    provenance=False,
    gives="var varje siffra kommer ifrån",
)

# Sweden's municipalities: what a new municipality's name and code are checked against; no book reads it.
CODE_TABLE = TableSpec(
    "kommuner",
    "Sveriges kommuner",
    (
        ColumnSpec("kod", "text", "Kommunkod, fyra siffror"),
        ColumnSpec("kommun", "text", "Kommunens namn"),
        ColumnSpec("lan", "text", "Länets namn"),
    ),
    ("kod",),
)
