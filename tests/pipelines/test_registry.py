"""Names → nodes."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from pipelines import Masks, node
from pipelines.annotations import port_type
from pipelines.registry import Registry, UnknownNode


@pytest.fixture
def module(monkeypatch, nodes):
    """A module that can be imported by name, with two nodes of the namespace `math` and one borrowed from elsewhere."""
    module = ModuleType("math_nodes")
    module.add, module.divide, module.boxes, module.helper = nodes.add, nodes.divide, nodes.boxes, print
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_a_namespace_gives_the_nodes_of_its_module(module, nodes):
    registry = Registry({"math": "math_nodes"})
    assert registry.node("math/add") is nodes.add
    assert list(registry.nodes("math")) == ["math/add", "math/divide"]


def test_naming_the_namespaces_imports_none():
    registry = Registry({"math": "no.such.module", "art": "no.such.module.either"})
    assert registry.namespaces() == ("art", "math")
    assert registry.broken == {}


def test_a_namespace_that_fails_to_import_is_kept_with_its_reason(nodes):
    registry = Registry({"bad": "no_such_module", "math": [nodes.add]})
    with pytest.raises(UnknownNode) as caught:
        registry.node("bad/add")
    reason = "ModuleNotFoundError: No module named 'no_such_module'"
    assert str(caught.value) == f"'bad/add' cannot be had: its namespace is broken ({reason})."
    assert registry.broken == {"bad": reason}
    assert registry.node("math/add") is nodes.add


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("math/ad", "unknown node 'math/ad'. Did you mean 'math/add'?"),
        ("picture/zzz", "unknown node 'picture/zzz'. Choose from: picture/boxes, picture/cut, picture/masks."),
        ("maths/add", "unknown node 'maths/add'. Did you mean 'math/add'?"),
        ("qqq", "unknown node 'qqq'. The namespaces are: math, picture."),
    ],
)
def test_an_unknown_name_gets_a_suggestion(registry, name, message):
    with pytest.raises(UnknownNode) as caught:
        registry.node(name)
    assert str(caught.value) == message


def test_makers_of_a_type(registry):
    assert registry.makers(port_type(Masks)) == ["picture/masks"]


def test_two_nodes_of_one_name_are_told(nodes):
    @node("math/add")
    def other(a: int) -> int:
        return a

    registry = Registry.of(nodes.add, other)
    assert registry.nodes("math") == {}
    assert registry.broken == {"math": "two nodes are named math/add"}


def test_the_suites_own_namespaces_come_through_entry_points():
    registry = Registry.default()
    assert {"instructions", "grounding_dino", "sam", "stable_diffusion"} <= set(registry.namespaces())
    assert registry.node("sam/masks").outputs["out"].type == port_type(Masks)


def test_a_maker_does_not_need_what_it_makes(nodes):
    @node("picture/best")
    def best(masks: Masks) -> Masks:
        return masks

    assert Registry.of(nodes.masks, best).makers(port_type(Masks)) == ["picture/masks"]
    assert Registry.of(best).makers(port_type(Masks)) == ["picture/best"]


def test_a_namespace_that_two_packages_claim_is_neithers(monkeypatch):
    points = [EntryPoint("math", module, "samloom.nodes") for module in ("their_nodes", "my_nodes", "my_nodes")]
    monkeypatch.setattr("pipelines.registry.entry_points", lambda *, group: points)
    with pytest.raises(UnknownNode, match=r"is broken \(two packages give it: my_nodes and their_nodes\)"):
        Registry.installed().node("math/add")
