"""Duplicates: how near is near enough, measured on copies of real photos; and how fast.

    python -m benchmarks.bench_dedup [--out benchmarks/results/dedup.json] [--quick]

Each photo is copied as people copy photos (see `_copies.py`), all of them are indexed in the way of
``hashlens index``, and every pair of pictures is judged: it is right if both come from one photo.
The classes of the photos are cut in two. On one half the limits are chosen, the widest that are
right often enough; the other half is reported. imagehash's perceptual hash is judged on the same
pairs, where it is installed. Photos: ``$HASHLENS_DATA_DIR/photos``.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks._copies import EDITS, TURNED, copy_of, write_copies
from benchmarks._record import RESULTS, environment, write_result

from hashlens.codes import hamming
from hashlens.collection import Collection, index_photos
from hashlens.collection.dedup import Duplicates
from hashlens.collection.dedup.links import Limit, Pictures, cover, linked
from hashlens.collection.dedup.tiers import default_limit
from hashlens.collection.dedup.turning import TURNS, TurnedImages, turn_name, wanted_turns
from hashlens.collection.snapshot import unit_rows
from hashlens.data import BytesImages, FileImages
from hashlens.hashers import ITQ
from hashlens.model import Model
from hashlens.search.join import count_self_join

N_BITS = 64
RADII = 17
COSINES = np.round(np.arange(0.70, 1.0, 0.01), 2)
PRECISION = {"same": 0.999, "similar": 0.99}
STEP = 12  # of the quick run: one photo in so many
N_TURNED = 150
N_TIMED = 100_000


class Coded(NamedTuple):
    """Pictures by photo: picture ``e * n + p`` is photo p, edited in way e (0 is not at all)."""

    codes: np.ndarray
    features: np.ndarray  # float32, rows of length 1
    hashes: np.ndarray | None  # perceptual hashes, as packed codes
    n: int

    def of(self, photos: np.ndarray) -> "Coded":
        """Return the pictures of some photos."""
        n_edits = len(self.codes) // self.n
        chosen = (np.arange(n_edits)[:, None] * self.n + photos).ravel()
        hashes = None if self.hashes is None else self.hashes[chosen]
        return Coded(self.codes[chosen], self.features[chosen], hashes, len(photos))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS / "dedup.json")
    parser.add_argument("--quick", action="store_true", help="few photos, few edits, few codes")
    parser.add_argument("--features", default="tf_efficientnet_lite0", help="as of hashlens index")
    arguments = parser.parse_args()
    top = Path(os.environ["HASHLENS_DATA_DIR"]) / "photos"
    photos = sorted(top.rglob("*.jpg"))[:: STEP if arguments.quick else 1]
    edits = list(EDITS)[:: 5 if arguments.quick else 1]
    command = "python -m benchmarks.bench_dedup" + " --quick" * arguments.quick
    with tempfile.TemporaryDirectory() as scratch:
        result = measured(Path(scratch), top, photos, edits, arguments.features)
    result["times"] = timed(N_TIMED // (50 if arguments.quick else 1))
    result |= {"command": command, "environment": environment(("ImageHash",))}
    write_result(arguments.out, result)
    for row in (*result["tiers"], *result["edits"], *result["times"]):
        print(row)


def measured(
    scratch: Path, top: Path, photos: list[Path], edits: list[str], features: str
) -> dict[str, Any]:
    """Choose limits on one half of the classes, and report the other."""
    copies = write_copies(photos, top, scratch / "copies", edits)
    files = [*photos, *(file for edit in edits for file in copies[edit])]
    collection, _ = index_photos(scratch / "c.hl", files, features=features, n_bits=N_BITS)
    coded = coded_of(collection, files, len(photos))
    chosen, reported = halves(photos, seed=0)
    labels = np.unique([str(photo.parent) for photo in photos], return_inverse=True)[1]
    tiers, limits = choose(coded, labels, chosen, reported)
    rows = [edit_row(coded.of(reported), number, edit, limits) for number, edit in enumerate(edits)]
    turned = photos_of(photos, reported[:N_TURNED])
    rows += [turned_row(collection.model, turned, edit, limits["same"]) for edit in TURNED]
    return {
        "title": f"Duplicates among {len(photos)} photos and {len(edits)} copies of each",
        "photos": len(photos),
        "copies": len(files) - len(photos),
        "reported_photos": len(reported),
        "n_bits": N_BITS,
        "features": features,
        "limits": {name: limit._asdict() for name, limit in limits.items()},
        "tiers": tiers,
        "grid": grid(coded.of(reported)),
        "edits": rows,
        "groups": judged(collection, files, len(photos), reported),
        "defaults": {
            tier: default_limit(tier, N_BITS, by_features=True)._asdict() for tier in PRECISION
        },
    }


def coded_of(collection: Collection, files: list[Path], n: int) -> Coded:
    """Read the codes and features of files, in their order."""
    with collection._seen() as (_, snapshot):
        ids = {item.path: item.id for item in collection.items(n=len(files))}
        rows = snapshot.rows_of(np.array([ids[str(file)] for file in files]))
        vectors = unit_rows(snapshot.vectors(rows))
        return Coded(snapshot.codes[rows], vectors, perceptual_hashes(files), n)


def perceptual_hashes(files: list[Path]) -> np.ndarray | None:
    """imagehash's phash of each file, 64 bits; None where imagehash is not installed."""
    try:
        import imagehash
    except ImportError:
        return None
    from PIL import Image

    bits = [imagehash.phash(Image.open(file)).hash.ravel() for file in files]
    return np.packbits(np.array(bits), axis=1, bitorder="little")


