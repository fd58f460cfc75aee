"""Configurations as people read them: YAML with what each line means, and a table of recipes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from sam_model.training.config import TrainingConfig, settings_of
from sam_model.training.recipes import RECIPES

COLUMN = 44
"""Where comments begin."""


def as_yaml(config: TrainingConfig) -> str:
    """The whole configuration, which `read_config` takes back; it names every field of every section."""
    lines = []
    for section in fields(config):
        lines += [f"{section.name}:", *_lines(getattr(config, section.name))]
    return "\n".join(lines)


def recipe_rows() -> Iterator[tuple[str, ...]]:
    """Name, meaning, rate, steps and batch of each recipe."""
    for name, recipe in RECIPES.items():
        run = recipe.config.run
        yield name, recipe.doc, f"{recipe.config.optimiser.rate:g}", f"{run.steps:,}", str(run.batch)


def _lines(section: Any) -> Iterator[str]:
    for name, setting in settings_of(section).items():
        choices = [choice for choice in setting.choices if choice is not None]
        doc = f"{setting.doc} One of {', '.join(choices)}." if choices else setting.doc
        yield f"{f'  {name}: {_value(getattr(section, name))}':<{COLUMN}}  # {doc}"


def _value(value: Any) -> str:
    if is_dataclass(value):
        return f"{{{', '.join(f'{name}: {_value(part)}' for name, part in vars(value).items())}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(str(value) if isinstance(value, Path) else value)
