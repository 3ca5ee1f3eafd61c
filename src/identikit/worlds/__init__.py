"""Generating processes with known truth: one file for each family."""

from identikit.worlds.actions import Actions
from identikit.worlds.arm import Arm
from identikit.worlds.auxiliary import Auxiliary
from identikit.worlds.base import World
from identikit.worlds.causal import CausalModel, Factor
from identikit.worlds.composition import Composition
from identikit.worlds.concept_domains import ConceptDomains
from identikit.worlds.content_bias import ContentBias
from identikit.worlds.coverage import active, composable, covered
from identikit.worlds.description import Assumption, Description
from identikit.worlds.discrete_hierarchy import DiscreteHierarchy
from identikit.worlds.domain_shift import DomainShift
from identikit.worlds.hierarchy import Hierarchy
from identikit.worlds.hierarchy_graphs import HierarchyGraph, balanced_tree
from identikit.worlds.interventions import Interventional
from identikit.worlds.label_graph import LabelGraph
from identikit.worlds.langevin import Langevin
from identikit.worlds.latent_scm import LatentSCM
from identikit.worlds.linear_environments import LinearEnvironments
from identikit.worlds.mixing import Mixing, draw_mixing
from identikit.worlds.mobile_robot import MobileRobot
from identikit.worlds.modalities import MultiModal
from identikit.worlds.mujoco import MujocoScene
from identikit.worlds.off_support import OffSupport
from identikit.worlds.pairs import Pairs
from identikit.worlds.panel import Panel
from identikit.worlds.physics import Physics
from identikit.worlds.raytracer import Rendering, render
from identikit.worlds.reasoning import ReasoningTraces
from identikit.worlds.scenes import Scenes
from identikit.worlds.selection import SelectionHierarchy
from identikit.worlds.sparse import SparseMechanisms
from identikit.worlds.streaming import reopen, stream
from identikit.worlds.strolls import Strolls
from identikit.worlds.temporal import Temporal
from identikit.worlds.tokamak import Tokamak
from identikit.worlds.traffic import Traffic
from identikit.worlds.views import MultiView

__all__ = [
    "Actions",
    "Arm",
    "Assumption",
    "Auxiliary",
    "CausalModel",
    "Composition",
    "ConceptDomains",
    "ContentBias",
    "Description",
    "DiscreteHierarchy",
    "DomainShift",
    "Factor",
    "Hierarchy",
    "HierarchyGraph",
    "Interventional",
    "LabelGraph",
    "Langevin",
    "LatentSCM",
    "LinearEnvironments",
    "Mixing",
    "MobileRobot",
    "MujocoScene",
    "MultiModal",
    "MultiView",
    "OffSupport",
    "Pairs",
    "Panel",
    "Physics",
    "ReasoningTraces",
    "Rendering",
    "Scenes",
    "SelectionHierarchy",
    "SparseMechanisms",
    "Strolls",
    "Temporal",
    "Tokamak",
    "Traffic",
    "World",
    "active",
    "balanced_tree",
    "composable",
    "covered",
    "draw_mixing",
    "render",
    "reopen",
    "stream",
]
