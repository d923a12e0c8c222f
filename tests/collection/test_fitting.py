"""Collections made without a model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hashlens.collection import Collection, index_photos
from hashlens.errors import ImageError, InputError


def stored_codes(collection: Collection) -> np.ndarray:
    size = (collection.n_bits + 7) // 8
    return np.fromfile(collection.path / "codes-1.u8", np.uint8).reshape(-1, size)


def test_the_stored_codes_are_those_of_the_model(tmp_path: Path, photos: Path) -> None:
    (photos / "cat" / "0005.png").write_bytes(b"")
    collection, report = index_photos(
        tmp_path / "c.hl", photos, features="pixels", n_bits=16, seed=3
    )
    assert (report.added, [name for name, _ in report.skipped]) == (29, ["cat/0005.png"])
    reopened = Collection.open(collection.path)
    paths = [reopened.item(i).path for i in range(1, 30)]
    assert (stored_codes(reopened) == reopened.model.encode(paths)).all()
    card = reopened.card
    assert (card["method"], card["n_bits"], card["settings"]["seed"]) == ("itq", 16, 3)
    assert (card["card"]["features"], card["card"]["seed"]) == ("pixels", 3)


def test_of_many_images_some_are_drawn_to_fit_and_all_are_added(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlens.collection.fitting.FITTED_ON", 11)
    (photos / "cat" / "0005.png").write_bytes(b"")
    collection, report = index_photos(tmp_path / "c.hl", photos, features="pixels", n_bits=8)
    assert (report.added, len(report.skipped)) == (29, 1)
    assert collection.card["card"]["n_images"] in (10, 11)
    assert len(collection.model.training_digests) in (10, 11)
    for i in range(1, 30):
        item = collection.item(i)
        hits = collection.search(item.path, 29, radius=0)
        assert item.path in hits.paths
    paths = [collection.search(i, 1).paths[0] for i in range(1, 30)]
    rows = [collection.search(i, 1).ids[0] for i in range(1, 30)]
    assert len(set(paths)) == len(set(rows)) == 29


def test_the_same_seed_gives_the_same_codes(tmp_path: Path, photos: Path) -> None:
    made = [
        index_photos(tmp_path / f"{i}.hl", photos, features="pixels", n_bits=16, seed=seed)[0]
        for i, seed in enumerate([0, 0, 1])
    ]
    assert (stored_codes(made[0]) == stored_codes(made[1])).all()
    assert (stored_codes(made[0]) != stored_codes(made[2])).any()


def test_with_strict_nothing_is_made_of_a_folder_with_a_bad_file(
    tmp_path: Path, photos: Path
) -> None:
    (photos / "cat" / "0005.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"cat/0005\.png: is empty"):
        index_photos(tmp_path / "c.hl", photos, features="pixels", n_bits=8, strict=True)
    assert not (tmp_path / "c.hl").exists()


def test_too_little_is_refused(
    tmp_path: Path, photos: Path, make_photos: Callable[..., Path]
) -> None:
    one = make_photos(tmp_path / "one", 1)
    with pytest.raises(InputError, match="source must be a source of at least 2 readable images"):
        index_photos(tmp_path / "c.hl", one, features="pixels", n_bits=8)
    with pytest.raises(InputError, match="n_bits must be at most 192, the number of features"):
        index_photos(tmp_path / "c.hl", photos, features="pixels", n_bits=193)
    with pytest.raises(InputError, match="path must be a new folder"):
        index_photos(photos, photos, features="pixels")
    assert not (tmp_path / "c.hl").exists()
