"""The same weights give the same answers as Meta's `segment-anything` 1.0."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from sam_model import VIT_B, VIT_H, VIT_L, Box, MaskHint, Points, Predictor, Sam

KINDS = ("points", "box", "hint")
COMBINATIONS = [kinds for size in (1, 2, 3) for kinds in combinations(KINDS, size)]


@pytest.fixture(scope="module")
def ask(picture):
    """Ask both predictors of a pair the same; each embeds the picture once."""
    askers = {}

    def ask_pair(pair, kinds, *, multimask):
        if pair not in askers:
            askers[pair] = Asker(pair, picture)
        return askers[pair](kinds, multimask=multimask)

    return ask_pair


class Asker:
    """Both predictors of a pair of twins in front of the same picture."""

    def __init__(self, pair, image):
        self.size = pair.ours.config.logits_size
        self.extent = np.array((image.shape[1], image.shape[0]))
        self.ours, self.metas = Predictor(pair.ours), SamPredictor(pair.metas)
        self.embedding = self.ours.embed(image)
        self.metas.set_image(image)

    def __call__(self, kinds, *, multimask):
        points = np.array([[0.31, 0.42], [0.77, 0.5], [0.5, 0.93]]) * self.extent
        labels = np.array([1, 0, 1])
        box = (np.array([[0.11, 0.23], [0.71, 0.87]]) * self.extent).ravel()
        hint = 5 * np.random.default_rng(1).standard_normal((self.size, self.size)).astype(np.float32)
        prompts = {"points": Points(points, labels), "box": Box(box), "hint": MaskHint(hint)}
        theirs = {
            "points": {"point_coords": points, "point_labels": labels},
            "box": {"box": box},
            "hint": {"mask_input": hint[None]},
        }
        given = {key: value for kind in kinds for key, value in theirs[kind].items()}
        mine = self.ours.predict(self.embedding, tuple(prompts[kind] for kind in kinds), multimask=multimask)
        return mine, self.metas.predict(**given, multimask_output=multimask, return_logits=True)


def assert_same(mine, theirs):
    """Within 1e-3; every pixel on the same side, but for those whose logit is zero within rounding."""
    full_logits, iou, logits = theirs
    assert (logits > 0).any()
    assert (logits < 0).any()
    np.testing.assert_allclose(mine.low_res_logits[0], logits, atol=1e-3)
    np.testing.assert_allclose(mine.iou[0], iou, atol=1e-3)
    assert mine.masks[0].shape == full_logits.shape
    differing = full_logits[mine.masks[0] != (full_logits > 0)]
    assert np.abs(differing).max(initial=0) < 2e-5


@pytest.mark.parametrize("multimask", [True, False], ids=["three masks", "one mask"])
@pytest.mark.parametrize("kinds", COMBINATIONS, ids="+".join)
def test_masks_are_the_same(ask, pair, kinds, multimask):
    assert_same(*ask(pair, kinds, multimask=multimask))


def test_a_batch_of_pictures_is_embedded_the_same(pair):
    size = pair.ours.config.image_size
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = pair.metas.image_encoder(images)
        assert expected.std() > 0.5
        torch.testing.assert_close(pair.ours.image_encoder(images), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [256, pytest.param(1024, marks=pytest.mark.slow)])
@pytest.mark.parametrize("config", [VIT_B, VIT_L, VIT_H], ids=["vit_b", "vit_l", "vit_h"])
def test_published_sizes_are_the_same(build_twins, picture, config, side):
    asker = Asker(build_twins(replace(config, image_size=side)), picture)
    torch.testing.assert_close(asker.embedding.features, asker.metas.features, atol=1e-3, rtol=0)
    for kinds in COMBINATIONS:
        assert_same(*asker(kinds, multimask=True))


@pytest.mark.parametrize(("config", "parameters"), [(VIT_B, 93_735_472), (VIT_L, 312_342_832), (VIT_H, 641_090_608)])
def test_published_numbers_of_parameters(config, parameters):
    with torch.device("meta"):
        sam = Sam(config)
    assert sum(tensor.numel() for tensor in sam.parameters()) == parameters
