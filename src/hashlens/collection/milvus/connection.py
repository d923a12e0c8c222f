"""The connection to a Milvus server: calls with a time limit, and errors that say what came."""

import json
import logging
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hashlens.collection.milvus.batches import MOST_ROWS, Row, batches
from hashlens.collection.milvus.url import CONSISTENCY, SUFFIXES, Address
from hashlens.errors import (
    FormatError,
    HashlensError,
    InputError,
    MissingExtraError,
    UnreachableError,
)

OLDEST = (2, 3)
"""Version of the oldest server that has what is used here."""

CONNECT_SECONDS = 5.0
CALL_SECONDS = 60.0
LOAD_SECONDS = 600.0
"""A server that has just started reads its segments first."""

_ALIVE_SECONDS = 1.0  # so long ago an answer tells that the server is there
_NO_COLLECTION = 100
# Of merr in Milvus: the service, a part of a collection, a replica, a channel or a node is not
# there for the time being. What gRPC itself says comes as its own status, which is no int.
# What 2.3 says under a code that stands for anything, while a node that was lost is replaced.
_LOST = re.compile(
    "Retry timeout|query delegator|channel not available|node offline|node not|no available"
    "|segment lacks|not loaded|not fully loaded"
)
_AWAY = frozenset((2, 103, 106, 400, 401, 500, 501, 502, 503, 901, 902))


class Connection:
    """One server, and the names of the three collections that make up a collection there.

    Its methods may be called from several threads.

    Parameters
    ----------
    address : Address

    Attributes
    ----------
    address : Address
    place : str
        The URL, without a password.
    client : pymilvus.MilvusClient
    items, features, meta : str
        Names of the collections.
    consistency : {"Strong", "Bounded"}
        Of reads that answer a user, as pymilvus says it.

    Raises
    ------
    MissingExtraError
        If pymilvus is not installed.
    HashlensError
        If the server does not answer, does not let in, or is too old.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.place = address.place
        self.items = address.name
        self.features, self.meta = (address.name + suffix for suffix in SUFFIXES)
        self.consistency = CONSISTENCY[address.consistency]
        self.client = self._connected()
        self._heard = time.monotonic()
        self._check_version()

    def _connected(self) -> Any:
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise MissingExtraError("pymilvus", "milvus") from error
        # It writes each error that it raises to the log too, with its own traceback.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
        address = self.address
        with self._translated("letting in"):
            return MilvusClient(
                address.uri,
                token=address.token,
                db_name=address.database,
                timeout=CONNECT_SECONDS,
            )

    def _check_version(self) -> None:
        with self._translated("telling its version"):
            version = str(self.client.get_server_version(timeout=CONNECT_SECONDS))
        found = re.match(r"v?(\d+)\.(\d+)", version)  # a build of its own may have another name
        if found and (int(found[1]), int(found[2])) < OLDEST:
            wanted = ".".join(map(str, OLDEST))
            raise HashlensError(f"{self.place} must be Milvus {wanted} or newer. Got {version}.")

    @contextmanager
    def calling(self, doing: str) -> Iterator[None]:
        """Raise what goes wrong in the block as HashlensError; `doing` is what is wanted.

        A server that hangs would be noticed only at the time limit of the call. So it is asked
        first for a sign of life, if there was none for a second.
        """
        if time.monotonic() - self._heard > _ALIVE_SECONDS:
            with self._translated("giving a sign of life"):
                self.client.get_server_version(timeout=CONNECT_SECONDS)
        with self._translated(doing):
            yield
        self._heard = time.monotonic()

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except (MilvusException, RpcError) as error:
            raise self._error(doing, error) from None

    def _error(self, doing: str, error: Exception) -> HashlensError:
        reason = self.without_secrets(str(getattr(error, "message", "") or error))
        if getattr(error, "code", None) == _NO_COLLECTION:
            return InputError(
                f"collection must be one that is there. Got {self.place}, of which a part is gone: "
                f"{reason}."
            )
        kind = UnreachableError if _is_away(error) else HashlensError
        return kind(f"{self.place} must answer, when {doing}. Got {reason}.")

    def without_secrets(self, text: str) -> str:
        """Give the first line of a message, cut short, without what the server asks for."""
        line = text.strip().partition("\n")[0]
        _, _, password = self.address.token.partition(":")
        for secret in (self.address.token, password):
            line = line.replace(secret, "***") if secret else line
        return line if len(line) <= 300 else f"{line[:297]}..."

    def exists(self, collection: str) -> bool:
        """Tell whether there is a collection of this name on the server."""
        with self.calling("looking for a collection"):
            return bool(self.client.has_collection(collection, timeout=CALL_SECONDS))

    def query(
        self,
        collection: str,
        where: str,
        fields: Sequence[str],
        *,
        limit: int | None = None,
        consistency: str | None = None,
    ) -> list[Row]:
        """Read the rows for which an expression of Milvus is true.

        Parameters
        ----------
        collection : str
        where : str
        fields : sequence of str
        limit : int, optional
            At most so many; those with the smallest keys.
        consistency : str, optional
            As pymilvus has it; that of the URL unless given.
        """
        more = {} if limit is None else {"limit": limit}
        with self.calling(f"reading {collection}"):
            found = self.client.query(
                collection,
                filter=where,
                output_fields=list(fields),
                timeout=CALL_SECONDS,
                consistency_level=consistency or self.consistency,
                **more,
            )
        return list(found)

    def count(self, collection: str, where: str = "", *, consistency: str = "Strong") -> int:
        """Count the rows for which an expression is true."""
        found = self.query(collection, where, ["count(*)"], consistency=consistency)
        return int(found[0]["count(*)"])

    def upsert(self, collection: str, rows: Iterable[Row]) -> None:
        """Write rows, in place of those with the same key.

        No key may come twice. Nor may rows be inserted: of two rows inserted under one key, or
        upserted in one call, Milvus 2.3 keeps both.
        """
        for batch in batches(rows):
            with self.calling(f"writing to {collection}"):
                self.client.upsert(collection, batch, timeout=CALL_SECONDS)

    def delete(self, collection: str, keys: Sequence[int] | Sequence[str]) -> None:
        """Delete rows by key; what is not there is no error."""
        for start in range(0, len(keys), MOST_ROWS):
            with self.calling(f"deleting from {collection}"):
                part = keys[start : start + MOST_ROWS]
                named = [key if isinstance(key, str) else int(key) for key in part]
                self.client.delete(collection, ids=named, timeout=CALL_SECONDS)

    def damaged(self, what: str, got: str) -> FormatError:
        """Build the error for what must be stored and is not, or is something else."""
        return FormatError(f"{self.place} must hold {what}. Got {got}.")


def _is_away(error: Exception) -> bool:
    code = getattr(error, "code", None)
    return not isinstance(code, int) or code in _AWAY or _LOST.search(str(error)) is not None


def quoted(text: str) -> str:
    r"""Write text as Milvus's expressions have it; templates came only with server 2.5.

    Examples
    --------
    >>> print(quoted('the "old" \\ place'))
    "the \"old\" \\ place"
    """
    return json.dumps(text, ensure_ascii=False)


def one_of(field: str, values: Iterable[str] | Iterable[int]) -> str:
    """Write that a field is one of some values.

    Examples
    --------
    >>> print(one_of("key", ["a", "b"]), one_of("id", [3, 5]))
    key in ["a","b"] id in [3,5]
    """
    listed = ",".join(quoted(each) if isinstance(each, str) else str(int(each)) for each in values)
    return f"{field} in [{listed}]"
