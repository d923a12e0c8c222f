"""Small files that want much: memory, time, or both."""

import struct
import zlib
from functools import cache

import numpy as np
from benchmarks.reliability._photos import as_bytes
from benchmarks.reliability._sound import Case
from PIL import Image

_SIDE = 60_000  # pixels: 60,000 x 60,000 are beyond any limit
_PNG = b"\x89PNG\r\n\x1a\n"


@cache
def _packed(content: bytes, times: int) -> bytes:
    """Compress many copies of a content, one behind the other."""
    packed = zlib.compressobj(9)
    return b"".join(packed.compress(content) for _ in range(times)) + packed.flush()


def refused(kind: str, name: str, content: bytes) -> Case:
    return Case(kind, name.encode(), content, "refused")


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    crc = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)


def png(width: int, height: int, *chunks: bytes, depth_and_colour: bytes = b"\x08\x02") -> bytes:
    header = chunk(b"IHDR", struct.pack(">II", width, height) + depth_and_colour + bytes(3))
    return _PNG + header + b"".join(chunks) + chunk(b"IEND", b"")


def huge_header(photo: Image.Image, rng: np.random.Generator) -> Case:
    """A header that announces 3,600 million pixels, with the data of few behind it."""
    form = ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM"][rng.integers(7)]
    content = bytearray(as_bytes(photo.quantize() if form == "GIF" else photo, form))
    if form == "PNG":
        content = bytearray(png(_SIDE, _SIDE, chunk(b"IDAT", zlib.compress(bytes(1000)))))
    elif form == "JPEG":
        at = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
        content[at + 5 : at + 9] = struct.pack(">HH", _SIDE, _SIDE)
    elif form == "GIF":
        content[6:10] = struct.pack("<HH", _SIDE, _SIDE)
    elif form == "WEBP":
        canvas = (16_383).to_bytes(3, "little") * 2  # the largest there is: 268 million pixels
        body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas + content[12:]
        content = bytearray(b"RIFF" + struct.pack("<I", len(body)) + body)
    elif form == "BMP":
        content[18:26] = struct.pack("<ii", _SIDE, _SIDE)
    elif form == "TIFF":
        content = bytearray(tiff([(256, 4, 1, _SIDE), (257, 4, 1, _SIDE), *_GREY]))
    else:
        content = bytearray(b"P6 %d %d 255\n" % (_SIDE, _SIDE)) + bytes(1000)
    return refused("pixel bomb", f"bomb.{form.lower()}", bytes(content))


_GREY = [(258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 100)]


def tiff(entries: list[tuple[int, int, int, int]], tail: bytes = b"") -> bytes:
    """A TIFF of one directory: (tag, type, count, value or place)."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + tail


def _shared(n_entries: int, n_bytes: int) -> bytes:
    """Many tags that all name the same bytes: read one by one they are n_entries times as much."""
    known = [(256, 3, 1, 4), (257, 3, 1, 4), *_GREY]
    many = [(tag, 1, n_bytes, 8) for tag in range(30_000, 30_000 + n_entries)]
    return tiff(known + many, bytes(n_bytes))


def tag_bomb(_photo: Image.Image, rng: np.random.Generator) -> Case:
    """A megabyte that becomes gigabytes, as a TIFF or as the EXIF of a PNG."""
    content = _shared(8_000, 1_000_000)
    if rng.integers(2):
        return Case("metadata bomb", b"tags.tif", content, "either")
    content = png(4, 4, chunk(b"eXIf", content), chunk(b"IDAT", zlib.compress(bytes(52))))
    return Case("metadata bomb", b"tags.png", content, "either")


def text_bomb(_photo: Image.Image, rng: np.random.Generator) -> Case:
    """A text or a colour profile of a few kilobytes that unpacks to 200 MB."""
    zeros = _packed(bytes(1_000_000), 200)
    name = [b"zTXt", b"iCCP", b"iTXt"][rng.integers(3)]
    start = b"comment\0\1\0\0\0" if name == b"iTXt" else b"comment\0\0"
    pixels = chunk(b"IDAT", zlib.compress(bytes(52)))
    content = png(4, 4, chunk(name, start + zeros), pixels)
    return Case("text bomb", f"{name.decode()}.png".encode(), content, "either")


def many_scans(_photo: Image.Image, _rng: np.random.Generator) -> Case:
    """A progressive JPEG whose picture is gone over thousands of times."""
    grey = Image.new("L", (3000, 3000), 128)
    content = as_bytes(grey, "JPEG", progressive=True)
    scan = content[content.rfind(b"\xff\xda") : -2]
    return refused("JPEG of many scans", "scans.jpg", content[:-2] + scan * 20_000 + content[-2:])


def many_frames(photo: Image.Image, rng: np.random.Generator) -> Case:
    """A GIF of 20,000 frames, of which the first alone is asked for."""
    small = photo.resize((16, 16)).quantize()
    content = as_bytes(small, "GIF")
    frame = content[content.index(b",") : -1]
    wanted = np.asarray(small.convert("RGB"))
    n = int(rng.integers(5_000, 20_000))
    return Case("many frames", b"frames.gif", content[:-1] + frame * n + b";", "sound", wanted)


def directory_circle(photo: Image.Image, _rng: np.random.Generator) -> Case:
    """A TIFF whose directory names itself as the next."""
    content = bytearray(as_bytes(photo, "TIFF"))
    (at,) = struct.unpack("<I", content[4:8])
    (n,) = struct.unpack("<H", content[at : at + 2])
    content[at + 2 + 12 * n : at + 6 + 12 * n] = struct.pack("<I", at)
    wanted = np.asarray(photo)
    return Case("TIFF in a circle", b"circle.tif", bytes(content), "sound", wanted)


def huge_tile(_photo: Image.Image, _rng: np.random.Generator) -> Case:
    """A TIFF of 4 x 4 pixels in a tile of 30,000 x 30,000."""
    tiles = [(322, 4, 1, 30_000), (323, 4, 1, 30_000), (324, 4, 1, 8), (325, 4, 1, 99)]
    known = [(256, 3, 1, 4), (257, 3, 1, 4), *_GREY[:3], *tiles]
    packed = [entry if entry[0] != 259 else (259, 3, 1, 8) for entry in known]
    content = tiff(packed, zlib.compress(bytes(10_000)))
    return refused("huge tile", "tile.tif", content)


def large_but_allowed(_photo: Image.Image, rng: np.random.Generator) -> Case:
    """As many pixels as are allowed, in a file of a hundred kilobytes."""
    colour, n_channels = [(b"\x08\x00", 1), (b"\x08\x02", 3), (b"\x08\x06", 4), (b"\x10\x00", 2)][
        rng.integers(4)
    ]
    pixels = chunk(b"IDAT", _packed(bytes(100 * (10_000 * n_channels + 1)), 100))
    content = png(10_000, 10_000, pixels, depth_and_colour=colour)
    return Case("as large as allowed", f"large-{n_channels}.png".encode(), content, "sound")


BOMBS = (huge_header, huge_header, huge_header, tag_bomb, text_bomb, many_scans, many_frames)
BOMBS += (directory_circle, huge_tile)
