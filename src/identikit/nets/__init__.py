"""Encoders, decoders, flows, priors and the model they make: plain modules, no losses."""

from identikit.nets.additive import AdditiveDecoder
from identikit.nets.changing import ChangingNoise, KnownRegime, RegimeTransition
from identikit.nets.code import Batch, Code, Quantised
from identikit.nets.conv import ConvDecoder, ConvEncoder
from identikit.nets.coupling import Couplings
from identikit.nets.edges import oriented_edges
from identikit.nets.environments import EnvironmentPrior
from identikit.nets.flow import DomainFlow
from identikit.nets.gates import Gates
from identikit.nets.grouped import Conv2d, ConvTranspose2d, Linear, Table
from identikit.nets.heads import BlockHead
from identikit.nets.instant import InstantTransition
from identikit.nets.mask import Mask
from identikit.nets.mechanisms import Mechanisms
from identikit.nets.mlp import MLP
from identikit.nets.model import Model
from identikit.nets.paired import PairedModel
from identikit.nets.parts import Parts
from identikit.nets.priors import ConditionalNormal, FlowPrior, Prior, StandardNormal
from identikit.nets.quantise import Categories, Codebook, gumbel
from identikit.nets.residual import ResidualTransition
from identikit.nets.scores import ComponentScores
from identikit.nets.seeing import Seeing
from identikit.nets.told import ToldTransition
from identikit.nets.transition import Transition
from identikit.nets.vit import PatchDecoder, PatchEncoder, patches

__all__ = [
    "MLP",
    "AdditiveDecoder",
    "Batch",
    "BlockHead",
    "Categories",
    "ChangingNoise",
    "Code",
    "Codebook",
    "ComponentScores",
    "ConditionalNormal",
    "Conv2d",
    "ConvDecoder",
    "ConvEncoder",
    "ConvTranspose2d",
    "Couplings",
    "DomainFlow",
    "EnvironmentPrior",
    "FlowPrior",
    "Gates",
    "InstantTransition",
    "KnownRegime",
    "Linear",
    "Mask",
    "Mechanisms",
    "Model",
    "PairedModel",
    "Parts",
    "PatchDecoder",
    "PatchEncoder",
    "Prior",
    "Quantised",
    "RegimeTransition",
    "ResidualTransition",
    "Seeing",
    "StandardNormal",
    "Table",
    "ToldTransition",
    "Transition",
    "gumbel",
    "oriented_edges",
    "patches",
]
