"""A detection belongs to the phrase whose own tokens fired."""

from __future__ import annotations

import numpy as np
import pytest

from plugins.grounding_dino.phrases import caption, passes, phrase_scores, phrase_tokens
from plugins.prompts import split_prompt


@pytest.mark.parametrize(
    ("prompt", "phrases"),
    [
        ("dog. leash.", ("dog", "leash")),
        ("A Dog . traffic light", ("A Dog", "traffic light")),
        ("...  . ?!. dog..cat.", ("dog", "cat")),
        ("dog. dog. cat.", ("dog", "cat")),
        ("dog\ncat", ("dog", "cat")),
        ("t-shirt. naïve café. 狗.", ("t-shirt", "naïve café", "狗")),
        ("  \n ", ()),
    ],
)
def test_a_prompt_is_split_at_dots_and_the_words_are_kept(prompt: str, phrases: tuple[str, ...]) -> None:
    assert split_prompt(prompt) == phrases


def test_a_caption_is_what_the_model_was_trained_on_and_knows_where_each_phrase_stands() -> None:
    made = caption(["A Dog", "what? a cat"])
    assert made.text == "a dog. what  a cat."
    assert [made.text[start:end] for start, end in made.spans] == ["a dog", "what  a cat"]


def offsets_of(text: str, pieces: list[str]) -> list[tuple[int, int]]:
    """Offsets as a tokenizer gives them: nothing for the special token at each end."""
    found, start = [(0, 0)], 0
    for piece in pieces:
        start = text.index(piece, start)
        found.append((start, start + len(piece)))
        start += len(piece)
    return [*found, (0, 0)]


def test_a_phrase_owns_all_pieces_of_its_words_and_no_dot() -> None:
    made = caption(["aardvark", "t-shirt", "a cat"])
    pieces = ["aa", "rd", "var", "k", ".", "t", "-", "shirt", ".", "a", "cat", "."]
    owned = phrase_tokens(offsets_of(made.text, pieces), made.spans)
    assert [list(tokens) for tokens in owned] == [[1, 2, 3, 4], [6, 7, 8], [10, 11]]


def best_phrase(phrases: list[str], pieces: list[str], probabilities: list[float]) -> str:
    made = caption(phrases)
    tokens = phrase_tokens(offsets_of(made.text, pieces), made.spans)
    _, mean = phrase_scores(np.array([[0.0, *probabilities, 0.0]], np.float32), tokens)
    return phrases[int(mean[0].argmax())]


def test_a_shared_word_does_not_decide() -> None:
    pieces = ["traffic", "sign", ".", "traffic", "light", "."]
    assert best_phrase(["traffic sign", "traffic light"], pieces, [0.7, 0.1, 0, 0.6, 0.6, 0]) == "traffic light"


def test_an_article_does_not_decide() -> None:
    pieces = ["a", "dog", ".", "a", "cat", "."]
    assert best_phrase(["a dog", "a cat"], pieces, [0.4, 0.1, 0, 0.3, 0.8, 0]) == "a cat"


def test_the_score_is_the_greatest_probability_of_the_phrases_own_tokens() -> None:
    probabilities = np.array([[0.9, 0.2, 0.6, 0.1]], np.float32)
    greatest, mean = phrase_scores(probabilities, [np.array([1, 2]), np.array([3]), np.array([], np.intp)])
    np.testing.assert_allclose(greatest, [[0.6, 0.1, 0]])
    np.testing.assert_allclose(mean, [[0.4, 0.1, 0]])


@pytest.mark.parametrize(
    ("counts", "limit", "runs"),
    [
        ([], 10, ()),
        ([3, 3, 3], 10, (range(3),)),
        ([4, 4, 4], 10, (range(2), range(2, 3))),
        ([12, 2, 2], 10, (range(1), range(1, 3))),
    ],
)
def test_a_long_prompt_is_read_in_several_passes(counts: list[int], limit: int, runs: tuple[range, ...]) -> None:
    assert passes(counts, limit) == runs
