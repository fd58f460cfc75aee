"""A record of a run: all that is needed to run it again, and to see whether the same comes out."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import requires, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.content import visible_id
from pipelines.errors import OutputError, UserError
from pipelines.graph import Graph
from pipelines.identity import Weights, files_of, nodes_of, plan_id, read_inputs, seeds_of, weights_of
from pipelines.images import read_image
from pipelines.models import Model
from pipelines.passing import checked_inputs
from pipelines.plan import Plan
from pipelines.pool import ModelPool
from pipelines.ports import InputDecl
from pipelines.spec import dump_pipeline, load_pipeline
from pipelines.spec.loader import SUFFIXES
from pipelines.unfolding import plan_of
from pipelines.values import Image

PACKAGE = "samloom"
IN_REPORT = "run"
"""Where a record lies in the report of an edit, which is larger."""


class RunRecord(BaseModel):
    """A run as JSON.

    `pipeline` is the text of its file, with the files that it uses by their absolute paths; `nodes` are those of its
    steps, with their versions, and `plan` is a content id of all that they do together, which older records lack.
    Of a picture and of a path, `inputs` holds the absolute path and a content id. `files` holds a content id for each
    file that a step names itself, `outputs` one for each output, or null for a value whose content cannot be seen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: Literal[1] = 1
    name: str
    pipeline: str
    nodes: dict[str, str]
    plan: str | None = None
    files: dict[str, str | None] = {}
    inputs: dict[str, Any]
    seeds: dict[str, Any]
    preset: str
    device: str
    models: dict[str, Weights]
    packages: dict[str, str]
    outputs: dict[str, str | None]

    @classmethod
    def read(cls, path: Path) -> RunRecord:
        """The record in a file, or in the report of an edit. Raises `UserError`."""
        try:
            said = json.loads(path.read_bytes())
            return cls.model_validate(said.get(IN_REPORT, said))
        except OSError as error:
            raise UserError(
                f"{path} cannot be read: {error.strerror}. Give a record or the report of an edit."
            ) from error
        except (ValueError, AttributeError) as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else ""
            fault = f": '{where}' is missing or unfit" if where else ""
            raise UserError(f"{path} is no record of a run{fault}. Write one with `samloom run --record`.") from error

    def graph(self) -> Graph:
        """The pipeline as it was. Raises `UserError` where one of its nodes, or a file that it uses, has changed."""
        with TemporaryDirectory() as folder:
            # Not named after the record's pipeline: a name from somebody else's file must not decide where to write.
            file = Path(folder) / "pipeline.yaml"
            file.write_text(self.pipeline, encoding="utf-8")
            graph = load_pipeline(file, name=self.name)
        self._compare(plan_of(graph))
        return graph

    def _compare(self, plan: Plan) -> None:
        """Raise `UserError` where a plan, or a file that a step names, is not what it was."""
        now, files = nodes_of(plan), files_of(plan)
        for step in sorted(now.keys() ^ self.nodes.keys()):
            raise UserError(f"{self.name} has changed since the record: the step '{step}' is not in both.")
        for step, node in self.nodes.items():
            if now[step] != node:
                raise UserError(f"{step} is {now[step]} here, but was {node}: it may give something else.")
        for name, content in self.files.items():
            if files.get(name) != content:
                raise UserError(f"{name}: the file that it names has changed since the record. Put it back as it was.")
        if self.plan is not None and plan_id(plan) != self.plan:
            raise UserError(f"{self.name}: a pipeline file that it uses has changed since the record. Put it back.")

    def values(self, graph: Graph) -> dict[str, Any]:
        """The inputs as they were, files read anew. Raises `UserError` for a file that is read and has changed."""
        # What a run only writes to is a result, its own or a later one's: whether it is there still says nothing.
        read = read_inputs(plan_of(graph))
        values = {}
        for name, said in self.inputs.items():
            value, content = _read(graph.inputs.get(name), said)
            values[name] = value
            counts = content is not None and (name in read or not isinstance(value, Path))
            if counts and output_id(value) != content:
                raise UserError(f"{said['path']} has changed since the record: '{name}' needs it as it was.")
        return checked_inputs(graph, values)

    def check_models(self, graph: Graph, values: Mapping[str, Any], pool: ModelPool) -> None:
        """Raise `UserError` if other weights stand behind a model in `pool`."""
        now = weights_of(plan_of(graph), values, pool)
        for name, then in self.models.items():
            if (now[name].revision, now[name].dtype) != (then.revision, then.dtype):
                raise UserError(
                    f"{name}: {then.family} '{then.ref}' is {now[name].revision} in {now[name].dtype} here, "
                    f"but was {then.revision} in {then.dtype}. Give the same weights to get the same results."
                )

    def differing_packages(self) -> list[str]:
        """Packages of another version than then, a phrase each."""
        now = _packages()
        return [
            f"{name} {then} then, {now.get(name, 'none')} now"
            for name, then in self.packages.items()
            if now.get(name) != then
        ]


