"""Recurrent cells whose gradient through time is written out.

A cell takes what its gates get from outside, for all steps at once, and adds what comes from its own state step by
step. Where `keep` is 0 the state is forgotten before a step: there a new sequence begins.

What is unusual: the backward pass collects the gradients of all steps and multiplies them with the weights' inputs
once, which automatic differentiation does step by step, for half the speed.

Shapes: T steps, B sequences side by side, H hidden units, G inputs of the gates, S numbers of a state, of which the
first H are what the cell shows.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.autograd import Function

__all__ = ["CELLS", "Cell", "CellName", "Gru", "Lstm", "MinGru"]

CellName = Literal["gru", "lstm", "mingru"]


class Cell(nn.Module, ABC):
    """What the cells have in common.

    Attributes:
        num_gates: G.
        num_state: S.
    """

    gates_per_unit: ClassVar[int]
    states_per_unit: ClassVar[int] = 1

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.num_gates, self.num_state = self.gates_per_unit * width, self.states_per_unit * width

    @abstractmethod
    def scan(self, gates_TBG: Tensor, keep_TB: Tensor, state_BS: Tensor) -> Tensor:
        """The states after each step, (T, B, S)."""

    @abstractmethod
    def move(self, state_BS: Tensor, gates_BG: Tensor) -> Tensor:
        """The state after one more step, (B, S). No gradient."""


class _LstmScan(Function):
    @staticmethod
    def forward(ctx: Any, gates_TBG: Tensor, keep_TB: Tensor, state_BS: Tensor, weight_HG: Tensor) -> Tensor:
        num_steps, size, num_gates = gates_TBG.shape
        width = num_gates // 4
        befores, states = (gates_TBG.new_empty(num_steps, size, 2 * width) for _ in range(2))
        tanhs = gates_TBG.new_empty(num_steps, size, width)
        opened_TBG = torch.empty_like(gates_TBG)
        state = state_BS
        for step in range(num_steps):
            before = torch.mul(state, keep_TB[step, :, None], out=befores[step])
            gates = torch.addmm(gates_TBG[step], before[:, :width], weight_HG, out=opened_TBG[step])
            gates[:, : 3 * width].sigmoid_()
            gates[:, 3 * width :].tanh_()
            let_in, forget, out, new = gates.chunk(4, 1)
            state = states[step]
            torch.mul(before[:, width:], forget, out=state[:, width:]).addcmul_(let_in, new)
            torch.tanh(state[:, width:], out=tanhs[step])
            torch.mul(tanhs[step], out, out=state[:, :width])
        ctx.save_for_backward(opened_TBG, keep_TB, befores, tanhs, weight_HG)
        return states

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        opened_TBG, keep_TB, befores, tanhs, weight_HG = ctx.saved_tensors
        num_steps, _, num_gates = opened_TBG.shape
        width = num_gates // 4
        weight_GH = weight_HG.T.contiguous()
        grad_gates = torch.empty_like(opened_TBG)
        flow = torch.zeros_like(befores[0])
        for step in reversed(range(num_steps)):
            flow += grads[0][step]
            let_in, forget, out, new = opened_TBG[step].chunk(4, 1)
            to_in, to_forget, to_out, to_new = grad_gates[step].chunk(4, 1)
            hidden, tanh = flow[:, :width], tanhs[step]
            memory = flow[:, width:].addcmul_(hidden * out, 1 - tanh * tanh)
            torch.mul(memory * new, let_in * (1 - let_in), out=to_in)
            torch.mul(memory * befores[step, :, width:], forget * (1 - forget), out=to_forget)
            torch.mul(hidden * tanh, out * (1 - out), out=to_out)
            torch.mul(memory * let_in, 1 - new * new, out=to_new)
            memory.mul_(forget)
            torch.mm(grad_gates[step], weight_GH, out=flow[:, :width])
            flow *= keep_TB[step, :, None]
        grad_weight = befores[:, :, :width].reshape(-1, width).T @ grad_gates.view(-1, num_gates)
        return grad_gates, None, flow, grad_weight


class Lstm(Cell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; Gers et al. 2000)."""

    gates_per_unit, states_per_unit = 4, 2  # in, forget, out, new; what is shown and what is remembered

    def __init__(self, width: int):
        super().__init__(width)
        self.weight_HG = nn.Parameter(torch.empty(width, 4 * width).uniform_(-1, 1) / math.sqrt(width))
        bias_G = torch.zeros(4 * width)
        bias_G[width : 2 * width] = 1.0  # begins by remembering (Jozefowicz et al. 2015)
        self.bias_G = nn.Parameter(bias_G)

    def scan(self, gates_TBG: Tensor, keep_TB: Tensor, state_BS: Tensor) -> Tensor:
        states: Tensor = _LstmScan.apply(gates_TBG + self.bias_G, keep_TB, state_BS, self.weight_HG)  # type: ignore[no-untyped-call]
        return states

    def move(self, state_BS: Tensor, gates_BG: Tensor) -> Tensor:
        width = self.width
        gates = torch.addmm(gates_BG + self.bias_G, state_BS[:, :width], self.weight_HG)
        let_in, forget, out = gates[:, : 3 * width].sigmoid_().chunk(3, 1)
        memory = torch.addcmul(state_BS[:, width:] * forget, let_in, gates[:, 3 * width :].tanh_())
        return torch.cat([memory.tanh() * out, memory], 1)


