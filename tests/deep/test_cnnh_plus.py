"""CNNH+: the class output stands beside the code and joins the loss."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from hashlens.deep.base import Given, make_targets
from hashlens.deep.cnnh import CNNH
from hashlens.deep.cnnh_plus import CNNHPLUS
from hashlens.errors import InputError


@pytest.mark.parametrize("several", [False, True])
def test_loss_is_the_code_s_plus_the_classes(several):
    labels = np.eye(3, dtype=bool)[[0, 2, 1, 1]] if several else np.array([0, 2, 1, 1])
    method = CNNHPLUS(n_bits=6, trunk="resnet-8", class_weight=0.5)
    network = method.network(3, 1)
    method.prepare(network, Given(labels, 0, (6,)))
    outputs = network(torch.randn(4, 1, 8, 8))
    targets = make_targets(torch.from_numpy(labels), 3, 0.0)
    if several:
        classes = F.binary_cross_entropy_with_logits(outputs.logits, targets.weights)
    else:
        classes = F.cross_entropy(outputs.logits, targets.labels)
    expected = CNNH.loss(method, outputs, targets, 0.0) + 0.5 * classes
    assert method.loss(outputs, targets, 0.0).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_class_output_reads_the_features_and_not_the_code():
    network = CNNHPLUS(n_bits=6, trunk="resnet-8").network(3, 1)
    outputs = network(torch.randn(4, 1, 8, 8))
    torch.testing.assert_close(network.class_layer(outputs.features), outputs.logits)
    assert network.prefix(outputs, 3).logits is outputs.logits


def test_a_negative_weight_is_refused():
    with pytest.raises(InputError, match="class_weight must be a number >= 0"):
        CNNHPLUS(class_weight=-1.0).check()
