# `make` lists what there is. Needs Python ≥ 3.11 and make, and for the tests libfuse, Chromium and Node (apt: fuse3
# chromium nodejs npm); everything else goes into .venv* and build/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE

KILLS ?= 200
VMS   ?= 30
ARGS  ?=

# ---- interpreters ---------------------------------------------------------------------------------------
# Each candidate is run, for a name on PATH may be a shim with nothing behind it. python3.11 comes first:
# it is what the tests are meant to run on.
pyenv_versions := $(shell pyenv root 2>/dev/null)/versions
first_python = $(shell for python in $(2); do "$$python" -c $(1) 2>/dev/null && echo "$$python" && break; done)
version_is = 'import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, $(1)))'
python311 := $(call first_python,$(call version_is,11),python3.11 python3 $(wildcard $(pyenv_versions)/3.11*/bin/python))
python312 := $(call first_python,$(call version_is,12),python3.12 python3 $(wildcard $(pyenv_versions)/3.12*/bin/python))
python313 := $(call first_python,$(call version_is,13),python3.13 python3 $(wildcard $(pyenv_versions)/3.13*/bin/python))
at_least_311 := 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(or $(python311),$(call first_python,$(at_least_311),python3 python3.12 python3.13 python))

# ---- steps ----------------------------------------------------------------------------------------------
# One line a step: what it does, then how long it took. What pip says is shown only where it fails.
# $(call step,what it does,command)
define step
@mkdir -p build; printf '%s … ' '$(1)'; begin=$$SECONDS; log=$$(mktemp build/step-XXXXXX.log); \
if ( set -e; $(2) ) >"$$log" 2>&1; then echo "$$((SECONDS - begin)) s"; rm -f "$$log"; \
else echo 'FAILED'; cat "$$log"; rm -f "$$log"; exit 1; fi
endef

# torch comes first and alone, in exactly this version, and is a constraint on all that follows: left to
# itself, a resolver may choose another build, of several GB.
torch := $(shell grep -o '^torch==[^ ]*' requirements/newest.txt)

.PHONY: help demo test lint pytest chaos soak rescue bench screenshots clean venv venvs

help:  ## this list
	@grep -hE '^[a-z]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*  ## /make \1\t/' | expand -t 14

demo: venv  ## kill the quickstart three times, and compare its end with a run that was left alone
	@.venv/bin/python -m demo $(ARGS)

test:  ## everything CI checks; ARGS="tests/store -x" for a part of the tests
	@$(MAKE) --no-print-directory -j3 -Oline venvs build/npm/.ready
	@$(MAKE) --no-print-directory lint pytest

lint: .venv/.ready  ## style, types and layers only
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# By hand: `PYTHONPATH=$PWD .venv/bin/pytest tests/…` runs on the sources instead of the wheel, both in the
# tests and in the kernels they start.
pytest: venvs build/npm/.ready build/html-manager/.ready  ## the tests only
	$(on_the_wheel) $(ARGS)

chaos: venv  ## KILLS=n kernels and VMS=n whole VMs die at random; the ends must be those of runs never killed
	@.venv/bin/python -m tests.chaos --kills $(KILLS) $(ARGS)
	@.venv/bin/python -m tests.chaos --vm-deaths $(VMS) --mount-losses $$(( $(VMS) / 3 ))
	@TURNS=$$(( $(VMS) * 10 )) .venv/bin/pytest tests/tiers/test_turns.py -q

soak: venv  ## 20,000 snapshots in a row: memory, open files, threads and the store stay as they are
	@SOAK_SNAPSHOTS=20000 .venv/bin/pytest tests/saving/test_soak.py -q

rescue: venv  ## 20 kernels leak until they are killed for memory: each has saved right before
	@RESCUE_RUNS=20 .venv/bin/pytest tests/notebook/test_rescue.py -q $(ARGS)

bench: venv  ## what it costs, beside what one would use instead
	@.venv/bin/python -m benchmarks $(ARGS)

screenshots: .venv/.ready  ## the pictures of the panel in docs/images
	.venv/bin/python -m tests.browser.screenshots docs/images

clean:  ## remove what make made
	rm -rf .venv .venv-colab .venv-colab-3.13 .venv-3.12 build dist

