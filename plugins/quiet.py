"""Silence for libraries that draw progress bars and give notices of their own while they load."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class _Library(Protocol):
    """What `transformers.utils.logging` and `diffusers.utils.logging` have in common."""

    def is_progress_bar_enabled(self) -> bool: ...
    def disable_progress_bar(self) -> None: ...
    def enable_progress_bar(self) -> None: ...
    def get_verbosity(self) -> int: ...
    def set_verbosity(self, verbosity: int, /) -> None: ...


@contextmanager
def quietly(library: _Library) -> Iterator[None]:
    """Switch the library's progress bars and all but its errors off within the block.

    Bars would be torn by the engine's own; notices, such as that a checkpoint brings no safety checker, speak to who
    calls the library and in its terms, not to who runs a pipeline.
    """
    had_bars, verbosity = library.is_progress_bar_enabled(), library.get_verbosity()
    library.disable_progress_bar()
    library.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        library.set_verbosity(verbosity)
        if had_bars:
            library.enable_progress_bar()
