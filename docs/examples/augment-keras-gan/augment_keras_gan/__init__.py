"""Pictures from the classic GAN of dense layers, written in Keras 3 on its torch backend."""

import os

import numpy as np
from pydantic import Field

from augment import plugin
from augment.errors import PluginError
from augment.plugin import Accepts, hookimpl
from augment.toolkit.network_generator import ArrayGenerator


class KerasGan(ArrayGenerator):
    """Pictures from the classic GAN of dense layers (Goodfellow et al. 2014; Mirza and Osindero 2014), in Keras 3."""

    name = "keras-gan"
    origin = "noise"
    imports = ("torch",)  # not keras, which looks for its backend when it is imported
    accepts = Accepts(frozenset({"image"}), frozenset(), frozenset({"classes", "none"}), conditional="target")
    sample_batch = 64

    class Params(plugin.Params):
        steps: int = Field(3_000, ge=1)
        """Training steps."""
        batch_size: int = Field(64, ge=1)
        """Pictures per training step."""
        width: int = Field(128, ge=1)
        """Units of the generator's first layer; its second, and the discriminator's first, have twice as many."""
        latent_dim: int = Field(64, ge=1)
        """How many random numbers a picture is made from."""
        learning_rate: float = Field(2e-4, gt=0)
        """Learning rate of both networks."""

    def fit(self, data, context):
        import torch

        from augment.toolkit.optimizers import Adam
        from augment.toolkit.training import reproducible, train

        keras, params = _keras(), self.params
        images, classes, rows = self._learn_schema(data)
        with reproducible(context), keras.device(context.device):
            pixels = torch.tensor(images, device=context.device).flatten(1)[rows].float() / 127.5 - 1
            labels = torch.eye(len(self.conditions.labels), device=context.device)[classes[rows]]
            networks = {"generator": self._generator(), "discriminator": self._discriminator()}
            adam = {name: Adam(net.parameters(), params.learning_rate, (0.5, 0.999)) for name, net in networks.items()}
            is_real = keras.losses.BinaryCrossentropy(from_logits=True)

            def learn(name, loss):
                adam[name].zero_grad()
                loss.backward()
                adam[name].step()

            def step(number, batch):
                wanted, judge = labels[batch], networks["discriminator"]
                noise = torch.randn(len(batch), params.latent_dim, device=context.device)
                fake = networks["generator"](torch.cat([noise, wanted], 1))
                both = torch.cat([torch.cat([pixels[batch], fake.detach()]), torch.cat([wanted, wanted])], 1)
                truth = torch.repeat_interleave(torch.tensor([[1.0], [0.0]], device=context.device), len(batch), 0)
                learn("discriminator", found := is_real(truth, judge(both)))
                learn("generator", fooled := is_real(truth[: len(batch)], judge(torch.cat([fake, wanted], 1))))
                return {"discriminator": found.detach(), "generator": fooled.detach()}

            sizes = {"num_rows": len(rows), "batch_size": params.batch_size}
            train(context, step, num_steps=params.steps, **sizes, modules=networks, optimizers=adam)
            weights = [weight.value.detach().cpu().numpy() for weight in networks["generator"].weights]
        self.weights = {str(place): values for place, values in enumerate(weights)}
        return self

    def _generator(self):
        width, shape = self.params.width, self.schema.arrays[self.array_name].shape
        inputs = self.params.latent_dim + len(self.conditions.labels)
        return _dense("generator", inputs, width, 2 * width, int(np.prod(shape)), activation="tanh")

    def _discriminator(self):
        width, shape = self.params.width, self.schema.arrays[self.array_name].shape
        inputs = int(np.prod(shape)) + len(self.conditions.labels)
        return _dense("discriminator", inputs, 2 * width, width, 1, activation=None)

    def _sampler(self, context, random):
        import torch

        with _keras().device(context.device):
            network = self._generator()
            network.set_weights([self.weights[str(place)] for place in range(len(self.weights))])
        one_hot = torch.eye(len(self.conditions.labels))

        def make(classes):
            noise = torch.randn(len(classes), self.params.latent_dim, generator=random)
            drawn = network(torch.cat([noise, one_hot[classes]], 1).to(context.device))
            shape = self.schema.arrays[self.array_name].shape
            return ((drawn + 1) * 127.5).round().byte().cpu().numpy().reshape(-1, *shape)

        return make


def _dense(name, inputs, *widths, activation):
    """Dense layers. Their first weights have seeds from torch's state, for Keras would take them from Python's."""
    import torch

    keras, layers = _keras(), []
    for number, width in enumerate(widths):
        first = keras.initializers.GlorotUniform(seed=int(torch.randint(2**31, ())))
        bend = "leaky_relu" if number < len(widths) - 1 else activation
        layers.append(keras.layers.Dense(width, bend, kernel_initializer=first, name=f"dense{number}"))
    return keras.Sequential([keras.Input((inputs,)), *layers], name=name)


def _keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    if keras.backend.backend() != "torch":
        raise PluginError(f"keras-gan needs KERAS_BACKEND=torch; here Keras works with {keras.backend.backend()}")
    return keras


@hookimpl
def augment_components():
    return [KerasGan]
