"""Hashers in a comparison: features of all images once, then a fit and codes for each cell."""

from typing import Any

import numpy as np

from hashlens.checks import refuse
from hashlens.codes import binarize
from hashlens.feature_encoder import FeatureEncoder, fit_encoder
from hashlens.features import Features, load_features
from hashlens.methods import load_method
from hashlens.reproduce.arrangement import TRAINING, UNLABELLED, Arrangement
from hashlens.reproduce.coded import Coded
from hashlens.reproduce.cost import measured
from hashlens.reproduce.inputs import Inputs
from hashlens.reproduce.plan import Task
from hashlens.reproduce.sides import Side, both_sides
from hashlens.reproduce.vectors import Vectors, join_vectors, vectors_of
from hashlens.training import all_settings
from hashlens.training.material import natural_preprocessing

NO_CODES = np.empty((0, 0), np.uint8)


class HasherStage:
    """Fits hashers; the features of all images stay in memory, for every protocol."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self._held: dict[str, tuple[Features, Vectors]] = {}  # by the name of the features

    @staticmethod
    def training_part(method: str) -> str:
        """Methods that ignore labels may learn from all images that are no query."""
        return UNLABELLED if load_method(method).labels == "ignored" else TRAINING

    def encode(self, task: Task, arrangement: Arrangement) -> Coded:
        """Fit a hasher on the training images, and encode both sides."""
        features, vectors = self._vectors(task.features)
        training = vectors.part(arrangement.rows[self.training_part(task.method)])
        given = self.inputs.plan.settings_of(task.method)
        settings = all_settings(task.method, task.n_bits, given, task.seed)
        hasher = load_method(task.method)(**settings)
        labels = arrangement.labels_of(training.rows)
        facts: dict[str, Any] = {}
        watcher = self.inputs.watcher
        watcher.stage(f"fitting {task}")
        with measured("fit", facts):
            encoder, _ = fit_encoder(features, training.features, hasher, labels, watcher.advance)
        query, database = self.sides(task.features, arrangement)
        with measured("encode", facts):
            asking = _encoded(encoder, query)
            searched = asking if database is query else _encoded(encoder, database)
        return Coded(asking, searched, training.digests, facts)

    def sides(self, name: str, arrangement: Arrangement) -> tuple[Side, Side]:
        """Give both sides with their features, without codes."""
        _, vectors = self._vectors(name)
        return both_sides(arrangement, lambda part: _side(vectors, arrangement, part))

    def _vectors(self, name: str) -> tuple[Features, Vectors]:
        """Give the features of all images, those of the training part first."""
        if name not in self._held:
            splits, watcher = self.inputs.splits, self.inputs.watcher
            natural = natural_preprocessing(splits.train.images, None)
            features = load_features(name, preprocessing=natural)
            folder = self.inputs.store.place("vectors", "")
            train, test = (
                vectors_of(features, data, folder, watcher) for data in (splits.train, splits.test)
            )
            self._held[name] = (features, join_vectors(train, test, len(splits.train)))
        return self._held[name]


def _side(vectors: Vectors, arrangement: Arrangement, part: str) -> Side:
    rows = arrangement.rows[part]
    chosen = vectors.part(rows)
    labels = arrangement.labels_of(chosen.rows)
    places = np.flatnonzero(np.isin(rows, chosen.rows))
    return Side(NO_CODES, labels, chosen.digests, places, features=chosen.features)


def _encoded(encoder: FeatureEncoder, side: Side) -> Side:
    if side.features is None:
        raise refuse("features", "at hand", None)
    return side._replace(codes=binarize(encoder.project(side.features)))
