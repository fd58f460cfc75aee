"""Profiles as published, and settings that make no sense."""

from __future__ import annotations

from copy import copy

import pytest

from sam_model.errors import SettingsError
from sam_model.everything import CODE_DEFAULTS, SA_1B


def test_the_profile_of_the_data_set_is_the_papers():
    assert [SA_1B.points_in(layer) for layer in range(SA_1B.crop_layers + 1)] == [32, 16, 8]
    assert (SA_1B.min_iou, SA_1B.min_stability, SA_1B.max_cover, SA_1B.min_region) == (0.88, 0.95, 0.95, 100)


TOO_FEW_POINTS = (
    "crop layer 2 would have no points: points_per_side (3) must be at least points_divisor (2) to the power of "
    "crop_layers (2)"
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points_per_side": 0}, "points_per_side must be a whole number from 1 to 256, not 0"),
        ({"points_per_side": 257}, "points_per_side must be a whole number from 1 to 256, not 257"),
        ({"points_per_side": 7.5}, "points_per_side must be a whole number from 1 to 256, not 7.5"),
        ({"crop_layers": 7}, "crop_layers must be a whole number from 0 to 6, not 7"),
        ({"crop_layers": True}, "crop_layers must be a whole number from 0 to 6, not True"),
        ({"points_divisor": 0}, "points_divisor must be a whole number from 1 on, not 0"),
        ({"crop_overlap": 1.0}, "crop_overlap must be a share from 0 to less than 1, not 1.0"),
        ({"min_iou": 88.0}, "min_iou must be a number from 0 to 1, not 88.0"),
        ({"min_stability": float("nan")}, "min_stability must be a number from 0 to 1, not nan"),
        ({"stability_offset": float("inf")}, "stability_offset must be a number of logits from 0 on, not inf"),
        ({"box_nms": "0.7"}, "box_nms must be a number from 0 to 1, not '0.7'"),
        ({"crop_nms": -0.1}, "crop_nms must be a number from 0 to 1, not -0.1"),
        ({"crop_edge": -1.0}, "crop_edge must be a number of pixels from 0 on, not -1.0"),
        ({"min_region": 2.5}, "min_region must be a whole number of pixels from 0 on, not 2.5"),
        ({"max_cover": 0.0}, "max_cover must be a share above 0, up to 1, or None, not 0.0"),
        ({"points_per_side": 3, "crop_layers": 2, "points_divisor": 2}, TOO_FEW_POINTS),
    ],
    ids=str,
)
def test_settings_out_of_range(change, message):
    with pytest.raises(SettingsError) as caught:
        checked(change)
    assert str(caught.value) == message


def checked(change):
    """Make settings whose types nobody has looked at before they are checked."""
    settings = copy(CODE_DEFAULTS)
    for name, value in change.items():
        object.__setattr__(settings, name, value)
    settings.__post_init__()
