"""What is public is named, documented and as it is documented."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import hashlens
from hashlens.errors import HashlensError, InputError
from hashlens.methods import METHODS, load_method

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference.md").read_text("utf-8")
MODULES = re.findall(r"^\.\. automodule:: (\S+)", REFERENCE, re.M)
INNER = {
    "__init__",
    "__main__",
    "bench",
    "checks",
    "cli",
    "compiling",
    "cpus",
    "export",
    "feature_encoder",
    "lazy",
    "methods",
    "model_store",
    "pages",
    "provenance",
    "reproduce",
    "server",
    "vectors",
    "watcher",
    "whole_file",
}


def public_names(module: Any) -> list[str]:
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = module.__name__
    return [
        n for n, v in vars(module).items() if n[0] != "_" and getattr(v, "__module__", "") == own
    ]


def public_objects(module: str) -> list[tuple[str, Any]]:
    """Every public function and class of a module, and the public methods of its classes."""
    found = []
    for name in public_names(import_module(module)):
        value = getattr(import_module(module), name)
        if inspect.isclass(value) or inspect.isfunction(value):
            found.append((f"{module}.{name}", value))
        if inspect.isclass(value):
            found += [(f"{module}.{name}.{n}", m) for n, m in own_methods(value)]
    return [(name, value) for name, value in found if has_signature(value)]


def own_methods(cls: type[Any]) -> list[tuple[str, Any]]:
    """Public methods of a class, those of the project's own classes below it too."""
    bases = [base for base in reversed(cls.__mro__) if base.__module__.startswith("hashlens.")]
    found = {n: m for base in bases for n, m in vars(base).items()}
    return [(n, m) for n, m in found.items() if n[0] != "_" and inspect.isfunction(m)]


def documented(document: str) -> list[str]:
    """Names in the Parameters section of a numpydoc docstring."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", document, re.M | re.S)
    heads = re.findall(r"^(\S.*?)(?: :.*)?$", section[1], re.M) if section else []
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


def test_the_reference_covers_every_public_module() -> None:
    package = Path(hashlens.__file__).parent
    entries = {
        f.stem for f in package.iterdir() if f.suffix == ".py" or (f / "__init__.py").exists()
    }
    missing = {f"hashlens.{name}" for name in entries - INNER} - set(MODULES)
    assert not missing


@pytest.mark.parametrize("name", MODULES)
def test_a_public_package_lists_its_names(name: str) -> None:
    module = import_module(name)
    assert module.__doc__
    if hasattr(module, "__path__"):
        assert module.__all__
    for public in public_names(module):
        assert hasattr(module, public), f"{name}.{public}"


def has_signature(value: Any) -> bool:
    """Errors take what exceptions take, and a Protocol is never called."""
    if not inspect.isclass(value):
        return True
    return not issubclass(value, HashlensError) and not getattr(value, "_is_protocol", False)


def differs(value: Any) -> str:
    """Say how the docstring of `value` differs from its signature; empty if it does not."""
    document = inspect.getdoc(value)
    if not document:
        return "no docstring"
    names = documented(document)
    signature = [name for name in inspect.signature(value).parameters if name != "self"]
    return f"documents {names}, takes {signature}" if names and names != signature else ""


@pytest.mark.parametrize("module", MODULES)
def test_documented_as_it_is(module: str) -> None:
    said = {name: differs(value) for name, value in public_objects(module)}
    assert not {name: text for name, text in said.items() if text}


def test_the_parameters_of_a_docstring_are_read() -> None:
    parameters = "Parameters\n----------\na, b : int\n    Both.\n*rest\n\n"
    document = f"Do it.\n\n{parameters}Returns\n-------\nc : int"
    assert documented(document) == ["a", "b", "rest"]

    def late(first: int) -> int:
        """Do it.

        Parameters
        ----------
        second : int
        """
        return first

    assert differs(late) == "documents ['second'], takes ['first']"


def own_parameters(value: Any) -> list[inspect.Parameter]:
    """Parameters that hashlens itself wrote, not those of a base class of another package."""
    function = value.__init__ if inspect.isclass(value) else value
    ours = getattr(function, "__module__", "") or ""
    return list(inspect.signature(value).parameters.values()) if ours[:8] == "hashlens" else []


@pytest.mark.parametrize("module", MODULES)
def test_nothing_passes_unknown_arguments_on(module: str) -> None:
    kinds = {
        name: [parameter.kind for parameter in own_parameters(value)]
        for name, value in public_objects(module)
    }
    assert not [name for name, found in kinds.items() if inspect.Parameter.VAR_KEYWORD in found]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_named_as_its_file_and_its_class(name: str) -> None:
    module = METHODS[name].partition(":")[0].rpartition(".")[2]
    assert module == name.replace("-", "_")
    assert load_method(name).__name__.lower() == name.replace("-", "")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_public_in_its_package(name: str) -> None:
    package = import_module(METHODS[name].rpartition(".")[0])
    assert load_method(name).__name__ in package.__all__


@pytest.mark.parametrize("name", METHODS)
def test_a_method_shows_its_objective_its_paper_and_an_example(name: str) -> None:
    document = inspect.getdoc(load_method(name)) or ""
    for part in (".. math::", "Parameters\n", "References\n", ">>> "):
        assert part in document, part


def test_an_unknown_method_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="Did you mean 'itq'"):
        load_method("itqq")


def test_top_level_names_load_on_use_and_nothing_else_does() -> None:
    assert set(dir(hashlens)) == set(hashlens.__all__)
    for name in hashlens.__all__:
        assert getattr(hashlens, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Colection'"):
        _ = hashlens.Colection
