"""A folder of shards, read in order."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hashlens.checks import check_int, refuse
from hashlens.data import Skipped
from hashlens.encoding.shard_file import CodeRows, Footer, read_footer, read_shard
from hashlens.encoding.shard_header import shard_name, shard_numbers
from hashlens.errors import FormatError

_MOST_NAMED = 5


class Shards(NamedTuple):
    """A whole folder of shards, whose rows are read when they are asked for.

    Attributes
    ----------
    folder : Path
    footers : tuple of Footer
        What each shard says of itself, in order.
    """

    folder: Path
    footers: tuple[Footer, ...]

    @property
    def n_shards(self) -> int:
        """How many shards there are."""
        return len(self.footers)

    @property
    def n_rows(self) -> int:
        """Codes in all shards."""
        return sum(footer.n_rows for footer in self.footers)

    @property
    def n_bits(self) -> int:
        """Length of a code."""
        return self.footers[0].header.n_bits

    @property
    def n_features(self) -> int:
        """Length of a feature vector; 0 where none were kept."""
        return self.footers[0].n_features

    @property
    def model_sha256(self) -> str:
        """SHA-256 of the ``model.json`` of the model, in hex."""
        return self.footers[0].header.model_sha256

    @property
    def manifest_sha256(self) -> str:
        """Tells one list of images, cut into shards, from another, in hex."""
        return self.footers[0].header.manifest_sha256

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Bad images of all shards, in order."""
        return tuple(bad for footer in self.footers for bad in footer.header.skipped)

    def read(self, shard: int) -> CodeRows:
        """Read the rows of a shard.

        Parameters
        ----------
        shard : int from 0 to n_shards - 1

        Raises
        ------
        FormatError
            If it is damaged, or is no longer the shard that was there; the message names it.
        """
        number = check_int("shard", shard, 0, self.n_shards - 1)
        path = self.folder / shard_name(number, self.n_shards)
        footer, rows = read_shard(path)
        if footer != self.footers[number]:
            raise FormatError(f"{path} must be as it was. Got another shard: read them all again.")
        return rows

    def rows(self) -> Iterator[CodeRows]:
        """Read shard after shard, in order."""
        return map(self.read, range(self.n_shards))


def read_shards(folder: str | Path) -> Shards:
    """Open a folder of shards, as ``hashlens encode --out FOLDER`` writes them.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    shards : Shards
        All shards are there, and of one model and one list of images.

    Raises
    ------
    FormatError
        If a shard is missing, damaged, or of another model or list; the message names it.
    InputError
        If there is no folder, or no shard in it.
    """
    place = Path(folder)
    names = shard_files(place)
    if not names:
        raise refuse("folder", "one with shards of codes", str(place))
    n_shards = _number_of_shards(place, names)
    wanted = [shard_name(shard, n_shards) for shard in range(n_shards)]
    there = set(names)
    missing = [name for name in wanted if name not in there]
    if missing:
        raise FormatError(
            f"{place} must hold all {n_shards} shards. Got none of {_listed(missing)}: "
            f"the encoding goes on where it is started again."
        )
    footers = tuple(read_footer(place / name) for name in wanted)
    for name, footer in zip(wanted, footers, strict=True):
        _check_alike(place / name, footer, footers[0])
    return Shards(place, footers)


def shard_files(folder: Path) -> list[str]:
    """Name the files in a folder that are shards by their names, in order of their numbers."""
    if not folder.is_dir():
        raise refuse("folder", "a folder of shards", str(folder))
    numbers = {item.name: shard_numbers(item.name) for item in folder.iterdir()}
    return sorted((n for n, found in numbers.items() if found), key=lambda n: numbers[n] or ())


def _number_of_shards(folder: Path, names: list[str]) -> int:
    counts = {name: (shard_numbers(name) or (0, 0))[1] for name in names}
    if len(set(counts.values())) > 1:
        first = names[0]
        other = next(name for name in names if counts[name] != counts[first])
        raise FormatError(
            f"{folder} must hold the shards of one encoding. Got {first} and {other}."
        )
    return counts[names[0]]


def _check_alike(path: Path, footer: Footer, first: Footer) -> None:
    for what, own, wanted in (
        ("the model", footer.header.model_sha256, first.header.model_sha256),
        ("the code length", footer.header.n_bits, first.header.n_bits),
        ("the list of images", footer.header.manifest_sha256, first.header.manifest_sha256),
        ("the length of features", footer.n_features, first.n_features),
    ):
        if own != wanted:
            raise FormatError(f"{path} must have {what} of the first shard, {wanted}. Got {own}.")


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
