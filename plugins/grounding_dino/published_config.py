"""The config of an original checkpoint: a Python file of assignments, which is read and never run."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipelines.errors import ModelError

_ENDINGS = (".cfg", "_cfg")


def find_config(checkpoint: Path) -> Path:
    """The config that belongs to a checkpoint: beside it, or among those that the package groundingdino brings.

    They belong together by name, as published: `groundingdino_swint_ogc.pth` and `GroundingDINO_SwinT_OGC.cfg.py`,
    `groundingdino_swinb_cogcoor.pth` and `GroundingDINO_SwinB_cfg.py`. A single Python file beside the checkpoint is
    its config whatever its name. Raises `ModelError` if there is none.
    """
    beside = sorted(checkpoint.parent.glob("*.py"))
    found = _by_name(checkpoint, beside) or (beside[0] if len(beside) == 1 else None)
    found = found or _by_name(checkpoint, _of_package())
    if found is None:
        raise ModelError(f"{checkpoint} has no config: put the .py file that it was published with beside it.")
    return found


def read_config(path: Path) -> dict[str, Any]:
    """The values of a config by name. Raises `ModelError` for a line that is not `name = literal`."""
    try:
        statements = ast.parse(path.read_text(encoding="utf-8")).body
    except (SyntaxError, ValueError) as error:
        raise ModelError(f"{path} is no config in Python: {error}.") from error
    return dict(_assignment(path, statement) for statement in statements if not _is_docstring(statement))


def _assignment(path: Path, statement: ast.stmt) -> tuple[str, Any]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            try:
                return name, ast.literal_eval(value)
            except ValueError:
                pass
    raise ModelError(
        f"{path}:{statement.lineno}: a config is read, not run, so each line must be a name and a plain value, "
        "such as num_queries = 900."
    )


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _by_name(checkpoint: Path, configs: list[Path]) -> Path | None:
    """The config whose name the checkpoint's begins with; of several, that of the longest name."""
    fitting = [config for config in configs if checkpoint.stem.lower().startswith(_plain(config))]
    return max(fitting, key=lambda config: len(_plain(config)), default=None)


def _plain(config: Path) -> str:
    name = config.stem.lower()
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _of_package() -> list[Path]:
    spec = find_spec("groundingdino")
    places = [Path(place, "config") for place in (spec.submodule_search_locations or ())] if spec else []
    return sorted(path for place in places for path in place.glob("*_*.py") if path.name != "__init__.py")
