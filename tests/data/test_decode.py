import io
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashlens.data import BytesImages, FileImages, Preprocessing, decode_image, load_pixels
from hashlens.errors import FormatError, ImageError, InputError

RNG = np.random.default_rng(0)
PHOTO = np.kron(RNG.integers(0, 256, (6, 9, 3)), np.ones((4, 4, 1))).astype(np.uint8)


def encoded(image, fmt="PNG", **options):
    file = io.BytesIO()
    image.save(file, fmt, **options)
    return file.getvalue()


def of(array, mode=None, fmt="PNG", **options):
    return encoded(Image.fromarray(array, mode) if mode is None else array, fmt, **options)


def test_png_round_trips_from_bytes_path_and_str(tmp_path):
    path = tmp_path / "no extension"
    path.write_bytes(of(PHOTO))
    for source in (of(PHOTO), path, str(path)):
        image = decode_image(source)
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, PHOTO)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation):
    # How a camera stores an upright scene under each orientation tag (EXIF 2.3, table 4.6.4).
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](PHOTO)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for fmt in ("PNG", "TIFF"):
        blob = of(np.ascontiguousarray(stored), fmt=fmt, exif=exif)
        np.testing.assert_array_equal(decode_image(blob), PHOTO)


def test_damaged_exif_keeps_the_picture():
    blob = of(PHOTO, fmt="WEBP", lossless=True, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    np.testing.assert_array_equal(decode_image(blob), PHOTO)


def test_grey_and_palette():
    grey = PHOTO[..., 0]
    np.testing.assert_array_equal(decode_image(of(grey)), np.repeat(grey[..., None], 3, 2))
    palette = Image.fromarray(grey).convert("P")
    np.testing.assert_array_equal(decode_image(encoded(palette))[..., 0], grey)


def test_one_bit_is_black_and_white():
    bits = PHOTO[..., 0] > 127
    image = decode_image(encoded(Image.fromarray(bits)))
    np.testing.assert_array_equal(image[..., 1], np.where(bits, 255, 0))


@pytest.mark.parametrize("alpha", [0, 51, 255])
def test_transparency_is_laid_on_white(alpha):
    rgba = np.dstack([PHOTO, np.full(PHOTO.shape[:2], alpha, np.uint8)])
    share = alpha / 255
    wanted = PHOTO * share + 255 * (1 - share)
    assert np.abs(decode_image(of(rgba)) - wanted).max() <= 1
    grey_alpha = np.ascontiguousarray(rgba[..., [0, 3]])
    image = decode_image(encoded(Image.fromarray(grey_alpha, "LA")))
    assert np.abs(image - wanted[..., :1]).max() <= 1


def test_transparent_palette_and_key_colour():
    palette = Image.fromarray(PHOTO[..., 0]).convert("P")
    blob = encoded(palette, transparency=int(PHOTO[0, 0, 0]))
    assert decode_image(blob)[0, 0].tolist() == [255, 255, 255]
    blob = encoded(Image.fromarray(PHOTO), transparency=tuple(PHOTO[0, 0].tolist()))
    assert decode_image(blob)[0, 0].tolist() == [255, 255, 255]


def test_16_bit_is_scaled_not_clipped():
    deep = np.array([[0, 128, 257, 32768, 65535, 300]], np.uint16)
    wanted = [0, 0, 1, 128, 255, 1]
    assert decode_image(of(deep))[0, :, 2].tolist() == wanted
    assert decode_image(of(deep, fmt="TIFF"))[0, :, 0].tolist() == wanted


def test_32_bit_integers():
    as_16 = np.array([[0, 65535, 257]], np.int32)
    assert decode_image(of(as_16, fmt="TIFF"))[0, :, 0].tolist() == [0, 255, 1]
    wide = np.array([[-100, 0, 99_900]], np.int32)
    assert decode_image(of(wide, fmt="TIFF"))[0, :, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 2.0, 255.0], [0, 2, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 500.0, 1000.0], [0, 128, 255]),
    ],
)
def test_floats(values, wanted):
    blob = of(np.array([values], np.float32), fmt="TIFF")
    assert decode_image(blob)[0, :, 0].tolist() == wanted


def test_floats_that_are_not_finite_are_refused():
    blob = of(np.array([[0.0, np.nan]], np.float32), fmt="TIFF")
    with pytest.raises(ImageError, match="not finite"):
        decode_image(blob)


def test_cmyk_jpeg_with_and_without_adobe_marker():
    white = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    image = decode_image(encoded(white, "JPEG"))
    assert image.min() >= 250
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(decode_image(encoded(red, "JPEG"))[8, 8] - np.array([255.0, 0, 0])).max() < 12


def test_animation_gives_its_first_frame():
    frames = [Image.fromarray(np.full((8, 8, 3), v, np.uint8)) for v in (10, 200)]
    for fmt, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        blob = encoded(frames[0], fmt, save_all=True, append_images=frames[1:], **options)
        assert np.abs(decode_image(blob).astype(int) - 10).max() <= 1


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "is empty"),
        (b"hello, I am text", "not an image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
        (of(PHOTO)[:-60], "damaged or truncated"),
        (encoded(Image.new("RGB", (64, 64)), "JPEG")[:-200], "damaged or truncated"),
        (encoded(Image.new("RGB", (11, 10))), "11 x 10 pixels, more than the limit of 100"),
    ],
)
def test_bad_bytes_say_why(blob, reason):
    with pytest.raises(ImageError, match=reason) as caught:
        decode_image(blob, max_pixels=100 if "limit" in reason else 10**6, name="x.png")
    assert caught.value.name == "x.png"
    assert str(caught.value) == f"x.png: {caught.value.reason}"
    assert isinstance(caught.value, FormatError)


