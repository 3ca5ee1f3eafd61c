"""Published methods: one recipe in each file."""

from identikit.methods.autoencoder import autoencoder
from identikit.methods.imsda import imsda
from identikit.methods.vae import vae

__all__ = ["autoencoder", "imsda", "vae"]
