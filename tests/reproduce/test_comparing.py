"""Methods side by side: the cells' figures, what is kept, and the published order."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hashlens.data import Splits, load
from hashlens.errors import InputError
from hashlens.evaluation import mean_and_interval
from hashlens.evaluation.protocols import protocol_named
from hashlens.feature_encoder import fit_encoder
from hashlens.features import load_features
from hashlens.hashers import ITQ
from hashlens.model import Model
from hashlens.reproduce import Comparison, Plan, compare, evaluate, methods_named
from hashlens.reproduce.published import Published
from hashlens.watcher import Watcher


@pytest.fixture(scope="module")
def digits():
    whole = load("digits")
    return Splits(whole.train.subset(np.arange(300)), whole.test.subset(np.arange(200)))


class Stages(Watcher):
    def __init__(self):
        self.names = []

    def stage(self, name, total=None):
        super().stage(name, total)
        self.names.append(name)


PLAN = Plan(("pcah", "itq"), (8, 100), features=("pixels",))


def test_a_cell_is_what_evaluate_says_of_the_same_model(digits):
    cell = compare(digits, Plan(("itq",), (8,), features=("pixels",))).cells[0]
    natural = load_features("pixels").preprocessing.__class__(8, 8, 1)
    features = load_features("pixels", preprocessing=natural)
    pixels = np.stack([digits.train.images.read(i) for i in range(300)])
    encoder, _ = fit_encoder(features, features.transform(pixels), ITQ(8))
    model = Model("itq", 8, features.preprocessing, (), encoder)
    row, uncoded = evaluate(model, digits, protocol_named("ritq-loo")).rows
    assert cell["map"] == pytest.approx(row.map, abs=1e-6)
    assert cell["map_uncoded"] == pytest.approx(uncoded.map, abs=1e-6)


def test_what_a_method_cannot_carry_is_said_and_the_rest_is_measured(digits):
    cells = compare(digits, PLAN).cells
    assert [("map" in c, "refused" in c) for c in cells] == [(True, False), (False, True)] * 2
    assert "n_bits must be at most n_features=64. Got 100" in cells[1]["refused"]
    (title, rows), *_ = Comparison(PLAN, tuple(cells)).tables()
    assert title == "digits, ritq-loo, mAP on pixels"
    assert rows[0]["100 bits"] == "-"
    json.dumps(Comparison(PLAN, tuple(cells)).to_dict(), allow_nan=False)


def test_what_is_done_is_not_done_again_and_a_changed_setting_is(digits, tmp_path):
    first = Stages()
    cells = compare(digits, PLAN, tmp_path, first).cells
    again = Stages()
    plan = Plan(("pcah", "itq"), (8,), features=("pixels",), settings={"n_iterations": 3})
    other = compare(digits, plan, tmp_path, again).cells
    assert "fitting pcah on pixels, 8 bits" in first.names
    assert [n for n in again.names if n.startswith("fitting")] == ["fitting itq on pixels, 8 bits"]
    assert other[0] == cells[0]


def test_an_interrupted_comparison_goes_on(digits, tmp_path):
    class Impatient(Stages):
        def stage(self, name, total=None):
            super().stage(name, total)
            if name == "fitting itq on gist, 8 bits":
                raise KeyboardInterrupt

    plan = Plan(("pcah", "itq"), (8,))
    with pytest.raises(KeyboardInterrupt):
        compare(digits, plan, tmp_path, Impatient())
    later = Stages()
    assert len(compare(digits, plan, tmp_path, later).cells) == 2
    assert not [n for n in later.names if n.startswith(("computing", "fitting pcah"))]


def test_deep_methods_stand_in_the_same_table(digits, tmp_path):
    plan = Plan(("ritq",), (8,), epochs=1, settings={"trunk": "resnet-8", "n_features": 16})
    cell = compare(digits, plan, tmp_path).cells[0]
    assert {"map", "map_one_hot", "map_uncoded", "validation", "history"} <= set(cell)
    assert len(list((tmp_path / "models").iterdir())) == 1


def test_codes_cut_from_one_model_stand_beside_those_trained_apart(digits, tmp_path):
    plan = Plan(("csq",), (4, 8), epochs=1, settings={"trunk": "resnet-8"}, nested=True)
    watcher = Stages()
    cells = compare(digits, plan, tmp_path, watcher).cells
    assert [(c["n_bits"], c["cut"]) for c in cells] == [(4, 0), (8, 0), (4, 1), (8, 1)]
    assert watcher.names.count("training csq") == 3
    assert cells[3]["map"] != cells[2]["map"]
    ((_, rows),) = Comparison(plan, tuple(cells)).tables()
    assert {row["method"] for row in rows} == {"csq", "csq, cut"}


def test_bits_that_do_not_enter_the_training_share_one(digits, tmp_path):
    small = {"trunk": "resnet-8", "n_features": 16}
    plan = Plan(("ritq",), (4, 8), epochs=1, settings=small, nested=True)
    watcher = Stages()
    shared = compare(digits, plan, tmp_path, watcher).cells
    assert watcher.names.count("training ritq") == 1
    alone = compare(digits, Plan(("ritq",), (8,), epochs=1, settings=small)).cells[0]
    assert shared[1]["map"] == pytest.approx(alone["map"], abs=1e-6)


def test_a_cut_protocol_uses_the_trainings_of_another(digits, tmp_path):
    settings = {"trunk": "resnet-8", "n_features": 16}
    plan = Plan(("ritq", "itq"), (8,), ("pixels",), ("ritq-loo",), epochs=1, settings=settings)
    compare(digits, plan, tmp_path)
    watcher = Stages()
    both = replace(plan, protocols=("ritq-loo", "dlbh-full", "classification"))
    cells = compare(digits, both, tmp_path, watcher).cells
    assert not any(name.startswith("training") for name in watcher.names)
    assert [c["protocol"] for c in cells] == [
        *["ritq-loo"] * 2,
        *["dlbh-full"] * 2,
        "classification",
    ]
    assert cells[4]["classification_error"] == cells[1]["classification_error"]
    assert len({c["arrangement"] for c in cells}) == 3


BOTH = ("ritq-loo", "dlbh-full")


@pytest.fixture(scope="module")
def few(digits):
    return Splits(digits.train.subset(np.arange(100)), digits.test.subset(np.arange(60)))


@pytest.mark.parametrize("kept", [True, False])
def test_two_protocols_share_the_features_of_hashers(few, tmp_path, kept):
    plan = Plan(("itq", "lsh"), (8,), ("gist", "pixels"), BOTH)
    watcher = Stages()
    cells = compare(few, plan, tmp_path if kept else None, watcher).cells
    assert len(cells) == 8
    assert watcher.names.count("computing gist of digits/train") == 1
    for part in ("train", "test"):
        assert watcher.names.count(f"decoding digits/{part}") == 2  # once a kind of features


def test_two_protocols_share_a_training_its_lengths_and_its_encoded_images(few):
    small = {"trunk": "resnet-8", "n_features": 16}
    plan = Plan(("ritq",), (4, 8), (), BOTH, (0, 1), epochs=1, settings=small)
    watcher = Stages()
    shared = compare(few, plan, watcher=watcher).cells
    assert watcher.names.count("training ritq") == 2  # one a seed
    # one a training, and one for the lengths that it was not made for
    assert watcher.names.count("features of the training images") == 4
    for part in ("train", "test"):
        assert watcher.names.count(f"encoding digits/{part}") == 2
    alone = compare(few, replace(plan, protocols=BOTH[1:], lengths=(8,), seeds=(1,))).cells
    assert shared[-1]["map"] == pytest.approx(alone[0]["map"], abs=1e-6)


def test_a_damaged_output_is_made_again(digits, tmp_path):
    plan = Plan(("itq",), (8,), ("pixels",))
    cells = compare(digits, plan, tmp_path).cells
    for path in [*(tmp_path / "codes").iterdir(), *(tmp_path / "rankings").iterdir()]:
        path.write_bytes(path.read_bytes()[:100])
    again = compare(digits, plan, tmp_path).cells
    assert again[0]["map"] == cells[0]["map"]


def test_seeds_are_trainings_and_their_spread_is_told(digits):
    plan = Plan(("lsh", "itq"), (8,), ("pixels",), seeds=(0, 1, 2))
    compared = compare(digits, plan)
    comparison = Comparison.of(plan, [compared])
    lsh, _ = comparison.lines()
    maps = [cell["map"] for cell in lsh.cells]
    assert len(set(maps)) == 3
    mean, half = mean_and_interval(maps)
    assert (lsh.mean("map"), lsh.interval("map")) == (pytest.approx(mean), pytest.approx(half))
    assert float(lsh.precisions.mean()) == pytest.approx(mean)
    (pair,) = comparison.differences()
    assert (pair["better"], pair["worse"], pair["clear"]) == (
        "itq on pixels",
        "lsh on pixels",
        True,
    )
    assert "±" in next(comparison.tables())[1][0]["8 bits"]


def cell_of(method, measured, published, mark=""):
    found = Published(published, "RITQ Table II", "mAP", mark)._asdict()
    head = {"data": "mnist", "protocol": "ritq-loo", "method": method, "features": "gist"}
    head |= {"n_bits": 16, "seed": 0, "cut": False}
    return head | {"map": measured, "published": [found], "fit_seconds": 1.0}


def test_disorder_names_the_pairs_whose_order_differs_but_not_broken_rows():
    cells = (
        cell_of("itq", 0.7, 0.779),
        cell_of("lsh", 0.4, 0.504),
        cell_of("sklsh", 0.5, 0.370),
        cell_of("sh", 0.6, 0.105, "broken"),
    )
    pairs = Comparison(Plan(("itq",), (16,)), cells).disorder()
    assert [(p["published_better"], p["published_worse"]) for p in pairs] == [("lsh", "sklsh")]


def test_methods_by_name_and_by_group():
    assert methods_named("itq,lsh") == ("itq", "lsh")
    assert "ritq" in methods_named("deep")
    assert "ritq" not in methods_named("hashers")
    assert set(methods_named("all")) == {*methods_named("deep"), *methods_named("hashers")}
    with pytest.raises(InputError, match=r"Did you mean 'hashers'"):
        methods_named("hasher")


def test_a_plan_refuses_what_it_does_not_know():
    wanted = r"setting must be one of momentum, n_iterations, sample_rows\. Got 'iterations'"
    with pytest.raises(InputError, match=wanted):
        Plan(("itq",), (8,), settings={"iterations": 3})
    with pytest.raises(InputError, match=r"protocol must be one of"):
        Plan(("itq",), (8,), protocols=("loo",))
