"""Recipes and precision."""

import pytest
import torch

from hashlens.deep import RECIPES, Recipe, recipe_named
from hashlens.deep.precision import resolve_precision
from hashlens.errors import InputError


def test_paper_rate_falls_by_ten_at_half_and_three_quarters():
    paper = RECIPES["paper"]
    assert [paper.rate(p) for p in (0.0, 0.49, 0.5, 0.75)] == pytest.approx([0.1, 0.1, 0.01, 0.001])


def test_small_sets_get_more_epochs_unless_told():
    assert Recipe(epochs=2, min_steps=100, batch_size=10).n_steps(50) == 100
    assert recipe_named("modern", epochs=2).n_steps(1280) == 20


def test_unknown_recipe_and_wrong_values_are_refused():
    with pytest.raises(
        InputError, match=r"recipe must be one of modern, fast, paper. Got 'modrn'. Did"
    ):
        recipe_named("modrn")
    with pytest.raises(InputError, match=r"epochs must be an int >= 1"):
        Recipe(epochs=0)


def test_precision_is_the_faster_one_on_a_cpu():
    assert resolve_precision("auto", torch.device("cpu")) in ("32-true", "bf16-mixed")
    assert resolve_precision("32-true", torch.device("cpu")) == "32-true"
    with pytest.raises(InputError, match=r"precision must be one of"):
        resolve_precision("fp8", torch.device("cpu"))
