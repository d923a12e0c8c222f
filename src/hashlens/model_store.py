"""A model on disk: ``model.json`` and ``weights.safetensors``. Nothing is ever unpickled."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from hashlens.checks import refuse
from hashlens.errors import FormatError, HashlensError
from hashlens.methods import METHODS, is_deep, load_method
from hashlens.model import Encoder, Model
from hashlens.whole_file import PARTIAL

FORMAT_VERSION = 1
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"
CHECKPOINT_FILE = "checkpoint.safetensors"
# Of models that were saved without them, before there was momentum:
_FORMER_DEFAULTS = {name: {"n_iterations": 50, "momentum": 0.0} for name in ("itq", "itq-cca")}

if TYPE_CHECKING:
    from hashlens.feature_encoder import FeatureEncoder

Arrays = dict[str, NDArray[Any]]


def save_model(model: Model, path: Path) -> Path:
    """Write `model` to the folder `path`, whole or not at all."""
    check_free(path, overwrite=True)
    kind, arrays = _encoder_arrays(model.encoder)
    weights = save_tensors({**arrays, "training_digests": model.training_digests})
    header = {
        "format": "hashlens-model",
        "version": FORMAT_VERSION,
        "method": model.method,
        "n_bits": model.n_bits,
        "lengths": list(model.lengths),
        "settings": model.settings,
        "preprocessing": model.preprocessing.to_dict(),
        "classes": list(model.classes),
        "encoder": kind,
        "card": model.card,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        _write(staged / WEIGHTS_FILE, weights)
        _write(staged / MODEL_FILE, _signed(header).encode())
        _swap(staged, path)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return path


def check_free(path: Path, *, overwrite: bool) -> None:
    """Raise InputError unless a model may be written to the folder `path`."""
    if not path.exists():
        return
    foreign = [path.name]
    if path.is_dir():
        foreign = sorted(item.name for item in path.iterdir() if not _is_ours(item.name))
    if foreign:
        raise refuse("out", "a new folder, or one that holds a model", f"{path} with {foreign[0]}")
    if not overwrite and (path / MODEL_FILE).exists():
        raise refuse("out", "a folder without a finished model (or give --overwrite)", str(path))


def _is_ours(name: str) -> bool:
    """Whether a training may have left this file: a kill leaves a checkpoint half written."""
    half_written = name.startswith(CHECKPOINT_FILE) and name.endswith(PARTIAL)
    return half_written or name in (MODEL_FILE, WEIGHTS_FILE, CHECKPOINT_FILE)


def load_model(path: Path) -> Model:
    """Read a model from the folder `path`; FormatError names the file that is wrong."""
    from hashlens.data import Preprocessing

    header = _read_header(path / MODEL_FILE)
    arrays: Arrays = load_tensors(_read_weights(path, header))
    digests = arrays.pop("training_digests")
    try:
        return Model(
            method=header["method"],
            n_bits=header["n_bits"],
            preprocessing=Preprocessing.from_dict(header["preprocessing"]),
            classes=tuple(header["classes"]),
            encoder=_restore_encoder(header, arrays),
            settings=header["settings"],
            card=header["card"],
            training_digests=digests.astype(np.uint64),
            lengths=tuple(header.get("lengths", ())),
        )
    except (KeyError, TypeError, RuntimeError) as error:
        raise FormatError(f"{path / MODEL_FILE} must describe a model. Got {error!r}.") from error


def read_card(path: Path) -> dict[str, Any]:
    """Read ``model.json`` alone, checked: what a model says of itself, without its weights."""
    return _read_header(path / MODEL_FILE)


def card_sha256(card: dict[str, Any]) -> str:
    """SHA-256 of the ``model.json`` that says this of a model, in hex."""
    return hashlib.sha256(_signed(card).encode()).hexdigest()


def check_weights(path: Path) -> None:
    """Raise FormatError unless the weights are those that ``model.json`` tells of."""
    _read_weights(path, _read_header(path / MODEL_FILE))


def _encoder_arrays(encoder: Encoder) -> tuple[dict[str, Any], Arrays]:
    """Describe an encoder as JSON, and give its arrays."""
    from hashlens.feature_encoder import FeatureEncoder

    if isinstance(encoder, FeatureEncoder):
        return _feature_encoder_arrays(encoder)
    from hashlens.deep import DeepEncoder  # with torch

    if isinstance(encoder, DeepEncoder):
        state = encoder.state_dict()
        # safetensors writes memory as it lies: filters in channels-last order must be laid out.
        kind = {"kind": "deep", "flip_average": encoder.flip_average}
        return kind, {k: np.asarray(v.cpu(), order="C") for k, v in state.items()}
    raise refuse("encoder", "a DeepEncoder or a FeatureEncoder", type(encoder))


def _feature_encoder_arrays(encoder: "FeatureEncoder") -> tuple[dict[str, Any], Arrays]:
    arrays: Arrays = {f"hasher.{k}": v for k, v in encoder.hasher.learnt().items()}
    if encoder.standardizer is not None:
        arrays |= {f"standardizer.{k}": v for k, v in encoder.standardizer.learnt().items()}
    kind = {
        "kind": "features",
        "features": encoder.features.settings(),
        "standardize": encoder.standardizer is not None,
    }
    return kind, {name: np.asarray(value, order="C") for name, value in arrays.items()}


def _restore_encoder(header: dict[str, Any], arrays: Arrays) -> Encoder:
    if header["method"] not in METHODS:
        raise FormatError(f"model.json must name a known method. Got {header['method']!r}.")
    if is_deep(header["method"]):
        return _restore_deep(header, arrays)
    return _restore_features(header["method"], header["settings"], header["encoder"], arrays)


def _restore_deep(header: dict[str, Any], arrays: Arrays) -> Encoder:
    import torch

    from hashlens.deep import DeepEncoder, Normalize

    method = load_method(header["method"])(**header["settings"])
    n_channels = header["preprocessing"]["n_channels"]
    with torch.random.fork_rng(devices=[]):
        network = method.network(len(header["classes"]), n_channels)
    normalize = Normalize(torch.zeros(n_channels), torch.ones(n_channels))
    encoder = DeepEncoder(normalize, network, header["encoder"].get("flip_average", False))
    encoder.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder.to(device).to(memory_format=torch.channels_last)
    return encoder.eval()


def _restore_features(
    method: str, settings: dict[str, Any], kind: dict[str, Any], arrays: Arrays
) -> Encoder:
    from hashlens.feature_encoder import FeatureEncoder
    from hashlens.features import Standardizer, restore_features

    settings = _FORMER_DEFAULTS.get(method, {}) | settings
    hasher = load_method(method)(**settings).restore(_under("hasher.", arrays))
    standardizer = None
    if kind["standardize"]:
        standardizer = Standardizer().restore(_under("standardizer.", arrays))
    return FeatureEncoder(restore_features(kind["features"]), hasher, standardizer)


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _signed(header: dict[str, Any]) -> str:
    """JSON text whose last field is the SHA-256 of the text without it."""
    try:
        body = json.dumps(header, indent=1, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise HashlensError(f"The model's card must be JSON. Got {error}.") from error
    signature = hashlib.sha256(body.encode()).hexdigest()
    return json.dumps({"sha256": signature, "model": header}, indent=1, sort_keys=True) + "\n"


def _read_header(path: Path) -> dict[str, Any]:
    text = _read_bytes(path)
    try:
        outer = json.loads(text)
        header: dict[str, Any] = outer["model"]
        version = header["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} must be a hashlens model card. Got {error!r}.") from error
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise FormatError(
            f"{path} must have format version {FORMAT_VERSION} or older. Got {version}. "
            f"A newer hashlens reads it."
        )
    if _signed(header).encode() != text:
        raise FormatError(f"{path} must be as it was written. Got changed bytes.")
    return header


def _read_weights(path: Path, header: dict[str, Any]) -> bytes:
    weights = _read_bytes(path / WEIGHTS_FILE)
    if hashlib.sha256(weights).hexdigest() != header["weights_sha256"]:
        raise FormatError(f"{path / WEIGHTS_FILE} must be as it was written. Got changed bytes.")
    return weights


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{path} must be a readable file of a model. Got {reason}.") from error


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _swap(staged: Path, path: Path) -> None:
    """Put the staged folder in place of `path`; a checkpoint there is finished with."""
    staged.chmod(0o755)
    if path.exists():
        old = path.with_name(f".{path.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
        staged.rename(path)
        shutil.rmtree(old)
    else:
        staged.rename(path)
