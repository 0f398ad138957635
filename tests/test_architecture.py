"""What holds the design: imports one way, no number in code that belongs in data, chapters of prose and calls."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
from pathlib import Path

import pytest

import analysis
import analysis.measures
from analysis.measures.result import MEASURES

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "analysis").rglob("*.py"))
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
LAYERS = ("sources", "measures", "present", "publish")

# Identities of arithmetic and of the calendar; anything else belongs in data/.
LITERALS = {0, 1, 2, 7, 12, 60, 100, 365, 366, 1000}
# The only numbers that prose may hold: what a law, a bill or a judgment is called.
REFERENCES = re.compile(
    r"\d+( [a-z])? kap\. ?"
    r"|\d+( [a-z])? §"
    r"|\(\d{4}:\d+\)"
    r"|SFS \d{4}:\d+"
    r"|SOU \d{4}:\d+"
    r"|[Pp]rop\. \d{4}/\d{2}:\d+"
    r"|HFD \d{4} ref\. \d+"
)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _layer(dotted: str) -> int:
    """The height of a module: 0 for sources to 3 for publish; what lies in analysis itself stands on top."""
    parts = dotted.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 and parts[1] in LAYERS else len(LAYERS)


def _imports(path: Path) -> list[str]:
    """The modules of this package that a file imports, as dotted names; relative imports made absolute."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    found = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # `from analysis import present` names a layer only in what it imports
            found += [f"{module}.{alias.name}" for alias in node.names] if module == "analysis" else [module]
    return [name for name in found if name.split(".")[0] == "analysis"]


def test_there_is_something_to_check():
    assert MODULES and {_layer(".".join(path.relative_to(ROOT).parts)) for path in MODULES} >= {0, 1}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_run_one_way(path):
    own = _layer(".".join(path.relative_to(ROOT).with_suffix("").parts))
    # The package itself imports nothing; a layer may read its version and where it lies.
    allowed_on_top = {"analysis", "analysis.__version__"}
    above = [name for name in _imports(path) if name not in allowed_on_top and _layer(name) > own]
    assert not above, f"{_name(path)} imports upwards: {above}"


def _public(path: Path):
    """Public functions, classes and methods of public classes; not what is nested in a function."""
    for node in _tree(path).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (item for item in node.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
                            and not item.name.startswith("_"))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_everything_public_has_a_docstring(path):
    without = [f"line {node.lineno}: {node.name}" for node in _public(path) if not ast.get_docstring(node)]
    assert not without, without
    assert ast.get_docstring(_tree(path)), "the module itself"


def test_every_measure_tells_its_formula_and_method():
    for module in pkgutil.iter_modules(analysis.measures.__path__):
        importlib.import_module(f"analysis.measures.{module.name}")
    assert MEASURES
    without = [card.id for card in MEASURES.values() if not (card.formula and card.method and card.title)]
    assert not without, without


def _numbers(tree: ast.AST) -> list[ast.Constant]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Constant)
            and isinstance(node.value, (int, float, complex)) and not isinstance(node.value, bool)]


@pytest.mark.parametrize("path", sorted((ROOT / "analysis/measures").glob("*.py")), ids=_name)
def test_measures_hold_no_number_that_belongs_in_data(path):
    tree = _tree(path)
    # How many decimals a quantity is shown with is a matter of form, and told by name.
    shown = {id(number) for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "decimals"
             for number in _numbers(node)}
    found = [f"line {node.lineno}: {node.value}" for node in _numbers(tree)
             if node.value not in LITERALS and id(node) not in shown]
    assert not found, found


def _cells(path: Path, kind: str) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def test_there_are_chapters():
    assert CHAPTERS


@pytest.mark.parametrize("path", CHAPTERS, ids=_name)
def test_the_prose_of_a_chapter_holds_no_number(path):
    prose = _cells(path, "markdown")
    assert prose
    found = [line for cell in prose for line in cell.splitlines() if re.search(r"\d", REFERENCES.sub("", line))]
    assert not found, found


@pytest.mark.parametrize("path", CHAPTERS, ids=_name)
def test_the_code_of_a_chapter_holds_no_number_and_no_arithmetic(path):
    code = _cells(path, "code")
    assert code
    for cell in code:
        tree = ast.parse(cell)
        numbers = [node.value for node in _numbers(tree)]
        operations = [ast.unparse(node) for node in ast.walk(tree)
                      if isinstance(node, (ast.BinOp, ast.AugAssign, ast.UnaryOp))
                      and not isinstance(getattr(node, "op", None), ast.Not)]
        assert not numbers and not operations, f"{numbers} {operations} in: {cell}"
