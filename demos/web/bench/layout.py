"""Where the boxes and lines of a graph go: layers from top to bottom, after Sugiyama.

Ranks by longest path; order within a layer by sweeps of barycentres, the best by crossings kept; places by least
squares under the order. What leaves one port for several far layers runs down one common trunk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
Layers: TypeAlias = list[list[str]]

GAP = 26.0
LANE = 36.0
"""Between two layers there is this much, for the bends of the lines."""
TRUNK = 8.0
STIFF = 8.0
"""How much more a line wants to run straight through layers than a box wants to stand below its neighbours."""
_SWEEPS = 12


@dataclass(frozen=True)
class Box:
    """A thing to place: its size, and the ports along its upper and its lower edge."""

    id: str
    width: float
    height: float
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()

    def offset(self, port: str, ports: Sequence[str]) -> float:
        """How far right of the box's centre a port lies, each having an equal share of the edge."""
        return self.width * ((ports.index(port) + 0.5) / len(ports) - 0.5) if port in ports else 0.0


@dataclass(frozen=True)
class Link:
    """A line from a port of one box to a port of another."""

    source: str
    gives: str
    target: str
    takes: str


@dataclass(frozen=True)
class Arrangement:
    """The finished layout: upper left corners, ports' points, and for each link the points that it runs through."""

    size: tuple[float, float]
    corners: Mapping[str, Point]
    takes: Mapping[tuple[str, str], Point]
    gives: Mapping[tuple[str, str], Point]
    routes: Mapping[Link, tuple[Point, ...]]


def arrange(boxes: Sequence[Box], links: Sequence[Link]) -> Arrangement:
    """Lay out a graph without circles; a link's ends must be ports of the boxes."""
    layout = _Layout({box.id: box for box in boxes}, ranks_of(boxes, links))
    for link in links:
        chain = layout.chain(link)
        between = [""] * (len(chain) - 2)
        for (source, target), gives, takes in zip(
            pairwise(chain), [link.gives, *between], [*between, link.takes], strict=True
        ):
            layout.legs[Link(source, gives, target, takes)] = None
    layout.order()
    layout.place()
    return layout.arrangement(links)


def ranks_of(boxes: Sequence[Box], links: Sequence[Link]) -> dict[str, int]:
    """The layer of each box: below all that it takes from; what needs inputs alone, just above its first use."""
    sources: dict[str, set[str]] = defaultdict(set)
    for link in links:
        sources[link.target].add(link.source)
    ranks: dict[str, int] = {}

    def rank(name: str) -> int:
        if name not in ranks:
            ranks[name] = max((rank(source) + 1 for source in sources[name]), default=0)
        return ranks[name]

    for box in sorted(boxes, key=lambda box: -rank(box.id)):
        uses = [ranks[link.target] for link in links if link.source == box.id]
        if uses and not any(sources[source] for source in sources[box.id]):
            ranks[box.id] = min(uses) - 1
    return ranks


