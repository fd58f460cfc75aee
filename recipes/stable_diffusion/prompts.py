"""How people name the thing they want: the words that the text encoder learns for each noun."""

from __future__ import annotations

import numpy as np

from recipes.stable_diffusion.crops import NOTHING
from recipes.stable_diffusion.tokenizer import COLOURS
from recipes.world.nouns import SYNONYMS

#: Prompts left empty, so that the network also learns to draw unasked (Ho and Salimans 2022, arXiv 2207.12598).
DROPPED = 0.1
_SYNONYM = 0.15
_COLOUR = 0.08


def prompt(rng: np.random.Generator, name: str) -> str:
    """A phrase for the thing, or none. Colours are noise here: they teach that other words do not change the noun."""
    if rng.random() < DROPPED:
        return ""
    if name == NOTHING:
        return str(rng.choice(["background", "the background", "empty background", "nothing"]))
    others = SYNONYMS.get(name, ())
    noun = str(rng.choice(others)) if others and rng.random() < _SYNONYM else name
    noun = f"{rng.choice(COLOURS)} {noun}" if rng.random() < _COLOUR else noun
    article = "an" if noun[0] in "aeiou" else "a"
    return str(rng.choice([noun, f"{article} {noun}", f"the {noun}", f"a photo of {article} {noun}"]))
