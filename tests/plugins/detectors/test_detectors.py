"""Detectors of torchvision and transformers with random weights: what they say is what the node gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.errors import ModelError, PortError
from pipelines.families import Model
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Image
from plugins.detectors.models import FAMILY
from plugins.detectors.nodes import detect
from plugins.instances.detectors import detector_of

NAME = "fasterrcnn_mobilenet_v3_large_320_fpn"
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A directory of transformers: YOLOS with random weights."""
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessorPil

    folder = tmp_path_factory.mktemp("yolos")
    torch.manual_seed(0)
    config = YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=[32, 32],
        patch_size=16, num_detection_tokens=6, id2label={0: "tile", 1: "ghost"}, label2id={"tile": 0, "ghost": 1},
    )  # fmt: skip
    YolosForObjectDetection(config).save_pretrained(folder)
    YolosImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The state of a detector of torchvision for two classes and the background."""
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model(NAME, weights=None, weights_backbone=None, num_classes=3)
    file = tmp_path_factory.mktemp("torchvision") / "weights.pth"
    torch.save(network.state_dict(), file)
    return file


def found(ref, **options):
    with use_scope(Scope(pool=ModelPool(families={"detector": FAMILY}, device="cpu"))):
        return detect(Image(PICTURE.copy()), model=Model(str(ref)), **options)


def test_what_transformers_finds_is_what_its_processor_says(tiny):
    from transformers import AutoModelForObjectDetection, YolosImageProcessorPil

    boxes = found(tiny, score_threshold=0.0)
    network = AutoModelForObjectDetection.from_pretrained(tiny).eval()
    processor = YolosImageProcessorPil.from_pretrained(tiny)
    with torch.inference_mode():
        outputs = network(**processor(images=PICTURE, return_tensors="pt"))
    (expected,) = processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=[(48, 64)])
    order = expected["scores"].argsort(descending=True, stable=True)
    inside = expected["boxes"][order].clamp(min=0).minimum(torch.tensor([64.0, 48, 64, 48]))
    sound = (inside[:, 2:] > inside[:, :2]).all(dim=1)
    np.testing.assert_allclose(boxes.xyxy, inside[sound], atol=1e-4)
    np.testing.assert_allclose(boxes.confidence, expected["scores"][order][sound], atol=1e-6)
    assert set(boxes.data["class_name"]) <= {"tile", "ghost"}


def test_what_torchvision_finds_is_what_it_says(weights):
    from torchvision.models import get_model

    network = get_model(NAME, weights=None, weights_backbone=None, num_classes=3).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    with torch.inference_mode():
        (expected,) = network([torch.from_numpy(PICTURE).permute(2, 0, 1) / 255])
    boxes = found(f"{NAME}:{weights}", score_threshold=0.05, max_detections=7)
    assert len(boxes) == min(7, len(expected["boxes"])) > 0
    np.testing.assert_allclose(boxes.xyxy, expected["boxes"][:7], atol=1e-4)
    assert list(boxes.class_id) == expected["labels"][:7].tolist()


def test_classes_without_names_are_numbers_and_a_text_file_beside_the_weights_names_them(weights):
    assert set(found(f"{NAME}:{weights}").data["class_name"]) <= {"1", "2"}
    beside = weights.with_suffix(".txt")
    beside.write_text("tile\nghost\n")
    try:
        assert set(found(f"{NAME}:{weights}").data["class_name"]) <= {"tile", "ghost"}
        beside.write_text("tile\n")
        with pytest.raises(ModelError, match=r"weights\.txt has 1 names, the weights know 2 classes"):
            found(f"{NAME}:{weights}")
    finally:
        beside.unlink()


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("fasterrcnn_resnet50_fpn:nowhere.pth", "there is no file nowhere.pth"),
        ("bundled", "No detector comes with Samloom but ViTDet"),
        ("nowhere", "No object detector at 'nowhere'"),
    ],
)
def test_what_is_not_there_is_told(ref, said):
    with pytest.raises(ModelError, match=said):
        FAMILY.resolve(ref, offline=True)


def test_another_detectors_weights_are_refused(weights):
    with pytest.raises(ModelError, match="does not fit torchvision's retinanet_resnet50_fpn: "):
        found(f"retinanet_resnet50_fpn:{weights}")


def test_a_misspelt_detector_is_recognised(weights):
    with pytest.raises(ModelError, match=r"torchvision has no detector 'fasterrcnn_resnet50_fpm'.+Did you mean"):
        found(f"fasterrcnn_resnet50_fpm:{weights}")


def test_a_model_of_another_kind_is_refused(tmp_path):
    from transformers import BertConfig, BertModel, YolosImageProcessorPil

    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9)
    BertModel(config).save_pretrained(tmp_path)
    YolosImageProcessorPil().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is no object detector of transformers"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"score_threshold": 1.0}, "scores lie between 0 and 1"), ({"max_detections": 0}, "at least 1 must be kept")],
)
def test_limits_are_checked(tiny, options, said):
    with pytest.raises(PortError, match=said):
        found(tiny, **options)


def test_a_name_tells_whose_detector_it_is(tiny, weights, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "vitdet"}')
    ours, others = [None, "bundled", "model.pkl", str(tmp_path)], [str(tiny), f"{NAME}:{weights}", "facebook/detr"]
    assert {detector_of(name).node for name in ours} == {"vitdet/instances"}
    assert {detector_of(name).node for name in others} == {"detectors/detect"}


def test_other_names_beside_the_weights_are_another_model(weights):
    beside, ref = weights.with_suffix(".txt"), f"{NAME}:{weights}"
    revisions = [FAMILY.resolve(ref, offline=True).revision]
    try:
        for names in ("tile\nghost\n", "ghost\ntile\n"):
            beside.write_text(names)
            revisions.append(FAMILY.resolve(ref, offline=True).revision)
    finally:
        beside.unlink()
    assert len(set(revisions)) == 3


def test_torchvisions_own_limits_do_not_stand_in_the_way(weights):
    from torchvision.models import get_model

    limits = {"box_score_thresh": 0.0, "box_detections_per_img": 300}
    network = get_model(NAME, weights=None, weights_backbone=None, num_classes=3, **limits).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    with torch.inference_mode():
        (expected,) = network([torch.from_numpy(PICTURE).permute(2, 0, 1) / 255])
    assert len(expected["boxes"]) > 100
    boxes = found(f"{NAME}:{weights}", score_threshold=0.0, max_detections=300)
    np.testing.assert_allclose(boxes.xyxy, expected["boxes"], atol=1e-4)
