"""Parts that several recipes share: nets that suit the data, and heads for what it labels."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from identikit.data import Schema
from identikit.errors import InputError, MissingFieldError
from identikit.nets import MLP, ConvDecoder, ConvEncoder
from identikit.objective import Weight, constant, ramp


def coder(schema: Schema, latents: int, outputs: int, hidden: int, seen: int = 0) -> tuple[nn.Module, nn.Module]:
    """An encoder to `outputs` numbers and a decoder from `latents`: convolutional for pictures, dense otherwise.

    Args:
        schema: of the data.
        latents: number of latents.
        outputs: size of the encoder's result.
        hidden: width of dense layers, and channels of the first convolution for pictures.
        seen: numbers that the encoder sees beside `x`.
    """
    if latents < 1:
        raise InputError(f"a code needs at least one latent, not {latents}")
    if schema.image:
        if seen:
            raise InputError("an encoder that sees a category beside x takes rows of numbers, and x holds pictures")
        return ConvEncoder(schema.shape, outputs, hidden), ConvDecoder(latents, schema.shape, hidden)
    size = schema.shape[0] if len(schema.shape) == 1 else schema.shape
    if isinstance(size, tuple):
        return MLP(size, outputs, hidden), MLP(latents, size, hidden)
    return MLP(size + seen, outputs, hidden), MLP(latents, size, hidden)


def categories(method: str, schema: Schema, option: str, field: str) -> int:
    """How many categories the field holds that an option of the method names.

    Args:
        method: its name.
        schema: of the data.
        option: the option's name.
        field: its value.

    Raises:
        InputError: the data lacks the field, or it holds numbers, or fewer than two categories.

    >>> categories("ivae", Schema((8,), {"site": ("a", "b")}), "auxiliary", "site")
    2
    """
    if field not in schema.fields:
        raise MissingFieldError(method, field, schema.fields, f"set {option}= to another field")
    if field not in schema.names:
        raise InputError(f"{method} needs categories in '{field}', which holds numbers: set {option}= to another field")
    if schema.size(field) < 2:
        raise InputError(f"{method} needs at least 2 values of '{field}', and the data has {schema.size(field)}")
    return schema.size(field)


def too_few(method: str, schema: Schema, field: str, least: int, what: str) -> str | None:
    """What to warn of where a category has fewer values than a method's theory asks for; None where it has enough.

    Args:
        method: its name.
        schema: of the data.
        field: that holds the category.
        least: the number of values that the theory asks for.
        what: cannot be told with fewer, in words.

    >>> too_few("imsda", Schema((8,), {"domain": ("a", "b")}), "domain", 5, "2 changing latents apart")
    "imsda needs 5 values of 'domain' or more to tell 2 changing latents apart, and the data has 2: they may stay mixed"
    """
    values = schema.size(field)
    if values >= least:
        return None
    return (
        f"{method} needs {least} values of '{field}' or more to tell {what}, and the data has {values}: "
        "they may stay mixed"
    )


def blocks(latents: int, changing: int) -> dict[str, tuple[int, ...]]:
    """The invariant block first, then the changing one.

    >>> blocks(4, 1)
    {'invariant': (0, 1, 2), 'changing': (3,)}
    """
    if not 0 < changing <= latents:
        raise InputError(f"changing is at least 1 and at most the number of latents ({latents}), not {changing}")
    return {"invariant": tuple(range(latents - changing)), "changing": tuple(range(latents - changing, latents))}


def warm_flat_linear(peak: float) -> Callable[[int], Weight]:
    """A learning rate that warms up (a tenth of the steps, at most 200), stays, and falls to 0 over the last 30 %.

    >>> [round(warm_flat_linear(0.02)(1000).at(step), 4) for step in (0, 50, 500, 850, 1000)]
    [0.0, 0.01, 0.02, 0.01, 0.0]
    """

    def schedule(steps: int) -> Weight:
        fall = max(1, int(0.3 * steps))
        return constant(peak) * ramp(0, 1, steps=min(200, max(1, steps // 10))) * ramp(1, 0, fall, begin=steps - fall)

    return schedule
