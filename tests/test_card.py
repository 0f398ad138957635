"""A municipality's card: whose it is, and that what is wrong in it is told as the analyst wrote it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from conftest import DATA, edit

from analysis import cli
from analysis.sources import DataError, load_municipality
from analysis.sources.registers import Register


@pytest.fixture
def eslov(data_copy, tmp_path, monkeypatch) -> Path:
    """The card of a municipality that has just been begun with."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "--namn", "Eslöv", "--fran", "2020", "--till", "2024", "--data", str(data_copy)]) == 0
    (data_copy / "kommuner" / "eslov" / "brukare.csv").write_text(
        "ar;verksamhet;budget_antal;utfall_antal;kalla;plats;status\n2023;sfb;;40;malmo_2025;Påhittad;\n",
        encoding="utf-8",
    )
    return data_copy / "kommuner" / "eslov" / "kommun.yml"


def check(card: Path, capsys, *slugs: str) -> tuple[int, str]:
    """Return what check answers of a card's municipality, all of it but what comes with time."""
    capsys.readouterr()
    code = cli.main(["check", *(slugs or [card.parent.name]), "--data", str(card.parents[2])])
    told = "".join(capsys.readouterr())
    return code, "\n".join(line for line in told.splitlines() if "är kontrollerad till" not in line)


# --- Whose card it is ---------------------------------------------------------------------------------------


def test_a_new_card_is_whose_it_says(eslov, capsys):
    assert check(eslov, capsys) == (0, "eslov: underlaget för Eslöv är i ordning (1 tabell).")


