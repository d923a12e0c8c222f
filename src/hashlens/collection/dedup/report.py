"""What a search for duplicates gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hashlens.collection.dedup.facts import Entry, Facts
from hashlens.collection.dedup.links import Limit


@dataclass(frozen=True)
class Duplicate:
    """One item of a group.

    Attributes
    ----------
    entry : Entry
        Id, path, content hash.
    facts : Facts
        Pixels, bytes, age.
    distance : int, in bits
        To the one that is kept; 0 for itself.
    similarity : float, or None where the collection stores no features
        Cosine of the features to those of the one that is kept.
    turned : str
        How the *kept* one is turned to look like it: ``""`` is not at all.
    """

    entry: Entry
    facts: Facts
    distance: int = 0
    similarity: float | None = 1.0
    turned: str = ""

    @property
    def id(self) -> int:
        """The item's id."""
        return self.entry.id

    @property
    def path(self) -> str:
        """The item's path."""
        return self.entry.path

    def as_dict(self) -> dict[str, Any]:
        """Describe it, JSON-able."""
        return {
            "id": self.id,
            "path": self.path,
            "distance": self.distance,
            "similarity": self.similarity,
            "turned": self.turned,
            "pixels": None if self.facts.pixels is None else list(self.facts.pixels),
            "size_bytes": self.facts.size_bytes,
            "there": self.facts.there,
        }


@dataclass(frozen=True)
class Group:
    """Duplicates of one tier: the one that is kept, and the others, nearest first.

    Each of the others is within the tier's limit of the one that is kept.
    """

    tier: str
    kept: Duplicate
    others: tuple[Duplicate, ...]

    @property
    def spare_bytes(self) -> int:
        """Bytes of the others' files; hard links of one file count once, of the kept one not."""
        sizes = {each.facts.inode: each.facts.size_bytes or 0 for each in self.others}
        sizes.pop(self.kept.facts.inode, None)
        sizes.pop(None, None)
        return sum(sizes.values())

    def as_dict(self) -> dict[str, Any]:
        """Describe it, JSON-able."""
        return {
            "tier": self.tier,
            "kept": self.kept.as_dict(),
            "others": [each.as_dict() for each in self.others],
            "spare_bytes": self.spare_bytes,
        }


@dataclass(frozen=True)
class Duplicates:
    """The duplicates of a collection, in tiers that build on one another.

    A group of the tier ``identical`` is of items with the same bytes. One picture of each such
    group, the one that is kept, stands for it in the groups of ``same``; and the one that is kept
    of those, in the groups of ``similar``. So an item is superfluous in at most one group.

    Attributes
    ----------
    groups : tuple of Group
        By tier, then largest saving first, then id.
    tier : str
        The widest that was looked for.
    limits : dict of str to Limit
        Of the tiers that have one.
    n_items : int
        That were compared.
    n_bits : int
    seconds : float
    not_turned : tuple of str
        Images that could not be read to be turned, and why.
    not_read : tuple of str
        Images that could not be read to compare their pixels, and why.
    n_unread : int
        Images whose pixels were not compared although another one is near: those, or all where
        they were too many to be read. They were told by features alone, within a narrower limit.
    """

    groups: tuple[Group, ...]
    tier: str
    limits: Mapping[str, Limit]
    n_items: int
    n_bits: int
    seconds: float
    not_turned: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()
    n_unread: int = 0

    def of(self, tier: str) -> tuple[Group, ...]:
        """Return the groups of one tier."""
        return tuple(group for group in self.groups if group.tier == tier)

    @property
    def n_superfluous(self) -> int:
        """How many items could go."""
        return sum(len(group.others) for group in self.groups)

    @property
    def spare_bytes(self) -> int:
        """Bytes of all files that could go."""
        return sum(group.spare_bytes for group in self.groups)

    def as_dict(self) -> dict[str, Any]:
        """Describe it, JSON-able."""
        return {
            "tier": self.tier,
            "items": self.n_items,
            "n_bits": self.n_bits,
            "limits": {tier: _as_dict(limit) for tier, limit in self.limits.items()},
            "superfluous": self.n_superfluous,
            "spare_bytes": self.spare_bytes,
            "not_turned": list(self.not_turned),
            "not_read": list(self.not_read),
            "n_unread": self.n_unread,
            "seconds": round(self.seconds, 4),
            "groups": [group.as_dict() for group in self.groups],
        }


def _as_dict(limit: Limit) -> dict[str, Any]:
    by_features, by_pixels = limit.similarity > -1, limit.pixels > -1
    return {
        "radius": limit.radius,
        "similarity": limit.similarity if by_features else None,
        "sure": limit.sure if by_features and by_pixels else None,
        "pixels": limit.pixels if by_pixels else None,
    }
