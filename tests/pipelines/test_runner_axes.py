"""Named axes at run time: nodes mapped by key, gathered by key, paired by key."""

import threading
from typing import NamedTuple

import pytest

from pipelines import Each, FirstOf, Many, Ref, When, node
from pipelines.builder import Pipeline
from pipelines.errors import RunError
from pipelines.runner import run

PATIENCE = 10


class Halves(NamedTuple):
    left: Each[str]
    right: Each[str]
    middle: int


@node("test/letters")
def letters(word: str) -> Each[str]:
    return {f"{word}{place}": letter for place, letter in enumerate(word)}


@node("test/halves")
def halves(word: str) -> Halves:
    keys = [f"k{place}" for place in range(len(word))]
    return Halves(dict(zip(keys, word, strict=True)), dict(zip(keys, reversed(word), strict=True)), len(word))


@node("test/upper")
def upper(letter: str) -> str:
    return letter.upper()


@node("test/pair")
def pair(first: str, second: str) -> str:
    return f"{first}{second}"


@node("test/join")
def join(parts: Many[str], *, between: str = "") -> str:
    return between.join(parts.values())


@node("test/keys")
def keys(parts: Many[str]) -> str:
    return " ".join(parts)


def graph(build):
    """The graph that `build` makes of a builder and its input `word`."""
    builder = Pipeline("axes")
    build(builder, builder.input("word", str))
    return builder.build()


def test_a_node_is_mapped_over_an_axis_and_keeps_its_keys():
    def build(builder, word):
        builder.output("out", builder.add("up", upper, letter=builder.add("split", letters, word=word)))

    result = run(graph(build), {"word": "ab"})
    assert result.outputs == {"out": {"ab0": "A", "ab1": "B"}}
    assert set(result.trace.executed) == {"split", "up[ab0]", "up[ab1]"}


def test_many_closes_the_axis_in_the_order_in_which_it_was_opened():
    def build(builder, word):
        up = builder.add("up", upper, letter=builder.add("split", letters, word=word))
        builder.output("joined", builder.add("joined", join, parts=up, between="-"))
        builder.output("keys", builder.add("keys", keys, parts=up))

    assert run(graph(build), {"word": "abc"}).outputs == {"joined": "A-B-C", "keys": "abc0 abc1 abc2"}


def test_two_ports_of_one_axis_pair_by_key():
    def build(builder, word):
        builder.add("both", halves, word=word)
        up = builder.add("up", upper, letter=Ref("both", "left"))
        paired = builder.add("paired", pair, first=up, second=Ref("both", "right"))
        builder.output("out", paired)
        builder.output("middle", Ref("both", "middle"))

    assert run(graph(build), {"word": "abc"}).outputs == {"out": {"k0": "Ac", "k1": "Bb", "k2": "Ca"}, "middle": 3}


def test_a_single_value_is_lent_to_every_key():
    def build(builder, word):
        split = builder.add("split", letters, word=word)
        builder.output("out", builder.add("paired", pair, first=split, second=word))

    assert run(graph(build), {"word": "ab"}).outputs["out"] == {"ab0": "aab", "ab1": "bab"}


def test_axes_nest():
    def build(builder, word):
        outer = builder.add("outer", letters, word=word)
        inner = builder.add("inner", letters, word=builder.add("twice", pair, first=outer, second=outer))
        up = builder.add("up", upper, letter=inner)
        tagged = builder.add("tagged", pair, first=up, second=outer)
        builder.output("nested", tagged)
        inside = builder.add("inside", join, parts=tagged)
        builder.output("inside", inside)
        builder.output("all", builder.add("all", join, parts=inside, between="|"))

    assert run(graph(build), {"word": "xy"}).outputs == {
        "nested": {"xy0": {"xx0": "Xx", "xx1": "Xx"}, "xy1": {"yy0": "Yy", "yy1": "Yy"}},
        "inside": {"xy0": "XxXx", "xy1": "YyYy"},
        "all": "XxXx|YyYy",
    }


def test_an_empty_axis_is_closed_with_nothing():
    def build(builder, word):
        split = builder.add("split", letters, word=word)
        inner = builder.add("inner", letters, word=split)
        builder.output("mapped", inner)
        inside = builder.add("inside", join, parts=inner)
        builder.output("all", builder.add("all", join, parts=inside))

    assert run(graph(build), {"word": ""}).outputs == {"mapped": {}, "all": ""}


