import hashlib
import http.server
import io
import tarfile
import threading
import urllib.request
import zipfile

import numpy as np
import pytest
from PIL import Image

from hashlens.data import load, load_dataset
from hashlens.data.download import SOURCES, Remote, fetch
from hashlens.data.source import BENCHMARKS
from hashlens.errors import FormatError, HashlensError


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def served(tmp_path):
    """Serve a folder on the loopback; gives the folder and its address."""
    root = tmp_path / "served"
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(root))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield root, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def idx(array):
    header = bytes([0, 0, 8, array.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def mnist(served, monkeypatch):
    root, url = served
    remotes = []
    for split in ("train", "t10k"):
        arrays = {"images-idx3": np.zeros((3, 28, 28)), "labels-idx1": np.arange(3)}
        for kind, array in arrays.items():
            path = root / f"{split}-{kind}-ubyte"
            path.write_bytes(idx(array.astype(np.uint8)))
            remotes.append(Remote(url + path.name, md5(path), "mnist"))
    monkeypatch.setitem(SOURCES, "mnist", tuple(remotes))
    return root


def test_download_only_when_asked_and_once(mnist, tmp_path):
    home = tmp_path / "data"
    with pytest.raises(HashlensError, match="--download"):
        load("mnist", data_dir=home)
    assert not home.exists()
    calls = []
    splits = load("mnist", data_dir=home, download=True, progress=lambda *c: calls.append(c))
    assert splits.test.labels.tolist() == [0, 1, 2]
    assert len(calls) == 4
    assert calls[0] == ("train-images-idx3-ubyte", 2368, 2368)
    for path in mnist.iterdir():
        path.unlink()
    assert len(load("mnist", data_dir=home, download=True).train) == 3


def test_a_wrong_or_missing_file_leaves_nothing_behind(mnist, tmp_path):
    path = mnist / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(FormatError, match="train-labels-idx1-ubyte: must have the MD5"):
        load("mnist", data_dir=tmp_path / "data", download=True)
    path.unlink()
    with pytest.raises(HashlensError, match="cannot be downloaded .*404"):  # noqa: RUF043
        load("mnist", data_dir=tmp_path / "data", download=True)
    assert [p.name for p in (tmp_path / "data" / "mnist").iterdir()] == ["train-images-idx3-ubyte"]


def jpeg():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    return file.getvalue()


def tar_of(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_an_archive_in_an_archive_is_unpacked_into_place(served, tmp_path, monkeypatch):
    root, url = served
    tar_of(root / "inner.tar.gz", {"101_ObjectCategories/owl/image_0001.jpg": jpeg()})
    with zipfile.ZipFile(root / "caltech-101.zip", "w") as file:
        file.write(root / "inner.tar.gz", "caltech-101/101_ObjectCategories.tar.gz")
    remote = Remote(
        url + "caltech-101.zip", md5(root / "caltech-101.zip"), "caltech101", unpack=True
    )
    monkeypatch.setitem(SOURCES, "caltech101", (remote,))
    data = load_dataset("caltech101", data_dir=tmp_path / "data", download=True)
    assert data.classes == ("owl",)
    assert [p.name for p in (tmp_path / "data" / "caltech101").iterdir()] == ["caltech-101"]


def test_an_archive_cannot_write_outside_its_folder(tmp_path):
    archive = tmp_path / "evil.tar.gz"
    tar_of(archive, {"../../escaped": b"x"})
    remote = Remote(archive.as_uri(), md5(archive), "", unpack=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SOURCES, "cifar10", (remote,))
        with pytest.raises(FormatError, match="cannot be unpacked"):
            fetch("cifar10", tmp_path / "a" / "data")
    assert not list(tmp_path.rglob("escaped"))


def test_every_benchmark_says_where_it_comes_from():
    assert set(BENCHMARKS) - set(SOURCES) == {"digits", "nuswide"}
    assert set(SOURCES) <= set(BENCHMARKS)


@pytest.mark.network
@pytest.mark.parametrize("name", SOURCES)
def test_the_public_sources_answer(name):
    for remote in SOURCES[name]:
        request = urllib.request.Request(remote.url, method="HEAD")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
