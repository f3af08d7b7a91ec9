# Everything goes through .venv, which the first target that needs it makes. `make help` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
AID := .venv/bin/aid
READY := .venv/.ready
NODE_READY := miniprogram_contract/node_modules/.ready
# One more than processors: it waits for processes that start, end and are killed (tests/scheduling.py).
PYTEST_WORKERS ?= 3
export AID_ENV ?= demo
# Each start of a program would translate everything that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml tools/setup.sh
	@sh tools/setup.sh

$(NODE_READY): miniprogram_contract/package-lock.json tools/node.lock tools/setup_node.sh | $(READY)
	@sh tools/setup_node.sh

demo: $(READY) ## play the main story over real HTTP, PostgreSQL and the WeChat simulator
	@$(AID) demo

serve: $(READY) ## run the API, the worker and the simulator with the demo world, until Ctrl-C
	@$(AID) seed --demo > .aid/demo-world.json && $(AID) serve --with-worker --with-simulator

browser: $(READY) ## install the browser that the tests of the public pages use (as root: with apt)
	@sh tools/setup_browser.sh

test: $(READY) ## run the whole test suite (the parts of the mini-program and of the pages only where npm and a browser are)
	@$(MAKE) --no-print-directory $(NODE_READY) || echo "没有 Node.js：小程序的测试不做 (the tests of the mini-program are left out)" >&2
	@test -x .aid/chromium || echo "没有浏览器，公开网页的浏览器测试这次不做；要做请先 make browser (no browser: the tests of the public pages in a browser are left out)"
	@AID_ENV=test .venv/bin/pytest -q -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder

check: $(READY) $(NODE_READY) ## format, lint, types, import contracts, local laws, contract drift and breaks, migration drift
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@$(MAKE) --no-print-directory -j2 check-types check-drift

check-types:
	@.venv/bin/mypy

check-drift:
	@.venv/bin/lint-imports
	@AID_ENV=test .venv/bin/pytest -q tests/test_local_laws.py
	@AID_ENV=test $(AID) contract --check
	@.aid/node miniprogram_contract/node_modules/typescript/bin/tsc -p miniprogram_contract
	@.aid/node miniprogram_contract/node_modules/typescript/bin/tsc -p miniprogram_contract/reference
	@AID_ENV=test $(AID) migrate --check

mutate: $(READY) ## change the rules and the money in thousands of ways, and see that a test fails each time
	@nice -n 15 .venv/bin/python tools/mutate.py $(MODULES)

bench: $(READY) ## measure the hot paths at a million applications (last line: JSON)
	@$(AID) bench

bench-messages: $(READY) ## measure sending 100,000 messages and reading a million followers (last line: JSON)
	@$(AID) bench-messages --followers 1000000

migrate: $(READY) ## bring the database to the newest schema
	@$(AID) migrate

seed: $(READY) ## write the demo world and print it as JSON
	@$(AID) seed --demo

contract: $(READY) $(NODE_READY) ## write miniprogram_contract/ and the diagrams from the code, with examples from the tests
	@missing=0; AID_ENV=test .venv/bin/python tools/examples.py || missing=1; \
	  AID_ENV=test $(AID) contract && exit $$missing

record: $(READY) $(NODE_READY) ## record all examples anew (runs the whole test suite), or add what TESTS="tests/…" meet
	@AID_ENV=test .venv/bin/python tools/examples.py $(or $(TESTS),--all)
	@AID_ENV=test $(AID) contract

lock: $(READY) ## pin the dependencies again
	@.venv/bin/uv pip compile pyproject.toml --extra dev --python-version 3.11 --universal --generate-hashes \
	  --no-emit-index-url --no-header --quiet -o requirements.lock

stop: $(READY) ## stop the embedded database
	@$(AID) stop

.PHONY: help demo serve browser test check check-types check-drift mutate bench bench-messages migrate seed contract record lock stop
