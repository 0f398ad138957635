"""Read a municipality's own words: Markdown of which nothing but text, its structure and safe links gets through."""

from __future__ import annotations

import difflib
import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token

from analysis.sources.accessibility import EMAIL_ADDRESS, WEB_ADDRESS
from analysis.sources.cells import decode, has_control_character, visible
from analysis.sources.faults import Fault, file_fault, shown_path

FOLDER = "texter"
FOREWORD = "forord"
LONGEST = 20_000  # characters: some six pages, where a comment is a page at most
DEEPEST = 3
_WRITABLE = "löpande text med rubriker, listor, tabeller, citat, fetstil, kursiv och länkar"
_BESIDE_THE_POINT = ("desktop.ini", "thumbs.db")
# What turns the direction of the text can make an address look like another; a page in Swedish has no use for it.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TABLE_START = re.compile(r"tabell:\s*", re.IGNORECASE)
_REFERENCE = re.compile(r"\[[^\]]+\]:\s*\S+")
_QUESTION = "?"
_REFUSED = {
    "control": ("osynligt styrtecken i texten", "skriv om raden för hand i stället för att klistra in den"),
    "html": ("HTML kan inte stå i texten", "ta bort det som står mellan < och >; skriv \\< om tecknet ska synas"),
    "image": ("bilder kan inte stå i texten", "ta bort bilden och berätta i ord vad den visar"),
    "code": ("kod kan inte stå i texten", "ta bort tecknen ` och ~~~ och skriv som vanlig text"),
    "hr": ("en linje kan inte stå i texten", "ta bort raden, eller skriv en rubrik med # i stället"),
    "reference": (
        "en adress på egen rad blir ingen länk",
        "skriv adressen direkt i länken: [texten](https://adressen)",
    ),
    "title": ("en länk kan inte ha en text efter adressen", "ta bort det som står inom citattecken"),
    "address": ("länkens adress kan inte användas", "rätta adressen, eller ta bort länken och behåll texten"),
    "no_text": ("länken har ingen text", "skriv vart länken leder inom hakparenteserna: [texten](adressen)"),
    "heading": ("rubriken är tom", "skriv rubriken efter #, eller ta bort tecknet"),
    "inside": ("rubriker och tabeller kan inte stå i en lista eller ett citat", "flytta ut den till en egen rad"),
    "deep": (f"listor och citat ligger i fler än {DEEPEST} nivåer", "gör om till färre nivåer"),
    "start": (
        "listan börjar inte på 1",
        "börja med 1; är det ingen lista, skriv ett omvänt snedstreck före punkten, som i 2024\\.",
    ),
    "caption": ("tabellen har ingen rubrik", "skriv en egen rad närmast ovanför tabellen, som börjar med Tabell:"),
    "rows": ("tabellen har inga rader", "fyll i minst en rad, eller ta bort tabellen"),
    "head": ("en kolumn i tabellen har ingen rubrik", "skriv en rubrik för varje kolumn"),
    "cells": (
        "raden har fler celler än tabellen har kolumner",
        "ta bort cellen, eller lägg till en kolumnrubrik; skriv \\| om tecknet ska synas",
    ),
    "no_table": (
        "raden ser ut som en tabell men går inte att läsa",
        "skriv en rad med kolumnrubriker, under den en rad som |---|---| och sedan raderna, alla med lika många celler",
    ),
}


@dataclass(frozen=True)
class Place:
    """Where in the book a text is shown: at the end of a chapter, or at the start of the book.

    `chapter` is the chapter's name in the book, `title` what readers know the place as, `questions` what a draft asks,
    and `heading` what stands above the text; a place without questions gets no draft.
    """

    chapter: str
    title: str
    questions: tuple[str, ...] = ()
    heading: str = "Kommentar från kommunen"


