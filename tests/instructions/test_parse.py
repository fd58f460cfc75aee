"""The parse node, the plan that it gives, and what holds for any sentence at all."""

from __future__ import annotations

import contextlib
import random
import time

import pytest

from pipelines.errors import InstructionError
from plugins.instructions.grammar import parse_instruction
from plugins.instructions.nodes import parse

EXAMPLES = "'replace the dog with a cat' or 'remove the dog'"


def test_the_node_gives_the_plan_and_what_to_look_for() -> None:
    parsed = parse("Replace the Dog next to the tree with a cat, and remove the leash")
    assert [edit.action for edit in parsed.plan.edits] == ["replace", "remove"]
    assert parsed.targets == "dog. tree. leash."
    assert parse.name == "instructions/parse"
    assert list(parse.outputs) == ["plan", "targets"]


def test_a_plan_keeps_its_sentence() -> None:
    sentence = "  Please\tremove the dog! "
    assert parse_instruction(sentence).sentence == sentence


@pytest.mark.parametrize("sentence", ["", " \n\t "])
def test_nothing_said_is_told_in_one_line(sentence: str) -> None:
    with pytest.raises(InstructionError) as caught:
        parse_instruction(sentence)
    assert str(caught.value) == f"the instruction is empty. Try {EXAMPLES}."


def test_a_sentence_of_exactly_the_limit_is_read() -> None:
    sentence = "remove the dog" + "!" * 986
    assert len(sentence) == 1000
    assert parse_instruction(sentence).targets == "dog."
    with pytest.raises(InstructionError) as caught:
        parse_instruction(sentence + "!")
    expected = f"the instruction is 1,001 characters long, more than the limit of 1,000. Try {EXAMPLES}."
    assert str(caught.value) == expected


def test_a_long_sentence_is_shown_around_the_words() -> None:
    with pytest.raises(InstructionError) as caught:
        parse_instruction("remove the dog and " * 20 + "remove the nearest cat" + " and remove the cow" * 20)
    _, shown, carets = str(caught.value).split("\n")
    assert len(shown) < 120
    assert (shown[2], shown[-1]) == ("…", "…")
    assert shown[carets.index("^") : len(carets)] == "nearest"


def test_carets_stand_below_wide_letters_and_behind_line_breaks() -> None:
    with pytest.raises(InstructionError) as caught:
        parse_instruction("remove the 犬\nand the nearest cat")
    _, shown, carets = str(caught.value).split("\n")
    assert shown == "  remove the 犬 and the nearest cat"
    assert carets.index("^") == len("  remove the __ and the ")


WORDS = (
    "replace remove keep make take with and the a , . ' red dog cat out of next to on left from second all one but it"
)


@pytest.mark.parametrize("seed", range(60))
def test_no_sentence_takes_long_or_fails_in_another_way(seed: int) -> None:
    rng = random.Random(seed)
    sentence = " ".join(rng.choices(rng.sample(WORDS.split(), rng.randint(1, 9)), k=240))[:1000]
    begin = time.process_time()
    with contextlib.suppress(InstructionError):
        assert parse_instruction(sentence).edits
    assert time.process_time() - begin < 0.5


def least_seconds(sentence: str) -> float:
    seconds = []
    for _ in range(5):
        begin = time.process_time()
        with contextlib.suppress(InstructionError):
            parse_instruction(sentence)
        seconds.append(time.process_time() - begin)
    return min(seconds)


@pytest.mark.parametrize(
    "repeated", ["and the dog ", ", ", "with the dog ", "and the dog with a cat ", '" ', "on the left "]
)
def test_the_time_is_linear_in_the_length(repeated: str) -> None:
    short, long = (("replace " + repeated * size)[:size] for size in (120, 960))
    assert least_seconds(long) < 30 * max(least_seconds(short), 1e-4)
