"""The drawing: every step, port and line of a graph in its place, and how far each step is."""

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest

from demos.web.bench.cards import cards_of, lines_of
from demos.web.bench.drawing import draw
from demos.web.bench.layout import GAP, Box, Link, arrange, rising
from demos.web.bench.watching import Watch
from pipelines.errors import Cancelled
from pipelines.events import NodeFailed, NodeFinished, NodeProgress, NodeSkipped, NodeStarted
from pipelines.spec import load_pipeline

READY = ["segment", "edit", "edit_best", "small_things", "everything"]


@pytest.fixture(scope="module", params=READY)
def graph(request):
    return load_pipeline(request.param)


def placed(graph):
    lines = lines_of(graph)
    cards = cards_of(graph, lines)
    return cards, lines, arrange([card.box for card in cards], [line.link for line in lines])


def test_cards_never_overlap(graph):
    cards, _, places = placed(graph)
    rects = [(*places.corners[card.box.id], card.box.width, card.box.height) for card in cards]
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(rects, 2):
        apart = ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
        assert apart


def test_lines_run_downwards_from_port_to_port(graph):
    _, lines, places = placed(graph)
    for line in lines:
        route = places.routes[line.link]
        assert route[0] == places.gives[line.link.source, line.link.gives]
        assert route[-1] == places.takes[line.link.target, line.link.takes]
        assert all(upper[1] < lower[1] for upper, lower in pairwise(route))


def test_lines_pass_no_card(graph):
    cards, lines, places = placed(graph)
    for line in lines:
        for (x, top), (_, bottom) in list(pairwise(places.routes[line.link]))[1::2]:
            for card in cards:
                left, upper = places.corners[card.box.id]
                beside = x <= left or x >= left + card.box.width
                assert beside or bottom <= upper or top >= upper + card.box.height


def test_everything_lies_inside_the_drawing(graph):
    cards, _, places = placed(graph)
    for card in cards:
        x, y = places.corners[card.box.id]
        assert x >= -1e-6
        assert x + card.box.width <= places.size[0] + 1e-6
        assert 0 <= y <= places.size[1] - card.box.height + 1e-6


def test_the_drawing_is_the_same_every_time(graph):
    assert draw(graph) == draw(graph)


def test_every_connection_is_drawn_with_its_type(graph):
    titles = [title.text for title in ET.fromstring(draw(graph)).iter("title")]
    drawn = [title for title in titles if "→" in title or " runs when " in title]
    connections = sum(len(list(step.refs())) for step in graph.steps.values())
    assert len(drawn) >= connections + len(graph.outputs)
    assert all(re.search(r": \w", title) for title in drawn if "→" in title)


def test_a_line_that_feeds_several_layers_runs_down_one_trunk():
    boxes = [Box("a", 60, 40, gives=("o",)), *(Box(name, 60, 40, ("i", "j"), ("o",)) for name in "bcde")]
    chain = [Link(one, "o", other, "i") for one, other in pairwise("abcde")]
    links = [*chain, Link("a", "o", "d", "j"), Link("a", "o", "e", "j")]
    routes = arrange(boxes, links).routes
    assert routes[links[-1]][1:5] == routes[links[-2]][1:5]


def test_places_are_the_nearest_that_never_fall():
    assert rising([3, 1, 2], [1, 1, 1]) == pytest.approx([2, 2, 2])
    assert rising([1, 2, 3], [1, 1, 1]) == pytest.approx([1, 2, 3])
    assert rising([3, 1], [3, 1]) == pytest.approx([2.5, 2.5])


def test_cards_in_a_layer_keep_their_distance():
    boxes = [Box("a", 50, 40, gives=("o",)), Box("b", 90, 40, ("i",)), Box("c", 70, 40, ("i",))]
    places = arrange(boxes, [Link("a", "o", "b", "i"), Link("a", "o", "c", "i")])
    (left, width), (right, _) = sorted((places.corners[box.id][0], box.width) for box in boxes[1:])
    assert right - (left + width) >= GAP - 1e-6


def test_names_are_escaped():
    text = draw(load_pipeline("edit"))
    assert "<script" not in text
    ET.fromstring(text)


def states(*events):
    return Watch.of(load_pipeline("segment")).after(events).steps


def test_a_step_goes_through_its_phases():
    assert states()["cut"].phase == "waiting"
    assert states(NodeStarted("cut"))["cut"].phase == "running"
    assert states(NodeStarted("cut"), NodeFinished("cut", 1.25))["cut"].words == "1.2 s"
    assert states(NodeStarted("cut"), NodeFinished("cut", 0, cached=True))["cut"].phase == "cached"
    assert states(NodeSkipped("cut", "when"))["cut"].phase == "skipped"
    assert states(NodeStarted("cut"), NodeFailed("cut", 1, ValueError()))["cut"].phase == "failed"
    assert states(NodeStarted("cut"), NodeFailed("cut", 1, Cancelled()))["cut"].phase == "stopped"


def test_progress_inside_a_step_is_a_share():
    assert states(NodeStarted("cut"), NodeProgress("cut", 3, 12))["cut"].words == "25%"


def test_items_of_an_axis_are_one_step():
    both = states(NodeStarted("cut[0]"), NodeStarted("cut[1]"), NodeFinished("cut[1]", 1.0))["cut"]
    assert (both.phase, both.words) == ("running", "1 done")
    assert states(NodeStarted("cut/inner[0]"))["cut"].phase == "running"


def test_the_drawing_shows_the_phases():
    graph = load_pipeline("segment")
    drawn = draw(graph, states(NodeStarted("found"), NodeFinished("found", 2.0), NodeStarted("cut")))
    phases = dict(re.findall(r'class="card step is-(\w+)" data-name="(\w+)"', drawn))
    assert phases == {"done": "found", "running": "cut", "waiting": "overlay"}
