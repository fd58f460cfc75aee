"""Draws the pictures in `demos/images`: twemoji stickers, which no bundled model was trained on, in painted places.

    python -m recipes.world.demo_images

The same art gives the same pictures: what is random in the grounds comes from the scene's name.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from recipes.world.art import MODULES
from recipes.world.backgrounds import fractal

WIDTH, HEIGHT = 512, 384
TARGET = Path(__file__).resolve().parents[2] / "demos" / "images"
Colour = tuple[int, int, int]
Canvas = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Range:
    """Hills, water or a floor, from `top` (fraction of the height) down to the picture's lower edge."""

    top: float
    colour: Colour
    relief: float = 0.0
    texture: float = 10.0


@dataclass(frozen=True)
class Sticker:
    """A twemoji icon: its centre and longer side as fractions of the picture's height, its tilt in degrees."""

    icon: str
    x: float
    y: float
    side: float
    tilt: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """A sky (or wall) that runs from one colour to another, the ranges before it, and what stands there."""

    sky: tuple[Colour, Colour]
    clouds: float = 0.0
    ranges: tuple[Range, ...]
    stickers: tuple[Sticker, ...]


PLACES: Mapping[str, Place] = {
    "dog": Place(
        sky=((92, 170, 232), (208, 234, 248)),
        clouds=0.8,
        ranges=(
            Range(top=0.47, colour=(128, 176, 164), relief=0.16),
            Range(top=0.56, colour=(120, 178, 98), relief=0.10),
            Range(top=0.68, colour=(98, 160, 70), relief=0.03, texture=26),
        ),
        stickers=(
            Sticker("sunflower", 1.10, 0.66, 0.36, 6),
            Sticker("dog-face", 0.62, 0.60, 0.52),
            Sticker("soccer-ball", 0.19, 0.82, 0.22),
        ),
    ),
    "fruit": Place(
        sky=((250, 224, 190), (240, 196, 150)),
        ranges=(Range(top=0.55, colour=(172, 116, 70), texture=20),),
        stickers=(
            Sticker("red-apple", 0.27, 0.63, 0.38, -4),
            Sticker("banana", 0.68, 0.67, 0.40, 8),
            Sticker("strawberry", 1.07, 0.67, 0.36),
        ),
    ),
    "street": Place(
        sky=((150, 190, 226), (236, 232, 220)),
        clouds=0.5,
        ranges=(
            Range(top=0.42, colour=(150, 168, 158), relief=0.18),
            Range(top=0.60, colour=(118, 150, 104), relief=0.02),
            Range(top=0.70, colour=(112, 114, 122), texture=14),
        ),
        stickers=(
            Sticker("balloon", 1.10, 0.30, 0.32, 6),
            Sticker("bus", 0.36, 0.65, 0.48),
            Sticker("automobile", 0.96, 0.80, 0.38),
        ),
    ),
    "snow": Place(
        sky=((70, 92, 150), (236, 190, 190)),
        clouds=0.4,
        ranges=(
            Range(top=0.45, colour=(150, 162, 202), relief=0.26),
            Range(top=0.62, colour=(226, 234, 246), relief=0.06),
            Range(top=0.76, colour=(206, 220, 240), relief=0.04, texture=14),
        ),
        stickers=(
            Sticker("bear", 0.28, 0.62, 0.42),
            Sticker("penguin", 0.76, 0.62, 0.44, mirrored=True),
            Sticker("fish", 1.12, 0.82, 0.28, -8),
        ),
    ),
    "beach": Place(
        sky=((110, 196, 236), (246, 238, 214)),
        clouds=0.6,
        ranges=(
            Range(top=0.42, colour=(58, 148, 190), texture=22),
            Range(top=0.60, colour=(236, 212, 160), relief=0.03, texture=18),
        ),
        stickers=(
            Sticker("sailboat", 1.03, 0.32, 0.34),
            Sticker("rabbit-face", 0.34, 0.60, 0.44),
            Sticker("pineapple", 0.78, 0.74, 0.36, 8),
            Sticker("turtle", 1.11, 0.80, 0.30),
        ),
    ),
}


