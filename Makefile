# Everything a newcomer needs: `make book` and `make test`. `make help` lists the rest.
# Nothing but Python 3.11 or later and make is needed; git only for `make colab`.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
VENV   := .venv
BIN    := $(VENV)/bin
# Written after a complete installation: newer than what it was made from, nothing is installed again.
READY  := $(VENV)/.installed
BUILT  := _build/html/.built

# The models are small: on one thread they are as fast as on two, and far faster on a busy machine.
export OMP_NUM_THREADS ?= 1
export JUPYTER_PREFER_ENV_PATH := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1
# What is installed is compiled when it is first imported. Where that may not be kept, every kernel compiles it again.
unexport PYTHONDONTWRITEBYTECODE

# Every notebook of _toc.yml, in the book's order: long ones come early, so that no core is left alone with one at the end.
NOTEBOOKS := $(wildcard $(shell sed -n -e 's/^root: */file: /' -e 's/^[ -]*file: *\(book\/[a-z_\/]*\).*$$/\1.ipynb/p' _toc.yml))
SOURCES   := $(shell find book helm_tutorial helm_study helm_book -type f -not -path '*/.*' -not -name '*.pyc') _config.yml _toc.yml
SEEDS     ?= 5
# Processes that share the tests: one a core.
WORKERS   ?= logical
TESTS     := $(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 4 --dist worksteal --doctest-modules
HOUSES    := helm_tutorial helm_study helm_book
EXPERIMENTS ?= exp1 exp2 exp3 exp4 script choices steps worlds pixels pillars continuous closest forms errors rivals swaps controls ablation maps funnel plans

.PHONY: help install book test lint unit whole notebook-test book-test pdf bench chapter notebooks records beginnings requirements address colab clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY)  ## create .venv with the pinned versions and the package (done by the others when needed)

$(READY): requirements.txt pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "make: no python3 found; install Python 3.11 or say PYTHON=/path/to/python"; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: the pinned versions need Python 3.11 or later, $(PYTHON) is older; say PYTHON=/path/to/python3.11"; exit 1; }
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then echo "== Bringing $(VENV) up to date"; \
	 else echo "== Creating the virtual environment $(VENV) with $(PYTHON)"; \
	   $(PYTHON) -m venv --clear $(VENV) || { echo "make: $(PYTHON) -m venv failed; on Debian, install python3-venv"; exit 1; }; fi
	@echo "== Installing the pinned versions of requirements.txt (the first time takes some minutes)"
	@# What every chapter imports is compiled, by importing it; all that comes along would take five times as long.
	@$(BIN)/python -m pip install -qq --no-compile --requirement requirements.txt
	@$(BIN)/python -c 'import ipykernel.kernelapp, matplotlib.pyplot, minigrid, torch'
	@echo "== Installing the package from this folder, editable"
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@# Kernels warn at every start about their channel on this machine; that says nothing about a book.
	@mkdir -p $(VENV)/etc/ipython && echo '{"IPKernelApp": {"log_level": 40}}' > $(VENV)/etc/ipython/ipython_kernel_config.json
	@touch $(READY)

book: $(READY)  ## execute every chapter and build the book; warnings are errors
	@echo "== Building the book: every chapter is executed"
	@rm -rf _build/html; start=$$(date +%s); \
	 $(BIN)/jupyter-book build . -W -n --keep-going --all || { \
	   echo "make: the book did not build; the first warning or error above says why"; exit 1; }; \
	 touch $(BUILT); \
	 echo "== The book is ready after $$(( $$(date +%s) - start )) s. Open this file in a browser, no server needed:"; \
	 echo "   file://$(CURDIR)/_build/html/index.html"

$(BUILT): $(READY) $(SOURCES)
	@$(MAKE) --no-print-directory book

test: lint notebook-test $(BUILT)  ## lint, unit tests, every notebook's outputs, the built pages in a browser
	@echo "== Unit tests, and the built pages in a browser"
	@$(TESTS) tests $(HOUSES)
	@echo "== All checks done"

lint: $(READY)  ## ruff, and codespell over the prose
	@echo "== Checking style and spelling"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell

unit: $(READY)  ## unit tests of the package with its examples, the tools and the repository's rules
	@echo "== Unit tests"
	@$(TESTS) --ignore=tests/pages tests $(HOUSES)

whole: $(BUILT)  ## train to the end, and hold to the records, what make test only begins; judge the rest of the pages
	@echo "== The longest recorded trainings, to their ends, and the rest of the pages"
	@$(TESTS) -m whole tests

notebook-test: $(READY)  ## execute every notebook and compare the outputs that the prose relies on
	@echo "== Executing every notebook and comparing its checked outputs"
	@ignored=$$($(BIN)/python tools/rounding.py $(NOTEBOOKS)) && \
	 $(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 4 --dist loadfile -p no:cacheprovider --nbval-lax --nbval-current-env --nbval-cell-timeout=300 \
	   --nbval-sanitize-with "$$ignored" $(NOTEBOOKS)

book-test: $(BUILT)  ## the built pages in a headless browser, network cut off (CHROMIUM=/path/to/chromium)
	@echo "== Checking the built pages in a browser"
	@$(TESTS) tests/pages

pdf: $(BUILT)  ## the built book as one PDF, figures in place of sliders (CHROMIUM=/path/to/chromium)
	@echo "== Printing the book"
	@$(BIN)/python tools/pdf.py

bench: $(READY)  ## speed and memory, as ratios against peers; writes benchmarks/results.json
	@for script in $(filter-out benchmarks/measuring.py,$(wildcard benchmarks/*.py)); do \
	   echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

chapter: $(READY)  ## begin a chapter that runs, to be written over (NAME=my_chapter TITLE="What it is called")
	@$(BIN)/python tools/new_chapter.py "$(NAME)" "$(TITLE)"

notebooks: $(READY)  ## execute the stored notebooks again and normalise them
	@$(BIN)/python tools/notebooks.py run $(NOTEBOOKS)

records: $(READY)  ## run the recorded studies again (SEEDS=5 EXPERIMENTS="exp1 exp2")
	@mkdir -p book/records
	@for name in $(EXPERIMENTS); do echo "== $$name, $(SEEDS) seeds"; \
	   $(BIN)/python -m helm_tutorial reproduce $$name --seeds $(SEEDS) --json book/records/$$name.json || exit 1; done

beginnings: $(READY)  ## store how the longest recorded trainings begin (first: make whole)
	@$(BIN)/python tests/study/recorded_trainings.py

requirements: $(READY)  ## write requirements.txt from what .venv holds
	@$(BIN)/python tools/requirements.py

address: $(READY)  ## change the repository's address everywhere (NEW=https://...)
	@$(BIN)/python tools/address.py "$(NEW)"

colab: $(READY)  ## run every notebook the way Colab does: its versions, the package installed by the set-up cell
	@echo "== Running every notebook as Colab would"
	@$(BIN)/python tools/colab.py

clean:  ## remove what the build made, keep .venv
	rm -rf _build build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .venv-colab
