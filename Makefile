# Developer commands. Install the tools with: pip install -c constraints.txt -e '.[test,dev,docs]'
BIN ?= .venv/bin

.PHONY: help test slow faults lint types docs gallery bench ci format
help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

test:  ## the tests, except the slow ones
	$(BIN)/pytest -q -n 2

slow:  ## the tests that take minutes
	$(BIN)/pytest -q -m slow -n 2 --dist worksteal

faults:  ## the fault injection tests; takes an hour
	$(BIN)/python tests/faults/everywhere.py all
	$(BIN)/pytest -q -m slow tests/faults

lint:  ## style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:  ## static types
	$(BIN)/mypy

docs:  ## generate the reference pages and build the site
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site

gallery:  ## run pipelines and make the pictures of the docs; takes minutes
	$(BIN)/python docs/gallery.py

bench:  ## measure the start-up time
	$(BIN)/python bench/startup.py

ci:  ## every check, on a clean clone
	.ci/run

format:  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
