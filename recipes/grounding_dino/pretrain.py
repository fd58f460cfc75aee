"""Teach the backbone to name what every cell of its maps shows, against frozen text embeddings.

    python -m recipes.grounding_dino.pretrain --run recipes/runs/grounding_dino --minutes 10

The loss is dense and cheap, and the maps come out aligned with the words before the detector sees its first box.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import AutoTokenizer, ResNetBackbone

from recipes.grounding_dino.model import SIZE, STRIDES, WIDTH, backbone_config
from recipes.grounding_dino.stream import SceneStream, View, mixture, normalise, training_atlas
from recipes.grounding_dino.text import MemoisedText, minilm_folder, pretrained_text_encoder, prune_tokenizer
from recipes.precision import autocast
from recipes.world import DETECTION_NOUNS, SYNONYMS, SceneSpec

SEED = 11
BATCH = 24
RATE = 1.5e-3
#: Crowded scenes of small stickers: more examples a pixel than the scenes of the detector.
SPEC = SceneSpec(size=SIZE, objects=(3, 9), scale=(0.18, 0.5))
BACKGROUND, UNNAMED, IGNORED = -2, -1, -3


class DenseNamer(nn.Module):
    """Backbone and projections of the detector, with a softmax over known names in the place of its heads."""

    def __init__(self, embeddings: Tensor, corpus: Tensor) -> None:
        """`embeddings` (names, text width): the mean token feature of each name; `corpus` (more names, text width)."""
        super().__init__()
        self.backbone = ResNetBackbone(backbone_config())
        self.input_projection = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, WIDTH, 1), nn.GroupNorm(32, WIDTH)) for channels in self.backbone.channels
        )
        self.text_projection = nn.Linear(embeddings.shape[1], WIDTH)
        with torch.no_grad():
            weight, bias = whitening(corpus, WIDTH)
            self.text_projection.weight.copy_(weight)
            self.text_projection.bias.copy_(bias)
        self.text_projection.requires_grad_(requires_grad=False)
        self.nothing = nn.Parameter(torch.zeros(2, WIDTH))
        self.temperature = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("embeddings", embeddings, persistent=False)
        self.embeddings: Tensor

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Logits (B, cells, 2 + names) for each level; first the background, then things without a name."""
        words = torch.cat([self.nothing, self.text_projection(self.embeddings)])
        maps = self.backbone(pixels).feature_maps
        projected = [project(level).flatten(2).mT for project, level in zip(self.input_projection, maps, strict=True)]
        return [cells @ words.T * (self.temperature / WIDTH**0.5) for cells in projected]


def whitening(corpus: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Weight (width, D) and bias of the projection to the first principal components, each scaled to variance one.

    Word features of BERT share a few huge directions; without this all names would look alike.
    """
    centred = corpus - corpus.mean(0)
    values, vectors = torch.linalg.eigh(centred.mT @ centred / len(corpus))
    weight = (vectors[:, -width:] * values[-width:].clamp(min=1e-4).rsqrt()).mT
    return weight, -weight @ corpus.mean(0)


def cell_labels(view: View, stride: int, indices: dict[str, int]) -> NDArray[np.int64]:
    """For each cell the index of the name that covers at least half of it, `BACKGROUND`, or `IGNORED` in between."""
    side = view.image.shape[0] // stride
    if not view.names:
        return np.full(side * side, BACKGROUND)
    cover = np.stack([_shrunk(mask, side) for mask in view.masks])
    best, most = cover.argmax(axis=0), cover.max(axis=0)
    names = np.array([indices.get(name, UNNAMED) for name in view.names])
    return np.where(most >= 0.5, names[best], np.where(most < 0.05, BACKGROUND, IGNORED)).ravel()


def naming_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy over cells of things and cells of background, each averaged by itself, background at 0.3."""
    things, empty = labels >= UNNAMED, labels == BACKGROUND
    loss = F.cross_entropy(logits[things], labels[things] + 2)
    return loss + 0.3 * F.cross_entropy(logits[empty], torch.zeros_like(labels[empty]))


def name_embeddings(text: MemoisedText, tokenizer: AutoTokenizer, names: Sequence[str]) -> Tensor:
    """Mean feature of the tokens of each name, its full stop left out: (names, width)."""
    rows = [tokenizer(f"{name.replace('-', ' ')}.", add_special_tokens=False)["input_ids"] for name in names]
    return torch.stack([text.phrase(tuple(row))[:-1].mean(0) for row in rows])


def _shrunk(mask: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)


def vocabulary(others: Sequence[str]) -> list[str]:
    """Every phrase whose pieces the pruned tokenizer must know."""
    words = [word for noun in DETECTION_NOUNS for word in (noun, *SYNONYMS.get(noun, ()))]
    return [*words, *(f"{word}s" for word in words), *(name.replace("-", " ") for name in others)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, required=True)
    options.add_argument("--minutes", type=float, default=10.0)
    pretrain(**vars(options.parse_args()))


def pretrain(run: Path, minutes: float) -> None:
    """Train for so many minutes and write `pretrained.pt`, the tokenizer and the text encoder under `run`."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(SEED)
    atlas, others = training_atlas()
    kept = prune_tokenizer(minilm_folder(), run / "tokenizer", vocabulary(others))
    encoder = pretrained_text_encoder(kept)
    encoder.save_pretrained(run / "text")
    tokenizer = AutoTokenizer.from_pretrained(run / "tokenizer")
    text = MemoisedText(encoder)
    nouns, corpus = (name_embeddings(text, tokenizer, names) for names in (DETECTION_NOUNS, vocabulary(())))
    model = DenseNamer(nouns, corpus).to(memory_format=torch.channels_last)
    spec = SceneSpec(**{**SPEC.__dict__, "names": mixture(others, nouns=0.85)})
    stream = SceneStream(atlas, spec, seed=SEED, batch=BATCH)
    indices = {name: index for index, name in enumerate(DETECTION_NOUNS)}
    _optimise(model, stream, indices, minutes, run / "pretrain.jsonl")
    parts = {part: getattr(model, part).state_dict() for part in ("backbone", "input_projection", "text_projection")}
    torch.save(parts, run / "pretrained.pt")


def _optimise(model: DenseNamer, stream: SceneStream, indices: dict[str, int], minutes: float, log: Path) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    start = reported = time.monotonic()
    step, hits, cells = 0, 0.0, 0.0
    while (spent := (time.monotonic() - start) / 60 / minutes) < 1:
        rate = RATE * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * spent)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        views = stream.views(step)
        with autocast():
            levels = model(normalise([view.image for view in views]))
        loss = torch.zeros(())
        for logits, stride in zip(levels, STRIDES, strict=True):
            labels = torch.from_numpy(np.stack([cell_labels(view, stride, indices) for view in views]))
            loss = loss + naming_loss(logits.float(), labels)
            nouns = labels >= 0
            right = logits[nouns].argmax(-1) == labels[nouns] + 2
            hits, cells = hits + right.sum().item(), cells + len(right)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        step += 1
        if time.monotonic() - reported > 20:
            reported = time.monotonic()
            line = {"step": step, "minutes": (reported - start) / 60, "loss": loss.item(), "nouns_named": hits / cells}
            hits = cells = 0.0
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)


if __name__ == "__main__":
    main()