# By the name of the file. The first page is called what its place in the menu is called.
PLACES = {
    FOREWORD: Place(
        "index",
        "Förord",
        (
            "Varför har kommunen tagit fram den här boken?",
            "Vem har arbetat med den, och vem kan svara på frågor?",
        ),
        heading="Förord",
    ),
    "sammanfattning": Place(
        "index",
        "Sammanfattning",
        (
            "Vad vill kommunen att läsaren ska ta med sig?",
            "Finns det något i siffrorna som lätt missförstås?",
        ),
    ),
    "uppdrag": Place("uppdrag", "Uppdraget", ("Vem gav uppdraget, och vad skulle det leda till?",)),
    "inledning": Place(
        "inledning",
        "Inledning och bakgrund",
        ("Vad är särskilt för kommunen, till exempel storlek, avstånd eller åldrar?",),
    ),
    "disposition": Place("disposition", "Disposition"),
    "ansvar": Place(
        "ansvar",
        "Delat ansvar och utförande",
        (
            "Vilken nämnd och vilken förvaltning ansvarar, och hur fattas besluten?",
            "Hur fungerar samarbetet med Försäkringskassan?",
        ),
    ),
    "kostnader": Place(
        "kostnader",
        "Kostnaden i sin helhet",
        (
            "Vad förklarar att kostnaden har ändrats?",
            "Varför avviker utfallet från budgeten?",
            "Har kommunen bytt sätt att bokföra under perioden?",
        ),
    ),
    "lagandringar": Place(
        "lagandringar", "Ändringar i lagstiftningen", ("Vilka ändringar har märkts mest i kommunen, och hur?",)
    ),
    "sfb": Place(
        "sfb",
        "Personlig assistans enligt SFB",
        (
            "Vad förklarar att antalet brukare eller kostnaden har ändrats?",
            "Hur ser kommunen på Försäkringskassans beslut under perioden?",
        ),
    ),
    "lss": Place(
        "lss",
        "Personlig assistans enligt LSS",
        (
            "Vad förklarar att antalet brukare eller timmarna har ändrats?",
            "Har kommunen ändrat riktlinjer eller arbetssätt i handläggningen?",
        ),
    ),
    "utforare": Place(
        "utforare",
        "Kommunalt utförande",
        (
            "Vad förklarar att kostnaden per timme har ändrats?",
            "Vad gör kommunen för att klara schemaläggning, jour och vikarier?",
        ),
    ),
    "egenregi": Place(
        "egenregi",
        "Egen regi: intäkter, kostnader och volymer",
        ("Vad förklarar skillnaden mellan intäkter och kostnader?",),
    ),
    "organisation": Place("organisation", "Så är assistansen organiserad", ("Är organisationen på väg att ändras?",)),
    "val": Place("val", "Val av utförare", ("Vad tror kommunen ligger bakom brukarnas val?",)),
    "driftformer": Place(
        "driftformer", "Olika sätt att driva assistansen", ("Vilka driftformer har kommunen prövat eller diskuterat?",)
    ),
    "upphandling": Place(
        "upphandling",
        "Upphandling: vad den kostar och vad den ger",
        ("Hur har kommunen tänkt kring antagandena i kalkylen?",),
    ),
    "forstatligande": Place(
        "forstatligande", "Om staten tar över", ("Vad skulle det betyda för kommunen om staten tog över?",)
    ),
    "slutsatser": Place("slutsatser", "Slutsatser", ("Vilka slutsatser drar kommunen, och vad händer härnäst?",)),
    "jamforelse": Place(
        "jamforelse",
        "Kommunerna sida vid sida",
        ("Varför har de här kommunerna valts att jämföra med, och vad skiljer dem åt?",),
    ),
    "avstamning": Place(
        "avstamning", "Avstämning mot utredningen", ("Vad säger kommunen om de siffror som inte stämmer?",)
    ),
    "underlag": Place(
        "underlag", "Underlag och källor", ("Var är siffrorna hämtade, och vad ska läsaren veta om dem?",)
    ),
    "metod": Place("metod", "Metod"),
    "tillkomst": Place("tillkomst", "Så gjordes boken"),
    "ordlista": Place("ordlista", "Ordlista"),
    "tillganglighet": Place("tillganglighet", "Tillgänglighetsredogörelse"),
}


@dataclass(frozen=True)
class LocalText:
    """What the municipality has written at a place.

    `text` is the file without the draft's questions, line for line. `tokens` are what markdown-it made of it, with
    nothing in them that `read_local_words` refuses: each link's address is safe, and each table has its caption in its
    first token's `meta`. `links` are the chapters that it links to, each with its line.
    """

    place: str
    text: str
    tokens: tuple[Token, ...]
    links: tuple[tuple[int, str], ...]


