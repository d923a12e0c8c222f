"""A folder of photos for the commands that work on one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve pictures of 8 x 8 random pixels, in turn an owl and a cat."""
    rng = np.random.default_rng(0)
    for i in range(12):
        file = tmp_path / "photos" / ("owl", "cat")[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)
    return tmp_path / "photos"
