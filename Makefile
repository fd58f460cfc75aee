# `make edit` shows the tool at work, `make demo` opens it in a browser, `make test` runs everything that guards it, and `make test-browser` the long
# ways through the page. Each sets up .venv from the locked sets first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --quiet

.PHONY: edit demo test test-browser lock clean
.DELETE_ON_ERROR:

edit: $(VENV)/.runtime
	$(BIN)/samloom edit demos/images/dog.png "replace the dog with a cat" -o out/edit.png --report out/edit.json

demo: $(VENV)/.demo
	$(BIN)/samloom demo

test: $(VENV)/.dev
	$(BIN)/python tests/check.py

test-browser: $(VENV)/.dev
	$(BIN)/python tests/check.py browser

$(VENV)/.uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "samloom needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	touch $@

$(VENV)/.runtime: $(VENV)/.uv requirements/runtime.txt pyproject.toml
	$(UV) -r requirements/runtime.txt
	$(UV) --no-deps --editable . --editable recipes
	$(BIN)/python -m compileall -q demos pipelines plugins sam_model
	touch $@

$(VENV)/.dev: $(VENV)/.uv requirements/dev.txt pyproject.toml
	$(UV) -r requirements/dev.txt
	$(UV) --no-deps --editable . --editable recipes
	$(BIN)/python -m compileall -q demos pipelines plugins sam_model
	touch $@ $(VENV)/.runtime $(VENV)/.demo

$(VENV)/.demo: $(VENV)/.runtime requirements/demo.txt
	$(UV) -r requirements/demo.txt
	touch $@

lock: $(VENV)/.uv
	mkdir -p requirements
	$(BIN)/uv pip compile pyproject.toml --universal --no-emit-index-url --no-annotate --no-header --quiet -o requirements/runtime.txt
	$(BIN)/uv pip compile pyproject.toml --extra demo --universal --no-emit-index-url --no-annotate --no-header --quiet -c requirements/runtime.txt -o requirements/demo.txt
	$(BIN)/uv pip compile pyproject.toml recipes/pyproject.toml --extra dev --extra train --universal --no-emit-index-url --no-annotate --no-header --quiet -c requirements/runtime.txt -o requirements/dev.txt

clean:
	rm -rf $(VENV) out
