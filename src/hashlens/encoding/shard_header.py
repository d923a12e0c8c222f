"""What the file of a shard is called, and what it says of itself."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hashlens.data import Skipped
from hashlens.errors import FormatError

FORMAT, VERSION = "hashlens-codes", 1
_NAME = re.compile(r"codes-(\d{5,})-of-(\d{5,})\.parquet")


@dataclass(frozen=True)
class Header:
    """What a shard says of itself.

    Attributes
    ----------
    n_bits : int
    model_sha256 : str
        Of the model's ``model.json``, in hex.
    manifest_sha256 : str
        Of the names, labels and order of all images, and of how they are cut into shards, in hex.
    shard : int
        Its number, from 0.
    n_shards : int
    n_images : int
        Images of the shard, bad ones too.
    skipped : tuple of Skipped
        Images that are bad, in order.
    """

    n_bits: int
    model_sha256: str
    manifest_sha256: str
    shard: int
    n_shards: int
    n_images: int
    skipped: tuple[Skipped, ...] = ()


class DamagedShardError(FormatError):
    """A file is no whole shard: it may be written again."""


def shard_name(shard: int, n_shards: int) -> str:
    """Name the file of a shard.

    Examples
    --------
    >>> shard_name(17, 123)
    'codes-00017-of-00123.parquet'
    """
    return f"codes-{shard:05d}-of-{n_shards:05d}.parquet"


def shard_numbers(name: str) -> tuple[int, int] | None:
    """Read the number of a shard, and how many there are, from the name of its file.

    Examples
    --------
    >>> shard_numbers("codes-00017-of-00123.parquet"), shard_numbers("codes.npy")
    ((17, 123), None)
    """
    found = _NAME.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


def header_text(header: Header, rows_sha256: str) -> str:
    """Write a header as JSON, with the digest of the rows and one of itself."""
    about = {"format": FORMAT, "version": VERSION, **asdict(header), "rows_sha256": rows_sha256}
    return json.dumps({**about, "sha256": _signature(about)}, sort_keys=True)


def read_header(path: Path, text: bytes) -> tuple[Header, str]:
    """Read what `header_text` wrote: the header, and the digest of the rows.

    Raises
    ------
    FormatError
        If it is none, changed, or of a newer version; the message names `path`.
    """
    about = json.loads(text)
    if about.get("format") != FORMAT:
        raise not_whole(path, "a file without the mark of one")
    if about.get("version") != VERSION:
        raise FormatError(
            f"{path} must have format version {VERSION}. Got {about.get('version')!r}. "
            f"A newer hashlens reads it."
        )
    if about.pop("sha256", None) != _signature(about):
        raise not_whole(path, "changed bytes")
    skipped = tuple(Skipped(name, reason) for name, reason in about["skipped"])
    own = {name: about[name] for name in Header.__dataclass_fields__}
    return Header(**{**own, "skipped": skipped}), about["rows_sha256"]


def not_whole(path: Path, got: str) -> DamagedShardError:
    """Build the error of a file that is no whole shard."""
    return DamagedShardError(f"{path} must be a whole shard of codes. Got {got.rstrip('.')}.")


def _signature(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
