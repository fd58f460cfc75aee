"""What people look at first: ready-made pipelines and example pictures."""
