"""A YAML file, a recipe's name and options of the command → a configuration, with all mistakes at once.

A file says what is different from a recipe:

    recipe: finetune
    network: {start: base, freeze: encoder}
    data: {train: {images: photos, annotations: masks.json}}

Its paths are relative to its folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.errors import Problem, SpecError, UserError, Where, did_you_mean, similar
from pipelines.spec.document import UNREADABLE, Document, read_document
from plugins.training.trees import member, overlaid, set_member
from sam_model.training.config import Pictures, TrainingConfig, problems_of
from sam_model.training.recipes import RECIPES

DEFAULT = "finetune"
OPTIONS: Mapping[str, Where] = {
    "start": ("network", "start"),
    "mae": ("network", "mae"),
    "clip": ("network", "clip"),
    "texts": ("prompts", "texts"),
    "freeze": ("network", "freeze"),
    "images": ("data", "train", "images"),
    "annotations": ("data", "train", "annotations"),
    "validation_images": ("data", "validation", "images"),
    "validation_annotations": ("data", "validation", "annotations"),
    "steps": ("run", "steps"),
    "output": ("run", "output"),
}
PATHS: tuple[Where, ...] = tuple(OPTIONS[name] for name in OPTIONS if name not in {"freeze", "steps", "texts"})
NEEDED: Mapping[Where, Where] = {("data", "train"): OPTIONS["images"], ("network",): OPTIONS["start"]}
"""What a recipe may leave open until it is started, and the option that says it."""
PICTURES: tuple[Where, ...] = (("data", "train"), ("data", "validation"))
_EXPECTED = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "path_type": "must be text",
    "tuple_type": "must be a list",
    "missing": "has too few members",
    "too_long": "has too many members",
    "finite_number": "must be a finite number",
}


def options_of(**given: object) -> dict[Where, Any]:
    """The options that were given, by the place of what they set."""
    return {OPTIONS[name]: value for name, value in given.items() if value is not None}


def read_config(source: str | None, options: Mapping[Where, Any], *, complete: bool = True) -> TrainingConfig:
    """Read a file or take a recipe, and let options have the last word.

    Args:
        source: a YAML file or a recipe's name; left out, the recipe for fine-tuning.
        options: from `options_of`.
        complete: whether a configuration that lacks pictures or a network is a mistake.

    Raises:
        UserError: when there is no such file or recipe.
        SpecError: with all mistakes in the file and the options.
    """
    document = _document(source)
    name = _recipe(document)
    base = _plain(RECIPES[name].config)
    written = _known(document, document.data, _sections(), ())
    for where in PATHS:
        _anchor(written, where, Path(document.file).parent)
    for where, value in options.items():
        set_member(written, where, str(value) if isinstance(value, Path) else value)
    _stretch(written, base)
    config, wrong = _validated(overlaid(base, written), base, document)
    told = wrong | {problem.where for problem in document.problems}
    for where, message in problems_of(config):
        if (complete or where not in NEEDED) and not any(_overlap(where, place) for place in told):
            document.add(f"{message}.", where)
    if document.problems:
        problems = sorted(document.problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        raise SpecError(_by_option(problem, options) for problem in problems)
    return config


def _overlap(where: Where, place: Where) -> bool:
    """Whether one of two places is in the other, so that a mistake in one may be the reason of one in the other."""
    return all(mine == theirs for mine, theirs in zip(where, place, strict=False))


def _document(source: str | None) -> Document:
    """The file's content; a recipe's name stands for a file that says nothing more."""
    if source is None or (source in RECIPES and not Path(source).exists()):
        return Document("", {"recipe": source or DEFAULT})
    if not source.endswith((".yaml", ".yml")) and not Path(source).exists():
        known = similar(source, RECIPES) or f" Recipes: {', '.join(RECIPES)}."
        raise UserError(f"'{source}' is neither a YAML file nor a recipe.{known}")
    document = read_document(Path(source))
    if not isinstance(document.data, dict):
        document.add(f"must be a mapping: it holds recipe, {', '.join(_sections())}.")
        document.data = {}
    return document


def _recipe(document: Document) -> str:
    name = document.data.pop("recipe", DEFAULT)
    if isinstance(name, str) and name in RECIPES:
        return name
    if name is not UNREADABLE:
        document.add(f"there is no recipe '{name}'.{did_you_mean(str(name), RECIPES)}", ("recipe",))
    return DEFAULT


def _sections() -> list[str]:
    return [declared.name for declared in fields(TrainingConfig)]


def _known(document: Document, written: Mapping[str, Any], names: Sequence[str], where: Where) -> dict[str, Any]:
    """What is written, without what has been reported: unknown keys, unreadable parts, sections that are none."""
    known: dict[str, Any] = {}
    for key, value in written.items():
        place = (*where, key)
        members = _members(place)
        if key not in names:
            document.add(f"unknown key '{key}'.{did_you_mean(key, names)}", place)
        elif members is None or (value is None and place in PICTURES):
            known |= {} if value is UNREADABLE else {key: value}
        elif isinstance(value, dict):
            known[key] = _known(document, value, members, place)
        elif value is not UNREADABLE:
            document.add(f"must be a mapping: it holds {', '.join(members)}.", place)
    return known


def _members(where: Where) -> list[str] | None:
    """The names in a section; None for what is no section."""
    if where in PICTURES:
        return [declared.name for declared in fields(Pictures)]
    section = getattr(TrainingConfig(), str(where[0])) if len(where) == 1 and where[0] in _sections() else None
    return [declared.name for declared in fields(section)] if is_dataclass(section) else None


def _validated(merged: dict[str, Any], base: dict[str, Any], document: Document) -> tuple[TrainingConfig, set[Where]]:
    """The configuration, with the recipe's values where those written have the wrong type, and where they have."""
    adapter, wrong = TypeAdapter(TrainingConfig), set[Where]()
    try:
        return adapter.validate_json(json.dumps(merged), strict=True), wrong
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False):
            where = _field(detail["loc"])
            if where not in wrong:
                document.add(_message(detail, member(merged, where)), where)
            wrong.add(where)
    for where in wrong:
        place = where[:2] if where[:2] in PICTURES else where
        set_member(merged, place, member(base, place))
    return adapter.validate_json(json.dumps(merged), strict=True), wrong


