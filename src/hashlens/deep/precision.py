"""Which arithmetic to train in: measured where it cannot be known."""

import time

import torch
from torch import Tensor, nn

from hashlens.checks import check_choice

PRECISIONS = ("auto", "32-true", "bf16-mixed")
REPEATS = 6


def resolve_precision(precision: str, device: torch.device) -> str:
    """Return the precision to train in: "32-true" or "bf16-mixed".

    "auto" takes bfloat16 on a GPU that has it. On a CPU it times a small convolution both ways:
    a processor with bfloat16 instructions is several times faster with them, and one without is
    up to ten times slower, so the wrong choice would cost hours.
    """
    check_choice("precision", precision, PRECISIONS)
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    passes = {dtype: _layer(dtype) for dtype in (torch.bfloat16, torch.float32)}
    # In turns, and the shortest of several: another program's share of the cores hits both.
    rounds = [{dtype: _seconds(*of) for dtype, of in passes.items()} for _ in range(REPEATS)]
    shortest = {dtype: min(seconds[dtype] for seconds in rounds) for dtype in passes}
    faster = shortest[torch.bfloat16] < shortest[torch.float32]
    return "bf16-mixed" if faster else "32-true"


def _layer(dtype: torch.dtype) -> tuple[nn.Module, Tensor]:
    """A typical layer and its input: large enough that arithmetic, not overhead, is timed."""
    with torch.random.fork_rng(devices=[]):
        layer = nn.Conv2d(64, 64, 3, padding=1, dtype=dtype).to(memory_format=torch.channels_last)
    images = torch.zeros(64, 64, 16, 16, dtype=dtype).to(memory_format=torch.channels_last)
    return layer, images.requires_grad_(True)


def _seconds(layer: nn.Module, images: Tensor) -> float:
    """Time of one forward and backward pass."""
    start = time.perf_counter()
    layer(images).sum().backward()
    return time.perf_counter() - start
