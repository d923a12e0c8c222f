"""The URL of a collection on Milvus, read and checked."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from hashlens.checks import check_choice, check_int, refuse, words
from hashlens.errors import InputError

SCHEME = "milvus"
TOKEN_VARIABLE = "HASHLENS_MILVUS_TOKEN"
CONSISTENCY = {"strong": "Strong", "bounded": "Bounded"}
INDEXES = ("BIN_FLAT",)
"""Indices whose answers are exact, as those of a collection in a folder are."""

SUFFIXES = ("_features", "_meta")
"""Of the collections beside the one of the items."""

_DEFAULT_PORT = 19530
_WANTED = "milvus://[user:password@]host:port/name[?option=value&...]"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_NUMBERS = {"shards": 64, "replicas": 64, "tls": 1}
_OPTIONS = ("shards", "replicas", "consistency", "database", "tls", "index")


@dataclass(frozen=True)
class Address:
    """What a URL says: the server, the collection, and how it is made and read.

    Attributes
    ----------
    host : str
    port : int
    name : str
        Of the collection.
    token : str
        ``user:password``, or a key; "" where the server asks for none. Never shown.
    database : str
        "" for the server's default.
    tls : bool
    consistency : {"strong", "bounded"}
        With `strong`, a read finds all that was written before it. With `bounded` it is faster,
        and may miss what was written in the last seconds.
    shards, replicas : int, or None where the URL does not say
    index : str, or None where the URL does not say
    options : dict of str to str
        As they stand in the URL.
    """

    host: str
    port: int
    name: str
    token: str = field(default="", repr=False)
    database: str = ""
    tls: bool = False
    consistency: str = "strong"
    shards: int | None = None
    replicas: int | None = None
    index: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The URL without user and password."""
        options = f"?{urlencode(self.options)}" if self.options else ""
        return f"{SCHEME}://{self._server}/{self.name}{options}"

    @property
    def uri(self) -> str:
        """The server, as pymilvus takes it."""
        return f"{'https' if self.tls else 'http'}://{self._server}"

    @property
    def _server(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_url(url: str) -> Address:
    """Read the URL of a collection.

    Parameters
    ----------
    url : str
        ``milvus://[user:password@]host:port/name[?option=value&...]``, with characters that have
        a meaning in URLs written as ``%40`` and so on. Options are `shards` and `replicas` (1 to
        64), `index` (``BIN_FLAT``), `consistency` (``strong`` or ``bounded``), `database`, and
        `tls` (0 or 1). ``HASHLENS_MILVUS_TOKEN`` in the environment is what the server asks for,
        ``user:password`` or a key, where the URL names no user; where it names a user without a
        password, it is the password.

    Returns
    -------
    address : Address

    Raises
    ------
    InputError
        If it is no such URL. The message shows no password.

    Examples
    --------
    >>> address = read_url("milvus://ada:secret@localhost:19530/photos?replicas=2")
    >>> address.place, address.replicas, address.token
    ('milvus://localhost:19530/photos?replicas=2', 2, 'ada:secret')
    """
    try:
        parts = urlsplit(url)
        port = _DEFAULT_PORT if parts.port is None else parts.port
    except ValueError:
        raise _wrong(url, "the server") from None
    if parts.scheme != SCHEME or not parts.hostname or port == 0 or parts.fragment:
        raise _wrong(url, "the server")
    name = _name(parts.path.removeprefix("/"))
    options = _options(url, parts.query)
    return Address(
        host=parts.hostname,
        port=port,
        name=name,
        token=_token(parts),
        database=options.get("database", ""),
        tls=options.get("tls") == "1",
        consistency=check_choice(
            "consistency", options.get("consistency", "strong"), tuple(CONSISTENCY)
        ),
        shards=_number(options, "shards"),
        replicas=_number(options, "replicas"),
        index=options.get("index"),
        options=options,
    )


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        wanted = "letters, digits and _, of ASCII and at most 200, not beginning with a digit"
        raise refuse("the name of a collection on Milvus", wanted, name)
    if name.endswith(SUFFIXES):
        wanted = f"one that does not end with {' or '.join(SUFFIXES)}"
        raise refuse("the name of a collection on Milvus", wanted, name)
    return name


def _options(url: str, query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise _wrong(url, "the options") from None
    for name, _ in pairs:
        check_choice("an option of the URL", name, _OPTIONS)
    options = dict(pairs)
    if len(options) < len(pairs):
        raise refuse("an option of the URL", "given once", words("one that is given twice"))
    _number(options, "tls", low=0)
    if "index" in options:
        check_choice("index", options["index"], INDEXES)
    if "database" in options and not _NAME.fullmatch(options["database"]):
        raise refuse("database", "the name of a database", options["database"])
    return options


def _number(options: Mapping[str, str], name: str, low: int = 1) -> int | None:
    if name not in options:
        return None
    text = options[name]
    value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
    return check_int(name, value, low, _NUMBERS[name])


def _token(parts: SplitResult) -> str:
    said = os.environ.get(TOKEN_VARIABLE, "")
    if parts.username is None:
        return said
    user, password = unquote(parts.username), parts.password
    secret = said if password is None else unquote(password)
    if not user or not secret:
        wanted = f"given with its password: user:password@host, or {TOKEN_VARIABLE}"
        raise refuse("the user of a URL", wanted, words("no password" if user else "no user"))
    return f"{user}:{secret}"


def _wrong(url: str, what: str) -> InputError:
    return refuse("collection", _WANTED, words(f"{shown(url)}, where {what} cannot be read"))


def shown(url: str) -> str:
    """Give what can be shown of a URL that may be wrong: all that may be a secret is left out.

    Examples
    --------
    >>> shown("milvus://ada:se/c@r@et@localhost:x/photos?token=1")
    'milvus://localhost:x/photos'
    >>> shown("milvus://localhost/photos?token=a@b"), shown("milvus://[::1/photos")
    ('milvus://...', 'milvus://[::1/photos')
    """
    scheme, _, rest = url.partition("://")
    before, _, after = rest.rpartition("@")
    if not {"?", "#"}.isdisjoint(before):  # the @ may be of a secret among the options
        return f"{scheme}://..."
    return f"{scheme}://{re.split('[?#]', after)[0]}"
