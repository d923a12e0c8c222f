"""``hashlens evaluate --codes``: codes that any program wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hashlens.reproduce.foreign import CodeScores


@dataclass(frozen=True)
class CodeWords:
    """The options of ``evaluate`` that are about code files."""

    codes: str | None
    queries: str | None
    labels: str | None
    query_labels: str | None
    k: int | None
    denominator: str | None
    sign: bool

    def check(self, model_words: Mapping[str, object], protocol: str | None) -> None:
        """Refuse a mixture of options as wrong usage.

        Parameters
        ----------
        model_words : mapping
            What was given of the words about a model, by name.
        protocol : str or None
        """
        if self.codes is None:
            self._check_without_codes(model_words)
            return
        mixed = [name for name, value in model_words.items() if value]
        if mixed:
            raise _usage(mixed[0], "goes with a model, --codes without one: give one of the two.")
        if self.labels is None:
            raise _usage("--labels", "is needed: the labels of the codes in --codes.")
        if (self.queries is None) != (self.query_labels is None):
            missing = "--queries" if self.queries is None else "--query-labels"
            raise _usage(missing, "is needed: --queries and --query-labels go together.")
        own = [name for name in ("k", "denominator") if getattr(self, name) is not None]
        if protocol is not None and own:
            raise _usage(f"--{own[0]}", "is what --protocol gives: leave one of them out.")

    def _check_without_codes(self, model_words: Mapping[str, object]) -> None:
        for name, value in vars(self).items():
            if value:
                raise _usage(f"--{name.replace('_', '-')}", "goes with --codes.")
        for name in ("MODEL", "DATA"):
            if not model_words[name]:
                raise _usage(name, "is needed, or --codes FILE --labels FILE.")


def _usage(option: str, message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=option)


def score_files(words: CodeWords, bits: int | None, protocol: str | None, as_json: bool) -> None:
    """Read the files, score them, print."""
    from hashlens.cli.output import note, print_json, watching
    from hashlens.evaluation.protocols import protocol_named
    from hashlens.reproduce.code_files import read_codes
    from hashlens.reproduce.foreign import score_codes

    database = read_codes(str(words.codes), str(words.labels), n_bits=bits, sign=words.sign)
    queries = None
    if words.queries is not None:
        queries = read_codes(
            words.queries, str(words.query_labels), n_bits=bits, sign=words.sign, like=database
        )
    with watching() as watcher:
        scores = score_codes(
            database,
            queries,
            k=words.k,
            denominator=words.denominator,
            protocol=None if protocol is None else protocol_named(protocol),
            watcher=watcher,
        )
    for doubt in scores.doubts:
        note(f"warning: {doubt}")
    if as_json:
        print_json(scores.to_dict())
    else:
        show(scores)


def show(scores: "CodeScores") -> None:
    """Print scores as a table, and what the files were taken to be."""
    from hashlens.cli.output import print_table

    print_table(scores.title, scores.table())
    for side in scores.taken.values():
        print(side["words"])
    rules = scores.rules
    cut = "all items" if rules["k"] is None else f"the first {rules['k']:,}"
    print(
        f"average precision over {cut}, divided by {_DIVISORS[rules['denominator']]}; "
        f"ties: {rules['ties']}"
    )
    if scores.n_without_relevant:
        print(f"{scores.n_without_relevant:,} queries without a relevant item count as 0")


_DIVISORS = {
    "relevant": "all relevant items",
    "retrieved": "the relevant items found",
    "min": "the smaller of k and all relevant items",
}
