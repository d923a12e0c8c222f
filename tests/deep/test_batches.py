"""What the loop is fed with: the order of the images, where they come from, how they are moved."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hashlens.deep import Recipe
from hashlens.deep.augment import AlternatingFlip, cutout, random_crop_and_flip
from hashlens.deep.batches import FileBatches, TensorBatches, epoch_order, in_groups
from hashlens.deep.loop import augment
from hashlens.deep.share import Share

CPU = torch.device("cpu")
SMALL = Recipe(batch_size=32)


def test_every_epoch_sees_every_image_once_and_goes_on_anywhere():
    recipe = replace(SMALL, batch_size=5)
    order = list(epoch_order(np.zeros(10, int), recipe, 3, range(4)))
    assert sorted(np.concatenate(order[:2])) == sorted(np.concatenate(order[2:])) == list(range(10))
    assert order[0].tolist() != order[2].tolist()
    for step in range(4):
        later = next(epoch_order(np.zeros(10, int), recipe, 3, range(step, 4)))
        np.testing.assert_array_equal(later, order[step])


@pytest.mark.parametrize("share", [Share.of(4), Share.of(4, 1, 3)])
def test_files_and_tensors_give_the_same_batches(share):
    from hashlens.data import ArrayImages, Preprocessing

    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)
    labels = np.arange(9)
    tensors = TensorBatches(pixels, labels, CPU)
    files = FileBatches(ArrayImages(pixels), Preprocessing(8, 8), labels, CPU)
    for a, b in zip(
        tensors.stream(epoch_order(labels, replace(SMALL, batch_size=4), 0, range(5)), share),
        files.stream(epoch_order(labels, replace(SMALL, batch_size=4), 0, range(5)), share),
        strict=True,
    ):
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])
        assert (len(a[0]), len(a[1])) == (share.stop - share.start, 4)


def test_crops_are_shifts_of_the_image_and_half_are_mirrored():
    image = torch.arange(64.0).reshape(1, 1, 8, 8).repeat(400, 1, 1, 1)
    torch.manual_seed(0)
    moved = random_crop_and_flip(image, 2, True)
    padded = torch.nn.functional.pad(image[:1], (2, 2, 2, 2), mode="reflect")[0, 0]
    shifts = [padded[y : y + 8, x : x + 8] for y in range(5) for x in range(5)]
    plain = [any(torch.equal(m[0], s) for s in shifts) for m in moved]
    mirrored = [any(torch.equal(m[0], s.flip(1)) for s in shifts) for m in moved]
    assert all(p or m for p, m in zip(plain, mirrored, strict=True))
    assert 140 < sum(mirrored) < 260
    assert torch.equal(random_crop_and_flip(image, 0, False), image)
    marked = torch.arange(400) % 3 == 0
    chosen = random_crop_and_flip(image, 0, marked)
    assert torch.equal(chosen[marked], image[marked].flip(3))
    assert torch.equal(chosen[~marked], image[~marked])


def test_two_epochs_show_every_image_in_both_ways():
    recipe = replace(SMALL, batch_size=8)
    flip = AlternatingFlip(40, seed=3)
    seen = []
    for step, ids in enumerate(epoch_order(np.zeros(40, int), recipe, 3, range(10))):
        seen += zip(ids.tolist(), flip.mirrored(ids, step // 5).tolist(), strict=True)
    assert sorted(seen) == [(i, way) for i in range(40) for way in (False, True)]
    first = flip.mirrored(np.arange(40), 0)
    assert 10 < first.sum() < 30
    assert torch.equal(first, flip.mirrored(np.arange(40), 2))


def test_cutout_sets_one_square_to_zero():
    torch.manual_seed(0)
    cut = cutout(torch.ones(50, 2, 16, 16), 5)
    zeros = (cut == 0).sum((2, 3))
    assert (zeros[:, 0] == zeros[:, 1]).all()
    assert zeros.max() == 25
    assert zeros.min() > 0
    assert cutout(cut, 0) is cut


def test_batches_hold_several_images_of_a_class_where_asked():
    classes = np.repeat(np.arange(10), 9)
    order = in_groups(classes, 4, np.random.default_rng(0))
    assert sorted(order) == list(range(90))
    runs = np.split(classes[order], np.flatnonzero(np.diff(classes[order])) + 1)
    assert all(len(run) >= 4 or len(run) == 1 for run in runs)
    assert len({int(run[0]) for run in runs[:6]}) > 2
    again = in_groups(classes, 4, np.random.default_rng(1))
    assert order.tolist() != again.tolist()


@pytest.mark.parametrize("shape", [(64, 8), (8, 64)])
def test_narrow_images_are_moved_within_their_shorter_side(shape):
    images = torch.rand(2, 1, *shape)
    recipe = Recipe(crop_padding=4, cutout=8)
    assert augment(images, recipe, False).shape == images.shape


@pytest.mark.parametrize("n_processes", [1, 2, 3, 8])
def test_shares_are_even_and_move_images_as_one_process_does(n_processes):
    images, recipe = torch.rand(8, 3, 12, 12), Recipe(crop_padding=4, cutout=8)
    shares = [Share.of(8, rank, n_processes) for rank in range(n_processes)]
    assert np.concatenate([np.arange(8)[share.rows] for share in shares]).tolist() == [*range(8)]
    sizes = [share.stop - share.start for share in shares]
    assert max(sizes) - min(sizes) <= 1
    moved = []
    for share in shares:
        torch.manual_seed(0)
        moved.append(augment(images[share.rows], recipe, True, share))
        drawn_after = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.cat(moved), augment(images, recipe, True))
    assert torch.equal(drawn_after, torch.rand(1))
