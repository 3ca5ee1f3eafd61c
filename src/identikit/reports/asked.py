"""Section: what was asked of which method, and what the method claims."""

from __future__ import annotations

from collections import Counter

from identikit.engine import METHODS, Runs
from identikit.reports.case import Case
from identikit.reports.html import Html, bullets, facts, join, note, number, tag
from identikit.reports.plots import colour

RULES = {
    "last": "every run as it was after its last step; none was picked",
    "validation": "least loss on the validation rows",
    "independence": "of the better half by validation loss, the one whose latents depend least on each other",
    "agreement": "codes that agree best with those of the other seeds",
    "oracle": "ORACLE: the truth chose these runs, which nobody can do without it",
}


def asked(case: Case) -> Html:
    """One card for each method."""
    cards = [_card(name, runs, position) for position, (name, runs) in enumerate(case.runs.items())]
    other = [n for n, r in case.runs.items() if r.settings.data != case.data.fingerprint()]
    if other:
        cards.append(note(f"The data shown here is not the data that {', '.join(other)} was fitted on."))
    return join(*cards)


def rule(runs: Runs) -> Html:
    """How the runs were chosen, with a warning where the truth chose them."""
    said = RULES.get(runs.rule, runs.rule)
    if "oracle" in runs.rule.lower():
        return tag("span", said, kind="badge warn")
    if runs.settings.select == "validation" and runs.rule == "validation":
        said += " (within each run: the parameters of its best check)"
    return Html(said)


def swatch(position: int, name: str) -> Html:
    """A dot in the colour that a method has in every plot, and its name."""
    return Html(f'<span class="swatch" style="background:{colour(position)}"></span>{tag("span", name)}')


def _card(name: str, runs: Runs, position: int) -> Html:
    settings = runs.settings
    method = METHODS.get(settings.method)
    pairs: list[tuple[object, object]] = []
    if method is not None:
        pairs += [
            ("idea", method.title),
            ("claims to identify", f"{method.claim.identifies}, up to {method.claim.up_to}"),
            ("if", bullets(method.claim.assumes)),
            ("source", method.paper),
        ]
    else:
        pairs.append(("claims to identify", "nothing is stated: a model and an objective of your own"))
    pairs += [
        ("objective", tag("code", settings.objective)),
        ("trained", _trained(runs)),
        ("runs chosen by", rule(runs)),
        ("state of the runs", _states(runs)),
    ]
    return join(tag("h3", swatch(position, name)), facts(pairs))


def _trained(runs: Runs) -> str:
    settings = runs.settings
    seeds = f"{len(settings.seeds)} seed{'s' * (len(settings.seeds) > 1)}"
    words = [seeds, f"{settings.steps:,} steps", f"batches of {settings.batch}", f"learning rate {settings.lr}"]
    words += [f"{name} times {', '.join(map(number, values))}" for name, values in settings.sweep.items()]
    return "; ".join(words)


def _states(runs: Runs) -> Html:
    counts = Counter(run.status.split(" at ")[0] for run in runs.table)
    kinds = {"finished": "badge good", "stopped early": "badge good"}
    badges = [tag("span", f"{count} {state}", kind=kinds.get(state, "badge warn")) for state, count in counts.items()]
    odd = [f"seed {run.seed} {run.status}" for run in runs.table if run.status.startswith("diverged")]
    rest = f" {'; '.join(odd)}: kept as last validated." if odd else ""
    return Html(" ".join(badges) + tag("span", rest))
