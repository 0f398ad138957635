"""All Swedish that readers and analysts see is spelt as in a dictionary, or as in `ordlista.txt` beside this file."""

from __future__ import annotations

import ast
import csv
import functools
import html
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import files
from pathlib import Path

import pytest
import yaml
from conftest import edit
from spylls.hunspell import Dictionary

from analysis.measures.forms import swedish_order
from analysis.measures.result import every_measure
from analysis.present.pages.reconciliation import COLUMN_WORDS
from analysis.sources import list_municipalities
from analysis.sources.schema import CODE_TABLE, MUNICIPAL_TABLES, NATIONAL_TABLES, SOURCE_TABLE, in_words

ROOT = Path(__file__).resolve().parents[1]
WORD_LIST = Path(__file__).with_name("ordlista.txt")
# Columns and keys that hold names for the machine, addresses, or what a source calls itself.
NOT_PROSE = {"kalla", "kalla_2", "uppdrag_kalla", "villkor", "matt", "urval", "nyckel", "varde", "ursprung"}
NOT_PROSE_IN = {"fakta": {"uppgift"}, "kommuner": {"kommun"}}
NOT_PROSE_KEYS = {
    "kalla",
    "uppdrag_kalla",
    "lank",
    "dokument",
    "datum",
    "kod",
    "rad",
    "grannar",
    "status",
    "titel",
    "utgivare",
    "oforandrad_som",
}
# What the code's texts name beside Swedish words: keys, folders, commands, fonts and tools.
NAMED_BY_CODE = {"build", "new", "fetch", "namnd", "fran", "needs", "omrade", "docstring", "its", "no", "analysis"}
NAMED_BY_CODE |= {"chapters", "python"}
NAMED_BY_CODE |= {"tillganglighet"}  # a field in kommun.yml
NAMED_BY_CODE |= {"true", "false"}  # what YAML calls a truth value
NAMED_BY_CODE |= {"mailto"}  # how the address of an e-mail begins in a link
NAMED_BY_CODE |= {"control", "character", "kommun.se"}  # what the YAML reader calls a fault; part of an address
# How the program is installed.
NAMED_BY_CODE |= {"README.md", "install", "py", "python.org", "venv"}
NAMED_BY_CODE |= {"distributed", "distributed.comm.tls"}  # Dask's package, and a part of its settings
NAMED_BY_CODE |= {"Arial", "Helvetica", "Liberation", "Jupyter", "Book"}
# Word's own names of its styles and fields, and the font of the PDF.
NAMED_BY_CODE |= {"Arimo", "Bullet", "Caption", "Footer", "Header", "Heading", "Hyperlink", "Number", "Subtitle"}
NAMED_BY_CODE |= {"Word", "Word-filen", "TOC", "Title", "toc"}
# What the documents for analysts name: commands, servers and what servers speak of.
NAMED_IN_DOCUMENTS = {"analysis", "python", "Apache", "Brotli", "Content-Security-Policy", "IIS", "gzip"}
NAMED_IN_DOCUMENTS |= {"nginx", "Word-fil"}
# What the guide names: commands, programs and their buttons, systems, and the municipality of its example.
NAMED_IN_DOCUMENTS |= {"build", "eslov", "fetch", "new", "py", "venv", "AMD", "Code", "Download", "Foundation"}
NAMED_IN_DOCUMENTS |= {"Calcs", "Install", "LibreOffice", "OneDrive", "PowerShell", "ZIP", "macOS"}
# In the dictionary, but here always a slip for the field's own word "assistans".
SLIPS = ("assistens",)
# What stands in an f-string or a template for a value; a word that touches it is not whole.
HOLE = "\x00"

