# The front door. `make run` does everything; `make help` lists the rest.
#   CONFIG=config/test.yaml   another configuration
#   CORES=4                   cores that snakemake may use (default: all)
#   ARGS="..."                further arguments of snakemake
#   VERBOSE=1                 Snakemake's own messages, with the reason of each job
#   PROFILE=profiles/slurm    profile of `make plan` and `make submit`
#   PYTHON=/path/to/python    `make env` takes this one (3.11, 3.12 or 3.13; default: the newest)
#   HTCONDOR=1                `make env HTCONDOR=1`: with Snakemake's plugin for HTCondor
#   GPU=1                     `make env GPU=1`: CUDA builds in .venv, kept until `make env`

SHELL := /bin/bash
PYTHON ?=
CORES ?= all
CONFIG ?=
ARGS ?=
PROFILE ?= profiles/slurm

VENV := .venv
BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake --profile profiles/local --cores $(CORES) \
	$(ARGS) $(if $(CONFIG),--configfile "$(CONFIG)")
# cpu or gpu. `make env` decides; the other targets keep what .venv is, unless GPU is an argument:
# one that the shell exports may be meant for something else.
FLAVOUR := $(or \
	$(if $(filter env,$(MAKECMDGOALS))$(if $(GPU),$(filter command,$(origin GPU))),,$(shell \
		cat $(VENV)/.flavour 2>/dev/null)),$(if $(filter 1,$(GPU)),gpu,cpu))
READY := $(VENV)/.ready-$(FLAVOUR)
# The programs of an environment hold its place; a link to that of another clone is meant.
MOVED := $(shell cd "$(VENV)" 2>/dev/null && test ! -L "$(CURDIR)/$(VENV)" -a -e .place && \
	test "$$(cat .place)" != "$(CURDIR)" && echo 1)

# Without byte code every job would compile the same 2,000 modules again.
unexport PYTHONDONTWRITEBYTECODE

HTCONDOR ?=
WITHOUT := $(if $(HTCONDOR),$(if $(wildcard $(VENV)/.htcondor),,1))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: env
env: $(READY) ## Create .venv from the lock and build Horovod, GPU=1 with CUDA (done by the others when needed)

$(READY): envs/$(FLAVOUR).lock envs/bootstrap.lock envs/build_horovod.sh envs/horovod.lock envs/nvcc.lock \
		envs/make_env.sh envs/htcondor.lock pyproject.toml $(if $(MOVED)$(WITHOUT),again)
	@PYTHON="$(PYTHON)" HTCONDOR="$(HTCONDOR)" envs/make_env.sh $(FLAVOUR) "$(VENV)"

.PHONY: again
again:

.PHONY: checked
checked:
	@test -z "$(CONFIG)" || test -f "$(CONFIG)" || { echo "CONFIG: no such file: $(CONFIG)" >&2; exit 1; }
	@# Of a file that is no text Snakemake would print a traceback.
	@test -z "$(CONFIG)" || test ! -x $(BIN)/boostflow || $(BIN)/boostflow output "$(CONFIG)" > /dev/null

.PHONY: run
run: checked $(READY) ## Run the whole analysis and write its report
	@$(SNAKEMAKE)
	@$(MAKE) --no-print-directory report

.PHONY: check
check: checked $(READY) ## Look at all input files: one line a file, all problems at once
	@$(BIN)/boostflow check $(if $(CONFIG),--configfile "$(CONFIG)")

.PHONY: dry-run
dry-run: checked $(READY) ## Show what `make run` would do
	@$(SNAKEMAKE) --dry-run

.PHONY: plan
plan: checked $(READY) ## Show how many cluster jobs `snakemake --profile $(PROFILE)` would make
	@printed=$$($(BIN)/snakemake --profile "$(PROFILE)" --dry-run $(ARGS) $(if $(CONFIG),--configfile "$(CONFIG)") 2>&1) || { \
		echo "$$printed" >&2; exit 1; }; \
	sed -n '/^cluster jobs /,/ cluster jobs for /p; /^Nothing to be done/p' <<< "$$printed"

