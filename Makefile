.PHONY: check test demo wheel

check:  ## ruff, mypy, import-linter and the tests: what CI runs
	./script/test

test: check

demo:  ## plan, apply, plan again, on a copy of the bundled catalogs
	./script/demo

wheel:  ## dist/reconciler-*.whl
	./script/setup
	.venv/bin/python -m hatchling build --target wheel
