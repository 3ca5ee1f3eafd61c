"""Published methods: one recipe in each file."""

from identikit.methods.ada_gvae import ada_gvae
from identikit.methods.annealed_vae import annealed_vae
from identikit.methods.autoencoder import autoencoder
from identikit.methods.barlow_twins import barlow_twins
from identikit.methods.beta_tcvae import beta_tcvae
from identikit.methods.beta_vae import beta_vae
from identikit.methods.block_views import block_views
from identikit.methods.claims import Verification, verify
from identikit.methods.composed import composed
from identikit.methods.dip_vae import dip_vae
from identikit.methods.factor_vae import factor_vae
from identikit.methods.fast_ica import fast_ica
from identikit.methods.imsda import imsda
from identikit.methods.infonce import infonce
from identikit.methods.ivae import ivae
from identikit.methods.pca import pca
from identikit.methods.pcl import pcl
from identikit.methods.random_encoder import random_encoder
from identikit.methods.slow_vae import slow_vae
from identikit.methods.supervised import supervised
from identikit.methods.tcl import tcl
from identikit.methods.tdrl import tdrl
from identikit.methods.vae import vae
from identikit.methods.vicreg import vicreg

__all__ = [
    "Verification",
    "ada_gvae",
    "annealed_vae",
    "autoencoder",
    "barlow_twins",
    "beta_tcvae",
    "beta_vae",
    "block_views",
    "composed",
    "dip_vae",
    "factor_vae",
    "fast_ica",
    "imsda",
    "infonce",
    "ivae",
    "pca",
    "pcl",
    "random_encoder",
    "slow_vae",
    "supervised",
    "tcl",
    "tdrl",
    "vae",
    "verify",
    "vicreg",
]
