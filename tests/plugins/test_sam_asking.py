"""Segment Anything asked about one thing: clicks, a box, a text."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipelines.errors import PortError
from pipelines.families import ModelSource
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Detections, Embedding, Image
from plugins.sam.adapter import PredictorSam
from plugins.sam.nodes import points, text
from sam_model import TINY, Box, Points, Predictor, TextPrompt, build_sam

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
WORD = np.random.default_rng(1).standard_normal(8).astype(np.float32)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    torch.manual_seed(0)
    return Predictor(build_sam(replace(TINY, text_width=8)))


@pytest.fixture(scope="module")
def embedding(predictor):
    return predictor.embed(PIXELS)


@pytest.fixture
def ask(predictor):
    """Calls a node with the tiny network behind it."""
    return lambda node, *arguments, **options: asked(PredictorSam(predictor), node, *arguments, **options)


def asked(loaded, node, *arguments, **options) -> Detections:
    family = SimpleNamespace(
        name="sam",
        resolve=lambda ref, *, offline: ModelSource("sam", ref, ref, "r1"),
        load=lambda source, *, device, dtype: loaded,
    )
    with use_scope(Scope(pool=ModelPool(families={"sam": family}))):
        return node(Image(PIXELS.copy()), *arguments, **options)


def test_one_click_has_the_three_masks_of_the_predictor_best_first(ask, predictor, embedding) -> None:
    theirs = predictor.predict(embedding, Points([[40, 30]], [1]), multimask=True)
    order = np.argsort(-theirs.iou[0])
    found = ask(points, "40,30", keep="all")
    np.testing.assert_array_equal(found.mask, theirs.masks[0, order])
    np.testing.assert_array_equal(found.confidence, theirs.iou[0, order])
    assert len(ask(points, "40,30")) == 1


def test_more_prompts_mean_one_thing(ask, predictor, embedding) -> None:
    prompts = Points([[40, 30], [44.5, 20], [10, 50]], [1, 1, 0]), Box([5, 5, 80, 55])
    theirs = predictor.predict(embedding, prompts)
    found = ask(points, "40,30; 44.5,20;", background="10, 50", box="5,5; 80,55", keep="all", name="the dog")
    np.testing.assert_array_equal(found.mask, theirs.masks[0])
    assert found.data["class_name"].tolist() == ["the dog"]


def test_the_box_of_an_answer_is_that_of_its_mask(ask) -> None:
    found = ask(points, "40,30")
    left, top, right, bottom = found.xyxy[0].astype(int)
    assert found.mask[0, top:bottom, left:right].sum() == found.mask[0].sum()
    for edge in (found.mask[0, top], found.mask[0, bottom - 1], found.mask[0, :, left], found.mask[0, :, right - 1]):
        assert edge.any()


def test_a_text_and_a_click_that_helps_it(ask, predictor, embedding) -> None:
    for options, prompts in (
        ({}, TextPrompt(WORD)),
        ({"foreground": "40,30"}, (TextPrompt(WORD), Points([[40, 30]], [1]))),
    ):
        theirs = predictor.predict(embedding, prompts, multimask=True)
        found = ask(text, Embedding(WORD), **options)
        np.testing.assert_array_equal(found.mask[0], theirs.masks[0, theirs.iou[0].argmax()])


def test_an_empty_mask_is_nothing_found() -> None:
    nothing = SimpleNamespace(answer=lambda pixels, asked: (np.zeros((1, 60, 90), bool), np.ones(1, np.float32)))
    found = asked(nothing, points, "40,30")
    assert found.mask.shape == (0, 60, 90)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("here",), {}, "^foreground must be points such as \"520,375; 480,400\", not 'here'"),
        (("1,2 3,4",), {}, "^foreground must be points"),
        (("1,2",), {"box": "1,2"}, '^box must be two corners, "left,top; right,bottom", not 1'),
        (("400,30",), {}, r"^point 0 of prompt 0, \(400, 30\), lies outside the picture of 90x60 pixels"),
        (("",), {}, "^no prompt: give Points"),
    ],
)
def test_mistakes_are_named(ask, arguments, options, message) -> None:
    with pytest.raises(PortError, match=message):
        ask(points, *arguments, **options)


def test_an_embedding_of_another_clip_is_named(ask) -> None:
    with pytest.raises(PortError, match=r"^this network takes text embeddings of 8 numbers, not 512"):
        ask(text, Embedding(np.ones(512, np.float32)))
