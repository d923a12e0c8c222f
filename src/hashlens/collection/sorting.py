"""Telling what a collection knows from what is new to it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from hashlens.data.candidates import Candidate


Outcome = Literal["added", "changed", "moved", "already"]


class Stored(NamedTuple):
    """What is stored of the item at a path; `row` is where its code is."""

    id: int
    content_hash: bytes
    label: str | None
    row: int


class Known(Protocol):
    """What a collection knows, under the right to write to it."""

    def look_up(self, candidates: "Sequence[Candidate]") -> None:
        """Read at once what will be asked about some candidates."""

    def item_at(self, path: str, has_file: bool) -> Stored | None:
        """Read the item at a path, or of a name where it has no file, if there is one."""

    def row_of_content(self, content_hash: bytes) -> int | None:
        """Find where the code of an image with these bytes is, if there is one."""

    def files_of_content(self, content_hash: bytes) -> list[tuple[int, str]]:
        """Ids and paths of the items that are files with these bytes, by ascending id."""

    def has_picture(self, content_hash: bytes) -> bool:
        """Tell whether a picture of this content is kept."""


class Place(NamedTuple):
    """What a candidate is to be: a new item, or another state of one that is there.

    Attributes
    ----------
    candidate : Candidate
    outcome : str
    item_id : int or None
        None for a new item.
    """

    candidate: "Candidate"
    outcome: Outcome
    item_id: int | None


@dataclass
class Sorted:
    """Candidates by what has to be done for them.

    Attributes
    ----------
    already : int
        Nothing to do: an item with this path and this content is there.
    known : list of (Place, row)
        To be written, with content that is stored in this row.
    new : dict of content hash to list of Place
        To be encoded, once for each content, and written.
    clashing : list of Candidate
        They have the path of a candidate before them, and another content.
    """

    already: int = 0
    known: list[tuple[Place, int]] = field(default_factory=list)
    new: dict[bytes, list[Place]] = field(default_factory=dict)
    clashing: "list[Candidate]" = field(default_factory=list)


class Sorter:
    """Sorts the candidates of one data set by what is known of path and content.

    Parameters
    ----------
    known : Known
    keep_pictures : bool
        An image without a file is to be kept in the collection.
    """

    def __init__(self, known: Known, *, keep_pictures: bool) -> None:
        self._known = known
        self._keep_pictures = keep_pictures
        self._seen: dict[tuple[str, bool], bytes] = {}

    def sort_out(self, candidates: "Sequence[Candidate]") -> Sorted:
        """Sort some candidates; those before must be written by then."""
        self._known.look_up(candidates)
        result = Sorted()
        homeless = _Homeless(self._known)
        for candidate in candidates:
            content = candidate.content_hash
            before = self._seen.setdefault((candidate.path, candidate.has_file), content)
            if before is content:
                self._sort_one(candidate, homeless, result)
            elif before == content:
                result.already += 1
            else:
                result.clashing.append(candidate)
        return result

    def _sort_one(self, candidate: "Candidate", homeless: "_Homeless", result: Sorted) -> None:
        content = candidate.content_hash
        item = self._known.item_at(candidate.path, candidate.has_file)
        if item is not None and item.content_hash == content:
            is_said = candidate.label is None or item.label is not None
            if is_said and not self._lacks_picture(candidate):
                result.already += 1
            else:
                result.known.append((Place(candidate, "already", item.id), item.row))
            return
        if item is None:
            moved = homeless.take(candidate)
            place = Place(candidate, "added" if moved is None else "moved", moved)
        else:
            place = Place(candidate, "changed", item.id)
        row = self._known.row_of_content(content)
        if row is None:
            result.new.setdefault(content, []).append(place)
        else:
            result.known.append((place, row))

    def _lacks_picture(self, candidate: "Candidate") -> bool:
        if candidate.has_file or not self._keep_pictures:
            return False
        return not self._known.has_picture(candidate.content_hash)


class _Homeless:
    """Items whose file is gone: one of them has moved if its content turns up elsewhere."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._of_content: dict[bytes, list[tuple[int, str]]] = {}

    def take(self, candidate: "Candidate") -> int | None:
        """Find the item that has moved to the candidate's path, preferably one of its name."""
        if not candidate.has_file:
            return None
        content = candidate.content_hash
        if content not in self._of_content:
            files = self._known.files_of_content(content)
            self._of_content[content] = [item for item in files if is_gone(item[1])]
        found = self._of_content[content]
        if not found:
            return None
        name = Path(candidate.path).name
        moved = next((item for item in found if Path(item[1]).name == name), found[0])
        found.remove(moved)
        return moved[0]


def is_gone(path: str) -> bool:
    """Tell whether there is certainly no file; one that may not be looked at counts as there."""
    try:
        os.stat(path)  # noqa: PTH116 - Path.exists takes what it may not look at for missing
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
