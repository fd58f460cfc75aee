"""Names → nodes, through entry points.

A package gives nodes by an entry point in the group `samloom.nodes`: its name is the namespace, its value a module
whose nodes are registered. The suite's own plugins come in by the same door. A namespace is imported when a name in it
is first asked for; one that fails to import is kept with its reason.
"""

from __future__ import annotations

import difflib
import importlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, TypeAlias

from pipelines.errors import UserError, did_you_mean
from pipelines.node import Node
from pipelines.ports import PortType, fits

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
        """Everything that is installed in this process's environment."""
        return cls({point.name: point.value for point in sorted(entry_points(group=GROUP))})

    @classmethod
    def of(cls, *nodes: AnyNode) -> Registry:
        """A registry of just these nodes."""
        spaces: dict[str, list[AnyNode]] = {}
        for node in nodes:
            spaces.setdefault(node.name.partition("/")[0], []).append(node)
        return cls(spaces)

    def namespaces(self) -> tuple[str, ...]:
        """The names of all namespaces; imports none."""
        return tuple(sorted(self.modules))

    def node(self, name: str) -> AnyNode:
        """The node `namespace/name`; raises UnknownNode, with the reason if its namespace is broken."""
        namespace = name.partition("/")[0]
        nodes = self.nodes(namespace)
        if name in nodes:
            return nodes[name]
        if namespace in self.broken:
            raise UnknownNode(f"'{name}' cannot be had: its namespace failed to import ({self.broken[namespace]}).")
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
        if name.partition("/")[0] in self.modules:
            return did_you_mean(name, self.nodes(name.partition("/")[0]))
        if close := difflib.get_close_matches(name, self.all_nodes(), n=1, cutoff=0.6):
            return f" Did you mean '{close[0]}'?"
        return f" The namespaces are: {', '.join(self.namespaces())}."

    def makers(self, wanted: PortType) -> list[str]:
        """The names of the nodes with an output that fits `wanted`; imports every namespace."""
        return [name for name, node in self.all_nodes().items() if _makes(node, wanted)]

    def _load(self, namespace: str) -> dict[str, AnyNode]:
        source = self.modules.get(namespace, ())
        if not isinstance(source, str):
            return {node.name: node for node in source}
        try:
            module = importlib.import_module(source)
        except Exception as error:  # noqa: BLE001 - whatever a plugin's import raises is its reason
            self.broken[namespace] = f"{type(error).__name__}: {error}"
            return {}
        return {node.name: node for node in nodes_of(module)}


def nodes_of(module: ModuleType) -> Iterable[AnyNode]:
    """The nodes among a module's attributes."""
    return (value for value in vars(module).values() if isinstance(value, Node))


def _makes(node: AnyNode, wanted: PortType) -> bool:
    return any(fits(replace(output.type, many=False), wanted) for output in node.outputs.values())
