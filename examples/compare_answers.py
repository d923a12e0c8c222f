"""Asks a server the same as a collection in a folder, again and again, and counts the answers.

    python examples/compare_answers.py http://localhost:8000 digits.hl --seconds 60

An answer is ``equal``; ``partial``, if the server says that it is; ``refused``, if it is an error
that says to try again; or ``wrong``. One that is wrong ends it with exit code 1.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from hashlens.collection import Collection

K = 10


def main() -> None:
    """Asks for so long, then until the last answers are all equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("collection", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to ask")
    parser.add_argument("--still", type=int, default=50, help="equal answers in a row at the end")
    parser.add_argument("--most", type=float, default=180.0, help="seconds it may take in all")
    options = parser.parse_args()
    counts = compared(options)
    print(json.dumps(counts))
    sys.exit(1 if counts["wrong"] or not counts["equal at last"] else 0)


def compared(options: argparse.Namespace) -> dict[str, Any]:
    """Counts the answers by what they are."""
    collection = Collection.open(options.collection)
    ids = collection.select("id > 0")
    rng, began = np.random.default_rng(0), time.monotonic()
    counts: Counter[str] = Counter()
    in_a_row, slowest = 0, 0.0
    while in_a_row < options.still or time.monotonic() - began < options.seconds:
        if time.monotonic() - began > options.most:
            break
        asked = time.monotonic()
        kind = judged(options.url, collection, int(rng.choice(ids)), rerank=bool(rng.integers(2)))
        slowest = max(slowest, time.monotonic() - asked)
        counts[kind] += 1
        in_a_row = in_a_row + 1 if kind == "equal" else 0
        if kind == "refused":
            time.sleep(0.2)
    kinds = {kind: counts[kind] for kind in ("equal", "partial", "refused", "wrong")}
    last = in_a_row >= options.still
    return kinds | {"slowest, s": round(slowest, 2), "equal at last": last}


def judged(url: str, collection: Collection, item_id: int, *, rerank: bool) -> str:
    """Asks both for the neighbours of an item, and says what the server's answer is."""
    address = f"{url}/search?id={item_id}&k={K}&rerank={str(rerank).lower()}"
    try:
        with urllib.request.urlopen(address, timeout=30) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        return "refused" if error.code == 503 else "wrong"
    except OSError:
        return "refused"
    hits = collection.search(item_id, K, rerank=rerank)
    wanted = [(hit.id, hit.distance, hit.similarity, hit.label) for hit in hits]
    got = [(hit["id"], hit["distance"], hit["similarity"], hit["label"]) for hit in answer["hits"]]
    if answer["partial"]:
        return "partial"
    if got == wanted and answer["n_items"] == len(collection):
        return "equal"
    print(
        f"wrong: item {item_id}, rerank={rerank}: {got[:3]} and not {wanted[:3]}", file=sys.stderr
    )
    return "wrong"


if __name__ == "__main__":
    main()
