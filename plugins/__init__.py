"""The suite's own plugins: one package for each family of models, each giving nodes. They do not import one another."""
