"""What one hour costs a municipal provider: full-time norms, on-call hours, short visits, surplus staff and notice."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy
import pandas as pd

from analysis.measures.result import Draft, MissingData, Quantity, Result, measure, rows
from analysis.sources.municipality import MARKUP, Municipality
from analysis.sources.schema import FULL_TIME_NORMS

Override = float | None
Year = int | None

DAY_LABELS = {"vardag": "Vardag", "helg": "Helg", "vagt": "Vägt snitt"}

CAVEATS = (
    "Underlaget säger inte vad den extra jourersättningen över gränsen räknas på. Här räknas den på timlönen; den "
    "andra läsningen, att den räknas på jourersättningen för samma timme, visas i diagrammet över jourtimmar i "
    "månaden. Under gränsen ger de samma kostnad.",
    "Enligt underlaget beror jourtillägget på om det är vardag eller helg. Kollektivavtalet AB, som det återges i "
    "andra hand i Burlövs lönehandbok, drar gränsen efter antal timmar, inte efter vardag och helg. De två uppgifterna "
    "går inte ihop, och uträkningen följer underlaget.",
)

_COST = Quantity("cost_kr_per_hour", "Kostnad", "kr_per_timme", 2)
_ALTERNATIVE = Quantity("cost_alternative_kr_per_hour", "Andra läsningen", "kr_per_timme", 2)
_PAYMENT = Quantity("payment_kr_per_hour", "Ersättning", "kr_per_timme", 2)
_GAP = Quantity("gap_kr_per_hour", "Kostnad som ersättningen inte täcker", "kr_per_timme", 2, signed=True)


class _Inputs:
    """The values that a measure takes from a municipality, noted in `used` as they are taken."""

    def __init__(self, municipality: Municipality, year: Year = None):
        self.municipality = municipality
        self.year = municipality.last_year if year is None else year
        self.used: list = []

    def term(self, name: str, *, positive: bool = False) -> float:
        """Return a term of employment; raises MissingData where it is absent, or zero but must be positive."""
        row = rows(self.municipality, "villkor", villkor=name)
        value = float(row["varde"].iloc[0])
        if positive and value <= 0:
            raise MissingData(f"{self.municipality.slug}: villkor: {name} måste vara större än noll")
        self.used.append(row)
        return value

    def assumed(self, id_: str, override: Override) -> float:
        """Return an assumption's value, or the override, which is then what is noted as assumed."""
        if id_ not in self.municipality.assumptions:
            raise MissingData(f"antagandet {id_} saknas")
        assumption = self.municipality.assumptions[id_]
        if override is not None:
            assumption = dataclasses.replace(assumption, value=float(override))
        self.used.append(assumption)
        return assumption.value

    def dated(self, id_: str) -> float:
        """Return a parameter's value on 1 January of the year; raises MissingData where it has none."""
        try:
            value = self.municipality.parameters[id_].in_year(self.year)
        except LookupError as error:
            raise MissingData(f"parametern {id_} saknar värde för {self.year}") from error
        self.used.append(value)
        return value.value

    def markup(self) -> float:
        """Return 1 + the employer's markup for social charges."""
        return 1 + self.dated(MARKUP)

    def draft(self, frame: pd.DataFrame, *quantities: Quantity, caveats: tuple[str, ...] = ()) -> Draft:
        return Draft(frame, quantities, tuple(self.used), caveats=caveats)


