"""Makes municipalities that do not exist, with data that carry every chapter: `python tests/bench/synthetic.py`.

Levels are plausible, and each municipality departs from them by factors drawn from its own seed, so that the same seed
and number give the same bytes, and a municipality is the same however many others there are. Everything says that it
is made up: the name, the card, the sources, and through the card every page.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# What tells that a folder was made here and may be taken away.
MARKER = ".assistansboken-matning"
YEARS = range(2020, 2026)
LAST = YEARS[-1]
FETCHED_YEARS = range(2015, 2026)
# No Swedish municipality has a code above 2584.
FIRST_CODE = 9001
COUNTIES = 21
PEERS = 3
# One municipality in so many keeps the protection of small counts.
PROTECTED_EVERY = 10
COMPARED = "syntet_jamforelse"
MADE_BY = "Assistansboken, uppgifter påhittade för mätning"
# Weeks in a year, and hours that a user with SFB or LSS has in one.
WEEKS, SFB_HOURS, LSS_HOURS = 52.18, 5200, 3050
CHAPTERS = {
    "kostnader": "kostnaderna",
    "lagandringar": "lagändringarna",
    "sfb": "assistansersättningen",
    "lss": "LSS",
    "utforare": "utföraren",
    "egenregi": "den egna regin",
    "organisation": "organisationen",
    "val": "valet av utförare",
    "driftformer": "driftformerna",
    "upphandling": "en upphandling",
    "forstatligande": "ett statligt övertagande",
    "slutsatser": "helheten",
}
SAYINGS = (
    "Påhittad iakttagelse om {topic}: utvecklingen följer av fler beslut och längre tider för varje beslut",
    "Påhittad iakttagelse om {topic}: nämnden fick besked sent och kunde inte planera för hela året",
    "Påhittad iakttagelse om {topic}: skillnaderna mellan åren beror mest på några få beslut med många timmar",
)
ACCOUNTS = (
    ("20", "Personal", 0.94),
    ("21", "Lokaler", 0.004),
    ("24", "Konsulter och inhyrd personal", 0.006),
    ("25", "Varor och tjänster", 0.02),
    ("29", "Intern resursfördelning", 0.03),
)
CONDITIONS = (
    ("heltidsmatt_1", 37, "timmar per vecka", "Heltidsmått"),
    ("heltidsmatt_2", 36.33, "timmar per vecka", "Heltidsmått"),
    ("heltidsmatt_3", 34.33, "timmar per vecka", "Heltidsmått"),
    ("heltidsmatt_privat", 40, "timmar per vecka", "Heltidsmått som privata utförare oftast använder"),
    ("jour_grundlon_andel", 0.5, "andel av grundlönen", "Ersättning för varje jourtimme"),
    ("jour_ob_andel", 0.5, "andel av ob-ersättningen", "Ersättning för varje jourtimme"),
    ("jour_tillagg_vardag_andel", 0.3, "andel av timlönen", "Tillägg för jourtimme på vardag"),
    ("jour_tillagg_helg_andel", 0.6, "andel av timlönen", "Tillägg för jourtimme på helg"),
    ("jour_grans", 50, "timmar per månad", "Jourtimmar innan extra jourersättning betalas"),
    ("jour_over_grans_andel", 1.1, "andel", "Extra jourersättning för timmar över gränsen"),
    ("jour_minsta_bemanning", 4, "medarbetare", "Minsta antal på roterande jourschema"),
    ("jour_onskad_bemanning", 2, "medarbetare", "Önskvärt antal på jouren"),
    ("kort_insats_minst", 10, "minuter", "Kortaste insatsen"),
    ("kort_insats_hogst", 90, "minuter", "Längsta insatsen"),
    ("uppsagningstid_pan", 1, "månader", "Uppsägningstid enligt PAN-avtalet"),
    ("fa_timmar_grans", 30, "timmar per vecka", "Beviljade timmar under vilka ersättningen oftast är för låg"),
)

Tables = dict[str, list[dict]]


class FolderFault(Exception):
    """A folder is not ours to write in or take away."""


def slug_of(number: int) -> str:
    """Return the folder name of a synthetic municipality."""
    return f"syntet-{number:03}"


def name_of(number: int) -> str:
    """Return the name of a synthetic municipality, its area in the national tables too."""
    return f"Syntetkommun {number:03}"


def own_folder(folder: Path) -> None:
    """Make a folder with its marker; raises FolderFault where another has put something there."""
    if folder.exists() and not (folder / MARKER).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderFault(f"{folder} was not made by this program; name another folder, or empty it yourself")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("Made by tests/bench; may be taken away.\n", encoding="utf-8")


def remove_folder(folder: Path) -> None:
    """Take away a folder that `own_folder` made; raises FolderFault for any other."""
    if not folder.exists():
        return
    if folder.is_symlink() or not (folder / MARKER).is_file():
        raise FolderFault(f"{folder} was not made by this program and is left as it is")
    shutil.rmtree(folder)


def make_data(folder: Path, count: int, seed: int = 1, data: Path = ROOT / "data") -> list[str]:
    """Write a data folder with so many synthetic municipalities beside the nation's own tables; return their slugs.

    Raises FolderFault where the folder holds anything not made here.
    """
    own_folder(folder)
    for path in (folder / "kommuner", folder / "nationellt"):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(data / "nationellt", folder / "nationellt", ignore=shutil.ignore_patterns("kolada", ".*"))
    rates = _rates(data)
    sources = {COMPARED: {"titel": "Påhittade jämförelsetal", "utgivare": MADE_BY, "datum": "2026"}}
    fetched: Tables = _nation()
    for number in range(1, count + 1):
        one = _draw(number, seed, rates)
        sources[one.document] = {
            "titel": f"Påhittad utredning om personlig assistans i {one.name}",
            "utgivare": MADE_BY,
            "datum": "2026",
            "anmarkning": "Utredningen och kommunen finns inte.",
        }
        home = folder / "kommuner" / slug_of(number)
        home.mkdir(parents=True)
        (home / "kommun.yml").write_text(_yaml(_card(one, count)), encoding="utf-8", newline="\n")
        for name, rows in _tables(one).items():
            _write(home / f"{name}.csv", rows)
        for name, rows in _fetched(one).items():
            fetched.setdefault(name, []).extend(rows)
    for name, rows in fetched.items():
        _write(folder / "nationellt" / "kolada" / f"{name}.csv", rows)
    register = (data / "kallor.yml").read_text(encoding="utf-8").rstrip("\n")
    (folder / "kallor.yml").write_text(f"{register}\n{_yaml(sources)}", encoding="utf-8", newline="\n")
    return [slug_of(number) for number in range(1, count + 1)]


@dataclass(frozen=True)
class Rates:
    """What law sets, by year: kronor per hour, and hours a week that the municipality pays."""

    amount: Mapping[int, float]
    ceiling: float
    first_hours: float


@dataclass
class Drawn:
    """A municipality's figures by year, from which its tables are written."""

    number: int
    rates: Rates
    chance: random.Random
    inhabitants: dict[int, int]
    users: dict[str, dict[int, int]]
    budgeted: dict[int, int]
    own: dict[str, dict[int, int]]
    hours: dict[int, int]
    budgeted_hours: dict[int, int]
    own_hours: dict[str, dict[int, int]]
    economy: dict[tuple[int, str], tuple[int, int]]
    accounts: dict[int, list[tuple[str, str, str, int]]]

    @property
    def name(self) -> str:
        """The municipality's name."""
        return name_of(self.number)

    @property
    def document(self) -> str:
        """The source that its figures are said to come from."""
        return f"syntet_{self.number:03}"

    @property
    def county(self) -> str:
        """A county that does not exist, shared with others."""
        return f"Påhittat län {self.number % COUNTIES + 1}"


