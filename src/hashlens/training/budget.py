"""How many epochs fit into a time."""

import copy
import math
import time
from dataclasses import replace

from lightning_fabric import Fabric

from hashlens.deep import Recipe
from hashlens.deep.loop import Run, fit
from hashlens.watcher import Watcher

TIMED_STEPS = 6


def fit_to_budget(run: Run, fabric: Fabric, seconds: float, watcher: Watcher) -> Recipe:
    """Time a few steps on a copy, then choose the number of epochs that fits the budget."""
    n_images = len(run.data)
    steps = min(TIMED_STEPS, run.recipe.n_steps(n_images))
    trial_recipe = replace(run.recipe, epochs=1, min_steps=0)
    trial = replace(run, network=copy.deepcopy(run.network), recipe=trial_recipe)
    trial = replace(trial, checkpoint=None, watch=None, validate=None, report=None)
    began = time.monotonic()
    fit(trial, fabric, last_step=1)
    warm = time.monotonic()
    fit(trial, fabric, last_step=steps)
    per_step = (time.monotonic() - warm) / steps
    warm_up = warm - began
    epoch_seconds = per_step * run.recipe.steps_per_epoch(n_images)
    # The features of all training images at the end cost about a third of an epoch.
    epochs = max(1, math.floor((0.95 * seconds - warm_up) / epoch_seconds - 0.4))
    epochs = fabric.broadcast(epochs)  # the first process decides
    watcher.note(f"{epochs} epochs of about {epoch_seconds:.0f} s fit into {seconds:.0f} s")
    return replace(run.recipe, epochs=epochs, min_steps=0)
