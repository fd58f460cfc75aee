"""Ready-made pipelines: each file is a command, its inputs are the command's options."""
