"""Fetch from Kolada what data/nationellt/kolada.yml lists, keep the answers as they came, write tables from them."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from analysis.sources.faults import DataError, Fault, shown_path
from analysis.sources.fetch_plan import GROUP_NOTE, PLAN_FILE, REGION_START, Area, Card, Plan, read_cards, read_plan
from analysis.sources.fetched_tables import Outcome, tables
from analysis.sources.kept import Fetched, alone, answers_folder, kept_fetches, named, packed, swap
from analysis.sources.kolada import (
    APART,
    Kolada,
    KoladaFault,
    Kpi,
    Patience,
    chunks,
    read_kpis,
    read_observations,
    read_titles,
)


def fetch(
    slugs: Sequence[str],
    data: Path,
    *,
    address: str | None = None,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
    tell: Callable[[str], None] = print,
) -> Outcome:
    """Fetch for the municipalities named, or for all; keep the answers, rewrite the tables and say what changed.

    Raises DataError where the data folder is at fault, KoladaFault where Kolada's answer is not whole or not what it
    used to be, and OSError where a file cannot be written; then nothing has changed.
    """
    plan, sources = read_plan(data)
    cards = read_cards(slugs, data)
    kolada = Kolada(address or plan.address, patience=patience or Patience(), sleep=sleep, tell=tell)
    with alone(data):
        return _fetch(plan, sources, cards, kolada, data, tell)


def _fetch(
    plan: Plan,
    sources: Collection[str],
    cards: Sequence[Card],
    kolada: Kolada,
    data: Path,
    tell: Callable[[str], None],
) -> Outcome:
    outcome = Outcome()
    tell(
        f"Frågar Kolada ({kolada.address}) om {len(plan.wanted)} nyckeltal för {len(cards)} "
        f"{'kommun' if len(cards) == 1 else 'kommuner'}."
    )
    _check_kpis(kolada, plan)
    areas = _find_areas(kolada, plan, cards, data, outcome)
    _ask_data(kolada, plan, areas, outcome)
    new = Fetched(
        datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        areas,
        tuple(one.kpi for one in plan.wanted),
        tuple(kolada.answers),
    )
    kept = kept_fetches(data)
    path, new = named(new, kept, data)
    outcome.notes += _other_groups(kept, new)
    files: dict[Path, bytes | None] = {path: packed(new, kolada.address)}
    files |= tables(plan, [*kept, new], sources, data, outcome)
    swap(files)
    return outcome


def rebuild(slugs: Sequence[str], data: Path) -> Outcome:
    """Rewrite the tables from the answers that are kept, without asking anyone; raises as `fetch`."""
    plan, sources = read_plan(data)
    read_cards(slugs, data)
    with alone(data):
        return _rebuild(plan, sources, slugs, data)


def _rebuild(plan: Plan, sources: Collection[str], slugs: Sequence[str], data: Path) -> Outcome:
    kept = kept_fetches(data)
    missing = [slug for slug in slugs if not any(slug in one.areas for one in kept)]
    if not kept or missing:
        what = f"för {', '.join(missing)}" if missing else "ännu"
        raise DataError(
            [
                Fault(
                    shown_path(answers_folder(data), data),
                    f"inget är hämtat {what}",
                    "svar från en tidigare hämtning",
                    "kör fetch utan --offline på en dator som har nät",
                )
            ]
        )
    outcome = Outcome()
    swap(tables(plan, kept, sources, data, outcome))
    return outcome


def _check_kpis(kolada: Kolada, plan: Plan) -> None:
    """Refuse a key figure that Kolada has taken away or renamed, since it may then mean something else."""
    known: dict[str, Kpi] = {}
    for ids in chunks([one.kpi for one in plan.wanted]):
        known |= read_kpis(kolada.rows("kpi", f"kpi/{','.join(ids)}"))
    wrong = []
    for one in plan.wanted:
        if one.kpi not in known:
            wrong.append(
                f"Nyckeltalet {one.kpi} ({one.title}) finns inte längre hos Kolada. Ta bort det ur "
                f"{PLAN_FILE}, eller ersätt det."
            )
        elif known[one.kpi].title != one.title:
            wrong.append(
                f"Nyckeltalet {one.kpi} hette ”{one.title}” men heter nu ”{known[one.kpi].title}”. Se efter "
                f"hos Kolada om det fortfarande mäter samma sak, och skriv i så fall den nya titeln i "
                f"{PLAN_FILE}."
            )
    if wrong:
        raise KoladaFault("\n".join(wrong))


def _find_areas(
    kolada: Kolada, plan: Plan, cards: Sequence[Card], data: Path, outcome: Outcome
) -> dict[str, tuple[Area, ...]]:
    """Return each municipality's areas: its own, the nation, its region, its groups and those it is compared with."""
    places = read_titles(kolada.rows("municipality", "municipality"))
    groups = read_titles(kolada.rows("group", "municipality_groups"))
    by_title = {title: id_ for id_, title in places.items() if not id_.startswith(REGION_START)}
    if plan.nation.id not in places:
        raise KoladaFault(
            f"Koden {plan.nation.id} för {plan.nation.name} finns inte bland Koladas områden. "
            "Listan kom kanske inte hel; försök igen."
        )
    faults, found = [], {}
    for card in cards:
        path = shown_path(data / "kommuner" / card.slug / "kommun.yml", data)
        there = places.get(card.code)
        if there is None:
            faults.append(
                Fault(
                    path,
                    "Kolada har ingen kommun med koden",
                    "kommunens kod hos SCB",
                    "rätta koden",
                    column="kod",
                    value=card.code,
                )
            )
            continue
        if there != card.area:
            faults.append(
                Fault(
                    path,
                    f"hos Kolada har {there} den koden, inte {card.area}",
                    "kommunens egen kod, och namnet som Kolada skriver det",
                    f"rätta koden, eller skriv omrade: {there}",
                    column="kod",
                    value=card.code,
                )
            )
            continue
        areas = [Area(card.code, card.area), plan.nation]
        region = REGION_START + card.code[:2]
        if region in places:
            areas.append(Area(region, places[region]))
        else:
            outcome.notes.append(f"{card.area}: Kolada har ingen region med koden {region}.")
        for titles in plan.groups:
            group = _find_group(titles, card, groups)
            if group:
                areas.append(group)
                same = [id_ for id_, title in groups.items() if title == groups[group.id]]
                if len(same) > 1:
                    outcome.notes.append(
                        f"{card.area}: Kolada har flera grupper som heter ”{groups[group.id]}”; {group.id} används."
                    )
                if group.name != _filled(titles[0], card):
                    outcome.notes.append(
                        f"{card.area}: gruppen ”{_filled(titles[0], card)}” finns inte, så "
                        f"”{group.name}” används i stället."
                    )
            else:
                outcome.notes.append(f"{card.area}: gruppen ”{_filled(titles[0], card)}” finns inte hos Kolada.")
        areas += [Area(by_title[name], name) for name in card.compare_with if name in by_title]
        unknown = [name for name in card.compare_with if name not in {*by_title, *(area.name for area in areas)}]
        if unknown:
            outcome.notes.append(
                f"{card.area}: Kolada har ingen kommun som heter {' eller '.join(unknown)}, som står under jamfor_med "
                f"i {path}."
            )
        found[card.slug] = tuple(dict.fromkeys(areas))
    if faults:
        raise DataError(faults)
    return found


