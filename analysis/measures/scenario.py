"""The procurement scenario: what own provision costs, what a supplier would cost, and what the municipality keeps.

The four functions at the top are plain arithmetic of scalars, with + - * / and nothing else, so that they can also be
called with the expression objects of a chart: the same formula, evaluated here or by the reader's browser.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from analysis.measures.forms import FORM_NAMES
from analysis.measures.result import Draft, MissingData, Quantity, measure, rows
from analysis.measures.schablon import STATUS_NAMES, days_in_year
from analysis.sources.municipality import Municipality
from analysis.sources.schema import FORMS, SCENARIO_HOURS, SCENARIO_INPUTS

OWN = "egen_regi"
PROCURED = tuple(form for form in FORMS if form != OWN)
# The form that municipalities most often choose according to Huddinge's investigation.
USUAL_FORM = "lou"

PRINTED, FILLED = "utredningen", "fullstandig"
READINGS = {PRINTED: "Bara det som utredningen anger", FILLED: "Med det som kommunen behåller"}

INPUT_LABELS = {name: item.description for name, item in SCENARIO_INPUTS.items()}
# What stays with the municipality when a supplier provides. In own provision it is part of the cost per hour, unless
# the table gives it for own provision alone.
KEPT = ("sjuklon_tkr", "tillfalliga_utokningar_tkr", "uppfoljning_tkr", "sol_hsl_tkr", "uppfoljning_sol_hsl_tkr")
FIRST_HOURS = ("egna_forsta_timmar_tkr", "andras_forsta_timmar_tkr")


def state_payment(amount, raised, raised_share):
    """Return what the state pays for an hour, in kr, when a share of the hours is paid at the raised amount."""
    return amount + raised_share * (raised - amount)


def own_net_cost(hours, cost, payment, kept):
    """Return the net cost of own provision in tkr; `kept` are the tkr that the cost per hour does not include."""
    return hours * (cost - payment) / 1000 + kept


def procured_net_cost(hours, payment, premium, standby_share, kept):
    """Return the net cost in tkr with a supplier who is paid what the state pays and a premium, and for standby."""
    return hours * ((payment + premium) * (1 + standby_share) - payment) / 1000 + kept


def saving(hours, cost, payment, premium, standby_share, kept):
    """Return what procurement saves in tkr; `kept` is what the municipality keeps more than in own provision."""
    return own_net_cost(hours, cost, payment, 0) - procured_net_cost(hours, payment, premium, standby_share, kept)


def break_even_cost(hours, payment, premium, standby_share, kept):
    """Return the cost per hour of own provision, in kr, at which procurement neither saves nor costs."""
    return (payment + premium) * (1 + standby_share) + kept * 1000 / hours


@dataclass(frozen=True)
class FormInputs:
    """Every value that the model needs for one form of operation.

    `kept` and `first` map inputs to tkr, NaN where the reading leaves them out; `left_out` names those.
    """

    form: str
    year: int
    hours: float
    users: float
    cost: float
    amount: float
    raised: float
    raised_share: float
    premium: float
    standby_share: float
    kept: dict[str, float]
    first: dict[str, float]
    left_out: tuple[str, ...]
    used: tuple

    @property
    def payment(self) -> float:
        """What the state pays for an hour on average, in kr."""
        return state_payment(self.amount, self.raised, self.raised_share)

    @property
    def kept_tkr(self) -> float:
        """What the municipality keeps, in tkr."""
        return _sum(self.kept.values())

    @property
    def net_cost_tkr(self) -> float:
        """The net cost of a year, first hours included."""
        if self.form == OWN:
            net = own_net_cost(self.hours, self.cost, self.payment, self.kept_tkr)
        else:
            net = procured_net_cost(self.hours, self.payment, self.premium, self.standby_share, self.kept_tkr)
        return net + _sum(self.first.values())


def counted_forms(municipality: Municipality) -> tuple[str, ...]:
    """Return the procured forms that the investigation counts on: those with rows of their own, else the usual one."""
    named = set(rows(municipality, "scenario")["driftform"])
    return tuple(form for form in PROCURED if form in named) or (USUAL_FORM,)


def form_inputs(municipality: Municipality, reading: str, form: str, **changes: float) -> FormInputs:
    """Return the inputs of a form in a reading; `changes` replace inputs, for every form alike.

    Raises MissingData where hours or cost per hour are missing, ValueError for an unknown reading or form.
    """
    if reading not in READINGS or form not in FORMS:
        raise ValueError(f"{reading} och {form} är ingen läsning och driftform")
    return _Reader(municipality, reading, form, changes).inputs()


def stated_hours(municipality: Municipality) -> pd.DataFrame:
    """Return the rows of the table that the hours of a year are taken from: the first way of stating them."""
    table = rows(municipality, "scenario")
    named = set(table["indata"])
    return table[table["indata"] == next(name for name in SCENARIO_HOURS if name in named)]


def saving_of(own: FormInputs, procured: FormInputs) -> float:
    """Return what the procured form saves against own provision, in tkr."""
    return saving(
        own.hours,
        own.cost,
        own.payment,
        procured.premium,
        procured.standby_share,
        procured.kept_tkr - own.kept_tkr,
    )


def is_average_income(municipality: Municipality, year: int, amount: float | None) -> bool:
    """Tell whether an amount per hour is above what the state pays at most, so that it must be an average of income.

    Such an amount cannot be raised further.
    """
    schablon, ceiling = (municipality.parameters[id_] for id_ in ("schablonbelopp", "hojt_belopp_tak"))
    if amount is None or not schablon.covers(year):
        return False
    return amount > schablon.in_year(year).value * ceiling.in_year(year).value


class _Reader:
    """Takes each input from the changes, else the table, else, in the filled reading, a parameter or an assumption."""

    def __init__(self, municipality: Municipality, reading: str, form: str, changes: dict[str, float]):
        self.municipality = municipality
        self.filled = reading == FILLED
        self.form = form
        self.changes = changes
        self.table = rows(municipality, "scenario")
        keys = zip(self.table["indata"], self.table["driftform"], strict=True)
        self.lines = {key: position for position, key in enumerate(keys)}
        self.values = self.table["varde"].to_list()
        self.taken: set[int] = set()
        self.used: list = []
        self.left_out: list[str] = []

    def inputs(self) -> FormInputs:
        year = self.given("ar")
        self.year = self.municipality.last_year if year is None else int(year)
        self.hours = self.yearly_hours()
        cost = self.given("kostnad_kr_per_timme", OWN)
        if cost is None:
            raise MissingData(f"{self.municipality.slug}: scenario saknar kostnad_kr_per_timme")
        self.users = self.given("brukare_antal")
        self.amount, self.raised, self.share = self.state_amounts()
        premium, standby = (0.0, 0.0) if self.form == OWN else (self.premium(), self.standby())
        kept = self.kept()
        first = {
            "egna_forsta_timmar_tkr": self.first_hours("egna_forsta_timmar_tkr", "brukare_sfb_antal", "brukare_antal"),
            "andras_forsta_timmar_tkr": self.first_hours(
                "andras_forsta_timmar_tkr", "brukare_andra_sfb_antal", "brukare_andra_antal"
            ),
        }
        return FormInputs(
            self.form,
            self.year,
            self.hours,
            math.nan if self.users is None else self.users,
            cost,
            self.amount,
            self.raised,
            self.share,
            premium,
            standby,
            kept,
            first,
            tuple(self.left_out),
            self.references(),
        )

    def given(self, name: str, form: str = "", *, changed: bool = True) -> float | None:
        """Return what the table gives for the form, else for all, else None; a change stands above both."""
        if changed and name in self.changes:
            return float(self.changes[name])
        for column in (form or self.form, "alla"):
            position = self.lines.get((name, column))
            if position is not None:
                self.taken.add(position)
                return self.values[position]
        return None

    def references(self) -> tuple:
        """Return the rows taken so far, and the parameters and assumptions."""
        return (self.table.iloc[sorted(self.taken)], *self.used)

    def dated(self, id_: str) -> float:
        try:
            value = self.municipality.parameters[id_].in_year(self.year)
        except LookupError as error:
            raise MissingData(f"parametern {id_} saknar värde för {self.year}") from error
        self.used.append(value)
        return value.value

    def assumed(self, id_: str) -> float:
        assumption = self.municipality.assumptions[f"scenario_{id_}"]
        self.used.append(assumption)
        return assumption.value

    def yearly_hours(self) -> float:
        known = _known_hours(self)
        if not known:
            raise MissingData(f"{self.municipality.slug}: scenario saknar timmar")
        return next(iter(known.values()))

    def state_amounts(self) -> tuple[float, float, float]:
        base, raised = (
            self.given(name, changed=False) for name in ("ersattning_kr_per_timme", "ersattning_hojd_kr_per_timme")
        )
        amount = self.given("ersattning_kr_per_timme")
        if amount is None:
            amount = self.dated("schablonbelopp")
        # The raised amount is bound to the amount that it raises, by the law's ceiling or as the table has it.
        ceiling = self.municipality.parameters["hojt_belopp_tak"].in_year(self.year)
        ratio = raised / base if raised and base else ceiling.value
        if is_average_income(self.municipality, self.year, base):
            ratio = 1.0
        stated = self.given("hojd_andel", changed=False)
        if stated is None:
            stated = self.assumed("hojd_andel") if self.filled and ratio != 1 else 0.0
            if ratio != 1 and "hojd_andel" not in self.changes:
                self.left_out.append("hojd_andel")
        share = float(self.changes.get("hojd_andel", stated))
        if share and ratio == ceiling.value:
            self.used.append(ceiling)
        stated_amount = amount if base is None else base
        self.stated_payment = state_payment(stated_amount, stated_amount * ratio, stated)
        return amount, amount * ratio, share

    def premium(self) -> float:
        """Return how much more than the state's payment the supplier is paid; a price keeps its distance to it."""
        if "pris_kr_per_timme" in self.changes:
            return float(self.changes["pris_kr_per_timme"]) - state_payment(self.amount, self.raised, self.share)
        price = self.given("pris_kr_per_timme")
        return 0.0 if price is None else price - self.stated_payment

    def standby(self) -> float:
        share = self.given("beredskap_andel")
        if share is not None or self.form != "lov_lou":
            return share or 0.0
        if self.filled:
            return self.assumed("beredskap_andel")
        self.left_out.append("beredskap_andel")
        return 0.0

    def suppliers(self) -> float:
        count = self.given("leverantorer_antal")
        if count is not None or self.form == "lou":
            return 1.0 if count is None else count
        return self.assumed("leverantorer_lov") + (self.form == "lov_lou")

    def kept(self) -> dict[str, float]:
        if self.form == OWN:
            # Part of the cost per hour, unless the table says otherwise for own provision alone.
            own = {name: self.given(name) for name in KEPT if (name, OWN) in self.lines}
            return {name: value for name, value in own.items() if value is not None}
        kept = {name: self.given(name) for name in KEPT}
        together = kept.pop("uppfoljning_sol_hsl_tkr")
        if together is not None:
            kept["uppfoljning_sol_hsl_tkr"] = together
            for name in ("uppfoljning_tkr", "sol_hsl_tkr"):
                kept[name] = kept[name] or 0.0
            more = self.further_suppliers() if self.filled and "uppfoljning_tkr" not in self.changes else 0.0
            if more:
                kept["uppfoljning_tkr"] += more
                self.left_out.append("uppfoljning_tkr")
        for name, value in kept.items():
            if value is None:
                kept[name] = self.filled_tkr(name)
        return kept

    def filled_tkr(self, name: str) -> float:
        """Note an item as left out, and return what the filled reading puts in its place."""
        self.left_out.append(name)
        if not self.filled:
            return math.nan
        if name == "sjuklon_tkr":
            rise = self.municipality.parameters["forstatligande_sjuklon"].values[-1]
            self.used.append(rise)
            return self.hours * rise.value / 1000
        if name == "tillfalliga_utokningar_tkr":
            payment = state_payment(self.amount, self.raised, self.share)
            return self.assumed("tillfalliga_andel") * self.hours * payment / 1000
        if name == "uppfoljning_tkr":
            return self.assumed("uppfoljning") + self.further_suppliers()
        return math.nan if self.users is None else self.assumed("sol_hsl_per_brukare") * self.users

    def further_suppliers(self) -> float:
        more = self.suppliers() - 1
        return more * self.assumed("uppfoljning_per_leverantor") if more > 0 else 0.0

    def first_hours(self, name: str, entitled: str, everyone: str) -> float:
        amount = self.given(name)
        if amount is not None:
            return amount
        self.left_out.append(name)
        people = self.given(entitled)
        people = self.given(everyone) if people is None else people
        if not self.filled or people is None:
            return math.nan
        return people * self.dated("forsta_timmar") * days_in_year(self.year) / 7 * self.dated("schablonbelopp") / 1000


