"""Every phrase that the text tower learns, with the concept that it names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from plugins.clip.words import COMMON
from recipes.clip.concepts import Concepts
from recipes.clip.data import NOTHING
from recipes.clip.wordnet import VISIBLE, WordNet
from recipes.grounding_dino.prompts import plural
from recipes.grounding_dino.text import KEPT_IDS

#: Ways to say a phrase; half of the time it stands alone.
_SENTENCES = (
    "a {}",
    "the {}",
    "one {}",
    "my {}",
    "some {}",
    "this {}",
    "a photo of a {}",
    "a picture of a {}",
    "an image of the {}",
)
#: Words that leave a thing what it is. Colour, size and the like are not learned.
_ADJECTIVES = (
    "red", "blue", "green", "yellow", "black", "white", "brown", "grey", "golden", "pink", "small", "little", "big",
    "large", "old", "young", "cute", "beautiful", "new", "left", "right", "other", "first", "second",
)  # fmt: skip


def known_phrases(concepts: Concepts, net: WordNet, tokenizer: Any) -> dict[str, int]:
    """Phrase in lower case → concept, from the surest source to the least.

    The best name of each concept; its other names; then every noun of WordNet whose words are common (the tokenizer
    knows each as one piece) and that is a kind of a known concept. What has no concept of its own but is a usual rival
    of phrases counts as background.
    """
    found: dict[str, int] = {name.replace("-", " "): index for name, index in concepts.named.items()}
    for place in range(max(map(len, concepts.phrases))):
        for index, phrases in enumerate(concepts.phrases):
            if place < len(phrases):
                found.setdefault(phrases[place].lower(), index)
    by_meaning = {net.meaning(phrases): index for index, phrases in enumerate(concepts.phrases)}
    for phrase in net.senses:
        if phrase not in found and _is_common(phrase, tokenizer):
            concept = _nearest(phrase, net, by_meaning)
            if concept is not None:
                found[phrase] = concept
    for phrase in COMMON:
        found.setdefault(phrase, concepts.named[NOTHING])
    return found


def needed_phrases(concepts: Concepts) -> list[str]:
    """What the pruned vocabulary must spell as MiniLM does: the best name of each concept, all names of sprites."""
    named = set(concepts.named.values())
    return [phrase for i, phrases in enumerate(concepts.phrases) for phrase in (phrases if i in named else phrases[:1])]


def said(rng: np.random.Generator, phrase: str) -> str:
    """One of the ways in which a user might write a phrase."""
    if rng.random() < 0.2:
        phrase = plural(phrase)
    if rng.random() < 0.2:
        phrase = f"{_ADJECTIVES[rng.integers(len(_ADJECTIVES))]} {phrase}"
    if rng.random() < 0.3:
        phrase = _SENTENCES[rng.integers(len(_SENTENCES))].format(phrase)
    return phrase + "." if rng.random() < 0.15 else phrase


def shares(
    phrases: Sequence[str], concepts: Concepts, tested: Collection[str]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How often each phrase is drawn: names of sprites 6 times as often as others, `tested` never."""
    sprites = {name.replace("-", " ") for name in concepts.named} | set(COMMON)
    weights = np.array([0 if phrase in tested else 6 if phrase in sprites else 1 for phrase in phrases], np.float64)
    return np.asarray(weights / weights.sum())


def _is_common(phrase: str, tokenizer: Any) -> bool:
    ids = tokenizer(phrase, add_special_tokens=False)["input_ids"]
    return len(ids) <= 2 and max(ids) < KEPT_IDS and len(ids) == len(phrase.split())


def _nearest(phrase: str, net: WordNet, by_meaning: Mapping[int | None, int]) -> int | None:
    """The concept of a phrase's commonest visible meaning, or the nearest that it is a kind of."""
    senses = [sense for sense in net.senses[phrase] if net.synsets[sense].file in VISIBLE]
    return next((by_meaning[kind] for kind in net.ancestry(senses[0]) if kind in by_meaning), None) if senses else None
