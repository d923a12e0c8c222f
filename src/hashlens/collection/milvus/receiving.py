"""Writing items of another collection to one on Milvus."""

from collections.abc import Sequence

from hashlens.checks import refuse, words
from hashlens.collection.milvus.holding import why_not
from hashlens.collection.milvus.target import Target, item_row
from hashlens.collection.records import Record, Records


class MilvusReceiver:
    """Writes items of another collection, under the right to write.

    Parameters
    ----------
    target : Target
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._pictures: set[bytes] | None = None

    def put(self, records: Records, pictures: Sequence[tuple[bytes, bytes]]) -> None:
        """Write items, in place of what there is of these ids, and kept pictures by content.

        Of two items at one path, the one that is written last stays.

        Raises
        ------
        InputError
            If Milvus cannot hold one of them; nothing is written then.
        """
        for item in records.items:
            _check_held(item)
        target = self._target
        ids = [item.id for item in records.items]
        target.reserve_up_to(max(ids, default=0) + 1)
        if target.facts.n_features and records.vectors is not None:
            target.write_features(ids, records.vectors)
        target.meta.put_pictures(pictures)
        if self._pictures is not None:
            self._pictures.update(content_hash for content_hash, _ in pictures)
        target.write_items(
            [
                item_row(item, code.tobytes())
                for item, code in zip(records.items, records.codes, strict=True)
            ]
        )
        target.delete(target.others_at(records.items))
        target.commit()

    def remove(self, ids: Sequence[int]) -> None:
        """Remove items."""
        self._target.delete(ids)
        self._target.commit()

    def has_picture(self, content_hash: bytes) -> bool:
        """Tell whether a picture of this content is kept."""
        if self._pictures is None:
            self._pictures = self._target.meta.all_kept()
        return content_hash in self._pictures

    def reserve(self, next_id: int) -> None:
        """See to it that no new item gets an id below this one."""
        self._target.reserve_up_to(next_id)


def _check_held(item: Record) -> None:
    why = why_not(item.path, item.label, item.metadata)
    if why is not None:
        raise refuse(f"item {item.id}", "one that Milvus can hold", words(f"{item.path!r}: {why}"))
