"""Small convolutional encoders and decoders for pictures of 16 to 128 pixels."""

from __future__ import annotations

from torch import Tensor, nn

from identikit.errors import InputError
from identikit.nets.grouped import Conv2d, ConvTranspose2d, Linear


class ConvEncoder(nn.Module):
    """Halve a picture with strided convolutions down to 4 x 4, then one dense layer.

    Args:
        shape: (channels, height, width); height and width are equal and a power of two from 8 on.
        outputs: size of the result.
        width: channels of the first layer; they double with each, up to four times as many.

    >>> import torch
    >>> ConvEncoder((3, 32, 32), 10, width=8)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    batches_runs = True

    def __init__(self, shape: tuple[int, ...], outputs: int, width: int = 32) -> None:
        super().__init__()
        widths = _widths(shape, width)
        self.layers = nn.ModuleList(
            Conv2d(a, b, 4, stride=2, padding=1) for a, b in zip([shape[0], *widths], widths, strict=False)
        )
        self.activation = nn.LeakyReLU(0.2)
        self.last = Linear(widths[-1] * 16, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, channels, height, width)` to `(..., batch, outputs)`."""
        for layer in self.layers:
            x = self.activation(layer(x))
        return self.last(x.flatten(-3))


class ConvDecoder(nn.Module):
    """The mirror image of `ConvEncoder`: one dense layer to 4 x 4, then transposed convolutions that double it.

    Args:
        inputs: size of the code.
        shape: (channels, height, width), as of the encoder.
        width: as of the encoder.

    >>> import torch
    >>> ConvDecoder(10, (3, 32, 32), width=8)(torch.zeros(2, 10)).shape
    torch.Size([2, 3, 32, 32])
    """

    batches_runs = True

    def __init__(self, inputs: int, shape: tuple[int, ...], width: int = 32) -> None:
        super().__init__()
        widths = _widths(shape, width)[::-1]
        self.start = (widths[0], 4, 4)
        self.first = Linear(inputs, widths[0] * 16)
        self.activation = nn.LeakyReLU(0.2)
        self.layers = nn.ModuleList(
            ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in zip(widths, [*widths[1:], shape[0]], strict=True)
        )

    def forward(self, code: Tensor) -> Tensor:
        """Map `(..., batch, inputs)` to `(..., batch, channels, height, width)`."""
        x = self.first(code).unflatten(-1, self.start)
        for layer in self.layers:
            x = layer(self.activation(x))
        return x


def _widths(shape: tuple[int, ...], width: int) -> list[int]:
    size = shape[-1]
    if len(shape) != 3 or shape[1] != size or size < 8 or size & (size - 1):
        raise InputError(f"a picture needs equal sides, a power of two from 8 on, and has shape {shape}: resize it")
    halvings = size.bit_length() - 3
    return [width * min(2**i, 4) for i in range(halvings)]
