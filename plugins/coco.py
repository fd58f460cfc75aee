"""COCO's 80 classes, in the order in which every detector trained on them counts."""

from __future__ import annotations

_NAMES = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv,
laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase,
scissors, teddy bear, hair drier, toothbrush
"""

NAMES: tuple[str, ...] = tuple(_NAMES.replace("\n", " ").strip().split(", "))

_UNUSED = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
"""Numbers up to 90 that were planned, and never annotated."""

CATEGORY_IDS: tuple[int, ...] = tuple(number for number in range(1, 91) if number not in _UNUSED)
"""The number of each class in COCO's own files."""
