"""``hashlens stats``."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hashlens.checks import printable
from hashlens.cli.options import AnyCollection, Json

if TYPE_CHECKING:
    from hashlens.collection import Stats

_SHOWN = 20  # labels, and metadata keys, in the table; all of them are in the JSON


def stats(
    collection: AnyCollection,
    as_json: Json = False,
) -> None:
    """Count what a collection holds: items, labels, metadata, and the space they take.

    `hashlens inspect` says how good its bits are.

    Example: hashlens stats photos.hl
    """
    from hashlens.cli.output import print_json, print_table
    from hashlens.collection import Collection

    photos = Collection.open(collection)
    counts = photos.stats()
    card = photos.card
    model = {"method": card["method"], "features": card["card"].get("features")}
    if as_json:
        print_json({"collection": photos.place, "model": model, **asdict(counts)})
        return
    facts = {**_facts(counts), "model": ", ".join(filter(None, model.values()))}
    title = printable(photos.place)
    print_table(title, [{"what": key, "value": value} for key, value in facts.items()])
    for name, found in (("label", counts.labels), ("metadata", counts.metadata)):
        if found:
            print_table(f"{len(found):,} {name}s" if name == "label" else name, _often(name, found))


def _facts(counts: "Stats") -> dict[str, str]:
    features = f"{counts.n_features} values, float16" if counts.n_features else "not stored"
    return {
        "items": f"{counts.n_items:,}",
        "without a label": f"{counts.n_items - sum(counts.labels.values()):,}",
        "removed, not compacted": f"{counts.n_removed:,}",
        "codes": f"{counts.n_rows:,} of {counts.n_bits} bits",
        "features": features,
        "pictures kept": f"{counts.n_pictures:,}",
        "size": f"{counts.size_bytes / 1e6:,.1f} MB",
    }


def _often(name: str, found: dict[str, int]) -> list[dict[str, Any]]:
    """The most frequent, most first."""
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [{name: printable(key), "items": n} for key, n in ranked[:_SHOWN]]
    rest = sum(n for _, n in ranked[_SHOWN:])
    return [*rows, {name: f"and {len(ranked) - _SHOWN:,} more", "items": rest}] if rest else rows
