"""Make the bundled CLIP: features once, then the common space, then the words, then the directory.

    python -m recipes.clip.train --run recipes/runs/clip --to plugins/bundled/clip

Every stage is kept under the run's folder and taken from there when the command is given again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import torch
from transformers import AutoTokenizer

from recipes.clip.calibrate import write_advice
from recipes.clip.concepts import Concepts, load_concepts
from recipes.clip.export import write_clip
from recipes.clip.features import training_features
from recipes.clip.phrases import known_phrases, needed_phrases
from recipes.clip.space import DIMENSIONS, imagenet_classifier, train_space, unit_places
from recipes.clip.text import Lesson, TextTower, fit_projection, train_text
from recipes.clip.vision import imagenet_tower
from recipes.clip.wordnet import load_wordnet
from recipes.grounding_dino.text import minilm_folder, prune_tokenizer

SHARDS = 28


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, required=True)
    options.add_argument("--to", type=Path, required=True)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    make(arguments.run, arguments.to)


def make(run: Path, target: Path) -> None:
    """All stages; `target` receives the directory in transformers' format."""
    tower, weight, bias = imagenet_tower()
    tower = tower.to(memory_format=torch.channels_last)
    features, names = training_features(tower, run, SHARDS)
    concepts = load_concepts(sorted(set(names)))
    if not (run / "space.pt").exists():
        space = train_space(imagenet_classifier(tower, weight, bias), concepts, features, names)
        stages = {"projection": space.projection.detach(), "scale": space.scale.detach()}
        _keep(run / "space.pt", {**stages, "places": torch.from_numpy(unit_places(space))})
    space_state = torch.load(run / "space.pt", weights_only=True)
    text = _text(run, concepts, space_state["places"])
    write_clip(
        (tower, text), space_state["projection"], space_state["scale"], tokenizer=run / "tokenizer", target=target
    )
    print(json.dumps(write_advice(target)))


def _text(run: Path, concepts: Concepts, places: torch.Tensor) -> TextTower:
    kept = prune_tokenizer(minilm_folder(), run / "tokenizer", needed_phrases(concepts))
    tokenizer = AutoTokenizer.from_pretrained(run / "tokenizer")
    tower = TextTower(kept, DIMENSIONS)
    lesson = Lesson(known_phrases(concepts, load_wordnet(), tokenizer), concepts, places.numpy(), tokenizer)
    if not (run / "text.pt").exists():
        print(json.dumps(train_text(tower, lesson, run / "text-checkpoint.pt")))
        _keep(run / "text.pt", tower.state_dict())
    tower.load_state_dict(torch.load(run / "text.pt", weights_only=True))
    print(json.dumps(fit_projection(tower.eval(), lesson)))
    return tower


def _keep(path: Path, state: dict[str, torch.Tensor]) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


if __name__ == "__main__":
    main()
