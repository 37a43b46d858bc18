"""The torch training loop that every built-in generator shares.

    with reproducible(context):
        network = Network()
        optimizer = Adam(network.parameters(), lr=1e-3)

        def step(number, rows):  # rows (B,) int64: which training rows this step sees
            loss = network.loss(data[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"loss": loss}

        outcome = train(
            context, step, num_steps=2_000, num_rows=len(data), batch_size=64,
            modules={"network": network}, optimizers={"network": optimizer}, averages={"network": 0.998},
        )
        self.weights = copy_weights(outcome.averaged["network"])

What is unusual: a fit that was killed goes on from its last checkpoint and ends with the same bytes as one that was
not. So whatever changes from step to step must live in the modules, the optimizers or torch's random state; `step`
keeps nothing to itself. Checkpoints are written by the clock, which is harmless: writing one changes nothing.

Shapes: B rows of a batch, N training rows.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from augment.errors import DiskError, PluginError
from augment.plugin.context import Context, derive_seed
from augment.processor import has_bfloat16
from augment.toolkit.batches import Batches

__all__ = [
    "EarlyStopping",
    "Outcome",
    "autocast",
    "channels_last",
    "constant",
    "copy_weights",
    "cosine_decay",
    "linear_decay",
    "load_weights",
    "rebuild",
    "reproducible",
    "train",
]

NUM_RECORDS = 200  # progress is reported, and the losses recorded, about so many times in a fit
SECONDS_BETWEEN_CHECKPOINTS = 5.0

Network = TypeVar("Network", bound=nn.Module)
Schedule = Callable[[float], float]  # share of the steps done, in [0, 1) -> factor of the learning rate


@contextmanager
def reproducible(context: Context) -> Iterator[None]:
    """Inside, torch draws from a state seeded by the context and uses deterministic kernels; outside, nothing changes.

    Build networks inside as well: their first weights are drawn from torch's global random state.
    """
    device = torch.device(context.device)
    is_cuda = device.type == "cuda"
    if is_cuda:  # cuBLAS reads it when it starts, and is not deterministic without it
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    was_warning = torch.is_deterministic_algorithms_warn_only_enabled()
    seed = derive_seed(context.seed, "training")
    # not torch.manual_seed, which would seed every device of the machine
    with torch.random.fork_rng(devices=[device] if is_cuda else []):
        torch.default_generator.manual_seed(seed)
        if is_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
            torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            if is_cuda:
                torch.use_deterministic_algorithms(was_deterministic, warn_only=was_warning)


def autocast(context: Context, on_cpu: bool = False) -> torch.autocast:
    """Mixed precision in bfloat16 on GPUs that have it; elsewhere a context that does nothing.

    Args:
        context: of the fit or the sample; its device decides.
        on_cpu: on processors that have it too, which pays for convolutions and wide layers. The kind of processor is
            part of a result's key, so its bits do not come as a surprise.
    """
    kind = torch.device(context.device).type
    if kind == "cuda":
        usable = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        usable = on_cpu and kind == "cpu" and has_bfloat16()
    return torch.autocast(kind, torch.bfloat16, enabled=usable)


def constant(done: float) -> float:
    """The learning rate stays as it is."""
    return 1.0


def linear_decay(share: float) -> Schedule:
    """The learning rate falls in a straight line towards zero over the last `share` of the steps.

    >>> [linear_decay(0.5)(done) for done in (0.0, 0.5, 0.75)]
    [1.0, 1.0, 0.5]
    """
    return lambda done: min(1.0, (1.0 - done) / share)


def cosine_decay(done: float) -> float:
    """The learning rate falls along half a cosine towards zero (Loshchilov and Hutter 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * done))


@dataclass(frozen=True)
class EarlyStopping:
    """When to end a fit that no longer gets better on rows held back from it, and go back to the best weights.

    Attributes:
        measure: called with the modules of averaged weights by name; gives their loss on the rows held back.
        every: how many steps lie between two measures. Losses are recorded then, this one under `name`.
        patience: the fit ends after so many measures in a row that were no better than the best.
        name: what is measured, as people shall read it in the record.
        enough: a loss no higher than that is as good as any: the fit goes on, and the last such weights are the best.
    """

    measure: Callable[[Mapping[str, nn.Module]], Tensor]
    every: int
    patience: int
    name: str = "validation loss"
    enough: float = -math.inf


