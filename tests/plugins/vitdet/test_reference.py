"""The network computes what detectron2's computes, and names its weights alike."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from plugins.vitdet.config import PUBLISHED
from plugins.vitdet.modeling import VitDet
from plugins.vitdet.modeling.pasting import paste

SIZE = (200, 256)


def stem(cascade: bool) -> str:
    return "cascade_mask_rcnn_vitdet" if cascade else "mask_rcnn_vitdet"


@pytest.fixture(scope="module")
def expected(golden, cascade):
    return dict(np.load(golden(f"{stem(cascade)}_tiny.npz")))


@pytest.fixture(scope="module")
def levels(network, expected):
    with torch.inference_mode():
        return network.backbone(network.square(torch.from_numpy(expected["image"])))


@pytest.mark.parametrize("size", ["b", "l", "h"])
def test_the_weights_have_the_published_names_and_shapes(golden, cascade, size):
    published = json.loads(golden(f"keys_{stem(cascade)}_{size}.json").read_text())
    with torch.device("meta"):
        network = VitDet(replace(PUBLISHED[size], cascade=cascade))
    assert {name: list(value.shape) for name, value in network.state_dict().items()} == published


def test_every_level_of_the_pyramid_is_the_references(levels, expected):
    for number, level in enumerate(levels, start=2):
        np.testing.assert_allclose(level[0, :8].numpy(), expected[f"feature_p{number}"], atol=1e-4)


def test_proposals_are_the_references(network, levels, expected):
    with torch.inference_mode():
        boxes, logits = network.proposal_generator(levels, SIZE)
    np.testing.assert_allclose(logits.numpy(), expected["proposal_logits"], atol=1e-4)
    # A coordinate comes from an anchor of up to 724 pixels: float32 resolves that to 6e-5, before any arithmetic.
    np.testing.assert_allclose(boxes.numpy(), expected["proposal_boxes"], atol=1e-3)


def test_detections_and_their_masks_are_the_references(network, expected):
    found = network(torch.from_numpy(expected["image"]), least=0.0)
    areas = paste(found.masks, found.boxes, SIZE).sum(axis=(1, 2))
    close = np.abs(found.boxes.numpy()[:, None] - expected["boxes"]).max(axis=2) < 0.01
    close &= np.abs(found.scores.numpy()[:, None] - expected["scores"]) < 1e-5
    close &= found.classes.numpy()[:, None] == expected["classes"]
    close &= np.abs(areas[:, None] - expected["mask_areas"]) <= 2
    assert (close.sum(axis=0) == 1).sum() >= 98
