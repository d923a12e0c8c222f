"""The report on one model: a self-contained HTML page with pictures, and the figures as JSON."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hashlens.data import Splits
from hashlens.model import Model
from hashlens.reproduce.arrangement import arrange
from hashlens.reproduce.figures import Evaluation, Row
from hashlens.reproduce.gallery import gallery
from hashlens.reproduce.plots import calibration_svg, history_svg, precision_recall_svg
from hashlens.whole_file import whole_file

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
    text = render(
        "report.html",
        heading=f"{model.method.upper()}, {model.n_bits} bits",
        evaluation=evaluation,
        tiles=_tiles(evaluation),
        gallery=_gallery(evaluation, splits),
        table=[{key: _shown(v) for key, v in line.items()} for line in evaluation.table()],
        plots=_plots(evaluation),
        facts=_facts(result),
    )
    out.mkdir(parents=True, exist_ok=True)
    replace_file(out / "report.json", json.dumps(result, indent=1) + "\n")
    return replace_file(out / "report.html", text)


def render(name: str, **what: Any) -> str:
    """Fill one of the pages in ``templates``."""
    environment = Environment(
        loader=PackageLoader("hashlens.reproduce"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(name).render(**what)


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


def _gallery(evaluation: Evaluation, splits: Splits) -> list[dict[str, Any]]:
    """One query a class, with its nearest neighbours as the protocol searches them."""
    if not evaluation.rows or evaluation.sides is None:
        return []
    arrangement = arrange(splits, evaluation.protocol)
    n_bits = evaluation.model["n_bits"]
    return gallery(arrangement, evaluation.sides, n_bits, MAX_QUERIES, N_HITS)


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
    }
    told = [(name, text) for name, text in facts.items() if text]
    return told + machine_facts(environment)


def machine_facts(environment: dict[str, Any]) -> list[tuple[str, str]]:
    """Say with what command, on what machine and with what versions something was measured."""
    return [
        ("command", environment["command"]),
        (
            "machine",
            f"{environment['processor']}, {environment['n_cores']} cores, {environment['system']}",
        ),
        ("versions", ", ".join(f"{k} {v}" for k, v in environment["versions"].items())),
        ("commit", environment["commit"]),
        ("date", environment["date"]),
    ]


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def replace_file(path: Path, text: str) -> Path:
    """Write a file of text, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path
