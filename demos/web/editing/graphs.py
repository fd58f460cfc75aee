"""The graph that carries out a wish: the ready-made `edit_best`, with what the visitor corrected as steps of its own.

Whatever a correction does not reach is found in the cache, since the graph is the same there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from demos.web.editing.wish import Click, Wish, places
from pipelines.graph import Constant, Graph, Ref, Source, Step, dependencies
from pipelines.registry import Registry
from pipelines.spec import dump_pipeline, load_pipeline
from pipelines.values import Image

T = TypeVar("T")
_MEANT = "meant"
_LEFT_OUT = "kept"
_SEED = "seed "


@cache
def _ready_made(name: str) -> Graph:
    return load_pipeline(name)


def painting(wish: Wish) -> Graph:
    """The whole graph; beside what `edit_best` gives it shows plan, things, and all attempts with their reports.

    Attempts are painted in two steps, and the outputs `repainted` and `rereports` are None where one was enough.
    """
    graph = _corrected(_ready_made("edit_best"), wish)
    found = graph.steps[_LEFT_OUT if _LEFT_OUT in graph.steps else _MEANT]
    shown: dict[str, Source] = {
        "plan": graph.steps[_MEANT].inputs["plan"],
        "things": found.inputs["masks"],
        "painted": Ref("paint", "image"),
        "reports": Ref("paint", "report"),
        "repainted": Ref("repaint", "image"),
        "rereports": Ref("repaint", "report"),
    }
    return replace(graph, outputs={**graph.outputs, **shown})


def looking(wish: Wish) -> Graph:
    """The part that reads the sentence and finds the things; its outputs are `plan`, `things` and those `meant`."""
    graph = painting(wish)
    needed = _needed(graph, _MEANT)
    return Graph(
        name=graph.name,
        inputs={name: graph.inputs[name] for name in ("photo", "instruction", "second_look")},
        steps={name: step for name, step in graph.steps.items() if name in needed},
        outputs={"plan": graph.outputs["plan"], "things": graph.outputs["things"], _MEANT: Ref(_MEANT)},
    )


def inputs_of(wish: Wish, photo: Image, graph: Graph) -> dict[str, Any]:
    """The values of a graph's inputs."""
    values = {
        "photo": photo,
        "instruction": wish.sentence,
        "seed": wish.seed,
        "candidates": wish.tries,
        "shadows": wish.shadows,
    }
    return {name: value for name, value in values.items() if name in graph.inputs}


def pipeline_file(wish: Wish, *, seed: int, widen: float) -> str:
    """A pipeline file that paints one attempt again, with the picture as its only input without a default."""
    graph = _corrected(_ready_made("edit"), wish)
    said = {"instruction": wish.sentence, "seed": seed, "shadows": wish.shadows}
    inputs = {
        name: replace(declared, default=said[name]) if name in said else declared
        for name, declared in graph.inputs.items()
    }
    paint = graph.steps["paint"]
    if widen != 1:
        paint = replace(paint, inputs={**paint.inputs, "widen": Constant(widen)})
    return dump_pipeline(replace(graph, inputs=inputs, steps={**graph.steps, "paint": paint}))


def by_seed(attempts: Mapping[str, T] | None) -> dict[int, T]:
    """What lies along the axis of attempts, by the seed of each; nothing if there were none."""
    return {int(key.removeprefix(_SEED)): value for key, value in (attempts or {}).items()}


def _corrected(graph: Graph, wish: Wish) -> Graph:
    steps = dict(graph.steps)
    if wish.plan:
        steps["plan"] = _step(
            "plan", "instructions/from_json", {"sentence": Ref("", "instruction")}, {"text": wish.plan}
        )
    mends = _mending(wish, steps[_MEANT].inputs["masks"])
    before, after = _split(steps, _MEANT)
    if mends:
        last: Source = Ref([*mends][-1])
        after[_MEANT] = replace(after[_MEANT], inputs={**after[_MEANT].inputs, "masks": last})
    return replace(graph, steps={**before, **mends, **after})


def _mending(wish: Wish, masks: Source) -> dict[str, Step]:
    """A step for each thing whose mask was put right or that was missed, and one that leaves out false ones."""
    wanted: dict[str, tuple[tuple[Click, ...], dict[str, Any]]] = {
        f"mend_{mend.thing + 1}": (mend.clicks, {"thing": mend.thing}) for mend in wish.mends
    }
    for number, addition in enumerate(wish.added, start=1):
        wanted[f"add_{number}"] = addition.clicks, {"name": addition.name, "box": addition.box}
    steps: dict[str, Step] = {}
    for name, (clicks, said) in wanted.items():
        inputs = {"foreground": places(clicks, on=True), "background": places(clicks, on=False), **said}
        steps[name] = _step(name, "sam/mend", {"image": Ref("", "photo"), "masks": masks}, inputs)
        masks = Ref(name)
    if wish.dropped:
        steps[_LEFT_OUT] = _step(_LEFT_OUT, "masks/drop", {"masks": masks}, {"things": wish.dropped})
    return steps


def _step(name: str, node: str, wires: Mapping[str, Source], constants: Mapping[str, Any]) -> Step:
    said = {port: Constant(value) for port, value in constants.items()}
    return Step(name, Registry.default().node(node), {**wires, **said})


def _split(steps: dict[str, Step], name: str) -> tuple[dict[str, Step], dict[str, Step]]:
    """The steps before `name`, and those from it on."""
    names = list(steps)
    place = names.index(name)
    return {key: steps[key] for key in names[:place]}, {key: steps[key] for key in names[place:]}


def _needed(graph: Graph, last: str) -> set[str]:
    """A step and everything that it waits for."""
    waits = dependencies(graph.steps)
    found, left = {last}, [last]
    while left:
        new = set(waits[left.pop()]) - found
        found |= new
        left += new
    return found
