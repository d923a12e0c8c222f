"""What is compared with what: methods, code lengths, features, and how deep methods train."""

import hashlib
import inspect
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from hashlens.checks import check_choice, check_int, check_n_bits, refuse
from hashlens.evaluation.protocols import protocol_named
from hashlens.methods import METHODS, is_deep, load_method

GROUPS = ("all", "hashers", "deep")


class Task(NamedTuple):
    """One cell of a table.

    Attributes
    ----------
    method : str
    features : str
        What a hasher sees; "" for a deep method.
    n_bits : int
    cut : bool
        The codes are cut from those of one model trained for all lengths.
    """

    method: str
    features: str
    n_bits: int
    cut: bool = False

    def __str__(self) -> str:
        seen = f" on {self.features}" if self.features else ""
        return f"{self.method}{seen}, {self.n_bits} bits{', cut' if self.cut else ''}"


@dataclass(frozen=True)
class Plan:
    """A comparison, as a value.

    Attributes
    ----------
    methods : tuple of str
        Names in ``METHODS``.
    lengths : tuple of int
        Code lengths; each is a training of its own.
    features : tuple of str
        What hashers see: ``gist``, ``pixels`` or timm models.
    protocol : str
    seed : int
    recipe : str
        Of the deep methods.
    epochs : int or None
        Of the deep methods; the recipe's own number otherwise.
    settings : dict
        Settings of methods, given to those that have them.
    nested : bool
        Beside a deep model for each length, train one for all of them, whose codes are cut.

    Raises
    ------
    InputError
        If a name is unknown, or a setting belongs to none of the methods.
    """

    methods: tuple[str, ...]
    lengths: tuple[int, ...]
    features: tuple[str, ...] = ("gist",)
    protocol: str = "ritq-loo"
    seed: int = 0
    recipe: str = "modern"
    epochs: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    nested: bool = False

    def __post_init__(self) -> None:
        for method in self.methods:
            check_choice("method", method, METHODS)
        for n_bits in self.lengths:
            check_n_bits(n_bits)
        check_int("seed", self.seed, 0)
        protocol_named(self.protocol)
        known = {name for method in self.methods for name in _parameters(method)}
        for name in self.settings:
            check_choice("setting", name, sorted(known))

    def tasks(self) -> Iterator[Task]:
        """Give the cells, hashers first, those that share features together."""
        hashers = [method for method in self.methods if not is_deep(method)]
        for features in self.features if hashers else ():
            yield from (Task(m, features, n) for m in hashers for n in self.lengths)
        deep = [method for method in self.methods if is_deep(method)]
        for cut in (False, True) if self.nested else (False,):
            yield from (Task(m, "", n, cut) for m in deep for n in self.lengths)

    def settings_of(self, method: str) -> dict[str, Any]:
        """Those of the settings that the method has."""
        return {k: v for k, v in self.settings.items() if k in _parameters(method)}

    def key(self, task: Task, data: str) -> str:
        """Sixteen hexadecimal digits that change with anything the cell's figures depend on."""
        what = asdict(self) | {"settings": self.settings_of(task.method), "data": data}
        for beside in ("methods", "features", "nested", *(() if task.cut else ("lengths",))):
            del what[beside]
        if not is_deep(task.method):
            what |= {"recipe": None, "epochs": None}
        text = json.dumps([what, task], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def methods_named(words: str) -> tuple[str, ...]:
    """Read names of methods and of groups, separated by commas.

    Examples
    --------
    >>> methods_named("lsh,pcah")
    ('lsh', 'pcah')
    >>> "ritq" in methods_named("deep")
    True
    """
    found: dict[str, None] = {}
    for word in words.split(","):
        if word not in METHODS and word not in GROUPS:
            check_choice("method", word, [*GROUPS, *METHODS])
        group = [m for m in METHODS if word == "all" or is_deep(m) == (word == "deep")]
        found |= dict.fromkeys(group if word in GROUPS else [word])
    if not found:
        raise refuse("methods", "at least one name", words)
    return tuple(found)


def _parameters(method: str) -> set[str]:
    return set(inspect.signature(load_method(method)).parameters) - {"n_bits", "seed"}
