"""What the bundled models do not know, said once to whoever is about to find out."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from pipelines.values import Image

_LOG = logging.getLogger(__name__)
_PHOTOGRAPHIC = {".jpg", ".jpeg", ".heic", ".tif", ".tiff"}


def looks_like_photograph(image: Image) -> bool:
    """Whether a picture comes the way photographs come: from a camera's file format, or with a camera's EXIF.

    Stickers and screenshots are PNG. Pixels alone do not tell: composed scenes have noise and gradients too.
    """
    return bool(image.exif) or Path(image.source or "").suffix.lower() in _PHOTOGRAPHIC


def remind_of_limits(image: Image, *, found: int) -> None:
    """Say, once in a process, what the bundled models do not know, where that is likely to matter."""
    if looks_like_photograph(image) or not found:
        say_once()


@cache
def say_once() -> None:
    """The reminder itself."""
    _LOG.warning(
        "the bundled models learnt from drawn stickers: in photographs they find common animals and things at best, "
        "with rough outlines. --preset base knows photographs; its weights are downloaded once."
    )
