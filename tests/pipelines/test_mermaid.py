"""A graph as a diagram."""

import textwrap

from pipelines import FirstOf, Image, Pipeline, Ref, When
from pipelines.mermaid import mermaid


def test_a_diagram_shows_types_ports_axes_and_conditions(nodes):
    builder = Pipeline("p")
    number = builder.input("number", int)
    parts = builder.add("parts", nodes.count, to=number)
    halves = builder.add("halves", nodes.divide, dividend=parts)
    more = builder.add("more", nodes.add, a=halves["remainder"], b=1, when=When(halves, "at_least", 3))
    builder.output("out", FirstOf((more, halves["remainder"])))
    assert mermaid(builder.build()) == textwrap.dedent("""\
        flowchart LR
            in_number(["number<br/>int"])
            step_parts["parts<br/>math/count"]
            in_number -->|"to"| step_parts
            step_halves["halves<br/>math/divide<br/>for each parts"]
            step_parts -->|"dividend"| step_halves
            step_more["more<br/>math/add<br/>for each parts"]
            step_halves -->|"remainder → a"| step_more
            step_halves -. "when at least 3" .-> step_more
            out_out(["out"])
            step_more -->|"choice 1"| out_out
            step_halves -->|"remainder, choice 2"| out_out
        """)


def test_a_graph_in_a_graph_is_framed_twice(nodes):
    builder = Pipeline("./inner.yaml")
    builder.output("out", builder.input("photo", Image))
    inner = builder.build()
    builder = Pipeline("p")
    builder.output("out", builder.add("step", inner, photo=builder.input("photo", Image)))
    assert '    step_step[["step<br/>./inner.yaml"]]\n' in mermaid(builder.build())


def test_labels_are_escaped(nodes):
    builder = Pipeline("p")
    word = builder.input("word", str)
    builder.add("sum", nodes.add, a=1, b=2, when=When(word, "equals", '"] --> <b>#1`\n'))
    builder.output("out", Ref("sum"))
    assert 'in_word -. "when equals #quot;] --#gt; #lt;b#gt;#35;1#96; " .-> step_sum' in mermaid(builder.build())
