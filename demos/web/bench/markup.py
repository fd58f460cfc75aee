"""HTML and SVG as text."""

from __future__ import annotations

from html import escape

_VOID = frozenset({"img", "rect", "circle"})


def tag(name: str, *inside: str, **attributes: object) -> str:
    """An element around markup; `class_` is `class` and `data_name` is `data-name`. Attributes are escaped."""
    given = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    written = "".join(f' {key}="{_said(value)}"' for key, value in given)
    return f"<{name}{written}/>" if name in _VOID else f"<{name}{written}>{''.join(inside)}</{name}>"


def words(text: object) -> str:
    """A text as markup."""
    return escape(str(text))


def _said(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))
