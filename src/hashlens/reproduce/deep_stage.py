"""Deep methods in a comparison: a training for each cell that needs one, then codes."""

from dataclasses import replace
from typing import Any, cast

from hashlens.checks import refuse
from hashlens.codes import binarize
from hashlens.data import Splits
from hashlens.methods import load_method
from hashlens.model import Model
from hashlens.reproduce.arrangement import TRAINING, Arrangement
from hashlens.reproduce.coded import Coded
from hashlens.reproduce.cost import measured
from hashlens.reproduce.inputs import Inputs
from hashlens.reproduce.kept_models import KeptModels
from hashlens.reproduce.plan import Task
from hashlens.reproduce.sides import Side, both_sides, encode_side
from hashlens.reproduce.store import Kept
from hashlens.training import TrainOptions, refit, train

Lengths = tuple[int, ...]


class DeepStage:
    """Trains deep methods, once for all protocols; models are kept, and what they cost.

    Where bits do not enter the training, one training serves all code lengths. Its features of all
    images, which the codes of each length are made from, stay in memory.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.models = KeptModels(inputs.store)
        self._embedded: dict[tuple[str, str], Side] = {}  # by training and images

    def encode(self, task: Task, training_key: str, arrangement: Arrangement) -> Coded:
        """Train, or load what was trained before, and encode both sides."""
        model = self._model(task, training_key, arrangement)
        kept = self.inputs.store.read("costs", training_key)
        facts: dict[str, Any] = dict(kept.facts) if kept else {}
        with measured("encode", facts):
            query, database = both_sides(
                arrangement, lambda part: self._side(model, training_key, arrangement, part)
            )
        names = ("validation", "history", "figures", "distances")
        facts |= {name: model.card.get(name) for name in names}
        return Coded(query, database, model.training_digests, facts)

    def _side(self, model: Model, key: str, arrangement: Arrangement, part: str) -> Side:
        if load_method(model.method).bits_enter_training:
            return encode_side(model, arrangement.part(part), self.inputs.watcher)
        what = (key, arrangement.part_key(part))
        if what not in self._embedded:
            data = arrangement.part(part)
            self._embedded[what] = encode_side(model, data, self.inputs.watcher)
        return _projected(model, self._embedded[what])

    def _model(self, task: Task, key: str, arrangement: Arrangement) -> Model:
        """Give the model of a cell; where bits do not enter the training, from another's."""
        model = self.models.find(f"{task.method}-{key}")
        if model is None:
            model = self._train(task, key, arrangement)
        if not load_method(task.method).bits_enter_training:
            model = self._of_lengths(model, task, key, arrangement)
        return model.shortened(task.n_bits) if task.cut else model

    def _of_lengths(self, model: Model, task: Task, key: str, arrangement: Arrangement) -> Model:
        """Fit the bits for all lengths of the plan at once, where that was not done."""
        own, wanted = model.lengths or (model.n_bits,), self._lengths(task)
        if wanted == own:
            return model
        found = self.models.find(_name(task, key, wanted))
        if found is not None:
            return found
        plan = self.inputs.plan
        each: list[Lengths] = [(n_bits,) for n_bits in plan.lengths]
        if plan.nested and len(plan.lengths) > 1:
            each.append(plan.lengths)
        each = [lengths for lengths in each if lengths != own]
        data = arrangement.part(TRAINING)
        models = refit(model, data, each, self._options(task), self.inputs.watcher)
        for lengths, fitted in zip(each, models, strict=True):
            self.models.keep(_name(task, key, lengths), fitted)
        return models[each.index(wanted)]

    def _lengths(self, task: Task) -> Lengths:
        return self.inputs.plan.lengths if task.cut else (task.n_bits,)

    def _options(self, task: Task) -> TrainOptions:
        plan = self.inputs.plan
        return TrainOptions(
            seed=task.seed,
            recipe=plan.recipe,
            epochs=plan.epochs,
            flip_average=plan.flip_average,
        )

    def _train(self, task: Task, key: str, arrangement: Arrangement) -> Model:
        name, data = f"{task.method}-{key}", arrangement.part(TRAINING)
        costs: dict[str, float] = {}
        with measured("fit", costs):
            model = train(
                Splits(data, data),
                method=task.method,
                n_bits=self._lengths(task),
                settings=self.inputs.plan.settings_of(task.method),
                options=replace(self._options(task), out=self.models.place(name)),
                watcher=self.inputs.watcher,
            )
        if self.models.place(name) is None:  # in a folder, the training itself has saved it
            self.models.keep(name, model)
        self.inputs.store.write("costs", key, Kept({}, costs))
        return model


def _name(task: Task, key: str, lengths: Lengths) -> str:
    return f"{task.method}-{key}-{'-'.join(map(str, lengths))}"


def _projected(model: Model, side: Side) -> Side:
    """Give a side the codes of another model with the same features."""
    from hashlens.deep import DeepEncoder

    if side.features is None:
        raise refuse("features", "at hand", None)
    projection = cast(DeepEncoder, model.encoder).project(side.features)
    return side._replace(codes=binarize(projection[:, : model.n_bits]))
