"""From a data set to a trained deep model: splits, normalisation, the loop, the last step."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.data import Dataset, Preprocessing
from hashlens.deep import DeepEncoder, DeepMethod, Recipe
from hashlens.deep.checkpoint import peek_settings
from hashlens.deep.loop import fit
from hashlens.deep.precision import resolve_precision
from hashlens.methods import load_method
from hashlens.model import Model
from hashlens.model_store import CHECKPOINT_FILE
from hashlens.training.crew import Crew, check_gpus
from hashlens.training.images import TrainingImages
from hashlens.training.launching import agreed, run_crew
from hashlens.training.material import make_card, natural_preprocessing
from hashlens.training.measuring import measure_encoder
from hashlens.training.options import TrainOptions
from hashlens.training.plan import Plan
from hashlens.training.start import Start, Task, prepare
from hashlens.watcher import Watcher

FINISH_IMAGES = 20_000  # that a last step learns from: see decisions.md


class Ended(NamedTuple):
    """What the first process gives to all once the training is over."""

    weights: dict[str, torch.Tensor]
    card: dict[str, Any]


class Job(Task):
    """A task, as each process does it: it can be pickled."""

    def __call__(self, crew: Crew, watcher: Watcher) -> Model:
        """Train, as one of the processes; each gets the whole model."""
        precision = crew.by_first(lambda: self.options.precision)
        if precision != self.options.precision:  # measured on each machine
            raise refuse("precision", f"{precision} on all machines", self.options.precision)
        method = _checked_method(self.data, self.name, self.settings)
        preprocessing = _preprocessing(self.data, method, self.options)
        start = prepare(self, method, preprocessing, crew, watcher)
        figures = method.prepare(start.encoder.network, start.given)
        if crew.is_first:
            start.run.settings = self._promise(start.run.recipe, preprocessing)
        if start.run.checkpoint and start.run.checkpoint.exists():
            watcher.note(f"taking up the interrupted training in {start.run.checkpoint.parent}")
        watcher.stage(f"training {self.name}", start.run.recipe.n_steps(len(start.run.data)))
        with crew.sharing():
            history = fit(start.run, crew.fabric)
        known = {
            "recipe": start.run.recipe.to_dict(),
            "precision": self.options.precision,
            "device": str(crew.fabric.device),
            "processes": crew.fabric.world_size,
            "history": history,
        }
        ended = crew.by_first(lambda: self._end(method, start, figures, known, watcher))
        start.encoder.load_state_dict(ended.weights)
        return Model(
            method=self.name,
            n_bits=self.settings["n_bits"],
            preprocessing=preprocessing,
            classes=self.data.classes,
            encoder=start.encoder.eval(),
            settings=self.settings,
            card=ended.card,
            training_digests=start.images.digests,
            lengths=self.lengths,
        )

    def _end(
        self,
        method: DeepMethod,
        start: Start,
        figures: dict[str, float],
        known: dict[str, Any],
        watcher: Watcher,
    ) -> Ended:
        """Do the method's last step, measure, and write the card: one process does so for all."""
        figures = figures | _finish(method, start, watcher)
        measured = measure_encoder(start.encoder, start.validation, self.lengths)
        facts = known | {
            "figures": figures,
            "validation": measured.figures,
            "distances": measured.distances,
        }
        weights = {name: tensor.cpu() for name, tensor in start.encoder.state_dict().items()}
        return Ended(weights, make_card(self.data, self.options, facts))

    def _promise(self, recipe: Recipe, preprocessing: Preprocessing) -> dict[str, Any]:
        """What must be the same for a checkpoint to be taken up; the processes may be others."""
        return {
            "method": self.name,
            "settings": self.settings,
            "recipe": recipe.to_dict(),
            "seed": self.options.seed,
            "precision": self.options.precision,
            "data": self.data.checksum,
            "preprocessing": preprocessing.to_dict(),
            "lengths": list(self.lengths),
        }


def train_deep(
    data: Dataset,
    name: str,
    settings: dict[str, Any],
    lengths: tuple[int, ...],
    options: TrainOptions,
    watcher: Watcher,
) -> Model:
    """Train a deep method on a data set; take up an interrupted training in ``options.out``."""
    _checked_method(data, name, settings)
    plan = Plan.of(options)
    check_gpus(plan)
    precision = agreed(plan, lambda: _precision(options))
    job = Job(data, name, settings, lengths, replace(options, precision=precision))
    return run_crew(plan, precision, job, watcher)


def _preprocessing(data: Dataset, method: DeepMethod, options: TrainOptions) -> Preprocessing:
    return natural_preprocessing(data.images, options.image_size or method.image_size)


def _checked_method(data: Dataset, name: str, settings: dict[str, Any]) -> DeepMethod:
    method: DeepMethod = load_method(name)(**settings)
    method.check()
    if data.labels is None or data.n_classes < 2:
        raise refuse("the training data", "labelled with at least 2 classes", data.name)
    if data.is_multi_label and not method.supports_multi_label:
        raise refuse("method", "one that takes several labels an image", name)
    return method


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _precision(options: TrainOptions) -> str:
    """The precision asked for; where it is left to be measured, once for a training."""
    checkpoint = options.out / CHECKPOINT_FILE if options.out else None
    if options.precision == "auto" and checkpoint and checkpoint.exists():
        return str(peek_settings(checkpoint)["precision"])
    return resolve_precision(options.precision, _device())


def _finish(method: DeepMethod, start: Start, watcher: Watcher) -> dict[str, float]:
    """Let the method do its last step, where it has one: that alone needs all the features."""
    if type(method).finish is DeepMethod.finish:
        return {}
    seed = start.given.seed
    features, ids = drawn_features(start.encoder, start.images, start.training_ids, seed, watcher)
    given = start.given._replace(labels=start.images.labels[ids])
    return method.finish(start.encoder.network, features, given)


def drawn_features(
    encoder: DeepEncoder,
    images: TrainingImages,
    ids: NDArray[np.int64],
    seed: int,
    watcher: Watcher,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features of training images, without augmentation: float32 (n, d), and the images' numbers.

    Of more than `FINISH_IMAGES`, so many are drawn.
    """
    drawn = np.sort(np.random.default_rng(seed).permutation(ids)[:FINISH_IMAGES])
    total = len(drawn)
    watcher.stage("features of the training images", total)
    parts, done = [], 0
    for pixels in images.chunks(drawn):
        parts.append(encoder.embed(pixels).features)
        done += len(pixels)
        watcher.advance(done, total)
    return np.concatenate(parts), drawn
