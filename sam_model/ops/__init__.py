"""Arithmetic on boxes and masks that knows no network."""
