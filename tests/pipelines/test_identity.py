"""What a run depends on, known before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.families import ModelSource
from pipelines.identity import Weights, nodes_of, run_id, seeds_of, weights_of
from pipelines.pool import ModelPool
from pipelines.registry import Registry
from pipelines.signature import node
from pipelines.spec import load_pipeline
from pipelines.unfolding import plan_of

PIPELINE = """
version: 1
inputs:
  number: {type: float}
  file: {type: Path, default: notes.txt}
nodes:
  sum: {use: math/add, a: "${number}", b: 2}
  up: {use: math/round, number: "${sum}", model: small}
  named: {use: math/name, number: "${up}", file: "${file}"}
outputs: {up: "${up}", name: "${named}"}
"""


@dataclass(frozen=True)
class Adders:
    """A family of models that are told apart by a revision."""

    revision: str = "r1"
    name: str = "adder"

    def resolve(self, ref: str, *, offline: bool) -> ModelSource:
        return ModelSource(self.name, ref, "somewhere", self.revision)

    def load(self, source: ModelSource, *, device: str, dtype: str) -> object:
        raise NotImplementedError


def pool(revision: str = "r1", **options: str) -> ModelPool:
    return ModelPool(families={"adder": Adders(revision)}, device="cpu", **options)


@pytest.fixture(autouse=True)
def notes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("one")
    return tmp_path / "notes.txt"


@pytest.fixture
def plan(load):
    return plan_of(load(PIPELINE))


def test_the_same_pipeline_read_twice_is_the_same(load):
    first, second = (plan_of(load(PIPELINE)) for _ in range(2))
    assert run_id(first, {"number": 1.0}, pool()) == run_id(second, {"number": 1.0}, pool())


@pytest.mark.parametrize(
    ("before", "after"),
    [("b: 2", "b: 3"), ("model: small", "model: large"), ('name: "${named}"', 'words: "${named}"')],
)
def test_whatever_is_changed_in_the_file_makes_it_another(load, plan, before, after):
    assert before in PIPELINE
    changed = plan_of(load(PIPELINE.replace(before, after)))
    same = run_id(changed, {"number": 1.0}, pool()) == run_id(plan, {"number": 1.0}, pool())
    assert same == ("model" in before)  # another name for the same weights gives the same results


def test_inputs_files_and_weights_make_it_another(plan, notes):
    values = {"number": 1.0, "file": Path("notes.txt")}
    ids = [
        run_id(plan, values, pool()),
        run_id(plan, {**values, "number": 2.0}, pool()),
        run_id(plan, values, pool("r2")),
        run_id(plan, values, pool(dtype="float16")),
    ]
    notes.write_text("two")
    ids.append(run_id(plan, values, pool()))
    assert len(set(ids)) == len(ids)


def test_a_new_version_of_a_node_makes_it_another(tmp_path):
    @node("own/step", version=1)
    def old(number: float) -> float:
        return number

    @node("own/step", version=2)
    def new(number: float) -> float:
        return number + 1

    file = tmp_path / "own.yaml"
    file.write_text("version: 1\nnodes: {s: {use: own/step, number: 1}}\noutputs: {s: '${s}'}\n")
    plans = [plan_of(load_pipeline(file, Registry.of(step))) for step in (old, new)]
    assert [nodes_of(plan)["s"] for plan in plans] == ["own/step@1", "own/step@2"]
    assert len({run_id(plan, {}, pool()) for plan in plans}) == 2


def test_weights_are_found_behind_constants_and_defaults(plan):
    assert weights_of(plan, {}, pool()) == {"up.model": Weights("adder", "small", "r1", "float32")}


def test_seeds_are_found_whether_constant_or_an_input(tmp_path):
    @node("own/noise")
    def noise(seed: int = 5) -> int:
        return seed

    file = tmp_path / "own.yaml"
    steps = "{a: {use: own/noise}, b: {use: own/noise, seed: 7}, c: {use: own/noise, seed: '${n}'}}"
    file.write_text(f"version: 1\ninputs: {{n: {{type: int}}}}\nnodes: {steps}\noutputs: {{a: '${{a}}'}}\n")
    plan = plan_of(load_pipeline(file, Registry.of(noise)))
    assert seeds_of(plan, {"n": 9}) == {"a.seed": 5, "b.seed": 7, "c.seed": 9}


def test_a_file_that_is_only_written_counts_by_its_name(tmp_path, notes):
    @node("own/write")
    def write(file: Path) -> Path:
        return file

    @node("own/read")
    def read(file: Path) -> str:
        return file.read_text()

    file = tmp_path / "own.yaml"
    ids = []
    written, read_too = "w: {use: own/write, file: '${file}'}", ", r: {use: own/read, file: '${file}'}"
    for steps in (written, written + read_too):
        file.write_text(
            f"version: 1\ninputs: {{file: {{type: Path}}}}\nnodes: {{{steps}}}\noutputs: {{out: '${{w}}'}}\n"
        )
        plan = plan_of(load_pipeline(file, Registry.of(write, read)))
        for text in ("one", "two"):
            notes.write_text(text)
            ids.append(run_id(plan, {"file": Path("notes.txt")}, pool()))
        ids.append(run_id(plan, {"file": Path("others.txt")}, pool()))
    assert ids[0] == ids[1] != ids[2]
    assert len(set(ids[3:])) == 3