# What stands there, what is written instead, the field, and parts of what is told.
NOT_THE_SAME = [
    ("kod: '1285'", "kod: '1281'", "kod", ["1281 är koden för Lund", "Väntat: 1285, som är", 'skriv "1285" med']),
    ("kod: '1285'", "kod: '9999'", "kod", ["ingen svensk kommun har koden", "Väntat: 1285, som är koden för Eslöv"]),
    ("namn: Eslöv", "namn: Eslov", "namn", ["Står nu: ”Eslov”", "skriv ”Eslöv”"]),
    ("namn: Eslöv", "namn: eslöv", "namn", ["Står nu: ”eslöv”", "skriv ”Eslöv”"]),
    ("namn: Eslöv", "namn: Nyköping på Åsen", "namn", ["1285 är koden för Eslöv", "skriv ”Eslöv”, eller rätta koden"]),
    ("omrade: Eslöv", "omrade: eslov", "omrade", ["Står nu: ”eslov”", "skriv ”Eslöv”"]),
    ("omrade: Eslöv", "omrade: Lund", "omrade", ["området är en annan kommun", "skriv ”Eslöv”"]),
    ("omrade: Eslöv", "omrade: Riket", "omrade", ["området är hela riket", "skriv ”Eslöv”"]),
    ("omrade: Eslöv", "omrade: Skåne", "omrade", ["området är ett län", "skriv ”Eslöv”"]),
    ("lan: Skåne län", "lan: Örebro län", "lan", ["Eslöv ligger inte i det länet", "skriv ”Skåne län”"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "field", "parts"), NOT_THE_SAME)
def test_a_card_that_is_of_two_municipalities_is_refused(eslov, capsys, old, new, field, parts):
    edit(eslov, old, new)
    code, told = check(eslov, capsys)
    assert code == 1 and told.count("\n") == 0
    for part in ["data/kommuner/eslov/kommun.yml, fältet " + field + ":", *parts]:
        assert part in told


def test_a_copy_where_only_the_name_is_changed_is_told_all_that_is_left(eslov, capsys):
    copy = Path(shutil.copytree(eslov.parent, eslov.parents[1] / "horby")) / "kommun.yml"
    edit(copy, "namn: Eslöv", "namn: Hörby")
    code, told = check(copy, capsys)
    assert code == 1
    assert "fältet kod: 1285 är koden för Eslöv. Står nu: ”1285”. Väntat: 1266, som är koden för Hörby" in told
    assert "fältet omrade: området är en annan kommun. Står nu: ”Eslöv”" in told
    edit(copy, "kod: '1285'", "kod: '1266'")
    edit(copy, "omrade: Eslöv", "omrade: Hörby")
    assert check(copy, capsys)[0] == 0


def test_a_name_that_no_national_table_has_is_no_area(eslov, capsys):
    edit(eslov, "namn: Eslöv", "namn: Eslövs kommun")
    edit(eslov, "omrade: Eslöv\n", "")
    code, told = check(eslov, capsys)
    assert code == 1 and "fältet omrade: " in told and "skriv ”Eslöv”" in told


@pytest.mark.parametrize("name", ["Eslövs kommun", "Eslöv kommun", "Eslöv"])
def test_a_name_may_say_that_it_is_a_municipality(eslov, capsys, name):
    edit(eslov, "namn: Eslöv", f"namn: {name}")
    code, told = check(eslov, capsys)
    assert code == 0 and "Varning" not in told


def test_gotland_may_say_that_it_is_a_region(eslov, capsys):
    for old, new in (("namn: Eslöv", "namn: Region Gotland"), ("1285", "0980"), ("omrade: Eslöv", "omrade: Gotland"),
                     ("lan: Skåne län", "lan: Gotlands län")):  # fmt: skip
        edit(eslov, old, new)
    assert check(eslov, capsys)[0] == 0


def test_an_area_may_be_called_as_a_national_table_calls_it(eslov, capsys):
    edit(eslov, "omrade: Eslöv", "omrade: Eslövs kommun")
    assert check(eslov, capsys)[0] == 1
    source = (eslov.parents[2] / "nationellt" / "kostnad_per_invanare.csv").read_text(encoding="utf-8")
    row = next(line for line in source.splitlines() if line.startswith("2024;Lund;"))
    (eslov.parents[2] / "nationellt" / "kostnad_per_invanare.csv").write_text(
        source + row.replace(";Lund;", ";Eslövs kommun;") + "\n", encoding="utf-8"
    )
    assert check(eslov, capsys)[0] == 0


def test_a_municipality_that_nobody_has_heard_of_is_only_warned_of(eslov, capsys):
    edit(eslov, "namn: Eslöv", "namn: Nya Landet")
    edit(eslov, "kod: '1285'", "kod: '0000'")
    code, told = check(eslov, capsys)
    assert code == 0
    assert "Varning: data/kommuner/eslov/kommun.yml, fältet kod: ingen svensk kommun har koden 0000." in told


def test_a_made_up_municipality_is_let_be(eslov, capsys):
    edit(eslov, "kod: '1285'", "kod: '9999'")
    eslov.write_text(eslov.read_text(encoding="utf-8") + "syntetisk: true\n", encoding="utf-8")
    assert "kod" not in check(eslov, capsys)[1]


def test_without_the_list_of_municipalities_a_card_can_be_checked_all_the_same(eslov, capsys):
    (eslov.parents[2] / "nationellt" / "kommuner.csv").unlink()
    assert check(eslov, capsys)[0] == 0


def test_two_folders_of_one_municipality_are_told_once(eslov, capsys):
    shutil.copytree(eslov.parent, eslov.parents[1] / "eslov-kopia")
    warning = "Varning: data/kommuner/eslov och data/kommuner/eslov-kopia har samma kommunkod, 1285."
    for slugs in (["eslov"], ["eslov-kopia"], ["eslov", "eslov-kopia"]):
        code, told = check(eslov, capsys, *slugs)
        assert code == 0 and told.count(warning) == 1


def test_the_project_s_own_cards_are_whose_they_say(capsys):
    assert cli.main(["check", "--data", str(DATA)]) == 0
    told = capsys.readouterr().err
    assert "fältet" not in told and "kommunkod" not in told


# --- What is wrong, as it stands in the file ------------------------------------------------------------------


def card_faults(eslov: Path) -> list:
    with pytest.raises(DataError) as caught:
        load_municipality("eslov", eslov.parents[2])
    return caught.value.faults


@pytest.mark.parametrize(
    ("line", "row", "field", "value"),
    [
        ("tillganglighet:\n  granskad: 2026-13-45\n", 15, "granskad", "2026-13-45"),
        ("tillganglighet:\n  granskad: 2026-01-31 25:00:00\n", 15, "granskad", "2026-01-31 25:00:00"),
        ("namnd: !!timestamp igår\n", 14, "namnd", "igår"),
    ],
)
def test_a_date_that_the_calendar_lacks_is_told_with_its_row(eslov, line, row, field, value):
    text = "\n".join(one for one in eslov.read_text(encoding="utf-8").splitlines() if not one.startswith("#")) + "\n"
    eslov.write_text(text + line, encoding="utf-8")
    row = len(text.splitlines()) + line.count("\n")
    (fault,) = card_faults(eslov)
    assert (fault.row, fault.column, fault.value) == (row, field, value)
    assert "datumet finns inte i kalendern" in str(fault) and "YAML" not in str(fault)


# What is added to the card, the field, and how it is shown.
AS_WRITTEN = [
    ("sma_tal: {visas: true}", "sma_tal.visas", "true"),
    ("sma_tal: {visas: yes}", "sma_tal.visas", "yes"),
    ("sma_tal: {grans: No}", "sma_tal.grans", "No"),
    ("namnd: [socialnämnden, vård- och omsorgsnämnden]", "namnd", "[socialnämnden, vård- och omsorgsnämnden]"),
    ("namnd: {a: 1}", "namnd", "{a: 1}"),
    ("namnd: 2026-01-31 10:00:00", "namnd", "2026-01-31 10:00:00"),
    ("namnd: 0126", "namnd", "0126"),
    ("namnd: 1_000", "namnd", "1_000"),
    ("jamfor_med: [Riket, [Lund]]", "jamfor_med", "[Lund]"),
    ("jamfor_med: [Riket, true]", "jamfor_med", "true"),
    ("antaganden: {timlon: .nan}", "antaganden.timlon", ".nan"),
    ("kontrollerat: [{varning: a, skal: 5}]", "kontrollerat.1.skal", "5"),
    ("kontrollerat: [{varning: a, skal: true}]", "kontrollerat.1.skal", "true"),
    ("tillganglighet: {brister: [null, {text: a}]}", "tillganglighet.brister", "{text: a}"),
    ("tillganglighet: {granskad: i år}", "tillganglighet.granskad", "i år"),
    ("syntetisk: 1", "syntetisk", "1"),
    ("yes: 1", "true", "true"),
    ("5: a", "5", "5"),
    ("sma_tal: {5: a}", "sma_tal.5", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "field", "value"), AS_WRITTEN)
def test_a_value_is_shown_as_it_stands_in_the_file(eslov, line, field, value):
    name = line.partition(":")[0]
    content = yaml.safe_load(eslov.read_text(encoding="utf-8"))
    kept = {key: one for key, one in content.items() if key != name}
    eslov.write_text(yaml.safe_dump(kept, allow_unicode=True) + line + "\n", encoding="utf-8")
    assert (field, value) in [(fault.column, fault.value) for fault in card_faults(eslov)]


@pytest.mark.parametrize("empty", ["sma_tal: {visas: }", "sma_tal:\n  visas: ' '", "sma_tal: {visas: ~}"])
def test_a_field_that_is_there_but_empty_is_not_said_to_be_missing(eslov, empty):
    edit(eslov, "sma_tal:\n  grans: 5", empty)
    (fault,) = card_faults(eslov)
    assert str(fault).startswith("data/kommuner/eslov/kommun.yml, fältet sma_tal.visas: fältet är tomt.")
    assert fault.advice == "fyll i sma_tal.visas"


def test_a_field_that_is_missing_is_said_to_be(eslov):
    edit(eslov, "  till: 2024\n", "")
    (fault,) = card_faults(eslov)
    assert str(fault).startswith("data/kommuner/eslov/kommun.yml, fältet period.till: fältet saknas.")
    assert fault.advice == "lägg till period.till"


def test_a_line_that_cannot_be_read_is_told_in_plain_words():
    (fault,) = Register("namn: Eslöv\nnamnd:socialnämnden\n".encode(), "kommun.yml").faults
    assert fault.problem == "raden går inte att läsa" and fault.row == 3  # which is where it has to stop
    assert "raden ovanför" in fault.advice
    assert "till exempel namn: Eslöv" in fault.expected and "YAML" not in str(fault)
    (fault,) = Register(b"a: !!int b\n", "kommun.yml").faults
    assert fault.problem == "filen går inte att läsa" and fault.row is None


# --- What check says of what there is ---------------------------------------------------------------------------


def test_a_municipality_with_national_figures_alone_is_not_said_to_have_no_tables(data_copy, capsys):
    card = data_copy / "kommuner" / "lund" / "kommun.yml"
    assert check(card, capsys) == (0, "lund: underlaget för Lund är i ordning (bara nationella uppgifter).")
    (card.parent / "texter").mkdir()
    (card.parent / "texter" / "forord.md").write_text("Hej.\n", encoding="utf-8")
    assert "(bara nationella uppgifter, 1 text)" in check(card, capsys)[1]


def test_the_command_for_a_folder_with_blanks_can_be_copied(eslov, capsys):
    folder = eslov.parents[1] / "eslov - kopia"
    shutil.copytree(eslov.parent, folder)
    (folder / "brukare.csv").unlink()
    assert 'python -m analysis import "eslov - kopia.xlsx"' in check(folder / "kommun.yml", capsys)[1]


def test_an_area_that_has_no_figures_yet_is_one_to_fetch(eslov, capsys):
    edit(eslov, "- Riket", "- Riket\n- Kiruna")
    told = check(eslov, capsys)[1]
    assert "fältet jamfor_med: " in told and "kör fetch" in told and "lägg till det i data/nationellt" not in told
