"""Photos without labels or training: codes, re-ranked codes, and features uncoded.

    python -m benchmarks.bench_photos [--photos DIR] [--out FILE] [--quick]

The photos are indexed as ``hashlens index`` does it, their folders hidden. Then each asks for its
ten nearest, itself left out, and precision@10 is the share from its own folder. A class of m photos
cannot do better than (m - 1) / 10: ``best`` says so. Intervals: 95 %, by a bootstrap over the
queries of each class. Other lengths and seeds are fitted to the same features in the same way.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks._record import RESULTS, environment, write_result

from hashlens.codes import hamming
from hashlens.collection import Collection, index_photos
from hashlens.data import Dataset, FileImages, load_dataset
from hashlens.evaluation import mean_and_interval
from hashlens.hashers import ITQ

K = 10
N_BITS = 64
WAYS = ("codes", "re-ranked", "uncoded")
N_RESAMPLES = 2_000
LENGTHS, SEEDS = (32, 64, 128), range(5)
CANDIDATES = (50, 100, 200, 400)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(os.environ.get("HASHLENS_DATA_DIR", "."))
    parser.add_argument("--photos", type=Path, default=shared / "photos", help="folder of photos")
    parser.add_argument("--out", type=Path, default=RESULTS / "photos.json")
    parser.add_argument("--quick", action="store_true", help="36 photos, by GIST")
    arguments = parser.parse_args()
    data = load_dataset(arguments.photos)
    if arguments.quick and data.labels is not None:
        few = [np.flatnonzero(data.labels == number)[:12] for number in range(3)]
        data = data.subset(np.concatenate(few))
    n_bits, features = (16, "gist") if arguments.quick else (N_BITS, "backbone")
    with tempfile.TemporaryDirectory() as scratch:
        hidden = Dataset("photos", data.images, None, ())
        photos, _ = index_photos(Path(scratch) / "p.hl", hidden, features=features, n_bits=n_bits)
        asked = Asked.of(photos, data)
        found = searched(photos, asked)
    lengths = (n_bits,) if arguments.quick else LENGTHS
    result = {
        "title": f"Precision@{K} on {len(asked.classes)} photos of {len(asked.names)} classes, "
        f"labels hidden, no training, {n_bits} bits",
        "command": "python -m benchmarks.bench_photos",
        "sets": [{"set": name} | figures(asked, found, rows) for name, rows in sets(asked)],
        "classes": by_class(asked, found),
        "lengths and seeds": [by_seed(asked, found["uncoded"], n) for n in lengths],
        "candidates": by_candidates(asked, n_bits),
        "environment": environment(),
    }
    write_result(arguments.out, result)
    print(json.dumps({name: result[name] for name in ("sets", "lengths and seeds", "candidates")}))


class Asked(NamedTuple):
    """The photos as queries: stored code and features, and the hidden class of each."""

    ids: np.ndarray
    codes: np.ndarray
    vectors: np.ndarray
    classes: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, photos: Collection, data: Dataset) -> "Asked":
        """Take what the collection has stored, photo by photo."""
        if not isinstance(data.images, FileImages) or data.labels is None:
            raise TypeError("the photos must be files in a folder for each class")
        ids = np.arange(1, len(photos) + 1)
        queries = photos.encode(ids.tolist())
        class_of = dict(zip(map(str, data.images.paths), data.labels, strict=True))
        classes = np.array([class_of[photos.item(int(i)).path] for i in ids])
        return cls(ids, queries.codes, queries.vectors, classes, data.classes)

    def precisions(self, found: np.ndarray) -> np.ndarray:
        """Share of each photo's k found (rows) that are of its class."""
        return (self.classes[found] == self.classes[:, None]).sum(1) / K


def searched(photos: Collection, asked: Asked) -> dict[str, np.ndarray]:
    """Precision@10 of each photo: by code and re-ranked as the collection does it, and uncoded."""
    ids = asked.ids.tolist()
    found = {
        name: asked.precisions(np.stack([hits.ids for hits in answers]) - 1)
        for name, answers in (
            ("codes", photos.search_many(ids, K, rerank=False, exclude_self=True)),
            ("re-ranked", photos.search_many(ids, K, exclude_self=True)),
        )
    }
    return found | {"uncoded": asked.precisions(ranked(-similarities(asked))[:, :K])}


