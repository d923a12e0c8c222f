"""The README's picture: queries and their nearest neighbours by code, right and wrong marked.

    python -m benchmarks.readme_picture MODEL cifar10 docs/pictures/cifar10.jpg

One query a class, the second of its kind among the test images: chosen before any was looked at.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from hashlens import HammingIndex, Model
from hashlens.data import load

PLACE, CELL, GAP, BORDER, N_HITS = 1, 72, 8, 4, 12
BLUE, GREEN, RED = (37, 99, 235), (22, 163, 74), (220, 38, 38)


def main() -> None:
    folder, name, out = sys.argv[1:4]
    model, test = Model.load(folder), load(name).test
    codes = model.encode(test)
    labels = np.asarray(test.labels)
    queries = [int(np.flatnonzero(labels == label)[PLACE]) for label in range(test.n_classes)]
    found = HammingIndex(codes, model.n_bits).search(codes[queries], N_HITS + 1)
    step = CELL + GAP
    size = ((N_HITS + 1) * step + 3 * GAP, len(queries) * step + GAP)
    picture = Image.new("RGB", size, "white")
    for row, (query, ids) in enumerate(zip(queries, found.ids, strict=True)):
        y = GAP + row * step
        paste(picture, test.images.read(query), (GAP, y), BLUE)
        hits = [int(i) for i in ids if i != query][:N_HITS]
        for column, item in enumerate(hits, 1):
            color = GREEN if labels[item] == labels[query] else RED
            paste(picture, test.images.read(item), (3 * GAP + column * step, y), color)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    picture.save(out, quality=90)


def paste(
    picture: Image.Image, pixels: np.ndarray, place: tuple[int, int], color: tuple[int, int, int]
) -> None:
    framed = Image.new("RGB", (CELL, CELL), color)
    inner = CELL - 2 * BORDER
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    framed.paste(image.resize((inner, inner), Image.Resampling.BICUBIC), (BORDER, BORDER))
    picture.paste(framed, place)


if __name__ == "__main__":
    main()
