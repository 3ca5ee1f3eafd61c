"""Layers that hold one run or many: the same module works on `(batch, ...)` and on `(runs, batch, ...)`.

A layer is written and built for one run. The engine stacks the parameters of many runs along a first axis; a layer
then finds one axis more in its weight and treats the first axis of its input as the runs. Dense layers become one
batched matrix product for all runs; convolutions, for which that is slower, go through the runs one by one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RECTIFIER = math.sqrt(2.0)
"""The gain of a layer before a rectifier (He et al. 2015, arXiv 1502.01852)."""


class Linear(nn.Module):
    """A dense layer for one run `(batch, in)` or, with stacked parameters, for many `(runs, batch, in)`.

    Args:
        inputs: size of a row.
        outputs: size of the result.
        gain: of the first weights; the square root of 2 keeps the scale before a rectifier.
        bias: the first biases, one number or `(outputs,)`.

    >>> import torch
    >>> layer = Linear(3, 2)
    >>> layer(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    batches_runs = True

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0, bias: float | Tensor = 0.0) -> None:
        super().__init__()
        self.gain = gain
        self.first_bias = bias
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw normal weights of variance `gain ** 2 / in`, and set the first biases."""
        _reset(self.weight, self.bias, self.gain, self.weight.shape[1])
        with torch.no_grad():
            self.bias += self.first_bias

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, in)` to `(..., batch, out)`."""
        if self.weight.dim() == 2:
            return F.linear(x, self.weight, self.bias)
        return torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.transpose(1, 2))


class _Conv(nn.Module):
    """What both convolutions share: a square kernel, and the way through the runs."""

    batches_runs = True

    def __init__(
        self, weight_shape: tuple[int, int], outputs: int, kernel: int, stride: int, padding: int, fan_in: float
    ) -> None:
        super().__init__()
        self.fan_in = fan_in
        self.weight = nn.Parameter(torch.empty(*weight_shape, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.stride = stride
        self.padding = padding
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw normal weights that keep the scale before a rectifier; biases are 0."""
        _reset(self.weight, self.bias, RECTIFIER, self.fan_in)

    def apply_one(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The layer on `(batch, channels, height, width)` with the weights of one run."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, channels, height, width)` to the same with the layer's channels and size."""
        if self.weight.dim() == 4:
            return self.apply_one(x, self.weight, self.bias)
        runs = zip(x.unbind(), self.weight.unbind(), self.bias.unbind(), strict=True)
        return torch.stack([self.apply_one(*run) for run in runs])


class Conv2d(_Conv):
    """A convolution for one run, or for many with stacked parameters.

    Args:
        inputs: channels of the input.
        outputs: channels of the result.
        kernel: side of the kernel in pixels.
        stride: pixels from one place of the kernel to the next.
        padding: zeros around the picture, in pixels.

    >>> import torch
    >>> Conv2d(3, 8, 4, stride=2, padding=1)(torch.zeros(2, 3, 16, 16)).shape
    torch.Size([2, 8, 8, 8])
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__((outputs, inputs), outputs, kernel, stride, padding, inputs * kernel**2)

    def apply_one(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The convolution of one run."""
        return F.conv2d(x, weight, bias, self.stride, self.padding)


class ConvTranspose2d(_Conv):
    """A transposed convolution for one run, or for many with stacked parameters; arguments as for `Conv2d`.

    >>> import torch
    >>> ConvTranspose2d(8, 3, 4, stride=2, padding=1)(torch.zeros(2, 8, 8, 8)).shape
    torch.Size([2, 3, 16, 16])
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__((inputs, outputs), outputs, kernel, stride, padding, inputs * (kernel / stride) ** 2)

    def apply_one(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The transposed convolution of one run."""
        return F.conv_transpose2d(x, weight, bias, self.stride, self.padding)


class Table(nn.Module):
    """One learned row for each category, e.g. the embedding of each domain: `(categories, size)`.

    Args:
        categories: number of rows.
        size: of a row.

    >>> import torch
    >>> pick(Table(3, 4)(), torch.tensor([0, 2])).shape
    torch.Size([2, 4])
    """

    batches_runs = True

    def __init__(self, categories: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(categories, size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the rows from a standard normal."""
        nn.init.normal_(self.weight)

    def forward(self) -> Tensor:
        """The whole table, `(..., categories, size)`."""
        return self.weight


def pick(table: Tensor, index: Tensor) -> Tensor:
    """Rows of a table by category, for one run or for many.

    Args:
        table: `(categories, ...)`, or `(runs, categories, ...)`.
        index: `(batch,)`, or `(runs, batch)`.

    Returns:
        `(batch, ...)`, or `(runs, batch, ...)`.

    >>> import torch
    >>> pick(torch.tensor([[1.0], [2.0]]), torch.tensor([1, 1, 0])).flatten().tolist()
    [2.0, 2.0, 1.0]
    """
    if index.dim() == 1:
        return table.index_select(0, index)
    runs, categories = table.shape[:2]
    flat = index + categories * torch.arange(runs, device=index.device).unsqueeze(1)
    return table.flatten(0, 1).index_select(0, flat.flatten()).unflatten(0, index.shape)


def distances(one: Tensor, other: Tensor, power: float = 2.0) -> Tensor:
    r"""Distance of every row to every row, :math:`(\sum_k |a_k - b_k|^p)^{1/p}`, one pair at a time.

    By way of products of large codes, which torch prefers, a distance would lose its digits.

    Args:
        one: `(..., rows, size)`.
        other: `(..., other rows, size)`.
        power: the number p, at least 1.

    Returns:
        `(..., rows, other rows)`; the derivative at a distance of 0 is 0.

    >>> import torch
    >>> distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[5.0, 0.0]]
    """
    return torch.cdist(one, other, p=power, compute_mode="donot_use_mm_for_euclid_dist")


def _reset(weight: Tensor, bias: Tensor, gain: float, fan_in: float) -> None:
    nn.init.normal_(weight, std=gain / math.sqrt(fan_in))
    nn.init.zeros_(bias)