@dataclass(frozen=True)
class Outcome:
    """How a fit ended.

    Attributes:
        num_steps: how many steps were made.
        averaged: module name to the copy with averaged weights, in eval mode; with early stopping, the best ones.
    """

    num_steps: int
    averaged: dict[str, nn.Module]


@dataclass
class _State:
    """Everything that a resumed fit needs."""

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    averaged: Mapping[str, nn.Module]
    device: torch.device
    num_done: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)  # of the losses since they were last recorded
    num_summed: int = 0
    history: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    best: dict[str, np.ndarray] = field(default_factory=dict)  # averaged weights, by module and name
    best_loss: float = math.inf
    num_worse: int = 0  # measures since then

    def tensors(self) -> dict[str, np.ndarray]:
        tensors = {f"sum/{name}": _to_numpy(value) for name, value in self.sums.items()}
        tensors |= {f"best/{path}": value for path, value in self.best.items()}
        for kind, modules in (("module", self.modules), ("average", self.averaged)):
            for name, module in modules.items():
                tensors |= {f"{kind}/{name}/{key}": value for key, value in copy_weights(module).items()}
        for name, optimizer in self.optimizers.items():
            for index, entries in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer/{name}/{index}/{key}": _to_numpy(value) for key, value in entries.items()}
        tensors["random/cpu"] = torch.get_rng_state().numpy()
        if self.device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state(self.device).numpy()
        return tensors

    def values(self) -> dict[str, Any]:
        best_loss = self.best_loss if self.best else None  # JSON has no infinity
        return {
            "num_done": self.num_done,
            "num_summed": self.num_summed,
            "summed": list(self.sums),
            "history": self.history,
            "best_loss": best_loss,
            "num_worse": self.num_worse,
        }

    def restore(self, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> None:
        for kind, modules in (("module", self.modules), ("average", self.averaged)):
            for name, module in modules.items():
                load_weights(module, _below(tensors, f"{kind}/{name}/"))
        for name, optimizer in self.optimizers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for path, value in _below(tensors, f"optimizer/{name}/").items():
                index, key = path.split("/")
                state.setdefault(int(index), {})[key] = torch.tensor(value)
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
            for parameter, entries in optimizer.state.items():
                for key, moment in entries.items():
                    if key != "step":  # a fused optimizer pairs moments and weights by their places in memory
                        entries[key] = torch.empty_like(parameter).copy_(moment)
        self.sums = {name: torch.tensor(tensors[f"sum/{name}"]).to(self.device) for name in values["summed"]}
        self.num_done, self.num_summed = values["num_done"], values["num_summed"]
        self.history = [(step, losses) for step, losses in values["history"]]
        self.best, self.num_worse = _below(tensors, "best/"), values["num_worse"]
        self.best_loss = values["best_loss"] if self.best else math.inf
        torch.set_rng_state(torch.tensor(tensors["random/cpu"]))
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(torch.tensor(tensors["random/cuda"]), self.device)

    def add(self, losses: Mapping[str, Tensor]) -> None:
        for name, value in losses.items():
            self.sums[name] = self.sums[name] + value.detach() if name in self.sums else value.detach()
        self.num_summed += 1

    def judge(self, loss: float, enough: float) -> None:
        """Keep the averaged weights if they are good enough, or none before were as good."""
        self.num_worse += 1
        if loss < self.best_loss or loss <= enough:
            self.best_loss, self.num_worse = loss, 0
            self.best = {
                f"{name}/{key}": value
                for name, module in self.averaged.items()
                for key, value in copy_weights(module).items()
            }

    def record(self, more: Mapping[str, float]) -> dict[str, float]:
        losses = {name: float(value) / self.num_summed for name, value in self.sums.items()} | dict(more)
        wrong = [name for name, value in losses.items() if not math.isfinite(value)]
        if wrong:
            raise PluginError(
                f"training diverged: {' and '.join(wrong)} became infinite or not a number by step {self.num_done}; a "
                f"finite loss was expected: try a lower learning rate"
            )
        self.history.append((self.num_done, losses))
        self.sums, self.num_summed = {}, 0
        return losses


def train(
    context: Context,
    step: Callable[[int, Tensor], Mapping[str, Tensor]],
    *,
    num_steps: int,
    num_rows: int,
    batch_size: int,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    averages: Mapping[str, float] | None = None,
    schedule: Schedule = constant,
    stopping: EarlyStopping | None = None,
) -> Outcome:
    """Make `num_steps` steps, or as many as `stopping` allows. To be called inside `reproducible`.

    Args:
        context: of the fit; its progress and checkpoint are used.
        step: called as `step(number, rows)` with rows (B,) int64 on the context's device. It updates the weights and
            returns its losses, scalars under the same names each time.
        num_steps: how many steps a whole fit has.
        num_rows: N.
        batch_size: B.
        modules: everything with weights that `step` changes, by name.
        optimizers: everything that `step` updates them with, by name.
        averages: names of the modules to keep an exponential moving average of, with its decay per step. The average
            follows more quickly in the first steps, so that the first weights are soon forgotten.
        schedule: factor of every optimizer's learning rate.
        stopping: when to end before, by rows held back.

    Raises:
        PluginError: a loss is no longer finite.
    """
    started = saved = time.monotonic()
    wait = SECONDS_BETWEEN_CHECKPOINTS
    averages = averages or {}
    averaged = {name: copy.deepcopy(modules[name]).requires_grad_(False).eval() for name in averages}
    state = _State(modules, optimizers, averaged, torch.device(context.device))
    full_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers.values()]
    if checkpoint := context.checkpoint.load():
        state.restore(*checkpoint)
        for number, losses in state.history:  # so that the record is whole, whoever keeps it
            context.progress(number, num_steps, losses)
    batches = Batches(num_rows, batch_size, derive_seed(context.seed, "batches"))
    record_every = stopping.every if stopping else max(1, num_steps // NUM_RECORDS)

    def is_over() -> bool:
        return state.num_done == num_steps or (stopping is not None and state.num_worse >= stopping.patience)

    while not is_over():
        factor = schedule(state.num_done / num_steps)
        for optimizer, rates in zip(optimizers.values(), full_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        rows = torch.from_numpy(batches.rows(state.num_done)).to(context.device)
        state.add(step(state.num_done, rows))
        state.num_done += 1
        for name, decay in averages.items():
            _move_average(averaged[name], modules[name], min(decay, (1 + state.num_done) / (10 + state.num_done)))
        if state.num_done % record_every == 0 or state.num_done == num_steps:
            measured = {}
            if stopping:
                with torch.no_grad():
                    measured[stopping.name] = float(stopping.measure(averaged))
                state.judge(measured[stopping.name], stopping.enough)
            context.progress(state.num_done, num_steps, state.record(measured))
        now = time.monotonic()
        if now - saved >= wait or (is_over() and now - started >= SECONDS_BETWEEN_CHECKPOINTS):
            context.checkpoint.save(state.tensors(), state.values())
            saved = time.monotonic()
            # slow disks and large networks: it takes a twentieth of the time at most
            wait = SECONDS_BETWEEN_CHECKPOINTS * (1 + 4 * (saved - now))
    for name, module in averaged.items() if state.best else ():
        load_weights(module, _below(state.best, f"{name}/"))
    return Outcome(state.num_done, averaged)


@torch.no_grad()
def _move_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    for old, new in zip(average.state_dict().values(), module.state_dict().values(), strict=True):
        if old.is_floating_point():  # running statistics too: they belong to the weights
            old.lerp_(new, 1.0 - decay)
        else:
            old.copy_(new)


def copy_weights(module: nn.Module) -> dict[str, np.ndarray]:
    """A copy of a module's weights and buffers by name, for `write_state` or to come back to the best ones later."""
    return {name: _to_numpy(value) for name, value in module.state_dict().items()}


def load_weights(module: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """The inverse of `copy_weights`, into a module of the same architecture on any device."""
    module.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})


def rebuild(make: Callable[[], Network], weights: Mapping[str, np.ndarray], device: str) -> Network:
    """A module made anew with the weights of a fitted one, in eval mode. No random number is drawn.

    Raises:
        DiskError: the weights are not those of such a module.
    """
    with torch.device("meta"):
        module = make()
    try:
        module.load_state_dict({name: torch.tensor(value) for name, value in weights.items()}, assign=True)
    except RuntimeError as error:
        raise DiskError(
            "the stored weights do not fit the network of this version: they are damaged, or an earlier version stored "
            "them; fit the generator again"
        ) from error
    return module.to(device).eval()


def channels_last(module: Network) -> Network:
    """The same module, its weights in the memory format that convolutions are quickest in."""
    moved: Network = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's hints lack it
    return moved


def _to_numpy(value: Tensor) -> np.ndarray:
    array: np.ndarray = value.detach().cpu().numpy().copy()  # the copy matters on a CPU, where memory is shared
    return array


def _below(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
