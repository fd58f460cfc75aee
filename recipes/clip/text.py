"""The text tower: three layers of MiniLM that learn to send every phrase to the place of its concept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import BertConfig, BertModel

from plugins.clip.words import COMMON
from recipes.clip.concepts import Concepts
from recipes.clip.phrases import said, shares
from recipes.grounding_dino.text import minilm_folder
from recipes.precision import autocast
from recipes.world import DETECTION_NOUNS

SEED = 23
LAYERS, LONGEST = 3, 64
STEPS, BATCH, SAVED = 600, 128, 100
#: The layers know words already; pooler and projection know nothing.
RATE, HEAD_RATE = 3e-4, 1e-3
#: Of the phrases that are no concept's best name, so many are kept for the measurement.
TESTED = 0.05
RIDGE = 1e-3
_SCALE = 15.0


@dataclass(frozen=True, eq=False)
class Lesson:
    """What there is to learn: `phrases` and the concept of each, and the `places` (concepts, D) where these lie."""

    phrases: Mapping[str, int]
    concepts: Concepts
    places: NDArray[np.float32]
    tokenizer: Any

    def held_out(self) -> list[str]:
        """Some of the phrases that are nobody's best name, kept for the measurement."""
        best = {names[0].lower() for names in self.concepts.phrases} | self._sprites().keys()
        others = [phrase for phrase in self.phrases if phrase not in best]
        rng = np.random.default_rng(SEED)
        return [str(phrase) for phrase in rng.choice(others, int(TESTED * len(others)), replace=False)]

    def examinations(self, tested: Sequence[str]) -> dict[str, dict[str, int]]:
        """Phrases with their concepts: those never shown, and the sprites' names."""
        return {"unseen phrases": {phrase: self.phrases[phrase] for phrase in tested}, "sprites": self._sprites()}

    def weight(self, phrase: str) -> float:
        """How much a phrase counts when the projection is solved for."""
        if phrase in DETECTION_NOUNS:
            return 200.0
        return 20.0 if phrase in self._sprites() or phrase in COMMON else 1.0

    def _sprites(self) -> dict[str, int]:
        return {name.replace("-", " "): index for name, index in self.concepts.named.items()}


class TextTower(nn.Module):
    """BERT with its pooler and the projection: phrases to unit vectors."""

    def __init__(self, kept: list[int], dimensions: int) -> None:
        super().__init__()
        self.bert = first_layers(kept)
        self.projection = nn.Linear(self.bert.config.hidden_size, dimensions, bias=False)

    def forward(self, encoded: Mapping[str, Tensor]) -> Tensor:
        """Unit vectors (B, D) of tokens `input_ids` and `attention_mask` (B, T)."""
        pooled = self.bert(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]).pooler_output
        return F.normalize(self.projection(pooled).float(), dim=1)


def first_layers(kept: list[int]) -> BertModel:
    """The first layers of MiniLM with the word embeddings of the old ids `kept` and the first positions."""
    full = BertModel.from_pretrained(minilm_folder(), add_pooling_layer=False)
    config = BertConfig(
        vocab_size=len(kept), hidden_size=384, num_hidden_layers=LAYERS, num_attention_heads=12, intermediate_size=1536,
        max_position_embeddings=LONGEST,
    )  # fmt: skip
    short = BertModel(config)
    weights = {name: value for name, value in full.state_dict().items() if name in short.state_dict()}
    words, positions = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
    weights[words] = weights[words][torch.tensor(kept)]
    weights[positions] = weights[positions][:LONGEST]
    short.load_state_dict(weights, strict=False)
    return short


