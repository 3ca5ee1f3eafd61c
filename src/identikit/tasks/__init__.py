"""What the code must preserve: one term in each file."""

from identikit.tasks.classification import Classification, classification
from identikit.tasks.reconstruction import Reconstruction, bernoulli, gaussian

__all__ = ["Classification", "Reconstruction", "bernoulli", "classification", "gaussian"]