INVISIBLE = re.compile("[\u00ad\u200b\u2060]|<wbr ?/?>|&shy;")
UNSEEN_ELEMENT = re.compile(r"<(script|style|code)\b.*?</\1>", re.DOTALL)
SPOKEN_ATTRIBUTE = re.compile(r'\b(?:aria-label|aria-valuetext|alt|title)="([^"]*)"')
TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
MARKUP = re.compile(
    r"https?://\S+"  # an address
    r"|\]\([^)]*\)"  # where a link leads
    r"|`[^`]*`"  # code
    r"|^ *[`:]{3,}\{?.*$"  # the fence of a directive
    r"|^ *:[\w-]+:.*$"  # an option of a directive
    r"|\{[\w:-]+\}"  # the name of a role
    r"|(?<!\w)--?[a-z]\S*"  # an option of a command
    r"|[^\s()\[\]]*\.(?:csv|xlsx|xls|ods|yml|txt|py|ipynb|html|j2)\b"  # a file
    r"|\S+/\S*/\S*"  # a folder
    r"|/\*.*?\*/"  # a comment in a script
    r"|<\w+"  # a tag that ends in another text
    r'|\b(?!(?:aria-label|aria-valuetext|alt|title)=)[a-z-]+="[^"]*"'  # what an attribute that is not spoken holds
    r'|\b[a-z-]+="'  # the name of one that is
    r"|\w+…",  # a word that a chart has cut short
    re.MULTILINE,
)
TOKEN = re.compile(rf"[\w{HOLE}](?:[\w{HOLE}’'.:‑-]*[\w{HOLE}])?[-‑.]?")
ENDINGS = {"s", "n", "en", "er", "erna", "et", "ar", "a"}


class Speller:
    """Tells whether a word is in the dictionary or in the field's own list; each word is looked up once."""

    def __init__(self, listed: Iterable[str]):
        aff = next(file for file in files("hunspell-sv") if file.name == "sv_SE.aff")
        self.dictionary = Dictionary.from_files(str(aff.locate().with_suffix("")))
        # They are about numerals, which are not looked up here, and are what takes the most time.
        self.dictionary.aff.COMPOUNDRULE.clear()
        self.listed = frozenset(listed)
        self.knows = functools.cache(self._knows)
        self.in_dictionary = functools.cache(self._in_dictionary)

    def _in_dictionary(self, word: str) -> bool:
        # Most words are common ones, so the small letters are tried first, and then only what is written.
        cases = dict.fromkeys((word.lower(), word.lower().capitalize() if word.isupper() else word))
        return any(self.dictionary.lookuper(case, capitalization=False) for case in cases)

    def _knows(self, word: str) -> bool:
        if word.casefold().startswith(SLIPS):
            return False
        if word in self.listed or word.lower() in self.listed:
            return True
        # A name in the list may stand in the genitive.
        if word[:1].isupper() and word.endswith("s") and word[:-1] in self.listed:
            return True
        if "-" in word and all(self.knows(part) or self.begins_a_compound(part) for part in word.split("-")):
            return True
        if ":" in word:
            stem, ending = word.rsplit(":", 1)
            return ending in ENDINGS and self.knows(stem)
        return self.in_dictionary(word)

    def begins_a_compound(self, part: str) -> bool:
        """Whether a form like `kostnads-` in `kostnads- och volymökning` can stand first in a compound."""
        return self.in_dictionary(part + "arbete")

    def unknown(self, text: str) -> Iterator[str]:
        """Yield the words of a plain text that are not known, as they are written."""
        for found in TOKEN.finditer(MARKUP.sub(" ", text)):
            token = found[0].replace("‑", "-").replace("’", "'")
            word = re.sub(r"^[\d.,:]+-", "", token.rstrip("-."))
            if HOLE in word or re.search(r"[\d_]", word) or len(word) < 2 or not re.search(r"[^\W\d_]", word):
                continue
            if self.knows(word) or (token.endswith("-") and self.begins_a_compound(word)):
                continue
            if token.endswith(".") and self.in_dictionary(word + "."):
                continue
            yield word


def plain(marked: str) -> str:
    """Return the words of a text with HTML tags, those that a screen reader speaks among them."""
    marked = UNSEEN_ELEMENT.sub(" ", INVISIBLE.sub("", marked))
    spoken = " . ".join(SPOKEN_ATTRIBUTE.findall(marked))
    return INVISIBLE.sub("", html.unescape(f"{TAG.sub(' ', marked)} . {spoken}"))


