"""What networks for COCO have not: a stem of convolutions, fewer levels, one box for all classes, scores of LVIS."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.errors import ModelError
from plugins.vitdet.adapter import load
from plugins.vitdet.checkpoints import load_vitdet, save_vitdet
from plugins.vitdet.config import VitDetConfig
from plugins.vitdet.modeling.pooling import pool
from plugins.vitdet.modeling.stem import ConvolutionStem
from tests.plugins.vitdet.conftest import build, tiny_config

SMALL = VitDetConfig(
    image_size=64, encoder_width=32, encoder_depth=2, encoder_heads=2, global_blocks=(1,), window_size=2,
    pretrain_grid=4, width=16, box_width=24, classes=3, stem=(8, 16, 24), finest_level=3, anchor_strides=4,
    proposals=20, proposal_convolutions=1, box_convolutions=1, mask_convolutions=2, class_agnostic=True,
)  # fmt: skip


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def test_a_small_detector_comes_back_as_it_was_saved(tmp_path, picture):
    network = build(SMALL)
    save_vitdet(network, ("a", "b", "c"), tmp_path)
    again, names = load_vitdet(tmp_path)
    assert (again.config, names) == (SMALL, ("a", "b", "c"))
    pixels = torch.from_numpy(picture).permute(2, 0, 1)
    expected, found = network(pixels, least=0.0), again(pixels, least=0.0)
    assert len(found.boxes)
    torch.testing.assert_close(found.boxes, expected.boxes)
    torch.testing.assert_close(found.masks, expected.masks)


def test_weights_may_be_saved_in_half_precision(tmp_path, picture):
    save_vitdet(build(SMALL), ("a", "b", "c"), tmp_path, dtype=torch.float16)
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    found = load(tmp_path, device="cpu", dtype="float32").find(picture, masks=True, least=0.0, most=5)
    assert found.masks.shape == (len(found.boxes), 48, 64)


def test_the_stem_is_a_resnet_without_normalisations():
    """transformers' ResNet, its norms set to do nothing, computes the same."""
    from transformers import ResNetBackbone, ResNetConfig

    stem = ConvolutionStem((8, 16, 24), 24)
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24], depths=[2, 2, 2], layer_type="basic", out_features=["stage3"]
    )
    other = ResNetBackbone(config).eval()
    convolutions = [module for module in stem.modules() if isinstance(module, torch.nn.Conv2d)][:-1]
    theirs = [block for block in other.modules() if hasattr(block, "convolution")]
    ours = {id(module): name for name, module in stem.named_modules()}
    places = {place_of(ours[id(module)]): module for module in convolutions}
    names = {id(module): name for name, module in other.named_modules()}
    for block in theirs:
        block.convolution.weight.data = places[names[id(block)]].weight.data
        block.normalization.bias.data = places[names[id(block)]].bias.data
        block.normalization.eps = 0.0
    stem.proj.weight.data = torch.eye(24)[..., None, None]
    stem.proj.bias.data.zero_()
    stem.norm = torch.nn.Identity()
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = other(pixels).feature_maps[0]
        torch.testing.assert_close(stem(pixels), expected.permute(0, 2, 3, 1), atol=1e-4, rtol=1e-3)


def place_of(name):
    """The name of the same convolution in transformers."""
    if name == "first":
        return "embedder.embedder"
    _, stage, block, part = name.split(".")
    inner = "shortcut" if part == "shortcut" else f"layer.{int(part[-1]) - 1}"
    return f"encoder.stages.{stage}.layers.{block}.{inner}"


def test_a_pyramid_without_its_finest_level_is_pooled_on_the_next():
    ramps = [
        (torch.arange(64 // stride) * stride + stride / 2).expand(1, 1, 64 // stride, -1) for stride in (8, 16, 32)
    ]
    patch = pool([*ramps, ramps[-1]], torch.tensor([[8.0, 8.0, 36.0, 36.0]]), 7)[0, 0]
    torch.testing.assert_close(patch, (8 + (torch.arange(7) + 0.5) * 4).expand(7, 7))


def test_boxes_may_lie_in_different_pictures():
    level = torch.stack([torch.full((1, 16, 16), float(number)) for number in range(3)])
    patches = pool([level, level, level, level, level], torch.tensor([[4.0, 4, 20, 20]] * 2), 2, torch.tensor([2, 0]))
    assert patches.flatten(1).mean(dim=1).tolist() == [2.0, 0.0]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"stem": (8, 16)}, r"stem \(8, 16\) makes tokens of 8 pixels, expected 16"),
        ({"finest_level": 6}, "finest_level 6 is not 2, 3, 4 or 5"),
    ],
)
def test_sizes_that_do_not_fit_are_told(sizes, said):
    with pytest.raises(ValueError, match=said):
        replace(SMALL, **sizes)


def lvis_file(folder, *, cascade):
    network = build(replace(tiny_config(cascade=cascade), width=8, box_width=8, classes=1203, sigmoid=True))
    heads = ["box_predictor.0", "box_predictor.1", "box_predictor.2"] if cascade else ["box_predictor"]
    federated = {f"roi_heads.{head}.fed_loss_cls_weights": torch.ones(1203) for head in heads}
    save_file({**network.state_dict(), **federated}, folder / "lvis.safetensors")
    return folder / "lvis.safetensors"


def test_weights_of_lvis_load_and_score_each_class_by_itself(tmp_path, cascade):
    network, names = load_vitdet(lvis_file(tmp_path, cascade=cascade))
    assert (names[0], names[-1], network.config.sigmoid) == ("1", "1203", True)
    levels = [torch.randn(1, 8, side, side) for side in (64, 32, 16, 8, 4)]
    with torch.inference_mode():
        scores, _ = network.roi_heads.classify(levels, torch.tensor([[10.0, 10, 90, 90]]), (256, 256))
    assert scores.shape == (1, 1203)
    assert scores.sum() > 2


def test_a_network_of_coco_shares_its_probability_among_classes(network):
    levels = [torch.randn(1, 256, side, side) for side in (64, 32, 16, 8, 4)]
    with torch.inference_mode():
        scores, _ = network.roi_heads.classify(levels, torch.tensor([[10.0, 10, 90, 90]]), (256, 256))
    assert scores.sum() <= 1


def test_classes_without_names_are_refused(tmp_path):
    network = build(replace(tiny_config(cascade=False), width=8, box_width=8, classes=7))
    save_file(network.state_dict(), tmp_path / "seven.safetensors")
    with pytest.raises(ModelError, match="has 7 classes and 80 names of classes"):
        load_vitdet(tmp_path / "seven.safetensors")
