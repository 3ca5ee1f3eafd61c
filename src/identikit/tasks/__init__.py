"""What the code must preserve: one term in each file."""

from identikit.tasks.additive_reconstruction import AdditiveReconstruction, additive_reconstruction
from identikit.tasks.best_of import BestOf, best_of
from identikit.tasks.classification import Classification, classification
from identikit.tasks.contrast import Contrast, contrast
from identikit.tasks.masked_reconstruction import MaskedReconstruction, masked_gaussian
from identikit.tasks.next_step import NextStep, next_step
from identikit.tasks.permutation_contrast import PermutationContrast, permutation_contrast
from identikit.tasks.reconstruction import Reconstruction, bernoulli, gaussian
from identikit.tasks.regression import Regression, regression
from identikit.tasks.supervised_contrast import SupervisedContrast, supervised_contrast

__all__ = [
    "AdditiveReconstruction",
    "BestOf",
    "Classification",
    "Contrast",
    "MaskedReconstruction",
    "NextStep",
    "PermutationContrast",
    "Reconstruction",
    "Regression",
    "SupervisedContrast",
    "additive_reconstruction",
    "bernoulli",
    "best_of",
    "classification",
    "contrast",
    "gaussian",
    "masked_gaussian",
    "next_step",
    "permutation_contrast",
    "regression",
    "supervised_contrast",
]
