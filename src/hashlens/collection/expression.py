"""The text of a filter, read word by word: what is no part of an expression does not get through.

SQLite never sees the text itself. It sees what is built from words that are known here: columns,
the operators and functions listed below, numbers and quoted text. No statement, sub-select or
comment can be among them, and no bracket closes one that the filter has not opened.
"""

import difflib
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hashlens.checks import refuse, words
from hashlens.errors import InputError

MAX_LENGTH = 50_000
"""Characters of a filter at most."""


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


CLOCK = _set("date datetime julianday strftime time unixepoch")
# None of them makes long text, or takes long over the longest: SQLite's clock stands still within
# a function.
FUNCTIONS = CLOCK | _set(
    "abs coalesce glob ifnull iif instr json_array_length json_extract length like lower max min "
    "nullif round substr typeof upper"
)
CLOCK_WORDS = _set("CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP")
_KEYWORDS = CLOCK_WORDS | _set(
    "AND AS BETWEEN CASE CAST COLLATE ELSE END ESCAPE FALSE GLOB IN IS ISNULL LIKE NOT NOTNULL "
    "NULL OR THEN TRUE WHEN"
)
_AFTER = {  # what must come after a keyword
    "AS": ("INTEGER", "NUMERIC", "REAL", "TEXT"),
    "COLLATE": ("BINARY", "NOCASE", "RTRIM"),
    "IN": ("(",),  # without it comes the name of a table
}
_NO_TOKEN = {
    "'": "text has no end",
    '"': "a name has no end",
    "-": "no comment can be in it",
    "/": "no comment can be in it",
}
_TOKEN = re.compile(
    r"""
      (?P<space> \s+)
    | (?P<comment> -- | /\*)
    | (?P<text> ' (?: [^'] | '' )* ')
    | (?P<quoted> " (?: [^"] | "" )* ")
    | (?P<number> 0[xX][0-9a-fA-F]+ | (?: [0-9]+ (?:\.[0-9]*)? | \.[0-9]+ ) (?:[eE][+-]?[0-9]+)? )
    | (?P<word> [^\W\d]\w*)
    | (?P<operator> \|\| | <= | >= | <> | == | != | << | >> | ->> | -> | [-+*/%<>=&|~(),])
    """,
    re.VERBOSE,
)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SHOWN = 20  # names of columns in an error