def draw(name: str) -> Image.Image:
    """The picture of one place."""
    place, rng = PLACES[name], np.random.default_rng(zlib.crc32(name.encode()))
    canvas = _ground(place, rng)
    picture = Image.fromarray(np.clip(canvas + rng.normal(0, 1.5, canvas.shape), 0, 255).astype(np.uint8))
    for sticker in place.stickers:
        _stick(picture, sticker)
    return picture


def _ground(place: Place, rng: np.random.Generator) -> Canvas:
    rows = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None]
    top, bottom = (np.array(colour, np.float32) for colour in place.sky)
    canvas = np.broadcast_to((top + (bottom - top) * rows)[:, None], (HEIGHT, WIDTH, 3)).astype(np.float32)
    cloud = np.clip(_noise(rng, octaves=5, stretch=2) * 2.2 - 1.0, 0, 1)[..., None] * place.clouds
    canvas += (255 - canvas) * cloud
    for part in place.ranges:
        outline = _noise(rng, octaves=3, stretch=1)[:1] - 0.5
        edge = (part.top + part.relief * outline) * HEIGHT
        cover = np.clip(np.arange(HEIGHT, dtype=np.float32)[:, None] - edge, 0, 1)[..., None]
        grain = (_noise(rng, octaves=7, stretch=3) - 0.5)[..., None] * part.texture * 2
        shade = (rows[..., None] - part.top) * -24
        canvas += (np.array(part.colour, np.float32) + grain + shade - canvas) * cover
    return canvas


def _noise(rng: np.random.Generator, *, octaves: int, stretch: int) -> Canvas:
    """Smooth noise in 0..1, drawn out horizontally as clouds, grass and waves are."""
    field = fractal(rng, WIDTH, octaves=octaves, roughness=0.6)
    wide = cv2.resize(field[: WIDTH // 2], (WIDTH * stretch, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(wide[:, :WIDTH], np.float32)


def _stick(picture: Image.Image, sticker: Sticker) -> None:
    """Lay a sticker on the picture, over a soft shadow that sinks a little."""
    art = _art(sticker.icon, round(sticker.side * HEIGHT))
    if sticker.mirrored:
        art = art.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    art = art.rotate(sticker.tilt, Image.Resampling.BICUBIC, expand=True)
    x, y = round(sticker.x * HEIGHT - art.width / 2), round(sticker.y * HEIGHT - art.height / 2)
    shade = Image.new("L", picture.size)
    shade.paste(art.getchannel("A").point(lambda cover: cover * 2 // 5), (x + 2, y + art.height // 24))
    picture.paste((30, 34, 48), mask=shade.filter(ImageFilter.GaussianBlur(art.height / 28)))
    picture.paste(art, (x, y), art)


def _art(icon: str, side: int) -> Image.Image:
    """A twemoji icon as RGBA, cropped to what is visible, its longer side `side` pixels."""
    import resvg_py

    icons = json.loads((MODULES / "@iconify-json" / "twemoji" / "icons.json").read_text(encoding="utf-8"))
    extent = icons["width"]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {extent} {extent}">{icons["icons"][icon]["body"]}</svg>'
    )
    drawn = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=4 * side, height=4 * side))))
    tight = drawn.convert("RGBA").crop(drawn.getchannel("A").getbbox())
    scale = side / max(tight.size)
    return tight.resize(
        (round(tight.width * scale), round(tight.height * scale)), Image.Resampling.LANCZOS, reducing_gap=3
    )


def main() -> None:
    """Draw every picture into `demos/images`."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in PLACES:
        draw(name).save(TARGET / f"{name}.png", optimize=True)
        print(TARGET / f"{name}.png")


if __name__ == "__main__":
    main()
