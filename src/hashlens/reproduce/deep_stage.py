"""Deep methods in a comparison: a training for each cell that needs one, then codes."""

from dataclasses import replace
from typing import Any, cast

from hashlens.checks import refuse
from hashlens.codes import binarize
from hashlens.data import Splits
from hashlens.methods import load_method
from hashlens.model import Model
from hashlens.model_store import MODEL_FILE
from hashlens.reproduce.arrangement import TRAINING, Arrangement
from hashlens.reproduce.coded import Coded
from hashlens.reproduce.cost import measured
from hashlens.reproduce.plan import Plan, Task
from hashlens.reproduce.scoring import both_sides
from hashlens.reproduce.sides import Side
from hashlens.reproduce.store import Kept, Store
from hashlens.training import TrainOptions, refit, train
from hashlens.watcher import Watcher

Lengths = tuple[int, ...]


class DeepStage:
    """Trains deep methods; models are kept, and so is what their training cost.

    Where bits do not enter the training, one training serves all code lengths, and its features of
    all images, which the codes of each length are made from, stay in memory.
    """

    def __init__(
        self, arrangement: Arrangement, plan: Plan, store: Store, watcher: Watcher
    ) -> None:
        self.arrangement = arrangement
        self.plan = plan
        self.store = store
        self.watcher = watcher
        self._refitted: tuple[str, dict[Lengths, Model]] = ("", {})
        self._sides: tuple[str, tuple[Side, Side]] | None = None

    def encode(self, task: Task, training_key: str) -> Coded:
        """Train, or load what was trained before, and encode both sides."""
        model = self._model(task, training_key)
        kept = self.store.read("costs", training_key)
        facts: dict[str, Any] = dict(kept.facts) if kept else {}
        with measured("encode", facts):
            query, database = self._encode(model, training_key)
        names = ("validation", "history", "figures", "distances")
        facts |= {name: model.card.get(name) for name in names}
        return Coded(query, database, model.training_digests, facts)

    def _encode(self, model: Model, key: str) -> tuple[Side, Side]:
        if load_method(model.method).bits_enter_training:
            return both_sides(model, self.arrangement, self.watcher)
        if self._sides is None or self._sides[0] != key:
            self._sides = (key, both_sides(model, self.arrangement, self.watcher))
        query, database = self._sides[1]
        asking = _projected(model, query)
        return asking, asking if database is query else _projected(model, database)

    def _model(self, task: Task, key: str) -> Model:
        """Give the model of a cell; where bits do not enter the training, from another's."""
        lengths = self.plan.lengths if task.cut else (task.n_bits,)
        folder = self.store.place("models", f"{task.method}-{key}")
        if folder and (folder / MODEL_FILE).exists():
            model = Model.load(folder)
        elif self._refitted[0] == key:
            model = next(iter(self._refitted[1].values()))
        else:
            model = self._train(task, lengths, replace(self._options(task), out=folder), key)
        if not load_method(task.method).bits_enter_training:
            model = self._of_lengths(model, lengths, key)
        return model.shortened(task.n_bits) if task.cut else model

    def _of_lengths(self, model: Model, lengths: Lengths, key: str) -> Model:
        """Fit the bits for all lengths of the plan at once, where that was not done."""
        if lengths == (model.lengths or (model.n_bits,)):
            return model
        name = f"{model.method}-{key}-{'-'.join(map(str, lengths))}"
        folder = self.store.place("models", name)
        if folder and (folder / MODEL_FILE).exists():
            return Model.load(folder)
        if self._refitted[0] != key:
            each: list[Lengths] = [(n_bits,) for n_bits in self.plan.lengths]
            if self.plan.nested and len(self.plan.lengths) > 1:
                each.append(self.plan.lengths)
            data = self.arrangement.part(TRAINING)
            models = refit(model, data, each, self._trained_with(model), self.watcher)
            self._refitted = (key, dict(zip(each, models, strict=True)))
        fitted = self._refitted[1][lengths]
        return fitted if folder is None else Model.load(fitted.save(folder))

    def _trained_with(self, model: Model) -> TrainOptions:
        return TrainOptions(seed=model.card["seed"], recipe=self.plan.recipe)

    def _options(self, task: Task) -> TrainOptions:
        return TrainOptions(
            seed=task.seed,
            recipe=self.plan.recipe,
            epochs=self.plan.epochs,
            flip_average=self.plan.flip_average,
        )

    def _train(self, task: Task, lengths: Lengths, options: TrainOptions, key: str) -> Model:
        data = self.arrangement.part(TRAINING)
        costs: dict[str, float] = {}
        with measured("fit", costs):
            model = train(
                Splits(data, data),
                method=task.method,
                n_bits=lengths,
                settings=self.plan.settings_of(task.method),
                options=options,
                watcher=self.watcher,
            )
        self.store.write("costs", key, Kept({}, costs))
        return model


def _projected(model: Model, side: Side) -> Side:
    """Give a side the codes of another model with the same features."""
    from hashlens.deep import DeepEncoder

    if side.features is None:
        raise refuse("features", "at hand", None)
    projection = cast(DeepEncoder, model.encoder).project(side.features)
    return side._replace(codes=binarize(projection[:, : model.n_bits]))
