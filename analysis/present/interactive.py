"""The chart that a reader can change: the scenario's formula as expressions that the reader's own browser evaluates.

Without JavaScript the chart is the SVG drawn while building. With it, sliders set the parameters of the same chart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from analysis.measures.forms import FORM_NAMES
from analysis.measures.memo import once
from analysis.measures.result import Result
from analysis.measures.scenario import (
    FILLED,
    INPUT_LABELS,
    OWN,
    PRINTED,
    PROCURED,
    READINGS,
    break_even_cost,
    counted_forms,
    form_inputs,
    is_average_income,
    own_net_cost,
    procured_net_cost,
    saving,
    state_payment,
)
from analysis.present.charts import described, layer_of, layered, text_width, unchecked
from analysis.present.numbers import NO_BREAK_SPACE, mnkr, number, rounded, tkr
from analysis.present.packed import as_json
from analysis.present.palette import COLOURS, GREY
from analysis.present.svg import WIDTH, live_specification, to_svg
from analysis.present.views import chart_facts, render
from analysis.sources.municipality import Municipality

# What the result is said in, here and by the script in the reader's browser.
SENTENCES = {
    "sparar": "En upphandling sparar {belopp} per år.",
    "kostar": "En upphandling kostar {belopp} mer per år än egen regi.",
    "lika": "En upphandling varken sparar eller kostar något.",
    "netto": "Nettokostnaden blir {leverantor}, mot {egen} i egen regi, de första timmarna oräknade.",
    "brytpunkt": "Brytpunkten är {brytpunkt} kr per timme.",
}
# Below this many tkr an amount in mnkr would be rounded away.
SMALLEST_IN_MNKR = 100


@dataclass(frozen=True)
class Slider:
    """A parameter that the reader can set; `factor` is what the shown value is multiplied by to give the parameter."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    decimals: int = 0
    factor: float = 1.0


@dataclass(frozen=True)
class Start:
    """A set of values to start from: one reading of the scenario for one form."""

    label: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """What the model gives for one set of values; amounts in tkr, the break-even in kr per hour."""

    saved: float
    own: float
    procured: float
    break_even: float


@once(list)
def starts(municipality: Municipality) -> list[Start]:
    """Return what the reader can start from: the investigation's own reading first, then each form with all inputs."""
    counted = counted_forms(municipality)[0]
    chosen = [(PRINTED, counted), *((FILLED, form) for form in PROCURED)]
    found = []
    for reading, form in chosen:
        own, procured = (form_inputs(municipality, reading, one) for one in (OWN, form))
        values = {
            "kostnad": own.cost,
            "ersattning": own.amount,
            "hojd_andel": own.raised_share,
            "timmar": own.hours,
            "kvar": procured.kept_tkr - own.kept_tkr,
            "palagg": procured.premium,
            "beredskap": procured.standby_share,
        }
        label = READINGS[reading][0].lower() + READINGS[reading][1:]
        found.append(Start(f"{FORM_NAMES[form]}, {label}", values))
    return found


def raise_ratio(municipality: Municipality) -> float:
    """Return the raised amount in relation to the amount."""
    own = form_inputs(municipality, PRINTED, OWN)
    return own.raised / own.amount if own.amount else 1.0


def outcome(values: Mapping[str, float], ratio: float) -> Outcome:
    """Return what the model gives for a set of values, computed here."""
    return Outcome(*(float(value) for value in _formulas(values, values["kostnad"], ratio)))


def _formulas(values, cost, ratio: float) -> tuple:
    """Return saving, both net costs and break-even, as numbers or, for a chart's parameters, as expressions."""
    hours, premium, standby, kept = (values[name] for name in ("timmar", "palagg", "beredskap", "kvar"))
    payment = state_payment(values["ersattning"], values["ersattning"] * ratio, values["hojd_andel"])
    return (
        saving(hours, cost, payment, premium, standby, kept),
        own_net_cost(hours, cost, payment, 0),
        procured_net_cost(hours, payment, premium, standby, kept),
        math.nan if _is_zero(hours) else break_even_cost(hours, payment, premium, standby, kept),
    )


def _is_zero(value) -> bool:
    return isinstance(value, (int, float)) and value == 0


def sentence(result: Outcome) -> str:
    """Return the result in words."""
    shown = rounded(result.saved)
    kind = "sparar" if shown > 0 else "kostar" if shown < 0 else "lika"
    parts = [
        SENTENCES[kind].replace("{belopp}", _amount(abs(result.saved))),
        SENTENCES["netto"].replace("{leverantor}", _amount(result.procured)).replace("{egen}", _amount(result.own)),
    ]
    if math.isfinite(result.break_even):
        parts.append(SENTENCES["brytpunkt"].replace("{brytpunkt}", number(result.break_even, 2)))
    return " ".join(parts)