@dataclass
class _Layout:
    """The graph with a bend in each layer that a line crosses; a bend is named after the port that it comes from."""

    boxes: dict[str, Box]
    ranks: dict[str, int]
    legs: dict[Link, None] = field(default_factory=dict)
    layers: Layers = field(default_factory=list)
    centres: dict[str, float] = field(default_factory=dict)

    def chain(self, link: Link) -> list[str]:
        """What a link passes, from its source to its target."""
        between = range(self.ranks[link.source] + 1, self.ranks[link.target])
        bends = [f"{link.source}\0{link.gives}\0{rank}" for rank in between]
        self.ranks.update(zip(bends, between, strict=True))
        return [link.source, *bends, link.target]

    def order(self) -> None:
        """Decide who stands beside whom, and in what order the lines enter each box."""
        layers: Layers = [[] for _ in range(max(self.ranks.values(), default=-1) + 1)]
        for name, rank in self.ranks.items():
            layers[rank].append(name)
        self.layers, fewest = [list(layer) for layer in layers], self.crossings(layers)
        for sweep in range(_SWEEPS):
            self.sweep(layers, down=sweep % 2 == 0)
            if (now := self.crossings(layers)) < fewest:
                self.layers, fewest = [list(layer) for layer in layers], now
        self.order_ports()

    def sweep(self, layers: Layers, *, down: bool) -> None:
        for layer in layers if down else reversed(layers):
            near = {name: float(index) for beside in layers for index, name in enumerate(beside)}
            means = {name: _mean([(near[other], 1.0) for other in self.beside(name, down=down)]) for name in layer}
            layer.sort(key=lambda name: near[name] if means[name] is None else means[name] or 0.0)

    def beside(self, name: str, *, down: bool) -> Iterator[str]:
        """Those that `name` is joined to: above it on the way down, below it on the way up."""
        yield from (leg.source if down else leg.target for leg in self.joined(name, down=down))

    def joined(self, name: str, *, down: bool) -> list[Link]:
        return [leg for leg in self.legs if name == (leg.target if down else leg.source)]

    def crossings(self, layers: Layers) -> int:
        places = {name: index for layer in layers for index, name in enumerate(layer)}
        lines: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for leg in self.legs:
            lines[self.ranks[leg.source]].append((places[leg.source], places[leg.target]))
        pairs = (pair for layer in lines.values() for pair in combinations(layer, 2))
        return sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in pairs)

    def order_ports(self) -> None:
        """Let lines enter a box from left to right as they come."""
        places = {name: index for layer in self.layers for index, name in enumerate(layer)}
        origins: dict[tuple[str, str], tuple[float, float]] = {}
        for leg in self.legs:
            box = self.boxes.get(leg.source)
            origins[leg.target, leg.takes] = (places[leg.source], box.offset(leg.gives, box.gives) if box else 0.0)
        for name, box in self.boxes.items():
            ordered = sorted(box.takes, key=lambda port: origins.get((name, port), (0.0, 0.0)))
            self.boxes[name] = replace(box, takes=tuple(ordered))

    def place(self) -> None:
        """Give every box and bend its centre, each near those that it is joined to."""
        for layer in self.layers:
            self.settle(layer, dict.fromkeys(layer, 0.0))
        for sweep in range(2 * _SWEEPS):
            down = sweep % 2 == 0
            for layer in self.layers if down else reversed(self.layers):
                self.settle(layer, {name: self.wished(name, down=down) for name in layer})
        left = min((self.centres[name] - self.width(name) / 2 for name in self.ranks), default=0.0)
        self.centres = {name: centre - left for name, centre in self.centres.items()}

    def wished(self, name: str, *, down: bool) -> float:
        """The centre at which the lines of `name` would run straight."""
        pulls = []
        for leg in self.joined(name, down=down):
            there, here = (self.gives_at(leg), self.takes_at(leg))[:: 1 if down else -1]
            bends = (leg.source not in self.boxes) + (leg.target not in self.boxes)
            pulls.append((self.centres[name] + there - here, STIFF**bends))
        mean = _mean(pulls)
        return self.centres[name] if mean is None else mean

    def gives_at(self, leg: Link) -> float:
        box = self.boxes.get(leg.source)
        return self.centres[leg.source] + (box.offset(leg.gives, box.gives) if box else 0.0)

    def takes_at(self, leg: Link) -> float:
        box = self.boxes.get(leg.target)
        return self.centres[leg.target] + (box.offset(leg.takes, box.takes) if box else 0.0)

    def settle(self, layer: Sequence[str], wished: Mapping[str, float]) -> None:
        """Put a layer's members as near to where they wish as their order and widths allow."""
        offset, offsets = 0.0, dict.fromkeys(layer[:1], 0.0)
        for one, other in pairwise(layer):
            offset += (self.width(one) + self.width(other)) / 2 + (GAP if {one, other} & self.boxes.keys() else TRUNK)
            offsets[other] = offset
        weights = [1.0 if name in self.boxes else STIFF for name in layer]
        fitted = rising([wished[name] - offsets[name] for name in layer], weights)
        self.centres.update({name: at + offsets[name] for name, at in zip(layer, fitted, strict=True)})

    def width(self, name: str) -> float:
        return self.boxes[name].width if name in self.boxes else TRUNK

    def arrangement(self, links: Sequence[Link]) -> Arrangement:
        heights = [max(self.boxes[name].height for name in layer if name in self.boxes) for layer in self.layers]
        tops = [sum(heights[:rank]) + LANE * rank for rank in range(len(heights))]
        corners = {n: (self.centres[n] - box.width / 2, tops[self.ranks[n]]) for n, box in self.boxes.items()}
        takes = {(leg.target, leg.takes): (self.takes_at(leg), tops[self.ranks[leg.target]]) for leg in self.legs}
        gives = {
            (leg.source, leg.gives): (self.gives_at(leg), corners[leg.source][1] + self.boxes[leg.source].height)
            for leg in self.legs
            if leg.source in self.boxes
        }
        routes = {}
        for link in links:
            bends = [(self.centres[name], self.ranks[name]) for name in self.chain(link)[1:-1]]
            through = [point for x, rank in bends for point in ((x, tops[rank]), (x, tops[rank] + heights[rank]))]
            routes[link] = (gives[link.source, link.gives], *through, takes[link.target, link.takes])
        width = max((self.centres[name] + self.width(name) / 2 for name in self.ranks), default=0.0)
        return Arrangement((width, (tops[-1] + heights[-1]) if tops else 0.0), corners, takes, gives, routes)


def rising(wished: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The numbers nearest to those wished, by weighted least squares, that never fall: pooled where they would."""
    pools: list[tuple[float, float, int]] = []
    for wish, weight in zip(wished, weights, strict=True):
        total, heavy, count = wish * weight, weight, 1
        while pools and pools[-1][0] / pools[-1][1] > total / heavy:
            before, much, many = pools.pop()
            total, heavy, count = total + before, heavy + much, count + many
        pools.append((total, heavy, count))
    return [total / heavy for total, heavy, count in pools for _ in range(count)]


def _mean(weighted: Sequence[tuple[float, float]]) -> float | None:
    weight = sum(weight for _, weight in weighted)
    return sum(value * weight for value, weight in weighted) / weight if weighted else None
