"""The parse node and the plan that it gives."""

import contextlib
import random
import time

import pytest

from pipelines.errors import InstructionError
from plugins.instructions.grammar import parse_instruction
from plugins.instructions.nodes import parse


def test_the_node_gives_the_plan_and_what_to_look_for() -> None:
    parsed = parse("Replace the Dog with a cat, and remove the leash")
    assert [edit.action for edit in parsed.plan.edits] == ["replace", "remove"]
    assert parsed.targets == "dog. leash."
    assert parse.name == "instructions/parse"
    assert list(parse.outputs) == ["plan", "targets"]


def test_spans_are_the_clauses_in_the_sentence() -> None:
    sentence = "Please replace the dog with a cat and the car with a bus; then remove the leash. Thanks!"
    plan = parse_instruction(sentence)
    assert plan.sentence == sentence
    assert [sentence[slice(*edit.span)] for edit in plan.edits] == [
        "replace the dog with a cat",
        "the car with a bus",
        "remove the leash",
    ]


def test_a_sentence_of_exactly_the_limit_is_read() -> None:
    sentence = "remove the dog" + "!" * 986
    assert len(sentence) == 1000
    assert parse_instruction(sentence).targets == "dog."


WORDS = [
    "replace",
    "remove",
    "with",
    "and",
    "the",
    "a",
    ",",
    ".",
    "red",
    "dog",
    "cat",
    "make",
    "take",
    "out",
    "'",
    "of",
]


@pytest.mark.parametrize("seed", range(40))
def test_no_sentence_takes_long_or_fails_in_another_way(seed: int) -> None:
    rng = random.Random(seed)
    sentence = " ".join(rng.choices(rng.sample(WORDS, rng.randint(1, 6)), k=240))[:1000]
    begin = time.perf_counter()
    with contextlib.suppress(InstructionError):
        assert parse_instruction(sentence).edits
    assert time.perf_counter() - begin < 2
