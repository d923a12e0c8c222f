"""Trunks by name: what turns a normalised batch of images into vectors."""

import re
from importlib import import_module
from typing import Any, cast

from torch import Tensor, nn

from hashlens.checks import check_choice, refuse

TRUNKS: dict[str, str] = {
    "cifarnet": "hashlens.deep.cifarnet:CifarNet",
}
"""Trunks with a class of their own; beside them ``resnet-N`` and every name timm knows."""

_RESNET = re.compile(r"resnet-(\d+)")


class Trunk(nn.Module):
    """A module from (n, c, h, w) to (n, n_features).

    Attributes
    ----------
    n_features : int
    """

    n_features: int


def build_trunk(name: str, n_channels: int, pretrained: bool = False) -> Trunk:
    """Build a trunk.

    Parameters
    ----------
    name : str
        ``cifarnet``, another name in ``TRUNKS``, ``resnet-N`` with N = 6n + 2 (He et al. 2016,
        section 4.2), or the name of a timm model.
    n_channels : int
        Channels of the images, 1 or 3.
    pretrained : bool
        Load weights learnt on ImageNet; for timm models.

    Returns
    -------
    trunk : Trunk

    Raises
    ------
    InputError
        If there is no such trunk, or it has no pre-trained weights.

    Examples
    --------
    >>> build_trunk("resnet-20", 3).n_features
    64
    """
    depth = _RESNET.fullmatch(name)
    if depth or name in TRUNKS:
        if pretrained:
            raise refuse("pretrained", f"False for the trunk {name}", pretrained)
        return _resnet(name, int(depth[1]), n_channels) if depth else _own(name, n_channels)
    from hashlens.deep.timm_trunk import TimmTrunk

    return TimmTrunk(name, n_channels, pretrained)


def check_trunk(name: object) -> str:
    """Return the name of a trunk that exists, or raise InputError with the nearest name."""
    if not isinstance(name, str):
        raise refuse("trunk", "the name of a trunk", name)
    depth = _RESNET.fullmatch(name)
    if depth:
        if int(depth[1]) < 8 or int(depth[1]) % 6 != 2:
            raise refuse("trunk", "resnet-N with N = 6n + 2, such as resnet-20", name)
        return name
    if name in TRUNKS:
        return name
    import timm

    known = timm.list_models()
    return name if name in known else check_choice("trunk", name, [*TRUNKS, "resnet-20", *known])


def _resnet(name: str, depth: int, n_channels: int) -> Trunk:
    from hashlens.deep.resnet import ResNetTrunk

    check_trunk(name)
    return ResNetTrunk(n_channels, (depth - 2) // 6)


def _own(name: str, n_channels: int) -> Trunk:
    module, _, attribute = TRUNKS[name].partition(":")
    cls: Any = getattr(import_module(module), attribute)
    return cast(Trunk, cls(n_channels))


def pooled(features: Tensor) -> Tensor:
    """Average (n, c, h, w) over its pixels: (n, c)."""
    return features.mean((2, 3))
