"""`vae` for images.

Shapes: N pictures, M rows to train on, C channels, H height, W width, Z latent dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost, Suits
from augment.toolkit.gaussian_mixtures import Mixture, repeated_rows
from augment.toolkit.network_generator import ArrayGenerator, Parts
from augment_vae.tone import apply_tone, tone_curve

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from augment_vae.image_networks import Vae

MIN_STEPS, MIN_EPOCHS = 1_500, 40
AVERAGE_DECAY = 0.998
SHARPNESS_WEIGHT = 0.3  # times the square root of a picture's values, which the reconstruction loss grows with
WARM_UP = 0.1  # share of the steps over which beta rises from nothing
MAX_TONE_ROWS = 4_096
BATCH = 256  # of the passes after training, and of sampling


class ImageVae(ArrayGenerator):
    """Draws pictures, class by class, with a variational autoencoder (Kingma and Welling 2014).

    Latents are not drawn from the prior but from a mixture of Gaussians fitted to those of each class's pictures;
    classes with few pictures borrow the shape of the others. Greys are corrected by one tone curve. Quicker to learn
    than `gan`, steady with little data, and softer.
    """

    name = "vae"
    suits: ClassVar[tuple[Suits, ...]] = (Suits("image", rank=40, min_rows=200),)
    imports = ("torch",)
    accepts = Accepts(
        modalities=frozenset({"image"}),
        columns=frozenset(),
        targets=frozenset({"classes", "none"}),
        conditional="target",
    )

    class Params(plugin.Params):
        """Settings of the image VAE."""

        renamed: ClassVar = {"code_size": "latent_dim", "code_price": "beta", "rate": "learning_rate"}

        steps: int | None = Field(None, ge=1)
        """Training steps. By default 1,500, or forty times through the data where that is more."""
        batch_size: int = Field(128, ge=2)
        """Pictures per training step."""
        width: int = Field(512, ge=1)
        """Units of each hidden layer."""
        latent_dim: int = Field(16, ge=1)
        """How many numbers a picture is compressed to."""
        beta: float | None = Field(None, gt=0)
        """Weight of the KL divergence beside the reconstruction loss, both in nats (Higgins et al. 2017). More is
        smoother and less varied. By default from the size of the pictures, 0.16 for 8 x 8 grey ones up to 0.6 for large
        ones."""
        sharpness: float = Field(0.0, ge=0)
        """Weight of a second network that learns to tell drawn pictures from real ones by their details. 0 leaves it
        out; 1 to 10 bring back more and more of the texture that is smoothed away, for several times the time."""
        learning_rate: float = Field(1e-3, gt=0)
        """Learning rate, which falls to zero over the second half of the steps."""
        components: int = Field(16, ge=1)
        """Gaussians that a class may have at most."""
        rows_per_component: int = Field(50, ge=1)
        """A class has one Gaussian for each so many training rows."""

    sample_batch = BATCH
    mixture: Mixture
    curve: np.ndarray  # of tones

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured, without a critic: every pixel is tied to every unit of a layer."""
        num_values = math.prod(schema.arrays[schema.find_array("image")].shape)
        num_steps = params.steps or max(MIN_STEPS, MIN_EPOCHS * num_rows // params.batch_size)
        weights = num_values * params.width
        fit = num_steps * (1e-3 + 1.2e-10 * params.batch_size * weights) * (1 if params.sharpness == 0 else 5)
        return Cost(fit, row=1e-5 + 6e-11 * weights, memory=32.0 * weights)

    def fit(self, data: Dataset, context: Context) -> Self:
        import torch
        import torch.nn.functional as F

        from augment.toolkit.latents import warm_up
        from augment.toolkit.optimizers import Adam
        from augment.toolkit.training import autocast, channels_last, copy_weights, linear_decay, reproducible, train
        from augment_vae.image_networks import Critic

        params = self.params
        images, classes, rows = self._learn_schema(data)
        num_values = math.prod(images.shape[1:])
        full_beta = params.beta or default_beta(num_values)
        sharpness = params.sharpness * SHARPNESS_WEIGHT * math.sqrt(num_values)
        num_steps = params.steps or max(MIN_STEPS, MIN_EPOCHS * len(rows) // params.batch_size)
        with reproducible(context):
            device = torch.device(context.device)
            x_NHWC = torch.tensor(images, device=device)
            classes_N, rows_M = torch.tensor(classes, device=device), torch.tensor(rows, device=device)
            network = channels_last(self._network().to(device))
            optimizer = Adam(network.parameters(), lr=params.learning_rate, fused=True)
            modules: dict[str, torch.nn.Module] = {"network": network}
            optimizers = {"network": optimizer}
            critic = channels_last(Critic(images.shape[3]).to(device)) if params.sharpness else None
            if critic:
                modules["critic"] = critic
                optimizers["critic"] = Adam(critic.parameters(), lr=params.learning_rate, betas=(0.5, 0.99), fused=True)

            def step(number: int, batch: Tensor) -> dict[str, Tensor]:
                real, batch_classes = _pictures(x_NHWC[rows_M[batch]]), classes_N[rows_M[batch]]
                with autocast(context, on_cpu=True):
                    reconstruction, divergence, drawn = network.losses(real, batch_classes)
                losses = {"reconstruction loss": reconstruction, "KL divergence": divergence}
                loss = reconstruction + full_beta * warm_up(number, WARM_UP * num_steps) * divergence
                if critic:
                    critic.requires_grad_(False)
                    with autocast(context, on_cpu=True):
                        losses["adversarial loss"] = F.softplus(-critic(drawn)).mean()
                    loss = loss + sharpness * losses["adversarial loss"]
                    critic.requires_grad_(True)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                if critic:
                    losses["critic"] = critic.loss(real, drawn)
                    optimizers["critic"].zero_grad()
                    torch.autograd.backward(losses["critic"])
                    optimizers["critic"].step()
                return losses

            outcome = train(
                context,
                step,
                num_steps=num_steps,
                num_rows=len(rows),
                batch_size=params.batch_size,
                modules=modules,
                optimizers=optimizers,
                averages={"network": AVERAGE_DECAY},
                schedule=linear_decay(0.5),
            )
            self.weights = copy_weights(outcome.averaged["network"])
            self._fit_mixture(images, classes, context)
        return self

    def _fit_mixture(self, images: np.ndarray, classes: np.ndarray, context: Context) -> None:
        """Fit the mixture of latents and the tone curve, with the network as sampling has it."""
        import torch

        from augment.toolkit.latents import draw_latents

        params, counts, device = self.params, self.conditions.counts, context.device
        network = self._rebuilt(device)
        x_NHWC, classes_N = torch.tensor(images, device=device), torch.tensor(classes, device=device)
        rows = repeated_rows(classes, counts)
        with torch.inference_mode():
            batches = torch.split(torch.tensor(rows, device=device), BATCH)
            latents = torch.cat(
                [draw_latents(*network.encode(_pictures(x_NHWC[batch]), classes_N[batch])) for batch in batches]
            )
            self.mixture = Mixture.fit(
                latents.cpu().numpy(), classes[rows], counts, params.components, params.rows_per_component, context.rng
            )
            shown = context.rng.permutation(len(rows))[:MAX_TONE_ROWS]
            parts = torch.split(torch.tensor(shown, device=device), BATCH)
            shown_classes = torch.tensor(classes[rows], device=device)
            drawn = torch.cat([network.decode(latents[part], shown_classes[part]).sigmoid() for part in parts])
        self.curve = tone_curve(drawn.float().cpu().numpy(), images[rows[shown]])

    def _sampler(self, context: Context, random: torch.Generator) -> Callable[[np.ndarray], np.ndarray]:
        from augment.toolkit.training import autocast

        prior, network = self.mixture.prior(), self._rebuilt(context.device)

        def make(classes: np.ndarray) -> np.ndarray:
            with autocast(context, on_cpu=True):
                toned = self._decoded(network, prior(classes, random).to(context.device), classes)
            return toned.round().astype(np.uint8)

        return make

    def _decoded(self, network: Vae, latent_NZ: Tensor, classes: np.ndarray) -> np.ndarray:
        """Pictures with corrected greys, (N, H, W, C) in [0, 255]."""
        import torch

        x_NCHW = network.decode(latent_NZ, torch.tensor(classes, device=latent_NZ.device)).sigmoid()
        return apply_tone(self.curve, x_NCHW.permute(0, 2, 3, 1).float().cpu().numpy())

    def _network(self) -> Vae:
        from augment_vae.image_networks import Vae

        shape_HWC = self.schema.arrays[self.array_name].shape
        return Vae(shape_HWC, len(self.conditions.labels), self.params.width, self.params.latent_dim)

    def _rebuilt(self, device: str) -> Vae:
        from augment.toolkit.training import channels_last, rebuild

        return channels_last(rebuild(self._network, self.weights, device))

    def _parts(self) -> Parts:
        return {"mixture": vars(self.mixture), "tone": {"curve": self.curve}}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        self.mixture, self.curve = Mixture(**parts["mixture"]), parts["tone"]["curve"]


def default_beta(num_values: int) -> float:
    """Beta for pictures of so many values.

    One nat of KL divergence saves more reconstruction loss in a picture with more pixels, so small pictures need a
    lower weight, or their latents carry nothing and all pictures of a class look alike.
    """
    return min(0.6, 0.02 * math.sqrt(num_values))


def _pictures(x_NHWC: Tensor) -> Tensor:
    """uint8 to (N, C, H, W) in [0, 1]."""
    return x_NHWC.permute(0, 3, 1, 2).float() / 255
