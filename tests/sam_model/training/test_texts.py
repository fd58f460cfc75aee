"""The text-to-mask variant: crops of masks through CLIP in place of words, as the first prompt only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sam_model import Sam, build_sam, save_sam
from sam_model.errors import ConfigError
from sam_model.training.config import NetworkSettings, PromptSettings, problems_of
from sam_model.training.crops import CropReader, draw_crop, read_crops
from sam_model.training.interaction import Wanted, converse
from sam_model.training.network import begin as begin_network
from sam_model.training.trainer import Trainer

WIDTH = 6


def embed(crops) -> np.ndarray:
    """A CLIP that sees nothing but mean colour."""
    colours = np.array([[*crop.reshape(-1, 3).mean(axis=0), 9, 9, 9] for crop in crops], np.float32).reshape(-1, WIDTH)
    return colours / np.linalg.norm(colours, axis=1, keepdims=True)


CLIP = CropReader(width=WIDTH, embed=embed)


class Notes(Sam):
    """A network that notes what its decoder is asked."""

    def __init__(self, config) -> None:
        super().__init__(config)
        self.asked: list[dict] = []

    def decode(self, image_embeddings, **prompts):
        self.asked.append(prompts)
        return super().decode(image_embeddings, **prompts)


@pytest.fixture
def talk(small):
    """Hold a conversation about three masks, of which the last has no text."""

    def hold(**changes):
        network = Notes(replace(small, text_width=WIDTH))
        targets = torch.zeros(3, 32, 32)
        for number, target in enumerate(targets):
            target[4 + number : 14, 6:20] = 1
        texts = torch.eye(3, WIDTH) * torch.tensor([[1.0], [1.0], [0.0]])
        wanted = Wanted(targets, torch.tensor([[12.0, 8, 40, 28]]).expand(3, 4), (64, 64), texts)
        settings = replace(PromptSettings(rounds=3, boxes=0.0), **changes)
        generator = torch.Generator().manual_seed(0)
        rounds = list(converse(network, torch.zeros(1, 32, 8, 8), wanted, settings, generator=generator))
        return network.asked, rounds

    return hold


def test_a_text_stands_alone_first_and_clicks_follow(talk):
    asked, rounds = talk(texts=1.0)
    by_text = [prompts for prompts in asked if "texts" in prompts]
    assert len(by_text) == 3
    assert "points" not in by_text[0]
    assert by_text[1]["points"][0].shape[1] == 1
    assert all(torch.equal(prompts["texts"], torch.eye(3, WIDTH)[:2]) for prompts in by_text)
    assert all("boxes" not in prompts for prompts in by_text)
    assert rounds[0].prompts.by_text.tolist() == [True, True, False]


def test_a_mask_without_a_text_is_asked_for_otherwise(talk):
    asked, _ = talk(texts=1.0)
    first_click = next(prompts for prompts in asked if "texts" not in prompts)
    assert first_click["points"][0].shape == (1, 1, 2)


def test_the_share_decides_who_is_asked_by_text(talk):
    asked, rounds = talk(texts=0.0)
    assert not rounds[0].prompts.by_text.any()
    assert all("texts" not in prompts for prompts in asked)


@pytest.fixture
def scene():
    pixels = np.full((200, 300, 3), 200, np.uint8)
    mask = np.zeros((200, 300), bool)
    mask[20:140, 100:240] = True
    pixels[mask] = (255, 0, 0)
    return pixels, mask


def test_crops_are_squares_of_one_to_two_times_the_mask(scene):
    random = np.random.default_rng(0)
    sides = [draw_crop(*scene, random).shape for _ in range(200)]
    assert all(height == width for height, width, _ in sides)
    assert min(sides)[0] == pytest.approx(140, abs=3)
    assert max(sides)[0] == pytest.approx(280, abs=5)


def test_half_of_the_crops_are_black_around_the_mask(scene):
    random = np.random.default_rng(0)
    crops = [draw_crop(*scene, random) for _ in range(400)]
    alone = [not (crop == 200).any() for crop in crops]
    assert np.mean(alone) == pytest.approx(0.5, abs=0.08)
    reds = {int((crop == (255, 0, 0)).all(axis=2).sum()) for crop in crops}
    assert reds == {120 * 140}, "the mask's own pixels are always whole"


def test_small_masks_are_not_shown():
    mask = np.zeros((300, 300), bool)
    mask[:99, :101] = True
    assert draw_crop(np.zeros((300, 300, 3), np.uint8), mask, np.random.default_rng(0)) is None
    mask[:100, :100] = True
    assert draw_crop(np.zeros((300, 300, 3), np.uint8), mask, np.random.default_rng(0)) is not None


def test_what_is_not_shown_has_no_text(scene):
    crop = draw_crop(*scene, np.random.default_rng(0))
    texts = read_crops(CLIP, [None, crop, None])
    assert texts.shape == (3, WIDTH)
    assert texts.any(dim=1).tolist() == [False, True, False]


def test_a_checkpoint_learns_to_take_texts(small, tmp_path):
    before = build_sam(small)
    save_sam(before, tmp_path)
    after = begin_network(NetworkSettings(start=tmp_path), seed=0, text_width=WIDTH)
    assert after.config == replace(small, text_width=WIDTH)
    assert all(torch.equal(tensor, after.state_dict()[name]) for name, tensor in before.state_dict().items())


def test_a_network_keeps_to_its_clip(small, tmp_path):
    save_sam(build_sam(replace(small, text_width=WIDTH)), tmp_path)
    with pytest.raises(ConfigError, match=r"^network.clip gives 4 numbers, but the network has learnt texts of 6"):
        begin_network(NetworkSettings(start=tmp_path), seed=0, text_width=4)


def test_training_teaches_the_way_texts_come_in(begin, tmp_path, monkeypatch):
    monkeypatch.setattr(draw_crop, "__kwdefaults__", {"least_area": 0})
    config = begin(network={"clip": tmp_path}, prompts={"texts": 1.0})
    trainer = Trainer(config, clip=CLIP)
    before = trainer.learner.sam.prompt_encoder.text_proj.weight.clone()
    trainer.train()
    assert not torch.equal(trainer.learner.sam.prompt_encoder.text_proj.weight, before)


def test_a_clip_that_is_named_must_be_given(begin, tmp_path):
    with pytest.raises(ConfigError, match=r"^network.clip and the trainer's clip go together"):
        Trainer(begin(network={"clip": tmp_path}, prompts={"texts": 0.5}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": {"clip": Path("clip")}}, "is 0: network.clip is given"),
        ({"prompts": {"texts": 0.5}}, "needs network.clip, whose embeddings"),
    ],
)
def test_a_clip_and_its_share_go_together(begin, changes, words):
    ((where, message),) = problems_of(begin(**changes))
    assert where == ("prompts", "texts")
    assert message.startswith(words)
