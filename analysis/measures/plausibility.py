"""Figures that can each be read but cannot both be right: what `check` warns of, though it stops nothing.

Each rule is a function of the evidence that yields doubts; `RULES` gives it the name by which an analyst says that a
doubt is looked into. How far apart figures may lie is in data/nationellt/rimlighet.yml, each bound with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from analysis.measures import plausible_money, plausible_rates, plausible_volumes, plausible_words, plausible_years
from analysis.measures.evidence import Evidence
from analysis.sources.doubts import Doubt, Review
from analysis.sources.municipality import Municipality

RULES: dict[str, Callable[[Evidence], Iterator[Doubt]]] = {
    "helhet_och_delar": plausible_money.whole_and_parts,
    "del_av_helheten": plausible_money.shares_of_the_whole,
    "storre_an_kostnaden": plausible_money.larger_than_the_cost,
    "kostnad_per_timme": plausible_money.cost_per_hour,
    "kostnad_per_brukare": plausible_money.cost_per_user,
    "budget_i_kronor_och_volym": plausible_money.budget_and_volume,
    "avvikelse_i_kronor_och_timmar": plausible_money.deviation_and_volume,
    "bidrag_och_timmar": plausible_money.grants_and_hours,
    "kostnad_per_invanare": plausible_money.cost_per_inhabitant,
    "konton_och_ekonomi": plausible_money.accounts_and_economy,
    "hopp": plausible_years.jumps,
    "budget_och_utfall": plausible_years.budget_and_outcome,
    "samma_belopp": plausible_years.repeated_amounts,
    "negativ_kostnad": plausible_years.negative_costs,
    "utanfor_perioden": plausible_years.outside_the_period,
    "brukare_och_timmar": plausible_volumes.hours_per_user,
    "timmar_pa_tre_satt": plausible_volumes.stated_hours,
    "nettoinflode": plausible_volumes.flow_and_stock,
    "brukare_vid_tidpunkt": plausible_volumes.counted_once,
    "val_av_utforare": plausible_volumes.choice_of_provider,
    "samma_uppgift": plausible_volumes.same_figure,
    "angiven_avvikelse": plausible_volumes.stated_deviation,
    "tryckt_siffra": plausible_volumes.printed_figures,
    "fel_enhet": plausible_rates.wrong_unit,
    "andel": plausible_rates.shares,
    "belopp_per_timme": plausible_rates.hourly_rates,
    "loneokning": plausible_rates.wage_growth,
    "andelar_i_riket": plausible_rates.national_shares,
    "sma_antal_i_text": plausible_words.small_counts_in_words,
}


def review(municipality: Municipality, data_directory: Path) -> Review:
    """Return the doubts about a municipality's figures, and what its card says of them.

    The rows of `publicerat` must have passed their own check.
    """
    evidence = Evidence(municipality, data_directory)
    doubts = [replace(one, rule=name) for name, rule in RULES.items() for one in rule(evidence)]
    reasons = {one.doubt: one.reason for one in municipality.acknowledged}
    known = {one.id for one in doubts}
    return Review(
        evidence.card,
        tuple(one for one in doubts if one.id not in reasons),
        tuple((one, reasons[one.id]) for one in doubts if one.id in reasons),
        tuple(name for name in reasons if name not in known),
    )
