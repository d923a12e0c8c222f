"""Hashers: feature vectors to packed codes, one paper a file, scikit-learn transformers."""

from hashlens.hashers.base import Hasher
from hashlens.hashers.itq import ITQ
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.lsh import LSH
from hashlens.hashers.pca_rr import PCARR
from hashlens.hashers.pcah import PCAH

__all__ = ["ITQ", "LSH", "PCAH", "PCARR", "Hasher", "LinearHasher"]
