"""Protocols are values, and the leak guard refuses what they do not define."""

import dataclasses

import numpy as np
import pytest

from hashlens.cli import options
from hashlens.data import ArrayImages, Dataset, Splits, synthetic_images
from hashlens.errors import InputError, LeakError
from hashlens.evaluation.average_precision import DENOMINATORS
from hashlens.evaluation.bits import bit_health
from hashlens.evaluation.collisions import collisions
from hashlens.evaluation.protocols import PROTOCOLS, check_leaks, protocol_named
from hashlens.reproduce import evaluate
from hashlens.training import TrainOptions, train

A, B, C = (np.array([n, n + 1], np.uint64) for n in (10, 20, 30))


def test_a_protocol_cannot_be_changed_and_its_digest_tells_any_difference():
    protocol = protocol_named("ritq-loo")
    with pytest.raises(dataclasses.FrozenInstanceError):
        protocol.k = 5
    assert len({p.digest for p in PROTOCOLS.values()}) == len(PROTOCOLS)
    assert dataclasses.replace(protocol, k=5).digest != protocol.digest
    with pytest.raises(InputError, match=r"protocol must be one of .* Did you mean 'dlbh-full'"):
        protocol_named("dlbh-ful")


def test_command_line_knows_every_protocol():
    assert tuple(PROTOCOLS) == options.PROTOCOL_NAMES


def test_command_line_knows_every_denominator():
    assert options.DENOMINATORS == DENOMINATORS


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_query_that_was_trained_on_is_refused(name):
    with pytest.raises(LeakError, match=r"must not be training images .* Got 1 of 2 that are: x"):
        check_leaks(protocol_named(name), A, B, A[:1], ["x", "y"])


def test_a_query_in_the_database_is_refused_unless_it_is_left_out():
    with pytest.raises(LeakError, match="must not be in the database"):
        check_leaks(protocol_named("dlbh-full"), A, A, C)
    check_leaks(protocol_named("ritq-loo"), A, A, C)


def test_training_images_in_the_database_are_for_the_protocol_to_say():
    check_leaks(protocol_named("dlbh-full"), A, B, B)
    strict = dataclasses.replace(protocol_named("dlbh-full"), training_in_database=False)
    with pytest.raises(LeakError, match=r"database must not hold training images"):
        check_leaks(strict, A, B, B)


@pytest.fixture(scope="module")
def trained():
    data, test = synthetic_images(120, 3, 8, seed=0), synthetic_images(60, 3, 8, seed=1)
    splits = Splits(data, test)
    return train(splits, method="itq", n_bits=8, options=TrainOptions(features="pixels")), splits


def test_a_model_is_not_measured_on_what_it_was_trained_on(trained):
    model, splits = trained
    leaked = Splits(splits.train, splits.train.subset([3, 4]))
    with pytest.raises(LeakError, match=r"Got 2 of 2 that are"):
        evaluate(model, leaked, protocol_named("ritq-loo"))


def test_figures_do_not_depend_on_the_order_of_the_data(trained):
    model, splits = trained
    first = evaluate(model, splits, protocol_named("ritq-loo"))
    order = np.argsort(splits.test.labels, kind="stable")
    again = evaluate(model, Splits(splits.train, splits.test.subset(order)), first.protocol)
    assert again.rows[0].map == pytest.approx(first.rows[0].map, abs=1e-12)
    assert first.rows[0].map_worst <= first.rows[0].map <= first.rows[0].map_best
    assert len(set(np.round(list(first.order_check.values()), 12))) == 1


def test_unlabelled_data_cannot_be_measured_on(trained):
    model, _ = trained
    bare = Dataset("bare", ArrayImages(np.zeros((2, 8, 8, 3), np.uint8)), None, ())
    with pytest.raises(InputError, match=r"the data must be labelled"):
        evaluate(model, Splits(bare, bare), protocol_named("ritq-loo"))


def test_bit_health_against_slow_loops():
    rng = np.random.default_rng(0)
    bits = rng.random((50, 10)) < rng.random(10)
    bits[:, 3] = True
    bits[:, 7] = ~bits[:, 2]
    codes = np.packbits(bits, axis=1, bitorder="little")
    health = bit_health(codes, 10)
    assert health.dead_bits == tuple(j for j in range(10) if len(set(bits[:, j])) == 1)
    assert 7 in health.duplicate_bits
    live = [j for j in range(10) if j not in health.dead_bits]
    pairs = [abs(np.corrcoef(bits[:, i], bits[:, j])[0, 1]) for i in live for j in live if i < j]
    assert health.mean_correlation == pytest.approx(np.mean(pairs), abs=1e-5)
    assert collisions(codes, 10).distinct_codes == len({tuple(row) for row in bits})
    balance = [1 - abs(2 * bits[:, j].mean() - 1) for j in range(10)]
    assert health.balance.mean() == pytest.approx(np.mean(balance))
