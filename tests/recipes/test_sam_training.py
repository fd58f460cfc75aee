"""Training of the bundled SAM: growing keeps what pixels mean, batches say what is where, runs can be interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImage

from pipelines.errors import UserError
from recipes.sam import train
from recipes.sam.cutouts import load_cutouts
from recipes.sam.data import PIXEL_MEAN, PIXEL_STD, make_batch, normalise, shrink
from recipes.sam.disguise import photographed, textured
from recipes.sam.evaluate import middle
from recipes.sam.grow import FREQUENCIES, grow
from recipes.sam.lessons import lesson, lessons
from recipes.sam.muon import Muon, matrices_of, orthogonal
from recipes.sam.stages import Stage
from recipes.world import Atlas, SceneSpec, Sprite
from sam_model.config import TINY, SamConfig, TinyVitConfig
from sam_model.modeling.sam import build_sam

PLAIN = replace(TINY, image_size=48, encoder_width=16, encoder_depth=2, encoder_heads=2, window_size=3,
                global_blocks=(1,), width=16, decoder_mlp_width=16)  # fmt: skip
ENCODER = TinyVitConfig(
    widths=(8, 8, 16, 16), depths=(1, 1, 1, 1), heads=(2, 2, 2), windows=(3, 3, 3), strides=(2, 1, 1), classes=0
)
SMALL = replace(PLAIN, tiny_vit=ENCODER)
DISC = (np.hypot(*(np.mgrid[:40, :40] - 19.5)) < 20) * np.uint8(255)
ATLAS = Atlas((Sprite("disc", "plain", "disc", (np.repeat(DISC[..., None], 4, axis=2),)),))
SHADES = {"dark": 30, "light": 225}
NAMED = Atlas(tuple(Sprite(name, "plain", name, (np.dstack([np.minimum(DISC, shade)] * 3 + [DISC]),))
                    for name, shade in SHADES.items()))  # fmt: skip
SPEC = SceneSpec(size=48, objects=(1, 2), scale=(0.3, 0.5))


def with_window(window: int) -> SamConfig:
    """A network whose last blocks look through windows of this side."""
    return replace(SMALL, tiny_vit=replace(ENCODER, windows=(3, 3, window)))


def test_a_grown_network_encodes_the_same_pixel_distances() -> None:
    small, large = build_sam(SMALL), build_sam(replace(SMALL, image_size=96))
    large.load_state_dict(grow(small.state_dict(), large.state_dict(), factor=2))
    for here, there in (((10.0, 20.0), (17.0, 5.0)), ((0.0, 0.0), (40.0, 40.0))):
        products = []
        for sam in (small, large):
            encoded = sam.prompt_encoder.pe_layer(torch.tensor([here, there]) / sam.config.image_size)
            products.append(float(encoded[0] @ encoded[1]))
        assert products[0] == pytest.approx(products[1], abs=1e-3)


def test_growing_keeps_the_vectors_of_known_distances() -> None:
    small, large = build_sam(PLAIN).state_dict(), build_sam(replace(PLAIN, image_size=96)).state_dict()
    name = "image_encoder.blocks.1.attn.rel_pos_h"
    grown = grow(small, large, factor=2)
    assert {key: value.shape for key, value in grown.items()} == {key: value.shape for key, value in large.items()}
    assert torch.equal(grown[name][6:17], small[name])
    assert torch.equal(grown[name][0], small[name][0])
    assert not torch.equal(grown[FREQUENCIES], small[FREQUENCIES])


def test_growing_into_smaller_windows_keeps_the_near_distances() -> None:
    small, large = build_sam(PLAIN).state_dict(), build_sam(replace(PLAIN, window_size=2)).state_dict()
    name = "image_encoder.blocks.0.attn.rel_pos_w"
    assert torch.equal(grow(small, large, factor=1)[name], small[name][1:-1])


@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 2)])
def test_growing_keeps_the_biases_of_known_distances_and_goes_on_with_the_farthest(before: int, after: int) -> None:
    small, large = (build_sam(with_window(window)).state_dict() for window in (before, after))
    name = "image_encoder.layers.3.blocks.0.attn.attention_biases"
    small[name] = torch.arange(before**2.0).repeat(2, 1)
    table, grown = small[name].view(2, before, before), grow(small, large, factor=1)[name].view(2, after, after)
    for down in range(after):
        for right in range(after):
            known = table[:, min(down, before - 1), min(right, before - 1)]
            assert torch.equal(grown[:, down, right], known)


def test_a_network_with_another_encoder_takes_over_the_decoder_alone() -> None:
    plain, fresh = build_sam(PLAIN).state_dict(), build_sam(SMALL).state_dict()
    grown = grow(plain, fresh, factor=1)
    assert grown.keys() == fresh.keys()
    assert torch.equal(grown["mask_decoder.mask_tokens.weight"], plain["mask_decoder.mask_tokens.weight"])
    assert torch.equal(grown["image_encoder.neck.0.weight"], fresh["image_encoder.neck.0.weight"])


def test_a_batch_repeats_and_its_boxes_frame_its_targets() -> None:
    first, second = (make_batch([ATLAS], [SPEC], [[1, 2], [1, 3]], prompts=2, logits_size=24) for _ in range(2))
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


def test_the_names_of_a_batch_are_those_of_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.sam.data.disguise", lambda rng, image, masks: image)
    batch = make_batch(
        [NAMED], [replace(SPEC, objects=(2, 2), jitter=0, shadow=0)], [[0], [1]], prompts=1, logits_size=48
    )
    assert batch.owners.shape == (2, 12, 12)
    assert {batch.names[owner] for owner in batch.owners[batch.owners >= 0].tolist()} == set(batch.names)
    for picture, owners in zip(batch.images, batch.owners, strict=True):
        for owner in owners.unique().tolist():
            if owner >= 0:
                row, column = (owners == owner).nonzero()[0].tolist()
                shade = float(picture[0, 4 * row + 2, 4 * column + 2] * PIXEL_STD[0] + PIXEL_MEAN[0])
                assert (shade > 128) == (SHADES[batch.names[owner]] > 128)


def test_a_disguise_keeps_what_is_outside_textured_things() -> None:
    rng = np.random.default_rng(3)
    image = np.full((32, 32, 3), 90, np.uint8)
    mask = np.zeros((1, 32, 32), dtype=bool)
    mask[:, 8:24, 8:24] = True
    drawn = textured(rng, image, mask)
    assert (drawn[~mask[0]] == 90).all()
    assert drawn[mask[0]].std() > 1


def test_a_photographed_picture_shows_the_same() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 200
    for seed in range(8):
        taken = photographed(np.random.default_rng(seed), image)
        assert taken.shape == image.shape
        assert taken[:, 40:].mean() - taken[:, :24].mean() > 80


def test_orthogonal_matrices_have_singular_values_near_one() -> None:
    matrices = torch.randn(3, 40, 24, generator=torch.Generator().manual_seed(0))
    spectrum = torch.linalg.svdvals(orthogonal(matrices))
    assert spectrum.min() > 0.5
    assert spectrum.max() < 1.4


def test_muon_moves_every_direction_of_a_matrix_alike() -> None:
    weight = torch.nn.Parameter(torch.zeros(32, 32))
    gradient = torch.diag(torch.logspace(0, -1, 32))
    optimiser = Muon([weight], lr=0.1, weight_decay=0.0)
    weight.grad = gradient.clone()
    optimiser.step()
    moved = weight.detach().diag()
    assert (moved < 0).all()
    assert moved.max() / moved.min() > 0.4
    assert moved.abs().max() < 0.15


def test_thin_weights_are_no_matrices() -> None:
    depthwise, linear = torch.nn.Conv2d(32, 32, 3, groups=32), torch.nn.Linear(32, 16)
    assert matrices_of(torch.nn.Sequential(depthwise, linear, torch.nn.Linear(16, 4))) == [linear.weight]


def test_photo_cutouts_that_are_not_installed_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^no photo cutouts at .*apt-get download tuxpaint-stamps-default"):
        load_cutouts(tmp_path / "stamps")


def test_a_photo_cutout_is_cropped_and_its_colour_ends_where_it_does(tmp_path: Path) -> None:
    pixels = np.zeros((30, 40, 4), np.uint8)
    pixels[..., :3] = 200
    pixels[5:15, 10:30, 3] = 255
    (tmp_path / "animals" / "cartoon").mkdir(parents=True)
    PilImage.fromarray(pixels).save(tmp_path / "animals" / "dog.png")
    PilImage.fromarray(pixels).save(tmp_path / "animals" / "cartoon" / "dog.png")
    (sprite,) = load_cutouts(tmp_path).sprites
    assert (sprite.name, sprite.icon, sprite.levels[0].shape) == ("animals/dog", "dog", (10, 20, 4))
    assert (sprite.levels[0] == (200, 200, 200, 255)).all()


def test_the_first_click_of_the_exam_is_deepest_inside() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:9, 4:11] = True
    assert middle(mask).tolist() == [7, 5]


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_compose_what_the_training_would(workers: int) -> None:
    stage = Stage(config=SMALL, specs=(SPEC,), exam=SPEC, steps=5, pictures=2)
    batches = list(lessons(stage, [ATLAS], first=2, workers=workers))
    assert len(batches) == 3
    for step, batch in enumerate(batches, start=2):
        expected = lesson(stage, [ATLAS], step)
        assert torch.equal(batch.images, expected.images)
        assert torch.equal(batch.boxes, expected.boxes)


@pytest.mark.slow
def test_an_interrupted_run_ends_like_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(config=SMALL, specs=(SPEC,), exam=SPEC, steps=2, pictures=1, warmup=2, final_rate=0.1)
    ends = []
    for name, stops in (("whole", (2,)), ("broken", (1, 2))):
        monkeypatch.setattr(train, "RUNS", tmp_path / name)
        for stop in stops:
            run = train.Run("stage", stage)
            while run.step < stop:
                train._step(run, lesson(stage, [ATLAS], run.step))
            run.save()
        ends.append(run.average.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
