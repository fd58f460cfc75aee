"""Pipeline files with mistakes, through the command: exit code 2, each mistake with its place, no traceback."""

from __future__ import annotations

import pytest

GOOD = """\
version: 1
nodes:
  plan: {use: instructions/parse, text: remove the dog}
outputs: {plan: "${plan}"}
"""
UNKNOWN_NODE = """\
version: 1
nodes:
  cut: {use: sam/mask}
outputs: {x: "${cut}"}
"""
WRONG_TYPE = """\
version: 1
inputs: {photo: {type: Image}}
nodes:
  found: {use: grounding_dino/detect, image: "${photo}", prompt: dog., nms_threshold: hot}
outputs: {x: "${found}"}
"""
NO_MASKS = """\
version: 1
inputs: {photo: {type: Image}, plan: {type: EditPlan}}
nodes:
  found: {use: grounding_dino/detect, image: "${photo}", prompt: dog.}
  paint: {use: stable_diffusion/edit, image: "${photo}", masks: "${found}", plan: "${plan}"}
outputs: {x: "${paint}"}
"""
SEVERAL = """\
version: 1
nodes:
  a: {use: instructions/parse, txt: remove the dog}
  b: {use: instructions/pars}
outputs: {x: "${c}"}
"""
CYCLE = """\
version: 1
nodes:
  a: {use: masks/invert, mask: "${b}"}
  b: {use: masks/invert, mask: "${a}"}
outputs: {x: "${a}"}
"""
OBJECT = """\
version: 1
nodes: !!python/object/apply:os.system [echo hacked]
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

FILES = {
    "a list": ("- 1\n- 2\n", ["file.yaml:1:1"]),
    "empty": ("", ["file.yaml"]),
    "a key twice": ("version: 1\n" + GOOD, ["file.yaml:2:1", "version"]),
    "unknown node": (UNKNOWN_NODE, ["file.yaml:3:", "Did you mean 'sam/masks'?"]),
    "wrong type": (WRONG_TYPE, ["file.yaml:4:", "nms_threshold", "but got text 'hot'"]),
    "no masks": (NO_MASKS, ["file.yaml:5:", "'masks' needs masks, but '${found}' gives boxes.", "sam/masks"]),
    "several": (SEVERAL, ["file.yaml:3:", "unknown input 'txt'", "'text'?", "file.yaml:4:", "file.yaml:5:"]),
    "cycle": (CYCLE, ["file.yaml:3:", "a", "b"]),
    "alias bomb": (BOMB, ["file.yaml"]),
    "an object": (OBJECT, ["file.yaml:2:"]),
}


@pytest.mark.parametrize("name", FILES)
def test_every_mistake_is_told_with_its_place(samloom, tmp_path, monkeypatch, name):
    text, wanted = FILES[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.yaml").write_text(text)
    result = samloom("check", "file.yaml")
    assert (result.code, result.out) == (2, "")
    assert [part for part in wanted if part not in result.err] == []
    assert "Traceback" not in result.err


def test_a_good_file_is_said_to_be_good(samloom, tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    assert samloom("check", tmp_path / "good.yaml").out == f"{tmp_path / 'good.yaml'}: 1 step, no mistakes.\n"
