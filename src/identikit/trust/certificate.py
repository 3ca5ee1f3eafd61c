"""The certificate: what can be said of fitted latents without their truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from identikit.errors import InputError
from identikit.metrics import Score
from identikit.metrics.result import library_version, short
from identikit.trust.finding import Finding
from identikit.trust.verdict import Latent, counted_words
from identikit.writing import write_text

_SHOWN = 12
"""The most latents that are printed one by one."""


@dataclass(frozen=True)
class Certificate:
    """A prediction of scores that nobody can compute yet, and the evidence behind it.

    Attributes:
        method: what was fitted.
        run: position of the certified run among those handed over, and `seed` its seed.
        seed: of the certified run.
        data: fingerprint of the data of the fit.
        runs: how many runs were compared.
        n: number of held-out rows they were compared on.
        claims: what was to be certified of each block: `components`, `block` or `subspace`.
        verdict: `supported`, `doubtful` or `refused`, for the strongest of the claims.
        expected: the score to expect against the unseen truth: MCC for `components`, R2 for the others.
        reason: why, in words.
        advice: what to do about it.
        latents: the same for each latent.
        findings: what the checks of assumptions found.
        agreement: for each block, MCC of every other run with the certified one, beside its nulls.
        refit: for each block, MCC of every refitted run with the codes that made its data; empty where left out.
        parts: which parts of the evidence were gathered.
        seconds: what each part took.
        version: of identikit.
    """

    method: str
    run: int
    seed: int
    data: str
    runs: int
    n: int
    claims: dict[str, str]
    verdict: str
    expected: float
    reason: str
    advice: str
    latents: tuple[Latent, ...]
    findings: tuple[Finding, ...] = ()
    agreement: dict[str, tuple[Score, ...]] = field(default_factory=dict)
    refit: dict[str, tuple[Score, ...]] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    version: str = field(default_factory=library_version)

    def __getitem__(self, latent: str | int) -> Latent:
        """What is said of one latent, by position or name."""
        names = [one.name for one in self.latents]
        if latent in names:
            return self.latents[names.index(str(latent))]
        if not isinstance(latent, int) or not -len(names) <= latent < len(names):
            raise InputError(f"the certificate has no latent '{latent}': it has {names[0]} to {names[-1]}")
        return self.latents[latent]

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that do not keep their bound."""
        return tuple(finding for finding in self.findings if finding.ok is False)

    def __str__(self) -> str:
        score = "MCC" if "components" in self.claims.values() else "R2"
        lines = [
            f"{self.method}, seed {self.seed} of {self.runs} runs, {self.n} held-out rows, identikit {self.version}",
            f"verdict: {self.verdict.upper()} (expected {score} {short(self.expected)}): {self.reason}",
        ]
        lines += [f"to do: {self.advice}"] if self.advice else []
        lines += ["", *_columns(self._rows())]
        if self.agreement:
            lines += ["", "agreement of the other runs, block by block (MCC)"]
            lines += [f"  {name}: {_scores(scores)}" for name, scores in self.agreement.items() if scores]
        if self.refit:
            lines += ["refit: codes found again in data that this run has made (MCC)"]
            lines += [f"  {name}: {_scores(scores)}" for name, scores in self.refit.items() if scores]
        if self.findings:
            lines += ["", "assumptions"]
            marks = {True: "ok  ", False: "FAIL", None: "    "}
            lines += [
                f"  {marks[f.ok]} {f.name}: {f.says}" + (f"; wanted {f.bound}" if f.bound else "")
                for f in self.findings
            ]
        left = [part for part in ("agreement", "refit", "assumptions") if part not in self.parts]
        lines += [f"left out: {', '.join(left)}"] if left else []
        return "\n".join(lines)

    __repr__ = __str__

    def _rows(self) -> list[tuple[str, ...]]:
        """The table of latents; of blocks where there are many latents."""
        header = ("latent", "block", "claim", "agreement", "refit", "expected", "verdict", "state")
        if len(self.latents) <= _SHOWN:
            return [
                header,
                *(
                    (one.name, one.block, one.claim, _short(one.agreement), _short(one.refit), short(one.expected),
                     one.verdict, one.state)
                    for one in self.latents
                ),
            ]  # fmt: skip
        rows = [("block", "latents", "claim", "expected", "verdicts", "states")]
        for block in self.claims:
            of = [one for one in self.latents if one.block == block]
            mean = sum(one.expected for one in of) / len(of)
            verdicts, states = counted_words(o.verdict for o in of), counted_words(o.state for o in of if o.state)
            rows.append((block, str(len(of)), of[0].claim, short(mean), verdicts, states))
        return rows

    def json(self) -> dict[str, Any]:
        """The certificate as plain JSON values; `Certificate.parse` reads it back."""
        return asdict(self)

    @staticmethod
    def parse(value: Mapping[str, Any]) -> Certificate:
        """Rebuild a certificate from `Certificate.json()`."""
        scores = {
            part: {name: tuple(Score.parse(s) for s in of) for name, of in value[part].items()}
            for part in ("agreement", "refit")
        }
        latents = tuple(Latent(**one) for one in value["latents"])
        findings = tuple(Finding(**{**one, "latents": tuple(one["latents"])}) for one in value["findings"])
        rest = {"latents": latents, "findings": findings, "parts": tuple(value["parts"])}
        return Certificate(**{**value, **scores, **rest})

    def save(self, path: str | Path) -> Path:
        """Write the certificate as JSON, whole or not at all."""
        return write_text(path, json.dumps(self.json(), indent=1, allow_nan=False), "certificate")

    @staticmethod
    def load(path: str | Path) -> Certificate:
        """Read a certificate that `save` wrote.

        Raises:
            InputError: the file is missing or no certificate.
        """
        try:
            return Certificate.parse(json.loads(Path(path).read_text(encoding="utf-8")))
        except OSError as reason:
            raise InputError(f"{path} cannot be read: {reason.strerror}") from None
        except (json.JSONDecodeError, KeyError, TypeError) as reason:
            raise InputError(f"{path} is not a certificate that identikit saved ({reason})") from None


def _short(value: float | None) -> str:
    return "" if value is None else short(value)


def _scores(scores: tuple[Score, ...]) -> str:
    """The values from best to worst, and the nulls of the first."""
    values = ", ".join(short(score.value) for score in sorted(scores, key=lambda score: -score.value))
    nulls = ", ".join(f"{name} {null}" for name, null in scores[0].nulls.items())
    return values + (f" ({nulls})" if nulls else "")


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
