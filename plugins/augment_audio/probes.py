"""The probes of recordings: `spectral`, convolutional networks over time, and `mfcc`, statistics of cepstra.

Shapes: N recordings, T samples, W windows, B mel bands, C cepstral coefficients, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import Field, PositiveInt

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost, Probe, derive_seed
from augment.toolkit.audio.recordings import recordings_of, seconds_of
from augment.toolkit.audio.spectra import Windows, log_mel
from augment.toolkit.batches import full_batches
from augment.toolkit.feature_probe import LinearProbe, rows_with_target

if TYPE_CHECKING:
    import torch

PREDICT_BATCH = 64  # always full, the last one padded: a batch of another size gives other bits
NUM_COEFFICIENTS = 20
NUM_PARTS = 4  # of a recording, with a mean of their own
SCALE = 2.0  # nats: about the standard deviation of a normalised log-mel spectrum


class Spectral(Probe):
    """Small convolutional networks over time on log-mel spectra, trained for a fixed number of steps.

    A spectrum is normalised so that it forgets level and microphone. Three convolutions along time with the mel bands
    as channels, mean and maximum over time, one linear layer; the predictions of two such networks are averaged. AdamW;
    the learning rate rises for a tenth of the steps and falls along a cosine. Classes are learnt by cross-entropy, a
    numeric target by squared error. It hears the recordings only: other columns are not used.
    """

    name = "spectral"
    imports = ("torch",)
    accepts = Accepts(modalities=frozenset({"audio"}), targets=frozenset({"classes", "number"}))
    default_for = frozenset({"audio"})

    class Params(plugin.Params):
        """Settings of the probe `spectral`."""

        steps: PositiveInt = 300
        """Training steps of each network, whatever the number of rows."""
        batch_size: Annotated[int, Field(ge=2)] = 32
        """Rows a step."""
        learning_rate: Annotated[float, Field(gt=0)] = 6e-3
        """The highest learning rate."""
        networks: Annotated[int, Field(ge=1, le=10)] = 2
        """How many networks are trained and averaged."""

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured; most of it is the steps."""
        seconds = seconds_of(schema)
        step = 1.2e-3 + 8e-5 * params.batch_size * seconds
        return Cost(fit=params.networks * params.steps * step + 5e-4 * num_rows * seconds, row=1e-3 * seconds)

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        import torch

        self.schema, self.device = data.schema, context.device
        data, targets, weights = rows_with_target(self.name, data, weights)
        row_weights = np.ones(len(data)) if weights is None else weights * (len(data) / weights.sum())
        if self.schema.task == "number":
            self.target_mean, self.target_deviation = float(targets.mean()), float(targets.std()) or 1.0
            targets = (targets - self.target_mean) / self.target_deviation
        spectra_NBW = torch.from_numpy(_spectra(data)).to(self.device)
        with torch.random.fork_rng(devices=[]):  # torch's layers draw their first weights from the global state
            torch.default_generator.manual_seed(derive_seed(context.seed, "torch"))
            self.networks = [
                self._trained(spectra_NBW, targets, row_weights, rng) for rng in context.rng.spawn(self.params.networks)
            ]
        return self

    def _trained(
        self, spectra_NBW: torch.Tensor, targets: np.ndarray, weights: np.ndarray, rng: np.random.Generator
    ) -> torch.nn.Module:
        import torch

        from augment.toolkit.audio.network import OverTime
        from augment.toolkit.optimizers import AdamW

        params, is_number = self.params, self.schema.task == "number"
        network = OverTime(spectra_NBW.shape[1], 1 if is_number else len(self.schema.classes)).to(self.device).train()
        optimizer = AdamW(network.parameters(), lr=params.learning_rate, weight_decay=1e-2)
        dtype = torch.float32 if is_number else torch.int64
        all_targets = torch.tensor(targets, dtype=dtype, device=self.device)
        all_weights = torch.tensor(weights, dtype=torch.float32, device=self.device)
        for step, rows in enumerate(full_batches(len(targets), params.batch_size, params.steps, rng)):
            optimizer.param_groups[0]["lr"] = params.learning_rate * _rise_and_fall(step / params.steps)
            batch = torch.from_numpy(rows).to(self.device)
            outputs_NK = network(spectra_NBW[batch])
            if is_number:
                loss_N = (outputs_NK[:, 0] - all_targets[batch]) ** 2
            else:
                loss_N = torch.nn.functional.cross_entropy(outputs_NK, all_targets[batch], reduction="none")
            optimizer.zero_grad(set_to_none=True)
            (loss_N * all_weights[batch]).mean().backward()
            optimizer.step()
        return network.eval()

    def predict(self, data: Dataset) -> np.ndarray:
        import torch

        is_number = self.schema.task == "number"
        predicted = np.zeros((len(data), 1 if is_number else len(self.schema.classes)))
        spectra_NBW = _spectra(data)
        with torch.inference_mode():
            for start in range(0, len(data), PREDICT_BATCH):
                batch = spectra_NBW[start : start + PREDICT_BATCH]
                padded = np.pad(batch, [(0, PREDICT_BATCH - len(batch)), (0, 0), (0, 0)])
                x_NBW = torch.from_numpy(padded).to(self.device)
                for network in self.networks:
                    outputs_NK = network(x_NBW)[: len(batch)].double().cpu()
                    shares_NK = outputs_NK if is_number else outputs_NK.softmax(1)
                    predicted[start : start + len(batch)] += shares_NK.numpy() / len(self.networks)
        return predicted[:, 0] * self.target_deviation + self.target_mean if is_number else predicted


