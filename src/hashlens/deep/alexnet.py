"""AlexNet as a trunk: the five convolutions and the two layers of 4096."""

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, alexnet

from hashlens.checks import refuse
from hashlens.deep.imagenet import IMAGENET_MEAN, IMAGENET_STD, ImageNetTrunk
from hashlens.errors import InputError

MIN_SIDE = 63  # the third 3x3 pool of stride 2 then still has a pixel to give
WEIGHTS = AlexNet_Weights.IMAGENET1K_V1


class AlexNet(ImageNetTrunk):
    """Torchvision's AlexNet up to layer F7, whose 4096 rectified units are the features.

    It has no normalisation layers: without pre-trained weights it needs a learning rate of about
    0.01. It is Krizhevsky's network of 2014, of one column and without the response
    normalisation of 2012.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the images; grey ones are repeated in three.

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. Hinton, ImageNet classification with deep convolutional neural
    networks, NIPS 2012, section 3.5. A. Krizhevsky, One weird trick for parallelizing
    convolutional neural networks, arXiv:1404.5997.
    """

    pretrained_size = 224

    def __init__(self, n_channels: int = 3) -> None:
        super().__init__(n_channels)
        network = alexnet(weights=None)
        network.classifier = network.classifier[:-1]
        if self.n_inputs != 3:
            network.features[0] = nn.Conv2d(self.n_inputs, 64, 11, stride=4, padding=2)
        self.network = network
        self.n_features = 4096

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w), at least 63 x 63 pixels, to (n, 4096)."""
        if min(images.shape[2:]) < MIN_SIDE:
            wanted = f"at least {MIN_SIDE} pixels for the trunk alexnet"
            raise refuse("image_size", wanted, tuple(images.shape[2:]))
        features: Tensor = self.network(self.adapt(images))
        return features

    def load_pretrained(self) -> None:
        """Load torchvision's ImageNet weights from the cache of ``torch.hub``.

        Raises
        ------
        InputError
            If they are not there (nothing is downloaded) or cannot be read.
        """
        path = Path(torch.hub.get_dir()) / "checkpoints" / Path(WEIGHTS.url).name
        if not path.exists():
            raise InputError(
                f"The weights of alexnet must be on this machine, as {path}. Got none. Fetch them "
                f"once with torchvision.models.alexnet(weights='IMAGENET1K_V1'), or use the trunk "
                f"tf_efficientnet_lite0, which needs none, or pretrained=False."
            )
        self.expect(IMAGENET_MEAN, IMAGENET_STD)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            kept = {key: value for key, value in state.items() if "classifier.6." not in key}
            self.network.load_state_dict(kept)
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
            raise InputError(f"{path} must hold the weights of alexnet. Got: {error}.") from error
