"""Teach the two text layers what other words mean, without a picture: a dictionary read as all of MiniLM reads it.

    python -m recipes.grounding_dino.meanings --run recipes/runs/grounding_dino --minutes 12

Two layers see spellings: "stallion" is four pieces to them, none of which means a horse. All six layers of the same
encoder know better. Of every phrase of WordNet that names something visible they say which of the nouns lies nearest;
the two layers learn to send its tokens there, while phrases that the detector was trained with, and those that lie near
no noun, stay where they were. Starts from the published detector and leaves it, with its new text, under `RUN/start`.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import AutoTokenizer, BertModel, GroundingDinoForObjectDetection
from transformers.models.grounding_dino.modeling_grounding_dino import (
    generate_masks_with_special_tokens_and_transfer_map as phrase_masks,
)

from recipes.clip.wordnet import VISIBLE, load_wordnet
from recipes.grounding_dino.pretrain import vocabulary
from recipes.grounding_dino.stream import training_atlas
from recipes.grounding_dino.text import DELIMITERS, PAD, minilm_folder
from recipes.world import DETECTION_NOUNS

BUNDLED = Path(__file__).resolve().parents[2] / "plugins" / "bundled" / "grounding_dino"
SEED, BATCH, RATE = 31, 192, 8e-4
#: Cosine from which on a phrase means a noun; below the second it means none. In between it is not asked.
MEANT, UNRELATED = 0.5, 0.4
#: Sharpness with which a phrase chooses among the nouns near it.
TEMPERATURE = 0.04
#: Of a batch: phrases that the detector knows, phrases that mean a noun, phrases that mean none.
SHARES = (0.35, 0.5, 0.15)
#: Of the phrases that mean a noun, so many are kept for the measurement.
TESTED = 0.05


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Phrases that the detector `knows`, phrases with the weights (P, nouns) of what they `mean`, and the `others`."""

    known: Sequence[str]
    meant: Sequence[str]
    weights: Tensor
    others: Sequence[str]


class Texts:
    """Token features of phrases, as the detector projects them."""

    def __init__(self, detector: GroundingDinoForObjectDetection, tokenizer: Any) -> None:
        self.encoder: BertModel = detector.model.text_backbone
        self.project: nn.Linear = detector.model.text_projection
        self._tokenizer = tokenizer

    def __call__(self, phrases: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Features (n, T, width) of the phrases with their delimiters, and which of them (n, T) belong to words."""
        rows = [self._tokenizer(f"{phrase}.")["input_ids"] for phrase in phrases]
        length = max(map(len, rows))
        ids = torch.tensor([row + [PAD] * (length - len(row)) for row in rows])
        mask, positions = phrase_masks(ids, torch.tensor(DELIMITERS))
        hidden = self.encoder(ids, mask[:, None], torch.zeros_like(ids), positions).last_hidden_state
        words = (ids != PAD) & ~torch.isin(ids, torch.tensor(DELIMITERS))
        return self.project(hidden), words

    def means(self, phrases: Sequence[str]) -> Tensor:
        """The mean feature (n, width) of each phrase's words."""
        features, words = self(phrases)
        return (features * words[..., None]).sum(1) / words.sum(1, keepdim=True)


def read_dictionary(others: Sequence[str]) -> Dictionary:
    """What WordNet's visible things mean among the nouns, by the whole of MiniLM."""
    known = sorted({name.replace("-", " ") for name in vocabulary(others)})
    lemmas = {lemma.lower() for synset in load_wordnet().synsets.values() if synset.file in VISIBLE
              for lemma in synset.lemmas}  # fmt: skip
    phrases = sorted(lemmas - set(known))
    cosines = sentence_vectors(phrases) @ sentence_vectors(DETECTION_NOUNS).T
    best = cosines.max(dim=1).values
    meant, unrelated = torch.nonzero(best >= MEANT)[:, 0], torch.nonzero(best < UNRELATED)[:, 0]
    weights = (cosines[meant] / TEMPERATURE).softmax(dim=1)
    return Dictionary(known, [phrases[i] for i in meant], weights, [phrases[i] for i in unrelated])


@torch.no_grad()
def sentence_vectors(phrases: Sequence[str]) -> Tensor:
    """Unit vectors (n, 384) of all-MiniLM-L6-v2: the mean of its last layer's tokens."""
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder())
    encoder = BertModel.from_pretrained(minilm_folder(), add_pooling_layer=False).eval()
    parts = []
    for start in range(0, len(phrases), 512):
        tokens = tokenizer(list(phrases[start : start + 512]), return_tensors="pt", padding=True)
        weight = tokens["attention_mask"][..., None]
        hidden = encoder(**tokens).last_hidden_state
        parts.append(F.normalize((hidden * weight).sum(1) / weight.sum(1), dim=1))
    return torch.cat(parts)


