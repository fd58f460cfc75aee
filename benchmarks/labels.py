"""Which class a box belongs to when a caption names several: ours beside the ways of other tools.

    python benchmarks/labels.py

A network's answer is given: how probable each token of the caption is in a box. Four ways turn it into a class:
`plugins.grounding_dino`, which scores each phrase by its own tokens; transformers' post-processing, which joins every
token above the text threshold; the original package's `Model.phrases2classes`, which looks for a class's name in that
text; and Grounded-Segment-Anything's labelling, which looks for the text's first word in the names and falls back to
the first. The tokens are those of the bundled detector's tokenizer. Prints a table in Markdown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch

from plugins.grounding_dino.adapter import TransformersGroundingDino
from plugins.grounding_dino.phrases import caption
from plugins.presets import bundled_directory

TEXT_THRESHOLD = 0.25
BOX = (0.5, 0.5, 0.2, 0.2)


@dataclass(frozen=True)
class Case:
    """Classes, the probability of each word that fires (a list where it stands in several), and what is right."""

    classes: tuple[str, ...]
    fired: tuple[tuple[str, float], ...]
    right: str


CASES = (
    Case(("a dog", "a cat"), (("a", 0.5), ("dog", 0.1), ("a", 0.4), ("cat", 0.8)), "a cat"),
    Case(
        ("traffic sign", "traffic light"),
        (("traffic", 0.6), ("sign", 0.1), ("traffic", 0.5), ("light", 0.7)),
        "traffic light",
    ),
    Case(("dog", "cat"), (("dog", 0.2), ("cat", 0.24)), "cat"),
    Case(("dog", "cat"), (("dog", 0.3), ("cat", 0.6)), "cat"),
    Case(("ball", "football"), (("ball", 0.2), ("football", 0.6)), "football"),
    Case(("fire truck", "truck"), (("fire", 0.1), ("truck", 0.5), ("truck", 0.7)), "truck"),
    Case(("T-Shirt", "hat"), (("t", 0.5), ("-", 0.2), ("shirt", 0.6), ("hat", 0.1)), "T-Shirt"),
)


class Told(torch.nn.Module):
    """Stands for the network: one query with a box and the probabilities of its tokens."""

    device, dtype = torch.device("cpu"), torch.float32
    config = SimpleNamespace(max_text_len=256)

    def __init__(self, probabilities: Sequence[float]) -> None:
        super().__init__()
        self.logits = torch.logit(torch.tensor([[probabilities]], dtype=torch.float32), eps=1e-6)
        self.boxes = torch.tensor([[BOX]], dtype=torch.float32)

    def forward(self, **_inputs: Any) -> Any:
        """The same for every picture."""
        return SimpleNamespace(logits=self.logits, pred_boxes=self.boxes)


def main() -> None:
    """Print what each way makes of each case."""
    from transformers import AutoTokenizer
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil

    tokenizer = AutoTokenizer.from_pretrained(bundled_directory("grounding_dino"), local_files_only=True)
    processor = GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 64})
    print("| classes | right | samloom | transformers | phrases2classes | first word |")
    print("|---|---|---|---|---|---|")
    right = 0
    for case in CASES:
        answers = answered(case, tokenizer, processor)
        right += answers[0] == case.right
        print(f"| {', '.join(case.classes)} | {case.right} | {' | '.join(answers)} |")
    print(f"\nOurs right: {right} of {len(CASES)}.")


def answered(case: Case, tokenizer: Any, processor: Any) -> list[str]:
    """The class that each way gives, or how it fails."""
    encoded = tokenizer(caption(case.classes).text)
    probabilities = probabilities_of(case, tokenizer.convert_ids_to_tokens(encoded.input_ids))
    dino = TransformersGroundingDino(Told(probabilities), tokenizer, processor)
    found = dino.find(np.zeros((32, 32, 3), np.uint8), case.classes)
    text = joined(probabilities, encoded.input_ids, tokenizer)
    ways: tuple[Callable[[str, Sequence[str]], str], ...] = (contained, first_word)
    return [case.classes[found.phrases[0]], repr(text), *(tried(way, text, case.classes) for way in ways)]


def probabilities_of(case: Case, tokens: Sequence[str]) -> list[float]:
    """Of each token, in order; those that the case does not name did not fire."""
    waiting, found = list(case.fired), []
    for token in tokens:
        fires = bool(waiting) and waiting[0][0] == token
        found.append(waiting.pop(0)[1] if fires else 0.0)
    if waiting:
        raise ValueError(f"no tokens {waiting} in {tokens}")
    return found


def joined(probabilities: Sequence[float], ids: Sequence[int], tokenizer: Any) -> str:
    """The text of transformers' post-processing, by its own function."""
    from transformers.models.grounding_dino.processing_grounding_dino import get_phrases_from_posmap

    (fired,) = get_phrases_from_posmap(torch.tensor([probabilities]) > TEXT_THRESHOLD, ids)
    text: str = tokenizer.decode(fired)
    return text


def contained(text: str, classes: Sequence[str]) -> str:
    """The first class whose name is part of the text: `groundingdino.util.inference.Model.phrases2classes`."""
    return next((name for name in classes if name in text), "none")


def first_word(text: str, classes: Sequence[str]) -> str:
    """The first class in which the text's first word is found; the first class where there is none."""
    word = text.split(maxsplit=1)[0]
    return next((name for name in classes if word in name), classes[0])


def tried(way: Callable[[str, Sequence[str]], str], text: str, classes: Sequence[str]) -> str:
    """What a way gives, or the error that it raises."""
    try:
        return way(text, classes)
    except IndexError:
        return "IndexError"


if __name__ == "__main__":
    main()
