"""MNIST's test digits as one table: a Parquet manifest that carries the images' bytes.

python examples/write_digits.py digits.parquet [--n 10000] [--data-dir DIR] [--download]
"""

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hashlens.data import load
from hashlens.data.content import picture_bytes


def main() -> None:
    """Writes the table: a PNG and a label a row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--n", type=int, default=10_000, help="how many; 10,000 are all")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--download", action="store_true")
    options = parser.parse_args()
    data = load("mnist", data_dir=options.data_dir, download=options.download).test
    n = min(options.n, len(data))
    table = pa.table(
        {
            "image": [picture_bytes(data.images, i) for i in range(n)],
            "label": [data.classes[int(data.labels[i])] for i in range(n)],
        }
    )
    pq.write_table(table, options.out, row_group_size=1000)
    print(f"{n} digits in {options.out}")


if __name__ == "__main__":
    main()
