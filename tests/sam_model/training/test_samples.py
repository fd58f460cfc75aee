"""Samples: what is seen of a picture, which masks are asked for, and that a number decides everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from sam_model.data.dataset import AnnotatedPicture
from sam_model.errors import DatasetError
from sam_model.preprocess import Frame, to_square
from sam_model.training.config import DataSettings, RunSettings
from sam_model.training.loading import Share, load_portions
from sam_model.training.samples import Samples, View, draw_view, see_mask

PLAIN = DataSettings(jitter=None)


def rectangle(left: int, top: int, right: int, bottom: int) -> tuple[np.ndarray, ...]:
    return (np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float),)


class Album:
    """Pictures of one size with these outlines."""

    def __init__(self, folder: Path, *outlines: list, size: tuple[int, int] = (48, 96)) -> None:
        self.left_out: Counter[str] = Counter()
        self.pictures = []
        for number, marked in enumerate(outlines):
            path = folder / f"{number}.png"
            noise = np.random.default_rng(number).integers(0, 255, (*size, 3)).astype(np.uint8)
            PIL.Image.fromarray(noise).save(path)
            self.pictures.append(AnnotatedPicture(path, size, tuple(marked)))

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int, /) -> AnnotatedPicture:
        return self.pictures[index]


@pytest.fixture
def samples(tmp_path, small):
    def make(*outlines: list, settings: DataSettings = PLAIN, seed: int = 0, **more) -> Samples:
        return Samples(Album(tmp_path, *outlines, **more), settings, small, seed=seed)

    return make


def test_without_jitter_a_picture_is_shown_as_in_inference(samples):
    made = samples([rectangle(30, 6, 60, 36)])
    pixels = made.pictures[0].read()
    assert torch.equal(made[0].image, to_square(pixels, Frame(height=48, width=96, square=64)))


def test_targets_and_boxes_lie_where_the_picture_shows_the_mask(samples):
    wanted = samples([rectangle(30, 6, 60, 36)])[0].wanted
    assert wanted.inner == (32, 64)
    assert wanted.boxes.tolist() == [[20, 4, 40, 24]]
    (target,) = wanted.targets
    assert target.shape == (32, 32)
    rows, columns = torch.nonzero(target == 1, as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 11, 10, 19)
    assert target.sum() == 100


def test_masks_over_nine_tenths_of_the_picture_are_left_out(samples):
    large, larger = rectangle(0, 0, 86, 48), rectangle(0, 0, 87, 48)
    wanted = samples([large, larger])[0].wanted
    assert len(wanted.boxes) == 1
    assert wanted.boxes[0, 2] < 58
    assert len(samples([large, larger], settings=replace(PLAIN, largest=1.0))[0].wanted.boxes) == 2


def test_at_most_64_masks_are_asked_for_and_every_one_has_its_turn(samples):
    many = [rectangle(6 * n, 6 * row, 6 * n + 6, 6 * row + 6) for n in range(12) for row in range(8)]
    made = samples(many)
    drawn = [made[number].wanted.boxes for number in range(8)]
    assert {len(boxes) for boxes in drawn} == {64}
    assert len({tuple(box) for boxes in drawn for box in boxes.tolist()}) == 96


def test_a_picture_without_a_mask_to_ask_for_gives_its_place_to_another(samples):
    made = samples([rectangle(0, 0, 96, 48)], [rectangle(30, 6, 60, 36)])
    assert [len(made[number].wanted.boxes) for number in range(6)] == [1] * 6


def test_where_no_picture_gives_a_mask_the_reason_is_said(samples):
    with pytest.raises(
        DatasetError, match="gave no mask to ask for: all cover more than 90% of the picture, or are too"
    ):
        samples([rectangle(0, 0, 96, 48)])[0]


def test_a_number_gives_the_same_sample_whatever_came_before(samples):
    outlines = [[rectangle(10 * n, 6, 10 * n + 20, 36), rectangle(0, 0, 30, 30)] for n in range(4)]
    settings = replace(PLAIN, jitter=(0.5, 2.0), masks=1)
    made, again = samples(*outlines, settings=settings), samples(*outlines, settings=settings)
    forwards = {number: made[number] for number in range(9)}
    for number in (8, 3, 0):
        assert torch.equal(again[number].image, forwards[number].image)
        assert torch.equal(again[number].wanted.targets, forwards[number].wanted.targets)
    other = samples(*outlines, settings=settings, seed=1)
    assert not all(torch.equal(other[number].image, forwards[number].image) for number in range(4))


def test_each_pass_shows_every_picture_once_in_another_order(samples):
    made = samples(*[[rectangle(8 * n, 6, 8 * n + 10, 36)] for n in range(10)])
    seen = [tuple(made[number].wanted.boxes[0].tolist()) for number in range(30)]
    passes = [seen[start : start + 10] for start in (0, 10, 20)]
    assert all(len(set(one)) == 10 for one in passes)
    assert passes[0] != passes[1] != passes[2]


def test_large_scale_jitter_scales_within_its_bounds_and_cuts_or_pads():
    random = np.random.default_rng(0)
    views = [draw_view((480, 640), 256, (0.1, 2.0), random) for _ in range(500)]
    scales = np.array([view.scaled[1] / 256 for view in views])
    assert scales.min() < 0.15
    assert scales.max() > 1.95
    assert np.quantile(scales, [0.25, 0.75]) == pytest.approx([0.575, 1.525], abs=0.12)
    for view in views:
        assert view.inner == (min(view.scaled[0], 256), min(view.scaled[1], 256))
        assert all(
            0 <= start <= whole - seen for start, whole, seen in zip(view.offset, view.scaled, view.inner, strict=True)
        )
    large = [view.offset[1] for view in views if view.scaled[1] > 480]
    assert min(large) < 20
    assert max(large) > 180


def test_a_cut_shows_picture_and_mask_from_the_same_place():
    view = View(scaled=(80, 80), offset=(16, 48), inner=(32, 32), square=32)
    mask = np.zeros((40, 40), bool)
    mask[10:20, 28:34] = True
    picture = PIL.Image.fromarray(np.repeat(mask[..., None], 3, axis=2).astype(np.uint8) * 255)
    seen = see_mask(mask, view)
    assert np.array_equal(seen, np.asarray(view.of(picture))[..., 0] >= 128)
    rows, columns = np.nonzero(seen)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 23, 8, 19)


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_share_a_batch_and_a_later_start_goes_on_in_order(samples, workers):
    made = samples(*[[rectangle(8 * n, 6, 8 * n + 10, 36)] for n in range(5)])
    run = RunSettings(steps=3, batch=4, at_once=1)
    shares = [Share(run, rank, 2) for rank in (0, 1)]
    numbers = [
        [portion.numbers for portion in load_portions(made, share, start=1, workers=workers)] for share in shares
    ]
    assert numbers == [[[4], [5], [8], [9]], [[6], [7], [10], [11]]]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_cannot_be_read_is_named_in_one_line(samples, workers):
    made = samples([rectangle(30, 6, 60, 36)])
    made.pictures[0].path.write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"^\S*0\.png cannot be read as a picture: [^\n]*$"):
        next(load_portions(made, Share(RunSettings(batch=1)), start=0, workers=workers))
