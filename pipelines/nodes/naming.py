"""What a picture is called in a data set."""

from __future__ import annotations

from pathlib import Path

from pipelines.images import WRITABLE
from pipelines.values import Image


def file_of(image: Image, file: str | None) -> Path:
    """The name of the picture's file, without a folder: the one given, or else that of the file it was read from.

    What was read from a format that cannot be written, such as GIF, becomes a PNG; what came from no file, image.png.
    """
    if file is not None:
        return Path(Path(file).name)
    source = Path(Path(image.source).name if image.source else "image.png")
    return source if source.suffix.lower() in WRITABLE else source.with_suffix(".png")


def json_of(image: Image, path: Path) -> Path:
    """Where a picture's JSON goes: `path` itself, or in the folder of that name a file that is called as the picture.

    A path that does not end in .json is a folder's.
    """
    return path if path.suffix.lower() == ".json" else path / f"{file_of(image, None).stem}.json"
