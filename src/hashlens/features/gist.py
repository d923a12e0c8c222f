"""GIST: the spatial envelope of a scene, as energies of Gabor filters on a grid."""

from typing import Any, ClassVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from hashlens.checks import check_int, refuse
from hashlens.data import Preprocessing
from hashlens.features.base import Features, Pixels8, Vectors

N_SCALES, N_ORIENTATIONS, N_CELLS = 4, 8, 4
LOCAL_PAD, _LOCAL_CYCLES = 5, 4  # of the contrast normalisation (prefilter)
MIRROR = 32  # pixels mirrored at each border before the Gabor filters


class GIST(Features):
    r"""512-d GIST descriptor: 4 scales x 8 orientations x 4 x 4 cells of a grey image.

    .. math:: g_{s,o,c}(I) = \frac{1}{|c|} \sum_{p \in c}
              \bigl| \mathcal{F}^{-1}\{ \mathcal{F}\{I'\} \, G_{s,o} \} \bigr|(p)

    .. math:: G_{s,o}(f, \theta) = \exp\Bigl( -3.5 \bigl(\tfrac{f}{f_s} - 1\bigr)^2
              - 2 \pi \, (\theta + \tfrac{\pi o}{8})^2 \Bigr), \qquad f_s = 0.3 / 1.85^{\,s}

    f is in cycles per pixel, the angle is wrapped to :math:`[-\pi, \pi]`. I' is the image with
    its local contrast made even: log intensity, minus its Gaussian blur of 4 cycles per image,
    divided by 0.2 plus the local standard deviation. Borders are mirrored. The angular width is
    that of 8 orientations (16 * 8^2 / 32^2 = 1).

    This is the authors' Matlab code (``LMgist``) with two differences: grey is the luma of ITU-R
    601 where theirs is the mean of the channels, and the cells of a filter are in row order
    where theirs are in column order. A flat image gives zeros. Both papers that use GIST z-score
    it: see ``Standardizer``.

    Parameters
    ----------
    size : int, 32 to 512, a multiple of 4, in pixels, default 32
        Images are scaled to size x size. 32 suits the small-image benchmarks; the authors'
        demonstration uses 256 for photos, at 40 times the time.
    normalize : bool, default False
        Scale every vector to length 1.

    References
    ----------
    A. Oliva and A. Torralba, "Modeling the shape of the scene: a holistic representation of the
    spatial envelope", IJCV 42(3), 2001, sections 3 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), np.uint8)
    >>> GIST().transform(pixels).shape
    (2, 512)
    """

    name = "gist"
    batch_size: int = 16  # the filtered images of a batch stay in the processor's cache
    standardize: ClassVar[bool] = True

    def __init__(self, size: int = 32, *, normalize: bool = False) -> None:
        if check_int("size", size, 32, 512) % N_CELLS:
            raise refuse("size", "a multiple of 4", size)
        if not isinstance(normalize, bool):
            raise refuse("normalize", "True or False", normalize)
        self.size = size
        self.normalize = normalize
        self.preprocessing = Preprocessing(size, size, n_channels=1)
        self._blur = blur_gain(size + 2 * LOCAL_PAD)
        self._filters = gabor_filters(size + 2 * MIRROR)

    @property
    def n_features(self) -> int:
        """Length of a vector, 512."""
        return N_SCALES * N_ORIENTATIONS * N_CELLS**2

    def settings(self) -> dict[str, Any]:
        """Give the JSON values from which ``restore_features`` builds the same features."""
        return {"name": self.name, "size": self.size, "normalize": self.normalize}

    def _vectors(self, pixels: Pixels8) -> Vectors:
        even = self._even_contrast(_full_range(pixels[..., 0].astype(np.float32)))
        mirrored = _mirror(even, MIRROR)
        spectrum = scipy.fft.fft2(mirrored, workers=-1).astype(np.complex64, copy=False)
        per_scale = [self._energies(spectrum, filters) for filters in self._filters]
        return np.concatenate(per_scale, axis=1).reshape(len(pixels), -1)

    def _even_contrast(self, grey: Vectors) -> Vectors:
        padded = _mirror(np.log1p(grey), LOCAL_PAD)
        white = padded - self._blurred(padded)
        deviation = np.sqrt(np.abs(self._blurred(np.square(white))))
        inner = slice(LOCAL_PAD, -LOCAL_PAD)
        even = white / (np.float32(0.2) + deviation)
        return even[:, inner, inner].astype(np.float32, copy=False)

    def _blurred(self, images: Vectors) -> Vectors:
        spectrum = scipy.fft.rfft2(images, workers=-1) * self._blur
        blurred = scipy.fft.irfft2(spectrum, s=images.shape[1:], workers=-1)
        return blurred.astype(np.float32, copy=False)

    def _energies(self, spectrum: NDArray[np.complex64], filters: Vectors) -> Vectors:
        """Mean amplitude in each cell, for the filters of one scale: (n, 8, 4, 4)."""
        inner = slice(MIRROR, -MIRROR)
        filtered = spectrum[:, None] * filters
        # Rows that the crop drops are dropped between the two one-dimensional transforms.
        columns = scipy.fft.ifft(filtered, axis=-2, workers=-1, overwrite_x=True)[:, :, inner]
        amplitude = np.abs(scipy.fft.ifft(columns, axis=-1, workers=-1)[..., inner])
        side = self.size // N_CELLS
        cells: Vectors = amplitude.reshape(
            len(spectrum), N_ORIENTATIONS, N_CELLS, side, N_CELLS, side
        ).mean(axis=(3, 5))
        return cells


def gabor_filters(side: int) -> Vectors:
    """Build the transfer functions: float32 of shape (4 scales, 8 orientations, side, side).

    Parameters
    ----------
    side : int
        Side of the padded image in pixels; frequency 0 is at index 0.

    Examples
    --------
    >>> gabor_filters(96).shape
    (4, 8, 96, 96)
    """
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(frequency[:, None], frequency)
    angle = np.arctan2(frequency[:, None], frequency)
    filters = np.empty((N_SCALES, N_ORIENTATIONS, side, side), np.float32)
    for scale in range(N_SCALES):
        radial = 3.5 * (radius / (0.3 / 1.85**scale) - 1) ** 2
        for orientation in range(N_ORIENTATIONS):
            turned = angle + np.pi * orientation / N_ORIENTATIONS
            wrapped = np.where(turned > np.pi, turned - 2 * np.pi, turned)
            filters[scale, orientation] = np.exp(-radial - 2 * np.pi * wrapped**2)
    return filters


def blur_gain(side: int) -> Vectors:
    """Blur whose gain is one half at 4 cycles per image, for ``rfft2`` of side x side images."""
    width = _LOCAL_CYCLES / np.sqrt(np.log(2))
    rows, columns = np.fft.fftfreq(side, 1 / side), np.fft.rfftfreq(side, 1 / side)
    gain: Vectors = np.exp(-(rows[:, None] ** 2 + columns**2) / width**2).astype(np.float32)
    return gain


def _full_range(grey: Vectors) -> Vectors:
    """Stretch each image to 0..255; a flat image becomes 0."""
    stretched = grey - grey.min(axis=(1, 2), keepdims=True)
    highest = stretched.max(axis=(1, 2), keepdims=True)
    full: Vectors = stretched * (np.float32(255) / np.where(highest == 0, 1, highest))
    return full.astype(np.float32, copy=False)


def _mirror(images: Vectors, width: int) -> Vectors:
    return np.pad(images, ((0, 0), (width, width), (width, width)), mode="symmetric")
