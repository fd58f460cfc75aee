"""What everything mode found in a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from sam_model.data.sa1b import Sa1bAnnotation, Sa1bImage, Sa1bRecord
from sam_model.ops.rle import Rle, decode
from sam_model.pictures import coloured, to_png


@dataclass(frozen=True, eq=False, kw_only=True)
class Everything:
    """n masks of a picture of height × width pixels, and what is known of them; right and bottom are exclusive."""

    height: int
    width: int
    rles: tuple[Rle, ...]
    predicted_iou: Float32[np.ndarray, " n"]
    """The network's own guess how well each mask fits."""
    stability: Float32[np.ndarray, " n"]
    """IoU between each mask at a higher and at a lower threshold."""
    points: Float[np.ndarray, "n 2"]
    """(x, y) that the network was asked about."""
    crop_boxes: Int64[np.ndarray, "n 4"]
    """(left, top, right, bottom) of the crop that the network saw."""

    def __repr__(self) -> str:
        return f"Everything({len(self)} masks of {self.height} × {self.width} pixels)"

    def _repr_png_(self) -> bytes:
        """All masks in colour, as notebooks show it."""
        return to_png(coloured(self.masks()))

    def __len__(self) -> int:
        return len(self.rles)

    @property
    def boxes(self) -> Float[np.ndarray, "n 4"]:
        """(left, top, right, bottom) around each mask."""
        return np.array([rle.box for rle in self.rles], np.float64).reshape(-1, 4)

    @property
    def areas(self) -> Int64[np.ndarray, " n"]:
        """Pixels inside each mask."""
        return np.array([rle.area for rle in self.rles], np.int64)

    def masks(self) -> Bool[np.ndarray, "n height width"]:
        """Decode all masks at once; `rles` are smaller by far."""
        return decode(self.rles, height=self.height, width=self.width)

    def to_record(self, *, image_id: int, file_name: str) -> Sa1bRecord:
        """Give the masks as SA-1B keeps them, numbered from 0."""
        image = Sa1bImage(image_id=image_id, width=self.width, height=self.height, file_name=file_name)
        annotations = (
            Sa1bAnnotation(
                id=place,
                segmentation=rle,
                bbox=_xywh(*rle.box),
                area=rle.area,
                predicted_iou=float(self.predicted_iou[place]),
                stability_score=float(self.stability[place]),
                crop_box=_xywh(*self.crop_boxes[place].tolist()),
                point_coords=((float(self.points[place, 0]), float(self.points[place, 1])),),
            )
            for place, rle in enumerate(self.rles)
        )
        return Sa1bRecord(image=image, annotations=tuple(annotations))


def _xywh(left: int, top: int, right: int, bottom: int) -> tuple[float, float, float, float]:
    return float(left), float(top), float(right - left), float(bottom - top)