def _rates(data: Path) -> Rates:
    values = yaml.safe_load((data / "nationellt" / "parametrar.yml").read_bytes())

    def latest(name: str, year: int) -> float:
        dated = values[name]["varden"]
        return dated[max(day for day in dated if day <= datetime.date(year, 12, 31))]["varde"]

    return Rates(
        {year: latest("schablonbelopp", year) for year in YEARS},
        latest("hojt_belopp_tak", LAST),
        latest("forsta_timmar", LAST),
    )


def _draw(number: int, seed: int, rates: Rates) -> Drawn:
    chance = random.Random(f"{seed}:{number}")
    vary = chance.uniform
    people = round(45_000 * (4 ** vary(0, 1)))
    inhabitants = {year: round(people * (1 + 0.006 * (year - LAST))) for year in FETCHED_YEARS}
    growth, decline = vary(1.01, 1.04), vary(0.97, 1.0)
    sfb, lss = people / 1000 * vary(1.15, 1.45), people / 1000 * vary(0.5, 0.65)
    users = {"sfb": {}, "lss": {}}
    for position, year in enumerate(YEARS):
        users["sfb"][year] = round(sfb * growth**position * vary(0.99, 1.01))
        users["lss"][year] = round(lss * decline**position * vary(0.99, 1.01))
    share = vary(0.2, 0.28)
    own = {law: {year: max(5, round(share * count)) for year, count in users[law].items()} for law in users}
    each = LSS_HOURS * vary(0.95, 1.05)
    hours = {year: round(count * each * vary(0.98, 1.02)) for year, count in users["lss"].items()}
    budgeted = {year: round(count * vary(0.97, 1.02)) for year, count in users["sfb"].items()}
    budgeted_hours = {year: round(count * vary(0.97, 1.02), -2) for year, count in hours.items()}
    own_hours = {
        "sfb": {year: round(count * SFB_HOURS * vary(0.95, 1.05)) for year, count in own["sfb"].items()},
        "lss": {year: round(hours[year] * own["lss"][year] / users["lss"][year] * 0.97) for year in YEARS},
    }
    price, dearer = vary(0.99, 1.02), vary(1.07, 1.16)
    economy, accounts = {}, {}
    for year in YEARS:
        amount = rates.amount[year]
        first = rates.first_hours * WEEKS * amount / 1000
        economy[year, "sfb"] = (round(budgeted[year] * first), round(users["sfb"][year] * first * vary(0.97, 1.04)))
        economy[year, "lss"] = (
            round(budgeted_hours[year] * amount * price / 1000),
            round(hours[year] * amount * price * vary(0.99, 1.01) / 1000),
        )
        time = sum(own_hours[law][year] for law in own_hours)
        cost = time * amount * dearer * vary(0.99, 1.01) / 1000
        costs = [(code, name, "kostnad", round(cost * part * vary(0.97, 1.03))) for code, name, part in ACCOUNTS]
        revenues = [
            ("11", "Försäljning av verksamhet", "intakt", round(cost * vary(0.005, 0.01))),
            ("12", "Bidrag", "intakt", round(own_hours["sfb"][year] * amount * vary(0.98, 1.01) / 1000)),
            ("19", "Intern resursfördelning", "intakt", round(own_hours["lss"][year] * amount / 1000)),
        ]
        accounts[year] = [*revenues, *costs]
        net = sum(row[3] for row in costs) - sum(row[3] for row in revenues)
        economy[year, "utforare"] = (round(net * vary(0.8, 1.1)), net)
    return Drawn(
        number, rates, chance, inhabitants, users, budgeted, own, hours, budgeted_hours, own_hours, economy, accounts
    )