def teach(texts: Texts, before: Texts, dictionary: Dictionary, minutes: float) -> None:
    """Move what the dictionary moves, hold what the detector knows."""
    with torch.no_grad():
        nouns = before.means(DETECTION_NOUNS)
    optimiser = torch.optim.AdamW(texts.encoder.parameters(), lr=RATE, weight_decay=0.0)
    rng = np.random.default_rng(SEED)
    tested = rng.random(len(dictionary.meant)) < TESTED
    lessons = np.flatnonzero(~tested)
    step, started = 0, time.monotonic()
    reported = started
    while (spent := (time.monotonic() - started) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = RATE * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * spent)))
        step += 1
        loss = _step(texts, before, _lesson(rng, dictionary, lessons), nouns)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(texts.encoder.parameters(), 1.0)
        optimiser.step()
        if time.monotonic() - reported > 30:
            reported = time.monotonic()
            right = {name: _right(texts, dictionary, nouns, rows) for name, rows in
                     (("taught", lessons[:500]), ("held out", np.flatnonzero(tested)[:500]))}  # fmt: skip
            print({"spent": round(spent, 3), "step": step, "loss": round(loss.item(), 4), **right}, flush=True)


def _lesson(rng: np.random.Generator, dictionary: Dictionary, taught: NDArray[np.intp]) -> Dictionary:
    """A batch: some phrases of every kind."""
    known, meant, others = (round(share * BATCH) for share in SHARES)
    chosen = rng.choice(taught, meant)
    return Dictionary(
        _drawn(rng, dictionary.known, known),
        [dictionary.meant[index] for index in chosen],
        dictionary.weights[chosen],
        _drawn(rng, dictionary.others, others),
    )


def _step(texts: Texts, before: Texts, lesson: Dictionary, nouns: Tensor) -> Tensor:
    """The error over the tokens of each kind of phrase."""
    losses = []
    for phrases in (lesson.known, lesson.others):
        features, words = texts(phrases)
        with torch.no_grad():
            wanted, _ = before(phrases)
        losses.append(_missed(features, wanted, words | words.roll(1, dims=1)))
    held, free = losses
    features, words = texts(lesson.meant)
    wanted = (lesson.weights @ nouns)[:, None].expand_as(features)
    return 2 * held + 0.3 * free + _missed(features, wanted, words)


def _missed(features: Tensor, wanted: Tensor, tokens: Tensor) -> Tensor:
    """Mean squared error over the tokens, of each as a share of what is wanted: rare words lie far outside."""
    error = (features - wanted)[tokens].square().sum(1)
    return (error / wanted[tokens].square().sum(1)).mean()


def _drawn(rng: np.random.Generator, phrases: Sequence[str], count: int) -> list[str]:
    return [phrases[index] for index in rng.integers(len(phrases), size=count)]


@torch.no_grad()
def _right(texts: Texts, dictionary: Dictionary, nouns: Tensor, rows: NDArray[np.intp]) -> float:
    """Share of phrases whose feature lies nearest to the noun that they mean."""
    told = texts.means([dictionary.meant[index] for index in rows])
    nearest = torch.cdist(told, nouns).argmin(dim=1)
    return round(float((nearest == dictionary.weights[rows].argmax(dim=1)).float().mean()), 3)


def _frozen(detector: GroundingDinoForObjectDetection) -> Iterator[nn.Parameter]:
    return (parameter for name, parameter in detector.named_parameters() if "text_backbone" not in name)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, required=True)
    options.add_argument("--start", type=Path, default=BUNDLED)
    options.add_argument("--minutes", type=float, default=12.0)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    tokenizer = AutoTokenizer.from_pretrained(arguments.start)
    detector = GroundingDinoForObjectDetection.from_pretrained(arguments.start).float().eval()
    for parameter in _frozen(detector):
        parameter.requires_grad = False
    before = Texts(copy.deepcopy(detector).requires_grad_(requires_grad=False), tokenizer)
    dictionary = read_dictionary(training_atlas()[1])
    print({name: len(getattr(dictionary, name)) for name in ("known", "meant", "others")}, flush=True)
    teach(Texts(detector, tokenizer), before, dictionary, arguments.minutes)
    detector.save_pretrained(arguments.run / "start")
    tokenizer.save_pretrained(arguments.run / "start")


if __name__ == "__main__":
    main()