def _filled(title: str, card: Card) -> str:
    return title.replace("{kommun}", card.area).replace("{lan}", card.county)


def _find_group(titles: Iterable[str], card: Card, groups: Mapping[str, str]) -> Area | None:
    """Return the first group that exists, of several years the last, named without its year."""
    for title in (_filled(title, card) for title in titles):
        fits = re.compile(re.escape(title) + r"(?:, (\d{4}))?")
        matches = [(match[1] or "", id_) for id_, full in groups.items() if (match := fits.fullmatch(full))]
        if matches:
            id_ = max(matches)[1]
            return Area(id_, title, f"{GROUP_NOTE}{groups[id_]} ({id_})")
    return None


def _other_groups(kept: Iterable[Fetched], new: Fetched) -> list[str]:
    """Return which groups are not the ones of the last time; all their values are then of other municipalities."""
    before = {slug: one.areas[slug] for one in kept for slug in one.areas}
    notes = []
    for slug, areas in new.areas.items():
        last = {area.name: area for area in before.get(slug, ())}
        notes += [
            f"{areas[0].name}: ”{area.name}” är nu Koladas grupp {area.group}; förra gången var det "
            f"{last[area.name].group}."
            for area in areas
            if area.note and area.name in last and last[area.name].id != area.id
        ]
    return notes


def _ask_data(kolada: Kolada, plan: Plan, areas: Mapping[str, Sequence[Area]], outcome: Outcome) -> None:
    """Ask for every key figure and area, and once more, by itself, for each that did not come."""
    every = list({area.id: area for own in areas.values() for area in own}.values())
    rows: list[dict] = []
    by_areas: dict[tuple[str, ...], list[str]] = {}
    for one in plan.wanted:
        by_areas.setdefault(tuple(area.id for area in every if one.suits(area)), []).append(one.kpi)
    for ids, kpis in by_areas.items():
        for some_kpis in chunks(kpis):
            for some in chunks(ids):
                rows += kolada.rows("data", f"data/kpi/{','.join(some_kpis)}/municipality/{','.join(some)}")
    came = _came(rows)
    for one in plan.wanted:
        ids = [area.id for area in every if one.suits(area)]
        for some in chunks([id_ for id_ in ids if (one.kpi, id_) not in came]):
            again = kolada.rows("data", f"data/kpi/{one.kpi}/municipality/{','.join(some)}")
            found = _came(again)
            if found:
                outcome.notes.append(
                    f"{one.kpi}: {len(found)} {'område' if len(found) == 1 else 'områden'} fattades i Koladas första "
                    "svar men kom i ett andra."
                )
            came |= found
        if not any((one.kpi, id_) in came for id_ in ids):
            raise KoladaFault(
                f"Kolada gav inga rader alls för {one.kpi} ({one.title}). Försök igen senare; har "
                f"nyckeltalet tagits bort hos Kolada, ta bort det ur {PLAN_FILE}."
            )


def _came(rows: Iterable[dict]) -> set[tuple[str, str]]:
    """Return the key figures and areas of which something is said for both sexes together."""
    return {(one.kpi, one.area) for one in read_observations(rows).values() if one.status != APART}
