"""Duplicates: the definition, in slow loops, and what a collection says."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hashlens.codes import hamming
from hashlens.collection import Collection
from hashlens.collection.dedup import links
from hashlens.collection.dedup.alignment import N_COLUMNS, SIDE, agree
from hashlens.collection.dedup.kernels import Greys
from hashlens.collection.dedup.links import Limit, Pictures, Turned, cover, linked
from hashlens.collection.dedup.pixels import signatures, turned_places
from hashlens.collection.dedup.tiers import TIERS, chosen_limits, default_limit
from hashlens.collection.dedup.turning import TURNS
from hashlens.data import ArrayImages
from hashlens.errors import InputError
from hashlens.model import Model

BITS = 12


def unit(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    vectors = rng.standard_normal((3, width))[rng.integers(0, 3, n)]
    vectors = vectors + 0.3 * rng.standard_normal((n, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def around(rng: np.random.Generator, n: int) -> np.ndarray:
    """Codes around a few centres, many of them equal."""
    centres = rng.random((4, BITS)) < 0.5
    bits = centres[rng.integers(0, 4, n)] ^ (rng.random((n, BITS)) < 0.08)
    return np.packbits(bits, axis=1, bitorder="little")


@st.composite
def problems(draw: st.DrawFn) -> tuple[Pictures, Limit]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from([0, 1, 2, 20, 50]))
    width = draw(st.sampled_from([0, 5, 300]))
    features = None if width == 0 else unit(rng, n, width)
    turned = None
    if n and draw(st.booleans()):
        owner = rng.permutation(np.repeat(np.arange(n), 2))[: rng.integers(0, 2 * n + 1)]
        m = len(owner)
        also = None if features is None else unit(rng, m, width)
        turn = rng.integers(1, 4, m).astype(np.int8)
        turned = Turned(owner, turn, around(rng, m), np.arange(m), also)
    greys = pixels_of(rng, n) if draw(st.booleans()) else None
    pictures = Pictures(BITS, around(rng, n), np.arange(n), features, turned, greys)
    cosine = draw(st.sampled_from([-1.0, 0.3, 0.9]))
    return pictures, Limit(draw(st.integers(0, 4)), cosine, max(0.8, cosine), pixels=0.9)


def pixels_of(rng: np.random.Generator, n: int) -> Greys:
    """Pixels of three scenes and some noise; of a few pictures nothing is known."""
    scenes = rng.integers(0, 256, (3, SIDE, SIDE))[rng.integers(0, 3, n)]
    noisy = scenes + rng.normal(0, 20, scenes.shape)
    found = signatures(np.clip(noisy, 0, 255).astype(np.uint8))
    rows = np.where(rng.random(n) < 0.8, rng.permutation(n), -1)
    return Greys(found, rows, turned_places())


def same_pixels(pictures: Pictures, least: float, asking: np.ndarray, turn: np.ndarray) -> Any:
    """By definition: [ask, picture] is True where the pixels are known and agree."""
    greys, n = pictures.greys, len(pictures)
    if greys is None:
        return np.ones((len(asking), n), bool)
    ways, work = list(TURNS.values()), np.empty((N_COLUMNS + 2, SIDE * SIDE), np.float32)
    known = greys.signatures.reshape(-1, SIDE, SIDE)
    out = np.zeros((len(asking), n), bool)
    for i, (asks, way) in enumerate(zip(greys.row[asking], turn, strict=True)):
        for j in np.flatnonzero(greys.row >= 0) if asks >= 0 else ():
            turned = np.ascontiguousarray(ways[way](known[asks])).ravel()
            out[i, j] = agree(turned, greys.signatures[greys.row[j]], np.float32(least), work)
    return out


def likeness(pictures: Pictures, limit: Limit) -> np.ndarray:
    """By definition: [asking, picture] is True where the first, or turned, is like the other."""
    n = len(pictures)
    near = hamming(pictures.codes, pictures.codes, BITS) <= limit.radius
    same = same_pixels(pictures, limit.pixels, np.arange(n), np.zeros(n, int))
    known = pictures.features
    if known is not None:
        known = known.astype(np.float32)
        near &= known @ known.T >= limit.similarity
        same |= known @ known.T >= limit.sure
    near &= same
    also = pictures.turned
    if also is not None:
        turned = hamming(also.codes, pictures.codes, BITS) <= limit.radius
        same = same_pixels(pictures, limit.pixels, also.owner, also.turn)
        if known is not None and also.features is not None:
            cosines = also.features[also.rows].astype(np.float32) @ known.T
            turned &= cosines >= limit.similarity
            same |= cosines >= limit.sure
        np.logical_or.at(near, also.owner, turned & same)
    near[np.arange(n), np.arange(n)] = True
    return near


@settings(deadline=None, max_examples=50)
@given(problems(), st.sampled_from([1, 7, 1 << 10]), st.booleans())
def test_a_leader_leads_all_that_are_like_it_and_not_led_yet(
    problem: tuple[Pictures, Limit], batch: int, sketched: bool
) -> None:
    pictures, limit = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(links, "_FIRST_BATCH", batch)
        patch.setattr(links, "CHUNK", 20)
        patch.setattr("hashlens.search.join.pairs.CHUNK", 20)
        patch.setattr(links, "_MANY_PAIRS", -1 if sketched else 1 << 40)
        found = cover(pictures, limit)
        is_linked = linked(pictures, limit)
    like = likeness(pictures, limit)
    leader = np.full(len(pictures), -1)
    for i in range(len(pictures)):
        if leader[i] == -1:
            leader[like[i] & (leader == -1)] = i
            leader[i] = i
    assert np.array_equal(found.leader, leader)
    others = like & ~np.eye(len(pictures), dtype=bool)
    assert np.array_equal(is_linked, others.any(axis=0) | others.any(axis=1))


@settings(deadline=None, max_examples=20)
@given(problems())
def test_a_crowd_is_asked_anew_and_gives_the_same(problem: tuple[Pictures, Limit]) -> None:
    pictures, limit = problem
    before = cover(pictures, limit), linked(pictures, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hashlens.search.join.pairs.CHUNK", 5)
        patch.setattr(links, "CHUNK", 5)
        patch.setattr(links, "_FEWEST", 2)
        after = cover(pictures, limit), linked(pictures, limit)
    assert all(map(np.array_equal, before[0][:2], after[0][:2]))
    assert np.array_equal(before[1], after[1])


def test_a_chain_whose_ends_are_nothing_alike_is_no_group() -> None:
    chain = np.array([[(1 << i) - 1] for i in range(9)], np.uint8)  # each one bit from the next
    pictures = Pictures(8, chain, np.arange(9), None)
    found = cover(pictures, Limit(2, -1.0))
    assert found.leader.tolist() == [0, 0, 0, 3, 3, 3, 6, 6, 6]
    assert found.distance.tolist() == [0, 1, 2] * 3
    best = np.array([4, 0, 8, 1, 2, 3, 5, 6, 7])  # another one is to be kept: another centre
    found = cover(pictures.subset(best), Limit(2, -1.0))
    leaders = best[found.leader][np.argsort(best)]
    assert leaders.tolist() == [0, 0, 4, 4, 4, 4, 4, 8, 8]
    assert (np.bitwise_count(chain[:, 0] ^ chain[leaders, 0]) <= 2).all()


def test_half_of_all_codes_may_be_equal() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (40_000, 8), np.uint8)
    codes[20_000:] = codes[0]
    found = cover(Pictures(64, codes, np.arange(len(codes)), None), Limit(3, -1.0))
    assert (found.leader[20_000:] == 0).all()
    assert (found.leader[1:20_000] == np.arange(1, 20_000)).all()


def test_limits_scale_with_the_codes_and_may_be_set() -> None:
    assert default_limit("same", 128, True).radius == 2 * default_limit("same", 64, True).radius
    same, similar = (default_limit(tier, 64, True) for tier in ("same", "similar"))
    assert same.radius < similar.radius
    limits = chosen_limits("similar", 64, True, 20, 0.5)
    assert limits["similar"] == Limit(20, 0.5)
    assert limits["same"] == default_limit("same", 64, by_features=True)
    narrow = chosen_limits("same", 64, True, None, 0.99)["same"]
    assert narrow == same._replace(similarity=0.99, sure=0.99)
    assert chosen_limits("identical", 64, True, None, None) == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"tier": "sames"}, "Did you mean 'same'"),
        ({"radius": 25}, "radius must be an int from 0 to 24"),
        ({"similarity": 2.0}, "similarity must be a number from -1 to 1"),
        ({"tier": "identical", "radius": 1}, "radius must be left out for identical bytes"),
        ({"keep": "newest"}, "keep must be one of largest, oldest, first"),
        ({"where": "no such"}, "where must be"),
    ],
)
def test_what_is_wrong_is_refused(made: Collection, words: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        made.duplicates(**words)


@pytest.fixture
def copied(tmp_path: Path, model: Model, make_photos: Callable[..., Path]) -> Collection:
    """12 photos; a byte copy of the first, and larger ones, changed a little, of the second."""
    photos = make_photos(tmp_path / "photos", 12)
    first, second = sorted(photos.rglob("*.png"))[:2]
    (photos / "copy.png").write_bytes(first.read_bytes())
    picture = Image.open(second).resize((16, 16), Image.Resampling.NEAREST)
    picture.save(photos / "large.png")
    picture.putpixel((0, 0), (9, 9, 9))
    picture.save(photos / "large2.png")
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(photos)
    return collection


def names(group: object) -> tuple[str, list[str]]:
    return Path(group.kept.path).name, sorted(Path(each.path).name for each in group.others)


def test_tiers_build_on_one_another(copied: Collection) -> None:
    found = copied.duplicates(radius=2, similarity=0.99)
    assert [group.tier for group in found.groups] == ["identical", "same"]
    first, second = sorted(Path(i.path).name for i in copied.items() if "cat" in i.path)[:2]
    identical, same = found.groups
    assert names(identical) == (first, ["copy.png"])
    assert (identical.others[0].distance, identical.others[0].similarity) == (0, 1.0)
    assert identical.spare_bytes == Path(identical.kept.path).stat().st_size
    kept, others = names(same)
    assert {kept, *others} == {"large.png", "large2.png", second}
    assert kept != second
    assert same.kept.facts.pixels == (16, 16)
    assert all(each.similarity >= 0.99 and each.distance <= 2 for each in same.others)
    assert found.n_superfluous == 3
    assert found.spare_bytes == sum(group.spare_bytes for group in found.groups)
    assert copied.duplicates("identical").groups == (identical,)
    similar = copied.duplicates("similar", radius=24, similarity=-1.0)
    assert [group.tier for group in similar.groups][-1] == "similar"
    superfluous = [each.id for group in similar.groups for each in group.others]
    assert len(set(superfluous)) == len(superfluous) == len(copied) - 1
    assert set(TIERS) >= {group.tier for group in similar.groups}


def test_which_one_is_kept(copied: Collection) -> None:
    limit = {"radius": 2, "similarity": 0.99}
    for group in copied.duplicates(keep="first", **limit).groups:
        assert all(group.kept.id < each.id for each in group.others)
        os.utime(group.others[-1].path, ns=(0, 0))
        oldest = copied.duplicates(keep="oldest", **limit).of(group.tier)
        assert [other.kept.id for other in oldest] == [group.others[-1].id]
    [same] = copied.duplicates(keep="largest", **limit).of("same")
    sizes = [(*each.facts.pixels, each.facts.size_bytes) for each in (same.kept, *same.others)]
    assert sizes[0] == max(sizes)


def test_one_that_is_gone_is_not_kept(copied: Collection) -> None:
    group = copied.duplicates("identical").groups[0]
    Path(group.kept.path).unlink()
    now = copied.duplicates("identical").groups[0]
    assert now.kept.id == group.others[0].id
    assert not now.others[0].facts.there
    assert now.spare_bytes == 0


def test_hard_links_save_nothing(copied: Collection) -> None:
    group = copied.duplicates("identical").groups[0]
    Path(group.others[0].path).unlink()
    Path(group.others[0].path).hardlink_to(group.kept.path)
    assert copied.duplicates("identical").spare_bytes == 0


def test_a_filter_leaves_items_out(copied: Collection) -> None:
    found = copied.duplicates("identical", where="name <> 'copy.png'")
    assert found.groups == ()
    assert found.n_items == len(copied) - 1


def test_mirrored_and_rotated_copies(
    tmp_path: Path, model: Model, make_photos: Callable[..., Path]
) -> None:
    photos = make_photos(tmp_path / "photos", 9)
    source, other = sorted(photos.rglob("*.png"))[:2]
    Image.open(source).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photos / "mirrored.png")
    Image.open(other).transpose(Image.Transpose.ROTATE_90).save(photos / "left.png")
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(photos)
    limit = {"radius": 1, "similarity": 0.995}
    assert collection.duplicates(**limit).groups == ()
    [group] = collection.duplicates(mirrored=True, **limit).groups
    assert names(group)[0] in (source.name, "mirrored.png")
    assert group.others[0].turned == "mirrored"
    [group] = collection.duplicates(rotated=True, keep="first", **limit).groups
    assert {group.kept.path, group.others[0].path} == {str(other), str(photos / "left.png")}
    expected = "rotated 270" if group.kept.path == str(other) else "rotated 90"
    assert group.others[0].turned == expected
    assert len(collection.duplicates(mirrored=True, rotated=True, **limit).groups) == 2
    source.unlink()
    found = collection.duplicates(mirrored=True, **limit)
    assert [name.partition(": ")[0] for name in found.not_turned] == [str(source)]
    assert len(found.groups) == 1  # the mirrored one, mirrored, is like what is stored


def test_images_without_files_have_duplicates_too(tmp_path: Path, model: Model) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    pixels[5] = pixels[0][:, ::-1]
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(ArrayImages(pixels))
    limit = {"radius": 1, "similarity": 0.995}
    [group] = collection.duplicates(mirrored=True, **limit).groups
    assert (group.kept.id, group.others[0].id, group.spare_bytes) == (1, 6, 0)


def test_nothing_in_it(tmp_path: Path, model: Model) -> None:
    found = Collection.create(tmp_path / "c.hl", model).duplicates("similar", mirrored=True)
    assert (found.groups, found.n_items, found.spare_bytes) == ((), 0, 0)
