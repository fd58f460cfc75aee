"""Names → nodes, through entry points.

A package gives nodes by an entry point in the group `samloom.nodes`: its name is the namespace, its value a module
whose nodes are registered. The suite's own plugins come in by the same door. A namespace is imported when a name in it
is first asked for; one that fails to import is kept with its reason.
"""

from __future__ import annotations

import difflib
import importlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, TypeAlias

from pipelines.errors import UserError, similar
from pipelines.ports import PortType, fits
from pipelines.signature import Node

AnyNode: TypeAlias = Node[..., Any]
GROUP = "samloom.nodes"


class UnknownNode(UserError):  # noqa: N818 - it names what happened, as the other leaves of the tree do
    """A name under which no node is registered; the message says what would work."""


@dataclass
class Registry:
    """Namespaces that are imported when first asked for.

    `modules` maps a namespace to the name of its module, or to its nodes themselves.
    """

    modules: Mapping[str, str | Sequence[AnyNode]]
    broken: dict[str, str] = field(default_factory=dict)
    _nodes: dict[str, dict[str, AnyNode]] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @classmethod
    @cache
    def default(cls) -> Registry:
        """Everything that is installed in this process's environment, looked up once."""
        return cls.installed()

    @classmethod
    def installed(cls) -> Registry:
        """Everything that is installed now; a namespace that two packages claim is neither's."""
        found: dict[str, set[str]] = {}
        for point in entry_points(group=GROUP):
            found.setdefault(point.name, set()).add(point.value)
        registry = cls({name: min(values) for name, values in found.items() if len(values) == 1})
        for name, values in found.items():
            if len(values) > 1:
                registry.broken[name] = f"two packages give it: {' and '.join(sorted(values))}"
        return registry

    @classmethod
    def of(cls, *nodes: AnyNode) -> Registry:
        """A registry of just these nodes."""
        spaces: dict[str, list[AnyNode]] = {}
        for node in nodes:
            spaces.setdefault(node.name.partition("/")[0], []).append(node)
        return cls(spaces)

    def namespaces(self) -> tuple[str, ...]:
        """The names of all namespaces; imports none."""
        return tuple(sorted({*self.modules, *self.broken}))

    def node(self, name: str) -> AnyNode:
        """The node `namespace/name`; raises UnknownNode, with the reason if its namespace is broken."""
        namespace = name.partition("/")[0]
        nodes = self.nodes(namespace)
        if name in nodes:
            return nodes[name]
        if namespace in self.broken:
            raise UnknownNode(f"'{name}' cannot be had: its namespace is broken ({self.broken[namespace]}).")
        raise UnknownNode(f"unknown node '{name}'.{self.suggest(name)}")

    def nodes(self, namespace: str) -> Mapping[str, AnyNode]:
        """The nodes of one namespace by full name, none if it is unknown or broken; imports it."""
        with self._lock:
            if namespace not in self._nodes:
                self._nodes[namespace] = self._load(namespace)
            return self._nodes[namespace]

    def all_nodes(self) -> dict[str, AnyNode]:
        """Every node by full name; imports every namespace."""
        return {name: node for namespace in self.namespaces() for name, node in sorted(self.nodes(namespace).items())}

    def suggest(self, name: str) -> str:
        """What to write instead of an unknown name, as a sentence that starts with a space."""
        namespace, _, own_name = name.partition("/")
        if nodes := self.nodes(namespace):
            own_names = {node.partition("/")[2]: node for node in nodes}
            close = difflib.get_close_matches(own_name, own_names, n=1, cutoff=0.6)
            return f" Did you mean '{own_names[close[0]]}'?" if close else f" Choose from: {', '.join(sorted(nodes))}."
        return similar(name, self.all_nodes()) or f" The namespaces are: {', '.join(self.namespaces())}."

    def makers(self, wanted: PortType) -> list[str]:
        """The names of the nodes with an output that fits `wanted`; imports every namespace.

        Those that need such a value themselves are left out, unless there are no others.
        """
        makers = {name: node for name, node in self.all_nodes().items() if _makes(node, wanted)}
        return [name for name, node in makers.items() if not _needs(node, wanted)] or list(makers)

    def _load(self, namespace: str) -> dict[str, AnyNode]:
        source = self.modules.get(namespace, ())
        try:
            nodes = nodes_of(importlib.import_module(source)) if isinstance(source, str) else source
        except Exception as error:  # noqa: BLE001 - whatever a plugin's import raises is its reason
            self.broken[namespace] = f"{type(error).__name__}: {error}"
            return {}
        own = [node for node in nodes if node.name.startswith(f"{namespace}/")]
        names = [node.name for node in own]
        if twice := next((name for name in names if names.count(name) > 1), None):
            self.broken[namespace] = f"two nodes are named {twice}"
            return {}
        return dict(zip(names, own, strict=True))


def nodes_of(module: ModuleType) -> list[AnyNode]:
    """The nodes among a module's attributes, each once, in the order of the source."""
    return list(dict.fromkeys(value for value in vars(module).values() if isinstance(value, Node)))


def _makes(node: AnyNode, wanted: PortType) -> bool:
    return any(fits(output.type.single(), wanted) for output in node.outputs.values())


def _needs(node: AnyNode, wanted: PortType) -> bool:
    return any(declared.required and fits(declared.type.single(), wanted) for declared in node.inputs.values())
