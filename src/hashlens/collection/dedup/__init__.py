"""Duplicates of a collection: identical bytes, the same picture, a similar scene."""

from hashlens.collection.dedup.finding import Compared, Finder, Wanted
from hashlens.collection.dedup.linking import link_copies
from hashlens.collection.dedup.moving import Acted, move_away, move_back
from hashlens.collection.dedup.report import Duplicate, Duplicates, Group
from hashlens.collection.dedup.tiers import TIERS

__all__ = [
    "TIERS",
    "Acted",
    "Compared",
    "Duplicate",
    "Duplicates",
    "Finder",
    "Group",
    "Wanted",
    "link_copies",
    "move_away",
    "move_back",
]
