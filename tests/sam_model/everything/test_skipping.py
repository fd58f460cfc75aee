"""Points whose neighbours agree are not asked; all others are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from pycocotools import mask as coco

from sam_model.everything import segment_everything, skipping
from sam_model.everything.candidates import Answers
from sam_model.everything.skipping import LEAST_SIDE, Skipping

SIDE = 16
CELLS = 64


def centres(side=SIDE):
    """(x, y) of the grid's points as shares of the crop, row by row."""
    places = (np.arange(side) + 0.5) / side
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)


def heard(masks_at):
    """What is left to ask after the first points were answered; `masks_at` gives the masks at a place."""
    grid = Skipping(SIDE)
    for place in centres()[grid.first]:
        masks = masks_at(*place)
        logits = torch.from_numpy(np.array(masks, np.float32).reshape(-1, CELLS, CELLS)) - 0.5
        answers = Answers(logits=logits, iou=np.ones(len(masks), np.float32), points=np.tile(place, (len(masks), 1)))
        grid.hear(answers, logits, answers.points)
    return grid.first, grid.rest().reshape(SIDE, SIDE)


def half(*, left):
    mask = np.zeros((CELLS, CELLS), bool)
    mask[:, : CELLS // 2] = True
    return mask if left else ~mask


EVERYTHING = np.ones((CELLS, CELLS), bool)


def test_every_second_point_of_every_second_row_comes_first():
    first, rest = heard(lambda x, y: [])
    assert first.reshape(SIDE, SIDE)[::2, ::2].all()
    assert first.sum() == SIDE**2 / 4
    assert (rest.ravel() ^ first).all()


def test_inside_one_thing_nothing_more_is_asked_but_where_the_grid_ends():
    _, rest = heard(lambda x, y: [EVERYTHING])
    assert not rest[:-1, :-1].any()
    assert rest[-1].tolist() == [column % 2 == 0 or column == SIDE - 1 for column in range(SIDE)]


def test_between_two_things_all_is_asked():
    _, rest = heard(lambda x, y: [half(left=x < 0.5)])
    edge = SIDE // 2 - 1  # between the last first point of the left half and the first of the right
    assert rest[:, edge].all()
    assert not np.delete(rest[:-1, :-1], edge, axis=1).any()


def test_the_smallest_mask_of_a_point_counts():
    _, rest = heard(lambda x, y: [EVERYTHING, half(left=x < 0.5)])
    assert rest[:, SIDE // 2 - 1].all()


def test_a_mask_without_its_own_point_says_nothing():
    _, rest = heard(lambda x, y: [half(left=x >= 0.5)])
    assert rest.sum() == SIDE**2 * 3 / 4


def test_a_sparse_grid_is_asked_whole():
    assert Skipping(LEAST_SIDE - 1).first.all()
    assert not Skipping(LEAST_SIDE - 1).rest().any()


def test_fewer_points_find_the_same_things(predictor, scene, settings, monkeypatch):
    """Progress counts those that are not asked too."""
    side = 24
    wanted = replace(settings, points_per_side=side, crop_layers=0)
    answered, told, judge = [], [], predictor.sam.judge

    def counted(picture, *, points):
        answered.append(len(points[0]))
        return judge(picture, points=points)

    monkeypatch.setattr(predictor.sam, "judge", counted)
    fewer = segment_everything(predictor, scene, wanted, fast=True, progress=lambda done, total: told.append(done))
    assert sum(answered) < side**2
    assert told[-1] == side**2
    monkeypatch.setattr(skipping, "LEAST_SIDE", side + 1)
    all_asked = segment_everything(predictor, scene, wanted, fast=True)
    pair = [[rle.to_coco() for rle in found.rles] for found in (fewer, all_asked)]
    assert (coco.iou(*pair, [0] * len(all_asked)).max(axis=0) > 0.75).mean() > 0.8
