"""A module imports only from the rows above its own; siblings never import each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hashlens

ROWS: tuple[tuple[str, ...], ...] = (
    ("errors", "lazy"),
    ("checks", "compiling", "cpus", "whole_file"),
    ("codes", "neighbors", "methods", "provenance", "vectors", "watcher"),
    ("data",),
    ("features", "hashers", "search", "evaluation", "pages", "export"),
    ("deep", "feature_encoder"),
    ("model",),
    ("training", "encoding", "onnx"),
    ("collection", "reproduce", "bench"),
    ("server",),
    ("cli",),
)
DOORS = ("server", "cli")
FREE_STANDING = ("", "__main__", "testing")
ROW_OF = {part: row for row, parts in enumerate(ROWS) for part in parts}
# Modules that are one concept in two files: they may know each other.
SAME = {"model_store": "model"}


def part_of(module: str) -> str:
    """Turn 'hashlens.data.folder' into 'data', and 'hashlens' itself into ''."""
    part = module.partition(".")[2].partition(".")[0]
    return SAME.get(part, part)


def imported_parts(source: str, known: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Yield (line, part) of every import of hashlens: at the top, in functions, for types only."""
    for node in ast.walk(ast.parse(source)):
        for module in _modules(node):
            if module == "hashlens" or module.startswith("hashlens."):
                part = part_of(module)
                yield node.lineno, part if part in known else ""


def _modules(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names if alias.name != "hashlens"]
        case ast.Attribute(value=ast.Name(id="hashlens"), attr=name) if name != "__version__":
            return [f"hashlens.{name}"]  # what a plain `import hashlens` is used for
        case ast.ImportFrom(module="hashlens", names=names):
            return [f"hashlens.{alias.name}" for alias in names if alias.name != "__version__"]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case ast.Call(func=func, args=[ast.Constant(value=str(module)), *_]):
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            return [module] if name in ("import_module", "__import__") else []
    return []


def violations(module: str, source: str, known: frozenset[str]) -> list[str]:
    """Say which imports of `module` go against the rows."""
    own = part_of(module)
    if own in ("", "__main__"):
        return []
    if own not in ROW_OF and own != "testing":
        return [f"{module} has no row in ROWS in tests/project/test_layers.py"]
    return [
        f"{module}, line {line}: imports {part or 'hashlens itself'}"
        for line, part in imported_parts(source, known)
        if not _allowed(own, part)
    ]


def _allowed(own: str, part: str) -> bool:
    if part == own:
        return True
    if own == "testing":
        return part in ROW_OF and part not in DOORS
    return part in ROW_OF and ROW_OF[part] < ROW_OF[own]


PACKAGE = Path(hashlens.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
KNOWN = frozenset(ROW_OF) | frozenset(FREE_STANDING)


def module_name(file: Path) -> str:
    parts = ("hashlens", *file.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_imports_only_from_rows_above(file: Path) -> None:
    found = violations(module_name(file), file.read_text(encoding="utf-8"), KNOWN)
    assert not found, "\n".join(found)


def test_every_row_names_something_that_exists_or_is_planned() -> None:
    parts = {part_of(module_name(file)) for file in FILES} - set(FREE_STANDING)
    missing = set(ROW_OF) - parts - {"server"}
    assert not missing, f"rows without a module: {sorted(missing)}"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("hashlens.codes", "from hashlens.search import HammingIndex"),
        ("hashlens.codes", "def late():\n    from hashlens import model"),
        ("hashlens.hashers.itq", "import hashlens.features.gist"),
        ("hashlens.hashers.itq", "if TYPE_CHECKING:\n    from hashlens.evaluation import m"),
        ("hashlens.data.folder", "import hashlens\nhashlens.train"),
        (
            "hashlens.data.folder",
            "from importlib import import_module\nimport_module('hashlens.cli')",
        ),
        ("hashlens.data.folder", "from hashlens.testing import check_hasher"),
        ("hashlens.testing", "from hashlens.cli import app"),
        ("hashlens.novelty", "x = 1"),
    ],
)
def test_refuses(module: str, source: str) -> None:
    assert violations(module, source, KNOWN)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("hashlens.codes", "import numpy\nfrom hashlens.checks import refuse"),
        ("hashlens.hashers.itq", "from hashlens.hashers.base import Hasher"),
        ("hashlens.model", "from hashlens import __version__, deep"),
        ("hashlens.codes", "import hashlens\nhashlens.__version__"),
        ("hashlens.testing", "from hashlens.model import Model"),
        ("hashlens", "from hashlens.methods import METHODS"),
    ],
)
def test_allows(module: str, source: str) -> None:
    assert not violations(module, source, KNOWN)
