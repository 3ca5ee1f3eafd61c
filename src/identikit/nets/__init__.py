"""Encoders, decoders, flows, priors and the model they make: plain modules, no losses."""

from identikit.nets.code import Batch, Code
from identikit.nets.conv import ConvDecoder, ConvEncoder
from identikit.nets.edges import oriented_edges
from identikit.nets.flow import DomainFlow
from identikit.nets.grouped import Conv2d, ConvTranspose2d, Linear, Table
from identikit.nets.mask import Mask
from identikit.nets.mlp import MLP
from identikit.nets.model import BlockHead, Model, Seeing
from identikit.nets.paired import PairedModel
from identikit.nets.priors import ConditionalNormal, FlowPrior, Prior, StandardNormal
from identikit.nets.residual import ResidualTransition
from identikit.nets.scores import ComponentScores
from identikit.nets.transition import Transition

__all__ = [
    "MLP",
    "Batch",
    "BlockHead",
    "Code",
    "ComponentScores",
    "ConditionalNormal",
    "Conv2d",
    "ConvDecoder",
    "ConvEncoder",
    "ConvTranspose2d",
    "DomainFlow",
    "FlowPrior",
    "Linear",
    "Mask",
    "Model",
    "PairedModel",
    "Prior",
    "ResidualTransition",
    "Seeing",
    "StandardNormal",
    "Table",
    "Transition",
    "oriented_edges",
]
