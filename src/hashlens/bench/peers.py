"""The table of peers: a class and a line here is all that one more costs."""

from collections.abc import Sequence

from hashlens.bench.faiss_peers import FaissFlat, FaissHNSW, FaissIVF, FaissMultiHash
from hashlens.bench.numpy_peer import NumpyScan
from hashlens.bench.peer import Peer, installed
from hashlens.bench.pynear_peer import PyNearMIH
from hashlens.bench.usearch_peers import USearchExact, USearchHNSW
from hashlens.checks import check_choice
from hashlens.errors import MissingExtraError

PEERS: dict[str, type[Peer]] = {
    "faiss-flat": FaissFlat,
    "faiss-multihash": FaissMultiHash,
    "faiss-hnsw": FaissHNSW,
    "faiss-ivf": FaissIVF,
    "usearch-exact": USearchExact,
    "usearch-hnsw": USearchHNSW,
    "pynear-mih": PyNearMIH,
    "numpy": NumpyScan,
}
SCANS = ("faiss-flat", "usearch-exact", "numpy")
NOT_SCANS = ("faiss-multihash", "faiss-hnsw", "faiss-ivf", "usearch-hnsw", "pynear-mih")


def first_word(name: str) -> str:
    """Give the part of a name before its first hyphen.

    Examples
    --------
    >>> first_word("faiss-flat")
    'faiss'
    """
    return name.partition("-")[0]


def check_names(option: str, names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the known names that are named, in full or by their first word.

    Examples
    --------
    >>> check_names("peers", ["numpy", "usearch"], list(PEERS))
    ('usearch-exact', 'usearch-hnsw', 'numpy')
    """
    words = {first_word(name) for name in known}
    for name in names:
        check_choice(option, name, [*known, *sorted(words - set(known))])
    return tuple(name for name in known if name in names or first_word(name) in names)


def chosen_peers(names: Sequence[str] | None) -> tuple[str, ...]:
    """Choose peers by name; all that are installed where None.

    Raises
    ------
    InputError
        If there is no such peer.
    MissingExtraError
        If one that is named is not installed, with the words that install it.
    """
    if names is None:
        return tuple(name for name, peer in PEERS.items() if installed(peer))
    chosen = check_names("peers", names, list(PEERS))
    for name in chosen:
        if not installed(PEERS[name]):
            raise MissingExtraError(PEERS[name].package, "bench")
    return chosen


def not_installed() -> list[str]:
    """Packages of peers that are not there."""
    return sorted({peer.package for peer in PEERS.values() if not installed(peer)})
