# make demo   an environment in seconds, and the answer for the checkpoint that ships with the project
# make test   linters, types and every test, the real hosts and counters included: under an hour
# make check  linters and types
# make unit   the tests that need no torch: half a minute
# make live   the tests that need torch, and the examples of the documentation: a minute
# make bench  how long, how much memory, beside `import torch` and the real host
# make fuzz   changed files, guided by the code that they reach in the reader of checkpoints, for five minutes
# make picture  the picture of the README, from what the command prints in a terminal
# make clean  back to a fresh clone

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PYTEST_ARGS ?=
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
pip_install = .venv/bin/pip install --quiet
pytest = .venv/bin/python -m pytest --numprocesses 2

.PHONY: demo test check unit live bench fuzz picture clean

demo: .venv/installed
	.venv/bin/yolo-probe fuse-diff configs/demo/narrow-best.pt

test: check .venv/oracles
	$(pytest) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

unit: .venv/dev
	$(pytest) --dist worksteal -m 'not exhaustive' $(PYTEST_ARGS) tests/unit

live: .venv/live
	$(pytest) --dist worksteal $(PYTEST_ARGS) tests/live

check: .venv/dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: .venv/oracles
	.venv/bin/python -m tests.benchmarks

fuzz: .venv/dev
	$(pip_install) atheris
	.venv/bin/python -m tests.attacks.fuzz

picture: .venv/dev
	.venv/bin/python -m tests.picture_of_terminal

clean:
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(pip_install) --editable .
	touch $@

.venv/dev: .venv/installed
	$(pip_install) --editable '.[dev]'
	touch $@

.venv/live: .venv/dev
	$(pip_install) --editable '.[dev,live]'
	touch $@

.venv/oracles: .venv/live
	$(pip_install) --editable '.[dev,oracles]'
	touch $@
