"""`vae` for time series.

Shapes: N series, M rows to train on, B rows of a batch, C channels, T time steps, Z latent dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Context, Suits
from augment.toolkit.gaussian_mixtures import Mixture, repeated_rows
from augment.toolkit.network_generator import ArrayGenerator, Parts
from augment.toolkit.series_scaling import SeriesScaling

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from augment_vae.series_networks import SeriesNetwork

MIN_STEPS, MIN_EPOCHS = 1_000, 20
AVERAGE_DECAY = 0.99
WARM_UP = 0.1  # share of the steps over which beta rises from nothing
BATCH = 256  # of the passes after training, and of sampling
MAX_CORRELATION = 0.99  # of the noise with that of the time step before


class SeriesVae(ArrayGenerator):
    """Draws time series of one length, class by class, with a convolutional variational autoencoder.

    Latents are drawn from a mixture of Gaussians fitted to those of each class (Kingma and Welling 2014 draw them from
    the prior). What latents cannot say of a series, its fine noise, is added anew: as large and as lasting as the noise
    that was left of the training series, each channel by itself. Where it was measured, it was nearly as good as `gan`
    with some dozens of series of one channel, and behind `rnn` with thousands of many channels: easily told from real.
    """

    name = "vae"
    suits = (Suits("series", rank=40, min_rows=200),)
    imports = ("torch",)
    origin = "noise"
    accepts = Accepts(
        modalities=frozenset({"series"}),
        columns=frozenset(),
        targets=frozenset({"classes", "none"}),
        conditional="target",
        missing=False,
        min_rows=2,
    )

    class Params(plugin.Params):
        """Settings of the series VAE."""

        renamed: ClassVar = {"code_size": "latent_dim", "code_price": "beta", "rate": "learning_rate"}

        steps: int | None = Field(None, ge=1)
        """Training steps. By default 1,000, or twenty times through the data where that is more."""
        batch_size: int = Field(64, ge=2)
        """Series per training step."""
        width: int = Field(64, ge=1)
        """Channels of the convolutions."""
        latent_dim: int = Field(16, ge=1)
        """How many numbers a series is compressed to."""
        beta: float = Field(1.0, gt=0)
        """Weight of the KL divergence beside the reconstruction loss, both in nats (Higgins et al. 2017). More is
        smoother and less varied."""
        learning_rate: float = Field(2e-3, gt=0)
        """Learning rate, which falls to zero over the second half of the steps."""
        components: int = Field(16, ge=1)
        """Gaussians that a class may have at most."""
        rows_per_component: int = Field(50, ge=1)
        """A class has one Gaussian for each so many training rows."""

    sample_batch = BATCH
    scaling: SeriesScaling
    mixture: Mixture
    noise: np.ndarray  # see `_estimate_noise`

    def fit(self, data: Dataset, context: Context) -> Self:
        import torch

        from augment.toolkit.latents import draw_latents, warm_up
        from augment.toolkit.optimizers import Adam
        from augment.toolkit.training import copy_weights, linear_decay, rebuild, reproducible, train

        params, device = self.params, context.device
        series, classes, rows = self._learn_schema(data)
        self.scaling = SeriesScaling.fit(self.schema.arrays[self.array_name], series)
        x_NCT = self.scaling.encode(series)
        num_steps = params.steps or max(MIN_STEPS, MIN_EPOCHS * len(rows) // params.batch_size)
        with reproducible(context):
            x, classes_N, rows_M = (torch.tensor(values, device=device) for values in (x_NCT, classes, rows))
            network = self._network().to(device)
            optimizer = Adam(network.parameters(), lr=params.learning_rate, fused=True)

            def step(number: int, batch: Tensor) -> dict[str, Tensor]:
                reconstruction, divergence = network.losses(x[rows_M[batch]], classes_N[rows_M[batch]])
                beta = params.beta * warm_up(number, WARM_UP * num_steps)
                optimizer.zero_grad()
                torch.autograd.backward(reconstruction + beta * divergence)
                optimizer.step()
                return {"reconstruction loss": reconstruction, "KL divergence": divergence}

            outcome = train(
                context,
                step,
                num_steps=num_steps,
                num_rows=len(rows),
                batch_size=params.batch_size,
                modules={"network": network},
                optimizers={"network": optimizer},
                averages={"network": AVERAGE_DECAY},
                schedule=linear_decay(0.5),
            )
            self.weights = copy_weights(outcome.averaged["network"])

            network = rebuild(self._network, self.weights, device)
            coded = repeated_rows(classes, self.conditions.counts)
            with torch.inference_mode():
                batches = torch.split(torch.tensor(coded, device=device), BATCH)
                latents = [draw_latents(*network.encode(x[batch], classes_N[batch])) for batch in batches]
                decoded = [
                    network.decode(latent, classes_N[batch]) for latent, batch in zip(latents, batches, strict=True)
                ]
            latents_MZ, decoded_MCT = torch.cat(latents).cpu().numpy(), torch.cat(decoded).cpu().numpy()
        self.mixture = Mixture.fit(
            latents_MZ,
            classes[coded],
            self.conditions.counts,
            params.components,
            params.rows_per_component,
            context.rng,
        )
        self.noise = _estimate_noise(x_NCT[coded] - decoded_MCT)
        return self

    def _sampler(self, context: Context, random: torch.Generator) -> Callable[[np.ndarray], np.ndarray]:
        import torch

        from augment.toolkit.training import rebuild

        prior = self.mixture.prior()
        deviation_C1, correlation_C = torch.tensor(self.noise[0])[:, None], torch.tensor(self.noise[1])
        fresh_C = (1 - correlation_C.square()).sqrt()
        network = rebuild(self._network, self.weights, context.device)

        def make(classes: np.ndarray) -> np.ndarray:
            latent_BZ = prior(classes, random)
            noise_BCT = torch.randn(len(classes), *self._shape_CT, generator=random)
            for step in range(1, self._shape_CT[1]):
                noise_BCT[..., step] = correlation_C * noise_BCT[..., step - 1] + fresh_C * noise_BCT[..., step]
            decoded = network.decode(latent_BZ.to(context.device), torch.tensor(classes, device=context.device))
            return self.scaling.decode((decoded.cpu() + deviation_C1 * noise_BCT).numpy())

        return make

    @property
    def _shape_CT(self) -> tuple[int, int]:
        return sum(self.scaling.sizes), self.schema.arrays[self.array_name].shape[0]

    def _network(self) -> SeriesNetwork:
        from augment_vae.series_networks import SeriesNetwork

        return SeriesNetwork(self._shape_CT, len(self.conditions.labels), self.params.width, self.params.latent_dim)

    def _parts(self) -> Parts:
        return {"mixture": vars(self.mixture), "noise": {"channels": self.noise}}

    def _values(self) -> dict[str, Any]:
        return {"scaling": self.scaling.to_state()}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        array = self.schema.arrays[self.array_name]
        self.scaling = SeriesScaling.from_state(array, values["scaling"])
        self.mixture, self.noise = Mixture(**parts["mixture"]), parts["noise"]["channels"]


def _estimate_noise(left_MCT: np.ndarray) -> np.ndarray:
    """What is left of series: its standard deviation in each channel, and its correlation with the time step before.

    Returns:
        (2, C) float32.
    """
    left = left_MCT.astype(np.float64)
    variance = (left**2).mean((0, 2))
    covariance = (left[..., 1:] * left[..., :-1]).sum((0, 2)) / max(1, left.shape[0] * (left.shape[2] - 1))
    correlation = np.clip(covariance / np.maximum(variance, np.finfo(float).tiny), 0, MAX_CORRELATION)
    return np.stack([np.sqrt(variance), correlation]).astype(np.float32)
