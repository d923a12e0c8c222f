"""DNNH-FC: one layer over all features, and a sigmoid without threshold."""

import torch

from hashlens.deep.base import Outputs, make_targets
from hashlens.deep.dnnh import DNNH
from hashlens.deep.dnnh_fc import DNNHFC


def test_every_bit_sees_all_features_where_dnnh_s_sees_its_slice():
    seen = {}
    for method in (DNNH(3, "resnet-8", n_features=12), DNNHFC(3, "resnet-8", n_features=12)):
        layer = method.network(4, 1).hash_layer[0]
        torch.nn.init.uniform_(layer.weight, 1, 2)
        features = torch.zeros(1, 12)
        jacobian = torch.autograd.functional.jacobian(layer, features)[0, :, 0]
        seen[type(method)] = jacobian != 0
    assert seen[DNNHFC].all()
    assert torch.equal(seen[DNNH], torch.eye(3, dtype=torch.bool).repeat_interleave(4, 1))


def test_values_are_the_sigmoid_and_nothing_else():
    projection = torch.linspace(-5, 5, 11)
    for progress in (0.0, 0.9):
        values = DNNHFC(beta=2.0).relax(projection, progress)
        torch.testing.assert_close(values, 1 / (1 + (-2 * projection).exp()))
    assert DNNH(beta=2.0).relax(projection, 0.9)[0] == 0  # where DNNH has its threshold


def test_loss_of_two_alike_and_one_unlike_by_hand():
    torch.manual_seed(0)
    b = torch.tensor([[0.6, 0.2], [0.5, 0.4], [0.9, 0.3]], dtype=torch.float64)
    outputs = Outputs(b, torch.logit(b) / 4.0, None)
    targets = make_targets(torch.tensor([0, 0, 1]), 2, 0.0)
    # Queries 0 and 1; each is the other's like image, the third is the unlike one.
    first = (0.1**2 + 0.2**2) - (0.3**2 + 0.1**2) + 1
    second = (0.1**2 + 0.2**2) - (0.4**2 + 0.1**2) + 1
    loss = DNNHFC(2, "resnet-8", margin=1.0, beta=4.0).loss(outputs, targets, 0.5)
    torch.testing.assert_close(loss.item(), (first + second) / 2)
