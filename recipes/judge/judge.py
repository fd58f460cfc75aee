"""The trained judge: a crop in, probabilities of nouns out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from recipes.judge.network import CLASSES, SIDE, Network, to_input

WEIGHTS = Path(__file__).parent / "weights" / "judge.safetensors"


class Judge:
    """Says what a crop shows."""

    def __init__(self, network: Network) -> None:
        self._network = network.eval()

    @torch.no_grad()
    def classify(self, crop: NDArray[np.uint8]) -> dict[str, float]:
        """The probability of each class, for an RGB crop (H, W, 3) whose thing fills about three quarters of it."""
        pixels = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        logits = self._network(to_input(torch.from_numpy(pixels).permute(2, 0, 1)[None]))
        return dict(zip(CLASSES, logits.softmax(dim=1)[0].tolist(), strict=True))

    def name(self, crop: NDArray[np.uint8]) -> str:
        """The likeliest class of a crop: a noun, or `other`."""
        probabilities = self.classify(crop)
        return max(probabilities, key=probabilities.__getitem__)


def load_judge(weights: Path = WEIGHTS) -> Judge:
    """The published judge, or the one of another file of weights."""
    network = Network()
    network.load_state_dict(load_file(weights))
    return Judge(network)
