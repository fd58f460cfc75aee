"""The adapter and the node of Grounding DINO, with tiny random weights and with a network that says what it is told."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipelines.errors import InstructionError, ModelError
from pipelines.families import ModelSource
from pipelines.models import Model, ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Image
from plugins.grounding_dino.adapter import TransformersGroundingDino, load
from plugins.grounding_dino.models import FAMILY, Candidates, GroundingDino
from plugins.grounding_dino.nodes import detect, settle


@pytest.fixture(scope="module")
def dino(grounding_dino_directory) -> GroundingDino:
    return load(grounding_dino_directory, device="cpu", dtype="float32")


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_boxes_and_scores_are_those_of_transformers_own_processor(grounding_dino_directory, dino) -> None:
    from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor

    pixels = noise(90, 140)
    processor = GroundingDinoProcessor(image_processor=dino.processor, tokenizer=dino.tokenizer)
    model = GroundingDinoForObjectDetection.from_pretrained(grounding_dino_directory).eval()
    inputs = processor(images=pixels, text="dog.", return_tensors="pt", input_data_format="channels_last")
    with torch.inference_mode():
        output = model(**inputs)
    theirs = processor.post_process_grounded_object_detection(output, threshold=-1, target_sizes=[(90, 140)])[0]
    ours = dino.find(pixels, ["dog"])
    np.testing.assert_allclose(ours.boxes, theirs["boxes"].clamp(min=0).numpy().clip(max=[140, 90, 140, 90]), atol=1e-3)
    dog_token = output.logits[0].sigmoid()[:, 1]
    np.testing.assert_allclose(ours.scores, dog_token, atol=1e-6)
    np.testing.assert_allclose(ours.text_scores, dog_token, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (700, 3), (40, 60)])
def test_any_shape_of_picture_gives_boxes_within_it(dino, shape) -> None:
    boxes = dino.find(noise(*shape), ["dog"]).boxes
    assert boxes.shape == (20, 4)
    assert (boxes >= 0).all()
    assert (boxes <= [shape[1], shape[0], shape[1], shape[0]]).all()


def test_a_prompt_beyond_the_token_limit_is_read_in_passes(dino) -> None:
    phrases = [f"{colour} {thing}" for colour in ("red", "sign", "a") for thing in ("dog", "cat", "bus", "aardvark")]
    found = dino.find(noise(60, 60), phrases)
    assert len(found.boxes) == 2 * 20
    assert set(found.phrases[:20]) <= set(range(8))
    assert set(found.phrases[20:]) <= set(range(8, 12))


def test_a_phrase_that_no_pass_can_hold_is_the_users_mistake(dino) -> None:
    with pytest.raises(InstructionError, match=r"^'dog dog .*…' is too long to look for: 41 tokens where .* reads 30"):
        dino.find(noise(60, 60), ["cat", "dog " * 40])


def test_a_tensor_too_few_is_told_in_one_line(grounding_dino_directory, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(grounding_dino_directory, tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.query_position_embeddings.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 tensors do not fit, the first is model\.query_position_emb"):
        load(tmp_path, device="cpu", dtype="float32")


def test_a_damaged_file_is_told_in_one_line(grounding_dino_directory, tmp_path) -> None:
    shutil.copytree(grounding_dino_directory, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0not json")
    with pytest.raises(ModelError, match=r"^.*cannot be loaded as Grounding DINO: .*$"):
        FAMILY.load(FAMILY.resolve(str(tmp_path), offline=True), device="cpu", dtype="float32")


class Told(torch.nn.Module):
    """Stands for the network: the queries' token probabilities and boxes (centre, size; shares) are given."""

    device, dtype = torch.device("cpu"), torch.float32
    config = SimpleNamespace(max_text_len=32)

    def __init__(self, probabilities, boxes) -> None:
        super().__init__()
        self.logits = torch.logit(torch.tensor([probabilities], dtype=torch.float32), eps=1e-6)
        self.boxes = torch.tensor([boxes], dtype=torch.float32)

    def forward(self, **inputs):
        assert inputs["input_ids"].shape[1] == self.logits.shape[2]
        return SimpleNamespace(logits=self.logits, pred_boxes=self.boxes)


@pytest.mark.parametrize(
    ("phrases", "probabilities", "expected"),
    [
        # [CLS] traffic sign . traffic light . [SEP]
        (["traffic sign", "traffic light"], [0, 0.6, 0.1, 0, 0.5, 0.7, 0, 0], ("traffic light", 0.7)),
        # [CLS] a dog . a cat . [SEP]
        (["a dog", "a cat"], [0, 0.5, 0.1, 0, 0.4, 0.8, 0, 0], ("a cat", 0.8)),
        # [CLS] t - shirt . aa ##rd ##var ##k . [SEP]
        (["T-shirt", "aardvark"], [0, 0.1, 0.1, 0.2, 0, 0.3, 0.4, 0.9, 0.5, 0, 0], ("aardvark", 0.9)),
        (["T-shirt", "aardvark"], [0, 0.6, 0.5, 0.8, 0, 0.1, 0.1, 0.1, 0.9, 0, 0], ("T-shirt", 0.8)),
    ],
)
def test_a_box_is_named_by_the_phrase_whose_own_tokens_fired(dino, phrases, probabilities, expected) -> None:
    told = Told([probabilities], [[0.5, 0.5, 0.2, 0.2]])
    found = TransformersGroundingDino(told, dino.tokenizer, dino.processor).find(noise(50, 50), phrases)
    assert (phrases[found.phrases[0]], pytest.approx(expected[1])) == (expected[0], found.scores[0])