class Mfcc(LinearProbe):
    """Logistic regression, or ridge regression, on statistics of mel-frequency cepstral coefficients (MFCC).

    Of each of 20 coefficients (Davis and Mermelstein 1980) of the normalised log-mel spectrum: mean, standard
    deviation, largest, smallest, standard deviation of its change from window to window, and its mean in each quarter
    of the recording; beside them the length. It hears the recordings only.
    """

    name = "mfcc"
    accepts = Accepts(modalities=frozenset({"audio"}), targets=frozenset({"classes", "number"}))

    class Params(LinearProbe.Params):
        """How strongly the coefficients are regularised."""

        C: float = Field(default=0.1, gt=0)
        """Inverse of the strength of the L2 penalty; smaller is stronger."""

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured; most of it is the spectra."""
        row = 1e-3 * seconds_of(schema)
        return Cost(fit=0.1 + num_rows * (row + 2e-4), row=row)

    def _fit_features(self, data: Dataset, context: Context) -> None:
        features_NF = _statistics(data)
        deviation = features_NF.std(axis=0)
        self._moments = features_NF.mean(axis=0), np.where(deviation > 1e-6, deviation, 1)

    def _features(self, data: Dataset) -> np.ndarray:
        mean, deviation = self._moments
        result: np.ndarray = (_statistics(data) - mean) / deviation
        return result


def _spectra(data: Dataset) -> np.ndarray:
    """Normalised log-mel spectra as a network takes them, float32 (N, B, W)."""
    return np.ascontiguousarray((log_mel(*recordings_of(data)) / SCALE).transpose(0, 2, 1))


def _statistics(data: Dataset) -> np.ndarray:
    """float64 (N, 9 * C + 1)."""
    from scipy.fft import dct

    waves_NT, lengths, rate = recordings_of(data)
    cepstra_NWC = dct(log_mel(waves_NT, lengths, rate), axis=2, norm="ortho")[:, :, :NUM_COEFFICIENTS].astype(
        np.float64
    )
    windows = np.arange(cepstra_NWC.shape[1])
    last_N1 = np.maximum(lengths, 1)[:, np.newaxis] // Windows.at(rate).hop
    there_NW = windows <= last_N1
    part_NW = np.minimum(windows * NUM_PARTS // (last_N1 + 1), NUM_PARTS - 1)
    mean_NC = _mean(cepstra_NWC, there_NW)
    change_NWC = np.diff(cepstra_NWC, axis=1)
    change_NWC -= _mean(change_NWC, there_NW[:, 1:])[:, np.newaxis]
    parts = [
        mean_NC,
        np.sqrt(_mean((cepstra_NWC - mean_NC[:, np.newaxis]) ** 2, there_NW)),
        np.sqrt(_mean(change_NWC**2, there_NW[:, 1:])),
        np.where(there_NW[..., np.newaxis], cepstra_NWC, -np.inf).max(axis=1),
        np.where(there_NW[..., np.newaxis], cepstra_NWC, np.inf).min(axis=1),
        *(_mean(cepstra_NWC, there_NW & (part_NW == part)) for part in range(NUM_PARTS)),
        lengths[:, np.newaxis] / rate,
    ]
    return np.concatenate(parts, axis=1)


def _mean(values_NWC: np.ndarray, there_NW: np.ndarray) -> np.ndarray:
    """The mean over the windows that count, (N, C); 0 where none does."""
    total_NC = np.einsum("nwc,nw->nc", values_NWC, there_NW.astype(np.float64))
    result: np.ndarray = total_NC / np.maximum(there_NW.sum(axis=1), 1)[:, np.newaxis]
    return result


def _rise_and_fall(done: float, rise: float = 0.1) -> float:
    """Factor of the learning rate when a share of the steps is done."""
    if done < rise:
        return 0.04 + 0.96 * done / rise
    return float(0.5 * (1 + np.cos(np.pi * (done - rise) / (1 - rise))))
