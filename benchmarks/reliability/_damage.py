"""Files that are damaged, or no images at all."""

import numpy as np
from benchmarks.reliability._photos import as_bytes
from benchmarks.reliability._sound import Case
from PIL import Image

_FORMS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM")
_STRICT = ("JPEG", "PNG")  # a part of such a file is never taken for the whole
_OTHERS = {
    "page.jpg": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='/etc/passwd'/></svg>",
    "paper.jpg": b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n%%EOF",
    "script.gif": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n",
    "packed.jpg": b"PK\3\4" + bytes(200),
    "film.jpg": b"\0\0\0\x20ftypisom" + bytes(500),
    "pointer.jpg": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "text.png": b"hello, I am text" * 20,
}


def _encoded(photo: Image.Image, rng: np.random.Generator) -> tuple[str, bytes]:
    form = _FORMS[rng.integers(len(_FORMS))]
    return form, as_bytes(photo.quantize() if form == "GIF" else photo, form)


def truncated(photo: Image.Image, rng: np.random.Generator) -> Case:
    form, content = _encoded(photo, rng)
    cut = content[: int(rng.uniform(0.02, 0.95) * len(content))]
    want = "refused" if form in _STRICT else "either"
    return Case("truncated", f"cut.{form.lower()}".encode(), cut, want)


def zeroed(photo: Image.Image, rng: np.random.Generator) -> Case:
    """A block of the file is zeros, as a disk or a broken download leaves it."""
    form, content = _encoded(photo, rng)
    changed = bytearray(content)
    at = int(rng.integers(0, len(content)))
    changed[at : at + 4096] = bytes(len(changed[at : at + 4096]))
    return Case("zeroed block", f"hole.{form.lower()}".encode(), bytes(changed), "either")


def flipped(photo: Image.Image, rng: np.random.Generator) -> Case:
    form, content = _encoded(photo, rng)
    changed = bytearray(content)
    # Half of the flips in the header, where they do the most.
    for _ in range(int(rng.integers(1, 30))):
        end = len(content) if rng.integers(2) else min(400, len(content))
        changed[rng.integers(end)] ^= 1 << int(rng.integers(8))
    return Case("flipped bytes", f"flip.{form.lower()}".encode(), bytes(changed), "either")


def spliced(photo: Image.Image, rng: np.random.Generator) -> Case:
    """The start of one file with the rest of another."""
    (form, one), (_, other) = _encoded(photo, rng), _encoded(photo.rotate(180), rng)
    at = int(rng.uniform(0.01, 0.9) * len(one))
    return Case("spliced", f"splice.{form.lower()}".encode(), one[:at] + other[at:], "either")


def nothing(photo: Image.Image, rng: np.random.Generator) -> Case:
    length = len(as_bytes(photo))
    name, content = [
        ("empty.jpg", b""),
        ("one.png", b"\x89"),
        ("zeros.jpg", bytes(length)),
        ("noise.jpg", rng.bytes(length)),
        ("signature.jpg", b"\xff\xd8\xff" + rng.bytes(length)),
    ][rng.integers(5)]
    return Case("no image data", name.encode(), content, "refused")


def another_kind(_photo: Image.Image, rng: np.random.Generator) -> Case:
    name = list(_OTHERS)[rng.integers(len(_OTHERS))]
    return Case("another kind of file", name.encode(), _OTHERS[name], "refused")


DAMAGE = (truncated, truncated, zeroed, flipped, flipped, spliced, nothing, another_kind)
