"""Which pictures a folder holds, and where the results of each will lie."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from pipelines.errors import UserError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm"}
)
"""What `read_image` reads, by the usual names of its files."""


def find_pictures(folder: Path, out: Path, *, globs: Sequence[str] = (), recursive: bool = False) -> list[str]:
    """The pictures of `folder`, as sorted paths relative to it with forward slashes.

    Without `globs` the suffix decides; a glob is compared from the right, as by `PurePath.match`. Hidden files and
    everything in `out` are left out. Raises `UserError` for a folder that is missing or empty, or is `out` itself.
    """
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {problem}. Give the folder that holds the pictures.")
    if folder.resolve() == out.resolve():
        raise UserError(f"{out} holds the pictures themselves, and the results would be taken for more of them.")
    found = sorted(name for name in _files(folder, out.resolve(), recursive=recursive) if _is_wanted(name, globs))
    if not found:
        raise UserError(_nothing_in(folder, globs, recursive=recursive))
    return found


def check_names(names: Iterable[str]) -> None:
    """Raise `UserError` if two pictures would write the same results, with a line for each such name."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_stem[str(PurePosixPath(name).with_suffix(""))].append(name)
    clashes = [f"{' and '.join(same)} would both write {stem}.*" for stem, same in by_stem.items() if len(same) > 1]
    if clashes:
        raise UserError("\n".join([*clashes, "Rename pictures, or choose some of them with --glob."]))


def _files(folder: Path, out: Path, *, recursive: bool) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = [
            name for name in folders if recursive and not name.startswith(".") and (here / name).resolve() != out
        ]
        yield from ((here / name).relative_to(folder).as_posix() for name in files if not name.startswith("."))


def _is_wanted(name: str, globs: Sequence[str]) -> bool:
    path = PurePosixPath(name)
    return any(map(path.match, globs)) if globs else path.suffix.lower() in SUFFIXES


def _nothing_in(folder: Path, globs: Sequence[str], *, recursive: bool) -> str:
    wanted = f"no file like {' or '.join(globs)}" if globs else f"no pictures ({', '.join(sorted(SUFFIXES))})"
    deeper = not recursive and any(entry.is_dir() for entry in folder.iterdir())
    return f"{folder} holds {wanted}." + (" --recursive looks into its folders too." if deeper else "")
