"""A visitor's pipeline reads and writes its own files only, and uses the server's models only."""

from pathlib import Path

import numpy as np
import pytest

from demos.web.bench.checked import Checker
from demos.web.bench.confined import Rules, confined, path_reason, told_of
from pipelines import Pipeline
from pipelines.errors import OutputError, RunError
from pipelines.images import write_image
from pipelines.nodes.image import load
from pipelines.registry import Registry
from pipelines.runner import run
from pipelines.values import Image

SAVE = """version: 1
inputs:
  photo: {{type: Image}}
nodes:
  saved: {{use: image/save, image: "${{photo}}", path: "{path}"}}
outputs:
  file: "${{saved}}"
"""
LOAD = """version: 1
nodes:
  photo: {{use: image/load, path: "{path}"}}
outputs:
  photo: "${{photo}}"
"""
OUTSIDE = [
    "/etc/passwd",
    "../secret.png",
    "a/../../secret.png",
    "~/secret.png",
    "~root/x.png",
    r"C:\\secret.png",
    r"..\\secret.png",
    "//host/share.png",
    "/proc/self/environ",
]


@pytest.fixture(scope="module")
def checker():
    return Checker(Rules(("bundled",)))


@pytest.fixture
def photo():
    return Image(np.full((8, 8, 3), 200, np.uint8))


def messages(checked):
    return [problem.message for problem in checked.problems]


@pytest.mark.parametrize("template", [SAVE, LOAD])
@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_leads_out_is_a_mistake_with_its_place(checker, template, path):
    checked = checker.check(template.format(path=path))
    assert checked.graph is None
    assert "lies outside of your own files" in messages(checked)[0]
    line = template.format(path=path)[: template.index("path: ")].count("\n") + 1
    assert checked.problems[0].line == line


@pytest.mark.parametrize("path", ["", ".", "a/b/c/d/e.png", "x" * 200])
def test_what_is_no_name_for_a_file_is_refused_too(path):
    assert "is no name for a file" in path_reason(Path(path))


def test_a_default_of_an_input_cannot_lead_out_either(checker):
    text = """version: 1
inputs:
  where: {type: Path, default: /etc/passwd}
nodes:
  photo: {use: image/load, path: "${where}"}
outputs:
  photo: "${photo}"
"""
    assert "'/etc/passwd' lies outside of your own files" in messages(checker.check(text))[0]


def test_a_plain_name_is_written_into_the_visitors_folder(checker, photo, tmp_path):
    graph = checker.check(SAVE.format(path="out/cut.png")).graph
    result = run(confined(graph, tmp_path), {"photo": photo})
    assert result.outputs["file"] == tmp_path.resolve() / "out" / "cut.png"
    assert (tmp_path / "out" / "cut.png").is_file()


def test_a_plain_name_is_read_from_the_visitors_folder_and_nowhere_else(checker, photo, tmp_path, monkeypatch):
    mine, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    mine.mkdir(), elsewhere.mkdir()
    write_image(photo, elsewhere / "cat.png")
    monkeypatch.chdir(elsewhere)
    graph = confined(checker.check(LOAD.format(path="cat.png")).graph, mine)
    with pytest.raises(RunError, match="does not exist"):
        run(graph, {})
    write_image(photo, mine / "cat.png")
    assert run(graph, {}).outputs["photo"].size == (8, 8)


def test_a_graph_that_was_not_checked_is_confined_all_the_same(tmp_path):
    pipeline = Pipeline("unchecked")
    pipeline.output("photo", pipeline.add("photo", load, path="/etc/passwd"))
    with pytest.raises(OutputError, match="lies outside"):
        confined(pipeline.build(), tmp_path)


def test_another_pipeline_file_of_the_server_cannot_be_used(checker, tmp_path):
    other = tmp_path / "secret.yaml"
    other.write_text("version: 1\nsecret: hunter2\n")
    text = f"version: 1\nnodes:\n  x: {{use: {other}}}\noutputs:\n  y: '${{x}}'\n"
    checked = checker.check(text)
    assert "here a pipeline is one file" in messages(checked)[0]
    assert "hunter2" not in " ".join(messages(checked))


def test_a_ready_made_pipeline_can_be_used(checker):
    text = """version: 1
inputs:
  photo: {type: Image}
nodes:
  all: {use: pipeline/segment, photo: "${photo}"}
outputs:
  masks: "${all.masks}"
"""
    assert checker.check(text).graph is not None


@pytest.mark.parametrize("ref", ["/srv/weights", "large", "someone/model", "../x.pkl", "{ref: bundled, device: cuda}"])
def test_only_the_servers_own_models_can_be_named(checker, ref):
    text = f"""version: 1
inputs:
  photo: {{type: Image}}
nodes:
  all: {{use: sam/everything, image: "${{photo}}", model: {ref}}}
outputs:
  masks: "${{all}}"
"""
    checked = checker.check(text)
    assert checked.graph is None
    assert ("no model of this server" in messages(checked)[0]) == ("device" not in ref)


def test_every_node_that_can_reach_a_file_does_so_through_a_path_or_a_model():
    """Guards the list of ways out: a new node whose text names a file would not be seen by the confinement."""
    suspicious = {"file", "path", "folder", "directory", "filename"}
    for node in Registry.default().all_nodes().values():
        for name, declared in node.inputs.items():
            if name in suspicious and declared.type.base is not Path:
                assert node.name in {"export/voc", "export/yolo", "export/labelme"}, (node.name, name)


def test_a_visitor_is_not_told_where_the_folder_is(tmp_path):
    outputs = {"file": tmp_path.resolve() / "out" / "cut.png", "many": {"0": Path("/elsewhere/x.png")}, "count": 3}
    assert told_of(tmp_path, outputs) == {"file": Path("out/cut.png"), "many": {"0": Path("x.png")}, "count": 3}
