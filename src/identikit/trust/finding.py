"""What one check of an assumption has found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """The outcome of one check, in figures and in words.

    Attributes:
        name: of the check.
        value: the figure.
        says: what the figure is, in words.
        bound: what it should keep, in words; empty where it only informs.
        ok: whether it keeps the bound; None where there is none.
        fatal: whether a latent that fails it cannot be supported at all, rather than be doubted.
        advice: what to do where it is not kept.
        latents: positions of the latents that it is about.
        parts: the figure for each latent, domain or pair, by name.
    """

    name: str
    value: float
    says: str
    bound: str = ""
    ok: bool | None = None
    fatal: bool = False
    advice: str = ""
    latents: tuple[int, ...] = ()
    parts: dict[str, float] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return asdict(self)
