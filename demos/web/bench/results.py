"""What a run gave, for people to look at: pictures, masks and boxes drawn over the picture, text, numbers, tables."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demos.web.bench.markup import tag, words
from pipelines.values import Detections, EditPlan, Embedding, Image, Mask

SIDE = 1000
"""Pictures are shown at most this many pixels wide and high; downloads have them whole."""
ROWS = 50
_CHARACTERS = 20_000
_NOTHING = "Nothing was found in this picture. That is a result, not a mistake."


@dataclass(frozen=True)
class Gallery:
    """Shows values as HTML; detections lie over that picture of the run into which they fit."""

    pictures: tuple[Image, ...] = ()

    def show(self, outputs: Mapping[str, Any]) -> str:
        """All outputs of a run, each in a frame of its own under its name."""
        return tag("div", *(self.frame(name, value) for name, value in outputs.items()), class_="bench outputs")

    def frame(self, name: str, value: Any) -> str:
        title = tag("figcaption", words(name), tag("span", words(size_of(value))))
        return tag("figure", title, self.value(value), class_="output")

    def value(self, value: Any) -> str:
        match value:
            case Mapping():
                return self.many(value)
            case Image():
                return picture(value)
            case Mask():
                return picture(_grey(value.array))
            case _ if isinstance(value, Detections):
                return self.detections(value)
            case _:
                return _written(value)

    def many(self, values: Mapping[str, Any]) -> str:
        if not values:
            return _nothing("None.")
        parts = (tag("li", tag("span", words(key)), self.value(item)) for key, item in values.items())
        return tag("ul", *islice(parts, ROWS), class_="many")

    def detections(self, found: Detections) -> str:
        if len(found) == 0:
            return _nothing(_NOTHING)
        below = self.under(found)
        return (picture(_drawn(below, found)) if below else "") + _table(found)

    def under(self, found: Detections) -> Image | None:
        """The picture that detections belong to: by the masks' size, or where the boxes fit in."""
        if found.mask is not None:
            fitting = (image for image in self.pictures if found.mask.shape[1:] == image.pixels.shape[:2])
        else:
            reach = np.asarray(found.xyxy, np.float64)[:, 2:].max(axis=0)
            fitting = (image for image in self.pictures if (reach <= np.array(image.size) + 1).all())
        return next(fitting, None)


def size_of(value: Any) -> str:
    """How large a value is, in a few words."""
    match value:
        case Image():
            return f"{value.width} × {value.height}"
        case Mapping():
            return f"{len(value)} of them"
        case _ if isinstance(value, Detections):
            kind = "box" if value.mask is None else "mask"
            plural = "es" if kind == "box" else "s"
            return f"{len(value)} {kind}{plural * (len(value) != 1)}"
    return ""


def picture(image: Image) -> str:
    """A picture in the page itself, so that no file of it is left anywhere; at most `SIDE` pixels on a side."""
    from PIL import Image as Pil

    shown = Pil.fromarray(image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha]))
    shown.thumbnail((SIDE, SIDE), Pil.Resampling.LANCZOS)
    buffer = io.BytesIO()
    shown.save(buffer, "WEBP", quality=90)
    data = base64.b64encode(buffer.getvalue()).decode()
    return tag("img", alt=f"{image.width} by {image.height} pixels", src=f"data:image/webp;base64,{data}")


def _drawn(image: Image, found: Detections) -> Image:
    from pipelines.nodes.draw import annotate

    return annotate(image, found, labels=len(found) <= ROWS, each=True)


def _table(found: Detections) -> str:
    heads = (tag("th", name, scope="col") for name in ("name", "score", "box x0 y0 x1 y1", "pixels"))
    more = tag("caption", f"the first {ROWS} of {len(found)}") if len(found) > ROWS else ""
    rows = (tag("tr", *(tag("td", words(cell)) for cell in row)) for row in islice(_rows(found), ROWS))
    table = tag("table", more, tag("thead", tag("tr", *heads)), tag("tbody", *rows))
    return tag("div", table, class_="scroll")


def _rows(found: Detections) -> Iterator[tuple[str, ...]]:
    from pipelines.nodes.selection import areas_of, names_of, scores_of

    columns = (names_of(found), scores_of(found), np.asarray(found.xyxy), areas_of(found))
    for name, score, box, area in zip(*columns, strict=True):
        yield str(name) or "–", f"{score:.2f}", " ".join(f"{edge:.0f}" for edge in box), f"{area:,.0f}"


def _written(value: Any) -> str:
    """A value that is no picture."""
    match value:
        case None:
            return _nothing("Skipped: nothing came of this branch.")
        case bool():
            return tag("p", "yes" if value else "no", class_="value")
        case int() | float():
            return tag("p", f"{value:g}" if isinstance(value, float) else str(value), class_="value")
        case EditPlan():
            return tag("ol", *(tag("li", words(_edit(edit))) for edit in value.edits))
        case Path():
            text = value.name
        case Embedding():
            text = f"{len(value.array)} numbers"
        case _:
            text = _indented(str(value))
    return tag("pre", words(text[:_CHARACTERS]))


def _edit(edit: Any) -> str:
    return f"{edit.action} {edit.target}" + (f" → {edit.replacement}" if edit.replacement else "")


def _indented(text: str) -> str:
    """JSON as lines; any other text as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _nothing(text: str) -> str:
    return tag("p", words(text), class_="nothing")


def _grey(mask: NDArray[Any]) -> Image:
    levels = np.rint(mask.astype(np.float32) * 255).astype(np.uint8)
    return Image(np.repeat(levels[..., None], 3, axis=2))
