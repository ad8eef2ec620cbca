"""What the rules share: the checked configuration, paths, and functions of wildcards."""

import json
import os
import time

try:
    from boostflow import paths
    from boostflow.clusterplan import Plan
    from boostflow.config.load import find, input_files, load, varied_model
    from boostflow.config.models import RootSample, SimulatedSample
    from boostflow.errors import BoostflowError
    from boostflow.models.ucluster import packing, packing_name
    from boostflow.plots.names import MODEL_PLOTS, fit_plots
    from boostflow.variations import NOMINAL, Variations, is_data
except ModuleNotFoundError as error:
    raise WorkflowError(
        f"no module named {error.name}: run `make env`, then use `.venv/bin/snakemake` "
        "or activate .venv"
    )

# The entry point is Snakefile or workflow/Snakefile: the repository holds the latter.
REPOSITORY = next(
    folder
    for folder in (Path(workflow.basedir), Path(workflow.basedir).parent)
    if (folder / "workflow" / "Snakefile").is_file()
)
ENVIRONMENT = str(REPOSITORY / "envs" / "conda.yaml")

# `python` in a rule is the one that runs snakemake, also when .venv is not activated.
os.environ.update(PATH=f"{Path(sys.executable).parent}:{os.getenv('PATH')}")
# Not a parameter: another place of the repository is no reason to run anything again.
os.environ.update(BOOSTFLOW_SCRIPTS=str(REPOSITORY / "workflow" / "scripts"))

try:
    CONFIG, SYSTEMATICS = load(
        config, REPOSITORY, " + ".join(map(str, workflow.configfiles)) or "config"
    )
except BoostflowError as error:
    print(error, file=sys.stderr)
    raise SystemExit(1)

# What a cluster job was given, not all CPUs that Snakemake finds: hardware threads of its cores, or
# the whole node where jobs are not confined.
if workflow.remote_exec and os.getenv("SLURM_CPUS_PER_TASK"):
    workflow.register_resource("_cores", int(os.getenv("SLURM_CPUS_PER_TASK")))

STARTED = time.time()
PLAN = Plan(workflow)
DECLARED = {name: block.model_dump(mode="json") for name, block in SYSTEMATICS.items()}
VARIATIONS = Variations(CONFIG, SYSTEMATICS)
SAMPLES = list(CONFIG.samples)


def models_of(kind):
    """Names of the models of a kind."""
    return [name for name, block in CONFIG.models.items() if block.kind == kind]


def evaluated_as(model):
    """The kind of a model's evaluation, a key of MODEL_PLOTS: its own, or `events`."""
    return "events" if model in CONFIG.event_models() else CONFIG.models[model].kind


def models_evaluated_as(kind):
    """Names of the models with this kind of evaluation."""
    return [name for name in CONFIG.models if evaluated_as(name) == kind]


def model_plots(kind):
    """Names of the plots of a kind of evaluation; significance is that of the fit's signal."""
    return [name for name in MODEL_PLOTS[kind] if name != "significance" or CONFIG.infer]


def any_of(names):
    """A regular expression for one of some names; one that never matches if there are none."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    variation=any_of([NOMINAL, *VARIATIONS.names()]),
    sample=any_of(SAMPLES),
    model=any_of(CONFIG.models),
    part=r"\d+",
    packing="[0-9a-f]{10}",


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


def cluster_group(name):
    """A group of cluster jobs; None where nothing is submitted: a dry run would show groups there."""
    return name if workflow.nodes is not None else None


def variation_group(nominal):
    """A function of wildcards: the group of a variation is its kind, that of nominal is `nominal`."""

    def group(wildcards):
        variation = VARIATIONS.by_name.get(wildcards.variation)
        return variation.declared.kind if variation else nominal

    return cluster_group(group)


def parts(sample, variation):
    """Numbers of the files of a sample; an alternative sample may have fewer."""
    block = CONFIG.samples[sample]
    if isinstance(block, SimulatedSample):
        if variation != NOMINAL:
            return range(VARIATIONS.by_name[variation].declared.parts or block.parts)
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


# --- simulate ------------------------------------------------------------------------------------


def simulate_sample(wildcards):
    """The sample's block."""
    return CONFIG.samples[wildcards.sample]


def simulate_events(wildcards):
    """Events of a part."""
    return simulate_sample(wildcards).events


def simulate_process(wildcards):
    """The hard process."""
    return simulate_sample(wildcards).process


def simulate_settings(wildcards):
    """Options with the Pythia settings of the sample, and after them those of a variation."""
    settings = list(simulate_sample(wildcards).settings)
    if wildcards.variation != NOMINAL:
        variation = VARIATIONS.by_name[wildcards.variation]
        settings += getattr(variation.declared, variation.direction)
    return [part for setting in settings for part in ("--setting", setting)]


# --- ingest --------------------------------------------------------------------------------------


