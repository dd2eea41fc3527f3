# Every command of the project. All but `help` first make the virtual environment, which takes a moment when it is there.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-unit test-heavy chaos chaos-cluster bench bench-stored bench-quick bench-county standards api lint lock clean
.NOTPARALLEL:
SHELL := /bin/sh
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX

PYTHON :=
VENV := .venv/bin/python
# Three processes test everything, each with a stack of its own; whole files in their order, in which the longest come first.
# What ARGS chooses is tested in one, heavy or not: it starts sooner, and -s and --pdb work.
WORKERS = -n 3 --dist loadfile --no-loadscope-reorder

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: ## the virtual environment, from the locked requirements
	@PYTHON='$(PYTHON)' sh deploy/setup.sh

demo: setup ## Case S, replayed on a stack of its own: who was told what, and when
	@$(VENV) -m deploy.local demo

up: setup ## the system on this machine until Ctrl-C, with a request to paste for each role
	@$(VENV) -m deploy.local up

test: setup ## the tests, on a real MongoDB and a real RabbitMQ; ARGS='-k name' for some
	@$(VENV) -m pytest $(if $(ARGS),$(ARGS),$(WORKERS) -m 'not heavy')

test-unit: setup ## the unit tests, without any server, in a minute or two; ARGS='-k name' for some
	@$(VENV) -m pytest tests/unit $(if $(ARGS),$(ARGS),$(WORKERS))

test-heavy: setup ## the rest: faults put in on purpose, every restart, restore, each command of the runbook
	@$(VENV) -m pytest $(WORKERS) -m heavy

chaos: setup ## 20,000 events while everything is killed, and what became of each; SEED=, EVENTS=, ARGS= as wanted
	@$(VENV) -m tests.chaos.run $(if $(SEED),--seed $(SEED)) $(if $(EVENTS),--events $(EVENTS)) $(ARGS)

chaos-cluster: setup ## three nodes of RabbitMQ and MongoDB, two of each service, any one of them lost; ARGS='--seed 3'
	@$(VENV) -m tests.chaos.run_cluster $(ARGS)

bench: setup ## how fast, beside what others would pick; says which bars are met
	@sh deploy/setup.sh .venv-bench tests/bench/peers/requirements.txt
	@$(VENV) -m tests.bench.run $(ARGS)

bench-stored: setup ## what an act costs as what is stored grows to millions; beside nobody but itself
	@$(VENV) -m tests.bench.run --stored $(ARGS)

bench-quick: setup ## the counts, and one short round; ARGS=--accept agrees on new counts
	@sh deploy/setup.sh .venv-bench tests/bench/peers/requirements.txt
	@$(VENV) -m tests.bench.run --quick $(ARGS)

bench-county: setup ## a county's load and history, tenfold and on: what deploy/SCALING.md rests on
	@$(VENV) -m tests.bench.county $(ARGS)

standards: setup ## the page of all practice standards, from the packs
	@$(VENV) -m services.referrals_followup.standards.page

api: setup ## docs/api: the OpenAPI document of each service, and a page made from it
	@$(VENV) -W ignore -m deploy.api_pages

lint: setup ## style, types, who may import whom, and the compose file
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	.venv/bin/lint-imports
	$(VENV) -m deploy.check_compose

lock: setup ## new lock files from every requirements.in
	@sh deploy/lock.sh

clean: ## removes the virtual environment and the data of every stack; stop them first
	rm -rf .venv .venv-bench .run .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
