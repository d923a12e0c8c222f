"""Hashers in a comparison: features of all images once, then a fit and codes for each cell."""

from typing import Any

import numpy as np

from hashlens.checks import refuse
from hashlens.codes import binarize
from hashlens.feature_encoder import FeatureEncoder, fit_encoder
from hashlens.features import Features, load_features
from hashlens.methods import load_method
from hashlens.reproduce.arrangement import DATABASE, QUERY, TRAINING, UNLABELLED, Arrangement
from hashlens.reproduce.coded import Coded
from hashlens.reproduce.cost import measured
from hashlens.reproduce.plan import Plan, Task
from hashlens.reproduce.sides import Side
from hashlens.reproduce.store import Store
from hashlens.reproduce.vectors import Vectors, join_vectors, vectors_of
from hashlens.training import all_settings
from hashlens.training.material import natural_preprocessing
from hashlens.watcher import Watcher

NO_CODES = np.empty((0, 0), np.uint8)


class HasherStage:
    """Fits hashers; the features of the kind that was asked for last stay in memory."""

    def __init__(
        self, arrangement: Arrangement, plan: Plan, store: Store, watcher: Watcher
    ) -> None:
        self.arrangement = arrangement
        self.plan = plan
        self.store = store
        self.watcher = watcher
        self._held: tuple[str, Features, Vectors] | None = None

    @staticmethod
    def training_part(method: str) -> str:
        """Methods that ignore labels may learn from all images that are no query."""
        return UNLABELLED if load_method(method).labels == "ignored" else TRAINING

    def encode(self, task: Task) -> Coded:
        """Fit a hasher on the training images, and encode both sides."""
        features, vectors = self._vectors(task.features)
        training = vectors.part(self.arrangement.rows[self.training_part(task.method)])
        given = self.plan.settings_of(task.method)
        settings = all_settings(task.method, task.n_bits, given, task.seed)
        hasher = load_method(task.method)(**settings)
        labels = self.arrangement.labels_of(training.rows)
        facts: dict[str, Any] = {}
        self.watcher.stage(f"fitting {task}")
        with measured("fit", facts):
            tell = self.watcher.advance
            encoder, _ = fit_encoder(features, training.features, hasher, labels, tell)
        query, database = self.sides(task.features)
        with measured("encode", facts):
            asking = _encoded(encoder, query)
            searched = asking if database is query else _encoded(encoder, database)
        return Coded(asking, searched, training.digests, facts)

    def sides(self, name: str) -> tuple[Side, Side]:
        """Give both sides with their features, without codes."""
        _, vectors = self._vectors(name)
        query = self._side(vectors, QUERY)
        same = np.array_equal(self.arrangement.rows[QUERY], self.arrangement.rows[DATABASE])
        return query, query if same else self._side(vectors, DATABASE)

    def _side(self, vectors: Vectors, part: str) -> Side:
        rows = self.arrangement.rows[part]
        chosen = vectors.part(rows)
        labels = self.arrangement.labels_of(chosen.rows)
        places = np.flatnonzero(np.isin(rows, chosen.rows))
        return Side(NO_CODES, labels, chosen.digests, places, features=chosen.features)

    def _vectors(self, name: str) -> tuple[Features, Vectors]:
        """Give the features of all images, those of the training part first."""
        if self._held is None or self._held[0] != name:
            splits = self.arrangement.splits
            natural = natural_preprocessing(splits.train.images, None)
            features = load_features(name, preprocessing=natural)
            folder = self.store.place("vectors", "")
            train, test = (
                vectors_of(features, data, folder, self.watcher)
                for data in (splits.train, splits.test)
            )
            self._held = (name, features, join_vectors(train, test, len(splits.train)))
        return self._held[1:]


def _encoded(encoder: FeatureEncoder, side: Side) -> Side:
    if side.features is None:
        raise refuse("features", "at hand", None)
    return side._replace(codes=binarize(encoder.project(side.features)))
