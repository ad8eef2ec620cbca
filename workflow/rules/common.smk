"""What the rules share: the checked configuration, and the parts that every rule has."""

import inspect
import os
import time

try:
    from boostflow.errors import BoostflowError
except ModuleNotFoundError as error:
    raise WorkflowError(
        f"no module named {error.name}: run `make env`, then use `.venv/bin/snakemake` "
        "or activate .venv"
    )

try:
    from boostflow import display, paths, scheduling, targets
    from boostflow.analysis import Analysis
    from boostflow.clusterplan import Plan
    from boostflow.config.chain import EXECUTION
    from boostflow.config.load import load, with_prefix
    from boostflow.jobs.base import command
    from boostflow.jobs.chain import ENVIRONMENT as INGEST_EXECUTION
    from boostflow.terminal import bear_any
    from boostflow.variations import NOMINAL
except BoostflowError as error:  # a family of models that is none
    print(error, file=sys.stderr)
    raise SystemExit(1)

# Tables and messages are printed in Snakemake's process, too.
bear_any()
DISPLAY = display.install(workflow)

# Of this file, also where another Snakefile uses this one as a module.
RULES = Path(str(workflow.current_basedir.get_path_or_uri(secret_free=True))).absolute()
REPOSITORY = RULES.parents[1]
ENVIRONMENT = str(REPOSITORY / "envs" / "conda.yaml")

# `boostflow` in a rule is the one beside snakemake, also when .venv is not activated.
os.environ.update(PATH=f"{Path(sys.executable).parent}:{os.getenv('PATH')}")

# Where another Snakefile uses this one with a prefix, that is one of the output folder: what the
# configuration names stays where it is, and jobs are told of folders that Snakemake does not see.
PREFIX, workflow.modifier.path_modifier.prefix = workflow.modifier.path_modifier.prefix, None

try:
    ANALYSIS = Analysis(
        *load(
            with_prefix(config, PREFIX) if PREFIX else config,
            REPOSITORY,
            " + ".join(map(str, workflow.configfiles)) or "config",
            files=map(Path, workflow.configfiles),
            in_job=not workflow.is_main_process,
        ),
        REPOSITORY,
    )
except BoostflowError as error:
    print(error, file=sys.stderr)
    raise SystemExit(1)

CONFIG = ANALYSIS.config
# No parameter: how files are read is no reason to read them again.
os.environ[INGEST_EXECUTION] = CONFIG.ingest.model_dump_json(include=EXECUTION)

# What a cluster job was given, not all CPUs that Snakemake finds: hardware threads of its cores, or
# the whole node where jobs are not confined.
if workflow.remote_exec and os.getenv("SLURM_CPUS_PER_TASK"):
    workflow.register_resource("_cores", int(os.getenv("SLURM_CPUS_PER_TASK")))

scheduling.apply()

STARTED = time.time()
PLAN = Plan(workflow)


def end_display():
    """Show what failed, and give the terminal back."""
    if DISPLAY:
        DISPLAY.end(workflow.logger_manager.get_logfile())


def any_of(names):
    """A regular expression for one of some names; one that never matches if there are none."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    variation=any_of([NOMINAL, *ANALYSIS.variations.names()]),
    sample=any_of(ANALYSIS.samples),
    model=any_of(CONFIG.models),
    part=r"\d+",
    prepared="[0-9a-f]{10}",
    systematic=any_of(ANALYSIS.systematics),


at = ANALYSIS.at


def log_of(pattern):
    """The log file of the rule that makes `pattern`."""
    return at(f"{paths.LOG}/{Path(pattern).with_suffix('.log')}")


def benchmark_of(pattern):
    """The benchmark file (wall time, CPU, memory) of the rule that makes `pattern`."""
    return at(f"{paths.BENCHMARK}/{Path(pattern).with_suffix('.tsv')}")


def job(kind):
    """The parameter of a rule: a function of wildcards that writes its typed job.

    The name of the file changes with its content, so a job runs again when a setting changes.
    """
    names = [name for name in inspect.signature(kind.of).parameters if name != "analysis"]

    def written(wildcards):
        told = kind.of(ANALYSIS, **{name: getattr(wildcards, name) for name in names})
        return str(told.write())

    return written


def named(function):
    """The parameter of a rule: small files that the configuration names, by a function of wildcards.

    Snakemake keeps no record of what is made of `input`: the job holds digests of these files, and
    so neither their paths nor their times are a reason to run it again.
    """

    def files(wildcards, input):
        return function(wildcards)

    return files


def logged(kind):
    """The command of a rule, with what it prints in its log."""
    return f"{command(kind)} > {{log:q}} 2>&1"


def attempt_scaled(amount):
    """A resource that grows with each retry."""

    def scaled(wildcards, attempt):
        return amount * attempt

    return scaled


def by_variation(nominal, varied):
    """A function of wildcards: the priority of a job by its variation.

    Long trainings come first, then the nominal jets that they wait for, then what is simulated:
    a long job that starts last has one core while the others idle.
    """

    def of_variation(wildcards):
        return nominal if wildcards.variation == NOMINAL else varied

    return of_variation


def cluster_group(name):
    """A group of cluster jobs; None where nothing is submitted: a dry run would show groups there."""
    return name if workflow.nodes is not None else None


def variation_group(nominal):
    """A function of wildcards: the group of a variation is its kind, that of nominal is `nominal`."""

    def group(wildcards):
        varied = ANALYSIS.varied(wildcards.variation)
        return varied.declared.kind if varied else nominal

    return cluster_group(group)


def caption(name):
    """The file with the report's text for a kind of plot."""
    return f"../report/{name}.rst"


def shown(files, text, category, title=None):
    """Files for the report, which lists them by what they show in place of their paths.

    That is `title`, else the name of the file; plots of a systematic have its title, and tables tell
    their format.
    """
    found = []
    for file in [files] if isinstance(files, str) else files:
        stem, suffix = Path(file).stem, Path(file).suffix
        entry = ANALYSIS.systematics.get(stem.removeprefix("systematic_"))
        named = (
            title or (entry and entry.title) or stem.removeprefix("systematic_").replace("_", " ")
        )
        if suffix not in (".png", ".html"):
            named += f" ({suffix[1:]})"
        labels = {"shown": named}
        found += [report(file, caption=caption(text), category=category, labels=labels)]
    return found