class _GruScan(Function):
    @staticmethod
    def forward(
        ctx: Any, gates_TBG: Tensor, keep_TB: Tensor, state_BH: Tensor, weight_HG: Tensor, bias_G: Tensor
    ) -> Tensor:
        num_steps, size, num_gates = gates_TBG.shape
        width = num_gates // 3
        befores, states, recalled = (gates_TBG.new_empty(num_steps, size, width) for _ in range(3))
        opened_TBG = torch.empty_like(gates_TBG)
        state = state_BH
        own = gates_TBG.new_empty(size, num_gates)
        for step in range(num_steps):
            before = torch.mul(state, keep_TB[step, :, None], out=befores[step])
            torch.addmm(bias_G, before, weight_HG, out=own)
            gates = opened_TBG[step]
            both = torch.add(gates_TBG[step, :, : 2 * width], own[:, : 2 * width], out=gates[:, : 2 * width])
            reset, stay = both.sigmoid_().chunk(2, 1)
            recalled[step] = own[:, 2 * width :]
            new = torch.addcmul(gates_TBG[step, :, 2 * width :], reset, recalled[step], out=gates[:, 2 * width :])
            state = torch.lerp(new.tanh_(), before, stay, out=states[step])
        ctx.save_for_backward(opened_TBG, keep_TB, befores, recalled, weight_HG)
        return states

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        opened_TBG, keep_TB, befores, recalled, weight_HG = ctx.saved_tensors
        num_steps, _, num_gates = opened_TBG.shape
        width = num_gates // 3
        weight_GH = weight_HG.T.contiguous()
        grad_gates, grad_own = torch.empty_like(opened_TBG), torch.empty_like(opened_TBG)
        flow = torch.zeros_like(befores[0])
        for step in reversed(range(num_steps)):
            flow += grads[0][step]
            reset, stay, new = opened_TBG[step].chunk(3, 1)
            to_reset, to_stay, to_new = grad_gates[step].chunk(3, 1)
            torch.mul(flow * (befores[step] - new), stay * (1 - stay), out=to_stay)
            torch.mul(flow * (1 - stay), 1 - new * new, out=to_new)
            torch.mul(to_new * recalled[step], reset * (1 - reset), out=to_reset)
            grad_own[step, :, : 2 * width] = grad_gates[step, :, : 2 * width]
            torch.mul(to_new, reset, out=grad_own[step, :, 2 * width :])
            flow = torch.addmm(flow * stay, grad_own[step], weight_GH).mul_(keep_TB[step, :, None])
        grad_weight = befores.view(-1, width).T @ grad_own.view(-1, num_gates)
        return grad_gates, None, flow, grad_weight, grad_own.sum((0, 1))


class Gru(Cell):
    """Gated recurrent unit (Cho et al. 2014), the reset after the product."""

    gates_per_unit = 3  # reset, stay, new

    def __init__(self, width: int):
        super().__init__(width)
        self.weight_HG = nn.Parameter(torch.empty(width, 3 * width).uniform_(-1, 1) / math.sqrt(width))
        self.bias_G = nn.Parameter(torch.zeros(3 * width))

    def scan(self, gates_TBG: Tensor, keep_TB: Tensor, state_BS: Tensor) -> Tensor:
        states: Tensor = _GruScan.apply(gates_TBG, keep_TB, state_BS, self.weight_HG, self.bias_G)  # type: ignore[no-untyped-call]
        return states

    def move(self, state_BS: Tensor, gates_BG: Tensor) -> Tensor:
        own = torch.addmm(self.bias_G, state_BS, self.weight_HG)
        both = 2 * self.width
        reset, stay = (gates_BG[:, :both] + own[:, :both]).sigmoid_().chunk(2, 1)
        new = torch.addcmul(gates_BG[:, both:], reset, own[:, both:]).tanh_()
        return torch.lerp(new, state_BS, stay)


class _MinGruScan(Function):
    @staticmethod
    def forward(ctx: Any, stay_TBH: Tensor, new_TBH: Tensor, state_BH: Tensor) -> Tensor:
        states = torch.empty_like(new_TBH)
        state = state_BH
        for step in range(len(stay_TBH)):
            state = torch.lerp(new_TBH[step], state, stay_TBH[step], out=states[step])
        ctx.save_for_backward(stay_TBH, new_TBH, state_BH, states)
        return states

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        stay_TBH, new_TBH, state_BH, states = ctx.saved_tensors
        flows = grads[0].clone()
        for step in reversed(range(1, len(stay_TBH))):
            flows[step - 1].addcmul_(flows[step], stay_TBH[step])
        befores = torch.cat([state_BH[None], states[:-1]])
        return flows * (befores - new_TBH), flows * (1 - stay_TBH), flows[0] * stay_TBH[0]


class MinGru(Cell):
    """A unit whose gates do not see its state (Feng et al. 2024): no product a step, but it takes several layers."""

    gates_per_unit = 2  # stay, new

    def scan(self, gates_TBG: Tensor, keep_TB: Tensor, state_BS: Tensor) -> Tensor:
        stay, new = gates_TBG.chunk(2, 2)
        # where a sequence begins, the state before is worth nothing, and new starts from zero
        stay = stay.sigmoid()
        new = torch.where(keep_TB[..., None] > 0, new, (1 - stay) * new)
        states: Tensor = _MinGruScan.apply(stay * keep_TB[..., None], new, state_BS)  # type: ignore[no-untyped-call]
        return states

    def move(self, state_BS: Tensor, gates_BG: Tensor) -> Tensor:
        stay, new = gates_BG.chunk(2, 1)
        return torch.lerp(new, state_BS, stay.sigmoid())


CELLS: dict[CellName, type[Cell]] = {"gru": Gru, "lstm": Lstm, "mingru": MinGru}
