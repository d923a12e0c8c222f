"""The page of duplicates, made of what was found."""

from pathlib import Path
from typing import TYPE_CHECKING

from hashlens.checks import printable
from hashlens.cli.meaning import bits
from hashlens.cli.page import save_page
from hashlens.cli.query import item_picture

if TYPE_CHECKING:
    from hashlens.collection import Collection
    from hashlens.collection.dedup import Duplicate, Duplicates, Group
    from hashlens.pages import GroupRow, Part, Picture
    from hashlens.watcher import Watcher

_TITLES = {
    "identical": ("Identical files", "The same bytes, to the last one."),
    "same": (
        "The same picture",
        "Saved again, or changed a little.",
    ),
    "similar": (
        "Similar scenes",
        "Alike, not the same. Of the pictures above, only the ones that are kept are compared.",
    ),
}
_MOST_PICTURES = 2000  # on a page: some 15 MB


def write_page(
    html: Path | None, photos: "Collection", found: "Duplicates", watcher: "Watcher"
) -> Path:
    """Write the page; to a new file of its own where no name is given."""
    from hashlens.pages import duplicates_page

    left = _MOST_PICTURES
    watcher.stage("drawing pictures", min(left, found.n_superfluous + len(found.groups)))
    parts = []
    for tier in dict.fromkeys(group.tier for group in found.groups):
        part, left = _part(photos, found, tier, left, watcher)
        parts.append(part)
    title = f"Duplicates in {printable(photos.name)}"
    page = duplicates_page(title, parts, subtitle=in_words(found))
    return save_page(page, html, "duplicates.html")


def in_words(found: "Duplicates") -> str:
    """Say how much there is."""
    of = f"{found.n_items:,} images"
    if not found.groups:
        return f"no duplicates among {of} in {found.seconds:.1f} s"
    return (
        f"{found.n_superfluous:,} of {of} are superfluous, in {len(found.groups):,} groups: "
        f"{found.spare_bytes / 1e6:,.1f} MB, in {found.seconds:.1f} s"
    )


def _part(
    photos: "Collection", found: "Duplicates", tier: str, left: int, watcher: "Watcher"
) -> tuple["Part", int]:
    from hashlens.pages import GroupRow, Part

    groups, rows = found.of(tier), list[GroupRow]()
    for group in groups:
        if len(group.others) + 1 > left and (rows or left < _MOST_PICTURES):
            break
        rows.append(_row(photos, group, left))
        left -= 1 + len(rows[-1].others)
        watcher.advance(_MOST_PICTURES - left, _MOST_PICTURES)
    title, text = _TITLES[tier]
    missing = len(groups) - len(rows)
    rest = f"{missing:,} more groups are not shown; --json names them all." if missing else ""
    if tier in found.limits:
        limit = found.limits[tier]
        text += f" Within {bits(limit.radius)}"
        text += f", cosine at least {limit.similarity:g}" if limit.similarity > -1 else ""
        if limit.pixels > -1:
            text += f", and correlation of the pixels at least {limit.pixels:g}"
            text += f" unless the cosine is {limit.sure:g}" if limit.similarity > -1 else ""
        text += "."
    return Part(title, text, rows, rest), left


def _row(photos: "Collection", group: "Group", most: int) -> "GroupRow":
    from hashlens.pages import GroupRow

    shown = group.others[: most - 1]
    note = f"{len(group.others)} superfluous, {group.spare_bytes / 1e3:,.1f} kB"
    if len(shown) < len(group.others):
        note += f"; {len(shown)} of them are shown"
    others = [_picture(photos, each, _nearness(each)) for each in shown]
    return GroupRow(_picture(photos, group.kept, "✓ kept"), others, note)


def _nearness(each: "Duplicate") -> str:
    words = [bits(each.distance)]
    if each.similarity is not None:
        words.append(f"{each.similarity:.3f}")
    return " · ".join([*words, *([each.turned] if each.turned else [])])


def _picture(photos: "Collection", each: "Duplicate", caption: str) -> "Picture":
    facts = each.facts
    size = "" if facts.size_bytes is None else f"{facts.size_bytes / 1e3:,.1f} kB"
    pixels = "" if facts.pixels is None else "{} × {}".format(*facts.pixels)
    described = " · ".join(word for word in (pixels, size) if word)
    detail = f"{Path(each.path).name}\n{described}" if described else Path(each.path).name
    return item_picture(photos, each.id, caption, detail=detail, title=f"id:{each.id}  {each.path}")
