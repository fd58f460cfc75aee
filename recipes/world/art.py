"""Sticker art: icons of the npm packages rasterised once, cached, and served as premultiplied sprites."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from pipelines.errors import UserError
from recipes.world.nouns import ICONS

Pixels = NDArray[np.uint8]

#: Family -> icon sets drawn by the same hands. A set named with "3d" holds pictures, the others vector art.
TRAIN_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fluent": ("fluent-emoji-3d", "fluent-emoji", "fluent-emoji-flat"),
    "noto": ("noto",),
    "fxemoji": ("fxemoji",),
    "emojione": ("emojione",),
}
#: Never trained on: twemoji is near in style to the training art, openmoji (black outlines) is far.
TEST_FAMILIES: Mapping[str, tuple[str, ...]] = {"twemoji": ("twemoji",), "openmoji": ("openmoji",)}

RECIPES = Path(__file__).resolve().parents[1]
MODULES = RECIPES / "world" / "node_modules"
CACHE = RECIPES / "cache"
SIDE = 160
_CACHE_VERSION = 2

#: fxemoji has names of its own; a short name that is absent here and in the set is not drawn by it.
_FXEMOJI = {
    "dog-face": "dog", "dog": "dogside", "cat-face": "cat", "cat": "catside", "horse-face": "horseface",
    "cow-face": "cowface", "pig-face": "pig", "pig": "pigside", "ewe": "sheep", "rabbit-face": "bunny",
    "rabbit": "bunnyside", "mouse-face": "mouse", "mouse": "mouseside", "panda": "pandaface", "tiger-face": "tiger",
    "tiger": "tigerside", "monkey-face": "monkeyface", "tropical-fish": "tropicalfish",
    "spouting-whale": "spurtingwhale", "red-apple": "redapple", "green-apple": "greenapple",
    "pizza": "sliceofpizza", "birthday-cake": "birthdaycake",
    "sport-utility-vehicle": "recreationalvehicle", "oncoming-automobile": "oncomingautomobile",
    "oncoming-bus": "oncomingbus", "delivery-truck": "deliverytruck", "articulated-lorry": "articulatedlorry",
    "locomotive": "steamlocomotive", "bullet-train": "highspeedtrainbulletnose", "high-speed-train": "highspeedtrain",
    "soccer-ball": "soccerball", "umbrella-with-rain-drops": "umbrellawithraindrops",
    "umbrella-on-ground": "beachumbrella", "top-hat": "tophat", "womans-hat": "womanshat",
}  # fmt: skip

#: Parts of the names of icons that show signs, symbols or people rather than things.
_NO_THINGS = (
    "flag", "keycap", "tone", "regional", "button", "letter", "hand", "person", "woman-", "man-", "clock", "arrow",
    "square", "latin", "family", "couple", "kiss", "people", "digit",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sprite:
    """One drawing. `levels` holds premultiplied RGBA (h, w, 4) at full, half and quarter size, tightly cropped."""

    name: str
    family: str
    icon: str
    levels: tuple[Pixels, ...]

    def at_least(self, side: float) -> Pixels:
        """The smallest level whose longer side is not below `side` pixels, so that scaling down does not alias."""
        for level in reversed(self.levels):
            if max(level.shape[:2]) >= side:
                return level
        return self.levels[0]


@dataclass(frozen=True, eq=False)
class Atlas:
    """An immutable collection of sprites, indexed by name."""

    sprites: tuple[Sprite, ...]

    @functools.cached_property
    def by_name(self) -> Mapping[str, tuple[tuple[Sprite, ...], ...]]:
        """Name -> its sprites, one tuple a family."""
        groups: dict[str, dict[str, list[Sprite]]] = {}
        for sprite in self.sprites:
            groups.setdefault(sprite.name, {}).setdefault(sprite.family, []).append(sprite)
        return {name: tuple(map(tuple, families.values())) for name, families in groups.items()}

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.by_name)

    def only(self, *, names: Collection[str] | None = None, families: Collection[str] | None = None) -> Atlas:
        """The part of the atlas with these names and families."""
        return Atlas(
            tuple(
                sprite
                for sprite in self.sprites
                if (names is None or sprite.name in names) and (families is None or sprite.family in families)
            )
        )

    def pick(self, rng: np.random.Generator, names: Sequence[str] | None = None) -> Sprite:
        """A sprite by name, then family, then drawing, each uniform: much art of one kind crowds out nothing."""
        choices = self.names if names is None else names
        families = self.by_name[choices[int(rng.integers(len(choices)))]]
        group = families[rng.integers(len(families))]
        return group[rng.integers(len(group))]


def load_atlas(families: Mapping[str, tuple[str, ...]] = TRAIN_FAMILIES, *, cache: Path = CACHE) -> Atlas:
    """Sprites of the nouns in these families, rasterised on first use (some seconds a family) and cached as npz."""
    icons = {icon: noun for noun, names in ICONS.items() for icon in names}
    return Atlas(tuple(s for family in families for s in _family(family, families[family], icons, cache / "nouns")))


def load_everything(families: Mapping[str, tuple[str, ...]] = TRAIN_FAMILIES, *, cache: Path = CACHE) -> Atlas:
    """Every icon of these families except flags, letters and skin tones, each under its own icon name.

    For class-agnostic training: far more shapes than the nouns have.
    """
    sprites: list[Sprite] = []
    for family, sets in families.items():
        icons = {icon: icon for package in sets for icon in _plain_icons(package)}
        sprites += _family(family, sets, icons, cache / "everything")
    return Atlas(tuple(sprites))


def _plain_icons(package: str) -> list[str]:
    """Names of the vector set (a 3-D set shares the names of its vector sisters) that show a thing."""
    if package.endswith("-3d"):
        return []
    return [name for name in _icon_set(package)["icons"] if not any(part in name for part in _NO_THINGS)]


def _family(family: str, sets: tuple[str, ...], icons: Mapping[str, str], folder: Path) -> list[Sprite]:
    path = folder / f"{family}-v{_CACHE_VERSION}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _rasterise(path, sets, icons)
    with np.load(path) as stored:
        data, shapes = stored["pixels"], stored["shapes"]
        names, found = stored["names"].tolist(), stored["icons"].tolist()
    ends = np.cumsum(shapes.prod(axis=1) * 4)
    starts = np.concatenate([[0], ends[:-1]])
    return [
        Sprite(name, family, icon, _pyramid(data[start:end].reshape(height, width, 4)))
        for name, icon, start, end, (height, width) in zip(names, found, starts, ends, shapes.tolist(), strict=True)
    ]


def _rasterise(path: Path, sets: tuple[str, ...], icons: Mapping[str, str]) -> None:
    drawn: list[tuple[str, str, Pixels]] = []
    for package in sets:
        for icon, name in icons.items():
            picture = _draw(package, icon)
            if picture is not None:
                drawn.append((name, f"{package}/{icon}", picture))
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        pixels=np.concatenate([picture.ravel() for _, _, picture in drawn]),
        shapes=np.array([picture.shape[:2] for _, _, picture in drawn]),
        names=np.array([name for name, _, _ in drawn]),
        icons=np.array([icon for _, icon, _ in drawn]),
    )
    partial.replace(path)


def _draw(package: str, icon: str) -> Pixels | None:
    """Premultiplied RGBA, cropped to what is visible, longer side `SIDE`; None where the set lacks the icon."""
    straight = _draw_picture(icon) if package.endswith("-3d") else _draw_vector(package, icon)
    if straight is None:
        return None
    alpha = straight[..., 3:].astype(np.uint16)
    rows, columns = np.nonzero(straight[..., 3] > 24)
    if len(rows) < SIDE:
        return None
    premultiplied = np.concatenate([(straight[..., :3] * alpha + 127) // 255, alpha], axis=2).astype(np.uint8)
    tight = premultiplied[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return _resize(tight, SIDE / max(tight.shape[:2]))


def _draw_picture(icon: str) -> Pixels | None:
    code = _code_points().get(icon)
    folder = MODULES / "@lobehub" / "fluent-emoji-3d" / "assets"
    for path in (folder / f"{code}.webp", folder / f"{code}-fe0f.webp"):
        if code is not None and path.exists():
            return np.asarray(PilImage.open(path).convert("RGBA"))
    return None


def _draw_vector(package: str, icon: str) -> Pixels | None:
    import resvg_py

    icon_set = _icon_set(package)
    name = _FXEMOJI.get(icon, icon) if package == "fxemoji" else icon
    name = icon_set.get("aliases", {}).get(name, {}).get("parent", name)
    found = icon_set["icons"].get(name)
    if found is None:
        return None
    left, top = found.get("left", 0), found.get("top", 0)
    width, height = (found.get(side, icon_set.get(side, 16)) for side in ("width", "height"))
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}">{found["body"]}</svg>'
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=192, height=192, skip_system_fonts=True))
    return np.asarray(PilImage.open(io.BytesIO(png)).convert("RGBA"))


@functools.cache
def _icon_set(package: str) -> dict[str, Any]:
    path = MODULES / "@iconify-json" / package / "icons.json"
    if not path.exists():
        raise UserError(f"{path} is missing: fetch the art with 'npm ci --prefix recipes/world'.")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


@functools.cache
def _code_points() -> dict[str, str]:
    """Icon name -> code points in hexadecimal, which name the files of the 3-D set."""
    chars = json.loads((MODULES / "@iconify-json" / "fluent-emoji-flat" / "chars.json").read_text(encoding="utf-8"))
    return {name: code for code, name in chars.items()}


def _pyramid(full: Pixels) -> tuple[Pixels, ...]:
    return full, _resize(full, 0.5), _resize(full, 0.25)


def _resize(picture: Pixels, factor: float) -> Pixels:
    height, width = picture.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), dtype=np.uint8)
