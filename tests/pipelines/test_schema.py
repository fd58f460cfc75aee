"""The JSON Schema that editors use says of one part what the loader says of it."""

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from pipelines.registry import Registry
from pipelines.schema import json_schema

FILE = """
version: 1
doc: A sum.
inputs:
  photo: {{type: Image}}
  numbers: {{type: "Each[float]"}}
  mode: {{type: [up, down], default: up}}
  word: {{type: Text?, doc: Anything}}
  model: {{type: "Model[adder]"}}
nodes:
  step: {}
outputs:
  out: "${{step}}"
  both: {{first: ["${{step}}", "${{photo}}"]}}
"""


@pytest.fixture(scope="module")
def schema(nodes):
    return json_schema(Registry.of(*vars(nodes).values()))


def mistakes(schema, step, text=FILE):
    document = YAML(typ="safe", pure=True).load(text.format(step))
    return list(Draft202012Validator(schema).iter_errors(document))


def test_it_is_a_schema(schema):
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "step",
    [
        '{use: math/add, a: 1, b: "${numbers}"}',
        '{use: math/add, a: {first: ["${photo}", "${step.out}"]}, b: 0.5}',
        "{use: math/round, number: 1, mode: down}",
        '{use: math/round, number: 1, mode: "${mode}"}',
        "{use: math/round, number: 1, model: base}",
        "{use: math/round, number: 1, model: {ref: base, device: cpu}}",
        "{use: math/name, number: 1, places: [1, 2], file: null}",
        "{use: math/total, numbers: {a: 1, b: 2}}",
        '{use: math/add, a: 1, b: 2, when: {value: "${word}", empty: false}}',
        '{use: math/add, a: 1, b: 2, when: {value: "${word}", one_of: [a, b]}}',
        "{use: ./other.yaml, anything: 3}",
        "{use: pipeline/edit, anything: 3}",
    ],
)
def test_good_files_pass(schema, step):
    assert mistakes(schema, step) == []


@pytest.mark.parametrize(
    "step",
    [
        "{use: math/ad, a: 1, b: 2}",
        "{a: 1, b: 2}",
        "{use: math/add, a: 1}",
        "{use: math/add, a: 1, b: 2, c: 3}",
        "{use: math/add, a: hot, b: 2}",
        "{use: math/add, a: true, b: 2}",
        "{use: math/round, number: 1, mode: sideways}",
        "{use: math/round, number: 1, model: {reef: base}}",
        "{use: math/name, number: 1, places: [1, 2, 3]}",
        "{use: math/name, number: 1, places: [1]}",
        '{use: picture/boxes, image: "photo.png"}',
        '{use: math/add, a: 1, b: 2, when: {value: "${word}"}}',
        '{use: math/add, a: 1, b: 2, when: {value: "${word}", above: 1, below: 3}}',
        '{use: math/add, a: 1, b: 2, when: {value: "${word}", above: hot}}',
        '{use: math/add, a: 1, b: 2, when: {value: "${word}", abve: 1}}',
        "{use: math/add, a: {first: []}, b: 2}",
    ],
)
def test_bad_steps_are_refused(schema, step):
    assert mistakes(schema, step)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("version: 1", "version: 2"),
        ("doc: A sum.", "dco: A sum."),
        ("type: Image", "type: image"),
        ("type: Image", "typ: Image"),
        ("type: Text?", "type: 3"),
        ("  step:", "  1st:"),
        ('out: "${{step}}"', "out: step"),
    ],
)
def test_bad_files_are_refused(schema, good, bad):
    assert mistakes(schema, "{use: math/add, a: 1, b: 2}") == []
    assert mistakes(schema, "{use: math/add, a: 1, b: 2}", FILE.replace(good, bad))


def test_it_describes_inputs(schema):
    (rules,) = (
        rule["then"]
        for rule in schema["$defs"]["node"]["allOf"]
        if rule["if"]["properties"]["use"]["const"] == "math/round"
    )
    assert rules["properties"]["mode"]["default"] == "up"
    assert {"enum": ["up", "down"]} in rules["properties"]["mode"]["anyOf"]
    (rules,) = (
        rule["then"]
        for rule in schema["$defs"]["node"]["allOf"]
        if rule["if"]["properties"]["use"]["const"] == "math/add"
    )
    assert rules["properties"]["a"]["description"] == "The first summand."
    assert {"const": "math/add", "description": "The sum."} in schema["$defs"]["node"]["properties"]["use"]["anyOf"]


def test_the_schema_of_everything_installed_is_valid():
    Draft202012Validator.check_schema(json_schema(Registry.default()))
