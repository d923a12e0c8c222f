"""A collection served: seconds from an uploaded picture to its answer, and where they go.

    python -m benchmarks.bench_serve --collection FOLDER [--model MODEL] [--data cifar10]
        [--data-dir DIR] [--photos DIR] [--out FILE] [--quick]

FOLDER is made if it is not there: all images of the data set, indexed as ``hashlens index`` does it
(with MODEL, or fitted on the images; the default backbone takes its time for 60,000 images, and
the folder is kept for the next run). A real server answers over HTTP on this machine; one client,
then eight at once, each on a connection of its own, upload photos that are not in the collection.
``end to end`` is what the client waits for; the other times are the server's own, of its answer.
"""

import argparse
import http.client
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from benchmarks._record import RESULTS, environment, write_result
from PIL import Image

from hashlens.collection import Collection
from hashlens.data import Images, load_dataset

CLIENTS = (1, 8)
N_SEARCHES, N_WARM = 400, 40
LARGE = (4000, 3000)
N_LARGE = 24
K = 20
STEPS = ("decode", "encode", "search", "total")
_BOUNDARY = "hashlens-benchmark"


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.collection or Path(scratch) / "served.hl"
        if not folder.exists():
            index(folder, arguments)
        pictures = load_dataset(arguments.photos, data_dir=arguments.data_dir).images
        n = 24 if arguments.quick else N_SEARCHES
        small = uploads(pictures, n + N_WARM)
        large = uploads(pictures, N_LARGE + 2, LARGE) if not arguments.quick else []
        with serving(folder) as address:
            rows = [timed(address, small, clients, "as they are") for clients in CLIENTS]
            if large:
                rows.append(timed(address, large, 1, "12 megapixels", n_warm=2))
    result = {
        "title": f"Search by an uploaded picture among {rows[0]['items']:,} images, {K} results",
        "command": _command(arguments),
        "rows": rows,
        "model": described(folder) if arguments.collection else None,
        "environment": environment(("fastapi", "uvicorn")),
    }
    write_result(arguments.out, result)
    print(json.dumps(rows, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = os.environ.get("HASHLENS_DATA_DIR")
    parser.add_argument("--collection", type=Path, help="where it is, or is to be made")
    parser.add_argument("--model", type=Path, help="to index with, if the collection is made")
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--data-dir", type=Path, default=Path(shared) if shared else None)
    parser.add_argument("--photos", help="what is uploaded: default $HASHLENS_DATA_DIR/photos")
    parser.add_argument("--out", type=Path, default=RESULTS / "serve.json")
    parser.add_argument("--quick", action="store_true", help="digits by pixels, few searches")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.data = "digits"
        arguments.photos = arguments.photos or "digits"
    elif arguments.collection is None:
        parser.error("--collection must be given: it is kept for the next run")
    arguments.photos = arguments.photos or str(Path(shared or ".") / "photos")
    return arguments


def _command(arguments: argparse.Namespace) -> str:
    model = " --model MODEL" if arguments.model else ""
    return f"python -m benchmarks.bench_serve --collection FOLDER{model} --data {arguments.data}"


def _environment() -> dict[str, str]:
    """All cores, as a user has them."""
    return {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}


def index(folder: Path, arguments: argparse.Namespace) -> None:
    words = [sys.executable, "-m", "hashlens", "index", arguments.data, "--out", str(folder)]
    words += ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
    words += ["--model", str(arguments.model)] if arguments.model else []
    words += ["--features", "pixels", "--bits", "16"] if arguments.quick else []
    subprocess.run(words, check=True, env=_environment())


def described(folder: Path) -> dict[str, Any]:
    collection = Collection.open(folder)
    card = collection.card
    return {
        "method": card["method"],
        "n_bits": collection.n_bits,
        "features": card["card"].get("features"),
        "input": card["preprocessing"],
    }


def uploads(images: Images, n: int, size: tuple[int, int] | None = None) -> list[bytes]:
    """JPEGs of the pictures, each another than any that is stored: one corner is drawn anew."""
    rng, files = np.random.default_rng(0), []
    for i in islice(cycle(rng.permutation(len(images))), n):
        pixels = np.repeat(images.read(int(i)), 3 if images.read(int(i)).shape[2] == 1 else 1, 2)
        pixels[:2, :2] = rng.integers(0, 256, (2, 2, 3))
        picture, file = Image.fromarray(pixels), io.BytesIO()
        (picture.resize(size) if size else picture).save(file, "JPEG", quality=92)
        files.append(file.getvalue())
    return files


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    words = [sys.executable, "-m", "hashlens", "serve", str(folder), "--port", "0", "--json"]
    server = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(), text=True
    )
    try:
        if server.stdout is None:
            raise RuntimeError("no pipe")
        said = ""
        while not said.endswith("}\n"):
            line = server.stdout.readline()
            if not line:
                raise RuntimeError("the server has ended")
            said += line
        yield json.loads(said)["address"]
    finally:
        server.terminate()
        server.wait(30)


def timed(
    address: str, files: Sequence[bytes], n_clients: int, kind: str, *, n_warm: int = N_WARM
) -> dict[str, Any]:
    """Upload all pictures, shared by the clients; the first ones only warm up."""
    ask(address, files[:n_warm], 1)
    began = time.perf_counter()
    waited, answers = ask(address, files[n_warm:], n_clients)
    seconds = time.perf_counter() - began
    own = {step: [answer["seconds"][step] for answer in answers] for step in STEPS}
    return {
        "uploads": kind,
        "clients": n_clients,
        "searches": len(waited),
        "items": answers[0]["n_items"],
        "bits": answers[0]["n_bits"],
        "re-ranked": answers[0]["reranked"],
        "searches/s": len(waited) / seconds,
        "end to end": percentiles(waited),
        **{f"server, {step}": percentiles(values) for step, values in own.items()},
    }


def ask(address: str, files: Sequence[bytes], n_clients: int) -> tuple[list[float], list[Any]]:
    """Give the seconds that each search took, and the answers."""
    waited: list[float] = []
    answers: list[Any] = []
    failed: list[BaseException] = []

    def client(own: Sequence[bytes]) -> None:
        try:
            connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
            for file in own:
                began = time.perf_counter()
                answer = search(connection, file)
                waited.append(time.perf_counter() - began)
                answers.append(answer)
            connection.close()
        except BaseException as error:
            failed.append(error)

    parts = [files[i::n_clients] for i in range(n_clients)]
    threads = [threading.Thread(target=client, args=(part,)) for part in parts if part]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return waited, answers


def search(connection: http.client.HTTPConnection, file: bytes) -> Any:
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + file + f"\r\n--{_BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    connection.request("POST", f"/search?k={K}", body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {content[:500].decode()}")
    return json.loads(content)


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    p50, p99 = np.percentile(seconds, [50, 99])
    return {"p50 ms": 1000 * float(p50), "p99 ms": 1000 * float(p99)}


if __name__ == "__main__":
    main()