def _card(one: Drawn, count: int) -> dict:
    others = [slug_of((one.number - 1 + step) % count + 1) for step in range(1, PEERS + 1)]
    card = {
        "namn": one.name,
        "kod": str(FIRST_CODE + one.number - 1),
        "syntetisk": True,
        "lan": one.county,
        "namnd": "nämnden",
        "uppdrag": "pröva hur fort en bok byggs, med påhittade uppgifter",
        "uppdrag_kalla": one.document,
        "uppdrag_plats": "Avsnitt 1",
        "period": {"fran": YEARS[0], "till": LAST},
        "omrade": one.name,
        "jamfor_med": ["Riket"],
        "grannar": [slug for slug in dict.fromkeys(others) if slug != slug_of(one.number)],
        "dokument": one.document,
    }
    if one.number % PROTECTED_EVERY:
        card["sma_tal"] = {"visas": "Uppgifterna är påhittade och gäller ingen människa."}
    return card


def _tables(one: Drawn) -> Tables:
    vary, own_total = one.chance.uniform, {year: one.own["sfb"][year] + one.own["lss"][year] for year in YEARS}

    def said(place: str, rows: Sequence[dict]) -> list[dict]:
        return [{**row, "kalla": one.document, "plats": place, "status": ""} for row in rows]

    tables: Tables = {
        "ekonomi": said(
            "Avsnitt 2, tabellen över kostnader",
            [
                {"ar": year, "verksamhet": part, "budget_tkr": budget, "nettokostnad_tkr": cost}
                for (year, part), (budget, cost) in sorted(
                    one.economy.items(), key=lambda item: (item[0][1], item[0][0])
                )
            ],
        ),
        "brukare": said(
            "Avsnitt 3, tabellen över brukare",
            [
                {
                    "ar": year,
                    "verksamhet": part,
                    "budget_antal": one.budgeted[year] if part == "sfb" else "",
                    "utfall_antal": counts[year],
                }
                for part, counts in (*one.users.items(), ("utforare", own_total))
                for year in YEARS
            ],
        ),
        "timmar": said(
            "Avsnitt 3, tabellen över timmar",
            [
                {
                    "ar": year,
                    "verksamhet": "lss",
                    "budget_timmar": one.budgeted_hours[year],
                    "utfall_timmar": one.hours[year],
                }
                for year in YEARS
            ],
        ),
        "floden": said("Avsnitt 3, tabellen över nya och avslutade", _flows(one)),
        "engangsposter": said(
            "Avsnitt 2",
            [
                {
                    "ar": LAST - 1,
                    "verksamhet": "sfb",
                    "belopp_tkr": round(one.economy[LAST - 1, "sfb"][1] * 0.04),
                    "hor_till_ar": LAST - 2,
                    "beskrivning": "Påhittad debitering för året före",
                },
                {
                    "ar": LAST,
                    "verksamhet": "sfb",
                    "belopp_tkr": -round(one.economy[LAST, "sfb"][1] * 0.02),
                    "hor_till_ar": "",
                    "beskrivning": "Påhittad återbetalning",
                },
            ],
        ),
        "bidrag": said(
            "Avsnitt 2",
            [
                {
                    "ar": year,
                    "verksamhet": "sfb",
                    "belopp_tkr": round(one.economy[year, "sfb"][1] * vary(0.008, 0.012)),
                    "beskrivning": "Påhittat statsbidrag",
                }
                for year in YEARS
            ],
        ),
        "prognoser": said(
            "Avsnitt 2",
            [
                {
                    "avser_ar": LAST,
                    "ordning": number,
                    "tillfalle": occasion,
                    "budgetavvikelse_mnkr": -round(
                        sum(one.economy[LAST, part][0] for part in ("sfb", "lss")) * share / 1000, 1
                    ),
                }
                for number, (occasion, share) in enumerate(
                    (("Ekonomisk prognos", vary(0.02, 0.05)), ("Delårsrapport", vary(0.02, 0.05))), start=1
                )
            ],
        ),
        "loner": said(
            "Avsnitt 4",
            [
                {
                    "fran_ar": YEARS[0],
                    "till_ar": LAST - 1,
                    "grupp": f"Assistenter i {one.name}",
                    "okning_procent": round(vary(11, 19), 1),
                }
            ],
        ),
        "villkor": said(
            "Avsnitt 4, villkoren",
            [
                {"villkor": name, "varde": value, "enhet": unit, "beskrivning": text}
                for name, value, unit, text in CONDITIONS
            ],
        ),
        "fakta": said("Avsnitt 5", _facts(one)),
        "iakttagelser": said(
            "Avsnitt 6",
            [
                {"ordning": position, "kapitel": chapter, "iakttagelse": saying.format(topic=topic)}
                for position, (chapter, topic, saying) in enumerate(
                    ((chapter, topic, saying) for chapter, topic in CHAPTERS.items() for saying in SAYINGS), start=1
                )
            ],
        ),
        "konton": said(
            "Avsnitt 5, kontona",
            [
                {"ar": year, "konto": code, "benamning": label, "slag": kind, "belopp_tkr": amount}
                for year, rows in one.accounts.items()
                for code, label, kind, amount in rows
            ],
        ),
        "tillskott": said(
            "Avsnitt 5",
            [
                {
                    "ar": LAST,
                    "beskrivning": "Påhittat anslag för högre påslag",
                    "belopp_tkr": round(one.economy[LAST, "utforare"][1] * 0.3),
                }
            ],
        ),
        "egen_regi": said(
            "Avsnitt 5, tabellen över timmar",
            [
                {
                    "ar": year,
                    "lag": law,
                    "utforda_timmar": one.own_hours[law][year],
                    "brukare_antal": one.own[law][year],
                    "brukare_tidpunkt": f"{year}-12",
                }
                for law in ("lss", "sfb")
                for year in YEARS
            ],
        ),
        "val_av_utforare": said(
            "Avsnitt 5, valet av utförare",
            [
                {
                    "tidpunkt": f"{LAST}-12",
                    "lag": law,
                    "totalt_antal": total,
                    "kommunen_antal": chosen,
                    "egen_arbetsgivare_antal": round(total * 0.07) if law == "alla" else "",
                }
                for law, total, chosen in (
                    ("alla", sum(one.users[law][LAST] for law in one.users), own_total[LAST]),
                    *((law, one.users[law][LAST], one.own[law][LAST]) for law in one.users),
                )
            ],
        ),
        "scenario": said("Avsnitt 5, räkneexemplet", _scenario(one)),
        "motsagelser": [
            {**row, "kalla_2": one.document, "plats_2": "Avsnitt 6"} for row in said("Avsnitt 2", _contradictions(one))
        ],
    }
    tables["publicerat"] = _printed(one, tables)
    return tables


