"""The supervised encoder: what can be found of the latents where they, or something about them, are told."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.baselines import told_latents
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import changing_world, kernel_r2, spearman_mcc
from identikit.nets import MLP, Model
from identikit.objective import Objective
from identikit.tasks import Classification, Regression


class OwnScale(nn.Module):
    """A head that gives every latent a scale and a shift of its own, and mixes none.

    Args:
        latents: number of latents.

    >>> import torch
    >>> OwnScale(2)(torch.ones(3, 2)).shape
    torch.Size([3, 2])
    """

    batches_runs = True

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(latents))
        self.shift = nn.Parameter(torch.zeros(latents))

    def forward(self, code: Tensor) -> Tensor:
        """Map codes `(..., batch, latents)`."""
        return code * self.scale.unsqueeze(-2) + self.shift.unsqueeze(-2)


def recipe(schema: Schema, latents: int = 4, hidden: int = 32, numbers: int = 1) -> tuple[Model, Objective]:
    """Tell `y` from the code: a class, or `numbers` numbers, one from each latent where there are as many."""
    if numbers < 1:
        raise InputError(f"numbers says how many numbers y holds, 1 or more, not {numbers}")
    encoder, _ = coder(schema, latents, latents, hidden)
    if "y" in schema.names:
        task, head = Classification("y"), MLP(latents, schema.size("y"), 32, layers=1)
    else:
        task, head = Regression("y"), OwnScale(latents) if numbers == latents else MLP(latents, numbers, 32, layers=1)
    return Model(schema.shape, latents, encoder, heads={"y": head}, variational=False), Objective([(1.0, task)])


supervised = register(
    Method(
        name="supervised",
        title="Tell what is known of each row: an upper bound where that is the latents themselves.",
        paper="Rumelhart et al. 1986, doi 10.1038/323533a0",
        needs=("y",),
        claim=Claim(
            identifies="components",
            up_to="scale and shift of each, of the latents that y holds; nothing of what y does not tell",
            assumes=("y holds the latents, one number for each", "an injective mixing", "labelled rows enough"),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="holds: where y holds the four latents, each is found (Spearman MCC)",
                world=told_latents,
                options={"numbers": 4},
                metric=spearman_mcc,
                at_least=0.95,
            ),
            Check(
                says="broken: where y is a class of two, the code does not tell the latents (kernel R2)",
                world=changing_world,
                metric=kernel_r2,
                below=0.75,
            ),
        ),
    )
)