class _OnCall:
    """The agreement's on-call pay, the markup on it and the payment for an hour's waiting time."""

    def __init__(self, inputs: _Inputs, weekend_share, ob_weekday, ob_weekend):
        self.base_share = inputs.term("jour_grundlon_andel")
        self.ob_share = inputs.term("jour_ob_andel")
        self.supplement = {day: inputs.term(f"jour_tillagg_{day}_andel") for day in ("vardag", "helg")}
        self.limit = inputs.term("jour_grans", positive=True)
        self.over_limit_share = inputs.term("jour_over_grans_andel")
        self.ob = {"vardag": inputs.assumed("ob_vardag", ob_weekday), "helg": inputs.assumed("ob_helg", ob_weekend)}
        self.weekend_share = inputs.assumed("helgandel", weekend_share)
        self.markup = inputs.markup()
        self.payment = inputs.dated("vantetid_andel") * inputs.dated("schablonbelopp")

    def cost(self, day: str, wage, hours):
        """Return the cost of an hour with the excess paid on the wage, and with it paid on the on-call pay."""
        if day == "vagt":
            pairs = zip(self.cost("vardag", wage, hours), self.cost("helg", wage, hours), strict=True)
            return tuple((1 - self.weekend_share) * week + self.weekend_share * weekend for week, weekend in pairs)
        pay = (self.base_share + self.supplement[day]) * wage + self.ob_share * self.ob[day]
        # Dividing by the larger of hours and limit gives zero, not 0/0, where no hours are worked.
        extra = self.over_limit_share * numpy.maximum(0, hours - self.limit) / numpy.maximum(hours, self.limit)
        return self.markup * (pay + extra * wage), self.markup * (pay + extra * pay)


def _beside_payment(cost, alternative, payment: float, index: pd.Index) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cost_kr_per_hour": cost,
            "cost_alternative_kr_per_hour": alternative,
            "payment_kr_per_hour": payment,
            "gap_kr_per_hour": cost - payment,
        },
        index=index,
    )


def needed_employees(monthly_hours: float, limit: float) -> int:
    """Return the least number of employees who share the hours within the limit; ValueError unless it is > 0."""
    if limit <= 0:
        raise ValueError("gränsen måste vara större än noll")
    if monthly_hours <= 0:
        return 0
    count = max(1, math.ceil(monthly_hours / limit))
    # The quotient is rounded, so the exact count may be one beside it.
    if count > 1 and monthly_hours / (count - 1) <= limit:
        return count - 1
    return count if monthly_hours / count <= limit else count + 1


def longest_night_hours(employees: float, limit: float) -> float:
    """Return the longest on-call night, in hours, that so many employees can share without passing the limit."""
    return employees * limit * 12 / 365


@measure(title="Vad ett lägre heltidsmått kostar per timme")
def full_time_norm(m: Municipality, *, hourly_wage: Override = None, year: Year = None) -> Result:
    """Compare each municipal full-time norm with the private one at the same monthly wage.

    Formula: andel = privat heltidsmått / kommunens heltidsmått − 1; merkostnad per timme = timlön ·
        (1 + personalomkostnader) · andel.
    Method (sv): Månadslönen antas vara densamma. Timlönen är den som privata utförares heltidsmått ger.
    Units: percent and kr per hour. Index: heltidsmatt, the municipal norm in hours per week, in the order of the table.
    Raises: MissingData where a norm or the markup is missing. Source: villkor heltidsmatt_*, timlon.
    """
    inputs = _Inputs(m, year)
    private = inputs.term("heltidsmatt_privat", positive=True)
    names = [name for name in rows(m, "villkor")["villkor"] if name in FULL_TIME_NORMS]
    if not names:
        raise MissingData(f"{m.slug}: villkor saknar heltidsmått")
    norms = pd.Index([inputs.term(name, positive=True) for name in names], name="heltidsmatt")
    more = (private / norms - 1).to_numpy()
    hour = inputs.assumed("timlon", hourly_wage) * inputs.markup()
    frame = pd.DataFrame({"share_percent": more * 100, "extra_cost_kr_per_hour": hour * more}, index=norms)
    share = Quantity("share_percent", "Högre kostnad per timme än med privat heltidsmått", "procent", 1, signed=True)
    extra = Quantity("extra_cost_kr_per_hour", "Merkostnad per timme", "kr_per_timme", 2, signed=True)
    return inputs.draft(frame, share, extra)


