import json
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hashlens.data import ArrayImages, BytesImages, Images, Preprocessing, iter_pixels, load_pixels
from hashlens.errors import ImageError, InputError

RNG = np.random.default_rng(1)


def pgm(array):
    return b"P5 %d %d 255 " % array.shape[::-1] + array.tobytes()


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.sampled_from([1, 3]),
    st.sampled_from(["squash", "crop"]),
)
def test_shape_dtype_and_flat_images_stay_flat(h, w, height, width, c_in, c_out, resize):
    image = np.full((h, w, c_in), 77, np.uint8)
    before = image.copy()
    out = Preprocessing(height, width, c_out, resize).apply(image)
    assert out.shape == (height, width, c_out)
    assert out.dtype == np.uint8
    assert (out == 77).all()
    np.testing.assert_array_equal(image, before)


def test_right_size_is_left_alone():
    image = RNG.integers(0, 256, (9, 7, 3)).astype(np.uint8)
    for resize in ("squash", "crop"):
        np.testing.assert_array_equal(Preprocessing(9, 7, 3, resize).apply(image), image)


def test_grey_is_pillows_grey():
    image = RNG.integers(0, 256, (50, 60, 3)).astype(np.uint8)
    wanted = np.asarray(Image.fromarray(image).convert("L"))
    np.testing.assert_array_equal(Preprocessing(50, 60, 1).apply(image)[..., 0], wanted)


@pytest.mark.parametrize("resize", ["squash", "crop"])
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("size", [(40, 30), (16, 12), (9, 50)])
def test_pictures_give_what_their_pixels_give(size, n_channels, resize):
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    preprocessing = Preprocessing(12, 16, n_channels, resize)
    from_picture = preprocessing.apply_to_picture(Image.fromarray(pixels))
    np.testing.assert_array_equal(from_picture, preprocessing.apply(pixels))


def test_crop_keeps_the_centre_and_the_aspect_ratio():
    image = np.zeros((10, 30, 1), np.uint8)
    image[:, 10:20] = 200
    assert (Preprocessing(10, 10, 1, "crop").apply(image) == 200).all()
    assert (Preprocessing(10, 10, 1, "squash").apply(image)[:, 0] == 0).all()
    tall = Preprocessing(20, 20, 1, "crop").apply(image.transpose(1, 0, 2).copy())
    assert (tall[4:-4] == 200).all()


def test_reduction_is_antialiased():
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 255
    small = Preprocessing(8, 8, 1).apply(stripes)
    assert np.abs(small[:, 1:-1].astype(int) - 127).max() < 6


def test_json_round_trip_and_unknown_key():
    settings_ = Preprocessing(12, 34, 1, "crop")
    assert Preprocessing.from_dict(json.loads(json.dumps(settings_.to_dict()))) == settings_
    with pytest.raises(InputError, match="Did you mean 'height'"):
        Preprocessing.from_dict({"hieght": 3, "width": 3})
    with pytest.raises(InputError, match="given 'width'"):
        Preprocessing.from_dict({"height": 3})


@pytest.mark.parametrize(
    "arguments", [(0, 1), (1, 2.0), (True, 1), (1, 1, 2), (1, 1, 3, "stretch"), (10**6, 1)]
)
def test_wrong_settings_are_refused(arguments):
    with pytest.raises(InputError, match="must be"):
        Preprocessing(*arguments)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_wrong_images_are_refused(image):
    with pytest.raises(InputError, match="image must be"):
        Preprocessing(4, 4).apply(image)


def mixed(n=150, bad=(3, 77, 78, 149)):
    arrays = RNG.integers(0, 256, (n, 5, 5)).astype(np.uint8)
    blobs = [b"junk" if i in bad else pgm(a) for i, a in enumerate(arrays)]
    return arrays, BytesImages(blobs, [f"{i}.pgm" for i in range(n)]), bad


