"""Files that are wrong: what is told, and where."""

import pytest

from tests.pipelines.small_files import EMPTY, HEAD, TAIL, step


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("just words", ["1:1: must be a mapping: it holds version, doc, inputs, nodes, outputs."]),
        ("- version: 1", ["1:1: must be a mapping: it holds version, doc, inputs, nodes, outputs."]),
        ("version: 1\n", ["1:1: needs 'outputs'."]),
        ("version: 1\noutputs: {}\n", ["2:1: outputs: a pipeline needs at least one output."]),
        (f"{HEAD}  a: 1\noutput: {{}}\n", [
            "1:1: needs 'outputs'.",
            "4:3: a: must be a mapping: it holds use, when.",
            "5:1: output: unknown key 'output'. Did you mean 'outputs'?",
        ]),
        (EMPTY.replace("version: 1", "version: 2"), ["1:1: version: 'version' must be 1."]),
        (EMPTY.replace("nodes: {}", "nodes: 3"), ["3:1: nodes: 'nodes' must be a mapping."]),
        (f"{EMPTY}doc: {{}}\n", ["5:1: doc: 'doc' must be text."]),
    ],
)  # fmt: skip
def test_the_top_level(mistakes, text, lines):
    assert mistakes(text) == [f"pipeline.yaml:{line}" for line in lines]


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("{use: math/ad, a: 1, b: 2}", "4:10: step, use: unknown node 'math/ad'. Did you mean 'math/add'?"),
        ("{use: mth/add, a: 1, b: 2}", "4:10: step, use: unknown node 'mth/add'. Did you mean 'math/add'?"),
        (
            "{use: zzz/qqq, a: 1, b: 2}",
            "4:10: step, use: unknown node 'zzz/qqq'. The namespaces are: math, picture.",
        ),
        ("{a: 1, b: 2}", "4:3: step: needs 'use'."),
        ("{use: 3}", "4:10: step, use: 'use' must be text."),
        ("hello", "4:3: step: must be a mapping: it holds use, when."),
        ("{use: math/add, a: 1}", "4:3: step: math/add needs an input 'b': a number."),
        (
            "{use: math/round, number: 1, moed: up}",
            "4:38: step, moed: unknown input 'moed' of math/round. Did you mean 'mode'?",
        ),
        ("{use: math/add, a: hot, b: 2}", "4:25: step, a: 'a' needs a number, but got text 'hot'."),
        ("{use: math/add, a: true, b: 2}", "4:25: step, a: 'a' needs a number, but got true."),
        ("{use: math/add, a: null, b: 2}", "4:25: step, a: 'a' needs a number, but got nothing."),
        (
            "{use: math/round, number: 1, mode: dwn}",
            "4:38: step, mode: 'mode' needs one of up, down, but got text 'dwn'. Did you mean 'down'?",
        ),
        (
            "{use: math/round, number: 1, model: {rf: base}}",
            "4:38: step, model: 'model' takes ref, device and dtype, not rf.",
        ),
        (
            '{use: math/add, a: "${photo}", b: 2}',
            "4:25: step, a: 'a' needs a number, but '${photo}' gives an image.",
        ),
        (
            '{use: picture/masks, image: "${photo}", boxes: "${number}"}',
            ("4:49: step, boxes: 'boxes' needs boxes, but '${number}' gives a number. "
            "Nodes that make boxes: picture/boxes."),
        ),
        (
            '{use: math/add, a: "${nmber}", b: 2}',
            "4:25: step, a: '${nmber}' names no step or input. Did you mean 'number'?",
        ),
        (
            '{use: math/add, a: "${number.out}", b: 2}',
            "4:25: step, a: 'number' is an input of the pipeline: write '${number}'.",
        ),
        (
            '{use: math/add, a: "about ${number}", b: 2}',
            "4:25: step, a: a reference stands alone, as '${step}' or '${step.output}'; '$${' is the text '${'.",
        ),
        (
            '{use: math/name, number: 1, places: ["${number}", 1]}',
            "4:37: step, places: a reference cannot stand inside a list or mapping; it stands alone.",
        ),
        ('{use: math/add, a: {first: []}, b: 2}', "4:25: step, a: 'first' takes a list of references."),
        (
            '{use: math/add, a: {first: ["${number}", 3]}, b: 2}',
            "4:50: step, a, first, 1: needs a reference, such as '${step}' or '${step.output}'.",
        ),
        ('{use: math/add, a: 1, b: 2, when: often}', "4:37: step, when: 'when' must be a mapping."),
    ],
)  # fmt: skip
def test_a_step(mistakes, entry, line):
    assert mistakes(step(entry)) == [f"pipeline.yaml:{line}"]


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        ("{type: Imge}", ["2:18: inputs, added, type: unknown type 'Imge'. Did you mean 'Image'?"]),
        (
            "{typ: Image}",
            [
                "2:10: inputs, added: needs 'type'.",
                "2:18: inputs, added, typ: unknown key 'typ'. Did you mean 'type'?",
            ],
        ),
        (
            "{type: int, default: hot}",
            ["2:29: inputs, added, default: 'added' needs a whole number, but got text 'hot'."],
        ),
        (
            "{type: int, default: hot, dco: x}",
            [
                "2:29: inputs, added, default: 'added' needs a whole number, but got text 'hot'.",
                "2:43: inputs, added, dco: unknown key 'dco'. Did you mean 'doc'?",
            ],
        ),
        ("{type: int, defualt: 3}", ["2:29: inputs, added, defualt: unknown key 'defualt'. Did you mean 'default'?"]),
        ("{type: [a, 1]}", ["2:18: inputs, added, type: choices are all text, or all whole numbers."]),
        ("{type: 3}", ["2:18: inputs, added, type: 'type' must be text."]),
        ("3", ["2:10: inputs, added: must be a mapping: it holds type, default, doc."]),
    ],
)  # fmt: skip
def test_an_input(mistakes, entry, lines):
    text = f"version: 1\ninputs: {{added: {entry}, number: {{type: float}}}}\n{TAIL}"
    assert [line.removeprefix("pipeline.yaml:") for line in mistakes(text)] == lines


