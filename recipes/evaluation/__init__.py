"""Measurements of the bundled models on composed scenes, through the nodes that users run."""