def _known_hours(reader: _Reader) -> dict[str, float]:
    """Return the hours of a year as each way of stating them gives, the yearly statement first."""
    known = {}
    for name, factor in zip(SCENARIO_HOURS, (1, 12, days_in_year(reader.year) / 7), strict=True):
        value = reader.given(name)
        if value is not None:
            known[name] = value * factor
    return known


def _sum(values) -> float:
    return sum(value for value in values if value == value)


def _divided(value: float, by: float) -> float:
    return value / by if by else math.nan


@measure("Vad jämförelsen bygger på")
def scenario_inputs(municipality: Municipality) -> Draft:
    """Return the inputs of the model as the municipality's table has them.

    Units: as each row says. Index: indata, the input's name, with `/` and the form where it holds for one form only.
    Formula: ingen beräkning; uppgifterna som de står i underlaget eller följer av det
    Method (sv): En härledd uppgift är inte tryckt men följer av dem som är det. Beskrivningen säger hur.
    Raises: MissingData where there is no scenario. Source: the municipality's table `scenario`.
    """
    used = rows(municipality, "scenario")
    names = [
        name if form == "alla" else f"{name}/{form}"
        for name, form in zip(used["indata"], used["driftform"], strict=True)
    ]
    frame = used[["varde", "enhet", "beskrivning"]].assign(uppgift=used["status"].map(STATUS_NAMES))
    frame.index = pd.Index(names, name="indata")
    return Draft(
        frame,
        (
            Quantity("varde", "Värde", "tal", 2),
            Quantity("enhet", "Enhet", "text"),
            Quantity("beskrivning", "Vad uppgiften är", "text"),
            Quantity("uppgift", "Status", "text"),
        ),
        (used,),
    )


