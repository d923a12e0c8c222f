"""What a collection on Milvus knows of images: read at once for many of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.milvus.health import check_whole
from hashlens.collection.milvus.reading import code_of, rows_by_id, rows_where, vectors_of
from hashlens.collection.milvus.target import Target
from hashlens.collection.sorting import Stored
from hashlens.data.candidates import Candidate


class Kept(NamedTuple):
    """Code and features (float16, None where they are not stored) of an item."""

    code: bytes
    vector: NDArray[np.float16] | None


class MilvusKnown:
    """Answers about the candidates that were looked up last, under the right to write.

    There are no rows that items share here: each has its own code, and its id is its row.

    Parameters
    ----------
    target : Target
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._at: dict[tuple[str, bool], Stored] = {}
        self._of_content: dict[bytes, list[tuple[int, str, bool]]] = {}
        self._pictures: set[bytes] = set()
        self._asked: set[int] = set()
        self._kept: dict[int, Kept] = {}

    def look_up(self, candidates: Sequence[Candidate]) -> None:
        """Read what will be asked about some candidates."""
        self._asked, self._kept = set(), {}
        self._read_places(candidates)
        self._read_contents(candidates)
        without = {each.content_hash for each in candidates if not each.has_file}
        self._pictures = self._target.meta.kept(without) if without else set()
        check_whole(self._target.connection)  # what seems new may be out of reach

    def _read_places(self, candidates: Sequence[Candidate]) -> None:
        connection = self._target.connection
        paths = (each.path for each in candidates)
        fields = ("id", "path", "has_file", "content_hash", "label")
        self._at = {
            (row["path"], bool(row["has_file"])): Stored(
                int(row["id"]),
                bytes.fromhex(row["content_hash"]),
                row["label"] or None,
                int(row["id"]),
            )
            for row in rows_where(
                connection, connection.items, "path", paths, fields, consistency="Strong"
            )
        }

    def _read_contents(self, candidates: Sequence[Candidate]) -> None:
        connection = self._target.connection
        changed = [each for each in candidates if not self._is_here(each)]
        contents = (each.content_hash.hex() for each in changed)
        fields = ("id", "path", "has_file", "content_hash")
        found: dict[bytes, list[tuple[int, str, bool]]] = defaultdict(list)
        for row in rows_where(
            connection, connection.items, "content_hash", contents, fields, consistency="Strong"
        ):
            item = int(row["id"]), row["path"], bool(row["has_file"])
            found[bytes.fromhex(row["content_hash"])].append(item)
        self._of_content = {content: sorted(items) for content, items in found.items()}

    def _is_here(self, candidate: Candidate) -> bool:
        item = self._at.get((candidate.path, candidate.has_file))
        return item is not None and item.content_hash == candidate.content_hash

    def item_at(self, path: str, has_file: bool) -> Stored | None:
        """Read the item at a path, or of a name where it has no file."""
        return self._at.get((path, has_file))

    def row_of_content(self, content_hash: bytes) -> int | None:
        """Find an item with these bytes: the first one."""
        items = self._of_content.get(content_hash)
        if not items:
            return None
        self._asked.add(items[0][0])
        return items[0][0]

    def files_of_content(self, content_hash: bytes) -> list[tuple[int, str]]:
        """Ids and paths of the items that are files with these bytes, by ascending id."""
        items = self._of_content.get(content_hash, ())
        return [(item_id, path) for item_id, path, has_file in items if has_file]

    def has_picture(self, content_hash: bytes) -> bool:
        """Tell whether a picture of this content is kept."""
        return content_hash in self._pictures

    def add_pictures(self, contents: Iterable[bytes]) -> None:
        """Note pictures that are kept from now on."""
        self._pictures.update(contents)

    def kept(self, ids: Iterable[int]) -> dict[int, Kept]:
        """Give code and features of items, as they were when the candidates were looked up.

        All that was asked for is read before the first write: a later one may overwrite an item
        whose code another one of the candidates is to get.
        """
        missing = sorted((self._asked | set(ids)) - self._kept.keys())
        if missing:
            target = self._target
            rows = rows_by_id(
                target.connection, target.connection.items, missing, ["code"], consistency="Strong"
            )
            vectors: Sequence[NDArray[np.float16] | None] = [None] * len(missing)
            if target.facts.n_features:
                vectors = list(
                    vectors_of(target.connection, missing, target.facts, consistency="Strong")
                )
            for item_id, vector in zip(missing, vectors, strict=True):
                self._kept[item_id] = Kept(code_of(rows[item_id]), vector)
        return self._kept
