"""What trunks share whose weights may have been learnt on ImageNet."""

import torch
from torch import Tensor

from hashlens.checks import refuse
from hashlens.deep.trunks import Trunk

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of the channels of its photos, on a scale from 0 to 1
IMAGENET_STD = (0.229, 0.224, 0.225)


class ImageNetTrunk(Trunk):
    """A trunk that shows its network what the network's weights are used to.

    Grey images are repeated in three channels. Images come with mean 0 and deviation 1 over the
    training set; once pre-trained weights are in place they are given the mean and the deviation
    that ImageNet's photos had when the weights were learnt. The two numbers a channel are buffers,
    so they are saved with the model.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.n_inputs = 3 if n_channels == 1 else n_channels
        self.register_buffer("scale", torch.ones(self.n_inputs, 1, 1))
        self.register_buffer("shift", torch.zeros(self.n_inputs, 1, 1))

    def adapt(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to what the network takes, (n, n_inputs, h, w)."""
        if images.shape[1] == 1:
            images = images.expand(-1, self.n_inputs, -1, -1)
        return images * self.scale + self.shift

    def expect(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Shift and scale for weights learnt on ``(pixels / 255 - mean) / std``."""
        if self.n_inputs != 3:
            raise refuse("pretrained", "False for images without 3 channels or 1", True)
        own, spread, mean_, std_ = (
            torch.tensor(numbers).view(3, 1, 1)
            for numbers in (IMAGENET_MEAN, IMAGENET_STD, mean, std)
        )
        self.scale.copy_(spread / std_)
        self.shift.copy_((own - mean_) / std_)
