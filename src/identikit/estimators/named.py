"""Estimators of one method each, with the method's options as their parameters."""

from __future__ import annotations

from typing import Any

from identikit.estimators.base import Estimator
from identikit.estimators.classifier import Classifier


class Autoencoder(Estimator):
    """Gives rows back through a code of a few numbers.

    Args:
        latents: number of latents.
        hidden: width of the dense layers.
        n_init: see `Estimator`.
        select: see `Estimator`.
        validation_fraction: see `Estimator`.
        steps: see `Estimator`.
        batch: see `Estimator`.
        lr: see `Estimator`.
        device: see `Estimator`.
        random_state: see `Estimator`.
        verbose: see `Estimator`.

    Source: Hinton and Salakhutdinov 2006, doi 10.1126/science.1127647.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=3).sample(300, seed=0)
    >>> Autoencoder(latents=2, steps=20, random_state=0).fit_transform(data.x).shape
    (300, 2)
    """

    def __init__(
        self,
        *,
        latents: int = 4,
        hidden: int = 32,
        n_init: int = 1,
        select: str = "validation",
        validation_fraction: float = 0.1,
        steps: int | None = None,
        batch: int | None = None,
        lr: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            "autoencoder",
            n_init=n_init,
            select=select,
            validation_fraction=validation_fraction,
            steps=steps,
            batch=batch,
            lr=lr,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.latents = latents
        self.hidden = hidden


class VAE(Estimator):
    """A variational autoencoder: gives rows back through a code that looks like a standard normal.

    Args:
        latents: number of latents.
        hidden: width of the dense layers.
        noise: variance of the noise around the reconstruction, on standardised columns.
        n_init: see `Estimator`.
        select: see `Estimator`.
        validation_fraction: see `Estimator`.
        steps: see `Estimator`.
        batch: see `Estimator`.
        lr: see `Estimator`.
        device: see `Estimator`.
        random_state: see `Estimator`.
        verbose: see `Estimator`.

    Source: Kingma and Welling 2014, arXiv 1312.6114.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=3).sample(300, seed=0)
    >>> VAE(latents=2, steps=20, random_state=0).fit_transform(data.x).shape
    (300, 2)
    """

    def __init__(
        self,
        *,
        latents: int = 4,
        hidden: int = 32,
        noise: float = 0.02,
        n_init: int = 1,
        select: str = "validation",
        validation_fraction: float = 0.1,
        steps: int | None = None,
        batch: int | None = None,
        lr: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            "vae",
            n_init=n_init,
            select=select,
            validation_fraction=validation_fraction,
            steps=steps,
            batch=batch,
            lr=lr,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.latents = latents
        self.hidden = hidden
        self.noise = noise


class BetaVAE(Estimator):
    """A variational autoencoder with a heavier prior, which switches latents off that say little.

    Args:
        latents: number of latents.
        hidden: width of the dense layers.
        noise: variance of the noise around the reconstruction, on standardised columns.
        beta: weight of the prior.
        capacity: nats that the code may carry for free, reached after `capacity_steps`.
        capacity_steps: steps over which the capacity rises.
        n_init: see `Estimator`.
        select: see `Estimator`.
        validation_fraction: see `Estimator`.
        steps: see `Estimator`.
        batch: see `Estimator`.
        lr: see `Estimator`.
        device: see `Estimator`.
        random_state: see `Estimator`.
        verbose: see `Estimator`.

    Source: Higgins et al. 2017, openreview Sy2fzU9gl; capacity: Burgess et al. 2018, arXiv 1804.03599.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=3).sample(300, seed=0)
    >>> BetaVAE(latents=2, steps=20, random_state=0).fit_transform(data.x).shape
    (300, 2)
    """

    def __init__(
        self,
        *,
        latents: int = 4,
        hidden: int = 32,
        noise: float = 0.02,
        beta: float = 4.0,
        capacity: float | None = None,
        capacity_steps: int = 2_000,
        n_init: int = 1,
        select: str = "validation",
        validation_fraction: float = 0.1,
        steps: int | None = None,
        batch: int | None = None,
        lr: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            "beta_vae",
            n_init=n_init,
            select=select,
            validation_fraction=validation_fraction,
            steps=steps,
            batch=batch,
            lr=lr,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.latents = latents
        self.hidden = hidden
        self.noise = noise
        self.beta = beta
        self.capacity = capacity
        self.capacity_steps = capacity_steps


class IVAE(Estimator):
    """An identifiable variational autoencoder: the prior of every latent, and the encoder, know the domain.

    `fit` and `transform` need `sample_domain`.

    Args:
        latents: number of latents.
        hidden: width of the dense layers.
        beta: weight of the prior.
        n_init: see `Estimator`.
        select: see `Estimator`.
        validation_fraction: see `Estimator`.
        steps: see `Estimator`.
        batch: see `Estimator`.
        lr: see `Estimator`.
        device: see `Estimator`.
        random_state: see `Estimator`.
        verbose: see `Estimator`.

    Source: Khemakhem et al. 2020, arXiv 1907.04809.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(500, seed=0)
    >>> IVAE(latents=2, steps=20, random_state=0).fit_transform(data.x, sample_domain=data["domain"]).shape
    (500, 2)
    """

    def __init__(
        self,
        *,
        latents: int = 4,
        hidden: int = 32,
        beta: float = 0.02,
        n_init: int = 1,
        select: str = "validation",
        validation_fraction: float = 0.1,
        steps: int | None = None,
        batch: int | None = None,
        lr: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            "ivae",
            n_init=n_init,
            select=select,
            validation_fraction=validation_fraction,
            steps=steps,
            batch=batch,
            lr=lr,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.latents = latents
        self.hidden = hidden
        self.beta = beta


class IMSDA(Classifier):
    """Partial identifiability for domain adaptation: one block of the code changes with the domain, the other does not.

    `fit` needs `sample_domain`; labels are optional, and hidden ones are -1, NaN or None.

    Args:
        latents: number of latents.
        changing: how many of them, the last, change with the domain.
        hidden: width of the dense layers.
        beta: weight of the prior.
        capacity: nats that the code may carry for free, reached after `capacity_steps`.
        capacity_steps: steps over which the capacity rises.
        label_weight: weight of telling known labels.
        entropy_weight: weight of being sure of hidden ones.
        units: increasing units in each step of the prior's flow.
        layers: steps of the prior's flow.
        embedding: size of the embedding of a domain.
        n_init: see `Estimator`.
        select: see `Estimator`.
        validation_fraction: see `Estimator`.
        steps: see `Estimator`.
        batch: see `Estimator`.
        lr: see `Estimator`.
        device: see `Estimator`.
        random_state: see `Estimator`.
        verbose: see `Estimator`.

    Source: Kong et al. 2022, arXiv 2306.06510.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(500, seed=0)
    >>> adapted = IMSDA(steps=20, random_state=0).fit(data.x, data["y"], sample_domain=data["domain"])
    >>> adapted.get_feature_names_out().tolist()
    ['imsda_invariant0', 'imsda_invariant1', 'imsda_changing0', 'imsda_changing1']
    """

    def __init__(
        self,
        *,
        latents: int = 4,
        changing: int = 2,
        hidden: int = 32,
        beta: float = 0.02,
        capacity: float | None = None,
        capacity_steps: int = 2_000,
        label_weight: float = 0.6,
        entropy_weight: float = 0.02,
        units: int = 3,
        layers: int = 1,
        embedding: int = 8,
        n_init: int = 1,
        select: str = "validation",
        validation_fraction: float = 0.1,
        steps: int | None = None,
        batch: int | None = None,
        lr: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            "imsda",
            n_init=n_init,
            select=select,
            validation_fraction=validation_fraction,
            steps=steps,
            batch=batch,
            lr=lr,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.latents = latents
        self.changing = changing
        self.hidden = hidden
        self.beta = beta
        self.capacity = capacity
        self.capacity_steps = capacity_steps
        self.label_weight = label_weight
        self.entropy_weight = entropy_weight
        self.units = units
        self.layers = layers
        self.embedding = embedding
