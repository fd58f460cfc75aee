"""What the space has places for: ImageNet's classes, the kinds of things that they are, the sticker world's things."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recipes.clip.data import NOTHING
from recipes.clip.wordnet import ANIMAL, ARTIFACT, FOOD, OBJECT, PERSON, PLANT, VISIBLE, WordNet, load_wordnet
from recipes.world import DETECTION_NOUNS, SYNONYMS

#: A kind that holds more of the thousand classes ("object", "whole") is none that anybody asks for.
BROADEST = 450
#: Where ImageNet's numbers, which are WordNet 3.0's and sorted by subject, begin with another subject.
_SUBJECTS = ((2_600_000, ANIMAL), (4_700_000, ARTIFACT), (9_000_000, FOOD), (9_700_000, OBJECT), (10_900_000, PERSON))
#: Nouns of the world up to this one are of that kind; the order is that of `DETECTION_NOUNS`.
_NOUNS_UP_TO = (("whale", ANIMAL), ("cake", FOOD), ("balloon", ARTIFACT), ("sunflower", PLANT))
#: Words for what has no thing in it.
_NOTHINGS = (NOTHING, "texture", "pattern", "nothing")


@dataclass(frozen=True, eq=False)
class Concepts:
    """`phrases[i]` name concept i, the first of them best. `within` (C, C) bool: row i holds i and all that it is a
    kind of. `classes` (1000,) are ImageNet's in its order; `named` maps names of sprites to concepts."""

    phrases: tuple[tuple[str, ...], ...]
    within: NDArray[np.bool_]
    classes: NDArray[np.int64]
    named: Mapping[str, int]


def imagenet_lemmas() -> list[tuple[int, tuple[str, ...]]]:
    """WordNet 3.0 number and phrases of the thousand classes in order, as timm (Apache-2.0) lists them."""
    spec = find_spec("timm")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the names of ImageNet's classes come from timm: pip install --no-deps timm")
    folder = Path(spec.origin).parent / "data" / "_info"
    rows = (folder / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
    lemmas = dict(row.split("\t") for row in rows)
    order = (folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
    return [(int(name[1:]), tuple(lemma.strip() for lemma in lemmas[name].split(","))) for name in order]


def load_concepts(names: Collection[str]) -> Concepts:
    """Concepts of ImageNet and of the sprites' `names`; the world's nouns know their synonyms."""
    net = load_wordnet()
    classes = [(net.meaning(lemmas, {_subject(number)}), lemmas) for number, lemmas in imagenet_lemmas()]
    ancestry = [set(net.ancestry(meaning)) if meaning else set() for meaning, _ in classes]
    counts: dict[int, int] = {}
    for kinds in ancestry:
        for kind in kinds:
            counts[kind] = counts.get(kind, 0) + 1
    kinds = {kind for kind, count in counts.items() if count <= BROADEST}
    builder = _Builder(net, kinds)
    indices = [builder.add(meaning, lemmas) for meaning, lemmas in classes]
    named = {name: builder.add(*_of_sprite(net, kinds, name)) for name in names}
    return Concepts(builder.all_phrases(), builder.within(), np.array(indices), named)


class _Builder:
    """Collects concepts; those with a meaning bring along what they are a kind of."""

    def __init__(self, net: WordNet, kinds: Collection[int]) -> None:
        self._net, self._kinds = net, kinds
        self._indices: dict[int | str, int] = {}
        self._phrases: list[list[str]] = []
        self._above: list[set[int]] = []

    def add(self, meaning: int | None, phrases: Sequence[str]) -> int:
        """The index of a concept; phrases that are new to it are noted, the given ones first."""
        key = meaning or phrases[0]
        if key not in self._indices:
            self._indices[key] = len(self._phrases)
            self._phrases.append([])
            self._above.append(set())
            if meaning:
                phrases = (*phrases, *self._net.synsets[meaning].lemmas)
                above = [kind for kind in self._net.ancestry(meaning)[1:] if kind in self._kinds]
                self._above[self._indices[key]] = {self.add(kind, ()) for kind in above}
        index = self._indices[key]
        self._phrases[index] = list(dict.fromkeys((*phrases, *self._phrases[index])))
        return index

    def all_phrases(self) -> tuple[tuple[str, ...], ...]:
        return tuple(map(tuple, self._phrases))

    def within(self) -> NDArray[np.bool_]:
        matrix = np.eye(len(self._phrases), dtype=np.bool_)
        for index, above in enumerate(self._above):
            matrix[index, list(above)] = True
        return matrix


def _subject(number: int) -> int:
    return next((file for end, file in _SUBJECTS if number < end), PLANT)


def _of_sprite(net: WordNet, kinds: Collection[int], name: str) -> tuple[int | None, tuple[str, ...]]:
    """Meaning and phrases of a sprite's name; a noun's subject and synonyms are known."""
    if name == NOTHING:
        return None, _NOTHINGS
    if name not in DETECTION_NOUNS:
        return _seen(net, kinds, name.replace("-", " "), VISIBLE), (name.replace("-", " "),)
    file = next(file for last, file in _NOUNS_UP_TO if DETECTION_NOUNS.index(name) <= DETECTION_NOUNS.index(last))
    return _seen(net, kinds, "grape" if name == "grapes" else name, {file}), (name, *SYNONYMS.get(name, ()))


def _seen(net: WordNet, kinds: Collection[int], phrase: str, files: Collection[int]) -> int | None:
    """The meaning of a phrase: one that ImageNet shows, else the commonest of `files`."""
    senses = [sense for sense in net.senses.get(phrase, ()) if net.synsets[sense].file in files]
    return next(iter([sense for sense in senses if sense in kinds] or senses), None)
