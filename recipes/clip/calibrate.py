"""What the makers advise: how things are shown to the bundled CLIP, and from which probability on it is believed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plugins.clip.adapter import load
from plugins.clip.crops import Framing, square_crop
from plugins.clip.scores import probabilities
from recipes.world import DETECTION_NOUNS, SceneSpec, compose, load_atlas

#: Scenes of training art, composed anew; unseen art is kept for the measurement.
SCENES, SEED = 120, 78
SPEC = SceneSpec(size=320, objects=(1, 6), jitter=0.0)
FRAMING = Framing(context=0.1, fade=1.0)
#: An owl is a bird and a boat a vehicle from this likeness on; things of different kinds are below 0.3.
ALIKE = 0.35
#: Everything mode gives some hundred masks of a picture: seldom shall one be believed to show what is not there.
MOST_FALSE = 0.005
THRESHOLDS = np.arange(0.05, 0.951, 0.05).round(2)


def write_advice(target: Path) -> dict[str, object]:
    """Choose the threshold for the model in `target` and write `samloom.json` beside it."""
    framing = {"context": FRAMING.context, "fade": FRAMING.fade}
    advice: dict[str, object] = {"template": "{}", "framing": framing, "alike": ALIKE}
    (target / "samloom.json").write_text(json.dumps(advice) + "\n", encoding="utf-8")
    advice["threshold"] = believable(present_and_absent(target)[1])
    (target / "samloom.json").write_text(json.dumps(advice) + "\n", encoding="utf-8")
    return advice


def present_and_absent(model: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities of each thing's own noun, and of every noun that is not in its scene, each asked for alone."""
    clip = load(model, device="cpu", dtype="float32")
    nouns = clip.embed_phrases(DETECTION_NOUNS)
    atlas = load_atlas()
    present: list[float] = []
    absent: list[float] = []
    for index in range(SCENES):
        scene = compose(np.random.default_rng((SEED, index)), atlas, SPEC)
        shown = zip(scene.boxes, scene.masks, strict=True)
        vectors = clip.embed_images([square_crop(scene.image, box, mask, FRAMING) for box, mask in shown])
        for column, noun in enumerate(DETECTION_NOUNS):
            likely = probabilities(
                vectors, nouns[column : column + 1], clip.common, scale=clip.scale, alike=clip.alike
            )[:, 0]
            own = np.array([name == noun for name in scene.names])
            present += likely[own].tolist()
            absent += [] if own.any() else likely.tolist()
    return np.array(present, np.float32), np.array(absent, np.float32)


def believable(absent: NDArray[np.float32]) -> float:
    """The least of `THRESHOLDS` that no more than `MOST_FALSE` of the probabilities of absent things reach."""
    shares = np.array([np.mean(absent >= least) for least in THRESHOLDS])
    return float(THRESHOLDS[int(np.argmax(shares <= MOST_FALSE))])