@measure("Vad driftformerna kostar")
def scenario_result(municipality: Municipality, reading: str = PRINTED) -> Draft:
    """Return costs, net cost and saving by form of operation.

    Units: tkr a year; kr per hour and tkr per user where the name says so. Index: driftform, `egen_regi` first; then
    the forms that the investigation counts on (reading `utredningen`) or all (reading `fullstandig`). What the reading
    leaves out is missing in its own column and nothing in the sums; the saving of own provision is zero.
    Formula: statens ersättning per timme = belopp + andel med höjt belopp · (höjt belopp − belopp); nettokostnad i
        egen regi = timmar · (kostnad per timme − statens ersättning) + de första timmarna; nettokostnad med leverantör
        = timmar · (pris per timme · (1 + beredskap) − statens ersättning) + det kommunen behåller + de första
        timmarna; besparing = nettokostnad i egen regi − nettokostnad med leverantör; per timme och per brukare =
        nettokostnaden utan de första timmarna för andras brukare / timmar respektive kommunens brukare
    Method (sv): Priset till leverantören är vad staten betalar, om underlaget inte anger något annat. De första
        timmarna betalar kommunen oavsett vem som utför assistansen. Det kommunen behåller ingår i egen regi i
        kostnaden per timme, men tillkommer med en leverantör. I läsningen ”bara det som utredningen anger” räknas
        inget annat än det som utredningen trycker eller som följer av det. I läsningen ”med det som kommunen behåller”
        fylls resten i med parametrar och antaganden: sjuklöner med den höjning per timme som föreslagits för att täcka
        dem, tillfälliga utökningar som en andel av timmarna, uppföljning efter antalet leverantörer, insatser enligt
        SoL och HSL efter antalet brukare och de första timmarna efter antalet personer med assistansersättning.
    Raises: MissingData where hours or cost per hour are missing.
    Source: the municipality's table `scenario`; parametrar.yml; antaganden.yml.
    """
    forms = (OWN, *(counted_forms(municipality) if reading == PRINTED else PROCURED))
    inputs = {form: form_inputs(municipality, reading, form) for form in forms}
    own = inputs[OWN]
    frame = pd.DataFrame.from_dict({form: _costs(own, one) for form, one in inputs.items()}, orient="index")
    frame.index.name = "driftform"
    return Draft(
        frame,
        (
            Quantity("utforande_tkr", "Utförande eller pris till leverantören", "tkr"),
            Quantity("beredskap_tkr", "Beredskap", "tkr"),
            *(Quantity(name, INPUT_LABELS[name], "tkr") for name in (*KEPT, *FIRST_HOURS)),
            Quantity("brutto_tkr", "Kostnad före statens ersättning", "tkr"),
            Quantity("statens_ersattning_tkr", "Statens ersättning", "tkr"),
            Quantity("netto_tkr", "Nettokostnad", "tkr"),
            Quantity("netto_kr_per_timme", "Därav per timme hos kommunens brukare", "kr_per_timme", 2),
            Quantity("netto_tkr_per_brukare", "Därav per brukare hos kommunen", "tkr"),
            Quantity("merkostnad_tkr", "Utförandets kostnad utöver statens ersättning", "tkr"),
            Quantity("kvar_tkr", "Det kommunen behåller", "tkr"),
            Quantity("besparing_tkr", "Besparing mot egen regi", "tkr", signed=True),
            Quantity("besparing_kr_per_timme", "Besparing per timme", "kr_per_timme", 2, signed=True),
            Quantity("besparing_tkr_per_brukare", "Besparing per brukare hos kommunen", "tkr", signed=True),
        ),
        tuple(item for one in inputs.values() for item in one.used),
        title=f"Vad driftformerna kostar: {READINGS[reading][0].lower()}{READINGS[reading][1:]}",
        key=reading,
    )


