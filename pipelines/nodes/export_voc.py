"""Pascal VOC: an XML file a picture with names and boxes, and a palette PNG in which each thing has its number."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from pipelines.errors import OutputError
from pipelines.files import write_atomically
from pipelines.images import write_image
from pipelines.nodes.naming import entry_of, file_of
from pipelines.nodes.selection import areas_of, names_of
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image

# 0 is background and 255 the border that nobody is asked about.
_MOST_OBJECTS = 254


@node("export/voc", version=1, cache=False)
def voc(image: Image, boxes: Boxes, folder: Path, *, file: str | None = None) -> Path:
    """Add a picture and its annotation to a data set in the layout of Pascal VOC, and give the path of the XML file.

    The folder gets `JPEGImages/`, `Annotations/` and, for masks, `SegmentationObject/`: a picture whose value at each
    pixel is the number, from 1, of the object in the XML file. Parts and holes are kept to the pixel; where things
    overlap, the smaller one is seen. Boxes are whole pixels, counted from 1 and with the last one included, as the
    format has them. Scores are not kept. Raises OutputError when the folder cannot be written or has a picture of that
    name from another file.

    Args:
        image: the picture that the detections belong to.
        boxes: any detections, with masks or without.
        folder: where the data set is.
        file: name of the picture in the data set; by default that of the file it was read from.
    """
    if boxes.mask is not None and len(boxes) > _MOST_OBJECTS:
        raise OutputError(
            f"Pascal VOC numbers at most {_MOST_OBJECTS} masks in a picture, not {len(boxes)}. Export COCO."
        )
    picture = file_of(image, file)
    path = folder / "Annotations" / f"{picture.stem}.xml"
    with entry_of(image, path):
        write_image(image, folder / "JPEGImages" / picture.name)
        if boxes.mask is not None:
            write_atomically(folder / "SegmentationObject" / f"{picture.stem}.png", _numbered(image, boxes))
        write_atomically(path, ET.tostring(_annotation(image, boxes, picture.name, folder.name), "utf-8"))
    return path


def _annotation(image: Image, boxes: Detections, file: str, folder: str) -> ET.Element:
    root = ET.Element("annotation")
    _fields(root, folder=folder, filename=file)
    _fields(ET.SubElement(root, "source"), database="unknown", image="unknown")
    _fields(ET.SubElement(root, "size"), width=image.width, height=image.height, depth=3)
    _fields(root, segmented=int(boxes.mask is not None))
    corners = np.asarray(boxes.xyxy, np.float64).reshape(-1, 4)
    first, last = np.floor(corners[:, :2]).astype(int) + 1, np.ceil(corners[:, 2:]).astype(int)
    for name, (left, top), (right, bottom) in zip(names_of(boxes), first.tolist(), last.tolist(), strict=True):
        thing = ET.SubElement(root, "object")
        _fields(thing, name=name, pose="Unspecified", truncated=0, difficult=0)
        _fields(ET.SubElement(thing, "bndbox"), xmin=left, ymin=top, xmax=right, ymax=bottom)
    ET.indent(root)
    return root


def _fields(parent: ET.Element, **texts: str | int) -> None:
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = str(text)


def _numbered(image: Image, boxes: Detections) -> bytes:
    """The PNG with the number of the object at each pixel, the smaller over the larger."""
    numbers = np.zeros((image.height, image.width), np.uint8)
    for row in np.argsort(-areas_of(boxes), kind="stable").tolist():
        numbers[np.asarray(boxes.mask[row], np.bool_)] = row + 1
    picture = Pil.fromarray(numbers, mode="P")
    picture.putpalette(_palette().tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _palette() -> NDArray[np.uint8]:
    """The colours of the VOC devkit (VOClabelcolormap): the bits of a number, dealt out to red, green and blue."""
    numbers = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((numbers >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colours
