"""Measure a promptable network on scenes of unseen art: mask IoU from the true box, from a click, and from corrections.

`python -m recipes.sam.evaluate [DIRECTORY]` prints the table of the model card.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.errors import UserError
from recipes.sam.cutouts import load_cutouts
from recipes.world import TEST_FAMILIES, TRAIN_FAMILIES, Atlas, Scene, SceneSpec, compose, load_atlas
from sam_model.checkpoints import load_sam
from sam_model.predictor import ImageEmbedding, Predictor
from sam_model.prompts import BACKGROUND, FOREGROUND, Box, MaskHint, Points

BUNDLED = Path(__file__).resolve().parents[2] / "plugins" / "bundled" / "sam"
SEED = 20_000
#: Scenes of a size that the network does not work at natively, as users bring them.
SPEC = SceneSpec(size=320)
CORRECTIONS = 4

Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Figures:
    """Mean IoU over all objects, in pixels of the picture.

    `box` is the single mask and `box_above_half` the share of it over 0.5; `box_best` is, of the other three masks, the
    one that the network itself ranks first. `click` likewise from one click at the object's middle, `click_oracle` the
    best of the three, and `click_3` and `click_5` the single mask after two and four more clicks into the middle of the
    largest error.
    """

    objects: int
    box: float
    box_above_half: float
    box_best: float
    click: float
    click_oracle: float
    click_3: float
    click_5: float

    def rounded(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def evaluate(predictor: Predictor, atlas: Atlas, spec: SceneSpec = SPEC, *, scenes: int = 200) -> Figures:
    """Compose `scenes` pictures with a fixed seed and ask for every object in them."""
    rows = []
    for number in range(scenes):
        scene = compose(np.random.default_rng([SEED, number]), atlas, spec)
        embedding = predictor.embed(scene.image)
        rows.append(np.stack([*_by_box(predictor, embedding, scene), *_by_clicks(predictor, embedding, scene)], axis=1))
    box, *others = np.concatenate(rows).T
    means = (float(column.mean()) for column in (box, box > 0.5, *others))
    return Figures(len(box), *means)


def middle(mask: Masks) -> NDArray[np.float32]:
    """The pixel (x, y) farthest from the mask's edge, where the paper's protocol clicks."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return np.array([column - 1, row - 1], dtype=np.float32)


def overlap(masks: Masks, wanted: Masks) -> NDArray[np.float64]:
    """IoU of masks (..., H, W) with those wanted."""
    union = np.asarray((masks | wanted).sum(axis=(-2, -1)))
    return np.asarray((masks & wanted).sum(axis=(-2, -1)) / np.maximum(union, 1))


def _by_box(predictor: Predictor, embedding: ImageEmbedding, scene: Scene) -> tuple[NDArray[np.float64], ...]:
    single = predictor.predict(embedding, Box(scene.boxes)).masks[:, 0]
    ranked, _, _, _ = _answer(predictor, embedding, Box(scene.boxes), scene.masks)
    return overlap(single, scene.masks), ranked


def _by_clicks(predictor: Predictor, embedding: ImageEmbedding, scene: Scene) -> tuple[NDArray[np.float64], ...]:
    places = np.stack([middle(mask) for mask in scene.masks])[:, None]
    labels = np.full(places.shape[:2], FOREGROUND)
    ranked, oracle, masks, hint = _answer(predictor, embedding, Points(places, labels), scene.masks)
    corrected = []
    for _ in range(CORRECTIONS):
        place, label = _correction(masks, scene.masks)
        places, labels = np.concatenate([places, place], axis=1), np.concatenate([labels, label], axis=1)
        answer = predictor.predict(embedding, (Points(places, labels), MaskHint(hint)))
        masks, hint = answer.masks[:, 0], answer.low_res_logits[:, 0]
        corrected.append(overlap(masks, scene.masks))
    return ranked, oracle, corrected[1], corrected[3]


def _answer(
    predictor: Predictor, embedding: ImageEmbedding, prompt: Box | Points, wanted: Masks
) -> tuple[NDArray[np.float64], NDArray[np.float64], Masks, NDArray[np.float32]]:
    """IoU of the mask ranked first of three, and of the best; the first-ranked masks and their logits."""
    answer = predictor.predict(embedding, prompt, multimask=True)
    first = answer.iou.argmax(axis=1)
    rows = np.arange(len(first))
    scores = overlap(answer.masks, wanted[:, None])
    return scores[rows, first], scores.max(axis=1), answer.masks[rows, first], answer.low_res_logits[rows, first]


def _correction(masks: Masks, wanted: Masks) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """For each object a click (n, 1, 2) into the middle of what was missed or of what was too much, and its label."""
    places, labels = [], []
    for mask, target in zip(masks, wanted, strict=True):
        missed, surplus = target & ~mask, mask & ~target
        foreground = missed.sum() >= surplus.sum()
        places.append(middle(missed if foreground else surplus))
        labels.append(FOREGROUND if foreground else BACKGROUND)
    return np.stack(places)[:, None], np.array(labels)[:, None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--training-art", action="store_true", help="the families that were trained on as well")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    predictor = Predictor(load_sam(arguments.directory))
    for name, atlas in _atlases(training_art=arguments.training_art):
        print(name, evaluate(predictor, atlas, scenes=arguments.scenes).rounded(), flush=True)


def _atlases(*, training_art: bool) -> Iterator[tuple[str, Atlas]]:
    for family, sets in (*TEST_FAMILIES.items(), *(TRAIN_FAMILIES.items() if training_art else ())):
        yield family, load_atlas({family: sets})
    try:
        yield "cutouts", load_cutouts()
    except UserError as error:
        print(error)


if __name__ == "__main__":
    main()
