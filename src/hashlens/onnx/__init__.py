"""Models as ONNX files, and ONNX Runtime as an encoder. Needs the extra ``onnx``."""

from hashlens.onnx.agreement import Agreement
from hashlens.onnx.session import RuntimeEncoder, on_runtime
from hashlens.onnx.writing import ExportReport, write_onnx

__all__ = ["Agreement", "ExportReport", "RuntimeEncoder", "on_runtime", "write_onnx"]
