"""One module a tab; each has `build(studio)`, called inside its own `gr.Tab`."""
