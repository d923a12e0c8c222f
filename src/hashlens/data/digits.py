"""scikit-learn's digits: 1,797 real handwritten digits that come inside an installed package.

References
----------
E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI repository, 1998 (the
test part).
"""

from pathlib import Path

import numpy as np

from hashlens.data.dataset import Dataset, Splits, stratified_split
from hashlens.data.images import ArrayImages

_N_TRAIN = 1297


def digits(data_dir: Path | None = None) -> Splits:
    """Read the digits: grey images of 8 x 8, 1,297 to train and 500 to test.

    The source has 17 shades, 0 to 16; they are scaled to 0..255. It has no split of its own: this
    one is drawn class by class with a fixed seed, and is the same on every machine.

    Parameters
    ----------
    data_dir : Path, optional
        Not read: the images come with scikit-learn. Every loader takes it.

    Examples
    --------
    >>> splits = digits()
    >>> len(splits.train), len(splits.test), splits.train.images.read(0).shape
    (1297, 500, (8, 8, 1))
    """
    del data_dir
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    classes = tuple("0123456789")
    whole = Dataset("digits", ArrayImages(pixels, "digits"), labels, classes)
    train, test = stratified_split(labels, _N_TRAIN / len(labels), seed=0)
    return Splits(whole.subset(train, "digits/train"), whole.subset(test, "digits/test"))