def ingest_input(wildcards):
    """The file of a part: simulated here, or the user's."""
    block = CONFIG.samples[wildcards.sample]
    if isinstance(block, SimulatedSample):
        return at(paths.SAMPLE).format(
            variation=VARIATIONS.resolve("simulate", wildcards.variation, sample=wildcards.sample),
            sample=wildcards.sample,
            part=wildcards.part,
        )
    return input_files(block)[int(wildcards.part)]


def ingest_options(wildcards):
    """How the sample is labelled and normalised."""
    block = CONFIG.samples[wildcards.sample]
    options = []
    if block.label is not None:
        options += ["--label", block.label]
    if isinstance(block, SimulatedSample):
        return [*options, "--match", block.process]
    if isinstance(block, RootSample) and block.match is not None:
        options += ["--match", block.match]
    if block.xsec is not None:
        options += ["--xsec", block.xsec]
    if is_data(block):
        options += ["--data"]
    if not isinstance(block, RootSample):
        # HDF5 events have no numbers of their own: the part makes them unique in the sample.
        options += ["--source", block.source, "--select", block.select, "--part", wildcards.part]
    return options


# --- select --------------------------------------------------------------------------------------


def ingested(pattern):
    """A function of wildcards: the ingested parts of a sample."""

    def files(wildcards):
        part = parts(wildcards.sample, wildcards.variation)
        return expand_at(pattern, **wildcards, part=part)

    return files


def listed_parts(wildcards):
    """The list of a sample's ingested parts."""
    variation = VARIATIONS.resolve("ingest", wildcards.variation, sample=wildcards.sample)
    return at(paths.PARTS).format(variation=variation, sample=wildcards.sample)


def shift_of(variation):
    """The declared shift of a variation, or None."""
    declared = VARIATIONS.by_name.get(variation)
    return declared if declared and declared.declared.kind == "shift" else None


def corrections_file(wildcards):
    """The correctionlib file, where a shift reads it."""
    if shift_of(wildcards.variation) is None:
        return []
    return str(find(CONFIG.select.corrections, REPOSITORY))


def shift_options(wildcards):
    """The shift, where there is one."""
    variation = shift_of(wildcards.variation)
    if variation is None:
        return []
    shift = variation.declared.model_dump(mode="json", include={"kind", "correction", "quantity"})
    return [
        "--shift",
        as_json(shift),
        "--direction",
        variation.direction,
        "--corrections",
        corrections_file(wildcards),
    ]


# --- train ---------------------------------------------------------------------------------------


def training_jets(wildcards):
    """Selected jets of the samples that have a class."""
    names = [name for name, sample in CONFIG.samples.items() if sample.label]
    return expand_at(paths.SELECT, variation=NOMINAL, sample=names)


def varied_block(model, variation):
    """A model's block, with what the variation changes."""
    block = CONFIG.models[model]
    if variation == NOMINAL:
        return block
    varied = VARIATIONS.by_name[variation]
    return varied_model(block, getattr(varied.declared, varied.direction))


def model_block(wildcards):
    """The model's block as an argument."""
    return as_json(varied_block(wildcards.model, wildcards.variation))


def packings():
    """The blocks of the UCluster models and their variations, by the name of their packed jets."""
    names = models_of("ucluster")
    found = {packing_name(CONFIG.models[model]): CONFIG.models[model] for model in names}
    for name, variation in VARIATIONS.by_name.items():
        if variation.declared.kind == "model" and variation.declared.model in names:
            block = varied_block(variation.declared.model, name)
            found.setdefault(packing_name(block), block)
    return found


def packing_block(wildcards):
    """What decides how jets are packed, as an argument."""
    return as_json(packing(packings()[wildcards.packing]))


def packing_jets(wildcards):
    """The selected jets that are packed."""
    samples = packings()[wildcards.packing].samples
    return expand_at(paths.SELECT, variation=NOMINAL, sample=samples)


def packed_jets(wildcards):
    """The packed jets of a model."""
    block = varied_block(wildcards.model, wildcards.variation)
    return at(paths.PACKED).format(packing=packing_name(block))


def checkpoint_of(wildcards):
    """Folder of a training's checkpoints, by which a killed one resumes."""
    return at(paths.CHECKPOINT).format(**wildcards)


def horovod_processes(wildcards):
    """Number of Horovod processes of a model."""
    return CONFIG.models[wildcards.model].processes


# --- score ---------------------------------------------------------------------------------------


def score_model(wildcards):
    """The model's directory."""
    return at(paths.MODEL).format(
        model=wildcards.model,
        variation=VARIATIONS.resolve("train", wildcards.variation, model=wildcards.model),
    )


def score_jets(wildcards):
    """The selected jets of all samples."""
    return selected(wildcards.variation)


# --- evaluate, templates, infer -------------------------------------------------------------------


