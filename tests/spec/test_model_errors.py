from __future__ import annotations

from typing import ClassVar

from augment.plugin import Params
from augment.spec.model_errors import validate


class Settings(Params):
    renamed: ClassVar = {"code_size": "latent_dim"}
    latent_dim: int = 16


def test_the_former_name_of_a_setting_is_refused_with_the_present_one():
    assert validate(Settings, {"code_size": 4}) == (
        None,
        [(("code_size",), "unknown key; did you mean 'latent_dim'?")],
    )
