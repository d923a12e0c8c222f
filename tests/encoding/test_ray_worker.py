"""What a worker of a cluster checks before it encodes; no Ray is needed to see it."""

from pathlib import Path

import pytest

from hashlens import __version__
from hashlens.encoding import EncodeJob, EncodeSettings, ray_encode, ray_worker
from hashlens.encoding.ray_encode import check_address, encode_on_ray
from hashlens.encoding.ray_worker import Sent, UnseenError, encode_sent, read_files, sees_a_file
from hashlens.encoding.shard_file import read_shard
from hashlens.errors import InputError, MissingExtraError
from small_collections import small_model

MODEL_FILES = ("model.json", "weights.safetensors")


@pytest.fixture
def sent(job: EncodeJob) -> Sent:
    job.out.mkdir()
    return Sent(job.task(1), "model.json", __version__, sees_files=True)


def test_a_shard_is_encoded_and_the_model_stays(job: EncodeJob, sent: Sent) -> None:
    fetched = []

    def fetch() -> ray_worker.Files:
        fetched.append(1)
        return read_files(job.model_folder, MODEL_FILES)

    ray_worker._MODELS.clear()
    assert encode_sent(sent, fetch) == 3
    assert encode_sent(sent._replace(task=job.task(3)), fetch) == 2
    assert len(fetched) == 1
    footer, rows = read_shard(sent.task.path)
    assert footer.header.n_images == len(rows.names) + len(footer.header.skipped)


def test_a_shorter_code(job: EncodeJob, tmp_path: Path) -> None:
    short = EncodeJob(job.model_folder, job.plan, tmp_path, EncodeSettings(20, workers=0))
    sent = Sent(short.task(0), "model.json", __version__, sees_files=True)
    assert encode_sent(sent, lambda: read_files(job.model_folder, MODEL_FILES)) == 3


def test_another_version_is_refused(sent: Sent) -> None:
    other = sent._replace(version="0.0.0")
    with pytest.raises(InputError, match=r"hashlens must be version 0.0.0 on every node"):
        encode_sent(other, dict)


def test_another_model_is_refused(sent: Sent, tmp_path: Path) -> None:
    other = small_model(20, seed=2).save(tmp_path / "m")
    ray_worker._MODELS.clear()
    with pytest.raises(InputError, match="model must be as it was when the encoding began"):
        encode_sent(sent, lambda: read_files(other, MODEL_FILES))


def test_a_folder_that_is_not_shared_is_named(job: EncodeJob, sent: Sent) -> None:
    job.out.rmdir()
    with pytest.raises(UnseenError, match=f"out must be on a disk that .* Got no folder {job.out}"):
        encode_sent(sent, dict)
    assert not job.out.exists()


def test_images_that_are_not_shared_are_no_bad_images(sent: Sent, job: EncodeJob) -> None:
    for source in sent.task.part.images.sources:  # type: ignore[union-attr]
        assert sees_a_file(sent.task)
        source.rename(source.with_suffix(".away"))
    try:
        assert not sees_a_file(sent.task)
        with pytest.raises(
            UnseenError, match=r"images must be on a disk that every node sees. Got "
        ):
            encode_sent(sent, dict)
        lost = sent._replace(sees_files=False)  # they are lost where the job began, too
        assert encode_sent(lost, lambda: read_files(job.model_folder, MODEL_FILES)) == 3
        assert read_shard(sent.task.path)[0].n_rows == 0
    finally:
        for source in sent.task.part.images.sources:  # type: ignore[union-attr]
            source.with_suffix(".away").rename(source)


@pytest.mark.parametrize("address", ["", "head", "head:", ":6379", "head:x", "ray://"])
def test_what_is_no_address_is_refused(job: EncodeJob, address: str) -> None:
    with pytest.raises(InputError, match="ray must be local, auto or the host:port of a cluster"):
        encode_on_ray(job, address)
    assert not job.out.exists()


@pytest.mark.parametrize(
    ("workers", "n_gpus", "rooms"),
    [
        (1, 0, [8, 2, 0]),
        (4, 0, [2, 0, 0]),
        (1, 1, [2, 0, 0]),
        (8, 1, [1, 0, 0]),
    ],
)
def test_room_on_the_nodes(workers: int, n_gpus: int, rooms: list[int]) -> None:
    run = object.__new__(ray_encode._Run)
    run._cpus, run._gpus = workers, n_gpus
    nodes = [
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 2.0}},
        {"Alive": False, "Resources": {"CPU": 8.0, "GPU": 2.0}},
    ]
    assert [run._room(node) for node in nodes] == rooms


def test_without_ray_the_install_words_are_given(
    job: EncodeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hashlens\[ray\]'"):
        encode_on_ray(job, "local")


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.2:6379", True), ("127.0.0.1:6379", False), ("head:6379", False), ("auto", False)],
)
def test_a_head_on_this_machine_is_the_node_to_join(address: str, own: bool) -> None:
    assert ray_encode._is_own(address) is own
    check_address(address)
