from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from augment.toolkit import optimizers

ROOT = Path(__file__).parents[2]


def trained(make, **settings):
    """Weights and the optimizer's state after five steps, the last of them from a state that was put back."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        network = torch.nn.Linear(5, 3)
        optimizer = make([{"params": [network.weight]}, {"params": [network.bias], "weight_decay": 0.0}], **settings)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
        for number in range(5):
            if number == 4:
                optimizer.load_state_dict(optimizer.state_dict())
            optimizer.zero_grad()
            (network(torch.randn(4, 5)) ** 2).sum().backward()
            optimizer.step()
            schedule.step()
    moments = [entries[name] for entries in optimizer.state.values() for name in ("step", "exp_avg", "exp_avg_sq")]
    return [network.weight, network.bias, *moments]


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("fused", [False, True])
def test_they_give_the_bits_of_torchs_without_its_compiler(monkeypatch, name, fused):
    settings = {"lr": 0.01, "betas": (0.5, 0.99), "weight_decay": 0.1, "fused": fused}
    wanted = trained(getattr(torch.optim, name), **settings)
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # an import of it fails
    monkeypatch.delattr(torch, "_dynamo")
    got = trained(getattr(optimizers, name), **settings)
    assert all(torch.equal(one, other) for one, other in zip(got, wanted, strict=True))
    assert "step" not in vars(getattr(optimizers, name))  # the class is as it was, and so are the pages made from it
    with pytest.raises(ImportError):
        trained(getattr(torch.optim, name), **settings)


def test_no_component_uses_torchs_own():
    files = [*ROOT.glob("augment/**/*.py"), *ROOT.glob("plugins/**/*.py")]
    users = {file.name for file in files if "torch.optim.Adam" in file.read_text(encoding="utf-8")}
    assert users == {"optimizers.py"}
