"""The project's own files agree with each other and name nothing of one machine."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import hashlens

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
SCRIPTS = ("check", "demo", ".ci/run")
# Brackets keep the patterns from matching themselves.
MACHINE = re.compile(
    r"(^|[^.\w])/(work|farm|root|home|Users)/|[.][.]/[s]hared|--(extra-)?index-url|find[-]links"
    r'|registry *= *"http|"resolved["]:'
    r"|pypi[.]org|pythonhosted[.]org|test[.]pypi|registry[.]npmjs|download[.]pytorch[.]org"
)


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def base_name(requirement: str) -> str:
    return re.split(r"[\s<>=!~\[;]", requirement, maxsplit=1)[0].lower()


def constraints() -> dict[str, str]:
    lines = [line for line in read("constraints.txt").splitlines() if line and line[0] != "#"]
    return dict(line.split("==") for line in lines)


def releases() -> list[tuple[str, str]]:
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.M)


def test_the_changelog_tops_with_this_version() -> None:
    assert releases()[0][0] == hashlens.__version__
    kinds = set(re.findall(r"^### (\w+)$", read("CHANGELOG.md"), re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_citation_is_of_this_version() -> None:
    citation = read("CITATION.cff")
    version, date = releases()[0]
    assert f"\nversion: {version}\n" in citation
    assert f"\ndate-released: {date}\n" in citation
    assert f"\nlicense: {PROJECT['license']}\n" in citation


def test_the_licence_is_whole() -> None:
    text = read("LICENSE")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_readme_shows_the_two_commands_and_a_picture_first() -> None:
    first_screen = read("README.md")[:3000]
    assert "./demo" in first_screen
    assert "./check" in first_screen
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)|<img[^>]+src=\"([^\"]+)", first_screen)
    assert pictures
    for markdown, html in pictures:
        assert (ROOT / (markdown or html)).is_file(), markdown or html


def test_the_readme_says_hashlens_and_this_version_only() -> None:
    text = read("README.md")
    assert text.startswith(("# hashlens", "<h1"))
    named = re.findall(r"hashlens(?:==|-| )v?(\d+\.\d+\.\d+)", text)
    assert set(named) <= {hashlens.__version__}


def test_the_python_versions_agree() -> None:
    classifiers = " ".join(PROJECT["classifiers"])
    versions = re.findall(r"Python :: (3\.\d+)", classifiers)
    assert PROJECT["requires-python"] == f">={versions[0]}"
    for version in versions:
        assert version in read("docs/install.md")
        assert f"python{version}" in read("scripts/setup.sh")


def test_constraints_are_names_and_versions_only() -> None:
    lines = [line for line in read("constraints.txt").splitlines() if line[0] != "#"]
    wrong = [line for line in lines if not re.fullmatch(r"[a-z0-9.-]+==[0-9a-z.]+", line)]
    assert not wrong
    names = [line.split("==")[0] for line in lines]
    assert names == sorted(set(names))


def test_constraints_pin_every_direct_dependency() -> None:
    extras = PROJECT["optional-dependencies"].values()
    wanted = {base_name(r) for rs in (PROJECT["dependencies"], *extras) for r in rs}
    missing = wanted - set(constraints())
    assert not missing


@pytest.mark.parametrize("script", [*SCRIPTS, "scripts/setup.sh"])
def test_scripts_are_bash(script: str) -> None:
    assert shutil.which("bash")
    done = subprocess.run(
        ["bash", "-n", ROOT / script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert read(script).startswith("#!/usr/bin/env bash\n")


def test_check_refuses_a_word_it_does_not_know() -> None:
    done = subprocess.run(
        [ROOT / "check", "fast"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert "usage: ./check [quick]" in done.stderr


def test_the_package_says_it_is_typed() -> None:
    assert (Path(hashlens.__file__).parent / "py.typed").is_file()


def test_the_source_archive_takes_only_what_exists() -> None:
    included = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    missing = [name for name in included if not (ROOT / name).exists()]
    assert not missing


def project_files() -> list[Path]:
    """Files that git tracks or would track; the runner's own folder aside."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", ":!.ci"]
    done = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout, so no list of the project's files")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_path_of_one_machine_or_a_registry() -> None:
    found = []
    for file in project_files():
        try:
            lines = file.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{file.relative_to(ROOT)}, line {number}: {line.strip()[:80]}"
            for number, line in enumerate(lines, 1)
            if MACHINE.search(line)
        ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("open('/{}/x/data')", "work"),
        ("cd ../{}", "shared"),
        ("pip install --{}-url x", "index"),
        ("see https://{}.org/p", "pypi"),
    ],
)
def test_such_a_line_would_be_seen(line: str, word: str) -> None:
    assert MACHINE.search(line.format(word))


@pytest.mark.parametrize("line", ["a/work/b", "docs/homework/", "a shared folder", "see .venv/bin"])
def test_such_a_line_is_fine(line: str) -> None:
    assert not MACHINE.search(line)
