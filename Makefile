# make demo   an environment in seconds, and the answer for the checkpoint that ships with the project
# make test   linters, types and every test, the real hosts and counters included: half an hour on two cores
# make check  linters and types
# make unit   the tests that need no torch: half a minute
# make live   the tests that need torch, and the examples of the documentation: a minute
# make bench  how long, how much memory, beside `import torch` and the real host
# make fuzz   changed files, guided by the code that they reach in the reader of checkpoints, for five minutes
# make browser  the tests of both pages in a browser: three minutes; apt-get installs node, npm, Chromium if they are not there
# make page   the page that answers in a browser, as a folder for any web server: build/page
# make page-bundle  the programs of both pages, from their sources in TypeScript
# make picture  the picture of the README, from what the command prints in a terminal
# make clean  back to a fresh clone

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PYTEST_ARGS ?=
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
pip_install = .venv/bin/pip install --quiet
page = yolo_probe/render/page
as_root = $(shell test "$$(id -u)" = 0 || echo sudo)
pytest = .venv/bin/python -m pytest --numprocesses 2 --timeout 1200

apt = { $(as_root) apt-get update -q && $(as_root) apt-get install -q -y --no-install-recommends $(1); }

.PHONY: demo test check unit live browser page page-bundle bench fuzz picture clean

demo: .venv/installed
	.venv/bin/yolo-probe fuse-diff configs/demo/narrow-best.pt

test: check .venv/oracles .venv/browser
	$(pytest) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

unit: .venv/dev
	$(pytest) --dist worksteal -m 'not exhaustive' $(PYTEST_ARGS) tests/unit

live: .venv/live
	$(pytest) --dist worksteal $(PYTEST_ARGS) tests/live

browser: .venv/browser
	$(pytest) --dist worksteal $(PYTEST_ARGS) tests/browser

page: .venv/installed .venv/page
	.venv/bin/yolo-probe page -o build/page

page-bundle: .venv/page
	npm --prefix $(page) run build

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
	rm -rf .venv .cache $(page)/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

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

.venv/browser: .venv/dev .venv/page
	command -v chromium || command -v chromium-browser || command -v google-chrome || $(call apt,chromium fonts-dejavu-core)
	$(pip_install) --editable '.[dev,browser]'
	touch $@

.venv/page: .venv/bin/python $(page)/package-lock.json
	command -v node || $(call apt,nodejs)
	command -v npm || $(call apt,npm)
	npm --prefix $(page) ci
	touch $@
