import numpy as np
import pytest
from PIL import Image

from hashlens.data import Preprocessing, load, load_dataset, load_pixels
from hashlens.errors import InputError


def photo(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (value, 0, 0)).save(path, "PNG")


def names(data):
    return [data.images.name(i) for i in range(len(data))]


def test_labels_come_from_sub_folders_in_sorted_order(tmp_path):
    for name in ("owl/2.png", "owl/10.png", "cat/b.JPG", "cat/deep/a.png"):
        photo(tmp_path / name)
    data = load_dataset(tmp_path)
    assert names(data) == ["cat/b.JPG", "cat/deep/a.png", "owl/10.png", "owl/2.png"]
    assert data.classes == ("cat", "cat/deep", "owl")
    assert data.labels.tolist() == [0, 1, 2, 2]
    assert data.name == tmp_path.name


def test_images_directly_inside_make_an_album(tmp_path):
    photo(tmp_path / "1.png")
    photo(tmp_path / "2024" / "2.png")
    data = load_dataset(tmp_path)
    assert data.labels is None
    assert names(data) == ["1.png", "2024/2.png"]


def test_what_is_a_candidate(tmp_path):
    photo(tmp_path / "a" / "photo")
    photo(tmp_path / "a" / "photo.dat")
    photo(tmp_path / "a" / "wrong.gif")
    photo(tmp_path / "a" / ".hidden.png")
    photo(tmp_path / ".trash" / "x.png")
    for name in ("LICENSE", "labels.csv", "meta.json", "BM.txt", "empty"):
        (tmp_path / "a" / name).write_text("BM words" if name != "empty" else "")
    (tmp_path / "a" / "broken.jpg").write_text("no image")
    data = load_dataset(tmp_path)
    assert names(data) == ["a/broken.jpg", "a/photo", "a/photo.dat", "a/wrong.gif"]
    loaded = load_pixels(data.images, Preprocessing(4, 4))
    assert loaded.kept.tolist() == [1, 2, 3]
    assert loaded.skipped[0].name == "a/broken.jpg"


def test_links_are_followed_but_not_in_circles(tmp_path):
    photo(tmp_path / "elsewhere" / "1.png")
    root = tmp_path / "root"
    photo(root / "a" / "2.png")
    (root / "b").symlink_to(tmp_path / "elsewhere")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "dead.png").symlink_to(tmp_path / "nothing")
    assert names(load_dataset(root)) == ["a/2.png", "b/1.png"]


def test_train_and_test_folders_are_the_splits(tmp_path):
    for name in ("train/cat/1.png", "train/owl/2.png", "test/owl/3.png", "test/emu/4.png"):
        photo(tmp_path / name)
    (tmp_path / "LICENSE").write_text("free")
    splits = load(tmp_path)
    assert splits.train.classes == splits.test.classes == ("cat", "emu", "owl")
    assert splits.train.labels.tolist() == [0, 2]
    assert splits.test.labels.tolist() == [1, 2]
    assert names(load_dataset(tmp_path))[:2] == ["train/cat/1.png", "train/owl/2.png"]
    photo(tmp_path / "val" / "cat" / "1.png")
    assert load_dataset(tmp_path).classes[0] == "test/emu"


def test_train_and_test_without_classes(tmp_path):
    photo(tmp_path / "train" / "1.png")
    photo(tmp_path / "test" / "2.png")
    splits = load(tmp_path)
    assert splits.train.labels is None
    photo(tmp_path / "test" / "owl" / "2.png")
    (tmp_path / "test" / "2.png").unlink()
    with pytest.raises(InputError, match="both have class folders"):
        load(tmp_path)


def test_other_folders_are_split_80_to_20_by_class_and_seed(tmp_path):
    for label in ("a", "b"):
        for i in range(10):
            photo(tmp_path / label / f"{i}.png", i)
    splits = load(tmp_path, seed=3)
    assert np.bincount(splits.train.labels).tolist() == [8, 8]
    assert np.bincount(splits.test.labels).tolist() == [2, 2]
    assert not set(names(splits.train)) & set(names(splits.test))
    assert names(splits.test) == names(load(tmp_path, seed=3).test)
    assert names(splits.test) != names(load(tmp_path, seed=4).test)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="source must be a folder with images"):
        load(tmp_path)
