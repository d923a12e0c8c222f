"""GIST against a slow reference written from the authors' definition, one image at a time."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from hashlens.features import GIST


def mirror(image, width):
    """Symmetric padding, pixel by pixel: ... b a | a b ... y z | z y ..."""
    side = len(image)
    place = [i % (2 * side) for i in range(-width, side + width)]
    place = [i if i < side else 2 * side - 1 - i for i in place]
    return image[np.ix_(place, place)]


def prefiltered(grey):
    """LMgist's prefilt: log, minus its blur, over the local deviation; 4 cycles per image."""
    image = mirror(np.log(grey + 1), 5)
    side = len(image)
    f = np.arange(-side // 2, side - side // 2)
    fx, fy = np.meshgrid(f, f)
    gain = np.fft.fftshift(np.exp(-(fx**2 + fy**2) / (4 / np.sqrt(np.log(2))) ** 2))
    white = image - np.real(np.fft.ifft2(np.fft.fft2(image) * gain))
    deviation = np.sqrt(np.abs(np.fft.ifft2(np.fft.fft2(white**2) * gain)))
    return (white / (0.2 + deviation))[5:-5, 5:-5]


def slow_gist(grey):
    """LMgist: createGabor, gistGabor and downN, float64, filter by filter and cell by cell."""
    grey = 255 * (grey - grey.min()) / (grey.max() - grey.min())
    image = mirror(prefiltered(grey), 32)
    side = len(image)
    f = np.arange(-side // 2, side - side // 2)
    fx, fy = np.meshgrid(f, f)
    radius = np.fft.fftshift(np.sqrt(fx**2 + fy**2))
    angle = np.fft.fftshift(np.angle(fx + 1j * fy))
    spectrum, gist = np.fft.fft2(image), []
    for scale in range(4):
        for orientation in range(8):
            a, b, c, d = 0.35, 0.3 / 1.85**scale, 16 * 8**2 / 32**2, np.pi / 8 * orientation
            turned = angle + d
            turned = turned + 2 * np.pi * (turned < -np.pi) - 2 * np.pi * (turned > np.pi)
            gain = np.exp(-10 * a * (radius / side / b - 1) ** 2 - 2 * c * np.pi * turned**2)
            amplitude = np.abs(np.fft.ifft2(spectrum * gain))[32:-32, 32:-32]
            cell = len(amplitude) // 4
            for row in range(4):
                for column in range(4):
                    rows = slice(row * cell, (row + 1) * cell)
                    columns = slice(column * cell, (column + 1) * cell)
                    gist.append(amplitude[rows, columns].mean())
    return np.array(gist)


@pytest.mark.parametrize("size", [32, 48])
def test_equals_the_slow_reference(size):
    rng = np.random.default_rng(size)
    noise = rng.integers(0, 256, (2, size, size, 1), np.uint8)
    ramp = np.add.outer(np.arange(size), 3 * np.arange(size)).astype(np.uint8)[None, :, :, None]
    pixels = np.concatenate([noise, ramp, noise[:1] // 4])
    expected = np.stack([slow_gist(image[..., 0].astype(float)) for image in pixels])
    np.testing.assert_allclose(GIST(size).transform(pixels), expected, rtol=2e-4, atol=1e-6)


def test_rows_do_not_depend_on_their_batch():
    pixels = np.random.default_rng(0).integers(0, 256, (GIST.batch_size + 3, 32, 32, 1), np.uint8)
    together = GIST().transform(pixels)
    for i in 0, GIST.batch_size, GIST.batch_size + 2:
        np.testing.assert_allclose(GIST().transform(pixels[i : i + 1])[0], together[i], rtol=1e-4)


def test_a_grating_answers_most_at_its_own_orientation():
    phase = 2 * np.pi * 0.3 * np.arange(32)
    waves = (127 + 120 * np.cos(phase)).astype(np.uint8)
    upright = np.tile(waves, (32, 1))  # varies along x: orientation 0
    pixels = np.stack([upright, upright.T])[..., None]
    energy = GIST().transform(pixels).reshape(2, 4, 8, 16).mean(axis=3)
    assert np.unravel_index(energy[0].argmax(), (4, 8)) == (0, 0)
    assert np.unravel_index(energy[1].argmax(), (4, 8)) == (0, 4)


def test_brightness_and_contrast_matter_little():
    image = np.random.default_rng(1).integers(0, 100, (1, 32, 32, 1), np.uint8)
    np.testing.assert_allclose(
        GIST().transform(image), GIST().transform(image * 2 + 30), rtol=0.02, atol=1e-3
    )


def test_a_flat_image_gives_zeros_also_when_normalised():
    flat = np.full((1, 32, 32, 1), 77, np.uint8)
    assert not GIST().transform(flat).any()
    assert not GIST(normalize=True).transform(flat).any()


def test_neighbours_share_the_pattern():
    pixels, labels = _patterns()
    distances = cdist(*[GIST(normalize=True).transform(pixels)] * 2)
    np.fill_diagonal(distances, np.inf)
    nearest = labels[distances.argsort(axis=1)[:, :5]]
    assert (nearest == labels[:, None]).mean() > 0.9


def _patterns():
    """Noisy gratings of four orientations, at random phases."""
    rng = np.random.default_rng(2)
    labels = np.arange(60) % 4
    y, x = np.mgrid[:32, :32]
    angle = labels * np.pi / 4
    along = x * np.cos(angle)[:, None, None] + y * np.sin(angle)[:, None, None]
    waves = np.cos(along + rng.uniform(0, 6, (60, 1, 1))) + 0.3 * rng.standard_normal(along.shape)
    return np.clip(127 + 50 * waves, 0, 255).astype(np.uint8)[..., None], labels
