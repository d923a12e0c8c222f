"""The packages of the extra ``[onnx]``, imported where they are needed, or an error that helps."""

from types import ModuleType

from hashlens.errors import MissingExtraError


def onnx_package() -> ModuleType:
    """Import ``onnx`` with what hashlens uses of it, or raise MissingExtraError."""
    try:
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper

        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx") from error
    return onnx


def runtime_package() -> ModuleType:
    """Import ``onnxruntime``, or raise MissingExtraError."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnx") from error
    module: ModuleType = onnxruntime
    return module


def check_exporter() -> None:
    """Raise MissingExtraError unless torch's exporter has what it stands on."""
    try:
        import onnxscript  # noqa: F401 - torch.onnx.export looks for it late, and deep inside
    except ImportError as error:
        raise MissingExtraError("onnxscript", "onnx") from error
