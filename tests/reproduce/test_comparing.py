"""Methods side by side: the cells' figures, what is kept, and the published order."""

import json

import numpy as np
import pytest

from hashlens.data import Splits, load
from hashlens.errors import InputError
from hashlens.evaluation.protocols import protocol_named
from hashlens.feature_encoder import fit_encoder
from hashlens.features import load_features
from hashlens.hashers import ITQ
from hashlens.model import Model
from hashlens.reproduce import Comparison, Plan, compare, evaluate, methods_named
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
    cell = compare(digits, Plan(("itq",), (8,), features=("pixels",)))[0]
    natural = load_features("pixels").preprocessing.__class__(8, 8, 1)
    features = load_features("pixels", preprocessing=natural)
    pixels = np.stack([digits.train.images.read(i) for i in range(300)])
    encoder, _ = fit_encoder(features, features.transform(pixels), ITQ(8))
    model = Model("itq", 8, features.preprocessing, (), encoder)
    row, uncoded = evaluate(model, digits, protocol_named("ritq-loo")).rows
    assert cell["map"] == pytest.approx(row.map, abs=1e-6)
    assert cell["map_uncoded"] == pytest.approx(uncoded.map, abs=1e-6)


def test_what_a_method_cannot_carry_is_said_and_the_rest_is_measured(digits):
    cells = compare(digits, PLAN)
    assert [("map" in c, "refused" in c) for c in cells] == [(True, False), (False, True)] * 2
    assert "n_bits must be at most n_features=64. Got 100" in cells[1]["refused"]
    (title, rows), *_ = Comparison(PLAN, tuple(cells)).tables()
    assert title == "digits, ritq-loo, mAP on pixels"
    assert rows[0]["100 bits"] == "-"
    json.dumps(Comparison(PLAN, tuple(cells)).to_dict(), allow_nan=False)


def test_what_is_done_is_not_done_again_and_a_changed_setting_is(digits, tmp_path):
    first = Stages()
    cells = compare(digits, PLAN, tmp_path, first)
    again = Stages()
    plan = Plan(("pcah", "itq"), (8,), features=("pixels",), settings={"n_iterations": 3})
    other = compare(digits, plan, tmp_path, again)
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
    assert len(compare(digits, plan, tmp_path, later)) == 2
    assert not [n for n in later.names if n.startswith(("computing", "fitting pcah"))]


def test_deep_methods_stand_in_the_same_table(digits, tmp_path):
    plan = Plan(("ritq",), (8,), epochs=1, settings={"trunk": "resnet-8", "n_features": 16})
    cell = compare(digits, plan, tmp_path)[0]
    assert {"map", "map_one_hot", "map_uncoded", "validation", "history"} <= set(cell)
    assert len(list((tmp_path / "models").iterdir())) == 1


def test_codes_cut_from_one_model_stand_beside_those_trained_apart(digits, tmp_path):
    small = {"trunk": "resnet-8", "n_features": 16}
    plan = Plan(("ritq",), (4, 8), epochs=1, settings=small, nested=True)
    watcher = Stages()
    cells = compare(digits, plan, tmp_path, watcher)
    assert [(c["n_bits"], c["cut"]) for c in cells] == [(4, 0), (8, 0), (4, 1), (8, 1)]
    assert watcher.names.count("training ritq") == 3
    assert cells[3]["map"] != cells[2]["map"]
    ((_, rows),) = Comparison(plan, tuple(cells)).tables()
    assert {row["method"] for row in rows} == {"ritq", "ritq, cut"}


def cell_of(method, measured, published, source="RITQ Table II"):
    found = {"value": published, "source": source}
    head = {"data": "mnist", "features": "gist", "method": method, "n_bits": 16, "cut": False}
    return head | {"map": measured, "published": found, "fit_seconds": 1.0}


def test_disorder_names_the_pairs_whose_order_differs_but_not_broken_rows():
    cells = (
        cell_of("itq", 0.7, 0.779),
        cell_of("lsh", 0.4, 0.504),
        cell_of("sklsh", 0.5, 0.370),
        cell_of("sh", 0.6, 0.105),
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
    with pytest.raises(InputError, match=r"setting must be one of n_iterations. Got 'iterations'"):
        Plan(("itq",), (8,), settings={"iterations": 3})
    with pytest.raises(InputError, match=r"protocol must be one of"):
        Plan(("itq",), (8,), protocol="loo")
