"""From what Pillow opened to an `Image`: upright, 8-bit RGB, alpha apart, colours as they were meant."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image as Pil
from PIL import ImageCms, ImageOps

from pipelines.errors import ImageError
from pipelines.values import Image

DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged files."""

_ORIENTATION = 0x0112
_FIRST_TURNED = 5
"""From this orientation on width and height change places."""


def shown_size(picture: Pil.Image) -> tuple[int, int]:
    """Width and height of a picture once its EXIF orientation is applied; no pixel is read."""
    turned = (picture.getexif().get(_ORIENTATION) or 1) >= _FIRST_TURNED
    return (picture.height, picture.width) if turned else (picture.width, picture.height)


def to_image(name: str, picture: Pil.Image, source: str | None) -> Image:
    """Decode an opened picture; `name` stands for it in errors. Raises ImageError, or one of DAMAGE."""
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    flat = _to_eight_bits(name, upright)
    profile = picture.info.get("icc_profile")
    if profile and profile[16:20] != b"RGB ":
        # The profile of a CMYK or grey file would be a lie in an RGB one: apply it instead of keeping it.
        flat, profile = _to_srgb(flat, profile), None
    transparent = flat.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in flat.info
    pixels = np.array(flat.convert("RGBA" if transparent else "RGB"))
    return Image(
        pixels=np.ascontiguousarray(pixels[..., :3]),
        alpha=np.ascontiguousarray(pixels[..., 3]) if transparent else None,
        source=source,
        icc_profile=profile or None,
        exif=_exif(upright),
    )


def _exif(picture: Pil.Image) -> bytes | None:
    """EXIF for the way out, without the orientation that is applied here and without the thumbnail of the old picture.

    A TIFF's tags describe its own storage and stay behind.
    """
    if "exif" not in picture.info:
        return None
    exif = picture.getexif()
    exif.pop(_ORIENTATION, None)
    try:
        return exif.tobytes() if len(exif) else None
    except DAMAGE:
        return None


def _to_eight_bits(name: str, picture: Pil.Image) -> Pil.Image:
    """16-bit grey comes in four modes, `I` (32 bits wide) among them; Pillow itself reduces 16-bit colour."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    samples = np.asarray(picture)
    if picture.mode == "F" or samples.min() < 0 or samples.max() > 0xFFFF:
        raise ImageError(f"{name} has 32-bit samples, which have no fixed white. Convert it to 8 or 16 bits first.")
    return Pil.fromarray(np.round(samples / 257).astype(np.uint8))


def _to_srgb(picture: Pil.Image, profile: bytes) -> Pil.Image:
    if picture.mode not in ("CMYK", "L"):
        return picture
    try:
        given, wanted = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, given, wanted, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture
    return picture if converted is None else converted
