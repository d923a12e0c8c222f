"""Duplicates: how near is near enough, measured on copies of real photos; and how fast.

    python -m benchmarks.bench_dedup [--out benchmarks/results/dedup.json] [--quick]

Each photo is copied as people copy photos (see `_copies.py`), all of them are indexed in the way of
``hashlens index``, and every pair of pictures is judged: it is right if both come from one photo.
The classes of the photos are cut in two. On one half the limits are chosen, the widest that are
right often enough; the other half is reported. Of the tier ``same`` the limit of the pixels is
chosen, those of codes and features are the present ones: all that they have to do is to leave few
pairs to be compared. imagehash's perceptual hash is judged on the same pairs, where it is
installed. Photos: ``$HASHLENS_DATA_DIR/photos``.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks._copies import EDITS, TURNED, copy_of, write_copies
from benchmarks._pairs import COSINES, PIXELS, RADII, Coded, Near, Tally, near_pairs, tally
from benchmarks._record import RESULTS, environment, write_result

from hashlens.codes import hamming
from hashlens.collection import Collection, index_photos
from hashlens.collection.dedup import Duplicates
from hashlens.collection.dedup.alignment import N_COLUMNS, SIDE, agree
from hashlens.collection.dedup.finding import MOST_READ
from hashlens.collection.dedup.kernels import Greys
from hashlens.collection.dedup.links import Limit, Pictures, cover, linked
from hashlens.collection.dedup.pixels import signatures, turned_places
from hashlens.collection.dedup.tiers import default_limit
from hashlens.collection.dedup.turning import TURNS, TurnedImages, turn_name, wanted_turns
from hashlens.collection.folder.store import FolderStore
from hashlens.data import BytesImages, FileImages, Images, Preprocessing, load_pixels
from hashlens.hashers import ITQ
from hashlens.model import Model
from hashlens.search.join import count_self_join
from hashlens.vectors import unit_rows

N_BITS = 64
PRECISION = {"same": 0.999, "similar": 0.99}
STEP = 12  # of the quick run: one photo in so many
N_TURNED = 150
N_TIMED = 100_000


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
    result["times"] = timed(N_TIMED // 50, 64) if arguments.quick else timed(N_TIMED, 1280)
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
    tiers, limits, pairs = choose(coded, labels, chosen, reported)
    b = coded.of(reported)
    rows = [edit_row(b, pairs, number, edit, limits) for number, edit in enumerate(edits, 1)]
    turned = [photos[i] for i in reported[:N_TURNED]]
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
        "grid": grid(pairs, limits["same"], len(reported)),
        "edits": rows,
        "groups": judged(collection, files, len(photos), reported),
        "defaults": [
            {"tier": tier, "by": by, **default_limit(tier, N_BITS, by == "features")._asdict()}
            for by in ("features", "codes alone")
            for tier in PRECISION
        ],
    }


def coded_of(collection: Collection, files: list[Path], n: int) -> Coded:
    """Read the codes and features of files, in their order."""
    with FolderStore(collection.path).seen() as (_, snapshot):
        ids = {item.path: item.id for item in collection.items(n=len(files))}
        rows = snapshot.rows_of(np.array([ids[str(file)] for file in files]))
        vectors = unit_rows(snapshot.vectors(rows))
        pixels = signatures_of(FileImages(files))
        return Coded(snapshot.codes[rows], vectors, pixels, perceptual_hashes(files), n)


def signatures_of(images: Images) -> np.ndarray:
    return signatures(load_pixels(images, Preprocessing(SIDE, SIDE, 1)).pixels[..., 0])


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


def choose(
    coded: Coded, labels: np.ndarray, chosen: np.ndarray, reported: np.ndarray
) -> tuple[list[dict[str, Any]], dict[str, Limit], Near]:
    """Choose the limits of each way to tell, and judge them on the other half."""
    a, b = coded.of(chosen), coded.of(reported)
    pairs = near_pairs(a, RADII - 3), near_pairs(b, RADII - 3)
    rows, limits = [], {}
    for name, by_features in (("same", True), ("codes and pixels", False)):
        limits[name] = with_pixels(pairs[0], default_limit("same", N_BITS, by_features))
        rows.append({"tier": "same", "by": name} | judged_pairs(pairs[1], limits[name], b.n))
    for name, (of_a, of_b, originals), tier, radius in by_two_limits(
        a, b, labels, chosen, reported
    ):
        at_least = limits["same"].radius + 1 if radius else 0
        limits[name], row = judged_tallies(of_a, of_b, originals, PRECISION[tier], at_least)
        rows.append({"tier": tier, "by": name} | row)
    return rows, limits, pairs[1]


def with_pixels(pairs: Near, limit: Limit) -> Limit:
    """Lower the correlation of the pixels as far as the pairs found are right often enough."""
    for pixels in PIXELS:
        found = pairs.within(limit._replace(pixels=float(pixels)))
        if found.any() and pairs.right[found].mean() >= PRECISION["same"]:
            break
    return limit._replace(pixels=float(pixels))


def judged_pairs(pairs: Near, limit: Limit, n: int) -> dict[str, Any]:
    found = pairs.within(limit)
    wrong = found & ~pairs.right
    return {
        "radius": limit.radius,
        "cosine": limit.similarity if limit.similarity > -1 else None,
        "pixels": limit.pixels,
        "precision": float(pairs.right[found].mean()) if found.any() else None,
        "recall": float((found & pairs.right).sum() / pairs.n_right),
        "wrong pairs": int(wrong.sum()),
        "wrong pairs of originals": int((wrong & (pairs.second < n)).sum()),
        "pairs near": int(pairs.within(limit._replace(pixels=-1.0)).sum()),
    }


Tallies = tuple[Tally, Tally, Tally]


def by_two_limits(
    a: Coded, b: Coded, labels: np.ndarray, chosen: np.ndarray, reported: np.ndarray
) -> Iterator[tuple[str, Tallies, str, bool]]:
    """Tally the ways to tell that have a radius, and perhaps a cosine, and nothing else."""
    photos = np.arange(b.n)
    for name, by_features in (("features alone", True), ("codes alone", False)):
        known = [(half, half.features if by_features else None) for half in (a, b)]
        sides = [tally(half.codes, features, half.origins()) for half, features in known]
        alone = b.features[: b.n] if by_features else None
        yield name, (*sides, tally(b.codes[: b.n], alone, photos)), "same", False
    if a.hashes is not None and b.hashes is not None:
        of_a, of_b = (tally(half.hashes, None, half.origins()) for half in (a, b))
        yield "phash", (of_a, of_b, tally(b.hashes[: b.n], None, photos)), "same", False
    for name, by_features in (("similar", True), ("similar, codes alone", False)):
        sides = [
            tally(half.codes[: half.n], half.features[: half.n] if by_features else None, of)
            for half, of in ((a, labels[chosen]), (b, labels[reported]))
        ]
        yield name, (sides[0], sides[1], sides[1]), "similar", by_features


def judged_tallies(
    of_a: Tally, of_b: Tally, originals: Tally, precision: float, at_least: int
) -> tuple[Limit, dict[str, Any]]:
    """Choose a radius and a cosine on one half, and judge them on the other."""
    at = radius, level = of_a.widest(precision, at_least)
    by_features = of_a.right.shape[1] > 1
    cosine = float(np.append(-1.0, COSINES)[level])
    return Limit(radius, cosine), {
        "radius": radius,
        "cosine": cosine if by_features else None,
        "pixels": None,
        "precision": float(of_b.precision()[at]),
        "recall": float(of_b.recall()[at]),
        "wrong pairs": int(of_b.wrong[at]),
        "wrong pairs of originals": int(originals.wrong[at]),
        "pairs near": int(of_b.right[at] + of_b.wrong[at]),
    }


def grid(pairs: Near, limit: Limit, n: int) -> list[dict[str, Any]]:
    """Judge the tier same for some radii and cosines: which pairs the pixels are compared of."""
    return [
        judged_pairs(pairs, limit._replace(radius=radius, similarity=cosine), n)
        for radius in (6, 8, 10, 12, 14)
        for cosine in (-1.0, 0.6, 0.7, 0.8)
    ]


def edit_row(
    coded: Coded, pairs: Near, number: int, edit: str, limits: dict[str, Limit]
) -> dict[str, Any]:
    """How many copies of one kind are found from their photos."""
    n, here = coded.n, slice(number * coded.n, (number + 1) * coded.n)
    bits = np.bitwise_count(coded.codes[:n] ^ coded.codes[here]).sum(axis=1)
    cosines = (coded.features[:n] * coded.features[here]).sum(axis=1)
    row: dict[str, Any] = {"edit": edit, "bits, median": float(np.median(bits))}
    row["cosine, median"] = float(np.median(cosines))
    of_copy = (pairs.first < n) & (pairs.second == pairs.first + number * n)
    for name in ("same", "codes and pixels"):
        row[name] = float((pairs.within(limits[name]) & of_copy).sum() / n)
    for name in ("features alone", "codes alone", "similar"):
        limit = limits[name]
        row[name] = float(((bits <= limit.radius) & (cosines >= limit.similarity)).mean())
    if coded.hashes is not None:
        bits = np.bitwise_count(coded.hashes[:n] ^ coded.hashes[here]).sum(axis=1)
        row["phash"] = float((bits <= limits["phash"].radius).mean())
    return row


def turned_row(model: Model, photos: list[Path], edit: str, limit: Limit) -> dict[str, Any]:
    """Count the turned copies that are found from their photos, which are turned for it."""
    files = BytesImages([copy_of(photo, edit, 0) for photo in photos])
    copies, copied = model.embed(files), signatures_of(files)
    features, places = unit_rows(copies.features), turned_places()
    known = signatures_of(FileImages(photos))
    found = np.zeros((len(photos), len(photos)), bool)
    for turn in (0, *wanted_turns(edit == "mirrored", edit == "rotated")):
        turned = model.embed(TurnedImages(FileImages(photos), turn))
        near = hamming(turned.codes, copies.codes, model.n_bits) <= limit.radius
        cosines = unit_rows(turned.features) @ features.T
        near &= cosines >= limit.similarity
        for i, j in np.argwhere(near & (cosines < limit.sure)):
            near[i, j] = same_pixels(known[i][places[turn]], copied[j], limit.pixels)
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


def same_pixels(a: np.ndarray, b: np.ndarray, least: float) -> bool:
    work = np.empty((N_COLUMNS + 2, SIDE * SIDE), np.float32)
    return bool(agree(np.ascontiguousarray(a), b, np.float32(least), work))


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


def timed(n: int, width: int) -> list[dict[str, Any]]:
    """Time the grouping of codes that are spread, clustered, half equal, and crowded."""
    rng = np.random.default_rng(0)
    features = clustered(rng, n, width)
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
    limit = default_limit("same", N_BITS, by_features=True)
    grouped(spread[:500], features[:500], limit)  # compiles
    rows = []
    for name, (codes, stored) in cases.items():
        limit = default_limit("same", N_BITS, stored is not None)
        rows.append({"codes": name, "n": n} | grouped(codes, stored, limit))
    return rows


def grouped(codes: np.ndarray, features: np.ndarray | None, limit: Limit) -> dict[str, Any]:
    """Group pictures as the tier same does, but for the reading: no pixels of theirs agree."""
    pictures, radius = Pictures(N_BITS, codes, np.arange(len(codes)), features), limit.radius
    began = time.perf_counter()
    near = pictures.subset(np.flatnonzero(linked(pictures, limit)))
    before = time.perf_counter()
    n_near = len(near)
    few = n_near <= MOST_READ
    if few:
        near = replace(near, greys=noise(len(near)))
    elif features is None:
        near = near.subset(np.arange(0))
    else:
        limit = limit.without_pixels()
    began += time.perf_counter() - before
    same = near.subset(np.flatnonzero(linked(near, limit)))
    found = cover(same, limit)
    seconds = time.perf_counter() - began
    return {
        "pairs within the radius": count_self_join(codes, N_BITS, radius).total,
        "seconds": seconds,
        "with one near": n_near,
        "read": n_near if few else 0,
        "candidates": len(same),
        "groups": len(np.unique(found.leader)),
    }


def noise(n: int) -> Greys:
    greys = np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE), np.uint8)
    return Greys(signatures(greys), np.arange(n), turned_places())


def clustered(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
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
