"""The report on one model: a self-contained HTML page with pictures, and the figures as JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hashlens.data import Dataset, Splits
from hashlens.model import Model
from hashlens.pages import picture_of
from hashlens.reproduce.figures import Evaluation, Row
from hashlens.reproduce.plots import calibration_svg, history_svg, precision_recall_svg
from hashlens.search import HammingIndex

MAX_QUERIES, N_HITS = 10, 12


def write_report(evaluation: Evaluation, model: Model, splits: Splits, out: Path) -> Path:
    """Write ``report.html`` and ``report.json`` into the folder `out`.

    Parameters
    ----------
    evaluation : Evaluation
    model : Model
        The one that was measured, to find the pictures again.
    splits : Splits
        The data it was measured on.
    out : Path

    Returns
    -------
    page : Path
        Of ``report.html``.
    """
    result = evaluation.to_dict()
    environment = Environment(
        loader=PackageLoader("hashlens.reproduce"), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template("report.html").render(
        heading=f"{model.method.upper()}, {model.n_bits} bits",
        evaluation=evaluation,
        tiles=_tiles(evaluation),
        gallery=_gallery(model, splits, evaluation),
        table=[{key: _shown(v) for key, v in line.items()} for line in evaluation.table()],
        plots=_plots(evaluation),
        facts=_facts(result),
    )
    out.mkdir(parents=True, exist_ok=True)
    _replace(out / "report.json", json.dumps(result, indent=1) + "\n")
    return _replace(out / "report.html", text)


def _tiles(evaluation: Evaluation) -> list[tuple[str, str]]:
    tiles = []
    if evaluation.rows:
        row: Row = evaluation.rows[0]
        tiles.append(("mAP", f"{row.map:.3f}"))
        tiles += [(f"precision at {k}", f"{v:.3f}") for k, v in row.precision_at.items() if k > 1]
        if row.precision_within_2 is not None:
            tiles.append(("precision within radius 2", f"{row.precision_within_2:.3f}"))
    if evaluation.classification_error is not None:
        tiles.append(("classification error", f"{100 * evaluation.classification_error:.2f} %"))
    return tiles


def _gallery(model: Model, splits: Splits, evaluation: Evaluation) -> list[dict[str, Any]]:
    """One query a class, with its nearest neighbours as the protocol searches them."""
    if not evaluation.rows:
        return []
    parts = {"train": splits.train, "test": splits.test}
    asking = parts[evaluation.protocol.query]
    searched = parts[evaluation.protocol.database]
    embedding = model.embed(searched)
    index = HammingIndex(embedding.codes, model.n_bits)
    chosen = _one_of_each_class(asking)
    queries = model.embed(asking.images.subset(chosen))
    loo = evaluation.protocol.exclude_self
    found = index.search(queries.codes, min(N_HITS + loo, len(index)))
    rows = []
    for place, (distances, ids) in enumerate(zip(found.distances, found.ids, strict=True)):
        number = int(chosen[queries.kept[place]])
        hits = [
            _hit(searched, int(embedding.kept[item]), int(distance), asking, number)
            for distance, item in zip(distances, ids, strict=True)
            if not (loo and int(embedding.kept[item]) == number)
        ]
        picture = picture_of(asking.images.read(number), "query").address
        rows.append({"query": picture, "label": _label(asking, number), "hits": hits[:N_HITS]})
    return rows


def _one_of_each_class(data: Dataset) -> np.ndarray[Any, np.dtype[np.int64]]:
    labels = np.asarray(data.labels)
    keys = labels if labels.ndim == 1 else labels.argmax(1)
    return np.unique(keys, return_index=True)[1][:MAX_QUERIES].astype(np.int64)


def _hit(
    searched: Dataset, item: int, distance: int, asking: Dataset, query: int
) -> dict[str, Any]:
    mine, theirs = np.asarray(asking.labels)[query], np.asarray(searched.labels)[item]
    return {
        "picture": picture_of(searched.images.read(item), "").address,
        "label": _label(searched, item),
        "distance": distance,
        "right": bool(np.any(mine & theirs)) if np.ndim(mine) else bool(mine == theirs),
    }


def _label(data: Dataset, item: int) -> str:
    label = np.asarray(data.labels)[item]
    if np.ndim(label):
        return ", ".join(data.classes[c] for c in np.flatnonzero(label))
    return data.classes[int(label)]


def _plots(evaluation: Evaluation) -> list[tuple[str, Markup]]:
    plots = []
    if evaluation.curve:
        drawing = precision_recall_svg(evaluation.curve["precision"], evaluation.curve["recall"])
        plots.append(("Precision and recall at each Hamming radius", Markup(drawing)))
    if evaluation.calibration is not None:
        name = "Precision within a radius: promised (dashed), measured on the test queries (blue)"
        plots.append((name, Markup(calibration_svg(evaluation.calibration))))
    history = evaluation.model["card"].get("history")
    if history:
        name = "Training: loss (grey), accuracy on images kept out (blue)"
        plots.append((name, Markup(history_svg(history))))
    return plots


def _facts(result: dict[str, Any]) -> list[tuple[str, str]]:
    card, environment = result["model"]["card"], result["environment"]
    facts = {
        "protocol": ", ".join(f"{k}: {v}" for k, v in result["protocol"].items()),
        "data": f"{result['data']['name']}, SHA-256 {result['data']['checksum'][:16]}",
        "trained on": f"{card['data']['name']}, {card['data']['n_images']:,} images, "
        f"seed {card['seed']}, {card.get('seconds', 0):.0f} s",
        "recipe": ", ".join(f"{k} {v}" for k, v in card.get("recipe", {}).items()),
        "database order": ", ".join(f"{k} {v:.6f}" for k, v in result["order_check"].items()),
        "seconds": ", ".join(f"{k} {v}" for k, v in result["seconds"].items()),
        "command": environment["command"],
        "machine": f"{environment['processor']}, {environment['n_cores']} cores, "
        f"{environment['system']}",
        "versions": ", ".join(f"{k} {v}" for k, v in environment["versions"].items()),
        "commit": environment["commit"],
        "date": environment["date"],
    }
    return [(name, text) for name, text in facts.items() if text]


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _replace(path: Path, text: str) -> Path:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path
