"""Commands that know the suite's own model families; the engine's command line finds them by entry point."""

from __future__ import annotations


def models() -> None:
    """Show what each preset needs and what of it is on this machine."""
    from pipelines.command.terminal import show_table
    from plugins.presets import preset_rows

    rows = [
        (row.preset, row.family, row.location, "yes" if row.on_disk else "no", _megabytes(row.size_bytes))
        for row in preset_rows()
    ]
    show_table(("preset", "family", "weights", "on disk", "size"), rows)


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:,.0f} MB"
