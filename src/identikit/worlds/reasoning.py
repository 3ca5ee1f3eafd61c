"""Reasoning as selection: hidden choices of modules, one after the other, that turn a question into a trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption

Skill = Callable[[np.ndarray], np.ndarray]

SKILLS: dict[str, Skill] = {
    "add one": lambda s: (s + 1) % 10,
    "add three": lambda s: (s + 3) % 10,
    "double": lambda s: (2 * s) % 10,
    "complement": lambda s: 9 - s,
    "reverse": lambda s: s[:, ::-1],
    "rotate": lambda s: np.roll(s, 1, axis=1),
    "sort": lambda s: np.sort(s, axis=1),
    "running sum": lambda s: s.cumsum(1) % 10,
}
"""Maps of digit strings (rows, length) to digit strings of the same length."""


def _part(columns: slice) -> Callable[[Skill, np.ndarray], np.ndarray]:
    def route(skill: Skill, s: np.ndarray) -> np.ndarray:
        found = s.copy()
        found[:, columns] = skill(s[:, columns])
        return found

    return route


ROUTINGS: dict[str, Callable[[Skill, np.ndarray], np.ndarray]] = {
    "whole": lambda skill, s: skill(s),
    "first half": lambda skill, s: _part(slice(0, s.shape[1] // 2))(skill, s),
    "second half": lambda skill, s: _part(slice(s.shape[1] // 2, None))(skill, s),
    "every other": _part(slice(0, None, 2)),
    "if even": lambda skill, s: np.where(s.sum(1, keepdims=True) % 2 == 0, skill(s), s),
    "twice": lambda skill, s: skill(skill(s)),
}
"""Ways to apply a skill to a string."""

_MOST_CHAINS = 100_000


@dataclass(frozen=True)
class ReasoningTraces(World):
    r"""Digit strings worked on step by step by a chain of chosen modules, some chains of which training never shows.

    A question is a string of digits :math:`s_0`. A chain of latent selections, at every step a skill and a routing, is
    drawn among those that meet a constraint, and makes the trace:

    .. math:: p(z) \propto 1[S(z) = 1], \qquad z_t = (\text{skill}_t, \text{routing}_t), \qquad
        s_t = \text{routing}_t(\text{skill}_t)(s_{t-1}).

    With `constrained`, S asks that no two steps in a row choose the same skill: no step causes another, and yet they
    are dependent. Training and validation rows hold the seen chains, test rows the others.

    Args:
        skills: names of `SKILLS`.
        routings: names of `ROUTINGS`: `twice` makes modules that cannot be told apart, such as to reverse twice and to
            complement twice.
        steps: number of selections in a chain.
        length: of a string.
        constrained: whether the constraint holds.
        seen: share of the chains that training shows, drawn so that every module is in one.
        named: whether the question names the modules of its chain (as one-hot codes; what they do is not told), or
            shows the string alone, so that the choice is hidden altogether.
        held_out: share of the rows that show unseen chains.
        seed: of the world: which chains are seen.

    Raises:
        InputError: an unknown name, a number out of its range, too many chains, or too few seen.

    Source: the data-generating part of From Reasoning Traces to Reusable Modules (arXiv 2606.18089), read in a note on
    the paper, with the selection of Deng et al. 2025 (arXiv 2510.08222); digits, skills, routings and the constraint
    are this library's choice.

    >>> data, truth = ReasoningTraces().sample(2_000)
    >>> data
    Dataset(2000 rows: question(30,), trace(12,); train 1422, validation 178, test 400)
    >>> truth.names
    ('skill 1', 'routing 1', 'skill 2', 'routing 2')
    """

    skills: tuple[str, ...] = tuple(SKILLS)
    routings: tuple[str, ...] = ("whole", "first half", "second half", "every other")
    steps: int = 2
    length: int = 6
    constrained: bool = True
    seen: float = 0.5
    named: bool = True
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for field, known in {"skills": SKILLS, "routings": ROUTINGS}.items():
            object.__setattr__(self, field, tuple(getattr(self, field)))
            for name in getattr(self, field):
                if name not in known:
                    raise unknown(field[:-1], name, known)
            if len(set(getattr(self, field))) < len(getattr(self, field)) or not getattr(self, field):
                raise InputError(f"{field} names one or more of {', '.join(known)}, each once")
        check_seed(self.seed)
        if self.steps < 1 or self.length < 4:
            raise InputError(f"steps is 1 or more and length 4 or more, not {self.steps} and {self.length}")
        if not 0 < self.seen < 1 or not 0 < self.held_out < 0.9:
            raise InputError(
                f"seen is between 0 and 1 and held_out between 0 and 0.9, not {self.seen:g} and {self.held_out:g}"
            )
        chains = (len(self.skills) * len(self.routings)) ** self.steps
        if chains > _MOST_CHAINS:
            raise InputError(f"{chains:,} chains are more than {_MOST_CHAINS:,}: lower steps, skills or routings")
        _ = self.seen_rows

    @cached_property
    def chains(self) -> np.ndarray:
        """(chains, 2 x steps) codes of the skill and the routing of every step, of all chains that are allowed."""
        step = product(range(len(self.skills)), range(len(self.routings)))
        found = np.array([sum(chain, ()) for chain in product(step, repeat=self.steps)])
        repeated = (found[:, 2::2] == found[:, :-2:2]).any(1)
        return found[~repeated] if self.constrained else found

    @cached_property
    def seen_rows(self) -> np.ndarray:
        """The rows of `chains` that training shows."""
        total, modules = len(self.chains), len(self.skills) * len(self.routings)
        count = round(self.seen * total)
        rng = np.random.default_rng([self.seed, 2])
        for _ in range(100):
            if not 1 <= count < total:
                break
            found = np.sort(rng.permutation(total)[:count])
            steps = self.chains[found].reshape(-1, 2)
            if len(np.unique(steps, axis=0)) == modules:
                return found
        raise InputError(
            f"seen={self.seen:g} of {total} chains are {count}: enough are needed to show all {modules} modules, and "
            f"not all of them"
        )

    def run(self, start: np.ndarray, chain: np.ndarray) -> np.ndarray:
        """Work the steps of chains on strings.

        Args:
            start: (rows, length) digits.
            chain: (rows, 2 x steps) codes, as in `chains`; fewer or more steps will do.

        Returns:
            The string after every step, (rows, steps, length) digits.
        """
        found, now = [], start
        for skills, routings in zip(chain[:, ::2].T, chain[:, 1::2].T, strict=True):
            after = now.copy()
            for skill, routing in np.unique(np.stack([skills, routings], 1), axis=0):
                rows = (skills == skill) & (routings == routing)
                after[rows] = ROUTINGS[self.routings[routing]](SKILLS[self.skills[skill]], now[rows])
            found.append(after)
            now = after
        return np.stack(found, axis=1)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows.

        Returns:
            `(data, truth)`: data with x a dict of `question`, the names of the chain's modules where it is named and
            the digits of the string, and `trace` (n, steps x length), the digits after every step; truth with the skill
            and the routing of every step, each kind as a block, and the label `chain` (the row of `chains`).
        """
        check_seed(seed)
        held = round(self.held_out * n)
        if held < 1 or n - held < 1:
            raise InputError(f"{n} rows are too few for rows of both seen and unseen chains")
        rng = np.random.default_rng([self.seed, seed, 1])
        unseen = np.setdiff1d(np.arange(len(self.chains)), self.seen_rows)
        code = np.concatenate([rng.choice(self.seen_rows, n - held), rng.choice(unseen, held)])
        split = np.concatenate(
            [make_split(n - held, fractions=(8 / 9, 1 / 9, 0), seed=seed), np.full(held, 2, np.int8)]
        )
        mixed = rng.permutation(n)
        code, split = code[mixed], split[mixed]
        chain, start = self.chains[code], rng.integers(0, 10, size=(n, self.length))
        trace = self.run(start, chain).reshape(n, -1)
        question, columns = self._question(start, chain)
        names = {
            "question": columns,
            "trace": tuple(f"digit {i} after step {t + 1}" for t in range(self.steps) for i in range(self.length)),
        }
        x = {"question": question.astype(np.float32), "trace": trace.astype(np.float32)}
        data = Dataset(x, {}, names, split, self.source(n, seed))
        truth = Truth(
            latents=chain.astype(float),
            names=tuple(f"{kind} {t + 1}" for t in range(self.steps) for kind in ("skill", "routing")),
            kinds=("discrete",) * chain.shape[1],
            blocks={"skills": tuple(range(0, chain.shape[1], 2)), "routings": tuple(range(1, chain.shape[1], 2))},
            graph=np.zeros((chain.shape[1],) * 2, dtype=np.int8),
            labels={"chain": code.astype(np.int64)},
            split=split,
        )
        return data, truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether steps are chosen independently, and every two modules differ in what they do."""
        modules = np.array(list(product(range(len(self.skills)), range(len(self.routings)))))
        strings = np.random.default_rng([self.seed, 3]).integers(0, 10, size=(200, self.length))
        done = [self.run(strings, np.broadcast_to(module, (200, 2))).tobytes() for module in modules]
        alike = len(done) - len(set(done))
        return [
            Assumption(
                "independent steps",
                not self.constrained or self.steps == 1,
                "a constraint selects the chains" if self.constrained else "every chain is as likely",
                measured=False,
            ),
            Assumption(
                "distinct modules",
                alike == 0,
                f"{alike} of {len(done)} modules do the same as another to each of 200 strings",
            ),
        ]

    def _question(self, start: np.ndarray, chain: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        digits = tuple(f"digit {i}" for i in range(self.length))
        if not self.named:
            return start, digits
        sizes = (len(self.skills), len(self.routings)) * self.steps
        hot = [chain[:, [i]] == np.arange(size) for i, size in enumerate(sizes)]
        names = tuple(f"step {t + 1}: {name}" for t in range(self.steps) for name in (*self.skills, *self.routings))
        return np.concatenate([*hot, start], axis=1), (*names, *digits)
