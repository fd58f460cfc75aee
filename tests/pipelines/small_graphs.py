"""Nodes and graphs so small that what the runner does with them is all there is to see."""

import time

from pipelines import Report, no_report, node
from pipelines.builder import Pipeline


@node("test/add")
def add(a: int, b: int = 1) -> int:
    return a + b


@node("test/divide")
def divide(a: int, b: int) -> int:
    return a // b


def one_step(function, **inputs):
    """A graph of one step, `only`, whose first output is `out`."""
    builder = Pipeline("one")
    builder.output("out", builder.add("only", function, **inputs))
    return builder.build()


def sum_of(*names):
    """A graph in which a step of each name adds one to the input, and `last` adds up the first two."""
    builder = Pipeline("sum")
    x = builder.input("x", int)
    first, second = (builder.add(name, add, a=x) for name in names)
    builder.output("last", builder.add("last", add, a=first, b=second))
    return builder.build()


@node("test/steps")
def steps(count: int, *, report: Report = no_report) -> int:
    """Counts, and would go on for long."""
    for number in range(count):
        report(number, count, f"step {number}")
        time.sleep(0.002)
    return count
