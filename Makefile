# What developers run. The tools come with: pip install -c constraints.txt -e '.[test,dev,docs]'
BIN ?= .venv/bin

.PHONY: help test slow faults lint types docs bench ci format
help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

test:  ## the tests, without the slow ones
	$(BIN)/pytest -q -n 2

slow:  ## the tests that take minutes
	$(BIN)/pytest -q -m slow -n 2

faults:  ## kill runs, break disks and spoil files everywhere; an hour
	$(BIN)/python tests/faults/everywhere.py all
	$(BIN)/pytest -q -m slow tests/faults

lint:  ## style and likely mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:  ## static types
	$(BIN)/mypy

docs:  ## the reference pages from the code, and the site from the pages
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site

bench:  ## how long the command takes to start
	$(BIN)/python bench/startup.py

ci:  ## everything that must hold, from a clean copy of what is committed
	.ci/run

format:  ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