def test_keys_do_not_wait_for_each_other():
    second_is_far = threading.Event()

    @node("test/slow_first")
    def slow_first(letter: str) -> str:
        if letter == "a":
            assert second_is_far.wait(PATIENCE)
        return letter

    @node("test/mark")
    def mark(letter: str) -> str:
        if letter == "b":
            second_is_far.set()
        return letter

    def build(builder, word):
        slow = builder.add("slow", slow_first, letter=builder.add("split", letters, word=word))
        builder.output("out", builder.add("mark", mark, letter=slow))

    assert run(graph(build), {"word": "ab"}, max_workers=2).outputs["out"] == {"ab0": "a", "ab1": "b"}


def test_when_skips_single_keys_and_first_of_joins_them_again():
    def build(builder, word):
        split = builder.add("split", letters, word=word)
        chosen = builder.add("chosen", upper, letter=split, when=When(split, "one_of", ("a", "c")))
        builder.output("chosen", chosen)
        builder.output("joined", builder.add("joined", join, parts=chosen))
        builder.output("every", builder.add("every", join, parts=FirstOf((chosen, split))))

    assert run(graph(build), {"word": "abc"}).outputs == {
        "chosen": {"abc0": "A", "abc2": "C"},
        "joined": "AC",
        "every": "AbC",
    }


def test_an_axis_that_is_never_opened_skips_what_closes_it():
    def build(builder, word):
        split = builder.add("split", letters, word=word, when=When(word, "equals", "never"))
        up = builder.add("up", upper, letter=split)
        builder.output("mapped", up)
        builder.output("joined", builder.add("joined", join, parts=up))

    assert run(graph(build), {"word": "abc"}).outputs == {"mapped": None, "joined": None}


def test_a_pipeline_input_can_be_an_axis():
    builder = Pipeline("many")
    words = builder.input("words", Each[str])
    up = builder.add("up", upper, letter=words)
    builder.output("out", up)
    builder.output("joined", builder.add("joined", join, parts=up))
    assert run(builder.build(), {"words": {"p": "a", "q": "b"}}).outputs == {
        "out": {"p": "A", "q": "B"},
        "joined": "AB",
    }


def test_a_sub_pipeline_is_mapped_like_a_node():
    inner = Pipeline("inner")
    word = inner.input("word", str)
    up = inner.add("up", upper, letter=inner.add("split", letters, word=word))
    inner.output("joined", inner.add("joined", join, parts=up, between="."))
    inner.output("constant", inner.add("constant", upper, letter="k"))

    def build(builder, word):
        split = builder.add("split", letters, word=word)
        doubled = builder.add("doubled", pair, first=split, second=split)
        sub = builder.add("sub", inner.build(), word=doubled)
        builder.output("joined", sub)
        builder.output("all", builder.add("all", join, parts=sub, between="|"))
        builder.output("same", builder.add("same", join, parts=Ref("sub", "constant")))

    result = run(graph(build), {"word": "xy"})
    assert result.outputs == {"joined": {"xy0": "X.X", "xy1": "Y.Y"}, "all": "X.X|Y.Y", "same": "KK"}
    assert "sub/up[xy0, xx1]" in result.trace.executed


def test_a_sub_pipeline_can_take_a_whole_axis():
    inner = Pipeline("inner")
    words = inner.input("words", Each[str])
    inner.output("joined", inner.add("joined", join, parts=inner.add("up", upper, letter=words)))

    def build(builder, word):
        builder.output("out", builder.add("sub", inner.build(), words=builder.add("split", letters, word=word)))

    assert run(graph(build), {"word": "ab"}).outputs["out"] == "AB"


def test_an_error_along_an_axis_names_its_key():
    @node("test/choke")
    def choke(letter: str) -> str:
        if letter == "b":
            raise ValueError("cannot swallow b")
        return letter

    def build(builder, word):
        builder.output("out", builder.add("choke", choke, letter=builder.add("split", letters, word=word)))

    with pytest.raises(RunError) as caught:
        run(graph(build), {"word": "ab"}, max_workers=1)
    assert caught.value.node == "choke[ab1]"
    assert caught.value.finished["choke[ab0]"] == {"out": "a"}


def test_ports_that_open_one_axis_must_agree_on_the_keys():
    @node("test/disagree")
    def disagree(word: str) -> Halves:
        return Halves({"a": "1"}, {"b": "2"}, 0)

    def build(builder, word):
        builder.output("out", builder.add("disagree", disagree, word=word))

    with pytest.raises(RunError, match="'left' and 'right' open one axis, but with different keys"):
        run(graph(build), {"word": "x"})


def test_a_thousand_keys_are_one_axis():
    def build(builder, word):
        up = builder.add("up", upper, letter=builder.add("split", letters, word=word))
        builder.output("out", builder.add("out", join, parts=up))

    assert run(graph(build), {"word": "q" * 1000}).outputs["out"] == "Q" * 1000
