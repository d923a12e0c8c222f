"""Checks the answers of a server against a scan of all items, in the commit that each names."""

from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.reliability._load import Answer

from hashlens.collection import Collection
from hashlens.collection.folder.catalogue import Catalogue
from hashlens.data import BytesImages
from hashlens.model import Model
from hashlens.vectors import unit_rows

_NEAR = 2e-3  # by which similarities may differ: features are kept as float16


class Judge:
    """Knows code, features and label of every item there ever was, and who lived when."""

    def __init__(
        self, folder: Path, first: int, commits: list[tuple[int, int, str, bytes]]
    ) -> None:
        collection = Collection.open(folder)
        with Catalogue(collection.path).reading() as db:
            rows = db.execute("SELECT id, row, label FROM items ORDER BY id").fetchall()
        self.model: Model = collection.model
        n_rows = collection.stats().n_rows
        codes = np.fromfile(folder / "codes-1.u8", np.uint8).reshape(-1, -(-collection.n_bits // 8))
        features = np.fromfile(folder / "features-1.f16", np.float16).reshape(n_rows, -1)
        self.ids = np.array([row[0] for row in rows])
        places = np.array([row[1] for row in rows])
        self.codes, self.vectors = codes[places], features[places].astype(np.float32)
        self.labels = np.array([row[2] for row in rows], object)
        added = {item for _, item, label, _ in commits if label}
        live = np.array([item not in added for item in self.ids])
        self.live = {first: live}
        for revision, item, label, _ in commits:
            live = live.copy()
            live[self.ids == item] = bool(label)
            self.live[revision] = live
        self.unknown = 0

    def wrongness(self, answer: Answer) -> str:
        """Say what is wrong with an answer; "" if nothing."""
        found, asked = answer.found, answer.asked
        live = self.live.get(found["revision"])
        if live is None:
            self.unknown += 1  # of the one commit that nobody acknowledged
            return ""
        if asked["kind"] == "list":
            return self._listed(answer, live)
        if found["n_items"] != int(live.sum()):
            return f"{found['n_items']} items in place of {int(live.sum())}"
        part = found["query"]["parts"][0]
        code = np.frombuffer(bytes.fromhex(part["code"]), np.uint8)
        distances = np.bitwise_count(self.codes ^ code).sum(axis=1)
        allowed = live & self._where(asked["where"])
        if asked["radius"] is not None:
            allowed &= distances <= asked["radius"]
        order = np.lexsort((self.ids[allowed], distances[allowed]))
        ranked = np.flatnonzero(allowed)[order]
        if not found["reranked"]:
            wanted = [(int(self.ids[i]), int(distances[i])) for i in ranked[: asked["k"]]]
            got = [(hit["id"], hit["distance"]) for hit in found["hits"]]
            return "" if got == wanted else f"{got[:3]}... in place of {wanted[:3]}..."
        return self._reranked(answer, part, ranked, distances)

    def _reranked(
        self, answer: Answer, part: dict[str, Any], ranked: np.ndarray, distances: np.ndarray
    ) -> str:
        k = answer.asked["k"]
        vector = self._vector(answer, part)
        candidates = ranked[: max(10 * k, 100)]
        similarities = self.vectors[candidates] @ vector
        wanted = np.sort(similarities)[::-1][:k]
        hits = answer.found["hits"]
        got = np.array([hit["similarity"] for hit in hits])
        if len(got) != len(wanted) or not np.allclose(got, wanted, atol=_NEAR):
            return f"similarities {got[:3]} in place of {wanted[:3]}"
        of = dict(zip(self.ids[candidates].tolist(), similarities.tolist(), strict=True))
        for hit in hits:
            if abs(of.get(hit["id"], 9.0) - hit["similarity"]) > _NEAR:
                return f"item {hit['id']} with similarity {hit['similarity']}"
            if distances[self.ids == hit["id"]][0] != hit["distance"]:
                return f"item {hit['id']} at distance {hit['distance']}"
        return ""

    def _listed(self, answer: Answer, live: np.ndarray) -> str:
        found, asked = answer.found, answer.asked
        ids = self.ids[live & self._where(asked["where"])].tolist()
        wanted = ids[asked["first"] : asked["first"] + asked["n"]]
        got = [item["id"] for item in found["items"]]
        is_right = got == wanted and found["total"] == len(ids)
        return "" if is_right else f"{found['total']} listed in place of {len(ids)}"

    def _vector(self, answer: Answer, part: dict[str, Any]) -> np.ndarray:
        if part["id"] is not None:
            return self.vectors[self.ids == part["id"]][0]
        images = BytesImages([answer.image or b""])
        (embedded,) = self.model.iter_embed(images, batch_size=1)
        return unit_rows(embedded.features)[0]

    def _where(self, where: str | None) -> np.ndarray:
        return {
            None: np.ones(len(self.ids), bool),
            "label = 'even'": self.labels == "even",
            "label = 'odd' AND id > 40": (self.labels == "odd") & (self.ids > 40),
            "id % 3 = 0": self.ids % 3 == 0,
        }[where]
