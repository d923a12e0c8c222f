"""Kill -9 at random moments of add, remove, update and compact: nothing committed is lost.

    python -m benchmarks.reliability.kills [--quick] [--seed 0] [--n 200]

After each kill the collection is opened again: what the worker had acknowledged is there, each
commit is there as a whole or not at all, every item has the code and the features of its image,
is found by itself at distance 0, `verify` finds nothing, and the next add goes on.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.reliability._nursery import Job, Told, nursery
from benchmarks.reliability._script import Tables, run_script, small_model
from PIL import Image

from hashlens.collection import Collection
from hashlens.collection.folder.store import FolderStore
from hashlens.vectors import unit_rows

VERBS = ("add", "remove", "update", "compact")
START, ADDED, AFTERWARDS = 300, 80, 3  # images: at first, in each add, and after each kill
PIECES, A_PIECE = 10, 4  # commits of the other verbs, and items in each


class World:
    """The collection, and what must be in it: the code of every image by its path or name."""

    def __init__(self, folder: Path, rng: np.random.Generator, failures: list[str]) -> None:
        self.rng = rng
        self.failures = failures
        self.model = small_model()
        self.folder = folder
        self.collection = Collection.create(folder / "c.hl", self.model)
        self.made = 0
        self.codes: dict[str, bytes] = {}
        self.vectors: dict[str, np.ndarray] = {}
        self.number: dict[int, int] = {}  # what update wrote last, by item
        self.collection.add(self.files(START))

    def pixels(self, n: int) -> tuple[np.ndarray, list[str]]:
        """New images, and their names; their codes are remembered."""
        pixels = self.rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
        names = [f"image-{self.made + i:06d}" for i in range(n)]
        self.made += n
        embedded = self.model.embed_pixels(pixels)
        vectors = unit_rows(embedded.features).astype(np.float16)
        for name, code, vector in zip(names, embedded.codes, vectors, strict=True):
            self.codes[name], self.vectors[name] = code.tobytes(), vector
        return pixels, names

    def files(self, n: int) -> list[Path]:
        """New images in files."""
        paths = []
        for pixels, name in zip(*self.pixels(n), strict=True):
            paths.append(self.folder / f"{name}.png")
            Image.fromarray(pixels).save(paths[-1])
        return paths

    def pieces(self, verb: str) -> list[Any]:
        """Work for a verb, some commits long."""
        if verb == "add":
            arrays = self.pixels(ADDED) if self.rng.integers(2) else None
            return [arrays or self.files(ADDED)]
        wanted = self.rng.permutation(self.collection.select("1"))[: PIECES * A_PIECE]
        ids = [part.tolist() for part in np.array_split(wanted, PIECES)]
        if verb == "update":
            return [(part, int(self.rng.integers(1, 10**9))) for part in ids]
        return ids if verb == "remove" else ids[: PIECES // 2]

    def check(self, verb: str, pieces: list[Any], told: Told, before: dict[int, str]) -> str:
        """Look at everything; give what the kill hit."""
        collection = Collection.open(self.collection.path)
        collection.__dict__["model"] = self.model
        self.collection = collection
        report = collection.verify()
        self.failures += [f"{verb}: {problem}" for problem in report.problems]
        n_items = len(collection)
        items = {item.id: item for item in collection.items(n=n_items)}
        found = {item_id: Path(item.path).stem for item_id, item in items.items()}
        if verb == "add":
            committed = self._check_added(pieces[0], told, before, found)
        elif verb == "update":
            committed = self._check_updated(pieces, told, items)
            self._same(verb, found, before)
        else:
            committed = self._check_removed(verb, pieces, told, before, found)
        self._check_content(collection, found)
        return _hit(verb, told, committed, report.notes)

    def _check_added(
        self, piece: Any, told: Told, before: dict[int, str], found: dict[int, str]
    ) -> int:
        names = piece[1] if isinstance(piece, tuple) else [path.stem for path in piece]
        acknowledged = {Path(path).stem for batch in told.acknowledged for path in batch}
        new = {name for item_id, name in found.items() if item_id not in before}
        self._expect(acknowledged <= new, "add: an acknowledged item is not there")
        self._expect(new <= set(names), "add: an item is there that nobody added")
        self._expect(len(new) % 8 == 0 or told.has_ended, "add: a part of a commit is there")
        self._expect(len(new) - len(acknowledged) <= 8, "add: more than one commit was not said")
        self._same("add", {i: name for i, name in found.items() if i in before}, before)
        return len(new) // 8

    def _check_removed(
        self,
        verb: str,
        pieces: list[Any],
        told: Told,
        before: dict[int, str],
        found: dict[int, str],
    ) -> int:
        said = [word[1] if verb == "compact" else word for word in told.acknowledged]
        for piece in said:
            self._expect(not set(piece) & set(found), f"{verb}: a removed item is there")
        gone = set(before) - set(found)
        whole = [piece for piece in pieces if set(piece) <= gone]
        self._expect(len(gone) == sum(map(len, whole)), f"{verb}: a part of a commit is there")
        self._same(verb, found, {i: name for i, name in before.items() if i not in gone})
        return len(whole)

    def _check_updated(self, pieces: list[Any], told: Told, items: dict[int, Any]) -> int:
        n_said, committed = len(told.acknowledged), 0
        for i, (ids, number) in enumerate(pieces):
            values = {items[item_id].metadata.get("number") for item_id in ids}
            is_new = values == {number}
            olds = {self.number.get(item_id) for item_id in ids}
            self._expect(is_new or values <= olds, "update: a part of a commit is there")
            self._expect(is_new or i >= n_said, "update: an acknowledged change is not there")
            if is_new:
                committed += 1
                self.number.update(dict.fromkeys(ids, number))
        return committed

    def _check_content(self, collection: Collection, found: dict[int, str]) -> None:
        """Compare codes and features with those of the images, and find each item by itself."""
        with FolderStore(collection.path).seen() as (_, snapshot):
            codes, vectors = snapshot.codes[snapshot.rows], snapshot.features[snapshot.rows]
            names = [found[int(item_id)] for item_id in snapshot.ids]
        wanted = [self.codes[name] for name in names]
        self._expect([code.tobytes() for code in codes] == wanted, "a code is not its image's")
        stored = np.array([self.vectors[name] for name in names])
        same = np.allclose(vectors.astype(float), stored.astype(float), atol=1e-3)
        self._expect(same, "features are not those of the image")
        ids = list(found)
        for item_id, hits in zip(ids, collection.search_many(ids, 3, radius=0), strict=True):
            self._expect(item_id in hits.ids, f"item {item_id} does not find itself")

    def go_on(self) -> None:
        """Add a few more, as the next one does who uses the collection."""
        report = self.collection.add(self.files(AFTERWARDS))
        self._expect(report.added == AFTERWARDS, "the next add did not add")
        # Of pictures that were killed half-written, the next that is kept takes the place.
        notes = [note for note in self.collection.verify().notes if "pictures-" not in note]
        self._expect(notes == [], f"the next add left something over: {notes}")

    def _same(self, verb: str, found: dict[int, str], wanted: dict[int, str]) -> None:
        self._expect(found == wanted, f"{verb}: items are not the same as before")

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.failures.append(otherwise)

    def names(self) -> dict[int, str]:
        """The items by id."""
        return {item.id: Path(item.path).stem for item in self.collection.items(n=10**6)}


def _hit(verb: str, told: Told, committed: int, notes: tuple[str, ...]) -> str:
    """Tell from what is left which step of the work was killed."""
    n_said = len(told.acknowledged)
    if verb == "compact":
        n_said = sum(word[0] == "removed" for word in told.acknowledged)
    if told.has_ended:
        return "after the last commit"
    if any("no part of" in note for note in notes):
        return "files of two generations there"
    if notes and verb == "add":
        return "rows written, not committed"
    if committed > n_said:
        return "committed, not yet said"
    return "between commits" if committed else "before the first commit"


def play(arguments: argparse.Namespace, failures: list[str]) -> Tables:
    rng = np.random.default_rng(arguments.seed)
    n = 8 if arguments.quick else int(arguments.n)
    hits: dict[str, Counter[str]] = {verb: Counter() for verb in VERBS}
    with tempfile.TemporaryDirectory() as scratch:
        world = World(Path(scratch), rng, failures)
        with nursery(world.collection.path) as work:
            lasts = {}
            for verb in VERBS:  # how long it takes when nobody kills it
                pieces, before = world.pieces(verb), world.names()
                told = work(Job(verb, pieces, None))
                world.check(verb, pieces, told, before)
                lasts[verb] = told.seconds
            for i in range(n):
                verb = VERBS[i % len(VERBS)]
                pieces, before = world.pieces(verb), world.names()
                told = work(Job(verb, pieces, float(rng.uniform(0, lasts[verb]))))
                # Follow the machine, which is now quicker, now slower.
                lasts[verb] = told.seconds if told.has_ended else 1.03 * lasts[verb]
                hits[verb][world.check(verb, pieces, told, before)] += 1
                world.go_on()
                _keep_size(world)
        n_items = len(world.collection)
    inside = sum(count for verb in VERBS for hit, count in hits[verb].items() if "after" not in hit)
    if inside < n / 2:
        failures.append(f"only {inside} of {n} kills hit the work")
    rows = [
        {"verb": verb, "killed": hit, "times": n} for verb in VERBS for hit, n in hits[verb].items()
    ]
    summary = {"kills": n, "during the work": inside, "failures": len(failures)}
    return {"summary": [summary | {"items at the end": n_items}], "hits": rows}


def _keep_size(world: World) -> None:
    """Let the collection be about as large for the last kill as for the first."""
    ids = world.collection.select("1")
    if len(ids) > 2 * START:
        world.collection.remove(ids[: len(ids) - START])
    elif len(ids) < START:
        world.collection.add(world.files(START - len(ids)))


if __name__ == "__main__":
    run_script("kills", __doc__.splitlines()[0], play, {"n": 200})
