"""An inpainter that paints one colour, and what it is tested with."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from pipelines.families import ModelSource
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Detections, Edit, EditPlan, Image
from plugins.stable_diffusion.models import Advice, Inpainter

PINK = (255, 0, 200)


class OneColour(Inpainter):
    """Paints whatever it is shown pink, masked or not: the worst that a real model can do to unmasked pixels."""

    side = 32
    advice = Advice(steps=4, guidance=2.0, prompt="a photo of a {thing}", removal_prompt="nothing")

    def __init__(self, *, withholds: bool = False) -> None:
        self.asked = []
        self.withholds = withholds

    def inpaint(self, pixels, mask, brush, *, on_step):
        self.asked.append((pixels, mask, brush))
        for step in range(brush.steps):
            on_step(step + 1)
        return None if self.withholds else np.full_like(pixels, PINK)


class Loaded:
    """A family whose only model is at hand."""

    def __init__(self, model, name: str = "stable_diffusion") -> None:
        self.model, self.name = model, name

    def resolve(self, ref, *, offline):
        return ModelSource(self.name, ref, ref, "r1")

    def load(self, source, *, device, dtype):
        return self.model


@contextmanager
def studio(model):
    with use_scope(Scope(pool=ModelPool(families={"stable_diffusion": Loaded(model)}))):
        yield


def noise(height: int, width: int) -> Image:
    return Image(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def detections(shape: tuple[int, int], **boxes: tuple[int, int, int, int]) -> Detections:
    """Rectangles by name; `dog_2` is another dog."""
    masks = np.zeros((len(boxes), *shape), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes.values(), strict=True):
        mask[y0:y1, x0:x1] = True
    return Detections(
        xyxy=np.array(list(boxes.values()), np.float32),
        mask=masks,
        confidence=np.full(len(boxes), 0.9, np.float32),
        class_id=np.zeros(len(boxes), np.int64),
        data={
            "class_name": np.array([name.split("_")[0] for name in boxes]),
            "instance_id": np.arange(len(boxes)),
        },
    )


def plan_of(*edits: tuple[str, str, str | None]) -> EditPlan:
    """Edits by action, target and what comes instead."""
    return EditPlan("as the test says", tuple(Edit(action, target, new, (0, 6)) for action, target, new in edits))