def similarities(asked: Asked) -> np.ndarray:
    cosines = asked.vectors @ asked.vectors.T
    np.fill_diagonal(cosines, -np.inf)  # itself is left out
    return cosines


def ranked(distances: np.ndarray) -> np.ndarray:
    return np.argsort(distances, axis=1, kind="stable")


def reranked(distances: np.ndarray, cosines: np.ndarray, n_candidates: int) -> np.ndarray:
    """The k best by features among the nearest by code: what `Collection.search` does."""
    near = ranked(distances)[:, :n_candidates]
    best = ranked(-np.take_along_axis(cosines, near, 1))[:, :K]
    return np.take_along_axis(near, best, 1)


def distances_between(codes: np.ndarray, n_bits: int) -> np.ndarray:
    distances = hamming(codes, codes, n_bits).astype(np.int64)
    np.fill_diagonal(distances, np.iinfo(np.int64).max)
    return distances


def sets(asked: Asked) -> list[tuple[str, np.ndarray]]:
    """All photos, and those of each folder of classes; each asks among all."""
    outer = np.array([name.partition("/")[0] for name in asked.names])[asked.classes]
    return [
        ("all", np.ones(len(outer), bool)),
        *((name, outer == name) for name in np.unique(outer)),
    ]


def figures(asked: Asked, found: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, Any]:
    classes = asked.classes[rows]
    values = {way: found[way][rows] for way in WAYS}
    values["re-ranked - uncoded"] = values["re-ranked"] - values["uncoded"]
    sizes = np.bincount(asked.classes)
    values["best"] = np.minimum(sizes[classes] - 1, K) / K
    return {
        "queries": len(classes),
        "over queries": {way: with_interval(each, classes, False) for way, each in values.items()},
        "over classes": {way: with_interval(each, classes, True) for way, each in values.items()},
    }


def with_interval(values: np.ndarray, classes: np.ndarray, by_classes: bool) -> dict[str, float]:
    """Mean over queries, or over classes, and its interval: queries redrawn within each class."""
    rng = np.random.default_rng(0)
    total, mean, n_classes = np.zeros(N_RESAMPLES), 0.0, len(np.unique(classes))
    for each in np.unique(classes):
        own = values[classes == each]
        share = 1 / n_classes if by_classes else len(own) / len(values)
        mean += share * own.mean()
        total += share * own[rng.integers(0, len(own), (N_RESAMPLES, len(own)))].mean(1)
    low, high = np.percentile(total, [2.5, 97.5])
    return {"mean": float(mean), "low": float(low), "high": float(high)}


def by_class(asked: Asked, found: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    rows = []
    for number, name in enumerate(asked.names):
        own = asked.classes == number
        if own.any():
            best = min(int(own.sum()) - 1, K) / K
            means = {way: float(found[way][own].mean()) for way in WAYS}
            rows.append({"class": name, "photos": int(own.sum()), **means, "best": best})
    return rows


def by_seed(asked: Asked, uncoded: np.ndarray, n_bits: int) -> dict[str, Any]:
    """Codes of another length, and with other seeds: mean over queries, and over seeds."""
    cosines = similarities(asked)
    means: dict[str, list[float]] = {"codes": [], "re-ranked": []}
    for seed in SEEDS:
        distances = distances_between(ITQ(n_bits, seed=seed).fit_transform(asked.vectors), n_bits)
        means["codes"].append(asked.precisions(ranked(distances)[:, :K]).mean())
        best = reranked(distances, cosines, max(10 * K, 100))
        means["re-ranked"].append(asked.precisions(best).mean())
    row: dict[str, Any] = {"bits": n_bits, "seeds": len(SEEDS), "uncoded": float(uncoded.mean())}
    for way, values in means.items():
        row[way], row[f"{way}, half width"] = mean_and_interval(values)
    return row


def by_candidates(asked: Asked, n_bits: int) -> list[dict[str, Any]]:
    """What more or fewer candidates give, at the codes of the first seed."""
    cosines, distances = similarities(asked), distances_between(asked.codes, n_bits)
    uncoded = asked.precisions(ranked(-cosines)[:, :K]).mean()
    return [
        {
            "bits": n_bits,
            "candidates": n,
            "re-ranked - uncoded": float(
                asked.precisions(reranked(distances, cosines, n)).mean() - uncoded
            ),
        }
        for n in CANDIDATES
    ]


if __name__ == "__main__":
    main()
