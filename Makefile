# Every target stands on a fresh clone: python3, make and git are enough.
PYTHON ?= python3
bootstrap = @$(PYTHON) scripts/bootstrap.py
run = .venv/bin/python

.PHONY: demo test check torture bench docs clean

demo:  ## a sentence becomes a beat, a mix and a master, in demo-out/, or demo-out-2/ when that is taken
	$(bootstrap) demo
	@out=demo-out; n=1; while [ -e "$$out" ]; do n=$$((n + 1)); out=demo-out-$$n; done; \
	.venv/bin/tapehand demo -o "$$out"

test:  ## all tests; what this machine cannot run is counted as skipped
	$(bootstrap) test
	@$(run) -m pytest -q -rs -n 2

check:  ## style, types, floors, generated pages, locks
	$(bootstrap) test
	@$(run) scripts/check.py

torture:  ## kill, mutate, exhaust; goes on where it stopped (BUDGET_S=600 for ten minutes)
	$(bootstrap) test
	@$(run) -m torture $(if $(BUDGET_S),--budget $(BUDGET_S))

bench:  ## CPU ratios to named peers, measured in the same run
	$(bootstrap) bench
	@.venv-bench/bin/python -m bench

docs:  ## write the generated pages of docs/reference/ anew
	$(bootstrap) test
	@$(run) scripts/reference_pages.py

clean:  ## back to a fresh clone; demo-out/ is yours and stays
	@rm -rf .venv .venv-bench build dist .torture .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -f src/tapehand/kernels/*.so src/tapehand/kernels/*.dylib src/tapehand/kernels/*.dll
	@find src tests scripts native bench torture -type d -name __pycache__ -prune -exec rm -rf {} +
