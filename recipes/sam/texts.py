"""The network asked in words, through CLIP: crops and names in training, names in the exam (after section 7.5).

`python -m recipes.sam.texts [DIRECTORY]` prints how well things are found by their name alone, and with the click that
the paper adds where the name has failed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plugins.clip.models import FAMILY, Clip
from recipes.precision import autocast, best_device
from recipes.sam.evaluate import BUNDLED, SEED, SPEC, Masks, middle, overlap
from recipes.world import TEST_FAMILIES, Atlas, Scene, SceneSpec, compose, load_atlas
from sam_model.checkpoints import load_sam
from sam_model.predictor import MaskPrediction, Predictor
from sam_model.prompts import FOREGROUND, Points, TextPrompt
from sam_model.training.crops import Crop, CropReader, read_crops

#: Below this IoU a name has failed, and a click is added.
FAILED = 0.5


@dataclass(frozen=True)
class Named:
    """Mean IoU over things whose name occurs once in their picture, by the name alone, and with a click where that
    failed; `found` is the share over 0.5 by the name alone, `clicked` that with the click alone, as a comparison."""

    objects: int
    text: float
    found: float
    text_and_click: float
    click: float


@cache
def bundled_clip() -> Clip:
    """The bundled CLIP, in single precision."""
    clip: Clip = FAMILY.load(FAMILY.resolve("bundled", offline=True), device=str(best_device()), dtype="float32")
    return clip


@cache
def reader() -> CropReader:
    """It as a reader of crops, in bfloat16 arithmetic."""
    clip = bundled_clip()

    def embed(crops: Sequence[Crop]) -> NDArray[np.float32]:
        with autocast(best_device().type):
            return clip.embed_images(crops)

    return CropReader(width=clip.embed_images([]).shape[1], embed=embed)


@cache
def vector_of(name: str) -> NDArray[np.float32]:
    """Unit vector (512,) of a name, in the sentence that the bundled CLIP's makers recommend."""
    (vector,) = bundled_clip().embed_phrases([name.replace("-", " ")])
    return np.asarray(vector)


def read_batch(meanings: Sequence[Crop | str | None]) -> Tensor:
    """Embeddings (N, 512) of crops and names, zero where there is neither."""
    texts = read_crops(reader(), [meaning if isinstance(meaning, np.ndarray) else None for meaning in meanings])
    for row, meaning in enumerate(meanings):
        if isinstance(meaning, str):
            texts[row] = torch.from_numpy(vector_of(meaning))
    return texts


def evaluate_texts(predictor: Predictor, atlas: Atlas, spec: SceneSpec = SPEC, *, scenes: int = 200) -> Named:
    """Ask for every thing whose name occurs once in its scene."""
    rows = np.array([row for scene in _scenes(atlas, spec, scenes) for row in _ask(predictor, scene)]).reshape(-1, 3)
    text, both, click = rows.T
    return Named(
        len(rows), *(round(float(v), 4) for v in (text.mean(), (text > FAILED).mean(), both.mean(), click.mean()))
    )


def _scenes(atlas: Atlas, spec: SceneSpec, count: int) -> Iterator[Scene]:
    return (compose(np.random.default_rng([SEED, number]), atlas, spec) for number in range(count))


def _ask(predictor: Predictor, scene: Scene) -> Iterator[tuple[float, float, float]]:
    """IoU by name; with a click where that failed; by the click alone."""
    once = [index for index, name in enumerate(scene.names) if scene.names.count(name) == 1]
    if not once:
        return
    embedding = predictor.embed(scene.image)
    wanted = scene.masks[once]
    texts = TextPrompt(np.stack([vector_of(scene.names[index]) for index in once]))
    places = np.stack([middle(mask) for mask in wanted])[:, None]
    points = Points(places, np.full(places.shape[:2], FOREGROUND))
    by_name = overlap(_best(predictor.predict(embedding, texts, multimask=True)), wanted)
    by_both = overlap(_best(predictor.predict(embedding, (texts, points), multimask=True)), wanted)
    by_click = overlap(_best(predictor.predict(embedding, points, multimask=True)), wanted)
    yield from zip(by_name, np.where(by_name < FAILED, by_both, by_name), by_click, strict=True)


def _best(answer: MaskPrediction) -> Masks:
    """Of the three masks of every prompt, the one that the network ranks first."""
    return np.asarray(answer.masks[np.arange(len(answer.iou)), answer.iou.argmax(axis=1)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--scenes", type=int, default=200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    predictor = Predictor(load_sam(arguments.directory))
    for family, sets in TEST_FAMILIES.items():
        print(family, evaluate_texts(predictor, load_atlas({family: sets}), scenes=arguments.scenes), flush=True)


if __name__ == "__main__":
    main()
