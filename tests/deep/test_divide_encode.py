"""Divide-and-encode and the piece-wise threshold against their equations."""

import pytest
import torch

from hashlens.deep.divide_encode import (
    DivideAndEncode,
    band_at,
    piecewise_threshold,
    slice_lengths,
)


@pytest.mark.parametrize(
    ("n_features", "n_bits", "lengths"), [(10, 4, [3, 3, 2, 2]), (12, 4, [3] * 4), (5, 5, [1] * 5)]
)
def test_divide_and_encode_in_slow_loops(n_features, n_bits, lengths):
    assert slice_lengths(n_features, n_bits) == lengths  # footnote 4
    layer = DivideAndEncode(n_features, n_bits)
    torch.nn.init.normal_(layer.bias)
    features = torch.randn(3, n_features)
    expected = torch.zeros(3, n_bits)
    for row in range(3):
        start = 0
        for bit, length in enumerate(lengths):
            for j in range(start, start + length):
                expected[row, bit] += layer.weight[0, j] * features[row, j]
            expected[row, bit] += layer.bias[bit]
            start += length
    torch.testing.assert_close(layer(features), expected)


def test_threshold_is_equation_6():
    values = torch.tensor([0.0, 0.29, 0.31, 0.5, 0.69, 0.71, 1.0], requires_grad=True)
    out = piecewise_threshold(values, 0.2)
    torch.testing.assert_close(out, torch.tensor([0.0, 0.0, 0.31, 0.5, 0.69, 1.0, 1.0]))
    out.sum().backward()
    assert values.grad.tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert torch.equal(piecewise_threshold(values, 0.5), values)


def test_the_band_narrows_to_a_floor():
    assert [band_at(p, 4) for p in (0.0, 0.24, 0.25, 0.5)] == pytest.approx([0.5, 0.5, 0.4, 0.32])
    assert band_at(0.99, 100) == 0.1
