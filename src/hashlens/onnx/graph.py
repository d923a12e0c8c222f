"""A graph of ONNX operators, put together one call a step."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.onnx.extra import onnx_package

Value = str | NDArray[Any] | np.generic
"""What an operator takes: the name of another's output, or a constant."""

OPSET = 18
IR_VERSION = 9  # of opset 18's time: older runtimes read the file too


class Graph:
    """Operators in the order in which they run, and the constants that they take.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
    constants : list of onnx.TensorProto
    """

    def __init__(self, parent: Self | None = None) -> None:
        self.onnx = onnx_package()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._count: list[int] = [0] if parent is None else parent._count

    def __call__(self, operator: str, *inputs: Value, **attributes: Any) -> str:
        """Add an operator of one output, and give the output's name."""
        output = self._name(operator.lower())
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        node = self.onnx.helper.make_node(operator, names, [output], name=output, **attributes)
        self.nodes.append(node)
        return output

    def constant(self, value: object) -> str:
        """Add a constant, in the dtype that it has."""
        name = self._name("constant")
        array = np.asarray(value, order="C")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def cast(self, value: Value, dtype: Any) -> str:
        """Add a change of dtype."""
        to = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self("Cast", value, to=to)

    def where(self, condition: Value, then: "Branch", otherwise: "Branch") -> str:
        """Add a choice of which only one side is computed; either may use all that came before."""
        return self(
            "If", condition, then_branch=self._side(then), else_branch=self._side(otherwise)
        )

    def insert(self, model: Any, inputs: dict[str, str], prefix: str) -> list[str]:
        """Add a whole model, its names behind `prefix`; give the names of its outputs."""
        from onnx.compose import add_prefix

        named = add_prefix(model, prefix).graph
        for inner, outer in inputs.items():
            self.nodes.append(
                self.onnx.helper.make_node("Identity", [outer], [prefix + inner], name=inner)
            )
        self.nodes.extend(named.node)
        self.constants.extend(named.initializer)
        return [output.name for output in named.output]

    def output(self, value: str, name: str) -> None:
        """Give a value the name by which the graph hands it out."""
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name], name=name))

    def _side(self, branch: "Branch") -> Any:
        side = Graph(self)
        result = branch(side)
        if not side.nodes:  # a graph's output must be made in it
            result = side("Identity", result)
        made = self.onnx.helper.make_empty_tensor_value_info(result)
        name = self._name("branch")
        return self.onnx.helper.make_graph(side.nodes, name, [], [made], side.constants)

    def _name(self, stem: str) -> str:
        self._count[0] += 1
        return f"{stem}_{self._count[0]}"


Branch = Callable[[Graph], str]
