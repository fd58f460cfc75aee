"""Training models from the command line."""