def _costs(own: FormInputs, one: FormInputs) -> dict[str, float]:
    provided = one.cost if one.form == OWN else one.payment + one.premium
    state = one.hours * one.payment / 1000
    saved = 0.0 if one.form == OWN else saving_of(own, one)
    standby = one.hours * provided * one.standby_share / 1000
    # Others' first hours have nothing to do with the hours and users of the municipality.
    theirs = one.net_cost_tkr - _sum([one.first["andras_forsta_timmar_tkr"]])
    return {
        "utforande_tkr": one.hours * provided / 1000,
        "beredskap_tkr": standby,
        **{name: one.kept.get(name, 0.0 if one.form == OWN else math.nan) for name in KEPT},
        **one.first,
        "brutto_tkr": one.net_cost_tkr + state,
        "statens_ersattning_tkr": state,
        "netto_tkr": one.net_cost_tkr,
        "netto_kr_per_timme": _divided(theirs * 1000, one.hours),
        "netto_tkr_per_brukare": _divided(theirs, one.users),
        "merkostnad_tkr": one.hours * provided / 1000 + standby - state,
        "kvar_tkr": one.kept_tkr,
        "besparing_tkr": saved,
        "besparing_kr_per_timme": _divided(saved * 1000, one.hours),
        "besparing_tkr_per_brukare": _divided(saved, one.users),
    }


