"""What a picture is called in a data set."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from pipelines.errors import OutputError
from pipelines.images import WRITABLE
from pipelines.values import Image

_lock = threading.Lock()
_sources: dict[tuple[Path, str], Path] = {}
"""The file that an entry's picture came from, for the entries that this process wrote."""
_being_written: set[tuple[Path, str]] = set()


def file_of(image: Image, file: str | None) -> Path:
    """The name of the picture's file, without a folder: the one given, or else that of the file it was read from.

    What was read from a format that cannot be written, such as GIF, becomes a PNG; what came from no file, image.png.
    """
    if file is not None:
        return Path(Path(file).name)
    source = Path(Path(image.source).name if image.source else "image.png")
    return source if source.suffix.lower() in WRITABLE else source.with_suffix(".png")


@contextmanager
def entry_of(image: Image, path: Path, name: str = "") -> Iterator[None]:
    """Hold the entry that is written within for this picture's file: `path`, or what is called `name` in it.

    Pictures of two folders may have one name, and the later must not silently take the earlier one's place. Raises
    `OutputError` if this process wrote the entry for another file and it is still there.
    """
    if image.source is None:
        yield
        return
    entry, source = (path.absolute(), name), Path(image.source).absolute()
    with _lock:
        before = _sources.get(entry, source)
        if before != source and (entry in _being_written or path.exists()):
            raise OutputError(
                f"{path} has {f'{name} of ' if name else 'what was found in '}{before} already, which {source} would "
                "replace. Give another folder or another name."
            )
        _sources[entry] = source
        _being_written.add(entry)
    try:
        yield
    finally:
        with _lock:
            _being_written.discard(entry)


@contextmanager
def json_entry(image: Image, path: Path) -> Iterator[Path]:
    """Hold a picture's JSON file, and give where it is; one that was named, rather than its folder, is written anew."""
    file = json_of(image, path)
    with nullcontext() if file == path else entry_of(image, file):
        yield file


def json_of(image: Image, path: Path) -> Path:
    """Where a picture's JSON goes: `path` itself, or in the folder of that name a file that is called as the picture.

    A path that does not end in .json is a folder's.
    """
    return path if path.suffix.lower() == ".json" else path / f"{file_of(image, None).stem}.json"