@measure(title="Vad en jourtimme kostar och vad den ersätts med")
def on_call_hour(
    m: Municipality,
    *,
    hourly_wage: Override = None,
    weekend_share: Override = None,
    ob_weekday: Override = None,
    ob_weekend: Override = None,
    hours_per_month: Override = None,
    year: Year = None,
) -> Result:
    """Set the cost of an on-call hour under the agreement beside the payment for an hour's waiting time.

    Formula: kostnad per jourtimme = (andel av grundlönen · timlön + andel av ob · ob-ersättning + tillägg · timlön +
        andel av timmarna över gränsen · extra andel · timlön) · (1 + personalomkostnader); ersättning = väntetidens
        andel · schablonbelopp.
    Method (sv): Vardag och helg vägs ihop med helgens andel av jourtimmarna. Om inget annat anges arbetar ingen fler
        jourtimmar i månaden än gränsen. Schablonbelopp och pålägg är de som gällde vid årets början.
    Units: kr per hour and percent. Index: dagslag, the keys of DAY_LABELS (vagt is the weighted mean).
    Raises: MissingData where a term or a parameter's value for the year is missing.
    Source: villkor jour_*; personalomkostnader, vantetid_andel, schablonbelopp; timlon, ob_vardag, ob_helg, helgandel.
    """
    inputs = _Inputs(m, year)
    agreement = _OnCall(inputs, weekend_share, ob_weekday, ob_weekend)
    wage = inputs.assumed("timlon", hourly_wage)
    hours = agreement.limit if hours_per_month is None else hours_per_month
    costs = numpy.transpose([agreement.cost(day, wage, hours) for day in DAY_LABELS])
    frame = _beside_payment(*costs, agreement.payment, pd.Index(list(DAY_LABELS), name="dagslag"))
    frame["coverage_percent"] = agreement.payment / frame["cost_kr_per_hour"] * 100
    coverage = Quantity("coverage_percent", "Andel av kostnaden som ersättningen täcker", "procent", 1)
    return inputs.draft(frame, _COST, _PAYMENT, _GAP, coverage, _ALTERNATIVE, caveats=CAVEATS)


@measure(title="Jourtimmens kostnad vid olika timlöner")
def on_call_curve(
    m: Municipality,
    wages: Sequence[float] | None = None,
    *,
    weekend_share: Override = None,
    ob_weekday: Override = None,
    ob_weekend: Override = None,
    hours_per_month: Override = None,
    year: Year = None,
) -> Result:
    """Follow the weighted cost of an on-call hour as the hourly wage changes, from half to double the assumed one.

    Formula: kostnad per jourtimme = (andel av grundlönen · timlön + andel av ob · ob-ersättning + tillägg · timlön +
        andel av timmarna över gränsen · extra andel · timlön) · (1 + personalomkostnader).
    Method (sv): Bara timlönen ändras; ob-ersättningen, helgens andel och ersättningen ligger fast.
    Units: kr per hour. Index: hourly_wage_kr, the hourly wage.
    Raises: MissingData where a term or a parameter's value for the year is missing. Source: as for on_call_hour.
    """
    inputs = _Inputs(m, year)
    agreement = _OnCall(inputs, weekend_share, ob_weekday, ob_weekend)
    if wages is None:
        wage = inputs.assumed("timlon", None)
        wages = numpy.linspace(wage / 2, wage * 2, 60 + 1)
    index = pd.Index(numpy.asarray(wages, dtype=float), name="hourly_wage_kr")
    hours = agreement.limit if hours_per_month is None else hours_per_month
    frame = _beside_payment(*agreement.cost("vagt", index.to_numpy(), hours), agreement.payment, index)
    return inputs.draft(frame, _COST, _PAYMENT, _GAP, _ALTERNATIVE, caveats=CAVEATS)


