"""Encoding here: whatever ends it, it goes on where it was, to the same bytes."""

import os
import shutil
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from numpy.typing import NDArray

from hashlens.encoding import (
    EncodeJob,
    EncodeReport,
    EncodeSettings,
    encode_local,
    plan_shards,
    read_shards,
)
from hashlens.encoding.shard import one_thread
from hashlens.errors import FormatError, ImageError, InputError
from hashlens.model import Encoder, EncoderOutput
from small_collections import small_model, write_photos
from whole_collections import Counted, Stop

IN_THREADS = EncodeSettings(workers=0)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Heard(Counted):
    """Remembers what was noted too."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_the_report(job: EncodeJob) -> None:
    heard = Heard()
    report = encode_local(job, heard)
    assert (report.n_codes, report.n_shards, report.n_images) == (9, 4, 11)
    assert [Path(name).name for name, _ in report.skipped] == ["0005.png", "empty.png"]
    assert (heard.done, heard.total) == (11, 11)
    assert report.images_per_second == pytest.approx(11 / report.seconds)


def test_a_report_of_no_time() -> None:
    assert EncodeReport(1, 1, (), 0, 0.0).images_per_second == 0


def test_finished_shards_are_not_made_again(job: EncodeJob) -> None:
    encode_local(job)
    before = {path.name: path.stat().st_mtime_ns for path in job.out.iterdir()}
    heard = Heard()
    report = encode_local(job, heard)
    assert {path.name: path.stat().st_mtime_ns for path in job.out.iterdir()} == before
    assert (report.n_codes, report.n_images, heard.notes) == (9, 0, [])


@pytest.mark.parametrize("after", [1, 4, 9])
def test_an_interrupted_run_goes_on(job: EncodeJob, tmp_path: Path, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        encode_local(job, Stop(after))
    done = set(files(job.out))
    assert not [name for name in done if not name.endswith(".parquet")]
    with pytest.raises((FormatError, InputError)):
        read_shards(job.out)
    encode_local(job)
    whole = EncodeJob(job.model_folder, job.plan, tmp_path / "whole", IN_THREADS)
    encode_local(whole)
    assert files(job.out) == files(whole.out)


def test_what_a_kill_left_half_written_is_made_again(shards: Path, job: EncodeJob) -> None:
    before = files(shards)
    name = "codes-00001-of-00004.parquet"
    (shards / name).write_bytes(before[name][:100])
    (shards / f"{name}.4711.partial").write_bytes(before[name][:50])
    heard = Heard()
    report = encode_local(job, heard)
    assert report.n_images == 3
    assert files(shards) == before
    assert len(heard.notes) == 1
    assert f"{shards / name} must be a whole shard" in heard.notes[0]


def test_shards_of_another_model_are_refused(shards: Path, job: EncodeJob, tmp_path: Path) -> None:
    other = small_model(20, seed=1).save(tmp_path / "other")
    before = files(shards)
    with pytest.raises(
        InputError,
        match=r"out must be empty, .* Got codes-00000-of-00004.parquet o"
        r"f another model: give another folder, or remove the shards",
    ):
        encode_local(EncodeJob(other, job.plan, shards, IN_THREADS))
    assert files(shards) == before


@pytest.mark.parametrize(
    ("size", "features", "n_photos", "words"),
    [
        (4, True, 10, "of 4 shards"),
        (3, False, 10, "with features"),
        (3, True, 9, "of other images, or of another number of images in a shard"),
    ],
)
def test_shards_of_other_work_are_refused(
    model: Path, tmp_path: Path, size: int, features: bool, n_photos: int, words: str
) -> None:
    out = tmp_path / "codes"
    encode_local(
        EncodeJob(
            model, plan_shards(write_photos(tmp_path / "p", 10), shard_size=3), out, IN_THREADS
        )
    )
    if n_photos == 9:
        next((tmp_path / "p").rglob("0009.png")).rename(tmp_path / "p" / "owl" / "x.png")
    plan = plan_shards(tmp_path / "p", shard_size=size)
    with pytest.raises(InputError, match=words):
        encode_local(EncodeJob(model, plan, out, EncodeSettings(features=features, workers=0)))


def test_strict_stops_at_a_bad_image_and_does_not_take_it_as_done(job: EncodeJob) -> None:
    strict = EncodeJob(job.model_folder, job.plan, job.out, EncodeSettings(strict=True, workers=0))
    with pytest.raises(ImageError, match=r"0005.png: is not an image of a known format"):
        encode_local(strict)
    encode_local(job)
    with pytest.raises(ImageError, match=r"0005.png: is not an image of a known format"):
        encode_local(strict)


def test_files_that_cannot_be_read_or_named_are_skipped(model: Path, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "p", 6)
    paths = sorted(folder.rglob("*.png"))
    paths[1].unlink()
    odd = Path(os.fsdecode(os.fsencode(paths[2].parent) + b"/\xff.png"))
    shutil.copy(paths[2], odd)
    plan = plan_shards([*paths, odd], shard_size=100)
    report = encode_local(EncodeJob(model, plan, tmp_path / "codes", IN_THREADS))
    assert report.n_codes == 5
    assert dict(report.skipped) == {
        str(paths[1]): "cannot be read (No such file or directory)",
        str(odd): "has a name that is not valid Unicode",
    }


def test_a_shard_of_bad_images_alone_is_a_shard(model: Path, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "p", 4)
    for path in (folder / "cat").iterdir():
        path.write_bytes(b"")
    report = encode_local(
        EncodeJob(model, plan_shards(folder, shard_size=2), tmp_path / "codes", IN_THREADS)
    )
    assert (report.n_codes, len(report.skipped)) == (2, 2)
    shards = read_shards(tmp_path / "codes")
    features = shards.read(0).features
    assert features is not None
    assert features.shape == (0, shards.n_features)


def test_parquet_of_bytes_has_the_codes_of_its_files(model: Path, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "p", 10)
    paths = sorted(folder.rglob("*.png"))
    pq.write_table(
        pa.table({"image": [path.read_bytes() for path in paths]}),
        tmp_path / "p.parquet",
        row_group_size=4,
    )
    found = []
    for name, source in (("a", folder), ("b", tmp_path / "p.parquet")):
        encode_local(
            EncodeJob(model, plan_shards(source, shard_size=3), tmp_path / name, IN_THREADS)
        )
        found.append(list(read_shards(tmp_path / name).rows()))
    for of_files, of_bytes in zip(*found, strict=True):
        np.testing.assert_array_equal(of_files.codes, of_bytes.codes)
        assert of_files.content_hashes == of_bytes.content_hashes
        assert not of_bytes.has_file.any()
    assert found[1][1].names[0] == "p.parquet[3]"


def test_pixels_in_memory(model: Path, tmp_path: Path) -> None:
    job = EncodeJob(model, plan_shards("digits", shard_size=1000), tmp_path / "d")
    encode_local(job)
    shards = read_shards(job.out)
    rows = shards.read(1)
    assert (shards.n_rows, len(rows.names)) == (1797, 797)
    assert rows.labels[0] is not None


def test_one_thread_computes_in_every_thread() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            found: list[int] = []
            thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
            thread.start()
            thread.join()
            assert [torch.get_num_threads(), *found] == [1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@dataclass
class Watched:
    """An encoder that notes how many threads compute."""

    encoder: Encoder
    n_threads: list[int]

    def embed(self, pixels: NDArray[np.uint8]) -> EncoderOutput:
        self.n_threads.append(torch.get_num_threads())
        return self.encoder.embed(pixels)


def test_one_thread_computes_a_shard(job: EncodeJob) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    watched = Watched(job.model.encoder, [])
    job.__dict__["model"] = replace(job.model, encoder=watched)
    try:
        encode_local(job)
    finally:
        torch.set_num_threads(before)
    assert set(watched.n_threads) == {1}


def test_a_file_in_place_of_the_folder_is_refused(job: EncodeJob) -> None:
    job.out.write_bytes(b"")
    with pytest.raises(InputError, match="out must be a folder for shards"):
        encode_local(job)


def test_wrong_settings_are_refused(job: EncodeJob) -> None:
    with pytest.raises(InputError, match="workers must be an int >= 0"):
        EncodeSettings(workers=-1)
    with pytest.raises(InputError, match="n_bits must be a length that the model was trained"):
        EncodeJob(job.model_folder, job.plan, job.out, EncodeSettings(n_bits=7))
    with pytest.raises(FormatError, match="must be a readable file of a model"):
        EncodeJob(job.out / "none", job.plan, job.out)


def test_processes_that_decode_change_nothing(shards: Path, job: EncodeJob) -> None:
    decoded = EncodeJob(job.model_folder, job.plan, shards.parent / "b", EncodeSettings(workers=1))
    encode_local(decoded)
    assert files(decoded.out) == files(shards)
