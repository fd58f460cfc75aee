"""What the chain makes of photographs: `python -m recipes.evaluation.photographs FOLDER [--sheet FILE]`.

The folder holds pictures and `boxes.json`: file → word → boxes [x0, y0, x1, y1] in pixels. Every word of the file is
asked for in every picture; where it is not, nothing should be found.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from supervision import box_iou_batch

from pipelines.images import read_image, write_image
from pipelines.nodes.draw import annotate
from pipelines.pool import ModelPool
from pipelines.runner import run
from pipelines.scope import Scope, use_scope
from pipelines.spec import load_pipeline
from pipelines.values import Detections, Image
from plugins.sam.nodes import masks, points
from recipes.evaluation.finding import FOUND_IOU

Boxes = NDArray[np.float32]
BOXES = "boxes.json"
#: Height of the sheet's pictures, in pixels.
HEIGHT = 240


@dataclass(frozen=True, eq=False)
class Answer:
    """What one word gave in one picture."""

    file: str
    word: str
    wanted: Boxes
    found: Detections

    @property
    def hits(self) -> int:
        """True boxes with a detection of their own that overlaps by half."""
        overlaps = box_iou_batch(self.wanted, self.found.xyxy) if len(self.found) else np.zeros((len(self.wanted), 0))
        hits = 0
        while overlaps.size and overlaps.max() >= FOUND_IOU:
            row, column = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
            overlaps[row], overlaps[:, column] = 0, 0
            hits += 1
        return hits

    def __str__(self) -> str:
        if len(self.wanted):
            return f"{self.file}: {self.word}: {self.hits} of {len(self.wanted)} found"
        return f"{self.file}: {self.word}: {len(self.found)} found where there is none"


def ask(folder: Path, pool: ModelPool) -> Iterator[Answer]:
    """Run the ready-made pipeline `segment` for every word in every picture."""
    truth: Mapping[str, Mapping[str, list[list[float]]]] = json.loads((folder / BOXES).read_text(encoding="utf-8"))
    words = sorted({word for boxes in truth.values() for word in boxes})
    graph = load_pipeline("segment")
    for file, boxes in truth.items():
        photo = read_image(folder / file)
        for word in words:
            found = run(graph, {"photo": photo, "prompt": f"{word}."}, pool=pool).outputs["masks"]
            yield Answer(file, word, np.array(boxes.get(word, []), np.float32).reshape(-1, 4), found)


def sheet(folder: Path, answers: list[Answer], pool: ModelPool) -> NDArray[np.uint8]:
    """A row a word and picture: what the word found, the mask of each true box, the mask of a click into its middle."""
    rows = [_row(read_image(folder / answer.file), answer, pool) for answer in answers if len(answer.wanted)]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 6), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    )


def _row(photo: Image, answer: Answer, pool: ModelPool) -> NDArray[np.uint8]:
    names = np.array([answer.word] * len(answer.wanted))
    boxes = Detections(
        xyxy=answer.wanted,
        class_id=np.zeros(len(names), np.int64),
        data={"class_name": names, "instance_id": np.arange(len(names))},
    )
    with use_scope(Scope(pool=pool)):
        by_box = masks(photo, boxes)
        middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in answer.wanted.tolist()]
        by_click = [points(photo, f"{x:.0f},{y:.0f}") for x, y in middles]
    clicked = Detections.merge(by_click)
    shown = [annotate(photo, found, each=True, labels=False) for found in (answer.found, by_box, clicked)]
    seen = [np.array(picture.pixels) for picture in shown]
    for x, y in middles:
        cv2.circle(seen[2], (round(x), round(y)), photo.height // 60, (255, 255, 255), -1)
    size = round(photo.width * HEIGHT / photo.height), HEIGHT
    return np.concatenate([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in seen], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--preset", default="bundled")
    arguments = parser.parse_args()
    pool = ModelPool(preset=arguments.preset)
    answers = []
    for answer in ask(arguments.folder, pool):
        print(answer, flush=True)
        answers.append(answer)
    present = [answer for answer in answers if len(answer.wanted)]
    print(f"{sum(answer.hits for answer in present)} of {sum(len(answer.wanted) for answer in present)} boxes found")
    if arguments.sheet:
        write_image(Image(sheet(arguments.folder, answers, pool)), arguments.sheet)


if __name__ == "__main__":
    main()
