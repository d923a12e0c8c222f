"""``hashlens inspect``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from hashlens.cli.options import DataDir, Download, Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hashlens.codes import Codes
    from hashlens.evaluation import DistanceMeaning
    from hashlens.reproduce.bit_report import BitReport


def inspect(
    model: Annotated[Path, typer.Argument(help="Folder of a model, or of a collection.")],
    data: Annotated[
        str | None, typer.Argument(help="Images to measure the bits on: folder or benchmark.")
    ] = None,
    data_dir: DataDir = None,
    download: Download = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Draw the bits into a .png or .svg file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what a model is; with images, whether its bits are any good.

    Of a collection, the bits of its own images are measured. Figures by class need labels; with
    more than 2,000 images, distances are those of 2,000 drawn ones to all of the others.

    Example: hashlens inspect models/birds photos/ --picture bits.png
    """
    from hashlens.cli.output import note, print_json
    from hashlens.evaluation import meaning_in
    from hashlens.model_store import read_card

    if str(model).startswith("milvus:"):
        raise typer.BadParameter("must be a folder; `hashlens copy` makes one.", param_hint="MODEL")
    is_collection = (model / "catalogue.db").exists()
    header = read_card(model / "model" if is_collection else model)
    _check_words(is_collection, data, picture)
    subject = None
    if is_collection:
        subject = _of_collection(model)
    elif data is not None:
        subject = _of_images(model, data, data_dir, download)
    meaning = meaning_in(header["card"], header["n_bits"])
    reports = [] if subject is None else _reports(subject, header)
    if picture is not None and subject is not None:
        from hashlens.reproduce.bit_picture import write_picture

        title = f"{header['method'].upper()}, {header['n_bits']} bits: {subject.name}"
        note(f"picture: {write_picture(picture, title, reports[-1], meaning)}")
    if as_json:
        print_json(_as_json(header, reports, meaning))
    else:
        _show(model, header, reports, meaning)


class Subject(NamedTuple):
    """Codes to be measured, with what is known of their labels."""

    name: str
    codes: "Codes"
    labels: "NDArray[Any] | None"
    labelled: "NDArray[np.bool_] | None" = None


SHOWN = ("method", "n_bits", "lengths", "settings", "preprocessing", "classes", "card")


def _check_words(is_collection: bool, data: str | None, picture: Path | None) -> None:
    if is_collection and data is not None:
        raise typer.BadParameter("a collection is measured on its own images.", param_hint="DATA")
    if picture is not None and not is_collection and data is None:
        raise typer.BadParameter("needs images: give DATA too.", param_hint="--picture")
    if picture is not None and picture.suffix.lower() not in (".png", ".svg"):
        raise typer.BadParameter("must end with .png or .svg.", param_hint="--picture")


def _of_images(model: Path, data: str, data_dir: Path | None, download: bool) -> Subject:
    from hashlens.cli.output import note, watching
    from hashlens.data import load_dataset
    from hashlens.model import Model

    loaded = Model.load(model)
    source = load_dataset(data, data_dir=data_dir, download=download)
    with watching() as watcher:
        watcher.stage("encoding", len(source))
        embedding = loaded.embed(source, progress=watcher.advance)
    for name, reason in embedding.skipped:
        note(f"skipped {name}: {reason}")
    labels = None if source.labels is None else source.labels[embedding.kept]
    return Subject(f"{len(embedding.codes):,} images of {source.name}", embedding.codes, labels)


def _of_collection(path: Path) -> Subject:
    import numpy as np

    from hashlens.collection import Collection

    codes, words = Collection.open(path).stored_codes()
    labelled = np.array([word is not None for word in words], bool)
    labels = np.unique([word or "" for word in words], return_inverse=True)[1]
    name = f"{len(codes):,} images of {path.name}"
    return Subject(name, codes, labels if labelled.any() else None, labelled)


