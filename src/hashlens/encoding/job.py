"""An encoding: which shards there are to be, which are done already, and what came of it."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hashlens.checks import check_int, refuse, words
from hashlens.cpus import available_cpus
from hashlens.data import Skipped
from hashlens.encoding.plan import Plan
from hashlens.encoding.shard import ShardTask
from hashlens.encoding.shard_file import read_shard
from hashlens.encoding.shard_header import DamagedShardError, Header, shard_name
from hashlens.encoding.shards import read_shards, shard_files
from hashlens.errors import ImageError
from hashlens.model import Model
from hashlens.model_store import card_sha256, read_card
from hashlens.watcher import Watcher
from hashlens.whole_file import PARTIAL

_HOW_TO_GO_ON = "give another folder, or remove the shards that are in this one"


@dataclass(frozen=True)
class EncodeSettings:
    """How images are encoded.

    Attributes
    ----------
    n_bits : int, optional
        A shorter length that the model was trained for.
    features : bool
        Keep the features, for a re-rank.
    strict : bool
        A bad image is an error; otherwise it is left out, and named in its shard.
    workers : int >= 0
        Processes that decode files for each shard that is being encoded; 0: threads.
    """

    n_bits: int | None = None
    features: bool = True
    strict: bool = False
    workers: int = 1

    def __post_init__(self) -> None:
        check_int("workers", self.workers, 0)


@dataclass(frozen=True)
class EncodeReport:
    """What is in the folder when all shards are there.

    Attributes
    ----------
    n_codes : int
    n_shards : int
    skipped : tuple of Skipped
        Images that are bad, of all shards.
    n_images : int
        Images that this run encoded, or found bad; shards that were done before do not count.
    seconds : float
    """

    n_codes: int
    n_shards: int
    skipped: tuple[Skipped, ...]
    n_images: int
    seconds: float

    @property
    def images_per_second(self) -> float:
        """Images that this run encoded, by its seconds."""
        return self.n_images / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, eq=False)
class EncodeJob:
    """Images, a model and a folder for the shards.

    Parameters
    ----------
    model_folder : Path
        A model, as ``Model.save`` writes it.
    plan : Plan
    out : Path
        Folder of the shards. It is made; shards in it that are finished are not made again.
    settings : EncodeSettings

    Raises
    ------
    FormatError
        If the model cannot be read.
    InputError
        If it was not trained for codes of the length that is wanted.
    """

    model_folder: Path
    plan: Plan
    out: Path
    settings: EncodeSettings = EncodeSettings()

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", self.out.absolute())
        self.shard_header(0)

    @cached_property
    def model(self) -> Model:
        """The model, of the length that is wanted."""
        model = Model.load(self.model_folder)
        n_bits = self.settings.n_bits
        return model if n_bits is None else model.shortened(n_bits)

    @cached_property
    def model_sha256(self) -> str:
        """SHA-256 of ``model.json``, which has that of the weights, in hex."""
        return card_sha256(read_card(self.model_folder))

    def shard_header(self, shard: int) -> Header:
        """Say what a shard is to be."""
        return Header(
            n_bits=self.model.n_bits,
            model_sha256=self.model_sha256,
            manifest_sha256=self.plan.manifest_sha256,
            shard=shard,
            n_shards=self.plan.n_shards,
            n_images=self.n_images([shard]),
        )

    def task(self, shard: int) -> ShardTask:
        """Give what is needed to encode a shard."""
        settings = self.settings
        return ShardTask(
            path=self.out / shard_name(shard, self.plan.n_shards),
            header=self.shard_header(shard),
            part=self.plan.part(shard),
            features=settings.features,
            strict=settings.strict,
            workers=settings.workers,
        )

    def n_images(self, shards: list[int]) -> int:
        """Count the images of some shards."""
        size, n = self.plan.shard_size, self.plan.n_images
        return sum(min(size, n - size * shard) for shard in shards)

    def unfinished(self, watcher: Watcher) -> list[int]:
        """Make the folder, and number the shards that are not there yet, or are damaged.

        Raises
        ------
        InputError
            If a shard of another model, of other images or of other settings is in the folder.
        ImageError
            If the job is strict, and a shard that is done has left an image out.
        """
        if self.out.exists() and not self.out.is_dir():
            raise refuse("out", "a folder for shards", str(self.out))
        self.out.mkdir(parents=True, exist_ok=True)
        names = shard_files(self.out)
        if names:
            watcher.stage("checking the shards that are done", len(names))
        done = set()
        with ThreadPoolExecutor(available_cpus()) as pool:
            for i, (name, why) in enumerate(zip(names, pool.map(self._look, names), strict=True)):
                if why is None:
                    done.add(name)
                else:
                    watcher.note(f"written again: {why}")
                watcher.advance(i + 1, len(names))
        n_shards = self.plan.n_shards
        return [i for i in range(n_shards) if shard_name(i, n_shards) not in done]

    def report(self, n_images: int, began: float) -> EncodeReport:
        """Check that all shards are there; remove what killed processes left half written.

        Parameters
        ----------
        n_images : int
            Images that this run encoded.
        began : float
            When it began, by ``time.monotonic``.
        """
        shards = read_shards(self.out)
        for left in self.out.glob(f"codes-*{PARTIAL}"):
            left.unlink(missing_ok=True)
        seconds = time.monotonic() - began
        return EncodeReport(shards.n_rows, shards.n_shards, shards.skipped, n_images, seconds)

    def _look(self, name: str) -> DamagedShardError | None:
        """Say why a shard must be written again; None if it is finished."""
        try:
            footer, _ = read_shard(self.out / name)
        except DamagedShardError as error:
            return error
        own, header = self.shard_header(footer.header.shard), footer.header
        for what, is_same in (
            ("of another model", header.model_sha256 == own.model_sha256),
            (f"of {header.n_bits} bits", header.n_bits == own.n_bits),
            (f"of {header.n_shards} shards", header.n_shards == own.n_shards),
            (
                "of other images, or of another number of images in a shard",
                header.manifest_sha256 == own.manifest_sha256,
            ),
            (
                f"with{'' if footer.n_features else 'out'} features",
                bool(footer.n_features) == self.settings.features,
            ),
        ):
            if not is_same:
                wanted = "empty, or with shards of this very encoding"
                raise refuse("out", wanted, words(f"{name} {what}: {_HOW_TO_GO_ON}"))
        if self.settings.strict and header.skipped:
            raise ImageError(*header.skipped[0])
        return None
