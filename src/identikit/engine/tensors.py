"""Arrays as tensors that share their memory."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor


def as_tensor(array: np.ndarray, device: torch.device | None = None) -> Tensor:
    """A tensor to read from, on the memory of the array where both are on the CPU.

    torch warns of arrays that may not be written to, such as files mapped into memory; training writes to none.

    >>> array = np.ones(3)
    >>> array.flags.writeable = False
    >>> as_tensor(array).sum().item()
    3.0
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.as_tensor(array, device=device)
