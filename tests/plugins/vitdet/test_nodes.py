"""From weights on disk to detections in a picture's pixels."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image as Pil

from pipelines.errors import ModelError, PortError
from pipelines.families import ModelSource
from pipelines.models import Model, ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Image
from plugins.coco import CATEGORY_IDS, NAMES
from plugins.vitdet.adapter import NetworkDetector, load, seen_size
from plugins.vitdet.checkpoints import load_vitdet, save_vitdet
from plugins.vitdet.models import FAMILY, Instances, VitDetector
from plugins.vitdet.nodes import detect, instances

PIXELS = np.random.default_rng(0).integers(0, 256, (100, 160, 3), np.uint8)


def as_pickle(network, path):
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "someone"}, 2))
    return path


def test_a_file_tells_its_sizes_by_its_weights(narrow, tmp_path):
    loaded, names = load_vitdet(as_pickle(narrow, tmp_path / "vitdet.pkl"))
    assert loaded.config == narrow.config
    assert names == NAMES
    for name, value in narrow.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_a_directory_of_our_own_keeps_the_names_of_classes(mask_rcnn, tmp_path):
    names = tuple(f"thing {index}" for index in range(80))
    save_vitdet(mask_rcnn, names, tmp_path / "own")
    loaded, read = load_vitdet(tmp_path / "own")
    assert (loaded.config, read) == (mask_rcnn.config, names)


def test_a_missing_weight_is_named(mask_rcnn, tmp_path):
    arrays = {name: value.numpy() for name, value in mask_rcnn.state_dict().items()}
    del arrays["roi_heads.mask_head.deconv.bias"]
    (tmp_path / "less.pkl").write_bytes(pickle.dumps(arrays, 2))
    with pytest.raises(
        ModelError, match=r"less\.pkl does not fit the network: 1 missing \(roi_heads\.mask_head\.deconv"
    ):
        load(tmp_path / "less.pkl", device="cpu", dtype="float32")


def test_weights_of_another_model_are_the_users_mistake(tmp_path):
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"model": {"conv.weight": np.ones(3, np.float32)}}, 2))
    with pytest.raises(ModelError, match=r"other\.pkl is no ViTDet with the heads of mask R-CNN"):
        load(tmp_path / "other.pkl", device="cpu", dtype="float32")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{", "describes no ViTDet"),
        ('{"model_type": "sam"}', "has no model_type 'vitdet'"),
        ('{"model_type": "vitdet"}', "describes no ViTDet: KeyError 'class_names'"),
        ('{"model_type": "vitdet", "class_names": [], "colour": 3}', "unknown sizes colour"),
        ('{"model_type": "vitdet", "class_names": ["dog"]}', "80 classes and 1 names"),
    ],
)
def test_a_damaged_config_is_one_clear_line(tmp_path, config, said):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelError, match=said) as caught:
        load_vitdet(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("preset", ["base", "large"])
def test_a_preset_says_where_the_weights_are(preset):
    with pytest.raises(ModelError, match=rf"no preset '{preset}': its weights are on no hub\. Download a \.pkl"):
        FAMILY.resolve(preset, offline=True)


def test_a_pickle_is_found_with_its_size(mask_rcnn, tmp_path):
    path = as_pickle(mask_rcnn, tmp_path / "vitdet.pkl")
    assert FAMILY.resolve(str(path), offline=True).size_bytes == path.stat().st_size


def test_the_larger_side_fills_the_square():
    # Rounded as detectron2 rounds: 426.67 up, 768.0 as it is.
    assert seen_size(480, 640, 1024) == (768, 1024)
    assert seen_size(500, 1200, 1024) == (427, 1024)
    assert seen_size(1200, 500, 1024) == (1024, 427)
    assert seen_size(1, 5000, 1024) == (1, 1024)


def test_a_picture_of_the_networks_size_is_seen_as_it_is(mask_rcnn):
    pixels = np.random.default_rng(1).integers(0, 256, (160, 256, 3), np.uint8)
    found = NetworkDetector(mask_rcnn, NAMES).find(pixels, masks=False, least=0.02, most=20)
    theirs = mask_rcnn(torch.from_numpy(pixels).permute(2, 0, 1), masks=False, least=0.02, most=20)
    np.testing.assert_allclose(found.boxes, theirs.boxes.numpy(), atol=1e-4)
    np.testing.assert_array_equal(found.classes, theirs.classes.numpy())


def test_boxes_and_masks_come_in_the_pixels_of_the_picture(mask_rcnn):
    small = np.random.default_rng(2).integers(0, 256, (80, 128, 3), np.uint8)
    large = np.array(Pil.fromarray(small).resize((256, 160), Pil.Resampling.BILINEAR))
    detector = NetworkDetector(mask_rcnn, NAMES)
    one = detector.find(small, masks=True, least=0.02, most=20)
    other = detector.find(large, masks=True, least=0.02, most=20)
    assert len(one.boxes) == len(other.boxes) > 0
    np.testing.assert_allclose(2 * one.boxes, other.boxes, atol=1e-3)
    assert one.masks.shape == (len(one.boxes), 80, 128)
    assert other.masks.shape == (len(one.boxes), 160, 256)


def test_half_precision_is_for_the_backbone_alone(mask_rcnn, tmp_path):
    detector = load(as_pickle(mask_rcnn, tmp_path / "vitdet.pkl"), device="cpu", dtype="bfloat16")
    assert detector.network.backbone.net.pos_embed.dtype == torch.bfloat16
    assert detector.network.backbone.simfp_2[0].weight.dtype == torch.float32
    found = detector.find(PIXELS, masks=True, least=0.0, most=5)
    assert found.boxes.dtype == np.float32
    assert len(found.boxes) == 5


def test_cocos_classes_have_cocos_numbers():
    pairs = dict(zip(NAMES, CATEGORY_IDS, strict=True))
    assert [pairs[name] for name in ("person", "stop sign", "tv", "toothbrush")] == [1, 13, 72, 90]


class Told(VitDetector):
    class_names = ("dog", "cat")

    def __init__(self, count):
        self.count, self.asked = count, None

    def find(self, pixels, *, masks, least, most):
        self.asked = {"masks": masks, "least": least, "most": most}
        shape = pixels.shape[:2]
        return Instances(
            boxes=np.tile(np.array([1, 2, 30, 40], np.float32), (self.count, 1)),
            scores=np.full(self.count, 0.5, np.float32),
            classes=np.ones(self.count, np.int64),
            masks=np.ones((self.count, *shape), bool) if masks else None,
        )


class Family:
    name = "vitdet"

    def __init__(self, detector):
        self.detector = detector

    def resolve(self, ref, *, offline):
        return ModelSource("vitdet", ref, "nowhere", "0")

    def load(self, source, *, device, dtype):
        return self.detector


def ask(node, detector, **options):
    with use_scope(Scope(pool=ModelPool(families={"vitdet": Family(detector)}))):
        return node(Image(PIXELS.copy()), model=Model("told"), **options)


def test_detections_carry_the_detectors_names():
    detector = Told(2)
    found = ask(detect, detector, score_threshold=0.3, max_detections=7)
    assert detector.asked == {"masks": False, "least": 0.3, "most": 7}
    assert list(found.data["class_name"]) == ["cat", "cat"]
    assert found.data["instance_id"].tolist() == [0, 1]
    assert found.mask is None


def test_instances_have_masks():
    assert ask(instances, Told(2)).mask.shape == (2, 100, 160)


def test_nothing_found_is_a_result():
    found = ask(instances, Told(0))
    assert len(found) == 0
    assert found.mask.shape == (0, 100, 160)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"score_threshold": 1.5}, "scores lie between 0 and 1"), ({"max_detections": 0}, "at least 1 must be kept")],
)
def test_settings_out_of_range_are_the_users_mistake(options, said):
    with pytest.raises(PortError, match=said):
        ask(detect, Told(1), **options)