@measure(title="Jourtimmens kostnad vid olika många jourtimmar per medarbetare")
def on_call_hours_curve(
    m: Municipality,
    *,
    hourly_wage: Override = None,
    weekend_share: Override = None,
    ob_weekday: Override = None,
    ob_weekend: Override = None,
    year: Year = None,
) -> Result:
    """Follow the weighted cost of an on-call hour as an employee's hours in a month pass the limit.

    Formula: andel av timmarna över gränsen = (jourtimmar − gräns) / jourtimmar, lägst noll; kostnad per jourtimme =
        (jourersättning + andel av timmarna över gränsen · extra andel · timlön) · (1 + personalomkostnader).
    Method (sv): Kostnaden är ett snitt för månadens alla jourtimmar, med vardag och helg sammanvägda.
    Units: kr per hour. Index: hours_per_month, on-call hours per employee and month, up to twice the limit.
    Raises: MissingData where a term or a parameter's value for the year is missing. Source: as for on_call_hour.
    """
    inputs = _Inputs(m, year)
    agreement = _OnCall(inputs, weekend_share, ob_weekday, ob_weekend)
    wage = inputs.assumed("timlon", hourly_wage)
    index = pd.Index(numpy.linspace(0, 2 * agreement.limit, 100 + 1)[1:], name="hours_per_month")
    frame = _beside_payment(*agreement.cost("vagt", wage, index.to_numpy()), agreement.payment, index)
    return inputs.draft(frame, _COST, _ALTERNATIVE, _PAYMENT, caveats=CAVEATS)


@measure(title="Hur många som behövs på ett jourschema")
def rota_size(m: Municipality, *, hours_per_night: Override = None) -> Result:
    """Share one user's on-call nights among more and more employees, beside the monthly limit.

    Formula: jourtimmar per medarbetare och månad = jourtimmar per natt · 365 / 12 / antal medarbetare; längsta natt =
        antal medarbetare · gräns · 12 / 365.
    Method (sv): Brukaren har jour varje natt, och nätterna delas lika. Så många behövs att ingen passerar gränsen.
    Units: hours, hours per month and a count. Index: employees, from one to twice the investigation's smallest rota.
    Raises: MissingData where the limit or the smallest rota is missing.
    Source: villkor jour_grans, jour_minsta_bemanning; jourtimmar_per_natt.
    """
    inputs = _Inputs(m)
    limit, smallest = (inputs.term(name, positive=True) for name in ("jour_grans", "jour_minsta_bemanning"))
    monthly = inputs.assumed("jourtimmar_per_natt", hours_per_night) * 365 / 12
    count = numpy.arange(1, int(2 * smallest) + 1)
    frame = pd.DataFrame(
        {
            "hours_per_employee_month": monthly / count,
            "over_limit_hours": numpy.maximum(0, monthly / count - limit),
            "longest_night_hours": longest_night_hours(count, limit),
            "needed_employees": needed_employees(monthly, limit),
        },
        index=pd.Index(count, name="employees"),
    )
    return inputs.draft(
        frame,
        Quantity("hours_per_employee_month", "Jourtimmar per medarbetare", "timmar_per_manad", 1),
        Quantity("over_limit_hours", "Därav över gränsen", "timmar_per_manad", 1),
        Quantity("longest_night_hours", "Längsta jour per natt utan att gränsen passeras", "timmar", 1),
        Quantity("needed_employees", "Medarbetare som behövs för att ingen ska passera gränsen", "antal"),
    )


