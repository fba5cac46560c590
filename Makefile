# The whole developer interface. What takes more than two lines of shell is in scripts/setup.sh.
# AUDIO=folder says which audio to take, DATABASE=folder where the embedded store is, ARGS=... goes to pytest.

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv
export DATABASE ?= .audiodup

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run local test check review bench soak chaos image deploy snowflake schema docs lock vendor clean environment tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Files that fail (exit code 1) are in the table; they do not make `make` fail.
some_may_fail = { code=$$?; [ $$code -eq 1 ] || exit $$code; }

run: tools ## Fingerprint AUDIO (or sample music) into the store DATABASE and find duplicates; again: only what is new
	@audio=$${AUDIO:-$$(scripts/sample_music.sh)} && { $(BIN)/python scripts/find_duplicates.py \
	  --local "$$audio" --database "$$DATABASE" || $(some_may_fail); }

local: tools ## Run the whole cloud system on this machine over AUDIO (or sample music)
	@audio=$${AUDIO:-$$(scripts/sample_music.sh)} && { $(BIN)/python scripts/local_stack.py "$$audio" || $(some_may_fail); }

# What the image is built and pushed with, what watches the hostile inputs, and a browser, for the tests: a CI machine gets them, others
# skip those without.
CI_TOOLS := $(if $(filter true,$(CI)),buildah chromium debootstrap docker-registry strace)

review: tools ## Look at the pairs that `make run` found, and decide, in the browser (ARGS="--port 8080")
	@$(BIN)/python scripts/review_page.py --database "$$DATABASE" $${AUDIO:+--local "$$AUDIO"} $(ARGS)

test: tools ## Run the tests (ARGS="-k store" for some of them)
	@[ -z "$(CI_TOOLS)" ] || scripts/setup.sh $(CI_TOOLS)
	@$(BIN)/pytest $(ARGS)

check: environment ## Lint, types, dependency rule, dependencies, SQL, locks
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/deptry functions scripts analysis
	@$(BIN)/sqlfluff lint --disable-progress-bar --quiet functions infra scripts tests
	@$(BIN)/pytest --quiet tests/unit/test_dependency_rule.py tests/unit/test_locks.py

bench: tools ## Measure the local stack against bare fpcalc
	@audio=$${AUDIO:-$$(scripts/sample_music.sh)} && $(BIN)/python scripts/benchmark.py "$$audio"

soak: tools ## Put 20,000 files through the local stack: is memory level, what does each cost (ARGS="--files 5000")
	@$(BIN)/python scripts/soak.py $${AUDIO:+"$$AUDIO"} $(ARGS)

image: environment ## Build the container image of all functions with docker, podman or buildah
	@$(BIN)/python scripts/build_image.py $(ARGS)

deploy: environment ## Push the image to REPOSITORY if its sources changed, and apply infra/ with it (ARGS=--plan)
	@$(BIN)/python scripts/deploy.py $${REPOSITORY:+--repository "$$REPOSITORY"} $(ARGS)

snowflake: environment ## Make roles, users, warehouses and tables in a Snowflake account (CONNECTION=admin, or ARGS=--dry-run)
	@$(BIN)/python scripts/apply_account.py $${CONNECTION:+--connection "$$CONNECTION"} $(ARGS)

chaos: tools ## Run the fault campaign: kills, outages, bad answers, then an audit (ARGS="--files 400 --keep-messages")
	@$(BIN)/python scripts/chaos.py $(ARGS)

schema: environment ## Apply the tables to Snowflake (SNOWFLAKE_* settings); safe to repeat
	@$(BIN)/python scripts/apply_schema.py

docs: environment ## Generate the tables of docs/ from the code
	@$(BIN)/python scripts/generate_docs.py
	@$(BIN)/python -m analysis.scale

lock: environment ## Lock the dependencies again after a change of pyproject.toml
	@$(BIN)/uv pip compile --quiet pyproject.toml --universal --generate-hashes -o requirements.lock
	@$(BIN)/uv pip compile --quiet pyproject.toml --universal --generate-hashes --all-extras -c requirements.lock -o requirements-dev.lock
	@echo 'checkov>=3.3' | $(BIN)/uv pip compile --quiet - --universal --python-version 3.11 --generate-hashes -o infra/requirements-checkov.lock

vendor: ## Copy the scripts of others that the review page uses from their npm packages (scripts/vendor/package.json)
	@scripts/vendor/vendor.sh

clean: ## Remove what these targets made, except the store
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache functions/*.egg-info

environment:
	@scripts/setup.sh

tools:
	@scripts/setup.sh fpcalc ffmpeg