.PHONY: submit
submit: checked $(READY) ## Run the analysis from a small SLURM job that goes on until it is done (SBATCH="--time=...")
	@$(BIN)/boostflow submit --profile "$(PROFILE)" $(if $(SBATCH),"--sbatch=$(SBATCH)") \
		$(if $(CONFIG),--configfile "$(CONFIG)") $(if $(ARGS),-- $(ARGS))

.PHONY: status
status: checked $(READY) ## Say what a submitted analysis is doing: what runs, what is done, what failed
	@$(BIN)/boostflow status $(if $(CONFIG),--configfile "$(CONFIG)")

.PHONY: stop
stop: $(READY) ## End what `make submit` has started
	@$(BIN)/boostflow stop

.PHONY: variations
variations: checked $(READY) ## List the systematic variations: kind, stages, jobs, state (ARGS=--json)
	@$(BIN)/boostflow variations $(ARGS) $(if $(CONFIG),--configfile "$(CONFIG)")

.PHONY: observables
observables: $(READY) ## List the observables: unit, what each needs, what it is
	@$(BIN)/python -m boostflow.cli observables

.PHONY: report
report: checked $(READY) ## Write the report (report.html) if it is older than the results
	@out="$$($(BIN)/boostflow output $(if $(CONFIG),"$(CONFIG)"))" || exit 1; \
	test -f "$$out/provenance.json" || { \
		echo "nothing to report in $$out yet: make run first" >&2; exit 1; }; \
	if [ ! "$$out/report.html" -nt "$$out/provenance.json" ]; then \
		$(SNAKEMAKE) --quiet all --report "$$out/report.html" \
			--report-stylesheet workflow/report/report.css && echo "report: $$out/report.html"; \
	else echo "report: $$out/report.html"; fi

SIDE_BY_SIDE := -n 2 --dist loadscope --no-loadscope-reorder # by modules: tests/conftest.py
APART := $(addprefix tests/integration/test_,remote.py scheduling.py horovod.py)

.PHONY: test
test: $(READY) ## Run all tests: unit, DAG, physics, the complete chain with horovodrun
	@# Two side by side: one alone leaves a core idle while Snakemake plans or a killed job is waited
	@# for. The rest apart: XRootD's library crashes where TensorFlow's has been loaded before, what a
	@# scheduler does in five seconds is counted, and ranks that are stopped have seconds to say so.
	@# All run, so that one look says all that fails.
	@failed=0; \
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not integration and not cluster" $(PYTEST) \
		|| failed=1; \
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "integration and not cluster" \
		$(addprefix --ignore ,$(APART)) $(PYTEST) || failed=1; \
	for module in $(APART); do $(BIN)/python -m pytest $$module $(PYTEST) || failed=1; done; \
	exit $$failed

.PHONY: test-fast
test-fast: $(READY) ## Run the tests that take seconds
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow and not integration and not cluster" \
		tests/unit $(PYTEST)

.PHONY: coverage
coverage: $(READY) ## Print which branches of the code the tests without other programs take
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not integration and not cluster" \
		--cov boostflow --cov-branch --cov-report term:skip-covered tests/unit tests/stages $(PYTEST)

.PHONY: test-cluster
test-cluster: $(READY) ## Test the slurm profile on a real SLURM that this machine starts (root)
	@tests/cluster/slurm.sh check >&2
	@$(BIN)/python -m pytest -m cluster tests/cluster $(PYTEST)

.PHONY: bench-run
bench-run: checked $(READY) ## A fresh run: CPU time by rule, Snakemake's own, and bare Pythia's (BENCH="--share 1")
	@$(BIN)/python benchmarks/run.py $(if $(CONFIG),--config "$(CONFIG)") \
		$(if $(filter-out all,$(CORES)),--cores $(CORES)) $(BENCH)

.PHONY: bench-ingest
bench-ingest: $(READY) ## Rate of ingest and select beside uproot, a script, RDataFrame (BENCH="--root")
	@$(BIN)/python benchmarks/ingest.py $(BENCH)

.PHONY: bench-observables
bench-observables: $(READY) ## Time the observables beside FastJet's and EnergyFlow's (BENCH="--jets 1000")
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/observables.py $(BENCH)