def read_local_words(folder: Path, data_directory: Path) -> tuple[dict[str, LocalText], list[Fault]]:
    """Return a municipality's texts by place, in the order of the book, and every fault in them.

    `folder` is the municipality's. A text that holds no words beside the draft's questions is not there.
    """
    faults = [
        Fault(
            shown_path(path, data_directory),
            f"texterna ligger i mappen {FOLDER}",
            f"{FOLDER}/{path.name}",
            f"flytta filen till mappen {FOLDER}",
        )
        for path in _entries(folder)
        if path.suffix.lower() == ".md" and path.stem.lower() in PLACES
    ]
    faults += [
        Fault(shown_path(path, data_directory), "mappen har fel namn", f"mappen {FOLDER}", f"byt namn till {FOLDER}")
        for path in _entries(folder)
        if path.is_dir() and path.name != FOLDER and difflib.get_close_matches(path.name.lower(), [FOLDER])
    ]
    found = {}
    for path in _entries(folder / FOLDER):
        shown = shown_path(path, data_directory)
        place = path.name.removesuffix(".md")
        if place not in PLACES or place == path.name or path.is_dir():
            faults.append(_unknown_name(path, shown))
            continue
        try:
            text, more = _read(path, shown)
        except OSError as error:
            text, more = "", [file_fault(error, shown, "en läsbar textfil")]
        faults += more
        if not more and text:
            parsed, more = parse(place, text, shown)
            faults += more
            if parsed is not None:
                found[place] = parsed
    return {place: found[place] for place in PLACES if place in found}, faults


def drafts() -> dict[str, bytes]:
    """Return the drafts that a new municipality begins with, by their paths in its folder."""
    return {
        f"{FOLDER}/{name}.md": "\n".join(
            [
                f"? Utkast till kommunens text: {place.title} ?",
                "? Skriv svaren på egna rader. Rader som börjar och slutar med frågetecken visas inte i boken. ?",
                *(f"\n? {question}\n" for question in place.questions),
            ]
        ).encode("utf-8")
        for name, place in PLACES.items()
        if place.questions
    }


def _entries(folder: Path) -> list[Path]:
    return (
        [
            path
            for path in sorted(folder.iterdir())
            if not path.name.startswith((".", "~")) and path.name.lower() not in _BESIDE_THE_POINT
        ]
        if folder.is_dir()
        else []
    )


def _unknown_name(path: Path, shown: str) -> Fault:
    letters = unicodedata.normalize("NFKD", path.name.lower()).encode("ascii", "ignore").decode()
    near = difflib.get_close_matches(letters.partition(".")[0], PLACES, n=1)
    if path.is_dir():
        advice = "flytta ut filerna ur mappen och ta bort den"
    elif path.suffix.lower() not in (".md", ".txt", ""):
        advice = "klistra in texten i en fil som sparas av Anteckningar" + (f" som {near[0]}.md" if near else "")
    elif near:
        advice = f"byt namn till {near[0]}.md"
        if path.suffix.lower() == ".txt":
            advice += "; slå på Filnamnstillägg i Utforskaren, så syns hela namnet"
    else:
        advice = "byt namn efter kapitlet som texten hör till, eller flytta filen härifrån"
    return Fault(
        shown, "ingen plats i boken heter så", "någon av " + ", ".join(f"{name}.md" for name in PLACES), advice
    )


def _read(path: Path, shown: str) -> tuple[str, list[Fault]]:
    """Return a file's text without the draft's questions, their lines left empty; "" where no words are left."""
    too_long = Fault(shown, "texten är för lång", f"högst {LONGEST} tecken", "korta texten")
    if path.stat().st_size > 4 * LONGEST:  # no character takes more bytes than four
        return "", [too_long]
    try:
        text = decode(path.read_bytes())
    except ValueError:
        return "", [
            Fault(
                shown,
                "filen är ingen textfil",
                "text sparad med kodningen UTF-8",
                "öppna filen i Anteckningar, välj Spara som och kodningen UTF-8",
            )
        ]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    faults = [too_long] if len(text) > LONGEST else []
    for number, line in enumerate(lines, start=1):
        written = line.strip()
        if _is_unseen(line):
            faults.append(
                Fault(
                    shown,
                    _REFUSED["control"][0],
                    _WRITABLE,
                    _REFUSED["control"][1],
                    number,
                    value=_short(_TURNING.sub(lambda one: f"[U+{ord(one[0]):04X}]", visible(line))),
                )
            )
        elif written.startswith(_QUESTION):
            if not written.endswith(_QUESTION):
                faults.append(
                    Fault(
                        shown,
                        "raden börjar med frågetecken men slutar inte med ett",
                        "en fråga ur utkastet, eller en rad som börjar med något annat",
                        "skriv svaret på en egen rad under frågan",
                        number,
                        value=_short(written),
                    )
                )
            lines[number - 1] = ""
    text = "\n".join(lines)
    return text if _has_words(text) else "", faults


