"""Writing images to a collection on Milvus, batch after batch."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from hashlens.collection.batch import Batch, label_after
from hashlens.collection.incoming import Encoded, Incoming
from hashlens.collection.milvus.batches import Row
from hashlens.collection.milvus.known import Kept, MilvusKnown
from hashlens.collection.milvus.reading import ALL_FIELDS, rows_by_id
from hashlens.collection.milvus.target import Target, item_row
from hashlens.collection.records import Record
from hashlens.collection.sorting import Place
from hashlens.data.candidates import Candidate


class MilvusWriter:
    """Writes batches of images, under the right to write.

    An item is there as a whole or not at all; of a batch whose writing is interrupted, some items
    may be there. The same images added again make it whole.

    Parameters
    ----------
    target : Target
    known : MilvusKnown
    incoming : Incoming
        The images that the candidates number.

    Attributes
    ----------
    keep_pictures : bool
        Whether images without a file are kept.
    """

    def __init__(self, target: Target, known: MilvusKnown, incoming: Incoming) -> None:
        self._target = target
        self._known = known
        self._incoming = incoming
        self.keep_pictures = target.facts.keep_pictures and incoming.has_pictures

    @property
    def n_rows(self) -> int:
        """The number of the next batch's first row; smaller numbers are ids of items."""
        return self._target.next_id

    def write(self, batch: Batch) -> None:
        """Write a batch: features and pictures, then items, then the number of the commit."""
        if not batch.items:
            return
        target = self._target
        first = self.n_rows
        contents = self._known.kept(row for _, row in batch.items if row < first)
        contents = contents | dict(enumerate(_encoded(batch.encoded), first))
        before = rows_by_id(
            target.connection,
            target.connection.items,
            (place.item_id for place, _ in batch.items if place.item_id is not None),
            ALL_FIELDS,
            consistency="Strong",
        )
        n_new = sum(place.item_id is None for place, _ in batch.items)
        ids = iter(target.reserve(n_new))
        written = [
            (p, next(ids) if p.item_id is None else p.item_id, row) for p, row in batch.items
        ]
        self._write_features(
            {
                item_id: contents[row]
                for _, item_id, row in written
                if row >= first or item_id != row  # else it has them
            }
        )
        self._keep([place.candidate for place, _ in batch.items])
        now = datetime.now(UTC).isoformat(timespec="seconds")
        target.write_items(
            [
                _row(place, item_id, before.get(item_id), contents[row], now)
                for place, item_id, row in written
            ]
        )
        target.commit(n_new=n_new)

    def _write_features(self, contents: dict[int, Kept]) -> None:
        vectors = {i: kept.vector for i, kept in contents.items() if kept.vector is not None}
        if self._target.facts.n_features:
            self._target.write_features(vectors, vectors.values())

    def _keep(self, candidates: Sequence[Candidate]) -> None:
        """Keep what has no file, once for each content."""
        wanted: dict[bytes, Candidate] = {}
        for candidate in candidates if self.keep_pictures else ():
            content = candidate.content_hash
            if not candidate.has_file and not self._known.has_picture(content):
                wanted.setdefault(content, candidate)
        if wanted:
            read = ((key, self._incoming.picture(each.position)) for key, each in wanted.items())
            self._target.meta.put_pictures(read)
            self._known.add_pictures(wanted)


def _encoded(parts: Sequence[Encoded]) -> Iterable[Kept]:
    for part in parts:
        for i, code in enumerate(part.codes):
            yield Kept(code.tobytes(), None if part.vectors is None else part.vectors[i])


def _row(place: Place, item_id: int, before: Row | None, kept: Kept, now: str) -> Row:
    candidate = place.candidate
    label, metadata, added = candidate.label, {}, now
    if before is not None:
        stays = before["path"] == candidate.path
        label = label_after(before["label"] or None, candidate.label, stays=stays)
        metadata, added = before["metadata"], before["added"]
    path, has_file = candidate.path, candidate.has_file
    record = Record(item_id, path, has_file, candidate.content_hash, label, metadata, added)
    return item_row(record, kept.code)
