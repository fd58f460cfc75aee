"""The door for pictures: files and bytes to `Image` and back.

On the way in, whatever a file holds becomes upright 8-bit RGB with an optional alpha channel; on the way out, colour
profile and EXIF are those that came in. Nothing is decoded before the size in its header was found acceptable.
"""

from __future__ import annotations

import difflib
import io
import logging
import os
import struct
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import UnidentifiedImageError

from pipelines.errors import ImageError, OutputError
from pipelines.files import check_writable as check_file_writable
from pipelines.files import write_atomically
from pipelines.upright import DAMAGE, to_image
from pipelines.values import Image

log = logging.getLogger(__name__)

MAX_PIXELS = 100_000_000
READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM")
WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
_QUALITY: Mapping[str, Mapping[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}
_MAX_SIDE: Mapping[str, int] = {"JPEG": 65_500, "WEBP": 16_383}
"""What the libraries behind Pillow write at most, in pixels."""
_SIGNATURES = (b"\x89PNG", b"\xff\xd8", b"RIFF", b"II*\0", b"MM\0*", b"GIF8", b"BM")
# A JPEG segment ends at 64 KiB; Pillow refuses what is longer.
_MAX_JPEG_EXIF = 65_000

_pillow_limit = threading.Lock()


def read_image(path: str | os.PathLike[str], *, max_pixels: int | None = None) -> Image:
    """The picture in a file, upright, as 8-bit RGB; `source` is `path`.

    `max_pixels` defaults to the environment's SAMLOOM_MAX_PIXELS, else to 100 million. Of an animation the first
    frame is taken, and a warning is logged. Raises `ImageError` for everything that is not a whole picture.
    """
    file = Path(path)
    try:
        check_regular(path)
        with file.open("rb") as stream:
            return _read(stream, os.fspath(path), os.fspath(path), max_pixels)
    except OSError as error:  # whoever swaps two arguments asks for a file whose name is a sentence
        advice = "Give a file you may read." if isinstance(error, PermissionError) else "Give the path of a picture."
        raise ImageError(f"{path} cannot be read: {error.strerror or error}. {advice}") from error


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise `ImageError` for what is no file: to open a pipe, for one, would wait until somebody writes into it."""
    file = Path(path)
    if file.is_dir():
        raise ImageError(f"{path} is a folder, not a picture. Give one picture file in it.")
    if not file.exists():
        raise ImageError(f"{path} does not exist. {_neighbour(file)}")
    if not file.is_file():
        raise ImageError(f"{path} is not a regular file. Give a picture file.")


def decode(data: bytes, *, name: str = "the picture", max_pixels: int | None = None) -> Image:
    """The picture in `data`; `name` stands for it in errors. Otherwise like `read_image`, but without a `source`."""
    return _read(io.BytesIO(data), name, None, max_pixels)


def open_png(data: bytes) -> Pil.Image:
    """A PNG of our own, not yet decoded. Raises ValueError if it has more pixels than a picture that is read may have.

    Pillow's own limit is lower, and would refuse what `read_image` let in.
    """
    with _pillow_without_limit():
        picture = Pil.open(io.BytesIO(data), formats=["PNG"])
    if not is_within_limit(picture.size):
        raise ValueError(f"a picture of {picture.width} by {picture.height} is beyond the limit")
    return picture


def is_within_limit(size: tuple[int, int]) -> bool:
    """Whether a picture of this size (width, height) would be read."""
    return size[0] * size[1] <= _limit(None)


def encode(image: Image, file_format: str = "PNG") -> bytes:
    """The bytes of a PNG, JPEG, WEBP, TIFF or BMP file. All but JPEG are lossless.

    JPEG (quality 95, full colour resolution) and BMP hold no transparency: there the picture lies on white. Raises
    `OutputError` for a picture that the format cannot hold.
    """
    _check_side(image.size, file_format)
    if image.alpha is None:
        picture = Pil.fromarray(image.pixels)
    else:
        picture = Pil.fromarray(np.dstack([image.pixels, image.alpha]))
    if image.alpha is not None and file_format in ("JPEG", "BMP"):
        picture = Pil.alpha_composite(Pil.new("RGBA", picture.size, "white"), picture).convert("RGB")
    options = dict(_QUALITY.get(file_format, {}))
    if image.icc_profile and file_format != "BMP":
        options["icc_profile"] = image.icc_profile
    if image.exif and file_format != "BMP" and not (file_format == "JPEG" and len(image.exif) > _MAX_JPEG_EXIF):
        options["exif"] = image.exif
    buffer = io.BytesIO()
    try:
        picture.save(buffer, file_format, **options)
    except (OSError, ValueError, struct.error) as error:
        other = ".tif" if file_format == "PNG" else ".png"
        raise OutputError(f"the picture cannot be written as {file_format}: {error}. Use {other}.") from error
    return buffer.getvalue()


def write_image(image: Image, path: str | os.PathLike[str]) -> None:
    """Write a picture whole or not at all, in the format that the suffix of `path` names (none: PNG).

    A picture that is still what its source file holds is copied byte for byte when the suffix stays the same, so
    that doing nothing to a JPEG, a 16-bit or an animated file takes nothing from it. Raises `OutputError`.
    """
    file_format = _format_of(path)
    write_atomically(path, _untouched(image, file_format) or encode(image, file_format))


def check_writable(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> None:
    """Raise `OutputError` now if `write_image` could not write to `path` later; `size` is the picture's, if known."""
    file_format = _format_of(path)
    if size is not None:
        _check_side(size, file_format)
    check_file_writable(path)


def _check_side(size: tuple[int, int], file_format: str) -> None:
    width, height = size
    most = _MAX_SIDE.get(file_format)
    if most is not None and max(size) > most:
        raise OutputError(
            f"a picture of {width:,} by {height:,} cannot be written as {file_format}: a side has at most {most:,} "
            "pixels there. Use .png."
        )


def _format_of(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix and suffix not in WRITABLE:
        raise OutputError(f"cannot write {path}: '{suffix}' is no supported picture type. Use {', '.join(WRITABLE)}.")
    return WRITABLE.get(suffix, "PNG")


def _untouched(image: Image, file_format: str) -> bytes | None:
    """The bytes of the file that `image` came from, if they are in this format and still hold the same picture."""
    if image.source is None or WRITABLE.get(Path(image.source).suffix.lower()) != file_format:
        return None
    try:
        data = Path(image.source).read_bytes()
        original = decode(data)
    except (OSError, ImageError):
        return None
    same = np.array_equal(original.pixels, image.pixels) and _same_alpha(original.alpha, image.alpha)
    return data if same and (original.exif, original.icc_profile) == (image.exif, image.icc_profile) else None


def _same_alpha(a: NDArray[np.uint8] | None, b: NDArray[np.uint8] | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


def _neighbour(file: Path) -> str:
    """What may have been meant by the name of a file that does not exist."""
    if file.is_symlink():
        return f"It is a link to {file.readlink()}."
    if not file.parent.is_dir():
        return f"There is no folder {file.parent} either."
    close = difflib.get_close_matches(file.name, (entry.name for entry in file.parent.iterdir()), n=1)
    return f"Did you mean {file.with_name(close[0])}?" if close else "Check the path."


def _read(stream: IO[bytes], name: str, source: str | None, max_pixels: int | None) -> Image:
    limit = _limit(max_pixels)
    start = stream.read(4)
    stream.seek(0)
    if not start:
        raise ImageError(f"{name} is empty (0 bytes). Get a whole copy of the picture.")
    try:
        with warnings.catch_warnings():
            # Of damage that leaves the picture whole, such as a broken EXIF entry, Pillow warns in its own terms.
            warnings.simplefilter("ignore")
            with _pillow_without_limit():
                picture = Pil.open(stream, formats=READABLE)
            _check_size(name, picture, limit)
            _tell_animation(name, picture)
            return to_image(name, picture, source)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        if start.startswith(_SIGNATURES):
            raise _damaged(name) from error
        kinds = "PNG, JPEG, WebP, TIFF, GIF, BMP or PPM"
        raise ImageError(f"{name} is not a picture that can be read. Give a {kinds} file.") from error
    except DAMAGE as error:
        raise _damaged(name) from error


def _damaged(name: str) -> ImageError:
    return ImageError(f"{name} is damaged or cut short. Get a whole copy of the picture.")


@contextmanager
def _pillow_without_limit() -> Iterator[None]:
    """Reading a header costs nothing, and Pillow's own limit, a global, would speak first and without the size."""
    with _pillow_limit:
        limit, Pil.MAX_IMAGE_PIXELS = Pil.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Pil.MAX_IMAGE_PIXELS = limit


def _limit(max_pixels: int | None) -> int:
    said = os.environ.get("SAMLOOM_MAX_PIXELS", "")
    if said and not said.isdecimal():
        raise ImageError(f"SAMLOOM_MAX_PIXELS is '{said}', but must be a whole number such as {MAX_PIXELS}.")
    return max_pixels or int(said or MAX_PIXELS)


def _check_size(name: str, picture: Pil.Image, limit: int) -> None:
    width, height = picture.size
    if width * height > limit:
        raise ImageError(
            f"{name} is {width:,} by {height:,}: {width * height:,} pixels, more than the limit of {limit:,}. "
            "Scale it down, or set SAMLOOM_MAX_PIXELS higher."
        )


def _tell_animation(name: str, picture: Pil.Image) -> None:
    # A phone's MPO file is a JPEG with a preview behind it, not an animation.
    if getattr(picture, "is_animated", False) and picture.format != "MPO":
        log.warning("%s holds several frames: the first one is used", name)
