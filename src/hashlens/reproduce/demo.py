"""The walk through the whole house on images that come with an installed package."""

from pathlib import Path

from hashlens.data import load
from hashlens.evaluation.protocols import protocol_named
from hashlens.model import Model
from hashlens.reproduce.figures import Evaluation
from hashlens.reproduce.report import write_report
from hashlens.reproduce.scoring import evaluate
from hashlens.training import TrainOptions, train
from hashlens.watcher import Watcher

EPOCHS = 24


def run_demo(out: Path, seed: int, watcher: Watcher) -> tuple[Evaluation, Path]:
    """Train RITQ on scikit-learn's digits, measure it, and write the report.

    Parameters
    ----------
    out : Path
        Folder for the model and the report; what an earlier demo left there is replaced.
    seed : int
    watcher : Watcher

    Returns
    -------
    evaluation : Evaluation
    report : Path
        The HTML page.
    """
    splits = load("digits", seed=seed)
    # At 16 x 16 a digit is still 4 x 4 after the network's two halvings.
    options = TrainOptions(
        seed=seed, epochs=EPOCHS, image_size=16, out=out / "model", overwrite=True
    )
    train(splits, method="ritq", n_bits=48, options=options, watcher=watcher)
    model = Model.load(out / "model")
    evaluation = evaluate(model, splits, protocol_named("ritq-loo"), watcher)
    return evaluation, write_report(evaluation, model, splits, out)
