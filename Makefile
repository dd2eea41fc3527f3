# Every command of the project. All except `help` and `clean` first create the virtual environment, or find that it is up to date.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-unit test-heavy chaos chaos-cluster bench bench-stored bench-quick bench-county standards api settings lint lock clean
.NOTPARALLEL:
SHELL := /bin/sh
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONDONTWRITEBYTECODE VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX

PYTHON :=
VENV := .venv/bin/python
# Three processes run all tests, each with its own stack. They take whole files, the longest first.
# With ARGS, one process runs the chosen tests, heavy or not. It starts sooner, and -s and --pdb work.
WORKERS = -n 3 --dist loadfile --no-loadscope-reorder

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: ## create the virtual environment from the locked requirements
	@PYTHON='$(PYTHON)' sh deploy/setup.sh

demo: setup ## replay Case S on a stack of its own: who was told what, and when; CASE=t replays another
	@$(VENV) -m deploy.local demo $(CASE)

up: setup ## run the system on this machine until Ctrl-C, with a request to paste for each role
	@$(VENV) -m deploy.local up

test: setup ## run the tests on a real MongoDB and a real RabbitMQ; ARGS='-k name' runs some
	@$(VENV) -m pytest $(if $(ARGS),$(ARGS),$(WORKERS) -m 'not heavy')

test-unit: setup ## run the unit tests, without any server, in a minute or two; ARGS='-k name' runs some
	@$(VENV) -m pytest tests/unit $(if $(ARGS),$(ARGS),$(WORKERS))

test-heavy: setup ## run the longest tests: deliberate faults, every restart, restore, each command of the runbook
	@$(VENV) -m pytest $(WORKERS) -m heavy

chaos: setup ## record 20,000 events while everything is killed, and account for each; takes SEED=, EVENTS=, ARGS=
	@$(VENV) -m tests.chaos.run $(if $(SEED),--seed $(SEED)) $(if $(EVENTS),--events $(EVENTS)) $(ARGS)

chaos-cluster: setup ## lose any one of three RabbitMQ or MongoDB nodes, or of two of each service; ARGS='--seed 3'
	@$(VENV) -m tests.chaos.run_cluster $(ARGS)

bench: setup ## compare the speed with common alternatives; says which targets are met
	@sh deploy/setup.sh .venv-bench tests/bench/peers/requirements.txt
	@$(VENV) -m tests.bench.run $(ARGS)

bench-stored: setup ## measure what an act costs as millions of records are stored
	@$(VENV) -m tests.bench.run --stored $(ARGS)

bench-quick: setup ## compare the counts, and run one short round; ARGS=--accept accepts new counts
	@sh deploy/setup.sh .venv-bench tests/bench/peers/requirements.txt
	@$(VENV) -m tests.bench.run --quick $(ARGS)

bench-county: setup ## measure a county's load and history, ten times and more: the figures of deploy/SCALING.md
	@$(VENV) -m tests.bench.county $(ARGS)

standards: setup ## make the page of all practice standards from the packs
	@$(VENV) -m services.referrals_followup.standards.page

api: setup ## make docs/api: the OpenAPI document of each service, and a page for readers
	@$(VENV) -W ignore -m deploy.api_pages

settings: setup ## make the table of settings in the page of each service
	@$(VENV) -m deploy.settings_pages

lint: setup ## check style, types, imports between rooms, and the compose file
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	.venv/bin/lint-imports
	$(VENV) -m deploy.check_compose

lock: setup ## make new lock files from every requirements.in
	@sh deploy/lock.sh

clean: ## remove the virtual environment and the data of every stack; stop the stacks first
	rm -rf .venv .venv-bench .run .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
