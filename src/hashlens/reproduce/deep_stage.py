"""Deep methods in a comparison: a training for each cell that needs one, then codes."""

from dataclasses import replace
from typing import Any

from hashlens.data import Splits
from hashlens.model import Model
from hashlens.model_store import MODEL_FILE
from hashlens.reproduce.arrangement import TRAINING, Arrangement
from hashlens.reproduce.coded import Coded
from hashlens.reproduce.cost import measured
from hashlens.reproduce.plan import Plan, Task
from hashlens.reproduce.scoring import both_sides
from hashlens.reproduce.store import Kept, Store
from hashlens.training import TrainOptions, refit, train
from hashlens.watcher import Watcher


class DeepStage:
    """Trains deep methods; models are kept, and so is what their training cost."""

    def __init__(
        self, arrangement: Arrangement, plan: Plan, store: Store, watcher: Watcher
    ) -> None:
        self.arrangement = arrangement
        self.plan = plan
        self.store = store
        self.watcher = watcher

    def encode(self, task: Task, training_key: str) -> Coded:
        """Train, or load what was trained before, and encode both sides."""
        model = self._model(task, training_key)
        kept = self.store.read("costs", training_key)
        facts: dict[str, Any] = dict(kept.facts) if kept else {}
        with measured("encode", facts):
            query, database = both_sides(model, self.arrangement, self.watcher)
        facts |= {name: model.card.get(name) for name in ("validation", "history", "figures")}
        return Coded(query, database, model.training_digests, facts)

    def _model(self, task: Task, key: str) -> Model:
        """Give the model of a cell; where bits do not enter the training, from another's."""
        lengths = self.plan.lengths if task.cut else (task.n_bits,)
        folder = self.store.place("models", f"{task.method}-{key}")
        if folder and (folder / MODEL_FILE).exists():
            model = Model.load(folder)
        else:
            options = replace(self._options(task), out=folder)
            model = self._train(task, lengths, options, key)
        if (model.lengths or (model.n_bits,)) != lengths:
            data = self.arrangement.part(TRAINING)
            model = refit(model, data, lengths, self._options(task), self.watcher)
        return model.shortened(task.n_bits) if task.cut else model

    def _options(self, task: Task) -> TrainOptions:
        return TrainOptions(
            seed=task.seed,
            recipe=self.plan.recipe,
            epochs=self.plan.epochs,
            flip_average=self.plan.flip_average,
        )

    def _train(
        self, task: Task, lengths: tuple[int, ...], options: TrainOptions, key: str
    ) -> Model:
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
