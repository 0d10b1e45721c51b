PYTHON ?= python3
BIN := .venv/bin
# One lesson's notebook and tests: make test LESSON=08
PART := $(if $(LESSON),notebooks/$(LESSON)_*.ipynb tests/lessons/test_$(LESSON)_*.py tests/lessons/test_panels.py tests/test_notebooks.py -k "$(LESSON)_ or [$(LESSON)]",--seconds show --durations 20)
FIRST := $(firstword $(sort $(wildcard notebooks/*.ipynb)))
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# Without --no-compile pip spends half a minute on compiling all of PyTorch; Python compiles what is used, at its first use.
PIP := $(BIN)/python -m pip install --quiet --no-compile
# uv takes PyTorch from PyTorch's own index, which has a CPU build for Linux; the Python package index has gigabytes of CUDA.
# Where that index is out of reach, uv shall give up within seconds; by default it may take 46.
UV := UV_HTTP_CONNECT_TIMEOUT=3 UV_HTTP_RETRIES=2 $(BIN)/uv pip install --quiet --python $(BIN)/python
# The build of PyTorch: auto asks the driver which CUDA it can run. Without an NVIDIA driver auto would take the graphics of
# an Intel laptop for a GPU to compute on, and bring gigabytes too.
TORCH ?= $(if $(shell command -v nvidia-smi 2>/dev/null)$(wildcard /proc/driver/nvidia/version),auto,cpu)

# Python keeps what it compiles: without that each kernel of the tests compiles PyTorch's modules again, eight seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lab test claims walk bench unused lesson slides lecture

lab: .venv/installed          # JupyterLab on the start page
	@$(BIN)/jupyter trust notebooks/*.ipynb >/dev/null  # else it strips stored pictures of their style until a cell runs
	$(BIN)/jupyter lab $(ROOT) $(FIRST)

test: .venv/installed         # everything that proves it works; make test LESSON=08: what one lesson needs
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses logical --dist loadfile --no-loadscope-reorder $(PART)

claims: .venv/installed       # the dearest claims, which the notebooks assert in make test, over other seeds; the training of the judge
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses logical --dist loadfile -m again tests

walk: .venv/installed         # every lesson from top to bottom in a real browser, every panel played
	$(BIN)/python tests/walk.py

bench: .venv/installed        # speed, as ratios within one run
	$(BIN)/python -m benchmarks

unused: .venv/installed       # what of the package no notebook and no other module uses
	$(BIN)/python tests/unused.py

lesson: .venv/installed       # a new lesson from the template: make lesson NUMBER=20 NAME=my_topic
	$(BIN)/python -m classroom.lesson $(NUMBER) $(NAME)

slides: .venv/installed classroom/node_modules  # a deck from each lesson
	$(BIN)/python -m classroom.slides

classroom/node_modules: classroom/package-lock.json
	@command -v npm >/dev/null || { echo "make slides takes reveal.js and MathJax from npm: install Node.js (https://nodejs.org), then try again"; exit 1; }
	npm ci --prefix classroom --no-audit --no-fund
	touch $@

lecture: .venv/installed      # a lesson as a full-screen page with live panels: make lecture LESSON=06
	$(BIN)/python -m classroom.lecture $(or $(LESSON),03)

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f'gan_edu needs Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}; try make PYTHON=python3.12')"
	$(PYTHON) -m venv .venv
	@echo "Installing PyTorch ($(TORCH)) and the other packages of requirements.lock: the first time some hundred megabytes"
	@$(PIP) uv==0.13.9 && $(UV) --torch-backend=$(TORCH) --requirement requirements.lock || { \
		echo "PyTorch's own index did not serve (the reason stands above). pip now brings PyTorch as pip is set up here; on Linux that may be gigabytes of CUDA."; \
		$(PIP) --constraint requirements.lock torch && $(UV) --requirement requirements.lock || $(PIP) --requirement requirements.lock; }
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@
