"""Works of learning: a hasher fitted to vectors, a network trained on images."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.growth.made import N_BITS, images, vectors
from benchmarks.growth.timing import Seconds, clocked


def fitting(method: str) -> Callable[[int, int, Path], Seconds]:
    """Give the work of fitting a hasher to n vectors, and of encoding them."""

    def work(n: int, threads: int, scratch: Path) -> Seconds:
        del threads, scratch
        from hashlens.methods import load_method

        def fitted(n_rows: int) -> Seconds:
            rows, labels = vectors(n_rows)
            fit, hasher = clocked(lambda: load_method(method)(N_BITS).fit(rows, labels))
            return {"fit": fit, "encode": clocked(lambda: hasher.transform(rows))[0]}

        fitted(1000)
        return fitted(n)

    return work


def training(n: int, threads: int, scratch: Path) -> Seconds:
    """Train a network on n images for one epoch, and measure it on those it kept out."""
    del scratch
    import torch

    from hashlens.data import Splits
    from hashlens.training import TrainOptions, train

    torch.set_num_threads(threads)

    def trained(n_images: int) -> float:
        data, options = images(n_images), TrainOptions(epochs=1)
        task = lambda: train(Splits(data, data), method="hashnet", n_bits=32, options=options)  # noqa: E731
        return clocked(task)[0]

    trained(100)
    return {"epoch": trained(n)}
