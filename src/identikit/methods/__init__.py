"""Published methods: one recipe in each file."""

from identikit.methods.ada_gvae import ada_gvae
from identikit.methods.annealed_vae import annealed_vae
from identikit.methods.autoencoder import autoencoder
from identikit.methods.barlow_twins import barlow_twins
from identikit.methods.beta_tcvae import beta_tcvae
from identikit.methods.beta_vae import beta_vae
from identikit.methods.block_views import block_views
from identikit.methods.caring import caring
from identikit.methods.claims import Verification, verify
from identikit.methods.composed import composed
from identikit.methods.content_style import content_style
from identikit.methods.dann import dann
from identikit.methods.dip_vae import dip_vae
from identikit.methods.factor_vae import factor_vae
from identikit.methods.fast_ica import fast_ica
from identikit.methods.gcrl import gcrl
from identikit.methods.gumbel_vae import gumbel_vae
from identikit.methods.idol import idol
from identikit.methods.imsda import imsda
from identikit.methods.infonce import infonce
from identikit.methods.ivae import ivae
from identikit.methods.jacobian_sparsity import jacobian_sparsity
from identikit.methods.leap import leap
from identikit.methods.mae import mae
from identikit.methods.mechanism_sparsity import mechanism_sparsity
from identikit.methods.mmd import mmd
from identikit.methods.moment_matching import moment_matching
from identikit.methods.mosaic import influence, mosaic
from identikit.methods.multimodal import multimodal
from identikit.methods.nctrl import nctrl, regime_probabilities
from identikit.methods.pca import pca
from identikit.methods.pcl import pcl
from identikit.methods.qlae import qlae
from identikit.methods.random_encoder import random_encoder
from identikit.methods.sig import sig
from identikit.methods.slow_vae import slow_vae
from identikit.methods.source_only import source_only
from identikit.methods.supervised import supervised
from identikit.methods.tcl import tcl
from identikit.methods.tdrl import tdrl
from identikit.methods.vae import vae
from identikit.methods.vicreg import vicreg
from identikit.methods.vq_vae import vq_vae
from identikit.methods.xfactors import xfactors

__all__ = [
    "Verification",
    "ada_gvae",
    "annealed_vae",
    "autoencoder",
    "barlow_twins",
    "beta_tcvae",
    "beta_vae",
    "block_views",
    "caring",
    "composed",
    "content_style",
    "dann",
    "dip_vae",
    "factor_vae",
    "fast_ica",
    "gcrl",
    "gumbel_vae",
    "idol",
    "imsda",
    "influence",
    "infonce",
    "ivae",
    "jacobian_sparsity",
    "leap",
    "mae",
    "mechanism_sparsity",
    "mmd",
    "moment_matching",
    "mosaic",
    "multimodal",
    "nctrl",
    "pca",
    "pcl",
    "qlae",
    "random_encoder",
    "regime_probabilities",
    "sig",
    "slow_vae",
    "source_only",
    "supervised",
    "tcl",
    "tdrl",
    "vae",
    "verify",
    "vicreg",
    "vq_vae",
    "xfactors",
]