def parse(place: str, text: str, shown: str) -> tuple[LocalText | None, list[Fault]]:
    """Return a text (its lines end in LF) read as Markdown, None where nothing of it would be seen, and its faults."""
    lines = text.split("\n")
    noted: list[tuple[int, str, str]] = []

    def note(line: int, kind: str, value: str = "") -> None:
        noted.append((line, kind, value or lines[line - 1].strip()))

    tokens = _parser().parse(text)
    links = list(_check(tokens, lines, note))
    faults = [
        Fault(shown, _REFUSED[kind][0], _EXPECTED.get(kind, _WRITABLE), _advice(kind, value), line, value=_short(value))
        for line, kind, value in dict.fromkeys(noted)
    ]
    seen = any(_has_words(child.content) for token in tokens for child in token.children or ())
    return LocalText(place, text, tuple(tokens), tuple(links)) if seen and not faults else None, faults


_EXPECTED = {
    "address": "en adress som börjar med https://, en e-postadress som börjar med mailto:, eller ett kapitels namn, "
    "som kostnader",
}


def _advice(kind: str, value: str) -> str:
    near = difflib.get_close_matches(value.lower().partition(".")[0], PLACES, n=1) if kind == "address" else []
    return f"skriv ”{near[0]}”" if near else _REFUSED[kind][1]


def _parser() -> MarkdownIt:
    """Return a parser that knows what may be written, and what must be recognised to be refused."""
    parser = MarkdownIt("zero", {"html": True, "maxNesting": 20})
    parser.enable(
        [
            "blockquote",
            "heading",
            "list",
            "table",
            "autolink",
            "emphasis",
            "entity",
            "escape",
            "link",
            "newline",
            "backticks",
            "fence",
            "hr",
            "html_block",
            "html_inline",
            "image",
        ]
    )
    # Addresses are judged here: the parser itself would let a link that it refuses stand as text, and tell nobody.
    parser.validateLink = lambda address: True
    return parser


def _check(tokens: list[Token], lines: Sequence[str], note: Callable[..., None]) -> Iterator[tuple[int, str]]:
    """Note what is wrong, make addresses and captions ready, and give each chapter that is linked to with its line."""
    depth, line, columns = 0, 1, 0
    captions: list[Token] = []
    for position, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        if token.type in ("blockquote_open", "list_item_open"):
            depth += 1
            if depth == DEEPEST + 1:
                note(line, "deep")
        elif token.type in ("blockquote_close", "list_item_close"):
            depth -= 1
        elif token.type in ("html_block", "fence", "hr"):
            note(line, {"html_block": "html", "fence": "code"}.get(token.type, token.type))
        elif token.type == "ordered_list_open" and "start" in token.attrs:
            note(line, "start")
        elif token.type in ("heading_open", "table_open"):
            if depth:
                note(line, "inside")
            if token.type == "heading_open" and not _has_words(tokens[position + 1].content):
                note(line, "heading")
            if token.type == "table_open":
                columns, captions = 0, captions + _take_caption(tokens, position, line, note)
        elif token.type == "th_open":
            columns += 1
            if not tokens[position + 1].content.strip():
                note(line, "head")
        elif token.type == "table_close" and tokens[position - 1].type != "tbody_close":
            note(line, "rows")
        elif token.type == "tr_open" and _cells(lines[line - 1]) > columns > 0:
            note(line, "cells")
        elif token.type == "inline":
            if tokens[position - 1].type == "paragraph_open":
                for number, part in enumerate(token.content.split("\n")):
                    if part.lstrip().startswith("|"):
                        note(line + number, "no_table")
                    if _REFERENCE.fullmatch(part.strip()):
                        note(line + number, "reference")
            yield from _check_inline(token.children or [], line, note)
    # Last, since their words have been looked through by now: what stands in the caption is not a paragraph as well.
    for paragraph in captions:
        start = next(place for place, token in enumerate(tokens) if token is paragraph)
        del tokens[start : start + 3]


def _take_caption(tokens: list[Token], position: int, line: int, note: Callable[..., None]) -> list[Token]:
    """Give a table the words of the paragraph above it, and return what opens that paragraph, if it is a caption."""
    above = tokens[max(position - 3, 0) : position]
    text = above[1] if [token.type for token in above] == ["paragraph_open", "inline", "paragraph_close"] else None
    first = text.children[0] if text and text.children else None
    start = _TABLE_START.match(first.content) if first else None
    if not start or not _has_words(text.content[start.end() :]):
        note(line, "caption")
        return []
    first.content = first.content[start.end() :]
    tokens[position].meta["caption"] = text
    return [above[0]]


def _cells(row: str) -> int:
    """Return how many cells a row of a table has as it is written; the parser drops those beyond the heads."""
    cells = escapedSplit(row.strip())
    return len(cells) - (cells[0] == "") - (len(cells) > 1 and cells[-1] == "")


