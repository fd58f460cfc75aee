"""What stands behind the Pipelines tab: checking, completing, drawing, confining, and showing what came of a run."""
