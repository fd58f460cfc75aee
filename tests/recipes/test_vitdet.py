"""Training of the bundled ViTDet: what it should have said, where it starts, and that runs can be interrupted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from plugins.vitdet.modeling import VitDet
from plugins.vitdet.modeling.boxes import decode
from plugins.vitdet.modeling.proposals import anchors
from recipes.grounding_dino.stream import View
from recipes.vitdet import train
from recipes.vitdet.data import IGNORED, NOTHING, Batch, Things, outlined, token_classes
from recipes.vitdet.losses import losses, naming_loss
from recipes.vitdet.stages import CONFIG, STAGES
from recipes.vitdet.start import DETECTOR, fresh_network, stem_weights
from recipes.vitdet.targets import classes_of, encode, masks_of, sampled_anchors, sampled_proposals
from recipes.world import DETECTION_NOUNS, Atlas, Sprite

NOBODY = Things(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 96, 96))


def two_things() -> Things:
    masks = torch.zeros(2, 96, 96)
    masks[0, 16:48, 16:48] = 1
    masks[1, 48:80, 40:90] = 1
    return Things(torch.tensor([[16.0, 16, 48, 48], [40, 48, 90, 80]]), torch.tensor([3, 7]), masks)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_deltas_lead_from_a_box_to_the_one_wanted() -> None:
    boxes, wanted = torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[3.0, 5, 33, 15]])
    torch.testing.assert_close(decode(encode(boxes, wanted)[:, None], boxes, (10.0, 5.0))[:, 0], wanted)


def test_every_thing_has_an_anchor_and_half_of_the_sample_at_most_is_things() -> None:
    around = torch.cat([anchors((96 // stride, 96 // stride), stride, 4) for stride in (8, 16, 32)])
    sample = sampled_anchors(around, two_things(), 32, generator())
    assert set(sample.owners.tolist()) == {-1, 0, 1}
    assert (sample.owners >= 0).sum() <= 16
    assert len(sample.places.unique()) == len(sample.places) == 32


def test_a_proposal_shows_the_thing_that_it_overlaps_by_half() -> None:
    boxes = torch.tensor([[16.0, 16, 48, 48], [16, 16, 48, 30], [0, 80, 9, 96], [42, 50, 88, 80]])
    sample = sampled_proposals(boxes, two_things(), 12, generator())
    owners = dict(zip(sample.places.tolist(), sample.owners.tolist(), strict=True))
    assert owners == {0: 0, 1: -1, 2: -1, 3: 1}
    assert classes_of(sample.owners, two_things()).tolist().count(NOTHING) == 2


def test_an_empty_picture_teaches_what_is_nothing() -> None:
    sample = sampled_proposals(torch.tensor([[0.0, 0, 9, 9]]), NOBODY, 4, generator())
    assert sample.owners.tolist() == [-1]
    assert classes_of(sample.owners, NOBODY).tolist() == [NOTHING]


def test_the_mask_of_a_box_is_the_part_of_the_thing_in_it() -> None:
    left_half_outside = torch.tensor([[0.0, 16, 32, 48]])
    mask = masks_of(left_half_outside, torch.tensor([0]), two_things())[0]
    assert mask[:, :14].sum() == 0
    assert mask[:, 14:].all()


def view() -> View:
    masks = np.zeros((1, 32, 32), bool)
    masks[0, :16, :20] = True
    return View(np.full((32, 32, 3), 128, np.uint8), masks, np.array([[0, 0, 20, 16]], np.float32), ("cat",))


def test_a_token_has_the_class_of_what_covers_its_patch() -> None:
    cat = DETECTION_NOUNS.index("cat")
    assert token_classes(view(), 16).tolist() == [[cat, IGNORED], [NOTHING, NOTHING]]


def test_redrawn_things_have_dark_edges_and_nothing_else_changes() -> None:
    drawn = outlined(np.random.default_rng(0), view())
    assert drawn[:14, 18:22].min(axis=2).min() < 40
    assert (drawn[20:, 24:] == 128).all()


def test_naming_is_not_asked_where_a_patch_is_mixed() -> None:
    logits = torch.randn(1, 2, 2, NOTHING + 1)
    classes = torch.tensor([[[3, IGNORED], [NOTHING, NOTHING]]])
    before = naming_loss(logits, classes)
    logits[0, 0, 1] += torch.randn(NOTHING + 1)
    assert torch.equal(naming_loss(logits, classes), before)


@pytest.fixture(scope="module")
def start() -> VitDet:
    torch.manual_seed(0)
    return fresh_network()


def test_the_stem_starts_as_the_text_detectors_backbone(start: VitDet) -> None:
    stem = start.backbone.net.patch_embed
    folded = stem_weights(load_file(DETECTOR), stem.state_dict())
    assert all(torch.equal(value, folded[name]) for name, value in stem.state_dict().items())
    assert {name for name, value in stem.named_parameters() if not value.requires_grad} >= {"first.weight"}


def test_the_transformer_changes_nothing_at_first(start: VitDet) -> None:
    tokens = torch.randn(1, 12, 12, CONFIG.encoder_width)
    for block in start.backbone.net.blocks:
        assert torch.equal(block(tokens), tokens)


def test_the_bundled_detector_stays_small(start: VitDet) -> None:
    assert sum(parameter.numel() for parameter in start.parameters()) * 2 < 8e6


def batch_of(things: tuple[Things, ...]) -> Batch:
    side = CONFIG.image_size
    large = tuple(
        Things(one.boxes * 2, one.classes, one.masks.repeat_interleave(2, 1).repeat_interleave(2, 2)) for one in things
    )
    tokens = torch.full((len(things), side // 16, side // 16), NOTHING)
    return Batch(torch.randn(len(things), 3, side, side), large, tokens)


@pytest.mark.slow
def test_losses_are_finite_and_reach_every_weight_that_learns(start: VitDet) -> None:
    network, naming = start.train(), torch.nn.Linear(CONFIG.encoder_width, NOTHING + 1)
    terms = losses(network, naming, batch_of((two_things(), NOBODY)), STAGES["first"], generator())
    assert set(terms) == {"naming", "thing", "anchor", "class", "box", "mask"}
    assert all(term.isfinite() for term in terms.values())
    torch.autograd.backward(torch.stack(list(terms.values())).sum())
    without = [name for name, value in network.named_parameters() if value.requires_grad and value.grad is None]
    # Things are too small for the coarse levels in this batch; nothing else may be left out.
    assert [name for name in without if not name.startswith("backbone.simfp_5")] == []


def disc_atlas() -> Atlas:
    disc = (np.hypot(*(np.mgrid[:40, :40] - 19.5)) < 20) * np.uint8(255)
    return Atlas((Sprite("ball", "plain", "disc", (np.repeat(disc[..., None], 4, axis=2),)),))


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(train, "RUNS", tmp_path)
    # The rate must not follow the clock here.
    monkeypatch.setattr(train.Run, "progress", property(lambda run: 0.0))
    stage = replace(STAGES["first"], pictures=2)
    straight, weights = train.Run("straight", stage), []
    source = train.Source(disc_atlas(), stage)
    for _ in range(3):
        train.advance(straight, source)
    weights.append(straight.network.state_dict())
    stopped = train.Run("stopped", stage)
    train.advance(stopped, train.Source(disc_atlas(), stage))
    stopped.save()
    again = train.Run("stopped", stage)
    assert again.step == 1
    for _ in range(2):
        train.advance(again, train.Source(disc_atlas(), stage))
    weights.append(again.network.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