def _check_inline(children: Sequence[Token], line: int, note: Callable[..., None]) -> Iterator[tuple[int, str]]:
    for position, token in enumerate(children):
        if _is_unseen(token.content):  # written as a code, such as &#x202e;
            note(line, "control")
        if token.type in ("html_inline", "image", "code_inline"):
            note(line, {"html_inline": "html", "code_inline": "code"}.get(token.type, token.type))
        elif token.type == "link_open":
            if "title" in token.attrs:
                note(line, "title")
            close = next(one for one in range(position, len(children)) if children[one].type == "link_close")
            if not any(_has_words(one.content) for one in children[position:close]):
                note(line, "no_text")
            address = str(token.attrs["href"])
            chapter = PLACES.get(re.sub(r"\.(html|md)$", "", address))
            if chapter:
                token.attrs["href"] = f"{chapter.chapter}.html"
                yield line, chapter.chapter
            elif not re.fullmatch(f"{WEB_ADDRESS}|mailto:{EMAIL_ADDRESS}", address):
                note(line, "address", visible(address))
        line += token.type in ("softbreak", "hardbreak") or token.content.count("\n")


def _is_unseen(text: str) -> bool:
    return has_control_character(text) or bool(_TURNING.search(text))


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


# --- Persons that a text counts -----------------------------------------------------------------------------------

# Persons whom support is about, and those near them; not those who work with it.
_PERSON = re.compile(
    r"""
    (?:[\w-]*brukar|[\w-]*användar|[\w-]*(?:mot|insats|omsorgs|bistånds)tagar|deltagar)(?:e|en|na|nas|ens|es)
    |person(?:er|en|erna|s|ers|ens|ernas)?
    |(?:små|skol|förskole|syskon)?barn(?:et|en|s|ets|ens)?
    |(?:[\w-]*berättigad|vux|äldr|funktionsnedsatt|[\w-]*tillhörand|anhörig|funktionshindrad)(?:a|e|en|na|as|es)?
    |(?:kvinn|flick)(?:a|or|an|orna|as|ors)|pojk(?:e|ar|en|arna)|män(?:nen|s)?|man(?:nen|s)?
    |ungdom(?:ar|en|arna|s)?|tonåring(?:ar|en|arna)?|\d*-?åring(?:ar|en|arna)?
    |individ(?:er|en|erna|s)?|klient(?:er|en|erna|s)?|kund(?:er|en|erna|s)?|patient(?:er|en|erna|s)?
    |(?:vårdnadshavar|[\w-]*invånar|medborgar)(?:e|en|na)|förälder|föräldrar(?:na)?|elev(?:er|en|erna)?
    |pensionär(?:er|en|erna)?|familj(?:er|en|erna)?|syskon(?:en)?
""",
    re.VERBOSE,
)
# Not a word that says that the number counts something else, or that begins another part of the sentence.
_BETWEEN = re.compile(
    r"""
    (?!(?:om|bland|per|för|till|med|som|i|på|att|och|hos|när|där|kan|ska|vi|från|under|utan|än|eller|är|har|var|mot
    |antal|del|andel|grupp|rad|mängd|majoritet|år|timmar|kronor|procent|gånger|dagar|veckor|månader|insatser|beslut)\b)
    [^\W\d_]+(?:-[^\W\d_]+)*
""",
    re.VERBOSE,
)
_COUNT_WORDS = ("en", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio")
_COUNTED = re.compile(
    rf"""
    (?<![\w§])(?<!\d[.,:])(?P<count>[1-9][0-9]?|en|ett|två|tre|fyra|fem|sex|sju|åtta|nio)\)?
    (?:\s+av(?=\s))?(?:\s+{_BETWEEN.pattern}){{0,2}}?\s+\(?(?:{_PERSON.pattern})(?!\w)
""",
    re.VERBOSE | re.IGNORECASE,
)


def persons_mentioned(text: str) -> list[tuple[int, int, str]]:
    """Return where a text counts up to 99 persons: the line, how many, and the words as they stand there.

    Found is a digit or a number word, then at most two words, then a word for persons: ”3 brukare”, ”två av våra
    äldre brukare”, ”ett barn”. A number in a table, or one that the reader must work out, is not found.
    """
    found = []
    # Marks of Markdown take no place in what is read; a paragraph ends at an empty line.
    plain = [re.sub(r"[*_\\]", "", html.unescape(line)).replace("\n", " ") for line in text.split("\n")]
    readable = "\n".join(line.strip() or "." for line in plain)
    for match in _COUNTED.finditer(readable):
        word = match["count"].lower()
        count = int(word) if word.isdigit() else _COUNT_WORDS.index(word.replace("ett", "en")) + 1
        line = readable.count("\n", 0, match.start()) + 1
        found.append((line, count, " ".join(match[0].replace("(", "").split())))
    return found
