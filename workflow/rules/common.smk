"""What the rules share: the checked configuration, paths, and functions of wildcards."""

import json
import os
import time

try:
    from boostflow import paths
    from boostflow.clusterplan import Plan
    from boostflow.config.files import batch, beside as files_beside, expand as expand_files
    from boostflow.config.files import is_remote, keys as file_keys, known
    from boostflow.config.load import find, load, varied_model
    from boostflow.config.chain import EXECUTION
    from boostflow.config.samples import FileSample, RootSample, SimulatedSample
    from boostflow.config.needs import needs
    from boostflow.errors import BoostflowError
    from boostflow.models.family import families
    from boostflow.plots.names import MODEL_PLOTS, YIELDS_TABLES, background_plots, fit_plots
    from boostflow.plots.names import hepdata_tables, systematic_plots
    from boostflow.shortargument import short_argument
    from boostflow.config.samples import is_data
    from boostflow.config.weights import carried as carried_branches
    from boostflow.variations import NOMINAL, Variations
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
        config,
        REPOSITORY,
        " + ".join(map(str, workflow.configfiles)) or "config",
        files=workflow.configfiles,
        in_job=not workflow.is_main_process,
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
RATES = [name for name, block in SYSTEMATICS.items() if block.kind == "rate"]
SAMPLES = list(CONFIG.samples)
FILES = {
    name: expand_files(block)[0]
    for name, block in CONFIG.samples.items()
    if isinstance(block, FileSample)
}
# Where the check says what of each file: in what an earlier one has written, where the file is as it
# was, else in what the next one will. So a new file makes no other be read again.
FILE_KEYS = {
    name: file_keys(name, CONFIG.samples[name], files, CONFIG.ingest.tree)
    for name, files in FILES.items()
}
CHECKED = known(Path(CONFIG.output, paths.CHECKED).parent)
UNCHECKED = [key for keys in FILE_KEYS.values() for key in keys if key not in CHECKED]
NEXT_CHECK = f"{CONFIG.output}/{paths.CHECKED}".format(batch=batch(UNCHECKED))
# No parameter either: how files are read is no reason to read them again.
os.environ.update(BOOSTFLOW_EXECUTION=CONFIG.ingest.model_dump_json(include=EXECUTION))


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
    systematic=any_of(SYSTEMATICS),


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
    return short_argument(json.dumps(data, separators=(",", ":")))


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
    """Numbers of the parts of a sample; an alternative sample may have fewer."""
    block = CONFIG.samples[sample]
    if isinstance(block, SimulatedSample):
        return range(alternative(variation, "parts") or block.parts)
    return range(len(FILES[sample]) * block.parts_per_file)


def declared_as(kind, variation):
    """A variation, if its systematic is of a kind, or None."""
    varied = VARIATIONS.by_name.get(variation)
    return varied if varied and varied.declared.kind == kind else None


def alternative(variation, key):
    """What a variation says about its alternative samples, or None: `parts`, `events`."""
    varied = VARIATIONS.by_name.get(variation)
    return varied and getattr(varied.declared, key, None)


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
    return alternative(wildcards.variation, "events") or simulate_sample(wildcards).events


def simulate_process(wildcards):
    """The hard process."""
    return simulate_sample(wildcards).process


def simulate_settings(wildcards):
    """Options with the Pythia settings of the sample, and after them those of a variation."""
    settings = list(simulate_sample(wildcards).settings)
    if wildcards.variation != NOMINAL:
        variation = VARIATIONS.by_name[wildcards.variation]
        settings += variation.change
    return [part for setting in settings for part in ("--setting", setting)]


# --- ingest --------------------------------------------------------------------------------------


