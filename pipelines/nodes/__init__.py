"""Nodes that need no model: files, selection, mask algebra, crops, drawing, export."""
