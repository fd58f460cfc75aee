"""A configuration that describes no network is refused where it is made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sam_model import PRESETS, TINY, VIT_B
from sam_model.errors import ConfigError


def test_presets_see_the_square_on_a_grid():
    assert {name: (preset.grid_size, preset.logits_size) for name, preset in PRESETS.items()} == {
        "tiny": (24, 96),
        "vit_t": (64, 256),
        "vit_b": (64, 256),
        "vit_l": (64, 256),
        "vit_h": (64, 256),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_depth": 0}, r"^encoder_depth must be a positive integer, not 0$"),
        ({"width": -8}, r"^width must be a positive integer, not -8$"),
        ({"image_size": 200, "patch_size": 16}, r"^image_size \(200\) must be divisible by patch_size \(16\)$"),
        ({"encoder_heads": 5}, r"^encoder_width \(128\) must be divisible by encoder_heads \(5\)$"),
        ({"decoder_heads": 7}, r"^half of width \(64\) must be divisible by decoder_heads \(7\)$"),
        ({"width": 100, "decoder_heads": 2}, r"^width \(100\) must be divisible by 8 \(channels of the upscaled "),
        ({"hint_channels": 6}, r"^hint_channels \(6\) must be divisible by 4$"),
        ({"global_blocks": (3, 4)}, r"^global_blocks \[4\] do not exist: the encoder has blocks 0 to 3$"),
    ],
)
def test_sizes_that_make_no_network(change, message):
    with pytest.raises(ConfigError, match=message):
        replace(TINY, **change)


def test_a_preset_is_a_difference():
    assert replace(VIT_B, encoder_width=1024, encoder_heads=16) != VIT_B