@measure("Brytpunkten: när en upphandling varken sparar eller kostar")
def break_even(municipality: Municipality, reading: str = PRINTED) -> Draft:
    """Return the own cost per hour at which procurement neither saves nor costs, beside the actual one.

    Units: kr per hour, percent of the actual cost. Index: driftform, the procured forms of the reading.
    Formula: brytpunkt = pris per timme · (1 + beredskap) + det kommunen behåller / timmar; marginal = kostnad per timme
        i egen regi − brytpunkt
    Method (sv): Är egen regi dyrare än brytpunkten sparar en upphandling pengar, är den billigare kostar
        upphandlingen. De första timmarna påverkar inte brytpunkten, eftersom de är desamma i alla driftformer.
    Raises: MissingData where hours or cost per hour are missing.
    Source: the municipality's table `scenario`; parametrar.yml; antaganden.yml.
    """
    forms = counted_forms(municipality) if reading == PRINTED else PROCURED
    own = form_inputs(municipality, reading, OWN)
    inputs = {form: form_inputs(municipality, reading, form) for form in forms}
    frame = pd.DataFrame(
        {"brytpunkt_kr_per_timme": {form: _break_even(own, one) for form, one in inputs.items()}, "egen": own.cost}
    ).rename(columns={"egen": "kostnad_kr_per_timme"})
    frame["marginal_kr_per_timme"] = frame["kostnad_kr_per_timme"] - frame["brytpunkt_kr_per_timme"]
    frame["marginal_procent"] = frame["marginal_kr_per_timme"] / own.cost * 100 if own.cost else math.nan
    frame.index.name = "driftform"
    return Draft(
        frame,
        (
            Quantity("kostnad_kr_per_timme", INPUT_LABELS["kostnad_kr_per_timme"], "kr_per_timme", 2),
            Quantity("brytpunkt_kr_per_timme", "Brytpunkt", "kr_per_timme", 2),
            Quantity("marginal_kr_per_timme", "Marginal", "kr_per_timme", 2, signed=True),
            Quantity("marginal_procent", "Marginal i procent av kostnaden", "procent", 1, signed=True),
        ),
        tuple(item for one in (own, *inputs.values()) for item in one.used),
        title=f"Brytpunkten: {READINGS[reading][0].lower()}{READINGS[reading][1:]}",
        key=reading,
    )


