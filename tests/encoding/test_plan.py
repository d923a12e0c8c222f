"""Which images are in which shard depends on the list of images alone."""

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hashlens.data import ArrayImages, Dataset, load_dataset
from hashlens.data.candidates import label_of, look_at
from hashlens.data.sheet import Sheet, read_sheet
from hashlens.encoding import Plan, plan_shards
from hashlens.encoding.plan import loaded
from hashlens.errors import FormatError, InputError
from small_collections import write_photos


def names(plan: Plan) -> list[list[str]]:
    """What is in each shard, after the way to another process."""
    parts = [pickle.loads(pickle.dumps(plan.part(i))) for i in range(plan.n_shards)]
    data = [loaded(part) for part in parts]
    return [[look_at(d, i).path for i in range(len(d))] for d in data]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "p", 7)


def as_parquet(folder: Path, splits: bool = False, **options: int) -> Path:
    """Write a folder's photos into a Parquet file."""
    files = sorted(folder.rglob("*.png"))
    columns = {
        "image": [{"bytes": file.read_bytes(), "path": file.name} for file in files],
        "label": [file.parent.name for file in files],
    }
    if splits:
        columns["split"] = ["test" if i % 3 == 0 else "train" for i in range(len(files))]
    path = folder.parent / "photos.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_a_folder_in_its_order(folder: Path) -> None:
    plan = plan_shards(folder, shard_size=3)
    files = [str(path) for path in sorted(folder.rglob("*.png"))]
    assert names(plan) == [files[:3], files[3:6], files[6:]]
    assert (plan.n_images, plan.n_shards) == (7, 3)


def test_paths_are_absolute_wherever_it_is_planned(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = plan_shards(folder, shard_size=3)
    monkeypatch.chdir(folder.parent)
    plan = plan_shards("p", shard_size=3)
    monkeypatch.chdir("/")
    assert names(plan) == names(whole)
    assert plan.manifest_sha256 == whole.manifest_sha256


def test_the_digest_is_of_names_order_labels_and_size(folder: Path) -> None:
    files = sorted(folder.rglob("*.png"))
    data = load_dataset(folder)
    digests = [
        plan_shards(source, shard_size=size).manifest_sha256
        for source, size in (
            (folder, 3),
            (folder, 2),
            (files, 3),
            (files[::-1], 3),
            (files[1:], 3),
            (Dataset("x", data.images, data.labels, ("dog", "owl")), 3),
            (ArrayImages(np.zeros((7, 8, 8, 3), np.uint8)), 3),
            (ArrayImages(np.ones((7, 8, 8, 3), np.uint8)), 3),
        )
    ]
    assert len(set(digests)) == len(digests)
    assert plan_shards(folder, shard_size=3).manifest_sha256 == digests[0]


@pytest.mark.parametrize("splits", [False, True])
@pytest.mark.parametrize("row_group_size", [1, 2, 100])
def test_parquet_of_bytes_is_read_in_parts(folder: Path, splits: bool, row_group_size: int) -> None:
    path = as_parquet(folder, splits, row_group_size=row_group_size)
    plan = plan_shards(path, shard_size=3)
    assert isinstance(plan.part(0), Sheet)
    whole = load_dataset(path)
    wanted = [look_at(whole, i) for i in range(len(whole))]
    found = []
    for i in range(plan.n_shards):
        data = loaded(pickle.loads(pickle.dumps(plan.part(i))))
        found += [look_at(data, k)._replace(position=3 * i + k) for k in range(len(data))]
    assert found == wanted
    assert not any(candidate.has_file for candidate in found)


def test_parquet_of_plain_bytes_names_the_rows_of_the_file(folder: Path) -> None:
    blobs = [file.read_bytes() for file in sorted(folder.rglob("*.png"))]
    path = folder.parent / "plain.parquet"
    pq.write_table(pa.table({"img": blobs}), path, row_group_size=2)
    assert names(plan_shards(path, shard_size=5))[1] == ["plain.parquet[5]", "plain.parquet[6]"]


def test_paths_inside_parquet_of_bytes_are_files(folder: Path) -> None:
    files = sorted(folder.rglob("*.png"))
    cells = [{"bytes": None, "path": str(f.relative_to(folder.parent))} for f in files]
    cells[2]["bytes"] = files[2].read_bytes()
    path = folder.parent / "mixed.parquet"
    pq.write_table(pa.table({"image": cells}), path)
    found = [name for part in names(plan_shards(path, shard_size=4)) for name in part]
    assert found[0] == str(files[0])
    assert found[2] == "p/cat/0005.png"


def test_parquet_of_paths_is_a_manifest_as_ever(folder: Path) -> None:
    files = sorted(folder.rglob("*.png"))
    path = folder.parent / "paths.parquet"
    pq.write_table(pa.table({"path": [str(f.relative_to(folder.parent)) for f in files]}), path)
    assert read_sheet(path) is None
    assert names(plan_shards(path, shard_size=9)) == [[str(file) for file in files]]


def test_a_rewritten_parquet_has_another_digest(folder: Path) -> None:
    path = as_parquet(folder)
    before = plan_shards(path).manifest_sha256
    assert plan_shards(path).manifest_sha256 == before
    write_photos(folder, 8)
    assert plan_shards(as_parquet(folder)).manifest_sha256 != before


def test_a_cell_without_an_image_is_named_by_its_row(folder: Path) -> None:
    blobs = [file.read_bytes() for file in sorted(folder.rglob("*.png"))]
    path = folder.parent / "holes.parquet"
    pq.write_table(pa.table({"image": [*blobs[:5], None, blobs[6]]}), path)
    plan = plan_shards(path, shard_size=2)
    assert len(loaded(plan.part(1))) == 2
    with pytest.raises(FormatError, match=r"holes.parquet, row 6: image must be a path or the by"):
        loaded(plan.part(2))


def test_labels_in_words(folder: Path) -> None:
    data = load_dataset(folder)
    assert [label_of(data, i) for i in range(7)] == ["cat"] * 3 + ["owl"] * 4
    several = Dataset("s", data.images.subset([0, 1]), np.array([[1, 1], [0, 0]]), ("a", "b"))
    assert [label_of(several, i) for i in range(2)] == ["a|b", None]


@pytest.mark.parametrize("text", ["path\n", "path,label\n"])
def test_an_empty_manifest_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "none.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match="must have a column path or image and at least one row"):
        plan_shards(path)


def test_an_empty_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), path)
    with pytest.raises(FormatError, match="must have a column path or image and at least one row"):
        plan_shards(path)


def test_no_images_and_no_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="source must be at least one image"):
        plan_shards(ArrayImages(np.zeros((0, 8, 8, 3), np.uint8)))
    with pytest.raises(InputError, match="shard_size must be an int >= 1"):
        plan_shards("digits", shard_size=0)
    (tmp_path / "x.parquet").write_bytes(b"PAR1, and nothing of it")
    with pytest.raises(FormatError, match="is not a readable Parquet file"):
        plan_shards(tmp_path / "x.parquet")