def halves(photos: list[Path], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut the photos in two by class."""
    names = np.array([str(photo.parent) for photo in photos])
    classes = np.random.default_rng(seed).permutation(np.unique(names))
    first = np.isin(names, classes[::2])
    return np.flatnonzero(first), np.flatnonzero(~first)


def photos_of(photos: list[Path], which: np.ndarray) -> list[Path]:
    return [photos[i] for i in which]


class Tally(NamedTuple):
    """Pairs by distance and cosine: [radius, cosine] counts what lies within both limits."""

    right: np.ndarray
    wrong: np.ndarray
    n_right: int

    def precision(self) -> np.ndarray:
        """Share of the pairs found that are right."""
        return self.right / np.maximum(self.right + self.wrong, 1)

    def recall(self) -> np.ndarray:
        """Share of the right pairs that are found."""
        return self.right / max(self.n_right, 1)

    def widest(self, least: float, radius: int = 0) -> tuple[int, int]:
        """Of the limits that are right often enough, those that find most; then the narrowest.

        The radius is at least the one given.
        """
        found = np.where((self.precision() >= least) & (self.right > 0), self.right, -1)
        found[:radius] = -2
        radius, cosine = np.nonzero(found == found.max())
        best = np.lexsort((-cosine, radius))[0]
        return int(radius[best]), int(cosine[best])


def tally(codes: np.ndarray, features: np.ndarray | None, groups: np.ndarray) -> Tally:
    """Judge all pairs: those of one group are right."""
    edges = np.append(-1.0, COSINES) if features is not None else np.array([-1.0])
    counts = np.zeros((2, RADII, len(edges)), np.int64)
    n_right = 0
    for start in range(0, len(codes), 256):
        rows = np.arange(start, min(start + 256, len(codes)))
        later = rows[:, None] < np.arange(len(codes))
        right = (groups[rows][:, None] == groups) & later
        n_right += int(right.sum())
        bits = hamming(codes[rows], codes, 64)
        near = (bits < RADII) & later
        level = np.zeros(near.sum(), np.int64)
        if features is not None:
            level = np.searchsorted(edges, (features[rows] @ features.T)[near], "right") - 1
        np.add.at(counts, ((~right[near]).astype(int), bits[near], level), 1)
    within = counts.cumsum(axis=1)[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    return Tally(within[0], within[1], n_right)


def origins(coded: Coded) -> np.ndarray:
    return np.arange(len(coded.codes)) % coded.n


def choose(
    coded: Coded, labels: np.ndarray, chosen: np.ndarray, reported: np.ndarray
) -> tuple[list[dict[str, Any]], dict[str, Limit]]:
    """Choose the limits of each way to tell, and judge them on the other half."""
    rows, limits = [], {}

    def judge(name: str, tier: str, tallies: tuple[Tally, Tally, Tally], cosines: bool) -> None:
        of = {"similar": "same", "similar, codes alone": "codes alone"}.get(name, "")
        at_least = limits[of].radius if of else 0
        radius, level = tallies[0].widest(PRECISION[tier], at_least)
        cosine = float(np.append(-1.0, COSINES)[level]) if cosines else -1.0
        limits[name] = Limit(radius, cosine)
        at, originals = tallies[1], tallies[2]
        rows.append(
            {
                "tier": tier,
                "by": name,
                "radius": radius,
                "cosine": cosine if cosines else None,
                "precision": float(at.precision()[radius, level]),
                "recall": float(at.recall()[radius, level]),
                "wrong pairs": int(at.wrong[radius, level]),
                "wrong pairs of originals": int(originals.wrong[radius, level]),
            }
        )

    a, b = coded.of(chosen), coded.of(reported)
    alone = b.codes[: b.n], b.features[: b.n], np.arange(b.n)
    ways = {"same": (a.codes, a.features, b.codes, b.features, alone)}
    ways["codes alone"] = (a.codes, None, b.codes, None, (alone[0], None, alone[2]))
    if a.hashes is not None and b.hashes is not None:
        by_hash = (b.hashes[: b.n], None, alone[2])
        ways["phash"] = (a.hashes, None, b.hashes, None, by_hash)
    for name, (x, fx, y, fy, originals) in ways.items():
        sets = tally(x, fx, origins(a)), tally(y, fy, origins(b)), tally(*originals)
        judge(name, "same", sets, fx is not None)
    for name, by_features in (("similar", True), ("similar, codes alone", False)):
        sides = []
        for half, photos in ((a, chosen), (b, reported)):
            features = half.features[: half.n] if by_features else None
            sides.append(tally(half.codes[: half.n], features, labels[photos]))
        judge(name, "similar", (sides[0], sides[1], sides[1]), by_features)
    return rows, limits


def grid(coded: Coded) -> list[dict[str, Any]]:
    """Precision and recall of the same picture for some radii and cosines."""
    judged = tally(coded.codes, coded.features, origins(coded))
    levels = [0, *(1 + int(np.searchsorted(COSINES, c)) for c in (0.8, 0.9, 0.94, 0.96, 0.98))]
    names = np.append(-1.0, COSINES)
    return [
        {
            "radius": radius,
            "cosine": None if level == 0 else float(names[level]),
            "precision": float(judged.precision()[radius, level]),
            "recall": float(judged.recall()[radius, level]),
        }
        for radius in (0, 2, 4, 6, 8, 12, 16)
        for level in levels
    ]


def edit_row(coded: Coded, number: int, edit: str, limits: dict[str, Limit]) -> dict[str, Any]:
    """How many copies of one kind are found from their photos."""
    n, here = coded.n, slice((number + 1) * coded.n, (number + 2) * coded.n)
    bits = np.bitwise_count(coded.codes[:n] ^ coded.codes[here]).sum(axis=1)
    cosines = (coded.features[:n] * coded.features[here]).sum(axis=1)
    row: dict[str, Any] = {"edit": edit, "bits, median": float(np.median(bits))}
    row["cosine, median"] = float(np.median(cosines))
    for name in ("same", "codes alone", "similar"):
        limit = limits[name]
        row[name] = float(((bits <= limit.radius) & (cosines >= limit.similarity)).mean())
    if coded.hashes is not None:
        bits = np.bitwise_count(coded.hashes[:n] ^ coded.hashes[here]).sum(axis=1)
        row["phash"] = float((bits <= limits["phash"].radius).mean())
    return row


def turned_row(model: Model, photos: list[Path], edit: str, limit: Limit) -> dict[str, Any]:
    """Count the turned copies that are found from their photos, which are turned for it."""
    copies = model.embed(BytesImages([copy_of(photo, edit, 0) for photo in photos]))
    features = unit_rows(copies.features)
    found = np.zeros((len(photos), len(photos)), bool)
    for turn in (0, *wanted_turns(edit == "mirrored", edit == "rotated")):
        images = TurnedImages(FileImages(photos), turn)
        turned = model.embed(images)
        near = hamming(turned.codes, copies.codes, model.n_bits) <= limit.radius
        near &= unit_rows(turned.features) @ features.T >= limit.similarity
        if turn_name(turn) == "":
            untouched = float(near.diagonal().mean())
        found |= near
    return {
        "edit": edit,
        "same, not turned": untouched,
        "same": float(found.diagonal().mean()),
        "wrong pairs": int(found.sum() - found.diagonal().sum()),
        "turns": [name for name in TURNS if name.startswith(edit)][: 1 + 2 * (edit == "rotated")],
    }


def judged(
    collection: Collection, files: list[Path], n: int, reported: np.ndarray
) -> dict[str, Any]:
    """Search the reported half for duplicates as a user does, and judge what could go."""
    photo = {str(file): i % n for i, file in enumerate(files)}
    here = set(reported.tolist())
    ids = [i.id for i in collection.items(n=len(files)) if photo[i.path] in here]
    where = f"id IN ({', '.join(map(str, ids))})"
    found: Duplicates = collection.duplicates(where=where, watcher=None)
    wrong = sum(photo[each.path] != photo[g.kept.path] for g in found.groups for each in g.others)
    return {
        "items": found.n_items,
        "groups": len(found.groups),
        "superfluous": found.n_superfluous,
        "superfluous in truth": found.n_items - len(here),
        "wrong": wrong,
        "seconds": found.seconds,
    }


def timed(n: int) -> list[dict[str, Any]]:
    """Time the grouping of codes that are spread, clustered, half equal, and crowded."""
    rng, limit = np.random.default_rng(0), default_limit("same", N_BITS, by_features=True)
    features = clustered(rng, n)
    spread = rng.integers(0, 256, (n, N_BITS // 8), np.uint8)
    equal, half = spread.copy(), n // 2
    equal[half:] = equal[0]
    crowd = spread.copy()
    flips = np.packbits(rng.random((n - half, N_BITS)) < 0.04, axis=1, bitorder="little")
    crowd[half:] = crowd[0] ^ flips
    alike = features.copy()
    noise = rng.standard_normal((n - half, features.shape[1]), np.float32)
    alike[half:] = unit_rows(features[0].astype(np.float32) + 0.004 * noise).astype(np.float16)
    hasher = ITQ(N_BITS, seed=0).fit(features[:: max(1, n // 5000)].astype(np.float32))
    blocks = [
        hasher.transform(features[i : i + 8192].astype(np.float32)) for i in range(0, n, 8192)
    ]
    learnt = np.concatenate(blocks)
    cases = {
        "spread evenly": (spread, features),
        "clustered, hashed by ITQ": (learnt, features),
        "half of them equal": (equal, alike),
        "half of them equal, no features": (equal, None),
        "half of them within a few bits": (crowd, alike),
    }
    grouped(spread[:500], features[:500], limit)  # compiles
    return [
        {"codes": name, "n": n} | grouped(codes, stored, limit)
        for name, (codes, stored) in cases.items()
    ]


def grouped(codes: np.ndarray, features: np.ndarray | None, limit: Limit) -> dict[str, Any]:
    pictures = Pictures(N_BITS, codes, np.arange(len(codes)), features)
    began = time.perf_counter()
    candidates = np.flatnonzero(linked(pictures, limit))
    found = cover(pictures.subset(candidates), limit)
    seconds = time.perf_counter() - began
    n_groups = len(np.unique(found.leader))
    n_pairs = count_self_join(codes, N_BITS, limit.radius).total
    return {"pairs within the radius": n_pairs} | {
        "seconds": seconds,
        "candidates": len(candidates),
        "groups": n_groups,
    }


def clustered(rng: np.random.Generator, n: int, width: int = 1280) -> np.ndarray:
    """Unit vectors around a thousand centres, those around ten: as images of ten classes lie."""
    classes = rng.standard_normal((10, width), np.float32)
    centres = classes[rng.integers(0, 10, 1000)] + rng.standard_normal((1000, width), np.float32)
    out = np.empty((n, width), np.float16)
    for start in range(0, n, 8192):
        stop = min(start + 8192, n)
        around = centres[rng.integers(0, 1000, stop - start)]
        vectors = around + 0.7 * rng.standard_normal((stop - start, width), np.float32)
        out[start:stop] = unit_rows(vectors).astype(np.float16)
    return out


if __name__ == "__main__":
    main()
