"""Photographs cut out along their outlines, under the nouns that they show: far from all training art."""

from __future__ import annotations

from collections.abc import Mapping

from recipes.sam.cutouts import load_cutouts
from recipes.world import Atlas, Sprite

#: Noun → stamps of Tux Paint that show it, by the names of their files.
STAMPS: Mapping[str, tuple[str, ...]] = {
    "dog": ("dog",),
    "horse": ("horse",),
    "cow": ("cow", "cow_white"),
    "pig": ("pig", "pig_golden", "pig_golden2"),
    "sheep": ("sheep", "sheep_lamb", "ram"),
    "rabbit": ("rabbit", "rabbit-2", "rabbit_little"),
    "mouse": ("mouse",),
    "bear": ("bear", "european-bear"),
    "lion": ("lion", "lion-2"),
    "tiger": ("tiger", "tiger_sumatran"),
    "elephant": ("elephant",),
    "monkey": ("tamarin_emperor", "chimp"),
    "frog": ("frog", "frog-1"),
    "fox": ("fox",),
    "chicken": ("hen", "chicken_profile", "rooster"),
    "duck": ("duck", "drake"),
    "owl": ("owl",),
    "penguin": ("penguin", "little-penguin", "magellanic_penguin"),
    "fish": ("stripedfish", "coraltrout", "clownfish", "bluegroper", "moonwrasse"),
    "bee": ("bee",),
    "whale": ("whale",),
    "apple": ("apple_red", "apple_green", "apple_fuji", "apple_granny_smith", "apple_sierra_beauty"),
    "banana": ("banana",),
    "orange": ("orange", "mandarine", "orange_seville"),
    "lemon": ("lemon",),
    "strawberry": ("strawberry", "Strawberry2"),
    "grapes": ("grapes",),
    "pineapple": ("pineapple",),
    "carrot": ("carrot",),
    "pizza": ("pizza",),
    "car": ("sedan", "sportscar2", "beetle"),
    "bus": ("green_korean_bus",),
    "truck": ("truck", "garbagetruck", "dumper"),
    "airplane": ("747",),
    "boat": ("chineseJunk",),
    "guitar": ("guitar_classical", "guitar2", "guitar_electric", "guitar_electric_bass"),
    "ball": ("basketball", "soccer", "tennis_ball"),
    "balloon": ("balloon360",),
}


def named_cutouts() -> Atlas:
    """The photographs that show one of the nouns, named by it. Raises `UserError` if they are not installed."""
    nouns = {stem: noun for noun, stems in STAMPS.items() for stem in stems}
    found = [sprite for sprite in load_cutouts().sprites if sprite.icon in nouns]
    return Atlas(tuple(Sprite(nouns[sprite.icon], sprite.family, sprite.icon, sprite.levels) for sprite in found))
