"""The common space: a projection of the frozen tower's features, and a place for every concept.

The tower's own classifier gives the start: its thousand directions, cut to the leading ones, are the places of the
thousand classes, and a kind of thing starts at the mean of what belongs to it. Then features of drawings are taught
their names while features that stand for photographs must still be told apart as the classifier tells them. No
photograph is needed for that: the norm below the pooling knows mean and spread of every feature over ImageNet, and a
class lies where its row points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import EfficientNetModel

from recipes.clip.concepts import Concepts
from recipes.clip.features import Features
from recipes.clip.vision import WIDTH

SEED = 17
DIMENSIONS = 512
STEPS, BATCH, RATE = 2000, 256, 1e-3
#: Weights of the losses: kinds of things beside the thing itself, and the classifier's own answers.
KINDS, CLASSES = 0.5, 1.0


@dataclass(frozen=True, eq=False)
class Classifier:
    """ImageNet's `weight` (1000, 1280) and `bias` (1000,); each feature's `mean` and `spread` (1280,) over ImageNet."""

    weight: Tensor
    bias: Tensor
    mean: Tensor
    spread: Tensor

    def imagine(self, count: int, generator: torch.Generator) -> Tensor:
        """Features (count, 1280) as photographs have them: of one class each, more or less clear, all else random."""
        rows = torch.randint(len(self.weight), (count,), generator=generator)
        centred = self.weight - self.weight.mean(0)
        towards = centred[rows] * self.spread.square()
        towards = towards / (towards * centred[rows]).sum(1, keepdim=True)
        margin = torch.empty(count, 1).uniform_(2, 14, generator=generator)
        noise = torch.randn(count, WIDTH, generator=generator) * self.spread
        return (self.mean + noise + margin * towards).clamp(0, 6)


class Space(nn.Module):
    """`projection` (512, 1280) of features and `places` (concepts, 512), both to be scaled to unit length."""

    def __init__(self, classifier: Classifier, concepts: Concepts) -> None:
        super().__init__()
        centred = classifier.weight - classifier.weight.mean(0)
        left, values, right = torch.linalg.svd(centred, full_matrices=False)
        self.projection = nn.Parameter(right[:DIMENSIONS].clone())
        rows = F.normalize(left[:, :DIMENSIONS] * values[:DIMENSIONS], dim=1)
        belongs = torch.from_numpy(concepts.within[concepts.classes]).float()
        places = belongs.T @ rows + 0.02 * torch.randn(belongs.shape[1], rows.shape[1])
        self.places = nn.Parameter(F.normalize(places, dim=1))
        self.scale = nn.Parameter(torch.tensor(3.0))

    def forward(self, features: Tensor) -> Tensor:
        """Cosines (B, concepts)."""
        return F.normalize(features @ self.projection.T, dim=1) @ F.normalize(self.places, dim=1).T


def imagenet_classifier(tower: EfficientNetModel, weight: Tensor, bias: Tensor) -> Classifier:
    """The classifier with what the tower's last norm remembers of ImageNet.

    Before ReLU6 feature k is distributed about as N(bias_k, weight_k²), the norm's own numbers. Pooling over 49 places
    that resemble each other leaves a part of the spread.
    """
    norm = tower.encoder.top_bn
    generator = torch.Generator().manual_seed(SEED)
    drawn = torch.randn(4096, WIDTH, generator=generator) * norm.weight.abs() + norm.bias
    clipped = drawn.detach().clamp(0, 6)
    return Classifier(weight, bias, clipped.mean(0), 0.5 * clipped.std(0))


def concept_loss(logits: Tensor, labels: Tensor, within: Tensor) -> Tensor:
    """Each concept that a thing belongs to competes with those it does not belong to; what is a kind of the thing is
    left out, for a drawing of a dog may well be one of a poodle. `logits` (B, C), `labels` (B,), `within` (C, C)."""
    mine = within[labels]
    rivals = logits.masked_fill(mine | within.T[labels], -torch.inf).logsumexp(1, keepdim=True)
    losses = F.softplus(rivals - logits)
    own = losses.gather(1, labels[:, None])[:, 0]
    kinds = (losses * mine).sum(1) - own
    others = (mine.sum(1) - 1).clamp(min=1)
    return (own + KINDS * kinds / others).mean()


def train_space(classifier: Classifier, concepts: Concepts, features: Features, names: Sequence[str]) -> Space:
    """Train on so many crops' features and names, and on imagined ones."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    space = Space(classifier, concepts)
    crops, labels = torch.from_numpy(features), torch.tensor([concepts.named[name] for name in names])
    within, classes = torch.from_numpy(concepts.within), torch.from_numpy(concepts.classes)
    spread = crops.std(0)
    optimiser = torch.optim.AdamW(space.parameters(), lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS, pct_start=0.1)
    for _ in track(range(STEPS), description="space"):
        rows = torch.randint(len(crops), (BATCH,), generator=generator)
        drawn = crops[rows] + 0.3 * spread * torch.randn(BATCH, WIDTH, generator=generator)
        imagined = classifier.imagine(BATCH, generator)
        answers = (torch.cat([drawn, imagined]) @ classifier.weight.T + classifier.bias).softmax(1)
        logits = space.scale.exp() * space(torch.cat([drawn, imagined]))
        seen = torch.multinomial(answers[BATCH:], 1, generator=generator)[:, 0]
        targets = torch.cat([labels[rows], classes[seen]])
        loss = concept_loss(logits, targets, within)
        loss = loss + CLASSES * F.cross_entropy(logits[:, classes], answers)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return space


def unit_places(space: Space) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The places (concepts, 512) at unit length."""
    return F.normalize(space.places.detach(), dim=1).numpy()
