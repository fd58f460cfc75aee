"""Training of the bundled SAM: growing keeps what pixels mean, batches say what is where, runs can be interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recipes.sam import train
from recipes.sam.data import make_batch, normalise, shrink
from recipes.sam.dense import DenseHead, things_and_edges
from recipes.sam.evaluate import middle
from recipes.sam.grow import FREQUENCIES, grow
from recipes.sam.stages import Stage
from recipes.world import Atlas, SceneSpec, Sprite
from sam_model.config import TINY
from sam_model.modeling.sam import build_sam

SMALL = replace(TINY, image_size=48, encoder_width=16, encoder_depth=2, encoder_heads=2, window_size=3,
                global_blocks=(1,), width=16, decoder_mlp_width=16)  # fmt: skip
DISC = (np.hypot(*(np.mgrid[:40, :40] - 19.5)) < 20) * np.uint8(255)
ATLAS = Atlas((Sprite("disc", "plain", "disc", (np.repeat(DISC[..., None], 4, axis=2),)),))
SPEC = SceneSpec(size=48, objects=(1, 2), scale=(0.3, 0.5))


def test_a_grown_network_encodes_the_same_pixel_distances() -> None:
    small, large = build_sam(SMALL), build_sam(replace(SMALL, image_size=96))
    large.load_state_dict(grow(small.state_dict(), large.state_dict()))
    for here, there in (((10.0, 20.0), (17.0, 5.0)), ((0.0, 0.0), (40.0, 40.0))):
        products = []
        for sam in (small, large):
            encoded = sam.prompt_encoder.pe_layer(torch.tensor([here, there]) / sam.config.image_size)
            products.append(float(encoded[0] @ encoded[1]))
        assert products[0] == pytest.approx(products[1], abs=1e-3)


def test_growing_keeps_the_vectors_of_known_distances() -> None:
    small, large = build_sam(SMALL).state_dict(), build_sam(replace(SMALL, image_size=96)).state_dict()
    name = "image_encoder.blocks.1.attn.rel_pos_h"
    grown = grow(small, large)
    assert {key: value.shape for key, value in grown.items()} == {key: value.shape for key, value in large.items()}
    assert torch.equal(grown[name][6:17], small[name])
    assert torch.equal(grown[name][0], small[name][0])
    assert not torch.equal(grown[FREQUENCIES], small[FREQUENCIES])


def test_growing_into_smaller_windows_keeps_the_near_distances() -> None:
    small, large = build_sam(SMALL).state_dict(), build_sam(replace(SMALL, window_size=2)).state_dict()
    name = "image_encoder.blocks.0.attn.rel_pos_w"
    assert torch.equal(grow(small, large)[name], small[name][1:-1])


def test_a_batch_repeats_and_its_boxes_frame_its_targets() -> None:
    first, second = (make_batch(ATLAS, SPEC, [[1, 2], [1, 3]], prompts=2, logits_size=24) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.targets, second.targets)
    for (left, top, right, bottom), target in zip(first.boxes.int().tolist(), first.targets, strict=True):
        rows, columns = torch.nonzero(target, as_tuple=True)
        assert (columns.min() * 2 - left, rows.min() * 2 - top) <= (0, 0)
        assert abs(int(columns.max()) * 2 + 1 - (right - 1)) <= 1
        assert abs(int(rows.max()) * 2 + 1 - (bottom - 1)) <= 1


def test_a_shrunk_mask_holds_the_covered_share_of_each_cell() -> None:
    mask = np.zeros((4, 4), dtype=bool)
    mask[0, :3] = True
    assert shrink(mask, 2).tolist() == [[0.5, 0.25], [0, 0]]


def test_pictures_are_normalised_as_the_official_preprocessing_does() -> None:
    grey = normalise(np.full((2, 3, 3), 128, np.uint8))
    assert grey.shape == (3, 2, 3)
    assert grey[:, 0, 0].tolist() == pytest.approx([4.325 / 58.395, 11.72 / 57.12, 24.47 / 57.375], abs=1e-5)


def test_edges_lie_where_things_meet_too() -> None:
    masks = np.zeros((2, 16, 16), dtype=bool)
    masks[0, :, :8], masks[1, :, 8:] = True, True
    things, edges = things_and_edges(masks, 8)
    assert things.min() == 1
    assert edges[:, 3:5].min() == 1
    assert edges[:, :3].max() == edges[:, 5:].max() == 0


def test_the_dense_head_puts_cells_where_their_patch_is() -> None:
    head = DenseHead(1)
    torch.nn.init.ones_(head.project.weight)
    torch.nn.init.zeros_(head.project.bias)
    embedding = torch.zeros(1, 1, 2, 2)
    embedding[0, 0, 1, 0] = 1
    assert torch.nonzero(head(embedding)[0, 0]).tolist() == [[y, x] for y in range(4, 8) for x in range(4)]


def test_the_first_click_of_the_exam_is_deepest_inside() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:9, 4:11] = True
    assert middle(mask).tolist() == [7, 5]


@pytest.mark.slow
def test_an_interrupted_run_ends_like_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(config=SMALL, spec=SPEC, exam=SPEC, steps=2, pictures=1, dense_weight=1.0, warmup=2, final_rate=0.1)
    ends = []
    for name, stops in (("whole", (2,)), ("broken", (1, 2))):
        monkeypatch.setattr(train, "RUNS", tmp_path / name)
        for stop in stops:
            run = train.Run("stage", stage)
            while run.step < stop:
                train._step(run, ATLAS)
            run.save()
        ends.append(run.average.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