def record_of(
    graph: Graph, inputs: Mapping[str, Any], outputs: Mapping[str, Any], pool: ModelPool, *, folder: Path | None = None
) -> RunRecord:
    """The record of a run with `pool` that gave `outputs`; `folder` is where the pipeline's file lies, if it has one.

    Raises `OutputError` for an input that has no form in a record, such as a picture that came from no file.
    """
    values, plan = checked_inputs(graph, inputs), plan_of(graph)
    return RunRecord(
        name=graph.name,
        pipeline=dump_pipeline(_rooted(graph, folder) if folder else graph),
        nodes=nodes_of(plan),
        plan=plan_id(plan),
        files=files_of(plan),
        inputs={name: _written(name, value) for name, value in values.items()},
        seeds=seeds_of(plan, values),
        preset=pool.preset,
        device=pool.device,
        models=weights_of(plan, values, pool),
        packages=_packages(),
        outputs={name: output_id(value) for name, value in outputs.items()},
    )


def output_id(value: Any) -> str | None:
    """The content id of a value, whatever file the pictures in it came from."""
    return visible_id(_placeless(value))


def _placeless(value: Any) -> Any:
    match value:
        case Image():
            return replace(value, source=None)
        case Mapping():
            return {key: _placeless(item) for key, item in value.items()}
    return value


def _written(name: str, value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Image(source=str(source)):
            return {"path": str(Path(source).absolute()), "content": output_id(value)}
        case Path():
            path = value.absolute()
            return {"path": str(path), "content": visible_id(path)}
        case tuple():
            return [_written(name, item) for item in value]
        case Model():
            return {part: said for part, said in asdict(value).items() if said is not None}
    raise OutputError(f"the input '{name}' has no form in a record: give it as a file, text or number.")


def _read(declared: InputDecl | None, said: Any) -> tuple[Any, str | None]:
    """The value that `_written` wrote down, and the content id that it had; None for one that needs none."""
    match said:
        case {"path": str(path), "content": content}:
            is_picture = declared is not None and declared.type.base is Image
            return read_image(path) if is_picture else Path(path), content
    return said, None


def _rooted(graph: Graph, folder: Path) -> Graph:
    """The same graph, each file that it uses by its absolute path."""
    steps = {
        name: replace(step, node=replace(step.node, name=str((folder / step.node.name).absolute())))
        if isinstance(step.node, Graph) and step.node.name.endswith(SUFFIXES)
        else step
        for name, step in graph.steps.items()
    }
    return replace(graph, steps=steps)


def _packages() -> dict[str, str]:
    """Python, Samloom and what it stands on."""
    needed = [PACKAGE, *(line for line in requires(PACKAGE) or () if "extra ==" not in line)]
    names = [found[0] for line in needed if (found := re.match(r"[\w.-]+", line))]
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
