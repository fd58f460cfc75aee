"""What stands behind the tab Edit: what the visitor has said so far, the graph that does it, and what came of it."""
