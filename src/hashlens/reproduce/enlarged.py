"""A data set made as large as wanted by augmented copies, encoded into files, block by block."""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.codes import Codes
from hashlens.data import Dataset, load_pixels
from hashlens.data.digests import pixel_digests
from hashlens.errors import FormatError
from hashlens.model import Embedding, Model
from hashlens.reproduce.copies import Copies, Pixels, block_pixels
from hashlens.watcher import Watcher
from hashlens.whole_file import whole_file

TURNED = 0.5  # bits a code, on average, by which a model may differ from itself
RESERVE_BYTES = 1 << 28  # of the disk that stay free
_STATE = "progress.json"


@dataclass(frozen=True)
class Enlarged:
    """The encoded items; the arrays lie in files and are read as they are used.

    Attributes
    ----------
    features : float32 (n_items, d)
    codes : uint8 (n_items, ceil(n_bits / 8))
    digests : uint64 (n_items,)
        Of each item's pixels.
    labels : int64 (n_items,), or bool (n_items, n_classes)
    n_images : int
        How many of the items, the first ones, are no copies.
    n_bits : int
    seconds : float
        That the encoding took, over all runs.
    """

    features: NDArray[np.float32]
    codes: Codes
    digests: NDArray[np.uint64]
    labels: NDArray[Any]
    n_images: int
    n_bits: int
    seconds: float

    def __len__(self) -> int:
        return len(self.codes)


def enlarge(
    model: Model, data: Dataset, folder: Path, copies: Copies, watcher: Watcher | None = None
) -> Enlarged:
    """Encode a data set and augmented copies of it into files in a folder.

    A run that was interrupted goes on behind the last block it wrote. The copies of a block depend
    on the seed and the number of the block alone, so the files come out the same.

    Parameters
    ----------
    model : Model
    data : Dataset
        With labels. Its decoded images stay in memory.
    folder : Path
        New or empty, or that of an earlier run with the same model, data and copies.
    copies : Copies
    watcher : Watcher, optional

    Returns
    -------
    enlarged : Enlarged

    Raises
    ------
    InputError
        If the data have no labels, the folder is of another run, or the disk is too small.
    FormatError
        If the record of an earlier run is damaged.
    """
    watcher = watcher or Watcher()
    if data.labels is None:
        raise refuse("the data", "labelled, to be measured on", data.name)
    loaded = load_pixels(data.images, model.preprocessing, progress=watcher.advance)
    if not len(loaded.pixels):
        raise refuse("the data", "at least one readable image", data.name)
    pixels = loaded.pixels[: copies.n_items]
    arrays = _opened(model, pixels, folder, copies, watcher)
    done, seconds = _done(folder)
    watcher.stage(f"encoding {data.name} and copies", copies.n_items)
    for start in range(done, copies.n_items, copies.block):
        began = time.perf_counter()
        stop = min(start + copies.block, copies.n_items)
        _write(arrays, start, block_pixels(pixels, copies, start // copies.block), model)
        seconds += time.perf_counter() - began
        _record(folder, copies, len(pixels), (stop, seconds))
        watcher.advance(stop, copies.n_items)
    features, codes, digests = (array.view(np.ndarray) for array in arrays.values())
    labels = np.asarray(data.labels)[loaded.kept][np.arange(copies.n_items) % len(pixels)]
    return Enlarged(features, codes, digests, labels, len(pixels), model.n_bits, seconds)


def _write(arrays: dict[str, Any], start: int, pixels: Pixels, model: Model) -> None:
    embedded = model.embed_pixels(pixels)
    rows = slice(start, start + len(pixels))
    arrays["features"][rows] = embedded.features
    arrays["codes"][rows] = embedded.codes
    arrays["digests"][rows] = pixel_digests(pixels)
    for array in arrays.values():
        array.flush()


def _opened(
    model: Model, pixels: Pixels, folder: Path, copies: Copies, watcher: Watcher
) -> dict[str, Any]:
    """Open the three files of a folder, or make them."""
    probe = model.embed_pixels(pixels[: min(64, copies.block)])
    shapes: dict[str, tuple[Any, tuple[int, ...]]] = {
        "features": (np.float32, (copies.n_items, probe.features.shape[1])),
        "codes": (np.uint8, (copies.n_items, probe.codes.shape[1])),
        "digests": (np.uint64, (copies.n_items,)),
    }
    paths = {name: folder / f"{name}.npy" for name in shapes}
    if (folder / _STATE).exists():
        _check_plan(folder, copies, len(pixels))
        arrays = {name: np.lib.format.open_memmap(path, "r+") for name, path in paths.items()}
        if not _same(arrays, probe, pixels, _done(folder)[0] > 0):
            raise refuse("folder", "a new folder, or one of this model and these data", str(folder))
        return arrays
    if folder.exists() and any(folder.iterdir()):
        raise refuse("folder", "a new folder, or one of an earlier run", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    size = sum(np.dtype(kind).itemsize * int(np.prod(shape)) for kind, shape in shapes.values())
    check_disk(folder, size)
    watcher.note(f"writing {size / 1e6:,.0f} MB to {folder}")
    arrays = {
        name: np.lib.format.open_memmap(paths[name], "w+", kind, shape)
        for name, (kind, shape) in shapes.items()
    }
    _record(folder, copies, len(pixels), (0, 0.0))
    return arrays


def check_disk(folder: Path, size: int) -> None:
    """Raise InputError unless so many bytes, and a reserve, are free on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    if free < size + RESERVE_BYTES:
        wanted = f"on a disk with {(size + RESERVE_BYTES) / 1e6:,.0f} MB free"
        raise refuse("folder", wanted, words(f"{free / 1e6:,.0f} MB"))


def _record(folder: Path, copies: Copies, n_images: int, done: tuple[int, float]) -> None:
    state = {"copies": asdict(copies), "n_images": n_images, "done": done[0], "seconds": done[1]}
    with whole_file(folder / _STATE) as partial:
        partial.write_text(json.dumps(state), "utf-8")


def _done(folder: Path) -> tuple[int, float]:
    """Items that are encoded, and the seconds that it took."""
    state = _state(folder)
    return int(state["done"]), float(state["seconds"])


def _state(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / _STATE).read_text("utf-8")))
    except ValueError as error:
        raise FormatError(f"{folder / _STATE} must be as it was written. Got {error}.") from error


def _check_plan(folder: Path, copies: Copies, n_images: int) -> None:
    state = _state(folder)
    if state["copies"] != asdict(copies) or state["n_images"] != n_images:
        wanted = f"{n_images} images enlarged by {asdict(copies)}"
        raise refuse("folder", f"a new folder, or one of {wanted}", str(folder))


def _same(arrays: dict[str, Any], probe: Embedding, pixels: Pixels, begun: bool) -> bool:
    """Whether the files are of this model and these images: the first rows, once written, say."""
    n = len(probe.codes)
    widths = [arrays[name].shape[1] for name in ("features", "codes")]
    same = widths == [probe.features.shape[1], probe.codes.shape[1]]
    if same and begun:
        # the sums of a larger batch differ in the last places, and a bit may turn by that
        near = np.allclose(arrays["features"][:n], probe.features, rtol=1e-3, atol=1e-3)
        turned = np.bitwise_count(arrays["codes"][:n] ^ probe.codes).sum(axis=1)
        near = near and float(turned.mean()) < TURNED
        same = near and np.array_equal(arrays["digests"][:n], pixel_digests(pixels[:n]))
    return same