def train_text(tower: TextTower, lesson: Lesson, checkpoint: Path) -> dict[str, float]:
    """Train the tower to say a phrase's concept; returns how often it does for phrases that it was never shown.

    Saves to `checkpoint` now and then and goes on from there: what is said in a step depends on its number alone.
    """
    optimiser, schedule = _optimiser(tower)
    parts = {"tower": tower, "optimiser": optimiser, "schedule": schedule}
    done = _resume(checkpoint, parts)
    names, tested = list(lesson.phrases), lesson.held_out()
    drawn = shares(names, lesson.concepts, tested)
    places = torch.from_numpy(lesson.places)
    tower.train()
    for step in range(done, STEPS):
        torch.manual_seed(SEED * 1_000_003 + step)
        rng = np.random.default_rng((SEED, step))
        batch = [names[index] for index in rng.choice(len(names), BATCH, p=drawn)]
        labels = torch.tensor([lesson.phrases[name] for name in batch])
        loss = _loss(tower, lesson.tokenizer, [said(rng, name) for name in batch], labels, places)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if (step + 1) % SAVED == 0:
            print(json.dumps({"step": step + 1, "loss": round(loss.item(), 3)}), flush=True)
            _save(checkpoint, parts, step + 1)
    tower.eval()
    return {name: agreement(tower, lesson, phrases) for name, phrases in lesson.examinations(tested).items()}


@torch.inference_mode()
def fit_projection(tower: TextTower, lesson: Lesson) -> dict[str, float]:
    """Solve for the projection of the trained layers: weighted least squares over all phrases but those held out.

    The nouns of the world weigh most, then other sprites' names and the usual rivals. Returns what `train_text` does.
    """
    tested = lesson.held_out()
    known = [phrase for phrase in lesson.phrases if phrase not in set(tested)]
    weights = torch.tensor([lesson.weight(phrase) for phrase in known])
    targets = torch.from_numpy(lesson.places)[[lesson.phrases[phrase] for phrase in known]]
    inputs = torch.cat([_pooled(tower, lesson, known[start : start + BATCH]) for start in range(0, len(known), BATCH)])
    covariance = (inputs.T * weights) @ inputs
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance))
    tower.projection.weight.copy_(torch.linalg.solve(covariance + ridge, (inputs.T * weights) @ targets).T)
    return {name: agreement(tower, lesson, phrases) for name, phrases in lesson.examinations(tested).items()}


def _pooled(tower: TextTower, lesson: Lesson, texts: list[str]) -> Tensor:
    pooled: Tensor = tower.bert(**lesson.tokenizer(texts, padding=True, return_tensors="pt")).pooler_output
    return pooled


@torch.inference_mode()
def agreement(tower: TextTower, lesson: Lesson, phrases: Mapping[str, int]) -> float:
    """The share of phrases whose nearest place is their concept's."""
    texts = list(phrases)
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    found = [tower(lesson.tokenizer(batch, padding=True, return_tensors="pt")).numpy() for batch in batches]
    nearest = (np.concatenate(found) @ lesson.places.T).argmax(axis=1)
    return round(float(np.mean(nearest == np.array(list(phrases.values())))), 3)


def _loss(tower: TextTower, tokenizer: Any, texts: list[str], labels: Tensor, places: Tensor) -> Tensor:
    """The place itself, and nearer to it than to any other."""
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    with autocast():
        vectors = tower(encoded)
    cosines: Tensor = vectors @ places.T
    missed = 1 - cosines.gather(1, labels[:, None]).mean()
    return missed + 0.2 * F.cross_entropy(_SCALE * cosines, labels)


def _optimiser(tower: TextTower) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    groups = [
        {"params": [*tower.bert.embeddings.parameters()], "lr": RATE / 4},
        {"params": [*tower.bert.encoder.parameters()], "lr": RATE},
        {"params": [*tower.bert.pooler.parameters(), *tower.projection.parameters()], "lr": HEAD_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    rates = [RATE / 4, RATE, HEAD_RATE]
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=STEPS, pct_start=0.1)


def _resume(checkpoint: Path, parts: Mapping[str, Any]) -> int:
    """Load what was saved; the number of steps that were done."""
    if not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def _save(checkpoint: Path, parts: Mapping[str, Any], step: int) -> None:
    partial = checkpoint.with_suffix(".partial")
    torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, partial)
    partial.replace(checkpoint)
