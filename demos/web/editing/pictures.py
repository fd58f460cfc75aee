"""Pictures for the page to show; what is downloaded is another thing, see `downloads`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image as Pil

from demos.web.editing.wish import Click
from demos.web.visits import Visit
from pipelines.nodes.draw import annotate
from pipelines.nodes.selection import names_of, taken
from pipelines.values import Detections, Image

LONGEST = 1600
_THUMBNAIL = 320
_LOSSLESS_PIXELS = 1_000_000
_SURE, _NOT = (28, 160, 96), (214, 60, 60)


@dataclass(frozen=True, slots=True)
class Shown:
    """A file that the page shows, and how many pixels of the picture one of its own stands for."""

    path: str
    scale: float


def show(image: Image, visit: Visit, name: str, *, longest: int = LONGEST) -> Shown:
    """A picture as the browser gets it: no larger than a screen, small ones without loss."""
    picture = Pil.fromarray(image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha]))
    scale = max(1.0, max(image.size) / longest)
    if scale > 1:
        size = max(1, round(image.width / scale)), max(1, round(image.height / scale))
        picture = picture.resize(size, Pil.Resampling.LANCZOS)
    if picture.width * picture.height <= _LOSSLESS_PIXELS or image.alpha is not None:
        picture.save(path := visit.file(f"{name}.png"), compress_level=1)
    else:
        picture.save(path := visit.file(f"{name}.jpg"), quality=92, subsampling=0)
    return Shown(str(path), max(image.size) / max(picture.size))


def thumbnail(image: Image, visit: Visit) -> str:
    """A small version for a list of pictures."""
    return show(image, visit, "small", longest=_THUMBNAIL).path


def found_things(image: Image, things: Detections, meant: Detections, clicks: Sequence[Click]) -> Image:
    """The picture with everything found in it, numbered from 1; what is not meant is only outlined; clicks as dots."""
    names = [f"{number} {name}" for number, name in enumerate(names_of(things), start=1)]
    numbered = replace(things, data={**things.data, "class_name": np.array(names, dtype=np.str_)})
    is_meant = _are_among(things, meant)
    ids = np.arange(len(things))
    scene = annotate(image, taken(numbered, ids[~is_meant]), fills=False, each=True)
    scene = annotate(scene, taken(numbered, ids[is_meant]), each=True)
    return _with_clicks(scene, clicks)


def _are_among(things: Detections, meant: Detections) -> np.ndarray:
    chosen = set(np.asarray(meant.data["instance_id"]).tolist()) if len(meant) else set()
    ids = np.asarray(things.data["instance_id"]).tolist() if len(things) else []
    return np.array([number in chosen for number in ids], np.bool_)


def _with_clicks(image: Image, clicks: Sequence[Click]) -> Image:
    """A green dot with a plus for what is on a thing, a red one with a minus for what is not."""
    import cv2

    if not clicks:
        return image
    scene, radius = image.pixels.copy(), max(5, round(max(image.size) / 110))
    for click in clicks:
        at, arm = (round(click.x), round(click.y)), round(radius * 0.55)
        cv2.circle(scene, at, radius + max(1, radius // 4), (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(scene, at, radius, _SURE if click.on else _NOT, -1, cv2.LINE_AA)
        thick = max(1, radius // 4)
        cv2.line(scene, (at[0] - arm, at[1]), (at[0] + arm, at[1]), (255, 255, 255), thick)
        if click.on:
            cv2.line(scene, (at[0], at[1] - arm), (at[0], at[1] + arm), (255, 255, 255), thick)
    return replace(image, pixels=scene)


def stem_of(image: Image) -> str:
    """The name of the file that a picture came from, without folder and suffix."""
    return Path(image.source).stem if image.source else "picture"
