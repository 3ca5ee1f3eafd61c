"""Methods as scikit-learn estimators; import this room yourself: `import identikit` leaves it out."""

from identikit.estimators.base import Estimator
from identikit.estimators.classifier import Classifier
from identikit.estimators.named import IMSDA, IVAE, VAE, Autoencoder, BetaVAE
from identikit.estimators.regressor import Regressor

__all__ = ["IMSDA", "IVAE", "VAE", "Autoencoder", "BetaVAE", "Classifier", "Estimator", "Regressor"]
