"""The log-determinant of `nets.DomainFlow`, carried beside the value, against asking autograd for the Jacobian.

Run: python bench/flow.py [--repeats N]. Writes bench/results/flow.json.

Both sides take the log-determinants of the same rows under the same map with the same parameters, and the gradient of
their mean with respect to the rows and every parameter. The baseline is the usual way to get the log-determinant of a
map that does not bring its own: the Jacobian of every row by `torch.func.vmap(jacfwd)`. Of that Jacobian it takes the
log-diagonal, which knows that the map is component-wise, or `slogdet`, which does not. The parameters are made once for
each domain on both sides, and the baseline's map makes no log-derivative of its own.

The last columns are for a whole log-density, which needs the base values too; on the baseline's side they come from the
same pass as the Jacobian.

Check: log-determinants, and all gradients relative to the largest of each, agree to 1e-5.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import Tensor

import common
from identikit import nets
from identikit.nets.grouped import pick

DOMAINS = 9
BATCHES, COMPONENTS, SHAPES = (64, 256), (2, 8, 16), ((3, 1), (8, 2))
TOLERANCE = 1e-5

Map = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def baseline(flow: nets.DomainFlow, by_slogdet: bool) -> Map:
    """Base values and log-determinants `(batch,)`, with the Jacobian of each row from autograd."""

    def values(z: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        # The map alone, without the log-derivative that the flow would make beside it.
        for step in parameters.unbind(-2):
            slope, height, steepness, offset, shift = step.split([1, flow.units, flow.units, flow.units, 1], -1)
            bend = torch.tanh(torch.addcmul(offset, steepness, z.unsqueeze(-1)))
            z = torch.addcmul(shift.squeeze(-1), slope.squeeze(-1), z) + (height * bend).sum(-1)
        return z, z

    def mapped(z: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        parameters = pick(flow.parameters_by_domain(), domain)
        jacobian, base = torch.func.vmap(torch.func.jacfwd(values, has_aux=True))(z, parameters)
        if by_slogdet:
            return base, torch.linalg.slogdet(jacobian)[1]
        return base, jacobian.diagonal(dim1=1, dim2=2).log().sum(-1)

    return mapped


def ours(flow: nets.DomainFlow) -> Map:
    """Base values and log-determinants `(batch,)`, as the flow gives them."""

    def mapped(z: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        base, log_derivative = flow(z, domain)
        return base, log_derivative.sum(-1)

    return mapped


def step(
    mapped: Map, flow: nets.DomainFlow, z: Tensor, domain: Tensor, density: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """One forward and one backward pass: log-determinants, and the gradients of the rows and all parameters."""
    base, log_determinant = mapped(z, domain)
    loss = (log_determinant - 0.5 * base.square().sum(-1) if density else log_determinant).mean()
    gradients = torch.autograd.grad(loss, [z, *flow.parameters()])
    return log_determinant.detach(), list(gradients)


def gap(one: tuple[Tensor, list[Tensor]], other: tuple[Tensor, list[Tensor]]) -> float:
    """The largest difference of log-determinants, and of gradients relative to the largest of each."""
    gradients = [float((a - b).abs().max() / a.abs().max()) for a, b in zip(one[1], other[1], strict=True)]
    return max(float((one[0] - other[0]).abs().max()), *gradients)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    torch.manual_seed(0)
    rows, sizes = [], []
    for units, layers in SHAPES:
        for components in COMPONENTS:
            for batch in BATCHES:
                flow = nets.DomainFlow(components, DOMAINS, units=units, layers=layers)
                z, domain = torch.randn(batch, components, requires_grad=True), torch.randint(0, DOMAINS, (batch,))
                maps = {"ours": ours(flow), "diagonal": baseline(flow, False), "slogdet": baseline(flow, True)}
                calls = {n: lambda m=m, f=flow, z=z, d=domain: step(m, f, z, d) for n, m in maps.items()}
                for n in ("ours", "diagonal"):
                    calls[f"{n}, density"] = lambda m=maps[n], f=flow, z=z, d=domain: step(m, f, z, d, density=True)
                result = {name: call() for name, call in calls.items()}
                times = common.measure(calls, given.repeats, calls=20)
                pairs = {"diagonal": "ours", "slogdet": "ours", "diagonal, density": "ours, density"}
                differences = {slow: gap(result[fast], result[slow]) for slow, fast in pairs.items()}
                ratios = {slow: common.ratio(times[slow], times[fast]) for slow, fast in pairs.items()}
                size = {"units": units, "layers": layers, "components": components, "batch": batch}
                spent = [1e3 * times[n].median_cpu for n in ("ours", "diagonal", "slogdet")]
                gained = [ratios[n]["times_faster"] for n in pairs]
                rows.append((" ".join(f"{v:>4}" for v in size.values()), *spent, *gained, max(differences.values())))
                sizes.append(
                    {
                        **size,
                        "forward_and_backward": {n: own.json() for n, own in times.items()},
                        "times_faster_than": ratios,
                        "largest_difference": differences,
                    }
                )
    print("milliseconds of CPU time forward and backward, and how many times faster ours is")
    header = ("units layers components batch", "ours", "diagonal", "slogdet", "times", "times", "density", "difference")
    common.table(header, rows)
    common.save("flow", {"tolerance": TOLERANCE, "sizes": sizes})
    if not all(row[-1] < TOLERANCE for row in rows):
        raise SystemExit("the results differ, so the times say nothing")


if __name__ == "__main__":
    main()
