"""Sentences become edit plans, by a grammar."""
