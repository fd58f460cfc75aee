"""A pipeline file in parts: what stands before and after the steps."""

HEAD = """\
version: 1
inputs: {photo: {type: Image}, number: {type: float}}
nodes:
"""
TAIL = """\
outputs: {out: "${number}"}
"""
EMPTY = f"{HEAD.rstrip()} {{}}\n{TAIL}"


def step(text):
    """A file whose fourth line is a step."""
    return f"{HEAD}  step: {text}\n{TAIL}"
