"""Heavy packages load only where they are needed: each case runs in its own interpreter."""

import json
import subprocess
import sys

import pytest

from hashlens.cli.app import COMMANDS

LIGHT = {"numpy"}
COMMAND_LINE = LIGHT | {
    "annotated_doc",
    "click",
    "colorama",
    "markdown_it",
    "mdurl",
    "pygments",
    "rich",
    "shellingham",
    "typer",
    "typing_extensions",
}
HEAVY = {
    "PIL",
    "fastapi",
    "jinja2",
    "lightning",
    "lightning_fabric",
    "matplotlib",
    "numba",
    "pandas",
    "pyarrow",
    "safetensors",
    "scipy",
    "sklearn",
    "timm",
    "torch",
    "torchvision",
    "uvicorn",
}
REPORT = """
import json, sys
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
RUN_MAIN = """
import sys
sys.argv = ["hashlens", *sys.argv[1:]]
from hashlens.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def run(code: str, *arguments: str) -> tuple[str, set[str]]:
    """Run `code`; return what it printed, and the packages outside Python that it loaded."""
    command = [sys.executable, "-c", code + REPORT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


def third_party(code: str, *arguments: str) -> set[str]:
    before = run("")[1]
    return run(code, *arguments)[1] - before - set(sys.stdlib_module_names) - {"hashlens"}


@pytest.mark.parametrize(
    "module",
    ["", ".errors", ".checks", ".codes", ".neighbors", ".methods"],
    ids=lambda name: f"hashlens{name}",
)
def test_light_modules_load_only_numpy(module: str) -> None:
    assert third_party(f"import hashlens{module}") <= LIGHT


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_command_line_answers_without_heavy_packages(option: str) -> None:
    assert third_party(RUN_MAIN, option) <= COMMAND_LINE


@pytest.mark.parametrize("command", [*COMMANDS, "bench"])
def test_the_help_of_a_command_loads_nothing_heavy(command: str) -> None:
    assert not third_party(RUN_MAIN, command, "--help") & HEAVY


def test_search_loads_neither_torch_nor_scikit_learn() -> None:
    loaded = third_party("import hashlens.search")
    assert not loaded & {"PIL", "matplotlib", "sklearn", "timm", "torch", "torchvision"}


def test_version_is_printed() -> None:
    import hashlens

    assert hashlens.__version__ in run(RUN_MAIN, "--version")[0]


def test_python_m_hashlens_is_the_same_door() -> None:
    command = [sys.executable, "-m", "hashlens", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == run(RUN_MAIN, "--version")[0]


def test_a_heavy_import_would_be_seen() -> None:
    assert third_party("import scipy") & HEAVY