def _break_even(own: FormInputs, procured: FormInputs) -> float:
    if not own.hours:
        return math.nan
    kept = procured.kept_tkr - own.kept_tkr
    return break_even_cost(own.hours, own.payment, procured.premium, procured.standby_share, kept)


@measure("Indata som utredningen utelämnar")
def left_out(municipality: Municipality) -> Draft:
    """Return the inputs that the investigation leaves out, and what the filled reading puts in their place.

    Units: tkr a year in the form that the investigation counts on. Index: indata. Empty where nothing is left out. The
    difference is missing for what cannot be computed without the number of users.
    Formula: skillnad i besparing = besparing med alla indata − besparing utan den utelämnade
    Method (sv): En utelämnad uppgift räknas som noll när det bara gäller vad utredningen anger. Beloppet i tabellen är
        det som sätts in i den andra läsningen. En kostnad som är lika stor i alla driftformer ändrar nettokostnaden
        men inte besparingen.
    Raises: MissingData where hours or cost per hour are missing.
    Source: the municipality's table `scenario`; parametrar.yml; antaganden.yml.
    """
    form = counted_forms(municipality)[0]
    printed = form_inputs(municipality, PRINTED, form)
    own, filled = (form_inputs(municipality, FILLED, one) for one in (OWN, form))
    base = saving_of(own, filled)
    lines = {}
    for name in printed.left_out:
        amount = {**filled.kept, **filled.first}.get(name, math.nan)
        without = [form_inputs(municipality, FILLED, one, **{name: 0.0}) for one in (OWN, form)]
        unknown = name in KEPT and math.isnan(amount)
        lines[name] = {"belopp_tkr": amount, "skillnad_tkr": math.nan if unknown else base - saving_of(*without)}
    frame = pd.DataFrame.from_dict(lines, orient="index", columns=["belopp_tkr", "skillnad_tkr"], dtype=float)
    frame.index.name = "indata"
    return Draft(
        frame,
        (
            Quantity("belopp_tkr", "Belopp i den andra läsningen", "tkr"),
            Quantity("skillnad_tkr", "Ändrar besparingen med", "tkr", signed=True),
        ),
        filled.used,
    )


@measure("Vilken uppgift som betyder mest")
def tornado(municipality: Municipality, reading: str = FILLED, form: str = "") -> Draft:
    """Return the saving when each input in turn is low and high, the input with the largest effect first.

    Units: tkr a year for the saving; an input's own unit for its low and high value, as `enhet` says.
    Index: indata; only inputs that change the saving. `form` defaults to the first that the investigation counts on.
    Formula: utslag = |besparing med högt värde − besparing med lågt värde|, allt annat lika
    Method (sv): Finns ett dokumenterat spann används det: utredningens egna uppgifter där den anger flera, det rätta
        årets schablonbelopp där utredningen använder ett annat års, och för andelen med höjt belopp från ingen till
        alla timmar. Annars varieras uppgiften lika mycket uppåt och nedåt enligt antagandena, mer för antagna belopp
        än för uppgifter ur underlaget. När timmarna ändras följer de kostnader med som räknas per timme.
    Raises: MissingData where hours or cost per hour are missing.
    Source: the municipality's table `scenario`; parametrar.yml; antaganden.yml.
    """
    form = form or counted_forms(municipality)[0]
    procured = form_inputs(municipality, reading, form)
    reader = _Reader(municipality, reading, form, {})
    reader.inputs()
    lines, used = {}, list(procured.used)
    for name, value in _varied(procured).items():
        low, high, ground, ends = _span(reader, procured, name, value)
        saved = [
            saving_of(*(form_inputs(municipality, reading, one, **{name: end}) for one in (OWN, form)))
            for end in (low, high)
        ]
        if saved[0] != saved[1]:
            lines[name] = (low, high, _unit(name), ground, *saved, abs(saved[1] - saved[0]))
            used += ends
    columns = ["lagt", "hogt", "enhet", "spann", "besparing_lagt_tkr", "besparing_hogt_tkr", "utslag_tkr"]
    frame = pd.DataFrame.from_dict(lines, orient="index", columns=columns)
    frame = frame.sort_values("utslag_tkr", ascending=False, kind="stable")
    frame.index.name = "indata"
    return Draft(
        frame,
        (
            Quantity("lagt", "Lågt värde", "tal", 2),
            Quantity("hogt", "Högt värde", "tal", 2),
            Quantity("enhet", "Enhet", "text"),
            Quantity("spann", "Spannet är", "text"),
            Quantity("besparing_lagt_tkr", "Besparing vid lågt värde", "tkr", signed=True),
            Quantity("besparing_hogt_tkr", "Besparing vid högt värde", "tkr", signed=True),
            Quantity("utslag_tkr", "Utslag", "tkr"),
        ),
        tuple(used),
        title=f"Vilken uppgift som betyder mest för besparingen, {FORM_NAMES[form]}",
        key=f"{reading}-{form}",
    )


