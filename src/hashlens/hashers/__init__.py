"""Hashers: feature vectors to packed codes, one paper a file, scikit-learn transformers."""

from typing import Any

from hashlens.hashers.base import Hasher
from hashlens.hashers.linear import LinearHasher
from hashlens.methods import classes_in, load_method

_CLASSES = classes_in(__name__)

__all__ = ["Hasher", "LinearHasher"]
__all__ += list(_CLASSES)


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return load_method(_CLASSES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
