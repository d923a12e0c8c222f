"""The papers' tables, and the report: every figure is there, and the page stands alone."""

import csv
import io
import json
import re

import numpy as np
import pytest

from hashlens.data import Dataset, Splits, load
from hashlens.reproduce import Comparison, Plan, compare, write_comparison
from hashlens.reproduce.lines import Line
from hashlens.reproduce.paper_tables import paper_tables
from hashlens.reproduce.published import Published, published, records


def as_cifar(data):
    return Dataset(f"cifar10/{data.name.split('/')[1]}", data.images, data.labels, data.classes)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Digits under the name of a benchmark, so that published figures are found."""
    whole = load("digits")
    train, test = whole.train.subset(np.arange(300)), whole.test.subset(np.arange(200))
    splits = Splits(as_cifar(train), as_cifar(test))
    small = {"trunk": "resnet-8", "n_features": 32}
    plan = Plan(
        ("lsh", "itq", "ritq"),
        (8, 16),
        ("pixels",),
        ("ritq-loo", "dlbh-full"),
        epochs=1,
        settings=small,
    )
    out = tmp_path_factory.mktemp("report")
    compared = compare(splits, plan, out)
    comparison = Comparison.of(plan, [compared])
    write_comparison(comparison, [compared], out)
    return out, comparison


def test_the_page_stands_alone_and_holds_every_figure(report):
    out, comparison = report
    page = (out / "report.html").read_text("utf-8")
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    for cell in comparison.cells:
        assert f"{cell['map']:.3f}" in page
    assert page.count("<svg") == 2 * (2 + 2 * 2)
    assert page.count('class="query"') == 2 * 2 * 5
    assert "RITQ Table II: cifar10, mAP (ritq-loo)" in page
    assert "hashlens" in page


def test_the_same_figures_stand_in_csv_json_and_markdown(report):
    out, comparison = report
    rows = list(csv.DictReader(io.StringIO((out / "cells.csv").read_text("utf-8"))))
    maps = [cell["map"] for cell in comparison.cells]
    assert [float(row["mAP"]) for row in rows] == pytest.approx(maps)
    stored = json.loads((out / "report.json").read_text("utf-8"))
    assert [cell["map"] for cell in stored["cells"]] == maps
    assert stored["protocols"]["dlbh-full"]["k"] == 1000
    markdown = (out / "report.md").read_text("utf-8")
    assert all(f"{value:.3f}" in markdown for value in maps)


def cell(method, n_bits, figure, protocol="ritq-loo", **more):
    printed = [Published(0.5, "x")._asdict()]
    head = {"data": "cifar10", "protocol": protocol, "features": "", "cut": False}
    return Line(
        ({**head, "method": method, "n_bits": n_bits, "map": figure, "published": printed, **more},)
    )


def test_a_paper_table_has_the_papers_rows_and_marks_what_is_reached():
    lines = [cell("ritq", 48, 0.87), cell("ritq", 8, 0.70), cell("sh", 8, 0.3), cell("sph", 8, 0.2)]
    (table,) = paper_tables(lines)
    assert table.title == "RITQ Table II: cifar10, mAP (ritq-loo)"
    assert table.lengths == [8, 16, 48, 64, 128]
    rows = dict(table.rows)
    assert [rows["ritq"][i].reached for i in (0, 1, 2)] == [False, None, True]
    assert (str(rows["sh"][0].published), rows["sh"][0].reached) == ("0.106 (broken)", None)
    assert (str(rows["sph"][0].published), rows["sph"][0].reached) == ("(garbled)", None)
    assert table.tally == (1, 2)


def test_errors_and_accuracies_are_compared_the_right_way_round():
    lines = [
        cell("dlbh", 48, 0.9, "dlbh-full", classification_error=0.1, precision_at={"1000": 0.9})
    ]
    tables = {table.title: dict(table.rows) for table in paper_tables(lines)}
    assert len(tables) == 3
    accuracy = tables["DLBH Table 2: cifar10, test accuracy (classification)"]["dlbh"][0]
    assert (accuracy.measured, accuracy.reached) == (pytest.approx(0.9), True)
    assert tables["DLBH section 4.4: cifar10, precision@k (dlbh-full)"]["dlbh"][0].reached
    assert not tables["DRHN abstract: cifar10, mAP@1000 (dlbh-full)"]["drhn"][0].measured


def test_every_printed_figure_belongs_to_a_method_here():
    from hashlens.methods import METHODS

    assert {record.method for record in records()} <= set(METHODS)
    assert len(records()) == 362
    assert published("svhn", "dnnh-5k", "mAP", "cnnh-star", 12).value == 0.897
    assert published("nuswide", "dnnh-nuswide", "mAP@5000", "dnnh", 48).value == 0.715
    assert not published("cifar10", "ritq-loo", "mAP", "sh", 8).counts
