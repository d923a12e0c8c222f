"""Small files that ask for much work are refused before it is done."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from hashlens.data import decode_image
from hashlens.errors import ImageError

GREY = Image.new("L", (800, 800), 128)


def jpeg(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def with_scans(content: bytes, n: int) -> bytes:
    """Repeat the last scan of a JPEG n times more."""
    scan = content[content.rfind(b"\xff\xda") : -2]
    return content[:-2] + scan * n + content[-2:]


def test_a_jpeg_of_many_scans_is_refused_at_once() -> None:
    hostile = with_scans(jpeg(GREY, progressive=True), 5_000)
    assert len(hostile) < 100_000
    started = time.monotonic()
    with pytest.raises(ImageError, match=r"over its 640000 pixels 3126 times or more"):
        decode_image(hostile)
    assert time.monotonic() - started < 1


def test_scans_within_reason_are_read() -> None:
    for n in (0, 10, 100):
        assert decode_image(with_scans(jpeg(GREY, progressive=True), n)).shape == (800, 800, 3)
    assert decode_image(jpeg(GREY, progressive=True), max_pixels=640_000).shape == (800, 800, 3)
    with pytest.raises(ImageError, match="too much work"):
        decode_image(with_scans(jpeg(GREY, progressive=True), 30), max_pixels=640_000)


def test_what_looks_like_scans_elsewhere_does_not_count() -> None:
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    scans = b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 6_000
    for progressive in (False, True):
        sound = jpeg(photo, progressive=progressive)
        behind = sound + scans * 10  # as a film behind a picture of a telephone has
        inside = sound[:2] + b"\xff\xe5" + (60_002).to_bytes(2) + scans[:60_000] + sound[2:]
        for content in (behind, inside):
            image = decode_image(content, max_pixels=5000)
            np.testing.assert_array_equal(image, decode_image(sound))


def test_scans_beyond_the_first_megabyte_count() -> None:
    sound = jpeg(GREY, progressive=True)
    comments = (b"\xff\xfe\xff\xff" + bytes(65_533)) * 20
    hostile = with_scans(sound[:2] + comments + sound[2:], 5_000)
    with pytest.raises(ImageError, match="too much work"):
        decode_image(hostile)
    assert decode_image(sound[:2] + comments + sound[2:]).shape == (800, 800, 3)


@pytest.mark.parametrize("side", [16, 16_384])
def test_huge_tiles_are_refused(side: int) -> None:
    data = zlib.compress(bytes(side * side)) if side == 16 else b"xyz"
    tags = {256: 4, 257: 4, 258: 8, 259: 8, 262: 1, 322: side, 323: side}
    tags |= {324: 8 + 2 + 12 * 9 + 4, 325: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    content = b"II*\0" + struct.pack("<IH", 8, 9) + entries + bytes(4) + data
    if side == 16:
        assert decode_image(content).shape == (4, 4, 3)
        return
    with pytest.raises(ImageError, match="tiles of 16384 x 16384 pixels, more than the limit"):
        decode_image(content)


def test_strips_on_white_are_seamless(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (50, 20, 4), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    whole = decode_image(file.getvalue())
    monkeypatch.setattr("hashlens.data.decode._STRIP_PIXELS", 60)
    np.testing.assert_array_equal(decode_image(file.getvalue()), whole)
