"""What a training of a deep method begins with: images decoded and split, a network, a recipe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.data import Dataset, Preprocessing
from hashlens.deep import DeepEncoder, DeepMethod, Normalize, Recipe, recipe_named
from hashlens.deep.base import Given, HashNetwork
from hashlens.deep.checkpoint import peek_settings
from hashlens.deep.loop import Run, Step
from hashlens.model_store import CHECKPOINT_FILE
from hashlens.training.budget import fit_to_budget
from hashlens.training.crew import Crew
from hashlens.training.images import IN_MEMORY_BYTES, TrainingImages, open_images
from hashlens.training.measuring import Part, keep_out, validate
from hashlens.training.options import TrainOptions
from hashlens.watcher import Watcher

SAMPLE_IMAGES = 2_000
SAMPLE_PIXELS = 4_000_000
WITHOUT_MIRROR = ("mnist", "svhn", "digits")  # a mirrored digit is no digit


@dataclass(frozen=True)
class Task:
    """What is trained: the same for all processes that train together.

    Attributes
    ----------
    data : Dataset
    name : str
        Of the method.
    settings : dict
        All of the method's.
    lengths : tuple of int
    options : TrainOptions
        With the precision chosen.
    """

    data: Dataset
    name: str
    settings: dict[str, Any]
    lengths: tuple[int, ...]
    options: TrainOptions


class Seen(NamedTuple):
    """What the images say, looked at by one process for all."""

    images: TrainingImages
    validation: Part
    training_ids: NDArray[np.int64]
    normalize: Normalize
    sample: NDArray[np.uint8] | None


class Start(NamedTuple):
    """What is settled before the first step."""

    run: Run
    encoder: DeepEncoder
    images: TrainingImages
    training_ids: NDArray[np.int64]
    validation: Part
    given: Given


def prepare(
    task: Task, method: DeepMethod, preprocessing: Preprocessing, crew: Crew, watcher: Watcher
) -> Start:
    """Decode, split, build the network, and decide how long to train."""
    data, options, device = task.data, task.options, crew.fabric.device
    checkpoint = _checkpoint(options) if crew.is_first else None
    recipe = method.recipe(crew.by_first(lambda: _recipe(options, data.name, checkpoint)))
    torch.manual_seed(options.seed)
    network = method.network(data.n_classes, preprocessing.n_channels)
    seen = crew.by_first(lambda: _look(task, preprocessing, network, crew.n_here, watcher))
    _check_shares(min(recipe.batch_size, len(seen.training_ids)), crew.fabric.world_size)
    encoder = DeepEncoder(seen.normalize, network, _flip_average(options, recipe))
    encoder.to(device).to(memory_format=torch.channels_last)
    if seen.sample is not None:
        encoder.calibrate(seen.sample)
    run = Run(
        method=method,
        network=encoder.network,
        normalize=encoder.normalize,
        data=seen.images.batches(seen.training_ids, device),
        recipe=recipe,
        n_classes=data.n_classes,
        seed=options.seed,
        lengths=task.lengths,
    )
    if options.time_budget and not crew.by_first(lambda: bool(checkpoint and checkpoint.exists())):
        with crew.sharing():
            run.recipe = fit_to_budget(run, crew.fabric, options.time_budget, watcher)
    if crew.is_first:
        run.checkpoint = checkpoint
        run.watch = lambda step: _tell(watcher, step)
        run.validate = lambda: validate(encoder, seen.validation)
        run.report = watcher.row
    given = Given(seen.images.labels[seen.training_ids], options.seed, task.lengths)
    return Start(run, encoder, seen.images, seen.training_ids, seen.validation, given)


def _check_shares(n_images: int, n_processes: int) -> None:
    if n_processes > n_images:
        wanted = f"at most {n_images} processes in all, the images of a batch"
        raise refuse("devices and nodes", wanted, n_processes)


def _look(
    task: Task, preprocessing: Preprocessing, network: HashNetwork, n_here: int, watcher: Watcher
) -> Seen:
    """Decode the images, and take from them all that is needed before the first step."""
    # The processes of a machine hold together what one would.
    in_memory_bytes = IN_MEMORY_BYTES // n_here
    images = open_images(task.data, preprocessing, watcher, task.options.strict, in_memory_bytes)
    validation, training_ids = part_kept_out(images, preprocessing, task.options)
    normalize = Normalize.fit(images.chunks(training_ids))
    sample = None
    if DeepEncoder(normalize, network).wants_images:
        sample = _sample(images, training_ids, preprocessing.shape, task.options.seed)
    return Seen(images, validation, training_ids, normalize, sample)


def part_kept_out(
    images: TrainingImages, preprocessing: Preprocessing, options: TrainOptions
) -> tuple[Part, NDArray[np.int64]]:
    """Take out the images to measure on; the numbers of the others, to train on, beside them."""
    kept_out, training = keep_out(images.labels, options.validation, options.seed)
    chunks = [*images.chunks(kept_out)]
    blank = np.empty((0, *preprocessing.shape), np.uint8)
    return Part(np.concatenate(chunks) if chunks else blank, images.labels[kept_out]), training


def _sample(
    images: TrainingImages, ids: NDArray[np.int64], shape: tuple[int, ...], seed: int
) -> NDArray[np.uint8]:
    """Draw some of the training images, fewer where they are large: pixels (n, h, w, c)."""
    n_wanted = min(SAMPLE_IMAGES, max(1, SAMPLE_PIXELS // (shape[0] * shape[1])))
    drawn = np.random.default_rng(seed).permutation(ids)[:n_wanted]
    return np.concatenate([*images.chunks(drawn)])


def _flip_average(options: TrainOptions, recipe: Recipe) -> bool:
    if options.flip_average and not recipe.flip:
        raise refuse("flip_average", "left out where the training does not mirror", True)
    return options.flip_average


def _checkpoint(options: TrainOptions) -> Path | None:
    if options.out is None:
        return None
    options.out.mkdir(parents=True, exist_ok=True)
    return options.out / CHECKPOINT_FILE


def _recipe(options: TrainOptions, data_name: str, checkpoint: Path | None) -> Recipe:
    epochs = options.epochs
    if options.time_budget and checkpoint and checkpoint.exists():
        epochs = peek_settings(checkpoint)["recipe"]["epochs"]  # decided when the training began
    family = data_name.partition("/")[0]
    flip = family not in WITHOUT_MIRROR if options.flip is None else options.flip
    return recipe_named(options.recipe, epochs, flip)


def _tell(watcher: Watcher, step: Step) -> None:
    note = f"epoch {step.epoch + 1}  loss {step.loss:.3f}  {step.images_per_second:.0f} images/s"
    watcher.advance(step.step, step.n_steps, note)
