"""The files of the Milvus server, unpacked once for a user from the wheel that carries them."""

import importlib.util
import lzma
import os
import shutil
import tempfile
from pathlib import Path

INSTALL = "pip install 'hashlens[servers]'"


def folder_of(package: str) -> Path:
    """The folder of an installed package, found without importing it.

    Raises
    ------
    ImportError
        If the package is not installed; the message has the words that install it.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ImportError(f"{package} is not installed. Install it with: {INSTALL}", name=package)
    return Path(found.origin).parent


def unpacked_server() -> Path:
    """The folder of the server's program and libraries (about 250 MB), unpacked on first use.

    It lies in the user's cache folder. It is unpacked beside its place and then renamed, so that
    it is whole wherever it exists, and two processes that unpack at the same time both succeed.
    """
    packed = folder_of("milvus") / "data" / "bin"
    size = sum(file.stat().st_size for file in packed.iterdir())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hashlens"
    place = cache / f"milvus-server-{size}"  # another wheel has another size
    if place.is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix="milvus-unpacking-", dir=cache))
    try:
        for file in packed.glob("*.lzma"):
            _unpack(file, beside / file.stem)
        beside.chmod(0o755)
        try:
            beside.rename(place)
        except OSError:  # another process was first
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)  # gone already, where the rename succeeded
    return place


def _unpack(source: Path, target: Path) -> None:
    with lzma.open(source) as packed, target.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked, 1 << 20)
    target.chmod(0o755)
