"""The table of commands, and the group that loads a command when it is named.

``hashlens --help`` prints the table: what the commands themselves import is not loaded.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command as built

# Command, which is a module of this package, and the first sentence of its help.
COMMANDS = {
    "demo": "Train, encode, index, search and measure on digits that come with scikit-learn.",
    "train": "Learn codes from labelled images.",
    "encode": "Turn images into codes.",
    "convert": "Turn a file of codes into one that another program reads, or back.",
    "export": "Write a model as one ONNX file that needs no hashlens: images in, packed codes out.",
    "index": "Index images for search: make a collection, or add to one.",
    "search": "Find the images of a collection that are most like one image, or several.",
    "serve": "Serve a collection over HTTP, with a page to search it.",
    "dedup": "Find duplicates in a collection.",
    "update": "Write labels and metadata of items, from a table or for all items of a filter.",
    "remove": "Remove items from a collection: no search finds them any more.",
    "compact": "Give back the space of removed items, and of codes and pictures that no item uses.",
    "copy": "Copy a collection to another folder, to Milvus, or from there.",
    "stats": "Count what a collection holds: items, labels, metadata, and the space they take.",
    "check": "Check every checksum and every count of a collection, and name what is damaged.",
    "evaluate": "Measure a model, or codes that any program wrote: mean average precision over "
    "ties.",
    "inspect": "Tell what a model is; with images, whether its bits are any good.",
    "reproduce": "Compare methods on data sets, beside the published figures.",
    "bench": "Measure hashlens beside others, on this machine.",
}


class LoadedWhenNamed(Mapping[str, Any]):
    """Commands as click objects, by name; each is imported when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _load(name: str) -> Any:
    """Import a command: a function of its module's name, or an ``app`` of sub-commands."""
    module = import_module(f"hashlens.cli.{name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(getattr(module, name))
    command = built(app)
    command.name = name
    return command


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = LoadedWhenNamed()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
