"""Progress and tables: what people see on stderr and stdout."""

import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn
from typer import BadParameter

from hashlens.cli.options import seconds
from hashlens.cli.output import LineWatcher, print_json, print_table, watching
from hashlens.cli.progress import ProgressWatcher


def test_lines_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with watching() as watcher:
        assert isinstance(watcher, LineWatcher)
        watcher.stage("training", 10)
        watcher.advance(1, 10)
        watcher.row({"epoch": 1, "loss": 0.51234})
        watcher.every_seconds = 0.0
        watcher.advance(2, 10, "fast")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "training: 10",
        "epoch 1  loss 0.5123",
        "training: 2 of 10  0:00:00 left  fast",
    ]


def test_bars_show_stage_note_and_rows():
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100)
    columns = (TextColumn("{task.description}"), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console) as progress:
        watcher = ProgressWatcher(progress)
        watcher.stage("reading")
        watcher.stage("training", 4)
        watcher.advance(2, 4, "loss 0.5")
        watcher.row({"accuracy": 0.75})
        watcher.note("skipped a.jpg")
    shown = text.getvalue()
    for part in ("reading", "training", "loss 0.5", "accuracy 0.75", "skipped a.jpg"):
        assert part in shown


def test_json_refuses_what_is_not_json(capsys):
    print_json({"a": 1})
    assert capsys.readouterr().out == '{\n "a": 1\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        print_json({"a": float("nan")})


def test_a_table_fits_and_shows_missing_values(capsys):
    print_table("title", [{"what": "codes", "mAP": 0.51234}, {"what": "none", "mAP": None}])
    shown = capsys.readouterr().out
    assert "0.5123" in shown
    assert "-" in shown


@pytest.mark.parametrize("text", ["soon", "", "5x", "m"])
def test_a_wrong_duration_is_a_usage_error(text):
    with pytest.raises(BadParameter, match="must be like 90s"):
        seconds(text)
