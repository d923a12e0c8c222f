"""What is promised of distances, beside what test queries find."""

import json

import numpy as np
import pytest

from hashlens.data import load
from hashlens.evaluation import DistanceMeaning
from hashlens.evaluation.protocols import protocol_named
from hashlens.neighbors import DistanceHistograms
from hashlens.reproduce import evaluate
from hashlens.reproduce.calibration import calibrate
from hashlens.reproduce.plots import calibration_svg
from hashlens.training import TrainOptions, train


@pytest.fixture(scope="module")
def digits():
    splits = load("digits", seed=0)
    options = TrainOptions(features="pixels", validation=0.3)
    return train(splits, method="itq", n_bits=24, options=options), splits


def test_promises_from_training_images_hold_on_the_test_images_of_digits(digits):
    model, splits = digits
    result = evaluate(model, splits, protocol_named("ritq-loo")).calibration
    assert result.n_kept_out == 389
    lines = result.table()
    assert len(lines) >= 4
    for line in lines:
        promised, measured = float(line["promised"]), float(line["measured"])
        assert promised >= float(line["wanted"])
        assert measured >= promised - 0.01
        assert measured - promised < 0.15
    assert result.verdict.endswith("every promise holds on the test queries.")


def test_measured_is_the_precision_of_all_that_is_found(digits):
    model, splits = digits
    evaluation = evaluate(model, splits, protocol_named("dlbh-full"))
    result = evaluation.calibration
    assert [m for m in result.measured if m is not None] == evaluation.curve["precision"]
    assert result.recall[-1] == 1
    assert result.found[-1] == pytest.approx(len(splits.train))
    stored = json.loads(json.dumps(evaluation.to_dict()))["calibration"]
    assert stored["n_kept_out"] == 389
    assert len(stored["promised"]) == len(stored["measured"]) == 25


def counted(total, relevant):
    return DistanceHistograms(np.array([total]), np.array([relevant]))


def test_a_broken_promise_is_said():
    pairs, same = np.array([500, 500]), np.array([500, 250])
    meaning = DistanceMeaning(pairs, same, np.array([300, 300]), 600)
    result = calibrate(meaning, counted([10, 90], [8, 12]))
    assert [line["radius"] for line in result.table()] == [0, 1]
    short = 100 * (meaning.promised[0] - 0.8)
    other = 100 * (meaning.promised[1] - 0.2)
    assert f"2 of 2 are missed on the test queries, by {max(short, other):.1f} points at most" in (
        result.verdict
    )


def test_nothing_found_and_nothing_promised():
    nothing = DistanceMeaning(np.zeros(3, int), np.zeros(3, int), np.zeros(3, int), 2)
    result = calibrate(nothing, counted([0, 0, 4], [0, 0, 1]))
    assert result.measured == (None, None, 0.25)
    assert result.table() == []
    assert result.verdict == "No precision above 0.000 is promised."
    assert calibration_svg(result).startswith("<svg")
    assert calibrate(None, counted([1], [1])) is None


def test_the_plot_is_drawn(digits):
    model, splits = digits
    result = evaluate(model, splits, protocol_named("ritq-loo")).calibration
    drawing = calibration_svg(result)
    assert "radius in bits" in drawing
    assert drawing == calibration_svg(result)
