"""Colours, type and spacing of the page, in light and dark; everything else is in static/style.css."""

from __future__ import annotations

from gradio.themes import Base

# Fonts of the visitor's own machine: nothing is fetched for them.
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Cantarell", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "DejaVu Sans Mono", "monospace")


def theme() -> Base:
    """The theme of the page."""
    return Base(primary_hue="teal", neutral_hue="stone", font=_SANS, font_mono=_MONO)
