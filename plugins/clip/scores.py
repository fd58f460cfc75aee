"""From vectors to probabilities: how likely a picture shows a phrase rather than anything else that is common.

A cosine alone says little: every text has its own level, and the best of the texts given is best even where none
fits. So each phrase competes, by a softmax, with the other phrases and with common words, but not with those that mean
much the same: "puppy" and "dog" shall not halve each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def probabilities(images: Vectors, phrases: Vectors, common: Vectors, *, scale: float, alike: float) -> Vectors:
    """How likely each image (N, D) shows each phrase (P, D) rather than another or a common word (C, D): (N, P).

    All are unit vectors in the model's space. Each phrase has a softmax of its own over cosines times `scale`, in which
    texts whose `likeness` is greater than `alike` do not compete: phrases of like meaning can both be likely.
    """
    texts = np.concatenate([phrases, common])
    logits = scale * images @ texts.T
    count = len(phrases)
    found = np.empty((len(images), count), np.float32)
    kin = likeness(phrases, texts, common.mean(axis=0)) > alike
    for index in range(count):
        rivals = logits[:, ~kin[index]] - logits[:, index : index + 1]
        found[:, index] = 1 / (1 + np.exp(rivals.clip(max=80)).sum(axis=1))
    return found


def likeness(phrases: Vectors, texts: Vectors, origin: Vectors) -> Vectors:
    """Cosines (P, T) of texts seen from `origin` (D,): CLIP's texts share a direction that says nothing of meaning.

    A phrase, the first P of the texts, is always like itself.
    """
    cosines = _unit(phrases - origin) @ _unit(texts - origin).T
    np.fill_diagonal(cosines, 1)
    return np.asarray(cosines, np.float32)


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)
