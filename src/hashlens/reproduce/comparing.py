"""Methods compared on one data set: every stage's output is kept, figures are made from it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.data import Splits
from hashlens.errors import InputError
from hashlens.evaluation import meaning_in
from hashlens.methods import is_deep
from hashlens.reproduce.calibration import calibrate
from hashlens.reproduce.deep_stage import DeepStage
from hashlens.reproduce.figures import Row
from hashlens.reproduce.hasher_stage import HasherStage
from hashlens.reproduce.inputs import Inputs
from hashlens.reproduce.plan import Plan, Task
from hashlens.reproduce.published import published_for
from hashlens.reproduce.rows import one_hot_row, tally_of
from hashlens.reproduce.scoring import error_of
from hashlens.reproduce.stages import Stages
from hashlens.reproduce.store import Store
from hashlens.watcher import Watcher

Cell = dict[str, Any]
RANKS = (1, 10, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000)


class Compared:
    """What a comparison on one data set gives.

    Attributes
    ----------
    splits : Splits
    cells : list of dict
        For each cell its task, figures, published figure and costs; a method that cannot carry so
        many bits has the reason under ``refused``.
    precisions : list of float64 (n_queries,), or None
        Average precision of each query, for each cell.
    """

    def __init__(self, splits: Splits, plan: Plan, out: Path | None, watcher: Watcher) -> None:
        self.splits = splits
        self._inputs = Inputs(splits, plan, Store(out), watcher)
        self._hashers, self._deep = HasherStage(self._inputs), DeepStage(self._inputs)
        self.cells: list[Cell] = []
        self.precisions: list[NDArray[np.float64] | None] = []
        self._stages: dict[str, Stages] = {}

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.splits.test.name.partition("/")[0]

    def stages(self, protocol: str) -> Stages:
        """Give the stages of one protocol."""
        if protocol not in self._stages:
            made = Stages(protocol, self._inputs, self._hashers, self._deep)
            self._stages[protocol] = made
        return self._stages[protocol]

    def add(self, task: Task) -> Cell:
        """Measure one cell."""
        stages = self.stages(task.protocol)
        arrangement = stages.arrangement
        head: Cell = {
            "data": arrangement.family,
            **task._asdict(),
            "arrangement": arrangement.digest,
        }
        try:
            measured, precisions = _measure(stages, task)
        except InputError as error:
            measured, precisions = {"refused": str(error)}, None
        else:
            what = (arrangement.family, task.protocol, task.method, task.n_bits)
            found = published_for(*what)
            measured["published"] = [figure._asdict() for figure in found]
        self.cells.append(head | measured)
        self.precisions.append(precisions)
        return self.cells[-1]


def compare(
    splits: Splits, plan: Plan, out: Path | None = None, watcher: Watcher | None = None
) -> Compared:
    """Measure every cell of a plan on one data set.

    Parameters
    ----------
    splits : Splits
        With labels.
    plan : Plan
    out : Path, optional
        Folder where the output of each stage is kept, features, models, codes and rankings: a
        comparison that was interrupted goes on where it was, and one cell more costs one cell.
    watcher : Watcher, optional

    Returns
    -------
    compared : Compared

    Raises
    ------
    InputError
        If the data have no labels, or too few images for a protocol.
    LeakError
        If a query was trained on.
    """
    watcher = watcher or Watcher()
    compared = Compared(splits, plan, out, watcher)
    tasks = list(plan.tasks())
    for number, task in enumerate(tasks, 1):
        cell = compared.add(task)
        watcher.note(f"{number} of {len(tasks)}: {told(cell)}")
    return compared


def _measure(stages: Stages, task: Task) -> tuple[Cell, NDArray[np.float64] | None]:
    protocol = stages.arrangement.protocol
    coded = stages.codes(task)
    cell: Cell = {
        "classification_error": error_of(coded.query, protocol) if is_deep(task.method) else None,
        "training": stages.training_key(task),
        "n_queries": len(coded.query.labels),
        "n_database": len(coded.database.labels),
        **coded.facts,
    }
    if cell.get("history"):  # of all runs, where the training was interrupted
        seconds = cell["history"][-1]["seconds"]
        cell["fit_seconds"] = max(seconds, cell.get("fit_seconds", 0.0))
    if protocol.measure == "classification":
        if cell["classification_error"] is None:
            raise InputError(f"{task.method} has no classifier.")
        return cell, None
    rankings = stages.rankings(task)
    tally = tally_of(rankings, task.n_bits, protocol, RANKS)
    controls = (one_hot_row(rankings, protocol), stages.control(task))
    cell |= _figures(tally.row(task.method), [row for row in controls if row])
    meaning = meaning_in({"distances": cell.pop("distances", None) or {}}, task.n_bits)
    promises = calibrate(meaning, rankings.codes)
    cell["calibration"] = None if promises is None else promises.to_dict()
    return cell | {"curve": tally.curve()}, tally.average_precisions


def _figures(row: Row, controls: list[Row]) -> Cell:
    figures = asdict(row)
    del figures["name"], figures["n_bits"]
    figures["precision_at"] = {str(k): v for k, v in row.precision_at.items()}
    beside = {f"map_{control.name.replace('-', '_')}": control.map for control in controls}
    return figures | beside


def told(cell: Cell) -> str:
    """Say what a cell is, and what came out, in a line."""
    task = Task(*(cell[name] for name in Task._fields))
    figure = f"mAP {cell['map']:.4f}" if "map" in cell else cell.get("refused")
    if figure is None:
        figure = f"error {100 * cell['classification_error']:.2f} %"
    seed = f", seed {task.seed}" if task.seed else ""
    return f"{cell['data']}, {task.protocol}, {task}{seed}: {figure}"