# ---- the tests run on the built wheel -------------------------------------------------------------------
# In importlib mode pytest leaves sys.path alone, so that `import colab_guard` finds the installed wheel and
# not the sources that lie beside the tests (conftest.py says more). The tests that run on other Pythons are
# told them by three variables; where one is empty, they are skipped and say so.
colab311 := $(if $(python311),.venv-colab)
colab313 := $(if $(python313),.venv-colab-3.13)
plain312 := $(if $(python312),.venv-3.12)
# More than there are processors: kernels that start, uploads and browsers are waited for.
workers := $(shell $(PYTHON) -c 'import os; print(os.cpu_count() * 3 // 2)')
on_the_wheel = COLAB_PINS_PYTHON=$(if $(colab311),$(CURDIR)/$(colab311)/bin/python) \
	COLAB_PINS_PYTHON313=$(if $(colab313),$(CURDIR)/$(colab313)/bin/python) \
	PYTHON312=$(if $(plain312),$(CURDIR)/$(plain312)/bin/python) \
	.venv/bin/pytest --import-mode=importlib -n $(workers) --dist loadfile --no-loadscope-reorder --durations=20

venv: .venv/.wheel
venvs: $(addsuffix /.wheel,.venv $(colab311) $(colab313) $(plain312))

sources := $(shell find colab_guard -not -path '*/__pycache__*' -not -name '*.pyc') $(filter-out %.test.js,$(wildcard js/*.js)) pyproject.toml README.md LICENSE
build/wheel/.built: .venv/.ready $(sources)
	$(call step,building the wheel,rm -rf build/wheel; .venv/bin/python -m pip wheel --quiet --no-deps -w build/wheel .; touch $@)

# Without dependencies, then checked: what is there must satisfy ours, so that installing on Colab brings in
# nothing but colab_guard.
%/.wheel: %/.ready build/wheel/.built
	$(call step,$*: installing the wheel,$*/bin/python -m pip install --quiet --no-deps --force-reinstall build/wheel/*.whl; $*/bin/python -m pip check; touch $@)

# What judges the panel in a browser, and the types of js/. Without a lock file, which would name a registry.
build/npm/.ready: js/package.json
	$(call step,installing axe-core and TypeScript,rm -rf build/npm; mkdir -p build/npm; cp $< build/npm; npm install --prefix build/npm --no-package-lock --silent; touch $@)

# What draws widgets where there is no Jupyter: the package alone, for it is bundled, and what it is made of is large.
build/html-manager/.ready:
	$(call step,fetching the HTML manager,rm -rf build/html-manager; mkdir -p build/html-manager; cd build/html-manager; npm pack --silent @jupyter-widgets/html-manager@1.0.15; tar xzf *.tgz; touch .ready)

# ---- virtual environments -------------------------------------------------------------------------------
.venv/.ready: requirements/newest.txt
	$(if $(PYTHON),,$(error No Python from 3.11 on was found: set PYTHON=/path/to/python))
	$(call environment,.venv,$(PYTHON),newest,$(torch))

.venv-colab/.ready: requirements/colab.txt requirements/newest.txt
	$(call environment,.venv-colab,$(python311),colab,$(torch))

.venv-colab-3.13/.ready: requirements/colab.txt  # no torch: no build for 3.13 is at hand where this is tested
	$(call environment,.venv-colab-3.13,$(python313),colab,)

.venv-3.12/.ready: requirements/frames.txt
	$(call environment,.venv-3.12,$(python312),frames,)

# $(call environment,folder,interpreter,requirements,torch or nothing)
# Of all the modules that come with torch and the frameworks few are ever imported: these are compiled then.
define environment
$(call step,$(1): a virtual environment of $(2),rm -rf $(1); $(2) -m venv $(1))
$(if $(4),$(call step,$(1): installing $(4),$(1)/bin/python -m pip install --quiet --no-compile $(4)))
$(call step,$(1): installing requirements/$(3).txt,echo '$(torch)' >build/torch-$(1).txt; $(1)/bin/python -m pip install --quiet --no-compile -r requirements/$(3).txt -c build/torch-$(1).txt)
@touch $(1)/.ready
endef
