"""A CLIP embedding as a prompt: a token of its own, only for networks that were trained with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_model import TINY, Points, Predictor, TextPrompt, build_sam, load_sam, save_sam
from sam_model.errors import PromptError


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    torch.manual_seed(0)
    return Predictor(build_sam(replace(TINY, image_size=64, encoder_depth=2, global_blocks=(1,), text_width=24)))


@pytest.fixture(scope="module")
def embedding(predictor):
    return predictor.embed(np.random.default_rng(0).integers(0, 256, (50, 64, 3)).astype(np.uint8))


@pytest.fixture(scope="module")
def words():
    return np.random.default_rng(1).standard_normal((3, 24))


def logits(predictor, embedding, prompts):
    return predictor.predict(embedding, prompts).low_res_logits


def test_each_embedding_has_an_answer_of_its_own(predictor, embedding, words):
    together = logits(predictor, embedding, TextPrompt(words))
    alone = [logits(predictor, embedding, TextPrompt(word))[0] for word in words]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-4


def test_only_the_direction_of_an_embedding_counts(predictor, embedding, words):
    np.testing.assert_allclose(
        logits(predictor, embedding, TextPrompt(words * 7)), logits(predictor, embedding, TextPrompt(words)), atol=1e-6
    )


def test_a_point_beside_the_text_moves_the_answer(predictor, embedding, words):
    text = TextPrompt(words[:1])
    point = Points([[20, 30]], [1])
    both = logits(predictor, embedding, (text, point))
    for alone in (text, point):
        assert np.abs(both - logits(predictor, embedding, alone)).max() > 1e-4


def test_the_text_is_a_token_before_the_points(predictor, words):
    prompts = predictor.sam.prompt_encoder
    points = torch.tensor([[[20.0, 30.0]]]), torch.ones(1, 1, dtype=torch.long)
    text = torch.from_numpy(words[:1]).float()
    tokens = prompts.sparse(points, None, text, count=1)
    torch.testing.assert_close(tokens[:, 1:], prompts.sparse(points, None, count=1))
    torch.testing.assert_close(tokens[:, 0], prompts.text_proj(text))


def test_weights_with_text_survive_the_disk(predictor, tmp_path):
    save_sam(predictor.sam, tmp_path)
    again = load_sam(tmp_path)
    assert again.config.text_width == 24
    torch.testing.assert_close(again.prompt_encoder.text_proj.weight, predictor.sam.prompt_encoder.text_proj.weight)


def test_other_networks_say_that_they_know_no_text(lively_sam, picture, words):
    predictor = Predictor(lively_sam)
    with pytest.raises(PromptError, match=r"^this network was trained without text: "):
        predictor.predict(predictor.embed(picture), TextPrompt(words))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros(24), "^text embedding 0 is all zeros: it has no direction$"),
        (np.ones((2, 2, 24)), r"^text embeddings must have shape \(text_width,\) for one prompt or \(n, text_width\)"),
        ([float("nan")] * 24, "^text embeddings must be finite numbers"),
        (np.ones(768), "^this network takes text embeddings of 24 numbers, not 768: "),
    ],
)
def test_embeddings_that_do_not_fit(predictor, embedding, wrong, message):
    with pytest.raises(PromptError, match=message):
        predictor.predict(embedding, TextPrompt(wrong))


def test_a_text_is_as_loud_as_a_point_before_anything_is_learnt():
    sam = build_sam(replace(TINY, text_width=32))
    vectors = torch.nn.functional.normalize(torch.randn(50, 32), dim=1)
    texts = sam.prompt_encoder.sparse(None, None, vectors, count=50).norm(dim=2).mean()
    places = (torch.rand(50, 1, 2) * 192, torch.ones(50, 1, dtype=torch.long))
    points = sam.prompt_encoder.sparse(places, None, count=50)[:, 0].norm(dim=1).mean()
    assert 0.5 < (texts / points).item() < 2