def _flows(one: Drawn) -> list[dict]:
    sfb, rows = one.users["sfb"], []
    for group, part in (("alla", 1.0), ("barn", 0.4)):
        for year in YEARS[1:]:
            ended = round(sfb[year] * one.chance.uniform(0.05, 0.07) * part)
            new = max(ended + round((sfb[year] - sfb[year - 1]) * part), 3)
            rows.append(
                {
                    "ar": year,
                    "grupp": group,
                    "fran_lss_antal": round(new * 0.3),
                    "nya_antal": new,
                    "avslutade_antal": ended,
                }
            )
    return rows


def _facts(one: Drawn) -> list[dict]:
    users = one.own["sfb"][LAST] + one.own["lss"][LAST]
    units = max(1, users // 12)
    overrun = sum(row[3] for row in one.accounts[LAST] if row[2] == "kostnad") * 0.03 / 1000
    facts = (
        ("satt_att_valja_utforare", "", 3, "antal", "Sätt att få assistansen utförd"),
        ("enheter", "", units, "antal", "Enheter i den egna regin"),
        ("enhetschefer", "", units, "antal", "Enhetschefer"),
        ("bitradande_enhetschefer", "", 1, "antal", "Biträdande enhetschefer"),
        ("brukare_per_enhet", "", users // units, "antal", "Brukare i varje enhet"),
        ("arsarbetare_per_enhet", "", round(users / units * 3.2), "antal", "Årsarbetare i varje enhet"),
        ("anstallda", "", round(users * 4.6), "antal", "Anställda i alla enheter"),
        ("jour_dubbelbemanning", LAST, round(overrun, 1), "mnkr", "Kostnad för jour och dubbelbemanning"),
        ("kollektivavtal", "", 2, "antal", "Kollektivavtal för personliga assistenter"),
    )
    return [dict(zip(("uppgift", "tidpunkt", "varde", "enhet", "beskrivning"), fact, strict=True)) for fact in facts]


def _scenario(one: Drawn) -> list[dict]:
    amount, users = one.rates.amount[LAST], {law: counts[LAST] for law, counts in one.users.items()}
    own = {law: counts[LAST] for law, counts in one.own.items()}
    time = sum(hours[LAST] for hours in one.own_hours.values())
    cost = sum(row[3] for row in one.accounts[LAST] if row[2] == "kostnad")
    hour = "kr per timme"
    rows = (
        ("ar", "alla", LAST, "år"),
        ("timmar", "alla", time, "timmar"),
        ("brukare_antal", "alla", sum(own.values()), "antal"),
        ("brukare_sfb_antal", "alla", own["sfb"], "antal"),
        ("brukare_andra_antal", "alla", sum(users.values()) - sum(own.values()), "antal"),
        ("brukare_andra_sfb_antal", "alla", users["sfb"] - own["sfb"], "antal"),
        ("kostnad_kr_per_timme", "egen_regi", round(cost * 1000 / time, 2), hour),
        ("ersattning_kr_per_timme", "alla", amount, hour),
        ("ersattning_hojd_kr_per_timme", "alla", round(amount * one.rates.ceiling, 2), hour),
        ("hojd_andel", "alla", 0.25, "andel"),
        ("pris_kr_per_timme", "lov", amount, hour),
        ("leverantorer_antal", "lou", 1, "antal"),
    )
    return [
        {"indata": name, "driftform": form, "varde": value, "enhet": unit, "beskrivning": "Påhittat underlag"}
        for name, form, value, unit in rows
    ]


def _contradictions(one: Drawn) -> list[dict]:
    rows = []
    for position, year in enumerate(YEARS, start=1):
        given, other = one.economy[year, "lss"][1], round(one.economy[year, "lss"][1] * 1.01)
        rows.append(
            {
                "ordning": position,
                "uppgift": f"LSS-kostnaden {year} i tabellen och i texten",
                "forsta_tryckt": f"{_grouped(given)} tkr",
                "forsta_tal": given,
                "andra_tryckt": f"{_grouped(other)} tkr",
                "andra_tal": other,
                "enhet": "tkr",
                "orsak": "Påhittad: texten räknar troligen med en senare rättelse",
            }
        )
    return rows


def _printed(one: Drawn, tables: Tables) -> list[dict]:
    """Return what the document is said to print: cells of the tables, sums of them, and two figures that are wrong."""
    rows: list[dict] = []

    def add(place, what, when, value, unit, source, choice, key, column, words="tkr"):
        rows.append(
            {
                "plats": place,
                "rad": what,
                "kolumn": when,
                "tryckt": f"{_grouped(value)} {words}",
                "enhet": unit,
                "slag": "indata" if source.startswith("tabell") else "beraknad",
                "matt": source,
                "urval": choice,
                "nyckel": key,
                "varde": column,
                "tecken": "",
                "orsak": "",
            }
        )

    for row in tables["ekonomi"]:
        key = f"ar={row['ar']}, verksamhet={row['verksamhet']}"
        for column, word in (("budget_tkr", "Budget"), ("nettokostnad_tkr", "Nettokostnad")):
            add(
                row["plats"],
                f"{word}, {row['verksamhet']}",
                row["ar"],
                row[column],
                "tkr",
                "tabell:ekonomi",
                "",
                key,
                column,
            )
    for part in ("sfb", "lss", "utforare", "totalt"):
        for year in YEARS:
            parts = ("sfb", "lss", "utforare") if part == "totalt" else (part,)
            gap = sum(one.economy[year, each][0] - one.economy[year, each][1] for each in parts)
            add(
                "Avsnitt 2, avvikelserna",
                f"Budgetavvikelse, {part}",
                year,
                gap,
                "tkr",
                "budget_outcome",
                part,
                year,
                "budgetavvikelse_tkr",
            )
    for row in tables["brukare"]:
        add(
            row["plats"],
            f"Brukare, {row['verksamhet']}",
            row["ar"],
            row["utfall_antal"],
            "antal",
            "tabell:brukare",
            "",
            f"ar={row['ar']}, verksamhet={row['verksamhet']}",
            "utfall_antal",
            "personer",
        )
    for row in tables["timmar"]:
        add(
            row["plats"],
            "Timmar, LSS",
            row["ar"],
            row["utfall_timmar"],
            "timmar",
            "tabell:timmar",
            "",
            f"ar={row['ar']}, verksamhet=lss",
            "utfall_timmar",
            "timmar",
        )
    for row in tables["konton"]:
        if row["ar"] >= LAST - 1:
            add(
                row["plats"],
                f"{row['konto']} {row['benamning']}",
                row["ar"],
                row["belopp_tkr"],
                "tkr",
                "tabell:konton",
                "",
                f"ar={row['ar']}, konto={row['konto']}",
                "belopp_tkr",
            )
    for row, cause in (
        (rows[1], "Påhittad: två siffror har bytt plats i trycket"),
        (rows[7], "Påhittad: texten är äldre än tabellen"),
    ):
        row["tryckt"], row["orsak"] = f"{_grouped(round(one.economy[LAST, 'sfb'][1] * 2.7))} tkr", cause
    rows.append(
        {
            "plats": "Avsnitt 1",
            "rad": "Delar som utredningen har",
            "kolumn": "",
            "tryckt": "sex delar",
            "enhet": "antal",
            "slag": "utan_underlag",
            "orsak": "Påhittad: räknar upp avsnitten i texten",
        }
    )
    return rows


def _nation() -> Tables:
    """Return the nation's rows; where its own tables have a value at first hand, that one stands in the book."""
    tables: Tables = {}
    for position, year in enumerate(FETCHED_YEARS):
        for name, row in (
            ("befolkning", {"invanare_antal": 9_990_000 + 77_000 * position}),
            ("kostnad_per_invanare", {"kostnad_kr_per_inv": 1000 + 36 * position, "ursprung": ""}),
            ("brukare_1_oktober", {"verksamhet": "lss", "antal": 4_300 + 90 * position}),
            ("brukare_1_oktober", {"verksamhet": "sfb", "antal": 15_800 - 230 * position}),
            ("brukare_december", {"antal": 15_900 - 230 * position}),
            ("timmar_per_vecka", {"timmar_per_vecka": round(118 + 1.4 * position, 1)}),
            ("lss_utjamning", {"slag": "utfall", "bidrag_kr_per_inv": 0}),
            ("lss_utjamning", {"slag": "beslut", "bidrag_kr_per_inv": 0}),
        ):
            tables.setdefault(name, []).append(_fetched_row(row, year, "Riket"))
    return tables


def _fetched_row(row: Mapping, year: int, area: str) -> dict:
    return {"ar": year, **row, "omrade": area, "kalla": COMPARED, "plats": "Påhittat", "status": ""}


def _fetched(one: Drawn) -> Tables:
    """Return the rows that `fetch` would have written of a municipality and of the two groups beside it."""
    vary = one.chance.uniform
    similar, county = f"Liknande kommuner LSS, {one.name}", f"{one.county}s kommuner (ovägt medel)"
    level = sum(one.economy[LAST, part][1] for part in ("sfb", "lss", "utforare")) * 1000 / one.inhabitants[LAST]
    equalised, granted = vary(-600, 900), vary(115, 135)
    areas = [(one.name, 1.0), (similar, vary(0.9, 1.1))]
    # The first of each county's municipalities brings its rows.
    areas += [(county, vary(0.9, 1.1))] if one.number <= COUNTIES else []
    tables: Tables = {}
    for position, year in enumerate(FETCHED_YEARS):
        for area, factor in areas:
            rows = [
                ("kostnad_per_invanare", {"kostnad_kr_per_inv": round(level * factor * 1.03 ** (position - 10))}),
                ("timmar_per_vecka", {"timmar_per_vecka": round(granted * factor + position * 1.3, 1)}),
                ("lss_utjamning", {"slag": "utfall", "bidrag_kr_per_inv": round(equalised * factor + position * 9)}),
                ("lss_utjamning", {"slag": "beslut", "bidrag_kr_per_inv": round(equalised * factor + position * 8)}),
            ]
            if area == one.name:
                counts = {law: one.users[law].get(year, one.users[law][YEARS[0]]) for law in one.users}
                rows += [
                    ("befolkning", {"invanare_antal": one.inhabitants[year]}),
                    ("brukare_1_oktober", {"verksamhet": "lss", "antal": counts["lss"] + position % 2}),
                    ("brukare_1_oktober", {"verksamhet": "sfb", "antal": counts["sfb"] + position % 3}),
                    ("brukare_december", {"antal": counts["sfb"] + position % 2}),
                ]
            for name, row in rows:
                extra = {"ursprung": ""} if name == "kostnad_per_invanare" else {}
                tables.setdefault(name, []).append(_fetched_row({**row, **extra}, year, area))
    tables["omraden"] = [
        {"kommun": one.name, "ordning": position, "omrade": area, "slag": kind}
        for position, (area, kind) in enumerate((("Riket", "riket"), (similar, "grupp"), (county, "grupp")), start=1)
    ]
    return tables


def _grouped(number: float) -> str:
    """Return a number as Swedish prints it, its thousands apart."""
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}").replace(".", ",")


def _cell(value: object) -> str:
    return str(value).replace(".", ",") if isinstance(value, float) else str(value)


def _write(path: Path, rows: Sequence[Mapping]) -> None:
    """Write a tidy CSV; its columns are those of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    names = list(rows[0])
    writer.writerow(names)
    writer.writerows([_cell(row.get(name, "")) for name in names] for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def _yaml(content: Mapping) -> str:
    return yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False, width=120)


def main() -> None:
    """Make the data folder that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "_build" / "bench" / "data")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    slugs = make_data(options.folder, options.count, options.seed)
    print(f"{options.folder}: {len(slugs)} municipalities")


if __name__ == "__main__":
    main()
