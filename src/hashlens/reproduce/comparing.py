"""Methods compared on one data set by one protocol: each cell is measured once and kept."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from hashlens.checks import refuse
from hashlens.codes import binarize
from hashlens.data import Splits
from hashlens.errors import InputError
from hashlens.evaluation import relevance
from hashlens.evaluation.protocols import Protocol, check_leaks, protocol_named
from hashlens.feature_encoder import fit_encoder
from hashlens.features import Features, load_features
from hashlens.methods import is_deep, load_method
from hashlens.model import Model
from hashlens.model_store import MODEL_FILE
from hashlens.reproduce.figures import UNCODED, Row
from hashlens.reproduce.plan import Plan, Task
from hashlens.reproduce.published import published
from hashlens.reproduce.scoring import evaluate, feature_row, row_of
from hashlens.reproduce.vectors import Part, part_vectors
from hashlens.search import HammingIndex
from hashlens.training import TrainOptions, train
from hashlens.training.material import natural_preprocessing
from hashlens.watcher import Watcher

Cell = dict[str, Any]


def compare(
    splits: Splits, plan: Plan, out: Path | None = None, watcher: Watcher | None = None
) -> list[Cell]:
    """Measure every cell of a plan on one data set.

    Parameters
    ----------
    splits : Splits
        With labels.
    plan : Plan
    out : Path, optional
        Folder where finished cells, features and trained models are kept: a comparison that was
        interrupted goes on where it was, and one cell more costs one cell.
    watcher : Watcher, optional

    Returns
    -------
    cells : list of dict
        For each cell its method, features, bits, figures, published figure and seconds; a method
        that cannot carry so many bits has the reason under ``refused``.

    Raises
    ------
    InputError
        If the data have no labels.
    LeakError
        If a query was trained on.
    """
    watcher = watcher or Watcher()
    for part in (splits.train, splits.test):
        if part.labels is None:
            raise refuse("the data", "labelled, to be measured on", part.name)
    bench = _Bench(splits, plan, out, watcher)
    tasks = list(plan.tasks())
    cells = []
    for number, task in enumerate(tasks, 1):
        cells.append(bench.cell(task))
        watcher.note(f"{number} of {len(tasks)}: {_told(cells[-1])}")
    return cells


class _Bench:
    """One data set under one plan; the features of the last kind asked for stay in memory."""

    def __init__(self, splits: Splits, plan: Plan, out: Path | None, watcher: Watcher) -> None:
        self.splits = splits
        self.plan = plan
        self.protocol = protocol_named(plan.protocol)
        self.out = out
        self.watcher = watcher
        self.name = splits.test.name.partition("/")[0]
        self.checksum = f"{splits.train.checksum} {splits.test.checksum}"
        self.seen = ""
        self.parts: dict[str, Part] = {}
        self.features: Features | None = None
        self.control: Row | None = None
        self.nested: dict[Task, Model] = {}

    def cell(self, task: Task) -> Cell:
        """Measure one cell, or read it where it was measured before."""
        key = self.plan.key(task, self.checksum)
        kept = self.out / "cells" / f"{key}.json" if self.out else None
        if kept and kept.exists():
            cell: Cell = json.loads(kept.read_text("utf-8"))
            return cell
        head: Cell = {"data": self.name, "features": task.features, "method": task.method}
        head |= {"n_bits": task.n_bits, "cut": task.cut}
        try:
            measured = self._deep(task) if is_deep(task.method) else self._hasher(task)
        except InputError as error:
            return head | {"refused": str(error)}
        found = published(self.name, self.plan.protocol, "mAP", task.method, task.n_bits)
        figures = {"published": found._asdict() if found else None}
        cell = head | measured | figures
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(cell, indent=1) + "\n", "utf-8")
        return cell

    def _deep(self, task: Task) -> Cell:
        began = time.monotonic()
        model = self._cut(task) if task.cut else self._trained(task, (task.n_bits,))
        fitted = time.monotonic()
        result = evaluate(model, self.splits, self.protocol, self.watcher)
        rows = {row.name: row for row in result.rows[1:]}
        return _figures(result.rows[0], rows) | {
            "classification_error": result.classification_error,
            "validation": model.card["validation"],
            "history": model.card["history"],
            "fit_seconds": round(fitted - began, 2),
        }

    def _cut(self, task: Task) -> Model:
        """Cut the one model for all lengths, which is trained for the first of them."""
        longest = task._replace(n_bits=self.plan.lengths[-1])
        if longest not in self.nested:
            self.nested = {longest: self._trained(longest, self.plan.lengths)}
        return self.nested[longest].shortened(task.n_bits)

    def _trained(self, task: Task, lengths: tuple[int, ...]) -> Model:
        plan = self.plan
        folder = None
        if self.out:
            name = f"{task.method}-{'-'.join(map(str, lengths))}"
            folder = self.out / "models" / f"{name}-{plan.key(task, self.checksum)}"
            if (folder / MODEL_FILE).exists():
                return Model.load(folder)
        options = TrainOptions(seed=plan.seed, recipe=plan.recipe, epochs=plan.epochs, out=folder)
        return train(
            self.splits,
            method=task.method,
            n_bits=lengths,
            settings=plan.settings_of(task.method),
            options=options,
            watcher=self.watcher,
        )

    def _hasher(self, task: Task) -> Cell:
        self._see(task.features)
        if self.features is None:
            raise refuse("features", "given, for a hasher", task.features)
        settings = {"n_bits": task.n_bits, **self.plan.settings_of(task.method)}
        cls = load_method(task.method)
        if "seed" in cls().get_params():
            settings["seed"] = self.plan.seed
        training = self.parts["train"]
        self.watcher.stage(f"fitting {task}")
        tell = self.watcher.advance
        began = time.monotonic()
        encoder, _ = fit_encoder(
            self.features, training.vectors, cls(**settings), training.labels, tell
        )
        fitted = time.monotonic()
        codes = {}
        for name in {self.protocol.query, self.protocol.database}:
            codes[name] = binarize(encoder.project(self.parts[name].vectors))
        encoded = time.monotonic()
        query, database = (self.parts[n] for n in (self.protocol.query, self.protocol.database))
        histograms = HammingIndex(codes[self.protocol.database], task.n_bits).histograms(
            codes[self.protocol.query],
            relevance(query.labels, database.labels),
            exclude=np.arange(len(query.labels)) if self.protocol.exclude_self else None,
        )
        row = row_of(task.method, task.n_bits, [histograms], self.protocol)
        controls = {} if self.control is None else {UNCODED: self.control}
        return _figures(row, controls) | {
            "fit_seconds": round(fitted - began, 2),
            "encode_seconds": round(encoded - fitted, 2),
        }

    def _see(self, name: str) -> None:
        """Have the vectors of both parts at hand, and the figure of the vectors themselves."""
        if self.seen == name:
            return
        self.parts = {}
        natural = natural_preprocessing(self.splits.train.images, None)
        self.features = load_features(name, preprocessing=natural)
        folder = self.out / "vectors" if self.out else None
        for part, data in (("train", self.splits.train), ("test", self.splits.test)):
            self.parts[part] = part_vectors(self.features, data, folder, self.watcher)
        query, database = (self.parts[n] for n in (self.protocol.query, self.protocol.database))
        check_leaks(self.protocol, query.digests, database.digests, self.parts["train"].digests)
        self.watcher.stage(f"ranking by {name} itself")
        self.control = _uncoded(query, database, self.protocol)
        self.seen = name


def _uncoded(query: Part, database: Part, protocol: Protocol) -> Row:
    return feature_row((query.vectors, query.labels), (database.vectors, database.labels), protocol)


def _figures(row: Row, controls: dict[str, Row]) -> Cell:
    return {
        "map": row.map,
        "map_best": row.map_best,
        "map_worst": row.map_worst,
        "precision_at": {str(k): v for k, v in row.precision_at.items()},
        "precision_within_2": row.precision_within_2,
        "empty_balls": row.empty_balls,
        **{f"map_{name.replace('-', '_')}": control.map for name, control in controls.items()},
    }


def _told(cell: Cell) -> str:
    figure = f"mAP {cell['map']:.4f}" if "map" in cell else cell["refused"]
    task = Task(cell["method"], cell["features"], cell["n_bits"], cell["cut"])
    return f"{cell['data']}, {task}: {figure}"