class Found(GroundingDino):
    """Finds what it is told to; `box_threshold` is unusual, to show that it is heeded."""

    box_threshold = 0.45

    def __init__(self, boxes, phrases, scores, fits=None) -> None:
        fits = None if fits is None else np.array(fits, np.float32)
        self.candidates = Candidates(np.array(boxes, np.float32), np.array(phrases), np.array(scores, np.float32), fits)
        self.asked = []

    def find(self, pixels, phrases):
        self.asked.append(tuple(phrases))
        return self.candidates


def detected(model, prompt, **options):
    family = SimpleNamespace(
        name="grounding_dino",
        resolve=lambda ref, *, offline: ModelSource("grounding_dino", ref, ref, "r1"),
        load=lambda source, *, device, dtype: model,
    )
    with use_scope(Scope(pool=ModelPool(families={"grounding_dino": family}))):
        return detect(Image(noise(100, 100)), prompt, **options)


TWO_DOGS_AND_A_CAT = Found(
    [[10, 10, 50, 50], [11, 10, 51, 50], [60, 60, 90, 90], [10, 10, 50, 50], [5, 5, 5, 50]],
    [0, 0, 0, 1, 0],
    [0.6, 0.9, 0.5, 0.7, 0.99],
)


def test_doubles_of_a_phrase_go_but_not_those_of_another_and_the_surest_comes_first() -> None:
    found = detected(TWO_DOGS_AND_A_CAT, "Dog. cat.")
    assert found.data["class_name"].tolist() == ["Dog", "cat", "Dog"]
    assert found.confidence.tolist() == pytest.approx([0.9, 0.7, 0.5])
    assert found.data["instance_id"].tolist() == [0, 1, 2]


def test_what_counts_as_a_double_can_be_said() -> None:
    assert detected(TWO_DOGS_AND_A_CAT, "Dog. cat.", nms_threshold=0.99).data["class_name"].tolist().count("Dog") == 3


def test_across_classes_each_thing_has_one_name() -> None:
    found = detected(TWO_DOGS_AND_A_CAT, "Dog. cat.", across_classes=True)
    assert found.data["class_name"].tolist() == ["Dog", "Dog"]


def test_the_class_id_is_the_place_in_the_prompt() -> None:
    found = detected(Found([[10, 10, 50, 50]], [2], [0.9]), "a cat. Dog. The Traffic-Light")
    assert (found.class_id.tolist(), found.data["class_name"].tolist()) == ([2], ["The Traffic-Light"])


def test_more_than_one_word_of_a_phrase_must_fit_if_that_is_asked_for() -> None:
    model = Found([[10, 10, 50, 50], [60, 60, 90, 90]], [0, 0], [0.9, 0.6], fits=[0.2, 0.5])
    found = detected(model, "man with the dog.", text_threshold=0.3)
    assert found.xyxy.tolist() == [[60, 60, 90, 90]]
    assert found.data["text_score"].tolist() == pytest.approx([0.5])
    assert len(detected(model, "man with the dog.")) == 2


def test_a_pass_for_each_class_on_request() -> None:
    model = Found([[10, 10, 50, 50]], [0], [0.9])
    found = detected(model, "cat. Dog. cow.", per_class=True)
    assert model.asked == [("cat",), ("Dog",), ("cow",)]
    assert found.data["class_name"].tolist() == ["cat", "Dog", "cow"]
    assert found.class_id.tolist() == [0, 1, 2]


def test_progress_counts_the_passes() -> None:
    seen = []
    detected(Found([[1, 1, 5, 5]], [0], [0.9]), "cat. dog.", per_class=True, report=lambda *told: seen.append(told))
    assert seen == [(1, 2, "cat"), (2, 2, "dog")]