def _varied(one: FormInputs) -> dict[str, float]:
    """Return the inputs that the tornado varies, with their values; an amount of nothing has no span."""
    varied = {
        "timmar": one.hours,
        "kostnad_kr_per_timme": one.cost,
        "ersattning_kr_per_timme": one.amount,
        "hojd_andel": one.raised_share,
        "pris_kr_per_timme": one.payment + one.premium,
        "beredskap_andel": one.standby_share,
        **one.kept,
    }
    return {name: value for name, value in varied.items() if value == value and (value or name == "hojd_andel")}


def _unit(name: str) -> str:
    endings = {"tkr": "tkr", "kr_per_timme": "kr per timme", "andel": "andel", "timmar": "timmar"}
    return next(unit for ending, unit in endings.items() if name.endswith(ending))


def _span(reader: _Reader, one: FormInputs, name: str, value: float) -> tuple[float, float, str, list]:
    """Return the low and high value of an input, what the span rests on, and the values that it was made with."""
    if name == "hojd_andel":
        return 0.0, 1.0, "från ingen till alla timmar", [reader.municipality.parameters["hojt_belopp_tak"].values[-1]]
    if name == "timmar" and len(known := _known_hours(reader)) > 1:
        return min(known.values()), max(known.values()), "utredningens egna uppgifter", []
    if name == "ersattning_kr_per_timme":
        right = reader.municipality.parameters["schablonbelopp"].in_year(one.year)
        if right.value != value and _schablon_years(reader.municipality, value):
            return min(right.value, value), max(right.value, value), "två års schablonbelopp", [right]
    assumed = name in one.left_out
    span = reader.municipality.assumptions["scenario_spann_antagande" if assumed else "scenario_spann_uppgift"]
    ground = "antaget, kring ett antagande" if assumed else "antaget, kring en uppgift"
    low, high = value * (1 - span.value), value * (1 + span.value)
    return low, high, ground, [span]


def _schablon_years(municipality: Municipality, amount: float) -> list[int]:
    """Return the years whose schablonbelopp an amount is."""
    return [value.start.year for value in municipality.parameters["schablonbelopp"].values if value.value == amount]


@measure("Om underlaget hade varit ett annat")
def what_if(municipality: Municipality) -> Draft:
    """Return the extra cost and saving with other values that the investigation or the law gives.

    Units: tkr a year; `varde` in the unit that `enhet` says. Index: fall; `utredningen` first, then
    `schablonbelopp_<year>` where the investigation uses another year's amount, `timmar_per_manad` and
    `timmar_per_vecka` where it states hours that do not make up the year's, `hojd_ingen` and `hojd_alla` where it
    has hours at the raised amount. Reading `utredningen`, the first form that the investigation counts on.
    Formula: som för driftformernas kostnader, med ett värde utbytt
    Method (sv): Ett värde i taget byts ut och allt annat ligger fast. Priset till leverantören följer statens
        ersättning, så som i utredningen.
    Raises: MissingData where hours or cost per hour are missing.
    Source: the municipality's table `scenario`; parametrar.yml.
    """
    form = counted_forms(municipality)[0]
    reader = _Reader(municipality, PRINTED, form, {})
    base = reader.inputs()
    used = list(base.used)
    cases: dict[str, tuple[str, float]] = {"utredningen": ("kostnad_kr_per_timme", base.cost)}
    schablon = municipality.parameters["schablonbelopp"]
    years = _schablon_years(municipality, base.amount)
    if years and base.year not in years:
        for year in range(base.year, max(base.year, municipality.last_year) + 1):
            if schablon.covers(year) and year not in years:
                cases[f"schablonbelopp_{year}"] = ("ersattning_kr_per_timme", schablon.in_year(year).value)
                used.append(schablon.in_year(year))
    for name, value in list(_known_hours(reader).items())[1:]:
        if value != base.hours:
            cases[name] = ("timmar", value)
    if base.raised_share:
        cases |= {"hojd_ingen": ("hojd_andel", 0.0), "hojd_alla": ("hojd_andel", 1.0)}
    lines = {case: _case(municipality, form, name, value) for case, (name, value) in cases.items()}
    lines["utredningen"] |= {"varde": math.nan, "enhet": ""}
    frame = pd.DataFrame.from_dict(lines, orient="index")
    frame["skillnad_tkr"] = frame["besparing_tkr"] - frame.loc["utredningen", "besparing_tkr"]
    frame.index.name = "fall"
    return Draft(
        frame,
        (
            Quantity("varde", "Utbytt värde", "tal", 2),
            Quantity("enhet", "Enhet", "text"),
            Quantity("merkostnad_tkr", "Merkostnad i egen regi", "tkr", signed=True),
            Quantity("besparing_tkr", "Besparing", "tkr", signed=True),
            Quantity("skillnad_tkr", "Skillnad mot utredningens värden", "tkr", signed=True),
        ),
        tuple(used),
    )