def _reports(subject: Subject, header: dict[str, Any]) -> list["BitReport"]:
    from hashlens.reproduce.bit_report import report_bits

    n_bits = header["n_bits"]
    lengths = [n for n in header.get("lengths", ()) if n < n_bits]
    return report_bits(subject.codes, [*lengths, n_bits], subject.labels, subject.labelled)


def _as_json(
    header: dict[str, Any], reports: list["BitReport"], meaning: "DistanceMeaning | None"
) -> dict[str, Any]:
    result = {key: header[key] for key in SHOWN if key in header}
    result["meaning"] = None if meaning is None else meaning.curves()
    if reports:
        from hashlens.reproduce.bit_verdict import verdict

        shorter = [report.to_dict() for report in reports[:-1]]
        result["bits"] = {**reports[-1].to_dict(), "shorter": shorter}
        result["verdict"] = [word._asdict() for word in verdict(reports[-1], meaning)]
    return result


def _show(
    path: Path,
    header: dict[str, Any],
    reports: list["BitReport"],
    meaning: "DistanceMeaning | None",
) -> None:
    from hashlens.cli.output import print_table

    facts = _facts(header, meaning)
    print_table(str(path), [{"what": k, "value": _text(v)} for k, v in facts.items()])
    if not reports:
        return
    from hashlens.reproduce.bit_verdict import verdict

    print_table(f"bits of {reports[-1].health.n_codes:,} images", _lines(reports))
    pairs = [f"{a} and {b} ({r:+.2f})" for a, b, r in reports[-1].health.most_correlated[:5]]
    if pairs:
        print(f"most correlated bits: {', '.join(pairs)}")
    for level, text in verdict(reports[-1], meaning):
        print(f"{level}: {text}")


def _facts(header: dict[str, Any], meaning: "DistanceMeaning | None") -> dict[str, Any]:
    card = header["card"]
    facts = {key: header[key] for key in SHOWN if key in header and key != "card"}
    if "data" in card:
        facts |= {"trained on": card["data"]["name"], "images": card["data"]["n_images"]}
    facts |= {key: card[key] for key in ("seed",) if key in card}
    facts |= {f"validation {k}": v for k, v in card.get("validation", {}).items()}
    promises = "unknown" if meaning is None else _promises(meaning)
    return {**facts, "precision promised": promises}


def _promises(meaning: "DistanceMeaning") -> str:
    radii = {wanted: meaning.radius_for(wanted) for wanted in (0.99, 0.95, 0.9, 0.8, 0.5)}
    known = [f"{p:g} within {r}" for p, r in radii.items() if r is not None]
    most = f"at most {meaning.promised.max():.2f}"
    return f"{most}; {', '.join(known)} bits" if known else most


def _lines(reports: list["BitReport"]) -> list[dict[str, Any]]:
    """A line for each figure, a column for each length."""
    columns = {f"{report.n_bits} bits": _figures(report) for report in reports}
    figures = next(iter(columns.values()))
    return [{"what": what, **{k: v[what] for k, v in columns.items()}} for what in figures]


def _figures(report: "BitReport") -> dict[str, str]:
    health, shared, nearer = report.health, report.collisions, report.separation.nearer
    across = shared.across_classes
    return {
        "mean balance, 1 where on for half": f"{health.balance.mean():.3f}",
        "mean entropy of a bit": f"{health.entropy.mean():.3f}",
        "mean correlation of two bits": f"{health.mean_correlation:.3f}",
        "uncorrelated bits that vary as much": f"{health.effective_bits:.1f}",
        "dead bits": str(len(health.dead_bits)),
        "bits that repeat another": str(len(health.duplicate_bits)),
        "distinct codes": f"{shared.distinct_codes:,}",
        "images that share a code": f"{100 * shared.shared:.1f} %",
        "most images with one code": f"{shared.largest_group:,}",
        "images that share it with another class": _percent(across),
        "pair of one class nearer than of two": _percent(nearer),
    }


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, list | tuple):
        shown = ", ".join(str(item) for item in value[:12])
        return f"{len(value)}: {shown}{', ...' if len(value) > 12 else ''}" if value else "none"
    return str(value)
