"""How often a masked crop gets its own name among those of all nouns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipelines.models import Model
from plugins.clip.nodes import rank
from recipes.evaluation.scenes import image_of, truth_of
from recipes.evaluation.statistics import Estimate, share
from recipes.world import DETECTION_NOUNS, Scene

PROMPT = " ".join(f"{noun}." for noun in DETECTION_NOUNS)


@dataclass
class Naming:
    """By noun, whether each of its crops was named so."""

    hits: dict[str, list[bool]] = field(default_factory=dict)

    def rows(self) -> list[tuple[str, Estimate]]:
        """The figure of the table."""
        every = [hit for hits in self.hits.values() for hit in hits]
        return [(f"masked crop named among {len(DETECTION_NOUNS)} nouns, of {len(self.hits)} nouns", share(every))]

    def weakest(self, count: int = 6) -> list[str]:
        """The nouns named least often, with their shares."""
        shares = sorted((float(np.mean(hits)), noun) for noun, hits in self.hits.items())
        return [f"{noun} {value:.2f}" for value, noun in shares[:count]]


def measure_naming(scenes: Iterable[Scene], model: Model[Any]) -> Naming:
    """Rank the true masks of each scene by all nouns at once and look which noun each got."""
    naming = Naming()
    for scene in scenes:
        masks = replace(truth_of(scene), mask=scene.masks)
        found = rank(image_of(scene), masks, PROMPT, model=model, threshold=0.0)
        for index, name in zip(found.data["instance_id"].tolist(), found.data["class_name"].tolist(), strict=True):
            noun = scene.names[index]
            naming.hits.setdefault(noun, []).append(name == noun)
    return naming
