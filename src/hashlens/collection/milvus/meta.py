"""What a collection on Milvus says of itself: texts by key, and bytes cut into such texts."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hashlens.collection.expression import folded
from hashlens.collection.milvus.batches import Row
from hashlens.collection.milvus.connection import Connection, one_of, quoted
from hashlens.errors import UnreachableError

PIECE_BYTES = 48_000
"""Of which base64 makes 64,000: a VARCHAR holds 65,535."""

_AT_ONCE = 4096
_PIECES_AT_ONCE = 256  # 16 MB
_HOW = ("Eventually", "Strong")
_KEY, _PICTURE = "key/", "picture/"
_PAD = b"\0"  # before server 2.4, and for an index, each collection must have a vector


class Meta:
    """Rows of keys and texts, in a small collection of their own.

    Keys are ``ready`` (what the collection is; written last when it is made), ``revision``,
    ``next_id`` and ``n_items`` (numbers; there are at least `n_items` items), ``ticket/...`` (who
    writes), ``key/...`` (names of metadata), ``file/...`` (the model's files, in pieces), and
    ``picture/...`` and ``piece/...`` (kept pictures, and their pieces).

    Parameters
    ----------
    connection : Connection
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, texts: Mapping[str, str]) -> None:
        """Write texts, in place of those with the same key."""
        self._connection.upsert(self._connection.meta, map(_row, texts, texts.values()))

    def drop(self, keys: Sequence[str]) -> None:
        """Delete texts."""
        self._connection.delete(self._connection.meta, keys)

    def texts(self, keys: Iterable[str], *, consistency: str = "Strong") -> dict[str, str]:
        """Read texts; what is not there is left out."""
        wanted, found = list(keys), dict[str, str]()
        for start in range(0, len(wanted), _AT_ONCE):
            where = one_of("key", wanted[start : start + _AT_ONCE])
            found |= self._read(where, consistency)
        return found

    def written_once(self, key: str) -> str | None:
        """Read a text that never changes once it is written; None if there is none.

        What Milvus has at hand is right then, and comes at once; to be sure that there is none
        takes a strong read.
        """
        for consistency in _HOW:
            found = self.texts([key], consistency=consistency)
            if key in found:
                return found[key]
        return None

    def below(self, prefix: str) -> dict[str, str]:
        """Read all texts whose keys begin so."""
        return self._read(_begins(prefix), "Strong")

    def keys_below(self, prefix: str) -> Iterator[str]:
        """Read the keys that begin so, in order."""
        last, n_found = prefix, _AT_ONCE
        while n_found == _AT_ONCE:  # with a limit, rows come by ascending key
            where = f"{_begins(prefix)} and key > {quoted(last)}"
            found = self._connection.query(
                self._connection.meta, where, ["key"], limit=_AT_ONCE, consistency="Strong"
            )
            n_found = len(found)
            for row in found:
                last = row["key"]
                yield last

    def _read(self, where: str, consistency: str) -> dict[str, str]:
        rows = self._connection.query(
            self._connection.meta, where, ["key", "value"], consistency=consistency
        )
        return {row["key"]: row["value"] for row in rows}

    def numbers(self, *keys: str, consistency: str = "Strong") -> list[int]:
        """Read numbers that are always there."""
        found = self.texts(keys, consistency=consistency)
        for key in keys:
            if key not in found:
                raise UnreachableError(
                    f"{self._connection.place} must give its number {key!r}. Got none: a part of "
                    f"it is out of reach, or lost. Try again."
                )
            if not found[key].isdecimal():
                raise self._connection.damaged(f"a number {key!r}", repr(found[key]))
        return [int(found[key]) for key in keys]

    def put_numbers(self, **numbers: int) -> None:
        """Write numbers."""
        self.put({key: str(number) for key, number in numbers.items()})

    def revision(self) -> int:
        """Number of the last commit."""
        return self.numbers("revision")[0]

    def known_keys(self) -> dict[str, tuple[str, ...]]:
        """Names of metadata that items have, or had, by the name in lower case."""
        known: dict[str, tuple[str, ...]] = {}
        for name in sorted(self.below(_KEY).values()):
            known[folded(name)] = (*known.get(folded(name), ()), name)
        return known

    def add_keys(self, names: Iterable[str]) -> None:
        """Note names of metadata."""
        self.put({f"{_KEY}{name}": name for name in names})

    def put_file(self, name: str, content: bytes) -> None:
        """Write a file, in pieces."""
        self.put(_pieces(f"file/{name}/", content))

    def file(self, name: str, n_bytes: int, sha256: str) -> bytes:
        """Read a file; FormatError if it is not as it was."""
        keys = [f"file/{name}/{i}" for i in range(-(-n_bytes // PIECE_BYTES))]
        for consistency in _HOW:
            content = self._joined(keys, sha256, consistency)
            if content is not None:
                return content
        raise self._connection.damaged(f"{name} as it was written", "missing or changed bytes")

    def put_pictures(self, pictures: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep pictures, each with the SHA-256 of its content; none is there before it is whole.

        One of them is in memory at a time, beside what goes in one call.
        """
        heads: dict[str, str] = {}

        def rows() -> Iterator[Row]:
            for content_hash, content in pictures:
                name = content_hash.hex()
                sha256 = hashlib.sha256(content).hexdigest()
                pieces = _pieces(f"piece/{name}/", content)
                heads[f"{_PICTURE}{name}"] = json.dumps({"n_pieces": len(pieces), "sha256": sha256})
                yield from map(_row, pieces, pieces.values())

        self._connection.upsert(self._connection.meta, rows())
        self.put(heads)

    def picture(self, content_hash: bytes) -> bytes | None:
        """Read a kept picture; FormatError if it is not as it was."""
        name = content_hash.hex()
        for consistency in _HOW:
            head = self.texts([f"{_PICTURE}{name}"], consistency=consistency).get(
                f"{_PICTURE}{name}"
            )
            if head is not None:
                said = json.loads(head)
                keys = [f"piece/{name}/{i}" for i in range(said["n_pieces"])]
                content = self._joined(keys, said["sha256"], consistency)
                if content is not None:
                    return content
        if head is None:
            return None
        what = f"the picture {name} as it was written"
        raise self._connection.damaged(what, "missing or changed bytes")

    def _joined(self, keys: Sequence[str], sha256: str, consistency: str) -> bytes | None:
        """Put pieces together; None if that is not what was written."""
        found: dict[str, str] = {}
        for start in range(0, len(keys), _PIECES_AT_ONCE):
            part = keys[start : start + _PIECES_AT_ONCE]
            found |= self.texts(part, consistency=consistency)
        content = b"".join(base64.b64decode(found.get(key, "")) for key in keys)
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

    def kept(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Tell which pictures are kept, of those of these contents."""
        keys = [f"{_PICTURE}{content_hash.hex()}" for content_hash in hashes]
        return {bytes.fromhex(key.removeprefix(_PICTURE)) for key in self.texts(keys)}

    def all_kept(self) -> set[bytes]:
        """Give the contents of all kept pictures."""
        keys = self.keys_below(_PICTURE)
        return {bytes.fromhex(key.removeprefix(_PICTURE)) for key in keys}

    def n_pictures(self) -> int:
        """Count the kept pictures."""
        return self._connection.count(self._connection.meta, _begins(_PICTURE))

    def drop_pictures(self, hashes: Iterable[bytes]) -> None:
        """Delete kept pictures, their heads first."""
        names = [content_hash.hex() for content_hash in hashes]
        heads = self.texts(f"{_PICTURE}{name}" for name in names)
        pieces = [
            f"piece/{key.removeprefix(_PICTURE)}/{i}"
            for key, head in heads.items()
            for i in range(json.loads(head)["n_pieces"])
        ]
        self.drop(list(heads))
        self.drop(pieces)


def _row(key: str, value: str) -> Row:
    return {"key": key, "value": value, "pad": _PAD}


def _begins(prefix: str) -> str:
    return f"key like {quoted(prefix + '%')}"


def _pieces(prefix: str, content: bytes) -> dict[str, str]:
    return {
        f"{prefix}{i}": base64.b64encode(content[start : start + PIECE_BYTES]).decode()
        for i, start in enumerate(range(0, len(content), PIECE_BYTES))
    }
