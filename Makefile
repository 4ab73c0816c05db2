.PHONY: check test demo wheel docs

check:  ## ruff, mypy, import-linter and the tests: what CI runs
	./script/test

test: check

demo:  ## plan, apply, plan again, on a copy of the bundled catalogs
	./script/demo

wheel:  ## dist/catalog_reconciler-*.whl
	./script/setup
	.venv/bin/python -m hatchling build --target wheel

docs:  ## what is written from the code: schemas/, docs/rules.md and docs/reference/
	./script/setup
	.venv/bin/reconcile schema schemas
	.venv/bin/python -m reconciler.cli.usage.parameters
	.venv/bin/python -c 'from reconciler.report.manual.rules import rules_markdown; print(rules_markdown(), end="")' > docs/rules.md
	mkdir -p docs/reference
	.venv/bin/python -c 'from pathlib import Path; from reconciler.report.manual.reference import reference_pages; [Path("docs/reference", name).write_text(text, "utf-8") for name, text in reference_pages()]'
