"""Published methods: one recipe in each file."""

from identikit.methods.autoencoder import autoencoder
from identikit.methods.beta_vae import beta_vae
from identikit.methods.claims import Verification, verify
from identikit.methods.composed import composed
from identikit.methods.imsda import imsda
from identikit.methods.ivae import ivae
from identikit.methods.vae import vae

__all__ = ["Verification", "autoencoder", "beta_vae", "composed", "imsda", "ivae", "vae", "verify"]
