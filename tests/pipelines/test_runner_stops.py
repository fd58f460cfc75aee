"""What ends a run before its time: errors, cancellation, interrupts; and running in an event loop."""

import asyncio
import threading

import pytest

from pipelines import Report, no_report, node
from pipelines.builder import Pipeline
from pipelines.errors import Cancelled, RunError
from pipelines.runner import arun, run
from tests.pipelines.small_graphs import add, divide, one_step, steps, sum_of

PATIENCE = 10


def test_the_first_error_names_node_inputs_and_cause():
    with pytest.raises(RunError) as caught:
        run(one_step(divide, a=7, b=0), {})
    assert caught.value.node == "only"
    assert caught.value.inputs == {"a": "the number 7", "b": "the number 0"}
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_finished_work_and_the_trace_survive_an_error():
    builder = Pipeline("half")
    half = builder.add("half", add, a=1)
    builder.output("out", builder.add("broken", divide, a=half, b=0))
    with pytest.raises(RunError) as caught:
        run(builder.build(), {})
    assert caught.value.finished == {"half": {"out": 2}}
    assert [(span.name, span.outcome) for span in caught.value.trace.nodes] == [("half", "done"), ("broken", "failed")]


def test_after_an_error_nothing_new_begins():
    begun = []

    @node("test/begin")
    def begin(a: int) -> int:
        begun.append(a)
        return a

    builder = Pipeline("stop")
    broken = builder.add("broken", divide, a=1, b=0)
    builder.output("out", builder.add("after", begin, a=broken))
    with pytest.raises(RunError):
        run(builder.build(), {})
    assert begun == []


def test_cancelling_stops_a_node_at_its_next_report():
    cancel = threading.Event()
    seen = []

    def stop_at_third(event):
        seen.append(event)
        if getattr(event, "done", 0) == 3:
            cancel.set()

    with pytest.raises(Cancelled) as caught:
        run(one_step(steps, count=5000), {}, events=stop_at_third, cancel=cancel)
    assert max(getattr(event, "done", 0) for event in seen) == 3
    assert seen[-1].status == "cancelled"
    assert caught.value.trace.nodes[-1].outcome == "failed"


def test_a_run_that_is_cancelled_beforehand_runs_nothing():
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled) as caught:
        run(sum_of("a", "b"), {"x": 1}, cancel=cancel)
    assert caught.value.trace.nodes == ()


def test_an_error_stops_the_other_nodes_at_their_next_report():
    long_began = threading.Event()

    @node("test/long")
    def long(count: int, *, report: Report = no_report) -> int:
        long_began.set()
        return steps(count, report=report)

    @node("test/fail_beside")
    def fail_beside(a: int) -> int:
        long_began.wait(PATIENCE)
        raise ValueError("beside")

    builder = Pipeline("two")
    builder.output("long", builder.add("long", long, count=5000))
    builder.output("broken", builder.add("broken", fail_beside, a=1))
    with pytest.raises(RunError, match="beside"):
        run(builder.build(), {}, max_workers=2)


def test_an_interrupt_in_a_node_reaches_the_caller():
    @node("test/interrupt")
    def interrupt(a: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(one_step(interrupt, a=1), {}, max_workers=1)


def test_arun_leaves_the_event_loop_free():
    async def main():
        beats = 0
        task = asyncio.create_task(arun(one_step(steps, count=20), {}))
        while not task.done():
            beats += 1
            await asyncio.sleep(0.001)
        return beats, task.result().outputs

    beats, outputs = asyncio.run(main())
    assert outputs == {"out": 20}
    assert beats > 5


def test_cancelling_the_task_cancels_the_run():
    seen = []

    async def main():
        begun, loop = asyncio.Event(), asyncio.get_running_loop()

        def sink(event):
            seen.append(event)
            loop.call_soon_threadsafe(begun.set)

        task = asyncio.create_task(arun(one_step(steps, count=5000), {}, events=sink))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen[-1].status == "cancelled"
