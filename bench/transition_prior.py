"""The transition prior of TDRL, its slopes carried beside the values, against the papers' own code.

Run: python bench/transition_prior.py [--peers DIR] [--repeats N]. Writes bench/results/transition_prior.json.

The peers are the code of TDRL and of NCTRL, from checkouts of your own (see bench/peers). All three are given the same
codes and the same weights: 64 sequences of 4 time points, 8 latents, two lags, one network for each latent with three
hidden layers of 64, and no embedding of domains. One step is forward and backward: residuals, log-determinants, minus
the mean log-density, and its gradients for the codes and every parameter. What each side does to lay out windows of
the sequences counts.

Also timed is `nets.Transition`, the increasing map that one network makes for all latents: another prior for the same
use, so its values are not compared.

Check: residuals, log-determinants and gradients, these relative to the largest of each, agree to 1e-9 in double
precision; in single precision, in which the times are taken, residuals do to 1e-5 and the differences of the others are
given (a slope near 0 loses its digits in the logarithm).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

import common
from identikit.nets import Transition
from identikit.nets.residual import ResidualTransition
from peers import checkouts, transition_priors

BATCH, LENGTH, LATENTS, LAGS, HIDDEN = 64, 4, 8, 2, 64
TOLERANCE, TOLERANCE_SINGLE = 1e-9, 1e-5

Step = tuple[Tensor, Tensor, list[Tensor]]


def ours(transition: nn.Module, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Residuals and one log-determinant for each sequence; the oldest past first, as the peers have it."""
    windows = codes.unfold(1, LAGS + 1, 1).transpose(-1, -2).flatten(0, 1)
    noise, log_slope = transition(windows[:, -1], windows[:, :-1])
    return noise.unflatten(0, (len(codes), -1)), log_slope.unflatten(0, (len(codes), -1)).sum((1, 2))


def theirs(prior: nn.Module, codes: Tensor) -> tuple[Tensor, Tensor]:
    """The same of a peer."""
    residuals, log_determinant = prior(codes)
    return residuals, log_determinant if log_determinant.dim() == 1 else log_determinant.sum(1)


def step(values: tuple[Tensor, Tensor], given: Iterable[Tensor]) -> Step:
    """Residuals, log-determinants, and gradients of minus the mean log-density."""
    residuals, log_determinant = values
    loss = (0.5 * residuals.square().sum((1, 2)) - log_determinant).mean()
    return residuals.detach(), log_determinant.detach(), list(torch.autograd.grad(loss, list(given)))


def differences(one: Step, other: Step, peer: nn.Module) -> dict[str, float]:
    """The largest difference of residuals, of log-determinants, and of gradients relative to the largest of each."""
    found = {"residuals": one[0] - other[0], "log-determinants": one[1] - other[1], "codes": _relative(one, other)}
    named = {name: float(part.abs().max()) for name, part in found.items()}
    # Their gradients in our layout: the same copy that gave us their weights.
    place = ResidualTransition(LATENTS, LAGS, HIDDEN, transition_priors.LAYERS, transition_priors.SLOPE).to(
        one[0].dtype
    )
    with torch.no_grad():
        kept = [p.clone() for p in peer.parameters()]
        for parameter, gradient in zip(peer.parameters(), other[2][1:], strict=True):
            parameter.copy_(gradient)
        transition_priors.copy_weights(peer, place)
        for parameter, value in zip(peer.parameters(), kept, strict=True):
            parameter.copy_(value)
    copied = [p.detach() for p in place.parameters()]
    gaps = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(one[2][1:], copied, strict=True)]
    named["gradients"] = max(named.pop("codes"), *gaps)
    return named


def _relative(one: Step, other: Step) -> Tensor:
    return (one[2][0] - other[2][0]) / other[2][0].abs().max()


def pair(name: str, dtype: torch.dtype) -> tuple[ResidualTransition, nn.Module, Tensor]:
    """Ours and a peer with the same weights, and codes."""
    torch.manual_seed(0)
    peer = transition_priors.prior(name, LAGS, LATENTS, HIDDEN).to(dtype)
    own = ResidualTransition(LATENTS, LAGS, HIDDEN, transition_priors.LAYERS, transition_priors.SLOPE).to(dtype)
    transition_priors.copy_weights(peer, own)
    return own, peer, torch.randn(BATCH, LENGTH, LATENTS, dtype=dtype, requires_grad=True)


def compare(name: str, dtype: torch.dtype) -> dict[str, float]:
    """One step of both sides, and how far apart they are."""
    own, peer, codes = pair(name, dtype)
    mine = step(ours(own, codes), [codes, *own.parameters()])
    other = step(theirs(peer, codes), [codes, *peer.parameters()])
    return differences(mine, other, peer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    checkouts.add_argument(parser)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    checkouts.look_in(given.peers)
    try:
        double = {name: compare(name, torch.double) for name in ("tdrl", "nctrl")}
    except checkouts.MissingError as error:
        print(error)
        return
    single = {name: compare(name, torch.float) for name in double}
    monotone = Transition(LATENTS, LAGS, HIDDEN)
    calls: dict[str, Callable[[], Step]] = {}
    for name in double:
        own, peer, codes = pair(name, torch.float)
        calls["ours"] = lambda t=own, z=codes: step(ours(t, z), [z, *t.parameters()])
        calls[name] = lambda t=peer, z=codes: step(theirs(t, z), [z, *t.parameters()])
        calls["increasing maps"] = lambda z=codes: step(ours(monotone, z), [z, *monotone.parameters()])
    times = common.measure(calls, given.repeats, calls=3)
    ratios = {
        name: {own: common.ratio(times[name], times[own]) for own in ("ours", "increasing maps")} for name in double
    }
    print("milliseconds of CPU time forward and backward, how many times faster ours is, and the largest differences")
    rows: list[tuple[object, ...]] = [("ours", 1e3 * times["ours"].median_cpu, *[""] * 5)]
    for name, ratio in ratios.items():
        spent, faster = 1e3 * times[name].median_cpu, ratio["ours"]["times_faster"]
        rows.append((name, spent, faster, *double[name].values(), max(single[name].values())))
    rows.append(("increasing maps", 1e3 * times["increasing maps"].median_cpu, *[""] * 5))
    common.table(("", "ms", "times", "residuals", "log-dets", "gradients", "single precision"), rows)
    commits = {name: checkouts.PEERS[name].commit for name in double}
    sizes = {"batch": BATCH, "length": LENGTH, "latents": LATENTS, "lags": LAGS, "hidden": HIDDEN, "hidden_layers": 3}
    result = {
        "tolerance": {"double": TOLERANCE, "single_residuals": TOLERANCE_SINGLE},
        "sizes": sizes,
        "commits": commits,
        "forward_and_backward": {name: own.json() for name, own in times.items()},
        "times_faster_than": ratios,
        "largest_difference": {"double": double, "single": single},
    }
    common.save("transition_prior", result)
    equal = all(value < TOLERANCE for found in double.values() for value in found.values())
    if not equal or any(found["residuals"] >= TOLERANCE_SINGLE for found in single.values()):
        raise SystemExit("the results differ, so the times say nothing")


if __name__ == "__main__":
    main()
