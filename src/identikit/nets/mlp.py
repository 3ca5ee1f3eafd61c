"""Multi-layer perceptrons."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from identikit.nets.grouped import RECTIFIER, Linear


class MLP(nn.Module):
    """Dense layers with a leaky rectifier between them; rows of any shape in, a vector or any shape out.

    Args:
        inputs: size of a row, or its shape, which is flattened.
        outputs: size of the result, or its shape.
        hidden: width of the hidden layers.
        layers: number of hidden layers.
        slope: of the leaky rectifier below zero.
        gain: of the last layer's first weights.
        bias: the last layer's first biases, one number or one for each output.

    >>> import torch
    >>> MLP((3, 8, 8), 5)(torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 5])
    """

    batches_runs = True

    def __init__(
        self,
        inputs: int | tuple[int, ...],
        outputs: int | tuple[int, ...],
        hidden: int = 64,
        layers: int = 2,
        slope: float = 0.2,
        gain: float = 1.0,
        bias: float | Tensor = 0.0,
    ) -> None:
        super().__init__()
        self.inputs = (inputs,) if isinstance(inputs, int) else tuple(inputs)
        self.outputs = (outputs,) if isinstance(outputs, int) else tuple(outputs)
        sizes = [_product(self.inputs), *[hidden] * layers, _product(self.outputs)]
        inner = [Linear(a, b, RECTIFIER) for a, b in pairwise(sizes[:-1])]
        self.layers = nn.ModuleList([*inner, Linear(sizes[-2], sizes[-1], gain, bias)])
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, *inputs)` to `(..., batch, *outputs)`."""
        if len(self.inputs) > 1:
            x = x.flatten(-len(self.inputs))
        *inner, last = self.layers
        for layer in inner:
            x = F.leaky_relu(layer(x), self.slope)
        x = last(x)
        return x.unflatten(-1, self.outputs) if len(self.outputs) > 1 else x


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
