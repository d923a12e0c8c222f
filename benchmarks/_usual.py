"""The usual way of training a hashing network on small images, to measure hashlens beside it."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from hashlens.codes import Codes
from hashlens.data import Dataset, load_pixels
from hashlens.deep.resnet import ResNetTrunk
from hashlens.hashers import ITQ
from hashlens.training.material import natural_preprocessing

N_FEATURES, BATCH, WORKERS = 256, 128, 2
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.244, 0.262)


class Pictures(TorchDataset):
    """Decoded images, transformed one by one whenever they are asked for."""

    def __init__(self, data: Dataset, transform: Callable[[Image.Image], torch.Tensor]) -> None:
        preprocessing = natural_preprocessing(data.images, None)
        self.pixels = load_pixels(data.images, preprocessing, strict=True).pixels
        self.labels = torch.from_numpy(np.asarray(data.labels)).long()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.transform(Image.fromarray(self.pixels[row])), self.labels[row]


class UsualTraining:
    """ResNet-20, a feature layer of 256, a classifier; Adam at a fixed rate; float32."""

    def __init__(self, data: Dataset) -> None:
        torch.manual_seed(0)
        ending = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        moved = [transforms.RandomCrop(data_side(data), 4), transforms.RandomHorizontalFlip()]
        self.plain = transforms.Compose(ending)
        self.training = Pictures(data, transforms.Compose([*moved, *ending]))
        self.features = nn.Sequential(ResNetTrunk(3, 3), nn.Linear(64, N_FEATURES), nn.ReLU())
        self.classifier = nn.Linear(N_FEATURES, data.n_classes)
        both = nn.ModuleList([self.features, self.classifier])
        self.optimizer = torch.optim.Adam(both.parameters(), lr=1e-3)
        self.data = data

    def one_epoch(self) -> None:
        """Pass over the training images once."""
        self.features.train()
        loader = DataLoader(self.training, BATCH, shuffle=True, num_workers=WORKERS, drop_last=True)
        for images, labels in loader:
            loss = F.cross_entropy(self.classifier(self.features(images)), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def fit_hash(self, n_bits: int) -> Callable[[Dataset], Codes]:
        """Fit PCA and ITQ to the features as they are; give what encodes a data set."""
        itq = ITQ(n_bits=n_bits, seed=0).fit(self.embedded(self.data))
        return lambda data: itq.transform(self.embedded(data))

    def embedded(self, data: Dataset) -> np.ndarray:
        """Features of images, float32 (n, 256)."""
        self.features.eval()
        loader = DataLoader(Pictures(data, self.plain), 4 * BATCH, num_workers=WORKERS)
        with torch.inference_mode():
            return torch.cat([self.features(images) for images, _ in loader]).numpy()


def data_side(data: Dataset) -> int:
    """Side of the images, all of one size."""
    return natural_preprocessing(data.images, None).height
