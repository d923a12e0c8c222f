"""From a data set to a trained deep model: splits, normalisation, the loop, the last step."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.data import Dataset, Preprocessing
from hashlens.deep import DeepEncoder, DeepMethod, Normalize, Recipe, recipe_named
from hashlens.deep.base import Given
from hashlens.deep.checkpoint import peek_settings
from hashlens.deep.loop import Run, Step, fit
from hashlens.deep.precision import resolve_precision
from hashlens.methods import load_method
from hashlens.model import Model
from hashlens.model_store import CHECKPOINT_FILE
from hashlens.training.budget import fit_to_budget
from hashlens.training.images import TrainingImages, open_images
from hashlens.training.material import make_card, natural_preprocessing
from hashlens.training.measuring import Part, keep_out, measure_encoder, validate
from hashlens.training.options import TrainOptions
from hashlens.watcher import Watcher

SAMPLE_IMAGES = 2_000
SAMPLE_PIXELS = 4_000_000
WITHOUT_MIRROR = ("mnist", "svhn", "digits")  # a mirrored digit is no digit


class Start(NamedTuple):
    """What is settled before the first step."""

    run: Run
    encoder: DeepEncoder
    images: TrainingImages
    training_ids: NDArray[np.int64]
    validation: Part
    given: Given


def train_deep(
    data: Dataset,
    name: str,
    settings: dict[str, Any],
    lengths: tuple[int, ...],
    options: TrainOptions,
    watcher: Watcher,
) -> Model:
    """Train a deep method on a data set; take up an interrupted training in ``options.out``."""
    method = _checked_method(data, name, settings)
    preprocessing = natural_preprocessing(data.images, options.image_size or method.image_size)
    precision: Any = _precision(options)
    fabric = Fabric(accelerator="auto", devices=1, precision=precision)
    start = _prepare(data, method, lengths, preprocessing, options, fabric, watcher)
    run, encoder, given = start.run, start.encoder, start.given
    figures = method.prepare(encoder.network, given)
    run.settings = {
        "method": name,
        "settings": settings,
        "recipe": run.recipe.to_dict(),
        "seed": options.seed,
        "precision": precision,
        "data": data.checksum,
        "preprocessing": preprocessing.to_dict(),
        "lengths": list(lengths),
    }
    if run.checkpoint and run.checkpoint.exists():
        watcher.note(f"taking up the interrupted training in {run.checkpoint.parent}")
    watcher.stage(f"training {name}", run.recipe.n_steps(len(run.data)))
    history = fit(run, fabric)
    figures |= _finish(method, start, watcher)
    measured = measure_encoder(encoder, start.validation, lengths)
    facts = {
        "recipe": run.recipe.to_dict(),
        "precision": precision,
        "device": str(fabric.device),
        "history": history,
        "figures": figures,
        "validation": measured.figures,
        "distances": measured.distances,
    }
    return Model(
        method=name,
        n_bits=settings["n_bits"],
        preprocessing=preprocessing,
        classes=data.classes,
        encoder=encoder.eval(),
        settings=settings,
        card=make_card(data, options, facts),
        training_digests=start.images.digests,
        lengths=lengths,
    )


def _prepare(  # noqa: PLR0913 - what a training is made of
    data: Dataset,
    method: DeepMethod,
    lengths: tuple[int, ...],
    preprocessing: Preprocessing,
    options: TrainOptions,
    fabric: Fabric,
    watcher: Watcher,
) -> Start:
    """Decode, split, build the network, and decide how long to train."""
    images = open_images(data, preprocessing, watcher, options.strict)
    validation, training_ids = part_kept_out(images, preprocessing, options)
    checkpoint = _checkpoint(options)
    torch.manual_seed(options.seed)
    network = method.network(data.n_classes, preprocessing.n_channels)
    recipe = method.recipe(_recipe(options, data.name, checkpoint))
    normalize = Normalize.fit(images.chunks(training_ids))
    encoder = DeepEncoder(normalize, network, _flip_average(options, recipe))
    encoder.to(fabric.device).to(memory_format=torch.channels_last)
    if encoder.wants_images:
        encoder.calibrate(_sample(images, training_ids, preprocessing.shape, options.seed))
    run = Run(
        method=method,
        network=encoder.network,
        normalize=encoder.normalize,
        data=images.batches(training_ids, fabric.device),
        recipe=recipe,
        n_classes=data.n_classes,
        seed=options.seed,
        lengths=lengths,
        checkpoint=checkpoint,
        watch=lambda step: _tell(watcher, step),
        validate=lambda: validate(encoder, validation),
        report=watcher.row,
    )
    if options.time_budget and not (checkpoint and checkpoint.exists()):
        run.recipe = fit_to_budget(run, fabric, options.time_budget, watcher)
    given = Given(images.labels[training_ids], options.seed, lengths)
    return Start(run, encoder, images, training_ids, validation, given)


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


def _checked_method(data: Dataset, name: str, settings: dict[str, Any]) -> DeepMethod:
    method: DeepMethod = load_method(name)(**settings)
    method.check()
    if data.labels is None or data.n_classes < 2:
        raise refuse("the training data", "labelled with at least 2 classes", data.name)
    if data.is_multi_label and not method.supports_multi_label:
        raise refuse("method", "one that takes several labels an image", name)
    return method


def _checkpoint(options: TrainOptions) -> Path | None:
    if options.out is None:
        return None
    options.out.mkdir(parents=True, exist_ok=True)
    return options.out / CHECKPOINT_FILE


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _precision(options: TrainOptions) -> str:
    """The precision asked for; where it is left to be measured, once for a training."""
    checkpoint = options.out / CHECKPOINT_FILE if options.out else None
    if options.precision == "auto" and checkpoint and checkpoint.exists():
        return str(peek_settings(checkpoint)["precision"])
    return resolve_precision(options.precision, _device())


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


def _finish(method: DeepMethod, start: Start, watcher: Watcher) -> dict[str, float]:
    """Let the method do its last step, where it has one: that alone needs all the features."""
    if type(method).finish is DeepMethod.finish:
        return {}
    features = training_features(start.encoder, start.images, start.training_ids, watcher)
    return method.finish(start.encoder.network, features, start.given)


def training_features(
    encoder: DeepEncoder, images: TrainingImages, ids: NDArray[np.int64], watcher: Watcher
) -> NDArray[np.float32]:
    """Features of the training images, without augmentation: float32 (n, d)."""
    total = len(ids)
    watcher.stage("features of the training images", total)
    parts, done = [], 0
    for pixels in images.chunks(ids):
        parts.append(encoder.embed(pixels).features)
        done += len(pixels)
        watcher.advance(done, total)
    return np.concatenate(parts)
