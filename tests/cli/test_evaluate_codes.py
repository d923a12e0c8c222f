"""``hashlens evaluate --codes``: files of other programs on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from calling import answer, call, printed
from hashlens.codes import pack
from hashlens.errors import InputError
from hashlens.evaluation import mean_average_precision, relevance
from hashlens.search import HammingIndex

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 90)
BITS = (RNG.integers(0, 2, (3, 12))[LABELS] ^ (RNG.random((90, 12)) < 0.2)).astype(np.int8)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("db.npy", 2 * BITS[:80] - 1)
    np.save("l.npy", LABELS[:80])
    np.save("q.npy", (2.0 * BITS[80:] - 1).T)
    np.save("ql.npy", LABELS[80:])
    np.save("packed.npy", pack(BITS[:80]))
    return tmp_path


DATABASE = ("--codes", "db.npy", "--labels", "l.npy")
BOTH = (*DATABASE, "--queries", "q.npy", "--query-labels", "ql.npy")


def test_queries_are_scored_against_a_database() -> None:
    result = answer("evaluate", *BOTH, "--k", "20", "--denominator", "min")
    index = HammingIndex(pack(BITS[:80]), 12)
    histograms = index.histograms(pack(BITS[80:]), relevance(LABELS[80:], LABELS[:80]))
    wanted = mean_average_precision(histograms, k=20, denominator="min")
    row = result["rows"][0]
    assert row["map"] == pytest.approx(wanted.expected)
    assert (row["map_worst"], row["map_best"]) == pytest.approx((wanted.worst, wanted.best))
    assert (result["n_queries"], result["n_database"]) == (10, 80)
    rules = result["rules"]
    assert (rules["k"], rules["denominator"], rules["leave_one_out"]) == (20, "min", False)
    assert "expectation" in rules["ties"]
    assert "counts as 0" in rules["zero_relevant"]
    assert result["environment"]["hashlens"]
    assert result["warnings"] == []


def test_json_says_what_the_files_were_taken_to_be() -> None:
    taken = answer("evaluate", *BOTH)["taken"]["queries"]["codes"]
    assert taken.pop("sha256") != answer("evaluate", *BOTH)["taken"]["database"]["codes"]["sha256"]
    assert taken == {
        "file": "q.npy",
        "variable": None,
        "dtype": "float64",
        "shape": [12, 10],
        "transposed": True,
        "kind": "12 bits, -1/+1, a column each",
        "packed": False,
        "byte_order": None,
        "n_bits": 12,
    }


def test_leave_one_out_where_nothing_asks() -> None:
    result = answer("evaluate", *DATABASE)
    assert result["rules"]["leave_one_out"]
    assert (result["n_queries"], result["n_database"]) == (80, 79)
    packed = answer("evaluate", "--codes", "packed.npy", "--labels", "l.npy", "--bits", "12")
    assert packed["rows"][0] == {**result["rows"][0], "name": "packed.npy"}
    named = answer("evaluate", *DATABASE, "--protocol", "ritq-loo")
    assert named["rules"] == {**result["rules"], "protocol": "ritq-loo"}
    assert named["rows"] == result["rows"]


def test_the_table_is_read_by_people() -> None:
    text = printed("evaluate", *BOTH, "-k", "20")
    for part in (
        "queries beside the database: 10 queries, 80 codes searched",
        "mAP@20",
        "P r<=2",
        "empty",
        "db.npy: 12 bits, -1/+1, a column each, int8 (80, 12); labels l.npy: one label an item",
        "q.npy: 12 bits, -1/+1, a column each, float64 (12, 10), taken transposed",
        "average precision over the first 20, divided by all relevant items",
    ):
        assert part in text
    np.save("ql.npy", np.r_[9, LABELS[81:]])
    assert "1 queries without a relevant item count as 0" in printed("evaluate", *BOTH)


def test_the_rules_of_a_protocol() -> None:
    text = printed("evaluate", *BOTH, "--protocol", "dlbh-full")
    assert "dlbh-full, queries beside the database" in text
    assert "over the first 1,000, divided by the relevant items found" in text
    refused = call("evaluate", *DATABASE, "--protocol", "dlbh-full")
    assert isinstance(refused.exception, InputError)
    assert "the queries of dlbh-full must be given" in str(refused.exception)


def test_queries_that_are_the_database_are_warned_of() -> None:
    result = call("evaluate", *DATABASE, "--queries", "db.npy", "--query-labels", "l.npy", "--json")
    assert "warning: db.npy holds the codes of db.npy: every query finds itself" in result.stderr
    assert len(json.loads(result.stdout)["warnings"]) == 1


def test_reals_need_the_word_sign() -> None:
    np.save("reals.npy", (BITS[:80] - 0.5) * 3)
    refused = call("evaluate", "--codes", "reals.npy", "--labels", "l.npy")
    assert "reals.npy must be codes: " in str(refused.exception)
    result = answer("evaluate", "--codes", "reals.npy", "--labels", "l.npy", "--sign")
    assert result["rows"][0]["map"] == answer("evaluate", *DATABASE)["rows"][0]["map"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ((), "MODEL: is needed, or --codes FILE --labels FILE"),
        (("models/birds",), "DATA: is needed"),
        (("models/birds", "photos", *DATABASE), "MODEL: goes with a model, --codes without one"),
        ((*DATABASE, "--report", "out"), "--report: goes with a model"),
        ((*DATABASE, "--data-dir", "out"), "--data-dir: goes with a model"),
        ((*DATABASE, "--strict"), "--strict: goes with a model"),
        ((*DATABASE, "--download"), "--download: goes with a model"),
        (("models/birds", "photos", "--labels", "l.npy"), "--labels: goes with --codes"),
        (("models/birds", "photos", "--queries", "q.npy"), "--queries: goes with --codes"),
        (("models/birds", "photos", "--query-labels", "q"), "--query-labels: goes with --codes"),
        (("models/birds", "photos", "--k", "5"), "--k: goes with --codes"),
        (("models/birds", "photos", "--denominator", "min"), "--denominator: goes with --codes"),
        (("models/birds", "photos", "--sign"), "--sign: goes with --codes"),
        (("--codes", "db.npy"), "--labels: is needed"),
        ((*DATABASE, "--queries", "q.npy"), "--query-labels: is needed"),
        ((*DATABASE, "--query-labels", "ql.npy"), "--queries: is needed"),
        ((*BOTH, "--protocol", "dlbh-full", "--k", "5"), "--k: is what --protocol gives"),
        (
            (*BOTH, "--protocol", "dlbh-full", "--denominator", "min"),
            "--denominator: is what --protocol gives",
        ),
        ((*DATABASE, "--k", "0"), "Invalid value for '-k' / '--k'"),
        ((*DATABASE, "--denominator", "mni"), "Did you mean 'min'"),
    ],
)
def test_a_wrong_mixture_is_wrong_usage(words: tuple[str, ...], wanted: str) -> None:
    result = call("evaluate", *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert wanted in " ".join(result.stderr.split())


def test_the_help_has_an_example_with_codes() -> None:
    assert "Example: hashlens evaluate --codes db.npy" in " ".join(
        call("evaluate", "--help").stdout.split()
    )
