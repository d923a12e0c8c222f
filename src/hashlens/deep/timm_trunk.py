"""Any model of timm as a trunk."""

from typing import Any

import timm
from torch import Tensor

from hashlens.checks import refuse
from hashlens.deep.imagenet import ImageNetTrunk
from hashlens.errors import InputError
from hashlens.features.lite0 import OFFLINE_BACKBONE, is_offline
from hashlens.features.pretrained import cached_weights, pretrained_network


class TimmTrunk(ImageNetTrunk):
    """A timm model without its classifier: the vector that its classifier would see.

    Parameters
    ----------
    name : str
        As in ``timm.list_models()``, with or without the tag of the weights.
    n_channels : int
        Channels of the images; grey ones are repeated in three.
    """

    def __init__(self, name: str, n_channels: int) -> None:
        super().__init__(n_channels)
        model: Any = timm.create_model(
            name, pretrained=False, num_classes=0, in_chans=self.n_inputs
        )
        self.name = name
        self.model = model
        # Not num_features: some models put a layer between their pool and their classifier.
        self.n_features = int(model.head_hidden_size)

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to (n, n_features)."""
        self._check_size(images)
        features: Tensor = self.model(self.adapt(images))
        if features.ndim != 2:
            raise refuse("trunk", "a model that gives one vector an image", self.name)
        return features

    def load_pretrained(self) -> None:
        """Load the weights that are installed (``tf_efficientnet_lite0``) or were fetched earlier.

        Raises
        ------
        InputError
            If they are not on this machine: nothing is downloaded.
        """
        if not is_offline(self.name) and cached_weights(self.name) is None:
            raise InputError(
                f"The weights of {self.name} must be on this machine. Got none. Fetch them once "
                f"with hashlens.features.Backbone({self.name!r}, download=True), or use "
                f"{OFFLINE_BACKBONE}, which needs none, or pretrained=False."
            )
        network: Any = pretrained_network(self.name)
        config = network.pretrained_cfg
        self.expect(config["mean"], config["std"])
        self.model.load_state_dict(network.state_dict())

    def _check_size(self, images: Tensor) -> None:
        config = self.model.pretrained_cfg
        wanted, got = tuple(config["input_size"][1:]), tuple(images.shape[2:])
        if config.get("fixed_input_size") and got != wanted:
            size = f"images of {wanted[0]} x {wanted[1]} pixels for the trunk {self.name}"
            raise refuse("image_size", size, got)
