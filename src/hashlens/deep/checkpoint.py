"""A training that was interrupted: saved without pickle, replaced in one step."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from hashlens.errors import FormatError, InputError
from hashlens.whole_file import whole_file

FORMAT_VERSION = 1


def save_checkpoint(
    path: Path, network: nn.Module, optimizer: Optimizer, state: dict[str, Any]
) -> None:
    """Write weights, the optimizer's memory and JSON-able `state` to `path` in one rename."""
    tensors, numbers = _flatten(optimizer)
    for name, value in network.state_dict().items():
        tensors[f"network.{name}"] = value
    header = {"version": FORMAT_VERSION, "state": state, "numbers": numbers}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with whole_file(path) as partial:
        save_file(contiguous, partial, metadata={"hashlens": json.dumps(header)})


class Checkpoint(NamedTuple):
    """What was read from a checkpoint's file."""

    state: dict[str, Any]
    numbers: dict[str, Any]
    tensors: dict[str, Tensor]


def read_checkpoint(path: Path | None, settings: dict[str, Any]) -> Checkpoint | None:
    """Read a checkpoint; None where there is none.

    Raises
    ------
    InputError
        If the checkpoint was written by a training with other settings.
    FormatError
        If the file is damaged or newer.
    """
    if path is None or not path.exists():
        return None
    header, tensors = _read(path)
    _check_same(path, header["state"]["settings"], settings)
    return Checkpoint(header["state"], header["numbers"], tensors)


def restore(saved: Checkpoint, network: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Put a checkpoint back into `network` and `optimizer`; return its state."""
    weights = {
        name.removeprefix("network."): value
        for name, value in saved.tensors.items()
        if name.startswith("network.")
    }
    network.load_state_dict(weights)
    optimizer.load_state_dict(_unflatten(optimizer, saved.tensors, saved.numbers))
    return saved.state


def peek_settings(path: Path) -> dict[str, Any]:
    """Return the settings of the training that wrote a checkpoint."""
    settings: dict[str, Any] = _read(path)[0]["state"]["settings"]
    return settings


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["hashlens"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise FormatError(f"{path} must be a hashlens checkpoint. Got {error}.") from error
    if header["version"] > FORMAT_VERSION:
        raise FormatError(
            f"{path} must have format version {FORMAT_VERSION} or older. Got {header['version']}."
        )
    return header, tensors


def _check_same(path: Path, saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    wanted = json.loads(json.dumps(wanted))
    for name in sorted(saved.keys() | wanted.keys()):
        if saved.get(name) != wanted.get(name):
            raise InputError(
                f"{name} must be that of the interrupted training in {path}, "
                f"{saved.get(name)!r}. Got {wanted.get(name)!r}. "
                f"Give the same settings to go on, or another folder to start anew."
            )


def _flatten(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Split the optimizer's state into tensors and plain numbers, by "index.name"."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for index, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            target: dict[str, Any] = tensors if isinstance(value, Tensor) else numbers
            key = f"optimizer.{index}.{name}" if target is tensors else f"{index}.{name}"
            target[key] = value
    return tensors, numbers


def _unflatten(
    optimizer: Optimizer, tensors: dict[str, Tensor], numbers: dict[str, Any]
) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {}
    optimizer_tensors = {
        key.removeprefix("optimizer."): value
        for key, value in tensors.items()
        if key.startswith("optimizer.")
    }
    for key, value in {**numbers, **optimizer_tensors}.items():
        index, _, name = key.partition(".")
        restored = value.clone() if isinstance(value, torch.Tensor) else value
        state.setdefault(int(index), {})[name] = restored
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