def chapter_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the words of every markdown cell and every committed output."""
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            place = f"chapters/{path.name}, {cell['id']}"
            if cell["cell_type"] == "markdown":
                yield place, plain("".join(cell["source"]))
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                for kind in ("text/markdown", "text/html"):
                    yield place, plain("".join(data.get(kind, "")))


def data_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the words of every cell of prose in the tables, and every text in the registers."""
    for path in sorted(folder.rglob("*.csv")):
        national = NATIONAL_TABLES | {CODE_TABLE.name: CODE_TABLE}
        spec = (national if "nationellt" in path.relative_to(folder).parts else MUNICIPAL_TABLES)[path.stem]
        skipped = NOT_PROSE | NOT_PROSE_IN.get(path.stem, set())
        prose = [column.name for column in spec.all_columns if column.kind == "text" and not column.allowed]
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, delimiter=";"), start=2):
                for name in prose:
                    if name not in skipped:
                        yield (
                            f"{path.relative_to(folder.parent).as_posix()}, rad {number}, {name}",
                            COLUMN_WORDS.get(row[name], row[name] or ""),
                        )
    for path in sorted(folder.rglob("*.yml")):
        place = path.relative_to(folder.parent).as_posix()
        yield from _register_texts(yaml.safe_load(path.read_text(encoding="utf-8")), place)


