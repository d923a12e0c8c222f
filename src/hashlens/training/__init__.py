"""Train a model by one word: data in, `Model` out."""

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hashlens.checks import check_choice, check_n_bits, refuse
from hashlens.data import Dataset, Splits, load
from hashlens.methods import METHODS, is_deep, load_method
from hashlens.model import Model
from hashlens.model_store import check_free
from hashlens.training.options import TrainOptions
from hashlens.training.plan import Plan, check_one_process
from hashlens.watcher import Watcher

__all__ = ["TrainOptions", "Watcher", "all_settings", "refit", "train"]


def train(  # noqa: PLR0913 - the one public door; each argument is a word on the command line
    source: str | Path | Splits,
    *,
    method: str = "ritq",
    n_bits: int | Sequence[int] = 48,
    data_dir: str | Path | None = None,
    download: bool = False,
    settings: dict[str, Any] | None = None,
    options: TrainOptions | None = None,
    watcher: Watcher | None = None,
) -> Model:
    """Learn codes from labelled images (or from unlabelled ones, where the method allows).

    Parameters
    ----------
    source : str, Path or Splits
        A folder, a manifest, the name of a benchmark, or loaded data. Only its training part is
        read.
    method : str
        A name in ``METHODS``.
    n_bits : int, or several, 1 to 4096
        Of several, the longest is the code, and the others are lengths to which it can be cut:
        ``model.shortened(32)``.
    data_dir : path, optional
        Where the files of a benchmark are.
    download : bool
        Fetch a benchmark that is not there.
    settings : dict, optional
        The method's own parameters beside `n_bits`.
    options : TrainOptions, optional
    watcher : Watcher, optional

    Returns
    -------
    model : Model
        Also saved, if ``options.out`` is given.

    Raises
    ------
    InputError
        If anything is not what is wanted.

    Examples
    --------
    >>> model = train("digits", method="itq", n_bits=32, options=TrainOptions(features="pixels"))
    >>> model.n_bits, model.method
    (32, 'itq')
    """
    check_choice("method", method, METHODS)
    lengths = check_lengths(n_bits)
    options = options or TrainOptions()
    watcher = watcher or Watcher()
    plan = Plan.of(options)
    if not is_deep(method):
        check_one_process(plan, method)
    if not plan.is_first:
        options, watcher = replace(options, out=None), Watcher()
    if options.out is not None:
        check_free(options.out, overwrite=options.overwrite)
    started = time.monotonic()
    watcher.stage("reading the data")
    seed = options.seed
    splits = (
        source
        if isinstance(source, Splits)
        else _load(plan, lambda: load(source, data_dir=data_dir, download=download, seed=seed))
    )
    chosen = all_settings(method, lengths[-1], settings, seed)
    model = _train_on(splits.train, method, chosen, lengths, options, watcher)
    model.card["seconds"] = round(time.monotonic() - started, 1)
    if options.out is not None:
        model.save(options.out)
    return model


def refit(
    model: Model,
    data: Dataset,
    each: Sequence[int | Sequence[int]],
    options: TrainOptions | None = None,
    watcher: Watcher | None = None,
) -> list[Model]:
    """Give codes of other lengths from a network that is trained already.

    For methods whose bits are fitted after the training (``bits_enter_training`` is False): each
    result is that of a training for its length, without the training.

    Parameters
    ----------
    model : Model
    data : Dataset
        The one that it was trained on.
    each : sequence of int, or of several
        What `n_bits` is for `train`, for each model that is wanted.
    options : TrainOptions, optional
        Those that it was trained with.
    watcher : Watcher, optional

    Returns
    -------
    models : list of Model

    Raises
    ------
    InputError
        If the method's training depends on the code length, or the data are others.
    """
    if not is_deep(model.method) or load_method(model.method).bits_enter_training:
        raise refuse("model", "of a method that fits its bits after the training", model.method)
    if data.checksum != model.card["data"]["checksum"]:
        raise refuse("data", f"those of the training, {model.card['data']['name']}", data.name)
    from hashlens.training.refitting import refit_deep

    wanted = [check_lengths(n_bits) for n_bits in each]
    return refit_deep(model, data, wanted, options or TrainOptions(), watcher or Watcher())


def all_settings(
    method: str, n_bits: int, given: dict[str, Any] | None, seed: int
) -> dict[str, Any]:
    """All arguments of a method's constructor, defaults too; an unknown one is an error."""
    parameters = inspect.signature(load_method(method)).parameters
    chosen = {name: parameter.default for name, parameter in parameters.items()}
    chosen["n_bits"] = n_bits
    if "seed" in chosen:
        chosen["seed"] = seed
    for name, value in (given or {}).items():
        chosen[check_choice("setting", name, parameters)] = value
    return chosen


def check_lengths(n_bits: object) -> tuple[int, ...]:
    """Return code lengths, ascending, each once, or raise InputError.

    Examples
    --------
    >>> check_lengths([32, 16]), check_lengths(48)
    ((16, 32), (48,))
    """
    several = isinstance(n_bits, Sequence) and not isinstance(n_bits, str)
    lengths = list(n_bits) if isinstance(n_bits, Sequence) and several else [n_bits]
    if not lengths:
        raise refuse("n_bits", "at least one length", n_bits)
    return tuple(sorted({check_n_bits(length) for length in lengths}))


def _load(plan: Plan, read: Callable[[], Splits]) -> Splits:
    """Read the data; of processes that torchrun started, the first reads first: it may download."""
    if not plan.started or plan.n_processes == 1:
        return read()
    from hashlens.training.launching import in_turn

    return in_turn(plan, read)


def _train_on(
    data: Dataset,
    method: str,
    settings: dict[str, Any],
    lengths: tuple[int, ...],
    options: TrainOptions,
    watcher: Watcher,
) -> Model:
    if is_deep(method):
        from hashlens.training.deep import train_deep

        return train_deep(data, method, settings, lengths, options, watcher)
    from hashlens.training.hasher import train_hasher

    return train_hasher(data, method, settings, lengths, options, watcher)
