"""The scenes that everything is measured on."""

from __future__ import annotations

from functools import cache

import numpy as np

from pipelines.values import Detections, Image
from recipes.evaluation.cutouts import named_cutouts
from recipes.world import TEST_FAMILIES, Scene, SceneSpec, compose, load_atlas
from recipes.world.art import Atlas

#: Scenes for finding and cutting out: as crowded as in training, at a size that no model works at natively.
CROWDED = SceneSpec(size=320, objects=(1, 6), jitter=0.0)
#: Scenes for editing: few things, large enough that a person would ask for an edit of them.
ROOMY = SceneSpec(size=320, objects=(1, 3), scale=(0.3, 0.6), rotation=10.0, jitter=0.0, outside=0.0, min_visible=0.9)


@cache
def atlas_of(art: str) -> Atlas:
    """The sprites of one family of unseen art, or the photo cutouts. Raises `UserError` if these are not installed."""
    return load_atlas({art: TEST_FAMILIES[art]}) if art in TEST_FAMILIES else named_cutouts()


def scene(art: str, spec: SceneSpec, seed: int, index: int) -> Scene:
    """Scene `index` of a seed; each is independent of how many others are composed."""
    return compose(np.random.default_rng((seed, index)), atlas_of(art), spec)


def image_of(scene: Scene) -> Image:
    """The picture of a scene as a value of the graph."""
    return Image(scene.image.copy())


def truth_of(scene: Scene) -> Detections:
    """What is in a scene, as a perfect detector would give it: boxes in pixels, names, no masks."""
    count = len(scene.names)
    return Detections(
        xyxy=scene.boxes,
        confidence=np.ones(count, np.float32),
        class_id=np.arange(count),
        data={"class_name": np.array(scene.names), "instance_id": np.arange(count)},
    )
