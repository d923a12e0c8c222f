"""``hashlens remove``."""

from typing import Annotated

import typer

from hashlens.cli.options import AnyCollection, Json


def remove(
    collection: AnyCollection,
    items: Annotated[list[str] | None, typer.Argument(help="Items, such as id:17 or 17.")] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", help="Remove what this is true for, such as \"label = 'owl'\"."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove items from a collection: no search finds them any more. Files stay where they are.

    The space of their codes comes back with `hashlens compact`.

    Example: hashlens remove photos.hl id:17 id:18
    """
    from hashlens.cli.output import note, print_json
    from hashlens.collection import Collection

    if bool(items) == (where is not None):
        raise typer.BadParameter("must be given, or else --where.", param_hint="ITEMS")
    ids = None if not items else [_item_id(text) for text in items]
    photos = Collection.open(collection)
    n_removed = photos.remove(ids, where=where)
    if as_json:
        result = {"collection": photos.place, "removed": n_removed, "items": len(photos)}
        print_json(result)
    else:
        note(f"{n_removed} removed; {photos.place}: {len(photos)} items")


def _item_id(text: str) -> int:
    """Read ``id:17`` or ``17``.

    Examples
    --------
    >>> _item_id("id:17"), _item_id("17")
    (17, 17)
    """
    number = text.removeprefix("id:")
    if not (number.isascii() and number.isdecimal()):
        raise typer.BadParameter(f"must be like id:17. Got {text!r}.", param_hint="ITEMS")
    return int(number)