def ingest_file(wildcards):
    """The file or address that a part is read from: simulated here, or the user's."""
    block = CONFIG.samples[wildcards.sample]
    if isinstance(block, SimulatedSample):
        return at(paths.SAMPLE).format(
            variation=VARIATIONS.resolve("simulate", wildcards.variation, sample=wildcards.sample),
            sample=wildcards.sample,
            part=wildcards.part,
        )
    return FILES[wildcards.sample][int(wildcards.part) // block.parts_per_file]


def ingest_input(wildcards):
    """The file, where it is one that snakemake can look at."""
    file = ingest_file(wildcards)
    return [] if is_remote(file) else file


def ingest_beside(wildcards):
    """Files that are read together with it."""
    return files_beside(ingest_file(wildcards), CONFIG.samples[wildcards.sample])


def ingest_address(wildcards):
    """The address, where it is one: a parameter, so that another address is read again."""
    file = ingest_file(wildcards)
    return file if is_remote(file) else []


def golden_json(wildcards):
    """The certified luminosity blocks, where the sample names some."""
    path = getattr(CONFIG.samples[wildcards.sample], "golden_json", None)
    return str(find(path, REPOSITORY)) if path else []


def ingest_options(wildcards):
    """How the sample is labelled and normalised."""
    block = CONFIG.samples[wildcards.sample]
    options = []
    if block.label is not None:
        options += ["--label", block.label]
    if isinstance(block, SimulatedSample):
        return [*options, "--match", block.process, *constituent_options(wildcards)]
    if isinstance(block, RootSample):
        options += root_options(wildcards)
    if block.xsec is not None:
        options += ["--xsec", block.xsec]
    if is_data(block):
        options += ["--data"]
    file, piece = divmod(int(wildcards.part), block.parts_per_file)
    if block.parts_per_file > 1:
        options += ["--piece", piece, block.parts_per_file]
    if not isinstance(block, RootSample):
        # Events of public sets have no numbers of their own: that of the file makes them unique in the sample.
        options += ["--source", block.source, "--select", block.select, "--number", file]
    return [*options, *constituent_options(wildcards)]


def checked_files():
    """What the check reads, where snakemake can look at it."""
    return [
        path
        for name, files in FILES.items()
        for file in files
        if not is_remote(file)
        for path in (file, *files_beside(file, CONFIG.samples[name]))
    ]


def checked_addresses():
    """A parameter of the check: the addresses, so that other ones are checked again."""
    return [file for files in FILES.values() for file in files if is_remote(file)]


def check_config():
    """What the check depends on, as an argument."""
    files = {name: CONFIG.samples[name].model_dump(mode="json") for name in FILES}
    block = CONFIG.ingest.model_dump(mode="json", exclude=EXECUTION - {"on_bad_file"})
    return as_json(
        {
            "samples": files,
            "ingest": block,
            "simulation": {"jet_radius": CONFIG.simulation.jet_radius},
        }
    )


def check_needs():
    """What the rest of the analysis needs of the files, as an argument."""
    found = needs(CONFIG, SYSTEMATICS) if FILES else {}
    return as_json({name: block.model_dump(mode="json") for name, block in found.items()})


def unchecked():
    """What the check will say of files that it has not seen yet as they are."""
    return [NEXT_CHECK] if UNCHECKED else []


def check_table():
    """The table of all files, if there are any."""
    return [at(paths.CHECK_TABLE)] if FILES else []


def checked(wildcards):
    """What the check says of a part's file."""
    if wildcards.sample not in FILES:
        return []
    number = int(wildcards.part) // CONFIG.samples[wildcards.sample].parts_per_file
    return ancient(CHECKED.get(FILE_KEYS[wildcards.sample][number], NEXT_CHECK))


def checked_option(wildcards):
    """Where it says so."""
    return ["--checked"] if wildcards.sample in FILES else []


def skip_option():
    """Whether parts may be left out."""
    return ["--skip"] if CONFIG.ingest.on_bad_file == "skip" else []


def root_options(wildcards):
    """How a ROOT file is read, where it is no plain NanoAOD."""
    block = CONFIG.samples[wildcards.sample]
    options = ["--match", block.match] if block.match is not None else []
    content = block.content()
    if content.pop("golden_json", None):
        options += ["--golden-json", golden_json(wildcards)]
    if content:
        options += ["--content", as_json(content)]
    if kept := carried_branches(block.weights):
        options += ["--carried", as_json({name: x.model_dump() for name, x in kept.items()})]
    if {"branches", "format"} & content.keys():
        # Events may have no numbers of their own: that of the file makes them unique in the sample.
        options += ["--number", int(wildcards.part) // block.parts_per_file]
    return options


def constituent_options(wildcards):
    """The variation of constituents, where there is one."""
    variation = declared_as("constituent", wildcards.variation)
    if variation is None:
        return []
    block = variation.declared.model_dump(mode="json", include={"kind", "quantity", "value"})
    return ["--vary", as_json(block), "--direction", variation.direction]


# --- select --------------------------------------------------------------------------------------


def ingested(pattern):
    """A function of wildcards: the ingested parts of a sample."""

    def files(wildcards):
        part = parts(wildcards.sample, wildcards.variation)
        return expand_at(pattern, **wildcards, part=part)

    return files


def parts_folder(wildcards, input):
    """Where these are."""
    return os.path.dirname(input.tables[0])


def listed_parts(wildcards):
    """The list of a sample's ingested parts."""
    variation = VARIATIONS.resolve("ingest", wildcards.variation, sample=wildcards.sample)
    return at(paths.PARTS).format(variation=variation, sample=wildcards.sample)


def shift_of(variation):
    """What a variation shifts, or None."""
    declared = declared_as("shift", variation)
    return declared.change if declared else None


def corrections_file(wildcards):
    """The correctionlib file, where a shift or smearing reads it."""
    block = CONFIG.select
    smears = (block.smearing or block.mass_smearing) and not is_data(
        CONFIG.samples[wildcards.sample]
    )
    if shift_of(wildcards.variation) is None and not smears:
        return []
    return str(find(block.corrections, REPOSITORY))


def declared_weights(wildcards):
    """The weights of a sample, with their files as they are found."""
    blocks = getattr(CONFIG.samples[wildcards.sample], "weights", {})
    found = {
        name: block.model_dump(mode="json", exclude_defaults=True) for name, block in blocks.items()
    }
    for block in found.values():
        if "file" in block:
            block["file"] = str(find(block["file"], REPOSITORY))
    return found


def weight_files(wildcards):
    """The correctionlib files of a sample's weights."""
    return sorted({x["file"] for x in declared_weights(wildcards).values() if "file" in x})


def weight_options(wildcards):
    """The weights of a sample, where it declares some."""
    found = declared_weights(wildcards)
    return ["--weights", as_json(found)] if found else []


def shift_options(wildcards):
    """The shift and the file of corrections, where they are needed."""
    shift, file = shift_of(wildcards.variation), corrections_file(wildcards)
    options = ["--shift", as_json(shift)] if shift else []
    return [*options, "--corrections", file] if file else options


def independent_option(wildcards):
    """For alternative samples, which no model is trained on."""
    return "--independent" if declared_as("sample", wildcards.variation) else ""


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
    return varied_model(block, varied.change)


def model_block(wildcards):
    """The model's block as an argument."""
    return as_json(varied_block(wildcards.model, wildcards.variation))


def packings():
    """The blocks of the UCluster models and their variations, by the name of their packed jets."""
    names = models_of("ucluster")
    found = {CONFIG.models[model].prepared_name(): CONFIG.models[model] for model in names}
    for name, variation in VARIATIONS.by_name.items():
        if variation.declared.kind == "model" and variation.declared.model in names:
            block = varied_block(variation.declared.model, name)
            found.setdefault(block.prepared_name(), block)
    return found


def packing_block(wildcards):
    """What decides how jets are packed, as an argument."""
    return as_json(packings()[wildcards.packing].prepared())


def packing_jets(wildcards):
    """The selected jets that are packed."""
    samples = packings()[wildcards.packing].samples
    return expand_at(paths.SELECT, variation=NOMINAL, sample=samples)


def packed_jets(wildcards):
    """The packed jets of a model."""
    block = varied_block(wildcards.model, wildcards.variation)
    return at(paths.PACKED).format(packing=block.prepared_name())


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


def systematics_of(names, **dump):
    """Some systematics and all rates, as they are declared."""
    return {
        name: declared.model_dump(mode="json", **dump)
        for name, declared in SYSTEMATICS.items()
        if declared.kind == "rate" or name in names
    }


def systematics_argument(names, **dump):
    """The same as an argument."""
    return as_json(systematics_of(names, **dump))


def plot_label():
    """Text left and right on top of a plot."""
    data = any(getattr(block, "data", False) for block in CONFIG.samples.values())
    energy = f"{CONFIG.simulation.ecm / 1000:g} TeV"
    # Sets without cross-sections correspond to no luminosity.
    if any(
        isinstance(block, FileSample) and block.xsec is None and not is_data(block)
        for block in CONFIG.samples.values()
    ):
        right = energy
    else:
        right = f"{CONFIG.luminosity:g} fb$^{{-1}}$ ({energy})"
    return ["boostflow" if data else "boostflow simulation", right]


def energy_label():
    """The same without the luminosity."""
    return [plot_label()[0], f"{CONFIG.simulation.ecm / 1000:g} TeV"]


def caption(name):
    """The report's text for a kind of plot."""
    for family in families().values():
        if name in family.own_plots:
            return str(family.caption(name))
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


def judged_options(wildcards):
    """What a clustering is judged by, and the signal of a classifier."""
    block = CONFIG.models[wildcards.model]
    if block.kind != "ucluster":
        return ["--signal", *CONFIG.infer.signal] if CONFIG.infer else []
    return ["--samples", *block.samples, "--mass", *block.mass]


def evaluate_options(wildcards):
    """The same, and what a clustering clusters."""
    block = CONFIG.models[wildcards.model]
    unit = ["--unit", block.unit] if block.kind == "ucluster" else []
    return [*judged_options(wildcards), *unit]


def labelled_jets(variation):
    """Selected jets of the samples that have a class, under a variation."""
    files = zip(SAMPLES, selected(variation))
    return [file for name, file in files if CONFIG.samples[name].label]


def evaluate_jets(wildcards):
    """Jets of the samples that have a class; for a clustering of events, of its samples."""
    if evaluated_as(wildcards.model) == "events":
        names = CONFIG.models[wildcards.model].samples
        return expand_at(paths.SELECT, variation=NOMINAL, sample=names)
    return labelled_jets(NOMINAL)


def models_with_systematics():
    """Jet models that regions read, if there are variations of their scores or jets."""
    found = [name for name in CONFIG.models if CONFIG.has_fit and VARIATIONS.evaluated(name)]
    return [name for name in found if evaluated_as(name) != "events"]


def varied_jets(wildcards):
    """Nominal jets and those of the variations that differ, each file once."""
    variations = [NOMINAL, *VARIATIONS.evaluated(wildcards.model)]
    return list(dict.fromkeys(file for v in variations for file in labelled_jets(v)))


def varied_scores(wildcards):
    """Nominal scores and those of the variations that differ, each file once."""
    variations = [NOMINAL, *VARIATIONS.evaluated(wildcards.model)]
    return list(dict.fromkeys(scored(wildcards.model, v) for v in variations))


def evaluated_systematics(wildcards):
    """The systematics behind those variations, and the rates: what the evaluation reads of them."""
    named = {VARIATIONS.by_name[name].systematic for name in VARIATIONS.evaluated(wildcards.model)}
    ignored = {"title", "regions", "smooth", "prune"}
    # By name: another order of the entries is no reason to evaluate again.
    return as_json(dict(sorted(systematics_of(named, exclude=ignored).items())))


def compared_models():
    """Models with a score for each class of a jet."""
    return [name for name in CONFIG.models if evaluated_as(name) != "events"]


def compared_clusterings():
    """What the clusterings among them are judged by, as an argument."""
    return as_json(
        {
            name: CONFIG.models[name].model_dump(mode="json", include={"samples", "mass"})
            for name in compared_models()
            if CONFIG.models[name].kind == "ucluster"
        }
    )


def template_regions(variation):
    """The regions of a variation: another model's, where it says so."""
    declared = VARIATIONS.by_name.get(variation)
    instead = getattr(declared and declared.declared, "instead", None)
    return instead or CONFIG.templates.regions


def template_block(wildcards):
    """The templates block with the regions of a variation."""
    regions = template_regions(wildcards.variation)
    return as_json(CONFIG.templates.model_copy(update={"regions": regions}))


def data_samples():
    """Names of the samples of collision data."""
    return [name for name, block in CONFIG.samples.items() if is_data(block)]


def data_regions():
    """Regions in which collision data may be seen."""
    regions = CONFIG.templates.regions if data_samples() else {}
    return [name for name, region in regions.items() if region.control or CONFIG.unblind]


def template_jets(wildcards):
    """Selected jets of all simulated samples; nominal ones also of data, where it may be seen."""
    shown = wildcards.variation == NOMINAL and data_regions()
    files = zip(SAMPLES, selected(wildcards.variation))
    return [file for name, file in files if shown or not is_data(CONFIG.samples[name])]


def template_data(wildcards):
    """Which of them are data."""
    if wildcards.variation != NOMINAL or not data_regions():
        return []
    return ["--data", *data_samples(), *(["--unblind"] if CONFIG.unblind else [])]


def template_empty(wildcards):
    """Regions that are only compared may be empty."""
    return ["--allow-empty"] if wildcards.variation in VARIATIONS.crosschecks().values() else []


def pseudo_jets():
    """The simulated jets that pseudo-data are drawn from."""
    files = zip(SAMPLES, selected(NOMINAL))
    return [file for name, file in files if not is_data(CONFIG.samples[name])]


def pseudo_scores():
    """Their score tables."""
    models = {region.model for region in CONFIG.templates.regions.values()}
    return [scored(model, NOMINAL) for model in sorted(models)]


def template_scores(wildcards):
    """The score tables of the models that the regions read."""
    models = {region.model for region in template_regions(wildcards.variation).values()}
    return [scored(model, wildcards.variation) for model in sorted(models)]


def template_weight(wildcards):
    """The weight column of a weight variation."""
    variation = VARIATIONS.by_name.get(wildcards.variation)
    if variation is None or variation.declared.kind != "weight":
        return []
    samples = variation.declared.samples
    return ["--weight", variation.change, *(["--weighted", *samples] if samples else [])]


def all_templates():
    """The templates of nominal and of every variation that has some."""
    return expand_at(paths.TEMPLATES, variation=VARIATIONS.with_templates())


def crosscheck_templates(wildcards):
    """The templates of other regions."""
    return at(paths.TEMPLATES).format(variation=VARIATIONS.crosschecks()[wildcards.systematic])


def all_crosschecks():
    """What other regions could measure."""
    return expand_at(
        paths.CROSSCHECK, systematic=VARIATIONS.crosschecks() if CONFIG.has_fit else []
    )


def pseudo_templates():
    """The templates that pseudo-data are drawn from, where they are fitted."""
    return [at(paths.PSEUDO)] if CONFIG.infer.data == "pseudo" else []


def data_options():
    """Which samples of the template file are collision data."""
    return ["--data", *data_samples()] if data_regions() else []


def infer_options():
    """What is fitted, besides the templates."""
    pseudo = [part for file in pseudo_templates() for part in ("--pseudo", file)]
    return data_options() + pseudo


def fitted():
    """The systematics with templates in the fit, in the order of their declaration."""
    names = VARIATIONS.with_templates()[1:]
    return list(dict.fromkeys(VARIATIONS.by_name[name].systematic for name in names))


def fitted_systematics(**dump):
    """The systematics that enter the fit, as an argument."""
    return systematics_argument(fitted(), **dump)


def checked_systematics():
    """The systematics with effects to check, as an argument."""
    return as_json({n: SYSTEMATICS[n].model_dump(mode="json", exclude={"title"}) for n in fitted()})


def infer_block():
    """What the fit depends on, as an argument: not what ends a run."""
    return as_json(CONFIG.infer.model_dump(mode="json", exclude={"strict"}))


def has_health():
    """Whether there are effects to check."""
    return CONFIG.has_fit and bool(fitted())


def healthy():
    """The proof that no effect has a flag that ends the run, where one is asked for."""
    return [at(paths.HEALTHY)] if has_health() and CONFIG.infer.forbidden() else []


def systematic_titles():
    """How plots call the systematics, as an argument."""
    return as_json({name: block.title for name, block in SYSTEMATICS.items() if block.title})


def fit_plot_names():
    """Names of the plots of the fit."""
    kinds = {name: declared["kind"] for name, declared in json.loads(fitted_systematics()).items()}
    return fit_plots(list(CONFIG.templates.regions), kinds)


def fit_plots_of(prefix):
    """Paths of the plots of the fit whose name starts with a prefix."""
    names = [name for name in fit_plot_names() if name.startswith(prefix)]
    return expand_at(paths.FIT_PLOT, plot=names)


def yields_tables():
    """The table of yields in its formats."""
    return expand_at(paths.YIELDS_TABLE, format=YIELDS_TABLES)


def hepdata_files():
    """The HEPData record."""
    return expand_at(paths.HEPDATA, table=hepdata_tables(list(CONFIG.templates.regions)))


def all_tables():
    """Every table of the fit."""
    return [*yields_tables(), *hepdata_files()] if CONFIG.has_fit else []


def fit_controls():
    """The scale factors of control regions, where they enter the fit."""
    entering = CONFIG.background and CONFIG.background.entering()
    return [at(paths.BACKGROUND)] if entering else []


def control_options():
    """The argument of the fit that names them."""
    return [part for file in fit_controls() for part in ("--controls", file)]


# --- background -----------------------------------------------------------------------------------


def background_models():
    """The models whose scores the estimates read."""
    return sorted(CONFIG.background.models())


def background_jets(wildcards):
    """The selected jets of all simulated samples."""
    files = zip(SAMPLES, selected(wildcards.variation))
    return [file for name, file in files if not is_data(CONFIG.samples[name])]


def background_scores(wildcards):
    """The score tables of the models that are read."""
    return [scored(model, wildcards.variation) for model in background_models()]


def background_data_jets():
    """The jets that the data are counted from: simulated ones, or collision data."""
    observed = CONFIG.background.data == "observed"
    files = zip(SAMPLES, selected(NOMINAL))
    return [file for name, file in files if is_data(CONFIG.samples[name]) == observed]


def background_regions(data=False):
    """What says where events are counted (and which of the data), not what is done with them."""
    block = CONFIG.background.model_dump(mode="json")
    of_data = [] if data else ["seed"]
    for key in ("data", "subtraction_uncertainty", *of_data):
        del block[key]
    if block["composition"]:
        block["composition"] = {
            key: block["composition"][key]
            for key in ("model", "variable", "bins", "range", "within")
        }
    if block["sideband"]:
        block["sideband"] = {
            key: block["sideband"][key] for key in ("variable", "range", "bins", "window", "within")
        }
    if block["abcd"]:
        del block["abcd"]["samples"]
    for region in block["control"].values():
        del region["enters"]
    return as_json(block)


def unblind_option():
    """Whether the estimates see collision data everywhere."""
    shown = CONFIG.background.data == "observed" and CONFIG.unblind
    return ["--unblind"] if shown else []


def background_source():
    """What the data are, and where they are seen."""
    return ["--source", CONFIG.background.data, *unblind_option()]


def background_binning():
    """Variable and bins of ABCD and control regions: those of the templates."""
    return as_json(CONFIG.templates.model_dump(include={"variable", "bins", "range"}))


def background_names():
    """The systematics that the composition takes into account."""
    block = CONFIG.background.composition
    return block.systematics if block else []


def background_counts():
    """The counts of nominal and of those systematics."""
    names = [name for name, v in VARIATIONS.by_name.items() if v.systematic in background_names()]
    return expand_at(paths.BACKGROUND_COUNTS, variation=[NOMINAL, *names])


def background_systematics():
    """Those systematics as an argument."""
    return as_json({name: SYSTEMATICS[name].model_dump(mode="json") for name in background_names()})


def background_templates():
    """The templates of the fit, to whose regions control regions are transferred."""
    needed = CONFIG.has_fit and CONFIG.background.control
    return expand_at(paths.TEMPLATES, variation=NOMINAL) if needed else []


def background_workspace():
    """The likelihood of the ABCD estimate."""
    return [at(paths.BACKGROUND_WORKSPACE)] if CONFIG.background.abcd else []


def background_options():
    """Signal samples, those that the clusters were made with, and the templates."""
    options = ["--signal", *CONFIG.infer.signal] if CONFIG.infer else []
    if CONFIG.background.composition:
        options += ["--trained", *CONFIG.models[CONFIG.background.composition.model].samples]
    options += [part for file in background_templates() for part in ("--templates", file)]
    return options + unblind_option()


def background_plot_names():
    """Names of the plots of the estimates."""
    block = CONFIG.background
    return background_plots(
        *map(bool, (block.abcd, block.sideband, block.control, block.composition))
    )


# --- summary --------------------------------------------------------------------------------------


def summary_options():
    """The figures that there are: a run without models has neither evaluations nor a fit."""
    options = ["--cutflow", *expand_at(paths.CUTFLOW, variation=NOMINAL, sample=SAMPLES)]
    if CONFIG.models:
        options += ["--evaluation", *expand_at(paths.EVALUATION, model=CONFIG.models)]
    if models_with_systematics():
        files = expand_at(paths.EVALUATION_SYSTEMATICS, model=models_with_systematics())
        options += ["--systematics", *files]
    if len(compared_models()) > 1:
        options += ["--comparison", at(paths.COMPARISON)]
    if CONFIG.has_fit:
        options += ["--fit", at(paths.FIT), "--crosscheck", *all_crosschecks()]
    if CONFIG.background:
        options += ["--background", at(paths.BACKGROUND)]
    if has_health():
        options += ["--health", at(paths.HEALTH)]
    return options


def summary_inputs():
    """The files among those options."""
    return [option for option in summary_options() if not option.startswith("--")]


def all_plots():
    """Every plot."""
    plots = [at(paths.CUTFLOW_PLOT)]
    for model in CONFIG.models:
        plots += expand_at(paths.MODEL_PLOT, model=model, plot=model_plots(evaluated_as(model)))
    for model in models_with_systematics():
        names = systematic_plots(evaluated_as(model))
        plots += expand_at(paths.MODEL_PLOT, model=model, plot=names)
    if len(compared_models()) > 1:
        plots.append(at(paths.COMPARISON_PLOT))
    if CONFIG.event_models():
        plots.append(at(paths.ANOMALY_PLOT))
    if CONFIG.background:
        plots += expand_at(paths.BACKGROUND_PLOT, plot=background_plot_names())
    if has_health():
        plots.append(at(paths.HEALTH_PLOT))
    return plots + (expand_at(paths.FIT_PLOT, plot=fit_plot_names()) if CONFIG.has_fit else [])


def show_table():
    """Print the figures, if this run has made them."""
    table = Path(at(paths.TABLE))
    if table.is_file() and table.stat().st_mtime > STARTED:
        print(table.read_text())
