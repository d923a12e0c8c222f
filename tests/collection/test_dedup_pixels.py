"""The pixel check: what it finds, what it tells apart, and what it does without a picture."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hashlens.collection import Collection
from hashlens.collection.dedup import finding, pixels
from hashlens.collection.dedup.alignment import N_COLUMNS, SIDE, agree
from hashlens.collection.dedup.tiers import default_limit
from hashlens.data import ArrayImages
from hashlens.errors import InputError
from hashlens.model import Model

LEAST = np.float32(default_limit("same", 64, True).pixels)
SIZE = 192


def scene(seed: int) -> Image.Image:
    """A picture of some discs and boxes."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (SIZE, SIZE), tuple(rng.integers(60, 200, 3)))
    draw = ImageDraw.Draw(picture)
    for i in range(24):
        (x, y), side = rng.integers(0, SIZE, 2), rng.integers(10, 60)
        shape = draw.ellipse if i % 2 else draw.rectangle
        shape((x, y, x + side, y + side), fill=tuple(rng.integers(0, 256, 3)))
    return picture


def signature(picture: Image.Image) -> np.ndarray:
    grey = pixels.Preprocessing(SIDE, SIDE, 1).apply(np.asarray(picture))
    return pixels.signatures(grey[None, :, :, 0])[0]


def alike(a: Image.Image, b: Image.Image) -> bool:
    work = np.empty((N_COLUMNS + 2, SIDE * SIDE), np.float32)
    both = signature(a), signature(b)
    found = agree(*both, LEAST, work)
    assert found == agree(*both[::-1], LEAST, work)
    return found


def saved(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "not at all": lambda picture: picture,
    "saved at low quality": lambda picture: saved(picture, 25),
    "made smaller": lambda picture: picture.resize((SIZE // 3, SIZE // 3)),
    "darker, paler": lambda picture: picture.point(lambda value: 0.5 * value + 30),
    "cropped on two sides": lambda picture: picture.crop((0, 12, SIZE - 15, SIZE)),
    "cropped all around": lambda picture: picture.crop((8, 8, SIZE - 8, SIZE - 10)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_agrees_with_its_picture_and_with_no_other(change: str) -> None:
    assert all(alike(scene(i), CHANGES[change](scene(i))) for i in range(8))
    assert not any(alike(scene(i), CHANGES[change](scene(i + 1))) for i in range(8))


def test_a_picture_of_one_grey_has_nothing_that_agrees() -> None:
    flat = Image.new("RGB", (SIZE, SIZE), (90, 90, 90))
    assert not signature(flat).any()
    assert not alike(flat, flat)
    assert not alike(flat, scene(0))


def test_a_turned_signature_is_that_of_the_turned_picture() -> None:
    picture = np.asarray(scene(0))
    places = pixels.turned_places()
    for turn, turned in zip(places, pixels.TURNS.values(), strict=True):
        expected = signature(Image.fromarray(np.ascontiguousarray(turned(picture))))
        assert np.abs(signature(scene(0))[turn].astype(int) - expected).max() <= 1


@pytest.fixture(params=[True, False])
def photos(tmp_path: Path, model: Model, request: pytest.FixtureRequest) -> Collection:
    """Six pictures, and a small, darker copy of the first; with features, and without."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(6):
        scene(i).save(folder / f"{i}.png")
    CHANGES["darker, paler"](scene(0)).resize((60, 60)).save(folder / "copy.jpg", quality=40)
    made = Collection.create(tmp_path / "c.hl", model, store_features=request.param)
    made.add(folder)
    return made


def wide(photos: Collection) -> dict[str, float]:
    """A limit that all pictures are within: the pixels have to tell."""
    return {"radius": photos.n_bits, **({"similarity": -0.99} if photos.stores_features else {})}


def test_pixels_tell_the_same_picture_from_another(photos: Collection) -> None:
    found = photos.duplicates(**wide(photos))
    [group] = found.groups
    assert (Path(group.kept.path).name, Path(group.others[0].path).name) == ("0.png", "copy.jpg")
    assert len(group.others) == 1
    assert (group.others[0].similarity is None) == (not photos.stores_features)
    assert (found.n_unread, found.not_read) == (0, ())
    assert found.as_dict()["limits"]["same"]["pixels"] == pytest.approx(LEAST)


def test_what_cannot_be_read_is_named_and_told_by_features(photos: Collection) -> None:
    copy = next(item.path for item in photos.items() if "copy" in item.path)
    Path(copy).write_bytes(b"no picture")
    found = photos.duplicates(**wide(photos))
    assert len(found.groups) == photos.stores_features  # the copy's features are nearly the same
    assert found.n_unread == 1
    assert found.not_read[0].startswith(f"{copy}: ")


def test_too_many_to_read_are_told_by_features(
    photos: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MOST_READ", 6)
    found = photos.duplicates(**wide(photos))
    assert len(found.groups) == photos.stores_features
    assert found.n_unread == 7
    assert found.not_read == ()


def test_pictures_are_read_part_by_part(
    photos: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "_AT_ONCE", 2)
    assert len(photos.duplicates(**wide(photos)).groups) == 1


def test_turned_copies_are_told_by_pixels_too(photos: Collection, tmp_path: Path) -> None:
    scene(3).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "left.png")
    photos.add(tmp_path / "left.png")
    assert len(photos.duplicates(**wide(photos)).groups) == 1
    groups = photos.duplicates(rotated=True, keep="first", **wide(photos)).groups
    assert len(groups) == 2
    assert {each.turned for group in groups for each in group.others} == {"", "rotated 270"}


def test_without_features_there_is_no_cosine(photos: Collection) -> None:
    if photos.stores_features:
        return
    limits = photos.duplicates(radius=3).as_dict()["limits"]
    assert limits["same"]["radius"] == 3
    assert limits["same"]["similarity"] is None
    with pytest.raises(InputError, match="similarity must be left out: no features"):
        photos.duplicates(similarity=0.9)


def test_kept_pictures_are_read_from_the_collection(tmp_path: Path, model: Model) -> None:
    scenes = np.stack([np.asarray(scene(i)) for i in (0, 1, 2, 0)])
    scenes[3] = scenes[3] // 2 + 20
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(ArrayImages(scenes))
    [group] = collection.duplicates(radius=collection.n_bits, similarity=-0.99).groups
    assert {group.kept.id, group.others[0].id} == {1, 4}
