"""The verdict: evidence on a latent, the score to expect of it, and what follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

SUPPORTED, DOUBTFUL, REFUSED = "supported", "doubtful", "refused"
VERDICTS = (SUPPORTED, DOUBTFUL, REFUSED)

ENOUGH, LITTLE = 0.9, 0.75
"""Expected scores from which a latent is supported, and below which it is refused."""


@dataclass(frozen=True)
class Latent:
    """What is said of one latent.

    Attributes:
        name: `z0`, `z1`, ... by position.
        block: that it belongs to.
        claim: what is claimed of that block.
        state: `stable`, `mixed within its block`, `mixed with other blocks`, `different in every run` or `dead`.
        agreement: how well the two runs that agree best with the certified one find it; None where it was left out.
        refit: how well it is found when it is known, in data that the certified run has made.
        expected: the score to expect against the unseen truth: the rank correlation for `components`, else R2.
        verdict: `supported`, `doubtful` or `refused`.
        reason: why, in words.
        advice: what to do about it; empty where it is supported.
    """

    name: str
    block: str
    claim: str
    state: str
    agreement: float | None
    refit: float | None
    expected: float
    verdict: str
    reason: str
    advice: str = ""

    def json(self) -> dict[str, Any]:
        """The latent as plain JSON values."""
        return asdict(self)


def judge(expected: float, fatal: bool, doubts: bool) -> str:
    """The verdict on an expected score.

    Args:
        expected: score to expect.
        fatal: whether an assumption without which nothing follows is broken.
        doubts: whether a lesser one is.

    >>> judge(0.97, fatal=False, doubts=False), judge(0.97, fatal=False, doubts=True), judge(0.97, True, False)
    ('supported', 'doubtful', 'refused')
    """
    if fatal or expected < LITTLE:
        return REFUSED
    return SUPPORTED if expected >= ENOUGH and not doubts else DOUBTFUL


def counted_words(words: Iterable[str]) -> str:
    """Each word and how often it is there, the most frequent first.

    >>> counted_words(["stable", "dead", "stable"])
    '2 stable, 1 dead'
    """
    counted: dict[str, int] = {}
    for word in words:
        counted[word] = counted.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in sorted(counted.items(), key=lambda item: -item[1]))
