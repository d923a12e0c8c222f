"""Which arithmetic to train in: measured where it cannot be known."""

import time

import torch
from torch import nn

from hashlens.checks import check_choice

PRECISIONS = ("auto", "32-true", "bf16-mixed")


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
    faster = _convolution_seconds(torch.bfloat16) < _convolution_seconds(torch.float32)
    return "bf16-mixed" if faster else "32-true"


def _convolution_seconds(dtype: torch.dtype, repeats: int = 3) -> float:
    """Shortest time of one forward and backward pass of a typical layer."""
    with torch.random.fork_rng(devices=[]):
        layer = nn.Conv2d(32, 32, 3, padding=1, dtype=dtype).to(memory_format=torch.channels_last)
    images = torch.zeros(32, 32, 16, 16, dtype=dtype).to(memory_format=torch.channels_last)
    images.requires_grad_(True)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        layer(images).sum().backward()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
