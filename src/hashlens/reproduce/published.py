"""The figures that the papers print, as data."""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

METRICS = ("mAP", "precision@radius2", "precision@k", "test error", "test accuracy")
# As a paper writes it, and as it is called here.
_METHODS = {"cnnh*": "cnnh-star", "cnnh+": "cnnh-plus"}
_DATA = {"nuswide21": "nuswide"}


class Published(NamedTuple):
    """One printed figure.

    Attributes
    ----------
    value : float or None
        None where the print cannot be read.
    source : str
        The paper, and the table or section.
    metric : str
        Such as "mAP@1000".
    mark : {"", "broken", "garbled"}
        "broken" for a baseline that did not work, "garbled" for a cell that is misprinted.
    """

    value: float | None
    source: str
    metric: str = "mAP"
    mark: str = ""

    @property
    def counts(self) -> bool:
        """Whether the figure can be aimed at."""
        return self.value is not None and not self.mark

    def __str__(self) -> str:
        if self.value is None:
            return f"({self.mark})"
        return f"{self.value:.3f}{f' ({self.mark})' if self.mark else ''}"


class Record(NamedTuple):
    """A printed figure with all that it is about."""

    data: str
    protocol: str
    method: str
    n_bits: int
    figure: Published


def published(data: str, protocol: str, metric: str, method: str, n_bits: int) -> Published | None:
    """Find the figure that a paper prints for a measurement, or None.

    Parameters
    ----------
    data : str
        Name of the benchmark, such as "cifar10".
    protocol, metric : str
        Such as "ritq-loo" and "mAP".
    method : str
        In any case, such as "ritq".
    n_bits : int

    Examples
    --------
    >>> published("cifar10", "ritq-loo", "mAP", "ritq", 48).value
    0.862
    >>> str(published("cifar10", "ritq-loo", "mAP", "sh", 48))
    '0.106 (broken)'
    """
    for figure in published_for(data, protocol, method, n_bits):
        if figure.metric == metric:
            return figure
    return None


def published_for(data: str, protocol: str, method: str, n_bits: int) -> list[Published]:
    """Find all figures that papers print for a method on a data set: one or more metrics.

    The errors of classifiers, which belong to no retrieval protocol, stand with all of them.
    """
    wanted = (data, method.lower(), n_bits)
    return [
        record.figure
        for record in records()
        if (record.data, record.method, record.n_bits) == wanted
        and record.protocol in (protocol, "classification")
    ]


@cache
def records() -> tuple[Record, ...]:
    """Every printed figure with a code length, in the order of the papers."""
    text = files("hashlens.reproduce").joinpath("published.csv").read_text("utf-8")
    return tuple(_record(row) for row in csv.DictReader(text.splitlines()) if row["bits"].isdigit())


def _record(row: dict[str, str]) -> Record:
    method = row["method"].lower()
    value = float(row["value"]) if row["value"] else None
    mark = "garbled" if value is None else "broken" if _is_broken(row, value) else ""
    return Record(
        data=_DATA.get(row["dataset"], row["dataset"]),
        protocol=row["protocol"],
        method=_METHODS.get(method, method),
        n_bits=int(row["bits"]),
        figure=Published(value, row["source"], row["metric"], mark),
    )


def _is_broken(row: dict[str, str], value: float) -> bool:
    """Tell whether a row comes from a baseline that did not work.

    In RITQ's tables SH has one figure at all lengths, that of chance (0.105 and 0.106 with ten
    classes), where every other paper has it beside PCAH; and so has SpH on Caltech-256.
    """
    stands_at_chance = row["dataset"] == "caltech256" and row["method"] == "SpH" and value < 0.01
    return row["source"].startswith("RITQ") and (row["method"] == "SH" or stands_at_chance)
