"""A municipality's own words: what may be written, that nothing else gets through, and where they are shown."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import docx
import pikepdf
import pytest
import site_scan
from bs4 import BeautifulSoup
from conftest import DATA, built, served
from documents import document_faults
from hypothesis import example, given
from hypothesis import strategies as st

from analysis import cli
from analysis.present.own_words import as_html
from analysis.publish.document.setting import unsettable
from analysis.publish.manifest import input_hashes
from analysis.publish.plan import plan_book, read_chapters
from analysis.publish.theme import CONTENT_SECURITY_POLICY
from analysis.sources import DataError, load_municipality
from analysis.sources.local_words import (
    DEEPEST,
    FOREWORD,
    LONGEST,
    PLACES,
    drafts,
    parse,
    persons_mentioned,
    read_local_words,
)

BARE = ("p", "ul", "ol", "li", "blockquote", "em", "strong", "br", "h3", "h4", "thead", "tbody", "tr", "caption")
ALLOWED = {
    **{tag: set() for tag in BARE},
    "a": {"href"},
    "div": {"class", "role", "tabindex", "aria-label"},
    "span": {"class"},
    "table": {"class"},
    "th": {"scope", "class"},
    "td": {"class"},
}
ADDRESS = re.compile(r"https?://[\w-]+(\.[\w-]+)+([:/?#][^\s<>\"']*)?|mailto:[\w.+-]+@[\w.-]+|[a-z]+\.html")
TABLE = "Tabell: Kostnad per enhet\n\n| Enhet | Kostnad |\n|---|---:|\n| Norra | 1 234 |\n"


@pytest.fixture
def texts(tmp_path):
    """A data folder with an empty folder of texts."""
    folder = tmp_path / "data" / "kommuner" / "prov" / "texter"
    folder.mkdir(parents=True)
    return folder


def read(folder: Path):
    return read_local_words(folder.parent, folder.parents[2])


def shown(text: str) -> BeautifulSoup:
    """What a page shows of a text that is in order."""
    words, faults = parse("lss", text, "lss.md")
    assert not faults, faults
    return BeautifulSoup(as_html(words), "html.parser")


def unsafe(html: str) -> list[str]:
    """Every tag, attribute and address in a page that is not one of those that may be there."""
    found = []
    for element in BeautifulSoup(html, "html.parser").find_all(True):
        if element.name not in ALLOWED or set(element.attrs) - ALLOWED[element.name]:
            found.append(str(element))
        if element.name == "a" and not ADDRESS.fullmatch(element["href"]):
            found.append(str(element))
    return found


# --- Files ------------------------------------------------------------------------------------------------------


def test_every_chapter_has_a_place_by_its_name_and_title():
    chapters = read_chapters()
    titles = {name: place.title for name, place in PLACES.items() if place.chapter == name}
    root, *others = chapters
    assert titles == {chapter.name: chapter.title for chapter in others}
    assert {name for name, place in PLACES.items() if place.chapter == root.name} == {FOREWORD, "sammanfattning"}
    assert set(PLACES) == {*titles, FOREWORD, "sammanfattning"}


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("kostnad.md", "byt namn till kostnader.md"),
        ("Kostnader.md", "byt namn till kostnader.md"),
        ("förord.md", "byt namn till forord.md"),
        ("kostnader.md.txt", "byt namn till kostnader.md; slå på Filnamnstillägg i Utforskaren, så syns hela namnet"),
        ("lss.txt", "byt namn till lss.md; slå på Filnamnstillägg i Utforskaren, så syns hela namnet"),
        ("lss.docx", "klistra in texten i en fil som sparas av Anteckningar som lss.md"),
        ("xyzzy.md", "byt namn efter kapitlet som texten hör till, eller flytta filen härifrån"),
        ("lss", "byt namn till lss.md"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(texts, name, advice):
    (texts / name).write_text("Ord.", encoding="utf-8")
    found, (fault,) = read(texts)
    assert not found and fault.advice == advice
    assert fault.file == f"data/kommuner/prov/texter/{name}" and "forord.md, sammanfattning.md" in fault.expected


def test_folders_and_files_in_the_wrong_place_are_refused(texts):
    (texts / "lss.md").mkdir()
    (texts.parent / "kostnader.md").write_text("Ord.", encoding="utf-8")
    (texts.parent / "Texter2").mkdir()
    (texts.parent / "text").mkdir()
    found, faults = read(texts)
    assert not found
    assert sorted((fault.file.removeprefix("data/kommuner/prov/"), fault.advice) for fault in faults) == [
        ("Texter2", "byt namn till texter"),
        ("kostnader.md", "flytta filen till mappen texter"),
        ("text", "byt namn till texter"),
        ("texter/lss.md", "flytta ut filerna ur mappen och ta bort den"),
    ]


def test_what_systems_leave_in_a_folder_is_passed_over(texts):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "~$lss.docx"):
        (texts / name).write_bytes(b"\0")
    assert read(texts) == ({}, [])
    shutil.rmtree(texts)
    assert read(texts) == ({}, [])


@pytest.mark.parametrize(
    "content",
    [
        "Åtgärder för år ett\r\n\r\nÄndå".encode(),
        "Åtgärder för år ett\n\nÄndå".encode("utf-8-sig"),
        "Åtgärder för år ett\r\rÄndå".encode("cp1252"),
    ],
)
def test_a_file_is_read_as_windows_saves_it(texts, content):
    (texts / "lss.md").write_bytes(content)
    found, faults = read(texts)
    assert not faults and as_html(found["lss"]) == "<p>Åtgärder för år ett</p>\n<p>Ändå</p>\n"


@pytest.mark.parametrize("content", ["Ord å".encode("utf-16"), b"\x89PNG\0\0", b"\x81\x8d \xff"])
def test_what_is_no_text_is_refused(texts, content):
    (texts / "lss.md").write_bytes(content)
    found, (fault,) = read(texts)
    assert not found and fault.problem == "filen är ingen textfil"


@pytest.mark.parametrize("size", [LONGEST + 1, 5 * LONGEST])
def test_too_long_a_text_is_refused(texts, size):
    (texts / "lss.md").write_text("a" * LONGEST, encoding="utf-8")
    assert not read(texts)[1]
    (texts / "lss.md").write_text("a" * size, encoding="utf-8")
    found, (fault,) = read(texts)
    assert not found and fault.problem == "texten är för lång"


def test_a_file_that_cannot_be_read_is_a_fault(texts, monkeypatch):
    (texts / "lss.md").write_text("Ord.", encoding="utf-8")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    _, (fault,) = read(texts)
    assert "öppen i ett annat program" in fault.problem


# --- Drafts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ["", "\n \n", "?\n", "*\n", "–\n", *sorted(one.decode() for one in drafts().values())]
)
def test_what_holds_no_words_is_not_shown(texts, content):
    (texts / "lss.md").write_text(content, encoding="utf-8")
    assert read(texts) == ({}, [])


def test_an_answer_is_shown_without_the_questions(texts):
    draft = drafts()["texter/lss.md"].decode()
    (texts / "lss.md").write_text(draft + "\nDet beror på lagen.\n", encoding="utf-8")
    found, faults = read(texts)
    assert not faults and as_html(found["lss"]) == "<p>Det beror på lagen.</p>\n"
    line = found["lss"].text.split("\n").index("Det beror på lagen.")
    assert line == draft.count("\n") + 1


def test_an_answer_on_the_line_of_its_question_is_not_lost_in_silence(texts):
    (texts / "lss.md").write_text("? Utkast ?\n\n ? Varför? Det beror på lagen.\n", encoding="utf-8")
    found, (fault,) = read(texts)
    assert not found and fault.row == 3 and fault.value == "? Varför? Det beror på lagen."
    assert fault.advice == "skriv svaret på en egen rad under frågan"


def test_new_makes_drafts_that_are_in_order_and_shown_nowhere(data_copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "--namn", "Lomma", "--data", str(data_copy)]) == 0
    made = {f"texter/{path.name}" for path in (data_copy / "kommuner" / "lomma" / "texter").iterdir()}
    assert made == set(drafts()) and {"texter/forord.md", "texter/kostnader.md"} < made
    assert not load_municipality("lomma", data_copy).texts


# --- What may be written ----------------------------------------------------------------------------------------


def test_structure_is_kept():
    page = shown(
        'Ett *kort* **ord**, a < b & "c".\n\n- ett\n  - två\n\n1. först\n\n> citat\n\nrad\\\nny rad\n\n\tindraget'
    )
    assert [element.name for element in page.find_all(True)] == [
        "p",
        "em",
        "strong",
        "ul",
        "li",
        "ul",
        "li",
        "ol",
        "li",
        "blockquote",
        "p",
        "p",
        "br",
        "p",
    ]
    assert page.p.text == 'Ett kort ord, a < b & "c".'


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("[x](https://www.ange.se/a%20b?c=d&e=f#g)", "https://www.ange.se/a%20b?c=d&e=f#g"),
        ("<http://ange.se>", "http://ange.se"),
        ("[x](https://å.se/ö)", "https://xn--5ca.se/%C3%B6"),
        ("[x](mailto:namn@kommun.se)", "mailto:namn@kommun.se"),
        ("<namn@kommun.se>", "mailto:namn@kommun.se"),
        ("[x](kostnader)", "kostnader.html"),
        ("[x](kostnader.html)", "kostnader.html"),
        ("[x](kostnader.md)", "kostnader.html"),
        ("[x](sammanfattning)", "index.html"),
    ],
)
def test_links_lead_to_sites_addresses_and_chapters(text, target):
    assert shown(text).a.attrs == {"href": target}


def test_headings_stand_in_order_below_that_of_the_section():
    page = shown("### Först\n\n# Stor\n\n### Liten\n\n###### Minst\n\n## Mellan\n\n# Stor")
    levels = [int(heading.name[1]) for heading in page.find_all(re.compile("h[1-6]"))]
    assert levels == [3, 3, 4, 4, 4, 3]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_no_heading_skips_a_level(levels):
    page = shown("\n\n".join(f"{'#' * level} Rubrik" for level in levels))
    found = [2, *(int(heading.name[1]) for heading in page.find_all(re.compile("h[1-6]")))]
    assert len(found) == len(levels) + 1 and all(below - above <= 1 for above, below in pairwise(found))


def test_a_table_is_as_those_of_the_book():
    page = shown(TABLE.replace("1 234", "**1** \\| 2") + "| | 5 |\n")
    assert page.caption.text == "Kostnad per enhet" == page.div["aria-label"] and not page.find("p")
    assert [(cell.name, cell.get("scope"), cell.text) for cell in page.find_all(["th", "td"])] == [
        ("th", "col", "Enhet"),
        ("th", "col", "Kostnad"),
        ("th", "row", "Norra"),
        ("td", None, "1 | 2"),
        ("td", None, ""),
        ("td", None, "5"),
    ]


def test_a_caption_is_escaped_in_the_name_of_the_box():
    page = shown(TABLE.replace("Kostnad per enhet", 'a" onclick="b *c*'))
    assert set(page.div.attrs) == ALLOWED["div"] and page.div["aria-label"] == 'a" onclick="b c'


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("Ord.\n\n<script>alert(1)</script>", 3, "HTML kan inte stå i texten"),
        ("Ord\noch <b>fet</b>.", 2, "HTML kan inte stå i texten"),
        ("<!-- gömt -->", 1, "HTML kan inte stå i texten"),
        ("![bild](https://a.se/a.png)", 1, "bilder kan inte stå i texten"),
        ("Ord.\n\n```{raw} html\n<b>\n```", 3, "kod kan inte stå i texten"),
        ("~~~\nx\n~~~", 1, "kod kan inte stå i texten"),
        ("{sub}`x`", 1, "kod kan inte stå i texten"),
        ("---\ntitle: x\n---", 1, "en linje kan inte stå i texten"),
        ("Ord.\n\n[1]: https://a.se", 3, "en adress på egen rad blir ingen länk"),
        ('[x](https://a.se "titel")', 1, "en länk kan inte ha en text efter adressen"),
        ("[](https://a.se)", 1, "länken har ingen text"),
        ("[kostnad](kostnade)", 1, "länkens adress kan inte användas"),
        ("[x](kostnader.html#budget)", 1, "länkens adress kan inte användas"),
        ("Ord.\n\n#\n\nOrd.", 3, "rubriken är tom"),
        ("> # Rubrik", 1, "rubriker och tabeller kan inte stå i en lista eller ett citat"),
        ("- ett\n  - två\n    - tre\n      - fyra", DEEPEST + 1, "listor och citat ligger i fler än 3 nivåer"),
        ("2024. Ett bra år", 1, "listan börjar inte på 1"),
        (TABLE.split("\n\n")[1], 1, "tabellen har ingen rubrik"),
        (TABLE.replace(" Kostnad per enhet", ""), 3, "tabellen har ingen rubrik"),
        (TABLE.replace("| Norra | 1 234 |\n", ""), 3, "tabellen har inga rader"),
        (TABLE.replace("| Enhet |", "| |"), 3, "en kolumn i tabellen har ingen rubrik"),
        (TABLE.replace("| 1 234 |", "| 1 | 234 |"), 5, "raden har fler celler än tabellen har kolumner"),
        (TABLE.replace("---:|", ""), 3, "raden ser ut som en tabell men går inte att läsa"),
        ("x &#x202e; y", 1, "osynligt styrtecken i texten"),
    ],
)
def test_what_may_not_be_written_is_told_with_its_line(text, line, problem):
    words, faults = parse("lss", text, "lss.md")
    assert words is None and (line, problem) in [(fault.row, fault.problem) for fault in faults]
    assert all(fault.expected and fault.advice and fault.value for fault in faults)


@pytest.mark.parametrize("character", ["\x02", "\x0c", "\x85", "\u202e", "\u2066", "\ufffe"])
def test_control_characters_are_refused(texts, character):
    (texts / "lss.md").write_text(f"Ord.\nKlistrat{character}in.", encoding="utf-8")
    found, (fault,) = read(texts)
    assert not found and fault.row == 2 and fault.value == f"Klistrat[U+{ord(character):04X}]in."


def test_every_fault_of_every_text_is_told_at_once(data_copy):
    folder = data_copy / "kommuner" / "ange" / "texter"
    folder.mkdir()
    (folder / "val.md").write_text("<i>a</i>\n\n![b](c)\n", encoding="utf-8")
    (folder / "metod.md").write_text("`d`", encoding="utf-8")
    (folder / "lsss.md").write_text("e", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_municipality("ange", data_copy)
    assert [(Path(fault.file).name, fault.row) for fault in caught.value.faults] == [
        ("lsss.md", None),
        ("metod.md", 1),
        ("val.md", 1),
        ("val.md", 3),
    ]


def test_a_wrong_chapter_in_a_link_gets_the_nearest():
    assert parse("lss", "[x](kostnad)", "lss.md")[1][0].advice == "skriv ”kostnader”"


# --- What must never get through --------------------------------------------------------------------------------

ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt\n>alert(1)</sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<b onmouseover='alert(1)'>x</b>",
    "<iframe srcdoc='<script>'></iframe>",
    "<style>*{}</style>",
    "<!-- --!><script>",
    "<?php x ?>",
    "<![CDATA[<script>]]>",
    "<a href=javascript:alert(1)>x</a>",
    "</div></main><script>",
    "<base href=//a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "\\<script\\>",
    "<\\script>",
    "*<script>*",
    "<s\x00cript>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](&#x6A;avascript:a)",
    "[x](javascript&colon;alert(1))",
    "[x](java\tscript:a)",
    "[x](<java\nscript:a>)",
    "[x](java&Tab;script:a)",
    "[x](java&NewLine;script:a)",
    "[x](\x01javascript:a)",
    "[x](&#1;javascript:a)",
    "[x](%6Aavascript:a)",
    "[x]( javascript:a)",
    "[x](<javascript:alert('x')>)",
    "[x](data:text/html,<script>)",
    "[x](DATA:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:a)",
    "[x](file:///etc/passwd)",
    "[x](//a.se/b)",
    "[x](\\\\a\\b)",
    "[x](../../malmo/index.html)",
    "[x](https:javascript)",
    "[x](https://a.se@b.se)",
    '[x](https://a.se"onclick=b)',
    "[x](https://a.se/'><script>)",
    "[x](http://)",
    "[x](https://[::1]/)",
    "[x](mailto:a@b.se?cc=c@d.se)",
    "[x](blob:https://a.se/b)",
    "[x](#onclick)",
    "[x](tabeller/a.csv)",
    "<javascript:alert(1)>",
    "<data:text/html,a>",
    "<x:y onclick=a>",
    "[x][y]\n\n[y]: javascript:a",
    "[x]\n\n[x]: <javascript:alert(1)> 'a'",
    '[x](https://a.se "<script>")',
    "[x](https://a.se '\" onclick=\"a')",
    "![x](javascript:a)",
    "![x](https://a.se/a.png)",
    "[![x](https://a.se/b)](https://c.se)",
    '![x" onerror="a](b)',
    "```{raw} html\n<script>\n```",
    "```{eval-rst}\n.. raw:: html\n\n   <script>\n```",
    ":::{raw} html\n<script>\n:::",
    ":::{note}\nx\n:::",
    "{raw}`x`",
    "{download}`../../x`",
    "{{ x }}",
    "{% include 'x' %}",
    "$\\href{javascript:a}{x}$",
    "$$\nx\n$$",
    "\\begin{align}x\\end{align}",
    "---\nsubstitutions:\n  a: <script>\n---",
    "% kommentar\n+++",
    "(mål)=",
    "[x]{onclick=a}",
    "{onclick=a}\nx",
    "# x {onclick=a}",
    "term\n: <script>",
    "[^1]\n\n[^1]: <script>",
    "- [ ] x",
    "> " * 500 + "x",
    "- " * 500 + "x",
    "[" * 2000 + "x" + "]" * 2000,
    "*" * 3000 + "x" + "*" * 3000,
    "<" * 5000 + "x",
    "Tabell: <script>\n\n| a |\n|---|\n| <img onerror=a> |",
    'Tabell: "><script>\n\n| a |\n|:-:|\n| b |',
    "Tabell: x\n\n| <b> |\n|---|\n| [x](javascript:a) |",
    "![](a)\n# <script>",
    "&#x3c;img src=x onerror=a&#x3e;",
    "[<script>](https://a.se)",
    "[x](https://a.se/&quot;&gt;&lt;script&gt;)",
    "http://a.se/<script>",
    "&amp;lt;script&amp;gt;",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_is_refused_or_shown_as_the_letters_it_is(text):
    words, faults = parse("lss", text, "lss.md")
    assert (words is None) == bool(faults)
    if words:
        html = as_html(words)
        assert not unsafe(html) and "javascript:a" not in re.findall('href="([^"]*)', html)


def test_what_must_be_refused_is_what_the_tests_look_for():
    for html in (
        "<script></script>",
        "<p onclick=a>",
        '<a href="javascript:a">',
        '<a href="//a.se">',
        "<h2>x</h2>",
        '<td style="text-align:right">',
        '<p class="ab-dold">',
        "<img>",
    ):
        assert unsafe(html), html


FRAGMENTS = st.sampled_from(
    [
        "<",
        ">",
        "</",
        "script",
        "<b onclick=a>",
        "javascript:",
        "data:",
        "&#",
        "x3c;",
        "&lt;",
        "[",
        "](",
        ")",
        "![",
        "`",
        "```",
        "{raw}",
        "*",
        "**",
        "_",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "# ",
        "|",
        "|---|\n",
        "Tabell: ",
        "\\",
        '"',
        "'",
        "https://a.se",
        "mailto:a@b.se",
        "kostnader",
        " ",
        "\t",
        "---\n",
        "::: ",
        "$",
        "{{",
        "ord",
    ]
)


@given(st.lists(FRAGMENTS | st.text(st.characters(exclude_characters="\r"), max_size=3), max_size=40).map("".join))
def test_no_text_ever_gives_another_tag(text):
    words, faults = parse("lss", text, "lss.md")
    assert all(1 <= fault.row <= text.count("\n") + 1 for fault in faults)
    if words:
        assert not unsafe(as_html(words))


@given(
    st.lists(
        st.sampled_from(
            [
                "\n",
                "\n\n",
                "a",
                "b ",
                "|",
                "|---|",
                "Tabell: x\n\n|y|z|\n|-|-|\n|",
                "# ",
                "- ",
                "> ",
                "1. ",
                "2. ",
                "*",
                "**",
                "_",
                "[",
                "]",
                "]: ",
                "!",
                "\\",
                "  ",
                "`",
                "~~~",
                "=",
                "-",
            ]
        ),
        max_size=30,
    ).map("".join)
)
@example("[a]: b\n\nord")
@example("| a |\n|---|\n| b | c |")
def test_no_letter_is_lost_in_silence(text):
    words, faults = parse("lss", text, "lss.md")
    if words:
        page = BeautifulSoup(as_html(words), "html.parser")
        captions = Counter("Tabell" * len(page.find_all("caption")))
        assert Counter(filter(str.isalpha, text)) - captions == Counter(filter(str.isalpha, page.get_text()))
    elif not faults:
        assert not any(map(str.isalpha, text))


# --- Persons ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Vi har 3 brukare.", [(1, "3 brukare")]),
        ("Rad.\n\nTvå personer och ett barn.", [(3, "Två personer"), (3, "ett barn")]),
        ("en vuxen, fyra assistansberättigade", [(1, "en vuxen"), (1, "fyra assistansberättigade")]),
        ("två av våra äldre kvinnor", [(1, "två av våra äldre")]),
        (
            "**3** brukare, 4&nbsp;LSS-brukare, _nio_ unga män",
            [(1, "3 brukare"), (1, "4 LSS-brukare"), (1, "nio unga män")],
        ),
        ("2–3 brukare, 5 st brukare, (sex) barn", [(1, "3 brukare"), (1, "5 st brukare"), (1, "sex) barn")]),
        ("Det gällde tre\nbrukare.", [(1, "tre brukare")]),
        ("en enda familj", [(1, "en enda familj")]),
        (
            "två 17-åringar, ett av barnen, sju insatstagare",
            [(1, "två 17-åringar"), (1, "ett av barnen"), (1, "sju insatstagare")],
        ),
        ("12 brukare, 100 personer, 1 000 personer, 2,5 brukare, 1.5 barn", [(1, "12 brukare")]),
        ("en del brukare, ett beslut om barn, en ökning bland brukare, två timmar per brukare", []),
        ("fem barnomsorgsplatser, 3 kommuner, 9 § LSS, en kostnad som man ser", []),
        ("tre. Brukare", []),
        ("tre\n\nbrukare", []),
    ],
)
def test_counted_persons_are_found(text, found):
    assert [(line, words) for line, _, words in persons_mentioned(text)] == found


def test_counted_persons_are_counted():
    text = "3 brukare, ett barn, en vuxen, Två personer och nio brukare"
    assert [count for _, count, _ in persons_mentioned(text)] == [3, 1, 1, 2, 9]


# --- In the book ------------------------------------------------------------------------------------------------

WORDS = """\
# Ur nämndens perspektiv

