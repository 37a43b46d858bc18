"""MixUp and CutMix: what is mixed, in which shares, and what is refused."""

from __future__ import annotations

import pytest
import torch

from augment.loaders import cutmix, mixup


def _seeded():
    return torch.Generator().manual_seed(4)


def test_mixup_mixes_labels_as_it_mixes_rows():
    x, y = torch.eye(6), torch.arange(6)
    mixed, shares = mixup(x, y, num_classes=6, alpha=1.0, generator=_seeded())
    assert torch.equal(mixed, shares)  # a row is its own label here
    assert torch.allclose(shares.sum(dim=1), torch.ones(6))
    assert 0.05 < shares[shares > 0].min() < 0.95
    assert torch.equal(mixup(x, y, num_classes=6, alpha=1.0, generator=_seeded())[0], mixed)


def test_mixup_mixes_numbers_too():
    x = torch.arange(8.0)
    mixed, numbers = mixup(x[:, None], x, alpha=1.0, generator=_seeded())
    assert torch.allclose(mixed[:, 0], numbers)
    assert not torch.equal(numbers, x)


def test_cutmix_has_the_area_of_the_rectangle_as_share():
    x = torch.arange(5.0)[:, None, None, None].expand(5, 2, 9, 7)
    before = x.clone()
    for alpha in (0.3, 1.0, 4.0):
        cut, shares = cutmix(x, torch.arange(5), num_classes=5, alpha=alpha, generator=_seeded())
        assert torch.allclose(cut.mean(dim=(1, 2, 3)), shares @ torch.arange(5.0))
        assert len(cut.unique()) == 5
        again = cutmix(x, torch.arange(5), num_classes=5, alpha=alpha, generator=_seeded())
        assert torch.equal(again[0], cut)
    assert torch.equal(x, before)
    # half of the image is left where the edge cuts nothing off the rectangle
    images, numbers = torch.zeros(2, 1, 100, 100), torch.tensor([0.0, 1.0])
    drawn = [cutmix(images, numbers, alpha=1e6, generator=torch.Generator().manual_seed(seed))[1] for seed in range(30)]
    assert min(float((1 - share).max()) for share in drawn if share[0] != 0) == pytest.approx(0.5, abs=0.05)


def test_batches_may_be_small_or_of_whole_numbers():
    for num_rows in (0, 1):
        y = torch.ones(num_rows, dtype=torch.uint8)
        for mix in (mixup, cutmix):
            x, shares = mix(torch.rand(num_rows, 3, 4, 4), y, num_classes=2)
            assert (x.shape, shares.tolist()) == ((num_rows, 3, 4, 4), [[0, 1]] * num_rows)
    pixels = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 3, 5, 5)
    cut, shares = cutmix(pixels, torch.eye(4), generator=_seeded())
    assert cut.dtype == torch.uint8
    assert torch.allclose(cut.float().mean(dim=(1, 2, 3)), shares @ torch.arange(4.0))


@pytest.mark.parametrize(
    ("mix", "x", "y", "options", "message"),
    [
        (mixup, torch.zeros(3, 2).long(), torch.arange(3), {"num_classes": 3}, "x holds torch.int64"),
        (mixup, torch.zeros(3, 2), torch.arange(3), {}, "num_classes: expected"),
        (mixup, torch.zeros(3, 2), torch.arange(3), {"num_classes": 2}, "from 0 to 2; num_classes is 2"),
        (mixup, torch.zeros(3, 2), torch.eye(3).long(), {"num_classes": 3}, r"class numbers were .* as y\.float"),
        (mixup, torch.zeros(3, 2), torch.arange(3) - 1, {"num_classes": 3}, "from -1 to 1; num_classes is 3"),
        (mixup, torch.zeros(3, 2), torch.arange(2), {"num_classes": 3}, "x has 3 rows, and y 2"),
        (cutmix, torch.zeros(3, 1, 2, 2), torch.rand(4), {}, "x has 3 rows, and y 4"),
        (mixup, torch.zeros(3, 2), torch.arange(3), {"num_classes": 3, "alpha": 0.0}, "above 0"),
        (mixup, torch.zeros(3, 2), torch.arange(3), {"num_classes": 3, "alpha": float("inf")}, "above 0"),
        (cutmix, torch.zeros(3, 2), torch.arange(3), {"num_classes": 3}, "images"),
    ],
)
def test_mistakes_are_refused_in_words(mix, x, y, options, message):
    with pytest.raises(ValueError, match=message):
        mix(x, y, **options)
