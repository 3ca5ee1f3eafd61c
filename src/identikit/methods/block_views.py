"""Content and style: what two views share is found as a block, by codes that agree and fill their space."""

from __future__ import annotations

from torch import Tensor, nn

from identikit.constraints.meet_views import MeetViews
from identikit.constraints.spread_codes import SpreadCodes
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims_views import content_and_style, shared_r2, still_style
from identikit.nets import Model
from identikit.objective import Objective


class InBox(nn.Module):
    """An encoder whose codes lie between 0 and 1."""

    batches_runs = True

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, *shape)`."""
        return self.net(x).sigmoid()


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, width: float = 0.1, alignment: float = 50.0
) -> tuple[Model, Objective]:
    """Bring two views' codes together in the unit box, and let the codes fill it."""
    encoder, _ = coder(schema, latents, latents, hidden)
    model = Model(schema.shape, latents, InBox(encoder), variational=False, also={"view": ()})
    return model, alignment * MeetViews() + SpreadCodes(width)


block_views = register(
    Method(
        name="block_views",
        title="Find what two views share as one block, by codes that agree and fill the unit box.",
        paper="von Kügelgen et al. 2021, arXiv 2106.04619",
        needs=("view",),
        claim=Claim(
            identifies="block",
            up_to="an invertible map of the block that both views share",
            assumes=(
                "shared latents are exactly the same in both views",
                "every other latent changes in some pairs",
                "as many latents in the code as are shared",
                "an injective smooth mixing, the same in both views",
            ),
        ),
        recipe=recipe,
        training={"batch": 128, "steps": 1500, "lr": warm_flat_linear(0.005)},
        checks=(
            Check(
                says="holds: three numbers tell the three latents that both views share (kernel R2)",
                world=content_and_style,
                options={"latents": 3},
                metric=shared_r2,
                at_least=0.85,
            ),
            Check(
                says="broken: where the other latents hardly move, the shared ones are not set apart (kernel R2)",
                world=still_style,
                options={"latents": 3},
                metric=shared_r2,
                below=0.8,
            ),
        ),
    )
)