def test_a_large_jpeg_is_decoded_no_larger_than_enough():
    large = Image.fromarray(PHOTO).resize((1200, 800), Image.Resampling.BICUBIC)
    blob = encoded(large, "JPEG", quality=90)
    shapes = {n: decode_image(blob, enough=n).shape for n in (801, 400, 200, 30)}
    assert shapes == {
        801: (800, 1200, 3),
        400: (400, 600, 3),
        200: (200, 300, 3),
        30: (100, 150, 3),
    }
    for fmt in ("PNG", "WEBP"):
        assert decode_image(encoded(large, fmt), enough=30).shape == (800, 1200, 3)
    with pytest.raises(InputError, match="enough must be an int >= 1"):
        decode_image(blob, enough=0)


def test_a_large_jpeg_looks_the_same_when_decoded_smaller(tmp_path):
    large = Image.fromarray(PHOTO).resize((1200, 800), Image.Resampling.BICUBIC)
    blob = encoded(large, "JPEG", quality=95)
    (tmp_path / "a.jpg").write_bytes(blob)
    for size in (Preprocessing(32, 32), Preprocessing(48, 40, 1, resize="crop")):
        whole = size.apply(decode_image(blob)).astype(int)
        smaller = BytesImages([blob]).prepared(0, size)
        assert np.abs(smaller - whole).mean() < 1
        for n_workers in (0, 1):
            loaded = load_pixels(FileImages([tmp_path / "a.jpg"]), size, workers=n_workers)
            np.testing.assert_array_equal(loaded.pixels[0], smaller)


@pytest.mark.parametrize("side", [12_000, 20_000, 65_000])
def test_a_bomb_is_refused_before_its_pixels_and_without_a_warning(side):
    # A header that announces many pixels, with next to no data behind it.
    header = b"P5 %d %d 255 " % (side, side)
    with pytest.raises(ImageError, match=r"more .*pixels|pixels, more"):
        decode_image(header + b"x" * 100)


def test_the_limit_is_inclusive_and_pillows_warning_stays_inside():
    with pytest.raises(ImageError, match="damaged or truncated"):
        decode_image(b"P5 9500 9500 255 ", max_pixels=9500 * 9500)


def test_missing_folder_and_impossible_paths(tmp_path):
    with pytest.raises(ImageError, match="No such file"):
        decode_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="not a regular file"):
        decode_image(tmp_path)
    with pytest.raises(ImageError, match=r"nul.*possible path"):
        decode_image("nul\0.jpg")


def test_arguments_are_checked():
    with pytest.raises(InputError, match=r"source must be a path or bytes\. Got int"):
        decode_image(3)
    with pytest.raises(InputError, match="max_pixels must be an int >= 1"):
        decode_image(b"x", max_pixels=0)


def test_the_callers_warning_filters_are_left_as_they_were():
    before = list(warnings.filters)
    threads = [
        threading.Thread(target=lambda: [decode_image(of(PHOTO)) for _ in range(30)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def seeds():
    grey, rgba = PHOTO[..., 0], np.dstack([PHOTO, PHOTO[..., 0]])
    frames = [Image.fromarray(PHOTO[::-1])]
    return [
        of(PHOTO),
        of(rgba),
        of(grey.astype(np.uint16) * 200),
        of(PHOTO, fmt="JPEG"),
        of(PHOTO, fmt="JPEG", progressive=True),
        encoded(Image.fromarray(PHOTO).convert("CMYK"), "JPEG"),
        of(PHOTO, fmt="GIF", save_all=True, append_images=frames),
        of(PHOTO, fmt="BMP"),
        of(PHOTO, fmt="WEBP"),
        of(PHOTO, fmt="PPM"),
        of(PHOTO, fmt="TIFF", compression="tiff_lzw"),
        of(PHOTO, fmt="TIFF", compression="jpeg"),
        of(grey.astype(np.float32), fmt="TIFF"),
    ]


def broken(rng, blob):
    kind = rng.integers(4)
    if kind == 0:
        return blob[: rng.integers(0, len(blob))]
    data = bytearray(blob)
    # Headers break decoders in more ways than pixels do: half of the flips go there.
    reach = min(64, len(data)) if kind == 1 else len(data)
    for _ in range(rng.integers(1, 12)):
        data[rng.integers(0, reach)] = rng.integers(0, 256)
    at = int(rng.integers(0, len(data)))
    return bytes(data) if kind < 3 else bytes(data[:at] + rng.bytes(20) + data[at:])


def test_fuzz_gives_an_image_or_an_image_error(tmp_path):
    rng = np.random.default_rng(7)
    blobs = [broken(rng, blob) for blob in seeds() for _ in range(24)]
    blobs += [rng.bytes(int(n)) for n in rng.integers(0, 300, 20)]
    outcomes = set()
    for i, blob in enumerate(blobs):
        source: bytes | Path = blob
        if i % 3 == 0:
            source = tmp_path / f"{i}{rng.choice(['.jpg', '.png', '.txt', ''])}"
            source.write_bytes(blob)
        try:
            image = decode_image(source, max_pixels=4_000_000)
        except ImageError as error:
            outcomes.add("error" if error.reason else "no reason")
        else:
            assert image.dtype == np.uint8
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert image.size > 0
            outcomes.add("image")
    assert outcomes == {"error", "image"}
