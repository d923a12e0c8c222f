"""A model in a folder, some photos, and their shards."""

from pathlib import Path

import pytest

from hashlens.encoding import EncodeJob, EncodeSettings, encode_local, plan_shards
from small_collections import small_model, write_photos


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(20).save(tmp_path_factory.mktemp("models") / "m")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photos, and two files in their midst that are none."""
    folder = write_photos(tmp_path_factory.mktemp("photos"), 10)
    (folder / "cat" / "0005.png").write_bytes(b"no picture")
    (folder / "owl" / "empty.png").touch()
    return folder


@pytest.fixture
def job(tmp_path: Path, model: Path, photos: Path) -> EncodeJob:
    """Eleven images in four shards."""
    return EncodeJob(
        model, plan_shards(photos, shard_size=3), tmp_path / "codes", EncodeSettings(workers=0)
    )


@pytest.fixture
def shards(job: EncodeJob) -> Path:
    encode_local(job)
    return job.out
