"""Panels of samples: a row for each picture, with its prompts, the prediction and the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw
from jaxtyping import Bool, UInt8

from sam_model.training.validation import Exam

SIDE = 256
GAP = 4
PROMPT, PREDICTED, TRUE = (255, 214, 0), (30, 144, 255), (60, 200, 90)
"""Colours of the box and the click, of the masks that answer the box, and of the true ones."""


def draw_panel(exams: Sequence[Exam]) -> UInt8[np.ndarray, "height width 3"]:
    """Draw the first mask of each picture: box and click; the answer to the box; the true mask."""
    rows = [_row(exam) for exam in exams]
    return np.concatenate([np.pad(row, ((0, GAP), (0, 0), (0, 0)), constant_values=255) for row in rows])


def _row(exam: Exam) -> UInt8[np.ndarray, "height width 3"]:
    pixels = exam.picture.read()
    cells = (
        _prompted(pixels, exam),
        _tinted(pixels, exam.answers[0][0], PREDICTED),
        _tinted(pixels, exam.truth[0], TRUE),
    )
    return np.concatenate(
        [np.pad(_cell(cell), ((0, 0), (0, GAP), (0, 0)), constant_values=255) for cell in cells], axis=1
    )


def _prompted(pixels: UInt8[np.ndarray, "height width 3"], exam: Exam) -> UInt8[np.ndarray, "height width 3"]:
    image = PIL.Image.fromarray(pixels)
    draw, thick = PIL.ImageDraw.Draw(image), max(1, round(max(image.size) / SIDE))
    draw.rectangle(exam.boxes[0].tolist(), outline=PROMPT, width=thick)
    draw.circle(exam.places[0].tolist(), 3 * thick, fill=PROMPT, outline=(0, 0, 0), width=thick)
    return np.asarray(image)


def _tinted(
    pixels: UInt8[np.ndarray, "height width 3"], mask: Bool[np.ndarray, "height width"], colour: tuple[int, int, int]
) -> UInt8[np.ndarray, "height width 3"]:
    tinted = pixels.copy()
    tinted[mask] = (0.45 * pixels[mask] + 0.55 * np.array(colour)).astype(np.uint8)
    return tinted


def _cell(pixels: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "h side 3"]:
    """Bring a picture to the width of a column."""
    height = max(1, round(pixels.shape[0] * SIDE / pixels.shape[1]))
    return np.asarray(PIL.Image.fromarray(pixels).resize((SIDE, height)))
