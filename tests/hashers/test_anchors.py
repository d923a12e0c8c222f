"""Anchors are rows, the kernel equals slow loops, its width and means are those of the rows."""

import numpy as np
import pytest

from hashlens.hashers.anchors import AnchorKernel, choose_anchors


def rows(n, d=3, dtype=np.float64):
    return (np.random.default_rng(4).normal(size=(n, d)) + 100).astype(dtype)


def test_anchors_are_distinct_rows_and_repeat_only_when_rows_are_few():
    X = rows(20)
    anchors = choose_anchors(X, 12, seed=1)
    assert len(np.unique(anchors, axis=0)) == 12
    assert all((anchor == X).all(axis=1).any() for anchor in anchors)
    assert np.array_equal(anchors, choose_anchors(X, 12, seed=1))
    assert not np.array_equal(anchors, choose_anchors(X, 12, seed=2))
    many = choose_anchors(X, 45, seed=1)
    assert np.array_equal(many[:20], many[20:40])
    assert len(np.unique(many, axis=0)) == 20


@pytest.mark.parametrize(("dtype", "slack"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_equals_slow_loops(dtype, slack):
    X = rows(30, dtype=dtype)
    kernel = AnchorKernel.fit(X, 7, seed=0)
    squares = [[float(((x.astype(float) - a) ** 2).sum()) for a in kernel.anchors] for x in X]
    width = np.sqrt(np.mean(squares))
    assert kernel.width == pytest.approx(width, rel=1e-6)
    plain = np.exp(-np.array(squares) / (2 * width**2))
    np.testing.assert_allclose(kernel.features(X), plain - plain.mean(axis=0), atol=slack)
    assert kernel.features(X).dtype == dtype
    weights = np.random.default_rng(0).normal(size=(7, 2))
    np.testing.assert_allclose(kernel.project(X, weights), kernel.features(X) @ weights, atol=slack)


def test_rows_of_several_blocks():
    X = rows(9000, d=2)
    kernel = AnchorKernel.fit(X, 5, seed=0)
    np.testing.assert_allclose(kernel.features(X).mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(kernel.features(X)[8990:], kernel.features(X[8990:]), atol=1e-12)


def test_equal_rows_give_zeros():
    kernel = AnchorKernel.fit(np.ones((4, 2)), 3, seed=0)
    assert kernel.width == 1
    assert not kernel.features(np.ones((2, 2))).any()