def _message(detail: Mapping[str, Any], written: Any) -> str:
    if detail["type"] == "missing" and written is None:
        return "is missing."
    expected = _EXPECTED.get(detail["type"], detail["msg"])
    return f"{expected}, not {json.dumps(written)}."


def _field(loc: Where) -> Where:
    """The place of a field: numbers and the names of types come deeper."""
    return loc[: 3 if loc[:2] in PICTURES else 2]


def _by_option(problem: Problem, options: Mapping[Where, Any]) -> Problem:
    """A mistake in an option, or without a file in what an option would set, is told by the option's name."""
    names = {where: f"--{'from' if name == 'start' else name.replace('_', '-')}" for name, where in OPTIONS.items()}
    if problem.where in options:
        return Problem(problem.message, (names[problem.where],))
    if not problem.file:
        name = names.get(NEEDED.get(problem.where, problem.where))
        return Problem(problem.message, problem.where if name is None else (name,))
    return problem


def _stretch(written: dict[str, Any], base: dict[str, Any]) -> None:
    """Where only the number of steps is another, the rate falls at the same shares of the way.

    A shorter run warms up for a shorter time, too.
    """
    steps, before, optimiser = member(written, OPTIONS["steps"]), base["run"]["steps"], base["optimiser"]
    if not isinstance(steps, int) or steps < 1:
        return
    milestones = sorted({max(1, round(step * steps / before)) for step in optimiser["milestones"]})
    warmup = min(optimiser["warmup"], round(optimiser["warmup"] * steps / before))
    for name, value in (("milestones", milestones), ("warmup", warmup)):
        if name not in written.get("optimiser", {}):
            set_member(written, ("optimiser", name), value)


def _anchor(written: dict[str, Any], where: Where, folder: Path) -> None:
    """Make a path relative to its file's folder; a model may also be a preset or a hub id."""
    value, model = member(written, where), where in (OPTIONS["start"], OPTIONS["clip"])
    if isinstance(value, str) and (not model or (folder / value).exists()):
        set_member(written, where, str(folder / Path(value).expanduser()))


def _plain(config: TrainingConfig) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return plain
