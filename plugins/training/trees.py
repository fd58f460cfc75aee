"""Nested mappings, by the path of their members."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pipelines.errors import Where


def overlaid(tree: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `tree` with what is `written`; where both have a mapping, member by member."""
    whole = deepcopy(dict(tree))
    for key, value in written.items():
        before = whole.get(key)
        whole[key] = overlaid(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return whole


def member(tree: Mapping[str, Any], where: Where) -> Any:
    """What stands at a path, or None."""
    value: Any = tree
    for key in where:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def set_member(tree: dict[str, Any], where: Where, value: Any) -> None:
    """Put a value at a path, into mappings that are made where there are none."""
    for key in where[:-1]:
        if not isinstance(tree.get(str(key)), dict):
            tree[str(key)] = {}
        tree = tree[str(key)]
    tree[str(where[-1])] = value
