"""Train the detector on the sticker world, from the backbone that `pretrain.py` left in the same run.

    python -m recipes.grounding_dino.train --run recipes/runs/grounding_dino --minutes 80

Stop it at any time; the same command goes on from the last checkpoint with the batches that would have come. The
learning rate follows the minutes spent, those before a resumption included, so a run ends on time on any machine.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import AutoTokenizer, BertModel, GroundingDinoForObjectDetection, ResNetBackbone

from recipes.grounding_dino.losses import Predictions, Targets, Terms, proposal_loss, query_loss
from recipes.grounding_dino.model import SIZE, STRIDES, build_detector, fold_batch_norm, smoothed_copy, start_from
from recipes.grounding_dino.prompts import Asker
from recipes.grounding_dino.stream import SceneStream, mixture, normalise, training_atlas
from recipes.grounding_dino.text import MemoisedText
from recipes.precision import autocast
from recipes.world import SceneSpec

SEED = 12
BATCH = 16
RATE, BACKBONE_RATE, TEXT_RATE = 5e-4, 4e-4, 2e-5
WARMUP = 100
SMOOTHING = 0.998
#: Height and width of a batch as shares of the scenes': mostly square, sometimes not, for users' pictures are not.
SHAPES = ((1, 1), (1, 1), (1, 1), (5 / 6, 7 / 6), (7 / 6, 5 / 6), (7 / 6, 7 / 6))
CHECKPOINT_SECONDS, REPORT_SECONDS = 150, 20


@dataclass(eq=False)
class Run:
    """What a checkpoint holds."""

    detector: GroundingDinoForObjectDetection
    smoothed: GroundingDinoForObjectDetection
    optimiser: torch.optim.Optimizer
    seed: int = SEED
    step: int = 0
    seconds: float = 0.0
    recent: list[dict[str, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write everything that decides what comes next, atomically."""
        state = {
            "detector": self.detector.state_dict(),
            "smoothed": self.smoothed.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".partial"))
        path.with_suffix(".partial").replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(path, weights_only=True)
        for part in ("detector", "smoothed", "optimiser"):
            getattr(self, part).load_state_dict(state[part])
        self.step, self.seconds = state["step"], state["seconds"]


def heads(detector: GroundingDinoForObjectDetection, pixels: Tensor, ids: Tensor, mask: Tensor) -> list[Predictions]:
    """Predictions of the first stage (one a cell), then of each decoder layer (one a query)."""
    output = detector.model(pixel_values=pixels, input_ids=ids, attention_mask=mask)
    length = ids.shape[1]
    with torch.autocast("cpu", enabled=False):
        proposed = output.enc_outputs_coord_logits.float().sigmoid()
        layers = [Predictions(output.enc_outputs_class[..., :length].float(), proposed)]
        text = output.encoder_last_hidden_state_text.float()
        starts = torch.cat([output.init_reference_points[:, None], output.intermediate_reference_points[:, :-1]], dim=1)
        queries = output.intermediate_hidden_states.float().unbind(1)
        for hidden, start, box_head in zip(queries, starts.float().unbind(1), detector.bbox_embed, strict=True):
            boxes = (box_head(hidden) + torch.special.logit(start, eps=1e-5)).sigmoid()
            layers.append(Predictions(hidden @ text.mT, boxes))
    return layers


def batch_terms(predictions: list[Predictions], targets: Targets, mask: Tensor, shape: tuple[int, int]) -> list[Terms]:
    """The loss of every stage."""
    cells, *layers = predictions
    real = mask.bool()
    return [
        proposal_loss(cells, targets, real, cell_centres(shape)),
        *(query_loss(layer, targets, real) for layer in layers),
    ]


