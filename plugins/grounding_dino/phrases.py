"""From a prompt to phrases, to the tokens of each, and from token probabilities back to phrases.

A detection belongs to the phrase whose own tokens fired, found by position; no string is ever compared, so "traffic
light" cannot become "traffic sign" and the user's words come back exactly as written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Grounding DINO separates phrases at these characters; within a phrase they would cut its attention block in two.
_SEPARATORS = ".?"


@dataclass(frozen=True, slots=True)
class Caption:
    """The text that the model reads. `spans[i]` are the characters `[start, end)` of phrase `i` in it."""

    text: str
    spans: tuple[tuple[int, int], ...]


def caption(phrases: Sequence[str]) -> Caption:
    """Lower-case the phrases and end each with a dot, the form that Grounding DINO was trained on."""
    text, spans = "", []
    for phrase in phrases:
        words = "".join(" " if letter in _SEPARATORS else letter for letter in phrase.lower()).strip()
        spans.append((len(text), len(text) + len(words)))
        text += f"{words}. "
    return Caption(text.rstrip(), tuple(spans))


def phrase_tokens(offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> tuple[NDArray[np.intp], ...]:
    """The indices of each span's own tokens. `offsets`: characters `[start, end)` of each token, empty for specials."""
    starts, ends = np.asarray(offsets, dtype=np.int64).reshape(-1, 2).T
    is_text = ends > starts
    return tuple(np.flatnonzero(is_text & (starts >= start) & (ends <= end)) for start, end in spans)


def phrase_scores(
    probabilities: NDArray[np.float32], tokens: Sequence[NDArray[np.intp]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The greatest and the mean probability over each phrase's own tokens, both `(queries, phrases)`.

    The greatest is on the scale of Grounding DINO's published box thresholds. The mean decides between phrases: a
    word that two of them share ("traffic") speaks for both alike. `probabilities`: `(queries, tokens)` in [0, 1].
    """
    shape = (len(probabilities), len(tokens))
    greatest, mean = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for index, own in enumerate(tokens):
        if own.size:
            greatest[:, index] = probabilities[:, own].max(axis=1)
            mean[:, index] = probabilities[:, own].mean(axis=1)
    return greatest, mean


def passes(token_counts: Sequence[int], limit: int) -> tuple[range, ...]:
    """Consecutive runs of phrases whose tokens, each phrase's dot included, fit into `limit`; a long one runs alone."""
    runs, start, used = [], 0, 0
    for index, count in enumerate(token_counts):
        if used and used + count > limit:
            runs.append(range(start, index))
            start, used = index, 0
        used += count
    return (*runs, range(start, len(token_counts))) if token_counts else ()
