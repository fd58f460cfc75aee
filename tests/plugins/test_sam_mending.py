"""Masks put right by clicks."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from studio import Loaded, detections, noise

from pipelines.errors import PortError
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from plugins.sam.models import Sam
from plugins.sam.nodes import mend

SHAPE = (40, 60)


class Squares(Sam):
    """Sees things as the squares around clicks: to one click a small and a large one, to a box the whole box."""

    def __init__(self) -> None:
        self.asked = []

    def answer(self, pixels, asked):
        self.asked.append(asked)
        if asked.box is not None:
            return _filled(asked.box)[None], np.array([0.9], np.float32)
        x, y = asked.points[0]
        found = [_filled((x - side, y - side, x + side, y + side)) for side in (8, 3)]
        return np.stack(found), np.array([0.8, 0.5], np.float32)

    def cut(self, pixels, boxes, *, multimask, refine=0):
        raise NotImplementedError

    def everything(self, pixels, wanted, report=None):
        raise NotImplementedError


def _filled(box):
    mask = np.zeros(SHAPE, bool)
    x0, y0, x1, y1 = (max(0, int(edge)) for edge in box)
    mask[y0:y1, x0:x1] = True
    return mask


@contextmanager
def at_hand(model):
    with use_scope(Scope(pool=ModelPool(families={"sam": Loaded(model, "sam")}))):
        yield model


@pytest.fixture
def sam():
    with at_hand(Squares()) as model:
        yield model


@pytest.fixture
def found():
    return detections(SHAPE, dog=(10, 10, 30, 30), cat=(40, 10, 50, 20))


def test_a_click_within_the_box_asks_with_the_box(sam, found):
    mended = mend(noise(*SHAPE), found, thing=0, foreground="12,12")
    assert sam.asked[0].box.tolist() == [10, 10, 30, 30]
    assert np.array_equal(mended.mask[1], found.mask[1])


def test_a_click_beyond_the_box_asks_without_it(sam, found):
    mended = mend(noise(*SHAPE), found, thing=0, foreground="35,35")
    assert sam.asked[0].box is None
    assert mended.mask[0][35, 35]
    assert mended.xyxy[0].tolist() == [27, 27, 43, 40]


def test_a_click_that_the_answer_leaves_out_takes_the_smallest_part_away(sam, found):
    mended = mend(noise(*SHAPE), found, thing=0, background="15,15")
    assert not mended.mask[0][15, 15]
    assert not mended.mask[0][12:18, 12:18].any()
    assert mended.mask[0][25, 25]


def test_a_missed_thing_is_added_under_its_name(sam, found):
    mended = mend(noise(*SHAPE), found, foreground="50,30", name="ball")
    assert list(mended.data["class_name"]) == ["dog", "cat", "ball"]
    assert mended.mask[2][30, 50]
    assert len(set(mended.data["instance_id"].tolist())) == 3


def test_where_nothing_was_found_a_thing_can_be_added(sam, found):
    mended = mend(noise(*SHAPE), found[[]], foreground="50,30", name="ball")
    assert list(mended.data["class_name"]) == ["ball"]


def test_a_box_outlines_a_new_thing_without_a_click(sam, found):
    mended = mend(noise(*SHAPE), found, box="5,5; 15,20", name="ball")
    assert mended.xyxy[2].tolist() == [5, 5, 15, 20]


def test_a_thing_that_is_not_there_is_a_mistake(sam, found):
    with pytest.raises(PortError, match="thing is 5, but there are 2, counted from 0; -1 adds one"):
        mend(noise(*SHAPE), found, thing=5, foreground="1,1")
    with pytest.raises(PortError, match="a new thing needs a click on it, or a box"):
        mend(noise(*SHAPE), found, background="1,1")


def test_what_a_background_click_takes_away_leaves_the_foreground_clicks(sam, found):
    mended = mend(noise(*SHAPE), found, thing=0, foreground="17,17", background="15,15")
    assert mended.mask[0][17, 17]
    assert not mended.mask[0][15, 15]


def test_what_a_foreground_click_adds_leaves_the_background_clicks_out(sam, found):
    mended = mend(noise(*SHAPE), found, thing=0, foreground="12,12; 35,35", background="36,36")
    assert mended.mask[0][12, 12]
    assert mended.mask[0][35, 35]
    assert not mended.mask[0][36, 36]


def test_a_part_without_an_opposite_click_is_taken_whole(sam, found):
    mended = mend(noise(*SHAPE), found, thing=0, foreground="25,25", background="15,15")
    assert mended.mask[0][25, 25]
    assert not mended.mask[0][12:18, 12:18].any()
