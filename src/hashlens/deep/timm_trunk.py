"""Any model of timm as a trunk."""

from typing import Any

from torch import Tensor

from hashlens.deep.trunks import Trunk


class TimmTrunk(Trunk):
    """A timm model without its classifier.

    Parameters
    ----------
    name : str
        As in ``timm.list_models()``.
    n_channels : int
    pretrained : bool
    """

    def __init__(self, name: str, n_channels: int, pretrained: bool) -> None:
        import timm

        super().__init__()
        model: Any = timm.create_model(
            name, pretrained=pretrained, num_classes=0, in_chans=n_channels
        )
        self.model = model
        self.n_features = int(model.num_features)

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to (n, n_features)."""
        features: Tensor = self.model(images)
        return features
