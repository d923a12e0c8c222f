"""Trunks by name: what turns a normalised batch of images into vectors."""

import difflib
import re
from importlib import import_module
from typing import Any, ClassVar

from torch import Tensor, nn

from hashlens.checks import refuse
from hashlens.errors import InputError

TRUNKS: dict[str, str] = {
    "alexnet": "hashlens.deep.alexnet:AlexNet",
    "cifarnet": "hashlens.deep.cifarnet:CifarNet",
    "cnnh": "hashlens.deep.cnnh_trunk:CNNHTrunk",
    "nin": "hashlens.deep.nin:NIN",
    "nin-32": "hashlens.deep.nin:NIN32",
}
"""Trunks with a class of their own; beside them ``resnet-N`` and every name timm knows."""

_RESNET = re.compile(r"resnet-(\d+)")


class Trunk(nn.Module):
    """A module from (n, c, h, w) to (n, n_features).

    Attributes
    ----------
    n_features : int
    normalizes_filters : bool
        A normalisation follows every convolution: the size of its filters says nothing.
    """

    normalizes_filters: ClassVar[bool] = False
    pretrained_size: ClassVar[int | None] = None
    n_features: int

    def load_pretrained(self) -> None:
        """Load weights learnt on ImageNet from this machine, or raise InputError."""
        raise refuse("pretrained", "False for a trunk without such weights", True)

    def calibrate(self, images: Tensor) -> None:
        """Set what is computed from a sample of normalised training images, once, before training.

        The default has nothing of the kind.
        """
        del images

    def rate_factor(self, name: str) -> float:
        """Give the factor on the learning rate for this trunk's parameter of this name."""
        del name
        return 1.0


def build_trunk(name: str, n_channels: int) -> Trunk:
    """Build a trunk; nothing is read from disk. ``trunk.load_pretrained()`` does that.

    Parameters
    ----------
    name : str
        ``cifarnet``, another name in ``TRUNKS``, ``resnet-N`` with N = 6n + 2 (He et al. 2016,
        section 4.2), or the name of a timm model.
    n_channels : int
        Channels of the images, 1 or 3.

    Returns
    -------
    trunk : Trunk

    Raises
    ------
    InputError
        If there is no such trunk.

    Examples
    --------
    >>> build_trunk("resnet-20", 3).n_features
    64
    """
    check_trunk(name)
    depth = _RESNET.fullmatch(name)
    if depth:
        from hashlens.deep.resnet import ResNetTrunk

        return ResNetTrunk(n_channels, (int(depth[1]) - 2) // 6)
    if name in TRUNKS:
        trunk: Trunk = _own(name)(n_channels)
        return trunk
    from hashlens.deep.timm_trunk import TimmTrunk

    return TimmTrunk(name, n_channels)


def check_trunk(name: object) -> str:
    """Return the name of a trunk that exists, or raise InputError with the nearest name.

    Examples
    --------
    >>> check_trunk("resnet-21")
    Traceback (most recent call last):
    ...
    hashlens.errors.InputError: trunk must be resnet-N with N = 6n + 2, such as resnet-20.
    Got 'resnet-21'.
    """
    if not isinstance(name, str):
        raise refuse("trunk", "the name of a trunk", name)
    depth = _RESNET.fullmatch(name)
    if depth and (int(depth[1]) < 8 or int(depth[1]) % 6 != 2):
        raise refuse("trunk", "resnet-N with N = 6n + 2, such as resnet-20", name)
    if depth or name in TRUNKS:
        return name
    import timm

    known = timm.list_models()
    if name in known or name in timm.list_models(pretrained=True):
        return name
    wanted = f"{', '.join(TRUNKS)}, resnet-N or a timm model"
    near = difflib.get_close_matches(name, [*TRUNKS, "resnet-20", *known], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(f"{refuse('trunk', wanted, name)}{hint}")


def pretrained_size(name: str) -> int | None:
    """Side of the images that a trunk's ImageNet weights want, or None where it has none.

    Examples
    --------
    >>> pretrained_size("alexnet"), pretrained_size("cifarnet")
    (224, None)
    """
    if _RESNET.fullmatch(name):
        return None
    if name in TRUNKS:
        size: int | None = _own(name).pretrained_size
        return size
    import timm

    config = timm.get_pretrained_cfg(name)
    return int(config.input_size[1]) if config and config.has_weights else None


def _own(name: str) -> type[Any]:
    module, _, attribute = TRUNKS[name].partition(":")
    cls: type[Any] = getattr(import_module(module), attribute)
    return cls


def pooled(features: Tensor) -> Tensor:
    """Average (n, c, h, w) over its pixels: (n, c)."""
    return features.mean((2, 3))
