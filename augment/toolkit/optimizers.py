"""torch's Adam and AdamW without torch's compiler.

The first step of an optimizer imports `torch._dynamo`, which takes as long as torch itself, in each process that fits a
network. It is there to hide the optimizer from `torch.compile`. The classes here call the same methods without that,
and give the same bits.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch

__all__ = ["Adam", "AdamW"]


class _WithoutCompiler:
    """The methods of `torch.optim.Adam` that torch wraps, unwrapped."""

    add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Adam.zero_grad)
    state_dict = inspect.unwrap(torch.optim.Adam.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Adam.load_state_dict)
    # when the first optimizer is made, torch puts a `step` with hooks into the class, unless this one is marked so
    step: Any = torch.optim.Optimizer.profile_hook_step(torch.no_grad()(inspect.unwrap(torch.optim.Adam.step)))
    step.hooked = True


class Adam(_WithoutCompiler, torch.optim.Adam):
    """`torch.optim.Adam` (Kingma and Ba 2015), except that it cannot be compiled or differentiated through."""


class AdamW(_WithoutCompiler, torch.optim.AdamW):
    """`torch.optim.AdamW` (Loshchilov and Hutter 2019), except that it cannot be compiled or differentiated through."""
