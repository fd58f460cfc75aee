"""Segment Anything (arXiv 2304.02643) as nodes: masks for boxes, and of everything."""
