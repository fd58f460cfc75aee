"""The sticker world: open-licence art composed into scenes whose names, boxes and masks are known exactly."""

from recipes.world.art import TEST_FAMILIES, TRAIN_FAMILIES, Atlas, Sprite, load_atlas
from recipes.world.nouns import DETECTION_NOUNS, GENERATION_NOUNS, SYNONYMS, UNSEEN_SYNONYMS
from recipes.world.scenes import Scene, SceneSpec, compose

__all__ = [
    "DETECTION_NOUNS",
    "GENERATION_NOUNS",
    "SYNONYMS",
    "TEST_FAMILIES",
    "TRAIN_FAMILIES",
    "UNSEEN_SYNONYMS",
    "Atlas",
    "Scene",
    "SceneSpec",
    "Sprite",
    "compose",
    "load_atlas",
]