def plot_label():
    """Text left and right on top of a plot."""
    data = any(getattr(block, "data", False) for block in CONFIG.samples.values())
    energy = f"{CONFIG.simulation.ecm / 1000:g} TeV"
    luminosity = f"{CONFIG.luminosity:g} fb$^{{-1}}$ ({energy})"
    return ["boostflow" if data else "boostflow simulation", luminosity]


def energy_label():
    """The same without the luminosity."""
    return [plot_label()[0], f"{CONFIG.simulation.ecm / 1000:g} TeV"]


def caption(name):
    """The report's text for a kind of plot."""
    return f"../report/{name}.rst"


def evaluate_block():
    """The evaluate block with those rejections whose classes this analysis has."""
    labels = {block.label for block in CONFIG.samples.values()}
    block = CONFIG.evaluate.model_dump(mode="json")
    block["rejection"] = [
        (signal, backgrounds)
        for signal, backgrounds in CONFIG.evaluate.rejection
        if {signal, *backgrounds} <= labels
    ]
    return as_json(block)


def evaluate_options(wildcards):
    """What a clustering is judged by, and the signal of a classifier."""
    block = CONFIG.models[wildcards.model]
    if block.kind != "ucluster":
        return ["--signal", *CONFIG.infer.signal] if CONFIG.infer else []
    return ["--samples", *block.samples, "--mass", *block.mass, "--unit", block.unit]


def evaluate_jets(wildcards):
    """Jets of the samples that have a class; for a clustering of events, of its samples."""
    names = [name for name, block in CONFIG.samples.items() if block.label]
    if evaluated_as(wildcards.model) == "events":
        names = CONFIG.models[wildcards.model].samples
    return expand_at(paths.SELECT, variation=NOMINAL, sample=names)


def template_models():
    """Models whose scores define the regions."""
    return sorted({region.model for region in CONFIG.templates.regions.values()})


def template_jets(wildcards):
    """The selected jets of all simulated samples; collision data is no template."""
    files = zip(SAMPLES, selected(wildcards.variation))
    return [file for name, file in files if not is_data(CONFIG.samples[name])]


def template_scores(wildcards):
    """The score tables of the models that the regions read."""
    return [scored(model, wildcards.variation) for model in template_models()]


def template_weight(wildcards):
    """The weight column of a weight variation."""
    variation = VARIATIONS.by_name.get(wildcards.variation)
    if variation is None or variation.declared.kind != "weight":
        return []
    weight = variation.declared.model_dump(mode="json", exclude={"title", "group"})
    return ["--weight", as_json(weight), "--direction", variation.direction]


def all_templates():
    """The templates of nominal and of every variation that has some."""
    return expand_at(paths.TEMPLATES, variation=VARIATIONS.with_templates())


def fitted_systematics(**dump):
    """The systematics that enter the fit, as an argument."""
    named = {VARIATIONS.by_name[name].systematic for name in VARIATIONS.with_templates()[1:]}
    return as_json(
        {
            name: declared.model_dump(mode="json", **dump)
            for name, declared in SYSTEMATICS.items()
            if declared.kind == "rate" or name in named
        }
    )


def fit_plot_names():
    """Names of the plots of the fit."""
    kinds = {name: declared["kind"] for name, declared in json.loads(fitted_systematics()).items()}
    return fit_plots(list(CONFIG.templates.regions), kinds)


def fit_plots_of(prefix):
    """Paths of the plots of the fit whose name starts with a prefix."""
    names = [name for name in fit_plot_names() if name.startswith(prefix)]
    return expand_at(paths.FIT_PLOT, plot=names)


# --- summary --------------------------------------------------------------------------------------


def summary_options():
    """The figures that there are: a run without models has neither evaluations nor a fit."""
    options = ["--cutflow", *expand_at(paths.CUTFLOW, variation=NOMINAL, sample=SAMPLES)]
    if CONFIG.models:
        options += ["--evaluation", *expand_at(paths.EVALUATION, model=CONFIG.models)]
    if CONFIG.has_fit:
        options += ["--fit", at(paths.FIT)]
    return options


def summary_inputs():
    """The files among those options."""
    return [option for option in summary_options() if not option.startswith("--")]


def all_plots():
    """Every plot."""
    plots = [at(paths.CUTFLOW_PLOT)]
    for model in CONFIG.models:
        plots += expand_at(paths.MODEL_PLOT, model=model, plot=model_plots(evaluated_as(model)))
    if CONFIG.event_models():
        plots.append(at(paths.ANOMALY_PLOT))
    return plots + (expand_at(paths.FIT_PLOT, plot=fit_plot_names()) if CONFIG.has_fit else [])


def show_table():
    """Print the figures, if this run has made them."""
    table = Path(at(paths.TABLE))
    if table.is_file() and table.stat().st_mtime > STARTED:
        print(table.read_text())
