"""A judge of edits: a small classifier that no model of the chain was trained with or against."""

from recipes.judge.judge import Judge, load_judge

__all__ = ["Judge", "load_judge"]
