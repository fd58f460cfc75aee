"""What the engine costs a node, beside Haystack and Hamilton: a chain and a fan of 1,000 nodes that add one.

    uv run --no-project --with-requirements benchmarks/requirements.txt benchmarks/engine.py

Samloom runs with an event sink and its trace; a second line adds the cache, where every run computes anew. Haystack and
Hamilton run as they come. All take turns, and the least of several rounds counts; building the graph is not timed for
any of them. The time is the processor's, of all threads: the nodes do nothing, so it is what a run takes on an idle
machine, and other work on the machine hardly changes it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["HAMILTON_TELEMETRY_ENABLED"] = "false"

import hamilton.base
import hamilton.driver
import haystack

from pipelines.builder import Pipeline
from pipelines.cache import MemoryCache
from pipelines.events import Event
from pipelines.graph import Graph
from pipelines.runner import run
from pipelines.signature import node

NODES = 1000
ROUNDS = 3
LIMITS = {"Haystack": 0.05, "Hamilton": 4.0}
MICROSECONDS = 1_000_000

Run = Callable[[], object]
"""One run of a whole graph; returns the last node's value."""


@node("benchmark/add_one")
def add_one(number: int) -> int:
    """The trivial node: what is left to measure is the engine."""
    return number + 1


def samloom(before: Mapping[str, str], *, cached: bool = False) -> Run:
    """`before` names for each node the one it takes from; "start" is the input."""
    builder = Pipeline("benchmark")
    given = {"start": builder.input("start", int)}
    for name, source in before.items():
        given[name] = builder.add(name, add_one, number=given[source])
    builder.output("last", given[list(before)[-1]])
    graph: Graph = builder.build()
    events: list[Event] = []

    def once() -> object:
        events.clear()
        cache = MemoryCache() if cached else None
        return run(graph, {"start": 0}, events=events.append, cache=cache).outputs["last"]

    return once


@haystack.component
class AddOne:
    """The same node for Haystack."""

    @haystack.component.output_types(number=int)
    def run(self, number: int) -> dict[str, int]:
        """Add one."""
        return {"number": number + 1}


def in_haystack(before: Mapping[str, str]) -> Run:
    """Haystack has no pipeline inputs: what takes from "start" is given its value directly."""
    pipeline = haystack.Pipeline()
    for name in before:
        pipeline.add_component(name, AddOne())
    for name, source in before.items():
        if source != "start":
            pipeline.connect(f"{source}.number", f"{name}.number")
    inputs = {name: {"number": 0} for name, source in before.items() if source == "start"}
    last = list(before)[-1]
    return lambda: pipeline.run(inputs)[last]["number"]


def in_hamilton(before: Mapping[str, str]) -> Run:
    """Hamilton finds the graph in the names of functions and of their parameters."""
    module = ModuleType("benchmark_functions")
    sys.modules[module.__name__] = module
    source = "\n".join(f"def {name}({needs}: int) -> int:\n    return {needs} + 1" for name, needs in before.items())
    exec(source, vars(module))
    driver = hamilton.driver.Builder().with_modules(module).with_adapter(hamilton.base.DefaultAdapter()).build()
    names = list(before)
    return lambda: driver.execute(names, inputs={"start": 0})[names[-1]]


def chain() -> dict[str, str]:
    """Each node takes from the one before it."""
    return {f"n{i}": f"n{i - 1}" if i else "start" for i in range(NODES)}


def fan() -> dict[str, str]:
    """One node, from which all others take."""
    return {"root": "start"} | {f"n{i}": "root" for i in range(1, NODES)}


def main() -> None:
    """Print microseconds a node, and Samloom's as a share of each peer's."""
    sys.setrecursionlimit(20 * NODES)  # Hamilton walks a chain by recursion
    shapes = {"chain": (chain(), NODES), "fan": (fan(), 2)}
    best = {name: measured(before, last) for name, (before, last) in shapes.items()}
    for shape, took in best.items():
        report(f"{shape} of {NODES} nodes", took, nodes=NODES)
    both = {name: sum(took[name] for took in best.values()) for name in best["chain"]}
    report("both", both, nodes=NODES * len(shapes), limits=LIMITS)


def measured(before: Mapping[str, str], last: int) -> dict[str, float]:
    """The least processor time of each contender, in seconds; `last` is the right answer."""
    runs = {
        "Samloom": samloom(before),
        "Samloom, cache": samloom(before, cached=True),
        "Haystack": in_haystack(before),
        "Hamilton": in_hamilton(before),
    }
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, once in runs.items():
            best[name] = min(best[name], seconds(once, last))
    return best


def seconds(once: Run, expected: int) -> float:
    """Processor time of one run, which must give the right answer."""
    started = time.process_time()
    value = once()
    took = time.process_time() - started
    if value != expected:
        raise RuntimeError(f"the last node gave {value}, not {expected}")
    return took


def report(
    title: str, took: Mapping[str, float], *, nodes: int, limits: Mapping[str, float] = MappingProxyType({})
) -> None:
    """One line a contender; the limits are what the project wants."""
    print(title)
    for name, seconds_ in took.items():
        ratio = f"   Samloom: {took['Samloom'] / seconds_:.3f}× of it" if not name.startswith("Samloom") else ""
        limit = f" (wanted ≤ {limits[name]:g})" if name in limits else ""
        print(f"  {name:<15} {seconds_ / nodes * MICROSECONDS:8.1f} µs a node{ratio}{limit}")


if __name__ == "__main__":
    main()
