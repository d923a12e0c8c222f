"""The table of features, and the two ways to have them: by name, and from saved settings."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from hashlens.checks import check_choice, refuse
from hashlens.data import Preprocessing
from hashlens.features.base import Features

FEATURES: dict[str, str] = {
    "backbone": "hashlens.features.backbone:Backbone",
    "gist": "hashlens.features.gist:GIST",
    "pixels": "hashlens.features.pixels:Pixels",
}

_SETTINGS = {
    "backbone": ("normalize",),
    "gist": ("size", "normalize"),
    "pixels": ("height", "width", "n_channels", "normalize"),
}


def load_features(
    name: str,
    *,
    preprocessing: Preprocessing | None = None,
    normalize: bool | None = None,
    download: bool = False,
) -> Features:
    """Build features by name.

    Parameters
    ----------
    name : str
        ``"pixels"``, ``"gist"``, ``"backbone"`` (the one whose weights are installed) or any timm
        model with pre-trained weights.
    preprocessing : Preprocessing, optional
        The natural size and channels of the images, which pixels keep. GIST and backbones have
        a size of their own.
    normalize : bool, optional
        Scale vectors to length 1. Default: what the features do by themselves.
    download : bool, default False
        Let a backbone fetch weights that are not on this machine.

    Returns
    -------
    features : Features

    Raises
    ------
    InputError
        If there are no such features (with the nearest name), or no weights for them.

    Examples
    --------
    >>> load_features("pixels").n_features
    3072
    """
    settings: dict[str, Any] = {} if normalize is None else {"normalize": normalize}
    kind = _kind(name)
    if kind == "pixels" and preprocessing is not None:
        height, width, n_channels = preprocessing.shape
        settings |= {"height": height, "width": width, "n_channels": n_channels}
    if kind == "backbone":
        settings |= {"download": download} | ({} if name == "backbone" else {"name": name})
    return _build(kind, settings)


def restore_features(settings: Mapping[str, Any]) -> Features:
    """Build features from what their ``settings()`` gave.

    Parameters
    ----------
    settings : mapping
        JSON values with the key ``name``.

    Returns
    -------
    features : Features

    Raises
    ------
    InputError
        If a key is missing, unknown, or has a wrong value.

    Examples
    --------
    >>> restore_features(load_features("gist").settings()).n_features
    512
    """
    if "name" not in settings:
        raise refuse("features", "settings with a name", dict(settings))
    kind = _kind(settings["name"])
    for key in settings:
        check_choice("features setting", key, ("name", *_SETTINGS[kind]))
    missing = [key for key in _SETTINGS[kind] if key not in settings]
    if missing:
        raise refuse("features", f"settings with {', '.join(missing)}", dict(settings))
    return _build(kind, {k: v for k, v in settings.items() if k != "name" or kind == "backbone"})


def _kind(name: object) -> str:
    return name if isinstance(name, str) and name in FEATURES else "backbone"


def _build(kind: str, settings: dict[str, Any]) -> Features:
    module, _, attribute = FEATURES[kind].partition(":")
    features: Features = getattr(import_module(module), attribute)(**settings)
    return features