.PHONY: bench-ucluster
bench-ucluster: $(READY) ## Time UCluster beside the published graph; peak memory (BENCH="--rounds 3")
	@$(BIN)/python benchmarks/ucluster.py $(BENCH)

.PHONY: bench-memory
bench-memory: $(READY) ## Peak memory of packing and training against the number of jets
	@$(BIN)/python benchmarks/memory.py $(BENCH)

.PHONY: bench-horovod
bench-horovod: $(READY) ## Time UCluster on two Horovod processes beside one
	@$(BIN)/python benchmarks/ranks.py $(BENCH)

.PHONY: bench-plan
bench-plan: $(READY) ## Time and memory to resolve 20 samples x 50 files x 100 variations (BENCH="--files 10")
	@$(BIN)/python benchmarks/plan.py $(BENCH)

.PHONY: bench-fit
bench-fit: $(READY) ## Fit, impacts and limit of 200 parameters beside cabinetry (BENCH="--ranked 30")
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/fit.py $(BENCH)

.PHONY: bench-coverage
bench-coverage: $(READY) ## Coverage of the 68 % interval and pulls of mu in toys (BENCH="--toys 500")
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/intervals.py $(BENCH)

.PHONY: bench-systematics
bench-systematics: $(READY) ## What one more systematic variation of each kind costs (BENCH="--size 0.2")
	@$(BIN)/python benchmarks/systematics.py $(BENCH)

.PHONY: bench-taggers
bench-taggers: checked $(READY) ## Figures of all taggers of a run, rates beside plain Keras (CONFIG, BENCH="--seeds 5")
	@$(BIN)/python benchmarks/taggers.py --config "$(or $(CONFIG),config/taggers.yaml)" $(BENCH)

.PHONY: bench-search
bench-search: checked $(READY) ## CPU time of halving beside a grid of 24 points, on a run's jets (BENCH="--again")
	@$(BIN)/python benchmarks/search.py $(if $(CONFIG),--config "$(CONFIG)") $(BENCH)

.PHONY: bench-compression
bench-compression: $(READY) ## Bits a jet against the error, beside pcodec, SZ3, ZFP, PCA, zstd (BENCH="--run results")
	@$(BIN)/python benchmarks/compression.py $(BENCH)

.PHONY: bench-showers
bench-showers: $(READY) ## Time of a generated shower by size of the batch, beside the cascade (BENCH="--model DIR")
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/showers.py $(BENCH)

.PHONY: bench-regression
bench-regression: $(READY) ## Bias and width of the regressions of a run, beside subtractions (BENCH="--run results/heavy_ions")
	@$(BIN)/python benchmarks/regression.py $(BENCH)

.PHONY: bench-damaged
bench-damaged: $(READY) ## Damage 1,000 input files of all kinds: refused, read, or worse (BENCH="--number 200")
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/damaged.py $(BENCH)

.PHONY: lint
lint: $(READY) ## Check style and types of Python files, style of Snakemake files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@cd workflow && ../$(BIN)/mypy --config-file ../pyproject.toml
	@$(BIN)/snakefmt --check Snakefile workflow
	@$(BIN)/snakemake --lint

.PHONY: format
format: $(READY) ## Bring Python and Snakemake files into style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/snakefmt Snakefile workflow

.PHONY: config
config: $(READY) ## Generate config/config.yaml and config/schema.json from the typed models
	@$(BIN)/python -m boostflow.config.generate config

.PHONY: docs
docs: $(READY) ## Build the documentation as a site in .cache/site, strict about links
	@$(BIN)/python docs/site/stage.py .cache/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --strict --config-file docs/site/mkdocs.yml
	@echo "docs: .cache/site/index.html"

.PHONY: lock
lock: $(READY) ## Resolve the environments again
	@for name in bootstrap nvcc cpu gpu htcondor; do $(BIN)/uv pip compile --quiet --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
		envs/$$name.in --output-file envs/$$name.lock || exit 1; done
	@sed -i "s/^# locks: .*/# locks: $$(cat envs/cpu.lock envs/gpu.lock | sha256sum | cut -c1-16)/" envs/conda.yaml

.PHONY: clean
clean: ## Remove the results, keep the environment
	@find results -mindepth 1 ! -name README.md -delete
	@rm -rf .snakemake
