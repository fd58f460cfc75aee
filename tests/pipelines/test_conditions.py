"""`when:` — what holds, and what can be asked."""

import pytest

from pipelines import Ref, When, empty_detections
from pipelines.spec import dump_pipeline

REF = Ref("x")
NOT_ONE = "needs one comparison of: equals, differs, above, at_least, below, at_most, one_of, empty."


@pytest.mark.parametrize(
    ("op", "limit", "holding", "failing"),
    [
        ("equals", "fast", "fast", "slow"),
        ("differs", "fast", "slow", "fast"),
        ("one_of", ("a", "b"), "b", "c"),
        ("above", 2, 3, 2),
        ("at_least", 2, 2, 1),
        ("below", 2, 1, 2),
        ("at_most", 2, 2, 3),
        ("empty", True, "", "a"),
        ("empty", True, None, ("a",)),
        ("empty", False, "a", ()),
        ("empty", True, empty_detections((2, 2), masks=False), "a"),
    ],
)
def test_a_condition_holds(op, limit, holding, failing):
    when = When(REF, op, limit)
    assert when.holds(holding) is True
    assert when.holds(failing) is False


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ('{value: "${found}", above: 2}', "'above' cannot compare boxes, which '${found}' gives. 'empty' works."),
        (
            '{value: "${photo}", equals: a}',
            "'equals' cannot compare an image, which '${photo}' gives. Only text, numbers and flags can be compared.",
        ),
        (
            '{value: "${word}", above: 2}',
            "'above' compares numbers, but '${word}' gives text. 'equals' or 'one_of' work.",
        ),
        ('{value: "${number}", above: hot}', "'above' needs a number, but got text 'hot'."),
        ('{value: "${number}", one_of: [1, hot]}', "'one_of' needs a whole number, but got text 'hot'."),
        ('{value: "${number}", one_of: 1}', "'one_of' takes a list."),
        ('{value: "${number}", empty: true}', "a whole number, which '${number}' gives, is never empty."),
        ('{value: "${word}", empty: 1}', "'empty' is true or false."),
        ('{value: "${nmber}", above: 1}', "'${nmber}' names no step or input. Did you mean 'number'?"),
        ('{value: "${number}"}', NOT_ONE),
        (
            '{value: "${number}", above: 1, below: 3}',
            NOT_ONE,
        ),
    ],
)
def test_what_cannot_be_asked_is_told(mistakes, when, message):
    text = f"""
        version: 1
        inputs: {{photo: {{type: Image}}, word: {{type: Text}}, number: {{type: int}}}}
        nodes:
          found: {{use: picture/boxes, image: "${{photo}}"}}
          sum: {{use: math/add, a: 1, b: 2, when: {when}}}
        outputs: {{out: "${{sum}}"}}
        """
    assert mistakes(text) == [f"pipeline.yaml:5:36: sum, when: {message}"]


@pytest.mark.parametrize("op", ["above", "at_least", "below", "at_most"])
def test_nothing_is_neither_more_nor_less_than_a_number(op):
    assert When(REF, op, 0).holds(None) is False


CHOOSING = """
    version: 1
    inputs: {{word: {{type: Text}}, other: {{type: Text}}}}
    nodes: {{sum: {{use: math/add, a: 1, b: 2, when: {{value: "${{word}}", {limit}}}}}}}
    outputs: {{out: "${{sum}}"}}
    """


@pytest.mark.parametrize("limit", ['equals: "${other}"', 'one_of: [a, "${other}"]'])
def test_a_condition_compares_with_a_constant_only(mistakes, limit):
    (line,) = mistakes(CHOOSING.format(limit=limit))
    op = limit.partition(":")[0]
    assert line.endswith(f"sum, when, {op}: '{op}' compares with a constant, not with a reference; '$${{' is '${{'.")


@pytest.mark.parametrize(
    ("limit", "value"), [('equals: "$${other}"', "${other}"), ('one_of: [a, "$${other}"]', ("a", "${other}"))]
)
def test_what_only_looks_like_a_reference_is_text(load, limit, value):
    graph = load(CHOOSING.format(limit=limit))
    assert graph.steps["sum"].when == When(Ref("", "word"), limit.partition(":")[0], value)
    assert load(dump_pipeline(graph)).steps["sum"].when == graph.steps["sum"].when


@pytest.mark.parametrize("when", ['{value: "${number}", abve: 1}', '{value: "${number}", above: 1, than: 2}'])
def test_a_misspelt_comparison_is_told(mistakes, when):
    text = f"""
        version: 1
        inputs: {{number: {{type: int}}}}
        nodes: {{sum: {{use: math/add, a: 1, b: 2, when: {when}}}}}
        outputs: {{out: "${{sum}}"}}
        """
    assert ["unknown key" in line for line in mistakes(text)] == [True]
