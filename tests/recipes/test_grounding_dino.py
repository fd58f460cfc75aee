"""The detector's recipe: what it asks, what it sees, and that its shortcuts change no result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertConfig, BertModel, GroundingDinoForObjectDetection

from recipes.evaluation.finding import Answer
from recipes.grounding_dino.export import FALSE_SECONDS, LEAST_FLOOR, blend, least_floor, most_telling
from recipes.grounding_dino.model import PRIOR, SIZE, build_detector, fold_batch_norm, unfolded_state
from recipes.grounding_dino.pretrain import BACKGROUND, IGNORED, UNNAMED, cell_labels, naming_loss, whitening
from recipes.grounding_dino.prompts import Asker, plural
from recipes.grounding_dino.stream import SceneStream, View, mixture
from recipes.grounding_dino.text import DELIMITERS, KEPT_IDS, MemoisedText, phrase_masks, prune_tokenizer
from recipes.grounding_dino.train import cell_centres, heads
from recipes.world import DETECTION_NOUNS, SceneSpec
from recipes.world.art import Atlas, Sprite

TOKENIZER = Path(__file__).parents[2] / "plugins" / "bundled" / "grounding_dino"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(TOKENIZER)


@pytest.fixture(scope="module")
def encoder(tokenizer: Any) -> BertModel:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    return BertModel(config, add_pooling_layer=False).eval()


@pytest.fixture(scope="module")
def detector(encoder: BertModel) -> GroundingDinoForObjectDetection:
    torch.manual_seed(0)
    built = build_detector(encoder.config).eval()
    for name, buffer in built.model.backbone.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return built


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas(tuple(_sprite(name, shade) for name, shade in (("dog", 40), ("cat", 120), ("kite", 200))))


def _sprite(name: str, shade: int) -> Sprite:
    full = np.full((160, 100, 4), (shade, 90, 255 - shade, 255), dtype=np.uint8)
    return Sprite(name, "noto", name, (full, full[::2, ::2].copy(), full[::4, ::4].copy()))


def _view(*names: str) -> View:
    masks = np.zeros((len(names), 64, 64), dtype=np.bool_)
    for index in range(len(names)):
        masks[index, :32, 32 * index : 32 * index + 32] = True
    boxes = np.array([[32 * index, 0, 32 * index + 32, 32] for index in range(len(names))], dtype=np.float32)
    return View(np.zeros((64, 64, 3), np.uint8), masks, boxes.reshape(-1, 4), names)


def test_remembered_text_equals_the_encoder(tokenizer: Any, encoder: BertModel) -> None:
    batch = tokenizer(["dog. soccer ball. sunflower.", "cat."], padding=True, return_tensors="pt")
    mask, positions = phrase_masks(batch["input_ids"], torch.tensor(DELIMITERS))
    with torch.no_grad():
        plain = encoder(batch["input_ids"], mask[:, None], position_ids=positions).last_hidden_state
    real = batch["attention_mask"].bool()
    remembered = MemoisedText(encoder)(batch["input_ids"]).last_hidden_state
    assert torch.allclose(remembered[real], plain[real], atol=1e-5)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A tokenizer with as many pieces as BERT's, the rare ones last."""
    description = json.loads((TOKENIZER / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = description["model"]["vocab"]
    for number in range(len(vocabulary), KEPT_IDS + 1000):
        vocabulary[f"rare{number}"] = number
    (tmp_path / "tokenizer.json").write_text(json.dumps(description), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_bytes((TOKENIZER / "tokenizer_config.json").read_bytes())
    return tmp_path


def test_pruning_keeps_the_delimiters_and_the_words_asked_for(large: Path, tmp_path: Path) -> None:
    wanted = f"rare{KEPT_IDS + 7}"
    kept = prune_tokenizer(large, tmp_path / "small", [wanted])
    before, pruned = AutoTokenizer.from_pretrained(large), AutoTokenizer.from_pretrained(tmp_path / "small")
    ids = pruned(f"dog. {wanted}?")["input_ids"]
    assert len(kept) == KEPT_IDS + 1
    assert [kept[index] for index in ids] == before(f"dog. {wanted}?")["input_ids"]
    assert {101, 102, 1012, 1029} <= set(ids)


def test_folding_the_norms_and_back_changes_nothing(detector: GroundingDinoForObjectDetection) -> None:
    backbone = detector.model.backbone.conv_encoder.model
    pixels = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = backbone(pixels).feature_maps
        folded = build_detector(detector.config.text_config)
        folded.load_state_dict(detector.state_dict())
        fold_batch_norm(folded.model.backbone.conv_encoder.model)
        during = folded.model.backbone.conv_encoder.model(pixels).feature_maps
        again = build_detector(detector.config.text_config)
        again.load_state_dict(unfolded_state(folded))
        after = again.model.backbone.conv_encoder.model(pixels).feature_maps
    assert len(before) == len(during) == len(after) == 2
    for one, two, three in zip(before, during, after, strict=True):
        assert torch.allclose(one, two, atol=1e-4)
        assert torch.allclose(one, three, atol=1e-4)


def test_heads_are_those_of_transformers(tokenizer: Any, detector: GroundingDinoForObjectDetection) -> None:
    text = tokenizer(["dog. cat."], return_tensors="pt")
    pixels = torch.randn(1, 3, 160, 192)
    with torch.no_grad():
        theirs = detector(pixel_values=pixels, input_ids=text["input_ids"], attention_mask=text["attention_mask"])
        cells, *layers = heads(detector, pixels, text["input_ids"], text["attention_mask"])
    assert torch.allclose(layers[-1].logits, theirs.logits[..., : layers[-1].logits.shape[-1]], atol=1e-4)
    assert torch.allclose(layers[-1].boxes, theirs.pred_boxes, atol=1e-4)
    assert cells.boxes.shape[1] == len(cell_centres((160, 192)))


def test_an_untrained_detector_expects_nothing(tokenizer: Any, detector: GroundingDinoForObjectDetection) -> None:
    text = tokenizer(["dog. cat."], return_tensors="pt")
    with torch.no_grad():
        stages = heads(detector, torch.randn(1, 3, SIZE, SIZE), text["input_ids"], text["attention_mask"])
    for stage in stages:
        assert stage.logits.mean().item() == pytest.approx(PRIOR, abs=2)


def test_centres_are_in_the_order_of_the_flattened_maps() -> None:
    centres = cell_centres((32, 64))
    assert centres.tolist()[:5] == [[0.125, 0.25], [0.375, 0.25], [0.625, 0.25], [0.875, 0.25], [0.125, 0.75]]
    assert centres.tolist()[8:] == [[0.25, 0.5], [0.75, 0.5]]


def test_a_batch_depends_on_seed_and_step_alone(atlas: Atlas) -> None:
    spec = SceneSpec(size=64)
    running = SceneStream(atlas, spec, seed=3, batch=6)
    batches = [running.views(step) for step in range(3)]
    resumed = SceneStream(atlas, spec, seed=3, batch=6).views(2)
    assert all(np.array_equal(one.image, two.image) for one, two in zip(batches[2], resumed, strict=True))
    assert not np.array_equal(batches[1][0].image, batches[2][0].image)


def test_boxes_follow_what_is_still_visible(atlas: Atlas) -> None:
    views = SceneStream(atlas, SceneSpec(size=64), seed=4, batch=24).views(0)
    for view in views:
        for mask, (left, top, right, bottom) in zip(view.masks, view.boxes.astype(int).tolist(), strict=True):
            assert mask[top:bottom, left:right].sum() == mask.sum() > 0
            assert mask[top:bottom, left].any()
            assert mask[top:bottom, right - 1].any()


def test_nouns_have_their_share_of_the_draws() -> None:
    names = mixture([f"thing {index}" for index in range(490)], nouns=0.8)
    assert np.mean([name in DETECTION_NOUNS for name in names]) == pytest.approx(0.8, abs=0.02)


def test_answers_point_at_the_tokens_of_their_own_phrase(tokenizer: Any) -> None:
    asker = Asker(tokenizer, ["kite"])
    for seed in range(20):
        questions = asker.questions(np.random.default_rng(seed), [_view("sunflower", "kite")])
        for tokens, real in zip(questions.targets.tokens[0], questions.targets.real[0], strict=True):
            named = questions.input_ids[0][tokens]
            assert real
            assert not torch.isin(named, torch.tensor(DELIMITERS)).any()
            assert any(word in tokenizer.decode(named) for word in ("sunflower", "flower", "kite"))


def test_what_is_not_asked_for_is_no_target(tokenizer: Any) -> None:
    asker = Asker(tokenizer, ["kite"])
    counts = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        asked = set(asker.names(np.random.default_rng(seed), ("dog", "cat")))
        targets = asker.questions(rng, [_view("dog", "cat")]).targets
        counts.add(int(targets.real.sum()))
        assert int(targets.real.sum()) == len(asked & {"dog", "cat"})
    assert counts == {0, 1, 2}


def test_absent_names_are_asked_for_as_well(tokenizer: Any) -> None:
    asker = Asker(tokenizer, ["kite"])
    absent = [set(asker.names(np.random.default_rng(seed), ("dog",))) - {"dog"} for seed in range(30)]
    assert np.mean([len(names) for names in absent]) > 3


@pytest.mark.parametrize(
    ("one", "many"),
    [("bus", "buses"), ("puppy", "puppies"), ("mouse", "mice"), ("sheep", "sheep"), ("monkey", "monkeys")],
)
def test_plural(one: str, many: str) -> None:
    assert plural(one) == many


def test_cells_are_named_by_what_covers_them() -> None:
    labels = cell_labels(_view("dog", "kite"), 16, {"dog": 5}).reshape(4, 4)
    assert (labels[:2, :2] == 5).all()
    assert (labels[:2, 2:] == UNNAMED).all()
    assert (labels[2:] == BACKGROUND).all()
    assert (cell_labels(_view("dog"), 64, {"dog": 5}) == IGNORED).all()


def test_undecided_cells_teach_nothing() -> None:
    logits = torch.randn(1, 3, 7)
    decided = torch.tensor([[0, BACKGROUND, IGNORED]])
    changed = logits.clone()
    changed[0, 2] = 50.0
    assert naming_loss(logits, decided) == naming_loss(changed, decided)
    changed[0, 0] += torch.arange(7.0)
    assert naming_loss(logits, decided) != naming_loss(changed, decided)


def test_whitened_words_stand_apart() -> None:
    torch.manual_seed(0)
    words = torch.randn(200, 48) + 30 * torch.randn(200, 1) * torch.ones(48)
    weight, bias = whitening(words, 16)
    projected = words @ weight.mT + bias
    assert torch.allclose(projected.mean(0), torch.zeros(16), atol=1e-3)
    assert torch.allclose(projected.mT @ projected / 200, torch.eye(16), atol=1e-2)


def test_the_threshold_separates_present_from_absent() -> None:
    assert most_telling([0.5, 0.6, 0.44], [0.2, 0.31, 0.38]) == pytest.approx(0.4)


def test_the_floor_lets_few_absent_things_pass() -> None:
    asked = 100
    passing = [Answer(score, 0.5, right=False) for score in np.linspace(0.1, 0.19, round(asked * FALSE_SECONDS * 2))]
    unconfirmed = [Answer(0.15, 1e-6, right=False) for _ in range(asked - len(passing))]
    floor = least_floor([*passing, *unconfirmed], 0.22)
    assert np.mean([answer.score >= floor for answer in passing]) == pytest.approx(0.5)
    assert least_floor(unconfirmed, 0.22) == LEAST_FLOOR


def test_the_floor_is_at_most_the_threshold() -> None:
    assert least_floor([Answer(0.199, 0.5, right=False)] * 10, 0.2) == pytest.approx(0.2)


def test_detector_and_clip_together_need_both() -> None:
    assert Answer(0.4, 0.5, right=True).together > Answer(0.4, 1e-3, right=True).together
    assert Answer(0.4, 0.5, right=True).together > Answer(0.2, 0.5, right=True).together


def test_a_blend_lies_between_the_weights_and_leaves_counters_alone(tmp_path):
    file = tmp_path / "model.safetensors"
    save_file({"weight": torch.ones(2, dtype=torch.float16), "count": torch.tensor([7])}, file)
    blend(file, {"weight": torch.zeros(2, dtype=torch.float16), "count": torch.tensor([1])}, 0.25)
    state = load_file(file)
    assert state["weight"].dtype == torch.float16
    assert state["weight"].tolist() == [0.75, 0.75]
    assert state["count"].tolist() == [7]
