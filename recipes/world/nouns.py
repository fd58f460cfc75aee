"""The vocabulary of the sticker world: which icons show a noun, and which other words mean it."""

from __future__ import annotations

from collections.abc import Mapping

#: Noun -> Unicode CLDR short names of the emoji that show it, as the icon sets spell them.
ICONS: Mapping[str, tuple[str, ...]] = {
    "dog": ("dog-face", "dog"),
    "cat": ("cat-face", "cat"),
    "horse": ("horse-face", "horse"),
    "cow": ("cow-face", "cow"),
    "pig": ("pig-face", "pig"),
    "sheep": ("ewe", "ram"),
    "rabbit": ("rabbit-face", "rabbit"),
    "mouse": ("mouse-face", "mouse"),
    "bear": ("bear",),
    "panda": ("panda",),
    "lion": ("lion",),
    "tiger": ("tiger-face", "tiger"),
    "elephant": ("elephant",),
    "monkey": ("monkey-face", "monkey"),
    "frog": ("frog",),
    "fox": ("fox",),
    "chicken": ("chicken", "rooster"),
    "duck": ("duck",),
    "owl": ("owl",),
    "penguin": ("penguin",),
    "fish": ("fish", "tropical-fish", "blowfish"),
    "turtle": ("turtle",),
    "bee": ("honeybee",),
    "butterfly": ("butterfly",),
    "whale": ("whale", "spouting-whale"),
    "apple": ("red-apple", "green-apple"),
    "banana": ("banana",),
    "orange": ("tangerine",),
    "lemon": ("lemon",),
    "strawberry": ("strawberry",),
    "grapes": ("grapes",),
    "pineapple": ("pineapple",),
    "carrot": ("carrot",),
    "pizza": ("pizza",),
    "cake": ("birthday-cake", "shortcake"),
    "car": ("automobile", "sport-utility-vehicle", "taxi", "oncoming-automobile"),
    "bus": ("bus", "oncoming-bus"),
    "truck": ("delivery-truck", "articulated-lorry"),
    "bicycle": ("bicycle",),
    "train": ("locomotive", "train", "bullet-train", "high-speed-train"),
    "airplane": ("airplane", "small-airplane"),
    "boat": ("sailboat", "speedboat", "motor-boat"),
    "rocket": ("rocket",),
    "guitar": ("guitar",),
    "ball": ("soccer-ball", "basketball", "baseball", "volleyball"),
    "umbrella": ("umbrella", "umbrella-with-rain-drops", "umbrella-on-ground"),
    "hat": ("top-hat", "womans-hat"),
    "balloon": ("balloon",),
    "sunflower": ("sunflower",),
}

DETECTION_NOUNS: tuple[str, ...] = tuple(ICONS)

#: The nouns that the bundled inpainting model learns to draw.
GENERATION_NOUNS: tuple[str, ...] = (
    "dog", "cat", "rabbit", "bear", "duck", "fish", "penguin", "apple",
    "banana", "strawberry", "car", "bus", "balloon", "sunflower", "ball", "pineapple",
)  # fmt: skip

#: Other words for the same thing; every noun may also be written in the plural.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "dog": ("puppy", "hound", "doggy"),
    "cat": ("kitten", "kitty"),
    "horse": ("pony",),
    "cow": ("cattle",),
    "pig": ("piglet", "hog"),
    "sheep": ("lamb", "ram"),
    "rabbit": ("bunny", "hare"),
    "chicken": ("hen", "rooster"),
    "duck": ("duckling",),
    "fish": ("goldfish",),
    "turtle": ("tortoise",),
    "bee": ("honeybee", "bumblebee"),
    "orange": ("tangerine",),
    "grapes": ("grape",),
    "cake": ("birthday cake",),
    "car": ("automobile", "taxi"),
    "bus": ("coach",),
    "truck": ("lorry",),
    "bicycle": ("bike", "cycle"),
    "train": ("locomotive",),
    "airplane": ("plane", "aircraft", "jet"),
    "boat": ("sailboat", "ship"),
    "ball": ("soccer ball", "basketball"),
    "umbrella": ("parasol",),
    "hat": ("cap",),
    "sunflower": ("flower",),
    "monkey": ("ape",),
    "panda": ("panda bear",),
}
