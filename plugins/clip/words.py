"""The words that a phrase competes with: what else a piece of a picture usually shows.

CLIP only ever says which of several texts fits better, so "is there a cat?" needs texts for everything that is no cat.
"""

from __future__ import annotations

#: Creatures, things, food, and then what lies around and between them.
COMMON: tuple[str, ...] = (
    "person", "face", "hand", "dog", "cat", "horse", "cow", "sheep", "pig", "bear", "tiger", "elephant", "monkey",
    "rabbit", "mouse", "bird", "duck", "chicken", "fish", "frog", "turtle", "snake", "insect", "butterfly",
    "car", "truck", "bus", "train", "bicycle", "motorcycle", "airplane", "boat", "wheel", "engine",
    "chair", "table", "sofa", "bed", "lamp", "clock", "book", "paper", "bag", "box", "bottle", "cup", "plate", "knife",
    "telephone", "computer", "television", "camera", "guitar", "ball", "toy", "tool", "umbrella", "hat", "shirt",
    "shoe", "glasses", "balloon", "flag", "sign", "traffic light",
    "apple", "banana", "orange", "strawberry", "pineapple", "vegetable", "bread", "cake", "pizza", "ice cream",
    "flower", "tree", "leaf", "mushroom",
    "building", "house", "door", "window", "wall", "fence", "bridge", "street", "pavement", "floor", "ceiling",
    "curtain", "carpet", "grass", "sand", "rock", "snow", "water", "sea", "beach", "mountain", "forest", "sky",
    "cloud", "sun", "background", "shadow", "pattern", "texture",
)  # fmt: skip