@measure(title="Vad en timme kostar när insatserna är korta")
def short_visits(
    m: Municipality,
    *,
    travel_minutes: Override = None,
    travel_cost: Override = None,
    hourly_wage: Override = None,
    year: Year = None,
) -> Result:
    """Spread unpaid travel over visits of different lengths.

    Formula: kostnad per utförd timme = timlön · (1 + personalomkostnader) · (insatsens längd + restid) / insatsens
        längd + resekostnad · 60 / insatsens längd.
    Method (sv): Varje insats har en egen resa, som kostar arbetstid och pengar men inte ersätts.
    Units: minutes and kr per hour performed. Index: minutes, the length of a visit.
    Raises: MissingData where a term or a parameter's value for the year is missing.
    Source: villkor kort_insats_*; personalomkostnader, schablonbelopp; timlon, restid_ and resekostnad_per_insats.
    """
    inputs = _Inputs(m, year)
    shortest, longest = sorted(inputs.term(f"kort_insats_{end}", positive=True) for end in ("minst", "hogst"))
    travel = inputs.assumed("restid_per_insats", travel_minutes)
    fare = inputs.assumed("resekostnad_per_insats", travel_cost)
    hour = inputs.assumed("timlon", hourly_wage) * inputs.markup()
    length = shortest * numpy.arange(1, int(longest // shortest) + 1)
    paid = (length + travel) / length
    cost, payment = hour * paid + fare * 60 / length, inputs.dated("schablonbelopp")
    frame = pd.DataFrame(
        {
            "paid_minutes_per_hour": 60 * paid,
            "cost_kr_per_hour": cost,
            "schablon_kr_per_hour": payment,
            "gap_kr_per_hour": cost - payment,
        },
        index=pd.Index(length, name="minutes"),
    )
    return inputs.draft(
        frame,
        Quantity("paid_minutes_per_hour", "Betald arbetstid per utförd timme", "minuter"),
        Quantity("cost_kr_per_hour", "Lön och resor per utförd timme", "kr_per_timme", 2),
        Quantity("schablon_kr_per_hour", "Schablonbelopp", "kr_per_timme", 2),
        _GAP,
    )


@measure(title="Vad övertalig personal kostar per utförd timme")
def surplus_staff(
    m: Municipality,
    *,
    share: Override = None,
    hourly_wage: Override = None,
    year: Year = None,
) -> Result:
    """Spread paid hours without a user over the hours performed, at none, half, all and double the assumed share.

    Formula: kostnad per utförd timme = timlön · (1 + personalomkostnader) · andel utan brukare /
        (1 − andel utan brukare).
    Method (sv): Den betalda tid som saknar brukare fördelas på de timmar som utförs.
    Units: kr per hour performed. Index: surplus_percent, the share of paid hours without a user.
    Raises: MissingData where the markup is missing; ValueError where share is not from 0 to below 1.
    Source: personalomkostnader; timlon, overtalig_andel.
    """
    inputs = _Inputs(m, year)
    share = inputs.assumed("overtalig_andel", share)
    if not 0 <= share < 1:
        raise ValueError("andelen utan brukare måste vara minst 0 och mindre än 1")
    hour = inputs.assumed("timlon", hourly_wage) * inputs.markup()
    grid = numpy.unique([each for each in (0, share / 2, share, 2 * share) if each < 1])
    frame = pd.DataFrame(
        {"cost_kr_per_performed_hour": hour * grid / (1 - grid)}, index=pd.Index(grid * 100, name="surplus_percent")
    )
    return inputs.draft(frame, Quantity("cost_kr_per_performed_hour", "Kostnad per utförd timme", "kr_per_timme", 2))


@measure(title="Vad uppsägningstiden kostar när ett uppdrag upphör")
def notice_month(
    m: Municipality,
    *,
    employees: Override = None,
    hours_per_week: Override = None,
    hourly_wage: Override = None,
    year: Year = None,
) -> Result:
    """Price the paid notice of the assistants of one ended assignment.

    Formula: timmar = uppsägningstid i månader · antal assistenter · timmar per vecka · 365 / 7 / 12; kostnad = timmar ·
        timlön · (1 + personalomkostnader).
    Method (sv): Ingen av assistenterna antas få annat arbete under uppsägningstiden, så kostnaden är den högsta.
    Units: hours and kr. Index: employees, the assistants of the assignment; one row.
    Raises: MissingData where the notice or the markup is missing.
    Source: villkor uppsagningstid_pan; personalomkostnader; timlon, assistenter_per_avslut, tjanst_timmar_per_vecka.
    """
    inputs = _Inputs(m, year)
    months = inputs.term("uppsagningstid_pan")
    count = inputs.assumed("assistenter_per_avslut", employees)
    hours = months * count * inputs.assumed("tjanst_timmar_per_vecka", hours_per_week) * 365 / 7 / 12
    cost = hours * inputs.assumed("timlon", hourly_wage) * inputs.markup()
    frame = pd.DataFrame({"hours": [hours], "cost_kr": [cost]}, index=pd.Index([count], name="employees"))
    return inputs.draft(
        frame,
        Quantity("hours", "Betalda timmar under uppsägningstiden", "timmar"),
        Quantity("cost_kr", "Kostnad per avslutat uppdrag", "kr"),
    )