def _register_texts(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in NOT_PROSE_KEYS:
                yield from _register_texts(inner, f"{place}, {key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _register_texts(inner, place)
    elif isinstance(value, str):
        yield place, value


def package_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the words of what the code and its templates say: sentences, labels, messages, help."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in _spoken(tree):
            text = _written(node).replace("\\n", " ")  # a line break in an expression of a chart
            # What is neither a sentence nor a label is a name or a format.
            if re.search(r"[åäöÅÄÖ]|\w\s+\w|^[A-Z][a-z]+$", text):
                yield f"{path.relative_to(folder.parent).as_posix()}, rad {node.lineno}", plain(text)
    for path in sorted([*folder.rglob("*.j2"), *folder.rglob("book_theme/*.html")]):
        text = re.sub(r"\{#.*?#\}", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"\{%.*?%\}", " ", text, flags=re.DOTALL)
        yield path.relative_to(folder.parent).as_posix(), plain(re.sub(r"\{\{.*?\}\}", HOLE, text, flags=re.DOTALL))
    for card in every_measure().values():
        yield f"måttet {card.id}", " . ".join((card.title, card.formula, card.method))


def _spoken(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield the texts in the code, less the docstrings and the patterns and formats that only a machine reads."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
    if isinstance(node, ast.JoinedStr):
        # A text inside a value, such as the word that a condition chooses.
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                yield from _spoken(value.value)
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Call) and {"re", "maketrans"} & set(ast.unparse(node.func).split(".")):
        return
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return
    # The keys of a dictionary are what is looked for, such as the English words that Swedish ones replace.
    inside = node.values if isinstance(node, ast.Dict) else ast.iter_child_nodes(node)
    for inner in inside:
        yield from _spoken(inner)


def _written(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return re.sub(r"\{\w*\}|%\(\w+\)[sr]", HOLE, node.value)
    return "".join(value.value if isinstance(value, ast.Constant) else HOLE for value in node.values)


def document_texts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the words of the documents that are written in Swedish."""
    guide = sorted((root / "chapters" / "handbok").glob("*.md"))
    for path in (root / "CHANGELOG.md", *guide):
        text = path.read_text(encoding="utf-8")
        # What the program answers is spelt as it is elsewhere; a picture's alternative is read aloud.
        text = re.sub(r"^```.*?^```", " ", text, flags=re.DOTALL | re.MULTILINE)
        text = re.sub(r"^:::\{figure\} \S+\n:alt: |^\(\w+\)=$", "", text, flags=re.MULTILINE)
        yield path.relative_to(root).as_posix(), text


def misspelt(speller: Speller, texts: Iterable[tuple[str, str]]) -> list[str]:
    """Return each unknown word with the places where it stands."""
    found = defaultdict(dict)
    for place, text in texts:
        for word in speller.unknown(text):
            found[word][place] = None
    return [f"{word}: {'; '.join(list(places)[:3])}" for word, places in sorted(found.items())]


def listed_words() -> list[str]:
    return [line for line in WORD_LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller(listed_words())


ADVICE = "Rätta ordet där det står, eller skriv in det i tests/ordlista.txt om det är rätt stavat:\n"


def test_chapters_are_spelt_right(speller):
    found = misspelt(speller, chapter_texts(ROOT / "chapters"))
    assert not found, ADVICE + "\n".join(found)


def test_data_is_spelt_right(speller):
    found = misspelt(speller, data_texts(ROOT / "data"))
    assert not found, ADVICE + "\n".join(found)


def test_documents_are_spelt_right(speller):
    found = [line for line in misspelt(speller, document_texts(ROOT)) if line.split(":")[0] not in NAMED_IN_DOCUMENTS]
    assert not found, ADVICE + "\n".join(found)


def test_what_the_package_says_is_spelt_right(speller):
    named = NAMED_BY_CODE | set(list_municipalities(ROOT / "data"))
    named |= {name for spec in (MUNICIPAL_TABLES | NATIONAL_TABLES).values() for name in (spec.name, *values(spec))}
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    texts = [*package_texts(ROOT / "analysis"), *(("_toc.yml", part.get("caption", "")) for part in parts)]
    found = [line for line in misspelt(speller, texts) if line.split(":")[0] not in named]
    assert not found, ADVICE + "\n".join(found)


def test_the_words_of_the_workbook_are_spelt_right(speller):
    texts = [
        (spec.name, " . ".join([spec.sheet, *(one.label for one in spec.all_columns), *map(in_words, values(spec))]))
        for spec in (SOURCE_TABLE, *MUNICIPAL_TABLES.values())
    ]
    # A status is written as in the data.
    found = [line for line in misspelt(speller, texts) if line.split(":")[0] != "andrahand"]
    assert not found, ADVICE + "\n".join(found)


def values(spec):
    """The values that the columns of a table allow."""
    return [value for column in spec.all_columns for value in column.allowed]


def test_the_word_list_is_in_order():
    words = listed_words()
    assert words == swedish_order(set(words)), "tests/ordlista.txt ska stå i bokstavsordning, varje ord en gång"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Nettokostnaden för brukrna ökade", ["brukrna"]),
        ("Assistensen i Malmö", ["Assistensen"]),
        ("SFB-ärnden och volym- och kostnadsutveckling", ["SFB-ärnden"]),
        ("Kostnaden ökade.Budgeten minskade", ["ökade.Budgeten"]),
        (
            "20-årsgränsen, SKR:s kartläggning, t.ex. N28008, se data/kommuner/malmo och https://a.se/brukrna",
            [],
        ),
        (f"{HOLE}s kostnader och {HOLE}brukrna", []),
    ],
)
def test_a_misspelt_word_is_found(speller, text, found):
    assert list(speller.unknown(text)) == found


def test_a_planted_misspelling_is_found_wherever_it_stands(speller, data_copy, tmp_path):
    edit(data_copy / "nationellt" / "antaganden.yml", "Två av veckans sju nätter", "Två av veckans sju näter")
    edit(
        data_copy / "kommuner" / "malmo" / "iakttagelser.csv",
        "Nämnden har varje år omfördelat",
        "Nämden har varje år omfördelat",
    )
    found = misspelt(speller, data_texts(data_copy))
    assert found == [
        "Nämden: data/kommuner/malmo/iakttagelser.csv, rad 3, iakttagelse",
        "näter: data/nationellt/antaganden.yml, helgandel, motiv",
    ]
    chapter = {
        "cells": [
            {"id": "prov-01", "cell_type": "markdown", "source": ["# Kapitlet om kostnadrna"]},
            {
                "id": "prov-02",
                "cell_type": "code",
                "source": [],
                "outputs": [
                    {"data": {"text/html": ['<p title="Underskotet">Budge<wbr>ten</p><style>.brukrna {}</style>']}},
                    {"data": {"text/markdown": ["Kost\u00adnaden [öka&shy;de](brukrna.html) åtre"]}},
                ],
            },
        ]
    }
    (tmp_path / "prov.ipynb").write_text(json.dumps(chapter), encoding="utf-8")
    assert misspelt(speller, chapter_texts(tmp_path)) == [
        "Underskotet: chapters/prov.ipynb, prov-02",
        "kostnadrna: chapters/prov.ipynb, prov-01",
        "åtre: chapters/prov.ipynb, prov-02",
    ]
    package = tmp_path / "analysis"
    package.mkdir()
    (package / "page.py").write_text(
        '"""English wrds are not looked up."""\n'
        "def say(name, more):\n    return f\"{name}s kostnad {'ökde år från år' if more else ''}, tkr i sniitt\"\n",
        encoding="utf-8",
    )
    (package / "start.html.j2").write_text("{# wrds #}<h1>Komuner</h1>{% if a %}{{ b }}{% endif %}", encoding="utf-8")
    found = [line for line in misspelt(speller, package_texts(package)) if line.split(": ")[1].startswith("analysis/")]
    assert found == [
        "Komuner: analysis/start.html.j2",
        "sniitt: analysis/page.py, rad 3",
        "ökde: analysis/page.py, rad 3",
    ]
