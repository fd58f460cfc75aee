"""Photographs of things with their outlines, for tests alone: the stamps of Tux Paint, as Debian packages them.

    cd recipes/cache && apt-get download tuxpaint-stamps-default && dpkg -x tuxpaint-stamps-default_*.deb tuxpaint

The stamps are free under various licences, the GPL among them; nothing is ever trained on them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from pipelines.errors import UserError
from recipes.world.art import CACHE, SIDE, Atlas, Sprite

STAMPS = CACHE / "tuxpaint" / "usr" / "share" / "tuxpaint" / "stamps"
SUBJECTS = ("animals", "food", "hobbies", "household", "plants", "sports", "vehicles")
_NO_PHOTOGRAPHS = {"cartoon", "toys"}


def load_cutouts(stamps: Path = STAMPS) -> Atlas:
    """One sprite a photograph, named after its file.

    Raises:
        UserError: when the package has not been unpacked there.
    """
    if not stamps.is_dir():
        raise UserError(
            f"no photo cutouts at {stamps}: in recipes/cache, apt-get download tuxpaint-stamps-default && "
            "dpkg -x tuxpaint-stamps-default_*.deb tuxpaint"
        )
    files = sorted(file for subject in SUBJECTS for file in (stamps / subject).rglob("*.png"))
    return Atlas(tuple(_sprite(file, stamps) for file in files if not _NO_PHOTOGRAPHS & set(file.parts)))


def _sprite(file: Path, stamps: Path) -> Sprite:
    with PilImage.open(file) as opened:
        picture = opened.convert("RGBA")
    picture = picture.crop(picture.getchannel("A").point(lambda cover: 255 * (cover > 8)).getbbox())
    # Pillow resizes RGBA with premultiplied colour, so nothing of what lies outside the outline bleeds in.
    picture.thumbnail((2 * SIDE, 2 * SIDE), PilImage.Resampling.LANCZOS)
    pixels = np.asarray(picture).astype(np.float32)
    pixels[..., :3] *= pixels[..., 3:] / 255
    return Sprite(str(file.relative_to(stamps).with_suffix("")), "cutouts", file.stem, (pixels.astype(np.uint8),))
