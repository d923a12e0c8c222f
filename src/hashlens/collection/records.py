"""Items as they go from one collection to another."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes


class Record(NamedTuple):
    """All that is known of an item beside its code and features.

    Attributes
    ----------
    id : int
    path : str
    has_file : bool
    content_hash : bytes
        SHA-256, 32 bytes.
    label : str or None
    metadata : dict
    added : str or None
    """

    id: int
    path: str
    has_file: bool
    content_hash: bytes
    label: str | None
    metadata: Mapping[str, Any]
    added: str | None


class Records(NamedTuple):
    """Several items, by ascending id.

    Attributes
    ----------
    items : list of Record
    codes : uint8 (n, ceil(n_bits / 8))
    vectors : float16 (n, d), of length 1; None where features are not stored
    """

    items: list[Record]
    codes: Codes
    vectors: NDArray[np.float16] | None
