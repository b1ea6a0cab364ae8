# Holdfast. `make help` lists the targets; every target sets up what it needs.
ROOT := $(patsubst %/,%,$(dir $(realpath $(lastword $(MAKEFILE_LIST)))))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := $(ROOT)/.venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
TEST_WORKERS ?= 2
PYTEST = cd $(ROOT) && $(BIN)/pytest
CODE := shared/src services/credit-service/src services/hold-service/src

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-kafka soak bench kafka lint format types arch contracts contracts-check lock clean ci

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(ROOT)/Makefile

setup: $(STAMP) ## make .venv from the hashed lock (every other target does it by itself)

$(STAMP): $(ROOT)/requirements.lock $(wildcard $(ROOT)/shared/pyproject.toml $(ROOT)/services/*/pyproject.toml)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on the PATH. Set PYTHON=/path/to/python3."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) could not make a virtual environment; on Debian install the package python3-venv."; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(ROOT)/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e $(ROOT)/shared $(foreach s,$(wildcard $(ROOT)/services/*/pyproject.toml),-e $(dir $(s)))
	@touch $@

demo: setup ## replay a company's year and serve it (EXIT=1 ends after the summary; BUS=kafka; WORKERS=3; FRESH=1; EVENTS=; SEED=)
	@$(BIN)/holdfast demo $(if $(EXIT),--exit) $(if $(BUS),--bus $(BUS)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(FRESH),--fresh) $(if $(EVENTS),--events $(EVENTS)) $(if $(SEED),--seed $(SEED))

test: setup ## all tests on the embedded bus and database
	$(PYTEST) -m "not kafka and not soak" -n $(TEST_WORKERS) $(ARGS)

test-kafka: setup ## the bus contract suite, the faults and the end-to-end tests on Apache Kafka itself
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "Apache Kafka needs Java 17 and Maven, and at least one of them is not on the PATH; install both, or use the embedded bus."; exit 1; }
	$(PYTEST) -m kafka -n $(TEST_WORKERS) $(ARGS)

soak: setup ## all faults at random (SEED=1 MINUTES=10), replayable by its seed
	$(PYTEST) -m soak -s --timeout=0 $(if $(SEED),--soak-seed=$(SEED)) $(if $(MINUTES),--soak-minutes=$(MINUTES)) $(ARGS)

bench: setup ## benchmarks as ratios to a bare loop; table and build/bench.json (ONLY=name)
	@cd $(ROOT) && $(BIN)/python -m tests.performance $(if $(ONLY),--only $(ONLY))

kafka: setup ## start one Apache Kafka node and say where (needs Java 17 and Maven)
	@$(BIN)/holdfast kafka

lint: setup ## style
	cd $(ROOT) && $(BIN)/ruff check . && $(BIN)/ruff format --check .

format: setup ## put the code into shape
	cd $(ROOT) && $(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: setup ## mypy, strict
	cd $(ROOT) && $(BIN)/mypy $(CODE)

arch: setup ## who may import whom, and the other house rules
	cd $(ROOT) && $(BIN)/lint-imports && $(BIN)/pytest -q tests/architecture

contracts: setup ## write the JSON Schemas, examples, the AsyncAPI document and the names for scenarios anew
	cd $(ROOT) && $(BIN)/python -m holdfast.contracts.generate
	cd $(ROOT) && $(BIN)/python -m holdfast.scenarios.schema

contracts-check: setup ## fail when they are stale or a reader of the released version would break
	cd $(ROOT) && $(BIN)/python -m holdfast.contracts.generate --check

lock: setup ## resolve requirements.in anew into the hashed lock
	cd $(ROOT) && $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --upgrade --quiet requirements.in -o requirements.lock

clean: ## remove the environment and everything built
	rm -rf $(VENV) $(ROOT)/build $(ROOT)/.holdfast

ci: ## exactly what CI runs
	bash $(ROOT)/.ci/run
