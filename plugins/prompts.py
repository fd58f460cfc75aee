"""What every family that takes a text prompt has in common: how a prompt is cut into phrases."""

from __future__ import annotations


def split_prompt(prompt: str) -> tuple[str, ...]:
    """The phrases of "A dog. traffic light." as the user wrote them, in order, without empty and repeated ones."""
    parts = (part.strip() for line in prompt.splitlines() for part in line.split("."))
    return tuple(dict.fromkeys(part for part in parts if any(letter.isalnum() for letter in part)))
