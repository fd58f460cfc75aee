"""Colours by name, and by arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from plugins.stable_diffusion.colour import parse_colour, recoloured


@pytest.mark.parametrize(
    ("words", "colour"),
    [
        ("red", (255, 0, 0)),
        ("Hot Pink", (255, 105, 180)),
        ("dark red", (139, 0, 0)),
        ("golden", (255, 215, 0)),
        ("shiny blue", (0, 0, 255)),
        ("pale green", (152, 251, 152)),
        ("light red", (255, 115, 115)),
        ("rainbow", None),
        ("red and blue", None),
        ("", None),
    ],
)
def test_words_name_a_colour_or_none(words, colour) -> None:
    assert parse_colour(words) == colour


def test_shading_survives_a_new_colour() -> None:
    ramp = np.linspace(40, 220, 50, dtype=np.uint8)
    pixels = np.stack([ramp, ramp // 2, ramp // 4], axis=-1)[None].repeat(4, axis=0)
    after = recoloured(pixels, np.ones(pixels.shape[:2], bool), (0, 0, 255))
    light = after[0].astype(int).sum(axis=1)
    assert (np.diff(light) >= 0).all()
    assert light[-1] > light[0] + 100
    assert (after[0, 10:, 2] > after[0, 10:, 0]).all()
