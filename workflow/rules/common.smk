"""What the rules share: the checked configuration, paths, and functions of wildcards."""

import json
import os

try:
    from boostflow import paths
    from boostflow.config.load import find, input_files, load, varied_model
    from boostflow.config.models import RootSample, SimulatedSample
    from boostflow.errors import BoostflowError
    from boostflow.variations import NOMINAL, Variations
except ModuleNotFoundError as error:
    raise WorkflowError(
        f"no module named {error.name}: run `make env`, then use `.venv/bin/snakemake` "
        "or activate .venv"
    )

REPOSITORY = Path(workflow.basedir).parent
if REPOSITORY.name == "workflow":  # started by the Snakefile in workflow/ itself
    REPOSITORY = REPOSITORY.parent
SCRIPTS = Path(os.path.relpath(REPOSITORY / "workflow" / "scripts"))
ENVIRONMENT = str(REPOSITORY / "envs" / "conda.yaml")

# `python` in a rule is the one that runs snakemake, also when .venv is not activated.
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

try:
    CONFIG, SYSTEMATICS = load(
        config, REPOSITORY, " + ".join(map(str, workflow.configfiles)) or "config"
    )
except BoostflowError as error:
    print(error, file=sys.stderr)
    raise SystemExit(1)

VARIATIONS = Variations(CONFIG, SYSTEMATICS)
SAMPLES = list(CONFIG.samples)


def models_of(kind):
    """Names of the models of a kind."""
    return [name for name, block in CONFIG.models.items() if block.kind == kind]


def any_of(names):
    """A regular expression for one of some names; one that never matches if there are none."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    variation=any_of([NOMINAL, *VARIATIONS.names()]),
    sample=any_of(SAMPLES),
    model=any_of(CONFIG.models),
    part=r"\d+",


def at(pattern):
    """A path below the output folder."""
    return f"{CONFIG.output}/{pattern}"


def log_of(pattern):
    """The log of the rule that makes `pattern`."""
    return at(f"{paths.LOG}/{Path(pattern).with_suffix('.log')}")


def benchmark_of(pattern):
    """The benchmark (wall time, CPU, memory) of the rule that makes `pattern`."""
    return at(f"{paths.BENCHMARK}/{Path(pattern).with_suffix('.tsv')}")


def as_json(value):
    """A slice of the configuration as the argument of a script."""
    data = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    return json.dumps(data, separators=(",", ":"))


def attempt_scaled(amount):
    """A resource that grows with each retry."""

    def scaled(wildcards, attempt):
        return amount * attempt

    return scaled


def parts(sample):
    """Numbers of the files of a sample."""
    block = CONFIG.samples[sample]
    if isinstance(block, SimulatedSample):
        return range(block.parts)
    return range(len(input_files(block)))


def expand_at(pattern, **wildcards):
    """All paths that a pattern makes with these values."""
    return expand(at(pattern), **wildcards)


def selected(variation):
    """The selected jets of all samples under a variation, in the order of the samples."""
    return [
        at(paths.SELECT).format(
            variation=VARIATIONS.resolve("select", variation, sample=sample), sample=sample
        )
        for sample in SAMPLES
    ]


def scored(model, variation):
    """The score table of a model under a variation."""
    resolved = VARIATIONS.resolve("score", variation, model=model)
    return at(paths.SCORE).format(model=model, variation=resolved)
