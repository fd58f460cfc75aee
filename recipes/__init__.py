"""How the bundled weights were made. Not part of the installed package."""
