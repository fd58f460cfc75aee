"""Detectors of other makes, with random weights: RT-DETR and DETR of transformers, one-stage ones of torchvision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.families import Model
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Image
from plugins.detectors.models import FAMILY
from plugins.detectors.nodes import detect
from plugins.detectors.with_torchvision import classes_of

PICTURE = np.random.default_rng(0).integers(0, 256, (80, 64, 3), np.uint8)
NAMES = {"id2label": {0: "tile", 1: "ghost"}, "label2id": {"tile": 0, "ghost": 1}}
SQUARE = {"height": 64, "width": 64}


def found(ref, **options):
    with use_scope(Scope(pool=ModelPool(families={"detector": FAMILY}, device="cpu"))):
        return detect(Image(PICTURE.copy()), model=Model(str(ref)), **options)


def rt_detr():
    from transformers import (
        RTDetrConfig,
        RTDetrForObjectDetection,
        RTDetrImageProcessorPil,
        RTDetrResNetConfig,
    )

    backbone = RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = RTDetrConfig(
        backbone_config=backbone, encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16], encoder_ffn_dim=16,
        encoder_attention_heads=2, d_model=16, decoder_in_channels=[16, 16, 16], decoder_ffn_dim=16, num_queries=8,
        decoder_layers=2, decoder_attention_heads=2, num_denoising=0, **NAMES,
    )  # fmt: skip
    return RTDetrForObjectDetection(config), RTDetrImageProcessorPil(size=SQUARE)


def detr():
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessorPil, ResNetConfig

    backbone = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic", out_features=["stage4"]
    )
    config = DetrConfig(
        backbone_config=backbone, use_timm_backbone=False, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        num_queries=8, **NAMES,
    )  # fmt: skip
    return DetrForObjectDetection(config), DetrImageProcessorPil(size=SQUARE)


@pytest.mark.parametrize("make", [rt_detr, detr])
def test_what_transformers_finds_is_what_its_processor_says(make, tmp_path):
    torch.manual_seed(0)
    network, processor = make()
    network.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    with torch.inference_mode():
        outputs = network.eval()(**processor(images=PICTURE, return_tensors="pt"))
    (expected,) = processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=[(80, 64)])
    boxes = found(tmp_path, score_threshold=0.0)
    order = expected["scores"].argsort(descending=True, stable=True)
    inside = expected["boxes"][order].clamp(min=0).minimum(torch.tensor([64.0, 80, 64, 80]))
    sound = (inside[:, 2:] > inside[:, :2]).all(dim=1)
    assert len(boxes) == int(sound.sum()) > 0
    np.testing.assert_allclose(boxes.xyxy, inside[sound], atol=1e-3)
    np.testing.assert_allclose(boxes.confidence, expected["scores"][order][sound], atol=1e-5)
    assert set(boxes.data["class_name"]) <= {"tile", "ghost"}


def test_loading_draws_no_bars(tmp_path, capfd):
    network, processor = detr()
    network.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    capfd.readouterr()
    found(tmp_path)
    assert "Loading weights" not in capfd.readouterr().err


@pytest.mark.parametrize("name", ["fcos_resnet50_fpn", "ssdlite320_mobilenet_v3_large"])
def test_what_one_stage_detectors_of_torchvision_find_is_what_they_say(name, tmp_path):
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model(name, weights=None, weights_backbone=None, num_classes=91).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    network.score_thresh, network.detections_per_img = 0.005, 1000
    with torch.inference_mode():
        (expected,) = network([torch.from_numpy(PICTURE).permute(2, 0, 1) / 255])
    boxes = found(f"{name}:{tmp_path / 'weights.pth'}", score_threshold=0.005, max_detections=1000)
    assert len(boxes) > 100
    kept = {tuple(np.round(box, 2)) for box in expected["boxes"].tolist()}
    assert {tuple(np.round(box, 2)) for box in boxes.xyxy.tolist()} <= kept


@pytest.mark.parametrize(
    "name",
    [
        "fasterrcnn_resnet50_fpn", "fcos_resnet50_fpn", "retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2",
        "ssd300_vgg16", "ssdlite320_mobilenet_v3_large",
    ],
)  # fmt: skip
def test_the_weights_themselves_tell_how_many_classes_torchvisions_detectors_know(name):
    from torchvision.models import get_model

    with torch.device("meta"):
        network = get_model(name, weights=None, weights_backbone=None, num_classes=7)
    assert classes_of(network.state_dict()) == 7


def test_a_one_stage_detector_of_torchvision_finds_ones_own_classes(tmp_path):
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=3)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    (tmp_path / "weights.txt").write_text("tile\nghost\n")
    boxes = found(f"ssdlite320_mobilenet_v3_large:{tmp_path / 'weights.pth'}", score_threshold=0.001)
    assert set(boxes.data["class_name"]) == {"tile", "ghost"}
