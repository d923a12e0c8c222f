"""scripts/setup.sh installs once, again when it must, and with pip where uv fails.

A stand-in for Python on PATH makes stand-in environments, whose pip only notes what it was asked.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Only -c and --version reach a real Python: nothing a test runs can install anything.
PYTHON = f"""#!/usr/bin/env bash
case "$1 ${{2:-}}" in
  "-m venv") mkdir -p "${{@: -1}}/bin" && cp "$0" "${{@: -1}}/bin/python" && echo venv >>log ;;
  "-m ensurepip") echo ensurepip >>log ;;
  "-m pip") [ "$*" = "-m pip install --quiet uv" ] && exit 1; echo "pip: $*" >>log ;;
  "-c "* | "--version "*) exec {sys.executable} -I -S "$@" ;;
  *) echo "not expected: $*" >&2; exit 9 ;;
esac
"""
UV = """#!/usr/bin/env bash
echo "uv: $*" >>log
[ ! -e uv-fails ]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    write_script(tmp_path / "bin" / "python3.13", PYTHON)
    return tmp_path


def write_script(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def set_up(project: Path, extras: str = "") -> list[str]:
    """Run set_up_environment as ./check and ./demo do; return what was asked for since."""
    log = project / "log"
    log.write_text("")
    script = f"set -euo pipefail; source '{ROOT}/scripts/setup.sh'; set_up_environment {extras}"
    environment = {"PATH": f"{project / 'bin'}{os.pathsep}{base_tools(project)}"}
    subprocess.run(["/bin/bash", "-c", script], cwd=project, env=environment, check=True)
    return log.read_text().splitlines()


def base_tools(project: Path) -> Path:
    """Make a folder with only the programs that setup.sh may count on: no Python, no uv."""
    folder = project / "tools"
    folder.mkdir(exist_ok=True)
    for name in ("bash", "cat", "cp", "env", "mkdir", "rm"):
        if not (folder / name).exists():
            (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def test_a_second_run_installs_nothing(project: Path) -> None:
    assert set_up(project, "dev,bench")[0] == "venv"
    assert set_up(project, "dev,bench") == []


def test_what_check_installed_is_enough_for_demo_but_not_the_other_way_round(
    project: Path,
) -> None:
    assert set_up(project)
    assert any("[dev,bench]" in line for line in set_up(project, "dev,bench"))
    assert set_up(project) == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_installs_again(project: Path, name: str) -> None:
    set_up(project)
    with (project / name).open("a") as file:
        file.write("# changed\n")
    lines = set_up(project)
    assert lines
    assert "venv" not in lines


def test_uv_does_it_where_there_is_one(project: Path) -> None:
    write_script(project / "bin" / "uv", UV)
    lines = set_up(project, "dev,bench")
    assert len(lines) == 2
    assert lines[1].startswith("uv: pip install")
    assert lines[1].endswith("-e .[dev,bench] -c constraints.txt")


def test_pip_does_it_where_uv_fails(project: Path) -> None:
    write_script(project / "bin" / "uv", UV)
    (project / "uv-fails").touch()
    assert set_up(project)[-1] == "pip: -m pip install --quiet -e . -c constraints.txt"


def test_pip_does_it_where_there_is_no_uv(project: Path) -> None:
    assert set_up(project)[-1] == "pip: -m pip install --quiet -e . -c constraints.txt"


def test_a_failed_install_is_not_remembered(project: Path) -> None:
    write_script(project / "bin" / "uv", UV)
    (project / "uv-fails").touch()
    python = project / "bin" / "python3.13"
    write_script(python, PYTHON.replace('echo "pip: $*" >>log', "exit 1"))
    with pytest.raises(subprocess.CalledProcessError):
        set_up(project)
    assert not (project / ".venv" / "hashlens-stamp").exists()


def test_no_python_is_said_in_words(project: Path) -> None:
    (project / "bin" / "python3.13").unlink()
    script = f"source '{ROOT}/scripts/setup.sh'; set_up_environment"
    environment = {"PATH": str(base_tools(project))}
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=project,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13 on PATH" in done.stderr
