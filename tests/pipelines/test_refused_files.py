"""Files that are no pipeline at all, that YAML itself refuses, or that are wrong in ways nobody thought of."""

import io
import random
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipelines.errors import SpecError
from pipelines.spec import load_pipeline
from tests.pipelines.small_files import EMPTY, step

EVERYTHING = (Path(__file__).parent / "everything.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"version: 1\n{EMPTY}", "2:1: version: 'version' stands here twice: first on line 1."),
        (step("{use: math/add, a: 1, a: 2, b: 3}"), "4:31: step, a: 'a' stands here twice: first on line 4."),
        (step("{use: math/add, a: 1, b: 2, 3: 4}"), "4:37: step: a key must be text: put it in quotes."),
        (
            step("!!python/object/apply:os.system [echo]"),
            ("4:9: step: the tag !!python/object/apply:os.system is refused: "
            "a pipeline holds text, numbers, flags, lists and mappings only."),
        ),
        (step("{use: math/add, a: !!int hot, b: 2}"), "4:28: step, a: 'hot' is not what its tag says."),
        (step("{use: math/add, a: !!int '', b: 2}"), "4:28: step, a: '' is not what its tag says."),
        (step("{use: math/add, a: !!bool maybe, b: 2}"), "4:28: step, a: 'maybe' is not what its tag says."),
        ('version: 1\ndoc: "\\UFFFFFFFF"\n', "2:1: holds an escape '\\U' that stands for no character."),
        (
            step(r'{use: math/name, number: 1, file: "\ud83d"}'),
            "4:43: step, file: holds half of a character: write the character itself.",
        ),
        (
            step(r'{use: math/add, a: 1, b: 2, "\ud83d": 3}'),
            "4:37: step: a key holds half of a character: write the character itself.",
        ),
        (step("{use: math/add, a: 1, b: 2, ? !!str [c] : 3}"), "4:39: step: a key must be text: put it in quotes."),
        (step("{use: math/add, a: 1"), "5:8: is not valid YAML: expected ',' or '}', but got ':'."),
        ("a: b: c", "1:5: is not valid YAML: mapping values are not allowed here."),
        ("version: 1\n---\nversion: 1\n", "2:1: is not valid YAML: but found another document."),
        (step("*nowhere"), "4:9: is not valid YAML: found undefined alias 'nowhere'."),
        (step("[" * 30 + "]" * 30), "4:23: is nested deeper than 16 levels."),
        ("version: 1\ndoc: a\x00b\n", "2:1: holds control characters; a pipeline is a text file."),
        (step("&a [*a]"), "4:9: is nested deeper than 16 levels once its aliases are written out."),
    ],
)  # fmt: skip
def test_yaml_that_is_refused(mistakes, text, line):
    assert mistakes(text) == [f"pipeline.yaml:{line}"]


def test_an_alias_bomb_is_not_unfolded(mistakes):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    (line,) = mistakes("\n".join(lines))
    assert line.endswith("holds more than 20,000 values once its aliases are written out.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; a pipeline starts with 'version: 1'."),
        (b"# nothing\n", "is empty; a pipeline starts with 'version: 1'."),
        (b"\x89PNG\r\n\x1a\n\x00", "is not text in UTF-8 (byte 0); a pipeline is a YAML file."),
        (b"# " + b"x" * 300_000, "has 300,002 bytes; a pipeline has at most 262,144."),
    ],
)
def test_a_file_that_is_none(tmp_path, content, message):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load_pipeline(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_ready_made_pipeline_is_told_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "their_pipelines").mkdir()
    (tmp_path / "their_pipelines" / "__init__.py").touch()
    (tmp_path / "their_pipelines" / "bad.yaml").write_text("version: 1\nnodes:\n  a: {use: no/such}\n")
    (tmp_path / "mine.yaml").write_text("version: 1\nnodes:\n  a: {use: pipeline/bad}\n")
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint("bad", "their_pipelines:bad.yaml", "samloom.pipelines")]
    monkeypatch.setattr("pipelines.spec.loader.entry_points", lambda *, group: points)
    for asked in ("bad", tmp_path / "mine.yaml"):
        with pytest.raises(SpecError) as found:
            load_pipeline(asked)
        assert any(problem.file == "pipeline/bad" for problem in found.value.problems)
        assert "their_pipelines" not in str(found.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(SpecError) as caught:
        load_pipeline(tmp_path / "a.yaml")
    assert str(caught.value) == f"{tmp_path}/a.yaml: there is no such file."


def test_a_folder(tmp_path):
    with pytest.raises(SpecError) as caught:
        load_pipeline(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is a folder; name the pipeline's file in it."


VALUES = [
    None, 3, True, "x", "${whole}", "${numbers}", "${photo}", "${halves.remainder}", "${nope}", "${mode.x}", "$${a}",
    [], {}, [1, "${x}"], {"first": ["${whole}", "${raised}"]}, {"first": "x"}, {"ref": "a"}, "Each[int]?", "math/total",
    {"value": "${whole}", "above": 1}, {"use": "math/add"}, {"type": "Masks"},
]  # fmt: skip
KEYS = ["use", "when", "first", "a", "numbers", "type", "default", "photo", "whole", "version", "inputs", "x y", ""]


@pytest.mark.parametrize("seed", range(40))
def test_no_file_is_too_wrong_to_be_told_what_is_wrong(mistakes, seed):
    chance = random.Random(seed)
    document = YAML(typ="safe", pure=True).load(EVERYTHING)
    for _ in range(3):
        spoil(document, chance)
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump({**document, "extra": 1}, text)
    assert all(line.startswith("pipeline.yaml:") for line in mistakes(text.getvalue()))


def spoil(document, chance):
    """Change, remove or add one part."""
    holder = document
    while isinstance(holder, dict) and (inner := [part for part in holder.values() if isinstance(part, dict) and part]):
        if chance.random() < 0.2:
            break
        holder = chance.choice(inner)
    key = chance.choice(list(holder))
    if chance.random() < 0.3:
        del holder[key]
    elif chance.random() < 0.3:
        holder[chance.choice(KEYS)] = chance.choice(VALUES)
    else:
        holder[key] = chance.choice(VALUES)


def test_a_name_longer_than_any_files_is_told(tmp_path):
    with pytest.raises(SpecError, match=r"xxx.yaml: cannot be read: File name too long\.$"):
        load_pipeline(tmp_path / f"{'x' * 300}.yaml")


def test_halves_of_a_character_are_put_together(load):
    text = f'version: 1\ndoc: "a \\ud83d\\udc31"\n{EMPTY.removeprefix("version: 1")}'
    assert load(text).doc == "a \U0001f431"
