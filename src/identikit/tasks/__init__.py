"""What the code must preserve: one term in each file."""

from identikit.tasks.classification import Classification, classification
from identikit.tasks.reconstruction import Reconstruction, bernoulli, gaussian
from identikit.tasks.regression import Regression, regression

__all__ = [
    "Classification",
    "Reconstruction",
    "Regression",
    "bernoulli",
    "classification",
    "gaussian",
    "regression",
]
