"""What a collection is to be, before there is one: the same in each engine."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from hashlens.model import Model
from hashlens.model_store import MODEL_FILE, WEIGHTS_FILE
from hashlens.whole_file import sync_folder, whole_file


class NewCollection(NamedTuple):
    """What an empty collection is made from.

    Attributes
    ----------
    n_bits : int
    n_features : int
        Numbers kept of an item to re-rank by; 0 where none are.
    keep_pictures : bool
        As for `Collection.create`.
    write_model : callable
        Writes the model's files into a new folder, which it is given.
    """

    n_bits: int
    n_features: int
    keep_pictures: bool
    write_model: Callable[[Path], object]

    @classmethod
    def of(cls, model: Model, *, store_features: bool, keep_pictures: bool) -> Self:
        """Plan a collection for what a model encodes."""
        nothing = model.embed_pixels(np.empty((0, *model.preprocessing.shape), np.uint8))
        n_features = nothing.features.shape[1] if store_features else 0
        return cls(model.n_bits, n_features, keep_pictures, model.save)


def copying_model(saved: Path) -> Callable[[Path], None]:
    """Give what writes the files of a saved model as they are, byte for byte."""
    return partial(_copy_model, saved)


def _copy_model(saved: Path, folder: Path) -> None:
    folder.mkdir()
    for name in MODEL_FILE, WEIGHTS_FILE:
        with whole_file(folder / name) as unfinished:
            shutil.copyfile(saved / name, unfinished)
    sync_folder(folder)
