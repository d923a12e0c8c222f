"""Finding the duplicates of a collection, tier after tier."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from sqlite3 import Connection

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_choice
from hashlens.collection.dedup.facts import KEEP, Entry, Facts, order_to_keep, read_facts
from hashlens.collection.dedup.kernels import Cover
from hashlens.collection.dedup.links import Limit, Pictures, cover, linked
from hashlens.collection.dedup.pixels import read_greys
from hashlens.collection.dedup.report import Duplicate, Duplicates, Group
from hashlens.collection.dedup.tiers import IDENTICAL, SAME, chosen_limits
from hashlens.collection.dedup.turning import encode_turned, turn_name, wanted_turns
from hashlens.collection.folder.filters import select_ids
from hashlens.collection.folder.records import as_text
from hashlens.collection.folder.snapshot import Snapshot
from hashlens.data import Images, Skipped
from hashlens.model import Model
from hashlens.watcher import Watcher

Numbers = NDArray[np.int64]
ImagesOf = Callable[[Sequence[Entry]], Images]

MOST_READ = 50_000  # pictures: 50 MB, and some minutes of decoding


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a search for duplicates; see `Collection.duplicates`."""

    tier: str = SAME
    radius: int | None = None
    similarity: float | None = None
    where: str | None = None
    keep: str = "largest"
    mirrored: bool = False
    rotated: bool = False


class Compared:
    """The items that are compared, as one commit has them.

    Parameters
    ----------
    db : Connection
    snapshot : Snapshot
    where : str, optional
    """

    def __init__(self, db: Connection, snapshot: Snapshot, where: str | None) -> None:
        chosen = snapshot.ids if where is None else select_ids(db, where)
        query = (
            "SELECT id, path, has_file, content_hash FROM items WHERE state = 'live' ORDER BY id"
        )
        every = [Entry(i, as_text(path), bool(f), h) for i, path, f, h in db.execute(query)]
        self.entries = [every[i] for i in np.searchsorted(snapshot.ids, chosen)]
        self.rows = snapshot.rows_of(chosen)
        self.snapshot = snapshot

    def same_bytes(self) -> list[list[int]]:
        """Group the items by their content: one list a content, by its first item."""
        groups: dict[bytes, list[int]] = {}
        for i, entry in enumerate(self.entries):
            groups.setdefault(entry.content_hash, []).append(i)
        return list(groups.values())

    def pictures(self, which: Numbers) -> Pictures:
        """Give the codes and features of some items."""
        rows, seen = self.rows[which], self.snapshot
        return Pictures(seen.n_bits, seen.codes[rows], rows, seen.features)


