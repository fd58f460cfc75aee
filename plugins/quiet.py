"""Silence for libraries that draw progress bars of their own while they load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class _Bars(Protocol):
    """What `transformers.utils.logging` and `diffusers.utils.logging` have in common."""

    def is_progress_bar_enabled(self) -> bool: ...
    def disable_progress_bar(self) -> None: ...
    def enable_progress_bar(self) -> None: ...


@contextmanager
def without_bars(library: _Bars) -> Iterator[None]:
    """Switch the library's progress bars off within the block: they would be torn by the engine's own."""
    were_on = library.is_progress_bar_enabled()
    library.disable_progress_bar()
    try:
        yield
    finally:
        if were_on:
            library.enable_progress_bar()
