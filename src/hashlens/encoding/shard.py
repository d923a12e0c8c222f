"""One shard: its images read, decoded, encoded and written."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hashlens.data import Dataset, Skipped
from hashlens.data.candidates import Candidate, look_at
from hashlens.encoding.plan import Part, loaded
from hashlens.encoding.shard_file import CodeRows, write_shard
from hashlens.encoding.shard_header import Header
from hashlens.errors import ImageError
from hashlens.model import Embedding, Model, Progress
from hashlens.vectors import as_stored_vectors

BATCH_SIZE = 256
"""Images that a model sees at once, counted from the start of their shard."""


@dataclass(frozen=True)
class ShardTask:
    """A shard to be encoded.

    Attributes
    ----------
    path : Path
        Its file, in a folder that exists.
    header : Header
        What it is to say of itself, without the images that turn out to be bad.
    part : Dataset or Sheet
        Its images.
    features : bool
        Whether features are kept.
    strict : bool
        Whether a bad image is an error.
    workers : int
        Processes that decode; 0: threads.
    """

    path: Path
    header: Header
    part: Part
    features: bool
    strict: bool
    workers: int


@contextmanager
def one_thread() -> Iterator[None]:
    """Let each network and matrix product be computed by one thread of this process.

    Several would add the parts of a sum in another order, and round otherwise.
    """
    torch = sys.modules.get("torch")  # a model that needs it has loaded it
    before = torch.get_num_threads() if torch else 1
    with threadpool_limits(1):
        try:
            if torch:
                torch.set_num_threads(1)
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


def encode_shard(model: Model, task: ShardTask, progress: Progress | None = None) -> Header:
    """Encode the images of a shard and write its file.

    Batches are those of the shard alone. Within `one_thread` the file is the same whichever
    process writes it, on machines of one kind. Images that are bad are left out, and named in it.

    Parameters
    ----------
    model : Model
    task : ShardTask
    progress : callable, optional
        Called as ``progress(done, total)`` after each batch; what it raises ends the work.

    Returns
    -------
    header : Header
        What the file says of itself.

    Raises
    ------
    ImageError
        For the first bad image, where the task is strict.
    """
    data = loaded(task.part)
    good, bad = _looked_at(data, task.strict)
    chosen = data.images.subset([candidate.position for candidate in good])
    embedding = model.embed(
        chosen,
        batch_size=BATCH_SIZE,
        strict=task.strict,
        workers=task.workers,
        progress=progress,
    )
    left_out = np.setdiff1d(np.arange(len(good)), embedding.kept).tolist()
    for i, (_, reason) in zip(left_out, embedding.skipped, strict=True):
        bad[good[i].position] = reason
    skipped = tuple(Skipped(data.images.name(i), bad[i]) for i in sorted(bad))
    header = replace(task.header, skipped=skipped)
    rows = _rows([good[i] for i in embedding.kept.tolist()], embedding, task.features)
    write_shard(task.path, header, rows)
    return header


def _looked_at(data: Dataset, strict: bool) -> tuple[list[Candidate], dict[int, str]]:
    """Give the images whose files can be read, and by their positions why others cannot."""
    good, bad = [], {}
    for i in range(len(data)):
        try:
            candidate = look_at(data, i)
            candidate.path.encode()
            good.append(candidate)
        except ImageError as error:
            if strict:
                raise
            bad[i] = error.reason
        except UnicodeEncodeError:
            bad[i] = "has a name that is not valid Unicode"
    return good, bad


def _rows(items: list[Candidate], embedding: Embedding, features: bool) -> CodeRows:
    return CodeRows(
        [item.path for item in items],
        np.array([item.has_file for item in items], bool),
        [item.content_hash for item in items],
        [item.label for item in items],
        embedding.codes,
        as_stored_vectors(embedding.features) if features else None,
    )