class Finder:
    """Finds the groups of each tier among the items that are compared.

    Each tier is of what the tier before has kept. Files are looked at only where a picture has
    another one near.

    Parameters
    ----------
    compared : Compared
    wanted : Wanted
    watcher : Watcher
    """

    def __init__(self, compared: Compared, wanted: Wanted, watcher: Watcher) -> None:
        self._started = time.monotonic()
        check_choice("keep", wanted.keep, KEEP)
        seen = compared.snapshot
        self._compared, self._wanted, self._watcher = compared, wanted, watcher
        self._limits = chosen_limits(
            wanted.tier, seen.n_bits, seen.features is not None, wanted.radius, wanted.similarity
        )
        self._facts: dict[int, Facts] = {}
        self._not_turned: tuple[Skipped, ...] = ()
        self._not_read: tuple[Skipped, ...] = ()
        self._n_unread = 0

    def run(self, model: Callable[[], Model], images: ImagesOf) -> Duplicates:
        """Find all groups.

        Parameters
        ----------
        model : callable
            Gives the model; asked only to encode turned pictures.
        images : callable
            Gives the images of items; asked only then, and to compare their pixels.
        """
        groups, which = self._identical()
        for tier, limit in self._limits.items():
            pictures = self._compared.pictures(which)
            turns = wanted_turns(self._wanted.mirrored, self._wanted.rotated)
            if tier == SAME and turns and len(which):
                source = images(self._entries(which))
                turned, self._not_turned = encode_turned(model(), source, turns, self._watcher)
                pictures = replace(pictures, turned=turned)
            near = self._near(tier, limit, pictures)
            pictures, items = pictures.subset(near), which[near]
            if limit.pixels > -1:
                limit, pictures = self._with_pixels(limit, pictures, items, images)
                same = self._near(tier, limit, pictures)
                pictures, items = pictures.subset(same), items[same]
            found, superfluous = self._grouped(tier, limit, pictures, items)
            which = np.setdiff1d(which, superfluous)
            groups += found
        return Duplicates(
            groups=tuple(groups),
            tier=self._wanted.tier,
            limits=self._limits,
            n_items=len(self._compared.entries),
            n_bits=self._compared.snapshot.n_bits,
            seconds=time.monotonic() - self._started,
            not_turned=_in_words(self._not_turned),
            not_read=_in_words(self._not_read),
            n_unread=self._n_unread,
        )

    def _identical(self) -> tuple[list[Group], Numbers]:
        """Group items of the same bytes; tell which item stands for each content."""
        contents = self._compared.same_bytes()
        self._look_at([i for group in contents if len(group) > 1 for i in group])
        ordered = [self._in_order(group) if len(group) > 1 else group for group in contents]
        similarity = None if self._compared.snapshot.features is None else 1.0
        groups = [
            Group(IDENTICAL, *_kept_first([self._duplicate(i, 0, similarity, "") for i in group]))
            for group in ordered
            if len(group) > 1
        ]
        return _largest_first(groups), np.sort([group[0] for group in ordered]).astype(np.int64)

    def _near(self, tier: str, limit: Limit, pictures: Pictures) -> Numbers:
        """Number the pictures that have another one within the limit."""
        self._watcher.stage(f"comparing pictures ({tier})", len(pictures))
        return np.flatnonzero(linked(pictures, limit, self._watcher.advance))

    def _with_pixels(
        self, limit: Limit, pictures: Pictures, items: Numbers, images: ImagesOf
    ) -> tuple[Limit, Pictures]:
        """Read the pictures that are near one another; none where they are too many."""
        if len(items) > MOST_READ:
            self._n_unread = len(items)
            if pictures.features is None:  # codes alone do not tell
                return limit, pictures.subset(items[:0])
            return limit.without_pixels(), pictures
        greys, self._not_read = read_greys(self._entries(items), images, self._watcher)
        self._n_unread = len(self._not_read)
        return limit, replace(pictures, greys=greys)

    def _grouped(
        self, tier: str, limit: Limit, pictures: Pictures, items: Numbers
    ) -> tuple[list[Group], Numbers]:
        """Group items that have another one within the limit; tell which are superfluous."""
        self._look_at(items.tolist())
        place = {int(item): at for at, item in enumerate(items)}
        order = np.array([place[i] for i in self._in_order(place)], np.int64)
        self._watcher.stage(f"grouping pictures ({tier})", len(order))
        found = cover(pictures.subset(order), limit, self._watcher.advance)
        ordered = items[order]
        groups = [self._group(tier, ordered, found, m) for m in _members(found.leader)]
        return _largest_first(groups), ordered[found.leader != np.arange(len(ordered))]

    def _group(self, tier: str, items: Numbers, found: Cover, members: Numbers) -> Group:
        others = members[1:]
        nearest = others[np.lexsort((others, found.distance[others], -found.similarity[others]))]
        duplicates = []
        for m in (members[0], *nearest):
            similarity = float(found.similarity[m])
            duplicates.append(
                self._duplicate(
                    int(items[m]),
                    int(found.distance[m]),
                    None if self._compared.snapshot.features is None else round(similarity, 4),
                    turn_name(int(found.turn[m])),
                )
            )
        return Group(tier, *_kept_first(duplicates))

    def _look_at(self, which: Sequence[int]) -> None:
        unknown = [i for i in which if i not in self._facts]
        if unknown:
            facts = read_facts(self._entries(unknown), self._watcher)
            self._facts.update(zip(unknown, facts, strict=True))

    def _entries(self, which: Sequence[int] | Numbers) -> list[Entry]:
        return [self._compared.entries[i] for i in which]

    def _in_order(self, which: Sequence[int] | dict[int, int]) -> list[int]:
        keep, entries = self._wanted.keep, self._compared.entries
        return sorted(which, key=lambda i: order_to_keep(keep, entries[i], self._facts[i]))

    def _duplicate(self, i: int, distance: int, similarity: float | None, turned: str) -> Duplicate:
        return Duplicate(self._compared.entries[i], self._facts[i], distance, similarity, turned)


def _members(leader: Numbers) -> list[Numbers]:
    """Members of each group of two and more; its leader, which comes before them, is the first."""
    by_leader = np.argsort(leader, kind="stable")
    starts = np.flatnonzero(np.diff(leader[by_leader], prepend=-1))
    return [part for part in np.split(by_leader, starts[1:]) if len(part) > 1]


def _kept_first(duplicates: list[Duplicate]) -> tuple[Duplicate, tuple[Duplicate, ...]]:
    return duplicates[0], tuple(duplicates[1:])


def _largest_first(groups: list[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (-group.spare_bytes, group.kept.id))


def _in_words(unread: Sequence[Skipped]) -> tuple[str, ...]:
    return tuple(f"{bad.name}: {bad.reason}" for bad in unread)
