"""What is compared with what: methods, code lengths, features, protocols, seeds."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hashlens.checks import check_choice, check_int, check_n_bits, refuse
from hashlens.evaluation.protocols import protocol_named
from hashlens.methods import METHODS, is_deep, load_method

GROUPS = ("all", "hashers", "deep")


class Task(NamedTuple):
    """One cell of a table.

    Attributes
    ----------
    protocol : str
    method : str
    features : str
        What a hasher sees; "" for a deep method.
    n_bits : int
    seed : int
    cut : bool
        The codes are cut from those of one model trained for all lengths.
    """

    protocol: str
    method: str
    features: str
    n_bits: int
    seed: int = 0
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
    protocols : tuple of str
    seeds : tuple of int
        Each is a training of its own; the queries are the same for all.
    recipe : str
        Of the deep methods.
    epochs : int or None
        Of the deep methods; the recipe's own number otherwise.
    settings : dict
        Settings of methods, given to those that have them.
    nested : bool
        Beside a deep model for each length, train one for all of them, whose codes are cut.
    flip_average : bool
        Deep models embed each image as the mean of itself and its mirror image.

    Raises
    ------
    InputError
        If a name is unknown, or a setting belongs to none of the methods.
    """

    methods: tuple[str, ...]
    lengths: tuple[int, ...]
    features: tuple[str, ...] = ("gist",)
    protocols: tuple[str, ...] = ("ritq-loo",)
    seeds: tuple[int, ...] = (0,)
    recipe: str = "modern"
    epochs: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    nested: bool = False
    flip_average: bool = False

    def __post_init__(self) -> None:
        for method in self.methods:
            check_choice("method", method, METHODS)
        for n_bits in self.lengths:
            check_n_bits(n_bits)
        for seed in self.seeds:
            check_int("seed", seed, 0)
        for protocol in self.protocols:
            protocol_named(protocol)
        known = {name for method in self.methods for name in _parameters(method)}
        for name in self.settings:
            check_choice("setting", name, sorted(known))

    def tasks(self) -> Iterator[Task]:
        """Give the cells of one protocol after the other, those that share features together."""
        for protocol in self.protocols:
            retrieval = protocol_named(protocol).measure == "retrieval"
            hashers = [m for m in self.methods if not is_deep(m)] if retrieval else []
            for features in self.features if hashers else ():
                yield from self._tasks(protocol, hashers, features)
            deep = [method for method in self.methods if is_deep(method)]
            yield from self._tasks(protocol, deep, "")
            if self.nested:
                yield from (task._replace(cut=True) for task in self._tasks(protocol, deep, ""))

    def _tasks(self, protocol: str, methods: list[str], features: str) -> Iterator[Task]:
        for method in methods:
            for n_bits in self.lengths:
                for seed in self.seeds:
                    yield Task(protocol, method, features, n_bits, seed)

    def settings_of(self, method: str) -> dict[str, Any]:
        """Those of the settings that the method has."""
        return {k: v for k, v in self.settings.items() if k in _parameters(method)}


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