def test_an_output(mistakes):
    text = f'{HEAD}  step: {{use: math/divide, dividend: 3}}\noutputs: {{a: "${{step.rest}}", b: 3, c: "${{stp}}"}}\n'
    assert mistakes(text) == [
        "pipeline.yaml:5:11: outputs, a: 'step' (math/divide) has no output 'rest'. Choose from: quotient, remainder.",
        "pipeline.yaml:5:30: outputs, b: needs a reference, such as '${step}' or '${step.output}'.",
        "pipeline.yaml:5:36: outputs, c: '${stp}' names no step or input. Did you mean 'step'?",
    ]


def test_the_name_of_an_output(mistakes):
    text = f'{HEAD}  step: {{use: math/add, a: 1, b: 2}}\noutputs: {{"../../x": "${{step}}", values: "${{step}}"}}\n'
    assert mistakes(text) == [
        "pipeline.yaml:5:11: outputs, ../../x: '../../x' is no name: use letters, digits and _.",
        "pipeline.yaml:5:33: outputs, values: 'values' names the file of text and numbers: choose another.",
    ]


def test_a_name_twice(mistakes):
    text = f"{HEAD}  photo: {{use: math/add, a: 1, b: 2}}\n  1st: {{use: math/add, a: 1, b: 2}}\n{TAIL}"
    assert mistakes(text) == [
        "pipeline.yaml:4:3: photo: 'photo' is already an input of the pipeline.",
        "pipeline.yaml:5:3: 1st: '1st' is no name: use letters, digits and _.",
    ]


def test_what_depends_on_a_mistake_is_not_blamed(mistakes):
    text = HEAD.replace("Image", "Imge") + (
        '  found: {use: picture/boxs, image: "${photo}"}\n'
        '  cut: {use: picture/masks, image: "${photo}", boxes: "${found.out}"}\n'
        '  parts: {use: picture/cut, image: "${photo}", masks: "${found}"}\n'
        '  sum: {use: math/add, a: "x ${photo}", b: !fahrenheit 3}\n'
        'outputs: {out: "${parts}", found: "${found.any}"}\n'
    )
    assert [line.split(": ")[0] for line in mistakes(text)] == [
        "pipeline.yaml:2:18",
        "pipeline.yaml:4:11",
        "pipeline.yaml:7:24",
        "pipeline.yaml:7:44",
    ]


def test_all_mistakes_in_the_order_of_the_file(mistakes):
    text = """
        version: 1
        colour: red
        inputs: {photo: {type: Imag}}
        nodes:
          sum: {use: math/add, a: hot, b: "${sun}"}
          sum: {use: math/add, a: 1, b: 2}
        outputs: {out: "${sum.total}"}
        """
    assert [line.split(": ")[0] for line in mistakes(text)] == [
        "pipeline.yaml:2:1",
        "pipeline.yaml:3:18",
        "pipeline.yaml:5:24",
        "pipeline.yaml:5:32",
        "pipeline.yaml:6:3",
        "pipeline.yaml:7:11",
    ]


def test_a_circle(mistakes):
    text = f'{HEAD}  a: {{use: math/add, a: "${{b}}", b: 1}}\n  b: {{use: math/add, a: "${{a}}", b: 1}}\n{TAIL}'
    assert mistakes(text) == ["pipeline.yaml:4:3: a: the steps go round in a circle: a → b → a."]


def test_a_section_that_cannot_be_read_hides_its_names(mistakes):
    text = f'version: 1\ninputs: 3\nnodes:\n  sum: {{use: math/add, a: "${{number}}", b: hot}}\n{TAIL}'
    assert mistakes(text) == [
        "pipeline.yaml:2:1: inputs: 'inputs' must be a mapping.",
        "pipeline.yaml:4:40: sum, b: 'b' needs a number, but got text 'hot'.",
    ]


def test_a_type_that_an_unknown_node_may_give_is_not_blamed(mistakes):
    text = f"{HEAD}  far: {{use: depth/measure}}\n{TAIL}".replace("photo: {type: Image}", "depth: {type: DepthMap}")
    assert [line.split(": ")[0] for line in mistakes(text)] == ["pipeline.yaml:4:9"]