def cell_centres(shape: tuple[int, int]) -> Tensor:
    """Centres (Q, 2) of the cells of both maps, x and y in 0..1, in the order in which the detector flattens them."""
    levels = []
    for stride in STRIDES:
        height, width = (-(-side // stride) for side in shape)
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        levels.append(torch.stack([x.flatten() / width, y.flatten() / height], dim=1))
    return torch.cat(levels)


def parameter_groups(detector: GroundingDinoForObjectDetection) -> list[dict[str, Any]]:
    """Backbone and text projection were trained before and move slowly; norms, biases and gates do not decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in detector.named_parameters():
        if parameter.requires_grad:
            slow = BACKBONE_RATE if "conv_encoder" in name or "input_proj" in name else RATE
            rate = TEXT_RATE if "text_projection" in name else slow
            groups.setdefault((rate, 0.0 if parameter.ndim < 2 else 0.02), []).append(parameter)
    return [
        {"params": params, "lr": rate, "peak": rate, "weight_decay": decay} for (rate, decay), params in groups.items()
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, required=True)
    options.add_argument("--minutes", type=float, default=80.0)
    options.add_argument("--size", type=int, default=SIZE, help="side of the scenes in pixels")
    options.add_argument("--gentle", type=float, default=1.0, help="share of the learning rates to go on with")
    options.add_argument("--seed", type=int, default=SEED, help="another seed composes other scenes and questions")
    train(**vars(options.parse_args()))


def train(run: Path, minutes: float, size: int = SIZE, gentle: float = 1.0, seed: int = SEED) -> None:
    """Train until the run has lasted so many minutes, or go on where `detector.pt` under `run` stopped."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    state = prepared(run, seed)
    atlas, others = training_atlas()
    asker = Asker(AutoTokenizer.from_pretrained(tokenizer_of(run)), others)
    stream = SceneStream(atlas, SceneSpec(size=size, names=mixture(others, nouns=0.85)), seed=seed, batch=BATCH)
    saved = reported = time.monotonic()
    while state.seconds < 60 * minutes:
        began = time.monotonic()
        share = gentle * max(0.02, min(1.0, 1.5 * (1 - state.seconds / 60 / minutes)))
        _advance(state, stream, asker, share=share)
        now = time.monotonic()
        state.seconds += now - began
        if now - reported > REPORT_SECONDS:
            reported = now
            _report(state, run / "train.jsonl")
        if now - saved > CHECKPOINT_SECONDS:
            saved = now
            state.save(run / "detector.pt")
    state.save(run / "detector.pt")


def tokenizer_of(run: Path) -> Path:
    """Where a run keeps its tokenizer."""
    return run / "start" if (run / "start").is_dir() else run / "tokenizer"


def prepared(run: Path, seed: int = SEED) -> Run:
    """The detector on its pretrained parts, or as the last checkpoint left it."""
    torch.manual_seed(seed)
    detector = _further(run / "start") if (run / "start").is_dir() else _fresh(run)
    detector.model.text_backbone = MemoisedText(detector.model.text_backbone.requires_grad_(requires_grad=False).eval())
    detector.model.unfreeze_backbone()
    fold_batch_norm(cast("ResNetBackbone", detector.model.backbone.conv_encoder.model))
    detector = detector.to(memory_format=torch.channels_last).train()
    smoothed = cast("GroundingDinoForObjectDetection", smoothed_copy(detector))
    state = Run(detector, smoothed, torch.optim.AdamW(parameter_groups(detector)), seed)
    if (run / "detector.pt").exists():
        state.load(run / "detector.pt")
    return state


def _fresh(run: Path) -> GroundingDinoForObjectDetection:
    """The pretrained parts, put together."""
    encoder = BertModel.from_pretrained(run / "text", add_pooling_layer=False)
    detector = build_detector(encoder.config)
    start_from(detector, torch.load(run / "pretrained.pt", weights_only=True))
    detector.model.text_backbone = encoder
    return detector


def _further(folder: Path) -> GroundingDinoForObjectDetection:
    """A detector that was exported before, as it is or with more words (`thesaurus.py`)."""
    detector: GroundingDinoForObjectDetection = GroundingDinoForObjectDetection.from_pretrained(folder).float()
    return detector


def _advance(state: Run, stream: SceneStream, asker: Asker, *, share: float) -> None:
    rng = np.random.default_rng((state.seed, 2, state.step))
    views = stream.views(state.step)
    questions = asker.questions(rng, views)
    pixels = normalise([view.image for view in views])
    shape = _shape(rng, pixels.shape[-1])
    if shape != pixels.shape[-2:]:
        pixels = F.interpolate(pixels, shape, mode="bilinear", align_corners=False)
    for group in state.optimiser.param_groups:
        group["lr"] = group["peak"] * min(1.0, (state.step + 1) / WARMUP) * share
    with autocast():
        predictions = heads(state.detector, pixels, questions.input_ids, questions.attention_mask)
    terms = batch_terms(predictions, questions.targets, questions.attention_mask, shape)
    loss = torch.stack([term.total() for term in terms]).sum()
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.detector.parameters(), 2.0)
    state.optimiser.step()
    state.step += 1
    _smooth(state)
    state.recent.append({"loss": loss.item(), **_named("first", terms[0]), **_named("last", terms[-1])})


def _shape(rng: np.random.Generator, side: int) -> tuple[int, int]:
    """One of `SHAPES` for scenes of a side, in whole cells of the coarsest map."""
    height, width = (STRIDES[-1] * round(share * side / STRIDES[-1]) for share in SHAPES[rng.integers(len(SHAPES))])
    return height, width


def _named(stage: str, terms: Terms) -> dict[str, float]:
    return {f"{stage}_{part}": getattr(terms, part).item() for part in ("tokens", "l1", "giou")}


@torch.no_grad()
def _smooth(state: Run) -> None:
    keep = min(SMOOTHING, state.step / (state.step + 10))
    pairs = zip(state.smoothed.parameters(), state.detector.parameters(), strict=True)
    averaged, current = zip(*(pair for pair in pairs if pair[1].requires_grad), strict=True)
    torch._foreach_lerp_(averaged, current, 1 - keep)


def _report(state: Run, log: Path) -> None:
    means = {key: round(float(np.mean([line[key] for line in state.recent])), 4) for key in state.recent[0]}
    line = {"step": state.step, "minutes": round(state.seconds / 60, 2), **means}
    state.recent.clear()
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(line, flush=True)


if __name__ == "__main__":
    main()
