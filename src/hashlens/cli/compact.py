"""``hashlens compact``."""

from hashlens.cli.options import AnyCollection, Json


def compact(
    collection: AnyCollection,
    as_json: Json = False,
) -> None:
    """Give back the space of removed items, and of codes and pictures that no item uses.

    The files are written anew, which needs their space once more until it is done. Searches go on
    meanwhile; an interruption leaves the collection as it was.

    Example: hashlens compact photos.hl
    """
    from hashlens.cli.output import note, print_json, watching
    from hashlens.collection import Collection

    photos = Collection.open(collection)
    with watching() as watcher:
        report = photos.compact(watcher)
    if as_json:
        print_json(
            {
                "collection": photos.place,
                "rows_dropped": report.n_rows_dropped,
                "items_dropped": report.n_items_dropped,
                "freed_bytes": report.freed_bytes,
                "size_bytes": photos.stats().size_bytes,
            }
        )
    elif report.freed_bytes == report.n_rows_dropped == report.n_items_dropped == 0:
        note(f"{photos.place}: nothing to drop")
    else:
        note(
            f"{photos.place}: {report.n_items_dropped} removed items and "
            f"{report.n_rows_dropped} codes dropped, {report.freed_bytes:,} bytes freed"
        )
