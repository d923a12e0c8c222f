"""``hashlens reproduce`` as its user types it: JSON, the report, what is refused."""

from pathlib import Path

import pytest

from calling import answer, call, refused


def test_json_is_one_object_and_the_report_lies_beside_the_stages(tmp_path: Path) -> None:
    out = tmp_path / "tables"
    words = ["reproduce", "digits", "--methods", "lsh,pcah", "--bits", "8,16", "--seeds", "2"]
    words += ["--features", "pixels", "--protocol", "ritq-loo,dlbh-full", "--out", str(out)]
    result = answer(*words)
    assert len(result["rows"]) == 2 * 2 * 2
    assert {row["seeds"] for row in result["rows"]} == {2}
    assert {"report.html", "report.md", "cells.csv", "report.json", "codes", "rankings"} <= {
        path.name for path in out.iterdir()
    }
    again = call(*words)
    assert "fitting" not in again.stderr
    assert "digits, dlbh-full, mAP@1000 on pixels" in again.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--protocol", "dnnh"], "protocol must be one of"),
        (["--methods", "itqq"], "Did you mean 'itq'"),
        (["--protocol", "dnnh-5k", "--methods", "lsh"], "500 images of each class"),
        (["--methods", "lsh", "--set", "sede=1"], "setting must be one of"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(words: list[str], told: str) -> None:
    assert told in refused("reproduce", "digits", "--bits", "8", *words)
