"""What is asked of a scene: names of things that are there and of things that are not, in many wordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recipes.grounding_dino.losses import Targets
from recipes.grounding_dino.stream import View
from recipes.grounding_dino.text import DELIMITERS, PAD
from recipes.world import DETECTION_NOUNS, SYNONYMS

CLS, SEP = DELIMITERS[:2]
LONGEST = 16


@dataclass(frozen=True, eq=False)
class Questions:
    """Token ids and their mask (B, T), and what a perfect detector answers."""

    input_ids: Tensor
    attention_mask: Tensor
    targets: Targets


class Asker:
    """Draws prompts. A thing whose name is not asked for is background."""

    def __init__(self, tokenizer: Any, others: Sequence[str]) -> None:
        """`others` are names of the things in the scenes that are no nouns; they too are asked for, more rarely."""
        self._tokenizer = tokenizer
        self._others = others
        self._known: dict[str, list[int]] = {}

    def questions(self, rng: np.random.Generator, views: Sequence[View]) -> Questions:
        """One prompt a view."""
        asked = [self.names(rng, view.names) for view in views]
        rows = [self._encode(rng, names) for names in asked]
        length = max(len(ids) for ids, _ in rows)
        ids = torch.tensor([ids + [PAD] * (length - len(ids)) for ids, _ in rows])
        answers = [_answers(view, spans, length) for view, (_, spans) in zip(views, rows, strict=True)]
        return Questions(ids, (ids != PAD).long(), Targets.stacked(answers))

    def names(self, rng: np.random.Generator, present: Sequence[str]) -> list[str]:
        """Names to ask for, in random order: often one alone, else up to `LONGEST`, among them most that are there."""
        there = sorted(set(present))
        if rng.random() < 0.3:
            alone = there if there and rng.random() < 0.6 else self._absent(rng, there, 1)
            return [alone[rng.integers(len(alone))]]
        chosen = [name for name in there if rng.random() < 0.85]
        chosen += self._absent(rng, there, int(rng.integers(2, LONGEST + 1)) - len(chosen))
        return [chosen[index] for index in rng.permutation(len(chosen))]

    def _absent(self, rng: np.random.Generator, there: Sequence[str], count: int) -> list[str]:
        pools = (DETECTION_NOUNS, self._others)
        drawn = {str(rng.choice(pools[int(rng.random() < 0.2)])) for _ in range(max(count, 1))}
        return sorted(drawn - set(there)) or self._absent(rng, there, count)

    def _encode(self, rng: np.random.Generator, names: Sequence[str]) -> tuple[list[int], dict[str, slice]]:
        """Token ids of the prompt, and for each name where its own tokens lie (the full stop is not one of them)."""
        ids, spans = [CLS], {}
        for name in names:
            phrase = self._tokens(wording(rng, name))
            spans[name] = slice(len(ids), len(ids) + len(phrase) - 1)
            ids += phrase
        return [*ids, SEP], spans

    def _tokens(self, phrase: str) -> list[int]:
        if phrase not in self._known:
            self._known[phrase] = self._tokenizer(f"{phrase}.", add_special_tokens=False)["input_ids"]
        return self._known[phrase]


def wording(rng: np.random.Generator, name: str) -> str:
    """The name itself, a synonym or a plural."""
    synonyms = SYNONYMS.get(name, ())
    phrase = synonyms[rng.integers(len(synonyms))] if synonyms and rng.random() < 0.25 else name.replace("-", " ")
    return plural(phrase) if name in DETECTION_NOUNS and rng.random() < 0.1 else phrase


def plural(phrase: str) -> str:
    """A regular English plural; words that are plural already stay."""
    if phrase in ("sheep", "fish", "goldfish", "grapes", "cattle", "aircraft"):
        return phrase
    if phrase == "mouse":
        return "mice"
    if phrase.endswith("y") and phrase[-2] not in "aeiou":
        return phrase[:-1] + "ies"
    return phrase + ("es" if phrase.endswith(("s", "x", "ch", "sh")) else "s")


def _answers(view: View, spans: dict[str, slice], length: int) -> tuple[Tensor, Tensor]:
    """Boxes (N, 4) cxcywh in fractions of the picture, and for each the tokens (N, length) that name it."""
    asked = [index for index, name in enumerate(view.names) if name in spans]
    boxes = torch.from_numpy(view.boxes[asked]) / view.image.shape[0]
    tokens = torch.zeros(len(asked), length, dtype=torch.bool)
    for row, index in enumerate(asked):
        tokens[row, spans[view.names[index]]] = True
    low, high = boxes[:, :2], boxes[:, 2:]
    return torch.cat([(low + high) / 2, high - low], dim=1), tokens
