"""The commands as a user types them: output, JSON, exit codes."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

from hashlens.cli import main
from hashlens.cli.commands import COMMANDS, LoadedWhenNamed
from hashlens.data import load


def run(monkeypatch, capsys, *words):
    """Run ``hashlens WORDS``; give exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "argv", ["hashlens", *map(str, words)])
    monkeypatch.delenv("HASHLENS_DEBUG", raising=False)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        sys.exit(main())
    captured = capsys.readouterr()
    return stopped.value.code or 0, captured.out, captured.err


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *words: run(monkeypatch, capsys, *words)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from hashlens.training import TrainOptions, train

    out = tmp_path_factory.mktemp("cli") / "digits"
    train("digits", method="itq", n_bits=24, options=TrainOptions(features="pixels", out=out))
    return out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(cli, name):
    code, out, _ = cli(name, "--help")
    assert code == 0
    assert f"Example: hashlens {name}" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_says_what_the_command_says(name):
    assert LoadedWhenNamed()[name].get_short_help_str(1000) == COMMANDS[name]


def test_version(cli):
    import hashlens

    assert cli("--version")[:2] == (0, f"hashlens {hashlens.__version__}\n")


def test_train_then_train_again(cli, tmp_path):
    words = ("train", "digits", "--method", "lsh", "--features", "pixels", "--bits", 16)
    code, out, _ = cli(*words, "--out", tmp_path / "m", "--json")
    assert code == 0
    assert json.loads(out)["n_bits"] == 16
    code, out, err = cli(*words, "--out", tmp_path / "m")
    assert (code, out) == (1, "")
    assert "out must be a folder without a finished model (or give --overwrite)" in err
    assert cli(*words, "--out", tmp_path / "m", "--overwrite")[0] == 0


def test_encode_prints_hexadecimal_lines(cli, model, tmp_path):
    pixels = load("digits").test.images.read(0)
    Image.fromarray(pixels[:, :, 0]).save(tmp_path / "seven.png")
    code, out, _ = cli("encode", model, tmp_path / "seven.png")
    assert code == 0
    hexadecimal, name = out.strip().split("\t")
    assert len(bytes.fromhex(hexadecimal)) == 3
    assert name.endswith("seven.png")


def test_encode_writes_codes_and_their_names(cli, model, tmp_path):
    code, out, _ = cli("encode", model, "digits", "--out", tmp_path / "codes.npy", "--json")
    assert code == 0
    assert json.loads(out)["n_codes"] == 1797
    codes = np.load(tmp_path / "codes.npy")
    assert (codes.shape, codes.dtype) == ((1797, 3), np.uint8)
    assert (tmp_path / "codes.csv").read_text().startswith("row,name,label\n")
    assert cli("encode", model, "digits", "--out", tmp_path / "codes.txt")[0] == 1


def test_encode_skips_and_strict_refuses(cli, model, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    Image.new("L", (8, 8)).save(tmp_path / "fine.png")
    code, out, err = cli("encode", model, tmp_path)
    assert code == 0
    assert out.count("\n") == 1
    assert "skipped" in err
    assert "broken.jpg" in err
    code, out, err = cli("encode", model, tmp_path, "--strict")
    assert (code, out) == (1, "")
    assert "broken.jpg" in err


def test_evaluate_prints_control_rows_and_writes_a_report(cli, model, tmp_path):
    code, out, _ = cli(
        "evaluate", model, "digits", "--protocol", "ritq-loo", "--json", "--report", tmp_path
    )
    assert code == 0
    result = json.loads(out)
    assert [row["name"] for row in result["rows"]] == ["itq codes", "uncoded"]
    assert 0.5 < result["rows"][0]["map"] < 1
    check = result["order_check"]
    assert check["as_is"] == pytest.approx(check["sorted_by_class"], abs=1e-12)
    assert check["as_is"] == pytest.approx(check["shuffled"], abs=1e-12)
    page = (tmp_path / "report.html").read_text()
    assert page.count('class="query"') == 10
    assert page.count('class="right"') > 90
    assert "http://" not in re.sub(r"xmlns(:\w+)?=\"[^\"]+\"", "", page)
    assert "https://" not in page
    code, out, _ = cli("evaluate", model, "digits", "--protocol", "dlbh-full")
    assert code == 0
    assert "mAP@1000" in out


def test_classification_needs_a_classifier(cli, model):
    code, _, err = cli("evaluate", model, "digits", "--protocol", "classification")
    assert code == 1
    assert "the model must be one with a classifier" in err


def test_inspect_tells_the_health_of_the_bits(cli, model):
    code, out, _ = cli("inspect", model, "digits", "--json")
    assert code == 0
    bits = json.loads(out)["bits"]
    assert bits["n_codes"] == 1797
    assert bits["dead_bits"] == []
    assert cli("inspect", model)[0] == 0


def test_demo_runs_the_whole_walk(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("hashlens.reproduce.demo.EPOCHS", 6)
    code, out, _ = cli("demo", "--out", tmp_path / "d", "--json")
    assert code == 0
    result = json.loads(out)
    assert [row["name"] for row in result["rows"]] == ["ritq codes", "one-hot", "uncoded"]
    assert result["rows"][0]["map"] > 0.5
    assert (tmp_path / "d" / "report.html").exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("train", "digits", "--method", "itqq", "--out", "m"), "Did you mean 'itq'"),
        (("train", "digits", "--bits", "5000", "--out", "m"), "must be from 1 to 4096"),
        (("train", "digits", "--out", "m", "--time-budget", "soon"), "must be like 90s"),
        (("evaluate", "m", "digits", "--protocol", "ritq"), "Did you mean 'ritq-loo'"),
        (("trian",), "No such command 'trian'"),
        (("train", "digits"), "--out"),
    ],
)
def test_wrong_usage_exits_2(cli, words, wanted):
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert wanted in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("evaluate", "nowhere", "digits"), "model.json must be a readable file of a model"),
        (("train", "nowhere/", "--out", "m"), "nowhere"),
        (("train", "digitz", "--out", "m"), "digits"),
        (("train", "digits", "--bits", "300", "--out", "m"), "n_bits must be at most n_features"),
        (("train", "digits", "--method", "itq", "--features", "pixels", "--bits", "65", "--out",
          "m"), "n_bits must be"),
    ],
)  # fmt: skip
def test_errors_are_one_line_and_exit_1(cli, tmp_path, monkeypatch, words, wanted):
    monkeypatch.chdir(tmp_path)
    code, out, err = cli(*words)
    assert (code, out) == (1, "")
    assert wanted in " ".join(err.split())
    assert "Traceback" not in err


def test_debug_shows_the_traceback(cli):
    code, _, err = cli("--debug", "evaluate", "nowhere", "digits")
    assert code == 1
    assert "Traceback" in err