class Token(NamedTuple):
    """One word of a filter: its kind, and the word as SQLite is to see it.

    Kinds are ``text``, ``number``, ``operator``, ``keyword``, ``function`` and ``column``; that of
    a column is its name, without quotation marks.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Expression:
    """A filter, read but not yet matched with the columns that there are.

    Attributes
    ----------
    where : str
        As it was given.
    tokens : tuple of Token
    """

    where: str
    tokens: tuple[Token, ...]

    @property
    def names(self) -> frozenset[str]:
        """Columns that it names, in lower case."""
        return frozenset(folded(text) for kind, text in self.tokens if kind == "column")

    @property
    def asks_the_clock(self) -> bool:
        """Whether the same items may give another answer later."""
        clock = CLOCK | CLOCK_WORDS
        return any(kind in ("function", "keyword") and text in clock for kind, text in self.tokens)

    def sql(self, columns: Iterable[str]) -> str:
        """Write it for SQLite, with each column quoted.

        Parameters
        ----------
        columns : iterable of str
            Names of the columns, in lower case, that there are.

        Raises
        ------
        InputError
            If it names another one.
        """
        known = dict.fromkeys(columns)
        for kind, text in self.tokens:
            if kind == "column" and folded(text) not in known:
                raise wrong_filter(self.where, _no_column(self.where, text, known))
        return " ".join(
            quoted(folded(text)) if kind == "column" else text for kind, text in self.tokens
        )


def read_expression(where: object) -> Expression:
    r"""Read a filter.

    Parameters
    ----------
    where : str
        One SQL expression.

    Returns
    -------
    expression : Expression

    Raises
    ------
    InputError
        If it is no text, is empty, or holds what no expression may hold.

    Examples
    --------
    >>> expression = read_expression("Year >= 2020 AND upper(\"the place\") = 'TRING'")
    >>> expression.sql(["label", "the place", "year"])
    '"year" >= 2020 AND upper ( "the place" ) = \'TRING\''
    >>> expression.sql(["label", "years", "the place"])
    Traceback (most recent call last):
    ...
    hashlens.errors.InputError: where must be ...: no column Year. Did you mean 'years'? ...
    """
    if not isinstance(where, str):
        raise refuse("where", "an SQL expression, as text", where)
    if not where.strip():
        raise refuse("where", "an SQL expression, or be left out", words("nothing"))
    if len(where) > MAX_LENGTH:
        wanted = f"an SQL expression of at most {MAX_LENGTH:,} characters"
        raise refuse("where", wanted, words(f"{len(where):,}"))
    if "\0" in where or where.encode("utf-8", "ignore").decode() != where:
        raise refuse("where", "an SQL expression of valid Unicode", where)
    found = list(_matches(where))
    _check_brackets(where, found)
    return Expression(where, tuple(_token(where, found, i) for i in range(len(found))))


def wrong_filter(where: str, why: str) -> InputError:
    """Build the error of a filter."""
    shown = where if len(where) <= 200 else where[:197] + "..."
    return InputError(f"where must be one SQL expression over columns. Got {shown!r}: {why}.")


def folded(name: str) -> str:
    """Give a name as SQLite compares names: ASCII letters in lower case.

    Examples
    --------
    >>> folded("Größe"), folded("GRÖSSE")
    ('größe', 'grÖsse')
    """
    return name.translate(_LOWER)


def quoted(name: str) -> str:
    """Put a name in quotation marks.

    Examples
    --------
    >>> quoted('the "old" place')
    '"the ""old"" place"'
    """
    return '"' + name.replace('"', '""') + '"'


def _matches(where: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(where):
        found = _TOKEN.match(where, at)
        if found is None or found.lastgroup == "comment":
            raise wrong_filter(where, _NO_TOKEN.get(where[at], f"no {where[at]!r} can be in it"))
        if found.lastgroup != "space":
            yield str(found.lastgroup), found[0]
        at = found.end()


def _token(where: str, found: list[tuple[str, str]], i: int) -> Token:
    kind, text = found[i]
    before = _keyword(*found[i - 1]) if i else ""
    if before in _AFTER:
        if text.upper() not in _AFTER[before]:
            raise wrong_filter(where, f"{before} is followed by {' or '.join(_AFTER[before])}")
        return Token("keyword", text.upper())
    if kind == "quoted":
        return Token("column", text[1:-1].replace('""', '"'))
    if kind != "word":
        return Token(kind, text)
    if _keyword(kind, text):
        return Token("keyword", text.upper())
    if found[i + 1 : i + 2] != [("operator", "(")]:
        return Token("column", text)
    if folded(text) not in FUNCTIONS:
        raise wrong_filter(where, f"no function {text}. There are {', '.join(sorted(FUNCTIONS))}")
    return Token("function", folded(text))


def _keyword(kind: str, text: str) -> str:
    """Give a keyword in capitals; "" for what is none."""
    is_one = kind == "word" and text.isascii() and text.upper() in _KEYWORDS
    return text.upper() if is_one else ""


def _check_brackets(where: str, found: Iterable[tuple[str, str]]) -> None:
    depth = 0
    for _, text in found:
        depth += (text == "(") - (text == ")")
        if depth < 0:
            break
    if depth:
        raise wrong_filter(where, "brackets must come in pairs")


def _no_column(where: str, name: str, known: Mapping[str, None]) -> str:
    why = f"no column {name}"
    near = difflib.get_close_matches(folded(name), known, n=1)
    if near:
        why += f". Did you mean {near[0]!r}?"
    elif quoted(name) in where:
        why += f"; text is written '{name}'."
    else:
        why += "."
    listed = list(known)[:_SHOWN]
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"{why} There are {', '.join(listed)}{more}"
