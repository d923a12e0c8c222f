"""Filters as trees: the words of an SQL expression, put together as SQLite puts them together."""

from hashlens.collection.expression import CLOCK_WORDS, Expression, folded, wrong_filter
from hashlens.collection.milvus.tree import (
    Between,
    Column,
    Compare,
    Computed,
    Constant,
    In,
    IsNull,
    IsTrue,
    Like,
    Logic,
    Not,
    Tree,
)
from hashlens.errors import InputError

MAX_DEPTH = 80
"""Of brackets, and of operators within operators."""

_EQUALITY, _NOT = 40, 30
_LEVELS = {  # how strongly an operator binds, as https://sqlite.org/lang_expr.html has it
    **dict.fromkeys(("||", "->", "->>"), 90),
    **dict.fromkeys("*/%", 80),
    **dict.fromkeys("+-", 70),
    **dict.fromkeys(("&", "|", "<<", ">>"), 60),
    **dict.fromkeys(("<", ">", "<=", ">="), 50),
    **dict.fromkeys(("=", "==", "<>", "!=", "IS", "BETWEEN", "IN", "LIKE", "GLOB"), _EQUALITY),
    **dict.fromkeys(("ISNULL", "NOTNULL", "NOT"), _EQUALITY),
    "AND": 20,
    "OR": 10,
}
_UNARY = 100
_COMPARISONS = {"=": "=", "==": "=", "<>": "!=", "!=": "!="} | {
    o: o for o in ("<", "<=", ">", ">=")
}
_SIGNS = frozenset("-+~")
_FIRST = _SIGNS | {"(", "NOT", "NULL", "TRUE", "FALSE"} | CLOCK_WORDS
_NEGATED = frozenset(("BETWEEN", "IN", "LIKE", "GLOB", "NULL"))
_NOT_HERE = {
    "CASE": "write it with AND and OR",
    "CAST": "compare with a value of the type that is stored",
    "COLLATE": "compare with each spelling",
    "ESCAPE": "GLOB 'text*' finds a beginning with any signs in it",
}


def parse(expression: Expression) -> Tree:
    """Put the words of a filter together; what names no column is left to SQLite as it is.

    Raises
    ------
    InputError
        If it is no SQL expression, or has what only a collection in a folder can answer.

    Examples
    --------
    >>> from hashlens.collection.expression import read_expression
    >>> parse(read_expression("NOT label = 'owl' AND 1 + 1")).parts[1]
    Constant(sql='1 + 1')
    """
    return _Parser(expression).whole()


class _Parser:
    def __init__(self, expression: Expression) -> None:
        self._where = expression.where
        self._tokens = expression.tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Tree:
        tree = self._expression(0)
        if self._at < len(self._tokens):
            raise self._error()
        return tree

    def _expression(self, level: int) -> Tree:
        """What is joined by operators that bind more strongly than those of a level."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise wrong_filter(self._where, f"it is nested more than {MAX_DEPTH} deep")
        start = self._at
        tree = self._constant(start, self._first())
        while _LEVELS.get(self._word, 0) > level:
            tree = self._constant(start, self._joined(tree))
        self._depth -= 1
        return tree

    def _constant(self, start: int, tree: Tree) -> Tree:
        words = self._tokens[start : self._at]
        if any(kind == "column" for kind, _ in words):
            return tree
        return Constant(" ".join(text for _, text in words))

    def _first(self) -> Tree:
        """What stands where no operator between two values can stand."""
        if self._at == len(self._tokens):
            raise self._error()
        kind, text = self._tokens[self._at]
        word = self._word
        if word and word not in _FIRST:
            raise self._error()
        self._at += 1
        if kind == "column":
            return Column(folded(text))
        if kind == "function":
            self._take("(")
            return Computed(text, self._list())
        if word == "(":
            tree = self._expression(0)
            self._take(")")
            return tree
        if word == "NOT":
            return Not(self._expression(_NOT))
        return Computed(word, (self._expression(_UNARY),)) if word in _SIGNS else Constant(text)

    def _joined(self, left: Tree) -> Tree:
        """A value with the operator after it, and the value after that."""
        word = self._word
        self._at += 1
        if word == "NOT":
            if self._word not in _NEGATED:
                raise self._error()
            return Not(self._joined(left))
        if word in ("ISNULL", "NULL"):
            return IsNull(left)
        if word == "NOTNULL":
            return Not(IsNull(left))
        if word == "IN":
            self._take("(")
            return In(left, self._list())
        if word == "IS":
            return self._is(left)
        right = self._expression(_LEVELS[word])
        return self._between(left, right) if word == "BETWEEN" else _pair(word, left, right)

    def _is(self, left: Tree) -> Tree:
        negated = self._word == "NOT"
        self._at += negated
        right = self._expression(_EQUALITY)
        literal = right.sql.strip("( )") if isinstance(right, Constant) else ""
        tree: Tree = Compare("IS", left, right)
        if literal == "NULL":
            tree = IsNull(left)
        elif literal in ("TRUE", "FALSE"):
            tree = IsTrue(left, literal == "TRUE")
        return Not(tree) if negated else tree

    def _between(self, value: Tree, low: Tree) -> Tree:
        self._take("AND")
        return Between(value, low, self._expression(_EQUALITY))

    def _list(self) -> tuple[Tree, ...]:
        """Values between brackets, the first of which is taken already."""
        parts: list[Tree] = []
        while self._word != ")":
            if parts:
                self._take(",")
            parts.append(self._expression(0))
        self._at += 1
        return tuple(parts)

    @property
    def _word(self) -> str:
        """The operator or keyword that comes next; "" if it is something else."""
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        return text if kind in ("operator", "keyword") else ""

    def _take(self, word: str) -> None:
        if self._word != word:
            raise self._error()
        self._at += 1

    def _error(self) -> InputError:
        if self._at == len(self._tokens):
            return wrong_filter(self._where, "it ends too early")
        word = self._tokens[self._at].text
        if self._word in _NOT_HERE:
            hint = _NOT_HERE[word]
            return wrong_filter(self._where, f"a collection on Milvus knows no {word}: {hint}")
        return wrong_filter(self._where, f"near {word!r}: syntax error")


def _pair(word: str, left: Tree, right: Tree) -> Tree:
    if word in _COMPARISONS:
        return Compare(_COMPARISONS[word], left, right)
    if word in ("LIKE", "GLOB"):
        return Like(word, left, right)
    if word in ("AND", "OR"):
        before = left.parts if isinstance(left, Logic) and left.operator == word else (left,)
        return Logic(word, (*before, right))
    return Computed(word, (left, right))
