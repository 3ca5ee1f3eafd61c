"""What the code must preserve: one term in each file."""

from identikit.tasks.classification import Classification, classification
from identikit.tasks.contrast import Contrast, contrast
from identikit.tasks.masked_reconstruction import MaskedReconstruction, masked_gaussian
from identikit.tasks.next_step import NextStep, next_step
from identikit.tasks.permutation_contrast import PermutationContrast, permutation_contrast
from identikit.tasks.reconstruction import Reconstruction, bernoulli, gaussian
from identikit.tasks.regression import Regression, regression

__all__ = [
    "Classification",
    "Contrast",
    "MaskedReconstruction",
    "NextStep",
    "PermutationContrast",
    "Reconstruction",
    "Regression",
    "bernoulli",
    "classification",
    "contrast",
    "gaussian",
    "masked_gaussian",
    "next_step",
    "permutation_contrast",
    "regression",
]
