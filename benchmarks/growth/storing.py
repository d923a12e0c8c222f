"""Works of storing: codes and images into a collection in a folder, images into shards."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
from benchmarks.growth.made import (
    N_BITS,
    SEED,
    files,
    model_folder,
    model_of,
    random_codes,
)
from benchmarks.growth.timing import Seconds, clocked

_SHARD = 4096
_WRITE = """INSERT INTO items (id, path, has_file, content_hash, label, row, added, revision)
            VALUES (?, ?, 0, ?, ?, ?, '2024-01-01T00:00:00+00:00', ?)"""


def codes_in(n: int, threads: int, scratch: Path) -> Seconds:
    """Add codes and features from shards to a new collection, then read all of it again."""
    del threads
    from hashlens.collection import Collection

    photos = Collection.open(scratch / "codes.hl")
    add, report = clocked(lambda: photos.add_codes(scratch / "shards"))
    if report.added != n:
        raise ValueError(f"{report.added} of {n} were added")
    verify, checked = clocked(photos.verify)
    if checked.problems:
        raise ValueError(str(checked.problems))
    return {"add": add, "verify": verify}


def codes_ready(n: int, scratch: Path) -> None:
    """Make an empty collection, and shards of codes to be added to it."""
    _empty("codes.hl", "pixels", scratch)
    write_shards(n, scratch)


def images_in(n: int, threads: int, scratch: Path) -> Seconds:
    """Decode and encode JPEG files on their way into a collection."""
    del threads
    from hashlens.collection import Collection

    paths = files(n, scratch)
    warm, photos = (Collection.open(scratch / name) for name in ("warm.hl", "images.hl"))
    warm.add(paths[:70])
    return {"add": clocked(lambda: photos.add(paths))[0]}


def images_ready(n: int, scratch: Path) -> None:
    """Make empty collections, and files to be added to them."""
    files(n, scratch)
    for name in ("warm.hl", "images.hl"):
        _empty(name, "gist", scratch)


def _empty(name: str, features: str, scratch: Path) -> None:
    from hashlens.collection import Collection

    Collection.create(anew(scratch / name), model_of(features, scratch))


def encoded(n: int, threads: int, scratch: Path) -> Seconds:
    """Decode and encode JPEG files into shards."""
    del threads
    from hashlens.encoding import EncodeJob, EncodeSettings, encode_local, plan_shards

    folder, paths = model_folder("gist", scratch), files(n, scratch)

    def into_shards(some: list[Path]) -> object:
        plan, settings = plan_shards(some, shard_size=250), EncodeSettings(workers=0)
        return encode_local(EncodeJob(folder, plan, anew(scratch / "encoded"), settings))

    into_shards(paths[:8])
    return {"encode": clocked(lambda: into_shards(paths))[0]}


def collection_at(n: int, scratch: Path) -> Path:
    """Lay a collection of n codes out, by statements like those of adding, but all at once."""
    from hashlens.collection import Collection
    from hashlens.collection.folder.catalogue import commit
    from hashlens.collection.folder.target import writing_to

    path = scratch / f"kept-{n}.hl"
    if path.exists():
        return path
    unfinished = anew(scratch / "unfinished.hl")
    Collection.create(unfinished, model_of("pixels", scratch), store_features=False)
    with writing_to(unfinished) as target:
        digest = target.codes.append(random_codes(n), 0)
        with commit(target.db) as revision:
            target.db.execute("INSERT INTO batches VALUES (0, ?, ?, NULL)", (n, digest))
            target.db.executemany(_WRITE, (_item(i, revision) for i in range(n)))
    unfinished.rename(path)
    return path


def _item(number: int, revision: int) -> tuple[object, ...]:
    content = hashlib.sha256(b"%d" % number).digest()
    return number + 1, f"made/{number:09d}", content, f"class {number % 10}", number, revision


def write_shards(n: int, scratch: Path) -> Path:
    """Write shards as `hashlens encode` does, of rows at random."""
    from hashlens.encoding.shard_file import CodeRows, write_shard
    from hashlens.encoding.shard_header import Header, shard_name
    from hashlens.model_store import card_sha256, read_card

    model, folder = model_folder("pixels", scratch), anew(scratch / "shards")
    sha256, n_shards = card_sha256(read_card(model)), -(-n // _SHARD)
    n_features = model_of("pixels", scratch).encoder.features.n_features
    rng = np.random.default_rng(SEED)
    folder.mkdir()
    for shard in range(n_shards):
        numbers = range(shard * _SHARD, min(n, (shard + 1) * _SHARD))
        features = rng.standard_normal((len(numbers), n_features), np.float32)
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        rows = CodeRows(
            [f"made/{i:09d}" for i in numbers],
            np.zeros(len(numbers), bool),
            [hashlib.sha256(b"%d" % i).digest() for i in numbers],
            [f"class {i % 10}" for i in numbers],
            rng.integers(0, 256, (len(numbers), N_BITS // 8), np.uint8),
            features.astype(np.float16),
        )
        header = Header(N_BITS, sha256, "0" * 64, shard, n_shards, len(numbers))
        write_shard(folder / shard_name(shard, n_shards), header, rows)
    return folder


def anew(path: Path) -> Path:
    """Remove what there is of a folder."""
    shutil.rmtree(path, ignore_errors=True)
    return path