def _amount(value_tkr: float) -> str:
    return mnkr(value_tkr) if abs(value_tkr) >= SMALLEST_IN_MNKR else tkr(value_tkr)


@once(list)
def sliders(municipality: Municipality) -> list[Slider]:
    """Return the sliders, each wide enough for every start and for the break-even."""
    found = starts(municipality)
    ratio = raise_ratio(municipality)
    first = found[0].values
    turning = [outcome(one.values, ratio).break_even for one in found]
    turning = [cost for cost in turning if math.isfinite(cost)] or [first["kostnad"]]
    cost = first["kostnad"]
    kept = [one.values["kvar"] for one in found]
    premiums = [one.values["palagg"] for one in found]
    made = [
        Slider(
            "kostnad",
            INPUT_LABELS["kostnad_kr_per_timme"],
            "kr",
            *_around(min(0.8 * cost, 0.9 * min(turning)), max(1.2 * cost, 1.05 * max(turning)), 10),
            1,
            2,
        ),
        Slider(
            "ersattning",
            INPUT_LABELS["ersattning_kr_per_timme"],
            "kr",
            *_around(0.8 * first["ersattning"], 1.2 * first["ersattning"], 10),
            0.1,
            2,
        ),
        Slider("hojd_andel", INPUT_LABELS["hojd_andel"], "%", 0, 100, 1, 0, 0.01),
        Slider("timmar", INPUT_LABELS["timmar"], "timmar", *_hours(first["timmar"])),
        Slider(
            "kvar", "Det kommunen behåller per år", "tkr", *_around(min(0, *kept), max(2 * max(kept), 1000), 500), 50
        ),
        Slider(
            "palagg",
            "Pris utöver vad staten betalar, per timme",
            "kr",
            *_around(min(-50, *premiums), max(50, *premiums), 10),
            1,
        ),
    ]
    base = form_inputs(municipality, PRINTED, OWN)
    fixed = is_average_income(municipality, base.year, base.amount)
    return [one for one in made if not (fixed and one.name == "hojd_andel")]


def _around(low: float, high: float, step: float) -> tuple[float, float]:
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _hours(hours: float) -> tuple[float, float, float]:
    """Return the range and step of the hours: up to double, in steps that are a power of ten, never none."""
    step = 10.0 ** max(0, math.floor(math.log10(hours)) - 2) if hours > 0 else 1.0
    return step, math.ceil(2 * max(hours, step) / step) * step, step


@unchecked
def saving_chart(municipality: Municipality) -> dict:
    """Return the saving at every cost per hour as a line, with the cost of today and the break-even marked on it."""
    first, ratio, ranges = starts(municipality)[0].values, raise_ratio(municipality), sliders(municipality)
    across = next(one for one in ranges if one.name == "kostnad")
    settable = {name: alt.param(name=name, value=value) for name, value in first.items()}
    names = ("besparing", "netto_egen", "netto_leverantor", "brytpunkt")
    formulas = _formulas(settable, settable["kostnad"], ratio)
    parameters = [{"name": name, "value": value} for name, value in first.items()]
    parameters += [{"name": name, "expr": _expression(formula)} for name, formula in zip(names, formulas, strict=True)]
    low, high = _vertical(first, ratio, ranges)
    x = alt.X(
        "x:Q",
        title="Kostnad per timme i egen regi, kr",
        scale=alt.Scale(domain=[across.low, across.high], nice=False, zero=False),
        axis=alt.Axis(grid=False, format=",.0f", tickCount=alt.ExprRef("ceil(width / 70)")),
    )
    y = alt.Y(
        "y:Q",
        title=None,
        scale=alt.Scale(domain=[low, high], nice=True),
        axis=alt.Axis(format=",.0f", tickCount=6, domain=False),
    )
    along = _formulas(settable, alt.datum.x, ratio)[0]
    here = alt.Chart()
    line = here.transform_calculate(y=_expression(along)).mark_line(color=COLOURS[0], strokeWidth=3, clip=True)
    layers = [
        layer_of(line.encode(x=x, y=y), [{"x": across.low}, {"x": across.high}]),
        layer_of(here.mark_rule(color=GREY, strokeWidth=1.5).encode(y=y), [{"y": 0}]),
    ]
    # Placed by Vega's own signals, since the script makes the chart narrower in a narrow window.
    for words, align, across_px, down_px in (
        ("Här sparar en upphandling", "left", "10", "14"),
        ("Här kostar en upphandling mer", "right", "width - 10", "height - 12"),
    ):
        text = here.mark_text(align=align, x=alt.expr(across_px), y=alt.expr(down_px)).encode(text=alt.Text("label:N"))
        layers.append(layer_of(text, [{"label": words}]))
    turning = here.transform_calculate(
        x="brytpunkt", y="0", t=f"'Brytpunkt\\n' + format(brytpunkt, ',.2f') + '{NO_BREAK_SPACE}kr per timme'"
    )
    today = here.transform_calculate(
        x="kostnad",
        y="besparing",
        t=f"'Kostnad: ' + format(kostnad, ',.2f') + '{NO_BREAK_SPACE}kr per timme\\n"
        f"Besparing: ' + format(besparing, ',.0f') + '{NO_BREAK_SPACE}tkr per år'",
    )
    marks = [
        turning.mark_point(shape="diamond", size=130, filled=True, color=COLOURS[1], opacity=1, clip=True).encode(
            x=x, y=y, tooltip=alt.Tooltip("t:N")
        ),
        turning.mark_text(align="left", dx=10, dy=17, color=COLOURS[1], fontWeight="bold", clip=True).encode(
            x=x, y=y, text=alt.value("Brytpunkt")
        ),
        today.mark_point(size=140, filled=True, color=COLOURS[0], opacity=1, clip=True).encode(
            x=x, y=y, tooltip=alt.Tooltip("t:N")
        ),
        today.mark_text(align="right", dx=-12, dy=-7, fontWeight="bold", clip=True).encode(
            x=x, y=y, text=alt.Text("y:Q", format=",.0f")
        ),
    ]
    layers += [layer_of(mark, [{"x": 0}]) for mark in marks]
    title = {"text": "Besparing, tkr per år", "fontWeight": "normal", "offset": 12}
    beside = max(text_width(number(value)) for value in (low, high)) + 16
    return described(layered(layers, params=parameters, width=round(WIDTH - beside), height=280, title=title), (), 250)


