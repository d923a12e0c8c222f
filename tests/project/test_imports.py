"""Heavy packages load only where they are needed: each case runs in its own interpreter."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from hashlens.cli.commands import COMMANDS
from hashlens.collection import Collection
from small_collections import small_model, write_photos

LIGHT = {"numpy"}
COMMAND_LINE = {
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
    "llvmlite",
    "matplotlib",
    "numba",
    "pandas",
    "pyarrow",
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


@cache
def bare() -> set[str]:
    """What an interpreter loads by itself."""
    return run("")[1]


def third_party(code: str, *arguments: str) -> set[str]:
    before = bare()
    return run(code, *arguments)[1] - before - set(sys.stdlib_module_names) - {"hashlens"}


@pytest.mark.parametrize(
    "module",
    ["", ".errors", ".checks", ".codes", ".neighbors", ".methods"],
    ids=lambda name: f"hashlens{name}",
)
def test_light_modules_load_only_numpy(module: str) -> None:
    assert third_party(f"import hashlens{module}") <= LIGHT


@pytest.mark.parametrize("module", ["", ".errors", ".checks", ".methods", ".cli"])
def test_what_a_help_needs_loads_no_numpy(module: str) -> None:
    assert "numpy" not in third_party(f"import hashlens{module}")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_command_line_answers_without_heavy_packages(option: str) -> None:
    assert third_party(RUN_MAIN, option) <= COMMAND_LINE


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_loads_nothing_heavy(command: str) -> None:
    assert not third_party(RUN_MAIN, command, "--help") & (HEAVY | LIGHT | {"safetensors"})


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    photos = Collection.create(folder / "photos.hl", small_model(16))
    photos.add(write_photos(folder / "photos", 12))
    return photos.path


@pytest.mark.parametrize(
    "words",
    [
        "search HL id:3 -k 2",
        "search HL id:3 code:00ff --together --radius 16 --no-rerank",
        "search HL id:3 --where label='owl' --json",
        "stats HL",
        "check HL --files",
        "copy HL HL-copy",
        "update HL --set year=2020 --where id<3",
        "remove HL 11",
        "compact HL",
    ],
)
def test_what_needs_no_picture_loads_nothing_heavy(collection: Path, words: str) -> None:
    named = words.replace("HL", str(collection)).split()
    loaded = third_party(RUN_MAIN, *named)
    assert not loaded & HEAVY


def test_a_server_has_the_kernels_before_the_first_request() -> None:
    assert "numba" in third_party("import hashlens.server")


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
