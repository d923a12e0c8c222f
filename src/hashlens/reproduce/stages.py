"""The stages of a comparison: features, training, codes, rankings; each kept under its content.

A stage's output is stored under a hash of everything it was made from. So an interrupted run goes
on where it stopped, a changed setting repeats only the stages that it touches, and figures are
made anew from stored rankings without any training.
"""

from dataclasses import asdict
from typing import Any

from hashlens.evaluation.protocols import check_leaks, protocol_named
from hashlens.methods import is_deep, load_method
from hashlens.reproduce.arrangement import DATABASE, QUERY, TRAINING, arrange
from hashlens.reproduce.coded import Coded, rankings_from_kept, rankings_to_kept
from hashlens.reproduce.deep_stage import DeepStage
from hashlens.reproduce.figures import Row
from hashlens.reproduce.hasher_stage import HasherStage
from hashlens.reproduce.inputs import Inputs
from hashlens.reproduce.plan import Task
from hashlens.reproduce.rows import feature_row
from hashlens.reproduce.sides import Rankings, Side, rank
from hashlens.reproduce.store import Kept, content_key
from hashlens.training import all_settings


class Stages:
    """The stages of one plan on one data set by one protocol.

    Parameters
    ----------
    protocol : str
    inputs : Inputs
    hashers : HasherStage
    deep : DeepStage
        Both serve the stages of every protocol, with what they hold in memory.
    """

    def __init__(
        self, protocol: str, inputs: Inputs, hashers: HasherStage, deep: DeepStage
    ) -> None:
        self.arrangement = arrange(inputs.splits, protocol_named(protocol))
        self.plan, self.store, self.watcher = inputs.plan, inputs.store, inputs.watcher
        self.hashers, self.deep = hashers, deep
        self._latest: tuple[str, Coded] | None = None

    def training_key(self, task: Task) -> str:
        """Tell what a training is made from; code lengths count only where they enter it."""
        lengths: tuple[int, ...] | None = self.plan.lengths if task.cut else (task.n_bits,)
        recipe, part = None, TRAINING
        if is_deep(task.method):
            from hashlens.deep import recipe_named

            recipe = recipe_named(self.plan.recipe, self.plan.epochs).to_dict()
            recipe["flip_average"] = self.plan.flip_average
            if not load_method(task.method).bits_enter_training:
                lengths = None
        else:
            part = self.hashers.training_part(task.method)
        given = self.plan.settings_of(task.method)
        settings: dict[str, Any] = all_settings(task.method, 0, given, task.seed)
        del settings["n_bits"]
        return content_key(
            method=task.method,
            settings=settings,
            features=task.features,
            lengths=lengths,
            recipe=recipe,
            seed=task.seed,
            images=self.arrangement.part_key(part),
        )

    def codes_key(self, task: Task) -> str:
        """Tell what codes are made from."""
        return content_key(
            training=self.training_key(task),
            n_bits=task.n_bits,
            cut=task.cut,
            query=self.arrangement.part_key(QUERY),
            database=self.arrangement.part_key(DATABASE),
        )

    def codes(self, task: Task) -> Coded:
        """Codes of both sides, made now or before.

        Raises
        ------
        LeakError
            If a query was trained on, or lies in the database, beyond what the protocol defines.
        """
        key = self.codes_key(task)
        if self._latest and self._latest[0] == key:
            return self._latest[1]
        kept = self.store.read("codes", key)
        coded = Coded.from_kept(kept) if kept else self._encode(task, key)
        query, database = coded.query.digests, coded.database.digests
        check_leaks(self.arrangement.protocol, query, database, coded.training_digests)
        return coded

    def rankings(self, task: Task) -> Rankings:
        """Rank the database by the codes, now or before."""
        exclude_self = self.arrangement.protocol.exclude_self
        key = content_key(codes=self.codes_key(task), exclude_self=exclude_self)
        kept = self.store.read("rankings", key)
        if kept:
            return rankings_from_kept(kept)
        coded = self.codes(task)
        self.watcher.stage(f"ranking by {task}")
        rankings = rank(coded.query, coded.database, task.n_bits, exclude_self)
        self.store.write("rankings", key, rankings_to_kept(rankings))
        return rankings

    def control(self, task: Task) -> Row:
        """Score the features themselves: what the codes lose is the difference."""
        protocol = self.arrangement.protocol
        parts = [self.arrangement.part_key(name) for name in (QUERY, DATABASE)]
        made = self.training_key(task) if is_deep(task.method) else task.features
        key = content_key(features=made, parts=parts, protocol=protocol.digest)
        kept = self.store.read("controls", key)
        if kept is None:
            query, database = self._sides_with_features(task)
            self.watcher.stage(f"ranking by the features of {task.features or task.method}")
            kept = Kept({}, asdict(feature_row(query, database, protocol)))
            self.store.write("controls", key, kept)
        ranks = {int(rank): share for rank, share in kept.facts["precision_at"].items()}
        return Row(**{**kept.facts, "precision_at": ranks})

    def _encode(self, task: Task, key: str) -> Coded:
        if is_deep(task.method):
            coded = self.deep.encode(task, self.training_key(task), self.arrangement)
        else:
            coded = self.hashers.encode(task, self.arrangement)
        self._latest = (key, coded)
        self.store.write("codes", key, coded.to_kept())
        return coded

    def _sides_with_features(self, task: Task) -> tuple[Side, Side]:
        if not is_deep(task.method):
            return self.hashers.sides(task.features, self.arrangement)
        coded = self.codes(task)
        if coded.query.features is None:
            coded = self._encode(task, self.codes_key(task))
        return coded.query, coded.database