def _case(municipality: Municipality, form: str, name: str, value: float) -> dict[str, float | str]:
    own, procured = (form_inputs(municipality, PRINTED, one, **{name: value}) for one in (OWN, form))
    return {
        "varde": value,
        "enhet": _unit(name),
        "merkostnad_tkr": own_net_cost(own.hours, own.cost, own.payment, 0.0),
        "besparing_tkr": saving_of(own, procured),
    }


@measure("Vad de första timmarna kostar")
def first_hours(municipality: Municipality) -> Draft:
    """Return the cost of the first hours for the municipality's users and for others', computed and as stated.

    Units: tkr a year; kr per hour. Index: ar, from the year of the scenario to the municipality's last.
    Formula: kostnad = personer med assistansersättning · timmar per vecka · årets dagar / 7 · schablonbelopp
    Method (sv): Räknat som om alla hade assistans hela året och använde alla timmar. Uppgiften i utredningen står
        bredvid där den finns.
    Raises: MissingData where the number of users is missing, or no year has a known amount.
    Source: the municipality's table `scenario`; parametrar.yml.
    """
    reader = _Reader(municipality, PRINTED, OWN, {})
    year = reader.given("ar")
    first = municipality.last_year if year is None else int(year)
    schablon, weekly = municipality.parameters["schablonbelopp"], municipality.parameters["forsta_timmar"]
    people = {}
    for column, names in (
        ("egna_tkr", ("brukare_sfb_antal", "brukare_antal")),
        ("andras_tkr", ("brukare_andra_sfb_antal", "brukare_andra_antal")),
    ):
        known = [value for name in names if (value := reader.given(name)) is not None]
        people[column] = known[0] if known else math.nan
    stated = {name: reader.given(name) for name in FIRST_HOURS}
    lines = {}
    for year in range(first, max(first, municipality.last_year) + 1):
        if not (schablon.covers(year) and weekly.covers(year)):
            continue
        amount, hours = schablon.in_year(year), weekly.in_year(year)
        reader.used += [amount, hours]
        each = hours.value * days_in_year(year) / 7 * amount.value / 1000
        lines[year] = {"belopp_kr_per_timme": amount.value, **{name: count * each for name, count in people.items()}}
        for name, value in stated.items():
            lines[year][f"{name.split('_')[0]}_angivet_tkr"] = math.nan if value is None else value
    if not lines or all(count != count for count in people.values()):
        raise MissingData(f"{municipality.slug}: scenario saknar brukare, eller året saknar schablonbelopp")
    frame = pd.DataFrame.from_dict(lines, orient="index").rename_axis("ar")
    quantities = (
        Quantity("belopp_kr_per_timme", "Schablonbelopp", "kr_per_timme", 2),
        Quantity("egna_tkr", "Kommunens brukare, uträknat", "tkr"),
        Quantity("egna_angivet_tkr", "Kommunens brukare, enligt utredningen", "tkr"),
        Quantity("andras_tkr", "Andras brukare, uträknat", "tkr"),
        Quantity("andras_angivet_tkr", "Andras brukare, enligt utredningen", "tkr"),
    )
    kept = tuple(quantity for quantity in quantities if frame[quantity.name].notna().any())
    return Draft(frame, kept, reader.references())
