"""Files that are right: what they may say, and that what is written back reads the same."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import FirstOf, Model, Pipeline, Ref, When
from pipelines.errors import OutputError, SpecError, UserError
from pipelines.graph import Constant, Graph
from pipelines.ports import REQUIRED
from pipelines.registry import Registry
from pipelines.spec import dump_pipeline, load_pipeline

EVERYTHING = (Path(__file__).parent / "everything.yaml").read_text(encoding="utf-8")


def test_a_file_says_all_that_a_graph_holds(load):
    graph = load(EVERYTHING)
    assert graph.doc == "Says everything that a file can say."
    assert {name: (decl.type.name, decl.default) for name, decl in graph.inputs.items()} == {
        "photo": ("Image", REQUIRED),
        "numbers": ("Each[float]", REQUIRED),
        "mode": ("up | down", "up"),
        "word": ("Text?", None),
        "model": ("Model[adder]", Model(ref="base")),
        "corner": ("tuple[int, int]", (1, 2)),
    }
    assert graph.inputs["photo"].doc == "What to look at"
    assert graph.steps["near"].when == When(Ref("whole"), "above", 3)
    assert graph.steps["near"].inputs["mode"] == Ref("", "mode")
    assert graph.steps["far"].inputs["model"] == Constant(Model(ref="large", device="cpu"))
    assert graph.steps["far"].when == When(Ref("", "mode"), "one_of", ("up",))
    assert graph.steps["halves"].inputs == {"dividend": FirstOf((Ref("near"), Ref("far")))}
    assert graph.steps["said"].inputs["number"] == Ref("halves", "remainder")
    assert graph.steps["said"].inputs["file"] == Constant(Path("a.txt"))
    assert graph.outputs == {"text": Ref("said"), "half": FirstOf((Ref("halves"), Ref("near")))}
    assert graph.axes()["raised"] == ("numbers",)


def test_what_is_written_back_reads_the_same(load):
    graph = load(EVERYTHING)
    text = dump_pipeline(graph)
    again = load(text)
    for part in ("name", "doc", "inputs", "steps", "outputs"):
        assert getattr(again, part) == getattr(graph, part)
    assert dump_pipeline(again) == text


def test_a_step_is_written_on_one_line(nodes):
    builder = Pipeline("p")
    builder.output("out", builder.add("sum", nodes.add, a=builder.input("number", float), b=2))
    assert dump_pipeline(builder.build()) == textwrap.dedent("""\
        version: 1
        inputs:
          number: {type: float}
        nodes:
          sum: {use: math/add, a: "${number}", b: 2.0}
        outputs:
          out: "${sum}"
        """)


def test_a_reference_can_be_meant_as_text(load):
    graph = load("""
        version: 1
        inputs: {word: {type: Text, default: "a $${word}"}}
        outputs: {out: "${word}"}
        """)
    assert graph.inputs["word"].default == "a ${word}"
    assert "a $${word}" in dump_pipeline(graph)


def test_yaml_is_read_as_version_1_2(load):
    graph = load("""
        version: 1
        inputs:
          word: {type: Text, default: no}
          date: {type: Text, default: 2026-01-31}
          number: {type: float, default: 1e-3}
        outputs: {out: "${word}"}
        """)
    assert [declared.default for declared in graph.inputs.values()] == ["no", "2026-01-31", 0.001]


def test_a_part_can_be_repeated_by_an_alias(load):
    graph = load("""
        version: 1
        nodes:
          one: &sum {use: math/add, a: 1, b: 2}
          two: *sum
        outputs: {out: "${two}"}
        """)
    assert graph.steps["one"].inputs == graph.steps["two"].inputs


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(textwrap.dedent(text).lstrip("\n"))


RAISE = """
    version: 1
    inputs: {number: {type: float}, by: {type: float, default: 1}}
    nodes: {sum: {use: math/add, a: "${number}", b: "${by}"}}
    outputs: {raised: "${sum}"}
    """
TWICE = """
    version: 1
    inputs: {number: {type: float}}
    nodes:
      once: {use: ./inner.yaml, number: "${number}"}
      twice: {use: ./inner.yaml, number: "${once.raised}", by: 2}
    outputs: {out: "${twice}"}
    """


def test_another_file_is_a_step(tmp_path, registry):
    write(tmp_path, inner=RAISE, outer=TWICE)
    graph = load_pipeline(tmp_path / "outer.yaml", registry)
    inner = graph.steps["twice"].node
    assert isinstance(inner, Graph)
    assert (inner.name, inner.steps["sum"].node.name) == ("./inner.yaml", "math/add")
    assert graph.steps["once"].node is inner
    write(tmp_path, again=dump_pipeline(graph))
    assert load_pipeline(tmp_path / "again.yaml", registry).steps.keys() == graph.steps.keys()


def test_mistakes_of_all_files_are_told(tmp_path, registry):
    write(tmp_path, inner=RAISE.replace("${by}", "${bye}"), outer=TWICE.replace("${twice}", "${thrice}"))
    with pytest.raises(SpecError) as caught:
        load_pipeline(tmp_path / "outer.yaml", registry)
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        "inner.yaml:3:46: sum, b: '${bye}' names no step or input. Did you mean 'by'?",
        "outer.yaml:6:11: outputs, out: '${thrice}' names no step or input. Did you mean 'twice'?",
    ]


def test_a_misspelt_input_of_another_file_is_told(tmp_path, registry):
    write(tmp_path, inner=RAISE, outer=TWICE.replace("by: 2", "bye: 2"))
    with pytest.raises(SpecError, match=r"unknown input 'bye' of \./inner\.yaml\. Did you mean 'by'\?"):
        load_pipeline(tmp_path / "outer.yaml", registry)


def test_files_that_use_one_another_in_a_circle_are_told(tmp_path, registry):
    loop = 'version: 1\nnodes: {next: {use: ./%s.yaml}}\noutputs: {out: "${next}"}\n'
    write(tmp_path, a=loop % "b", b=loop % "c", c=loop % "a")
    with pytest.raises(SpecError) as caught:
        load_pipeline(tmp_path / "a.yaml", registry)
    circle = "the files use one another in a circle: a.yaml → b.yaml → c.yaml → a.yaml."
    assert str(caught.value) == f"{tmp_path}/c.yaml:2:16: next, use: {circle}"


def test_a_missing_file_is_told_where_it_is_used(tmp_path, registry):
    write(tmp_path, outer=TWICE)
    with pytest.raises(SpecError) as caught:
        load_pipeline(tmp_path / "outer.yaml", registry)
    missing = f"there is no such file: ./inner.yaml (looked for {tmp_path}/inner.yaml)."
    assert [str(problem) for problem in caught.value.problems] == [
        f"{tmp_path}/outer.yaml:4:10: once, use: {missing}",
        f"{tmp_path}/outer.yaml:5:11: twice, use: {missing}",
    ]


def test_an_unknown_ready_made_pipeline_is_told():
    with pytest.raises(UserError, match=r"^there is no ready-made pipeline 'edt'\. Did you mean 'edit'\?"):
        load_pipeline("edt")


def test_a_graph_built_in_python_cannot_be_written_as_a_step(nodes):
    builder = Pipeline("inner")
    builder.output("out", builder.input("number", float))
    inner = builder.build()
    builder = Pipeline("outer")
    builder.output("out", builder.add("step", inner, number=1))
    with pytest.raises(OutputError, match="the pipeline 'inner' was built in Python"):
        dump_pipeline(builder.build())
    in_file = replace(inner, name="./inner.yaml")
    builder = Pipeline("outer")
    builder.output("out", builder.add("step", in_file, number=1))
    assert "use: ./inner.yaml" in dump_pipeline(builder.build())


def test_checking_the_suites_own_nodes_imports_no_model_library(tmp_path):
    write(
        tmp_path,
        edit="""
        version: 1
        inputs: {photo: {type: Image}, words: {type: Text}}
        nodes:
          plan: {use: instructions/parse, text: "${words}"}
          found: {use: grounding_dino/detect, image: "${photo}", prompt: "${plan.targets}"}
          cut: {use: sam/masks, image: "${photo}", boxes: "${found}"}
          paint: {use: stable_diffusion/edit, image: "${photo}", masks: "${cut}", plan: "${plan}"}
        outputs: {image: "${paint.image}"}
        """,
    )
    code = (
        "import sys; from pipelines.spec import load_pipeline; load_pipeline(sys.argv[1]);"
        "print([name for name in ('torch', 'supervision', 'transformers', 'diffusers') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "edit.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_only_the_namespaces_that_a_file_uses_are_imported(tmp_path, nodes):
    registry = Registry({"math": [nodes.add], "bad": "no.such.module"})
    write(tmp_path, sum='version: 1\nnodes: {s: {use: math/add, a: 1, b: 2}}\noutputs: {out: "${s}"}\n')
    load_pipeline(tmp_path / "sum.yaml", registry)
    assert registry.broken == {}


def test_a_ready_made_name_is_not_mistaken_for_a_folder(tmp_path, monkeypatch):
    (tmp_path / "edit").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_pipeline("edit").name == "edit"
