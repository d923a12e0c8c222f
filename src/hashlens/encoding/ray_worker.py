"""What a Ray worker does: takes a shard, encodes it with a model that stays loaded, writes it."""

import hashlib
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens import __version__
from hashlens.checks import refuse
from hashlens.data import EncodedImages
from hashlens.data.sheet import Sheet
from hashlens.encoding.shard import ShardTask, encode_shard, one_thread
from hashlens.errors import HashlensError
from hashlens.model import Model

Files = dict[str, NDArray[np.uint8]]
"""A model: what is in each file of its folder."""

_MODELS: dict[tuple[str, int], Model] = {}


class Sent(NamedTuple):
    """What is sent to a worker with each shard.

    Attributes
    ----------
    task : ShardTask
    model_file : str
        The file of the model whose SHA-256 the shard names.
    version : str
        The version of hashlens that gives the work.
    sees_files : bool
        Whether who gives the work can see at least one file of the shard.
    """

    task: ShardTask
    model_file: str
    version: str
    sees_files: bool


class UnseenError(HashlensError):
    """A machine does not see the files or the folder that the others see."""


def read_files(folder: Path, names: tuple[str, ...]) -> Files:
    """Read the files of a model, to be sent."""
    return {name: np.frombuffer((folder / name).read_bytes(), np.uint8) for name in names}


def encode_sent(sent: Sent, fetch: Callable[[], Files]) -> int:
    """Encode a shard; give its number of images.

    Parameters
    ----------
    sent : Sent
    fetch : callable
        Gives the files of the model; called where it is not loaded yet.

    Raises
    ------
    InputError
        If this machine has another version of hashlens.
    UnseenError
        If it does not see the files or the folder.
    """
    if sent.version != __version__:
        raise refuse("hashlens", f"version {sent.version} on every node", __version__)
    task = sent.task
    if not task.path.parent.is_dir():
        raise UnseenError(_unseen("out", f"no folder {task.path.parent}"))
    if sent.sees_files and not sees_a_file(task):
        raise UnseenError(_unseen("images", f"none of the {task.header.n_images} of a shard"))
    with one_thread():
        encode_shard(_model(sent, fetch), task)
    return task.header.n_images


def sees_a_file(task: ShardTask) -> bool:
    """Say whether one of the files of a shard is there; images without a file count as seen."""
    if isinstance(task.part, Sheet):
        return task.part.path.is_file()
    images = task.part.images
    if not isinstance(images, EncodedImages):
        return True
    return any(isinstance(source, bytes) or source.is_file() for source in images.sources)


def _unseen(what: str, got: str) -> str:
    return f"{what} must be on a disk that every node sees. Got {got} on {socket.gethostname()}."


def _model(sent: Sent, fetch: Callable[[], Files]) -> Model:
    wanted = sent.task.header
    key = wanted.model_sha256, wanted.n_bits
    if key not in _MODELS:
        _MODELS.clear()
        _MODELS[key] = _load(sent, fetch())
    return _MODELS[key]


def _load(sent: Sent, files: Files) -> Model:
    wanted = sent.task.header
    digest = hashlib.sha256(files[sent.model_file].tobytes()).hexdigest()
    if digest != wanted.model_sha256:
        raise refuse("model", f"as it was when the encoding began, {wanted.model_sha256}", digest)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content.tobytes())
        model = Model.load(folder)
    return model if model.n_bits == wanted.n_bits else model.shortened(wanted.n_bits)
