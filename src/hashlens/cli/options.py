"""Options that several commands share."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hashlens.checks import MAX_BITS, check_choice
from hashlens.errors import InputError
from hashlens.methods import METHODS

# What hashlens.evaluation names too: importing it would slow down the start of every command.
PROTOCOL_NAMES = (
    "ritq-loo",
    "dlbh-full",
    "dnnh-5k",
    "dnnh-nuswide",
    "unseen-classes",
    "classification",
)
DENOMINATORS = ("relevant", "retrieved", "min")
Names = Mapping[str, object] | tuple[str, ...]


def one_of(option: str, names: Names) -> Callable[[str | None], str | None]:
    """Make a check for an option that takes one of `names`; a wrong one is a usage error."""

    def check(value: str | None) -> str | None:
        if value is None:
            return None
        try:
            return check_choice(option, value, names)
        except InputError as error:
            raise typer.BadParameter(str(error)) from error

    return check


def seconds(text: str | None) -> float | None:
    """Read a duration such as ``90s``, ``15m`` or ``1.5h``; a bare number is in seconds.

    Examples
    --------
    >>> seconds("15m"), seconds("1.5h"), seconds("40")
    (900.0, 5400.0, 40.0)
    """
    if text is None:
        return None
    factor = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:], 0.0)
    try:
        return float(text[:-1]) * factor if factor else float(text)
    except ValueError as error:
        raise typer.BadParameter(f"must be like 90s, 15m or 1.5h. Got {text!r}.") from error


def lengths(text: str) -> tuple[int, ...]:
    """Read one code length or several, such as ``48`` or ``16,32,64``.

    Examples
    --------
    >>> lengths("64,16")
    (16, 64)
    """
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise typer.BadParameter(f"must be like 48 or 16,32,64. Got {text!r}.") from error
    if found[0] < 1 or found[-1] > MAX_BITS:
        raise typer.BadParameter(f"must be from 1 to {MAX_BITS}. Got {text!r}.")
    return tuple(found)


def settings(words: list[str] | None) -> dict[str, Any]:
    """Read ``NAME=VALUE`` words: numbers, true and false become what they are, the rest is text.

    Examples
    --------
    >>> settings(["trunk=resnet-20", "alpha=0.1", "pretrained=true"])
    {'trunk': 'resnet-20', 'alpha': 0.1, 'pretrained': True}
    """
    found: dict[str, Any] = {}
    for word in words or []:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"must be like NAME=VALUE. Got {word!r}.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


AnyCollection = Annotated[
    str,
    typer.Argument(
        metavar="COLLECTION", help="Folder of a collection, or milvus://host:port/name."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page of pictures.")]
OpenPage = Annotated[bool, typer.Option("--open", help="Show the page in the browser.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder with the files of a benchmark.")
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch a benchmark that is not in --data-dir.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first image that is bad.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Processes that decode images, one a core without it; 0: threads of this process.",
    ),
]
FlipAverage = Annotated[
    bool,
    typer.Option(
        "--flip-average",
        help="Embed an image as the mean of itself and its mirror image: better, twice the cost.",
    ),
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        callback=one_of("--method", METHODS),
        help=f"One of {', '.join(METHODS)}.",
    ),
]
Lengths = Annotated[
    str,
    typer.Option("--bits", help="Code length, 1 to 4096; or several, 16,32,64: one model for all."),
]
ShorterBits = Annotated[
    int | None,
    typer.Option("--bits", min=1, max=MAX_BITS, help="A shorter length the model was trained for."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting of the method, such as trunk=resnet-20; repeatable."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Same seed, same result.")]