def test_a_prompt_of_any_length_keeps_words_and_ids(dino) -> None:
    phrases = [f"{colour} {thing}" for colour in ("red", "Sign", "a") for thing in ("Dog", "cat", "bus", "aardvark")]
    found = detected(dino, ". ".join(phrases), box_threshold=0.0, nms_threshold=1.0)
    assert len(found) == 2 * 20
    assert found.data["class_name"].tolist() == [phrases[number] for number in found.class_id]
    assert {number // 8 for number in found.class_id} == {0, 1}


def test_the_models_own_threshold_holds_unless_another_is_given() -> None:
    model = Found([[10, 10, 50, 50], [60, 60, 90, 90]], [0, 0], [0.5, 0.4])
    assert len(detected(model, "dog.")) == 1
    assert len(detected(model, "dog.", box_threshold=0.3)) == 2


@pytest.mark.parametrize("prompt", ["", " . . ", "?!"])
def test_an_empty_prompt_finds_nothing_and_loads_nothing(prompt) -> None:
    found = detected(None, prompt)
    assert len(found) == 0
    assert list(found.data) == ["class_name", "text_score", "instance_id"]


def test_nothing_above_the_threshold_is_an_empty_value() -> None:
    found = detected(Found([[10, 10, 50, 50]], [0], [0.1]), "dog.")
    assert len(found) == 0
    assert found.data["class_name"].tolist() == []


LEASH_ON_DOG = Found(
    [[10, 10, 50, 50], [12, 10, 50, 50], [40, 40, 60, 60], [70, 70, 90, 90]], [0, 1, 1, 1], [0.9, 0.4, 0.2, 0.1]
)
"""A sure dog; of the leash a box that is the dog again, one of its own, and one less likely."""


def test_what_is_said_to_be_there_gets_a_second_look() -> None:
    found = detected(LEASH_ON_DOG, "dog. leash.", expected=True, box_floor=0.15)
    assert found.data["class_name"].tolist() == ["dog", "leash"]
    assert found.xyxy[1].tolist() == [40, 40, 60, 60]
    assert found.data["second_look"].tolist() == [False, True]


@pytest.mark.parametrize("options", [{}, {"expected": True}, {"box_floor": 0.0}, {"expected": True, "box_floor": 0.3}])
def test_there_is_no_second_look_unasked_nor_without_a_floor_nor_below_it(options) -> None:
    assert detected(LEASH_ON_DOG, "dog. leash.", **options).data["class_name"].tolist() == ["dog"]


def test_a_second_look_changes_nothing_where_the_first_found_something() -> None:
    model = Found([[10, 10, 50, 50], [60, 60, 90, 90]], [0, 0], [0.5, 0.4])
    assert detected(model, "dog.", expected=True, box_floor=0.0).confidence.tolist() == [0.5]


def test_a_second_look_heeds_the_text_threshold() -> None:
    model = Found([[10, 10, 50, 50], [60, 60, 90, 90]], [0, 0], [0.3, 0.2], fits=[0.1, 0.2])
    found = detected(model, "man with the dog.", expected=True, box_floor=0.0, text_threshold=0.15)
    assert found.xyxy.tolist() == [[60, 60, 90, 90]]


def test_a_phrase_is_settled_by_one_sure_box_and_then_its_weaker_ones_stay() -> None:
    boxes = [[10, 10, 50, 50], [60, 60, 90, 90], [0, 60, 30, 90]]
    found = detected(Found(boxes, [0, 0, 1], [0.6, 0.3, 0.3]), "dog. old leash. hat.", box_threshold=0.25)
    settled = settle("dog. old leash. hat.", found, least=0.5)
    assert settled.boxes.xyxy.tolist() == boxes[:2]
    assert settled.rest == "old leash. hat."
    assert settle("dog.", found[:0]).rest == "dog."
    assert settle("dog.", found).rest == ""


def test_a_directory_is_detected_with_through_the_pool(grounding_dino_directory) -> None:
    with use_scope(Scope(pool=ModelPool(families={"grounding_dino": FAMILY}, offline=True))):
        found = detect(
            Image(noise(80, 120)), "dog. cat.", model=Model(str(grounding_dino_directory)), box_threshold=0.0
        )
    assert set(found.data["class_name"]) <= {"dog", "cat"}
    assert len(found) > 0


def test_recommendations_beside_the_weights_set_the_thresholds(grounding_dino_directory, tmp_path) -> None:
    shutil.copytree(grounding_dino_directory, tmp_path, dirs_exist_ok=True)
    (tmp_path / "samloom.json").write_text('{"box_threshold": 0.125, "box_floor": 0.0625}')
    dino = load(tmp_path, device="cpu", dtype="float32")
    assert (dino.box_threshold, dino.nms_threshold) == (0.125, GroundingDino.nms_threshold)
    found = detected(dino, "dog.", expected=True, box_threshold=1.0)
    assert (dino.box_floor, len(found), found.data["second_look"].tolist()) == (0.0625, 1, [True])


@pytest.mark.slow
def test_the_published_size_runs_on_a_photograph_sized_picture(grounding_dino_directory, tmp_path) -> None:
    """Swin-T, 900 queries, 256 wide: the configuration of grounding-dino-tiny, with random weights."""
    from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil

    shutil.copytree(grounding_dino_directory, tmp_path, dirs_exist_ok=True)
    swin = SwinConfig(embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], window_size=7, out_indices=[2, 3, 4])
    GroundingDinoForObjectDetection(GroundingDinoConfig(backbone_config=swin)).save_pretrained(tmp_path)
    GroundingDinoImageProcessorPil().save_pretrained(tmp_path)
    dino = load(tmp_path, device="cpu", dtype="float32")
    assert dino.find(noise(480, 640), ["traffic light", "a cat"]).boxes.shape == (900, 4)
