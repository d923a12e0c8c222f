"""What a collection holds, counted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stats:
    """What a collection holds.

    Attributes
    ----------
    n_items : int
    n_removed : int
        Items that are removed and still take space.
    n_rows : int
        Stored codes; items with the same content share one.
    n_bits : int
    n_features : int
        Length of a stored feature vector; 0 where features are not stored.
    n_pictures : int
        Images kept in the collection because they have no file of their own.
    size_bytes : int
        Of all files in the folder.
    labels : dict of str to int
        Items of each label.
    metadata : dict of str to int
        Items that have each key of metadata.
    """

    n_items: int
    n_removed: int
    n_rows: int
    n_bits: int
    n_features: int
    n_pictures: int
    size_bytes: int
    labels: dict[str, int]
    metadata: dict[str, int]