@pytest.mark.parametrize("workers", [1, 3])
def test_bad_images_are_skipped_by_name(workers):
    arrays, images, bad = mixed()
    calls = []
    loaded = load_pixels(
        images, Preprocessing(5, 5, 1), workers=workers, progress=lambda *done: calls.append(done)
    )
    kept = [i for i in range(150) if i not in bad]
    assert loaded.kept.tolist() == kept
    assert loaded.kept.dtype == np.int64
    assert [s.name for s in loaded.skipped] == [f"{i}.pgm" for i in bad]
    assert all("not an image" in s.reason for s in loaded.skipped)
    np.testing.assert_array_equal(loaded.pixels[..., 0], arrays[kept])
    assert calls[-1] == (150, 150)
    assert calls == sorted(calls)


def test_strict_raises_the_first_bad_image():
    _, images, _ = mixed()
    with pytest.raises(ImageError, match=r"^3\.pgm: "):
        load_pixels(images, Preprocessing(5, 5), strict=True)
    with pytest.raises(ImageError, match=r"^3\.pgm: "):
        list(iter_pixels(images, Preprocessing(5, 5), 40, strict=True))


@pytest.mark.parametrize("batch_size", [1, 37, 150, 1000])
def test_batches_are_the_whole_in_parts(batch_size):
    _, images, _ = mixed()
    whole = load_pixels(images, Preprocessing(8, 6))
    parts = list(iter_pixels(images, Preprocessing(8, 6), batch_size))
    assert len(parts) == -(-150 // batch_size)
    np.testing.assert_array_equal(np.concatenate([p.pixels for p in parts]), whole.pixels)
    np.testing.assert_array_equal(np.concatenate([p.kept for p in parts]), whole.kept)
    assert tuple(s for p in parts for s in p.skipped) == whole.skipped


class Counting(Images):
    """Counts how many images were read, to see how far the loader runs ahead."""

    def __init__(self):
        self.n_read = 0
        self._lock = threading.Lock()

    def __len__(self):
        return 1000

    def read(self, i):
        del i
        with self._lock:
            self.n_read += 1
        return np.zeros((2, 2, 3), np.uint8)

    def name(self, i):
        return str(i)

    def subset(self, ids):
        raise NotImplementedError

    def fingerprint(self):
        raise NotImplementedError


def test_decoding_runs_ahead_but_not_away():
    images = Counting()
    batches = iter_pixels(images, Preprocessing(2, 2), 10)
    assert images.n_read == 0
    next(batches)
    next(batches)
    batches.close()
    assert 20 <= images.n_read <= 50


def test_arrays_of_the_right_size_are_not_copied():
    pixels = RNG.integers(0, 256, (50, 6, 6, 3)).astype(np.uint8)
    images = ArrayImages(pixels)
    calls = []
    loaded = load_pixels(images, Preprocessing(6, 6), progress=lambda *done: calls.append(done))
    assert np.shares_memory(loaded.pixels, pixels)
    assert calls == [(50, 50)]
    grey = load_pixels(images, Preprocessing(6, 6, 1)).pixels
    slow = np.stack([Preprocessing(6, 6, 1).apply(image) for image in pixels])
    np.testing.assert_array_equal(grey, slow)


def test_no_images_give_an_empty_array():
    images = ArrayImages(np.zeros((0, 4, 4, 3), np.uint8))
    for size in (4, 8):
        loaded = load_pixels(images, Preprocessing(size, size))
        assert loaded.pixels.shape == (0, size, size, 3)
        assert list(iter_pixels(images, Preprocessing(size, size), 5)) == []


def test_wrong_batch_size_and_workers_are_refused_at_once():
    images = ArrayImages(np.zeros((1, 4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="batch_size must be an int >= 1"):
        iter_pixels(images, Preprocessing(4, 4), 0)
    with pytest.raises(InputError, match="workers must be an int >= 0"):
        load_pixels(images, Preprocessing(4, 4), workers=-1)
