"""The one table of methods: CLI choices, docs pages, contract tests and benchmarks come from it."""

from importlib import import_module
from typing import Any

from hashlens.checks import check_choice

METHODS: dict[str, str] = {
    "bre": "hashlens.hashers.bre:BRE",
    "cnnh": "hashlens.deep.cnnh:CNNH",
    "cnnh-plus": "hashlens.deep.cnnh_plus:CNNHPLUS",
    "cnnh-star": "hashlens.deep.cnnh_star:CNNHSTAR",
    "csq": "hashlens.deep.csq:CSQ",
    "dlbh": "hashlens.deep.dlbh:DLBH",
    "dnnh": "hashlens.deep.dnnh:DNNH",
    "dnnh-2net": "hashlens.deep.dnnh_2net:DNNH2NET",
    "dnnh-fc": "hashlens.deep.dnnh_fc:DNNHFC",
    "dpsh": "hashlens.deep.dpsh:DPSH",
    "drhn": "hashlens.deep.drhn:DRHN",
    "dsh": "hashlens.hashers.dsh:DSH",
    "greedyhash": "hashlens.deep.greedyhash:GreedyHash",
    "hashnet": "hashlens.deep.hashnet:HashNet",
    "itq": "hashlens.hashers.itq:ITQ",
    "itq-cca": "hashlens.hashers.itq_cca:ITQCCA",
    "ksh": "hashlens.hashers.ksh:KSH",
    "lsh": "hashlens.hashers.lsh:LSH",
    "mlh": "hashlens.hashers.mlh:MLH",
    "orthohash": "hashlens.deep.orthohash:OrthoHash",
    "pca-rr": "hashlens.hashers.pca_rr:PCARR",
    "pcah": "hashlens.hashers.pcah:PCAH",
    "ritq": "hashlens.deep.ritq:RITQ",
    "sh": "hashlens.hashers.sh:SH",
    "sklsh": "hashlens.hashers.sklsh:SKLSH",
    "sph": "hashlens.hashers.sph:SpH",
}


def load_method(name: str) -> type[Any]:
    """Import the class of a method by its name in ``METHODS``.

    Raises
    ------
    InputError
        If there is no such method; the message names the nearest one.

    Examples
    --------
    >>> load_method("itq").__name__
    'ITQ'
    """
    module, _, attribute = METHODS[check_choice("method", name, METHODS)].partition(":")
    cls: type[Any] = getattr(import_module(module), attribute)
    return cls


def is_deep(name: str) -> bool:
    """Tell whether a method learns from images (deep) or from feature vectors (hasher).

    Examples
    --------
    >>> is_deep("ritq"), is_deep("itq")
    (True, False)
    """
    return METHODS[check_choice("method", name, METHODS)].startswith("hashlens.deep.")


def classes_in(package: str) -> dict[str, str]:
    """Name the classes that ``METHODS`` places in `package`, with the method each stands for.

    So that a package offers its methods without a list of its own.

    Examples
    --------
    >>> classes_in("hashlens.deep")["RITQ"]
    'ritq'
    """
    return {
        place.partition(":")[2]: name
        for name, place in METHODS.items()
        if place.rpartition(".")[0] == package
    }