Älvdalsstödet är **viktigt**, se [ansvaret](ansvar) och [kommunen](https://www.ange.se/).

## Steg
1. Först mätning
2. Sedan beslut
   - Med samråd

Tabell: Egna antaganden

| Enhet | Kostnad, tkr | Anmärkning med en ganska lång förklaring | Ytterligare en kolumn | Och en kolumn till |
|-------|-------------:|---|---|---|
| Norra distriktet | 1 234 | Preliminärt | &lt;script&gt; | x |

> Protokollsutdrag
"""


@pytest.fixture
def with_words(data_copy):
    """Data where Ånge has written something, some of it for a chapter that its book does not have."""
    folder = data_copy / "kommuner" / "ange" / "texter"
    folder.mkdir()
    for name, text in {
        "upphandling": WORDS,
        "forord": "Hälsningsord.",
        "sammanfattning": "Slutord.",
        "kostnader": "Ord om kostnaden.",
    }.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return data_copy


def test_only_a_chapter_with_words_gets_the_section(with_words):
    plan = plan_book(load_municipality("ange", with_words), read_chapters())
    bare = plan_book(load_municipality("ange", DATA), read_chapters())
    for chapter in plan.chapters:
        sources = [cell.source for cell in plan.notebook(chapter).cells]
        before = [cell.source for cell in bare.notebook(chapter).cells]
        assert not any("own_words" in source for source in before)
        assert (sources == before) == (chapter.name not in ("index", "upphandling"))
        if chapter.name == "upphandling":
            assert sources[:-2] == before and sources[-2] == "## Kommentar från kommunen"
        if chapter.name == "index":
            headings = [source for source in sources if source.startswith("## ")]
            assert headings[0] == "## Förord" and headings[-1] == "## Kommentar från kommunen"
            assert [source for source in sources if source in before] == before


def test_a_changed_text_makes_the_book_anew(with_words):
    before = input_hashes("ange", with_words)
    (with_words / "kommuner" / "ange" / "texter" / "forord.md").write_text("Andra ord.", encoding="utf-8")
    after = input_hashes("ange", with_words)
    assert {name for name in after if after[name] != before[name]} == {"data/kommuner/ange/texter/forord.md"}


def test_check_tells_of_texts_without_a_chapter_and_counts_them(with_words, capsys):
    assert cli.main(["check", "ange", "--data", str(with_words)]) == 0
    out, err = capsys.readouterr()
    assert "tabeller, 4 texter)" in out
    assert (
        "Varning: data/kommuner/ange/texter/kostnader.md visas inte, för boken har inte kapitlet Kostnaden i sin "
        "helhet. Saknas: ekonomi.csv"
    ) in err


def test_check_refuses_links_out_of_the_book_and_signs_that_no_pdf_can_show(with_words, capsys):
    path = with_words / "kommuner" / "ange" / "texter" / "forord.md"
    path.write_text("Ord ✓ → é.\nSe [x](lss) 😀 och &#128513;.", encoding="utf-8")
    assert cli.main(["check", "ange", "--data", str(with_words)]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "forord.md" in line]
    assert len(lines) == 3 and all("forord.md, rad 2: " in line for line in lines)
    assert "länken går till ett kapitel som boken inte har (Saknas: " in lines[0] and "”lss”" in lines[0]
    assert "tecknet kan inte visas i bokens PDF. Står nu: ”😀”" in lines[1] and "”😁”" in lines[2]


def test_check_knows_of_the_chapters_that_small_counts_leave_nothing_of(with_words, capsys):
    """Else the book would stop at the link, or leave out the words without saying so."""
    folder = with_words / "kommuner" / "ange"
    card = (folder / "kommun.yml").read_text(encoding="utf-8")
    changed = re.sub(r"(?m)^sma_tal:\n  visas: .*$", "sma_tal:\n  grans: 100", card)
    assert changed != card
    (folder / "kommun.yml").write_text(changed, encoding="utf-8")
    (folder / "texter" / "avstamning.md").write_text("Ord om avstämningen.", encoding="utf-8")
    assert cli.main(["check", "ange", "--data", str(with_words)]) == 0
    assert "texter/avstamning.md visas inte, för boken har inte kapitlet Avstämning" in capsys.readouterr().err
    (folder / "texter" / "forord.md").write_text("Se [avstämningen](avstamning).", encoding="utf-8")
    assert cli.main(["check", "ange", "--data", str(with_words)]) == 1
    error = capsys.readouterr().err
    assert "forord.md, rad 1: länken går till ett kapitel som boken inte har (Visas inte, eftersom antalen" in error


def test_what_the_fonts_of_the_pdf_lack_is_found():
    assert unsettable('Åäö – ”x” 1 234 ½ ≥ \\ " #') == [] and unsettable("a😀b中😀") == ["😀", "中"]


def test_the_words_stand_in_the_page_the_search_and_both_documents(with_words, tmp_path, browser):
    out = tmp_path / "html"
    built("ange", "--data", str(with_words), "--out", str(out), "--jobs", "2", "--dokument")
    book = out / "ange"
    page = BeautifulSoup((book / "upphandling.html").read_text(encoding="utf-8"), "html.parser")
    section = page.find(id="kommentar-fran-kommunen")
    assert section.h2.text == "Kommentar från kommunen"
    assert page.article.find_all("h2")[-1] is section.h2
    assert [heading.name for heading in section.find_all(re.compile("h[1-6]"))] == ["h2", "h3", "h4"]
    assert "skriven av kommunen, Ånge" in section.text and "räknas inte fram i boken" in section.text
    assert page.select_one('nav.ab-pa-sidan a[href="#kommentar-fran-kommunen"]')
    assert "kommentar-fran-kommunen" not in (book / "val.html").read_text(encoding="utf-8")
    assert not document_faults(book)
    with pikepdf.open(book / "assistansboken-ange.pdf") as pdf:
        assert len(pdf.pages) > 10
    word = docx.Document(book / "assistansboken-ange.docx")
    assert any("Älvdalsstödet är viktigt" in paragraph.text for paragraph in word.paragraphs)
    assert any(table.cell(0, 0).text == "Enhet" and table.cell(1, 3).text == "<script>" for table in word.tables)
    terms = json.loads(re.search(r"\{.*\}", (book / "searchindex.js").read_text(encoding="utf-8"), re.DOTALL)[0])
    assert any(term.startswith("älvdalsstöd") for term in terms["terms"])
    with served(out, {"Content-Security-Policy": CONTENT_SECURITY_POLICY}) as origin:
        for width in (320, 1280):
            assert not site_scan.scan(browser, origin, ["ange/upphandling.html", "ange/index.html"], width)