def _expression(formula) -> str:
    """Return a formula of parameters as the text that Vega reads."""
    return str(getattr(formula, "expr", formula))


def _vertical(first: Mapping[str, float], ratio: float, ranges: Sequence[Slider]) -> tuple[float, float]:
    """Return a range of savings that holds the line with any one slider moved a third of the way to its end."""
    found = [0.0]
    ends = next(one for one in ranges if one.name == "kostnad")
    for one in ranges:
        for end in (one.low, one.high):
            values = {**first, one.name: (2 * first[one.name] + end * one.factor) / 3}
            found += [outcome({**values, "kostnad": cost}, ratio).saved for cost in (ends.low, ends.high)]
    return min(found), max(found)


def specification(municipality: Municipality, chart: dict) -> dict:
    """Return what the script in the page needs: the chart, the sliders, the starts and the words."""
    return {
        "chart": live_specification(chart),
        "sliders": [
            {"name": one.name, "unit": one.unit, "decimals": one.decimals, "factor": one.factor}
            for one in sliders(municipality)
        ],
        "starts": [dict(one.values) for one in starts(municipality)],
        "sentences": SENTENCES,
        "smallest_in_mnkr": SMALLEST_IN_MNKR,
    }


def _shown(slider: Slider, value: float) -> str:
    return f"{number(value / slider.factor, slider.decimals)}{NO_BREAK_SPACE}{slider.unit}"


@dataclass(frozen=True)
class InteractiveView:
    """The chart with its sliders; complete as SVG and words where no script runs."""

    municipality: Municipality
    result: Result
    title: str
    note: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        begin = starts(self.municipality)
        finding = sentence(outcome(begin[0].values, raise_ratio(self.municipality)))
        chart = saving_chart(self.municipality)
        id_ = f"{self.result.id}-prova"
        html = render(
            "interactive.html.j2",
            self.municipality,
            self.result,
            self.title,
            id=id_,
            finding=finding,
            note=self.note,
            starts=[one.label for one in begin],
            sliders=[
                {
                    "name": one.name,
                    "label": one.label,
                    "low": f"{one.low:.10g}",
                    "high": f"{one.high:.10g}",
                    "step": f"{one.step:.10g}",
                    "value": f"{begin[0].values[one.name] / one.factor:.10g}",
                    "shown": _shown(one, begin[0].values[one.name]),
                }
                for one in sliders(self.municipality)
            ],
            svg=to_svg(chart, f"{self.title}. {finding}"),
            specification=as_json(specification(self.municipality, chart)),
            download=False,
        )
        told = chart_facts(self.municipality, self.result, id_, self.title, finding)
        return {"text/html": html, "text/plain": f"{self.title}. {finding}"}, told
