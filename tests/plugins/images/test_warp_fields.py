from __future__ import annotations

import numpy as np

from augment_images.warp_fields import learn_fields


def squares():
    """Two images: a square, and the same one two pixels to the right."""
    images = np.zeros((2, 12, 12, 1), np.uint8)
    images[0, 4:8, 2:6], images[1, 4:8, 4:8] = 255, 255
    return images


def field():
    return learn_fields(squares(), np.array([[0, 1]]), lambda done: None)[0]


def test_a_field_says_where_the_pixels_of_the_second_image_come_from():
    right, down = field()[:, 3, 3]
    assert right < -0.1  # of half the side
    assert abs(down) < 0.05


def test_stiffness_keeps_fields_smooth(monkeypatch):
    bent = field()
    monkeypatch.setattr("augment_images.warp_fields.STIFFNESS", 0.0)
    assert np.abs(np.diff(field())).sum() > 1.2 * np.abs(np.diff(bent)).sum()
