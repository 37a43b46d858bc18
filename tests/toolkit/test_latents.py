from __future__ import annotations

import pytest
import torch

from augment.toolkit.latents import draw_latents, kl_divergence, warm_up


@pytest.mark.parametrize(
    ("mean", "variance", "nats"), [(0.0, 1.0, 0.0), (1.0, 1.0, 1.5), (0.0, torch.e, 1.5 * (torch.e - 2))]
)
def test_divergence_is_that_of_two_gaussians_summed_over_dimensions(mean, variance, nats):
    log_variance = torch.full((4, 3), variance).log()
    assert kl_divergence(torch.full((4, 3), mean), log_variance).item() == pytest.approx(nats, abs=1e-6)


def test_divergence_is_a_mean_over_rows():
    mean = torch.tensor([[2.0], [0.0]])
    assert kl_divergence(mean, torch.zeros(2, 1)).item() == pytest.approx(1.0)


def test_latents_have_the_mean_and_the_deviation_asked_for():
    noise = torch.tensor([[1.0, -2.0]])
    drawn = draw_latents(torch.tensor([[5.0, 5.0]]), torch.tensor([[4.0, 9.0]]).log(), noise)
    assert drawn.tolist() == [[pytest.approx(7.0), pytest.approx(-1.0)]]


def test_beta_rises_from_nothing_and_stays():
    assert [warm_up(number, 4) for number in (0, 1, 4, 9)] == [0.0, 0.25, 1.0, 1.0]
