"""A folder of shards is read in order, or what is wrong with it is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hashlens.data import load_dataset
from hashlens.encoding import EncodeJob, EncodeSettings, encode_local, plan_shards, read_shards
from hashlens.errors import FormatError, InputError
from hashlens.model import Model
from hashlens.vectors import as_stored_vectors
from small_collections import small_model

IN_THREADS = EncodeSettings(workers=0)


def test_the_rows_are_those_of_the_model(shards: Path, model: Path, photos: Path) -> None:
    found = read_shards(shards)
    rows = list(found.rows())
    embedding = Model.load(model).embed(load_dataset(photos))
    assert (found.n_shards, found.n_rows, found.n_bits) == (4, 9, 20)
    assert len(rows) == 4
    np.testing.assert_array_equal(np.concatenate([r.codes for r in rows]), embedding.codes)
    features = np.concatenate([r.features for r in rows if r.features is not None])
    np.testing.assert_array_equal(features, as_stored_vectors(embedding.features))
    names = [name for r in rows for name in r.names]
    assert names == sorted(str(path) for path in photos.rglob("0*.png") if "0005" not in path.name)
    assert [label for r in rows for label in r.labels] == ["cat"] * 4 + ["owl"] * 5
    assert all(r.has_file.all() for r in rows)
    assert found.n_features == embedding.features.shape[1]
    assert [Path(name).name for name, _ in found.skipped] == ["0005.png", "empty.png"]


def test_a_missing_shard_is_named(shards: Path) -> None:
    (shards / "codes-00002-of-00004.parquet").unlink()
    with pytest.raises(FormatError, match=r"must hold all 4 shards. Got none of codes-00002-of-0"):
        read_shards(shards)


def test_a_damaged_shard_is_named(shards: Path) -> None:
    path = shards / "codes-00002-of-00004.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FormatError, match=f"{path} must be a whole shard"):
        read_shards(shards)


def test_a_shard_that_changes_meanwhile_is_named(
    shards: Path, job: EncodeJob, tmp_path: Path
) -> None:
    found = read_shards(shards)
    other = small_model(20, seed=1).save(tmp_path / "other")
    encode_local(EncodeJob(other, job.plan, tmp_path / "b", IN_THREADS))
    shutil.copy(tmp_path / "b" / "codes-00001-of-00004.parquet", shards)
    found.read(0)
    with pytest.raises(FormatError, match=r"codes-00001-of-00004.parquet must be as it was"):
        found.read(1)


def test_shards_of_two_models_are_refused(shards: Path, job: EncodeJob, tmp_path: Path) -> None:
    other = small_model(20, seed=1).save(tmp_path / "other")
    encode_local(EncodeJob(other, job.plan, tmp_path / "b", IN_THREADS))
    shutil.copy(tmp_path / "b" / "codes-00001-of-00004.parquet", shards)
    with pytest.raises(FormatError, match=r"00001-of-00004.parquet must have the model of the fir"):
        read_shards(shards)


def test_shards_of_two_encodings_are_refused(shards: Path, job: EncodeJob, photos: Path) -> None:
    plan = plan_shards(photos, shard_size=6)
    encode_local(EncodeJob(job.model_folder, plan, shards.parent / "b", IN_THREADS))
    shutil.copy(shards.parent / "b" / "codes-00000-of-00002.parquet", shards)
    with pytest.raises(FormatError, match=r"must hold the shards of one encoding"):
        read_shards(shards)


def test_with_and_without_features_do_not_mix(shards: Path, job: EncodeJob) -> None:
    bare = EncodeJob(
        job.model_folder, job.plan, shards.parent / "b", EncodeSettings(features=False, workers=0)
    )
    encode_local(bare)
    assert read_shards(bare.out).n_features == 0
    assert read_shards(bare.out).read(0).features is None
    shutil.copy(bare.out / "codes-00003-of-00004.parquet", shards)
    with pytest.raises(FormatError, match="must have the length of features of the first shard"):
        read_shards(shards)


def test_no_shards_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder must be one with shards of codes"):
        read_shards(tmp_path)
    with pytest.raises(InputError, match="folder must be a folder of shards"):
        read_shards(tmp_path / "none")


def test_the_number_of_a_shard_is_checked(shards: Path) -> None:
    with pytest.raises(InputError, match=r"shard must be an int from 0 to 3. Got 4"):
        read_shards(shards).read(4)
