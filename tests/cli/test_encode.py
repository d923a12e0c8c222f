"""`hashlens encode` into a folder of shards."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from calling import answer, call, refused
from hashlens.cli import main
from hashlens.encoding import local, read_shards
from hashlens.encoding.shard_header import Header
from small_collections import small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(16).save(tmp_path_factory.mktemp("models") / "m")


@pytest.fixture(autouse=True)
def in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_folder_of_shards_has_the_codes_of_the_array(model: Path, photos: Path) -> None:
    (photos / "owl" / "bad.png").write_bytes(b"no picture")
    words = ("encode", model, photos, "--workers", 0)
    result = answer(*words, "--out", "codes", "--shard-size", 5)
    assert (result["n_codes"], result["n_shards"], result["n_skipped"]) == (12, 3, 1)
    assert (result["n_bits"], result["out"], result["model"]) == (16, "codes", str(model))
    assert result["images_per_second"] > 0
    assert result["seconds"] > 0
    assert answer(*words, "--out", "codes.npy")["n_codes"] == 12
    rows = list(read_shards("codes").rows())
    np.testing.assert_array_equal(np.concatenate([r.codes for r in rows]), np.load("codes.npy"))
    assert rows[0].features is not None


def test_what_was_skipped_and_where_it_is_goes_to_stderr(model: Path, photos: Path) -> None:
    for i in range(25):
        (photos / "owl" / f"bad{i}.png").write_bytes(b"no picture")
    done = call("encode", model, photos, "--out", "codes", "--workers", 0)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "12 codes of 16 bits in 1 shards in " in done.stderr
    assert done.stderr.count("is not an image of a known format") == 20
    assert "skipped 5 more, named in their shards" in done.stderr


@pytest.mark.parametrize("out", ["codes", "codes.v2/", "there.is"])
def test_what_is_a_folder(model: Path, photos: Path, out: str) -> None:
    Path("there.is").mkdir()
    answer("encode", model, photos, "--out", out, "--no-features", "--workers", 0)
    assert read_shards(out).n_features == 0


def test_precision_is_for_one_file_and_for_networks(model: Path, photos: Path) -> None:
    words = ("encode", model, photos, "--workers", 0)
    exact = answer(*words)["codes"]
    assert answer(*words, "--precision", "float32")["codes"] == exact
    assert "precision must be float32" in refused(*words, "--precision", "bfloat16")
    assert call(*words, "--precision", "float64").exit_code == 2
    done = call(*words, "--out", "codes", "--precision", "float32")
    assert done.exit_code == 2
    assert "is for an --out that is a file" in " ".join(done.stderr.split())


def test_what_is_not_a_folder(model: Path, photos: Path) -> None:
    assert "must be a file name that ends with .npy" in refused(
        "encode", model, photos, "--out", "codes.bin"
    )


@pytest.mark.parametrize(
    "words",
    [("--shard-size", 5), ("--no-features",), ("--features",), ("--ray", "local")],
)
@pytest.mark.parametrize("out", [(), ("--out", "codes.npy")])
def test_options_of_shards_need_a_folder(
    model: Path, photos: Path, words: tuple[object, ...], out: tuple[str, ...]
) -> None:
    done = call("encode", model, photos, *words, *out)
    assert done.exit_code == 2
    assert "is for an --out that is a folder" in " ".join(done.stderr.split())
    assert not Path("codes.npy").exists()


def test_a_shard_of_no_images_is_a_wrong_size(model: Path, photos: Path) -> None:
    assert call("encode", model, photos, "--out", "codes", "--shard-size", 0).exit_code == 2


def test_a_wrong_address_is_refused_before_anything_is_read(model: Path) -> None:
    said = refused("encode", model, "nothing", "--out", "codes", "--ray", "head")
    assert said == "ray must be local, auto or the host:port of a cluster. Got 'head'."


def test_a_folder_of_another_model_is_refused(model: Path, photos: Path, tmp_path: Path) -> None:
    answer("encode", model, photos, "--out", "codes", "--workers", 0)
    other = small_model(16, seed=1).save(tmp_path / "other")
    assert "of another model: give another folder, or remove the shards" in refused(
        "encode", other, photos, "--out", "codes", "--workers", 0
    )


def test_ctrl_c_says_how_to_go_on(
    model: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    encode, n_done = local.encode_shard, []

    def until_the_second(*words: object) -> Header:
        if n_done:
            raise KeyboardInterrupt
        n_done.append(1)
        return encode(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(local, "encode_shard", until_the_second)
    words = ["encode", model, photos, "--out", "codes", "--shard-size", 4, "--workers", 0]
    monkeypatch.setattr(sys, "argv", ["hashlens", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 130
    said = capsys.readouterr().err
    assert f"finished shards stay in {tmp_path / 'codes'}; the same command goes on" in said
    monkeypatch.setattr(local, "encode_shard", encode)
    assert json.loads(call(*words, "--json").stdout)["n_codes"] == 12


def test_the_runtime_gives_the_same_codes_and_is_for_one_file(model: Path, photos: Path) -> None:
    words = ("encode", model, photos, "--workers", 0)
    assert answer(*words, "--runtime", "onnx")["codes"] == answer(*words)["codes"]
    done = call(*words, "--runtime", "onnx", "--out", "codes")
    assert done.exit_code == 2
    assert "is for an --out that is a file" in " ".join(done.stderr.split())
    done = call(*words, "--runtime", "onnx", "--precision", "bfloat16")
    assert done.exit_code != 0
